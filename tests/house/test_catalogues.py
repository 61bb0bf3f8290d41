"""The catalogues hold every string there is, and a translation says no more and no less than it."""

from __future__ import annotations

import re
from functools import cache

import pytest
from babel.messages.catalog import Catalog, Message

from tests import catalogues
from web.say import LANGUAGES, UNCHECKED, catalogue, file_of, ngettext, speaking


@cache
def extracted() -> tuple[Message, ...]:
    return tuple(catalogues.extracted())


@cache
def kept(language: str) -> Catalog:
    return catalogues.kept(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_of_the_code_is_in_the_catalogue(language: str) -> None:
    wanted = {message.id for message in extracted() if message.id}
    there = {message.id for message in kept(language) if message.id}
    assert wanted - there == set(), "run `make words`"
    assert there - wanted == set(), "run `make words`"


def test_every_string_is_translated_in_each_of_its_plural_forms() -> None:
    assert catalogues.missing(kept("cy")) == [], "`make words` names them all"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_puts_in_what_its_string_does(language: str) -> None:
    assert list(catalogues.broken(kept(language))) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_is_written_as_the_command_writes_it(language: str) -> None:
    assert file_of(language).read_bytes() == catalogues.written(kept(language))


def test_a_language_that_waits_for_a_speaker_says_so() -> None:
    for language in LANGUAGES:
        said = "TO BE REVIEWED BY A SPEAKER" in kept(language).header_comment
        assert said == (language in UNCHECKED)


@pytest.mark.parametrize(
    ("english", "welsh"),
    [
        ("Due %(day)s", "I'w wneud"),
        ("Due %(day)s", "I'w wneud %(diwrnod)s"),
        ("Due %(day)s", "I'w wneud %(day)"),
        ("Send", "Anfon %(beth)s"),
        ("It is sent.", "Mae wedi ei anfon"),
        (("%(num)s day of %(all)s", "%(num)s days of %(all)s"), ("%(num)s diwrnod",) * 5),
    ],
)
def test_a_translation_that_breaks_would_be_noticed(
    english: str | tuple[str, str], welsh: str | tuple[str, ...]
) -> None:
    words = Catalog(locale="cy")
    words.add(english, welsh)
    assert list(catalogues.broken(words))


def test_a_plural_form_left_out_would_be_noticed() -> None:
    words = Catalog(locale="cy")
    words.add(("%(num)s day", "%(num)s days"), ("%(num)s diwrnod",) * 4 + ("",))
    assert catalogues.missing(words) == ["%(num)s day"]
    assert words.num_plurals == 5


def test_a_string_kept_and_one_that_changed() -> None:
    found = [m.id for m in extracted() if isinstance(m, Message)]
    assert "My work" in found
    assert "It was due %(day)s" in found, "and inside an f-string"
    assert ("%(num)s working day overdue", "%(num)s working days overdue") in found


def test_welsh_is_said_where_it_is_spoken() -> None:
    assert catalogue("en").ugettext("My work") == "My work"
    with speaking("cy"):
        assert ngettext("%(num)s day", "%(num)s days", 2) != ""
    assert catalogue("no-such").ugettext("My work") == "My work"


# Where what is said is law, or somebody's safety: a word that says no is written out.
GRAVE = (
    "concern", "consent", "override", "emergenc", "rights", "blackout", "hold", "capacity", "bases",
    "safety", "privacy", "messages",
)  # fmt: skip


def shortened(text: str) -> bool:
    return bool(re.search(r"\w(?:n['’]t)\b", text))


def test_no_is_written_out_where_what_is_said_is_law_or_safety() -> None:
    grave = {
        str(message.id)
        for message in extracted()
        if any(part in place for place, _line in message.locations for part in GRAVE)
    }
    assert len(grave) > 500
    assert {text for text in grave if shortened(text)} == set()
    assert shortened("It isn't safe.")
    assert not shortened("It is not safe, and nothing went out.")
