"""Sharing without consent: proposing it. Whatever follows (approve, refuse, end, review) is a move
of its table, made through `workflows.engine.step` by others than whoever proposed it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral.actors import Actor
from referral.states import Noun
from referral.store import Tx
from workflows.engine import Done, step
from workflows.moves import N_
from workflows.rules import field, wrong
from workflows.tables.overrides import SHAREABLE


def propose_override(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    person_id: str,
    provider_id: str,
    values: Mapping[str, Any],
    key: str | None = None,
) -> Done:
    """Propose to share with one provider without consent. Nothing is shared until a second person
    approves. `values`: ground, necessity, proportionality, fields, person_told, why_not_told,
    danger. Raises Refused: not_found, or a fault for each thing that is missing."""
    if set(values.get("fields") or ()) - set(SHAREABLE):
        raise wrong("override", "propose", field("fields", N_("Choose what is shared.")))
    given = {**values, "person_id": person_id, "recipient": provider_id}
    return step(tx, Noun.OVERRIDE, None, "propose", actor, at, given, key=key)
