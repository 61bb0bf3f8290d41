"""Which records something reaches: the `which` of each follow, the holds over a record, the clocks
and alarms that belong to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from referral.ledger import Statement
from referral.schema import CONSENT_ASKED, CONSENT_GIVEN, EMERGENCY_OPEN, OVERRIDE_LIVE, of
from referral.states import OVERTAKABLE, REFERRAL_OPEN, WITH_PROVIDER, Purpose, listed
from referral.store import Sql, Tx

WITH = listed(*WITH_PROVIDER)

RELYING = Sql(
    f"""SELECT r.id FROM guard.referral r WHERE r.person_id = :person_id
  AND CAST(r.provider_id AS text) = :recipient AND r.state IN ({WITH})
  AND NOT EXISTS (SELECT 1 FROM guard.override o WHERE o.person_id = r.person_id
    AND o.recipient = :recipient AND {of("o", OVERRIDE_LIVE)})
  ORDER BY r.id"""
)
# Those whom an override keeps with the provider: the newest answer isn't a yes, not even one that
# has run out, and no other override is in force. Its end leaves people where they would be had
# there been none.
RELYING_ON_OVERRIDE = Sql(
    f"""SELECT r.id FROM guard.referral r WHERE r.person_id = :person_id
  AND CAST(r.provider_id AS text) = :recipient AND r.state IN ({WITH})
  AND NOT EXISTS (SELECT 1 FROM guard.override o WHERE o.person_id = r.person_id
    AND o.recipient = :recipient AND o.id <> :id
  AND {of("o", OVERRIDE_LIVE)})
  AND coalesce((SELECT c.state FROM guard.consent c WHERE c.person_id = r.person_id
    AND c.recipient = :recipient AND c.purpose = 'share_with_provider'
    AND c.answered_at IS NOT NULL ORDER BY c.answered_at DESC, c.id DESC LIMIT 1), 'none')
    NOT IN ('given','expired')
  ORDER BY r.id"""
)
OVERRIDE_BESIDE = Sql(
    f"""SELECT o.id FROM guard.override o
  WHERE o.person_id = :person_id AND o.recipient = :recipient AND o.id <> :id
  AND {of("o", OVERRIDE_LIVE)} ORDER BY o.id"""
)
OPENED_BESIDE = Sql(
    f"""SELECT y.id FROM guard.emergency y WHERE y.opened_by = :opened_by AND y.id <> :id
  AND {of("y", EMERGENCY_OPEN)} ORDER BY y.id"""
)
BESIDE = """SELECT c.id FROM guard.consent c
  WHERE c.person_id = :person_id AND c.recipient = :recipient AND c.purpose = :purpose
  AND c.id <> :id AND {predicate}"""
GIVEN_BESIDE = Sql(BESIDE.format(predicate=of("c", CONSENT_GIVEN)))
ASKED_BESIDE = Sql(BESIDE.format(predicate=of("c", CONSENT_ASKED)))
AT_PROVIDER = Sql(
    f"SELECT r.id FROM guard.referral r WHERE r.provider_id = :provider_id AND r.state IN ({WITH})"
    " ORDER BY r.id"
)
REPLACED = Sql("SELECT a.id FROM agreement a WHERE a.id = :id AND a.state = 'in_force'")


def _relying(tx: Tx, f: Any) -> list[str]:
    if f.purpose != Purpose.SHARE_WITH_PROVIDER:
        return []
    return [r[0] for r in tx.rows(RELYING, person_id=f.person_id, recipient=f.recipient)]


def _beside(query: Sql) -> Callable[[Tx, Any], list[str]]:
    def pick(tx: Tx, f: Any) -> list[str]:
        found = tx.rows(
            query, person_id=f.person_id, recipient=f.recipient, purpose=f.purpose, id=f.id
        )
        return [r[0] for r in found]

    return pick


def _by_override(query: Sql) -> Callable[[Tx, Any], list[str]]:
    def pick(tx: Tx, f: Any) -> list[str]:
        found = tx.rows(query, person_id=f.person_id, recipient=f.recipient, id=f.id)
        return [r[0] for r in found]

    return pick


def _at_provider(tx: Tx, f: Any) -> list[str]:
    return [r[0] for r in tx.rows(AT_PROVIDER, provider_id=f.provider_id)]


def _replaced(tx: Tx, f: Any) -> list[str]:
    return [r[0] for r in tx.rows(REPLACED, id=f.replaces_id)] if f.replaces_id else []


# An account may hold several keys; whoever is left free to act keeps it where it is. What is with
# the outside contact stays there.
HOLDER_NAMED = Sql(
    """SELECT c.id FROM guard.concern c WHERE c.id = :id AND c.holder NOT LIKE 'outside@%'
  AND NOT EXISTS (SELECT 1 FROM membership m JOIN app_user u ON u.id = m.user_id
    WHERE m.system_id = c.system_id AND m.ended_at IS NULL AND u.active
    AND c.holder IN ('member@' || CAST(m.id AS text),
      m.role || '@' || CAST(m.organisation_id AS text), m.role || '@' || CAST(m.place_id AS text))
    AND NOT EXISTS (SELECT 1 FROM guard.concern_source s WHERE s.concern_id = c.id
      AND (s.user_id = m.user_id OR s.organisation_id = m.organisation_id))
    AND NOT EXISTS (SELECT 1 FROM provider pr WHERE pr.id = c.provider_id
      AND pr.organisation_id = m.organisation_id))"""
)


def _holder_named(tx: Tx, f: Any) -> list[str]:
    return [r[0] for r in tx.rows(HOLDER_NAMED, id=f.id)]


WHICH: dict[str, Callable[[Tx, Any], list[str]]] = {
    "relying on it": _relying,
    "renewed by it": _beside(GIVEN_BESIDE),
    "in force beside it": _beside(GIVEN_BESIDE),
    "unanswered beside it": _beside(ASKED_BESIDE),
    "relying on the override": _by_override(RELYING_ON_OVERRIDE),
    "it takes the place of": _by_override(OVERRIDE_BESIDE),
    "the member's other": lambda tx, f: [
        r[0] for r in tx.rows(OPENED_BESIDE, opened_by=f.opened_by, id=f.id)
    ],
    "each with this provider": _at_provider,
    "replaced by it": _replaced,
    "itself, held by whoever is named": _holder_named,
    "itself": lambda tx, f: [f.id],
}

# -- clocks -------------------------------------------------------------------------------------

LAST_CLOCK = Sql(
    "SELECT started, due, ended FROM clock WHERE record_id = :id AND kind = :kind"
    " AND ended IS NOT NULL ORDER BY id DESC LIMIT 1",
    times=(0, 1, 2),
)
_REOWN = "UPDATE clock SET owner = :owner WHERE record_id = :record_id AND ended IS NULL"
REOWN_ALL = Statement("row", _REOWN, f"{_REOWN} AND EXISTS (SELECT 1 FROM u)")
REOWN = Statement(
    "row", f"{_REOWN} AND owner = :old", f"{_REOWN} AND owner = :old AND EXISTS (SELECT 1 FROM u)"
)


def last_clock(tx: Tx, record_id: str, kind: str) -> tuple[datetime, datetime, datetime] | None:
    """(started, due, ended) of the record's newest ended clock of this kind."""
    row = tx.row(LAST_CLOCK, id=record_id, kind=kind)
    return None if row is None else (row[0], row[1], row[2])


HOLDS = Sql(
    """SELECT h.started, h.ended FROM guard.referral r JOIN guard.hold h
  ON (h.person_id = r.person_id AND (h.provider_id IS NULL OR h.provider_id = r.provider_id)
      AND (h.referral_id IS NULL OR h.referral_id = r.id))
  OR (h.person_id IS NULL AND h.provider_id = r.provider_id)
  WHERE r.id = :id""",
    times=(0, 1),
)


def holds(tx: Tx, referral_id: str) -> list[tuple[datetime, datetime | None]]:
    """Every interval in which this referral was or is held."""
    return [(row[0], row[1]) for row in tx.rows(HOLDS, id=referral_id)]


RUNNING = Sql(
    "SELECT id FROM clock WHERE record_id = :id AND kind = :kind AND ended IS NULL"
    " ORDER BY id DESC LIMIT 1"
)


def running_clock(tx: Tx, record_id: str, kind: str) -> int | None:
    """The clock of this kind that runs on the record."""
    row = tx.row(RUNNING, id=record_id, kind=kind)
    return None if row is None else int(row[0])


LATE = Sql(
    "SELECT id, kind, started, due FROM clock WHERE record_id = :id AND ended IS NULL"
    " AND missed IS NULL AND look_at <= :at ORDER BY id",
    times=(2, 3),
)
MISSED = Sql("UPDATE clock SET missed = :missed WHERE id = :id AND missed IS NULL")


def perhaps_late(tx: Tx, record_id: str, at: datetime) -> list[tuple[int, str, datetime, datetime]]:
    """The running clocks of a record that may be late and aren't marked so: id, kind, when it
    started and was due."""
    return [(row[0], row[1], row[2], row[3]) for row in tx.rows(LATE, id=record_id, at=at)]


def mark_missed(tx: Tx, clock_id: int, missed: datetime) -> None:
    """The move that ended this clock came late."""
    tx.run(MISSED, id=clock_id, missed=missed)


# -- alarms -------------------------------------------------------------------------------------

OVERTAKEN = Sql(
    f"""SELECT x.id FROM guard.escalation x LEFT JOIN clock t ON t.id = x.clock_id
  WHERE x.about_id = :id AND x.closed_at IS NULL AND x.clock_id IS NOT NULL
    AND x.state IN ({listed(*OVERTAKABLE)})
    AND (t.ended IS NOT NULL OR :ended = 1)
  ORDER BY x.id"""
)


def overtaken(tx: Tx, record_id: str, ended: bool) -> list[str]:
    """Open alarms about this record whose clock has been met, or all if the record has ended."""
    return [row[0] for row in tx.rows(OVERTAKEN, id=record_id, ended=int(ended))]


LINK_WORKERS = Sql(
    f"""SELECT DISTINCT CAST(r.link_worker_id AS text) FROM guard.referral r
  WHERE r.provider_id = :provider_id AND r.state IN ({WITH})"""
)


def link_workers_with(tx: Tx, provider_id: str) -> list[str]:
    """The owner keys of the link workers who have somebody with this provider."""
    return sorted(f"member@{row[0]}" for row in tx.rows(LINK_WORKERS, provider_id=provider_id))


OF_REFERRAL = Sql(
    "SELECT CAST(r.link_worker_id AS text), CAST(p.organisation_id AS text),"
    " CASE WHEN r.sent_at IS NULL THEN 0 ELSE 1 END"
    " FROM guard.referral r JOIN provider p ON p.id = r.provider_id WHERE r.id = :id"
)
OF_PROVIDER = Sql(
    "SELECT CAST(a.id AS text), CAST(a.organisation_id AS text) FROM assurance a"
    " WHERE a.provider_id = :id OR a.id = :id"
)
# What a provider needn't hear of, though it is about somebody who is with them.
NOT_FOR_PROVIDERS = frozenset(
    {"consent", "safeguarding_process", "complaint", "professional_disagreement"}
)


def concerned_in(tx: Tx, f: Any) -> list[tuple[str, str, str]]:
    """Whom a decided review concerns beside its raiser: (owner key, noun, record), where the record
    is the one they see it by."""
    found: list[tuple[str, str, str]] = []
    if f.about == "referral":
        row = tx.row(OF_REFERRAL, id=f.about_id)
        if row is not None:
            found.append((f"member@{row[0]}", "referral", f.about_id))
            if row[2] and f.kind not in NOT_FOR_PROVIDERS:
                found.append((f"provider_leader@{row[1]}", "referral", f.about_id))
    elif f.about in ("provider", "assurance"):
        row = tx.row(OF_PROVIDER, id=f.about_id)
        if row is not None:
            found.append((f"provider_leader@{row[1]}", "assurance", row[0]))
    return [one for one in found if one[0] != f.raiser]


WORKER_FOR = Sql(
    f"""SELECT CAST(r.link_worker_id AS text) FROM guard.referral r WHERE r.person_id = :person_id
  AND r.system_id = :system_id AND r.state IN ({listed(*REFERRAL_OPEN)})
  ORDER BY r.created_at DESC LIMIT 1"""
)


def link_worker_for(tx: Tx, system_id: str, person_id: str) -> str | None:
    """The link worker named on the person's newest open referral."""
    row = tx.row(WORKER_FOR, person_id=person_id, system_id=system_id)
    return None if row is None else str(row[0])
