"""What each move of a referral says to the world as FHIR: the status of a Task.

One Task is one sending: each `send` begins a Task, so that a Task never leaves an end; a draft has
none, and a hold changes nothing. Statuses, who may set them and what may follow what: HL7 SDOH
Clinical Care Implementation Guide 3.0.0 (Gravity), profile TaskForReferralManagement and its state
diagram. Business statuses: the booking and referral standard's codes 2.0 to 7.0, and the guide's
`waitlist`."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from referral.states import WITH_PROVIDER, ReferralState

R = ReferralState


class TaskStatus(StrEnum):
    """The statuses a referral's Task can have."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    IN_PROGRESS = "in-progress"
    ON_HOLD = "on-hold"
    FAILED = "failed"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    ENTERED_IN_ERROR = "entered-in-error"


class Party(StrEnum):
    """In whose name a status is set: who asked for the activity, or who gives it."""

    REQUESTER = "requester"
    PERFORMER = "performer"


class Write(NamedTuple):
    """A status a Task is given."""

    status: TaskStatus
    business: str
    by: Party


T = TaskStatus
STANDING: dict[ReferralState, tuple[TaskStatus, str]] = {
    R.SENT: (T.REQUESTED, "2.0"),
    R.QUERIED: (T.REQUESTED, "info-requested"),
    R.WAITING: (T.ACCEPTED, "waitlist"),
    R.ACCEPTED: (T.ACCEPTED, "3.0"),
    R.ACTIVE: (T.IN_PROGRESS, "5.1"),
    R.PAUSED: (T.ON_HOLD, "5.1"),
}
"""What the Task says while the referral is with the provider."""

NOT_ANSWERED = frozenset({R.SENT, R.QUERIED})
ASKED = frozenset({T.REQUESTED, T.ENTERED_IN_ERROR})


def begins(trigger: str) -> bool:
    """Whether the move begins a Task of its own."""
    return trigger in ("send", "reopen")


def writes(trigger: str, was: ReferralState | None, becomes: ReferralState) -> tuple[Write, ...]:
    """The statuses a move writes, in their order; none where the Task is left as it is."""
    if trigger == "mark_in_error" and was is not R.DRAFT:
        return (_write(T.ENTERED_IN_ERROR, ""),)
    if becomes in WITH_PROVIDER:
        if trigger == "reopen":
            return tuple(_write(*STANDING[s]) for s in (R.SENT, R.ACCEPTED, R.ACTIVE))
        same = was in WITH_PROVIDER and was is not None and STANDING[was] == STANDING[becomes]
        return () if same else (_write(*STANDING[becomes]),)
    if was is None or was not in WITH_PROVIDER:
        return ()
    if trigger == "complete":
        return (_write(T.COMPLETED, "7.0"),)
    if trigger == "decline" and was in NOT_ANSWERED:
        return (_write(T.REJECTED, "4.0"),)
    if trigger in ("decline", "give_back"):
        return (_write(T.FAILED, "6.0"),)
    return (Write(T.CANCELLED, "6.0", Party.REQUESTER),)


def _write(status: TaskStatus, business: str) -> Write:
    """A status in the name of the one party that may set it."""
    return Write(status, business, Party.REQUESTER if status in ASKED else Party.PERFORMER)
