"""An invitation: a link by which whoever has a new account chooses their first password, once and
within seven days; and from the first sign-in straight to what waits."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from referral.store import Sql, Store
from tests.web.client import Page, Visitor, app_of, sign_in, visit
from tests.web.test_forgotten import NEW, Desk
from tests.winding import rows
from tests.world import build
from web.carriers import NotTaken
from web.passwords import hash_password, is_right
from web.ways import NO_WAYS

SET_PASSWORD = Sql("UPDATE app_user SET password_hash = :hash WHERE id = :id")


@pytest.fixture
def d(store: Store, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(build(store), monkeypatch)


@pytest.fixture
def lite(sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """On SQLite alone, where the database says nothing of its own."""
    shutil.copy(sqlite_template, tmp_path / "segue.db")
    store = Store(f"sqlite:///{tmp_path / 'segue.db'}")
    yield Desk(build(store), monkeypatch)
    store.dispose()


def account(d: Desk, who: str = "priya") -> str:
    return f"/users/{d.w.actor[who].membership_id}"


def invited(d: Desk, who: str = "priya", by: str = "ada") -> Page:
    return sign_in(d.w, by).fill(f"{account(d, who)}/invite")


def links(d: Desk) -> list[str]:
    d.work()
    found = (re.search(r"https://segue.example.org(/invitation/\S+)", m.text) for m in d.mail.kept)
    return [link[1] for link in found if link]


def told(d: Desk) -> list[str]:
    who = d.w.actor["priya"].user_id
    return [row[0] for row in rows(d.w.store, "SELECT what FROM outbox WHERE record_id = :id",
                                   id=who)]  # fmt: skip


def words(d: Desk, who: str = "priya") -> str:
    return sign_in(d.w, "ada").get(account(d, who)).words


def test_who_is_invited_chooses_a_password_once_and_signs_in_with_it(d: Desk) -> None:
    assert "no password yet" in words(d)
    assert "It works until Tuesday 19 May" in invited(d).banner
    assert "on its way" in words(d)
    (link,) = links(d)
    (mail,) = d.mail.kept
    assert mail.to == "priya@example.org"
    assert "Priya" not in mail.subject + mail.text
    assert "The link works until" in words(d)
    phone: Visitor = visit(d.w)
    for _ in range(2):  # as a scanner of mail opens it before whoever it is for
        page = phone.get(link)
        assert (page.status, "priya@example.org" in page.words) == (200, True)
    assert page.response.headers["Referrer-Policy"] == "no-referrer"
    assert d.kept() is None
    assert phone.fill(link, new_password="short").status == 422
    page = phone.fill(link, new_password=NEW)
    assert (page.path, page.banner) == (
        "/sign-in",
        "Your password is kept. Sign in with it now.",
    )
    assert is_right(d.kept(), NEW)
    assert phone.get("/referrals").path == "/sign-in"  # nobody is signed in by it
    again = phone.get(link)
    assert again.status == 410
    assert "ask whoever set up your account" in again.words
    assert phone.post(link, {"new_password": "another one of words"}).status == 410
    assert is_right(d.kept(), NEW)
    assert "They chose their password on" in words(d)
    assert d.logged()[-3:] == ["account_invited", "message_handed_over", "password_chosen"]


def test_a_later_invitation_ends_the_one_before_and_two_in_a_minute_are_one(lite: Desk) -> None:
    d = lite
    invited(d)
    invited(d)
    (first,) = links(d)
    d.w.later(minutes=2)
    assert "Send the invitation again" in words(d)
    invited(d)
    first_again, second = links(d)
    assert first_again == first
    assert [visit(d.w).get(link).status for link in (first, second)] == [410, 200]


def test_the_link_is_dead_after_seven_days_and_is_no_link_of_another_kind(lite: Desk) -> None:
    d = lite
    invited(d)
    (link,) = links(d)
    assert visit(d.w).get(link.replace("/invitation/", "/choose-password/")).status == 410
    assert visit(d.w).get(link[:-1] + ("A" if link[-1] != "A" else "B")).status == 410
    d.w.later(days=6, hours=23)
    assert visit(d.w).get(link).status == 200
    d.w.later(hours=2)
    assert visit(d.w).get(link).status == 410
    assert visit(d.w).post(link, {"new_password": NEW}).status == 410
    assert d.kept() is None
    assert "The link stopped working on" in words(d)


def test_nobody_is_invited_to_what_they_cannot_open_or_have_a_password_for(lite: Desk) -> None:
    d = lite
    ada = sign_in(d.w, "ada")
    who = d.w.actor["priya"]
    for statement, said in (
        ("UPDATE app_user SET password_hash = 'x' WHERE id = :id", "has a password already"),
        ("UPDATE app_user SET active = FALSE WHERE id = :id", "This account is suspended"),
        ("UPDATE membership SET ended_at = started_at WHERE user_id = :id", "has no role now"),
    ):
        with d.w.store.begin() as tx:
            tx.run(Sql("UPDATE app_user SET password_hash = NULL, active = TRUE WHERE id = :id"),
                   id=who.user_id)  # fmt: skip
            tx.run(Sql(statement), id=who.user_id)
        assert "Send an invitation" not in ada.get(account(d)).words
        page = ada.get(f"{account(d)}/invite")
        assert said in page.words
        assert f'action="{account(d)}/invite"' not in page.text
        assert said in ada.post(f"{account(d)}/invite", {}).words
    assert links(d) == []
    assert "This is your own account." in ada.get(f"{account(d, 'ada')}/invite").words
    assert ada.post(f"{account(d, 'ada')}/invite", {}).status == 409
    assert sign_in(d.w, "grace").post(f"{account(d, 'tom')}/invite", {}).status == 404
    page = sign_in(d.w, "gail").post(f"{account(d, 'ada')}/invite", {})
    assert "also has a role that isn't yours to give" in page.words


def test_where_no_email_can_be_sent_a_password_is_given_instead(
    lite: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    d = lite
    monkeypatch.setattr(app_of(d.w).extensions["segue"], "ways", NO_WAYS)
    assert "Send an invitation" not in words(d)
    page = sign_in(d.w, "ada").get(f"{account(d)}/invite")
    assert "No email can be sent from here." in page.words
    assert sign_in(d.w, "ada").post(f"{account(d)}/invite", {}).status == 409
    assert d.logged()[-1] != "account_invited"


def test_an_invitation_that_could_not_be_delivered_says_so_where_it_was_sent(lite: Desk) -> None:
    d = lite
    d.mail.troubles = [NotTaken("550", for_good=True)]
    invited(d)
    d.work()
    assert "The message could not be delivered. Correct the email address" in words(d)
    d.w.later(minutes=2)
    invited(d)
    d.work()
    assert "The link works until" in words(d)


def test_a_new_account_is_invited_at_once_and_nobody_else_learns_a_password(d: Desk) -> None:
    where = f"/organisations/{d.w.org['ash']}/accounts/add"
    given = {"name": "New Person", "email": "new@example.org", "role": "link_worker"}
    page = sign_in(d.w, "grace").fill(where, **given)
    assert page.path.startswith("/users/")
    assert page.banner.startswith("Invited. A link to choose a password is on its way")
    assert "Password" not in page.words
    listed = sign_in(d.w, "ada").get("/users?standing=invited")
    assert "New Person" in listed.words
    assert "New Person" not in sign_in(d.w, "ada").get("/users?called=new").words
    (link,) = links(d)
    phone: Visitor = visit(d.w)
    phone.fill(link, new_password=NEW)
    assert "New Person" in phone.fill("/sign-in", email="new@example.org", password=NEW).words
    assert "New Person" in sign_in(d.w, "ada").get("/users?called=new").words


def test_a_wrong_address_is_corrected_and_the_link_sent_there_dies(d: Desk) -> None:
    invited(d)
    (link,) = links(d)
    ada = sign_in(d.w, "ada")
    page = ada.fill(f"{account(d)}/correct", email="sam@example.org")
    assert page.status == 422
    assert "There is already an account with this email address." in page.words
    assert 'value="sam@example.org"' in page.text
    assert visit(d.w).get(link).status == 200
    page = ada.fill(f"{account(d)}/correct", name="Priya Rao", email=" Priya.Rao@example.org ")
    assert "send the invitation again" in page.banner
    assert "priya.rao@example.org Priya Rao" in page.words
    assert visit(d.w).get(link).status == 410
    assert d.logged()[-1] == "account_corrected"
    assert told(d) == []
    with d.w.store.begin() as tx:
        tx.run(SET_PASSWORD, hash=hash_password(NEW), id=d.w.actor["priya"].user_id)
    page = sign_in(d.w, "ada").fill(f"{account(d)}/correct", name="Priya")
    assert page.banner == "Corrected. The name is shown from now."
    assert told(d) == []
    d.work()
    d.mail.kept.clear()
    page = sign_in(d.w, "ada").fill(f"{account(d)}/correct", email="priya.r@example.org")
    assert "From now they sign in with this address; tell them." in page.banner
    assert told(d) == ["address_changed"]
    d.work()
    d.work()
    sent = {one.to: one for one in d.mail.kept}
    assert sorted(sent) == ["priya.r@example.org", "priya.rao@example.org"]
    assert "no longer the email address of your account" in sent["priya.rao@example.org"].text
    assert "priya" not in sent["priya.rao@example.org"].text.lower()
    assert rows(d.w.store, "SELECT to_address FROM dispatch WHERE to_address IS NOT NULL") == []
    assert sign_in(d.w, "grace").post(f"{account(d, 'tom')}/correct", {}).status == 404


@pytest.mark.parametrize("waiting", [0, 1, 2])
def test_the_first_sign_in_of_a_leader_opens_on_the_referral_that_waits(
    lite: Desk, waiting: int
) -> None:
    d = lite
    sent = [d.w.sent() for _ in range(waiting)]
    with d.w.store.begin() as tx:
        tx.run(SET_PASSWORD, hash=hash_password(NEW), id=d.w.actor["sol"].user_id)
    page = visit(d.w).fill("/sign-in?next=/welcome", email="sol@example.org", password=NEW)
    assert page.path == (f"/referrals/{sent[0]}" if waiting == 1 else "/account")


def test_an_invitation_that_ran_out_is_on_the_administrators_first_page(d: Desk) -> None:
    invited(d)
    said = "1 invitation ran out before a password was chosen"
    d.w.later(days=6)
    assert said not in sign_in(d.w, "ada").get("/").words
    d.w.later(days=2)
    assert said in sign_in(d.w, "ada").get("/").words
