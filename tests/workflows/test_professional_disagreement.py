"""A disagreement between professionals goes by stages, each with its own time."""

from __future__ import annotations

from typing import Any

import pytest

from referral.states import Noun
from referral.store import Sql, Store
from tests.world import World, build
from workflows.engine import Refused
from workflows.escalations import raise_escalation
from workflows.working_time import ENGLAND, add

CLOCK = Sql("SELECT due FROM clock WHERE record_id = :id AND ended IS NULL", times=(0,))
LEVEL = Sql("SELECT level, ceiling, owner FROM escalation WHERE id = :id")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def raised(w: World, **more: Any) -> str:
    values = {"kind": "professional_disagreement", "note": "She can't be moved.",
              "tried": ["discussed"], **more}  # fmt: skip
    with w.store.begin(w.actor["priya"]) as tx:
        return raise_escalation(tx, w.actor["priya"], w.at, values).id


def due(w: World, record: str) -> Any:
    with w.store.read() as tx:
        return tx.rows(CLOCK, id=record)[0][0]


def level(w: World, record: str) -> tuple[Any, ...]:
    with w.store.read() as tx:
        return tx.rows(LEVEL, id=record)[0]


def test_stage_one_is_the_two_of_them_first(w: World) -> None:
    with pytest.raises(Refused) as refused:
        raised(w, tried=["rang"])
    assert refused.value.codes == ("wrong_tried",)
    assert level(w, raised(w))[:2] == (1, 3)


def test_what_cant_wait_starts_a_stage_higher(w: World) -> None:
    assert level(w, raised(w, tried=[], severity="high"))[:2] == (2, 3)


def test_each_stage_has_its_own_time(w: World) -> None:
    record = raised(w)
    for who, days in (("tess", 2), ("grace", 5), ("gail", 10)):
        assert due(w, record) == add(w.at, 1, ENGLAND)
        w.step(Noun.ESCALATION, record, "acknowledge", who)
        assert due(w, record) == add(w.at, days, ENGLAND)
        if who != "gail":
            w.step(Noun.ESCALATION, record, "climb", w.system)
    with pytest.raises(Refused) as refused:
        w.step(Noun.ESCALATION, record, "climb", "gail", given={"reason": "needs_higher"})
    assert refused.value.codes == ("below_ceiling",)


def test_other_matters_keep_theirs(w: World) -> None:
    record = raised(w, kind="disagreement")
    assert due(w, record) == add(w.at, 2, ENGLAND)
    w.step(Noun.ESCALATION, record, "acknowledge", "tess")
    assert due(w, record) == add(w.at, 5, ENGLAND)
