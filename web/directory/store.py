"""Keeping what a directory feed says: organisations as providers, services as activities.

Importing the same feed again updates what changed and makes no copies: foreign ids stay as they
are, beside our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from referral.actors import Actor, the_system
from referral.rows import change, put
from referral.store import Sql, Tx
from web.directory.feed import FeedActivity, FeedOrganisation, Problem, Progress, read_feed
from web.edge import Edge
from workflows.activities import add_provider, save_activity, save_group
from workflows.organisations import add_organisation

A_COMMIT = 50  # items; a long writing transaction would hold the audit log's sequencer back
STATUS = {
    "active": "open",
    "inactive": "closed",
    "defunct": "closed",
    "temporarily closed": "paused",
    "": "paused",
}
KNOWN = Sql(
    "SELECT record_id FROM external_id WHERE system_id = :system_id AND source = :source"
    " AND noun = :noun AND external = :external"
)
ROOT = Sql("SELECT id FROM place WHERE system_id = :system_id AND parent_id IS NULL")
ORGANISATION = Sql(
    "SELECT name, description, email, url FROM organisation WHERE id = :id"
    " AND system_id = :system_id"
)
ACTIVITY = Sql("SELECT provider_id, details, status FROM activity WHERE id = :id")


@dataclass
class Imported:
    """What an import came to."""

    source: str
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    organisations: int = 0
    refused: int = 0
    dropped: int = 0
    undone: bool = False
    problems: list[Problem] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The counts and each problem, for a program."""
        return {
            "source": self.source,
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "organisations": self.organisations,
            "refused": self.refused,
            "dropped": self.dropped,
            "undone": self.undone,
            "problems": [
                {
                    "kind": p.kind,
                    "id": p.source_id,
                    "name": p.name,
                    "field": p.field,
                    "reason": p.reason,
                    "refused": p.refused,
                    "dropped": p.dropped,
                    "where": p.where,
                }
                for p in self.problems
            ],
        }

    def lines(self) -> list[str]:
        """The same for a person: what was kept first, then each problem in a sentence."""
        if self.undone:
            head = "Nothing was kept, because something was refused and you asked for all or none."
        else:
            head = (
                f"{self.added} activities added, {self.changed} changed, {self.unchanged} as they"
                f" were; {self.organisations} organisations."
            )
        tail = f"{self.refused} refused, {self.dropped} details left out." if self.problems else ""
        return [head, *([tail] if tail else []), *(f"- {p}" for p in self.problems)]


class _Undo(Exception):
    """Something was refused and all or nothing was asked for."""


def source_name(source: str) -> str:
    """What our own ids are kept beside: the host of an address, or `directory`."""
    return urlsplit(source).netloc if source.startswith(("http://", "https://")) else "directory"


def import_feed(
    edge: Edge,
    system_id: str,
    source: str,
    *,
    all_or_nothing: bool = False,
    progress: Progress | None = None,
) -> Imported:
    """Read a feed and keep it, some items a commit; with `all_or_nothing` in one transaction that
    is undone if anything is refused. No fault of the feed raises: each is a problem named."""
    found = Imported(source_name(source))
    actor = the_system(system_id, "import directory")
    reading = read_feed(source, progress)
    try:
        if all_or_nothing:
            with edge.store.begin(actor) as tx:
                _Keeper(tx, actor, edge.clock(), found).keep(reading)
                if found.refused:
                    raise _Undo
        else:
            _in_parts(edge, actor, found, reading)
    except _Undo:
        found.added = found.changed = found.unchanged = found.organisations = 0
        found.undone = True
    return found


def _in_parts(edge: Edge, actor: Actor, found: Imported, reading: Iterator[Any]) -> None:
    batch: list[Any] = []

    def keep() -> None:
        with edge.store.begin(actor) as tx:
            _Keeper(tx, actor, edge.clock(), found).keep(iter(batch))
        batch.clear()

    for one in reading:
        if isinstance(one, Problem):
            _note(found, one)
            continue
        batch.append(one)
        if len(batch) == A_COMMIT:
            keep()
    if batch:
        keep()


def _note(found: Imported, problem: Problem) -> None:
    found.problems.append(problem)
    found.refused += problem.refused
    found.dropped += problem.dropped


def _refuse(found: Imported, item: FeedActivity, where: str, reason: str) -> None:
    _note(
        found,
        Problem("activity", item.source_id, item.name, where, reason, refused=True, code="store"),
    )


class _Keeper:
    """Keeps items in one transaction."""

    def __init__(self, tx: Tx, actor: Actor, at: datetime, found: Imported) -> None:
        self.tx, self.actor, self.at, self.found = tx, actor, at, found

    def keep(self, items: Iterator[Any]) -> None:
        for item in items:
            if isinstance(item, Problem):
                _note(self.found, item)
            elif isinstance(item, FeedOrganisation):
                self.organisation(item)
            elif isinstance(item, FeedActivity):
                self.activity(item)

    def _known(self, noun: str, external: str) -> str | None:
        row = self.tx.row(
            KNOWN,
            system_id=self.actor.system_id,
            source=self.found.source,
            noun=noun,
            external=external,
        )
        return None if row is None else str(row[0])

    def _remember(self, noun: str, external: str, record_id: str) -> None:
        put(
            self.tx,
            "external_id",
            {
                "system_id": self.actor.system_id,
                "source": self.found.source,
                "noun": noun,
                "external": external,
                "record_id": record_id,
            },
        )

    def organisation(self, item: FeedOrganisation) -> str:
        """The provider's organisation, added or brought up to date. Returns the provider's id."""
        known = self._known("organisation", item.source_id)
        said = {
            "name": item.name,
            "description": item.description or None,
            "email": item.email or None,
            "url": item.website or item.uri or None,
        }
        if known is None:
            root = self.tx.row(ROOT, system_id=self.actor.system_id)
            if root is None:
                raise LookupError("a system without a root place")
            known = add_organisation(
                self.tx,
                self.actor,
                self.at,
                kind="provider",
                place_id=root[0],
                **said,  # type: ignore[arg-type]
            )
            self._remember("organisation", item.source_id, known)
            self.found.organisations += 1
        else:
            row = self.tx.row(ORGANISATION, id=known, system_id=self.actor.system_id)
            if row is not None and tuple(said.values()) != tuple(row):
                change(self.tx, "organisation", known, said)
        return add_provider(self.tx, self.actor, self.at, organisation_id=known)

    def activity(self, item: FeedActivity) -> None:
        """The activity, added or brought up to date; refused by name where nobody runs it."""
        if item.organisation is not None:
            provider_id = self.organisation(item.organisation)
        else:
            organisation_id = (
                self._known("organisation", item.organisation_source_id)
                if item.organisation_source_id
                else None
            )
            if organisation_id is None:
                _refuse(
                    self.found,
                    item,
                    "organization",
                    "The feed doesn't say which organisation runs it.",
                )
                return
            provider_id = add_provider(
                self.tx, self.actor, self.at, organisation_id=organisation_id
            )
        values = _values(item)
        known = self._known("activity", item.source_id)
        if known is None:
            activity_id = save_activity(
                self.tx, self.actor, self.at, provider_id=provider_id, values=values
            )
            # A feed of this form says nothing of places: the provider says how many there are.
            save_group(
                self.tx,
                self.actor,
                self.at,
                activity_id=activity_id,
                values={"name": "Everyone", "capacity": 0},
            )
            self._remember("activity", item.source_id, activity_id)
            self.found.added += 1
            return
        row = self.tx.row(ACTIVITY, id=known)
        if row is not None and row[0] != provider_id:
            _refuse(
                self.found,
                item,
                "organization",
                "It has moved to another organisation. Referrals keep their provider: close this"
                " activity here and add it again under the new one.",
            )
            return
        stored = json.loads(row[1]) if row is not None and row[1] else {}
        if stored == values["details"]:
            self.found.unchanged += 1
            return
        save_activity(
            self.tx,
            self.actor,
            self.at,
            provider_id=provider_id,
            values=values,
            activity_id=known,
        )
        self.found.changed += 1


def _getting_there(item: FeedActivity) -> dict[str, str]:
    """What a feed says of buses and parking; where it says nothing, the provider's words stay."""
    told = [at.extra.get("transportation") for at in item.locations]
    words = _joined(one for one in told if isinstance(one, str))
    return {"getting_there": words} if words else {}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items() if v not in (None, "", (), [], {})}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _joined(parts: Iterator[str] | list[str], between: str = "; ") -> str | None:
    return between.join(dict.fromkeys(p for p in parts if p)) or None


def _address(item: FeedActivity) -> tuple[str | None, str | None]:
    for location in item.locations:
        for address in location.addresses:
            words = _joined(
                [location.name, address.address_1, address.address_2, address.city], ", "
            )
            return words, address.postal_code or None
        if location.name:
            return location.name, None
    return None, None


def _values(item: FeedActivity) -> dict[str, Any]:
    """Our columns, and under `details` everything the feed said in its own structure."""
    where, postcode = _address(item)
    schedules = [*item.schedules, *(s for at in item.locations for s in at.schedules)]
    contacts = [
        _joined([c.name, c.email, *(p.number for p in c.phones)], ", ") or "" for c in item.contacts
    ]
    return {
        "name": item.name,
        "description": item.description or None,
        "status": STATUS.get(item.status, "paused"),
        "location": where,
        "postcode": postcode,
        "when_words": _joined([s.words or s.description for s in schedules]),
        "cost_words": _joined([item.fees, *(c.amount_description for c in item.cost_options)]),
        "access_words": _joined(
            [a.description or a.accessibility for at in item.locations for a in at.accessibility]
        ),
        **_getting_there(item),
        "contact_words": _joined([item.email, *contacts, *(p.number for p in item.phones)]),
        "url": item.url or None,
        "minimum_age": item.minimum_age,
        "maximum_age": item.maximum_age,
        "confirmed_at": item.last_modified,
        "details": _plain(asdict(item)),
    }
