"""What `segue keys` does: the file of wrapping keys made and added to, the keys of people wrapped
anew, and what was stored plain put under a key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from referral import rekeying
from referral.actors import Actor, the_system
from referral.audit import log
from referral.keys import KeysMissing, WrappingKeys, WrongKeyFile
from referral.store import Door, Store, Tx
from web.edge import Edge

Progress = Callable[[str, int, int | None], None]
SEAL, REWRAP = "segue keys seal", "segue keys rewrap"


def make(path: Path) -> WrappingKeys:
    """A new key file. Raises WrongKeyFile where there is one: its keys may be needed."""
    if path.exists():
        raise WrongKeyFile(f"{path} is there already. To add a key to it: segue keys add")
    keys = WrappingKeys.made()
    keys.write(path)
    return keys


def make_if_missing(path: Path) -> bool:
    """A new key file where there is none; whether one was made."""
    if path.exists():
        return False
    make(path)
    return True


def add(path: Path) -> WrappingKeys:
    """A new key in the file, which wraps from now on; the old ones stay, to unwrap."""
    keys = WrappingKeys.read(path).with_a_new_one()
    keys.write(path)
    return keys


def drop(path: Path, key_id: str, store: Store) -> WrappingKeys:
    """Take a key out of the file that wraps nothing any more. Raises WrongKeyFile."""
    keys = WrappingKeys.read(path)
    if key_id not in keys.ids:
        raise WrongKeyFile(f"There is no key {key_id} in {path}. It has: {', '.join(keys.ids)}.")
    if key_id == keys.current:
        raise WrongKeyFile(f"{key_id} wraps what is new. Add another first: segue keys add")
    if counted(store).get(key_id):
        raise WrongKeyFile(f"{key_id} still wraps keys in the database. First: segue keys rewrap")
    left = keys.without(key_id)
    left.write(path)
    return left


def _each_system(store: Store, cause: str) -> list[Actor]:
    with store.read(door=Door.WHOLE) as tx:
        return [the_system(system_id, cause) for system_id in rekeying.systems(tx)]


def counted(store: Store) -> dict[str, int]:
    """How many keys in the database each wrapping key wraps."""
    found: dict[str, int] = {}
    for actor in _each_system(store, REWRAP):
        with store.read(actor, Door.COMMAND) as tx:
            for key_id, count in rekeying.wrapped_by(tx).items():
                found[key_id] = max(found.get(key_id, 0), count)
    return found


def plain(store: Store) -> int:
    """How many texts in the database are stored plain."""
    left = 0
    for actor in _each_system(store, SEAL):
        with store.read(actor, Door.COMMAND) as tx:
            left = max(left, rekeying.plain_texts(tx))
    return left


def refuse_without_keys(store: Store) -> None:
    """Raises KeysMissing unless the wrapping keys are here that the database needs."""
    actors = _each_system(store, "segue")
    if not actors and store.wrapping is None:
        with store.read(door=Door.WHOLE) as tx:
            rekeying.refuse_without_keys(store, tx)
    for actor in actors:
        with store.read(actor, Door.COMMAND) as tx:
            rekeying.refuse_without_keys(store, tx)


def seal(edge: Edge, progress: Progress) -> int:
    """Put every text that is stored plain under its key, page by page; how many that were."""
    if edge.store.wrapping is None:
        raise KeysMissing("There is no key file. Make one with: segue keys make")
    total, done = plain(edge.store), 0
    for actor in _each_system(edge.store, SEAL):
        mine = 0
        for place in rekeying.places():

            def page(tx: Tx, at: Any, place: rekeying.Place = place) -> int:
                return rekeying.seal_page(tx, place)

            while count := edge.perform(actor, page):
                mine += count
                progress("texts put under a key", done + mine, total)
        done += mine
        if mine:
            _note(edge, actor, "keys_sealed", mine)
    return done


def rewrap(edge: Edge, progress: Progress) -> int:
    """Wrap every key that an older wrapping key wraps by the newest; how many that were."""
    total, done = sum(counted(edge.store).values()), 0
    for actor in _each_system(edge.store, REWRAP):
        mine = 0
        while count := edge.perform(actor, lambda tx, at: rekeying.rewrap_page(tx)):
            mine += count
            progress("keys wrapped", done + mine, total)
        done += mine
        if mine:
            _note(edge, actor, "keys_rewrapped", mine)
    return done


def _note(edge: Edge, actor: Actor, action: str, count: int) -> None:
    """The log says that it was done, and to how many."""
    edge.perform(
        actor,
        lambda tx, at: log(tx, actor, at, action, "system", actor.system_id, {"count": count}),
    )
