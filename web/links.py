"""Pages for those without an account: a provider's link, and the person's own page.

Looking (GET) shows little and changes nothing, whoever fetches it; only a press (POST) acts, and
carries a token against forged requests. Nothing here tells whether a link that doesn't work ever
did. The address holds a signed id and no word about anybody; no page is kept, none says where one
came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from functools import wraps
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, current_app, flash, make_response, redirect, request, session
from flask.typing import ResponseReturnValue
from marshmallow import Schema

from referral import links as kept
from referral import records
from referral.actors import Actor, the_system
from referral.audit import log
from referral.links import LinkSeen
from referral.messages import MessageSeen
from referral.states import REFERRAL_OPEN, Noun
from referral.store import Door, Tx
from web import forms, labels, looks
from web.access import public
from web.current import edge, settings, ways
from web.edge import Busy
from web.forms import Form, as_typed, page, refuse, typed
from web.labels import said, word
from web.languages import remember, unless_chosen
from web.limits import seconds_to_wait
from web.link_tokens import OPENED, LinkTokens, typed_code
from web.link_worries import worried
from web.passwords import is_right
from web.provider_moves import completing, goal_question, goals_told, message_lines
from web.say import _, ngettext, speaking
from web.schemas import Wrong, load, schema_for
from web.schemas.base import Command
from web.schemas.fields import LONG, Choice, Day, Text, YesNo
from web.schemas.messages import ReadMessages, WriteMessage
from web.signed_in import keep, typed_now
from web.signed_in import kept as kept_answers
from web.words import (
    age_band,
    day_words,
    deadline,
    iso,
    last_day,
    listed,
    phone_words,
    safety_told,
    time_words,
)
from workflows import person_links as own
from workflows import provider_links as provider
from workflows.disclosure import first_name
from workflows.engine import Refused
from workflows.guards import HELD
from workflows.moves import N_
from workflows.people import MOST_TEXT
from workflows.provider_links import LinkOver, Offer
from workflows.working_time import local_day

pages = Blueprint("links", __name__)

MOST_PRESSES = 30  # of one address, in a minute
MOST_OF_LINK = 10
MOST_CODES = 10
PROVED = "the link is the proof; only what it was sent for can be done"
NOT_TYPED = forms.OWN_FIELDS | {"do", "next"}
OWN_PATH = re.compile(r"/mine(/[a-z0-9-]+)*")
OWN = "the link and the word agreed on are the proof"

# Where the person is now, as a provider may know it.
WHERE = {
    "held": HELD.why,
    "sent": N_("They still wait for an answer from your group."),
    "queried": N_(
        "The link worker has not answered the question yet. Your time to reply waits until they do."
    ),
    "waiting": N_("They are on your waiting list."),
    "with_you": N_("They have a place with your group."),
    "returned": N_("They are back with their link worker now."),
    "stopped": N_("This referral was stopped."),
    "finished": N_("This referral is finished."),
    "gone": N_("This referral is not with your group."),
}
ANSWERED = {
    "accept": N_("%(name)s accepted on %(day)s."),
    "ask": N_("%(name)s asked the link worker a question on %(day)s."),
    "put_on_waiting_list": N_("%(name)s put them on your waiting list on %(day)s."),
}
USED = {
    "accept": N_("This link was used to accept."),
    "decline": N_("This link was used to say that your group cannot take them."),
    "ask": N_("This link was used to ask a question."),
    "put_on_waiting_list": N_("This link was used to put them on your waiting list."),
    "complete": N_("This link was used to finish."),
    "came": N_("This link was used to say who came."),
    "reply": N_("This link was used to answer a message."),
    "read": N_("This link was used to say that a message was read."),
    "open": N_("This link was opened already. It opens once."),
}
DONE = {
    "accept": N_("Accepted. The link worker can see it now. Sign in for how to reach the person."),
    "decline": N_("Saved. The link worker looks for something else for them."),
    "ask": N_("Your question was sent to the link worker."),
    "put_on_waiting_list": N_("Saved. The link worker is told the date."),
    "complete": N_("Finished. The link worker reads how it went."),
    "came": N_("Saved. The link worker can see it."),
    "reply": N_("Sent. The link worker is told that there is a message."),
    "read": N_("Marked as read, with your name."),
}
# What the pages of the person call what a provider sees.
PARTS: tuple[tuple[str, frozenset[str]], ...] = (
    (N_("your name"), frozenset({"name"})),
    (N_("your first name and your age group"), frozenset({"age_band"})),
    (N_("how to reach you"), frozenset({"phone", "address"})),
    (N_("what matters to you"), frozenset({"what_matters"})),
    (N_("what helps you take part"), frozenset({"access", "access_needs"})),
    (N_("what keeps you safe"), frozenset({"safety_notes"})),
    (N_("who to call in an emergency"), frozenset({"emergency_contact"})),
)
NEXT = {
    "draft": N_("Your link worker is writing to them. Nothing is sent yet."),
    "sent": N_("They have been asked. You wait for their answer."),
    "queried": N_("They asked your link worker something."),
    "waiting": N_("You are on their waiting list."),
    "accepted": N_("You have a place. They will get in touch with you."),
    "active": N_("You are taking part."),
    "paused": N_("You are having a break. Your place is kept."),
    "returned": N_("Your link worker is looking for something for you."),
    "completed": N_("You have finished."),
    "closed": N_("This is finished. Nothing more happens."),
    "withdrawn": N_("This was stopped. Nothing more happens."),
    "redirected": N_("Your link worker asked somewhere else for you instead."),
}


class Came(Command):
    """Whether somebody came, and on which day."""

    day = Day(N_("Enter the day of the session."), when="today_or_before")
    came = Choice(tuple(labels.CAME), N_("Choose whether they came."))
    why = Choice(tuple(labels.CAME_CORRECTED))


class HowItWent(Command):
    """How it went for the person."""

    how = Choice(own.HOW_IT_WENT, N_("Choose one of the answers."))
    words = Text(most=LONG)


class NotSafe(Command):
    """That somebody isn't safe. Nothing needs to be said."""

    danger = YesNo()
    who = Text()
    words = Text(most=LONG)


SCHEMAS: dict[str, Callable[[], Schema]] = {
    "accept": lambda: schema_for(Noun.REFERRAL, "accept")(),
    "decline": lambda: schema_for(Noun.REFERRAL, "decline")(),
    "ask": lambda: schema_for(Noun.REFERRAL, "ask")(),
    "put_on_waiting_list": lambda: schema_for(Noun.REFERRAL, "put_on_waiting_list")(),
    "came": Came,
    "reply": WriteMessage,
    "read": ReadMessages,
}


def tokens() -> LinkTokens:
    """What signs and reads the tokens here."""
    return LinkTokens(str(current_app.config["SECRET_KEY"]))


@pages.after_request
def keep_to_oneself(response: Response) -> Response:
    """No page reached from here learns the address, none is kept, and none is listed."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


# -- finding the link ---------------------------------------------------------------------------


def _find(token: str) -> LinkSeen | None:
    """The link of a token we signed; None for all others."""
    link_id = tokens().read(token)
    if link_id is None:
        return None
    with edge().reading(None) as (tx, _at):
        link = kept.find(tx, link_id)
    return link if link is not None and link.token_hash == tokens().token_hash(link.id) else None


def _as_linked(link: LinkSeen) -> AbstractContextManager[tuple[Tx, datetime]]:
    """Reading what a link stands for: by it one record is known, so it is the program that looks,
    and nothing but that record is asked for."""
    return edge().reading(the_system(link.system_id, "link"), Door.COMMAND)


def _no_link(status: int = 404) -> ResponseReturnValue:
    body = page("links/over.jinja", None, heading=_("This link does not work"), sentences=[
        _("It may have been replaced by a newer one, or taken back."),
        _("Look for a newer message, or ring whoever sent it to you."),
    ])  # fmt: skip
    return body, status


def too_often(wait: int) -> ResponseReturnValue:
    words = ngettext(
        "Too many tries. Wait %(num)s second, then try again.",
        "Too many tries. Wait %(num)s seconds, then try again.",
        wait,
    )
    typed_here = [value for value in request.form.values() if " " in value.strip()]
    body = page(
        "links/over.jinja", None, heading=_("Wait a moment"), sentences=[words], typed=typed_here
    )
    return body, 429, {"Retry-After": str(wait)}


def limited(link_id: str | None) -> int:
    """Count a press; how long to wait before the next."""
    with edge().store.begin(door=Door.SHUT) as tx:
        at = edge().clock()
        wait = seconds_to_wait(tx, at, "link-address", MOST_PRESSES)
        if link_id is not None:
            wait = max(wait, seconds_to_wait(tx, at, "link", MOST_OF_LINK, link_id))
    return wait


# -- one link -----------------------------------------------------------------------------------


@pages.get("/a/<token>")
@public(PROVED)
def show(token: str) -> ResponseReturnValue:
    """What a link was sent for."""
    link = _find(token)
    if link is None:
        return _no_link()
    if link.purpose == kept.PERSON:
        return _door(token, link, Form())
    return _offer(token, link, Form())


def _look(link: LinkSeen) -> Offer | None:
    """What the link shows now; that it was looked at is in the log."""

    def read(tx: Tx, at: datetime) -> Offer | None:
        now = kept.find(tx, link.id) or link
        offer = provider.look(tx, now, at)
        if offer is not None:
            said_by = {"link": link.id}
            log(tx, offer.actor, at, "read", "referral", link.record_id, said_by,
                subject=offer.subject)  # fmt: skip
        return offer

    return edge().perform(the_system(link.system_id, provider.CAUSE), read)


def _standing(offer: Offer) -> list[str]:
    """Where the person is now, with what somebody of the group did about it, when and who."""
    words = []
    one = offer.latest
    if one is not None and one.name:
        day = day_words(local_day(one.at), weekday=True)
        words.append(_(ANSWERED[one.trigger], name=one.name, day=day))
    if offer.where != "sent":
        words.append(said(WHERE[offer.where]))
    if offer.where == "waiting" and offer.expected:
        day = day_words(offer.expected, weekday=True)
        words.append(_("A place is expected on %(day)s.", day=day))
    return words


def _offer(
    token: str, link: LinkSeen, form: Form, wish: str = "", status: int = 200
) -> ResponseReturnValue:
    """The page of a provider's link. What can't be done by it any more isn't offered, and where the
    person is now is said in one sentence."""
    offer = _look(link)
    if offer is None:
        return _no_link()
    why = provider.over(offer.link, edge().clock())
    if why == "gone":
        return _no_link()
    if why is not None:
        sentence = said(USED[offer.link.used_for or ""]) if why == "used" else _("Its time is up.")
        body = page("links/over.jinja", None, heading=_("This link has been used") if why == "used"
                    else _("This link has run out"),
                    sentences=[sentence, said(WHERE[offer.where]), _("Sign in to see more.")],
                    reference=offer.seen.get("reference"), sign_in=True,
                    worried=f"/a/{token}/not-safe")  # fmt: skip
        return body, 200 if status == 200 else status
    if link.purpose == kept.MESSAGE:
        return _messages(token, offer, form), status
    warns, plain = safety_told(offer.seen.get("safety_answers"))
    body = page(
        "links/offer.jinja",
        form,
        token=token,
        offer=offer,
        seen=offer.seen,
        wish=wish,
        standing=_standing(offer),
        due=deadline(offer.due, edge().clock())._asdict() if offer.due else None,
        held=said(offer.seen["held"]) if "held" in offer.seen else None,
        age=age_band(offer.seen.get("age_band")),
        needs=listed([word(labels.NEEDS, n) for n in offer.seen.get("needs") or ()]),
        phone=phone_words(offer.seen.get("team_phone")),
        until=day_words(local_day(link.expires_at), weekday=True),
        reasons=labels.listed_reasons(offer.rules, "referral.decline"),
        came=labels.choices(labels.CAME),
        why=labels.choices(labels.CAME_CORRECTED),
        outcomes=labels.choices(labels.OUTCOMES),
        met=labels.choices(labels.GOALS_MET),
        goals=[goal_question(goal) for goal in offer.seen.get("goals") or ()],
        record=labels.record_path(Noun.REFERRAL, link.record_id),
        safety=[f"{asked} {told}" for asked, told in warns],
        harmless=plain,
        worried=f"/a/{token}/not-safe",
    )
    return body, status


def _messages(token: str, offer: Offer, form: Form) -> str:
    """The page of a link to a thread: what waits to be read, and a box to answer."""
    return page(
        "links/message.jinja",
        form,
        token=token,
        offer=offer,
        seen=offer.seen,
        held=said(offer.seen["held"]) if "held" in offer.seen else None,
        where=said(WHERE[offer.where]),
        messages=[_message(one) for one in offer.messages],
        newest=offer.messages[-1].id if offer.messages else None,
        phone=phone_words(offer.seen.get("team_phone")),
        until=day_words(local_day(offer.link.expires_at), weekday=True),
        record=f"{labels.record_path(Noun.REFERRAL, offer.link.record_id)}/messages",
        worried=f"/a/{token}/not-safe",
    )


def _message(one: MessageSeen) -> dict[str, Any]:
    return {
        "who": one.name,
        "organisation": one.organisation,
        "when": time_words(one.at),
        "at": iso(one.at),
        "lines": [line for line in one.body.split("\n") if line.strip()],
    }


@pages.post("/a/<token>/<wish>")
@public(PROVED)
def act(token: str, wish: str) -> ResponseReturnValue:
    """One press by a leader: it is done and the link used up, or nothing changes and the link
    worker hears what was wanted."""
    link = _find(token)
    wait = limited(link.id if link else None)
    if wait:
        return too_often(wait)
    if link is None or wish not in provider.WISHES.get(link.purpose, ()):
        return _no_link()
    goals = _goals(link) if wish == "complete" else ()
    schema = completing(goals)() if wish == "complete" else SCHEMAS[wish]()
    form = Form(values=as_typed(schema, request.form))
    if request.form.get("again"):
        return _offer(token, link, form, wish)
    try:
        given = load(schema, typed(schema, request.form), edge().clock(), form=True)
    except Wrong as wrong:
        refuse(form, wrong.refusals)
        return _offer(token, link, form, wish, 422)
    if wish == "complete" and not request.form.get("sure"):
        preview = _preview(token, link, given, goals)
        if preview is not None:
            return preview
    day = given.pop("day", None)
    given = {name: value for name, value in given.items() if value is not None}
    if wish == "complete":
        given = goals_told(given, goals)
    asking = _leader(link)
    if asking is None:
        return _no_link()
    try:
        edge().perform(asking, lambda tx, at: provider.act(tx, link.id, at, wish, given, day))
    except LinkOver:
        return _offer(token, link, Form(), status=409)
    except Busy:
        form.general.append(_("Nothing was saved: Segue is busy. Wait a moment, then try again."))
        return _offer(token, link, form, wish, 503)
    except Refused as refused:
        if provider.about_words(refused):
            refuse(form, refused.refusals)
            return _offer(token, link, form, wish, 422)
        return _too_late(token, link, asking, wish, refused)
    flash(said(DONE[wish]), "success")
    return redirect(f"/a/{token}", 303)


def _goals(link: LinkSeen) -> list[str]:
    """What the person wants to reach, as far as the link shows it."""
    offer = _look(link)
    return list((offer.seen.get("goals") if offer else None) or ())


def _preview(token: str, link: LinkSeen, given: dict[str, Any], goals: Sequence[str]) -> str | None:
    """What the link worker gets, before it is sent; None where nothing can be
    sent by this link any more."""
    offer = _look(link)
    if offer is None or "complete" not in offer.open:
        return None
    return page(
        "complete_preview.jinja",
        Form(values=as_typed(completing(goals)(), request.form)),
        frame="links/base.jinja",
        caption=offer.seen.get("reference"),
        agreed=offer.practice_agreed,
        lines=message_lines(given, goals),
        note=given.get("note"),
        back={"href": f"/a/{token}"},
    )


def _leader(link: LinkSeen) -> Actor | None:
    with _as_linked(link) as (tx, at):
        return provider.leader(tx, link, at)


def _too_late(
    token: str, link: LinkSeen, asking: Actor, wish: str, refused: Refused
) -> ResponseReturnValue:
    offer = edge().perform(asking, lambda tx, at: provider.too_late(tx, link.id, at, wish))
    if offer is None:
        return _no_link()
    sentences = [said(WHERE[offer.where])]
    if offer.where not in ("held", "gone"):
        quiet = ("no_such_move", "not_found", HELD.code)
        why = [said(r.why) for r in refused.refusals if r.code not in quiet]
        sentences = [*why, *sentences]
    if link.purpose == kept.MESSAGE:
        wanted = _("Nothing was sent. The link worker will see that you wanted to answer.")
    else:
        wanted = _(
            "Nothing was changed. The link worker will see what you wanted. They can send it again."
        )
    sentences.append(wanted)
    body = page(
        "links/over.jinja",
        None,
        heading=_("That cannot be done now"),
        sentences=sentences,
        reference=offer.seen.get("reference"),
        phone=phone_words(offer.seen.get("team_phone")),
        sign_in=True,
        worried=f"/a/{token}/not-safe",
        typed=[words] if (words := request.form.get("body", "").strip()) else None,
    )
    return body, 409


# -- the person's own page ----------------------------------------------------------------------


def _door(token: str, link: LinkSeen, form: Form, status: int = 200) -> ResponseReturnValue:
    """The word is asked for here. Nobody is named, whatever has become of the link."""
    now = edge().clock()
    why = provider.over(link, now)
    with _as_linked(link) as (tx, at):
        theirs = own.is_theirs(tx, link, at)
    if why == "gone" or not theirs:
        return _no_link()
    team, phone = _team(link)
    again = why == "used" and opens_again_here(link, now)
    with speaking(_reads(link)):
        body = page(
            "links/door.jinja",
            form,
            token=token,
            over=None if again else why,
            again=again,
            may_ask=own.may_ask_again(link, now) and not again,
            answers=answers_to_keep(link),
            team=team,
            phone=phone,
            exit_url=settings().exit_url,
        )
    return body, status


def opens_again_here(link: LinkSeen, at: datetime) -> bool:
    """Whether this is the device that opened the link, and the word opens it here again."""
    here = _opened_on_this_device()
    return here is not None and here[:2] == (link.id, link.used_at) and own.may_open_again(link, at)


def answers_to_keep(link: LinkSeen) -> str:
    """What was typed on a page of theirs that has closed meanwhile, for the word to bring back: as
    the page asking for the word carries it, closed to all but us."""
    if request.method != "POST":
        return ""
    if request.form.get("answers"):
        return request.form["answers"]
    if not request.path.startswith("/mine"):
        return ""
    typed_here = typed_now()
    said_here = any(value.strip() for name, value in typed_here if name not in NOT_TYPED)
    return keep(link.id, request.path, typed_here) if said_here else ""


def _reads(link: LinkSeen) -> str | None:
    """The language noted with the person, unless another was chosen on this browser."""
    with _as_linked(link) as (tx, at):
        person = own.team_of(tx, link, at)
    return unless_chosen(person.language if person else None)


def _team(link: LinkSeen) -> tuple[str, str]:
    """Whom to ring, on any page of the person."""
    with _as_linked(link) as (tx, at):
        person = own.team_of(tx, link, at)
    return (person.organisation, phone_words(person.organisation_phone)) if person else ("", "")


@pages.post("/a/<token>/open")
@public(OWN)
def open_it(token: str) -> ResponseReturnValue:
    """The word, once right, opens the page on this device for a while and uses the link up."""
    link = _find(token)
    wait = limited(link.id if link else None)
    if wait:
        return too_often(wait)
    if link is None or link.purpose != kept.PERSON:
        return _no_link()
    now = edge().clock()
    again = opens_again_here(link, now)
    if not again and provider.over(link, now) is not None:
        return _door(token, link, Form(), 409)
    typed_word = own.plain_word(request.form.get("word", "")[:200])
    form = Form()
    if not typed_word:
        with speaking(_reads(link)):
            form.errors["word"] = _("Type the word you agreed on.")
        return _door(token, link, form, 422)
    person = own.person_of(link)
    if not edge().perform(person, lambda tx, at: own.try_word(tx, link.id)):
        return _no_link(403)
    if not is_right(link.word_hash, typed_word):
        locked = edge().perform(person, lambda tx, at: own.wrong_word(tx, link.id, at))
        if locked:
            return _no_link(403)
        with speaking(_reads(link)):
            form.errors["word"] = _(
                "That is not the word you agreed on. Try again, or ring the team."
            )
        return _door(token, link, form, 403)
    used = link.used_at

    def open_now(tx: Tx, at: datetime) -> tuple[datetime, datetime]:
        if again and used is not None:
            own.open_again(tx, link.id, used, at)
            return used, at
        return own.open_by(tx, link.id, at), at

    try:
        since, last = edge().perform(person, open_now)
    except LinkOver:
        return _door(token, kept_now(link), Form(), 409)
    session[OPENED] = [link.id, since.isoformat(), last.isoformat()]
    language = _reads(link)
    before = kept_answers(request.form.get("answers", ""))
    if before is not None and before.user_id == link.id:
        with speaking(language):
            body = own_page("links/open_again.jinja", link, kept=before)
        response = make_response(body)
    else:
        response = make_response(redirect("/mine", 303))
    if language is not None:
        remember(response, language)
    return response


@pages.post("/a/<token>/again")
@public("a new link goes where the old one went, and whoever asks is told nothing")
def ask_again(token: str) -> ResponseReturnValue:
    """Ask for a new link in the place of one that opens nothing any more. The answer is the same
    whether one is sent or not."""
    link = _find(token)
    wait = limited(link.id if link else None)
    if wait:
        return too_often(wait)
    if link is None or link.purpose != kept.PERSON or link.revoked_at is not None:
        return _no_link()
    made = tokens()
    edge().perform(
        own.person_of(link),
        lambda tx, at: own.ask_again(
            tx,
            link.id,
            at,
            ways=ways().channels,
            token_hash=made.token_hash,
            code_hash=made.code_hash,
        ),
    )
    team, phone = _team(link)
    with speaking(_reads(link)):
        return page("links/asked_again.jinja", team=team, phone=phone, exit_url=settings().exit_url)


def kept_now(link: LinkSeen) -> LinkSeen:
    """The link as it stands now."""
    with edge().reading(None) as (tx, _at):
        return kept.find(tx, link.id) or link


@pages.route("/code", methods=["GET", "POST"])
@public("a code from a letter stands for its link")
def code() -> ResponseReturnValue:
    """A code from a letter leads to the same door as the link."""
    form = Form(values={"code": request.form.get("code", "")[:40]})
    if request.method != "POST":
        return page("links/code.jinja", form, exit_url=settings().exit_url)
    with edge().store.begin(door=Door.SHUT) as tx:
        at = edge().clock()
        wait = seconds_to_wait(tx, at, "code-address", MOST_CODES)
        found = typed_code(form.value("code"))
        link = kept.by_code(tx, found) if found and not wait else None
    if wait:
        return too_often(wait)
    if link is not None and (provider.over(link, at) is None or opens_again_here(link, at)):
        return redirect(f"/a/{tokens().token(link.id)}", 303)
    form.errors["code"] = (
        _("That code does not open a page. Check it, or ring the number in your letter.")
        if form.value("code").strip()
        else _("Type the code from your letter.")
    )
    return page("links/code.jinja", form, exit_url=settings().exit_url), 422


def _opened_on_this_device() -> tuple[str, datetime, datetime] | None:
    """The link this device opened, when, and when its page was last used."""
    try:
        link_id, since, last = session[OPENED]
        return str(link_id), datetime.fromisoformat(since), datetime.fromisoformat(last)
    except (KeyError, ValueError, TypeError):
        return None


def mine_now() -> LinkSeen | None:
    """The link this device opened, while it is open."""
    here = _opened_on_this_device()
    if here is None:
        return None
    with edge().reading(None, Door.WHOLE) as (tx, at):
        return own.opened(tx, *here, at)


def with_own_link(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """A page that the person's link has opened on this device: it is given the link; without one it
    says that it is closed. The time until it closes counts from now."""

    @wraps(view)
    def asked(**given: Any) -> ResponseReturnValue:
        link = mine_now()
        if link is None:
            return closed()
        answer = make_response(view(link, **given))
        if OPENED in session:
            session[OPENED] = [*session[OPENED][:2], edge().clock().isoformat()]
        return answer

    return asked


def _closed_here() -> LinkSeen | None:
    """The link this device opened, whose page has closed since."""
    here = _opened_on_this_device()
    if here is None:
        return None
    with edge().reading(None, Door.WHOLE) as (tx, at):
        return own.opened_here(tx, *here[:2], at)


def closed() -> ResponseReturnValue:
    """The page has closed. On the device that opened it the word opens it again, and what was typed
    comes back."""
    link = _closed_here()
    if link is not None and own.may_open_again(link, edge().clock()):
        return _door(tokens().token(link.id), link, Form(), 403)
    mine_once = OPENED in session
    typed_here = [v for _n, v in typed_now() if " " in v.strip()] if mine_once else []
    body = page("links/over.jinja", None, heading=_("This page is closed"), sentences=[
        _("It closes 30 minutes after you last used it. It opens with a link or a code."),
        _("Ask your link worker for a new one. Ring the number in the text or the letter."),
    ], theirs=True, typed=typed_here, exit_url=settings().exit_url)  # fmt: skip
    return body, 403


@pages.post("/mine/stay")
@public(OWN)
@with_own_link
def stay(link: LinkSeen) -> ResponseReturnValue:
    """Keep the page open: being asked is enough."""
    there = request.form.get("next", "")
    return redirect(there if OWN_PATH.fullmatch(there) else "/mine", 303)


def own_page(template: str, link: LinkSeen, form: Form | None = None, **more: Any) -> str:
    team, phone = _team(link)
    return page(
        template,
        form,
        team=team,
        phone=phone,
        exit_url=settings().exit_url,
        own=True,
        closes_after=int(own.OPEN_FOR.total_seconds()),
        **more,
    )


@pages.get("/mine")
@public(OWN)
@with_own_link
def mine(link: LinkSeen) -> ResponseReturnValue:
    """What is kept about me, who sees it, what happens next, and whom to call."""
    person = own.person_of(link)

    def read(tx: Tx, at: datetime) -> own.OwnPage | None:
        found = own.own_page(tx, person, at)
        if found is not None:
            subject = found.person.subject_ref
            log(tx, person, at, "read", "person", None, {"link": link.id}, subject=subject)
        return found

    found = edge().perform(person, read)
    if found is None:
        return closed()
    today = local_day(edge().clock())
    return own_page(
        "links/mine.jinja",
        link,
        name=first_name(found.person.given_name),
        worker=found.worker,
        going=[_drawn(one, today) for one in found.going],
        over=[_drawn(one, today) for one in found.over],
        may_stop_all=sum(one.may_stop for one in found.going) > 1,
    )


# What the day of the next step means, in each state that has one.
BY: dict[str, str] = {
    "sent": N_("They should answer by %(day)s."),
    "queried": N_("Your link worker answers by %(day)s."),
    "accepted": N_("You should hear from them by %(day)s."),
    "returned": N_("You should hear from your link worker by %(day)s."),
}

# Nothing that could be said to have gone well or badly has begun.
NOT_YET = ("sent", "queried", "waiting")


def _drawn(one: own.Going, today: date) -> dict[str, Any]:
    r = one.seen
    sees = [said(words) for words, fields in PARTS if fields & one.they_see]
    if "name" in one.they_see:
        sees = [words for words in sees if words != said(PARTS[1][0])]
    next_words = said(NEXT.get(r.state, ""))
    if r.state == "waiting" and r.expected_date:
        day = day_words(r.expected_date, weekday=True)
        next_words += " " + _("You may get a place on %(day)s.", day=day)
    if r.state == "paused" and r.paused_until:
        day = day_words(r.paused_until, weekday=True)
        next_words += " " + _("The break ends on %(day)s.", day=day)
    if r.state in BY and one.due is not None and not (r.state == "accepted" and r.contacted_at):
        by = last_day(one.due)
        if by < today:
            next_words += " " + _("It is late. You can ring and ask.")
        else:
            next_words += " " + _(BY[r.state], day=day_words(by, weekday=True))
    if one.next_on is not None and one.next_on == today:
        next_words += " " + _("The next time is today.")
    elif one.next_on is not None:
        day = day_words(one.next_on, weekday=True)
        next_words += " " + _("The next time is %(day)s.", day=day)
    going = r.state in REFERRAL_OPEN
    return {
        "id": r.id,
        "activity": r.activity,
        "provider": r.provider,
        "when": r.when_words if going else None,
        "where": r.location if going else None,
        "getting_there": r.getting_there if going else None,
        "phone": phone_words(r.provider_phone),
        "next": next_words,
        "sees": sees,
        "may_stop": one.may_stop,
        "may_say": r.sent_at is not None and r.state not in NOT_YET,
    }


@pages.route("/mine/stop/<uuid:referral_id>", methods=["GET", "POST"])
@public(OWN)
@with_own_link
def stop(link: LinkSeen, referral_id: UUID) -> ResponseReturnValue:
    """What stopping does, and stopping."""
    person, record = own.person_of(link), str(referral_id)
    with edge().reading(person) as (tx, at):
        ends = own.stopping(tx, person, at, record)
    if request.method == "POST":
        wait = limited(link.id)
        if wait:
            return too_often(wait)
        try:
            edge().perform(person, lambda tx, at: own.stop(tx, person, at, record))
        except Refused:
            flash(_("This had stopped already."), "important")
            return redirect("/mine", 303)
        flash(_("Stopped. They have been written to and see nothing about you now."), "success")
        return redirect("/mine", 303)
    return own_page("links/stop.jinja", link, Form(), ends=ends)


@pages.route("/mine/how/<uuid:referral_id>", methods=["GET", "POST"])
@public(OWN)
@with_own_link
def how(link: LinkSeen, referral_id: UUID) -> ResponseReturnValue:
    """How it went."""
    person, record = own.person_of(link), str(referral_id)
    schema = HowItWent()
    with edge().reading(person) as (tx, at):
        about = own.stopping(tx, person, at, record)[:1]
    form = Form()
    if request.method != "POST":
        return own_page("links/how.jinja", link, form, about=about, choices=_how_choices())
    form.values = as_typed(schema, request.form)
    if request.form.get("again"):
        return own_page("links/how.jinja", link, form, about=about, choices=_how_choices())
    wait = limited(link.id)
    if wait:
        return too_often(wait)
    try:
        given = load(schema, typed(schema, request.form), edge().clock(), form=True)
        edge().perform(
            person,
            lambda tx, at: own.say_how(
                tx, person, at, record, given["how"], given.get("words") or ""
            ),
        )
    except (Wrong, Refused) as wrong:
        refuse(form, wrong.refusals)
        return own_page("links/how.jinja", link, form, about=about, choices=_how_choices()), 422
    flash(_("Thank you. Your link worker can read it."), "success")
    return redirect("/mine", 303)


def _how_choices() -> list[tuple[str, str]]:
    return labels.choices(labels.HOW_IT_WENT)


@pages.get("/mine/looked")
@public(OWN)
@with_own_link
def looked(link: LinkSeen) -> ResponseReturnValue:
    """Who has looked at my record, when and why."""
    person = own.person_of(link)
    before = looks.asked_before()
    with edge().reading(person) as (tx, at):
        p = records.person_of(tx, person, at, link.record_id)
        found = looks.read(tx, at, p, link.system_id, before) if p is not None else None
    if found is None:
        return closed()
    lines = [looks.drawn(one) for one in found.lines]
    return own_page("links/looked.jinja", link, lines=lines, older=found.older)


@pages.get("/mine/exit")
@public(OWN)
def leave() -> ResponseReturnValue:
    """Close the page on this device and go somewhere ordinary."""
    session.pop(OPENED, None)
    return redirect(settings().exit_url, 303)


# -- I am not safe ------------------------------------------------------------------------------


@pages.route("/a/<token>/not-safe", methods=["GET", "POST"])
@public("whoever is in danger is never asked for a word")
def not_safe_by_link(token: str) -> ResponseReturnValue:
    """Whom to ring now, and telling somebody."""
    link = _find(token)
    if link is not None and link.purpose in provider.WISHES and link.revoked_at is None:
        wait = limited(link.id) if request.method == "POST" else 0
        asked = too_often(wait) if wait else worried(link, f"/a/{token}")
        if asked is not None:
            return asked
    if link is None or link.purpose != kept.PERSON:
        return _not_safe(None, f"/a/{token}")
    with _as_linked(link) as (tx, at):
        if not own.may_call(tx, link, at):
            return _not_safe(None, f"/a/{token}")
    return _not_safe(link, f"/a/{token}")


@pages.route("/mine/not-safe", methods=["GET", "POST"])
@public("whoever is in danger is never asked for a word")
def not_safe() -> ResponseReturnValue:
    """The same, from the page that is open; and, once that has closed, as by its link."""
    link = mine_now()
    if link is not None:
        return _not_safe(link, "/mine")
    link = _closed_here()
    return _not_safe(link, f"/a/{tokens().token(link.id)}" if link is not None else "/mine")


def _not_safe(link: LinkSeen | None, back: str) -> ResponseReturnValue:
    form = Form(values=as_typed(NotSafe(), request.form))
    told = False
    if request.method == "POST" and link is not None:
        wait = limited(link.id)
        if wait:
            return too_often(wait)
        told = _raise(link, form)
    number, around = None, []
    if link is not None:
        with _as_linked(link) as (tx, at):
            number = own.number_now(tx, link, at, told)
            # Without the word no group is named: who reads over a shoulder learns nothing.
            around = _around(tx, link, at, back == "/mine")
    return page(
        "links/not_safe.jinja",
        form,
        told=told,
        may_tell=link is not None and not told,
        number=phone_words(number.phone) if number else "",
        who_answers=said(number.name) if number else "",
        around=around,
        back={"href": back},
        exit_url=settings().exit_url,
    )


def _around(tx: Tx, link: LinkSeen, at: datetime, proved: bool) -> list[tuple[str, str]]:
    if not proved:
        return [(own.ANY_GROUP, _("Someone at a group I go to"))]
    return [(org, _("Someone at %(name)s", name=name)) for org, name in own.around(tx, link, at)]


def _raise(link: LinkSeen, form: Form) -> bool:
    """Told, or else the page says what to do: whatever is wrong with what was typed, nothing of it
    may stand in the way."""
    words = str(form.value("words") or "")[:MOST_TEXT]
    danger = str(form.value("danger") or "") != "no"
    who = str(form.value("who") or "")
    person = own.person_of(link)
    try:
        edge().perform(
            person,
            lambda tx, at: own.not_safe(tx, link.id, at, danger=danger, who=who, words=words),
        )
    except (Busy, Refused, LinkOver):
        form.general.append(_("This could not be passed on. Ring now."))
        return False
    return True
