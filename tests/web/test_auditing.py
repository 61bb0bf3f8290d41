"""What the worker does for the log: heads are signed in time and published outside, a place that
fails is told once and never feeds the log, and nothing is signed over a log that was changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from referral import tree
from referral.audit import log
from referral.notes import Signer, open_checkpoint
from referral.states import Role
from referral.store import Sql, Store
from tests.keeping import KEYS, ORIGIN, Place, keeper_of
from tests.world import World, build
from web.audit_keys import Keys
from web.audit_outlets import Folder, head_of
from web.auditing import CHECK, SIGN, LogKeeper, NotPublished, Prove
from web.worker import run
from workflows.organisations import add_membership, add_user

ALARMS = Sql(
    "SELECT a.action, a.leaf, d.payload FROM audit a JOIN audit_detail d"
    " ON d.entry_id = a.entry_id WHERE a.action LIKE 'audit_%' ORDER BY a.seq"
)
LETTERS = Sql("SELECT count(*) FROM outbox WHERE what = 'audit_alarm'")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


@pytest.fixture
def outlet() -> Place:
    return Place()


@pytest.fixture
def keeper(w: World, outlet: Place) -> LogKeeper:
    return keeper_of(w, outlet)


def entries(w: World, count: int) -> None:
    with w.store.begin() as tx:
        for _ in range(count):
            log(tx, w.system, w.at, "read", "person", None)


def heads(w: World) -> list[int]:
    with w.store.read() as tx:
        return [size for size, *_ in tree.all_checkpoints(tx)]


def alarms(w: World) -> list[tuple[str, str]]:
    with w.store.read() as tx:
        return [(action, json.loads(leaf)["duty"]) for action, leaf, _ in tx.rows(ALARMS)]


def letters(w: World) -> int:
    with w.store.read() as tx:
        return int(tx.rows(LETTERS)[0][0])


# -- in time ------------------------------------------------------------------------------------


def test_a_head_is_signed_at_once_then_after_four_minutes_or_a_thousand_entries(
    w: World, keeper: LogKeeper, outlet: Place
) -> None:
    keeper.turn()
    (first,) = heads(w)
    entries(w, 3)
    w.later(minutes=3, seconds=59)
    keeper.turn()
    assert heads(w) == [first]
    w.later(seconds=1)
    keeper.turn()
    assert heads(w) == [first, first + 3]
    entries(w, 999)
    keeper.turn()
    assert heads(w) == [first, first + 3]
    entries(w, 1)
    keeper.turn()
    assert heads(w) == [first, first + 3, first + 1_003]
    assert [head_of(note).size for note in outlet.took] == heads(w)
    for note in outlet.took:
        open_checkpoint(note, KEYS.verifiers)


def test_a_log_where_nothing_happens_needs_no_further_head(
    w: World, keeper: LogKeeper, outlet: Place
) -> None:
    keeper.turn()
    for _ in range(5):
        w.later(minutes=10)
        assert not keeper.turn()
    assert len(heads(w)) == len(outlet.took) == 1


def test_the_worker_keeps_the_log_beside_its_other_work(w: World, keeper: LogKeeper) -> None:
    w.sent()
    run(keeper.edge, once=True, keeper=keeper)
    with w.store.read() as tx:
        found, checked = tree.lag(tx), tree.last_check(tx)
    assert (found.unplaced, found.unsigned) == (0, 0)
    assert checked is not None
    assert checked.whole
    assert checked.entries == checked.size == heads(w)[-1]


def test_two_workers_make_one_log(w: World, outlet: Place) -> None:
    one, other = keeper_of(w, outlet), keeper_of(w, outlet)
    for turn in range(6):
        entries(w, 2)
        w.later(minutes=5)
        (one, other)[turn % 2].turn()
    assert [head_of(note).size for note in outlet.took] == heads(w)
    assert len(heads(w)) == 6


# -- what fails ---------------------------------------------------------------------------------


def test_without_a_key_entries_wait_and_it_is_told_once(w: World, outlet: Place) -> None:
    keeper = keeper_of(w, outlet, keys=None)
    for _ in range(8):
        keeper.turn()
        w.later(minutes=5)
    assert heads(w) == []
    assert alarms(w) == [("audit_failing", SIGN)]
    with w.store.read() as tx:
        found = tree.lag(tx)
        duty = tree.duty(tx, SIGN)
    assert found.unplaced == 0
    assert found.unsigned > 1
    assert duty is not None
    assert duty.why == "There is no key."
    keeper_of(w, outlet).turn(now=True)
    assert len(heads(w)) == 1
    assert alarms(w) == [("audit_failing", SIGN), ("audit_restored", SIGN)]


def test_a_place_that_fails_is_told_after_a_while_and_the_log_does_not_feed_itself(
    w: World, keeper: LogKeeper, outlet: Place
) -> None:
    outlet.fails = "It doesn't answer."
    keeper.turn()
    w.later(minutes=14)
    keeper.turn()
    assert alarms(w) == []
    for _ in range(200):
        w.later(minutes=7)
        keeper.turn()
    assert alarms(w) == [("audit_failing", "elsewhere")]
    assert len(heads(w)) == 2  # the second covers the entry that tells of it
    outlet.fails = ""
    for _ in range(5):
        w.later(minutes=7)
        keeper.turn()
    assert alarms(w) == [("audit_failing", "elsewhere"), ("audit_restored", "elsewhere")]
    assert len(heads(w)) == 3
    assert [head_of(note).size for note in outlet.took] == heads(w)[1:]


def test_administrators_and_auditors_hear_of_it_and_nobody_else(
    w: World, keeper: LogKeeper, outlet: Place
) -> None:
    with w.store.begin() as tx:
        user = add_user(tx, w.system, w.at, name="Audra Quinn", email="audra@example.org")
        member = add_membership(
            tx,
            w.system,
            w.at,
            user_id=user,
            organisation_id=w.org["board"],
            role=Role.AUDITOR,
        )
    outlet.fails, outlet.alarm = "Another history.", True
    run(keeper.edge, once=True, keeper=keeper)
    run(keeper.edge, once=True, keeper=keeper)
    with w.store.read() as tx:
        told = tx.rows(
            Sql(
                "SELECT CAST(n.membership_id AS text), m.role FROM notice n JOIN membership m"
                " ON m.id = n.membership_id WHERE n.what = 'audit_alarm'"
            )
        )
    assert {role for _, role in told} == {Role.ADMINISTRATOR, Role.AUDITOR}
    assert member in {one for one, _ in told}
    assert len(told) == len(set(told)) == letters(w)


@dataclass
class Contradicts(Place):
    """A witness that has seen more; where another worker brought that, it is no contradiction."""

    name: str = "witness"
    before: Callable[[], object] = bool

    def publish(self, note: str, last: int, prove: Prove) -> Mapping[str, str]:
        self.before()
        raise NotPublished("It has signed a longer log than this one.", alarm=True)


def test_what_a_faster_worker_brought_to_a_witness_is_no_alarm(w: World, outlet: Place) -> None:
    def faster() -> None:
        entries(w, 1)
        keeper_of(w, outlet).turn(now=True)

    entries(w, 1)
    keeper_of(w, Contradicts(before=faster)).turn(now=True)
    assert len(heads(w)) == 2
    assert alarms(w) == []
    keeper_of(w, Contradicts()).turn()  # nobody was faster: the log isn't what the witness saw
    assert alarms(w) == [("audit_failing", "witness")]


def test_another_place_is_not_held_up_by_one_that_fails(w: World, outlet: Place) -> None:
    bad = Place("bad", fails="No.")
    keeper_of(w, bad, outlet).turn()
    assert len(outlet.took) == 1


def test_a_place_no_longer_asked_for_is_no_longer_told_of(
    w: World, keeper: LogKeeper, outlet: Place
) -> None:
    outlet.fails = "No."
    keeper.turn()
    other = Place("other")
    keeper_of(w, other).turn()
    with w.store.read() as tx:
        assert {duty.name for duty in tree.duties(tx)} == {SIGN, "other"}


# -- what must not be signed --------------------------------------------------------------------


def refused(w: World, keeper: LogKeeper, says: str) -> None:
    """Nothing more is signed, at once it is told, and once only."""
    before = heads(w)
    for _ in range(4):
        entries(w, 2)
        w.later(minutes=6)
        keeper.turn()
    assert heads(w) == before
    with w.store.read() as tx:
        duty = tree.duty(tx, SIGN)
    assert duty is not None
    assert says in (duty.why or "")
    assert alarms(w) == [("audit_failing", SIGN)]
    assert letters(w) >= 1


def test_nothing_is_signed_over_a_store_that_was_rolled_back(
    w: World, outlet: Place, tmp_path: Path
) -> None:
    folder = Folder(tmp_path)
    keeper_of(w, folder).turn()
    ahead = KEYS.sign(ORIGIN, heads(w)[0] + 100, bytes(32))
    folder.publish(ahead, 0, lambda old, new: [])
    refused(w, keeper_of(w, folder), "rolled back")


def test_nothing_is_signed_over_a_head_of_another_key(
    w: World, keeper: LogKeeper, outlet: Place
) -> None:
    keeper.turn()
    other = Keys((Signer(ORIGIN, bytes(32)),))
    refused(w, keeper_of(w, Place(), keys=other), "no key of ours")


def test_nothing_is_signed_while_another_key_signs_outside(
    w: World, keeper: LogKeeper, outlet: Place
) -> None:
    keeper.turn()
    other = Keys((Signer(ORIGIN, bytes(32)),))
    outlet.took.append(other.sign(ORIGIN, 3, bytes(32)))
    refused(w, keeper, "no key of ours signed")


def test_what_stands_outside_of_another_log_is_no_hindrance(
    w: World, keeper: LogKeeper, outlet: Place
) -> None:
    other = Keys((Signer("elsewhere.example/audit", bytes(32)),))
    outlet.took.append(other.sign(other.origin, 10_000, bytes(32)))
    keeper.turn()
    assert len(heads(w)) == 1


# -- the keys -----------------------------------------------------------------------------------


def test_after_a_rotation_old_and_new_key_verify_until_the_old_is_retired(
    w: World, keeper: LogKeeper, outlet: Place
) -> None:
    both = KEYS.with_new(ORIGIN)
    alone = both.retired()
    for keys in (KEYS, both, alone):
        entries(w, 1)
        keeper_of(w, outlet, keys=keys).turn(now=True)
    old, new = KEYS.verifiers[0], both.verifiers[0]
    signed = [{key.id for key in open_checkpoint(note, [old, new])[1].by} for note in outlet.took]
    assert signed == [{old.id}, {old.id, new.id}, {new.id}]
    assert alone.verifiers == (new, old)


def test_a_log_with_a_new_name_goes_on_from_the_old_one(
    w: World, keeper: LogKeeper, outlet: Place
) -> None:
    keeper.turn()
    renamed = KEYS.with_new("saltmarsh.example/audit2")
    entries(w, 1)
    keeper_of(w, outlet, keys=renamed).turn(now=True)
    assert [head_of(note).origin for note in outlet.took] == [ORIGIN, renamed.origin]
    assert [key.name for key in renamed.verifiers] == [renamed.origin, ORIGIN]


# -- the daily check ----------------------------------------------------------------------------


def test_the_log_is_checked_once_a_day_from_six_in_the_morning(w: World, keeper: LogKeeper) -> None:
    def checks() -> int:
        keeper.check_daily(beside=False)
        with w.store.read() as tx:
            return int(tx.rows(Sql("SELECT count(*) FROM audit_check"))[0][0])

    assert checks() == 1  # at ten on a summer's day, as London has it
    w.later(hours=19)
    assert checks() == 1  # five in the morning
    w.later(hours=1)
    assert checks() == 2
    w.later(hours=12)
    assert checks() == 2


def test_of_two_workers_one_makes_the_check(w: World, keeper: LogKeeper) -> None:
    with w.store.begin() as tx:
        assert tree.claim(tx, CHECK, w.at, w.at - timedelta(hours=3))
    keeper.check_daily(beside=False)
    with w.store.read() as tx:
        assert tree.last_check(tx) is None
    w.later(hours=4)  # it died
    keeper.check_daily(beside=False)
    with w.store.read() as tx:
        assert tree.last_check(tx) is not None


def test_what_the_check_finds_is_kept_and_told(
    w: World, keeper: LogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.turn()
    monkeypatch.setattr(keeper, "keys", Keys((Signer(ORIGIN, bytes(32)),)))
    keeper.check()
    with w.store.read() as tx:
        found = tree.last_check(tx)
    assert found is not None
    assert not found.whole
    assert "no known key" in (found.first or "")
    assert alarms(w) == [("audit_failing", CHECK)]


def test_a_check_beside_the_worker_ends_with_it(w: World, keeper: LogKeeper) -> None:
    keeper.check_daily(beside=True)
    assert keeper.checking is not None
    keeper.checking.join()
    with w.store.read() as tx:
        assert tree.last_check(tx) is not None
    w.later(days=1)
    keeper.stop.set()
    keeper.check_daily(beside=True)
    keeper.end()
    assert not keeper.checking.is_alive()
