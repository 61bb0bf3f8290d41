"""Traps other systems fell into, where no other test stands in the way (tests/house/test_traps.py
has the whole list)."""

from __future__ import annotations

from typing import Any

import pytest

from referral import audit, policy
from referral.states import TAKING_PART, WITH_PROVIDER, Noun, Role
from referral.states import ReferralState as R
from referral.store import Sql, Store
from referral.visible import steps_since
from tests.winding import after, sweep
from tests.world import World, build
from workflows.engine import TABLES
from workflows.policy import BOUNDS

# Papers and grounds: what may be missing without keeping anybody where they are.
PAPERS = {"ground_to_share", "agreement_in_force", "provider_assured"}
# Every way out, and every way to protect: from where each must stay open.
EXITS = {
    "decline": {R.SENT, R.QUERIED, R.WAITING},
    "give_back": TAKING_PART,
    "recall": WITH_PROVIDER,
    "withdraw": WITH_PROVIDER,
    "stop": WITH_PROVIDER,
    "complete": {R.ACTIVE, R.PAUSED},
    "confirm": {R.COMPLETED},
    "close_unmet": {R.RETURNED},
    "mark_in_error": WITH_PROVIDER | {R.CLOSED},
}


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


@pytest.mark.parametrize("trigger", sorted(EXITS))
def test_no_way_out_asks_for_papers(trigger: str) -> None:
    """Primero checks consent on every save: once it is taken back, nothing can be ended."""
    table = TABLES[Noun.REFERRAL]
    for state in EXITS[trigger]:
        moves = table.moves_from(trigger, str(state))
        assert moves, f"{trigger} is not open from {state}"
        for m in moves:
            assert not PAPERS & {guard.name for guard in m.guards}


def test_protecting_asks_for_nothing_at_all() -> None:
    for noun, trigger in ((Noun.CONCERN, "raise"), (Noun.CONCERN, "told_authority")):
        for m in TABLES[noun].moves:
            if m.trigger == trigger:
                assert m.guards == ()


def test_what_a_clock_did_is_not_taken_for_a_person(w: World) -> None:
    """A night job that looks like a person (Mavis)."""
    record = w.sent()
    sweep(w, after(w.at, 6))
    sweep(w, after(w.at, 6))
    tess = w.actor["tess"]
    with w.store.read(tess) as tx:
        lapse = steps_since(tx, tess, w.at, Noun.REFERRAL, record)[0]
    assert (lapse.trigger, lapse.role, lapse.name) == ("lapse", Role.SYSTEM, None)
    assert lapse.cause == "clock:referral.sent"


def test_every_reason_survives_what_comes_after_it(w: World) -> None:
    """Reason and comment belong to the newest state alone (e-RS); the provider loses sight of why
    it declined (DfE Connect)."""
    record = w.sent()
    w.referral(record, "decline", "sol", given={"reason": "access_need", "note": "Steps."})
    w.referral(record, "close_unmet", "priya", given={"reason": "no_provider"})
    w.referral(record, "reopen", "priya", given={"reason": "mistake"})
    for who, seen in (("priya", ["mistake", "no_provider", "access_need"]), ("sol", None)):
        actor = w.actor[who]
        with w.store.read(actor) as tx:
            steps = steps_since(tx, actor, w.at, Noun.REFERRAL, record)
        reasons = [step.reason for step in steps if step.reason]
        if seen:
            assert reasons == seen
        else:
            assert "access_need" in reasons


def test_no_place_can_switch_safeguarding_off() -> None:
    """Its button can be switched off by an administrator (Social Rx). Here a place sets how fast,
    within bounds, and nothing else."""
    about = [
        (kind, name)
        for kind, found in policy.shipped().items()
        for name in found
        if name.startswith(("concern.", "override."))
    ]
    assert {kind for kind, _name in about} == {"days", "reasons"}
    for name in ("concern.raised", "concern.raised.danger_hours", "concern.under_review"):
        least, most = BOUNDS[name]
        assert 1 <= least <= most <= 5


def test_where_the_log_fails_nothing_is_done_and_nothing_is_said(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log wins: what can't be written down isn't done, so nobody is told that it was."""
    record, person = w.sent(), w.person()

    def full(**said: Any) -> Any:
        raise OSError("the log can't be written")

    with w.store.read() as tx:
        before = tx.rows(Sql("SELECT count(*) FROM outbox"))
    about = {"person_id": person, "seen": "Bruises.", "danger": True}
    with monkeypatch.context() as patch:
        patch.setattr(audit, "entry", full)
        for attempt in (
            lambda: w.referral(record, "accept", "sol"),
            lambda: w.step(Noun.CONCERN, None, "raise", "priya", given=about),
        ):
            with pytest.raises(OSError, match="the log"):
                attempt()
    with w.store.read() as tx:
        assert tx.rows(Sql("SELECT state FROM referral WHERE id = :id"), id=record) == [("sent",)]
        assert tx.rows(Sql("SELECT count(*) FROM concern")) == [(0,)]
        assert tx.rows(Sql("SELECT count(*) FROM outbox")) == before
    assert w.referral(record, "accept", "sol").state == "accepted"
    assert w.step(Noun.CONCERN, None, "raise", "priya", given=about).state == "raised"
