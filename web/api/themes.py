"""What escalations show about the system: how often, how old, what was decided."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields

from referral import policy, themes
from referral.audit import log
from referral.states import Noun, Role
from referral.store import Tx
from web.access import REVIEWERS, STAFF
from web.api.answers import words
from web.api.door import Blueprint, asker, for_roles
from web.api.escalations import api as reviews
from web.api.paging import PageAsked, keyset, listed
from web.current import edge
from web.schemas import Command
from web.schemas.fields import Choice, Id, Many, Moment, Text
from workflows.moves import N_
from workflows.rules import missing
from workflows.themes import set_themes

api = Blueprint("themes", "What escalations show about the system.")
READERS = REVIEWERS | {Role.TEAM_LEAD}
EVER = datetime(2000, 1, 1, tzinfo=UTC)


class ThemesAsked(PageAsked):
    """Which themes: of what was raised since then, of one kind."""

    since = Moment()
    kind = Choice(tuple(policy.CEILINGS))


class ThemeShown(Schema):
    """A theme with how often it came up, how many are open and since when, what was decided."""

    id = fields.UUID()
    name = fields.String()
    raised = fields.Integer()
    open = fields.Integer()
    oldest = fields.AwareDateTime(allow_none=True)
    upheld = fields.Integer()
    partly = fields.Integer()
    not_upheld = fields.Integer()
    overturned = fields.Integer()


class ShowingIt(Schema):
    """An escalation that shows it; no word of what was written."""

    id = fields.UUID()
    reference = words("SG-7K4Q-2M", "The reference people say aloud.")
    kind = words("no_reply", "What kind of matter it is.")
    severity = fields.String()
    state = fields.String()
    level = fields.Integer()
    decision = fields.String(allow_none=True)
    created_at = fields.AwareDateTime()
    closed_at = fields.AwareDateTime(allow_none=True)
    place = fields.String()


class Tagged(Schema):
    """The themes it has now."""

    themes = fields.List(fields.UUID())


class Tag(Command):
    """What an escalation shows about the system: exactly these, and one that is new."""

    themes = Many(Id(N_("Choose themes from the list.")), most=200)
    new = Text()


@api.route("")
@for_roles(READERS)
@api.arguments(ThemesAsked, location="query")
@api.response(200, listed("Themes", ThemeShown))
def many(given: dict[str, Any]) -> dict[str, Any]:
    """Each theme of what you answer for, by name, with its counts and ages"""
    actor = asker()

    def read(tx: Tx, at: datetime, after: str | None, most: int) -> Any:
        start = themes.theme(tx, actor, after) if after else None
        since = given.get("since") or EVER
        return themes.counted(tx, actor, since, given.get("kind") or "", start, most)

    return keyset("theme", given, read)


@api.route("/<uuid:theme_id>")
@for_roles(READERS)
@api.arguments(ThemesAsked, location="query")
@api.response(200, listed("Showing", ShowingIt))
def one(given: dict[str, Any], theme_id: UUID) -> dict[str, Any]:
    """The escalations that show one theme, the newest first"""
    actor, found = asker(), str(theme_id)

    def read(tx: Tx, at: datetime, after: str | None, most: int) -> Any:
        if themes.theme(tx, actor, found) is None:
            raise missing("theme", "read")
        since, kind = given.get("since") or EVER, given.get("kind") or ""
        rows = themes.showing(tx, actor, found, since, kind, after, most)
        if rows:
            said = {"ids": {str(Noun.ESCALATION): [row.id for row in rows]}}
            log(tx, actor, at, "listed", Noun.ESCALATION, None, said)
        return rows

    return keyset("showing", given, read, audited=True)


@reviews.route("/<uuid:record_id>/themes", methods=["POST"])
@for_roles(STAFF)
@reviews.arguments(Tag)
@reviews.response(200, Tagged)
def tag(given: dict[str, Any], record_id: UUID) -> Any:
    """Say what this escalation shows about the system: exactly these themes, and one that is new"""
    actor, chosen = asker(), given.get("themes") or []
    made = edge().perform(
        actor,
        lambda tx, at: set_themes(tx, actor, at, str(record_id), chosen, given.get("new")),
    )
    return {"themes": made}
