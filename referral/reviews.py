"""What a review's page needs beside the escalation itself: who has it, whom it is about, and what
could be done. Whoever asks has been let at the escalation first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from referral.actors import Actor
from referral.records import ClockSeen
from referral.states import WITH_PROVIDER, listed
from referral.store import Sql, Tx

WHERE = Sql(
    "SELECT name FROM organisation WHERE id = :id AND system_id = :system_id"
    " UNION ALL SELECT reference FROM rights_request WHERE id = :id AND system_id = :system_id"
    " UNION ALL SELECT name FROM place WHERE id = :id AND system_id = :system_id"
)
MEMBER = Sql(
    "SELECT u.name, o.name FROM membership m JOIN app_user u ON u.id = m.user_id"
    " JOIN organisation o ON o.id = m.organisation_id"
    " WHERE m.id = :id AND m.system_id = :system_id"
)


def owner_of(tx: Tx, system_id: str, key: str | None) -> tuple[str, str]:
    """(role or `member`, where or who) of an owner key: the name of the organisation, the place or
    the member. Empty words where there is nobody."""
    kind, _at, where = (key or "").partition("@")
    if not where:
        return "", ""
    if kind == "member":
        row = tx.row(MEMBER, id=where, system_id=system_id)
        return kind, f"{row[0]}, {row[1]}" if row else ""
    row = tx.row(WHERE, id=where, system_id=system_id)
    return kind, str(row[0]) if row else ""


class AboutReferral(NamedTuple):
    """The referral a review is about, and whom one may ask."""

    id: str
    reference: str
    state: str
    link_worker_id: str
    link_worker: str
    organisation_id: str
    organisation: str
    provider_id: str
    provider_org: str
    provider: str
    activity: str
    assurance_id: str | None
    assurance_state: str | None


_REFERRAL = """
SELECT r.id, r.reference, r.state, r.link_worker_id, u.name, r.organisation_id, o.name,
  r.provider_id, pr.organisation_id, po.name, a.name, ass.id, ass.state
FROM referral r
JOIN membership m ON m.id = r.link_worker_id
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = r.organisation_id
JOIN provider pr ON pr.id = r.provider_id
JOIN organisation po ON po.id = pr.organisation_id
JOIN activity a ON a.id = r.activity_id
LEFT JOIN assurance ass ON ass.provider_id = r.provider_id
WHERE r.system_id = :system_id
"""
REFERRAL = Sql(_REFERRAL + " AND r.id = :id")
WITH_THEM = Sql(
    _REFERRAL
    + f" AND r.provider_id = :provider_id AND r.state IN ({listed(*WITH_PROVIDER)})"
    + " ORDER BY r.id LIMIT 50"
)


def about_referral(tx: Tx, actor: Actor, referral_id: str) -> AboutReferral | None:
    """The referral a review is about."""
    row = tx.row(REFERRAL, id=referral_id, system_id=actor.system_id)
    return None if row is None else AboutReferral._make(row)


def with_provider(tx: Tx, actor: Actor, provider_id: str) -> list[AboutReferral]:
    """Everyone who is with a provider now: whom a review of that provider decides about."""
    rows = tx.rows(WITH_THEM, provider_id=provider_id, system_id=actor.system_id)
    return [AboutReferral._make(row) for row in rows]


class AboutProvider(NamedTuple):
    """The provider a review is about."""

    id: str
    organisation_id: str
    name: str
    assurance_id: str | None
    assurance_state: str | None


_PROVIDER = """
SELECT p.id, p.organisation_id, o.name, a.id, a.state FROM provider p
JOIN organisation o ON o.id = p.organisation_id
LEFT JOIN assurance a ON a.provider_id = p.id
WHERE p.system_id = :system_id
"""
PROVIDER = Sql(_PROVIDER + " AND p.id = :id")
ASSURED = Sql(_PROVIDER + " AND a.id = :id")


def about_provider(tx: Tx, actor: Actor, about: str, record_id: str) -> AboutProvider | None:
    """The provider, by its own id or by that of its assurance (`about`: provider | assurance)."""
    row = tx.row(ASSURED if about == "assurance" else PROVIDER, id=record_id,
                 system_id=actor.system_id)  # fmt: skip
    return None if row is None else AboutProvider._make(row)


class Names(NamedTuple):
    """What a review's page calls things: owner keys (role and where, or who), themes, the records
    of what was decided, and the proposals that wait with whoever made them. `reviewer`: who took
    it, as long as they work here."""

    owners: Mapping[str, tuple[str, str]]
    themes: tuple[tuple[str, str], ...]
    records: Mapping[str, str]
    proposals: tuple[tuple[str, str], ...]
    reviewer: str = ""


_CALLED = """
SELECT 'member', 'member@' || CAST(m.id AS text), u.name, o.name
FROM membership m JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
WHERE m.system_id = :system_id AND 'member@' || CAST(m.id AS text) {listed}
UNION ALL SELECT 'spot', CAST(o.id AS text), o.name, '' FROM organisation o
WHERE o.system_id = :system_id AND CAST(o.id AS text) {spots}
UNION ALL SELECT 'spot', CAST(p.id AS text), p.name, '' FROM place p
WHERE p.system_id = :system_id AND CAST(p.id AS text) {spots}
UNION ALL SELECT 'theme', CAST(t.id AS text), t.name, '' FROM escalation_theme x
JOIN theme t ON t.id = x.theme_id WHERE x.escalation_id = :id AND x.system_id = :system_id
UNION ALL SELECT 'record', CAST(r.id AS text), r.reference, '' FROM consequence q
JOIN referral r ON r.id = q.record_id
WHERE q.escalation_id = :id AND q.system_id = :system_id AND q.noun = 'referral'
UNION ALL SELECT 'record', CAST(e.id AS text), e.reference, '' FROM escalation e
WHERE e.id = :id AND e.system_id = :system_id
UNION ALL SELECT 'record', CAST(a.id AS text), o.name, '' FROM consequence q
JOIN assurance a ON a.id = q.record_id JOIN organisation o ON o.id = a.organisation_id
WHERE q.escalation_id = :id AND q.system_id = :system_id AND q.noun = 'assurance'
UNION ALL SELECT 'proposal', CAST(c.id AS text), u.name, '' FROM confirmation c
JOIN membership m ON m.id = c.proposed_by JOIN app_user u ON u.id = m.user_id
WHERE c.record_id = :id AND c.system_id = :system_id AND c.answer IS NULL
UNION ALL SELECT 'reviewer', CAST(m.id AS text), u.name, o.name FROM escalation e
JOIN membership m ON m.id = e.reviewer_id AND m.ended_at IS NULL
JOIN app_user u ON u.id = m.user_id AND u.active
JOIN organisation o ON o.id = m.organisation_id
WHERE e.id = :id AND e.system_id = :system_id
"""
_IN_JSON = "IN (SELECT value FROM json_each(:{0}))"
CALLED_PG = Sql(_CALLED.format(listed="= ANY(:keys)", spots="= ANY(:spots)"))
CALLED_SQLITE = Sql(_CALLED.format(listed=_IN_JSON.format("keys"), spots=_IN_JSON.format("spots")))
NO_RECORD = "00000000-0000-0000-0000-000000000000"


def names(
    tx: Tx, system_id: str, keys: Iterable[str | None], escalation_id: str = NO_RECORD
) -> Names:
    """What these owner keys, and the themes and records of this escalation, are called."""
    wanted = sorted({key for key in keys if key})
    spots = sorted({key.partition("@")[2] for key in wanted})
    rows = tx.rows(
        CALLED_PG if tx.pg else CALLED_SQLITE,
        system_id=system_id,
        id=escalation_id,
        keys=wanted if tx.pg else json.dumps(wanted),
        spots=spots if tx.pg else json.dumps(spots),
    )
    members = {r[1]: f"{r[2]}, {r[3]}" for r in rows if r[0] == "member"}
    places = {r[1]: r[2] for r in rows if r[0] == "spot"}
    owners = {}
    for key in wanted:
        kind, _at, where = key.partition("@")
        owners[key] = (kind, members.get(key, "") if kind == "member" else places.get(where, ""))
    themes = sorted((r[2], r[1]) for r in rows if r[0] == "theme")
    return Names(
        owners,
        tuple((number, name) for name, number in themes),
        {r[1]: r[2] for r in rows if r[0] == "record"},
        tuple(sorted((r[1], r[2]) for r in rows if r[0] == "proposal")),
        next((f"{r[2]}, {r[3]}" for r in rows if r[0] == "reviewer"), ""),
    )


CLOCKS_PG = Sql(
    "SELECT kind, owner, started, due, hours, CAST(record_id AS text) FROM clock"
    " WHERE record_id = ANY(:ids) AND ended IS NULL ORDER BY due, id",
    (2, 3),
)
CLOCKS_SQLITE = Sql(
    "SELECT kind, owner, started, due, hours, record_id FROM clock"
    " WHERE record_id IN (SELECT value FROM json_each(:ids)) AND ended IS NULL ORDER BY due, id",
    (2, 3),
)


def clocks_of(tx: Tx, ids: Iterable[str | None]) -> dict[str, list[ClockSeen]]:
    """The running clocks of some records, soonest first."""
    wanted = sorted({i for i in ids if i})
    rows = tx.rows(
        CLOCKS_PG if tx.pg else CLOCKS_SQLITE, ids=wanted if tx.pg else json.dumps(wanted)
    )
    found: dict[str, list[ClockSeen]] = {}
    for kind, owner, started, due, hours, record_id in rows:
        clock = ClockSeen(kind, owner, started, due, bool(hours))
        found.setdefault(record_id, []).append(clock)
    return found


NAMES = Sql(
    "SELECT reference FROM referral WHERE id = :id AND system_id = :system_id"
    " UNION ALL SELECT reference FROM escalation WHERE id = :id AND system_id = :system_id"
    " UNION ALL SELECT reference FROM agreement WHERE id = :id AND system_id = :system_id"
    " UNION ALL SELECT reference FROM person WHERE id = :id AND system_id = :system_id"
    " UNION ALL SELECT name FROM place WHERE id = :id AND system_id = :system_id"
    " UNION ALL SELECT o.name FROM assurance a JOIN organisation o ON o.id = a.organisation_id"
    " WHERE a.id = :id AND a.system_id = :system_id"
)


def called(tx: Tx, actor: Actor, record_id: str) -> str:
    """What a record is called: its reference, or the name of the provider assured."""
    row = tx.row(NAMES, id=record_id, system_id=actor.system_id)
    return str(row[0]) if row else ""


# What a decision brings, and who decided (with no noun), the last time last.
def _followed(listed: str) -> Sql:
    return Sql(
        "SELECT CAST(q.escalation_id AS text), q.noun, q.trigger, q.state, count(*)"
        f" FROM consequence q WHERE q.escalation_id {listed} AND q.system_id = :system_id"
        " GROUP BY 1, 2, 3, 4"
        " UNION ALL SELECT CAST(s.record_id AS text), '', u.name, cu.name, s.version FROM step s"
        " LEFT JOIN membership m ON m.id = s.membership_id LEFT JOIN app_user u ON u.id = m.user_id"
        " LEFT JOIN membership c ON c.id = s.second_id LEFT JOIN app_user cu ON cu.id = c.user_id"
        f" WHERE s.record_id {listed} AND s.system_id = :system_id AND s.noun = 'escalation'"
        " AND s.trigger = 'decide' ORDER BY 1, 2, 5, 3, 4"
    )


FOLLOWED_PG = _followed("= ANY(:ids)")
FOLLOWED_SQLITE = _followed("IN (SELECT value FROM json_each(:ids))")


class Brought(NamedTuple):
    """So many consequences of one kind, and how far they are: `state` is one of theirs."""

    noun: str
    trigger: str
    state: str
    number: int


class Followed(NamedTuple):
    """What became of one decision. `by`: who decided it last: one name, or those of two people."""

    by: tuple[str, ...] = ()
    brought: tuple[Brought, ...] = ()


def followed(tx: Tx, actor: Actor, ids: list[str]) -> dict[str, Followed]:
    """Who decided, and how far it is carried out, of escalations the actor was let at."""
    found: dict[str, Followed] = {}
    if not ids:
        return found
    listed = ids if tx.pg else json.dumps(ids)
    rows = tx.rows(FOLLOWED_PG if tx.pg else FOLLOWED_SQLITE, ids=listed, system_id=actor.system_id)
    for one, noun, trigger, state, number in rows:
        so_far = found.get(one, Followed())
        if noun:
            more = Brought(noun, trigger, state, int(number))
            found[one] = so_far._replace(brought=(*so_far.brought, more))
        else:
            found[one] = so_far._replace(by=tuple(name for name in (trigger, state) if name))
    return found
