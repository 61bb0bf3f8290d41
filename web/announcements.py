"""From leaders to the ground: writing an announcement, its cost before it is sent, who has read it,
and the reader's own page with its one button."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue

from referral import announcements as kept
from referral import facts, oversight
from referral.ids import new_id
from referral.states import Noun, Role
from referral.store import Tx
from web import labels
from web.access import STAFF, access, current_actor
from web.current import edge
from web.escalations import may_read
from web.forms import Form, Next, answer, page, refuse, typed
from web.keysets import after, pack
from web.labels import said, word
from web.say import _, ngettext
from web.schemas import Command, Wrong, load
from web.schemas.fields import LONG, Choice, Id, Many, Moment, Text
from web.words import by_when, time_words
from workflows import announcements as sending
from workflows.announcements import Cost
from workflows.engine import Refused
from workflows.moves import N_

pages = Blueprint("announcement_pages", __name__)

SENDERS = frozenset(sending.SENDERS)
READER_ROLES = (
    Role.LINK_WORKER,
    Role.TEAM_LEAD,
    Role.PROVIDER_LEADER,
    Role.SAFEGUARDING_LEAD,
    Role.GOVERNANCE_LEAD,
    Role.INFORMATION_GOVERNANCE_LEAD,
    Role.ACCOUNTABLE_OFFICER,
)
A_PAGE = 25
# Those whom something unread may come up to.
LEADS = frozenset({Role.TEAM_LEAD, *sending.SENDERS})
MANY_READERS = 50


class WriteAnnouncement(Command):
    """What is to be read, by whom, and whether it must be acted on by a day."""

    title = Text(N_("Enter a title."))
    body = Text(N_("Write what they need to know."), most=LONG)
    roles = Many(Choice(tuple(map(str, READER_ROLES)), N_("Choose the roles.")), most=20)
    organisations = Many(Id(N_("Choose the organisations.")), most=500)
    places = Many(Id(N_("Choose the places.")), most=500)
    act_by = Moment(when="to_come")
    escalation_id = Id()


def cost_words(cost: Cost) -> str:
    """ "214 readers, about 7 hours"."""
    readers = ngettext("%(num)s reader", "%(num)s readers", cost.readers)
    if cost.minutes < 60:
        spent = ngettext("about %(num)s minute", "about %(num)s minutes", cost.minutes)
    else:
        spent = ngettext("about %(num)s hour", "about %(num)s hours", cost.hours)
    return f"{readers}, {spent}"


@pages.get("/announcements")
@access(SENDERS)
def announcements() -> str:
    """What was sent from the place one answers for, with how many have read it."""
    actor = current_actor()
    position = after(str)
    with edge().reading(actor) as (tx, at):
        found = kept.sent(tx, actor, at, position[0] if position else None, A_PAGE + 1)
    shown = found[:A_PAGE]
    more = f"/announcements?after={pack(shown[-1].id)}" if len(found) > A_PAGE else None
    return page(
        "announcements.jinja",
        rows=[_row(one, at) for one in shown],
        older=more,
        may_write=actor.place_path is not None,
    )


def _row(one: kept.Sent, at: datetime) -> dict[str, Any]:
    read = _("Read by %(read)s of %(readers)s.", read=one.read, readers=one.readers)
    late = ngettext("%(num)s is late.", "%(num)s are late.", one.overdue) if one.overdue else ""
    return {
        "id": one.id,
        "title": one.title,
        "who": _("%(who)s, %(where)s", who=one.sender, where=one.organisation),
        "when": time_words(one.sent_at),
        "read": f"{read} {late}".strip(),
        "act_by": _act_by(one.act_by, at),
        "late": bool(one.overdue),
    }


def _act_by(day: datetime | None, at: datetime) -> str:
    return _("To be acted on by %(day)s.", day=by_when(day, at)) if day else ""


def _decision(tx: Tx, at: datetime, record_id: str) -> str | None:
    """The reference of a decided review the sender may read; None for any other."""
    actor = current_actor()
    f = facts.escalation(tx, record_id, actor, at)
    if f is None or not may_read(f, actor) or f.about == Noun.CONCERN:
        return None
    return f.reference if f.state in ("decided", "closed") else None


@pages.route("/announcements/write", methods=["GET", "POST"])
@access(SENDERS)
def write() -> ResponseReturnValue:
    """Write an announcement; then what it costs; then one press sends it."""
    actor = current_actor()
    if actor.place_path is None:
        abort(404)
    schema = WriteAnnouncement()
    asked_for = request.values.get("escalation_id", "") or request.args.get("escalation", "")
    known: dict[str, Any] = {}
    with edge().reading(actor) as (tx, at):
        places = oversight.places(tx, actor)
        bodies = oversight.organisations(tx, actor, at)
        if asked_for:
            try:
                reference = _decision(tx, at, str(UUID(asked_for)))
            except ValueError:
                reference = None
            if reference is None:
                abort(404)
            known = {
                "title": _("What was decided in review %(reference)s", reference=reference),
                "escalation_id": asked_for,
            }

    def draw(form: Form) -> str:
        return page(
            "announcement_write.jinja",
            form,
            roles=labels.choices(labels.ROLES, *map(str, READER_ROLES)),
            places=[(one.id, one.name) for one in places],
            organisations=[(one.id, one.name) for one in bodies],
            back={"href": "/announcements"},
        )

    if request.method == "POST" and not (request.form.get("sure") or request.form.get("again")):
        return _preview(schema, draw)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return sending.send(tx, actor, at, given, key=form.key)

    def done(made: str) -> Next:
        return Next(
            f"/announcements/{made}",
            _("Sent. This page shows who has said that they read it."),
        )

    return answer(draw, act, done, schema=schema, known=known)


def _preview(schema: Command, draw: Any) -> ResponseReturnValue:
    """What sending it would cost, before it is sent."""
    actor = current_actor()
    form = Form(
        values={
            n: request.form.getlist(n) if n in LISTS else request.form[n] for n in request.form
        },
        key=request.form.get("key") or new_id(),
    )
    try:
        given = load(schema, typed(schema, request.form), edge().clock(), form=True)
        with edge().reading(actor) as (tx, at):
            cost = sending.cost(tx, actor, at, given)
    except (Wrong, Refused) as wrong:
        refuse(form, wrong.refusals)
        return draw(form), 422
    return page(
        "announcement_preview.jinja",
        form,
        kept=[
            (name, value)
            for name in request.form
            if name not in ("csrf_token", "key", "version", "sure", "again")
            for value in request.form.getlist(name)
        ],
        title=given["title"],
        body=given["body"],
        cost=cost,
        cost_words=cost_words(cost),
        speed=sending.WORDS_A_MINUTE,
        act_by=_act_by(given.get("act_by"), at),
        back={"href": "/announcements"},
    )


LISTS = frozenset({"roles", "organisations", "places"})


@pages.get("/announcements/<uuid:record_id>")
@access(STAFF)
def announcement(record_id: UUID) -> str:
    """For its reader: the words and the one button. For its sender: who has read it."""
    actor, found = current_actor(), str(record_id)
    position = after(int, str) or (0, kept.FIRST)
    with edge().reading(actor) as (tx, at):
        mine = kept.one_to_read(tx, actor, found)
        sent = kept.sent_one(tx, actor, at, found) if actor.role in SENDERS else None
        below = kept.unread_below(tx, actor, found) if mine is None or not sent else []
        seen = mine or sent or (kept.head(tx, actor, found) if below else None)
        if seen is None:
            abort(404)
        readers = kept.readers_of(tx, actor, found, position, MANY_READERS + 1) if sent else []
        body = mine.body if mine else kept.body_of(tx, actor, found)
        decision = None
        if seen.escalation_id:
            f = facts.escalation(tx, seen.escalation_id, actor, at)
            decision = seen.escalation_id if f is not None and may_read(f, actor) else None
    shown = readers[:MANY_READERS]
    more = None
    if len(readers) > MANY_READERS:
        last = shown[-1]
        word_after = pack(int(last.read_at is not None), last.membership_id)
        more = f"/announcements/{found}?after={word_after}"
    return page(
        "announcement.jinja",
        Form(),
        seen=seen,
        body=body,
        mine=mine,
        sent=_row(sent, at) if sent else None,
        below=[_("%(who)s, %(where)s", who=b.name, where=b.organisation) for b in below],
        minutes=sent.minutes if sent else 0,
        when=time_words(seen.sent_at),
        act_by=_act_by(seen.act_by, at),
        decision=decision,
        readers=[
            {
                "name": one.name,
                "what": f"{word(labels.ROLES, one.role)}, {one.organisation}",
                "read": time_words(one.read_at) if one.read_at else "",
                "climbed": not one.owner.startswith("member@"),
            }
            for one in shown
        ],
        older=more,
        said=said,
        back={"href": "/announcements" if sent else "/"},
    )


@pages.post("/announcements/<uuid:record_id>/read")
@access(STAFF)
def read(record_id: UUID) -> ResponseReturnValue:
    """The reader has read it."""
    actor, found = current_actor(), str(record_id)
    try:
        edge().perform(actor, lambda tx, at: sending.acknowledge(tx, actor, at, found))
    except Refused:
        abort(404)
    return redirect(f"/announcements/{found}", 303)


def unread(tx: Tx, at: datetime) -> list[dict[str, str]]:
    """What the actor of this request hasn't read yet, and those they answer for, for the first
    page."""
    actor = current_actor()
    found = []
    for one in kept.unread(tx, actor):
        words = _act_by(one.act_by, at)
        if one.below:
            if actor.role not in LEADS:
                continue
            words = ngettext(
                "%(num)s person you answer for has not read it.",
                "%(num)s people you answer for have not read it.",
                one.below,
            )
        found.append({"href": f"/announcements/{one.id}", "title": one.title, "act_by": words})
    return found
