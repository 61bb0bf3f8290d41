"""Making a referral: one question a page, saved at each Continue, in any order after the first.

Answers go where they belong at once: to the person, to the plan, and, once an activity is chosen,
to the draft; before that to the beginning (`referral.beginnings`). Nothing typed waits in a
browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, ValidationError, validates_schema

from referral import beginnings, facts, policy, postcodes, records, scores
from referral.audit import log, showing
from referral.beginnings import Begun
from referral.facts import ReferralFacts
from referral.records import ConsentSeen, PersonSeen, PlanSeen, ReferralSeen
from referral.scores import ScoreSeen
from referral.states import DUPLICATES, Basis, Noun, Purpose, ReferralState
from referral.store import Tx
from web.access import TEAM, access, current_actor
from web.assessments import choices as assessed
from web.current import edge
from web.errors import NOT_SAVED, not_saved, status_of
from web.forms import AsKept, Form, Next, answer, form_now, page, refuse, typed
from web.labels import said
from web.matching import Offer, matched, offer, records_in_words
from web.say import ENGLISH, _, language_named
from web.schemas import Command, Wrong, load
from web.schemas.consent import RECIPIENT_OF, Answer
from web.schemas.fields import LONG, Choice, Text
from web.schemas.people import AddPerson, ChangePerson, SavePlan
from web.schemas.referrals import ChangeDraft
from web.timelines import changed, last_step, newest
from web.wordings import in_others
from web.words import by_when, day_words, listed, phone_words
from workflows import beginnings as writing
from workflows.consent import record_consent
from workflows.engine import NOT_FOUND, TABLES, Refused, decide
from workflows.moves import N_, Refusal
from workflows.people import (
    add_person,
    change_person,
    change_plan,
    find_by_nhs_number,
    find_same,
    no_way,
    save_plan,
    say_two_people,
)
from workflows.reading import nearly_same
from workflows.referrals import change_draft, send_referral
from workflows.tables.referrals import LINK_WORKER
from workflows.working_time import ENGLAND, add

pages = Blueprint("wizard", __name__)

MOST_GOALS = 3
MOST_CHOICES = 3
IDENTITY = ("nhs_number", "no_nhs_number", "given_name", "family_name", "birth_date")
NEED_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (N_("Being with others"), ("company", "caring", "language")),
    (N_("Feeling and coping"), ("low_mood", "worry", "grief", "confidence")),
    (N_("Body and health"), ("moving", "breathing", "pain", "memory")),
    (N_("Making and doing"), ("purpose", "creativity", "nature")),
)
# Where on the way each refusal of sending is put right.
MENDED_ON = {
    "ground_to_share": "consent",
    "person_identified": "details",
    "risks_stated": "safety",
    "agreement_in_force": "activity",
    "provider_assured": "activity",
    "activity_open": "activity",
    "not_duplicate": "activity",
}


def insist(schema: Schema, **asked: str) -> Schema:
    """The schema with these fields asked for, in these words."""
    for name, why in asked.items():
        found: Any = schema.fields[name]
        found.needed, found.required, found.allow_none = why, True, False
        found.error_messages = {**found.error_messages, "required": why, "null": why}
    return schema


# -- what is being written ----------------------------------------------------------------------


@dataclass(frozen=True)
class Writing:
    """A referral being written: a beginning, or a draft (or one that came back) with its facts."""

    id: str
    person: PersonSeen
    begun: Begun | None
    referral: ReferralSeen | None
    facts: ReferralFacts | None
    plan: PlanSeen | None
    earlier: PlanSeen | None
    consents: tuple[ConsentSeen, ...]
    at: datetime
    # The practice the writer works in, if it is one: most people they meet are registered there.
    # Known on the page that offers it alone.
    own_practice: str | None = None
    # What was last said to keep people safe, of somebody who was here before: to be said again.
    kept_safe: str | None = None

    @property
    def known(self) -> bool:
        """Whether the person was here before: then one page asks if all is still right."""
        return bool(self.begun and self.begun.answers.get("known"))

    def said(self, name: str) -> Any:
        """What was answered about the referral itself."""
        if self.referral is not None:
            return getattr(self.referral, name)
        return self.begun.answers.get(name) if self.begun else None

    @property
    def provider_id(self) -> str | None:
        return self.referral.provider_id if self.referral else None

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        """What the activity itself asks about safety, each with its answer so far."""
        if self.referral is None:
            return ()
        told = self.referral.safety_answers or {}
        return tuple((one, told.get(one) or "") for one in self.referral.safety_questions or ())

    def answered(self, purpose: Purpose, recipient: str | None) -> ConsentSeen | None:
        """The newest record of consent for this."""
        for found in self.consents:
            if found.purpose == purpose and found.recipient == recipient:
                return found
        return None

    @property
    def sharing(self) -> ConsentSeen | None:
        return self.answered(Purpose.SHARE_WITH_PROVIDER, self.provider_id)

    def done(self, slug: str) -> bool:
        """Whether the page has what it asks for."""
        p, plan = self.person, self.plan
        tests: dict[str, Callable[[], bool]] = {
            "right": lambda: plan is not None,
            "details": lambda: p.identified,
            "contact": lambda: p.contact_method is not None and no_way(p._asdict()) is None,
            "matters": lambda: bool(plan and plan.what_matters),
            "needs": lambda: bool(plan and plan.needs),
            "access": lambda: bool(plan and plan.access is not None),
            "safety": lambda: self.said("risks") in ("none", "some"),
            "activity": lambda: self.referral is not None,
            "consent": lambda: (
                bool(self.facts and (self.facts.consent_id or self.facts.override_id))
                and all(told for _, told in self.asked)
            ),
        }
        return tests[slug]()

    def slugs(self) -> tuple[str, ...]:
        """The pages of this referral, in order."""
        about = ("right",) if self.known else ("details", "contact")
        access_page = () if self.known else ("access",)
        return (
            *about, "matters", "needs", *access_page, "safety", "activity", "consent",
        )  # fmt: skip


TITLES = {
    "right": N_("Is this still right?"),
    "details": N_("Check their details"),
    "contact": N_("How we contact them"),
    "matters": N_("What matters to them"),
    "needs": N_("What would help"),
    "access": N_("What makes it easier to take part"),
    "safety": N_("What keeps people safe"),
    "activity": N_("Choose an activity"),
    "consent": N_("Consent"),
    "start": N_("Starting point"),
}


def read(tx: Tx, at: datetime, writing_id: str) -> Writing:
    """What is being written under this id. Raises Refused (not_found) for what isn't the actor's
    to write; sends on to the referral's own page where it was sent already."""
    actor = current_actor()
    begun = beginnings.one(tx, actor, writing_id)
    if begun is not None:
        person = records.person(tx, actor, at, begun.person_id)
        if person is None:
            raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="write", record_id=None)
        if person.closed_to_actor:
            abort(redirect(f"/people/{person.id}"))
        plan = records.plan(tx, begun.answers.get("plan_id"))
        consents = tuple(records.consents(tx, person.id))
        earlier = records.newest_plan(tx, person.id, plan.id if plan else None)
        own = _own_practice(tx)
        before = records.referrals_of(tx, person) if begun.answers.get("known") else []
        kept = next((one.safety_notes for one in before if one.safety_notes), None)
        return Writing(
            writing_id, person, begun, None, None, plan, earlier, consents, at, own, kept
        )
    f = facts.referral(tx, writing_id, actor, at)
    if f is None or not TABLES[Noun.REFERRAL].hats(f, actor):
        raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="write", record_id=writing_id)
    mine = TABLES[Noun.REFERRAL].hats(f, actor) & LINK_WORKER
    if not mine or f.closed_to_actor or f.state not in OPEN_TO_WRITE:
        abort(redirect(f"/referrals/{writing_id}"))
    person = records.person_of(tx, actor, at, f.person_id)
    referral = records.referral(tx, actor, writing_id)
    if person is None or referral is None:
        raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="write", record_id=writing_id)
    plan = records.plan(tx, referral.plan_id)
    return Writing(
        writing_id,
        person,
        None,
        referral,
        f,
        plan,
        records.newest_plan(tx, person.id, plan.id if plan else None),
        tuple(records.consents(tx, person.id)),
        at,
        _own_practice(tx),
    )


def _own_practice(tx: Tx) -> str | None:
    """The practice the writer works in, for the one page that offers it."""
    asked = (request.view_args or {}).get("slug") == "details"
    return records.practice_of(tx, current_actor()) if asked else None


OPEN_TO_WRITE = (ReferralState.DRAFT, ReferralState.RETURNED)


def found(writing_id: str) -> Writing:
    """What is being written, and a note in the log that it was read."""
    actor = current_actor()

    def look(tx: Tx, at: datetime) -> Writing:
        w = read(tx, at, writing_id)
        if request.method == "GET":
            log(
                tx, actor, at, "read", "referral", w.referral.id if w.referral else None,
                subject=w.person.subject_ref,
            )  # fmt: skip
        return w

    if request.method == "GET":
        return edge().look(actor, look)
    with edge().reading(actor) as (tx, at):
        return look(tx, at)


# -- page 1: who is it for ----------------------------------------------------------------------


def _who_schema(form: Mapping[str, str]) -> Schema:
    if form.get("find") != "name" and form.get("step") != "add" and not form.get("given_name"):
        ask = N_("Enter an NHS number, or choose that you do not have it.")
        return insist(AddPerson(only=("nhs_number",)), nhs_number=ask)
    schema = AddPerson(only=IDENTITY)
    insist(schema, birth_date=N_("Enter a date of birth."))
    if form.get("find") == "name":
        insist(schema, no_nhs_number=N_("Choose why there is no NHS number."))
    return schema


# How somebody knows that two with one name are two people.
HOW_KNOWN: dict[str, str] = {
    "number": N_("They have another NHS number"),
    "details": N_("Their date of birth, address or practice is another"),
    "met": N_("I know both of them, or they told me"),
}


@dataclass(frozen=True)
class Candidate:
    """Somebody who may be the same person."""

    id: str
    reference: str
    name: str
    born: str
    practice: str
    last: str


def _candidates(tx: Tx, at: datetime, ids: list[str]) -> list[Candidate]:
    actor = current_actor()
    out = []
    for person_id in ids:
        seen = records.person(tx, actor, at, person_id)
        if seen is None:
            continue
        showing("person", (seen.id,))
        hidden = seen.closed_to_actor
        mine = [] if hidden else records.referrals_of(tx, seen)
        out.append(
            Candidate(
                seen.id,
                seen.reference,
                seen.given_name if hidden else seen.name,
                "" if hidden else day_words(seen.birth_date),
                "" if hidden else practice_words(seen.practice),
                _("%(activity)s, %(day)s", activity=mine[0].activity,
                  day=day_words(mine[0].since.date())) if mine else "",
            )
        )  # fmt: skip
    return out


def practice_words(practice: str | None) -> str:
    """A practice as it is shown: its name, or that there is none."""
    if practice is None:
        return _("Not known yet")
    return _("Not registered with a practice") if practice.lower() == "none" else practice


@pages.route("/referrals/new", methods=["GET", "POST"])
@access(TEAM)
def who() -> ResponseReturnValue:
    """Page 1. Finds the person by their NHS number, or by name where there is none to hand, or
    adds them once nobody else can be meant."""
    actor = current_actor()
    form = form_now(None, {"find": "name" if request.args.get("find") == "name" else "nhs"})

    def draw(same: list[Candidate] | None = None, step: str = "find") -> str:
        with edge().reading(actor) as (tx, _at):
            unfinished = beginnings.all_of(tx, actor)
        return page(
            "wizard/who.jinja",
            form,
            same=same or [],
            step=step,
            unfinished=unfinished,
            how_known=[(code, said(words)) for code, words in HOW_KNOWN.items()],
        )  # fmt: skip

    if request.method != "POST" or request.form.get("again"):
        return draw(step=request.form.get("step") or "find")
    step = request.form.get("step") or "find"
    schema = _who_schema(request.form)
    try:
        given = load(schema, typed(schema, request.form), edge().clock(), form=True)
    except Wrong as wrong:
        refuse(form, wrong.refusals)
        return draw(step="add" if step == "same" else step), 422
    try:
        went = edge().perform(actor, lambda tx, at: _who(tx, at, given, form, step))
    except NOT_SAVED as error:
        form.general.append(not_saved(error))
        return draw(step=step), 503
    except Refused as refused:
        refuse(form, refused.refusals)
        return draw(step="find" if "nhs_number" in form.errors else step), status_of(refused)
    if isinstance(went, str):
        return redirect(went, 303)
    if went is None:
        form.values["find"] = "nhs"
        return draw(step="add")
    if form.errors:
        return draw(same=went, step="same"), 422
    return draw(same=went, step="same")


def _who(
    tx: Tx, at: datetime, given: Mapping[str, Any], form: Form, step: str
) -> str | list[Candidate] | None:
    """Where to go on, or who may be the same; None: nobody has this number, so ask for the name."""
    actor = current_actor()
    chosen = str(form.value("same"))
    ids: list[str] = []
    if given.get("nhs_number"):
        here = find_by_nhs_number(tx, actor, at, given["nhs_number"])
        ids = [here] if here else []
    if step == "find" and form.value("find") != "name" and not ids:
        return None
    if not ids and given.get("given_name"):
        rows = find_same(
            tx, actor, given["given_name"], given["family_name"], given.get("birth_date")
        )
        ids = [row[0] for row in rows]
        if born := given.get("birth_date"):
            names = (given["given_name"], given["family_name"])
            ids += [i for i in nearly_same(tx, actor, at, *names, born) if i not in ids]
    if ids and not chosen:
        if step == "same":
            form.errors["same"] = _("Choose whether this is the same person")
        return _candidates(tx, at, ids)
    if chosen in ids:
        return _go_on(tx, at, chosen)
    if ids and chosen not in ("different", "not_sure"):
        form.errors["same"] = _("Choose whether this is the same person")
        return _candidates(tx, at, ids)
    if ids and given.get("nhs_number") and not given.get("given_name"):
        form.errors["same"] = _(
            "This NHS number belongs to the person shown. Choose them, or go back and check the"
            " number"
        )
        return _candidates(tx, at, ids)
    sure = str(form.value("how_known")) if chosen == "different" else None
    if ids and sure is not None and sure not in HOW_KNOWN:
        form.errors["how_known"] = _("Choose how you know that they are two people")
        return _candidates(tx, at, ids)
    made = add_person(tx, actor, at, {n: given[n] for n in IDENTITY if n in given}, form.key)
    if ids:
        say_two_people(tx, actor, at, made["id"], ids, sure=sure)
    return f"/referrals/{writing.begin_writing(tx, actor, at, made['id'])}/write/details"


def _go_on(tx: Tx, at: datetime, person_id: str) -> str:
    """A person who is here already: go on with what was begun for them, or begin."""
    actor = current_actor()
    begun = beginnings.of_person(tx, actor, person_id)
    if begun is not None:
        return f"/referrals/{begun.id}/write"
    made = writing.begin_writing(tx, actor, at, person_id, {"known": True})
    return f"/referrals/{made}/write/right"


@pages.post("/people/<uuid:person_id>/refer")
@access(TEAM)
def refer(person_id: UUID) -> ResponseReturnValue:
    """ "Start a new referral": from the person's page."""
    actor = current_actor()
    path = edge().perform(actor, lambda tx, at: _start_for(tx, at, str(person_id)))
    return redirect(path, 303)


def _start_for(tx: Tx, at: datetime, person_id: str) -> str:
    seen = records.person(tx, current_actor(), at, person_id)
    if seen is None:
        raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="write", record_id=None)
    if seen.closed_to_actor:
        return f"/people/{person_id}"
    return _go_on(tx, at, person_id)


# -- the hub ------------------------------------------------------------------------------------


@pages.get("/referrals/<uuid:writing_id>/write")
@access(TEAM)
def hub(writing_id: UUID) -> ResponseReturnValue:
    """The list of pages, done or not."""
    w = found(str(writing_id))
    started = starting_point(w) is not None
    rows = []
    for slug in (*w.slugs(), "start"):
        waits = slug in ("consent", "start") and w.referral is None
        rows.append(
            {
                "title": said(TITLES[slug]),
                "optional": slug == "start",
                "href": None if waits else f"/referrals/{w.id}/write/{slug}",
                "done": started if slug == "start" else w.done(slug),
                "waits": waits,
            }
        )
    return page("wizard/hub.jinja", w=w, rows=rows, back=_back(w))


def starting_point(w: Writing) -> ScoreSeen | None:
    """What the person said of their life when this referral began."""
    if w.referral is None:
        return None
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        rows = scores.standing(scores.of_referral(tx, actor, w.id))
    return next((row for row in rows if row.stage == "start"), None)


def _back(w: Writing) -> dict[str, str]:
    if w.referral is not None:
        return {"href": f"/referrals/{w.id}", "text": _("Back to the referral")}
    return {"href": f"/people/{w.person.id}", "text": _("Back to the person")}


@pages.route("/referrals/<uuid:writing_id>/write/leave", methods=["GET", "POST"])
@access(TEAM)
def leave(writing_id: UUID) -> ResponseReturnValue:
    """Throw away what was begun. A draft with an activity is discarded by its own move."""
    w = found(str(writing_id))
    if w.begun is None:
        return redirect(f"/referrals/{w.id}/discard")
    return answer(
        lambda form: page("wizard/leave.jinja", form, w=w, back=_hub(w)),
        lambda tx, at, given, form: writing.throw_away(tx, current_actor(), at, w.id),
        lambda done: Next(
            f"/people/{w.person.id}", _("Thrown away. What you saved about the person is kept.")
        ),
    )


def _hub(w: Writing) -> dict[str, str]:
    return {"href": f"/referrals/{w.id}/write", "text": _("Back to the list")}


# -- the pages ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asking:
    """One page: what it asks, what is known, and where the answer goes. `schema(later)`: saving
    for later asks for nothing that is missing."""

    schema: Callable[[bool], Schema]
    known: Callable[[Writing], dict[str, Any]]
    save: Callable[[Tx, datetime, dict[str, Any], Form, Writing], None]


def _save_person(tx: Tx, at: datetime, given: dict[str, Any], form: Form, w: Writing) -> None:
    change_person(tx, current_actor(), at, w.person.id, given, unfinished=leaving(form))


def _save_plan(tx: Tx, at: datetime, values: Mapping[str, Any], w: Writing) -> str:
    """Keep what the plan says; the first time, make the plan of this referral."""
    actor = current_actor()
    if w.plan is not None:
        change_plan(tx, actor, at, w.plan.id, values)
        return w.plan.id
    plan_id = save_plan(tx, actor, at, w.person.id, values)
    _save_said(tx, at, {"plan_id": plan_id}, w)
    return plan_id


def _save_said(tx: Tx, at: datetime, values: Mapping[str, Any], w: Writing) -> None:
    """Keep what is said of the referral itself: in the draft, or in the beginning."""
    actor = current_actor()
    if w.referral is not None:
        change_draft(tx, actor, at, w.id, values)
    else:
        writing.save_answers(tx, actor, at, w.id, values)


DETAILS = ("phone", "email", "postcode", "address", "practice", "emergency_contact")


def _details_schema(later: bool) -> Schema:
    return ChangePerson(only=(*DETAILS, "birth_date", "nhs_number", "no_nhs_number"), partial=True)


def _details_known(w: Writing) -> dict[str, Any]:
    out = {name: getattr(w.person, name) for name in DETAILS}
    out |= {n: getattr(w.person, n) for n in ("birth_date", "nhs_number", "no_nhs_number")}
    out["phone"] = phone_words(w.person.phone)
    known = w.person.practice
    if known is None:
        out["registered"] = "here" if w.own_practice else ""
    elif known == w.own_practice:
        out |= {"practice": "", "registered": "here"}
    elif known.lower() == "none":
        out |= {"practice": "", "registered": "nowhere"}
    else:
        out["registered"] = "elsewhere"
    return out


def _details_save(tx: Tx, at: datetime, given: dict[str, Any], form: Form, w: Writing) -> None:
    where = form.value("registered")
    if where == "nowhere":
        given["practice"] = "none"
    elif where == "here" and w.own_practice:
        given["practice"] = w.own_practice
    elif not given.get("practice") and form.value("do") != "later":
        why = Refusal(
            "wrong_practice",
            N_("Enter the name of their GP practice, or choose that they have none."),
            field="practice" if where == "elsewhere" else "registered",
        )
        raise Refused([why], noun="person", trigger="change", record_id=None)
    for name in ("birth_date", "nhs_number", "no_nhs_number"):
        if not given.get(name):
            given.pop(name, None)
    _save_person(tx, at, given, form, w)


CONTACT = ("contact_method", "contact_times", "through_name", "through_phone", "message_safe",
           "language", "interpreter")  # fmt: skip
# Asked for here once the way they chose needs it.
REACHED_BY = ("phone", "email", "address")


def _contact_schema(later: bool) -> Schema:
    schema = ChangePerson(only=(*CONTACT, *REACHED_BY))
    return (
        schema
        if later
        else insist(schema, contact_method=N_("Choose how the person wants to be contacted."))
    )


def leaving(form: Form) -> bool:
    """Whether it is saved for later: then nothing is asked for that is missing."""
    return bool(form.value("do") == "later")


def _contact_known(w: Writing) -> dict[str, Any]:
    out = {name: getattr(w.person, name) for name in CONTACT}
    if out["language"] or out["interpreter"]:
        out["speaks"] = "other"
    elif out["contact_method"]:
        out["speaks"] = "english"
    return out


def _contact_save(tx: Tx, at: datetime, given: dict[str, Any], form: Form, w: Writing) -> None:
    if form.value("speaks") == "english":
        given |= {"language": None, "interpreter": None}
    elif form.value("speaks") == "other" and not given.get("language") and not leaving(form):
        why = Refusal("wrong_language", N_("Write which language it is."), field="language")
        raise Refused([why], noun="person", trigger="change", record_id=None)
    _save_person(tx, at, given, form, w)


class Matters(Command):
    """What matters, in their words, and up to three goals."""

    what_matters = Text(most=LONG)
    goal_1 = Text()
    goal_2 = Text()
    goal_3 = Text()


def _matters_schema(later: bool) -> Schema:
    ask = N_("Write what matters to them, in their own words.")
    return Matters() if later else insist(Matters(), what_matters=ask)


def _matters_known(w: Writing) -> dict[str, Any]:
    said_now = w.plan is not None and (w.plan.what_matters or w.plan.goals)
    plan = w.plan if said_now else w.earlier
    goals = list((plan and plan.goals) or [])
    out = {f"goal_{n + 1}": goal for n, goal in enumerate(goals[:MOST_GOALS])}
    return {"what_matters": plan.what_matters if plan else "", **out}


def goal_boxes(form: Form) -> int:
    """How many goals have a box: those written, and one more once it is asked for."""
    written = sum(bool(str(form.value(f"goal_{n}")).strip()) for n in range(1, MOST_GOALS + 1))
    more = request.form.get("do") == ADD_GOAL or "goal" in request.args
    return max(1, min(MOST_GOALS, written + more))


ADD_GOAL = "goal"


def _matters_save(tx: Tx, at: datetime, given: dict[str, Any], form: Form, w: Writing) -> None:
    goals = [given[f"goal_{n}"] for n in (1, 2, 3) if given.get(f"goal_{n}")]
    _save_plan(tx, at, {"what_matters": given.get("what_matters"), "goals": goals}, w)


def _needs_schema(later: bool) -> Schema:
    schema = SavePlan(only=("needs",))
    ask = N_("Choose at least one thing that would help.")
    return schema if later else insist(schema, needs=ask)


def _needs_known(w: Writing) -> dict[str, Any]:
    plan = w.plan if w.plan and w.plan.needs else w.earlier
    return {"needs": list((plan and plan.needs) or [])}


def _needs_save(tx: Tx, at: datetime, given: dict[str, Any], form: Form, w: Writing) -> None:
    _save_plan(tx, at, {"needs": given.get("needs") or []}, w)


def _access_known(w: Writing) -> dict[str, Any]:
    return {"access_needs": w.person.access_needs}


def _access_save(tx: Tx, at: datetime, given: dict[str, Any], form: Form, w: Writing) -> None:
    words = given.get("access_needs") or ""
    _save_person(tx, at, {"access_needs": words or None}, form, w)
    _save_plan(tx, at, {"access": words}, w)


SAFETY = ("risks", "safety_notes", "call_before", "urgent")


def _safety_schema(later: bool) -> Schema:
    schema = ChangeDraft(only=SAFETY, partial=True)
    ask = N_("Choose yes, no or not known yet.")
    return schema if later else insist(ChangeDraft(only=SAFETY), risks=ask)


def _safety_known(w: Writing) -> dict[str, Any]:
    """Notes of before stand there to be confirmed; that there were none is asked anew."""
    again = w.kept_safe if w.said("risks") is None else None
    return {
        "risks": "some" if again else w.said("risks"),
        "safety_notes": again or w.said("safety_notes"),
        "call_before": "yes" if w.said("call_before") else "",
        "urgent": "yes" if w.said("urgent") else "",
    }


def _safety_save(tx: Tx, at: datetime, given: dict[str, Any], form: Form, w: Writing) -> None:
    call = bool(given.get("call_before")) and given.get("risks") != "none"
    given = {**given, "call_before": call, "urgent": bool(given.get("urgent"))}
    if given.get("risks") == "some" and not given.get("safety_notes"):
        if form.value("do") != "later":
            why = Refusal(
                "wrong_safety_notes", N_("Write what a provider must know."), field="safety_notes"
            )
            raise Refused([why], noun=Noun.REFERRAL, trigger="change", record_id=None)
        given["risks"] = "not_known"
    _save_said(tx, at, given, w)


def _right_schema(later: bool) -> Schema:
    return _safety_schema(later)


def _right_known(w: Writing) -> dict[str, Any]:
    return _safety_known(w)


def _right_save(tx: Tx, at: datetime, given: dict[str, Any], form: Form, w: Writing) -> None:
    if form.value("do") != "later":
        missing = no_way(w.person._asdict())
        if missing is not None:
            # The way to change it stands on this page, the field doesn't.
            raise Refused(
                [replace(missing, field=None)], noun="person", trigger="change", record_id=None
            )
        _save_plan(tx, at, {"access": w.person.access_needs or ""}, w)
        if w.begun is not None:
            fresh = beginnings.one(tx, current_actor(), w.id)
            w = replace(w, begun=fresh)
    _safety_save(tx, at, given, form, w)


ASKED: dict[str, Asking] = {
    "right": Asking(_right_schema, _right_known, _right_save),
    "details": Asking(_details_schema, _details_known, _details_save),
    "contact": Asking(_contact_schema, _contact_known, _contact_save),
    "matters": Asking(_matters_schema, _matters_known, _matters_save),
    "needs": Asking(_needs_schema, _needs_known, _needs_save),
    "access": Asking(
        lambda later: ChangePerson(only=("access_needs",)), _access_known, _access_save
    ),
    "safety": Asking(_safety_schema, _safety_known, _safety_save),
}


def next_path(writing_id: str, slug: str) -> str:
    """Where Continue leads: to what was asked for, or to the next page that isn't done."""
    if request.args.get("then") == "check":
        return f"/referrals/{writing_id}/write/check"
    if request.args.get("then") == "right":
        return f"/referrals/{writing_id}/write/right"
    with edge().reading(current_actor()) as (tx, at):
        w = read(tx, at, writing_id)
    order = w.slugs()
    here = order.index(slug) if slug in order else -1
    for candidate in (*order[here + 1 :], *order[: here + 1]):
        if candidate == "consent" and w.referral is None:
            continue
        if not w.done(candidate) and candidate != slug:
            return f"/referrals/{writing_id}/write/{candidate}"
    return f"/referrals/{writing_id}/write/check"


def later_or(writing_id: str, slug: str, form: Mapping[str, Any]) -> Next:
    """ "Save and finish later" leads to the list of pages, "Add another goal" back to the page, and
    Continue to the next one."""
    if form.get("do") == ADD_GOAL:
        return Next(
            f"/referrals/{writing_id}/write/{slug}?{urlencode({**request.args, 'goal': '1'})}"
        )
    if request.form.get("do") == "later":
        return Next(
            f"/referrals/{writing_id}/write",
            _("Saved. You can go on when you like: it is kept under “Make a referral”."),
        )
    return Next(next_path(writing_id, slug))


SLUGS = ", ".join(f'"{slug}"' for slug in ASKED)


@pages.route(f"/referrals/<uuid:writing_id>/write/<any({SLUGS}):slug>", methods=["GET", "POST"])
@access(TEAM)
def ask(writing_id: UUID, slug: str) -> ResponseReturnValue:
    """One of the plain pages."""
    w = found(str(writing_id))
    asking = ASKED[slug]
    actor = current_actor()
    later = request.form.get("do") in ("later", ADD_GOAL)
    before = []
    if slug == "safety":
        with edge().reading(actor) as (tx, _at):
            before = changed(tx, actor, "changed", w.id)
    return answer(
        lambda form: page(
            f"wizard/{slug}.jinja",
            form,
            w=w,
            changed=before,
            title=said(TITLES[slug]),
            groups=NEED_GROUPS,
            practice_words=practice_words,
            goals=goal_boxes(form) if slug == "matters" else 0,
            most_goals=MOST_GOALS,
            back=_hub(w),
        ),
        lambda tx, at, given, form: asking.save(tx, at, given, form, w),
        lambda done: later_or(w.id, slug, request.form),
        schema=asking.schema(later),
        known=asking.known(w),
        kept=AsKept(
            "person",
            lambda tx, at: asking.known(read(tx, at, w.id)),
            lambda tx, at: newest(
                changed(tx, actor, "person_changed", w.person.subject_ref, of_person=True),
                changed(tx, actor, "plan_saved", w.plan.id) if w.plan else [],
                changed(tx, actor, "changed", w.id),
            ),
        ),
    )


# -- choosing an activity -----------------------------------------------------------------------


PER_PAGE = 20


# So many are looked through, by name: a place has fewer.
MOST_LOOKED_AT = 400


def next_after() -> str:
    """The group after which this page of activities begins; an id that is none isn't found."""
    return ids_said("after")[0] if request.args.get("after") else ""


def ids_said(name: str) -> list[str]:
    """The ids of groups in the address; one that is none isn't found."""
    found = []
    for text in request.args.getlist(name):
        try:
            found.append(str(UUID(text)))
        except ValueError:
            raise Refused([NOT_FOUND], noun="activity", trigger="read", record_id=None) from None
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class Looking:
    """What is looked for, each of which can be left out again."""

    words: str
    places: bool
    within: int = 0  # miles from their home; none: however far

    def without(self, name: str) -> str:
        """The address with one of them left out."""
        kept = {"words": self.words, "places": "yes" if self.places else "", "within": "", name: ""}
        if name != "within" and self.within:
            kept["within"] = str(self.within)
        return changed_address({**kept, "after": ""})

    @property
    def applied(self) -> list[dict[str, str]]:
        """Each with the link that leaves it out."""
        found = []
        if self.words:
            text = _("Look for any word, not only “%(words)s”", words=self.words)
            found.append({"text": text, "href": self.without("words")})
        if self.places:
            text = _("Show those without a place now, too")
            found.append({"text": text, "href": self.without("places")})
        if self.within:
            text = _("Show those that are further away, too")
            found.append({"text": text, "href": self.without("within")})
        return found


def changed_address(changes: Mapping[str, Any]) -> str:
    """This page with some of what its address says changed."""
    told = {n: request.args.getlist(n) for n in request.args}
    told |= {n: v if isinstance(v, list) else [v] for n, v in changes.items()}
    pairs = [(name, one) for name, values in told.items() for one in values if one]
    return f"?{urlencode(pairs)}"


def looking() -> Looking:
    """What this request looks for."""
    words = request.args.get("words", "").strip()[:80]
    within = request.args.get("within", "")
    return Looking(
        words, request.args.get("places") == "yes", int(within) if within in WITHIN else 0
    )


WITHIN = ("1", "3", "5", "10")


def _offers(
    tx: Tx, at: datetime, w: Writing, wanted: Looking
) -> tuple[list[Offer], postcodes.Distances]:
    """Every open activity as a choice for this person, the best fit first, and how far they are."""
    actor = current_actor()
    seen = records.activities(
        tx, actor, at, w.person.organisation_id, wanted.words, "", MOST_LOOKED_AT
    )
    if wanted.places:
        seen = [one for one in seen if one.places_left > 0]
    far = postcodes.distances(tx, w.person.postcode, (one.postcode for one in seen))
    found = matched(seen, w.person, w.plan or w.earlier, _open_to(tx, w), at, far)
    # What nobody knows the distance of isn't left out: it may be next door.
    near = [one for one in found if one.miles is None or one.miles <= wanted.within]
    return (near if wanted.within else found), far


def _open_to(tx: Tx, w: Writing) -> dict[str, str]:
    """The person's open referrals but this one: the reference, by the activity."""
    return {
        one.activity_id: one.reference
        for one in records.referrals_of(tx, w.person)
        if one.state in DUPLICATES and one.id != w.id
    }


def with_records(tx: Tx, offers: list[Offer]) -> list[Offer]:
    """The offers with how each provider usually answers."""
    told = records_in_words(
        records.answered(tx, current_actor(), (one.seen.provider_id for one in offers))
    )
    return [replace(one, record=told.get(one.seen.provider_id, "")) for one in offers]


@pages.route("/referrals/<uuid:writing_id>/write/activity", methods=["GET", "POST"])
@access(TEAM)
def activity(writing_id: UUID) -> ResponseReturnValue:
    """Choose an activity, and others in case the first can't. Those that fit best come first, each
    with why; those that do not fit stand below, with why not."""
    w = found(str(writing_id))
    actor = current_actor()
    wanted, after, comparing = looking(), next_after(), ids_said("compare")[:MOST_COMPARED]
    with edge().reading(actor) as (tx, at):
        offers, far = _offers(tx, at, w, wanted)
        may = [one for one in offers if not one.refused and not one.unlike]
        start = next((n for n, o in enumerate(may, 1) if o.group_id == after), 0)
        shown = with_records(tx, may[start : start + PER_PAGE])
        by_id = {one.group_id: one for one in offers}
        chosen = None
        if w.referral:
            known = by_id.get(w.referral.group_id)  # unless it closed, or isn't what is looked for
            chosen = (
                known.seen
                if known
                else records.group(tx, actor, at, w.person.organisation_id, w.referral.group_id)
            )
        ranked = records.ranked(
            tx, actor, at, w.person.organisation_id, w.said("alternatives") or []
        )
        lead = None if shown else records.place_lead(tx, actor, at)

    def save(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return _choose(tx, at, form, w)

    return answer(
        lambda form: page(
            "wizard/activity.jinja",
            form,
            w=w,
            offers=shown,
            lead=lead,
            unlike=[one for one in offers if one.refused or one.unlike],
            chosen=offer(chosen, w.at) if chosen else None,
            ranked=[offer(one, w.at) for one in ranked],
            wanted=wanted,
            far=far.edition,
            within=WITHIN if far.edition else (),
            more=changed_address({"after": shown[-1].group_id}) if may[start + PER_PAGE :] else "",
            compared=[by_id[one] for one in comparing if one in by_id],
            compare=lambda one: changed_address({"compare": [*comparing, one]}),
            full=len(comparing) >= MOST_COMPARED,
            comparing=urlencode([("group", one) for one in comparing]),
            compare_none=changed_address({"compare": ""}),
            then=request.args.get("then", ""),
            back=_hub(w),
        ),
        save,
        lambda done: Next(done) if done else later_or(w.id, "activity", request.form),
        known={"group_id": w.referral.group_id if w.referral else ""},
    )


MOST_COMPARED = 3


@pages.get("/referrals/<uuid:writing_id>/write/compare")
@access(TEAM)
def compare(writing_id: UUID) -> ResponseReturnValue:
    """Up to three activities side by side."""
    w = found(str(writing_id))
    wanted = ids_said("group")[:MOST_COMPARED]
    with edge().reading(current_actor()) as (tx, at):
        every, far = _offers(tx, at, w, Looking("", places=False))
        offers = {one.group_id: one for one in every}
        compared = with_records(tx, [offers[one] for one in wanted if one in offers])
    here = f"/referrals/{w.id}/write/activity"
    kept = urlencode([("compare", one.group_id) for one in compared])
    return page(
        "wizard/compare.jinja",
        form_now(None, {"group_id": w.referral.group_id if w.referral else ""}),
        w=w,
        offers=compared,
        far=far.edition,
        may=[one for one in compared if not one.refused],
        choosing=here,
        back={"href": f"{here}?{kept}" if kept else here, "text": _("Back to the activities")},
    )


def _choose(tx: Tx, at: datetime, form: Form, w: Writing) -> str:
    """Do what the button says. Returns where to go, or nothing: on."""
    actor = current_actor()
    do, group_id = str(form.value("do")), str(form.value("group_id"))
    here = f"/referrals/{w.id}/write/activity"
    ranked = list(w.said("alternatives") or [])
    if do.startswith("drop:"):
        _save_said(tx, at, {"alternatives": [i for i in ranked if i != do[5:]]}, w)
        return here
    if do == "later" and not group_id:
        return ""
    chosen = None
    if group_id:
        try:
            UUID(group_id)
        except ValueError:
            group_id = ""
        else:
            chosen = records.group(tx, actor, at, w.person.organisation_id, group_id)
    if chosen is None:
        raise _wrong_choice(N_("Choose an activity."))
    if offer(chosen, at).refused or chosen.activity_id in _open_to(tx, w):
        raise _wrong_choice(N_("Choose another activity: this one cannot be chosen now."))
    if do == "next" and w.referral is not None:
        first = w.referral.activity_id
        if chosen.activity_id != first and chosen.activity_id not in ranked:
            if len(ranked) >= MOST_CHOICES - 1:
                raise _wrong_choice(N_("Take one out first: three choices are the most."))
            _save_said(tx, at, {"alternatives": [*ranked, chosen.activity_id]}, w)
        return here
    if w.referral is None:
        writing.choose_activity(tx, actor, at, w.id, group_id)
    elif w.referral.group_id != group_id:
        change_draft(tx, actor, at, w.id, {"group_id": group_id})
    return ""


def _wrong_choice(why: str) -> Refused:
    fault = Refusal("wrong_group_id", why, field="group_id")
    return Refused([fault], noun=Noun.REFERRAL, trigger="change", record_id=None)


# -- consent ------------------------------------------------------------------------------------


# What is asked beside sharing, by the field of its answer: the purpose, and who hears of it.
ASIDE: dict[str, tuple[Purpose, str]] = {
    "practice": (Purpose.TELL_PRACTICE, RECIPIENT_OF[Purpose.TELL_PRACTICE]),
    "contact": (Purpose.CONTACT, RECIPIENT_OF[Purpose.CONTACT]),
    "evaluation": (Purpose.EVALUATION, RECIPIENT_OF[Purpose.EVALUATION]),
}


class ConsentPage(Answer):
    """Each purpose has its own yes or no; how and whose decision is asked once."""

    share = Choice(("yes", "no", "asked"), N_("Choose whether they agree to share."))
    practice = Choice(("yes", "no"), wrong=N_("Choose whether they agree to tell the practice."))
    contact = Choice(("yes", "no"), wrong=N_("Choose whether we may keep in touch."))
    evaluation = Choice(("yes", "no"), wrong=N_("Choose whether their answers may be counted."))

    @validates_schema
    def whole(self, data: dict[str, Any], **more: Any) -> None:
        faults: dict[str, list[str]] = {}
        if "yes" in [data.get(name) for name in ("share", *ASIDE)]:
            if not data.get("basis"):
                faults["basis"] = [N_("Choose whose decision this is.")]
            if not data.get("how"):
                faults["how"] = [N_("Choose how consent was given.")]
        if data.get("basis") == Basis.BEST_INTERESTS and not data.get("capacity_id"):
            faults["capacity_id"] = [N_("Record the capacity assessment first.")]
        if faults:
            raise ValidationError(faults)


def read_out_in(person: PersonSeen) -> str:
    """The language in which this person is asked: what the address says, or else their own where
    we have its words."""
    return request.args.get("language") or language_named(person.language) or ENGLISH


CONSENT_FIELDS = ("share", *ASIDE, "basis", "how", "present", "capacity_id")


@pages.route("/referrals/<uuid:writing_id>/write/consent", methods=["GET", "POST"])
@access(TEAM)
def consent(writing_id: UUID) -> ResponseReturnValue:
    """The words to read out, and the person's own answer to each question."""
    w = found(str(writing_id))
    if w.referral is None:
        return redirect(f"/referrals/{w.id}/write/activity")
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        wordings = records.wordings(tx, actor, at, read_out_in(w.person))
        known = records.wording_languages(tx, actor, at)
        assessments = assessed(tx, actor.system_id, w.person.id, at)
    in_force = bool(w.facts and w.facts.consent_id)
    schema: Schema = ConsentPage(only=CONSENT_FIELDS)
    if in_force or request.form.get("do") == "later":
        share: Any = schema.fields["share"]
        share.needed, share.required, share.allow_none = None, False, True
    practice = w.answered(Purpose.TELL_PRACTICE, "practice")
    told = practice if practice and practice.state == "given" else None
    provider_id = w.referral.provider_id

    def who(tx: Tx, at: datetime) -> list[dict[str, Any]]:
        answers = [one.id for one in _answers(read(tx, at, w.id), provider_id) if one]
        return last_step(tx, actor, at, Noun.CONSENT, max(answers)) if answers else []

    def save(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        _save_asked(tx, at, form, w)
        save_consent(tx, at, w.person, provider_id, given, wordings)

    return answer(
        lambda form: page(
            "wizard/consent.jinja",
            form,
            w=w,
            share=wordings.get(Purpose.SHARE_WITH_PROVIDER),
            practice=wordings.get(Purpose.TELL_PRACTICE),
            in_force=w.sharing if in_force else None,
            practice_told=told,
            further=_further(w, wordings) if _asks_more() else None,
            languages=lambda words_now: in_others(words_now, known),
            boxes=_boxes(w),
            assessments=assessments,
            capacity_href=f"/people/{w.person.id}/capacity?then=/referrals/{w.id}/write/consent",
            back=_hub(w),
        ),
        save,
        lambda done: later_or(w.id, "consent", request.form),
        schema=schema,
        known={"basis": Basis.AGREEMENT, **_told_so_far(w, provider_id)},
        kept=AsKept("consent", lambda tx, at: _told_so_far(read(tx, at, w.id), provider_id), who),
    )


def _asks_more() -> bool:
    """Whether the two further questions were asked for: neither is needed to send a referral."""
    return bool(request.form.get("more") or request.form.get("again") == "more")


def _further(
    w: Writing, wordings: Mapping[str, records.WordingSeen]
) -> list[tuple[str, records.WordingSeen | None, ConsentSeen | None]]:
    """The two further questions: the field, the words to read out, and the yes that holds now."""
    found = []
    for name in ("contact", "evaluation"):
        purpose, recipient = ASIDE[name]
        answered = w.answered(purpose, recipient)
        holds = answered if answered and answered.state == "given" else None
        found.append((name, wordings.get(purpose), holds))
    return found


def _answers(w: Writing, provider_id: str) -> tuple[ConsentSeen | None, ...]:
    """The newest answer to each question of the page."""
    return (
        w.answered(Purpose.SHARE_WITH_PROVIDER, provider_id),
        *(w.answered(*asked) for asked in ASIDE.values()),
    )


def _told_so_far(w: Writing, provider_id: str) -> dict[str, Any]:
    """What the page rests on: the activity's questions as answered, and which answers stand."""
    asked = {name: told for (name, _), (_, told) in zip(_boxes(w), w.asked, strict=True)}
    stands = [f"{one.id} {one.state}" if one else "" for one in _answers(w, provider_id)]
    return {**asked, "_answers": " ".join(stands)}


def _boxes(w: Writing) -> list[tuple[str, str]]:
    """The field of each question that the activity asks."""
    return [(f"asked-{number}", question) for number, (question, _) in enumerate(w.asked, 1)]


def _save_asked(tx: Tx, at: datetime, form: Form, w: Writing) -> None:
    """Keep the answers to the activity's own questions; each is asked for, unless later."""
    told, faults = {}, []
    for name, question in _boxes(w):
        box = Text(N_("Write the answer. “Not known” is one."))
        try:
            told[question] = box.deserialize(str(form.value(name)))
        except ValidationError as error:
            if form.value("do") == "later" and not form.value(name).strip():
                continue
            faults.append(Refusal(f"wrong_{name}", str(error.messages[0]), field=name))
    if faults:
        raise Refused(faults, noun=Noun.REFERRAL, trigger="change", record_id=None)
    if told and told != dict(w.asked):
        answers = json.dumps(told, ensure_ascii=False)
        change_draft(tx, current_actor(), at, w.id, {"safety_answers": answers})


def save_consent(
    tx: Tx,
    at: datetime,
    person: PersonSeen,
    provider_id: str,
    given: Mapping[str, Any],
    wordings: Mapping[str, records.WordingSeen],
) -> None:
    """Record each answer that was given."""
    actor = current_actor()
    for purpose, recipient, said_so in (
        (Purpose.SHARE_WITH_PROVIDER, provider_id, given.get("share")),
        *((*asked, given.get(name)) for name, asked in ASIDE.items()),
    ):
        if said_so is None:
            continue
        words = wordings.get(purpose)
        record_consent(
            tx,
            actor,
            at,
            person_id=person.id,
            purpose=purpose,
            recipient=recipient,
            agreed={"yes": True, "no": False, "asked": None}[said_so],
            answer={
                "basis": given.get("basis"),
                "how": given.get("how"),
                "present": given.get("present"),
                "capacity_id": given.get("capacity_id"),
                "wording_id": words.id if words else None,
            },
        )


# -- check and send -----------------------------------------------------------------------------


@pages.route("/referrals/<uuid:writing_id>/write/check", methods=["GET", "POST"])
@access(TEAM)
def check(writing_id: UUID) -> ResponseReturnValue:
    """Everything once more, who will see what, and Send: which is always there, and says what is
    missing."""
    w = found(str(writing_id))
    actor = current_actor()
    form = form_now(None, {})
    if request.method != "POST":
        form.version = w.referral.version if w.referral else None
    errors: list[dict[str, str]] = []
    status = 200
    if request.method == "POST" and not request.form.get("again"):
        if w.referral is None:
            errors = [_mend(w, r) for r in _missing_before_activity(w)]
            status = 409
        else:
            try:
                done = edge().perform(
                    actor,
                    lambda tx, at: send_referral(
                        tx, actor, at, w.id, version=form.version, key=form.key
                    ),
                )
            except NOT_SAVED as error:
                errors, status = [{"text": not_saved(error)}], 503
            except Refused as refused:
                errors, status = [_mend(w, r) for r in refused.refusals], status_of(refused)
                if "stale" in refused.codes:
                    form.version = w.referral.version
            else:
                from flask import flash

                flash(
                    _(
                        "Sent to %(provider)s, reference %(reference)s. They have until %(day)s to"
                        " reply.",
                        provider=w.referral.provider,
                        reference=done.reference or w.referral.reference,
                        day=by_when(_reply_by(w), w.at),
                    ),
                    "success",
                )
                return redirect(f"/referrals/{w.id}", 303)
    return (
        page_with(
            "wizard/check.jinja",
            errors,
            form=form,
            w=w,
            reply_by=by_when(_reply_by(w), w.at),
            practice=w.answered(Purpose.TELL_PRACTICE, "practice"),
            missing=_missing(w),
            start=starting_point(w),
            back=_hub(w),
            practice_words=practice_words,
        ),
        status,
    )


def page_with(template: str, errors: list[dict[str, str]], **context: Any) -> str:
    """A page whose errors lead to other pages, where they are mended."""
    from flask import render_template

    return render_template(template, errors=errors, **context)


def _reply_by(w: Writing) -> datetime:
    kind = "referral.sent.urgent" if w.said("urgent") else "referral.sent"
    rules = w.facts.rules if w.facts else policy.SHIPPED
    return add(w.at, rules.days(kind), ENGLAND)


def _mend(w: Writing, refusal: Refusal) -> dict[str, str]:
    """A refusal with the way to put it right."""
    text = f"{said(refusal.why)} {said(refusal.remedy)}".strip()
    if refusal.code == "person_identified":
        text = _("Still missing: %(what)s.", what=listed(who_they_are_lacks(w.person)))
    slug = MENDED_ON.get(refusal.code) or refusal.source
    if slug not in TITLES:
        return {"text": text}
    return {"text": text, "href": f"/referrals/{w.id}/write/{slug}?then=check"}


def who_they_are_lacks(p: PersonSeen) -> list[str]:
    """What `person_identified` asks for and isn't there."""
    asked = (
        (p.birth_date, _("their date of birth")),
        (p.practice, _("their GP practice, or that they have none")),
        (p.nhs_number or p.no_nhs_number, _("their NHS number, or why there is none")),
    )
    return [words for known, words in asked if not known]


def _missing_before_activity(w: Writing) -> list[Refusal]:
    found = [
        Refusal("activity", N_("No activity is chosen yet."), N_("Choose an activity."), "activity")
    ]
    if not w.done("safety"):
        found.append(
            Refusal(
                "risks_stated",
                N_("It is not said yet whether the provider must know something to keep people"
                   " safe."),
                N_("Answer the safety question. “No known risks” is an answer."),
            )
        )  # fmt: skip
    if not w.person.identified:
        found.append(
            Refusal(
                "person_identified",
                N_("Something that says who the person is, is missing."),
                N_("Add their date of birth, practice (or none), and NHS number (or why there is"
                   " none)."),
            )
        )  # fmt: skip
    return found


def _missing(w: Writing) -> list[dict[str, str]]:
    """What still stands in the way, with a way to each."""
    if w.facts is None:
        return [_mend(w, refusal) for refusal in _missing_before_activity(w)]
    try:
        decide(Noun.REFERRAL, w.facts, "send", current_actor(), w.at, {"shared": "{}"})
    except Refused as refused:
        return [_mend(w, refusal) for refusal in refused.refusals]
    return []
