"""What a directory feed says, once read: taxonomies, terms, organisations, activities, problems.

Ids are those of the feed, as they are. Texts are plain text: absent is "", never None. `uri` and
`term_uri` name a thing and must never become links; `url`, `website`, `link` and `logo` begin with
http:// or https://. What the feed says and no field here takes is in `extra`, ready for JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
Extra = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a feed is taken before it is refused, and how long an answer is waited for."""

    text: int = 20_000
    id: int = 400
    depth: int = 24
    item_bytes: int = 4_000_000
    answer_bytes: int = 64_000_000
    answer_seconds: float = 60.0
    silent_seconds: float = 20.0
    pages: int = 20_000
    failures_in_a_row: int = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not right in a feed, in a sentence, with what became of it.

    refused: the whole item, file or page was left out. dropped: this field, or a second copy of
    the item, was left out and the rest kept. Neither: it was kept as it is, and is worth a look.
    """

    kind: str  # activity, organisation, taxonomy, term, location, feed; item: we can't tell which
    source_id: str | None
    name: str | None
    field: str | None  # where in the item, in the feed's own words: schedules[0].valid_to
    reason: str
    value: str = ""  # what stood there, shortened
    dropped: bool = False
    refused: bool = False
    code: str = ""  # the same for all problems of one sort, for counting and for translation
    where: str = ""  # the file or page it was read from

    def __str__(self) -> str:
        who = self.kind.capitalize() + (f" “{self.name}”" if self.name else "")
        who += f" ({self.source_id})" if self.source_id else ""
        what = " ".join(filter(None, [self.field, f"“{self.value}”" if self.value else ""]))
        outcome = "Not taken in." if self.refused else "Left out." if self.dropped else ""
        said = " ".join(filter(None, [self.reason, outcome]))
        return ": ".join(filter(None, [self.where, who, what, said]))


@dataclass(frozen=True, slots=True)
class FeedTaxonomy:
    """A list of terms that a directory sorts its activities by."""

    source_id: str
    name: str
    description: str = ""
    uri: str = ""
    version: str = ""
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedTerm:
    """A term of a taxonomy; its parent and its taxonomy need not be in the feed."""

    source_id: str
    name: str
    description: str = ""
    term: str = ""
    term_uri: str = ""
    parent_source_id: str | None = None
    taxonomy: str = ""
    taxonomy_source_id: str | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedAttribute:
    """A term said of the thing it stands on; `term` is None where the feed never explains it."""

    source_id: str | None
    term_source_id: str | None = None
    term: FeedTerm | None = None
    link_type: str = ""
    link_source_id: str | None = None
    label: str = ""
    value: str = ""
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedIdentifier:
    """What an official register calls an organisation: a charity or company number."""

    source_id: str | None
    scheme: str = ""
    type: str = ""
    identifier: str = ""
    attributes: tuple[FeedAttribute, ...] = ()
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedOrganisation:
    """Who runs activities. `parent_source_id` is text: the parent need not be in the feed."""

    source_id: str
    name: str
    description: str = ""
    email: str = ""
    website: str = ""
    logo: str = ""
    uri: str = ""
    parent_source_id: str | None = None
    identifiers: tuple[FeedIdentifier, ...] = ()
    attributes: tuple[FeedAttribute, ...] = ()
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedLanguage:
    """A language an activity is held in."""

    source_id: str | None
    name: str = ""
    code: str = ""
    note: str = ""
    phone_source_id: str | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedPhone:
    """A number to ring."""

    source_id: str | None
    number: str = ""
    extension: str = ""
    type: str = ""
    description: str = ""
    languages: tuple[FeedLanguage, ...] = ()
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedContact:
    """Somebody to ask."""

    source_id: str | None
    name: str = ""
    title: str = ""
    department: str = ""
    email: str = ""
    phones: tuple[FeedPhone, ...] = ()
    attributes: tuple[FeedAttribute, ...] = ()
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedSchedule:
    """When an activity is held: in the feed's own words, in ours, and in parts.

    `by_day` holds days as in calendars, with a place in the month where there is one: MO, 2TU,
    -1FR. `by_month_day` holds 1 to 31, or -1 for the last day. Opening times are local.
    """

    source_id: str | None
    words: str = ""
    description: str = ""
    frequency: str = ""  # DAILY, WEEKLY, MONTHLY, YEARLY
    interval: int | None = None
    by_day: tuple[str, ...] = ()
    by_month_day: tuple[int, ...] = ()
    opens_at: time | None = None
    closes_at: time | None = None
    starts_on: date | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    attending_type: str = ""
    notes: str = ""
    link: str = ""
    service_at_location_source_id: str | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedAccessibility:
    """How people get in and around a place."""

    source_id: str | None
    accessibility: str = ""
    description: str = ""
    details: str = ""
    url: str = ""
    attributes: tuple[FeedAttribute, ...] = ()
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedAddress:
    """Where post or people go. The postcode is as the United Kingdom writes it, or ""."""

    source_id: str | None
    attention: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    region: str = ""
    state_province: str = ""
    postal_code: str = ""
    country: str = ""
    address_type: str = ""  # physical, postal, virtual
    attributes: tuple[FeedAttribute, ...] = ()
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedLocation:
    """A place an activity is held at; latitude and longitude come together or not at all.

    `service_at_location_source_id` is the id of the feed's link between activity and place, and
    `link_extra` what else that link says.
    """

    source_id: str | None
    service_at_location_source_id: str | None = None
    location_type: str = ""  # physical, postal, virtual
    name: str = ""
    description: str = ""
    latitude: float | None = None
    longitude: float | None = None
    external_identifier: str = ""
    external_identifier_type: str = ""
    addresses: tuple[FeedAddress, ...] = ()
    accessibility: tuple[FeedAccessibility, ...] = ()
    attributes: tuple[FeedAttribute, ...] = ()
    phones: tuple[FeedPhone, ...] = ()
    contacts: tuple[FeedContact, ...] = ()
    schedules: tuple[FeedSchedule, ...] = ()
    extra: Extra = field(default_factory=dict)
    link_extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedServiceArea:
    """Where people must live for an activity to be theirs."""

    source_id: str | None
    name: str = ""
    service_area: str = ""
    extent: str = ""
    extent_type: str = ""
    uri: str = ""
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedCost:
    """What an activity costs, for whom and until when."""

    source_id: str | None
    option: str = ""
    amount: Decimal | None = None
    currency: str = ""
    amount_description: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedFunding:
    """Who pays for an activity."""

    source_id: str | None
    source: str = ""
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedActivity:
    """What the feed calls a service, in the fullest form the feed has of it.

    `organisation_source_id` may name an organisation that is not in the feed; `organisation` is
    then None.
    """

    source_id: str
    name: str
    description: str = ""
    url: str = ""
    email: str = ""
    status: str = ""  # active, inactive, defunct, temporarily closed, or "" where it can't be told
    fees: str = ""
    accreditations: str = ""
    eligibility: str = ""
    minimum_age: int | None = None
    maximum_age: int | None = None
    assured_date: date | None = None
    assurer_email: str = ""
    alert: str = ""
    last_modified: datetime | None = None
    organisation_source_id: str | None = None
    organisation: FeedOrganisation | None = None
    languages: tuple[FeedLanguage, ...] = ()
    contacts: tuple[FeedContact, ...] = ()
    phones: tuple[FeedPhone, ...] = ()
    schedules: tuple[FeedSchedule, ...] = ()
    locations: tuple[FeedLocation, ...] = ()
    cost_options: tuple[FeedCost, ...] = ()
    service_areas: tuple[FeedServiceArea, ...] = ()
    funding: tuple[FeedFunding, ...] = ()
    attributes: tuple[FeedAttribute, ...] = ()
    extra: Extra = field(default_factory=dict)


Item = FeedTaxonomy | FeedTerm | FeedOrganisation | FeedActivity
