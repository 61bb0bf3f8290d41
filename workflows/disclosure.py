"""Which fields of a referral, of its person and of a plan somebody sees. Pure.

What is shown is the intersection of role, stage, agreement, consent or override, and hold. It is an
allow-list by name: a field nobody listed is seen by nobody but those who hold the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from referral.states import TAKING_PART, Role
from referral.states import ReferralState as S
from workflows.guards import of_a_hold
from workflows.working_time import local_day

AFTERWARDS = timedelta(days=30)

REFERENCE = frozenset({"reference"})
# What the two sides must know of any referral to speak of it: no word about the person.
DATES = REFERENCE | {
    "state",
    "since",
    "sent_at",
    "completed_at",
    "provider",
    "activity",
    "group",
    "link_worker",
    "team",
    "team_phone",
}
# Enough to say whether there is a fitting place.
ASKED = DATES | {
    "first_name",
    "age_band",
    "area",
    "what_matters",
    "goals",
    "needs",
    "access",
    "access_needs",
    "interpreter",
    "call_before",
    "safety_answers",
    "urgent",
    "reason",
    "expected_date",
    "notes",
    "messages",
}
# Who the person is, how to reach them, and what keeps everybody safe.
CONTACT = frozenset(
    {
        "name",
        "phone",
        "email",
        "address",
        "postcode",
        "contact_method",
        "contact_times",
        "through_name",
        "through_phone",
        "message_safe",
        "language",
    }
)
CARE = frozenset({"first_name", "name", "emergency_contact", "safety_notes"})
CARE_CARD = DATES | CARE
PLACE_GIVEN = ASKED | CONTACT | CARE | {"risks", "contacted_at", "paused_until", "attendance",
                                        "outcome", "summary", "documents"}  # fmt: skip
UNDER_FULL_HOLD = REFERENCE | {"first_name", "held"}
# "Call the link worker's team" is said to a provider: whom, and at which number, belongs to it.
WHOM_TO_CALL = frozenset({"team", "team_phone"})

# Who holds the person's record sees what is kept about them and this referral.
OWN_SIDE = PLACE_GIVEN | {
    "birth_date",
    "age",
    "nhs_number",
    "no_nhs_number",
    "practice",
    "alternatives",
    "redirected_from",
    "redirected_to",
    "consent",
    "own_notes",
    "died_on",
    "died_about",
    "death_said_by",
}
# Who answers for a place judges how it went; they don't get in touch with the person.
OVERSIGHT = ASKED | {
    "name",
    "risks",
    "contacted_at",
    "paused_until",
    "attendance",
    "outcome",
    "redirected_from",
    "redirected_to",
    "consent",
    "documents",
}
THE_PERSON = (PLACE_GIVEN | {"birth_date", "age", "nhs_number", "practice", "consent"}) - {
    "safety_notes",
    "messages",
    "documents",
}
HELD_TOO = frozenset({"held"})

BEFORE_A_PLACE = frozenset({S.SENT, S.QUERIED, S.WAITING})
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Situation:
    """What disclosure rests on, for one actor and one referral.

    `consent`: in force now. `taken_back`: the newest answer is a no. `override`: the fields an
    override in force lists; None without one. `agreement`: in force between the two organisations.
    `held`: any hold reaches it. `closed`: a full hold closes it to this actor."""

    role: Role
    state: str
    at: datetime
    completed_at: datetime | None = None
    consent: bool = False
    taken_back: bool = False
    override: frozenset[str] | None = None
    agreement: bool = False
    held: bool = False
    closed: bool = False


def fields(s: Situation) -> frozenset[str]:
    """The names of the fields this actor sees. Empty: the record isn't there for them. Whether it
    is within their scope at all was settled before."""
    seen = _by_role(s)
    if not seen:
        return NOTHING
    if s.closed:
        leader = s.role is Role.PROVIDER_LEADER
        left = UNDER_FULL_HOLD | WHOM_TO_CALL if leader else UNDER_FULL_HOLD
        return (seen | HELD_TOO) & left
    return seen | HELD_TOO if s.held else seen


def _by_role(s: Situation) -> frozenset[str]:
    if s.role in (Role.LINK_WORKER, Role.TEAM_LEAD, Role.SAFEGUARDING_LEAD):
        return OWN_SIDE
    if s.role in (Role.GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER):
        return OVERSIGHT
    if s.role is Role.PERSON:
        return THE_PERSON
    if s.role is Role.PROVIDER_LEADER:
        return _provider(s)
    return NOTHING


def _provider(s: Situation) -> frozenset[str]:
    if s.state in (S.DRAFT, S.IN_ERROR):
        return NOTHING
    stage = _stage(s)
    if s.consent:
        ground = stage
    elif s.override is not None:
        # What it lists, beside what they would see had there been none.
        before = REFERENCE if s.taken_back else _without_ground(s, stage)
        ground = stage & (DATES | s.override) | before
    elif s.taken_back:
        return REFERENCE
    else:
        ground = _without_ground(s, stage)
    return ground if s.agreement else ground & _without_ground(s, stage)


def _stage(s: Situation) -> frozenset[str]:
    if s.state in BEFORE_A_PLACE:
        return ASKED
    if s.state in TAKING_PART:
        return PLACE_GIVEN
    recent = s.completed_at is not None and s.at < s.completed_at + AFTERWARDS
    return PLACE_GIVEN if s.state in (S.COMPLETED, S.CLOSED) and recent else DATES


def _without_ground(s: Situation, stage: frozenset[str]) -> frozenset[str]:
    """Paper puts nobody out: those taking part keep what keeps them safe."""
    return stage & (CARE_CARD if s.state in TAKING_PART else DATES)


def hold_sentence(s: Situation) -> str | None:
    """The one sentence of every hold, whatever its cause: one for the team that holds the person,
    one for all others. None where nothing is held for this actor."""
    return of_a_hold(s.role).why if s.held or s.closed else None


# -- people -------------------------------------------------------------------------------------

PERSON_ROLES = frozenset({Role.LINK_WORKER, Role.TEAM_LEAD, Role.SAFEGUARDING_LEAD})


def person_fields(role: Role, closed: bool) -> frozenset[str]:
    """The fields of a person's own record, within the team that holds them."""
    if role not in PERSON_ROLES:
        return NOTHING
    return UNDER_FULL_HOLD if closed else OWN_SIDE


# -- what is made of the fields -----------------------------------------------------------------


def first_name(given_name: str) -> str:
    """The first of the given names."""
    return given_name.split(" ")[0] if given_name else ""


def area(postcode: str | None) -> str | None:
    """The postcode's district, which is what "area" means before a place is given."""
    if not postcode:
        return None
    district = postcode.split(" ")[0]
    return None if district == "ZZ99" else district


def age(
    born: date | None, at: datetime, died: date | None = None, about: str | None = None
) -> int | None:
    """How old somebody is on this day in London, or was on the day they died; None where that day
    is known too little to tell."""
    if born is None or about == "not_known":
        return None
    if about == "month" and died is not None:
        first, last = age(born, at, died.replace(day=1)), age(born, at, died)
        return first if first == last else None
    today = died or local_day(at)
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def age_band(
    born: date | None, at: datetime, died: date | None = None, about: str | None = None
) -> str | None:
    """Ten years wide, and no narrower at the ends: under_18, 18_29, 30_39 ... 90_over."""
    years = age(born, at, died, about)
    if years is None:
        return None
    if years < 18:
        return "under_18"
    if years >= 90:
        return "90_over"
    return "18_29" if years < 30 else f"{years // 10 * 10}_{years // 10 * 10 + 9}"


def derived(record: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The record with the fields that are made of others."""
    given, family = record.get("given_name") or "", record.get("family_name") or ""
    life = record.get("birth_date"), at, record.get("died_on"), record.get("died_about")
    return {
        **record,
        "first_name": first_name(given),
        "name": f"{given} {family}".strip(),
        "area": area(record.get("postcode")),
        "age": age(*life),
        "age_band": age_band(*life),
    }


def shown(record: Mapping[str, Any], s: Situation) -> dict[str, Any]:
    """The fields of a referral (with its person's) that this actor sees, and no others. `held` is
    the sentence of the hold, where there is one."""
    names = fields(s)
    whole = derived(record, s.at)
    found = {name: whole[name] for name in names if name in whole and name != "held"}
    sentence = hold_sentence(s)
    if sentence is not None and "held" in names:
        found["held"] = sentence
    return found


def shown_person(
    record: Mapping[str, Any], role: Role, at: datetime, closed: bool, held: bool = False
) -> dict[str, Any]:
    """The fields of a person that this actor sees, and no others."""
    names = person_fields(role, closed)
    whole = derived(record, at)
    found = {name: whole[name] for name in names if name in whole and name != "held"}
    if names and (closed or held):
        found["held"] = of_a_hold(role).why
    return found


def known_as(seen: Mapping[str, Any]) -> str:
    """How the viewer knows the person: their name, their first name, or only the reference."""
    return str(seen.get("name") or seen.get("first_name") or seen.get("reference") or "")
