"""The list of referrals: narrowed and sorted by its address, page by page under every order, saved
under a name, and taken as a table by those who may."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from referral.states import Noun
from referral.store import Sql, Store
from tests.counting import BUDGET, statements
from tests.web.client import Page, sign_in
from tests.web.test_home import chips, concern
from tests.world import World, build
from web.labels import NEEDS
from web.referral_lists import sorts

NEED = list(NEEDS)[-1]


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def names(page: Page) -> list[str]:
    found = re.findall(r'class="app-sort" href="/referrals/[^"]*">([^<]+)</a>', page.text)
    return [name.split()[0] for name in found]


def ids(page: Page) -> list[str]:
    return re.findall(r'class="app-sort" href="/referrals/([0-9a-f-]{36})"', page.text)


def older(page: Page) -> str | None:
    found = re.findall(r'<a href="([^"]+)">More</a>', page.text)
    return found[0].replace("&amp;", "&") if found else None


def test_a_list_is_narrowed_by_its_address(w: World) -> None:
    w.draft(w.person(given_name="Ann"))
    w.sent(w.person(given_name="Ben"))
    visitor = sign_in(w, "priya")
    assert "2 referrals" in visitor.get("/referrals").words
    sent = visitor.get("/referrals?state=sent&state=nonsense")
    assert names(sent) == ["Ben"]
    assert "1 referral" in sent.words
    assert chips(sent)["Waiting for provider × Leave this out"] == "/referrals"
    assert "There are none." in visitor.get("/referrals?overdue=yes").words
    w.later(days=20)
    assert len(names(sign_in(w, "priya").get("/referrals?overdue=yes&mine=yes"))) == 2
    assert names(sign_in(w, "sam").get("/referrals?mine=yes")) == []


def test_it_is_narrowed_by_who_has_it_where_and_what_would_help(w: World) -> None:
    w.draft(w.person(given_name="Ann", practice="Ash Lane"))
    w.sent(w.person(given_name="Ben", practice="Sea View"))
    pottery = w.sent(w.person(given_name="Cat", practice="Ash Lane"), "pottery")
    with w.store.begin() as tx:
        tx.run(
            Sql(
                "UPDATE plan SET needs = :needs"
                " WHERE id = (SELECT plan_id FROM referral WHERE id = :id)"
            ),
            needs=json.dumps([NEED]),
            id=pottery,
        )
    visitor = sign_in(w, "priya")

    def found(asked: str) -> list[str]:
        return sorted(names(visitor.get(f"/referrals?{asked}")))

    assert found("with=us") == ["Ann"]
    assert found("with=provider") == ["Ben", "Cat"]
    assert found("with=nobody") == []
    assert found("with=us&state=sent") == []
    assert found(f"provider={w.provider['clay']}") == ["Cat"]
    assert found("practice=Ash+Lane") == ["Ann", "Cat"]
    assert found(f"need={NEED}") == ["Cat"]
    assert found("deadline=soon") == ["Ann", "Ben", "Cat"]
    assert found("deadline=today") == []
    assert found("provider=nonsense&need=nonsense&with=nonsense&sort=nonsense") == [
        "Ann", "Ben", "Cat",
    ]  # fmt: skip


def test_each_thing_asked_can_be_left_out_alone(w: World) -> None:
    w.sent()
    page = sign_in(w, "priya").get("/referrals?state=sent&with=provider&sort=person")
    assert chips(page)["Waiting for provider × Leave this out"] == (
        "/referrals?with=provider&amp;sort=person"
    )
    assert chips(page)["With: The provider × Leave this out"] == (
        "/referrals?state=sent&amp;sort=person"
    )


@pytest.mark.parametrize("by", ["person", "status", "with", "deadline", "updated"])
def test_pages_hold_together_under_every_order(w: World, by: str) -> None:
    for number in range(27):
        person = w.person(given_name=f"P{number:02}", family_name=f"N{(number * 7) % 27:02}")
        (w.sent if number % 2 else w.draft)(person)
    visitor = sign_in(w, "priya")
    for way in ("", "-"):
        first = visitor.get(f"/referrals?sort={way}{by}")
        further = older(first)
        assert further is not None
        assert "after=" in further
        rest = visitor.get(further)
        assert older(rest) is None
        assert len(ids(first)) == 25
        assert len({*ids(first), *ids(rest)}) == 27
        mark = "descending" if way else "ascending"
        assert f'aria-sort="{mark}"' in first.text
        if by == "person":
            sorted_names = re.findall(r">P\d\d (N\d\d)</a>", first.text + rest.text)
            assert sorted_names == sorted(sorted_names, reverse=bool(way))


def test_a_provider_sorts_and_narrows_by_nothing_that_is_hidden(w: World) -> None:
    w.draft(w.person(given_name="Ann"))
    w.sent(w.person(given_name="Ben", family_name="Zed"))
    w.active(w.person(given_name="Cat", family_name="Abel"))
    visitor = sign_in(w, "sol")
    page = visitor.get("/referrals")
    assert sorted(names(page)) == ["Ben", "Cat"]
    assert "sort=person" not in page.text
    assert 'name="practice"' not in page.text
    assert 'value="draft"' not in page.text
    for asked in ("state=draft", "sort=person", "practice=none", "need=x", "mine=yes"):
        assert ids(visitor.get(f"/referrals?{asked}")) == ids(page), asked
    assert len(re.findall("app-work-item__name", visitor.get("/taking-part").text)) == 1
    assert sign_in(w, "priya").get("/taking-part").status == 403
    for who in ("ada", "art", "cora", "ingrid"):
        assert sign_in(w, who).get("/referrals").status == 403


def test_what_is_closed_is_told_by_no_filter_and_no_place_in_the_list(w: World) -> None:
    person = w.person(given_name="Ann", family_name="Abel")
    w.sent(person)
    w.sent(w.person(given_name="Ben", family_name="Zed"), "pottery")
    given = {
        "person_id": person,
        "seen": "Bruises.",
        "danger": False,
        "sources": [{"user_id": w.actor["priya"].user_id}],
    }
    w.step(Noun.CONCERN, None, "raise", "gwen", given=given)
    visitor = sign_in(w, "priya")
    for asked in (
        f"provider={w.provider['singers']}", "practice=none", "deadline=soon", "deadline=overdue"
    ):  # fmt: skip
        assert "Ann" not in names(visitor.get(f"/referrals?{asked}")), asked
    for by in ("status", "deadline"):
        assert names(visitor.get(f"/referrals?sort={by}")) == ["Ben", "Ann"], by
    page = visitor.get("/referrals")
    assert "Abel" not in page.text
    assert "concern" not in page.words.lower()


def test_a_held_referral_is_late_for_nobody(w: World) -> None:
    person = w.person()
    w.sent(person)
    concern(w, person)
    w.later(days=20)
    assert names(sign_in(w, "priya").get("/referrals?deadline=overdue")) == []


def test_the_list_asks_little_of_the_store(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        w.sent(w.person())
    visitor = sign_in(w, "priya")
    asked = statements(monkeypatch)
    for path in ("/referrals", "/referrals?sort=person&with=provider&practice=none"):
        asked.clear()
        assert visitor.get(path).status == 200
        assert len(asked) <= BUDGET


# -- saved under a name -------------------------------------------------------------------------


def test_a_list_is_saved_under_a_name_renamed_and_thrown_away(w: World) -> None:
    w.sent()
    visitor = sign_in(w, "priya")
    page = visitor.get("/referrals?with=provider&sort=deadline")
    (path,) = re.findall(r'href="(/referrals/lists\?[^"]+)"', page.text)
    saved = visitor.send(visitor.get(path.replace("&amp;", "&")), name="With others")
    assert saved.path == "/referrals"
    assert "Saved. It stands above your referrals." in saved.words
    assert chips(saved)["With others"] == "/referrals?with=provider&amp;sort=deadline"
    assert "Save this list" not in saved.words
    assert "With others" not in sign_in(w, "sam").get("/referrals").words
    listed = visitor.get("/referrals/lists")
    (one,) = re.findall(r'href="(/referrals/lists/[0-9a-f-]{36})"', listed.text)
    renamed = visitor.send(visitor.get(one), name="Waiting")
    assert "The list has its new name." in renamed.words
    assert "Waiting" in chips(visitor.get("/referrals"))
    gone = visitor.send(visitor.get(one), form=1)
    assert "No referral changed." in gone.words
    assert visitor.get(one).status == 404
    assert "Waiting" not in chips(visitor.get("/referrals"))


def test_a_name_is_asked_for_and_taken_once(w: World) -> None:
    visitor = sign_in(w, "priya")
    path = "/referrals/lists?asked=with%3Dprovider"
    assert "Enter a name for this list." in visitor.send(visitor.get(path), name="").words
    visitor.send(visitor.get(path), name="Mine")
    again = visitor.send(visitor.get("/referrals/lists?asked=with%3Dus"), name="mine")
    assert again.status == 422
    assert "You have a list of this name." in again.words
    nothing = visitor.post("/referrals/lists", {"name": "All", "asked": "evil=1&state=nonsense"})
    assert "Narrow or sort the list first, then save it." in nothing.words


def test_nobody_touches_somebody_elses_list(w: World) -> None:
    visitor = sign_in(w, "priya")
    visitor.send(visitor.get("/referrals/lists?asked=with%3Dprovider"), name="Mine")
    with w.store.read() as tx:
        (view,) = tx.row(Sql("SELECT id FROM saved_view")) or ("",)
    other = sign_in(w, "sam")
    assert other.get(f"/referrals/lists/{view}").status == 404
    assert other.post(f"/referrals/lists/{view}", {"name": "X"}).status == 404
    assert other.post(f"/referrals/lists/{view}/end", {}).status == 404
    assert "Mine" in chips(visitor.get("/referrals"))


# -- as a table ---------------------------------------------------------------------------------


def test_a_team_lead_takes_the_list_as_a_table_and_the_log_says_so(w: World) -> None:
    w.sent(w.person(given_name="=Ann", family_name="Okoro"))
    w.draft(w.person(given_name="Ben"))
    visitor = sign_in(w, "tess")
    assert 'href="/referrals.csv?state=sent"' in visitor.get("/referrals?state=sent").text
    taken = visitor.get("/referrals.csv?state=sent")
    rows = list(csv.reader(io.StringIO(taken.text)))
    assert rows[0][:3] == ["Reference", "Person", "Status"]
    assert [row[1] for row in rows[1:]] == ["'=Ann Okoro"]
    with w.store.read() as tx:
        actions = [r[0] for r in tx.rows(Sql("SELECT action FROM audit"))]
    assert "referrals_exported" in actions


def test_who_may_not_take_a_table_is_not_offered_one(w: World) -> None:
    w.sent()
    for who in ("priya", "sol", "gwen"):
        visitor = sign_in(w, who)
        assert ".csv" not in visitor.get("/referrals").text
        assert visitor.get("/referrals.csv").status == 403


def test_what_each_role_sorts_by_is_there(w: World) -> None:
    assert sorts(w.actor["sol"]) == ("status", "deadline", "updated")
    for who in ("tess", "gwen", "grace"):
        for by in sorts(w.actor[who]):
            assert sign_in(w, who).get(f"/referrals?sort={by}").status == 200


def test_no_table_is_offered_of_a_list_of_nothing(w: World) -> None:
    assert "spreadsheet" not in sign_in(w, "grace").get("/referrals").words
    w.sent()
    assert "spreadsheet" in sign_in(w, "grace").get("/referrals").words


def test_paper_and_the_file_stand_right_above_the_list_and_say_what_it_is_narrowed_to(
    w: World,
) -> None:
    w.sent()
    lead, worker = (sign_in(w, who).get("/referrals?state=sent") for who in ("tess", "priya"))
    file = "Take this list as a file for a spreadsheet (CSV)"
    assert file in lead.words
    assert file not in worker.words
    assert "Your team lead can take it as a file for a spreadsheet." in worker.words
    for page in (lead, worker):
        above = page.text.partition("<table")[0]
        assert "data-print" in above.rpartition("<h2")[2]
        assert "Showing only: Waiting for provider." in page.words
        assert "Printed on" in page.words
        assert "The list goes on" not in page.words
