"""Reading the audit log: who did what, when and why, for those who look into it.

What is shown is what stands in the leaves. Of a safeguarding concern an entry tells that something
was done and by whom, never whom it is about; and for a person's history its entries are left out.
Whoever might be named in one doesn't see the log at all: its numbers alone would tell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from referral.accounts import within
from referral.actors import NOBODY, Actor
from referral.audit import EXPORTED, LISTED, LOOKED_FOR, READ
from referral.facts import named
from referral.keys import Damaged, Gone
from referral.schema import CONCERN_OPEN, HOLD_LIVE, of
from referral.scopes import AUDIT, asked, condition
from referral.states import Noun
from referral.store import Sql, Tx

PAGE = 25
PERSON = "person"

# -- whom an entry is about ---------------------------------------------------------------------

_OF_PERSON = "SELECT subject_ref FROM guard.person WHERE id = :id"
_OF_RECORD = (
    "SELECT p.subject_ref FROM guard.{} r JOIN guard.person p ON p.id = r.person_id"
    " WHERE r.id = :id"
)
_WITH_PERSON = (
    Noun.RIGHTS,
    Noun.REFERRAL,
    Noun.CONSENT,
    Noun.OVERRIDE,
    Noun.EMERGENCY,
    Noun.CONCERN,
    Noun.ESCALATION,
)
SUBJECTS = {
    PERSON: Sql(_OF_PERSON),
    "confirmation": Sql(
        "SELECT p.subject_ref FROM confirmation c JOIN guard.referral r ON r.id = c.record_id"
        " JOIN guard.person p ON p.id = r.person_id WHERE c.id = :id"
    ),
    **{str(noun): Sql(_OF_RECORD.format(noun)) for noun in _WITH_PERSON},
}
BEGUN = Sql(_OF_RECORD.format("beginning"))


def subject_of(tx: Tx, noun: str, record_id: str) -> str | None:
    """The random id that stands for the person a record is about; None where there is none."""
    query = SUBJECTS.get(noun)
    if query is None:
        return None
    row = tx.row(query, id=record_id)
    if row is None and noun == Noun.REFERRAL:
        row = tx.row(BEGUN, id=record_id)  # it isn't a referral yet
    return None if row is None else row[0]


# -- who may look -------------------------------------------------------------------------------

# In two worlds that differ only in why, the answer is the same: named in a concern, or of a side
# to which records are closed while they are put right.
CONFLICT = Sql(
    f"""SELECT {
        named(
            "1 = 1",
            "(ks.user_id = :user_id OR ks.organisation_id IN"
            " (SELECT mo.organisation_id FROM membership mo WHERE mo.user_id = :user_id"
            " AND (mo.ended_at IS NULL OR mo.ended_at > :at)))",
        )
    }
  OR EXISTS (SELECT 1 FROM guard.concern k JOIN provider v ON v.id = k.provider_id
    JOIN membership mo ON mo.organisation_id = v.organisation_id
    WHERE {of("k", CONCERN_OPEN)} AND mo.user_id = :user_id
    AND (mo.ended_at IS NULL OR mo.ended_at > :at))
  OR EXISTS (SELECT 1 FROM guard.hold h JOIN membership mo ON mo.user_id = :user_id
    WHERE {of("h", HOLD_LIVE)} AND (mo.ended_at IS NULL OR mo.ended_at > :at)
    AND ((h.closed_to = 'link_worker' AND mo.role = 'link_worker')
      OR (h.closed_to = 'provider' AND (mo.role = 'provider_leader'
        OR EXISTS (SELECT 1 FROM provider v WHERE v.organisation_id = mo.organisation_id))
        AND (h.provider_id IS NULL OR EXISTS (SELECT 1 FROM provider v WHERE v.id = h.provider_id
          AND v.organisation_id = mo.organisation_id)))))"""
)


def conflicted(tx: Tx, actor: Actor, at: datetime) -> bool:
    """Whether a record is closed to this account in any of its roles, whatever the cause: then the
    log is closed to it too."""
    row = tx.row(CONFLICT, user_id=actor.user_id, at=at)
    return bool(row and row[0])


# -- a page of the log --------------------------------------------------------------------------

# What one may ask for, by what the entries' actions are.
_SIGNS = (
    "('sign_in', 'sign_out', 'sign_in_refused', 'signed_in',"
    " 'second_step_refused', 'recovery_code_used')"
)
_READS = f"('{READ}', '{LISTED}', '{LOOKED_FOR}', '{EXPORTED}', 'searched')"
_TOLD = (
    "(a.action LIKE 'notice%delivered' OR a.action LIKE 'message%delivered'"
    " OR a.action IN ('notice_withheld', 'message_withheld', 'message_handed_over'))"
)
KINDS: dict[str, str] = {
    "moves": "a.action = 'step'",
    "refusals": "a.action IN ('refused', 'sign_in_refused')",
    "reads": f"a.action IN {_READS}",
    "signs": f"a.action IN {_SIGNS}",
    "told": _TOLD,
    "emergency": "(a.noun = 'emergency' OR a.action LIKE 'emergency%')",
    "changes": f"a.action NOT IN ('step', 'refused') AND a.action NOT IN {_SIGNS}"
    f" AND a.action NOT IN {_READS} AND NOT {_TOLD}",
}


class Filters(NamedTuple):
    """What a page of the log is narrowed to; None: everything in scope."""

    subject: str | None = None
    record_id: str | None = None
    member: str | None = None
    user: str | None = None
    organisation: str | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = Filters()


class EntryRow(NamedTuple):
    """One entry as it is read: what its leaf says, and the words for who acted."""

    seq: int
    id: str
    at: datetime
    action: str
    noun: str
    record_id: str | None
    member: str | None
    subject: str | None
    leaf: str
    leaf_hash: bytes
    details: str | None
    place: int | None
    name: str | None
    organisation: str | None

    @property
    def said(self) -> Mapping[str, Any]:
        """What stands in the leaf."""
        found: Mapping[str, Any] = json.loads(self.leaf)
        return found

    @property
    def restricted(self) -> bool:
        """Whether it is about a safeguarding concern."""
        return self.noun == Noun.CONCERN


_ROW = """SELECT a.seq, a.entry_id, a.at, a.action, a.noun, a.record_id, a.membership_id, a.subject,
  a.leaf, a.leaf_hash, d.payload, i.idx, u.name, og.name
FROM audit a
LEFT JOIN audit_detail d ON d.entry_id = a.entry_id
LEFT JOIN audit_index i ON i.seq = a.seq
LEFT JOIN membership m ON m.id = a.membership_id
LEFT JOIN app_user u ON u.id = m.user_id
LEFT JOIN organisation og ON og.id = m.organisation_id
WHERE a.system_id = :system_id AND {scope}"""
# Whoever raised a concern is told by their role alone: what is asked by who acted leaves it out.
_NOT_RAISING = f" AND NOT (a.noun = '{Noun.CONCERN}' AND (a.version = 1 OR a.record_id IS NULL))"
_NARROWED = {
    "subject": f" AND a.subject = :subject AND a.noun <> '{Noun.CONCERN}'",
    "record_id": " AND a.record_id = :record_id",
    "member": f" AND a.membership_id = :member_asked{_NOT_RAISING}",
    "user": f" AND m.user_id = :user_asked{_NOT_RAISING}",
    "organisation": f" AND m.organisation_id = :organisation{_NOT_RAISING}",
    "since": " AND a.at >= :since",
    "until": " AND a.at < :until",
}
_AT = EntryRow._fields.index("at")
_DETAILS = EntryRow._fields.index("details")


@cache
def _entries(scope: str, names: frozenset[str], kind: str | None, how: str, limit: int) -> Sql:
    text = _ROW.format(scope=scope) + "".join(_NARROWED[name] for name in sorted(names))
    if kind is not None:
        text += f" AND {KINDS[kind]}"
    text += {
        "newest": " ORDER BY a.seq DESC",
        "before": " AND a.seq < :seq ORDER BY a.seq DESC",
        "after": " AND a.seq > :seq ORDER BY a.seq",
        "one": " AND a.seq = :seq ORDER BY a.seq",
    }[how]
    return Sql(f"{text} LIMIT {limit:d}", (_AT,), (_DETAILS,))


def _asked(
    tx: Tx, actor: Actor, filters: Filters, how: str, seq: int | None, limit: int
) -> list[EntryRow]:
    scope = condition(AUDIT, actor)
    if scope is None or (filters.kind is not None and filters.kind not in KINDS):
        return []
    given = filters._asdict()
    names = frozenset(name for name in _NARROWED if given[name] is not None)
    query = _entries(scope, names, filters.kind, how, limit)
    given["member_asked"], given["user_asked"] = given.pop("member"), given.pop("user")
    rows = tx.rows(query, **asked(actor), **given, seq=seq)
    return [_entry(EntryRow._make(row)) for row in rows]


def _entry(row: EntryRow) -> EntryRow:
    """Details whose key was taken away are gone like those that were deleted."""
    lost = isinstance(row.details, Gone | Damaged)
    return row._replace(details=None) if lost else row


def page(
    tx: Tx, actor: Actor, filters: Filters, before: int | None = None, limit: int = PAGE
) -> list[EntryRow]:
    """A page of the entries in the actor's scope, the newest first."""
    return _asked(tx, actor, filters, "newest" if before is None else "before", before, limit)


def onward(
    tx: Tx, actor: Actor, filters: Filters, after: int = 0, limit: int = 500
) -> list[EntryRow]:
    """A page of the same in the order in which they were written."""
    return _asked(tx, actor, filters, "after", after, limit)


def one(tx: Tx, actor: Actor, seq: int) -> EntryRow | None:
    """One entry, if it is in the actor's scope."""
    found = _asked(tx, actor, EVERYTHING, "one", seq, 1)
    return found[0] if found else None


class About(NamedTuple):
    """What an entry tells of a record: a step by its version, anything else by its moment."""

    record_id: str
    action: str
    version: int | None
    at: datetime


_NUMBERS = """SELECT a.record_id, a.action, a.version, a.at, a.seq FROM audit a
WHERE a.system_id = :system_id AND a.record_id {{ids}} AND a.action IN
    ('step', 'message_written', 'document_attached', 'document_taken_back')
  AND a.at >= :since AND a.at <= :until AND {scope} AND NOT ({closed})"""


@cache
def _numbers(scope: str, pg: bool) -> Sql:
    text = _NUMBERS.format(scope=scope, closed=CONFLICT.text)
    each = "= ANY(:ids)" if pg else "IN (SELECT value FROM json_each(:ids))"
    return Sql(text.replace("{ids}", each), (3,))


def numbers(
    tx: Tx,
    actor: Actor,
    at: datetime,
    record_ids: Iterable[str],
    since: datetime,
    until: datetime,
) -> dict[About, int]:
    """The numbers of the entries about these records' steps, messages and documents between two
    moments, of those the actor may open: none where the log is closed to them."""
    scope = condition(AUDIT, actor)
    if scope is None:
        return {}
    ids = sorted(set(record_ids))
    rows = tx.rows(
        _numbers(scope, tx.pg),
        **asked(actor),
        user_id=actor.user_id,
        at=at,
        ids=ids if tx.pg else json.dumps(ids),
        since=since,
        until=until,
    )
    found = {}
    for record_id, action, version, moment, seq in rows:
        told = version if action == "step" else None
        found[About(str(record_id), action, told, moment)] = seq
    return found


# -- names for what is asked and shown ----------------------------------------------------------

_REFERRED = (Noun.REFERRAL, Noun.OVERRIDE, Noun.ESCALATION, Noun.EMERGENCY, Noun.CONCERN)
BY_REFERENCE = Sql(
    "SELECT 'person', p.id, p.subject_ref FROM guard.person p"
    " WHERE p.system_id = :system_id AND p.reference = :reference"
    + "".join(
        f" UNION ALL SELECT '{noun}', r.id, NULL FROM guard.{noun} r"
        f" WHERE r.system_id = :system_id AND r.reference = :reference"
        for noun in _REFERRED
    )
)


class Named(NamedTuple):
    """What a reference stands for."""

    noun: str
    id: str
    subject: str | None


def by_reference(tx: Tx, actor: Actor, reference: str) -> Named | None:
    """What this reference stands for in the system. Who asks sees entries, not the record."""
    row = tx.row(BY_REFERENCE, system_id=actor.system_id, reference=reference)
    return None if row is None else Named._make(row)


def _each(text: str, pg: bool) -> Sql:
    return Sql(
        text.replace("{ids}", "= ANY(:ids)" if pg else "IN (SELECT value FROM json_each(:ids))")
    )


# A concern's own reference is nobody's but its readers'.
_REFERENCES = (
    "SELECT p.subject_ref, p.reference FROM guard.person p WHERE p.subject_ref {ids}"
) + "".join(
    f" UNION ALL SELECT r.id, r.reference FROM guard.{noun} r WHERE r.id {{ids}}"
    for noun in _REFERRED
    if noun != Noun.CONCERN
)
REFERENCES = {pg: _each(_REFERENCES, pg) for pg in (True, False)}
_MEMBERS = (
    "SELECT m.id, u.name, og.name FROM membership m JOIN app_user u ON u.id = m.user_id"
    " JOIN organisation og ON og.id = m.organisation_id WHERE m.id {ids}"
)
MEMBERS = {pg: _each(_MEMBERS, pg) for pg in (True, False)}


def references(tx: Tx, rows: Iterable[EntryRow]) -> dict[str, str]:
    """The reference of each record and person that these entries are about, by id."""
    wanted = {
        one for row in rows if not row.restricted for one in (row.record_id, row.subject) if one
    }
    if not wanted:
        return {}
    ids = sorted(wanted)
    found = tx.rows(REFERENCES[tx.pg], ids=ids if tx.pg else json.dumps(ids))
    return {str(row[0]): row[1] for row in found}


def members(tx: Tx, ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """(name, organisation) of each of these memberships."""
    wanted = sorted(set(ids) - {NOBODY})
    if not wanted:
        return {}
    rows = tx.rows(MEMBERS[tx.pg], ids=wanted if tx.pg else json.dumps(wanted))
    return {str(row[0]): (row[1], row[2]) for row in rows}


_HOLDERS = (
    "SELECT u.id, u.name FROM app_user u WHERE u.id {ids} UNION ALL SELECT m.id, mu.name"
    " FROM membership m JOIN app_user mu ON mu.id = m.user_id WHERE m.id {ids}"
)
HOLDERS = {pg: _each(_HOLDERS, pg) for pg in (True, False)}


def holders(tx: Tx, rows: Iterable[EntryRow]) -> dict[str, str]:
    """Whose each account and each role is that these entries are about, by its id."""
    ids = sorted({row.record_id for row in rows if row.noun in HELD and row.record_id})
    if not ids:
        return {}
    found = tx.rows(HOLDERS[tx.pg], ids=ids if tx.pg else json.dumps(ids))
    return {str(row[0]): row[1] for row in found}


HELD = frozenset({"user", "membership"})

ORGANISATIONS = Sql(
    "SELECT o.id, o.name FROM organisation o WHERE o.system_id = :system_id ORDER BY o.name, o.id"
    " LIMIT 500"
)


def organisations(tx: Tx, actor: Actor) -> list[tuple[str, str]]:
    """Those whose people's entries one may ask for."""
    return [(row[0], row[1]) for row in tx.rows(ORGANISATIONS, system_id=actor.system_id)]


MOST_CALLED = 10
_CALLED = """SELECT u.id, u.name, (SELECT min(og.name) FROM membership m
    JOIN organisation og ON og.id = m.organisation_id WHERE m.user_id = u.id)
FROM app_user u WHERE EXISTS (SELECT 1 FROM membership m WHERE m.user_id = u.id
    AND m.system_id = :system_id) AND {}"""
CALLED = Sql(
    _CALLED.format("lower(u.name) LIKE :called ESCAPE '!'")
    + f" ORDER BY u.name, u.id LIMIT {MOST_CALLED + 1}"
)
ACCOUNT = Sql(_CALLED.format("u.id = :id"))


def called(tx: Tx, actor: Actor, words: str) -> list[tuple[str, str, str]]:
    """(id, name, organisation) of the accounts with this in their name, one more than are shown."""
    rows = tx.rows(CALLED, system_id=actor.system_id, called=within(words))
    return [(row[0], row[1], row[2]) for row in rows]


def account(tx: Tx, actor: Actor, user_id: str) -> str | None:
    """The name of an account of the system."""
    row = tx.row(ACCOUNT, system_id=actor.system_id, id=user_id)
    return None if row is None else row[1]


# -- what needs attention -----------------------------------------------------------------------

MOST = 10


class Attempts(NamedTuple):
    """How often somebody was refused, and when last."""

    member: str
    name: str
    organisation: str
    times: int
    last: datetime


@cache
def _refused(scope: str) -> Sql:
    return Sql(
        "SELECT a.membership_id, u.name, og.name, count(*), max(a.at) FROM audit a"
        " JOIN membership m ON m.id = a.membership_id JOIN app_user u ON u.id = m.user_id"
        " JOIN organisation og ON og.id = m.organisation_id"
        f" WHERE a.system_id = :system_id AND {scope} AND a.at >= :since"
        " AND a.action = 'refused' GROUP BY a.membership_id, u.name, og.name"
        f" ORDER BY count(*) DESC, u.name LIMIT {MOST}",
        (4,),
    )


def refused(tx: Tx, actor: Actor, since: datetime) -> list[Attempts]:
    """Who was refused most often since then."""
    scope = condition(AUDIT, actor)
    if scope is None:
        return []
    rows = tx.rows(_refused(scope), **asked(actor), since=since)
    return [Attempts._make(row) for row in rows]


FAILED_SIGN_INS = Sql(
    "SELECT count(*), max(a.at) FROM audit a WHERE a.system_id = :system_id AND a.at >= :since"
    " AND a.action = 'sign_in_refused'",
    (1,),
)


def failed_sign_ins(tx: Tx, actor: Actor, since: datetime) -> tuple[int, datetime | None]:
    """How many sign-ins failed since then, and the last of them."""
    row = tx.row(FAILED_SIGN_INS, system_id=actor.system_id, since=since)
    return (int(row[0]), row[1]) if row else (0, None)


EMERGENCIES = Sql(
    "SELECT count(*) FROM guard.emergency y"
    " WHERE y.system_id = :system_id AND y.state <> 'reviewed'"
)


def emergencies(tx: Tx, actor: Actor) -> int:
    """How many uses of emergency access nobody has reviewed."""
    row = tx.row(EMERGENCIES, system_id=actor.system_id)
    return int(row[0]) if row else 0


def all_of(tx: Tx, actor: Actor, filters: Filters) -> Iterator[EntryRow]:
    """Every entry in scope in the order in which they were written, never all in memory."""
    seq = 0
    while found := onward(tx, actor, filters, seq):
        yield from found
        seq = found[-1].seq
