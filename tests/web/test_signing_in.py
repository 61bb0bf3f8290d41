"""Signing in, and the session behind it: what ends it, and what a stranger learns."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from referral import sign_ins
from referral.rows import change
from referral.states import Role
from referral.store import Sql, Store
from tests.web.client import HTTPS, Page, Visitor, sign_in, visit
from tests.world import World, build
from web import passwords, signing_in
from web.signed_in import safe_path
from workflows.organisations import add_membership

RIGHT = "correct horse battery"
NOT_RIGHT = "The email address or the password is not right"


@pytest.fixture
def w(store: Store, hashed: str) -> World:
    w = build(store)
    for who in ("priya", "sol"):
        give_password(w, who, hashed)
        signed_in_before(w, who)
    return w


def signed_in_before(w: World, who: str) -> None:
    """Who signs in for the first time is led to another page: see test_second_step.py."""
    long_ago = w.at - timedelta(days=30)
    with w.store.begin() as tx:
        sign_ins.begin(
            tx,
            token_hash=f"once, {who}",
            actor=w.actor[who],
            at=long_ago,
            idle_until=long_ago,
            ends_at=long_ago,
        )


def give_password(w: World, who: str, hashed: str | None) -> None:
    with w.store.begin() as tx:
        change(tx, "app_user", w.actor[who].user_id, {"password_hash": hashed})


def enter(visitor: Visitor, email: str = "priya@example.org", password: str = RIGHT) -> Page:
    return visitor.fill("/sign-in", email=email, password=password)


def audited(w: World, action: str) -> list[tuple[Any, ...]]:
    with w.store.read() as tx:
        return tx.rows(
            Sql("SELECT record_id, membership_id, leaf FROM audit WHERE action = :a ORDER BY seq"),
            a=action,
        )


def signed_in(visitor: Visitor) -> bool:
    return visitor.get("/").path == "/"


# -- who gets in --------------------------------------------------------------------------------


def test_the_right_password_opens_the_first_page(w: World) -> None:
    page = enter(visit(w))
    assert page.path == "/"
    assert "Priya Shah" in page.words
    (entry,) = audited(w, "sign_in")
    assert entry[:2] == (w.actor["priya"].user_id, w.actor["priya"].membership_id)


def test_a_wrong_address_and_a_wrong_password_look_the_same(w: World) -> None:
    wrong = enter(visit(w), password="nonsense")
    nobody = enter(visit(w), email="nobody@example.org", password="nonsense")
    without = enter(visit(w), email="grace@example.org", password="nonsense")
    for page in (wrong, nobody, without):
        assert page.status == 401
        assert NOT_RIGHT in page.words
        assert "nonsense" not in page.text
    assert wrong.words == nobody.words == without.words


def test_a_wrong_address_takes_as_long_as_a_wrong_password(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way through does the one slow thing once, with the same numbers."""
    asked: list[str] = []
    verify = passwords.PasswordHasher.verify

    def noting(self: Any, hashed: str, password: str) -> Any:
        asked.append(hashed.rsplit("$", 2)[0])
        return verify(self, hashed, password)

    monkeypatch.setattr(passwords.PasswordHasher, "verify", noting)
    enter(visit(w), password="nonsense")
    enter(visit(w), email="nobody@example.org", password="nonsense")
    enter(visit(w), email="grace@example.org", password="nonsense")
    assert len(asked) == 3
    assert len(set(asked)) == 1


def test_the_empty_password_of_nobody_opens_nothing() -> None:
    assert not passwords.is_right(None, "")
    assert not passwords.is_right("", "")
    assert not passwords.is_right("not a hash", "x")


def test_what_is_missing_is_said(w: World) -> None:
    page = visit(w).fill("/sign-in", email=" ", password="")
    assert page.status == 422
    assert "Enter your email address" in page.words
    assert "Enter your password" in page.words


def test_failures_are_audited_without_what_was_typed(w: World) -> None:
    enter(visit(w), password="nonsense")
    enter(visit(w), email="nobody@example.org", password="nonsense")
    known, unknown = audited(w, "sign_in_refused")
    assert known[0] == w.actor["priya"].user_id
    assert unknown[0] is None
    assert "nobody" not in str(unknown)
    assert "nonsense" not in str(known)


def test_a_suspended_account_or_an_ended_membership_does_not_get_in(w: World) -> None:
    with w.store.begin() as tx:
        change(tx, "app_user", w.actor["priya"].user_id, {"active": False})
        change(tx, "membership", w.actor["sol"].membership_id, {"ended_at": w.at})
    assert NOT_RIGHT in enter(visit(w)).words
    assert NOT_RIGHT in enter(visit(w), email="sol@example.org").words


def test_an_address_is_known_however_it_is_written(w: World) -> None:
    assert enter(visit(w), email="  Priya@Example.ORG ").path == "/"


# -- too many tries -----------------------------------------------------------------------------


def test_the_eleventh_wrong_try_in_a_minute_is_not_looked_at(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "is_right", lambda hashed, password: password == RIGHT)
    for _ in range(10):
        assert enter(visit(w), password="nonsense").status == 401
        w.later(seconds=1)
    page = enter(visit(w))
    assert page.status == 429
    assert "Too many tries. Wait 50 seconds" in page.words
    assert page.response.headers["Retry-After"] == "50"
    w.later(seconds=51)
    assert enter(visit(w)).path == "/"


def test_tries_are_counted_for_an_address_on_the_network_too(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "is_right", lambda hashed, password: password == RIGHT)
    for number in range(10):
        assert enter(visit(w), email=f"n{number}@example.org", password="x").status == 401
    assert enter(visit(w)).status == 429
    elsewhere = visit(w)
    page = elsewhere.get("/sign-in")
    _, fields = page.forms[0]
    data = {**dict(fields), "email": "priya@example.org", "password": RIGHT}
    response = elsewhere.client.post(
        "/sign-in", data=data, base_url=elsewhere.base, environ_base={"REMOTE_ADDR": "192.0.2.7"}
    )
    assert response.status_code == 303


def test_right_tries_are_not_counted(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_in, "is_right", lambda hashed, password: password == RIGHT)
    for _ in range(12):
        assert enter(visit(w)).path == "/"


def test_neither_address_is_kept_as_it_is(w: World) -> None:
    enter(visit(w), password="nonsense")
    with w.store.read() as tx:
        rows = tx.rows(Sql("SELECT key FROM sign_in_try"))
    assert len(rows) == 2
    assert "priya" not in str(rows)
    assert "127.0.0.1" not in str(rows)


def test_old_counts_are_thrown_away(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_in, "is_right", lambda hashed, password: password == RIGHT)
    enter(visit(w), email="nobody@example.org", password="nonsense")
    w.later(hours=25)
    enter(visit(w))
    with w.store.read() as tx:
        rows = tx.rows(Sql("SELECT window_start FROM sign_in_try", (0,)))
    assert {row[0] for row in rows} == {w.at}


# -- what ends a session ------------------------------------------------------------------------


@pytest.mark.parametrize(("who", "minutes"), [("priya", 15), ("grace", 15), ("sol", 600)])
def test_a_session_that_lies_unused_ends(w: World, who: str, minutes: int) -> None:
    visitor = sign_in(w, who)
    for used in (min(60, minutes - 1), min(60, minutes - 1)):
        w.later(minutes=used)
        assert signed_in(visitor)  # used: the time begins anew
    w.later(minutes=minutes)
    assert not signed_in(visitor)


def test_no_session_outlives_twelve_hours_however_it_is_used(w: World) -> None:
    visitor = sign_in(w, "priya")
    for _ in range(71):
        w.later(minutes=10)
        assert signed_in(visitor)
    w.later(minutes=10)
    assert not signed_in(visitor)


def test_signing_out_kills_the_session_and_not_only_the_cookie(w: World) -> None:
    visitor = sign_in(w, "priya")
    thief = visit(w)
    with visitor.client.session_transaction(base_url=visitor.base) as mine:
        token = mine["_user_id"]
    with thief.client.session_transaction(base_url=thief.base) as theirs:
        theirs["_user_id"] = token
    assert signed_in(thief)
    out = visitor.post("/sign-out")
    assert out.path == "/signed-out"
    assert not signed_in(visitor)
    assert not signed_in(thief)
    assert len(audited(w, "sign_out")) == 1


def test_a_suspended_account_is_dead_on_the_next_request(w: World) -> None:
    visitor = sign_in(w, "priya")
    assert signed_in(visitor)
    with w.store.begin() as tx:
        change(tx, "app_user", w.actor["priya"].user_id, {"active": False})
    assert not signed_in(visitor)


def test_an_ended_membership_is_dead_on_the_next_request(w: World) -> None:
    visitor = sign_in(w, "priya")
    with w.store.begin() as tx:
        change(tx, "membership", w.actor["priya"].membership_id, {"ended_at": w.at})
    assert not signed_in(visitor)


def test_the_store_has_no_token(w: World) -> None:
    visitor = sign_in(w, "priya")
    with visitor.client.session_transaction(base_url=visitor.base) as mine:
        token = mine["_user_id"]
    with w.store.read() as tx:
        (row,) = tx.rows(Sql("SELECT token_hash FROM sign_in WHERE ends_at > created_at"))
    assert token not in row[0]
    assert len(token) >= 40


def test_a_made_up_token_opens_nothing(w: World) -> None:
    visitor = visit(w)
    with visitor.client.session_transaction(base_url=visitor.base) as mine:
        mine["_user_id"] = "made up"
    assert not signed_in(visitor)


def test_signing_in_begins_a_new_session(w: World) -> None:
    """What stood in the browser's session before is gone, and so is its token against forgery."""
    visitor = visit(w)
    visitor.get("/sign-in")
    with visitor.client.session_transaction(base_url=visitor.base) as before:
        forged = before["csrf_token"]
        before["planted"] = "by somebody else"
    assert enter(visitor).path == "/"
    with visitor.client.session_transaction(base_url=visitor.base) as after:
        assert "planted" not in after
        assert after.get("csrf_token") != forged


def test_a_programs_token_or_an_old_cookie_is_no_other_members(w: World) -> None:
    one, other = sign_in(w, "priya"), sign_in(w, "sol")
    assert "Priya Shah" in one.get("/").words
    assert "Sol Rivers" in other.get("/").words


# -- the cookie ---------------------------------------------------------------------------------


def test_over_https_the_cookie_is_bound_to_the_host(w: World) -> None:
    visitor = visit(w, HTTPS)
    page = visitor.get("/sign-in")
    (cookie,) = page.response.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-segue=")
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert part in cookie
    assert "Domain" not in cookie
    assert "Expires" not in cookie


def test_over_http_the_cookie_is_no_less_shut(w: World) -> None:
    (cookie,) = visit(w).get("/sign-in").response.headers.getlist("Set-Cookie")
    assert cookie.startswith("segue=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


# -- where one goes after -----------------------------------------------------------------------


def test_after_signing_in_one_is_where_one_wanted_to_be(w: World) -> None:
    visitor = visit(w)
    asked = visitor.get("/notices?after=")
    assert asked.path == "/sign-in"
    page = visitor.send(asked, email="priya@example.org", password=RIGHT)
    assert page.path == "/notices"


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "https://elsewhere.example",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "/\t/elsewhere.example",
        "javascript:alert(1)",
        "/x\r\nSet-Cookie: a=b",
    ],
)
def test_nobody_is_sent_elsewhere(path: str | None) -> None:
    assert safe_path(path) == "/"


def test_our_own_paths_are_kept() -> None:
    assert safe_path("/referrals?after=abc") == "/referrals?after=abc"


# -- several roles ------------------------------------------------------------------------------


@pytest.fixture
def two(w: World) -> World:
    with w.store.begin(w.system) as tx:
        add_membership(
            tx,
            w.system,
            w.at,
            user_id=w.actor["priya"].user_id,
            organisation_id=w.org["fenside"],
            role=Role.TEAM_LEAD,
        )
    return w


def test_who_has_two_roles_is_asked_which(two: World) -> None:
    visitor = visit(two)
    page = enter(visitor)
    assert page.path == "/change-role"
    assert "Link worker, Ash Lane practice" in page.words
    assert "Team lead, Fenside practice" in page.words
    codes = [c for c in page.text.split('value="') if "Fenside" in c]
    chosen = codes[0].split('"')[0]
    changed = visitor.send(page, membership=chosen)
    assert changed.path == "/"
    assert "Team lead, Fenside practice" in changed.words


def test_changing_role_ends_the_old_session_and_lengthens_nothing(two: World) -> None:
    visitor = sign_in(two, "priya")
    thief = visit(two)
    with visitor.client.session_transaction(base_url=visitor.base) as mine:
        token = mine["_user_id"]
    with thief.client.session_transaction(base_url=thief.base) as theirs:
        theirs["_user_id"] = token
    page = visitor.get("/change-role")
    chosen = next(c for c in page.text.split('value="') if "Fenside" in c).split('"')[0]
    two.later(minutes=10)
    visitor.send(page, membership=chosen)
    assert not signed_in(thief)
    with two.store.read() as tx:
        ends = tx.rows(Sql("SELECT ends_at FROM sign_in WHERE ends_at > created_at", (0,)))
    assert len({row[0] for row in ends}) == 1


@pytest.mark.parametrize("chosen", ["nonsense", "", None])
def test_a_role_one_does_not_have_is_not_taken(two: World, chosen: str | None) -> None:
    visitor = sign_in(two, "priya")
    chosen = two.actor["tess"].membership_id if chosen is None else chosen
    page = visitor.post("/change-role", {"membership": chosen})
    assert page.status == 422
    assert "Choose the role you work in now" in page.words
    assert "Link worker, Ash Lane practice" in visitor.get("/").words


def test_who_has_one_role_has_no_link_to_change_it(w: World) -> None:
    assert "Change role" not in sign_in(w, "priya").get("/").words


def test_who_has_two_roles_has_one(two: World) -> None:
    assert "Change role" in sign_in(two, "priya").get("/").words


# -- staying ------------------------------------------------------------------------------------


def test_asking_to_stay_signed_in_begins_the_time_anew(w: World) -> None:
    visitor = sign_in(w, "priya")
    w.later(minutes=14)
    assert visitor.post("/stay-signed-in", {"next": "/notices"}).path == "/notices"
    w.later(minutes=14)
    assert signed_in(visitor)


def test_a_page_says_when_it_will_sign_out(w: World) -> None:
    assert 'data-signs-out-after="900"' in sign_in(w, "priya").get("/").text
    assert f'data-signs-out-after="{int(timedelta(hours=10).total_seconds())}"' in (
        sign_in(w, "sol").get("/").text
    )
    assert "data-signs-out-after" not in visit(w).get("/sign-in").text
