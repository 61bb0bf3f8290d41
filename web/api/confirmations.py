"""Moves that take two people: what the first proposed, for the second to confirm or refuse."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields

from referral import facts, lists
from referral.actors import Actor
from referral.members import actor_of
from referral.states import Noun
from referral.store import Tx
from web.access import STAFF
from web.api.answers import StepShown, of_done, words
from web.api.door import ETAG, REPEAT_KEY, Blueprint, asker, for_roles, repeat_key
from web.api.moves import moved
from web.current import edge
from web.schemas.base import Nothing
from workflows.engine import NOT_FOUND, Done, Refused, may_answer
from workflows.moves import N_, Refusal
from workflows.referrals import confirm_proposal
from workflows.rules import once

api = Blueprint("confirmations", "Moves by two people: proposed by one, confirmed by another.")
GONE = Refusal(
    "proposer_gone",
    N_("Whoever proposed this doesn't work here now."),
    N_("Somebody who acts on the record proposes it again."),
    "two people",
)


class ConfirmationShown(Schema):
    """A move that waits for a second person, or what they answered."""

    id = fields.UUID()
    noun = words("referral", "What kind of record it is on.")
    record_id = fields.UUID()
    trigger = words("mark_in_error", "The move.")
    proposed_by = fields.UUID()
    proposed_at = fields.AwareDateTime()
    answer = words("confirmed", "confirmed, refused or lapsed; null while it waits.", or_null=True)


def _missing() -> Refused:
    return Refused([NOT_FOUND], noun="confirmation", trigger="confirm", record_id=None)


def _seen(tx: Tx, actor: Actor, at: datetime, confirmation_id: str) -> dict[str, Any]:
    """The proposal, for somebody who may answer it. A full hold hides it."""
    found = lists.proposal(tx, actor, confirmation_id)
    if found is None:
        raise _missing()
    noun = Noun(found["noun"])
    if not may_answer(noun, facts.LOADERS[noun](tx, found["record_id"], actor, at), actor):
        raise _missing()
    return found


@api.route("/<uuid:record_id>")
@for_roles(STAFF)
@api.response(200, ConfirmationShown)
def one(record_id: UUID) -> dict[str, Any]:
    """Read what was proposed"""
    actor = asker()
    with edge().reading(actor) as (tx, at):
        return _seen(tx, actor, at, str(record_id))


def _answer(confirmation_id: str, agree: bool) -> Response:
    actor, key = asker(), repeat_key()

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        body = {"id": confirmation_id, "agree": agree}
        return once(tx, actor, key, "confirmation.answer", body, at, lambda: answered(tx, at))

    def answered(tx: Tx, at: datetime) -> dict[str, Any]:
        found = _seen(tx, actor, at, confirmation_id)
        first = actor_of(tx, found["proposed_by"], at)
        noun, record = Noun(found["noun"]), found["record_id"]
        if first is None:
            raise Refused([GONE], noun=noun, trigger=found["trigger"], record_id=record)
        done = confirm_proposal(tx, first, actor, at, confirmation_id, agree)
        if done is None:
            f = facts.LOADERS[noun](tx, record, actor, at)
            if f is None or f.state is None:
                raise _missing()
            done = Done(noun, record, f.state, f.version, getattr(f, "reference", None))
        return of_done(done)

    return moved(edge().perform(actor, do))


@api.route("/<uuid:record_id>/moves/confirm", methods=["POST"])
@for_roles(STAFF)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(Nothing, required=False)
@api.response(200, StepShown, headers=ETAG)
def confirm(given: dict[str, Any], record_id: UUID) -> Response:
    """Confirm what somebody else proposed: it is done now, and names both of you"""
    return _answer(str(record_id), True)


@api.route("/<uuid:record_id>/moves/refuse", methods=["POST"])
@for_roles(STAFF)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(Nothing, required=False)
@api.response(200, StepShown, headers=ETAG)
def refuse(given: dict[str, Any], record_id: UUID) -> Response:
    """Refuse what somebody else proposed: nothing is done"""
    return _answer(str(record_id), False)
