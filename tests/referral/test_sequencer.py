"""The sequencer: each committed entry gets one place, and none is overtaken; the tree is that of
RFC 6962 over them; and no head is signed that isn't consistent with those before."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256

import pytest

from referral import merkle, sequencer, tree
from referral.audit import log
from referral.ids import new_id
from referral.sequencer import Refused, head, place, settle
from referral.store import Sql, Store, Tx
from referral.verify import Report
from referral.verify_tree import check_tree
from tests.databases import beyond
from tests.tampering import undone
from tests.world import World, build

ORDER = Sql("SELECT seq FROM audit_index ORDER BY idx")
NUMBERS = Sql("SELECT seq FROM audit ORDER BY seq")
TAKE_A_NUMBER = Sql("SELECT pg_current_xact_id()")
HASHES = Sql("SELECT a.leaf_hash FROM audit_index i JOIN audit a ON a.seq = i.seq ORDER BY i.idx")


class Dies(Exception):
    """What kills a transaction."""


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def write(w: World, tx: Tx, count: int) -> None:
    for _ in range(count):
        log(tx, w.system, w.at, "read", "person", None)


def entries(w: World, count: int) -> None:
    with w.store.begin() as tx:
        write(w, tx, count)


def place_all(w: World, most: int = 1_000) -> int:
    """Place what is settled, batch by batch; how many entries."""
    found, low = 0, "0"
    while True:
        with w.store.begin() as tx:
            count, low = place(tx, low, most)
        if not count:
            return found
        found += count


def column(tx: Tx, query: Sql) -> list[object]:
    return [row[0] for row in tx.rows(query)]


def sign(origin: str, size: int, root: bytes) -> str:
    return f"{origin} {size} {root.hex()}"


def signed(w: World, **more: object) -> tree.Checkpoint:
    with w.store.begin() as tx:
        found = head(tx, "saltmarsh.example/log1", sign, w.at, **more)  # type: ignore[arg-type]
    assert found is not None
    return found


def plain_root(leaves: list[bytes]) -> bytes:
    """The root as RFC 6962 writes it down, from all leaves at once."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256().digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + plain_root(leaves[:split]) + plain_root(leaves[split:])).digest()


# -- places -------------------------------------------------------------------------------------


def test_every_entry_gets_one_place_in_the_order_of_its_number(w: World) -> None:
    before = place_all(w)
    entries(w, 7)
    assert place_all(w) == 7
    with w.store.read() as tx:
        assert column(tx, ORDER) == column(tx, NUMBERS)
        assert tree.size(tx) == before + 7
    assert place_all(w) == 0


@pytest.mark.parametrize("most", [100, 256, 1_000])
def test_the_tree_is_that_of_its_leaves_however_it_grew(w: World, most: int) -> None:
    entries(w, 600)
    place_all(w, most)
    with w.store.read() as tx:
        leaves = [bytes(row[0]) for row in tx.rows(HASHES)]
        read = tree.reader(tx)
        for size in (1, 255, 256, 257, 511, 512, 513, len(leaves)):
            assert merkle.root(size, read) == plain_root(leaves[:size])


def test_what_was_rolled_back_gets_no_place_and_leaves_no_gap(w: World) -> None:
    place_all(w)
    with suppress(Dies), w.store.begin() as tx:
        write(w, tx, 3)
        raise Dies
    entries(w, 2)
    assert place_all(w) == 2
    with w.store.read() as tx:
        assert column(tx, Sql("SELECT idx FROM audit_index ORDER BY idx")) == [
            *range(tree.size(tx))
        ]


def test_a_sequencer_that_dies_before_its_commit_loses_nothing(w: World) -> None:
    entries(w, 300)
    with suppress(Dies), w.store.begin() as tx:
        assert place(tx)[0] > 300
        raise Dies
    with w.store.read() as tx:
        assert tree.size(tx) == 0
    assert place_all(w) > 300


@pytest.mark.postgresql
def test_one_works_at_a_time(postgresql_url: str) -> None:
    w = build(Store(postgresql_url))
    with w.store.begin() as first, w.store.begin() as second:
        assert sequencer.alone(first)
        assert place(second) == (0, "0")
        assert head(second, "o", sign, w.at) is None
    assert place_all(w) > 0
    w.store.dispose()


@pytest.mark.postgresql
def test_nobody_is_overtaken_by_a_younger_transaction(postgresql_url: str) -> None:
    w = build(Store(postgresql_url))
    place_all(w)
    with w.store.begin() as slow:
        write(w, slow, 1)
        entries(w, 4)  # younger, and committed first
        assert place_all(w) == 0
    assert place_all(w) == 5
    with w.store.read() as tx:
        assert column(tx, ORDER) == column(tx, NUMBERS)
    w.store.dispose()


@pytest.mark.postgresql
def test_a_committed_elder_is_waited_for_though_its_transaction_is_younger(
    postgresql_url: str,
) -> None:
    # It took its transaction's number early and its entry's late: after that of a younger one.
    w = build(Store(postgresql_url))
    place_all(w)
    with w.store.begin() as runs:
        with w.store.begin() as early:
            early.rows(TAKE_A_NUMBER)
            runs.rows(TAKE_A_NUMBER)
            entries(w, 1)
            write(w, early, 1)
        assert place_all(w) == 0  # the younger may not be placed yet, and so the elder waits
    assert place_all(w) == 2
    with w.store.read() as tx:
        assert column(tx, ORDER) == column(tx, NUMBERS)
    w.store.dispose()


@pytest.mark.postgresql
def test_entries_of_another_database_wait_until_they_are_settled(postgresql_url: str) -> None:
    w = build(Store(postgresql_url))
    place_all(w)
    entries(w, 3)
    with beyond(w.store) as store, store.begin() as tx:
        tx.raw.execute("SET LOCAL session_replication_role = replica")
        tx.raw.execute(
            "UPDATE audit SET xid = (xid::text::bigint + 1000000)::text::xid8"
            " WHERE seq > (SELECT max(seq) - 3 FROM audit)"
        )
    entries(w, 2)
    assert place_all(w) == 0
    with w.store.read() as tx:
        assert tree.lag(tx).foreign == 3
    with w.store.begin() as writer:
        write(w, writer, 1)
        with pytest.raises(Refused, match="Stop `segue serve`"), w.store.begin() as tx:
            settle(tx)
    with w.store.begin() as tx:
        assert settle(tx) == 6
    entries(w, 2)
    assert place_all(w) == 2
    with w.store.read() as tx:
        assert column(tx, ORDER) == column(tx, NUMBERS)
        assert tree.lag(tx).foreign == 0
    w.store.dispose()


@pytest.mark.parametrize("same", [True, False])
def test_an_entry_behind_a_younger_one_is_found_if_it_is_of_the_same_record(
    w: World, same: bool
) -> None:
    place_all(w)
    records = [new_id(w.at)] * 2 if same else [new_id(w.at), new_id(w.at)]
    with w.store.begin() as tx:
        for version, record in enumerate(records, 1):
            log(tx, w.system, w.at, "changed", "person", record, version=version)
        first, second = column(tx, Sql("SELECT seq FROM audit ORDER BY seq DESC LIMIT 2"))[::-1]
        end = tree.size(tx)
        for idx, seq in ((end, second), (end + 1, first)):
            tx.run(Sql("INSERT INTO audit_index (idx, seq) VALUES (:i, :s)"), i=idx, s=seq)
    report = Report()
    with w.store.read() as tx:
        check_tree(tx, report, ())
    says = [finding.says for finding in report.findings]
    assert says == (["it stands in the tree behind a younger entry of its record"] if same else [])


# -- heads --------------------------------------------------------------------------------------


def test_a_head_is_signed_once_and_the_next_is_consistent_with_it(w: World) -> None:
    entries(w, 300)
    place_all(w)
    first = signed(w)
    assert signed(w) == first
    entries(w, 300)
    assert signed(w) == first  # what has no place yet is in no head
    place_all(w)
    second = signed(w, known=[(first.size, first.root)])
    assert second.size == first.size + 300
    with w.store.read() as tx:
        assert tree.last_checkpoint(tx) == second
        leaves = [bytes(row[0]) for row in tx.rows(HASHES)]
    assert (first.root, second.root) == (plain_root(leaves[:-300]), plain_root(leaves))


BENT = {
    "a hash of the tree": "UPDATE audit_node SET hash = (SELECT hash FROM audit_node"
    " WHERE level = 1 AND number = 1) WHERE level = 1 AND number = 0",
    "a hash gone": "DELETE FROM audit_node WHERE level = 1 AND number = 0",
    "a place gone": "DELETE FROM audit_index WHERE idx = (SELECT max(idx) - 3 FROM audit_index)",
    "two entries in each other's place": "UPDATE audit SET leaf_hash ="
    " (SELECT leaf_hash FROM audit WHERE seq = (SELECT max(seq) - 600 FROM audit))"
    " WHERE seq = (SELECT max(seq) - 601 FROM audit)",
    "the last head": "UPDATE audit_checkpoint SET root ="
    " (SELECT leaf_hash FROM audit WHERE seq = 1)",
    "the tail cut off": "DELETE FROM audit_index WHERE idx > 10",
}


@pytest.mark.invariant("I28")
@pytest.mark.parametrize("what", BENT)
def test_an_inconsistent_head_is_refused(w: World, what: str) -> None:
    entries(w, 520)
    place_all(w)
    signed(w)
    entries(w, 602)
    place_all(w)
    with beyond(w.store) as store, store.begin() as tx:
        if tx.pg:
            tx.raw.execute("SET LOCAL session_replication_role = replica")
        else:
            names = tx.raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in names.fetchall():
                tx.raw.execute(f"DROP TRIGGER {name}")
        with undone(tx):
            head(tx, "o", sign, w.at)
        tx.raw.execute(BENT[what])
        before = tx.rows(Sql("SELECT count(*) FROM audit_checkpoint"))
        with undone(tx), pytest.raises(Refused, match="segue audit verify"):
            head(tx, "o", sign, w.at)
        assert tx.rows(Sql("SELECT count(*) FROM audit_checkpoint")) == before


def test_a_head_known_outside_is_never_contradicted(w: World) -> None:
    entries(w, 10)
    place_all(w)
    first = signed(w)
    entries(w, 10)
    place_all(w)
    with pytest.raises(Refused, match="rolled back"):
        signed(w, known=[(first.size + 11, first.root)])
    with pytest.raises(Refused, match="rolled back"):
        signed(w, known=[(first.size, first.root[::-1])])
    assert signed(w, known=[(first.size, first.root)]).size == first.size + 10


# -- what waits ---------------------------------------------------------------------------------


def waiting(tx: Tx) -> tuple[object, ...]:
    found = tree.lag(tx)
    return found.unplaced, found.unplaced_since, found.unsigned, found.unsigned_since


def test_what_waits_is_counted_since_when(w: World) -> None:
    place_all(w)
    signed(w)
    with w.store.read() as tx:
        assert waiting(tx) == (0, None, 0, None)
    first = w.later(minutes=1)
    entries(w, 2)
    w.later(minutes=1)
    entries(w, 3)
    with w.store.read() as tx:
        assert waiting(tx) == (5, first, 5, first)
    place_all(w)
    with w.store.read() as tx:
        assert waiting(tx) == (0, None, 5, first)
    entries(w, 1)
    with w.store.read() as tx:
        found = tree.lag(tx)
    assert (found.unplaced, found.unsigned, found.unsigned_since) == (1, 6, first)


def test_a_duty_says_since_when_it_fails_until_it_is_done(w: World) -> None:
    begun = w.at
    with w.store.begin() as tx:
        tree.done(tx, "folder", 5, w.at)
        tree.failed(tx, "folder", "The disk is full.", w.later(minutes=1))
        tree.failed(tx, "folder", "The disk is full still.", w.later(minutes=1))
        tree.told(tx, "folder")
        found = tree.duty(tx, "folder")
        assert found is not None
        assert (found.size, found.done_at, found.told) == (5, begun, True)
        assert (found.failing_since, found.tried_at) == (w.later(minutes=-1), w.later(minutes=1))
        assert found.why == "The disk is full still."
        tree.done(tx, "folder", 9, w.later(minutes=1))
        assert tree.duties(tx) == [tree.Duty("folder", 9, w.at, None, w.at, None, False)]
        tree.forget(tx, "folder")
        assert tree.duties(tx) == []


def test_the_newest_check_is_what_is_known(w: World) -> None:
    with w.store.begin() as tx:
        assert tree.last_check(tx) is None
        tree.keep_check(tx, tree.Checked(w.at, 10, 8, 0, None))
        tree.keep_check(tx, tree.Checked(w.later(days=1), 12, 12, 2, "audit x: gone"))
        found = tree.last_check(tx)
        assert found == tree.Checked(w.at, 12, 12, 2, "audit x: gone")
        assert not found.whole
