"""Every table, gathered: importing this makes the metadata whole."""

from referral.activities import Activity, ActivityGroup, Provider
from referral.agreements import Agreement, AgreementParty
from referral.announcements import Announcement, AnnouncementReader
from referral.assurance import Assurance, Evidence
from referral.beginnings import Beginning
from referral.blackouts import Blackout
from referral.capacity import CapacityAssessment
from referral.clocks import BankHoliday, Clock
from referral.concerns import AuthorityCall, Concern, ConcernSource, Hold
from referral.consent import Consent, Override, Wording
from referral.dispatches import Dispatch
from referral.documents import Document
from referral.emergencies import Emergency
from referral.equality import EqualityAnswer
from referral.errands import Errand
from referral.escalations import Consequence, Escalation
from referral.keeping import LegalHold, RetentionReview
from referral.links import Link
from referral.log import (
    Audit,
    AuditDetail,
    AuditIndex,
    Confirmation,
    DataKey,
    Erasure,
    Idempotency,
    MoveTable,
    Notice,
    Outbox,
    Restored,
    Step,
)
from referral.messages import Message, MessageRead
from referral.organisations import (
    ApiToken,
    ExternalId,
    LadderRung,
    Membership,
    Organisation,
    Place,
    RecoveryCode,
    SecondStep,
    SignIn,
    SignInTry,
    System,
    User,
)
from referral.people import Note, Person, Plan
from referral.policies import PolicyChange, PolicyComment, PolicyRule
from referral.postcodes import AreaEdition, AreaTenth, Postcode
from referral.preferences import Preference
from referral.raised_outside import RaisedOutside
from referral.referrals import Attendance, Referral
from referral.relationships import Relationship
from referral.reminders import Reminder
from referral.residents import Residents
from referral.rights import Correction, RightsPart, RightsRequest
from referral.rotas import Authority, RotaLine
from referral.saved_views import SavedView
from referral.schema import Base
from referral.scores import Score
from referral.tallies import Tallied, Tally
from referral.themes import EscalationTheme, Theme
from referral.tree import AuditCheck, AuditCheckpoint, AuditCosignature, AuditDuty, AuditNode

__all__ = [
    "Activity",
    "ActivityGroup",
    "Agreement",
    "AgreementParty",
    "Announcement",
    "AnnouncementReader",
    "ApiToken",
    "AreaEdition",
    "AreaTenth",
    "Assurance",
    "Attendance",
    "Audit",
    "AuditCheck",
    "AuditCheckpoint",
    "AuditCosignature",
    "AuditDetail",
    "AuditDuty",
    "AuditIndex",
    "AuditNode",
    "Authority",
    "AuthorityCall",
    "BankHoliday",
    "Base",
    "Beginning",
    "Blackout",
    "CapacityAssessment",
    "Clock",
    "Concern",
    "ConcernSource",
    "Confirmation",
    "Consent",
    "Consequence",
    "Correction",
    "DataKey",
    "Dispatch",
    "Document",
    "Emergency",
    "EqualityAnswer",
    "Erasure",
    "Errand",
    "Escalation",
    "EscalationTheme",
    "Evidence",
    "ExternalId",
    "Hold",
    "Idempotency",
    "LadderRung",
    "LegalHold",
    "Link",
    "Membership",
    "Message",
    "MessageRead",
    "MoveTable",
    "Note",
    "Notice",
    "Organisation",
    "Outbox",
    "Override",
    "Person",
    "Place",
    "Plan",
    "PolicyChange",
    "PolicyComment",
    "PolicyRule",
    "Postcode",
    "Preference",
    "Provider",
    "RaisedOutside",
    "RecoveryCode",
    "Referral",
    "Relationship",
    "Reminder",
    "Residents",
    "Restored",
    "RetentionReview",
    "RightsPart",
    "RightsRequest",
    "RotaLine",
    "SavedView",
    "Score",
    "SecondStep",
    "SignIn",
    "SignInTry",
    "Step",
    "System",
    "Tallied",
    "Tally",
    "Theme",
    "User",
    "Wording",
]
