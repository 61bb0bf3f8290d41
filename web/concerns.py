"""Safeguarding concerns: raising one from any page about a person, and looking after one.

A concern is there for whoever raised it (their own words, whether anybody has seen it, and the
feedback), for its holder, and for the rungs above. For everybody else it isn't found. Each view is
an audit entry, and the page says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue

from referral import facts, ladder, records, visible
from referral.actors import Actor
from referral.audit import log
from referral.facts import ConcernFacts
from referral.records import ConcernSeen
from referral.states import Noun, Relation, Role
from referral.store import Tx
from web import accountability as answering
from web import labels
from web.access import STAFF, access, current_actor
from web.app import edge
from web.forms import Form, Next, answer, page
from web.labels import role_name, said, word
from web.moves import CODES, QUESTIONS, Asked, move_page
from web.say import _
from web.schemas import Command
from web.schemas.concerns import KNOWS, YES_NO_UNSURE
from web.schemas.fields import LONG, STORY, Choice, Danger, Id, Many, Text, YesNo
from web.timelines import entries
from web.words import day_words, deadline, phone_words, time_words
from workflows import disclosure, reading
from workflows.concerns import raise_concern, who_answers
from workflows.engine import NOT_FOUND, TABLES, Done, Option, Refused, options, step
from workflows.moves import N_, Refusal

pages = Blueprint("concern_pages", __name__)

PROMPTS: dict[str, str] = {
    "care_needs": N_("Do they need care and support?"),
    "abuse_or_neglect": N_("Are they experiencing abuse or neglect, or at risk of it?"),
    "unable_to_protect": N_("Because of those needs, can they not protect themselves against it?"),
}
ANSWERS: dict[str, str] = {"yes": N_("Yes"), "no": N_("No"), "not_sure": N_("Not sure")}
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
    "other": N_("It makes another enquiry"),
    "none": N_("It makes no enquiry"),
    "unknown": N_("Not known yet"),
}
REACH: dict[str, str] = {
    "provider": N_("Only with the provider named below"),
    "all": N_("All referrals of the person"),
}
CODES.update({"wishes_met": WISHES_MET, "authority_decision": DECISIONS, "reach": REACH})
IF_YOU_WANT = N_("If you want to.")
QUESTIONS.update(
    {
        "concern.note": (N_("Anything to note?"), N_("Only those who look after it read it.")),
        "concern.acknowledge.hold_stays": (
            N_("Do the person's referrals stay on hold?"),
            N_("They stay on hold unless you say no."),
        ),
        "concern.report_to_authority.reported_to": (
            N_("Which authority did you tell?"),
            N_("For worries about staff: the local authority designated officer, or people in"
               " positions of trust."),
        ),
        "concern.report_to_authority.authority_reference": (
            N_("Its reference"), N_("If it gave one."),
        ),
        "concern.told_authority.reported_to": (
            N_("Whom did you tell, and when?"),
            N_("For example, 999 at 2.15pm. It is still read by a person here."),
        ),
        "concern.authority_decides.authority_decision": (N_("What did the authority decide?"), ""),
        "concern.review.note": (N_("What did you find?"), ""),
        "concern.hold.reach": (N_("What is put on hold?"), ""),
        "concern.hold.hold_provider_id": (N_("Which provider?"), IF_YOU_WANT),
        "concern.hand_over.holder": (N_("Who holds it from now?"), ""),
        "concern.close.wishes_met": (N_("Was what the person wished for met?"), ""),
        "concern.close.reason": (N_("How does it end?"), ""),
        "concern.close.feedback": (
            N_("Feedback to whoever raised it"),
            N_("They read these words. Leave out what is not theirs to know."),
        ),
        "concern.reopen.reason": (N_("Why is it taken up again?"), ""),
        "concern.reopen.safe_to_carry_on": (
            N_("Is it safe for referrals to go on meanwhile?"),
            N_("They are put on hold unless you say yes."),
        ),
    }
)  # fmt: skip
BEFORE = {
    "acknowledge": N_(
        "Whoever raised it is told that you have read it. A decision is due in 1 working day."
    ),
    "monitor": N_("A plan is followed. You look at it again in 30 working days."),
    "release": N_("The person's referrals go on, with the time that was left."),
    "climb": N_("It goes to the next rung. You no longer hold it."),
    "hand_over": N_("They are told at once. You no longer hold it."),
    "hold": N_("Others see only “On hold”, which has many ordinary reasons."),
}


# -- raising ------------------------------------------------------------------------------------


class RaisePage(Command):
    """A worry, as it is written down: only what was seen and whether there is danger is asked."""

    seen = Text(N_("Write what you saw or were told."), most=STORY)
    danger = Danger(N_("Say whether anyone is in danger now."))
    care_needs = Choice(YES_NO_UNSURE)
    abuse_or_neglect = Choice(YES_NO_UNSURE)
    unable_to_protect = Choice(YES_NO_UNSURE)
    wishes = Text(most=LONG)
    person_knows = Choice(KNOWS, wrong=N_("Choose whether the person knows."))
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
    phone: str | None


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


def _phones(tx: Tx, actor: Actor) -> str | None:
    return phone_words(records.safeguarding_phone(tx, actor.organisation_id)) or None


@pages.route("/referrals/<uuid:record_id>/concern", methods=["GET", "POST"])
@access(STAFF)
def about_referral(record_id: UUID) -> ResponseReturnValue:
    """From a referral's page."""
    actor = current_actor()
    rid = str(record_id)
    with edge().reading(actor) as (tx, at):
        f = facts.referral(tx, rid, actor, at)
        if f is None or not TABLES[Noun.REFERRAL].hats(f, actor):
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
        about = About(
            r.reference,
            f"/referrals/{rid}",
            {"referral_id": rid},
            staff,
            ((r.provider_org, r.provider), (r.organisation_id, r.organisation)),
            _phones(tx, actor),
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
        _phones(tx, actor),
    )


@pages.route("/people/<uuid:person_id>/concern", methods=["GET", "POST"])
@access(STAFF)
def about_person(person_id: UUID) -> ResponseReturnValue:
    """From a person's page."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        p = records.person(tx, actor, at, str(person_id))
        if p is None:
            raise Refused([NOT_FOUND], noun=Noun.CONCERN, trigger="raise", record_id=None)
        providers = [] if p.closed_to_actor else records.provider_organisations_of(tx, p)
        about = About(
            p.reference,
            f"/people/{p.id}",
            {"person_id": p.id},
            _staff(tx, actor, at, [p.organisation_id, *(org for org, _name in providers)]),
            (*providers, (p.organisation_id, p.organisation)),
            _phones(tx, actor),
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
            _phones(tx, actor),
        )
    return _raise(about)


def _raise(about: About) -> ResponseReturnValue:
    """The form, and the concern raised from it."""
    actor = current_actor()

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        values: dict[str, Any] = dict(about.values)
        for name in ("seen", "danger", "wishes", "person_knows", "safe_to_carry_on"):
            if given.get(name) is not None:
                values[name] = given[name]
        prompts = {name: given[name] for name in PROMPTS if given.get(name)}
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
            prompts=[(name, said(text)) for name, text in PROMPTS.items()],
            answers=[(code, said(text)) for code, text in ANSWERS.items()],
            knows=[(code, said(text)) for code, text in KNOWS_WORDS.items()],
            back={"href": about.back},
        ),
        command,
        lambda done: Next(f"/concerns/{done.id}"),
        schema=RaisePage(),
    )


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
    phone: str | None
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
    mine = c.raised_by is not None and c.raised_by == actor.membership_id
    if not full and not mine:
        raise Refused([NOT_FOUND], noun=Noun.CONCERN, trigger="read", record_id=None)
    log(tx, actor, at, "read", "concern", concern_id, subject=f.subject_ref)
    told = full and not brief
    clock = None if brief else next(iter(records.clocks(tx, concern_id)), None)
    person, href = _person(tx, at, c) if told else ("", None)
    return Shown(
        c,
        f,
        full,
        tuple(options(Noun.CONCERN, f, actor, at)) if hats else (),
        None if brief else phone_words(who_answers(tx, concern_id, at)) or None,
        (clock.due, clock.hours) if clock else None,
        _history(tx, actor, at, concern_id) if told else None,
        records.feedback(tx, concern_id) if c.state == "closed" else None,
        at,
        _holder(tx, c.holder) if told else "",
        tuple(records.sources(tx, concern_id)) if told else (),
        person,
        href,
    )


def _history(tx: Tx, actor: Actor, at: datetime, concern_id: str) -> reading.Timeline:
    """Every step with the words of those who look after it."""
    steps = visible.steps_since(tx, actor, at, Noun.CONCERN, concern_id)
    notes = visible.notes(tx, actor, concern_id, frozenset({"safeguarding"}))
    return reading.Timeline(steps, notes)


def _holder(tx: Tx, key: str) -> str:
    kind, name = records.owner(tx, key)
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
    return p.name, f"/people/{p.id}" if records.in_reach(p, actor) else None


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
    common = {
        "shown": shown,
        "c": c,
        "tag": labels.state_tag("concern", c.state),
        "deadline": line,
        "unseen_by_anyone": c.state == "raised",
        "moves": _moves(shown, can),
        "back": {"href": "/concerns", "text": _("Back to concerns")},
    }
    if not shown.full:
        implicated = shown.facts.actor_implicated
        return page(
            "concern/receipt.jinja",
            None,
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
        who=_("With you now")
        if c.holder in actor.keys
        else _("With %(who)s now", who=shown.holder),
        says=said(TABLES[Noun.CONCERN].states[c.state].says),  # type: ignore[index]
        rows=_rows(shown),
        refused=_refused(shown),
        entries=entries(
            Noun.CONCERN,
            shown.timeline.steps if shown.timeline else [],
            shown.at,
            shown.timeline.notes if shown.timeline else {},
        ),
        **common,
    )


def _who(shown: Shown, actor: Actor) -> str:
    if shown.seen.state == "closed":
        return _("Nothing more is awaited")
    if shown.seen.holder in actor.keys:
        return _("With you now")
    return _("With %(who)s now", who=shown.holder)


ORDER = (
    "acknowledge", "report_to_authority", "authority_decides", "review", "monitor", "close",
    "told_authority", "hold", "release", "hand_over", "climb", "reopen",
)  # fmt: skip


def _moves(shown: Shown, can: set[str]) -> list[dict[str, str]]:
    found = [
        {
            "text": labels.button("concern", trigger),
            "href": labels.move_path("concern", shown.seen.id, trigger),
        }
        for trigger in ORDER
        if trigger in can
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


def _rows(shown: Shown) -> list[dict[str, str]]:
    """The facts, in order."""
    c = shown.seen
    prompts = c.prompts or {}
    sources = [", ".join(x for x in (s.name, s.organisation, s.words) if x) for s in shown.sources]
    pairs: list[tuple[str, Any]] = [
        (_("About"), shown.person),
        (_("Referral"), c.referral_reference),
        (_("Danger now"), _("Yes, or not sure") if c.danger else _("No")),
        (_("Raised by"), ", ".join(x for x in (c.raiser, c.raiser_organisation) if x)),
        (_("Raised"), time_words(c.created_at)),
        (_("Read by"), _("%(who)s, %(when)s", who=c.acknowledged_by,
                         when=time_words(c.acknowledged_at)) if c.acknowledged_by else None),
        *((said(text), said(ANSWERS[prompts[name]])) for name, text in PROMPTS.items()
          if name in prompts),
        (_("What the person wishes"), c.wishes),
        (_("Does the person know?"), word(KNOWS_WORDS, c.person_knows)),
        (_("Named as a source of harm"), "; ".join(sources)),
        (_("On hold"), _("Yes") if c.on_hold else _("No")),
        (_("Authority told"), ", ".join(x for x in (c.reported_to, c.authority_reference) if x)),
        (_("The authority decided"), word(DECISIONS, c.authority_decision)),
        (_("Closed"), day_words(c.closed_at.date()) if c.closed_at else None),
        (_("Wishes met"), word(WISHES_MET, c.wishes_met)),
        (_("Feedback given"), shown.feedback),
    ]  # fmt: skip
    return [{"key": key, "value": str(value)} for key, value in pairs if value]


@pages.get("/concerns")
@access(STAFF)
def concerns() -> ResponseReturnValue:
    """The concerns one holds, those of lower rungs, and those one raised. References only."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        held = records.concerns_held(tx, actor, at)
        below = [
            c for c in records.concerns_below(tx, actor, at) if c.id not in {h.id for h in held}
        ]
        raised = records.concerns_raised(tx, actor)
    return page(
        "concern/list.jinja",
        None,
        held=[_line(c, at) for c in held],
        below=[_line(c, at) for c in below],
        raised=[_line(c, at) for c in raised],
        looks_after=actor.role in (Role.SAFEGUARDING_LEAD, Role.ACCOUNTABLE_OFFICER) or bool(held),
    )


def _line(c: records.ConcernListed, at: datetime) -> dict[str, Any]:
    return {
        "href": f"/concerns/{c.id}",
        "name": c.reference,
        "tag": labels.state_tag("concern", c.state),
        "reason": said(TABLES[Noun.CONCERN].states[c.state].says),  # type: ignore[index]
        "meta": [
            _("raised %(when)s", when=time_words(c.created_at)),
            *([_("danger now")] if c.danger else []),
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

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        told = dict(given)
        if trigger == "told_authority":
            told["note"] = " ".join(
                str(x) for x in (told.get("reported_to"), told.get("note")) if x
            )
        if trigger == "hold" and told.get("reach") == "provider" and not (
            told.get("hold_provider_id") or shown.seen.provider_id
        ):  # fmt: skip
            raise _wrong("hold_provider_id", N_("Choose the provider."))
        if trigger == "hand_over":
            _check_holder(tx, at, cid, str(told.get("holder")), shown)
        return step(
            tx, Noun.CONCERN, cid, trigger, actor, at, told, version=form.version, key=form.key
        )

    with edge().reading(actor) as (tx, at):
        choices = _choices(tx, at, shown, trigger)
    leave_out: tuple[str, ...] = ()
    if trigger == "close":
        leave_out = ("note",)  # the feedback is the note of this step
    if trigger == "hold" and shown.seen.person_id is None:
        leave_out = ("hold_provider_id",)
    return move_page(
        Noun.CONCERN,
        cid,
        trigger,
        Asked(
            before=said(BEFORE.get(trigger, "")),
            choices=choices,
            leave_out=leave_out,
            act=act,
        ),
    )


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


def _check_holder(tx: Tx, at: datetime, cid: str, key: str, shown: Shown) -> None:
    if key not in dict(_free_rungs(tx, shown)):
        raise _wrong("holder", N_("Choose who holds it from now."))


def _choices(tx: Tx, at: datetime, shown: Shown, trigger: str) -> dict[str, Any]:
    if trigger == "hand_over":
        return {"holder": _free_rungs(tx, shown)}
    if trigger == "hold" and shown.seen.person_id:
        p = records.person_of(tx, current_actor(), at, shown.seen.person_id)
        return {"hold_provider_id": records.providers_of(tx, p) if p else []}
    return {}
