"""For any record: who answers now, and who above them; several lines where agreements name them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from referral import accountability as rows
from referral.states import Noun, Role
from referral.store import Store
from tests.world import World, build
from workflows.accountability import Line, lines
from workflows.engine import Refused, step
from workflows.named import check_named
from workflows.organisations import add_membership, add_user


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def lines_of(w: World, noun: str, record: str, who: str = "grace") -> dict[str, Line]:
    with w.store.read() as tx:
        known = rows.known(tx, w.actor[who], w.at, noun, record)
    return {line.lane: line for line in lines(noun, known)}


def told(line: Line) -> list[str]:
    return [f"{s.role}: {', '.join(s.people)}" for s in line.steps]


def working(w: World, **duties: str) -> str:
    given = {
        "kind": "working",
        "title": "Working together",
        "purposes": ["share_with_provider"],
        "lawful_basis": "public_task",
        "fields": ["name"],
        "parties": [w.org["ash"], w.org["singers"], w.org["harbour_board"]],
        "review_at": w.at + timedelta(days=365),
        **{f"{duty}_id": w.org[org] for duty, org in duties.items()},
    }
    made = w.step(Noun.AGREEMENT, None, "draft", "grace", given=given)
    for who in ("tess", "sol", "grace"):
        w.step(Noun.AGREEMENT, made.id, "sign", who)
    return made.id


def test_a_referral_has_a_line_for_the_team_the_provider_and_safeguarding(w: World) -> None:
    draft = w.draft()
    found = lines_of(w, "referral", draft)
    assert set(found) == {"work", "safeguarding"}
    assert told(found["work"]) == [
        "link_worker: Priya Shah",
        "team_lead: Tess Lead",
        "governance_lead: Grace Harbour",
        "governance_lead: Gail System",
        "accountable_officer: Amara Chief",
    ]
    assert found["work"].steps[0].now
    found = lines_of(w, "referral", w.sent())
    assert set(found) == {"work", "provider", "safeguarding"}
    assert next(iter(found)) == "provider"
    assert told(found["provider"])[0] == "provider_leader: Rae Rivers, Sol Rivers"
    assert found["provider"].steps[0].now
    assert told(found["safeguarding"]) == [
        "safeguarding_lead: Gwen Safe",
        "safeguarding_lead: Paul Harbour",
        "safeguarding_lead: Seth System",
        "accountable_officer: Amara Chief",
    ]


def test_a_working_agreement_adds_the_lines_it_names(w: World) -> None:
    record = w.sent()
    agreement = working(
        w, employs="ash", assures="harbour_board", pays="harbour_board", safeguards="harbour_board"
    )
    found = lines_of(w, "referral", record)
    assert set(found) == {"work", "provider", "employs", "assures", "pays", "safeguards"}
    assert found["pays"].agreement_id == agreement
    assert told(found["pays"])[0] == "governance_lead: Grace Harbour"
    assert found["safeguards"].outside == "County council duty desk, 01632 960199"
    assert lines_of(w, "provider", w.provider["singers"])["assures"].organisation == (
        "Harbour partnership"
    )
    # An agreement with another provider says nothing here.
    assert set(lines_of(w, "activity", w.activity["pottery"])) == {"provider", "safeguarding"}
    assert "pays" not in lines_of(w, "referral", w.sent(activity="pottery"))


def test_what_ended_names_nobody_any_more(w: World) -> None:
    record, agreement = w.sent(), working(w, pays="harbour_board")
    assert "pays" in lines_of(w, "referral", record)
    w.step(Noun.AGREEMENT, agreement, "end", "grace", given={"reason": "not_needed"})
    assert "pays" not in lines_of(w, "referral", record)


def test_only_a_party_can_answer_for_something(w: World) -> None:
    given = {"parties": [w.org["ash"], w.org["singers"]], "pays_id": w.org["clay"]}
    with w.store.read() as tx, pytest.raises(Refused) as refused:
        check_named(tx, w.actor["grace"], w.at, Noun.AGREEMENT, None, "draft", {
            **given, "title": "T", "purposes": ["contact"], "lawful_basis": "public_task",
            "fields": [], "review_at": w.at + timedelta(days=30)})  # fmt: skip
    assert refused.value.codes == ("wrong_pays_id",)


def test_a_post_nobody_holds_is_a_gap(w: World) -> None:
    fen = w.step(
        Noun.ESCALATION, None, "raise", "olu", given={"kind": "other", "note": "Alone."}
    ).id
    found = lines_of(w, "escalation", fen, "fred")["safeguarding"]
    assert [(s.where, s.gap) for s in found.steps][:2] == [
        ("Fenside practice", True),
        ("Fen", True),
    ]
    assert len(found.gaps) == 2


def test_a_concern_has_one_line_without_whoever_is_named(w: World) -> None:
    given = {"person_id": w.person(), "seen": "Bruises.", "danger": False,
             "sources": [{"user_id": w.actor["paul"].user_id}]}  # fmt: skip
    with w.store.begin(w.actor["priya"]) as tx:
        made = step(tx, Noun.CONCERN, None, "raise", w.actor["priya"], w.at, given)
    found = lines_of(w, "concern", made.id, "gwen")
    assert set(found) == {"safeguarding"}
    line = found["safeguarding"]
    assert line.steps[0].now
    assert line.steps[0].people == ("Gwen Safe",)
    assert [s.where for s in line.steps] == ["Ash Lane practice", "Saltmarsh", "Saltmarsh"]
    assert line.steps[-1].role is Role.ACCOUNTABLE_OFFICER


def test_nobody_of_the_provider_a_concern_is_about_stands_on_its_line(w: World) -> None:
    with w.store.begin() as tx:
        user = add_user(tx, w.system, w.at, name="Sid Safe", email="sid@example.org")
        add_membership(tx, w.system, w.at, user_id=user, organisation_id=w.org["singers"],
                       role=Role.SAFEGUARDING_LEAD)  # fmt: skip
    given = {"provider_id": w.provider["singers"], "seen": "Shouting.", "danger": False,
             "sources": []}  # fmt: skip
    with w.store.begin(w.actor["rae"]) as tx:
        made = step(tx, Noun.CONCERN, None, "raise", w.actor["rae"], w.at, given)
    line = lines_of(w, "concern", made.id, "paul")["safeguarding"]
    assert "Sid Safe" not in {name for s in line.steps for name in s.people}
    assert line.steps[0].people == ("Paul Harbour",)
