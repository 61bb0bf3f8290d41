"""The people a team supports: the list, one person's page, and changing what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue

from referral import beginnings, equality, records
from referral.actors import Actor
from referral.audit import log
from referral.records import ConsentSeen, PersonSeen
from referral.scopes import EMERGENCY_ROLES
from referral.states import REFERRAL_OPEN, Role
from referral.store import Tx
from web import labels, relationships
from web.access import TEAM, access, current_actor
from web.current import edge, settings
from web.forms import AsKept, Form, Next, answer, page
from web.labels import said, word
from web.own_links import said_how
from web.say import _
from web.schemas.fields import SHORT, TOO_LONG
from web.schemas.people import ChangePerson
from web.search import further_people, more_people, number_words, onward
from web.timelines import changed
from web.wizard import practice_words
from web.words import day_words, dialled, died_words, message_words, nhs_number, phone_words
from workflows import disclosure, reading
from workflows.engine import NOT_FOUND, Refused
from workflows.moves import N_, Refusal
from workflows.people import change_person
from workflows.reading import Found, PersonCard
from workflows.working_time import local_day

pages = Blueprint("people_pages", __name__)

LOOKERS = TEAM | {Role.SAFEGUARDING_LEAD}


# -- the list -----------------------------------------------------------------------------------


@pages.get("/people")
@access(LOOKERS)
def people() -> ResponseReturnValue:
    """The people of the team, by name. The address holds an id, never a name."""
    actor = current_actor()
    after = request.args.get("after", "")
    with edge().reading(actor) as (tx, at):
        place = None
        if after:
            key = records.name_key_of(tx, actor, _an_id(after))
            place = (key, after) if key is not None else None
        found, more = reading.people(tx, actor, at, place)
    return _list(Form(), found, more[1] if more else None, at=at)


def _an_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        abort(404)


@pages.post("/people")
@access(LOOKERS)
def look_for() -> ResponseReturnValue:
    """People by anything `reading.search` finds them by: posted, so that no name stands in an
    address."""
    actor = current_actor()
    wanted = request.form.get("words", "").strip()
    form = Form(values={"words": wanted})
    if len(wanted) > SHORT:
        form.errors["words"] = said(TOO_LONG[SHORT])
        return _list(form, [], None), 422
    if not wanted:
        form.errors["words"] = _(
            "Enter a name, a reference, an NHS number, a phone number or a date of birth."
        )
        return _list(form, [], None), 422
    begins = further_people()
    with edge().reading(actor) as (tx, at):
        if begins:
            found = reading.search_on(tx, actor, at, wanted, begins, None)
        else:
            found = reading.search(tx, actor, at, wanted)
    return _list(form, found.people, None, found.alike, at, found, further=begins is not None)


def _list(
    form: Form,
    people: list[PersonCard],
    more: str | None,
    alike: Sequence[PersonCard] = (),
    at: datetime | None = None,
    found: Found | None = None,
    *,
    further: bool = False,
) -> str:
    """The page of these people; `form`: what was looked for, `at`: when they were read; `found`:
    what it came to; `further`: this isn't its first page."""
    actor = current_actor()
    return page(
        "people/list.jinja",
        form,
        people=people,
        alike=alike,
        number=None if people else number_words(form.value("words")),
        more=more,
        cut=more_people(found) if found else "",
        onward=onward(found.more_people) if found else {},
        further=further,
        looked_for=form.value("words"),
        may_refer=actor.role in TEAM,
        printed=day_words(local_day(at)) if at else "",
        may_open=actor.role in EMERGENCY_ROLES,
        practice_words=practice_words,
    )


# -- one person ---------------------------------------------------------------------------------


def record_of(p: PersonSeen) -> dict[str, Any]:
    """A person by the names that disclosure knows the fields by."""
    names = (
        "reference given_name family_name birth_date nhs_number no_nhs_number practice phone email"
        " address postcode contact_method contact_times through_name through_phone message_safe"
        " language interpreter access_needs emergency_contact died_on died_about death_said_by"
    )
    return {**{name: getattr(p, name) for name in names.split()}, "team": p.organisation}


def found(tx: Tx, at: datetime, person_id: str) -> tuple[PersonSeen, dict[str, Any]]:
    """A person in scope, and what of them the actor sees. Raises Refused: not_found."""
    actor = current_actor()
    p = records.person(tx, actor, at, person_id)
    if p is None:
        raise Refused([NOT_FOUND], noun="person", trigger="read", record_id=None)
    return p, _seen(p, actor, at)


def found_to_read(tx: Tx, at: datetime, person_id: str) -> tuple[PersonSeen, dict[str, Any]]:
    """The same, also of somebody whose record the actor has open in an emergency."""
    actor = current_actor()
    p = records.person_to_read(tx, actor, at, person_id)
    if p is None:
        raise Refused([NOT_FOUND], noun="person", trigger="read", record_id=None)
    return p, _seen(p, actor, at)


def _seen(p: PersonSeen, actor: Actor, at: datetime) -> dict[str, Any]:
    return disclosure.shown_person(record_of(p), actor.role, at, p.closed_to_actor, p.held)


def about(seen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Contact and access, of what the viewer sees. Numbers ring; nobody rings who died."""
    ring: Callable[[str], str] = str if seen.get("died_on") else dialled
    pairs: list[tuple[str, Any]] = [
        (_("Phone"), ring(phone_words(seen.get("phone")))),
        (_("Messages"), message_words(seen.get("message_safe"))),
        (_("Email"), seen.get("email")),
        (_("Address"), ", ".join(x for x in (seen.get("address"), seen.get("postcode")) if x)),
        (_("Practice"), practice_words(seen.get("practice")) if "practice" in seen else None),
        (_("Contact"), word(labels.CONTACT_METHODS, seen.get("contact_method"))),
        (_("Reached through"), ring(through(seen))),
        (_("Best times"), seen.get("contact_times")),
        (_("Language"), seen.get("language")),
        (_("Interpreter"), _("Needed") if seen.get("interpreter") else None),
        (_("Access needs"), seen.get("access_needs")),
        (_("In an emergency"), ring(seen.get("emergency_contact") or "")),
    ]
    return [{"key": key, "value": value} for key, value in pairs if value]


def through(seen: Mapping[str, Any]) -> str:
    """Who somebody is reached through, with the number."""
    if seen.get("contact_method") != "someone_else":
        return ""
    parts = (seen.get("through_name"), phone_words(seen.get("through_phone")))
    return " ".join(part for part in parts if part)


def life(seen: Mapping[str, Any]) -> list[tuple[str, str]]:
    """When they were born and how old they are; of somebody who died, when, and how old they
    were."""
    pairs = []
    if seen.get("birth_date"):
        born = day_words(seen["birth_date"])
        if not seen.get("died_on"):
            born = _("%(day)s (%(age)s years)", day=born, age=seen["age"])
        pairs.append((_("Born"), born))
    if seen.get("died_on"):
        died = died_words(seen["died_on"], seen.get("died_about"))
        if seen.get("birth_date") and seen.get("age") is not None:
            died = _("%(day)s, aged %(age)s", day=died, age=seen["age"])
        pairs.append((_("Died"), died))
    return pairs


def identity(seen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The facts beside the name."""
    pairs: list[tuple[str, Any]] = []
    pairs += life(seen)
    if "nhs_number" in seen:
        none = said(labels.NO_NUMBER.get(seen.get("no_nhs_number") or "", "")) or _("None given")
        pairs.append((_("NHS number"), nhs_number(seen["nhs_number"]) or none))
    if seen.get("phone") and not seen.get("died_on"):
        pairs.append((_("Phone"), dialled(phone_words(seen["phone"]), close=True)))
        pairs.append((_("Messages"), message_words(seen.get("message_safe"))))
    if seen.get("death_said_by"):
        pairs.append((_("Told by"), seen["death_said_by"]))
    return [{"label": label, "value": value} for label, value in pairs]


def consent_line(c: ConsentSeen) -> dict[str, Any]:
    """One answer in the person's list."""
    return {
        "href": f"/consents/{c.id}",
        "what": word(labels.PURPOSES, c.purpose),
        "who": c.provider or "",
        "tag": labels.state_tag("consent", c.state),
        "when": day_words((c.answered_at or c.asked_at).date()),
        "until": day_words(c.until.date()) if c.until and c.state == "given" else "",
        "how": [
            words
            for words in (
                word(labels.HOW, c.how),
                _("asked by %(name)s", name=c.asked_by) if c.asked_by else "",
                _("wording %(number)s", number=c.wording_number) if c.wording_number else "",
            )
            if words
        ],
    }


@pages.get("/people/<uuid:person_id>")
@access(LOOKERS)
def person(person_id: UUID) -> ResponseReturnValue:
    """Everything about one person."""
    actor = current_actor()

    def look(tx: Tx, at: datetime) -> dict[str, Any]:
        p, seen = found_to_read(tx, at, str(person_id))
        log(tx, actor, at, "read", "person", None, subject=p.subject_ref)
        if p.closed_to_actor:
            return {
                "p": p,
                "seen": seen,
                "referrals": [],
                "consents": [],
                "begun": None,
                "plan": None,
                "said_how": [],
                "close": {"now": [], "before": []},
            }
        return {
            "p": p,
            "seen": seen,
            "referrals": records.referrals_of(tx, p),
            "consents": records.consents(tx, p.id),
            "begun": beginnings.of_person(tx, actor, p.id)
            if actor.role in TEAM and records.in_reach(p, actor)
            else None,
            "plan": records.newest_plan(tx, p.id),
            "not_to_ask": actor.role in TEAM
            and settings().ask_equality
            and equality.objects(tx, actor, p.id),
            "said_how": said_how(tx, p),
            "close": relationships.shown(tx, actor, at, p.id),
        }

    known = edge().perform(actor, look)
    if known["p"].merged_into is not None:
        return redirect(f"/people/{known['p'].merged_into}", 303)
    seen, referrals = known["seen"], known["referrals"]
    mine = records.in_reach(known["p"], actor)
    return page(
        "people/show.jinja",
        None,
        p=known["p"],
        name=disclosure.known_as(seen),
        seen=seen,
        closed=known["p"].closed_to_actor,
        held=said(seen["held"]) if "held" in seen else None,
        identity=identity(seen),
        about=about(seen),
        open=[r for r in referrals if r.state in REFERRAL_OPEN],
        past=[r for r in referrals if r.state not in REFERRAL_OPEN],
        consents=[consent_line(c) for c in known["consents"]],
        begun=known["begun"],
        plan=known["plan"],
        said_how=known["said_how"],
        close=known["close"],
        may_write=actor.role in TEAM and mine and not known["p"].closed_to_actor,
        asks_equality=settings().ask_equality,
        not_to_ask=known.get("not_to_ask", False),
        share_href=None if known["p"].closed_to_actor or not mine else f"/people/{person_id}/share",
        may_put_right=actor.role is Role.TEAM_LEAD,
        back={"href": "/people", "text": _("Back to people")}
        if mine
        else {"href": f"/emergencies/{actor.glass.id}" if actor.glass else "/"},
    )


FIELDS = (
    "given_name", "family_name", "birth_date", "nhs_number", "no_nhs_number", "practice", "phone",
    "email", "address", "postcode", "contact_method", "contact_times", "through_name",
    "through_phone", "message_safe", "language", "interpreter", "access_needs",
    "emergency_contact",
)  # fmt: skip


@pages.route("/people/<uuid:person_id>/change", methods=["GET", "POST"])
@access(TEAM)
def change(person_id: UUID) -> ResponseReturnValue:
    """Change what is known."""
    actor = current_actor()
    rid = str(person_id)

    def look(tx: Tx, at: datetime) -> PersonSeen:
        p, _seen = found(tx, at, rid)
        if request.method == "GET":
            log(tx, actor, at, "read", "person", None, subject=p.subject_ref)
        return p

    p = edge().perform(actor, look)
    if p.closed_to_actor:
        abort(404)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        return _to_change(found(tx, at, rid)[0])

    def told(tx: Tx, at: datetime) -> list[dict[str, Any]]:
        return changed(tx, actor, "person_changed", p.subject_ref, of_person=True)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> int:
        if form.value("no_practice") == "yes":
            given["practice"] = "none"
        if given.get("nhs_number"):
            given["no_nhs_number"] = None
        elif not given.get("no_nhs_number"):
            why = Refusal(
                "wrong_nhs_number",
                N_("Enter the NHS number, or choose why there is none."),
                field="nhs_number",
            )
            raise Refused([why], noun="person", trigger="change", record_id=None)
        return change_person(tx, actor, at, rid, given)

    return answer(
        lambda form: page(
            "people/change.jinja",
            form,
            p=p,
            reasons=[(code, said(text)) for code, text in labels.NO_NUMBER.items()],
            back={"href": f"/people/{rid}", "text": _("Back to the person")},
        ),
        command,
        lambda version: Next(f"/people/{rid}", _("Saved. Whoever may see it sees it from now.")),
        schema=ChangePerson(only=FIELDS),
        known=_to_change(p),
        kept=AsKept("person", read, told),
    )


def _to_change(p: PersonSeen) -> dict[str, Any]:
    """What is known of a person, as the form that changes it has it."""
    known = {name: getattr(p, name) for name in FIELDS}
    known["phone"] = phone_words(p.phone)
    if (p.practice or "").lower() == "none":
        known |= {"practice": "", "no_practice": "yes"}
    return known
