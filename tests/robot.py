"""Somebody who fills in every form there is, and sends it in every state it can be sent in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from referral.store import Door, Sql
from tests.hostile import MARK
from tests.journeys.plain import Node, Reader, sent
from tests.tour import Tour, Visit
from tests.web.client import FRAME

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
    "email": "a.b@example.org", "happy": "5", "language": "Welsh", "members_from_outside": "1",
    "nhs_number": "", "number": "4", "ods_code": "", "opens": "9am",
    "out_of_hours_phone": "01632 960124", "phone": "01632 960123", "postcode": "BR1 2AB",
    "reference": "", "safeguarding_phone": "01632 960125", "satisfied": "5", "told_at": "9am",
    "url": "https://www.example.org", "word": "marmalade", "worthwhile": "5",
}  # fmt: skip


@dataclass
class Filled:
    """A form of a page with words in all its fields for words."""

    email: str
    page: str
    action: str
    body: MultiDict[str, Any]
    typed: dict[str, str] = field(default_factory=dict)

    def type(self, words: str) -> None:
        """Other words in all the fields for words."""
        for number, name in enumerate(self.typed, 1):
            self.typed[name] = self.body[name] = f"{number} {words}"

    def fit(self, who: str, day: date) -> None:
        """What has the best chance to be taken: this day in each date, and words like somebody's
        who is called so."""
        for name in self.typed:
            self.typed[name] = self.body[name] = FITTING.get(name, f"{who} writes this")
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
    for form in Reader(html).root.all("form"):
        action = form.attrs.get("action") or path
        if form.attrs.get("method") != "post" or action in FRAME or _asks_for_more(form):
            continue
        found = Filled(email, path, action, sent(form))
        for place in form.all("input", "textarea", "select"):
            name, kind = place.attrs.get("name", ""), place.attrs.get("type", "text")
            if place.tag == "select":
                options = [o.attrs.get("value", o.text) for o in place.all("option")]
                found.body.setdefault(name, next(filter(None, options), ""))
            elif kind == "radio":
                found.body.setdefault(name, place.attrs.get("value", "on"))
            elif (kind in WORDS or place.tag == "textarea") and _for_people(place):
                found.typed[name] = found.body[name] = f"{len(found.typed) + 1} {TYPED}"
        if found.typed:
            yield found


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
