"""The tree over the audit log, as the store keeps it: places, hashes, signed heads, and what came
of publishing and checking them.

The hashes of the leaves stand with the entries, in the order of `audit_index`; every hash above
them is one row of `audit_node`, written when the 256 below it are there. So nothing in the tree is
ever written twice, and a tile is read as a run of neighbouring rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Integer
from sqlalchemy.orm import Mapped, mapped_column

from referral.merkle import TILE, Read
from referral.schema import Base, Serial
from referral.store import Sql, Tx

_BIG = BigInteger().with_variant(Integer(), "sqlite")


class AuditNode(Base):
    """One hash of the tree above its leaves: the root of 256**level neighbouring leaves."""

    __tablename__ = "audit_node"
    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(_BIG, primary_key=True, autoincrement=False)
    hash: Mapped[bytes]


class AuditCheckpoint(Base):
    """A head of the tree as it was signed. `note` is the signed text; the others repeat it."""

    __tablename__ = "audit_checkpoint"
    size: Mapped[int] = mapped_column(_BIG, primary_key=True, autoincrement=False)
    origin: Mapped[str]
    root: Mapped[bytes]
    note: Mapped[str]
    at: Mapped[datetime]


class AuditCosignature(Base):
    """What a witness signed under a checkpoint: one line of its note."""

    __tablename__ = "audit_cosignature"
    size: Mapped[int] = mapped_column(_BIG, primary_key=True, autoincrement=False)
    witness: Mapped[str] = mapped_column(primary_key=True)
    line: Mapped[str]
    at: Mapped[datetime]


class AuditDuty(Base):
    """What the worker owes the log, and how it stands: to sign, and to publish in each place."""

    __tablename__ = "audit_duty"
    name: Mapped[str] = mapped_column(primary_key=True)  # sign | folder | webhook HOST | witness W
    size: Mapped[int] = mapped_column(_BIG)  # of the checkpoint it was last done for
    done_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]
    why: Mapped[str | None]  # a sentence with what to do
    told: Mapped[bool]  # whether the log says that it fails


class AuditCheck(Base):
    """What came of one reading of the whole store against its log."""

    __tablename__ = "audit_check"
    id: Mapped[Serial]
    at: Mapped[datetime]
    entries: Mapped[int] = mapped_column(_BIG)
    size: Mapped[int] = mapped_column(_BIG)  # of the tree
    found: Mapped[int]
    first: Mapped[str | None]  # the first thing that was found, in a sentence


# -- places and hashes --------------------------------------------------------------------------

SIZE = Sql("SELECT coalesce(max(idx), -1) + 1 FROM audit_index")
LEAVES = Sql(
    "SELECT a.leaf_hash FROM audit_index i JOIN audit a ON a.seq = i.seq"
    " WHERE i.idx >= :begin AND i.idx < :end ORDER BY i.idx"
)
TEXTS = Sql(
    "SELECT a.leaf FROM audit_index i JOIN audit a ON a.seq = i.seq"
    " WHERE i.idx >= :begin AND i.idx < :end ORDER BY i.idx"
)
NODES = Sql(
    "SELECT hash FROM audit_node WHERE level = :level AND number >= :begin AND number < :end"
    " ORDER BY number"
)


def size(tx: Tx) -> int:
    """How many entries have their place in the tree."""
    row = tx.row(SIZE)
    return int(row[0]) if row else 0


def reader(tx: Tx) -> Read:
    """What reads the tiles of the stored tree. ValueError where some of a tile isn't there."""

    def read(level: int, number: int, width: int) -> bytes:
        begin = number * TILE
        if level:
            rows = tx.rows(NODES, level=level, begin=begin, end=begin + width)
        else:
            rows = tx.rows(LEAVES, begin=begin, end=begin + width)
        if len(rows) != width:
            raise ValueError(f"Of tile {number} of level {level}, {len(rows)} of {width} are there")
        return b"".join([bytes(row[0]) for row in rows])

    return read


# -- signed heads -------------------------------------------------------------------------------

_CHECKPOINT = "SELECT size, origin, root, note, at FROM audit_checkpoint"
LAST = Sql(f"{_CHECKPOINT} ORDER BY size DESC LIMIT 1", times=(4,))
COVERING = Sql(f"{_CHECKPOINT} WHERE size > :idx ORDER BY size LIMIT 1", times=(4,))
ALL = Sql(f"{_CHECKPOINT} ORDER BY size")
COSIGNED = Sql("SELECT line FROM audit_cosignature WHERE size = :size ORDER BY witness")


class Checkpoint(NamedTuple):
    """A signed head of the tree."""

    size: int
    origin: str
    root: bytes
    note: str
    at: datetime


def _checkpoint(row: tuple[Any, ...] | None) -> Checkpoint | None:
    if row is None:
        return None
    size, origin, root, note, at = row
    return Checkpoint(size, origin, bytes(root), note, at)


def last_checkpoint(tx: Tx) -> Checkpoint | None:
    """The newest signed head; None before the first."""
    return _checkpoint(tx.row(LAST))


def checkpoint_over(tx: Tx, idx: int) -> Checkpoint | None:
    """The oldest signed head that covers the entry at this place."""
    return _checkpoint(tx.row(COVERING, idx=idx))


def cosigned(tx: Tx, checkpoint: Checkpoint) -> str:
    """Its note, with the lines of the witnesses under it."""
    return checkpoint.note + "".join(row[0] for row in tx.rows(COSIGNED, size=checkpoint.size))


KEEP_COSIGNATURE = Sql(
    "INSERT INTO audit_cosignature (size, witness, line, at) VALUES (:size, :witness, :line, :at)"
    " ON CONFLICT (size, witness) DO NOTHING"
)


def keep_cosignature(tx: Tx, size: int, witness: str, line: str, at: datetime) -> None:
    """Keep what a witness signed under the checkpoint of this size."""
    tx.run(KEEP_COSIGNATURE, size=size, witness=witness, line=line, at=at)


# -- duties -------------------------------------------------------------------------------------

_DUTY = "SELECT name, size, done_at, failing_since, tried_at, why, told FROM audit_duty"
DUTIES = Sql(f"{_DUTY} ORDER BY name", times=(2, 3, 4))
DUTY = Sql(f"{_DUTY} WHERE name = :name", times=(2, 3, 4))
DONE = Sql(
    "INSERT INTO audit_duty (name, size, done_at, failing_since, tried_at, why, told)"
    " VALUES (:name, :size, :at, NULL, :at, NULL, :no)"
    " ON CONFLICT (name) DO UPDATE SET size = excluded.size, done_at = excluded.done_at,"
    " failing_since = NULL, tried_at = excluded.tried_at, why = NULL, told = excluded.told"
)
FAILED = Sql(
    "INSERT INTO audit_duty (name, size, done_at, failing_since, tried_at, why, told)"
    " VALUES (:name, 0, NULL, :at, :at, :why, :no)"
    " ON CONFLICT (name) DO UPDATE SET tried_at = excluded.tried_at, why = excluded.why,"
    " failing_since = coalesce(audit_duty.failing_since, excluded.failing_since)"
)
TOLD = Sql("UPDATE audit_duty SET told = :yes WHERE name = :name")
FORGET = Sql("DELETE FROM audit_duty WHERE name = :name")


CLAIM = Sql(
    "INSERT INTO audit_duty (name, size, tried_at, told) VALUES (:name, 0, :at, :no)"
    " ON CONFLICT (name) DO UPDATE SET tried_at = excluded.tried_at"
    " WHERE audit_duty.tried_at IS NULL OR audit_duty.tried_at < :before"
    " OR audit_duty.tried_at > :at"
)


class Duty(NamedTuple):
    """How one of the worker's duties to the log stands."""

    name: str
    size: int
    done_at: datetime | None
    failing_since: datetime | None
    tried_at: datetime | None
    why: str | None
    told: bool


def duties(tx: Tx) -> list[Duty]:
    """All that were ever tried."""
    return [Duty._make(row) for row in tx.rows(DUTIES)]


def duty(tx: Tx, name: str) -> Duty | None:
    row = tx.row(DUTY, name=name)
    return None if row is None else Duty._make(row)


def done(tx: Tx, name: str, size: int, at: datetime) -> None:
    """It was done for the checkpoint of this size; whatever stopped it before is over."""
    tx.run(DONE, name=name, size=size, at=at, no=False)


def failed(tx: Tx, name: str, why: str, at: datetime) -> None:
    """It was tried and didn't work; since when it doesn't stays as it was."""
    tx.run(FAILED, name=name, why=why, at=at, no=False)


def claim(tx: Tx, name: str, at: datetime, before: datetime) -> bool:
    """Whether it is the caller's to do: nobody has begun it since `before`."""
    return tx.run(CLAIM, name=name, at=at, before=before, no=False) == 1


def told(tx: Tx, name: str) -> None:
    """The log and the administrators have been told that it fails."""
    tx.run(TOLD, name=name, yes=True)


def forget(tx: Tx, name: str) -> None:
    """It is no longer asked for."""
    tx.run(FORGET, name=name)


# -- how far behind -----------------------------------------------------------------------------

# With one writer none is passed over. With several some may be, among the newest: by far fewer than
# so many numbers are open at a time.
_UNPLACED_SQLITE = "a.seq > (SELECT coalesce(max(seq), 0) FROM audit_index)"
_UNPLACED_PG = (
    "a.seq > (SELECT coalesce(max(seq), 0) - 10000 FROM audit_index)"
    " AND NOT EXISTS (SELECT 1 FROM audit_index i WHERE i.seq = a.seq)"
)
# A transaction's number means nothing in another database: after a restore these would wait.
_FOREIGN = "a.xid >= pg_snapshot_xmax(pg_current_snapshot())"


def _standing(unplaced: str, foreign: str) -> Sql:
    """All that a page asks of the tree, in one statement."""
    return Sql(
        f"""WITH head AS (SELECT size, root, at FROM audit_checkpoint ORDER BY size DESC LIMIT 1)
SELECT (SELECT size FROM head), (SELECT root FROM head), (SELECT at FROM head),
  coalesce((SELECT max(idx) FROM audit_index), -1) + 1, w.count, w.since, w.others,
  (SELECT a.at FROM audit_index i JOIN audit a ON a.seq = i.seq
    WHERE i.idx = coalesce((SELECT size FROM head), 0))
FROM (SELECT count(*) AS count, min(a.at) AS since,
  sum(CASE WHEN {foreign} THEN 1 ELSE 0 END) AS others FROM audit a WHERE {unplaced}) w""",
        times=(2, 5, 7),
    )


STANDING_SQLITE = _standing(_UNPLACED_SQLITE, "FALSE")
STANDING_PG = _standing(_UNPLACED_PG, _FOREIGN)


class Lag(NamedTuple):
    """How far the tree is behind the log, and the signed head behind both: how many entries have
    no place and since when; of them, how many come from another database; how many no head covers
    and since when; and the newest head."""

    unplaced: int
    unplaced_since: datetime | None
    foreign: int
    unsigned: int
    unsigned_since: datetime | None
    head_size: int
    head_root: bytes
    head_at: datetime | None


def lag(tx: Tx) -> Lag:
    """How far the tree is behind the log, and the signed head behind both."""
    row = tx.row(STANDING_PG if tx.pg else STANDING_SQLITE) or (0, None, None, 0, 0, None, 0, None)
    size, root, at, placed, unplaced, since, foreign, unsigned_since = row
    signed = int(size or 0)
    return Lag(
        unplaced,
        since,
        int(foreign or 0),
        max(0, placed - signed) + unplaced,
        unsigned_since or since,
        signed,
        bytes(root or b""),
        at,
    )


# -- checks -------------------------------------------------------------------------------------

KEEP_CHECK = Sql(
    "INSERT INTO audit_check (at, entries, size, found, first)"
    " VALUES (:at, :entries, :size, :found, :first)"
)
LAST_CHECK = Sql(
    "SELECT at, entries, size, found, first FROM audit_check ORDER BY id DESC LIMIT 1", times=(0,)
)


CHECK_ASKED = "check asked for"


def ask_check(tx: Tx, at: datetime, again: timedelta) -> bool:
    """Ask the worker to read everything against the log now. Whether it wasn't asked so lately
    (`again`) already."""
    return claim(tx, CHECK_ASKED, at, at - again)


def check_asked(tx: Tx) -> datetime | None:
    """When the worker was last asked for it."""
    asked = duty(tx, CHECK_ASKED)
    return None if asked is None else asked.tried_at


class Checked(NamedTuple):
    """What the newest check of the whole store came to."""

    at: datetime
    entries: int
    size: int
    found: int
    first: str | None

    @property
    def whole(self) -> bool:
        return self.found == 0


def last_check(tx: Tx) -> Checked | None:
    """When the whole store was last read against its log, and what was found; None if never."""
    row = tx.row(LAST_CHECK)
    return None if row is None else Checked._make(row)


def keep_check(tx: Tx, checked: Checked) -> None:
    tx.run(KEEP_CHECK, **checked._asdict())


def all_checkpoints(tx: Tx) -> Iterator[tuple[int, str, bytes, str]]:
    """(size, origin, root, note) of each signed head, the oldest first."""
    for found, origin, root, note, _ in tx.stream(ALL):
        yield found, origin, root, note
