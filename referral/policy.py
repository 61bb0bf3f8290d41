"""The numbers and lists that places may differ in, asked for by kind, place and time.

What is shipped here is an example. A place's own rules are rows with from-dates
(`referral.policies`): the nearest place up the tree answers, then the system (its root place), then
the shipped example. Rows are only ever added and never reach back, so any past day can be read.

Asking costs no statement: each place carries the id of the newest rule of its system, the facts
read it with the rest, and the rules as they stood at that id are kept in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

from referral.store import Sql, Tx

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
    "emergency.opened_minutes": 60,
    "emergency.under_review": 1,
    "hold.most": 20,
    "concern.raised": 1,
    "concern.raised.danger_hours": 1,
    "concern.under_review": 1,
    "concern.reported": 2,
    "concern.reported.child": 1,
    "concern.enquiry": 20,
    "concern.monitoring": 30,
    "escalation.raised": 2,
    "escalation.in_review": 5,
    "escalation.information_requested": 3,
    "escalation.decided": 5,
    # A professional disagreement has stages: the first is the two of them, before it is raised.
    "escalation.raised.disagreement": 1,
    "escalation.in_review.stage_2": 2,
    "escalation.in_review.stage_3": 5,
    "escalation.in_review.stage_4": 10,
    "assurance.applied": 10,
    "assurance.in_review": 20,
    "assurance.suspended": 20,
    "assurance.lapsed": 20,
    "assurance.grace": 10,
    "agreement.drafted": 20,
    "agreement.ended": 20,
    "rights_request.received": 5,
    "rights_request.identity_checked": 5,
    "rights_request.asked": 10,
    "confirmation": 5,
    "announcement.unread": 3,
    "access.unused_calendar_days": 90,
    "left_at_least": 1,
    "answer_at_least": 2,
    "escalation.reopen_within": 20,
}
CONSENT_MONTHS = 12
# How many years a record of each class is kept after its newest entry; for a child, until which
# birthday. Examples to be confirmed by the organisation that deploys this. Sources: Blackpool
# Council (case record including safeguarding 8 years after the end of care, first contact only 2);
# NHS Records Management Code of Practice, appendix II (children until the 25th birthday, or the
# 26th if 17 at the end; complaints 10 years).
YEARS: dict[str, int] = {
    "contact_only": 2,
    "case": 8,
    "safeguarding": 8,
    "child": 25,
    "child_at_17": 26,
    "complaint": 10,
}

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
    "professional_disagreement": 3,
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
    "referral.call": (
        "reached",
        "left_message",
        "no_answer",
        "wrong_number",
        "provider_reached",
        "provider_no_answer",
    ),
    "referral.try_contact": ("no_answer", "left_message", "wrong_number"),
    "referral.mark_in_error": ("wrong_person", "duplicate", "wrong_activity", "other"),
    "consent.withdraw": ("person_said_no", "not_said"),
    "override.refuse": ("not_necessary", "too_much", "ask_the_person_first", "other"),
    "override.end": ("person_agreed", "danger_over", "no_longer_needed", "other"),
    "emergency.open": ("danger_now", "team_not_reached", "person_asks", "other"),
    # Who is told at once that a record was opened: roles that answer for the person's team.
    "emergency.told": ("team_lead", "safeguarding_lead"),
    # What the person is told of who looked at their record.
    "looks.shown": ("role", "organisation"),
    "concern.close": ("advice", "no_further_action", "plan_done"),
    "concern.reopen": ("new_information", "closed_in_error"),
    "escalation.climb": ("needs_higher", "not_resolved"),
    "escalation.reopen": ("disagree",),
    "escalation.waive": ("no_longer_needed", "done_otherwise"),
    "assurance.suspend": ("quality", "safety", "evidence", "other"),
    "assurance.refuse": ("standards_not_met", "evidence_missing", "other"),
    "assurance.leave": ("closed_down", "own_choice", "other"),
    "agreement.end": ("breach", "not_needed", "other"),
    "rights_request.extend": ("complex", "many_requests"),
    "rights_request.refuse": (
        "law_keeps_it",
        "legal_claims",
        "serious_harm",
        "about_others",
        "nothing_held",
        "unfounded",
        "excessive",
        "other",
    ),
}

# Evidence by tier: kind -> does it stop new referrals when out of date (examples).
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


# Numbers that no place changes: they belong to the arithmetic of clocks, or are counted for all
# places in one look.
FIXED = frozenset({"left_at_least", "answer_at_least", "confirmation"})
# Reasons the program itself gives: no list goes without them.
KEPT: Mapping[str, frozenset[str]] = {
    "referral.recall": frozenset({"provider_stopped"}),
    "referral.withdraw": frozenset({"died", "person_asked"}),
}
# Lists that are chosen from these alone.
CHOSEN: Mapping[str, frozenset[str]] = {
    "emergency.told": frozenset({"team_lead", "safeguarding_lead", "governance_lead"}),
    "looks.shown": frozenset({"role", "organisation", "name"}),
}
# Lists no place changes: they say whose decision it was.
FIXED_REASONS = frozenset({"consent.withdraw", "referral.call", "referral.try_contact"})


def days(kind: str) -> int:
    """The shipped number, for what no place changes and for printing."""
    return DAYS[kind]


def reasons(kind: str) -> tuple[str, ...]:
    """The shipped reasons that may be given with a move."""
    return REASONS[kind]


# -- the kinds of rule --------------------------------------------------------------------------

Shipped = Mapping[str, Any]
NOUN = "policy"


def shipped() -> dict[str, Shipped]:
    """The shipped example of every rule a place may make, by kind and name."""
    return {
        "days": {name: days for name, days in DAYS.items() if name not in FIXED},
        "months": {"consent": CONSENT_MONTHS},
        "years": dict(YEARS),
        "ceiling": dict(CEILINGS),
        "reasons": {
            name: [{"code": code} for code in codes]
            for name, codes in REASONS.items()
            if name not in FIXED_REASONS
        },
        "evidence": {
            tier: [{"code": code} for code in codes] for tier, codes in EVIDENCE_BY_TIER.items()
        },
        "blocks": dict(EVIDENCE),
    }


def shipped_text() -> str:
    """The shipped examples as text, a line each: kept in the store beside the tables of moves, so
    that what a past release shipped can still be read."""
    lines = [
        f"{kind} {name} {json.dumps(value, sort_keys=True)}"
        for kind, found in shipped().items()
        for name, value in found.items()
    ]
    return "\n".join([NOUN, *lines]) + "\n"


def shipped_in(text: str) -> dict[tuple[str, str], Any]:
    """The examples of a kept text, by kind and name."""
    found = {}
    for line in text.splitlines()[1:]:
        kind, name, value = line.split(" ", 2)
        found[kind, name] = json.loads(value)
    return found


class Rule(NamedTuple):
    """One rule as it was made."""

    id: str
    number: int
    place_id: str
    kind: str
    name: str
    value: Any
    from_at: datetime
    set_at: datetime
    set_by: str | None
    because: str | None
    takes_back_id: str | None
    change_id: str | None


class Book:
    """All rules of one system as they stood at one of them."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = tuple(rules)
        taken_back = {rule.takes_back_id for rule in self.rules if rule.takes_back_id}
        self.taken_back = frozenset(taken_back)
        self._by_item: dict[tuple[str, str], dict[str, list[Rule]]] = {}
        self.standing = tuple(
            rule for rule in self.rules if rule.takes_back_id is None and rule.id not in taken_back
        )
        for rule in self.standing:
            places = self._by_item.setdefault((rule.kind, rule.name), {})
            places.setdefault(rule.place_id, []).append(rule)
        for places in self._by_item.values():
            for found in places.values():
                found.sort(key=lambda rule: (rule.from_at, rule.number), reverse=True)

    @cached_property
    def reason_words(self) -> dict[str, str]:
        """A place's own words for reasons of its own, whatever became of the list since."""
        return {
            item["code"]: item["says"]
            for rule in self.rules
            if rule.kind == "reasons" and rule.value is not None
            for item in rule.value
            if item.get("says")
        }

    def names(self, kind: str) -> Iterator[str]:
        """The names of this kind that have a rule somewhere."""
        return (name for of, name in self._by_item if of == kind)

    def at_place(self, kind: str, name: str, place_id: str) -> list[Rule]:
        """The rules a place has made for this item and not taken back, the newest from-date
        first."""
        return self._by_item.get((kind, name), {}).get(place_id, [])

    def in_force(self, kind: str, name: str, path: str, at: datetime) -> Rule | None:
        """The rule of the nearest place up the tree at this time; None for the shipped example."""
        places = self._by_item.get((kind, name))
        if places is None:
            return None
        for place_id in reversed(path.strip("/").split("/")):
            for rule in places.get(place_id, ()):
                if rule.from_at <= at:
                    if rule.value is not None:
                        return rule
                    break  # this place goes by what holds above it
        return None


EMPTY = Book()
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is in force in one place at one time."""

    book: Book
    path: str
    at: datetime

    def on(self, at: datetime) -> Rules:
        """The same place at another time."""
        return self if self.book is EMPTY else Rules(self.book, self.path, at)

    def rule(self, kind: str, name: str) -> Rule | None:
        """The rule in force; None where the shipped example is."""
        return self.book.in_force(kind, name, self.path, self.at)

    def days(self, name: str) -> int:
        """A clock's length: working days, or hours where its name says so."""
        found = None if self.book is EMPTY or name in FIXED else self.rule("days", name)
        return DAYS[name] if found is None else int(found.value)

    def years(self, name: str) -> int:
        """For how many years a record of this class is kept, or until which birthday."""
        found = None if self.book is EMPTY else self.rule("years", name)
        return YEARS[name] if found is None else int(found.value)

    def consent_months(self) -> int:
        """For how many months an agreement holds where no other date is given."""
        found = self.rule("months", "consent")
        return CONSENT_MONTHS if found is None else int(found.value)

    def ceiling(self, kind: str) -> int:
        """The highest level an escalation of this kind climbs to."""
        found = self.rule("ceiling", kind)
        return CEILINGS[kind] if found is None else int(found.value)

    def reasons(self, name: str) -> tuple[str, ...]:
        """The reason codes that may be given with a move."""
        found = self.rule("reasons", name)
        return REASONS[name] if found is None else codes_of(found.value)

    def evidence(self, tier: str) -> tuple[str, ...]:
        """The kinds of evidence asked of a provider of this tier."""
        found = self.rule("evidence", tier)
        return EVIDENCE_BY_TIER[tier] if found is None else codes_of(found.value)

    def evidence_kinds(self) -> tuple[str, ...]:
        """Every kind of evidence that can be kept: the shipped ones and the place's own."""
        kinds = dict.fromkeys(EVIDENCE)
        for tier in EVIDENCE_BY_TIER:
            kinds.update(dict.fromkeys(self.evidence(tier)))
        return tuple(kinds)

    def blocks(self, kind: str) -> bool:
        """Whether evidence of this kind, once out of date, stops new referrals."""
        found = self.rule("blocks", kind)
        return EVIDENCE.get(kind, False) if found is None else bool(found.value)

    def words(self, kind: str, name: str) -> dict[str, str]:
        """A place's own words for the codes of a list."""
        found = self.rule(kind, name)
        value = () if found is None else found.value
        return {item["code"]: item["says"] for item in value if item.get("says")}


def codes_of(value: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """The codes of a list as it is stored."""
    return tuple(item["code"] for item in value)


SHIPPED = Rules(EMPTY, "", _NEVER)

# -- reading them -------------------------------------------------------------------------------

RULES = Sql(
    "SELECT id, number, place_id, kind, name, value, from_at, set_at, set_by, because,"
    " takes_back_id, change_id FROM policy_rule WHERE system_id ="
    " (SELECT system_id FROM policy_rule WHERE id = :id)"
    " AND number <= (SELECT number FROM policy_rule WHERE id = :id) ORDER BY number",
    times=(6, 7),
)
STANDING = Sql(
    "SELECT pl.policy, pl.path FROM organisation o JOIN place pl ON pl.id = o.place_id"
    " WHERE o.id = :id"
)
OF_PLACE = Sql("SELECT policy, path FROM place WHERE id = :id AND system_id = :system_id")
MOST_BOOKS = 64
# By the id of the newest rule: what it names never changes, in any transaction or store.
_books: dict[str, Book] = {}


def rules_at(tx: Tx, newest: str | None, path: str, at: datetime) -> Rules:
    """What is in force at a place, which the id of its system's newest rule is known of."""
    return SHIPPED if newest is None else Rules(book(tx, newest), path, at)


def book(tx: Tx, newest: str | None) -> Book:
    """The rules as they stood at this one."""
    if newest is None:
        return EMPTY
    found = _books.get(newest)
    if found is None:
        rows = tx.rows(RULES, id=newest)
        found = Book(Rule._make(as_read(row)) for row in rows)
        if len(_books) >= MOST_BOOKS:
            _books.clear()
        _books[newest] = found
    return found


def as_read(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The columns of a rule, its value as it was given."""
    return (*row[:5], None if row[5] is None else json.loads(row[5]), *row[6:])


def rules_of(tx: Tx, organisation_id: str, at: datetime) -> Rules:
    """What is in force where this organisation works."""
    row = tx.row(STANDING, id=organisation_id)
    return SHIPPED if row is None else rules_at(tx, row[0], row[1], at)


def rules_in(tx: Tx, system_id: str, place_id: str, at: datetime) -> Rules | None:
    """What is in force in a place; None if the system has no such place."""
    row = tx.row(OF_PLACE, id=place_id, system_id=system_id)
    return None if row is None else Rules(book(tx, row[0]), row[1], at)
