"""Accounts: narrowed and in pages, what waits for each, a new password, and suspending."""

from __future__ import annotations

import re
from typing import Any

import pytest

from referral.store import Sql, Store
from tests.web.client import sign_in, visit
from tests.world import World, build
from web.passwords import GROUPS, SYLLABLES, hash_password, is_right, new_password
from workflows.accounts import check_password

WHO = Sql("SELECT u.active, u.password_hash FROM app_user u WHERE u.id = :id")
LOGGED = Sql(
    "SELECT a.action FROM audit a WHERE a.record_id = :id AND a.noun = 'user' ORDER BY a.seq"
)
SET_PASSWORD = Sql("UPDATE app_user SET password_hash = :hash WHERE id = :id")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def account(w: World, who: str) -> str:
    return f"/users/{w.actor[who].membership_id}"


def stands(w: World, who: str) -> tuple[bool, str | None]:
    with w.store.read() as tx:
        row = tx.row(WHO, id=w.actor[who].user_id)
    assert row is not None
    return bool(row[0]), row[1]


def logged(w: World, who: str) -> list[str]:
    with w.store.read() as tx:
        return [row[0] for row in tx.rows(LOGGED, id=w.actor[who].user_id)]


def suspended(w: World, who: str, by: str = "ada") -> Any:
    return sign_in(w, by).fill(f"{account(w, who)}/suspend", reason="lost")


def test_the_list_is_narrowed_and_comes_in_pages(w: World, monkeypatch: Any) -> None:
    ada = sign_in(w, "ada")
    page = ada.get("/users?role=team_lead")
    assert "Tess" in page.words
    assert "Priya" not in page.words
    assert "Sol" not in ada.get(f"/users?organisation={w.org['ash']}").words
    monkeypatch.setattr("web.accounts.A_PAGE", 2)
    first = ada.get("/users?role=link_worker")
    onward = re.search(r'href="(/users\?[^"]*after=[^"]*)"', first.text)
    assert onward is not None
    second = ada.get(onward[1].replace("&amp;", "&"))
    named = [
        set(re.findall(r'href="(/users/[0-9a-f-]{36})"', page.text)) for page in (first, second)
    ]
    assert len(named[0]) == 2
    assert named[1]
    assert not named[0] & named[1]
    assert ada.get("/users?standing=nobody").status == 404
    found = ada.get("/users?called=+tESs+")
    assert ("Tess" in found.words, "Priya" in found.words) == (True, False)
    assert "Priya" in ada.get("/users?called=PRIYA@").words
    assert "There are none." in ada.get("/users?called=%25").words  # no sign stands for others
    nobody = ada.get("/users?standing=suspended")
    assert (nobody.status, "There are none." in nobody.words) == (200, True)


def test_what_waits_for_a_link_worker_and_who_sees_to_it(w: World) -> None:
    w.sent()
    words = sign_in(w, "ada").get(account(w, "priya")).words
    assert "1 open referral is with them." in words
    assert "the team lead stands in: Tess" in words
    words = sign_in(w, "ada").get(account(w, "kit")).words
    assert "Nobody else is" in words


def test_a_suspended_account_is_out_at_once_and_its_people_pass_to_the_lead(w: World) -> None:
    referral = w.draft()
    priya = sign_in(w, "priya")
    assert referral not in sign_in(w, "tess").get("/").text
    page = suspended(w, "priya")
    assert "Suspended." in page.banner
    assert stands(w, "priya")[0] is False
    assert priya.get("/referrals").path == "/sign-in"
    assert referral in sign_in(w, "tess").get("/").text
    assert "Priya" in sign_in(w, "ada").get("/users?standing=suspended").words
    assert logged(w, "priya")[-1] == "account_suspended"

    page = sign_in(w, "ada").post(f"{account(w, 'priya')}/let-in", {})
    assert "They can sign in again" in page.banner
    assert stands(w, "priya")[0] is True
    assert referral not in sign_in(w, "tess").get("/").text


def test_why_is_asked_and_one_does_not_suspend_oneself(w: World) -> None:
    ada = sign_in(w, "ada")
    page = ada.fill(f"{account(w, 'priya')}/suspend")
    assert page.status == 422
    assert "Choose why." in page.words
    page = ada.post(f"{account(w, 'ada')}/suspend", {"reason": "lost"})
    assert "This is your own account." in page.words
    assert stands(w, "priya")[0]
    assert stands(w, "ada")[0]


def test_who_could_not_give_a_role_may_not_take_its_account(w: World) -> None:
    """Grace answers for Harbour, and gives no administrator's role."""
    grace = sign_in(w, "grace")
    assert "Suspend this account" in grace.get(account(w, "priya")).words
    for path in (account(w, "ada"), account(w, "tom")):
        assert grace.get(path).status == 404
        assert grace.post(f"{path}/suspend", {"reason": "lost"}).status == 404
    gail = sign_in(w, "gail")  # of the whole system
    page = gail.get(account(w, "ada"))
    assert "also has a role that isn't yours to give. Ask an administrator." in page.words
    before = stands(w, "ada")
    theirs = {"name": "Ada", "email": "gail.too@example.org"}
    for what, given in (
        ("suspend", {"reason": "lost"}), ("password", {}), ("let-in", {}), ("correct", theirs),
    ):  # fmt: skip
        assert "Ask an administrator." in gail.post(f"{account(w, 'ada')}/{what}", given).words
    assert stands(w, "ada") == before
    assert "gail.too@example.org" not in gail.get("/users?called=gail").text


def test_a_new_password_is_shown_once_and_the_old_one_is_dead(w: World) -> None:
    priya = sign_in(w, "priya")
    before = stands(w, "priya")[1]
    page = sign_in(w, "ada").fill(f"{account(w, 'priya')}/password")
    shown = re.search(r"Password (\S+) Write", page.words)
    assert shown is not None
    now = stands(w, "priya")[1]
    assert now != before
    assert is_right(now, shown[1])
    assert priya.get("/referrals").path == "/sign-in"
    assert logged(w, "priya")[-1] == "password_given"


def test_a_made_password_can_be_said_over_the_phone_and_is_not_guessed() -> None:
    assert len(set(SYLLABLES)) ** (2 * GROUPS) >= 2**64
    made = {new_password() for _ in range(50)}
    assert len(made) == 50
    for one in made:
        assert re.fullmatch(r"([bdfghjklmnrt][aeio]){2}(-([bdfghjklmnrt][aeio]){2}){5}", one)
        check_password(one)


def test_ones_own_password_is_changed_by_whoever_knows_the_old_one(w: World) -> None:
    old, new = "three old words here", "three new words here"
    with w.store.begin() as tx:
        tx.run(SET_PASSWORD, hash=hash_password(old), id=w.actor["priya"].user_id)
    elsewhere, priya = sign_in(w, "priya"), sign_in(w, "priya")
    page = priya.fill("/password", password="not this one", new_password=new)
    assert page.status == 422
    assert "not this one" not in page.text
    assert new not in page.text
    page = priya.fill("/password", password=old, new_password="short")
    assert "at least 12" in page.words
    assert is_right(stands(w, "priya")[1], old)

    page = priya.fill("/password", password=old, new_password=new)
    assert "Your password is changed." in page.banner
    assert is_right(stands(w, "priya")[1], new)
    assert priya.get("/referrals").path == "/referrals"
    assert elsewhere.get("/referrals").path == "/sign-in"
    assert logged(w, "priya")[-2:] == ["password_changed", "sign_in"]


def test_guessing_the_old_password_is_slowed_as_at_the_door(w: World) -> None:
    priya = sign_in(w, "priya")
    with w.store.begin() as tx:
        tx.run(SET_PASSWORD, hash=None, id=w.actor["priya"].user_id)
    given = {"password": "a guess", "new_password": "three new words here"}
    found = [priya.post("/password", given).status for _ in range(11)]
    assert found == [422] * 10 + [429]


def test_who_ends_a_role_reads_what_waits_for_it(w: World) -> None:
    w.sent()
    words = sign_in(w, "ada").get(f"/team/{w.actor['priya'].membership_id}/end").words
    assert "the team lead stands in: Tess" in words
    suspended(w, "priya")
    assert "cannot sign in at the moment" in sign_in(w, "tess").get("/team").words


def test_the_rest_of_the_staff_has_no_accounts_to_look_after(w: World) -> None:
    for who in ("priya", "tess", "gwen", "sol"):
        assert visit(w).get(account(w, "sam")).path == "/sign-in"
        assert sign_in(w, who).get(account(w, "sam")).status == 403


def test_days_away_say_who_stands_in_and_where_nobody_does(w: World) -> None:
    words = sign_in(w, "ada").get(f"/team/{w.actor['priya'].membership_id}/away").words
    assert "the team lead stands in: Tess" in words
    assert "you stand in" not in words
    page = sign_in(w, "kit").get("/away")
    assert "Nobody else is activity leader there" in page.words
    day = {"away_from-day": "20", "away_from-month": "7", "away_from-year": "2026"}
    page = sign_in(w, "ada").fill(f"/team/{w.actor['kit'].membership_id}/away", **day)
    assert page.path == account(w, "kit")
    assert "Nobody stands in on those days yet." in page.banner
    words = sign_in(w, "grace").get("/away").words
    assert "Nobody else is governance lead there, so what waits for you" in words


def test_one_more_role_is_given_on_the_account_and_never_to_oneself(w: World) -> None:
    ada = sign_in(w, "ada")
    page = ada.fill(f"{account(w, 'priya')}/role")
    assert page.status == 422
    assert "Choose the role." in page.words
    page = ada.fill(f"{account(w, 'priya')}/role", role="governance_lead")
    assert "Choose the place they answer for." in page.words
    page = ada.fill(f"{account(w, 'priya')}/role", role="team_lead")
    assert page.path.startswith("/users/")
    assert page.path != account(w, "priya")
    assert page.banner == "Role given. They can work in it once they have chosen a password."
    assert "Link worker" in page.words
    assert "Team lead" in page.words
    given = {"role": "auditor", "organisation_id": w.org["board"]}
    assert "Somebody else who sets up accounts" in ada.get(f"{account(w, 'ada')}/role").words
    assert ada.post(f"{account(w, 'ada')}/role", given).status == 409
    refused = sign_in(w, "grace").post(f"{account(w, 'priya')}/role", given)
    assert refused.status == 404  # the board isn't hers
    given = {"role": "auditor", "organisation_id": w.org["ash"]}
    page = sign_in(w, "grace").post(f"{account(w, 'priya')}/role", given)
    assert "This role isn't yours to give." in page.words
