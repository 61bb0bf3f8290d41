"""Nothing that protects is ever blocked by missing consent: every move of every table is asked with
a ground and without one; and each way out is taken by the real commands after the consent has gone.

These are traps others fell into: consent checked on every save, so that withdrawing it blocked
closing; consent that ran out and locked both sides; a right to share without it that only the
browser asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_type_hints

import pytest

from referral import facts
from referral.actors import the_system
from referral.states import WITH_PROVIDER, Noun
from referral.store import Sql, Store
from tests.house.test_one_door import AT, FACTS, facts_for
from tests.winding import rows, state
from tests.world import OUTCOME, START, World, build
from workflows.concerns import raise_concern
from workflows.engine import MACHINES, TABLES, Refused
from workflows.escalations import raise_escalation

# The only moves that ask for a ground: each tells a provider something new about somebody.
ASK_FOR_A_GROUND = {
    ("referral", "send"),
    ("referral", "answer"),
    ("referral", "put_on_waiting_list"),
    ("referral", "accept"),
    ("referral", "start"),
    ("referral", "reopen"),
}
GROUND = ("consent_id", "override_id")
PROTECTS = {
    "referral": {"withdraw", "decline", "give_back", "recall", "complete", "mark_in_error", "stop",
                 "update", "contact", "try_contact", "pause", "resume", "confirm", "close_unmet",
                 "redirect", "reassign", "discard", "call", "ask", "review_wait", "lapse"},
    "consent": {"ask", "give", "refuse", "renew", "withdraw", "expire"},
    "override": set(TABLES[Noun.OVERRIDE].triggers),
    "concern": set(TABLES[Noun.CONCERN].triggers),
    "escalation": set(TABLES[Noun.ESCALATION].triggers),
    "assurance": set(TABLES[Noun.ASSURANCE].triggers),
    "agreement": set(TABLES[Noun.AGREEMENT].triggers),
    "rights_request": set(TABLES[Noun.RIGHTS].triggers),
    "emergency": set(TABLES[Noun.EMERGENCY].triggers),
}  # fmt: skip


def test_only_what_tells_a_provider_something_new_asks_for_a_ground() -> None:
    asking = set()
    for noun, table in TABLES.items():
        system = the_system("00000000-0000-4000-8000-000000000001", "test")
        for m in table.moves:
            for source in m.sources:
                f: Any = facts_for(noun, None if source is None else str(source), system)
                names = [name for name in GROUND if name in FACTS[noun][source is None]._fields]
                without = f._replace(**dict.fromkeys(names))
                given = {n.name: n.values[0] if n.values else "x" for n in m.needs}
                for guard in m.guards:
                    if guard.name == "ground_to_share":
                        assert not guard.holds(without, given, AT)
                        asking.add((str(noun), m.trigger))
    assert asking == ASK_FOR_A_GROUND


def test_every_move_that_protects_is_free_of_it() -> None:
    named = {
        (str(noun), m.trigger)
        for noun, table in TABLES.items()
        for m in table.moves
        if "ground_to_share" in {g.name for g in m.guards}
    }
    every = {(str(n), t) for n, table in TABLES.items() for t in table.triggers}
    free = {(noun, trigger) for noun, some in PROTECTS.items() for trigger in some}
    assert free & named == set()
    begins = {("referral", "create")}
    assert every == free | named | begins
    # Taken up again from an end it goes back to the link worker, and tells nobody anything.
    back = [m for m in TABLES[Noun.REFERRAL].moves if m.trigger == "reopen" and m.to == "returned"]
    assert all("ground_to_share" not in {g.name for g in m.guards} for m in back)


def test_no_other_guard_looks_at_consent() -> None:
    """Whatever a guard reads of the facts, only one reads the consent or the override."""
    for noun, machine in MACHINES.items():
        for m in machine.TABLE.moves:
            for guard in m.guards:
                if guard.name == "ground_to_share":
                    continue
                read: set[str] = set()

                class Watched:
                    def __init__(self, inner: Any, read: set[str] = read) -> None:
                        self.inner, self.read = inner, read

                    def __getattr__(self, name: str) -> Any:
                        self.read.add(name)
                        return getattr(self.inner, name)

                system = the_system("00000000-0000-4000-8000-000000000001", "test")
                source = next(iter(m.sources))
                f = facts_for(noun, None if source is None else str(source), system)
                guard.holds(Watched(f), {}, AT)
                assert not read & set(GROUND), (noun, m.trigger, guard.name)
    assert get_type_hints(facts.ReferralFacts)["consent_id"] is not None


# -- by the real commands -----------------------------------------------------------------------


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def ran_out(w: World, record: str) -> None:
    """The consent it was sent on has passed its date."""
    if w.at < START + timedelta(days=300):
        w.later(days=370)
    (consent,) = rows(w.store, "SELECT c.id FROM consent c JOIN referral r ON"
                      " r.person_id = c.person_id WHERE r.id = :id", id=record)[0]  # fmt: skip
    w.step(Noun.CONSENT, consent, "expire", w.system)
    with w.store.read() as tx:
        f = facts.referral(tx, record, w.actor["priya"], w.at)
    assert f is not None
    assert not f.consent_id


EXITS: list[tuple[str, str, str, dict[str, Any], str]] = [
    ("sent", "decline", "sol", {"reason": "full"}, "returned"),
    ("sent", "recall", "priya", {"reason": "other"}, "returned"),
    ("sent", "withdraw", "priya", {"reason": "person_asked"}, "withdrawn"),
    ("accepted", "give_back", "sol", {"reason": "other"}, "returned"),
    ("active", "give_back", "sol", {"reason": "other"}, "returned"),
    ("active", "update", "sol", {"note": "Well."}, "active"),
    ("active", "complete", "sol", OUTCOME, "completed"),
    ("active", "recall", "grace", {"reason": "other"}, "returned"),
    ("completed", "confirm", "priya", {}, "closed"),
]


@pytest.mark.parametrize(("made", "trigger", "who", "given", "to"), EXITS)
def test_with_consent_run_out_each_way_out_is_open(
    w: World, made: str, trigger: str, who: str, given: dict[str, Any], to: str
) -> None:
    record = getattr(w, made)()
    ran_out(w, record)
    assert w.referral(record, trigger, who, given=given).state == to


def test_with_consent_run_out_those_taking_part_go_on(w: World) -> None:
    record = w.active()
    ran_out(w, record)
    soon = (w.at + timedelta(days=9)).date()
    assert w.referral(record, "pause", "sol", given={"paused_until": soon}).state == "paused"
    assert w.referral(record, "resume", "sol").state == "active"


def test_with_consent_taken_back_what_was_finished_is_still_closed(w: World) -> None:
    """Consent checked on every save: once it was withdrawn, closing failed."""
    record = w.completed()
    (consent,) = rows(w.store, "SELECT id FROM consent WHERE state = 'given'")[0]
    w.step(Noun.CONSENT, consent, "withdraw", "priya")
    assert state(w.store, "referral", record) == "completed"
    assert w.referral(record, "confirm", "priya").state == "closed"


def test_with_consent_taken_back_what_came_back_is_still_ended_or_passed_on(w: World) -> None:
    record = w.sent()
    w.referral(record, "decline", "sol", given={"reason": "full"})
    (consent,) = rows(w.store, "SELECT id FROM consent WHERE state = 'given'")[0]
    w.step(Noun.CONSENT, consent, "withdraw", "priya")
    done = w.referral(record, "close_unmet", "priya", given={"reason": "no_provider"})
    assert done.state == "closed"


@pytest.mark.parametrize("answer", ["none", "refused", "withdrawn", "expired"])
def test_a_concern_and_an_escalation_are_raised_whatever_the_person_answered(
    w: World, answer: str
) -> None:
    person = w.person()
    if answer == "refused":
        w.consent(person, agreed=False)
    elif answer != "none":
        given = w.consent(person).id
        if answer == "withdrawn":
            w.step(Noun.CONSENT, given, "withdraw", "priya")
        else:
            w.step(Noun.CONSENT, given, "expire", w.system)
    record = w.draft(person)
    priya = w.actor["priya"]
    with w.store.begin(priya) as tx:
        seen = {"person_id": person, "seen": "Bruises.", "danger": False}
        assert raise_concern(tx, priya, w.at, seen).state == "raised"
    with w.store.begin(priya) as tx:
        asked = {"kind": "other", "about": "referral", "about_id": record, "note": "Help"}
        assert raise_escalation(tx, priya, w.at, asked).state == "raised"
    assert w.override(person, by="paul")


def test_the_right_to_share_without_consent_is_asked_by_the_server(w: World) -> None:
    """A right that only the browser asked for: whoever might refer could say it was overridden."""
    record = w.draft()
    with pytest.raises(Refused) as told:
        w.referral(
            record, "send", "priya",
            given={"consent_overridden": True, "override_id": "yes", "consent_id": "yes"},
        )  # fmt: skip
    assert "ground_to_share" in told.value.codes


def test_withdrawing_reaches_what_relies_on_it_alone_and_names_the_system(w: World) -> None:
    """A withdrawal that cascaded too far, by a night job that looked like a person."""
    person = w.person()
    sung, made = w.sent(person), w.sent(person, "pottery")
    somebody = w.sent()
    (consent,) = rows(
        w.store, "SELECT id FROM consent WHERE person_id = :p AND recipient = :r", p=person,
        r=w.provider["singers"],
    )[0]  # fmt: skip
    w.step(Noun.CONSENT, consent, "withdraw", "priya")
    states = [state(w.store, "referral", r) for r in (sung, made, somebody)]
    assert states == ["withdrawn", "sent", "sent"]
    with w.store.read() as tx:
        last = tx.rows(
            Sql("SELECT role, cause, membership_id FROM step WHERE record_id = :id ORDER BY id"),
            id=sung,
        )[-1]
    assert last == ("system", "consent.withdraw", None)


def test_expiry_leaves_somebody_who_can_act(w: World) -> None:
    """Expiry that locked both sides: nobody could act."""
    for record in [getattr(w, made)() for made in ("sent", "accepted", "active")]:
        ran_out(w, record)
        assert state(w.store, "referral", record) in WITH_PROVIDER
        with w.store.read() as tx:
            owners = tx.rows(
                Sql(
                    "SELECT t.owner FROM clock t JOIN consent c ON c.id = t.record_id"
                    " JOIN referral r ON r.person_id = c.person_id"
                    " WHERE r.id = :id AND t.ended IS NULL AND t.kind = 'consent.expired'"
                ),
                id=record,
            )
        assert owners == [(f"member@{w.actor['priya'].membership_id}",)]
