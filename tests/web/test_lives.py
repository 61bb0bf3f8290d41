"""The pages of what life brings: each shows what it will do, then does it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from referral.store import Sql, Store
from tests.web.api import program
from tests.web.client import sign_in
from tests.world import World, build
from web.edge import Edge
from web.worker import sweep_all


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    store = Store(sqlite_url)
    yield build(store)
    store.dispose()


def one(w: World, text: str, **params: object) -> object:
    with w.store.read() as tx:
        row = tx.row(Sql(text), **params)
    assert row
    return row[0]


STATE = "SELECT state FROM referral WHERE id = :id"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"died_on__month": "April", "died_on__year": "2026"}, "Died April 2026, aged 75"),
        ({"died_on__month": "3", "died_on__year": "2026"}, "Died March 2026 NHS number"),
        ({"died_on__month": "5", "died_on__year": "2026"}, "Died May 2026, aged 75"),
        ({"day_not_known": "yes"}, "Died Day not known NHS number"),
    ],
)
def test_a_day_of_death_is_kept_as_far_as_it_is_known(
    w: World, said: dict[str, str], shown: str
) -> None:
    person = w.person()
    priya = sign_in(w, "priya")
    page = priya.send(priya.get(f"/people/{person}/death"), follow=True, said_by="A son", **said)
    assert shown in page.words
    assert "years)" not in page.words


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "Enter the day or the month the person died, or that nobody could say."),
        ({"died_on__day": "3", "died_on__month": "4"}, "Enter a real date"),
        ({"died_on__month": "6", "died_on__year": "2026"}, "has come already"),
        (
            {"died_on__month": "4", "died_on__year": "2026", "day_not_known": "yes"},
            "Enter when they died, or that nobody could say.",
        ),
    ],
)
def test_a_day_of_death_that_says_too_little_or_too_much_is_asked_again(
    w: World, said: dict[str, str], why: str
) -> None:
    person = w.person()
    priya = sign_in(w, "priya")
    page = priya.send(priya.get(f"/people/{person}/death"), said_by="A son", **said)
    assert page.status == 422
    assert why in page.words
    assert "Died" not in priya.get(f"/people/{person}").words


def test_a_program_says_the_month_of_a_death_alone(w: World) -> None:
    person = w.person()
    priya = program(w, "priya")
    died = {"died_on": "2026-04", "said_by": "The practice"}
    assert priya.post(f"/people/{person}/death", died).status == 200
    found = priya.get(f"/people/{person}").json
    assert (found["died_on"], found["died_about"]) == ("2026-04-30", "month")
    wrong = priya.post(f"/people/{w.person()}/death", {**died, "died_on": "2026-13"})
    assert (wrong.status, set(wrong.fields)) == (422, {"died_on"})


def test_a_death_is_recorded_after_a_preview_and_put_right_by_the_lead(w: World) -> None:
    person = w.person()
    active, done = w.active(person), w.completed(person, "pottery")
    priya = sign_in(w, "priya")
    page = priya.get(f"/people/{person}/death")
    assert "Singing for breathing, Riverside Singers" in page.words
    assert page.words.index("Singing for breathing") < page.words.index("finished already")
    assert page.words.index("finished already") < page.words.index("The pottery table")
    assert "not even what is waiting to go" in page.words
    wrong = priya.send(page, said_by="Her daughter")
    assert (wrong.status, one(w, STATE, id=active)) == (422, "active")
    assert "Her daughter" in wrong.text
    when = {"died_on__day": "10", "died_on__month": "5", "died_on__year": "2026"}
    after = priya.send(wrong, **when)
    assert "Recorded. 1 referral was stopped" in after.banner
    assert "Born 15 March 1951" in after.words
    assert "years)" not in after.words
    assert "Died 10 May 2026, aged 75" in after.words
    assert "tell your team lead" in after.words
    assert "aged 75" in priya.get(f"/referrals/{done}").words
    assert "Told by Her daughter" in after.words
    assert "Start a new referral" not in after.words
    assert (one(w, STATE, id=active), one(w, STATE, id=done)) == ("withdrawn", "completed")
    assert priya.get(f"/people/{person}/death/undo").status == 403
    tess = sign_in(w, "tess")
    leads_on = f'href="/people/{person}/death/undo"'
    assert leads_on in tess.get(f"/people/{person}").text
    page = tess.get(f"/people/{person}/death/undo")
    assert f'href="/referrals/{active}"' in page.text
    assert f'href="/referrals/{done}"' not in page.text
    lives = tess.send(page, follow=True, why="Another Margaret")
    assert "Died" not in lives.words
    assert "years)" in lives.words
    sweep_all(Edge(w.store, lambda: w.at))
    told = "A death was recorded by mistake: the person lives."
    heard = priya.get("/notices")
    assert heard.words.count(told) == 2
    assert f'href="/referrals/{active}"' in heard.text
    assert told not in sign_in(w, "sam").get("/notices").words
    assert told not in sign_in(w, "sol").get("/notices").words
    for who, status in (("olu", 404), ("sol", 403), ("grace", 403)):
        assert sign_in(w, who).get(f"/people/{person}/death").status == status


def test_moving_away_stops_what_is_ticked(w: World) -> None:
    person = w.person()
    choir, pottery = w.active(person), w.sent(person, "pottery")
    priya = sign_in(w, "priya")
    page = priya.get(f"/people/{person}/moved")
    assert page.text.count("checked") == 2
    after = priya.send(page, stop=[choir])
    assert "1 referral was stopped" in after.banner
    assert (one(w, STATE, id=choir), one(w, STATE, id=pottery)) == ("withdrawn", "sent")


def test_a_lead_passes_a_person_on_to_another_team(w: World) -> None:
    person = w.person()
    active = w.active(person)
    tess = sign_in(w, "tess")
    assert "/pass-on" in tess.get(f"/people/{person}/moved").text
    assert "still open here" in tess.get(f"/people/{person}/pass-on").words
    w.referral(active, "withdraw", "priya", given={"reason": "moved_away"})
    page = tess.get(f"/people/{person}/pass-on")
    assert "Fenside practice, Fen" in page.words
    assert "Clay Table" not in page.words
    after = tess.send(page, organisation_id=w.org["fenside"])
    assert "Passed on to Fenside practice" in after.banner
    assert tess.get(f"/people/{person}").status == 404
    assert sign_in(w, "tom").get(f"/people/{person}").status == 200
    sweep_all(Edge(w.store, lambda: w.at))
    assert "Another team passed a person on to you." in sign_in(w, "tom").get("/notices").words


def test_two_records_are_joined_once_each_referral_is_confirmed(w: World) -> None:
    keep, other = w.person(), w.person(family_name="Okoro1", phone="07700 900111")
    mine, theirs = w.active(keep), w.sent(other, "pottery")
    tess = sign_in(w, "tess")
    page = tess.get(f"/people/{keep}/join")
    assert f"/people/{keep}/join/{other}" in page.text
    reference = str(one(w, "SELECT reference FROM person WHERE id = :id", id=other))
    assert tess.fill(f"/people/{keep}/join", reference="SG-NONE").status == 422
    page = tess.fill(f"/people/{keep}/join", reference=reference.lower())
    assert "This record goes into the other." in page.words
    assert "Phone 07700 900 111" in page.words
    refused = tess.send(page)
    assert "Confirm each referral" in refused.words
    after = tess.send(refused, referrals=[theirs])
    assert after.path == f"/people/{keep}"
    assert "The two records are one now." in after.banner
    assert "The pottery table" in after.words
    assert tess.get(f"/people/{other}").path == f"/people/{keep}"
    assert reference not in tess.get("/people").words
    assert tess.get(f"/referrals/{theirs}").status == 200
    again = w.person()
    w.sent(again)
    blocked = tess.get(f"/people/{keep}/join/{again}")
    assert "Both records hold an open referral to the same activity." in blocked.words
    assert mine


def test_a_lead_sees_who_is_away_hands_people_over_and_ends_a_role(w: World) -> None:
    drafts = [w.draft() for _ in range(3)]
    priya, sam = w.actor["priya"].membership_id, w.actor["sam"].membership_id
    mine = sign_in(w, "priya")
    away = mine.fill("/away", away_from__day="11", away_from__month="5", away_from__year="2026")
    assert "The team lead stands in" in away.banner
    said = "Priya Shah is away or has left. The team lead stands in."
    assert said in sign_in(w, "sam").get(f"/referrals/{drafts[0]}").words
    assert "/away" in mine.get("/").text
    tess = sign_in(w, "tess")
    team = tess.get("/team")
    assert "3 open referrals, away from 11 May 2026, it is not known until when" in team.words
    assert "Okoro1" in tess.get("/").words
    look = tess.fill(f"/team/{priya}/hand-over", receivers=[sam])
    assert "What would happen" in look.words
    assert look.words.count("to Sam Okafor") == 3
    assert one(w, "SELECT count(*) FROM referral WHERE link_worker_id = :id", id=sam) == 0
    end = tess.fill(f"/team/{priya}/end")
    assert "They still carry people." in end.words
    after = tess.send(look)
    assert "3 referrals were handed over" in after.banner
    assert "Everyone has been handed over." in after.words
    assert "Ended." in tess.fill(f"/team/{priya}/end").banner
    assert mine.get("/").path == "/sign-in"
    for who, path, status in (
        ("tom", f"/team/{sam}/away", 404),
        ("tom", f"/team/{sam}/hand-over", 404),
        ("tom", f"/team/{sam}/end", 404),
        ("sam", "/team", 403),
        ("tess", f"/team/{w.actor['tess'].membership_id}/end", 404),
        ("grace", f"/team/{sam}/end", 200),
        ("ada", f"/team/{sam}/away", 200),
        ("ada", f"/team/{sam}/hand-over", 403),
    ):
        assert sign_in(w, who).get(path).status == status, (who, path)


def test_who_sets_up_a_place_finds_the_same_beside_each_account(w: World) -> None:
    sam = w.actor["sam"].membership_id
    for who, hands_over in (("grace", True), ("ada", False)):
        account = f"/users/{sam}"
        visitor = sign_in(w, who)
        assert account in visitor.get(f"/organisations/{w.org['ash']}").text
        page = visitor.get(account)
        assert f"/team/{sam}/away" in page.text
        assert f"/team/{sam}/end" in page.text
        assert (f"/team/{sam}/hand-over" in page.text) is hands_over
    kit = w.actor["kit"].membership_id
    sign_in(w, "grace").fill(f"/team/{kit}/end")
    assert sign_in(w, "kit").get("/").path == "/sign-in"


def test_many_people_go_over_some_at_a_time_and_the_page_says_how_far(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.caseloads.AT_ONCE", 2)
    for _ in range(3):
        w.draft()
    priya, sam = w.actor["priya"].membership_id, w.actor["sam"].membership_id
    tess = sign_in(w, "tess")
    page = tess.send(tess.fill(f"/team/{priya}/hand-over", receivers=[sam]))
    assert "2 of 3 handed over." in page.words
    assert "Everyone has been handed over." in tess.send(page).words


def test_a_provider_that_leaves_sees_what_becomes_of_its_people(w: World) -> None:
    sent, active = w.sent(), w.active()
    assurance = str(
        one(w, "SELECT id FROM assurance WHERE provider_id = :id", id=w.provider["singers"])
    )
    reference = str(one(w, "SELECT reference FROM referral WHERE id = :id", id=active))
    grace = sign_in(w, "grace")
    page = grace.get(f"/assurance/{assurance}/leave")
    assert "Back to Ash Lane practice" in page.words
    assert f"{reference}, taking part, Priya Shah" in page.words
    own = sign_in(w, "sol").get(f"/assurance/{assurance}/leave")
    assert "goes back to their link worker" in own.words
    assert "Priya Shah" not in own.words
    grace.send(page, reason="closed_down")
    assert {one(w, STATE, id=r) for r in (sent, active)} == {"returned"}


def test_programs_do_the_same_with_the_same_words(w: World) -> None:
    keep, other = w.person(), w.person()
    active = w.active(other)
    priya = program(w, "priya")
    look = priya.get(f"/people/{keep}/merge/{other}").json
    assert [r["id"] for r in look["referrals"]] == [active]
    refused = priya.post(f"/people/{keep}/merge", {"other": other, "referrals": []})
    assert (refused.status, refused.json["code"]) == (422, "wrong_referrals")
    said = priya.post(f"/people/{keep}/merge", {"other": other, "referrals": [active]})
    assert (said.status, said.json["id"]) == (200, keep)
    assert priya.get(f"/people/{other}").status == 404
    assert [r["id"] for r in priya.get(f"/people/{keep}/death").json["stops"]] == [active]
    moved = priya.post(f"/people/{keep}/move-away", {"stop": [active]})
    assert moved.json == {"stopped": [active], "refusals": []}
    died = priya.post(f"/people/{keep}/death", {"died_on": "2026-05-10", "said_by": "The practice"})
    assert (died.status, died.json["stopped"]) == (200, [])
    twice = priya.post(
        f"/people/{keep}/death", {"died_on": "2026-05-10", "said_by": "The practice"}
    )
    assert (twice.status, twice.json["code"]) == (409, "already_recorded")
