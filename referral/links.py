"""Links that let somebody act without an account. Only hashes of their secrets are kept."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import Base, Key, Ref
from referral.states import listed
from referral.store import Sql, Tx

ANSWER, CAME, MESSAGE, PERSON = "answer", "came", "message", "person"
PURPOSES = (ANSWER, CAME, MESSAGE, PERSON)


class Link(Base):
    """One link. A provider's (`answer`, `came`, `message`) stands for one of its leaders and one
    referral, the person's for the person. `used_at` is set once, by whoever is first. `wished` is
    what somebody wanted by it when it was too late; `called_at` is when the person said by it that
    they aren't safe."""

    __tablename__ = "link"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    purpose: Mapped[str]
    record_id: Mapped[Ref]  # the referral, or the person
    membership_id: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    made_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    channel: Mapped[str]  # email | text | letter | paper
    token_hash: Mapped[str] = mapped_column(unique=True)
    code_hash: Mapped[str | None] = mapped_column(unique=True)
    word_hash: Mapped[str | None]
    wrong: Mapped[int]  # words that weren't the one agreed, since it was last typed
    wrong_in_all: Mapped[int] = mapped_column(server_default="0")  # whenever
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_for: Mapped[str | None]
    revoked_at: Mapped[datetime | None]
    wished: Mapped[str | None]
    called_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint(f"purpose IN ({listed(*PURPOSES)})", name="purpose"),
        Index(None, "record_id", "purpose"),
    )


class LinkSeen(NamedTuple):
    """A link as it stands."""

    id: str
    system_id: str
    purpose: str
    record_id: str
    membership_id: str | None
    made_by: str | None
    channel: str
    token_hash: str
    word_hash: str | None
    wrong: int
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    used_for: str | None
    revoked_at: datetime | None
    wished: str | None
    called_at: datetime | None

    def is_open(self, at: datetime) -> bool:
        """Whether it may still be used."""
        return self.used_at is None and self.revoked_at is None and at < self.expires_at


_SEEN = f"SELECT {', '.join(LinkSeen._fields)} FROM link"
_TIMES = tuple(LinkSeen._fields.index(n) for n in LinkSeen._fields if n.endswith("_at"))
FIND = Sql(f"{_SEEN} WHERE id = :id", _TIMES)
BY_CODE = Sql(f"{_SEEN} WHERE code_hash = :code_hash", _TIMES)
OF_RECORD = Sql(
    f"{_SEEN} WHERE record_id = :record_id AND purpose = :purpose AND system_id = :system_id"
    " ORDER BY CASE WHEN revoked_at IS NULL THEN 0 ELSE 1 END, created_at DESC, id DESC LIMIT 20",
    _TIMES,
)
KEEP = Sql(
    "INSERT INTO link (id, system_id, purpose, record_id, membership_id, made_by, channel,"
    " token_hash, code_hash, word_hash, wrong, wrong_in_all, created_at, expires_at)"
    " VALUES (:id, :system_id, :purpose, :record_id, :membership_id, :made_by, :channel,"
    " :token_hash, :code_hash, :word_hash, 0, 0, :at, :expires_at)"
    " ON CONFLICT (id) DO NOTHING"
)
USE = Sql(
    "UPDATE link SET used_at = :at, used_for = :what WHERE id = :id AND used_at IS NULL"
    " AND revoked_at IS NULL AND expires_at > :at"
)
REVOKE = Sql("UPDATE link SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL")
REVOKE_OF = Sql(
    "UPDATE link SET revoked_at = :at WHERE record_id = :record_id AND purpose = :purpose"
    " AND revoked_at IS NULL"
)
WISH = Sql("UPDATE link SET wished = :what WHERE id = :id AND wished IS NULL")
CALL = Sql("UPDATE link SET called_at = :at WHERE id = :id AND called_at IS NULL")
# Links that somebody asked for themselves open with the word of the first, and so have its hash.
OF_WORD = (
    "SELECT sum(o.wrong_in_all) FROM link o"
    " WHERE o.record_id = link.record_id AND o.word_hash = link.word_hash"
)
TRY = Sql(
    "UPDATE link SET wrong = wrong + 1, wrong_in_all = wrong_in_all + 1 WHERE id = :id"
    f" AND revoked_at IS NULL AND wrong < :most AND ({OF_WORD}) < :most_in_all"
)
WRONG = Sql(f"SELECT wrong, ({OF_WORD}) FROM link WHERE id = :id")
RIGHT = Sql("UPDATE link SET wrong = 0, wrong_in_all = wrong_in_all - 1 WHERE id = :id")


def find(tx: Tx, link_id: str) -> LinkSeen | None:
    """A link by its id."""
    row = tx.row(FIND, id=link_id)
    return None if row is None else LinkSeen._make(row)


def by_code(tx: Tx, code_hash: str) -> LinkSeen | None:
    """The link with this code."""
    row = tx.row(BY_CODE, code_hash=code_hash)
    return None if row is None else LinkSeen._make(row)


def of_record(tx: Tx, system_id: str, record_id: str, purpose: str) -> list[LinkSeen]:
    """The links to a record, the newest first."""
    rows = tx.rows(OF_RECORD, record_id=record_id, purpose=purpose, system_id=system_id)
    return [LinkSeen._make(row) for row in rows]


def keep(
    tx: Tx,
    *,
    link_id: str,
    system_id: str,
    purpose: str,
    record_id: str,
    membership_id: str | None,
    made_by: str | None,
    channel: str,
    token_hash: str,
    code_hash: str | None,
    word_hash: str | None,
    at: datetime,
    expires_at: datetime,
) -> None:
    """Keep a new link; nothing happens if it is there."""
    tx.run(
        KEEP,
        id=link_id,
        system_id=system_id,
        purpose=purpose,
        record_id=record_id,
        membership_id=membership_id,
        made_by=made_by,
        channel=channel,
        token_hash=token_hash,
        code_hash=code_hash,
        word_hash=word_hash,
        at=at,
        expires_at=expires_at,
    )


def use(tx: Tx, link_id: str, what: str, at: datetime) -> bool:
    """Use it up. False for whoever comes second, or too late."""
    return tx.run(USE, id=link_id, what=what, at=at) == 1


def revoke(tx: Tx, link_id: str, at: datetime) -> bool:
    """End it now. False when it was ended."""
    return tx.run(REVOKE, id=link_id, at=at) == 1


def revoke_all(tx: Tx, record_id: str, purpose: str, at: datetime) -> int:
    """End every link of this kind to a record."""
    return tx.run(REVOKE_OF, record_id=record_id, purpose=purpose, at=at)


def wish(tx: Tx, link_id: str, what: str) -> bool:
    """Keep what somebody wanted by it, the first time. False after that."""
    return tx.run(WISH, id=link_id, what=what) == 1


def call(tx: Tx, link_id: str, at: datetime) -> bool:
    """The person says by it that they aren't safe. False when they had."""
    return tx.run(CALL, id=link_id, at=at) == 1


def try_word(tx: Tx, link_id: str, most: int, most_in_all: int) -> bool:
    """Count a word as wrong before it is looked at. False where no more may be tried."""
    return tx.run(TRY, id=link_id, most=most, most_in_all=most_in_all) == 1


def wrong_words(tx: Tx, link_id: str) -> tuple[int, int]:
    """How many words were wrong: in a row by this link, and of its word by all links it opens."""
    row = tx.row(WRONG, id=link_id)
    return (int(row[0]), int(row[1] or 0)) if row is not None else (0, 0)


def right_word(tx: Tx, link_id: str) -> None:
    """The word just tried was right: it takes itself back, and those before it in a row."""
    tx.run(RIGHT, id=link_id)


# -- what came back -----------------------------------------------------------------------------

SAID = Sql(
    "SELECT n.noun, n.body, n.at, a.name FROM note n LEFT JOIN referral r ON r.id = n.record_id"
    " LEFT JOIN activity a ON a.id = r.activity_id WHERE n.person_id = :person_id"
    " AND n.organisation_id = :org AND n.noun IN ('how_it_went','contact_wish')"
    " ORDER BY n.at DESC LIMIT 20",
    times=(2,),
    sealed=(1,),
)


def said(tx: Tx, person_id: str, organisation_id: str) -> list[tuple[str, str, datetime, str]]:
    """What a person said by their link, to their own team: of what, the words, when, and of which
    activity, the newest first."""
    rows = tx.rows(SAID, person_id=person_id, org=organisation_id)
    return [(str(row[0]), row[1] or "", row[2], str(row[3] or "")) for row in rows]
