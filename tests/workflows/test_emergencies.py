"""Emergency access: who may open whose record, what it shows and for how long, who is told, and
that somebody else reviews it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from referral import facts, looks, records, scopes
from referral.actors import Actor
from referral.audit import log
from referral.members import actor_of
from referral.states import Noun, Role
from referral.store import Sql, Store
from tests.winding import sweep
from tests.world import World, build
from workflows.concerns import raise_concern
from workflows.emergencies import may_read, open_record
from workflows.engine import Done, Refused, available, step
from workflows.holds import place_hold
from workflows.organisations import add_membership, add_user
from workflows.people import change_person
from workflows.policy import set_rule

KNOWN = {"reason": "danger_now", "why": "He rang from the bus stop."}
BORN = {"birth_date": "1951-03-15"}


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def opened(w: World, who: str, **values: Any) -> Done:
    actor = now(w, who)
    return w.made(actor, lambda tx: open_record(tx, actor, w.at, {**KNOWN, **values}))


def now(w: World, who: str) -> Any:
    """The member as a request made now would know them."""
    with w.store.read() as tx:
        found = actor_of(tx, w.actor[who].membership_id, w.at)
    assert found is not None
    return found


def reads(w: World, who: str, person: str) -> bool:
    with w.store.read() as tx:
        return records.person_to_read(tx, now(w, who), w.at, person) is not None


def reference(w: World, person: str) -> str:
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT reference FROM person WHERE id = :id"), id=person)
    assert row is not None
    return str(row[0])


def told(w: World, record: str, what: str) -> set[str]:
    query = Sql("SELECT to_owner FROM outbox WHERE record_id = :id AND what = :what")
    with w.store.read() as tx:
        return {row[0] for row in tx.rows(query, id=record, what=what)}


def refused(w: World, who: str, **values: Any) -> tuple[str, ...]:
    with pytest.raises(Refused) as no:
        opened(w, who, **values)
    return no.value.codes


# -- for whom, and for how long -------------------------------------------------------------------


@pytest.mark.invariant("I30")
def test_a_record_is_open_for_its_time_and_closed_in_the_next_request_after_it(w: World) -> None:
    person = w.person()
    assert not reads(w, "olu", person)
    made = opened(w, "olu", reference=reference(w, person))
    assert reads(w, "olu", person)
    w.later(minutes=59)
    assert reads(w, "olu", person)
    w.later(minutes=1)
    assert not reads(w, "olu", person), "open past its time, before any sweep has looked"
    sweep(w, w.at)
    with w.store.read() as tx:
        f = facts.emergency(tx, made.id, w.actor["grace"], w.at)
    assert f is not None
    assert f.state == "under_review"


@pytest.mark.invariant("I30")
def test_what_was_opened_is_reviewed_by_somebody_else_or_climbs(w: World) -> None:
    made = opened(w, "olu", reference=reference(w, w.person()))
    w.step(Noun.EMERGENCY, made.id, "close", "olu")
    with w.store.read() as tx:
        assert not any(o.allowed for o in available(tx, Noun.EMERGENCY, made.id, w.actor["olu"],
                                                    w.at))  # fmt: skip
    sweep(w, w.later(days=1))
    sweep(w, w.later(days=1))
    raised = Sql("SELECT kind, level FROM escalation WHERE about_id = :id")
    with w.store.read() as tx:
        assert tx.rows(raised, id=made.id) == [("information_sharing", 3)]
    w.step(Noun.EMERGENCY, made.id, "review", "grace",
           given={"finding": "right_to_open", "note": "Nobody answered."})  # fmt: skip
    with w.store.read() as tx:
        assert tx.row(Sql("SELECT state FROM escalation WHERE about_id = :id"), id=made.id) == (
            "closed",
        )
    assert told(w, made.id, "emergency_reviewed") == {
        f"member@{w.actor['olu'].membership_id}",
        f"team_lead@{w.org['ash']}",
    }


def test_what_was_not_right_is_raised_and_what_was_right_is_not(w: World) -> None:
    raised = Sql("SELECT kind, level FROM escalation WHERE about_id = :id")
    for finding, expected in (
        ("right_to_open", []),
        ("read_too_much", [("information_sharing", 2)]),
        ("not_needed_to_open", [("information_sharing", 2)]),
    ):
        made = w.emergency(w.person())
        w.step(Noun.EMERGENCY, made, "close", "olu")
        said = {"finding": finding, "note": "Seen.", "tags": ["wrong_person"]}
        w.step(Noun.EMERGENCY, made, "review", "grace", given=said)
        with w.store.read() as tx:
            assert tx.rows(raised, id=made) == expected


@pytest.mark.parametrize("who", ["olu", "tom"])
def test_a_link_worker_and_a_lead_of_another_team_may(w: World, who: str) -> None:
    person = w.person()
    opened(w, who, reference=reference(w, person))
    assert reads(w, who, person)


@pytest.mark.parametrize("who", ["sol", "grace", "ada", "art", "cora", "ingrid", "amara"])
def test_a_role_that_reads_no_persons_record_may_not(w: World, who: str) -> None:
    assert refused(w, who, reference=reference(w, w.person())) == ("not_your_role",)


@pytest.mark.parametrize("who", ["priya", "tess", "gwen", "paul", "seth"])
def test_what_is_within_reach_is_not_opened_in_an_emergency(w: World, who: str) -> None:
    assert refused(w, who, reference=reference(w, w.person())) == ("outside_reach",)


def test_another_one_closes_the_first(w: World) -> None:
    first, second = w.person(), w.person()
    one = opened(w, "olu", reference=reference(w, first))
    opened(w, "olu", reference=reference(w, second))
    assert reads(w, "olu", second)
    assert not reads(w, "olu", first)
    with w.store.read() as tx:
        f = facts.emergency(tx, one.id, w.actor["grace"], w.at)
    assert f is not None
    assert f.state == "under_review"


def test_a_place_sets_the_minutes_and_who_is_told(w: World) -> None:
    ada = w.actor["ada"]
    with w.store.begin(ada) as tx:
        set_rule(
            tx,
            ada,
            w.at,
            place_id=w.place["harbour"],
            kind="days",
            name="emergency.opened_minutes",
            value=15,
            from_at=w.at,
            because="Short.",
        )
        set_rule(tx, ada, w.at, place_id=w.place["harbour"], kind="reasons", name="emergency.told",
                 value=["governance_lead"], from_at=w.at, because="She is on call.")  # fmt: skip
    w.later(minutes=1)
    person = w.person()
    made = opened(w, "olu", reference=reference(w, person))
    assert told(w, made.id, "emergency_opened") == {f"governance_lead@{w.place['harbour']}"}
    w.later(minutes=15)
    assert not reads(w, "olu", person)


def test_a_place_can_not_choose_that_nobody_is_told(w: World) -> None:
    ada = w.actor["ada"]
    for nobody in ([], ["the_moon"]):
        with pytest.raises(Refused), w.store.begin(ada) as tx:
            set_rule(tx, ada, w.at, place_id=w.place["harbour"], kind="reasons",
                     name="emergency.told", value=nobody, from_at=w.at, because="No.")  # fmt: skip


# -- whose record ---------------------------------------------------------------------------------


def test_it_is_found_by_a_reference_or_by_two_things_and_never_by_one(w: World) -> None:
    person = w.person(nhs_number="9990123454", no_nhs_number=None, family_name="Adeyemi")
    referral = w.sent(person)
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT reference FROM referral WHERE id = :id"), id=referral)
    assert row is not None
    name = {"given_name": "Margaret", "family_name": "Adeyemi"}
    for known in (
        {"reference": row[0]},
        {"nhs_number": "999 012 3454", **BORN},
        {**name, **BORN},
        {**name, "phone": "07700 900982"},
    ):
        opened(w, "olu", **known)
        assert reads(w, "olu", person), known
        w.step(Noun.EMERGENCY, now(w, "olu").glass.id, "close", "olu")
    for one in ({"nhs_number": "999 012 3454"}, BORN, name, {"given_name": "Margaret", **BORN}, {}):
        assert refused(w, "olu", **one) == ("wrong_reference",), one


def test_every_way_it_comes_to_nothing_is_told_in_the_same_words(w: World) -> None:
    """Nobody there, several there, somebody whose record is closed to whoever asks."""
    named, held = w.person(phone="07700 900111"), w.person(phone="07700 900222")
    same = {"given_name": "Ada", "family_name": "Twice", "phone": "07700 900333"}
    w.person(**same), w.person(**same)
    source = [{"user_id": w.actor["olu"].user_id}]
    given = {"person_id": named, "seen": "Bruises.", "danger": False, "sources": source}
    w.step(Noun.CONCERN, None, "raise", "sam", given=given)
    referral = w.draft(held)
    with w.store.begin(w.actor["tess"]) as tx:
        place_hold(tx, w.actor["tess"], w.at, referral_id=referral, cause="records",
                   side="link_worker", until=w.at.date() + timedelta(days=9))  # fmt: skip
    for known in (
        {"reference": reference(w, named)},
        {"reference": reference(w, held)},
        {"given_name": "No", "family_name": "Body", **BORN},
        {**same},
    ):
        with pytest.raises(Refused) as no:
            opened(w, "olu", **known)
        (one,) = no.value.refusals
        assert one.code == "nothing_opened", known
        assert (one.why, one.remedy, one.field) == (
            "No record was opened with what you typed.",
            "Check it. If it is right, ring the number that answers now: they can look for you.",
            None,
        )
    opened(w, "tom", reference=reference(w, named))  # who is not named may


# -- what it opens --------------------------------------------------------------------------------


def test_it_is_for_reading_and_nothing_can_be_done_with_it(w: World) -> None:
    person = w.person()
    referral = w.sent(person)
    opened(w, "olu", reference=reference(w, person))
    olu = now(w, "olu")
    with w.store.begin(olu) as tx:
        f = facts.referral(tx, referral, olu, w.at)
        assert may_read(Noun.REFERRAL, f, olu)
        with pytest.raises(Refused) as no:
            step(tx, Noun.REFERRAL, referral, "recall", olu, w.at, {"reason": "other"})
        assert no.value.codes == ("not_found",)
        with pytest.raises(Refused):
            change_person(tx, olu, w.at, person, {"phone": "07700 900123"}, 1)
        assert records.person(tx, olu, w.at, person) is None


def test_who_has_it_open_may_raise_a_concern_and_others_outside_may_not(w: World) -> None:
    person = w.person()
    said = {"person_id": person, "seen": "She is frightened.", "danger": True}
    with pytest.raises(Refused), w.store.begin(w.actor["olu"]) as tx:
        raise_concern(tx, w.actor["olu"], w.at, said)
    opened(w, "olu", reference=reference(w, person))
    olu = now(w, "olu")
    assert w.made(olu, lambda tx: raise_concern(tx, olu, w.at, said)).state == "raised"


def a_lead_elsewhere(w: World) -> Actor:
    with w.store.begin() as tx:
        user = add_user(tx, w.system, w.at, name="Fiona Fen", email="fiona@example.org")
        member = add_membership(
            tx, w.system, w.at, user_id=user, organisation_id=w.org["fen_board"],
            role=Role.SAFEGUARDING_LEAD, place_id=w.place["fen"],
        )  # fmt: skip
        found = actor_of(tx, member, w.at)
    assert found is not None
    w.actor["fiona"] = found
    return found


def test_a_safeguarding_lead_reads_its_concerns_unless_named_and_a_link_worker_none(
    w: World,
) -> None:
    fiona = a_lead_elsewhere(w)
    person = w.person()
    given: dict[str, Any] = {"person_id": person, "seen": "Bruises.", "danger": False}
    plain = w.step(Noun.CONCERN, None, "raise", "sam", given=given).id
    for who in ("fiona", "olu"):
        opened(w, who, reference=reference(w, person))
    with w.store.read() as tx:
        for who, sees in (("fiona", True), ("olu", False)):
            actor = now(w, who)
            assert may_read(Noun.CONCERN, facts.concern(tx, plain, actor, w.at), actor) is sees
    given["sources"] = [{"user_id": fiona.user_id}]
    naming = w.step(Noun.CONCERN, None, "raise", "sam", given=given).id
    with w.store.read() as tx:
        actor = now(w, "fiona")
        assert not may_read(Noun.CONCERN, facts.concern(tx, naming, actor, w.at), actor)
        seen = records.person_to_read(tx, actor, w.at, person)
    assert seen is not None
    assert seen.closed_to_actor, "whoever is named has the record closed to them, opened or not"


def test_it_does_not_reach_another_person_a_list_or_a_search(w: World) -> None:
    from workflows import reading

    person, other = w.person(), w.person()
    opened(w, "olu", reference=reference(w, person))
    olu = now(w, "olu")
    assert not reads(w, "olu", other)
    assert not reads(w, "tom", person)
    with w.store.read() as tx:
        assert reading.people(tx, olu, w.at)[0] == []
        assert reading.search(tx, olu, w.at, reference(w, person)).people == []


def test_the_condition_for_the_database_says_the_same(w: World) -> None:
    person, other = w.person(), w.person()
    made = opened(w, "olu", reference=reference(w, person))
    query = Sql(f"SELECT pe.id FROM person pe WHERE {scopes.opened_by_member('pe.id')}")

    def ids(who: str) -> list[str]:
        with w.store.read() as tx:
            return [r[0] for r in tx.rows(query, member=w.actor[who].membership_id, at=w.at)]

    assert ids("olu") == [person]
    assert ids("tom") == []
    assert scopes.opened(now(w, "olu"), person)
    assert not scopes.opened(now(w, "olu"), other)
    w.step(Noun.EMERGENCY, made.id, "close", "olu")
    assert ids("olu") == []
    assert not scopes.opened(now(w, "olu"), person)


# -- what is told and kept ------------------------------------------------------------------------


def test_a_second_person_is_told_with_it(w: World) -> None:
    made = opened(w, "olu", reference=reference(w, w.person()))
    assert told(w, made.id, "emergency_opened") == {
        f"team_lead@{w.org['ash']}",
        f"safeguarding_lead@{w.org['ash']}",
    }


def test_each_page_read_under_it_is_an_entry_of_its_own_kind(w: World) -> None:
    person, mine = w.person(), w.person("olu")
    made = opened(w, "olu", reference=reference(w, person))
    olu = now(w, "olu")
    with w.store.begin(olu) as tx:
        for one in (person, mine):
            p = records.person_to_read(tx, olu, w.at, one)
            assert p is not None
            log(tx, olu, w.at, "read", "person", None, subject=p.subject_ref)
    with w.store.read() as tx:
        f = facts.emergency(tx, made.id, w.actor["grace"], w.at)
        assert f is not None
        entries = tx.rows(Sql("SELECT action, leaf FROM audit ORDER BY seq DESC LIMIT 2"))
        under = looks.under(tx, w.actor["grace"], f, w.at)
    assert [a for a, _ in entries] == ["read", "emergency_read"]
    for said in (f'"emergency":"{made.id}"', '"reason":"danger_now"', w.org["fenside"]):
        assert said in entries[1][1]
        assert said not in entries[0][1] or said == w.org["fenside"]
    assert [one.noun for one in under] == ["person"]
