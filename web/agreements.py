"""Agreements between organisations: drafted, signed by each, in force until a date."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from referral import lists, oversight, records
from referral.states import Noun, Relation, Role
from referral.store import Tx
from web import accountability as answering
from web import labels
from web.access import access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, page
from web.labels import record_path, said, word
from web.moves import Asked, move_page, own_page, read_record
from web.say import _
from web.schemas.agreements import LAWFUL_BASES, DraftAgreement
from web.timelines import entries
from web.words import day_words, deadline
from workflows import reading
from workflows.engine import TABLES, Done, step
from workflows.moves import N_
from workflows.named import check_named
from workflows.working_time import local_day

pages = Blueprint("agreement_pages", __name__)

READERS = frozenset(
    {
        Role.TEAM_LEAD,
        Role.PROVIDER_LEADER,
        Role.GOVERNANCE_LEAD,
        Role.INFORMATION_GOVERNANCE_LEAD,
        Role.ACCOUNTABLE_OFFICER,
    }
)
A_PAGE = 50
# What one party of a working agreement answers for.
DUTIES: dict[str, str] = {
    "employs": N_("Who employs the link workers?"),
    "assures": N_("Who looks after quality?"),
    "pays": N_("Who pays?"),
    "safeguards": N_("Who holds safeguarding?"),
}
KINDS: dict[str, str] = {
    "sharing": N_("Sharing information"),
    "working": N_("Working together: who assures, who pays, who keeps people safe"),
}
BASES: dict[str, str] = {
    "public_task": N_("Public task"),
    "legitimate_interests": N_("Legitimate interests"),
    "recognised_legitimate_interest": N_("Recognised legitimate interest"),
    "legal_obligation": N_("Legal obligation"),
    "vital_interests": N_("Vital interests"),
    "contract": N_("Contract"),
    "consent": N_("Consent"),
}
# What may be shared under an agreement, in the words of the person it is about.
FIELDS: dict[str, str] = {
    "first_name": N_("First name, age band and area"),
    "what_matters": N_("What matters to them, goals and needs"),
    "access": N_("What makes it easier to take part"),
    "name": N_("Full name"),
    "contact": N_("How to reach them"),
    "emergency_contact": N_("Whom to call in an emergency"),
    "safety_notes": N_("What keeps them and others safe"),
    "attendance": N_("Whether they came"),
    "outcome": N_("How it went"),
}


@pages.get("/agreements")
@access(READERS)
def agreements() -> str:
    """The agreements one's organisation is party to, or that one answers for."""
    actor = current_actor()
    after = request.args.get("after", "")
    try:
        after = str(UUID(after)) if after else ""
    except ValueError:
        abort(404)
    with edge().reading(actor) as (tx, at):
        found = lists.page(tx, Noun.AGREEMENT, actor, at, after=after or None, most=A_PAGE + 1)
        rows = [
            {
                **one,
                "tag": labels.state_tag(Noun.AGREEMENT, one["state"]),
                "review": day_words(local_day(one["review_at"])),
                "parties": [p.name for p in oversight.parties(tx, actor, one["id"])],
            }
            for one in found[:A_PAGE]
        ]
    older = found[A_PAGE - 1]["id"] if len(found) > A_PAGE else None
    return page(
        "agreements.jinja", rows=rows, older=older, may_draft=actor.role is Role.GOVERNANCE_LEAD
    )


@pages.route("/agreements/add", methods=["GET", "POST"])
@access(Role.GOVERNANCE_LEAD)
def draft() -> ResponseReturnValue:
    """Draft an agreement; with `?replaces=`, a new version of one."""
    actor = current_actor()
    replaces = request.args.get("replaces", "")
    known: dict[str, Any] = {"kind": "sharing", "lawful_basis": "public_task"}
    with edge().reading(actor) as (tx, at):
        parties = oversight.names_of_organisations(tx, actor)
        if replaces:
            old = lists.one(tx, Noun.AGREEMENT, actor, at, _an_id(replaces))
            if old is None:
                abort(404)
            known = {
                name: old[name]
                for name in ("kind", "title", "purposes", "lawful_basis", "fields", "duties")
            }
            known |= {f"{duty}_id": who for duty, who in (old["answers_for"] or {}).items()}
            known["parties"] = [
                party.organisation_id for party in oversight.parties(tx, actor, old["id"])
            ]
    schema = DraftAgreement(exclude=("replaces_id",))

    def draw(form: Form) -> str:
        return page(
            "agreement_draft.jinja",
            form,
            kinds=labels.choices(KINDS),
            purposes=labels.choices(labels.PURPOSES),
            bases=labels.choices(BASES, *LAWFUL_BASES),
            shared=labels.choices(FIELDS),
            parties=[(number, name, word(labels.ORGANISATIONS, kind))
                     for number, name, kind in parties],
            party_choices=[(number, name) for number, name, _kind in parties],
            duties=[(f"{duty}_id", said(words)) for duty, words in DUTIES.items()],
            back={"href": "/agreements"},
        )  # fmt: skip

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        told = {name: value for name, value in given.items() if value is not None}
        if replaces:
            told["replaces_id"] = _an_id(replaces)
        check_named(tx, actor, at, Noun.AGREEMENT, None, "draft", told)
        return step(tx, Noun.AGREEMENT, None, "draft", actor, at, told, key=form.key)

    def done(made: Done) -> Next:
        words = _(
            "Drafted as %(reference)s. Each organisation has been asked to sign. It is in force"
            " once the last has.",
            reference=made.reference,
        )
        return Next(record_path(Noun.AGREEMENT, made.id), words)

    return answer(draw, act, done, schema=schema, known=known)


def _an_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        abort(404)


@pages.get("/agreements/<uuid:record_id>")
@access(READERS)
def agreement(record_id: UUID) -> str:
    """An agreement with its signatures, and what can be done."""
    actor = current_actor()
    found = read_record(Noun.AGREEMENT, str(record_id))
    with edge().reading(actor) as (tx, at):
        shown = lists.one(tx, Noun.AGREEMENT, actor, at, found.id)
        if shown is None:
            abort(404)
        parties = oversight.parties(tx, actor, found.id)
        clocks = records.clocks(tx, found.id)
        story = reading.timeline(tx, actor, at, Noun.AGREEMENT, found.id, known=(found.facts, None))
        accountability = answering.drawn(tx, at, actor, Noun.AGREEMENT, found.id)
    actions, refused = _next(found)
    worn = {hat[1] for hat in TABLES[Noun.AGREEMENT].hats(found.facts, actor)}
    new_version = actor.role is Role.GOVERNANCE_LEAD and Relation.OVER in worn
    if new_version and found.facts.state != "drafted":
        actions.append(
            {
                "text": _("Draft a new version"),
                "href": f"/agreements/add?replaces={found.id}",
                "variant": "secondary",
            }
        )
    return page(
        "agreement.jinja",
        shown=shown,
        tag=labels.state_tag(Noun.AGREEMENT, shown["state"]),
        kind=word(KINDS, shown["kind"]),
        purposes=[word(labels.PURPOSES, code) for code in shown["purposes"] or []],
        basis=word(BASES, shown["lawful_basis"]),
        shared=[word(FIELDS, code) for code in shown["fields"] or []],
        answers=[
            {"key": {"text": said(DUTIES[duty])}, "value": {"text": party.name}}
            for duty, who in sorted((shown["answers_for"] or {}).items())
            for party in parties
            if party.organisation_id == who
        ],
        accountability=accountability,
        review=day_words(local_day(shown["review_at"]), weekday=True),
        parties=parties,
        unsigned=sum(party.signed_at is None for party in parties),
        clock=deadline(clocks[0].due, at) if clocks else None,
        history=entries(Noun.AGREEMENT, story.steps, at, story.notes),
        actions=actions,
        refused=refused,
        back={"href": "/agreements"},
    )


def _next(found: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    actions: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for option in found.options:
        codes = {r.code for r in option.refusals}
        if option.trigger in ("replace", "expire"):
            continue
        if codes & {"not_your_role", "not_your_record"}:
            continue
        words = labels.button(Noun.AGREEMENT, option.trigger)
        if option.allowed:
            href = labels.move_path(Noun.AGREEMENT, found.id, option.trigger)
            variant = "" if option.trigger in ("sign", "renew") and not actions else "secondary"
            actions.append({"text": words, "href": href, "variant": variant})
        else:
            why = [{"sentence": said(r.why), "remedy": said(r.remedy)} for r in option.refusals]
            refused.append({"cannot": _("Not yet: %(move)s", move=words), "why": why})
    return actions, refused


@own_page(Noun.AGREEMENT, "sign")
def sign(record_id: str, trigger: str) -> ResponseReturnValue:
    """Sign for one's organisation, once."""
    return move_page(Noun.AGREEMENT, record_id, "sign", Asked(leave_out=("note",)))
