"""What `segue backup`, `segue restore` and `segue erasures` do."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from referral import backup, erasures, tree
from referral.actors import the_system
from referral.backup import Manifest, WrongBackup
from referral.erasures import Line
from referral.health import LISTED
from referral.schema import instant, instant_text
from referral.store import Door, Sql, Store, Tx
from web.audit_outlets import put
from web.edge import Edge
from web.keys_cli import refuse_without_keys
from workflows.erasing import AGAIN, erase_again

Progress = Callable[[str, int, int | None], None]


def made(edge: Edge, path: Path, progress: Progress) -> tuple[Manifest, list[str]]:
    """A backup in this file; what it holds, in sentences."""
    found = backup.write(edge.store, path, edge.clock(), progress)
    lines = [f"{path}: {found.total} rows of {len(found.rows)} tables, at one moment."]
    if found.head:
        lines.append(f"The log's newest signed head in it has size {found.head.splitlines()[1]}.")
    lines.append("The wrapping keys and the signing key aren't in it: keep them apart.")
    return found, lines


# -- the list of erasures -----------------------------------------------------------------------


def written(line: Line) -> str:
    """An erasure as a line of the list kept outside."""
    said = {**line._asdict(), "at": instant_text(line.at)}
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def read_list(path: Path) -> list[Line]:
    """The erasures of a list. Raises WrongBackup."""
    found = []
    try:
        for text in path.read_text(encoding="ascii").splitlines():
            said = json.loads(text)
            at = instant(said.pop("at"))
            if at is None:
                raise ValueError("an erasure without its time")
            found.append(Line(at=at, **said))
    except (OSError, TypeError, KeyError, ValueError) as error:
        raise WrongBackup(f"{path} isn't a list of erasures: {error}") from error
    return sorted(found, key=lambda line: (line.at, line.id))


def list_of(store: Store) -> list[Line]:
    """Every erasure the store knows."""
    found: list[Line] = []
    for actor in _systems(store):
        with store.read(actor, Door.COMMAND) as tx:
            found += [line for line in erasures.lines(tx) if line.system_id == actor.system_id]
    return sorted(found, key=lambda line: (line.at, line.id))


SYSTEMS = Sql("SELECT id FROM system ORDER BY id")


def _systems(store: Store) -> list[Any]:
    with store.read(door=Door.WHOLE) as tx:
        return [the_system(str(row[0]), AGAIN) for row in tx.rows(SYSTEMS)]


def export(edge: Edge, path: Path) -> int:
    """Write the list whole or not at all; how many there are. The health page asks since when none
    was written."""
    lines = list_of(edge.store)
    put(path, "".join(written(line) + "\n" for line in lines).encode("ascii"))
    with edge.store.begin(door=Door.WHOLE) as tx:
        tree.done(tx, LISTED, len(lines), edge.clock())
    return len(lines)


def keep_list(edge: Edge, path: Path) -> bool:
    """Write the list where it hasn't got what the store has; whether it was written. Where it can't
    be, the health page says so."""
    with edge.store.read(door=Door.WHOLE) as tx:
        count, duty = erasures.count(tx), tree.duty(tx, LISTED)
    if duty is None and not count:
        return False
    if duty is not None and duty.size == count and path.exists() and not duty.failing_since:
        return False
    try:
        export(edge, path)
    except OSError as error:
        with edge.store.begin(door=Door.WHOLE) as tx:
            tree.failed(tx, LISTED, f"{path} can't be written: {error.strerror}.", edge.clock())
        return False
    return True


# -- restoring ----------------------------------------------------------------------------------


def play_again(edge: Edge, lines: Sequence[Line], progress: Progress) -> int:
    """Erase again whom the list names and the store still knows; how many that were."""
    done = 0
    for count, line in enumerate(lines, 1):
        actor = the_system(line.system_id, AGAIN)

        def again(tx: Tx, at: datetime, line: Line = line) -> bool:
            return erase_again(tx, line, at) is not None

        done += edge.perform(actor, again)
        progress("erasures", count, len(lines))
    return done


Check = Callable[[Store], tuple[bool, list[str]]]
Settle = Callable[[Edge], int]


def finish(
    edge: Edge, lines: Sequence[Line], settle: Settle, check: Check, progress: Progress
) -> tuple[bool, list[str]]:
    """What must follow a restore, before anybody is let in: the keys are here, the erasures are
    played again, every entry has its place, and everything is found whole. Whether it is so, and
    what was done in sentences. May be run again."""
    refuse_without_keys(edge.store)
    again = play_again(edge, lines, progress)
    said = [f"{again} of {len(lines)} erasures had to be played again."]
    placed = settle(edge)
    if placed:
        said.append(f"{placed} entries got their place in the tree.")
    sound, why = _sound(edge.store)
    whole, found = check(edge.store)
    said += [*why, *found]
    if sound and whole:
        with edge.store.begin(door=Door.WHOLE) as tx:
            backup.done(tx, edge.clock())
        said.append("The store is ready: segue serve, segue worker.")
    else:
        said.append("The store isn't let in to until it is whole.")
    return sound and whole, said


def _sound(store: Store) -> tuple[bool, list[str]]:
    """Whether SQLite finds its own file sound; PostgreSQL checked each key as it was put back."""
    if store.pg:
        return True, []
    with store.engine.connect() as connection:
        found = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check")]
        lost = list(connection.exec_driver_sql("PRAGMA foreign_key_check"))
    if found == ["ok"] and not lost:
        return True, []
    return False, [f"The database file isn't sound: {found[0]}; {len(lost)} rows name lost rows."]
