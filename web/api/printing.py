"""The routes of the API as a page: each with who may use it and an example, printed from the rules
of the routes, the tables of moves and the schemas. `segue api > docs/api-routes.md`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from flask import Flask

from referral.states import Noun, Role
from web.labels import role_name
from workflows.engine import TABLES

PREFIX = "/api/v1"
HEAD = """# Each route of the API

Printed by the program itself: `segue api > docs/api-routes.md`. How to ask, what comes back and
what an error says is told in [api.md](api.md). Every path begins with `/api/v1`. *Who* is the role
of the token; what that role doesn't see is still not found. An example has what must be said and
nothing else; all that may be said stands in `/api/v1/openapi.json`.
"""
# The noun of each tag under which moves stand.
NOUNS = {
    "referrals": Noun.REFERRAL,
    "consents": Noun.CONSENT,
    "overrides": Noun.OVERRIDE,
    "emergencies": Noun.EMERGENCY,
    "concerns": Noun.CONCERN,
    "escalations": Noun.ESCALATION,
    "providers": Noun.ASSURANCE,
    "agreements": Noun.AGREEMENT,
    "rights": Noun.RIGHTS,
}
MOVE = re.compile(r"/moves/([a-z_]+)$")
SAMPLES = {
    "uuid": "0198c0de-0000-7000-8000-000000000001",
    "date": "2026-03-16",
    "date-time": "2026-03-16T10:00:00Z",
}
SAID = {
    "owner_key": "safeguarding_lead@0198c0de-0000-7000-8000-000000000001",
    "nhs_number": "9990000018",
    "birth_date": "1951-03-15",
    "phone": "07700 900123",
    "email": "somebody@example.org",
}


class Listed(NamedTuple):
    """One route: how it is asked, by whom, for what, and with which body."""

    method: str
    path: str
    who: str
    says: str
    body: str


def _roles(app: Flask) -> Mapping[tuple[str, str], frozenset[Role]]:
    found = {}
    for rule in app.url_map.iter_rules():
        roles = getattr(app.view_functions[rule.endpoint], "api_roles", None)
        if roles is not None:
            path = re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule)
            for method in rule.methods or ():
                found[path, method] = roles
    return found


def _who(path: str, roles: frozenset[Role]) -> str:
    """Those of the roles that a move is open to by its table; the table says the rest."""
    move = MOVE.search(path)
    if move is not None and path.split("/")[3] in NOUNS:
        table = TABLES[NOUNS[path.split("/")[3]]]
        moves = [m for m in table.moves if m.trigger == move[1]]
        may = {hat[0] for m in moves for hat in m.by} - {Role.SYSTEM, Role.PERSON}
        if not may:
            return "the system alone"
        roles = roles & may
    if roles >= frozenset(Role) - {Role.SYSTEM, Role.PERSON}:
        return "every role"
    return ", ".join(role_name(role).lower() for role in Role if role in roles)


def example(document: Mapping[str, Any], schema: Mapping[str, Any], name: str = "") -> Any:
    """A value that this schema takes, with what must be said and nothing else."""
    if "$ref" in schema:
        return example(document, document["components"]["schemas"][schema["$ref"].split("/")[-1]])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return example(document, schema[several][0], name)
    if "example" in schema:
        return schema["example"]
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type", "object" if "properties" in schema else "integer")
    kind = kinds if isinstance(kinds, str) else next(k for k in kinds if k != "null")
    if kind == "object":
        properties = schema.get("properties", {})
        return {n: example(document, properties[n], n) for n in schema.get("required", ())}
    if kind == "array":
        return [example(document, schema.get("items", {}), name)]
    if kind == "boolean":
        return False
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    return SAID.get(name) or SAMPLES.get(schema.get("format", ""), "words")


def listed(app: Flask, document: Mapping[str, Any]) -> Iterator[tuple[str, Listed]]:
    """(tag, route) of each route of the API, in the order of its document."""
    roles = _roles(app)
    for tag in document["tags"]:
        for path, item in document["paths"].items():
            for method, told in item.items():
                if method == "parameters" or told["tags"] != [tag["name"]]:
                    continue
                content = told.get("requestBody", {}).get("content", {})
                body = content.get("application/json", {}).get("schema")
                said = "" if body is None else json.dumps(example(document, body))
                asked = method.upper()
                yield (
                    tag["name"],
                    Listed(asked, path, _who(path, roles[path, asked]), told["summary"], said),
                )


def print_routes(app: Flask, document: Mapping[str, Any]) -> str:
    """The page of the routes."""
    every = list(listed(app, document))
    parts = [HEAD]
    for tag in document["tags"]:
        mine = [route for name, route in every if name == tag["name"]]
        lines = [
            f"| `{r.method} {r.path.removeprefix(PREFIX)}` | {r.who} | {r.says} |"
            f" {f'`{r.body}`' if r.body else ''} |"
            for r in mine
        ]
        parts.append(
            f"## {tag['name']}\n\n{tag['description']}\n\n"
            "| how | who | what | example |\n| --- | --- | --- | --- |\n" + "\n".join(lines) + "\n"
        )
    return "\n".join(parts)
