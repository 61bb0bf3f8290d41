"""The page of states and moves is what the tables say today."""

from pathlib import Path

from referral.states import Relation
from workflows.clocks import DUE
from workflows.engine import TABLES
from workflows.printing import FURTHER, RELATIONS, STARTS, print_states
from workflows.sweep import SETTLED

PAGE = Path(__file__).parents[2] / "docs" / "states.md"


def test_the_page_is_what_the_tables_say() -> None:
    """Print it again after a change of a table: `segue states > docs/states.md`."""
    assert PAGE.read_text() == print_states() + "\n"


def test_every_state_and_move_is_on_the_page() -> None:
    for noun, table in TABLES.items():
        title = str(noun).replace("_", " ").capitalize()
        part = print_states().split(f"## {title}\n")[1].split("\n## ")[0]
        assert table.version in part
        for state in table.states.values():
            name = str(state.name).replace("_", " ")
            assert f"| **{name}** | {state.says} |" in part
            assert str(state.name) in part.split("```")[1], "missing in the diagram"
        for m in table.moves:
            assert f"| **{m.trigger.replace('_', ' ')}** |" in part
            for guard in m.guards:
                assert guard.refusal.why in part


def test_every_kind_of_clock_and_relation_has_words() -> None:
    assert STARTS.keys() == DUE.keys()
    assert FURTHER.keys() == SETTLED.keys()
    assert RELATIONS.keys() == set(Relation)


def test_no_row_of_the_page_breaks_its_table() -> None:
    columns = 0
    for line in print_states().splitlines():
        if not line.startswith("|"):
            columns = 0
            continue
        columns = columns or line.count(" | ")
        assert line.count(" | ") == columns, line
