"""One referral's whole life through the one door, on both databases."""

from __future__ import annotations

import pytest

from referral.states import Noun
from referral.store import Sql, Store
from tests.world import OUTCOME, World, build
from workflows.engine import Refused, available
from workflows.referrals import confirm_referrals, send_referral


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def test_a_referral_goes_from_draft_to_a_closed_loop(w: World) -> None:
    person = w.person()
    draft = w.draft(person)
    with pytest.raises(Refused) as refused, w.store.begin() as tx:
        send_referral(tx, w.actor["priya"], w.at, draft)
    assert refused.value.codes == ("ground_to_share",)
    w.consent(person)
    with w.store.begin(w.actor["priya"]) as tx:
        sent = send_referral(tx, w.actor["priya"], w.at, draft)
    assert (sent.state, sent.version) == ("sent", 2)
    w.later(hours=3)
    assert (
        w.referral(draft, "ask", "sol", given={"note": "Can she climb stairs?"}).state == "queried"
    )
    assert w.referral(draft, "answer", "priya", given={"note": "Yes."}).state == "sent"
    assert w.referral(draft, "accept", "sol").state == "accepted"
    assert w.referral(draft, "contact", "sol").state == "accepted"
    assert w.referral(draft, "start", "sol").state == "active"
    assert w.referral(draft, "update", "sol", given={"note": "Well."}).state == "active"
    assert w.referral(draft, "complete", "sol", given=OUTCOME).state == "completed"
    with w.store.begin(w.actor["priya"]) as tx:
        done, left = confirm_referrals(tx, w.actor["priya"], w.at, [draft])
    assert [d.state for d in done] == ["closed"]
    assert not left
    with w.store.read() as tx:
        steps = tx.rows(
            Sql("SELECT version FROM step WHERE record_id = :id ORDER BY version"), id=draft
        )
        running = tx.rows(
            Sql("SELECT kind FROM clock WHERE record_id = :id AND ended IS NULL"), id=draft
        )
    assert [s[0] for s in steps] == list(range(1, done[0].version + 1))
    assert running == []


def test_withdrawing_consent_stops_the_referral_and_takes_the_provider_out(w: World) -> None:
    person = w.person()
    record = w.accepted(person)
    with w.store.read() as tx:
        consent = tx.rows(Sql("SELECT id FROM consent WHERE person_id = :p"), p=person)[0][0]
    done = w.step(Noun.CONSENT, consent, "withdraw", "priya", given={"reason": "person_said_no"})
    assert [(d.noun, d.state) for d in done.followed] == [(Noun.REFERRAL, "withdrawn")]
    with w.store.read() as tx:
        options = available(tx, Noun.REFERRAL, record, w.actor["priya"], w.at)
    assert {o.trigger for o in options if o.allowed} == {"reopen", "mark_in_error", "call"}


def test_a_concern_holds_and_others_see_only_the_hold(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    raised = w.step(
        Noun.CONCERN,
        None,
        "raise",
        "priya",
        given={"person_id": person, "seen": "Bruises.", "danger": False, "sources": []},
    )
    with pytest.raises(Refused) as refused:
        w.referral(record, "accept", "sol")
    assert refused.value.codes == ("not_held",)
    w.step(Noun.CONCERN, raised.id, "acknowledge", "gwen")
    w.step(Noun.CONCERN, raised.id, "release", "gwen")
    assert w.referral(record, "accept", "sol").state == "accepted"


def test_an_escalation_is_decided_and_closes(w: World) -> None:
    record = w.sent()
    raised = w.step(
        Noun.ESCALATION,
        None,
        "raise",
        "priya",
        given={"kind": "no_reply", "about": "referral", "about_id": record, "note": "Help"},
    )
    w.step(Noun.ESCALATION, raised.id, "acknowledge", "tess")
    w.step(
        Noun.ESCALATION, raised.id, "decide", "tess", given={"decision": "uphold", "note": "Yes"}
    )
    assert w.step(Noun.ESCALATION, raised.id, "complete", "tess").state == "closed"


def test_a_provider_hears_nothing_of_what_was_never_sent_not_even_that_it_ended(w: World) -> None:
    never, sent = w.draft(), w.sent()
    for record in (never, sent):
        w.referral(record, "withdraw", "priya", given={"reason": "person_asked"})
    with w.store.read() as tx:
        told = {
            row[0]
            for row in tx.rows(
                Sql("SELECT record_id FROM outbox WHERE to_owner = :to AND what = 'withdrawn'"),
                to=f"provider_leader@{w.org['singers']}",
            )
        }
        assert told == {sent}
        with pytest.raises(Refused) as refused:
            available(tx, Noun.REFERRAL, never, w.actor["sol"], w.at)
        assert refused.value.codes == ("not_found",)
        assert available(tx, Noun.REFERRAL, sent, w.actor["sol"], w.at)
