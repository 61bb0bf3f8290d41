"""The names of the states, the roles and the relations: said once, beside the store.

Which state may follow which is decided in `workflows/`; here are only the words.
"""

from __future__ import annotations

from enum import StrEnum


class Noun(StrEnum):
    """What has a machine of its own."""

    REFERRAL = "referral"
    CONSENT = "consent"
    OVERRIDE = "override"
    CONCERN = "concern"
    ESCALATION = "escalation"
    ASSURANCE = "assurance"
    AGREEMENT = "agreement"
    RIGHTS = "rights_request"
    EMERGENCY = "emergency"


class Role(StrEnum):
    """What an account may be in one organisation."""

    LINK_WORKER = "link_worker"
    TEAM_LEAD = "team_lead"
    PROVIDER_LEADER = "provider_leader"
    SAFEGUARDING_LEAD = "safeguarding_lead"
    GOVERNANCE_LEAD = "governance_lead"
    INFORMATION_GOVERNANCE_LEAD = "information_governance_lead"
    ACCOUNTABLE_OFFICER = "accountable_officer"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    COMMISSIONER = "commissioner"
    PERSON = "person"
    SYSTEM = "system"


class Relation(StrEnum):
    """Facts about an actor and one record, beside the role."""

    NAMED = "named"  # the link worker on the record
    STAND_IN = "stand_in"  # their team lead while they are away, gone or implicated
    ADDRESSED = "addressed"  # a leader of the provider addressed
    OVER = "over"  # answers for the record's organisation or place
    SELF = "self"  # the person it is about
    HOLDER = "holder"  # holds the concern at its present rung
    LADDER = "ladder"  # a higher rung of the safeguarding ladder
    STAFF = "staff"  # anyone on staff
    REVIEWER = "reviewer"  # reviews at the escalation's present level
    RAISER = "raiser"  # raised it, or acts on the record that did
    ASKED = "asked"  # has been asked a question
    OWN_PROVIDER = "own_provider"  # a leader of the provider assured
    SIGNATORY = "signatory"  # may sign for a party
    SYSTEM = "system"  # the system with a named cause


class ReferralState(StrEnum):
    DRAFT = "draft"
    SENT = "sent"
    QUERIED = "queried"
    WAITING = "waiting"
    ACCEPTED = "accepted"
    ACTIVE = "active"
    PAUSED = "paused"
    RETURNED = "returned"
    COMPLETED = "completed"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    REDIRECTED = "redirected"
    IN_ERROR = "in_error"


class ConsentState(StrEnum):
    ASKED = "asked"
    GIVEN = "given"
    EXPIRED = "expired"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class OverrideState(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    ENDED = "ended"
    REFUSED = "refused"
    REVIEWED = "reviewed"


class ConcernState(StrEnum):
    RAISED = "raised"
    UNDER_REVIEW = "under_review"
    REPORTED = "reported"
    ENQUIRY = "enquiry"
    MONITORING = "monitoring"
    CLOSED = "closed"


class ComplaintTopic(StrEnum):
    """With whom or what somebody is unhappy, where they complain of no activity."""

    WORKER = "worker"  # the person's own link worker
    TEAM = "team"
    INFORMATION = "information"  # how it is used
    OTHER = "other"


class EscalationState(StrEnum):
    RAISED = "raised"
    IN_REVIEW = "in_review"
    INFORMATION_REQUESTED = "information_requested"
    DECIDED = "decided"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class AssuranceState(StrEnum):
    APPLIED = "applied"
    IN_REVIEW = "in_review"
    ASSURED = "assured"
    CONDITIONAL = "conditional"
    SUSPENDED = "suspended"
    LAPSED = "lapsed"
    REFUSED = "refused"
    LEFT = "left"


class EmergencyState(StrEnum):
    OPENED = "opened"
    UNDER_REVIEW = "under_review"
    REVIEWED = "reviewed"


class AgreementState(StrEnum):
    DRAFTED = "drafted"
    IN_FORCE = "in_force"
    EXPIRED = "expired"
    ENDED = "ended"


class RightsState(StrEnum):
    RECEIVED = "received"
    IDENTITY_CHECKED = "identity_checked"
    IN_PROGRESS = "in_progress"
    ASKED = "asked"
    FULFILLED = "fulfilled"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


R = ReferralState
WITH_PROVIDER = frozenset({R.SENT, R.QUERIED, R.WAITING, R.ACCEPTED, R.ACTIVE, R.PAUSED})
TAKING_PART = frozenset({R.ACCEPTED, R.ACTIVE, R.PAUSED})
REFERRAL_ENDS = frozenset({R.CLOSED, R.WITHDRAWN, R.REDIRECTED, R.IN_ERROR})
REFERRAL_OPEN = frozenset(R) - REFERRAL_ENDS
# What an answer of the person still counts for: the provider hasn't finished, or may get it again.
UNFINISHED = REFERRAL_OPEN - {R.COMPLETED}
# Another referral of the person to this activity that stands in the way of sending one.
DUPLICATES = WITH_PROVIDER | {R.RETURNED, R.COMPLETED}

# An alarm that is no longer needed once the move that was late is made.
OVERTAKABLE = frozenset(
    {EscalationState.RAISED, EscalationState.IN_REVIEW, EscalationState.INFORMATION_REQUESTED}
)

STATES: dict[Noun, type[StrEnum]] = {
    Noun.REFERRAL: ReferralState,
    Noun.CONSENT: ConsentState,
    Noun.OVERRIDE: OverrideState,
    Noun.CONCERN: ConcernState,
    Noun.ESCALATION: EscalationState,
    Noun.ASSURANCE: AssuranceState,
    Noun.AGREEMENT: AgreementState,
    Noun.RIGHTS: RightsState,
    Noun.EMERGENCY: EmergencyState,
}
ENDS: dict[Noun, frozenset[StrEnum]] = {
    Noun.REFERRAL: frozenset(REFERRAL_ENDS),
    Noun.CONSENT: frozenset({ConsentState.REFUSED, ConsentState.WITHDRAWN}),
    Noun.OVERRIDE: frozenset({OverrideState.REFUSED, OverrideState.REVIEWED}),
    Noun.CONCERN: frozenset({ConcernState.CLOSED}),
    Noun.ESCALATION: frozenset({EscalationState.CLOSED, EscalationState.WITHDRAWN}),
    Noun.ASSURANCE: frozenset({AssuranceState.REFUSED, AssuranceState.LEFT}),
    Noun.AGREEMENT: frozenset(),
    Noun.RIGHTS: frozenset({RightsState.FULFILLED, RightsState.REFUSED, RightsState.WITHDRAWN}),
    Noun.EMERGENCY: frozenset({EmergencyState.REVIEWED}),
}


class HoldCause(StrEnum):
    """Why a referral stands still. Shown to nobody who has no need to know."""

    CONCERN = "concern"
    HOSPITAL = "hospital"
    PERSON_ASKED = "person_asked"
    RECORDS = "records"  # records being put right: a full hold


class RightsKind(StrEnum):
    """What a person may ask for about their own data."""

    ACCESS = "access"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    RESTRICTION = "restriction"
    OBJECTION = "objection"


class Purpose(StrEnum):
    SHARE_WITH_PROVIDER = "share_with_provider"
    TELL_PRACTICE = "tell_practice"
    CONTACT = "contact"
    EVALUATION = "evaluation"


class Basis(StrEnum):
    AGREEMENT = "agreement"  # the person's own
    BEST_INTERESTS = "best_interests"
    PARENTAL = "parental"
    GILLICK = "gillick"


def listed(*names: str) -> str:
    """`'a','b'`, in a fixed order, for a literal predicate shared by an index and its queries."""
    return ",".join(f"'{name}'" for name in sorted(names))
