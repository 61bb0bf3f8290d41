"""Every page in each state it can be met in: with records of every kind, held, empty, denied,
missing, and sent back with its errors. What a page says is read in its markup; how it stands is
looked at in Chromium at three widths, with JavaScript and without, by axe and by the Tab key: in
the drills every page, otherwise those the tour of the story doesn't come to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from html import unescape

import pytest
from playwright.sync_api import Browser
from sqlalchemy import make_url

from referral.accounts import signs_in
from referral.store import Store
from tests.authz.asking import NOBODY, Asking, Cell
from tests.authz.ground import settle
from tests.authz.reading import LET_IN, NOT_FOUND, OWN_LINK, Row, matrix
from tests.bare import ROLES, first_morning
from tests.databases import EMPTY as UPGRADED
from tests.databases import SqliteGround
from tests.keyboard import keyboard_faults
from tests.looking import Screen, different, looker, screen
from tests.races.rounds import rounds
from tests.robot import Robot
from tests.sending import sent_back, summary_faults
from tests.tour import Visit
from tests.web.client import SECRET, sign_in, visit
from tests.web.test_every_page import BESIDE
from tests.web.test_inquiries import asked as bundle_asked
from tests.web.test_policy_pages import opened
from tests.web.test_wizard import begun, writing_id
from tests.workflows.test_rights_doing import begun as asked_for
from tests.workflows.test_rights_doing import decided
from tests.world import build
from web.link_tokens import LinkTokens
from web.reports import REPORTS
from workflows.accounts import invite, mark_of

DRILL = bool(rounds(0, 1))
# What answers with no page of its own.
NO_PAGE = {
    "/access.csv": "a file",
    "/audit/export": "a file",
    "/audit/<seq>/leaf": "a file",
    "/audit/<seq>/proof": "a file",
    "/inquiries/<inquiry_id>/bundle": "a file",
    "/referrals.csv": "a file",
    "/reviews.csv": "a file",
    "/reports/<report>/table.csv": "a file",
    "/referrals/<record_id>/documents/<document_id>/file": "a file",
    "/rights/<record_id>/copy.json": "a file",
    "/rights/<record_id>/copy/<document_id>": "a file",
    "/health": "a word for a monitor",
    "/mine/exit": "leads away",
    "/account/second-step/address/<token>": "leads to the second step",
    "/account/second-step/codes": "leads to the second step until it is on",
    "/account/second-step/off": "leads to the second step until it is on",
    "/account/second-step/passkeys": "leads to the second step until it is on",
    "/account/second-step/passkeys/remove": "leads to the passkeys",
    "/welcome": "leads on to what waits",
    "/assurance/<record_id>": "leads to the provider's page",
}
# What a list, a board or a report says on the first morning, and what to do about it. In the words
# of each role that is told something else.
SAYS_SO = {
    "/": (
        "Nothing needs you right now. See every",
        "No referrals waiting for you. 0 people are taking part. See everyone",
        "Nothing waits for you. Choose from the menu above.",
        "Not checked yet. Whoever runs Segue can check it now with",
        "5 steps of setting up are left.",
    ),
    "/access": ("Not reviewed yet. A review is due each quarter.",),
    "/accountability": ("Nobody answers for Nobody is Governance lead here.",),
    "/activities": ("No activity is open to new people. Ask your place lead for help.",),
    "/agenda": ("No review waits for a decision.",),
    "/agreements": ("Draft one and choose between whom.", "Your governance lead drafts it."),
    "/announcements": ("Nothing has been sent from here yet. What you send is kept here",),
    "/audit": ("Not checked yet. Whoever runs Segue can check it now with",),
    "/concerns": (
        "You have raised no concern. You can raise one from the page of a person or a referral.",
        "No concern is with you now. As soon as one is, it stands here and in your notices.",
    ),
    "/confirmations": ("Nothing waits for a second person in your team. What a colleague",),
    "/dashboard": ("There are none.",),
    "/emergencies": ("No record has been opened in an emergency.",),
    "/escalations": ("Nothing is escalated where you work. To escalate, open the referral",),
    "/inquiries": ("None yet. What is asked for above stands here",),
    "/notices": ("There are no notices for you. What others do with your work",),
    "/offers": ("Nothing is on offer yet. Add your first activity.",),
    "/overrides": (
        "Nothing has been shared without consent. It is begun on the page of a person.",
    ),
    "/people": ("Your team supports nobody yet. Whoever is referred for the first time",),
    "/policy/changes": ("Nobody has opened one yet. Whoever answers for a place can",),
    "/providers": ("Not applied yet",),
    "/referrals": ("There are none yet. What",),
    "/referrals/lists": ("You have saved none yet. Narrow or sort your referrals",),
    "/reports/<report>": ("There are none.", "None in this time."),
    "/reports/<report>/records": ("There are none. Back to the numbers",),
    "/retention": ("Nothing is due. What falls due stands here.",),
    "/retention/holds": ("There is none. Place one below when",),
    "/rights": ("Nobody has asked yet. When somebody does",),
    "/sessions": ("Nothing is on offer yet. Add your first activity. Add an activity",),
    "/system": ("Add it under Places.",),
    "/taking-part": ("Nobody takes part yet. Whoever you accept stands here.",),
    "/team": ("0 open referrals",),
    "/themes": ("No escalation has been given a theme in this time. Whoever reviews one",),
    "/who-answers": ("No number of this place answers now.",),
}
# What is the same on the first morning: a form, or words.
THE_SAME = {
    "/account",
    "/account/second-step",
    "/account/second-step/set-up",
    "/activities/ask",
    "/activities/compare",
    "/agreements/add",
    "/announcements/write",
    "/away",
    "/change-role",
    "/directory",
    "/emergencies/open",
    "/notices/how",
    "/offers/add",
    "/organisations",
    "/organisations/add",
    "/password",
    "/places/add",
    "/policy",
    "/providers/add",
    "/referrals/new",
    "/reports",
    "/search",
    "/users",
    "/users/add",
    "/wording",
    "/workflows",
}


def plain(text: str) -> str:
    """What people read of a piece of markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def wrong_with(one: Screen) -> list[str]:
    """What is wrong with a page by its markup, in any state."""
    found = []
    if one.body.count("<main") != 1 or one.body.count("<h1") != 1:
        found.append("has not one main part with one heading")
    if not re.fullmatch(r".{2,} – Segue", one.title):
        found.append(f"has the title {one.title}")
    return [f"{one} {what}" for what in found]


# -- the pages there are ------------------------------------------------------------------------


def pages() -> Iterator[Row]:
    """Every page, as the table of who is let in names it."""
    for (method, path), row in matrix().rows.items():
        if method == "GET" and not path.startswith("/api/") and path not in NO_PAGE:
            yield row


def lists() -> Iterator[Row]:
    """Those for members that are about no one record."""
    for row in pages():
        if not row.door and "<" not in row.path.replace("<report>", ""):
            yield row


def test_no_page_is_kept_that_is_gone() -> None:
    every = {path for method, path in matrix().rows if method == "GET"}
    assert NO_PAGE.keys() - every == set()
    assert (SAYS_SO.keys() | THE_SAME) - {row.path for row in lists()} == set()


def test_it_is_said_of_each_page_what_it_shows_on_the_first_morning() -> None:
    """A page that isn't in the list fails here."""
    assert {row.path for row in lists()} - SAYS_SO.keys() - THE_SAME == set()
    assert SAYS_SO.keys() & THE_SAME == set()


# -- empty --------------------------------------------------------------------------------------


def _fresh(ground: SqliteGround) -> Iterator[Store]:
    url = ground.reserve()
    ground.copy(UPGRADED, str(make_url(url).database))
    store = Store(url)
    yield store
    store.dispose()
    ground.drop(url)


@pytest.fixture(scope="module")
def empty(sqlite_ground: SqliteGround) -> list[Screen]:
    """Each page on the first morning, for one role; in the drills for each."""
    found: dict[tuple[str, str], Screen] = {}
    for store in _fresh(sqlite_ground):
        w = first_morning(store)
        for role in ROLES:
            visitor = sign_in(w, role)
            for row in lists():
                for report in REPORTS if "<report>" in row.path else ("",):
                    path = row.path.replace("<report>", report)
                    if role in row.who and (DRILL or (path, "") not in found):
                        answer = visitor.client.get(path, base_url=visitor.base)
                        if answer.status_code == 200:
                            kept = screen("empty", row.path, role, answer)
                            found[path, role if DRILL else ""] = kept
    return list(found.values())


def test_every_list_says_on_the_first_morning_that_there_is_nothing_and_what_to_do(
    empty: list[Screen],
) -> None:
    assert {one.rule for one in empty} == {row.path for row in lists()}
    assert [what for one in empty for what in wrong_with(one)] == []
    silent = [
        (str(one), plain(one.main))
        for one in empty
        if one.rule in SAYS_SO and not any(said in plain(one.main) for said in SAYS_SO[one.rule])
    ]
    assert silent == []


@pytest.mark.browser
def test_every_page_stands_well_on_the_first_morning(
    empty: list[Screen], chromium: Browser
) -> None:
    """In the drills all that look different, otherwise the first page."""
    if DRILL:
        assert looked_at(chromium, empty, least=100) == []
        return
    with looker(chromium) as eyes:
        assert eyes.faults_on_a_phone(empty[0]) == []


# -- with records, held, denied, missing ---------------------------------------------------------


@pytest.fixture(scope="module")
def asking(sqlite_ground: SqliteGround) -> Iterator[Asking]:
    """Everybody who asks for a page, over a record of each kind that there is: each referral on
    hold, and some of people about whom whoever asks is named."""
    for store in _fresh(sqlite_ground):
        made = Asking(settle(store), matrix(), full=True)
        yield made
        made.close()


def of_pages(asking: Asking) -> Iterator[Cell]:
    """Every question for a page."""
    for cell in asking.cells():
        route = cell.route
        page = route.method == "GET" and not route.api and route.path not in NO_PAGE
        if page and not route.endpoint.startswith("sample."):
            yield cell


def asked(asking: Asking, state: str, cells: Iterable[Cell]) -> list[Screen]:
    """What is answered to each."""
    return [
        screen(state, c.route.path, c.who, asking.ask(c.route, c.who, c.address)) for c in cells
    ]


def shown(asking: Asking) -> Iterator[Cell]:
    """Each page for each who is let in."""
    for cell in of_pages(asking):
        door = cell.route.row.door
        if cell.who in (NOBODY, OWN_LINK) and not (door and cell.who == _keyholder(door)):
            continue
        if door and cell.who != _keyholder(door):
            continue
        if cell.relation in ("", "own", "held") and cell.expected in (LET_IN, "open"):
            yield cell


def _keyholder(door: str) -> str:
    return OWN_LINK if door == OWN_LINK else NOBODY


def later(sqlite_ground: SqliteGround) -> list[Screen]:
    """Pages of what has only come to be after some steps."""
    for store in _fresh(sqlite_ground):
        w = build(store)
        priya, ingrid = sign_in(w, "priya"), sign_in(w, "ingrid")
        _change, code = opened(w)
        writing = writing_id(begun(priya))
        request = asked_for(w, w.person(), "access")
        decided(w, request, notes="give", reviews="give")
        waiting = asked_for(w, w.person(), "access")
        inquiry = bundle_asked(w, w.person()).path
        who = str(w.actor["priya"].user_id)
        new = str(w.actor["sol"].user_id)
        ada = w.actor["ada"]
        w.made(ada, partial(invite, actor=ada, at=w.at, user_id=new))
        with w.store.read() as tx:
            account, first = signs_in(tx, who), signs_in(tx, new)
        assert account is not None
        assert first is not None
        forgot = LinkTokens(SECRET).reset_token(who, w.at, mark_of(account))
        invited = LinkTokens(SECRET).invitation_token(new, w.at, mark_of(first))
        return [
            screen("with records", rule, who, visitor.get(path).response)
            for visitor, who, rule, path in (
                (visit(w), NOBODY, "/have-your-say/<code>", f"/have-your-say/{code}"),
                (visit(w), NOBODY, "/help/<slug>", "/help/open-my-page"),
                (priya, "priya", "/referrals/<writing_id>/write/leave",
                 f"/referrals/{writing}/write/leave"),
                (visit(w), NOBODY, "/choose-password/<token>", f"/choose-password/{forgot}"),
                (visit(w), NOBODY, "/invitation/<token>", f"/invitation/{invited}"),
                (ingrid, "ingrid", "/rights/<record_id>/copy", f"/rights/{request}/copy"),
                (ingrid, "ingrid", "/rights/<record_id>/parts/read",
                 f"/rights/{waiting}/parts/read"),
                (ingrid, "ingrid", "/rights/<record_id>/passages", f"/rights/{request}/passages"),
                (ingrid, "ingrid", "/inquiries/<inquiry_id>", inquiry),
                (ingrid, "ingrid", "/inquiries/<inquiry_id>/passages", f"{inquiry}/passages"),
            )
        ]  # fmt: skip
    return []


def looked_at(chromium: Browser, screens: Iterable[Screen], least: int) -> list[str]:
    """What is wrong with those of them that look different."""
    chosen = different(screens)
    assert len(chosen) >= least, len(chosen)
    with looker(chromium) as eyes:
        return [fault for one in chosen for fault in eyes.faults(one)]


def refused(asking: Asking) -> Iterator[Screen]:
    """What is answered to whoever a page isn't for, or for whom its record isn't there, and to who
    isn't signed in."""
    states = {"another role": "denied", NOT_FOUND: "missing"}
    for cell in of_pages(asking):
        if cell.expected in states:
            yield from asked(asking, states[cell.expected], [cell])
    sign_in = next(c for c in of_pages(asking) if c.route.path == "/sign-in" and c.who == NOBODY)
    yield from asked(asking, "signed out", [sign_in])


@pytest.mark.browser
def test_who_is_refused_a_page_is_shown_another_that_stands_well(
    asking: Asking, chromium: Browser
) -> None:
    """What every one of them says, and that what is missing is the same to the byte wherever it is,
    is asked with the table of who is let in; here it is looked at: in the drills all that look
    different, otherwise the first of each."""
    if DRILL:
        assert looked_at(chromium, refused(asking), least=2) == []
        return
    first: dict[str, Screen] = {}
    for one in refused(asking):
        first.setdefault(one.state, one)
        if len(first) == 2:
            break
    with looker(chromium) as eyes:
        assert [f for one in first.values() for f in eyes.faults_on_a_phone(one)] == []


# -- errors -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def errors(robot: Robot, visits: list[Visit]) -> list[Screen]:
    return sent_back(robot, visits, by_role=DRILL)


def test_a_form_sent_empty_says_what_to_fill_in_and_leads_there(
    errors: list[Screen], request: pytest.FixtureRequest
) -> None:
    assert len(errors) > 40
    assert [what for one in errors for what in wrong_with(one) + summary_faults(one)] == []
    if DRILL:
        chromium = request.getfixturevalue("chromium")
        assert looked_at(chromium, errors, least=40) == []


# -- as they stand ------------------------------------------------------------------------------


@pytest.mark.browser
def test_a_page_stands_well_with_records_and_held(
    asking: Asking, sqlite_ground: SqliteGround, chromium: Browser
) -> None:
    """Every page for every role in the drills; otherwise those that no tour leads to."""
    cells = list(shown(asking))
    if not DRILL:
        beside = {re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"<\1>", rule) for rule in BESIDE}
        first = {c.route.path: c for c in reversed(cells) if c.relation != "held"}
        cells = [cell for path, cell in first.items() if path in beside]
    screens = [s for s in asked(asking, "with records", cells) if s.status == 200]
    screens += later(sqlite_ground)
    assert {s.status for s in screens} == {200}
    if DRILL:
        assert {row.path for row in pages()} - {s.rule for s in screens} == set()
        assert [what for one in screens for what in wrong_with(one)] == []
        assert looked_at(chromium, screens, least=300) == []
        return
    with looker(chromium) as eyes:
        assert [f for one in screens for f in eyes.faults_on_a_phone(one)] == []


@pytest.mark.browser
@pytest.mark.parametrize(
    ("main", "told"),
    [
        ("<a href=#a>One</a> <a href=#b>Two</a>", []),
        ("<p><a href=#a>One</a><p><a href=#b tabindex=1>Two</a>", ["never"]),
        ("<a href=#a style=float:right>One</a><a href=#b>Two</a>", ["back"]),
        ("<a href=#a style=outline:none>One</a>", ["nothing"]),
        ("<a href=#a onfocus=b.focus() >One</a> <a href=#b id=b>Two</a> <a href=#c>Three</a>",
         ["never"]),
    ],
    ids=["well", "numbered", "drawn the other way", "unseen", "a trap"],
)  # fmt: skip
def test_what_a_tab_key_does_not_get_through_is_told(
    main: str, told: list[str], chromium: Browser
) -> None:
    page = chromium.new_page()
    page.set_content(f"<main>{main}</main>")
    found = keyboard_faults(page)
    page.close()
    assert [word for word in ("back", "nothing", "never") if word in " ".join(found)] == told
