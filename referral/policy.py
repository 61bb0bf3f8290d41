"""The numbers and lists that places may differ in, asked for by kind, place and time.

They are constants today, labelled as examples; the callers already ask as if they were rows with
from-dates, so that making them data changes no caller."""

from __future__ import annotations

from datetime import datetime

# Working days unless the clock says hours. Examples: each system sets its own.
DAYS: dict[str, int] = {
    "referral.draft": 5,
    "referral.sent": 5,
    "referral.sent.urgent": 2,
    "referral.queried": 3,
    "referral.waiting": 20,
    "referral.accepted": 10,
    "referral.started": 5,
    "referral.active": 30,
    "referral.paused": 5,
    "referral.paused.most": 120,
    "referral.returned": 3,
    "referral.completed": 10,
    "referral.not_started": 60,
    "referral.not_started.cohort": 10,
    "referral.not_started.again": 20,
    "consent.asked": 10,
    "consent.expired": 5,
    "override.proposed": 1,
    "override.proposed.danger_hours": 1,
    "override.approved": 5,
    "override.ended": 5,
    "concern.raised": 1,
    "concern.raised.danger_hours": 1,
    "concern.under_review": 1,
    "concern.reported": 2,
    "concern.enquiry": 20,
    "concern.monitoring": 30,
    "escalation.raised": 2,
    "escalation.in_review": 5,
    "escalation.information_requested": 3,
    "escalation.decided": 5,
    "assurance.applied": 10,
    "assurance.in_review": 20,
    "assurance.suspended": 20,
    "assurance.lapsed": 20,
    "assurance.grace": 10,
    "agreement.drafted": 20,
    "agreement.ended": 20,
    "confirmation": 5,
    "announcement.unread": 3,
    "left_at_least": 1,
    "answer_at_least": 2,
    "escalation.reopen_within": 20,
}
CONSENT_MONTHS = 12

# Kinds of escalation and the level they may not climb past.
CEILINGS: dict[str, int] = {
    "no_reply": 2,
    "capacity": 2,
    "quality": 2,
    "disagreement": 3,
    "consent": 3,
    "equity": 3,
    "information_sharing": 3,
    "other": 3,
    "safeguarding_process": 4,
    "complaint": 4,
}

REASONS: dict[str, tuple[str, ...]] = {
    "referral.decline": (
        "full",
        "not_right_activity",
        "access_need",
        "safety",
        "outside_area",
        "other",
    ),
    "referral.recall": ("no_reply", "person_asked", "better_fit", "provider_stopped", "other"),
    "referral.review_wait": ("no_place_yet", "starts_later", "person_asked", "other"),
    "referral.give_back": (
        "stopped_coming",
        "needs_changed",
        "activity_stopped",
        "safety",
        "other",
    ),
    "referral.reopen": (
        "ended_too_soon",
        "person_asked",
        "consent_given_again",
        "mistake",
        "other",
    ),
    "referral.close_unmet": (
        "no_provider",
        "waiting_too_long",
        "not_reached",
        "needs_met",
        "other",
    ),
    "referral.withdraw": ("person_asked", "moved_away", "died", "not_said", "other"),
    "referral.mark_in_error": ("wrong_person", "duplicate", "wrong_activity", "other"),
    "consent.withdraw": ("person_said_no", "not_said"),
    "override.refuse": ("not_necessary", "too_much", "ask_the_person_first", "other"),
    "override.end": ("person_agreed", "danger_over", "no_longer_needed", "other"),
    "concern.close": ("advice", "no_further_action", "plan_done"),
    "concern.reopen": ("new_information", "closed_in_error"),
    "escalation.climb": ("needs_higher", "not_resolved"),
    "escalation.reopen": ("disagree",),
    "escalation.waive": ("no_longer_needed", "done_otherwise"),
    "assurance.suspend": ("quality", "safety", "evidence", "other"),
    "assurance.refuse": ("standards_not_met", "evidence_missing", "other"),
    "assurance.leave": ("closed_down", "own_choice", "other"),
    "agreement.end": ("breach", "not_needed", "other"),
}

# Evidence by tier: kind -> does it stop new referrals when out of date (STANDARDS 7; examples).
EVIDENCE: dict[str, bool] = {
    "public_liability": True,
    "safeguarding_policy": True,
    "safeguarding_training": True,
    "dbs": True,
    "risk_assessment": True,
    "ico_registration": True,
    "employers_liability": True,
    "first_aid": False,
    "complaints_policy": False,
    "quality_self_review": False,
}
EVIDENCE_BY_TIER: dict[str, tuple[str, ...]] = {
    "sole_artist": ("public_liability", "safeguarding_training", "dbs", "risk_assessment"),
    "small_group": (
        "public_liability",
        "safeguarding_policy",
        "safeguarding_training",
        "dbs",
        "risk_assessment",
    ),
    "larger": (
        "public_liability",
        "employers_liability",
        "safeguarding_policy",
        "safeguarding_training",
        "dbs",
        "risk_assessment",
        "ico_registration",
    ),
}
NO_GRACE = ("dbs", "public_liability", "employers_liability")


def days(kind: str, place_path: str | None = None, at: datetime | None = None) -> int:
    """The number in force for this kind, at this place and time."""
    return DAYS[kind]


def reasons(
    kind: str, place_path: str | None = None, at: datetime | None = None
) -> tuple[str, ...]:
    """The reason codes that may be given with this move."""
    return REASONS[kind]


def ceiling(kind: str) -> int:
    """The highest level an escalation of this kind climbs to."""
    return CEILINGS[kind]
