"""The audit log's entries: what stands in a leaf, and what is kept beside it and can be erased."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral.actors import NOBODY, Actor
from referral.ids import new_id
from referral.leaf import KEY_BYTES, MOST_DETAILS_BYTES, canonical, commitment, leaf_hash
from referral.ledger import Row, insert
from referral.store import Tx

FORMAT = 1


def entry(
    *,
    actor: Actor,
    at: datetime,
    action: str,
    noun: str,
    record_id: str | None,
    version: int | None = None,
    details: Mapping[str, Any],
    **said: Any,
) -> list[Row]:
    """The rows of one entry: the leaf, and the details it commits to with a salt of its own.

    The leaf holds nothing identifying: random ids, codes and times only. No entry is made without
    an actor or a named cause: raises ValueError."""
    if actor.membership_id == NOBODY and actor.person_id == NOBODY and not actor.cause:
        raise ValueError("An audit entry needs an actor or a named cause.")
    entry_id = new_id(at)
    salt = secrets.token_bytes(KEY_BYTES)
    payload = canonical(dict(details), MOST_DETAILS_BYTES)
    member = None if actor.membership_id == NOBODY else actor.membership_id
    leaf = canonical(
        {
            "action": action,
            "at": at,
            "cause": actor.cause,
            "details": commitment(salt, payload),
            "entry": entry_id,
            "format": FORMAT,
            "member": member,
            "noun": noun,
            "organisation": None if actor.organisation_id == NOBODY else actor.organisation_id,
            "record": record_id,
            "role": str(actor.role),
            "system": actor.system_id,
            "version": version,
            **said,
        }
    )
    return [
        Row(
            insert("audit"),
            {
                "entry_id": entry_id,
                "system_id": actor.system_id,
                "at": at,
                "action": action,
                "noun": noun,
                "record_id": record_id,
                "version": version,
                "membership_id": member,
                "leaf": leaf,
                "leaf_hash": leaf_hash(leaf),
            },
        ),
        Row(insert("audit_detail"), {"entry_id": entry_id, "salt": salt, "payload": payload}),
    ]


def note_down(tx: Tx, rows: list[Row]) -> None:
    """Write entries that belong to no step: a refusal, a read, a sign-in, a change by hand."""
    for statement, params in rows:
        plain = statement.plain
        tx.execute(plain.postgresql if tx.pg else plain.sqlite, plain.values(params))


def log(
    tx: Tx,
    actor: Actor,
    at: datetime,
    action: str,
    noun: str,
    record_id: str | None,
    details: Mapping[str, Any] | None = None,
    **said: Any,
) -> None:
    """One entry that belongs to no step."""
    note_down(
        tx,
        entry(
            actor=actor,
            at=at,
            action=action,
            noun=noun,
            record_id=record_id,
            details=details or {},
            **said,
        ),
    )
