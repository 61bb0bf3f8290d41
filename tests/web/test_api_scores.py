"""How somebody says their life is, at the API: for the team of the record, and nobody else."""

from __future__ import annotations

from datetime import date

import pytest

from referral.store import Store
from tests.web.api import program
from tests.world import World, build


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


SAID = {"satisfied": 3, "anxious": 7, "stage": "start", "how": "phone", "asked_on": "2026-05-12"}


def test_answers_are_recorded_read_and_put_right_and_none_is_written_over(w: World) -> None:
    path = f"/referrals/{w.sent()}/scores"
    priya = program(w, "priya")
    made = priya.post(path, SAID, key="once")
    assert made.status == 201
    assert priya.post(path, SAID, key="once").json["id"] == made.json["id"]
    right = {**SAID, "satisfied": 4, "why": "mistyped"}
    del right["stage"]
    again = priya.post(f"/scores/{made.json['id']}/correct", right)
    assert again.status == 201
    first, second = priya.get(path).json["items"]
    assert (first["satisfied"], first["happy"], first["stands"]) == (3, None, False)
    assert (second["satisfied"], second["corrects"], second["stands"]) == (4, first["id"], True)
    assert second["why"] == "mistyped"
    assert priya.post(f"/scores/{first['id']}/correct", right).status == 409


def test_what_can_not_be_is_named(w: World) -> None:
    priya = program(w, "priya")
    path = f"/referrals/{w.sent()}/scores"
    wrong = priya.post(path, {**SAID, "satisfied": 11})
    assert wrong.status == 422
    assert "from 0 to 10" in str(wrong.json)
    child = w.draft(w.person(birth_date=date(2012, 1, 2)))
    young = priya.post(f"/referrals/{child}/scores", SAID)
    assert (young.status, young.json["code"]) == (409, "too_young")


def test_they_are_the_teams_alone(w: World) -> None:
    record = w.active()
    path = f"/referrals/{record}/scores"
    made = program(w, "priya").post(path, SAID).json["id"]
    assert program(w, "tess").get(path).status == 200
    assert program(w, "olu").get(path).status == 404
    for who in ("sol", "grace", "gwen", "amara", "cora"):
        assert program(w, who).get(path).status == 403
    said = {**SAID, "why": "mistyped"}
    del said["stage"]
    assert program(w, "olu").post(f"/scores/{made}/correct", said).status == 404
