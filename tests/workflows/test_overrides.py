"""Sharing without consent: a lawful ground, two people, a few days, and a review by a third."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from referral import facts, visible
from referral.actors import Actor
from referral.members import actor_of
from referral.states import Noun, Role
from referral.store import Sql, Store
from tests.winding import clocks, state, sweep
from tests.world import SHARING, World, build
from workflows import disclosure, reading
from workflows.engine import Refused, options
from workflows.guards import HELD
from workflows.organisations import add_membership
from workflows.overrides import propose_override
from workflows.referrals import send_referral
from workflows.tables.overrides import GROUNDS, SHAREABLE
from workflows.working_time import ENGLAND, add


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def refusal(w: World, record: str, trigger: str, who: str | Actor, **given: Any) -> str:
    """The one code with which a move on it is refused."""
    with pytest.raises(Refused) as told:
        w.step(Noun.OVERRIDE, record, trigger, who, given=given)
    (code,) = told.value.codes
    return code


def proposing(w: World, who: str, person: str, **values: Any) -> tuple[str, ...]:
    """The codes with which a proposal is refused."""
    actor = w.actor[who]
    with pytest.raises(Refused) as told, w.store.begin(actor) as tx:
        propose_override(
            tx,
            actor,
            w.at,
            person_id=person,
            provider_id=w.provider["singers"],
            values={**SHARING, **values},
        )
    return told.value.codes


def holder(w: World, record: str) -> str:
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT holder FROM override WHERE id = :id"), id=record)
    assert row is not None
    return str(row[0])


def another_post(w: World, who: str, role: Role, org: str = "ash", place: str | None = None) -> str:
    """A further membership of somebody who is here already."""
    with w.store.begin() as tx:
        member = add_membership(
            tx,
            w.system,
            w.at,
            user_id=w.actor[who].user_id,
            organisation_id=w.org[org],
            role=role,
            place_id=w.place[place] if place else None,
        )
        actor = actor_of(tx, member, w.at)
    assert actor is not None
    key = f"{who}_{role}"
    w.actor[key] = actor
    return key


def concern_about(w: World, person: str, who: str) -> str:
    """A concern that names a member as a source of harm; nothing else is held by it."""
    given = {
        "person_id": person,
        "seen": "Bruises.",
        "danger": False,
        "sources": [{"user_id": w.actor[who].user_id}],
    }
    return w.step(Noun.CONCERN, None, "raise", "olu", given=given).id


def with_singers(w: World, person: str) -> str:
    """A referral sent on an override alone."""
    w.override(person)
    record = w.draft(person)
    with w.store.begin(w.actor["priya"]) as tx:
        send_referral(tx, w.actor["priya"], w.at, record)
    return record


def ground(w: World, record: str) -> bool:
    with w.store.read() as tx:
        f = facts.referral(tx, record, w.actor["priya"], w.at)
    assert f is not None
    return bool(f.consent_id or f.override_id)


# -- two people ---------------------------------------------------------------------------------


@pytest.mark.invariant("I10")
def test_nothing_is_shared_until_a_second_person_approves(w: World) -> None:
    person = w.person()
    record = w.draft(person)
    made = w.override(person, by=None)
    with pytest.raises(Refused) as told, w.store.begin(w.actor["priya"]) as tx:
        send_referral(tx, w.actor["priya"], w.at, record)
    assert told.value.codes == ("ground_to_share",)
    w.step(Noun.OVERRIDE, made, "approve", "gwen")
    with w.store.begin(w.actor["priya"]) as tx:
        assert send_referral(tx, w.actor["priya"], w.at, record).state == "sent"


@pytest.mark.invariant("I48")
def test_nobody_approves_or_refuses_their_own(w: World) -> None:
    # Somebody who is a link worker here and the safeguarding lead as well.
    both = another_post(w, "priya", Role.SAFEGUARDING_LEAD)
    made = w.override(w.person(), who="priya", by=None)
    assert refusal(w, made, "approve", both) == "not_the_proposer"
    assert refusal(w, made, "refuse", both, reason="too_much") == "not_the_proposer"
    assert w.step(Noun.OVERRIDE, made, "approve", "gwen").state == "approved"


def test_what_the_lead_proposes_goes_to_the_next_rung(w: World) -> None:
    made = w.override(w.person(), who="gwen", by=None)
    assert holder(w, made) == f"safeguarding_lead@{w.place['harbour']}"
    assert refusal(w, made, "approve", "gwen") == "not_your_record"
    assert w.step(Noun.OVERRIDE, made, "approve", "paul").state == "approved"


@pytest.mark.parametrize("who", ["priya", "tess", "grace", "ingrid"])
def test_nobody_approves_without_the_right(w: World, who: str) -> None:
    made = w.override(w.person(), by=None)
    assert refusal(w, made, "approve", who) in ("not_your_role", "not_your_record")


@pytest.mark.parametrize("who", ["sam", "sol", "fiona_like", "ada", "art", "cora", "olu"])
def test_to_everybody_else_it_is_not_there(w: World, who: str) -> None:
    if who == "fiona_like":
        who = another_post(w, "fred", Role.SAFEGUARDING_LEAD, "fen_board", "fen")
    made = w.override(w.person(), by=None)
    assert refusal(w, made, "approve", who) == "not_found"


def test_a_provider_a_person_of_another_place_and_a_commissioner_propose_nothing(w: World) -> None:
    person = w.person()
    for who in ("sol", "cora", "olu", "fred"):
        assert proposing(w, who, person)[0] in ("not_found", "not_your_role")


def test_a_named_source_of_harm_neither_holds_sees_nor_proposes_it(w: World) -> None:
    person = w.person()
    concern_about(w, person, "gwen")
    made = w.override(person, by=None)
    assert holder(w, made) == f"safeguarding_lead@{w.place['harbour']}"
    assert refusal(w, made, "approve", "gwen") == "not_found"
    # Told in the words of a hold, as for every other move of theirs.
    assert proposing(w, "gwen", person) == (HELD.code,)


def test_one_who_is_named_after_it_was_proposed_decides_nothing_either(w: World) -> None:
    person = w.person()
    made = w.override(person, by=None)
    concern_about(w, person, "gwen")
    assert refusal(w, made, "approve", "gwen") == "not_found"
    assert w.step(Noun.OVERRIDE, made, "approve", "paul").state == "approved"


def test_a_proposer_who_is_named_no_longer_finds_it(w: World) -> None:
    person = w.person()
    made = w.override(person, by=None)
    with w.store.read() as tx:
        before = visible.steps_since(tx, w.actor["priya"], w.at, Noun.OVERRIDE, made)
        assert reading.timeline(tx, w.actor["priya"], w.at, Noun.OVERRIDE, made).steps == before
    concern_about(w, person, "priya")
    with pytest.raises(Refused) as told, w.store.read() as tx:
        reading.timeline(tx, w.actor["priya"], w.at, Noun.OVERRIDE, made)
    assert told.value.codes == ("not_found",)


# -- what must be said --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left_out", "code"),
    [
        ("ground", "needs_ground"),
        ("necessity", "needs_necessity"),
        ("proportionality", "needs_proportionality"),
        ("fields", "needs_fields"),
        ("person_told", "needs_person_told"),
        ("danger", "needs_danger"),
    ],
)
@pytest.mark.invariant("I10")
def test_each_thing_that_is_missing_refuses_the_proposal(
    w: World, left_out: str, code: str
) -> None:
    assert proposing(w, "priya", w.person(), **{left_out: None}) == (code,)


def test_a_ground_must_be_a_lawful_one_and_what_is_shared_from_the_list(w: World) -> None:
    person = w.person()
    assert proposing(w, "priya", person, ground="convenience") == ("needs_ground",)
    assert proposing(w, "priya", person, fields=["nhs_number"]) == ("wrong_fields",)
    for ground_ in GROUNDS:
        assert w.override(w.person(), by=None, ground=ground_)
    assert set(SHAREABLE) <= disclosure.PLACE_GIVEN


def test_why_the_person_was_not_told_is_asked_only_then(w: World) -> None:
    person = w.person()
    assert proposing(w, "priya", person, person_told=False) == ("needs_why_not_told",)
    assert w.override(person, by=None, person_told=False, why_not_told="He reads her letters.")


def test_all_that_is_missing_is_told_at_once(w: World) -> None:
    missing = proposing(w, "priya", w.person(), ground="", necessity="", fields=[])
    assert missing == ("needs_ground", "needs_necessity", "needs_fields")


# -- what it shows ------------------------------------------------------------------------------


def test_a_provider_sees_what_it_lists_and_nothing_more(w: World) -> None:
    record = with_singers(w, w.person())
    w.referral(record, "accept", "sol")
    with w.store.read() as tx:
        seen = reading.situations(tx, w.actor["sol"], w.at, [record])[record]
    shown = disclosure.fields(seen)
    assert {"name", "emergency_contact"} <= shown
    assert not shown & {"phone", "address", "what_matters", "needs"}
    # Those who take part keep what keeps them safe; nothing else is added.
    assert shown == disclosure.CARE_CARD


def test_before_a_place_is_given_it_shows_nothing_that_the_stage_doesnt(w: World) -> None:
    record = with_singers(w, w.person())
    with w.store.read() as tx:
        seen = reading.situations(tx, w.actor["sol"], w.at, [record])[record]
    assert disclosure.fields(seen) == disclosure.DATES


def test_it_shows_nothing_from_the_moment_it_runs_out(w: World) -> None:
    record = with_singers(w, w.person())
    assert ground(w, record)
    w.at = add(w.at, 5, ENGLAND)
    assert not ground(w, record)  # before any sweep


# -- its end ------------------------------------------------------------------------------------


def test_its_end_recalls_whoever_never_agreed(w: World) -> None:
    record = with_singers(w, w.person())
    sweep(w, add(w.at, 5, ENGLAND))
    assert state(w.store, "referral", record) == "returned"
    with w.store.read() as tx:
        step = tx.rows(
            Sql("SELECT trigger, cause, reason FROM step WHERE record_id = :id ORDER BY version"),
            id=record,
        )[-1]
    assert step == ("recall", "override.end", "ground_ended")


@pytest.mark.invariant("I58")
def test_its_end_leaves_those_whose_consent_only_ran_out(w: World) -> None:
    person = w.person()
    w.consent(person, until=w.at + timedelta(days=2))
    record = w.draft(person)
    with w.store.begin(w.actor["priya"]) as tx:
        send_referral(tx, w.actor["priya"], w.at, record)
    w.referral(record, "accept", "sol")
    w.later(days=3)
    made = w.override(person)
    sweep(w, add(w.at, 5, ENGLAND))
    assert state(w.store, "override", made) == "ended"
    assert state(w.store, "referral", record) == "accepted"


def test_its_end_leaves_those_who_have_agreed_meanwhile(w: World) -> None:
    person = w.person()
    record = with_singers(w, person)
    w.consent(person)
    w.step(Noun.OVERRIDE, newest(w), "end", "gwen", given={"reason": "person_agreed"})
    assert state(w.store, "referral", record) == "sent"


def test_a_no_while_it_is_in_force_stops_nothing_and_its_end_recalls(w: World) -> None:
    person = w.person()
    record = w.active(person)
    made = w.override(person)
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT id FROM consent WHERE state = 'given'"))
    assert row is not None
    taken_back = w.step(Noun.CONSENT, row[0], "withdraw", "priya")
    assert taken_back.followed == ()
    assert state(w.store, "referral", record) == "active"
    w.step(Noun.OVERRIDE, made, "end", "gwen", given={"reason": "danger_over"})
    assert state(w.store, "referral", record) == "returned"


def test_a_newer_one_takes_its_place_and_nobody_is_recalled_in_between(w: World) -> None:
    person = w.person()
    record = with_singers(w, person)
    older = newest(w)
    newer = w.override(person, ground="coercion")
    assert state(w.store, "override", older) == "ended"
    assert state(w.store, "referral", record) == "sent"
    assert ground(w, record)
    w.step(Noun.OVERRIDE, newer, "end", "gwen", given={"reason": "danger_over"})
    assert state(w.store, "referral", record) == "returned"


def test_the_end_of_one_leaves_those_with_another_provider(w: World) -> None:
    person = w.person()
    pottery = w.sent(person, "pottery")
    record = with_singers(w, person)
    w.step(Noun.OVERRIDE, newest(w), "end", "gwen", given={"reason": "danger_over"})
    assert (state(w.store, "referral", record), state(w.store, "referral", pottery)) == (
        "returned",
        "sent",
    )


def test_the_persons_own_withdrawal_is_never_blocked_by_it(w: World) -> None:
    person = w.person()
    record = with_singers(w, person)
    themself = Actor(role=Role.PERSON, system_id=w.system_id, person_id=person)
    assert w.referral(record, "withdraw", themself).state == "withdrawn"


def newest(w: World) -> str:
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT id FROM override WHERE state = 'approved'"))
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("trigger", ["approve", "refuse", "end"])
def test_an_ended_one_is_neither_approved_nor_ended_again(w: World, trigger: str) -> None:
    made = w.override(w.person())
    w.step(Noun.OVERRIDE, made, "end", "gwen", given={"reason": "danger_over"})
    assert refusal(w, made, trigger, "gwen", reason="other") == "no_such_move"


def test_it_ends_early_only_with_a_reason(w: World) -> None:
    made = w.override(w.person())
    assert refusal(w, made, "end", "gwen") == "needs_reason"
    assert w.step(Noun.OVERRIDE, made, "end", "paul", given={"reason": "danger_over"})


# -- the review ---------------------------------------------------------------------------------


def test_it_is_reviewed_by_somebody_who_neither_proposed_nor_approved_it(w: World) -> None:
    proposer = another_post(w, "priya", Role.GOVERNANCE_LEAD, "harbour_board", "harbour")
    approver = another_post(w, "gwen", Role.GOVERNANCE_LEAD, "harbour_board", "harbour")
    made = w.override(w.person())
    w.step(Noun.OVERRIDE, made, "end", "gwen", given={"reason": "danger_over"})
    said = {"finding": "right", "note": "Nobody was hurt."}
    assert refusal(w, made, "review", proposer, **said) == "not_the_proposer"
    assert refusal(w, made, "review", approver, **said) == "not_the_approver"
    assert refusal(w, made, "review", "gwen", **said) == "not_your_role"
    assert w.step(Noun.OVERRIDE, made, "review", "grace", given=said).state == "reviewed"


# -- its clocks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("danger", [True, False])
def test_a_second_person_has_an_hour_in_danger_and_a_working_day_otherwise(
    w: World, danger: bool
) -> None:
    made = w.override(w.person(), by=None, danger=danger)
    (clock,) = clocks(w.store, made)
    assert clock["due"] == (w.at + timedelta(hours=1) if danger else add(w.at, 1, ENGLAND))
    sweep(w, clock["due"])
    assert holder(w, made) == f"safeguarding_lead@{w.place['harbour']}"
    assert state(w.store, "override", made) == "proposed"


def test_it_is_in_force_for_five_working_days(w: World) -> None:
    made = w.override(w.person())
    (clock,) = clocks(w.store, made)
    assert clock["due"] == add(w.at, 5, ENGLAND)
    assert clock["owner"] == f"safeguarding_lead@{w.org['ash']}"


def test_buttons_say_who_may_decide(w: World) -> None:
    made = w.override(w.person(), by=None)
    with w.store.read() as tx:
        for who, allowed in (("gwen", {"approve", "refuse"}), ("paul", {"approve", "refuse"}),
                             ("tess", set()), ("priya", set())):  # fmt: skip
            f = facts.override(tx, made, w.actor[who], w.at)
            found = options(Noun.OVERRIDE, f, w.actor[who], w.at)
            assert {o.trigger for o in found if o.allowed} == allowed
