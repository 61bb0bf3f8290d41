"""Somebody is named as a source of harm while a concern is open: from that moment they, and where
it is named their organisation, neither see nor act; what was theirs goes to others; their links
are dead; and whoever was named by mistake is taken out again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from referral import facts, links, records, visible
from referral.actors import Actor
from referral.ids import new_id
from referral.states import Noun
from referral.store import Sql, Store
from referral.verify import verify
from tests.world import World, build
from workflows import provider_links
from workflows.concerns import raise_concern
from workflows.engine import Refused
from workflows.hearing import may_hear
from workflows.rules_for_verify import rules_for_verify

ENDING = {"wishes_met": "fully", "reason": "advice", "feedback": "Done."}


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def raised(w: World, person: str, who: str = "sam", **more: Any) -> str:
    """A concern that names nobody, read, with its hold lifted."""
    given = {"person_id": person, "seen": "Bruises.", "danger": False, **more}
    made = w.made(w.actor[who], lambda tx: raise_concern(tx, w.actor[who], w.at, given)).id
    w.step(Noun.CONCERN, made, "acknowledge", "gwen", given={"hold_stays": False})
    return made


def name(w: World, concern: str, who: str = "gwen", **source: str) -> Any:
    given = {"sources": [source], "note": "She told me who it was."}
    return w.step(Noun.CONCERN, concern, "name_source", who, given=given)


def user(w: World, who: str) -> str:
    return str(w.actor[who].user_id)


def strike(w: World, concern: str, who: str = "gwen") -> Any:
    with w.store.read() as tx:
        (source,) = records.sources(tx, concern)
    given = {"source_id": source.id, "note": "It was somebody of the same name."}
    return w.step(Noun.CONCERN, concern, "strike_source", who, given=given)


def refused(w: World, *asked: Any, **more: Any) -> tuple[str, ...]:
    with pytest.raises(Refused) as found:
        w.step(*asked, **more)
    return found.value.codes


def person_of(w: World, referral: str) -> str:
    return str(one(w, "SELECT person_id FROM referral WHERE id = :id", referral)[0])


def one(w: World, text: str, record: str) -> Any:
    with w.store.read() as tx:
        return tx.row(Sql(text), id=record)


def seen(w: World, who: str, record: str) -> facts.ReferralFacts:
    with w.store.read(w.actor[who]) as tx:
        found = facts.referral(tx, record, w.actor[who], w.at)
    assert found is not None
    return found


def listed(w: World, who: str) -> set[str]:
    """The records on somebody's list of what is theirs to do."""
    actor = w.actor[who]
    with w.store.read(actor) as tx:
        keys = visible.work_keys(tx, actor, w.at)
        rows, _ = visible.worklist(tx, actor, w.at, w.at, keys)
    return {row.record_id for row in rows}


@pytest.mark.invariant("I39")
def test_a_link_worker_named_later_neither_sees_nor_acts_and_their_lead_stands_in(
    w: World,
) -> None:
    record, other = w.completed(), w.completed()
    concern = raised(w, person_of(w, record))
    assert {record, other} <= listed(w, "priya")
    assert not {record, other} & listed(w, "tess")
    assert not seen(w, "priya", record).closed_to_actor
    name(w, concern, user_id=user(w, "priya"))
    assert seen(w, "priya", record).closed_to_actor
    assert refused(w, Noun.REFERRAL, record, "confirm", "priya") == ("not_held",)
    assert record in listed(w, "tess")
    assert other not in listed(w, "tess")  # of somebody else: nothing has changed
    assert w.referral(other, "confirm", "priya").state == "closed"


def test_the_hold_is_on_from_then_where_somebody_on_staff_is_named(w: World) -> None:
    record, other = w.sent(), w.sent()
    name(w, raised(w, person_of(w, record)), user_id=user(w, "kit"))
    assert seen(w, "sol", record).held
    name(w, raised(w, person_of(w, other)), words="Her nephew, who has no account")
    assert not seen(w, "sol", other).held


@pytest.mark.invariant("I09")
@pytest.mark.parametrize("named", ["gwen", "ash"])
def test_a_concern_whose_holder_is_named_goes_to_the_next_who_is_not(w: World, named: str) -> None:
    concern = raised(w, w.person())
    source = {"organisation_id": w.org["ash"]} if named == "ash" else {"user_id": user(w, "gwen")}
    name(w, concern, **source)
    paul = f"safeguarding_lead@{w.place['harbour']}"
    assert one(w, "SELECT holder, rung FROM concern WHERE id = :id", concern) == (paul, 2)
    running = "SELECT owner FROM clock WHERE record_id = :id AND ended IS NULL"
    assert one(w, running, concern)[0] == paul
    assert refused(w, Noun.CONCERN, concern, "monitor", "gwen") == ("not_found",)
    told = "SELECT to_owner FROM outbox WHERE record_id = :id AND what = 'concern_handed_over'"
    assert one(w, told, concern) == (paul,)
    assert w.step(Noun.CONCERN, concern, "monitor", "paul").state == "monitoring"


def test_a_concern_stays_with_its_holder_where_somebody_else_is_named(w: World) -> None:
    concern = raised(w, w.person())
    before = one(w, "SELECT holder, rung FROM concern WHERE id = :id", concern)
    name(w, concern, user_id=user(w, "sol"))
    assert one(w, "SELECT holder, rung FROM concern WHERE id = :id", concern) == before
    assert w.step(Noun.CONCERN, concern, "monitor", "gwen").state == "monitoring"


def test_who_looks_after_it_or_stands_above_names_and_nobody_else(w: World) -> None:
    concern = raised(w, w.person())
    source = {"user_id": user(w, "sol")}
    given = {"sources": [source], "note": "He said so."}
    for who in ("sam", "tess", "grace", "ada", "art"):
        codes = refused(w, Noun.CONCERN, concern, "name_source", who, given=given)
        assert codes[0] in ("not_found", "not_your_record", "not_your_role"), who
    missing = refused(w, Noun.CONCERN, concern, "name_source", "gwen", given={"sources": [source]})
    assert missing == ("needs_note",)
    assert name(w, concern, who="paul", **source).version > 2
    assert refused(w, Noun.CONCERN, raised(w, w.person()), "strike_source", "gwen",
                   given={"source_id": new_id(), "note": "No."}) == ("somebody_named",)  # fmt: skip


def test_whoever_raised_it_and_is_named_later_finds_and_hears_nothing(w: World) -> None:
    concern, same = raised(w, w.person(), "sam"), raised(w, w.person(), "sam")
    sam = w.actor["sam"]

    def there() -> set[str]:
        with w.store.read(sam) as tx:
            found = {c.id for c in records.concerns_raised(tx, sam)}
            found |= {c.id for c in records.unseen_concerns(tx, sam, w.at)}
            return found | {
                c for c in (concern, same) if may_hear(tx, sam, "concern_seen", "concern", c, w.at)
            }

    assert there() == {concern, same}
    name(w, concern, user_id=user(w, "sam"))
    assert there() == {same}
    closed = {**ENDING, "why_unreported": "The council knew already."}
    for one_ in (concern, same):
        w.step(Noun.CONCERN, one_, "close", "gwen", given=closed)
    told = "SELECT count(*) FROM outbox WHERE record_id = :id AND what = 'concern_closed'"
    assert (one(w, told, concern)[0], one(w, told, same)[0]) == (0, 1)


def link_for(w: World, record: str, leader: Actor) -> str:
    made = new_id()
    with w.store.begin() as tx:
        links.keep(
            tx,
            link_id=made,
            system_id=w.system_id,
            purpose=links.ANSWER,
            record_id=record,
            membership_id=leader.membership_id,
            made_by=None,
            channel="email",
            token_hash=made,
            code_hash=None,
            word_hash=None,
            at=w.at,
            expires_at=w.at + timedelta(days=9),
        )
    return made


@pytest.mark.parametrize("named", ["sol", "singers"])
def test_the_links_of_whoever_is_named_do_nothing_any_more(w: World, named: str) -> None:
    record, other = w.sent(), w.sent()
    dead, alive = (link_for(w, r, w.actor["sol"]) for r in (record, other))
    concern = raised(w, person_of(w, record))
    source = {"organisation_id": w.org["singers"]} if named == "singers" else {
        "user_id": user(w, "sol")
    }  # fmt: skip
    name(w, concern, **source)
    with w.store.begin() as tx:
        found = links.find(tx, dead)
        assert found is not None
        offer = provider_links.look(tx, found, w.at)
        assert offer is not None
        assert set(offer.seen) <= {"reference", "first_name", "held", "team", "team_phone"}
        assert "accept" not in offer.open
    with pytest.raises(Refused) as said, w.store.begin() as tx:
        provider_links.act(tx, dead, w.at, "accept", {})
    assert said.value.codes == ("not_held",)
    with w.store.begin() as tx:
        assert provider_links.act(tx, alive, w.at, "accept", {}) == "accepted"


def test_whoever_was_named_by_mistake_is_taken_out_and_it_stays_known(w: World) -> None:
    record = w.completed()
    concern = raised(w, person_of(w, record))
    name(w, concern, user_id=user(w, "priya"))
    strike(w, concern)
    assert not seen(w, "priya", record).closed_to_actor
    assert refused(w, Noun.REFERRAL, record, "confirm", "priya") == ("not_held",)  # on hold still
    w.step(Noun.CONCERN, concern, "release", "gwen")
    assert w.referral(record, "confirm", "priya").state == "closed"
    with w.store.read() as tx:
        (source,) = records.sources(tx, concern)
    assert source.name is not None
    assert source.struck_at is not None
    again = {"source_id": source.id, "note": "Once more."}
    codes = refused(w, Noun.CONCERN, concern, "strike_source", "gwen", given=again)
    assert codes == ("somebody_named",)


def test_the_log_replays_whole_with_somebody_named_later_and_taken_out(w: World) -> None:
    concern = raised(w, w.person())
    name(w, concern, user_id=user(w, "gwen"))
    strike(w, concern, "paul")
    with w.store.snapshot() as tx:
        found = verify(tx, rules_for_verify())
    assert (found.whole, found.findings) == (True, [])
    with w.store.begin() as tx:
        tx.run(Sql("UPDATE concern_source SET was_user_id = NULL"))
    with w.store.snapshot() as tx:
        assert not verify(tx, rules_for_verify()).whole


def test_a_concern_that_names_staff_is_closed_once_they_are_reported_or_it_is_said_why_not(
    w: World,
) -> None:
    plain, told, untold = (raised(w, w.person()) for _ in range(3))
    w.step(Noun.CONCERN, plain, "close", "gwen", given=ENDING)
    for concern in (told, untold):
        name(w, concern, user_id=user(w, "sol"))
        assert refused(w, Noun.CONCERN, concern, "close", "gwen", given=ENDING) == (
            "needs_why_unreported",
        )
    for route in ("police", "allegations_adults"):
        w.step(Noun.CONCERN, told, "told_authority", "gwen", given={"authority_route": route})
        if route == "police":
            assert refused(w, Noun.CONCERN, told, "close", "gwen", given=ENDING) == (
                "needs_why_unreported",
            )
    w.step(Noun.CONCERN, told, "close", "gwen", given=ENDING)
    why = "The council knew already."
    w.step(Noun.CONCERN, untold, "close", "gwen", given={**ENDING, "why_unreported": why})
    kept = {}
    with w.store.read(w.actor["gwen"]) as tx:
        for concern in (plain, told, untold):
            notes = visible.notes(tx, w.actor["gwen"], concern, frozenset({"safeguarding"}))
            kept[concern] = [words for words in notes.values() if words == why]
    assert kept == {plain: [], told: [], untold: [why]}


def test_a_concern_is_closed_where_whoever_was_named_was_taken_out(w: World) -> None:
    concern = raised(w, w.person())
    name(w, concern, user_id=user(w, "sol"))
    strike(w, concern)
    assert w.step(Noun.CONCERN, concern, "close", "gwen", given=ENDING).state == "closed"


def test_a_report_made_before_somebody_was_named_says_nothing_of_them(w: World) -> None:
    concern = raised(w, w.person())

    def closes() -> tuple[str, ...]:
        with w.store.read(w.actor["gwen"]) as tx:
            found = facts.concern(tx, concern, w.actor["gwen"], w.at)
            waiting = [s.name for s in records.sources(tx, concern) if s.unreported]
        assert found is not None
        assert found.staff_unreported is bool(waiting)
        return tuple(filter(None, waiting))

    name(w, concern, user_id=user(w, "sol"))
    told = {"authority_route": "allegations_adults"}
    w.step(Noun.CONCERN, concern, "told_authority", "gwen", given=told)
    assert closes() == ()
    w.later(minutes=30)
    name(w, concern, words="Her nephew, who has no account")
    assert closes() == ()
    name(w, concern, user_id=user(w, "tess"))
    assert len(closes()) == 1
    assert refused(w, Noun.CONCERN, concern, "close", "gwen", given=ENDING) == (
        "needs_why_unreported",
    )
    w.later(minutes=30)
    w.step(Noun.CONCERN, concern, "told_authority", "gwen", given=told)
    assert closes() == ()
    w.step(Noun.CONCERN, concern, "close", "gwen", given=ENDING)
