"""Escalations: raising one, reviewing it with the facts first, deciding, and carrying out what was
decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, current_app, flash, redirect, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema

from referral import facts, lists, policy, records, reviews, visible
from referral import raised_outside as outside
from referral.actors import Actor
from referral.audit import showing
from referral.ids import new_id, new_reference
from referral.members import actor_of
from referral.policy import Rules
from referral.reviews import AboutProvider, AboutReferral
from referral.states import EscalationState, Noun, Relation, Role
from referral.store import Tx
from web import accountability as answering
from web import labels
from web.access import STAFF, TEAM, access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, page, typed
from web.frame import opens_to
from web.labels import record_path, role_name, said, word
from web.moves import Asked, banner, move_page, note_read, own_page, read_record, record
from web.say import _, ngettext
from web.schemas import Wrong, load, schema_for
from web.schemas.escalations import AskPlaceLead, RaiseEscalation
from web.timelines import entries
from web.wizard import ids_said
from web.words import by_when, day_words, deadline, listed, time_words
from workflows import escalations as deciding
from workflows import reading
from workflows.announcements import SENDERS as ANNOUNCERS
from workflows.clocks import PROFESSIONAL, TOP_STAGE
from workflows.engine import (
    NOT_FOUND,
    NOT_YOUR_RECORD,
    NOT_YOUR_ROLE,
    TABLES,
    Done,
    Refused,
    may_answer,
    step,
)
from workflows.escalations import CONSEQUENCES
from workflows.moves import LISTS, N_, Move, Need, Raise, Refusal, Tell, list_of
from workflows.own_asking import is_about_worker
from workflows.referrals import confirm_proposal, propose
from workflows.rules import wrong
from workflows.working_time import ENGLAND, add, local_day

pages = Blueprint("escalation_pages", __name__)

RAISERS = (Role.LINK_WORKER, Role.TEAM_LEAD, Role.PROVIDER_LEADER)
TRIED: dict[str, str] = {
    "rang": N_("Rang the other side"),
    "wrote": N_("Wrote to them"),
    "asked_lead": N_("Spoke to my own lead"),
    "waited": N_("Waited longer than was agreed"),
    "looked_elsewhere": N_("Looked for something else for the person"),
    "spoke_to_person": N_("Spoke to the person"),
    "discussed": N_("Discussed it with the other professional (stage 1)"),
}
EXAMPLES: dict[str, tuple[str, str]] = {
    "low": (N_("Low"), N_("It can wait for its turn. Nobody is worse off meanwhile.")),
    "medium": (N_("Medium"), N_("Somebody waits for it, or it happens again and again.")),
    "high": (N_("High"), N_("Somebody may lose their place or be worse off within days.")),
}
DECISIONS: dict[str, str] = {
    "uphold": N_("Agreed: something has to change"),
    "partly": N_("Agreed in part"),
    "not_upheld": N_("Not agreed: it stays as it is"),
    "overturn": N_("An earlier decision is overturned"),
}
# Those whom a consequence tells, where nobody is named yet.
WHOM: dict[str, str] = {
    "provider": N_("the provider"),
    "link_worker": N_("the link worker"),
    "new_link_worker": N_("the new link worker"),
    "link_workers": N_("each link worker with somebody there"),
    "practice": N_("their practice"),
}
CONSEQUENCE_STATES: dict[str, labels.Tag] = {
    "pending": labels.Tag(N_("Still to do"), "orange"),
    "done": labels.Tag(N_("Done"), "green"),
    "failed": labels.Tag(N_("Could not be done"), "red"),
    "waived": labels.Tag(N_("Not needed"), "grey"),
}
NOTHING_TO_DO = labels.Tag(N_("Nothing to do"), "grey")
# Words of a review that its raiser reads, and those for whoever was asked.
FOR_RAISER = frozenset({"raise", "decide", "climb", "reopen", "withdraw", "complete"})
FOR_ASKED = frozenset({"ask", "answer"})
LAST_STEPS = 6
A_PAGE = 25


def owner_words(named: reviews.Names, key: str | None) -> str:
    """Who an owner key is: "Governance lead, Harbour" or "Priya Shah, Ash Lane practice"."""
    kind, where = named.owners.get(key or "", ("", ""))
    if kind == "member":
        return where
    return ", ".join(part for part in (role_name(kind) if kind else "", where) if part)


def may_read(f: facts.EscalationFacts, actor: Actor) -> bool:
    """Whether the review is there for the actor."""
    return bool(TABLES[Noun.ESCALATION].hats(f, actor))


# -- raising ------------------------------------------------------------------------------------


def _who_gets_it(tx: Tx, at: datetime, actor: Actor, **what: Any) -> tuple[str, str]:
    """Who would review it, and by when they take it."""
    given = {"id": new_id(at), "reference": new_reference(), "kind": "other", **what}
    f = facts.new_escalation(tx, given, actor, at)
    if f is None:
        raise Refused([NOT_FOUND], noun=Noun.ESCALATION, trigger="raise", record_id=None)
    due = add(at, f.rules.days("escalation.raised"), ENGLAND)
    named = reviews.names(tx, actor.system_id, [f.owner])
    return owner_words(named, f.owner), by_when(due, at)


def _raise(about: str, about_id: str, caption: str, back: str) -> ResponseReturnValue:
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        who, until = _who_gets_it(tx, at, actor, about=about, about_id=about_id)
    schema = RaiseEscalation(only=("kind", "topic", "severity", "tried", "note"))

    def draw(form: Form) -> str:
        return page(
            "escalation_raise.jinja",
            form,
            caption=caption,
            back={"href": back},
            concern=f"/{about}s/{about_id}/concern",
            who=who,
            until=until,
            kinds=labels.choices(labels.KINDS),
            topics=labels.choices(labels.TOPICS),
            tried=labels.choices(TRIED),
            severities=[(code, said(w), said(hint)) for code, (w, hint) in EXAMPLES.items()],
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        told = {n: v for n, v in given.items() if v is not None}
        values = {**told, "about": about, "about_id": about_id}
        return deciding.raise_escalation(tx, actor, at, values, key=form.key)

    return answer(draw, act, _raised(who, until), schema=schema, known={"severity": "medium"})


def _raised(who: str, until: str) -> Callable[[Done], Next]:
    def done(made: Done) -> Next:
        words = _(
            "Escalated as %(reference)s. %(who)s has until %(until)s to take it. If nobody does,"
            " it moves up by itself.",
            reference=made.reference,
            who=who,
            until=until,
        )
        return Next(record_path(Noun.ESCALATION, made.id), words)

    return done


@pages.route("/referrals/<uuid:record_id>/escalate", methods=["GET", "POST"])
@access(*RAISERS)
def raise_about_referral(record_id: UUID) -> ResponseReturnValue:
    """Take a matter about a referral to the next level that can resolve it."""
    found = read_record(Noun.REFERRAL, str(record_id))
    back = record_path(Noun.REFERRAL, found.id)
    return _raise("referral", found.id, found.caption, back)


@pages.route("/providers/<uuid:provider_id>/escalate", methods=["GET", "POST"])
@access(*RAISERS)
def raise_about_provider(provider_id: UUID) -> ResponseReturnValue:
    """Take a matter about a provider, such as its quality, to those who answer for its place."""
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        about = reviews.about_provider(tx, actor, "provider", str(provider_id))
    if about is None:
        abort(404)
    return _raise("provider", about.id, about.name, "/escalations")


@pages.route("/activities/ask", methods=["GET", "POST"])
@access(TEAM)
def ask_place_lead() -> ResponseReturnValue:
    """No activity fits: ask those who answer for the place, who may know of another, or see that
    one is missing."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        who, until = _who_gets_it(tx, at, actor, kind="capacity", level=deciding.PLACE_LEVEL)
    looked_for = request.args.get("words", "").strip()[:80]
    note = _("We looked for: %(words)s.", words=looked_for) + "\n" if looked_for else ""

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        return deciding.ask_place_lead(tx, actor, at, given["note"], form.key)

    return answer(
        lambda form: page(
            "activities/ask.jinja",
            form,
            who=who,
            until=until,
            back={
                "href": f"/referrals/{ids_said('writing')[0]}/write/activity"
                if request.args.get("writing")
                else "/activities",
                "text": _("Back to the activities"),
            },
        ),
        act,
        _raised(who, until),
        schema=AskPlaceLead(),
        known={"note": note},
    )


# -- the list -----------------------------------------------------------------------------------


@pages.get("/escalations")
@access(STAFF)
def escalations() -> str:
    """The reviews somebody raised, reviews, was asked about, or answers for."""
    actor = current_actor()
    after = request.args.get("after", "")
    with edge().reading(actor) as (tx, at):
        try:
            after = str(UUID(after)) if after else ""
        except ValueError:
            abort(404)
        found = lists.page(tx, Noun.ESCALATION, actor, at, after=after or None, most=A_PAGE + 1)
        named = reviews.names(tx, actor.system_id, [one["owner"] for one in found])
        rows = [
            {
                **one,
                "tag": labels.state_tag(Noun.ESCALATION, one["state"]),
                "with": owner_words(named, one["owner"]),
            }
            for one in found[:A_PAGE]
            if one["about"] != Noun.CONCERN or _mine(one, actor)
        ]
    showing(Noun.ESCALATION, (one["id"] for one in rows))
    older = found[A_PAGE - 1]["id"] if len(found) > A_PAGE else None
    return page("escalations.jinja", rows=rows, older=older, at=at)


def _mine(one: Mapping[str, Any], actor: Actor) -> bool:
    return bool({one["owner"], one["asked"]} & actor.keys) or one["raised_by"] == (
        actor.membership_id
    )


# -- the page -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class About:
    """What a review is about, as far as its reader may know it."""

    words: str
    href: str | None
    referral: AboutReferral | None
    provider: AboutProvider | None
    facts: facts.ReferralFacts | None = None  # only where the reader may open the referral


def _about(
    tx: Tx, at: datetime, actor: Actor, f: facts.EscalationFacts, *, open_it: bool = False
) -> About:
    """What it is about; with `open_it` also whether the reader may open the referral."""
    if f.about is None or f.about_id is None:
        return About(_("Nothing on record"), None, None, None)
    if f.about == Noun.REFERRAL:
        referral = reviews.about_referral(tx, actor, f.about_id)
        if referral is None:
            return About("", None, None, None)
        theirs = AboutProvider(
            referral.provider_id,
            referral.provider_org,
            referral.provider,
            referral.assurance_id,
            referral.assurance_state,
        )
        words = f"{referral.reference}, {referral.activity}, {referral.provider}"
        there = facts.referral(tx, f.about_id, actor, at) if open_it else None
        if there is not None and not TABLES[Noun.REFERRAL].hats(there, actor):
            there = None
        href = record_path(Noun.REFERRAL, f.about_id) if there else None
        return About(words, href, referral, theirs, there)
    if f.about in ("provider", Noun.ASSURANCE):
        provider = reviews.about_provider(tx, actor, str(f.about), f.about_id)
        if provider is not None:
            href = f"/providers/{provider.id}"
            open_to = opens_to(current_app, href, actor.role)
            return About(provider.name, href if open_to else None, None, provider)
    named = reviews.called(tx, actor, f.about_id)
    noun = word(labels.NOUNS, str(f.about))
    linked = f.about in (Noun.AGREEMENT, Noun.ESCALATION)
    return About(f"{noun} {named}".strip(), record_path(f.about, f.about_id) if linked else None,
                 None, None)  # fmt: skip


def _extract(
    tx: Tx,
    at: datetime,
    actor: Actor,
    f: facts.EscalationFacts,
    there: facts.ReferralFacts | None,
    steps: list[visible.StepSeen],
) -> list[dict[str, Any]]:
    """The newest steps of the record it is about, if the reader may see that record; the words that
    came with them stand on its own page."""
    if f.about not in (Noun.REFERRAL, Noun.ASSURANCE, Noun.AGREEMENT) or f.about_id is None:
        return []
    noun = Noun(f.about)
    if noun is Noun.REFERRAL and there is None:
        return []
    known = None
    if there is not None:
        said_so = visible.answers(tx, actor, at, [there.id]).get(there.id, (None, None))
        known = (there, reading.situation(there, actor, at, *said_so))
    try:
        story = reading.timeline(tx, actor, at, noun, f.about_id, known=known, steps=steps)
    except Refused:
        return []
    return entries(noun, story.steps[:LAST_STEPS], at, story.notes)


def _clocks(
    at: datetime, f: facts.EscalationFacts, running: list[records.ClockSeen]
) -> list[dict[str, Any]]:
    """The deadlines that run on the record it is about, each with the rule it goes by."""
    found = []
    for clock in running:
        known = clock.kind in policy.DAYS
        days = f.rules.on(clock.started).days(clock.kind) if known else 0
        rule = ngettext("%(num)s working day", "%(num)s working days", days) if days else ""
        found.append(
            {
                "what": said(labels.WORK[clock.kind][0]) if clock.kind in labels.WORK else "",
                "due": deadline(clock.due, at, hours=clock.hours),
                "rule": _("The rule: %(rule)s", rule=rule) if rule else "",
            }
        )
    return found


def _history(
    tx: Tx,
    at: datetime,
    actor: Actor,
    record_id: str,
    relations: frozenset[Relation],
    steps: list[visible.StepSeen],
) -> tuple[list[dict[str, Any]], str]:
    """What was done in a review, with the words the reader may read; and the conditions of its
    newest decision."""
    story = reading.of_review(tx, actor, record_id, steps)
    notes, conditions = dict(story.notes), story.beside
    for one in steps:
        if one.note_id in notes and one.version in conditions:
            more = _("Conditions: %(words)s", words=conditions[one.version])
            notes[one.note_id] = f"{notes[one.note_id]}\n\n{more}"
    if not relations & {Relation.REVIEWER, Relation.OVER}:
        allowed = (FOR_RAISER if Relation.RAISER in relations else frozenset()) | (
            FOR_ASKED if Relation.ASKED in relations else frozenset()
        )
        notes = {
            s.note_id: notes[s.note_id]
            for s in steps
            if s.note_id in notes and (s.trigger in allowed or s.name == actor.name)
        }
    newest = next((s for s in steps if s.trigger == "decide"), None)
    kept = conditions.get(newest.version, "") if newest and newest.note_id in notes else ""
    return entries(Noun.ESCALATION, steps, at, notes), kept


WRONG_HAT = frozenset({NOT_YOUR_ROLE.code, NOT_YOUR_RECORD.code})
FIRST = ("acknowledge", "decide", "answer", "complete")


def _next(found: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The moves open to the reader, the likely one first, and those that can't be made yet."""
    actions, refused = [], []
    for option in found.options:
        if option.trigger in ("settle", "overtake"):
            continue
        if {r.code for r in option.refusals} & WRONG_HAT:
            continue
        words = labels.button(Noun.ESCALATION, option.trigger)
        if option.allowed:
            href = labels.move_path(Noun.ESCALATION, found.id, option.trigger)
            variant = "" if option.trigger in FIRST else "secondary"
            actions.append({"text": words, "href": href, "variant": variant})
        else:
            why = [{"sentence": said(r.why), "remedy": said(r.remedy)} for r in option.refusals]
            refused.append({"cannot": _("Not yet: %(move)s", move=words), "why": why})
    actions.sort(key=lambda a: a["variant"] == "secondary")
    return actions, refused


@pages.get("/escalations/<uuid:record_id>")
@access(STAFF)
def escalation(record_id: UUID) -> str:
    """A review: the facts first, then what can be done."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = record(tx, at, Noun.ESCALATION, str(record_id), actor)
        f: facts.EscalationFacts = found.facts
        if not may_read(f, actor):
            abort(404)
        relations = frozenset(hat[1] for hat in TABLES[Noun.ESCALATION].hats(f, actor))
        reviewing = bool(relations & {Relation.REVIEWER, Relation.OVER})
        shown = lists.one(tx, Noun.ESCALATION, actor, at, found.id)
        if shown is None:
            abort(404)
        about = _about(tx, at, actor, f, open_it=True)
        clocks_of = reviews.clocks_of(tx, (found.id, f.about_id))
        clocks = clocks_of.get(found.id, [])
        steps = visible.steps_of(tx, actor, (found.id, f.about_id))
        named = reviews.names(tx, actor.system_id, (f.asked, f.owner, f.raiser), found.id)
        decided = f.state in (EscalationState.DECIDED, EscalationState.CLOSED)
        made = steps.get(found.id, [])
        history, conditions = _history(tx, at, actor, found.id, relations, made)
        context: dict[str, Any] = {
            "about": about,
            "extract": _extract(tx, at, actor, f, about.facts, steps.get(f.about_id or "", [])),
            "clocks": _clocks(at, f, clocks_of.get(f.about_id or "", [])) if reviewing else [],
            "history": history,
            "conditions": conditions,
            "themes": [(id_, said(name)) for id_, name in named.themes] if reviewing else None,
            "accountability": answering.drawn(tx, at, actor, Noun.ESCALATION, found.id),
            "with_whom": _with_whom(named, f),
            "raiser": _raiser(named, f),
            "group": outside.group(tx, actor, found.id)
            if reviewing and f.raiser.startswith("group@")
            else None,
            "deadline": deadline(clocks[0].due, at, hours=clocks[0].hours) if clocks else None,
            "consequences": _settled(tx, actor, found.id, named) if reviewing and decided else [],
            "proposals": named.proposals if reviewing else (),
        }
    if f.person_id is not None:
        note_read(Noun.ESCALATION, found.id, f.subject_ref)
    actions, refused = _next(found)
    return page(
        "escalation.jinja",
        f=f,
        shown=shown,
        at=at,
        tags=[
            labels.state_tag(Noun.ESCALATION, str(f.state)),
            _severity_tag(f.severity),
        ],
        kind=word(labels.KINDS, f.kind),
        topic=word(labels.TOPICS, shown["topic"]) if shown["topic"] else "",
        level=word_of_level(f.level, f.kind),
        stages=_stages(f),
        may_announce=reviewing
        and decided
        and f.about != Noun.CONCERN
        and actor.role in ANNOUNCERS
        and actor.place_path is not None,
        tried=[word(TRIED, code) for code in shown["tried"] or []],
        decision=word(DECISIONS, shown["decision"]) if shown["decision"] else "",
        actions=actions,
        refused=refused,
        may_settle=Relation.REVIEWER in relations and f.state == EscalationState.DECIDED,
        back={"href": "/escalations"},
        time_words=time_words,
        day_words=day_words,
        **context,
    )


def _with_whom(named: reviews.Names, f: facts.EscalationFacts) -> str:
    """Whom it waits for now: who was asked, the reviewer who took it, or whoever may take it."""
    if f.closed_at is not None:
        return ""
    if f.asked:
        return owner_words(named, f.asked)
    return named.reviewer or owner_words(named, f.owner)


STAGES: tuple[str, ...] = (
    N_("Stage 1: between the two professionals"),
    N_("Stage 2: line managers"),
    N_("Stage 3: those who answer for the place"),
    N_("Stage 4: the chair of the board, who mediates"),
)


def word_of_level(level: int, kind: str = "") -> str:
    """What a level is called; in a disagreement between professionals it is a stage."""
    if kind == PROFESSIONAL:
        return said(STAGES[min(level, TOP_STAGE - 1)])
    return said(labels.LEVELS[level])


def _stages(f: facts.EscalationFacts) -> list[dict[str, Any]]:
    """The stages of a disagreement between professionals, the present one marked."""
    if f.kind != PROFESSIONAL:
        return []
    now = min(f.level, TOP_STAGE - 1)
    return [{"text": said(words), "now": n == now} for n, words in enumerate(STAGES)]


def _raiser(named: reviews.Names, f: facts.EscalationFacts) -> str:
    if f.raiser.startswith("group@"):
        return _("A community group, by the public form")
    if f.raised_by or f.raiser.startswith("person@"):
        return owner_words(named, f.raiser)
    if f.clock_id is None:
        return _("Segue, when a step was made that somebody has to look at")
    return _("A clock: something was late")


def _severity_tag(severity: str) -> dict[str, str]:
    tag = labels.SEVERITIES[severity]
    return {"text": _("%(severity)s severity", severity=said(tag.text)), "colour": tag.colour}


def _what(noun: str, trigger: str) -> str:
    if trigger == deciding.TELL:
        return _("Tell whoever raised it what was decided")
    return labels.button(noun, trigger)


def decided_row(row: visible.ReviewRow, became: reviews.Followed | None) -> dict[str, Any]:
    """A decided review in a list: what was decided, by whom and when, and how far it is: carried
    out, waiting and for what, or what could not be done."""
    by, there = became or reviews.Followed()
    unmade = {
        state: listed(
            [
                _("%(what)s (%(num)s)", what=_what(one.noun, one.trigger), num=one.number)
                if one.number > 1
                else _what(one.noun, one.trigger)
                for one in there
                if one.state == state
            ]
        )
        for state in ("failed", "pending")
    }
    closed = row.state == EscalationState.CLOSED
    if row.state not in (EscalationState.DECIDED, EscalationState.CLOSED):
        tag, words = labels.Tag(N_("Raised again"), "purple"), [_("Whoever raised it disagrees")]
    elif unmade["failed"]:
        tag = CONSEQUENCE_STATES["failed"]
        words = [unmade["failed"]]
        if unmade["pending"]:
            words.append(_("Still to do: %(what)s", what=unmade["pending"]))
    elif unmade["pending"]:
        tag, words = CONSEQUENCE_STATES["pending"], [unmade["pending"]]
    else:
        done = any(one.state == "done" for one in there)
        nothing = CONSEQUENCE_STATES["waived"] if there else NOTHING_TO_DO
        tag = labels.Tag(N_("Carried out"), "green") if done else nothing
        words = [] if closed else [_("Waits to be closed")]
    if row.review_on:
        words.append(_("To be looked at again on %(day)s", day=day_words(row.review_on)))
    return {
        "href": record_path(Noun.ESCALATION, row.id),
        "reference": row.reference,
        "kind": word(labels.KINDS, row.kind),
        "severity": said(labels.SEVERITIES[row.severity].text),
        "decision": word(DECISIONS, row.decision),
        "by": listed(list(by)),
        "on": local_day(row.told_at) if row.told_at else None,
        "tag": {"text": said(tag.text), "colour": tag.colour},
        "words": "; ".join(words),
    }


def _settled(
    tx: Tx, actor: Actor, escalation_id: str, named: reviews.Names | None = None
) -> list[dict[str, Any]]:
    named = named or reviews.names(tx, actor.system_id, (), escalation_id)
    return [
        {
            **one,
            "what": _what(one["noun"], one["trigger"]),
            "by_hand": one["trigger"] == deciding.TELL,
            "about": named.records.get(one["record_id"], ""),
            "href": record_path(one["noun"], one["record_id"]),
            "tag": {
                "text": said(CONSEQUENCE_STATES[one["state"]].text),
                "colour": CONSEQUENCE_STATES[one["state"]].colour,
            },
            "why": [
                f"{said(r['why'])} {said(r.get('remedy', ''))}".strip() for r in one["refusals"]
            ],
        }
        for one in lists.consequences(tx, actor, escalation_id)
    ]


# -- moves with more than the table says --------------------------------------------------------


@own_page(Noun.ESCALATION, "ask")
def ask(record_id: str, trigger: str) -> ResponseReturnValue:
    """Ask somebody who knows: the link worker, the provider, or whoever raised it."""
    actor = current_actor()
    found = read_record(Noun.ESCALATION, record_id)
    f: facts.EscalationFacts = found.facts
    with edge().reading(actor) as (tx, at):
        about = _about(tx, at, actor, f)
        keys = []
        if about.referral is not None:
            keys.append(f"member@{about.referral.link_worker_id}")
            keys.append(f"{Role.TEAM_LEAD}@{about.referral.organisation_id}")
        if about.provider is not None:
            keys.append(f"{Role.PROVIDER_LEADER}@{about.provider.organisation_id}")
        if f.raised_by is not None:
            keys.append(f.raiser)
        theirs = deciding.whom_of_person(tx, f)
        keys += theirs
        told = visible.notes(tx, actor, record_id, frozenset({"review"})) if theirs else {}
        kept = lists.one(tx, Noun.ESCALATION, actor, at, record_id) or {}
        if is_about_worker(kept.get("topic"), told.values()):
            # Whoever is complained of doesn't ask the person about it, while anybody else can.
            others = [key for key in keys if key == f.raiser or not key.startswith("member@")]
            keys = others if any(key not in actor.keys for key in others) else keys
        named = reviews.names(tx, actor.system_id, keys)
        whom = [
            (key, _("The person themselves, on their own page"))
            if key == f.raiser and f.raised_by is None
            else (key, owner_words(named, key))
            for key in dict.fromkeys(keys)
            if key not in actor.keys
        ]
    return move_page(Noun.ESCALATION, record_id, "ask", Asked(choices={"asked": whom}))


@own_page(Noun.ESCALATION, "complete")
def complete(record_id: str, trigger: str) -> ResponseReturnValue:
    """Close the review: everything that was decided is done or waived."""
    actor = current_actor()

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        return deciding.complete_escalation(
            tx, actor, at, record_id, version=form.version, key=form.key
        )

    f: facts.EscalationFacts = read_record(Noun.ESCALATION, record_id).facts
    before = ngettext(
        "The review ends. Whoever raised it is told, and can disagree within %(num)s working day.",
        "The review ends. Whoever raised it is told, and can disagree within %(num)s working days.",
        f.rules.days("escalation.reopen_within"),
    )
    if f.clock_id is not None:
        before += " " + _("If what was late is still where it was, its time starts again.")
    asked = Asked(act=act, before=before, leave_out=("note",))
    return move_page(Noun.ESCALATION, record_id, "complete", asked)


# -- deciding -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """One thing a decision may bring, with the fields that its move needs."""

    code: str
    noun: Noun
    record_id: str
    trigger: str
    words: str
    does: str  # what it does, and whom it tells
    fields: tuple[dict[str, Any], ...]


def _ways(tx: Tx, at: datetime, actor: Actor, f: facts.EscalationFacts) -> list[Way]:
    """Everything a decision about this record can bring, from where its records are now."""
    about = _about(tx, at, actor, f)
    found: list[Way] = []
    if about.referral is not None:
        found += _ways_of_referral(tx, at, actor, about.referral, CONSEQUENCES[Noun.REFERRAL])
    if about.provider is not None and about.provider.assurance_id is not None:
        found += _ways_of(
            Noun.ASSURANCE,
            about.provider.assurance_id,
            about.provider.assurance_state or "",
            about.provider.name,
            CONSEQUENCES[Noun.ASSURANCE],
            policy.rules_of(tx, about.provider.organisation_id, at),
        )
    if about.referral is None and about.provider is not None:
        for one in reviews.with_provider(tx, actor, about.provider.id):
            found += _ways_of_referral(tx, at, actor, one, ("recall",))
    return found


def _ways_of_referral(
    tx: Tx, at: datetime, actor: Actor, one: AboutReferral, triggers: tuple[str, ...]
) -> list[Way]:
    team = [
        (c.membership_id, c.name)
        for c in records.colleagues(tx, actor, at, one.organisation_id)
        if c.role == Role.LINK_WORKER and c.membership_id != one.link_worker_id
    ]
    rules = policy.rules_of(tx, one.organisation_id, at)
    return _ways_of(Noun.REFERRAL, one.id, one.state, one.reference, triggers, rules, team)


def _ways_of(
    noun: Noun,
    record_id: str,
    state: str,
    called: str,
    triggers: tuple[str, ...],
    rules: Rules,
    team: list[tuple[str, str]] | None = None,
) -> list[Way]:
    found = []
    for trigger in triggers:
        moves = TABLES[noun].moves_from(trigger, state)
        if not moves:
            continue
        code = f"{trigger}-{record_id}"
        needs = []
        for need in moves[0].needs:
            choices = (
                team or []
                if need.name == "link_worker_id"
                else _reasons(rules, noun, trigger, need)
            )
            label = _("To whom?") if need.name == "link_worker_id" else _("Why?")
            needs.append(
                {"name": f"{code}--{need.name}", "label": label, "choices": choices,
                 "need": need.name, "why": said(need.refusal.why)}
            )  # fmt: skip
        words = _("%(move)s: %(record)s", move=labels.button(noun, trigger), record=called)
        found.append(Way(code, noun, record_id, trigger, words, _does(moves[0]), tuple(needs)))
    return found


def _does(chosen: Move) -> str:
    """What a move does and whom it tells, where one chooses it; the names come before it is
    confirmed."""
    told = [said(WHOM[one.whom]) for one in chosen.follows if isinstance(one, Tell)]
    words = [said(chosen.says)]
    if any(isinstance(one, Raise) for one in chosen.follows):
        words.append(_("A review is opened about it."))
    if told:
        words.append(_("Told of it: %(who)s.", who=listed(list(dict.fromkeys(told)))))
    return " ".join(words)


def _reasons(rules: Rules, noun: Noun, trigger: str, need: Need) -> list[tuple[str, str]]:
    """The reasons in force where the record is; for what is no list of a place's, the table's."""
    name = list_of(noun, trigger, need)
    if name in policy.REASONS:
        return labels.listed_reasons(rules, name)
    return labels.choices(labels.REASONS, *need.values)


def _wanted(ways: list[Way]) -> tuple[list[Mapping[str, Any]], list[Refusal]]:
    """The consequences that were chosen, with what each needs; and what is missing of it."""
    chosen = set(request.form.getlist("do"))
    wanted: list[Mapping[str, Any]] = []
    faults = []
    if chosen - {way.code for way in ways}:
        faults.append(
            Refusal(
                "changed",
                N_("What can be done has changed meanwhile. Choose again what is to happen."),
                field="do",
            )
        )
    for way in ways:
        if way.code not in chosen:
            continue
        given: dict[str, Any] = {}
        for one in way.fields:
            value = request.form.get(one["name"], "")
            if value not in {code for code, *_words in one["choices"]}:
                faults.append(Refusal("needs", one["why"], field=one["name"]))
            given[one["need"]] = value
        wanted.append(
            {
                "noun": str(way.noun),
                "record_id": way.record_id,
                "trigger": way.trigger,
                "given": given,
            }
        )
    return wanted, faults


def _needs_second(f: facts.EscalationFacts, given: Mapping[str, Any]) -> bool:
    move = TABLES[Noun.ESCALATION].moves_from("decide", EscalationState.IN_REVIEW)[0]
    return bool(move.two_people_if and move.two_people_if(f, given))


@own_page(Noun.ESCALATION, "decide")
def decide(record_id: str, trigger: str) -> ResponseReturnValue:
    """Decision, reason and what is to happen; then what that will do; then one confirm."""
    actor = current_actor()
    found = read_record(Noun.ESCALATION, record_id)
    f: facts.EscalationFacts = found.facts
    option = found.option("decide")
    back = record_path(Noun.ESCALATION, record_id)
    title = labels.button(Noun.ESCALATION, "decide")
    gone = option is None or bool(option.refusals)
    if gone and request.method != "POST":
        return page(
            "move_refused.jinja",
            None,
            title=title,
            caption=found.caption,
            back={"href": back},
            refusals=option.refusals if option else (),
        )
    with edge().reading(actor) as (tx, at):
        ways = _ways(tx, at, actor, f)
    schema = schema_for(Noun.ESCALATION, "decide")(
        only=("decision", "note", "conditions", "review_on")
    )

    def draw(form: Form) -> str:
        form.values["do"] = request.form.getlist("do")
        return page(
            "escalation_decide.jinja",
            form,
            title=title,
            caption=found.caption,
            back={"href": back},
            ways=ways,
            severity=f.severity,
            decisions=labels.choices(DECISIONS),
        )

    looks = request.method == "POST" and not gone
    if looks and not (request.form.get("sure") or request.form.get("again")):
        preview = _preview(found, schema, ways, back)
        if preview is not None:
            return preview

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done | None:
        wanted, faults = _wanted(ways)
        if faults:
            raise wrong(Noun.ESCALATION, "decide", *faults)
        values = {n: v for n, v in given.items() if v is not None}
        if "review_on" in values:
            values["review_on"] = values["review_on"].isoformat()
        values["consequences"] = wanted
        if _needs_second(f, values):
            propose(tx, actor, at, Noun.ESCALATION, record_id, "decide", values)
            return None
        return deciding.decide_escalation(
            tx, actor, at, record_id, values, version=form.version, key=form.key
        )

    def done(made: Done | None) -> Next:
        if made is None:
            words = _(
                "Proposed. It takes two people: the other reviewers of this level and the next have"
                " been told, and one of them confirms it. Nothing has happened yet."
            )
            return Next(back, words)
        return Next(back, _carried_out(actor, record_id))

    return answer(
        draw, act, done, schema=schema, version=found.version, about=(Noun.ESCALATION, record_id)
    )


def _what_it_does(
    tx: Tx, at: datetime, first: Actor, found: Any, wanted: list[Mapping[str, Any]]
) -> tuple[str, list[dict[str, Any]]]:
    """Who hears of the decision, and each consequence in words: what `first`, who carries it out,
    does by it, to whom, why, whom that tells, and what stands in its way now."""
    previews = deciding.preview_consequences(tx, first, at, found.id, wanted)
    told = deciding.told_of_decision(tx, first, at, found.id)
    takers = [f"member@{one['given'].get('link_worker_id')}" for one in wanted]
    keys = {*told, *takers, *(key for one in previews for key in one.tells)}
    named = reviews.names(tx, first.system_id, sorted(keys))
    effects = []
    for one, preview, taker in zip(wanted, previews, takers, strict=True):
        noun, given = preview.noun, one["given"]
        move = _("%(move)s: %(record)s", move=labels.button(noun, preview.trigger),
                 record=reviews.called(tx, first, preview.record_id))  # fmt: skip
        more = [owner_words(named, taker)] if "link_worker_id" in given else []
        if given.get("reason"):
            more.append(_reason_words(found.facts.rules, noun, preview.trigger, given["reason"]))
        effects.append(
            {
                "words": f"{move} ({'; '.join(more)})" if more else move,
                "told": _told_words(named, preview.tells),
                "says": said(preview.says),
                "refusals": [f"{said(r.why)} {said(r.remedy)}".strip() for r in preview.refusals],
            }
        )
    return _told_words(named, told), effects


def _reason_words(rules: Rules, noun: Noun, trigger: str, code: str) -> str:
    """A reason in the words of the place, else ours."""
    own = rules.words("reasons", LISTS.get((str(noun), trigger), f"{noun}.{trigger}"))
    return own.get(code) or word(labels.REASONS, code)


def _preview(found: Any, schema: Schema, ways: list[Way], back: str) -> str | None:
    """What the decision will do, before it is made; None if something is missing yet."""
    try:
        given = load(schema, typed(schema, request.form), edge().clock(), form=True)
    except Wrong:
        return None
    wanted, faults = _wanted(ways)
    if faults:
        return None
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        told, effects = _what_it_does(tx, at, actor, found, wanted)
    kept = [
        (name, value)
        for name in request.form
        if name not in ("csrf_token", "key", "version", "sure", "again")
        for value in request.form.getlist(name)
    ]
    return page(
        "escalation_preview.jinja",
        Form(
            version=request.form.get("version", type=int) or found.version,
            key=request.form.get("key") or new_id(),
        ),
        caption=found.caption,
        back={"href": back},
        kept=kept,
        decision=word(DECISIONS, given["decision"]),
        reason=given["note"],
        conditions=given.get("conditions"),
        review_on=given.get("review_on"),
        two_people=_needs_second(found.facts, given),
        told=told,
        effects=effects,
        day_words=day_words,
    )


def _told_words(named: reviews.Names, keys: Iterable[str]) -> str:
    """Who hears of it: "Priya Shah, Ash Lane practice; Activity leader, Riverside Singers"."""
    beside = {"person": _("the person"), "practice": _("their practice")}
    words = (beside.get(key.partition("@")[0]) or owner_words(named, key) for key in keys)
    return "; ".join(dict.fromkeys(filter(None, words)))


def _carried_out(actor: Actor, escalation_id: str) -> str:
    """Carry out what was decided, each in a transaction of its own; what that came to in words."""
    done, failed = _carry_out_all(actor, escalation_id)
    if not done + failed:
        return _("Decided. Whoever raised it has been told.")
    if not failed:
        return _("Decided, and everything that follows has been done. Close the review next.")
    return _("Decided. Something could not be done: look at the list below.")


def _carry_out_all(actor: Actor, escalation_id: str) -> tuple[int, int]:
    """Carry out everything that is neither done nor waived; how many were done, and how many could
    not be. Each keeps what came of it."""
    with edge().reading(actor) as (tx, _at):
        left = deciding.pending(tx, escalation_id)
    done = sum(_carry_out(actor, consequence) for consequence in left)
    return done, len(left) - done


def _carry_out(actor: Actor, consequence_id: str) -> bool:
    try:
        edge().perform(actor, lambda tx, at: deciding.carry_out(tx, actor, at, consequence_id))
    except Refused as refused:
        why = refused
        edge().perform(actor, lambda tx, at: deciding.note_failure(tx, consequence_id, why))
        return False
    return True


# -- the consequences ---------------------------------------------------------------------------


def _consequence(record_id: UUID, consequence_id: UUID) -> Any:
    """The review and one of its consequences that isn't settled, for its reviewer."""
    actor = current_actor()
    found = read_record(Noun.ESCALATION, str(record_id))
    worn = {hat[1] for hat in TABLES[Noun.ESCALATION].hats(found.facts, actor)}
    with edge().reading(actor) as (tx, _at):
        known = {c["id"]: c for c in _settled(tx, actor, found.id)}
    one = known.get(str(consequence_id))
    if one is None or Relation.REVIEWER not in worn or one["state"] not in ("pending", "failed"):
        abort(404)
    return found, one


@pages.post("/escalations/<uuid:record_id>/consequences/all")
@access(STAFF)
def carry_out_everything(record_id: UUID) -> ResponseReturnValue:
    """Carry out everything that was decided and is still to do."""
    actor = current_actor()
    found = read_record(Noun.ESCALATION, str(record_id))
    worn = {hat[1] for hat in TABLES[Noun.ESCALATION].hats(found.facts, actor)}
    if Relation.REVIEWER not in worn or found.facts.state != EscalationState.DECIDED:
        abort(404)
    done, failed = _carry_out_all(actor, found.id)
    if failed:
        words = ngettext("%(num)s was done.", "%(num)s were done.", done) + " "
        words += _("Something could not be done: the list says why.")
        flash(words, "important")
    else:
        flash(_("Everything that was decided is done. Close the review next."), "success")
    return redirect(record_path(Noun.ESCALATION, found.id), 303)


@pages.post("/escalations/<uuid:record_id>/consequences/<uuid:consequence_id>/retry")
@access(STAFF)
def retry(record_id: UUID, consequence_id: UUID) -> ResponseReturnValue:
    """Try once more to carry out one thing that was decided."""
    found, one = _consequence(record_id, consequence_id)
    if _carry_out(current_actor(), one["id"]):
        flash(_("Done: %(what)s.", what=one["what"]), "success")
    else:
        flash(_("It could not be done. The list says why."), "important")
    return redirect(record_path(Noun.ESCALATION, found.id), 303)


@pages.route(
    "/escalations/<uuid:record_id>/consequences/<uuid:consequence_id>/waive",
    methods=["GET", "POST"],
)
@access(STAFF)
def waive(record_id: UUID, consequence_id: UUID) -> ResponseReturnValue:
    """Say that one thing that was decided is not needed any more, and why."""
    actor = current_actor()
    found, one = _consequence(record_id, consequence_id)
    back = record_path(Noun.ESCALATION, found.id)
    schema = schema_for(Noun.ESCALATION, "settle")(only=("reason",))

    def draw(form: Form) -> str:
        return page(
            "escalation_waive.jinja",
            form,
            caption=found.caption,
            back={"href": back},
            one=one,
            reasons=labels.listed_reasons(found.facts.rules, "escalation.waive"),
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        told = {
            "consequence_id": one["id"],
            "settled": "waived",
            "reason": given.get("reason") or "",
        }
        return step(
            tx, Noun.ESCALATION, found.id, "settle", actor, at, told,
            version=form.version, key=form.key,
        )  # fmt: skip

    return answer(
        draw,
        act,
        lambda made: Next(back, _("It is not needed any more. The reason is on record.")),
        schema=schema,
        version=found.version,
        about=(Noun.ESCALATION, found.id),
    )


# -- two people ---------------------------------------------------------------------------------


def _proposed(
    tx: Tx, at: datetime, first: Actor | None, found: Any, wanted: list[Mapping[str, Any]]
) -> tuple[str, list[dict[str, Any]]]:
    """What a proposed decision will do once it is confirmed. Whoever proposed it may have left or
    lost the review since: then nothing would come of it, and nothing is said."""
    if first is None:
        return "", []
    try:
        return _what_it_does(tx, at, first, found, wanted)
    except Refused:
        return "", []


@pages.route("/escalations/<uuid:record_id>/proposals/<uuid:proposal_id>", methods=["GET", "POST"])
@access(STAFF)
def second_person(record_id: UUID, proposal_id: UUID) -> ResponseReturnValue:
    """The second of two people reads what was proposed, and confirms it or not."""
    actor = current_actor()
    found = read_record(Noun.ESCALATION, str(record_id))
    back = record_path(Noun.ESCALATION, found.id)
    with edge().reading(actor) as (tx, at):
        proposal = records.proposal(tx, actor, str(proposal_id))
        if proposal is None or proposal.record_id != found.id or proposal.answer is not None:
            abort(404)
        if not may_answer(Noun.ESCALATION, found.facts, actor):
            abort(404)
        given: dict[str, Any] = proposal.given or {}
        first = actor_of(tx, proposal.proposed_by, at)
        told, effects = _proposed(tx, at, first, found, given.get("consequences", []))

    def draw(form: Form) -> str:
        return page(
            "escalation_second.jinja",
            form,
            caption=found.caption,
            back={"href": back},
            proposal=proposal,
            decision=word(DECISIONS, given.get("decision")),
            reason=given.get("note", ""),
            conditions=given.get("conditions"),
            review_on=date.fromisoformat(given["review_on"]) if given.get("review_on") else None,
            told=told,
            effects=effects,
            day_words=day_words,
            own=proposal.proposed_by == actor.membership_id,
        )

    def act(tx: Tx, at: datetime, told: dict[str, Any], form: Form) -> str:
        if first is None:
            raise Refused([NOT_FOUND], noun=Noun.ESCALATION, trigger="decide", record_id=found.id)
        agree = request.form.get("agree") == "yes"
        made = confirm_proposal(tx, first, actor, at, str(proposal_id), agree)
        if made is None:
            return _("Not confirmed. Nothing has happened; the reviewer can decide again.")
        return (
            banner(tx, Noun.ESCALATION, "decide", made, at)
            + " "
            + _("Whoever proposed it is told, and carries out what was decided.")
        )

    return answer(draw, act, lambda words: Next(back, words))
