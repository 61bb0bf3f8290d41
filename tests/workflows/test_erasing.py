"""Erasing a person: what goes, what stays, and what stands in the way."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from referral import erasures
from referral.actors import Actor
from referral.ids import new_id
from referral.keys import key_of
from referral.ledger import TABLES
from referral.records import person
from referral.states import Noun
from referral.store import Sql, Store
from referral.verify import Report, verify
from tests.world import ASSESSED, World, build
from workflows.beginnings import begin_writing
from workflows.engine import Refused, step
from workflows.erasing import Erased, erase_again, erase_person, in_the_way
from workflows.people import write_note
from workflows.rules_for_verify import rules_for_verify

WORDS = "Sings like a wren when the tide is out"
KNOWN = {
    "given_name": "Zephyrine",
    "family_name": "Quillfeather",
    "birth_date": date(1949, 2, 3),
    "nhs_number": "9990000018",
    "no_nhs_number": None,
    "phone": "07700 900123",
    "email": "zephyrine@example.org",
    "address": "4 Lantern Row",
    "postcode": "LS1 4AP",
    "contact_times": "after four",
    "access_needs": f"A ramp. {WORDS}",
    "emergency_contact": f"Her nephew, 01632 960777. {WORDS}",
}
TRACES = (
    *("Zephyrine", "Quillfeather", "zephyrine", "quillfeather", "1949-02-03", "9990000018"),
    *("7700900123", "Lantern Row", "LS1 4AP", "after four", "01632 960777", WORDS),
)


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def zephyrine(w: World) -> str:
    """A person with something in every corner, and nothing open but an agreement."""
    p = w.person(**KNOWN)
    w.assessment(p, cause=WORDS)
    record = w.draft(p, safety_notes=WORDS)
    w.consent(p, present=WORDS)
    w.referral(record, "send", "priya", given={"shared": json.dumps({"what_matters": WORDS})})
    w.referral(record, "ask", "sol", given={"note": f"Is it so? {WORDS}"})
    w.referral(record, "answer", "priya", given={"note": WORDS})
    w.referral(record, "withdraw", "priya", given={"reason": "moved_away", "note": WORDS})
    concern(w, p)
    priya = w.actor["priya"]
    with w.store.begin(priya) as tx:
        write_note(tx, priya, w.at, p, WORDS)
        begin_writing(tx, priya, w.at, p, {"safety_notes": WORDS})
    return p


def concern(w: World, p: str) -> None:
    said = {"person_id": p, "seen": WORDS, "wishes": WORDS, "danger": False, "sources": []}
    raised = w.step(Noun.CONCERN, None, "raise", "priya", given=said)
    w.step(Noun.CONCERN, raised.id, "acknowledge", "gwen", given={"hold_stays": False})
    closed = {"reason": "no_further_action", "wishes_met": "fully", "feedback": WORDS}
    w.step(Noun.CONCERN, raised.id, "close", "gwen", given=closed)


def closed(w: World, noun: Noun, p: str) -> str:
    """A concern, or a complaint about a referral of theirs, that is over."""
    if noun is Noun.CONCERN:
        concern(w, p)
        with w.store.read() as tx:
            row = tx.row(Sql("SELECT id FROM concern WHERE person_id = :p"), p=p)
    else:
        record = w.draft(p)
        w.referral(record, "withdraw", "priya", given={"reason": "moved_away"})
        about = {"kind": "other", "note": WORDS, "about": "referral", "about_id": record}
        with w.store.begin(w.actor["priya"]) as tx:
            made = step(tx, Noun.ESCALATION, None, "raise", w.actor["priya"], w.at, about).id
        w.step(noun, made, "acknowledge", "tess")
        w.step(noun, made, "decide", "tess", given={"decision": "not_upheld", "note": WORDS})
        w.step(noun, made, "complete", "tess")
        return made
    assert row is not None
    return str(row[0])


def ingrid(w: World) -> Actor:
    return w.actor["ingrid"]


def erase(w: World, p: str, **more: Any) -> Erased:
    said = {"ground": "request", "approved_by": w.actor["amara"].membership_id, **more}
    with w.store.begin(ingrid(w)) as tx:
        return erase_person(tx, ingrid(w), p, at=w.at, **said)


def everything(w: World) -> str:
    """Every value of every row, as text, sealed words opened."""
    with w.store.read() as tx:

        def said(value: Any) -> str:
            sealed = isinstance(value, str) and key_of(value)
            return str(tx.ring.open(value) if sealed else value)

        return "\n".join(
            " ".join(map(said, row))
            for table in sorted(TABLES)
            for row in tx.rows(Sql(f"SELECT * FROM {table}"))
        )


def verified(w: World) -> Report:
    with w.store.snapshot() as tx:
        return verify(tx, rules_for_verify())


# -- the door -----------------------------------------------------------------------------------


def test_nothing_of_the_person_is_left_in_any_row(w: World) -> None:
    p = zephyrine(w)
    before = everything(w)
    assert not [trace for trace in TRACES if trace not in before]
    erase(w, p)
    after = everything(w)
    assert not [trace for trace in TRACES if trace in after]


@pytest.mark.invariant("I31")
def test_states_versions_steps_and_leaves_stay_and_the_log_is_whole(w: World) -> None:
    p = zephyrine(w)
    kept = (
        "SELECT id, state, version, since FROM referral ORDER BY id",
        "SELECT id, state, version, since FROM concern ORDER BY id",
        "SELECT * FROM step WHERE noun <> 'consent' ORDER BY id",
        "SELECT seq, leaf, leaf_hash FROM audit ORDER BY seq",
    )
    with w.store.read() as tx:
        before = [tx.rows(Sql(query)) for query in kept]
    made = erase(w, p)
    with w.store.read() as tx:
        after = [tx.rows(Sql(query)) for query in kept]
    assert after[:3] == before[:3]
    assert after[3][: len(before[3])] == before[3]
    found = verified(w)
    assert (found.whole, found.findings) == (True, [])
    assert found.erased == made.entries > 10


def test_the_entry_says_which_entries_on_which_ground_and_who_approved(w: World) -> None:
    p = zephyrine(w)
    made = erase(w, p, ground="request")
    with w.store.read() as tx:
        rows = tx.rows(Sql("SELECT leaf FROM audit WHERE action = 'erased'"))
        gone = tx.rows(
            Sql(
                "SELECT a.entry_id FROM audit a LEFT JOIN audit_detail d ON d.entry_id = a.entry_id"
                " WHERE d.entry_id IS NULL"
            )
        )
    (leaf,) = (json.loads(row[0]) for row in rows)
    assert sorted(leaf["erased"]) == sorted(str(row[0]) for row in gone)
    assert (leaf["ground"], leaf["approved_by"]) == ("request", w.actor["amara"].membership_id)
    assert leaf["erasure"] == made.id
    assert leaf["member"] == ingrid(w).membership_id


def test_their_surrogate_leads_nowhere(w: World) -> None:
    p = zephyrine(w)
    subject = Sql("SELECT subject_ref FROM person WHERE id = :id")
    with w.store.read() as tx:
        (before,) = tx.row(subject, id=p) or ()
    erase(w, p)
    with w.store.read() as tx:
        (after,) = tx.row(subject, id=p) or ()
        said = tx.rows(Sql("SELECT leaf FROM audit"))
    assert after != before
    assert not any(after in row[0] for row in said)


def test_other_people_keep_everything(w: World) -> None:
    other = w.person(given_name="Otherone", nhs_number="9990000026", no_nhs_number=None)
    w.sent(other, safety_notes="The other's own words")
    p = zephyrine(w)
    with w.store.read() as tx:
        count = tx.row(Sql("SELECT count(*) FROM note")) or (0,)
    erase(w, p)
    assert "The other's own words" in everything(w)
    with w.store.read() as tx:
        seen = person(tx, w.actor["priya"], w.at, other)
        assert tx.row(Sql("SELECT count(*) FROM note")) == count
    assert seen is not None
    assert seen.given_name == "Otherone"


def test_records_that_were_joined_go_together(w: World) -> None:
    p, other = zephyrine(w), w.person(given_name="Zephyrina", family_name="Quillfeather")
    with w.store.begin() as tx:
        tx.run(Sql("UPDATE person SET merged_into = :p WHERE id = :o"), p=p, o=other)
    made = erase(w, other)
    assert made.person_id == p
    assert sorted(made.people) == sorted([p, other])
    assert "Zephyrina" not in everything(w)


def test_what_waits_to_be_sent_about_them_is_taken_back(w: World) -> None:
    p = zephyrine(w)
    waiting = "SELECT count(*) FROM outbox WHERE sent_at IS NULL AND record_id IN"
    mine = Sql(f"{waiting} (SELECT id FROM referral WHERE person_id = :p)")
    with w.store.read() as tx:
        assert (tx.row(mine, p=p) or (0,))[0] > 0
    erase(w, p)
    with w.store.read() as tx:
        assert tx.row(mine, p=p) == (0,)


# -- what stands in the way ---------------------------------------------------------------------


def refused(w: World, p: str, *codes: str, **more: Any) -> None:
    before = everything(w)
    with pytest.raises(Refused) as stopped:
        erase(w, p, **more)
    assert stopped.value.codes == codes
    assert everything(w) == before


def test_an_open_referral_stands_in_the_way(w: World) -> None:
    p = w.person()
    record = w.sent(p)
    refused(w, p, "referral_open")
    with w.store.read() as tx:
        assert [r.code for r in in_the_way(tx, p)] == ["referral_open"]
    w.referral(record, "withdraw", "priya", given={"reason": "moved_away"})
    erase(w, p)


def test_an_open_concern_and_its_hold_stand_in_the_way(w: World) -> None:
    p = w.person()
    said = {"person_id": p, "seen": "A bruise", "danger": False, "sources": []}
    w.step(Noun.CONCERN, None, "raise", "priya", given=said)
    refused(w, p, "concern_open", "held")


def test_an_open_override_stands_in_the_way(w: World) -> None:
    p = w.person()
    w.override(p)
    refused(w, p, "override_open")


def test_an_open_review_about_them_stands_in_the_way(w: World) -> None:
    p = w.person()
    record = w.sent(p)
    said = {"kind": "no_reply", "note": "Nobody answers.", "about": "referral", "about_id": record}
    w.step(Noun.ESCALATION, None, "raise", "priya", given=said)
    w.referral(record, "withdraw", "priya", given={"reason": "moved_away"})
    refused(w, p, "escalation_open")


def test_an_agreement_in_force_ends_first(w: World) -> None:
    p = w.person()
    given = w.consent(p)
    erase(w, p)
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT state FROM consent WHERE id = :id"), id=given.id)
    assert row == ("withdrawn",)
    assert verified(w).whole


def test_nobody_is_erased_twice_nor_by_words(w: World) -> None:
    p = w.person()
    refused(w, p, "wrong_ground", ground="She asked us to, on the phone")
    refused(w, p, "wrong_approved_by", approved_by=new_id())
    refused(w, new_id(), "not_found")
    erase(w, p)
    refused(w, p, "already_erased")


def test_only_the_information_governance_lead_erases_and_only_where_they_answer(w: World) -> None:
    p = w.person()
    for who in ("priya", "tess", "grace", "ada", "sol"):
        actor = w.actor[who]
        with pytest.raises(Refused) as stopped, w.store.begin(actor) as tx:
            erase_person(tx, actor, p, ground="request", approved_by=actor.membership_id, at=w.at)
        assert stopped.value.codes == ("not_your_role",)


# -- once more, after a restore -----------------------------------------------------------------


def test_an_erasure_is_played_again_whatever_is_open(w: World) -> None:
    p = w.person(**KNOWN)
    w.sent(p, safety_notes=WORDS)
    line = erasures.Line(
        new_id(w.at), w.system_id, p, w.at, "request", w.actor["amara"].membership_id
    )
    with w.store.begin() as tx:
        made = erase_again(tx, line, w.at)
    assert made is not None
    assert not [trace for trace in TRACES if trace in everything(w)]
    assert verified(w).whole
    with w.store.begin() as tx:
        assert erase_again(tx, line, w.at) is None
        assert erasures.lines(tx) == [line]


# -- nothing is forgotten -----------------------------------------------------------------------


def test_every_table_that_names_people_says_what_goes() -> None:
    """A new table with a person's records goes into BLANKS, REMOVED or LEFT; a new column of one
    that is blanked is either gone or kept."""
    said = {*erasures.BLANKS, *erasures.REMOVED, *erasures.LEFT}
    assert erasures.tables_with_people() <= said
    assert said <= set(TABLES)
    for table, how in erasures.BLANKS.items():
        assert {c.name for c in TABLES[table].columns} == {*how.gone, *how.kept}, table
        assert not how.kept & set(how.gone), table


def test_assessments_lose_every_word(w: World) -> None:
    assert {"decision", "assessor", "help", "cause", "interests", "consulted"} <= {
        *ASSESSED,
        *erasures.BLANKS["capacity_assessment"].gone,
    }


@pytest.mark.invariant("I20")
def test_an_ended_referral_of_somebody_erased_is_not_taken_up_again(w: World) -> None:
    gone = zephyrine(w)
    erase(w, gone)
    stays = w.person()
    w.referral(w.draft(stays), "withdraw", "priya", given={"reason": "moved_away"})
    reason = {"reason": "person_asked"}
    with w.store.read() as tx:
        ended = dict(tx.rows(Sql("SELECT CAST(person_id AS text), CAST(id AS text) FROM referral")))
    with pytest.raises(Refused) as refused:
        w.referral(ended[gone], "reopen", "priya", given=reason)
    assert refused.value.codes == ("not_erased",)
    assert w.referral(ended[stays], "reopen", "priya", given=reason).state == "returned"


@pytest.mark.parametrize("noun", [Noun.CONCERN, Noun.ESCALATION])
def test_what_was_closed_about_somebody_erased_is_not_taken_up_again(w: World, noun: Noun) -> None:
    people = [w.person(), w.person()]
    made = [closed(w, noun, one) for one in people]
    erase(w, people[0])
    who, reason = ("gwen", "new_information") if noun is Noun.CONCERN else ("priya", "disagree")
    with pytest.raises(Refused) as refused:
        w.step(noun, made[0], "reopen", who, given={"reason": reason})
    assert refused.value.codes == ("not_erased",)
    assert w.step(noun, made[1], "reopen", who, given={"reason": reason}).state != "closed"
