"""How far a system is set up: what is there of everything that work needs, in numbers."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from referral.accounts import INVITED
from referral.actors import Actor
from referral.schema import AGREEMENT_LIVE, of, under
from referral.scopes import asked
from referral.store import Sql, Tx

IN_ORGANISATION = f"""FROM organisation o JOIN place pl ON pl.id = o.place_id
  WHERE o.system_id = :system_id AND o.ended_at IS NULL AND {under()}"""


class SetUp(NamedTuple):
    """Below the place the actor answers for: organisations that aren't its board; places with a
    number for safeguarding, by day or by the hour; accounts that
    can sign in, link workers and those who review among them, accounts that are suspended, and
    those that nobody chose a password for in time;
    providers, and those of them that meet the standards, if with conditions. In the whole system:
    agreements in force, rules and wordings of its own."""

    organisations: int
    numbers: int
    accounts: int
    link_workers: int
    reviewers: int
    suspended: int
    ran_out: int
    providers: int
    assured: int
    agreements: int
    rules: int
    wordings: int


MEMBERS = """SELECT count(DISTINCT m.user_id) FROM membership m
  JOIN app_user u ON u.id = m.user_id JOIN organisation o ON o.id = m.organisation_id
  JOIN place pl ON pl.id = o.place_id
  WHERE m.system_id = :system_id AND (m.ended_at IS NULL OR m.ended_at > :at)"""
SET_UP = Sql(
    f"""
SELECT
  (SELECT count(*) {IN_ORGANISATION} AND o.kind <> 'board'),
  (SELECT count(*) FROM place pl WHERE pl.system_id = :system_id AND {under()}
     AND (coalesce(pl.safeguarding_phone, '') <> '' OR EXISTS (SELECT 1 FROM rota_line l
       WHERE l.place_id = pl.id AND l.ended_at IS NULL))),
  ({MEMBERS} AND {under()} AND u.active),
  ({MEMBERS} AND {under()} AND u.active AND m.role = 'link_worker'),
  ({MEMBERS} AND {under()} AND u.active AND m.role IN ('governance_lead', 'safeguarding_lead')),
  ({MEMBERS} AND {under()} AND NOT u.active),
  ({MEMBERS} AND {under()} AND u.active AND {INVITED} AND u.invited_at <= :invited_by),
  (SELECT count(*) FROM provider v JOIN organisation o ON o.id = v.organisation_id
     JOIN place pl ON pl.id = o.place_id WHERE v.system_id = :system_id AND {under()}),
  (SELECT count(*) FROM provider v JOIN organisation o ON o.id = v.organisation_id
     JOIN place pl ON pl.id = o.place_id JOIN assurance s ON s.provider_id = v.id
     WHERE v.system_id = :system_id AND {under()} AND s.state IN ('assured', 'conditional')),
  (SELECT count(*) FROM agreement a WHERE a.system_id = :system_id AND {of("a", AGREEMENT_LIVE)}),
  (SELECT count(*) FROM policy_rule x WHERE x.system_id = :system_id),
  (SELECT count(*) FROM wording w WHERE w.system_id = :system_id AND w.published_by IS NOT NULL)
"""
)


def so_far(tx: Tx, actor: Actor, at: datetime, invited_by: datetime) -> SetUp:
    """How far it is, for whoever sets up. `invited_by`: an invitation of then has run out."""
    row = tx.row(SET_UP, **asked(actor), at=at, invited_by=invited_by)
    return SetUp(*map(int, row or (0,) * len(SetUp._fields)))
