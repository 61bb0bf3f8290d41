"""The restricted lane at the API's door: who raised it, who holds it, the ladder; nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from referral.states import Noun
from referral.store import Sql, Store
from tests.web.api import Said, program
from tests.world import World, build


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def raised(w: World, who: str = "priya", **more: Any) -> Said:
    body = {"person_id": w.person(), "seen": "Bruises on both arms.", "danger": False, **more}
    said = program(w, who).post("/concerns", body)
    assert said.status == 201, said.json
    return said


@pytest.mark.invariant("I57")
def test_a_concern_is_raised_and_the_receipt_gives_no_false_comfort(w: World) -> None:
    said = raised(w)
    assert (said.json["state"], said.json["ring"]) == ("raised", "01632 960100")
    seen = program(w, "priya").get(said.headers["Location"]).json
    assert (seen["acknowledged_at"], seen["ring"]) == (None, "01632 960100")
    w.later(hours=12)
    assert program(w, "priya").get(said.headers["Location"]).json["ring"] == "01632 960199"


def test_the_holder_takes_it_through_to_its_end(w: World) -> None:
    said = raised(w)
    path, gwen = said.headers["Location"], program(w, "gwen")
    assert gwen.move(path, "acknowledge", {"hold_stays": False}).status == 200
    assert "ring" not in gwen.get(path).json or gwen.get(path).json["ring"] is None
    assert gwen.move(path, "report_to_authority", {"reported_to": "The council"}).status == 200
    said = gwen.move(path, "authority_decides", {"authority_decision": "none"})
    assert said.json["state"] == "under_review"
    missing = gwen.move(path, "close", {"reason": "advice"})
    assert (missing.status, set(missing.fields)) == (422, {"wishes_met", "feedback"})
    closed = gwen.move(
        path, "close", {"reason": "advice", "wishes_met": "fully", "feedback": "Thank you."}
    )
    assert closed.json["state"] == "closed"


def test_who_raised_it_sees_their_words_and_not_what_the_holder_does(w: World) -> None:
    said = raised(w, sources=[{"user_id": w.actor["kit"].user_id}])
    path = said.headers["Location"]
    program(w, "gwen").move(path, "acknowledge")
    program(w, "gwen").move(path, "report_to_authority", {"reported_to": "The council"})
    mine = program(w, "priya").get(path).json
    assert mine["seen"] == "Bruises on both arms."
    assert mine["acknowledged_at"] is not None
    assert not {"reported_to", "holder", "rung", "authority_reference"} & set(mine)
    theirs = program(w, "gwen").get(path).json
    assert theirs["reported_to"] == "The council"
    moves = program(w, "priya").get(f"{path}/moves").json["items"]
    assert [m["trigger"] for m in moves if m["allowed"]] == ["told_authority"]


@pytest.mark.parametrize("who", ["sam", "tess", "olu", "sol", "grace", "fred", "ada", "art"])
def test_to_everybody_else_it_is_not_there(w: World, who: str) -> None:
    path = raised(w).headers["Location"]
    other = program(w, who)
    nothing = other.get("/concerns/01890000-0000-7000-8000-000000000001").json
    assert other.get(path).json == nothing
    assert other.get(f"{path}/moves").status == 404
    for trigger in ("acknowledge", "climb", "hold", "told_authority"):
        body = {"reach": "all"} if trigger == "hold" else None
        body = {"reported_to": "x"} if trigger == "told_authority" else body
        said = other.move(path, trigger, body)
        assert said.status == 404, (trigger, said.json)
    assert other.get("/concerns").json == {"items": [], "next": None}


@pytest.mark.parametrize("who", ["gwen", "paul", "seth", "amara", "priya"])
def test_the_raiser_the_holder_and_the_ladder_see_it(w: World, who: str) -> None:
    said = raised(w)
    assert program(w, who).get(said.headers["Location"]).status == 200
    listed = program(w, who).get("/concerns").json["items"]
    assert [item["id"] for item in listed] == [said.json["id"]]
    assert "seen" not in listed[0]


def test_a_commissioner_may_raise_one_and_finds_no_other(w: World) -> None:
    path = raised(w).headers["Location"]
    cora = program(w, "cora")
    assert cora.get(path).status == 404
    assert cora.get("/concerns").json == {"items": [], "next": None}


def test_nobody_named_as_a_source_of_harm_finds_it_even_as_the_ladder(w: World) -> None:
    gwen = w.actor["gwen"]
    said = raised(w, sources=[{"user_id": gwen.user_id}])
    path = said.headers["Location"]
    assert program(w, "gwen").get(path).status == 404
    assert program(w, "gwen").get("/concerns").json == {"items": [], "next": None}
    assert program(w, "paul").get(path).json["holder"].startswith("safeguarding_lead@")
    assert program(w, "paul").move(path, "acknowledge").status == 200
    handed = program(w, "paul").move(path, "hand_over", {"holder": f"member@{gwen.membership_id}"})
    assert (handed.status, list(handed.fields)) == (422, ["holder"])
    assert "source" not in str(handed.json).lower().replace('"source"', "").replace("'source'", "")
    seth = f"member@{w.actor['seth'].membership_id}"
    assert program(w, "paul").move(path, "hand_over", {"holder": seth}).status == 200


def test_only_what_was_seen_and_danger_are_asked_for(w: World) -> None:
    person = w.person()
    said = program(w, "priya").post("/concerns", {"person_id": person})
    assert (said.status, set(said.fields)) == (422, {"seen", "danger"})
    story = program(w, "priya").post(
        "/concerns", {"person_id": person, "danger": True, "seen": "x" * 20_000}
    )
    assert story.status == 201
    past = program(w, "priya").post(
        "/concerns", {"person_id": person, "danger": True, "seen": "x" * 100_000}
    )
    assert (past.status, list(past.fields)) == (422, ["seen"])


def test_a_provider_raises_one_by_the_referral_they_see_only(w: World) -> None:
    record = w.active()
    body = {"referral_id": record, "seen": "She was afraid.", "danger": False}
    assert program(w, "sol").post("/concerns", body).status == 201
    assert program(w, "kit").post("/concerns", body).status == 404


def test_a_concern_raised_twice_under_one_key_is_one(w: World) -> None:
    body = {"person_id": w.person(), "seen": "Bruises.", "danger": False}
    priya = program(w, "priya")
    first, again = (priya.post("/concerns", body, key="k") for _ in range(2))
    assert (first.json["id"], again.json["replayed"]) == (again.json["id"], True)


def test_each_reading_of_a_concern_is_audited(w: World) -> None:
    said = raised(w)
    program(w, "gwen").get(said.headers["Location"])
    with w.store.read() as tx:
        rows = tx.rows(
            Sql("SELECT action, membership_id FROM audit WHERE record_id = :id ORDER BY seq"),
            id=said.json["id"],
        )
    assert rows[-1] == ("read", w.actor["gwen"].membership_id)


def test_a_hold_reaches_what_it_says_and_is_lifted_by_the_holder(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    made = w.step(
        Noun.CONCERN,
        None,
        "raise",
        "priya",
        given={"person_id": person, "seen": "Bruises.", "danger": False, "sources": []},
    )
    gwen, path = program(w, "gwen"), f"/concerns/{made.id}"
    early = gwen.move(path, "release")
    assert (early.status, early.codes) == (409, ["no_such_move"])
    gwen.move(path, "acknowledge")
    assert gwen.move(path, "hold", {"reach": "everything"}).status == 422
    body = {"reach": "provider", "hold_provider_id": w.provider["clay"]}
    assert gwen.move(path, "hold", body).status == 200
    assert program(w, "sol").move(f"/referrals/{record}", "accept").status == 200


def test_what_is_done_with_it_is_read_by_the_holder_and_the_ladder_only(w: World) -> None:
    path = raised(w).headers["Location"]
    gwen = program(w, "gwen")
    gwen.move(path, "acknowledge", {"note": "Rang her sister."})
    told = [(s["trigger"], s["note"]) for s in gwen.get(f"{path}/steps").json["items"]]
    assert told == [("acknowledge", "Rang her sister."), ("raise", None)]
    assert program(w, "priya").get(f"{path}/steps").json == {"items": []}
    assert program(w, "tess").get(f"{path}/steps").status == 404
    late = program(w, "priya").move(
        path, "told_authority", {"reported_to": "The council"}, version='"1"'
    )
    assert (late.status, late.json["changed"]) == (412, [])


def test_the_raiser_gets_the_feedback_when_it_is_closed(w: World) -> None:
    path = raised(w).headers["Location"]
    gwen = program(w, "gwen")
    gwen.move(path, "acknowledge")
    assert program(w, "priya").get(path).json["feedback"] is None
    end = {"reason": "advice", "wishes_met": "fully", "feedback": "She is safe now."}
    assert gwen.move(path, "close", end).status == 200
    assert program(w, "priya").get(path).json["feedback"] == "She is safe now."


def test_a_raiser_inside_an_organisation_named_sees_their_own_words_only(w: World) -> None:
    record = w.active()
    said = program(w, "sol").post(
        "/concerns",
        {
            "referral_id": record,
            "seen": "A colleague shouted at her.",
            "danger": False,
            "sources": [{"organisation_id": w.org["singers"]}],
        },
    )
    path = said.headers["Location"]
    mine = program(w, "sol").get(path).json
    assert mine["seen"] == "A colleague shouted at her."
    assert not {"state", "acknowledged_at", "holder", "version"} & set(mine)
    assert mine["ring"] == "01632 960100"  # whom to ring is no secret, and tells of no progress
    assert program(w, "rae").get(path).status == 404
    assert program(w, "sol").get(f"{path}/moves").status == 404


def test_a_raiser_who_is_named_themselves_finds_nothing(w: World) -> None:
    path = raised(w, sources=[{"user_id": w.actor["priya"].user_id}]).headers["Location"]
    assert program(w, "priya").get(path).status == 404


def test_why_staff_were_not_reported_stands_with_the_step_that_closed_it(w: World) -> None:
    """The holder and the ladder read it; its raiser reads the feedback alone."""
    sources = [{"user_id": w.actor["sol"].user_id}]
    said = raised(w, sources=sources)
    path, gwen = said.headers["Location"], program(w, "gwen")
    gwen.move(path, "acknowledge", {"hold_stays": False})
    why = "The council's own officer raised it with us."
    ending = {"wishes_met": "fully", "reason": "advice", "feedback": "Sol is off the rota."}
    assert gwen.move(path, "close", {**ending, "why_unreported": why}).status == 200
    told = gwen.get(f"{path}/steps").json["items"]
    assert [(s["trigger"], s["why_unreported"]) for s in told] == [
        ("close", why),
        ("acknowledge", None),
        ("raise", None),
    ]
    assert told[0]["note"] == "Sol is off the rota."
    assert gwen.get(f"{path}/steps?after=2").json["items"] == told[:1]
    assert why in str(program(w, "paul").get(f"{path}/steps").json)
    priya = program(w, "priya")
    assert why not in str((priya.get(f"{path}/steps").json, priya.get(path).json))
