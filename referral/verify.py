"""Whether the store is as its log says: every leaf, every step, every record, in one reading.

`verify` finds any edit of what the log speaks of, and any removal, insertion or swap that leaves
entry, step or record unlike the others:

- entries: leaf against hash, against its one canonical text and against the plain columns; details
  against the commitment, or erased by an entry that names them; no entry id twice;
- steps: one entry each that says the same, versions without a gap, each a move of the kept text of
  its table, by a role that may make it;
- records: every column of the tables with a machine, from the entries in their order; the clocks
  of each with owner, times and end; the sources, holds, consequences, signatures and notes that
  came with its steps;
- sums: places taken, answers to repeated requests, numbers that must run without a gap.

What it can't see, and why, is in `UNSEEN`; docs/audit.md says the same for people. An entry that
belongs to no step, taken out with its details, and a history rewritten throughout (record, step,
entry and details alike) can only be shown by the tree and the checkpoints outside the store.

Read it from `Store.snapshot`: commands may go on meanwhile. Nothing is kept but one record's
history at a time."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from referral.audit import FORMATS
from referral.details import readers
from referral.keys import Damaged, Gone
from referral.leaf import canonical, commitment, leaf_hash
from referral.ledger import free_text
from referral.notes import Verifier
from referral.replay import (
    CHILDREN,
    CLOCK_COLUMNS,
    STEP_COLUMNS,
    ClockRow,
    Entry,
    Finding,
    History,
    KeptMoves,
    NounRules,
    Rules,
    StepRow,
    check,
    columns_of,
    moves_in,
)
from referral.schema import seal
from referral.skew import skew
from referral.states import TAKING_PART, Noun, listed
from referral.store import Sql, Tx
from referral.verify_tree import Known, TreeRead, check_tree

__all__ = ["UNSEEN", "Finding", "NounRules", "Report", "Rules", "rules_on", "verify"]

MOST_FINDINGS = 500
EVERY = 2_000
Progress = Callable[[str, int, int | None], None]

# What no entry speaks of, by table and column; "*" is the whole table.
UNSEEN: dict[str, dict[str, str]] = {
    "audit": {"xid": "the transaction's own number on PostgreSQL, used to order the tree"},
    "clock": {
        "id": "only its order is known, and that an escalation's clock is there",
        "fired": "the sweep's own count",
        "look_at": "a cache of the next time to look",
        "missed": "the mark of the sweep, or of the move that came late",
        "lease_until": "the sweep's lease",
        "tries": "the sweep's fence",
    },
    "consequence": {
        "refusals": "why the newest try failed, kept to be tried again",
        "tries": "how often it was tried",
    },
    "step": {"id": "only its order is known, and on SQLite that none is missing"},
    "idempotency": {
        "actor_id": "kept for 48 hours only",
        "at": "kept for 48 hours only",
        "body_hash": "kept for 48 hours only",
        "key": "kept for 48 hours only",
        "system_id": "kept for 48 hours only",
    },
    "move_table": {"from_at": "when a text was first kept; the steps name the text itself"},
    "hold": {"*": "of an ordinary hold (no concern) and its clock: no step places it"},
    "note": {"*": "of a note written without a step"},
    "audit_index": {"*": "the tree: its checkpoints are the proof of it"},
    "audit_node": {"*": "the tree: its checkpoints are the proof of it"},
    "audit_checkpoint": {"*": "signed: what a key outside the store has said"},
    "audit_cosignature": {"*": "signed: what a witness has said"},
    "activity_group": {"*": "no step covers its rows, but for the places taken: they are counted"},
}
COUNTED = "numbers: the rows they were counted from are what is checked"
UNCOVERED = "no step covers its rows; the log says who added or changed one, not what it holds"
for _table in (
    "activity",
    "announcement",
    "announcement_reader",
    "api_token",
    "app_user",
    "attendance",
    "audit_check",
    "audit_duty",
    "authority",
    "bank_holiday",
    "beginning",
    "capacity_assessment",
    "confirmation",
    "correction",
    "data_key",
    "dispatch",
    "document",
    "equality_answer",
    "erasure",
    "errand",
    "blackout",
    "escalation_theme",
    "evidence",
    "external_id",
    "ladder_rung",
    "legal_hold",
    "link",
    "membership",
    "message",
    "message_read",
    "notice",
    "organisation",
    "outbox",
    "passkey",
    "person",
    "place",
    "plan",
    "policy_change",
    "policy_comment",
    "policy_rule",
    "preference",
    "provider",
    "raised_outside",
    "recovery_code",
    "relationship",
    "reminder",
    "retention_review",
    "rights_part",
    "restored",
    "rota_line",
    "saved_view",
    "score",
    "second_step",
    "sign_in",
    "sign_in_try",
    "system",
    "theme",
    "wording",
):
    UNSEEN[_table] = {"*": UNCOVERED}
for _table in ("tallied", "tally"):
    UNSEEN[_table] = {"*": COUNTED}
PUBLISHED = "published by others, and loaded as it is: loaded again it is what it was"
for _table in ("area_edition", "area_tenth", "postcode", "residents"):
    UNSEEN[_table] = {"*": PUBLISHED}


@dataclass
class Report:
    """What was read and what was found. `found` counts all; `findings` keeps the first of them."""

    entries: int = 0
    steps: int = 0
    records: int = 0
    clocks: int = 0
    erased: int = 0
    found: int = 0
    findings: list[Finding] = field(default_factory=list)
    tree: TreeRead = field(default_factory=TreeRead)

    def add(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.found += 1
            if len(self.findings) < MOST_FINDINGS:
                self.findings.append(finding)

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return self.found == 0

    def lines(self) -> list[str]:
        """The result for people: the first line says whole, or broken and where."""
        read = (
            f"{self.entries} entries, {self.steps} steps, {self.records} records,"
            f" {self.clocks} clocks"
        )
        if self.whole:
            erased = f" The details of {self.erased} entries were erased." if self.erased else ""
            return [f"Whole: {read} agree.{erased}", *self.tree.lines()]
        places = "1 place" if self.found == 1 else f"{self.found} places"
        out = [f"Broken in {places}, the first: {self.findings[0].line}", f"Read: {read}."]
        out += self.tree.lines()
        out += [finding.line for finding in self.findings]
        if self.found > len(self.findings):
            out.append(f"... and {self.found - len(self.findings)} more.")
        return out

    def as_json(self) -> dict[str, Any]:
        """The result for a program."""
        return {
            "whole": self.whole,
            "entries": self.entries,
            "steps": self.steps,
            "records": self.records,
            "clocks": self.clocks,
            "erased": self.erased,
            "tree": self.tree.as_json(),
            "found": self.found,
            "findings": [finding._asdict() for finding in self.findings],
        }


def verify(
    tx: Tx,
    rules: Rules,
    progress: Progress | None = None,
    verifiers: Sequence[Verifier] = (),
    known: Iterable[Known] = (),
) -> Report:
    """Compare the whole store with its log, and both with the signed tree. `rules` is what the
    tables of moves say, as data; `verifiers` are the keys whose signatures count, `known` the heads
    that were kept outside; `progress` is told (stage, how many were read, of how many)."""
    report = Report()
    report.tree = check_tree(tx, report, verifiers, known, progress)
    report.tree.skew = skew(tx)
    kept = _kept_texts(tx, report)
    erased = _erasures(tx)
    log = _Log(tx, rules, report, erased, progress)
    report.add(_numbers(tx))
    report.add(_entry_ids(tx))
    log.read_those_about_nothing()
    for history in _histories(tx, rules, log, report):
        report.add(check(history, rules, kept))
    report.add(log.details_left_over())
    report.add(_places_taken(tx))
    report.add(_lost_holds(tx))
    report.add(_lost_clocks(tx))
    report.add(_answers(tx))
    return report


def rebuild(
    tx: Tx, rules: Rules, progress: Progress | None = None, record: str | None = None
) -> tuple[Report, Counter[tuple[str, str]], list[dict[str, Any]]]:
    """What the log alone makes of every record, against what stands: what was unlike, how many came
    to each (noun, state), and the moves of the one `record`, with nothing that says who a person
    is."""
    report = Report()
    states: Counter[tuple[str, str]] = Counter()
    moves: list[dict[str, Any]] = []
    kept = _kept_texts(tx, report)
    log = _Log(tx, rules, report, _erasures(tx), progress)
    for history in _histories(tx, rules, log, report):
        report.add(check(history, rules, kept))
        said = [e.leaf for e in history.entries if e.leaf.get("action") == "step"]
        if said:
            states[str(said[-1].get("noun")), str((said[-1].get("state") or {}).get("to"))] += 1
        if history.id == record:
            moves = [_move(leaf) for leaf in said]
    return report, states, moves


def _move(leaf: Mapping[str, Any]) -> dict[str, Any]:
    state = leaf.get("state") or {}
    named = {name: leaf.get(name) for name in ("entry", "at", "trigger", "role", "cause", "reason")}
    return {**named, "from": state.get("from"), "to": state.get("to")}


# -- the entries --------------------------------------------------------------------------------

_ENTRY = (
    "SELECT a.record_id, a.seq, a.entry_id, a.system_id, a.at, a.action, a.noun, a.version,"
    " a.membership_id, a.subject, a.leaf, a.leaf_hash, d.salt, d.payload"
    " FROM audit a LEFT JOIN audit_detail d ON d.entry_id = a.entry_id"
)
ABOUT_RECORDS = Sql(f"{_ENTRY} WHERE a.record_id IS NOT NULL ORDER BY a.record_id, a.seq")
ABOUT_NOTHING = Sql(f"{_ENTRY} WHERE a.record_id IS NULL")
ERASURES = Sql("SELECT seq, leaf FROM audit WHERE action = 'erased' ORDER BY seq")
_SALT, _PAYLOAD = 12, 13
COUNT_ENTRIES = Sql("SELECT count(*) FROM audit")
COUNT_DETAILS = Sql("SELECT count(*) FROM audit_detail")
LEFT_OVER = Sql(
    "SELECT d.entry_id FROM audit_detail d LEFT JOIN audit a ON a.entry_id = d.entry_id"
    " WHERE a.seq IS NULL ORDER BY d.entry_id"
)
TWICE = Sql("SELECT entry_id, max(seq) FROM audit GROUP BY entry_id HAVING count(*) > 1")

# Details of these never set a column, start a clock or write a row.
_ONLY_SAYS = frozenset({"read", "emergency_read", "refused"})
_KEYS = frozenset(
    {
        "action",
        "at",
        "cause",
        "details",
        "entry",
        "format",
        "member",
        "noun",
        "organisation",
        "record",
        "role",
        "system",
        "version",
    }
)
_SINCE_2 = frozenset({"door", "outcome", "purpose", "request"})
_TELLING = ('"set"', '"rows"', '"clock"')
_instant = readers("audit")["at"]


def _erasures(tx: Tx) -> dict[str, int]:
    """Each entry whose details were erased, and each key that was taken away, with the entry that
    says so."""
    found: dict[str, int] = {}
    for seq, leaf in tx.stream(ERASURES):
        try:
            said = json.loads(leaf)
            named = [*said.get("erased", ()), *said.get("keys", ())]
        except (AttributeError, TypeError, ValueError):
            continue
        for one in named:
            found.setdefault(str(one), seq)
    return found


class _Log:
    """The entries in the order of their records, each checked by itself as it goes by."""

    def __init__(
        self,
        tx: Tx,
        rules: Rules,
        report: Report,
        erased: Mapping[str, int],
        progress: Progress | None,
    ) -> None:
        self.tx = tx
        self.nouns = frozenset(rules.nouns)
        self.report = report
        self.erased = erased
        self.progress = progress
        self.with_details = 0
        counted = tx.row(COUNT_ENTRIES)
        self.total = int(counted[0]) if counted else 0

    def read_those_about_nothing(self) -> None:
        """The entries that name no record: sign-ins, refusals of what isn't there, people."""
        for row in self.tx.ring.details(self.tx.stream(ABOUT_NOTHING), _SALT, _PAYLOAD):
            self._checked(row)

    def about_records(self) -> Iterator[tuple[str, Entry]]:
        """The entries that say something about a record of a machine, by record, in order."""
        for row in self.tx.ring.details(self.tx.stream(ABOUT_RECORDS), _SALT, _PAYLOAD):
            entry = self._checked(row)
            if entry is not None:
                yield str(row[0]), entry

    def details_left_over(self) -> Iterator[Finding]:
        """Details whose entry is gone."""
        counted = self.tx.row(COUNT_DETAILS)
        if counted and counted[0] != self.with_details:
            for row in self.tx.stream(LEFT_OVER):
                yield Finding("audit_detail", str(row[0]), None, "its entry is gone")

    def _checked(self, row: tuple[Any, ...]) -> Entry | None:
        self.report.entries += 1
        if self.progress is not None and self.report.entries % EVERY == 0:
            self.progress("entries", self.report.entries, self.total)
        _, seq, entry_id, _, _, action, noun, _, _, _, text, hashed, salt, payload = row
        if payload is not None:
            self.with_details += 1

        def wrong(says: str, table: str = "audit") -> None:
            self.report.add((Finding(table, str(entry_id), seq, says),))

        leaf = _leaf(text, hashed, wrong)
        if leaf is None:
            return None
        try:
            unlike = _unlike_columns(row, leaf)
        except (AttributeError, TypeError):
            unlike = ["at"]
        if unlike:
            wrong(f"{', '.join(unlike)} of the entry is not what its leaf says")
        details = self._details(str(entry_id), leaf, salt, payload, wrong)
        if noun not in self.nouns and leaf.get("noun") not in self.nouns:
            return None
        if "step" in (action, leaf.get("action")):
            return Entry(seq, leaf, details)
        if details is None:
            return None if action in _ONLY_SAYS else Entry(seq, leaf, None)
        if any(word in payload for word in _TELLING):
            return Entry(seq, leaf, details)
        return None

    def _details(
        self,
        entry_id: str,
        leaf: Mapping[str, Any],
        salt: Any,
        payload: Any,
        wrong: Callable[..., None],
    ) -> Mapping[str, Any] | None:
        by = self.erased.get(entry_id)
        if isinstance(payload, Damaged):
            wrong("its details can't be opened: they were changed", "audit_detail")
            return None
        if isinstance(payload, Gone):
            by = self.erased.get(payload.key)
            if by is None:
                wrong("the key of its details is gone and no entry says so", "audit_detail")
            else:
                self.report.erased += 1
            return None
        if salt is None or payload is None:
            if by is None:
                wrong("its details are gone and no entry says they were erased", "audit_detail")
            else:
                self.report.erased += 1
            return None
        if by is not None:
            wrong(f"its details are here, and entry {by} says they were erased", "audit_detail")
        try:
            promised = commitment(bytes(salt), payload)
        except (AttributeError, TypeError, ValueError):
            promised = ""
        if promised != leaf.get("details"):
            wrong("its details are not those its leaf commits to", "audit_detail")
            return None
        try:
            details = json.loads(payload)
        except ValueError:
            details = None
        if not isinstance(details, dict):
            wrong("its details haven't the form of details", "audit_detail")
            return None
        return details


def _leaf(text: Any, hashed: Any, wrong: Callable[..., None]) -> dict[str, Any] | None:
    """What a leaf says, once its own text has been checked."""
    try:
        if leaf_hash(text) != bytes(hashed):
            wrong("its leaf doesn't hash to what is kept beside it")
        leaf = json.loads(text)
        if type(leaf) is not dict or not leaf.keys() >= _KEYS or not _has_form(leaf):
            wrong("its leaf hasn't the form of an entry")
            return None
        if canonical(leaf) != text:
            wrong("its leaf isn't in the one canonical text")
    except (ValueError, TypeError, AttributeError):
        wrong("its leaf can't be read")
        return None
    return leaf


def _has_form(leaf: Mapping[str, Any]) -> bool:
    return leaf["format"] in FORMATS and (leaf["format"] == 1 or leaf.keys() >= _SINCE_2)


def _unlike_columns(row: tuple[Any, ...], leaf: Mapping[str, Any]) -> list[str]:
    record_id, _, entry_id, system_id, at, action, noun, version, member, subject, *_ = row
    found = [
        name
        for name, stands, said in (
            ("entry_id", entry_id, leaf["entry"]),
            ("system_id", system_id, leaf["system"]),
            ("action", action, leaf["action"]),
            ("noun", noun, leaf["noun"]),
            ("record_id", record_id, leaf["record"]),
            ("version", version, leaf["version"]),
            ("membership_id", member, leaf["member"]),
            ("subject", subject, leaf.get("subject")),
        )
        if stands != said
    ]
    if _instant(at) != leaf["at"]:
        found.append("at")
    return found


def _entry_ids(tx: Tx) -> Iterator[Finding]:
    for entry_id, seq in tx.stream(TWICE):
        yield Finding("audit", str(entry_id), seq, "another entry has the same id")


# -- one record after the other -----------------------------------------------------------------


class _Stream:
    """Rows in the order of their key, taken one key at a time."""

    def __init__(self, rows: Iterator[tuple[str, Any]]) -> None:
        self._rows = rows
        self.key: str | None = None
        self._row: Any = None
        self._next()

    def _next(self) -> None:
        self.key, self._row = next(self._rows, (None, None))

    def take(self, key: str) -> list[Any]:
        found = []
        while self.key == key:
            found.append(self._row)
            self._next()
        return found


def _keyed(rows: Iterable[tuple[Any, ...]], position: int = 0) -> Iterator[tuple[str, Any]]:
    for row in rows:
        yield str(row[position]), row


def _all(table: str, key: str, order: str = "") -> tuple[Sql, int]:
    columns = columns_of(table)
    text = f"SELECT {', '.join(columns)} FROM {table} WHERE {key} IS NOT NULL ORDER BY {key}{order}"
    free = tuple(i for i, c in enumerate(columns) if free_text(table, c))
    return Sql(text, sealed=free), columns.index(key)


def _opened(tx: Tx, query: Sql) -> Iterator[tuple[Any, ...]]:
    """The rows with their free text as the readers of details take it."""
    for row in tx.stream(query):
        if not query.sealed:
            yield row
            continue
        values = list(row)
        for i in query.sealed:
            values[i] = seal(row[i])
        yield tuple(values)


STEPS = Sql(f"SELECT {', '.join(STEP_COLUMNS)} FROM step ORDER BY record_id, version, id")
CLOCKS = Sql(f"SELECT {', '.join(CLOCK_COLUMNS)} FROM clock ORDER BY record_id, kind, id")
RECORDS = {str(noun): _all(str(noun), "id") for noun in Noun}
BESIDE = {child.table: _all(child.table, child.parent, ", " + child.key[-1]) for child in CHILDREN}


def _histories(tx: Tx, rules: Rules, log: _Log, report: Report) -> Iterator[History]:
    """What the store holds of each record, one at a time, in the order of their ids."""
    entries = _Stream(log.about_records())
    steps = _Stream(_keyed(tx.stream(STEPS)))
    clocks = _Stream(_keyed(tx.stream(CLOCKS)))
    records = {
        noun: _Stream(_keyed(_opened(tx, RECORDS[noun][0]), RECORDS[noun][1]))
        for noun in rules.nouns
    }
    beside = {
        table: _Stream(_keyed(_opened(tx, query), position))
        for table, (query, position) in BESIDE.items()
    }
    streams = [entries, steps, clocks, *records.values(), *beside.values()]
    while True:
        keys = [stream.key for stream in streams if stream.key is not None]
        if not keys:
            return
        key = min(keys)
        found = History(
            key,
            [(noun, row) for noun, stream in records.items() for row in stream.take(key)],
            [StepRow._make(row) for row in steps.take(key)],
            entries.take(key),
            [ClockRow._make(row) for row in clocks.take(key)],
            {table: rows for table, stream in beside.items() if (rows := stream.take(key))},
        )
        report.records += len(found.records)
        report.steps += len(found.steps)
        report.clocks += len(found.clocks)
        yield found


# -- the rules that were kept -------------------------------------------------------------------

TEXTS = Sql("SELECT noun, version, body FROM move_table ORDER BY noun, version")
RULES_ON = Sql(
    "SELECT body FROM move_table WHERE noun = :noun AND from_at < :before"
    " ORDER BY from_at DESC, version DESC LIMIT 1"
)
LONDON = ZoneInfo("Europe/London")


def _kept_texts(tx: Tx, report: Report) -> dict[tuple[str, str], KeptMoves]:
    found: dict[tuple[str, str], KeptMoves] = {}
    for noun, version, held in tx.rows(TEXTS):
        body = str(held)
        if sha256(body.encode()).hexdigest()[:12] != version:
            says = "the text doesn't hash to its version"
            report.add((Finding("move_table", f"{noun} {version}", None, says),))
        elif body.partition("\n")[0] != noun:
            says = "the text is that of another noun"
            report.add((Finding("move_table", f"{noun} {version}", None, says),))
        found[(noun, version)] = moves_in(body)
    return found


def rules_on(tx: Tx, noun: Noun, day: date) -> str | None:
    """The text of the table of moves in force at the end of a day; None if none was kept yet."""
    before = datetime.combine(day + timedelta(1), time(), LONDON)
    row = tx.row(RULES_ON, noun=str(noun), before=before)
    return None if row is None else str(row[0])


# -- sums ---------------------------------------------------------------------------------------

_NUMBERED = (("audit", "seq"), ("step", "id"), ("clock", "id"))
_EXTENT = "SELECT count(*), coalesce(min({column}), 1), coalesce(max({column}), 0) FROM {table}"
_GAP = (
    "SELECT min(t.{column}) + 1 FROM {table} t WHERE NOT EXISTS"
    " (SELECT 1 FROM {table} n WHERE n.{column} = t.{column} + 1)"
)
COUNTER = Sql("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")


def _numbers(tx: Tx) -> Iterator[Finding]:
    """On SQLite, with one writer, numbers are given without a gap; on PostgreSQL they have gaps,
    and still none is beyond the sequence that gives them."""
    for table, column in _NUMBERED:
        extent = tx.row(Sql(_EXTENT.format(table=table, column=column))) or (0, 1, 0)
        count, first, last = extent
        if tx.pg:
            # The table and column are constants of this module.
            given = tx.row(
                Sql(
                    "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence"
                    f"('{table}', '{column}')::regclass), 0)"
                )
            )
            if given and last > given[0]:
                says = "its number was never given out"
                yield Finding(table, str(last), None, says)
            continue
        if count and first != 1:
            yield Finding(table, "1", None, "the first number is missing")
        if count != last:
            gap = tx.row(Sql(_GAP.format(table=table, column=column)))
            place = first - 1 if first != 1 else gap[0] if gap else last
            yield Finding(table, str(place), None, "this number is missing")
        if table == "audit":
            counter = tx.row(COUNTER)
            if counter and counter[0] != last:
                says = f"{counter[0]} entries were written, and the last one here is {last}"
                yield Finding(table, str(last), None, says)


TAKEN = Sql(
    f"""SELECT g.id, g.taken, count(r.id) FROM activity_group g
  LEFT JOIN referral r ON r.group_id = g.id AND r.state IN ({listed(*TAKING_PART)})
  GROUP BY g.id, g.taken HAVING g.taken <> count(r.id)"""
)


def _places_taken(tx: Tx) -> Iterator[Finding]:
    for group_id, taken, counted in tx.stream(TAKEN):
        says = f"{taken} places are said to be taken, and {counted} people take part"
        yield Finding("activity_group", str(group_id), None, says)


LOST_HOLDS = Sql("SELECT id FROM hold WHERE cause = 'concern' AND concern_id IS NULL ORDER BY id")


def _lost_holds(tx: Tx) -> Iterator[Finding]:
    for row in tx.stream(LOST_HOLDS):
        yield Finding("hold", str(row[0]), None, "it is a concern's and names none")


LOST_CLOCKS = Sql(
    "SELECT e.id FROM escalation e LEFT JOIN clock c ON c.id = e.clock_id"
    " WHERE e.clock_id IS NOT NULL AND c.id IS NULL ORDER BY e.id"
)


def _lost_clocks(tx: Tx) -> Iterator[Finding]:
    for row in tx.stream(LOST_CLOCKS):
        yield Finding("escalation", str(row[0]), None, "the clock that raised it is gone")


ANSWERS = Sql("SELECT key, answer FROM idempotency ORDER BY system_id, actor_id, key")
_STEPS_OF = "SELECT record_id, version, to_state FROM step WHERE record_id "
STEPS_OF_PG = Sql(f"{_STEPS_OF} = ANY(:ids)")
STEPS_OF_SQLITE = Sql(f"{_STEPS_OF} IN (SELECT value FROM json_each(:ids))")
PAGE = 500
_IS_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _answers(tx: Tx) -> Iterator[Finding]:
    """What was answered to a request that may be repeated is a step that was made."""
    page: list[tuple[str, dict[str, Any]]] = []
    for key, text in tx.stream(ANSWERS):
        try:
            said = json.loads(text)
            about_a_step = {"id", "state", "version"} <= said.keys()
            readable = not about_a_step or _IS_ID.fullmatch(said["id"]) is not None
        except (AttributeError, TypeError, ValueError):
            readable = False
        if not readable:
            yield Finding("idempotency", str(key), None, "its answer can't be read")
            continue
        if about_a_step:
            page.append((str(key), said))
        if len(page) == PAGE:
            yield from _page_of_answers(tx, page)
            page = []
    yield from _page_of_answers(tx, page)


def _page_of_answers(tx: Tx, page: list[tuple[str, dict[str, Any]]]) -> Iterator[Finding]:
    ids = sorted({said["id"] for _, said in page})
    if not ids:
        return
    rows = tx.rows(STEPS_OF_PG, ids=ids) if tx.pg else tx.rows(STEPS_OF_SQLITE, ids=json.dumps(ids))
    made = {(row[0], row[1]): row[2] for row in rows}
    for key, said in page:
        state, version = said["state"], said["version"]
        if type(version) is not int or made.get((said["id"], version)) != state:
            yield Finding("idempotency", key, None, "its answer names a step that wasn't made")
