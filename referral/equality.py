"""What a person said of their ethnic group and of disability, for counting who is missed. One
answer a person, kept as codes of one length, so that the length of what is sealed tells nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from referral.actors import Actor
from referral.schema import Base, Key, Ref, Sealed, day
from referral.store import Sql, Tx

NOT_SAID = "Z0"
# The NHS ethnic categories by their letters. The census of 2021 asks of three groups that these do
# not have: each has the letter that it is counted under.
ETHNIC = (
    *("A0", "B0", "C1", "C2", "C0", "D0", "E0", "F0", "G0", "H0", "J0", "K0", "R0", "L0"),
    *("M0", "N0", "P0", "S1", "S0", NOT_SAID),
)
DISABILITY = ("Y0", "N0", NOT_SAID)


def nhs_category(code: str) -> str:
    """The letter of the NHS ethnic category that this answer is counted under."""
    return code[0]


GROUPS: Mapping[str, str] = {"asian": "HJKRL", "black": "MNP", "mixed": "DEFG", "white": "ABC",
                             "other": "S"}  # fmt: skip
_GROUP_OF = {letter: group for group, letters in GROUPS.items() for letter in letters}
KEPT_BACK = "kept_back"  # they would not say, or took back what they had said


def group_said(code: str | None) -> str:
    """Which of the five groups of the census an answer is counted under. None: it was taken back.
    What can be read no more counts as never asked."""
    if code is None or code == NOT_SAID:
        return KEPT_BACK
    return _GROUP_OF[nhs_category(code)] if code in ETHNIC else ""


def disability_said(code: str | None) -> str:
    """The same of disability."""
    if code is None or code == NOT_SAID:
        return KEPT_BACK
    return {"Y0": "yes", "N0": "no"}.get(code, "")


class EqualityAnswer(Base):
    """What a person said themselves. Both codes are none once they took it back: that they were
    asked stays, so that nobody asks again. Both are none, too, while they do not want to be asked:
    what was said before is gone. `recorded_by`: nobody, where they said so on their own page."""

    __tablename__ = "equality_answer"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    ethnic_group: Mapped[Sealed | None]
    disability: Mapped[Sealed | None]
    said_on: Mapped[date]
    said_how: Mapped[str]
    recorded_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    recorded_at: Mapped[datetime]
    taken_back_at: Mapped[datetime | None]
    objected_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint(
            "taken_back_at IS NULL OR (ethnic_group IS NULL AND disability IS NULL)",
            name="taken_back",
        ),
        CheckConstraint(
            "objected_at IS NULL OR (ethnic_group IS NULL AND disability IS NULL)",
            name="objected",
        ),
        Index(None, "person_id"),
    )


class AnswerSeen(NamedTuple):
    """The answer, as the person's team reads it."""

    id: str
    ethnic_group: str | None
    disability: str | None
    said_on: date
    said_how: str
    recorded_by: str | None
    recorded_at: datetime
    taken_back_at: datetime | None
    objected_at: datetime | None


# Two records joined can bring an answer each: the newest counts, be it a taking back; but that they
# do not want to be asked counts before all of them.
OF_PERSON = Sql(
    "SELECT e.id, e.ethnic_group, e.disability, e.said_on, e.said_how, u.name, e.recorded_at,"
    " e.taken_back_at, e.objected_at FROM equality_answer e"
    " LEFT JOIN membership m ON m.id = e.recorded_by LEFT JOIN app_user u ON u.id = m.user_id"
    " WHERE e.system_id = :system_id AND e.person_id = :person_id"
    " ORDER BY CASE WHEN e.objected_at IS NULL THEN 1 ELSE 0 END,"
    " COALESCE(e.taken_back_at, e.recorded_at) DESC, e.id DESC LIMIT 20",
    (6, 7, 8),
    (1, 2),
)


def of_person(tx: Tx, actor: Actor, person_id: str) -> list[AnswerSeen]:
    """What stands, the newest first. Whether its reader may open the person's record is asked
    elsewhere."""
    rows = tx.rows(OF_PERSON, system_id=actor.system_id, person_id=person_id)
    return [_read(row) for row in rows]


def _read(row: tuple[Any, ...]) -> AnswerSeen:
    seen = AnswerSeen(*row)
    return seen._replace(said_on=day(seen.said_on) or seen.said_on)


OBJECTS = Sql(
    "SELECT 1 FROM equality_answer WHERE system_id = :system_id AND person_id = :person_id"
    " AND objected_at IS NOT NULL"
)
FORGET = Sql(
    "DELETE FROM equality_answer WHERE system_id = :system_id AND person_id = :person_id"
    " AND ethnic_group IS NULL AND disability IS NULL"
)


def objects(tx: Tx, actor: Actor, person_id: str) -> bool:
    """Whether a person does not want to be asked."""
    return tx.row(OBJECTS, system_id=actor.system_id, person_id=person_id) is not None


def forget(tx: Tx, actor: Actor, person_id: str) -> None:
    """That they were asked, and did not want to be, is no longer known."""
    tx.run(FORGET, system_id=actor.system_id, person_id=person_id)
