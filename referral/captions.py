"""Which record a page is about, in words: its activity, provider or title; and of a referral the
person's names."""

from __future__ import annotations

from referral.actors import Actor
from referral.states import Noun
from referral.store import Sql, Tx

CAPTIONS: dict[Noun, Sql] = {
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


REFERRAL = Sql(
    "SELECT a.name, pe.given_name, pe.family_name FROM referral r"
    " JOIN person pe ON pe.id = r.person_id LEFT JOIN activity a ON a.id = r.activity_id"
    " WHERE r.id = :id AND r.system_id = :system_id"
)


def of_referral(tx: Tx, actor: Actor, referral_id: str) -> tuple[str, str, str]:
    """The activity of a referral the actor was let at, and the person's given and family names:
    what of them may be shown is for the caller to ask."""
    row = tx.row(REFERRAL, id=referral_id, system_id=actor.system_id)
    activity, given, family = row if row is not None else ("", "", "")
    return activity or "", given or "", family or ""
