"""What `audit verify` is told of the tables of moves: plain data, for a room that imports none."""

from __future__ import annotations

from referral.states import ENDS
from referral.verify import NounRules, Rules
from workflows.engine import TABLES
from workflows.moves import Table
from workflows.tables.referrals import NOT_STARTED


def rules_for_verify() -> Rules:
    """The tables of moves in force in this program, as data."""
    return Rules(
        nouns={str(noun): _of(table) for noun, table in TABLES.items()},
        # Met by the start itself, and by every end (workflows.engine keeps it running otherwise).
        long={NOT_STARTED.kind: frozenset({"start"})},
    )


def _of(table: Table) -> NounRules:
    return NounRules(
        version=table.version,
        open=frozenset(str(name) for name, state in table.states.items() if state.acts),
        clocks={str(name): state.clock.kind for name, state in table.states.items() if state.clock},
        ends=frozenset(map(str, ENDS[table.noun])),
    )
