"""How records move: the pages drawn from the tables the engine decides by."""

from __future__ import annotations

import re

import pytest

from referral.states import Noun
from referral.store import Store
from tests.web.client import sign_in
from tests.world import build
from web.machines import drawn_moves, lanes
from workflows.engine import TABLES


def rows_of(noun: Noun) -> list[str]:
    return ["", *map(str, TABLES[noun].states)]


@pytest.mark.parametrize("noun", list(TABLES))
def test_no_line_of_the_picture_runs_over_another(noun: Noun) -> None:
    found = lanes(rows_of(noun), enumerate(drawn_moves(TABLES[noun]), 1))
    for one in found:
        for other in found:
            if one.number < other.number and one.column == other.column:
                assert one.low > other.high or one.high < other.low


def test_every_change_of_state_is_in_the_picture_and_nothing_else() -> None:
    for noun, table in TABLES.items():
        rows = rows_of(noun)
        drawn = {
            (rows[source], rows[lane.target])
            for lane in lanes(rows, enumerate(drawn_moves(table), 1))
            for source in lane.sources
        }
        told = {
            (str(source) if source else "", str(move.to))
            for move in table.moves
            for source in move.sources
            if move.to is not None and move.to != source
        }
        assert drawn == told


def test_the_page_says_what_the_table_says(store: Store) -> None:
    ada = sign_in(build(store), "ada")
    page = ada.get("/workflows/referral")
    assert page.status == 200
    table = TABLES[Noun.REFERRAL]
    assert len(re.findall(r"<tr class=", page.text)) == len(table.states) + len(table.moves)
    assert "1 working day" in page.words or "working days" in page.words
    assert 'href="/policy/days/referral.draft"' in page.text
    assert 'role="img"' in page.text
    assert ada.get("/workflows").words.count("states,") == len(TABLES)
    assert ada.get("/workflows/nothing").status == 404
