"""Who decides, and until when: capacity, the age of 16, and whoever agreed for another."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from referral import capacity
from referral.states import Noun
from referral.store import Sql, Store
from tests.winding import clocks, rows, state, sweep
from tests.world import ASSESSED, World, build
from workflows.bases import birthday
from workflows.engine import Refused
from workflows.guards import HELD
from workflows.working_time import end_of


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def refused(w: World, person: str, who: str = "priya", **values: Any) -> list[str | None]:
    """The fields for which an assessment is refused."""
    with pytest.raises(Refused) as told:
        w.assessment(person, who, **values)
    return [r.field for r in told.value.refusals]


def agreeing(w: World, person: str, basis: str, **answer: Any) -> list[str | None]:
    """The fields for which an answer on this basis is refused."""
    with pytest.raises(Refused) as told:
        w.consent(person, basis=basis, **answer)
    return [r.field for r in told.value.refusals]


def until(w: World, consent: str) -> Any:
    with w.store.read() as tx:
        query = Sql("SELECT until FROM consent WHERE id = :id", times=(0,))
        row = tx.row(query, id=consent)
    assert row is not None
    return row[0]


# -- the assessment -----------------------------------------------------------------------------


def test_an_assessment_keeps_who_when_which_decision_and_each_ability(w: World) -> None:
    person = w.person()
    made = w.assessment(person)
    with w.store.read() as tx:
        seen = capacity.one(tx, w.system_id, made)
        assert capacity.of_person(tx, w.system_id, person) == [seen]
    assert seen is not None
    assert (seen.decision, seen.assessor, seen.help) == (
        ASSESSED["decision"],
        "Dr Amin Shore",
        ASSESSED["help"],
    )
    answers = (seen.understands, seen.retains, seen.weighs, seen.communicates)
    assert answers == (True, True, False, True)
    assert seen.lacks
    assert (seen.cause, seen.recorded_by, seen.at) == (ASSESSED["cause"], "Priya Shah", w.at)


@pytest.mark.parametrize(
    "left_out", ["decision", "assessor", "help", "understands", "retains", "communicates"]
)
def test_each_part_is_asked_for(w: World, left_out: str) -> None:
    assert refused(w, w.person(), **{left_out: None}) == [left_out]


def test_the_cause_is_asked_only_once_somebody_is_unable(w: World) -> None:
    nothing = {"cause": None, "interests": None, "review_on": None}
    assert refused(w, w.person(), **nothing) == ["cause", "interests", "review_on"]
    assert w.assessment(w.person(), able=True, **nothing)


def test_who_can_do_all_four_has_capacity_whatever_is_said_of_a_cause(w: World) -> None:
    person = w.person()
    made = w.assessment(person, able=True)
    with w.store.read() as tx:
        seen = capacity.one(tx, w.system_id, made)
    assert seen is not None
    assert not seen.lacks
    assert (seen.cause, seen.interests, seen.review_on) == (None, None, None)
    assert agreeing(w, person, "best_interests", capacity_id=made) == ["capacity_id"]


def test_it_is_looked_at_again_within_a_year(w: World) -> None:
    for days in (0, -1, 500):
        day = w.at.date() + timedelta(days=days)
        assert refused(w, w.person(), review_on=day) == ["review_on"]


def test_it_is_for_the_team_that_holds_the_person(w: World) -> None:
    person = w.person()
    for who in ("olu", "sol", "grace"):
        with pytest.raises(Refused) as told:
            w.assessment(person, who)
        assert told.value.codes[0] in ("not_found", "not_your_role")


def test_a_named_source_of_harm_assesses_nobody(w: World) -> None:
    person = w.person()
    named = [{"user_id": w.actor["priya"].user_id}]
    given = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": named}
    w.step(Noun.CONCERN, None, "raise", "sam", given=given)
    with pytest.raises(Refused) as told:
        w.assessment(person)
    assert told.value.codes == (HELD.code,)
    assert w.assessment(person, "sam")


# -- whose decision -----------------------------------------------------------------------------


def test_best_interests_rest_on_an_assessment_of_this_person(w: World) -> None:
    one, other = w.person(), w.person()
    assert agreeing(w, one, "best_interests") == ["capacity_id"]
    theirs = w.assessment(other)
    assert agreeing(w, one, "best_interests", capacity_id=theirs) == ["capacity_id"]
    mine = w.assessment(one)
    given = w.consent(one, basis="best_interests", capacity_id=mine)
    assert given.state == "given"


CHILD = {"birth_date": date(2012, 9, 3)}  # 13 in May 2026


def test_under_16_a_parent_decides_or_they_do_if_they_understand(w: World) -> None:
    for basis in ("parental", "gillick"):
        assert w.consent(w.person(**CHILD), basis=basis).state == "given"
    child = w.person(**CHILD)
    assert refused(w, child) == ["decision"]
    assert agreeing(w, child, "best_interests") == ["basis"]


def test_from_16_it_is_their_own_decision(w: World) -> None:
    grown = w.person(birth_date=date(2010, 5, 12))  # 16 today
    for basis in ("parental", "gillick"):
        assert agreeing(w, grown, basis) == ["basis"]
    assert w.consent(grown, basis="agreement").state == "given"
    almost = w.person(birth_date=date(2010, 5, 13))
    assert w.consent(almost, basis="parental").state == "given"


def test_a_parents_answer_holds_until_they_turn_16(w: World) -> None:
    turning = w.person(birth_date=date(2010, 8, 20))
    parents = w.consent(turning, basis="parental").id
    assert until(w, parents) == end_of(date(2026, 8, 19))
    own = w.consent(w.person(birth_date=date(2010, 8, 20)), basis="gillick").id
    assert until(w, own).year == 2027
    young = w.consent(w.person(**CHILD), basis="parental").id
    assert until(w, young).year == 2027


def test_a_best_interests_decision_holds_until_it_is_looked_at_again(w: World) -> None:
    person = w.person()
    day = w.at.date() + timedelta(days=60)
    made = w.assessment(person, review_on=day)
    assert until(w, w.consent(person, basis="best_interests", capacity_id=made).id) == end_of(day)


def test_who_was_born_on_a_leap_day_turns_16_on_one_or_on_the_first_of_march() -> None:
    assert birthday(date(2012, 2, 29), 16) == date(2028, 2, 29)
    assert birthday(date(2012, 2, 29), 18) == date(2030, 3, 1)


def test_at_that_date_they_are_asked_themselves_and_keep_their_place(w: World) -> None:
    person = w.person(birth_date=date(2010, 7, 20))
    w.consent(person, basis="parental")
    record = w.draft(person)
    w.referral(record, "send", "priya", given={"shared": "{}"})
    w.referral(record, "accept", "sol")
    (parents,) = rows(w.store, "SELECT id FROM consent")[0]
    sweep(w, end_of(date(2026, 7, 19)))
    assert state(w.store, "consent", parents) == "expired"
    assert state(w.store, "referral", record) == "accepted"
    (clock,) = clocks(w.store, parents)
    assert clock["kind"] == "consent.expired"


def test_who_regains_capacity_is_asked_and_the_old_answer_holds_meanwhile(w: World) -> None:
    person = w.person()
    made = w.assessment(person)
    old = w.consent(person, basis="best_interests", capacity_id=made).id
    own = w.consent(person, "practice", purpose="tell_practice").id  # type: ignore[arg-type]
    w.later(days=20)
    w.assessment(person, able=True)
    assert state(w.store, "consent", old) == "given"
    asked = rows(w.store, "SELECT id, renews_id FROM consent WHERE state = 'asked'")
    assert [row[1] for row in asked] == [old]
    (clock,) = clocks(w.store, asked[0][0])
    assert clock["kind"] == "consent.asked"
    assert state(w.store, "consent", own) == "given"
    w.assessment(person, able=True)  # once is enough
    assert len(rows(w.store, "SELECT id FROM consent WHERE state = 'asked'")) == 1
