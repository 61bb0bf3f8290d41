"""The lists say in SQL what the tables say of one record: for every member of the world."""

from __future__ import annotations

from typing import Any

import pytest

from referral import facts, lists
from referral.states import Noun
from referral.store import Sql, Store
from tests.world import World, build
from workflows.engine import TABLES

NOUNS = [
    Noun.REFERRAL,
    Noun.CONSENT,
    Noun.OVERRIDE,
    Noun.AGREEMENT,
    Noun.CONCERN,
    Noun.ESCALATION,
    Noun.EMERGENCY,
]


def answers_to(world: World, table: str, column: str, record: str) -> str:
    """A member who answers to the owner key of a record."""
    with world.store.read() as tx:
        row = tx.row(Sql(f"SELECT {column} FROM {table} WHERE id = :id"), id=record)
    assert row is not None
    return next(name for name, actor in world.actor.items() if row[0] in actor.keys)


@pytest.fixture
def w(store: Store) -> World:
    """Records of every noun, in both places, with somebody named here and there."""
    world = build(store)
    ours, named = world.person(), world.person()
    theirs = world.person("olu")
    world.draft(ours)
    sent = world.sent(named)
    world.active(world.person(), "pottery")
    world.consent(theirs, who="olu")
    gone = world.sent(world.person(), "pottery")
    world.referral(gone, "mark_in_error", "priya", given={"reason": "wrong_person"},
                   second=world.actor["tess"])  # fmt: skip

    world.override(ours, by=None)
    world.override(ours, who="gwen", by="paul")
    world.override(theirs, who="olu", by="seth")
    world.override(named, who="sam")

    world.emergency(named)
    world.emergency(ours)
    world.emergency(theirs, "sam")

    def concern(who: str, **about: Any) -> str:
        seen = {"seen": "Bruises.", "danger": False, "sources": [], **about}
        return world.step(Noun.CONCERN, None, "raise", who, given=seen).id

    concern("priya", person_id=ours)
    concern("olu", person_id=theirs)
    concern("sam", person_id=named, sources=[{"user_id": world.actor["priya"].user_id}])
    concern("tess", person_id=named, sources=[{"organisation_id": world.org["singers"]}])
    concern("priya", person_id=ours, sources=[{"user_id": world.actor["paul"].user_id}])
    climbed = concern("priya", person_id=ours)
    world.step(Noun.CONCERN, climbed, "climb", "gwen")
    handed = concern("cora", person_id=None, provider_id=world.provider["clay"])
    holder = {"holder": f"member@{world.actor['amara'].membership_id}"}
    world.step(
        Noun.CONCERN,
        handed,
        "hand_over",
        answers_to(world, "concern", "holder", handed),
        given=holder,
    )

    def escalation(who: str, record: str | None, **more: Any) -> str:
        given = {"kind": "disagreement", "note": "Help", **more}
        if record is not None:
            given |= {"about": "referral", "about_id": record}
        return world.step(Noun.ESCALATION, None, "raise", who, given=given).id

    escalation("priya", sent)
    escalation("olu", None)
    asked = escalation("sol", sent)
    owner = answers_to(world, "escalation", "owner", asked)
    world.step(Noun.ESCALATION, asked, "acknowledge", owner)
    key = f"member@{world.actor['sam'].membership_id}"
    world.step(
        Noun.ESCALATION, asked, "ask", owner, given={"note": "What was tried?", "asked": key}
    )
    return world


@pytest.mark.parametrize("noun", NOUNS)
def test_a_list_has_exactly_what_the_table_lets_somebody_at(w: World, noun: Noun) -> None:
    found = 0
    with w.store.read() as tx:
        ids = [row[0] for row in tx.rows(Sql(f"SELECT id FROM {noun}"))]
        for name, actor in w.actor.items():
            listed = {row["id"] for row in lists.page(tx, noun, actor, w.at, most=1000)}
            mine = set()
            for record in ids:
                f = facts.LOADERS[noun](tx, record, actor, w.at)
                if f is not None and TABLES[noun].hats(f, actor):
                    mine.add(record)
                one = lists.one(tx, noun, actor, w.at, record)
                assert (one is not None) == (record in listed), (name, record)
            assert listed == mine, name
            found += len(listed)
    assert ids
    assert found
