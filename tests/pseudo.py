"""A language nobody speaks, made by machine: every sentence longer by two fifths, accented and in
brackets. What a page shows without them went past gettext."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from babel.support import NullTranslations

import web.say

HOME = Path(__file__).parents[1]
PLAIN = "AEIOUYaeiouynNcCsSlLdDrRtTgGwWzZ"
DRESSED = "ÅÉÎÖÛÝåéîöûýñÑçÇšŠłŁđĐřŘťŤğĞŵŴžŽ"
DRESS = str.maketrans(PLAIN, DRESSED)
WORN = frozenset(DRESSED + "⟦⟧")
HOLE = re.compile(r"(%\(\w+\)[sd]|%%)")
SETTING = re.compile(r"SEGUE_[A-Z_]+")  # named as it is typed, in any language
READ = frozenset({"alt", "aria-label", "aria-description", "placeholder", "title"})
# What the library's components say where nobody tells them their words.
LIBRARY = frozenset(
    {"Account", "Back", "Breadcrumb", "Contents", "Error", "Important", "Information", "Menu",
     "More", "Pagination", "Search", "Show", "Success", "Support links"}
)  # fmt: skip
CLOSED = frozenset({"script", "style", "svg"})


def dressed(text: str) -> str:
    """A sentence as this language has it, with the same to be put in."""
    if not text.strip():
        return text
    said = "".join(p if HOLE.fullmatch(p) else p.translate(DRESS) for p in HOLE.split(text))
    more = -(-2 * len(HOLE.sub("", text)) // 5)
    longer = " ".join(["ñéñéñ"] * (more // 6)) or "ñ" * min(more, 5)
    return f"⟦{said} {longer}⟧"


class Pseudo(NullTranslations):
    """The catalogue of that language."""

    def ugettext(self, message: str) -> str:
        return dressed(message)

    def upgettext(self, context: str, message: str) -> str:
        return dressed(message)

    def ungettext(self, singular: str, plural: str, n: int) -> str:
        return dressed(singular if n == 1 else plural)


@contextmanager
def spoken() -> Iterator[None]:
    """Everything is said in it meanwhile."""
    before = web.say.catalogue
    web.say.catalogue = lambda language: Pseudo()  # type: ignore[assignment]
    try:
        yield
    finally:
        web.say.catalogue = before


class Words(HTMLParser):
    """What is read on a page, with what is only read aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.closed = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.closed += tag in CLOSED
        self.found += [value for name, value in attrs if name in READ and value]
        said = dict(attrs)
        if tag == "input" and said.get("type") in ("submit", "button"):
            self.found.append(said.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        self.closed -= tag in CLOSED

    def handle_data(self, data: str) -> None:
        if not self.closed:
            self.found.append(data)


def bare(html: str) -> Iterator[str]:
    """What a page shows that this language never dressed: data, and what went past gettext."""
    words = Words()
    words.feed(html)
    for text in words.found:
        run: list[str] = []
        for word in [*text.split(), "⟦"]:
            if WORN & set(word):
                if run:
                    yield " ".join(run).strip(" .,:;()!?×–")
                run = []
            else:
                run.append(word)


@cache
def written_in_code() -> frozenset[str]:
    """Every string of the code that people could be shown, codes with their words too. What the
    demo says is data."""
    found: set[str] = set()
    for room in ("referral", "workflows", "web"):
        for path in (HOME / room).rglob("*.py"):
            if "demo" not in path.parts:
                found.update(_strings(ast.parse(path.read_text())))
    codes = {text for text in found if re.fullmatch(r"[a-z]+(_[a-z]+)*", text)}
    sentences = {text.strip(" .,:;()!?") for text in found if re.search(r"[A-Za-z]{2}", text)}
    spaced = {code.replace("_", " ") for code in codes if "_" in code}
    return frozenset(
        {text for text in sentences if text not in codes or text.istitle()}
        | spaced
        | {code.replace("_", " ").capitalize() for code in codes}
    )


def _strings(tree: ast.AST) -> Iterator[str]:
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                yield text


def past_gettext(html: str, known: Any = ()) -> list[str]:
    """What a page shows of the code's own words that gettext never saw, but for what is known to
    be data that happens to read the same."""
    ours = written_in_code() | LIBRARY
    found = {run for run in bare(html) if run in ours and run not in known}
    return sorted(run for run in found if not SETTING.fullmatch(run))
