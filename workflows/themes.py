"""Tagging what an escalation shows about the system."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from referral import facts, themes
from referral.actors import Actor
from referral.audit import log
from referral.ids import new_id
from referral.rows import put
from referral.states import Noun, Relation
from referral.store import Tx
from workflows.announcements import personal_numbers
from workflows.engine import NOT_FOUND, NOT_YOUR_RECORD, TABLES, Refused
from workflows.moves import N_
from workflows.rules import field, wrong

LONGEST = 80


def set_themes(
    tx: Tx,
    actor: Actor,
    at: datetime,
    escalation_id: str,
    chosen: Sequence[str],
    new: str | None = None,
) -> list[str]:
    """Say what this escalation shows: exactly these themes, and one that is new if its name is
    given. By whoever reviews it or answers for its place. Returns the ids it has now."""
    f = facts.escalation(tx, escalation_id, actor, at)
    worn = TABLES[Noun.ESCALATION].hats(f, actor) if f is not None else frozenset()
    if not worn:
        raise Refused([NOT_FOUND], noun=Noun.ESCALATION, trigger="theme", record_id=escalation_id)
    if not {hat[1] for hat in worn} & {Relation.REVIEWER, Relation.OVER}:
        raise Refused(
            [NOT_YOUR_RECORD], noun=Noun.ESCALATION, trigger="theme", record_id=escalation_id
        )
    known = {one.id: one.name for one in themes.all_of(tx, actor)}
    if set(chosen) - set(known):
        raise wrong(Noun.ESCALATION, "theme", field("themes", N_("Choose themes from the list.")))
    wanted = set(chosen)
    name = " ".join((new or "").split())
    if name:
        wanted.add(_new(tx, actor, at, name, known))
    now = {one.id for one in themes.of_escalation(tx, actor, escalation_id)}
    for theme_id in sorted(now - wanted):
        themes.untag(tx, actor, escalation_id, theme_id)
    for theme_id in sorted(wanted - now):
        put(
            tx,
            "escalation_theme",
            {
                "escalation_id": escalation_id,
                "theme_id": theme_id,
                "system_id": actor.system_id,
                "tagged_by": actor.membership_id,
                "tagged_at": at,
            },
        )
    if now != wanted:
        said = {"themes": sorted(wanted)}
        log(tx, actor, at, "themes_set", Noun.ESCALATION, escalation_id, said)
    return sorted(wanted)


def _new(tx: Tx, actor: Actor, at: datetime, name: str, known: dict[str, str]) -> str:
    same = [i for i, called in known.items() if called.casefold() == name.casefold()]
    if same:
        return same[0]
    if len(name) > LONGEST:
        raise wrong(
            Noun.ESCALATION, "theme", field("new", N_("Shorten the new theme to 80 characters."))
        )
    if personal_numbers(name):
        raise wrong(
            Noun.ESCALATION,
            "theme",
            field("new", N_("This looks like an NHS number. A theme is never about one person.")),
        )
    theme_id = new_id(at)
    put(
        tx,
        "theme",
        {
            "id": theme_id,
            "system_id": actor.system_id,
            "name": name,
            "created_by": actor.membership_id,
            "created_at": at,
        },
    )
    log(tx, actor, at, "theme_added", "theme", theme_id)
    return theme_id
