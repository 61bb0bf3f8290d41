"""Ordinary holds on the pages and at the API's door."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from referral.store import Store
from tests.web.api import program
from tests.web.client import sign_in
from tests.world import World, build
from workflows.working_time import ENGLAND, add, local_day


@pytest.fixture(scope="module")
def w(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("holds") / "segue.db"
    shutil.copy(sqlite_template, path)
    store = Store(f"sqlite:///{path}")
    yield build(store)
    store.dispose()


def in_days(w: World, days: int) -> dict[str, str]:
    day = local_day(add(w.at, days, ENGLAND))
    return {
        "until__day": str(day.day),
        "until__month": str(day.month),
        "until__year": str(day.year),
    }


def test_a_hold_is_placed_and_lifted_on_the_page_of_the_referral(w: World) -> None:
    record = w.sent()
    priya, sol = sign_in(w, "priya"), sign_in(w, "sol")
    page = priya.get(f"/referrals/{record}")
    assert f"/referrals/{record}/hold" in page.text
    placed = priya.fill(f"/referrals/{record}/hold", cause="hospital", **in_days(w, 8))
    assert "On hold. You are reminded on the day." in placed.banner
    assert "They are in hospital, until the end of 22 May 2026." in placed.words
    seen = sol.get(f"/referrals/{record}")
    assert "On hold. Call the link worker" in seen.words
    assert "hospital" not in seen.words
    assert "Lift this hold" not in seen.words
    (lift,) = [i for i, form in enumerate(placed.forms) if form[0].endswith("/lift")]
    lifted = priya.send(placed, form=lift)
    assert "Lifted. It goes on." in lifted.banner
    assert "On hold" not in sol.get(f"/referrals/{record}").words


def test_a_date_too_far_is_refused_and_what_was_typed_stays(w: World) -> None:
    record = w.sent()
    again = sign_in(w, "priya").fill(
        f"/referrals/{record}/hold", cause="person_asked", **in_days(w, 30)
    )
    assert again.status == 422
    assert "Enter a sooner date: at most 20 working days from now" in again.words
    assert 'value="person_asked"' in again.text
    nothing = sign_in(w, "priya").fill(f"/referrals/{record}/hold")
    assert "Choose why it stands still." in nothing.words
    assert "Enter the day until which it stands still." in nothing.words


def test_records_are_put_right_by_the_lead_and_the_page_tells_nobody_else(w: World) -> None:
    record = w.active()
    tess, sol = sign_in(w, "tess"), sign_in(w, "sol")
    assert (
        "records"
        not in sign_in(w, "priya")
        .get(f"/referrals/{record}/hold")
        .text.lower()
        .split("<main")[1]
        .split("</main")[0]
    )
    chosen = {"cause": "records", "side": "provider", **in_days(w, 5)}
    placed = tess.fill(f"/referrals/{record}/hold", **chosen)
    assert "Their records are being put right" in placed.words
    assert "Closed to: The provider." in placed.words
    seen = sol.get(f"/referrals/{record}")
    assert "On hold. Call the link worker" in seen.words
    assert "records are being put right" not in seen.words
    assert "Okoro" not in seen.words
    assert "Lift this hold" not in sign_in(w, "priya").get(f"/referrals/{record}").words


def test_no_page_for_whoever_may_not(w: World) -> None:
    record = w.sent()
    assert sign_in(w, "olu").get(f"/referrals/{record}/hold").status == 404
    assert "What you can do" not in sign_in(w, "sam").get(f"/referrals/{record}/hold").words
    assert sign_in(w, "grace").get(f"/referrals/{record}/hold").status == 403
    made = program(w, "priya").post(
        f"/referrals/{record}/holds", {"cause": "hospital", "until": "2026-05-20"}
    )
    for who in ("sam", "sol"):
        page = sign_in(w, who).post(f"/referrals/{record}/holds/{made.json['id']}/lift")
        assert page.status == 404, who


def test_a_program_places_and_lifts(w: World) -> None:
    record = w.active()
    path = f"/referrals/{record}/holds"
    sol, priya = program(w, "sol"), program(w, "priya")
    body = {"cause": "person_asked", "until": "2026-05-20"}
    made = sol.post(path, body, key="hold-1")
    assert made.status == 201
    assert sol.post(path, body, key="hold-1").json == made.json
    (seen,) = priya.get(path).json["items"]
    assert (seen["id"], seen["cause"], seen["owner_name"]) == (
        made.json["id"],
        "person_asked",
        "Sol Rivers",
    )
    assert program(w, "rae").get(path).json == {"items": []}
    assert program(w, "rae").post(f"{path}/{seen['id']}/lift").status == 404
    assert priya.post(f"{path}/{seen['id']}/lift").json == {"items": []}
    assert priya.post(f"{path}/{seen['id']}/lift").status == 404
    wrong = priya.post(path, {"cause": "records", "until": "2026-05-20"})
    assert (wrong.status, set(wrong.fields)) == (422, {"side"})


def test_a_program_of_the_team_is_not_told_to_ring_the_team(w: World) -> None:
    record = w.sent()
    sign_in(w, "priya").fill(f"/referrals/{record}/hold", cause="hospital", **in_days(w, 8))
    ours, theirs = "Agree any contact within your team first.", "Call the link worker's team"
    w.referral(record, "recall", "priya", given={"reason": "better_fit"})
    refused = program(w, "priya").move(f"/referrals/{record}", "send")
    assert (refused.status, refused.json["code"]) == (409, "not_held")
    assert ours in refused.json["why"]
    sent = w.sent()
    sign_in(w, "priya").fill(f"/referrals/{sent}/hold", cause="hospital", **in_days(w, 8))
    listed = program(w, "sol").get(f"/referrals/{sent}/moves").json["items"]
    (accept,) = [m for m in listed if m["trigger"] == "accept"]
    assert theirs in accept["refusals"][0]["why"]
    refused = program(w, "sol").move(f"/referrals/{sent}", "accept")
    assert theirs in refused.json["why"]
    assert ours not in refused.json["why"]
