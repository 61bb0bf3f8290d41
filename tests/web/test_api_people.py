"""People and consents at the API's door."""

from __future__ import annotations

from typing import Any

import pytest

from referral.states import Noun
from referral.store import Sql, Store
from tests.web.api import program
from tests.world import NHS, World, build

MARGARET = {"given_name": "Margaret", "family_name": "Okoro", "birth_date": "1951-03-15"}


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def shared(w: World, person: str, **more: Any) -> dict[str, Any]:
    return {
        "person_id": person,
        "purpose": "share_with_provider",
        "recipient": w.provider["singers"],
        "agreed": "yes",
        "basis": "agreement",
        "how": "in_person",
        **more,
    }


# -- people -------------------------------------------------------------------------------------


def test_a_person_is_added_read_and_changed(w: World) -> None:
    priya = program(w, "priya")
    added = priya.post("/people", {**MARGARET, "nhs_number": NHS[0], "phone": "07700 900982"})
    assert (added.status, added.etag) == (201, '"1"')
    path = added.headers["Location"]
    seen = priya.get(path)
    assert (seen.json["name"], seen.json["nhs_number"]) == ("Margaret Okoro", NHS[0])
    changed = priya.patch(path, {"phone": None, "language": "Welsh"}, version='"1"')
    assert (changed.status, changed.etag) == (200, '"2"')
    after = priya.get(path).json
    assert (after["phone"], after["language"], after["version"]) == (None, "Welsh", 2)
    late = priya.patch(path, {"language": "English"}, version='"1"')
    assert (late.status, late.codes, late.etag) == (412, ["stale"], '"2"')


def test_a_person_with_a_fault_is_not_added_and_each_fault_is_told(w: World) -> None:
    said = program(w, "priya").post(
        "/people",
        {"given_name": "", "birth_date": "2036-03-15", "nhs_number": "9990000019", "age": 7},
    )
    assert said.status == 422
    assert set(said.fields) == {"given_name", "family_name", "birth_date", "nhs_number", "age"}
    with w.store.read() as tx:
        assert tx.row(Sql("SELECT count(*) FROM person")) == (0,)


def test_a_way_to_contact_somebody_leads_somewhere_at_this_door_too(w: World) -> None:
    priya = program(w, "priya")
    lost = priya.post("/people", {**MARGARET, "contact_method": "text"})
    assert (lost.status, set(lost.fields)) == (422, {"phone"})
    path = priya.post(
        "/people", {**MARGARET, "contact_method": "text", "phone": "07700 900982"}
    ).headers["Location"]
    assert set(priya.patch(path, {"phone": None}, version='"1"').fields) == {"phone"}
    assert set(priya.patch(path, {"contact_method": "letter"}, version='"1"').fields) == {"address"}
    through = {"contact_method": "someone_else"}
    assert set(priya.patch(path, through, version='"1"').fields) == {"through_name"}
    through |= {"through_name": "Derek, her brother"}
    assert set(priya.patch(path, through, version='"1"').fields) == {"through_phone"}
    through |= {"through_phone": "01632 960 123"}
    assert priya.patch(path, through, version='"1"').status == 200
    assert priya.patch(path, {"phone": None}, version='"2"').status == 200


def test_the_same_key_adds_one_person(w: World) -> None:
    priya = program(w, "priya")
    first, again = (priya.post("/people", MARGARET, key="k") for _ in range(2))
    assert (first.json["id"], again.json["replayed"]) == (again.json["id"], True)
    other = priya.post("/people", {**MARGARET, "given_name": "Peggy"}, key="k")
    assert (other.status, other.codes) == (422, ["idempotency_key_reused"])


def test_a_person_is_found_before_they_are_added_twice(w: World) -> None:
    priya = program(w, "priya")
    added = priya.post("/people", {**MARGARET, "nhs_number": NHS[0]}).json["id"]
    by_number = priya.post("/people/find", {"nhs_number": NHS[0]}).json["items"]
    by_name = priya.post("/people/find", MARGARET).json["items"]
    assert [i["id"] for i in by_number] == [i["id"] for i in by_name] == [added]
    assert priya.post("/people/find", {**MARGARET, "given_name": "Joan"}).json["items"] == []
    twice = priya.post("/people", {**MARGARET, "nhs_number": NHS[0]})
    assert (twice.status, twice.codes) == (422, ["person_exists"])
    assert priya.post("/people/find", {"given_name": "Margaret"}).status == 422


def test_another_teams_person_is_not_there_and_their_number_says_only_that(w: World) -> None:
    theirs = program(w, "olu").post("/people", {**MARGARET, "nhs_number": NHS[0]}).json["id"]
    priya = program(w, "priya")
    assert priya.get(f"/people/{theirs}").status == 404
    assert priya.patch(f"/people/{theirs}", {"phone": None}).status == 404
    assert priya.get(f"/people/{theirs}/plans").status == 404
    assert priya.post(f"/people/{theirs}/plans", {"what_matters": "x"}).status == 404
    assert priya.post("/people/find", MARGARET).json["items"] == []
    assert priya.get("/people").json["items"] == []
    for path in ("/people", "/people/find"):
        said = priya.post(path, {**MARGARET, "nhs_number": NHS[0]})
        assert said.codes == ["held_by_another_team"]
        assert theirs not in str(said.json)


@pytest.mark.parametrize("who", ["sol", "grace", "gwen", "ada", "art", "cora"])
def test_people_are_for_the_team_that_holds_them(w: World, who: str) -> None:
    person = w.person()
    other = program(w, who)
    for said in (
        other.get("/people"),
        other.get(f"/people/{person}"),
        other.post("/people", MARGARET),
        other.patch(f"/people/{person}", {"phone": None}),
    ):
        assert (said.status, said.codes) == (403, ["not_your_role"])


def test_who_is_named_as_a_source_of_harm_sees_a_first_name_and_changes_nothing(w: World) -> None:
    person = w.person()
    w.step(
        Noun.CONCERN,
        None,
        "raise",
        "sam",
        given={
            "person_id": person,
            "seen": "Bruises.",
            "danger": False,
            "sources": [{"user_id": w.actor["priya"].user_id}],
        },
    )
    priya = program(w, "priya")
    seen = priya.get(f"/people/{person}").json
    assert set(seen) == {"id", "version", "reference", "first_name", "held"}
    changed = priya.patch(f"/people/{person}", {"phone": None})
    assert (changed.status, changed.codes) == (409, ["not_held"])
    assert priya.get(f"/people/{person}/plans").status == 409
    assert program(w, "sam").get(f"/people/{person}").json["phone"]


def test_reading_a_person_is_in_the_audit_log_under_their_stand_in(w: World) -> None:
    person = w.person()
    program(w, "priya").get(f"/people/{person}")
    with w.store.read() as tx:
        subject = tx.row(Sql("SELECT subject_ref FROM person WHERE id = :id"), id=person)
        leaf = tx.rows(Sql("SELECT leaf FROM audit WHERE action = 'read'"))[-1][0]
    assert subject is not None
    assert subject[0] in leaf
    assert person not in leaf
    assert "Margaret" not in leaf


def test_plans_are_kept_in_the_persons_words(w: World) -> None:
    priya, person = program(w, "priya"), w.person()
    path = f"/people/{person}/plans"
    said = priya.post(path, {"what_matters": "Singing again", "goals": ["Get out"]}, key="p")
    again = priya.post(path, {"what_matters": "Singing again", "goals": ["Get out"]}, key="p")
    assert (said.status, said.json["id"]) == (201, again.json["id"])
    found = program(w, "sam").get(path).json["items"]
    assert [(p["what_matters"], p["goals"]) for p in found] == [("Singing again", ["Get out"])]
    long = priya.post(path, {"what_matters": "x" * 100_000})
    assert (long.status, list(long.fields)) == (422, ["what_matters"])


# -- consents -----------------------------------------------------------------------------------


def test_consent_is_asked_given_renewed_and_taken_back(w: World) -> None:
    priya, person = program(w, "priya"), w.person()
    asked = priya.post("/consents", shared(w, person, agreed="asked"))
    assert (asked.status, asked.json["state"]) == (201, "asked")
    given = priya.post("/consents", shared(w, person))
    assert (given.json["state"], given.json["id"]) == ("given", asked.json["id"])
    path = f"/consents/{given.json['id']}"
    renewed = priya.move(path, "renew", version=given.etag)
    assert (renewed.status, renewed.json["state"]) == (200, "given")
    new = renewed.json["new"]
    assert new["state"] == "asked"
    answered = priya.move(f"/consents/{new['id']}", "give", {"basis": "agreement", "how": "phone"})
    assert answered.json["state"] == "given"
    assert priya.get(path).json["state"] == "expired"
    gone = priya.move(f"/consents/{new['id']}", "withdraw", {"reason": "person_said_no"})
    assert gone.json["state"] == "withdrawn"


def test_consent_recorded_twice_under_one_key_is_one(w: World) -> None:
    priya, person = program(w, "priya"), w.person()
    priya.post("/consents", shared(w, person))
    first, again = (priya.post("/consents", shared(w, person), key="k") for _ in range(2))
    assert (first.json["id"], again.json["replayed"]) == (again.json["id"], True)
    with w.store.read() as tx:
        states = tx.rows(Sql("SELECT state FROM consent ORDER BY state"))
    assert states == [("expired",), ("given",)]


def test_consent_that_is_not_whole_is_not_recorded(w: World) -> None:
    priya, person = program(w, "priya"), w.person()
    said = priya.post("/consents", shared(w, person, how=None))
    assert (said.status, said.fields) == (422, {"how": "Choose how consent was given."})
    wording = priya.post("/consents", shared(w, person, wording_id=person))
    assert (wording.status, list(wording.fields)) == (422, ["wording_id"])
    with w.store.read() as tx:
        contact = tx.rows(Sql("SELECT id FROM wording WHERE purpose = 'contact'"))[0][0]
    other = w.person()
    priya.post("/consents", shared(w, other, agreed="asked"))
    waiting = priya.post("/consents", shared(w, other, wording_id=contact))
    assert (waiting.status, list(waiting.fields)) == (422, ["wording_id"])
    best = priya.post("/consents", shared(w, person, basis="best_interests", capacity_id=person))
    assert (best.status, list(best.fields)) == (422, ["capacity_id"])
    assert [c["state"] for c in priya.get("/consents").json["items"]] == ["asked"]


def test_consents_of_another_team_are_not_there(w: World) -> None:
    person = w.person()
    made = w.consent(person).id
    for who in ("olu", "tom", "fred"):
        other = program(w, who)
        assert other.get(f"/consents/{made}").status == 404
        assert other.get(f"/consents/{made}/moves").status == 404
        assert other.move(f"/consents/{made}", "withdraw").status in (403, 404)
        assert other.get("/consents").json["items"] == []
    assert program(w, "sol").get(f"/consents/{made}").status == 403
    seen = program(w, "grace").get(f"/consents/{made}").json
    assert (seen["state"], seen["wording_number"]) == ("given", 1)
    assert program(w, "olu").post("/consents", shared(w, person)).status in (404, 409)


def test_a_governance_lead_sees_consent_and_moves_nothing(w: World) -> None:
    made = w.consent(w.person()).id
    grace = program(w, "grace")
    moves = grace.get(f"/consents/{made}/moves").json["items"]
    assert [m["trigger"] for m in moves if m["allowed"]] == []
    said = grace.move(f"/consents/{made}", "withdraw")
    assert (said.status, said.codes) == (403, ["not_your_role"])


def test_consents_are_listed_by_person_and_state(w: World) -> None:
    one, other = w.person(), w.person()
    first = w.consent(one).id
    w.consent(other, agreed=False)
    priya = program(w, "priya")
    assert [c["id"] for c in priya.get(f"/consents?person_id={one}").json["items"]] == [first]
    assert [c["id"] for c in priya.get("/consents?state=given").json["items"]] == [first]
    assert len(priya.get("/consents").json["items"]) == 2


def test_consent_of_somebody_one_is_named_against_is_not_there(w: World) -> None:
    person = w.person()
    made = w.consent(person).id
    w.step(
        Noun.CONCERN,
        None,
        "raise",
        "sam",
        given={
            "person_id": person,
            "seen": "Bruises.",
            "danger": False,
            "sources": [{"user_id": w.actor["priya"].user_id}],
        },
    )
    assert program(w, "priya").get(f"/consents/{made}").status == 404
    assert program(w, "priya").get("/consents").json["items"] == []
    assert program(w, "sam").get(f"/consents/{made}").status == 200
