"""Who is close to a person: what is kept, changed, ended and taken away, and who sees it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from referral import copies, erasures, relationships
from referral.states import Noun
from referral.store import Sql, Store
from tests.counting import BUDGET, statements
from tests.web.api import program
from tests.web.client import Page, sign_in
from tests.world import World, build
from web.edge import Edge
from web.worker import run
from workflows import relationships as keeping
from workflows.engine import Refused
from workflows.people import change_person
from workflows.working_time import local_day

DAUGHTER: dict[str, Any] = {
    "kind": "carer",
    "name": "Ruth Okoro",
    "relation": "daughter",
    "phone": "07700 900123",
    "in_emergency": True,
    "may_speak": "yes",
    "said_on": date(2026, 5, 11),
    "said_how": "phone",
}


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def keep(w: World, person: str, who: str = "priya", **values: Any) -> str:
    actor, said = w.actor[who], {**DAUGHTER, **values}
    w.later(minutes=1)
    return w.made(
        actor,
        lambda tx: keeping.record_relationship(tx, actor, w.at, person_id=person, values=said),
    )


def change(w: World, one: str, who: str = "priya", **values: Any) -> str:
    actor, said = w.actor[who], {**DAUGHTER, **values}
    w.later(minutes=1)
    return w.made(
        actor,
        lambda tx: keeping.change_relationship(tx, actor, w.at, relationship_id=one, values=said),
    )


def end(w: World, one: str, why: str = "over", who: str = "priya") -> None:
    actor = w.actor[who]
    w.made(
        actor,
        lambda tx: keeping.end_relationship(tx, actor, w.at, relationship_id=one, why=why),
    )


def rows(w: World, person: str) -> list[relationships.RelationshipSeen]:
    with w.store.read() as tx:
        return relationships.of_person(tx, w.actor["priya"], person)


def called(w: World, person: str) -> str | None:
    query = Sql("SELECT emergency_contact FROM person WHERE id = :id", sealed=(0,))
    with w.store.read() as tx:
        found = tx.rows(query, id=person)[0][0]
    return None if found is None else str(found)


def reads(w: World) -> int:
    with w.store.read() as tx:
        return int(tx.rows(Sql("SELECT count(*) FROM audit WHERE action = 'read'"))[0][0])


def named(w: World, person: str, who: str) -> None:
    naming = {"sources": [{"user_id": w.actor[who].user_id}], "seen": "A worry."}
    given = {"person_id": person, "danger": False, **naming}
    w.step(Noun.CONCERN, None, "raise", "tess", given=given)


# -- what is kept -------------------------------------------------------------------------------


def test_who_is_close_is_kept_with_what_the_person_said_of_it(w: World) -> None:
    person = w.person()
    keep(w, person)
    (row,) = rows(w, person)
    assert (row.name, row.relation, row.phone) == ("Ruth Okoro", "daughter", "+447700900123")
    assert (row.may_speak, row.said_on, row.said_how) == ("yes", date(2026, 5, 11), "phone")
    with w.store.read() as tx:
        stored = tx.rows(Sql("SELECT name, phone FROM relationship"))[0]
        logged = tx.rows(Sql("SELECT leaf FROM audit ORDER BY seq"))
    assert "Ruth" not in stored[0]
    assert "900123" not in stored[1]
    assert any('"action":"relationship_recorded"' in leaf for (leaf,) in logged)
    assert not any("Ruth" in leaf for (leaf,) in logged)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"kind": "neighbour"}, "kind"),
        ({"name": " "}, "name"),
        ({"relation": "x" * 201}, "relation"),
        ({"phone": "12"}, "phone"),
        ({"phone": None}, "phone"),
        ({"may_speak": "perhaps"}, "may_speak"),
        ({"said_on": None}, "said_on"),
        ({"said_on": date(2099, 1, 1)}, "said_on"),
        ({"said_how": None}, "said_how"),
        ({"from_on": date(2026, 5, 2), "until_on": date(2026, 5, 1)}, "until_on"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(w: World, wrong: dict[str, Any], name: str) -> None:
    person = w.person()
    with pytest.raises(Refused) as refused:
        keep(w, person, **wrong)
    assert [r.field for r in refused.value.refusals] == [name]
    assert rows(w, person) == []


def test_without_an_answer_there_is_no_day_of_it(w: World) -> None:
    person = w.person()
    keep(w, person, may_speak="not_asked")
    (row,) = rows(w, person)
    assert (row.said_on, row.said_how) == (None, None)


def test_what_is_changed_keeps_what_stood_there_and_is_changed_once(w: World) -> None:
    person = w.person()
    first = keep(w, person)
    second = change(w, first, who="tess", may_speak="no")
    before, after = rows(w, person)
    assert (before.ended_why, after.replaces_id, after.recorded_by) == (
        "changed", first, "Tess Lead",
    )  # fmt: skip
    today = local_day(w.at)
    assert [one.id for one in relationships.standing(rows(w, person), today)] == [second]
    assert relationships.over(rows(w, person), today) == []
    for again in (lambda: change(w, first), lambda: end(w, first)):
        with pytest.raises(Refused) as refused:
            again()
        assert "changed_since" in refused.value.codes


def test_a_last_day_that_has_passed_ends_it(w: World) -> None:
    person = w.person()
    keep(w, person, until_on=local_day(w.at))
    today = local_day(w.at)
    assert len(relationships.standing(rows(w, person), today)) == 1
    assert relationships.standing(rows(w, person), today + timedelta(days=1)) == []


@pytest.mark.parametrize(("why", "stays"), [("over", True), ("mistake", False),
                                            ("they_asked", False)])  # fmt: skip
def test_whoever_asks_not_to_stand_there_is_taken_away(w: World, why: str, stays: bool) -> None:
    person = w.person()
    other = keep(w, person, name="Jo Lane", in_emergency=False)
    end(w, change(w, keep(w, person), relation="eldest daughter"), why)
    kept = [row for row in rows(w, person) if row.id != other]
    assert all((row.name == "Ruth Okoro") is stays for row in kept)
    assert all((row.phone is not None) is stays for row in kept)
    assert [row.name for row in rows(w, person) if row.id == other] == ["Jo Lane"]


# -- whom to call -------------------------------------------------------------------------------


def test_whom_to_call_follows_what_is_recorded(w: World) -> None:
    person = w.person(emergency_contact="A neighbour, 01632 960150")
    one = keep(w, person, in_emergency=False)
    assert called(w, person) == "A neighbour, 01632 960150"
    one = change(w, one)
    assert called(w, person) == "Ruth Okoro (daughter), 07700 900 123"
    keep(w, person, name="Jo Lane", relation=None, phone="01632 960151")
    assert called(w, person) == "Ruth Okoro (daughter), 07700 900 123; Jo Lane, 01632 960151"
    end(w, one)
    assert called(w, person) == "Jo Lane, 01632 960151"


def test_what_was_written_by_hand_stays_where_nobody_is_left_to_call(w: World) -> None:
    person = w.person()
    one = keep(w, person)
    w.made(
        w.actor["priya"],
        lambda tx: change_person(
            tx, w.actor["priya"], w.at, person, {"emergency_contact": "The warden"}
        ),
    )
    end(w, one)
    assert called(w, person) == "The warden"
    other = w.person()
    end(w, keep(w, other))
    assert called(w, other) is None


# -- who sees it --------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["sol", "olu", "grace", "art"])
def test_nobody_but_the_team_records_or_changes(w: World, who: str) -> None:
    person = w.person()
    one = keep(w, person)
    w.active(person)
    for act in (lambda: keep(w, person, who), lambda: change(w, one, who),
                lambda: end(w, one, who=who)):  # fmt: skip
        with pytest.raises(Refused):
            act()
    visitor = sign_in(w, who)
    for path in (f"/people/{person}/relationships/add", f"/relationships/{one}/change",
                 f"/relationships/{one}/end"):  # fmt: skip
        assert visitor.get(path).status in (403, 404)
    assert len(rows(w, person)) == 1


def test_the_page_of_the_person_has_them_for_the_team_and_the_safeguarding_lead(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = w.person()
    keep(w, person)
    keep(w, person, name="Jo Lane", relation=None, kind="advocate", may_speak="not_asked",
         in_emergency=False)  # fmt: skip
    visitor = sign_in(w, "priya")
    sent = statements(monkeypatch)
    page = visitor.get(f"/people/{person}")
    assert len(sent) <= BUDGET
    assert "Ruth Okoro, daughter" in page.words
    assert "the person said so on 11 May 2026, by phone" in page.words
    assert "Until then, do not." in page.words
    assert f"/people/{person}/relationships/add" in page.text
    page = sign_in(w, "gwen").get(f"/people/{person}")
    assert "Ruth Okoro, daughter" in page.words
    assert "/relationships/" not in page.text


def test_a_provider_sees_whom_to_call_and_nothing_else_of_it(w: World) -> None:
    person = w.person()
    keep(w, person)
    keep(w, person, name="Jo Lane", kind="advocate", in_emergency=False)
    record = w.active(person)
    page = sign_in(w, "sol").get(f"/referrals/{record}")
    assert "Ruth Okoro (daughter), 07700 900 123" in page.words
    assert "Jo Lane" not in page.words
    assert "speak with them" not in page.words


def test_to_whoever_is_named_nobody_is_there(w: World) -> None:
    person = w.person()
    one = keep(w, person)
    named(w, person, "priya")
    visitor = sign_in(w, "priya")
    assert "Ruth" not in visitor.get(f"/people/{person}").words
    assert visitor.get(f"/relationships/{one}/change").status == 404
    with pytest.raises(Refused):
        keep(w, person)
    assert "Ruth" in sign_in(w, "tess").get(f"/people/{person}").words


# -- pages --------------------------------------------------------------------------------------


def filled(w: World, path: str, **said: Any) -> Page:
    visitor = sign_in(w, "priya")
    return visitor.send(visitor.get(path), follow=True, **said)


def test_they_are_recorded_changed_and_ended_on_pages(w: World) -> None:
    person = w.person()
    said = {"kind": "carer", "name": "Ruth Okoro", "phone": "07700 900123", "may_speak": "yes",
            "said_how": "phone", "in_emergency": "yes"}  # fmt: skip
    page = filled(w, f"/people/{person}/relationships/add", **said)
    assert (page.path, page.banner) == (
        f"/people/{person}",
        "Recorded. It stands on the person's page, with who said so.",
    )
    (row,) = rows(w, person)
    assert row.in_emergency
    before = reads(w)
    sign_in(w, "priya").get(f"/relationships/{row.id}/change")
    assert reads(w) == before + 1
    page = filled(w, f"/relationships/{row.id}/change", relation="daughter")
    assert "Ruth Okoro, daughter" in page.words
    newest = rows(w, person)[-1]
    page = filled(w, f"/relationships/{newest.id}/end", why="they_asked")
    assert "Ruth" not in page.words
    assert "They ask not to stand here" in page.words


def test_who_changed_or_ended_it_stands_with_the_day(w: World) -> None:
    person = w.person()
    one = keep(w, person, "priya")
    priya = sign_in(w, "priya")
    assert "Recorded by Priya Shah on" in priya.get(f"/people/{person}").words
    open_page = priya.get(f"/relationships/{one}/change")
    assert "Changed by" not in open_page.words
    two = change(w, one, "sam", name="Ruth Cole")
    words = priya.get(f"/people/{person}").words
    assert f"Changed by {w.actor['sam'].name} on" in words
    assert "Recorded by" not in words
    late = priya.send(open_page, name="Ruth Hall")
    assert "Somebody has changed or ended this meanwhile." in late.words
    assert f"Changed by {w.actor['sam'].name} on" in late.words
    assert "Ruth Hall" in late.text
    end(w, two, who="tess")
    assert f"Ended by {w.actor['tess'].name} on" in priya.get(f"/people/{person}").words


def test_an_error_names_its_field_and_keeps_what_was_typed(w: World) -> None:
    person = w.person()
    page = filled(w, f"/people/{person}/relationships/add", name="Ruth", phone="12")
    assert page.status == 422
    assert "Choose what they are for the person." in page.words
    assert 'value="Ruth"' in page.text
    assert 'value="12"' in page.text
    assert rows(w, person) == []


# -- the rest of its life, and programs ---------------------------------------------------------


def test_erasing_the_person_takes_everybody_away(w: World) -> None:
    person, other = w.person(), w.person()
    change(w, keep(w, person))
    keep(w, other)
    with w.store.begin() as tx:
        found = erasures.find(tx, person)
        assert found is not None
        erasures.blank(tx, erasures.belongings(tx, found), w.at)
    assert (len(rows(w, person)), len(rows(w, other))) == (0, 1)


def test_a_copy_names_them_only_once_a_human_has_looked(w: World) -> None:
    person = w.person()
    keep(w, person)
    for given, held in ((frozenset({copies.NOTES}), ["Ruth Okoro"]), (frozenset[str](), [])):
        with w.store.read() as tx:
            copy = copies.gather(tx, person, given, {})
        told = [row["name"] for s in copy.sections if s.table == "relationship" for row in s.rows]
        assert told == held


def test_programs_of_the_team_do_the_same_and_others_find_nothing(w: World) -> None:
    person, other = w.person(), w.person()
    asks, where = program(w, "priya"), f"/people/{person}/relationships"
    said = {**DAUGHTER, "said_on": "2026-05-11"}
    made, again = (asks.post(where, said, key="a") for _ in range(2))
    assert (made.status, again.json["replayed"]) == (201, True)
    one = f"{where}/{made.json['id']}"
    assert asks.post(f"/people/{other}/relationships/{made.json['id']}", said).status == 404
    newer = asks.post(one, {**said, "may_speak": "no"}).json["id"]
    assert asks.post(f"{one}/end", {"why": "over"}).status == 409
    assert asks.post(f"{where}/{newer}/end", {"why": "over"}).status == 200
    items = asks.get(where).json["items"]
    assert [(i["may_speak"], i["ended_why"]) for i in items] == [("yes", "changed"), ("no", "over")]
    assert program(w, "olu").get(where).status == 404
    assert program(w, "sol").get(where).status == 403


def test_too_many_to_call_are_refused_where_the_names_can_be_shortened(w: World) -> None:
    person = w.person()
    for _ in range(9):
        keep(w, person, name="N" * 200, relation="r" * 200)
    with pytest.raises(Refused) as refused:
        keep(w, person, name="N" * 200, relation="r" * 200)
    (fault,) = refused.value.refusals
    assert fault.field == "name"
    assert "4,000 characters" in fault.why


def contact(w: World, person: str) -> str | None:
    with w.store.read() as tx:
        row = tx.row(
            Sql("SELECT emergency_contact FROM person WHERE id = :id", sealed=(0,)), id=person
        )
    return row[0] if row else None


def test_whoever_was_to_be_called_until_a_day_is_not_named_after_it(w: World) -> None:
    today = local_day(w.at)
    person, by_hand = w.person(), w.person()
    for one in (person, by_hand):
        keep(w, one, until_on=today + timedelta(days=2))
        keep(w, one, name="Jo Lane", relation=None, phone="07700 900124")
    change_person_by_hand(w, by_hand, "Ring the warden")
    edge = Edge(w.store, lambda: w.at)
    run(edge, once=True)
    assert "Ruth Okoro" in str(contact(w, person)), "their last day has not passed"
    w.later(days=3)
    assert run(edge, once=True)["contact passed"] == 1
    assert contact(w, person) == "Jo Lane, 07700 900 124"
    assert contact(w, by_hand) == "Ring the warden"
    w.later(days=1)
    assert run(edge, once=True)["contact passed"] == 0


def change_person_by_hand(w: World, person: str, words: str) -> None:
    actor = w.actor["priya"]
    w.made(actor, lambda tx: change_person(tx, actor, w.at, person, {"emergency_contact": words}))
