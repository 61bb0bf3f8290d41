"""The product state: a frozen picture of the records that matter to the machines, and the facts
the guards see in it.

Nothing here decides. A record keeps what some guard, hat, pick, clock or invariant reads, and no
more. Every time is one of five moments, so that a date that passes is a change of state."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple, cast

from referral import facts, ladder
from referral.actors import Actor, the_system
from referral.clocks import member_key, role_key
from referral.ladder import Barred
from referral.organisations import REVIEWING
from referral.policy import CEILINGS, SHIPPED
from referral.states import (
    DUPLICATES,
    ENDS,
    OVERTAKABLE,
    REFERRAL_OPEN,
    TAKING_PART,
    UNFINISHED,
    WITH_PROVIDER,
    Noun,
    Purpose,
    Role,
)
from referral.store import Tx

AT = datetime(2026, 5, 12, 9, tzinfo=UTC)
JUST_PASSED = AT - timedelta(minutes=1)
LONG_AGO = AT - timedelta(days=90)
FAR_OFF = AT + timedelta(days=300)

# -- who there is ---------------------------------------------------------------------------------

SYSTEM_ID = "saltmarsh"
PATHS = {"root": "/root", "harbour": "/root/harbour", "fen": "/root/fen"}
PLACE_OF = {
    "ash": "/root/harbour",
    "singers": "/root/harbour",
    "clay": "/root/harbour",
    "fenside": "/root/fen",
    "harbour_board": "/root/harbour",
    "fen_board": "/root/fen",
    "board": "/root",
}
SHARING = Purpose.SHARE_WITH_PROVIDER


def _member(name: str, role: Role, organisation: str, place: str | None = None) -> Actor:
    return Actor(
        role=role,
        system_id=SYSTEM_ID,
        membership_id=name,
        user_id=name,
        organisation_id=organisation,
        place_id=place,
        place_path=PATHS[place] if place else None,
    )


def _person(name: str) -> Actor:
    return Actor(role=Role.PERSON, system_id=SYSTEM_ID, person_id=name)


# One of each kind that a table can tell apart. Two who differ in nothing any hat, guard or pick
# compares (role, organisation, place, being named somewhere) can do the same from every state, so
# one of them stands for all: `docs/prove.md`, "What is left out, and why that is sound".
CAST: dict[str, Actor] = {
    "priya": _member("priya", Role.LINK_WORKER, "ash"),
    "sam": _member("sam", Role.LINK_WORKER, "ash"),
    "olu": _member("olu", Role.LINK_WORKER, "fenside"),
    "tess": _member("tess", Role.TEAM_LEAD, "ash"),
    "tara": _member("tara", Role.TEAM_LEAD, "ash"),
    "gwen": _member("gwen", Role.SAFEGUARDING_LEAD, "ash"),
    "sol": _member("sol", Role.PROVIDER_LEADER, "singers"),
    "rae": _member("rae", Role.PROVIDER_LEADER, "singers"),
    "kit": _member("kit", Role.PROVIDER_LEADER, "clay"),
    "grace": _member("grace", Role.GOVERNANCE_LEAD, "harbour_board", "harbour"),
    "paul": _member("paul", Role.SAFEGUARDING_LEAD, "harbour_board", "harbour"),
    # The same human with another membership: two people must be two humans.
    "paul in another role": replace(
        _member("paul too", Role.GOVERNANCE_LEAD, "harbour_board", "harbour"), user_id="paul"
    ),
    "fred": _member("fred", Role.GOVERNANCE_LEAD, "fen_board", "fen"),
    "gail": _member("gail", Role.GOVERNANCE_LEAD, "board", "root"),
    "seth": _member("seth", Role.SAFEGUARDING_LEAD, "board", "root"),
    "ingrid": _member("ingrid", Role.INFORMATION_GOVERNANCE_LEAD, "board", "root"),
    "amara": _member("amara", Role.ACCOUNTABLE_OFFICER, "board", "root"),
    "ada": _member("ada", Role.ADMINISTRATOR, "board", "root"),
    "art": _member("art", Role.AUDITOR, "board", "root"),
    "cora": _member("cora", Role.COMMISSIONER, "board", "root"),
    "margaret": _person("margaret"),
    "ben": _person("ben"),
    "system": the_system(SYSTEM_ID, "explored"),
}
LINK_WORKERS = ("priya", "sam")
ORGANISATION = {name: actor.organisation_id for name, actor in CAST.items()}


class Posts:
    """Stands for the store where the ladders ask who holds which post, and which rungs are set."""

    def rows(self, _: Any, **asked: Any) -> list[tuple[Any, ...]]:
        return [
            ("post", a.role, a.organisation_id, a.place_id or "", a.user_id, a.membership_id, 0, 0)
            for a in CAST.values()
            if (a.organisation_id == asked["org"] and a.role in REVIEWING)
            or (a.place_id in (asked["place"], asked["root"]) and a.role in REVIEWING)
        ]


POSTS = cast(Tx, Posts())


@cache
def rungs(organisation: str) -> ladder.Ladder:
    """The ladder of reviews of this organisation, by the engine's own reading."""
    return ladder.ladder(POSTS, SYSTEM_ID, organisation, PLACE_OF[organisation], AT)


@cache
def reviewer(
    organisation: str, level: int, ceiling: int, excluding: str | None = None
) -> tuple[int, str]:
    """Who reviews at this level."""
    return rungs(organisation).review(level, ceiling, excluding)


@cache
def safeguarding(organisation: str, rung: int, sources: frozenset[str]) -> tuple[int, str]:
    """Who holds a concern at this rung, by the engine's own ladder."""
    named = Barred(sources & CAST.keys(), sources & PLACE_OF.keys())
    return ladder.safeguarding(
        POSTS, SYSTEM_ID, organisation, PLACE_OF[organisation], rung, named, AT
    )


# -- what there is --------------------------------------------------------------------------------
# `owner` is who owns the running clock of the state, or "". `mark` is how many of its marks have
# come, where a slice counts them.


class Referral(NamedTuple):
    state: str
    person: str = "margaret"
    provider: str = "singers"
    worker: str = "priya"
    sent: bool = False
    redirected: bool = False
    long: str = ""  # who owns the running "not started" clock
    long_mark: int = 0
    owner: str = ""
    mark: int = 0


class Consent(NamedTuple):
    state: str
    person: str = "margaret"
    recipient: str = "singers"
    purpose: str = SHARING
    worker: str = "priya"
    ran_out: bool = False
    last: bool = False  # the newest answer to its question
    owner: str = ""
    mark: int = 0


class Override(NamedTuple):
    state: str
    person: str = "margaret"
    recipient: str = "singers"
    proposer: str = "priya"
    rung: int = 1
    holder: str = "safeguarding_lead@ash"
    danger: bool = False
    decided_by: str = ""
    past: bool = False  # its time is over
    owner: str = ""
    mark: int = 0


class Emergency(NamedTuple):
    state: str
    person: str = "margaret"
    opener: str = "olu"
    past: bool = False  # its time is over
    owner: str = ""
    mark: int = 0


class Concern(NamedTuple):
    state: str
    person: str | None = "margaret"
    provider: str | None = None
    sources: frozenset[str] = frozenset()
    rung: int = 1
    holder: str = "safeguarding_lead@ash"
    danger: bool = False
    raiser: str = "sam"
    hold: str = ""  # what its hold reaches: "", "all", or one provider
    read_by: str = ""
    owner: str = ""
    mark: int = 0


class Hold(NamedTuple):
    """An ordinary hold. `closed_to` names the side a full hold closes the record to."""

    person: str = "margaret"
    closed_to: str = ""


class Escalation(NamedTuple):
    state: str
    kind: str
    severity: str
    about: tuple[str, int] | None
    organisation: str
    person: str | None
    level: int
    ceiling: int
    reviewers: str  # the owner key of the present level
    raiser: str
    raised_by: str | None
    clock: str = ""  # the kind of the clock that raised it
    clock_runs: bool = False
    reviewer: str = ""
    asked: str = ""
    unanswered: int = 0
    unsettled: int = 0
    told: bool = False
    closed: str = ""  # "", just now, long ago
    owner: str = ""
    mark: int = 0


class Assurance(NamedTuple):
    state: str
    provider: str = "singers"
    evidence: str = "complete"  # complete, grace, out
    within: bool = True  # the activity lies within the conditions
    past: bool = False  # the date of the conditions has come
    owner: str = ""
    mark: int = 0


class Agreement(NamedTuple):
    state: str
    parties: frozenset[str] = frozenset({"ash", "singers", "clay"})
    unsigned: frozenset[str] = frozenset()
    past: bool = False  # its review date has come
    replaces: int = -1
    owner: str = ""
    mark: int = 0


class Rights(NamedTuple):
    """A request about one's own data. `month_over`: the first month has passed. `kept_for_long`:
    the time for which the record is kept isn't over."""

    state: str
    person: str = "margaret"
    kind: str = "access"
    taken_by: str = ""
    extended: bool = False
    month_over: bool = False
    kept_for_long: bool = True
    owner: str = ""
    mark: int = 0


class State(NamedTuple):
    """Everything at one moment. `away`: link workers who are away. `lacking`: what a referral
    needs besides (who the person is, risks, an open activity, a place)."""

    referrals: tuple[Referral, ...] = ()
    consents: tuple[Consent, ...] = ()
    overrides: tuple[Override, ...] = ()
    concerns: tuple[Concern, ...] = ()
    holds: tuple[Hold, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    assurances: tuple[Assurance, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    requests: tuple[Rights, ...] = ()
    emergencies: tuple[Emergency, ...] = ()
    away: frozenset[str] = frozenset()
    died: frozenset[str] = frozenset()
    lacking: frozenset[str] = frozenset()


SHELF = {
    Noun.REFERRAL: "referrals",
    Noun.CONSENT: "consents",
    Noun.OVERRIDE: "overrides",
    Noun.CONCERN: "concerns",
    Noun.ESCALATION: "escalations",
    Noun.ASSURANCE: "assurances",
    Noun.AGREEMENT: "agreements",
    Noun.RIGHTS: "requests",
    Noun.EMERGENCY: "emergencies",
}
PLACE_ON_SHELF = {noun: State._fields.index(name) for noun, name in SHELF.items()}


def records(s: State, noun: Noun) -> tuple[Any, ...]:
    """The records of this noun."""
    return s[PLACE_ON_SHELF[noun]]  # type: ignore[return-value]


def put(s: State, noun: Noun, slot: int, record: Any) -> State:
    """The state with this record in this slot; one past the last is a new one."""
    shelf = records(s, noun)
    changed: dict[str, Any] = {SHELF[noun]: (*shelf[:slot], record, *shelf[slot + 1 :])}
    return s._replace(**changed)


# -- what is so (the model of the queries in `referral.facts` and `referral.picks`) ---------------


def consent_now(s: State, person: str, recipient: str, purpose: str = SHARING) -> bool:
    """Whether the person's agreement is in force, by the date and not by the sweep."""
    return any(
        c.state == "given"
        and not c.ran_out
        and c.person == person
        and c.recipient == recipient
        and c.purpose == purpose
        for c in s.consents
    )


def override_now(s: State, person: str, recipient: str) -> bool:
    """Whether an approved override is in force, by its time and not by the sweep."""
    return any(
        o.state == "approved" and not o.past and o.person == person and o.recipient == recipient
        for o in s.overrides
    )


def overrides_kept(s: State, person: str, recipient: str, but: int = -1) -> bool:
    """Whether an override is approved, whatever the time: what the picks and clocks ask."""
    return any(
        o.state == "approved" and o.person == person and o.recipient == recipient and i != but
        for i, o in enumerate(s.overrides)
    )


def agreement_now(s: State, provider: str, organisation: str = "ash") -> bool:
    """Whether an agreement about sharing is in force between the two."""
    return any(
        a.state == "in_force" and not a.past and {provider, organisation} <= a.parties
        for a in s.agreements
    )


def is_open(c: Concern) -> bool:
    return c.state != "closed"


def reaches(c: Concern, r: Referral) -> bool:
    """Whether the hold of this concern reaches this referral."""
    if not c.hold:
        return False
    if c.person is None:
        return c.hold == r.provider
    return c.person == r.person and c.hold in ("all", r.provider)


def held(s: State, r: Referral) -> bool:
    """Whether any hold reaches the referral."""
    return any(reaches(c, r) for c in s.concerns) or any(h.person == r.person for h in s.holds)


def named_about_person(s: State, person: str) -> frozenset[str]:
    """Who is named as a source of harm in an open concern about this person."""
    found: frozenset[str] = frozenset()
    for c in s.concerns:
        if is_open(c) and c.person == person:
            found |= c.sources
    return found


def named_about_provider(s: State, provider: str) -> frozenset[str]:
    """Who is named in an open concern about this provider."""
    found: frozenset[str] = frozenset()
    for c in s.concerns:
        if is_open(c) and c.person is None and c.provider == provider:
            found |= c.sources
    return found


def closed_sides(s: State, person: str) -> frozenset[str]:
    return frozenset(h.closed_to for h in s.holds if h.closed_to and h.person == person)


def is_named(actor: Actor, sources: frozenset[str]) -> bool:
    return actor.user_id in sources or actor.organisation_id in sources


def with_provider(s: State, provider: str) -> list[int]:
    return [
        i for i, r in enumerate(s.referrals) if r.provider == provider and r.state in WITH_PROVIDER
    ]


def clock_alarms(s: State, noun: Noun, slot: int) -> bool:
    """Whether an escalation that a clock raised about this record is open."""
    return any(e.about == (noun, slot) and e.clock and not e.closed for e in s.escalations)


def known(record: Any) -> Any:
    """The record of a situation that must have one."""
    if record is None:
        raise LookupError("a situation without its record")
    return record


MODELLED: dict[type[Any], set[str]] = {}  # which fields of which facts, for a test


def filled(kind: Any, there: dict[str, Any]) -> Any:
    """The engine's own kind of facts, with what the picture knows. What it doesn't model is what
    it would be in an empty store; a test names those fields."""
    if kind not in MODELLED or not there.keys() <= MODELLED[kind]:
        MODELLED.setdefault(kind, set()).update(there)
    return kind._make((_empty(kind) | there).values())


@cache
def _empty(kind: Any) -> dict[str, Any]:
    return {name: kind._field_defaults.get(name) for name in kind._fields}


# Fields no guard, hat, clock, `sets` or pick asks for; they only travel with the record.
TRAVELLING = frozenset(
    {
        "id",
        "version",
        "system_id",
        "reference",
        "group_id",
        "since",
        "subject_ref",
        "person_gate",
        "provider_gate",
        "provider_gates",
        "answered",
        "review_at",
        "kinds_in_date",
        "tier",
        "breaks",
        "starts_on",
        "urgent",
        "contacted_at",
        "expected_date",
        "paused_until",
        "risks",
        "link_worker_user",
        "evidence_lapses",
        "referral_id",
        "replaces_id",
        "renews_id",
        "clock_id",
        "policy",
        "rules",
        "child",
        "seconds",  # whom the proposal is told to
        "late",  # a step marks it so; nothing is decided by it
    }
)

# -- situations: all that one record's moves can depend on ----------------------------------------


class ReferralSituation(NamedTuple):
    record: Referral | None
    slot: int
    consent: bool
    override: bool
    practice: bool
    agreement: bool
    assurance: tuple[str, bool, str, bool] | None
    held: bool
    named: frozenset[str]
    named_person: frozenset[str]
    closed: frozenset[str]
    duplicate: bool
    died: bool
    erased: bool
    away: bool
    lacking: frozenset[str]
    alarm: bool


CAPACITY = 1


def referral_situation(s: State, slot: int) -> ReferralSituation:
    r = s.referrals[slot]
    assured = next(
        ((a.state, a.within, a.evidence, a.past) for a in s.assurances if a.provider == r.provider),
        None,
    )
    person = named_about_person(s, r.person)
    lacking = s.lacking
    if "place" in lacking:  # the group is small: only so many take part at once
        taken = sum(x.provider == r.provider and x.state in TAKING_PART for x in s.referrals)
        lacking = lacking - {"place"} if taken < CAPACITY else lacking
    return ReferralSituation(
        r,
        slot,
        consent_now(s, r.person, r.provider),
        override_now(s, r.person, r.provider),
        consent_now(s, r.person, "practice", Purpose.TELL_PRACTICE),
        agreement_now(s, r.provider),
        assured,
        held(s, r),
        person | named_about_provider(s, r.provider),
        person,
        closed_sides(s, r.person),
        any(
            i != slot
            and x.person == r.person
            and x.provider == r.provider
            and x.state in DUPLICATES
            for i, x in enumerate(s.referrals)
        ),
        r.person in s.died,
        erased(s, r.person),
        r.worker in s.away,
        lacking,
        clock_alarms(s, Noun.REFERRAL, slot),
    )


EVIDENCE_UNTIL = {"complete": FAR_OFF, "grace": FAR_OFF, "out": JUST_PASSED}


def referral_facts(x: ReferralSituation, actor: Actor) -> Any:
    r = known(x.record)
    state, within, evidence, past = x.assurance or (None, True, "complete", False)
    return filled(
        facts.ReferralFacts,
        {
            "id": f"referral {x.slot + 1}",
            "state": r.state,
            "version": 1,
            "system_id": SYSTEM_ID,
            "organisation_id": "ash",
            "person_id": r.person,
            "provider_id": r.provider,
            "activity_id": r.provider,
            "link_worker_id": r.worker,
            "link_worker_user": r.worker,
            "risks": None if "risks" in x.lacking else "none",
            "redirected_from": "earlier" if r.redirected else None,
            "sent_at": AT if r.sent else None,
            "completed_at": AT if r.state == "completed" else None,
            "paused_until": date(2026, 6, 1),
            "died_on": AT.date() if x.died else None,
            "erased": x.erased,
            "identified": "identity" not in x.lacking,
            "provider_org": r.provider,
            "place_path": PLACE_OF["ash"],
            "provider_place_path": PLACE_OF[r.provider],
            "activity_status": "closed" if "activity" in x.lacking else "open",
            "places_left": 0 if "place" in x.lacking else 1,
            "assurance_state": "in_review" if state == "conditional" and past else state,
            "conditional_activities": json.dumps([r.provider] if within else []),
            "evidence_until": EVIDENCE_UNTIL[evidence],
            "link_worker_absent": x.away,
            "link_worker_implicated": r.worker in x.named_person or "link_worker" in x.closed,
            "consent_id": "consent" if x.consent else None,
            "override_id": "override" if x.override else None,
            "practice_agreed": x.practice,
            "agreement_live": x.agreement,
            "held": x.held,
            "closed_to_actor": is_named(actor, x.named) or facts.side_of(actor) in x.closed,
            "duplicate": x.duplicate,
            "long_clock": bool(r.long),
            "alarm": x.alarm,
            "urgent": False,
            "actor_membership": actor.membership_id,
            "actor_org": actor.organisation_id,
        },
    )


class NewReferralSituation(NamedTuple):
    person: str
    provider: str
    slot: int
    named: frozenset[str]
    closed: frozenset[str]
    died: bool
    redirected_from: bool = False
    worker: str = ""


def new_referral_facts(x: NewReferralSituation, actor: Actor) -> Any:
    return filled(
        facts.NewReferralFacts,
        {
            "id": f"referral {x.slot + 1}",
            "state": None,
            "version": 0,
            "system_id": SYSTEM_ID,
            "organisation_id": "ash",
            "died_on": AT.date() if x.died else None,
            "place_path": PLACE_OF["ash"],
            "provider_place_path": PLACE_OF[x.provider],
            "provider_id": x.provider,
            "provider_org": x.provider,
            "activity_id": x.provider,
            "closed_to_actor": is_named(actor, x.named) or facts.side_of(actor) in x.closed,
            "person_id": x.person,
            "link_worker_id": x.worker or actor.membership_id,
            "link_worker_absent": actor.role is Role.TEAM_LEAD and x.redirected_from,
            "urgent": False,
            "actor_membership": actor.membership_id,
            "actor_org": actor.organisation_id,
        },
    )


class ConsentSituation(NamedTuple):
    record: Consent | None
    slot: int
    person: str
    recipient: str
    purpose: str
    named: frozenset[str]
    closed: frozenset[str]
    died: bool
    away: bool
    needed: bool
    in_force: bool
    alarm: bool


def _same(a: Consent, b: Consent) -> bool:
    return a.person == b.person and a.recipient == b.recipient and a.purpose == b.purpose


def consent_situation(s: State, slot: int) -> ConsentSituation:
    c = s.consents[slot]
    there = [r.state for r in s.referrals if r.person == c.person and r.provider == c.recipient]
    if c.state == "asked":
        needed = any(state in REFERRAL_OPEN for state in there)
    elif c.state == "given":
        needed = any(
            r.person == c.person
            and (c.purpose != SHARING or r.provider == c.recipient)
            and r.state in UNFINISHED
            for r in s.referrals
        )
    else:
        needed = (
            any(state in WITH_PROVIDER for state in there)
            and not any(_same(c, n) for n in s.consents[slot + 1 :])
            and not overrides_kept(s, c.person, c.recipient)
        )
    return ConsentSituation(
        c,
        slot,
        c.person,
        c.recipient,
        c.purpose,
        named_about_person(s, c.person),
        closed_sides(s, c.person),
        c.person in s.died,
        c.worker in s.away,
        needed,
        any(
            i != slot and _same(c, n) and n.state in ("given", "asked")
            for i, n in enumerate(s.consents)
        ),
        clock_alarms(s, Noun.CONSENT, slot),
    )


def new_consent_situation(
    s: State, person: str, recipient: str, purpose: str, slot: int, renews: int = -1
) -> ConsentSituation:
    wanted = Consent("", person, recipient, purpose)
    return ConsentSituation(
        None,
        slot,
        person,
        recipient,
        purpose,
        named_about_person(s, person),
        closed_sides(s, person),
        person in s.died,
        False,
        True,
        any(
            _same(wanted, n) and (n.state == "asked" or (n.state == "given" and i != renews))
            for i, n in enumerate(s.consents)
        ),
        False,
    )


def consent_facts(x: ConsentSituation, actor: Actor) -> Any:
    c = x.record
    worker = c.worker if c else actor.membership_id
    return filled(
        facts.ConsentFacts,
        {
            "id": f"consent {x.slot + 1}",
            "state": c.state if c else None,
            "version": 1 if c else 0,
            "system_id": SYSTEM_ID,
            "organisation_id": "ash",
            "person_id": x.person,
            "purpose": x.purpose,
            "recipient": x.recipient,
            "link_worker_id": worker,
            "until": None if c is None else JUST_PASSED if c.ran_out else FAR_OFF,
            "died_on": AT.date() if x.died else None,
            "place_path": PLACE_OF["ash"],
            "provider_org": x.recipient if x.purpose == SHARING else None,
            "link_worker_absent": x.away and c is not None,
            "link_worker_implicated": c is not None
            and (worker in x.named or "link_worker" in x.closed),
            "closed_to_actor": is_named(actor, x.named) or facts.side_of(actor) in x.closed,
            "needed": x.needed,
            "in_force": x.in_force,
            "alarm": x.alarm,
            "actor_membership": actor.membership_id,
            "actor_org": actor.organisation_id,
        },
    )


class OverrideSituation(NamedTuple):
    record: Override | None
    slot: int
    person: str
    recipient: str
    named: frozenset[str]
    closed: frozenset[str]
    alarm: bool


def override_situation(s: State, slot: int) -> OverrideSituation:
    o = s.overrides[slot]
    return new_override_situation(s, o.person, o.recipient, slot)._replace(record=o)


def new_override_situation(s: State, person: str, recipient: str, slot: int) -> OverrideSituation:
    return OverrideSituation(
        None,
        slot,
        person,
        recipient,
        named_about_person(s, person) | named_about_provider(s, recipient),
        closed_sides(s, person),
        clock_alarms(s, Noun.OVERRIDE, slot),
    )


def override_facts(x: OverrideSituation, actor: Actor) -> Any:
    o = x.record or Override("", proposer=actor.membership_id, rung=0, holder="")
    barred = x.named | {o.proposer}
    next_rung, next_holder = safeguarding("ash", o.rung + 1, barred)
    fresh = x.record is None
    return filled(
        facts.OverrideFacts,
        {
            "id": f"override {x.slot + 1}",
            "state": o.state or None,
            "version": 0 if fresh else 1,
            "system_id": SYSTEM_ID,
            "organisation_id": "ash",
            "person_id": x.person,
            "recipient": x.recipient,
            "proposed_by": o.proposer,
            "rung": next_rung if fresh else o.rung,
            "holder": next_holder if fresh else o.holder,
            "danger": o.danger,
            "until": None if o.state != "approved" else JUST_PASSED if o.past else FAR_OFF,
            "place_path": PLACE_OF["ash"],
            "provider_org": x.recipient,
            "by_proposer": actor.user_id == o.proposer,
            "by_approver": actor.user_id == o.decided_by,
            "closed_to_actor": is_named(actor, x.named) or facts.side_of(actor) in x.closed,
            "alarm": x.alarm,
            "next_rung": next_rung,
            "next_holder": next_holder,
            "governance": reviewer("ash", 2, 3)[1],
            "actor_membership": actor.membership_id,
            "actor_org": actor.organisation_id,
        },
    )


class EmergencySituation(NamedTuple):
    record: Emergency | None
    slot: int
    person: str
    named: frozenset[str]
    closed: frozenset[str]
    alarm: bool


def over_the_team(actor: Actor) -> bool:
    """Whether the people of the team are within this actor's scope."""
    if actor.place_path is not None:
        return PLACE_OF["ash"].startswith(actor.place_path)
    return actor.organisation_id == "ash"


def emergency_situation(s: State, slot: int) -> EmergencySituation:
    y = s.emergencies[slot]
    return new_emergency_situation(s, y.person, slot)._replace(record=y)


def new_emergency_situation(s: State, person: str, slot: int) -> EmergencySituation:
    return EmergencySituation(
        None,
        slot,
        person,
        named_about_person(s, person),
        closed_sides(s, person),
        clock_alarms(s, Noun.EMERGENCY, slot),
    )


def emergency_facts(x: EmergencySituation, actor: Actor) -> Any:
    y = x.record or Emergency("", x.person, actor.membership_id)
    human = CAST[y.opener].user_id if y.opener in CAST else y.opener
    return filled(
        facts.EmergencyFacts,
        {
            "id": f"emergency {x.slot + 1}",
            "state": y.state or None,
            "version": 0 if x.record is None else 1,
            "system_id": SYSTEM_ID,
            "organisation_id": "ash",
            "person_id": x.person,
            "opened_by": y.opener,
            "until": JUST_PASSED if y.past else FAR_OFF,
            "place_path": PLACE_OF["ash"],
            "by_opener": actor.user_id == human,
            "barred": is_named(actor, x.named) or facts.side_of(actor) in x.closed,
            "alarm": x.alarm,
            "within": over_the_team(actor),
            "governance": reviewer("ash", 2, 3, human)[1],
            "safeguarding": safeguarding("ash", 1, frozenset({human}))[1],
            "closed_to_actor": False,
            "actor_membership": actor.membership_id,
            "actor_org": actor.organisation_id,
        },
    )


class ConcernSituation(NamedTuple):
    record: Concern | None
    slot: int
    erased: bool


def concern_situation(s: State, slot: int) -> ConcernSituation:
    c = s.concerns[slot]
    return ConcernSituation(c, slot, c.person is not None and erased(s, c.person))


def team_of(c: Concern) -> str:
    """Whose safeguarding ladder it climbs: the raiser's, or the person's own team's."""
    return ORGANISATION.get(c.raiser, "ash")


def as_source(name: str) -> dict[str, str]:
    """How somebody, or an organisation, is named in a concern."""
    return {"organisation_id": name} if name in PLACE_OF else {"user_id": name}


def _source(name: str) -> ladder.Source:
    said = as_source(name)
    return ladder.Source(f"naming {name}", said.get("user_id"), said.get("organisation_id"))


def implicated(c: Concern) -> frozenset[str]:
    """Whoever is named in it, and the provider it is about."""
    return c.sources | {c.provider} if c.provider and c.person is None else c.sources


def concern_facts(x: ConcernSituation, actor: Actor) -> Any:
    c = known(x.record)
    organisation = team_of(c)
    barred = implicated(c)
    rung, holder = safeguarding(organisation, c.rung + 1, barred)
    free_rung, free_holder = safeguarding(organisation, c.rung, barred)
    return filled(
        facts.ConcernFacts,
        {
            "id": f"concern {x.slot + 1}",
            "state": c.state,
            "version": 1,
            "system_id": SYSTEM_ID,
            "organisation_id": organisation,
            "person_id": c.person,
            "provider_id": c.provider,
            "rung": c.rung,
            "holder": c.holder,
            "danger": c.danger,
            "raised_by": c.raiser or None,
            "place_path": PLACE_OF[organisation],
            "staff_named": bool(c.sources),
            # Who was told isn't kept here: whoever closes says why nobody was.
            "staff_unreported": bool(c.sources),
            "actor_implicated": is_named(actor, barred),
            "erased": x.erased,
            "raiser_named": c.raiser in c.sources,
            "sources": tuple(map(_source, sorted(c.sources))),
            "free_rung": free_rung,
            "free_holder": free_holder,
            "held_by_it": bool(c.hold),
            "closed_to_actor": False,
            "alarm": False,
            "next_rung": rung,
            "next_holder": holder,
            "actor_membership": actor.membership_id,
            "actor_org": actor.organisation_id,
        },
    )


def new_concern_facts(actor: Actor, slot: int, given: dict[str, Any]) -> Any:
    sources = frozenset(
        source.get("user_id") or source["organisation_id"] for source in given.get("sources", ())
    )
    organisation = "ash" if actor.role is Role.PERSON else actor.organisation_id
    about = frozenset({given["provider_id"]} if given.get("provider_id") else ())
    rung, holder = safeguarding(organisation, 1, sources | about)
    return filled(
        facts.ConcernFacts,
        {
            "id": f"concern {slot + 1}",
            "state": None,
            "version": 0,
            "system_id": SYSTEM_ID,
            "organisation_id": organisation,
            "person_id": given.get("person_id"),
            "provider_id": given.get("provider_id"),
            "rung": rung,
            "holder": holder,
            "danger": bool(given.get("danger")),
            "raised_by": None if actor.role is Role.PERSON else actor.membership_id,
            "place_path": PLACE_OF[organisation],
            "staff_named": bool(sources),
            "actor_implicated": False,
            "held_by_it": False,
            "actor_membership": actor.membership_id,
            "actor_org": actor.organisation_id,
        },
    )


class EscalationSituation(NamedTuple):
    record: Escalation | None
    slot: int
    named: frozenset[str]
    closed: frozenset[str]
    concerned: frozenset[str]  # whose own matter it is: members and organisations
    alarm: bool
    erased: bool


def escalation_situation(s: State, slot: int) -> EscalationSituation:
    e = s.escalations[slot]
    concerned: frozenset[str] = frozenset()
    named = named_about_person(s, e.person) if e.person else frozenset()
    if e.about is not None and e.about[0] == Noun.CONCERN:
        named |= implicated(s.concerns[e.about[1]])
    if e.about is not None and e.about[0] == Noun.REFERRAL:
        r = s.referrals[e.about[1]]
        concerned = frozenset({r.worker, r.provider})
    return EscalationSituation(
        e,
        slot,
        named,
        closed_sides(s, e.person) if e.person else frozenset(),
        concerned,
        clock_alarms(s, Noun.ESCALATION, slot),
        e.person is not None and erased(s, e.person),
    )


CLOSED_AT = {"": None, "just now": AT, "long ago": LONG_AGO}


def escalation_facts(x: EscalationSituation, actor: Actor) -> Any:
    e = known(x.record)
    above = min(e.level + 1, e.ceiling) if e.level < e.ceiling else e.level
    level, owner = reviewer(e.organisation, above, e.ceiling, e.raised_by)
    own = e.raised_by == actor.id or e.raiser == member_key(actor.membership_id)
    return filled(
        facts.EscalationFacts,
        {
            "id": f"escalation {x.slot + 1}",
            "state": e.state,
            "version": 1,
            "system_id": SYSTEM_ID,
            "organisation_id": e.organisation,
            "kind": e.kind,
            "severity": e.severity,
            "about": e.about[0] if e.about else None,
            "about_id": f"{e.about[0]} {e.about[1] + 1}" if e.about else None,
            "person_id": e.person,
            "level": e.level,
            "ceiling": e.ceiling,
            "owner": e.reviewers,
            "raiser": e.raiser,
            "raised_by": e.raised_by,
            "clock_id": 1 if e.clock else None,
            "reviewer_id": e.reviewer or None,
            "asked": e.asked or None,
            "unanswered": e.unanswered,
            "closed_at": CLOSED_AT[e.closed],
            "place_path": PLACE_OF[e.organisation],
            "review_path": PLACE_OF[e.organisation],
            "unsettled": e.unsettled,
            "told_at": AT if e.told else None,
            "actor_implicated": is_named(actor, x.named) or facts.side_of(actor) in x.closed,
            "conflict": own
            or actor.membership_id in x.concerned
            or actor.organisation_id in x.concerned,
            "next_level": level,
            "next_owner": owner,
            "closed_to_actor": False,
            "erased": x.erased,
            "alarm": x.alarm,
            "actor_membership": actor.membership_id,
            "actor_org": actor.organisation_id,
        },
    )


ABOUT_ORGANISATION: dict[str, Callable[[State, int], tuple[str, str | None, str]]] = {
    # (organisation, person, who acts on it) of the record an escalation is about
    "referral": lambda s, i: ("ash", s.referrals[i].person, member_key(s.referrals[i].worker)),
    "consent": lambda s, i: ("ash", s.consents[i].person, member_key(s.consents[i].worker)),
    "override": lambda s, i: ("ash", s.overrides[i].person, s.overrides[i].holder),
    "rights_request": lambda s, i: ("ash", s.requests[i].person, s.requests[i].owner),
    "concern": lambda s, i: ("ash", None, s.concerns[i].holder),
    "assurance": lambda s, i: (
        s.assurances[i].provider,
        None,
        role_key(Role.PROVIDER_LEADER, s.assurances[i].provider),
    ),
    "agreement": lambda s, i: (
        "harbour_board",
        None,
        role_key(Role.GOVERNANCE_LEAD, "harbour_board"),
    ),
    "emergency": lambda s, i: ("ash", s.emergencies[i].person, ""),
    "escalation": lambda s, i: (
        s.escalations[i].organisation,
        s.escalations[i].person,
        s.escalations[i].reviewers,
    ),
}


def new_escalation_facts(s: State, actor: Actor, slot: int, given: dict[str, Any]) -> Any:
    about = given.get("about")
    organisation, person, raiser = actor.organisation_id, None, None
    if about is not None:
        organisation, person, raiser = ABOUT_ORGANISATION[about[0]](s, about[1])
    kind = given.get("kind", "")
    usual = SHIPPED.ceiling(kind) if kind in CEILINGS else 3
    human = actor.role is not Role.SYSTEM
    wanted = int(given.get("level", 1))
    there = rungs(organisation)
    ceiling = there.highest(max(usual, wanted))
    level, owner = reviewer(organisation, wanted, ceiling, actor.user_id if human else None)
    if level >= usual:
        ceiling = max(ceiling, there.highest(min(usual + 1, ladder.TOP)))
    mine = (
        f"person@{actor.person_id}"
        if actor.role is Role.PERSON
        else member_key(actor.membership_id)
    )
    worker = (raiser or "").removeprefix("member@")
    absent = worker in s.away or any(is_open(c) and worker in c.sources for c in s.concerns)
    return filled(
        facts.EscalationFacts,
        {
            "id": f"escalation {slot + 1}",
            "state": None,
            "version": 0,
            "system_id": SYSTEM_ID,
            "organisation_id": organisation,
            "kind": kind,
            "severity": given.get("severity") or "medium",
            "about": about[0] if about else None,
            "about_id": f"{about[0]} {about[1] + 1}" if about else None,
            "person_id": person,
            "level": level,
            "ceiling": max(ceiling, level),
            "owner": owner,
            "raiser": mine if human else (raiser or owner),
            "raised_by": actor.membership_id if human and actor.role is not Role.PERSON else None,
            "clock_id": 1 if given.get("clock") else None,
            "unanswered": 0,
            "place_path": PLACE_OF[organisation],
            "unsettled": 0,
            "actor_implicated": False,
            "conflict": False,
            "stands_in": actor.role is Role.TEAM_LEAD and absent,
            "link_worker_id": worker or None,
            "actor_membership": actor.membership_id,
            "actor_org": actor.organisation_id,
        },
    )


class AssuranceSituation(NamedTuple):
    record: Assurance | None
    slot: int
    alarm: bool


def assurance_situation(s: State, slot: int) -> AssuranceSituation:
    return AssuranceSituation(s.assurances[slot], slot, clock_alarms(s, Noun.ASSURANCE, slot))


def assurance_facts(x: AssuranceSituation, actor: Actor) -> Any:
    a = x.record or Assurance("")
    until = {"complete": FAR_OFF, "grace": JUST_PASSED, "out": JUST_PASSED}[a.evidence]
    return filled(
        facts.AssuranceFacts,
        {
            "id": f"assurance {x.slot + 1}",
            "state": a.state or None,
            "version": 1 if x.record else 0,
            "system_id": SYSTEM_ID,
            "organisation_id": a.provider,
            "provider_id": a.provider,
            "conditions_until": JUST_PASSED if a.past else FAR_OFF,
            "place_path": PLACE_OF[a.provider],
            "evidence_until": until,
            "evidence_lapses": EVIDENCE_UNTIL[a.evidence],
            "governance": reviewer(a.provider, 2, 3)[1],
            "person_id": None,
            "closed_to_actor": False,
            "missing_evidence": () if a.evidence == "complete" else ("dbs",),
            "alarm": x.alarm,
            "actor_membership": actor.membership_id,
            "actor_org": actor.organisation_id,
        },
    )


class AgreementSituation(NamedTuple):
    record: Agreement | None
    slot: int
    needed: bool
    alarm: bool


def agreement_situation(s: State, slot: int) -> AgreementSituation:
    a = s.agreements[slot]
    needed = any(
        r.state in WITH_PROVIDER
        and {r.provider, "ash"} <= a.parties
        and not any(
            i != slot and n.state == "in_force" and {r.provider, "ash"} <= n.parties
            for i, n in enumerate(s.agreements)
        )
        for r in s.referrals
    )
    return AgreementSituation(a, slot, needed, clock_alarms(s, Noun.AGREEMENT, slot))


PARTIES = frozenset({"ash", "singers", "clay"})


def agreement_facts(x: AgreementSituation, actor: Actor) -> Any:
    a = x.record or Agreement("", unsigned=PARTIES)
    return filled(
        facts.AgreementFacts,
        {
            "id": f"agreement {x.slot + 1}",
            "state": a.state or None,
            "version": 1 if x.record else 0,
            "system_id": SYSTEM_ID,
            "organisation_id": "harbour_board" if x.record else actor.organisation_id,
            "review_at": JUST_PASSED if a.past else FAR_OFF,
            "place_path": PLACE_OF["harbour_board"],
            "parties": a.parties,
            "unsigned": a.unsigned,
            "person_id": None,
            "closed_to_actor": False,
            "governance": reviewer("harbour_board", 2, 3)[1],
            "needed": x.needed,
            "alarm": x.alarm,
            "actor_membership": actor.membership_id,
            "actor_org": actor.organisation_id,
        },
    )


class RightsSituation(NamedTuple):
    record: Rights | None
    slot: int
    named: frozenset[str]
    closed: frozenset[str]
    kept: bool
    others_open: bool
    alarm: bool


def erased(s: State, person: str) -> bool:
    """Whether this person was erased, as they had asked."""
    return any(q.person == person and is_erasure(q) for q in s.requests)


def is_erasure(q: Rights) -> bool:
    """Whether the request ended with erasing the person."""
    return q.kind == "erasure" and q.state == "fulfilled"


def keeps_open(s: State, person: str, but: int = -1) -> bool:
    """Whether a referral, a concern, a review, sharing without consent, emergency access or a hold
    about this person is open. The alarm that a request (`but`) is late ends with the request."""
    return (
        any(r.person == person and r.state in REFERRAL_OPEN for r in s.referrals)
        or any(c.person == person and (is_open(c) or c.hold) for c in s.concerns)
        or any(
            e.person == person
            and not e.closed
            and not (e.about == (Noun.RIGHTS, but) and e.clock and e.state in OVERTAKABLE)
            for e in s.escalations
        )
        or any(o.person == person and not ended(Noun.OVERRIDE, o.state) for o in s.overrides)
        or any(y.person == person and not ended(Noun.EMERGENCY, y.state) for y in s.emergencies)
        or any(h.person == person for h in s.holds)
    )


def others_open(s: State, person: str, but: int) -> bool:
    """Whether another request of this person than `but` waits for its answer."""
    return any(
        i != but and q.person == person and not ended(Noun.RIGHTS, q.state)
        for i, q in enumerate(s.requests)
    )


def rights_situation(s: State, slot: int) -> RightsSituation:
    q = s.requests[slot]
    return new_rights_situation(s, q.person, slot)._replace(
        record=q, alarm=clock_alarms(s, Noun.RIGHTS, slot)
    )


def new_rights_situation(s: State, person: str, slot: int) -> RightsSituation:
    return RightsSituation(
        None,
        slot,
        named_about_person(s, person),
        closed_sides(s, person),
        keeps_open(s, person, slot),
        others_open(s, person, slot),
        False,
    )


def rights_lead(named: frozenset[str]) -> str:
    """Who must act: the information governance lead, or the accountable officer in their place."""
    who = CAST["amara" if is_named(CAST["ingrid"], named) else "ingrid"]
    return role_key(who.role, str(who.place_id))


def rights_facts(x: RightsSituation, actor: Actor, person: str = "", kind: str = "") -> Any:
    q = x.record or Rights(
        "", person, kind, "" if actor.role is Role.PERSON else actor.membership_id
    )
    received = AT - timedelta(days=50) if q.month_over else AT
    return filled(
        facts.RightsFacts,
        {
            "id": f"request {x.slot + 1}",
            "state": q.state or None,
            "version": 1 if x.record else 0,
            "system_id": SYSTEM_ID,
            "organisation_id": "ash",
            "person_id": q.person,
            "kind": q.kind,
            "received_on": received.date(),
            "extended": q.extended,
            "stopped_at": AT if q.state == "asked" else None,
            "stopped_days": 0,
            "taken_by": q.taken_by or None,
            "place_path": PLACE_OF["ash"],
            "closed_to_actor": is_named(actor, x.named) or facts.side_of(actor) in x.closed,
            "kept": x.kept,
            "others_open": x.others_open and x.record is not None,
            "alarm": x.alarm,
            "lead": rights_lead(x.named),
            "retention_over": not q.kept_for_long,
            "actor_membership": actor.membership_id,
            "actor_org": actor.organisation_id,
        },
    )


SITUATION: dict[Noun, Callable[[State, int], Any]] = {
    Noun.REFERRAL: referral_situation,
    Noun.CONSENT: consent_situation,
    Noun.OVERRIDE: override_situation,
    Noun.CONCERN: concern_situation,
    Noun.ESCALATION: escalation_situation,
    Noun.ASSURANCE: assurance_situation,
    Noun.AGREEMENT: agreement_situation,
    Noun.RIGHTS: rights_situation,
    Noun.EMERGENCY: emergency_situation,
}
FACTS: dict[Noun, Callable[[Any, Actor], Any]] = {
    Noun.REFERRAL: referral_facts,
    Noun.CONSENT: consent_facts,
    Noun.OVERRIDE: override_facts,
    Noun.CONCERN: concern_facts,
    Noun.ESCALATION: escalation_facts,
    Noun.ASSURANCE: assurance_facts,
    Noun.AGREEMENT: agreement_facts,
    Noun.RIGHTS: rights_facts,
    Noun.EMERGENCY: emergency_facts,
}


def facts_of(s: State, noun: Noun, slot: int, actor: Actor) -> Any:
    """What the guards see of this record, for this actor."""
    return FACTS[noun](SITUATION[noun](s, slot), actor)


# -- which records something reaches --------------------------------------------------------------


def _relying(s: State, noun: Noun, slot: int) -> list[int]:
    c = s.consents[slot]
    if c.purpose != SHARING or overrides_kept(s, c.person, c.recipient):
        return []
    return [
        i
        for i, r in enumerate(s.referrals)
        if r.person == c.person and r.provider == c.recipient and r.state in WITH_PROVIDER
    ]


def _beside(state: str) -> Callable[[State, Noun, int], list[int]]:
    def pick(s: State, noun: Noun, slot: int) -> list[int]:
        c = s.consents[slot]
        return [
            i for i, n in enumerate(s.consents) if i != slot and _same(c, n) and n.state == state
        ]

    return pick


def newest_answer(s: State, person: str, recipient: str, purpose: str = SHARING) -> str:
    """The state of the newest answer, or "" for none."""
    for c in s.consents:
        if c.last and (c.person, c.recipient, c.purpose) == (person, recipient, purpose):
            return c.state
    return ""


def _relying_on_override(s: State, noun: Noun, slot: int) -> list[int]:
    o = s.overrides[slot]
    if overrides_kept(s, o.person, o.recipient, but=slot):
        return []
    if newest_answer(s, o.person, o.recipient) in ("given", "expired"):
        return []
    return [
        i
        for i, r in enumerate(s.referrals)
        if r.person == o.person and r.provider == o.recipient and r.state in WITH_PROVIDER
    ]


def _taken_over(s: State, noun: Noun, slot: int) -> list[int]:
    o = s.overrides[slot]
    return [
        i
        for i, x in enumerate(s.overrides)
        if i != slot
        and x.state == "approved"
        and (x.person, x.recipient) == (o.person, o.recipient)
    ]


def _members_other(s: State, noun: Noun, slot: int) -> list[int]:
    opener = s.emergencies[slot].opener
    return [
        i
        for i, y in enumerate(s.emergencies)
        if i != slot and y.opener == opener and y.state == "opened"
    ]


def _at_provider(s: State, noun: Noun, slot: int) -> list[int]:
    return with_provider(s, s.assurances[slot].provider)


def _replaced(s: State, noun: Noun, slot: int) -> list[int]:
    old = s.agreements[slot].replaces
    return [old] if old >= 0 and s.agreements[old].state == "in_force" else []


def _holder_named(s: State, noun: Noun, slot: int) -> list[int]:
    c = s.concerns[slot]
    free = any(c.holder in a.keys and not is_named(a, implicated(c)) for a in CAST.values())
    return [] if free or c.holder.startswith("outside@") else [slot]


WHICH: dict[str, Callable[[State, Noun, int], list[int]]] = {
    "relying on it": _relying,
    "renewed by it": _beside("given"),
    "in force beside it": _beside("given"),
    "unanswered beside it": _beside("asked"),
    "relying on the override": _relying_on_override,
    "it takes the place of": _taken_over,
    "the member's other": _members_other,
    "each with this provider": _at_provider,
    "replaced by it": _replaced,
    "itself, held by whoever is named": _holder_named,
    "itself": lambda s, noun, slot: [slot],
}


def answering(s: State, key: str) -> Iterable[str]:
    """Who answers to an owner key now: a team lead answers for a link worker who is away, or who
    is named."""
    for name, actor in CAST.items():
        if key in actor.keys:
            yield name
    worker = key.removeprefix("member@")
    if worker in LINK_WORKERS and (
        worker in s.away
        or any(is_open(c) and worker in c.sources for c in s.concerns)
        or any(h.closed_to == "link_worker" for h in s.holds)
    ):
        yield "tess"


def ended(noun: Noun, state: str) -> bool:
    return state in ENDS[noun]
