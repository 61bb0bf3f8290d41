"""Systems, places, organisations, the accounts in them and how they sign in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import Base, Id, Key, Ref, Sealed
from referral.states import Role, listed

ORGANISATION_KINDS = ("practice", "network", "council", "voluntary", "provider", "board")
# Who may stand on a rung of the ladder, and where: in the record's organisation, over its place of
# the second level, or over the whole system.
REVIEWING = (
    Role.TEAM_LEAD,
    Role.GOVERNANCE_LEAD,
    Role.SAFEGUARDING_LEAD,
    Role.ACCOUNTABLE_OFFICER,
)
STANDS = ("organisation", "place", "root")


class System(Base):
    """An integrated care system: the tenant."""

    __tablename__ = "system"
    id: Mapped[Key]
    name: Mapped[str]
    created_at: Mapped[datetime]


class Place(Base):
    """Geography only: a tree. `path` is `/system/.../own id`, so that "over" is a prefix."""

    __tablename__ = "place"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    parent_id: Mapped[Ref | None] = mapped_column(ForeignKey("place.id"))
    kind: Mapped[str]
    name: Mapped[str]
    path: Mapped[str] = mapped_column(unique=True)
    # Who answers at this hour: the rota's number in working hours, the council's outside them,
    # and the person outside the ladder when everyone on it is concerned.
    safeguarding_phone: Mapped[str | None]
    out_of_hours_phone: Mapped[str | None]
    outside_contact: Mapped[str | None]
    # The newest rule of the system: the facts read it, so that asking for policy costs nothing.
    policy: Mapped[Ref | None]
    __table_args__ = (
        CheckConstraint("kind IN ('system','place','neighbourhood')", name="kind"),
        Index(None, "system_id"),
    )


class Organisation(Base):
    """A practice, network, council, voluntary organisation, provider or board."""

    __tablename__ = "organisation"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    place_id: Mapped[Ref] = mapped_column(ForeignKey("place.id"))
    name: Mapped[str]
    kind: Mapped[str]
    ods_code: Mapped[str | None]
    description: Mapped[str | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    url: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint(
            f"kind IN ({listed(*ORGANISATION_KINDS)})",
            name="kind",
        ),
        Index(None, "system_id", "name"),
        Index(None, "place_id"),
    )


class User(Base):
    """An account: one human who can sign in."""

    __tablename__ = "app_user"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    name: Mapped[str]
    email: Mapped[str]
    phone: Mapped[str | None]
    password_hash: Mapped[str | None]
    language: Mapped[str | None]  # they read in; None: they haven't said
    active: Mapped[bool]
    created_at: Mapped[datetime]
    # By a link, to choose their first password: the newest, which alone may be used.
    invited_at: Mapped[datetime | None]
    # By themselves; None for a password that somebody gave them.
    chose_password_at: Mapped[datetime | None]
    # Hours of the day in London: of the daily summary, and between which nothing is sent that can
    # wait; None: as it is for everybody.
    summary_hour: Mapped[int | None]
    quiet_from: Mapped[int | None]
    quiet_until: Mapped[int | None]
    __table_args__ = (UniqueConstraint("email"), Index(None, "system_id"))


class Membership(Base):
    """One role of one account in one organisation. `place_id` only for those who answer for a
    whole place: it is what makes them "over" the records there."""

    __tablename__ = "membership"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    user_id: Mapped[Ref] = mapped_column(ForeignKey("app_user.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    place_id: Mapped[Ref | None] = mapped_column(ForeignKey("place.id"))
    role: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    away_from: Mapped[datetime | None]
    away_until: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint(f"role IN ({listed(*Role)})", name="role"),
        Index(None, "user_id"),
        Index("ix_membership_post", "organisation_id", "role"),
        Index("ix_membership_place", "place_id", "role"),
    )


class LadderRung(Base):
    """Who reviews an escalation at one level, in a place and everything below it. The newest rungs
    of the nearest place count, all of them together; where none are set, the four of
    `referral.ladder` do. `stands` is where whoever has the role is looked for."""

    __tablename__ = "ladder_rung"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    place_id: Mapped[Ref] = mapped_column(ForeignKey("place.id"))
    level: Mapped[int] = mapped_column(Integer)
    role: Mapped[str]
    stands: Mapped[str]
    title: Mapped[str | None]  # what whoever stands there is called here
    from_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("level BETWEEN 1 AND 4", name="level"),
        CheckConstraint(f"role IN ({listed(*REVIEWING)})", name="role"),
        CheckConstraint(f"stands IN ({listed(*STANDS)})", name="stands"),
        UniqueConstraint("place_id", "from_at", "level"),
        Index(None, "system_id"),
    )


class SignIn(Base):
    """A server-side session. The cookie holds a random token; here is only its hash."""

    __tablename__ = "sign_in"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    user_id: Mapped[Ref] = mapped_column(ForeignKey("app_user.id"))
    membership_id: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    idle_until: Mapped[datetime]
    ends_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    __table_args__ = (Index(None, "user_id"),)


class SignInTry(Base):
    """Wrong sign-ins, counted in the store so that every process sees the same number."""

    __tablename__ = "sign_in_try"
    key: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]


class SecondStep(Base):
    """What one account shows beside its password. A new phone is a new row."""

    __tablename__ = "second_step"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    user_id: Mapped[Ref] = mapped_column(ForeignKey("app_user.id"))
    secret: Mapped[Sealed]
    period: Mapped[int]  # the last one a code was used of: none of it or of an earlier one counts
    started_at: Mapped[datetime]
    devices_from: Mapped[datetime]  # a device remembered before this is asked for a code again
    __table_args__ = (UniqueConstraint("user_id"), Index(None, "system_id"))


class RecoveryCode(Base):
    """A code for who has no phone at hand: a keyed hash, and gone once it is used."""

    __tablename__ = "recovery_code"
    second_step_id: Mapped[Ref] = mapped_column(ForeignKey("second_step.id"), primary_key=True)
    code_hash: Mapped[str] = mapped_column(primary_key=True)
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))


class Passkey(Base):
    """What a phone, a computer or a key shows in place of a code: its public half."""

    __tablename__ = "passkey"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    second_step_id: Mapped[Ref] = mapped_column(ForeignKey("second_step.id"))
    credential_id: Mapped[str] = mapped_column(unique=True)
    credential: Mapped[str]
    sign_count: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"))
    name: Mapped[Sealed]  # what its holder calls it
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    __table_args__ = (Index(None, "second_step_id"),)


class ApiToken(Base):
    """A bearer token, scoped to one membership. Only its hash is kept."""

    __tablename__ = "api_token"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    membership_id: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    name: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ExternalId(Base):
    """An id from outside, kept as it is, beside our own."""

    __tablename__ = "external_id"
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"), primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    noun: Mapped[str] = mapped_column(primary_key=True)
    external: Mapped[str] = mapped_column(primary_key=True)
    record_id: Mapped[Ref] = mapped_column(Id())
    __table_args__ = (Index(None, "record_id"),)
