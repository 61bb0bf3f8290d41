"""Somebody who sings in a choir has a stroke, and can't decide for a while who may know about her.

Her place is kept throughout. What the choir knows shrinks to the care card on the day her agreement
runs out, opens again on a best-interests decision, and ends the moment she says no herself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from referral.store import Store
from referral.verify import verify
from tests.journeys.screens import SignIn
from tests.web.client import Page
from tests.winding import rows, state, sweep
from tests.world import World, agree, build
from workflows.rules_for_verify import rules_for_verify

WHERE = "purpose=share_with_provider"


@pytest.fixture
def w(url: str) -> Iterator[World]:
    store = Store(url)
    made = build(store)
    yield made
    with store.snapshot() as tx:
        report = verify(tx, rules_for_verify())
    assert report.whole, report.lines()
    store.dispose()


def assessment(page: Page) -> str:
    """The newest assessment that the consent page offers to rest on."""
    found = re.search(r'name="capacity_id"[^>]*value="([0-9a-f-]{36})"', page.text)
    assert found, page.words
    return found[1]


def test_a_person_loses_capacity_in_mid_course_and_a_best_interests_decision_is_made(
    w: World, sign_in: SignIn
) -> None:
    person = w.person()
    referral = w.active(person)
    page, choir = f"/referrals/{referral}", w.provider["singers"]
    asking = f"/people/{person}/consent?{WHERE}&provider={choir}"

    # A year later the agreement runs out while she is ill. Nobody takes her out of the choir.
    w.at += timedelta(days=366)
    sweep(w)
    with w.store.begin(w.actor["grace"]) as tx:
        agree(tx, w, w.at)  # the organisations' own agreement is signed anew
    assert state(w.store, "referral", referral) == "active"
    sol = sign_in(w, "sol")
    card = sol.get(page).words
    assert "Okoro" in card
    assert "07700 900 982" not in card, "her own number isn't on the care card"
    assert "What matters" not in card
    priya = sign_in(w, "priya")
    assert "Okoro" in priya.get("/").words, "her link worker is asked to ask her again"

    # She can't decide this now. An answer for her needs an assessment, made in the law's order.
    w.later(minutes=10)
    refused = priya.fill(asking, share="yes", basis="best_interests", how="in_person")
    assert refused.path.endswith("/consent"), "not without an assessment"
    assert rows(w.store, "SELECT count(*) FROM consent WHERE state = 'given'") == [(0,)]
    form = priya.get(f"/people/{person}/capacity")
    told = {
        "decision": "Whether the choir may know how to reach her and what matters to her",
        "assessor": "Priya Shah",
        "help": "Pictures, her daughter there, asked in the morning when she is at her best",
        "understands": "yes",
        "retains": "no",
        "weighs": "yes",
        "communicates": "yes",
    }
    unfinished = priya.send(form, **told)
    assert "what makes them unable" in unfinished.words, "the cause comes second, and must come"
    assert "Pictures, her daughter there" in unfinished.text, "what was typed is kept"
    review = (w.at + timedelta(days=60)).date()
    priya.send(
        unfinished,
        cause="A stroke: she forgets what was said within a minute.",
        interests="She sang for years, smiles when it is spoken of, and is calm after.",
        consulted="Her daughter",
        review_on__day=str(review.day),
        review_on__month=str(review.month),
        review_on__year=str(review.year),
    )
    rests_on = assessment(priya.get(asking))
    done = priya.fill(
        asking, share="yes", basis="best_interests", how="in_person", capacity_id=rests_on
    )
    assert done.path == f"/people/{person}", done.words
    again = sol.get(page).words
    assert "07700 900 982" in again
    assert state(w.store, "referral", referral) == "active"
    assert "stroke" not in again, "why it was decided for her is not the choir's to know"

    # It holds until it is to be looked at again, not for a year.
    (until,) = rows(w.store, "SELECT until FROM consent WHERE state = 'given'")[0]
    assert str(until)[:10] <= str(review + timedelta(days=1))

    # She can decide again, and is asked herself. She says no: in the next request it is gone.
    w.later(days=20)
    priya, sol = sign_in(w, "priya"), sign_in(w, "sol")
    better = {**told, "retains": "yes"}
    priya.send(priya.get(f"/people/{person}/capacity"), **better)
    answer = priya.fill(asking, share="no", how="in_person", basis="agreement")
    if answer.path.startswith("/consents/"):
        answer = priya.send(answer, reason="person_said_no")
    assert state(w.store, "referral", referral) == "withdrawn"
    gone = sol.get(page).words
    assert "Okoro" not in gone
    assert "07700" not in gone
