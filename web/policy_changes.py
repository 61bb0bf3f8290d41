"""A change of policy put to others first: its page for members, and one for anybody by a code."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from referral import policies, policy
from referral.actors import the_system
from referral.ids import check_reference
from referral.policies import Change
from referral.store import Tx
from web.access import STAFF, access, current_actor, public
from web.current import edge, settings
from web.edge import Busy
from web.errors import status_of
from web.forms import Form, Next, answer, form_now, page, refuse, typed
from web.labels import Tag, said
from web.policy import (
    CHANGERS,
    FIELD,
    asked_for,
    beside,
    known_value,
    may_change,
    start_of,
    value_given,
)
from web.policy_words import title_words, unit, value_words
from web.say import _, ngettext
from web.schemas import Wrong, load
from web.schemas.policy import Comment, Decide, OpenChange, PublicComment
from web.words import day_words, last_day
from workflows import policy as changing
from workflows import policy_changes as talk
from workflows.engine import Refused
from workflows.moves import N_
from workflows.working_time import end_of, local_day

pages = Blueprint("policy_change_pages", __name__)

VOICES: dict[str, str] = {
    "lived_experience": N_("I take part, have taken part, or look after somebody who does"),
    "provider": N_("I run activities"),
    "link_worker": N_("I am a link worker or work beside one"),
    "someone_else": N_("Someone else"),
}
WHO: dict[str, str] = {
    "lived_experience": N_("Somebody with lived experience"),
    "provider": N_("Somebody who runs activities"),
    "link_worker": N_("A link worker or somebody beside one"),
    "someone_else": N_("Somebody"),
}
STATES: dict[str, Tag] = {
    "open": Tag(N_("Open for comment"), "blue"),
    "closed": Tag(N_("To be decided"), "orange"),
    "made": Tag(N_("Made"), "green"),
    "not_made": Tag(N_("Not made"), "grey"),
}
PAIRS = (1, 2, 3)


def _tag(found: Change, at: datetime) -> dict[str, str]:
    state = "closed" if found.state == "open" and found.closes_at <= at else found.state
    tag = STATES[state]
    return {"text": said(tag.text), "colour": tag.colour}


def _last_day(found: Change) -> str:
    return day_words(last_day(found.closes_at))


def _wanted(found: Change, rules: policy.Rules) -> list[dict[str, str]]:
    """What would change, each with what holds now; once it is decided, with what held before."""
    then = rules if found.state == "open" else policy.Rules(rules.book, rules.path, found.opened_at)
    return [
        {
            "words": title_words(one["kind"], one["name"], rules),
            "now": value_words(
                one["kind"],
                one["name"],
                changing.item(then, found.place_id, one["kind"], one["name"]).value,
            ),
            "new": value_words(one["kind"], one["name"], one["value"]),
        }
        for one in found.wanted
    ]


@pages.get("/policy/changes")
@access(STAFF)
def changes() -> str:
    """The changes of the system, the newest first."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = policies.changes(tx, actor.system_id)
    rows = [
        {
            "id": one.id,
            "title": one.title,
            "tag": _tag(one, at),
            "place": one.place,
            "meta": ngettext("%(num)s comment", "%(num)s comments", one.comments),
            "until": _("Comments until %(day)s", day=_last_day(one)) if one.state == "open" else "",
            "unread": one.unread if talk.answers_for(actor, one, at) else 0,
        }
        for one in found
    ]
    return page("policy/changes.jinja", None, rows=rows, back={"href": "/policy"})


@pages.route("/policy/<kind>/<name>/ask", methods=["GET", "POST"])
@access(CHANGERS)
def ask(kind: str, name: str) -> ResponseReturnValue:
    """Open a change of one rule for comment."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        rules, place = asked_for(tx, actor, at, kind, name)
    if not may_change(actor, place.path):
        abort(404)
    one = changing.item(rules, place.id, kind, name)

    def draw(form: Form) -> str:
        return page(
            "policy/ask.jinja",
            form,
            title=title_words(kind, name, rules),
            place=place,
            box=FIELD.get(kind, "number"),
            unit=unit(kind, name),
            limits=changing.bounds(kind, name),
            now=value_words(kind, name, one.value),
            back={"href": f"/policy/{kind}/{name}?place={place.id}"},
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        try:
            return talk.open_change(
                tx,
                actor,
                at,
                place_id=place.id,
                title=given["title"],
                because=given["because"],
                wanted=[{"kind": kind, "name": name, "value": value_given(kind, given)}],
                closes_at=end_of(given["closes_on"]),
            )
        except Refused as refused:
            raise beside(kind, refused) from None

    words = _("Open for comment. Send people the address on this page.")
    return answer(
        draw,
        act,
        lambda made: Next(f"/policy/changes/{made}", words),
        schema=OpenChange(),
        known=known_value(kind, one.value),
    )


def _change(tx: Tx, change_id: UUID) -> Change:
    found = policies.change(tx, current_actor().system_id, str(change_id))
    if found is None:
        abort(404)
    return found


@pages.route("/policy/changes/<uuid:change_id>", methods=["GET", "POST"])
@access(STAFF)
def show(change_id: UUID) -> ResponseReturnValue:
    """A change, what people say about it, and a box to say something."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = _change(tx, change_id)
        rules = policy.rules_in(tx, actor.system_id, found.place_id, at) or policy.SHIPPED
        comments = policies.comments(tx, found.id)
    mine = talk.answers_for(actor, found, at)

    def draw(form: Form) -> str:
        return page(
            "policy/talk.jinja",
            form,
            change=found,
            tag=_tag(found, at),
            until=_last_day(found),
            is_open=found.state == "open" and found.closes_at > at,
            may_decide=mine and found.state == "open" and found.closes_at <= at,
            wanted=_wanted(found, rules),
            comments=[_shown(one) for one in comments if one.shown],
            waiting=[_shown(one) for one in comments if one.read_at is None] if mine else [],
            left_out=sum(one.read_at is not None and not one.shown for one in comments),
            address=f"{settings().origin}/have-your-say/{found.code}",
            back={"href": "/policy/changes"},
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return talk.comment(tx, actor, at, change_id=found.id, body=given["body"])

    here = f"/policy/changes/{found.id}"
    return answer(
        draw, act, lambda made: Next(here, _("Thank you. It is shown here.")), schema=Comment()
    )


def _shown(one: policies.Comment) -> dict[str, Any]:
    return {
        "id": one.id,
        "who": one.by or said(WHO[one.voice]),
        "day": day_words(local_day(one.at)),
        "body": one.body or "",
    }


@pages.post("/policy/comments/<uuid:comment_id>/<what>")
@access(STAFF)
def read(comment_id: UUID, what: str) -> ResponseReturnValue:
    """A comment of the public page has been read: shown, or left out."""
    if what not in ("show", "leave-out"):
        abort(404)
    actor = current_actor()
    try:
        change_id = edge().perform(
            actor,
            lambda tx, at: talk.read_comment(
                tx, actor, at, comment_id=str(comment_id), show=what == "show"
            ),
        )
    except Refused as refused:
        if {"not_found", "not_your_record"} & set(refused.codes):
            raise
        flash(said(refused.refusals[0].why), "important")
        return redirect("/policy/changes", 303)
    words = (
        _("Shown. Whoever reads this change reads it from now.")
        if what == "show"
        else _("Left out. Its words are gone.")
    )
    flash(words, "success")
    return redirect(f"/policy/changes/{change_id}", 303)


@pages.route("/policy/changes/<uuid:change_id>/decide", methods=["GET", "POST"])
@access(STAFF)
def decide(change_id: UUID) -> ResponseReturnValue:
    """Make the change or leave it: you said, we did."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = _change(tx, change_id)
        comments = policies.comments(tx, found.id)
    if not talk.answers_for(actor, found, at):
        abort(404)
    here = f"/policy/changes/{found.id}"

    def draw(form: Form) -> str:
        return page(
            "policy/decide.jinja",
            form,
            change=found,
            pairs=PAIRS,
            comments=[_shown(one) for one in comments if one.shown],
            back={"href": here},
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        heard = [
            {"said": given[f"said_{n}"], "did": given[f"did_{n}"]}
            for n in PAIRS
            if given.get(f"said_{n}")
        ]
        day = given.get("from_day")
        try:
            talk.decide(
                tx,
                actor,
                at,
                change_id=found.id,
                made=given["outcome"] == "made",
                heard=heard,
                from_at=start_of(day) if day else None,
            )
        except Refused as refused:
            raise beside("", refused) from None

    words = _("Decided. Everybody who opens the page sees what came of it.")
    return answer(draw, act, lambda made: Next(here, words), schema=Decide())


# -- for anybody --------------------------------------------------------------------------------


@pages.route("/have-your-say/<code>", methods=["GET", "POST"])
@public("people with lived experience comment without an account; what they say is read first")
def have_your_say(code: str) -> ResponseReturnValue:
    """A change, what was said about it and what came of it, and a box to say something."""
    try:
        code = check_reference(code, talk.CODE)
    except ValueError:
        abort(404)
    with edge().reading(None) as (tx, at):
        seen = policies.change_by_code(tx, code)
        if seen is None:
            abort(404)
        found, system_id = seen
        rules = policy.rules_in(tx, system_id, found.place_id, at) or policy.SHIPPED
        comments = policies.comments(tx, found.id)
    schema = PublicComment()
    form = form_now(schema)

    def draw(status: int = 200) -> ResponseReturnValue:
        return page(
            "policy/have_your_say.jinja",
            form,
            change=found,
            tag=_tag(found, at),
            until=_last_day(found),
            is_open=found.state == "open" and found.closes_at > at,
            wanted=_wanted(found, rules),
            voices=[(voice, said(words)) for voice, words in VOICES.items()],
            comments=[_anonymous(one) for one in comments if one.shown],
        ), status

    if request.method != "POST":
        return draw()
    try:
        given = load(schema, typed(schema, request.form), edge().clock(), form=True)
        somebody = the_system(system_id, talk.PUBLIC)
        edge().perform(
            somebody, lambda tx, at: talk.comment_publicly(tx, somebody, at, code=code, **given)
        )
    except Wrong as why:
        refuse(form, why.refusals)
        return draw(422)
    except Refused as refused:
        refuse(form, refused.refusals)
        return draw(status_of(refused))
    except Busy:
        form.general.append(_("Nothing was kept: Segue is busy. Wait a moment, then try again."))
        return draw(503)
    flash(_("Thank you. It is shown here once somebody has read it."), "success")
    return redirect(f"/have-your-say/{code}", 303)


def _anonymous(one: policies.Comment) -> dict[str, Any]:
    """A comment as the public page has it: members by what they are, not by name."""
    return {**_shown(one), "who": said(WHO[one.voice])}
