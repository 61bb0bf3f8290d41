"""What follows an escalation: whom it tells, what overtakes it, what its end starts again."""

from __future__ import annotations

from typing import Any

import pytest

from referral.rows import change
from referral.states import Noun
from referral.store import Sql, Store
from tests.world import World, build
from web.edge import Edge
from web.worker import sweep_all
from workflows.escalations import complete_escalation, decide_escalation
from workflows.referrals import confirm_proposal, propose, redirect_referral, send_referral

ALARM = Sql("SELECT id, state, level, clock_id FROM escalation WHERE about_id = :id ORDER BY id")
CLOCK = Sql(
    "SELECT owner, due, record_id FROM clock WHERE record_id = :id AND kind = :kind"
    " AND ended IS NULL",
    times=(1,),
)
TOLD = Sql("SELECT to_owner, noun FROM outbox WHERE what = :what ORDER BY to_owner")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def rows(w: World, sql: Sql, **more: Any) -> list[tuple[Any, ...]]:
    with w.store.read() as tx:
        return tx.rows(sql, **more)


def lapsed(w: World) -> str:
    """A referral nobody answered in time, and the alarm about it."""
    record = w.sent()
    for days in (7, 8):
        w.later(days=days)
        sweep_all(Edge(w.store, lambda: w.at))  # a bank holiday lies between
    assert [row[1] for row in rows(w, ALARM, id=record)] == ["raised"]
    return record


def key(w: World, who: str) -> str:
    return f"member@{w.actor[who].membership_id}"


# -- the alarm of a lapse -----------------------------------------------------------------------


def test_an_alarm_of_a_lapse_ends_when_the_link_worker_makes_the_next_step(w: World) -> None:
    record = lapsed(w)
    w.referral(record, "reassign", "tess", given={"link_worker_id": w.actor["sam"].membership_id})
    assert rows(w, ALARM, id=record)[0][1] == "raised"  # the clock goes on: nothing was made yet
    with w.store.begin(w.actor["sam"]) as tx:
        send_referral(tx, w.actor["sam"], w.at, record)
    assert rows(w, ALARM, id=record)[0][1] == "closed"


def test_it_stays_and_climbs_while_nobody_makes_it(w: World) -> None:
    record = lapsed(w)
    w.later(days=3)
    sweep_all(Edge(w.store, lambda: w.at))
    assert rows(w, ALARM, id=record)[0][1:3] == ("raised", 2)


def test_closing_it_starts_the_link_workers_clock_again_if_it_still_runs(w: World) -> None:
    record = lapsed(w)
    alarm = rows(w, ALARM, id=record)[0][0]
    before = rows(w, CLOCK, id=record, kind="referral.returned")[0]
    tess = w.actor["tess"]
    w.step(Noun.ESCALATION, alarm, "acknowledge", tess)
    w.later(days=1)
    w.step(
        Noun.ESCALATION, alarm, "decide", tess, given={"decision": "uphold", "note": "Ring them"}
    )
    with w.store.begin(tess) as tx:
        complete_escalation(tx, tess, w.at, alarm)
    after = rows(w, CLOCK, id=record, kind="referral.returned")[0]
    assert after[1] > before[1]


def test_closing_it_starts_nothing_where_the_record_has_moved_on(w: World) -> None:
    record = lapsed(w)
    alarm = rows(w, ALARM, id=record)[0][0]
    tess = w.actor["tess"]
    w.step(Noun.ESCALATION, alarm, "acknowledge", tess)
    w.step(
        Noun.ESCALATION, alarm, "decide", tess, given={"decision": "uphold", "note": "Ring them"}
    )
    w.referral(record, "close_unmet", "priya", given={"reason": "no_provider"})
    with w.store.begin(tess) as tx:
        complete_escalation(tx, tess, w.at, alarm)
    assert rows(w, CLOCK, id=record, kind="referral.returned") == []


# -- the clock that goes with the person --------------------------------------------------------


def test_the_not_started_clock_goes_to_the_new_provider(w: World) -> None:
    record = w.sent()
    w.consent(rows(w, Sql("SELECT person_id FROM referral"))[0][0], "clay")
    w.referral(record, "decline", "sol", given={"reason": "full"})
    old = rows(w, CLOCK, id=record, kind="referral.not_started")[0]
    assert old[0] == f"provider_leader@{w.org['singers']}"
    with w.store.begin(w.actor["priya"]) as tx:
        new = redirect_referral(
            tx, w.actor["priya"], w.at, record, group_id=w.group["pottery"]
        ).new.id
    found = rows(w, CLOCK, id=new, kind="referral.not_started")[0]
    assert (found[0], found[1]) == (f"provider_leader@{w.org['clay']}", old[1])


def test_left_a_draft_it_is_the_link_workers_until_it_is_sent(w: World) -> None:
    record = w.sent()
    w.referral(record, "decline", "sol", given={"reason": "full"})
    with w.store.begin(w.actor["priya"]) as tx:
        went = redirect_referral(tx, w.actor["priya"], w.at, record, group_id=w.group["pottery"])
    assert went.refusals
    kind = "referral.not_started"
    assert rows(w, CLOCK, id=went.new.id, kind=kind)[0][0] == key(w, "priya")
    w.consent(rows(w, Sql("SELECT person_id FROM referral"))[0][0], "clay")
    with w.store.begin(w.actor["priya"]) as tx:
        send_referral(tx, w.actor["priya"], w.at, went.new.id)
    assert rows(w, CLOCK, id=went.new.id, kind=kind)[0][0] == f"provider_leader@{w.org['clay']}"


# -- who hears of it ----------------------------------------------------------------------------


def reviewed(w: World, record: str, **more: Any) -> str:
    given = {"kind": "no_reply", "note": "Nobody answers.", "about": "referral",
             "about_id": record, **more}  # fmt: skip
    made = w.step(Noun.ESCALATION, None, "raise", "sol", given=given).id
    w.step(Noun.ESCALATION, made, "acknowledge", "tess")
    return made


def test_the_raiser_and_all_concerned_hear_of_a_decision(w: World) -> None:
    matter = reviewed(w, w.sent())
    w.step(Noun.ESCALATION, matter, "decide", "tess", given={"decision": "uphold", "note": "Yes"})
    assert rows(w, TOLD, what="escalation_decided") == [(key(w, "sol"), "escalation")]
    assert rows(w, TOLD, what="review_decided") == [
        (key(w, "priya"), "referral"),
        (f"provider_leader@{w.org['singers']}", "referral"),
    ]
    sweep_all(Edge(w.store, lambda: w.at))
    got = Sql("SELECT membership_id FROM notice WHERE what = 'review_decided'")
    members = {row[0] for row in rows(w, got)}
    assert w.actor["priya"].membership_id in members
    assert w.actor["kit"].membership_id not in members


def test_a_provider_hears_nothing_of_a_review_of_how_safeguarding_was_handled(w: World) -> None:
    given = {"kind": "safeguarding_process", "note": "Slow.", "about": "referral"}
    made = w.step(Noun.ESCALATION, None, "raise", "priya", given={**given, "about_id": w.sent()}).id
    w.step(Noun.ESCALATION, made, "acknowledge", "tess")
    w.step(Noun.ESCALATION, made, "decide", "tess", given={"decision": "uphold", "note": "Yes"})
    assert rows(w, TOLD, what="review_decided") == []


def test_a_second_person_is_asked_and_the_first_hears_the_answer(w: World) -> None:
    matter = reviewed(w, w.sent(), severity="high")
    tess, grace = w.actor["tess"], w.actor["grace"]
    with w.store.begin(tess) as tx:
        found = propose(
            tx, tess, w.at, Noun.ESCALATION, matter, "decide", {"decision": "uphold", "note": "Now"}
        )
    assert {row[0] for row in rows(w, TOLD, what="proposal_to_confirm")} == {
        f"team_lead@{w.org['ash']}",
        f"governance_lead@{w.place['harbour']}",
    }
    with w.store.begin(grace) as tx:
        confirm_proposal(tx, tess, grace, w.at, found)
    assert rows(w, TOLD, what="proposal_confirmed") == [(key(w, "tess"), "escalation")]
    sweep_all(Edge(w.store, lambda: w.at))
    got = Sql("SELECT what FROM notice WHERE membership_id = :m AND what LIKE 'proposal%'")
    assert rows(w, got, m=grace.membership_id) == [("proposal_to_confirm",)]


# -- whose place reviews ------------------------------------------------------------------------


def test_quality_is_reviewed_above_the_team_where_the_provider_is(w: World) -> None:
    """Moved to Fen, the singers answer to Fen's lead for how good they are."""
    record = w.sent()
    with w.store.begin() as tx:
        change(tx, "organisation", w.org["singers"], {"place_id": w.place["fen"]})
    owner = Sql("SELECT level, owner FROM escalation WHERE id = :id")
    for kind, place in (("quality", "fen"), ("disagreement", "harbour")):
        given = {"kind": kind, "note": "Look.", "about": "referral", "about_id": record}
        made = w.step(Noun.ESCALATION, None, "raise", "priya", given=given).id
        assert rows(w, owner, id=made)[0] == (1, f"team_lead@{w.org['ash']}")
        w.step(Noun.ESCALATION, made, "climb", w.system)
        assert rows(w, owner, id=made)[0] == (2, f"governance_lead@{w.place[place]}")


def test_what_was_decided_is_kept_when_it_fails_and_told_with_what_would_help(w: World) -> None:
    record = w.sent()
    matter = reviewed(w, record)
    wanted = {"noun": "referral", "record_id": record, "trigger": "confirm", "given": {}}
    with w.store.begin(w.actor["tess"]) as tx:
        decide_escalation(tx, w.actor["tess"], w.at, matter, {
            "decision": "uphold", "note": "Close it", "consequences": [wanted]})  # fmt: skip
    from tests.web.client import sign_in

    page = sign_in(w, "tess").post(f"/escalations/{matter}/consequences/all")
    assert "Could not be done" in page.words
    assert "Look at what can be done now." in page.words
