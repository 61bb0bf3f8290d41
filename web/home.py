"""What needs me now: the first page of every role."""

from __future__ import annotations

from flask import Blueprint, render_template

from web.access import STAFF, access

pages = Blueprint("home", __name__)


@pages.get("/")
@access(STAFF)
def home() -> str:
    return render_template("home.jinja")
