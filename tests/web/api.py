"""A program at the API's door, with a token of a member of the test world.

priya = program(w, "priya")
said = priya.post("/referrals", {...})
assert (said.status, said.json["state"]) == (201, "draft")"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from tests.web.client import app_of
from tests.world import World
from web.tokens import make_token

PREFIX = "/api/v1"
# What every address may answer, without its saying so: another method, and a fault of ours.
NOT_TOLD = {405, 500}


@cache
def document_of(app: Flask) -> dict[str, Any]:
    """The API's own document."""
    found: dict[str, Any] = app.test_client(use_cookies=False).get(f"{PREFIX}/openapi.json").json
    return found


@cache
def _closed(app: Flask) -> dict[str, Any]:
    """The document's schemas, each of which has no names but its own."""
    schemas = deepcopy(document_of(app)["components"]["schemas"])
    for schema in schemas.values():
        if schema.get("type") == "object" and "properties" in schema:
            schema["additionalProperties"] = False
    return {"components": {"schemas": schemas}}


@cache
def _paths(app: Flask) -> list[tuple[re.Pattern[str], str]]:
    """The documented addresses as patterns, the plainest first."""
    found = sorted(document_of(app)["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"{[^}]+}", "[0-9a-f-]{36}", path) + r"\Z"), path) for path in found]


def as_documented(app: Flask, method: str, path: str, status: int, kind: str, body: Any) -> None:
    """The answer is one that the document tells of, and has no names that it doesn't."""
    known = next((p for pattern, p in _paths(app) if pattern.match(path.partition("?")[0])), None)
    if known is None or status in NOT_TOLD:
        assert status in {404, *NOT_TOLD}, path
        return
    document = document_of(app)
    told = document["paths"][known][method.lower()]["responses"][str(status)]
    if "$ref" in told:
        told = document["components"]["responses"][told["$ref"].rsplit("/", 1)[1]]
    schema = {**told["content"][kind]["schema"], **_closed(app)}
    faults = sorted(Draft202012Validator(schema).iter_errors(body), key=str)
    assert not faults, f"{method} {known} {status}: {faults[0].json_path} {faults[0].message}"


@dataclass
class Said:
    """An answer."""

    status: int
    json: Any
    headers: Any

    @property
    def codes(self) -> list[str]:
        """The codes of all the refusals of a problem."""
        return [r["code"] for r in self.json["refusals"]]

    @property
    def fields(self) -> dict[str, str]:
        """The sentences of a problem by field."""
        return {r["field"]: r["why"] for r in self.json["refusals"]}

    @property
    def etag(self) -> str:
        return str(self.headers["ETag"])


@dataclass
class Program:
    """A client with a token, or with none."""

    client: FlaskClient
    token: str | None

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        version: str | None = None,
        raw: bytes | None = None,
        **headers: str,
    ) -> Said:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            told.setdefault("Authorization", f"Bearer {self.token}")
        if key is not None:
            told["Idempotency-Key"] = key
        if version is not None:
            told["If-Match"] = version
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            told.setdefault("Content-Type", "application/json")
        answer = self.client.open(
            path if path.startswith("/api") else PREFIX + path,
            method=method,
            data=data,
            headers=told,
        )
        if answer.status_code >= 400:
            assert answer.mimetype == "application/problem+json", answer.mimetype
        assert "Set-Cookie" not in answer.headers
        said = answer.get_json(force=True)
        whole = path if path.startswith("/api") else PREFIX + path
        as_documented(
            self.client.application, method, whole, answer.status_code, answer.mimetype, said
        )
        return Said(answer.status_code, said, answer.headers)

    def get(self, path: str, **more: Any) -> Said:
        return self.send("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Said:
        return self.send("POST", path, body, **more)

    def patch(self, path: str, body: Any = None, **more: Any) -> Said:
        return self.send("PATCH", path, body, **more)

    def move(self, path: str, trigger: str, body: Any = None, **more: Any) -> Said:
        """A move on a record: `move(f"/referrals/{id}", "accept")`."""
        return self.post(f"{path}/moves/{trigger}", body, **more)


def program(w: World, who: str | None) -> Program:
    """A program with a token of this member; None: without a token."""
    client = app_of(w).test_client(use_cookies=False)
    if who is None:
        return Program(client, None)
    with w.store.begin(w.actor[who]) as tx:
        secret = make_token(tx, w.actor[who], w.at, "a program of the tests", 30)
    return Program(client, secret)
