"""Setting up: places, organisations and accounts, as pages; and a directory feed of one's own."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from referral.store import Sql, Store
from tests.web.client import sign_in, visit
from tests.web.feeds import SERVICES
from tests.world import World, build

ORGANISATIONS = Sql("SELECT id, name FROM organisation WHERE name = :name")
PHONE = Sql("SELECT safeguarding_phone FROM place WHERE id = :id")
ACCOUNT = Sql("SELECT id, password_hash FROM app_user WHERE email = :email")
ROLES = Sql("SELECT count(*) FROM membership WHERE user_id = :id")
PLACES_LEFT = Sql("SELECT count(*) FROM activity_group WHERE capacity = 0")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def rows(w: World, sql: Sql, **more: Any) -> list[tuple[Any, ...]]:
    with w.store.read() as tx:
        return tx.rows(sql, **more)


def new_account(w: World, who: str = "grace", **more: Any) -> Any:
    answers = {"name": "New Person", "email": "new@example.org", "role": "link_worker", **more}
    return sign_in(w, who).fill(f"/organisations/{w.org['ash']}/accounts/add", **answers)


def test_an_organisation_is_added_in_a_place(w: World) -> None:
    page = sign_in(w, "grace").fill(
        "/organisations/add", name="Paper Boats", kind="voluntary", place_id=w.place["harbour"]
    )
    assert "Added." in page.banner
    assert "Paper Boats" in page.words
    assert "Paper Boats" in sign_in(w, "ada").get("/organisations").words


def test_what_is_missing_of_an_organisation_is_asked_for(w: World) -> None:
    page = sign_in(w, "grace").fill("/organisations/add", name="Paper Boats", phone="123")
    assert page.status == 422
    assert "Choose what kind of organisation it is." in page.words
    assert 'value="Paper Boats"' in page.text
    assert rows(w, ORGANISATIONS, name="Paper Boats") == []


def test_another_place_is_not_there(w: World) -> None:
    grace = sign_in(w, "grace")
    assert "Fenside" not in grace.get("/organisations").words
    assert grace.get(f"/organisations/{w.org['fenside']}").status == 404
    assert grace.get(f"/places/{w.place['fen']}/phones").status == 404
    answers = {"name": "Far Away", "kind": "voluntary", "place_id": w.place["fen"]}
    assert grace.post("/organisations/add", answers).status == 404
    assert rows(w, ORGANISATIONS, name="Far Away") == []
    assert "Tom Fen" not in grace.get("/users").words
    assert "Tom Fen" in sign_in(w, "gail").get("/users").words


def test_the_rest_of_the_staff_sets_nothing_up(w: World) -> None:
    for who in ("priya", "sol", "tess", "gwen"):
        for path in ("/organisations", "/users", "/directory", "/places/add"):
            assert sign_in(w, who).get(path).status == 403


def test_a_place_below_another(w: World) -> None:
    page = sign_in(w, "grace").fill(
        "/places/add", name="Quayside", kind="neighbourhood", parent_id=w.place["harbour"]
    )
    assert "Quayside" in page.words


def test_who_answers_in_a_place(w: World) -> None:
    path = f"/places/{w.place['harbour']}/phones"
    page = sign_in(w, "grace").fill(path, safeguarding_phone="no number")
    assert page.status == 422
    assert "no number" in page.text
    page = sign_in(w, "grace").fill(path, safeguarding_phone="01632 960155")
    assert "01632 960155" in page.words
    assert rows(w, PHONE, id=w.place["harbour"]) == [("+441632960155",)]


def test_the_password_is_shown_once_and_works(w: World) -> None:
    page = new_account(w)
    password = re.search(r"Password\s+((?:[a-z]{4}-){5}[a-z]{4})", page.words)
    assert password is not None, page.words
    assert password[1] not in str(rows(w, ACCOUNT, email="new@example.org"))
    visitor = visit(w)
    inside = visitor.fill("/sign-in", email="new@example.org", password=password[1])
    assert "New Person" in inside.words
    again = sign_in(w, "grace").get(f"/organisations/{w.org['ash']}")
    assert "new@example.org" in again.words
    assert password[1] not in again.text


def test_an_account_there_is_gets_one_more_role(w: World) -> None:
    page = new_account(w, email="priya@example.org", role="team_lead")
    assert page.path.startswith("/users/")
    assert "They can work in it once they have chosen a password." in page.words
    with w.store.begin() as tx:
        tx.run(Sql("UPDATE app_user SET password_hash = 'x' WHERE email = 'sam@example.org'"))
    page = new_account(w, email="sam@example.org", role="team_lead")
    assert "They sign in as before" in page.words
    user = rows(w, ACCOUNT, email="priya@example.org")[0][0]
    assert rows(w, ROLES, id=user) == [(2,)]


def test_governance_makes_nobody_an_administrator(w: World) -> None:
    page = new_account(w, role="administrator")
    assert page.status == 422
    assert rows(w, ACCOUNT, email="new@example.org") == []
    assert new_account(w, "ada", role="administrator").status == 200


def test_who_answers_for_a_place_needs_one(w: World) -> None:
    page = new_account(w, role="governance_lead")
    assert page.status == 422
    assert "Choose the place they answer for." in page.words
    assert 'value="new@example.org"' in page.text
    assert rows(w, ACCOUNT, email="new@example.org") == []


def test_a_file_from_a_directory_is_read(w: World) -> None:
    ada = sign_in(w, "ada")
    with SERVICES.open("rb") as file:
        page = ada.post(
            "/directory",
            {"feed": (io.BytesIO(file.read()), "services.json")},
            content_type="multipart/form-data",
        )
    assert page.status == 200
    assert "Activities added" in page.words
    added = re.search(r"Activities added (\d+)", page.words)
    assert added is not None
    assert int(added[1]) > 0
    assert rows(w, PLACES_LEFT)[0][0] == int(added[1])


def test_a_file_that_is_no_feed_says_so(w: World) -> None:
    page = sign_in(w, "ada").post(
        "/directory",
        {"feed": (io.BytesIO(b"not a feed"), "x.json")},
        content_type="multipart/form-data",
    )
    assert page.status == 200
    assert "What was not right in it" in page.words


def test_neither_a_file_nor_an_address_is_asked_for_again(w: World) -> None:
    ada = sign_in(w, "ada")
    assert "Choose a file" in ada.fill("/directory").words
    page = ada.fill("/directory", address="file:///etc/passwd")
    assert page.status == 422
    assert "file:///etc/passwd" in page.text
    assert "Enter the whole address" in page.words


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.1.2.3", "[::1]", "169.254.169.254"])
def test_what_lies_within_the_own_network_is_not_fetched(w: World, host: str) -> None:
    page = sign_in(w, "ada").fill("/directory", address=f"http://{host}/services")
    assert page.status == 422
    assert "Enter an address on the web." in page.words


def test_a_wrong_number_of_an_organisation_is_put_right_and_nobody_writes_over_another(
    w: World,
) -> None:
    path = f"/organisations/{w.org['ash']}"
    grace, ada = sign_in(w, "grace"), sign_in(w, "ada")
    late = ada.get(f"{path}/change")
    page = grace.fill(f"{path}/change", phone="12", name="")
    assert page.status == 422
    assert 'value="12"' in page.text
    assert "Enter the name of the organisation." in page.words
    page = grace.fill(f"{path}/change", phone="01632 960177", url="https://ash.example.org")
    assert page.banner == "Saved. Everybody who works with it sees it from now."
    assert "01632 960177" in page.words
    assert "Ash" in page.words
    page = ada.send(late, phone="01632 960178")
    assert page.status == 409
    assert "01632 960177" in page.words
    assert "01632 960177" in grace.get(path).words
    assert grace.get(f"/organisations/{w.org['fenside']}/change").status == 404


def test_a_place_gets_another_name_from_whoever_answers_for_it(w: World) -> None:
    page = sign_in(w, "grace").fill(f"/places/{w.place['harbour']}/name", name="Old Harbour")
    assert "Saved." in page.banner
    assert "Old Harbour" in page.words
    page = sign_in(w, "grace").fill(f"/places/{w.place['harbour']}/name", name=" ")
    assert page.status == 422
    assert "Enter the name of the place." in page.words
    assert sign_in(w, "grace").get(f"/places/{w.place['fen']}/name").status == 404


def test_an_account_begins_with_where_somebody_works(w: World) -> None:
    grace = sign_in(w, "grace")
    assert 'href="/users/add"' in grace.get("/users").text
    assert "Fenside" not in grace.get("/users/add").words
    page = grace.get("/users/add?organisation=")
    assert "Choose their organisation." in page.words
    assert "Choose their" in grace.get(f"/users/add?organisation={w.org['fenside']}").words
    page = grace.get(f"/users/add?organisation={w.org['ash']}")
    assert page.path == f"/organisations/{w.org['ash']}/accounts/add"


def test_organisations_are_found_by_a_part_of_their_name(w: World) -> None:
    grace = sign_in(w, "grace")
    page = grace.get("/organisations?called=+aSH+")
    assert "Ash Lane practice" in page.words
    assert "Riverside Singers" not in page.words
    assert "0 organisations" in grace.get("/organisations?called=Fenside").words
