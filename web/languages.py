"""Which language a page is in: what the account prefers, else what this browser was told last. It
is chosen at the foot of every page, by a form that needs no script and no account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, current_app, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug import Response

from web.access import public
from web.current import edge, settings
from web.say import ENGLISH, LANGUAGES, UNCHECKED, code_of
from web.signed_in import actor_or_none, safe_path, session_or_none
from workflows.preferences import save_language

pages = Blueprint("languages", __name__)
COOKIE = "segue_language"
KEPT_FOR = timedelta(days=365)


def read_now() -> str:
    """The language of whoever asks for this page. Welsh is never guessed from a browser while no
    speaker has checked it."""
    try:
        signed_in = session_or_none()
    except Exception:  # an error page must be drawn even when the store is away
        signed_in = None
    asked = (signed_in and signed_in.language) or request.cookies.get(COOKIE)
    return asked if asked in LANGUAGES else ENGLISH


def framed(now: str) -> dict[str, Any]:
    """What the foot of a page says of languages: the others, each by its own name, the page to
    come back to, and whether these words still wait for a speaker."""
    return {
        "others": [(code, name) for code, name in LANGUAGES.items() if code != now],
        "back_to": _here(),
        "unchecked": now in UNCHECKED,
    }


def _here() -> str:
    """This page, if it is one that can be asked for again."""
    there = current_app.url_map.bind("").test(request.path, "GET")
    return request.full_path.rstrip("?") if there else "/"


@pages.post("/language")
@public("anybody may read in their own language")
def choose() -> ResponseReturnValue:
    """Read in this language from now on: on this browser, and by the account, if there is one."""
    chosen = request.form.get("language", "")
    response = redirect(safe_path(request.form.get("next")), 303)
    if chosen not in LANGUAGES:
        return response
    actor = actor_or_none()
    if actor is not None:
        edge().perform(actor, lambda tx, at: save_language(tx, actor, at, chosen))
    remember(response, chosen)
    return response


def remember(response: Response, chosen: str) -> None:
    """Read in this language on this browser from now on."""
    response.set_cookie(
        COOKIE,
        chosen,
        max_age=KEPT_FOR,
        secure=settings().https,
        httponly=True,
        samesite="Lax",
    )


def unless_chosen(name: str | None) -> str | None:
    """The language with this name, for somebody who has not chosen one on this browser."""
    return None if COOKIE in request.cookies else code_of(name)
