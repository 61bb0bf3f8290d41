"""Documents on a referral: files that the link worker's team or the provider put there. The bytes
lie under the person's key like any words about them, and go with it."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from referral.actors import Actor
from referral.keys import Damaged, Gone
from referral.messages import SIDES, side_of
from referral.schema import Base, Key, Ref, Sealed
from referral.states import Role, listed
from referral.store import Sql, Tx

KINDS = ("letter", "assessment", "care_plan", "form", "work", "other")
WAITING, CLEAN, REFUSED = "waiting", "clean", "refused"
SCANS = (WAITING, CLEAN, REFUSED)
WRONG_PERSON, WRONG_FILE, OUT_OF_DATE, NOT_WANTED = (
    "wrong_person", "wrong_file", "out_of_date", "not_wanted",
)  # fmt: skip
WHY = (WRONG_PERSON, WRONG_FILE, OUT_OF_DATE, NOT_WANTED)
# What was never to be here goes from the store at once; the rest is kept, and shared no more.
GOES = frozenset({WRONG_PERSON, WRONG_FILE})
TO_SCAN = "scan = 'waiting' AND content IS NOT NULL"
PAGE = 20
SHARED = "document_shared"
"""What a notice tells the other side of: a document that they may open."""
SCANNED_OUT = "document_refused"
"""What a notice tells whoever put a document there that the scanner refused."""


class Document(Base):
    """A file on a referral. `side` is whose it is; `shared`, whether the other side may see it.
    `content` is None once it was refused, taken back for good or erased."""

    __tablename__ = "document"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    referral_id: Mapped[Ref] = mapped_column(ForeignKey("referral.id"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    side: Mapped[str]
    shared: Mapped[bool]
    kind: Mapped[str]
    attached_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    at: Mapped[datetime]
    media_type: Mapped[str]
    size: Mapped[int]
    scan: Mapped[str]
    scan_at: Mapped[datetime]  # when a scanner looks at it, or looks again
    scanned_at: Mapped[datetime | None]
    taken_back_at: Mapped[datetime | None]
    taken_back_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    taken_back_why: Mapped[str | None]
    name: Mapped[Sealed]
    description: Mapped[Sealed]
    content: Mapped[Sealed | None]
    __table_args__ = (
        CheckConstraint(f"side IN ({listed(*SIDES)})", name="side"),
        CheckConstraint(f"kind IN ({listed(*KINDS)})", name="kind"),
        CheckConstraint(f"scan IN ({listed(*SCANS)})", name="scan"),
        CheckConstraint(f"taken_back_why IN ({listed(*WHY)})", name="taken_back_why"),
        Index(None, "referral_id", "at"),
        Index(None, "person_id"),
        Index(
            "ix_document_to_scan",
            "scan_at",
            sqlite_where=text(TO_SCAN),
            postgresql_where=text(TO_SCAN),
        ),
    )


BYTES = "base64:"


def packed(content: bytes) -> str:
    """Bytes as the sealed column takes them."""
    return BYTES + base64.b64encode(content).decode()


def unpacked(text: str | None) -> bytes | None:
    """The bytes again; None where they are gone, or were changed outside the program."""
    if text is None or isinstance(text, Gone | Damaged):
        return None
    try:
        return base64.b64decode(text.removeprefix(BYTES), validate=True)
    except ValueError:
        return None


class DocumentSeen(NamedTuple):
    """One document as those see it who may, without what is in it. `there`: it can be opened."""

    id: str
    side: str
    shared: bool
    kind: str
    attached_by: str
    by: str
    organisation: str
    at: datetime
    media_type: str
    size: int
    scan: str
    taken_back_at: datetime | None
    taken_back_by: str | None
    taken_back_why: str | None
    there: bool
    name: str
    description: str


# Who of those that see the referral sees a document of it: its own side, the other where it is
# shared and wasn't taken back, and whoever looks after safety. Said again in `referral.wall`.
SEEN_BY = (
    "(x.side = :side OR :safety = 1"
    " OR (x.shared AND x.taken_back_at IS NULL AND x.scan <> 'refused'))"
)


def seen_by(actor: Actor) -> dict[str, object]:
    """The parameters of SEEN_BY."""
    return {"side": side_of(actor) or "-", "safety": int(actor.role is Role.SAFEGUARDING_LEAD)}


_OF = f"""SELECT x.id, x.side, x.shared, x.kind, x.attached_by, u.name, o.name, x.at, x.media_type,
  x.size, x.scan, x.taken_back_at, tu.name, x.taken_back_why,
  CASE WHEN x.content IS NULL OR x.taken_back_why IN ({listed(*sorted(GOES))}) THEN 0 ELSE 1 END,
  x.name, x.description
FROM document x
  JOIN membership w ON w.id = x.attached_by JOIN app_user u ON u.id = w.user_id
  JOIN organisation o ON o.id = w.organisation_id
  LEFT JOIN membership tw ON tw.id = x.taken_back_by LEFT JOIN app_user tu ON tu.id = tw.user_id
WHERE x.system_id = :system_id AND x.referral_id = :referral_id AND {SEEN_BY}{{further}}
ORDER BY x.at DESC, x.id DESC LIMIT :limit"""
_TIMES, _SEALED = (7, 11), (15, 16)
NEWEST = Sql(_OF.format(further=""), _TIMES, _SEALED)
BEFORE = Sql(_OF.format(further=" AND (x.at, x.id) < (:at, :id)"), _TIMES, _SEALED)
ONE = Sql(_OF.format(further=" AND x.id = :id"), _TIMES, _SEALED)
CONTENT = Sql("SELECT content FROM document WHERE id = :id AND system_id = :system_id", sealed=(0,))


def _row(row: tuple[object, ...]) -> DocumentSeen:
    found = DocumentSeen._make(row)
    return found._replace(shared=bool(found.shared), there=bool(found.there))


def of_referral(
    tx: Tx,
    actor: Actor,
    referral_id: str,
    before: tuple[datetime, str] | None = None,
    limit: int = PAGE,
) -> list[DocumentSeen]:
    """The documents of a referral that this actor sees, the newest first. `before`: time and id of
    the last on the page before. Whether they may see the referral's documents is asked
    elsewhere."""
    whose = {"system_id": actor.system_id, "referral_id": referral_id, **seen_by(actor)}
    if before is None:
        rows = tx.rows(NEWEST, **whose, limit=limit)
    else:
        rows = tx.rows(BEFORE, **whose, limit=limit, at=before[0], id=before[1])
    return [_row(row) for row in rows]


def one(tx: Tx, actor: Actor, referral_id: str, document_id: str) -> DocumentSeen | None:
    """One document of a referral, where this actor sees it."""
    whose = {"system_id": actor.system_id, "referral_id": referral_id, **seen_by(actor)}
    row = tx.row(ONE, **whose, id=document_id, limit=1)
    return None if row is None else _row(row)


def content(tx: Tx, system_id: str, document_id: str) -> bytes | None:
    """What is in a document that somebody was let at."""
    row = tx.row(CONTENT, id=document_id, system_id=system_id)
    return None if row is None else unpacked(row[0])


class Given(NamedTuple):
    """A document as it is given beside a copy; no content where it may be nobody's to open."""

    name: str
    media_type: str
    scan: str
    content: bytes | None


TO_GIVE = Sql(
    "SELECT name, media_type, scan, taken_back_why, content FROM document WHERE id = :id",
    sealed=(0, 4),
)


def to_give(tx: Tx, document_id: str) -> Given:
    """A document of somebody whose copy is made."""
    name, media_type, scan, why, packed_ = tx.rows(TO_GIVE, id=document_id)[0]
    return Given(name, media_type, scan, None if why in GOES else unpacked(packed_))


# How many a reader finds on a referral: part of the query of the referral's page.
MANY = (
    f"FROM document x WHERE x.system_id = :system_id AND x.referral_id = {{referral}} AND {SEEN_BY}"
)
COUNT = Sql(
    "SELECT count(*) FROM document WHERE referral_id = :referral_id AND content IS NOT NULL"
)


def kept_on(tx: Tx, referral_id: str) -> int:
    """How many files lie on a referral."""
    row = tx.row(COUNT, referral_id=referral_id)
    return int(row[0]) if row else 0
