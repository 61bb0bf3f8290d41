"""A backup of everything in one file, and what must follow a restore before anybody is let in."""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.errors import InsufficientPrivilege

from referral import backup, erasures, wall
from referral.backup import NotDone, WrongBackup, load, refuse_half_restored, scrub
from referral.health import health
from referral.ids import new_id
from referral.keys import WrappingKeys
from referral.ledger import TABLES
from referral.roles import APP, OWNER
from referral.store import Door, Sql, Store
from referral.verify import verify
from tests.databases import as_role, beyond
from tests.workflows.test_erasing import KNOWN, WORDS, zephyrine
from tests.world import World, build
from web.backup_cli import export, finish, list_of, read_list
from web.edge import Edge
from web.worker import run
from workflows.erasing import erase_person
from workflows.rules_for_verify import rules_for_verify

COUNTED = Sql("SELECT count(*) FROM person")
NONE: list[str] = []


def quietly(stage: str, done: int, total: int | None) -> None:
    pass


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


@pytest.fixture
def empty(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> Iterator[Store]:
    """An empty database of the same kind, as who owns it reaches it."""
    if not store.pg:
        made = Store(f"sqlite:///{tmp_path / 'empty.db'}")
        yield made
        made.dispose()
        return
    name = "t" + new_id().replace("-", "")
    with beyond(store) as powerful:
        with powerful.engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        made = Store(powerful.url.set(database=name).render_as_string(hide_password=False))
        yield made
        made.dispose()
        with powerful.engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def backed_up(w: World, path: Path) -> backup.Manifest:
    with beyond(w.store) as powerful:
        return backup.write(powerful, path, w.at, quietly)


def rows(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    with store.read() as tx:
        return {
            name: sorted(tx.rows(Sql(f"SELECT {', '.join(c.name for c in table.columns)}"
                                     f" FROM {name}")), key=str)
            for name, table in TABLES.items() if name != "restored"
        }  # fmt: skip


def whole(store: Store) -> tuple[bool, list[str]]:
    with store.snapshot() as tx:
        report = verify(tx, rules_for_verify())
    return report.whole, report.lines()


def finished(store: Store, lines: list[erasures.Line]) -> tuple[bool, list[str]]:
    return finish(Edge(store), lines, lambda edge: 0, whole, quietly)


# -- there and back -----------------------------------------------------------------------------


def test_what_comes_back_is_what_was_there(w: World, empty: Store, tmp_path: Path) -> None:
    zephyrine(w)
    w.completed()
    path = tmp_path / "segue.backup"
    made = backed_up(w, path)
    assert path.stat().st_mode & 0o777 == 0o600
    before = rows(w.store)
    assert made.rows == {name: len(found) for name, found in before.items()} | {"restored": 0}
    load(empty, path, w.at, quietly)
    assert rows(empty) == before
    with pytest.raises(NotDone):
        refuse_half_restored(empty)
    done, said = finished(empty, [])
    assert done, said
    refuse_half_restored(empty)
    restored = World(**{**w.__dict__, "store": empty})
    restored.completed()  # and work goes on: numbers follow on the last
    assert whole(empty)[0]


def test_behind_the_wall_who_works_and_who_owns_see_every_row_and_nobody_else_makes_a_backup(
    w: World, tmp_path: Path
) -> None:
    """A role to which a row is hidden would make a backup of the others, and nobody would know."""
    zephyrine(w)
    everything = backed_up(w, tmp_path / "powerful.backup")
    for name in (APP, OWNER) if w.store.pg else ("",):
        store = as_role(w.store, name) if name else w.store
        made = backup.write(store, tmp_path / f"{name}.backup", w.at, quietly)
        store.dispose()
        assert (made.rows, made.sha256) == (everything.rows, everything.sha256)
    if w.store.pg:
        reports = "r" + new_id().replace("-", "")
        with beyond(w.store) as powerful:
            with powerful.begin() as tx:
                tx.execute(f"CREATE ROLE {reports} LOGIN", ())
                tx.execute(f"GRANT USAGE ON SCHEMA public, guard TO {reports}", ())
                tx.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reports}", ())
            half = as_role(w.store, reports)
            with pytest.raises(InsufficientPrivilege, match="row-level security"):
                backup.write(half, tmp_path / "half.backup", w.at, quietly)
            half.dispose()
            with powerful.begin() as tx:
                tx.execute(f"DROP OWNED BY {reports}", ())
                tx.execute(f"DROP ROLE {reports}", ())
        assert not (tmp_path / "half.backup").exists()


def test_what_comes_back_stands_behind_the_wall(w: World, empty: Store, tmp_path: Path) -> None:
    zephyrine(w)
    backed_up(w, tmp_path / "segue.backup")
    load(empty, tmp_path / "segue.backup", w.at, quietly)
    with empty.read() as tx:
        assert wall.stands(tx) is w.store.pg
        assert not w.store.pg or (wall.is_ours(tx) and wall.gaps(tx) == [])


def test_no_wrapping_key_is_in_a_backup(w: World, tmp_path: Path) -> None:
    zephyrine(w)
    path = tmp_path / "segue.backup"
    backed_up(w, path)
    assert w.store.wrapping is not None
    (line,) = [x for x in w.store.wrapping.text().splitlines() if not x.startswith("#")]
    secret = line.split()[-1]
    inside = unpacked(path)
    assert secret.encode() not in inside
    assert base64.b64decode(secret) not in inside
    assert WORDS.encode() not in inside


def unpacked(path: Path) -> bytes:
    with zipfile.ZipFile(path) as file:
        return b"\n".join(file.read(name) for name in file.namelist())


def test_a_damaged_backup_leaves_an_empty_database(w: World, empty: Store, tmp_path: Path) -> None:
    w.sent()
    path, broken = tmp_path / "segue.backup", tmp_path / "broken.backup"
    backed_up(w, path)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(broken, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name == "tables/person.jsonl":
                text = text.replace(b"Margaret", b"Margarat")
            new.writestr(name, text)
    with pytest.raises(WrongBackup, match="person isn't as the manifest says"):
        load(empty, broken, w.at, quietly)
    load(empty, path, w.at, quietly)  # nothing of the first try stands in its way
    (tmp_path / "text").write_text("no backup")
    with pytest.raises(WrongBackup, match="isn't a whole backup"):
        load(empty, tmp_path / "text", w.at, quietly)


def test_a_backup_goes_into_an_empty_database_only_and_into_a_new_file_only(
    w: World, tmp_path: Path
) -> None:
    path = tmp_path / "segue.backup"
    backed_up(w, path)
    with pytest.raises(WrongBackup, match="isn't empty"):
        load(w.store, path, w.at, quietly)
    with pytest.raises(WrongBackup, match="there already"):
        backed_up(w, path)


def test_without_the_wrapping_key_a_restore_is_not_finished(
    w: World, empty: Store, tmp_path: Path
) -> None:
    from referral.keys import KeysMissing

    zephyrine(w)
    path = tmp_path / "segue.backup"
    backed_up(w, path)
    load(empty, path, w.at, quietly)
    other = Store(empty.url.render_as_string(hide_password=False), wrapping=WrappingKeys.made())
    with pytest.raises(KeysMissing):
        finished(other, [])
    other.dispose()
    with pytest.raises(NotDone):
        refuse_half_restored(empty)


# -- erasures -----------------------------------------------------------------------------------


def erase(w: World, p: str) -> None:
    ingrid = w.actor["ingrid"]
    by = w.actor["amara"].membership_id
    with w.store.begin(ingrid) as tx:
        erase_person(tx, ingrid, p, ground="request", approved_by=by, at=w.at)


def test_a_backup_from_before_an_erasure_is_erased_again(
    w: World, empty: Store, tmp_path: Path
) -> None:
    p = zephyrine(w)
    path, listed = tmp_path / "segue.backup", tmp_path / "erasures.jsonl"
    backed_up(w, path)
    erase(w, p)
    assert export(Edge(w.store, lambda: w.at), listed) == 1
    text = listed.read_text()
    assert "phyrine" not in text
    assert set(json.loads(text)) == {
        "id", "system_id", "person_id", "at", "ground", "approved_by"
    }  # fmt: skip
    assert read_list(listed) == list_of(w.store)
    load(empty, path, w.at, quietly)
    assert "Quillfeather" in str(rows(empty))
    done, said = finished(empty, read_list(listed))
    assert done, said
    assert said[0] == "1 of 1 erasures had to be played again."
    assert "Quillfeather" not in str(rows(empty))
    assert WORDS not in opened(empty)
    assert finished(empty, read_list(listed))[1][0].startswith("0 of 1")


def opened(store: Store) -> str:
    """Every sealed text of the store that can still be opened."""
    with store.read() as tx:
        values = [
            value
            for name in TABLES
            for row in tx.rows(Sql(f"SELECT * FROM {name}"))
            for value in row
        ]
        return "\n".join(str(tx.ring.open(v)) for v in values if isinstance(v, str))


def test_the_worker_keeps_the_list_where_it_is_told(w: World, tmp_path: Path) -> None:
    listed, edge = tmp_path / "erasures.jsonl", Edge(w.store, lambda: w.at)
    assert not run(edge, once=True, listed=listed)["erasures listed"]
    assert not listed.exists()  # nobody was erased
    erase(w, zephyrine(w))
    w.later(minutes=16)
    assert unlisted(w).warning
    assert run(edge, once=True, listed=listed)["erasures listed"] == 1
    assert read_list(listed) == list_of(w.store)
    assert unlisted(w) is None
    assert not run(edge, once=True, listed=listed)["erasures listed"]
    listed.unlink()
    assert run(edge, once=True, listed=listed)["erasures listed"] == 1
    # Where it can't be written, that is said, and it is tried again.
    listed.unlink()
    listed.mkdir()
    for minutes in (0, 16):
        w.later(minutes=minutes)
        run(edge, once=True, listed=listed / "gone" / "list")
    assert "can't be written" in unlisted(w).says
    assert not unlisted(w).warning
    listed.rmdir()
    run(edge, once=True, listed=listed)
    assert unlisted(w) is None


def unlisted(w: World) -> Any:
    with w.store.read(door=Door.WHOLE) as tx:
        found = {one.code: one for one in health(tx, w.at).findings}
    return found.get("erasures_unlisted")


def test_a_list_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list"
    for text in ("hello", '{"id": "1"}', '{"at": null}'):
        path.write_text(text)
        with pytest.raises(WrongBackup, match="isn't a list"):
            read_list(path)


# -- the scan -----------------------------------------------------------------------------------

NAMED = (
    *(str(KNOWN[name]) for name in ("given_name", "family_name", "nhs_number", "email")),
    *("+447700900123", "4 Lantern Row", "LS1 4AP", WORDS),
)


def forms(text: str) -> list[bytes]:
    """A text as it may stand in a file: plain, lower case, in UTF-16, and in base64 at each of the
    three places it may begin."""
    plain = text.encode()
    found = [plain, text.lower().encode(), text.encode("utf-16-le"), text.encode("utf-16-be")]
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + plain)
        found.append(coded[4 if before else 0 : -4])
    return found


def hits(files: list[Path], *, packed: tuple[Path, ...] = ()) -> list[str]:
    """Where anything of the person stands in these files, byte for byte."""
    whole = {path.name: path.read_bytes() for path in files if path.exists()}
    whole |= {path.name: unpacked(path) for path in packed}
    return [
        f"{name}: {text}"
        for name, content in whole.items()
        for text in NAMED
        if any(form in content for form in forms(text) if len(form) >= 6)
    ]


def files_of(store: Store) -> list[Path]:
    """The files a SQLite store is in."""
    path = Path(str(store.url.database))
    return [path.with_name(path.name + end) for end in ("", "-wal", "-shm", "-journal")]


def test_the_scan_finds_what_is_there_in_every_form(tmp_path: Path) -> None:
    for number, form in enumerate(forms(WORDS)):
        path = tmp_path / str(number)
        path.write_bytes(b"\0\1" + form + b"\2")
        assert hits([path]) == [f"{number}: {WORDS}"]


@pytest.mark.invariant("I31")
def test_after_an_erasure_the_bytes_of_the_store_tell_nothing(w: World, tmp_path: Path) -> None:
    """SQLite's own files, and a fresh backup of either database; before it, both tell."""
    p = zephyrine(w)
    fresh = tmp_path / "before.backup"
    backed_up(w, fresh)
    assert len(hits([], packed=(fresh,))) >= 6
    if not w.store.pg:
        assert len(hits(files_of(w.store))) >= 6
    roots = leaves(w)
    erase(w, p)
    if not w.store.pg:
        said = list(scrub(w.store))
        assert "VACUUM" in said[0]
        assert hits(files_of(w.store)) == []
    after = tmp_path / "after.backup"
    backed_up(w, after)
    assert hits([], packed=(after,)) == []
    assert leaves(w)[: len(roots)] == roots
    assert whole(w.store)[0]


def leaves(w: World) -> list[Any]:
    with w.store.read() as tx:
        return tx.rows(Sql("SELECT seq, leaf, leaf_hash FROM audit ORDER BY seq"))
