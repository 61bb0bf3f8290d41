"""What life brings: a person dies, moves away, or turns out to have two records."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from referral import merges, records
from referral.audit import log, showing
from referral.caseloads import Carried
from referral.merges import Referral
from referral.passing import Team
from referral.records import PersonSeen
from referral.states import ReferralState, Role
from referral.store import Tx
from web import labels
from web.access import TEAM, access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, page
from web.labels import said, word
from web.people import found as found_person
from web.say import _, ngettext
from web.schemas.base import Command
from web.schemas.fields import Id, Text
from web.schemas.people import MergePeople, MoveAway, RecordDeath, TakeBackDeath
from web.words import day_words, listed, nhs_number, phone_words
from workflows.deaths import death_preview, record_death, take_back_death
from workflows.merges import Merge, merge_people, merge_preview
from workflows.moves import N_
from workflows.moving import leaving_preview, move_away
from workflows.passing import pass_on_person, passing_preview
from workflows.rules import field, wrong

pages = Blueprint("life_pages", __name__)


def _line(one: Carried | Referral) -> dict[str, Any]:
    """An open referral in a preview."""
    return {
        "id": one.id,
        "reference": one.reference,
        "what": f"{one.activity}, {one.provider}",
        "tag": labels.state_tag("referral", one.state),
        "who": one.link_worker if isinstance(one, Carried) else "",
    }


def _note_read(p: PersonSeen) -> None:
    actor = current_actor()
    edge().perform(
        actor, lambda tx, at: log(tx, actor, at, "read", "person", None, subject=p.subject_ref)
    )


# -- a death ------------------------------------------------------------------------------------


@pages.route("/people/<uuid:person_id>/death", methods=["GET", "POST"])
@access(TEAM)
def death(person_id: UUID) -> ResponseReturnValue:
    """A person has died: what that stops, before it is recorded."""
    actor, pid = current_actor(), str(person_id)
    with edge().reading(actor) as (tx, at):
        plan = death_preview(tx, actor, at, pid)
    if request.method == "GET":
        _note_read(plan.person)

    def draw(form: Form) -> str:
        return page(
            "people/death.jinja",
            form,
            p=plan.person,
            recorded=plan.person.died_on is not None,
            stops=[_line(one) for one in plan.stops],
            stays=[_line(one) for one in plan.stays],
            back={"href": f"/people/{pid}", "text": _("Back to the person")},
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> dict[str, Any]:
        return record_death(tx, actor, at, pid, given, form.version, form.key)

    def done(made: dict[str, Any]) -> Next:
        many = len(made["stopped"])
        stopped = ngettext(
            "Recorded. %(num)s referral was stopped, and its provider is told.",
            "Recorded. %(num)s referrals were stopped, and their providers are told.",
            many,
        )
        return Next(f"/people/{pid}", stopped if many else _("Recorded. Nothing was open."))

    return answer(draw, act, done, schema=RecordDeath(), version=plan.person.version)


def _stopped_by_death(tx: Tx, p: PersonSeen) -> list[records.ReferralListed]:
    """The team's referrals that somebody's death ended, and nobody has taken up since."""
    listed = records.referrals_of(tx, p)
    return [r for r in listed if (r.state, r.reason) == (ReferralState.WITHDRAWN, "died")]


@pages.route("/people/<uuid:person_id>/death/undo", methods=["GET", "POST"])
@access(Role.TEAM_LEAD)
def undo_death(person_id: UUID) -> ResponseReturnValue:
    """It was recorded in error."""
    actor, pid = current_actor(), str(person_id)
    with edge().reading(actor) as (tx, at):
        p, _seen = found_person(tx, at, pid)
        stopped = [] if p.closed_to_actor else _stopped_by_death(tx, p)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> int:
        return take_back_death(tx, actor, at, pid, given["why"], form.version)

    return answer(
        lambda form: page(
            "people/death_undo.jinja",
            form,
            p=p,
            recorded=p.died_on is not None or request.method == "POST",
            stopped=stopped,
            back={"href": f"/people/{pid}", "text": _("Back to the person")},
        ),
        act,
        lambda version: Next(
            f"/people/{pid}",
            _(
                "Put right. Each link worker is told, and can take up again what was stopped.",
            ),
        ),
        schema=TakeBackDeath(),
        version=p.version,
    )


# -- moving away --------------------------------------------------------------------------------


@pages.route("/people/<uuid:person_id>/moved", methods=["GET", "POST"])
@access(TEAM)
def moved(person_id: UUID) -> ResponseReturnValue:
    """A person moves away: what is stopped for it."""
    actor, pid = current_actor(), str(person_id)
    with edge().reading(actor) as (tx, at):
        plan = leaving_preview(tx, actor, at, pid)
    if request.method == "GET":
        _note_read(plan.person)
    choices = [(one.id, f"{one.activity}, {one.provider}", one.reference) for one in plan.can_stop]

    def draw(form: Form) -> str:
        return page(
            "people/moved.jinja",
            form,
            p=plan.person,
            choices=choices,
            cannot=[_line(one) for one, _why in plan.cannot],
            stays=[_line(one) for one in plan.stays],
            may_pass_on=actor.role is Role.TEAM_LEAD,
            back={"href": f"/people/{pid}", "text": _("Back to the person")},
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Any:
        return move_away(tx, actor, at, pid, given["stop"])

    def done(made: Any) -> Next:
        stopped, left = made
        words = ngettext(
            "%(num)s referral was stopped. Its provider is told.",
            "%(num)s referrals were stopped. Their providers are told.",
            len(stopped),
        )
        if left:
            words += " " + _("Not all could be stopped: look at what is still open.")
        return Next(f"/people/{pid}", words)

    return answer(
        draw,
        act,
        done,
        schema=MoveAway(),
        known={"stop": [one.id for one in plan.can_stop]},
    )


class PassOn(Command):
    """The team that supports the person from now."""

    organisation_id = Id(N_("Choose the other team."))


@pages.route("/people/<uuid:person_id>/pass-on", methods=["GET", "POST"])
@access(Role.TEAM_LEAD)
def pass_on(person_id: UUID) -> ResponseReturnValue:
    """Another team of the system supports the person from now."""
    actor, pid = current_actor(), str(person_id)
    with edge().reading(actor) as (tx, at):
        plan = passing_preview(tx, actor, at, pid)
    if request.method == "GET":
        _note_read(plan.person)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Team:
        return pass_on_person(tx, actor, at, pid, given["organisation_id"], form.version)

    return answer(
        lambda form: page(
            "people/pass_on.jinja",
            form,
            p=plan.person,
            open=[_line(one) for one in plan.still_open],
            teams=[(team.organisation_id, f"{team.name}, {team.place}") for team in plan.teams],
            back={"href": f"/people/{pid}", "text": _("Back to the person")},
        ),
        act,
        lambda team: Next(
            "/people", _("Passed on to %(team)s. Their lead is told.", team=team.name)
        ),
        schema=PassOn(),
        version=plan.person.version,
    )


# -- two records of one person ------------------------------------------------------------------


class FindOther(Command):
    """The reference of the other record."""

    reference = Text(N_("Enter the reference of the other record, like SG-7K4Q-2M."))


@pages.route("/people/<uuid:person_id>/join", methods=["GET", "POST"])
@access(TEAM)
def join(person_id: UUID) -> ResponseReturnValue:
    """Which other record is the same person's: those that look like it, or one by its reference."""
    actor, pid = current_actor(), str(person_id)
    with edge().reading(actor) as (tx, at):
        p, _seen = found_person(tx, at, pid)
        alike = [] if p.closed_to_actor else merges.maybe_the_same(tx, pid)
    showing("person", (pid, *(row[0] for row in alike)))

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        reference = given["reference"].strip().upper()
        other = merges.by_reference(tx, actor.system_id, actor.organisation_id, reference)
        if other is None or other == pid:
            why = N_("There is no other record of your team with this reference.")
            raise wrong("person", "merge", field("reference", why))
        return other

    return answer(
        lambda form: page(
            "people/join.jinja",
            form,
            p=p,
            closed=p.closed_to_actor,
            alike=[
                {
                    "href": f"/people/{pid}/join/{row[0]}",
                    "name": f"{row[2]} {row[3]}",
                    "reference": row[1],
                }
                for row in alike
            ],
            back={"href": f"/people/{pid}", "text": _("Back to the person")},
        ),
        act,
        lambda other: Next(f"/people/{pid}/join/{other}"),
        schema=FindOther(),
    )


@pages.route("/people/<uuid:person_id>/join/<uuid:other_id>", methods=["GET", "POST"])
@access(TEAM)
def join_these(person_id: UUID, other_id: UUID) -> ResponseReturnValue:
    """What joining two records does, and each referral to be confirmed."""
    actor, pid, oid = current_actor(), str(person_id), str(other_id)
    with edge().reading(actor) as (tx, at):
        plan = merge_preview(tx, actor, at, pid, oid)
    if request.method == "GET":
        _note_read(plan.keep)
        _note_read(plan.other)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> dict[str, Any]:
        return merge_people(
            tx, actor, at, pid, oid, referrals=given.get("referrals") or (), key=form.key
        )

    return answer(
        lambda form: page(
            "people/join_these.jinja",
            form,
            plan=plan,
            both=[_side(plan.keep), _side(plan.other)],
            choices=[
                (one.id, f"{one.activity}, {one.provider}", f"{one.reference}, {_state(one)}")
                for one in plan.referrals
            ],
            ends=[_ending(answer, stops) for answer, stops in plan.ends],
            filled=_filled(plan),
            in_the_way=[{"why": said(r.why), "remedy": said(r.remedy)} for r in plan.refusals],
            back={"href": f"/people/{pid}/join"},
        ),
        act,
        lambda made: Next(f"/people/{pid}", _("The two records are one now.")),
        schema=MergePeople(only=("referrals",)),
    )


def _state(one: Referral) -> str:
    return labels.state_tag("referral", one.state)["text"].lower()


def _side(p: PersonSeen) -> dict[str, str]:
    return {
        "name": p.name,
        "reference": p.reference,
        "born": day_words(p.birth_date) or _("Not known"),
        "nhs_number": nhs_number(p.nhs_number) or _("None given"),
        "phone": phone_words(p.phone) or _("None given"),
        "postcode": p.postcode or _("None given"),
    }


FIELD_WORDS: dict[str, str] = {
    "nhs_number": N_("NHS number"),
    "no_nhs_number": N_("why there is no NHS number"),
    "birth_date": N_("date of birth"),
    "practice": N_("practice"),
    "phone": N_("phone"),
    "email": N_("email"),
    "address": N_("address"),
    "postcode": N_("postcode"),
    "contact_method": N_("how to reach them"),
    "contact_times": N_("best times"),
    "through_name": N_("who they are reached through"),
    "through_phone": N_("the number of who they are reached through"),
    "message_safe": N_("whether a message is safe"),
    "language": N_("language"),
    "interpreter": N_("interpreter"),
    "access_needs": N_("access needs"),
    "emergency_contact": N_("whom to reach in an emergency"),
}


def _filled(plan: Merge) -> str:
    return listed([word(FIELD_WORDS, name) for name in plan.filled])


def _ending(answer: Any, stops: bool) -> str:
    what = word(labels.PURPOSES, answer.purpose)
    who = answer.provider or ""
    about = f"{what}: {who}" if who else what
    if stops:
        return _("%(what)s. Their newest answer is no: sharing stops.", what=about)
    return _("%(what)s. The older of two answers ends.", what=about)
