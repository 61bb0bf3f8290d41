"""Several leaders of one provider decide at once: one wins, and the others learn who."""

from __future__ import annotations

from datetime import datetime

import pytest

from referral.actors import Actor
from referral.states import Noun
from referral.store import Sql, Store, Tx
from tests.races.together import at_once, edge_of, leaders, many_clients, overtaken
from tests.races.whole import assert_whole
from tests.world import World, build
from workflows.activities import save_group
from workflows.engine import step
from workflows.referrals import confirm_proposal, propose

SIXTEEN = 16


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def set_places(w: World, **values: int) -> None:
    with w.store.begin(w.system) as tx:
        change_places(w, tx, w.system, w.at, **values)


def change_places(w: World, tx: Tx, actor: Actor, at: datetime, **values: int) -> None:
    save_group(
        tx,
        actor,
        at,
        activity_id=w.activity["choir"],
        group_id=w.group["choir"],
        values=values,
    )


def newest(w: World, record: str) -> tuple[str, str]:
    """Who made the newest step, and which: what a page says beside "somebody changed this"."""
    with w.store.read() as tx:
        return tx.rows(
            Sql(
                "SELECT CAST(membership_id AS text), trigger FROM step WHERE record_id = :id"
                " ORDER BY version DESC LIMIT 1"
            ),
            id=record,
        )[0]


@pytest.mark.parametrize(("seen", "code"), [(2, "stale"), (None, "no_such_move")])
@pytest.mark.invariant("I02")
def test_of_sixteen_who_accept_one_referral_one_wins(w: World, seen: int | None, code: str) -> None:
    record = w.sent()
    crowd = leaders(w, "singers", SIXTEEN)
    with many_clients(w, SIXTEEN) as edge:
        found = at_once(
            [
                lambda a=actor: edge.perform(
                    a,
                    lambda tx, at: step(tx, Noun.REFERRAL, record, "accept", a, at, version=seen),
                )
                for actor in crowd
            ]
        )
    winners = [a for a, f in zip(crowd, found, strict=True) if f.won]
    assert len(winners) == 1
    assert [f.codes for f in found if not f.won] == [(code,)] * (SIXTEEN - 1)
    assert newest(w, record) == (winners[0].membership_id, "accept")
    with w.store.read() as tx:
        entries = tx.rows(
            Sql("SELECT action, count(*) FROM audit WHERE record_id = :id GROUP BY action"),
            id=record,
        )
    assert dict(entries) == {"step": 3, "refused": SIXTEEN - 1}
    assert_whole(w.store)


@pytest.mark.invariant("I25")
def test_of_twelve_who_accept_into_two_places_two_win(w: World) -> None:
    records = [w.sent() for _ in range(12)]
    crowd = leaders(w, "singers", len(records))
    set_places(w, capacity=5, members_from_outside=3)
    with many_clients(w, len(records)) as edge:
        found = at_once(
            [
                lambda a=actor, r=record: edge.perform(
                    a, lambda tx, at: step(tx, Noun.REFERRAL, r, "accept", a, at)
                )
                for actor, record in zip(crowd, records, strict=True)
            ]
        )
    assert sum(f.won for f in found) == 2
    assert {f.codes for f in found if not f.won} == {("place_left",)}
    assert_whole(w.store)


def test_a_place_that_goes_between_reading_and_writing_is_refused(w: World) -> None:
    # On PostgreSQL the guard still sees the place: only the write finds that it has gone.
    one, other = w.sent(), w.sent()
    set_places(w, capacity=1)
    sol, rae = w.actor["sol"], w.actor["rae"]
    found, waited = overtaken(
        w,
        sol,
        lambda tx: step(tx, Noun.REFERRAL, one, "accept", sol, w.at),
        lambda: edge_of(w).perform(
            rae, lambda tx, at: step(tx, Noun.REFERRAL, other, "accept", rae, at)
        ),
    )
    assert waited
    assert found.codes == ("place_left",)
    assert_whole(w.store)


def test_places_are_not_lowered_past_those_just_given(w: World) -> None:
    record = w.sent()
    sol, rae = w.actor["sol"], w.actor["rae"]
    found, _ = overtaken(
        w,
        sol,
        lambda tx: step(tx, Noun.REFERRAL, record, "accept", sol, w.at),
        lambda: edge_of(w).perform(rae, lambda tx, at: change_places(w, tx, rae, at, capacity=0)),
    )
    assert found.codes == ("wrong_capacity",)
    assert_whole(w.store)


@pytest.mark.parametrize("first_says", [True, False])
def test_a_proposal_is_answered_once(w: World, first_says: bool) -> None:
    record, priya = w.sent(), w.actor["priya"]
    sam, gwen = w.actor["sam"], w.actor["gwen"]
    with w.store.begin(priya) as tx:
        proposal = propose(
            tx, priya, w.at, Noun.REFERRAL, record, "mark_in_error", {"reason": "duplicate"}
        )
    found, _ = overtaken(
        w,
        sam,
        lambda tx: confirm_proposal(tx, priya, sam, w.at, proposal, agree=first_says),
        lambda: edge_of(w).perform(
            gwen,
            lambda tx, at: confirm_proposal(tx, priya, gwen, at, proposal, agree=not first_says),
        ),
    )
    assert found.codes == ("not_found",)
    with w.store.read() as tx:
        answer = tx.rows(Sql("SELECT answer, CAST(answered_by AS text) FROM confirmation"))
        state = tx.rows(Sql("SELECT state FROM referral WHERE id = :id"), id=record)
    assert answer == [("confirmed" if first_says else "refused", sam.membership_id)]
    assert state == [("in_error" if first_says else "sent",)]
    assert_whole(w.store)
