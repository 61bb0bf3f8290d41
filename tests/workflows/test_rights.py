"""Requests about one's own data: who may, by when, what stops the month, and what erasing takes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from referral import facts
from referral.actors import Actor
from referral.states import Noun, Role
from referral.store import Sql, Store
from tests.winding import sweep
from tests.world import World, build
from workflows.engine import Refused, step
from workflows.erasing import in_the_way
from workflows.months import answer_by
from workflows.referrals import confirm_proposal, propose
from workflows.rights import preview, receive_request
from workflows.working_time import ENGLAND, local_day


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def move(w: World, record: str, trigger: str, who: str = "ingrid", **given: Any) -> Any:
    return w.step(Noun.RIGHTS, record, trigger, who, given=given)


def begun(w: World, kind: str = "access", person: str | None = None) -> str:
    record = w.rights(person or w.person(), kind)
    move(w, record, "check_identity", identity_how="known_to_team")
    move(w, record, "start")
    return record


def due(w: World, record: str) -> date:
    """The last day of the clock that runs."""
    row = one(w, "SELECT due FROM clock WHERE record_id = :id AND ended IS NULL", record, (0,))
    return local_day(row[0] - timedelta(minutes=1))


def one(w: World, text: str, record: str, times: tuple[int, ...] = ()) -> Any:
    with w.store.read() as tx:
        return tx.row(Sql(text, times), id=record)


def codes(
    w: World, record: str, trigger: str, who: str = "ingrid", **given: Any
) -> tuple[str, ...]:
    with pytest.raises(Refused) as refused:
        move(w, record, trigger, who, **given)
    return refused.value.codes


# -- by when ------------------------------------------------------------------------------------


def test_the_month_counts_from_the_day_it_came_whatever_was_done_first(w: World) -> None:
    came = w.at.date() - timedelta(days=20)
    record = w.rights(w.person(), received_on=came)
    move(w, record, "check_identity", identity_how="documents")
    move(w, record, "start")
    assert due(w, record) == answer_by(came, ENGLAND)


def test_the_month_stands_still_until_the_person_answers(w: World) -> None:
    record = begun(w)
    first = due(w, record)
    move(w, record, "ask", note="Which year?", told_how="phone")
    w.at += timedelta(days=12)
    move(w, record, "answer", "priya", note="All of them.")
    assert due(w, record) >= first + timedelta(days=12)
    assert one(w, "SELECT stopped_days FROM rights_request WHERE id = :id", record)[0] == 12


def test_longer_once_and_only_in_the_first_month(w: World) -> None:
    record = begun(w)
    before = due(w, record)
    move(w, record, "extend", reason="complex", told_how="letter")
    assert due(w, record) > before + timedelta(days=55)
    assert codes(w, record, "extend", reason="complex", told_how="letter") == ("not_extended",)
    late = begun(w)
    w.at += timedelta(days=40)
    assert codes(w, late, "extend", reason="complex", told_how="letter") == ("in_first_month",)


def test_what_is_late_reminds_and_then_is_escalated(w: World) -> None:
    record = w.rights(w.person())
    w.at += timedelta(days=8)
    sweep(w)
    assert not alarms(w, record)
    w.at += timedelta(days=8)
    sweep(w)
    assert alarms(w, record) == 1
    move(w, record, "check_identity", identity_how="documents")
    assert not alarms(w, record)


def alarms(w: World, record: str) -> int:
    text = "SELECT count(*) FROM escalation WHERE about_id = :id AND closed_at IS NULL"
    return int(one(w, text, record)[0])


def test_a_request_that_came_tomorrow_or_years_ago_is_refused(w: World) -> None:
    for days in (-1, 400):
        with pytest.raises(Refused) as refused:
            w.rights(w.person(), received_on=w.at.date() - timedelta(days=days))
        assert refused.value.codes == ("wrong_received_on",)


# -- who ----------------------------------------------------------------------------------------


def themselves(w: World, person: str) -> Actor:
    return Actor(role=Role.PERSON, system_id=w.system_id, person_id=person)


def test_a_person_asks_and_takes_it_back_by_themselves_and_of_nobody_else(w: World) -> None:
    person = w.person()
    me = themselves(w, person)
    with w.store.begin(me) as tx:
        said = {"kind": "access", "asked_for": "Everything."}
        record = receive_request(tx, me, w.at, person_id=person, values=said).id
    other = themselves(w, w.person())
    with pytest.raises(Refused) as refused, w.store.begin(other) as tx:
        step(tx, Noun.RIGHTS, record, "withdraw", other, w.at)
    assert refused.value.codes == ("not_found",)
    with w.store.begin(me) as tx:
        assert step(tx, Noun.RIGHTS, record, "withdraw", me, w.at).state == "withdrawn"


def test_whoever_must_answer_it_can_not_take_it_back(w: World) -> None:
    record = w.rights(w.person())
    assert codes(w, record, "withdraw") == ("not_your_role",)
    assert move(w, record, "withdraw", "priya").state == "withdrawn"


def test_a_named_source_of_harm_finds_nothing_and_another_answers(w: World) -> None:
    person = w.person()
    record = w.rights(person)
    named = [{"user_id": w.actor["ingrid"].user_id}]
    about = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": named}
    w.step(Noun.CONCERN, None, "raise", "priya", given=about)
    assert codes(w, record, "check_identity", identity_how="documents") == ("not_found",)
    with w.store.read() as tx:
        f = facts.rights(tx, record, w.actor["amara"], w.at)
    assert f is not None
    assert f.lead.startswith("accountable_officer@")
    assert move(w, record, "check_identity", "amara", identity_how="documents").version == 2


# -- two people ---------------------------------------------------------------------------------


def proposed(w: World, record: str, trigger: str, **given: Any) -> str:
    actor = w.actor["ingrid"]
    with w.store.begin(actor) as tx:
        return propose(tx, actor, w.at, Noun.RIGHTS, record, trigger, given)


def confirmed(w: World, proposal: str, by: str) -> Any:
    with w.store.begin(w.actor[by]) as tx:
        return confirm_proposal(tx, w.actor["ingrid"], w.actor[by], w.at, proposal)


def test_nothing_is_refused_by_one_person(w: World) -> None:
    said = {"reason": "unfounded", "note": "It was a joke.", "told_how": "letter"}
    record = begun(w)
    assert codes(w, record, "refuse", **said) == ("second_person_needed",)
    proposal = proposed(w, record, "refuse", **said)
    for nobody in ("priya", "ingrid"):
        with pytest.raises(Refused):
            confirmed(w, proposal, nobody)
    assert confirmed(w, proposal, "grace").state == "refused"


ERASE = {"ground": "unlawful", "told_how": "letter"}


def test_two_people_erase_and_nothing_is_left_but_that_it_was(w: World) -> None:
    person = w.person()
    w.said_of_equality(person)
    record = begun(w, "erasure", person)
    answers = "SELECT count(*) FROM equality_answer WHERE person_id = :id"
    assert one(w, answers, person) == (1,)
    with w.store.read() as tx:
        f = facts.rights(tx, record, w.actor["ingrid"], w.at)
        assert f is not None
        assert not f.kept
        assert preview(tx, f).goes == {}
    made = confirmed(w, proposed(w, record, "erase", **ERASE), "amara")
    assert made.state == "fulfilled"
    assert one(w, "SELECT family_name, phone FROM person WHERE id = :id", person) == (
        "person",
        None,
    )
    kept = one(w, "SELECT state, ground, reference FROM rights_request WHERE id = :id", record)
    assert kept[:2] == ("fulfilled", "unlawful")
    assert one(w, answers, person) == (0,)
    gone = one(w, "SELECT approved_by FROM erasure WHERE person_id = :id", person)
    assert str(gone[0]) == w.actor["amara"].membership_id


def test_nothing_is_begun_about_somebody_who_is_erased(w: World) -> None:
    person = w.person()
    record = begun(w, "erasure", person)
    w.consent(person)
    confirmed(w, proposed(w, record, "erase", **ERASE), "amara")
    for begin in (w.draft, w.consent, w.override, w.rights, w.emergency):
        with pytest.raises(Refused) as refused:
            begin(person)
        assert refused.value.codes == ("not_found",), begin


def test_nobody_is_erased_while_something_about_them_is_open(w: World) -> None:
    person = w.person()
    record = begun(w, "erasure", person)
    about = {"person_id": person, "seen": "Bruises.", "danger": False}
    w.step(Noun.CONCERN, None, "raise", "priya", given=about)
    with pytest.raises(Refused) as refused:
        proposed(w, record, "erase", **ERASE)
    assert refused.value.codes[0] == "not_kept"


def test_emergency_access_keeps_a_record_until_it_is_reviewed(w: World) -> None:
    person = w.person()
    record = begun(w, "erasure", person)
    opened = w.emergency(person)
    w.step(Noun.EMERGENCY, opened, "close", "olu")
    with pytest.raises(Refused) as refused:
        proposed(w, record, "erase", **ERASE)
    assert refused.value.codes[0] == "not_kept"
    found = {"finding": "right_to_open", "note": "She was at the door."}
    w.step(Noun.EMERGENCY, opened, "review", "grace", given=found)
    assert confirmed(w, proposed(w, record, "erase", **ERASE), "amara").state == "fulfilled"


def late(w: World, kind: str) -> tuple[str, str]:
    """A request whose month is over, and the alarm about it."""
    record = begun(w, kind)
    for _ in range(2):
        sweep(w, w.later(days=40))
    alarm = "SELECT id FROM escalation WHERE about_id = :id AND closed_at IS NULL"
    return record, str(one(w, alarm, record)[0])


def test_the_alarm_that_an_erasure_is_late_does_not_stand_in_its_way(w: World) -> None:
    record, alarm = late(w, "erasure")
    assert confirmed(w, proposed(w, record, "erase", **ERASE), "amara").state == "fulfilled"
    assert one(w, "SELECT state FROM escalation WHERE id = :id", alarm) == ("closed",)


def test_any_other_review_about_the_person_stands_in_the_way(w: World) -> None:
    record, alarm = late(w, "access")
    person = str(one(w, "SELECT person_id FROM rights_request WHERE id = :id", record)[0])
    other = begun(w, "erasure", person)
    with pytest.raises(Refused) as refused:
        proposed(w, other, "erase", **ERASE)
    assert refused.value.codes[0] == "not_kept"
    move(w, record, "fulfil", note="A copy.", told_how="letter")
    assert one(w, "SELECT state FROM escalation WHERE id = :id", alarm) == ("closed",)
    assert confirmed(w, proposed(w, other, "erase", **ERASE), "amara").state == "fulfilled"


def test_what_is_kept_for_years_goes_only_on_a_ground_that_does_not_wait(w: World) -> None:
    record = begun(w, "erasure")
    with pytest.raises(Refused) as refused:
        proposed(w, record, "erase", ground="no_longer_needed", told_how="letter")
    assert refused.value.codes[0] == "retention_over"
    w.at += timedelta(days=366 * 2)
    assert proposed(w, record, "erase", ground="no_longer_needed", told_how="letter")


def test_an_erasure_is_not_recorded_as_done_without_erasing(w: World) -> None:
    record = begun(w, "erasure")
    assert codes(w, record, "fulfil", note="Done.", told_how="phone") == ("nothing_to_erase",)
    other = begun(w)
    with pytest.raises(Refused) as refused:
        proposed(w, other, "erase", **ERASE)
    assert "erasure_asked" in refused.value.codes
    assert move(w, other, "fulfil", note="A copy.", told_how="letter").state == "fulfilled"


def test_nobody_is_erased_while_something_else_they_asked_waits_for_its_answer(w: World) -> None:
    person = w.person()
    copy = begun(w, "access", person)
    record = begun(w, "erasure", person)
    with pytest.raises(Refused) as refused:
        proposed(w, record, "erase", **ERASE)
    assert refused.value.codes[0] == "nothing_else_asked"
    with w.store.read() as tx:
        assert [r.code for r in in_the_way(tx, person)] == ["request_open"]
    move(w, copy, "fulfil", note="A copy.", told_how="letter")
    again = begun(w, "objection", person)  # also one that came after the first was proposed
    with pytest.raises(Refused):
        proposed(w, record, "erase", **ERASE)
    move(w, again, "withdraw", "priya")
    begun(w, "access")  # of somebody else: in nobody's way
    assert confirmed(w, proposed(w, record, "erase", **ERASE), "amara").state == "fulfilled"


def test_what_is_asked_after_two_people_began_to_agree_stops_the_second(w: World) -> None:
    person = w.person()
    record = begun(w, "erasure", person)
    proposal = proposed(w, record, "erase", **ERASE)
    w.rights(person, "access")
    with pytest.raises(Refused) as refused:
        confirmed(w, proposal, "amara")
    assert refused.value.codes[0] == "nothing_else_asked"
    assert one(w, "SELECT erased_at FROM person WHERE id = :id", person) == (None,)
