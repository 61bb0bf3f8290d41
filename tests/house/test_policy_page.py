"""The page of policy is what the guards and the shipped rules say today."""

import re
from pathlib import Path

from referral.policy import DAYS, FIXED, shipped
from web.policy_printing import FIXED_WORDS, print_policy
from web.policy_words import KINDS, name_words
from workflows.engine import TABLES
from workflows.policy import CHECKS, bounds, checked

PAGE = Path(__file__).parents[2] / "docs" / "policy.md"


def test_the_page_is_what_the_program_says() -> None:
    """Print it again after a change: `segue policy print > docs/policy.md`."""
    assert PAGE.read_text() == print_policy() + "\n"


def test_every_guard_is_there_with_its_sentence_and_its_source() -> None:
    page = print_policy()
    for table in TABLES.values():
        for guard in {g for m in table.moves for g in m.guards}:
            assert guard.refusal.why in page
            assert guard.refusal.source, f"{guard.name} doesn't say where its rule comes from"
            # People read it: no number of an invariant that stands in another paper.
            assert not re.search(r"\bI\d\d\b", guard.refusal.source), guard.refusal.source
            assert guard.refusal.source.replace("|", "\\|") in page


def test_every_rule_that_ships_could_be_made_by_a_place_too() -> None:
    examples = shipped()
    assert set(examples) == set(KINDS) == set(CHECKS)
    for kind, found in examples.items():
        for name, value in found.items():
            assert checked(kind, name, value) == value, f"{kind} {name}"
            assert (bounds(kind, name) is None) == (kind in ("reasons", "evidence", "blocks"))


def test_each_rule_has_words_of_its_own() -> None:
    for kind, found in shipped().items():
        words = [name_words(kind, name) for name in found]
        assert len(set(words)) == len(words), f"two rules of {kind} are called the same"
        assert not [w for w in words if "." in w or "_" in w]
    assert set(FIXED_WORDS) == FIXED
    assert set(DAYS) >= FIXED
