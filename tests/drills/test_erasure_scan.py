"""After an erasure nothing of the person is in PostgreSQL's own files of the database, once they
were written anew. What the server archived before is for whoever runs it (docs/backup.md)."""

from __future__ import annotations

from pathlib import Path

from referral.backup import scrub
from referral.store import Store
from tests.databases import beyond
from tests.referral.test_backup import erase, hits
from tests.workflows.test_erasing import zephyrine
from tests.world import build


def files_of(powerful: Store) -> list[Path]:
    """The files of this database, written out."""
    with powerful.engine.connect() as connection:
        connection.exec_driver_sql("CHECKPOINT")
        folder, number = connection.exec_driver_sql(
            "SELECT current_setting('data_directory'), oid FROM pg_database"
            " WHERE datname = current_database()"
        ).one()
    return sorted(path for path in (Path(folder) / "base" / str(number)).iterdir())


def test_postgresql_s_own_files_tell_nothing_after_an_erasure(postgresql_url: str) -> None:
    store = Store(postgresql_url)
    w = build(store)
    p = zephyrine(w)
    with beyond(store) as powerful:
        assert len(hits(files_of(powerful))) >= 6
        erase(w, p)
        said = list(scrub(powerful))
        assert "VACUUM" in said[0]
        assert hits(files_of(powerful)) == []
    store.dispose()
