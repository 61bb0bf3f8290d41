"""Consent taken back, or a concern raised, while a referral is being sent or accepted.

The check is by the order of commits. Consent: once both have finished, no referral is with the
provider without a consent in force. Holds: no send or accept of the person has a later place in
the log than the raising of the concern that holds (its entry is written under the person's gate,
which whoever sends or accepts holds until the commit)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from referral.states import Noun
from referral.store import Sql, Store, Tx
from tests.races.rounds import rounds
from tests.races.together import (
    Clients,
    Outcome,
    after,
    edge_of,
    many_clients,
    moments,
    overtaken,
)
from tests.races.whole import assert_whole, ungrounded
from tests.world import World, build
from workflows import engine
from workflows.engine import Done, step
from workflows.referrals import change_draft, redirect_referral, send_referral

ROUNDS = rounds(100, 2_000)  # each second one a send, the others accepts
CONSENT = Sql("SELECT id FROM consent WHERE person_id = :p AND state = 'given'")
LATE = Sql(
    """SELECT s.trigger, count(*) FROM audit a
  JOIN step s ON s.record_id = a.record_id AND s.version = a.version
  JOIN referral r ON r.id = a.record_id
  WHERE a.action = 'step' AND s.trigger IN ('send','accept') AND EXISTS (
    SELECT 1 FROM concern c JOIN audit raised ON raised.record_id = c.id AND raised.version = 1
    WHERE c.person_id = r.person_id AND raised.seq < a.seq)
  GROUP BY s.trigger"""
)


@pytest.fixture
def w(store: Store) -> World:
    made = build(store)
    set_places(made, 10_000)
    return made


def set_places(w: World, capacity: int) -> None:
    with w.store.begin() as tx:
        tx.run(Sql("UPDATE activity_group SET capacity = :n"), n=capacity)


def ready(w: World, sent: bool) -> tuple[str, str, str]:
    """(person, referral, consent) of somebody to be sent, or sent and to be accepted."""
    person = w.person()
    record = w.sent(person) if sent else w.draft(person)
    if not sent:
        w.consent(person)
    with w.store.read() as tx:
        return person, record, str(tx.rows(CONSENT, p=person)[0][0])


Command = Callable[[Tx, datetime], Any]


def forward(w: World, record: str, sent: bool) -> tuple[str, Command]:
    """Send it, or accept what was sent: by whom, and the command."""
    if sent:
        return "sol", lambda tx, at: step(tx, Noun.REFERRAL, record, "accept", w.actor["sol"], at)
    return "priya", lambda tx, at: send_referral(tx, w.actor["priya"], at, record)


def withdraw(w: World, consent: str) -> Command:
    return lambda tx, at: step(
        tx,
        Noun.CONSENT,
        consent,
        "withdraw",
        w.actor["sam"],
        at,
        {"reason": "person_said_no"},
    )


def worry(w: World, person: str) -> Command:
    given = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": []}
    return lambda tx, at: step(tx, Noun.CONCERN, None, "raise", w.actor["sam"], at, given)


def late(w: World) -> dict[str, int]:
    """Sends and accepts that came after a concern about the person."""
    with w.store.read() as tx:
        return dict(tx.rows(LATE))


def race(w: World, against: Callable[[World, tuple[str, str, str]], Command]) -> Counter[str]:
    """Send (even rounds) or accept (odd rounds) against something; how often each came to what."""
    came: Counter[str] = Counter()
    people = [ready(w, sent=n % 2 == 1) for n in range(ROUNDS)]
    waits = moments(seed=20260512)
    with many_clients(w, 2) as edge, Clients(2) as clients:
        for n, one in enumerate(people):
            mine, theirs = next(waits)
            who, command = forward(w, one[1], sent=n % 2 == 1)
            stop = against(w, one)
            moved, stopped = clients.at_once(
                [
                    after(mine, lambda a=w.actor[who], c=command: edge.perform(a, c)),
                    after(theirs, lambda c=stop: edge.perform(w.actor["sam"], c)),
                ]
            )
            assert stopped.won, stopped.codes
            came[f"{'accept' if n % 2 else 'send'} {'first' if moved.won else 'too late'}"] += 1
            assert moved.won or moved.codes in (
                ("ground_to_share",),
                ("not_held",),
                ("no_such_move",),
            )
    return came


def test_consent_taken_back_never_leaves_anyone_with_a_provider(w: World) -> None:
    came = race(w, lambda w, one: withdraw(w, one[2]))
    assert ungrounded(w.store) == []
    assert_whole(w.store)
    # The race was one: each came first at times.
    assert all(
        came[f"{what} {how}"] for what in ("send", "accept") for how in ("first", "too late")
    )


@pytest.mark.invariant("I35")
def test_nothing_is_sent_or_accepted_after_a_concern_holds(w: World) -> None:
    came = race(w, lambda w, one: worry(w, one[0]))
    assert late(w) == {}
    assert_whole(w.store)
    assert all(
        came[f"{what} {how}"] for what in ("send", "accept") for how in ("first", "too late")
    )


# -- the same, moment by moment -----------------------------------------------------------------


def behind(w: World, stop: Command, who: str, command: Command) -> tuple[Outcome, bool]:
    """The command, while what stops it is written and not yet committed."""
    return overtaken(
        w,
        w.actor["sam"],
        lambda tx: stop(tx, w.at),
        lambda: edge_of(w).perform(w.actor[who], command),
    )


@pytest.mark.parametrize("sent", [False, True], ids=["send", "accept"])
def test_a_move_waits_for_a_withdrawal_under_way_and_is_refused(w: World, sent: bool) -> None:
    _, record, consent = ready(w, sent)
    found, waited = behind(w, withdraw(w, consent), *forward(w, record, sent))
    assert waited
    assert found.codes == (("no_such_move",) if sent else ("ground_to_share",))
    assert ungrounded(w.store) == []
    assert_whole(w.store)


@pytest.mark.parametrize("sent", [False, True], ids=["send", "accept"])
def test_a_move_waits_for_a_concern_under_way_and_is_refused(w: World, sent: bool) -> None:
    person, record, _ = ready(w, sent)
    found, waited = behind(w, worry(w, person), *forward(w, record, sent))
    assert waited
    assert found.codes == ("not_held",)
    assert late(w) == {}
    assert_whole(w.store)


@pytest.mark.parametrize("sent", [False, True], ids=["send", "accept"])
def test_a_withdrawal_waits_for_a_move_under_way_and_stops_it(w: World, sent: bool) -> None:
    _, record, consent = ready(w, sent)
    who, command = forward(w, record, sent)
    found, waited = overtaken(
        w,
        w.actor[who],
        lambda tx: command(tx, w.at),
        lambda: edge_of(w).perform(w.actor["sam"], withdraw(w, consent)),
    )
    assert waited
    done: Done = found.answer
    assert [(d.noun, d.state) for d in done.followed] == [(Noun.REFERRAL, "withdrawn")]
    assert ungrounded(w.store) == []
    assert_whole(w.store)


def test_a_move_that_has_to_look_again_is_made_once(w: World) -> None:
    # Giving back is allowed under a hold: it waits for the concern, reads again, and goes on.
    person = w.person()
    record = w.accepted(person)
    given = {"reason": "safety", "note": "He needs a quieter room."}
    found, waited = behind(
        w,
        worry(w, person),
        "sol",
        lambda tx, at: step(
            tx, Noun.REFERRAL, record, "give_back", w.actor["sol"], at, given, key="one"
        ),
    )
    assert waited
    assert (found.answer.state, found.answer.version) == ("returned", 4)
    once = {
        "outbox": "what = 'given_back'",
        "note": "noun = 'referral'",
        "idempotency": "key = 'one'",
        "clock": "kind = 'referral.returned'",
    }
    with w.store.read() as tx:
        for table, which in once.items():
            assert tx.rows(Sql(f"SELECT count(*) FROM {table} WHERE {which}")) == [(1,)]
    assert_whole(w.store)


def test_a_draft_sent_meanwhile_is_not_changed(w: World) -> None:
    _, record, _ = ready(w, sent=False)
    priya = w.actor["priya"]
    found, _ = overtaken(
        w,
        priya,
        lambda tx: send_referral(tx, priya, w.at, record),
        lambda: edge_of(w).perform(
            priya, lambda tx, at: change_draft(tx, priya, at, record, {"risks": "not_known"})
        ),
    )
    assert found.codes == ("no_such_move",)
    with w.store.read() as tx:
        assert tx.rows(Sql("SELECT risks FROM referral WHERE id = :id"), id=record) == [("none",)]


def test_referring_on_waits_for_a_move_of_the_same_referral(w: World) -> None:
    # The clock that goes along with it is taken after the referral, as by every other move: two
    # that took them in turn would wait for each other.
    _, record, _ = ready(w, sent=True)
    w.referral(record, "decline", "sol", given={"reason": "full"})
    priya, sam = w.actor["priya"], w.actor["sam"]
    tries = []

    def refer_on(tx: Tx, at: datetime) -> Any:
        tries.append(at)
        return redirect_referral(tx, priya, at, record, group_id=w.group["pottery"])

    found, waited = overtaken(
        w,
        sam,
        lambda tx: tx.run(Sql("UPDATE referral SET urgent = urgent WHERE id = :id"), id=record),
        lambda: edge_of(w).perform(priya, refer_on),
        then=lambda tx: step(
            tx, Noun.REFERRAL, record, "close_unmet", priya, w.at, {"reason": "no_provider"}
        ),
    )
    assert waited
    assert len(tries) == 1
    assert found.codes == ("no_such_move",)
    assert_whole(w.store)


@pytest.mark.postgresql
@pytest.mark.parametrize("sent", [False, True], ids=["send", "accept"])
@pytest.mark.parametrize("what", ["consent", "concern"])
def test_without_the_gates_the_same_moments_go_wrong(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch, what: str, sent: bool
) -> None:
    # What these tests are worth: with the gates taken out, each of them notices.
    monkeypatch.setattr(engine, "_gates", lambda noun, f: [])
    store = Store(postgresql_url)
    w = build(store)
    person, record, consent = ready(w, sent)
    stop = withdraw(w, consent) if what == "consent" else worry(w, person)
    found, waited = behind(w, stop, *forward(w, record, sent))
    if what == "consent" and sent:
        # Here the record's own row is in the way as well: the withdrawal has already stopped it.
        assert (found.codes, waited) == (("no_such_move",), True)
    else:
        assert found.won
        assert not waited
        assert ungrounded(store) if what == "consent" else late(w)
    store.dispose()
