"""What every table shares: the base, the column types, and the predicates that stand both in an
index and in the queries that lean on it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.orm import DeclarativeBase, mapped_column

from referral.states import DUPLICATES, listed

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


@lru_cache(maxsize=256)  # a command writes the same moment into a dozen rows
def instant_text(at: datetime) -> str:
    """An instant as SQLite keeps it: fixed width, UTC, so that text order is time order."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def instant(value: Any) -> datetime | None:
    """An instant as either database gives it back: aware, in UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return value.astimezone(UTC)  # type: ignore[no-any-return]


def day(value: Any) -> date | None:
    """A calendar day as either database gives it back."""
    return date.fromisoformat(value) if isinstance(value, str) else value


class Id(TypeDecorator[str]):
    """A UUID, as lower-case text with dashes in Python and on SQLite, native on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(
            Uuid(as_uuid=False) if dialect.name == "postgresql" else Text()
        )

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else str(value)


class Instant(TypeDecorator[datetime]):
    """An aware UTC time; fixed-width text on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(
            DateTime(timezone=True) if dialect.name == "postgresql" else Text()
        )

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored.")
        return value if dialect.name == "postgresql" else instant_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return instant(value)


class JsonText(TypeDecorator[Any]):
    """A small structure as JSON text, the same on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


PLAIN_KEY = "0"
ERASED = "Erased"
"""What stands where free text has been erased and the column can't be empty."""


class Free(str):
    """Free text on its way to the store, under key 0, "not encrypted", until the transaction that
    writes it puts it under a key (`referral.keys`). Rows written before there were keys stay so."""

    __slots__ = ()

    @property
    def text(self) -> str:
        """What was written."""
        return self.partition(":")[2]


def seal(text: str | None) -> Free | None:
    """Free text as it goes to the store: the id of its key, a colon, the text under that key."""
    return None if text is None else Free(f"{PLAIN_KEY}:{text}")


def unseal(stored: str | None) -> str | None:
    """The text that `seal` gave. Raises ValueError for text under a key: who reads it from the
    store says so in the query (`Sql(..., sealed=)`)."""
    if stored is None:
        return None
    key, _, text = stored.partition(":")
    if key != PLAIN_KEY:
        raise ValueError("Text under a key is read by a query that says so.")
    return text


class EncryptedText(TypeDecorator[str]):
    """Free text that may tell about a person, stored with the id of the key it is under."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return seal(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return unseal(value)


class Base(DeclarativeBase):
    """Every table of the store."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[Any] = {
        str: Text(),
        int: Integer(),
        bool: Boolean(),
        datetime: Instant(),
        date: Date(),
        bytes: LargeBinary(),
    }


# Integers that count up in the ledger; SQLite gives row numbers only to a plain INTEGER key.
Serial = Annotated[
    int,
    mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    ),
]
Key = Annotated[str, mapped_column(Id(), primary_key=True)]
Ref = Annotated[str, mapped_column(Id())]
Sealed = Annotated[str, mapped_column(EncryptedText())]
Json = Annotated[Any, mapped_column(JsonText())]

# Predicates as text, in the index and in the query alike: a partial index serves only a query
# that repeats its words (kept by tests/referral/test_plans.py).
CONSENT_GIVEN = "state = 'given'"
CONSENT_ASKED = "state = 'asked'"
OVERRIDE_LIVE = "state = 'approved'"
EMERGENCY_OPEN = "state = 'opened'"
CONCERN_OPEN = "state <> 'closed'"
HOLD_LIVE = "ended IS NULL"
EVIDENCE_COUNTS = "blocking AND replaced_at IS NULL"
AGREEMENT_LIVE = "state = 'in_force'"
REFERRAL_DUPLICATE = f"state IN ({listed(*DUPLICATES)})"
CLOCK_RUNS = "ended IS NULL"
OUTBOX_TODO = "sent_at IS NULL"
STEP_COUNTED = "trigger IN ('decline','start','withdraw')"
CLOCK_MISSED = "missed IS NOT NULL"


def under(path: str = "pl.path") -> str:
    """In the place at `:path`, or below it."""
    return f"substr({path}, 1, length(CAST(:path AS text))) = :path"


def of(alias: str, predicate: str) -> str:
    """The predicate with each of its columns named through a table alias."""
    words = ("state", "ended", "blocking", "replaced_at", "sent_at")
    return " ".join(
        f"{alias}.{word}" if word.strip("()") in words else word for word in predicate.split(" ")
    )
