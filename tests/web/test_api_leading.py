"""Announcements, themes and policy for programs: the same commands as their pages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from referral.states import Noun
from referral.store import Store
from tests.web.api import program
from tests.world import World, build

WORDS = {"title": "Warm spaces", "body": "Three more are open."}


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def test_what_is_announced_costs_first_is_read_by_its_readers_and_counted(w: World) -> None:
    grace, priya, olu = (program(w, who) for who in ("grace", "priya", "olu"))
    asked = {**WORDS, "roles": ["link_worker"]}
    cost = grace.post("/announcements/cost", asked)
    assert (cost.status, cost.json["readers"] > 0) == (200, True)
    assert grace.get("/announcements").json["items"] == []
    made = grace.post("/announcements", asked, key="once")
    assert made.status == 201
    assert grace.post("/announcements", asked, key="once").json == made.json
    path = f"/announcements/{made.json['id']}"
    assert priya.get(path).json["read_at"] is None
    assert priya.post(f"{path}/read").json["read_at"] is not None
    assert [one["read"] for one in grace.get("/announcements").json["items"]] == [1]
    assert grace.get(path).json["body"] == WORDS["body"]
    assert olu.get(path).status == 404  # of another place
    assert olu.post(f"{path}/read").status == 404
    assert priya.post("/announcements", asked).status == 403
    wrong = grace.post("/announcements", {**WORDS, "roles": ["nobody"]})
    assert (wrong.status, wrong.json["field"]) == (422, "roles.0")


def test_a_review_is_tagged_and_its_theme_counted_for_who_answers_for_it(w: World) -> None:
    about = {"kind": "other", "note": "No reply again.", "about": "referral", "about_id": w.sent()}
    review = w.step(Noun.ESCALATION, None, "raise", "priya", given=about).id
    tess, grace, priya, fred = (program(w, who) for who in ("tess", "grace", "priya", "fred"))
    path = f"/escalations/{review}/themes"
    assert priya.post(path, {"new": "Silence"}).codes == ["not_your_record"]
    tagged = tess.post(path, {"new": "Silence in autumn"})
    assert tagged.status == 200
    (theme,) = tagged.json["themes"]
    found = grace.get("/themes").json["items"]
    assert [(one["name"], one["raised"], one["open"]) for one in found] == [
        ("Silence in autumn", 1, 1)
    ]
    assert [one["id"] for one in grace.get(f"/themes/{theme}").json["items"]] == [review]
    assert fred.get("/themes").json["items"] == []
    assert fred.get(f"/themes/{theme}").json["items"] == []
    assert grace.get("/themes?kind=complaint").json["items"] == []
    assert tess.post(path, {"themes": []}).json == {"themes": []}
    assert grace.get("/themes").json["items"] == []


def test_a_rule_is_read_by_all_and_set_by_who_answers_for_the_place(w: World) -> None:
    grace, fred, priya = (program(w, who) for who in ("grace", "fred", "priya"))

    def now() -> tuple[int, bool]:
        items = priya.get("/policy").json["items"]
        one = next(i for i in items if (i["kind"], i["name"]) == ("days", "referral.sent"))
        return one["value"], one["place_id"] is not None

    said = {"place_id": w.place["harbour"], "kind": "days", "name": "referral.sent", "value": 7}
    said["because"] = "Answers take a week here."
    assert now() == (5, False)
    assert priya.post("/policy", said).status == 403
    assert fred.post("/policy", said).status == 404
    assert grace.post("/policy", {**said, "value": -3}).status == 422
    assert grace.post("/policy", said, key="once").status == 201
    assert grace.post("/policy", said, key="once").status == 201
    w.later(minutes=1)
    assert now() == (7, True)


def test_a_change_is_put_to_others_and_decided_with_what_they_said(w: World) -> None:
    grace, priya, tess = (program(w, who) for who in ("grace", "priya", "tess"))
    wanted = [{"kind": "days", "name": "referral.sent", "value": 8}]
    asked = {
        "place_id": w.place["harbour"],
        "title": "Longer to reply",
        "because": "Small groups meet once a week.",
        "wanted": wanted,
        "closes_on": (w.at.date() + timedelta(days=14)).isoformat(),
    }
    assert tess.post("/policy/changes", asked).status == 403
    path = f"/policy/changes/{grace.post('/policy/changes', asked).json['id']}"
    assert [one["title"] for one in priya.get("/policy/changes").json["items"]] == [asked["title"]]
    assert priya.post(f"{path}/comments", {"body": "People wait longer."}).status == 201
    assert priya.post(f"{path}/comments", {"body": "Ring 01632 960100 200"}).status == 422
    decision = {"made": True, "heard": [{"said": "They wait longer.", "did": "Urgent stays 2."}]}
    assert grace.post(f"{path}/decide", decision).status == 422  # people can still comment
    w.later(days=20)
    other = program(w, "priya").post(f"{path}/decide", decision)
    assert (other.status, other.codes) == (409, ["not_your_record"])
    shown = program(w, "grace").post(f"{path}/decide", decision)
    assert (shown.status, shown.json["state"]) == (200, "made")
    assert [one["body"] for one in shown.json["said"]] == ["People wait longer."]
    items = program(w, "priya").get("/policy").json["items"]
    assert next(i["value"] for i in items if i["name"] == "referral.sent") == 8
