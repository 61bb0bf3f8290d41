"""What a lead does for a request: a copy of everything, putting it right with both kept, stopping
the use of a record."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from referral import facts
from referral.copies import SAFETY, Copy
from referral.states import Noun
from referral.store import Sql, Store
from tests.world import START, World, build
from web.copy_words import as_json
from workflows.engine import Refused
from workflows.people import write_note
from workflows.rights_doing import (
    black_out_of_copy,
    copy_of_everything,
    decide_part,
    give_again_in_copy,
    lift_restriction,
    put_right,
    restrict,
)


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def begun(w: World, person: str, kind: str) -> str:
    record = w.rights(person, kind)
    for trigger, given in (("check_identity", {"identity_how": "documents"}), ("start", {})):
        w.step(Noun.RIGHTS, record, trigger, "ingrid", given=given)
    return record


def did(w: World, who: str, do: Any, *args: Any, **named: Any) -> Any:
    with w.store.begin(w.actor[who]) as tx:
        return do(tx, w.actor[who], w.at, *args, **named)


def decided(w: World, record: str, who: str = "ingrid", **parts: str) -> None:
    for part, answer in parts.items():
        said = {"give": answer == "give", "reason": answer}
        did(w, who, decide_part, record, part=part, **said)


def told(made: Copy) -> str:
    return json.dumps(as_json(made, "SG", START), default=str)


# -- a copy of everything -----------------------------------------------------------------------


def lived(w: World) -> str:
    """Somebody with a referral, a note and a concern."""
    person = w.person()
    w.consent(person)
    w.sent(person)
    did(w, "priya", write_note, person, "She paints birds.")
    about = {"person_id": person, "seen": "Bruises on her arm.", "danger": False}
    w.step(Noun.CONCERN, None, "raise", "priya", given=about)
    return person


def test_a_copy_waits_until_it_is_decided_what_may_be_given(w: World) -> None:
    record = begun(w, lived(w), "access")
    with pytest.raises(Refused) as refused:
        did(w, "ingrid", copy_of_everything, record)
    assert refused.value.codes == ("undecided",)
    decided(w, record, notes="give", reviews="give")
    assert did(w, "ingrid", copy_of_everything, record).sections


def test_everything_is_in_it_in_words_and_what_is_left_out_is_said(w: World) -> None:
    record = begun(w, lived(w), "access")
    decided(w, record, notes="give", reviews="about_others")
    made = did(w, "ingrid", copy_of_everything, record)
    words = told(made)
    tables = {section.table for section in made.sections}
    assert {"person", "referral", "consent", "plan", "note", "rights_request"} <= tables
    assert "She paints birds." in words
    assert "Riverside Singers" in words
    assert made.left_out["reviews"] == "about_others"
    assert '"0:' not in words  # nothing is told as it is stored
    decided(w, record, notes="serious_harm")
    assert "She paints birds." not in told(did(w, "ingrid", copy_of_everything, record))


def test_what_touches_on_safety_is_for_the_safeguarding_ladder_alone(w: World) -> None:
    record = begun(w, lived(w), "access")
    with pytest.raises(Refused) as refused:
        decided(w, record, safety="give")
    assert refused.value.codes == ("safety_elsewhere",)
    decided(w, record, notes="give", reviews="give")
    calm = begun(w, w.person(), "access")
    decided(w, calm, notes="give", reviews="give")
    made, other = (did(w, "ingrid", copy_of_everything, r) for r in (record, calm))
    assert "Bruises" not in told(made)
    # The same sentence whether or not there is any.
    assert made.left_out[SAFETY] == other.left_out[SAFETY] == "elsewhere"
    decided(w, record, "amara", notes="give", reviews="give", safety="give")
    assert "Bruises" in told(did(w, "amara", copy_of_everything, record))


def test_a_passage_is_blacked_out_of_the_copy_and_of_nothing_else(w: World) -> None:
    person = w.person()
    record = begun(w, person, "access")
    decided(w, record, notes="give", reviews="give")
    did(w, "priya", write_note, person, "She paints birds. Her brother drinks, she says.")
    said = {"words": "Her brother drinks", "ground": "about_others"}
    made = did(w, "ingrid", black_out_of_copy, record, **said)
    text = told(did(w, "ingrid", copy_of_everything, record))
    assert "She paints birds. [blacked out: about somebody else], she says." in text
    assert "brother" not in text
    with w.store.read() as tx:
        assert "brother" in str(tx.rows(Sql("SELECT body FROM note", sealed=(0,))))
    with pytest.raises(Refused):
        did(w, "ingrid", black_out_of_copy, record, words="He drinks", ground="about_others")
    for who in ("priya", "grace"):
        with pytest.raises(Refused):
            did(w, who, black_out_of_copy, record, **said)
    did(w, "ingrid", give_again_in_copy, record, made)
    assert "brother" in told(did(w, "ingrid", copy_of_everything, record))
    with pytest.raises(Refused):
        did(w, "ingrid", give_again_in_copy, record, made)


def test_nobody_else_makes_a_copy_and_none_after_it_ended(w: World) -> None:
    record = begun(w, lived(w), "access")
    decided(w, record, notes="give", reviews="give")
    for who, code in (("grace", "not_your_role"), ("sol", "not_found"), ("sam", "not_found")):
        with pytest.raises(Refused) as refused:
            did(w, who, copy_of_everything, record)
        assert refused.value.codes == (code,)
    given = {"note": "Given.", "told_how": "letter"}
    w.step(Noun.RIGHTS, record, "fulfil", "ingrid", given=given)
    with pytest.raises(Refused):
        did(w, "ingrid", copy_of_everything, record)


# -- putting it right ---------------------------------------------------------------------------


def one(w: World, text: str, record: str) -> Any:
    with w.store.read() as tx:
        return tx.row(Sql(text), id=record)


def test_what_is_put_right_keeps_both_and_tells_who_has_it(w: World) -> None:
    person = w.person()
    w.consent(person)
    w.sent(person)
    record = begun(w, person, "rectification")
    before = one(w, "SELECT phone FROM person WHERE id = :id", person)[0]
    did(w, "ingrid", put_right, record, name="phone", now="07700 900999", why="She rang from it.")
    assert one(w, "SELECT phone FROM person WHERE id = :id", person)[0] != before
    kept = one(w, "SELECT field, was, now FROM correction WHERE person_id = :id", person)
    assert kept[0] == "phone"
    with w.store.read() as tx:
        assert str(before) in str(tx.ring.open(kept[1]))
    heard = one(
        w,
        "SELECT count(*) FROM outbox o JOIN referral r ON r.id = o.record_id"
        " WHERE r.person_id = :id AND o.what = 'details_corrected'",
        person,
    )
    assert heard[0] == 1


def test_a_statement_stands_beside_and_changes_nothing(w: World) -> None:
    person = w.person()
    record = begun(w, person, "rectification")
    before = one(w, "SELECT version, phone FROM person WHERE id = :id", person)
    said = {"name": "statement", "now": "I never said that.", "why": "She asks for it."}
    did(w, "ingrid", put_right, record, **said)
    assert one(w, "SELECT version, phone FROM person WHERE id = :id", person) == before


def test_what_is_no_phone_number_is_not_put_right(w: World) -> None:
    record = begun(w, w.person(), "rectification")
    with pytest.raises(Refused) as refused:
        did(w, "ingrid", put_right, record, name="phone", now="a lot", why="So.")
    assert refused.value.refusals[0].field == "phone"


# -- stopping its use ---------------------------------------------------------------------------


def test_a_stopped_record_is_closed_to_both_sides_until_a_lead_lifts_it(w: World) -> None:
    person = w.person()
    w.consent(person)
    referral = w.sent(person)
    record = begun(w, person, "restriction")
    until = w.at.date() + timedelta(days=20)
    did(w, "ingrid", restrict, record, until)
    for who in ("priya", "sol"):
        assert closed(w, referral, who)
    assert not closed(w, referral, "tess")
    with pytest.raises(Refused) as refused:
        w.referral(referral, "accept", "sol")
    assert refused.value.codes == ("not_held",)
    with pytest.raises(Refused):
        did(w, "ingrid", restrict, record, until)
    assert did(w, "ingrid", lift_restriction, record) == 2
    assert not closed(w, referral, "sol")


def closed(w: World, referral: str, who: str) -> bool:
    with w.store.read() as tx:
        f = facts.referral(tx, referral, w.actor[who], w.at)
    return f is not None and bool(f.closed_to_actor)


def test_a_team_lead_does_not_lift_what_the_law_stopped(w: World) -> None:
    from workflows.holds import holds_on

    person = w.person()
    w.consent(person)
    referral = w.sent(person)
    did(w, "ingrid", restrict, begun(w, person, "objection"), w.at.date() + timedelta(days=9))
    with w.store.read() as tx:
        f = facts.referral(tx, referral, w.actor["tess"], w.at)
        assert holds_on(tx, w.actor["tess"], f) == []
