"""The API: the same commands as the pages, for programs.

`register(app)` puts it under /api/v1, with its document at /api/v1/openapi.json."""

from __future__ import annotations

from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask, jsonify
from flask_smorest import Api  # type: ignore[import-untyped]

from web.access import public
from web.api import (
    activities,
    agreements,
    announcements,
    concerns,
    confirmations,
    consents,
    emergencies,
    escalations,
    overrides,
    people,
    policies,
    problems,
    providers,
    referrals,
    rights,
    scores,
    themes,
    wordings,
)
from web.api.answers import ProblemShown
from web.api.door import PROBLEMS
from web.schemas.fields import Moment

PREFIX = "/api/v1"
NOUNS = (
    referrals,
    people,
    consents,
    wordings,
    overrides,
    emergencies,
    providers,
    agreements,
    activities,
    concerns,
    escalations,
    rights,
    announcements,
    themes,
    policies,
    scores,
    confirmations,
)
ABOUT = """The same commands as the pages, decided by the same tables of moves.

Every request carries a bearer token, which stands for one role in one organisation. What that role
doesn't see is not found (404). A record's version is its ETag: send it back as `If-Match`, and a
change somebody else made meanwhile is told (412) instead of overwritten. Send an `Idempotency-Key`
with whatever changes something, and a repeat gets the same answer and has one effect.

`GET .../{id}/moves` says which moves there are from where the record is now, which of them you may
make, and what stands in the way of the others. A move that takes two people is proposed by the
first (202) and done when the second confirms it under `/confirmations`.

Days are sent as `2026-05-12`. Errors are problem details (RFC 9457)."""


def name_of(schema: Any) -> str:
    """A schema's name in the document; one of which any part may be left out has its own."""
    name = schema.__name__ if isinstance(schema, type) else type(schema).__name__
    return f"{name}Partly" if getattr(schema, "partial", None) else name


class Ours(Api):  # type: ignore[misc]
    """The document, without the library's own handlers: errors are answered in `problems`."""

    ERROR_SCHEMA = ProblemShown
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        return


def register(app: Flask) -> None:
    """Add the API to the application, after its error handlers and before its guard of routes."""
    app.config.update(
        API_TITLE="Segue",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=None,
    )
    plugin = MarshmallowPlugin(schema_name_resolver=name_of)
    api = Ours(app, spec_kwargs={"info": {"description": ABOUT}, "marshmallow_plugin": plugin})
    api.register_field(Moment, "string", "date")
    api.spec.components.security_scheme(
        "token", {"type": "http", "scheme": "bearer", "description": "A token of one role."}
    )
    for status, description in PROBLEMS.items():
        told = {"content": {problems.MEDIA_TYPE: {"schema": ProblemShown}}}
        api.spec.components.response(f"Problem{status}", {"description": description, **told})
    for noun in NOUNS:
        api.register_blueprint(noun.api)
        _without_cookies(app, noun.api)
    document: dict[str, Any] = {}

    @app.get(f"{PREFIX}/openapi.json")
    @public("the document of the API, which tells nothing about anybody")
    def openapi() -> Any:
        if not document:
            document.update(api.spec.to_dict())
            document["security"] = [{"token": []}]
            document["servers"] = [{"url": "/"}]
            document["tags"] = [
                {"name": noun.api.noun, "description": noun.api.description} for noun in NOUNS
            ]
        return jsonify(document)

    problems.set_up(app)


def _without_cookies(app: Flask, blueprint: Any) -> None:
    """A token comes in a header that no other site can make a browser send: nothing to forge."""
    forged = app.extensions.get("csrf")
    if forged is not None:
        forged.exempt(blueprint)
