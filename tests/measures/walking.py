"""Somebody who reads pages as text and presses what they say, counted.

fields       what a form shows to be filled in or chosen, when its button is pressed: a date, a set
             of radios or of checkboxes is one; what waits behind an answer or in a closed details
             element is shown only once it is opened; a search is no field
answers      the fields that this somebody answered
pages        the pages between the one they begin at and the one they end at
activations  links and buttons pressed, choices ticked, boxes typed into (a date has three), and
             details opened; a list to choose from is two
minutes      by the keystroke model: 8 seconds a field, 4 a page, and the time to write in
             sentences where there is some (`writing`, in seconds)"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from flask import Flask

from tests.journeys.plain import Node, PlainWalker
from tests.web.client import sign_in
from tests.world import World

A_FIELD, A_PAGE = 8, 4
BOXES = ("input", "textarea", "select")


class Counting(PlainWalker):
    """A walk that counts. It can answer only what is shown, and press only what is there."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        self.fields = self.answers = self.pages = self.activations = 0
        self.writing = 0
        self._answered: set[str] = set()

    @property
    def minutes(self) -> float:
        return (self.fields * A_FIELD + self.pages * A_PAGE + self.writing) / 60

    def _fill(self, name: str, value: Any) -> None:
        if not isinstance(value, date):
            assert self.has(name), f"no {name!r} on {self.url}: {self.words}"
            box = self._fields(name)[0]
            self._open(box)
            assert shown(box), f"{name!r} isn't shown on {self.url}"
            self.activations += len(value) if isinstance(value, list) else 1
            self.activations += box.tag == "select"
            self._answered.add(base(name))
        super()._fill(name, value)

    def _open(self, box: Node) -> None:
        folded = box.inside("details")
        if folded is not None and "open" not in folded.attrs:
            folded.attrs["open"] = ""
            self.activations += 1

    def press(self, words: str) -> Counting:
        """Press a button or a link, by its words or by how they begin."""
        there = [n for n in self.main.all("button", "a") if n.text == words]
        there += [n for n in self.main.all("button", "a") if n.text.startswith(words)]
        assert there, f"no {words!r} on {self.url}: {self.words}"
        self.activations += 1
        self.pages += 1
        if there[0].tag == "a":
            self._answered.clear()
            self.go(there[0].attrs["href"])
            return self
        form = there[0].inside("form")
        if form is not None and form.attrs.get("method") == "post":
            self.fields += len(fields_of(form))
            self.answers += len(self._answered)
        self._answered.clear()
        self._send(there[0])
        assert not self.problems, f"{words!r} came to {self.url}: {self.problems}"
        return self

    def ended(self) -> Counting:
        """The page one ends at is no page on the way."""
        self.pages -= 1
        return self


def begin(w: World, who: str, path: str) -> Counting:
    """A member of the world at the page they begin at, which isn't counted."""
    return at_work(sign_in(w, who).client, path)


def at_work(client: Any, path: str) -> Counting:
    """The same for a client that is signed in already, or has no need to be."""
    walk = Counting(client.application)
    walk.client = client
    walk.go(path)
    return walk


def base(name: str) -> str:
    """The field that a box is a part of."""
    return re.sub(r"-(day|month|year)$", "", name)


def fields_of(form: Node) -> set[str]:
    """What a form shows, by name."""
    return {
        base(box.attrs["name"])
        for box in form.all(*BOXES)
        if box.attrs.get("type") != "hidden" and box.attrs.get("name") and shown(box)
    }


def shown(box: Node) -> bool:
    """Whether one sees it: not in a closed details element, nor behind an answer not given."""
    node = box.parent
    while node is not None:
        if node.tag == "details" and "open" not in node.attrs:
            return False
        if "__conditional" in node.attrs.get("class", "") and not _asked_for(node):
            return False
        node = node.parent
    return True


def _asked_for(conditional: Node) -> bool:
    form = conditional.inside("form")
    return form is not None and any(
        "checked" in box.attrs and box.attrs.get("data-aria-controls") == conditional.attrs["id"]
        for box in form.all("input")
    )
