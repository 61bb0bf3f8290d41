"""The log kept as a worker with a key keeps it, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from referral.notes import Signer
from tests.world import World
from web.audit_keys import Keys
from web.audit_outlets import head_of
from web.auditing import LogKeeper, NotPublished, Outlet, Prove
from web.edge import Edge

ORIGIN = "saltmarsh.example/audit"
KEYS = Keys((Signer(ORIGIN, bytes(range(32))),))


@dataclass
class Place:
    """A place outside the database, that can be told to fail."""

    name: str = "elsewhere"
    fails: str = ""
    alarm: bool = False
    took: list[str] = field(default_factory=list)

    def known(self) -> str | None:
        return self.took[-1] if self.took else None

    def publish(self, note: str, last: int, prove: Prove) -> Mapping[str, str]:
        if self.fails:
            raise NotPublished(self.fails, self.alarm)
        if last:
            assert prove(last, head_of(note).size)
        self.took.append(note)
        return {}


def keeper_of(w: World, *outlets: Outlet, keys: Keys | None = KEYS) -> LogKeeper:
    return LogKeeper(Edge(w.store, lambda: w.at), keys, outlets, "There is no key.")


def keep(w: World) -> None:
    """Every entry has its place, under a signed head that is published."""
    keeper_of(w, Place()).turn(now=True)
