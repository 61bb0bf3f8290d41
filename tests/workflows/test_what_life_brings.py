"""A person dies, moves away, has two records; a link worker is away, leaves, hands over.

The log stays whole through all of it: each story ends with the check of the whole store."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from referral import facts
from referral.rows import change
from referral.states import Noun, Purpose
from referral.store import Store
from referral.verify import verify
from tests.winding import clock, rows, state
from tests.world import World, build
from workflows.caseloads import (
    caseload_preview,
    end_membership,
    hand_over_caseload,
    hand_over_rest,
    shared_out,
)
from workflows.concerns import raise_concern
from workflows.deaths import death_preview, record_death, take_back_death
from workflows.engine import Refused
from workflows.holds import place_hold
from workflows.merges import merge_people, merge_preview
from workflows.passing import pass_on_person
from workflows.referrals import begin_referral
from workflows.rules_for_verify import rules_for_verify
from workflows.sweep import tell

DIED = {"died_on": date(2026, 5, 10), "said_by": "Her daughter, by phone"}


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def do(w: World, who: str, command: Any, *args: Any, **more: Any) -> Any:
    """A command in a transaction of its own."""
    with w.store.begin(w.actor[who]) as tx:
        return command(tx, w.actor[who], w.at, *args, **more)


def refused(w: World, who: str, command: Any, *args: Any, **more: Any) -> tuple[str, ...]:
    with pytest.raises(Refused) as why:
        do(w, who, command, *args, **more)
    return why.value.codes


def whole(w: World) -> None:
    with w.store.snapshot() as tx:
        report = verify(tx, rules_for_verify())
    assert report.whole, report.lines()


def concern(w: World, person: str, **more: Any) -> str:
    values = {"person_id": person, "seen": "Bruises.", "danger": False, **more}
    return str(do(w, "priya", raise_concern, values).id)


def test_a_death_stops_all_but_what_is_completed_ends_contact_and_leaves_concerns(
    w: World,
) -> None:
    person = w.person()
    done = w.completed(person, "pottery")
    active = w.active(person)
    draft = w.draft(person, "pottery")
    w.referral(draft, "reassign", "tess", given={"link_worker_id": w.actor["sam"].membership_id})
    raised = concern(w, person, safe_to_carry_on=True)
    with w.store.begin(w.actor["priya"]) as tx:
        # A letter that waits to go to the person.
        f = facts.referral(tx, active, w.actor["priya"], w.at)
        tell(tx, w.system_id, f"person@{person}", "wait_reviewed", Noun.REFERRAL, f, w.at)
    plan = do(w, "priya", death_preview, person)
    assert {r.id for r in plan.stops} == {active, draft}
    assert [r.id for r in plan.stays] == [done]

    said = do(w, "priya", record_death, person, DIED, key="once")
    assert len(said["stopped"]) == 2
    assert do(w, "priya", record_death, person, DIED, key="once")["replayed"]

    assert state(w.store, "referral", active) == "withdrawn"
    assert state(w.store, "referral", draft) == "withdrawn"
    assert state(w.store, "referral", done) == "completed"
    assert state(w.store, "concern", raised) == "raised"
    reasons = rows(w.store, "SELECT DISTINCT reason, cause FROM step WHERE trigger = 'withdraw'")
    assert reasons == [("died", "person.record_death")]
    letters = "SELECT result FROM outbox WHERE to_owner = :key"
    assert rows(w.store, letters, key=f"person@{person}") == [("not_allowed_now",)]
    assert rows(w.store, "SELECT count(*) FROM outbox WHERE what = 'withdrawn'") > [(1,)]
    assert refused(w, "priya", record_death, person, DIED) == ("already_recorded",)
    new: dict[str, Any] = {"person_id": person, "group_id": w.group["choir"]}
    assert refused(w, "priya", begin_referral, **new) == ("not_died",)
    again = {"reason": "person_asked"}
    for record, who in ((active, "priya"), (done, "kit")):
        with pytest.raises(Refused) as why:
            w.referral(record, "reopen", who, given=again)
        assert "not_died" in why.value.codes
    w.referral(done, "confirm", "priya")

    assert refused(w, "priya", take_back_death, person, "Wrong person") == ("not_your_role",)
    do(w, "tess", take_back_death, person, "It was somebody of the same name")
    w.referral(active, "reopen", "priya", given=again)
    whole(w)


@pytest.mark.invariant("I29")
def test_two_records_become_one_with_everything_and_each_referral_confirmed(w: World) -> None:
    keep, other = w.person(phone=None), w.person(nhs_number="9990000018", no_nhs_number=None)
    mine, theirs = w.active(keep), w.active(other, "pottery")
    begun = w.draft(other, "pottery")
    w.referral(begun, "discard", "priya")
    raised = concern(w, other)
    week = {"cause": "hospital", "until": w.at.date() + timedelta(days=7)}
    hold = do(w, "priya", place_hold, referral_id=theirs, **week)
    plan = do(w, "tess", merge_preview, keep, other)
    assert {r.id for r in plan.referrals} == {theirs, begun}
    assert set(plan.filled) == {"nhs_number", "phone"}
    assert refused(w, "tess", merge_people, keep, other, referrals=[]) == ("wrong_referrals",)
    assert refused(w, "tess", merge_people, keep, other, referrals=[mine]) == ("wrong_referrals",)

    confirmed = [theirs, begun]
    for _ in range(2):
        do(w, "tess", merge_people, keep, other, referrals=confirmed, key="join")
    moved = (("referral", theirs), ("referral", begun), ("concern", raised), ("hold", hold))
    for table, record in moved:
        assert rows(w.store, f"SELECT person_id FROM {table} WHERE id = :id", id=record) == [
            (keep,)
        ]
    # Its hold came along: what was the one's alone is held too.
    with pytest.raises(Refused) as why:
        w.referral(w.completed(w.person()), "confirm", "sol")
    assert "not_held" not in why.value.codes
    held = rows(w.store, "SELECT person_id FROM hold WHERE concern_id = :id", id=raised)
    assert held == [(keep,)]
    found = rows(
        w.store, "SELECT nhs_number, phone, merged_into FROM person WHERE id = :id", id=keep
    )
    assert found == [("9990000018", "+447700900982", None)]
    assert rows(w.store, "SELECT merged_into FROM person WHERE id = :id", id=other) == [(keep,)]
    assert refused(w, "tess", merge_preview, keep, other) == ("not_found",)
    w.referral(theirs, "update", "kit", given={"note": "Well."})
    whole(w)


def test_a_person_is_passed_on_with_plan_and_answers_and_another_team_goes_on(w: World) -> None:
    person = w.person()
    active = w.active(person)
    w.consent(person, "practice", agreed=None, purpose=Purpose.TELL_PRACTICE)  # type: ignore[arg-type]
    fen = w.org["fenside"]
    assert refused(w, "tess", pass_on_person, person, fen) == ("still_open",)
    w.referral(active, "withdraw", "priya", given={"reason": "moved_away"})
    assert refused(w, "priya", pass_on_person, person, fen) == ("not_your_role",)
    assert refused(w, "tom", pass_on_person, person, fen) == ("not_found",)
    for other in (w.org["clay"], w.org["ash"], w.org["board"]):
        assert refused(w, "tess", pass_on_person, person, other) == ("wrong_organisation_id",)
    do(w, "tess", pass_on_person, person, fen)
    assert refused(w, "tess", pass_on_person, person, fen) == ("not_found",)
    lead = w.actor["tom"].membership_id
    found = "SELECT DISTINCT organisation_id, link_worker_id FROM consent"
    assert rows(w.store, found) == [(fen, lead)]
    owners = "SELECT DISTINCT owner FROM clock WHERE noun = 'consent' AND ended IS NULL"
    assert rows(w.store, owners) == [(f"member@{lead}",)]
    letter = rows(w.store, "SELECT to_owner FROM outbox WHERE what = 'person_passed_on'")
    assert letter == [(f"team_lead@{fen}",)]
    assert rows(w.store, "SELECT organisation_id FROM referral WHERE id = :id", id=active) == [
        (w.org["ash"],)
    ]
    # Their answer went along: the other team takes it back without asking anew.
    given = rows(w.store, "SELECT id FROM consent WHERE state = 'given'")[0][0]
    w.step(Noun.CONSENT, given, "withdraw", "olu", given={"reason": "person_said_no"})
    new = do(w, "olu", begin_referral, person_id=person, group_id=w.group["pottery"])
    assert new.state == "draft"
    whole(w)


@pytest.mark.invariant("I29", "I23")
def test_a_sent_referral_goes_to_nobody_but_the_record_that_stands_for_its_own(
    w: World,
) -> None:
    sent, other = w.sent(), w.person()
    with pytest.raises(Exception, match="never change"), w.store.begin() as tx:
        change(tx, "referral", sent, {"person_id": other})


def test_the_newest_answer_of_both_records_decides(w: World) -> None:
    keep, other = w.person(), w.person()
    mine = w.active(keep)
    theirs = w.sent(other, "pottery")
    w.consent(other, "practice", purpose=Purpose.TELL_PRACTICE)
    w.later(hours=1)
    w.consent(other, "singers", agreed=False)
    w.consent(keep, "practice", purpose=Purpose.TELL_PRACTICE)
    plan = do(w, "tess", merge_preview, keep, other)
    assert sorted(stops for _answer, stops in plan.ends) == [False, True]
    do(w, "tess", merge_people, keep, other, referrals=[theirs])
    # They had said no to the singers on the other record, later than the yes on this one.
    assert state(w.store, "referral", mine) == "withdrawn"
    assert state(w.store, "referral", theirs) == "sent"
    live = "SELECT purpose FROM consent WHERE person_id = :id AND state = 'given' ORDER BY purpose"
    assert [p for (p,) in rows(w.store, live, id=keep)] == ["share_with_provider", "tell_practice"]
    whole(w)


def test_a_caseload_is_previewed_shared_out_and_handed_over_with_its_clocks(w: World) -> None:
    person = w.person()
    mine = [w.active(person), w.sent(person, "pottery"), w.active(), w.draft()]
    closed = w.completed()
    w.referral(closed, "confirm", "priya")
    priya, sam = w.actor["priya"].membership_id, w.actor["sam"].membership_id
    plan = do(w, "tess", caseload_preview, priya)
    assert {r.id for r in plan.carried} == set(mine)
    assert [m.name for m in plan.receivers] == ["Sam Okafor"]
    out = shared_out(plan, [sam])
    assert out == dict.fromkeys(mine, sam)
    before = clock(w.store, mine[3])["due"]
    week = {"cause": "hospital", "until": w.at.date() + timedelta(days=7)}
    hold = do(w, "priya", place_hold, referral_id=mine[0], **week)
    for who in ("priya", "olu", "tom", "sol"):
        assert refused(w, who, caseload_preview, priya)[0] in ("not_found", "not_your_role")
    done, left = do(w, "tess", hand_over_caseload, priya, out)
    assert (len(done), left) == (4, [])
    assert clock(w.store, mine[3])["due"] == before
    assert clock(w.store, mine[3])["owner"] == f"member@{sam}"
    assert clock(w.store, hold)["owner"] == f"member@{sam}"
    assert rows(w.store, "SELECT owner FROM hold WHERE id = :id", id=hold) == [(f"member@{sam}",)]
    do(w, "tess", hand_over_rest, priya, [sam])
    looked_after = rows(w.store, "SELECT DISTINCT link_worker_id FROM consent")
    assert looked_after == [(sam,)]
    running = "SELECT DISTINCT owner FROM clock WHERE noun = 'consent' AND ended IS NULL"
    owners = rows(w.store, running)
    assert owners == [(f"member@{sam}",)]
    assert rows(w.store, "SELECT link_worker_id FROM referral WHERE id = :id", id=closed) == [
        (priya,)
    ]
    assert refused(w, "tess", end_membership, w.actor["gwen"].membership_id) == ("not_found",)
    do(w, "tess", end_membership, priya)
    whole(w)
