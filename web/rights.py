"""Requests about one's own information: the list, one request with what can be done, taking one for
somebody who rings or writes, and the second person who confirms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from referral import lists, records
from referral.audit import log, showing
from referral.members import actor_of
from referral.rights import restrictions_of
from referral.states import Noun, RightsKind, RightsState
from referral.store import Tx
from web import labels
from web.access import TEAM, access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, page
from web.labels import record_path, said, word
from web.moves import Record, drawn, lists_in_force, own_page, read_record, record
from web.people import found as found_person
from web.referrals import GONE
from web.say import _
from web.schemas import schema_for
from web.schemas.rights import CAME_BY, TakeRequest
from web.timelines import entries
from web.words import day_words, deadline
from workflows import disclosure, reading
from workflows.engine import NOT_FOUND, TABLES, Done, Refused
from workflows.moves import N_
from workflows.referrals import confirm_proposal, propose
from workflows.rights import preview, receive_request
from workflows.rights_doing import undecided
from workflows.tables.rights import LEADS, READERS, due_on

pages = Blueprint("rights_pages", __name__)

READING = TEAM | frozenset(READERS)
A_PAGE = 25


# -- the list -----------------------------------------------------------------------------------


@pages.get("/rights")
@access(READING)
def requests() -> ResponseReturnValue:
    """Those one answers for or took, the newest first, or those that were asked for."""
    actor = current_actor()
    states = [s for s in map(str, RightsState) if s in request.args.getlist("state")]
    kind = request.args.get("kind", "")
    kind = kind if kind in tuple(RightsKind) else ""
    after = request.args.get("after", "")
    with edge().reading(actor) as (tx, at):
        found = lists.page(
            tx,
            Noun.RIGHTS,
            actor,
            at,
            states=tuple(states),
            filters={"kind": kind} if kind else {},
            after=_an_id(after) if after else None,
            most=A_PAGE + 1,
        )
    showing(Noun.RIGHTS, (one["id"] for one in found[:A_PAGE]))
    asked = [("state", s) for s in states] + ([("kind", kind)] if kind else [])
    older = found[A_PAGE - 1]["id"] if len(found) > A_PAGE else None
    return page(
        "rights/list.jinja",
        rows=[_row(one) for one in found[:A_PAGE]],
        older=f"/rights?{urlencode([*asked, ('after', older)])}" if older else None,
        states=[(s, labels.state_tag(Noun.RIGHTS, s)["text"]) for s in map(str, RightsState)],
        chosen=states,
        kinds=labels.choices(labels.RIGHTS),
        kind=kind,
        keeps=current_actor().role in READERS,
    )


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    open_ = one["state"] not in ("fulfilled", "refused", "withdrawn")
    return {
        "href": record_path(Noun.RIGHTS, one["id"]),
        "reference": one["reference"],
        "kind": word(labels.RIGHTS, one["kind"]),
        "tag": labels.state_tag(Noun.RIGHTS, one["state"]),
        "came": day_words(one["received_on"]),
        "due": day_words(due_on(_Seen(one))) if open_ and one["state"] != "asked" else "",
    }


class _Seen:
    """What the arithmetic of the month asks of a row of a list."""

    def __init__(self, one: Mapping[str, Any]) -> None:
        self.received_on = one["received_on"]
        self.extended = one["extended"]
        self.stopped_days = one["stopped_days"]


def _an_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        abort(404)


# -- taking one ---------------------------------------------------------------------------------


@pages.route("/people/<uuid:person_id>/rights", methods=["GET", "POST"])
@access(TEAM)
def take(person_id: UUID) -> ResponseReturnValue:
    """Take down what a person asks for by phone, in the room or in writing."""
    actor = current_actor()

    def look(tx: Tx, at: datetime) -> tuple[Any, ...]:
        p, seen = found_person(tx, at, str(person_id))
        if p.closed_to_actor:
            raise Refused([NOT_FOUND], noun=Noun.RIGHTS, trigger="receive", record_id=None)
        if request.method == "GET":
            log(tx, actor, at, "read", "person", None, subject=p.subject_ref)
        return p, disclosure.known_as(seen), at

    p, name, at = edge().perform(actor, look)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        told = {k: v for k, v in given.items() if v is not None}
        return receive_request(tx, actor, at, person_id=p.id, values=told, key=form.key)

    return answer(
        lambda form: page(
            "rights/take.jinja",
            form,
            name=name,
            kinds=labels.choices(labels.RIGHTS),
            ways=labels.choices(labels.CAME_BY, *CAME_BY),
            back={"href": f"/people/{p.id}", "text": _("Back to the person")},
        ),
        command,
        lambda made: Next(
            record_path(Noun.RIGHTS, made.id),
            _("Taken down. The information governance lead has been told. The month counts from"
              " the day it came."),
        ),
        schema=TakeRequest(exclude=("person_id",)),
        known={"received_on": at.date()},
    )  # fmt: skip


# -- one request --------------------------------------------------------------------------------


@pages.get("/rights/<uuid:record_id>")
@access(READING)
def show(record_id: UUID) -> ResponseReturnValue:
    """What is asked for, until when it is answered, and what one can do."""
    actor = current_actor()
    rid = str(record_id)

    def look(tx: Tx, at: datetime) -> tuple[Any, ...]:
        found = record(tx, at, Noun.RIGHTS, rid, actor)
        seen = lists.one(tx, Noun.RIGHTS, actor, at, rid)
        if seen is None:
            raise Refused([NOT_FOUND], noun=Noun.RIGHTS, trigger="read", record_id=rid)
        log(tx, actor, at, "read", Noun.RIGHTS, rid, subject=found.facts.subject_ref)
        return (
            found,
            seen,
            records.clocks(tx, rid),
            records.owner(tx, found.facts.lead),
            reading.timeline(tx, actor, at, Noun.RIGHTS, rid, known=(found.facts, None)),
            records.proposals_on(tx, rid),
            restrictions_of(tx, seen["person_id"]) if actor.role in LEADS else [],
            undecided(tx, actor, rid),
        )

    found, q, clocks, owner, story, proposals, stopped, waits = edge().perform(actor, look)
    actions, refused = _next(found)
    role, where = owner
    who = ", ".join(x for x in (word(labels.ROLES, role), where) if x)
    clock = deadline(clocks[0].due, found.at, hours=clocks[0].hours) if clocks else None
    return page(
        "rights/show.jinja",
        None,
        q=q,
        name=f"{q['given_name']} {q['family_name']}".strip(),
        kind=word(labels.RIGHTS, q["kind"]),
        tag=labels.state_tag(Noun.RIGHTS, q["state"]),
        says=said(TABLES[Noun.RIGHTS].states[q["state"]].says),
        who=_("With %(who)s now", who=who) if clocks and who else _("Nothing more is awaited"),
        clock=clock,
        facts=_facts(found, q),
        actions=[*_doing(found, waits), *actions],
        refused=refused,
        stopped=bool(stopped),
        proposals=[_proposal(one, actor) for one in proposals],
        history=entries(Noun.RIGHTS, story.steps, found.at, story.notes),
        person_href=f"/people/{q['person_id']}" if actor.role in TEAM else None,
        back={"href": "/rights", "text": _("Requests about own information")},
    )


def _facts(found: Record, q: Mapping[str, Any]) -> list[dict[str, str]]:
    f = found.facts
    open_ = q["state"] not in ("fulfilled", "refused", "withdrawn")
    stopped = q["state"] == RightsState.ASKED
    pairs: list[tuple[str, Any]] = [
        (_("In their words"), q["asked_for"]),
        (_("Who asks for them"), q["on_behalf"]),
        (_("How it came"), word(labels.CAME_BY, q["how"])),
        (_("Came on"), day_words(q["received_on"])),
        (_("To be answered by"), day_words(due_on(f)) if open_ and not stopped else None),
        (
            _("To be answered by"),
            _("The month stands still until the person answers") if stopped else None,
        ),
        (_("Taken down by"), q["taken_by_name"] or _("The person, on their own page")),
        (_("How it was found out who asks"), word(labels.IDENTIFIED_BY, q["identity_how"])),
        (_("Time made longer"), _("Yes, by two months") if q["extended"] else None),
        (
            _("Days it stood still"),
            str(q["stopped_days"]) if q["stopped_days"] else None,
        ),
        (_("Ground of the erasure"), word(labels.ERASED_BECAUSE, q["ground"])),
        (_("Why"), word(labels.REASONS, q["reason"])),
        (_("How the person was told"), word(labels.TOLD_BY, q["told_how"])),
        (_("Decided by"), q["decided_by_name"]),
    ]
    return [{"key": key, "value": str(value)} for key, value in pairs if value]


NOT_MINE = frozenset({"not_your_role", "not_your_record"})
# Erasing belongs to one kind of request alone.
OTHER_KIND = frozenset({"erasure_asked", "nothing_to_erase"})
LIKELY = ("check_identity", "start", "fulfil", "answer")


def _next(found: Record) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The moves of this reader, the likely one first, and those that can't be made, with why."""
    actions: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for option in found.options:
        if {r.code for r in option.refusals} & (NOT_MINE | OTHER_KIND):
            continue
        words = labels.button(Noun.RIGHTS, option.trigger)
        if option.allowed:
            href = labels.move_path(Noun.RIGHTS, found.id, option.trigger)
            likely = option.trigger in LIKELY
            actions.append({"text": words, "href": href, "variant": "" if likely else "secondary"})
        else:
            why = [{"sentence": said(r.why), "remedy": said(r.remedy)} for r in option.refusals]
            refused.append({"cannot": _("You cannot do this: %(move)s", move=words), "why": why})
    actions.sort(key=lambda one: one["variant"] != "")
    return actions, refused


DO: dict[str, tuple[tuple[str, str], ...]] = {
    "access": (
        ("parts/read", N_("Read the parts to decide on")),
        ("parts", N_("Decide what is left out")),
        ("passages", N_("Black out passages")),
        ("copy", N_("Make the copy")),
    ),
    "rectification": (("put-right", N_("Put something right")),),
    "restriction": (("stop-use", N_("Stop the use of their record")),),
    "objection": (("stop-use", N_("Stop the use of their record")),),
}


DECIDED_FIRST = frozenset({"passages", "copy"})


def _doing(found: Record, undecided: bool) -> list[dict[str, Any]]:
    """What a lead does before recording it as done, by the kind of request; what waits until each
    part is decided isn't offered before."""
    role = current_actor().role
    if found.facts.state != RightsState.IN_PROGRESS or role not in LEADS:
        return []
    return [
        {"text": said(words), "href": f"/rights/{found.id}/{path}", "variant": "secondary"}
        for path, words in DO.get(found.facts.kind, ())
        if not (undecided and path in DECIDED_FIRST)
    ]


# -- two people ---------------------------------------------------------------------------------


@own_page(Noun.RIGHTS, "refuse")
def refuse_it(record_id: str, trigger: str) -> ResponseReturnValue:
    """The first of two people proposes; nothing is refused until a second confirms."""
    return by_two(record_id, trigger)


@own_page(Noun.RIGHTS, "erase")
def erase_it(record_id: str, trigger: str) -> ResponseReturnValue:
    """What would go, what stands in the way, and proposing it: a second person confirms."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = record(tx, at, Noun.RIGHTS, record_id, actor)
        may = found.facts.kind == RightsKind.ERASURE and found.option(trigger) is not None
        seen = preview(tx, found.facts) if may else None
    more: dict[str, Any] = {}
    if seen is not None:
        more = {
            "goes": [(word(labels.GOES, name), count) for name, count in seen.goes.items()],
            "kept": _("It is kept until %(day)s.", day=day_words(seen.until)) if seen.until else "",
            "over": found.facts.retention_over,
        }
    return by_two(record_id, trigger, ("note",), "rights/erase.jinja", more)


def by_two(
    record_id: str,
    trigger: str,
    leave_out: tuple[str, ...] = (),
    template: str = "move.jinja",
    more: Mapping[str, Any] | None = None,
) -> ResponseReturnValue:
    """The page of a move that takes two people: this is the first, who proposes."""
    from web.moves import BEFORE

    actor = current_actor()
    found = read_record(Noun.RIGHTS, record_id)
    option = found.option(trigger)
    back = record_path(Noun.RIGHTS, record_id)
    title = labels.button(Noun.RIGHTS, trigger)
    context = {"title": title, "caption": found.caption, "back": {"href": back}, "record": found}
    if option is None or not option.allowed:
        refusals = option.refusals if option else ()
        return page("move_refused.jinja", None, refusals=refusals, **context)
    schema = schema_for(Noun.RIGHTS, trigger)()

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        told = {name: value for name, value in given.items() if value is not None}
        return propose(tx, actor, at, Noun.RIGHTS, record_id, trigger, told)

    return answer(
        lambda form: page(
            template,
            form,
            **(more or {}),
            fields=drawn(
                schema,
                Noun.RIGHTS,
                trigger,
                lists_in_force(Noun.RIGHTS, trigger, option, found.facts),
                leave_out,
            ),
            before=said(BEFORE.get((Noun.RIGHTS, trigger), "")),
            press_words=_("Ask a second person to confirm"),
            red=True,
            **context,
        ),
        command,
        lambda done: Next(
            back,
            _("Nothing has changed yet. A second person must confirm it within 5 working days."),
        ),
        schema=schema,
        version=found.version,
        about=(Noun.RIGHTS, record_id),
    )


def _proposal(one: records.Proposal, actor: Any) -> dict[str, Any]:
    given = one.given or {}
    return {
        "id": one.id,
        "what": labels.button(Noun.RIGHTS, one.trigger),
        "who": one.proposer,
        "why": word(labels.REASONS, given.get("reason"))
        or word(labels.ERASED_BECAUSE, given.get("ground")),
        "note": given.get("note"),
        "mine": one.proposed_by == actor.membership_id,
    }


@pages.post("/rights/<uuid:record_id>/confirm/<uuid:proposal_id>")
@access(frozenset(READERS))
def confirm(record_id: UUID, proposal_id: UUID) -> ResponseReturnValue:
    """The second of two people, signed in as themselves, confirms or says no."""
    actor, rid = current_actor(), str(record_id)
    read_record(Noun.RIGHTS, rid)
    back = record_path(Noun.RIGHTS, rid)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done | None:
        proposal = records.proposal(tx, actor, str(proposal_id))
        if proposal is None or proposal.record_id != rid:
            raise Refused([NOT_FOUND], noun="confirmation", trigger="confirm", record_id=None)
        first = actor_of(tx, proposal.proposed_by, at)
        if first is None:
            raise Refused([GONE], noun="confirmation", trigger="confirm", record_id=None)
        agree = form.value("do") != "no"
        return confirm_proposal(tx, first, actor, at, proposal.id, agree)

    return answer(
        lambda form: page("rights/not_confirmed.jinja", form, back={"href": back}),
        command,
        lambda done: Next(
            back,
            _("Confirmed. It is recorded with both your names.")
            if done
            else _("You said no. Nothing has changed."),
        ),
    )
