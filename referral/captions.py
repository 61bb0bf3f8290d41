"""Which record a page is about, in words without a person: its activity, provider or title."""

from __future__ import annotations

from referral.actors import Actor
from referral.states import Noun
from referral.store import Sql, Tx

CAPTIONS: dict[Noun, Sql] = {
    Noun.REFERRAL: Sql(
        "SELECT a.name FROM activity a JOIN referral r ON r.activity_id = a.id"
        " WHERE r.id = :id AND r.system_id = :system_id"
    ),
    Noun.ASSURANCE: Sql(
        "SELECT o.name FROM assurance a JOIN organisation o ON o.id = a.organisation_id"
        " WHERE a.id = :id AND a.system_id = :system_id"
    ),
    Noun.AGREEMENT: Sql(
        "SELECT a.title FROM agreement a WHERE a.id = :id AND a.system_id = :system_id"
    ),
}


def caption(tx: Tx, actor: Actor, noun: Noun, record_id: str) -> str:
    """The words for a record the actor was let at; none for a noun without any."""
    if noun not in CAPTIONS:
        return ""
    row = tx.row(CAPTIONS[noun], id=record_id, system_id=actor.system_id)
    return str(row[0]) if row else ""
