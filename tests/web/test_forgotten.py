"""A password that was forgotten: asked for without a word about who has an account, sent to its
address alone, used once and within the hour."""

from __future__ import annotations

import re
from typing import Any

import pytest

from referral.store import Sql, Store
from tests.web.client import SECRET, Visitor, app_of, sign_in, visit
from tests.web.test_post_out import Shelf
from tests.winding import rows
from tests.world import World, build
from web.edge import Edge
from web.link_tokens import LinkTokens
from web.passwords import is_right
from web.ways import NO_WAYS, Ways
from web.worker import run

NEW = "three quite new words"
ASK = "/forgotten-password"


class Desk:
    """A world with a mail server, and whoever forgot."""

    def __init__(self, w: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.w, self.mail, self.patch = w, Shelf(), monkeypatch
        self.ways = Ways({"email": self.mail}, LinkTokens(SECRET), "https://segue.example.org")
        monkeypatch.setattr(app_of(w).extensions["segue"], "ways", self.ways)
        self.work()
        self.mail.kept.clear()

    def work(self, **later: float) -> None:
        if later:
            self.w.later(**later)
        run(Edge(self.w.store, lambda: self.w.at), once=True, ways=self.ways)

    def ask(self, email: str = "priya@example.org") -> Any:
        return visit(self.w).fill(ASK, email=email)

    def links(self) -> list[str]:
        self.work()
        return [
            re.search(r"https://segue.example.org(/choose-password/\S+)", one.text)[1]  # type: ignore[index]
            for one in self.mail.kept
            if one.to == "priya@example.org"
        ]

    def kept(self) -> str | None:
        who = self.w.actor["priya"].user_id
        return rows(self.w.store, "SELECT password_hash FROM app_user WHERE id = :id", id=who)[0][0]

    def logged(self) -> list[str]:
        said = "SELECT action FROM audit WHERE record_id = :id AND noun = 'user' ORDER BY seq"
        return [row[0] for row in rows(self.w.store, said, id=self.w.actor["priya"].user_id)]


@pytest.fixture
def d(store: Store, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(build(store), monkeypatch)


def test_by_the_link_a_new_password_is_chosen_once_and_everybody_is_signed_out(d: Desk) -> None:
    signed_in = sign_in(d.w, "priya")
    page = d.ask("  Priya@Example.org ")
    assert "If there is an account with this email address" in page.words
    (link,) = d.links()
    (mail,) = d.mail.kept
    assert "Priya" not in mail.subject + mail.text
    assert "priya" not in link.lower()
    phone: Visitor = visit(d.w)
    before = d.kept()
    assert phone.fill(link, new_password="short").status == 422
    assert d.kept() == before
    page = phone.fill(link, new_password=NEW)
    assert (page.path, page.banner) == (
        "/sign-in",
        "Your password is changed. Sign in with it now.",
    )
    assert is_right(d.kept(), NEW)
    assert signed_in.get("/referrals").path == "/sign-in"
    assert phone.get("/referrals").path == "/sign-in"  # nobody is signed in by it
    again = phone.get(link)
    assert (again.status, NEW in again.text) == (410, False)
    assert phone.post(link, {"new_password": "another one of words"}).status == 410
    assert is_right(d.kept(), NEW)
    assert d.logged()[-3:] == ["password_forgotten", "message_handed_over", "password_reset"]


def test_the_answer_is_the_same_for_every_address_and_only_who_can_sign_in_gets_a_link(
    d: Desk,
) -> None:
    asked = [d.ask(email).words for email in ("priya@example.org", "nobody@example.org")]
    with d.w.store.begin() as tx:
        tx.run(Sql("UPDATE app_user SET active = FALSE WHERE id = :id"),
               id=d.w.actor["sam"].user_id)  # fmt: skip
    asked.append(d.ask("sam@example.org").words)
    assert len(set(asked)) == 1
    assert len(d.links()) == 1
    assert [one.to for one in d.mail.kept] == ["priya@example.org"]


def test_the_link_is_dead_after_an_hour_and_when_the_account_is_suspended(d: Desk) -> None:
    d.ask()
    (link,) = d.links()
    d.w.later(minutes=58)
    assert visit(d.w).get(link).status == 200
    tampered = link[:20] + ("A" if link[20] != "A" else "B") + link[21:]
    assert visit(d.w).get(tampered).status == 410
    suspend = "UPDATE app_user SET active = :active WHERE id = :id"
    for active, works in ((False, 410), (True, 200)):
        with d.w.store.begin() as tx:
            tx.run(Sql(suspend), id=d.w.actor["priya"].user_id, active=active)
        assert visit(d.w).get(link).status == works
    d.w.later(minutes=3)
    page = visit(d.w).post(link, {"new_password": NEW})
    assert page.status == 410
    assert not is_right(d.kept(), NEW)


def test_a_link_that_could_not_be_sent_within_the_hour_is_not_sent_later(d: Desk) -> None:
    d.ask()
    d.work(minutes=61)
    assert d.links() == []


def test_the_forms_are_taken_from_a_browser_and_from_no_page_elsewhere(d: Desk) -> None:
    """A page that tells nobody its address has its forms posted from "null"."""
    d.ask()
    (link,) = d.links()
    app = app_of(d.w)
    for path, policy, origins in (
        (ASK, "same-origin", {"http://localhost": 422, "null": 400}),
        (link, "no-referrer", {"null": 422, "https://elsewhere.example": 400}),
    ):
        for origin, status in origins.items():
            client = app.test_client()
            page = client.get(path)
            assert page.headers["Referrer-Policy"] == policy
            token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
            assert token is not None
            said = {"csrf_token": token[1], "email": "", "new_password": ""}
            answer = client.post(path, data=said, headers={"Origin": origin})
            assert answer.status_code == status


def test_asking_on_and_on_is_slowed_and_one_account_gets_three_links_an_hour(d: Desk) -> None:
    for _ in range(5):
        d.w.later(seconds=1)
        assert d.ask().status == 200
    assert len(d.links()) == 3
    answers = [d.ask(f"{n}@example.org").status for n in range(6)]
    assert answers == [200] * 5 + [429]
    assert "Too many tries. Wait" in d.ask().words


def test_where_no_email_can_be_sent_the_page_says_who_can_help(
    d: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f'href="{ASK}"' in visit(d.w).get("/sign-in").text
    assert "Enter your email address" in d.ask("nothing").words
    monkeypatch.setattr(app_of(d.w).extensions["segue"], "ways", NO_WAYS)
    page = visit(d.w).get(ASK)
    assert "Ask whoever gave you your account" in page.words
    assert '<form method="post" action="/forgotten-password"' not in page.text
