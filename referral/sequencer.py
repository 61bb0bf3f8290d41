"""The sequencer: it gives committed entries their place in the tree, and signs the tree's head.

However many run, one works at a time. An entry gets its place only once its transaction and every
older one have ended, so within a record places follow versions, nothing is overtaken, and a
signed head never covers what was rolled back. Places and hashes are committed before anything is
signed; killed at any moment, the next one goes on where the store stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from referral import merkle, tree
from referral.merkle import NotProved
from referral.store import Sql, Tx
from referral.tree import Checkpoint

BATCH = 1_000
ALONE = Sql("SELECT pg_try_advisory_xact_lock(5407837562)")
"""One number for every sequencer of a database; SQLite has one writer anyway."""


class Refused(Exception):
    """This head must not be signed. The sentence says why, and what to do."""


# -- places -------------------------------------------------------------------------------------

# The horizon and the rows are of one snapshot. An entry is settled when no transaction as old as
# its own still runs; none is placed before a committed entry with a smaller number, since a
# transaction may take its id early and its number late.
SETTLED = """new AS MATERIALIZED (
    SELECT a.seq, a.xid FROM audit a WHERE a.xid >= CAST(CAST(:low AS text) AS xid8)
      AND NOT EXISTS (SELECT 1 FROM audit_index i WHERE i.seq = a.seq))"""
PLACE_PG = Sql(
    f"""WITH h AS MATERIALIZED (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS x), {SETTLED}
INSERT INTO audit_index (idx, seq)
SELECT :base + row_number() OVER (ORDER BY seq) - 1, seq FROM (
  SELECT seq FROM new, h WHERE new.xid < h.x AND seq < coalesce(
    (SELECT min(seq) FROM new, h WHERE new.xid >= h.x), 9223372036854775807)
  ORDER BY seq LIMIT :most) AS settled"""
)
LOW = Sql(
    f"""WITH {SETTLED}
SELECT CAST(least(coalesce((SELECT xid FROM new ORDER BY xid LIMIT 1),
  pg_snapshot_xmin(pg_current_snapshot())), pg_snapshot_xmin(pg_current_snapshot())) AS text)"""
)
# The planner must see how few are above the mark.
PLAN_ANEW = Sql("SET LOCAL plan_cache_mode = force_custom_plan")
PLACE_SQLITE = Sql(
    """INSERT INTO audit_index (idx, seq)
SELECT :base + row_number() OVER (ORDER BY seq) - 1, seq FROM (
  SELECT seq FROM audit WHERE seq > (SELECT coalesce(max(seq), 0) FROM audit_index)
  ORDER BY seq LIMIT :most) AS settled"""
)
WAITS_SQLITE = Sql(
    "SELECT 1 FROM audit WHERE seq > (SELECT coalesce(max(seq), 0) FROM audit_index) LIMIT 1"
)
REST = Sql(
    """INSERT INTO audit_index (idx, seq)
SELECT :base + row_number() OVER (ORDER BY seq) - 1, seq FROM (
  SELECT a.seq FROM audit a
  WHERE NOT EXISTS (SELECT 1 FROM audit_index i WHERE i.seq = a.seq)
  ORDER BY a.seq LIMIT :most) AS rest"""
)
NODE = Sql("INSERT INTO audit_node (level, number, hash) VALUES (:level, :number, :hash)")
NOBODY_ELSE = Sql(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
)


def alone(tx: Tx) -> bool:
    """Whether no other sequencer is at work: it keeps them out until this transaction ends."""
    row = tx.row(ALONE) if tx.pg else (True,)
    return bool(row and row[0])


def place(tx: Tx, low: str = "0", most: int = BATCH) -> tuple[int, str]:
    """Give the next settled entries their places, and the tree their hashes; how many there were.

    `low` is the mark below which every entry has its place, and comes back moved on: it counts
    once this transaction is committed. Places nothing while another sequencer works."""
    if not alone(tx):
        return 0, low
    base = tree.size(tx)
    if not tx.pg:
        count = tx.run(PLACE_SQLITE, base=base, most=most)
    else:
        tx.run(PLAN_ANEW)
        count = tx.run(PLACE_PG, base=base, most=most, low=low)
        row = tx.row(LOW, low=low)
        low = str(row[0]) if row else low
    _integrate(tx, base, count)
    return count, low


def settle(tx: Tx, most: int = BATCH) -> int:
    """Place what is left by its number alone: after a restore, whose numbers of transactions mean
    nothing here, and while nobody else writes. How many there were."""
    if not alone(tx) or (tx.pg and (tx.row(NOBODY_ELSE) or (0,))[0]):
        raise Refused(
            "Somebody else is writing to this database. Stop `segue serve` and `segue worker`,"
            " then settle it again."
        )
    base = tree.size(tx)
    count = tx.run(REST, base=base, most=most)
    _integrate(tx, base, count)
    return count


def waits(tx: Tx) -> bool:
    """Whether it is worth looking: on SQLite, so that nobody locks it for nothing."""
    return tx.pg or tx.row(WAITS_SQLITE) is not None


def _integrate(tx: Tx, base: int, count: int) -> None:
    if not count:
        return
    edge = merkle.Edge.at(base, tree.reader(tx))
    leaves = tx.rows(tree.LEAVES, begin=base, end=base + count)
    for tile in edge.add(bytes(row[0]) for row in leaves):
        tx.run(NODE, level=tile.level + 1, number=tile.number, hash=tile.root)


# -- heads --------------------------------------------------------------------------------------

KEEP = Sql(
    "INSERT INTO audit_checkpoint (size, origin, root, note, at)"
    " VALUES (:size, :origin, :root, :note, :at)"
)
Known = tuple[int, bytes]
Sign = Callable[[str, int, bytes], str]


def head(
    tx: Tx, origin: str, sign: Sign, at: datetime, known: Iterable[Known] = ()
) -> Checkpoint | None:
    """Sign the head of the tree as it stands, and keep it; None while another sequencer works.
    `sign` makes the note of (origin, size, root); `known` are the heads (size, root) that are
    known outside the store.

    Raises Refused unless it is consistent with the last one signed and with every known one."""
    if not alone(tx):
        return None
    end, read = tree.size(tx), tree.reader(tx)
    try:
        root = merkle.root(end, read)
    except ValueError as error:
        raise Refused(_BROKEN.format(error)) from error
    last = tree.last_checkpoint(tx)
    if last is not None:
        _refuse_inconsistent(end, root, read, (last.size, last.root), "the last one signed")
    for other in known:
        _refuse_inconsistent(end, root, read, other, "one that was published")
    if last is not None and last.size == end:
        return last
    made = Checkpoint(end, origin, root, sign(origin, end, root), at)
    tx.run(KEEP, **made._asdict())
    return made


_BROKEN = (
    "The tree of the audit log can't be read ({}), so no head of it is signed. Run `segue audit"
    " verify`, keep a copy of the database as it is, and tell the auditor."
)
_INCONSISTENT = (
    "The head of {} entries is not consistent with {}, of {} entries ({}), so it isn't signed: the"
    " audit log was changed or rolled back. Keep a copy of the database as it is, run `segue audit"
    " verify --since` with a checkpoint kept outside, and tell the auditor."
)


def _refuse_inconsistent(
    end: int, root: bytes, read: merkle.Read, other: Known, which: str
) -> None:
    size, old = other
    try:
        if size > end:
            raise NotProved("that is more than there are")
        proof = merkle.consistency(size, end, read)
        merkle.verify_consistency(size, end, proof, old, root)
    except ValueError as error:
        raise Refused(_INCONSISTENT.format(end, which, size, error)) from error
