"""How hard each page is to read: the grade of a school in the United States at which its sentences
are read, by the formula of Flesch and Kincaid (J. P. Kincaid, R. P. Fishburne, R. L. Rogers and
B. S. Chissom, Research Branch Report 8-75, Naval Technical Training Command, 1975).

What is counted is what people read in the main part of real pages, template by template, each
different sentence once. A label, a button or a cell of fewer than four words is no sentence, nor is
a list of names. What somebody wrote themselves, codes, numbers and dates aren't ours to make
easier; a name counts as a word of two syllables, however it is spelt."""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path

from flask import Flask, Response, template_rendered
from jinja2 import Template

from referral.states import Role
from referral.store import Store
from referral.upgrade import upgrade
from tests.databases import BUILT
from tests.measures.table import Measure
from tests.tour import Tour
from tests.web.client import app_of
from tests.world import World, build
from workflows.engine import move_tables

LEAST = 4  # words of a sentence

# -- syllables ----------------------------------------------------------------------------------

_GROUP = re.compile(r"[aeiouy]+")
# Vowels side by side that are spoken apart, and what is spoken between consonants.
_APART = re.compile(
    r"(?<![tscgx])i[ao]|(?<=[^tscg])iu|(?<![peg])eo(?!u)|ua[lrt]|ui[nt]|[aeou]ing|iety?$|ier$"
    r"|eate|eati|[aeo]y[aeiou]|sm$|n't$"
)
# An e that is written and not spoken.
_SILENT = re.compile(
    r"(?<![aeiou])(?<![^aeiouy]l)e$|(?<![aeioutd])ed$|(?<![aeioucgsxz])(?<![sc]h)(?<![^aeiouy]l)es$"
    r"|e(?:ly|ful|less|ment|ness|where|guard)"
)
# Where these come out wrong: with them, every word of the story's pages that the CMU Pronouncing
# Dictionary (1.1.3) has was counted as there.
_EXACT = {
    1: "can't don't won't quinn",
    2: "centres choir colleague colleagues elsewhere evening guidelines handled heating leonard"
    " place's quarter rely safeguard safety sideways someone someone's something somewhere treated"
    " uk wednesday wednesdays",
    3: "agreement anyone area areas everything idea ideas loneliness quality safeguarding somebody"
    " somebody's theatre whoever nhs dbs csv pdf",
    4: "disagreement everybody experience",
    5: "experiencing",
}
_OF_WORD = {word: count for count, words in _EXACT.items() for word in words.split()}


def syllables(word: str) -> int:
    """How many syllables an English word has."""
    plain = word.lower().replace("’", "'")
    if plain in _OF_WORD:
        return _OF_WORD[plain]
    plain = plain.removesuffix("'s")
    spoken = len(_GROUP.findall(plain)) + len(_APART.findall(plain)) - len(_SILENT.findall(plain))
    return max(1, spoken)


# -- what people read ---------------------------------------------------------------------------

_BLOCKS = (
    "address article aside br button dd details div dl dt fieldset figure footer form h1 h2 h3 h4"
    " header label legend li main nav ol option p section summary table tbody td th thead tr ul"
)
# Written by somebody, or to be copied: not ours to make easier.
_NOT_READ = "blockquote code pre script select style svg textarea time"
_VOID = "br hr img input link meta wbr path circle"
BLOCKS, NOT_READ, VOID = (frozenset(tags.split()) for tags in (_BLOCKS, _NOT_READ, _VOID))
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_END = re.compile(r"[.:;?!]+(?=\s|$)|\s[–·|×]\s|[()]")


class _Reading(HTMLParser):
    """The blocks of text in the main part of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = [""]
        self.inside: list[tuple[str, bool]] = []
        self.main = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        block = tag in BLOCKS or (tag == "a" and "button" in (said.get("class") or ""))
        if block:
            self.blocks.append("")
        if tag == "main":
            self.main = True
        if tag not in VOID:
            self.inside.append((tag, block))

    def handle_endtag(self, tag: str) -> None:
        while self.inside:
            was, block = self.inside.pop()
            if block:
                self.blocks.append("")
            if was == tag:
                break
        if tag == "main":
            self.main = False

    def handle_data(self, data: str) -> None:
        if self.main:
            out = any(tag in NOT_READ for tag, _block in self.inside)
            self.blocks[-1] += " 0 " if out else data


def sentences(html: str) -> Iterator[tuple[str, ...]]:
    """The words of each sentence in the main part of a page."""
    reading = _Reading()
    reading.feed(html)
    for block in reading.blocks:
        for sentence in _END.split(" ".join(block.split())):
            words = tuple(
                word
                for token in sentence.split()
                if not re.search(r"\d|@|://|\.\w", token)
                for word in _WORD.findall(token)
            )
            named = sum(word[0].isupper() for word in words)
            if len(words) >= LEAST and named <= len(words) / 2:
                yield words


def grade(found: Iterable[tuple[str, ...]], names: frozenset[str] = frozenset()) -> float:
    """The grade at which these sentences are read; `names` are words of two syllables."""
    heard = [[2 if word in names else syllables(word) for word in words] for words in found]
    words = sum(len(one) for one in heard)
    if not words:
        return 0.0
    spoken = sum(sum(one) for one in heard)
    return 0.39 * words / len(heard) + 11.8 * spoken / words - 15.59


# -- whose pages they are -----------------------------------------------------------------------

FOR_PERSON, FOR_PROVIDER, FOR_STAFF = 5.0, 7.0, 9.0
SHOWN = 3  # how many of the hardest stand in the table
Drawn = dict[str, set[tuple[str, ...]]]


class Drawing:
    """The sentences of each template an application draws, by the readers of the page."""

    def __init__(self, app: Flask) -> None:
        self.found: dict[str, Drawn] = defaultdict(lambda: defaultdict(set))
        self._last: tuple[str, str] | None = None
        self._drawn = ""
        self._app = app
        template_rendered.connect(self._draws, app)
        app.after_request_funcs.setdefault(None, []).append(self._answers)

    def _draws(self, app: Flask, template: Template, **more: object) -> None:
        self._drawn = template.name or ""

    def _answers(self, response: Response) -> Response:
        html = response.mimetype == "text/html"
        self._last = (self._drawn, response.get_data(as_text=True)) if html else None
        return response

    def keep(self, readers: str) -> None:
        """The page drawn last was for these readers."""
        if self._last is not None:
            template, html = self._last
            self.found[readers][template] |= set(sentences(html))

    def end(self) -> None:
        """Listen no more."""
        template_rendered.disconnect(self._draws, self._app)
        self._app.after_request_funcs[None].remove(self._answers)

    def grades(self, readers: str) -> list[tuple[float, str]]:
        """The grade of each template for these readers, the hardest first."""
        names = names_in(one for drawn in self.found.values() for one in drawn.values())
        graded = ((grade(said, names), t) for t, said in self.found[readers].items())
        return sorted(graded, reverse=True)


def names_in(found: Iterable[set[tuple[str, ...]]]) -> frozenset[str]:
    """The words that stand with a capital letter inside a sentence."""
    return frozenset(
        word
        for said in found
        for words in said
        for word in words[1:]
        if word[0].isupper() and not word.isupper()
    )


def of_the_person(w: World) -> list[tuple[float, str]]:
    """The grade of each template that the person reads, the hardest first."""
    from tests.measures.own_pages import open_every

    drawing = Drawing(app_of(w))
    for _ in open_every(w):
        drawing.keep("person")
    drawing.end()
    return drawing.grades("person")


def of_staff(tour: Tour) -> tuple[list[tuple[float, str]], list[tuple[float, str]]]:
    """The same for what the leaders of a provider read, and for everybody else who signs in."""
    drawing = Drawing(tour.app)
    for visit in tour.walk(each=1):
        if visit.html:
            drawing.keep("provider" if visit.role == Role.PROVIDER_LEADER else "staff")
    drawing.end()
    return drawing.grades("provider"), drawing.grades("staff")


def rows() -> Iterator[Measure]:
    """The rows of the table: the hardest templates of each kind of reader."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'own.db'}")
        upgrade(store, BUILT, move_tables())
        theirs = of_the_person(build(store))
        store.dispose()
    with tempfile.TemporaryDirectory() as folder:
        tour = Tour(Path(folder))
        provider, staff = of_staff(tour)
        tour.close()
    for whose, target, grades in (
        ("the person's pages", FOR_PERSON, theirs),
        ("a provider's pages", FOR_PROVIDER, provider),
        ("staff's pages", FOR_STAFF, staff),
    ):
        missed = sum(found > target for found, _template in grades)
        for found, template in grades[: max(SHOWN, missed)]:
            yield Measure(f"Reading grade, {whose}: {template}", target, found)
