"""Accounts: who has one, in which role, what waits for them; a new password, and suspending."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue

from referral import accounts, oversight, second_steps
from referral.accounts import STANDING, Waiting
from referral.actors import Actor
from referral.dispatches import EMAIL
from referral.oversight import Account
from referral.states import Role
from referral.store import Tx
from web import labels
from web.access import access, current_actor
from web.current import edge, ways
from web.forms import AsKept, Form, Next, answer, page
from web.invitations import WayIn, invited_words, invites, role_given, ways_in
from web.keysets import after, pack
from web.labels import role_name, said
from web.organisations import SETS_UP
from web.passwords import hash_password, new_password
from web.say import _, ngettext
from web.schemas.base import Command
from web.schemas.fields import Choice, Email, Id, Text
from web.schemas.organisations import ASSIGNABLE
from web.timelines import changed
from web.words import by_when, day_words
from workflows.accounts import (
    OWN,
    WHY_SUSPENDED,
    clear_second_step,
    correct_account,
    give_password,
    in_the_way,
    invite,
    let_in_again,
    not_to_invite,
    suspend_account,
)
from workflows.caseloads import GIVERS
from workflows.moves import N_, Refusal
from workflows.organisations import add_membership, roles_to_give
from workflows.rules import wrong
from workflows.working_time import local_day

pages = Blueprint("account_pages", __name__)

A_PAGE = 50
MOST_LETTERS = 100
NO_EMAIL = Refusal(
    "no_email",
    N_("No email can be sent from here."),
    N_("Give them a password instead, by phone or in person."),
    "an invitation is a message",
)
STANDINGS: dict[str, str] = {
    "here": N_("Can sign in"),
    "invited": N_("Invited, no password yet"),
    "suspended": N_("Suspended"),
    "ended": N_("Role ended"),
}
WHY: dict[str, str] = {
    "lost": N_("Somebody else may have their phone, computer or password"),
    "long_absence": N_("They are away for a long time"),
    "looked_into": N_("Something is being looked into"),
    "other": N_("Another reason"),
}


# -- the list -----------------------------------------------------------------------------------


@pages.get("/users")
@access(SETS_UP)
def users() -> str:
    """Every account in the place one answers for, narrowed by role, organisation and standing."""
    actor = current_actor()
    standing = request.args.get("standing", "here")
    role, organisation = request.args.get("role", ""), request.args.get("organisation", "")
    called = request.args.get("called", "").strip()[:MOST_LETTERS]
    if standing not in STANDING or role not in ("", *ASSIGNABLE):
        abort(404)
    position = after(str)
    with edge().reading(actor) as (tx, at):
        found = accounts.page(
            tx,
            actor,
            at,
            standing,
            role,
            organisation,
            position[0] if position else "",
            A_PAGE + 1,
            called,
        )
        counted = accounts.counts(tx, actor, at, role, organisation, called)
        places = [(one.id, one.name) for one in oversight.organisations(tx, actor, at)]
    shown = found[:A_PAGE]
    asked = {
        "standing": standing, "role": role, "organisation": organisation, "called": called,
    }  # fmt: skip
    older = None
    if len(found) > A_PAGE:
        older = f"/users?{urlencode({**asked, 'after': pack(shown[-1].membership_id)})}"
    return page(
        "users.jinja",
        Form(values=asked),
        accounts=shown,
        chips=[
            {
                "text": said(words),
                "count": counted[name],
                "href": f"/users?{urlencode({**asked, 'standing': name})}",
                "current": name == standing,
            }
            for name, words in STANDINGS.items()
        ],
        count=ngettext("%(num)s account", "%(num)s accounts", counted[standing]),
        narrowed=bool(role or organisation),
        searched=bool(called),
        roles=labels.choices(labels.ROLES, *ASSIGNABLE),
        organisations=places,
        older=older,
    )


@pages.get("/users/add")
@access(SETS_UP)
def add() -> ResponseReturnValue:
    """In which organisation somebody new works: what comes before their account."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = [(one.id, one.name) for one in oversight.organisations(tx, actor, at)]
    chosen = request.args.get("organisation")
    if chosen in {number for number, _name in found}:
        return redirect(f"/organisations/{chosen}/accounts/add")
    form = Form()
    if chosen is not None:
        form.errors["organisation"] = _("Choose their organisation.")
    return page(
        "account_where.jinja",
        form,
        organisations=found,
        back={"href": "/users", "text": _("All accounts")},
    )


# -- one account --------------------------------------------------------------------------------


def held_by(one: Account, held: Waiting, beside: list[str], at: datetime) -> list[str]:
    """What waits for one role of an account, and to whom it passes when they can't see to it."""
    who = ", ".join(beside)
    told = []
    worker = one.role == Role.LINK_WORKER
    if not (held.referrals or held.reviews or held.others):
        told.append(_("Nothing waits for them by name."))
    if held.referrals:
        told.append(
            ngettext(
                "%(num)s open referral is with them.",
                "%(num)s open referrals are with them.",
                held.referrals,
            )
        )
    if held.reviews:
        told.append(
            ngettext(
                "%(num)s review they took. It goes up a level by itself when its time passes.",
                "%(num)s reviews they took. Each goes up a level by itself when its time passes.",
                held.reviews,
            )
        )
    if held.others:
        told.append(
            ngettext(
                "%(num)s more thing waits for them by name.",
                "%(num)s more things wait for them by name.",
                held.others,
            )
        )
    if held.next_due is not None:
        due = by_when(held.next_due, at)
        told.append(_("The first of these deadlines is on %(day)s.", day=due))
    if worker and who and not held.referrals:
        told.append(
            _("When they cannot see to something, the team lead stands in: %(who)s.", who=who)
        )
    elif worker and who:
        told.append(
            _("Until their people are handed over, the team lead stands in: %(who)s.", who=who)
        )
    elif worker:
        told.append(_("Their organisation has no team lead to stand in: add one, or hand over."))
    elif who:
        told.append(
            _("%(who)s answers there too, as %(role)s.", who=who, role=role_name(one.role).lower())
            if len(beside) == 1
            else _("%(who)s answer there too, as %(role)s.", who=who,
                   role=role_name(one.role).lower())
        )  # fmt: skip
    else:
        alone = _("Nobody else is %(role)s there.", role=role_name(one.role).lower())
        if held.shared:
            alone += " " + ngettext(
                "%(num)s thing waits for this role. Give it to somebody else first.",
                "%(num)s things wait for this role. Give it to somebody else first.",
                held.shared,
            )
        told.append(alone)
    return told


def role_drawn(tx: Tx, actor: Actor, one: Account, at: datetime) -> dict[str, Any]:
    """One role of an account in words."""
    ended = one.ended_at is not None and one.ended_at <= at
    holds = []
    if not ended or one.role == Role.LINK_WORKER:
        held = accounts.waiting(tx, one, actor.system_id)
        if not ended or held.referrals:
            holds = held_by(one, held, accounts.beside(tx, one, actor.system_id, at), at)
    return {
        "one": one,
        "role": role_name(one.role),
        "since": day_words(local_day(one.started_at)),
        "ended": day_words(local_day(one.ended_at)) if ended and one.ended_at else "",
        "holds": holds,
    }


def _account(tx: Tx, membership_id: UUID) -> list[Account]:
    found = accounts.roles_of(tx, current_actor(), str(membership_id))
    if not any(one.membership_id == str(membership_id) for one in found):
        abort(404)
    return found


@pages.get("/users/<uuid:membership_id>")
@access(SETS_UP)
def account(membership_id: UUID) -> str:
    """One account: its roles with what waits for each, and what may be done about it."""
    return _drawn(membership_id, Form())


def _drawn(membership_id: UUID, form: Form) -> str:
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = _account(tx, membership_id)
        user = found[0]
        why = in_the_way(tx, actor, at, user.user_id)
        seen = accounts.last_seen(tx, user.user_id)
        way_in = ways_in(tx, at, user.user_id)
        step = second_steps.of(tx, user.user_id)
        roles = [role_drawn(tx, actor, one, at) for one in found]
    return page(
        "account.jinja",
        form,
        user=user,
        here=f"/users/{membership_id}",
        roles=roles,
        seen=day_words(local_day(seen)) if seen else "",
        second_step=day_words(local_day(step.started_at)) if step else "",
        may=why is None,
        why_not=f"{said(why.why)} {said(why.remedy)}" if why else "",
        way_in=way_in,
        invites=invites(way_in),
        hands_over=actor.role in GIVERS,
        mine=user.user_id == actor.user_id,
        back={"href": "/users", "text": _("All accounts")},
    )


def crumbs(user: Account, here: str) -> list[dict[str, str]]:
    """The way to a page below somebody's account."""
    return [{"href": "/users", "text": _("Accounts")}, {"href": here, "text": user.name}]


# -- how they get in ----------------------------------------------------------------------------


@pages.route("/users/<uuid:membership_id>/invite", methods=["GET", "POST"])
@access(SETS_UP)
def invite_them(membership_id: UUID) -> ResponseReturnValue:
    """Send a link to choose the first password; links sent before end."""
    actor = current_actor()
    here = f"/users/{membership_id}"
    with edge().reading(actor) as (tx, at):
        user = _account(tx, membership_id)[0]
        way_in = ways_in(tx, at, user.user_id)
        why = in_the_way(tx, actor, at, user.user_id) or not_to_invite(tx, at, user.user_id)
    sends = EMAIL in ways().channels

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> datetime:
        if not sends:
            raise wrong("user", "invite", NO_EMAIL)
        invite(tx, actor, at, user.user_id)
        return at

    return answer(
        lambda form: page(
            "account_invite.jinja",
            form,
            user=user,
            way_in=way_in,
            sends=sends,
            why_not=f"{said(why.why)} {said(why.remedy)}" if why and not form.general else "",
            may=why is None and sends,
            here=here,
            crumbs=crumbs(user, here),
        ),
        act,
        lambda at: Next(here, invited_words(at)),
    )


class Correcting(Command):
    """The right name and email address of an account."""

    name = Text(N_("Enter the person's name."))
    email = Email(N_("Enter an email address."))


@pages.route("/users/<uuid:membership_id>/correct", methods=["GET", "POST"])
@access(SETS_UP)
def correct(membership_id: UUID) -> ResponseReturnValue:
    """A name or an email address that was wrong, or is another now."""
    actor = current_actor()
    here = f"/users/{membership_id}"
    with edge().reading(actor) as (tx, _at):
        user = _account(tx, membership_id)[0]

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> tuple[bool, WayIn]:
        mails = EMAIL in ways().channels
        moved = correct_account(tx, actor, at, user.user_id, mails=mails, **given)
        return moved, ways_in(tx, at, user.user_id)

    def done(made: tuple[bool, WayIn]) -> Next:
        moved, way_in = made
        if not moved:
            words = _("Corrected. The name is shown from now.")
        elif way_in.password:
            words = _("Corrected. From now they sign in with this address; tell them. Their"
                      " password stays.")  # fmt: skip
        elif way_in.invited:
            words = _("Corrected. Links sent to the old address do not work any more. Next: send"
                      " the invitation again.")  # fmt: skip
        else:
            words = _("Corrected. From now they sign in with this address; tell them.")
        return Next(here, words)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        now = accounts.roles_of(tx, actor, str(membership_id))
        return {"name": now[0].name, "email": now[0].email} if now else {}

    return answer(
        lambda form: page("account_correct.jinja", form, user=user, crumbs=crumbs(user, here)),
        act,
        done,
        schema=Correcting(),
        known={"name": user.name, "email": user.email},
        kept=AsKept(
            "user", read, lambda tx, at: changed(tx, actor, "account_corrected", user.user_id)
        ),
    )


class NewRole(Command):
    """One more role for an account."""

    organisation_id = Id(N_("Choose the organisation."))
    role = Choice(ASSIGNABLE, N_("Choose the role."))
    place_id = Id()


@pages.route("/users/<uuid:membership_id>/role", methods=["GET", "POST"])
@access(SETS_UP)
def give_role(membership_id: UUID) -> ResponseReturnValue:
    """One more role for whoever has the account."""
    actor = current_actor()
    here = f"/users/{membership_id}"
    with edge().reading(actor) as (tx, at):
        user = _account(tx, membership_id)[0]
        organisations = [(one.id, one.name) for one in oversight.organisations(tx, actor, at)]
        places = [(one.id, one.name) for one in oversight.places(tx, actor)]
    mine = user.user_id == actor.user_id

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> tuple[str, WayIn]:
        if mine:
            raise wrong("membership", "add", OWN)
        role = Role(given.pop("role"))
        made = add_membership(tx, actor, at, user_id=user.user_id, role=role, **given)
        return made, ways_in(tx, at, user.user_id)

    return answer(
        lambda form: page(
            "account_role.jinja",
            form,
            user=user,
            mine=f"{said(OWN.why)} {said(OWN.remedy)}" if mine and not form.general else "",
            roles=labels.choices(labels.ROLES, *map(str, roles_to_give(actor.role))),
            organisations=organisations,
            places=places,
            crumbs=crumbs(user, here),
        ),
        act,
        lambda made: Next(f"/users/{made[0]}", role_given(made[1])),
        schema=NewRole(),
        known={"organisation_id": user.organisation_id},
    )


# -- suspending, and a new password -------------------------------------------------------------


class Suspending(Command):
    """Why an account is suspended."""

    reason = Choice(WHY_SUSPENDED, N_("Choose why."))


@pages.route("/users/<uuid:membership_id>/suspend", methods=["GET", "POST"])
@access(SETS_UP)
def suspend(membership_id: UUID) -> ResponseReturnValue:
    """Nobody signs in with the account any more, until it is let in again."""
    actor = current_actor()
    here = f"/users/{membership_id}"
    with edge().reading(actor) as (tx, at):
        found = _account(tx, membership_id)
        roles = [
            role_drawn(tx, actor, one, at)
            for one in found
            if one.ended_at is None or one.ended_at > at
        ]
    user = found[0]

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        suspend_account(tx, actor, at, user.user_id, given["reason"])

    return answer(
        lambda form: page(
            "account_suspend.jinja",
            form,
            user=user,
            roles=roles,
            reasons=labels.choices(WHY),
            crumbs=crumbs(user, here),
        ),
        act,
        lambda made: Next(here, _("Suspended. Wherever they were signed in, they are signed out.")),
        schema=Suspending(),
    )


@pages.post("/users/<uuid:membership_id>/let-in")
@access(SETS_UP)
def let_in(membership_id: UUID) -> ResponseReturnValue:
    """The account may sign in again."""
    actor = current_actor()
    here = f"/users/{membership_id}"
    with edge().reading(actor) as (tx, _at):
        user = _account(tx, membership_id)[0]

    return answer(
        lambda form: _drawn(membership_id, form),
        lambda tx, at, given, form: let_in_again(tx, actor, at, user.user_id),
        lambda made: Next(here, _("They can sign in again, with the password they had.")),
    )


@pages.route("/users/<uuid:membership_id>/password", methods=["GET", "POST"])
@access(SETS_UP)
def password(membership_id: UUID) -> ResponseReturnValue:
    """A new password for somebody who forgot theirs, shown this once."""
    actor = current_actor()
    here = f"/users/{membership_id}"
    with edge().reading(actor) as (tx, _at):
        found = _account(tx, membership_id)
    user = found[0]
    made = new_password()
    shown: list[str] = []

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        give_password(tx, actor, at, user.user_id, hash_password(made))

    def done(_none: None) -> Next:
        shown.append(made)
        return Next(here)

    def draw(form: Form) -> str:
        return page("account_password.jinja", form, user=user, crumbs=crumbs(user, here))

    response = answer(draw, act, done)
    if not shown:
        return response
    # Drawn here and not after a redirect: a password is kept nowhere, not even in a cookie.
    return page(
        "account_password.jinja",
        None,
        user=user,
        password=made,
        here=here,
        crumbs=crumbs(user, here),
    )


@pages.route("/users/<uuid:membership_id>/second-step", methods=["GET", "POST"])
@access(SETS_UP)
def second_step(membership_id: UUID) -> ResponseReturnValue:
    """Take away the second step of somebody who lost their phone and their recovery codes."""
    actor = current_actor()
    here = f"/users/{membership_id}"
    with edge().reading(actor) as (tx, _at):
        user = _account(tx, membership_id)[0]
    return answer(
        lambda form: page("account_second_step.jinja", form, user=user, crumbs=crumbs(user, here)),
        lambda tx, at, given, form: clear_second_step(tx, actor, at, user.user_id),
        lambda made: Next(
            here, _("Taken away, and they are told. They sign in with their password alone.")
        ),
    )
