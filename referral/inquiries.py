"""Everything about one person, for an inquiry: read for two people who may, and nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from referral.actors import Actor
from referral.audit import EXPORTED, LISTED, LOOKED_FOR
from referral.keys import parsed
from referral.ledger import TABLES
from referral.schema import day, instant, under
from referral.states import Noun
from referral.store import Sql, Tx

# -- the asking ---------------------------------------------------------------------------------

NOUN, TRIGGER = "person", "bundle"
_ASKED = """SELECT c.id, c.record_id, c.given, c.proposed_by, u.name, c.proposed_at, c.answered_by,
  au.name, c.answered_at, c.answer, p.reference
FROM confirmation c JOIN guard.person p ON p.id = c.record_id
JOIN organisation og ON og.id = p.organisation_id JOIN place pl ON pl.id = og.place_id
JOIN membership m ON m.id = c.proposed_by JOIN app_user u ON u.id = m.user_id
LEFT JOIN membership am ON am.id = c.answered_by LEFT JOIN app_user au ON au.id = am.user_id
WHERE c.system_id = :system_id AND c.noun = 'person' AND c.trigger = 'bundle' AND {under}"""
ANYWHERE = Sql(_ASKED.replace(" AND {under}", "").replace("c.system_id = :system_id AND ", "")
               + " AND c.id = :id", (5, 8), (2,))  # fmt: skip
SYSTEM_OF = Sql("SELECT c.system_id FROM confirmation c WHERE c.id = :id")
ASKED = Sql(_ASKED.format(under=under()) + " AND c.id = :id", (5, 8), (2,))
ALL_ASKED = Sql(
    _ASKED.format(under=under()) + " ORDER BY c.proposed_at DESC, c.id LIMIT 50", (5, 8), (2,)
)


class Asked(NamedTuple):
    """A bundle that somebody asked for, and what the second person said."""

    id: str
    person_id: str
    given: Mapping[str, Any]
    asked_by: str
    asker: str
    asked_at: datetime
    answered_by: str | None
    answerer: str | None
    answered_at: datetime | None
    answer: str | None
    reference: str


def _asked(row: tuple[Any, ...]) -> Asked:
    return Asked._make((*row[:2], parsed(row[2]) or {}, *row[3:]))


def asked(tx: Tx, actor: Actor, inquiry_id: str) -> Asked | None:
    """One of them, about a person of the actor's place."""
    row = tx.row(ASKED, system_id=actor.system_id, path=actor.place_path or "-", id=inquiry_id)
    return None if row is None else _asked(row)


def anywhere(tx: Tx, inquiry_id: str) -> tuple[Asked, str] | None:
    """One of them with its system, for whoever runs the program."""
    try:
        wanted = str(UUID(inquiry_id))
    except ValueError:
        return None
    row, system = tx.row(ANYWHERE, id=wanted), tx.row(SYSTEM_OF, id=wanted)
    return None if row is None or system is None else (_asked(row), system[0])


def all_asked(tx: Tx, actor: Actor) -> list[Asked]:
    """Those of the actor's place, the newest first."""
    rows = tx.rows(ALL_ASKED, system_id=actor.system_id, path=actor.place_path or "-")
    return [_asked(row) for row in rows]


PERSON_OF = Sql(
    "SELECT p.id, p.subject_ref FROM guard.person p"
    " JOIN organisation og ON og.id = p.organisation_id"
    f" JOIN place pl ON pl.id = og.place_id WHERE p.system_id = :system_id AND {under()}"
    " AND p.reference = :reference"
)


def person_of(tx: Tx, actor: Actor, reference: str) -> tuple[str, str] | None:
    """(id, surrogate) of the person with this reference in the actor's place."""
    row = tx.row(
        PERSON_OF,
        system_id=actor.system_id,
        path=actor.place_path or "-",
        reference=reference,
    )
    return None if row is None else (row[0], row[1])


# -- everything about them ----------------------------------------------------------------------

# Every machine whose records are a person's.
NOUNS = tuple(noun for noun in Noun if "person_id" in TABLES[noun].columns)


class Person(NamedTuple):
    """Whom it is about."""

    id: str
    reference: str
    given_name: str
    family_name: str
    birth_date: date | None
    created_at: datetime
    emergency_contact: str | None
    place_path: str


PERSON = Sql(
    "SELECT p.id, p.reference, p.given_name, p.family_name, p.birth_date, p.created_at,"
    " p.emergency_contact, pl.path FROM person p JOIN organisation og ON og.id = p.organisation_id"
    " JOIN place pl ON pl.id = og.place_id WHERE p.id = :id",
    (5,),
    (6,),
)
# The person's own record and those that were joined into it.
SAME = Sql("SELECT id, subject_ref FROM person WHERE id = :id OR merged_into = :id ORDER BY id")


def _each(text: str, pg: bool) -> Sql:
    return Sql(
        text.replace("{ids}", "= ANY(:ids)" if pg else "IN (SELECT value FROM json_each(:ids))")
    )


@cache
def _many(text: str, pg: bool, times: tuple[int, ...], sealed: tuple[int, ...]) -> Sql:
    return Sql(_each(text, pg).text, times, sealed)


def _rows(
    tx: Tx,
    text: str,
    ids: Iterable[str],
    times: tuple[int, ...] = (),
    sealed: tuple[int, ...] = (),
) -> list[tuple[Any, ...]]:
    wanted = sorted(set(ids))
    if not wanted:
        return []
    return tx.rows(_many(text, tx.pg, times, sealed), ids=wanted if tx.pg else json.dumps(wanted))


def person(tx: Tx, person_id: str) -> Person:
    row = tx.row(PERSON, id=person_id)
    if row is None:
        raise LookupError("there is no such person")
    return Person._make((*row[:4], day(row[4]), *row[5:]))


def same(tx: Tx, person_id: str) -> dict[str, str]:
    """The ids of the person's records, with their surrogates."""
    return {row[0]: row[1] for row in tx.rows(SAME, id=person_id)}


_RECORDS = "SELECT r.id FROM {} r WHERE r.person_id {{ids}} ORDER BY r.id"


def records(tx: Tx, people: Iterable[str], nouns: Iterable[Noun]) -> dict[str, list[str]]:
    """The ids of the person's records, by noun."""
    known = list(people)
    return {
        str(noun): [row[0] for row in _rows(tx, _RECORDS.format(noun), known)] for noun in nouns
    }


_REFERENCES = " UNION ALL ".join(
    f"SELECT r.id, r.reference FROM {noun} r WHERE r.id {{ids}}"
    for noun in NOUNS
    if "reference" in TABLES[noun].columns
)


def references(tx: Tx, ids: Iterable[str]) -> dict[str, str]:
    return {str(row[0]): row[1] for row in _rows(tx, _REFERENCES, ids)}


class Step(NamedTuple):
    """One move, with the words that came with it."""

    noun: str
    record_id: str
    version: int
    trigger: str
    from_state: str | None
    to_state: str
    at: datetime
    role: str
    member: str | None
    behalf: str | None
    second: str | None
    cause: str | None
    reason: str | None
    table_version: str
    note: str | None
    beside: str | None  # why staff named in a concern were not reported, kept when it was closed


_STEPS = """SELECT s.noun, s.record_id, s.version, s.trigger, s.from_state, s.to_state, s.at,
  s.role, s.membership_id, s.on_behalf_of, s.second_id, s.cause, s.reason, s.table_version, n.body,
  (SELECT b.body FROM note b WHERE s.noun = 'concern' AND s.trigger = 'close'
    AND b.record_id = s.record_id AND b.at = s.at AND b.audience = 'safeguarding'
    AND (s.note_id IS NULL OR b.id <> s.note_id) LIMIT 1)
FROM step s LEFT JOIN note n ON n.id = s.note_id WHERE s.record_id {ids} ORDER BY s.at, s.id"""


def steps(tx: Tx, ids: Iterable[str]) -> list[Step]:
    """Every move of these records, in the order in which they were made."""
    return [Step._make(row) for row in _rows(tx, _STEPS, ids, (6,), (14, 15))]


class Written(NamedTuple):
    """What one side wrote to the other about a referral, and when the other had read it."""

    referral_id: str
    side: str
    member: str
    at: datetime
    words: str | None
    read_at: datetime | None


_WRITTEN = """SELECT x.referral_id, x.side, x.written_by, x.at, x.body, x.read_at FROM message x
  WHERE x.person_id {ids} ORDER BY x.at, x.id"""


def written(tx: Tx, people: Iterable[str]) -> list[Written]:
    """Every message about the person's referrals, in the order in which they were written."""
    return [Written._make(row) for row in _rows(tx, _WRITTEN, people, (3, 5), (4,))]


class Attached(NamedTuple):
    """A document that was put on a referral; never what is in it."""

    referral_id: str
    side: str
    shared: bool
    kind: str
    member: str
    at: datetime
    taken_back_at: datetime | None
    taken_back_why: str | None
    name: str | None
    words: str | None


_ATTACHED = """SELECT x.referral_id, x.side, x.shared, x.kind, x.attached_by, x.at, x.taken_back_at,
  x.taken_back_why, x.name, x.description FROM document x WHERE x.person_id {ids}
  ORDER BY x.at, x.id"""


def attached(tx: Tx, people: Iterable[str]) -> list[Attached]:
    """Every document on the person's referrals, in the order in which they were put there."""
    rows = _rows(tx, _ATTACHED, people, (5, 6), (8, 9))
    return [Attached._make(row)._replace(shared=bool(row[2])) for row in rows]


class Answer(NamedTuple):
    """One answer about consent, with the words that were read out."""

    id: str
    purpose: str
    recipient: str | None
    state: str
    asked_at: datetime
    answered_at: datetime | None
    until: datetime | None
    how: str | None
    basis: str | None
    language: str | None
    number: int | None
    words: str | None


_ANSWERS = """SELECT c.id, c.purpose, (SELECT og.name FROM provider v
    JOIN organisation og ON og.id = v.organisation_id WHERE CAST(v.id AS text) = c.recipient),
  c.state, c.asked_at, c.answered_at, c.until, c.how, c.basis, w.language, w.number, w.body
FROM consent c LEFT JOIN wording w ON w.id = c.wording_id WHERE c.person_id {ids}
ORDER BY c.asked_at, c.id"""


def answers(tx: Tx, people: Iterable[str]) -> list[Answer]:
    return [Answer._make(row) for row in _rows(tx, _ANSWERS, people, (4, 5, 6))]


class Entry(NamedTuple):
    """An entry of the log about the person."""

    seq: int
    id: str
    at: datetime
    action: str
    noun: str
    record_id: str | None
    member: str | None
    leaf: str
    place: int | None


_ENTRIES = """SELECT a.seq, a.entry_id, a.at, a.action, a.noun, a.record_id, a.membership_id,
  a.leaf, i.idx FROM audit a LEFT JOIN audit_index i ON i.seq = a.seq
  WHERE a.subject {ids} ORDER BY a.seq"""


def entries(tx: Tx, subjects: Iterable[str]) -> list[Entry]:
    """Every entry of the log about the person, in order."""
    return [Entry._make(row) for row in _rows(tx, _ENTRIES, subjects, (2,))]


IN_LISTS = Sql(
    f"""SELECT a.seq, a.entry_id, a.at, a.action, a.noun, a.record_id, a.membership_id, a.leaf,
  i.idx, d.payload FROM audit a JOIN audit_detail d ON d.entry_id = a.entry_id
  LEFT JOIN audit_index i ON i.seq = a.seq
  WHERE a.system_id = :system_id AND a.at >= :since
  AND a.action IN ('{LISTED}', '{LOOKED_FOR}', '{EXPORTED}', 'searched') ORDER BY a.seq""",
    sealed=(9,),
)


def in_lists(tx: Tx, system_id: str, since: datetime, ids: Iterable[str]) -> Iterator[Entry]:
    """The lists in which the person, or a record of theirs, was shown among others."""
    wanted = tuple(ids)
    for row in tx.stream(IN_LISTS, system_id=system_id, since=since):
        if any(one in row[9] for one in wanted):
            at = row[2] if isinstance(row[2], datetime) else instant(row[2])
            yield Entry._make((*row[:2], at, *row[3:9]))


class Rule(NamedTuple):
    """A text of the rules, and from when it was there."""

    noun: str
    version: str
    from_at: datetime
    body: str


RULES = Sql(
    "SELECT noun, version, from_at, body FROM move_table WHERE from_at <= :until"
    " ORDER BY noun, from_at, version",
    (2,),
)


def rules(tx: Tx, until: datetime) -> list[Rule]:
    """Every text of the rules kept by then, by noun, the oldest first."""
    return [Rule._make(row) for row in tx.rows(RULES, until=until)]


SET_HERE = Sql(
    "SELECT r.kind, r.name, r.value, r.from_at, q.name FROM policy_rule r"
    " JOIN place q ON q.id = r.place_id WHERE r.system_id = :system_id AND r.from_at <= :until"
    " AND r.takes_back_id IS NULL AND substr(:path, 1, length(q.path)) = q.path"
    " ORDER BY r.kind, r.name, r.from_at, r.id",
    (3,),
)


def set_here(tx: Tx, system_id: str, path: str, until: datetime) -> list[tuple[Any, ...]]:
    """(kind, name, value, from, place) of each rule a place over the person has made."""
    return tx.rows(SET_HERE, system_id=system_id, path=path, until=until)


CLOSE = "SELECT s.name FROM relationship s WHERE s.person_id {ids} ORDER BY s.id"


def close_to(tx: Tx, people: Iterable[str]) -> list[str]:
    """The names of those who were noted as close to the person."""
    return [str(row[0]) for row in _rows(tx, CLOSE, people, (), (0,))]


# -- whose names don't belong in it -------------------------------------------------------------

STAFF = Sql("SELECT m.id, u.name, m.role, og.name FROM membership m"
            " JOIN app_user u ON u.id = m.user_id JOIN organisation og ON og.id = m.organisation_id"
            " WHERE m.system_id = :system_id")  # fmt: skip
OTHERS = Sql(
    "SELECT p.given_name, p.family_name FROM person p"
    " WHERE p.system_id = :system_id AND p.id <> :id"
)


def staff(tx: Tx, system_id: str) -> dict[str, tuple[str, str, str]]:
    """(name, role, organisation) of each membership."""
    return {row[0]: (row[1], row[2], row[3]) for row in tx.rows(STAFF, system_id=system_id)}


def others(tx: Tx, system_id: str, person_id: str) -> Iterator[str]:
    """The full names of everybody else who is supported."""
    for given, family in tx.stream(OTHERS, system_id=system_id, id=person_id):
        if given and family:
            yield f"{given} {family}"
