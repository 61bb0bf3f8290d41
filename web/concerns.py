"""Safeguarding concerns: raising one from any page about a person, and looking after one.

A concern is there for whoever raised it (their own words, whether anybody has seen it, and the
feedback), for its holder, and for the rungs above. For everybody else it isn't found. Each view is
an audit entry, and the page says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from referral import facts, ladder, lists, records, reviews, rotas, visible
from referral.actors import Actor
from referral.audit import log, showing
from referral.facts import ConcernFacts
from referral.people_checks import under_age
from referral.records import ConcernSeen, PersonSeen
from referral.scopes import opened
from referral.states import ConcernState, Noun, Relation, Role
from referral.store import Tx
from web import accountability as answering
from web import labels
from web.access import STAFF, access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, page
from web.labels import role_name, said, word
from web.moves import CODES, QUESTIONS, Asked, move_page
from web.say import _
from web.schemas import Command
from web.schemas.concerns import KNOWS, OTHERS, YES_NO_UNSURE
from web.schemas.fields import LONG, STORY, Choice, Danger, Id, Many, Text, YesNo
from web.timelines import entries
from web.words import day_words, deadline, phone_words, time_words
from workflows import disclosure, reading
from workflows.concerns import raise_concern
from workflows.emergencies import may_read
from workflows.engine import NOT_FOUND, TABLES, Done, Option, Refused, options, step
from workflows.moves import N_, Refusal
from workflows.rotas import KEEPERS, Number, number_for, numbers_now
from workflows.tables.concerns import ADVOCATES
from workflows.working_time import local_day

pages = Blueprint("concern_pages", __name__)

PROMPTS: dict[str, str] = {
    "care_needs": N_("Do they need care and support?"),
    "abuse_or_neglect": N_("Are they experiencing abuse or neglect, or at risk of it?"),
    "unable_to_protect": N_("Because of those needs, can they not protect themselves against it?"),
}
CHILD_PROMPTS: dict[str, str] = {
    "in_need": N_("Does the child need help to be healthy or to develop well?"),
    "significant_harm": N_("Is the child suffering serious harm, or likely to?"),
}
ALL_PROMPTS = PROMPTS | CHILD_PROMPTS
OTHERS_WORDS: dict[str, str] = {
    "no": N_("No, nobody else"),
    "adults": N_("Yes, other adults"),
    "children": N_("Yes, children"),
    "both": N_("Yes, adults and children"),
    "not_sure": N_("Not sure"),
}
ADVOCATE_WORDS: dict[str, str] = {
    "not_needed": N_("They can speak for themselves"),
    "has_one": N_("Somebody speaks for them"),
    "needed": N_("They need somebody to speak for them"),
    "not_known": N_("Not known"),
}
CATEGORY_WORDS: dict[str, str] = {
    "physical": N_("Physical"),
    "sexual": N_("Sexual"),
    "psychological": N_("Psychological or emotional"),
    "financial": N_("Money or belongings"),
    "neglect": N_("Neglect"),
    "self_neglect": N_("Self-neglect"),
    "discriminatory": N_("Discrimination"),
    "organisational": N_("How an organisation treats people"),
    "domestic_abuse": N_("Domestic abuse"),
    "modern_slavery": N_("Modern slavery"),
}
NOT_ASKED_WORDS: dict[str, str] = {
    "more_risk": N_("Asking could put them at more risk"),
    "could_not_ask": N_("They could not be reached"),
    "no_capacity": N_("They cannot decide this themselves"),
    "did_not_want": N_("They did not want to say"),
    "other": N_("Another reason"),
}
# How yes is said to each of these questions: see `labels.yes_no`.
ANSWERED: dict[str, str] = {
    "care_needs": "there",
    "abuse_or_neglect": "they",
    "unable_to_protect": "they",
    "in_need": "there",
    "significant_harm": "it",
}
KNOWS_WORDS: dict[str, str] = {
    "yes": N_("Yes, they know"),
    "no_more_risk": N_("No: telling them could put them at more risk"),
    "no_could_not_ask": N_("No: I could not ask them"),
    "no_capacity": N_("No: they cannot decide this themselves"),
    "no_other": N_("No, for another reason"),
}
WISHES_MET: dict[str, str] = {
    "fully": N_("Fully"),
    "partly": N_("Partly"),
    "not": N_("Not"),
    "not_asked": N_("They were not asked"),
}
DECISIONS: dict[str, str] = {
    "section_42": N_("It makes an enquiry (section 42)"),
    "section_47": N_("It makes an enquiry about a child (section 47)"),
    "section_17": N_("The child gets help as a child in need (section 17)"),
    "other": N_("It makes another enquiry"),
    "none": N_("It makes no enquiry"),
    "unknown": N_("Not known yet"),
}
REACH: dict[str, str] = {
    "provider": N_("Only with the provider named below"),
    "all": N_("All referrals of the person"),
}
CODES.update(
    {
        "wishes_met": WISHES_MET,
        "authority_decision": DECISIONS,
        "reach": REACH,
        "authority_route": labels.AUTHORITIES,
        "why_not_asked": NOT_ASKED_WORDS,
        "advocate": ADVOCATE_WORDS,
    }
)
WHEN_TOLD = (
    N_("When?"),
    N_("Leave this empty if it was just now. For example, 2:15pm, or 16 May 2026 at 10pm"),
)
IF_YOU_WANT = N_("If you want to.")
QUESTIONS.update(
    {
        "concern.note": (N_("Anything to note?"), N_("Only those who look after it read it.")),
        "concern.acknowledge.hold_stays": (
            N_("Do the person's referrals stay on hold?"),
            N_("They stay on hold unless you say no."),
        ),
        "concern.acknowledge.categories": (
            N_("What kind of harm may it be?"), N_("Choose all you think of, if you know."),
        ),
        "concern.review.categories": (
            N_("What kind of harm is it?"), N_("Only if it has changed. Choose all."),
        ),
        "concern.advocate": (
            N_("Does somebody speak for the person?"),
            N_("Where it is hard for them to take part, somebody must be found to help them."),
        ),
        "concern.report_to_authority.authority_route": (N_("Which authority did you tell?"), ""),
        "concern.report_to_authority.reported_to": (
            N_("Whom did you speak to?"), N_("A name or a team, if you know it."),
        ),
        "concern.report_to_authority.told_at": WHEN_TOLD,
        "concern.told_authority.authority_route": (N_("Whom did you tell?"), ""),
        "concern.told_authority.told_at": WHEN_TOLD,
        "concern.told_authority.authority_reference": (
            N_("The number they gave you"), N_("If they gave one."),
        ),
        "concern.report_to_authority.authority_reference": (
            N_("Its reference"), N_("If it gave one."),
        ),
        "concern.told_authority.reported_to": (
            N_("Whom did you speak to?"),
            N_("A name or a team, if you know it. A person here still reads your concern."),
        ),
        "concern.authority_decides.authority_decision": (N_("What did the authority decide?"), ""),
        "concern.review.note": (N_("What did you find?"), ""),
        "concern.hold.reach": (N_("What is put on hold?"), ""),
        "concern.hold.hold_provider_id": (N_("Which provider?"), IF_YOU_WANT),
        "concern.hand_over.holder": (N_("Who holds it from now?"), ""),
        "concern.strike_source.source_id": (N_("Who was named by mistake?"), ""),
        "concern.strike_source.note": (
            N_("How do you know?"), N_("Only those who look after it read it."),
        ),
        "concern.close.wishes": (
            N_("What did the person wish for?"), N_("In their words. Leave it empty if it stands"
            " above."),
        ),
        "concern.close.wishes_met": (N_("Was what the person wished for met?"), ""),
        "concern.close.why_not_asked": (
            N_("If they were not asked, why?"), N_("Leave this empty if they were."),
        ),
        "concern.close.reason": (N_("How does it end?"), ""),
        "concern.close.feedback": (
            N_("Feedback to whoever raised it"),
            N_("They read these words. Leave out what is not theirs to know."),
        ),
        "concern.close.why_unreported": (
            N_("If you do not report it, why need it not be?"),
            N_("It is kept in the history of the concern. Whoever raised it does not read this."),
        ),
        "concern.reopen.reason": (N_("Why is it taken up again?"), ""),
        "concern.reopen.safe_to_carry_on": (
            N_("Is it safe for referrals to go on meanwhile?"),
            N_("They are put on hold unless you say yes."),
        ),
    }
)  # fmt: skip
# What is asked before the rest.
FIRST = {
    "close": ("why_unreported", "wishes"),
    "report_to_authority": ("authority_route",),
    "told_authority": ("authority_route",),
}
BEFORE = {
    "acknowledge": N_(
        "Whoever raised it is told that you have read it. A decision is due in 1 working day."
    ),
    "monitor": N_("A plan is followed. You look at it again in 30 working days."),
    "release": N_("The person's referrals go on, with the time that was left."),
    "climb": N_("It goes to the next rung. You no longer hold it."),
    "hand_over": N_("They are told at once. You no longer hold it."),
    "hold": N_("Others see only “On hold”, which has many ordinary reasons."),
    "strike_source": N_(
        "From now on they may see the person's record again, as far as their work goes. The hold"
        " stays until you lift it."
    ),
}


# -- raising ------------------------------------------------------------------------------------


class RaisePage(Command):
    """A worry, as it is written down: only what was seen and whether there is danger is asked."""

    seen = Text(N_("Write what you saw or were told."), most=STORY)
    danger = Danger(N_("Say whether anyone is in danger now."))
    care_needs = Choice(YES_NO_UNSURE)
    abuse_or_neglect = Choice(YES_NO_UNSURE)
    unable_to_protect = Choice(YES_NO_UNSURE)
    in_need = Choice(YES_NO_UNSURE)
    significant_harm = Choice(YES_NO_UNSURE)
    child = Choice(YES_NO_UNSURE)
    wishes = Text(most=LONG)
    person_knows = Choice(KNOWS, wrong=N_("Choose whether the person knows."))
    others_at_risk = Choice(OTHERS)
    advocate = Choice(ADVOCATES)
    source_users = Many(Id(N_("Choose from the list.")), most=10)
    source_organisations = Many(Id(N_("Choose from the list.")), most=10)
    source_words = Text(most=LONG)
    safe_to_carry_on = YesNo()


@dataclass(frozen=True)
class About:
    """Whom a concern is about, and who may be named as a source of harm."""

    heading: str
    back: str
    values: dict[str, str]
    staff: tuple[tuple[str, str], ...]
    organisations: tuple[tuple[str, str], ...]
    numbers: tuple[dict[str, str], ...]
    child: bool | None = False  # None: not known
    whom: str = ""  # the person's name, or as much of it as the viewer sees elsewhere


def _staff(
    tx: Tx, actor: Actor, at: datetime, organisations: Iterable[str]
) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for organisation_id in organisations:
        for c in records.colleagues(tx, actor, at, organisation_id):
            found.setdefault(
                c.user_id,
                _("%(name)s, %(role)s, %(where)s", name=c.name, role=role_name(c.role).lower(),
                  where=c.organisation),
            )  # fmt: skip
    return tuple(found.items())


def numbers(tx: Tx, actor: Actor, at: datetime) -> tuple[dict[str, str], ...]:
    """The numbers that answer at this hour, each with whose it is."""
    return tuple(
        {"name": _whose(number), "phone": phone_words(number.phone)}
        for number in numbers_now(tx, actor.organisation_id, at)
    )


def _whose(number: Number) -> str:
    name = said(number.name)
    if number.serves == "anyone":
        return name
    return _("%(name)s (%(whom)s)", name=name, whom=word(labels.SERVES, number.serves).lower())


@pages.route("/referrals/<uuid:record_id>/concern", methods=["GET", "POST"])
@access(STAFF)
def about_referral(record_id: UUID) -> ResponseReturnValue:
    """From a referral's page."""
    actor = current_actor()
    rid = str(record_id)
    with edge().reading(actor) as (tx, at):
        f = facts.referral(tx, rid, actor, at)
        if f is None or not may_read(Noun.REFERRAL, f, actor):
            raise Refused([NOT_FOUND], noun=Noun.CONCERN, trigger="raise", record_id=None)
        r = records.referral(tx, actor, rid)
        if r is None:
            raise Refused([NOT_FOUND], noun=Noun.CONCERN, trigger="raise", record_id=None)
        told = reading.situations(tx, actor, at, [rid])
        open_to = "team" in disclosure.fields(told[rid]) if rid in told else False
        if not open_to:
            return _raise(_own_only(tx, at, r.reference, rid))
        link_worker = records.colleague(tx, actor, at, r.link_worker_id)
        mine = [r.provider_org] if actor.organisation_id == r.provider_org else [
            r.provider_org, r.organisation_id,
        ]  # fmt: skip
        staff = _staff(tx, actor, at, mine)
        if link_worker and link_worker.user_id not in dict(staff):
            staff = (*staff, (link_worker.user_id, f"{link_worker.name}, {r.organisation}"))
        p = records.person_of(tx, actor, at, r.person_id)
        about = About(
            r.reference,
            f"/referrals/{rid}",
            {"referral_id": rid},
            staff,
            ((r.provider_org, r.provider), (r.organisation_id, r.organisation)),
            numbers(tx, actor, at),
            under_age(p.birth_date if p else None, local_day(at)),
            _called(p, disclosure.fields(told[rid])) if p else "",
        )
    return _raise(about)


def _own_only(tx: Tx, at: datetime, reference: str, rid: str) -> About:
    """Where nothing but the reference is shared with the viewer: their own organisation alone can
    be chosen, and anybody else written in words."""
    actor = current_actor()
    return About(
        reference,
        f"/referrals/{rid}",
        {"referral_id": rid},
        _staff(tx, actor, at, [actor.organisation_id]),
        ((actor.organisation_id, actor.organisation_name),),
        numbers(tx, actor, at),
        None,
    )


def _name_of(tx: Tx, actor: Actor, at: datetime, person_id: str, referral_id: str | None) -> str:
    """What the viewer may call the person now: as on the page of the referral it is about, or of
    the person. Empty where they see a reference alone."""
    p = records.person_of(tx, actor, at, person_id)
    if p is None:
        return ""
    if referral_id is None:
        return _called(p, _fields(p, actor))
    told = reading.situations(tx, actor, at, [referral_id]).get(referral_id)
    return _called(p, disclosure.fields(told)) if told else ""


def _fields(p: PersonSeen, actor: Actor) -> frozenset[str]:
    """What the viewer sees of the person's own record."""
    if records.in_reach(p, actor) or opened(actor, p.id):
        return disclosure.person_fields(actor.role, p.closed_to_actor)
    return frozenset()


def _called(p: PersonSeen, seen: frozenset[str]) -> str:
    if "name" in seen:
        return p.name
    return disclosure.first_name(p.given_name) if "first_name" in seen else ""


@pages.route("/people/<uuid:person_id>/concern", methods=["GET", "POST"])
@access(STAFF)
def about_person(person_id: UUID) -> ResponseReturnValue:
    """From a person's page."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        p = records.person_to_read(tx, actor, at, str(person_id))
        if p is None:
            raise Refused([NOT_FOUND], noun=Noun.CONCERN, trigger="raise", record_id=None)
        providers = [] if p.closed_to_actor else records.provider_organisations_of(tx, p)
        about = About(
            p.reference,
            f"/people/{p.id}",
            {"person_id": p.id},
            _staff(tx, actor, at, [p.organisation_id, *(org for org, _name in providers)]),
            (*providers, (p.organisation_id, p.organisation)),
            numbers(tx, actor, at),
            under_age(p.birth_date, local_day(at)),
            _called(p, _fields(p, actor)),
        )
    return _raise(about)


@pages.route("/providers/<uuid:provider_id>/concern", methods=["GET", "POST"])
@access(STAFF)
def about_provider(provider_id: UUID) -> ResponseReturnValue:
    """How a provider treats people."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = records.provider(tx, actor, str(provider_id))
        if found is None:
            raise Refused([NOT_FOUND], noun=Noun.CONCERN, trigger="raise", record_id=None)
        organisation_id, name = found
        about = About(
            name,
            "/",
            {"provider_id": str(provider_id)},
            _staff(tx, actor, at, [organisation_id]),
            ((organisation_id, name),),
            numbers(tx, actor, at),
        )
    return _raise(about)


def _raise(about: About) -> ResponseReturnValue:
    """The form, and the concern raised from it."""
    actor = current_actor()

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        values: dict[str, Any] = dict(about.values)
        for name in (
            "seen", "danger", "wishes", "person_knows", "safe_to_carry_on", "others_at_risk",
            "advocate",
        ):  # fmt: skip
            if given.get(name) is not None:
                values[name] = given[name]
        if given.get("child") in ("yes", "no"):
            values["child"] = given["child"] == "yes"
        prompts = {name: given[name] for name in ALL_PROMPTS if given.get(name)}
        if prompts:
            values["prompts"] = prompts
        values["sources"] = _sources(about, given)
        if "provider_id" in values:
            values["reach"] = "provider"
        return raise_concern(tx, actor, at, values, key=form.key)

    return answer(
        lambda form: page(
            "concern/raise.jinja",
            form,
            about=about,
            prompts=_prompts(about, PROMPTS, about.child is not True),
            child_prompts=_prompts(about, CHILD_PROMPTS, about.child is not False),
            others=[(code, said(text)) for code, text in OTHERS_WORDS.items()],
            advocates=[(code, said(text)) for code, text in ADVOCATE_WORDS.items()],
            not_sure=("not_sure", _("Not sure")),
            knows=[(code, said(text)) for code, text in KNOWS_WORDS.items()],
            back={"href": about.back},
        ),
        command,
        lambda done: Next(f"/concerns/{done.id}"),
        schema=RaisePage(),
    )


def _prompts(about: About, prompts: dict[str, str], asked: bool) -> list[tuple[str, str, str]]:
    """The statutory questions that may be asked of this person, and how each is answered."""
    return [(n, said(text), ANSWERED[n]) for n, text in prompts.items()] if asked else []


def _answered(name: str, code: str) -> str:
    """What was answered to one of them."""
    return dict(labels.answers(ANSWERED[name], ("not_sure", _("Not sure"))))[code]


def _sources(about: About, given: dict[str, Any]) -> list[dict[str, str]]:
    """Who was named, of those who could be; whoever has no account, in words."""
    staff, organisations = dict(about.staff), dict(about.organisations)
    found = [{"user_id": i} for i in given.get("source_users") or () if i in staff]
    found += [
        {"organisation_id": i}
        for i in given.get("source_organisations") or ()
        if i in organisations
    ]
    if given.get("source_words"):
        found.append({"words": given["source_words"]})
    return found


# -- looking after ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """A concern as its holder, a rung above, or its raiser sees it. `full`: holder or above."""

    seen: ConcernSeen
    facts: ConcernFacts
    full: bool
    options: tuple[Option, ...]
    number: Number | None
    calls: tuple[records.CallSeen, ...]
    due: tuple[datetime, bool] | None
    timeline: reading.Timeline | None
    feedback: str | None
    at: datetime
    holder: str
    sources: tuple[records.SourceSeen, ...]
    person: str
    person_href: str | None


def look(tx: Tx, at: datetime, concern_id: str, *, brief: bool = False) -> Shown:
    """A concern, for whoever it is there for, and the entry that it was read; `brief`: without its
    history and who is in it. Raises Refused: not_found for everybody else."""
    actor = current_actor()
    f = facts.concern(tx, concern_id, actor, at)
    c = records.concern(tx, actor, concern_id)
    if f is None or c is None:
        raise Refused([NOT_FOUND], noun=Noun.CONCERN, trigger="read", record_id=None)
    hats = TABLES[Noun.CONCERN].hats(f, actor)
    full = any(relation in (Relation.HOLDER, Relation.LADDER) for _role, relation in hats)
    full = full or (opened(actor, f.person_id) and may_read(Noun.CONCERN, f, actor))
    mine = c.raised_by is not None and c.raised_by == actor.membership_id and not f.raiser_named
    if not full and not mine:
        raise Refused([NOT_FOUND], noun=Noun.CONCERN, trigger="read", record_id=None)
    log(tx, actor, at, "read", "concern", concern_id, subject=f.subject_ref)
    told = full and not brief
    awaited = not brief and not full and c.state == "raised"  # whom to ring, and until when
    timed = awaited or (told and c.state != "closed")
    clock = next(iter(records.clocks(tx, concern_id)), None) if timed else None
    person, href = _person(tx, at, c) if told else ("", None)
    history = (
        reading.of_concern(
            tx, actor, concern_id, visible.steps_since(tx, actor, at, Noun.CONCERN, concern_id)
        )
        if told
        else None
    )
    return Shown(
        c,
        f,
        full,
        tuple(options(Noun.CONCERN, f, actor, at)) if hats else (),
        number_for(tx, concern_id, at) if awaited else None,
        tuple(k for k in records.calls(tx, concern_id) if full or k.member == actor.membership_id),
        (clock.due, clock.hours) if clock else None,
        history,
        _feedback(tx, concern_id, history) if c.state == "closed" else None,
        at,
        _holder(tx, c.holder) if told else "",
        tuple(records.sources(tx, concern_id)) if told else (),
        person,
        href,
    )


def _feedback(tx: Tx, concern_id: str, history: reading.Timeline | None) -> str | None:
    """What its raiser was told when it was closed: the words of its last such step."""
    if history is None:
        return records.feedback(tx, concern_id)
    closing = [step.note_id for step in history.steps if step.trigger == "close" and step.note_id]
    return history.notes.get(closing[0]) if closing else None


def _holder(tx: Tx, key: str) -> str:
    return _holder_words(*records.owner(tx, key))


def _holder_words(kind: str, name: str) -> str:
    if kind == "member":
        return name
    if kind == "outside":
        return _("The outside contact of %(place)s", place=name)
    return _("%(role)s, %(where)s", role=role_name(kind), where=name)


def _person(tx: Tx, at: datetime, c: ConcernSeen) -> tuple[str, str | None]:
    """Whom it is about: a holder must know; the record opens only for those whose it is."""
    if c.person_id is None:
        return c.provider or "", None
    actor = current_actor()
    p = records.person_of(tx, actor, at, c.person_id)
    if p is None:
        return "", None
    return p.name, (
        f"/people/{p.id}" if records.in_reach(p, actor) or opened(actor, p.id) else None
    )


@pages.get("/concerns/<uuid:concern_id>")
@access(STAFF)
def show(concern_id: UUID) -> ResponseReturnValue:
    """The receipt of whoever raised it, or the page of whoever looks after it."""
    actor = current_actor()
    shown = edge().perform(actor, lambda tx, at: look(tx, at, str(concern_id)))
    c = shown.seen
    can = {o.trigger for o in shown.options if o.allowed}
    can.discard("raise")
    line = deadline(shown.due[0], shown.at, hours=shown.due[1]) if shown.due else None
    moves = _moves(shown, can)
    common = {
        "shown": shown,
        "c": c,
        "tag": labels.state_tag("concern", c.state),
        "deadline": line,
        "unseen_by_anyone": c.state == "raised",
        "ring": _ring(shown.number),
        "calls": [_call(k) for k in shown.calls],
        "moves": moves[:AS_BUTTONS],
        "more": moves[AS_BUTTONS:],
        "back": {"href": "/concerns", "text": _("Back to concerns")},
    }
    if not shown.full:
        implicated = shown.facts.actor_implicated
        name = ""
        if c.person_id is not None and not implicated:
            with edge().reading(actor) as (tx, at):
                name = _name_of(tx, actor, at, c.person_id, c.referral_id)
        return page(
            "concern/receipt.jinja",
            None,
            whom=""
            if implicated
            else ", ".join(x for x in (name or c.provider, c.referral_reference) if x),
            seen_by=None if implicated else c.acknowledged_by,
            seen_at=time_words(c.acknowledged_at),
            **common,
        )
    with edge().reading(actor) as (tx, at):
        accountability = answering.drawn(tx, at, actor, Noun.CONCERN, c.id)
    return page(
        "concern/show.jinja",
        None,
        accountability=accountability,
        who=_who(shown, actor),
        says=said(TABLES[Noun.CONCERN].states[c.state].says),  # type: ignore[index]
        rows=_rows(shown),
        staff_to_report=_staff_to_report(shown),
        refused=_refused(shown),
        entries=entries(
            Noun.CONCERN,
            shown.timeline.steps if shown.timeline else [],
            shown.at,
            _with_reasons(shown),
        ),
        **common,
    )


def _ring(number: Number | None) -> dict[str, str] | None:
    """Whom to ring now, for the page; None where the place keeps nobody."""
    if number is None:
        return None
    return {"name": _whose(number), "phone": phone_words(number.phone)}


def _call(k: records.CallSeen) -> str:
    """One call in words: who was told, when, by whom, and the number they gave."""
    whom = ", ".join(x for x in (word(labels.AUTHORITIES, k.route), k.whom) if x)
    words = [_("%(whom)s, %(when)s", whom=whom, when=time_words(k.told_at))]
    if k.told_by:
        words.append(_("told by %(who)s", who=k.told_by))
    if k.reference:
        words.append(_("their reference: %(reference)s", reference=k.reference))
    return ", ".join(words)


def _staff_to_report(shown: Shown) -> str | None:
    """The authority for worries about staff, where somebody on staff is named and it has not been
    told yet."""
    if not shown.facts.staff_unreported or shown.seen.state == "closed":
        return None
    return word(labels.AUTHORITIES, _about_staff(shown))


def _about_staff(shown: Shown) -> str:
    """The kind of authority that hears of staff, by whom the concern is about."""
    return rotas.ALLEGATIONS[0] if shown.facts.child else rotas.ALLEGATIONS[1]


def _who(shown: Shown, actor: Actor) -> str:
    if shown.seen.state == "closed":
        return _("Nothing more is awaited")
    if shown.seen.holder in actor.keys:
        return _("With you now")
    return _("With %(who)s now", who=shown.holder)


def _with_reasons(shown: Shown) -> dict[str, str]:
    """What was written with each step, and behind the feedback why staff were not reported."""
    if shown.timeline is None:
        return {}
    notes = dict(shown.timeline.notes)
    for step_ in shown.timeline.steps:
        why = shown.timeline.beside.get(step_.version)
        if why and step_.note_id:
            words = _("Not reported, though somebody on staff was named: %(why)s", why=why)
            notes[step_.note_id] = "\n\n".join(x for x in (notes.get(step_.note_id), words) if x)
    return notes


ORDER = (
    "acknowledge", "report_to_authority", "authority_decides", "review", "monitor", "close",
    "told_authority", "name_source", "strike_source", "hold", "release", "hand_over", "climb",
    "reopen",
)  # fmt: skip


AS_BUTTONS = 3  # the likely step and two more; the rest are links below


def _moves(shown: Shown, can: set[str]) -> list[dict[str, str]]:
    """What can be done, the likely step first."""
    found = [
        {
            "text": labels.button("concern", trigger),
            "href": labels.move_path("concern", shown.seen.id, trigger),
        }
        for trigger in ORDER
        if trigger in can and (trigger != "release" or shown.seen.on_hold)
    ]
    for one in found[1:]:
        one["variant"] = "secondary"
    return found


def _refused(shown: Shown) -> list[dict[str, Any]]:
    own = ("not_your_role", "not_your_record", "no_such_move")
    return [
        {
            "cannot": _(
                "You cannot do this yet: %(move)s", move=labels.button("concern", o.trigger)
            ),
            "why": [{"sentence": said(r.why), "remedy": said(r.remedy)} for r in o.refusals],
        }
        for o in shown.options
        if not o.allowed and not any(r.code in own for r in o.refusals)
    ]


def _source(s: records.SourceSeen) -> str:
    return ", ".join(x for x in (s.name, s.organisation, s.words) if x)


def _rows(shown: Shown) -> list[dict[str, str]]:
    """The facts, in order."""
    c = shown.seen
    prompts = c.prompts or {}
    sources = [_source(s) for s in shown.sources if s.struck_at is None]
    struck = [
        _("%(who)s, taken out %(when)s", who=_source(s), when=time_words(s.struck_at))
        for s in shown.sources
        if s.struck_at is not None
    ]
    pairs: list[tuple[str, Any]] = [
        (_("Referral"), c.referral_reference),
        (_("Danger now"), _("Yes, or not sure") if c.danger else labels.yes_no("there")[1]),
        (_("Raised by"), ", ".join(x for x in (c.raiser, c.raiser_organisation) if x)),
        (_("Raised"), time_words(c.created_at)),
        (_("Read by"), _("%(who)s, %(when)s", who=c.acknowledged_by,
                         when=time_words(c.acknowledged_at)) if c.acknowledged_by else None),
        (_("A child"), _("Yes, under 18") if shown.facts.child else None),
        *((said(text), _answered(name, prompts[name])) for name, text in ALL_PROMPTS.items()
          if name in prompts),
        (_("Others at risk"), word(OTHERS_WORDS, c.others_at_risk)),
        (_("Kinds of harm"), ", ".join(word(CATEGORY_WORDS, x) for x in c.categories or ())),
        (_("What the person wishes"), c.wishes),
        (_("Does the person know?"), word(KNOWS_WORDS, c.person_knows)),
        (_("Somebody to speak for them"), word(ADVOCATE_WORDS, c.advocate)),
        (_("Named as a source of harm"), "; ".join(sources)),
        (_("Named by mistake"), "; ".join(struck)),
        (_("On hold"), labels.yes_no("it")[0 if c.on_hold else 1]),
        (_("Authority told"), ", ".join(
            x for x in (word(labels.AUTHORITIES, c.authority_route), c.reported_to,
                        c.authority_reference) if x)),
        (_("The authority decided"), word(DECISIONS, c.authority_decision)),
        (_("Closed"), day_words(c.closed_at.date()) if c.closed_at else None),
        (_("Wishes met"), word(WISHES_MET, c.wishes_met)),
        (_("Why they were not asked"), word(NOT_ASKED_WORDS, c.why_not_asked)),
        (_("Feedback given"), shown.feedback),
    ]  # fmt: skip
    return [{"key": key, "value": str(value)} for key, value in pairs if value]


SHOW: dict[str, str] = {
    "": N_("Open, with you first"),
    "others": N_("With others"),
    "closed": N_("Closed"),
}
A_PAGE = 25
IN_A_LINE = ("id", "reference", "state", "created_at", "danger", "holder", "raised_by")


@pages.get("/concerns")
@access(STAFF)
def concerns() -> ResponseReturnValue:
    """The concerns one holds, those of lower rungs, and those one raised; or, a page at a time,
    those with others or closed, of those one may read. References only."""
    actor = current_actor()
    show = request.args.get("show", "")
    if show in ("others", "closed"):
        return _some(actor, show, request.args.get("after", ""))
    with edge().reading(actor) as (tx, at):
        held = records.concerns_held(tx, actor, at)
        below = [
            c for c in records.concerns_below(tx, actor, at) if c.id not in {h.id for h in held}
        ]
        raised = records.concerns_raised(tx, actor)
        holders = _holders(tx, actor, {c.id: c.holder for c in below})
    showing(Noun.CONCERN, (c.id for c in (*held, *below, *raised)))
    return page(
        "concern/list.jinja",
        None,
        held=[_line(c, at) for c in held],
        below=[_line(c, at, holders[c.id]) for c in below],
        raised=[_line(c, at) for c in raised],
        show="",
        shows=_shows(show),
        looks_after=actor.role in (Role.SAFEGUARDING_LEAD, Role.ACCOUNTABLE_OFFICER) or bool(held),
        keeps_rota=actor.role in KEEPERS and actor.place_path is not None,
    )


def _shows(show: str) -> list[dict[str, Any]]:
    return [
        {
            "text": said(words),
            "href": f"/concerns?show={code}" if code else "/concerns",
            "current": code == show,
        }
        for code, words in SHOW.items()
    ]


def _some(actor: Actor, show: str, after: str) -> ResponseReturnValue:
    """The closed ones, or the open ones that somebody else holds, the newest first."""
    try:
        after = str(UUID(after)) if after else ""
    except ValueError:
        abort(404)
    closed = show == "closed"
    with edge().reading(actor) as (tx, at):
        found = lists.page(
            tx,
            Noun.CONCERN,
            actor,
            at,
            after=after or None,
            most=A_PAGE + 1,
            states=[str(s) for s in ConcernState if (s == ConcernState.CLOSED) is closed],
            filters={} if closed else {"held": "no"},
            only=IN_A_LINE,
        )
        shown = found[:A_PAGE]
        clocks = {} if closed else reviews.clocks_of(tx, [one["id"] for one in shown])
        # A raiser is told by when, not with whom.
        with_whom = {
            one["id"]: one["holder"]
            for one in shown
            if not closed and one["raised_by"] != actor.membership_id
        }
        holders = _holders(tx, actor, with_whom)
    showing(Noun.CONCERN, (one["id"] for one in shown))
    older = f"/concerns?show={show}&after={shown[-1]['id']}" if len(found) > A_PAGE else None
    return page(
        "concern/list.jinja",
        None,
        some=[
            _line(_listed(one, clocks.get(one["id"], ())), at, holders.get(one["id"], ""))
            for one in shown
        ],
        show=show,
        shows=_shows(show),
        older=older,
        newest=f"/concerns?show={show}" if after else None,
    )


def _listed(one: dict[str, Any], clocks: Sequence[records.ClockSeen]) -> records.ConcernListed:
    due, hours = (clocks[0].due, clocks[0].hours) if clocks else (None, None)
    return records.ConcernListed(
        **{name: one[name] for name in IN_A_LINE if name != "raised_by"}, due=due, hours=hours
    )


def _holders(tx: Tx, actor: Actor, held: Mapping[str, str]) -> dict[str, str]:
    """Who holds each of these concerns, in words. `held`: the owner key, by the concern's id."""
    named = reviews.names(tx, actor.system_id, held.values())
    return {one: _holder_words(*named.owners[key]) for one, key in held.items()}


def _line(c: records.ConcernListed, at: datetime, holder: str = "") -> dict[str, Any]:
    return {
        "href": f"/concerns/{c.id}",
        "name": c.reference,
        "tag": labels.state_tag("concern", c.state),
        "reason": said(TABLES[Noun.CONCERN].states[c.state].says),  # type: ignore[index]
        "meta": [
            _("raised %(when)s", when=time_words(c.created_at)),
            *([_("danger now")] if c.danger else []),
            *([_("with %(who)s", who=holder)] if holder else []),
        ],
        "deadline": deadline(c.due, at, hours=bool(c.hours)) if c.due else None,
    }


# -- its moves ----------------------------------------------------------------------------------


@pages.route("/concerns/<uuid:concern_id>/<move>", methods=["GET", "POST"])
@access(STAFF)
def concern_move(concern_id: UUID, move: str) -> ResponseReturnValue:
    """The form of a move on a concern."""
    actor = current_actor()
    cid, trigger = str(concern_id), move.replace("-", "_")
    shown = edge().perform(actor, lambda tx, at: look(tx, at, cid, brief=True))
    if trigger not in ORDER or "_" in move:
        raise Refused([NOT_FOUND], noun=Noun.CONCERN, trigger="read", record_id=None)
    if trigger == "name_source":
        return _name_source(shown)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        told = dict(given)
        if trigger == "told_authority":
            told["note"] = " ".join(
                str(x)
                for x in (
                    word(labels.AUTHORITIES, told.get("authority_route")),
                    told.get("reported_to"),
                    told.get("note"),
                )
                if x
            )
        if trigger == "hold" and told.get("reach") == "provider" and not (
            told.get("hold_provider_id") or shown.seen.provider_id
        ):  # fmt: skip
            raise _wrong("hold_provider_id", N_("Choose the provider."))
        if trigger == "hand_over" and form.version in (None, shown.seen.version):
            _check_holder(tx, at, cid, str(told.get("holder")), shown)
        return step(
            tx, Noun.CONCERN, cid, trigger, actor, at, told, version=form.version, key=form.key
        )

    unreported: dict[str, Any] = {}
    with edge().reading(actor) as (tx, at):
        choices = _choices(tx, at, shown, trigger)
        whom = _person(tx, at, shown.seen)[0] if shown.full else ""
        if trigger == "close":
            unreported = _unreported(tx, shown)
    leave_out: tuple[str, ...] = ()
    if trigger == "close":
        leave_out = ("note",)  # the feedback is the note of this step
        if not unreported:
            leave_out = (*leave_out, "why_unreported")
    if trigger == "acknowledge" and not shown.seen.on_hold:
        leave_out = ("hold_stays",)
    before = said(BEFORE.get(trigger, ""))
    if trigger == "close" and shown.seen.wishes:
        before = _("What the person wished: %(wishes)s", wishes=shown.seen.wishes)
    if trigger == "hold" and shown.seen.person_id is None:
        leave_out = ("hold_provider_id",)
    return move_page(
        Noun.CONCERN,
        cid,
        trigger,
        Asked(
            before=before,
            choices=choices,
            leave_out=leave_out,
            first=FIRST.get(trigger, ()),
            act=act,
            template="concern/close.jinja" if trigger == "close" else "move.jinja",
            context={**unreported, "whom": whom},
        ),
    )


def _unreported(tx: Tx, shown: Shown) -> dict[str, Any]:
    """For the page that closes a concern: whom its own route hasn't been told of, the authority
    with how it is reached, and where the call is written down."""
    staff_to_report = _staff_to_report(shown)
    if staff_to_report is None:
        return {}
    there = records.sources(tx, shown.seen.id)
    named = [s for s in there if s.unreported]
    route = _about_staff(shown)
    reached = {kind: how for kind, _name, how in _routes(tx, shown, "report_to_authority")}
    return {
        "staff_to_report": staff_to_report,
        "reached": reached[route],
        "named": [_source(s) for s in named],
        "ways": [
            {
                "text": labels.button("concern", trigger),
                "href": labels.move_path("concern", shown.seen.id, trigger),
            }
            for trigger in ("report_to_authority", "told_authority")
        ],
    }


class NameSource(Command):
    """Who may be harming the person, said while the concern is open, and how one knows."""

    source_users = Many(Id(N_("Choose from the list.")), most=10)
    source_organisations = Many(Id(N_("Choose from the list.")), most=10)
    source_words = Text(most=LONG)
    note = Text(N_("Write how you know."), most=LONG)


def _name_source(shown: Shown) -> ResponseReturnValue:
    """Name somebody later: from that moment they neither see the concern nor act on it."""
    actor, cid = current_actor(), shown.seen.id
    back = f"/concerns/{cid}"
    option = next((o for o in shown.options if o.trigger == "name_source"), None)
    title = labels.button("concern", "name_source")
    context: dict[str, Any] = {
        "title": title, "caption": shown.seen.reference, "back": {"href": back},
    }  # fmt: skip
    if option is None or not option.allowed:
        refusals = option.refusals if option else ()
        return page("move_refused.jinja", None, refusals=refusals, **context)
    with edge().reading(actor) as (tx, at):
        about = _who_may_be_named(tx, at, shown)
        context["whom"] = _person(tx, at, shown.seen)[0] if shown.full else ""

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        told = {"sources": _sources(about, given), "note": given["note"]}
        if not told["sources"]:
            raise _wrong("source_words", N_("Choose who it is, or write it."))
        return step(
            tx, Noun.CONCERN, cid, "name_source", actor, at, told,
            version=form.version, key=form.key,
        )  # fmt: skip

    return answer(
        lambda form: page("concern/name_source.jinja", form, about=about, **context),
        command,
        lambda done: Next(_after_naming(done)),
        schema=NameSource(),
        version=shown.seen.version,
        about=(Noun.CONCERN, cid),
    )


def _who_may_be_named(tx: Tx, at: datetime, shown: Shown) -> About:
    """Those who may be part of it: the people of the person's team, of the providers they are
    with, and of the team that raised it."""
    actor, c = current_actor(), shown.seen
    organisations: dict[str, str] = {}
    p = records.person_of(tx, actor, at, c.person_id) if c.person_id else None
    if p is not None:
        organisations |= dict(records.provider_organisations_of(tx, p))
        organisations[p.organisation_id] = p.organisation
    if c.provider_id is not None:
        found = records.provider(tx, actor, c.provider_id)
        organisations |= dict([found]) if found else {}
    if c.raiser_organisation:
        organisations.setdefault(c.organisation_id, c.raiser_organisation)
    named = {s.user_id or s.organisation_id for s in shown.facts.sources}
    return About(
        c.reference,
        f"/concerns/{c.id}",
        {},
        tuple(x for x in _staff(tx, actor, at, organisations) if x[0] not in named),
        tuple(x for x in organisations.items() if x[0] not in named),
        (),
    )


def _after_naming(done: Done) -> str:
    """Back to the concern; whoever is named themselves, or is of an organisation named, has none
    to go back to."""
    with edge().reading(current_actor()) as (tx, at):
        f = facts.concern(tx, done.id, current_actor(), at)
    there = f is not None and bool(TABLES[Noun.CONCERN].hats(f, current_actor()))
    return f"/concerns/{done.id}" if there else "/concerns"


def _wrong(name: str, why: str) -> Refused:
    fault = Refusal(f"wrong_{name}", why, field=name)
    return Refused([fault], noun=Noun.CONCERN, trigger="move", record_id=None)


def _free_rungs(tx: Tx, shown: Shown) -> list[tuple[str, str]]:
    """The rungs it can be handed to: none of an organisation that is named."""
    barred = ladder.barred(tx, shown.seen.id)
    found = []
    for key, role, where in records.rungs(tx, current_actor(), shown.seen.organisation_id):
        place = key.partition("@")[2]
        if key != shown.seen.holder and place not in barred.organisations:
            words = _("%(role)s, %(where)s", role=role_name(role), where=where)
            found.append((key, words))
    return found


def _routes(tx: Tx, shown: Shown, trigger: str) -> list[tuple[str, str, str]]:
    """The authorities to choose from, each with how the place reaches it: those for this person
    first, those for worries about staff where somebody on staff is named."""
    kept: dict[str, list[str]] = {}
    for one in rotas.authorities_for(tx, shown.seen.organisation_id):
        how = ", ".join(x for x in (one.name, phone_words(one.phone), one.email, one.note) if x)
        kept.setdefault(one.kind, []).append(how)
    child, staff = shown.facts.child, shown.facts.staff_named
    own = "childrens_services" if child else "adult_social_care"
    about_staff = _about_staff(shown)
    first = [own, about_staff] if staff else [own]
    if trigger == "told_authority":
        first = ["emergency", *first]
    kinds = [*first, *(kind for kind in rotas.AUTHORITIES if kind not in first)]
    return [(kind, word(labels.AUTHORITIES, kind), "; ".join(kept.get(kind, ()))) for kind in kinds]


def _check_holder(tx: Tx, at: datetime, cid: str, key: str, shown: Shown) -> None:
    if key not in dict(_free_rungs(tx, shown)):
        raise _wrong("holder", N_("Choose who holds it from now."))


def _choices(tx: Tx, at: datetime, shown: Shown, trigger: str) -> dict[str, Any]:
    if trigger == "hand_over":
        return {"holder": _free_rungs(tx, shown)}
    if trigger == "strike_source":
        seen = records.sources(tx, shown.seen.id)
        return {"source_id": [(s.id, _source(s)) for s in seen if s.struck_at is None]}
    if trigger in ("report_to_authority", "told_authority"):
        return {"authority_route": _routes(tx, shown, trigger)}
    if trigger in ("acknowledge", "review"):
        return {"categories": labels.choices(CATEGORY_WORDS)}
    if trigger == "authority_decides":
        child = shown.facts.child
        left_out = ("section_42",) if child else ("section_47", "section_17")
        return {"authority_decision": [
            (code, said(text)) for code, text in DECISIONS.items() if code not in left_out
        ]}  # fmt: skip
    if trigger == "hold" and shown.seen.person_id:
        p = records.person_of(tx, current_actor(), at, shown.seen.person_id)
        return {"hold_provider_id": records.providers_of(tx, p) if p else []}
    return {}
