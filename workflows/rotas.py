"""Whom to ring at this hour, and keeping that true: the rota of a place and its authorities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from referral import rotas
from referral.actors import Actor
from referral.audit import log
from referral.ids import new_id
from referral.people_checks import under_age
from referral.rotas import AUTHORITIES, SERVES, Line, Numbers
from referral.rows import change, put
from referral.states import Role
from referral.store import Tx
from workflows.moves import N_, Refusal
from workflows.rules import field, missing, require, wrong
from workflows.working_time import ENGLAND, LONDON, Calendar, local_day

KEEPERS = (Role.GOVERNANCE_LEAD, Role.SAFEGUARDING_LEAD, Role.ADMINISTRATOR)
OFFICE_OPENS, OFFICE_CLOSES = time(9), time(17)

# What a number without a name of its own is called.
OFFICE = N_("Safeguarding, in working hours")
COUNCIL = N_("The council, out of hours")


@dataclass(frozen=True)
class Number:
    """A number that answers now. `phone` None: the name says how to reach them."""

    name: str
    phone: str | None
    serves: str = "anyone"

    @property
    def said(self) -> str:
        """The number, or else how to reach them."""
        return self.phone or self.name


# -- at this hour (pure) ------------------------------------------------------------------------


def _hour(text: str) -> time:
    hours, _, minutes = text.partition(":")
    return time(int(hours), int(minutes))


def _counts(line: Line, on: date, cal: Calendar) -> bool:
    return line.days[on.weekday()] == "1" and (line.bank_holidays or on not in cal.holidays)


def answers(line: Line, at: datetime, cal: Calendar = ENGLAND) -> bool:
    """Whether this line is answered at this moment."""
    local = at.astimezone(LONDON).replace(tzinfo=None)
    opens, closes = _hour(line.opens), _hour(line.closes)
    for on in (local.date(), local.date() - timedelta(days=1)):
        begin = datetime.combine(on, opens)
        end = datetime.combine(on if closes > opens else on + timedelta(days=1), closes)
        if _counts(line, on, cal) and begin <= local < end:
            return True
    return False


def in_office_hours(at: datetime, cal: Calendar = ENGLAND) -> bool:
    """Whether the working day is on."""
    local = at.astimezone(LONDON)
    return cal.is_working_day(local.date()) and OFFICE_OPENS <= local.time() < OFFICE_CLOSES


def serves_this(line: Line, child: bool | None) -> bool:
    """Whether the line is for this person. Not known whether a child: any line is."""
    if line.serves == "anyone" or child is None:
        return True
    return line.serves == ("children" if child else "adults")


def choose(
    places: Iterable[tuple[Numbers, list[Line]]],
    at: datetime,
    child: bool | None = None,
    barred: frozenset[str] = frozenset(),
    lead_barred: bool = False,
    cal: Calendar = ENGLAND,
) -> Number | None:
    """The number that answers now: a line of the nearest place's rota, its number in working
    hours, then the next place's; at last the nearest council's own. Nobody of a barred
    organisation is rung, nor the leads' own number where one of them is named."""
    nearest = list(places)
    for numbers, lines in nearest:
        for line in lines:
            if line.organisation_id in barred or not serves_this(line, child):
                continue
            if answers(line, at, cal):
                return Number(line.name, line.phone, line.serves)
        if numbers.office and not lead_barred and in_office_hours(at, cal):
            return Number(OFFICE, numbers.office)
    for numbers, _ in nearest:
        if numbers.out_of_hours:
            return Number(COUNCIL, numbers.out_of_hours)
    return None


# -- asked of the store -------------------------------------------------------------------------


def number_for(tx: Tx, concern_id: str, at: datetime, cal: Calendar = ENGLAND) -> Number | None:
    """Whom to ring about this concern at this hour: never those it names, nor a line in an
    organisation they work in. Where everybody here is barred, the place's contact outside. None
    where nobody is kept (`segue health` says so)."""
    known = rotas.matter(tx, concern_id)
    if known is None:
        return None
    places = rotas.places_up(tx, known.organisation_id)
    if known.holder.startswith("outside@"):
        outside = next((numbers.outside for numbers, _ in places if numbers.outside), None)
        if outside is not None:
            return Number(outside, None)
    child = under_age(known.birth_date, local_day(at))
    child = known.child if child is None else child
    return choose(places, at, child, known.barred, known.lead_barred, cal)


def numbers_now(
    tx: Tx, organisation_id: str, at: datetime, cal: Calendar = ENGLAND
) -> list[Number]:
    """The numbers that answer at this hour in the place of an organisation: for adults and for
    children, or the one that is for both."""
    places = rotas.places_up(tx, organisation_id)
    found: list[Number] = []
    for child in (False, True):
        number = choose(places, at, child, cal=cal)
        if number is not None and number.phone not in {known.phone for known in found}:
            found.append(number)
    return found


# -- keeping it ---------------------------------------------------------------------------------


def _kept_place(tx: Tx, actor: Actor, place_id: str) -> None:
    require(actor, KEEPERS, "place", "change")
    path = rotas.place_path(tx, actor, place_id)
    if path is None or (
        actor.role is not Role.SYSTEM
        and (actor.place_path is None or not path.startswith(actor.place_path))
    ):
        raise missing("place", "change")


def _is_hour(text: Any) -> bool:
    try:
        return _hour(str(text)).strftime("%H:%M") == str(text)
    except ValueError:
        return False


def add_line(tx: Tx, actor: Actor, at: datetime, place_id: str, values: Mapping[str, Any]) -> str:
    """A line of a place's rota. `values`: name, phone, serves, days (0 is Monday), opens, closes,
    bank_holidays, organisation_id. Returns its id. Raises Refused: not_found, or a fault for each
    field."""
    _kept_place(tx, actor, place_id)
    days = {int(number) for number in values.get("days") or ()}
    faults: list[Refusal] = []
    if not str(values.get("name") or "").strip():
        faults.append(field("name", N_("Enter the role or the service that answers.")))
    if not values.get("phone"):
        faults.append(field("phone", N_("Enter the number.")))
    if values.get("serves") not in SERVES:
        faults.append(field("serves", N_("Choose whom the line is for.")))
    if not days or not days <= set(range(7)):
        faults.append(field("days", N_("Choose the days it answers on.")))
    for name in ("opens", "closes"):
        if not _is_hour(values.get(name)):
            faults.append(field(name, N_("Enter a time, like 9am or 17:30.")))
    organisation_id = values.get("organisation_id") or None
    if organisation_id and not rotas.is_organisation(tx, actor, organisation_id):
        faults.append(field("organisation_id", N_("Choose an organisation from the list.")))
    if faults:
        raise wrong("place", "change", *faults)
    line_id = new_id(at)
    put(
        tx,
        "rota_line",
        {
            "id": line_id,
            "system_id": actor.system_id,
            "place_id": place_id,
            "organisation_id": organisation_id,
            "name": str(values["name"]).strip(),
            "phone": values["phone"],
            "serves": values["serves"],
            "days": "".join("1" if number in days else "0" for number in range(7)),
            "opens": values["opens"],
            "closes": values["closes"],
            "bank_holidays": bool(values.get("bank_holidays")),
            "added_at": at,
            "ended_at": None,
        },
    )
    log(tx, actor, at, "rota_line_added", "place", place_id, {"line": line_id})
    return line_id


def add_authority(
    tx: Tx, actor: Actor, at: datetime, place_id: str, values: Mapping[str, Any]
) -> str:
    """Whom concerns of a place are reported to. `values`: kind, name, phone, email, note. Returns
    its id. Raises Refused: not_found, or a fault for each field."""
    _kept_place(tx, actor, place_id)
    faults: list[Refusal] = []
    if values.get("kind") not in AUTHORITIES:
        faults.append(field("kind", N_("Choose what kind of authority it is.")))
    if not str(values.get("name") or "").strip():
        faults.append(field("name", N_("Enter the name of the service.")))
    if not (values.get("phone") or values.get("email")):
        faults.append(field("phone", N_("Enter a number or an email address.")))
    if faults:
        raise wrong("place", "change", *faults)
    authority_id = new_id(at)
    put(
        tx,
        "authority",
        {
            "id": authority_id,
            "system_id": actor.system_id,
            "place_id": place_id,
            "kind": values["kind"],
            "name": str(values["name"]).strip(),
            "phone": values.get("phone"),
            "email": values.get("email"),
            "note": values.get("note"),
            "added_at": at,
            "ended_at": None,
        },
    )
    log(tx, actor, at, "authority_added", "place", place_id, {"authority": authority_id})
    return authority_id


def end_kept(tx: Tx, actor: Actor, at: datetime, what: str, record_id: str) -> str:
    """A line of a rota (`rota_line`) or an authority (`authority`) no longer holds. Returns its
    place. Raises Refused: not_found."""
    place_id = rotas.kept_in(tx, actor, what, record_id)
    if place_id is None:
        raise missing("place", "change")
    _kept_place(tx, actor, place_id)
    change(tx, what, record_id, {"ended_at": at})
    log(tx, actor, at, f"{what}_ended", "place", place_id, {"ended": record_id})
    return place_id
