"""A directory feed is read whole: each field is kept, or named with what became of it."""

import copy
import json
import os
import re
import tempfile
import tracemalloc
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.feeds import (
    FEED,
    FULL,
    OTHER_ID,
    ROTTEN,
    SERVICES,
    SINGING,
    Read,
    envelope,
    load,
    service,
)
from web.directory.feed import (
    CHECKING,
    READING,
    FeedActivity,
    FeedOrganisation,
    Limits,
    Problem,
    read_feed,
)


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Writes a value, a text or bytes as a feed of one file, and reads it."""

    def write(content: Any, name: str = "feed.json", **options: Any) -> Read:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return Read(path, **options)

    return write


# A feed in good order


def test_a_folder_in_good_order_is_read_without_a_problem() -> None:
    feed = Read(FEED)
    assert feed.problems == []
    assert len(feed.activities) == 12
    assert {one.name for one in feed.organisations} == {
        "Saltmere Arts Trust",
        "Fenside Voices",
        "The Kiln at Harrowdale",
        "Harrowdale Library Friends",
    }
    assert [one.name for one in feed.taxonomies] == ["Ways of making"]
    assert [one.name for one in feed.terms] == ["Making", "Voice", "Hands", "Feet"]
    assert {one.taxonomy_source_id for one in feed.terms} == {feed.taxonomies[0].source_id}


def test_a_single_file_in_good_order_is_read_without_a_problem() -> None:
    feed = Read(str(SERVICES))
    assert feed.problems == []
    assert len(feed.activities) == 12
    assert all(one.organisation and one.schedules and one.locations for one in feed.activities)


def test_the_same_services_come_out_of_a_list_an_array_and_lines(written: Any) -> None:
    items = load(SERVICES)["contents"]
    expected = Read(SERVICES).activities
    lines = "\n".join(json.dumps(one) for one in items)
    assert written(items).activities == expected
    assert written(lines, "feed.ndjson").activities == expected
    assert written(lines + "\n", "feed.json").activities == expected
    assert written("\n".join(json.dumps(one, indent=1) for one in items)).activities == expected
    assert written(b"\xef\xbb\xbf" + json.dumps(items).encode()).activities == expected


def test_one_full_service_alone_is_a_feed() -> None:
    assert Read(FULL).names() == {"Lantern Makers"}


def test_an_organisation_comes_before_the_activities_that_name_it() -> None:
    kinds = [type(one) for one in Read(SERVICES).everything]
    assert kinds == [FeedOrganisation] * 4 + [FeedActivity] * 12


def test_progress_is_told_with_the_total_that_the_feed_names() -> None:
    told: list[tuple[str, int, int | None]] = []
    Read(SERVICES, progress=lambda *heard: told.append(heard))
    assert [one for one in told if one[0] == READING] == [(READING, n, 12) for n in range(1, 13)]
    assert [one for one in told if one[0] == CHECKING][-1] == (CHECKING, 16, 16)


# What an activity says


def test_a_schedule_is_kept_in_words_and_in_parts() -> None:
    (schedule,) = Read(FEED).activity("Singing for Breathing").schedules
    assert schedule.words == (
        "Every Tuesday, 10:30am to midday, from 5 January 2026 to 18 December 2026"
    )
    assert (schedule.frequency, schedule.interval, schedule.by_day) == ("WEEKLY", 1, ("TU",))
    assert (schedule.opens_at, schedule.closes_at) == (time(10, 30), time(12))
    assert (schedule.valid_from, schedule.valid_to) == (date(2026, 1, 5), date(2026, 12, 18))
    assert schedule.description == "In term time."


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"freq": "WEEKLY", "byday": "MO,WE,FR"}, "Every Monday, Wednesday and Friday"),
        ({"freq": "weekly", "interval": 2, "byday": "TH"}, "Every 2 weeks on Thursday"),
        ({"freq": "MONTHLY", "byday": "2TU"}, "On the second Tuesday of every month"),
        ({"freq": "MONTHLY", "byday": "-1SA"}, "On the last Saturday of every month"),
        (
            {"freq": "MONTHLY", "bymonthday": "1,22,-1"},
            "On the 1st, 22nd and last day of every month",
        ),
        ({"freq": "MONTHLY", "bymonthday": "-3"}, "On the 3rd to last day of every month"),
        ({"byday": "SU", "opens_at": "00:00"}, "On Sunday, from midnight"),
        ({"freq": "DAILY", "closes_at": "21:05"}, "Every day, until 9:05pm"),
        ({"valid_from": "2026-05-21", "valid_to": "2026-05-21"}, "On 21 May 2026"),
        ({"description": "When the tide is out"}, "When the tide is out"),
        ({}, ""),
    ],
)
def test_a_schedule_is_said_as_people_say_it(
    written: Any, parts: dict[str, Any], words: str
) -> None:
    feed = written([service(schedules=[{"id": OTHER_ID, **parts}])])
    assert feed.problems == []
    assert feed.activities[0].schedules[0].words == words


def test_times_amounts_and_postcodes_are_of_their_own_kind(written: Any) -> None:
    address = {
        "id": OTHER_ID,
        "address_1": "1 Quay",
        "city": "Saltmere",
        "state_province": "Fenshire",
        "postal_code": "zz11ab",
        "country": "GB",
        "address_type": "physical",
    }
    place = {"id": OTHER_ID, "location_type": "physical", "addresses": [address]}
    feed = written(
        [
            service(
                last_modified="2026-05-21T14:05:00+01:00",
                cost_options=[{"id": OTHER_ID, "amount": 3.10}],
                service_at_locations=[{"id": OTHER_ID, "location": place}],
            )
        ]
    )
    (activity,) = feed.activities
    assert feed.problems == []
    assert activity.last_modified == datetime(2026, 5, 21, 13, 5, tzinfo=UTC)
    assert activity.last_modified.tzinfo is UTC
    assert activity.cost_options[0].amount == Decimal("3.1")
    assert activity.locations[0].addresses[0].postal_code == "ZZ1 1AB"


def test_what_the_profile_does_not_know_is_kept_beside_the_rest(written: Any) -> None:
    feed = written(
        [
            service(
                wait_time={"weeks": 3, "sure": False},
                eligibility_description="Adults",
                phones=[{"id": OTHER_ID, "number": "01632 960123", "extension": 7}],
                schedules=[{"id": OTHER_ID, "timezone": 0, "until": "2026-12-01"}],
            )
        ]
    )
    (activity,) = feed.activities
    assert feed.problems == []
    assert activity.extra == {"wait_time": {"weeks": 3, "sure": False}}
    assert activity.eligibility == "Adults"
    assert (activity.phones[0].number, activity.phones[0].extension) == ("01632 960123", "7")
    assert activity.schedules[0].extra == {"timezone": 0, "until": "2026-12-01"}


@pytest.mark.parametrize("name", ["feed.json", "feed.ndjson"])
def test_text_is_plain_text(written: Any, name: str) -> None:
    text = "One\r\ntwo\x07 <b>three</b>"
    feed = written(json.dumps(service("Clay\x00 \u202etable\n", description=text)), name)
    assert feed.activities[0].name == "Clay table"
    assert feed.activities[0].description == "One\ntwo <b>three</b>"


def test_half_a_character_can_be_stored_by_nobody_and_is_left_out(written: Any) -> None:
    feed = written(json.dumps(service("Clay\ud800", notes={"a\ud800": "b\ud800"})), "feed.ndjson")
    assert feed.activities[0].name == "Clay"
    assert feed.activities[0].extra == {"notes": {"a": "b"}}


# Every field, kept or named


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{place}]")
    else:
        yield path, value


def everything_in(item: Any) -> set[str]:
    """Each value in an item, as the feed would write it."""
    found: set[str] = set()

    def add(value: Any) -> None:
        if isinstance(value, dict):
            for inner in value.values():
                add(inner)
        elif isinstance(value, list | tuple):
            found.add(",".join(str(inner) for inner in value))
            for inner in value:
                add(inner)
        elif isinstance(value, datetime):
            found.add(value.isoformat().replace("+00:00", "Z"))
        elif isinstance(value, date | time):
            found.add(value.isoformat())
        else:
            found.add(str(value))

    add(asdict(item))
    return found


def named_in(problems: list[Problem]) -> set[str]:
    return {
        f"organization.{one.field}" if one.kind == "organisation" else str(one.field)
        for one in problems
    }


FULL_LEAVES = list(leaves(load(FULL)))


def test_each_value_of_the_full_item_is_unlike_any_other() -> None:
    values = [value for path, value in FULL_LEAVES if not path.endswith("id")]
    assert len(values) == len(set(values))


def test_each_field_of_the_full_item_is_kept() -> None:
    feed = Read(FULL)
    (activity,) = feed.activities
    kept = everything_in(activity)
    assert [path for path, value in FULL_LEAVES if str(value) not in kept] == []
    assert [one.code for one in feed.problems] == ["missing_parent"]


def test_each_field_of_the_full_item_has_a_place_of_its_own() -> None:
    (activity,) = Read(FULL).activities
    spilt = [path for path, _ in leaves_of_extra(asdict(activity))]
    assert spilt == []


def leaves_of_extra(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            walk = leaves if key in ("extra", "link_extra") else leaves_of_extra
            yield from walk(inner, f"{path}.{key}")
    elif isinstance(value, tuple):
        for inner in value:
            yield from leaves_of_extra(inner, path)


def put(item: Any, path: str, value: Any) -> None:
    *way, last = path.replace("]", "").replace("[", ".").split(".")
    for step in way:
        item = item[int(step)] if step.isdecimal() else item[step]
    item[int(last) if last.isdecimal() else last] = value


@pytest.mark.parametrize(
    "odd",
    ["x" * 20_001, "n/a", -7, 10**30, 2.5, True, ["odd", 1], {"odd": "one"}, "2026-02-30"],
    ids=lambda odd: str(odd)[:20],
)
def test_whatever_stands_in_a_field_is_kept_or_named(tmp_path: Path, odd: Any) -> None:
    source, lost = tmp_path / "one.json", []
    for path, _ in FULL_LEAVES:
        item = copy.deepcopy(load(FULL))
        put(item, path, odd)
        source.write_text(json.dumps(item))
        feed = Read(source)
        refused = {one.field for one in feed.problems if one.refused}
        assert bool(feed.activities) != (path in ("id", "name") and path in refused), path
        kept = everything_in(feed.activities[0]) if feed.activities else set()
        for inner, value in leaves(odd):
            spot = f"{path}.{inner}" if inner and not inner.startswith("[") else path + inner
            named = any(spot.startswith(one) for one in named_in(feed.problems))
            if str(value) not in kept and not named:
                lost.append(spot)
    assert lost == []


def test_a_field_that_is_not_there_loses_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "one.json"
    for path, _ in FULL_LEAVES:
        for nothing in (None, ""):
            item = copy.deepcopy(load(FULL))
            put(item, path, nothing)
            source.write_text(json.dumps(item))
            feed = Read(source)
            assert bool(feed.activities) != (path in ("id", "name")), path
            assert not any(one.refused for one in feed.problems) or path.endswith(("id", "name"))


# What can't be right is dropped and named


def test_each_rotten_item_is_refused_or_kept_with_what_was_dropped() -> None:
    feed = Read(ROTTEN)
    found = {
        (one.name or "", one.field or "", one.code, one.dropped, one.refused)
        for one in feed.problems
    }
    spot = "service_at_locations[0].location"
    assert found == {
        ("No id at all", "id", "no_id", False, True),
        ("", "name", "no_name", False, True),
        ("", "name", "not_text", False, True),
        ("An id that is a list", "id", "not_an_id", False, True),
        ("", "", "not_an_item", False, True),
        ("Off the map", f"{spot}.latitude", "out_of_range", True, False),
        ("Off the map", f"{spot}.longitude", "half_a_position", True, False),
        ("Lost in the post", f"{spot}.addresses[0].postal_code", "not_a_postcode", True, False),
        ("Ends before it starts", "schedules[0].valid_to", "ends_before_start", True, False),
        ("Closes before it opens", "schedules[0].closes_at", "ends_before_start", True, False),
        ("Ages crossed", "minimum_age", "ages_crossed", True, False),
        ("Ages crossed", "maximum_age", "ages_crossed", True, False),
        ("Too old", "maximum_age", "out_of_range", True, False),
        ("No such day", "assured_date", "not_a_date", True, False),
        ("When", "last_modified", "not_a_date", True, False),
        ("A link that runs", "url", "not_a_link", True, False),
        ("Not an address", "email", "not_an_email", True, False),
        ("Half open", "status", "not_a_choice", True, False),
        ("Whose", "organization_id", "missing_organisation", False, False),
        ("An id of our own sort", "id", "not_a_uuid", False, False),
    }
    kept = {one["name"] for one in load(ROTTEN)[5:]}
    assert feed.names() == kept


def test_what_was_dropped_is_not_in_the_item_and_what_stood_beside_it_is() -> None:
    feed = Read(ROTTEN)
    (place,) = feed.activity("Off the map").locations
    assert (place.latitude, place.longitude, place.name) == (None, None, "Nowhere Hall")
    (address,) = feed.activity("Lost in the post").locations[0].addresses
    assert (address.postal_code, address.city) == ("", "Saltmere")
    (schedule,) = feed.activity("Ends before it starts").schedules
    assert (schedule.valid_from, schedule.valid_to) == (date(2026, 5, 1), None)
    crossed = feed.activity("Ages crossed")
    assert (crossed.minimum_age, crossed.maximum_age) == (None, None)
    too_old = feed.activity("Too old")
    assert (too_old.minimum_age, too_old.maximum_age) == (18, None)
    assert feed.activity("Half open").status == ""
    assert feed.activity("An id of our own sort").source_id == "SALT-17"


def test_a_problem_reads_as_a_sentence() -> None:
    feed = Read(ROTTEN)
    said = [str(one) for one in feed.about("Too old")]
    ident = feed.activity("Too old").source_id
    assert said == [
        f"rotten.json: Activity “Too old” ({ident}): maximum_age “130”:"
        " It must be from 0 to 120. Left out."
    ]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"minimum_age": -1}, "out_of_range"),
        ({"minimum_age": 121}, "out_of_range"),
        ({"minimum_age": 16.5}, "not_whole"),
        ({"minimum_age": "young"}, "not_a_number"),
        ({"minimum_age": True}, "not_a_number"),
        ({"assured_date": "03/02/2026"}, "not_a_date"),
        ({"assured_date": "0001-01-01"}, "not_a_date"),
        ({"assured_date": "2026-02-03T10:00:00Z"}, "time_in_date"),
        ({"last_modified": "2026-13-01T00:00:00Z"}, "not_a_date"),
        ({"url": "ftp://old.example.org"}, "not_a_link"),
        ({"url": "https://"}, "not_a_link"),
        ({"fees": 5}, "not_text"),
        ({"fees": "£" * 20_001}, "too_long"),
        ({"contacts": "Ada"}, "not_a_list"),
        ({"contacts": ["Ada"]}, "not_a_group"),
        ({"service_at_locations": [{"id": OTHER_ID, "location": "Quay"}]}, "not_a_group"),
        ({"languages": [{"id": "a\x00b"}]}, "not_an_id"),
        ({"x" * 401: "y"}, "too_long"),
        ({"url": "https://a b.example.org"}, "not_a_link"),
        ({"url": "https://[half"}, "not_a_link"),
        ({"organization": "Ada & Co"}, None),
        ({"schedules": [{"id": OTHER_ID, "opens_at": "25:00"}]}, "not_a_time"),
        ({"schedules": [{"id": OTHER_ID, "opens_at": "10:00Z"}]}, "zone_in_time"),
        ({"schedules": [{"id": OTHER_ID, "byday": "MO,XX"}]}, "not_a_day"),
        ({"schedules": [{"id": OTHER_ID, "bymonthday": "32"}]}, "not_a_day"),
        ({"schedules": [{"id": OTHER_ID, "freq": "SOMETIMES"}]}, "not_a_choice"),
        ({"cost_options": [{"id": OTHER_ID, "amount": -1}]}, "out_of_range"),
        ({"phones": [{"id": OTHER_ID, "number": "ask inside"}]}, "not_a_phone"),
    ],
)
def test_what_cannot_be_right_is_dropped_and_named_and_the_item_stays(
    written: Any, fields: dict[str, Any], code: str | None
) -> None:
    feed = written([service(**fields)])
    assert len(feed.activities) == 1
    if code is None:  # nothing is lost, so nothing is dropped
        assert feed.activities[0].extra == fields
    else:
        dropped = [one for one in feed.problems if one.dropped]
        assert [one.code for one in dropped] == [code]
        assert not any(one.refused for one in feed.problems)


@pytest.mark.parametrize(
    "fields",
    [
        {"minimum_age": 0, "maximum_age": 120},
        {"minimum_age": 18, "maximum_age": 18},
        {"minimum_age": "18"},
        {"fees": "£" * 20_000},
        {"assured_date": "2028-02-29"},
        {"email": "a.b+c@clay.example.org"},
        {"schedules": [{"id": OTHER_ID, "valid_from": "2026-01-01", "valid_to": "2026-01-01"}]},
        {"schedules": [{"id": OTHER_ID, "byday": "MO, -1FR", "bymonthday": "31,-31"}]},
        {"cost_options": [{"id": OTHER_ID, "amount": 0}]},
    ],
)
def test_what_is_at_the_edge_of_right_is_kept_without_a_word(
    written: Any, fields: dict[str, Any]
) -> None:
    assert written([service(**fields)]).problems == []


@pytest.mark.parametrize(("latitude", "longitude"), [(90, 180), (-90, -180), (54.1, 0.5)])
def test_a_position_that_can_be_is_kept(written: Any, latitude: float, longitude: float) -> None:
    place = {
        "id": OTHER_ID,
        "location_type": "physical",
        "latitude": latitude,
        "longitude": longitude,
    }
    feed = written([service(service_at_locations=[{"id": OTHER_ID, "location": place}])])
    location = feed.activities[0].locations[0]
    assert (location.latitude, location.longitude, feed.problems) == (latitude, longitude, [])


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(90.1, 0.5), (54.1, -180.1), (0, 0), (54.1, None), ("north", 0.5)]
)
def test_a_position_that_cannot_be_is_dropped_whole(
    written: Any, latitude: Any, longitude: Any
) -> None:
    place = {
        "id": OTHER_ID,
        "location_type": "physical",
        "latitude": latitude,
        "longitude": longitude,
    }
    feed = written([service(service_at_locations=[{"id": OTHER_ID, "location": place}])])
    location = feed.activities[0].locations[0]
    assert (location.latitude, location.longitude) == (None, None)
    dropped = {str(one.field).rpartition(".")[2] for one in feed.problems if one.dropped}
    given = {"latitude": latitude, "longitude": longitude}
    assert dropped == {key for key, value in given.items() if value is not None}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"url": "www.clay.example.org"}, "no_scheme"),
        ({"last_modified": "2026-05-21T14:05:00"}, "no_zone"),
        ({"funding": {"id": OTHER_ID, "source": "Us"}}, "not_a_list"),
        ({"funding": [{"source": "Us"}]}, "missing"),
        ({"service_at_locations": [{"id": OTHER_ID, "location_id": SINGING}]}, "missing_location"),
        ({"status": None}, "missing"),
    ],
)
def test_what_is_rough_is_kept_and_named(written: Any, fields: dict[str, Any], code: str) -> None:
    feed = written([service(**fields)])
    assert [(one.code, one.dropped, one.refused) for one in feed.problems] == [(code, False, False)]
    kept = everything_in(feed.activities[0])
    for _, value in leaves(fields):
        said = str(value or "")
        assert {said, f"https://{said}", f"{said}Z"} & kept


def test_an_id_that_points_elsewhere_is_named_and_kept(written: Any) -> None:
    feed = written([service(funding=[{"id": OTHER_ID, "service_id": SINGING, "source": "Us"}])])
    assert feed.codes() == ["points_elsewhere"]
    assert feed.activities[0].funding[0].extra == {"service_id": SINGING}


# What has no id or no name is refused, and the others go on


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("id", "  "),
        ("id", {"a": 1}),
        ("id", True),
        ("id", "a\x00b"),
        ("id", "x" * 401),
        ("name", None),
        ("name", " \x07 "),
        ("name", 12),
        ("name", ["Clay"]),
        ("name", "x" * 20_001),
    ],
)
def test_an_item_without_id_or_name_is_refused_and_the_others_go_on(
    written: Any, field: str, value: Any
) -> None:
    bad = {**service("Clay"), field: value}
    feed = written([bad, {**service("Paper"), "id": SINGING}])
    assert feed.names() == {"Paper"}
    (problem,) = feed.problems
    assert (problem.kind, problem.field, problem.refused) == ("activity", field, True)
    assert (problem.name if field == "id" else problem.source_id) in ("Clay", OTHER_ID)
    assert problem.reason


def test_a_foreign_id_is_kept_as_it_is(written: Any) -> None:
    feed = written([{**service(), "id": " Fens/ 17 "}, {**service("Paper"), "id": 17}])
    assert [one.source_id for one in feed.activities] == [" Fens/ 17 ", "17"]
    assert [(one.code, one.dropped) for one in feed.problems] == [
        ("id_is_number", False),
        ("not_a_uuid", False),
        ("not_a_uuid", False),
    ]


def test_many_ids_of_another_form_are_told_once_for_each_item(written: Any) -> None:
    feed = written([service(languages=[{"id": "l1"}, {"id": "l2"}], funding=[{"id": "f1"}])])
    (problem,) = feed.problems
    assert (problem.field, problem.value) == ("languages[0].id", "l1")
    assert "2 more ids" in problem.reason


def test_an_organisation_without_a_name_is_refused_and_its_activity_is_kept(written: Any) -> None:
    feed = written([service(organization={"id": SINGING, "email": "a@clay.example.org"})])
    (problem,) = feed.problems
    assert (problem.kind, problem.field, problem.refused) == ("organisation", "name", True)
    assert feed.activities[0].extra == {
        "organization": {"id": SINGING, "email": "a@clay.example.org"}
    }


def test_nested_too_deeply_is_refused_and_the_others_go_on(written: Any) -> None:
    deep: Any = "clay"
    for _ in range(60):
        deep = [deep]
    items = [
        {**service("Paper"), "id": SINGING},
        service(deep=deep),
        {**service("Wool"), "id": "W"},
    ]
    lines = "\n".join(json.dumps(one) for one in items)
    for feed in (written(items), written(lines, "feed.ndjson")):
        assert feed.names() == {"Paper", "Wool"}
        assert [one.code for one in feed.problems if one.refused] == ["too_deep"]


# One item from several places


def test_the_full_item_wins_over_the_list_item_wherever_it_comes_first(tmp_path: Path) -> None:
    full = load(FEED / "services" / f"{SINGING}.json")
    listed = load(FEED / "services" / "page-1.json")["contents"][0]
    assert listed["id"] == full["id"] == SINGING
    for order, names in enumerate([("a.json", "b.json"), ("b.json", "a.json")]):
        folder = tmp_path / str(order)
        folder.mkdir()
        (folder / names[0]).write_text(json.dumps(envelope([listed])))
        (folder / names[1]).write_text(json.dumps(full))
        (activity,) = Read(folder).activities
        assert len(activity.schedules) == len(activity.locations) == 1
        assert activity.organisation is not None
        assert activity.organisation.identifiers == ()  # Fenside Voices has none


def test_the_list_item_is_used_where_there_is_no_full_one() -> None:
    activity = Read(FEED).activity("Print Room")
    assert activity.schedules == ()
    assert activity.organisation is not None
    assert activity.organisation.identifiers[0].identifier == "9900001"


def test_a_place_told_apart_from_its_activity_is_brought_to_it() -> None:
    activity = Read(FEED).activity("Steady Steps")
    assert [one.name for one in activity.locations] == ["Quay Room"]
    assert activity.schedules == ()


def test_a_place_of_an_activity_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "services.json").write_text(json.dumps([service()]))
    lost = {"id": "L", "service_id": SINGING, "location": {"id": "P", "location_type": "physical"}}
    (tmp_path / "service_at_location.json").write_text(json.dumps(lost))
    (problem,) = Read(tmp_path).problems
    assert (problem.kind, problem.code, problem.value) == ("location", "missing_activity", SINGING)


def test_the_services_of_an_organisation_are_activities(written: Any) -> None:
    organisation = {
        "id": SINGING,
        "name": "Clay & Co",
        "description": "Clay",
        "website": "https://clay.example.org",
        "services": [service("Long Table"), {"id": "elsewhere"}, "rotten"],
    }
    feed = written(organisation)
    activity = feed.activity("Long Table")
    assert activity.organisation is feed.activities[0].organisation
    assert activity.organisation_source_id == SINGING
    assert [(one.code, one.field) for one in feed.problems] == [
        ("not_an_item", "services[2]"),
        ("missing_activity", "service_id"),
    ]


def test_an_organisation_that_names_its_activities_by_id_is_theirs(tmp_path: Path) -> None:
    organisation = {
        "id": SINGING,
        "name": "Clay & Co",
        "description": "Clay",
        "services": [{"id": OTHER_ID}],
    }
    (tmp_path / "organization.json").write_text(json.dumps(organisation))
    (tmp_path / "services.json").write_text(json.dumps([service()]))
    feed = Read(tmp_path)
    assert feed.problems == []
    assert feed.activities[0].organisation == feed.organisations[0]


def test_one_id_with_two_names_is_named_and_the_fuller_is_used(tmp_path: Path) -> None:
    (tmp_path / "services.json").write_text(json.dumps([service("Clay")]))
    (tmp_path / "service_full.json").write_text(json.dumps(service("Clay Table", fees="Free")))
    feed = Read(tmp_path)
    assert feed.names() == {"Clay Table"}
    (problem,) = feed.problems
    assert (problem.code, problem.value, problem.dropped) == ("two_names", "Clay", True)


def test_an_item_twice_in_a_list_is_named_and_comes_once(written: Any) -> None:
    for content in ([service(), service(fees="Free")], [service(fees="Free"), service()]):
        feed = written(content)
        assert [one.fees for one in feed.activities] == ["Free"]
        assert [(one.code, one.dropped) for one in feed.problems] == [("twice", True)]


def test_a_parent_that_is_not_there_is_kept_as_text(written: Any) -> None:
    above = {"id": SINGING, "name": "Above", "description": "All"}
    below = {
        "id": OTHER_ID,
        "name": "Below",
        "description": "Part",
        "website": "https://b.example.org",
    }
    below["parent_organization_id"] = SINGING
    feed = written([below])
    assert feed.organisations[0].parent_source_id == SINGING
    assert [(one.code, one.dropped, one.value) for one in feed.problems] == [
        ("missing_parent", False, SINGING)
    ]
    assert written([below, above]).problems == []


def test_parents_that_lead_back_are_cut(written: Any) -> None:
    one = {"id": "A", "name": "A", "description": "A", "parent_organization_id": "B"}
    other = {"id": "B", "name": "B", "description": "B", "parent_organization_id": "A"}
    below = {"id": "C", "name": "C", "description": "C", "parent_organization_id": "A"}
    feed = written([one, other, below])
    assert [x.parent_source_id for x in feed.organisations] == [None, None, "A"]
    assert feed.codes().count("own_parent") == 2


def test_a_term_named_by_id_alone_is_found_in_the_taxonomy(tmp_path: Path) -> None:
    term = {"id": SINGING, "name": "Voice", "description": "Singing", "term_uri": "urn:voice"}
    taxonomy = {"id": OTHER_ID, "name": "Making", "description": "All", "taxonomy_terms": [term]}
    attributes = [{"id": OTHER_ID, "taxonomy_term_id": SINGING}, {"id": OTHER_ID}]
    (tmp_path / "taxonomy.json").write_text(json.dumps(taxonomy))
    (tmp_path / "services.json").write_text(json.dumps([service(attributes=attributes)]))
    feed = Read(tmp_path)
    known, unknown = feed.activities[0].attributes
    assert known.term == feed.terms[0]
    assert unknown.term is None


def test_a_place_without_its_activity_or_an_id_is_refused(tmp_path: Path) -> None:
    (tmp_path / "services.json").write_text(json.dumps([service()]))
    place = {"location_type": "physical"}
    for lost, spot in (
        ({"id": "L", "location": place}, "service_id"),
        ({"service": {"id": OTHER_ID}, "location": place}, "id"),
    ):
        (tmp_path / "service_at_location.json").write_text(json.dumps(lost))
        (problem,) = Read(tmp_path).problems
        assert (problem.kind, problem.field, problem.refused) == ("location", spot, True)


def test_an_id_that_cannot_be_stored_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    half = {"id": "a\ud800"}
    place = {"service": half, "location": {"id": "L", "location_type": "physical"}}
    organisation = {"id": "O", "name": "O", "description": "O", "services": [half]}
    for number, odd in enumerate((place, organisation)):
        (tmp_path / f"{number}.ndjson").write_text(json.dumps(odd))
    refused = [(one.kind, one.field) for one in Read(tmp_path).problems if one.refused]
    assert refused.count(("activity", "id")) == 2


def test_a_place_is_known_by_its_own_id_where_the_link_has_none(tmp_path: Path) -> None:
    (tmp_path / "services.json").write_text(json.dumps([service()]))
    place = {"id": SINGING, "location_type": "physical", "name": "Quay Room"}
    link = {"service": {"id": OTHER_ID}, "location": place}
    (tmp_path / "service_at_location.json").write_text(json.dumps(link))
    feed = Read(tmp_path)
    assert [one.name for one in feed.activities[0].locations] == ["Quay Room"]
    assert [(one.code, one.field) for one in feed.problems] == [
        ("missing", "service_at_locations[0].id")
    ]


def test_what_stands_inside_a_taxonomy_or_organisation_in_the_wrong_shape_is_named(
    tmp_path: Path,
) -> None:
    tops = {"id": SINGING, "name": "Making", "description": "All"}
    for name, key in (("taxonomy", "taxonomy_terms"), ("organization", "services")):
        (tmp_path / "one.json").write_text(json.dumps({**tops, key: "none"}))
        (problem,) = Read(tmp_path).problems
        assert (problem.kind[:5], problem.field, problem.dropped) == (
            name.replace("z", "s")[:5],
            key,
            True,
        )


def test_an_activity_that_names_another_organisation_than_the_one_beside_it(written: Any) -> None:
    beside = {"id": SINGING, "name": "Beside", "description": "Here"}
    feed = written([service(organization=beside, organization_id="other")])
    assert feed.activities[0].organisation_source_id == SINGING
    assert [(one.code, one.value, one.dropped) for one in feed.problems] == [
        ("points_elsewhere", "other", True)
    ]
    assert written([service(organization=beside, organization_id=SINGING)]).problems == []


def test_terms_may_be_listed_by_themselves(tmp_path: Path) -> None:
    term = {"id": SINGING, "name": "Voice", "description": "Singing"}
    (tmp_path / "taxonomy_terms.json").write_text(json.dumps(envelope([term])))
    feed = Read(tmp_path)
    assert [one.name for one in feed.terms] == ["Voice"]
    assert feed.problems == []


# Which file is which


def test_files_are_known_by_what_they_hold_not_only_by_name(tmp_path: Path) -> None:
    for number, path in enumerate(sorted(FEED.rglob("*.json"))):
        (tmp_path / f"{number}.json").write_text(path.read_text())
    renamed, feed = Read(tmp_path), Read(FEED)
    assert {x.source_id: x for x in renamed.activities} == {x.source_id: x for x in feed.activities}
    assert {x.source_id for x in renamed.organisations} == {x.source_id for x in feed.organisations}
    assert renamed.terms == feed.terms


def test_a_file_of_something_else_is_named_and_the_feed_goes_on(tmp_path: Path) -> None:
    (tmp_path / "services.json").write_text(json.dumps([service()]))
    (tmp_path / "shopping.json").write_text('{"name": "Flour", "price": 2}')
    (tmp_path / "schema.json").write_text('{"$schema": "x", "id": "y", "name": "z"}')
    (tmp_path / "readme.txt").write_text("not read")
    feed = Read(tmp_path)
    assert feed.names() == {"Clay"}
    assert [(one.code, one.where, one.refused) for one in feed.problems] == [
        ("unknown_kind", "schema.json", True),
        ("unknown_kind", "shopping.json", True),
    ]


def test_a_form_that_is_not_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "services.json").write_text(json.dumps([service()]))
    details = tmp_path / "api_details.json"
    details.write_text('{"version": "HSDS-UK-3.0", "profile": "p"}')
    assert Read(tmp_path).problems == []
    details.write_text('{"version": "1.0", "profile": "p"}')
    assert [(one.code, one.value) for one in Read(tmp_path).problems] == [("form", "1.0")]


# Pages that do not add up


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"total_items": 5}, "page_total"),
        ({"total_items": 5, "size": 5}, "page_items"),
        ({"total_pages": 3, "last_page": False}, "page_missing"),
        ({"size": 1, "total_pages": 2, "last_page": False}, "page_size"),
        ({"size": 3, "total_pages": 2, "last_page": False}, "page_short"),
        ({"page_number": 2}, "page_beyond"),
        ({"page_number": "one"}, "page_count"),
        ({"total_items": -1}, "page_count"),
        ({"last_page": "yes"}, "page_flag"),
        ({"last_page": False}, "page_flag_wrong"),
        ({"first_page": False}, "page_flag_wrong"),
        ({"empty": True}, "page_flag_wrong"),
    ],
)
def test_a_list_that_does_not_add_up_is_named_and_its_items_are_kept(
    written: Any, said: dict[str, Any], code: str
) -> None:
    feed = written(envelope([service(), {**service("Paper"), "id": SINGING}], **said))
    assert feed.names() == {"Clay", "Paper"}
    assert code in feed.codes()
    assert all(one.kind == "feed" and one.where == "feed.json" for one in feed.problems)


def test_pages_that_are_missing_or_doubled_are_named(tmp_path: Path) -> None:
    for number in (1, 3):
        page = load(FEED / "services" / f"page-{number}.json")
        (tmp_path / f"page-{number}.json").write_text(json.dumps(page))
    missing = Read(tmp_path)
    assert missing.codes() == ["page_missing", "page_items"]
    assert "Not here: 2." in missing.problems[0].reason
    (tmp_path / "page-3-again.json").write_text((tmp_path / "page-3.json").read_text())
    assert "page_twice" in Read(tmp_path).codes()


def test_pages_that_disagree_about_the_total_are_named(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        page = load(FEED / "services" / f"page-{number}.json")
        page["total_items"] = 11 if number == 2 else 12
        (tmp_path / f"page-{number}.json").write_text(json.dumps(page))
    assert Read(tmp_path).codes() == ["page_totals_differ"]


def test_a_page_on_one_line_is_a_page(written: Any) -> None:
    pages = [load(FEED / "services" / f"page-{number}.json") for number in (1, 2, 3)]
    feed = written("\n".join(map(json.dumps, pages)), "feed.ndjson")
    assert len(feed.activities) == 12
    assert feed.problems == []
    pages[1]["first_page"] = True
    (problem,) = written("\n".join(map(json.dumps, pages)), "feed.ndjson").problems
    assert (problem.code, problem.where) == ("page_flag_wrong", "feed.ndjson, line 2")


def test_the_last_page_may_be_shorter_in_either_reading_of_its_size(tmp_path: Path) -> None:
    items = [{**service(f"Clay {n}"), "id": SINGING[:-1] + str(n)} for n in range(5)]
    for last_size in (1, 2):
        for number, part in enumerate((items[:2], items[2:4], items[4:]), start=1):
            size = last_size if number == 3 else 2
            page = envelope(part, total_items=5, total_pages=3, page_number=number, size=size)
            page |= {"first_page": number == 1, "last_page": number == 3}
            (tmp_path / f"page-{number}.json").write_text(json.dumps(page))
        assert Read(tmp_path).problems == []


def test_an_empty_list_that_says_so_adds_up(written: Any) -> None:
    assert written(envelope([], total_pages=0)).codes() == ["empty"]


# Files that break off, and files that are no feed


def test_a_file_cut_off_gives_what_came_before_and_names_where_it_ended(written: Any) -> None:
    content = json.dumps(load(SERVICES), indent=1).encode()
    at = content.index(b"Garden Drawing")
    feed = written(content[:at])
    assert [one.name for one in feed.activities] == [
        "Singing for Breathing",
        "The Long Table",
        "Steady Steps",
    ]
    last = feed.everything[-1]
    assert isinstance(last, Problem)
    assert (last.code, last.refused, last.where) == ("cut_off", True, "feed.json")
    line = content[:at].count(b"\n") + 1
    assert f"line {line}, byte {at:,}, after 3 whole items" in last.reason
    assert "“Steady Steps”" in last.reason


@pytest.mark.parametrize("name", ["feed.json", "feed.ndjson"])
def test_wherever_a_file_is_cut_off_it_is_named(written: Any, name: str) -> None:
    items = [service(), {**service("Paper"), "id": SINGING}, {**service("Wool"), "id": "W"}]
    whole = json.dumps(items) if name == "feed.json" else "\n".join(map(json.dumps, items))
    assert written(whole, name).codes() == ["not_a_uuid"]
    for at in range(1, len(whole) - 1):
        if whole[at - 1] == "\n" or whole[at] == "\n":
            continue  # whole lines
        feed = written(whole[:at], name)
        assert feed.problems[-1].code == "cut_off", at
        assert feed.problems[-1].refused


def test_a_line_that_is_not_json_is_refused_by_number_and_the_others_go_on(written: Any) -> None:
    lines = [json.dumps(service()), '{"id": oops}', "", json.dumps({**service("Wool"), "id": "W"})]
    feed = written("\n".join(lines) + "\n")
    assert feed.names() == {"Clay", "Wool"}
    assert [(one.code, one.where) for one in feed.problems if one.refused] == [
        ("not_json", "feed.json, line 2")
    ]


def test_a_list_broken_in_the_middle_gives_what_came_before(written: Any) -> None:
    text = json.dumps([service(), {**service("Wool"), "id": "W"}]).replace('"W"', "oops")
    feed = written(text)
    assert feed.names() == {"Clay"}
    (problem,) = feed.problems
    assert (problem.code, problem.refused) == ("not_json", True)
    assert "after 1 whole item, the last of them “Clay”" in problem.reason


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_json"),
        (b" \n ", "not_json"),
        (b"<html>", "not_json"),
        (b"id,name\n1,Clay", "not_json"),
        (b"PK\x03\x04", "not_json"),
        (json.dumps([service()]).encode("utf-16"), "not_json"),
        (b'[{"id": "\xff"}]', "not_json"),
        (b"[]", "empty"),
        (b"[" * 200_000, "cut_off"),
        (b"[" * 200 + b"]" * 200, "too_deep"),
    ],
)
def test_what_is_no_feed_is_refused_in_words(written: Any, content: bytes, code: str) -> None:
    feed = written(content)
    assert feed.activities == []
    assert [(one.code, one.refused) for one in feed.problems] == [(code, True)]


def test_a_number_that_is_not_json_is_refused_with_its_line(written: Any) -> None:
    feed = written('{"id": "a", "name": "A", "fees": NaN}\n{"id": "b", "name": "B"}\n')
    assert feed.names() == {"B"}
    assert feed.codes()[0] == "not_json"


@pytest.mark.parametrize("name", ["feed.json", "feed.ndjson"])
def test_an_item_larger_than_any_real_one_is_refused(written: Any, name: str) -> None:
    items = [service(), {**service("Wool"), "id": "W", "blob": "x" * 400_000}]
    text = json.dumps(items) if name == "feed.json" else "\n".join(map(json.dumps, items)) + "\n"
    feed = written(text, name, limits=Limits(item_bytes=100_000))
    assert feed.names() == {"Clay"}
    assert feed.codes() == ["too_big"]
    assert written(text, name).names() == {"Clay", "Wool"}


def test_a_source_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    for source, code in (
        (tmp_path / "gone.json", "not_found"),
        (tmp_path, "empty"),
        ("", "not_found"),
    ):
        (problem,) = Read(source).problems
        assert (problem.kind, problem.code, problem.refused) == ("feed", code, True)


def test_a_file_that_may_not_be_read_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "feed.json"
    source.write_text("[]")

    def locked(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", locked)
    (problem,) = Read(source).problems
    assert (problem.code, problem.refused, problem.where) == ("not_readable", True, "feed.json")
    assert "Permission denied" in problem.reason


# Nothing that a feed holds makes reading it fail

KNOWN = {key for path, _ in FULL_LEAVES for key in re.split(r"[.\[\]0-9]+", path) if key}
KNOWN |= {"services", "service", "taxonomy_terms", "contents", "total_items", "size", "page_number"}
FIELDS = st.sampled_from(sorted(KNOWN))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(["", "A", "B", "2026-02-30", "10:00", "-1FR", "https://a.example.org"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=6),
    max_leaves=30,
)
NAMED = st.fixed_dictionaries({"id": st.sampled_from(["A", "B", "C"]), "name": st.just("N")})
ITEMS = st.builds(lambda odd, named: {**odd, **named}, st.dictionaries(FIELDS, VALUES), NAMED)


@given(st.lists(VALUES | ITEMS, min_size=2, max_size=4), st.sampled_from(["json", "ndjson"]))
def test_no_feed_however_odd_makes_reading_fail(items: list[Any], ending: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(items) if ending == "json" else "\n".join(map(json.dumps, items))
        Path(folder, f"feed.{ending}").write_text(text)
        feed = Read(folder)
    assert all(one.reason and one.kind and one.code for one in feed.problems)
    ids = [(type(one), one.source_id) for one in feed.everything if not isinstance(one, Problem)]
    assert len(ids) == len(set(ids))
    json.dumps([one.extra for one in feed.activities], allow_nan=False).encode()


@given(st.integers(0, len(FULL.read_bytes()) - 1), st.binary(max_size=3))
def test_no_broken_byte_makes_reading_fail(at: int, other: bytes) -> None:
    whole = FULL.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "feed.json")
        source.write_bytes(whole[:at] + other + whole[at + 1 :])
        feed = Read(source)
    assert feed.activities or any(one.refused for one in feed.problems)


def test_a_long_feed_does_not_need_the_memory(tmp_path: Path) -> None:
    (full,) = [one for one in load(SERVICES)["contents"] if one["id"] == SINGING]

    def peak(count: int) -> int:
        source = tmp_path / f"{count}.json"
        with source.open("w") as file:
            file.write("[")
            for number in range(count):
                full["id"] = f"{SINGING[:24]}{number:012}"
                file.write("," * (number > 0) + json.dumps(full))
            file.write("]")
        tracemalloc.start()
        try:
            assert sum(isinstance(one, FeedActivity) for one in read_feed(source)) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # what is loaded once is loaded now
    assert peak(600) < peak(60) + 300_000


# A real feed of others, where one is at hand

if OUTSIDE := os.environ.get("SEGUE_TEST_DATA"):
    OTHERS = Path(OUTSIDE) / "open-referral-uk"

    def properties(schema: Any, path: str = "") -> Iterator[str]:
        if "items" in schema:
            yield from properties(schema["items"], f"{path}[0]")
        for key, inner in schema.get("properties", {}).items():
            yield from properties(inner, f"{path}.{key}" if path else key)
        if "items" not in schema and "properties" not in schema:
            yield path

    def test_the_full_item_uses_every_property_of_the_profile() -> None:
        schema = load(OTHERS / "schema" / "service.json")
        assert set(properties(schema)) == {path for path, _ in FULL_LEAVES}

    def test_a_feed_of_others_is_read_with_warnings_not_refusals() -> None:
        feed = Read(OTHERS / "feed")
        assert not any(one.refused for one in feed.problems)
        assert len(feed.activities) == 1
        assert len(feed.organisations) == 10
        found = {(one.code, str(one.field).rpartition(".")[2], one.value) for one in feed.problems}
        assert ("out_of_range", "latitude", "100") in found
        assert ("not_a_postcode", "postal_code", "ABC 1234") in found
        assert ("missing", "identifier_type", "") in found
        assert ("page_size", "size", "1") in found
        codes = set(feed.codes())
        assert {"two_names", "missing_parent", "not_a_uuid", "page_missing"} <= codes

    def test_the_full_service_of_others_wins_and_loses_nothing_unnamed() -> None:
        feed = Read(OTHERS / "feed")
        (activity,) = feed.activities
        assert activity.schedules
        assert activity.locations
        kept, named = everything_in(activity), named_in(feed.problems)
        full = load(OTHERS / "feed" / "service_full.json")
        lost = [
            path
            for path, value in leaves(full)
            if str(value).strip() not in kept
            and path not in named
            and path != "last_modified"  # to the millisecond, written otherwise
        ]
        assert lost == []
        assert activity.last_modified == datetime.fromisoformat(full["last_modified"])
