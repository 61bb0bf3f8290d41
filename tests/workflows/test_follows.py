"""What follows a move: by the same door, in the same transaction, as the system with a cause."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from referral.actors import Actor
from referral.ids import new_id
from referral.states import HoldCause, Noun, Role
from referral.store import Sql, Store, Tx
from tests.races.whole import assert_whole, ungrounded
from tests.world import OUTCOME, World, build
from workflows.activities import save_group
from workflows.consent import record_consent, renew_consent, withdrawal_preview
from workflows.engine import Done, Refused, step
from workflows.organisations import set_away
from workflows.referrals import confirm_proposal, propose, redirect_referral, send_referral

STEPS = Sql(
    "SELECT trigger, to_state, role, cause, reason, CAST(membership_id AS text),"
    " CAST(on_behalf_of AS text), CAST(second_id AS text) FROM step WHERE record_id = :id"
    " ORDER BY version"
)
CONSENTS = Sql(
    "SELECT state, id FROM consent WHERE person_id = :p AND purpose = 'share_with_provider'"
    " ORDER BY asked_at, id"
)
ESCALATIONS = Sql(
    "SELECT kind, level, about, CAST(about_id AS text), raised_by FROM escalation ORDER BY id"
)
TOLD = Sql("SELECT to_owner FROM outbox WHERE what = :what ORDER BY to_owner")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def rows(w: World, sql: Sql, **params: Any) -> list[tuple[Any, ...]]:
    with w.store.read() as tx:
        return tx.rows(sql, **params)


def state(w: World, record: str, noun: str = "referral") -> str:
    return str(rows(w, Sql(f"SELECT state FROM {noun} WHERE id = :id"), id=record)[0][0])


def last_step(w: World, record: str) -> dict[str, Any]:
    names = ("trigger", "state", "role", "cause", "reason", "member", "behalf", "second")
    return dict(zip(names, rows(w, STEPS, id=record)[-1], strict=True))


def assurance(w: World, provider: str = "singers") -> str:
    found = Sql("SELECT id FROM assurance WHERE provider_id = :p")
    return str(rows(w, found, p=w.provider[provider])[0][0])


def agreement(w: World) -> str:
    return str(rows(w, Sql("SELECT id FROM agreement WHERE state = 'in_force'"))[0][0])


def refused(w: World, record: str, trigger: str, who: str | Actor, **more: Any) -> tuple[str, ...]:
    with pytest.raises(Refused) as refusal:
        w.referral(record, trigger, who, **more)
    return refusal.value.codes


def sending(w: World, record: str, who: str = "priya") -> Done:
    with w.store.begin(w.actor[who]) as tx:
        return send_referral(tx, w.actor[who], w.at, record)


def worry(w: World, person: str, **more: Any) -> str:
    given = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": [], **more}
    return w.step(Noun.CONCERN, None, "raise", "gwen", given=given).id


# -- consent ------------------------------------------------------------------------------------


def consent(w: World, person: str, at: int = -1) -> str:
    return str(rows(w, CONSENTS, p=person)[at][1])


@pytest.mark.invariant("I06")
def test_a_withdrawal_stops_what_relies_on_it_and_nothing_else(w: World) -> None:
    person = w.person()
    sung, made = w.accepted(person), w.sent(person, "pottery")
    somebody_else = w.accepted()
    singing = str(
        rows(
            w,
            Sql("SELECT id FROM consent WHERE person_id = :p AND recipient = :r"),
            p=person,
            r=w.provider["singers"],
        )[0][0]
    )
    with w.store.read() as tx:
        preview = withdrawal_preview(tx, w.actor["priya"], w.at, singing)
    done = w.step(Noun.CONSENT, singing, "withdraw", "priya", given={"reason": "person_said_no"})
    assert [(d.id, d.state) for d in done.followed] == [(sung, "withdrawn")]
    assert len(preview) == 1
    assert preview[0][1] == "Riverside Singers"
    assert (state(w, made), state(w, somebody_else)) == ("sent", "accepted")
    said = last_step(w, sung)
    assert (said["trigger"], said["role"], said["cause"]) == ("stop", "system", "consent.withdraw")
    assert (said["member"], said["behalf"]) == (None, None)
    assert_whole(w.store)


@pytest.mark.parametrize("when", ["draft", "returned", "completed"])
def test_a_withdrawal_leaves_what_is_not_with_a_provider(w: World, when: str) -> None:
    person = w.person()
    if when == "draft":
        record = w.draft(person)
        w.consent(person)
    elif when == "returned":
        record = w.sent(person)
        w.referral(record, "decline", "sol", given={"reason": "full"})
    else:
        record = w.completed(person)
    done = w.step(Noun.CONSENT, consent(w, person), "withdraw", "priya", given={})
    assert done.followed == ()
    assert state(w, record) == when


def test_a_no_the_first_time_stops_nothing_and_lets_nothing_be_sent(w: World) -> None:
    person = w.person()
    record = w.draft(person)
    assert w.consent(person, agreed=False).state == "refused"
    assert state(w, record) == "draft"
    with pytest.raises(Refused) as refusal:
        sending(w, record)
    assert refusal.value.codes == ("ground_to_share",)


@pytest.mark.invariant("I06", "I34")
def test_running_out_takes_nobody_out_and_lets_nobody_in(w: World) -> None:
    person = w.person()
    taking_part, waiting = w.accepted(person), w.draft(person, "pottery")
    w.referral(taking_part, "start", "sol")
    sent = w.person()
    asked_of = w.sent(sent)
    old = consent(w, person)
    w.later(days=366)
    done = w.step(Noun.CONSENT, old, "expire", w.system)
    assert done.followed == ()
    assert state(w, taking_part) == "active"
    assert w.referral(taking_part, "update", "sol", given={"note": "Well."}).state == "active"
    # Between the date and the sweep that makes it a step the guard refuses already.
    assert state(w, consent(w, sent), "consent") == "given"
    assert "ground_to_share" in refused(w, asked_of, "accept", "sol")
    assert state(w, waiting) == "draft"


def test_a_no_after_it_ran_out_stops_what_was_left(w: World) -> None:
    person = w.person()
    record = w.active(person)
    w.later(days=366)
    w.step(Noun.CONSENT, consent(w, person), "expire", w.system)
    no = w.consent(person, agreed=False)
    assert no.state == "refused"
    assert [(d.id, d.state) for d in no.followed] == [(record, "withdrawn")]
    assert last_step(w, record)["cause"] == "consent.refuse"


@pytest.mark.invariant("I50")
def test_renewing_keeps_the_ground_without_a_gap(w: World) -> None:
    person, priya = w.person(), w.actor["priya"]
    record = w.active(person)
    old = consent(w, person)
    w.later(days=300)
    with w.store.begin(priya) as tx:
        new = renew_consent(tx, priya, w.at, old)
        assert in_force(tx, person) == [old]
    assert state(w, new.id, "consent") == "asked"
    w.later(days=10)
    with w.store.begin(priya) as tx:
        how = {"basis": "agreement", "how": "phone"}
        done = step(tx, Noun.CONSENT, new.id, "give", priya, w.at, how)
        assert in_force(tx, person) == [new.id]
    # The old one ended in silence; nothing else moved.
    assert done.followed == ()
    said = last_step(w, old)
    assert (said["trigger"], said["role"], said["cause"]) == ("expire", "system", "consent.give")
    assert state(w, record) == "active"
    assert rows(w, Sql("SELECT count(*) FROM step WHERE record_id = :id"), id=record) == [(4,)]
    w.later(days=60)
    assert w.referral(record, "pause", "sol", given={"paused_until": w.at.date()}).state == "paused"
    assert_whole(w.store)


def in_force(tx: Tx, person: str) -> list[str]:
    found = tx.rows(
        Sql("SELECT id FROM consent WHERE person_id = :p AND state = 'given'"), p=person
    )
    return [row[0] for row in found]


@pytest.mark.parametrize("trigger", ["refuse", "withdraw"])
def test_a_no_to_a_renewal_takes_the_old_answer_back_and_stops(w: World, trigger: str) -> None:
    person, priya = w.person(), w.actor["priya"]
    record = w.active(person)
    old = consent(w, person)
    w.later(days=300)
    with w.store.begin(priya) as tx:
        new = renew_consent(tx, priya, w.at, old).id
    w.step(Noun.CONSENT, new if trigger == "refuse" else old, trigger, "priya")
    assert (state(w, old, "consent"), state(w, new, "consent")) == ("withdrawn", "refused")
    assert state(w, record) == "withdrawn"
    assert ungrounded(w.store) == []
    assert_whole(w.store)


@pytest.mark.parametrize(("agreed", "after"), [(True, "active"), (False, "withdrawn")])
def test_recording_an_answer_beside_one_in_force(w: World, agreed: bool, after: str) -> None:
    person = w.person()
    record = w.active(person)
    done = w.consent(person, agreed=agreed, how="phone")
    assert state(w, record) == after
    assert state(w, done.id, "consent") == ("given" if agreed else "withdrawn")
    assert sorted(row[0] for row in rows(w, CONSENTS, p=person)) == (
        ["expired", "given"] if agreed else ["withdrawn"]
    )


def test_only_one_question_waits_and_one_answer_counts(w: World) -> None:
    person, priya = w.person(), w.actor["priya"]
    w.consent(person)
    known = {
        "person_id": person,
        "purpose": "share_with_provider",
        "recipient": w.provider["singers"],
    }
    with pytest.raises(Refused) as refusal:
        w.step(Noun.CONSENT, None, "ask", "priya", given=known)
    assert refusal.value.codes == ("nothing_in_force",)
    with w.store.begin(priya) as tx:
        waiting = [
            record_consent(tx, priya, w.at, agreed=None, answer={}, **known) for _ in range(2)
        ]
    assert waiting[0].id == waiting[1].id
    assert sorted(row[0] for row in rows(w, CONSENTS, p=person)) == ["asked", "given"]


# -- assurance ----------------------------------------------------------------------------------


@pytest.mark.invariant("I38")
def test_a_provider_that_leaves_gives_everybody_back(w: World) -> None:
    there = {
        "sent": w.sent(),
        "queried": w.sent(),
        "waiting": w.sent(),
        "accepted": w.accepted(),
        "active": w.active(),
        "paused": w.active(),
    }
    later = w.at.date() + timedelta(days=20)
    w.referral(there["queried"], "ask", "sol", given={"note": "Stairs?"})
    w.referral(there["waiting"], "put_on_waiting_list", "sol", given={"expected_date": later})
    w.referral(there["paused"], "pause", "sol", given={"paused_until": later})
    not_there = {"draft": w.draft(), "completed": w.completed(), "sent": w.sent(None, "pottery")}
    done = w.step(Noun.ASSURANCE, assurance(w), "leave", "sol", given={"reason": "closed_down"})
    assert done.state == "left"
    assert {d.id for d in done.followed} == set(there.values())
    for record in there.values():
        said = last_step(w, record)
        assert (said["state"], said["cause"]) == ("returned", "assurance.leave")
        assert (said["trigger"], said["reason"]) == ("recall", "provider_stopped")
    for expected, record in not_there.items():
        assert state(w, record) == expected
    assert rows(w, Sql("SELECT sum(taken) FROM activity_group")) == [(0,)]
    assert_whole(w.store)


def test_a_provider_refused_gives_everybody_back(w: World) -> None:
    record = w.active()
    held = assurance(w)
    w.step(Noun.ASSURANCE, held, "suspend", "grace", given={"reason": "quality"})
    w.step(Noun.ASSURANCE, held, "review", "grace")
    w.step(Noun.ASSURANCE, held, "refuse", "grace", given={"reason": "standards_not_met"})
    assert state(w, record) == "returned"


@pytest.mark.invariant("I04")
def test_a_suspension_raises_one_review_and_tells_each_link_worker(w: World) -> None:
    by_priya = [w.active(), w.sent(), w.sent()]
    by_sam = w.sent()
    w.referral(by_sam, "reassign", "tess", given={"link_worker_id": w.actor["sam"].membership_id})
    w.sent(None, "pottery")
    held = assurance(w)
    done = w.step(Noun.ASSURANCE, held, "suspend", "grace", given={"reason": "quality"})
    assert [(d.noun, d.state) for d in done.followed] == [(Noun.ESCALATION, "raised")]
    assert rows(w, ESCALATIONS) == [("quality", 2, "assurance", held, None)]
    assert [row[0] for row in rows(w, TOLD, what="provider_suspended")] == sorted(
        f"member@{w.actor[name].membership_id}" for name in ("priya", "sam")
    )
    assert [state(w, r) for r in [*by_priya, by_sam]] == ["active", "sent", "sent", "sent"]
    assert refused(w, by_sam, "accept", "sol") == ("provider_assured",)
    assert w.referral(by_priya[0], "update", "sol", given={"note": "Well."}).state == "active"


# -- agreements ---------------------------------------------------------------------------------


@pytest.mark.invariant("I36")
def test_the_end_of_an_agreement_raises_one_review_and_stops_new_sharing(w: World) -> None:
    taking_part, sent, draft = w.active(), w.sent(), w.draft(w.consented())
    old = agreement(w)
    done = w.step(Noun.AGREEMENT, old, "end", "grace", given={"reason": "breach"})
    assert [(d.noun, d.state) for d in done.followed] == [(Noun.ESCALATION, "raised")]
    assert rows(w, ESCALATIONS) == [("information_sharing", 2, "agreement", old, None)]
    assert (state(w, taking_part), state(w, sent)) == ("active", "sent")
    assert w.referral(taking_part, "update", "sol", given={"note": "Well."}).state == "active"
    assert refused(w, sent, "accept", "sol") == ("agreement_in_force",)
    with pytest.raises(Refused) as refusal:
        sending(w, draft)
    assert refusal.value.codes == ("agreement_in_force",)


def test_a_new_version_takes_the_old_one_s_place_when_the_last_has_signed(w: World) -> None:
    old = agreement(w)
    given = {
        "title": "Sharing, second version",
        "purposes": ["share_with_provider"],
        "lawful_basis": "public_task",
        "fields": ["everything_listed"],
        "parties": [w.org["ash"], w.org["singers"]],
        "review_at": w.at + timedelta(days=365),
        "replaces_id": old,
    }
    new = w.step(Noun.AGREEMENT, None, "draft", "grace", given=given).id
    assert w.step(Noun.AGREEMENT, new, "sign", "sol").state == "drafted"
    assert state(w, old, "agreement") == "in_force"
    with pytest.raises(Refused) as refusal:
        w.step(Noun.AGREEMENT, new, "sign", "rae")
    assert refusal.value.codes == ("not_signed_yet",)
    done = w.step(Noun.AGREEMENT, new, "sign", "tess")
    assert done.state == "in_force"
    assert [(d.id, d.state) for d in done.followed] == [(old, "ended")]
    said = last_step(w, old)
    assert (said["trigger"], said["role"], said["cause"]) == ("replace", "system", "agreement.sign")
    # Nobody lost their agreement: nothing is raised, and sending goes on.
    assert rows(w, ESCALATIONS) == []
    assert state(w, w.sent()) == "sent"
    assert_whole(w.store)


# -- referring on -------------------------------------------------------------------------------

LONG = Sql(
    "SELECT id, CAST(record_id AS text), started, due FROM clock"
    " WHERE kind = 'referral.not_started' AND ended IS NULL ORDER BY id",
    times=(2, 3),
)


def refer_on(w: World, record: str, activity: str = "pottery", who: str = "priya") -> Any:
    with w.store.begin(w.actor[who]) as tx:
        return redirect_referral(tx, w.actor[who], w.at, record, group_id=w.group[activity])


def declined(w: World, person: str) -> str:
    record = w.sent(person)
    w.later(days=3)
    w.referral(record, "decline", "sol", given={"reason": "full"})
    return record


def test_referring_on_sends_the_new_one_and_hands_the_long_clock_over(w: World) -> None:
    person = w.person()
    w.consent(person, "clay")
    record = declined(w, person)
    ((clock, about, started, due),) = rows(w, LONG)
    assert about == record
    w.later(days=2)
    made = refer_on(w, record)
    assert (made.old.state, made.new.state, made.refusals) == ("redirected", "sent", ())
    assert rows(w, LONG) == [(clock, made.new.id, started, due)]
    kept = Sql("SELECT CAST(redirected_to AS text), CAST(redirected_from AS text) FROM referral")
    assert sorted(rows(w, kept), key=str) == sorted([(made.new.id, None), (None, record)], key=str)
    # Passed on again and again, the clock is the same; a start ends it.
    w.referral(made.new.id, "accept", "kit")
    w.referral(made.new.id, "start", "kit")
    assert rows(w, LONG) == []
    assert_whole(w.store)


def test_referring_on_leaves_a_draft_with_its_refusals_when_it_can_not_be_sent(w: World) -> None:
    record = declined(w, w.person())
    made = refer_on(w, record)
    assert (made.old.state, made.new.state) == ("redirected", "draft")
    assert [r.code for r in made.refusals] == ["ground_to_share"]
    assert [row[1] for row in rows(w, LONG)] == [made.new.id]
    # It isn't lost: it can't be thrown away, only sent, or ended with a reason.
    assert refused(w, made.new.id, "discard", "priya") == ("not_left_by_redirect",)
    assert refused(w, made.new.id, "withdraw", "priya") == ("needs_reason",)
    ended = w.referral(made.new.id, "withdraw", "priya", given={"reason": "person_asked"})
    assert ended.state == "withdrawn"
    assert rows(w, LONG) == []
    assert_whole(w.store)


def test_referring_on_by_the_stand_in_keeps_the_named_link_worker(w: World) -> None:
    record = declined(w, w.person())
    away(w, "priya")
    made = refer_on(w, record, who="tess")
    named = rows(
        w, Sql("SELECT CAST(link_worker_id AS text) FROM referral WHERE id = :id"), id=made.new.id
    )
    assert named == [(w.actor["priya"].membership_id,)]
    assert last_step(w, made.new.id)["behalf"] == w.actor["priya"].membership_id


# -- who stands in ------------------------------------------------------------------------------


def away(w: World, who: str, days: int | None = None) -> None:
    member = w.actor[who].membership_id
    end = None if days is None else w.at + timedelta(days=days)
    with w.store.begin(w.actor["tess"]) as tx:
        set_away(tx, w.actor["tess"], w.at, membership_id=member, start=w.at, end=end)


GONE = {"reason": "moved_away"}


def test_the_lead_acts_while_the_link_worker_is_away_and_the_step_names_both(w: World) -> None:
    record = w.sent()
    assert refused(w, record, "withdraw", "tess", given=GONE) == ("not_your_record",)
    away(w, "priya", days=10)
    assert w.referral(record, "withdraw", "tess", given=GONE).state == "withdrawn"
    said = last_step(w, record)
    assert (said["member"], said["behalf"], said["role"]) == (
        w.actor["tess"].membership_id,
        w.actor["priya"].membership_id,
        "team_lead",
    )
    leaf = Sql("SELECT leaf FROM audit WHERE record_id = :id ORDER BY seq DESC LIMIT 1")
    entry = json.loads(rows(w, leaf, id=record)[0][0])
    assert (entry["member"], entry["behalf"]) == (said["member"], said["behalf"])


def test_the_lead_no_longer_stands_in_once_the_link_worker_is_back(w: World) -> None:
    record = w.sent()
    away(w, "priya", days=2)
    w.later(days=2)
    assert refused(w, record, "withdraw", "tess", given=GONE) == ("not_your_record",)


def test_the_lead_of_another_practice_never_stands_in(w: World) -> None:
    record = w.sent()
    away(w, "priya")
    assert refused(w, record, "withdraw", "tom", given=GONE) == ("not_found",)


def test_what_the_lead_may_do_anyway_is_not_done_for_somebody_else(w: World) -> None:
    record = w.completed()
    away(w, "priya")
    w.referral(record, "confirm", "tess")
    assert last_step(w, record)["behalf"] is None


def test_the_lead_stands_in_for_a_link_worker_named_as_a_source_of_harm(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    worry(w, person, sources=[{"user_id": w.actor["priya"].user_id}])
    assert refused(w, record, "withdraw", "priya", given=GONE) == ("not_held",)
    assert w.referral(record, "withdraw", "tess", given=GONE).state == "withdrawn"
    assert last_step(w, record)["behalf"] == w.actor["priya"].membership_id


# -- two people ---------------------------------------------------------------------------------

WRONG = {"reason": "wrong_person"}


def proposed(w: World, record: str) -> str:
    with w.store.begin(w.actor["priya"]) as tx:
        return propose(tx, w.actor["priya"], w.at, Noun.REFERRAL, record, "mark_in_error", WRONG)


def confirm(w: World, proposal: str, who: str, agree: bool = True) -> Done | None:
    with w.store.begin(w.actor[who]) as tx:
        return confirm_proposal(tx, w.actor["priya"], w.actor[who], w.at, proposal, agree=agree)


def test_what_two_people_say_is_in_error_and_the_step_names_both(w: World) -> None:
    record = w.accepted()
    proposal = proposed(w, record)
    assert state(w, record) == "accepted"
    assert confirm(w, proposal, "sam")
    said = last_step(w, record)
    assert (said["state"], said["member"], said["second"]) == (
        "in_error",
        w.actor["priya"].membership_id,
        w.actor["sam"].membership_id,
    )
    assert rows(w, Sql("SELECT sum(taken) FROM activity_group")) == [(0,)]
    assert_whole(w.store)


@pytest.mark.parametrize(
    ("who", "code"),
    [("priya", "second_person_same"), ("sol", "second_person_not_allowed")],
)
@pytest.mark.invariant("I48")
def test_the_second_person_is_somebody_else_and_of_our_side(w: World, who: str, code: str) -> None:
    record = w.sent()
    proposal = proposed(w, record)
    with pytest.raises(Refused) as refusal:
        confirm(w, proposal, who)
    assert refusal.value.codes == (code,)
    assert state(w, record) == "sent"
    assert rows(w, Sql("SELECT answer FROM confirmation")) == [(None,)]


def test_the_second_person_is_not_named_as_a_source_of_harm(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    proposal = proposed(w, record)
    worry(w, person, sources=[{"user_id": w.actor["sam"].user_id}])
    for agree, code in ((True, "second_person_not_allowed"), (False, "not_found")):
        with pytest.raises(Refused) as refusal:
            confirm(w, proposal, "sam", agree)
        assert refusal.value.codes == (code,)
    assert state(w, record) == "sent"


def test_a_no_of_the_second_person_changes_nothing(w: World) -> None:
    record = w.sent()
    assert confirm(w, proposed(w, record), "sam", agree=False) is None
    assert state(w, record) == "sent"


def test_a_stranger_can_not_say_no(w: World) -> None:
    proposal = proposed(w, w.sent())
    for who in ("olu", "kit", "art"):
        with pytest.raises(Refused) as refusal:
            confirm(w, proposal, who, agree=False)
        assert refusal.value.codes == ("not_found",)
    assert confirm(w, proposal, "gwen") is not None


# -- the person ---------------------------------------------------------------------------------


def themself(w: World, person: str) -> Actor:
    return Actor(role=Role.PERSON, system_id=w.system_id, person_id=person)


def test_the_person_stops_a_referral_and_need_not_say_why(w: World) -> None:
    person = w.person()
    record = w.active(person)
    assert refused(w, record, "withdraw", "priya") == ("needs_reason",)
    assert w.referral(record, "withdraw", themself(w, person)).state == "withdrawn"
    said = last_step(w, record)
    assert (said["role"], said["reason"], said["member"]) == ("person", None, None)


def test_somebody_else_does_not_find_it(w: World) -> None:
    record = w.active()
    assert refused(w, record, "withdraw", themself(w, w.person())) == ("not_found",)


@pytest.mark.parametrize("side", ["link_worker", "provider"])
def test_the_person_is_never_closed_out_by_a_full_hold(w: World, side: str) -> None:
    person = w.person()
    record = w.active(person)
    hold(w, person, closed_to=side)
    assert refused(w, record, "pause", "sol" if side == "provider" else "priya") == ("not_held",)
    assert w.referral(record, "withdraw", themself(w, person)).state == "withdrawn"


def test_the_person_takes_their_agreement_back_themself(w: World) -> None:
    person = w.person()
    record = w.active(person)
    done = w.step(Noun.CONSENT, consent(w, person), "withdraw", themself(w, person))
    assert done.state == "withdrawn"
    assert state(w, record) == "withdrawn"


# -- holds --------------------------------------------------------------------------------------


def hold(w: World, person: str, closed_to: str | None = None) -> None:
    """An ordinary hold, put there as the command that places it will."""
    insert = Sql(
        "INSERT INTO hold (id, system_id, organisation_id, cause, person_id, closed_to, owner,"
        " started) VALUES (:id, :system_id, :org, :cause, :person_id, :closed_to, :owner, :at)"
    )
    with w.store.begin() as tx:
        tx.run(
            insert,
            id=new_id(w.at),
            system_id=w.system_id,
            org=w.org["ash"],
            cause=str(HoldCause.RECORDS if closed_to else HoldCause.HOSPITAL),
            person_id=person,
            closed_to=closed_to,
            owner=f"team_lead@{w.org['ash']}",
            at=w.at,
        )


def lift(w: World, concern: str) -> None:
    w.step(Noun.CONCERN, concern, "acknowledge", "gwen")
    w.step(Noun.CONCERN, concern, "release", "gwen")


@pytest.mark.invariant("I45")
def test_lifting_one_of_two_holds_leaves_the_other(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    one, other = worry(w, person), worry(w, person)
    lift(w, one)
    assert refused(w, record, "accept", "sol") == ("not_held",)
    lift(w, other)
    assert w.referral(record, "accept", "sol").state == "accepted"


def test_closing_one_of_two_concerns_leaves_the_other_s_hold(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    one, _ = worry(w, person), worry(w, person)
    w.step(Noun.CONCERN, one, "acknowledge", "gwen")
    closing = {"wishes_met": "fully", "reason": "advice", "feedback": "Thank you."}
    w.step(Noun.CONCERN, one, "close", "gwen", given=closing)
    assert refused(w, record, "accept", "sol") == ("not_held",)


def test_a_concern_s_hold_and_an_ordinary_one_are_two(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    hold(w, person)
    concern = worry(w, person)
    lift(w, concern)
    assert refused(w, record, "accept", "sol") == ("not_held",)


def test_a_hold_for_one_provider_leaves_the_others(w: World) -> None:
    person = w.person()
    sung, made = w.sent(person), w.sent(person, "pottery")
    worry(w, person, reach="provider", hold_provider_id=w.provider["singers"])
    assert refused(w, sung, "accept", "sol") == ("not_held",)
    assert w.referral(made, "accept", "kit").state == "accepted"


def test_a_concern_about_a_provider_holds_everybody_there(w: World) -> None:
    sung, made = w.sent(), w.sent(None, "pottery")
    given = {"provider_id": w.provider["singers"], "seen": "Shouting.", "danger": False}
    w.step(Noun.CONCERN, None, "raise", "gwen", given=given)
    assert refused(w, sung, "accept", "sol") == ("not_held",)
    assert w.referral(made, "accept", "kit").state == "accepted"


# -- places -------------------------------------------------------------------------------------


def taken(w: World) -> int:
    return int(
        rows(w, Sql("SELECT taken FROM activity_group WHERE id = :id"), id=w.group["choir"])[0][0]
    )


def test_a_place_is_counted_while_somebody_takes_part(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    assert taken(w) == 0
    later = w.at.date() + timedelta(days=20)
    for trigger, who, given, now in (
        ("accept", "sol", {}, 1),
        ("start", "sol", {}, 1),
        ("pause", "sol", {"paused_until": later}, 1),
        ("resume", "sol", {}, 1),
        ("complete", "sol", OUTCOME, 0),
        ("reopen", "sol", {"reason": "mistake"}, 1),
        ("give_back", "sol", {"reason": "needs_changed"}, 0),
    ):
        w.referral(record, trigger, who, given=given)
        assert taken(w) == now, trigger
    sending(w, record)
    w.referral(record, "accept", "rae")
    w.step(Noun.CONSENT, consent(w, person), "withdraw", "priya")
    assert (state(w, record), taken(w)) == ("withdrawn", 0)
    assert_whole(w.store)


def test_a_full_group_takes_nobody_and_one_that_left_makes_room(w: World) -> None:
    first, second = w.accepted(), w.sent()
    with w.store.begin(w.actor["sol"]) as tx:
        save_group(
            tx,
            w.actor["sol"],
            w.at,
            activity_id=w.activity["choir"],
            group_id=w.group["choir"],
            values={"capacity": 3, "members_from_outside": 2},
        )
    assert refused(w, second, "accept", "sol") == ("place_left",)
    w.referral(first, "give_back", "sol", given={"reason": "stopped_coming"})
    assert w.referral(second, "accept", "sol").state == "accepted"
    assert taken(w) == 1
