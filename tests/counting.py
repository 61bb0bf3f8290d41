"""How many rows each table has, for tests of what must not be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from referral.models import Base
from referral.store import Sql, Store

TABLES = tuple(sorted(Base.metadata.tables))


def rows(store: Store) -> dict[str, int]:
    """The number of rows of every table."""
    with store.read() as tx:
        return {t: int(tx.rows(Sql(f"SELECT count(*) FROM {t}"))[0][0]) for t in TABLES}


@contextmanager
def only_these_grow(store: Store, **by: int) -> Iterator[None]:
    """Fails unless the block adds just so many rows to these tables, and none to any other."""
    before = rows(store)
    yield
    after = rows(store)
    assert {t: after[t] - before[t] for t in TABLES if after[t] != before[t]} == by


@contextmanager
def nothing_but_the_attempt(store: Store, attempts: int = 1) -> Iterator[None]:
    """Fails unless the block writes the audit of so many refused attempts, and nothing else."""
    with only_these_grow(store, audit=attempts, audit_detail=attempts):
        yield
