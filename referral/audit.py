"""The audit log's entries: what stands in a leaf, and what is kept beside it and can be erased."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from referral.actors import NOBODY, Actor
from referral.ids import new_id
from referral.keys import Of
from referral.leaf import KEY_BYTES, MOST_DETAILS_BYTES, canonical, commitment, leaf_hash
from referral.ledger import Row, insert, under_keys
from referral.states import Role
from referral.store import Tx

FORMAT = 2
FORMATS = frozenset({1, 2})
"""Those there are: a leaf of format 1 has no door, outcome, purpose and request."""

DONE, REFUSED, FAILED = "done", "refused", "failed"
# What tells that somebody was shown something.
READ, LISTED, LOOKED_FOR, EXPORTED = "read", "listed", "looked_for", "exported"
EMERGENCY_READ = "emergency_read"  # of a record opened in an emergency
READING = frozenset({READ, LISTED, LOOKED_FOR, EXPORTED, EMERGENCY_READ})

# Why somebody of a role does what they do, where the entry doesn't say otherwise.
PURPOSES: dict[Role, str] = {
    Role.LINK_WORKER: "care",
    Role.TEAM_LEAD: "care",
    Role.PROVIDER_LEADER: "care",
    Role.SAFEGUARDING_LEAD: "safety",
    Role.GOVERNANCE_LEAD: "oversight",
    Role.INFORMATION_GOVERNANCE_LEAD: "oversight",
    Role.ACCOUNTABLE_OFFICER: "oversight",
    Role.COMMISSIONER: "oversight",
    Role.AUDITOR: "audit",
    Role.ADMINISTRATOR: "administration",
    Role.PERSON: "own",
    Role.SYSTEM: "operation",
}


@dataclass
class Request:
    """What came through a door, as its entries name it: all of one request have its id. `client`
    is where it came from, for the erasable half; None where that isn't to be kept.

    `shown` gathers whose records a page lists, and `said` what its entries have told already, so
    that a page says once what it showed."""

    id: str
    door: str
    client: str | None = None
    shown: dict[str, dict[str, None]] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)


_REQUEST: ContextVar[Request | None] = ContextVar("request", default=None)


def at_the_door(request: Request | None) -> None:
    """From here on, entries are of this request; None: of none."""
    _REQUEST.set(request)


@contextmanager
def during(request: Request) -> Iterator[Request]:
    """While this lasts, entries are of this request."""
    before = _REQUEST.set(request)
    try:
        yield request
    finally:
        _REQUEST.reset(before)


def request_now() -> Request | None:
    """The request whose entries are being written, if it came through a door."""
    return _REQUEST.get()


def showing(noun: str, ids: Iterable[str]) -> None:
    """These records are in the list that is being made for somebody."""
    request = _REQUEST.get()
    if request is not None:
        request.shown.setdefault(str(noun), {}).update(dict.fromkeys(ids))


def outcome_of(action: str) -> str:
    """How what an action tells went."""
    if action == "refused" or action.endswith(("_refused", "_withheld")):
        return REFUSED
    return FAILED if "not_delivered" in action else DONE


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
    an actor or a named cause: raises ValueError. A read of a record that the actor has open in an
    emergency is one of its own kind, with why it was opened: no page has to think of it."""
    if actor.membership_id == NOBODY and actor.person_id == NOBODY and not actor.cause:
        raise ValueError("An audit entry needs an actor or a named cause.")
    if (
        action == READ
        and actor.glass is not None
        and said.get("subject") == actor.glass.subject_ref
    ):
        action = EMERGENCY_READ
        said = {
            "purpose": "emergency",
            **said,
            "emergency": actor.glass.id,
            "reason": actor.glass.reason,
        }
    entry_id = new_id(at)
    salt = secrets.token_bytes(KEY_BYTES)
    request = _REQUEST.get()
    told = dict(details)
    if request is not None:
        request.said.add(action)
        if request.client is not None:
            told["client"] = request.client
    payload = canonical(told, MOST_DETAILS_BYTES)
    member = None if actor.membership_id == NOBODY else actor.membership_id
    leaf = canonical(
        {
            "action": action,
            "at": at,
            "cause": actor.cause,
            "details": commitment(salt, payload),
            "door": None if request is None else request.door,
            "entry": entry_id,
            "format": FORMAT,
            "member": member,
            "noun": noun,
            "organisation": None if actor.organisation_id == NOBODY else actor.organisation_id,
            "outcome": outcome_of(action),
            "purpose": PURPOSES[actor.role],
            "record": record_id,
            "request": None if request is None else request.id,
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
                "subject": said.get("subject"),
                "leaf": leaf,
                "leaf_hash": leaf_hash(leaf),
            },
        ),
        Row(
            insert("audit_detail"),
            {"entry_id": entry_id, "salt": salt, "payload": payload},
            Of(actor.system_id, said.get("subject") or None),
        ),
    ]


def note_down(tx: Tx, rows: list[Row]) -> None:
    """Write entries that belong to no step: a refusal, a read, a sign-in, a change by hand."""
    for statement, params, _ in under_keys(tx, rows, None):
        plain = statement.plain
        tx.execute(plain.postgresql if tx.pg else plain.sqlite, plain.values(params))


def log_reads(
    tx: Tx, actor: Actor, at: datetime, noun: str, whose: Mapping[str, str], **details: Any
) -> None:
    """One entry for each of these records that was read: by its id, the surrogate of its person."""
    tx.ring.ready(whose.values())
    rows = [
        row
        for record_id, subject in whose.items()
        for row in entry(
            actor=actor,
            at=at,
            action=READ,
            noun=noun,
            record_id=record_id,
            details=details,
            subject=subject,
        )
    ]
    by_text: dict[str, list[Sequence[Any]]] = {}
    for statement, params, _ in under_keys(tx, rows, None):
        plain = statement.plain
        text = plain.postgresql if tx.pg else plain.sqlite
        by_text.setdefault(text, []).append(plain.values(params))
    for text, each in by_text.items():
        tx.execute_many(text, each)


def log_shown(tx: Tx, actor: Actor, at: datetime, action: str, noun: str) -> None:
    """One entry for a list: whose records it showed, by noun, in the erasable half."""
    request = _REQUEST.get()
    shown = {} if request is None else request.shown
    log(tx, actor, at, action, noun, None, {"ids": {n: sorted(shown[n]) for n in sorted(shown)}})


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
