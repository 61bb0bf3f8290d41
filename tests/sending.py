"""Somebody who sends every form without having filled it in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from tests.journeys.plain import Node, Reader
from tests.looking import Screen, screen
from tests.robot import Robot, shape
from tests.tour import Visit
from tests.web.client import FRAME, token_of


def unfilled(form: Node) -> MultiDict[str, Any]:
    """What a form sends when nobody has touched what can be filled in."""
    found = MultiDict[str, Any]()
    for place in form.all("input", "textarea", "select"):
        name, kind = place.attrs.get("name"), place.attrs.get("type", "text")
        if name and kind == "hidden":
            found.add(name, place.attrs.get("value", ""))
        elif name and kind not in ("radio", "checkbox", "submit", "file"):
            found.add(name, "")
    return found


def _asks(form: Node) -> bool:
    """Whether it has anything to fill in, and is the page's own."""
    return (
        form.attrs.get("method") == "post"
        and any(p.attrs.get("type") not in ("hidden", "submit", "button")
                for p in form.all("input", "textarea", "select"))
    )  # fmt: skip


def sent_back(robot: Robot, visits: Iterable[Visit], *, by_role: bool) -> list[Screen]:
    """What comes back of each form that was sent unfilled, as the first who comes there sees it, or
    the first of each role; those left out that asked for nothing."""
    found: list[Screen] = []
    done: set[tuple[str, str, str]] = set()
    known: dict[str, FlaskClient] = {}
    for visit in visits:
        for form in Reader(visit.body).root.all("form") if visit.html else ():
            action = form.attrs.get("action") or visit.path
            key = shape(visit.path), shape(action), visit.role if by_role else ""
            if key in done or action in FRAME or not _asks(form):
                continue
            done.add(key)
            if visit.email not in known:
                known[visit.email] = robot.tour.client(visit.email)
            client = known[visit.email]
            body = unfilled(form)
            body.setlist("csrf_token", [token_of(client)])
            answer = client.post(action, data=body)
            if 300 <= answer.status_code < 400:
                robot.put_back()
                known.clear()
            else:
                found.append(screen("sent back", visit.rule, visit.role, answer))
    robot.put_back()
    return found


def summary_faults(one: Screen) -> list[str]:
    """What is wrong with how a page says what is wrong: in its title, in the summary at its head,
    with a link to each field."""
    if one.status not in (409, 422):
        return [f"{one} answers {one.status}"]
    if one.status == 409:
        return []
    root = Reader(one.body).root
    heads = [
        n for n in root.all("div") if "nhsuk-error-summary" in n.attrs.get("class", "").split()
    ]
    places = {node.attrs["id"] for node in root if "id" in node.attrs}
    links = [a.attrs.get("href", "") for head in heads for a in head.all("a")]
    found = [] if one.title.startswith("Error: ") else [f"has the title {one.title}"]
    found += [] if len(heads) == 1 else [f"has {len(heads)} summaries"]
    found += [f"leads to {to}, which isn't there" for to in links if to[1:] not in places]
    return [f"{one} {what}" for what in found]
