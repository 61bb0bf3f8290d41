"""What a body names is asked like what an address names: nothing of another system is ever taken,
and of another team or place only what the table below says, which is kept by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from referral.store import Store
from tests.authz.asking import Asking, Route, filled, noun_of, routes
from tests.authz.ground import WHO, settle
from tests.authz.reading import matrix
from tests.web.api import document_of

# The noun behind an id in a body, where its name doesn't say it.
NAMED = {
    "about_id": "referral",
    "link_worker_id": "membership",
    "other": "other_person",
    "parent_id": "place",
    "hold_provider_id": "provider",
    "replaces_id": "agreement",
    "referrals": "referral",
    "parties": "organisation",
}
EVERYBODY = frozenset(WHO.values())
WHOLE_SYSTEM = frozenset({"ingrid", "amara", "ada", "art", "cora"})
# Who may name what is not their own team's: whatever is on offer, and, to raise a concern, whoever
# is in the place they answer for.
TAKEN: dict[tuple[str, str, str], frozenset[str]] = {
    ("/referrals", "group_id", "near"): frozenset({"priya"}),
    ("/referrals", "group_id", "far"): frozenset({"priya"}),
    ("/concerns", "person_id", "near"): WHOLE_SYSTEM | {"grace"},
    ("/concerns", "person_id", "far"): WHOLE_SYSTEM,
    ("/concerns", "referral_id", "near"): frozenset({"grace", "amara"}),
    ("/concerns", "referral_id", "far"): frozenset({"amara"}),
    ("/concerns", "provider_id", "near"): EVERYBODY,
    ("/concerns", "provider_id", "far"): EVERYBODY,
    ("/concerns/<record_id>/moves/hold", "hold_provider_id", "near"): frozenset({"gwen"}),
    ("/concerns/<record_id>/moves/hold", "hold_provider_id", "far"): frozenset({"gwen"}),
    ("/activities", "provider_id", "near"): frozenset({"grace", "ada"}),
    ("/activities", "provider_id", "far"): frozenset({"ada"}),
    ("/providers", "organisation_id", "near"): frozenset({"grace", "ada"}),
    ("/providers", "organisation_id", "far"): frozenset({"ada"}),
}


@pytest.fixture
def asking(sqlite_url: str) -> Iterator[Asking]:
    store = Store(sqlite_url)
    made = Asking(settle(store), matrix(), full=False)
    yield made
    made.close()
    store.dispose()


@dataclass(frozen=True)
class Naming:
    """One id in the body of one route: whom it names, and for whom it is tried."""

    route: Route
    name: str
    many: bool
    relation: str
    record: str


def namings(asking: Asking) -> Iterator[Naming]:
    document = document_of(asking.app)
    for route in routes(asking.app, matrix())[0]:
        if not route.api or route.method == "GET":
            continue
        path = re.sub(r"<(\w+)>", r"{\1}", route.path)
        told = document["paths"][path][route.method.lower()].get("requestBody")
        if told is None:
            continue
        found: Any = document
        reference = told["content"]["application/json"]["schema"]["$ref"]
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        for name, kind in found.get("properties", {}).items():
            many = isinstance(kind.get("items"), dict) and kind["items"].get("format") == "uuid"
            if kind.get("format") != "uuid" and not many:
                continue
            noun = NAMED.get(name, name.removesuffix("_id"))
            for relation in ("near", "far", "elsewhere"):
                record = asking.g.find(relation, noun)
                if record is not None:
                    yield Naming(route, name, many, relation, record)


def taken(asking: Asking, one: Naming) -> frozenset[str]:
    """Who gets what they asked for, on their own record, with this in the body."""
    own = [asking.g.find("own", noun_of(one.route.path, name)) for name in one.route.ids]
    if None in own:
        return frozenset()
    body = json.loads(asking._body(one.route))
    body[one.name] = [one.record] if one.many else one.record
    found = set()
    for who in WHO.values():
        answer = asking.client.open(
            filled(one.route.path, one.route.ids, own),
            method=one.route.method,
            headers={
                "Authorization": f"Bearer {asking._tokens[who]}",
                "Content-Type": "application/json",
            },
            data=json.dumps(body),
        )
        assert answer.status_code < 500, (one, who)
        if answer.status_code < 300:
            found.add(who)
    return frozenset(found)


def test_what_a_body_names_is_taken_only_of_whom_the_table_says(asking: Asking) -> None:
    tried, wrong = 0, []
    for one in namings(asking):
        tried += 1
        path = one.route.path.removeprefix("/api/v1")
        expected = TAKEN.get((path, one.name, one.relation), frozenset())
        got = taken(asking, one)
        if got != expected:
            wrong.append((path, one.name, one.relation, sorted(got), sorted(expected)))
    assert tried > 50
    assert wrong == []


def test_nothing_of_another_system_stands_in_the_table() -> None:
    assert not [key for key in TAKEN if key[2] == "elsewhere"]
