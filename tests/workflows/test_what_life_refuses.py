"""Who may not record a death, join two records or hand people over, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from referral import caseloads, merges
from referral.ledger import TABLES
from referral.store import Store
from tests.winding import rows, state
from tests.world import World, build
from workflows.caseloads import (
    caseload_preview,
    end_membership,
    hand_over_caseload,
    shared_out,
)
from workflows.concerns import raise_concern
from workflows.deaths import record_death
from workflows.engine import Refused
from workflows.merges import merge_people, merge_preview
from workflows.moving import leaving_preview, move_away
from workflows.organisations import set_away

DIED = {"died_on": date(2026, 5, 10), "said_by": "Her daughter, by phone"}


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    store = Store(sqlite_url)
    yield build(store)
    store.dispose()


def do(w: World, who: str, command: Any, *args: Any, **more: Any) -> Any:
    """A command in a transaction of its own."""
    with w.store.begin(w.actor[who]) as tx:
        return command(tx, w.actor[who], w.at, *args, **more)


def refused(w: World, who: str, command: Any, *args: Any, **more: Any) -> tuple[str, ...]:
    with pytest.raises(Refused) as why:
        do(w, who, command, *args, **more)
    return why.value.codes


def concern(w: World, person: str, **more: Any) -> str:
    values = {"person_id": person, "seen": "Bruises.", "danger": False, **more}
    return str(do(w, "priya", raise_concern, values).id)


def test_a_death_is_said_with_a_day_and_by_whom(w: World) -> None:
    person = w.person()
    late = {"died_on": w.at.date() + timedelta(days=1), "said_by": ""}
    assert refused(w, "priya", record_death, person, {}) == ("wrong_died_on", "wrong_said_by")
    assert refused(w, "priya", record_death, person, late) == ("wrong_died_on", "wrong_said_by")
    before = {**DIED, "died_on": date(1950, 1, 1)}
    assert refused(w, "priya", record_death, person, before) == ("wrong_died_on",)
    for who in ("olu", "sol", "grace"):
        assert refused(w, who, record_death, person, DIED)[0] in ("not_found", "not_your_role")
    concern(w, person, sources=[{"user_id": w.actor["priya"].user_id}])
    assert refused(w, "priya", record_death, person, DIED) == ("not_held",)
    do(w, "tess", record_death, person, DIED)


def test_who_moves_away_has_stopped_what_is_named_and_keeps_the_rest(w: World) -> None:
    person = w.person()
    choir, pottery = w.active(person), w.active(person, "pottery")
    w.referral(pottery, "reassign", "tess", given={"link_worker_id": w.actor["sam"].membership_id})
    plan = do(w, "priya", leaving_preview, person)
    assert [r.id for r in plan.can_stop] == [choir]
    assert [r.id for r, _ in plan.cannot] == [pottery]
    assert refused(w, "priya", move_away, person, []) == ("wrong_stop",)
    done, left = do(w, "priya", move_away, person, [choir, pottery])
    assert [d.id for d in done] == [choir]
    assert [r.codes for r in left] == [("not_your_record",)]
    found = rows(w.store, "SELECT state, reason FROM referral WHERE id = :id", id=choir)
    assert found == [("withdrawn", "moved_away")]
    assert state(w.store, "referral", pottery) == "active"


def test_records_stay_apart_while_both_hold_an_open_referral_to_one_activity(w: World) -> None:
    keep, other = w.person(), w.person()
    mine, theirs = w.active(keep), w.sent(other)
    codes = refused(w, "tess", merge_people, keep, other, referrals=[theirs])
    assert codes == ("same_activity_open",)
    w.referral(mine, "withdraw", "priya", given={"reason": "other"})
    do(w, "tess", merge_people, keep, other, referrals=[theirs])


def test_records_stay_apart_with_two_numbers_one_death_or_one_question_twice(w: World) -> None:
    keep = w.person(nhs_number="9990000018", no_nhs_number=None)
    other = w.person(nhs_number="9990000026", no_nhs_number=None)
    for person in (keep, other):
        w.consent(person, agreed=None)  # type: ignore[arg-type]
    do(w, "priya", record_death, other, DIED)
    codes = refused(w, "tess", merge_people, keep, other, referrals=[])
    assert codes == ("two_nhs_numbers", "one_has_died", "both_asked")


def test_nobody_joins_the_record_that_is_closed_to_them(w: World) -> None:
    keep, other = w.person(), w.person()
    concern(w, other, sources=[{"user_id": w.actor["priya"].user_id}])
    for one, two in ((keep, other), (other, keep)):
        assert refused(w, "priya", merge_preview, one, two) == ("not_held",)
    assert refused(w, "olu", merge_preview, keep, other) == ("not_found",)
    do(w, "sam", merge_people, keep, other, referrals=[])


def test_every_table_that_names_a_person_comes_along_or_is_said_to_stay() -> None:
    named = {name for name, table in TABLES.items() if "person_id" in table.columns}
    assert named == {*merges.TAKEN_ALONG, *merges.LEFT_AS_WRITTEN}


def test_who_leaves_with_people_is_stood_in_for_until_they_are_handed_over(w: World) -> None:
    priya = w.actor["priya"].membership_id
    draft = w.draft()
    assert refused(w, "tess", end_membership, priya) == ("still_carries",)
    with pytest.raises(Refused):
        w.referral(draft, "withdraw", "tess", given={"reason": "other"})
    do(w, "tess", end_membership, priya, even_so=True)
    w.referral(draft, "withdraw", "tess", given={"reason": "other"})


def test_a_held_referral_is_said_to_stay_and_the_others_go(w: World) -> None:
    one, two = w.draft(), w.draft()
    person = rows(w.store, "SELECT person_id FROM referral WHERE id = :id", id=one)[0][0]
    concern(w, person, sources=[{"user_id": w.actor["tess"].user_id}])
    priya, sam = w.actor["priya"].membership_id, w.actor["sam"].membership_id
    done, left = do(w, "tess", hand_over_caseload, priya, {one: sam, two: sam})
    assert [d.id for d in done] == [two]
    assert [(i, why.codes) for i, why in left] == [(one, ("not_held",))]


def test_shared_out_keeps_a_person_together_and_fills_whoever_carries_least(w: World) -> None:
    member = caseloads.TeamMember("m", "u", "Sam", "link_worker", None, None, None, False, 0)
    plan = do(w, "tess", caseload_preview, w.actor["priya"].membership_id)
    one = [
        caseloads.Carried(str(n), "", "draft", w.at, f"p{n // 2}", "", "", "", "", "", "")
        for n in range(6)
    ]
    receivers = (member._replace(membership_id="a", carries=3), member._replace(membership_id="b"))
    wide = type(plan)(plan.member, tuple(one), 6, receivers)
    out = shared_out(wide, ["a", "b"])
    assert [out[str(n)] for n in range(6)] == ["b", "b", "b", "b", "a", "a"]
    assert shared_out(wide, []) == {}


def test_absence_is_for_oneself_ones_lead_or_who_answers_for_the_place(w: World) -> None:
    start = w.at - timedelta(days=1)
    away = {"membership_id": w.actor["priya"].membership_id, "start": start, "end": None}
    for who in ("sam", "tom", "fred", "sol"):
        assert refused(w, who, set_away, **away) == ("not_found",), who
    assert refused(w, "tess", set_away, **{**away, "end": start}) == ("wrong_away_until",)
    draft = w.draft()
    do(w, "priya", set_away, **away)
    w.referral(draft, "withdraw", "tess", given={"reason": "other"})
    do(w, "grace", set_away, **{**away, "start": None})
    assert rows(w.store, "SELECT count(*) FROM membership WHERE away_from IS NOT NULL") == [(0,)]
