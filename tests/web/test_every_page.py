"""Every page there is, found by the links that lead to it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Browser

from tests.alone import faults
from tests.browser import scrolls_sideways
from tests.hostile import AS_TEXT, MARK
from tests.looking import looker, visited
from tests.measures import weights
from tests.pseudo import past_gettext, spoken
from tests.races.rounds import rounds
from tests.tour import Tour, Visit, by_person
from workflows.organisations import EASY_WORDINGS, WORDINGS

# Names of the story, and of Segue, that the code says too.
NAMES = frozenset({"Segue", "English", "Cymraeg", "Harbour", "Fen"})
# What is read out for consent is data, in a language of its own.
READ_OUT = frozenset(
    words.strip(".") for each in (WORDINGS, EASY_WORDINGS) for words in each.values()
)
# Pages no link leads a signed-in member of the story to, and how one comes to each.
BESIDE = {
    "/a/<token>": "by a signed link in a message",
    "/a/<token>/not-safe": "by a signed link in a message",
    "/account/second-step/address/<token>": "by a signed link in a message",
    "/account/second-step/codes": "once the second step is on",
    "/account/second-step/off": "once the second step is on",
    "/account/second-step/passkeys": "once the second step is on",
    "/account/second-step/passkeys/remove": "once there is a passkey",
    "/audit/<int:seq>/leaf": "to be kept as a file",
    "/audit/<int:seq>/proof": "to be kept as a file",
    "/change-role": "for who has two roles",
    "/choose-password/<token>": "by a signed link in a message",
    "/code": "for who was given a code on paper",
    "/demo": "the demo's own doors",
    "/demo/post": "the demo's own doors",
    "/forgotten-password": "for who isn't signed in",
    "/have-your-say/<code>": "by an address on paper",
    "/health": "for a monitor",
    "/invitation/<token>": "by a signed link in a message",
    "/mine": "for the person, by their own link",
    "/mine/about-me": "for the person, by their own link",
    "/mine/ask": "for the person, by their own link",
    "/mine/asked": "for the person, by their own link",
    "/mine/asked/<uuid:record_id>": "for the person, by their own link",
    "/mine/complain": "for the person, by their own link",
    "/mine/contact": "for the person, by their own link",
    "/mine/looked": "for the person, by their own link",
    "/mine/exit": "for the person, by their own link",
    "/mine/how/<uuid:referral_id>": "for the person, by their own link",
    "/mine/not-safe": "for the person, by their own link",
    "/mine/stop": "for the person, by their own link",
    "/mine/stop/<uuid:referral_id>": "for the person, by their own link",
    "/sign-in": "for who isn't signed in",
    "/sign-in/code": "for who has shown their password",
    "/signed-out": "after signing out",
    "/welcome": "after the first sign-in",
    # There once something has come to be that the story doesn't have.
    "/confirmations": "while a colleague's proposal waits",
    "/confirmations/<uuid:proposal_id>": "while a colleague's proposal waits",
    "/escalations/<uuid:record_id>/consequences/<uuid:consequence_id>/waive": "after one failed",
    "/escalations/<uuid:record_id>/proposals/<uuid:proposal_id>": "while one is asked",
    "/people/<uuid:person_id>/death/undo": "on the day a death was recorded",
    "/people/<uuid:person_id>/join/<uuid:other_id>": "after choosing the other record",
    "/people/<uuid:person_id>/link/sheet": "while the person's link is open",
    "/policy/changes/<uuid:change_id>/decide": "once the comments have closed",
    "/providers/<uuid:provider_id>/apply": "for a provider who never applied",
    "/users/<uuid:membership_id>/invite": "where email can be sent",
    "/rights/<uuid:record_id>/copy": "once a request for a copy is being done",
    "/rights/<uuid:record_id>/copy/<uuid:document_id>": "once a request for a copy is being done",
    "/rights/<uuid:record_id>/copy.json": "once a request for a copy is being done",
    "/rights/<uuid:record_id>/parts": "once a request for a copy is being done",
    "/rights/<uuid:record_id>/parts/read": "once a request for a copy is being done",
    "/rights/<uuid:record_id>/passages": "once a request for a copy is being done",
    "/rights/<uuid:record_id>/put-right": "once a request to put something right is being done",
    "/rights/<uuid:record_id>/stop-use": "once a request to stop is being done",
    "/activities/compare": "once two activities are chosen to compare",
    "/referrals/<uuid:writing_id>/write/compare": "once two activities are chosen to compare",
    "/referrals/<uuid:writing_id>/write/leave": "while a referral is half written",
    "/users/<uuid:membership_id>/second-step": "once their second step is on",
}


def test_no_link_leads_to_a_page_that_is_not_there(visits: list[Visit]) -> None:
    assert len(visits) > 500
    dead = [(v.email, v.came_from, v.path, v.status) for v in visits if v.status >= 400]
    assert dead == []


def test_every_page_is_led_to(tour: Tour, visits: list[Visit]) -> None:
    found = {v.rule for v in visits}
    assert tour.rules() - found - BESIDE.keys() == set(), "pages that nobody is led to"
    if not rounds(0, 1):  # where everybody looks at one page of each
        assert BESIDE.keys() & found == set(), "pages that somebody is led to after all"


def test_the_demos_sign_in_leads_to_its_doors_but_for_who_was_invited(tour: Tour) -> None:
    client = tour.app.test_client()
    assert client.get("/sign-in").location == "/demo"
    assert client.get("/sign-in?next=/people").location == "/demo"
    assert client.get("/sign-in?next=/welcome").status_code == 200


def test_every_page_is_small_and_asks_little_of_the_store(visits: list[Visit]) -> None:
    heavy = {(v.rule, v.size) for v in weights.heavy(visits)}
    assert heavy == set()
    much = {(v.rule, v.role, v.statements) for v in weights.asking_much(visits)}
    assert much == set()
    assert [row for row in weights.rows(visits) if not row.met] == []


def test_what_people_wrote_is_shown_as_text(visits: list[Visit]) -> None:
    pages = [v for v in visits if v.html]
    assert [(v.email, v.path) for v in pages if MARK in v.body or "<script>alert" in v.body] == []
    assert sum(AS_TEXT in v.body for v in pages) > 300  # it was there to be shown


# What a page loads by itself, and what would let another script or style in.
LOADED = re.compile(
    r"""<(?:script|img|link|iframe|source|use|object|embed)\b[^>]*?\s"""
    r"""(?:src|href|data)="(?!/static/|#)([^"]*)"""
)
INLINE = re.compile(
    r"""<script(?![^>]*\b(?:nonce|src)=)[^>]*>|<style\b|<[a-z][^>]*\s(?:style|on\w+)=["']"""
)


# Dates, hours, numbers and ranges that are written another way than people here read them.
WRITTEN_OTHERWISE = {
    "a date of a program": r"\b20\d\d-\d\d-\d\d\b",
    "a date with strokes": r"\b\d{1,2}/\d{1,2}/\d{2,4}\b",
    "an ordinal": r"\b\d{1,2}(?:st|nd|rd|th)\b",
    "a month first": r"\b(?:January|February|March|April|June|July|August|September|October"
    r"|November|December) \d{1,2}\b(?!\d)",
    "an hour with a point": r"\b\d{1,2}\.\d\d ?(?:am|pm)\b",
    "an hour of 24": r"(?<![\d:])(?:1[3-9]|2[0-3]):[0-5]\d\b",
    "12 of the clock": r"(?<!:)\b12(?::00)?(?:am|pm)\b",
    "business days": r"\bbusiness days?\b",
    # Not one that a word doing harm was put behind, which is no number to be written better.
    "a phone in one run": r"\b0\d{9,10}(?=[ ,.]*\n)(?!\s*&#34;)",
    "an NHS number in one run": r"\b999\d{7}\b",
    "a range with a dash": r"(?<![-\w])\d+(?:am|pm)? ?[–—-] ?\d+(?:am|pm)?(?![-\w])",
}
# The log says what was kept, as it was kept.
AS_KEPT = ("/audit", "/inquiry", "/agenda.pdf")


def test_dates_hours_and_numbers_are_written_one_way(visits: list[Visit]) -> None:
    found, read = set[tuple[str, str, str]](), 0
    for v in visits:
        if v.html and not v.rule.startswith(AS_KEPT):
            text = re.sub(r"<[^>]+>", "\n", v.body.partition("<main")[2])
            read += len(re.findall(r"\d (?:November|October) 2026", text))
            for what, pattern in WRITTEN_OTHERWISE.items():
                found |= {(what, one[0], v.rule) for one in re.finditer(pattern, text)}
    assert found == set()
    assert read > 500


def test_no_page_loads_anything_from_outside_or_lets_anything_in(visits: list[Visit]) -> None:
    pages = [v for v in visits if v.html]
    assert {w for v in pages for w in LOADED.findall(v.body)} == set()
    assert {w for v in pages for w in INLINE.findall(v.body)} == set()
    policies = {re.sub(r"'nonce-[^']+'", "'nonce'", v.policy) for v in pages}
    assert len(policies) == 1, policies
    assert (policy := policies.pop()).startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_a_page_that_let_something_in_would_be_noticed() -> None:
    assert LOADED.findall('<script defer src="https://a.example/a.js">') == [
        "https://a.example/a.js"
    ]
    for one in (
        "<script>x</script>",
        "<style>",
        '<p class="a" style="color:red">',
        "<a onclick='x'>",
    ):
        assert INLINE.search(one), one


def test_no_page_shows_a_word_past_gettext(tour: Tour, visits: list[Visit]) -> None:
    """In a language made by machine, all that is left of a page's own words went past it."""
    first = {v.rule: v for v in reversed(visits) if v.html}
    past = []
    with spoken():
        for email, pages in by_person(first.values()):
            client = tour.client(email)
            for visit in pages:
                html = client.get(visit.path).get_data(as_text=True)
                assert "⟦" in html, visit.path
                past += [(visit.path, words) for words in past_gettext(html, NAMES | READ_OUT)]
    assert past == []


_EVENTS = "the same happens more than once: the time beside it says which"
_CELLS = "a cell of a table: its row and column say the rest"
_NAMES = "two may have one name: the address or the reference beside it says which"
# Where two headings or two links may say the same, and why.
TWICE = {
    "/": _NAMES,
    "/access": _CELLS,
    "/agreements/<uuid:record_id>": _EVENTS,
    "/audit": _EVENTS,
    "/dashboard": _CELLS,
    "/escalations/<uuid:record_id>": _EVENTS,
    "/notices": _EVENTS,
    "/organisations/<uuid:record_id>": _NAMES,
    "/policy/<kind>/<name>/change": "the menu and the way back",
    "/referrals/<uuid:record_id>/history": _EVENTS,
    "/reports/<report>": _CELLS,
    "/users": _NAMES,
    "/workflows": "the menu and the list",
    "/workflows/<noun>": _CELLS,
}


def test_headings_links_and_fields_make_sense_alone(visits: list[Visit]) -> None:
    """As a screen reader lists them: one page of each rule, as the first of each role is led to
    it."""
    first = {(v.rule, v.role): v for v in reversed(visits) if v.html}
    found = {(v.rule, fault) for v in first.values() for fault in faults(v.body)}
    twice = ("two ", "a link says '*'")  # a number too small to be told
    assert sorted(f for f in found if not (f[0] in TWICE and f[1].startswith(twice))) == []
    safe = ("/concerns", "/overrides", "/emergencies", "/consents", "/sessions", "/sign-in")
    assert not any(rule.startswith(safe) for rule in TWICE), "these are held to it whole"


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("<h2>A</h2>", "not one h1"),
        ("<h1>A</h1><h3>B</h3>", "a level is skipped before 'B'"),
        ("<h1>A</h1><h2>B</h2><h2>B</h2>", "two headings 'B' under the same one"),
        ("<h1>A</h1><h2><svg>x</svg></h2>", "a heading without words"),
        ('<h1>A</h1><a href="/x">More</a>', "a link says 'More'"),
        ('<h1>A</h1><a href="/x">B</a><a href="/y">B</a>', "two links say 'B' and lead elsewhere"),
        ('<h1>A</h1><form><input name="x"></form>', "a field without a name: x"),
        (
            '<h1>A</h1><form><input type="radio" id="x" name="x"><label for="x">B</label></form>',
            "a choice 'B' of no question",
        ),
        (
            '<h1>A</h1><form><button name="a">B</button><button name="b">B</button></form>',
            "two fields are 'B'",
        ),
    ],
)
def test_what_makes_no_sense_alone_would_be_noticed(page: str, fault: str) -> None:
    assert faults(page) == [fault]
    assert faults('<h1>A</h1><h2>B</h2><h3>C</h3><h2>D</h2><h3>C</h3><a href="/x">E</a>') == []


@pytest.mark.browser
def test_longer_words_fit_a_phone(
    tour: Tour, visits: list[Visit], chromium: Browser, serve: Callable[[Flask], str]
) -> None:
    """Two fifths longer than English, no page scrolls sideways: one page of each rule, in the
    drills; a few of them each time."""
    address = serve(tour.app)
    first = {v.rule: v for v in reversed(visits) if v.html}
    wide = []
    with spoken():
        for email, pages in by_person(first.values())[: rounds(3, 1_000)]:
            context = chromium.new_context(viewport={"width": 320, "height": 800})
            context.add_cookies([tour.cookie(email, address)])
            page = context.new_page()
            for visit in pages[: rounds(3, 1_000)]:
                page.goto(address + visit.path)
                if scrolls_sideways(page):
                    wide.append((email, visit.path))
            context.close()
    assert wide == []


@pytest.mark.browser
def test_every_page_is_readable_on_a_phone(visits: list[Visit], chromium: Browser) -> None:
    """One page of each rule as the first who is led to it sees it; in the drills as the first of
    each role does, at every width, with JavaScript and without, by the Tab key."""
    drill = rounds(0, 1)
    first = {(v.rule, v.role if drill else ""): v for v in reversed(visits) if v.html}
    assert len(first) > 80
    faults = []
    with looker(chromium) as eyes:
        look = eyes.faults if drill else eyes.faults_on_a_phone
        for visit in first.values():
            faults += look(visited(visit))
    assert faults == []
