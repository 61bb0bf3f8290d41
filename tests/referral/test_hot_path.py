"""What makes a command quick, and may not change what it does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from referral.ids import new_id
from referral.ledger import Row, insert, write
from referral.states import Noun
from referral.store import Sql, Store, Tx
from tests.world import World, build
from workflows.engine import TABLES, Refused
from workflows.referrals import send_referral

PREPARED = Sql("SELECT name FROM pg_prepared_statements ORDER BY name")
LETTERS = Sql("SELECT what, record_id, at FROM outbox WHERE to_owner = :owner ORDER BY what", (2,))


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def _letter(w: World, what: str, record_id: str, at: datetime) -> Row:
    return Row(
        insert("outbox"),
        {
            "system_id": w.system_id,
            "to_owner": "nobody@test",
            "what": what,
            "noun": "referral",
            "record_id": record_id,
            "version": 1,
            "at": at,
            "run_at": at,
            "lease_until": None,
            "tries": 0,
            "sent_at": None,
            "result": None,
        },
    )


def _group(w: World) -> Row:
    """A head for the rows of a test to hang off: one more group of an activity."""
    values = {
        "id": new_id(w.at),
        "system_id": w.system_id,
        "activity_id": w.activity["choir"],
        "name": "Fridays",
        "capacity": 8,
        "taken": 0,
        "members_from_outside": 0,
    }
    return Row(insert("activity_group", *values, head=True), values)


@pytest.mark.parametrize("alike", [True, False])
def test_each_row_of_a_step_says_its_own(w: World, alike: bool) -> None:
    one, two = new_id(w.at), new_id(w.at)
    later = w.at if alike else w.at + timedelta(hours=1)
    rows = [_letter(w, "a", one, w.at), _letter(w, "b", one if alike else two, later)]
    with w.store.begin() as tx:
        assert write(tx, [_group(w), *rows])
    with w.store.read() as tx:
        found = tx.rows(LETTERS, owner="nobody@test")
    assert found == [("a", one, w.at), ("b", one if alike else two, later)]


def _prepared(tx: Tx) -> list[str]:
    return [row[0] for row in tx.rows(PREPARED)]


@pytest.mark.postgresql
def test_a_refusal_leaves_the_prepared_statements(postgresql_url: str) -> None:
    store = Store(postgresql_url, pool_size=1)
    w = build(store)
    draft = w.draft()
    with store.read() as tx:
        _prepared(tx)
        before = _prepared(tx)
    with pytest.raises(Refused), store.begin(w.actor["priya"]) as tx:
        send_referral(tx, w.actor["priya"], w.at, draft)
    with store.read() as tx:
        assert set(before) <= set(_prepared(tx))
    assert len(before) > 10
    store.dispose()


def test_a_connection_is_used_again(store: Store) -> None:
    with store.begin() as tx:
        first = tx.raw
    with store.read() as tx:
        assert tx.raw is first


def test_two_transactions_at_once_have_a_connection_each(store: Store) -> None:
    with store.read() as one, store.read() as two:
        assert one.raw is not two.raw


def test_a_moment_is_stored_as_itself_in_whatever_zone_it_is_told(w: World) -> None:
    at = datetime(2026, 6, 1, 12, 30, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    with w.store.begin() as tx:
        assert write(tx, [_group(w), _letter(w, "a", new_id(w.at), at)])
    with w.store.read() as tx:
        assert tx.rows(LETTERS, owner="nobody@test")[0][2] == at.astimezone(UTC)


def test_the_shared_machine_answers_the_same_each_time() -> None:
    for noun in Noun:
        table = TABLES[noun]
        for m in table.moves:
            for source in m.sources:
                state = None if source is None else str(source)
                to = str(m.to if m.to is not None else source)
                assert [table.fire(m.trigger, state, m) for _ in range(2)] == [to, to]
