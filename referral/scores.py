"""How somebody says their life is, asked again over time: the answers to a measure at the start of
a referral, at reviews and at its end.

A row is never changed. What was put right stands in a row of its own that names the one before,
with who did it and why; a row without any answer takes back what it names."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from referral.actors import Actor
from referral.schema import Base, Key, Ref, day
from referral.store import Sql, Tx

ANSWERS = ("satisfied", "worthwhile", "happy", "anxious")
FIRST_OF_ITS_STAGE = "corrects_id IS NULL AND stage <> 'review'"


class Score(Base):
    """The answers of one person, for one referral, at one time. None: not answered. `stage`: start,
    review or end; `how`: in person, by phone or by themselves."""

    __tablename__ = "score"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    referral_id: Mapped[Ref] = mapped_column(ForeignKey("referral.id"))
    measure: Mapped[str]
    measure_version: Mapped[int]
    stage: Mapped[str]
    satisfied: Mapped[int | None]
    worthwhile: Mapped[int | None]
    happy: Mapped[int | None]
    anxious: Mapped[int | None]
    asked_on: Mapped[date]
    how: Mapped[str]
    recorded_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    recorded_at: Mapped[datetime]
    corrects_id: Mapped[Ref | None] = mapped_column(ForeignKey("score.id"))
    why: Mapped[str | None]
    __table_args__ = (
        *(CheckConstraint(f"{name} BETWEEN 0 AND 10", name=name) for name in ANSWERS),
        CheckConstraint("(corrects_id IS NULL) = (why IS NULL)", name="why"),
        Index(None, "referral_id"),
        Index("uq_score_corrects", "corrects_id", unique=True),
        Index(
            "uq_score_stage",
            "referral_id",
            "stage",
            unique=True,
            sqlite_where=text(FIRST_OF_ITS_STAGE),
            postgresql_where=text(FIRST_OF_ITS_STAGE),
        ),
    )


class ScoreSeen(NamedTuple):
    """One row, as the team of its referral reads it."""

    id: str
    referral_id: str
    measure: str
    measure_version: int
    stage: str
    satisfied: int | None
    worthwhile: int | None
    happy: int | None
    anxious: int | None
    asked_on: date
    how: str
    recorded_by: str
    recorded_at: datetime
    corrects_id: str | None
    why: str | None

    @property
    def answered(self) -> bool:
        """Whether anything was."""
        return any(getattr(self, name) is not None for name in ANSWERS)


_COLUMNS = ", ".join(f"s.{name}" for name in ScoreSeen._fields if name != "recorded_by").replace(
    "s.recorded_at", "u.name, s.recorded_at"
)
_SEEN = (
    f"SELECT {_COLUMNS} FROM score s JOIN membership m ON m.id = s.recorded_by"
    " JOIN app_user u ON u.id = m.user_id WHERE s.system_id = :system_id"
)
_TIMES = (ScoreSeen._fields.index("recorded_at"),)
OF_REFERRAL = Sql(
    f"{_SEEN} AND s.referral_id = :referral_id"
    " ORDER BY s.recorded_at, CASE WHEN s.corrects_id IS NULL THEN 0 ELSE 1 END, s.id",
    _TIMES,
)
ONE = Sql(f"{_SEEN} AND s.id = :id", _TIMES)


def _read(row: tuple[Any, ...]) -> ScoreSeen:
    seen = dict(zip(ScoreSeen._fields, row, strict=True))
    return ScoreSeen(**{**seen, "asked_on": day(seen["asked_on"])})


def of_referral(tx: Tx, actor: Actor, referral_id: str) -> list[ScoreSeen]:
    """Every row of a referral, as they were written. Whether its reader may see the referral is
    asked elsewhere."""
    rows = tx.rows(OF_REFERRAL, system_id=actor.system_id, referral_id=referral_id)
    return [_read(row) for row in rows]


def one(tx: Tx, actor: Actor, score_id: str) -> ScoreSeen | None:
    """One row. Whether its reader may see its referral is asked elsewhere."""
    row = tx.row(ONE, system_id=actor.system_id, id=score_id)
    return None if row is None else _read(row)


def standing(rows: Iterable[ScoreSeen]) -> list[ScoreSeen]:
    """What nothing has put right since, in the order it was asked; what was taken back stands
    too, without an answer."""
    rows = list(rows)
    corrected = {row.corrects_id for row in rows}
    stages = ("start", "review", "end")
    return sorted(
        (row for row in rows if row.id not in corrected),
        key=lambda row: (row.asked_on, stages.index(row.stage), row.recorded_at),
    )
