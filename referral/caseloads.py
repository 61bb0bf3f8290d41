"""What one link worker carries, what is open for one person or at one provider, and who is away."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from referral.actors import Actor
from referral.facts import ABSENT
from referral.states import REFERRAL_OPEN, WITH_PROVIDER, listed
from referral.store import Sql, Tx

OPEN = listed(*REFERRAL_OPEN)


class Carried(NamedTuple):
    """An open referral, as its list shows it."""

    id: str
    reference: str
    state: str
    since: datetime
    person_id: str
    given_name: str
    family_name: str
    activity: str
    provider: str
    link_worker_id: str
    link_worker: str


_CARRIED = """SELECT r.id, r.reference, r.state, r.since, r.person_id, pe.given_name,
  pe.family_name, a.name, po.name, r.link_worker_id, u.name
FROM referral r JOIN person pe ON pe.id = r.person_id JOIN activity a ON a.id = r.activity_id
JOIN provider pr ON pr.id = r.provider_id JOIN organisation po ON po.id = pr.organisation_id
JOIN membership m ON m.id = r.link_worker_id JOIN app_user u ON u.id = m.user_id
"""
OF_PERSON = Sql(
    f"{_CARRIED} WHERE r.person_id = :person_id AND r.state IN ({OPEN})"
    " ORDER BY r.created_at, r.id",
    (3,),
)
OF_MEMBER = Sql(
    f"{_CARRIED} WHERE r.link_worker_id = :member AND r.state IN ({OPEN})"
    " ORDER BY pe.name_key, r.created_at, r.id LIMIT :most",
    (3,),
)
HOW_MANY = Sql(
    f"SELECT count(*) FROM guard.referral WHERE link_worker_id = :member AND state IN ({OPEN})"
)


def open_of_person(tx: Tx, person_id: str) -> list[Carried]:
    """Every open referral of a person, whoever carries it."""
    return [Carried._make(row) for row in tx.rows(OF_PERSON, person_id=person_id)]


def carried(tx: Tx, membership_id: str, most: int = 200) -> list[Carried]:
    """The open referrals one link worker is named on, by the person's name."""
    rows = tx.rows(OF_MEMBER, member=membership_id, most=most)
    return [Carried._make(row) for row in rows]


def how_many(tx: Tx, membership_id: str) -> int:
    """How many open referrals one link worker is named on."""
    row = tx.row(HOW_MANY, member=membership_id)
    return int(row[0]) if row else 0


WHOSE = Sql(
    "SELECT r.id, r.link_worker_id FROM referral r WHERE r.person_id = :person_id"
    f" AND (r.state IN ({OPEN}) OR (r.state = 'withdrawn' AND r.reason = 'died'))"
    " ORDER BY r.created_at, r.id"
)


def of_who_died(tx: Tx, person_id: str) -> list[tuple[str, str]]:
    """The referrals their death ended and those it left open, each with who is named on it."""
    return [(row[0], row[1]) for row in tx.rows(WHOSE, person_id=person_id)]


# -- what ends with a death ---------------------------------------------------------------------

END_CONTACT = Sql(
    "UPDATE outbox SET sent_at = :at, result = 'not_allowed_now'"
    " WHERE to_owner = :key AND sent_at IS NULL"
)
END_BEGINNINGS = Sql("DELETE FROM beginning WHERE person_id = :person_id")


def end_contact(tx: Tx, person_id: str, at: datetime) -> int:
    """Nothing that waits goes to the person any more; how many letters that were."""
    return tx.run(END_CONTACT, key=f"person@{person_id}", at=at)


def end_beginnings(tx: Tx, person_id: str) -> int:
    """What was begun for them and is no referral yet goes."""
    return tx.run(END_BEGINNINGS, person_id=person_id)


# -- the team -----------------------------------------------------------------------------------


class TeamMember(NamedTuple):
    """Somebody of the team, with what they carry and when they are away."""

    membership_id: str
    user_id: str
    name: str
    role: str
    away_from: datetime | None
    away_until: datetime | None
    ended_at: datetime | None
    absent: bool
    carries: int


_TEAM = f"""SELECT lw.id, lw.user_id, u.name, lw.role, lw.away_from, lw.away_until, lw.ended_at,
  CASE WHEN {ABSENT} THEN 1 ELSE 0 END,
  (SELECT count(*) FROM guard.referral r WHERE r.link_worker_id = lw.id AND r.state IN ({OPEN}))
FROM membership lw JOIN app_user u ON u.id = lw.user_id
"""
TEAM = Sql(
    f"{_TEAM} WHERE lw.organisation_id = :org AND lw.system_id = :system_id"
    " AND lw.role IN ('link_worker','team_lead') ORDER BY u.name, lw.id LIMIT 200",
    (4, 5, 6),
)
MEMBER = Sql(f"{_TEAM} WHERE lw.id = :id AND lw.system_id = :system_id", (4, 5, 6))


def _member(row: tuple[Any, ...]) -> TeamMember:
    return TeamMember._make(row)._replace(absent=bool(row[7]), carries=int(row[8]))


def team(tx: Tx, actor: Actor, at: datetime) -> list[TeamMember]:
    """The link workers and leads of the actor's organisation who are there, or have left and still
    carry somebody."""
    rows = tx.rows(TEAM, org=actor.organisation_id, system_id=actor.system_id, at=at)
    found = [_member(row) for row in rows]
    return [m for m in found if m.ended_at is None or m.ended_at > at or m.carries]


def member(tx: Tx, actor: Actor, at: datetime, membership_id: str) -> TeamMember | None:
    """One member of the actor's system."""
    row = tx.row(MEMBER, id=membership_id, system_id=actor.system_id, at=at)
    return None if row is None else _member(row)


HOME = Sql(
    "SELECT m.organisation_id, m.role, p.path, m.ended_at FROM membership m"
    " JOIN organisation o ON o.id = m.organisation_id JOIN place p ON p.id = o.place_id"
    " WHERE m.id = :id AND m.system_id = :system_id",
    (3,),
)


class Home(NamedTuple):
    """Where a membership belongs."""

    organisation_id: str
    role: str
    place_path: str
    ended_at: datetime | None


def home(tx: Tx, actor: Actor, membership_id: str) -> Home | None:
    """Where a membership of the actor's system belongs."""
    row = tx.row(HOME, id=membership_id, system_id=actor.system_id)
    return None if row is None else Home._make(row)


# What a link worker looks after beside referrals: their questions to people, and what they began.
ANSWERS_OF = Sql(
    "SELECT c.id, c.person_id FROM consent c WHERE c.link_worker_id = :member"
    " AND c.state IN ('asked','given','expired') ORDER BY c.id LIMIT :most"
)
ANSWERS_ABOUT = Sql(
    "SELECT c.id FROM consent c WHERE c.link_worker_id = :member AND c.person_id = :person_id"
    " AND c.state IN ('asked','given','expired') ORDER BY c.id"
)
HOLDS_OF = Sql(
    "SELECT h.id FROM hold h WHERE h.person_id = :person_id AND h.owner = :owner"
    " AND h.ended IS NULL AND h.concern_id IS NULL ORDER BY h.id"
)
PERSON_CARRIED = Sql(
    f"SELECT person_id FROM referral WHERE id = :id AND link_worker_id = :member"
    f" AND state IN ({OPEN})"
)
NOW_WITH = Sql(
    f"""SELECT CAST(r.link_worker_id AS text) FROM referral r
  WHERE r.person_id = :person_id AND r.link_worker_id <> :member AND r.state IN ({OPEN})
  ORDER BY r.since DESC, r.id LIMIT 1"""
)
CLOCK_OF = Sql("SELECT kind FROM clock WHERE record_id = :id AND ended IS NULL AND owner = :owner")
PASS_CLOCK = Sql(
    "UPDATE clock SET owner = :new WHERE record_id = :id AND ended IS NULL AND owner = :owner"
)
PASS_BEGUN = Sql("UPDATE beginning SET membership_id = :new WHERE membership_id = :member")


def answers_of(tx: Tx, membership_id: str, most: int = 200) -> list[tuple[str, str]]:
    """(id, person) of the open consents this link worker looks after."""
    rows = tx.rows(ANSWERS_OF, member=membership_id, most=most)
    return [(str(row[0]), str(row[1])) for row in rows]


def answers_about(tx: Tx, membership_id: str, person_id: str) -> list[str]:
    """The open consents of one person that this link worker looks after."""
    rows = tx.rows(ANSWERS_ABOUT, member=membership_id, person_id=person_id)
    return [str(row[0]) for row in rows]


def holds_of(tx: Tx, membership_id: str, person_id: str) -> list[str]:
    """The ordinary holds over a person that this link worker placed and looks after."""
    rows = tx.rows(HOLDS_OF, owner=f"member@{membership_id}", person_id=person_id)
    return [str(row[0]) for row in rows]


def person_carried(tx: Tx, membership_id: str, referral_id: str) -> str | None:
    """Whose open referral this is, if this link worker carries it."""
    row = tx.row(PERSON_CARRIED, id=referral_id, member=membership_id)
    return None if row is None else str(row[0])


def now_with(tx: Tx, person_id: str, membership_id: str) -> str | None:
    """Who carries an open referral of the person, other than this link worker."""
    row = tx.row(NOW_WITH, person_id=person_id, member=membership_id)
    return None if row is None else str(row[0])


def pass_clock(tx: Tx, record_id: str, old: str, new: str) -> list[str]:
    """The clocks of a consent, or of a hold, go to the next link worker; their kinds."""
    owner = f"member@{old}"
    kinds = [str(row[0]) for row in tx.rows(CLOCK_OF, id=record_id, owner=owner)]
    tx.run(PASS_CLOCK, id=record_id, owner=owner, new=f"member@{new}")
    return kinds


def pass_begun(tx: Tx, old: str, new: str) -> int:
    """What one had begun to write goes on with another."""
    return tx.run(PASS_BEGUN, member=old, new=new)


# -- a provider ---------------------------------------------------------------------------------


class AtProvider(NamedTuple):
    """Somebody with a provider, named by their referral alone."""

    reference: str
    state: str
    link_worker: str
    team: str


AT_PROVIDER = Sql(
    f"""SELECT r.reference, r.state, u.name, o.name FROM referral r
  JOIN membership m ON m.id = r.link_worker_id JOIN app_user u ON u.id = m.user_id
  JOIN organisation o ON o.id = r.organisation_id JOIN assurance s ON s.provider_id = r.provider_id
  WHERE s.id = :id AND r.state IN ({listed(*WITH_PROVIDER)}) ORDER BY o.name, u.name, r.reference"""
)


def at_provider(tx: Tx, assurance_id: str) -> list[AtProvider]:
    """Everyone with the provider of this assurance."""
    return [AtProvider._make(row) for row in tx.rows(AT_PROVIDER, id=assurance_id)]
