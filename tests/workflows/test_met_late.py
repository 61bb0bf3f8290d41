"""A clock met late is recorded as missed, though no sweep has looked since: the move says so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from referral.ids import new_id
from referral.rows import put
from referral.states import Noun
from referral.store import Sql, Store
from referral.verify import verify
from tests.winding import after, clock, sweep
from tests.world import World, build
from workflows import engine
from workflows.rules_for_verify import rules_for_verify

MISSED = Sql(
    "SELECT kind, missed, due FROM clock WHERE record_id = :id AND ended IS NOT NULL ORDER BY id",
    times=(1, 2),
)


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def missed(w: World, record: str) -> dict[str, datetime | None]:
    with w.store.read() as tx:
        return {kind: at for kind, at, _ in tx.rows(MISSED, id=record)}


def whole(w: World) -> bool:
    with w.store.snapshot() as tx:
        report = verify(tx, rules_for_verify())
    assert report.whole, report.lines()[:5]
    return True


def test_a_referral_accepted_a_day_late_is_missed_and_one_in_time_is_not(w: World) -> None:
    late, just = w.sent(), w.sent()
    due = clock(w.store, late)["due"]
    w.referral(just, "accept", "sol", at=due - timedelta(seconds=1))
    w.referral(late, "accept", "sol", at=due + timedelta(days=1))
    assert missed(w, just)["referral.sent"] is None
    assert missed(w, late)["referral.sent"] == due
    assert "referral.not_started" not in missed(w, late)
    assert whole(w)


def test_at_the_very_moment_it_is_due_it_is_missed_as_the_sweep_has_it(w: World) -> None:
    by_move, by_sweep = w.sent(), w.sent()
    due = clock(w.store, by_move)["due"]
    w.referral(by_move, "accept", "sol", at=due)
    sweep(w, due)
    assert clock(w.store, by_sweep)["missed"] == missed(w, by_move)["referral.sent"] == due


def test_what_the_sweep_has_marked_keeps_its_mark(w: World) -> None:
    record = w.sent()
    due = clock(w.store, record)["due"]
    sweep(w, due + timedelta(hours=1))
    w.referral(record, "accept", "sol", at=due + timedelta(days=1))
    assert missed(w, record)["referral.sent"] == due


def hold(w: World, person: str, start: datetime, end: datetime | None) -> None:
    with w.store.begin() as tx:
        put(
            tx,
            "hold",
            {
                "id": new_id(),
                "system_id": w.system_id,
                "organisation_id": w.org["ash"],
                "cause": "hospital",
                "concern_id": None,
                "person_id": person,
                "provider_id": None,
                "referral_id": None,
                "closed_to": None,
                "owner": f"member@{w.actor['priya'].membership_id}",
                "started": start,
                "until": None,
                "ended": end,
            },
        )


def test_the_time_held_does_not_count(w: World) -> None:
    """Two days held: a day after the written date there is still a day left."""
    person, other = w.person(), w.person()
    held, long_late = w.sent(person), w.sent(other)
    due = clock(w.store, held)["due"]
    for one in (person, other):
        hold(w, one, w.at, after(w.at, 2))
    w.referral(held, "accept", "sol", at=after(due, 1))
    w.referral(long_late, "accept", "sol", at=after(due, 3))
    assert missed(w, held)["referral.sent"] is None
    assert missed(w, long_late)["referral.sent"] == after(due, 2)


def test_nothing_is_late_while_it_stands_still(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    due = clock(w.store, record)["due"]
    hold(w, person, w.at, None)
    w.referral(record, "decline", "sol", given={"reason": "full"}, at=after(due, 3))
    assert missed(w, record)["referral.sent"] is None


def test_other_machines_too(w: World) -> None:
    raised = w.step(
        Noun.CONCERN,
        None,
        "raise",
        "priya",
        given={"person_id": w.person(), "seen": "Bruises.", "danger": False},
    )
    due = clock(w.store, raised.id)["due"]
    w.step(Noun.CONCERN, raised.id, "acknowledge", "gwen", at=due + timedelta(hours=2))
    assert missed(w, raised.id) == {"concern.raised": due}
    asked = w.step(
        Noun.ESCALATION,
        None,
        "raise",
        "priya",
        given={"kind": "complaint", "about": "referral", "about_id": w.sent(), "note": "Help"},
    )
    due = clock(w.store, asked.id)["due"]
    w.step(Noun.ESCALATION, asked.id, "acknowledge", "tess", at=due + timedelta(hours=2))
    assert missed(w, asked.id) == {"escalation.raised": due}
    assert whole(w)


def test_a_question_nobody_needs_answered_any_more_was_not_missed(w: World) -> None:
    done = w.step(
        Noun.CONSENT,
        None,
        "ask",
        "priya",
        given={
            "person_id": w.person(),
            "purpose": "share_with_provider",
            "recipient": w.provider["singers"],
        },
    )
    due = clock(w.store, done.id)["due"]
    w.step(
        Noun.CONSENT,
        done.id,
        "give",
        "priya",
        given={"basis": "agreement", "how": "phone"},
        at=due + timedelta(days=1),
    )
    assert missed(w, done.id) == {"consent.asked": None}


def test_a_move_in_time_costs_no_statement_more(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    really = engine.picks.perhaps_late
    monkeypatch.setattr(
        engine.picks, "perhaps_late", lambda *given: asked.append(given) or really(*given)
    )
    in_time, late = w.sent(), w.sent()
    w.referral(in_time, "accept", "sol")
    assert asked == []
    w.referral(late, "accept", "sol", at=after(w.at, 9))
    assert len(asked) == 1
