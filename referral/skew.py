"""Clocks that were apart: entries of the log that say an earlier time than one placed before them.

The order of the tree is that in which entries were committed. The time of each is that of the
machine that made it, in UTC; where two machines' clocks were apart, the times jump back. That is
told, and nothing is put in another order for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from referral.store import Sql, Tx

# Commands begun in the same minute may be committed in another order.
TOLERANCE = timedelta(minutes=1)


class Skew(NamedTuple):
    """How many entries say an earlier time than one before them, the place of the first, and by
    how much at most."""

    entries: int = 0
    first: int = 0
    most: timedelta = timedelta(0)

    def lines(self) -> list[str]:
        """The same for people; nothing where the clocks agreed."""
        if not self.entries:
            return []
        many = "1 entry says" if self.entries == 1 else f"{self.entries:,} entries say"
        return [
            f"Clocks were apart: {many} an earlier time than one before, by {_span(self.most)} at"
            f" most, the first at place {self.first}. The order is that in which they were kept."
        ]

    def as_json(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "entries": self.entries,
            "first": self.first if self.entries else None,
            "most_seconds": round(self.most.total_seconds(), 3),
        }


def _span(most: timedelta) -> str:
    minutes = max(1, round(most.total_seconds() / 60))
    return "1 minute" if minutes == 1 else f"{minutes:,} minutes"


_BEFORE = """SELECT i.idx, a.at,
  max(a.at) OVER (ORDER BY i.idx ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newest
FROM audit_index i JOIN audit a ON a.seq = i.seq"""
_BY_PG = "CAST(extract(epoch FROM newest - at) AS double precision)"
_BY_SQLITE = "(julianday(newest) - julianday(at)) * 86400.0"
_BEHIND = (
    "SELECT count(*), min(idx), max({by}) FROM ({before}) placed WHERE {later} AND {by} > :most"
)
# Text of one width is compared first: the day's number is asked of few.
BEHIND_PG = Sql(_BEHIND.format(by=_BY_PG, before=_BEFORE, later="newest > at"))
BEHIND_SQLITE = Sql(_BEHIND.format(by=_BY_SQLITE, before=_BEFORE, later="newest > at"))


def skew(tx: Tx, tolerance: timedelta = TOLERANCE) -> Skew:
    """Entries whose time is further back than `tolerance` from one placed before them."""
    row = tx.row(BEHIND_PG if tx.pg else BEHIND_SQLITE, most=tolerance.total_seconds())
    if row is None or not row[0]:
        return Skew()
    return Skew(int(row[0]), int(row[1]), timedelta(seconds=float(row[2])))
