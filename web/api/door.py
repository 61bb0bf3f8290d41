"""Who asks, by their bearer token; what they asked, by the command's schema; and what is in the
headers that make a repeated or a late request safe."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from flask import current_app, g, request
from flask_smorest import Blueprint as SmorestBlueprint  # type: ignore[import-untyped]
from marshmallow import Schema, fields
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import MultiDict

from referral.actors import Actor, the_system
from referral.audit import log
from referral.states import Role
from referral.store import Tx
from web.access import Rule, not_for_their_role
from web.api.problems import BAD_JSON, Problem
from web.current import edge
from web.schemas import load
from web.tokens import holder, once_held
from workflows.moves import N_, Refusal
from workflows.rules import once

View = TypeVar("View", bound=Callable[..., Any])
BECAUSE = "a bearer token says who asks, and the API's own rule which roles may"

ONE_TAG = Refusal(
    "if_match",
    N_("If-Match must be the record's version in quotation marks, or *."),
    N_('Send the ETag of the record as you read it, for example If-Match: "3".'),
)
ONE_KEY = Refusal(
    "idempotency_key",
    N_("Idempotency-Key must be 1 to 200 plain characters."),
    N_("Send a key of your own, for example a UUID, made anew for each request you mean."),
)
GIVEN_TWICE = N_("Give this once.")


# -- who asks -----------------------------------------------------------------------------------


def for_roles(*roles: Role | frozenset[Role]) -> Callable[[View], View]:
    """Only for tokens of one of these roles (or groups of roles)."""
    allowed: set[Role] = set()
    for role in roles:
        allowed |= role if isinstance(role, frozenset) else {role}
    if not allowed:
        raise ValueError("Name the roles.")

    def mark(view: View) -> View:
        view.api_roles = frozenset(allowed)  # type: ignore[attr-defined]
        view.access_rule = Rule(None, BECAUSE)  # type: ignore[attr-defined]
        return view

    return mark


def who_asks() -> None:
    """Finds the actor of the token before each request; 401 without one, 403 for a whole route
    that isn't for the role."""
    if request.method == "OPTIONS" or request.endpoint is None:
        return
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.casefold() != "bearer" or not secret.strip():
        _no_token()
    with edge().reading(None) as (tx, at):
        actor = holder(tx, secret.strip(), at)
    if actor is None:
        _refused(secret.strip())
        _no_token('Bearer error="invalid_token"')
    g.api_actor = actor
    roles: frozenset[Role] = getattr(
        current_app.view_functions[request.endpoint], "api_roles", frozenset()
    )
    if actor.role not in roles:
        not_for_their_role(actor)
        raise Problem(403)


def _refused(secret: str) -> None:
    """A token that was good once is a sign-in that failed. A guess is nobody's."""
    with edge().reading(None) as (tx, _at):
        known = once_held(tx, secret)
    if known is None:
        return
    token_id, system_id = known
    system = the_system(system_id, "token")
    edge().perform(system, lambda tx, at: log(tx, system, at, "sign_in_refused", "token", token_id))


def _no_token(challenge: str = "Bearer") -> NoReturn:
    raise Problem(401, headers={"WWW-Authenticate": challenge})


def asker() -> Actor:
    """Who asks."""
    found: Actor = g.api_actor
    return found


# -- the headers --------------------------------------------------------------------------------

_TAG = re.compile(r'\s*"([0-9]{1,9})"\s*\Z')
_KEY = re.compile(r"[!-~]{1,200}\Z")


def seen_version() -> int | None:
    """The version the sender saw; None when they didn't say, or said any."""
    text = request.headers.get("If-Match")
    if text is None or text.strip() == "*":
        return None
    tag = _TAG.match(text)
    if tag is None:
        raise Problem(400, ONE_TAG)
    return int(tag[1])


def repeat_key() -> str | None:
    """The key under which a repeat of this request gets the same answer and has one effect."""
    text = request.headers.get("Idempotency-Key")
    if text is None:
        return None
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not _KEY.match(text):
        raise Problem(400, ONE_KEY)
    return text


def saved_once(what: str, body: Mapping[str, Any], do: Callable[[Tx, datetime], str]) -> Any:
    """Run a command that answers with an id, at most once for the key of this request. Raises
    Refused when the key came with another body."""
    actor, key = asker(), repeat_key()
    return edge().perform(
        actor, lambda tx, at: once(tx, actor, key, what, body, at, lambda: {"id": do(tx, at)})
    )


# -- what was asked -----------------------------------------------------------------------------


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name came twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def body() -> Any:
    """The JSON of the request; nothing sent is an empty object."""
    raw = request.get_data(cache=True)
    if not raw:
        return {}
    if request.mimetype != "application/json":
        raise Problem(415)
    try:
        return json.loads(
            raw.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        raise Problem(400, BAD_JSON) from None


def _query(args: MultiDict[str, str], schema: Schema) -> dict[str, Any]:
    found: dict[str, Any] = {}
    lists = {name for name, kind in schema.fields.items() if isinstance(kind, fields.List)}
    for name, values in args.lists():
        if name in lists:
            found[name] = values
        elif len(values) > 1:
            raise Problem(422, Refusal("given_twice", GIVEN_TWICE, field=name))
        else:
            found[name] = values[0]
    return found


class Reader(FlaskParser):
    """Reads what was asked by the command's schema, as the pages do."""

    def parse(self, argmap: Any, req: Any = None, *, location: Any = None, **rest: Any) -> Any:
        schema = self._get_schema(argmap, request)
        at = edge().clock()
        if location == "query":
            return load(schema, _query(request.args, schema), at, form=True)
        return load(schema, body(), at)


# -- the nouns ----------------------------------------------------------------------------------

ETAG = {"ETag": {"description": "The version of the record.", "schema": {"type": "string"}}}
SAFE_HEADERS = [
    {
        "in": "header",
        "name": "If-Match",
        "required": False,
        "description": "The version you saw, as its ETag. Stale: 412, with what changed.",
        "schema": {"type": "string", "example": '"3"'},
    },
    {
        "in": "header",
        "name": "Idempotency-Key",
        "required": False,
        "description": "A key of your own: the same key gives the same answer, and one effect.",
        "schema": {"type": "string", "maxLength": 200},
    },
]
IF_MATCH, REPEAT_KEY = SAFE_HEADERS[:1], SAFE_HEADERS[1:]
PROBLEMS = {
    400: "It couldn't be read.",
    401: "No token, or one that doesn't work.",
    403: "Not for the role of the token.",
    404: "Not yours, or not there.",
    409: "The record's state, a hold or a guard stands against it. All refusals are told.",
    412: "Somebody changed the record since you looked.",
    413: "Too large.",
    415: "The body isn't JSON.",
    422: "A field that can't be taken, or a key that was used for something else.",
    503: "Busy, not able to save, or the connection was lost: send the same request again, with the"
    " same key.",
}
OF_READING = (400, 401, 403, 404, 422, 503)


class Blueprint(SmorestBlueprint):  # type: ignore[misc]
    """A noun of the API: read by our schemas, behind the token, with its problems documented."""

    ARGUMENTS_PARSER = Reader()

    def __init__(self, name: str, description: str) -> None:
        # The pages have blueprints by the plain names of the nouns.
        super().__init__(
            f"api_{name}", __name__, url_prefix=f"/api/v1/{name}", description=description
        )
        self.noun = name
        self.before_request(who_asks)

    def route(self, rule: str, **options: Any) -> Callable[[View], View]:
        """A route, and what may come instead of its answer."""
        add = super().route(rule, tags=[self.noun], **options)
        problems = OF_READING if options.get("methods", ["GET"]) == ["GET"] else PROBLEMS

        def route(view: View) -> View:
            documented = view
            for status in problems:
                documented = self.alt_response(status, f"Problem{status}")(documented)
            add(documented)
            return view

        return route

    if TYPE_CHECKING:

        def arguments(self, schema: Any, **more: Any) -> Callable[..., Any]: ...
        def response(
            self, status: int, schema: Any = None, **more: Any
        ) -> Callable[[View], View]: ...
        def alt_response(
            self, status: int, response: str | None = None, **more: Any
        ) -> Callable[[View], View]: ...
        def doc(self, **more: Any) -> Callable[[View], View]: ...
