"""Records whose time is over: the list, deciding on one by two people, holds against destruction.
References only: nobody's name is needed to decide whether a record's time is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from referral import keeping as kept
from referral.keeping import Review
from referral.store import Tx
from web import labels
from web.access import access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, page
from web.labels import word
from web.say import _
from web.schemas.keeping import Decide, PlaceLegalHold
from web.words import day_words
from workflows.keeping import (
    REASONS,
    approve_destruction,
    end_legal_hold,
    keep_longer,
    place_legal_hold,
    propose_destruction,
    readable,
)
from workflows.tables.rights import LEADS, READERS
from workflows.working_time import local_day

pages = Blueprint("keeping_pages", __name__)
A_PAGE = 25


def _an_id(text: str) -> str | None:
    if not text:
        return None
    try:
        return str(UUID(text))
    except ValueError:
        abort(404)


def _row(one: Review) -> dict[str, Any]:
    if one.approved_by:
        state = {"text": _("Goes with the next sweep"), "colour": "red"}
    elif one.decision == "go":
        state = {"text": _("Second person asked"), "colour": "orange"}
    elif one.held or one.open:
        state = {"text": _("Kept for now"), "colour": "purple"}
    else:
        state = {"text": _("To be decided"), "colour": "blue"}
    return {
        "href": f"/retention/{one.id}",
        "reference": one.reference,
        "team": one.team,
        "kept_as": word(labels.KEPT_AS, one.kept_as),
        "due": day_words(one.due_on),
        "tag": state,
    }


@pages.get("/retention")
@access(frozenset(READERS))
def due() -> ResponseReturnValue:
    """The list before anything goes, the longest on it first."""
    actor = current_actor()
    after = _an_id(request.args.get("after", ""))
    with edge().reading(actor) as (tx, _at):
        found = kept.reviews(tx, actor, after, A_PAGE + 1)
    return page(
        "keeping/list.jinja",
        rows=[_row(one) for one in found[:A_PAGE]],
        more=found[A_PAGE - 1].id if len(found) > A_PAGE else None,
        may_hold=actor.role in LEADS,
    )


@pages.route("/retention/<uuid:review_id>", methods=["GET", "POST"])
@access(frozenset(READERS))
def one(review_id: UUID) -> ResponseReturnValue:
    """One record: keep it longer, propose that it goes, or approve that as the second person."""
    actor, rid = current_actor(), str(review_id)
    with edge().reading(actor) as (tx, _at):
        seen = readable(tx, actor, rid)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        what = str(given["what"])
        if what == "keep":
            keep_longer(tx, actor, at, rid, until=given["until"], reason=given["reason"])
        elif what == "go":
            propose_destruction(tx, actor, at, rid)
        else:
            approve_destruction(tx, actor, at, rid)
        return what

    said = {
        "keep": _("Kept. It comes back on the list after that day."),
        "go": _("Nothing has gone yet. A second person must approve it."),
        "approve": _("Approved. It goes with the next sweep, unless something is added meanwhile."),
    }
    choices = []
    if actor.role in LEADS:
        choices = [("keep", _("Keep it longer")), ("go", _("It may go: ask a second person"))]
    if seen.decision == "go" and seen.decided_by != actor.membership_id:
        choices.append(("approve", _("It goes: I am the second person")))
    return answer(
        lambda form: page(
            "keeping/one.jinja",
            form,
            seen=seen,
            row=_row(seen),
            choices=choices,
            may_keep=actor.role in LEADS,
            reasons=labels.choices(labels.KEPT_BECAUSE, *REASONS),
            back={"href": "/retention", "text": _("Records due to go")},
        ),
        command,
        lambda what: Next("/retention", said[what]),
        schema=Decide(),
    )


@pages.route("/retention/holds", methods=["GET", "POST"])
@access(frozenset(LEADS))
def holds() -> ResponseReturnValue:
    """Holds against destruction, and placing one."""
    actor = current_actor()
    after = _an_id(request.args.get("after", ""))
    with edge().reading(actor) as (tx, at):
        found = kept.holds(tx, actor, after, A_PAGE + 1)
        today = local_day(at)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return place_legal_hold(tx, actor, at, **given)

    return answer(
        lambda form: page(
            "keeping/holds.jinja",
            form,
            rows=[
                {
                    "id": h.id,
                    "reference": h.reference,
                    "why": h.why,
                    "owner": h.owner,
                    "review": day_words(h.review_on),
                    "late": h.review_on < today,
                }
                for h in found[:A_PAGE]
            ],
            more=found[A_PAGE - 1].id if len(found) > A_PAGE else None,
            back={"href": "/retention", "text": _("Records due to go")},
        ),
        command,
        lambda _made: Next("/retention/holds", _("Held. Nothing about them is destroyed.")),
        schema=PlaceLegalHold(),
    )


@pages.post("/retention/holds/<uuid:hold_id>/end")
@access(frozenset(LEADS))
def end(hold_id: UUID) -> ResponseReturnValue:
    """End a hold against destruction."""
    actor = current_actor()
    return answer(
        lambda form: page("rights/not_confirmed.jinja", form, back={"href": "/retention/holds"}),
        lambda tx, at, given, form: end_legal_hold(tx, actor, at, str(hold_id)),
        lambda _done: Next(
            "/retention/holds",
            _("The hold has ended. From now their record is kept only as long as the rules say."),
        ),
    )
