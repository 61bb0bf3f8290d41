"""Ordinary holds: who places and lifts them, their date, and that they end with their referral."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from referral import facts
from referral.states import Noun
from referral.store import Sql, Store
from tests.winding import clocks, rows, state, sweep
from tests.world import World, build
from workflows import reading
from workflows.engine import Refused
from workflows.guards import HELD
from workflows.holds import Hold, holds_on, lift_hold, place_hold
from workflows.organisations import set_away
from workflows.working_time import ENGLAND, add, local_day


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def in_days(w: World, days: int) -> date:
    return local_day(add(w.at, days, ENGLAND))


def placed(w: World, record: str, who: str = "priya", cause: str = "hospital", **more: Any) -> str:
    actor = w.actor[who]
    with w.store.begin(actor) as tx:
        asked = {"until": in_days(w, 10), **more}
        return place_hold(tx, actor, w.at, referral_id=record, cause=cause, **asked)


def refused(w: World, record: str, who: str = "priya", **more: Any) -> tuple[str, ...]:
    with pytest.raises(Refused) as told:
        placed(w, record, who, **more)
    return told.value.codes


def lifted(w: World, record: str, hold: str, who: str = "priya") -> bool:
    """Whether this member may lift it, and has."""
    actor = w.actor[who]
    codes: tuple[str, ...] = ()
    try:
        with w.store.begin(actor) as tx:
            lift_hold(tx, actor, w.at, referral_id=record, hold_id=hold)
    except Refused as told:
        codes = told.codes
    assert codes in ((), ("not_found",))
    return not codes


def held(w: World, record: str) -> bool:
    with w.store.read() as tx:
        f = facts.referral(tx, record, w.actor["priya"], w.at)
    assert f is not None
    return bool(f.held)


def seen_by(w: World, record: str, who: str) -> list[Hold]:
    with w.store.read() as tx:
        f = facts.referral(tx, record, w.actor[who], w.at)
        return holds_on(tx, w.actor[who], f)


def away(w: World) -> None:
    priya = w.actor["priya"]
    with w.store.begin(w.actor["tess"]) as tx:
        start = w.at - timedelta(days=1)
        set_away(
            tx, w.actor["tess"], w.at, membership_id=priya.membership_id, start=start, end=None
        )


# -- what it does -------------------------------------------------------------------------------


def test_a_hold_keeps_a_referral_still_and_lifting_it_lets_it_go_on(w: World) -> None:
    record = w.sent()
    hold = placed(w, record)
    with pytest.raises(Refused) as told:
        w.referral(record, "accept", "sol")
    assert told.value.codes == (HELD.code,)
    assert lifted(w, record, hold)
    assert w.referral(record, "accept", "sol").state == "accepted"


def test_two_holds_need_two_releases(w: World) -> None:
    record = w.sent()
    one, two = placed(w, record), placed(w, record, "tess", "person_asked")
    assert lifted(w, record, one)
    assert held(w, record)
    assert lifted(w, record, two)
    assert not held(w, record)


def test_a_hold_reaches_its_own_referral_and_no_other(w: World) -> None:
    person = w.person()
    record, other = w.sent(person), w.sent(person, "pottery")
    placed(w, record)
    assert held(w, record)
    assert not held(w, other)


def test_a_hold_leaves_no_step_on_the_referral(w: World) -> None:
    record = w.sent()
    before = rows(w.store, "SELECT version FROM step WHERE record_id = :id", id=record)
    assert lifted(w, record, placed(w, record))
    assert rows(w.store, "SELECT version FROM step WHERE record_id = :id", id=record) == before


# -- who ----------------------------------------------------------------------------------------


def test_the_link_worker_and_the_lead_place_one_and_a_leader_for_those_taking_part(
    w: World,
) -> None:
    sent, taking_part = w.sent(), w.active()
    for who in ("priya", "tess"):
        assert placed(w, sent, who)
    assert refused(w, sent, "sol") == ("not_your_record",)
    assert placed(w, taking_part, "sol")
    for who in ("sam", "grace", "gwen"):
        assert refused(w, taking_part, who) == ("not_your_record",)
    for who in ("olu", "kit", "cora"):
        assert refused(w, taking_part, who) == ("not_found",)


@pytest.mark.parametrize(
    ("placer", "may", "may_not"),
    [
        ("priya", ("priya", "tess"), ("sam", "sol", "rae", "gwen", "olu")),
        ("sol", ("sol", "priya", "tess"), ("rae", "sam", "kit")),
        ("tess", ("tess", "priya"), ("sol", "sam")),
    ],
)
def test_whoever_placed_it_the_link_worker_and_the_lead_lift_it_and_nobody_else(
    w: World, placer: str, may: tuple[str, ...], may_not: tuple[str, ...]
) -> None:
    record = w.active()
    hold = placed(w, record, placer)
    for who in may_not:
        assert not lifted(w, record, hold, who), who
        assert who in ("olu", "kit") or seen_by(w, record, who) == []
    for who in may:
        assert [h.cause for h in seen_by(w, record, who)] == ["hospital"]
        assert lifted(w, record, hold, who)
        hold = placed(w, record, placer)


def test_the_lead_who_stands_in_lifts_what_an_absent_link_worker_placed(w: World) -> None:
    record = w.sent()
    hold = placed(w, record)
    away(w)
    assert lifted(w, record, hold, "tess")


def test_records_are_put_right_by_a_team_lead_alone(w: World) -> None:
    record = w.active()
    for who in ("priya", "sol"):
        assert refused(w, record, who, cause="records", side="provider") == ("wrong_cause",)
    hold = placed(w, record, "tess", "records", side="provider")
    assert seen_by(w, record, "priya") == []
    assert not lifted(w, record, hold, "priya")
    assert not lifted(w, record, hold, "sol")
    assert lifted(w, record, hold, "tess")


def test_a_concerns_hold_is_lifted_by_nobody_here(w: World) -> None:
    record = w.sent()
    w.step(
        Noun.CONCERN,
        None,
        "raise",
        "olu",
        given={"person_id": person_of(w, record), "seen": "Bruises.", "danger": False},
    )
    (hold,) = rows(w.store, "SELECT id FROM hold")[0]
    assert held(w, record)
    for who in ("priya", "tess", "gwen"):
        assert not lifted(w, record, hold, who)
        assert seen_by(w, record, who) == []


def person_of(w: World, record: str) -> str:
    return str(rows(w.store, "SELECT person_id FROM referral WHERE id = :id", id=record)[0][0])


# -- a full hold --------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "closed", "open_"), [
    ("provider", ("sol", "rae"), ("priya", "sam", "tess", "gwen", "grace")),
    ("link_worker", ("priya", "sam"), ("sol", "tess", "gwen", "grace")),
])  # fmt: skip
def test_records_being_put_right_close_them_to_one_side(
    w: World, side: str, closed: tuple[str, ...], open_: tuple[str, ...]
) -> None:
    record = w.active()
    placed(w, record, "tess", "records", side=side)
    with w.store.read() as tx:
        for who in (*closed, *open_):
            f = facts.referral(tx, record, w.actor[who], w.at)
            assert f is not None
            assert bool(f.closed_to_actor) is (who in closed), who
            seen = reading.situations(tx, w.actor[who], w.at, [record])[record]
            assert seen.held


def test_to_whom_it_is_closed_a_leader_gives_back_and_says_who_came_and_no_more(w: World) -> None:
    record = w.active()
    placed(w, record, "tess", "records", side="provider")
    with pytest.raises(Refused) as told:
        w.referral(record, "pause", "sol", given={"paused_until": in_days(w, 5)})
    assert told.value.codes == (HELD.code,)
    assert w.referral(record, "update", "sol", given={"note": "Well."}).state == "active"
    assert w.referral(record, "give_back", "sol", given={"reason": "other"}).state == "returned"


def test_while_it_is_closed_to_the_link_workers_their_lead_stands_in(w: World) -> None:
    record = w.sent()
    w.referral(record, "ask", "sol", given={"note": "Stairs?"})
    with pytest.raises(Refused):
        w.referral(record, "answer", "tess", given={"note": "Yes."})
    placed(w, record, "tess", "records", side="link_worker")
    with pytest.raises(Refused) as told:
        w.referral(record, "answer", "priya", given={"note": "Yes."})
    assert told.value.codes == (HELD.code,)
    assert w.referral(record, "answer", "tess", given={"note": "Yes."}).state == "sent"


def test_under_a_full_hold_nobody_of_that_side_places_or_lifts_one(w: World) -> None:
    record = w.active()
    mine = placed(w, record, "sol")
    placed(w, record, "tess", "records", side="provider")
    assert refused(w, record, "sol") == (HELD.code,)
    assert not lifted(w, record, mine, "sol")


# -- its date -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "allowed"), [(1, True), (20, True), (21, False), (40, False)])
def test_its_date_is_at_most_twenty_working_days_on(w: World, days: int, allowed: bool) -> None:
    record = w.sent()
    if allowed:
        assert placed(w, record, until=in_days(w, days))
    else:
        assert refused(w, record, until=in_days(w, days)) == ("wrong_until",)


def test_its_date_is_needed_and_still_to_come(w: World) -> None:
    record = w.sent()
    for until in (None, in_days(w, 0) - timedelta(days=1)):
        assert refused(w, record, until=until) == ("wrong_until",)
    assert refused(w, record, cause="holiday") == ("wrong_cause",)
    assert refused(w, record, "tess", cause="records") == ("wrong_side",)


def test_every_open_hold_has_an_owner_and_a_clock(w: World) -> None:
    record = w.active()
    for who, more in (("priya", {}), ("tess", {"cause": "records", "side": "provider"})):
        hold = placed(w, record, who, **more)
        (clock,) = clocks(w.store, hold)
        assert clock["owner"] == f"member@{w.actor[who].membership_id}"
        assert clock["kind"] == "hold.until"
        assert lifted(w, record, hold, who)
        assert clocks(w.store, hold) == []


def test_at_its_date_the_owner_is_reminded_then_it_is_raised_and_it_stays(w: World) -> None:
    record = w.sent()
    hold = placed(w, record, until=in_days(w, 4))
    (clock,) = clocks(w.store, hold)
    sweep(w, clock["due"])
    told = rows(w.store, "SELECT to_owner, record_id FROM outbox WHERE what = 'hold_due'")
    assert told == [(f"member@{w.actor['priya'].membership_id}", record)]
    assert held(w, record)
    sweep(w, clocks(w.store, hold)[0]["look_at"])
    raised = rows(w.store, "SELECT about, about_id, level, state FROM escalation")
    assert raised == [("hold", hold, 1, "raised")]
    sweep(w, clocks(w.store, hold)[0]["look_at"])
    assert len(rows(w.store, "SELECT id FROM escalation")) == 1
    assert held(w, record)
    assert lifted(w, record, hold)
    assert rows(w.store, "SELECT state FROM escalation") == [("closed",)]  # overtaken


def test_before_its_date_nothing_is_said(w: World) -> None:
    hold = placed(w, w.sent(), until=in_days(w, 4))
    sweep(w, clocks(w.store, hold)[0]["due"] - timedelta(minutes=1))
    assert rows(w.store, "SELECT count(*) FROM outbox WHERE what = 'hold_due'") == [(0,)]


def test_it_is_on_its_owners_list_when_its_date_comes(w: World) -> None:
    record = w.sent()
    placed(w, record, until=in_days(w, 3))
    with w.store.read() as tx:
        mine = reading.worklist(tx, w.actor["priya"], w.at).items
        theirs = reading.worklist(tx, w.actor["sol"], w.at).items
    assert [i.record_id for i in mine if i.kind == "hold.until"] == [record]
    assert "hold.until" not in {i.kind for i in theirs}


# -- its end ------------------------------------------------------------------------------------


def test_it_ends_with_its_referral_and_taking_it_up_again_is_not_held(w: World) -> None:
    record = w.sent()
    hold = placed(w, record)
    w.referral(record, "withdraw", "priya", given={"reason": "person_asked"})
    assert clocks(w.store, hold) == []
    assert rows(w.store, "SELECT count(*) FROM hold WHERE ended IS NULL") == [(0,)]
    w.referral(record, "reopen", "priya", given={"reason": "mistake"})
    assert not held(w, record)


def test_going_back_to_the_link_worker_is_no_end(w: World) -> None:
    record = w.sent()
    placed(w, record)
    w.referral(record, "decline", "sol", given={"reason": "full"})
    assert state(w.store, "referral", record) == "returned"
    assert held(w, record)


def test_on_a_referral_that_is_over_none_is_placed(w: World) -> None:
    record = w.sent()
    w.referral(record, "withdraw", "priya", given={"reason": "person_asked"})
    assert refused(w, record) == ("no_such_move",)


def test_clocks_stand_still_meanwhile_and_go_on_with_what_was_left(w: World) -> None:
    record = w.sent()
    hold = placed(w, record, until=in_days(w, 15))
    for _ in range(3):
        sweep(w, add(w.at, 4, ENGLAND))
    assert state(w.store, "referral", record) == "sent"
    assert lifted(w, record, hold)
    assert w.referral(record, "accept", "sol").state == "accepted"


COUNT = Sql("SELECT count(*) FROM audit WHERE noun = 'hold' AND record_id = :id")


def test_placing_and_lifting_are_in_the_log(w: World) -> None:
    record = w.sent()
    hold = placed(w, record)
    lifted(w, record, hold)
    with w.store.read() as tx:
        row = tx.row(COUNT, id=hold)
    assert row == (2,)
