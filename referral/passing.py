"""Passing a person on: what goes along to another team of the system, and to whom it can go."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from referral.actors import Actor
from referral.store import Sql, Tx


class Team(NamedTuple):
    """A team that supports people, and its lead."""

    organisation_id: str
    name: str
    place: str
    lead: str  # a membership


TEAMS = Sql(
    """SELECT o.id, o.name, p.name, min(CAST(m.id AS text)) FROM organisation o
  JOIN place p ON p.id = o.place_id
  JOIN membership m ON m.organisation_id = o.id AND m.role = 'team_lead'
    AND m.started_at <= :at AND (m.ended_at IS NULL OR m.ended_at > :at)
  JOIN app_user u ON u.id = m.user_id AND u.active
  WHERE o.system_id = :system_id AND o.id <> :org AND o.kind <> 'provider'
    AND o.ended_at IS NULL
  GROUP BY o.id, o.name, p.name ORDER BY o.name, o.id LIMIT 200"""
)


def teams(tx: Tx, actor: Actor, at: datetime) -> list[Team]:
    """The other teams of the system that have a lead now."""
    rows = tx.rows(TEAMS, system_id=actor.system_id, org=actor.organisation_id, at=at)
    return [Team._make(row) for row in rows]


PLANS = Sql("SELECT id FROM plan WHERE person_id = :person_id ORDER BY id")
CONSENTS = Sql(
    "SELECT id, state, link_worker_id FROM consent WHERE person_id = :person_id ORDER BY id"
)


def plans(tx: Tx, person_id: str) -> list[str]:
    """The plans of a person."""
    return [str(row[0]) for row in tx.rows(PLANS, person_id=person_id)]


def consents(tx: Tx, person_id: str) -> list[tuple[str, str, str]]:
    """(id, state, link worker) of every consent of a person."""
    rows = tx.rows(CONSENTS, person_id=person_id)
    return [(str(row[0]), str(row[1]), str(row[2])) for row in rows]
