"""A call that was made is kept: how it went, when, and what was said for the team alone."""

from __future__ import annotations

import pytest

from referral.store import Store
from tests.web.api import program
from tests.web.client import Page, Visitor, sign_in
from tests.web.test_home import names
from tests.web.test_reminders import put_off
from tests.winding import rows
from tests.world import World, build


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def record(w: World, visitor: Visitor, referral: str, how: str, **more: str) -> Page:
    path = f"/referrals/{referral}/call"
    return visitor.send(visitor.get(path), follow=True, reason=how, **more)


@pytest.mark.parametrize(
    ("how", "left"), [("reached", 0), ("provider_reached", 0), ("no_answer", 1)]
)
def test_a_planned_call_is_off_the_list_once_somebody_was_spoken_to(
    w: World, how: str, left: int
) -> None:
    referral = w.active()
    visitor = sign_in(w, "priya")
    put_off(w, visitor, f"/referrals/{referral}/remind", 1, "check_in")
    page = record(w, visitor, referral, how)
    assert page.path == f"/referrals/{referral}"
    assert "The call is kept in the history." in page.words
    assert len(names(visitor.get("/"))) == left


def test_a_call_stands_in_the_latest_and_in_the_history_with_what_was_said(w: World) -> None:
    referral = w.active()
    before = w.referral(referral, "update", "sol", given={"note": "Well."}).version
    w.later(hours=2)
    page = record(
        w, sign_in(w, "priya"), referral, "reached", note="She liked the altos.",
        happened_at="today at 9.15am",
    )  # fmt: skip
    told = "A call was made: We spoke with the person"
    assert told in page.words
    history = sign_in(w, "sam").get(f"/referrals/{referral}/history").words
    assert told in history
    assert "at 9:15am, written down" in history
    assert "She liked the altos." in history
    assert program(w, "priya").get(f"/referrals/{referral}").json["version"] == before + 1
    steps = program(w, "priya").get(f"/referrals/{referral}/steps").json["items"]
    assert steps[0]["happened_at"] < steps[0]["at"]


def test_the_provider_hears_nothing_of_the_teams_calls(w: World) -> None:
    referral = w.active()
    record(w, sign_in(w, "sam"), referral, "no_answer", note="It rang out.")
    for path in (f"/referrals/{referral}", f"/referrals/{referral}/history"):
        words = sign_in(w, "sol").get(path).words
        assert "A call was made" not in words
        assert "rang out" not in words
    steps = program(w, "sol").get(f"/referrals/{referral}/steps").json["items"]
    assert "call" not in {step["trigger"] for step in steps}
    refused = program(w, "sol").move(f"/referrals/{referral}", "call", {"reason": "reached"})
    assert refused.status == 403


@pytest.mark.parametrize(("safe", "status"), [(False, 422), (True, 200), (None, 200)])
def test_a_message_is_left_only_where_one_may_be(w: World, safe: bool | None, status: int) -> None:
    referral = w.draft(w.person(message_safe=safe))
    page = sign_in(w, "priya").get(f"/referrals/{referral}/call")
    assert ('value="left_message"' in page.text) is (status == 200)
    assert ("No message may be left for this person." in page.words) is (status == 422)
    asked = {"reason": "left_message"}
    assert program(w, "priya").move(f"/referrals/{referral}", "call", asked).status == status


def test_a_call_is_kept_though_the_referral_changed_meanwhile(w: World) -> None:
    referral = w.active()
    visitor = sign_in(w, "priya")
    page = visitor.get(f"/referrals/{referral}/call")
    w.referral(referral, "update", "sol", given={"note": "Well."})
    page = visitor.send(page, follow=True, reason="wrong_number")
    assert "It was the wrong number for the person" in page.words


def test_a_call_says_how_it_went_and_was_not_in_time_to_come(w: World) -> None:
    referral = w.active()
    visitor = sign_in(w, "priya")
    page = visitor.send(visitor.get(f"/referrals/{referral}/call"), happened_at="1 1 2090 9am")
    assert "Choose how the call went." in page.words
    assert "Enter a time that has come already." in page.words


def test_whom_to_ring_and_how_stands_on_the_form_for_the_team_alone(w: World) -> None:
    ways = {"phone": "07700 900123", "contact_method": "phone", "contact_times": "after 2pm"}
    referral = w.active(w.person(**ways, message_safe=False))
    sam = sign_in(w, "sam")
    page = sam.get(f"/referrals/{referral}/call")
    assert "Phone 07700 900 123 Best times after 2pm Messages Do not leave a message" in page.words
    assert 'href="tel:' in page.text
    assert "07700 900 123" in sam.send(page).words
    sol = sign_in(w, "sol")
    assert "900 123" not in sol.get(page.path).words


@pytest.mark.parametrize("end", ["closed", "withdrawn"])
def test_a_call_is_kept_after_an_end_and_takes_nothing_up_again(w: World, end: str) -> None:
    if end == "closed":
        referral = w.completed()
        w.referral(referral, "confirm", "priya")
    else:
        referral = w.active()
        w.referral(referral, "withdraw", "priya", given={"reason": "moved_away"})
    visitor = sign_in(w, "priya")
    assert f'href="/referrals/{referral}/call"' in visitor.get(f"/referrals/{referral}").text
    page = record(w, visitor, referral, "reached", note="Still sings at home.")
    assert "A call was made: We spoke with the person" in page.words
    assert program(w, "priya").get(f"/referrals/{referral}").json["state"] == end
    running = rows(w.store, "SELECT kind FROM clock WHERE record_id = :id AND ended IS NULL",
                   id=referral)  # fmt: skip
    assert running == []
