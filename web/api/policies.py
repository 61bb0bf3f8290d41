"""What a place goes by: the numbers and lists that differ from place to place, and changes to them
put to others first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from referral import policies
from referral.policy import rules_in
from referral.store import Tx
from web.access import STAFF
from web.api.answers import words
from web.api.door import REPEAT_KEY, Blueprint, asker, for_roles, repeat_key
from web.current import edge
from web.schemas import Command
from web.schemas.fields import LONG, Day, Id, Many, Moment, Text, YesNo
from web.schemas.policy import Comment
from workflows import policy as changing
from workflows import policy_changes as talk
from workflows.moves import N_
from workflows.rules import missing, once
from workflows.working_time import end_of

api = Blueprint("policy", "What each place goes by, and changes put to others first.")
CHANGERS = frozenset(changing.SETTERS)


class PlaceAsked(Command):
    """Of which place, and when; usually your own, and now."""

    place_id = Id()
    at = Moment()


class RuleShown(Schema):
    """One rule as it holds in the place."""

    kind = words("days", "What kind of rule it is.")
    name = words("referral.sent", "Its name.")
    value = fields.Raw()
    place_id = fields.UUID(
        allow_none=True, metadata={"description": "Whose rule it is; null: a shipped example."}
    )
    from_at = fields.AwareDateTime(allow_none=True)
    because = fields.String(allow_none=True)


class PolicyShown(Schema):
    """Everything a place goes by."""

    place_id = fields.UUID()
    items = fields.List(fields.Nested(RuleShown))


class Wanted(Command):
    """One rule as it would be."""

    kind = Text(N_("Say which kind of rule."))
    name = Text(N_("Say which rule."))
    value = fields.Raw(required=True, allow_none=True)


class SetRule(Wanted):
    """A rule of a place, from now or from a day; no value: the place goes by what holds above."""

    place_id = Id(N_("Say in which place."))
    from_day = Day(when="to_come")
    because = Text(N_("Write why, so that others can learn from it."), most=LONG)


class RuleMade(Schema):
    """The rule that was made."""

    id = fields.UUID()


class OpenChange(Command):
    """A change somebody thinks of, put to others first."""

    place_id = Id(N_("Say in which place."))
    title = Text(N_("Give the change a short name."))
    because = Text(N_("Write why you think of it."), most=LONG)
    wanted = Many(fields.Nested(Wanted), N_("Say which rule would change."), most=20)
    closes_on = Day(N_("Enter the last day for comments."), when="to_come")


class Heard(Command):
    """You said, we did."""

    said = Text(N_("Write what people said."), most=LONG)
    did = Text(N_("Write what you did about it, or why not."), most=LONG)


class DecideChange(Command):
    """What came of it."""

    made = YesNo(N_("Choose what you decided."))
    from_day = Day(when="to_come")
    heard = Many(fields.Nested(Heard), most=20)


class CommentShown(Schema):
    """What somebody said."""

    id = fields.UUID()
    at = fields.AwareDateTime()
    by = fields.String(allow_none=True)
    voice = words("lived_experience", "As whom they speak.")
    body = fields.String(allow_none=True)


class ChangeInList(Schema):
    """A change, and how far it has come."""

    id = fields.UUID()
    place_id = fields.UUID()
    place = fields.String()
    code = words("HY-7K4Q-2M", "Opens its public page.")
    title = fields.String()
    because = fields.String()
    wanted = fields.List(fields.Dict())
    opened_at = fields.AwareDateTime()
    closes_at = fields.AwareDateTime()
    state = fields.String(validate=validate.OneOf(("open", "made", "not_made")))
    decided_at = fields.AwareDateTime(allow_none=True)
    heard = fields.List(fields.Dict(), allow_none=True)
    by = fields.String()
    comments = fields.Integer()


class ChangesShown(Schema):
    """The changes of the system, the newest first."""

    items = fields.List(fields.Nested(ChangeInList))


class ChangeShown(ChangeInList):
    """A change with what people said of it, as far as that has been read."""

    said = fields.List(fields.Nested(CommentShown))


class SaidShown(Schema):
    """What was kept."""

    id = fields.UUID()


def _start(day: Any) -> datetime | None:
    return end_of(day - timedelta(days=1)) if day else None


@api.route("")
@for_roles(STAFF)
@api.arguments(PlaceAsked, location="query")
@api.response(200, PolicyShown)
def sheet(given: dict[str, Any]) -> Any:
    """Every rule that holds in a place, whose it is and since when"""
    actor = asker()
    with edge().reading(actor) as (tx, at):
        own = actor.place_id or policies.place_of(tx, actor.organisation_id)
        here = given.get("place_id") or own
        rules = rules_in(tx, actor.system_id, here, given.get("at") or at) if here else None
        if rules is None:
            raise missing("place", "read")
        return {"place_id": here, "items": [_rule(one) for one in changing.sheet(rules)]}


def _rule(one: changing.Item) -> dict[str, Any]:
    made = one.rule
    return {
        "kind": one.kind,
        "name": one.name,
        "value": one.value,
        "place_id": made.place_id if made else None,
        "from_at": made.from_at if made else None,
        "because": made.because if made else None,
    }


@api.route("", methods=["POST"])
@for_roles(CHANGERS)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(SetRule)
@api.response(201, RuleMade)
def set_rule(given: dict[str, Any]) -> Any:
    """Set a rule of a place you answer for, from now or from a day to come

    What runs keeps what it started with. No value: from then on the place goes by what holds
    above it."""
    actor, key = asker(), repeat_key()
    values = {n: given[n] for n in ("place_id", "kind", "name", "value", "because")}

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        from_at = _start(given.get("from_day"))
        return {"id": changing.set_rule(tx, actor, at, **values, from_at=from_at)}

    made = edge().perform(
        actor, lambda tx, at: once(tx, actor, key, "policy.set", given, at, lambda: do(tx, at))
    )
    return made, 201


@api.route("/changes")
@for_roles(STAFF)
@api.response(200, ChangesShown)
def changes() -> Any:
    """Changes of policy that were put to others, the newest first"""
    actor = asker()
    with edge().reading(actor) as (tx, _at):
        return {"items": policies.changes(tx, actor.system_id)}


@api.route("/changes", methods=["POST"])
@for_roles(CHANGERS)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(OpenChange)
@api.response(201, SaidShown)
def open_change(given: dict[str, Any]) -> Any:
    """Open a change of a place you answer for, for comment until a day. It changes nothing yet"""
    actor, key = asker(), repeat_key()
    values = {n: given[n] for n in ("place_id", "title", "because", "wanted")}

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        closes = end_of(given["closes_on"])
        return {"id": talk.open_change(tx, actor, at, **values, closes_at=closes)}

    made = edge().perform(
        actor, lambda tx, at: once(tx, actor, key, "policy.open", given, at, lambda: do(tx, at))
    )
    return made, 201


@api.route("/changes/<uuid:change_id>")
@for_roles(STAFF)
@api.response(200, ChangeShown)
def one(change_id: UUID) -> Any:
    """A change, with what people said of it and what came of it"""
    actor = asker()
    with edge().reading(actor) as (tx, _at):
        return _shown(tx, str(change_id))


def _shown(tx: Tx, change_id: str) -> dict[str, Any]:
    found = policies.change(tx, asker().system_id, change_id)
    if found is None:
        raise missing("policy_change", "read")
    said = [c._asdict() for c in policies.comments(tx, found.id) if c.shown]
    return {**found._asdict(), "said": said}


@api.route("/changes/<uuid:change_id>/comments", methods=["POST"])
@for_roles(STAFF)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(Comment)
@api.response(201, SaidShown)
def comment(given: dict[str, Any], change_id: UUID) -> Any:
    """Say something about a change, under your name"""
    actor, key, found = asker(), repeat_key(), str(change_id)

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        return {"id": talk.comment(tx, actor, at, change_id=found, body=given["body"])}

    asked = {**given, "change_id": found}
    made = edge().perform(
        actor, lambda tx, at: once(tx, actor, key, "policy.comment", asked, at, lambda: do(tx, at))
    )
    return made, 201


@api.route("/changes/<uuid:change_id>/decide", methods=["POST"])
@for_roles(STAFF)
@api.arguments(DecideChange)
@api.response(200, ChangeShown)
def decide(given: dict[str, Any], change_id: UUID) -> Any:
    """Make a change or leave it, and say beside it what people said and what was done

    By whoever opened it; once its time has ended, by anybody who answers for the place."""
    actor, found = asker(), str(change_id)

    def act(tx: Tx, at: datetime) -> dict[str, Any]:
        talk.decide(
            tx,
            actor,
            at,
            change_id=found,
            made=given["made"],
            heard=given.get("heard") or (),
            from_at=_start(given.get("from_day")),
        )
        return _shown(tx, found)

    return edge().perform(actor, act)
