"""Every answer that isn't what was asked for: problem details (RFC 9457) with our own members.

`code`, `why`, `remedy` and `source` are those of the first refusal; `refusals` has all of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from referral.store import CannotWrite, OutcomeUnknown, StoreBusy
from web.api.answers import of_refusal
from web.edge import Busy
from web.errors import note
from web.schemas import Wrong
from workflows.engine import TABLES, Refused
from workflows.moves import N_, Refusal

PREFIX = "/api/"
MEDIA_TYPE = "application/problem+json"

UNREADABLE = Refusal(
    "unreadable",
    N_("The request couldn't be read."),
    N_("Check how it is written, then send it again."),
)
BAD_JSON = Refusal(
    "bad_json",
    N_("The body isn't JSON that can be read."),
    N_("Send one JSON object, in UTF-8, with each name once."),
)
NOT_JSON = Refusal(
    "not_json",
    N_("The body must be JSON."),
    N_("Send it with the header Content-Type: application/json."),
)
NO_TOKEN = Refusal(
    "no_token",
    N_("Say who you are with a token that works."),
    N_("Send the header Authorization: Bearer, then a space, then the token."),
    "bearer tokens",
)
WRONG_ROLE = Refusal(
    "not_your_role",
    N_("Your role doesn't use this."),
    N_("Use a token of the role that does."),
    "roles",
)
NOT_HERE = Refusal(
    "not_found",
    N_("There is no such thing, or it is not one you work with."),
    N_("Check the address and the id."),
)
WRONG_METHOD = Refusal(
    "wrong_method",
    N_("This address doesn't take that method."),
    N_("Use one of the methods in the Allow header."),
)
TOO_LARGE = Refusal(
    "too_large",
    N_("That is too much at once. Nothing was saved."),
    N_("Send less than a million bytes."),
)
BUSY = Refusal(
    "busy",
    N_("Segue is busy. Nothing was saved."),
    N_("Wait a moment, then send the same request again."),
)
UNKNOWN = Refusal(
    "outcome_unknown",
    N_("The connection was lost while saving. It may have been saved, or not."),
    N_("Send the same request again with the same Idempotency-Key, or look at the record."),
)
FULL = Refusal(
    "cannot_save",
    N_("Segue cannot save anything at the moment. Nothing was saved."),
    N_(
        "Tell whoever looks after it and give them the reference. Then send the same request again,"
        " with the same Idempotency-Key."
    ),
)
BROKEN = Refusal(
    "broken",
    N_("Something went wrong on our side. Nothing was saved."),
    N_("Send it again. If it happens again, tell us the reference."),
)
OF_STATUS = {
    400: UNREADABLE,
    401: NO_TOKEN,
    403: WRONG_ROLE,
    404: NOT_HERE,
    405: WRONG_METHOD,
    413: TOO_LARGE,
    415: NOT_JSON,
    503: BUSY,
}


class Problem(Exception):
    """An answer with a status and its refusals, to be given by whoever found out."""

    def __init__(
        self,
        status: int,
        *refusals: Refusal,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        self.status = status
        self.refusals = refusals or (OF_STATUS[status],)
        self.headers = dict(headers or {})
        self.more = more
        super().__init__(f"{status} {', '.join(r.code for r in self.refusals)}")


def answer(
    status: int,
    refusals: Iterable[Refusal],
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """The problem as a response."""
    told = [of_refusal(r) for r in refusals]
    first = told[0]
    body = {
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": f"{first['why']} {first['remedy']}".strip(),
        **first,
        "refusals": told,
        **more,
    }
    response = Response(json.dumps(body, ensure_ascii=False), status, mimetype=MEDIA_TYPE)
    response.headers.update(dict(headers or {}))
    return response


def status_of(refused: Refused, role: str | None = None) -> int:
    """404 not there, 412 stale, 403 a route that isn't for the role, 422 a field or a key, 409
    whatever the record's state, a hold or a guard stands against."""
    codes = refused.codes
    if "not_found" in codes:
        return 404
    if "stale" in codes:
        return 412
    if "not_your_role" in codes:
        # A move that is never made by this role is a route that isn't for it.
        table = TABLES.get(refused.noun)  # type: ignore[arg-type]
        roles = {
            str(r)
            for m in (table.moves if table else ())
            if m.trigger == refused.trigger
            for r, _ in m.by
        }
        return 409 if role in roles else 403
    if "idempotency_key_reused" in codes or all(r.field for r in refused.refusals):
        return 422
    return 409


def _role_or_none() -> str | None:
    """The role of who asks, where the door let somebody in."""
    actor = g.get("api_actor")
    return None if actor is None else str(actor.role)


def of(error: BaseException) -> Response:
    """Any error that left a view of the API, as a problem."""
    if isinstance(error, Problem):
        return answer(error.status, error.refusals, error.headers, **error.more)
    if isinstance(error, Wrong):
        return answer(422, error.refusals)
    if isinstance(error, Refused):
        status = status_of(error, _role_or_none())
        refusals = (NOT_HERE,) if status == 404 else error.refusals
        return answer(status, refusals)
    if isinstance(error, (Busy, StoreBusy)):
        return answer(503, (BUSY,), {"Retry-After": "5"})
    if isinstance(error, OutcomeUnknown):
        return answer(503, (UNKNOWN,), {"Retry-After": "5"}, reference=note(error))
    if isinstance(error, CannotWrite):
        return answer(503, (FULL,), {"Retry-After": "30"}, reference=note(error))
    if isinstance(error, HTTPException) and error.code is not None:
        keep = {name: value for name, value in error.get_headers() if name in ("Allow",)}
        if error.code < 500:
            return answer(error.code, (OF_STATUS.get(error.code, UNREADABLE),), keep)
    reference = note(error)
    return answer(500, (BROKEN,), reference=reference)


def set_up(app: Flask) -> None:
    """Errors under /api/ are problems; what the pages do with theirs stays as it is."""
    handlers = app.error_handler_spec[None]
    for by_class in handlers.values():
        for kind, page in list(by_class.items()):
            by_class[kind] = _either(page)


def _either(page: Any) -> Any:
    def handle(error: Exception) -> ResponseReturnValue:
        if not request.path.startswith(PREFIX):
            return page(error)  # type: ignore[no-any-return]
        if isinstance(error, HTTPException) and error.code is not None and error.code < 400:
            return error
        return of(error)

    return handle
