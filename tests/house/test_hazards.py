"""Each hazard of the log has tests that are there, and the printed log is what the program says."""

from pathlib import Path

import pytest

from web.safety import HAZARDS, ROOT, Control, Hazard, gone, lives, print_hazards

PAPERS = ROOT / "docs" / "safety"


def test_the_hazards_are_h01_to_h20() -> None:
    assert [one.id for one in HAZARDS] == [f"H{n:02}" for n in range(1, 21)]


def test_each_hazard_has_a_cause_a_control_and_tests_that_are_there() -> None:
    assert list(gone()) == []
    for one in HAZARDS:
        assert one.causes
        assert one.effect
        assert any(control.kind in ("design", "test") for control in one.controls)
        assert {c.kind for c in one.controls} <= {"design", "test", "training", "business"}


def test_the_printed_log_is_what_the_program_says() -> None:
    """Print it again after a change: `segue safety trace --page > docs/safety/hazards.md`."""
    assert (PAPERS / "hazards.md").read_text() == print_hazards() + "\n"


def test_a_test_that_is_gone_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(
        "def test_it() -> None: ...\n\nclass TestMore:\n    def test_that(self) -> None: ...\n"
    )
    control = (Control("design", "Something."),)

    def log(*tests: str) -> list[tuple[str, str]]:
        return list(gone((Hazard("H99", "It", "c", "e", control, tests),), tmp_path))

    assert log("test_one.py::test_it", "test_one.py::TestMore::test_that") == []
    assert log("test_one.py::test_it", "test_one.py::test_gone") == [
        ("H99", "test_one.py::test_gone is no test")
    ]
    assert log("test_two.py::test_it")[-1] == ("H99", "no test shows that it is controlled")
    assert log() == [("H99", "no test shows that it is controlled")]


@pytest.mark.parametrize("test", ["tests/house/test_hazards.py", "tests/nowhere.py::test_it", ""])
def test_what_names_no_test_is_not_taken_for_one(test: str) -> None:
    assert not lives(test)


@pytest.mark.parametrize("paper", ["plan.md", "case.md"])
def test_the_drafts_say_what_a_human_must_still_do(paper: str) -> None:
    text = (PAPERS / paper).read_text()
    assert "**Draft.**" in text
    assert "clinical safety officer" in text.lower()
    assert "Not done by this project" in text
