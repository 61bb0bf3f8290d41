"""What is so about one record, for one actor, at one time: read in one query a noun.

Each `Facts` is a NamedTuple in the order of its query. Guards see nothing else. The texts here
repeat the predicates of the partial indexes literally (`referral.schema`); a test refuses a plan
that scans a growing table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import cache, wraps
from typing import Any, NamedTuple, TypeVar

from referral import retention
from referral.actors import NOBODY, Actor
from referral.ladder import Source
from referral.people_checks import under_age
from referral.policy import CEILINGS, SHIPPED, Rules, rules_at
from referral.retention import keeps_open, requests_open
from referral.rotas import ALLEGATIONS
from referral.schema import (
    AGREEMENT_LIVE,
    CONCERN_OPEN,
    CONSENT_ASKED,
    CONSENT_GIVEN,
    EVIDENCE_COUNTS,
    HOLD_LIVE,
    OVERRIDE_LIVE,
    REFERRAL_DUPLICATE,
    day,
    of,
)
from referral.states import (
    OVERTAKABLE,
    REFERRAL_OPEN,
    UNFINISHED,
    WITH_PROVIDER,
    Noun,
    Purpose,
    Role,
    listed,
)
from referral.store import Sql, Tx, with_times

# -- fragments said once ------------------------------------------------------------------------

ABSENT = """(lw.ended_at IS NOT NULL OR (lw.away_from <= :at
     AND (lw.away_until IS NULL OR lw.away_until > :at))
     OR EXISTS (SELECT 1 FROM app_user su WHERE su.id = lw.user_id AND NOT su.active))"""

NAMED_IN_CONCERN = """EXISTS (SELECT 1 FROM guard.concern k
     JOIN guard.concern_source ks ON ks.concern_id = k.id
     WHERE {reach} AND {open} AND {who})"""


def named(reach: str, who: str) -> str:
    """Whether somebody (`who`) is named as a source of harm in an open concern that reaches."""
    return NAMED_IN_CONCERN.format(reach=reach, open=of("k", CONCERN_OPEN), who=who)


ACTOR_NAMED = "(ks.user_id = :user_id OR ks.organisation_id = :actor_org)"

# Who may neither see nor act on a concern `c`: whoever is named in it, anyone of an organisation
# named, and anyone of the provider it is about.
IMPLICATED = """(EXISTS (SELECT 1 FROM guard.concern_source s WHERE s.concern_id = c.id
    AND (s.user_id = :user_id OR s.organisation_id = :actor_org))
  OR EXISTS (SELECT 1 FROM provider ip WHERE ip.id = c.provider_id
    AND ip.organisation_id = :actor_org))"""

# Whoever raised one and was named in it themselves has raised nothing that is there for them.
NAMED_MYSELF = """EXISTS (SELECT 1 FROM guard.concern_source s WHERE s.concern_id = c.id
    AND s.user_id = :user_id)"""


def closed_person(person: str) -> str:
    """Whether a person's record (`person`: the column of their id) is closed to the actor, who is
    named in an open concern about them, or whose side is under a full hold. Whatever rests on the
    one rests on the other, since nothing may tell which it is."""
    return f"""({named(f"k.person_id = {person}", ACTOR_NAMED)}
   OR EXISTS (SELECT 1 FROM guard.hold h WHERE h.person_id = {person} AND {of("h", HOLD_LIVE)}
       AND h.closed_to = :side AND h.referral_id IS NULL AND (h.provider_id IS NULL
         OR EXISTS (SELECT 1 FROM provider v WHERE v.id = h.provider_id
           AND v.organisation_id = :actor_org))))"""


# To whom a review `e` isn't there: those to whom the person's record is closed, and of one about a
# concern whoever may not see that concern.
CLOSED_MATTER = f"""({closed_person("e.person_id")} OR (e.about = 'concern'
    AND EXISTS (SELECT 1 FROM guard.concern c WHERE c.id = e.about_id AND {IMPLICATED})))"""


def side_closed(person: str, side: str) -> str:
    """Whether a full hold closes this person's record to a whole side."""
    return f"""EXISTS (SELECT 1 FROM guard.hold h WHERE h.person_id = {person}
     AND {of("h", HOLD_LIVE)} AND h.closed_to = '{side}' AND h.provider_id IS NULL
     AND h.referral_id IS NULL)"""


HELD = f"""(EXISTS (SELECT 1 FROM guard.hold h WHERE h.person_id = r.person_id
       AND {of("h", HOLD_LIVE)} AND (h.provider_id IS NULL OR h.provider_id = r.provider_id)
       AND (h.referral_id IS NULL OR h.referral_id = r.id))
   OR EXISTS (SELECT 1 FROM guard.hold h WHERE h.provider_id = r.provider_id AND h.person_id IS NULL
       AND {of("h", HOLD_LIVE)}))"""

ANSWERED = """(SELECT i.body_hash || ' ' || i.answer FROM idempotency i
     WHERE i.system_id = :system_id AND i.actor_id = :actor_id AND i.key = :key)"""

# Whether a clock of the record may be late without having been marked so: `look_at` never lies
# behind the time that counts, so this is the quick question before the exact one.
LATE = """EXISTS (SELECT 1 FROM clock t WHERE t.record_id = {record} AND t.ended IS NULL
     AND t.missed IS NULL AND t.look_at <= :at)"""
# Two columns: whether an escalation that a clock raised about this record is open, and LATE.
ALARM = (
    "EXISTS (SELECT 1 FROM guard.escalation x WHERE x.about_id = {record} AND x.closed_at IS NULL"
    f" AND x.clock_id IS NOT NULL), {LATE}"
)


# -- referral -----------------------------------------------------------------------------------


class ReferralFacts(NamedTuple):
    """What the referral's guards, clocks and tellings rest on."""

    id: str
    state: str | None
    version: int
    system_id: str
    organisation_id: str
    reference: str
    person_id: str
    provider_id: str
    activity_id: str
    group_id: str
    link_worker_id: str
    risks: str | None
    urgent: bool
    contacted_at: datetime | None
    expected_date: date | None
    paused_until: date | None
    redirected_from: str | None
    since: datetime
    sent_at: datetime | None
    completed_at: datetime | None
    subject_ref: str
    person_gate: int
    died_on: date | None
    erased: bool
    identified: bool
    provider_org: str
    provider_gate: int
    place_path: str
    provider_place_path: str
    activity_status: str
    places_left: int
    starts_on: date | None
    breaks: str | None
    assurance_state: str | None
    conditional_activities: str | None
    evidence_until: datetime | None
    link_worker_user: str
    link_worker_absent: bool
    link_worker_implicated: bool
    consent_id: str | None
    override_id: str | None
    practice_agreed: bool
    agreement_live: bool
    held: bool
    closed_to_actor: bool
    duplicate: bool
    long_clock: bool
    alarm: bool
    answered: str | None
    late: bool = False
    policy: str | None = None
    actor_membership: str = ""
    actor_org: str = ""
    rules: Rules = SHIPPED


_REFERRAL = f"""
SELECT r.id, r.state, r.version, r.system_id, r.organisation_id, r.reference, r.person_id,
  r.provider_id, r.activity_id, r.group_id, r.link_worker_id, r.risks, r.urgent, r.contacted_at,
  r.expected_date, r.paused_until, r.redirected_from, r.since, r.sent_at, r.completed_at,
  pe.subject_ref, pe.gate, pe.died_on, pe.erased_at IS NOT NULL,
  (pe.given_name <> '' AND pe.family_name <> '' AND pe.birth_date IS NOT NULL
    AND pe.practice IS NOT NULL
    AND (pe.nhs_number IS NOT NULL OR pe.no_nhs_number IS NOT NULL)),
  pr.organisation_id, pr.gate, pl.path, ppl.path,
  ac.status, g.capacity - g.members_from_outside - g.taken, g.starts_on, g.breaks,
  CASE WHEN ass.state = 'conditional' AND ass.conditions_until <= :at THEN 'in_review'
    ELSE ass.state END, ass.conditional_activities,
  (SELECT min(coalesce(e.grace_until, e.until)) FROM evidence e
    WHERE e.provider_id = r.provider_id AND {of("e", EVIDENCE_COUNTS)}),
  lw.user_id, {ABSENT},
  ({named("k.person_id = r.person_id", "ks.user_id = lw.user_id")}
   OR {side_closed("r.person_id", "link_worker")}),
  (SELECT c.id FROM guard.consent c WHERE c.person_id = r.person_id
    AND c.recipient = CAST(r.provider_id AS text) AND c.purpose = 'share_with_provider'
    AND {of("c", CONSENT_GIVEN)} AND c.until > :at),
  (SELECT min(CAST(o.id AS text)) FROM guard.override o WHERE o.person_id = r.person_id
    AND o.recipient = CAST(r.provider_id AS text) AND {of("o", OVERRIDE_LIVE)}
    AND (o.until IS NULL OR o.until > :at)),
  EXISTS (SELECT 1 FROM guard.consent c WHERE c.person_id = r.person_id AND c.recipient = 'practice'
    AND c.purpose = 'tell_practice' AND {of("c", CONSENT_GIVEN)} AND c.until > :at),
  EXISTS (SELECT 1 FROM agreement_party a1 JOIN agreement a ON a.id = a1.agreement_id
    JOIN agreement_party a2 ON a2.agreement_id = a.id
    WHERE a1.organisation_id = pr.organisation_id AND a2.organisation_id = r.organisation_id
    AND a.kind = 'sharing' AND {of("a", AGREEMENT_LIVE)} AND a.review_at > :at),
  {HELD},
  ({named("k.person_id = r.person_id", ACTOR_NAMED)}
   OR {named("k.provider_id = r.provider_id", ACTOR_NAMED)}
   OR EXISTS (SELECT 1 FROM guard.hold h WHERE h.person_id = r.person_id AND {of("h", HOLD_LIVE)}
       AND h.closed_to = :side AND (h.provider_id IS NULL OR h.provider_id = r.provider_id)
       AND (h.referral_id IS NULL OR h.referral_id = r.id))),
  EXISTS (SELECT 1 FROM guard.referral d WHERE d.person_id = r.person_id
    AND d.provider_id = r.provider_id AND d.activity_id = r.activity_id AND d.id <> r.id
    AND {of("d", REFERRAL_DUPLICATE)}),
  EXISTS (SELECT 1 FROM clock t WHERE t.record_id = r.id AND t.kind = 'referral.not_started'
    AND t.ended IS NULL),
  EXISTS (SELECT 1 FROM guard.escalation x WHERE x.about_id = r.id AND x.closed_at IS NULL
    AND x.clock_id IS NOT NULL),
  {ANSWERED}, {LATE.format(record="r.id")}, pl.policy
FROM guard.referral r
JOIN guard.person pe ON pe.id = r.person_id
JOIN provider pr ON pr.id = r.provider_id
JOIN organisation og ON og.id = r.organisation_id
JOIN place pl ON pl.id = og.place_id
JOIN organisation pog ON pog.id = pr.organisation_id
JOIN place ppl ON ppl.id = pog.place_id
JOIN activity ac ON ac.id = r.activity_id
JOIN activity_group g ON g.id = r.group_id
JOIN membership lw ON lw.id = r.link_worker_id
LEFT JOIN assurance ass ON ass.provider_id = r.provider_id
"""


def _positions(facts: type[Any], *names: str) -> tuple[int, ...]:
    return tuple(facts._fields.index(name) for name in names)


REFERRAL_TIMES = _positions(
    ReferralFacts, "contacted_at", "since", "sent_at", "completed_at", "evidence_until"
)
REFERRAL_DAYS = _positions(ReferralFacts, "expected_date", "paused_until", "died_on", "starts_on")
REFERRAL = Sql(_REFERRAL + "WHERE r.id = :id AND r.system_id = :system_id", REFERRAL_TIMES)
REFERRALS_PG = Sql(_REFERRAL + "WHERE r.id = ANY(:ids) AND r.system_id = :system_id")
REFERRALS_SQLITE = Sql(
    _REFERRAL + "WHERE r.id IN (SELECT value FROM json_each(:ids)) AND r.system_id = :system_id"
)


def side_of(actor: Actor) -> str:
    """The side to which a full hold may close a record: the provider's, or the link workers'. Those
    who lead and answer for both are on neither."""
    if actor.role == "provider_leader":
        return "provider"
    return "link_worker" if actor.role == "link_worker" else "neither"


def asking(actor: Actor, at: datetime, key: str | None = None) -> dict[str, Any]:
    """The parameters every facts query shares."""
    return {
        "system_id": actor.system_id,
        "actor_id": actor.id,
        "user_id": actor.user_id,
        "actor_org": actor.organisation_id,
        "side": side_of(actor),
        "key": key or "",
        "at": at,
    }


def _days(values: list[Any], positions: Iterable[int]) -> None:
    for i in positions:
        values[i] = day(values[i])


_PLACE_PATH = ReferralFacts._fields.index("place_path")


def _referral(tx: Tx, row: tuple[Any, ...], actor: Actor, at: datetime) -> ReferralFacts:
    rules = rules_at(tx, row[-1], row[_PLACE_PATH], at)
    if tx.pg:
        return ReferralFacts._make((*row, actor.membership_id, actor.organisation_id, rules))
    values = list(with_times(row, REFERRAL_TIMES))
    _days(values, REFERRAL_DAYS)
    return ReferralFacts._make((*values, actor.membership_id, actor.organisation_id, rules))


def referral(
    tx: Tx, record_id: str, actor: Actor, at: datetime, key: str | None = None
) -> ReferralFacts | None:
    """The facts of one referral; None if there is no such referral in the actor's system."""
    query = REFERRAL
    values = query.values({**asking(actor, at, key), "id": record_id})
    row = tx.execute(tx.text_of(query), values).fetchone()
    return None if row is None else _referral(tx, row, actor, at)


def referrals(tx: Tx, ids: list[str], actor: Actor, at: datetime) -> dict[str, ReferralFacts]:
    """The facts of a page of referrals, in one query."""
    query = REFERRALS_PG if tx.pg else REFERRALS_SQLITE
    values = query.values({**asking(actor, at), "ids": ids if tx.pg else json.dumps(ids)})
    rows = tx.execute(tx.text_of(query), values).fetchall()
    return {row[0]: _referral(tx, row, actor, at) for row in rows}


STANDS_IN = Sql(
    f"""SELECT {ABSENT} OR {named("1 = 1", "ks.user_id = lw.user_id")}
  FROM membership lw WHERE lw.id = :id"""
)


def _stands_in(tx: Tx, raiser: str | None, at: datetime) -> bool:
    """Whether the link worker of the record is away, gone or named, so that the lead stands in."""
    if raiser is None or not raiser.startswith("member@"):
        return False
    row = tx.row(STANDS_IN, id=raiser.removeprefix("member@"), at=at)
    return bool(row and row[0])


# -- consent ------------------------------------------------------------------------------------


class ConsentFacts(NamedTuple):
    """What the consent's moves rest on."""

    id: str
    state: str | None
    version: int
    system_id: str
    organisation_id: str
    person_id: str
    purpose: str
    recipient: str
    link_worker_id: str
    until: datetime | None
    since: datetime | None
    renews_id: str | None
    subject_ref: str
    person_gate: int
    died_on: date | None
    place_path: str
    provider_org: str | None
    link_worker_absent: bool
    link_worker_implicated: bool
    closed_to_actor: bool
    needed: bool
    in_force: bool
    alarm: bool
    answered: str | None
    late: bool = False
    policy: str | None = None
    actor_membership: str = ""
    actor_org: str = ""
    rules: Rules = SHIPPED


_SIDE_CLOSED = closed_person("pe.id")
_CONSENT_PATH = ConsentFacts._fields.index("place_path")
_NEEDED = """EXISTS (SELECT 1 FROM guard.referral r WHERE r.person_id = c.person_id
    AND CAST(r.provider_id AS text) = c.recipient AND r.state IN ({states}))"""
# An answer about something else than one provider is asked again while anything goes on.
_COUNTED_ON = f"""EXISTS (SELECT 1 FROM guard.referral r WHERE r.person_id = c.person_id
    AND (c.purpose <> '{Purpose.SHARE_WITH_PROVIDER}' OR CAST(r.provider_id AS text) = c.recipient)
    AND r.state IN ({listed(*UNFINISHED)}))"""
_CONSENT = f"""
SELECT c.id, c.state, c.version, c.system_id, c.organisation_id, c.person_id, c.purpose,
  c.recipient, c.link_worker_id, c.until, c.since, c.renews_id,
  pe.subject_ref, pe.gate, pe.died_on, pl.path, pr.organisation_id,
  {ABSENT},
  ({named("k.person_id = pe.id", "ks.user_id = lw.user_id")}
   OR {side_closed("pe.id", "link_worker")}),
  {_SIDE_CLOSED},
  CASE WHEN c.state = 'asked' THEN {_NEEDED.format(states=listed(*REFERRAL_OPEN))}
    WHEN c.state = 'given' THEN {_COUNTED_ON}
    ELSE {_NEEDED.format(states=listed(*WITH_PROVIDER))}
      AND NOT EXISTS (SELECT 1 FROM guard.consent n WHERE n.person_id = c.person_id
        AND n.recipient = c.recipient AND n.purpose = c.purpose AND n.asked_at > c.asked_at)
      AND NOT EXISTS (SELECT 1 FROM guard.override o WHERE o.person_id = c.person_id
        AND o.recipient = c.recipient AND {of("o", OVERRIDE_LIVE)}) END,
  EXISTS (SELECT 1 FROM guard.consent n WHERE n.person_id = c.person_id
    AND n.recipient = c.recipient AND n.purpose = c.purpose AND n.id <> c.id
    AND ({of("n", CONSENT_GIVEN)} OR {of("n", CONSENT_ASKED)})),
  EXISTS (SELECT 1 FROM guard.escalation x WHERE x.about_id = c.id AND x.closed_at IS NULL
    AND x.clock_id IS NOT NULL),
  {ANSWERED}, {LATE.format(record="c.id")}, pl.policy
FROM guard.consent c
JOIN guard.person pe ON pe.id = c.person_id
JOIN organisation og ON og.id = c.organisation_id
JOIN place pl ON pl.id = og.place_id
JOIN membership lw ON lw.id = c.link_worker_id
LEFT JOIN provider pr ON CAST(pr.id AS text) = c.recipient
"""
_CONSENT_TIMES = _positions(ConsentFacts, "until", "since")
CONSENT = Sql(_CONSENT + "WHERE c.id = :id AND c.system_id = :system_id", _CONSENT_TIMES)
CONSENTS_PG = Sql(_CONSENT + "WHERE c.id = ANY(:ids) AND c.system_id = :system_id", _CONSENT_TIMES)
CONSENTS_SQLITE = Sql(
    _CONSENT + "WHERE c.id IN (SELECT value FROM json_each(:ids)) AND c.system_id = :system_id",
    _CONSENT_TIMES,
)
NEW_CONSENT = Sql(
    f"""
SELECT pe.system_id, pe.organisation_id, pe.subject_ref, pe.gate, pe.died_on, pl.path,
  {_SIDE_CLOSED},
  EXISTS (SELECT 1 FROM guard.consent n WHERE n.person_id = pe.id AND n.recipient = :recipient
    AND n.purpose = :purpose AND ({of("n", CONSENT_ASKED)}
      OR ({of("n", CONSENT_GIVEN)} AND CAST(n.id AS text) <> :renews))),
  {ANSWERED}, pl.policy
FROM guard.person pe
JOIN organisation og ON og.id = pe.organisation_id
JOIN place pl ON pl.id = og.place_id
WHERE pe.id = :person_id AND pe.system_id = :system_id AND pe.erased_at IS NULL
"""
)


def consent(
    tx: Tx, record_id: str, actor: Actor, at: datetime, key: str | None = None
) -> ConsentFacts | None:
    """The facts of one consent."""
    row = tx.row(CONSENT, **asking(actor, at, key), id=record_id)
    return None if row is None else _consent(tx, row, actor, at)


def consents(tx: Tx, ids: list[str], actor: Actor, at: datetime) -> dict[str, ConsentFacts]:
    """The facts of several consents, in one query."""
    rows = tx.rows(
        CONSENTS_PG if tx.pg else CONSENTS_SQLITE,
        **asking(actor, at),
        ids=ids if tx.pg else json.dumps(ids),
    )
    return {row[0]: _consent(tx, row, actor, at) for row in rows}


def _consent(tx: Tx, row: tuple[Any, ...], actor: Actor, at: datetime) -> ConsentFacts:
    values = list(row)
    _days(values, _positions(ConsentFacts, "died_on"))
    rules = rules_at(tx, values[-1], values[_CONSENT_PATH], at)
    return ConsentFacts._make((*values, actor.membership_id, actor.organisation_id, rules))


def new_consent(
    tx: Tx, given: Any, actor: Actor, at: datetime, key: str | None = None
) -> ConsentFacts | None:
    """The facts before a question is put: None if the person isn't in the actor's system."""
    row = tx.row(
        NEW_CONSENT,
        **asking(actor, at, key),
        person_id=given["person_id"],
        purpose=given["purpose"],
        recipient=given["recipient"],
        renews=given.get("renews_id") or "",
    )
    if row is None:
        return None
    system_id, org, subject, gate, died, path, closed, in_force, answered, newest = row
    worker = given.get("link_worker_id") or actor.membership_id
    return ConsentFacts(
        id=given["id"],
        state=None,
        version=0,
        system_id=system_id,
        organisation_id=org,
        person_id=given["person_id"],
        purpose=given["purpose"],
        recipient=given["recipient"],
        link_worker_id=worker,
        until=None,
        since=None,
        renews_id=given.get("renews_id"),
        subject_ref=subject,
        person_gate=gate,
        died_on=day(died),
        place_path=path,
        provider_org=None,
        link_worker_absent=actor.role == "team_lead" and _stands_in(tx, f"member@{worker}", at),
        link_worker_implicated=False,
        closed_to_actor=closed,
        needed=True,
        in_force=in_force,
        alarm=False,
        answered=answered,
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
        rules=rules_at(tx, newest, path, at),
    )


# -- override -----------------------------------------------------------------------------------


class OverrideFacts(NamedTuple):
    """What the moves of sharing without consent rest on."""

    id: str
    state: str | None
    version: int
    system_id: str
    organisation_id: str
    reference: str
    person_id: str
    recipient: str
    proposed_by: str
    rung: int
    holder: str
    danger: bool
    until: datetime | None
    since: datetime | None
    subject_ref: str
    person_gate: int
    place_path: str
    provider_org: str
    by_proposer: bool
    by_approver: bool
    closed_to_actor: bool
    alarm: bool
    answered: str | None
    late: bool = False
    policy: str | None = None
    next_rung: int = 0
    next_holder: str = ""
    governance: str = ""
    actor_membership: str = ""
    actor_org: str = ""
    rules: Rules = SHIPPED


# To whom it isn't there: whoever is named in a concern about the person or the provider, and the
# side a full hold closes the person to.
OVERRIDE_CLOSED = f"""({_SIDE_CLOSED} OR {named("k.provider_id = pr.id", ACTOR_NAMED)})"""
OVERRIDE = Sql(
    f"""
SELECT o.id, o.state, o.version, o.system_id, o.organisation_id, o.reference, o.person_id,
  o.recipient, o.proposed_by, o.rung, o.holder, o.danger, o.until, o.since,
  pe.subject_ref, pe.gate, pl.path, pr.organisation_id,
  EXISTS (SELECT 1 FROM membership m WHERE m.id = o.proposed_by AND m.user_id = :user_id),
  EXISTS (SELECT 1 FROM membership m WHERE m.id = o.decided_by AND m.user_id = :user_id),
  {OVERRIDE_CLOSED},
  EXISTS (SELECT 1 FROM guard.escalation x WHERE x.about_id = o.id AND x.closed_at IS NULL
    AND x.clock_id IS NOT NULL),
  {ANSWERED}, {LATE.format(record="o.id")}, pl.policy
FROM guard.override o
JOIN guard.person pe ON pe.id = o.person_id
JOIN organisation og ON og.id = o.organisation_id
JOIN place pl ON pl.id = og.place_id
JOIN provider pr ON CAST(pr.id AS text) = o.recipient
WHERE o.id = :id AND o.system_id = :system_id
""",
    _positions(OverrideFacts, "until", "since"),
)
NEW_OVERRIDE = Sql(
    f"""
SELECT pe.system_id, pe.organisation_id, pe.subject_ref, pe.gate, pl.path, pr.organisation_id,
  {OVERRIDE_CLOSED}, {ANSWERED}, pl.policy
FROM guard.person pe
JOIN organisation og ON og.id = pe.organisation_id
JOIN place pl ON pl.id = og.place_id
JOIN provider pr ON CAST(pr.id AS text) = :recipient AND pr.system_id = pe.system_id
WHERE pe.id = :person_id AND pe.system_id = :system_id AND pe.erased_at IS NULL
"""
)
_SOURCES_OPEN = f"""SELECT s.user_id, s.organisation_id FROM guard.concern k
  JOIN guard.concern_source s ON s.concern_id = k.id WHERE {of("k", CONCERN_OPEN)}"""
OVERRIDE_BARRED = Sql(
    f"{_SOURCES_OPEN} AND k.person_id = :person_id"
    f" UNION ALL {_SOURCES_OPEN} AND k.provider_id = :recipient"
)
USER_OF = Sql("SELECT user_id FROM membership WHERE id = :id")


def user_of(tx: Tx, membership_id: str) -> str | None:
    """Whose membership it is."""
    row = tx.row(USER_OF, id=membership_id)
    return None if row is None else str(row[0])


def _rung(tx: Tx, f: OverrideFacts, at_least: int, at: datetime) -> tuple[int, str]:
    """The first rung of the safeguarding ladder without the proposer and whoever is named."""
    from referral import ladder

    rows = tx.rows(OVERRIDE_BARRED, person_id=f.person_id, recipient=f.recipient)
    proposer = tx.row(USER_OF, id=f.proposed_by)
    users = {row[0] for row in rows if row[0]} | ({proposer[0]} if proposer else set())
    barred = ladder.Barred(frozenset(users), frozenset(row[1] for row in rows if row[1]))
    return ladder.safeguarding(
        tx, f.system_id, f.organisation_id, f.place_path, at_least, barred, at
    )


def override(
    tx: Tx, record_id: str, actor: Actor, at: datetime, key: str | None = None
) -> OverrideFacts | None:
    """The facts of sharing without consent, with the rung above that may decide, and who reviews
    it at the end."""
    from referral import ladder

    row = tx.row(OVERRIDE, **asking(actor, at, key), id=record_id)
    if row is None:
        return None
    f = OverrideFacts(*row)
    rung, holder = _rung(tx, f, f.rung + 1, at)
    _, governance = ladder.reviewers(tx, f.system_id, f.organisation_id, f.place_path, 2, 3, at)
    return f._replace(
        next_rung=rung,
        next_holder=holder,
        governance=governance,
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
        rules=rules_at(tx, f.policy, f.place_path, at),
    )


def new_override(
    tx: Tx, given: Any, actor: Actor, at: datetime, key: str | None = None
) -> OverrideFacts | None:
    """The facts before one is proposed: None if person or provider aren't in the system."""
    row = tx.row(
        NEW_OVERRIDE,
        **asking(actor, at, key),
        person_id=given["person_id"],
        recipient=given["recipient"],
    )
    if row is None:
        return None
    system_id, org, subject, gate, path, provider_org, closed, answered, newest = row
    f = OverrideFacts(
        id=given["id"],
        state=None,
        version=0,
        system_id=system_id,
        organisation_id=org,
        reference=given["reference"],
        person_id=given["person_id"],
        recipient=given["recipient"],
        proposed_by=actor.membership_id,
        rung=0,
        holder="",
        danger=bool(given.get("danger")),
        until=None,
        since=None,
        subject_ref=subject,
        person_gate=gate,
        place_path=path,
        provider_org=provider_org,
        by_proposer=True,
        by_approver=False,
        closed_to_actor=closed,
        alarm=False,
        answered=answered,
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
        rules=rules_at(tx, newest, path, at),
    )
    rung, holder = _rung(tx, f, 1, at)
    return f._replace(rung=rung, holder=holder)


# -- a new referral -----------------------------------------------------------------------------

NEW_REFERRAL = Sql(
    f"""
SELECT pe.system_id, pe.organisation_id, pe.subject_ref, pe.gate, pe.died_on, pl.path,
  pr.id, pr.organisation_id, pr.gate, ac.id, g.id, g.starts_on,
  {_SIDE_CLOSED}, {ANSWERED}, pl.policy
FROM guard.person pe
JOIN organisation og ON og.id = pe.organisation_id
JOIN place pl ON pl.id = og.place_id
JOIN activity_group g ON g.id = :group_id
JOIN activity ac ON ac.id = g.activity_id AND ac.system_id = pe.system_id
JOIN provider pr ON pr.id = ac.provider_id
WHERE pe.id = :person_id AND pe.system_id = :system_id AND pe.erased_at IS NULL
"""
)


class NewReferralFacts(NamedTuple):
    """What a new referral rests on."""

    id: str
    state: str | None
    version: int
    system_id: str
    organisation_id: str
    subject_ref: str
    person_gate: int
    died_on: date | None
    place_path: str
    provider_id: str
    provider_org: str
    provider_gate: int
    activity_id: str
    group_id: str
    starts_on: date | None
    closed_to_actor: bool
    answered: str | None
    policy: str | None
    person_id: str
    link_worker_id: str
    reference: str
    urgent: bool
    link_worker_absent: bool = False
    link_worker_implicated: bool = False
    provider_place_path: str = ""
    practice_agreed: bool = False
    long_clock: bool = False
    alarm: bool = False
    breaks: str | None = None
    contacted_at: datetime | None = None
    actor_membership: str = ""
    actor_org: str = ""
    rules: Rules = SHIPPED


# `_make` fills no defaults of its own.
NEW_REFERRAL_REST = tuple(NewReferralFacts._field_defaults.values())


def new_referral(
    tx: Tx, given: Any, actor: Actor, at: datetime, key: str | None = None
) -> NewReferralFacts | None:
    """The facts before a referral is begun: None if person or activity aren't in the system."""
    row = tx.row(
        NEW_REFERRAL,
        **asking(actor, at, key),
        person_id=given["person_id"],
        group_id=given["group_id"],
    )
    if row is None:
        return None
    values = list(row)
    _days(values, (4, 11))
    lead = (given["id"], None, 0)
    said = (
        given["person_id"],
        given.get("link_worker_id") or actor.membership_id,
        given["reference"],
        bool(given.get("urgent")),
    )
    known = NewReferralFacts._make((*lead, *values, *said, *NEW_REFERRAL_REST))
    return known._replace(
        # A stand-in begins a referral only where `redirect` does it for the one already named.
        link_worker_absent=actor.role == "team_lead" and bool(given.get("redirected_from")),
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
        rules=rules_at(tx, known.policy, known.place_path, at),
    )


# -- concern ------------------------------------------------------------------------------------


class ConcernFacts(NamedTuple):
    """What the concern's moves rest on."""

    id: str
    state: str | None
    version: int
    system_id: str
    organisation_id: str
    reference: str
    person_id: str | None
    provider_id: str | None
    referral_id: str | None
    rung: int
    holder: str
    danger: bool
    raised_by: str | None
    since: datetime | None
    subject_ref: str | None
    person_gate: int | None
    provider_gate: int | None
    place_path: str
    actor_implicated: bool
    held_by_it: bool
    answered: str | None
    late: bool = False
    policy: str | None = None
    next_rung: int = 0
    next_holder: str = ""
    closed_to_actor: bool = False
    alarm: bool = False
    actor_membership: str = ""
    actor_org: str = ""
    rules: Rules = SHIPPED
    child: bool = False
    staff_named: bool = False
    staff_unreported: bool = False  # and nobody who hears of worries about staff was told of each
    erased: bool = False
    raiser_named: bool = False
    sources: tuple[Source, ...] = ()
    free_rung: int = 0  # the first from its own up that isn't barred, and who stands there
    free_holder: str = ""


# Somebody on staff, where no call to those who hear of worries about staff was written down with
# their name or after it: ids are in the order of time, and what was said before speaks of others.
UNREPORTED = f"""(s.user_id IS NOT NULL OR s.organisation_id IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM guard.authority_call k WHERE k.concern_id = s.concern_id
    AND k.route IN ({listed(*ALLEGATIONS)})
    AND substr(CAST(k.id AS text), 1, 13) >= substr(CAST(s.id AS text), 1, 13))"""
CONCERN = Sql(
    f"""
SELECT c.id, c.state, c.version, c.system_id, c.organisation_id, c.reference, c.person_id,
  c.provider_id, c.referral_id, c.rung, c.holder, c.danger, c.raised_by, c.since,
  pe.subject_ref, pe.gate, pr.gate, pl.path,
  {IMPLICATED},
  EXISTS (SELECT 1 FROM guard.hold h WHERE h.concern_id = c.id AND {of("h", HOLD_LIVE)}),
  {ANSWERED}, {LATE.format(record="c.id")}, pl.policy, c.child, pe.birth_date,
  EXISTS (SELECT 1 FROM guard.concern_source s WHERE s.concern_id = c.id
    AND (s.user_id IS NOT NULL OR s.organisation_id IS NOT NULL)),
  EXISTS (SELECT 1 FROM guard.concern_source s WHERE s.concern_id = c.id AND {UNREPORTED}),
  pe.erased_at IS NOT NULL,
  EXISTS (SELECT 1 FROM guard.concern_source s JOIN membership m ON m.user_id = s.user_id
    WHERE s.concern_id = c.id AND m.id = c.raised_by)
FROM guard.concern c
JOIN organisation og ON og.id = c.organisation_id
JOIN place pl ON pl.id = og.place_id
LEFT JOIN guard.person pe ON pe.id = c.person_id
LEFT JOIN provider pr ON pr.id = c.provider_id
WHERE c.id = :id AND c.system_id = :system_id
""",
    _positions(ConcernFacts, "since"),
)
NEW_CONCERN = Sql(
    f"""
SELECT og.system_id, og.id, pl.path,
  (SELECT pe.subject_ref FROM guard.person pe WHERE pe.id = :person_id
     AND pe.system_id = og.system_id),
  (SELECT pe.gate FROM guard.person pe WHERE pe.id = :person_id
     AND pe.system_id = og.system_id),
  (SELECT pr.gate FROM provider pr WHERE pr.id = :provider_id
     AND pr.system_id = og.system_id),
  {ANSWERED}, pl.policy,
  (SELECT pe.birth_date FROM guard.person pe WHERE pe.id = :person_id
     AND pe.system_id = og.system_id),
  (SELECT CAST(pr.organisation_id AS text) FROM provider pr WHERE pr.id = :provider_id
     AND pr.system_id = og.system_id)
FROM organisation og JOIN place pl ON pl.id = og.place_id
WHERE og.id = :actor_org AND og.system_id = :system_id
"""
)


def _is_child(said: Any, born: Any, at: datetime) -> bool:
    """Whether a concern is about a child: by the date of birth, or else as its raiser said."""
    known = under_age(day(born), at.date())
    return bool(said) if known is None else known


def concern(
    tx: Tx, record_id: str, actor: Actor, at: datetime, key: str | None = None
) -> ConcernFacts | None:
    """The facts of one concern, with the rung above it that isn't barred."""
    from referral import ladder

    row = tx.row(CONCERN, **asking(actor, at, key), id=record_id)
    if row is None:
        return None
    *own, child, born, staff_named, unreported, erased, raiser_named = row
    sources, barred = ladder.named_in(tx, record_id)
    f = ConcernFacts(*own)._replace(
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
        child=_is_child(child, born, at),
        staff_named=bool(staff_named),
        staff_unreported=bool(unreported),
        erased=bool(erased),
        raiser_named=bool(raiser_named),
        sources=sources,
    )
    found = ladder.ladder(tx, f.system_id, f.organisation_id, f.place_path, at)
    next_rung, next_holder = ladder.first_free(found, f.rung + 1, barred)
    free_rung, free_holder = ladder.first_free(found, f.rung, barred)
    return f._replace(
        next_rung=next_rung,
        next_holder=next_holder,
        free_rung=free_rung,
        free_holder=free_holder,
        rules=rules_at(tx, f.policy, f.place_path, at),
    )


TEAM_OF = Sql("SELECT organisation_id FROM guard.person WHERE id = :id AND system_id = :system_id")


def _team_of(tx: Tx, person: Actor) -> str:
    """The organisation that holds the person: theirs is the ladder, when they speak themselves."""
    row = tx.row(TEAM_OF, id=person.person_id, system_id=person.system_id)
    return NOBODY if row is None else str(row[0])


def new_concern(
    tx: Tx, given: Any, actor: Actor, at: datetime, key: str | None = None
) -> ConcernFacts | None:
    """The facts before a concern is raised: who will hold it."""
    from referral import ladder

    asked = asking(actor, at, key)
    if actor.role == Role.PERSON:
        asked["actor_org"] = _team_of(tx, actor)
    row = tx.row(
        NEW_CONCERN,
        **asked,
        person_id=given.get("person_id") or None,
        provider_id=given.get("provider_id") or None,
    )
    if row is None:
        return None
    system_id, org, path, subject, person_gate, provider_gate, answered, newest, *more = row
    born, about_org = more
    if given.get("person_id") and subject is None:
        return None
    if given.get("provider_id") and provider_gate is None:
        return None
    sources = ladder.Barred(
        frozenset(s["user_id"] for s in given.get("sources", ()) if s.get("user_id")),
        frozenset(
            s["organisation_id"] for s in given.get("sources", ()) if s.get("organisation_id")
        )
        | ({about_org} if about_org else frozenset()),
    )
    rung, holder = ladder.safeguarding(tx, system_id, org, path, 1, sources, at)
    return ConcernFacts(
        id=given["id"],
        state=None,
        version=0,
        system_id=system_id,
        organisation_id=org,
        reference=given["reference"],
        person_id=given.get("person_id"),
        provider_id=given.get("provider_id"),
        referral_id=given.get("referral_id"),
        rung=rung,
        holder=holder,
        danger=bool(given.get("danger")),
        raised_by=None if actor.membership_id == NOBODY else actor.membership_id,
        since=None,
        subject_ref=subject,
        person_gate=person_gate,
        provider_gate=provider_gate,
        place_path=path,
        actor_implicated=False,
        held_by_it=False,
        answered=answered,
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
        rules=rules_at(tx, newest, path, at),
        child=_is_child(given.get("child"), born, at),
        staff_named=any(
            s.get("user_id") or s.get("organisation_id") for s in given.get("sources", ())
        ),
    )


# -- escalation ---------------------------------------------------------------------------------


class EscalationFacts(NamedTuple):
    """What the escalation's moves rest on."""

    id: str
    state: str | None
    version: int
    system_id: str
    organisation_id: str
    reference: str
    kind: str
    severity: str
    about: str | None
    about_id: str | None
    person_id: str | None
    level: int
    ceiling: int
    owner: str
    raiser: str
    raised_by: str | None
    clock_id: int | None
    reviewer_id: str | None
    asked: str | None
    unanswered: int
    closed_at: datetime | None
    since: datetime | None
    place_path: str
    subject_ref: str | None
    unsettled: int
    told_at: datetime | None
    actor_implicated: bool
    conflict: bool
    answered: str | None
    policy: str | None = None
    next_level: int = 0
    next_owner: str = ""
    stands_in: bool = False
    link_worker_id: str | None = None  # for whom a stand-in raises it
    closed_to_actor: bool = False
    alarm: bool = False
    late: bool = False
    actor_membership: str = ""
    actor_org: str = ""
    rules: Rules = SHIPPED
    review_path: str = ""  # of the place whose ladder it climbs
    erased: bool = False  # the person it is about


OF_THE_PROVIDER = frozenset({"quality", "capacity"})
ESCALATION = Sql(
    f"""
SELECT e.id, e.state, e.version, e.system_id, e.organisation_id, e.reference, e.kind, e.severity,
  e.about, e.about_id, e.person_id, e.level, e.ceiling, e.owner, e.raiser, e.raised_by, e.clock_id,
  e.reviewer_id, e.asked, e.unanswered, e.closed_at, e.since, pl.path, pe.subject_ref,
  (SELECT count(*) FROM guard.consequence q WHERE q.escalation_id = e.id
     AND q.state NOT IN ('done','waived')),
  e.told_at,
  {CLOSED_MATTER},
  (CAST(e.raised_by AS text) = :actor_id OR e.raiser = :member
     OR EXISTS (SELECT 1 FROM guard.referral r WHERE r.id = e.about_id
         AND r.link_worker_id = :membership)
     OR EXISTS (SELECT 1 FROM guard.referral r JOIN provider p ON p.id = r.provider_id
        WHERE r.id = e.about_id AND p.organisation_id = :actor_org)
     OR EXISTS (SELECT 1 FROM provider p WHERE p.id = e.about_id
        AND p.organisation_id = :actor_org)),
  {ANSWERED}, pl.policy,
  coalesce((SELECT ppl.path FROM guard.referral rr JOIN provider rp ON rp.id = rr.provider_id
     JOIN organisation po ON po.id = rp.organisation_id JOIN place ppl ON ppl.id = po.place_id
     WHERE rr.id = e.about_id AND e.kind IN ({listed(*OF_THE_PROVIDER)})), pl.path),
  {ALARM.format(record="e.id")}, pe.erased_at IS NOT NULL
FROM guard.escalation e
JOIN organisation og ON og.id = e.organisation_id
JOIN place pl ON pl.id = og.place_id
LEFT JOIN guard.person pe ON pe.id = e.person_id
WHERE e.id = :id AND e.system_id = :system_id
""",
    _positions(EscalationFacts, "closed_at", "since", "told_at"),
)


def escalation(
    tx: Tx, record_id: str, actor: Actor, at: datetime, key: str | None = None
) -> EscalationFacts | None:
    """The facts of one escalation, with the level above it."""
    from referral import ladder

    row = tx.row(
        ESCALATION,
        **asking(actor, at, key),
        id=record_id,
        membership=actor.membership_id,
        member=f"member@{actor.membership_id}",
    )
    if row is None:
        return None
    *own, path, alarm, late, erased = row
    f = EscalationFacts(*own)
    f = f._replace(
        review_path=path,
        erased=bool(erased),
        alarm=bool(alarm),
        late=bool(late),
        conflict=bool(f.conflict),
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
    )
    above = min(f.level + 1, f.ceiling) if f.level < f.ceiling else f.level
    found = ladder.ladder(tx, f.system_id, f.organisation_id, f.review_path, at)
    level, owner = found.review(above, f.ceiling, excluding=f.raised_by)
    return f._replace(
        next_level=level,
        next_owner=owner,
        rules=rules_at(tx, f.policy, f.place_path, at),
    )


ABOUT: dict[str, Sql] = {
    "referral": Sql(
        "SELECT r.organisation_id, r.person_id, 'member@' || CAST(r.link_worker_id AS text)"
        " FROM guard.referral r WHERE r.id = :id AND r.system_id = :system_id"
    ),
    "consent": Sql(
        "SELECT c.organisation_id, c.person_id, 'member@' || CAST(c.link_worker_id AS text)"
        " FROM guard.consent c WHERE c.id = :id AND c.system_id = :system_id"
    ),
    "override": Sql(
        "SELECT o.organisation_id, o.person_id, o.holder FROM guard.override o"
        " WHERE o.id = :id AND o.system_id = :system_id"
    ),
    "hold": Sql(
        "SELECT h.organisation_id, h.person_id, h.owner FROM guard.hold h"
        " WHERE h.id = :id AND h.system_id = :system_id"
    ),
    "assurance": Sql(
        "SELECT a.organisation_id, NULL, 'provider_leader@' || CAST(a.organisation_id AS text)"
        " FROM assurance a WHERE a.id = :id AND a.system_id = :system_id"
    ),
    "provider": Sql(
        "SELECT a.organisation_id, NULL, 'provider_leader@' || CAST(a.organisation_id AS text)"
        " FROM provider a WHERE a.id = :id AND a.system_id = :system_id"
    ),
    "agreement": Sql(
        "SELECT a.organisation_id, NULL, 'governance_lead@' || CAST(a.organisation_id AS text)"
        " FROM agreement a WHERE a.id = :id AND a.system_id = :system_id"
    ),
    "place": Sql(
        "SELECT o.id, NULL, NULL FROM place p JOIN place up"
        " ON substr(p.path, 1, length(up.path)) = up.path"
        " JOIN organisation o ON o.place_id = up.id AND o.ended_at IS NULL"
        " WHERE p.id = :id AND p.system_id = :system_id"
        " ORDER BY length(up.path) DESC, CASE WHEN o.kind = 'board' THEN 0 ELSE 1 END,"
        " o.created_at, o.id LIMIT 1"
    ),
    "emergency": Sql(
        "SELECT y.organisation_id, y.person_id, NULL FROM guard.emergency y"
        " WHERE y.id = :id AND y.system_id = :system_id"
    ),
    "escalation": Sql(
        "SELECT e.organisation_id, e.person_id, e.owner FROM guard.escalation e"
        " WHERE e.id = :id AND e.system_id = :system_id"
    ),
    # The person themselves complains of how they are treated: of no referral, or of their team.
    "person": Sql(
        "SELECT pe.organisation_id, pe.id, NULL FROM guard.person pe"
        " WHERE pe.id = :id AND pe.system_id = :system_id"
    ),
    "rights_request": Sql(
        "SELECT q.organisation_id, q.person_id, t.owner FROM guard.rights_request q"
        " LEFT JOIN clock t ON t.record_id = q.id AND t.ended IS NULL"
        " WHERE q.id = :id AND q.system_id = :system_id"
    ),
    "concern": Sql(
        "SELECT c.organisation_id, NULL, c.holder FROM guard.concern c"
        " WHERE c.id = :id AND c.system_id = :system_id"
    ),
}
# How good it is and how much there is, is for the provider's place to answer.
PROVIDER_PATH = Sql(
    "SELECT ppl.path FROM guard.referral r JOIN provider p ON p.id = r.provider_id"
    " JOIN organisation po ON po.id = p.organisation_id JOIN place ppl ON ppl.id = po.place_id"
    " WHERE r.id = :id"
)
PLACE_OF = Sql(
    "SELECT pl.path, pl.policy FROM organisation og JOIN place pl ON pl.id = og.place_id"
    " WHERE og.id = :id AND og.system_id = :system_id"
)
SUBJECT_OF = Sql("SELECT subject_ref FROM guard.person WHERE id = :id")
EARLIER = Sql(f"SELECT {ANSWERED}")


def new_escalation(
    tx: Tx, given: Any, actor: Actor, at: datetime, key: str | None = None
) -> EscalationFacts | None:
    """The facts before an escalation is raised: who reviews it, and at which level."""
    from referral import ladder

    about, about_id = given.get("about"), given.get("about_id")
    organisation_id, person_id, raiser = actor.organisation_id, None, None
    if about in ABOUT and about_id:
        row = tx.row(ABOUT[about], id=about_id, system_id=actor.system_id)
        if row is None:
            return None
        organisation_id, person_id, raiser = row
    found = tx.row(PLACE_OF, id=organisation_id, system_id=actor.system_id)
    if found is None:
        return None
    path = found[0]
    if about == "referral" and given.get("kind") in OF_THE_PROVIDER:
        theirs = tx.row(PROVIDER_PATH, id=about_id)
        path = theirs[0] if theirs else path
    rungs = ladder.ladder(tx, actor.system_id, organisation_id, path, at)
    rules = rules_at(tx, found[1], found[0], at)
    kind = rules.ceiling(given["kind"]) if given.get("kind") in CEILINGS else 3
    wanted = int(given.get("level", 1))
    ceiling = rungs.highest(max(kind, wanted))
    level, owner = rungs.review(
        wanted, ceiling, excluding=actor.user_id if actor.role != "system" else None
    )
    if level >= kind:
        ceiling = max(ceiling, rungs.highest(min(kind + 1, ladder.TOP)))
    subject = tx.row(SUBJECT_OF, id=person_id) if person_id else None
    answered = tx.row(EARLIER, system_id=actor.system_id, actor_id=actor.id, key=key or "")
    by_person = actor.role != "system"
    mine = (
        f"person@{actor.person_id}" if actor.role == "person" else f"member@{actor.membership_id}"
    )
    return EscalationFacts(
        id=given["id"],
        state=None,
        version=0,
        system_id=actor.system_id,
        organisation_id=organisation_id,
        reference=given["reference"],
        kind=given.get("kind", ""),
        severity=given.get("severity") or "medium",
        about=about,
        about_id=about_id,
        person_id=person_id,
        level=level,
        ceiling=max(ceiling, level),
        owner=owner,
        raiser=f"group@{given['id']}"
        if given.get("from_group")
        else mine
        if by_person
        else (raiser or owner),
        raised_by=actor.membership_id if by_person and actor.role != "person" else None,
        clock_id=given.get("clock_id"),
        reviewer_id=None,
        asked=None,
        unanswered=0,
        closed_at=None,
        since=None,
        place_path=found[0],
        subject_ref=subject[0] if subject else None,
        unsettled=0,
        told_at=None,
        actor_implicated=False,
        conflict=False,
        answered=answered[0] if answered else None,
        stands_in=actor.role == "team_lead" and _stands_in(tx, raiser, at),
        link_worker_id=(raiser or "").removeprefix("member@") or None,
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
        rules=rules,
    )


# -- emergency access ---------------------------------------------------------------------------


class EmergencyFacts(NamedTuple):
    """What the moves of emergency access rest on. `within`: the actor sees the person without it.
    `barred`: the person's record is closed to the actor."""

    id: str
    state: str | None
    version: int
    system_id: str
    organisation_id: str
    reference: str
    person_id: str
    opened_by: str
    until: datetime | None
    since: datetime | None
    subject_ref: str
    place_path: str
    by_opener: bool
    barred: bool
    alarm: bool
    answered: str | None
    late: bool = False
    policy: str | None = None
    within: bool = False
    governance: str = ""
    safeguarding: str = ""
    closed_to_actor: bool = False
    actor_membership: str = ""
    actor_org: str = ""
    rules: Rules = SHIPPED


EMERGENCY = Sql(
    f"""
SELECT y.id, y.state, y.version, y.system_id, y.organisation_id, y.reference, y.person_id,
  y.opened_by, y.until, y.since, pe.subject_ref, pl.path,
  EXISTS (SELECT 1 FROM membership m WHERE m.id = y.opened_by AND m.user_id = :user_id),
  {closed_person("y.person_id")},
  EXISTS (SELECT 1 FROM guard.escalation x WHERE x.about_id = y.id AND x.closed_at IS NULL
    AND x.clock_id IS NOT NULL),
  {ANSWERED}, {LATE.format(record="y.id")}, pl.policy
FROM guard.emergency y
JOIN guard.person pe ON pe.id = y.person_id
JOIN organisation og ON og.id = y.organisation_id
JOIN place pl ON pl.id = og.place_id
WHERE y.id = :id AND y.system_id = :system_id
""",
    _positions(EmergencyFacts, "until", "since"),
)
NEW_EMERGENCY = f"""
SELECT pe.system_id, pe.organisation_id, pe.subject_ref, pl.path, {{within}}, {ANSWERED}, pl.policy
FROM guard.person pe
JOIN organisation og ON og.id = pe.organisation_id
JOIN place pl ON pl.id = og.place_id
WHERE pe.id = :person_id AND pe.system_id = :system_id AND pe.merged_into IS NULL
  AND pe.erased_at IS NULL
  AND NOT {_SIDE_CLOSED}
"""


def _emergency_ladders(tx: Tx, f: EmergencyFacts, at: datetime) -> EmergencyFacts:
    """Who reviews it and which safeguarding rung is told: never whoever opened it."""
    from referral import ladder

    row = tx.row(USER_OF, id=f.opened_by)
    opener = str(row[0]) if row else NOBODY
    place = (f.system_id, f.organisation_id, f.place_path)
    _, governance = ladder.reviewers(tx, *place, 2, 3, at, excluding=opener)
    barred = ladder.Barred(frozenset({opener}), frozenset())
    _, safeguarding = ladder.safeguarding(tx, *place, 1, barred, at)
    return f._replace(governance=governance, safeguarding=safeguarding)


USER_OF = Sql("SELECT m.user_id FROM membership m WHERE m.id = :id")


def emergency(
    tx: Tx, record_id: str, actor: Actor, at: datetime, key: str | None = None
) -> EmergencyFacts | None:
    """The facts of one use of emergency access."""
    row = tx.row(EMERGENCY, **asking(actor, at, key), id=record_id)
    if row is None:
        return None
    f = EmergencyFacts(*row)
    return _emergency_ladders(tx, f, at)._replace(
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
        rules=rules_at(tx, f.policy, f.place_path, at),
    )


def new_emergency(
    tx: Tx, given: Any, actor: Actor, at: datetime, key: str | None = None
) -> EmergencyFacts | None:
    """The facts before a record is opened. None if there is no such person in the actor's system,
    and just so if the record is closed to the actor: nothing may tell the one from the other."""
    from referral.scopes import asked, within

    row = tx.row(
        _new_emergency(within(actor)),
        **asking(actor, at, key),
        **{name: value for name, value in asked(actor).items() if name in ("path",)},
        person_id=given["person_id"],
    )
    if row is None:
        return None
    system_id, org, subject, path, inside, answered, newest = row
    f = EmergencyFacts(
        id=given["id"],
        state=None,
        version=0,
        system_id=system_id,
        organisation_id=org,
        reference=given["reference"],
        person_id=given["person_id"],
        opened_by=actor.membership_id,
        until=None,
        since=None,
        subject_ref=subject,
        place_path=path,
        by_opener=True,
        barred=False,
        alarm=False,
        answered=answered,
        policy=newest,
        within=bool(inside),
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
        rules=rules_at(tx, newest, path, at),
    )
    return _emergency_ladders(tx, f, at)


@cache
def _new_emergency(within: str) -> Sql:
    return Sql(NEW_EMERGENCY.format(within=within))


# -- assurance ----------------------------------------------------------------------------------


class AssuranceFacts(NamedTuple):
    """What the assurance's moves rest on."""

    id: str
    state: str | None
    version: int
    system_id: str
    organisation_id: str
    provider_id: str
    since: datetime | None
    conditions_until: datetime | None
    provider_gate: int
    tier: str
    place_path: str
    evidence_until: datetime | None
    evidence_lapses: datetime | None
    kinds_in_date: str | None
    answered: str | None
    policy: str | None = None
    governance: str = ""
    missing_evidence: tuple[str, ...] = ()
    subject_ref: str | None = None
    person_id: str | None = None
    closed_to_actor: bool = False
    alarm: bool = False
    late: bool = False
    reference: str = ""
    actor_membership: str = ""
    actor_org: str = ""
    rules: Rules = SHIPPED


_EVIDENCE = f"""(SELECT {{what}} FROM evidence e WHERE e.provider_id = pr.id
    AND {of("e", EVIDENCE_COUNTS)})"""
_KINDS = f"""(SELECT {{agg}}(e.kind, ',') FROM evidence e WHERE e.provider_id = pr.id
    AND {of("e", EVIDENCE_COUNTS)} AND e.until > :at)"""
_ASSURANCE = f"""
SELECT {{record}}, pr.system_id, pr.organisation_id, pr.id, {{own}}, pr.gate, pr.tier, pl.path,
  {_EVIDENCE.format(what="min(e.until)")},
  {_EVIDENCE.format(what="min(coalesce(e.grace_until, e.until))")},
  {_KINDS.format(agg="{agg}")}, {ANSWERED}, pl.policy, {{alarm}}
FROM provider pr
JOIN organisation og ON og.id = pr.organisation_id
JOIN place pl ON pl.id = og.place_id
{{join}}
"""
_ASSURANCE_TIMES = _positions(
    AssuranceFacts, "since", "conditions_until", "evidence_until", "evidence_lapses"
)


@cache
def _assurance_sql(pg: bool, new: bool) -> Sql:
    agg = "string_agg" if pg else "group_concat"
    if new:
        text = _ASSURANCE.format(
            record="NULL, NULL, 0", own="NULL, NULL", join="", agg=agg, alarm="0, 0"
        )
        where = "WHERE pr.id = :provider_id AND pr.system_id = :system_id"
    else:
        text = _ASSURANCE.format(
            record="a.id, a.state, a.version",
            own="a.since, a.conditions_until",
            join="JOIN assurance a ON a.provider_id = pr.id",
            agg=agg,
            alarm=ALARM.format(record="a.id"),
        )
        where = "WHERE a.id = :id AND a.system_id = :system_id"
    return Sql(text + where, _ASSURANCE_TIMES)


def _assured(tx: Tx, row: tuple[Any, ...], actor: Actor, at: datetime) -> AssuranceFacts:
    from referral import ladder

    *own, alarm, late = row
    f = AssuranceFacts(*own)
    have = set((f.kinds_in_date or "").split(","))
    rules = rules_at(tx, f.policy, f.place_path, at)
    missing = tuple(kind for kind in rules.evidence(f.tier) if kind not in have)
    _, governance = ladder.reviewers(tx, f.system_id, f.organisation_id, f.place_path, 2, 3, at)
    return f._replace(
        missing_evidence=missing,
        governance=governance,
        alarm=bool(alarm),
        late=bool(late),
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
        rules=rules,
    )


def assurance(
    tx: Tx, record_id: str, actor: Actor, at: datetime, key: str | None = None
) -> AssuranceFacts | None:
    """The facts of one provider's assurance."""
    row = tx.row(_assurance_sql(tx.pg, False), **asking(actor, at, key), id=record_id)
    return None if row is None else _assured(tx, row, actor, at)


def new_assurance(
    tx: Tx, given: Any, actor: Actor, at: datetime, key: str | None = None
) -> AssuranceFacts | None:
    """The facts before a provider first applies."""
    row = tx.row(
        _assurance_sql(tx.pg, True), **asking(actor, at, key), provider_id=given["provider_id"]
    )
    if row is None:
        return None
    return _assured(tx, row, actor, at)._replace(id=given["id"])


# -- agreement ----------------------------------------------------------------------------------


class AgreementFacts(NamedTuple):
    """What the agreement's moves rest on."""

    id: str
    state: str | None
    version: int
    system_id: str
    organisation_id: str
    reference: str
    review_at: datetime | None
    replaces_id: str | None
    since: datetime | None
    place_path: str
    answered: str | None
    policy: str | None = None
    parties: frozenset[str] = frozenset()
    unsigned: frozenset[str] = frozenset()
    provider_gates: tuple[tuple[str, int], ...] = ()
    governance: str = ""
    needed: bool = False
    subject_ref: str | None = None
    person_id: str | None = None
    closed_to_actor: bool = False
    alarm: bool = False
    late: bool = False
    actor_membership: str = ""
    actor_org: str = ""
    rules: Rules = SHIPPED


AGREEMENT = Sql(
    f"""
SELECT a.id, a.state, a.version, a.system_id, a.organisation_id, a.reference, a.review_at,
  a.replaces_id, a.since, pl.path, {ANSWERED}, pl.policy,
  {ALARM.format(record="a.id")}
FROM agreement a
JOIN organisation og ON og.id = a.organisation_id
JOIN place pl ON pl.id = og.place_id
WHERE a.id = :id AND a.system_id = :system_id
""",
    _positions(AgreementFacts, "review_at", "since"),
)
PARTIES = Sql(
    "SELECT p.organisation_id, p.signed_at FROM agreement_party p WHERE p.agreement_id = :id"
)
GATES_PG = Sql("SELECT id, gate FROM provider WHERE organisation_id = ANY(:orgs) ORDER BY id")
GATES_SQLITE = Sql(
    "SELECT id, gate FROM provider WHERE organisation_id IN (SELECT value FROM json_each(:orgs))"
    " ORDER BY id"
)
PEOPLE_UNDER = Sql(
    f"""SELECT EXISTS (SELECT 1 FROM agreement_party p1
  JOIN provider pr ON pr.organisation_id = p1.organisation_id
  JOIN guard.referral r ON r.provider_id = pr.id
  JOIN agreement_party p2 ON p2.agreement_id = p1.agreement_id
    AND p2.organisation_id = r.organisation_id
  WHERE p1.agreement_id = :id AND r.state IN ({listed(*WITH_PROVIDER)})
    AND NOT EXISTS (SELECT 1 FROM agreement n JOIN agreement_party n1 ON n1.agreement_id = n.id
      JOIN agreement_party n2 ON n2.agreement_id = n.id
      WHERE {of("n", AGREEMENT_LIVE)} AND n.kind = 'sharing' AND n.id <> p1.agreement_id
      AND n1.organisation_id = p1.organisation_id AND n2.organisation_id = p2.organisation_id))"""
)


def _gates(tx: Tx, organisations: list[str]) -> tuple[tuple[str, int], ...]:
    rows = (
        tx.rows(GATES_PG, orgs=organisations)
        if tx.pg
        else tx.rows(GATES_SQLITE, orgs=json.dumps(organisations))
    )
    return tuple((row[0], row[1]) for row in rows)


def agreement(
    tx: Tx, record_id: str, actor: Actor, at: datetime, key: str | None = None
) -> AgreementFacts | None:
    """The facts of one agreement, its parties and who hasn't signed."""
    from referral import ladder

    row = tx.row(AGREEMENT, **asking(actor, at, key), id=record_id)
    if row is None:
        return None
    *own, alarm, late = row
    f = AgreementFacts(*own)
    parties = tx.rows(PARTIES, id=record_id)
    under = tx.row(PEOPLE_UNDER, id=record_id)
    _, governance = ladder.reviewers(tx, f.system_id, f.organisation_id, f.place_path, 2, 3, at)
    everyone = sorted(p[0] for p in parties)
    return f._replace(
        parties=frozenset(everyone),
        unsigned=frozenset(p[0] for p in parties if p[1] is None),
        provider_gates=_gates(tx, everyone),
        governance=governance,
        needed=bool(under and under[0]),
        alarm=bool(alarm),
        late=bool(late),
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
        rules=rules_at(tx, f.policy, f.place_path, at),
    )


def new_agreement(
    tx: Tx, given: Any, actor: Actor, at: datetime, key: str | None = None
) -> AgreementFacts | None:
    """The facts before an agreement is drafted."""
    from referral import ladder

    found = tx.row(PLACE_OF, id=actor.organisation_id, system_id=actor.system_id)
    if found is None:
        return None
    for organisation_id in given["parties"]:
        if tx.row(PLACE_OF, id=organisation_id, system_id=actor.system_id) is None:
            return None
    _, governance = ladder.reviewers(tx, actor.system_id, actor.organisation_id, found[0], 2, 3, at)
    answered = tx.row(EARLIER, system_id=actor.system_id, actor_id=actor.id, key=key or "")
    return AgreementFacts(
        id=given["id"],
        state=None,
        version=0,
        system_id=actor.system_id,
        organisation_id=actor.organisation_id,
        reference=given["reference"],
        review_at=given.get("review_at"),
        replaces_id=given.get("replaces_id"),
        since=None,
        place_path=found[0],
        answered=answered[0] if answered else None,
        parties=frozenset(given["parties"]),
        unsigned=frozenset(given["parties"]),
        governance=governance,
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
        rules=rules_at(tx, found[1], found[0], at),
    )


# -- rights request -----------------------------------------------------------------------------


class RightsFacts(NamedTuple):
    """What the moves of a request about one's own data rest on. `kept`: something open keeps the
    record, whatever it is. `others_open`: another request of theirs waits for its answer.
    `lead`: the owner key of whoever must act on it."""

    id: str
    state: str | None
    version: int
    system_id: str
    organisation_id: str
    reference: str
    person_id: str
    kind: str
    received_on: date
    extended: bool
    stopped_at: datetime | None
    stopped_days: int
    taken_by: str | None
    since: datetime | None
    subject_ref: str
    place_path: str
    closed_to_actor: bool
    kept: bool
    others_open: bool
    alarm: bool
    answered: str | None
    late: bool = False
    policy: str | None = None
    lead: str = ""
    seconds: tuple[str, ...] = ()
    retention_over: bool = False
    actor_membership: str = ""
    actor_org: str = ""
    rules: Rules = SHIPPED


_RIGHTS_FROM = """
JOIN organisation og ON og.id = pe.organisation_id
JOIN place pl ON pl.id = og.place_id
"""
# The alarm that a request is late ends with the request, so it keeps nobody from being erased.
_BUT_ITS_ALARM = f""" AND NOT (e.about_id = q.id AND e.clock_id IS NOT NULL
    AND e.state IN ({listed(*OVERTAKABLE)}))"""
RIGHTS = Sql(
    f"""
SELECT q.id, q.state, q.version, q.system_id, q.organisation_id, q.reference, q.person_id, q.kind,
  q.received_on, q.extended, q.stopped_at, q.stopped_days, q.taken_by, q.since, pe.subject_ref,
  pl.path, {_SIDE_CLOSED}, {keeps_open(_BUT_ITS_ALARM)}, {requests_open(" AND a.id <> q.id")},
  EXISTS (SELECT 1 FROM guard.escalation x WHERE x.about_id = q.id AND x.closed_at IS NULL
    AND x.clock_id IS NOT NULL),
  {ANSWERED}, {LATE.format(record="q.id")}, pl.policy
FROM guard.rights_request q
JOIN guard.person pe ON pe.id = q.person_id {_RIGHTS_FROM}
WHERE q.id = :id AND q.system_id = :system_id
""",
    _positions(RightsFacts, "stopped_at", "since"),
)
NEW_RIGHTS = Sql(
    f"""
SELECT pe.system_id, pe.organisation_id, pe.subject_ref, pl.path, {_SIDE_CLOSED}, {keeps_open()},
  {ANSWERED}, pl.policy
FROM guard.person pe {_RIGHTS_FROM}
WHERE pe.id = :person_id AND pe.system_id = :system_id AND pe.erased_at IS NULL
"""
)
# Who answers for requests, the nearest first; nobody named in an open concern about the person.
RIGHTS_LEADS = Sql(
    f"""
SELECT m.role, CAST(coalesce(m.place_id, m.organisation_id) AS text)
FROM membership m JOIN app_user u ON u.id = m.user_id
LEFT JOIN place mp ON mp.id = m.place_id
WHERE m.system_id = :system_id AND m.ended_at IS NULL AND u.active
  AND m.role IN ('information_governance_lead','accountable_officer','governance_lead')
  AND (m.organisation_id = :org
    OR substr(CAST(:path AS text), 1, length(mp.path)) = mp.path)
  AND NOT {named("k.person_id = :person_id", "(ks.user_id = m.user_id OR ks.organisation_id = m.organisation_id)")}
ORDER BY CASE WHEN m.role = 'governance_lead' THEN 1 ELSE 0 END,
  CASE WHEN m.away_from <= :at AND (m.away_until IS NULL OR m.away_until > :at)
    THEN 1 ELSE 0 END,
  CASE WHEN m.role = 'information_governance_lead' THEN 0 ELSE 1 END,
  CASE WHEN m.organisation_id = :org THEN 0 ELSE 1 END, length(mp.path) DESC, m.id
"""  # noqa: E501 - one condition, as the others say it
)


def _rights_leads(tx: Tx, f: RightsFacts, at: datetime) -> tuple[str, tuple[str, ...]]:
    """The owner key of the information governance lead, or of the accountable officer where there
    is none who may see it; and those of whoever else may be the second person."""
    rows = tx.rows(
        RIGHTS_LEADS,
        system_id=f.system_id,
        org=f.organisation_id,
        path=f.place_path,
        person_id=f.person_id,
        at=at,
    )
    keys = list(dict.fromkeys(f"{row[0]}@{row[1]}" for row in rows))
    leads = [key for key in keys if not key.startswith(Role.GOVERNANCE_LEAD)]
    root = f.place_path.strip("/").split("/")[0]
    lead = leads[0] if leads else f"{Role.INFORMATION_GOVERNANCE_LEAD}@{root}"
    return lead, tuple(key for key in keys if key != lead) or (lead,)


def rights(
    tx: Tx, record_id: str, actor: Actor, at: datetime, key: str | None = None
) -> RightsFacts | None:
    """The facts of one request about somebody's own data."""
    row = tx.row(RIGHTS, **asking(actor, at, key), id=record_id)
    if row is None:
        return None
    values = list(row)
    _days(values, _positions(RightsFacts, "received_on"))
    f = RightsFacts(*values)
    rules = rules_at(tx, f.policy, f.place_path, at)
    k = retention.kept(tx, f.system_id, f.person_id)
    lead, seconds = _rights_leads(tx, f, at)
    return f._replace(
        lead=lead,
        seconds=seconds,
        retention_over=k is not None and retention.keep_until(k, rules)[1] <= at.date(),
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
        rules=rules,
    )


def new_rights(
    tx: Tx, given: Any, actor: Actor, at: datetime, key: str | None = None
) -> RightsFacts | None:
    """The facts before a request is taken: None if the person isn't in the actor's system."""
    row = tx.row(NEW_RIGHTS, **asking(actor, at, key), person_id=given["person_id"])
    if row is None:
        return None
    system_id, org, subject, path, closed, kept, answered, newest = row
    f = RightsFacts(
        id=given["id"],
        state=None,
        version=0,
        system_id=system_id,
        organisation_id=org,
        reference=given["reference"],
        person_id=given["person_id"],
        kind=given.get("kind", ""),
        received_on=given.get("received_on") or at.date(),
        extended=False,
        stopped_at=None,
        stopped_days=0,
        taken_by=None if actor.membership_id == NOBODY else actor.membership_id,
        since=None,
        subject_ref=subject,
        place_path=path,
        closed_to_actor=bool(closed),
        kept=bool(kept),
        others_open=False,
        alarm=False,
        answered=answered,
        actor_membership=actor.membership_id,
        actor_org=actor.organisation_id,
        rules=rules_at(tx, newest, path, at),
    )
    return f._replace(lead=_rights_leads(tx, f, at)[0])


Facts = TypeVar("Facts")


def _with_keys(load: Callable[..., Facts]) -> Callable[..., Facts]:
    """Who reads a record's facts has just read whose it is: their key may be one that is open."""

    @wraps(load)
    def loaded(tx: Tx, *asked: Any, **more: Any) -> Facts:
        f = load(tx, *asked, **more)
        if f is not None and tx.keys is not None:
            tx.ring.living(getattr(f, "subject_ref", None), getattr(f, "system_id", None))
        return f

    return loaded


LOADERS = {
    Noun.REFERRAL: _with_keys(referral),
    Noun.CONSENT: _with_keys(consent),
    Noun.OVERRIDE: _with_keys(override),
    Noun.CONCERN: _with_keys(concern),
    Noun.ESCALATION: _with_keys(escalation),
    Noun.ASSURANCE: _with_keys(assurance),
    Noun.AGREEMENT: _with_keys(agreement),
    Noun.RIGHTS: _with_keys(rights),
    Noun.EMERGENCY: _with_keys(emergency),
}
NEW = {
    Noun.REFERRAL: new_referral,
    Noun.CONSENT: new_consent,
    Noun.OVERRIDE: new_override,
    Noun.CONCERN: new_concern,
    Noun.ESCALATION: new_escalation,
    Noun.ASSURANCE: new_assurance,
    Noun.AGREEMENT: new_agreement,
    Noun.RIGHTS: new_rights,
    Noun.EMERGENCY: new_emergency,
}
