"""Sharing without consent: proposing it from a referral or a person, and the page on which a second
person decides and a third one reviews. The moves themselves have the form of every move."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from referral import facts, lists, records
from referral.audit import log, showing
from referral.states import Noun, Role
from referral.store import Tx
from web import labels
from web.access import REVIEWERS, TEAM, access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, page
from web.labels import record_path, said, word
from web.moves import Record, record
from web.people import found as found_person
from web.say import _, pgettext
from web.schemas.overrides import ProposeOverride
from web.timelines import entries
from web.words import deadline, time_words
from workflows import disclosure, reading
from workflows.engine import NOT_FOUND, TABLES, Done, Refused
from workflows.overrides import propose_override
from workflows.tables.overrides import GROUNDS, SHAREABLE

pages = Blueprint("override_pages", __name__)

PROPOSERS = TEAM | {Role.SAFEGUARDING_LEAD}
A_PAGE = 25


@pages.get("/overrides")
@access(TEAM, REVIEWERS)
def overrides() -> ResponseReturnValue:
    """What is or was shared without consent, as far as one answers for it or proposed it."""
    actor = current_actor()
    after = request.args.get("after", "")
    with edge().reading(actor) as (tx, at):
        found = lists.page(
            tx, Noun.OVERRIDE, actor, at, after=_an_id(after) if after else None, most=A_PAGE + 1
        )
    showing(Noun.OVERRIDE, (one["id"] for one in found[:A_PAGE]))
    rows = [
        {
            "href": record_path(Noun.OVERRIDE, one["id"]),
            "reference": one["reference"],
            "provider": one["provider_name"],
            "ground": word(labels.GROUNDS, one["ground"]),
            "tag": labels.state_tag(Noun.OVERRIDE, one["state"]),
            "until": time_words(one["until"]) if one["state"] == "approved" else "",
        }
        for one in found[:A_PAGE]
    ]
    older = found[A_PAGE - 1]["id"] if len(found) > A_PAGE else None
    return page("override/list.jinja", rows=rows, older=older)


def _an_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        abort(404)


@pages.route("/people/<uuid:person_id>/share", methods=["GET", "POST"])
@access(PROPOSERS)
def propose(person_id: UUID) -> ResponseReturnValue:
    """Propose to share with one provider without consent. The address says which: ids only."""
    actor = current_actor()
    wanted = request.args.get("provider", "")

    def look(tx: Tx, at: datetime) -> tuple[Any, ...]:
        p, seen = found_person(tx, at, str(person_id))
        if p.closed_to_actor:
            raise Refused([NOT_FOUND], noun=Noun.OVERRIDE, trigger="propose", record_id=None)
        if request.method == "GET":
            log(tx, actor, at, "read", "person", None, subject=p.subject_ref)
        return p, disclosure.known_as(seen), records.providers_of(tx, p)

    p, name, providers = edge().perform(actor, look)
    known = {"provider_id": wanted if wanted in dict(providers) else ""}
    if len(providers) == 1:
        known = {"provider_id": providers[0][0]}

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        told = {k: v for k, v in given.items() if v is not None and k != "provider_id"}
        return propose_override(
            tx, actor, at, person_id=p.id, provider_id=given["provider_id"], values=told,
            key=form.key,
        )  # fmt: skip

    def done(made: Done) -> Next:
        with edge().reading(actor) as (tx, at):
            f = facts.override(tx, made.id, actor, at)
            role, where = records.owner(tx, f.holder) if f else ("", "")
        who = ", ".join(x for x in (word(labels.ROLES, role), where) if x)
        words = _(
            "Proposed. Nothing is shared yet. A second person decides: %(who)s.", who=who
        ) if who else _("Proposed. Nothing is shared yet. A second person decides.")  # fmt: skip
        return Next(record_path(Noun.OVERRIDE, made.id), words)

    return answer(
        lambda form: page(
            "override/propose.jinja",
            form,
            name=name,
            providers=providers,
            grounds=[
                (code, word(labels.GROUNDS, code), said(source)) for code, source in GROUNDS.items()
            ],
            shareable=labels.choices(labels.SHAREABLE, *SHAREABLE),
            back={"href": f"/people/{p.id}", "text": _("Back to the person")},
        ),
        command,
        done,
        schema=ProposeOverride(exclude=("person_id",)),
        known=known,
    )


@pages.get("/overrides/<uuid:record_id>")
@access(TEAM, REVIEWERS)
def show(record_id: UUID) -> ResponseReturnValue:
    """What is shared without consent, with whom, on which ground, until when; and what one can
    do."""
    actor = current_actor()
    oid = str(record_id)

    def look(tx: Tx, at: datetime) -> tuple[Any, ...]:
        found = record(tx, at, Noun.OVERRIDE, oid, actor)
        seen = lists.one(tx, Noun.OVERRIDE, actor, at, oid)
        if seen is None:
            raise Refused([NOT_FOUND], noun=Noun.OVERRIDE, trigger="read", record_id=oid)
        log(tx, actor, at, "read", "override", oid, subject=found.facts.subject_ref)
        key = found.facts.governance if found.facts.state == "ended" else found.facts.holder
        return (
            found,
            seen,
            records.clocks(tx, oid),
            records.owner(tx, key),
            reading.timeline(tx, actor, at, Noun.OVERRIDE, oid, known=(found.facts, None)),
        )

    found, o, clocks, owner, story = edge().perform(actor, look)
    person = {
        "reference": o["person_reference"],
        **{n: o[n] for n in ("given_name", "family_name")},
    }
    seen = disclosure.shown_person(person, actor.role, found.at, False)
    actions, refused = _next(found)
    role, where = owner
    who = ", ".join(x for x in (word(labels.ROLES, role), where) if x)
    clock = deadline(clocks[0].due, found.at, hours=clocks[0].hours) if clocks else None
    return page(
        "override/show.jinja",
        None,
        o=o,
        name=disclosure.known_as(seen) or o["person_reference"],
        tag=labels.state_tag(Noun.OVERRIDE, o["state"]),
        says=said(TABLES[Noun.OVERRIDE].states[o["state"]].says),
        who=_("With %(who)s now", who=who) if clocks and who else _("Nothing more is awaited"),
        clock=clock,
        facts=_facts(o),
        shared=[word(labels.SHAREABLE, name) for name in o["fields"]],
        actions=actions,
        refused=refused,
        history=entries(Noun.OVERRIDE, story.steps, found.at, story.notes),
        person_href=f"/people/{o['person_id']}" if actor.role in PROPOSERS else None,
        back={"href": "/overrides", "text": _("Sharing without consent")},
    )


def _facts(o: Mapping[str, Any]) -> list[dict[str, str]]:
    told = (
        labels.yes_no("done")[0]
        if o["person_told"]
        else pgettext("was it done", "No. %(why)s", why=o["why_not_told"] or "")
    )
    pairs: list[tuple[str, Any]] = [
        (_("Shared with"), o["provider_name"]),
        (_("Lawful ground"), word(labels.GROUNDS, o["ground"])),
        (_("Where it stands"), said(GROUNDS.get(o["ground"], ""))),
        (_("Danger now"), labels.yes_no("there")[0 if o["danger"] else 1]),
        (_("Why it is needed"), o["necessity"]),
        (_("Why this much, and no more"), o["proportionality"]),
        (_("Was the person told?"), told),
        (_("Proposed by"), o["proposed_by_name"]),
        (_("Decided by"), o["decided_by_name"]),
        (_("In force until"), time_words(o["until"])),
        (_("Why it ended or was not approved"), word(labels.REASONS, o["reason"])),
        (_("What the review found"), word(labels.FINDINGS, o["finding"])),
    ]
    return [{"key": key, "value": str(value)} for key, value in pairs if value]


NOT_MINE = frozenset({"not_your_role", "not_your_record"})


def _next(found: Record) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The moves of this reader, the likely one first, and those that can't be made, with why."""
    actions: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for option in found.options:
        if {r.code for r in option.refusals} & NOT_MINE:
            continue
        words = labels.button(Noun.OVERRIDE, option.trigger)
        if option.allowed:
            href = labels.move_path(Noun.OVERRIDE, found.id, option.trigger)
            likely = option.trigger in ("approve", "review")
            actions.append({"text": words, "href": href, "variant": "" if likely else "secondary"})
        else:
            why = [{"sentence": said(r.why), "remedy": said(r.remedy)} for r in option.refusals]
            refused.append({"cannot": _("You cannot do this: %(move)s", move=words), "why": why})
    return actions, refused
