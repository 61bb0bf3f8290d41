"""One door: no state changes but through it, no clock is read and nothing committed but at the
edge, and every statement it can make runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from referral import facts, ledger
from referral.actors import Actor, the_system
from referral.ids import new_id
from referral.ladder import Source
from referral.ledger import TABLES, Row
from referral.policy import SHIPPED, Rules
from referral.states import Noun, Role
from referral.store import Sql, Store, Tx
from tests.databases import beyond
from workflows import engine
from workflows.engine import TABLES as MACHINES
from workflows.moves import Move
from workflows.referrals import DRAFT_FIELDS
from workflows.working_time import ENGLAND

ROOT = Path(__file__).parents[2]
FILES = sorted(p for room in ("referral", "workflows", "web") for p in (ROOT / room).rglob("*.py"))
NOUNS = tuple(str(noun) for noun in Noun)
AT = datetime(2026, 5, 12, 9, tzinfo=UTC)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def texts_in(tree: ast.AST) -> Iterator[str]:
    """Every text in a file, with whatever is put into it left open."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = [v.value if isinstance(v, ast.Constant) else "{}" for v in node.values]
            yield "".join(map(str, parts))


def calls_in(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Every call: the name called, and its first words."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            yield name, [a.value for a in node.args[:2] if isinstance(a, ast.Constant)]


# -- who writes what ----------------------------------------------------------------------------

# Who writes a table past the door, and why that changes no state. The log says each of these, so
# that `segue audit verify` can follow.
WRITES = {
    ("workflows/referrals.py", "referral"): "a draft's own fields, never its state",
    ("workflows/escalations.py", "consequence"): "why a try failed",
    ("workflows/rights_doing.py", "hold"): "a restriction that is lifted",
    ("workflows/holds.py", "hold"): "an ordinary hold, which is no step of its referral",
    ("workflows/holds.py", "clock"): "the clock of an ordinary hold begins",
    ("workflows/referrals.py", "clock"): "the long clock goes on with the next referral",
    ("workflows/evidence.py", "clock"): "the clock of an assured provider follows its evidence",
    ("referral/queue.py", "clock"): "the sweep's own marks, and a clock set anew",
    ("referral/holds.py", "clock"): "a hold that is lifted has no deadline",
    ("referral/picks.py", "clock"): "a statement of the door's: who owns a clock after a move",
    ("referral/ledger.py", "clock"): "a statement of the door's: the old state's clock ends",
    ("referral/effects.py", "clock"): "a statement of the door's: the clock that raised it",
    ("referral/effects.py", "hold"): "a statement of the door's",
    ("referral/effects.py", "concern_source"): "a statement of the door's",
    ("referral/effects.py", "authority_call"): "a statement of the door's",
    ("referral/caseloads.py", "clock"): "a consent's clock goes with it to the next link worker",
    ("workflows/passing.py", "consent"): "whose team it is with, when a person is passed on",
    ("workflows/caseloads.py", "hold"): "who owns an ordinary one, when a caseload is handed over",
    ("workflows/caseloads.py", "consent"): "who looks after it, when a caseload is handed over",
    ("workflows/merges.py", "referral"): "whose it is, when two records of one person are joined",
    ("workflows/merges.py", "consent"): "whose it is, when two records of one person are joined",
    ("workflows/merges.py", "override"): "whose it is, when two records are joined",
    ("workflows/merges.py", "rights_request"): "whose it is, when two records are joined",
    ("workflows/merges.py", "concern"): "whom it is about, when two records are joined",
    ("workflows/merges.py", "hold"): "whose it is, when two records of one person are joined",
    ("workflows/merges.py", "escalation"): "whom it is about, when two records are joined",
    ("referral/effects.py", "consequence"): "a statement of the door's",
    ("referral/effects.py", "agreement_party"): "a statement of the door's",
    ("workflows/engine.py", "clock"): "the door itself",
    ("workflows/engine.py", "step"): "the door itself",
    ("referral/audit.py", "audit"): "every entry is made here",
    ("referral/audit.py", "audit_detail"): "every entry is made here",
    ("referral/sequencer.py", "audit_index"): "places are given here",
    ("referral/sequencer.py", "audit_node"): "the tree grows here",
    ("referral/sequencer.py", "audit_checkpoint"): "heads are signed here",
    ("referral/erasures.py", "audit_detail"): "the details of an erased person's entries go",
    ("referral/rekeying.py", "audit_detail"): "details are put under a key, as they were",
}
GUARDED = {
    *NOUNS,
    "step",
    "audit",
    "audit_detail",
    "audit_index",
    "audit_node",
    "audit_checkpoint",
    "clock",
    "hold",
    "concern_source",
    "authority_call",
    "consequence",
    "agreement_party",
}
SQL_WRITE = re.compile(r"\b(?:UPDATE|INSERT\s+INTO|DELETE\s+FROM)\s+([a-z_]+|\{\})", re.IGNORECASE)
WRITERS = {"put", "change", "insert", "update", "head"}


def written_in(text: str) -> list[str]:
    """The tables a text would write. A line for a shell is for people: the demo shows how an edit
    behind the program's back is found."""
    return [] if text.startswith("sqlite3 ") else SQL_WRITE.findall(text)


def written_by(source: str) -> set[str]:
    """The guarded tables that a file writes, in SQL or through the helpers that write rows."""
    tree = ast.parse(source)
    named = {t for text in texts_in(tree) for t in written_in(text)}
    for called, words in calls_in(tree):
        if called in WRITERS:
            named.update(word for word in words if isinstance(word, str))
    return named & GUARDED


def test_the_tables_of_the_door_are_written_by_nobody_else() -> None:
    found = {(name_of(p), table) for p in FILES for table in written_by(p.read_text())}
    assert found - set(WRITES) == set()
    assert set(WRITES) - found == set(), "no longer needed"


@pytest.mark.parametrize(
    "source",
    [
        "tx.run(Sql(\"UPDATE referral SET state = 'closed' WHERE id = :id\"))",
        'change(tx, "consent", record, {"state": "given"})',
        'put(tx, "step", values)',
        'tx.run(Sql(f"DELETE FROM audit_detail WHERE entry_id = {entry}"))',
        'Row(update("hold", ("ended",), ("id",)), params)',
    ],
)
def test_a_write_past_the_door_would_be_noticed(source: str) -> None:
    assert written_by(source)


def test_what_is_changed_past_the_door_is_never_a_state() -> None:
    assert not {"state", "version", "since"} & set(DRAFT_FIELDS)
    for path in FILES:
        for text in texts_in(tree_of(path)):
            for table in written_in(text):
                assert table not in NOUNS, f"{name_of(path)} writes {table}"


def test_only_the_engine_has_the_doors_own_statements() -> None:
    """The head of a step and what sends it: whoever has them could make a step without asking."""
    keys = {"head", "write", "TAKE_PLACE", "FREE_PLACE", "END_CLOCKS"}
    found = set()
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            names = {alias.name for alias in node.names}
            from_it = isinstance(node, ast.ImportFrom) and node.module == "referral.ledger"
            if (from_it and keys & names) or "referral.ledger" in names:
                found.add(name_of(path))
    assert found == {"workflows/engine.py"}


# -- the clock and the commit -------------------------------------------------------------------

READS_A_CLOCK = re.compile(
    r"\b(?:datetime|date|dt)\.(?:now|utcnow|today)\(|\btime\.(?:time|time_ns)\("
    r"|\bCURRENT_(?:TIMESTAMP|DATE|TIME)\b|\b(?:statement|clock|transaction)_timestamp\("
    r"|(?:[=,(]|SELECT|VALUES)\s*now\(\)"
)
THE_EDGE = {"web/edge.py"}
# They ask the edge for the time.
ASK_THE_EDGE = {"web/demo/clock.py", "web/demo/pages.py"}


def test_only_the_edge_reads_a_clock() -> None:
    found = {name_of(p) for p in FILES if READS_A_CLOCK.search(p.read_text())}
    assert found - ASK_THE_EDGE == THE_EDGE
    for name in ASK_THE_EDGE & found:
        assert "import" in (ROOT / name).read_text()
        assert not re.search(r"datetime\.(now|utcnow)", (ROOT / name).read_text()), name


@pytest.mark.parametrize(
    "source",
    [
        "at = datetime.now(UTC)",
        "day = date.today()",
        "at = time.time()",
        '"UPDATE x SET at = CURRENT_TIMESTAMP"',
        '"SELECT now()"',
    ],
)
def test_reading_a_clock_would_be_noticed(source: str) -> None:
    assert READS_A_CLOCK.search(source)


ENDS = re.compile(r"\.(?:commit|rollback)\(|\b(?:COMMIT|ROLLBACK|SAVEPOINT)\b")


def test_only_the_store_ends_a_transaction_and_only_the_edge_opens_one() -> None:
    ends = {name_of(p) for p in FILES if ENDS.search(p.read_text())}
    assert ends == {"referral/store.py"}
    opens = {name_of(p) for p in FILES if "begin" in {name for name, _ in calls_in(tree_of(p))}}
    below = {name for name in opens if not name.startswith("web/")} - ends
    # A migration is a transaction of its own, and so is the making of roles.
    assert below == {"referral/upgrade.py", "referral/roles.py", "referral/backup.py"}


# -- every statement ----------------------------------------------------------------------------

FACTS: dict[Noun, tuple[type[Any], type[Any]]] = {
    Noun.REFERRAL: (facts.ReferralFacts, facts.NewReferralFacts),
    Noun.CONSENT: (facts.ConsentFacts, facts.ConsentFacts),
    Noun.OVERRIDE: (facts.OverrideFacts, facts.OverrideFacts),
    Noun.RIGHTS: (facts.RightsFacts, facts.RightsFacts),
    Noun.CONCERN: (facts.ConcernFacts, facts.ConcernFacts),
    Noun.ESCALATION: (facts.EscalationFacts, facts.EscalationFacts),
    Noun.ASSURANCE: (facts.AssuranceFacts, facts.AssuranceFacts),
    Noun.AGREEMENT: (facts.AgreementFacts, facts.AgreementFacts),
    Noun.EMERGENCY: (facts.EmergencyFacts, facts.EmergencyFacts),
}
NAMED = new_id()
SAID: dict[str, Any] = {
    "asked": f"member@{new_id()}",
    "breaks": None,
    "conditional_activities": [new_id()],
    "conditions_until": AT,
    "consequence_id": new_id(),
    "consequences": [{"noun": "referral", "record_id": new_id(), "trigger": "recall"}],
    "expected_date": date(2026, 6, 1),
    "holder": f"safeguarding_lead@{new_id()}",
    "kind": "sharing",
    "link_worker_id": new_id(),
    "paused_until": date(2026, 6, 1),
    "place_path": f"/{new_id()}",
    "purpose": "contact",
    "redirected_to": new_id(),
    "rules": SHIPPED,
    "review_at": AT,
    "severity": "low",
    "source_id": NAMED,
    "sources": [{"user_id": new_id(), "words": "Words."}],
    "capacity_id": new_id(),
    "until": AT,
}
GIVEN: dict[str, Any] = {
    "danger": False,
    "fields": ["all"],
    "lawful_basis": "public_task",
    "purposes": ["share_with_provider"],
    "reach": "all",
    "seen": "Words.",
    "sources": SAID["sources"],
    "title": "Words",
}


def value_for(name: str, hint: Any) -> Any:
    """A value of this kind; ids are texts as everywhere."""
    if name in SAID:
        return SAID[name]
    kinds = [k for k in get_args(hint) if k is not type(None)]
    kind = kinds[0] if get_origin(hint) in (Union, UnionType) else hint
    if get_origin(kind) in (frozenset, tuple):
        return kind()
    plain = {int: 1, bool: False, datetime: AT, date: AT.date()}
    return plain[kind] if kind in plain else new_id()


def facts_for(noun: Noun, state: str | None, actor: Actor) -> Any:
    kind = FACTS[noun][state is None]
    hints = get_type_hints(kind)
    f = kind(**{name: value_for(name, hints[name]) for name in kind._fields})
    known = {"state": state, "version": 0 if state is None else 1, "subject_ref": new_id()}
    if noun is Noun.AGREEMENT:
        orgs = frozenset({new_id(), actor.organisation_id})
        known |= {"parties": orgs, "unsigned": orgs, "provider_gates": ((new_id(), 0),)}
    if noun is Noun.RIGHTS:
        known |= {"kind": "access"}
    if noun is Noun.CONCERN:
        known |= {"sources": (Source(NAMED, new_id(), None),)}
    return f._replace(**known)


def given_for(m: Move) -> dict[str, Any]:
    said = {n.name: n.values[0] if n.values else SAID.get(n.name, "Words.") for n in m.needs}
    return {**GIVEN, **{c: SAID[c] for c in m.keeps if c in SAID}, **said}


def test_every_record_knows_the_rules_of_its_place() -> None:
    """A clock's length, a list of reasons: asked of `f.rules`, which the facts read for nothing
    with `pl.policy` (referral.policy.rules_at)."""
    for noun, kinds in FACTS.items():
        for kind in kinds:
            assert get_type_hints(kind).get("rules") is Rules, f"{kind.__name__} of {noun}"


def rows_of_every_move(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, list[Row]]]:
    """What the door would write for each move of each table, from each of its states."""
    written: list[list[Row]] = []

    def keep(tx: Any, rows: list[Row], of: Any) -> bool:
        written.append(rows)
        return True

    monkeypatch.setattr(engine, "write", keep)
    person = Actor(
        role=Role.GOVERNANCE_LEAD,
        system_id=new_id(),
        membership_id=new_id(),
        user_id=new_id(),
        organisation_id=new_id(),
    )
    for noun, table in MACHINES.items():
        for m in table.moves:
            for state in m.sources:
                for key in ("key", None):
                    actor = person if key else the_system(person.system_id, "test")
                    f = facts_for(noun, None if state is None else str(state), actor)
                    to = str(m.to or state)
                    hat = sorted(m.by)[0]
                    with store.read() as tx:
                        engine._write(
                            tx,
                            table,
                            f,
                            engine._Decision(m, to, hat),
                            actor,
                            AT,
                            given_for(m),
                            key,
                            "body",
                            person if m.two_people else None,
                            ENGLAND,
                        )
                    yield f"{noun}.{m.trigger} from {state}", written.pop()


class Explaining:
    """A transaction that has each statement explained before it is run."""

    keys = None

    def __init__(self, tx: Tx, statements: set[str]) -> None:
        self.tx = tx
        self.pg = tx.pg
        self.statements = statements

    def execute(self, sql: str, values: Sequence[Any]) -> Any:
        self.statements.add(sql)
        self.tx.execute(f"EXPLAIN {sql}", values)
        return self.tx.execute(sql, values)


def test_every_statement_of_every_move_compiles_and_runs_on_an_empty_store(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves = set()
    statements = set()
    with beyond(store) as powerful, powerful.begin() as tx:
        if tx.pg:
            # Nobody the rows belong to is there: only their own statement is asked for.
            tx.raw.execute("SET LOCAL session_replication_role = replica")
        for name, rows in rows_of_every_move(store, monkeypatch):
            moves.add(name)
            if tx.pg:
                # The gates and the record aren't there, so nothing is written: but it runs.
                ledger.write(Explaining(tx, statements), rows)  # type: ignore[arg-type]
                continue
            for row in rows:
                plain = row.statement.plain
                tx.raw.execute(f"EXPLAIN {plain.sqlite}", [None] * len(plain.names))
                assert row.params.keys() >= set(plain.names), name
                statements.add(plain.sqlite)
    wanted = {
        f"{noun}.{m.trigger} from {state}"
        for noun, table in MACHINES.items()
        for m in table.moves
        for state in m.sources
    }
    assert moves == wanted
    assert len(statements) > 30


def test_every_table_a_statement_can_name_is_in_the_store(store: Store) -> None:
    with store.read() as tx:
        for table in TABLES:
            assert tx.row(Sql(f"SELECT count(*) FROM {table}")) is not None
