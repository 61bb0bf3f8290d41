"""From leaders to the ground: what is to be read, what it costs, who has read it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields

from referral import announcements as kept
from referral.states import Role
from referral.store import Tx
from web.access import STAFF
from web.api.answers import words
from web.api.door import REPEAT_KEY, Blueprint, asker, for_roles, repeat_key
from web.api.paging import PageAsked, keyset, listed
from web.current import edge
from web.schemas import Command
from web.schemas.fields import LONG, Choice, Id, Many, Moment, Text
from workflows import announcements as sending
from workflows.moves import N_
from workflows.rules import missing

api = Blueprint("announcements", "What leaders want read, its cost, and who has read it.")
SENDERS = frozenset(sending.SENDERS)
READERS = tuple(
    map(
        str,
        (
            *(Role.LINK_WORKER, Role.TEAM_LEAD, Role.PROVIDER_LEADER, Role.SAFEGUARDING_LEAD),
            *(Role.GOVERNANCE_LEAD, Role.INFORMATION_GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER),
        ),
    )
)


class Announce(Command):
    """What is to be read, by whom (roles, organisations, places of the sender's), and whether it
    must be acted on by a day."""

    title = Text(N_("Enter a title."))
    body = Text(N_("Write what they need to know."), most=LONG)
    roles = Many(Choice(READERS, N_("Choose the roles.")), most=20)
    organisations = Many(Id(N_("Choose the organisations.")), most=500)
    places = Many(Id(N_("Choose the places.")), most=500)
    act_by = Moment(when="to_come")


class CostShown(Schema):
    """What it would cost those it goes to."""

    readers = fields.Integer()
    organisations = fields.Integer()
    words = fields.Integer()
    minutes = fields.Integer(metadata={"description": "Of all readers together."})


class AnnouncementInList(Schema):
    """What was sent, and how far it has come."""

    id = fields.UUID()
    reference = words("SG-7K4Q-2M", "The reference people say aloud.")
    title = fields.String()
    act_by = fields.AwareDateTime(allow_none=True)
    sent_at = fields.AwareDateTime()
    sender = fields.String()
    organisation = fields.String()
    readers = fields.Integer()
    minutes = fields.Integer()
    read = fields.Integer()
    overdue = fields.Integer()


class AnnouncementShown(Schema):
    """The words, for whoever is to read them or sent them."""

    id = fields.UUID()
    reference = words("SG-7K4Q-2M", "The reference people say aloud.")
    title = fields.String()
    body = fields.String()
    act_by = fields.AwareDateTime(allow_none=True)
    sent_at = fields.AwareDateTime()
    sender = fields.String()
    organisation = fields.String()
    read_at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "When you said that you have read it."}
    )


class Made(Schema):
    """What was sent."""

    id = fields.UUID()


@api.route("")
@for_roles(SENDERS)
@api.arguments(PageAsked, location="query")
@api.response(200, listed("Announcements", AnnouncementInList))
def many(given: dict[str, Any]) -> dict[str, Any]:
    """What was sent by you, or from the place you answer for, the newest first"""
    actor = asker()
    return keyset(
        "announcement", given, lambda tx, at, after, most: kept.sent(tx, actor, at, after, most)
    )


@api.route("/cost", methods=["POST"])
@for_roles(SENDERS)
@api.arguments(Announce)
@api.response(200, CostShown)
def cost(given: dict[str, Any]) -> Any:
    """What sending this would cost its readers. Nothing is sent"""
    actor = asker()
    with edge().reading(actor) as (tx, at):
        return sending.cost(tx, actor, at, given)


@api.route("", methods=["POST"])
@for_roles(SENDERS)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(Announce)
@api.response(201, Made)
def send(given: dict[str, Any]) -> Any:
    """Send it to everyone meant who works in the place you answer for

    Ask for its cost first. With `act_by`, what is unread by then climbs."""
    actor, key = asker(), repeat_key()
    made = edge().perform(actor, lambda tx, at: sending.send(tx, actor, at, given, key=key))
    return {"id": made}, 201


@api.route("/<uuid:record_id>")
@for_roles(STAFF)
@api.response(200, AnnouncementShown)
def one(record_id: UUID) -> Any:
    """What was sent to you, or what you sent"""
    actor, found = asker(), str(record_id)
    with edge().reading(actor) as (tx, at):
        mine = kept.one_to_read(tx, actor, found)
        if mine is not None:
            return mine
        sent = kept.sent_one(tx, actor, at, found) if actor.role in SENDERS else None
        if sent is None:
            raise missing(sending.NOUN, "read")
        return {**sent._asdict(), "body": kept.body_of(tx, actor, found), "read_at": None}


@api.route("/<uuid:record_id>/read", methods=["POST"])
@for_roles(STAFF)
@api.response(200, AnnouncementShown)
def read(record_id: UUID) -> Any:
    """Say that you have read it. Saying so again changes nothing"""
    actor, found = asker(), str(record_id)

    def act(tx: Tx, at: datetime) -> Any:
        sending.acknowledge(tx, actor, at, found)
        return kept.one_to_read(tx, actor, found)

    return edge().perform(actor, act)
