"""Dozens of records in many states, all made by the product's own commands: what a whole store
looks like, for whoever wants to break it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from referral.audit import log
from referral.ids import new_id
from referral.records import sources
from referral.states import Noun, Purpose
from referral.store import Sql, Store
from tests.databases import _named, _sql
from tests.world import OUTCOME, World, agree, build
from web.edge import Edge
from workflows.activities import add_provider
from workflows.concerns import raise_concern
from workflows.engine import Done, Refused, step
from workflows.escalations import (
    carry_out,
    complete_escalation,
    decide_escalation,
    note_failure,
    pending,
    raise_escalation,
)
from workflows.evidence import add_evidence, renewal_in_hand
from workflows.organisations import add_organisation
from workflows.referrals import (
    change_draft,
    confirm_proposal,
    confirm_referrals,
    propose,
    record_attendance,
    redirect_referral,
    send_referral,
)
from workflows.scores import record_scores

# Composed in one place and not in the other: the same text to a reader.
NAME = "Caf\N{LATIN SMALL LETTER E WITH ACUTE}"
NAME_APART = "Cafe\N{COMBINING ACUTE ACCENT}"


def lived(store: Store) -> World:
    """A world that has been lived in: every move of every table is in it at least once
    (tests/referral/test_verify.py counts them)."""
    w = build(store)
    _referrals(w)
    _consents(w)
    _overrides(w)
    _emergencies(w)
    _concerns(w)
    _escalations(w)
    _assurances(w)
    _agreements(w)
    _requests(w)
    _entries(w)
    return w


@contextmanager
def lived_apart(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Such a world in a database of its own, reached by who owns the server: for a module's tests,
    on the kind of database that the fixture's parameter names."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        path = tmp_path_factory.mktemp("lived") / "segue.db"
        shutil.copy(template, path)
        store = Store(f"sqlite:///{path}")
        yield lived(store)
        store.dispose()
        return
    server = request.getfixturevalue("postgresql_server")
    template_name = request.getfixturevalue("postgresql_template")
    name = "v" + new_id().replace("-", "")
    _sql(server, f"CREATE DATABASE {name} TEMPLATE {template_name} OWNER segue_owner")
    store = Store(_named(server, name))
    yield lived(store)
    store.dispose()
    _sql(server, f"DROP DATABASE {name} WITH (FORCE)")


def _referrals(w: World) -> None:
    draft = w.draft()
    with w.store.begin() as tx:
        change_draft(
            tx,
            w.actor["priya"],
            w.later(hours=1),
            draft,
            {
                "urgent": True,
                "risks": "some",
                "safety_notes": f"Meet her at the {NAME_APART}.",
                "call_before": True,
                "alternatives": [w.activity["pottery"], w.activity["choir"]],
            },
        )
    w.referral(w.draft(), "discard", "priya")
    w.sent(key="sent-1")
    asked = w.sent()
    w.referral(asked, "ask", "sol", given={"note": "Can she climb stairs?"})
    answered = w.sent()
    w.referral(answered, "ask", "sol", given={"note": "Mornings?"})
    w.later(days=1)
    w.referral(answered, "answer", "priya", given={"note": "Yes."}, key="answer-1")
    waiting = w.sent()
    day = w.at.date()
    w.referral(waiting, "put_on_waiting_list", "sol", given={"expected_date": day + timedelta(30)})
    w.referral(
        waiting,
        "review_wait",
        "sol",
        at=w.later(days=2),
        given={"expected_date": day + timedelta(60), "reason": "no_place_yet"},
    )
    for reason in ("full", "safety"):
        w.referral(w.sent(), "decline", "sol", given={"reason": reason})
    w.referral(w.sent(), "lapse", w.system, at=w.later(days=15))
    w.referral(w.accepted(), "recall", "priya", given={"reason": "better_fit"})
    contacted = w.accepted()
    w.referral(contacted, "contact", "sol", at=w.later(hours=2))
    came = w.active()
    for n, how in enumerate(("came", "late", "told_us")):
        with w.store.begin() as tx:
            record_attendance(
                tx, w.actor["sol"], w.later(days=1), came, day=date(2026, 6, 1 + n), came=how
            )
    said = {"how": "phone", "asked_on": w.at.date(), "answers": {"happy": 4}}
    for stage in ("start", "review"):
        with w.store.begin() as tx:
            record_scores(tx, w.actor["priya"], w.at, referral_id=came, stage=stage, **said)
    paused = w.active(activity="pottery")
    w.referral(paused, "pause", "kit", given={"paused_until": w.at.date() + timedelta(30)})
    resumed = w.active(activity="pottery")
    w.referral(resumed, "pause", "kit", given={"paused_until": w.at.date() + timedelta(9)})
    w.referral(resumed, "resume", "kit", at=w.later(days=9))
    w.referral(w.active(), "give_back", "sol", given={"reason": "needs_changed"})
    w.completed()
    reopened = w.completed()
    w.referral(reopened, "reopen", "sol", given={"reason": "ended_too_soon"})
    closed = [w.completed(activity="pottery"), w.completed(activity="pottery")]
    with w.store.begin() as tx:
        confirm_referrals(tx, w.actor["priya"], w.later(days=1), closed)
    w.referral(closed[0], "reopen", "priya", given={"reason": "mistake"})
    w.referral(closed[0], "close_unmet", "priya", given={"reason": "no_provider"})
    w.referral(w.sent(), "withdraw", "priya", given={"reason": "moved_away"}, key="withdraw-1")
    w.referral(w.sent(), "reassign", "tess", given={"link_worker_id": w.actor["sam"].membership_id})
    rang = {"reason": "no_answer", "note": "It rang out.", "happened_at": w.at}
    w.referral(w.sent(), "call", "priya", given=rang, at=w.later(hours=1))
    tried = {"reason": "left_message", "happened_at": w.at}
    w.referral(w.accepted(), "try_contact", "sol", given=tried, at=w.later(hours=1))
    _passed_on(w)
    wrong = w.accepted()
    with w.store.begin() as tx:
        proposal = propose(
            tx,
            w.actor["priya"],
            w.at,
            Noun.REFERRAL,
            wrong,
            "mark_in_error",
            {"reason": "wrong_person", "note": "Two people with one name."},
        )
    with w.store.begin() as tx:
        confirm_proposal(tx, w.actor["priya"], w.actor["tess"], w.later(hours=1), proposal)


def _passed_on(w: World) -> None:
    """Declined and referred on: once sent at once, once left a draft for want of consent."""
    for with_consent in (True, False):
        person = w.person()
        if with_consent:
            w.consent(person, "clay")
        record = w.sent(person)
        w.referral(record, "decline", "sol", at=w.later(days=2), given={"reason": "full"})
        with w.store.begin() as tx:
            redirect_referral(
                tx, w.actor["priya"], w.later(days=1), record, group_id=w.group["pottery"]
            )


def _consents(w: World) -> None:
    for purpose in (Purpose.TELL_PRACTICE, Purpose.EVALUATION):
        w.consent(w.person(), "practice", purpose=purpose, present=f"Her daughter, {NAME}")
    w.consent(w.person(), agreed=False)
    with_a_reason = w.active()
    given = _consent_of(w, with_a_reason)
    w.step(Noun.CONSENT, given, "withdraw", "priya", given={"reason": "person_said_no"})
    again = w.person()
    w.consent(again)
    w.later(days=30)
    w.consent(again)  # renewed: the old one ends
    w.consent(again, agreed=False)  # and taken back
    ran_out = w.active()
    w.step(Noun.CONSENT, _consent_of(w, ran_out), "expire", w.system, at=w.later(days=1))
    asked = w.person()
    w.step(
        Noun.CONSENT,
        None,
        "ask",
        "priya",
        given={
            "person_id": asked,
            "purpose": "share_with_provider",
            "recipient": w.provider["clay"],
        },
    )


def _overrides(w: World) -> None:
    """Refused; climbed, approved, ended by the clock and reviewed; ended early; replaced by a
    newer one, with somebody recalled at the end."""

    def move(record: str, trigger: str, who: Any = "gwen", **given: Any) -> None:
        w.step(Noun.OVERRIDE, record, trigger, who, at=w.later(hours=1), given=given)

    said = {"person_told": False, "why_not_told": f"He waits for her at the {NAME_APART}."}
    move(w.override(w.person(), by=None, **said), "refuse", reason="too_much")
    climbed = w.override(w.person(), by=None, danger=True)
    move(climbed, "climb", w.system)
    move(climbed, "approve", "paul", note="Her brother was seen outside.")
    move(climbed, "end", w.system)
    move(climbed, "review", "grace", finding="right", note="The leader rang in time.")
    move(w.override(w.person()), "end", reason="danger_over")
    kept = w.person()
    w.override(kept)
    record = w.draft(kept)
    with w.store.begin(w.actor["priya"]) as tx:
        send_referral(tx, w.actor["priya"], w.later(hours=1), record)
    w.override(kept, who="gwen", by="paul", ground="coercion")
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT id FROM override WHERE state = 'approved'"))
    assert row is not None
    move(str(row[0]), "end", w.system)


def _requests(w: World) -> None:
    """Answered late, after a question and two months more; erased on a ground that doesn't wait;
    nobody could say who asked; refused; gone on with; taken back."""

    def move(record: str, trigger: str, who: str = "ingrid", by: str = "", **given: Any) -> None:
        second = w.actor[by] if by else None
        at = w.later(hours=1)
        with w.store.begin(w.actor[who]) as tx:
            step(tx, Noun.RIGHTS, record, trigger, w.actor[who], at, given, second=second)

    def begun(kind: str, who: str = "priya") -> str:
        record = w.rights(w.person(), kind, who, asked_for=f"What you wrote in the {NAME_APART}.")
        move(record, "check_identity", identity_how="known_to_team")
        move(record, "start")
        return record

    one = begun("access")
    move(one, "ask", note="Which year?", told_how="phone")
    move(one, "answer", who="priya", note="This one.")
    move(one, "extend", reason="complex", told_how="letter")
    move(one, "fulfil", note="A copy was given.", told_how="letter")
    two = begun("objection", "tess")
    move(two, "ask", note="To what?", told_how="phone")
    move(two, "go_on", note="Taken as all of it.")
    move(two, "refuse", by="gail", reason="other", note="The law asks for it.", told_how="letter")
    three = begun("erasure")
    move(three, "erase", by="amara", ground="unlawful", told_how="letter")
    move(w.rights(w.person()), "cannot_identify", note="Rang twice.")
    move(w.rights(w.person()), "withdraw", who="priya")


def _emergencies(w: World) -> None:
    """Closed early and found right; ended by another, found not right, which raises a matter; the
    last one ended by its clock."""
    why = f"She was found at the {NAME_APART}."
    first = w.emergency(w.person(), why=why)
    w.step(Noun.EMERGENCY, first, "close", "olu", at=w.later(minutes=9))
    said = {"finding": "right_to_open", "tags": ["team_not_reached"], "note": "Nobody answered."}
    w.step(Noun.EMERGENCY, first, "review", "grace", at=w.later(hours=20), given=said)
    second = w.emergency(w.person(), reason="other")
    third = w.emergency(w.person())
    said = {"finding": "not_needed_to_open", "note": "The wrong Margaret."}
    w.step(Noun.EMERGENCY, second, "review", "grace", at=w.later(hours=20), given=said)
    w.step(Noun.EMERGENCY, third, "end", w.system, at=w.later(hours=1))


def _consent_of(w: World, referral_id: str) -> str:
    with w.store.read() as tx:
        row = tx.row(
            Sql(
                "SELECT c.id FROM consent c JOIN referral r ON r.person_id = c.person_id"
                " WHERE r.id = :id AND c.state = 'given'"
            ),
            id=referral_id,
        )
    assert row is not None
    return str(row[0])


def _raised(w: World, values: Mapping[str, Any], who: str = "priya") -> str:
    with w.store.begin(w.actor[who]) as tx:
        return raise_concern(tx, w.actor[who], w.later(hours=1), values).id


def _concerns(w: World) -> None:
    def move(record: str, trigger: str, **given: Any) -> Done:
        return w.step(Noun.CONCERN, record, trigger, "gwen", at=w.later(hours=1), given=given)

    seen = {"seen": f"Bruises, by the {NAME}.", "danger": False}
    _raised(w, {**seen, "person_id": w.person(), "danger": True})
    named = [
        {"user_id": w.actor["sam"].user_id},
        {"organisation_id": w.org["clay"], "words": "Somebody at the pottery table."},
    ]
    kept = _raised(
        w, {**seen, "referral_id": w.sent(), "sources": named, "reach": "provider", "wishes": "?"}
    )
    move(kept, "acknowledge", hold_stays=True)
    move(kept, "report_to_authority", reported_to="County council", authority_reference="A-1")
    move(kept, "told_authority", authority_route="emergency", told_at=w.at)
    move(kept, "authority_decides", authority_decision="unknown")
    move(kept, "authority_decides", authority_decision="section_42")
    move(kept, "review", note="The plan is followed.")
    asked = {"prompts": {"at_risk": "yes", "n": [1]}, "child": False, "others_at_risk": "children"}
    done = _raised(w, {**seen, **asked, "person_id": w.person(), "advocate": "needed"})
    move(done, "acknowledge", hold_stays=False, categories=["neglect"], advocate="has_one")
    move(done, "hold", reach="all")
    move(done, "release")
    move(done, "monitor")
    end = {"reason": "plan_done", "feedback": "Thank you.", "wishes": "To be left alone."}
    move(done, "close", wishes_met="not_asked", why_not_asked="could_not_ask", **end)
    again = _raised(w, {**seen, "person_id": w.person(), "safe_to_carry_on": True})
    move(again, "acknowledge")
    move(again, "close", wishes_met="fully", reason="advice", feedback="Seen.")
    move(again, "reopen", reason="new_information")
    climbed = _raised(w, {**seen, "provider_id": w.provider["clay"]})
    w.step(Noun.CONCERN, climbed, "climb", w.system, at=w.later(days=1))
    passed = _raised(w, {**seen, "person_id": w.person()})
    move(passed, "acknowledge", hold_stays=True)
    holder = f"safeguarding_lead@{w.place['harbour']}"
    move(passed, "hand_over", holder=holder)
    later = _raised(w, {**seen, "person_id": w.person()})
    move(later, "acknowledge", hold_stays=False)
    told = {"note": "She told me who it was."}
    move(later, "name_source", sources=[{"user_id": w.actor["sam"].user_id}], **told)
    with w.store.read() as tx:
        (source,) = sources(tx, later)
    move(later, "strike_source", source_id=source.id, note="It was somebody of the same name.")
    # Whoever holds it is named: it passes to the next who is free.
    move(later, "name_source", sources=[{"user_id": w.actor["gwen"].user_id}], **told)


def _escalations(w: World) -> None:
    def raised(about: str, kind: str = "no_reply", **more: Any) -> str:
        with w.store.begin(w.actor["priya"]) as tx:
            values = {"kind": kind, "about": "referral", "about_id": about, "note": "Help", **more}
            return raise_escalation(tx, w.actor["priya"], w.later(hours=1), values).id

    def move(record: str, trigger: str, who: str = "tess", **given: Any) -> Done:
        return w.step(Noun.ESCALATION, record, trigger, who, at=w.later(hours=1), given=given)

    raised(w.sent(), tried=["rang twice"])
    move(raised(w.sent()), "withdraw", "priya")
    asked = raised(w.sent(), "other")
    move(asked, "acknowledge")
    move(asked, "ask", note="Since when?", asked=f"member@{w.actor['priya'].membership_id}")
    move(asked, "answer", "priya", note="Since May.")
    move(asked, "ask", note="Sure?", asked=f"member@{w.actor['priya'].membership_id}")
    w.step(Noun.ESCALATION, asked, "unanswered", w.system, at=w.later(days=4))
    w.step(Noun.ESCALATION, asked, "climb", w.system, at=w.later(days=6))
    back, gone = w.sent(), w.sent()
    w.referral(gone, "withdraw", "priya", given={"reason": "not_said"})
    decided = raised(back)
    move(decided, "acknowledge")
    with w.store.begin(w.actor["tess"]) as tx:
        decide_escalation(
            tx,
            w.actor["tess"],
            w.later(hours=1),
            decided,
            {
                "decision": "uphold",
                "note": "Nobody answered.",
                "review_on": date(2026, 9, 1),
                "consequences": [
                    {
                        "noun": "referral",
                        "record_id": record,
                        "trigger": "recall",
                        "given": {"reason": "no_reply"},
                    }
                    for record in (back, gone, back)
                ],
            },
        )
    with w.store.read() as tx:
        first, second, third = pending(tx, decided)
    with w.store.begin(w.actor["tess"]) as tx:
        carry_out(tx, w.actor["tess"], w.later(hours=1), first)
    for consequence in (second, third):
        try:
            with w.store.begin(w.actor["tess"]) as tx:
                carry_out(tx, w.actor["tess"], w.at, consequence)
        except Refused as refused:
            with w.store.begin(w.actor["tess"]) as tx:
                note_failure(tx, consequence, refused)
    move(decided, "settle", consequence_id=second, settled="waived", reason="no_longer_needed")
    _alarms(w)


def _alarms(w: World) -> None:
    """Raised by the system: one overtaken by the late move, one decided, its clock started again,
    and one reopened by nobody."""
    late = w.sent()
    w.referral(late, "lapse", w.system, at=w.later(days=14))
    with w.store.read() as tx:
        clock = tx.row(
            Sql("SELECT id FROM clock WHERE record_id = :id AND kind = 'referral.returned'"),
            id=late,
        )
    assert clock is not None
    for period in (1, 2):
        alarm = w.step(
            Noun.ESCALATION,
            None,
            "raise",
            w.system,
            given={
                "kind": "no_reply",
                "level": 1,
                "about": "referral",
                "about_id": late,
                "clock_id": clock[0],
                "clock_period": period,
            },
        ).id
        if period == 2:
            w.referral(late, "close_unmet", "priya", given={"reason": "not_reached"})
            continue
        w.step(Noun.ESCALATION, alarm, "acknowledge", "tess", at=w.later(hours=1))
        with w.store.begin(w.actor["tess"]) as tx:
            decide_escalation(
                tx, w.actor["tess"], w.later(hours=1), alarm, {"decision": "partly", "note": "So."}
            )
        with w.store.begin(w.actor["tess"]) as tx:
            complete_escalation(tx, w.actor["tess"], w.later(days=1), alarm, key="complete-1")
    done = w.step(
        Noun.ESCALATION,
        None,
        "raise",
        "priya",
        given={"kind": "other", "about": "referral", "about_id": w.sent(), "note": "Help"},
    ).id
    for trigger, who, given in (
        ("acknowledge", "tess", {}),
        ("decide", "tess", {"decision": "not_upheld", "note": "No."}),
        ("complete", "tess", {}),
        ("reopen", "priya", {"reason": "disagree"}),
    ):
        w.step(Noun.ESCALATION, done, trigger, who, at=w.later(hours=1), given=given)


def _assurances(w: World) -> None:
    grace = w.actor["grace"]
    with w.store.read() as tx:
        found = {
            name: str((tx.row(ASSURANCE, id=provider) or ("",))[0])
            for name, provider in w.provider.items()
        }
    w.consent(w.person())  # something between
    with w.store.begin(grace) as tx:
        add_evidence(
            tx,
            grace,
            w.later(days=1),
            provider_id=w.provider["singers"],
            kind="risk_assessment",
            from_at=w.at,
            until=w.at + timedelta(days=100),
        )
    with w.store.begin(grace) as tx:
        evidence = tx.row(
            Sql(
                "SELECT id FROM evidence WHERE provider_id = :id AND kind = 'risk_assessment'"
                " AND replaced_at IS NULL"
            ),
            id=w.provider["singers"],
        )
        assert evidence is not None
        renewal_in_hand(tx, grace, w.later(hours=1), evidence[0])
    clay = found["clay"]
    w.step(Noun.ASSURANCE, clay, "suspend", "grace", given={"reason": "quality"})
    w.step(Noun.ASSURANCE, clay, "review", "grace", at=w.later(days=1))
    w.step(
        Noun.ASSURANCE,
        clay,
        "condition",
        "grace",
        given={
            "conditions_until": w.at + timedelta(days=30),
            "conditional_activities": [w.activity["pottery"]],
            "note": "Two adults in the room.",
        },
    )
    w.step(Noun.ASSURANCE, clay, "lapse", w.system, at=w.later(days=2))
    with w.store.begin(w.system) as tx:
        garden = add_organisation(
            tx, w.system, w.at, name="The garden", kind="provider", place_id=w.place["harbour"]
        )
        provider = add_provider(tx, w.system, w.at, organisation_id=garden, tier="larger")
    applied = w.step(Noun.ASSURANCE, None, "apply", "grace", given={"provider_id": provider}).id
    w.step(Noun.ASSURANCE, applied, "review", "grace", at=w.later(days=1))
    w.step(Noun.ASSURANCE, applied, "refuse", "grace", given={"reason": "evidence_missing"})
    w.step(Noun.ASSURANCE, applied, "apply", "grace", at=w.later(days=1))
    w.step(Noun.ASSURANCE, applied, "leave", "grace", given={"reason": "own_choice"})


ASSURANCE = Sql("SELECT id FROM assurance WHERE provider_id = :id")


def _agreements(w: World) -> None:
    grace = w.actor["grace"]
    values = {
        "title": f"Sharing at the {NAME_APART}",
        "purposes": ["share_with_provider"],
        "lawful_basis": "public_task",
        "fields": ["everything_listed"],
        "parties": [w.org["ash"], w.org["singers"]],
        "review_at": w.at + timedelta(days=300),
        "duties": f"The {NAME} pays.",
    }
    half = w.step(Noun.AGREEMENT, None, "draft", "grace", given=values).id
    w.step(Noun.AGREEMENT, half, "sign", "tess", at=w.later(hours=1))
    with w.store.begin(grace) as tx:
        renewed, ended = agree(tx, w, w.later(days=1)), agree(tx, w, w.at)
    w.step(
        Noun.AGREEMENT,
        renewed,
        "renew",
        "grace",
        given={"review_at": w.at + timedelta(days=500)},
    )
    w.step(Noun.AGREEMENT, ended, "end", "grace", given={"reason": "not_needed"})
    newer = w.step(
        Noun.AGREEMENT, None, "draft", "grace", given={**values, "replaces_id": renewed}
    ).id
    w.step(Noun.AGREEMENT, newer, "sign", "sol", at=w.later(hours=1))
    w.step(Noun.AGREEMENT, newer, "sign", "tess", at=w.later(hours=1))
    w.step(Noun.AGREEMENT, newer, "expire", w.system, at=w.later(days=1))


def _entries(w: World) -> None:
    """Entries that belong to no step: a refusal, a reading, and details that were erased."""
    record = w.sent()
    edge = Edge(w.store, lambda: w.at)
    with suppress(Refused):
        edge.perform(
            w.actor["priya"], lambda tx, at: send_referral(tx, w.actor["priya"], at, record)
        )
    with w.store.begin(w.actor["art"]) as tx:
        log(tx, w.actor["art"], w.at, "read", "referral", record, {"what": "history"})
        log(tx, w.actor["art"], w.at, "signed_in", "user", None)
    erased = w.completed()
    with w.store.begin(w.actor["ingrid"]) as tx:
        rows = tx.rows(
            Sql("SELECT entry_id FROM audit WHERE record_id = :id ORDER BY seq"), id=erased
        )
        named = [row[0] for row in rows[1:3]]
        for entry_id in named:
            tx.run(Sql("DELETE FROM audit_detail WHERE entry_id = :id"), id=entry_id)
        log(
            tx,
            w.actor["ingrid"],
            w.later(hours=1),
            "erased",
            "referral",
            erased,
            {"ground": "withdrawn"},
            erased=named,
        )
    w.referral(erased, "reopen", "sol", at=w.later(hours=1), given={"reason": "person_asked"})


__all__ = ["OUTCOME", "lived"]
