"""Somebody who fills in every form there is, and sends it in every state it can be sent in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from referral.store import Door, Sql
from tests.hostile import HARM, MARK
from tests.journeys.plain import Node, Reader, sent
from tests.tour import A_MONDAY, Tour, Visit
from tests.web.client import FRAME
from web.raised_outside import opened_at

# Fields for a line or more of somebody's own words.
WORDS = frozenset({"text", "search", "tel", "email", "url"})
# What belongs to a date or a time is sent as it stands.
TYPED = f"""words "'>{MARK}"1">&amp; \u05e9\u05dc\u05d5\u05dd \U0001f3ad"""
NOT_WORDS = ("-day", "-month", "-year", "-hour", "-minute")
# Ten thousand characters, none of which lets a line break.
LONG = TYPED + "x" * (10_000 - len(TYPED))
# What somebody types who fills in a form to have it taken, where not any words will do.
FITTING = {
    "anxious": "5", "asks": "Can you climb stairs?", "capacity": "40", "closes": "5pm",
    "email": "a.b@example.org", "happened_at": "9am", "happy": "5", "language": "Welsh",
    "members_from_outside": "1",
    "nhs_number": "", "number": "4", "ods_code": "", "opens": "9am",
    "out_of_hours_phone": "01632 960124", "phone": "01632 960123", "postcode": "BR1 2AB",
    "reference": "", "safeguarding_phone": "01632 960125", "satisfied": "5",
    "through_phone": "01632 960126", "told_at": "9am",
    "url": "https://www.example.org", "word": "marmalade", "worthwhile": "5",
}  # fmt: skip


NOTHING: Mapping[str, str] = {}
# Buttons that don't send what was filled in.
ELSEWHERE = frozenset({"again", "back"})
# Whom a form asks for by a reference or a number: somebody of the team of whoever sends it, or of
# no team of theirs.
SOMEBODY = Sql(
    "SELECT p.reference FROM person p JOIN membership m ON CAST(m.id AS text) = :member"
    " WHERE p.erased_at IS NULL AND CAST(p.id AS text) <> :not_this"
    " AND (p.organisation_id = m.organisation_id) = :own ORDER BY p.id LIMIT 1"
)
OF_ANOTHER_TEAM = frozenset({"/emergencies/open", "/inquiries", "/retention/holds"})


@dataclass
class Filled:
    """A form of a page with words in all its fields for words."""

    email: str
    page: str
    action: str
    body: MultiDict[str, Any]
    typed: dict[str, str] = field(default_factory=dict)
    # What can be chosen where nothing is: the choices of each list and of each group of boxes.
    lists: dict[str, str] = field(default_factory=dict)
    boxes: dict[str, list[str]] = field(default_factory=dict)
    # What stood in it.
    stood: dict[str, str] = field(default_factory=dict)
    # What its button says besides: ("sure", "yes").
    button: tuple[str, str] | None = None
    fitted: tuple[str, date, Mapping[str, str]] = ("", date.min, NOTHING)

    def type(self, words: str) -> None:
        """Other words in all the fields for words."""
        for number, name in enumerate(self.typed, 1):
            self.typed[name] = self.body[name] = f"{number} {words}"

    def fit(self, who: str, day: date, known: Mapping[str, str] = NOTHING) -> None:
        """What has the best chance to be taken: this day in each date, words like somebody's who is
        called so, or what is `known`, the first of each list, and two of each group of boxes."""
        self.fitted = who, day, known
        for name in self.typed:
            words = known.get(name, FITTING.get(name, f"{who} writes this"))
            if name == "number" and self.stood[name].isdecimal():
                number = int(self.stood[name])
                words = str(number - 1 if number > 1 else number + 1)
            self.typed[name] = self.body[name] = words
        for name, value in self.lists.items():
            self.body[name] = self.body.get(name) or value
        for name, values in self.boxes.items():
            if name not in self.body and len(values) > 1:
                self.body.setlist(name, values[:2])
        for name in known.keys() & self.body.keys():
            self.body[name] = known[name]
        for name in list(self.body):
            for part in ("day", "month", "year"):
                if name.endswith(f"-{part}"):
                    self.body[name] = str(getattr(day, part))

    def lost_on(self, html: str) -> set[str]:
        """The fields whose words are not on this page any more, as they were typed."""
        there = MultiDict[str, Any]()
        for form in Reader(html).root.all("form"):
            there.update(sent(form))
        return self.lost_among(there.items(multi=True))

    def lost_among(self, fields: Iterable[tuple[str, Any]]) -> set[str]:
        """The fields whose words are not among these."""
        there = {(name, str(value).replace("\r\n", "\n").strip()) for name, value in fields}
        return {name for name, words in self.typed.items() if (name, words) not in there}


def forms(html: str, path: str, email: str) -> Iterator[Filled]:
    """The forms that are a page's own, with words in them, and the first of each choice chosen;
    those that ask for no words are left out."""
    for form in Reader(html).root.all("form", method="post"):
        action = form.attrs.get("action") or path
        if action not in FRAME and not _asks_for_more(form):
            found = filled(form, path, email)
            if found.typed:
                yield found


def filled(form: Node, path: str, email: str) -> Filled:
    """A form with words in all its fields for words, and the first of each choice chosen."""
    found = Filled(email, path, form.attrs.get("action") or path, sent(form))
    for place in form.all("input", "textarea", "select", "button"):
        name, kind = place.attrs.get("name", ""), place.attrs.get("type", "text")
        if place.tag == "select":
            options = [o.attrs.get("value", o.text) for o in place.all("option")]
            found.lists[name] = next(filter(None, options), "")
            found.body.setdefault(name, found.lists[name])
        elif kind == "submit" or place.tag == "button":
            if name and name not in ELSEWHERE and found.button is None:
                found.button = name, place.attrs.get("value", "")
        elif kind == "checkbox":
            found.boxes.setdefault(name, []).append(place.attrs.get("value", "on"))
        elif kind == "radio":
            found.body.setdefault(name, place.attrs.get("value", "on"))
        elif (kind in WORDS or place.tag == "textarea") and _for_people(place):
            found.stood[name] = str(found.body.get(name, ""))
            found.typed[name] = found.body[name] = f"{len(found.typed) + 1} {TYPED}"
    return found


def _for_people(place: Node) -> bool:
    """What no key comes to is there to catch programs."""
    name = place.attrs.get("name", "")
    return bool(name) and not name.endswith(NOT_WORDS) and place.attrs.get("tabindex") != "-1"


def _asks_for_more(form: Node) -> bool:
    """A file or a password: neither is ever sent back."""
    return any(i.attrs.get("type") in ("file", "password") for i in form.all("input"))


def shape(path: str) -> str:
    """A path without the ids in it."""
    return re.sub(r"/[0-9a-f]{8}-[0-9a-f-]{27}(?=/|$)", "/*", urlsplit(path).path)


class Robot:
    """Sends forms over a store that is put back as it was."""

    def __init__(self, tour: Tour, folder: Path) -> None:
        self.tour = tour
        self.file, self.master = folder / "story.db", folder / "master.db"
        with tour.store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        tour.store.dispose()
        shutil.copy(self.file, self.master)

    def every_form(self, visits: Iterable[Visit], by_role: bool) -> list[tuple[Visit, str]]:
        """Where each form stands: one page for each address that forms are sent to, as the first
        who comes there sees it; or the first of each role."""
        found: dict[tuple[str, ...], tuple[Visit, str]] = {}
        for visit in visits:
            for form in forms(visit.body, visit.path, visit.email) if visit.html else ():
                key = (shape(visit.path), shape(form.action), visit.role if by_role else "")
                found.setdefault(key, (visit, form.action))
        return list(found.values())

    def at(self, visit: Visit, action: str) -> tuple[FlaskClient, Filled]:
        """A new browser with this page open, and its form filled in."""
        membership = next(m for m, who, _role in self.tour.members if who == visit.email)
        client = self.tour.sign_in(membership)
        assert client is not None
        html = client.get(visit.path).get_data(as_text=True)
        return client, next(
            form for form in forms(html, visit.path, visit.email) if form.action == action
        )

    def fit(self, form: Filled, who: str, day: date) -> None:
        """Fill in a form so that it may be taken."""
        form.fit(who, day, self._known(form))

    def send(self, client: FlaskClient, form: Filled) -> TestResponse:
        """Send a form that was filled in, and answer whatever is asked next."""
        answer = client.post(form.action, data=form.body)
        for _page in range(3):
            html = answer.get_data(as_text=True) if answer.status_code == 200 else ""
            found = Reader(html).root.all("form", method="post")
            asked = [f for f in found if f.attrs.get("action", form.action) == form.action]
            if not asked:
                break
            more = filled(asked[0], form.page, form.email)
            more.fit(*form.fitted)
            if more.button:
                more.body[more.button[0]] = more.button[1]
            answer = client.post(form.action, data=more.body)
        return answer

    def _known(self, form: Filled) -> dict[str, str]:
        """What a form asks for that is written nowhere on its page."""
        if form.action == "/referrals/new":
            return {"nhs_number": "9990000107"}
        if form.action.endswith("/passages"):
            return {"words": HARM.split()[-1]}  # stands in all that was written freely
        if "opened" in form.body:
            with self.tour.app.app_context():
                return {"opened": opened_at(A_MONDAY - timedelta(minutes=5))}
        if "reference" not in form.body:
            return {}
        beside = re.search(r"/people/([0-9a-f-]{36})", form.action)
        with self.tour.store.read(door=Door.WHOLE) as tx:
            row = tx.row(
                SOMEBODY,
                member=next(m for m, who, _role in self.tour.members if who == form.email),
                not_this=beside[1] if beside else "",
                own=form.action not in OF_ANOTHER_TEAM,
            )
        return {"reference": row[0]} if row else {}

    def put_back(self) -> None:
        """The store as it was before anything was sent."""
        self.tour.store.dispose()
        for beside in ("-wal", "-shm"):
            self.file.with_name(self.file.name + beside).unlink(missing_ok=True)
        shutil.copy(self.master, self.file)

    def steps(self) -> int:
        """How much has been done in the store."""
        with self.tour.store.read(door=Door.WHOLE) as tx:
            return int(tx.rows(Sql("SELECT count(*) FROM step"))[0][0])

    def end_sign_ins(self) -> None:
        """Nobody is signed in any more."""
        with self.tour.store.begin(door=Door.WHOLE) as tx:
            tx.run(Sql("UPDATE sign_in SET revoked_at = seen_at"))
