"""Sentences in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import flask_babel
from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, has_request_context
from jinja2 import pass_context

ENGLISH, WELSH = "en", "cy"
LANGUAGES: dict[str, str] = {ENGLISH: "English", WELSH: "Cymraeg"}
"""The languages there are, each by its own name."""
UNCHECKED = frozenset({WELSH})
"""Those whose words no speaker has checked yet: their pages say so."""

FOLDER = Path(__file__).parent / "translations"
_spoken: ContextVar[str | None] = ContextVar("spoken", default=None)


def file_of(language: str) -> Path:
    """Where the words of a language are kept."""
    return FOLDER / language / "LC_MESSAGES" / "messages.po"


@cache
def catalogue(language: str) -> NullTranslations:
    """The words of a language, read from its file when they are first asked for: there is nothing
    to compile before, and nothing to forget to compile."""
    if language == ENGLISH or language not in LANGUAGES:
        return NullTranslations()  # the code is in English
    with file_of(language).open("rb") as kept:
        words = read_po(kept, locale=language)
    compiled = BytesIO()
    write_mo(compiled, words)
    compiled.seek(0)
    return Translations(compiled)


def language() -> str:
    """What is spoken now: what `speaking` set, or what whoever asks for this page reads."""
    spoken = _spoken.get()
    if spoken is not None:
        return spoken
    locale = flask_babel.get_locale() if has_request_context() else None
    return str(locale.language) if locale else ENGLISH


@contextmanager
def speaking(language: str | None) -> Iterator[None]:
    """Say everything in this language meanwhile; None leaves it as it is."""
    token = _spoken.set(language or _spoken.get())
    try:
        yield
    finally:
        _spoken.reset(token)


_WELSH_DAYS = "Llun|Mawrth|Mercher|Iau|Gwener|Sadwrn|Sul"
_DAY_WITHIN = re.compile(rf"(\S+)([ \u00a0])Dydd (?={_WELSH_DAYS})")
_SOFTENS = frozenset(
    ("am", "ar", "at", "dan", "dros", "drwy", "gan", "heb", "hyd", "i", "neu", "o", "tan", "trwy")
)


def fitted(text: str) -> str:
    """What was put into a Welsh sentence, as it is within one: a weekday is small, and soft after
    what softens it ("ar ddydd Iau"). In English nothing changes."""
    if "Dydd " not in text or language() != WELSH:
        return text

    def within(found: re.Match[str]) -> str:
        before = found[1]
        if before.endswith((".", "!", "?")):
            return found[0]
        small = "ddydd " if before.strip("(“\"'").casefold() in _SOFTENS else "dydd "
        return f"{before}{found[2]}{small}"

    return type(text)(_DAY_WITHIN.sub(within, text))


def _(text: str, **said: object) -> str:
    """A sentence, with what is said put into it."""
    found = str(catalogue(language()).ugettext(text))
    return fitted(found % said) if said else found


def pgettext(context: str, text: str, **said: object) -> str:
    """The same words where they answer another question: Welsh says yes by the question's verb."""
    found = str(catalogue(language()).upgettext(context, text))
    return fitted(found % said) if said else found


def ngettext(one: str, many: str, number: int, **said: object) -> str:
    """A sentence that depends on a number, which it may repeat as %(num)s."""
    found = str(catalogue(language()).ungettext(one, many, number))
    return fitted(found % {"num": number, **said})


def set_up(app: Flask) -> None:
    """Templates say theirs by the same catalogues."""
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: catalogue(language()).ugettext(text),
        lambda one, many, number: catalogue(language()).ungettext(one, many, number),
        newstyle=True,
    )
    said: dict[str, Any] = dict(app.jinja_env.globals)
    for name in ("gettext", "ngettext"):
        app.jinja_env.globals[name] = _fitting(said[name])


def _fitting(say: Callable[..., str]) -> Callable[..., str]:
    """The same, fitted to what is put into it."""

    @pass_context
    def said(*given: Any, **values: Any) -> str:
        found = say(*given, **values)
        return fitted(found) if values else found

    return said


@cache
def _languages(spoken: str) -> dict[str, str]:
    """The names of the world's languages with a code of two letters, in this one, by code."""
    return {code: name for code, name in Locale(spoken).languages.items() if len(code) == 2}


def every_language() -> list[tuple[str, str]]:
    """The code and the name of each, by name."""
    return sorted(_languages(language()).items(), key=lambda one: one[1].casefold())


def name_of_language(code: str) -> str:
    """A language by its code, as whoever reads this calls it; the code where it isn't known."""
    return _languages(language()).get(code, code)


def language_named(written: str | None) -> str | None:
    """The code of a language somebody wrote the name of, in English or in Welsh; None where it
    isn't known by that name."""
    wanted = (written or "").strip().casefold()
    for spoken in LANGUAGES:
        for code, name in _languages(spoken).items():
            if wanted in (code, name.casefold()):
                return code
    return code_of(written)


def code_of(name: str | None) -> str | None:
    """The code of a language somebody wrote the name of, where we have its words."""
    written = (name or "").strip().casefold()
    for code, names in {WELSH: ("cy", "welsh", "cymraeg"), ENGLISH: ("en", "english")}.items():
        if written in names:
            return code
    return None
