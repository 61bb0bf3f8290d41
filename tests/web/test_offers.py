"""Our offers: places, status, and saying that all is still right."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from referral.store import Sql, Store
from tests.web.client import sign_in
from tests.winding import sweep
from tests.world import World, build
from workflows.engine import Refused
from workflows.evidence import add_evidence

ACTIVITY = Sql("SELECT name, status, confirmed_at FROM activity WHERE id = :id", times=(2,))
GROUP = Sql("SELECT capacity, members_from_outside FROM activity_group WHERE id = :id")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def group(w: World, name: str = "choir") -> tuple[int, int]:
    with w.store.read() as tx:
        row = tx.row(GROUP, id=w.group[name])
    assert row is not None
    return row[0], row[1]


def places(w: World, name: str = "choir") -> str:
    return f"/offers/{w.activity[name]}/places/{w.group[name]}"


def test_provider_says_how_many_places_there_are(w: World) -> None:
    page = sign_in(w, "sol").fill(places(w), capacity="12", members_from_outside="5")
    assert "7 places left" in page.words
    assert group(w) == (12, 5)


def test_fewer_places_than_people_are_refused_and_kept_as_typed(w: World) -> None:
    w.accepted()
    page = sign_in(w, "sol").fill(places(w), capacity="0")
    assert page.status == 422
    assert "More people than this have a place already." in page.words
    assert group(w) == (8, 0)


def test_no_number_is_asked_for_again(w: World) -> None:
    page = sign_in(w, "sol").fill(places(w), capacity="a few", members_from_outside="2")
    assert page.status == 422
    assert 'value="a few"' in page.text
    assert "Enter a whole number." in page.words


def test_what_a_colleague_changed_meanwhile_is_said_beside_it_and_not_written_over(
    w: World,
) -> None:
    sol, rae = sign_in(w, "sol"), sign_in(w, "rae")
    path = f"/offers/{w.activity['choir']}"
    page = sol.get(path)
    rae.fill(path, location="The new hall", cost_words="Free")
    page = sol.send(page, location="The old barn")
    assert page.status == 409
    assert "Somebody changed this meanwhile. It says now: The new hall" in page.words
    assert "What changed meanwhile" in page.words
    assert "Rae Rivers, " in page.words
    kept = dict(next(fields for action, fields in page.forms if dict(fields).get("name")))
    assert (kept["location"], kept["cost_words"]) == ("The old barn", "Free")
    assert sol.send(page).path == "/offers"
    assert sol.get(path).text.count("The old barn") == 1


def test_who_changes_only_what_nobody_else_touched_is_not_stopped(w: World) -> None:
    sol = sign_in(w, "sol")
    path = f"/offers/{w.activity['choir']}"
    page = sol.get(path)
    sign_in(w, "rae").fill(places(w), capacity="12")
    assert sol.send(page, location="The old barn").path == "/offers"


def test_another_provider_finds_no_places_to_change(w: World) -> None:
    kit = sign_in(w, "kit")
    assert kit.get(places(w)).status == 404
    assert kit.post(places(w), {"name": "x", "capacity": "1"}).status == 404
    assert kit.get(f"/offers/{w.activity['choir']}").status == 404
    assert "Singing" not in kit.get("/offers").words
    assert group(w) == (8, 0)


def test_governance_over_the_place_changes_them_too(w: World) -> None:
    page = sign_in(w, "grace").fill(places(w), follow=False, capacity="9")
    assert page.status == 303
    assert group(w) == (9, 0)


def test_governance_of_another_place_does_not(w: World) -> None:
    assert sign_in(w, "fred").get(places(w)).status == 404


def test_an_activity_is_paused(w: World) -> None:
    page = sign_in(w, "sol").fill(f"/offers/{w.activity['choir']}", status="paused")
    assert "Paused" in page.words
    with w.store.read() as tx:
        row = tx.row(ACTIVITY, id=w.activity["choir"])
    assert row is not None
    assert row[1] == "paused"


PAUSED = Sql("SELECT status, paused_until FROM activity WHERE id = :id")


def paused(w: World) -> tuple[str, str | None]:
    with w.store.read() as tx:
        row = tx.row(PAUSED, id=w.activity["choir"])
    assert row is not None
    return row[0], str(row[1]) if row[1] else None


def test_new_referrals_are_paused_until_a_day_and_open_by_themselves(w: World) -> None:
    path = f"/offers/{w.activity['choir']}/pause"
    until = {"until-day": "18", "until-month": "5", "until-year": "2026"}
    page = sign_in(w, "sol").fill(path, **until)
    assert "Nobody new is sent before Monday 18 May 2026." in page.banner
    assert "Nobody new until Monday 18 May 2026." in page.words
    assert paused(w) == ("paused", "2026-05-18")
    with pytest.raises(Refused) as refused:
        w.sent()
    assert "activity_open" in refused.value.codes
    w.later(days=4)
    sweep(w)
    assert paused(w)[0] == "paused"
    w.later(days=2)
    sweep(w)
    assert paused(w) == ("open", None)
    assert w.sent()


def heard(w: World, what: str) -> list[tuple[str, str]]:
    with w.store.read() as tx:
        found = tx.rows(
            Sql("SELECT to_owner, CAST(record_id AS text) FROM outbox WHERE what = :what"),
            what=what,
        )
    return [(to, record) for to, record in found]


def test_the_end_of_a_pause_is_told_to_the_leaders_and_to_who_has_somebody_for_it(
    w: World,
) -> None:
    draft, back, _there = w.draft(), w.sent(), w.sent()
    w.referral(back, "decline", "sol", given={"reason": "full"})
    w.draft(activity="pottery")
    until = {"until-day": "18", "until-month": "5", "until-year": "2026"}
    sign_in(w, "sol").fill(f"/offers/{w.activity['choir']}/pause", **until)
    w.later(days=6)
    sweep(w)
    priya = f"member@{w.actor['priya'].membership_id}"
    assert sorted(heard(w, "activity_open_again")) == sorted([(priya, draft), (priya, back)])
    assert [to for to, _record in heard(w, "takes_new_people")] == [
        f"provider_leader@{w.org['singers']}"
    ]
    sweep(w)
    assert "takes new people again" in sign_in(w, "priya").get("/notices").words
    assert "takes new people again" in sign_in(w, "sol").get("/notices").words
    assert len(heard(w, "activity_open_again")) == 2


def test_who_ends_a_pause_by_hand_is_not_told_so_and_a_change_without_one_tells_nobody(
    w: World,
) -> None:
    draft = w.draft()
    sol = sign_in(w, "sol")
    sol.fill(f"/offers/{w.activity['choir']}", location="The old barn")
    assert heard(w, "activity_open_again") == []
    sol.fill(f"/offers/{w.activity['choir']}", status="paused")
    sol.post(f"/offers/{w.activity['choir']}/open")
    assert [record for _to, record in heard(w, "activity_open_again")] == [draft]
    assert heard(w, "takes_new_people") == []


def test_a_pause_without_a_day_lasts_until_somebody_says_so(w: World) -> None:
    sol = sign_in(w, "sol")
    path = f"/offers/{w.activity['choir']}/pause"
    assert "Choose when you take new people again." in sol.fill(path).words
    assert "Enter the day you take new people again." in sol.fill(path, how_long="day").words
    assert paused(w) == ("open", None), "nothing is paused by an empty form"
    sol.fill(path, how_long="open_end")
    assert paused(w) == ("paused", None)
    w.later(days=300)
    sweep(w)
    assert paused(w)[0] == "paused"
    sol = sign_in(w, "sol")
    page = sol.get("/offers")
    assert "is paused, and stays paused when you confirm." in page.words
    again = [n for n, form in enumerate(page.forms) if form[0].endswith("/open")]
    assert "Open." in sol.send(page, form=again[0]).banner
    assert "stays paused when" not in sol.get("/offers").words
    assert paused(w) == ("open", None)


def test_a_pause_ends_after_today_and_is_nobody_elses(w: World) -> None:
    path = f"/offers/{w.activity['choir']}/pause"
    today = {"until-day": "12", "until-month": "5", "until-year": "2026"}
    page = sign_in(w, "sol").fill(path, **today)
    assert page.status == 422
    assert paused(w) == ("open", None)
    kit = sign_in(w, "kit")
    assert kit.get(path).status == 404
    assert kit.post(path.replace("/pause", "/open")).status == 404


def test_the_inbox_asks_once_a_month_whether_all_is_right(w: World) -> None:
    asks_it = "Is what you offer still right?"
    sol = sign_in(w, "sol")
    page = sol.get("/")
    assert asks_it in page.words
    confirm = [n for n, form in enumerate(page.forms) if form[0] == "/offers/confirm"]
    sol.send(page, form=confirm[0])
    assert asks_it not in sol.get("/").words
    w.later(days=31)
    assert asks_it in sign_in(w, "sol").get("/").words


def test_papers_that_run_out_soon_stand_on_the_page_and_in_the_inbox_and_others_do_not(
    w: World,
) -> None:
    soon = "Public liability insurance: until"
    assert not any(soon in sign_in(w, "sol").get(path).words for path in ("/offers", "/"))
    with w.store.begin(w.actor["grace"]) as tx:
        add_evidence(
            tx,
            w.actor["grace"],
            w.at,
            provider_id=w.provider["singers"],
            kind="public_liability",
            from_at=w.at - timedelta(days=300),
            until=w.at + timedelta(days=40),
        )
    for path in ("/offers", "/"):
        words = sign_in(w, "sol").get(path).words
        assert "Public liability insurance: until Sunday 21 June 2026" in words, path
    assert soon not in sign_in(w, "priya").get("/").words


GONE = Sql("DELETE FROM evidence WHERE provider_id = :id AND kind = 'public_liability'")


def test_a_paper_that_is_missing_is_said_with_the_way_to_hand_it_in(w: World) -> None:
    sol = sign_in(w, "sol")
    assert "Papers to hand in" not in sol.get("/offers").words
    with w.store.begin() as tx:
        tx.run(GONE, id=w.provider["singers"])
    page = sol.get("/offers")
    assert "Public liability insurance: missing" in page.words
    assert "/evidence/add?kind=public_liability" in page.text


def test_all_is_confirmed_in_one_press(w: World) -> None:
    sol = sign_in(w, "sol")
    page = sol.send(sol.get("/offers"))
    assert "1 activity confirmed." in page.banner
    with w.store.read() as tx:
        row = tx.row(ACTIVITY, id=w.activity["choir"])
    assert row is not None
    assert row[2] == w.at


def test_a_new_activity_has_no_places_until_they_are_said(w: World) -> None:
    sol = sign_in(w, "sol")
    page = sol.fill("/offers/add", name="Humming", when_words="Mondays", access_words="A ramp")
    assert "Humming" in page.words
    assert "Mondays · A ramp Next: Monday 18 May 2026." in page.words
    assert "No day is read" not in page.words
    other = sol.fill("/offers/add", name="Drumming", when_words="Every other Monday").words
    assert "Every other Monday No day is read from these words" in other
    assert "Say how many places there are" in page.words


def test_an_activity_needs_a_name(w: World) -> None:
    page = sign_in(w, "sol").fill("/offers/add", name=" ", when_words="Mondays at 2")
    assert page.status == 422
    assert "Enter the name of the activity." in page.words
    assert "Mondays at 2" in page.text


def test_a_link_worker_keeps_no_offers(w: World) -> None:
    assert sign_in(w, "priya").get("/offers").status == 403


ASKS = Sql("SELECT safety_questions FROM activity WHERE id = :id")


def asks(w: World) -> list[str]:
    with w.store.read() as tx:
        return json.loads(tx.rows(ASKS, id=w.activity["choir"])[0][0] or "[]")


def test_leaders_say_what_must_be_asked_to_keep_people_safe(w: World) -> None:
    sol = sign_in(w, "sol")
    where = f"/offers/{w.activity['choir']}"
    page = sol.fill(where, asks="Do you use oxygen?\r\n\r\n  Any falls   lately? \r\n")
    assert page.status == 200
    assert asks(w) == ["Do you use oxygen?", "Any falls lately?"]
    assert "Any falls lately?" in sol.get(where).text
    for wrong in ("\n".join(f"Question {n}?" for n in range(6)), "x" * 201):
        page = sol.fill(where, asks=wrong)
        assert page.status == 422
        assert "Write at most five questions" in page.words
    assert len(asks(w)) == 2
    sol.fill(where, asks="")
    assert asks(w) == []
