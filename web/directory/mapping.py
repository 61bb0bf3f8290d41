"""From an item of the feed, as it came, to what Segue says of it."""

import re
from collections.abc import Callable
from datetime import date
from typing import cast

from web.directory.fields import Part, Report, is_uuid
from web.directory.items import (
    FeedAccessibility,
    FeedActivity,
    FeedAddress,
    FeedAttribute,
    FeedContact,
    FeedCost,
    FeedFunding,
    FeedIdentifier,
    FeedLanguage,
    FeedLocation,
    FeedOrganisation,
    FeedPhone,
    FeedSchedule,
    FeedServiceArea,
    FeedTaxonomy,
    FeedTerm,
    Json,
)
from web.directory.schedules import DAY_CODES, UNITS, schedule_words

Raw = dict[str, Json]
FindTerm = Callable[[str], FeedTerm | None]
FindOrganisation = Callable[[str], FeedOrganisation | None]

STATUSES = ("active", "inactive", "defunct", "temporarily closed")
PLACE_TYPES = ("physical", "postal", "virtual")
OLDEST = 120
_DAY_CODE = re.compile(rf"([+-]?[1-5]?[0-9])?({'|'.join(DAY_CODES)})")


def to_taxonomy(raw: Raw, report: Report) -> FeedTaxonomy:
    """The taxonomy itself; its terms are items of their own."""
    part = _begin(raw, report)
    part.require("description")
    return FeedTaxonomy(
        source_id=_own(report.source_id),
        name=_own(report.name),
        description=part.text("description"),
        uri=part.text("uri"),
        version=part.text("version"),
        extra=part.rest(),
    )


def to_term(raw: Raw, report: Report) -> FeedTerm:
    """A term that the feed lists by itself."""
    return _term(_begin(raw, report), _own(report.source_id), _own(report.name))


def to_organisation(raw: Raw, report: Report, find_term: FindTerm) -> FeedOrganisation:
    """An organisation without its activities, which are items of their own."""
    part, own_id = _begin(raw, report), _own(report.source_id)
    part.require("description")
    return FeedOrganisation(
        source_id=own_id,
        name=_own(report.name),
        description=part.text("description"),
        email=part.email("email"),
        website=part.link("website"),
        logo=part.link("logo"),
        uri=part.text("uri"),
        parent_source_id=part.id("parent_organization_id"),
        identifiers=tuple(
            _identifier(one, own_id, find_term) for one in part.parts("organization_identifiers")
        ),
        attributes=_attributes(part, own_id, find_term),
        extra=part.rest(),
    )


def to_activity(
    raw: Raw, report: Report, find_term: FindTerm, find_organisation: FindOrganisation
) -> FeedActivity:
    """An activity with all that hangs on it."""
    part, own_id = _begin(raw, report), _own(report.source_id)
    part.require("status")
    organisation_id = part.id("organization_id")
    organisation = find_organisation(organisation_id) if organisation_id else None
    if organisation_id and organisation is None:
        reason = "This organisation is not in the feed. Its id is kept as text."
        part.note("organization_id", "missing_organisation", reason, organisation_id)
    youngest, oldest = _ages(part)
    return FeedActivity(
        source_id=own_id,
        name=_own(report.name),
        description=part.text("description"),
        url=part.link("url"),
        email=part.email("email"),
        status=part.choice("status", *STATUSES),
        fees=part.text("fees"),
        accreditations=part.text("accreditations"),
        eligibility=part.text("eligibility_description"),
        minimum_age=youngest,
        maximum_age=oldest,
        assured_date=part.day("assured_date"),
        assurer_email=part.email("assurer_email"),
        alert=part.text("alert"),
        last_modified=part.moment("last_modified"),
        organisation_source_id=organisation_id,
        organisation=organisation,
        languages=_languages(part, own_id),
        contacts=_contacts(part, own_id, find_term),
        phones=_phones(part, own_id),
        schedules=_schedules(part, own_id),
        locations=tuple(
            _location(one, own_id, find_term) for one in part.parts("service_at_locations")
        ),
        cost_options=tuple(_cost(one, own_id) for one in part.parts("cost_options")),
        service_areas=tuple(_service_area(one, own_id) for one in part.parts("service_areas")),
        funding=tuple(_funding(one, own_id) for one in part.parts("funding")),
        attributes=_attributes(part, own_id, find_term),
        extra=part.rest(),
    )


def _begin(raw: Raw, report: Report) -> Part:
    """A part whose own id and name were read already, when the item was let in."""
    if report.source_id and not is_uuid(report.source_id):
        report.foreign_ids.append(("id", report.source_id))
    return Part({key: value for key, value in raw.items() if key not in ("id", "name")}, report)


def _own(known: str | None) -> str:
    return cast(str, known)  # no item is let in without an id and a name


def _ages(part: Part) -> tuple[int | None, int | None]:
    youngest = part.whole("minimum_age", 0, OLDEST)
    oldest = part.whole("maximum_age", 0, OLDEST)
    if youngest is not None and oldest is not None and youngest > oldest:
        reason = f"The youngest age, {youngest}, is above the oldest, {oldest}. We can't tell which"
        for key, age in (("minimum_age", youngest), ("maximum_age", oldest)):
            part.drop(key, "ages_crossed", f"{reason} is right.", age)
        return None, None
    return youngest, oldest


def _from_to(part: Part) -> tuple[date | None, date | None]:
    first, last = part.day("valid_from"), part.day("valid_to")
    if first and last and last < first:
        reason = f"It ends before it starts, which is on {first}."
        part.drop("valid_to", "ends_before_start", reason, last.isoformat())
        return first, None
    return first, last


def _term(part: Part, source_id: str, name: str) -> FeedTerm:
    part.require("description")
    return FeedTerm(
        source_id=source_id,
        name=name,
        description=part.text("description"),
        term=part.text("term"),
        term_uri=part.text("term_uri"),
        parent_source_id=part.id("parent_id"),
        taxonomy=part.text("taxonomy"),
        taxonomy_source_id=part.id("taxonomy_id"),
        extra=part.rest(),
    )


def _attributes(part: Part, owner: str | None, find_term: FindTerm) -> tuple[FeedAttribute, ...]:
    return tuple(_attribute(one, owner, find_term) for one in part.parts("attributes"))


def _attribute(part: Part, owner: str | None, find_term: FindTerm) -> FeedAttribute:
    source_id = _part_id(part)
    term_id, term = part.id("taxonomy_term_id"), None
    inner = part.part("taxonomy_term")
    if inner is not None:
        inner_id, inner_name = inner.id(), inner.text("name")
        if inner_id and inner_name:
            term = _term(inner, inner_id, inner_name)
        else:
            reason = "A term has an id and a name; one of them is not here."
            part.drop("taxonomy_term", "term_without_name", reason, inner_name or inner_id)
            term_id = term_id or inner_id
    if term and term_id and term_id != term.source_id:
        reason = "This names another term than the one beside it. The one beside it is used."
        part.drop("taxonomy_term_id", "points_elsewhere", reason, term_id)
        term_id = None
    if term is None and term_id:
        term = find_term(term_id)
    return FeedAttribute(
        source_id=source_id,
        term_source_id=term_id or (term.source_id if term else None),
        term=term,
        link_type=part.text("link_type"),
        link_source_id=part.id("link_id"),
        label=part.text("label"),
        value=part.text("value"),
        extra=part.rest(),
    )


def _identifier(part: Part, owner: str, find_term: FindTerm) -> FeedIdentifier:
    source_id = _part_id(part)
    part.require("identifier_type", "identifier")
    part.back("organization_id", owner)
    return FeedIdentifier(
        source_id=source_id,
        scheme=part.text("identifier_scheme"),
        type=part.text("identifier_type"),
        identifier=part.text("identifier"),
        attributes=_attributes(part, source_id, find_term),
        extra=part.rest(),
    )


def _languages(part: Part, owner: str | None) -> tuple[FeedLanguage, ...]:
    return tuple(_language(one, owner) for one in part.parts("languages"))


def _language(part: Part, owner: str | None) -> FeedLanguage:
    source_id = _part_id(part)
    part.back("service_id", owner)
    return FeedLanguage(
        source_id=source_id,
        name=part.text("name"),
        code=part.text("code"),
        note=part.text("note"),
        phone_source_id=part.id("phone_id"),
        extra=part.rest(),
    )


def _phones(part: Part, owner: str | None) -> tuple[FeedPhone, ...]:
    return tuple(_phone(one, owner) for one in part.parts("phones"))


def _phone(part: Part, owner: str | None) -> FeedPhone:
    source_id = _part_id(part)
    part.require("number")
    part.back("service_id", owner)
    return FeedPhone(
        source_id=source_id,
        number=part.phone("number"),
        extension="".join(part.words("extension")),
        type=part.text("type"),
        description=part.text("description"),
        languages=_languages(part, owner),
        extra=part.rest(),
    )


def _contacts(part: Part, owner: str | None, find_term: FindTerm) -> tuple[FeedContact, ...]:
    return tuple(_contact(one, owner, find_term) for one in part.parts("contacts"))


def _contact(part: Part, owner: str | None, find_term: FindTerm) -> FeedContact:
    source_id = _part_id(part)
    part.back("service_id", owner)
    return FeedContact(
        source_id=source_id,
        name=part.text("name"),
        title=part.text("title"),
        department=part.text("department"),
        email=part.email("email"),
        phones=_phones(part, owner),
        attributes=_attributes(part, source_id, find_term),
        extra=part.rest(),
    )


def _schedules(part: Part, owner: str | None) -> tuple[FeedSchedule, ...]:
    return tuple(_schedule(one, owner) for one in part.parts("schedules"))


def _schedule(part: Part, owner: str | None) -> FeedSchedule:
    source_id = _part_id(part)
    part.back("service_id", owner)
    valid_from, valid_to = _from_to(part)
    opens_at, closes_at = part.clock("opens_at"), part.clock("closes_at")
    if opens_at and closes_at and closes_at < opens_at:
        reason = f"It closes before it opens, which is at {opens_at:%H:%M}."
        part.drop("closes_at", "ends_before_start", reason, closes_at.isoformat())
        closes_at = None
    frequency = part.choice("freq", *UNITS)
    interval = part.whole("interval", 1, 1_000)
    by_day, by_month_day = _days(part), _month_days(part)
    description = part.text("description")
    words = schedule_words(
        frequency, interval, by_day, by_month_day, opens_at, closes_at, valid_from, valid_to
    )
    return FeedSchedule(
        source_id=source_id,
        words=words or description,
        description=description,
        frequency=frequency,
        interval=interval,
        by_day=by_day,
        by_month_day=by_month_day,
        opens_at=opens_at,
        closes_at=closes_at,
        starts_on=part.day("dtstart"),
        valid_from=valid_from,
        valid_to=valid_to,
        attending_type=part.text("attending_type"),
        notes=part.text("notes"),
        link=part.link("schedule_link"),
        service_at_location_source_id=part.id("service_at_location_id"),
        extra=part.rest(),
    )


def _days(part: Part) -> tuple[str, ...]:
    good = []
    for word in part.words("byday"):
        found = _DAY_CODE.fullmatch(word.upper())
        place = int(found[1] or 0) if found else None
        if found is None or place is None or abs(place) > 53 or (found[1] and place == 0):
            reason = f"A day is written {', '.join(DAY_CODES)}, or 2TU for the second Tuesday."
            part.drop("byday", "not_a_day", reason, word)
        else:
            good.append(f"{place or ''}{found[2]}")
    return tuple(dict.fromkeys(good))


def _month_days(part: Part) -> tuple[int, ...]:
    good = []
    for word in part.words("bymonthday"):
        if re.fullmatch(r"[+-]?\d{1,2}", word) and 1 <= abs(int(word)) <= 31:
            good.append(int(word))
        else:
            reason = "A day of the month is from 1 to 31, or from -31 to -1 from its end."
            part.drop("bymonthday", "not_a_day", reason, word)
    return tuple(dict.fromkeys(good))


def _location(part: Part, owner: str, find_term: FindTerm) -> FeedLocation:
    link_id = _part_id(part)
    part.back("service_id", owner)
    place = part.part("location")
    if place is None:
        reason = "The feed links this activity to a place and does not say what it is."
        part.note("location", "missing_location", reason)
        return FeedLocation(part.id("location_id"), link_id, link_extra=part.rest())
    place.require("location_type")
    place_id = _part_id(place)
    part.back("location_id", place_id)
    latitude, longitude = _position(place)
    return FeedLocation(
        source_id=place_id,
        service_at_location_source_id=link_id,
        location_type=place.choice("location_type", *PLACE_TYPES),
        name=place.text("name"),
        description=place.text("description"),
        latitude=latitude,
        longitude=longitude,
        external_identifier=place.text("external_identifier"),
        external_identifier_type=place.text("external_identifier_type"),
        addresses=tuple(_address(one, place_id, find_term) for one in place.parts("addresses")),
        accessibility=tuple(
            _accessibility(one, place_id, find_term) for one in place.parts("accessibility")
        ),
        attributes=_attributes(place, place_id, find_term),
        phones=_phones(place, owner) + _phones(part, owner),
        contacts=_contacts(place, owner, find_term) + _contacts(part, owner, find_term),
        schedules=_schedules(place, owner) + _schedules(part, owner),
        extra=place.rest(),
        link_extra=part.rest(),
    )


def _position(place: Part) -> tuple[float | None, float | None]:
    latitude = place.number("latitude", -90, 90)
    longitude = place.number("longitude", -180, 180)
    if latitude == 0 and longitude == 0:
        reason = "0, 0 lies in the ocean. It is what many programs write for “not known”."
        place.drop("latitude", "nowhere", reason, latitude)
        place.drop("longitude", "nowhere", reason, longitude)
        return None, None
    if latitude is not None and longitude is None:
        reason = "There is no longitude that could go with this latitude."
        place.drop("latitude", "half_a_position", reason, latitude)
    if longitude is not None and latitude is None:
        reason = "There is no latitude that could go with this longitude."
        place.drop("longitude", "half_a_position", reason, longitude)
    return (latitude, longitude) if None not in (latitude, longitude) else (None, None)


def _address(part: Part, owner: str | None, find_term: FindTerm) -> FeedAddress:
    source_id = _part_id(part)
    part.require("address_1", "city", "state_province", "postal_code", "country", "address_type")
    part.back("location_id", owner)
    return FeedAddress(
        source_id=source_id,
        attention=part.text("attention"),
        address_1=part.text("address_1"),
        address_2=part.text("address_2"),
        city=part.text("city"),
        region=part.text("region"),
        state_province=part.text("state_province"),
        postal_code=part.postcode("postal_code"),
        country=part.text("country"),
        address_type=part.choice("address_type", *PLACE_TYPES),
        attributes=_attributes(part, source_id, find_term),
        extra=part.rest(),
    )


def _accessibility(part: Part, owner: str | None, find_term: FindTerm) -> FeedAccessibility:
    source_id = _part_id(part)
    part.back("location_id", owner)
    return FeedAccessibility(
        source_id=source_id,
        accessibility=part.text("accessibility"),
        description=part.text("description"),
        details=part.text("details"),
        url=part.link("url"),
        attributes=_attributes(part, source_id, find_term),
        extra=part.rest(),
    )


def _service_area(part: Part, owner: str) -> FeedServiceArea:
    source_id = _part_id(part)
    part.back("service_id", owner)
    return FeedServiceArea(
        source_id=source_id,
        name=part.text("name"),
        service_area=part.text("service_area"),
        extent=part.text("extent"),
        extent_type=part.text("extent_type"),
        uri=part.text("uri"),
        extra=part.rest(),
    )


def _cost(part: Part, owner: str) -> FeedCost:
    source_id = _part_id(part)
    part.back("service_id", owner)
    valid_from, valid_to = _from_to(part)
    return FeedCost(
        source_id=source_id,
        option=part.text("option"),
        amount=part.money("amount"),
        currency=part.text("currency"),
        amount_description=part.text("amount_description"),
        valid_from=valid_from,
        valid_to=valid_to,
        extra=part.rest(),
    )


def _funding(part: Part, owner: str) -> FeedFunding:
    source_id = _part_id(part)
    part.back("service_id", owner)
    return FeedFunding(source_id=source_id, source=part.text("source"), extra=part.rest())


def _part_id(part: Part) -> str | None:
    part.require("id")
    return part.id()
