"""One record as its page shows it, and what stands beside it: the reading queries of pages.

Whoever asks has been let at the record first (`facts` and the hats), but for `person`, `people` and
`activities`, which name their scope themselves: what is outside it isn't found."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from itertools import groupby
from typing import Any, NamedTuple, TypeVar, cast

from referral import keys
from referral.actors import Actor
from referral.documents import MANY, seen_by
from referral.errands import PHONE_OF_PRACTICE
from referral.facts import IMPLICATED, NAMED_MYSELF, UNREPORTED, asking
from referral.messages import UNREAD, side_of
from referral.reminders import NEXT_CALL
from referral.schema import AGREEMENT_LIVE, EVIDENCE_COUNTS, HOLD_LIVE, day, of, under
from referral.scopes import asked, opened, people_scope
from referral.states import Role
from referral.store import Sql, Tx
from referral.visible import CLOSED_PERSON, HELD_PERSON, _list, _many

Seen = TypeVar("Seen", bound=NamedTuple)


def _shaped(
    kind: type[Seen],
    row: tuple[Any, ...],
    *,
    days: Iterable[str] = (),
    yes_no: Iterable[str] = (),
    parsed: Iterable[str] = (),
) -> Seen:
    values = dict(zip(kind._fields, row, strict=True))
    for name in days:
        values[name] = day(values[name])
    for name in yes_no:
        values[name] = None if values[name] is None else bool(values[name])
    for name in parsed:
        values[name] = json.loads(values[name]) if values[name] else None
    shaped: Any = kind
    return cast(Seen, shaped(**values))


def _times(kind: type[Any], *names: str) -> tuple[int, ...]:
    return tuple(kind._fields.index(name) for name in names)


# -- people -------------------------------------------------------------------------------------


class PersonSeen(NamedTuple):
    """A person as those who support them see them."""

    id: str
    reference: str
    subject_ref: str
    version: int
    organisation_id: str
    organisation: str
    organisation_phone: str | None
    place_path: str
    given_name: str
    family_name: str
    birth_date: date | None
    nhs_number: str | None
    no_nhs_number: str | None
    practice: str | None
    practice_phone: str | None  # where the practice is in the system
    phone: str | None
    email: str | None
    address: str | None
    postcode: str | None
    contact_method: str | None
    contact_times: str | None
    through_name: str | None
    through_phone: str | None
    message_safe: bool | None
    language: str | None
    interpreter: bool | None
    access_needs: str | None
    emergency_contact: str | None
    died_on: date | None
    died_about: str | None
    death_said_by: str | None
    merged_into: str | None
    created_at: datetime
    closed_to_actor: bool
    held: bool

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def identified(self) -> bool:
        """What `person_identified` asks for."""
        return bool(self.birth_date and self.practice and (self.nhs_number or self.no_nhs_number))


PERSON = Sql(
    f"""
SELECT pe.id, pe.reference, pe.subject_ref, pe.version, pe.organisation_id, og.name, og.phone,
  pl.path, pe.given_name, pe.family_name, pe.birth_date, pe.nhs_number, pe.no_nhs_number,
  pe.practice, {PHONE_OF_PRACTICE},
  pe.phone, pe.email, pe.address, pe.postcode, pe.contact_method, pe.contact_times,
  pe.through_name, pe.through_phone, pe.message_safe, pe.language, pe.interpreter,
  pe.access_needs, pe.emergency_contact, pe.died_on, pe.died_about, pe.death_said_by,
  pe.merged_into, pe.created_at, {CLOSED_PERSON}, {HELD_PERSON}, {keys.COLUMNS}
FROM person pe
{keys.JOIN}
JOIN organisation og ON og.id = pe.organisation_id
JOIN place pl ON pl.id = og.place_id
WHERE pe.id = :id AND pe.system_id = :system_id
""",
    _times(PersonSeen, "created_at"),
    _times(
        PersonSeen,
        *("through_name", "through_phone", "access_needs", "emergency_contact", "death_said_by"),
    ),
    keyed=True,
)


def person_of(tx: Tx, actor: Actor, at: datetime, person_id: str) -> PersonSeen | None:
    """The person of a record the actor has been let at."""
    row = tx.row(PERSON, **asking(actor, at), id=person_id)
    if row is None:
        return None
    return _shaped(
        PersonSeen,
        row,
        days=("birth_date", "died_on"),
        yes_no=("message_safe", "interpreter", "closed_to_actor", "held"),
    )


def in_reach(seen: PersonSeen, actor: Actor) -> bool:
    """Whether the person is within the actor's scope: what the conditions of `referral.scopes` say,
    of somebody already read."""
    within = {
        "team": seen.organisation_id == actor.organisation_id,
        "place": f"{seen.place_path}/".startswith(f"{actor.place_path}/"),
    }
    return within.get(people_scope(actor), False)


def person(tx: Tx, actor: Actor, at: datetime, person_id: str) -> PersonSeen | None:
    """A person within the actor's reach."""
    found = person_of(tx, actor, at, person_id)
    return found if found is not None and in_reach(found, actor) else None


def person_to_read(tx: Tx, actor: Actor, at: datetime, person_id: str) -> PersonSeen | None:
    """The same to look at: also the one whose record the actor has open in an emergency. Whoever
    changes anything asks `person`."""
    found = person_of(tx, actor, at, person_id)
    if found is None or not (in_reach(found, actor) or opened(actor, found.id)):
        return None
    return found


class PlanSeen(NamedTuple):
    """What matters to the person."""

    id: str
    what_matters: str | None
    goals: list[str] | None
    needs: list[str] | None
    access: str | None


NAME_KEY = Sql("SELECT name_key FROM person WHERE id = :id AND system_id = :system_id")


def name_key_of(tx: Tx, actor: Actor, person_id: str) -> str | None:
    """Where a person stands in a list by name."""
    row = tx.row(NAME_KEY, id=person_id, system_id=actor.system_id)
    return None if row is None else str(row[0])


_PLAN_SEALED = _times(PlanSeen, "what_matters", "access")
PLAN = Sql(
    "SELECT id, what_matters, goals, needs, access FROM plan WHERE id = :id", sealed=_PLAN_SEALED
)
NEWEST_PLAN = Sql(
    "SELECT id, what_matters, goals, needs, access FROM plan WHERE person_id = :id"
    " AND CAST(id AS text) <> :besides ORDER BY updated_at DESC, id DESC LIMIT 1",
    sealed=_PLAN_SEALED,
)


def _plan(row: tuple[Any, ...] | None) -> PlanSeen | None:
    if row is None:
        return None
    return _shaped(PlanSeen, row, parsed=("goals", "needs"))


def plan(tx: Tx, plan_id: str | None) -> PlanSeen | None:
    """One plan."""
    return _plan(tx.row(PLAN, id=plan_id)) if plan_id else None


def newest_plan(tx: Tx, person_id: str, besides: str | None = None) -> PlanSeen | None:
    """The person's newest plan, or the newest but for one."""
    return _plan(tx.row(NEWEST_PLAN, id=person_id, besides=besides or ""))


PRACTICE_OF = Sql("SELECT name FROM organisation WHERE id = :id AND kind = 'practice'")


def practice_of(tx: Tx, actor: Actor) -> str | None:
    """The name of the practice a member works in; None for who works anywhere else."""
    row = tx.row(PRACTICE_OF, id=actor.organisation_id)
    return None if row is None else str(row[0])


PHONE_OF = Sql("SELECT phone FROM organisation WHERE id = :id")


def phone_of(tx: Tx, actor: Actor) -> str | None:
    """The number of the organisation a member works in."""
    row = tx.row(PHONE_OF, id=actor.organisation_id)
    return None if row is None else row[0]


class PlaceLead(NamedTuple):
    """Who answers for the place a team works in, and the number of where they work."""

    name: str
    place: str
    phone: str | None


PLACE_LEADS = Sql(
    """SELECT u.name, lp.name, o.phone FROM membership m JOIN app_user u ON u.id = m.user_id
  JOIN organisation o ON o.id = m.organisation_id JOIN place lp ON lp.id = m.place_id
  JOIN organisation mine ON mine.id = :org JOIN place pl ON pl.id = mine.place_id
  WHERE m.system_id = :system_id AND m.role = 'governance_lead' AND m.ended_at IS NULL AND u.active
    AND (m.away_from IS NULL OR m.away_from > :at OR m.away_until <= :at)
    AND substr(pl.path, 1, length(lp.path)) = lp.path
  ORDER BY length(lp.path) DESC, u.name"""
)


def place_lead(tx: Tx, actor: Actor, at: datetime) -> PlaceLead | None:
    """The governance lead nearest to a member's own place who is there now."""
    row = tx.row(PLACE_LEADS, org=actor.organisation_id, system_id=actor.system_id, at=at)
    return None if row is None else PlaceLead._make(row)


# -- referrals ----------------------------------------------------------------------------------


class ReferralSeen(NamedTuple):
    """A referral with the names of everyone in it."""

    id: str
    reference: str
    state: str
    version: int
    since: datetime
    urgent: bool
    risks: str | None
    safety_notes: str | None
    safety_answers: dict[str, str] | None
    call_before: bool
    shared: dict[str, Any] | None
    alternatives: list[str] | None
    reason: str | None
    expected_date: date | None
    paused_until: date | None
    contacted_at: datetime | None
    outcome: dict[str, Any] | None
    sent_at: datetime | None
    completed_at: datetime | None
    created_at: datetime
    plan_id: str | None
    redirected_from: str | None
    redirected_to: str | None
    organisation_id: str
    organisation: str
    organisation_phone: str | None
    link_worker_id: str
    link_worker: str
    person_id: str
    provider_id: str
    provider_org: str
    provider: str
    provider_phone: str | None
    activity_id: str
    activity: str
    when_words: str | None
    location: str | None
    access_words: str | None
    getting_there: str | None
    safety_questions: list[str] | None
    group_id: str
    group: str
    what_matters: str | None
    goals: list[str] | None
    needs: list[str] | None
    access: str | None
    proposal_id: str | None
    unread: int  # messages of the other side that the reader hasn't read
    documents: int  # that the reader sees
    call_id: str | None = None  # the next call the reader planned, with why and its day
    call_why: str | None = None
    call_on: datetime | None = None


_REFERRAL = f"""
SELECT r.id, r.reference, r.state, r.version, r.since, r.urgent, r.risks, r.safety_notes,
  r.safety_answers, r.call_before, r.shared, r.alternatives, r.reason, r.expected_date,
  r.paused_until, r.contacted_at, r.outcome, r.sent_at, r.completed_at, r.created_at, r.plan_id,
  r.redirected_from, r.redirected_to, r.organisation_id, og.name, og.phone, r.link_worker_id,
  u.name, r.person_id, r.provider_id, pr.organisation_id, po.name, po.phone, r.activity_id,
  a.name, a.when_words, a.location, a.access_words, a.getting_there, a.safety_questions,
  r.group_id, g.name,
  p.what_matters, p.goals, p.needs, p.access,
  (SELECT min(CAST(c.id AS text)) FROM confirmation c WHERE c.record_id = r.id
    AND c.answer IS NULL),
  (SELECT count(*) {UNREAD.format(referral="r.id")}),
  (SELECT count(*) {MANY.format(referral="r.id")}),
  {", ".join(NEXT_CALL.format(f"m.{name}") for name in ("id", "why", "until"))}, {keys.COLUMNS}
FROM referral r
JOIN person pe ON pe.id = r.person_id
{keys.JOIN}
LEFT JOIN plan p ON p.id = r.plan_id
JOIN organisation og ON og.id = r.organisation_id
JOIN membership m ON m.id = r.link_worker_id
JOIN app_user u ON u.id = m.user_id
JOIN provider pr ON pr.id = r.provider_id
JOIN organisation po ON po.id = pr.organisation_id
JOIN activity a ON a.id = r.activity_id
JOIN activity_group g ON g.id = r.group_id
WHERE r.system_id = :system_id AND r.id """


def _by(ids: str) -> Sql:
    return Sql(
        f"{_REFERRAL}{ids}",
        _times(
            ReferralSeen,
            "since",
            "contacted_at",
            "sent_at",
            "completed_at",
            "created_at",
            "call_on",
        ),
        _times(ReferralSeen, "safety_notes", "safety_answers", "shared", "what_matters", "access"),
        keyed=True,
    )


REFERRAL = _by("= :id")
REFERRALS_PG = _by("= ANY(:ids)")
REFERRALS_SQLITE = _by("IN (SELECT value FROM json_each(:ids))")


def referral(tx: Tx, actor: Actor, referral_id: str) -> ReferralSeen | None:
    """A referral the actor has been let at."""
    row = tx.row(REFERRAL, id=referral_id, **_reading(actor))
    return None if row is None else _referral(row)


def referrals(tx: Tx, actor: Actor, ids: list[str]) -> dict[str, ReferralSeen]:
    """Referrals the actor has been let at, in one query."""
    rows = tx.rows(
        REFERRALS_PG if tx.pg else REFERRALS_SQLITE,
        ids=ids if tx.pg else json.dumps(ids),
        **_reading(actor),
    )
    return {row[0]: _referral(row) for row in rows}


def _reading(actor: Actor) -> dict[str, Any]:
    return {
        "system_id": actor.system_id,
        "member": actor.membership_id,
        "side": side_of(actor),
        "safety": seen_by(actor)["safety"],
    }


def _referral(row: tuple[Any, ...]) -> ReferralSeen:
    return _shaped(
        ReferralSeen,
        row,
        days=("expected_date", "paused_until"),
        yes_no=("urgent", "call_before"),
        parsed=("alternatives", "outcome", "safety_questions", "goals", "needs"),
    )._replace(shared=keys.parsed(row[10]), safety_answers=keys.parsed(row[8]))


class ReferralListed(NamedTuple):
    """A line of the list of a person's referrals."""

    id: str
    reference: str
    state: str
    since: datetime
    activity: str
    provider: str
    link_worker: str
    risks: str | None
    safety_notes: str | None
    activity_id: str
    reason: str | None


REFERRALS_OF = Sql(
    """
SELECT r.id, r.reference, r.state, r.since, a.name, po.name, u.name, r.risks, r.safety_notes,
  a.id, r.reason
FROM referral r
JOIN membership m ON m.id = r.link_worker_id
JOIN app_user u ON u.id = m.user_id
JOIN provider pr ON pr.id = r.provider_id
JOIN organisation po ON po.id = pr.organisation_id
JOIN activity a ON a.id = r.activity_id
WHERE r.person_id = :person_id AND r.organisation_id = :org
ORDER BY r.created_at DESC, r.id DESC LIMIT 100
""",
    _times(ReferralListed, "since"),
    _times(ReferralListed, "safety_notes"),
)


def referrals_of(tx: Tx, seen: PersonSeen) -> list[ReferralListed]:
    """The referrals of a person, newest first."""
    rows = tx.rows(REFERRALS_OF, person_id=seen.id, org=seen.organisation_id)
    return [_shaped(ReferralListed, row) for row in rows]


PROVIDERS_OF = Sql(
    """SELECT DISTINCT CAST(pr.id AS text), po.name FROM referral r
  JOIN provider pr ON pr.id = r.provider_id JOIN organisation po ON po.id = pr.organisation_id
  WHERE r.person_id = :person_id AND r.organisation_id = :org AND r.state <> 'in_error'
  ORDER BY po.name"""
)


def providers_of(tx: Tx, seen: PersonSeen) -> list[tuple[str, str]]:
    """(id, name) of the providers the person was referred to, or is being."""
    rows = tx.rows(PROVIDERS_OF, person_id=seen.id, org=seen.organisation_id)
    return [(str(row[0]), str(row[1])) for row in rows]


PROVIDER_ORGANISATIONS_OF = Sql(
    """SELECT DISTINCT CAST(po.id AS text), po.name FROM referral r
  JOIN provider pr ON pr.id = r.provider_id JOIN organisation po ON po.id = pr.organisation_id
  WHERE r.person_id = :person_id AND r.organisation_id = :org AND r.sent_at IS NOT NULL
  ORDER BY po.name"""
)


def provider_organisations_of(tx: Tx, seen: PersonSeen) -> list[tuple[str, str]]:
    """(id, name) of the organisations of the providers who know of the person."""
    rows = tx.rows(PROVIDER_ORGANISATIONS_OF, person_id=seen.id, org=seen.organisation_id)
    return [(str(row[0]), str(row[1])) for row in rows]


PROVIDER = Sql(
    "SELECT po.id, po.name FROM provider pr JOIN organisation po ON po.id = pr.organisation_id"
    " WHERE pr.id = :id AND pr.system_id = :system_id"
)


def provider(tx: Tx, actor: Actor, provider_id: str) -> tuple[str, str] | None:
    """(id, name) of the organisation of a provider of the actor's system."""
    row = tx.row(PROVIDER, id=provider_id, system_id=actor.system_id)
    return None if row is None else (str(row[0]), str(row[1]))


class ClockSeen(NamedTuple):
    """A running clock."""

    kind: str
    owner: str
    started: datetime
    due: datetime
    hours: bool


CLOCKS = Sql(
    "SELECT kind, owner, started, due, hours FROM clock WHERE record_id = :id AND ended IS NULL"
    " ORDER BY due, id",
    (2, 3),
)


def clocks(tx: Tx, record_id: str) -> list[ClockSeen]:
    """The running clocks of a record, soonest first."""
    return [_shaped(ClockSeen, row, yes_no=("hours",)) for row in tx.rows(CLOCKS, id=record_id)]


class Colleague(NamedTuple):
    """Somebody who may be chosen."""

    membership_id: str
    user_id: str
    name: str
    role: str
    organisation: str


COLLEAGUES = Sql(
    """
SELECT m.id, u.id, u.name, m.role, o.name FROM membership m
JOIN app_user u ON u.id = m.user_id JOIN organisation o ON o.id = m.organisation_id
WHERE m.organisation_id = :org AND m.system_id = :system_id AND u.active
  AND m.started_at <= :at AND (m.ended_at IS NULL OR m.ended_at > :at)
ORDER BY u.name, m.id LIMIT 200
"""
)


COLLEAGUE = Sql(
    "SELECT m.id, u.id, u.name, m.role, o.name FROM membership m"
    " JOIN app_user u ON u.id = m.user_id JOIN organisation o ON o.id = m.organisation_id"
    " WHERE m.id = :id AND m.system_id = :system_id"
)


def colleague(tx: Tx, actor: Actor, at: datetime, membership_id: str) -> Colleague | None:
    """One member."""
    row = tx.row(COLLEAGUE, id=membership_id, system_id=actor.system_id)
    return None if row is None else Colleague._make(row)


def colleagues(tx: Tx, actor: Actor, at: datetime, organisation_id: str) -> list[Colleague]:
    """Who works in an organisation now."""
    rows = tx.rows(COLLEAGUES, org=organisation_id, system_id=actor.system_id, at=at)
    return [Colleague._make(row) for row in rows]


# -- activities ---------------------------------------------------------------------------------


class ActivitySeen(NamedTuple):
    """A group of an activity, and what its provider's papers say now."""

    group_id: str
    group: str
    places_left: int
    starts_on: date | None
    activity_id: str
    activity_status: str
    name: str
    description: str | None
    when_words: str | None
    location: str | None
    access_words: str | None
    getting_there: str | None
    cost_words: str | None
    confirmed_at: datetime | None
    minimum_age: int | None
    maximum_age: int | None
    provider_id: str
    provider: str
    assurance_state: str | None
    conditional_activities: str | None
    evidence_until: datetime | None
    agreement_live: bool
    postcode: str | None


_ACTIVITIES = f"""
SELECT g.id, g.name, g.capacity - g.members_from_outside - g.taken, g.starts_on, a.id, a.status,
  a.name, a.description, a.when_words, a.location, a.access_words, a.getting_there, a.cost_words,
  a.confirmed_at, a.minimum_age, a.maximum_age, pr.id, o.name, ass.state,
  ass.conditional_activities,
  (SELECT min(coalesce(e.grace_until, e.until)) FROM evidence e
    WHERE e.provider_id = pr.id AND {of("e", EVIDENCE_COUNTS)}),
  EXISTS (SELECT 1 FROM agreement_party a1 JOIN agreement ag ON ag.id = a1.agreement_id
    JOIN agreement_party a2 ON a2.agreement_id = ag.id
    WHERE a1.organisation_id = pr.organisation_id AND a2.organisation_id = :org
    AND ag.kind = 'sharing' AND {of("ag", AGREEMENT_LIVE)} AND ag.review_at > :at),
  a.postcode
FROM activity_group g
JOIN activity a ON a.id = g.activity_id
JOIN provider pr ON pr.id = a.provider_id
JOIN organisation o ON o.id = pr.organisation_id
LEFT JOIN assurance ass ON ass.provider_id = pr.id
WHERE g.system_id = :system_id
"""
_ACTIVITY_TIMES = _times(ActivitySeen, "confirmed_at", "evidence_until")
_MATCHES = """ AND (lower(a.name) LIKE :like OR lower(o.name) LIKE :like
    OR lower(coalesce(a.description, '')) LIKE :like OR lower(coalesce(a.location, '')) LIKE :like
    OR lower(coalesce(a.when_words, '')) LIKE :like
    OR lower(coalesce(a.getting_there, '')) LIKE :like)"""
_OPEN = _ACTIVITIES + " AND a.status = 'open'" + _MATCHES
_BY_NAME = " ORDER BY a.name, g.id LIMIT :most"
_LAST = """(SELECT xa.name FROM activity_group x JOIN activity xa ON xa.id = x.activity_id
        WHERE x.id = :after)"""
OPEN_ACTIVITIES = Sql(_OPEN + _BY_NAME, _ACTIVITY_TIMES)
OPEN_ACTIVITIES_AFTER = Sql(
    f"{_OPEN} AND (a.name > {_LAST} OR (a.name = {_LAST} AND g.id > :after)){_BY_NAME}",
    _ACTIVITY_TIMES,
)
ONE_GROUP = Sql(_ACTIVITIES + " AND g.id = :group_id", _ACTIVITY_TIMES)
GROUPS_OF = _ACTIVITIES + " AND a.id {ids} ORDER BY g.starts_on, g.id"


def _activity(row: tuple[Any, ...]) -> ActivitySeen:
    return _shaped(ActivitySeen, row, days=("starts_on",), yes_no=("agreement_live",))


def activities(
    tx: Tx,
    actor: Actor,
    at: datetime,
    organisation_id: str,
    words: str = "",
    after: str = "",
    most: int = 21,
) -> list[ActivitySeen]:
    """The open activities of the system, as one organisation may refer to them; with `after`, those
    after this group."""
    like = "%" + words.lower().replace("%", "").replace("_", " ") + "%"
    rows = tx.rows(
        OPEN_ACTIVITIES_AFTER if after else OPEN_ACTIVITIES,
        org=organisation_id,
        system_id=actor.system_id,
        at=at,
        like=like,
        after=after,
        most=most,
    )
    return [_activity(row) for row in rows]


def group(
    tx: Tx, actor: Actor, at: datetime, organisation_id: str, group_id: str
) -> ActivitySeen | None:
    """One group of an activity."""
    row = tx.row(
        ONE_GROUP, org=organisation_id, system_id=actor.system_id, at=at, group_id=group_id
    )
    return None if row is None else _activity(row)


def ranked(
    tx: Tx, actor: Actor, at: datetime, organisation_id: str, activity_ids: Iterable[str]
) -> list[ActivitySeen]:
    """The first group of each of these activities, in the order given."""
    wanted = list(activity_ids)
    if not wanted:
        return []
    rows = tx.rows(
        _many(GROUPS_OF, _ACTIVITY_TIMES, tx.pg),
        org=organisation_id,
        system_id=actor.system_id,
        at=at,
        ids=_list(wanted, tx.pg),
    )
    first: dict[str, ActivitySeen] = {}
    for one in map(_activity, rows):
        first.setdefault(one.activity_id, one)
    return [first[one] for one in wanted if one in first]


class Answered(NamedTuple):
    """A referral that was sent, when its provider first answered, and what they decided."""

    provider_id: str
    sent_at: datetime
    first_at: datetime | None
    decision: str | None


NEWEST = 20
FIRST_WORDS = ("ask", "put_on_waiting_list", "accept", "decline", "contact")
DECISIONS = ("put_on_waiting_list", "accept", "decline", "lapse")
ANSWERED = """
WITH recent AS (
  SELECT r.id, r.provider_id, row_number() OVER (
    PARTITION BY r.provider_id ORDER BY r.since DESC, r.id DESC) AS number
  FROM referral r
  WHERE r.organisation_id = :org AND r.sent_at IS NOT NULL AND r.provider_id {ids})
SELECT CAST(x.provider_id AS text), CAST(x.id AS text), s.trigger, s.at
FROM recent x JOIN step s ON s.record_id = x.id
WHERE x.number <= :most ORDER BY x.id, s.version
"""


def answered(tx: Tx, actor: Actor, provider_ids: Iterable[str]) -> list[Answered]:
    """How these providers answered the newest referrals of the actor's own organisation."""
    rows = tx.rows(
        _many(ANSWERED, (3,), tx.pg),
        ids=_list(set(provider_ids), tx.pg),
        org=actor.organisation_id,
        most=NEWEST,
    )
    found: list[Answered] = []
    for _record, steps in groupby(rows, key=lambda row: row[1]):
        one = None
        for provider_id, _id, trigger, at in steps:
            if trigger == "send" and one is None:
                one = Answered(provider_id, at, None, None)
            elif one is not None:
                if one.first_at is None and trigger in FIRST_WORDS:
                    one = one._replace(first_at=at)
                if one.decision is None and trigger in DECISIONS:
                    one = one._replace(decision=trigger)
        if one is not None:
            found.append(one)
    return found


# -- consent ------------------------------------------------------------------------------------


class ConsentSeen(NamedTuple):
    """One answer of a person, with the wording they heard."""

    id: str
    purpose: str
    recipient: str
    state: str
    version: int
    asked_at: datetime
    answered_at: datetime | None
    until: datetime | None
    how: str | None
    basis: str | None
    present: str | None
    provider: str | None
    asked_by: str
    wording_number: int | None
    wording: str | None
    person_id: str
    capacity_note_id: str | None
    capacity_id: str | None
    language: str | None


_CONSENTS = """
SELECT c.id, c.purpose, c.recipient, c.state, c.version, c.asked_at, c.answered_at, c.until, c.how,
  c.basis, c.present, po.name, u.name, w.number, w.body, c.person_id, c.capacity_note_id,
  c.capacity_id, w.language
FROM consent c
JOIN membership m ON m.id = c.link_worker_id
JOIN app_user u ON u.id = m.user_id
LEFT JOIN wording w ON w.id = c.wording_id
LEFT JOIN provider pr ON CAST(pr.id AS text) = c.recipient
LEFT JOIN organisation po ON po.id = pr.organisation_id
"""
_CONSENT_TIMES = _times(ConsentSeen, "asked_at", "answered_at", "until")
_CONSENT_SEALED = _times(ConsentSeen, "present")
CONSENTS = Sql(
    _CONSENTS + " WHERE c.person_id = :person_id ORDER BY c.asked_at DESC, c.id DESC LIMIT 100",
    _CONSENT_TIMES,
    _CONSENT_SEALED,
)
CONSENT = Sql(
    _CONSENTS + " WHERE c.id = :id AND c.system_id = :system_id", _CONSENT_TIMES, _CONSENT_SEALED
)


def _consent(row: tuple[Any, ...]) -> ConsentSeen:
    return _shaped(ConsentSeen, row)


def consents(tx: Tx, person_id: str) -> list[ConsentSeen]:
    """Every answer of a person, newest first."""
    return [_consent(row) for row in tx.rows(CONSENTS, person_id=person_id)]


def consent(tx: Tx, actor: Actor, consent_id: str) -> ConsentSeen | None:
    """One answer."""
    row = tx.row(CONSENT, id=consent_id, system_id=actor.system_id)
    return None if row is None else _consent(row)


class WordingSeen(NamedTuple):
    """The words to read out now."""

    id: str
    purpose: str
    number: int
    body: str
    from_at: datetime
    language: str


WORDINGS = Sql(
    """SELECT w.id, w.purpose, w.number, w.body, w.from_at, w.language FROM wording w
  WHERE w.system_id = :system_id AND w.language IN (:language, 'en') AND w.from_at <= :at
    AND NOT EXISTS (SELECT 1 FROM wording n WHERE n.system_id = w.system_id
      AND n.purpose = w.purpose AND n.language = w.language AND n.from_at <= :at
      AND n.number > w.number)""",
    _times(WordingSeen, "from_at"),
)


def wordings(tx: Tx, actor: Actor, at: datetime, language: str = "en") -> dict[str, WordingSeen]:
    """The newest wording of each purpose: in this language, or in English where there is none."""
    rows = tx.rows(WORDINGS, system_id=actor.system_id, language=language, at=at)
    found = [WordingSeen._make(row) for row in rows]
    return {w.purpose: w for w in sorted(found, key=lambda w: w.language == language)}


LANGUAGES = Sql(
    "SELECT DISTINCT w.purpose, w.language FROM wording w"
    " WHERE w.system_id = :system_id AND w.from_at <= :at ORDER BY w.purpose, w.language"
)


def wording_languages(tx: Tx, actor: Actor, at: datetime) -> dict[str, list[str]]:
    """In which languages each purpose can be read out now."""
    found: dict[str, list[str]] = {}
    for purpose, language in tx.rows(LANGUAGES, system_id=actor.system_id, at=at):
        found.setdefault(str(purpose), []).append(str(language))
    return found


# -- two people ---------------------------------------------------------------------------------


class Proposal(NamedTuple):
    """A move that waits for a second person."""

    id: str
    noun: str
    record_id: str
    trigger: str
    given: dict[str, Any] | None
    proposed_by: str
    proposer: str
    proposed_at: datetime
    answer: str | None


_PROPOSALS = """
SELECT c.id, c.noun, c.record_id, c.trigger, c.given, c.proposed_by, u.name, c.proposed_at, c.answer
FROM confirmation c JOIN membership m ON m.id = c.proposed_by JOIN app_user u ON u.id = m.user_id
"""
PROPOSAL = Sql(
    _PROPOSALS + " WHERE c.id = :id AND c.system_id = :system_id",
    _times(Proposal, "proposed_at"),
    _times(Proposal, "given"),
)
PROPOSALS_ON = Sql(
    _PROPOSALS + " WHERE c.record_id = :record_id AND c.answer IS NULL ORDER BY c.proposed_at",
    _times(Proposal, "proposed_at"),
    _times(Proposal, "given"),
)
PROPOSALS_IN = Sql(
    _PROPOSALS
    + " WHERE c.organisation_id = :org AND c.system_id = :system_id AND c.noun = 'referral'"
    " AND c.answer IS NULL ORDER BY c.proposed_at LIMIT 50",
    _times(Proposal, "proposed_at"),
    _times(Proposal, "given"),
)


def _proposal(row: tuple[Any, ...]) -> Proposal:
    return _shaped(Proposal, row)._replace(given=keys.parsed(row[4]))


def proposal(tx: Tx, actor: Actor, proposal_id: str) -> Proposal | None:
    """One proposal."""
    row = tx.row(PROPOSAL, id=proposal_id, system_id=actor.system_id)
    return None if row is None else _proposal(row)


def proposals_on(tx: Tx, record_id: str) -> list[Proposal]:
    """The proposals about a record that nobody has answered."""
    return [_proposal(row) for row in tx.rows(PROPOSALS_ON, record_id=record_id)]


def proposals_in(tx: Tx, actor: Actor) -> list[Proposal]:
    """The proposals about referrals of the actor's organisation that nobody has answered."""
    rows = tx.rows(PROPOSALS_IN, org=actor.organisation_id, system_id=actor.system_id)
    return [_proposal(row) for row in rows]


# -- concerns -----------------------------------------------------------------------------------


class ConcernSeen(NamedTuple):
    """A concern with the names of everyone in it. For its holder and the ladder; its raiser gets
    less."""

    id: str
    reference: str
    state: str
    version: int
    since: datetime
    created_at: datetime
    rung: int
    holder: str
    danger: bool
    seen: str
    prompts: dict[str, str] | None
    wishes: str | None
    person_knows: str | None
    child: bool | None
    others_at_risk: str | None
    advocate: str | None
    categories: list[str] | None
    person_id: str | None
    provider_id: str | None
    provider: str | None
    referral_id: str | None
    referral_reference: str | None
    raised_by: str | None
    raiser: str | None
    raiser_organisation: str | None
    organisation_id: str
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    reported_to: str | None
    authority_route: str | None
    reported_at: datetime | None
    authority_reference: str | None
    authority_decision: str | None
    reason: str | None
    wishes_met: str | None
    why_not_asked: str | None
    closed_at: datetime | None
    on_hold: bool


CONCERN = Sql(
    f"""
SELECT c.id, c.reference, c.state, c.version, c.since, c.created_at, c.rung, c.holder, c.danger,
  c.seen, c.prompts, c.wishes, c.person_knows, c.child, c.others_at_risk, c.advocate,
  c.categories, c.person_id, c.provider_id, po.name, c.referral_id,
  r.reference, c.raised_by, u.name, og.name, c.organisation_id, c.acknowledged_at, au.name,
  c.reported_to, c.authority_route, c.reported_at, c.authority_reference, c.authority_decision,
  c.reason, c.wishes_met, c.why_not_asked, c.closed_at,
  EXISTS (SELECT 1 FROM hold h WHERE h.concern_id = c.id AND {of("h", HOLD_LIVE)}), {keys.COLUMNS}
FROM concern c
LEFT JOIN person pe ON pe.id = c.person_id
{keys.JOIN}
JOIN organisation og ON og.id = c.organisation_id
LEFT JOIN membership m ON m.id = c.raised_by
LEFT JOIN app_user u ON u.id = m.user_id
LEFT JOIN membership am ON am.id = c.acknowledged_by
LEFT JOIN app_user au ON au.id = am.user_id
LEFT JOIN provider pr ON pr.id = c.provider_id
LEFT JOIN organisation po ON po.id = pr.organisation_id
LEFT JOIN referral r ON r.id = c.referral_id
WHERE c.id = :id AND c.system_id = :system_id
""",
    _times(ConcernSeen, "since", "created_at", "acknowledged_at", "reported_at", "closed_at"),
    _times(ConcernSeen, "seen", "wishes"),
    keyed=True,
)


def concern(tx: Tx, actor: Actor, concern_id: str) -> ConcernSeen | None:
    """A concern the actor has been let at."""
    row = tx.row(CONCERN, id=concern_id, system_id=actor.system_id)
    if row is None:
        return None
    return _shaped(
        ConcernSeen,
        row,
        yes_no=("danger", "on_hold", "child"),
        parsed=("prompts", "categories"),
    )


class SourceSeen(NamedTuple):
    """Somebody named as a source of harm; `struck_at`: when they were taken out again, having been
    named by mistake."""

    id: str
    name: str | None
    organisation: str | None
    words: str | None
    struck_at: datetime | None
    unreported: bool = False  # somebody on staff, of whom nobody who hears of it was told


SOURCES = Sql(
    "SELECT s.id, u.name, o.name, s.words, s.struck_at,"
    f" CASE WHEN {UNREPORTED} THEN 1 ELSE 0 END FROM concern_source s"
    " LEFT JOIN app_user u ON u.id = coalesce(s.user_id, s.was_user_id)"
    " LEFT JOIN organisation o ON o.id = coalesce(s.organisation_id, s.was_organisation_id)"
    " WHERE s.concern_id = :id ORDER BY s.struck_at IS NOT NULL, s.id",
    _times(SourceSeen, "struck_at"),
    sealed=_times(SourceSeen, "words"),
)


def sources(tx: Tx, concern_id: str) -> list[SourceSeen]:
    """Who is named in a concern: for its holder and the ladder only."""
    return [
        _shaped(SourceSeen, row, yes_no=("unreported",)) for row in tx.rows(SOURCES, id=concern_id)
    ]


class CallSeen(NamedTuple):
    """An authority, or 999, was told of a concern."""

    route: str | None
    whom: str | None
    told_at: datetime
    reference: str | None
    told_by: str | None
    reported: bool
    member: str


CALLS = Sql(
    """SELECT k.route, k.whom, k.told_at, k.reference, u.name, k.reported, k.told_by
  FROM authority_call k
  JOIN membership m ON m.id = k.told_by JOIN app_user u ON u.id = m.user_id
  WHERE k.concern_id = :id ORDER BY k.told_at, k.id""",
    _times(CallSeen, "told_at"),
    _times(CallSeen, "whom"),
)


def calls(tx: Tx, concern_id: str) -> list[CallSeen]:
    """Every time somebody told an authority, or 999, of a concern: for its holder and the ladder;
    its raiser sees their own."""
    rows = tx.rows(CALLS, id=concern_id)
    return [_shaped(CallSeen, row, yes_no=("reported",)) for row in rows]


FEEDBACK = Sql(
    "SELECT n.body FROM step s JOIN note n ON n.id = s.note_id"
    " WHERE s.record_id = :id AND s.trigger = 'close' ORDER BY s.version DESC LIMIT 1",
    sealed=(0,),
)


def feedback(tx: Tx, concern_id: str) -> str | None:
    """What its raiser was told when it was closed."""
    row = tx.row(FEEDBACK, id=concern_id)
    return row[0] if row else None


class ConcernListed(NamedTuple):
    """A line of the list of concerns."""

    id: str
    reference: str
    state: str
    created_at: datetime
    danger: bool
    holder: str
    due: datetime | None
    hours: bool | None


_CONCERN_LINE = """
SELECT c.id, c.reference, c.state, c.created_at, c.danger, c.holder, t.due, t.hours
FROM concern c
LEFT JOIN clock t ON t.record_id = c.id AND t.ended IS NULL
"""
_CONCERN_LINE_TIMES = _times(ConcernListed, "created_at", "due")
NOT_NAMED = f"NOT {IMPLICATED}"
HELD_PG = Sql(
    f"{_CONCERN_LINE} WHERE c.system_id = :system_id AND c.state <> 'closed'"
    f" AND c.holder = ANY(:keys) AND {NOT_NAMED} ORDER BY t.due, c.id LIMIT 100",
    _CONCERN_LINE_TIMES,
)
HELD_SQLITE = Sql(
    f"{_CONCERN_LINE} WHERE c.system_id = :system_id AND c.state <> 'closed'"
    " AND c.holder IN (SELECT value FROM json_each(:keys))"
    f" AND {NOT_NAMED} ORDER BY t.due, c.id LIMIT 100",
    _CONCERN_LINE_TIMES,
)
BELOW = Sql(
    f"""{_CONCERN_LINE}
  JOIN organisation og ON og.id = c.organisation_id JOIN place pl ON pl.id = og.place_id
  WHERE c.system_id = :system_id AND c.state <> 'closed' AND {under()}
    AND {NOT_NAMED} ORDER BY t.due, c.id LIMIT 100""",
    _CONCERN_LINE_TIMES,
)
RAISED_BY = Sql(
    f"{_CONCERN_LINE} WHERE c.raised_by = :member AND NOT {NAMED_MYSELF}"
    " ORDER BY c.created_at DESC, c.id DESC LIMIT 50",
    _CONCERN_LINE_TIMES,
)


def _concern_lines(rows: list[tuple[Any, ...]]) -> list[ConcernListed]:
    return [_shaped(ConcernListed, row, yes_no=("danger", "hours")) for row in rows]


def concerns_held(tx: Tx, actor: Actor, at: datetime) -> list[ConcernListed]:
    """The open concerns the actor holds, none of which names them or their organisation."""
    keys = sorted(actor.keys)
    query, given = (HELD_PG, keys) if tx.pg else (HELD_SQLITE, json.dumps(keys))
    return _concern_lines(tx.rows(query, **asking(actor, at), keys=given))


def concerns_below(tx: Tx, actor: Actor, at: datetime) -> list[ConcernListed]:
    """The open concerns of the place a higher rung answers for."""
    if not actor.place_path or actor.role not in (Role.SAFEGUARDING_LEAD, Role.ACCOUNTABLE_OFFICER):
        return []
    return _concern_lines(tx.rows(BELOW, **{**asking(actor, at), **asked(actor)}))


ABOUT = Sql(
    f"{_CONCERN_LINE} WHERE c.system_id = :system_id AND c.person_id = :person_id"
    f" AND c.state <> 'closed' AND {NOT_NAMED} ORDER BY t.due, c.id LIMIT 100",
    _CONCERN_LINE_TIMES,
)


def concerns_about(tx: Tx, actor: Actor, person_id: str) -> list[ConcernListed]:
    """The open concerns about a person the actor was let at, none of which names the actor."""
    rows = tx.rows(
        ABOUT,
        system_id=actor.system_id,
        person_id=person_id,
        user_id=actor.user_id,
        actor_org=actor.organisation_id,
    )
    return _concern_lines(rows)


def concerns_raised(tx: Tx, actor: Actor) -> list[ConcernListed]:
    """The concerns the actor raised."""
    asked = {"member": actor.membership_id, "user_id": actor.user_id}
    return _concern_lines(tx.rows(RAISED_BY, **asked))


class Unseen(NamedTuple):
    """A concern whose raiser waits for somebody to read it, or was just told who has. `inside`:
    they are of an organisation it names, and don't hear who."""

    id: str
    reference: str
    unseen: bool
    seen_by: str | None
    seen_at: datetime | None
    inside: bool


UNSEEN = Sql(
    f"""SELECT c.id, c.reference, CASE WHEN c.state = 'raised' THEN 1 ELSE 0 END, u.name,
    c.acknowledged_at, {IMPLICATED}
  FROM concern c LEFT JOIN membership m ON m.id = c.acknowledged_by
  LEFT JOIN app_user u ON u.id = m.user_id
  WHERE c.raised_by = :member AND (c.state = 'raised' OR c.acknowledged_at > :since)
    AND NOT {NAMED_MYSELF}
  ORDER BY c.state <> 'raised', c.created_at LIMIT 3""",
    _times(Unseen, "seen_at"),
)


def unseen_concerns(tx: Tx, actor: Actor, since: datetime) -> list[Unseen]:
    """The concerns this member raised that no human has read yet, and those read since."""
    rows = tx.rows(
        UNSEEN,
        member=actor.membership_id,
        user_id=actor.user_id,
        actor_org=actor.organisation_id,
        since=since,
    )
    return [_shaped(Unseen, row, yes_no=("unseen", "inside")) for row in rows]


OWNER = Sql(
    "SELECT name FROM organisation WHERE id = :where"
    " UNION ALL SELECT name FROM place WHERE id = :where"
)
OWNER_MEMBER = Sql(
    "SELECT u.name FROM membership m JOIN app_user u ON u.id = m.user_id WHERE m.id = :where"
)


def owner(tx: Tx, key: str) -> tuple[str, str]:
    """(kind, name) of an owner key: ("member", "Priya Shah"), ("safeguarding_lead", "Harbour")."""
    kind, _, where = key.partition("@")
    row = tx.row(OWNER_MEMBER if kind == "member" else OWNER, where=where)
    return kind, str(row[0]) if row else ""


RUNGS = Sql(
    """
SELECT DISTINCT m.role, CAST(m.organisation_id AS text), CAST(m.place_id AS text), o.name, p.name
FROM membership m JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
LEFT JOIN place p ON p.id = m.place_id
WHERE m.system_id = :system_id AND u.active AND m.ended_at IS NULL
  AND m.role IN ('safeguarding_lead','accountable_officer')
  AND (m.organisation_id = :org OR m.place_id IS NOT NULL)
ORDER BY 1 DESC, 5, 4 LIMIT 60
"""
)


def rungs(tx: Tx, actor: Actor, organisation_id: str) -> list[tuple[str, str, str]]:
    """(owner key, role, where) of the rungs a concern of this organisation can be handed to."""
    found = []
    for role, org, place, org_name, place_name in tx.rows(
        RUNGS, system_id=actor.system_id, org=organisation_id
    ):
        found.append((f"{role}@{place or org}", role, place_name or org_name))
    return found
