"""What waits for a worker: clocks to look at and letters to hand over, claimed with a lease.

`tries` is the fence: each claim counts it on, and whoever finishes names the number they claimed
with, so that a worker whose lease was taken over can't finish. A row whose lease ran out is
claimed again like any other. Leases are set by the time the edge tells."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from referral.store import Sql, Tx

# Concerns before everything else, then whatever waits longest.
FIRST = "CASE WHEN noun = 'concern' THEN 0 ELSE 1 END"


class Overtaken(Exception):
    """Somebody else was quicker: another worker has the row now, or it waits no longer. What was
    written with it must be undone."""


class Due(NamedTuple):
    """A clock that one worker has claimed."""

    id: int
    tries: int
    system_id: str
    noun: str
    record_id: str
    kind: str


class Running(NamedTuple):
    """A claimed clock as it stands."""

    started: datetime
    due: datetime
    period: int
    hours: bool
    fired: int
    missed: datetime | None


class Letter(NamedTuple):
    """An outbox row that one worker has claimed."""

    id: int
    tries: int
    system_id: str
    to_owner: str
    what: str
    noun: str
    record_id: str
    version: int


def claims(
    table: str, todo: str, ready: str, columns: tuple[str, ...], times: tuple[int, ...] = ()
) -> tuple[Sql, Sql]:
    """The claim for SQLite (one writer, after BEGIN IMMEDIATE) and for PostgreSQL, where rows that
    another worker is just claiming are passed over."""
    wanted = (
        f"SELECT id FROM {table} WHERE {todo} AND {ready} <= :at"
        f" AND (lease_until IS NULL OR lease_until <= :at) ORDER BY {FIRST}, {ready}, id LIMIT :n"
    )
    claim = (
        f"WITH wanted AS ({wanted}{{skip}})"
        f" UPDATE {table} SET lease_until = :until, tries = tries + 1"
        f" WHERE id IN (SELECT id FROM wanted) RETURNING {FIRST}, {ready}, {', '.join(columns)}"
    )
    skip = " FOR UPDATE SKIP LOCKED"
    return Sql(claim.format(skip=""), times), Sql(claim.format(skip=skip), times)


CLOCKS = claims("clock", "ended IS NULL", "look_at", Due._fields)
LETTERS = claims("outbox", "sent_at IS NULL", "run_at", Letter._fields)


def taken(
    tx: Tx, claim: tuple[Sql, Sql], at: datetime, until: datetime, n: int
) -> list[tuple[object, ...]]:
    """The rows a claim has taken, in the order in which they need somebody."""
    rows = tx.rows(claim[tx.pg], at=at, until=until, n=n)
    # RETURNING keeps no order.
    return [row[2:] for row in sorted(rows, key=lambda row: row[:3])]


def claim_clocks(tx: Tx, at: datetime, until: datetime, n: int) -> list[Due]:
    """Up to `n` clocks that are to be looked at, held by the caller until their lease ends."""
    return [Due._make(row) for row in taken(tx, CLOCKS, at, until, n)]


def claim_letters(tx: Tx, at: datetime, until: datetime, n: int) -> list[Letter]:
    """Up to `n` letters that are to be handed over, held by the caller until their lease ends."""
    return [Letter._make(row) for row in taken(tx, LETTERS, at, until, n)]


# -- clocks -------------------------------------------------------------------------------------

RUNNING = Sql(
    "SELECT started, due, period, hours, fired, missed FROM clock WHERE id = :id"
    " AND tries = :tries AND record_id = :record_id AND ended IS NULL",
    times=(0, 1, 5),
)
MINE = "id = :id AND tries = :tries AND fired = :was_fired AND due = :was_due"
MOVE_ON = Sql(
    "UPDATE clock SET started = :started, due = :due, fired = :fired, missed = :missed,"
    f" look_at = :look_at, lease_until = NULL WHERE {MINE} AND ended IS NULL"
)
FIRED = Sql(
    "UPDATE clock SET fired = fired + 1, missed = :missed, lease_until = NULL"
    f" WHERE {MINE} AND (ended IS NULL OR ended = :at)"
)
LEASE_CLOCK = Sql("UPDATE clock SET lease_until = :until WHERE id = :id AND tries = :tries")


def running(tx: Tx, claimed: Due) -> Running | None:
    """The clock as it stands; None when it ended, went to another record, or another worker has
    claimed it since."""
    row = tx.row(RUNNING, id=claimed.id, tries=claimed.tries, record_id=claimed.record_id)
    if row is None:
        return None
    started, due, period, hours, fired, missed = row
    return Running(started, due, period, bool(hours), fired, missed)


def move_on(tx: Tx, claimed: Due, was: Running, now: Running, look_at: datetime) -> bool:
    """Give the clock back as it stands now. False when it is no longer the caller's, or isn't as
    it was: then nothing the caller did may be kept."""
    touched = tx.run(
        MOVE_ON,
        id=claimed.id,
        tries=claimed.tries,
        was_fired=was.fired,
        was_due=was.due,
        started=now.started,
        due=now.due,
        fired=now.fired,
        missed=now.missed,
        look_at=look_at,
    )
    return touched == 1


def fired(tx: Tx, claimed: Due, was: Running, missed: datetime | None, at: datetime) -> bool:
    """Give back a clock that the caller's own move, made at `at`, has ended. False as above."""
    touched = tx.run(
        FIRED,
        id=claimed.id,
        tries=claimed.tries,
        was_fired=was.fired,
        was_due=was.due,
        missed=missed,
        at=at,
    )
    return touched == 1


def leave_clock(tx: Tx, claimed: Due, until: datetime) -> None:
    """Let nobody claim this clock before `until`, unless somebody already has. It stays due: a
    clock never gives up."""
    tx.run(LEASE_CLOCK, id=claimed.id, tries=claimed.tries, until=until)


ALARM = Sql(
    "SELECT 1 FROM escalation x WHERE x.about_id = :id AND x.closed_at IS NULL"
    " AND x.raised_by IS NULL AND x.raiser NOT LIKE 'person@%'"
    " AND x.raiser NOT LIKE 'group@%' AND x.level >= :level LIMIT 1"
)
LAST_PERIOD = Sql("SELECT max(clock_period) FROM escalation WHERE clock_id = :id")
ENDED = Sql("SELECT 1 FROM clock WHERE id = :id AND ended IS NOT NULL")


def alarm_open(tx: Tx, record_id: str, level: int) -> bool:
    """Whether the system itself has an escalation about this record open, at this level or
    above."""
    return tx.row(ALARM, id=record_id, level=level) is not None


def next_period(tx: Tx, clock_id: int, mark: int) -> int:
    """The number of the period a clock raises for: its mark, or one more than the last when it
    was started again, for no period of a clock comes twice."""
    row = tx.row(LAST_PERIOD, id=clock_id)
    return mark if row is None or row[0] is None else max(mark, int(row[0]) + 1)


def has_ended(tx: Tx, clock_id: int) -> bool:
    """Whether this clock no longer runs."""
    return tx.row(ENDED, id=clock_id) is not None


# -- confirmations ------------------------------------------------------------------------------

UNANSWERED = Sql(
    "SELECT id, system_id, noun, record_id, proposed_by, proposed_at FROM confirmation"
    " WHERE answer IS NULL AND proposed_at <= :before ORDER BY proposed_at, id LIMIT :n",
    times=(5,),
)
LAPSE = Sql(
    "UPDATE confirmation SET answer = 'lapsed', answered_at = :at WHERE id = :id AND answer IS NULL"
)


class Proposal(NamedTuple):
    """A move by two people that the second hasn't answered."""

    id: str
    system_id: str
    noun: str
    record_id: str
    proposed_by: str
    proposed_at: datetime


def unanswered(tx: Tx, before: datetime, n: int) -> list[Proposal]:
    """Proposals made by `before` and still without an answer."""
    return [Proposal._make(row) for row in tx.rows(UNANSWERED, before=before, n=n)]


def lapse(tx: Tx, proposal_id: str, at: datetime) -> bool:
    """End a proposal that nobody answered. False when somebody just did."""
    return tx.run(LAPSE, id=proposal_id, at=at) == 1


# -- letters ------------------------------------------------------------------------------------

FINISH = Sql(
    "UPDATE outbox SET sent_at = :at, result = :result, lease_until = NULL"
    " WHERE id = :id AND tries = :tries AND sent_at IS NULL"
)
AGAIN = Sql(
    "UPDATE outbox SET run_at = :run_at, lease_until = NULL"
    " WHERE id = :id AND tries = :tries AND sent_at IS NULL"
)


def finish_letter(tx: Tx, claimed: Letter, at: datetime, result: str) -> bool:
    """Mark the letter dealt with. False when another worker has claimed it since: then nothing the
    caller did may be kept."""
    return tx.run(FINISH, id=claimed.id, tries=claimed.tries, at=at, result=result) == 1


def retry_letter(tx: Tx, claimed: Letter, run_at: datetime) -> None:
    """Try the letter again from `run_at` on."""
    tx.run(AGAIN, id=claimed.id, tries=claimed.tries, run_at=run_at)


CONTACTS_PASSED = Sql(
    "SELECT DISTINCT s.system_id, s.person_id FROM relationship s WHERE s.in_emergency"
    " AND s.ended_at IS NULL AND s.until_on < :today AND s.until_on >= :since"
    " ORDER BY s.system_id, s.person_id LIMIT 500"
)


def contacts_passed(tx: Tx, today: date, since: date) -> list[tuple[str, str]]:
    """(system, person) of everybody for whom the last day of somebody to call in an emergency has
    passed since then."""
    return [(row[0], row[1]) for row in tx.rows(CONTACTS_PASSED, today=today, since=since)]
