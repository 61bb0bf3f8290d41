"""One record's history, replayed: its steps against its entries, and what the entries say against
the record, its clocks and the rows beside it as they stand.

Nothing here reads the store or knows which move is allowed: the rows come from `referral.verify`,
the words of the tables of moves as plain data. No finding repeats what a column holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from referral.details import Reader, readers
from referral.ledger import TABLES


class Finding(NamedTuple):
    """One thing that is not as the log says: where, beside which entry, and what, in a sentence."""

    table: str
    key: str
    seq: int | None
    says: str

    @property
    def line(self) -> str:
        entry = "" if self.seq is None else f", entry {self.seq}"
        return f"{self.table} {self.key}{entry}: {self.says}"


@dataclass(frozen=True)
class NounRules:
    """What the table of one noun says of its states: which are open (somebody acts), the kind of
    clock of each, and which are ends. `version` is the table's."""

    version: str
    open: frozenset[str]
    clocks: Mapping[str, str]
    ends: frozenset[str]


@dataclass(frozen=True)
class Rules:
    """What the tables of moves say, as plain data. `long` are the clocks that run beside those of
    the states, each with the moves that meet it."""

    nouns: Mapping[str, NounRules]
    long: Mapping[str, frozenset[str]]


class Kept(NamedTuple):
    """One move as a kept text has it: the roles that may make it, and whether it takes two."""

    roles: frozenset[str]
    two_people: bool


KeptMoves = Mapping[tuple[str, str, str], Kept]
NOWHERE = "-"


def moves_in(text: str) -> dict[tuple[str, str, str], Kept]:
    """The moves a kept text names, by trigger, from and to."""
    found: dict[tuple[str, str, str], Kept] = {}
    for line in text.splitlines():
        parts = line.split(" | ")
        if not line.startswith("move ") or len(parts) < 3:
            continue
        source, _, target = parts[1].partition(" -> ")
        roles = {hat.partition("/")[0] for hat in parts[2].removeprefix("by ").split(", ")}
        key = (parts[0].removeprefix("move "), source, target)
        two = "two people" in parts[3:-1]
        before = found.get(key, Kept(frozenset(), two))
        found[key] = Kept(before.roles | roles, before.two_people and two)
    return found


class Entry(NamedTuple):
    """An entry of the log about a record. Details are None once erased (or lost)."""

    seq: int
    leaf: Mapping[str, Any]
    details: Mapping[str, Any] | None


class StepRow(NamedTuple):
    """A row of the table of steps, in the order of `STEP_COLUMNS`."""

    record_id: str
    version: int
    system_id: str
    noun: str
    trigger: str
    from_state: str | None
    to_state: str
    at: Any
    happened_at: Any
    role: str
    membership_id: str | None
    organisation_id: str | None
    on_behalf_of: str | None
    second_id: str | None
    cause: str | None
    reason: str | None
    note_id: str | None
    table_version: str
    id: int


class ClockRow(NamedTuple):
    """A row of the table of clocks: what the log says of it. What the sweep keeps for itself
    (`fired`, `look_at`, `missed`, the lease) is its own."""

    record_id: str
    id: int
    system_id: str
    noun: str
    kind: str
    owner: str
    started: Any
    due: Any
    period: int
    hours: Any
    ended: Any


STEP_COLUMNS = StepRow._fields
CLOCK_COLUMNS = ClockRow._fields
_INSTANT: Reader = readers("step")["at"]
_ID: Reader = readers("step")["record_id"]
_HOURS: Reader = readers("clock")["hours"]


class Child(NamedTuple):
    """A table whose rows come with the steps of a record. `own`: columns the log doesn't follow;
    `after`: what a column may go on to by itself, from which value; `more`: other rows may stand
    beside them."""

    table: str
    parent: str
    key: tuple[str, ...]
    own: frozenset[str] = frozenset()
    after: frozenset[tuple[str, str, str]] = frozenset()
    more: bool = False


CHILDREN: tuple[Child, ...] = (
    Child("concern_source", "concern_id", ("id",)),
    Child("authority_call", "concern_id", ("id",)),
    Child("hold", "concern_id", ("id",)),
    Child(
        "consequence",
        "escalation_id",
        ("id",),
        # A try that failed is kept in the row itself, to be tried again.
        own=frozenset({"tries", "refusals"}),
        after=frozenset({("state", "pending", "failed")}),
    ),
    Child("agreement_party", "agreement_id", ("agreement_id", "organisation_id")),
    Child("note", "record_id", ("id",), more=True),
)


@dataclass
class History:
    """All that the store holds of one record id."""

    id: str
    records: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)  # (noun, row)
    steps: list[StepRow] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    clocks: list[ClockRow] = field(default_factory=list)
    children: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)


def columns_of(table: str) -> tuple[str, ...]:
    """The columns of a table, in the order in which its rows are read here."""
    return tuple(c.name for c in TABLES[table].columns)


# -- steps and entries --------------------------------------------------------------------------

# What a step row and the leaf of its entry both say.
_BOTH = (
    ("system_id", "system"),
    ("noun", "noun"),
    ("trigger", "trigger"),
    ("role", "role"),
    ("membership_id", "member"),
    ("organisation_id", "organisation"),
    ("on_behalf_of", "behalf"),
    ("second_id", "second"),
    ("cause", "cause"),
    ("reason", "reason"),
    ("note_id", "note"),
    ("table_version", "table"),
)


def _unlike(step: StepRow, leaf: Mapping[str, Any]) -> list[str]:
    """The columns in which a step says something else than its entry."""
    found = [c for c, said in _BOTH if getattr(step, c) != leaf.get(said)]
    state = leaf.get("state")
    came, went = (state.get("from"), state.get("to")) if isinstance(state, dict) else (None, None)
    if step.from_state != came:
        found.append("from_state")
    if step.to_state != went:
        found.append("to_state")
    if step.happened_at != leaf.get("happened") and (
        step.happened_at is None or _INSTANT(step.happened_at) != leaf.get("happened")
    ):
        found.append("happened_at")
    if _INSTANT(step.at) != leaf.get("at"):
        found.append("at")
    return found


def _joined(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def check_steps(h: History) -> Iterator[Finding]:
    """Each step has one entry that says the same, each step entry one step."""
    named: dict[int, list[Entry]] = {}
    before = 0
    for entry in h.entries:
        if entry.leaf.get("action") != "step":
            continue
        version = entry.leaf.get("version")
        if type(version) is not int:
            yield Finding("audit", h.id, entry.seq, "this entry of a step names no version")
            continue
        named.setdefault(version, []).append(entry)
        if version <= before:
            yield Finding(
                "audit",
                f"{h.id} version {version}",
                entry.seq,
                f"this entry stands after that of version {before}, so the order was changed",
            )
        before = max(before, version)
    seen: set[int] = set()
    last_id = 0
    for step in h.steps:
        key = f"{h.id} version {step.version}"
        if step.version in seen:
            yield Finding("step", key, None, "there are two steps with this version")
        seen.add(step.version)
        if step.id <= last_id:
            yield Finding("step", key, None, "its number is not after that of the step before it")
        last_id = step.id
        entries = named.get(step.version, [])
        if not entries:
            yield Finding("step", key, None, "no entry of the log names this step")
        for entry in entries[:1]:
            unlike = _unlike(step, entry.leaf)
            if unlike:
                says = f"the step and its entry differ in {_joined(unlike)}"
                yield Finding("step", key, entry.seq, says)
        for entry in entries[1:]:
            yield Finding("audit", key, entry.seq, "another entry names the same step already")
    for version, entries in named.items():
        if version not in seen:
            says = f"the log names version {version} of this record, and there is no such step"
            yield Finding("audit", f"{h.id} version {version}", entries[0].seq, says)


def check_order(h: History, kept: Mapping[tuple[str, str], KeptMoves]) -> Iterator[Finding]:
    """Versions run from 1 without a gap, each step starts where the one before it ended, and is a
    move of the kept text of its table."""
    state: str | None = None
    expected = 1
    for step in h.steps:
        key = f"{h.id} version {step.version}"
        if step.version != expected:
            yield Finding("step", key, None, f"version {expected} of this record is missing")
        elif step.from_state != state:
            says = "it starts from another state than the step before it ended in"
            yield Finding("step", key, None, says)
        expected, state = step.version + 1, step.to_state
        moves = kept.get((step.noun, step.table_version))
        if moves is None:
            says = "the text of the table of moves it names was not kept"
            yield Finding("step", key, None, says)
            continue
        move = moves.get((step.trigger, step.from_state or NOWHERE, step.to_state))
        if move is None:
            says = "the table of moves it names has no such move"
            yield Finding("step", key, None, says)
        elif step.role not in move.roles:
            says = "the table of moves it names doesn't let this role make the move"
            yield Finding("step", key, None, says)
        elif move.two_people and step.second_id is None:
            yield Finding("step", key, None, "the move takes two people and the step names one")


# -- replaying ----------------------------------------------------------------------------------


@dataclass
class ClockSaid:
    """A clock as the log says it is."""

    seq: int
    system_id: str
    noun: str
    kind: str
    owner: str
    started: str
    due: str
    period: int
    hours: bool
    ended: str | None = None


@dataclass
class Replayed:
    """What the entries say of a record, in their order. `blind`: details were erased, so what they
    set is not known any more."""

    set: dict[str, tuple[Any, int]] = field(default_factory=dict)
    clocks: list[ClockSaid] = field(default_factory=list)
    rows: dict[str, list[tuple[dict[str, Any], int]]] = field(default_factory=dict)
    blind: bool = False


def replay(h: History, rules: Rules) -> Replayed:
    """Fold the entries of a record, by their order in the log."""
    r = Replayed()
    for entry in h.entries:
        details = entry.details
        if details is None:
            r.blind = True
            r.set.clear()
            r.rows.clear()
            continue
        if entry.leaf.get("action") == "step":
            _step_clocks(r, entry, details, rules)
        for column, value in (details.get("set") or {}).items():
            r.set[column] = (value, entry.seq)
        for row in details.get("rows") or ():
            _row_beside(r, entry, row)
        if "clock" in details:
            _clock_moved(r, entry, details["clock"])
    return r


def _step_clocks(r: Replayed, entry: Entry, details: Mapping[str, Any], rules: Rules) -> None:
    leaf = entry.leaf
    state = leaf.get("state") or {}
    started = details.get("clocks") or ()
    noun = str(leaf.get("noun"))
    known = rules.nouns.get(noun)
    if state.get("from") != state.get("to") or started:
        ends = known is not None and state.get("to") in known.ends
        for clock in r.clocks:
            met_by = rules.long.get(clock.kind)
            spared = met_by is not None and not ends and leaf.get("trigger") not in met_by
            if clock.ended is None and not spared:
                clock.ended = leaf.get("at")
    for new in started:
        r.clocks.append(
            ClockSaid(
                entry.seq,
                str(leaf.get("system")),
                noun,
                new["kind"],
                new["owner"],
                str(leaf.get("at")),
                new["due"],
                new["period"],
                new["hours"],
            )
        )
    to = details.get("clocks_to")
    if to:
        for clock in r.clocks:
            if clock.ended is None and to["was"] in (None, clock.owner):
                clock.owner = to["owner"]
                clock.seq = entry.seq


def _clock_moved(r: Replayed, entry: Entry, moved: Mapping[str, Any]) -> None:
    """A clock changed outside a step: it came from another record, left for one, or has another
    time."""
    leaf = entry.leaf
    if moved.get("came"):
        r.clocks.append(
            ClockSaid(
                entry.seq,
                str(leaf.get("system")),
                str(leaf.get("noun")),
                *(moved[c] for c in ("kind", "owner", "started", "due", "period", "hours")),
            )
        )
        return
    for clock in r.clocks:
        # `was`: when that clock had started, where another may have taken its place meanwhile.
        known = clock.ended is None and moved.get("was") in (None, clock.started)
        if clock.kind == moved.get("kind") and known:
            if moved.get("left"):
                r.clocks.remove(clock)
                return
            for column in ("owner", "started", "due", "period", "hours"):
                if column in moved:
                    setattr(clock, column, moved[column])
            clock.seq = entry.seq


def _row_beside(r: Replayed, entry: Entry, said: Mapping[str, Any]) -> None:
    rows = r.rows.setdefault(said["table"], [])
    if "new" in said:
        rows.append((dict(said["new"]), entry.seq))
        return
    where = said["where"]
    for at, (row, _) in enumerate(rows):
        if all(row.get(c) == value for c, value in where.items()):
            rows[at] = ({**row, **said.get("set", {})}, entry.seq)
    if said.get("gone"):
        rows[:] = [
            (row, seq) for row, seq in rows if any(row.get(c) != v for c, v in where.items())
        ]


# -- comparing ----------------------------------------------------------------------------------

_UNREADABLE = object()


def _read(reader: Reader, value: Any) -> Any:
    try:
        return reader(value)
    except (ValueError, TypeError):
        return _UNREADABLE


def same(reader: Reader, stands: Any, said: Any) -> bool:
    """Whether a stored value is what the log says: ids, instants and days by value, structures by
    content, free text by its digest."""
    value = _read(reader, stands)
    if value is _UNREADABLE:
        return False
    if value == said and type(value) is type(said) and not isinstance(value, list | dict):
        return True
    if isinstance(value, list | dict) or isinstance(said, list | dict):
        # True is 1 to Python, and not to JSON.
        return json.dumps(value, sort_keys=True) == json.dumps(said, sort_keys=True)
    if isinstance(said, str) and said.startswith("sha256:"):
        return False
    again = _read(reader, said)
    return bool(value == again and type(value) is type(again))


def check_record(h: History, r: Replayed, rules: Rules) -> Iterator[Finding]:
    """The record as it stands against its newest step and against what its entries set."""
    noun = h.steps[0].noun if h.steps else None
    for table, _ in h.records:
        if not h.steps:
            yield Finding(table, h.id, None, "no step and no entry made this record")
        elif table != noun:
            yield Finding(table, h.id, None, f"its steps are those of a {noun}")
    if h.steps and not h.records:
        yield Finding(str(noun), h.id, None, "its steps are there and the record is gone")
    for table, row in h.records:
        if table == noun:
            yield from _check_columns(h, r, table, row)


def _check_columns(h: History, r: Replayed, table: str, row: tuple[Any, ...]) -> Iterator[Finding]:
    newest = h.steps[-1]
    stands = dict(zip(columns_of(table), row, strict=True))
    step_seq = next(
        (e.seq for e in reversed(h.entries) if e.leaf.get("version") == newest.version), None
    )
    if stands["state"] != newest.to_state:
        says = "its state is not the one its newest step ended in"
        yield Finding(table, h.id, step_seq, says)
    if stands["version"] != newest.version:
        yield Finding(table, h.id, step_seq, "its version is not that of its newest step")
    moved = next((s for s in reversed(h.steps) if s.from_state != s.to_state), h.steps[0])
    if _INSTANT(stands["since"]) != _INSTANT(moved.at):
        says = "since is not when it came into its state"
        yield Finding(table, h.id, step_seq, says)
    read = readers(table)
    for column, value in stands.items():
        if column in ("state", "version", "since"):
            continue
        if column in r.set:
            said, seq = r.set[column]
            if not same(read[column], value, said):
                yield Finding(table, h.id, seq, f"{column} is not what this entry set")
        elif value is not None and not r.blind:
            yield Finding(table, h.id, None, f"{column} holds something that no entry set")


_CLOCK_READ: tuple[tuple[str, Reader], ...] = (
    ("system_id", _ID),
    ("noun", lambda v: v),
    ("owner", lambda v: v),
    ("started", _INSTANT),
    ("due", _INSTANT),
    ("period", lambda v: v),
    ("hours", _HOURS),
    ("ended", _INSTANT),
)


def check_clocks(h: History, r: Replayed, rules: Rules) -> Iterator[Finding]:
    """Each clock as its entries say; a running one of the right kind while the record is open,
    and none once it has ended."""
    clocks = [c for c in h.clocks if c.noun in rules.nouns]
    if not h.steps:
        for row in clocks:
            says = f"it belongs to a {row.noun} that has no step"
            yield Finding("clock", str(row.id), None, says)
        return
    if not r.blind:
        yield from _check_each_clock(clocks, r, h.id)
    yield from _check_running(h, clocks, rules)


def _check_each_clock(clocks: list[ClockRow], r: Replayed, record_id: str) -> Iterator[Finding]:
    said: dict[str, list[ClockSaid]] = {}
    for clock in r.clocks:
        said.setdefault(clock.kind, []).append(clock)
    stand: dict[str, list[ClockRow]] = {}
    for row in clocks:
        stand.setdefault(row.kind, []).append(row)
    for kind in sorted({*said, *stand}):
        here, log = stand.get(kind, []), said.get(kind, [])
        if len(here) != len(log):
            seq = log[-1].seq if log else None
            says = (
                f"there are {len(here)} clocks of the kind {kind}, and the log started {len(log)}"
            )
            yield Finding("clock", f"of {record_id}", seq, says)
            continue
        for row, clock in zip(here, log, strict=True):
            unlike = [
                column
                for column, read in _CLOCK_READ
                if not same(read, getattr(row, column), getattr(clock, column))
            ]
            if unlike:
                says = (
                    f"{_joined(unlike)} of the clock {kind} of {record_id} is not as the log says"
                )
                yield Finding("clock", str(row.id), clock.seq, says)


def _check_running(h: History, clocks: list[ClockRow], rules: Rules) -> Iterator[Finding]:
    newest = h.steps[-1]
    known = rules.nouns.get(newest.noun)
    if known is None or newest.table_version != known.version:
        return
    running = [c.kind for c in clocks if c.ended is None and c.kind not in rules.long]
    wanted = known.clocks.get(newest.to_state) if newest.to_state in known.open else None
    if running != ([wanted] if wanted else []):
        says = (
            f"it is open and the clock {wanted} doesn't run as the only one"
            if wanted
            else "nobody acts on it any more, and a clock still runs"
        )
        yield Finding(newest.noun, h.id, None, says)


def check_children(h: History, r: Replayed) -> Iterator[Finding]:
    """The rows beside the record that its steps wrote: each as the log says, none missing, none
    more."""
    for child in CHILDREN:
        here = h.children.get(child.table, [])
        said = r.rows.get(child.table, [])
        if not here and not said:
            continue
        yield from _check_child(child, here, said, r.blind)


def _check_child(
    child: Child,
    here: list[tuple[Any, ...]],
    said: list[tuple[dict[str, Any], int]],
    blind: bool,
) -> Iterator[Finding]:
    columns = columns_of(child.table)
    read = readers(child.table)
    stand: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in here:
        values = dict(zip(columns, row, strict=True))
        stand[tuple(_read(read[c], values[c]) for c in child.key)] = values
    for log, seq in said:
        key = tuple(log.get(c) for c in child.key)
        name = " ".join(map(str, key))
        values = stand.pop(key, {})
        if not values:
            yield Finding(child.table, name, seq, "this entry wrote the row, and it is gone")
            continue
        for column, value in values.items():
            if column in child.own or same(read[column], value, log.get(column)):
                continue
            if isinstance(value, str) and (column, log.get(column), value) in child.after:
                continue
            yield Finding(child.table, name, seq, f"{column} is not what this entry set")
    if not child.more and not blind:
        for key in stand:
            name = " ".join(map(str, key))
            yield Finding(child.table, name, None, "no entry wrote this row")


def check(h: History, rules: Rules, kept: Mapping[tuple[str, str], KeptMoves]) -> Iterator[Finding]:
    """All that is not as the log says about one record. Whatever was written behind its back, and
    in whatever form, is a finding and no crash."""
    try:
        yield from _check(h, rules, kept)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        noun = h.steps[0].noun if h.steps else "record"
        yield Finding(noun, h.id, None, "what its entries say can't be understood")


def _check(
    h: History, rules: Rules, kept: Mapping[tuple[str, str], KeptMoves]
) -> Iterator[Finding]:
    governed = any(e.leaf.get("action") == "step" for e in h.entries)
    if not (h.records or h.steps or governed):
        for row in h.clocks:
            if row.noun in rules.nouns:
                says = f"it belongs to a {row.noun} that isn't there"
                yield Finding("clock", str(row.id), None, says)
        for child in CHILDREN:
            if not child.more:
                for _ in h.children.get(child.table, ()):
                    says = f"it belongs to a record that isn't there: {h.id}"
                    yield Finding(child.table, h.id, None, says)
        return
    yield from check_steps(h)
    yield from check_order(h, kept)
    r = replay(h, rules)
    yield from check_record(h, r, rules)
    yield from check_clocks(h, r, rules)
    yield from check_children(h, r)
