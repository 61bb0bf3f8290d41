"""Records go when two people approved it, never by a date alone, and never while they are held."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from referral import keeping, retention
from referral.policy import SHIPPED
from referral.retention import Kept, RetentionClass
from referral.states import Noun
from referral.store import Sql, Store
from tests.winding import sweep
from tests.world import World, build
from web.edge import Edge
from web.worker import sweep_all
from workflows.engine import Refused
from workflows.keeping import (
    approve_destruction,
    end_legal_hold,
    keep_longer,
    list_due,
    place_legal_hold,
    propose_destruction,
)

YEAR = timedelta(days=366)


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def did(w: World, who: str, do: Any, *args: Any, **named: Any) -> Any:
    with w.store.begin(w.actor[who]) as tx:
        return do(tx, w.actor[who], w.at, *args, **named)


def one(w: World, text: str, **params: Any) -> Any:
    with w.store.read() as tx:
        return tx.row(Sql(text), **params)


def swept(w: World) -> None:
    """The worker's own look, until nothing is left to do."""
    sweep_all(Edge(w.store, clock=lambda: w.at))


def due(w: World, years: int = 3) -> tuple[str, str]:
    """Somebody of whom only a first contact is kept, years later, and their place on the list."""
    person = w.person()
    w.at += YEAR * years
    swept(w)
    row = one(w, "SELECT id FROM retention_review WHERE person_id = :id", id=person)
    assert row is not None
    return person, str(row[0])


def is_gone(w: World, person: str) -> bool:
    return one(w, "SELECT erased_at FROM person WHERE id = :id", id=person)[0] is not None


# -- by class -----------------------------------------------------------------------------------

LAST = datetime(2026, 5, 12, 9, tzinfo=UTC)
PLAIN = Kept(date(1951, 3, 15), LAST, LAST, False, False, False, False)


@pytest.mark.parametrize(
    ("kept", "name", "until"),
    [
        (PLAIN, "contact_only", date(2028, 5, 12)),
        (PLAIN._replace(sent=True), "case", date(2034, 5, 12)),
        (PLAIN._replace(safeguarding=True), "safeguarding", date(2034, 5, 12)),
        (PLAIN._replace(sent=True, complaint=True), "complaint", date(2036, 5, 12)),
        (PLAIN._replace(birth_date=date(2012, 6, 1)), "child", date(2037, 6, 1)),
        (PLAIN._replace(birth_date=date(2008, 6, 1)), "child", date(2034, 6, 1)),  # 17 at the end
        (PLAIN._replace(birth_date=date(2008, 2, 29)), "contact_only", date(2028, 5, 12)),
    ],
)
def test_each_class_is_kept_as_long_as_its_rule_says(kept: Kept, name: str, until: date) -> None:
    assert retention.keep_until(kept, SHIPPED) == (RetentionClass(name), until)


def test_what_falls_into_several_is_kept_the_longest() -> None:
    child = PLAIN._replace(birth_date=date(2020, 6, 1), sent=True, safeguarding=True)
    assert set(retention.classes(child)) == {"case", "child", "safeguarding"}
    assert retention.keep_until(child, SHIPPED)[0] is RetentionClass.CHILD


def test_the_log_outlasts_every_record(w: World) -> None:
    """An entry's leaf never goes: only its details, with the person."""
    person, review = due(w)
    before = one(w, "SELECT count(*) FROM audit")[0]
    did(w, "ingrid", propose_destruction, review)
    did(w, "amara", approve_destruction, review)
    swept(w)
    assert is_gone(w, person)
    assert one(w, "SELECT count(*) FROM audit")[0] > before


# -- the list -----------------------------------------------------------------------------------


def test_nothing_is_on_the_list_before_its_time(w: World) -> None:
    person = w.person()
    w.at += YEAR
    swept(w)
    found = one(w, "SELECT count(*) FROM retention_review WHERE person_id = :id", id=person)
    assert found[0] == 0


def test_whoever_has_something_open_is_not_on_the_list(w: World) -> None:
    person = w.person()
    about = {"person_id": person, "seen": "Bruises.", "danger": False}
    w.step(Noun.CONCERN, None, "raise", "priya", given=about)
    w.at += YEAR * 9
    with w.store.begin() as tx:
        list_due(tx, w.at)
    found = one(w, "SELECT count(*) FROM retention_review WHERE person_id = :id", id=person)
    assert found[0] == 0


def test_the_list_is_read_in_pieces_and_nobody_twice(w: World) -> None:
    people = {w.person() for _ in range(5)}
    w.at += YEAR * 3
    after, listed = keeping.FIRST, 0
    for _ in range(9):
        with w.store.begin() as tx:
            more, after = list_due(tx, w.at, after, 2)
        listed += more
        if not after:
            break
    assert listed >= len(people)
    with w.store.begin() as tx:
        assert list_due(tx, w.at) == (0, "")


# -- two people ---------------------------------------------------------------------------------


def test_nothing_goes_by_a_clock_alone(w: World) -> None:
    person, review = due(w)
    for _ in range(3):
        w.at += YEAR
        swept(w)
    assert not is_gone(w, person)
    did(w, "ingrid", propose_destruction, review)
    w.at += YEAR
    swept(w)
    assert not is_gone(w, person)
    with pytest.raises(Refused) as refused:
        did(w, "ingrid", approve_destruction, review)
    assert refused.value.codes == ("second_person_same",)
    did(w, "grace", approve_destruction, review)
    swept(w)
    assert is_gone(w, person)
    row = one(w, "SELECT ground, approved_by FROM erasure WHERE person_id = :id", id=person)
    assert (row[0], str(row[1])) == ("retention_over", w.actor["grace"].membership_id)
    done = one(w, "SELECT result FROM retention_review WHERE id = :id", id=review)
    assert done[0] == "erased"


def test_nobody_approves_what_nobody_proposed(w: World) -> None:
    _, review = due(w)
    with pytest.raises(Refused) as refused:
        did(w, "amara", approve_destruction, review)
    assert refused.value.codes == ("not_proposed",)
    with pytest.raises(Refused) as refused:
        did(w, "grace", propose_destruction, review)
    assert refused.value.codes == ("not_your_role",)


def test_what_is_kept_longer_comes_back_after_that_day(w: World) -> None:
    person, review = due(w)
    until = (w.at + YEAR).date()
    did(w, "ingrid", keep_longer, review, until=until, reason="inquiry")
    swept(w)
    text = "SELECT count(*) FROM retention_review WHERE person_id = :id AND done_at IS NULL"
    assert one(w, text, id=person)[0] == 0
    w.at += YEAR * 2
    swept(w)
    assert one(w, text, id=person)[0] == 1


def test_what_is_added_after_the_approval_stops_it(w: World) -> None:
    from workflows.people import write_note

    person, review = due(w)
    did(w, "ingrid", propose_destruction, review)
    did(w, "amara", approve_destruction, review)
    w.at += timedelta(hours=1)
    did(w, "priya", write_note, person, "She rang again.")
    swept(w)
    assert not is_gone(w, person)
    assert one(w, "SELECT decision FROM retention_review WHERE id = :id", id=review)[0] is None


# -- holds against destruction ------------------------------------------------------------------


def held(w: World, person: str) -> str:
    reference = one(w, "SELECT reference FROM person WHERE id = :id", id=person)[0]
    said = {"why": "The inquiry.", "review_on": (w.at + YEAR).date()}
    return str(did(w, "ingrid", place_legal_hold, reference=reference, **said))


def test_what_is_held_is_kept_whoever_approved(w: World) -> None:
    person, review = due(w)
    did(w, "ingrid", propose_destruction, review)
    did(w, "amara", approve_destruction, review)
    hold = held(w, person)
    swept(w)
    assert not is_gone(w, person)
    with pytest.raises(Refused) as refused:
        did(w, "ingrid", propose_destruction, review)
    assert refused.value.codes == ("still_kept",)
    did(w, "ingrid", end_legal_hold, hold)
    did(w, "ingrid", propose_destruction, review)
    did(w, "amara", approve_destruction, review)
    swept(w)
    assert is_gone(w, person)


def test_a_hold_stops_an_erasure_that_was_asked_for_too(w: World) -> None:
    person = w.person()
    record = w.rights(person, "erasure")
    w.step(Noun.RIGHTS, record, "check_identity", "ingrid", given={"identity_how": "documents"})
    w.step(Noun.RIGHTS, record, "start", "ingrid")
    held(w, person)
    with pytest.raises(Refused) as refused:
        w.step(
            Noun.RIGHTS, record, "erase", "ingrid",
            given={"ground": "unlawful", "told_how": "letter"},
        )  # fmt: skip
    assert refused.value.codes[0] == "not_kept"


def test_a_hold_needs_a_person_a_reason_and_a_day(w: World) -> None:
    said = {"reference": "SG-0000-00", "why": "A claim.", "review_on": (w.at + YEAR).date()}
    with pytest.raises(Refused) as refused:
        did(w, "ingrid", place_legal_hold, **said)
    assert refused.value.refusals[0].field == "reference"


def test_whoever_keeps_a_hold_hears_once_that_its_day_has_passed(w: World) -> None:
    held(w, w.person())
    ended = held(w, w.person())
    did(w, "ingrid", end_legal_hold, ended)
    on_the_day = w.at + YEAR
    said = [sweep(w, on_the_day + timedelta(days=n))["hold reminded"] for n in (0, 1, 2, 9)]
    assert said == [0, 1, 0, 0]
    with w.store.read() as tx:
        told = tx.rows(Sql("SELECT to_owner, noun FROM outbox WHERE what = 'hold_past'"))
        heard = tx.rows(Sql("SELECT count(*) FROM notice WHERE what = 'hold_past'"))
    assert told == [(f"member@{w.actor['ingrid'].membership_id}", "legal_hold")]
    assert heard == [(1,)]
