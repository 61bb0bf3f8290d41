"""A concern is never hidden, moved or ended by what happens to a referral, and closing waits."""

from __future__ import annotations

import pytest

from referral.states import Noun, Role
from referral.store import Sql, Store
from tests.world import World, build
from workflows.engine import Refused, available

STANDS = Sql("SELECT state, holder, version FROM concern WHERE id = :id")
RUNS = Sql("SELECT count(*) FROM clock WHERE record_id = :id AND ended IS NULL")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def concern(w: World, person: str, danger: bool = True) -> str:
    given = {"person_id": person, "seen": "Bruises on both arms.", "danger": danger, "sources": []}
    return w.step(Noun.CONCERN, None, "raise", "priya", given=given).id


def person_of(w: World, record: str) -> str:
    with w.store.read() as tx:
        return str(tx.rows(Sql("SELECT person_id FROM referral WHERE id = :id"), id=record)[0][0])


@pytest.mark.invariant("I07")
@pytest.mark.parametrize(
    ("made", "who", "trigger", "given"),
    [
        ("sent", "sol", "decline", {"reason": "full"}),
        ("sent", "priya", "recall", {"reason": "other"}),
        ("active", "priya", "withdraw", {"reason": "person_asked"}),
        ("active", "sol", "give_back", {"reason": "other"}),
    ],
)
def test_a_concern_outlasts_whatever_happens_to_the_referral(
    w: World, made: str, who: str, trigger: str, given: dict[str, str]
) -> None:
    record = getattr(w, made)()
    found = concern(w, person_of(w, record))
    with w.store.read() as tx:
        before = tx.row(STANDS, id=found)
    w.referral(record, trigger, who, given=given)
    with w.store.read() as tx:
        assert tx.row(STANDS, id=found) == before
        assert tx.rows(RUNS, id=found)[0][0] == 1
    gwen = w.actor["gwen"]
    assert gwen.role is Role.SAFEGUARDING_LEAD
    with w.store.read(gwen) as tx:
        assert "acknowledge" in {
            o.trigger for o in available(tx, Noun.CONCERN, found, gwen, w.at) if o.allowed
        }


@pytest.mark.invariant("I08")
def test_nothing_is_closed_while_a_concern_holds(w: World) -> None:
    finished = w.completed()
    returned = w.sent()
    w.referral(returned, "decline", "sol", given={"reason": "full"})
    for record, trigger, given in (
        (finished, "confirm", {}),
        (returned, "close_unmet", {"reason": "no_provider"}),
    ):
        held = concern(w, person_of(w, record))
        with pytest.raises(Refused) as refused:
            w.referral(record, trigger, "priya", given=given)
        assert refused.value.codes == ("not_held",)
        w.step(Noun.CONCERN, held, "acknowledge", "gwen", given={"hold_stays": False})
        assert w.referral(record, trigger, "priya", given=given).state == "closed"
