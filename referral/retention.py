"""How long what is kept about a person is kept: the class it falls into, and the day until which.

The classes and their years are policy (`referral.policy.YEARS`), to be confirmed by the
organisation that deploys this. Nothing goes by a date alone: the date puts a record on a list."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from referral.policy import Rules
from referral.schema import CONCERN_OPEN, HOLD_LIVE, day, of
from referral.states import ENDS, REFERRAL_OPEN, Noun, listed
from referral.store import Sql, Tx


class RetentionClass(StrEnum):
    """What a record is kept as. A record that falls into several is kept the longest."""

    CONTACT_ONLY = "contact_only"  # nobody was sent anywhere
    CASE = "case"
    CHILD = "child"
    SAFEGUARDING = "safeguarding"
    COMPLAINT = "complaint"


ADULT = 18
LATE_CHILD = 17
_STILL_OPEN = (
    "EXISTS (SELECT 1 FROM guard.referral r WHERE r.person_id = pe.id"
    f" AND r.state IN ({listed(*REFERRAL_OPEN)}))"
)
_CONCERN = (
    f"EXISTS (SELECT 1 FROM guard.concern k WHERE k.person_id = pe.id AND {of('k', CONCERN_OPEN)})"
)
_MATTER = (
    "EXISTS (SELECT 1 FROM guard.escalation e WHERE e.person_id = pe.id"
    " AND e.closed_at IS NULL{but})"
)
_SHARED = (
    "EXISTS (SELECT 1 FROM guard.override o WHERE o.person_id = pe.id"
    f" AND o.state NOT IN ({listed(*ENDS[Noun.OVERRIDE])}))"
)
_OPENED = (
    "EXISTS (SELECT 1 FROM guard.emergency y WHERE y.person_id = pe.id"
    f" AND y.state NOT IN ({listed(*ENDS[Noun.EMERGENCY])}))"
)
_HOLD = f"EXISTS (SELECT 1 FROM guard.hold h WHERE h.person_id = pe.id AND {of('h', HOLD_LIVE)})"
_LEGAL = (
    "EXISTS (SELECT 1 FROM guard.legal_hold l WHERE l.person_id = pe.id AND l.ended_at IS NULL)"
)


def requests_open(but: str = "") -> str:
    """Whether a request of the person about their own data waits for its answer. `but`: a condition
    on requests (`a`) that leaves some out."""
    return (
        "EXISTS (SELECT 1 FROM guard.rights_request a WHERE a.person_id = pe.id"
        f" AND a.state NOT IN ({listed(*ENDS[Noun.RIGHTS])}){but})"
    )


def keeps_open(but: str = "") -> str:
    """Whether something about the person is open: a referral, a concern, a review, a hold. It isn't
    told which. `but`: a condition on reviews (`e`) that leaves some out. Requests of their own are
    asked for apart, since whoever decides on one may know of the others."""
    found = (_STILL_OPEN, _CONCERN, _MATTER.format(but=but), _SHARED, _OPENED, _HOLD, _LEGAL)
    return f"({' OR '.join(found)})"


KEEPS_OPEN = f"({keeps_open()} OR {requests_open()})"
KEPT = Sql(
    f"""SELECT pe.birth_date, pe.created_at,
  (SELECT max(x.at) FROM (
    SELECT pe.created_at AS at
    UNION ALL SELECT max(r.since) FROM guard.referral r WHERE r.person_id = pe.id
    UNION ALL SELECT max(c.since) FROM guard.consent c WHERE c.person_id = pe.id
    UNION ALL SELECT max(p.updated_at) FROM guard.plan p WHERE p.person_id = pe.id
    UNION ALL SELECT max(n.at) FROM guard.note n WHERE n.person_id = pe.id
    UNION ALL SELECT max(k.since) FROM guard.concern k WHERE k.person_id = pe.id
    UNION ALL SELECT max(e.since) FROM guard.escalation e WHERE e.person_id = pe.id) x),
  EXISTS (SELECT 1 FROM guard.referral r WHERE r.person_id = pe.id AND r.sent_at IS NOT NULL),
  EXISTS (SELECT 1 FROM guard.concern k WHERE k.person_id = pe.id),
  EXISTS (SELECT 1 FROM guard.escalation e WHERE e.person_id = pe.id AND e.kind = 'complaint'),
  {KEEPS_OPEN}
  FROM guard.person pe WHERE pe.id = :id AND pe.system_id = :system_id""",
    (1, 2),
)


class Kept(NamedTuple):
    """What the time for which a person's record is kept depends on."""

    birth_date: date | None
    created_at: datetime
    last: datetime  # the newest entry
    sent: bool
    safeguarding: bool
    complaint: bool
    open: bool


def kept(tx: Tx, system_id: str, person_id: str) -> Kept | None:
    """What is known of how long this person's record is kept; None where there is no such."""
    row = tx.row(KEPT, id=person_id, system_id=system_id)
    return None if row is None else Kept(day(row[0]), row[1], row[2], *map(bool, row[3:]))


def classes(k: Kept) -> tuple[RetentionClass, ...]:
    """Every class the record falls into."""
    found = [RetentionClass.CASE if k.sent else RetentionClass.CONTACT_ONLY]
    if k.birth_date is not None and k.last.date() < _birthday(k.birth_date, ADULT):
        found.append(RetentionClass.CHILD)
    if k.safeguarding:
        found.append(RetentionClass.SAFEGUARDING)
    if k.complaint:
        found.append(RetentionClass.COMPLAINT)
    return tuple(found)


def until(k: Kept, name: RetentionClass, rules: Rules) -> date:
    """The first day on which a record of this class need not be kept any more."""
    last = k.last.date()
    if name is RetentionClass.CHILD and k.birth_date is not None:
        late = last >= _birthday(k.birth_date, LATE_CHILD)
        return _birthday(k.birth_date, rules.years("child_at_17" if late else "child"))
    return _birthday(last, rules.years(name))


def keep_until(k: Kept, rules: Rules) -> tuple[RetentionClass, date]:
    """The class that keeps it longest, and its day."""
    return max(((c, until(k, c, rules)) for c in classes(k)), key=lambda one: one[1])


def _birthday(born: date, years: int) -> date:
    """The day that many years on; of 29 February, 1 March in a year without one."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


# -- who may be due -----------------------------------------------------------------------------

# Nobody on the list already, nobody who is kept longer by decision, and nobody too new for any
# class: what is due is worked out of each.
CANDIDATES = Sql(
    f"""SELECT pe.id, pe.system_id, pe.organisation_id, pl.policy, pl.path FROM guard.person pe
  JOIN organisation og ON og.id = pe.organisation_id JOIN place pl ON pl.id = og.place_id
  WHERE pe.id > :after_id AND pe.created_at < :before AND pe.erased_at IS NULL
    AND pe.merged_into IS NULL AND NOT {KEEPS_OPEN}
    AND NOT EXISTS (SELECT 1 FROM guard.retention_review v WHERE v.person_id = pe.id
      AND (v.done_at IS NULL OR v.keep_until > :today))
  ORDER BY pe.id LIMIT :most"""
)


def candidates(
    tx: Tx, after: str, before: datetime, today: date, most: int
) -> list[tuple[Any, ...]]:
    """(person, system, organisation, newest rule, place) of those to look at, in order."""
    return tx.rows(CANDIDATES, after_id=after, before=before, today=today, most=most)
