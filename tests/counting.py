"""How many rows each table has, for tests of what must not be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest

from referral.models import Base
from referral.store import Sql, Store, Tx

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


# What a page may ask of the store.
BUDGET = 15
# And more while a concern of one's own is unread: whom to ring at this hour is asked on every page.
UNSEEN = 3


def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements sent to any store from now on, but for beginning and ending transactions."""
    sent: list[str] = []
    monkeypatch.setattr(Tx, "execute", _noting(sent))
    return sent


@contextmanager
def counted() -> Iterator[list[str]]:
    """The same for what is sent within a block."""
    sent: list[str] = []
    with mock.patch.object(Tx, "execute", _noting(sent)):
        yield sent


def _noting(sent: list[str]) -> Callable[[Tx, str, Any], Any]:
    execute = Tx.execute

    def noting(self: Tx, sql: str, values: Any) -> Any:
        if not sql.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            sent.append(sql)
        return execute(self, sql, values)

    return noting
