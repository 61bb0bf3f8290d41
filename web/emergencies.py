"""Emergency access: opening a record that is out of reach, what is open and until when, and the
page on which somebody else reviews it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from referral import lists, looks, policy, records
from referral.audit import log, showing
from referral.scopes import EMERGENCY_ROLES
from referral.states import EmergencyState, Noun, Role
from referral.store import Door, Tx
from web import labels
from web.access import REVIEWERS, TEAM, access, current_actor
from web.concerns import numbers
from web.current import edge
from web.forms import Form, Next, answer, form_now, page
from web.labels import record_path, said, word
from web.limits import seconds_to_wait
from web.moves import Asked, Record, move_page, own_page, record
from web.say import _, ngettext
from web.schemas.emergencies import OpenRecord
from web.timelines import entries
from web.words import deadline, time_words
from workflows import disclosure, reading
from workflows.emergencies import open_record
from workflows.engine import NOT_FOUND, TABLES, Done, Refused
from workflows.tables.emergencies import TAGS

pages = Blueprint("emergency_pages", __name__)

OPENERS = frozenset(EMERGENCY_ROLES)
A_PAGE = 25
MOST_TRIES, IN = 10, timedelta(minutes=10)


@pages.route("/emergencies/open", methods=["GET", "POST"])
@access(OPENERS)
def open_one() -> ResponseReturnValue:
    """Whose record, and why it can't wait. Nothing is shown to choose from."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        around = numbers(tx, actor, at)
        rules = policy.rules_of(tx, actor.organisation_id, at)

    def draw(form: Form) -> str:
        return page(
            "emergency/open.jinja",
            form,
            reasons=labels.listed_reasons(rules, "emergency.open"),
            minutes=rules.days("emergency.opened_minutes"),
            told_of_it=actor.role is not Role.SAFEGUARDING_LEAD,
            numbers=around,
            back={"href": "/people", "text": _("Back to people")},
        )

    if request.method == "POST":
        wait = _wait(actor.user_id)
        if wait:
            return draw(_waiting(wait)), 429, {"Retry-After": str(wait)}

    def done(made: Done) -> Next:
        words = _("Open, and somebody has been written to about it. Close it when you are done.")
        return Next(record_path(Noun.EMERGENCY, made.id), words)

    return answer(
        draw,
        lambda tx, at, given, form: open_record(tx, actor, at, given, form.key),
        done,
        schema=OpenRecord(),
    )


def _wait(user_id: str) -> int:
    """Count a try, whatever comes of it; how long to wait before the next."""
    with edge().store.begin(door=Door.SHUT) as tx:
        return seconds_to_wait(tx, edge().clock(), "emergency", MOST_TRIES, user_id, IN)


def _waiting(wait: int) -> Form:
    form = form_now(OpenRecord())
    minutes = -(-wait // 60)
    form.general.append(
        ngettext(
            "Too many tries. Ring somebody who can look, or try again in %(num)s minute.",
            "Too many tries. Ring somebody who can look, or try again in %(num)s minutes.",
            minutes,
        )
    )
    return form


@pages.get("/emergencies")
@access(TEAM, REVIEWERS)
def many() -> ResponseReturnValue:
    """Every use one answers for, or made, the newest first. `state` narrows it."""
    actor = current_actor()
    after, state = request.args.get("after", ""), request.args.get("state", "")
    states = (state,) if state in set(EmergencyState) else ()
    with edge().reading(actor) as (tx, at):
        found = lists.page(
            tx, Noun.EMERGENCY, actor, at,
            after=_an_id(after) if after else None, most=A_PAGE + 1, states=states,
        )  # fmt: skip
    showing(Noun.EMERGENCY, (one["id"] for one in found[:A_PAGE]))
    rows = [
        {
            "href": record_path(Noun.EMERGENCY, one["id"]),
            "reference": one["reference"],
            "who": _who(one),
            "reason": word(labels.REASONS, one["reason"]),
            "when": time_words(one["created_at"]),
            "tag": labels.state_tag(Noun.EMERGENCY, one["state"]),
        }
        for one in found[:A_PAGE]
    ]
    chosen = states[0] if states else ""
    names: dict[str, str] = {"": _("All")}
    names |= {s: labels.state_tag(Noun.EMERGENCY, s)["text"] for s in EmergencyState}
    chips = [
        {"text": text, "current": code == chosen,
         "href": "/emergencies" + (f"?state={code}" if code else "")}
        for code, text in names.items()
    ]  # fmt: skip
    return page(
        "emergency/list.jinja",
        rows=rows,
        chips=chips,
        chosen=chosen,
        older=found[A_PAGE - 1]["id"] if len(found) > A_PAGE else None,
        may_open=actor.role in OPENERS,
    )


def _an_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        abort(404)


def _who(one: Mapping[str, Any]) -> str:
    return _(
        "%(name)s, %(role)s, %(where)s",
        name=one["opened_by_name"],
        role=word(labels.ROLES, one["opened_by_role"]).lower(),
        where=one["opened_by_organisation"],
    )


@pages.get("/emergencies/<uuid:record_id>")
@access(TEAM, REVIEWERS)
def show(record_id: UUID) -> ResponseReturnValue:
    """One use: who opened whose record, when and why, what was read, and what the review found.
    For whoever has it open, the way into the record."""
    actor = current_actor()
    rid = str(record_id)

    def look(tx: Tx, at: datetime) -> dict[str, Any]:
        found = record(tx, at, Noun.EMERGENCY, rid, actor)
        one = lists.one(tx, Noun.EMERGENCY, actor, at, rid)
        if one is None:
            raise Refused([NOT_FOUND], noun=Noun.EMERGENCY, trigger="read", record_id=rid)
        mine = actor.glass is not None and actor.glass.id == rid
        person = records.person_of(tx, actor, at, found.facts.person_id)
        if person is None:
            raise Refused([NOT_FOUND], noun=Noun.EMERGENCY, trigger="read", record_id=rid)
        log(tx, actor, at, "read", "emergency", rid, subject=found.facts.subject_ref)
        may = records.in_reach(person, actor) or mine
        seen = disclosure.shown_person(
            {"reference": person.reference, "given_name": person.given_name,
             "family_name": person.family_name},
            actor.role, at, person.closed_to_actor or not may,
        )  # fmt: skip
        lead = actor.role is Role.SAFEGUARDING_LEAD and mine and not person.closed_to_actor
        return {
            "found": found,
            "o": one,
            "mine": mine,
            "name": disclosure.known_as(seen) if may else person.reference,
            "reference": person.reference,
            "looked": looks.under(tx, actor, found.facts, one["created_at"]),
            "clocks": records.clocks(tx, rid),
            "owner": records.owner(tx, found.facts.governance),
            "story": reading.timeline(
                tx, actor, at, Noun.EMERGENCY, rid, known=(found.facts, None)
            ),
            "concerns": records.concerns_about(tx, actor, person.id) if lead else [],
            "person_href": f"/people/{person.id}" if may else None,
        }

    k = edge().perform(actor, look)
    found, one = k["found"], k["o"]
    actions, refused = _next(found)
    role, where = k["owner"]
    reviewer = ", ".join(x for x in (word(labels.ROLES, role), where) if x)
    waiting = {"opened": one["opened_by_name"], "under_review": reviewer}.get(one["state"], "")
    clock = k["clocks"][0] if k["clocks"] else None
    return page(
        "emergency/show.jinja",
        None,
        o=one,
        name=k["name"],
        mine=k["mine"],
        tag=labels.state_tag(Noun.EMERGENCY, one["state"]),
        says=said(TABLES[Noun.EMERGENCY].states[one["state"]].says),
        who=_("With %(who)s now", who=waiting) if waiting else _("Nothing more is awaited"),
        clock=deadline(clock.due, found.at, hours=clock.hours) if clock else None,
        facts=_facts(one, k["reference"]),
        looked=[
            {"when": time_words(look.at), "what": word(labels.NOUNS, look.noun)}
            for look in k["looked"]
        ],
        concerns=k["concerns"],
        person_href=k["person_href"],
        actions=actions,
        refused=refused,
        history=entries(Noun.EMERGENCY, k["story"].steps, found.at, k["story"].notes),
        back={"href": "/emergencies", "text": _("Emergency access")},
    )


def _facts(o: Mapping[str, Any], reference: str) -> list[dict[str, str]]:
    tags = [word(labels.EMERGENCY_TAGS, tag) for tag in o["tags"] or ()]
    pairs: list[tuple[str, Any]] = [
        (_("Whose record"), reference),
        (_("Held by"), o["organisation_name"]),
        (_("Opened by"), _who(o)),
        (_("When"), time_words(o["created_at"])),
        (_("Until, at the latest"), time_words(o["until"])),
        (_("Reason"), word(labels.REASONS, o["reason"])),
        (_("What had happened"), o["why"]),
        (_("What the review found"), word(labels.FINDINGS, o["finding"])),
        (_("What there is to learn"), "; ".join(tags)),
    ]
    return [{"key": key, "value": str(value)} for key, value in pairs if value]


NOT_MINE = frozenset({"not_your_role", "not_your_record"})


def _next(found: Record) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The moves of this reader, and those of theirs that can't be made, with why."""
    actions: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for option in found.options:
        if {r.code for r in option.refusals} & NOT_MINE:
            continue
        words = labels.button(Noun.EMERGENCY, option.trigger)
        if option.allowed:
            href = labels.move_path(Noun.EMERGENCY, found.id, option.trigger)
            actions.append({"text": words, "href": href, "variant": ""})
        else:
            why = [{"sentence": said(r.why), "remedy": said(r.remedy)} for r in option.refusals]
            refused.append({"cannot": _("You cannot do this: %(move)s", move=words), "why": why})
    return actions, refused


@own_page(Noun.EMERGENCY, "review")
def review(record_id: str, trigger: str) -> ResponseReturnValue:
    """Was it right, and what is there to learn."""
    tags = labels.choices(labels.EMERGENCY_TAGS, *TAGS)
    return move_page(Noun.EMERGENCY, record_id, trigger, Asked(choices={"tags": tags}))
