"""Nobody answers a referral over Christmas. It lapses and is raised by itself, and the decision
gives it to another link worker with conditions, who sends it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from referral.store import Sql, Store
from tests.journeys.screens import SignIn
from tests.world import World, build
from web.edge import Edge
from web.worker import sweep_all
from workflows.organisations import set_away

BEFORE = datetime(2026, 12, 15, 10, tzinfo=UTC)  # a Tuesday


@pytest.fixture
def w(url: str) -> Iterator[World]:
    store = Store(url)
    yield build(store, BEFORE)
    store.dispose()


def rows(w: World, text: str, **more: Any) -> list[tuple[Any, ...]]:
    with w.store.read() as tx:
        return tx.rows(Sql(text), **more)


def state(w: World, record: str) -> str:
    return str(rows(w, "SELECT state FROM referral WHERE id = :id", id=record)[0][0])


def day(w: World, date: datetime) -> None:
    """The workers keep looking until then."""
    while w.at < date:
        w.at = min(w.at + timedelta(hours=12), date)
        sweep_all(Edge(w.store, lambda: w.at))


def test_nobody_answers_a_referral_over_christmas(w: World, sign_in: SignIn) -> None:
    record = w.sent()
    priya = w.actor["priya"]
    with w.store.begin(priya) as tx:  # Priya is away from the 18th until well into January
        set_away(tx, priya, w.at, membership_id=priya.membership_id,
                 start=datetime(2026, 12, 18, 17, tzinfo=UTC),
                 end=datetime(2027, 1, 25, 9, tzinfo=UTC))  # fmt: skip

    # Christmas, Boxing Day (kept on the 28th) and New Year's Day don't count.
    day(w, datetime(2026, 12, 22, 12, tzinfo=UTC))
    assert "A new referral to answer. 22 December 2026" in sign_in(w, "sol").get("/notices").words
    day(w, datetime(2026, 12, 31, 9, tzinfo=UTC))
    assert state(w, record) == "sent"
    day(w, datetime(2026, 12, 31, 12, tzinfo=UTC))
    assert state(w, record) == "returned"
    matter, kind, level = rows(w, "SELECT id, kind, level FROM escalation WHERE closed_at IS NULL")[
        0
    ]
    assert (kind, level) == ("no_reply", 1)

    # Tess leads the team: it is on her list, and she stands in for Priya.
    tess = sign_in(w, "tess")
    assert f"/escalations/{matter}" in tess.get("/").text
    page = tess.get(f"/escalations/{matter}")
    assert "A clock: something was late" in page.words
    assert "Now: Team lead, Ash Lane practice. Tess Lead" in page.words
    tess.fill(f"/escalations/{matter}/acknowledge")
    w.later(minutes=5)
    sam = w.actor["sam"].membership_id
    page = tess.fill(
        f"/escalations/{matter}/decide",
        decision="uphold",
        note="Send it again from Monday. Ring the choir first.",
        review_on__day="20",
        review_on__month="1",
        review_on__year="2027",
        do=[f"reassign-{record}"],
        **{f"reassign-{record}--link_worker_id": sam},
    )
    assert "What this will do" in page.words
    assert "20 January 2027" in page.words
    page = tess.send(page, sure="yes")
    assert "everything that follows has been done" in page.banner
    assert rows(w, "SELECT state FROM consequence") == [("done",)]
    assert rows(w, "SELECT link_worker_id FROM referral WHERE id = :id", id=record) == [(sam,)]
    sweep_all(Edge(w.store, lambda: w.at))

    # Sam hears of it, reads what was decided with its conditions, and sends it.
    visitor = sign_in(w, "sam")
    notices = visitor.get("/notices").words
    assert "The referral has another link worker." in notices
    page = visitor.get(f"/referrals/{record}")
    assert "With you now" in page.words
    w.at = datetime(2027, 1, 4, 10, tzinfo=UTC)
    visitor, tess = sign_in(w, "sam"), sign_in(w, "tess")
    page = visitor.get(f"/referrals/{record}/write/check")
    page = visitor.send(page, form=_form(page.text))
    assert state(w, record) == "sent"
    tess.fill(f"/escalations/{matter}/complete")
    assert rows(w, "SELECT state FROM escalation WHERE id = :id", id=matter) == [("closed",)]
    told = rows(w, "SELECT trigger FROM step WHERE record_id = :id ORDER BY version", id=record)
    steps = [row[0] for row in told]
    assert steps == ["create", "send", "lapse", "reassign", "send"]


def _form(text: str) -> int:
    """The number of the form that sends."""
    actions = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', text)
    frame = ("/sign-out", "/search", "/stay-signed-in")
    mine = [action for action in actions if action not in frame]
    return next((n for n, action in enumerate(mine) if action.endswith("/send")), 0)
