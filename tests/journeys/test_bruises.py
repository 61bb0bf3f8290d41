"""A choir leader reports bruises, and the link worker is named as the source of harm.

Tried as five people: the leader who saw them, the lead who looks after it, the link worker, their
team lead, and the lead of the place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from referral.store import Store
from referral.verify import verify
from tests.journeys.screens import SignIn
from tests.winding import rows, state
from tests.world import World, build
from workflows.rules_for_verify import rules_for_verify

SEEN = "Bruises on both arms. She said Priya gripped her."
HELD = "On hold. Call the link worker's team before any contact."
HELD_BY_US = "On hold. Agree any contact within your team first."


@pytest.fixture
def w(url: str) -> Iterator[World]:
    store = Store(url)
    made = build(store)
    yield made
    with store.snapshot() as tx:
        report = verify(tx, rules_for_verify())
    assert report.whole, report.lines()
    store.dispose()


@pytest.mark.invariant("I39")
def test_a_choir_leader_reports_bruises_and_the_link_worker_is_named(
    w: World, sign_in: SignIn
) -> None:
    person = w.person()
    referral = w.active(person)
    other = w.active()
    draft = w.draft(person, "pottery")
    members = {name: w.actor[name].user_id for name in w.actor}

    # The leader sees it at the session, and says who it may have been.
    sol = sign_in(w, "sol")
    form = sol.get(f"/referrals/{referral}/concern")
    assert "Call 999 now" in form.words
    assert "01632 960100" in form.words
    page = sol.send(
        form, seen=SEEN, danger="not_sure", source_users=[members["priya"]], wishes="To be safe"
    )
    concern = page.path
    assert "Nobody has seen this yet." in page.words
    assert "Due today by 11am" in page.words, "not sure is danger: an hour"

    # The link worker finds the hold's sentence on this person's record, and nothing else.
    priya = sign_in(w, "priya")
    for path in (f"/referrals/{referral}", f"/referrals/{draft}", f"/people/{person}"):
        seen = priya.get(path)
        assert HELD_BY_US in seen.words, path
        assert "07700" not in seen.words, path
        for word in ("Bruises", "gripped", "Sol Rivers", "Paul"):
            assert word not in seen.words, (path, word)
    assert priya.get(concern).status == 404
    for move in ("withdraw", "recall", "pause"):
        assert "On hold." in priya.get(f"/referrals/{referral}/{move}").words
    assert "On hold." not in priya.get(f"/referrals/{other}").words

    # Their team lead stands in for this person, and isn't told why.
    tess = sign_in(w, "tess")
    lead = tess.get(f"/referrals/{referral}")
    assert "On hold." in lead.words
    assert "Bruises" not in lead.words
    assert tess.get(concern).status == 404
    assert HELD in sol.get(f"/referrals/{referral}").words

    # The choir has no lead of its own, so it lies with the place's, who reads it within the hour,
    # keeps the hold, and tells the council and the trust desk.
    w.later(minutes=20)
    paul = sign_in(w, "paul")
    assert "A safeguarding concern nobody has read yet." in paul.get("/").words, paul.get("/").words
    paul.fill(f"{concern}/acknowledge", hold_stays="yes", categories=["physical"])
    assert "Seen by Paul Harbour" in sign_in(w, "sol").get(concern).words
    page = paul.get(concern)
    assert "Named as a source of harm Priya Shah" in page.words
    assert "people in positions of trust" in page.words, "staff are named: a route of its own"
    w.later(minutes=5)
    paul.fill(
        f"{concern}/report-to-authority",
        authority_route="adult_social_care",
        authority_reference="AS-1",
    )
    told = paul.fill(f"{concern}/told-authority", authority_route="allegations_adults")
    assert "has not been told yet" not in told.words
    assert "AS-1" in told.words

    # The authority enquires; the plan is followed and looked at; the system's lead takes over.
    paul.fill(f"{concern}/authority-decides", authority_decision="section_42")
    w.later(minutes=5)
    paul.fill(f"{concern}/review", note="She stays with her sister.", advocate="has_one")
    paul.fill(f"{concern}/monitor", note="Weekly calls until July.")
    paul.fill(f"{concern}/hand-over", holder=f"safeguarding_lead@{w.place['root']}")
    seth = sign_in(w, "seth")
    assert "With you" in seth.get("/concerns").words

    # Meanwhile nothing the link worker does reaches the person; the lead hands them to another.
    tess = sign_in(w, "tess")
    moved = tess.fill(
        f"/referrals/{referral}/reassign", link_worker_id=w.actor["sam"].membership_id
    )
    assert "Handed over" in moved.banner

    # It ends with what the person wished for, and whoever raised it hears.
    missing = seth.fill(f"{concern}/close", reason="plan_done", feedback="Thank you.")
    assert missing.status == 422
    not_asked = seth.fill(
        f"{concern}/close", wishes_met="not_asked", reason="plan_done", feedback="Thank you."
    )
    assert "Say why the person was not asked what they wish." in not_asked.words
    closed = seth.fill(
        f"{concern}/close",
        wishes_met="fully",
        reason="plan_done",
        feedback="She is safe. Thank you.",
    )
    assert "Wishes met Fully" in closed.words
    assert "She is safe. Thank you." in sign_in(w, "sol").get(concern).words
    assert HELD not in sign_in(w, "sam").get(f"/referrals/{referral}").words
    steps = rows(w.store, "SELECT trigger FROM step WHERE noun = 'concern' ORDER BY id")
    assert [t for (t,) in steps][:4] == [
        "raise",
        "acknowledge",
        "report_to_authority",
        "told_authority",
    ]
    assert state(w.store, "referral", referral) == "active"

    # New information takes it up again, and the hold with it: somebody on staff is named.
    again = seth.fill(f"{concern}/reopen", reason="new_information", safe_to_carry_on="yes")
    assert "On hold Yes" in again.words
