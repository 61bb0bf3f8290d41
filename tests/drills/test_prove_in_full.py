"""The large slices of `segue prove`, every deliberate fault there is, and many walks in which its
picture is held against the store."""

from __future__ import annotations

from referral.store import Sql, Store
from tests.counted import Counted
from tests.prove.real import walks
from tests.prove.test_picture import walked
from tests.world import build
from workflows.prove.faults import faults
from workflows.prove.proof import prove, try_faults


def test_no_promise_is_broken_in_the_large_slices_either() -> None:
    proof = prove(full=True)
    assert [(b.invariant, b.slice, b.says, b.trace) for b in proof.breaches] == []
    assert proof.unreached() == []


def test_every_deliberate_fault_is_caught(counted: Counted) -> None:
    verdicts = try_faults(faults())
    counted(f"{sum(v.caught for v in verdicts)} of {len(verdicts)} faults caught")
    assert [v.fault.name for v in verdicts if not v.caught] == []


def test_the_picture_and_the_store_answer_alike_on_many_walks(store: Store) -> None:
    w = build(store)
    with w.store.begin() as tx:
        tx.run(Sql("UPDATE activity_group SET capacity = 5000"))
    compared: set[object] = set()
    for n, slice_ in enumerate(walked(), 100):
        compared |= walks(w, slice_, 60, 30, seed=n)
    assert len(compared) > 350
