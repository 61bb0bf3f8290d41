"""What a referral's moves write to a FHIR Task, row by row."""

from __future__ import annotations

import pytest

from referral.states import WITH_PROVIDER, ReferralState
from workflows.tables.referrals import TABLE
from workflows.task_status import STANDING, Party, writes

R = ReferralState
ROWS = [
    ("send", R.DRAFT, R.SENT, ["requested 2.0"]),
    ("send", R.RETURNED, R.SENT, ["requested 2.0"]),
    ("ask", R.SENT, R.QUERIED, ["requested info-requested"]),
    ("answer", R.QUERIED, R.SENT, ["requested 2.0"]),
    ("put_on_waiting_list", R.SENT, R.WAITING, ["accepted waitlist"]),
    ("review_wait", R.WAITING, R.WAITING, []),
    ("accept", R.WAITING, R.ACCEPTED, ["accepted 3.0"]),
    ("contact", R.ACCEPTED, R.ACCEPTED, []),
    ("try_contact", R.ACCEPTED, R.ACCEPTED, []),
    ("start", R.ACCEPTED, R.ACTIVE, ["in-progress 5.1"]),
    ("update", R.ACTIVE, R.ACTIVE, []),
    ("pause", R.ACTIVE, R.PAUSED, ["on-hold 5.1"]),
    ("resume", R.PAUSED, R.ACTIVE, ["in-progress 5.1"]),
    ("decline", R.SENT, R.RETURNED, ["rejected 4.0"]),
    ("decline", R.QUERIED, R.RETURNED, ["rejected 4.0"]),
    ("decline", R.WAITING, R.RETURNED, ["failed 6.0"]),
    ("give_back", R.PAUSED, R.RETURNED, ["failed 6.0"]),
    ("lapse", R.SENT, R.RETURNED, ["cancelled 6.0"]),
    ("recall", R.ACTIVE, R.RETURNED, ["cancelled 6.0"]),
    ("withdraw", R.WAITING, R.WITHDRAWN, ["cancelled 6.0"]),
    ("stop", R.ACCEPTED, R.WITHDRAWN, ["cancelled 6.0"]),
    ("complete", R.ACTIVE, R.COMPLETED, ["completed 7.0"]),
    ("reopen", R.COMPLETED, R.ACTIVE, ["requested 2.0", "accepted 3.0", "in-progress 5.1"]),
    ("reopen", R.WITHDRAWN, R.RETURNED, []),
    ("confirm", R.COMPLETED, R.CLOSED, []),
    ("redirect", R.RETURNED, R.REDIRECTED, []),
    ("close_unmet", R.RETURNED, R.CLOSED, []),
    ("withdraw", R.RETURNED, R.WITHDRAWN, []),
    ("mark_in_error", R.ACTIVE, R.IN_ERROR, ["entered-in-error "]),
    ("discard", R.DRAFT, R.IN_ERROR, []),
    ("create", None, R.DRAFT, []),
    ("reassign", R.ACTIVE, R.ACTIVE, []),
]


@pytest.mark.invariant("I55")
@pytest.mark.parametrize(("trigger", "was", "becomes", "said"), ROWS)
def test_each_move_writes_the_task_as_agreed(
    trigger: str, was: ReferralState | None, becomes: ReferralState, said: list[str]
) -> None:
    assert [f"{w.status} {w.business}" for w in writes(trigger, was, becomes)] == said


@pytest.mark.invariant("I55")
def test_only_the_recipient_rejects_and_only_the_requester_asks() -> None:
    (rejected,) = writes("decline", R.SENT, R.RETURNED)
    (asked,) = writes("send", R.DRAFT, R.SENT)
    (cancelled,) = writes("lapse", R.SENT, R.RETURNED)
    assert (rejected.by, asked.by) == (Party.PERFORMER, Party.REQUESTER)
    assert cancelled.status != "rejected"


def test_every_move_of_the_table_has_been_thought_of() -> None:
    named = {trigger for trigger, *_ in ROWS}
    table = {m.trigger for m in TABLE.moves}
    stays = {m.trigger for m in TABLE.moves if m.to is None}
    assert table - named - stays == set()
    assert set(STANDING) == WITH_PROVIDER
