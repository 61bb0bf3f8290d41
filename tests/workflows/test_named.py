"""Whoever and whatever a move names must be there, within reach, and not barred."""

from __future__ import annotations

from typing import Any

import pytest

from referral.ids import new_id
from referral.states import Noun
from referral.store import Store
from tests.world import World, build
from workflows.activities import add_provider, save_activity
from workflows.engine import Refused
from workflows.named import check_named
from workflows.organisations import add_organisation, setup_system


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def wrong(
    w: World, who: str, noun: Noun, record: str | None, trigger: str, given: dict[str, Any]
) -> list[str | None]:
    """The fields that name what can't be named."""
    try:
        with w.store.read() as tx:
            check_named(tx, w.actor[who], w.at, noun, record, trigger, given)
    except Refused as refused:
        return [r.field for r in refused.refusals]
    return []


def elsewhere(w: World) -> str:
    """An activity of a provider in another system of the same store."""
    with w.store.begin() as tx:
        made = setup_system(tx, "Otherwhere", w.at)
        there = w.system.__class__(role=w.system.role, system_id=made["system_id"], cause="test")
        org = add_organisation(
            tx, there, w.at, name="Far choir", kind="provider", place_id=made["place_id"]
        )
        provider = add_provider(tx, there, w.at, organisation_id=org)
        return save_activity(tx, there, w.at, provider_id=provider, values={"name": "Far"})


@pytest.mark.parametrize(("who", "free"), [("sam", True), ("olu", False), ("tess", False)])
def test_a_referral_is_passed_to_a_link_worker_of_the_team(w: World, who: str, free: bool) -> None:
    given = {"link_worker_id": w.actor[who].membership_id}
    found = wrong(w, "tess", Noun.REFERRAL, w.sent(), "reassign", given)
    assert found == ([] if free else ["link_worker_id"])


def test_who_may_not_make_the_move_learns_nothing_by_naming_people(w: World) -> None:
    record = w.sent()
    for member in ("sam", "olu"):
        given = {"link_worker_id": w.actor[member].membership_id}
        assert wrong(w, "sol", Noun.REFERRAL, record, "reassign", given) == []
        assert wrong(w, "fred", Noun.REFERRAL, record, "reassign", given) == []


def test_the_activities_of_conditions_are_the_providers_own(w: World) -> None:
    with w.store.read() as tx:
        from referral.lists import assurance_of

        record = assurance_of(tx, w.actor["grace"], w.provider["singers"])
    w.step(Noun.ASSURANCE, record, "suspend", "grace", given={"reason": "quality"})
    w.step(Noun.ASSURANCE, record, "review", "grace")
    given = {"conditions_until": w.at, "note": "Two in the room."}
    for activity, field in (
        (w.activity["choir"], []),
        (w.activity["pottery"], ["conditional_activities"]),
        (elsewhere(w), ["conditional_activities"]),
    ):
        asked = {**given, "conditional_activities": [activity]}
        assert wrong(w, "grace", Noun.ASSURANCE, record, "condition", asked) == field


def test_alternatives_are_activities_of_the_system(w: World) -> None:
    given = {"person_id": w.person(), "group_id": w.group["choir"]}
    for activity, field in ((w.activity["pottery"], []), (elsewhere(w), ["alternatives"])):
        asked = {**given, "alternatives": [activity]}
        assert wrong(w, "priya", Noun.REFERRAL, None, "create", asked) == field


def test_a_capacity_assessment_is_of_this_person(w: World) -> None:
    one, other = w.person(), w.person()
    made = w.consent(one, agreed=None).id  # type: ignore[arg-type]
    given = {"basis": "best_interests", "how": "in_person"}
    for whose, able, field in (
        (one, False, []),
        (one, True, ["capacity_id"]),
        (other, False, ["capacity_id"]),
    ):
        asked = {**given, "capacity_id": w.assessment(whose, able=able)}
        assert wrong(w, "priya", Noun.CONSENT, made, "give", asked) == field


def test_an_agreement_replaces_one_that_the_drafter_keeps(w: World) -> None:
    from referral.store import Sql

    with w.store.read() as tx:
        kept = tx.rows(Sql("SELECT id FROM agreement"))[0][0]
    given = {"parties": [w.org["ash"], w.org["singers"]], "replaces_id": kept}
    assert wrong(w, "grace", Noun.AGREEMENT, None, "draft", given) == []
    assert wrong(w, "fred", Noun.AGREEMENT, None, "draft", given) == ["replaces_id"]


@pytest.mark.invariant("I09")
def test_a_concern_is_handed_to_nobody_who_is_named_in_it(w: World) -> None:
    kit = w.actor["kit"]
    made = w.step(
        Noun.CONCERN,
        None,
        "raise",
        "priya",
        given={
            "person_id": w.person(),
            "seen": "Bruises.",
            "danger": False,
            "sources": [{"user_id": w.actor["paul"].user_id}, {"organisation_id": w.org["clay"]}],
        },
    ).id
    for holder, field in (
        (f"member@{w.actor['seth'].membership_id}", []),
        (f"safeguarding_lead@{w.place['root']}", []),
        (f"member@{w.actor['paul'].membership_id}", ["holder"]),
        (f"safeguarding_lead@{w.place['harbour']}", ["holder"]),
        (f"member@{kit.membership_id}", ["holder"]),
        (f"provider_leader@{w.org['singers']}", ["holder"]),
        (f"dancer@{w.place['root']}", ["holder"]),
        (f"member@{new_id()}", ["holder"]),
    ):
        assert wrong(w, "gwen", Noun.CONCERN, made, "hand_over", {"holder": holder}) == field


def test_a_source_of_harm_is_an_account_of_this_system_or_words(w: World) -> None:
    given = {"person_id": w.person(), "seen": "Bruises.", "danger": False}
    for source, field in (
        ({"user_id": w.actor["kit"].user_id}, []),
        ({"words": "A neighbour"}, []),
        ({"user_id": new_id()}, ["sources"]),
        ({"organisation_id": new_id()}, ["sources"]),
    ):
        asked = {**given, "sources": [source]}
        assert wrong(w, "priya", Noun.CONCERN, None, "raise", asked) == field
