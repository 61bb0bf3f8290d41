"""The versions of the words read out, by purpose and language."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from referral.store import Sql, Tx


class Version(NamedTuple):
    """One version of the words for a purpose in a language."""

    id: str
    purpose: str
    language: str
    number: int
    body: str
    from_at: datetime
    published_by: str | None
    heard: int  # how many answers were given to these words


_VERSIONS = """
SELECT w.id, w.purpose, w.language, w.number, w.body, w.from_at,
  (SELECT u.name FROM membership m JOIN app_user u ON u.id = m.user_id
    WHERE m.id = w.published_by),
  (SELECT count(*) FROM guard.consent c WHERE c.wording_id = w.id)
FROM wording w WHERE w.system_id = :system_id
"""
_TIMES = (Version._fields.index("from_at"),)
ALL = Sql(_VERSIONS + " ORDER BY w.purpose, w.language, w.number DESC", _TIMES)
OF_ONE = Sql(
    _VERSIONS + " AND w.purpose = :purpose AND w.language = :language ORDER BY w.number DESC",
    _TIMES,
)
STILL = Sql("SELECT id FROM system WHERE id = :id FOR UPDATE")


def _versions(rows: list[tuple[Any, ...]]) -> list[Version]:
    return [Version._make(row) for row in rows]


def everything(tx: Tx, system_id: str) -> list[Version]:
    """Every version, the newest of each purpose and language first."""
    return _versions(tx.rows(ALL, system_id=system_id))


def versions(tx: Tx, system_id: str, purpose: str, language: str) -> list[Version]:
    """The versions for one purpose in one language, the newest first."""
    asked = {"system_id": system_id, "purpose": purpose, "language": language}
    return _versions(tx.rows(OF_ONE, **asked))


def newest(tx: Tx, system_id: str, purpose: str, language: str) -> Version | None:
    """The last version published, whether its day has come or not."""
    return next(iter(versions(tx, system_id, purpose, language)), None)


def one_at_a_time(tx: Tx, system_id: str) -> None:
    """Versions are numbered one after the other: whoever publishes waits for who is publishing."""
    if tx.pg:
        tx.rows(STILL, id=system_id)
