"""What a provider offers, and who takes part in it: the reading queries of a provider's own pages.

Each names its scope: the provider's organisation, or the place somebody answers for. What is
outside it isn't found."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any, NamedTuple

from referral.actors import Actor
from referral.schema import day, under
from referral.scopes import asked
from referral.states import TAKING_PART, ReferralState, Role, listed
from referral.store import Sql, Tx

SETS_UP = frozenset({Role.GOVERNANCE_LEAD, Role.ADMINISTRATOR})


class Group(NamedTuple):
    """A group of an activity, and its places."""

    id: str
    activity_id: str
    name: str
    capacity: int
    taken: int
    members_from_outside: int
    starts_on: date | None
    ends_on: date | None
    breaks: tuple[tuple[date, date], ...] = ()

    @property
    def left(self) -> int:
        """Places that can still be given."""
        return max(self.capacity - self.taken - self.members_from_outside, 0)


class Offer(NamedTuple):
    """An activity as its provider keeps it."""

    id: str
    provider_id: str
    provider: str
    name: str
    description: str | None
    status: str
    location: str | None
    postcode: str | None
    when_words: str | None
    cost_words: str | None
    access_words: str | None
    getting_there: str | None
    contact_words: str | None
    confirmed_at: datetime | None
    paused_until: date | None
    taking_part: int
    safety_questions: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()


_OFFER = f"""
SELECT a.id, a.provider_id, o.name, a.name, a.description, a.status, a.location, a.postcode,
  a.when_words, a.cost_words, a.access_words, a.getting_there, a.contact_words, a.confirmed_at,
  a.paused_until,
  (SELECT count(*) FROM guard.referral r WHERE r.provider_id = a.provider_id
     AND r.activity_id = a.id AND r.state IN ({listed(*TAKING_PART)})),
  a.safety_questions
FROM activity a
JOIN provider pr ON pr.id = a.provider_id
JOIN organisation o ON o.id = pr.organisation_id
JOIN place pl ON pl.id = o.place_id
WHERE a.system_id = :system_id
  AND (o.id = :actor_org OR (:sets_up = 1 AND {under()}))
"""
OFFERS = Sql(_OFFER + " AND o.id = :actor_org ORDER BY a.name, a.id LIMIT 200", (13,))
OFFERS_OF = Sql(_OFFER + " AND pr.id = :provider_id ORDER BY a.name, a.id LIMIT 200", (13,))
ONE_OFFER = Sql(_OFFER + " AND a.id = :id", (13,))
GROUPS = Sql(
    "SELECT g.id, g.activity_id, g.name, g.capacity, g.taken, g.members_from_outside, g.starts_on,"
    " g.ends_on, g.breaks FROM activity_group g JOIN activity a ON a.id = g.activity_id"
    " WHERE a.provider_id = :provider_id AND g.system_id = :system_id ORDER BY g.name, g.id"
)


def _scope(actor: Actor) -> dict[str, Any]:
    return {
        **asked(actor),
        "sets_up": int(actor.role in SETS_UP and actor.place_path is not None),
    }


def _with_groups(tx: Tx, actor: Actor, rows: list[tuple[Any, ...]]) -> list[Offer]:
    found: dict[str, list[Group]] = {}
    for provider_id in sorted({row[1] for row in rows}):
        for row in tx.rows(GROUPS, provider_id=provider_id, system_id=actor.system_id):
            group = Group._make((*row[:8], _breaks(row[8])))
            group = group._replace(starts_on=day(row[6]), ends_on=day(row[7]))
            found.setdefault(group.activity_id, []).append(group)
    return [_offer(row, tuple(found.get(row[0], ()))) for row in rows]


def _offer(row: tuple[Any, ...], groups: tuple[Group, ...]) -> Offer:
    made = Offer._make((*row[:-1], tuple(json.loads(row[-1] or "[]")), groups))
    return made._replace(paused_until=day(row[14]))


def _breaks(kept: Any) -> tuple[tuple[date, date], ...]:
    """Days without sessions, from the first to the last."""
    pairs = json.loads(kept) if isinstance(kept, str) else kept or ()
    return tuple((date.fromisoformat(first), date.fromisoformat(last)) for first, last in pairs)


GROUP_DAYS_PG = Sql(
    "SELECT id, starts_on, ends_on, breaks FROM activity_group"
    " WHERE system_id = :system_id AND id = ANY(:ids)"
)
GROUP_DAYS_SQLITE = Sql(
    "SELECT id, starts_on, ends_on, breaks FROM activity_group"
    " WHERE system_id = :system_id AND id IN (SELECT value FROM json_each(:ids))"
)
GroupDays = tuple[date | None, date | None, tuple[tuple[date, date], ...]]


def group_days(tx: Tx, system_id: str, ids: list[str]) -> dict[str, GroupDays]:
    """From when until when each of these groups meets, and the days between without sessions."""
    rows = tx.rows(
        GROUP_DAYS_PG if tx.pg else GROUP_DAYS_SQLITE,
        ids=ids if tx.pg else json.dumps(ids),
        system_id=system_id,
    )
    return {str(row[0]): (day(row[1]), day(row[2]), _breaks(row[3])) for row in rows}


def own_offers(tx: Tx, actor: Actor) -> list[Offer]:
    """The activities of the actor's own organisation."""
    return _with_groups(tx, actor, tx.rows(OFFERS, **_scope(actor)))


def own_activities(tx: Tx, actor: Actor) -> list[Offer]:
    """The same without their groups, for who asks nothing of those."""
    return [_offer(row, ()) for row in tx.rows(OFFERS, **_scope(actor))]


def offers_of(tx: Tx, actor: Actor, provider_id: str) -> list[Offer]:
    """The activities of one provider, for its own leaders or who answers for its place."""
    return _with_groups(tx, actor, tx.rows(OFFERS_OF, **_scope(actor), provider_id=provider_id))


def offer(tx: Tx, actor: Actor, activity_id: str) -> Offer | None:
    """One activity, for its own leaders or who answers for its place."""
    found = _with_groups(tx, actor, tx.rows(ONE_OFFER, **_scope(actor), id=activity_id))
    return found[0] if found else None


PROVIDER_OF = Sql("SELECT id FROM provider WHERE organisation_id = :org AND system_id = :system_id")


def provider_of(tx: Tx, actor: Actor) -> str | None:
    """The provider that the actor's own organisation is."""
    row = tx.row(PROVIDER_OF, org=actor.organisation_id, system_id=actor.system_id)
    return None if row is None else str(row[0])


PAUSE_OVER = Sql(
    "SELECT id, system_id, provider_id FROM activity WHERE status = 'paused'"
    " AND paused_until <= :today ORDER BY id LIMIT :n"
)


def pause_over(tx: Tx, today: date, n: int) -> list[tuple[str, str, str]]:
    """(activity, system, provider) of those that take new people again from today or before."""
    rows = tx.rows(PAUSE_OVER, today=today, n=n)
    return [(str(row[0]), str(row[1]), str(row[2])) for row in rows]


# -- who comes ----------------------------------------------------------------------------------


class Coming(NamedTuple):
    """Somebody who had a place on a day, and what was said of them for it. `state` is today's: they
    may have left since."""

    referral_id: str
    reference: str
    state: str
    given_name: str
    family_name: str
    group: str
    came: str | None
    missed: bool
    was: str | None
    why: str | None
    team: str
    team_phone: str | None


# Whoever had a place when a day was over.
HAD_A_PLACE = f"""(SELECT s.to_state FROM step s WHERE s.record_id = r.id AND s.noun = 'referral'
  AND s.at < :over ORDER BY s.version DESC LIMIT 1) IN ({listed(*TAKING_PART)})"""
# The two sessions before, if neither was come to: what calls for a word with the link worker.
COMING = Sql(
    f"""
SELECT r.id, r.reference, r.state, pe.given_name, pe.family_name, g.name, t.came,
  2 = (SELECT count(*) FROM (SELECT l.came FROM attendance l WHERE l.referral_id = r.id
     AND l.day <= :day ORDER BY l.day DESC LIMIT 2) last WHERE last.came = 'did_not_come'),
  t.was, t.why, og.name, og.phone
FROM referral r
JOIN person pe ON pe.id = r.person_id
JOIN activity_group g ON g.id = r.group_id
JOIN provider pr ON pr.id = r.provider_id
JOIN organisation og ON og.id = r.organisation_id
LEFT JOIN attendance t ON t.referral_id = r.id AND t.day = :day
WHERE r.activity_id = :activity_id AND r.system_id = :system_id AND pr.organisation_id = :org
  AND r.state <> '{ReferralState.IN_ERROR}' AND (t.day IS NOT NULL OR {HAD_A_PLACE})
ORDER BY pe.given_name, pe.family_name, r.id LIMIT 300
"""
)


def coming(tx: Tx, actor: Actor, activity_id: str, on: date, over: datetime) -> list[Coming]:
    """Everybody who had a place in an activity of the actor's own organisation on this day, those
    who left since among them. `over`: when the day ends."""
    rows = tx.rows(
        COMING,
        activity_id=activity_id,
        system_id=actor.system_id,
        org=actor.organisation_id,
        day=on,
        over=over,
    )
    return [Coming._make(row)._replace(missed=bool(row[7])) for row in rows]


# Missed twice, and the link worker told nothing more since: what is said on a register is itself a
# step, at the moment it was saved.
MISSED_TWICE = Sql(
    f"""
SELECT CAST(r.id AS text), (SELECT max(l.day) FROM attendance l WHERE l.referral_id = r.id)
FROM referral r
JOIN provider pr ON pr.id = r.provider_id
WHERE r.system_id = :system_id AND pr.organisation_id = :org
  AND r.state = '{ReferralState.ACTIVE}'
  AND 2 = (SELECT count(*) FROM (SELECT l.came FROM attendance l WHERE l.referral_id = r.id
     ORDER BY l.day DESC LIMIT 2) last WHERE last.came = 'did_not_come')
  AND NOT EXISTS (SELECT 1 FROM step s WHERE s.record_id = r.id AND s.noun = 'referral'
     AND s.trigger = 'update'
     AND s.at > (SELECT max(l.recorded_at) FROM attendance l WHERE l.referral_id = r.id))
ORDER BY 2, 1 LIMIT 50
"""
)


def missed_twice(tx: Tx, actor: Actor) -> dict[str, date]:
    """The referrals of the actor's own organisation whose person did not come twice in a row, each
    with the newest of those days, until more is told of them."""
    rows = tx.rows(MISSED_TWICE, system_id=actor.system_id, org=actor.organisation_id)
    return {str(row[0]): day(row[1]) or date.min for row in rows}


SAID_ON = Sql(
    "SELECT t.referral_id, t.came FROM attendance t JOIN referral r ON r.id = t.referral_id"
    " JOIN provider pr ON pr.id = r.provider_id WHERE r.activity_id = :activity_id"
    " AND t.day = :day AND r.system_id = :system_id AND pr.organisation_id = :org"
    " ORDER BY t.referral_id"
)


def said_on(tx: Tx, actor: Actor, activity_id: str, on: date) -> list[tuple[str, str]]:
    """(referral, what was said) of everybody asked about on a day."""
    rows = tx.rows(
        SAID_ON,
        activity_id=activity_id,
        day=on,
        system_id=actor.system_id,
        org=actor.organisation_id,
    )
    return [(str(row[0]), str(row[1])) for row in rows]


class OnPaper(NamedTuple):
    """Somebody with a place, and what whoever leads the session may need where there is no
    signal."""

    referral_id: str
    reference: str
    state: str
    subject_ref: str
    given_name: str
    family_name: str
    phone: str | None
    message_safe: bool | None
    contact_method: str | None
    through_name: str | None
    through_phone: str | None
    access_needs: str | None
    emergency_contact: str | None
    safety_notes: str | None
    safety_answers: str | None
    shared: str | None
    team: str
    team_phone: str | None
    link_worker: str
    group: str


ON_PAPER = Sql(
    f"""
SELECT r.id, r.reference, r.state, pe.subject_ref, pe.given_name, pe.family_name, pe.phone,
  pe.message_safe, pe.contact_method, pe.through_name, pe.through_phone, pe.access_needs,
  pe.emergency_contact, r.safety_notes, r.safety_answers, r.shared, og.name, og.phone,
  u.name, g.name
FROM referral r
JOIN person pe ON pe.id = r.person_id
JOIN activity_group g ON g.id = r.group_id
JOIN provider pr ON pr.id = r.provider_id
JOIN organisation og ON og.id = r.organisation_id
JOIN membership m ON m.id = r.link_worker_id
JOIN app_user u ON u.id = m.user_id
WHERE r.activity_id = :activity_id AND r.system_id = :system_id AND pr.organisation_id = :org
  AND r.state IN ({listed(*TAKING_PART)}) AND {HAD_A_PLACE}
ORDER BY pe.given_name, pe.family_name, r.id LIMIT 300
""",
    sealed=(9, 10, 11, 12, 13, 14, 15),
)


def on_paper(tx: Tx, actor: Actor, activity_id: str, over: datetime) -> list[OnPaper]:
    """Everybody with a place in an activity of the actor's own organisation given before `over`,
    for a printed sheet. What of it may be shown is not asked here."""
    rows = tx.rows(
        ON_PAPER,
        activity_id=activity_id,
        system_id=actor.system_id,
        org=actor.organisation_id,
        over=over,
    )
    return [OnPaper._make(row) for row in rows]


DAYS_SAID = Sql(
    """
SELECT r.activity_id, t.day, count(*), sum(CASE WHEN t.came IN ('came','late') THEN 1 ELSE 0 END)
FROM attendance t
JOIN referral r ON r.id = t.referral_id
JOIN provider pr ON pr.id = r.provider_id
WHERE r.system_id = :system_id AND pr.organisation_id = :org AND t.day > :after
GROUP BY r.activity_id, t.day ORDER BY t.day DESC LIMIT 400
"""
)
NEWEST = 5


def days_said(tx: Tx, actor: Actor, after: date) -> dict[str, list[tuple[date, int, int]]]:
    """Of each activity, the newest days after this one with a register: how many were asked about,
    how many came."""
    found: dict[str, list[tuple[date, int, int]]] = {}
    rows = tx.rows(DAYS_SAID, system_id=actor.system_id, org=actor.organisation_id, after=after)
    for activity_id, on, asked_about, came in rows:
        mine = found.setdefault(str(activity_id), [])
        if len(mine) < NEWEST:
            mine.append((day(on) or date.min, int(asked_about), int(came)))
    return found


# Those for whom an activity was chosen, and who are not with it yet or not any more.
MEANT_FOR = Sql(
    "SELECT CAST(id AS text), CAST(link_worker_id AS text) FROM referral"
    " WHERE activity_id = :id AND system_id = :system_id"
    f" AND state IN ({listed(ReferralState.DRAFT, ReferralState.RETURNED)}) ORDER BY id"
)
ASSURANCE_OF = Sql(
    "SELECT CAST(s.id AS text) FROM assurance s JOIN activity a ON a.provider_id = s.provider_id"
    " WHERE a.id = :id"
)


def meant_for(tx: Tx, actor: Actor, activity_id: str) -> list[tuple[str, str]]:
    """(referral, link worker) of those whose link worker chose this activity for them."""
    rows = tx.rows(MEANT_FOR, id=activity_id, system_id=actor.system_id)
    return [(referral_id, link_worker) for referral_id, link_worker in rows]


def assurance_of(tx: Tx, activity_id: str) -> list[str]:
    """The record of assurance of an activity's provider, where there is one."""
    return [row[0] for row in tx.rows(ASSURANCE_OF, id=activity_id)]
