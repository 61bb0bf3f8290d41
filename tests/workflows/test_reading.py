"""Lists as somebody sees them: their own, in order, without gaps, and nobody else's."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from referral import visible
from referral.actors import Actor, the_system
from referral.ids import new_id
from referral.members import actor_of
from referral.rows import change, put
from referral.states import Noun, Role
from referral.store import Sql, Store
from referral.visible import Filters
from tests.world import World, build
from workflows import reading
from workflows.activities import add_provider, save_activity, save_group
from workflows.engine import TABLES, Refused
from workflows.guards import HELD, HELD_BY_US
from workflows.holds import CLOCK as HOLD_CLOCK
from workflows.organisations import (
    add_membership,
    add_organisation,
    add_user,
    set_away,
    setup_system,
)
from workflows.people import add_person
from workflows.referrals import begin_referral


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def read(w: World, who: str | Actor, how: Any, *args: Any, **more: Any) -> Any:
    actor = w.actor[who] if isinstance(who, str) else who
    with w.store.read(actor) as tx:
        return how(tx, actor, w.at, *args, **more)


def names(w: World, who: str | Actor) -> list[str]:
    return [item.name for item in read(w, who, reading.worklist).items]


def elsewhere(w: World) -> dict[str, Any]:
    """Another system in the same store, with a referral of its own, to a provider of its own."""
    at = w.at
    with w.store.begin() as tx:
        made = setup_system(tx, "Elsewhere", at)
        s = the_system(made["system_id"], "test")
        where = made["place_id"]
        org = add_organisation(tx, s, at, name="Far practice", kind="practice", place_id=where)
        home = add_organisation(tx, s, at, name="Far choir", kind="provider", place_id=where)
        actors = {}
        for key, role, of, over in (
            ("worker", Role.LINK_WORKER, org, None),
            ("lead", Role.TEAM_LEAD, org, None),
            ("leader", Role.PROVIDER_LEADER, home, None),
            ("governance", Role.GOVERNANCE_LEAD, made["organisation_id"], where),
            ("safe", Role.SAFEGUARDING_LEAD, made["organisation_id"], where),
        ):
            user = add_user(tx, s, at, name=f"Far {key}", email=f"{key}@far.example.org")
            member = add_membership(
                tx, s, at, user_id=user, organisation_id=of, role=role, place_id=over
            )
            actors[key] = actor_of(tx, member, at)
        provider = add_provider(tx, s, at, organisation_id=home)
        activity = save_activity(tx, s, at, provider_id=provider, values={"name": "Far song"})
        group = save_group(
            tx, s, at, activity_id=activity, values={"name": "Mondays", "capacity": 3}
        )
        worker = actors["worker"]
        assert worker is not None
        person = add_person(
            tx,
            worker,
            at,
            {
                "given_name": "Margaret",
                "family_name": "Okoro",
                "birth_date": date(1950, 1, 1),
                "practice": "Far practice",
                "nhs_number": "9990000018",
                "phone": "07700 900982",
            },
        )
        referral = begin_referral(tx, worker, at, person_id=person["id"], group_id=group)
    return {**actors, "person": person, "referral": referral}


EVERYBODY = ("priya", "sam", "tess", "gwen", "olu", "tom", "sol", "kit", "grace", "paul", "fred",
             "gail", "seth", "ingrid", "amara", "ada", "art", "cora")  # fmt: skip


# -- another system, another organisation -------------------------------------------------------


def test_nothing_of_another_system_is_ever_in_a_list(w: World) -> None:
    far = elsewhere(w)
    w.sent()
    for who in EVERYBODY:
        work = read(w, who, reading.worklist)
        assert far["referral"].id not in {item.record_id for item in work.items}
        found, _ = read(w, who, reading.referrals)
        assert far["referral"].id not in {card.id for card in found}
        people, _ = read(w, who, reading.people)
        assert far["person"]["id"] not in {card.id for card in people}
        for asked in (far["referral"].reference, far["person"]["reference"], "9990000018"):
            hit = read(w, who, reading.search, asked)
            assert (hit.people, hit.referrals) == ([], [])
        hit = read(w, who, reading.search, "Okoro")
        assert {c.id for c in hit.people} & {far["person"]["id"]} == set()
        assert {c.id for c in hit.referrals} & {far["referral"].id} == set()
        with pytest.raises(Refused):
            read(w, who, reading.timeline, Noun.REFERRAL, far["referral"].id)


def test_and_the_other_system_sees_its_own_only(w: World) -> None:
    here = w.sent()
    far = elsewhere(w)
    worker = far["worker"]
    assert names(w, worker) == ["Margaret Okoro"]
    found, _ = read(w, worker, reading.referrals)
    assert [card.id for card in found] == [far["referral"].id]
    people, _ = read(w, worker, reading.people)
    assert [card.id for card in people] == [far["person"]["id"]]
    for key in ("worker", "lead", "leader", "governance", "safe"):
        found, _ = read(w, far[key], reading.referrals)
        assert here not in {card.id for card in found}
        with pytest.raises(Refused):
            read(w, far[key], reading.timeline, Noun.REFERRAL, here)


@pytest.mark.parametrize("who", ["priya", "tess", "sol", "gwen", "grace", "gail"])
def test_the_system_is_asked_as_well_as_the_organisation(w: World, who: str) -> None:
    """Had somebody the keys of one system and the name of another, there would be nothing."""
    person = w.person()
    w.sent(person)
    w.draft(w.person())
    concern(w, person, "priya")
    escalated(w, w.sent())
    far = elsewhere(w)
    mixed = replace(w.actor[who], system_id=far["worker"].system_id)
    assert read(w, mixed, reading.referrals)[0] == []
    assert read(w, mixed, reading.people)[0] == []
    assert read(w, mixed, reading.worklist).items == []
    assert read(w, mixed, visible.counts) == {}
    assert read(w, mixed, visible.reviews, "open", w.at) == []
    assert read(w, mixed, reading.search, "Margaret") == reading.Found([], [])
    assert read(w, mixed, lambda tx, actor, at: visible.notices(tx, actor)) == []


def test_another_practice_and_another_provider_see_none_of_it(w: World) -> None:
    record = w.sent()
    for who in ("olu", "tom", "kit", "fred", "ingrid", "ada", "art", "cora"):
        found, _ = read(w, who, reading.referrals)
        assert found == [], who
        assert names(w, who) == [], who
        assert read(w, who, visible.counts) == {}, who
        with pytest.raises(Refused):
            read(w, who, reading.timeline, Noun.REFERRAL, record)
    for who in ("olu", "tom", "sol", "fred", "grace"):
        people, _ = read(w, who, reading.people)
        assert people == [], who


def test_the_team_the_provider_and_who_answers_for_the_place_see_it(w: World) -> None:
    record = w.sent()
    for who in ("priya", "sam", "tess", "gwen", "sol", "rae", "grace", "paul", "gail", "amara"):
        found, _ = read(w, who, reading.referrals)
        assert [card.id for card in found] == [record], who
    for who in ("priya", "sam", "tess", "gwen", "paul", "seth"):
        people, _ = read(w, who, reading.people)
        assert len(people) == 1, who


def test_a_provider_sees_no_draft_and_a_name_only_with_a_place(w: World) -> None:
    person = w.person()
    draft = w.draft(person)
    assert read(w, "sol", reading.referrals)[0] == []
    w.consent(person)
    w.referral(draft, "send", "priya", given={"shared": "{}"})
    (card,), _ = read(w, "sol", reading.referrals)
    assert card.name == "Margaret"
    assert "Okoro" not in str(card)
    w.referral(draft, "accept", "sol")
    (card,), _ = read(w, "sol", reading.referrals)
    assert card.name.startswith("Margaret Okoro")


@pytest.mark.invariant("I05")
def test_after_a_no_the_provider_has_the_reference_only(w: World) -> None:
    person = w.person()
    w.accepted(person)
    w.consent(person, agreed=False)
    (card,), _ = read(w, "sol", reading.referrals)
    assert set(card.seen) == {"reference"}
    assert card.name == card.seen["reference"]


# -- worklists ----------------------------------------------------------------------------------


def test_a_worklist_is_in_the_order_of_its_deadlines(w: World) -> None:
    first = w.draft()
    w.later(days=1)
    second = w.draft()
    work = read(w, "priya", reading.worklist)
    assert [item.record_id for item in work.items] == [first, second]
    assert [item.kind for item in work.items] == ["referral.draft"] * 2
    assert work.counts.now == 2
    assert work.counts.overdue == 0
    assert names(w, "sam") == []


def test_what_is_with_the_provider_is_on_their_list_and_not_on_the_link_workers(w: World) -> None:
    record = w.sent()
    assert names(w, "priya") == []
    for who in ("sol", "rae"):
        assert [i.record_id for i in read(w, who, reading.worklist).items] == [record]
    assert names(w, "kit") == []


def test_overdue_is_counted_and_said(w: World) -> None:
    w.draft()
    w.later(days=12)
    work = read(w, "priya", reading.worklist)
    assert work.counts.overdue == 1
    (item,) = work.items
    assert item.group(w.at, w.at, work.horizon) == "overdue"


def test_a_watched_deadline_waits_until_it_is_near(w: World) -> None:
    record = w.active()
    assert names(w, "sol") == []
    w.later(days=38)
    assert [i.record_id for i in read(w, "sol", reading.worklist).items] == [record]


def test_a_year_of_consent_is_no_work_today(w: World) -> None:
    w.sent()
    assert "consent.given" not in {i.kind for i in read(w, "priya", reading.worklist).items}


def test_a_consent_asked_for_nothing_open_is_no_work(w: World) -> None:
    person = w.person()
    w.consent(person, agreed=None)
    assert names(w, "priya") == []
    w.draft(person)
    kinds = {i.kind for i in read(w, "priya", reading.worklist).items}
    assert kinds == {"consent.asked", "referral.draft"}


def test_consent_is_asked_again_only_while_something_goes_on(w: World) -> None:
    person = w.person()
    record = w.draft(person)
    w.consent(person, until=w.at + timedelta(days=10))
    w.referral(record, "send", "priya", given={"shared": "{}"})

    def kinds() -> set[str]:
        return {i.kind for i in read(w, "priya", reading.worklist).items}

    assert "consent.given" in kinds()
    w.referral(record, "withdraw", "priya", given={"reason": "person_asked"})
    assert "consent.given" not in kinds()


def test_the_team_lead_has_what_belongs_to_who_is_away(w: World) -> None:
    record = w.draft()
    assert names(w, "tess") == []
    with w.store.begin(w.actor["tess"]) as tx:
        set_away(
            tx,
            w.actor["tess"],
            w.at,
            membership_id=w.actor["priya"].membership_id,
            start=w.at,
            end=w.at + timedelta(days=5),
        )
    (item,) = read(w, "tess", reading.worklist).items
    assert item.record_id == record
    assert item.standing_in
    assert names(w, "tom") == []
    w.later(days=6)
    assert names(w, "tess") == []


def test_the_team_lead_has_what_belongs_to_who_has_left(w: World) -> None:
    record = w.draft()
    with w.store.begin(w.system) as tx:
        change(tx, "membership", w.actor["priya"].membership_id, {"ended_at": w.at})
    assert [i.record_id for i in read(w, "tess", reading.worklist).items] == [record]


def concern(w: World, person: str, who: str = "gwen", **given: Any) -> str:
    said = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": [], **given}
    return w.step(Noun.CONCERN, None, "raise", who, given=said).id


def test_safety_comes_first_and_what_is_held_last(w: World) -> None:
    person = w.person(who="priya")
    w.sent(person)
    concern(w, person, "priya")
    work = read(w, "gwen", reading.worklist)
    assert [(i.noun, i.safety) for i in work.items] == [(Noun.CONCERN, True)]
    (held,) = read(w, "sol", reading.worklist).items
    assert held.due is None
    assert held.held == HELD.why
    assert held.group(w.at, w.at, work.horizon) == "held"
    assert read(w, "sol", reading.worklist).counts.overdue == 0


def test_a_concern_is_on_nobody_elses_list(w: World) -> None:
    person = w.person()
    w.sent(person)
    concern(w, person, "priya")
    for who in set(EVERYBODY) - {"gwen"}:
        kinds = {i.kind for i in read(w, who, reading.worklist).items}
        assert "concern.raised" not in kinds, who


def test_a_named_source_of_harm_has_a_first_name_and_the_sentence(w: World) -> None:
    person = w.person()
    w.draft(person)
    sources = [{"user_id": w.actor["priya"].user_id}]
    concern(w, person, sources=sources)
    (item,) = read(w, "priya", reading.worklist).items
    assert item.closed
    assert item.name == "Margaret"
    assert item.held == HELD_BY_US.why
    assert (item.due, item.state) == (None, None)
    (seen,) = read(w, "tess", reading.worklist).items
    assert seen.standing_in
    assert seen.name.startswith("Margaret Okoro")


def test_who_is_named_finds_nobody_by_what_is_hidden_from_them(w: World) -> None:
    person = w.person(nhs_number="9990000018", no_nhs_number=None)
    w.draft(person)
    (card,), _ = read(w, "priya", reading.people)
    concern(w, person, sources=[{"user_id": w.actor["priya"].user_id}])
    for asked in ("Okoro", "Margaret", "9990000018", "07700 900982"):
        assert read(w, "priya", reading.search, asked).people == [], asked
        assert read(w, "sam", reading.search, asked).people != [], asked
    hit = read(w, "priya", reading.search, card.seen["reference"])
    assert [set(found.seen) for found in hit.people] == [{"reference", "first_name", "held"}]


def full_hold(w: World, person: str) -> None:
    """Records being put right, closed to the link workers."""
    with w.store.begin(w.system) as tx:
        put(
            tx,
            "hold",
            {
                "id": new_id(w.at),
                "system_id": w.system_id,
                "organisation_id": w.org["ash"],
                "cause": "records",
                "concern_id": None,
                "person_id": person,
                "provider_id": None,
                "referral_id": None,
                "closed_to": "link_worker",
                "owner": f"team_lead@{w.org['ash']}",
                "started": w.at,
                "until": None,
                "ended": None,
            },
        )


def everything_seen(w: World, who: str) -> list[Any]:
    work = read(w, who, reading.worklist)
    (referrals, _), (people, _) = read(w, who, reading.referrals), read(w, who, reading.people)
    return [
        [(i.name, i.kind, i.due, i.held, i.known) for i in work.items],
        work.counts,
        [(c.seen, c.due, c.paused) for c in referrals],
        [c.seen for c in people],
        [(c.seen) for c in read(w, who, reading.search, "Okoro").people],
        read(w, who, reading.referrals, Filters(overdue=True))[0],
        [read(w, who, reading.timeline, Noun.REFERRAL, c.id) for c in referrals],
    ]


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.invariant("I56")
def test_the_lists_of_a_named_source_do_not_tell_why_they_are_closed(
    w: World, released: bool
) -> None:
    """I56: a concern about the link worker, or records being put right, read the same."""
    person = w.person(given_name="Ben")
    w.draft(person)
    w.later(days=30)
    raised = concern(w, person, sources=[{"user_id": w.actor["priya"].user_id}])
    if released:
        w.step(Noun.CONCERN, raised, "acknowledge", "gwen", given={"hold_stays": False})
    by_concern = everything_seen(w, "priya")
    with w.store.begin(w.system) as tx:
        tx.run(Sql("UPDATE concern SET state = 'closed', closed_at = :at"), at=w.at)
        tx.run(Sql("UPDATE hold SET ended = :at"), at=w.at)
    assert everything_seen(w, "priya") != by_concern
    full_hold(w, person)
    assert everything_seen(w, "priya") == by_concern


def test_pages_by_keyset_hold_everything_once_while_rows_come_and_go(w: World) -> None:
    made = []
    for _ in range(7):
        made.append(w.draft())
        w.later(minutes=1)
    seen: list[str] = []
    after = None
    for page in range(10):
        work = read(w, "priya", reading.worklist, after, 2)
        seen += [item.record_id for item in work.items]
        if page == 1:
            w.referral(made[0], "discard", "priya")  # before where we are
            made.append(w.draft())  # after it
        after = work.after
        if after is None:
            break
    assert seen == made


def test_referrals_go_by_keyset_the_newest_change_first(w: World) -> None:
    made = []
    for _ in range(5):
        made.append(w.draft())
        w.later(minutes=1)
    seen: list[str] = []
    after = None
    while True:
        cards, after = read(w, "priya", reading.referrals, Filters(), after, 2)
        seen += [card.id for card in cards]
        if after is None:
            break
    assert seen == made[::-1]


def test_two_changes_in_one_moment_are_both_in_the_list(w: World) -> None:
    made = {w.draft() for _ in range(5)}
    seen: list[str] = []
    after = None
    while True:
        cards, after = read(w, "priya", reading.referrals, Filters(), after, 2)
        seen += [card.id for card in cards]
        if after is None:
            break
    assert sorted(seen) == sorted(made)


# -- filters and counts -------------------------------------------------------------------------


def test_a_list_can_be_narrowed(w: World) -> None:
    draft, sent = w.draft(), w.sent()
    with w.store.begin(w.actor["sam"]) as tx:
        person = add_person(tx, w.actor["sam"], w.at, {"given_name": "Ali", "family_name": "Khan"})[
            "id"
        ]
        other = begin_referral(
            tx, w.actor["sam"], w.at, person_id=person, group_id=w.group["choir"]
        ).id

    def ids(**filters: Any) -> set[str]:
        return {card.id for card in read(w, "priya", reading.referrals, Filters(**filters))[0]}

    assert ids() == {draft, sent, other}
    assert ids(states=frozenset({"sent"})) == {sent}
    assert ids(mine=True) == {draft, sent}
    assert ids(person_id=person) == {other}
    assert ids(link_worker_id=w.actor["sam"].membership_id) == {other}
    assert ids(overdue=True) == set()
    w.later(days=20)
    assert ids(overdue=True) == {draft, sent, other}
    assert read(w, "priya", visible.counts) == {"draft": 2, "sent": 1}
    assert read(w, "priya", visible.counts, True) == {"draft": 1, "sent": 1}


def test_what_is_held_is_not_overdue(w: World) -> None:
    person = w.person()
    w.sent(person)
    concern(w, person, "priya")
    w.later(days=30)
    assert read(w, "priya", reading.referrals, Filters(overdue=True))[0] == []


def test_a_hold_that_was_lifted_moves_the_deadline_on(w: World) -> None:
    person = w.person()
    w.sent(person)
    (before,), _ = read(w, "priya", reading.referrals)
    raised = concern(w, person, "priya")
    w.later(days=7)
    (during,), _ = read(w, "priya", reading.referrals)
    w.step(Noun.CONCERN, raised, "acknowledge", "gwen", given={"hold_stays": False})
    (after,), _ = read(w, "priya", reading.referrals)
    assert (during.due, during.paused) == (None, True)
    assert before.due is not None
    # A week of working time, and a bank holiday in it.
    assert after.due == before.due + timedelta(days=8)


# -- search -------------------------------------------------------------------------------------


def test_a_search_finds_by_reference_number_phone_and_name(w: World) -> None:
    person = w.person(nhs_number="9990000018", no_nhs_number=None, family_name="Ō’Brien-Smith")
    record = w.draft(person)
    (card,), _ = read(w, "priya", reading.referrals)
    reference = card.seen["reference"]
    hit = read(w, "priya", reading.search, reference.lower().replace("-", " "))
    assert ([c.id for c in hit.referrals], hit.exact) == ([record], True)
    for asked in ("999 000 0018", "07700 900 982", "obrien", "margaret o’brien", "Smith"):
        hit = read(w, "priya", reading.search, asked)
        assert [c.id for c in hit.people] == [person], asked
    for asked in ("Nobody", "%", "_", "", "a", "9990000026"):
        hit = read(w, "priya", reading.search, asked)
        assert (hit.people, hit.referrals) == ([], []), asked


def test_a_provider_finds_nobody_by_a_name_they_do_not_see(w: World) -> None:
    person = w.person(family_name="Zimmermann")
    record = w.sent(person)
    assert read(w, "sol", reading.search, "Zimmermann").referrals == []
    assert [c.id for c in read(w, "sol", reading.search, "Margaret").referrals] == [record]
    w.referral(record, "accept", "sol")
    assert [c.id for c in read(w, "sol", reading.search, "Zimmermann").referrals] == [record]
    assert read(w, "sol", reading.search, "Zimmermann").people == []
    assert read(w, "kit", reading.search, "Zimmermann").referrals == []


# -- timelines ----------------------------------------------------------------------------------


def test_the_team_reads_the_whole_history(w: World) -> None:
    record = w.accepted()
    told = read(w, "priya", reading.timeline, Noun.REFERRAL, record)
    assert [s.trigger for s in told.steps] == ["accept", "send", "create"]
    assert told.steps[0].name == "Sol Rivers"


def test_a_provider_reads_what_came_to_them(w: World) -> None:
    record = w.sent()
    w.referral(record, "ask", "sol", given={"note": "Can she climb stairs?"})
    w.referral(record, "answer", "priya", given={"note": "Only with a rail."})
    told = read(w, "sol", reading.timeline, Noun.REFERRAL, record)
    assert [s.trigger for s in told.steps] == ["answer", "ask", "send"]
    assert set(told.notes.values()) == {"Can she climb stairs?", "Only with a rail."}


def test_our_own_notes_are_not_for_the_provider(w: World) -> None:
    record = w.accepted()
    w.referral(record, "contact", "sol")
    w.referral(
        record,
        "recall",
        "priya",
        given={"reason": "person_asked", "note": "Between us.", "audience": "ours"},
    )
    ours = read(w, "priya", reading.timeline, Noun.REFERRAL, record)
    theirs = read(w, "sol", reading.timeline, Noun.REFERRAL, record)
    assert "Between us." in ours.notes.values()
    assert theirs.notes == {}
    # It has left them: dates remain, reasons don't.
    assert theirs.steps[0].trigger == "recall"
    assert theirs.steps[0].reason is None
    assert ours.steps[0].reason == "person_asked"


def test_a_safeguarding_leads_name_is_not_told_to_a_provider(w: World) -> None:
    record = w.accepted()
    w.referral(record, "reassign", "gwen", given={"link_worker_id": w.actor["sam"].membership_id})
    ours = read(w, "priya", reading.timeline, Noun.REFERRAL, record)
    theirs = read(w, "sol", reading.timeline, Noun.REFERRAL, record)
    assert ours.steps[0].name == "Gwen Safe"
    assert (theirs.steps[0].name, theirs.steps[0].organisation) == (None, "Ash Lane practice")


def test_a_closed_record_has_no_history(w: World) -> None:
    person = w.person()
    record = w.accepted(person)
    concern(w, person, sources=[{"organisation_id": w.org["singers"]}])
    told = read(w, "sol", reading.timeline, Noun.REFERRAL, record)
    assert (told.steps, dict(told.notes)) == ([], {})
    assert read(w, "priya", reading.timeline, Noun.REFERRAL, record).steps


# -- reviews and notices ------------------------------------------------------------------------


def escalated(w: World, record: str, severity: str = "medium") -> str:
    given = {"kind": "capacity", "note": "More places.", "about": "referral",
             "about_id": record, "level": 2, "severity": severity}  # fmt: skip
    return w.step(Noun.ESCALATION, None, "raise", "priya", given=given).id


def reviews(w: World, who: str, which: str = "open") -> list[str]:
    month = w.at.replace(day=1)
    return [row.id for row in read(w, who, visible.reviews, which, month)]


def test_reviews_are_of_the_own_place_the_most_severe_first(w: World) -> None:
    first = escalated(w, w.sent())
    worse = escalated(w, w.sent(), "high")
    for who in ("grace", "paul", "gail", "tess"):
        assert reviews(w, who) == [worse, first], who
    for who in ("fred", "priya", "sol", "ingrid", "ada", "cora", "art", "tom"):
        assert reviews(w, who) == [], who
    assert reviews(w, "grace", "others") == []
    assert reviews(w, "gail", "others") == [worse, first]
    assert reviews(w, "grace", "overdue") == []
    w.later(days=10)
    assert reviews(w, "grace", "overdue") == [worse, first]


def test_reviews_go_by_keyset(w: World) -> None:
    made = []
    for severity in ("low", "high", "medium", "high", "low"):
        made.append((severity, escalated(w, w.sent(), severity)))
        w.later(minutes=1)
    month = w.at.replace(day=1)
    seen: list[str] = []
    after = None
    while True:
        rows = read(w, "grace", visible.reviews, "open", month, after, 2)
        seen += [row.id for row in rows]
        if len(rows) < 2:
            break
        after = (rows[-1].rank, rows[-1].created_at, rows[-1].id)
    order = [i for wanted in ("high", "medium", "low") for s, i in made if s == wanted]
    assert seen == order


def notice(w: World, who: str, number: int, record: str, at: datetime) -> None:
    with w.store.begin(w.system) as tx:
        tx.run(
            Sql(
                "INSERT INTO notice (system_id, outbox_id, membership_id, what, noun, record_id,"
                " at, read_at) SELECT :system_id, o.id, :member, 'accepted', 'referral', :record,"
                " :at, NULL FROM outbox o ORDER BY o.id LIMIT 1 OFFSET :number"
            ),
            system_id=w.system_id,
            member=w.actor[who].membership_id,
            record=record,
            at=at,
            number=number,
        )


def test_notices_are_ones_own_newest_first_by_keyset(w: World) -> None:
    record = w.accepted()
    w.referral(record, "contact", "sol")
    for number in range(3):
        notice(w, "priya", number, record, w.at)
    rows = read(w, "priya", lambda tx, actor, at: visible.notices(tx, actor, None, 2))
    rest = read(w, "priya", lambda tx, actor, at: visible.notices(tx, actor, rows[-1].id, 2))
    assert len(rows) == 2
    assert len(rest) == 1
    assert rows[0].id > rows[1].id > rest[0].id
    assert rows[0].reference is not None
    assert read(w, "sam", lambda tx, actor, at: visible.notices(tx, actor)) == []


# -- the two rooms agree ------------------------------------------------------------------------


def test_the_clocks_that_stand_still_are_those_of_the_tables() -> None:
    told = {kind for table in TABLES.values() for kind, c in table.clocks.items() if c.held}
    assert visible.listed(*told) == visible.STANDS_STILL


def test_every_watched_clock_is_one_of_the_tables() -> None:
    kinds = {kind for table in TABLES.values() for kind in table.clocks}
    watched = {kind.strip("'") for kind in visible.WATCHED.split(",")}
    assert watched < kinds | {HOLD_CLOCK.kind}


def test_a_page_costs_few_statements(w: World) -> None:
    for _ in range(4):
        w.sent()
    asked: list[Any] = []
    actor = w.actor["sol"]
    with w.store.read(actor) as tx:
        run = tx.execute

        def counting(*args: Any) -> Any:
            asked.append(args[0])
            return run(*args)

        tx.execute = counting  # type: ignore[method-assign]
        reading.worklist(tx, actor, w.at)
        work = len(asked)
        asked.clear()
        reading.referrals(tx, actor, w.at)
        assert work <= 8
        assert len(asked) <= 4


# -- as others spell it -------------------------------------------------------------------------


def test_a_name_is_found_as_others_spell_it_and_only_in_ones_own_team(w: World) -> None:
    person = w.person(given_name="Katherine", family_name="Smyth")

    def alike(who: str, words: str) -> list[str]:
        with w.store.read(w.actor[who]) as tx:
            return [one.id for one in reading.search(tx, w.actor[who], w.at, words).alike]

    assert alike("priya", "Catherine Smith") == [person]
    assert alike("tess", "kathrin") == [person]
    assert alike("priya", "Katherine") == []  # that is the name itself
    assert alike("priya", "Frederick") == []
    assert alike("priya", "ka") == []
    assert alike("olu", "Catherine Smith") == []
    assert alike("sol", "Catherine Smith") == []
    concern(w, person, sources=[{"user_id": w.actor["priya"].user_id}])
    assert alike("priya", "Catherine Smith") == []
    assert alike("sam", "Catherine Smith") == [person]


def test_activities_and_providers_are_found_by_the_beginnings_of_their_words(w: World) -> None:
    with w.store.read(w.actor["priya"]) as tx:
        found = reading.search_offered(tx, w.actor["priya"], "SINGING brea")
        assert [(one.provider, one.activity) for one in found] == [
            ("Riverside Singers", "Singing for breathing")
        ]
        (provider,) = reading.search_offered(tx, w.actor["priya"], "riverside")
        assert provider.activity is None
        assert reading.search_offered(tx, w.actor["priya"], "inging") == []
