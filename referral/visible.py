"""The reading queries of lists on pages. Each takes its scope from `referral.scopes`. What is
outside it isn't found.

A row holds what there is; which of it somebody sees is decided in `workflows.disclosure`, and
`workflows.reading` puts the two together. Pages go by keyset: what comes after the last row seen,
never a number of rows to leave out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from referral import policy
from referral.actors import Actor
from referral.facts import (
    ABSENT,
    ACTOR_NAMED,
    CLOSED_MATTER,
    HELD,
    IMPLICATED,
    OVERRIDE_CLOSED,
    asking,
    closed_person,
    named,
)
from referral.messages import waiting_sql
from referral.people_checks import name_key
from referral.schema import CONCERN_OPEN, HOLD_LIVE, OVERRIDE_LIVE, day, of, under
from referral.scopes import (
    PEOPLE_SCOPES,
    REVIEW_SCOPES,
    SCOPES,
    asked,
    people_scope,
    review_scope,
    scope,
)
from referral.states import (
    REFERRAL_OPEN,
    UNFINISHED,
    WITH_PROVIDER,
    EscalationState,
    Noun,
    Purpose,
    ReferralState,
    Role,
    listed,
)
from referral.store import Sql, Tx

PAGE = 25
R = ReferralState


def _scoped(actor: Actor, at: datetime) -> dict[str, Any]:
    return {**asking(actor, at), **asked(actor)}


@cache
def _many(text: str, times: tuple[int, ...], pg: bool, sealed: tuple[int, ...] = ()) -> Sql:
    """A query with `{ids}`: a list bound as one value, on either database."""
    each = "= ANY({})" if pg else "IN (SELECT value FROM json_each({}))"
    for name in ("ids", "held", "keys", "members", "these"):
        text = text.replace("{" + name + "}", each.format(f":{name}"))
    return Sql(text, times, sealed)


def _list(values: Iterable[str], pg: bool) -> Any:
    found = sorted(values)
    return found if pg else json.dumps(found)


# A full hold closes the referral to the actor, whatever its cause; it has no deadline for them.
CLOSED = f"""({named("k.person_id = r.person_id", ACTOR_NAMED)}
   OR {named("k.provider_id = r.provider_id", ACTOR_NAMED)}
   OR EXISTS (SELECT 1 FROM guard.hold h WHERE h.person_id = r.person_id AND {of("h", HOLD_LIVE)}
       AND h.closed_to = :side AND (h.provider_id IS NULL OR h.provider_id = r.provider_id)
       AND (h.referral_id IS NULL OR h.referral_id = r.id)))"""
NO_DEADLINE = f"({HELD} OR {CLOSED})"

# -- referrals ----------------------------------------------------------------------------------


class ReferralRow(NamedTuple):
    """One referral in a list, with its running clock."""

    id: str
    reference: str
    state: str
    version: int
    since: datetime
    urgent: bool
    sent_at: datetime | None
    completed_at: datetime | None
    reason: str | None
    expected_date: date | None
    person_id: str
    link_worker_id: str
    given_name: str
    family_name: str
    birth_date: date | None
    postcode: str | None
    provider: str
    activity: str
    group: str
    link_worker: str
    team: str
    team_phone: str | None
    clock: str | None
    owner: str | None
    started: datetime | None
    due: datetime | None
    hours: bool | None
    call_before: bool
    shared: str | None  # the copy of the plan that sending froze, as JSON
    access_needs: str | None
    interpreter: bool | None


REFERRAL_ROW = """
SELECT r.id, r.reference, r.state, r.version, r.since, r.urgent, r.sent_at, r.completed_at,
  r.reason, r.expected_date, r.person_id, r.link_worker_id,
  pe.given_name, pe.family_name, pe.birth_date, pe.postcode,
  pog.name, ac.name, g.name, lu.name, og.name, og.phone,
  t.kind, t.owner, t.started, t.due, t.hours, r.call_before, r.shared, pe.access_needs,
  pe.interpreter
FROM referral r
JOIN person pe ON pe.id = r.person_id
JOIN provider pr ON pr.id = r.provider_id
JOIN organisation pog ON pog.id = pr.organisation_id
JOIN place ppl ON ppl.id = pog.place_id
JOIN organisation og ON og.id = r.organisation_id
JOIN place pl ON pl.id = og.place_id
JOIN activity ac ON ac.id = r.activity_id
JOIN activity_group g ON g.id = r.group_id
JOIN membership lw ON lw.id = r.link_worker_id
JOIN app_user lu ON lu.id = lw.user_id
LEFT JOIN clock t ON t.record_id = r.id AND t.ended IS NULL AND t.kind <> 'referral.not_started'
WHERE r.system_id = :system_id AND {scope}
"""
REFERRAL_TIMES = tuple(
    ReferralRow._fields.index(name)
    for name in ("since", "sent_at", "completed_at", "started", "due")
)
REFERRAL_SEALED = tuple(ReferralRow._fields.index(name) for name in ("shared", "access_needs"))
REFERRAL_DAYS = tuple(ReferralRow._fields.index(name) for name in ("expected_date", "birth_date"))


def _referral_row(row: tuple[Any, ...]) -> ReferralRow:
    values = list(row)
    for i in REFERRAL_DAYS:
        values[i] = day(values[i])
    return ReferralRow._make(values)


@dataclass(frozen=True)
class Filters:
    """What a list of referrals is narrowed to. `states` empty: every state in scope. A deadline
    lies after `due_after` and no later than `due_before`; `need` is a code of the plan."""

    states: frozenset[str] = frozenset()
    overdue: bool = False
    mine: bool = False
    person_id: str | None = None
    link_worker_id: str | None = None
    provider_id: str | None = None
    practice: str | None = None
    need: str | None = None
    due_after: datetime | None = None
    due_before: datetime | None = None


EVERYTHING = Filters()
NARROWED = {
    "overdue": f"t.due <= :at AND NOT {NO_DEADLINE}",
    "mine": "r.link_worker_id = :membership",
    "person_id": "r.person_id = :person_id",
    "link_worker_id": "r.link_worker_id = :link_worker_id",
    "provider_id": f"r.provider_id = :provider_id AND NOT {CLOSED}",
    "practice": f"pe.practice = :practice AND NOT {CLOSED}",
    "need": f"EXISTS (SELECT 1 FROM plan n WHERE n.id = r.plan_id AND n.needs LIKE :need)"
    f" AND NOT {CLOSED}",
    "due_after": f"t.due > :due_after AND NOT {NO_DEADLINE}",
    "due_before": f"t.due <= :due_before AND NOT {NO_DEADLINE}",
}
WITH_PROVIDER_NOW = listed(*(WITH_PROVIDER - {R.QUERIED}))
JOURNEY = (R.DRAFT, R.SENT, R.QUERIED, R.WAITING, R.RETURNED, R.ACCEPTED, R.ACTIVE, R.PAUSED,
           R.COMPLETED, R.CLOSED, R.WITHDRAWN, R.REDIRECTED, R.IN_ERROR)  # fmt: skip
# What a list is sorted by. Of what is closed to the reader only the name stands in its row: the
# rest must not be told by its place.
SORTS = {
    "updated": "r.since",
    "person": "pe.name_key",
    "status": "CASE WHEN {closed} THEN 99 ELSE CASE r.state "
    + " ".join(f"WHEN '{state}' THEN {number}" for number, state in enumerate(JOURNEY))
    + " END END",
    "with": f"CASE WHEN {{closed}} THEN '' WHEN r.state IN ({WITH_PROVIDER_NOW}) THEN pog.name"
    f" WHEN r.state IN ({listed(*REFERRAL_OPEN)}) THEN lu.name ELSE '' END",
    "deadline": f"coalesce(CASE WHEN {NO_DEADLINE} THEN NULL ELSE t.due END, :far)",
}
SORT_KINDS: dict[str, type] = {
    "updated": datetime, "person": str, "status": int, "with": str, "deadline": datetime,
}  # fmt: skip
FAR_OFF = datetime(9999, 1, 1, tzinfo=UTC)
MOST_COUNTED = 1_000


@dataclass(frozen=True)
class Sort:
    """How a list is sorted: by one of SORTS, upwards or downwards, then by id."""

    by: str = "updated"
    down: bool = True

    @property
    def key(self) -> str:
        """What rows are compared by, in SQL."""
        return SORTS[self.by].format(closed=CLOSED)


NEWEST_FIRST = Sort()


def _narrowed(scoped: str, filters: frozenset[str], states: frozenset[str]) -> str:
    text = REFERRAL_ROW.format(scope=SCOPES[scoped])
    if states:
        text += f" AND r.state IN ({listed(*states)})"
    return text + "".join(f" AND {NARROWED[name]}" for name in sorted(filters))


@cache
def _referrals(
    scoped: str,
    filters: frozenset[str],
    states: frozenset[str],
    further: bool,
    limit: int,
    sort: Sort = NEWEST_FIRST,
) -> Sql:
    text = _narrowed(scoped, filters, states)
    way, beyond = ("DESC", "<") if sort.down else ("ASC", ">")
    if further:
        text += f" AND ({sort.key}, r.id) {beyond} (:sorted_by, :after_id)"
    # A limit it doesn't know makes PostgreSQL plan for a tenth of all rows, and read every person.
    return Sql(
        f"{text} ORDER BY {sort.key} {way}, r.id {way} LIMIT {limit:d}",
        REFERRAL_TIMES,
        REFERRAL_SEALED,
    )


def _chosen(filters: Filters) -> frozenset[str]:
    return frozenset(name for name in NARROWED if getattr(filters, name))


def _narrowing(actor: Actor, at: datetime, filters: Filters) -> dict[str, Any]:
    return {
        **_scoped(actor, at),
        "membership": actor.membership_id,
        "person_id": filters.person_id,
        "link_worker_id": filters.link_worker_id,
        "provider_id": filters.provider_id,
        "practice": filters.practice,
        "need": f'%"{filters.need}"%' if filters.need else None,
        "due_after": filters.due_after,
        "due_before": filters.due_before,
        "far": FAR_OFF,
    }


def referrals(
    tx: Tx,
    actor: Actor,
    at: datetime,
    filters: Filters = EVERYTHING,
    after: tuple[Any, str] | None = None,
    limit: int = PAGE,
    sort: Sort = NEWEST_FIRST,
) -> list[ReferralRow]:
    """The referrals in the actor's scope, the newest change first unless said otherwise. `after`:
    what the last row of the page before is sorted by, and its id."""
    query = _referrals(
        scope(actor), _chosen(filters), filters.states, after is not None, limit, sort
    )
    key, number = after or (None, None)
    rows = tx.rows(query, **_narrowing(actor, at, filters), sorted_by=key, after_id=number)
    return [_referral_row(row) for row in rows]


@cache
def _sorted_by(scoped: str, sort: Sort) -> Sql:
    rest = REFERRAL_ROW[REFERRAL_ROW.index("FROM referral r") :].format(scope=SCOPES[scoped])
    times = (0,) if SORT_KINDS[sort.by] is datetime else ()
    return Sql(f"SELECT {sort.key} {rest} AND r.id = :id", times)


def sorted_by(tx: Tx, actor: Actor, at: datetime, sort: Sort, referral_id: str) -> Any:
    """What a referral in the actor's scope is sorted by; None where it isn't there."""
    asked_of = {**_narrowing(actor, at, EVERYTHING), "id": referral_id}
    row = tx.row(_sorted_by(scope(actor), sort), **asked_of)
    return None if row is None else row[0]


@cache
def _how_many(scoped: str, filters: frozenset[str], states: frozenset[str]) -> Sql:
    text = _narrowed(scoped, filters, states)
    rest = text[text.index("FROM referral r") :]
    return Sql(f"SELECT count(*) FROM (SELECT 1 {rest} LIMIT {MOST_COUNTED + 1}) x")


def how_many(tx: Tx, actor: Actor, at: datetime, filters: Filters = EVERYTHING) -> int:
    """How many referrals a list holds; of more than MOST_COUNTED, one more than that."""
    query = _how_many(scope(actor), _chosen(filters), filters.states)
    row = tx.row(query, **_narrowing(actor, at, filters))
    return int(row[0]) if row else 0


PROVIDERS = Sql(
    "SELECT pr.id, og.name FROM provider pr JOIN organisation og ON og.id = pr.organisation_id"
    " WHERE pr.system_id = :system_id ORDER BY og.name, pr.id LIMIT 300"
)


def providers(tx: Tx, actor: Actor) -> list[tuple[str, str]]:
    """Every provider of the system, by name: (id, name)."""
    return [(row[0], row[1]) for row in tx.rows(PROVIDERS, system_id=actor.system_id)]


PRACTICES = Sql(
    "SELECT DISTINCT pe.practice FROM person pe WHERE pe.organisation_id = :actor_org"
    " AND pe.practice IS NOT NULL ORDER BY pe.practice LIMIT 200"
)


def practices(tx: Tx, actor: Actor) -> list[str]:
    """The practices of the people of the actor's own team."""
    return [row[0] for row in tx.rows(PRACTICES, **asked(actor))]


After = tuple[datetime, str]


@cache
def _referrals_by(scoped: str, how: str, pg: bool, onward: bool = False) -> Sql:
    text = REFERRAL_ROW.format(scope=SCOPES[scoped])
    narrowed = {
        "ids": " AND r.id {ids}",
        "reference": " AND r.reference = :reference",
        "reference_part": " AND replace(r.reference, '-', '') LIKE :reference_part",
        "name": " AND pe.name_key LIKE :a AND pe.name_key LIKE :b AND pe.name_key LIKE :c",
    }
    text += narrowed[how] + (" AND (r.since, r.id) < (:since, :after)" if onward else "")
    text += " ORDER BY r.since DESC, r.id DESC LIMIT :limit"
    return _many(text, REFERRAL_TIMES, pg, REFERRAL_SEALED)


def referrals_by_id(
    tx: Tx, actor: Actor, at: datetime, ids: Iterable[str]
) -> dict[str, ReferralRow]:
    """Those of these referrals that are in the actor's scope."""
    wanted = list(ids)
    if not wanted:
        return {}
    query = _referrals_by(scope(actor), "ids", tx.pg)
    rows = tx.rows(query, **_scoped(actor, at), ids=_list(wanted, tx.pg), limit=len(wanted))
    return {row[0]: _referral_row(row) for row in rows}


def referral_by_reference(tx: Tx, actor: Actor, at: datetime, reference: str) -> ReferralRow | None:
    """The referral with this reference, if it is in the actor's scope."""
    query = _referrals_by(scope(actor), "reference", tx.pg)
    row = tx.row(query, **_scoped(actor, at), reference=reference, limit=1)
    return None if row is None else _referral_row(row)


def referrals_by_part(
    tx: Tx, actor: Actor, at: datetime, part: str, limit: int = PAGE, after: After | None = None
) -> list[ReferralRow]:
    """Referrals in scope with these signs in a row in their reference. `after`: when the referral
    the page before ended with came to where it is, and its id."""
    query = _referrals_by(scope(actor), "reference_part", tx.pg, after is not None)
    since, last = after or (None, None)
    rows = tx.rows(
        query,
        **_scoped(actor, at),
        reference_part=f"%{part}%",
        limit=limit,
        since=since,
        after=last,
    )
    return [_referral_row(row) for row in rows]


def referrals_by_name(
    tx: Tx, actor: Actor, at: datetime, words: str, limit: int = PAGE, after: After | None = None
) -> list[ReferralRow]:
    """Referrals in scope of people whose name holds each of these words. Whoever shows them drops
    those whose name the actor doesn't see."""
    patterns = name_patterns(words)
    if patterns is None:
        return []
    query = _referrals_by(scope(actor), "name", tx.pg, after is not None)
    since, last = after or (None, None)
    rows = tx.rows(query, **_scoped(actor, at), **patterns, limit=limit, since=since, after=last)
    return [_referral_row(row) for row in rows]


def name_patterns(words: str) -> dict[str, str] | None:
    """The first three words of a name as patterns; None where there is nothing to look for."""
    parts = [name_key(word) for word in words.split()]
    parts = [part for part in parts if part][:3]
    if not parts or max(map(len, parts)) < 2:
        return None
    parts += [""] * (3 - len(parts))
    return {name: f"%{part}%" for name, part in zip("abc", parts, strict=True)}


_ANSWERS = f"""
SELECT r.id,
  (SELECT c.state FROM guard.consent c WHERE c.person_id = r.person_id
     AND c.recipient = CAST(r.provider_id AS text) AND c.purpose = 'share_with_provider'
     AND c.answered_at IS NOT NULL ORDER BY c.answered_at DESC, c.id DESC LIMIT 1),
  (SELECT min(o.fields) FROM guard.override o WHERE o.person_id = r.person_id
     AND o.recipient = CAST(r.provider_id AS text) AND {of("o", OVERRIDE_LIVE)}
     AND (o.until IS NULL OR o.until > :at)){{besides}}
FROM guard.referral r WHERE r.system_id = :system_id AND r.id {{ids}}
"""
ANSWERS = _ANSWERS.replace("{besides}", "")


Answers = dict[str, tuple[str | None, str | None]]
Spans = dict[str, list[tuple[datetime, datetime | None]]]


def answers(tx: Tx, actor: Actor, at: datetime, ids: Iterable[str]) -> Answers:
    """Of referrals the actor was let at: the state of the newest answer about sharing, and what an
    override in force lists."""
    query = _many(ANSWERS, (), tx.pg)
    rows = tx.rows(query, system_id=actor.system_id, at=at, ids=_list(ids, tx.pg))
    return {row[0]: (row[1], row[2]) for row in rows}


ANSWERS_AND_HOLDS = (
    _ANSWERS.replace("{besides}", ", NULL, NULL")
    + """UNION ALL
SELECT r.id, NULL, NULL, h.started, h.ended FROM guard.referral r JOIN guard.hold h
  ON (h.person_id = r.person_id AND (h.provider_id IS NULL OR h.provider_id = r.provider_id)
      AND (h.referral_id IS NULL OR h.referral_id = r.id))
  OR (h.person_id IS NULL AND h.provider_id = r.provider_id)
  WHERE r.system_id = :system_id AND r.id {held}"""
)


def answers_and_holds(
    tx: Tx, actor: Actor, at: datetime, ids: Iterable[str], held: Iterable[str]
) -> tuple[Answers, Spans]:
    """What `answers` finds, and every interval in which each of `held` was or is held: times only,
    no cause."""
    rows = tx.rows(
        _many(ANSWERS_AND_HOLDS, (3, 4), tx.pg),
        system_id=actor.system_id,
        at=at,
        ids=_list(ids, tx.pg),
        held=_list(held, tx.pg),
    )
    said: Answers = {}
    spans: Spans = {}
    for record_id, state, fields, started, ended in rows:
        if started is None:
            said[record_id] = (state, fields)
        else:
            spans.setdefault(record_id, []).append((started, ended))
    return said, spans


HELD_OR_MISSED = Sql(
    """SELECT h.started, h.ended, NULL, NULL, NULL FROM guard.referral r JOIN guard.hold h
  ON (h.person_id = r.person_id AND (h.provider_id IS NULL OR h.provider_id = r.provider_id)
      AND (h.referral_id IS NULL OR h.referral_id = r.id))
  OR (h.person_id IS NULL AND h.provider_id = r.provider_id)
  WHERE r.system_id = :system_id AND r.id = :id
UNION ALL
SELECT c.missed, NULL, c.kind, c.owner, c.id FROM clock c
  WHERE c.record_id = :id AND c.noun = 'referral' AND c.system_id = :system_id
    AND c.missed IS NOT NULL AND c.missed <= :at""",
    times=(0, 1),
)


class Missed(NamedTuple):
    """A clock of a referral that ran out, and whose it was."""

    at: datetime
    kind: str
    owner: str
    id: int


def held_or_missed(
    tx: Tx, actor: Actor, at: datetime, referral_id: str
) -> tuple[list[tuple[datetime, datetime | None]], list[Missed]]:
    """Of a referral the actor was let at: every interval in which anything held it (times only, no
    cause), and each clock of it that ran out."""
    rows = tx.rows(HELD_OR_MISSED, system_id=actor.system_id, at=at, id=referral_id)
    spans = [(row[0], row[1]) for row in rows if row[2] is None]
    return spans, [Missed(row[0], row[2], row[3], int(row[4])) for row in rows if row[2]]


# What tells its reader something to act on; the rest is told once more where it belongs.
NEWS = ("escalation_decided", "concern_closed")
# Beside the states: what else waits, counted with them.
BEGUN, UNREAD, PROPOSED, WRITTEN = "begun", "unread", "proposed", "written "
HELD_NEW = "held_new"
BESIDES = f"""
UNION ALL SELECT '{BEGUN}', count(*) FROM beginning b
  WHERE b.membership_id = :membership AND b.updated_at <= :before
UNION ALL SELECT '{UNREAD}', count(*) FROM notice n
  WHERE n.membership_id = :membership AND n.read_at IS NULL AND n.what IN ({listed(*NEWS)})
UNION ALL SELECT '{PROPOSED}', count(*) FROM confirmation p
  WHERE p.organisation_id = :actor_org AND p.system_id = :system_id AND p.noun = 'referral'
    AND p.answer IS NULL AND p.proposed_at <= :at AND p.proposed_by <> :membership"""


def _held_new(scoped: str, role: Role) -> str:
    """Of what was sent to a provider, what waits for the end of a hold and not for an answer."""
    if role is not Role.PROVIDER_LEADER:
        return ""
    return f"""UNION ALL SELECT '{HELD_NEW}', count(*) FROM referral r
  WHERE r.system_id = :system_id AND {SCOPES[scoped]} AND r.state = '{R.SENT}' AND {NO_DEADLINE}"""


def _written(scoped: str, role: Role) -> str:
    return f"""UNION ALL SELECT '{WRITTEN}' || CAST(w.id AS text), w.many
  FROM ({waiting_sql(scoped, role)}) w"""


@cache
def _counts(scoped: str, mine: bool, role: Role, besides: bool = False) -> Sql:
    joins = ""
    if scoped == "place":
        joins = """
JOIN provider pr ON pr.id = r.provider_id
JOIN organisation pog ON pog.id = pr.organisation_id
JOIN place ppl ON ppl.id = pog.place_id
JOIN organisation og ON og.id = r.organisation_id
JOIN place pl ON pl.id = og.place_id"""
    own = " AND r.link_worker_id = :membership" if mine else ""
    return Sql(
        f"SELECT r.state, count(*) FROM referral r{joins} WHERE r.system_id = :system_id"
        f" AND {SCOPES[scoped]}{own} GROUP BY r.state"
        + (f"{BESIDES}\n{_written(scoped, role)}\n{_held_new(scoped, role)}" if besides else "")
    )


def counts(
    tx: Tx, actor: Actor, at: datetime, mine: bool = False, before: datetime | None = None
) -> dict[str, int]:
    """How many referrals in scope are in each state; `mine`: only those the actor is named on.
    `before`: also how much they have begun and not touched since then (BEGUN), what of NEWS they
    haven't read (UNREAD), what colleagues proposed (PROPOSED), how many of a provider's new ones
    are held (HELD_NEW), and for each thread with
    messages that nobody of theirs has read how many, under WRITTEN and the referral's id."""
    query = _counts(scope(actor), mine, actor.role, before is not None)
    rows = tx.rows(query, **_scoped(actor, at), membership=actor.membership_id, before=before)
    return {row[0]: int(row[1]) for row in rows}


@cache
def _next_due(scoped: str, mine: bool) -> Sql:
    own = " AND r.link_worker_id = :membership" if mine else ""
    return Sql(
        f"SELECT min(t.due) FROM referral r JOIN clock t ON t.record_id = r.id AND t.ended IS NULL"
        f" AND t.kind <> 'referral.not_started' WHERE r.system_id = :system_id"
        f" AND {SCOPES[scoped]}{own} AND r.state IN ({listed(*WITH_PROVIDER)}) AND t.due > :at"
        f" AND NOT {NO_DEADLINE}",
        (0,),
    )


def next_due(tx: Tx, actor: Actor, at: datetime, mine: bool = False) -> datetime | None:
    """The next deadline of what is with providers, in the actor's own team or with themselves."""
    scoped = scope(actor) if scope(actor) in ("team", "provider") else "nobody"
    query = _next_due(scoped, mine)
    row = tx.row(query, **_scoped(actor, at), membership=actor.membership_id)
    return row[0] if row else None


# -- worklists ----------------------------------------------------------------------------------

# Owning these asks for nothing yet, until they are nearly due or a reminder has gone out.
WATCHED = listed(
    "referral.active",
    "referral.paused",
    "referral.waiting",
    "consent.given",
    "override.approved",
    "hold.until",
    "concern.reported",
    "concern.enquiry",
    "concern.monitoring",
    "assurance.assured",
    "assurance.conditional",
    "agreement.in_force",
    "rights_request.in_progress",
    "rights_request.asked",
)
# Clocks that stand still while their referral is held (the tables of moves say the same; a test
# compares the two).
STANDS_STILL = listed(
    "referral.draft",
    "referral.sent",
    "referral.waiting",
    "referral.accepted",
    "referral.paused",
    "referral.returned",
    "referral.completed",
)


def some(rows: str) -> str:
    """Whether there are such rows, asked anew for each clock. EXISTS would let PostgreSQL read the
    tables whole, once: it can't know how few clocks a list asks for."""
    return f"((SELECT 1 {rows} LIMIT 1) IS NOT NULL)"


HELD_NOW = some(f"FROM guard.referral r WHERE r.id = t.record_id AND {HELD}")
CLOSED_NOW = some(f"FROM guard.referral r WHERE r.id = t.record_id AND {CLOSED}")
STILL_ASKED = some(
    """FROM guard.consent c
      JOIN guard.referral r ON r.person_id = c.person_id
        AND CAST(r.provider_id AS text) = c.recipient"""
    f" WHERE c.id = t.record_id AND r.state IN ({listed(*REFERRAL_OPEN)})"
)
STILL_LIVES = some(
    "FROM guard.consent c JOIN guard.person pe ON pe.id = c.person_id"
    " WHERE c.id = t.record_id AND pe.died_on IS NULL"
)
STILL_COUNTS = some(
    f"""FROM guard.consent c JOIN guard.referral r ON r.person_id = c.person_id
      AND (c.purpose <> '{Purpose.SHARE_WITH_PROVIDER}'
        OR CAST(r.provider_id AS text) = c.recipient)
      WHERE c.id = t.record_id AND r.state IN ({listed(*UNFINISHED)})"""
)
STILL_MISSED = some(
    f"""FROM guard.consent c
      JOIN guard.referral r ON r.person_id = c.person_id
        AND CAST(r.provider_id AS text) = c.recipient
      WHERE c.id = t.record_id AND r.state IN ({listed(*WITH_PROVIDER)})
        AND NOT EXISTS (SELECT 1 FROM guard.consent n WHERE n.person_id = c.person_id
          AND n.recipient = c.recipient AND n.purpose = c.purpose AND n.asked_at > c.asked_at)
        AND (SELECT count(*) FROM guard.override o WHERE o.person_id = c.person_id
          AND o.recipient = c.recipient AND {of("o", OVERRIDE_LIVE)}) = 0"""
)
STILL_RELIED_ON = some(
    f"""FROM agreement_party p1
      JOIN provider v ON v.organisation_id = p1.organisation_id
      JOIN guard.referral r ON r.provider_id = v.id
      JOIN agreement_party p2 ON p2.agreement_id = p1.agreement_id
        AND p2.organisation_id = r.organisation_id
      WHERE p1.agreement_id = t.record_id AND r.state IN ({listed(*WITH_PROVIDER)})"""
)
CALL = "referral.call"
WORK_COLUMNS = "id, system_id, noun, record_id, kind, owner, started, due, hours, fired"
# What a provider let pass its time is for the link worker to see to. `look_at` never lies behind
# the time that counts, and `missed` is the sweep's mark that it came.
SILENT = f"""SELECT {", ".join(f"c.{name}" for name in WORK_COLUMNS.split(", "))}
    FROM referral r JOIN clock c ON c.record_id = r.id AND c.ended IS NULL
    WHERE {SCOPES["team"]} AND r.link_worker_id {{members}}
      AND r.state IN ({listed(*WITH_PROVIDER - {R.QUERIED})})
      AND c.kind <> 'referral.not_started' AND c.due <= :at
      AND (c.missed IS NOT NULL OR c.look_at <= :at) AND NOT {NO_DEADLINE}"""
# Worked out once: without MATERIALIZED both databases would ask for the rank again to order by it.
# The calls the reader means to make, which no clock counts. Their numbers only tell them apart.
CALLS = f"""SELECT -row_number() OVER (ORDER BY m.id), m.noun, m.record_id, '{CALL}', :own,
    m.set_at, m.due, false, m.id, m.why, m.until, CASE WHEN m.until > :horizon THEN 1 ELSE 0 END, 1
  FROM reminder m JOIN referral r ON r.id = m.record_id
  WHERE m.membership_id = :membership AND m.clock_id IS NULL AND m.ended_at IS NULL
    AND {SCOPES["team"]} AND r.state IN ({listed(*REFERRAL_OPEN)}) AND NOT {CLOSED}"""
# What is never put off past its time: a reminder hides such an item only until it is due.
SAFETY = frozenset({str(Noun.CONCERN), str(Noun.OVERRIDE), str(Noun.EMERGENCY)})
WORK = f"""
WITH x AS MATERIALIZED (
  SELECT t.id, t.noun, t.record_id, t.kind, t.owner, t.started, t.due, t.hours,
    m.id AS reminder, m.why, m.until,
    CASE WHEN m.until > :at AND NOT (t.noun IN ({listed(*SAFETY)}) AND t.due <= :at)
      THEN 1 ELSE 0 END AS away,
    CASE WHEN t.noun = 'concern' OR t.kind = 'override.proposed' THEN 0
      WHEN t.kind IN ({STANDS_STILL}) AND {HELD_NOW} THEN 2
      WHEN t.noun = 'referral' AND {CLOSED_NOW} THEN 2
      ELSE 1 END AS rank
  FROM (SELECT {WORK_COLUMNS} FROM clock WHERE ended IS NULL AND owner {{keys}}
    UNION SELECT {WORK_COLUMNS} FROM clock WHERE ended IS NULL AND record_id {{ids}}
    UNION {SILENT}) t
  LEFT JOIN reminder m ON m.membership_id = :membership AND m.clock_id = t.id
    AND m.ended_at IS NULL AND m.set_at >= t.started
  WHERE t.system_id = :system_id AND t.kind <> 'referral.not_started'
    AND (t.kind NOT IN ({WATCHED}) OR t.due <= :horizon OR t.fired > 0)
    AND (t.kind <> 'consent.asked' OR {STILL_ASKED})
    AND (t.kind <> 'consent.given' OR {STILL_COUNTS})
    AND (t.kind <> 'consent.expired' OR {STILL_MISSED})
    AND (t.kind NOT IN ('consent.asked','consent.given') OR {STILL_LIVES})
    AND (t.kind <> 'agreement.ended' OR {STILL_RELIED_ON})
  UNION ALL {CALLS}
)
"""
WORK_ROW = (
    "x.id, x.noun, x.record_id, x.kind, x.owner, x.started, x.due, x.hours, x.rank, x.reminder,"
    " x.why, x.until"
)
# The counts stand on each row, and on one row of nothing else where the page is empty.
WORK_PAGE = f"""{WORK}, n AS (
  SELECT coalesce(sum(1 - x.away), 0) AS now, coalesce(sum(CASE WHEN x.away = 0 AND x.rank <> 2
      AND x.due <= :at THEN 1 ELSE 0 END), 0) AS overdue,
    min(CASE WHEN x.due > :at THEN x.due END) AS next_due, coalesce(sum(x.away), 0) AS away
  FROM x)
SELECT {WORK_ROW}, n.now, n.overdue, n.next_due, n.away FROM n
LEFT JOIN x ON x.away = :away AND (x.rank, x.due, x.id) > (:rank, :due, :id)
ORDER BY x.rank, x.due, x.id LIMIT :limit"""
WORK_ONE = f"{WORK}SELECT {WORK_ROW} FROM x WHERE x.record_id = :record_id AND x.kind = :kind"
WORK_THESE = (
    f"{WORK}SELECT {WORK_ROW} FROM x WHERE x.record_id {{these}} ORDER BY x.rank, x.due, x.id"
)
WORK_TIMES = (5, 6, 11, 14)


class WorkRow(NamedTuple):
    """One running clock on somebody's list. `rank`: safety first, what stands still last."""

    id: int
    noun: str
    record_id: str
    kind: str
    owner: str
    started: datetime
    due: datetime
    hours: bool
    rank: int
    reminder: str | None = None  # the reader's own, whether its day has come or not
    why: str | None = None
    until: datetime | None = None


class WorkCounts(NamedTuple):
    """How many things are on a list, how many of them overdue, when the next is due, and how many
    its reader has put off."""

    now: int
    overdue: int
    next_due: datetime | None
    away: int = 0


NOTHING_TO_DO = WorkCounts(0, 0, None)

# Link workers who are away or gone, and the referrals of one who is named as a source of harm for
# that person: their team lead stands in.
STANDING_IN = Sql(
    f"""
SELECT 'member', CAST(lw.id AS text) FROM membership lw WHERE lw.system_id = :system_id
  AND lw.organisation_id = :actor_org AND lw.role = 'link_worker' AND {ABSENT}
UNION ALL
SELECT 'record', CAST(r.id AS text) FROM guard.concern k
JOIN guard.concern_source ks ON ks.concern_id = k.id
JOIN membership lw ON lw.user_id = ks.user_id AND lw.organisation_id = :actor_org
JOIN guard.referral r ON r.person_id = k.person_id AND r.link_worker_id = lw.id
WHERE k.system_id = :system_id AND {of("k", CONCERN_OPEN)} AND r.organisation_id = :actor_org
  AND r.state IN ('draft','queried','returned','completed')
"""
)


def _members(actor: Actor, keys: tuple[list[str], list[str]]) -> list[str]:
    """The link workers whose referrals the actor watches: themselves, and those they stand in
    for."""
    if actor.role not in (Role.LINK_WORKER, Role.TEAM_LEAD):
        return []
    return [key.partition("@")[2] for key in keys[0] if key.startswith("member@")]


def work_keys(tx: Tx, actor: Actor, at: datetime) -> tuple[list[str], list[str]]:
    """The owner keys whose clocks are on the actor's list, and further records: for a team lead,
    those of link workers of the same organisation who are away, gone or named."""
    keys = sorted(actor.keys)
    if actor.role is not Role.TEAM_LEAD:
        return keys, []
    rows = tx.rows(STANDING_IN, system_id=actor.system_id, actor_org=actor.organisation_id, at=at)
    absent = [f"member@{one}" for what, one in rows if what == "member"]
    return keys + absent, [one for what, one in rows if what == "record"]


def worklist(
    tx: Tx,
    actor: Actor,
    at: datetime,
    horizon: datetime,
    keys: tuple[list[str], list[str]],
    after: tuple[int, datetime, int] | None = None,
    limit: int = PAGE,
    away: bool = False,
) -> tuple[list[WorkRow], WorkCounts]:
    """A page of what needs the actor, and how much there is: safety first, then by deadline, what
    stands still last. `horizon`: how far ahead a watched deadline counts. `after`: (rank, due, id)
    of the last row. `away`: instead, what they have put off until another day."""
    rank, due, number = after or (-1, at.replace(year=1970), 0)
    rows = tx.rows(
        _many(WORK_PAGE, WORK_TIMES, tx.pg),
        **_working(tx, actor, at, horizon, keys),
        rank=rank,
        due=due,
        id=number,
        limit=limit,
        away=int(away),
    )
    counted = [(int(row[12]), int(row[13]), row[14], int(row[15])) for row in rows[:1]]
    found = [_work_row(row[:12]) for row in rows if row[0] is not None]
    return found, WorkCounts(*counted[0]) if counted else NOTHING_TO_DO


def work_row(
    tx: Tx,
    actor: Actor,
    at: datetime,
    horizon: datetime,
    keys: tuple[list[str], list[str]],
    kind: str,
    record_id: str,
) -> WorkRow | None:
    """One item of the actor's list, put off or not; None where it isn't on it."""
    row = tx.row(
        _many(WORK_ONE, WORK_TIMES[:3], tx.pg),
        **_working(tx, actor, at, horizon, keys),
        kind=kind,
        record_id=record_id,
    )
    return None if row is None else _work_row(row)


def work_rows_of(
    tx: Tx,
    actor: Actor,
    at: datetime,
    horizon: datetime,
    keys: tuple[list[str], list[str]],
    records: Iterable[str],
) -> list[WorkRow]:
    """What of the actor's list is about these records, put off or not, the most pressing first."""
    these = _list(records, tx.pg)
    asked = _working(tx, actor, at, horizon, keys)
    rows = tx.rows(_many(WORK_THESE, WORK_TIMES[:3], tx.pg), **asked, these=these)
    return [_work_row(row) for row in rows]


def _work_row(row: tuple[Any, ...]) -> WorkRow:
    return WorkRow._make((*row[:7], bool(row[7]), int(row[8]), *row[9:]))


def _working(
    tx: Tx, actor: Actor, at: datetime, horizon: datetime, keys: tuple[list[str], list[str]]
) -> dict[str, Any]:
    return {
        **asking(actor, at),
        "membership": actor.membership_id,
        "own": f"member@{actor.membership_id}",
        "keys": _list(keys[0], tx.pg),
        "ids": _list(keys[1], tx.pg),
        "members": _list(_members(actor, keys), tx.pg),
        "horizon": horizon,
    }


# What a work item says of a record that isn't a referral.
CONSENTS = """SELECT c.id, c.state, c.purpose, pe.id, pe.reference, pe.given_name, pe.family_name,
  pog.name, {closed}, c.recipient
FROM consent c JOIN person pe ON pe.id = c.person_id
LEFT JOIN provider pr ON CAST(pr.id AS text) = c.recipient
LEFT JOIN organisation pog ON pog.id = pr.organisation_id
WHERE c.system_id = :system_id AND c.organisation_id = :actor_org AND c.id {{ids}}"""
OVERRIDES = f"""SELECT o.id, o.state, o.reference, pe.reference, pe.given_name, pe.family_name,
  pog.name, o.danger
FROM override o JOIN person pe ON pe.id = o.person_id
JOIN provider pr ON CAST(pr.id AS text) = o.recipient
JOIN organisation pog ON pog.id = pr.organisation_id
JOIN organisation og ON og.id = o.organisation_id
JOIN place pl ON pl.id = og.place_id
WHERE o.system_id = :system_id AND o.id {{ids}}
  AND NOT {some(f"WHERE {OVERRIDE_CLOSED}")}
  AND (o.holder {{keys}} OR o.organisation_id = :actor_org
    OR {under()})"""
# IS TRUE: else PostgreSQL reads the whole of an index of what is live beside the few ids asked for.
HOLD_ITEMS = f"""SELECT h.id, h.cause, pe.reference, pe.given_name, pe.family_name,
  h.referral_id, pe.id, {{closed}}
FROM hold h JOIN person pe ON pe.id = h.person_id
WHERE h.system_id = :system_id AND h.id {{{{ids}}}}
  AND ({of("h", HOLD_LIVE)}) IS TRUE AND h.cause <> 'concern'"""
CONCERNS = f"""SELECT c.id, c.state, c.reference, c.danger FROM concern c
WHERE c.system_id = :system_id AND c.holder {{keys}} AND c.id {{ids}}
  AND NOT {IMPLICATED}"""
ESCALATIONS = f"""SELECT e.id, e.state, e.reference, e.kind, e.severity, e.level, e.created_at
FROM escalation e
WHERE e.system_id = :system_id AND (e.owner {{keys}} OR e.asked {{keys}}) AND e.id {{ids}}
  AND NOT {CLOSED_MATTER}"""
ASSURANCES = f"""SELECT a.id, a.state, o.name, a.provider_id FROM assurance a
JOIN organisation o ON o.id = a.organisation_id
JOIN place pl ON pl.id = o.place_id
WHERE a.system_id = :system_id AND a.id {{ids}}
  AND (a.organisation_id = :actor_org
    OR {under()})"""
AGREEMENTS = f"""SELECT a.id, a.state, a.reference, a.title FROM agreement a
JOIN organisation o ON o.id = a.organisation_id
JOIN place pl ON pl.id = o.place_id
WHERE a.system_id = :system_id AND a.id {{ids}}
  AND (a.organisation_id = :actor_org
    OR {under()})"""
RIGHTS = f"""SELECT q.id, q.state, q.reference, pe.reference, pe.given_name, pe.family_name, q.kind
FROM rights_request q JOIN person pe ON pe.id = q.person_id
JOIN organisation o ON o.id = q.organisation_id
JOIN place pl ON pl.id = o.place_id
WHERE q.system_id = :system_id AND q.id {{ids}}
  AND NOT {some(f"WHERE {closed_person('q.person_id')}")}
  AND (q.organisation_id = :actor_org OR {under()})"""

EMERGENCIES = f"""SELECT y.id, y.state, y.reference, u.name, o.name FROM emergency y
JOIN membership m ON m.id = y.opened_by
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
JOIN organisation og ON og.id = y.organisation_id
JOIN place pl ON pl.id = og.place_id
WHERE y.system_id = :system_id AND y.id {{ids}}
  AND (y.opened_by = :member
    OR (NOT {some(f"WHERE {closed_person('y.person_id')}")}
      AND (y.organisation_id = :actor_org OR {under()})))"""

CLOSED_PERSON = closed_person("pe.id")
HELD_PERSON = f"""EXISTS (SELECT 1 FROM guard.hold h WHERE h.person_id = pe.id
   AND {of("h", HOLD_LIVE)} AND h.provider_id IS NULL AND h.referral_id IS NULL)"""
DETAILS: dict[str, tuple[str, tuple[int, ...]]] = {
    "consent": (CONSENTS.format(closed=CLOSED_PERSON), ()),
    "override": (OVERRIDES, ()),
    "hold": (HOLD_ITEMS.format(closed=some(f"WHERE {CLOSED_PERSON}")), ()),
    "concern": (CONCERNS, ()),
    "escalation": (ESCALATIONS, (6,)),
    "emergency": (EMERGENCIES, ()),
    "assurance": (ASSURANCES, ()),
    "agreement": (AGREEMENTS, ()),
    "rights_request": (RIGHTS, ()),
}


def work_details(
    tx: Tx, actor: Actor, at: datetime, noun: str, ids: Iterable[str]
) -> dict[str, tuple[Any, ...]]:
    """What a work item says of these records of one noun, those in the actor's scope only."""
    wanted = list(ids)
    if not wanted:
        return {}
    text, times = DETAILS[noun]
    rows = tx.rows(
        _many(text, times, tx.pg),
        **_scoped(actor, at),
        ids=_list(wanted, tx.pg),
        keys=_list(actor.keys, tx.pg),
    )
    return {row[0]: row for row in rows}


# -- reviews ------------------------------------------------------------------------------------


class ReviewRow(NamedTuple):
    """One escalation in a list of reviews."""

    id: str
    reference: str
    kind: str
    severity: str
    state: str
    level: int
    created_at: datetime
    owner: str
    reviewer: str | None
    due: datetime | None
    closed_at: datetime | None
    rank: int
    decision: str | None
    told_at: datetime | None
    review_on: date | None


REVIEW = f"""
SELECT e.id, e.reference, e.kind, e.severity, e.state, e.level, e.created_at, e.owner, u.name,
  t.due, e.closed_at,
  CASE e.severity WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END AS rank,
  e.decision, e.told_at, e.review_on
FROM escalation e
JOIN organisation og ON og.id = e.organisation_id
JOIN place pl ON pl.id = og.place_id
LEFT JOIN membership m ON m.id = e.reviewer_id
LEFT JOIN app_user u ON u.id = m.user_id
LEFT JOIN clock t ON t.record_id = e.id AND t.ended IS NULL
WHERE e.system_id = :system_id AND {{scope}}
  AND NOT {CLOSED_MATTER}
"""
REVIEW_TIMES = (6, 9, 10, 13)
REVIEW_ENDS = listed(EscalationState.CLOSED, EscalationState.WITHDRAWN)
DECIDED_IN = "(e.decision IS NOT NULL AND e.told_at >= :month AND e.told_at < :until)"
AGAIN_IN = "(e.decision IS NOT NULL AND e.review_on >= :first AND e.review_on < :next)"
REVIEWS = {
    "others": f" AND e.state NOT IN ({REVIEW_ENDS}) AND NOT (e.owner {{keys}})",
    "open": f" AND e.state NOT IN ({REVIEW_ENDS})",
    "overdue": f" AND e.state NOT IN ({REVIEW_ENDS}) AND t.due <= :at",
    "undecided": f" AND e.state NOT IN ({REVIEW_ENDS}) AND e.state <> '{EscalationState.DECIDED}'",
    "decided": f" AND {DECIDED_IN}",
    "carried_out": f" AND ({DECIDED_IN} OR e.state = '{EscalationState.DECIDED}' OR {AGAIN_IN})",
}
# By what a list of reviews is ordered, and after which row a page begins.
REVIEW_ORDERS = {
    "severity": (
        "x.rank, x.created_at, x.id",
        "(x.rank, x.created_at, x.id) > (:rank, :moment, :id)",
    ),
    "told": (
        "x.told_at DESC, x.id DESC",
        "(x.told_at, x.id) < (:moment, :id)",
    ),
}
NOT_OVER = datetime(9999, 1, 1, tzinfo=UTC)


def reviews(
    tx: Tx,
    actor: Actor,
    at: datetime,
    which: str,
    month: datetime,
    after: tuple[int, datetime, str] | None = None,
    limit: int = PAGE,
    until: datetime = NOT_OVER,
    order: str = "severity",
) -> list[ReviewRow]:
    """Escalations over which the actor answers: the most severe first, then the oldest; with
    `order` told, the latest decided first. `which`: others, open, overdue, undecided, decided (from
    `month` on, before `until`), or carried_out (those, whatever else was decided and isn't closed,
    and what is to be looked at again in that month)."""
    by, onward = REVIEW_ORDERS[order]
    text = REVIEW.format(scope=REVIEW_SCOPES[review_scope(actor)]) + REVIEWS[which]
    text = f"SELECT * FROM ({text}) x"
    if after:
        text += f" WHERE {onward}"
    text += f" ORDER BY {by} LIMIT :limit"
    rank, moment, number = after or (None, None, None)
    rows = tx.rows(
        _many(text, REVIEW_TIMES, tx.pg),
        **_scoped(actor, at),
        **_month_of(month, until),
        keys=_list(actor.keys, tx.pg),
        rank=rank,
        moment=moment,
        id=number,
        limit=limit,
    )
    return [ReviewRow._make((*row[:-1], day(row[-1]))) for row in rows]


def reviews_to_meet_on(
    tx: Tx, actor: Actor, at: datetime, month: datetime, limit: int
) -> tuple[list[ReviewRow], list[ReviewRow]]:
    """What `reviews` finds undecided, and what it finds carried_out, in one question."""
    scoped = REVIEW.format(scope=REVIEW_SCOPES[review_scope(actor)])
    by, _onward = REVIEW_ORDERS["severity"]
    both = " UNION ALL ".join(
        f"SELECT * FROM (SELECT x.*, {part} AS part FROM ({scoped}{REVIEWS[which]}) x"
        f" ORDER BY {by} LIMIT :limit) y{part}"
        for part, which in enumerate(("undecided", "carried_out"))
    )
    rows = tx.rows(
        _many(both, REVIEW_TIMES, tx.pg),
        **_scoped(actor, at),
        **_month_of(month, NOT_OVER),
        keys=_list(actor.keys, tx.pg),
        limit=limit,
    )
    found = [
        [ReviewRow._make((*row[:-2], day(row[-2]))) for row in rows if row[-1] == part]
        for part in (0, 1)
    ]
    by_rank = [sorted(part, key=lambda one: (one.rank, one.created_at, one.id)) for part in found]
    return by_rank[0], by_rank[1]


def _month_of(month: datetime, until: datetime) -> dict[str, Any]:
    first = month.date()
    after = (first + timedelta(days=31)).replace(day=1)
    return {"month": month, "until": until, "first": first, "next": after}


def review_counts(tx: Tx, actor: Actor, at: datetime, month: datetime) -> dict[str, int]:
    """How many reviews each of the lists holds."""
    scoped = REVIEW.format(scope=REVIEW_SCOPES[review_scope(actor)])
    lists = ("others", "overdue", "decided")
    each = (f"(SELECT count(*) FROM ({scoped}{REVIEWS[which]}) x)" for which in lists)
    row = tx.row(
        _many(f"SELECT {', '.join(each)}", (), tx.pg),
        **_scoped(actor, at),
        **_month_of(month, NOT_OVER),
        keys=_list(actor.keys, tx.pg),
    )
    return dict(zip(lists, map(int, row or (0, 0, 0)), strict=True))


class Decisions(NamedTuple):
    """How far the decisions of a month are carried out. `failed`: of how many something could not
    be done; `waiting`: of how many something is still to do; `earlier`: there are older ones."""

    number: int
    failed: int
    waiting: int
    earlier: bool


_STILL = (
    "sum(CASE WHEN EXISTS (SELECT 1 FROM consequence q WHERE q.escalation_id = x.id"
    " AND q.state = '{0}') THEN 1 ELSE 0 END)"
)
DECISIONS = (
    f"SELECT count(*), {_STILL.format('failed')}, {_STILL.format('pending')},"
    f" (SELECT count(*) FROM (SELECT 1 FROM ({REVIEW} AND e.decision IS NOT NULL"
    f" AND e.told_at < :month LIMIT 1) y) z) FROM ({REVIEW}{REVIEWS['decided']}) x"
)


def decisions(tx: Tx, actor: Actor, at: datetime, month: datetime, until: datetime) -> Decisions:
    """How far what was decided from `month` on and before `until` is carried out."""
    row = tx.row(
        _many(DECISIONS.format(scope=REVIEW_SCOPES[review_scope(actor)]), (), tx.pg),
        **_scoped(actor, at),
        keys=_list(actor.keys, tx.pg),
        month=month,
        until=until,
    )
    number, failed, waiting, earlier = row or (0, 0, 0, 0)
    return Decisions(int(number), int(failed or 0), int(waiting or 0), bool(earlier))


# -- people -------------------------------------------------------------------------------------


class PersonRow(NamedTuple):
    """One person in a list. `closed`: a full hold closes the record to the actor."""

    id: str
    reference: str
    given_name: str
    family_name: str
    name_key: str
    birth_date: date | None
    nhs_number: str | None
    practice: str | None
    postcode: str | None
    phone: str | None
    died_on: date | None
    organisation: str
    closed: bool
    held: bool


PERSON_ROW = f"""
SELECT pe.id, pe.reference, pe.given_name, pe.family_name, pe.name_key, pe.birth_date,
  pe.nhs_number, pe.practice, pe.postcode, pe.phone, pe.died_on, og.name,
  {CLOSED_PERSON}, {HELD_PERSON}
FROM person pe
JOIN organisation og ON og.id = pe.organisation_id
JOIN place pl ON pl.id = og.place_id
WHERE pe.system_id = :system_id AND pe.merged_into IS NULL AND {{scope}}
"""
PEOPLE_BY = {
    "all": " AND pe.erased_at IS NULL",
    "further": " AND pe.erased_at IS NULL AND (pe.name_key, pe.id) > (:name_key, :id)",
    "ids": " AND pe.id {ids}",
    "reference": " AND pe.reference = :reference",
    "nhs_number": " AND pe.nhs_number = :nhs_number",
    "phone": " AND pe.phone = :phone",
    "phone_end": f" AND pe.phone LIKE :phone_end AND NOT {CLOSED_PERSON}",
    "reference_part": " AND replace(pe.reference, '-', '') LIKE :reference_part",
    "born": f" AND pe.birth_date BETWEEN :first AND :last AND NOT {CLOSED_PERSON}",
    "name": " AND pe.name_key LIKE :a AND pe.name_key LIKE :b AND pe.name_key LIKE :c"
    f" AND NOT {CLOSED_PERSON}",  # in SQL, so that no count of rows tells of it
}


# After the person a page ended with. By their id: a name stands in no address and in no form.
ONWARD_PEOPLE = (
    " AND (pe.name_key, pe.id) > (SELECT f.name_key, f.id FROM person f WHERE f.id = :after_id)"
)


@cache
def _people(scoped: str, by: str, onward: bool, pg: bool) -> Sql:
    text = PERSON_ROW.format(scope=PEOPLE_SCOPES[scoped]) + PEOPLE_BY[by]
    text += ONWARD_PEOPLE if onward else ""
    return _many(text + " ORDER BY pe.name_key, pe.id LIMIT :limit", (), pg)


def _find_people(
    tx: Tx, actor: Actor, at: datetime, by: str, limit: int, after: str | None = None, **asked: Any
) -> list[PersonRow]:
    query = _people(people_scope(actor), by, after is not None, tx.pg)
    rows = tx.rows(query, **{**_scoped(actor, at), **asked}, limit=limit, after_id=after)
    found = []
    for row in rows:
        values = list(row)
        values[5], values[10] = day(values[5]), day(values[10])
        found.append(PersonRow._make((*values[:12], bool(values[12]), bool(values[13]))))
    return found


def people(
    tx: Tx,
    actor: Actor,
    at: datetime,
    after: tuple[str, str] | None = None,
    limit: int = PAGE,
) -> list[PersonRow]:
    """The people in the actor's scope by name. `after`: (name_key, id) of the last row."""
    if after is None:
        return _find_people(tx, actor, at, "all", limit)
    return _find_people(tx, actor, at, "further", limit, name_key=after[0], id=after[1])


def people_by_id(tx: Tx, actor: Actor, at: datetime, ids: Iterable[str]) -> dict[str, PersonRow]:
    """Those of these people who are in the actor's scope."""
    wanted = list(ids)
    if not wanted:
        return {}
    found = _find_people(tx, actor, at, "ids", len(wanted), ids=_list(wanted, tx.pg))
    return {row.id: row for row in found}


# Everybody of one's own team whose record isn't closed to one, to be compared by how names are
# spelt. A team's people are few enough for that; those of a whole place aren't.
SPELT = Sql(
    f"SELECT pe.id, pe.name_key FROM person pe WHERE pe.organisation_id = :actor_org"
    f" AND pe.merged_into IS NULL AND pe.erased_at IS NULL AND NOT {CLOSED_PERSON}"
    " ORDER BY pe.name_key, pe.id LIMIT 20000"
)


def name_keys(tx: Tx, actor: Actor, at: datetime) -> list[tuple[str, str]]:
    """The people of the actor's own team: (id, name as search compares it)."""
    if people_scope(actor) != "team":
        return []
    return [(row[0], row[1]) for row in tx.rows(SPELT, **_scoped(actor, at))]


OFFERED = Sql(
    "SELECT pr.id, og.name, ac.id, ac.name, ac.description FROM provider pr"
    " JOIN organisation og ON og.id = pr.organisation_id"
    " LEFT JOIN activity ac ON ac.provider_id = pr.id AND ac.status <> 'closed'"
    " WHERE pr.system_id = :system_id AND og.ended_at IS NULL ORDER BY og.name, ac.name LIMIT 2000"
)


def offered(tx: Tx, actor: Actor) -> list[tuple[str, str, str | None, str | None, str | None]]:
    """Every provider with each of its activities: both ids and names, and what is offered."""
    rows = tx.rows(OFFERED, system_id=actor.system_id)
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def people_by(
    tx: Tx,
    actor: Actor,
    at: datetime,
    by: str,
    value: str,
    limit: int = PAGE,
    after: str | None = None,
) -> list[PersonRow]:
    """People in scope by reference, nhs_number, phone or name, or by what is known of one: the
    end of a phone number, a part of a reference. A record closed to the actor is found by its
    reference only. `after`: the id of the person the page before ended with."""
    if by == "name":
        patterns = name_patterns(value)
        found = _find_people(tx, actor, at, by, limit, after, **patterns) if patterns else []
    else:
        known = {"phone_end": f"%{value}", "reference_part": f"%{value}%"}.get(by, value)
        found = _find_people(tx, actor, at, by, limit, after, **{by: known})
    return [row for row in found if by in ("reference", "reference_part") or not row.closed]


def people_born(
    tx: Tx,
    actor: Actor,
    at: datetime,
    first: date,
    last: date,
    limit: int = PAGE,
    after: str | None = None,
) -> list[PersonRow]:
    """People in scope who were born from the first day to the last."""
    return _find_people(tx, actor, at, "born", limit, after, first=first, last=last)


# -- timelines ----------------------------------------------------------------------------------


class StepSeen(NamedTuple):
    """One step of a record, as its timeline tells it."""

    version: int
    trigger: str
    from_state: str | None
    to_state: str
    at: datetime
    role: str
    name: str | None
    organisation: str | None
    organisation_id: str | None
    behalf: str | None
    second: str | None
    cause: str | None
    reason: str | None
    note_id: str | None
    reason_words: str | None = None  # a place's own, where the reason is of its own list
    happened_at: datetime | None = None  # where it was told later than it was


def _step(tx: Tx, row: tuple[Any, ...]) -> StepSeen:
    reason, newest = row[12], row[14]
    words = policy.book(tx, newest).reason_words.get(reason) if newest else None
    return StepSeen._make((*row[:14], words, row[15]))


STEPS = Sql(
    """
SELECT s.version, s.trigger, s.from_state, s.to_state, s.at, s.role, u.name, o.name,
  s.organisation_id, bu.name, cu.name, s.cause, s.reason, s.note_id,
  CASE WHEN s.reason IS NOT NULL THEN (SELECT pl.policy FROM place pl
    WHERE pl.system_id = s.system_id AND pl.parent_id IS NULL) END, s.happened_at
FROM step s
LEFT JOIN membership m ON m.id = s.membership_id
LEFT JOIN app_user u ON u.id = m.user_id
LEFT JOIN organisation o ON o.id = s.organisation_id
LEFT JOIN membership b ON b.id = s.on_behalf_of
LEFT JOIN app_user bu ON bu.id = b.user_id
LEFT JOIN membership c ON c.id = s.second_id
LEFT JOIN app_user cu ON cu.id = c.user_id
WHERE s.record_id = :record_id AND s.system_id = :system_id AND s.noun = :noun
  AND s.version > :after
ORDER BY s.version DESC
""",
    (4, 15),
)


def steps_in(listed: str) -> Sql:
    """The steps of the records listed, each after its record's id."""
    text = STEPS.text.replace("SELECT s.version", "SELECT CAST(s.record_id AS text), s.version")
    return Sql(
        text.replace(
            "s.record_id = :record_id AND s.system_id = :system_id AND s.noun = :noun\n"
            "  AND s.version > :after",
            f"s.record_id {listed} AND s.system_id = :system_id",
        ),
        (5, 16),
    )


STEPS_PG = steps_in("= ANY(:ids)")
STEPS_SQLITE = steps_in("IN (SELECT value FROM json_each(:ids))")


def steps_of(tx: Tx, actor: Actor, ids: Iterable[str | None]) -> dict[str, list[StepSeen]]:
    """Every step of some records, newest first, as `steps_since` has those of one."""
    rows = tx.rows(
        STEPS_PG if tx.pg else STEPS_SQLITE,
        ids=_list((i for i in ids if i), tx.pg),
        system_id=actor.system_id,
    )
    return by_record(tx, rows)


def by_record(tx: Tx, rows: list[tuple[Any, ...]]) -> dict[str, list[StepSeen]]:
    """What `steps_in` found, by record."""
    found: dict[str, list[StepSeen]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(_step(tx, row[1:]))
    return found


def steps_since(
    tx: Tx, actor: Actor, at: datetime, noun: Noun | str, record_id: str, after: int = 0
) -> list[StepSeen]:
    """The steps of a record after a version, newest first. Whoever asks has been let at the record
    itself first; `workflows.reading.timeline` asks that, and leaves out what isn't for them."""
    rows = tx.rows(
        STEPS, record_id=record_id, system_id=actor.system_id, noun=str(noun), after=after
    )
    return [_step(tx, row) for row in rows]


NOTES = Sql(
    "SELECT n.id, n.body, n.audience, n.at FROM note n"
    " WHERE n.record_id = :record_id AND n.system_id = :system_id",
    times=(3,),
    sealed=(1,),
)


def dated_notes(
    tx: Tx, actor: Actor, record_id: str, audiences: frozenset[str]
) -> dict[str, tuple[datetime, str]]:
    """The words written about a record the actor was let at, and when, by note id. What no step
    names was kept beside the words of the step that was made then."""
    rows = tx.rows(NOTES, record_id=record_id, system_id=actor.system_id)
    return {row[0]: (row[3], row[1] or "") for row in rows if row[2] in audiences}


def notes(tx: Tx, actor: Actor, record_id: str, audiences: frozenset[str]) -> dict[str, str]:
    """The words written with the steps of a record the actor was let at, by note id."""
    found = dated_notes(tx, actor, record_id, audiences)
    return {note_id: words for note_id, (_at, words) in found.items()}


CONDITIONS = Sql(
    "SELECT n.body FROM step s JOIN note n ON n.record_id = s.record_id AND n.at = s.at"
    " AND n.audience = 'review' AND NOT EXISTS"
    " (SELECT 1 FROM step named WHERE named.record_id = s.record_id AND named.note_id = n.id)"
    " WHERE s.record_id = :record_id AND s.system_id = :system_id AND s.trigger = 'decide'"
    " AND s.version = (SELECT max(version) FROM step WHERE record_id = :record_id"
    " AND trigger = 'decide')",
    sealed=(0,),
)


def conditions(tx: Tx, actor: Actor, escalation_id: str) -> str | None:
    """What is to be kept to by the newest decision of a review the actor was let at."""
    row = tx.row(CONDITIONS, record_id=escalation_id, system_id=actor.system_id)
    return row[0] if row else None


# -- notices ------------------------------------------------------------------------------------


class NoticeRow(NamedTuple):
    """One notice of a member. `reference` is the record's, or where it has none the person's;
    `purpose` and `provider` say which consent it is about, `provider` also whose assurance; `place`
    whose list of who can see what, and where a matter, a request about own information, an
    agreement, a legal hold or a record opened in an emergency lies;
    `in_error` says that a referral was recorded in error, and is no longer there for a provider."""

    id: int
    what: str
    noun: str
    record_id: str
    at: datetime
    read_at: datetime | None
    reference: str | None
    in_error: bool
    purpose: str | None = None
    provider: str | None = None
    place: str | None = None


NOTICE = """
SELECT n.id, n.what, n.noun, n.record_id, n.at, n.read_at,
  coalesce(r.reference, k.reference, e.reference, a.reference, an.reference, q.reference,
    ov.reference, y.reference, pe.reference),
  CASE WHEN r.state = 'in_error' THEN 1 ELSE 0 END, c.purpose, coalesce(pog.name, sog.name),
  pl.name
FROM notice n
LEFT JOIN guard.referral r ON n.noun = 'referral' AND r.id = n.record_id
LEFT JOIN guard.concern k ON n.noun = 'concern' AND k.id = n.record_id
LEFT JOIN guard.escalation e ON n.noun = 'escalation' AND e.id = n.record_id
LEFT JOIN agreement a ON n.noun = 'agreement' AND a.id = n.record_id
LEFT JOIN announcement an ON n.noun = 'announcement' AND an.id = n.record_id
LEFT JOIN guard.rights_request q ON n.noun = 'rights_request' AND q.id = n.record_id
LEFT JOIN guard.override ov ON n.noun = 'override' AND ov.id = n.record_id
LEFT JOIN guard.emergency y ON n.noun = 'emergency' AND y.id = n.record_id
LEFT JOIN guard.consent c ON n.noun = 'consent' AND c.id = n.record_id
LEFT JOIN guard.person pe
  ON pe.id = CASE n.noun WHEN 'consent' THEN c.person_id WHEN 'person' THEN n.record_id END
LEFT JOIN provider pr ON CAST(pr.id AS text) = c.recipient
LEFT JOIN organisation pog ON pog.id = pr.organisation_id
LEFT JOIN assurance s ON n.noun = 'assurance' AND s.id = n.record_id
LEFT JOIN organisation sog ON sog.id = s.organisation_id
LEFT JOIN guard.legal_hold lh ON n.noun = 'legal_hold' AND lh.id = n.record_id
LEFT JOIN organisation eog ON eog.id = coalesce(e.organisation_id, q.organisation_id,
  a.organisation_id, y.organisation_id, lh.organisation_id)
LEFT JOIN place pl ON pl.id = CASE n.noun WHEN 'access' THEN n.record_id ELSE eog.place_id END
WHERE n.system_id = :system_id AND n.membership_id = :membership
"""
# What a list of notices can be narrowed to.
SAFETY_NOUNS = listed(Noun.CONCERN, Noun.OVERRIDE, Noun.EMERGENCY)
ABOUT: dict[str, str] = {
    "new": "n.read_at IS NULL",
    "due": "n.what = 'reminder'",
    "referrals": f"n.noun = '{Noun.REFERRAL}' AND n.what <> 'reminder'",
    "consent": f"n.noun = '{Noun.CONSENT}' AND n.what <> 'reminder'",
    "safety": f"n.noun IN ({SAFETY_NOUNS}) AND n.what <> 'reminder'",
}


@cache
def _notices(about: str) -> Sql:
    narrowed = f" AND {ABOUT[about]}" if about else ""
    return Sql(f"{NOTICE}{narrowed} AND n.id < :before ORDER BY n.id DESC LIMIT :limit", (4, 5))


UNREAD_NEWS = Sql(
    f"{NOTICE} AND n.read_at IS NULL AND n.what IN ({listed(*NEWS)}) ORDER BY n.id DESC LIMIT 10",
    (4, 5),
)
FAR = 2**62


def notices(
    tx: Tx, actor: Actor, before: int | None = None, limit: int = PAGE, about: str = ""
) -> list[NoticeRow]:
    """The member's own notices, newest first. `before`: id of the last row of the page before;
    `about`: a name of `ABOUT`, to which they are narrowed."""
    rows = tx.rows(
        _notices(about),
        system_id=actor.system_id,
        membership=actor.membership_id,
        before=FAR if before is None else before,
        limit=limit,
    )
    return [NoticeRow._make(row) for row in rows]


def unread_news(tx: Tx, actor: Actor) -> list[NoticeRow]:
    """The member's unread notices of what others decided on something they raised, newest first."""
    asked_of = {"system_id": actor.system_id, "membership": actor.membership_id}
    return [NoticeRow._make(row) for row in tx.rows(UNREAD_NEWS, **asked_of)]
