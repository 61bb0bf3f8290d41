"""What goes out of the house: one row for each message to one address, and how far it got.

A row is written with the notice it repeats and handed to a service later, under a lease; `tries` is
the fence, as in `referral.queue`. That a service took a message (`sent_at`) says nothing of whether
it arrived, and that it arrived nothing of whether anybody has read it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from referral.ids import new_id
from referral.queue import claims, taken
from referral.schema import Base, Ref, Serial
from referral.states import listed
from referral.store import Sql, Tx

EMAIL, TEXT, LETTER = "email", "text", "letter"
CHANNELS = (EMAIL, TEXT, LETTER)
DISPATCH_TODO = "ended IS NULL"


class Dispatch(Base):
    """One message to one address. `to_owner` is the owner key of one member or one person; where
    they are reached is looked up as it leaves. `slot` says which message it is of theirs: the
    database refuses a second. `key` goes with it to the service, the same at each try."""

    __tablename__ = "dispatch"
    id: Mapped[Serial]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    key: Mapped[Ref] = mapped_column(unique=True)
    slot: Mapped[str]
    outbox_id: Mapped[int | None] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"))
    to_owner: Mapped[str]
    to_address: Mapped[str | None]  # an account's last one, told that it is no more; until it left
    channel: Mapped[str]
    what: Mapped[str]
    noun: Mapped[str]
    record_id: Mapped[Ref]
    at: Mapped[datetime]
    run_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    tries: Mapped[int]
    sent_at: Mapped[datetime | None]  # a service took it
    service_id: Mapped[str | None]  # the number the service gave it
    ended: Mapped[datetime | None]
    # sent | delivered | failed | gave_up | not_allowed_now | no_address | nothing_new
    result: Mapped[str | None]
    __table_args__ = (
        UniqueConstraint("to_owner", "channel", "slot"),
        CheckConstraint(f"channel IN ({listed(*CHANNELS)})", name="channel"),
        Index(
            "ix_dispatch_todo",
            "run_at",
            "id",
            sqlite_where=sql(DISPATCH_TODO),
            postgresql_where=sql(DISPATCH_TODO),
        ),
        Index(None, "record_id"),
        Index(None, "service_id"),
    )


class Parcel(NamedTuple):
    """A row that one worker has claimed."""

    id: int
    tries: int
    system_id: str
    key: str
    outbox_id: int | None
    to_owner: str
    channel: str
    what: str
    noun: str
    record_id: str
    service_id: str | None
    at: datetime
    to_address: str | None = None


# The columns that order a claim come first in its rows, and are left out again.
_AT = Parcel._fields.index("at")
PARCELS = claims("dispatch", DISPATCH_TODO, "run_at", Parcel._fields, times=(2 + _AT,))
PLAN = Sql(
    "INSERT INTO dispatch (system_id, key, slot, outbox_id, to_owner, to_address, channel, what,"
    " noun, record_id, at, run_at, tries) VALUES (:system_id, :key, :slot, :outbox_id, :to_owner,"
    " :to_address, :channel, :what, :noun, :record_id, :at, :run_at, 0)"
    " ON CONFLICT (to_owner, channel, slot) DO NOTHING"
)
MINE = "id = :id AND tries = :tries AND ended IS NULL"
END = Sql(
    "UPDATE dispatch SET ended = :at, result = :result, lease_until = NULL, to_address = NULL,"
    f" service_id = coalesce(service_id, :service_id) WHERE {MINE}"
)
TOOK = Sql(
    f"UPDATE dispatch SET sent_at = coalesce(sent_at, :at), service_id = :service_id WHERE {MINE}"
)
AGAIN = Sql(f"UPDATE dispatch SET run_at = :run_at, lease_until = NULL WHERE {MINE}")
BY_SERVICE = Sql(
    f"SELECT {', '.join(Parcel._fields)} FROM dispatch"
    " WHERE service_id = :service_id AND channel = 'email'",
    times=(_AT,),
)
BOUNCED = Sql(
    "UPDATE dispatch SET ended = :at, result = 'failed'"
    " WHERE id = :id AND (result IS NULL OR result = 'sent')"
)


def claim(tx: Tx, at: datetime, until: datetime, n: int) -> list[Parcel]:
    """Up to `n` messages that are to be handed to a service, or asked after, held by the caller
    until their lease ends."""
    return [Parcel._make(row) for row in taken(tx, PARCELS, at, until, n)]


def plan(
    tx: Tx,
    *,
    system_id: str,
    slot: str,
    to_owner: str,
    channel: str,
    what: str,
    noun: str,
    record_id: str,
    at: datetime,
    run_at: datetime | None = None,
    outbox_id: int | None = None,
    to_address: str | None = None,
) -> bool:
    """Put a message on its way. False when it is already."""
    done = tx.run(
        PLAN,
        system_id=system_id,
        key=new_id(at),
        slot=slot,
        outbox_id=outbox_id,
        to_owner=to_owner,
        to_address=to_address,
        channel=channel,
        what=what,
        noun=noun,
        record_id=record_id,
        at=at,
        run_at=run_at or at,
    )
    return done == 1


def took(tx: Tx, parcel: Parcel, at: datetime, service_id: str | None) -> bool:
    """A service took it, under this number. False when another worker has claimed it since."""
    return tx.run(TOOK, id=parcel.id, tries=parcel.tries, at=at, service_id=service_id) == 1


def end(tx: Tx, parcel: Parcel, at: datetime, result: str, service_id: str | None = None) -> bool:
    """Nothing more is done about it. False when another worker has claimed it since."""
    done = tx.run(
        END, id=parcel.id, tries=parcel.tries, at=at, result=result, service_id=service_id
    )
    return done == 1


def again(tx: Tx, parcel: Parcel, run_at: datetime) -> None:
    """Look at it again from `run_at` on."""
    tx.run(AGAIN, id=parcel.id, tries=parcel.tries, run_at=run_at)


def by_service(tx: Tx, service_id: str) -> Parcel | None:
    """The mail that left under this number."""
    row = tx.row(BY_SERVICE, service_id=service_id)
    return None if row is None else Parcel._make(row)


def bounced(tx: Tx, parcel: Parcel, at: datetime) -> bool:
    """A mail that had been taken came back. False when that was known."""
    return tx.run(BOUNCED, id=parcel.id, at=at) == 1


# -- whom a row is for --------------------------------------------------------------------------


class Address(NamedTuple):
    """Where one member is reached."""

    user_id: str
    name: str
    email: str
    phone: str | None
    language: str | None


class PersonAddress(NamedTuple):
    """Where the person is reached, and whether they may be."""

    organisation_id: str
    method: str | None
    email: str | None
    phone: str | None
    address: str | None
    postcode: str | None
    name: str
    message_safe: bool
    died: bool
    said_no: bool
    team: str
    team_phone: str | None
    language: str | None

    @property
    def may_be_written(self) -> bool:
        """Whether it is safe to leave a message, and they haven't said no to being written to."""
        return self.message_safe and not self.said_no and not self.died


MEMBER = Sql(
    "SELECT u.id, u.name, u.email, u.phone, u.language"
    " FROM membership m JOIN app_user u ON u.id = m.user_id"
    " WHERE m.id = :id AND m.system_id = :system_id"
)
PERSON = Sql(
    """
SELECT pe.organisation_id, pe.contact_method, pe.email, pe.phone, pe.address, pe.postcode,
  pe.given_name || ' ' || pe.family_name, coalesce(pe.message_safe, FALSE),
  pe.died_on IS NOT NULL,
  EXISTS (SELECT 1 FROM consent c WHERE c.person_id = pe.id AND c.purpose = 'contact'
    AND c.state IN ('refused','withdrawn') AND NOT EXISTS (SELECT 1 FROM consent n
      WHERE n.person_id = pe.id AND n.purpose = 'contact' AND n.state = 'given'
      AND n.asked_at >= c.asked_at)),
  o.name, o.phone, pe.language
FROM person pe JOIN organisation o ON o.id = pe.organisation_id
WHERE pe.id = :id AND pe.system_id = :system_id
"""
)


def member(tx: Tx, system_id: str, membership_id: str) -> Address | None:
    """Where a member is reached."""
    row = tx.row(MEMBER, id=membership_id, system_id=system_id)
    return None if row is None else Address(*row)


def person(tx: Tx, system_id: str, person_id: str) -> PersonAddress | None:
    """Where a person is reached."""
    row = tx.row(PERSON, id=person_id, system_id=system_id)
    if row is None:
        return None
    yes_no = (bool(value) for value in row[7:10])
    return PersonAddress(*row[:7], *yes_no, *row[10:])


# -- what a notice was of -----------------------------------------------------------------------

NOTICES_OF = Sql(
    "SELECT n.membership_id, n.what, n.noun, n.record_id FROM notice n"
    " WHERE n.outbox_id = :outbox_id ORDER BY n.id"
)
UNREAD = Sql(
    "SELECT n.what, count(*) FROM notice n WHERE n.membership_id = :membership_id"
    " AND n.read_at IS NULL AND n.at > :since GROUP BY n.what ORDER BY min(n.id)"
)
REFERENCES = {
    noun: Sql(f"SELECT reference FROM {noun} WHERE id = :id AND system_id = :system_id")
    for noun in ("referral", "concern", "escalation", "agreement", "rights_request")
}


def notices_of(tx: Tx, outbox_id: int) -> list[tuple[str, str, str, str]]:
    """(membership, what, noun, record) of the notices one letter became."""
    rows = tx.rows(NOTICES_OF, outbox_id=outbox_id)
    return [(str(m), str(what), str(noun), str(record)) for m, what, noun, record in rows]


def unread(tx: Tx, membership_id: str, since: datetime) -> list[tuple[str, int]]:
    """(what, how many) of the notices a member hasn't read, given after `since`."""
    rows = tx.rows(UNREAD, membership_id=membership_id, since=since)
    return [(str(what), int(count)) for what, count in rows]


def reference_of(tx: Tx, system_id: str, noun: str, record_id: str) -> str | None:
    """The reference of a record, where its kind has one."""
    if noun not in REFERENCES:
        return None
    row = tx.row(REFERENCES[noun], id=record_id, system_id=system_id)
    return None if row is None else str(row[0])
