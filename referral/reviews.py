"""What a review's page needs beside the escalation itself: who has it, whom it is about, and what
could be done. Whoever asks has been let at the escalation first."""

from __future__ import annotations

from typing import NamedTuple

from referral.actors import Actor
from referral.states import WITH_PROVIDER, listed
from referral.store import Sql, Tx

WHERE = Sql(
    "SELECT name FROM organisation WHERE id = :id AND system_id = :system_id"
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


_REFERRAL = """
SELECT r.id, r.reference, r.state, r.link_worker_id, u.name, r.organisation_id, o.name,
  r.provider_id, pr.organisation_id, po.name, a.name
FROM referral r
JOIN membership m ON m.id = r.link_worker_id
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = r.organisation_id
JOIN provider pr ON pr.id = r.provider_id
JOIN organisation po ON po.id = pr.organisation_id
JOIN activity a ON a.id = r.activity_id
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


NAMES = Sql(
    "SELECT reference FROM referral WHERE id = :id AND system_id = :system_id"
    " UNION ALL SELECT reference FROM escalation WHERE id = :id AND system_id = :system_id"
    " UNION ALL SELECT reference FROM agreement WHERE id = :id AND system_id = :system_id"
    " UNION ALL SELECT o.name FROM assurance a JOIN organisation o ON o.id = a.organisation_id"
    " WHERE a.id = :id AND a.system_id = :system_id"
)


def called(tx: Tx, actor: Actor, record_id: str) -> str:
    """What a record is called: its reference, or the name of the provider assured."""
    row = tx.row(NAMES, id=record_id, system_id=actor.system_id)
    return str(row[0]) if row else ""
