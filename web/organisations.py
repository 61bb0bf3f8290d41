"""Setting up: places and who answers there, organisations, and the accounts in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from referral import oversight
from referral.dispatches import EMAIL
from referral.organisations import ORGANISATION_KINDS
from referral.oversight import Organisation, Place
from referral.states import Role
from referral.store import Tx
from web import labels
from web.access import access, current_actor
from web.current import edge, ways
from web.errors import NOT_SAVED, not_saved, status_of
from web.forms import AsKept, Form, Next, answer, form_now, keyed, page, refuse, typed
from web.invitations import invited_words, role_given, ways_in
from web.labels import word
from web.passwords import hash_password, new_password
from web.say import _
from web.schemas import Wrong, load
from web.schemas.base import Command
from web.schemas.fields import Choice, Email, Id, Text
from web.schemas.organisations import (
    ASSIGNABLE,
    AddOrganisation,
    AddPlace,
    ChangeOrganisation,
    RenamePlace,
    SetPlacePhones,
)
from web.timelines import changed
from web.words import phone_words
from workflows.accounts import invite
from workflows.engine import Refused
from workflows.moves import N_
from workflows.organisations import (
    add_membership,
    add_organisation,
    add_place,
    add_user,
    change_organisation,
    rename_place,
    roles_to_give,
    set_place_phones,
)

pages = Blueprint("organisation_pages", __name__)

SETS_UP = frozenset({Role.GOVERNANCE_LEAD, Role.ADMINISTRATOR})
MOST_LETTERS = 100
PLACE_KINDS: dict[str, str] = {
    "place": N_("Place, such as a borough"),
    "neighbourhood": N_("Neighbourhood in a place"),
}


@pages.get("/organisations")
@access(SETS_UP)
def organisations() -> str:
    """The places with who answers there, and the organisations in each; or, by a part of their
    name, some of those alone."""
    actor = current_actor()
    called = " ".join(request.args.get("called", "").split())[:MOST_LETTERS]
    with edge().reading(actor) as (tx, at):
        places = oversight.places(tx, actor)
        found = oversight.organisations(tx, actor, at)
    return page(
        "organisations.jinja",
        Form(values={"called": called}),
        places=[
            {"place": one, "organisations": [o for o in found if o.place_id == one.id]}
            for one in places
        ],
        found=[o for o in found if called.casefold() in o.name.casefold()] if called else None,
        kind_of=lambda code: word(labels.ORGANISATIONS, code),
    )


def _places() -> list[Place]:
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        return oversight.places(tx, actor)


def _only(places: list[Place]) -> str:
    """The place to choose where there is but one."""
    return places[0].id if len(places) == 1 else ""


def _choices(places: list[Place]) -> list[tuple[str, str]]:
    return [(one.id, one.name) for one in places]


@pages.route("/organisations/add", methods=["GET", "POST"])
@access(SETS_UP)
def add() -> ResponseReturnValue:
    """A new organisation in a place."""
    actor, places = current_actor(), _places()

    def draw(form: Form) -> str:
        return page(
            "organisation_add.jinja",
            form,
            kinds=labels.choices(labels.ORGANISATIONS, *ORGANISATION_KINDS),
            places=_choices(places),
            back={"href": "/organisations"},
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        def do() -> str:
            return add_organisation(tx, actor, at, **given)

        return keyed(tx, actor, at, form, "organisation.add", given, do)

    def done(made: str) -> Next:
        words = _("Added. Next: give people there an account.")
        return Next(f"/organisations/{made}", words)

    known = {"place_id": request.args.get("place", "") or _only(places)}
    return answer(draw, act, done, schema=AddOrganisation(), known=known)


@pages.route("/places/add", methods=["GET", "POST"])
@access(SETS_UP)
def place_add() -> ResponseReturnValue:
    """A new place below another, with who answers there."""
    actor, places = current_actor(), _places()

    def draw(form: Form) -> str:
        return page(
            "place_add.jinja",
            form,
            kinds=labels.choices(PLACE_KINDS),
            places=_choices(places),
            back={"href": "/organisations"},
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        def do() -> str:
            return add_place(tx, actor, at, **given)

        return keyed(tx, actor, at, form, "place.add", given, do)

    return answer(
        draw,
        act,
        lambda made: Next("/organisations", _("Added. Next: add the organisations there.")),
        schema=AddPlace(),
        known={"kind": "place", "parent_id": _only(places)},
    )


@pages.route("/places/<uuid:place_id>/phones", methods=["GET", "POST"])
@access(SETS_UP, Role.SAFEGUARDING_LEAD)
def phones(place_id: UUID) -> ResponseReturnValue:
    """Who answers in a place: shown on every page about somebody's safety."""
    actor = current_actor()
    place = next((one for one in _places() if one.id == str(place_id)), None)
    if place is None:
        abort(404)
    home = "/organisations" if actor.role in SETS_UP else "/who-answers"

    def draw(form: Form) -> str:
        return page("place_phones.jinja", form, place=place, back={"href": home})

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        set_place_phones(tx, actor, at, place_id=place.id, **given)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        now = next((one for one in oversight.places(tx, actor) if one.id == place.id), place)
        return _numbers(now)

    return answer(
        draw,
        act,
        lambda made: Next(home, _("Saved. The numbers are shown from now.")),
        schema=SetPlacePhones(),
        known=_numbers(place),
        kept=AsKept("place", read, lambda tx, at: changed(tx, actor, "place_changed", place.id)),
    )


@pages.route("/places/<uuid:place_id>/name", methods=["GET", "POST"])
@access(SETS_UP)
def rename(place_id: UUID) -> ResponseReturnValue:
    """Another name for a place."""
    actor = current_actor()
    place = next((one for one in _places() if one.id == str(place_id)), None)
    if place is None:
        abort(404)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        now = next((one for one in oversight.places(tx, actor) if one.id == place.id), place)
        return {"name": now.name}

    return answer(
        lambda form: page("place_name.jinja", form, place=place, back={"href": "/organisations"}),
        lambda tx, at, given, form: rename_place(tx, actor, at, place_id=place.id, **given),
        lambda made: Next("/organisations", _("Saved. The place has this name from now.")),
        schema=RenamePlace(),
        known={"name": place.name},
        kept=AsKept("place", read, lambda tx, at: changed(tx, actor, "place_renamed", place.id)),
    )


def _numbers(place: Place) -> dict[str, Any]:
    return {
        "safeguarding_phone": phone_words(place.safeguarding_phone),
        "out_of_hours_phone": phone_words(place.out_of_hours_phone),
        "outside_contact": place.outside_contact,
    }


def _organisation(record_id: UUID) -> Organisation:
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = oversight.organisation(tx, actor, at, str(record_id))
    if found is None:
        abort(404)
    return found


@pages.get("/organisations/<uuid:record_id>")
@access(SETS_UP)
def organisation(record_id: UUID) -> str:
    """An organisation and its accounts."""
    actor, found = current_actor(), _organisation(record_id)
    with edge().reading(actor) as (tx, _at):
        accounts = oversight.accounts(tx, actor, found.id)
    return page(
        "organisation.jinja",
        organisation=found,
        kind=word(labels.ORGANISATIONS, found.kind),
        accounts=accounts,
        is_governance=actor.role is Role.GOVERNANCE_LEAD,
        back={"href": "/organisations"},
    )


def _way(found: Organisation) -> list[dict[str, str]]:
    """The way to a page below an organisation's."""
    return [
        {"href": "/organisations", "text": _("Places and organisations")},
        {"href": f"/organisations/{found.id}", "text": found.name},
    ]


@pages.route("/organisations/<uuid:record_id>/change", methods=["GET", "POST"])
@access(SETS_UP)
def change(record_id: UUID) -> ResponseReturnValue:
    """Another name, number or address of an organisation."""
    actor, found = current_actor(), _organisation(record_id)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        change_organisation(tx, actor, at, organisation_id=found.id, **given)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        return _as_reached(oversight.organisation(tx, actor, at, found.id) or found)

    return answer(
        lambda form: page(
            "organisation_change.jinja", form, organisation=found, crumbs=_way(found)
        ),
        act,
        lambda made: Next(
            f"/organisations/{found.id}", _("Saved. Everybody who works with it sees it from now.")
        ),
        schema=ChangeOrganisation(),
        known=_as_reached(found),
        kept=AsKept(
            "organisation",
            read,
            lambda tx, at: changed(tx, actor, "organisation_changed", found.id),
        ),
    )


def _as_reached(found: Organisation) -> dict[str, Any]:
    return {
        "name": found.name,
        "phone": phone_words(found.phone),
        "email": found.email,
        "url": found.url,
        "ods_code": found.ods_code,
        "description": found.description,
    }


class NewAccount(Command):
    """An account with its first role, or one more role for an account there is."""

    name = Text(N_("Enter the person's name."))
    email = Email(N_("Enter an email address."))
    role = Choice(ASSIGNABLE, N_("Choose the role."))
    place_id = Id()


@pages.route("/organisations/<uuid:record_id>/accounts/add", methods=["GET", "POST"])
@access(SETS_UP)
def account(record_id: UUID) -> ResponseReturnValue:
    """A new account, with an invitation to choose a password, or where no email can be sent with a
    password that is shown once; an account that is there already gets one more role."""
    actor, found, places = current_actor(), _organisation(record_id), _places()
    allowed = [str(role) for role in roles_to_give(actor.role)]
    schema = NewAccount()
    sends = EMAIL in ways().channels
    way = _way(found)

    def draw(form: Form) -> str:
        return page(
            "account_add.jinja",
            form,
            organisation=found,
            sends=sends,
            roles=labels.choices(labels.ROLES, *allowed),
            places=_choices(places),
            crumbs=way,
        )

    if request.method != "POST" or request.form.get("again"):
        return draw(form_now(schema))
    form = form_now(schema)
    try:
        given = load(schema, typed(schema, request.form), edge().clock(), form=True)
    except Wrong as why:
        refuse(form, why.refusals)
        return draw(form), 422
    password = new_password()

    def act(tx: Tx, at: datetime) -> tuple[bool, str, str]:
        known = oversight.account_of(tx, actor, given["email"])
        user_id = (
            known
            if known is not None
            else add_user(
                tx,
                actor,
                at,
                name=given["name"],
                email=given["email"],
                password_hash=None if sends else hash_password(password),
            )
        )
        role = add_membership(
            tx,
            actor,
            at,
            user_id=user_id,
            organisation_id=found.id,
            role=Role(given["role"]),
            place_id=given.get("place_id"),
        )
        if known is None and sends:
            invite(tx, actor, at, user_id)
        words = invited_words(at) if known is None else role_given(ways_in(tx, at, user_id))
        return known is None, role, words

    try:
        new, made, words = edge().perform(actor, act)
    except NOT_SAVED as error:
        form.general.append(not_saved(error))
        return draw(form), 503
    except Refused as refused:
        status = status_of(refused)
        if status == 404:
            raise
        refuse(form, refused.refusals)
        return draw(form), status
    if sends or not new:
        flash(words, "success")
        return redirect(f"/users/{made}", 303)
    # Drawn here and not after a redirect: a password is kept nowhere, not even in a cookie.
    return page(
        "account_made.jinja",
        organisation=found,
        email=given["email"],
        role=word(labels.ROLES, given["role"]),
        password=password,
        crumbs=way,
    )
