"""Rows that have served: answers to keys, letters handed over long ago, writing nobody went on
with. Everything else stays."""

from __future__ import annotations

from datetime import datetime

from referral.store import Sql, Tx

KEYS = Sql(
    "DELETE FROM idempotency WHERE (system_id, actor_id, key) IN"
    " (SELECT system_id, actor_id, key FROM idempotency WHERE at < :before LIMIT :n)"
)
# The newest stays: SQLite would give its number to the next one.
LETTERS = Sql(
    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE sent_at < :before"
    " AND id < (SELECT max(id) FROM outbox) ORDER BY id LIMIT :n)"
)
BEGUN = Sql(
    "DELETE FROM beginning WHERE updated_at < :before AND id IN (SELECT id FROM beginning"
    " WHERE updated_at < :before ORDER BY updated_at, id LIMIT :n)"
    " RETURNING id, system_id, (SELECT subject_ref FROM person pe WHERE pe.id = person_id)"
)


def forget_answers(tx: Tx, before: datetime, n: int) -> int:
    """Up to `n` answers to keys given before then go. How many went."""
    return tx.run(KEYS, before=before, n=n)


def forget_letters(tx: Tx, before: datetime, n: int) -> int:
    """Up to `n` letters dealt with before then go; what reached somebody stays in their notices.
    How many went."""
    return tx.run(LETTERS, before=before, n=n)


def forget_beginnings(tx: Tx, before: datetime, n: int) -> list[tuple[str, str, str]]:
    """Up to `n` beginnings that nobody has touched since then go: id, system and the subject's
    reference of each."""
    return [(row[0], row[1], row[2]) for row in tx.rows(BEGUN, before=before, n=n)]
