"""A page that posts, for the tests of how such pages are written."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template_string, request
from flask.typing import ResponseReturnValue

from referral.states import Noun, Role
from referral.store import Sql, Tx
from web.access import access, current_actor
from web.current import edge
from web.edge import Busy
from web.forms import Form, Next, answer
from web.schemas import Command
from web.schemas.fields import LONG, Choice, Day, Many, Text, YesNo
from workflows.engine import NOT_FOUND, Refused, available, step
from workflows.rules import field, wrong

pages = Blueprint("sample", __name__)
VERSION = Sql("SELECT version FROM referral WHERE id = :id")
CALLS: list[dict[str, Any]] = []

PAGE = """
{% extends "layout.jinja" %}
{% from "components/fields.jinja" import question, press, text_field, text_area, radios, yes_no,
   checkboxes, choose, day_field, one_box with context %}
{% block title %}Ask{% endblock %}
{% block content %}<h1>Ask</h1>
{% call question(form) %}
{{ text_area(form, "note", "Your question") }}
{{ text_field(form, "who", "Who") }}
{{ day_field(form, "day", "When") }}
{{ radios(form, "how", "How", [("phone", "Phone"), ("letter", "Letter")]) }}
{{ checkboxes(form, "needs", "Needs", [("a", "A"), ("b", "B"), ("c", "C")]) }}
{{ yes_no(form, "sure", "Sure?") }}
{{ choose(form, "place", "Place", [("north", "North"), ("south", "South")]) }}
{{ press("Send it") }}
{% endcall %}{% endblock %}
"""


class Ask(Command):
    note = Text("Write your question.", most=LONG)
    who = Text()
    day = Day()
    how = Choice(("phone", "letter"), "Choose how.")
    needs = Many(Choice(("a", "b", "c"), wrong="Choose what is needed."))
    sure = YesNo()
    place = Choice(("north", "south"))


@pages.route("/sample/<uuid:record_id>", methods=["GET", "POST"])
@access(Role.PROVIDER_LEADER)
def ask(record_id: UUID) -> ResponseReturnValue:
    actor, record = current_actor(), str(record_id)
    with edge().reading(actor) as (tx, at):
        available(tx, Noun.REFERRAL, record, actor, at)
        known = tx.row(VERSION, id=record)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Any:
        CALLS.append(given)
        if given["note"] == "busy":
            raise Busy("busy")
        if given["note"] == "rude":
            raise wrong(Noun.REFERRAL, "ask", field("who", "Say who.", "A first name is enough."))
        if given["note"] == "gone":
            raise Refused([NOT_FOUND], noun="referral", trigger="ask", record_id=record)
        return step(
            tx, Noun.REFERRAL, record, "ask", actor, at, given, version=form.version, key=form.key
        )

    return answer(
        lambda form: render_template_string(PAGE, form=form, errors=form.summary),
        command,
        lambda done: Next("/", "Asked. The link worker answers by Friday."),
        schema=Ask(),
        known={"who": "Priya", "how": "letter"},
        version=known[0] if known else None,
        about=(Noun.REFERRAL, record),
    )


@pages.get("/sample/breaks")
@access(Role.PROVIDER_LEADER)
def breaks() -> str:
    raise RuntimeError("Margaret Okoro 9990000018")


@pages.get("/sample/gone-away")
@access(Role.PROVIDER_LEADER)
def busy() -> str:
    raise Busy("busy")


@pages.post("/sample/anything")
@access(Role.PROVIDER_LEADER)
def anything() -> str:
    CALLS.append({"posted": sorted(request.form)})
    return "taken"
