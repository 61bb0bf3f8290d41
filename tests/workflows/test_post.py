"""Who is told what: nobody twice, nobody who may no longer know, and never "nobody noticed"."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from referral import queue
from referral.actors import Actor
from referral.health import health
from referral.ids import new_id
from referral.rows import change, put
from referral.states import WITH_PROVIDER, Noun, Purpose, ReferralState, Role
from referral.store import Sql, Store
from tests.winding import after, clock, rows, sweep
from tests.world import OUTCOME, START, World, build
from workflows import disclosure, hearing, post
from workflows.engine import TABLES
from workflows.moves import Remind, Tell
from workflows.organisations import set_away


@pytest.fixture
def w(store: Store) -> World:
    made = build(store)
    sweep(made)  # what the building of the world has to tell
    return made


def about(w: World, who: str, record: str) -> list[str]:
    found = rows(
        w.store,
        "SELECT what FROM notice WHERE membership_id = :m AND record_id = :id ORDER BY outbox_id",
        m=w.actor[who].membership_id,
        id=record,
    )
    return [row[0] for row in found]


def results(w: World, record: str) -> list[tuple[str, str | None]]:
    found = rows(
        w.store, "SELECT what, result FROM outbox WHERE record_id = :id ORDER BY id", id=record
    )
    return [(row[0], row[1]) for row in found]


def leave(w: World, who: str) -> None:
    with w.store.begin() as tx:
        change(tx, "membership", w.actor[who].membership_id, {"ended_at": w.at})


def concern(w: World, person: str, who: str = "priya", **more: Any) -> str:
    given = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": [], **more}
    return w.step(Noun.CONCERN, None, "raise", who, given=given).id


# -- reaching people ----------------------------------------------------------------------------


def test_each_leader_of_a_provider_is_told_of_a_new_referral_once(w: World) -> None:
    record = w.sent()
    for _ in range(2):
        sweep(w)
    assert about(w, "sol", record) == about(w, "rae", record) == ["referral_sent"]
    assert about(w, "kit", record) == []
    assert results(w, record) == [("referral_sent", "delivered")]


def claim(w: World) -> queue.Letter:
    with w.store.begin() as tx:
        return queue.claim_letters(tx, w.at, w.at + timedelta(minutes=1), 9)[0]


@pytest.mark.invariant("I18")
def test_a_letter_two_workers_claimed_is_handed_over_by_the_last(w: World) -> None:
    record = w.sent()
    slow = claim(w)
    w.later(minutes=1)
    quick = claim(w)
    for turn in (slow, quick, slow):
        if turn is quick:
            with w.store.begin() as tx:
                assert post.deliver(tx, quick, w.at) == "delivered"
            continue
        with pytest.raises(queue.Overtaken), w.store.begin() as tx:
            post.deliver(tx, slow, w.at)
    assert about(w, "sol", record) == ["referral_sent"]


def test_a_team_lead_hears_for_a_link_worker_who_is_away(w: World) -> None:
    record = w.sent()
    priya = w.actor["priya"]
    with w.store.begin(priya) as tx:
        set_away(tx, priya, w.at, membership_id=priya.membership_id, start=w.at, end=None)
    w.referral(record, "accept", "sol")
    sweep(w)
    assert about(w, "priya", record) == ["accepted"]
    assert about(w, "tess", record) == ["accepted"]


def test_a_team_lead_hears_for_a_link_worker_who_has_left(w: World) -> None:
    record = w.sent()
    leave(w, "priya")
    w.referral(record, "accept", "sol")
    sweep(w)
    assert about(w, "priya", record) == []
    assert about(w, "tess", record) == ["accepted"]


def test_a_team_lead_does_not_hear_what_a_link_worker_who_is_there_hears(w: World) -> None:
    record = w.accepted()
    sweep(w)
    assert about(w, "priya", record) == ["accepted"]
    assert about(w, "tess", record) == []


def test_everyone_who_may_sign_hears_of_an_agreement_to_sign(w: World) -> None:
    given = {
        "title": "Sharing",
        "purposes": ["share_with_provider"],
        "lawful_basis": "public_task",
        "fields": ["everything_listed"],
        "parties": [w.org["ash"], w.org["singers"]],
        "review_at": w.at + timedelta(days=365),
    }
    record = w.step(Noun.AGREEMENT, None, "draft", "grace", given=given).id
    sweep(w)
    for who in ("tess", "sol", "rae"):
        assert about(w, who, record) == ["agreement_to_sign"]
    for who in ("priya", "kit", "gwen"):
        assert about(w, who, record) == []


def test_each_link_worker_with_somebody_there_hears_that_a_provider_is_suspended(
    w: World,
) -> None:
    w.sent()
    record = str(
        rows(w.store, "SELECT id FROM assurance WHERE provider_id = :p", p=w.provider["singers"])[
            0
        ][0]
    )
    w.step(Noun.ASSURANCE, record, "suspend", "grace", given={"reason": "quality"})
    sweep(w)
    assert about(w, "priya", record) == ["provider_suspended"]
    assert about(w, "sam", record) == []
    assert about(w, "sol", record)[-1] == "assurance_suspended"


def test_a_letter_for_a_post_that_nobody_holds_is_noticed_by_a_human(w: World) -> None:
    record = w.sent()
    sweep(w)
    leave(w, "sol")
    leave(w, "rae")
    w.referral(record, "recall", "priya", given={"reason": "no_reply"})
    sweep(w)
    assert ("recalled", "nobody") in results(w, record)
    found = rows(w.store, "SELECT noun, record_id FROM notice WHERE what = 'not_delivered'")
    assert found == [("system", w.system_id)], "not what it was about"
    with w.store.read() as tx:
        assert "not_delivered" in {f.code for f in health(tx, w.at).findings}


# -- asked again as it is handed over -----------------------------------------------------------


@pytest.mark.invariant("I19")
def test_what_a_provider_was_to_hear_is_not_said_once_the_person_is_taken_back(w: World) -> None:
    record = w.sent()
    w.referral(record, "ask", "sol", given={"note": "Stairs?"})
    w.referral(record, "answer", "priya", given={"note": "Yes."})
    w.referral(record, "recall", "priya", given={"reason": "person_asked"})
    sweep(w)
    assert about(w, "sol", record) == ["recalled"]
    assert results(w, record) == [
        ("referral_sent", "not_allowed_now"),
        ("question_asked", "delivered"),
        ("question_answered", "not_allowed_now"),
        ("recalled", "delivered"),
        ("recalled", "delivered"),
    ]


def test_a_person_who_takes_consent_back_is_not_announced_to_the_provider(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    w.consent(person, agreed=False)
    sweep(w)
    assert about(w, "sol", record) == ["stopped"]


@pytest.mark.invariant("I19")
def test_nothing_new_is_announced_once_the_agreement_to_share_has_run_out(w: World) -> None:
    person = w.person()
    draft = w.draft(person)
    w.consent(person, until=w.at + timedelta(hours=1))
    w.referral(draft, "send", "priya", given={"shared": "{}"})
    w.later(hours=1)
    sweep(w)
    assert about(w, "sol", draft) == []
    assert results(w, draft) == [("referral_sent", "not_allowed_now")]


def test_those_taking_part_are_still_spoken_of_when_paper_runs_out(w: World) -> None:
    person = w.person()
    draft = w.draft(person)
    w.consent(person, until=w.at + timedelta(hours=1))
    w.referral(draft, "send", "priya", given={"shared": "{}"})
    w.referral(draft, "accept", "sol")
    w.referral(draft, "start", "sol")
    w.later(hours=2)
    due = clock(w.store, draft)["due"]
    sweep(w, due)
    assert about(w, "sol", draft) == ["referral_sent", "reminder"]


def test_a_provider_never_hears_of_a_draft(w: World) -> None:
    record = w.draft()
    w.referral(record, "withdraw", "priya", given={"reason": "person_asked"})
    sweep(w)
    assert about(w, "sol", record) == []
    assert set(results(w, record)) == {("withdrawn", "delivered")}  # the link worker


def test_a_provider_is_told_to_destroy_what_it_holds(w: World) -> None:
    record = w.sent()
    w.step(
        Noun.REFERRAL,
        record,
        "mark_in_error",
        "priya",
        given={"reason": "wrong_person"},
        second=w.actor["sam"],
    )
    sweep(w)
    assert about(w, "sol", record) == ["destroy_what_you_hold"]


# -- safeguarding -------------------------------------------------------------------------------


def test_nobody_named_in_a_concern_is_told_of_it(w: World) -> None:
    person = w.person()
    w.active(person)
    sweep(w)
    named = [
        {"user_id": w.actor["gwen"].user_id},
        {"organisation_id": w.org["singers"]},
    ]
    found = concern(w, person, sources=named)
    sweep(w)
    for who in ("gwen", "sol", "rae"):
        assert about(w, who, found) == []
    assert about(w, "paul", found) == ["concern_raised"]


def test_one_who_comes_to_be_named_before_it_is_handed_over_is_not_told(w: World) -> None:
    found = concern(w, w.person())
    with w.store.begin() as tx:
        put(
            tx,
            "concern_source",
            {
                "id": new_id(w.at),
                "system_id": w.system_id,
                "concern_id": found,
                "user_id": w.actor["gwen"].user_id,
                "organisation_id": None,
                "words": None,
                "was_user_id": None,
                "was_organisation_id": None,
                "struck_at": None,
            },
        )
    sweep(w)
    assert about(w, "gwen", found) == []
    assert results(w, found) == [("concern_raised", "not_allowed_now")]


@pytest.mark.parametrize(("named", "hears"), [("organisation", True), ("self", False)])
def test_who_raised_it_hears_back_unless_they_are_named_themselves(
    w: World, named: str, hears: bool
) -> None:
    person = w.person()
    w.active(person)
    source = (
        {"organisation_id": w.org["singers"]}
        if named == "organisation"
        else {"user_id": w.actor["rae"].user_id}
    )
    found = concern(w, person, "rae", sources=[source])
    sweep(w)
    w.step(Noun.CONCERN, found, "acknowledge", "paul")
    sweep(w)
    assert about(w, "rae", found) == (["concern_seen"] if hears else [])
    assert about(w, "sol", found) == []


def test_when_everyone_on_the_ladder_is_named_the_raiser_is_asked_to_ring_outside(
    w: World,
) -> None:
    named = [{"user_id": w.actor[who].user_id} for who in ("gwen", "paul", "seth", "amara")]
    found = concern(w, w.person(), sources=named)
    sweep(w)
    assert about(w, "priya", found) == ["ring_outside_contact"]
    assert results(w, found) == [("concern_raised", "nobody_yet")]
    with w.store.read() as tx:
        codes = {f.code for f in health(tx, w.at).findings}
    assert "concern_outside" in codes


def test_a_link_worker_named_in_a_concern_hears_no_more_and_the_team_lead_does(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    sweep(w)
    w.referral(record, "ask", "sol", given={"note": "Stairs?"})
    concern(w, person, "tess", sources=[{"user_id": w.actor["priya"].user_id}])
    sweep(w)
    assert about(w, "priya", record) == []
    assert about(w, "tess", record) == ["question_asked"]


def full_hold(w: World, person: str, side: str) -> None:
    """Records being put right: a full hold for an ordinary cause."""
    with w.store.begin() as tx:
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
                "closed_to": side,
                "owner": f"team_lead@{w.org['ash']}",
                "started": w.at,
                "until": None,
                "ended": None,
            },
        )


def heard(w: World, who: str) -> list[tuple[Any, ...]]:
    """Everything one member's list of notices shows, but for the random ids."""
    return rows(
        w.store,
        "SELECT n.what, n.noun, n.at, r.state FROM notice n"
        " LEFT JOIN referral r ON r.id = n.record_id WHERE n.membership_id = :m ORDER BY n.id",
        m=w.actor[who].membership_id,
    )


@pytest.mark.parametrize("begin", ["sent", "accepted", "active", "completed"])
@pytest.mark.invariant("I56")
def test_notices_do_not_tell_why_there_is_a_full_hold(
    sqlite_template: Path, tmp_path: Path, begin: str
) -> None:
    lists = []
    for cause in ("concern", "records"):
        shutil.copy(sqlite_template, tmp_path / cause)
        store = Store(f"sqlite:///{tmp_path / cause}")
        w = build(store)
        person = w.person()
        record = getattr(w, begin)(person)
        if cause == "concern":
            concern(w, person, sources=[{"organisation_id": w.org["singers"]}])
        else:
            full_hold(w, person, "provider")
        if begin == "active":
            w.referral(record, "pause", "priya", given={"paused_until": date(2026, 6, 1)})
        for days in range(0, 60, 5):
            sweep(w, after(START, days))
        if begin == "sent":
            w.referral(record, "recall", "priya", given={"reason": "person_asked"})
        sweep(w)
        lists.append([heard(w, who) for who in ("sol", "rae")])
        store.dispose()
    assert lists[0] == lists[1]
    assert lists[0][0], "they hear something, or nothing was compared"


# -- those Segue can't reach yet ----------------------------------------------------------------


def waiting(w: World, person: str) -> str:
    record = w.sent(person)
    first = {"expected_date": date(2026, 6, 4)}
    w.referral(record, "put_on_waiting_list", "sol", given=first)
    again = {"expected_date": date(2026, 7, 4), "reason": "no_place_yet"}
    w.referral(record, "review_wait", "sol", given=again)
    return record


def test_a_human_is_asked_to_tell_the_person(w: World) -> None:
    record = waiting(w, w.person())
    sweep(w)
    assert "tell_person_by_hand" in about(w, "priya", record)
    assert ("wait_reviewed", "nobody_yet") in results(w, record)


def test_nobody_is_asked_to_tell_a_person_who_has_died(w: World) -> None:
    person = w.person()
    record = waiting(w, person)
    with w.store.begin() as tx:
        change(tx, "person", person, {"died_on": w.at.date()})
    sweep(w)
    assert "tell_person_by_hand" not in about(w, "priya", record)
    assert ("wait_reviewed", "not_allowed_now") in results(w, record)


@pytest.mark.parametrize("still", [True, False])
def test_the_practice_is_told_only_while_the_person_agrees(w: World, still: bool) -> None:
    person = w.person()
    w.consent(person, "practice", purpose=Purpose.TELL_PRACTICE)
    record = w.active(person)
    w.referral(record, "complete", "sol", given=OUTCOME)
    if not still:
        w.consent(person, "practice", purpose=Purpose.TELL_PRACTICE, agreed=False)
    sweep(w)
    to_practice = [r for what, r in results(w, record) if what == "completed"]
    assert sorted(map(str, to_practice)) == [
        "delivered",
        "nobody_yet" if still else "not_allowed_now",
    ]
    assert ("tell_practice_by_hand" in about(w, "priya", record)) is still


# -- the same as the pages ----------------------------------------------------------------------


class Fact(NamedTuple):
    """What a letter to a provider rests on."""

    state: str
    consent_id: str | None
    override_id: str | None
    agreement_live: bool
    closed_to_actor: bool
    provider_org: str = "here"
    sent_at: datetime | None = START
    person_id: str = "-"


def test_a_provider_is_told_no_more_than_its_pages_show() -> None:
    leader = Actor(Role.PROVIDER_LEADER, "-", organisation_id="here")
    said = 0
    for state, consent, override, agreement, closed in product(
        WITH_PROVIDER | {ReferralState.RETURNED, ReferralState.WITHDRAWN, ReferralState.DRAFT},
        (None, "yes"),
        (None, "yes"),
        (True, False),
        (True, False),
    ):
        f = Fact(state, consent, override, agreement, closed)
        situation = disclosure.Situation(
            Role.PROVIDER_LEADER,
            state,
            START,
            consent=bool(consent),
            override=disclosure.ASKED if override else None,
            agreement=agreement,
            closed=closed,
        )
        shown = disclosure.fields(situation)
        for what in ("referral_sent", "paused", "reminder"):
            if hearing.may_be_told(Noun.REFERRAL, what, f, leader):
                said += 1
                assert shown - disclosure.DATES, (f, what)
                assert what == "reminder" or not closed
            elif not closed:
                assert not shown - disclosure.DATES, (f, what)
    assert said


# -- the words ----------------------------------------------------------------------------------


def test_no_letter_carries_a_word_about_a_person(w: World) -> None:
    person = w.person()
    record = w.completed(person)
    concern(w, person)
    sweep(w, after(w.at, 30))
    with w.store.read() as tx:
        kept = [
            str(row)
            for table in ("outbox", "notice")
            for row in tx.rows(Sql(f"SELECT * FROM {table}"))
        ]
    assert len(kept) > 20
    assert record in str(kept)
    assert not [row for row in kept if "Margaret" in row or "Okoro" in row or "07700" in row]


def test_every_code_that_ends_something_for_a_provider_is_one_the_tables_tell() -> None:
    telling = {
        follow.what
        for move in TABLES[Noun.REFERRAL].moves
        for follow in move.follows
        if isinstance(follow, Tell)
    }
    assert telling >= hearing.ENDING


def test_whoever_a_clock_reminds_is_of_the_cast() -> None:
    for table in TABLES.values():
        for kind, spec in table.clocks.items():
            whom = {*spec.remind}
            for act in (spec.first, spec.then):
                whom |= set(act.whom) if isinstance(act, Remind) else set()
            assert whom <= set(table.cast), kind
