"""Which fields a role sees, at each stage, under each answer, agreement and hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from referral.states import Noun, ReferralState, Role
from workflows import disclosure
from workflows.disclosure import Situation, fields, shown
from workflows.engine import TABLES
from workflows.guards import HELD

AT = datetime(2026, 5, 12, 9, tzinfo=UTC)
AGREED = Situation(Role.PROVIDER_LEADER, "sent", AT, consent=True, agreement=True)
ALL = (
    disclosure.OWN_SIDE
    | disclosure.OVERSIGHT
    | disclosure.PLACE_GIVEN
    | disclosure.THE_PERSON
    | {"held"}
)
IDENTIFYING = {"name", "phone", "email", "address", "postcode", "birth_date", "nhs_number", "age"}
RECORD = {
    "reference": "SG-7K4Q-2M",
    "state": "sent",
    "since": AT,
    "given_name": "Margaret Ann",
    "family_name": "Okoro",
    "birth_date": date(1951, 3, 15),
    "postcode": "NR31 6AB",
    "phone": "+447700900982",
    "nhs_number": "9990000018",
    "what_matters": "Singing again",
    "needs": ["company"],
    "access_needs": "A chair with arms",
    "call_before": True,
    "safety_notes": "Uses oxygen",
    "safety_answers": "{}",
    "emergency_contact": "Ben, 07700 900123",
    "something_new": "nobody listed this",
}


def provider(state: str, **more: object) -> frozenset[str]:
    return fields(replace(AGREED, state=state, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["sent", "queried", "waiting"])
def test_before_a_place_a_provider_sees_enough_to_decide_and_not_who_it_is(state: str) -> None:
    seen = provider(state)
    assert {"first_name", "age_band", "area", "what_matters", "needs", "access_needs"} <= seen
    assert {"call_before", "safety_answers"} <= seen
    assert not seen & (IDENTIFYING | {"safety_notes", "emergency_contact"})


@pytest.mark.parametrize("state", ["accepted", "active", "paused"])
def test_with_a_place_given_a_provider_sees_who_it_is_and_how_to_reach_them(state: str) -> None:
    seen = provider(state)
    assert {"name", "phone", "email", "safety_notes", "emergency_contact"} <= seen
    assert not seen & {"nhs_number", "birth_date", "practice", "own_notes", "consent"}


@pytest.mark.parametrize("state", ["completed", "closed"])
def test_for_thirty_days_after_finishing_a_provider_sees_the_same_and_then_dates(
    state: str,
) -> None:
    just = provider(state, completed_at=AT - timedelta(days=30) + timedelta(seconds=1))
    late = provider(state, completed_at=AT - timedelta(days=30))
    assert just == provider("active")
    assert late == disclosure.DATES


@pytest.mark.parametrize("state", ["draft", "in_error"])
def test_a_draft_or_a_mistake_is_not_there_for_a_provider(state: str) -> None:
    assert provider(state) == frozenset()
    assert provider(state, closed=True, held=True) == frozenset()


@pytest.mark.parametrize("state", ["returned", "withdrawn", "redirected", "closed"])
def test_what_left_the_provider_is_a_reference_and_dates(state: str) -> None:
    assert provider(state) == disclosure.DATES
    assert not disclosure.DATES & (IDENTIFYING | {"first_name", "what_matters", "notes", "reason"})


@pytest.mark.parametrize("missing", [{"consent": False}, {"agreement": False}])
def test_without_a_ground_or_an_agreement_only_dates_before_a_place_and_after(
    missing: dict[str, bool],
) -> None:
    for state in ("sent", "queried", "waiting"):
        assert provider(state, **missing) == disclosure.DATES
    assert provider("completed", completed_at=AT, **missing) == disclosure.DATES
    assert provider("closed", completed_at=AT, **missing) == disclosure.DATES


@pytest.mark.parametrize("missing", [{"consent": False}, {"agreement": False}])
@pytest.mark.parametrize("state", ["accepted", "active", "paused"])
def test_paper_leaves_those_taking_part_their_care_card_and_no_more(
    state: str, missing: dict[str, bool]
) -> None:
    seen = provider(state, **missing)
    assert seen == disclosure.CARE_CARD
    assert {"name", "emergency_contact", "safety_notes"} <= seen
    assert not seen & {"phone", "email", "address", "what_matters", "notes"}


@pytest.mark.parametrize("state", sorted(set(ReferralState) - {"draft", "in_error"}))
@pytest.mark.invariant("I05")
def test_after_a_no_there_is_only_the_reference(state: str) -> None:
    seen = provider(state, consent=False, taken_back=True, completed_at=AT)
    assert seen == {"reference"}


def test_an_override_shows_what_it_lists_and_nothing_more() -> None:
    listed = frozenset({"name", "safety_notes", "nhs_number", "something_new"})
    seen = provider("active", consent=False, taken_back=True, override=listed)
    assert seen == disclosure.DATES | {"name", "safety_notes"}
    # What the stage doesn't show, a list can't show either; nor does it outlive the agreement.
    assert provider("sent", consent=False, override=listed) == disclosure.DATES
    assert provider("active", consent=True, override=listed) == provider("active")
    # Those taking part, who have not said no, keep what keeps them safe beside it.
    beside = provider("active", consent=False, override=frozenset({"phone"}))
    assert beside == disclosure.CARE_CARD | {"phone"}
    without = provider("active", consent=False, override=listed | {"phone"}, agreement=False)
    assert without == disclosure.CARE_CARD


def test_while_held_the_sentence_is_added_and_nothing_is_taken() -> None:
    for state in ("sent", "active"):
        assert provider(state, held=True) == provider(state) | {"held"}
    assert shown(RECORD, replace(AGREED, held=True))["held"] == HELD.why
    assert "held" not in shown(RECORD, AGREED)


# The sentence of a hold says whom a provider calls before any contact.
CALL = ("team", "team_phone")


@pytest.mark.parametrize("state", ["sent", "active", "completed"])
@pytest.mark.parametrize("held", [True, False])
def test_under_a_full_hold_a_first_name_a_reference_and_whom_a_leader_calls(
    state: str, held: bool
) -> None:
    seen = provider(state, closed=True, held=held, completed_at=AT)
    assert seen == {"reference", "first_name", "held", *CALL}
    link_worker = fields(Situation(Role.LINK_WORKER, state, AT, closed=True, held=held))
    assert link_worker == {"reference", "first_name", "held"}


@pytest.mark.parametrize("state", ["returned", "withdrawn", "redirected", "closed"])
def test_a_full_hold_gives_nothing_back_that_was_gone(state: str) -> None:
    assert provider(state, closed=True) == {"reference", "held", *CALL}
    assert provider("active", consent=False, taken_back=True, closed=True) == {"reference", "held"}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.invariant("I56")
def test_a_full_hold_reads_the_same_whatever_its_cause(role: Role) -> None:
    """A concern closes without holding once released; records being put right hold as well."""
    for state in ReferralState:
        by_concern = Situation(role, state, AT, consent=True, agreement=True, closed=True)
        by_records = replace(by_concern, held=True)
        assert shown(RECORD, by_concern) == shown(RECORD, by_records)


def test_the_side_that_holds_the_record_sees_it() -> None:
    for role in (Role.LINK_WORKER, Role.TEAM_LEAD, Role.SAFEGUARDING_LEAD):
        seen = fields(Situation(role, "draft", AT))
        assert {"name", "nhs_number", "safety_notes", "phone", "own_notes"} <= seen


def test_who_answers_for_a_place_gets_no_way_to_reach_the_person() -> None:
    for role in (Role.GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER):
        seen = fields(Situation(role, "active", AT, consent=True, agreement=True))
        assert "name" in seen
        assert not seen & {"phone", "email", "address", "nhs_number", "safety_notes", "own_notes"}


@pytest.mark.parametrize(
    "role",
    [
        Role.ADMINISTRATOR,
        Role.AUDITOR,
        Role.COMMISSIONER,
        Role.INFORMATION_GOVERNANCE_LEAD,
        Role.SYSTEM,
    ],
)
def test_other_roles_see_no_referral(role: Role) -> None:
    for state in ReferralState:
        assert fields(Situation(role, state, AT, consent=True, agreement=True)) == frozenset()


def test_a_field_nobody_listed_is_seen_by_nobody() -> None:
    for role in Role:
        for state in ReferralState:
            s = Situation(role, state, AT, consent=True, agreement=True)
            assert set(shown(RECORD, s)) <= ALL
            assert "something_new" not in shown(RECORD, s)


def test_nobody_sees_more_than_the_side_that_holds_the_record() -> None:
    for role in Role:
        for state in ReferralState:
            for completed in (None, AT):
                s = Situation(role, state, AT, completed, consent=True, agreement=True)
                assert fields(s) <= disclosure.OWN_SIDE


def test_more_ground_never_shows_less() -> None:
    for state in ReferralState:
        for held in (False, True):
            none = provider(state, consent=False, agreement=False, held=held)
            agreed = provider(state, consent=False, held=held)
            consented = provider(state, held=held)
            assert none <= agreed <= consented


def test_a_first_name_a_district_and_ten_years() -> None:
    seen = shown(RECORD, AGREED)
    assert seen["first_name"] == "Margaret"
    assert seen["area"] == "NR31"
    assert seen["age_band"] == "70_79"
    assert "Okoro" not in str(seen)
    assert "6AB" not in str(seen)


@pytest.mark.parametrize(
    ("born", "band"),
    [
        (date(1951, 5, 13), "70_79"),
        (date(1946, 5, 12), "80_89"),
        (date(1946, 5, 13), "70_79"),
        (date(1930, 1, 1), "90_over"),
        (date(2010, 1, 1), "under_18"),
        (date(2007, 1, 1), "18_29"),
        (date(1996, 5, 12), "30_39"),
        (None, None),
    ],
)
def test_an_age_is_a_band(born: date | None, band: str | None) -> None:
    assert disclosure.age_band(born, AT) == band


def test_no_fixed_home_gives_no_area() -> None:
    assert disclosure.area("ZZ99 3VZ") is None
    assert disclosure.area(None) is None


@pytest.mark.parametrize("role", list(Role))
def test_people_are_seen_by_the_team_that_holds_them(role: Role) -> None:
    seen = disclosure.shown_person(RECORD, role, AT, closed=False)
    assert ("name" in seen) == (role in disclosure.PERSON_ROLES)
    closed = disclosure.shown_person(RECORD, role, AT, closed=True)
    assert set(closed) <= {"reference", "first_name", "held"}


def test_every_state_of_the_referral_has_been_thought_of() -> None:
    assert set(TABLES[Noun.REFERRAL].states) == set(ReferralState)
    thought_of = disclosure.BEFORE_A_PLACE | disclosure.TAKING_PART
    assert thought_of < set(ReferralState)
