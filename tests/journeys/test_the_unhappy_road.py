"""What goes wrong on the way, in the pages, once in a browser with JavaScript off and once without
a browser on the other database: no consent, declined, referred on, nobody answers, escalated and
decided, consent taken back, a concern that holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from referral.store import Sql, Store
from referral.verify import verify
from tests.journeys.walking import Walk
from tests.journeys.ways import WAYS, Way, ways
from tests.world import World, build
from web.app import create_app
from web.edge import Edge
from web.passwords import hash_password
from web.worker import sweep_all
from workflows.rules_for_verify import rules_for_verify

PASSWORD = "the same for everybody here"


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return ways(request)


@pytest.fixture
def w(way: Way) -> Iterator[World]:
    store = Store(way.url)
    world = build(store)
    hashed = hash_password(PASSWORD)
    with store.begin() as tx:
        tx.run(Sql("UPDATE app_user SET password_hash = :hashed"), hashed=hashed)
    yield world
    store.dispose()


@pytest.fixture
def arrive(w: World, way: Way) -> Iterator[Callable[[str], Walk]]:
    # Sessions go by the world's start, so that winding the world on signs nobody out.
    start = w.at
    app = create_app(Edge(w.store, lambda: w.at), way.settings, session_clock=lambda: start)
    somebody = way.opened(app)
    walkers: dict[str, Walk] = {}

    def come(name: str) -> Walk:
        if name not in walkers:
            walkers[name] = somebody(1280).sign_in(f"{name}@example.org", PASSWORD)
        return walkers[name]

    yield come
    for walker in walkers.values():
        walker.leave()


def state(w: World, record: str) -> str:
    with w.store.read() as tx:
        return str(tx.rows(Sql("SELECT state FROM referral WHERE id = :id"), id=record)[0][0])


def test_everything_that_goes_wrong_comes_back_to_a_named_person(
    w: World, arrive: Callable[[str], Walk]
) -> None:
    person = w.person()
    draft = w.draft(person)
    page = f"/referrals/{draft}"

    # No consent: refused, with the reason and the way to mend it.
    priya, sol = arrive("priya"), arrive("sol")
    priya.go(page).must_say("There is no consent in force to share with this provider.")
    assert state(w, draft) == "draft"
    w.consent(person)
    w.consent(person, "clay")
    priya.go(f"{page}/write/check").press("Send the referral")
    assert state(w, draft) == "sent", priya.words

    # Declined, with a reason, and referred on to another provider.
    sol.go(f"{page}/decline").fill(reason="access_need").press_the_button()
    assert state(w, draft) == "returned", sol.words
    priya.go("/").must_say("Back with")
    priya.go(f"{page}/redirect").fill(group_id=w.group["pottery"]).press_the_button()
    assert state(w, draft) == "redirected", priya.words
    with w.store.read() as tx:
        onward = tx.rows(Sql("SELECT id FROM referral WHERE redirected_from = :id"), id=draft)[0][0]
    assert state(w, onward) == "sent"

    # Nobody answers: the clock brings it back to the link worker, and an alarm is raised.
    edge = Edge(w.store, lambda: w.at)
    for _day in range(16):
        w.later(days=1)
        sweep_all(edge)
    assert state(w, onward) == "returned"
    kit = arrive("kit")
    kit.go(f"/referrals/{onward}/accept").must_not_say("Okoro")
    assert state(w, onward) == "returned"

    # Escalated, seen, decided, carried out.
    second = w.sent()
    priya.go(f"/referrals/{second}/escalate")
    priya.fill(kind="capacity", note="There is no place and she is asking every day.")
    _fill_if_there(priya, severity="medium")
    priya.press_the_button()
    with w.store.read() as tx:
        escalation = tx.rows(
            Sql("SELECT id FROM escalation WHERE about_id = :id AND raised_by IS NOT NULL"),
            id=second,
        )[0][0]
    tess = arrive("tess")
    tess.go(f"/escalations/{escalation}/acknowledge").press_the_button()
    with w.store.begin(w.actor["tess"]) as tx:
        seen = tx.rows(Sql("SELECT state FROM escalation WHERE id = :id"), id=escalation)
    assert seen == [("in_review",)], tess.words
    _decide_to_recall(tess, escalation)
    assert state(w, second) == "returned", tess.words
    tess.go(f"/escalations/{escalation}").must_say("Done")

    # Consent taken back: the provider's next request shows a reference and no more.
    third_person = w.person()
    third = w.accepted(third_person)
    sol.go(f"/referrals/{third}").must_say("Okoro")
    with w.store.read() as tx:
        consent = tx.rows(
            Sql("SELECT id FROM consent WHERE person_id = :p AND state = 'given'"), p=third_person
        )[0][0]
    priya.go(f"/consents/{consent}/withdraw").press_the_button()
    assert state(w, third) == "withdrawn", priya.words
    with w.store.read() as tx:
        reference = tx.rows(Sql("SELECT reference FROM referral WHERE id = :i"), i=third)[0][0]
    sol.go(f"/referrals/{third}").must_say(reference).must_not_say(
        "Okoro", "07700", "Singing again"
    )

    # A concern: held, and to the others it says only that.
    fourth = w.sent()
    priya.go(f"/referrals/{fourth}/concern")
    priya.fill(seen="He said that he is afraid to go home.", danger="no").press_the_button()
    priya.must_say("Nobody has seen this yet", "01632 960")
    priya.go("/").must_say("Nobody has seen your concern")
    sol.go(f"/referrals/{fourth}").must_say("On hold").must_not_say("concern was", "afraid")
    sol.go(f"/referrals/{fourth}/accept")
    sol.must_say("On hold")
    assert state(w, fourth) == "sent"
    gwen = arrive("gwen")
    with w.store.read() as tx:
        concern = tx.rows(Sql("SELECT id FROM concern"))[0][0]
    gwen.go(f"/concerns/{concern}/acknowledge").press_the_button()
    priya.go("/").must_not_say("Nobody has seen your concern")
    sol.go(f"/concerns/{concern}").must_not_say("afraid")
    with w.store.read() as tx:
        report = verify(tx, rules_for_verify())
    assert report.whole, report.lines()[:5]


def _fill_if_there(walker: Walk, **fields: str) -> None:
    for name, value in fields.items():
        if walker.has(name):
            walker.fill(**{name: value})


def _decide_to_recall(tess: Walk, escalation: str) -> None:
    """Decide, with taking the person back as what is to happen; look at it first, then confirm."""
    tess.go(f"/escalations/{escalation}/decide")
    code = next(code for code in tess.codes("do") if code.startswith("recall-"))
    tess.fill(decision="uphold", note="The wait is too long.", do=[code])
    tess.fill(**{f"{code}--reason": "better_fit"}).press_the_button()
    tess.must_say("What this will do").press("Decide")
