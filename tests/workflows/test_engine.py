"""What the one door refuses, each by its own name and without a trace but the attempt's; and that
one key has one effect."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from referral.actors import Actor
from referral.ids import new_id
from referral.members import actor_of
from referral.states import Noun, Role
from referral.store import Sql, Store, Tx
from tests.counting import nothing_but_the_attempt, only_these_grow
from tests.world import OUTCOME, World, build
from web.edge import Edge
from workflows.activities import save_activity
from workflows.engine import Done, Refused, step
from workflows.escalations import complete_escalation, decide_escalation, raise_escalation
from workflows.organisations import add_membership, add_organisation, add_user, setup_system
from workflows.people import add_person, save_plan
from workflows.referrals import change_draft, send_referral

NEWEST = Sql(
    "SELECT action, noun, CAST(record_id AS text), CAST(membership_id AS text), leaf FROM audit"
    " ORDER BY seq DESC LIMIT 1"
)


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def perform(w: World, actor: Actor, command: Callable[[Tx, datetime], Any]) -> Any:
    return Edge(w.store, lambda: w.at).perform(actor, command)


def newest_entry(w: World) -> tuple[Any, ...]:
    with w.store.read() as tx:
        return tx.rows(NEWEST)[0]


def elsewhere(w: World) -> Actor:
    """A link worker of another system in the same store."""
    with w.store.begin() as tx:
        made = setup_system(tx, "Northmoor", w.at)
        away = replace(w.system, system_id=made["system_id"])
        practice = add_organisation(
            tx, away, w.at, name="Moor practice", kind="practice", place_id=made["place_id"]
        )
        user = add_user(tx, away, w.at, name="Nell North", email="nell@example.org")
        member = add_membership(
            tx, away, w.at, user_id=user, organisation_id=practice, role=Role.LINK_WORKER
        )
        actor = actor_of(tx, member, w.at)
    assert actor is not None
    return actor


# -- each refusal by its own name ---------------------------------------------------------------


@dataclass(frozen=True)
class Wrong:
    """An attempt that has to be refused: what is tried, by whom, and the names of the refusals."""

    codes: tuple[str, ...]
    who: str | Callable[[World], Actor] = "sol"
    trigger: str = "accept"
    given: dict[str, Any] = field(default_factory=dict)
    version: int | None = None
    record: Callable[[World], str] = lambda w: w.sent()
    second: str | None = None


def no_such_record(w: World) -> str:
    return new_id(w.at)


def a_consent(w: World) -> str:
    return w.consent(w.person()).id


IN_ERROR = {"who": "priya", "trigger": "mark_in_error", "given": {"reason": "wrong_person"}}
WRONG = {
    "a version seen earlier": Wrong(("stale",), version=1),
    "a version nobody has seen": Wrong(("stale",), version=9),
    "no trigger of that name": Wrong(("no_such_move",), trigger="Mrs Okoro's own words"),
    "a move, but not from there": Wrong(("no_such_move",), trigger="start"),
    "another role": Wrong(("not_your_role",), who="gwen"),
    "the link worker's own side": Wrong(("not_your_role",), who="priya"),
    "a colleague who isn't named": Wrong(
        ("not_your_record",), who="sam", trigger="withdraw", given={"reason": "moved_away"}
    ),
    "a lead who doesn't stand in": Wrong(
        ("not_your_record",), who="tess", trigger="withdraw", given={"reason": "moved_away"}
    ),
    "another provider": Wrong(("not_found",), who="kit"),
    "another practice": Wrong(("not_found",), who="olu", trigger="withdraw"),
    "another place": Wrong(("not_found",), who="fred", trigger="recall"),
    "another system": Wrong(("not_found",), who=elsewhere, trigger="withdraw"),
    "an auditor": Wrong(("not_found",), who="art", trigger="recall"),
    "no such record": Wrong(("not_found",), record=no_such_record),
    "a record of another noun": Wrong(("not_found",), record=a_consent),
    "a provider and a draft": Wrong(("not_found",), record=lambda w: w.draft()),
    "no reason": Wrong(("needs_reason",), trigger="decline"),
    "a reason that isn't on the list": Wrong(
        ("needs_reason",), trigger="decline", given={"reason": "no idea"}
    ),
    "no outcome at all": Wrong(
        ("needs_outcome", "needs_goals_met", "needs_what_next", "needs_summary"),
        trigger="complete",
        record=lambda w: w.active(),
    ),
    "no second person": Wrong(("second_person_needed",), **IN_ERROR),  # type: ignore[arg-type]
    "the same person twice": Wrong(
        ("second_person_same",),
        second="priya",
        **IN_ERROR,  # type: ignore[arg-type]
    ),
    "a second person from the provider": Wrong(
        ("second_person_not_allowed",),
        second="sol",
        **IN_ERROR,  # type: ignore[arg-type]
    ),
    "a second person from elsewhere": Wrong(
        ("second_person_not_allowed",),
        second="olu",
        **IN_ERROR,  # type: ignore[arg-type]
    ),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=list(WRONG))
def test_a_refusal_has_a_name_and_leaves_only_the_attempt(w: World, wrong: Wrong) -> None:
    record = wrong.record(w)
    actor = w.actor[wrong.who] if isinstance(wrong.who, str) else wrong.who(w)
    second = w.actor[wrong.second] if wrong.second else None

    def command(tx: Tx, at: datetime) -> Done:
        return step(
            tx,
            Noun.REFERRAL,
            record,
            wrong.trigger,
            actor,
            at,
            wrong.given,
            version=wrong.version,
            key="a key",
            second=second,
        )

    with nothing_but_the_attempt(w.store), pytest.raises(Refused) as refused:
        perform(w, actor, command)
    assert refused.value.codes == wrong.codes
    for refusal in refused.value.refusals:
        assert refusal.why
        assert refusal.why[0].isupper()
    action, noun, about, member, leaf = newest_entry(w)
    assert (action, noun, about, member) == ("refused", "referral", record, actor.membership_id)
    assert json.loads(leaf)["codes"] == list(wrong.codes)
    assert "Okoro" not in leaf


def test_the_same_attempts_succeed_when_nothing_is_wrong(w: World) -> None:
    # The other half of each pair above: the move itself is there to be made.
    assert w.referral(w.sent(), "accept", "sol", version=2).state == "accepted"
    assert w.referral(w.sent(), "withdraw", "priya", given={"reason": "moved_away"}).state
    assert w.referral(w.sent(), "recall", "grace", given={"reason": "no_reply"}).state == "returned"
    assert w.referral(w.sent(), "decline", "sol", given={"reason": "full"}).state == "returned"
    assert w.referral(w.active(), "complete", "sol", given=OUTCOME).state == "completed"
    second = w.actor["sam"]
    done = w.referral(
        w.sent(), "mark_in_error", "priya", given={"reason": "wrong_person"}, second=second
    )
    with w.store.read() as tx:
        both = tx.rows(
            Sql(
                "SELECT CAST(membership_id AS text), CAST(second_id AS text) FROM step"
                " WHERE record_id = :id AND version = 3"
            ),
            id=done.id,
        )
    assert both == [(w.actor["priya"].membership_id, second.membership_id)]


def test_a_second_person_named_as_a_source_of_harm_is_refused(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    worry(w, person, sources=[{"user_id": w.actor["sam"].user_id}])
    with nothing_but_the_attempt(w.store), pytest.raises(Refused) as refused:
        perform(
            w,
            w.actor["priya"],
            lambda tx, at: step(
                tx,
                Noun.REFERRAL,
                record,
                "mark_in_error",
                w.actor["priya"],
                at,
                {"reason": "wrong_person"},
                second=w.actor["sam"],
            ),
        )
    assert refused.value.codes == ("second_person_not_allowed",)


@pytest.mark.parametrize("trigger", ["send", "withdraw", "no such thing"])
@pytest.mark.invariant("I39")
def test_whoever_is_named_meets_the_hold_whatever_they_try(w: World, trigger: str) -> None:
    person = w.person()
    record = w.draft(person)
    worry(w, person, sources=[{"user_id": w.actor["priya"].user_id}])
    with nothing_but_the_attempt(w.store), pytest.raises(Refused) as refused:
        perform(
            w,
            w.actor["priya"],
            lambda tx, at: step(
                tx, Noun.REFERRAL, record, trigger, w.actor["priya"], at, version=77
            ),
        )
    assert refused.value.codes == ("not_held",)


def worry(w: World, person: str, **more: Any) -> Done:
    given = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": [], **more}
    return w.step(Noun.CONCERN, None, "raise", "gwen", given=given)


@pytest.mark.invariant("I01")
def test_every_refusal_of_a_send_is_said_at_once(w: World) -> None:
    person = w.person(practice=None)
    record = w.draft(person, risks="not_known")
    w.step(Noun.AGREEMENT, the(w, "agreement"), "end", "grace", given={"reason": "breach"})
    w.step(Noun.ASSURANCE, assurance(w), "suspend", "grace", given={"reason": "quality"})
    with w.store.begin(w.actor["sol"]) as tx:
        save_activity(
            tx,
            w.actor["sol"],
            w.at,
            provider_id=w.provider["singers"],
            activity_id=w.activity["choir"],
            values={"status": "paused"},
        )
    worry(w, person)
    with nothing_but_the_attempt(w.store), pytest.raises(Refused) as refused:
        perform(w, w.actor["priya"], lambda tx, at: send_referral(tx, w.actor["priya"], at, record))
    assert refused.value.codes == (
        "ground_to_share",
        "person_identified",
        "risks_stated",
        "agreement_in_force",
        "provider_assured",
        "activity_open",
        "not_held",
    )
    for refusal in refused.value.refusals:
        assert refusal.why
        assert refusal.remedy


def test_a_second_referral_to_the_same_activity_is_refused_as_one(w: World) -> None:
    person = w.person()
    w.sent(person)
    other = w.draft(person)
    with nothing_but_the_attempt(w.store), pytest.raises(Refused) as refused:
        perform(w, w.actor["priya"], lambda tx, at: send_referral(tx, w.actor["priya"], at, other))
    assert refused.value.codes == ("not_duplicate",)


def the(w: World, table: str) -> str:
    """The id of the only row of a table."""
    with w.store.read() as tx:
        ((found,),) = tx.rows(Sql(f"SELECT id FROM {table}"))
    return str(found)


def assurance(w: World, provider: str = "singers") -> str:
    with w.store.read() as tx:
        found = tx.rows(
            Sql("SELECT id FROM assurance WHERE provider_id = :p"), p=w.provider[provider]
        )
    return str(found[0][0])


# -- one key, one effect ------------------------------------------------------------------------


def accept(w: World, record: str, key: str | None = "one", who: str = "sol", **more: Any) -> Done:
    actor = w.actor[who]
    done: Done = perform(
        w,
        actor,
        lambda tx, at: step(
            tx,
            Noun.REFERRAL,
            record,
            more.get("trigger", "accept"),
            actor,
            at,
            more.get("given", {}),
            key=key,
            version=more.get("version"),
        ),
    )
    return done


@pytest.mark.invariant("I16")
def test_a_key_used_again_gets_the_same_answer_and_no_other_effect(w: World) -> None:
    record = w.sent()
    first = accept(w, record)
    with only_these_grow(w.store):
        again = accept(w, record)
    assert again == replace(first, replayed=True)


def test_the_answer_stays_the_same_when_the_record_has_moved_on(w: World) -> None:
    record = w.sent()
    first = accept(w, record, version=2)
    w.referral(record, "start", "sol")
    with only_these_grow(w.store):
        again = accept(w, record, version=2)
    assert (again.state, again.version) == (first.state, first.version) == ("accepted", 3)


def test_without_a_key_the_same_again_is_refused(w: World) -> None:
    record = w.sent()
    accept(w, record, key=None)
    with nothing_but_the_attempt(w.store), pytest.raises(Refused) as refused:
        accept(w, record, key=None)
    assert refused.value.codes == ("no_such_move",)


@pytest.mark.parametrize(
    "other",
    [
        {"trigger": "start"},
        {"given": {"note": "Something else."}},
        {"record": "another"},
    ],
    ids=["another move", "other words", "another record"],
)
def test_a_key_used_for_something_else_is_refused(w: World, other: dict[str, Any]) -> None:
    record, another = w.sent(), w.sent()
    accept(w, record)
    rest = {name: value for name, value in other.items() if name != "record"}
    with nothing_but_the_attempt(w.store), pytest.raises(Refused) as refused:
        accept(w, another if "record" in other else record, **rest)
    assert refused.value.codes == ("idempotency_key_reused",)


def test_two_people_may_use_the_same_key(w: World) -> None:
    one, other = w.sent(), w.sent()
    assert accept(w, one).replayed is False
    assert accept(w, other, who="rae").replayed is False


def test_a_key_whose_attempt_was_refused_is_not_used_up(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    concern = worry(w, person)
    with pytest.raises(Refused):
        accept(w, record)
    w.step(Noun.CONCERN, concern.id, "acknowledge", "gwen", given={"hold_stays": False})
    assert (accept(w, record).state, accept(w, record).replayed) == ("accepted", True)


def test_a_new_record_is_begun_once_for_its_key(w: World) -> None:
    person = w.person()
    given = {"person_id": person, "group_id": w.group["choir"]}
    first = w.step(Noun.REFERRAL, None, "create", "priya", given=given, key="one")
    with only_these_grow(w.store):
        again = w.step(Noun.REFERRAL, None, "create", "priya", given=given, key="one")
    assert (again.id, again.reference) == (first.id, first.reference)


def test_what_was_sent_under_a_key_stays_sent_though_the_plan_is_another_now(w: World) -> None:
    person, priya = w.person(), w.actor["priya"]
    record = w.draft(person)
    w.consent(person)
    first = perform(w, priya, lambda tx, at: send_referral(tx, priya, at, record, key="one"))
    w.referral(record, "decline", "sol", given={"reason": "full"})
    with w.store.begin(priya) as tx:
        plan = save_plan(tx, priya, w.at, person, {"what_matters": "Gardening"})
        change_draft(tx, priya, w.at, record, {"plan_id": plan})
    with only_these_grow(w.store):
        again = perform(w, priya, lambda tx, at: send_referral(tx, priya, at, record, key="one"))
    assert again == replace(first, replayed=True)


def test_an_escalation_closed_under_a_key_stays_closed_a_day_later(w: World) -> None:
    record, tess = w.sent(), w.actor["tess"]
    about = {"kind": "no_reply", "note": "Help", "about": "referral", "about_id": record}
    raised = perform(
        w, w.actor["priya"], lambda tx, at: raise_escalation(tx, w.actor["priya"], at, about)
    )
    w.step(Noun.ESCALATION, raised.id, "acknowledge", "tess")
    yes = {"decision": "uphold", "note": "Yes"}
    perform(w, tess, lambda tx, at: decide_escalation(tx, tess, at, raised.id, yes))

    def complete() -> Done:
        done: Done = perform(
            w, tess, lambda tx, at: complete_escalation(tx, tess, at, raised.id, key="one")
        )
        return done

    first = complete()
    w.later(days=1)
    assert complete() == replace(first, replayed=True)


@pytest.fixture
def added(w: World) -> Any:
    values = {"given_name": "Ada", "family_name": "Byron", "nhs_number": "9990000018"}
    priya = w.actor["priya"]
    return perform(w, priya, lambda tx, at: add_person(tx, priya, at, values, key="one"))


def test_a_person_is_added_once_for_the_key(w: World, added: dict[str, Any]) -> None:
    values = {"given_name": "Ada", "family_name": "Byron", "nhs_number": "9990000018"}
    priya = w.actor["priya"]
    with only_these_grow(w.store):
        again = perform(w, priya, lambda tx, at: add_person(tx, priya, at, values, key="one"))
    assert again == {**added, "replayed": True}


def test_the_key_of_a_person_added_is_refused_for_another(w: World, added: dict[str, Any]) -> None:
    values = {"given_name": "Eve", "family_name": "Byron"}
    priya = w.actor["priya"]
    with nothing_but_the_attempt(w.store), pytest.raises(Refused) as refused:
        perform(w, priya, lambda tx, at: add_person(tx, priya, at, values, key="one"))
    assert refused.value.codes == ("idempotency_key_reused",)
