"""The provider's moves that ask for more than the table does: accepting, and finishing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema

from referral import offered
from referral.offered import Offer
from referral.states import Noun, Role
from referral.store import Tx
from web import labels
from web.access import current_actor
from web.current import edge
from web.forms import Form, page, typed
from web.labels import said, word
from web.moves import BEFORE, Asked, lists_in_force, move_page, own_page, read_record
from web.say import _
from web.schemas import Wrong, load, schema_for
from web.schemas.base import Command
from web.schemas.fields import Choice, Day, Id, Text
from web.sessions import runs
from web.words import day_words
from workflows import session_days
from workflows.calls import LEFT_MESSAGE, may_leave_message, record_contact
from workflows.engine import Done, step
from workflows.moves import N_
from workflows.reading import card
from workflows.tables.referrals import GOALS_MET
from workflows.working_time import local_day

pages = Blueprint("provider_moves", __name__)


class Accept(schema_for(Noun.REFERRAL, "accept")):  # type: ignore[misc]
    """Giving a place, when the provider means to be in touch first, and the first session."""

    first_contact = Day(when="to_come")
    session = Text()


class Decline(schema_for(Noun.REFERRAL, "decline")):  # type: ignore[misc]
    """Saying no, and whether another activity of the same provider could fit."""

    other = Id()


def completing(goals: Sequence[str]) -> type[Command]:
    """How it went, with an answer for each goal; without a goal, for what they hoped altogether."""
    base = schema_for(Noun.REFERRAL, "complete")
    each: dict[str, Any] = {
        f"goal_{n}": Choice(GOALS_MET, N_("Say whether this was met.")) for n in _numbers(goals)
    }
    left_out = ("goals", "goals_met") if goals else ("goals",)
    return type("Complete", (base,), {**each, "Meta": type("Meta", (), {"exclude": left_out})})


def _numbers(goals: Sequence[str]) -> range:
    return range(1, len(goals) + 1)


def goals_told(given: Mapping[str, Any], goals: Sequence[str]) -> dict[str, Any]:
    """The same with the answers for each goal as one list, and what they come to: met, if all are;
    not, if none is."""
    if not goals:
        return dict(given)
    each = [given[f"goal_{n}"] for n in _numbers(goals)]
    rest = {name: value for name, value in given.items() if not name.startswith("goal_")}
    return {**rest, "goals": each, "goals_met": each[0] if len(set(each)) == 1 else "partly"}


SESSIONS = 3
NONE = ""  # the answer that says nothing


def _offers(record_id: str) -> tuple[Offer | None, list[Offer], date]:
    """The activity a referral is for, the provider's others that take new people, and today."""
    actor, activity_id = current_actor(), read_record(Noun.REFERRAL, record_id).facts.activity_id
    with edge().reading(actor) as (tx, at):
        own = offered.own_offers(tx, actor) if actor.role is Role.PROVIDER_LEADER else []
    mine = next((o for o in own if o.id == activity_id), None)
    others = [
        o
        for o in own
        if o.id != activity_id and o.status == "open" and any(g.left for g in o.groups)
    ]
    return mine, others, local_day(at)


def _with_words(told: dict[str, Any], *words: str) -> dict[str, Any]:
    """What is given, with these words before those of the note."""
    note = " ".join(w for w in (*words, told.pop("note", "") or "") if w)
    return {**told, "note": note} if note else told


@own_page(Noun.REFERRAL, "accept")
def accept(record_id: str, trigger: str) -> ResponseReturnValue:
    """Give the person a place. The dates of the first contact and the first session go to the link
    worker in words."""
    actor = current_actor()
    mine, _others, today = _offers(record_id)
    ahead = (
        session_days.sessions_ahead(mine.when_words, runs(mine), today, SESSIONS) if mine else []
    )
    days = {day.isoformat(): day_words(day, weekday=True) for day in ahead}

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        first, session = given.pop("first_contact", None), days.get(given.pop("session", NONE))
        told = _with_words(
            given,
            _("First contact is planned for %(day)s.", day=day_words(first, weekday=True))
            if first
            else "",
            _("Their first session can be %(day)s.", day=session) if session else "",
        )
        return step(
            tx,
            Noun.REFERRAL,
            record_id,
            "accept",
            actor,
            at,
            told,
            version=form.version,
            key=form.key,
        )

    asked = Asked(
        schema=Accept,
        act=act,
        choices={"session": [*days.items(), (NONE, _("We will agree it with them"))]},
        leave_out=("note",) if days else ("session",),
        template="move_more.jinja" if days else "move.jinja",
    )
    return move_page(Noun.REFERRAL, record_id, "accept", asked)


@own_page(Noun.REFERRAL, "contact", "try_contact")
def contact(record_id: str, trigger: str) -> ResponseReturnValue:
    """The person was reached, or there was no answer; and when, where it is written down later."""
    actor = current_actor()
    found = read_record(Noun.REFERRAL, record_id)
    with edge().reading(actor) as (tx, _at):
        silent = not may_leave_message(tx, actor, record_id)
    option = found.option(trigger)
    listed = lists_in_force(Noun.REFERRAL, trigger, option, found.facts)
    choices = {
        name: [one for one in codes if not (silent and one[0] == LEFT_MESSAGE)]
        for name, codes in listed.items()
    }

    before = said(BEFORE[Noun.REFERRAL, trigger])
    if silent:
        before = f"{before} {_('No message may be left for this person.')}"

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        # A call in vain stays one, whatever else has changed since the page was opened.
        version = form.version if trigger == "contact" else None
        return record_contact(
            tx, actor, at, record_id, trigger, given, version=version, key=form.key
        )

    asked = Asked(act=act, choices=choices, before=before, press=_("Save"))
    return move_page(Noun.REFERRAL, record_id, trigger, asked)


@own_page(Noun.REFERRAL, "complete")
def complete(record_id: str, trigger: str) -> ResponseReturnValue:
    """Say how it went; then look at what the link worker gets, and send it."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        seen = card(tx, actor, at, record_id)
    goals = (seen.seen.get("goals") if seen else None) or ()
    schema = completing(goals)
    if request.method == "POST" and not request.form.get("sure") and not request.form.get("again"):
        preview = _preview(record_id, schema(), goals)
        if preview is not None:
            return preview

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        told = goals_told(given, goals)
        return step(
            tx,
            Noun.REFERRAL,
            record_id,
            "complete",
            actor,
            at,
            told,
            version=form.version,
            key=form.key,
        )

    each = [f"goal_{n}" for n in _numbers(goals)]
    return move_page(
        Noun.REFERRAL,
        record_id,
        "complete",
        Asked(
            title=_("Finish: how did it go?"),
            schema=schema,
            act=act,
            labels=dict(zip(each, map(goal_question, goals), strict=True)),
            choices=dict.fromkeys(each, labels.choices(labels.GOALS_MET)),
            first=("outcome", *each),
            press=_("Continue"),
            before=_("You can look at the message before anything is sent."),
        ),
    )


def goal_question(goal: str) -> str:
    """What is asked of one goal, in the person's own words."""
    return _("Was this goal met? %(goal)s", goal=goal)


def _preview(record_id: str, schema: Schema, goals: Sequence[str]) -> str | None:
    """What the link worker gets, before it is sent; None if something is missing yet."""
    found = read_record(Noun.REFERRAL, record_id)
    option = found.option("complete")
    if option is None or option.refusals:
        return None
    try:
        given = load(schema, typed(schema, request.form), edge().clock(), form=True)
    except Wrong:
        return None
    return page(
        "complete_preview.jinja",
        Form(
            values={n: request.form[n] for n in schema.fields if n in request.form},
            version=request.form.get("version", type=int) or found.version,
            key=request.form.get("key") or Form().key,
        ),
        caption=found.caption,
        whom=found.whom,
        back={"href": labels.record_path(Noun.REFERRAL, record_id)},
        agreed=found.facts.practice_agreed,
        lines=message_lines(given, goals),
        note=given.get("note"),
    )


def message_lines(given: Mapping[str, Any], goals: Sequence[str]) -> list[tuple[str, str]]:
    """What the link worker is told of how it went, and tells the practice where that was agreed."""
    met = [(goal, given[f"goal_{n}"]) for n, goal in enumerate(goals, 1)]
    return [
        (_("What happened"), word(labels.OUTCOMES, given["outcome"])),
        *((goal_question(goal), word(labels.GOALS_MET, told)) for goal, told in met),
        *(
            ()
            if met
            else ((_("Were their goals met?"), word(labels.GOALS_MET, given["goals_met"])),)
        ),
        (_("What comes next"), given["what_next"]),
        (_("Summary"), given["summary"]),
    ]


@own_page(Noun.REFERRAL, "decline")
def decline(record_id: str, trigger: str) -> ResponseReturnValue:
    """Say no, with a reason from the list, and what else of one's own could fit."""
    actor = current_actor()
    _mine, others, _today = _offers(record_id)
    names = {o.id: o.name for o in others}

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        other = names.get(given.pop("other", NONE))
        words = _("Another activity of ours could fit: %(activity)s.", activity=other)
        return step(
            tx,
            Noun.REFERRAL,
            record_id,
            "decline",
            actor,
            at,
            _with_words(given, words if other else ""),
            version=form.version,
            key=form.key,
        )

    asked = Asked(
        title=labels.said(N_("You cannot take this person")),
        press=_("Tell the link worker"),
        schema=Decline,
        act=act,
        choices={"other": [*names.items(), (NONE, labels.yes_no("could")[1])]},
        leave_out=("note",) if names else ("other",),
        template="move_more.jinja" if names else "move.jinja",
    )
    return move_page(Noun.REFERRAL, record_id, "decline", asked)
