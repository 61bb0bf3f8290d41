"""Every kind of clock in every table, driven past due again and again: each mark does what its
state's row says, and the record is never left without somebody whose turn it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from referral.states import ENDS, Noun
from referral.store import Store
from tests.winding import after, clocks, rows, state, sweep
from tests.world import World, build
from workflows import sweep as sweeping
from workflows.engine import TABLES
from workflows.evidence import add_evidence


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


Build = Callable[[World], tuple[Noun, str]]
BUILD: dict[str, tuple[Build, list[str]]] = {}


def kind(name: str, *expected: str) -> Callable[[Build], Build]:
    """A record with a running clock of this kind, and what its first marks come to."""

    def known(builder: Build) -> Build:
        BUILD[name] = (builder, list(expected))
        return builder

    return known


REMINDED_THEN_RAISED = ("reminded", "raised", "already_raised")


@kind("referral.draft", *REMINDED_THEN_RAISED)
def draft(w: World) -> tuple[Noun, str]:
    return Noun.REFERRAL, w.draft()


# What the lapse raised is still open when the link worker's own clock has been missed twice.
@kind("referral.sent", "reminded", "lapse", "reminded", "already_raised")
def sent(w: World) -> tuple[Noun, str]:
    return Noun.REFERRAL, w.sent()


@kind("referral.queried", *REMINDED_THEN_RAISED)
def queried(w: World) -> tuple[Noun, str]:
    record = w.sent()
    w.referral(record, "ask", "sol", given={"note": "Can she climb stairs?"})
    return Noun.REFERRAL, record


@kind("referral.waiting", *REMINDED_THEN_RAISED)
def waiting(w: World) -> tuple[Noun, str]:
    record = w.sent()
    w.referral(record, "put_on_waiting_list", "sol", given={"expected_date": date(2026, 6, 4)})
    return Noun.REFERRAL, record


@kind("referral.accepted", *REMINDED_THEN_RAISED)
def accepted(w: World) -> tuple[Noun, str]:
    return Noun.REFERRAL, w.accepted()


@kind("referral.active", *REMINDED_THEN_RAISED)
def active(w: World) -> tuple[Noun, str]:
    return Noun.REFERRAL, w.active()


@kind("referral.paused", *REMINDED_THEN_RAISED)
def paused(w: World) -> tuple[Noun, str]:
    record = w.active()
    w.referral(record, "pause", "sol", given={"paused_until": date(2026, 6, 30)})
    return Noun.REFERRAL, record


@kind("referral.returned", *REMINDED_THEN_RAISED)
def returned(w: World) -> tuple[Noun, str]:
    record = w.sent()
    w.referral(record, "decline", "sol", given={"reason": "full"})
    return Noun.REFERRAL, record


@kind("referral.completed", *REMINDED_THEN_RAISED)
def completed(w: World) -> tuple[Noun, str]:
    return Noun.REFERRAL, w.completed()


@kind("referral.not_started", "raised", "already_raised", "already_raised")
def not_started(w: World) -> tuple[Noun, str]:
    return Noun.REFERRAL, w.accepted()


@kind("consent.asked", *REMINDED_THEN_RAISED)
def asked(w: World) -> tuple[Noun, str]:
    person = w.person()
    w.draft(person)
    return Noun.CONSENT, w.consent(person, agreed=None).id  # type: ignore[arg-type]


@kind("consent.given", "reminded", "reminded", "expire", "started_again")
def given(w: World) -> tuple[Noun, str]:
    person = w.person()
    w.draft(person)
    return Noun.CONSENT, w.consent(person, until=after(w.at, 40)).id


@kind("consent.expired", *REMINDED_THEN_RAISED)
def expired(w: World) -> tuple[Noun, str]:
    person = w.person()
    consent = w.consent(person, until=w.at + timedelta(days=2)).id
    record = w.draft(person)
    w.referral(record, "send", "priya", given={"shared": "{}"})
    w.referral(record, "accept", "sol")
    sweep(w, w.at + timedelta(days=2))
    assert state(w.store, "consent", consent) == "expired"
    return Noun.CONSENT, consent


@kind("override.proposed", "climb", "climb", "climb", "started_again")
def proposed(w: World) -> tuple[Noun, str]:
    return Noun.OVERRIDE, w.override(w.person(), by=None)


@kind("override.approved", "end", "reminded", "raised")
def approved(w: World) -> tuple[Noun, str]:
    return Noun.OVERRIDE, w.override(w.person())


@kind("emergency.opened", "end", "reminded", "raised")
def emergency_opened(w: World) -> tuple[Noun, str]:
    return Noun.EMERGENCY, w.emergency(w.person())


@kind("emergency.under_review", *REMINDED_THEN_RAISED)
def emergency_under_review(w: World) -> tuple[Noun, str]:
    record = w.emergency(w.person())
    w.step(Noun.EMERGENCY, record, "close", "olu")
    return Noun.EMERGENCY, record


@kind("override.ended", *REMINDED_THEN_RAISED)
def override_ended(w: World) -> tuple[Noun, str]:
    record = w.override(w.person())
    w.step(Noun.OVERRIDE, record, "end", "gwen", given={"reason": "danger_over"})
    return Noun.OVERRIDE, record


def concern(w: World, danger: bool = False) -> str:
    values = {"person_id": w.person(), "seen": "Bruises.", "danger": danger, "sources": []}
    return w.step(Noun.CONCERN, None, "raise", "priya", given=values).id


@kind("concern.raised", "climb", "climb", "climb", "started_again", "started_again")
def raised_concern(w: World) -> tuple[Noun, str]:
    return Noun.CONCERN, concern(w)


@kind("concern.under_review", "climb", "climb", "climb", "started_again")
def under_review(w: World) -> tuple[Noun, str]:
    record = concern(w)
    w.step(Noun.CONCERN, record, "acknowledge", "gwen")
    return Noun.CONCERN, record


@kind("concern.reported", "reminded", "climb", "reminded", "climb")
def reported(w: World) -> tuple[Noun, str]:
    _, record = under_review(w)
    w.step(Noun.CONCERN, record, "report_to_authority", "gwen", given={"reported_to": "Council"})
    return Noun.CONCERN, record


@kind("concern.enquiry", "climb", "climb", "climb", "started_again")
def enquiry(w: World) -> tuple[Noun, str]:
    _, record = reported(w)
    decided = {"authority_decision": "section_42"}
    w.step(Noun.CONCERN, record, "authority_decides", "gwen", given=decided)
    return Noun.CONCERN, record


@kind("concern.monitoring", "climb", "climb", "climb", "started_again")
def monitoring(w: World) -> tuple[Noun, str]:
    _, record = under_review(w)
    w.step(Noun.CONCERN, record, "monitor", "gwen")
    return Noun.CONCERN, record


@kind("escalation.raised", "climb", "started_again", "started_again")
def raised(w: World) -> tuple[Noun, str]:
    about = {"kind": "no_reply", "about": "referral", "about_id": w.draft(), "note": "Help"}
    return Noun.ESCALATION, w.step(Noun.ESCALATION, None, "raise", "priya", given=about).id


@kind("escalation.in_review", "climb", "started_again")
def in_review(w: World) -> tuple[Noun, str]:
    _, record = raised(w)
    w.step(Noun.ESCALATION, record, "acknowledge", "tess")
    return Noun.ESCALATION, record


@kind("escalation.information_requested", "unanswered", "climb")
def information_requested(w: World) -> tuple[Noun, str]:
    _, record = in_review(w)
    asked = {"note": "When?", "asked": f"member@{w.actor['priya'].membership_id}"}
    w.step(Noun.ESCALATION, record, "ask", "tess", given=asked)
    return Noun.ESCALATION, record


@kind("escalation.decided", *REMINDED_THEN_RAISED)
def decided(w: World) -> tuple[Noun, str]:
    _, record = in_review(w)
    w.step(Noun.ESCALATION, record, "decide", "tess", given={"decision": "uphold", "note": "Yes"})
    return Noun.ESCALATION, record


def provider(w: World, key: str = "clay") -> str:
    found = rows(w.store, "SELECT id FROM assurance WHERE provider_id = :p", p=w.provider[key])
    return str(found[0][0])


@kind("assurance.applied", *REMINDED_THEN_RAISED)
def applied(w: World) -> tuple[Noun, str]:
    record = provider(w)
    w.step(Noun.ASSURANCE, record, "leave", "kit", given={"reason": "own_choice"})
    w.step(Noun.ASSURANCE, record, "apply", "kit")
    return Noun.ASSURANCE, record


@kind("assurance.in_review", *REMINDED_THEN_RAISED)
def assurance_in_review(w: World) -> tuple[Noun, str]:
    _, record = applied(w)
    w.step(Noun.ASSURANCE, record, "review", "grace")
    return Noun.ASSURANCE, record


@kind("assurance.assured", "reminded", "reminded", "reminded", "lapse", "reminded")
def assured(w: World) -> tuple[Noun, str]:
    return Noun.ASSURANCE, provider(w)


@kind("assurance.conditional", "reminded", "review", "reminded", "raised")
def conditional(w: World) -> tuple[Noun, str]:
    _, record = assurance_in_review(w)
    conditions = {
        "conditions_until": w.at + timedelta(days=20),
        "conditional_activities": [w.activity["pottery"]],
        "note": "A new risk assessment.",
    }
    w.step(Noun.ASSURANCE, record, "condition", "grace", given=conditions)
    return Noun.ASSURANCE, record


@kind("assurance.suspended", "reminded", "already_raised")
def suspended(w: World) -> tuple[Noun, str]:
    record = provider(w)
    w.step(Noun.ASSURANCE, record, "suspend", "grace", given={"reason": "quality"})
    return Noun.ASSURANCE, record


@kind("assurance.lapsed", "reminded", "already_raised")
def lapsed(w: World) -> tuple[Noun, str]:
    grace = w.actor["grace"]
    until = w.at + timedelta(days=1)
    with w.store.begin(grace) as tx:
        add_evidence(
            tx,
            grace,
            w.at,
            provider_id=w.provider["clay"],
            kind="dbs",
            from_at=w.at - timedelta(days=9),
            until=until,
        )
    sweep(w, until)
    record = provider(w)
    assert state(w.store, "assurance", record) == "lapsed"
    return Noun.ASSURANCE, record


AGREEMENT = {
    "title": "Sharing for creative health",
    "purposes": ["share_with_provider"],
    "lawful_basis": "public_task",
    "fields": ["everything_listed"],
}


@kind("agreement.drafted", *REMINDED_THEN_RAISED)
def drafted(w: World) -> tuple[Noun, str]:
    given = {
        **AGREEMENT,
        "parties": [w.org["ash"], w.org["clay"]],
        "review_at": w.at + timedelta(days=365),
    }
    return Noun.AGREEMENT, w.step(Noun.AGREEMENT, None, "draft", "grace", given=given).id


def the_agreement(w: World) -> str:
    return str(rows(w.store, "SELECT id FROM agreement WHERE state = 'in_force'")[0][0])


@kind("agreement.in_force", "reminded", "reminded", "expire", "started_again")
def in_force(w: World) -> tuple[Noun, str]:
    return Noun.AGREEMENT, the_agreement(w)


@kind("agreement.ended", "reminded", "already_raised", "already_raised")
def ended(w: World) -> tuple[Noun, str]:
    w.active()
    record = the_agreement(w)
    w.step(Noun.AGREEMENT, record, "end", "grace", given={"reason": "not_needed"})
    return Noun.AGREEMENT, record


@kind("rights_request.received", *REMINDED_THEN_RAISED)
def request_received(w: World) -> tuple[Noun, str]:
    return Noun.RIGHTS, w.rights(w.person())


@kind("rights_request.identity_checked", *REMINDED_THEN_RAISED)
def request_checked(w: World) -> tuple[Noun, str]:
    record = w.rights(w.person())
    w.step(Noun.RIGHTS, record, "check_identity", "ingrid", given={"identity_how": "documents"})
    return Noun.RIGHTS, record


@kind("rights_request.in_progress", "reminded", "reminded", *REMINDED_THEN_RAISED)
def request_begun(w: World) -> tuple[Noun, str]:
    _, record = request_checked(w)
    w.step(Noun.RIGHTS, record, "start", "ingrid")
    return Noun.RIGHTS, record


@kind("rights_request.asked", *REMINDED_THEN_RAISED)
def request_asked(w: World) -> tuple[Noun, str]:
    _, record = request_begun(w)
    w.step(Noun.RIGHTS, record, "ask", "ingrid", given={"note": "Which?", "told_how": "phone"})
    return Noun.RIGHTS, record


KINDS = sorted(kind for table in TABLES.values() for kind in table.clocks)


def test_every_kind_of_clock_is_driven_here() -> None:
    assert sorted(BUILD) == KINDS


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.invariant("I11")
def test_each_mark_does_what_its_row_says(
    w: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    builder, expected = BUILD[name]
    noun, record = builder(w)
    seen: list[tuple[str, str, str]] = []

    def look(tx: Any, claimed: Any, at: Any) -> str:
        done = sweeping_look(tx, claimed, at)
        seen.append((claimed.kind, claimed.record_id, done))
        return done

    sweeping_look = sweeping.look
    monkeypatch.setattr(sweeping, "look", look)
    long = name == "referral.not_started"
    assert name in [c["kind"] for c in clocks(w.store, record)]

    def of_interest() -> list[str]:
        return [
            done
            for of_kind, of_record, done in seen
            if of_record == record and (of_kind == "referral.not_started") is long
        ]

    for _ in range(20):
        if len(of_interest()) >= len(expected):
            break
        mine = [c for c in clocks(w.store, record) if (c["kind"] == "referral.not_started") is long]
        assert mine, "an open record is left without a clock"
        done = sweep(w, mine[0]["look_at"])
        assert not [word for word in done if "failed" in word], done
        for c in clocks(w.store, record):
            assert c["look_at"] > w.at
            assert c["owner"].partition("@")[0] != "nobody"
        ended = state(w.store, noun, record) in ENDS[noun]
        assert bool(clocks(w.store, record)) is not ended
    assert of_interest()[: len(expected)] == expected
