"""The large slices of `segue prove`, and every deliberate fault there is."""

from __future__ import annotations

import sys

import pytest

from workflows.prove.faults import faults
from workflows.prove.proof import prove, try_faults


def test_no_promise_is_broken_in_the_large_slices_either() -> None:
    proof = prove(full=True)
    assert [(b.invariant, b.slice, b.says, b.trace) for b in proof.breaches] == []
    assert proof.unreached() == []


def test_every_deliberate_fault_is_caught(capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = try_faults(faults())
    with capsys.disabled():
        sys.stdout.write(f" {sum(v.caught for v in verdicts)} of {len(verdicts)} faults caught ")
    assert [v.fault.name for v in verdicts if not v.caught] == []
