"""What the log, its auditors and its administrators hear of the log itself: it can't be signed, or
published, or a check found something; and that this is over.

An entry is made when a failure is told and when it is over, never for a try: an entry for each head
or each failed try would make the next head necessary, for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

from referral import notices, tree
from referral.actors import the_system
from referral.audit import log
from referral.rows import put
from referral.states import Role
from referral.store import Tx
from referral.tree import Duty
from workflows.hearing import AUDIT_ALARM, SYSTEM
from workflows.organisations import the_only_system

CAUSE = "sequencer"
FAILING, OVER = "audit_failing", "audit_restored"
PATIENCE = timedelta(minutes=15)
"""How long something may fail before anybody is told: what was away comes back by itself."""


def failed(tx: Tx, name: str, why: str, at: datetime, at_once: bool = False) -> None:
    """This duty wasn't done. Those who run the log are told once, after a while or `at_once`."""
    tree.failed(tx, name, why, at)
    duty = tree.duty(tx, name)
    if duty is None or duty.told or duty.failing_since is None:
        return
    if at_once or at - duty.failing_since >= PATIENCE:
        _tell(tx, duty, at)
        tree.told(tx, name)


def done(tx: Tx, name: str, size: int, at: datetime) -> None:
    """This duty was done; if its failure was told, so is its end."""
    before = tree.duty(tx, name)
    tree.done(tx, name, size, at)
    system_id = the_only_system(tx)
    if before is not None and before.told and system_id is not None:
        actor = the_system(system_id, CAUSE)
        log(tx, actor, at, OVER, SYSTEM, system_id, {"since": before.failing_since}, duty=name)


def _tell(tx: Tx, duty: Duty, at: datetime) -> None:
    system_id = the_only_system(tx)
    if system_id is None:
        return
    actor = the_system(system_id, CAUSE)
    log(tx, actor, at, FAILING, SYSTEM, system_id, {"why": duty.why}, duty=duty.name)
    for role in (Role.ADMINISTRATOR, Role.AUDITOR):
        for to in notices.everywhere(tx, system_id, role, at):
            _letter(tx, system_id, to.membership_id, at)


def _letter(tx: Tx, system_id: str, member: str, at: datetime) -> None:
    put(
        tx,
        "outbox",
        {
            "system_id": system_id,
            "to_owner": f"member@{member}",
            "what": AUDIT_ALARM,
            "noun": SYSTEM,
            "record_id": system_id,
            "version": 1,
            "at": at,
            "run_at": at,
            "tries": 0,
        },
    )
