"""Somebody who reads the pages as text and sends their forms: the same walk without a browser, for
where it is about what the pages and the database do, and not about what a browser does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.datastructures import MultiDict

from tests.journeys.walking import Walk

EMPTY = frozenset({"br", "hr", "img", "input", "link", "meta", "source", "wbr"})
UNSEEN = frozenset({"head", "script", "style", "template"})


class Node:
    """An element of a page, with what somebody has done to it."""

    def __init__(self, tag: str, attrs: dict[str, str], parent: Node | None) -> None:
        self.tag, self.attrs, self.parent = tag, attrs, parent
        self.children: list[Node | str] = []

    def __iter__(self) -> Iterator[Node]:
        for child in self.children:
            if isinstance(child, Node):
                yield child
                yield from child

    def all(self, *tags: str, **attrs: str) -> list[Node]:
        return [
            node
            for node in self
            if node.tag in tags and all(node.attrs.get(n) == v for n, v in attrs.items())
        ]

    def inside(self, *tags: str) -> Node | None:
        node: Node | None = self
        while node is not None and node.tag not in tags:
            node = node.parent
        return node

    @property
    def raw(self) -> str:
        parts = (c if isinstance(c, str) else c.raw for c in self.children)
        return (
            "" if self.tag in UNSEEN else "".join(parts) if self.inline else f" {''.join(parts)} "
        )

    @property
    def inline(self) -> bool:
        return self.tag in ("a", "abbr", "b", "code", "em", "span", "strong")

    @property
    def text(self) -> str:
        return " ".join(self.raw.split())


class Reader(HTMLParser):
    """Makes a tree of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = self.now = Node("#page", {}, None)
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs}, self.now)
        self.now.children.append(node)
        if tag not in EMPTY:
            self.now = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.now.children.append(Node(tag, {n: v or "" for n, v in attrs}, self.now))

    def handle_endtag(self, tag: str) -> None:
        found = self.now.inside(tag)
        if found is not None and found.parent is not None:
            self.now = found.parent

    def handle_data(self, data: str) -> None:
        self.now.children.append(data)


def sent(form: Node) -> MultiDict[str, Any]:
    """What a form would send as it stands."""
    found: MultiDict[str, Any] = MultiDict()
    for field in form.all("input", "textarea", "select"):
        name, kind = field.attrs.get("name"), field.attrs.get("type", "text")
        if not name or "disabled" in field.attrs or kind in ("submit", "button"):
            continue
        if kind == "file":
            if "value" in field.attrs:
                path = Path(field.attrs["value"])
                found.add(name, (path.open("rb"), path.name))
        elif field.tag == "select":
            options = field.all("option")
            chosen = [o for o in options if "selected" in o.attrs] or options[:1]
            for option in chosen[-1:]:
                found.add(name, option.attrs.get("value", option.text))
        elif field.tag == "textarea":
            found.add(name, field.attrs.get("value", field.raw.strip()))
        elif kind not in ("radio", "checkbox") or "checked" in field.attrs:
            found.add(name, field.attrs.get("value", "on" if kind == "checkbox" else ""))
    return found


class PlainWalker(Walk):
    """One person with one client of their own."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.at_url = "/"
        self.page = Node("#page", {}, None)

    @classmethod
    def at(cls, app: Flask) -> PlainWalker:
        return cls(app)

    def leave(self) -> None:
        """Nothing is kept open."""

    def _came(self, answer: Any) -> None:
        assert answer.status_code < 500, (answer.request.path, answer.status_code)
        self.at_url = answer.request.full_path.rstrip("?")
        self.page = Reader(answer.get_data(as_text=True)).root

    def go(self, path: str) -> PlainWalker:
        self._came(self.client.get(path, follow_redirects=True))
        return self

    @property
    def url(self) -> str:
        return self.at_url

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def words(self) -> str:
        return self.page.text

    def _first(self, css_class: str) -> str:
        for node in self.page:
            if css_class in node.attrs.get("class", "").split():
                return node.text
        return ""

    @property
    def banner(self) -> str:
        return self._first("nhsuk-notification-banner__content")

    @property
    def problems(self) -> str:
        return self._first("nhsuk-error-summary")

    @property
    def main(self) -> Node:
        return self.page.all("main")[0]

    def _fields(self, name: str) -> list[Node]:
        return self.main.all("input", "textarea", "select", name=name)

    def has(self, name: str) -> bool:
        return bool(self._fields(name))

    def codes(self, name: str) -> list[str]:
        found = [
            option.attrs.get("value", "")
            for field in self._fields(name)
            for option in (field.all("option") if field.tag == "select" else [field])
        ]
        assert found, f"no {name!r} on {self.url}: {self.words}"
        return found

    def kind(self, name: str) -> str:
        field = self._fields(name)[0]
        return field.attrs.get("type") or field.tag

    def beside(self, label: str) -> str:
        for row in self.page:
            if "nhsuk-summary-list__row" in row.attrs.get("class", "") and label in row.text:
                return row.all("dd")[0].text
        raise AssertionError(f"no {label!r} on {self.url}: {self.words}")

    def _fill(self, name: str, value: Any) -> None:
        if isinstance(value, date):
            for part in ("day", "month", "year"):
                self._fill(f"{name}-{part}", str(getattr(value, part)))
            return
        fields = self._fields(name)
        assert fields, f"no {name!r} on {self.url}: {self.words}"
        kind = fields[0].attrs.get("type", "text")
        if kind in ("radio", "checkbox"):
            for code in value if isinstance(value, list) else [value]:
                chosen = [f for f in fields if code is True or f.attrs.get("value") == code]
                assert chosen, f"no {name!r} with {code!r} on {self.url}"
                if kind == "radio":
                    for field in fields:
                        field.attrs.pop("checked", None)
                chosen[0].attrs["checked"] = ""
        elif fields[0].tag == "select":
            for option in fields[0].all("option"):
                option.attrs.pop("selected", None)
                if option.attrs.get("value") == str(value):
                    option.attrs["selected"] = ""
        else:
            fields[0].attrs["value"] = str(value)

    def press(self, words: str) -> PlainWalker:
        buttons = [b for b in self.main.all("button") if b.text == words]
        if buttons:
            return self._send(buttons[0])
        links = [a for a in self.main.all("a") if a.text == words]
        there = [n.text for n in self.main.all("button", "a")]
        assert links, f"no {words!r} on {self.url}, only {there}: {self.words}"
        return self.go(links[0].attrs["href"])

    def press_the_button(self) -> PlainWalker:
        frame = ("/stay-signed-in", "/search")
        found = [
            button
            for button in self.main.all("button")
            if (form := button.inside("form")) and form.attrs.get("action") not in frame
        ]
        assert found, f"no button on {self.url}: {self.words}"
        return self._send(found[-1])

    def _send(self, button: Node) -> PlainWalker:
        form = button.inside("form")
        assert form is not None, button.text
        said = sent(form)
        if button.attrs.get("name"):
            said.add(button.attrs["name"], button.attrs.get("value", ""))
        path = form.attrs.get("action") or self.url
        if form.attrs.get("method", "get").lower() == "post":
            kind = form.attrs.get("enctype") or "application/x-www-form-urlencoded"
            self._came(self.client.post(path, data=said, content_type=kind, follow_redirects=True))
        else:
            query = re.sub(r"\?.*", "", path)
            self._came(self.client.get(query, query_string=said, follow_redirects=True))
        return self

    def fits(self) -> bool:
        return True
