"""A browser without a screen, signed in as a member of the test world.

    visitor = sign_in(w, "priya")
    page = visitor.get("/referrals")
    page = visitor.fill("/referrals/1/accept", first_contact="...")   # get, fill in, press
    assert "Accepted" in page.text

The tokens against forged requests are never switched off: a form is fetched before it is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from tests.world import World
from web.app import MODULES, App, create_app
from web.edge import Edge
from web.settings import Settings
from web.signed_in import start_session

SECRET = "only for tests, and long enough to pass"
HTTPS = Settings(secret_key=SECRET, public_url="https://localhost")
HTTP = Settings(secret_key=SECRET, public_url="http://localhost")
# Pages of the tests' own, beside the real ones.
SAMPLE = "tests.web.sample"
_apps: dict[str, App] = {}
# The forms that stand on every page.
FRAME = frozenset({"/sign-out", "/search", "/stay-signed-in", "/mine/stay", "/larger", "/language"})


def app_of(w: World, settings: Settings = HTTP) -> App:
    """The application over this world, at the world's time. One application serves every test, for
    its templates are slow to build; each test gives it its own store."""
    edge = Edge(w.store, lambda: w.at)
    if settings.public_url not in _apps:
        _apps[settings.public_url] = create_app(edge, settings, modules=(*MODULES, SAMPLE))
    app = _apps[settings.public_url]
    app.extensions["segue"].edge = edge
    return app


class Fields(HTMLParser):
    """The forms of a page, with what stands in their fields."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []
        self._area: str | None = None
        self._select: str | None = None
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        name, value = said.get("name") or "", said.get("value") or ""
        if tag == "form":
            self._inside = said.get("method") == "post"
            if self._inside:
                self.forms.append((said.get("action") or "", []))
        elif not self._inside:
            return
        elif tag == "input" and name:
            if said.get("type") not in ("radio", "checkbox") or "checked" in said:
                self.forms[-1][1].append((name, value))
        elif tag == "textarea":
            self._area = name
            self.forms[-1][1].append((name, ""))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in said:
            self.forms[-1][1].append((self._select, value))

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            name, before = self.forms[-1][1][-1]
            self.forms[-1][1][-1] = (name, before + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea":
            self._area = None
        elif tag == "select":
            self._select = None


@dataclass
class Page:
    """What came back."""

    response: TestResponse
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = self.response.get_data(as_text=True)

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def path(self) -> str:
        """Where one is, after the redirects."""
        return self.response.request.path

    @property
    def words(self) -> str:
        """What people read, without markup, in one line."""
        text = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", self.text, flags=re.S)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())

    @property
    def banner(self) -> str:
        """What the banner says, if there is one."""
        found = re.search(r"nhsuk-notification-banner__content(.*?)</div>", self.text, re.S)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[1])).split()[1:]) if found else ""

    @property
    def forms(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """(action, fields) of each form that posts, those of the frame left out."""
        fields = Fields()
        fields.feed(self.text)
        return [form for form in fields.forms if form[0] not in FRAME]


class Visitor:
    """One browser with its cookies."""

    def __init__(self, app: Flask, https: bool = False) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()
        self.base = "https://localhost" if https else "http://localhost"

    def get(self, path: str, follow: bool = True, **more: Any) -> Page:
        """A page; redirects are followed unless told."""
        return Page(self.client.get(path, base_url=self.base, follow_redirects=follow, **more))

    def post(
        self, path: str, data: Any = None, follow: bool = True, token: bool = True, **more: Any
    ) -> Page:
        """Send fields without having fetched the page: with a good token unless told."""
        fields = list((data or {}).items()) if isinstance(data, dict) or data is None else data
        body: dict[str, Any] = {}
        for name, value in fields:
            body[name] = value
        if token:
            body["csrf_token"] = self.token()
        return Page(
            self.client.post(path, data=body, base_url=self.base, follow_redirects=follow, **more)
        )

    def fill(self, path: str, follow: bool = True, form: int = 0, **answers: Any) -> Page:
        """Fetch a page, fill in its form, press its button. `born__day` fills `born-day`."""
        page = self.get(path)
        assert page.status == 200, f"{path} answers {page.status}"
        return self.send(page, form=form, follow=follow, **answers)

    def send(self, page: Page, follow: bool = True, form: int = 0, **answers: Any) -> Page:
        """Fill in a form of a page one has, and press its button."""
        action, fields = page.forms[form]
        given = {name.replace("__", "-"): value for name, value in answers.items()}
        body: dict[str, Any] = {}
        for name, value in fields:
            body.setdefault(name, []).append(value)
        body.update({n: v if isinstance(v, list) else [v] for n, v in given.items()})
        return Page(
            self.client.post(
                action or page.path,
                data=body,
                base_url=self.base,
                follow_redirects=follow,
            )
        )

    def token(self) -> str:
        """A good token against forged requests, for this browser's session."""
        return token_of(self.client, self.base)


def token_of(client: FlaskClient, base: str = "http://localhost") -> str:
    """A good token against forged requests, for this client's session."""
    with client.session_transaction(base_url=base) as kept:
        raw = kept.setdefault("csrf_token", "0" * 40)
    secret = str(client.application.config["SECRET_KEY"])
    made = URLSafeTimedSerializer(secret, salt="wtf-csrf-token").dumps(raw)
    return made.decode() if isinstance(made, bytes) else made


def visit(w: World, settings: Settings = HTTP) -> Visitor:
    """Somebody who isn't signed in."""
    return Visitor(app_of(w, settings), settings.https)


def sign_in(w: World, who: str, settings: Settings = HTTP) -> Visitor:
    """A member of the world, signed in."""
    visitor = visit(w, settings)
    actor = w.actor[who]
    with w.store.begin(actor) as tx:
        token = start_session(tx, actor, w.at)
    with visitor.client.session_transaction(base_url=visitor.base) as kept:
        kept["_user_id"] = token
        kept["_fresh"] = True
    return visitor


__all__ = ["Page", "Visitor", "app_of", "sign_in", "visit"]
