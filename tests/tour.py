"""Everybody in the demo's story opens every page their own pages lead to, link by link."""

from __future__ import annotations

import gzip
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Set
from contextlib import nullcontext
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from referral.members import actor_of
from referral.store import Sql, Store
from referral.upgrade import upgrade
from tests.counting import counted
from tests.hostile import plain_words_do_harm, sealed_words_do_harm
from tests.web.client import HTTP
from web import signed_in, worker
from web.demo import cast
from web.demo.clock import WoundClock
from web.demo.pages import make_app
from web.demo.story import tell
from web.edge import Edge, now
from web.residents import load_text as who_lives_here
from workflows.engine import move_tables

A_MONDAY = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
MEMBERS = Sql(
    "SELECT CAST(m.id AS text), u.email, m.role FROM membership m"
    " JOIN app_user u ON u.id = m.user_id WHERE u.active AND m.ended_at IS NULL"
    " ORDER BY m.role, u.email"
)
LINK = re.compile(r'<a\b[^>]*?\shref="(/[^"#]*)')
START = ("/", "/notices", "/help", "/accessibility", "/privacy")
# Pages with a form that lead on all the same, where there is something to be led to.
LEADING_ON = {
    "/people/<uuid:person_id>",
    "/places/<uuid:place_id>/rota",
    "/referrals/<uuid:record_id>",
    "/referrals/<uuid:record_id>/documents",
    "/referrals/<uuid:record_id>/messages",
    "/referrals/<uuid:record_id>/outcomes",
    "/sessions/<uuid:activity_id>/<day>",
}


def tell_story(store: Store) -> None:
    """The demo's story, as it was on a Monday in November."""
    tell(store, A_MONDAY, "x", lambda moment: worker.sweep_all(Edge(store, lambda: moment)))
    who_lives_here(Edge(store, lambda: A_MONDAY), "saltmere.csv", cast.RESIDENTS, cast.SYSTEM)


class Visit(NamedTuple):
    """A page somebody came to: by which rule of the application it answers, who, and from where."""

    rule: str
    role: str
    email: str
    path: str
    came_from: str
    status: int
    html: bool
    body: str = ""
    policy: str = ""  # of its content
    statements: int = 0  # sent to the store for it

    @property
    def size(self) -> int:
        """Bytes of what was sent, compressed."""
        return len(gzip.compress(self.body.encode(), 6))

    @property
    def is_form(self) -> bool:
        """Whether it has a form to send and a way back."""
        _, _, main = self.body.partition("<main")
        return "nhsuk-back-link" in self.body and 'method="post"' in main

    @property
    def red(self) -> bool:
        """Whether whom to ring about a concern stands at its head."""
        return "app-unseen" in self.body


class Tour:
    """The story, told into a store of its own, and the application over it; or the application
    over a store in which it was told. `hostile`: with words that would do harm behind all that
    people wrote."""

    def __init__(
        self, folder: Path, told_in: Store | None = None, *, hostile: bool = False
    ) -> None:
        self.store = told_in or Store(f"sqlite:///{folder / 'story.db'}")
        if told_in is None:
            upgrade(self.store, A_MONDAY, move_tables())
            with sealed_words_do_harm() if hostile else nullcontext():
                tell_story(self.store)
        if hostile:
            assert all(plain_words_do_harm(self.store).values())
        self.app: Flask = make_app(
            Edge(self.store, lambda: A_MONDAY), HTTP, WoundClock(folder / "story.clock")
        )
        with self.store.read() as tx:
            self.members: list[tuple[str, str, str]] = [
                (row[0], row[1], row[2]) for row in tx.rows(MEMBERS)
            ]

    def sign_in(self, membership: str) -> FlaskClient | None:
        """A client of this member's own; None when they have left."""
        with self.store.begin() as tx:
            actor = actor_of(tx, membership, A_MONDAY)
            token = signed_in.start_session(tx, actor, now()) if actor else None
        if token is None:
            return None
        client = self.app.test_client()
        with client.session_transaction() as kept:
            kept["_user_id"], kept["_fresh"] = token, True
        return client

    def client(self, email: str) -> FlaskClient:
        """A client of the member with this address."""
        membership = next(m for m, who, _role in self.members if who == email)
        client = self.sign_in(membership)
        assert client is not None
        return client

    def cookie(self, email: str, address: str) -> Any:
        """A member's session, for a browser."""
        client = self.client(email)
        client.get("/help")  # which gives the cookie its name
        kept = client.get_cookie("segue")
        assert kept is not None
        return {"name": "segue", "value": kept.value, "url": address}

    def rules(self) -> set[str]:
        """Every page there is: what answers a GET and is no API."""
        return {
            rule.rule
            for rule in self.app.url_map.iter_rules()
            if "GET" in (rule.methods or ()) and not rule.rule.startswith(("/api/", "/static/"))
        }

    def walk(self, each: int, *, all_forms: bool = True) -> Iterator[Visit]:
        """Everybody's walk: at most so many pages of one rule for each of them. Without `all_forms`
        a form that leads nowhere but back is opened for the first of each role alone: they are a
        third of all pages, and take longest to make."""
        opened = set[tuple[str, str]]()
        for membership, email, role in self.members:
            client = self.sign_in(membership)
            if client is not None:
                left_out = {rule for rule, whose in opened if whose == role} - LEADING_ON
                for visit in self._walk(client, email, role, each, left_out):
                    if not all_forms and visit.is_form:
                        opened.add((visit.rule, role))
                    yield visit

    def _walk(
        self, client: FlaskClient, email: str, role: str, each: int, left_out: Set[str]
    ) -> Iterator[Visit]:
        adapter = self.app.url_map.bind("localhost")
        seen, been = set(START), Counter[str]()
        todo = deque((path, "") for path in START)
        while todo:
            path, came_from = todo.popleft()
            try:
                rule, _ = adapter.match(urlsplit(path).path, method="GET", return_rule=True)
            except (HTTPException, RequestRedirect):
                yield Visit("", role, email, path, came_from, 404, html=False)
                continue
            beside = rule.rule.startswith("/static/") or rule.rule in left_out
            if beside or been[rule.rule] >= each:
                continue
            been[rule.rule] += 1
            with counted() as sent:
                answer = client.get(path)
            html = answer.mimetype == "text/html" and answer.status_code == 200
            body = answer.get_data(as_text=True) if html else ""
            policy = answer.headers.get("Content-Security-Policy", "")
            yield Visit(
                rule.rule, role, email, path, came_from, answer.status_code, html,
                body, policy, len(sent),
            )  # fmt: skip
            found = LINK.findall(body)
            if 300 <= answer.status_code < 400:
                found = [answer.headers["Location"]]
            for link in map(unescape, found):
                if link not in seen:
                    seen.add(link)
                    todo.append((link, path))

    def close(self) -> None:
        self.store.dispose()


def by_person(visits: Iterable[Visit]) -> list[tuple[str, list[Visit]]]:
    """The visits of each person, by their e-mail."""
    found: dict[str, list[Visit]] = {}
    for visit in visits:
        found.setdefault(visit.email, []).append(visit)
    return sorted(found.items())
