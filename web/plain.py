"""Pages for anybody: help, accessibility, privacy, and whether the service is well."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from referral.store import Sql
from web.access import public
from web.app import edge, settings

pages = Blueprint("plain", __name__)

ALIVE = Sql("SELECT 1")


@pages.get("/help")
@public("help must be there for those who can't sign in")
def help_page() -> str:
    return render_template("help.jinja", contact=settings().contact)


@pages.get("/accessibility")
@public("a statement for everybody")
def accessibility() -> str:
    return render_template("accessibility.jinja", contact=settings().contact)


@pages.get("/privacy")
@public("a statement for everybody")
def privacy() -> str:
    return render_template("privacy.jinja", contact=settings().contact)


@pages.get("/health")
@public("asked by machines that watch over the service; it tells nothing about anybody")
def health() -> ResponseReturnValue:
    found: dict[str, Any] = {"store": True}
    try:
        with edge().reading(None) as (tx, _):
            tx.row(ALIVE)
    except Exception:  # whatever is wrong with the store, the answer is no
        found["store"] = False
    status = 200 if all(found.values()) else 503
    if request.accept_mimetypes.best == "text/html":
        return render_template("health.jinja", well=found), status
    return jsonify({"well": all(found.values()), **found}), status
