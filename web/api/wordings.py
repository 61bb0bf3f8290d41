"""The words read out when somebody is asked; an administrator publishes new ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import Schema, fields

from referral import wordings
from referral.states import Purpose, Role
from referral.store import Tx
from web.access import REVIEWERS, TEAM
from web.api.answers import words
from web.api.door import REPEAT_KEY, Blueprint, asker, for_roles, repeat_key
from web.current import edge
from web.schemas.fields import Choice, Text
from web.schemas.wordings import PublishWording
from workflows.moves import N_
from workflows.rules import once
from workflows.wordings import publish_wording

api = Blueprint("wordings", "The words read out when somebody is asked for consent.")
ADMIN = frozenset({Role.ADMINISTRATOR})
ROLES = TEAM | REVIEWERS | ADMIN | {Role.AUDITOR}


class WordingShown(Schema):
    """One version of the words."""

    id = fields.UUID()
    purpose = words("share_with_provider", "What the person is asked.")
    language = words("en", "The language, by its code.")
    number = fields.Integer()
    body = fields.String()
    from_at = fields.AwareDateTime()
    published_by = fields.String(allow_none=True)


class WordingsShown(Schema):
    """Every version, the newest of each purpose and language first."""

    items = fields.List(fields.Nested(WordingShown))


class WordingMade(Schema):
    """A version that was published."""

    id = fields.UUID()


class Publish(PublishWording):
    """The words for one purpose in one language, from a day on."""

    purpose = Choice(tuple(Purpose), N_("Choose what the person is asked."))
    language = Text(N_("Give the language as its code, for example en or cy."))


@api.route("")
@for_roles(ROLES)
@api.response(200, WordingsShown)
def many() -> dict[str, Any]:
    """Every version of the words, with the day from which it is read out"""
    actor = asker()
    with edge().reading(actor) as (tx, _at):
        found = wordings.everything(tx, actor.system_id)
    return {"items": [{n: v for n, v in w._asdict().items() if n != "heard"} for w in found]}


@api.route("", methods=["POST"])
@for_roles(ADMIN)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(Publish)
@api.response(201, WordingMade)
def publish(given: dict[str, Any]) -> Any:
    """Publish a new version; answers given before keep the words they heard"""
    actor, key = asker(), repeat_key()

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        return {"id": publish_wording(tx, actor, at, **given)}

    said = edge().perform(
        actor,
        lambda tx, at: once(tx, actor, key, "wording.publish", given, at, lambda: do(tx, at)),
    )
    return {"id": said["id"]}, 201
