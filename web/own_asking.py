"""What the person does on their own page beside stopping one thing: how to reach me, complain, stop
everything, and what came of what I asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from flask import flash, redirect, request, session
from flask.typing import ResponseReturnValue
from marshmallow import Schema

from referral import own_asking as kept
from referral import records
from referral.actors import Actor
from referral.links import LinkSeen
from referral.own_asking import Asked, Complaint
from referral.records import PersonSeen
from referral.states import EscalationState, Noun, RightsState
from referral.store import Door, Tx
from web.access import public
from web.current import edge
from web.forms import Form, Next, answer
from web.labels import CONTACT_METHODS, choices, said, word
from web.links import OWN, limited, own_page, pages, too_often, with_own_link
from web.people import through
from web.say import _
from web.schemas.base import Command
from web.schemas.fields import LONG, Choice, Text
from web.schemas.rights import AskForOwn
from web.words import day_words, last_day, listed, phone_words
from workflows import own_asking as asking
from workflows import person_links as own
from workflows.engine import NOT_FOUND, Done, Refused
from workflows.moves import N_
from workflows.rights import receive_request
from workflows.tables.rights import due_on
from workflows.working_time import local_day

# Both of the ways to be left in peace come to the same: one is offered.
WISHES: dict[str, str] = {
    "no_writing": N_("Do not write to me or leave a message"),
    "another_way": N_("Use another way"),
}
WISHES_DO: dict[str, str] = {
    "no_writing": N_("We stop letters, texts and messages today. Your link worker rings you."),
    "another_way": N_(
        "Say the new way below. Your link worker rings you first, as before. That keeps you safe."
    ),
}
SUBJECTS: dict[str, str] = {
    "worker": N_("My link worker"),
    "team": N_("The team my link worker is in"),
    "information": N_("How you use what you know about me"),
    "other": N_("Something else"),
}
# What is asked for about one's own data, as the person says it.
OWN_RIGHTS: dict[str, str] = {
    "access": N_("I want a copy of what you keep about me"),
    "rectification": N_("Something is wrong. Put it right"),
    "erasure": N_("I want it taken off your files"),
    "restriction": N_("Stop using it for a while"),
    "objection": N_("I do not like how you use it"),
}
ASKED_FOR: dict[str, str] = {
    "access": N_("A copy of what is kept about you"),
    "rectification": N_("To put something right"),
    "erasure": N_("To take it off the files"),
    "restriction": N_("To stop using it for a while"),
    "objection": N_("You do not like how it is used"),
}
REQUEST_NOW: dict[str, str] = {
    "received": N_("They have it. First they check that it is you who asks."),
    "identity_checked": N_("They know that it is you. They will start soon."),
    "in_progress": N_("They are working on it."),
    "asked": N_("They asked you something. They wait for you."),
    "fulfilled": N_("It is done."),
    "refused": N_("They said no."),
    "withdrawn": N_("You took it back."),
}
COMPLAINT_NOW: dict[str, str] = {
    "raised": N_("Nobody has started on it yet."),
    "in_review": N_("Someone is looking into it."),
    "information_requested": N_("Someone was asked about it."),
    "decided": N_("They have decided. Now they do what they decided."),
    "closed": N_("They have decided, and it is done."),
    "withdrawn": N_("You took it back."),
}
DECIDED: dict[str, str] = {
    "uphold": N_("They say that you are right."),
    "partly": N_("They say that you are right in part."),
    "not_upheld": N_("They do not agree with you."),
    "overturn": N_("They say that you are right. What was done before is changed."),
}


class ReachMe(Command):
    """How somebody wants to be reached."""

    wish = Choice(asking.WISHES, N_("Choose one of the answers."))
    words = Text(most=LONG)


class Complain(Command):
    """What is wrong, and with whom."""

    about = Text(N_("Choose what it is about."))
    words = Text(N_("Say what is wrong, in a few words."), most=LONG)


class Follow(Command):
    """What somebody does with what they asked."""

    do = Choice(("answer", "withdraw", "reopen"), N_("Choose what you want to do."))
    words = Text(most=LONG)


T = TypeVar("T")


def answered(
    link: LinkSeen,
    template: str,
    schema: Schema | None,
    act: Callable[[Tx, datetime, dict[str, Any], Form], T],
    done: Callable[[T], Next],
    **context: Any,
) -> ResponseReturnValue:
    """A form of the person's own page: drawn, or taken from them, so many in a minute."""
    if request.method == "POST" and not request.form.get("again"):
        wait = limited(link.id)
        if wait:
            return too_often(wait)
    return answer(
        lambda form: own_page(template, link, form, **context),
        act,
        done,
        schema=schema,
        actor=own.person_of(link),
    )


# -- what is kept about me ----------------------------------------------------------------------


@pages.route("/mine/ask", methods=["GET", "POST"])
@public(OWN)
@with_own_link
def ask_about_mine(link: LinkSeen) -> ResponseReturnValue:
    """Ask for what the law gives one over one's own information: a copy, putting it right, and the
    rest."""
    person = own.person_of(link)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        values = given | {"asked_for": given["asked_for"] or said(OWN_RIGHTS[given["kind"]])}
        return receive_request(
            tx, person, at, person_id=person.person_id, values=values, key=form.key
        )

    return answered(
        link,
        "links/ask.jinja",
        AskForOwn(),
        act,
        lambda made: Next(
            f"/mine/asked/{made.id}",
            _("They have it. You hear within a month. Here you see how far it is."),
        ),
        kinds=choices(OWN_RIGHTS),
    )


# -- how to reach me ----------------------------------------------------------------------------


@pages.route("/mine/contact", methods=["GET", "POST"])
@public(OWN)
@with_own_link
def contact(link: LinkSeen) -> ResponseReturnValue:
    """Say how I want to be reached."""
    person = own.person_of(link)
    with edge().reading(person) as (tx, at):
        known = records.person_of(tx, person, at, person.person_id)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> bool:
        words = given.get("words") or ""
        asking.change_contact(tx, person, at, given["wish"], words, form.key)
        return given["wish"] in asking.LESS

    def done(less: bool) -> Next:
        if less:
            return Next("/mine", _("Done. We write nothing to you now, and leave no message."))
        return Next("/mine", _("Your link worker has it. They will ring you and ask."))

    return answered(
        link,
        "links/contact.jinja",
        ReachMe(),
        act,
        done,
        wishes=[(code, what, word(WISHES_DO, code)) for code, what in choices(WISHES)],
        ways=_ways(known) if known is not None else [],
    )


def _ways(known: PersonSeen) -> list[str]:
    """How somebody is reached now, as it is told to them."""
    method = known.contact_method
    numbers = {
        "phone": known.phone,
        "text": known.phone,
        "email": known.email,
        "someone_else": through(known._asdict()),
    }
    number = numbers.get(method or "") or ""
    ways = []
    if method:
        way = word(CONTACT_METHODS, method)
        shown = number if method in ("email", "someone_else") else phone_words(number)
        ways = [_("Now we reach you like this: %(way)s", way=f"{way} {shown}".strip())]
    if known.message_safe is False:
        ways.append(_("We do not write to you, and we leave no message."))
    return ways


# -- stopping all -------------------------------------------------------------------------------


@pages.route("/mine/stop", methods=["GET", "POST"])
@public(OWN)
@with_own_link
def stop_all(link: LinkSeen) -> ResponseReturnValue:
    """What stopping everything does, and stopping it."""
    person = own.person_of(link)
    with edge().reading(person) as (tx, at):
        found = own.own_page(tx, person, at)
    going = [one for one in found.going if one.may_stop] if found else []
    if not going:
        flash(_("There is nothing to stop now."), "important")
        return redirect("/mine", 303)
    names = [f"{one.seen.activity}, {one.seen.provider}" for one in going]
    return answered(
        link,
        "links/stop_all.jinja",
        None,
        lambda tx, at, given, form: asking.stop_all(tx, person, at),
        lambda made: Next("/mine", _("All of it has stopped. They see nothing about you now.")),
        names=names,
    )


# -- complaining --------------------------------------------------------------------------------


@pages.route("/mine/complain", methods=["GET", "POST"])
@public(OWN)
@with_own_link
def complain(link: LinkSeen) -> ResponseReturnValue:
    """Say that something is wrong: it goes to somebody who isn't part of it."""
    person = own.person_of(link)
    with edge().reading(person) as (tx, at):
        found = own.own_page(tx, person, at)
    theirs = [
        (one.seen.id, one.seen.activity) for one in (found.going + found.over if found else ())
    ]
    return answered(
        link,
        "links/complain.jinja",
        Complain(),
        lambda tx, at, given, form: asking.complain(
            tx, person, at, given["about"], given["words"], form.key
        ),
        lambda made: Next(
            f"/mine/asked/{made.id}", _("We have it. Here you see who looks at it, and by when.")
        ),
        abouts=[*theirs, *choices(SUBJECTS)],
    )


# -- what came of it ----------------------------------------------------------------------------


def _read(person: Actor) -> tuple[list[Asked], list[Complaint], datetime]:
    with edge().reading(person, Door.COMMAND) as (tx, at):
        asked = kept.requests(tx, person.system_id, person.person_id)
        return asked, kept.complaints(tx, person.system_id, person.person_id), at


@pages.get("/mine/asked")
@public(OWN)
@with_own_link
def asked(link: LinkSeen) -> ResponseReturnValue:
    """All that I asked for and complained of."""
    requests, complaints, at = _read(own.person_of(link))
    return own_page(
        "links/asked.jinja",
        link,
        requests=[_request(one, at) for one in requests],
        complaints=[_complaint(one, at) for one in complaints],
    )


def _request(one: Asked, at: datetime) -> dict[str, Any]:
    now = said(REQUEST_NOW[one.state])
    open_ = one.state in asking.REQUEST_OPEN
    if open_ and one.state != RightsState.ASKED:
        due = due_on(one)
        now += " " + _by(due, at, _("You hear by %(day)s.", day=day_words(due, weekday=True)))
    return {
        "id": one.id,
        "reference": one.reference,
        "what": word(ASKED_FOR, one.kind),
        "when": day_words(one.received_on),
        "now": now,
        "may_withdraw": open_,
        "may_answer": one.state == RightsState.ASKED,
    }


def _by(due: Any, at: datetime, words: str) -> str:
    """By when it happens, or that it is late and what to do then."""
    if due < local_day(at):
        return _("It is late. Ring and ask.")
    return words


def _complaint(one: Complaint, at: datetime) -> dict[str, Any]:
    state = EscalationState(one.state)
    now = said(COMPLAINT_NOW[one.state])
    mine = one.asked is not None and one.asked.startswith("person@")
    if state is EscalationState.INFORMATION_REQUESTED and mine:
        now = said(REQUEST_NOW["asked"])
    elif one.reviewer and state in asking.COMPLAINT_OPEN:
        now = _("%(name)s is looking into it.", name=one.reviewer)
    if one.due is not None and state is EscalationState.RAISED:
        day = last_day(one.due)
        words = _("They have until %(day)s to start.", day=day_words(day, weekday=True))
        now += " " + _by(day, at, words)
    elif one.due is not None and state is EscalationState.IN_REVIEW:
        day = last_day(one.due)
        now += " " + _by(day, at, _("You hear by %(day)s.", day=day_words(day, weekday=True)))
    return {
        "id": one.id,
        "reference": one.reference,
        "what": _("Your complaint"),
        "when": day_words(local_day(one.created_at)),
        "now": now,
        "may_withdraw": state in asking.COMPLAINT_OPEN,
        "may_answer": state is EscalationState.INFORMATION_REQUESTED and mine,
        "may_disagree": state is EscalationState.CLOSED,
        "decision": word(DECIDED, one.decision) if one.decision else "",
    }


@pages.route("/mine/asked/<uuid:record_id>", methods=["GET", "POST"])
@public(OWN)
@with_own_link
def asked_one(link: LinkSeen, record_id: UUID) -> ResponseReturnValue:
    """One of them: what was said, what came of it, and what I can do."""
    person, rid = own.person_of(link), str(record_id)
    noun = _noun_of(person, rid)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        words = given.get("words") or ""
        asking.follow(tx, person, at, noun, rid, given["do"], words, form.key)
        return str(given["do"])

    return answered(
        link,
        "links/asked_one.jinja",
        Follow(),
        act,
        lambda did: Next(f"/mine/asked/{rid}", said(DONE[did])),
        **_one(person, noun, rid),
    )


DONE = {
    "answer": N_("They have your answer."),
    "withdraw": N_("You took it back. Nothing more happens."),
    "reopen": N_("We have it. Someone else looks at it now."),
}


def _noun_of(person: Actor, record_id: str) -> Noun:
    """Which of the two it is, of this person's own. Raises Refused: it isn't there."""
    requests, complaints, _at = _read(person)
    if any(one.id == record_id for one in requests):
        return Noun.RIGHTS
    if any(one.id == record_id for one in complaints):
        return Noun.ESCALATION
    raise Refused([NOT_FOUND], noun="person", trigger="read", record_id=None)


def _one(person: Actor, noun: Noun, record_id: str) -> dict[str, Any]:
    with edge().reading(person, Door.COMMAND) as (tx, at):
        words = dict(kept.written(tx, record_id))
        if noun is Noun.RIGHTS:
            of_mine = kept.requests(tx, person.system_id, person.person_id)
            asked_ = next(one for one in of_mine if one.id == record_id)
            drawn = _request(asked_, at) | {"said": asked_.asked_for, "who": ""}
            answer_ = words.get("fulfil") if asked_.state == RightsState.FULFILLED else None
            if asked_.state == RightsState.REFUSED:
                answer_ = words.get("refuse") or _("They could not find out that it is you who"
                                                   " asks. Ring them.")  # fmt: skip
            drawn |= {"refused": asked_.state == RightsState.REFUSED}
        else:
            complaints = kept.complaints(tx, person.system_id, person.person_id)
            one = next(found for found in complaints if found.id == record_id)
            drawn = _complaint(one, at) | {"said": words.get("raise", "")}
            answer_ = words.get("decide") if one.decision else None
            open_ = one.state in asking.COMPLAINT_OPEN and not one.reviewer
            holders = kept.holders(tx, person.system_id, one.owner) if open_ else []
            drawn |= {"who": listed(holders)}
    question = words.get("ask") if drawn["may_answer"] else None
    return {"one": drawn, "answer": answer_, "question": question}


# -- as large as I need it ----------------------------------------------------------------------

LARGE = "large_words"


@pages.post("/larger")
@public("how large the words are shows nobody anything")
def larger() -> ResponseReturnValue:
    """Larger words, or ordinary ones, on the pages without an account."""
    if request.form.get("size") == "larger":
        session[LARGE] = True
    else:
        session.pop(LARGE, None)
    back = request.form.get("next", "")
    local = back.startswith("/") and not back.startswith("//") and "\\" not in back
    return redirect(back if local else "/code", 303)
