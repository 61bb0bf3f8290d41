"""What the database itself refuses, should the program ever be wrong."""

from __future__ import annotations

from typing import Any

import pytest

from referral import sequencer, tree
from referral.ids import new_id
from referral.states import STATES, Noun
from referral.store import Sql, Store, TryAgain
from tests import counting
from tests.databases import beyond
from tests.world import World, build

KEPT = {
    "step": "A step is never edited or removed.",
    "audit": "The audit log is never edited or removed.",
    "audit_index": "An entry's place in the tree never changes.",
    "move_table": "Past rules are never edited or removed.",
    "wording": "Words that were read out are never edited or removed.",
    "audit_node": "A hash of the tree never changes.",
    "audit_checkpoint": "A head that was signed is never edited or removed.",
    "audit_cosignature": "What a witness signed is never edited or removed.",
    "audit_check": "What a check came to is never edited or removed.",
}
A_COLUMN = {
    "step": "trigger",
    "audit": "leaf",
    "audit_index": "idx",
    "move_table": "body",
    "audit_node": "hash",
    "audit_checkpoint": "note",
    "audit_cosignature": "line",
    "audit_check": "found",
}


@pytest.fixture
def w(store: Store) -> World:
    made = build(store)
    with store.begin() as tx:
        tx.run(Sql("INSERT INTO audit_index (idx, seq) SELECT 0, min(seq) FROM audit"))
        tx.run(sequencer.NODE, level=1, number=0, hash=b"0")
        tx.run(sequencer.KEEP, size=1, origin="o", root=b"0", note="n", at=made.at)
        tree.keep_cosignature(tx, 1, "w", "l", made.at)
        tree.keep_check(tx, tree.Checked(made.at, 1, 1, 0, None))
    return made


def refused(w: World, sql: str, why: str, **values: Any) -> None:
    """The statement fails for this reason even for whoever runs the database, and fails for the
    program, which may not have been granted it at all; and nothing changes."""
    before = counting.rows(w.store)
    with beyond(w.store) as store, pytest.raises(Exception, match=why), store.begin() as tx:
        tx.run(Sql(sql), **values)
    reason = f"{why}|permission denied"
    with pytest.raises(Exception, match=reason), w.store.begin() as tx:
        tx.run(Sql(sql), **values)
    assert counting.rows(w.store) == before


# -- what is only ever added to -----------------------------------------------------------------


def test_rows_are_never_edited(w: World) -> None:
    for table, why in KEPT.items():
        column = A_COLUMN.get(table, "body")
        refused(w, f"UPDATE {table} SET {column} = {column}", why)


def test_rows_are_never_removed(w: World) -> None:
    for table, why in KEPT.items():
        refused(w, f"DELETE FROM {table}", why)


def test_tables_are_never_emptied_nor_a_row_put_in_another_s_place(w: World) -> None:
    for table, why in KEPT.items():
        if w.store.pg:
            refused(w, f"TRUNCATE {table} CASCADE", "never")
        else:
            refused(w, f"REPLACE INTO {table} SELECT * FROM {table}", why)


@pytest.mark.invariant("I31")
def test_an_entry_s_details_may_be_erased_and_never_edited(w: World) -> None:
    refused(w, "UPDATE audit_detail SET payload = '{}'", "Details may be erased, never edited.")
    with w.store.begin() as tx:
        assert tx.run(Sql("DELETE FROM audit_detail")) > 0


# -- a referral that was sent -------------------------------------------------------------------

OTHERS = {
    "person_id": lambda w: w.person(),
    "provider_id": lambda w: w.provider["clay"],
    "activity_id": lambda w: w.activity["pottery"],
    "organisation_id": lambda w: w.org["fenside"],
    "id": lambda w: new_id(w.at),
}


@pytest.mark.parametrize("now", ["sent", "returned"])
@pytest.mark.invariant("I23")
def test_a_referral_that_was_sent_keeps_its_ids(w: World, now: str) -> None:
    record = w.sent()
    if now == "returned":
        w.referral(record, "decline", "sol", given={"reason": "full"})
    for column, other in OTHERS.items():
        changed = f"UPDATE referral SET {column} = :value WHERE id = :record"
        why = "The ids of a referral that was sent never change"
        refused(w, changed, why, value=other(w), record=record)


def test_a_draft_may_still_be_for_somebody_else(w: World) -> None:
    record = w.draft()
    for column, other in OTHERS.items():
        value = other(w)
        changed = Sql(f"UPDATE referral SET {column} = :value WHERE id = :id")
        with w.store.begin() as tx:
            assert column == "id" or tx.run(changed, value=value, id=record) == 1


def test_the_link_worker_of_a_referral_that_was_sent_may_change(w: World) -> None:
    record = w.sent()
    new = {"link_worker_id": w.actor["sam"].membership_id}
    assert w.referral(record, "reassign", "tess", given=new).state == "sent"


# -- states and counts --------------------------------------------------------------------------


def test_a_state_outside_the_list_is_refused(w: World) -> None:
    one_of_each(w)
    for noun, states in STATES.items():
        another_s = "assured" if noun is Noun.REFERRAL else "sent"
        for word in ("", str(next(iter(states))).upper(), another_s):
            refused(w, f"UPDATE {noun} SET state = :word", f"ck_{noun}_state", word=word)


def one_of_each(w: World) -> None:
    person = w.person()
    w.rights(person)
    record = w.sent(person)
    w.override(w.person())
    w.emergency(w.person())
    about = {"person_id": person, "seen": "Bruises.", "danger": False}
    w.step(Noun.CONCERN, None, "raise", "gwen", given=about)
    about = {"kind": "no_reply", "about": "referral", "about_id": record, "note": "Help"}
    w.step(Noun.ESCALATION, None, "raise", "priya", given=about)


def test_every_state_on_the_list_is_known_to_the_database(w: World) -> None:
    # A new word in the list needs a migration: this notices.
    one_of_each(w)
    for noun, states in STATES.items():
        for word in states:
            with w.store.begin() as tx:
                assert tx.run(Sql(f"UPDATE {noun} SET state = :state"), state=str(word)) > 0


def test_fewer_than_no_places_are_never_taken(w: World) -> None:
    refused(w, "UPDATE activity_group SET taken = -1", "ck_activity_group_taken")


# -- one of a kind ------------------------------------------------------------------------------

WITH_A_PROVIDER = ("sent", "queried", "waiting", "accepted", "active", "paused")
OPEN = (*WITH_A_PROVIDER, "returned", "completed")
BESIDE = ("draft", "closed", "withdrawn", "redirected", "in_error")


CHANGED = Sql("UPDATE referral SET state = :s WHERE id = :id")


@pytest.mark.invariant("I24")
def test_one_referral_is_open_for_a_person_and_an_activity(w: World) -> None:
    person = w.person()
    w.sent(person)
    other = w.draft(person)
    for state in OPEN:
        with pytest.raises(TryAgain), w.store.begin() as tx:
            tx.run(CHANGED, s=state, id=other)


def test_drafts_and_ends_stand_beside_it(w: World) -> None:
    person = w.person()
    w.sent(person)
    other = w.draft(person)
    for state in BESIDE:
        with w.store.begin() as tx:
            assert tx.run(CHANGED, s=state, id=other) == 1


def test_another_activity_and_another_person_stand_beside_it(w: World) -> None:
    person = w.person()
    assert w.sent(person)
    assert w.sent(person, "pottery")
    assert w.sent()


@pytest.mark.parametrize("state", ["given", "asked"])
def test_one_answer_and_one_question_for_a_person_and_a_provider(w: World, state: str) -> None:
    person = w.person()
    for _ in range(2):
        w.consent(person)
        given = Sql("UPDATE consent SET state = 'withdrawn' WHERE person_id = :p")
        with w.store.begin() as tx:
            tx.run(given, p=person)
    again = Sql("UPDATE consent SET state = :s WHERE person_id = :p")
    with pytest.raises(TryAgain), w.store.begin() as tx:
        tx.run(again, s=state, p=person)
    with w.store.begin() as tx:
        assert tx.run(again, s="expired", p=person) == 2


@pytest.mark.invariant("I13")
def test_a_clock_raises_once_for_each_of_its_periods(w: World) -> None:
    record = w.sent()
    about = {"kind": "no_reply", "about": "referral", "about_id": record, "clock_id": 7}
    w.step(Noun.ESCALATION, None, "raise", w.system, given={**about, "clock_period": 1})
    with pytest.raises(TryAgain):
        w.step(Noun.ESCALATION, None, "raise", w.system, given={**about, "clock_period": 1})
    w.step(Noun.ESCALATION, None, "raise", w.system, given={**about, "clock_period": 2})


@pytest.mark.invariant("I14")
def test_a_version_of_a_record_has_one_step(w: World) -> None:
    w.sent()
    columns = "system_id, noun, record_id, version, trigger, to_state, at, role, table_version"
    refused(w, f"INSERT INTO step ({columns}) SELECT {columns} FROM step", "(?i)unique")
