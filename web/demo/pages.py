"""The demo's own page: a door for each role, a clock to wind, and seven things to try."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from referral.actors import Actor
from referral.members import actor_of
from referral.states import Noun
from referral.store import Sql
from web import signed_in, words
from web.access import public
from web.app import MODULES, App, create_app
from web.current import edge, ways
from web.demo import cast
from web.demo.clock import WoundClock
from web.demo.files import POST
from web.edge import Edge, now
from web.say import _
from web.settings import Settings
from web.ways import kept_in
from web.worker import sweep_all
from workflows.working_time import local_day

pages = Blueprint("demo", __name__)
MEMBER = Sql(
    "SELECT m.id FROM membership m JOIN app_user u ON u.id = m.user_id"
    " WHERE u.email = :email ORDER BY m.id"
)
WINDS = (1, 10)
BEHIND_ITS_BACK = (
    f'sqlite3 var/demo.db "UPDATE {Noun.REFERRAL} SET urgent = 1"',  # noqa: S608 - shown, never run
    "SEGUE_DATABASE_URL=sqlite:///var/demo.db SEGUE_AUDIT_KEY=var/demo.audit.key"
    " SEGUE_WRAPPING_KEYS=var/demo.wrapping.keys .venv/bin/segue audit verify",
)


def make_app(edge: Edge, settings: Settings, clock: WoundClock) -> App:
    """The whole application on the demo's clock, with the page of doors in front. Sessions go by
    the real time, so that winding on signs nobody out."""
    ways = kept_in(POST, settings)
    modules = (*MODULES, "web.demo.pages")
    app = create_app(edge, settings, modules=modules, session_clock=now, ways=ways)
    app.extensions["demo_clock"] = clock

    @app.before_request
    def to_the_doors() -> ResponseReturnValue | None:
        """Everybody is signed in already, but for whoever was invited and chose a password."""
        asked_to_sign_in = request.path == "/sign-in" and request.method == "GET"
        invited = request.args.get("next") == "/welcome"
        return redirect("/demo") if asked_to_sign_in and not invited else None

    @app.context_processor
    def said_on_each_page() -> dict[str, Any]:
        return {"demo_time": words.day_words(local_day(clock()), weekday=True)}

    return app


def _clock() -> WoundClock:
    clock: WoundClock = current_app.extensions["demo_clock"]
    return clock


def _door(key: str) -> Actor:
    with edge().reading(None) as (tx, at):
        row = tx.row(MEMBER, email=f"{key}@saltmere.example")
        actor = actor_of(tx, row[0], at) if row else None
    if actor is None:
        abort(404)
    return actor


@pages.get("/demo")
@public("everybody in the demo is invented")
def doors() -> str:
    return render_template(
        "demo/doors.jinja", doors=cast.DOORS, winds=WINDS, commands=BEHIND_ITS_BACK
    )


@pages.post("/demo/door/<key>")
@public("everybody in the demo is invented")
def door(key: str) -> ResponseReturnValue:
    if key not in {k for k, _who, _what in cast.DOORS}:
        abort(404)
    actor = _door(key)
    token = edge().perform(actor, lambda tx, at: signed_in.start_session(tx, actor, now()))
    signed_in.use_session(token)
    return redirect("/", code=303)


@pages.post("/demo/wind")
@public("everybody in the demo is invented")
def wind() -> ResponseReturnValue:
    days = request.form.get("days", type=int)
    if days not in WINDS:
        abort(400)
    clock = _clock()
    done = 0
    for moment in clock.days_on(days):
        clock.wind_to(moment)
        done += sum(sweep_all(edge(), ways()).values())
    flash(
        _(
            "It is %(day)s now in the demo. The worker did %(done)s things on the way: reminders,"
            " lapses, alarms. Open a door and look at what waits.",
            day=words.day_words(local_day(clock()), weekday=True),
            done=done,
        ),
        "success",
    )
    return redirect("/demo", code=303)


NEWEST = 24
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+(/\S*)")


@pages.get("/demo/post")
@public("everybody in the demo is invented, and nothing was sent")
def post() -> str:
    """The messages that would have gone out, the newest first."""
    files = sorted(POST.glob("*.eml"), key=lambda path: path.stat().st_mtime, reverse=True)
    return render_template("demo/post.jinja", messages=[_message(p) for p in files[:NEWEST]])


def _message(path: Path) -> dict[str, Any]:
    """One message: to whom, and its lines; a line that is one of our addresses is one to open."""
    found = message_from_bytes(path.read_bytes(), EmailMessage, policy=default)
    body = found.get_body(("plain",))
    text = str(body.get_content()) if body is not None else ""
    return {
        "channel": found["X-Segue-Channel"],
        "to": found["X-Segue-Address"] or found["To"],
        "subject": found["Subject"],
        "lines": [_line(line) for line in text.splitlines() if line.strip() and line != "-- "],
    }


def _line(line: str) -> list[tuple[str, str]]:
    """(words, address) parts of a line; the address is empty for plain words."""
    parts = []
    rest = line
    for found in ADDRESS.finditer(line):
        before, _mark, rest = rest.partition(found[0])
        parts += [(before, ""), (found[0], found[1])]
    return [part for part in (*parts, (rest, "")) if part[0]]
