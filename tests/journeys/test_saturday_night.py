"""The Saturday night (I57): danger is recorded at 22:00, every lead is away, the mail server is
dead and the worker killed; and again with a mail server that takes everything and drops it.

Whoever raised it is told, on every page, that nobody has seen it and whom to ring, until a human
has. Nothing a machine did is ever called told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from referral.rotas import LINES_OF
from referral.store import Store
from tests.journeys.screens import SignIn
from tests.servers import free_port, mail_server
from tests.web.api import program
from tests.web.client import Page, Visitor
from tests.winding import rows
from tests.world import World, build
from web.carriers import Smtp
from web.edge import Edge
from web.link_tokens import LinkTokens
from web.ways import Ways
from web.worker import run
from workflows.organisations import set_away

# Ten at night in London, on a Saturday.
SATURDAY = datetime(2026, 5, 16, 21, 0, tzinfo=UTC)
COUNCIL = "01632 960199"
NOBODY = "Nobody has seen"
# What would be false comfort.
COMFORT = re.compile(
    r"\b(has|have|had|was|were|is|are|been|being)\s+(now\s+|already\s+)?"
    r"(told|informed|notified|alerted|sent|delivered|emailed|received|aware)\b",
    re.IGNORECASE,
)


@pytest.fixture
def w(url: str) -> Iterator[World]:
    store = Store(url)
    made = build(store)
    for who in ("gwen", "paul", "seth", "amara", "tess"):
        with store.begin(made.actor[who]) as tx:
            mine = made.actor[who]
            day = timedelta(days=2)
            set_away(
                tx,
                mine,
                made.at,
                membership_id=mine.membership_id,
                start=SATURDAY - day,
                end=SATURDAY + day,
            )
    yield made
    store.dispose()


def stays_red(w: World, visitor: Visitor, concern: str, person: str, ring: str = COUNCIL) -> None:
    """Every next page says that nobody has seen it and whom to ring, and comforts nobody."""
    pages = ("/", "/referrals", "/people", f"/people/{person}", "/notices", "/help", "/concerns")
    for path in (*pages, "/no-such-page", f"/concerns/{concern}"):
        page = visitor.get(path)
        banner = page.words.split("Skip to main content")[1][:900]
        assert f"{NOBODY} your concern" in banner, path
        assert f"Ring {ring}" in banner, path
        assert "app-unseen" in page.text, path
    receipt = visitor.get(f"/concerns/{concern}")
    told = receipt.words.split("Your concern")[-1]
    assert f"{NOBODY} this yet." in told
    assert f"Ring {ring}" in told
    assert COMFORT.search(told) is None, COMFORT.search(told)
    assert "Seen by" not in receipt.words


def danger(w: World, visitor: Visitor, person: str) -> Page:
    return visitor.fill(
        f"/people/{person}/concern",
        seen="She says he is coming back tonight and will hurt her.",
        danger="yes",
    )


def ways(url: str) -> Ways:
    mail = Smtp.from_url(url, "segue@example.org", "example.org")
    return Ways({"email": mail}, LinkTokens("of this house"), "https://segue.example.org")


@pytest.mark.invariant("I57")
def test_with_the_mail_server_dead_and_the_worker_killed(w: World, sign_in: SignIn) -> None:
    person = w.person()
    w.at = SATURDAY
    priya = sign_in(w, "priya")
    page = danger(w, priya, person)
    concern = page.path.split("/")[-1]
    assert "call 999" in page.words
    stays_red(w, priya, concern, person)
    seen = program(w, "priya").get(f"/concerns/{concern}").json
    assert (seen["acknowledged_at"], seen["ring"]) == (None, COUNCIL)

    # The page asks to log the call. It is written down, and turns nothing.
    assert "Once you have rung, write it down here." in page.words
    w.later(minutes=10)
    page = priya.fill(
        f"/concerns/{concern}/told-authority",
        authority_route="emergency",
        told_at="10.05pm",
        authority_reference="CAD 1234",
    )
    assert "999, 16 May 2026 at 10:05pm" in page.words
    stays_red(w, priya, concern, person)

    # Three hours on, with nobody to sweep: it is still true and still said.
    w.later(hours=3)
    priya = sign_in(w, "priya")
    stays_red(w, priya, concern, person)
    assert rows(w.store, "SELECT count(*) FROM outbox WHERE sent_at IS NULL")[0][0] > 0

    # A worker that finds the mail server dead changes nothing of what the page says.
    run(Edge(w.store, lambda: w.at), once=True, ways=ways(f"smtp://127.0.0.1:{free_port()}"))
    stays_red(w, priya, concern, person)
    assert rows(w.store, "SELECT count(*) FROM dispatch WHERE result = 'sent'") == [(0,)]
    assert rows(w.store, "SELECT rung FROM concern")[0][0] > 1, "it climbed by itself"

    # Only a human turns it: not by a look, but by saying that they have read it.
    holder = next(
        who
        for who in ("paul", "seth", "amara")
        if "I have read this" in sign_in(w, who).get(f"/concerns/{concern}").words
    )
    stays_red(w, priya, concern, person)
    sign_in(w, holder).fill(f"/concerns/{concern}/acknowledge")
    name = {"paul": "Paul Harbour", "seth": "Seth System", "amara": "Amara Chief"}[holder]
    for path in ("/", "/people", f"/concerns/{concern}"):
        page = priya.get(path)
        assert NOBODY not in page.words, path
        assert f"Seen by {name}, 17 May 2026 at 1:10am." in page.words, path
        assert "app-unseen" not in page.text, path
    w.later(days=2)
    assert "Seen by" not in sign_in(w, "priya").get("/").words, "after a day the receipt says it"


@pytest.mark.invariant("I57")
def test_with_a_mail_server_that_takes_and_drops(w: World, sign_in: SignIn) -> None:
    person = w.person()
    w.at = SATURDAY
    priya = sign_in(w, "priya")
    with mail_server("drop") as (box, url):
        run(Edge(w.store, lambda: w.at), once=True, ways=ways(url))
        concern = danger(w, priya, person).path.split("/")[-1]
        for _ in range(3):
            run(Edge(w.store, lambda: w.at), once=True, ways=ways(url))
            stays_red(w, sign_in(w, "priya"), concern, person)
            w.later(minutes=45)
        assert box.tried > 0
        assert box.mails == []
    taken = rows(
        w.store, "SELECT count(*) FROM dispatch WHERE noun = 'concern' AND result = 'sent'"
    )
    assert taken[0][0] > 0, "the server said that it took them"
    stays_red(w, sign_in(w, "priya"), concern, person)


def test_on_a_weekday_the_duty_desk_is_named_and_at_night_the_council(
    w: World, sign_in: SignIn
) -> None:
    person = w.person()
    sign_in(w, "grace").fill(
        f"/places/{w.place['harbour']}/rota",
        name="Duty desk",
        phone="01632 960150",
        serves="anyone",
        days=["0", "1", "2", "3", "4"],
        opens="9am",
        closes="5pm",
    )
    priya = sign_in(w, "priya")
    concern = danger(w, priya, person).path.split("/")[-1]
    stays_red(w, priya, concern, person, "01632 960150")
    w.at = SATURDAY
    stays_red(w, sign_in(w, "priya"), concern, person, COUNCIL)
    with w.store.read() as tx:
        assert len(tx.rows(LINES_OF, place_id=w.place["harbour"])) == 1
