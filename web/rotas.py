"""Who answers at which hour in a place, and whom its concerns are reported to: kept by those who
answer for the place."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from referral import oversight, rotas
from referral.oversight import Place
from referral.rotas import Line
from referral.store import Tx
from web import labels
from web.access import access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, page
from web.labels import said, word
from web.say import _
from web.schemas.rotas import AddAuthority, AddRotaLine
from web.words import clock_words, phone_words, weekday_name
from workflows.rotas import KEEPERS, add_authority, add_line, answers, choose, end_kept
from workflows.working_time import LONDON

pages = Blueprint("rota_pages", __name__)
KEEPS = frozenset(KEEPERS)


@pages.get("/who-answers")
@access(KEEPS)
def places() -> str:
    """Every place one answers for, with the number that answers there now."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = oversight.places(tx, actor)
        lines = [{"place": one, **_now(tx, one, at)} for one in found]
    return page("who_answers/places.jinja", None, lines=lines, back={"href": "/concerns"})


def _now(tx: Tx, place: Place, at: datetime) -> dict[str, Any]:
    """The number that answers in this place now, by its own rota and numbers alone."""
    numbers = rotas.Numbers(
        place.id,
        place.name,
        place.safeguarding_phone,
        place.out_of_hours_phone,
        place.outside_contact,
    )
    number = choose([(numbers, rotas.lines_of(tx, place.id))], at)
    if number is None:
        return {"name": "", "phone": ""}
    return {"name": said(number.name), "phone": phone_words(number.phone)}


def _place(place_id: UUID) -> Place:
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        found = oversight.places(tx, actor)
    place = next((one for one in found if one.id == str(place_id)), None)
    if place is None:
        abort(404)
    return place


def _hour(text: str) -> str:
    hours, _colon, minutes = text.partition(":")
    return clock_words(datetime(2026, 1, 5, int(hours), int(minutes), tzinfo=LONDON))


def _hours(line: Line) -> str:
    if line.opens == line.closes == "00:00":
        return _("All day")
    if line.closes <= line.opens:
        return _("%(from)s to %(to)s the next day", **_ends(line))
    return _("%(from)s to %(to)s", **_ends(line))


def _ends(line: Line) -> dict[str, str]:
    return {"from": _hour(line.opens), "to": _hour(line.closes)}


def _row(line: Line, at: datetime) -> dict[str, Any]:
    days = [weekday_name(n) for n in range(7) if line.days[n] == "1"]
    return {
        "id": line.id,
        "name": line.name,
        "phone": phone_words(line.phone),
        "serves": word(labels.SERVES, line.serves),
        "days": ", ".join(days) if len(days) < 7 else _("Every day"),
        "hours": _hours(line),
        "bank_holidays": line.bank_holidays,
        "now": answers(line, at),
    }


def _week(lines: list[Line]) -> list[dict[str, Any]]:
    """Each day with who answers on it."""
    return [
        {
            "day": weekday_name(number),
            "lines": [
                f"{_hours(line)}: {line.name}, {phone_words(line.phone)}"
                for line in sorted(lines, key=lambda one: one.opens)
                if line.days[number] == "1"
            ],
        }
        for number in range(7)
    ]


@pages.route("/places/<uuid:place_id>/rota", methods=["GET", "POST"])
@access(KEEPS)
def rota(place_id: UUID) -> ResponseReturnValue:
    """The rota of a place, and a line added to it."""
    actor, place = current_actor(), _place(place_id)
    with edge().reading(actor) as (tx, at):
        lines = rotas.lines_of(tx, place.id)
        now = _now(tx, place, at)
        organisations = oversight.organisations(tx, actor, at)
    days = [(str(number), weekday_name(number)) for number in range(7)]

    def draw(form: Form) -> str:
        return page(
            "who_answers/rota.jinja",
            form,
            place=place,
            now=now,
            lines=[_row(line, at) for line in lines],
            week=_week(lines),
            days=days,
            serves=labels.choices(labels.SERVES),
            organisations=[(o.id, o.name) for o in organisations],
            back={"href": "/who-answers"},
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return add_line(tx, actor, at, place.id, given)

    return answer(
        draw,
        act,
        lambda made: Next(f"/places/{place.id}/rota", _("Added. It is shown from now.")),
        schema=AddRotaLine(),
        known={"serves": "anyone", "days": ["0", "1", "2", "3", "4"]},
    )


@pages.route("/places/<uuid:place_id>/authorities", methods=["GET", "POST"])
@access(KEEPS)
def authorities(place_id: UUID) -> ResponseReturnValue:
    """Whom the concerns of a place are reported to, and one more."""
    actor, place = current_actor(), _place(place_id)
    with edge().reading(actor) as (tx, _at):
        kept = rotas.authorities_of(tx, place.id)

    def draw(form: Form) -> str:
        return page(
            "who_answers/authorities.jinja",
            form,
            place=place,
            lines=[
                {
                    "id": one.id,
                    "kind": word(labels.AUTHORITIES, one.kind),
                    "name": one.name,
                    "how": ", ".join(x for x in (phone_words(one.phone), one.email, one.note) if x),
                }
                for one in kept
            ],
            kinds=labels.choices(labels.AUTHORITIES),
            back={"href": "/who-answers"},
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return add_authority(tx, actor, at, place.id, given)

    return answer(
        draw,
        act,
        lambda made: Next(
            f"/places/{place.id}/authorities",
            _("Added. Concerns of this place can be reported to it from now."),
        ),
        schema=AddAuthority(),
    )


@pages.route("/places/<uuid:place_id>/rota/<uuid:line_id>/end", methods=["GET", "POST"])
@access(KEEPS)
def end_line(place_id: UUID, line_id: UUID) -> ResponseReturnValue:
    """A line of the rota no longer holds."""
    place = _place(place_id)
    return _end(place, "rota_line", str(line_id), f"/places/{place.id}/rota")


@pages.route("/places/<uuid:place_id>/authorities/<uuid:line_id>/end", methods=["GET", "POST"])
@access(KEEPS)
def end_authority(place_id: UUID, line_id: UUID) -> ResponseReturnValue:
    """An authority is no longer told."""
    place = _place(place_id)
    return _end(place, "authority", str(line_id), f"/places/{place.id}/authorities")


def _end(place: Place, what: str, record_id: str, back: str) -> ResponseReturnValue:
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        if rotas.kept_in(tx, actor, what, record_id) != place.id:
            abort(404)
        kept = (
            {one.id: one.name for one in rotas.lines_of(tx, place.id)}
            if what == "rota_line"
            else {one.id: one.name for one in rotas.authorities_of(tx, place.id)}
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return end_kept(tx, actor, at, what, record_id)

    return answer(
        lambda form: page(
            "who_answers/end.jinja",
            form,
            place=place,
            name=kept.get(record_id, ""),
            back={"href": back},
        ),
        act,
        lambda made: Next(back, _("Taken off the list. It is shown to nobody from now.")),
    )
