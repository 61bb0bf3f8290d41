"""About the API itself: each route says who may use it and is documented; each move of each table
can be asked for; the document is one that other people's tools can read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from werkzeug.routing import Rule

from referral.states import Noun, Role
from referral.store import Store
from tests.web.api import PREFIX, document_of
from web.access import STAFF, rule_of
from web.api.printing import listed, print_routes
from web.app import App, create_app
from web.edge import Edge
from web.labels import said
from web.schemas import schema_for
from web.schemas.base import Command
from web.settings import Settings
from workflows.engine import TABLES

DOCUMENT = f"{PREFIX}/openapi.json"
PAGE = Path(__file__).parents[2] / "docs" / "api-routes.md"
# Where each noun's moves are; assurance is one with its provider.
PATHS = {
    Noun.REFERRAL: "referrals",
    Noun.CONSENT: "consents",
    Noun.OVERRIDE: "overrides",
    Noun.EMERGENCY: "emergencies",
    Noun.CONCERN: "concerns",
    Noun.ESCALATION: "escalations",
    Noun.ASSURANCE: "providers",
    Noun.AGREEMENT: "agreements",
    Noun.RIGHTS: "rights",
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('api') / 'empty.db'}")
    made = create_app(Edge(store), Settings(secret_key="only for tests, and long enough to pass"))
    yield made
    store.dispose()


def routes(app: App) -> list[Rule]:
    found = [r for r in app.url_map.iter_rules() if r.rule.startswith("/api/")]
    assert len(found) > 90
    return found


def documented(rule: Rule) -> str:
    return re.sub(r"<uuid:([a-z_]+)>", r"{\1}", rule.rule)


def test_every_route_of_the_api_says_which_roles_may_use_it(app: App) -> None:
    for route in routes(app):
        assert rule_of(app, route.endpoint) is not None, route
        if route.rule == DOCUMENT:
            continue
        roles = app.view_functions[route.endpoint].api_roles  # type: ignore[attr-defined]
        assert roles, route
        assert roles <= STAFF, route
        assert Role.PERSON not in roles


def test_every_route_of_the_api_stands_on_its_page_with_its_role_and_an_example(app: App) -> None:
    """Print it again after a change: `segue api > docs/api-routes.md`."""
    with app.test_request_context():
        printed = print_routes(app, document_of(app))
        every = [route for _tag, route in listed(app, document_of(app))]
    assert PAGE.read_text() == printed + "\n"
    found = {(route.method, route.path) for route in every}
    for rule in routes(app):
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert rule.rule == DOCUMENT or (method, documented(rule)) in found, rule
    assert all(route.who and route.says for route in every)
    # What must be said is in the example; what isn't asked has none.
    begin = next(r for r in every if (r.method, r.path) == ("POST", f"{PREFIX}/concerns"))
    assert json.loads(begin.body) == {"danger": False, "seen": "words"}
    alone = {r.path.rpartition("/")[2] for r in every if r.who == "the system alone"}
    assert {"lapse", "expire", "overtake"} <= alone
    assert not {"send", "accept", "withdraw"} & alone


def test_every_route_of_the_api_is_in_its_document(app: App) -> None:
    paths = document_of(app)["paths"]
    for route in routes(app):
        if route.rule == DOCUMENT:
            continue
        methods = {m.lower() for m in (route.methods or ())} - {"head", "options"}
        assert methods <= set(paths[documented(route)]), route
    addresses = {documented(route) for route in routes(app)}
    assert set(paths) <= addresses


@pytest.mark.parametrize("noun", list(Noun))
def test_every_move_of_every_table_can_be_asked_for(app: App, noun: Noun) -> None:
    paths = document_of(app)["paths"]
    table, where = TABLES[noun], f"{PREFIX}/{PATHS[noun]}"
    assert "get" in paths[f"{where}/{{record_id}}/moves"]
    for trigger in table.triggers:
        moves = [m for m in table.moves if m.trigger == trigger]
        if all(m.sources == {None} for m in moves):
            assert "post" in paths[where], f"{noun}.{trigger} begins a record"
        else:
            told = paths[f"{where}/{{record_id}}/moves/{trigger}"]["post"]
            body = told["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            assert body.endswith(f"/{schema_for(noun, trigger).__name__}")
            assert said(moves[0].says).startswith(told["summary"])
            headers = {p["name"] for p in told["parameters"]}
            assert headers == {"If-Match", "Idempotency-Key"}


def test_the_document_is_of_openapi_3_1_and_hangs_together(app: App) -> None:
    document = document_of(app)
    assert document["openapi"].startswith("3.1.")
    assert document["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in references(document):
        assert resolved(document, reference) is not None, reference
    tags = {tag["name"] for tag in document["tags"]}
    for path, item in document["paths"].items():
        named = set(re.findall(r"{([a-z_]+)}", path))
        told = {p["name"] for p in item.get("parameters", ()) if p["in"] == "path"}
        assert named == told, path
        for method in set(item) - {"parameters"}:
            operation = item[method]
            assert operation["summary"], path
            assert set(operation["tags"]) <= tags, path
            statuses = set(operation["responses"])
            assert statuses & {"200", "201"}, path
            assert {"401", "403", "404"} <= statuses, path
            for status in statuses - {"200", "201", "202"}:
                answer = resolved(document, operation["responses"][status]["$ref"])
                assert list(answer["content"]) == ["application/problem+json"]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, inner in part.items():
            if name == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def resolved(document: Any, reference: str) -> Any:
    found = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def commands() -> Iterator[type[Command]]:
    def below(kind: type[Command]) -> Iterator[type[Command]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    yield from below(Command)


def test_no_command_takes_text_without_an_end(app: App) -> None:
    """Every text that may be sent has a longest length, a list of codes or a pattern."""
    document = document_of(app)
    taken = [
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        for item in document["paths"].values()
        for method, operation in item.items()
        if method in ("post", "patch") and "requestBody" in operation
    ]
    assert len(taken) > 60
    for reference in taken:
        for name, field in resolved(document, reference)["properties"].items():
            endless(document, field, f"{reference}.{name}")


def endless(document: Any, field: Any, where: str) -> None:
    if "$ref" in field:
        for name, inner in resolved(document, field["$ref"])["properties"].items():
            endless(document, inner, f"{where}.{name}")
        return
    for inner in field.get("anyOf", ()):
        endless(document, inner, where)
    kinds = field.get("type", [])
    if "array" in kinds:
        assert field["maxItems"], where
        endless(document, field["items"], where)
    if "string" in kinds:
        ends = {"maxLength", "enum", "pattern", "format"} & set(field)
        assert ends, where


def test_every_schema_of_a_command_says_what_it_is_for() -> None:
    found = [kind for kind in commands() if kind.__module__.startswith("web.schemas")]
    assert len(found) > 20
    for kind in found:
        assert kind.__doc__, kind
