"""Matters raised by community groups that have no account: by a public form, to those who review
in the place. Whoever reads it is told how to answer; the group is told nothing about anyone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral.actors import the_system
from referral.rows import put
from referral.states import Noun
from referral.store import Sql, Tx
from workflows.announcements import personal_numbers
from workflows.engine import Done, step
from workflows.moves import N_, Refusal
from workflows.rules import field, wrong

# What a group without an account can raise. How safeguarding was handled is for those who know.
KINDS = ("capacity", "quality", "equity", "information_sharing", "complaint", "other")
PLACE_LEVEL = 2
TEXTS = ("group_name", "name", "reach", "note")
PLACE = Sql("SELECT system_id FROM place WHERE id = :id")


def raise_from_outside(
    tx: Tx, at: datetime, values: Mapping[str, Any], key: str | None = None
) -> Done:
    """Raise a group's matter with the reviewers of the place it names. `values`: place_id, kind,
    group_name, name, reach (how they want to hear back), note (what they need), tried."""
    faults: list[Refusal] = []
    place = tx.row(PLACE, id=values.get("place_id"))
    if place is None:
        faults.append(field("place_id", N_("Choose the place.")))
    if values.get("kind") not in KINDS:
        faults.append(field("kind", N_("Choose what it is about.")))
    for name, why in (
        ("group_name", N_("Enter the name of your group.")),
        ("reach", N_("Say how we can reach you: a phone number or an email address.")),
        ("note", N_("Say what you need.")),
    ):
        if not str(values.get(name) or "").strip():
            faults.append(field(name, why))
    for name in TEXTS:
        if personal_numbers(str(values.get(name) or "")):
            why = N_("This looks like an NHS number. Leave out everything about one person.")
            faults.append(field(name, why))
    if faults or place is None:
        raise wrong(Noun.ESCALATION, "raise", *faults)
    system = the_system(str(place[0]), "public form")
    given = {
        "kind": values["kind"],
        "severity": "medium",
        "about": "place",
        "about_id": values["place_id"],
        "note": values["note"],
        "level": PLACE_LEVEL,
        "from_group": True,
    }
    made = step(tx, Noun.ESCALATION, None, "raise", system, at, given, key=key)
    if not made.replayed:
        put(
            tx,
            "raised_outside",
            {
                "escalation_id": made.id,
                "system_id": system.system_id,
                "group_name": str(values["group_name"]).strip(),
                "name": str(values.get("name") or "").strip() or None,
                "reach": str(values["reach"]).strip(),
                "at": at,
            },
        )
    return made
