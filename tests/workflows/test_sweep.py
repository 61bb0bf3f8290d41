"""What a miss brings: a reminder, a lapse, an alarm, a climb, each once and none too early."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from referral import queue
from referral.health import health
from referral.states import Noun
from referral.store import Sql, Store
from tests.winding import after, alarm, alarms, clock, clocks, rows, state, sweep, told
from tests.world import World, build
from workflows.escalations import complete_escalation
from workflows.evidence import add_evidence, renewal_in_hand
from workflows.referrals import confirm_proposal, propose, redirect_referral
from workflows.sweep import lapse_proposal
from workflows.working_time import ENGLAND, due_with_holds

MOMENT = timedelta(microseconds=1)


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def returned(w: World, person: str | None = None) -> str:
    record = w.sent(person)
    w.referral(record, "decline", "sol", given={"reason": "full"})
    return record


def concern(w: World, person: str, **more: object) -> str:
    given = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": [], **more}
    return w.step(Noun.CONCERN, None, "raise", "priya", given=given).id


def lifted(w: World, record: str) -> None:
    """The concern is read and its hold lifted, by whoever holds it."""
    w.step(Noun.CONCERN, record, "acknowledge", "gwen")
    w.step(Noun.CONCERN, record, "release", "gwen")


def member(w: World, who: str) -> str:
    return f"member@{w.actor[who].membership_id}"


# -- reminding, raising, lapsing ----------------------------------------------------------------


def test_nothing_is_asked_a_moment_before_it_is_due(w: World) -> None:
    record = w.draft()
    sweep(w, clock(w.store, record)["due"] - MOMENT)
    assert told(w.store, record) == []


def test_a_reminder_goes_out_once_however_often_the_sweep_looks(w: World) -> None:
    record = w.draft()
    due = clock(w.store, record)["due"]
    for _ in range(3):
        sweep(w, due)
    assert told(w.store, record) == [member(w, "priya")]
    now = clock(w.store, record)
    assert (now["due"], now["fired"], now["missed"]) == (due, 1, due)


def test_silence_of_the_provider_reminds_both_then_gives_the_person_back(w: World) -> None:
    record = w.sent()
    due = clock(w.store, record)["due"]
    sweep(w, due)
    assert told(w.store, record) == [
        f"provider_leader@{w.org['singers']}",
        member(w, "priya"),
    ]
    sweep(w, after(due, 5) - MOMENT)
    assert state(w.store, "referral", record) == "sent"
    sweep(w, after(due, 5))
    assert state(w.store, "referral", record) == "returned"
    assert alarms(w.store, record) == [("no_reply", 1, "raised", 0)]
    step = rows(w.store, "SELECT role, cause FROM step WHERE trigger = 'lapse'")
    assert step == [("system", "clock:referral.sent")]


def test_an_urgent_referral_lapses_after_four_days(w: World) -> None:
    record = w.sent(urgent=True)
    sweep(w, after(w.at, 4))
    assert state(w.store, "referral", record) == "returned"


def test_an_alarm_is_raised_at_twice_the_time_and_not_again_while_it_is_open(w: World) -> None:
    record = returned(w)
    start = w.at
    sweep(w, after(start, 3))
    sweep(w, after(start, 6) - MOMENT)
    assert alarms(w.store, record) == []
    sweep(w, after(start, 6))
    w.step(Noun.ESCALATION, alarm(w.store, record), "acknowledge", "tess")
    sweep(w, after(start, 9))
    assert alarms(w.store, record) == [("no_reply", 1, "in_review", 1)]


def test_an_alarm_comes_again_when_it_was_closed_and_the_record_is_still_there(w: World) -> None:
    record = returned(w)
    before = clock(w.store, record)["id"]
    start = w.at
    sweep(w, after(start, 3))
    sweep(w, after(start, 6))
    found = alarm(w.store, record)
    tess = w.actor["tess"]
    w.step(Noun.ESCALATION, found, "acknowledge", tess)
    w.step(Noun.ESCALATION, found, "decide", tess, given={"decision": "uphold", "note": "Ring."})
    with w.store.begin(tess) as tx:
        complete_escalation(tx, tess, w.at, found)
    again = clock(w.store, record)
    assert (again["id"], again["due"]) == (before, after(start, 9))
    sweep(w, after(start, 9))
    assert told(w.store, record) == [member(w, "priya")] * 2
    sweep(w, after(start, 12))
    assert [(a[2], a[3]) for a in alarms(w.store, record)] == [("closed", 1), ("raised", 2)]


def test_an_alarm_is_overtaken_when_the_late_move_is_made(w: World) -> None:
    record = returned(w)
    start = w.at
    sweep(w, after(start, 3))
    sweep(w, after(start, 6))
    w.referral(record, "close_unmet", "priya", given={"reason": "no_provider"})
    assert [a[2] for a in alarms(w.store, record)] == ["closed"]
    late = rows(w.store, "SELECT missed FROM clock WHERE kind = 'referral.returned'")
    assert late[0][0] is not None, "the lateness stays recorded"


def test_an_alarm_about_a_provider_is_overtaken_too(w: World) -> None:
    record = str(
        rows(w.store, "SELECT id FROM assurance WHERE provider_id = :p", p=w.provider["clay"])[0][0]
    )
    w.step(Noun.ASSURANCE, record, "leave", "kit", given={"reason": "own_choice"})
    w.step(Noun.ASSURANCE, record, "apply", "kit")
    start = w.at
    sweep(w, after(start, 10))
    sweep(w, after(start, 20))
    assert [a[:3] for a in alarms(w.store, record)] == [("quality", 2, "raised")]
    w.step(Noun.ASSURANCE, record, "review", "grace")
    assert [a[2] for a in alarms(w.store, record)] == ["closed"]


def test_an_alarm_nobody_was_there_to_overtake_ends_when_its_own_clock_comes(w: World) -> None:
    # As if it had been raised while the late move was being made.
    record = returned(w)
    start = w.at
    sweep(w, after(start, 3))
    sweep(w, after(start, 6))
    with w.store.begin() as tx:
        tx.run(
            Sql(
                "UPDATE clock SET ended = :at WHERE record_id = :id AND kind = 'referral.returned'"
            ),
            at=w.at,
            id=record,
        )
    sweep(w, after(start, 8))
    assert [a[1:3] for a in alarms(w.store, record)] == [(1, "closed")]


def test_a_worker_months_late_acts_in_order_and_raises_one_alarm(w: World) -> None:
    record = returned(w)
    sweep(w, w.at + timedelta(days=150))
    assert told(w.store, record) == [member(w, "priya")]
    # The referral was never started either: that alarm, at the place's level, stands for both.
    assert [a[:3] for a in alarms(w.store, record)] == [("no_reply", 2, "raised")]
    assert all(c["look_at"] > w.at for c in clocks(w.store, record))


def test_a_clock_that_runs_over_the_breaks_of_a_group_counts_none_of_them(w: World) -> None:
    with w.store.begin() as tx:
        tx.run(
            Sql("UPDATE activity_group SET breaks = :breaks WHERE id = :id"),
            breaks='[["2026-05-25", "2026-05-29"], ["2026-07-06", "2026-07-10"]]',
            id=w.group["choir"],
        )
    record = w.active()
    found = clock(w.store, record)
    # The bank holiday lies in the first break: four more days off, not five.
    assert found["due"] == after(w.at, 34)
    sweep(w, found["due"])
    assert clock(w.store, record)["look_at"] == after(found["due"], 35)


# -- not started --------------------------------------------------------------------------------


def test_a_person_who_never_starts_comes_before_the_place_and_again_each_twenty_days(
    w: World,
) -> None:
    record = w.accepted()
    start = w.at
    sweep(w, after(start, 60) - MOMENT)
    assert [a for a in alarms(w.store, record) if a[1] == 2 and a[3] == 0] == []
    sweep(w, after(start, 60))
    long = rows(w.store, "SELECT id FROM clock WHERE kind = 'referral.not_started'")[0][0]
    raised = "SELECT level, kind, clock_period FROM escalation WHERE clock_id = :id"
    assert rows(w.store, raised, id=long) == [(2, "no_reply", 0)]
    for found in rows(w.store, "SELECT id FROM escalation WHERE closed_at IS NULL"):
        w.step(Noun.ESCALATION, found[0], "overtake", w.system)
    sweep(w, after(start, 80))
    assert rows(w.store, raised + " ORDER BY clock_period", id=long) == [
        (2, "no_reply", 0),
        (2, "no_reply", 1),
    ]


@pytest.mark.invariant("I53")
def test_no_hold_stops_the_clock_of_somebody_who_never_started(w: World) -> None:
    person = w.person()
    record = w.accepted(person)
    start = w.at
    concern(w, person)
    sweep(w, after(start, 60))
    assert [(a[0], a[1]) for a in alarms(w.store, record)] == [("no_reply", 2)]


@pytest.mark.invariant("I53")
def test_being_passed_on_does_not_start_that_clock_anew(w: World) -> None:
    record = returned(w)
    start = w.at
    w.later(days=3)
    priya = w.actor["priya"]
    with w.store.begin(priya) as tx:
        done = redirect_referral(tx, priya, w.at, record, group_id=w.group["pottery"])
    assert clocks(w.store, record) == []
    due = clock(w.store, done.new.id, "referral.not_started")["due"]
    assert due == after(start, 60)
    sweep(w, due)
    assert ("no_reply", 2) in [a[:2] for a in alarms(w.store, done.new.id)]


def test_starting_meets_it(w: World) -> None:
    record = w.active()
    start = w.at
    sweep(w, after(start, 60))
    kinds = rows(
        w.store,
        "SELECT t.kind FROM escalation x JOIN clock t ON t.id = x.clock_id WHERE x.about_id = :id",
        id=record,
    )
    assert kinds == [("referral.active",)]


# -- holds --------------------------------------------------------------------------------------


@pytest.mark.invariant("I44")
def test_a_held_clock_stands_still_and_goes_on_with_what_was_left(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    start = w.at
    due = clock(w.store, record)["due"]
    w.at = after(start, 2)
    held = concern(w, person)
    # Its own clock never stands still; ended here so that it stays with whoever lifts the hold.
    with w.store.begin() as tx:
        tx.run(Sql("UPDATE clock SET ended = :at WHERE record_id = :id"), at=w.at, id=held)
    for days in range(3, 13):
        sweep(w, after(start, days))
    assert told(w.store, record) == []
    assert state(w.store, "referral", record) == "sent"
    lifted(w, held)
    again = after(w.at, 3)
    sweep(w, after(w.at, 1))
    assert clock(w.store, record)["look_at"] == again, "three days were left"
    sweep(w, again - MOMENT)
    assert told(w.store, record) == []
    sweep(w, again)
    assert len(told(w.store, record)) == 2
    assert clock(w.store, record)["due"] == due, "what was promised isn't rewritten"


def test_a_clock_that_was_nearly_over_has_a_day_left_after_the_hold(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    due = clock(w.store, record)["due"]
    w.at = due - timedelta(minutes=5)
    held = concern(w, person)
    w.later(hours=2)
    lifted(w, held)
    sweep(w, w.at)
    assert told(w.store, record) == []
    assert clock(w.store, record)["look_at"] == after(w.at, 1)


def test_a_hold_between_the_reminder_and_the_lapse_moves_the_lapse_on(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    due = clock(w.store, record)["due"]
    sweep(w, due)
    w.at = after(due, 4)
    held = concern(w, person)
    w.at = after(due, 4) + timedelta(hours=20)
    lifted(w, held)
    long_after = after(due, 5)
    sweep(w, max(long_after, w.at))
    assert state(w.store, "referral", record) == "sent", "a day is left to answer"
    sweep(w, after(w.at, 3))
    assert state(w.store, "referral", record) == "returned"


def test_a_clock_that_no_hold_stops_goes_on(w: World) -> None:
    person = w.person()
    record = w.active(person)
    start = w.at
    concern(w, person)
    sweep(w, after(start, 30))
    assert len(told(w.store, record)) == 2


@pytest.mark.parametrize("reverse", [False, True], ids=["first_first", "last_first"])
def test_two_holds_over_christmas_lifted_in_either_order_give_the_same_due(
    store: Store, reverse: bool
) -> None:
    w = build(store, datetime(2026, 12, 15, 9, tzinfo=UTC))
    person = w.person()
    record = w.sent(person)
    start, due = w.at, clock(store, record)["due"]
    w.at = datetime(2026, 12, 17, 10, tzinfo=UTC)
    first = concern(w, person)
    w.at = datetime(2026, 12, 18, 15, 30, tzinfo=UTC)
    second = concern(w, person)
    one, other = (second, first) if reverse else (first, second)
    w.at = datetime(2026, 12, 24, 11, tzinfo=UTC)
    lifted(w, one)
    w.at = datetime(2027, 1, 5, 14, tzinfo=UTC)
    lifted(w, other)
    sweep(w, w.at)
    expected = due_with_holds(
        start, due, [(datetime(2026, 12, 17, 10, tzinfo=UTC), w.at)], w.at, ENGLAND
    )
    assert expected is not None
    assert clock(store, record)["look_at"] == expected
    sweep(w, expected - MOMENT)
    assert told(store, record) == []
    sweep(w, expected)
    assert len(told(store, record)) == 2


@pytest.mark.parametrize(
    ("sent", "reminded", "lapsed"),
    [
        # Clocks go forward on 29 March 2026; Good Friday and Easter Monday follow.
        ((2026, 3, 26, 9, 0), (2026, 4, 2, 8, 0), (2026, 4, 13, 8, 0)),
        # Clocks go back on 25 October 2026.
        ((2026, 10, 22, 8, 30), (2026, 10, 29, 9, 30), (2026, 11, 5, 9, 30)),
    ],
    ids=["forward", "back"],
)
def test_a_deadline_keeps_its_hour_when_the_clocks_change(
    store: Store,
    sent: tuple[int, ...],
    reminded: tuple[int, ...],
    lapsed: tuple[int, ...],
) -> None:
    w = build(store, datetime(*sent, tzinfo=UTC))  # type: ignore[arg-type, misc]
    record = w.sent()
    first = datetime(*reminded, tzinfo=UTC)  # type: ignore[arg-type, misc]
    second = datetime(*lapsed, tzinfo=UTC)  # type: ignore[arg-type, misc]
    sweep(w, first - MOMENT)
    assert told(store, record) == []
    sweep(w, first)
    assert len(told(store, record)) == 2
    sweep(w, second - MOMENT)
    assert state(store, "referral", record) == "sent"
    sweep(w, second)
    assert state(store, "referral", record) == "returned"


# -- consent ------------------------------------------------------------------------------------


@pytest.mark.invariant("I58")
def test_an_agreement_that_runs_out_takes_nobody_out_and_is_asked_again(w: World) -> None:
    person = w.person()
    draft = w.draft(person)
    until = after(w.at, 30)
    consent = w.consent(person, until=until).id
    w.referral(draft, "send", "priya", given={"shared": "{}"})
    w.referral(draft, "accept", "sol")
    w.referral(draft, "start", "sol")
    sweep(w, after(w.at, 10))
    assert told(w.store, consent) == [member(w, "priya"), f"person@{person}"]
    sweep(w, until - MOMENT)
    assert state(w.store, "consent", consent) == "given"
    sweep(w, until)
    assert state(w.store, "consent", consent) == "expired"
    assert state(w.store, "referral", draft) == "active"
    sweep(w, after(until, 5))
    sweep(w, after(until, 10))
    assert [a[:2] for a in alarms(w.store, consent)] == [("consent", 1)]


def test_a_question_nobody_needs_answered_waits_and_then_reminds_before_it_alarms(
    w: World,
) -> None:
    person = w.person()
    consent = w.consent(person, agreed=None).id  # type: ignore[arg-type]
    start = w.at
    for days in (10, 20, 30):
        sweep(w, after(start, days))
    assert told(w.store, consent) == []
    assert alarms(w.store, consent) == []
    assert clock(w.store, consent)["missed"] is None
    w.draft(person)
    sweep(w, after(start, 40))
    assert told(w.store, consent) == [member(w, "priya")]
    assert alarms(w.store, consent) == []
    sweep(w, after(start, 50))
    assert [a[:2] for a in alarms(w.store, consent)] == [("consent", 1)]


# -- concerns -----------------------------------------------------------------------------------


def test_danger_climbs_by_the_hour_at_night_and_at_the_weekend(store: Store) -> None:
    w = build(store, datetime(2026, 5, 16, 21, 0, tzinfo=UTC))  # a Saturday
    found = concern(w, w.person(), danger=True)
    sweep(w, w.at + timedelta(hours=1) - MOMENT)
    assert rows(store, "SELECT rung FROM concern WHERE id = :id", id=found) == [(1,)]
    for hour, rung in ((1, 2), (2, 3), (3, 4)):
        sweep(w, datetime(2026, 5, 16, 21, 0, tzinfo=UTC) + timedelta(hours=hour))
        assert rows(store, "SELECT rung FROM concern WHERE id = :id", id=found) == [(rung,)]
    assert alarms(store, found) == [], "the concern climbs; more people read an escalation"


@pytest.mark.invariant("I09")
def test_at_the_top_the_clock_of_a_concern_starts_again_and_health_names_it(w: World) -> None:
    found = concern(w, w.person())
    reference = rows(w.store, "SELECT reference FROM concern WHERE id = :id", id=found)[0][0]
    top = f"accountable_officer@{w.place['root']}"
    for _ in range(3):
        sweep(w, clock(w.store, found)["due"])
    assert clock(w.store, found)["owner"] == top
    assert not named(w, "concern_at_top")
    version = rows(w.store, "SELECT version FROM concern WHERE id = :id", id=found)
    before = clock(w.store, found)
    for number in (1, 2):
        sweep(w, clock(w.store, found)["due"])
        assert told(w.store, found) == [top] * number
    assert rows(w.store, "SELECT version FROM concern WHERE id = :id", id=found) == version
    now = clock(w.store, found)
    assert now["id"] == before["id"]
    assert now["due"] == after(before["due"], 2)
    assert named(w, "concern_at_top") == (reference,)
    w.step(Noun.CONCERN, found, "acknowledge", "amara")
    assert not named(w, "concern_at_top")


def named(w: World, code: str) -> tuple[str, ...]:
    with w.store.read() as tx:
        found = {f.code: f for f in health(tx, w.at).findings}
    return found[code].which if code in found else ()


# -- escalations --------------------------------------------------------------------------------


def escalation(w: World, kind: str = "no_reply", **more: object) -> str:
    given = {"kind": kind, "about": "referral", "about_id": w.draft(), "note": "Help", **more}
    return w.step(Noun.ESCALATION, None, "raise", "priya", given=given).id


def level(w: World, record: str) -> tuple[int, str]:
    found = rows(w.store, "SELECT level, state FROM escalation WHERE id = :id", id=record)
    return int(found[0][0]), str(found[0][1])


@pytest.mark.invariant("I12")
def test_an_escalation_climbs_to_its_ceiling_and_no_further(w: World) -> None:
    found = escalation(w)
    reference = rows(w.store, "SELECT reference FROM escalation WHERE id = :id", id=found)[0][0]
    sweep(w, clock(w.store, found)["due"])
    assert level(w, found) == (2, "raised")
    assert not named(w, "escalation_at_ceiling")
    before = clock(w.store, found)
    sweep(w, before["due"])
    assert level(w, found) == (2, "raised")
    assert told(w.store, found) == [f"governance_lead@{w.place['harbour']}"]
    assert clock(w.store, found)["due"] == after(before["due"], 2)
    assert named(w, "escalation_at_ceiling") == (reference,)


def test_the_third_question_that_nobody_answers_climbs(w: World) -> None:
    found = escalation(w, "disagreement")
    w.step(Noun.ESCALATION, found, "acknowledge", "tess")
    question = {"note": "When?", "asked": member(w, "sam")}
    for _ in range(2):
        w.step(Noun.ESCALATION, found, "ask", "tess", given=question)
        sweep(w, clock(w.store, found)["due"])
        assert level(w, found) == (1, "in_review")
    w.step(Noun.ESCALATION, found, "ask", "tess", given=question)
    sweep(w, clock(w.store, found)["due"])
    assert level(w, found) == (2, "raised")


def test_at_the_ceiling_an_unanswered_question_goes_back_each_time(w: World) -> None:
    found = escalation(w)
    sweep(w, clock(w.store, found)["due"])
    w.step(Noun.ESCALATION, found, "acknowledge", "grace")
    for _ in range(4):
        w.step(
            Noun.ESCALATION, found, "ask", "grace", given={"note": "?", "asked": member(w, "sam")}
        )
        sweep(w, clock(w.store, found)["due"])
        assert level(w, found) == (2, "in_review")


def decided(w: World, found: str, who: str) -> None:
    w.step(Noun.ESCALATION, found, "acknowledge", who)
    given = {"decision": "uphold", "note": "Yes."}
    w.step(Noun.ESCALATION, found, "decide", who, given=given)


def test_a_decision_not_carried_out_is_raised_one_level_up_and_stands(w: World) -> None:
    found = escalation(w, "disagreement")
    sweep(w, clock(w.store, found)["due"])
    decided(w, found, "grace")
    due = clock(w.store, found)["due"]
    sweep(w, due)
    assert told(w.store, found) == [f"governance_lead@{w.place['harbour']}"]
    sweep(w, after(due, 5))
    assert [a[:3] for a in alarms(w.store, found)] == [("disagreement", 3, "raised")]
    assert level(w, found) == (2, "decided")
    w.step(Noun.ESCALATION, found, "complete", "grace")
    assert [a[2] for a in alarms(w.store, found)] == ["closed"]


def test_a_decision_at_the_ceiling_is_chased_without_a_new_record(w: World) -> None:
    found = escalation(w)
    sweep(w, clock(w.store, found)["due"])
    decided(w, found, "grace")
    due = clock(w.store, found)["due"]
    sweep(w, due)
    sweep(w, after(due, 5))
    assert alarms(w.store, found) == []
    assert len(told(w.store, found)) == 2
    assert clock(w.store, found)["due"] == after(due, 10)


# -- providers and agreements -------------------------------------------------------------------


def assured(w: World) -> str:
    found = rows(w.store, "SELECT id FROM assurance WHERE provider_id = :p", p=w.provider["clay"])
    return str(found[0][0])


def evidence(w: World, kind: str, until: datetime) -> str:
    grace = w.actor["grace"]
    with w.store.begin(grace) as tx:
        return add_evidence(
            tx,
            grace,
            w.at,
            provider_id=w.provider["clay"],
            kind=kind,
            from_at=w.at - timedelta(days=1),
            until=until,
        )


def test_evidence_that_runs_out_is_announced_and_then_lapses(w: World) -> None:
    record = assured(w)
    active = w.active(activity="pottery")
    until = w.at + timedelta(days=45)
    evidence(w, "dbs", until)
    now = clock(w.store, record)
    assert (now["due"], now["fired"]) == (until, 1), "the sixty days have passed already"
    sweep(w, until - timedelta(days=30))
    sweep(w, until - timedelta(days=7))
    assert len(told(w.store, record)) == 4
    sweep(w, until - MOMENT)
    assert state(w.store, "assurance", record) == "assured"
    sweep(w, until)
    assert state(w.store, "assurance", record) == "lapsed"
    assert state(w.store, "referral", active) == "active", "paper puts nobody out"
    assert told(w.store, record, "provider_lapsed") == [member(w, "priya")]
    assert [a[:2] for a in alarms(w.store, record)] == [("quality", 2)]


def test_each_further_paper_is_spoken_of_once_at_each_date(w: World) -> None:
    record = assured(w)
    until = w.at + timedelta(days=90)
    evidence(w, "first_aid", until)
    said = [
        sweep(w, until - timedelta(days=days))["paper reminded"]
        for days in (61, 60, 59, 31, 30, 29, 8, 7, 6)
    ]
    assert said == [0, 1, 0, 0, 1, 0, 0, 1, 0]
    leaders = f"provider_leader@{w.org['clay']}"
    assert set(told(w.store, record, "paper_runs_out")) == {leaders}


def test_a_renewed_paper_and_the_one_the_clock_speaks_of_are_left_out(w: World) -> None:
    record = assured(w)
    first, other = w.at + timedelta(days=70), w.at + timedelta(days=90)
    evidence(w, "dbs", first)
    evidence(w, "first_aid", other)
    evidence(w, "first_aid", w.at + timedelta(days=300))
    sweep(w, first - timedelta(days=7))
    assert told(w.store, record, "paper_runs_out") == []
    assert len(told(w.store, record, "reminder")) > 0


def test_evidence_renewed_in_time_does_not_lapse(w: World) -> None:
    record = assured(w)
    until = w.at + timedelta(days=20)
    evidence(w, "dbs", until)
    sweep(w, until - timedelta(days=7))
    evidence(w, "dbs", until + timedelta(days=300))
    sweep(w, until)
    assert state(w.store, "assurance", record) == "assured"
    later = clock(w.store, record)["due"]
    assert later > until
    sweep(w, later - timedelta(days=60))
    assert len(told(w.store, record)) == 2  # those of last year are cleared away


def test_a_renewal_in_hand_has_ten_days_of_grace(w: World) -> None:
    record = assured(w)
    until = w.at + timedelta(days=20)
    item = evidence(w, "risk_assessment", until)
    kit = w.actor["kit"]
    with w.store.begin(kit) as tx:
        grace = renewal_in_hand(tx, kit, w.at, item)
    assert grace == after(until, 10)
    sweep(w, until)
    assert state(w.store, "assurance", record) == "assured"
    sweep(w, grace)
    assert state(w.store, "assurance", record) == "lapsed"


@pytest.mark.parametrize(("days", "comes_to"), [(40, "in_review"), (10, "lapsed")])
def test_the_date_of_the_conditions_brings_a_review_and_evidence_run_out_a_lapse(
    w: World, days: int, comes_to: str
) -> None:
    record = assured(w)
    for trigger, who, given in (
        ("leave", "kit", {"reason": "own_choice"}),
        ("apply", "kit", {}),
        ("review", "grace", {}),
        (
            "condition",
            "grace",
            {
                "conditions_until": w.at + timedelta(days=30),
                "conditional_activities": [w.activity["pottery"]],
                "note": "A new risk assessment.",
            },
        ),
    ):
        w.step(Noun.ASSURANCE, record, trigger, who, given=given)
    evidence(w, "dbs", w.at + timedelta(days=days))
    assert clock(w.store, record)["due"] == w.at + timedelta(days=min(days, 30))
    sweep(w, clock(w.store, record)["due"])
    assert state(w.store, "assurance", record) == comes_to


def agreement(w: World) -> str:
    return str(rows(w.store, "SELECT id FROM agreement")[0][0])


@pytest.mark.parametrize("needed", [True, False])
def test_an_agreement_that_ended_is_chased_while_anybody_is_there_under_it(
    w: World, needed: bool
) -> None:
    if needed:
        w.active()
    record = agreement(w)
    w.step(Noun.AGREEMENT, record, "end", "grace", given={"reason": "not_needed"})
    start = w.at
    sweep(w, after(start, 20))
    assert bool(told(w.store, record)) is needed
    assert clocks(w.store, record), "it is looked at again"


# -- two people ---------------------------------------------------------------------------------


def proposal(w: World) -> str:
    record = w.sent()
    priya = w.actor["priya"]
    with w.store.begin(priya) as tx:
        return propose(
            tx, priya, w.at, Noun.REFERRAL, record, "mark_in_error", {"reason": "duplicate"}
        )


def answer(w: World, found: str) -> str | None:
    row = rows(w.store, "SELECT answer FROM confirmation WHERE id = :id", id=found)[0]
    return None if row[0] is None else str(row[0])


def test_a_proposal_nobody_confirms_lapses_and_both_are_told(w: World) -> None:
    found = proposal(w)
    start = w.at
    sweep(w, after(start, 5) - MOMENT)
    assert answer(w, found) is None
    for _ in range(2):
        sweep(w, after(start, 5))
    assert answer(w, found) == "lapsed"
    to = rows(w.store, "SELECT to_owner FROM outbox WHERE what = 'proposal_lapsed' ORDER BY id")
    assert [row[0] for row in to] == [member(w, "priya"), f"team_lead@{w.org['ash']}"]


def test_a_proposal_that_was_confirmed_does_not_lapse(w: World) -> None:
    found = proposal(w)
    with w.store.begin(w.actor["sam"]) as tx:
        confirm_proposal(tx, w.actor["priya"], w.actor["sam"], w.at, found)
    sweep(w, after(w.at, 6))
    assert answer(w, found) == "confirmed"


def test_a_proposal_confirmed_at_the_last_moment_does_not_lapse(w: World) -> None:
    found = proposal(w)
    w.at = after(w.at, 5)
    with w.store.read() as tx:
        (waiting,) = queue.unanswered(tx, w.at, 9)
    with w.store.begin(w.actor["sam"]) as tx:
        confirm_proposal(tx, w.actor["priya"], w.actor["sam"], w.at, found)
    with w.store.begin() as tx:
        assert lapse_proposal(tx, waiting, w.at) is False
    assert answer(w, found) == "confirmed"
    assert rows(w.store, "SELECT id FROM outbox WHERE what = 'proposal_lapsed'") == []


def test_a_proposal_made_at_a_weekend_has_five_working_days(w: World) -> None:
    w.at = datetime(2026, 5, 16, 10, tzinfo=UTC)
    found = proposal(w)
    # The next weekend, and the bank holiday after it, are no time to lapse.
    for still in (datetime(2026, 5, 23, 10, tzinfo=UTC), datetime(2026, 5, 25, 22, tzinfo=UTC)):
        sweep(w, still)
        assert answer(w, found) is None
    sweep(w, datetime(2026, 5, 25, 23, tzinfo=UTC))
    assert answer(w, found) == "lapsed"


def test_dates_are_days(w: World) -> None:
    record = w.active()
    w.referral(record, "pause", "sol", given={"paused_until": date(2026, 6, 30)})
    assert clock(w.store, record)["due"] == after(datetime(2026, 6, 30, 23, tzinfo=UTC), 5)


@pytest.mark.parametrize("over", [False, True])
def test_nobody_is_asked_again_for_consent_to_what_has_ended(w: World, over: bool) -> None:
    person = w.person()
    record = w.draft(person)
    until = w.at + timedelta(days=200)
    consent = w.consent(person, until=until).id
    if over:
        w.referral(record, "send", "priya", given={"shared": "{}"})
        w.referral(record, "withdraw", "priya", given={"reason": "person_asked"})
    sweep(w, until - timedelta(days=5))
    assert (told(w.store, consent, "reminder") == []) is over
    sweep(w, until)
    assert state(w.store, "consent", consent) == "expired"
