"""Who is concerned with a record: its organisations with their places, whoever has a post there,
the working agreements that say who answers for what, and who has the next step.

One reading each. What it comes to, rung by rung, is `workflows.accountability`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from referral.actors import Actor
from referral.ladder import Rung, nearest
from referral.schema import under
from referral.states import Role
from referral.store import Sql, Tx

OURS, PROVIDER, PARTY = "ours", "provider", "party"


class Body(NamedTuple):
    """An organisation, and the place it works in."""

    id: str
    name: str
    kind: str
    place_path: str


class Seat(NamedTuple):
    """One account in one role: in an organisation, or over a place."""

    membership_id: str
    role: Role
    organisation_id: str
    place_id: str
    name: str
    away: bool


class Duties(NamedTuple):
    """A working agreement in force: which of its parties answers for what."""

    agreement_id: str
    reference: str
    answers_for: Mapping[str, str]


class Known(NamedTuple):
    """Everything the lines of one record are drawn from."""

    concerned: tuple[tuple[str, str], ...]  # (ours | provider | party, organisation)
    bodies: Mapping[str, Body]
    places: Mapping[str, str]  # the names of the places above them
    seats: tuple[Seat, ...]
    duties: tuple[Duties, ...]
    rungs: Mapping[str, tuple[Rung, ...]]  # by organisation
    owner: str | None  # whose step is next
    outside: Mapping[str, str]  # the contact outside the ladder, by place


# Which organisations a record concerns. A provider is concerned with a referral once it was sent.
CONCERNED: dict[str, str] = {
    "referral": """
  SELECT 'ours' AS relation, r.organisation_id AS organisation_id FROM referral r
  WHERE r.id = :id AND r.system_id = :system_id
  UNION ALL SELECT 'provider', p.organisation_id FROM referral r
  JOIN provider p ON p.id = r.provider_id
  WHERE r.id = :id AND r.system_id = :system_id AND r.sent_at IS NOT NULL""",
    "provider": """
  SELECT 'provider' AS relation, p.organisation_id AS organisation_id FROM provider p
  WHERE p.id = :id AND p.system_id = :system_id""",
    "activity": """
  SELECT 'provider' AS relation, p.organisation_id AS organisation_id FROM activity a
  JOIN provider p ON p.id = a.provider_id WHERE a.id = :id AND a.system_id = :system_id""",
    "agreement": """
  SELECT 'ours' AS relation, a.organisation_id AS organisation_id FROM agreement a
  WHERE a.id = :id AND a.system_id = :system_id
  UNION ALL SELECT 'party', p.organisation_id FROM agreement_party p
  JOIN agreement a ON a.id = p.agreement_id
  WHERE p.agreement_id = :id AND p.system_id = :system_id
    AND p.organisation_id <> a.organisation_id""",
    "escalation": """
  SELECT 'ours' AS relation, e.organisation_id AS organisation_id FROM escalation e
  WHERE e.id = :id AND e.system_id = :system_id""",
    "rights_request": """
  SELECT 'ours' AS relation, q.organisation_id AS organisation_id FROM rights_request q
  WHERE q.id = :id AND q.system_id = :system_id""",
    "concern": """
  SELECT 'ours' AS relation, c.organisation_id AS organisation_id FROM concern c
  WHERE c.id = :id AND c.system_id = :system_id""",
}
# Nobody named as a source of harm stands on a rung of that concern, nor anyone of the provider it
# is about (`referral.ladder.barred`).
_NOT_NAMED = """ AND NOT EXISTS (SELECT 1 FROM guard.concern_source s WHERE s.concern_id = :id
    AND (s.user_id = m.user_id OR s.organisation_id = m.organisation_id))
  AND NOT EXISTS (SELECT 1 FROM guard.concern c JOIN provider pr ON pr.id = c.provider_id
    WHERE c.id = :id AND pr.organisation_id = m.organisation_id)"""
_KNOWN = """
WITH concerned AS ({concerned}),
applies AS (
  SELECT DISTINCT a.id, a.reference, a.answers_for FROM agreement a
  JOIN agreement_party p ON p.agreement_id = a.id
  WHERE a.system_id = :system_id AND a.kind = 'working' AND a.answers_for IS NOT NULL
    AND a.state = 'in_force' AND a.review_at > :at
    AND p.organisation_id IN (SELECT organisation_id FROM concerned)
    AND NOT EXISTS (SELECT 1 FROM agreement_party x
      JOIN provider other ON other.organisation_id = x.organisation_id
      WHERE x.agreement_id = a.id
        AND x.organisation_id NOT IN (SELECT organisation_id FROM concerned))),
meant AS (
  SELECT organisation_id FROM concerned
  UNION SELECT p.organisation_id FROM agreement_party p JOIN applies s ON s.id = p.agreement_id),
bodies AS (
  SELECT o.id, o.name, o.kind, pl.path FROM meant
  JOIN organisation o ON o.id = meant.organisation_id JOIN place pl ON pl.id = o.place_id),
places AS (
  SELECT DISTINCT up.id, up.name, up.path, up.outside_contact FROM bodies
  JOIN place up ON up.system_id = :system_id
    AND substr(bodies.path, 1, length(up.path)) = up.path)
SELECT 'concerned', relation, CAST(organisation_id AS text), '', '', '', 0, 0 FROM concerned
UNION ALL SELECT 'body', CAST(id AS text), name, kind, path, '', 0, 0 FROM bodies
UNION ALL SELECT 'place', CAST(id AS text), name, coalesce(outside_contact, ''), path, '', 0, 0
  FROM places
UNION ALL SELECT 'duties', CAST(id AS text), reference, answers_for, '', '', 0, 0 FROM applies
UNION ALL SELECT 'owner', t.owner, t.kind, '', '', '', 0, 0 FROM clock t
  WHERE t.record_id = :id AND t.system_id = :system_id AND t.ended IS NULL
UNION ALL SELECT 'seat', CAST(m.id AS text), m.role, CAST(m.organisation_id AS text),
    coalesce(CAST(m.place_id AS text), ''), u.name,
    CASE WHEN m.away_from <= :at AND (m.away_until IS NULL OR m.away_until > :at)
      THEN 1 ELSE 0 END, 0
  FROM membership m JOIN app_user u ON u.id = m.user_id
  WHERE m.system_id = :system_id AND u.active AND (m.ended_at IS NULL OR m.ended_at > :at)
    AND (m.role <> 'link_worker' OR 'member@' || CAST(m.id AS text) IN (
      SELECT t.owner FROM clock t WHERE t.record_id = :id AND t.ended IS NULL))
    AND (m.organisation_id IN (SELECT id FROM bodies) OR m.place_id IN (SELECT id FROM places))
    {barred}
UNION ALL SELECT 'rung', g.role, CAST(g.place_id AS text), g.stands, coalesce(g.title, ''), gp.path,
    g.level, length(gp.path)
  FROM ladder_rung g JOIN place gp ON gp.id = g.place_id
  WHERE g.place_id IN (SELECT id FROM places) AND g.from_at <= :at
    AND NOT EXISTS (SELECT 1 FROM ladder_rung n
      WHERE n.place_id = g.place_id AND n.from_at <= :at AND n.from_at > g.from_at)
"""


@cache
def _known(noun: str) -> Sql:
    barred = _NOT_NAMED if noun == "concern" else ""
    return Sql(_KNOWN.format(concerned=CONCERNED[noun], barred=barred))


# A clock that runs beside the states isn't anybody's step.
BESIDE = frozenset({"referral.not_started"})


def known(tx: Tx, actor: Actor, at: datetime, noun: str, record_id: str) -> Known:
    """What the lines of this record are drawn from. Whoever asks has been let at the record."""
    rows = tx.rows(_known(noun), id=record_id, system_id=actor.system_id, at=at)
    by: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        by.setdefault(row[0], []).append(row)
    bodies = {r[1]: Body(*r[1:5]) for r in by.get("body", ())}
    owners = [r[1] for r in by.get("owner", ()) if r[2] not in BESIDE]
    return Known(
        concerned=tuple((r[1], r[2]) for r in by.get("concerned", ())),
        bodies=bodies,
        places={r[1]: r[2] for r in by.get("place", ())},
        seats=tuple(_seat(r) for r in sorted(by.get("seat", ()), key=lambda r: (r[5], r[1]))),
        duties=tuple(Duties(r[1], r[2], json.loads(r[3])) for r in sorted(by.get("duties", ()))),
        rungs={
            b.id: nearest(r for r in by.get("rung", ()) if b.place_path.startswith(r[5]))
            for b in bodies.values()
        },
        owner=owners[0] if owners else None,
        outside={r[1]: r[3] for r in by.get("place", ()) if r[3]},
    )


def _seat(row: tuple[Any, ...]) -> Seat:
    return Seat(row[1], Role(row[2]), row[3], row[4], row[5], bool(row[6]))


# -- everybody in a place -----------------------------------------------------------------------


class Area(NamedTuple):
    """A place, and what one must know to say who answers there."""

    id: str
    name: str
    kind: str
    path: str
    safeguarding_phone: str
    out_of_hours_phone: str
    outside_contact: str


class Team(NamedTuple):
    """An organisation in a place: whether it has link workers, and whether it is a provider."""

    id: str
    name: str
    kind: str
    place_id: str
    link_workers: int
    provider_id: str


class Everybody(NamedTuple):
    """Who answers for what in a place and below it."""

    areas: tuple[Area, ...]
    above: tuple[Area, ...]  # the places above these, whose numbers and rungs count below
    teams: tuple[Team, ...]
    seats: tuple[Seat, ...]
    rungs: Mapping[str, tuple[Rung, ...]]  # by place


EVERYBODY = Sql(
    f"""
SELECT 'area', CAST(pl.id AS text), pl.name, pl.kind, pl.path,
  coalesce(pl.safeguarding_phone, ''), coalesce(pl.out_of_hours_phone, ''),
  coalesce(pl.outside_contact, ''), 0, 0
FROM place pl WHERE pl.system_id = :system_id
  AND ({under()} OR substr(CAST(:path AS text), 1, length(pl.path)) = pl.path)
UNION ALL SELECT 'team', CAST(o.id AS text), o.name, o.kind, CAST(o.place_id AS text),
  coalesce(CAST(pr.id AS text), ''), '', '',
  (SELECT count(*) FROM membership m JOIN app_user u ON u.id = m.user_id
    WHERE m.organisation_id = o.id AND m.role = 'link_worker' AND u.active
      AND (m.ended_at IS NULL OR m.ended_at > :at)), 0
FROM organisation o JOIN place pl ON pl.id = o.place_id
LEFT JOIN provider pr ON pr.organisation_id = o.id
WHERE o.system_id = :system_id AND o.ended_at IS NULL AND {under()}
UNION ALL SELECT 'seat', CAST(m.id AS text), m.role, CAST(m.organisation_id AS text),
  coalesce(CAST(m.place_id AS text), ''), u.name, '', '',
  CASE WHEN m.away_from <= :at AND (m.away_until IS NULL OR m.away_until > :at)
    THEN 1 ELSE 0 END, 0
FROM membership m JOIN app_user u ON u.id = m.user_id
WHERE m.system_id = :system_id AND u.active AND (m.ended_at IS NULL OR m.ended_at > :at)
  AND m.role IN ('team_lead','provider_leader','governance_lead','safeguarding_lead',
    'accountable_officer','information_governance_lead')
UNION ALL SELECT 'rung', g.role, CAST(g.place_id AS text), g.stands, coalesce(g.title, ''), gp.path,
  '', '', g.level, length(gp.path)
FROM ladder_rung g JOIN place gp ON gp.id = g.place_id
WHERE g.system_id = :system_id AND g.from_at <= :at
  AND NOT EXISTS (SELECT 1 FROM ladder_rung n
    WHERE n.place_id = g.place_id AND n.from_at <= :at AND n.from_at > g.from_at)
"""
)


def everybody(tx: Tx, actor: Actor, at: datetime) -> Everybody:
    """Who has which post in the place the actor answers for, and in those above and below it."""
    reach = actor.place_path or "-"
    rows = tx.rows(EVERYBODY, system_id=actor.system_id, path=reach, at=at)
    by: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        by.setdefault(row[0], []).append(row)
    listed = sorted(by.get("area", ()), key=lambda r: (r[4].count("/"), r[2], r[1]))
    every = [Area(*row[1:8]) for row in listed]
    areas = tuple(area for area in every if area.path.startswith(reach))
    return Everybody(
        areas,
        tuple(area for area in every if not area.path.startswith(reach)),
        tuple(
            Team(r[1], r[2], r[3], r[4], r[8], r[5])
            for r in sorted(by.get("team", ()), key=lambda r: (r[2], r[1]))
        ),
        tuple(
            Seat(r[1], Role(r[2]), r[3], r[4], r[5], bool(r[8]))
            for r in sorted(by.get("seat", ()), key=lambda r: (r[5], r[1]))
        ),
        {
            area.id: nearest(
                (*r[:6], r[8], r[9]) for r in by.get("rung", ()) if area.path.startswith(r[5])
            )
            for area in areas
        },
    )


__all__ = [
    "Area",
    "Body",
    "Duties",
    "Everybody",
    "Known",
    "Seat",
    "Team",
    "everybody",
    "known",
]
