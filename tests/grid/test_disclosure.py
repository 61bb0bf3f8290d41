"""Every field, for every role, at every stage, under every answer: as the table kept by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from referral.states import ConsentState, Noun, ReferralState, Role
from referral.store import Store
from tests.world import World, build
from workflows import disclosure
from workflows.disclosure import AFTERWARDS, Situation, fields
from workflows.reading import situations
from workflows.referrals import send_referral

AT = datetime(2026, 5, 12, 9, tzinfo=UTC)
ANSWERS = ("asked", "given", "expired", "refused", "withdrawn")
COLUMNS = ("asked", "place", "dates", "care", "no", "own", "over", "person")
LONG_AGO = "_long_ago"
UNDER_A_FULL_HOLD = {"reference", "first_name", "held"}
# "Call ... before any contact" is said to those of another house: whom, and the number, go with it.
CALL = {"team", "team_phone"}


@cache
def table() -> dict[str, dict[str, tuple[str, ...]]]:
    """The lines of the file by their kind and name."""
    found: dict[str, dict[str, tuple[str, ...]]] = {"stage": {}, "role": {}, "field": {}}
    text = (Path(__file__).parent / "disclosure.txt").read_text()
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            kind, name, *cells = (cell.strip() for cell in line.split("|"))
            assert name not in found[kind], f"{kind} {name} stands there twice"
            found[kind][name] = tuple(cells)
    return found


@cache
def column(name: str) -> frozenset[str]:
    """The fields that a column shows."""
    if name == "nothing":
        return frozenset()
    at = COLUMNS.index(name)
    return frozenset(n for n, cells in table()["field"].items() if cells[at] == "y")


def expected(role: Role, stage: str, answer: str, agreement: bool) -> frozenset[str]:
    if role is not Role.PROVIDER_LEADER:
        return column(table()["role"][role][0])
    if answer == "given" and not agreement:
        answer = "expired"
    return column(table()["stage"][stage][ANSWERS.index(answer)])


def situation(
    role: Role, stage: str, answer: str, agreement: bool, held: bool, closed: bool
) -> Situation:
    state = stage.removesuffix(LONG_AGO)
    ended = AT - AFTERWARDS if stage.endswith(LONG_AGO) else AT - timedelta(days=1)
    return Situation(
        role,
        state,
        AT,
        completed_at=ended if state in ("completed", "closed") else None,
        consent=answer == "given",
        taken_back=answer in ("refused", "withdrawn"),
        agreement=agreement,
        held=held,
        closed=closed,
    )


def test_the_table_is_well_formed_and_has_every_stage_role_answer_and_field() -> None:
    told = table()
    assert {s.removesuffix(LONG_AGO) for s in told["stage"]} == set(ReferralState)
    assert set(told["role"]) == set(Role) - {Role.PROVIDER_LEADER}
    assert set(ANSWERS) == set(ConsentState)
    assert all(len(cells) == len(ANSWERS) for cells in told["stage"].values())
    assert all(len(cells) == len(COLUMNS) for cells in told["field"].values())
    assert {cell for cells in told["field"].values() for cell in cells} == {"y", "-"}
    listed = disclosure.OWN_SIDE | disclosure.OVERSIGHT | disclosure.THE_PERSON
    assert set(told["field"]) == listed | disclosure.PLACE_GIVEN, "a new field is listed by hand"


@pytest.mark.parametrize("role", list(Role))
def test_every_field_is_shown_or_not_as_the_table_says(role: Role) -> None:
    wrong, tried = [], 0
    for stage, answer, agreement, held, closed in product(
        table()["stage"], ANSWERS, (True, False), (True, False), (True, False)
    ):
        seen = fields(situation(role, stage, answer, agreement, held, closed))
        wanted = expected(role, stage, answer, agreement)
        if wanted and (held or closed):
            wanted |= {"held"}
        if closed:
            wanted &= UNDER_A_FULL_HOLD | (CALL if role is Role.PROVIDER_LEADER else set())
        for name in (*table()["field"], "held"):
            tried += 1
            if (name in seen) != (name in wanted):
                why = "shown" if name in seen else "kept back"
                wrong.append((name, why, stage, answer, agreement, held, closed))
        assert seen <= {*table()["field"], "held"}
    assert tried == 15 * 5 * 8 * (len(table()["field"]) + 1)
    assert not wrong, "\n".join(map(str, wrong[:20]))


# -- the answers themselves ---------------------------------------------------------------------


def said(w: World, answer: str) -> str:
    """A referral that was sent under a consent, whose newest record is in this state now."""
    person = w.person()
    draft = w.draft(person)
    given = w.consent(person, until=w.at + timedelta(days=30))
    with w.store.begin(w.actor["priya"]) as tx:
        send_referral(tx, w.actor["priya"], w.at, draft)
    if answer in ("withdrawn", "refused"):
        w.step(Noun.CONSENT, given.id, "withdraw", "priya", given={"reason": "not_said"})
    if answer == "refused":
        w.consent(person, agreed=False)
    if answer == "expired":
        w.step(Noun.CONSENT, given.id, "expire", w.system)
    return draft


@pytest.mark.parametrize("answer", ["given", "given, its date past", *ANSWERS[2:]])
def test_an_answer_reads_as_the_table_takes_it(store: Store, answer: str) -> None:
    w = build(store)
    record = said(w, answer)
    at = w.at + timedelta(days=31 if answer.endswith("past") else 0)
    with store.read(w.actor["sol"]) as tx:
        found = situations(tx, w.actor["sol"], at, [record])[record]
    no = answer in ("refused", "withdrawn")
    assert (found.consent, found.taken_back) == (answer == "given", no)


def test_a_question_not_answered_yet_gives_nothing(store: Store) -> None:
    w = build(store)
    person = w.person()
    record = w.draft(person)
    w.step(
        Noun.CONSENT,
        None,
        "ask",
        "priya",
        given={
            "person_id": person,
            "purpose": "share_with_provider",
            "recipient": w.provider["singers"],
        },
    )
    with store.read(w.actor["priya"]) as tx:
        found = situations(tx, w.actor["priya"], w.at, [record])[record]
    assert (found.consent, found.taken_back) == (False, False)
