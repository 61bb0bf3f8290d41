"""Whether everything runs: what has come to a stop, what stands unanswered at the top, and who or
what is missing. Read only; no table of its own, so it can't say "well" because nobody wrote
"unwell"."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from referral import bank_holidays, ladder, tree
from referral.actors import NOBODY, Actor
from referral.clocks import member_key, role_key
from referral.facts import IMPLICATED
from referral.states import Role
from referral.store import Sql, Tx
from referral.tree import Duty, Lag

LONDON = ZoneInfo("Europe/London")
PERIOD = timedelta(seconds=10)
"""How often a worker looks."""

WARN = timedelta(days=90)
"""How long before the bank holidays run out this says so."""

UNDELIVERED_FOR = timedelta(days=7)
MOST_NAMED = 50


@dataclass(frozen=True)
class Finding:
    """One thing that isn't well: a code, a sentence with what to do, how many, and which. A
    warning isn't wrong yet."""

    code: str
    says: str
    count: int = 1
    which: tuple[str, ...] = ()
    warning: bool = False


@dataclass(frozen=True)
class Health:
    """What was found at one moment."""

    at: datetime
    findings: tuple[Finding, ...]
    log: Lag | None = None

    @property
    def well(self) -> bool:
        """Whether nothing is wrong. Warnings alone are well."""
        return all(finding.warning for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "well": self.well,
            "log": self._log_as_json(),
            "findings": [
                {
                    "code": f.code,
                    "says": f.says,
                    "count": f.count,
                    "which": list(f.which),
                    "warning": f.warning,
                }
                for f in self.findings
            ],
        }

    def _log_as_json(self) -> dict[str, Any] | None:
        log = self.log
        if log is None:
            return None
        head = None
        if log.head_at is not None:
            root = b64encode(log.head_root).decode()
            head = {"size": log.head_size, "root": root, "at": log.head_at.isoformat()}
        return {"unplaced": log.unplaced, "unsigned": log.unsigned, "head": head}

    @property
    def head_line(self) -> str | None:
        """The newest signed head of the audit log, to be printed where reports are kept: paper is
        outside the database too."""
        if self.log is None or self.log.head_at is None:
            return None
        root = b64encode(self.log.head_root).decode()
        return (
            f"The audit log's newest signed head: {self.log.head_size} entries, root {root}, signed"
            f" at {clock_words(self.log.head_at)}."
        )

    def lines(self) -> list[str]:
        out = [] if self.findings else ["Everything runs."]
        for f in self.findings:
            out.append(f"{'Soon' if f.warning else 'Wrong'}: {f.says}")
            out.extend(f"  {one}" for one in f.which)
        return out + ([self.head_line] if self.head_line else [])


def health(tx: Tx, at: datetime, period: timedelta = PERIOD, viewer: Actor | None = None) -> Health:
    """Everything that isn't well in this store. `period` is how often its workers look. A `viewer`
    hears nothing of concerns that name them or their organisation, not even that there are some."""
    counts, places = _counts(tx, at, period), tx.rows(PLACES)
    found: list[Finding | None] = [
        _sweep(at, counts),
        _post(counts),
        _not_delivered(counts),
        _out(counts),
        _left_undone(counts),
        *_phones(places),
        *_stuck(tx, viewer),
        *_posts(tx, at, places),
        _holds(counts),
        _calendar(at),
    ]
    log = tree.lag(tx)
    found += _log(tx, at, log, counts)
    return Health(at, tuple(f for f in found if f is not None), log)


# -- the worker ---------------------------------------------------------------------------------

SENDING_TAKES = timedelta(minutes=15)
COUNTS = Sql(
    """
SELECT b.count, b.oldest,
  (SELECT count(*) FROM outbox WHERE sent_at IS NULL AND run_at < :before),
  (SELECT count(*) FROM outbox WHERE sent_at IS NULL AND tries > 1),
  (SELECT count(*) FROM outbox WHERE sent_at > :since AND result IN ('gave_up','nobody')),
  (SELECT count(*) FROM dispatch WHERE ended IS NULL AND sent_at IS NULL AND at < :sent_before),
  (SELECT count(*) FROM errand WHERE done_at IS NULL AND due < :at),
  (SELECT count(*) FROM hold WHERE ended IS NULL AND until < :at),
  (SELECT count(*) FROM erasure WHERE at < :sent_before)
FROM (SELECT count(*) AS count, min(look_at) AS oldest FROM clock
  WHERE ended IS NULL AND look_at < :before) b
""",
    times=(1,),
)


class Counts(NamedTuple):
    """How many of each thing should be done by now, and aren't."""

    behind: int
    oldest: datetime | None
    waiting: int
    retried: int
    undelivered: int
    unsent: int
    undone: int
    holds: int
    erasures: int


def _counts(tx: Tx, at: datetime, period: timedelta) -> Counts:
    row = tx.row(
        COUNTS,
        before=at - 2 * period,
        since=at - UNDELIVERED_FOR,
        sent_before=at - SENDING_TAKES,
        at=at,
    )
    return Counts._make(row or (0, None, 0, 0, 0, 0, 0, 0, 0))


def _sweep(at: datetime, counts: Counts) -> Finding | None:
    count, oldest = counts.behind, counts.oldest
    if not count or oldest is None:
        return None
    minutes = int((at - oldest).total_seconds() // 60)
    return Finding(
        "sweep_behind",
        f"{_many(count, 'deadline')} should have been looked at, the oldest {minutes} minutes ago."
        " Is `segue worker` running?",
        count,
    )


def _post(counts: Counts) -> Finding | None:
    count = max(counts.waiting, counts.retried)
    if not count:
        return None
    return Finding(
        "post_behind",
        f"{_many(count, 'message')} should have been handed over. Is `segue worker` running? Its"
        " log says what stops them.",
        count,
    )


def _not_delivered(counts: Counts) -> Finding | None:
    count = counts.undelivered
    if not count:
        return None
    return Finding(
        "not_delivered",
        f"{_many(count, 'message')} reached nobody in the last week. Fill the posts that are"
        " empty, or correct the account that has ended.",
        count,
    )


def _out(counts: Counts) -> Finding | None:
    """Messages that no service has taken."""
    count = counts.unsent
    if not count:
        return None
    return Finding(
        "messages_wait",
        f"{_many(count, 'message')} should have left by email, text or letter. Is the mail server,"
        " or GOV.UK Notify, there? The worker's log says what stops them.",
        count,
    )


def _left_undone(counts: Counts) -> Finding | None:
    """What somebody was asked to do by hand, and hasn't."""
    count = counts.undone
    if not count:
        return None
    return Finding(
        "errands_late",
        f"{_many(count, 'thing')} to do by hand, past the date. Their owners have them first on"
        " their list, and so do their team leads.",
        count,
    )


# -- who answers --------------------------------------------------------------------------------

PLACES = Sql(
    """SELECT p.id, p.path, p.kind, p.name,
  (SELECT count(*) FROM place u WHERE (p.path = u.path OR p.path LIKE u.path || '/%')
     AND (coalesce(u.safeguarding_phone, '') <> '' OR EXISTS (SELECT 1 FROM rota_line l
       WHERE l.place_id = u.id AND l.ended_at IS NULL))),
  (SELECT count(*) FROM place u WHERE (p.path = u.path OR p.path LIKE u.path || '/%')
     AND coalesce(u.out_of_hours_phone, '') <> ''),
  (SELECT count(*) FROM place u WHERE (p.path = u.path OR p.path LIKE u.path || '/%')
     AND coalesce(u.outside_contact, '') <> '')
  FROM place p ORDER BY p.name"""
)
NUMBERS = (
    ("no_safeguarding_phone", "no safeguarding number for working hours"),
    ("no_out_of_hours_phone", "no safeguarding number for nights and weekends"),
    ("no_outside_contact", "nobody outside to turn to when everyone on the ladder is concerned"),
)


def _phones(places: list[tuple[Any, ...]]) -> list[Finding]:
    found = []
    for position, (code, lacks) in enumerate(NUMBERS, 4):
        names = tuple(row[3] for row in places if row[2] != "system" and not row[position])
        if names:
            says = f"{_many(len(names), 'place')} with {lacks}. Add it under Places."
            found.append(Finding(code, says, len(names), names[:MOST_NAMED]))
    return found


OWNERS = Sql("SELECT DISTINCT owner FROM clock WHERE ended IS NULL")
MEMBERS = Sql(
    "SELECT m.id, m.role, m.organisation_id, m.place_id,"
    " CASE WHEN u.active AND (m.ended_at IS NULL OR m.ended_at > :at) THEN 1 ELSE 0 END"
    " FROM membership m JOIN app_user u ON u.id = m.user_id"
)
RUNGS = Sql(
    """SELECT 'rung', g.role, CAST(g.place_id AS text), g.stands, '', gp.path, g.level,
  length(gp.path)
FROM ladder_rung g JOIN place gp ON gp.id = g.place_id
WHERE g.from_at <= :at AND NOT EXISTS (SELECT 1 FROM ladder_rung n
  WHERE n.place_id = g.place_id AND n.from_at <= :at AND n.from_at > g.from_at)"""
)
BY_HAND = ("person", "practice", "outside")


def _posts(tx: Tx, at: datetime, places: list[tuple[Any, ...]]) -> list[Finding]:
    """Work that waits for nobody, and rungs of the ladders that nobody stands on."""
    keys: set[str] = set()
    homes: dict[str, str] = {}
    for member, role, organisation, place, here in tx.rows(MEMBERS, at=at):
        if role == Role.LINK_WORKER:
            homes[member_key(member)] = organisation
        if here:
            keys |= {member_key(member), role_key(role, organisation)}
            if place is not None:
                keys.add(role_key(role, place))

    def answered(owner: str) -> bool:
        if owner in keys or owner.partition("@")[0] in BY_HAND:
            return True
        # A team lead stands in for a link worker who has left.
        return owner in homes and role_key(Role.TEAM_LEAD, homes[owner]) in keys

    found = []
    lost = tuple(sorted(row[0] for row in tx.rows(OWNERS) if not answered(row[0])))
    if lost:
        says = f"Work waits for {_many(len(lost), 'post')} that nobody holds. Fill or reassign."
        found.append(Finding("nobody_answers", says, len(lost), lost[:MOST_NAMED]))
    rungs = tx.rows(RUNGS, at=at)
    empty = tuple(
        f"{role.replace('_', ' ')} for {name}"
        for place, path, kind, name, *_numbers in sorted(places, key=lambda row: row[1])
        if kind in ("system", "place")
        for role in _standing(place, path, rungs)
        if role_key(role, place) not in keys
    )
    if empty:
        says = f"{_many(len(empty), 'rung')} of the ladders with nobody on it. Add an account."
        found.append(Finding("empty_rung", says, len(empty), empty[:MOST_NAMED]))
    return found


def _standing(place: str, path: str, rungs: list[tuple[Any, ...]]) -> list[Role]:
    """The roles somebody has to have over this place, by the ladder that counts there."""
    spots = dict(zip(("place", "root"), ladder.levels(path), strict=True))
    wanted = ladder.nearest(row for row in rungs if path.startswith(row[5]))
    roles = [rung.role for rung in wanted if spots.get(rung.stands) == place]
    return list(dict.fromkeys([*roles, Role.SAFEGUARDING_LEAD]))


# -- what stands at the top ---------------------------------------------------------------------

# A clock that was missed, and started again where it was, had nowhere further to go.
AT_THE_TOP = "t.ended IS NULL AND t.missed IS NOT NULL AND t.started >= t.missed"
STUCK = Sql(
    f"""SELECT 'escalation_at_ceiling', x.reference, x.created_at FROM escalation x
  JOIN clock t ON t.record_id = x.id AND {AT_THE_TOP}
  WHERE x.closed_at IS NULL AND x.level >= x.ceiling
UNION ALL SELECT 'concern_at_top', c.reference, c.created_at FROM concern c
  JOIN clock t ON t.record_id = c.id AND {AT_THE_TOP}
  WHERE c.state <> 'closed' AND NOT {IMPLICATED}
UNION ALL SELECT 'concern_outside', c.reference, c.created_at FROM concern c
  WHERE c.state <> 'closed' AND c.holder LIKE 'outside@%' AND NOT {IMPLICATED}
UNION ALL SELECT 'escalation_outside', e.reference, e.created_at FROM escalation e
  WHERE e.closed_at IS NULL AND e.owner LIKE 'outside@%'
ORDER BY 3"""
)
# What they are, and what to do.
STUCK_SAYS = {
    "escalation_at_ceiling": (
        "escalation",
        "unanswered at the highest level there is. Ring the reviewer.",
    ),
    "concern_at_top": (
        "safeguarding concern",
        "unanswered at the top of the ladder. Ring whoever holds it now.",
    ),
    "concern_outside": (
        "safeguarding concern",
        "that nobody on the ladder may hold. Ring the place's outside contact now.",
    ),
    "escalation_outside": (
        "escalation",
        "that everybody on the ladder is part of. Ring the place's outside contact.",
    ),
}


def _for(viewer: Actor | None) -> dict[str, str]:
    if viewer is None:
        return {"user_id": NOBODY, "actor_org": NOBODY}
    return {"user_id": viewer.user_id, "actor_org": viewer.organisation_id}


def _stuck(tx: Tx, viewer: Actor | None) -> Iterator[Finding]:
    """What nobody on the ladder will act on any more, without that somebody rings."""
    rows = tx.rows(STUCK, **_for(viewer))
    for code, (what, says) in STUCK_SAYS.items():
        which = tuple(row[1] for row in rows if row[0] == code)
        if which:
            yield Finding(code, f"{_many(len(which), what)} {says}", len(which), which[:MOST_NAMED])


def _holds(counts: Counts) -> Finding | None:
    count = counts.holds
    if not count:
        return None
    return Finding("hold_past_date", f"{_many(count, 'hold')} past the date it was for.", count)


# -- the log ------------------------------------------------------------------------------------

PLACED_WITHIN = timedelta(minutes=5)
SIGNED_WITHIN = timedelta(minutes=10)
PUBLISHED_WITHIN = timedelta(minutes=15)
CHECKED_WITHIN = timedelta(days=2)
SIGN, CHECK = "sign", "check"
# The list of erasures, kept outside the database.
LISTED = "erasures"
WITHIN = frozenset({SIGN, CHECK, tree.CHECK_ASKED, LISTED})


def _log(tx: Tx, at: datetime, log: Lag, counts: Counts) -> list[Finding | None]:
    """What isn't well with the audit log's tree, its signed heads, and their way outside."""
    known = {duty.name: duty for duty in tree.duties(tx)}
    sign = known.get(SIGN)
    return [
        _unplaced(at, log),
        _unsigned(at, log, sign),
        *(_unpublished(at, one) for name, one in known.items() if name not in WITHIN),
        _kept_inside(at, log, known.keys() - WITHIN),
        _checked(tx, at, log),
        _unlisted(at, counts, known.get(LISTED)),
    ]


def _unplaced(at: datetime, log: Lag) -> Finding | None:
    if log.foreign:
        return Finding(
            "audit_unsettled",
            f"{_many(log.foreign, 'entry', 'entries')} of the audit log came with a restored backup"
            " and have no place in the tree. Run `segue audit settle`.",
            log.foreign,
        )
    if log.unplaced_since is None or at - log.unplaced_since <= PLACED_WITHIN:
        return None
    return Finding(
        "audit_unplaced",
        f"{_many(log.unplaced, 'entry', 'entries')} of the audit log have no place in its tree,"
        f" since {clock_words(log.unplaced_since)}. Is `segue worker` running? A transaction that"
        " stays open on the database server holds them back too.",
        log.unplaced,
    )


def _unsigned(at: datetime, log: Lag, sign: Duty | None) -> Finding | None:
    since = log.unsigned_since
    failing = sign is not None and sign.failing_since is not None
    if since is None or (not failing and at - since <= SIGNED_WITHIN):
        return None
    why = (sign.why if sign is not None and failing else None) or "Is `segue worker` running?"
    return Finding(
        "audit_unsigned",
        f"{_many(log.unsigned, 'entry', 'entries')} of the audit log wait unsigned since"
        f" {clock_words(since)}. {why}",
        log.unsigned,
    )


def _unpublished(at: datetime, duty: Duty) -> Finding | None:
    since = duty.failing_since
    if since is None or at - since <= PUBLISHED_WITHIN:
        return None
    return Finding(
        "audit_unpublished",
        f"Signed heads of the audit log don't get out ({duty.name}), since {clock_words(since)}."
        f" {duty.why or ''}".rstrip(),
    )


def _kept_inside(at: datetime, log: Lag, outside: Collection[str]) -> Finding | None:
    if log.head_at is None or outside:
        return None
    return Finding(
        "audit_kept_inside",
        "Signed heads of the audit log stay where the log is, so whoever runs the database could"
        " change both. Set SEGUE_AUDIT_FOLDER or SEGUE_AUDIT_WEBHOOK.",
        warning=True,
    )


def _unlisted(at: datetime, counts: Counts, duty: Duty | None) -> Finding | None:
    """Erasures that a restore wouldn't know to play again."""
    since = duty.failing_since if duty is not None else None
    if since is not None and at - since > PUBLISHED_WITHIN:
        return Finding(
            "erasures_unlisted",
            f"The list of erasures can't be kept outside the database, since {clock_words(since)}."
            f" {duty.why if duty is not None else ''}".rstrip(),
        )
    missing = counts.erasures - (duty.size if duty is not None else 0)
    if missing <= 0:
        return None
    return Finding(
        "erasures_unlisted",
        f"No list outside the database has {_many(missing, 'erasure')}: a restored backup would"
        " bring those people back. Set SEGUE_ERASURES_FILE for `segue worker`, or run"
        " `segue erasures export`.",
        missing,
        warning=True,
    )


def _checked(tx: Tx, at: datetime, log: Lag) -> Finding | None:
    checked = tree.last_check(tx)
    if checked is not None and not checked.whole:
        return Finding(
            "audit_broken",
            f"The audit log and the store were unlike in {_many(checked.found, 'place')}"
            f" at {clock_words(checked.at)}. Keep a copy of the database as it is, and run"
            " `segue audit verify`.",
            checked.found,
        )
    if checked is None or at - checked.at <= CHECKED_WITHIN:
        return None
    return Finding(
        "audit_unchecked",
        f"The audit log was last checked at {clock_words(checked.at)}. Is `segue worker` running?",
    )


def clock_words(at: datetime) -> str:
    """A moment as people in England read it."""
    here = at.astimezone(LONDON)
    half = "am" if here.hour < 12 else "pm"
    return f"{here.hour % 12 or 12}:{here:%M}{half} on {here.day} {here:%B %Y}"


# -- the calendar -------------------------------------------------------------------------------


def _calendar(at: datetime) -> Finding | None:
    last = bank_holidays.UNTIL
    if at.date() < last - WARN:
        return None
    return Finding(
        "bank_holidays_end",
        f"The bank holidays are known only until {last.day} {last:%B %Y}. After that every weekday"
        " counts as a working day. Install a newer Segue.",
        warning=at.date() <= last,
    )


def _many(count: int, what: str, more: str = "") -> str:
    return f"{count} {what}" if count == 1 else f"{count} {more or what + 's'}"
