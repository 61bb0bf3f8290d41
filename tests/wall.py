"""Who sees which row of the tables about people, worked out by hand: in Python, from every row
there is, without a word of the SQL that the program asks the database with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Column, MetaData, Table, Text, select

from referral.actors import Actor
from referral.ledger import TABLES
from referral.schema import EncryptedText
from referral.states import Role
from referral.store import Door, Store
from referral.upgrade import set_wall
from referral.wall import ABOUT, conditions
from tests.databases import beyond

Row = dict[str, Any]
TEAM = {Role.LINK_WORKER, Role.TEAM_LEAD}
LADDER = {Role.SAFEGUARDING_LEAD, Role.ACCOUNTABLE_OFFICER}
LEADS = {Role.GOVERNANCE_LEAD, *LADDER}
KEEPERS = {
    Role.GOVERNANCE_LEAD,
    Role.INFORMATION_GOVERNANCE_LEAD,
    Role.ACCOUNTABLE_OFFICER,
}
OVERSEERS = {*LEADS, Role.INFORMATION_GOVERNANCE_LEAD}


def key_of(table: str) -> tuple[str, ...]:
    return tuple(column.name for column in TABLES[table].primary_key.columns)


def behind_its_wall(store: Store) -> Store:
    """The same database behind its wall: on PostgreSQL it stands there already."""
    return Store(store.url.render_as_string(hide_password=False), wall=True)


def without_its_wall(store: Store) -> Store:
    """The same database with its wall switched off, and the program told."""
    if store.pg:
        with beyond(store) as powerful:
            set_wall(powerful, False)
    return Store(store.url.render_as_string(hide_password=False), wall=False)


def as_stored(name: str) -> Table:
    """A table whose sealed text comes and goes as it lies there, under its key."""
    return Table(
        name,
        MetaData(),
        *(
            Column(c.name, Text() if isinstance(c.type, EncryptedText) else c.type)
            for c in TABLES[name].columns
        ),
    )


def everything(store: Store) -> dict[str, list[Row]]:
    """Every row of the tables this rests on, read by the machine's own door."""
    wanted = {*conditions(), "organisation", "place", "provider"}
    with store.read(door=Door.WHOLE) as tx:
        return {
            name: [dict(row._mapping) for row in tx.sa.execute(select(as_stored(name)))]
            for name in wanted
        }


@dataclass
class ByHand:
    """What one actor may see of these rows."""

    rows: dict[str, list[Row]]
    actor: Actor
    at: datetime
    kept: dict[str, list[Row]] = field(default_factory=dict)
    about: dict[str, set[str | None]] = field(default_factory=dict)
    numbers: dict[str, set[str | None]] = field(default_factory=dict)

    @cached_property
    def seen(self) -> dict[str, set[tuple[Any, ...]]]:
        """The keys of what they may see, by table."""
        return {
            name: {tuple(row[c] for c in key_of(name)) for row in self.of(name)}
            for name in conditions()
        }

    def of(self, name: str) -> list[Row]:
        if name not in self.kept:
            may: Callable[[Row], bool] = getattr(self, name)
            mine = self.actor.system_id
            self.kept[name] = [r for r in self.rows[name] if r["system_id"] == mine and may(r)]
            self.numbers[name] = {row.get("id") for row in self.kept[name]}
            self.about[name] = {row.get("person_id") for row in self.kept[name]}
        return self.kept[name]

    # -- where --------------------------------------------------------------------------------

    @cached_property
    def path(self) -> dict[str, str]:
        places = {row["id"]: row["path"] for row in self.rows["place"]}
        return {row["id"]: places[row["place_id"]] for row in self.rows["organisation"]}

    @cached_property
    def provider_org(self) -> dict[str, str]:
        return {row["id"]: row["organisation_id"] for row in self.rows["provider"]}

    def over(self, organisation: str) -> bool:
        """Their place, or without one their own organisation."""
        if self.actor.place_path is None:
            return organisation == self.actor.organisation_id
        return self.path[organisation].startswith(self.actor.place_path)

    def keys(self, *owners: str | None) -> bool:
        return any(owner in self.actor.keys for owner in owners)

    def is_role(self, *roles: Role) -> bool:
        return self.actor.role in roles

    def open_to(self, person: str | None) -> bool:
        """In an emergency: none is open in a world in which the time isn't said."""
        return not self.closed(person) and any(
            y["opened_by"] == self.actor.membership_id
            and y["person_id"] == person
            and y["state"] == "opened"
            and y["until"] > self.at
            for y in self.rows["emergency"]
        )

    def self_(self, row: Row, column: str = "person_id") -> bool:
        return self.is_role(Role.PERSON) and row[column] == self.actor.person_id

    # -- closed to them -------------------------------------------------------------------------

    @cached_property
    def named_in(self) -> set[str]:
        return {
            s["concern_id"]
            for s in self.rows["concern_source"]
            if s["user_id"] == self.actor.user_id
            or s["organisation_id"] == self.actor.organisation_id
        }

    def names(self, concern: Row) -> bool:
        return concern["id"] in self.named_in

    @cached_property
    def against(self) -> list[Row]:
        return [k for k in self.rows["concern"] if k["state"] != "closed" and self.names(k)]

    def named_about(self, column: str, value: str | None) -> bool:
        return value is not None and any(k[column] == value for k in self.against)

    def closed(self, person: str | None) -> bool:
        side = {Role.PROVIDER_LEADER: "provider", Role.LINK_WORKER: "link_worker"}.get(
            self.actor.role, "neither"
        )
        return self.named_about("person_id", person) or any(
            person is not None
            and h["person_id"] == person
            and h["ended"] is None
            and h["closed_to"] == side
            and h["referral_id"] is None
            and (
                h["provider_id"] is None
                or self.provider_org[h["provider_id"]] == self.actor.organisation_id
            )
            for h in self.rows["hold"]
        )

    # -- table by table ---------------------------------------------------------------------------

    def referral(self, r: Row) -> bool:
        if self.open_to(r["person_id"]):
            return True
        if self.is_role(*TEAM):
            return bool(r["organisation_id"] == self.actor.organisation_id)
        if self.is_role(Role.PROVIDER_LEADER):
            theirs = self.provider_org[r["provider_id"]] == self.actor.organisation_id
            return theirs and r["sent_at"] is not None and r["state"] not in ("draft", "in_error")
        if self.is_role(*LEADS):
            at_provider = self.provider_org[r["provider_id"]]
            return self.over(r["organisation_id"]) or (
                self.actor.place_path is not None and self.over(at_provider)
            )
        return self.self_(r)

    def person(self, p: Row) -> bool:
        ours = p["organisation_id"] == self.actor.organisation_id
        if self.is_role(*TEAM) and ours:
            return True
        if self.is_role(Role.SAFEGUARDING_LEAD) and self.over(p["organisation_id"]):
            return True
        return (
            self.self_(p, "id")
            or self.open_to(p["id"])
            or any(self.of(name) and p["id"] in self.about[name] for name in ABOUT)
        )

    def consent(self, c: Row) -> bool:
        if self.open_to(c["person_id"]):
            return True
        if self.is_role(*TEAM):
            return bool(c["organisation_id"] == self.actor.organisation_id)
        return (self.is_role(*OVERSEERS) and self.over(c["organisation_id"])) or self.self_(c)

    def override(self, o: Row) -> bool:
        if self.self_(o) or self.open_to(o["person_id"]):
            return True
        if self.is_role(Role.PERSON, Role.SYSTEM) or self.closed(o["person_id"]):
            return False
        if self.named_about("provider_id", o["recipient"]):
            return False
        return (
            o["proposed_by"] == self.actor.membership_id
            or (self.is_role(*LADDER) and self.keys(o["holder"]))
            or (self.is_role(*OVERSEERS, Role.TEAM_LEAD) and self.over(o["organisation_id"]))
        )

    def concern(self, c: Row) -> bool:
        if self.is_role(Role.PERSON, Role.SYSTEM) or self.names(c):
            return False
        about = c["provider_id"]
        if about is not None and self.provider_org[about] == self.actor.organisation_id:
            return False
        if self.is_role(Role.SAFEGUARDING_LEAD) and self.open_to(c["person_id"]):
            return True
        if c["raised_by"] == self.actor.membership_id or self.keys(c["holder"]):
            return True
        if not self.is_role(*LADDER) or not self.over(c["organisation_id"]):
            return False
        return self.actor.place_path is not None or c["rung"] == 1

    def escalation(self, e: Row) -> bool:
        if self.closed(e["person_id"]):
            return False
        if self.keys(e["raiser"], e["asked"]):
            return True
        if not self.is_role(*LEADS, Role.TEAM_LEAD, Role.PROVIDER_LEADER):
            return False
        within = self.over(e["organisation_id"]) and e["about"] != "concern"
        return self.keys(e["owner"]) or within

    def emergency(self, y: Row) -> bool:
        if self.is_role(Role.PERSON, Role.SYSTEM):
            return False
        if y["opened_by"] == self.actor.membership_id:
            return True
        if not self.is_role(*OVERSEERS, Role.TEAM_LEAD) or self.closed(y["person_id"]):
            return False
        return self.over(y["organisation_id"])

    def rights_request(self, q: Row) -> bool:
        if self.is_role(Role.PERSON, Role.SYSTEM) or self.closed(q["person_id"]):
            return False
        if self.is_role(*TEAM) and q["taken_by"] == self.actor.membership_id:
            return True
        return self.is_role(*KEEPERS) and self.over(q["organisation_id"])

    def legal_hold(self, h: Row) -> bool:
        if not self.is_role(*KEEPERS) or self.actor.place_path is None:
            return False
        return self.over(h["organisation_id"]) and not self.closed(h["person_id"])

    retention_review = legal_hold
    blackout = legal_hold

    def _among(self, name: str, number: str | None) -> bool:
        return bool(self.of(name)) and number in self.numbers[name]

    def plan(self, p: Row) -> bool:
        return self._among("person", p["person_id"])

    capacity_assessment = plan
    correction = plan

    def relationship(self, r: Row) -> bool:
        return self.is_role(*TEAM, Role.SAFEGUARDING_LEAD) and self.plan(r)

    def equality_answer(self, r: Row) -> bool:
        return self.is_role(*TEAM) and self.plan(r)

    def beginning(self, b: Row) -> bool:
        ours = b["organisation_id"] == self.actor.organisation_id
        mine = b["membership_id"] == self.actor.membership_id
        return bool(mine or (self.is_role(Role.TEAM_LEAD) and ours))

    def reminder(self, m: Row) -> bool:
        return bool(m["membership_id"] == self.actor.membership_id)

    saved_view = reminder

    def attendance(self, a: Row) -> bool:
        return self._among("referral", a["referral_id"])

    def score(self, s: Row) -> bool:
        return self.is_role(*TEAM) and self.attendance(s)

    def message(self, m: Row) -> bool:
        return not self.is_role(Role.PERSON) and self.attendance(m)

    message_read = message

    def document(self, d: Row) -> bool:
        both = d["shared"] and d["taken_back_at"] is None and d["scan"] != "refused"
        ours = self.is_role(*(TEAM if d["side"] == "team" else (Role.PROVIDER_LEADER,)))
        allowed = both or ours or self.is_role(Role.SAFEGUARDING_LEAD)
        return bool(allowed) and self.message(d)

    def concern_source(self, s: Row) -> bool:
        return self._among("concern", s["concern_id"])

    authority_call = concern_source

    def consequence(self, c: Row) -> bool:
        return self._among("escalation", c["escalation_id"])

    raised_outside = consequence

    def rights_part(self, p: Row) -> bool:
        return self._among("rights_request", p["request_id"])

    def note(self, n: Row) -> bool:
        return n["noun"] not in ("person", *ABOUT) or self._among(n["noun"], n["record_id"])

    def hold(self, h: Row) -> bool:
        if h["cause"] == "concern" and not self._among("concern", h["concern_id"]):
            return False
        return h["person_id"] is None or self._among("person", h["person_id"])
