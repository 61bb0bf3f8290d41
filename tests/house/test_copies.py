"""Nothing held about a person is forgotten in the copy they are given: every table and column is
declared, given or left out with its reason."""

from __future__ import annotations

from referral.copies import DECIDED, HELD, NOT_ABOUT_PEOPLE, NOT_GIVEN
from referral.erasures import BLANKS, REMOVED, tables_with_people
from referral.ledger import TABLES


def test_every_table_is_given_or_left_out_with_its_reason_or_about_nobody() -> None:
    said = [*HELD, *NOT_GIVEN, *NOT_ABOUT_PEOPLE]
    assert len(said) == len(set(said))
    assert set(TABLES) - set(said) == set()
    assert all(NOT_GIVEN.values())


def test_what_is_said_to_be_about_nobody_names_no_person() -> None:
    about = tables_with_people() | set(BLANKS) | set(REMOVED)
    assert about - set(HELD) - set(NOT_GIVEN) == set()


def test_every_column_of_what_is_given_is_given_or_left_out_with_its_reason() -> None:
    for table, held in HELD.items():
        said = [*held.given, *held.left]
        assert len(said) == len(set(said)), table
        assert set(said) == {column.name for column in TABLES[table].columns}, table
        assert all(held.left.values()), table
        assert held.part is None or held.part in DECIDED


def test_what_an_erasure_takes_is_in_the_copy_or_left_out_for_a_reason() -> None:
    """Words about a person that go with them are theirs to see first."""
    for table, blank in BLANKS.items():
        if table in NOT_GIVEN:
            continue
        for column in blank.gone:
            assert column in HELD[table].given or column in HELD[table].left, (table, column)
