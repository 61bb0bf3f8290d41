"""The language a page, a message and a letter are in."""

from __future__ import annotations

from datetime import date

import pytest
from markupsafe import Markup

from referral.rows import change
from referral.states import Purpose
from referral.store import Store
from tests.web.client import sign_in, visit
from tests.winding import rows
from tests.world import World, build
from web import say
from web.languages import COOKIE
from web.say import code_of, language, speaking
from web.words import day_words, listed, written
from workflows.organisations import WORDINGS


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def test_whoever_is_not_signed_in_chooses_at_the_foot_of_the_page(w: World) -> None:
    somebody = visit(w)
    page = somebody.get("/help?about=consent")
    assert '<html lang="en"' in page.text or 'lang="en"' in page.text.split(">", 2)[1]
    assert 'value="cy" lang="cy">Cymraeg</button>' in page.text
    assert 'name="next" value="/help?about=consent"' in page.text
    page = somebody.post("/language", {"language": "cy", "next": "/help?about=consent"})
    assert page.path == "/help"
    assert 'lang="cy"' in page.text.split("<body", 1)[0]
    assert 'value="en" lang="en">English</button>' in page.text
    assert 'lang="en"' in visit(w).get("/help").text.split("<body", 1)[0], "theirs alone"


def test_an_account_keeps_its_language_on_any_browser(w: World) -> None:
    sign_in(w, "priya").post("/language", {"language": "cy", "next": "/notices/how"})
    assert 'lang="cy"' in sign_in(w, "priya").get("/").text.split("<body", 1)[0]
    assert 'lang="en"' in sign_in(w, "sam").get("/").text.split("<body", 1)[0]
    said = rows(w.store, "SELECT count(*) FROM audit WHERE action = 'language_chosen'")
    assert said[0][0] == 1


@pytest.mark.parametrize(
    ("sentence", "welsh"),
    [
        ("Taken back on %(when)s.", "ar ddydd Iau 21 Mai 2026"),
        ("until %(day)s", "tan ddydd Iau 21 Mai 2026"),
        ("They should answer by %(day)s.", "erbyn dydd Iau 21 Mai 2026"),
        ("The next time is %(day)s.", ": dydd Iau 21 Mai 2026"),
    ],
)
def test_a_weekday_is_fitted_into_a_welsh_sentence(sentence: str, welsh: str) -> None:
    with speaking("cy"):
        day = day_words(date(2026, 5, 21), weekday=True)
        assert day == "Dydd Iau 21 Mai 2026", "alone, it begins a line"
        said = say._(sentence, day=day, when=day)
        assert welsh in said
        assert say.fitted(f"Wedi'i wneud. {day}") == f"Wedi'i wneud. {day}"
        assert say.fitted("ar Dyddiau") == "ar Dyddiau"
        assert isinstance(say.fitted(Markup("ar %s") % day), Markup)
    assert "on Thursday 21 May" in say._("Taken back on %(when)s.", when="Thursday 21 May")


def test_a_welsh_page_says_yes_by_the_verb_that_was_asked(w: World) -> None:
    priya, person = sign_in(w, "priya"), w.person()
    priya.post("/language", {"language": "cy", "next": "/"})
    page = priya.get(f"/people/{person}/change").words
    assert "A yw'n ddiogel gadael neges? Ydy Nac ydy" in page
    assert "A oes angen cyfieithydd ar y pryd arnyn nhw? Oes Nac oes" in page
    priya.post("/language", {"language": "en", "next": "/"})
    assert "Is it safe to leave a message? Yes No" in priya.get(f"/people/{person}/change").words


def test_what_staff_wrote_says_its_language_on_a_welsh_page_alone(w: World) -> None:
    priya, person = sign_in(w, "priya"), w.person()
    record = w.active(person)
    with w.store.begin() as tx:
        change(tx, "activity", w.activity["choir"], {"when_words": "Thursdays <2pm>"})
    marked = '<span lang="en" dir="auto">Singing for breathing, Thursdays, Thursdays &lt;2pm&gt;'
    page = f"/referrals/{record}"
    assert marked not in priya.get(page).text
    priya.post("/language", {"language": "cy", "next": "/"})
    assert marked in priya.get(page).text
    assert written(None) is None


def test_two_things_are_joined_as_welsh_joins_them() -> None:
    with speaking("cy"):
        assert listed(["canu", "arlunio"]) == "canu ac arlunio"
        assert listed(["canu", "nofio", "garddio"]) == "canu, nofio a garddio"
    assert listed(["singing", "art"]) == "singing and art"


def test_no_other_language_and_no_other_site_is_gone_to(w: World) -> None:
    somebody = visit(w)
    page = somebody.post(
        "/language", {"language": "tlh", "next": "https://elsewhere.example"}, follow=False
    )
    assert page.status == 303
    assert page.response.headers["Location"] == "/"
    assert COOKIE not in page.response.headers.get("Set-Cookie", "")
    somebody.client.set_cookie(COOKIE, "../../etc", domain="localhost")
    assert 'lang="en"' in somebody.get("/help").text.split("<body", 1)[0]


def test_a_language_is_known_by_its_code_and_by_its_names() -> None:
    assert code_of("cy") == code_of(" Welsh ") == code_of("Cymraeg") == "cy"
    assert code_of("English") == "en"
    assert code_of("Polish") is code_of("") is code_of(None) is None


def test_what_is_spoken_ends_with_its_block() -> None:
    assert language() == "en"
    with speaking("cy"), speaking(None):
        assert language() == "cy"
    assert language() == "en"
    assert set(say.LANGUAGES) == {"en", "cy"}


def test_what_is_read_out_for_consent_is_never_put_into_other_words(w: World) -> None:
    """It is data in a language of its own, and what is kept is what was read."""
    english = WORDINGS[Purpose.SHARE_WITH_PROVIDER]
    assert english in _read_out(w).values()
    priya, person = sign_in(w, "priya"), w.person()
    priya.post("/language", {"language": "cy", "next": "/"})
    page = priya.get(f"/people/{person}/consent?purpose=share_with_provider")
    assert '<html lang="cy"' in page.text
    for spoken in ("en", "cy"):
        with speaking(spoken):
            assert say._(english) == english


def _read_out(w: World) -> dict[str, str]:
    found = rows(w.store, "SELECT purpose, body FROM wording WHERE language = 'en'")
    return {row[0]: row[1] for row in found}
