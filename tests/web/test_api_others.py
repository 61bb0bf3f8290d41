"""Providers and their assurance, agreements, activities and escalations at the API's door."""

from __future__ import annotations

from typing import Any

import pytest

from referral.states import Noun
from referral.store import Sql, Store
from tests.web.api import Program, Said, program
from tests.world import World, build
from workflows.organisations import add_organisation


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


# -- providers ----------------------------------------------------------------------------------


def new_provider(w: World) -> str:
    with w.store.begin() as tx:
        org = add_organisation(
            tx, w.system, w.at, name="The garden", kind="provider", place_id=w.place["harbour"]
        )
    said = program(w, "grace").post("/providers", {"organisation_id": org, "tier": "sole_artist"})
    assert said.status == 201
    return str(said.json["id"])


def test_providers_are_there_for_all_staff_with_where_their_assurance_is(w: World) -> None:
    for who in ("priya", "sol", "grace", "ada", "cora"):
        listed = program(w, who).get("/providers").json["items"]
        assert {p["name"]: p["state"] for p in listed} == {
            "Riverside Singers": "assured",
            "Clay Table": "assured",
        }
    one = program(w, "priya").get(f"/providers/{w.provider['singers']}")
    assert (one.status, one.json["tier"], one.etag) == (200, "small_group", '"3"')
    assert program(w, "priya").get("/providers?state=lapsed").json["items"] == []
    unknown = program(w, "priya").get(f"/providers/{w.org['singers']}")
    assert unknown.status == 404


def test_a_provider_applies_hands_in_and_is_assured(w: World) -> None:
    provider = new_provider(w)
    path, grace = f"/providers/{provider}", program(w, "grace")
    assert grace.get(path).json["state"] is None
    assert grace.get(f"{path}/moves").status == 404
    applied = grace.move(path, "apply", key="a")
    again = grace.move(path, "apply", key="a")
    assert (applied.json["state"], again.json["replayed"]) == ("applied", True)
    assert grace.move(path, "apply").status == 409
    assert grace.move(path, "review").json["state"] == "in_review"
    early = grace.move(path, "assure")
    assert (early.status, early.codes) == (409, ["evidence_complete"])
    for kind in ("public_liability", "safeguarding_training", "dbs", "risk_assessment"):
        item = {"kind": kind, "from_at": "2026-05-12", "until": "2027-05-11"}
        assert grace.post(f"{path}/evidence", item).status == 201
    assert {e["checked"] for e in grace.get(f"{path}/evidence").json["items"]} == {True}
    assured = grace.move(path, "assure", version='"2"')
    assert (assured.status, assured.json["state"]) == (200, "assured")


def test_conditions_name_the_providers_own_activities_only(w: World) -> None:
    path, grace = f"/providers/{w.provider['singers']}", program(w, "grace")
    assert grace.move(path, "suspend", {"reason": "quality"}).json["state"] == "suspended"
    grace.move(path, "review")
    body = {"conditions_until": "2026-09-01", "note": "Two leaders in the room."}
    wrong = grace.move(
        path, "condition", {**body, "conditional_activities": [w.activity["pottery"]]}
    )
    assert (wrong.status, list(wrong.fields)) == (422, ["conditional_activities"])
    right = grace.move(path, "condition", {**body, "conditional_activities": [w.activity["choir"]]})
    assert right.json["state"] == "conditional"


def test_a_leader_hands_in_evidence_of_their_own_and_it_waits_to_be_checked(w: World) -> None:
    sol = program(w, "sol")
    path = f"/providers/{w.provider['singers']}/evidence"
    item = {"kind": "first_aid", "from_at": "2026-05-01", "until": "2027-04-30"}
    assert sol.post(path, item).status == 201
    waiting = [e["kind"] for e in sol.get(path).json["items"] if not e["checked"]]
    assert waiting == ["first_aid"]
    other = f"/providers/{w.provider['clay']}/evidence"
    assert sol.post(other, item).status == 404
    assert sol.get(other).status == 404
    assert program(w, "fred").get(path).status == 404
    assert program(w, "priya").get(path).status == 403
    wrong = sol.post(path, {**item, "until": "2026-04-30"})
    assert (wrong.status, list(wrong.fields)) == (422, ["until"])


def test_a_renewal_in_hand_gives_grace_but_never_for_insurance(w: World) -> None:
    path = f"/providers/{w.provider['singers']}/evidence"
    sol = program(w, "sol")
    items = {e["kind"]: e["id"] for e in sol.get(path).json["items"]}
    grace = sol.post(f"{path}/{items['risk_assessment']}/renewal")
    assert (grace.status, grace.json["grace_until"][:4]) == (200, "2027")
    insurance = sol.post(f"{path}/{items['public_liability']}/renewal")
    assert insurance.status == 422
    other = f"/providers/{w.provider['clay']}/evidence/{items['risk_assessment']}/renewal"
    assert program(w, "kit").post(other).status == 404


@pytest.mark.parametrize("who", ["kit", "fred"])
def test_another_providers_assurance_is_nobodys_to_move(w: World, who: str) -> None:
    path = f"/providers/{w.provider['singers']}"
    other = program(w, who)
    assert other.get(f"{path}/moves").status == 404
    assert other.move(path, "suspend", {"reason": "quality"}).status == 404
    assert other.get(path).status == 200


def test_a_leader_may_leave_and_not_assure_themselves(w: World) -> None:
    path, sol = f"/providers/{w.provider['singers']}", program(w, "sol")
    said = sol.move(path, "assure")
    assert (said.status, said.codes) == (409, ["no_such_move"])
    w_moves = {m["trigger"]: m["allowed"] for m in sol.get(f"{path}/moves").json["items"]}
    assert w_moves["leave"] is True
    assert w_moves["suspend"] is False
    assert sol.move(path, "suspend", {"reason": "quality"}).status == 403
    assert sol.move(path, "leave", {"reason": "closed_down"}).json["state"] == "left"


# -- agreements ---------------------------------------------------------------------------------


def drafted(w: World, by: str = "grace", **more: Any) -> Said:
    return program(w, by).post(
        "/agreements",
        {
            "title": "Sharing with the singers",
            "purposes": ["share_with_provider"],
            "lawful_basis": "public_task",
            "fields": ["everything_listed"],
            "parties": [w.org["ash"], w.org["singers"]],
            "review_at": "2027-05-12",
            **more,
        },
    )


def test_an_agreement_is_in_force_when_each_party_has_signed(w: World) -> None:
    said = drafted(w)
    assert (said.status, said.json["state"]) == (201, "drafted")
    path = said.headers["Location"]
    assert program(w, "tess").move(path, "sign").json["state"] == "drafted"
    twice = program(w, "tess").move(path, "sign")
    assert (twice.status, twice.codes) == (409, ["not_signed_yet"])
    assert program(w, "sol").move(path, "sign").json["state"] == "in_force"
    seen = program(w, "sol").get(path).json
    assert {p["name"]: p["signed_at"] is not None for p in seen["parties"]} == {
        "Ash Lane practice": True,
        "Riverside Singers": True,
    }
    assert program(w, "grace").move(path, "renew", {"review_at": "2028-05-12"}).status == 200


def test_an_agreement_is_there_for_its_parties_and_keepers_only(w: World) -> None:
    path = drafted(w).headers["Location"]
    for who in ("kit", "fred", "tom"):
        other = program(w, who)
        assert other.get(path).status == 404
        assert other.move(path, "sign").status == 404
        assert path.rsplit("/", 1)[1] not in str(other.get("/agreements").json)
    for who in ("priya", "ada", "art", "cora"):
        assert program(w, who).get(path).status == 403
    assert program(w, "tess").post("/agreements", {}).status == 403


def test_an_agreement_replaces_only_one_that_its_drafter_keeps(w: World) -> None:
    with w.store.read() as tx:
        harbour = tx.rows(Sql("SELECT id FROM agreement"))[0][0]
    wrong = drafted(w, by="fred", replaces_id=harbour)
    assert (wrong.status, list(wrong.fields)) == (422, ["replaces_id"])
    assert drafted(w, by="grace", replaces_id=harbour).status == 201


def test_an_agreement_names_organisations_that_are_there(w: World) -> None:
    nobody = "01890000-0000-7000-8000-000000000001"
    assert drafted(w, parties=[w.org["ash"], nobody]).status == 404
    past = drafted(w, review_at="2026-05-12")
    assert (past.status, list(past.fields)) == (422, ["review_at"])


# -- activities ---------------------------------------------------------------------------------


def test_an_activity_is_offered_changed_and_read(w: World) -> None:
    sol = program(w, "sol")
    said = sol.post(
        "/activities", {"provider_id": w.provider["singers"], "name": "Evening choir"}, key="k"
    )
    path = said.headers["Location"]
    again = sol.post(
        "/activities", {"provider_id": w.provider["singers"], "name": "Evening choir"}, key="k"
    )
    assert again.json["id"] == said.json["id"]
    group = sol.post(f"{path}/groups", {"name": "Tuesdays", "capacity": 6})
    assert group.status == 201
    assert sol.patch(path, {"status": "paused"}).status == 200
    seen = program(w, "priya").get(path).json
    assert (seen["status"], [g["places_left"] for g in seen["groups"]]) == ("paused", [6])
    changed = sol.patch(f"{path}/groups/{group.json['id']}", {"members_from_outside": 4})
    assert changed.status == 200
    assert program(w, "priya").get(path).json["groups"][0]["places_left"] == 2


def test_a_leader_changes_only_what_their_own_provider_offers(w: World) -> None:
    sol, pottery = program(w, "sol"), w.activity["pottery"]
    assert sol.patch(f"/activities/{pottery}", {"status": "closed"}).status == 404
    assert sol.post(f"/activities/{pottery}/groups", {"name": "x", "capacity": 1}).status == 404
    body = {"provider_id": w.provider["clay"], "name": "x"}
    assert sol.post("/activities", body).status == 404
    assert program(w, "priya").post("/activities", body).status == 403
    own = sol.patch(
        f"/activities/{w.activity['choir']}/groups/{w.group['pottery']}", {"capacity": 1}
    )
    assert own.status == 404


def test_an_activity_with_a_fault_is_told_by_field(w: World) -> None:
    sol, choir = program(w, "sol"), w.activity["choir"]
    said = sol.patch(f"/activities/{choir}", {"name": " ", "minimum_age": -1, "colour": "blue"})
    assert (said.status, set(said.fields)) == (422, {"name", "minimum_age", "colour"})
    w.accepted()
    few = sol.patch(f"/activities/{choir}/groups/{w.group['choir']}", {"capacity": 0})
    assert (few.status, list(few.fields)) == (422, ["capacity"])


def test_activities_are_listed_by_provider_and_status(w: World) -> None:
    priya = program(w, "priya")
    listed = priya.get(f"/activities?provider_id={w.provider['clay']}&status=open")
    assert listed.status == 422  # the filter is called state, as everywhere
    listed = priya.get(f"/activities?provider_id={w.provider['clay']}&state=open")
    assert [a["name"] for a in listed.json["items"]] == ["The pottery table"]
    assert priya.get("/activities?state=closed").json["items"] == []
    assert priya.get("/activities/01890000-0000-7000-8000-000000000001").status == 404


# -- escalations --------------------------------------------------------------------------------


def escalated(w: World, record: str, by: str = "priya", **more: Any) -> Said:
    body = {"kind": "no_reply", "about": "referral", "about_id": record, "note": "Help.", **more}
    return program(w, by).post("/escalations", body)


def tess(w: World) -> Program:
    return program(w, "tess")


def test_an_escalation_is_raised_decided_carried_out_and_closed(w: World) -> None:
    record = w.sent()
    said = escalated(w, record)
    assert (said.status, said.json["state"]) == (201, "raised")
    path = said.headers["Location"]
    assert tess(w).move(path, "acknowledge").json["state"] == "in_review"
    decided = tess(w).move(
        path,
        "decide",
        {
            "decision": "uphold",
            "note": "Take her back.",
            "consequences": [
                {
                    "noun": "referral",
                    "record_id": record,
                    "trigger": "recall",
                    "given": {"reason": "no_reply"},
                }
            ],
        },
    )
    assert (decided.status, decided.json["state"]) == (200, "decided")
    seen = tess(w).get(path).json["consequences"]
    assert [(c["trigger"], c["state"]) for c in seen] == [("recall", "pending")]
    early = tess(w).move(path, "complete")
    assert (early.status, early.codes) == (409, ["settled"])
    body = {"consequence_id": seen[0]["id"], "settled": "done"}
    done = tess(w).move(path, "settle", body, key="s")
    again = tess(w).move(path, "settle", body, key="s")
    assert (done.status, again.json["replayed"]) == (200, True)
    assert program(w, "priya").get(f"/referrals/{record}").json["state"] == "returned"
    assert tess(w).move(path, "settle", body).status == 422
    assert tess(w).move(path, "complete").json["state"] == "closed"


def test_what_could_not_be_carried_out_is_not_called_done(w: World) -> None:
    record = w.sent()
    path = escalated(w, record).headers["Location"]
    tess(w).move(path, "acknowledge")
    consequence = {"noun": "referral", "record_id": record, "trigger": "confirm"}
    decision = {"decision": "uphold", "note": "Yes.", "consequences": [consequence]}
    tess(w).move(path, "decide", decision)
    one = tess(w).get(path).json["consequences"][0]
    said = tess(w).move(path, "settle", {"consequence_id": one["id"], "settled": "done"})
    assert (said.status, said.codes) == (409, ["no_such_move"])
    after = tess(w).get(path).json["consequences"][0]
    assert (after["state"], after["refusals"][0]["code"]) == ("failed", "no_such_move")
    waived = tess(w).move(
        path,
        "settle",
        {"consequence_id": one["id"], "settled": "waived", "reason": "no_longer_needed"},
    )
    assert waived.status == 200


def test_a_decision_of_weight_waits_for_a_second_reviewer(w: World) -> None:
    record = w.sent()
    path = escalated(w, record, severity="high").headers["Location"]
    tess(w).move(path, "acknowledge")
    recall = {"noun": "referral", "record_id": record, "trigger": "recall"}
    body = {
        "decision": "uphold",
        "note": "Yes.",
        "review_on": "2026-08-01",
        "consequences": [{**recall, "given": {"reason": "no_reply"}}],
    }
    said = tess(w).move(path, "decide", body)
    assert (said.status, said.json["state"]) == (202, "in_review")
    waiting = said.headers["Location"]
    assert program(w, "priya").move(waiting, "confirm").status == 404
    assert tess(w).get(path).json["state"] == "in_review"
    done = program(w, "grace").move(waiting, "confirm")
    assert (done.status, done.json["state"]) == (200, "decided")
    seen = tess(w).get(path).json
    assert seen["review_on"] == "2026-08-01"
    assert [c["trigger"] for c in seen["consequences"]] == ["recall"]


def test_somebody_who_works_here_is_asked(w: World) -> None:
    path = escalated(w, w.sent()).headers["Location"]
    tess(w).move(path, "acknowledge")
    nobody = {"note": "Who?", "asked": "member@01890000-0000-7000-8000-000000000001"}
    assert list(tess(w).move(path, "ask", nobody).fields) == ["asked"]
    assert tess(w).move(path, "ask", {"note": "Who?", "asked": "Priya"}).status == 422
    asked = {"note": "What was tried?", "asked": f"member@{w.actor['priya'].membership_id}"}
    assert tess(w).move(path, "ask", asked).json["state"] == "information_requested"
    assert program(w, "priya").move(path, "answer", {"note": "Rang twice."}).status == 200


def test_what_one_cannot_see_cannot_be_escalated(w: World) -> None:
    record = w.sent()
    assert escalated(w, record, by="olu").status == 404
    assert escalated(w, record, by="kit").status == 404
    path = escalated(w, record).headers["Location"]
    for who in ("sam", "olu", "kit", "fred"):
        other = program(w, who)
        assert other.get(path).status == 404
        assert other.get(f"{path}/moves").status == 404
        assert other.move(path, "acknowledge").status == 404
        assert other.get("/escalations").json["items"] == []
        about = {"about": "escalation", "about_id": path.rsplit("/", 1)[1]}
        assert escalated(w, record, by=who, **about).status == 404


def test_whoever_is_named_finds_no_escalation_about_the_person(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    path = escalated(w, record).headers["Location"]
    assert program(w, "priya").get(path).status == 200
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
    assert program(w, "priya").get(path).status == 404
    assert program(w, "priya").get("/escalations").json == {"items": [], "next": None}
    assert tess(w).get(path).status == 200


def test_an_escalation_asks_what_it_is_about(w: World) -> None:
    said = program(w, "priya").post("/escalations", {"kind": "anger"})
    assert (said.status, set(said.fields)) == (422, {"kind", "note"})
    body = {"kind": "other", "note": "x", "about": "referral"}
    about = program(w, "priya").post("/escalations", body)
    assert (about.status, set(about.fields)) == (422, {"about_id"})
    assert program(w, "cora").post("/escalations", {"kind": "other", "note": "x"}).status == 403


def test_the_raiser_reads_the_decision_and_not_the_reviewers_questions(w: World) -> None:
    path = escalated(w, w.sent()).headers["Location"]
    tess(w).move(path, "acknowledge")
    asked = {"note": "What was tried?", "asked": f"member@{w.actor['sam'].membership_id}"}
    tess(w).move(path, "ask", asked)
    program(w, "sam").move(path, "answer", {"note": "Rang twice."})
    kept = {"conditions": "Ring each Monday."}
    tess(w).move(path, "decide", {"decision": "uphold", "note": "You are right.", **kept})
    for who in ("tess", "priya"):
        steps = program(w, who).get(f"{path}/steps").json["items"]
        found = [program(w, who).get(path).json["conditions"]]
        found += [s["conditions"] for s in steps if s["trigger"] == "decide"]
        assert found == ["Ring each Monday."] * 2, who
        assert not any(s["why_unreported"] for s in steps)
        assert [s["conditions"] for s in steps if s["trigger"] != "decide"] == [None] * 4

    def notes(who: str) -> dict[str, str | None]:
        steps = program(w, who).get(f"{path}/steps").json["items"]
        return {s["trigger"]: s["note"] for s in steps if s["note"]}

    assert notes("priya") == {"raise": "Help.", "decide": "You are right."}
    assert notes("tess") == {**notes("priya"), "ask": "What was tried?", "answer": "Rang twice."}
    assert program(w, "kit").get(f"{path}/steps").status == 404
