"""The second step at sign-in: a code from a phone, or a recovery code; each counts once."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from click.testing import CliRunner

from referral import second_steps
from referral.actors import the_system
from referral.rows import change
from referral.store import Sql, Store
from tests.races.together import Clients, many_clients
from tests.web.api import program
from tests.web.client import HTTP, SECRET, Page, Visitor, app_of, sign_in, visit
from tests.web.test_forgotten import Desk
from tests.web.test_post_out import Shelf
from tests.world import World, build
from web.cli import main
from web.edge import Edge
from web.link_tokens import LinkTokens
from web.settings import SettingWrong, from_environment
from web.ways import Ways
from web.worker import run
from workflows.second_steps import RECOVERY_CODES, is_shown

RIGHT = "correct horse battery"
EMAIL = "priya@example.org"
NOT_RIGHT = "This code is not right, or was used before."
SET_UP = "/account/second-step/set-up"
KEPT = Sql(
    "SELECT t.secret, k.code_hash FROM second_step t JOIN recovery_code k"
    " ON k.second_step_id = t.id"
)
LOGGED = Sql("SELECT action FROM audit WHERE noun = 'user' AND record_id = :id ORDER BY seq")
SAID = Sql("SELECT leaf FROM audit UNION ALL SELECT payload FROM audit_detail")
LETTERS = Sql("SELECT what FROM outbox WHERE noun = 'user' AND record_id = :id ORDER BY id")


def world(store: Store, hashed: str) -> World:
    w = build(store)
    for who in ("priya", "sol"):
        with w.store.begin() as tx:
            change(tx, "app_user", w.actor[who].user_id, {"password_hash": hashed})
    return w


@pytest.fixture
def w(sqlite_url: str, hashed: str) -> Iterator[World]:
    """For what does not depend on the database."""
    store = Store(sqlite_url)
    yield world(store, hashed)
    store.dispose()


@pytest.fixture
def each(store: Store, hashed: str) -> World:
    """One on each kind of database."""
    return world(store, hashed)


@pytest.fixture
def demanding(w: World) -> Iterator[Any]:
    """A deployment that asks its staff for a second step."""
    segue = app_of(w).extensions["segue"]
    segue.settings = replace(HTTP, second_step="staff")
    yield segue
    segue.settings = HTTP


class Phone:
    """What shows codes: the key as it stood on the page."""

    def __init__(self, page: Page) -> None:
        found = re.search(r'app-key">([A-Z2-7 ]+)<', page.text)
        assert found is not None
        self.secret = found[1].replace(" ", "")

    def code(self, w: World, later: int = 0) -> str:
        shown = pyotp.TOTP(self.secret)
        return shown.generate_otp(shown.timecode(w.at) + later)


def set_up(w: World, visitor: Visitor | None = None) -> tuple[Phone, list[str]]:
    """Priya's phone, and her recovery codes."""
    visitor = visitor or sign_in(w, "priya")
    page = visitor.get(SET_UP)
    phone = Phone(page)
    page = visitor.send(page, code=phone.code(w), password=RIGHT)
    codes = codes_on(page)
    assert len(codes) == RECOVERY_CODES, page.words
    w.at += timedelta(seconds=90)
    return phone, codes


def codes_on(page: Page) -> list[str]:
    """The recovery codes a page shows."""
    return re.findall(r"<li>(\d{4} \d{4} \d{4})</li>", page.text)


def enter(visitor: Visitor, code: str | None = None, **more: Any) -> Page:
    """The password, and then a code."""
    page = visitor.fill("/sign-in", email=EMAIL, password=RIGHT)
    return page if code is None else visitor.send(page, code=code, **more)


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/").path == "/"


def logged(w: World, who: str = "priya") -> list[str]:
    with w.store.read() as tx:
        return [row[0] for row in tx.rows(LOGGED, id=w.actor[who].user_id)]


def told(w: World, who: str = "priya") -> list[str]:
    with w.store.read() as tx:
        return [row[0] for row in tx.rows(LETTERS, id=w.actor[who].user_id)]


# -- setting up ---------------------------------------------------------------------------------


def test_a_phone_is_set_up_by_its_code_and_the_password(w: World) -> None:
    elsewhere, priya = sign_in(w, "priya"), sign_in(w, "priya")
    page = priya.get(SET_UP)
    assert "<svg" in page.text
    assert f'href="otpauth://totp/Segue:{EMAIL.replace("@", "%40")}?secret=' in page.text
    phone = Phone(page)
    wrong = priya.send(page, code="000000", password=RIGHT)
    assert (wrong.status, NOT_RIGHT in wrong.words) == (422, True)
    assert Phone(wrong).secret == phone.secret  # the picture that was read still counts
    guest = priya.send(wrong, code=phone.code(w), password="not this one")
    assert (guest.status, "this is another one" in guest.words) == (422, True)
    assert "Off." in priya.get("/account/second-step").words
    page = priya.send(guest, code=f" {phone.code(w)[:3]} {phone.code(w)[3:]}", password=RIGHT)
    assert "Keep these codes now" in page.words
    assert "On, since" in priya.get("/account/second-step").words
    assert elsewhere.get("/referrals").path == "/sign-in"
    assert logged(w)[-1] == "second_step_on"
    assert told(w) == ["second_step_on"]


def test_the_button_pressed_twice_shows_the_same_codes_twice(each: World) -> None:
    w = each
    priya = sign_in(w, "priya")
    page = priya.get(SET_UP)
    given = dict(page.forms[0][1]) | {"code": Phone(page).code(w), "password": RIGHT}
    once, twice = (codes_on(priya.post(SET_UP, given)) for _press in range(2))
    assert len(once) == RECOVERY_CODES
    assert once == twice
    page = priya.get("/account/second-step/codes")
    given_anew = dict(page.forms[0][1]) | {"password": RIGHT}
    new, again = (
        codes_on(priya.post("/account/second-step/codes", given_anew)) for _press in range(2)
    )
    assert len(new) == RECOVERY_CODES
    assert new == again
    assert NOT_RIGHT in priya.post(SET_UP, given).words  # those it had don't count any more
    assert [logged(w).count(what) for what in ("second_step_on", "recovery_codes_made")] == [1, 1]
    assert told(w) == ["second_step_on"]
    assert enter(visit(w), new[0]).path == "/"


def test_a_page_made_for_somebody_else_or_changed_sets_up_nothing(w: World) -> None:
    page = sign_in(w, "sol").get(SET_UP)
    given = dict(page.forms[0][1]) | {"code": Phone(page).code(w), "password": RIGHT}
    for closed in (given["setting_up"], given["setting_up"][:-2] + "00", ""):
        answer = sign_in(w, "priya").post(SET_UP, given | {"setting_up": closed})
        assert "Begin again with this new picture" in answer.words
    assert "second_step_on" not in logged(w)


def test_what_is_kept_and_said_holds_no_secret_and_no_code(each: World) -> None:
    w = each
    phone, codes = set_up(w)
    enter(visit(w), codes[0])
    with w.store.read() as tx:
        kept = str(tx.rows(KEPT)) + str(tx.rows(SAID))
        step = second_steps.of(tx, w.actor["priya"].user_id)
        assert step is not None
        assert second_steps.secret_of(tx, step.id) == phone.secret
    for one in (*codes, *(code.replace(" ", "") for code in codes)):
        assert one not in kept
    if w.store.keys is not None:
        assert phone.secret not in kept


# -- signing in ---------------------------------------------------------------------------------


def test_the_password_alone_opens_nothing_and_a_code_counts_once(each: World) -> None:
    w = each
    phone, _codes = set_up(w)
    visitor = visit(w)
    page = enter(visitor)
    assert 'autocomplete="one-time-code"' in page.text
    assert not is_in(visitor)
    wrong = visitor.send(page, code="000000")
    assert (wrong.status, NOT_RIGHT in wrong.words) == (401, True)
    assert not is_in(visitor)
    code = phone.code(w)
    assert "Priya Shah" in visitor.send(wrong, code=code).words
    assert is_in(visitor)
    again = visit(w)
    assert NOT_RIGHT in enter(again, code).words
    assert NOT_RIGHT in enter(again, phone.code(w, -1)).words  # nor does an older one
    assert not is_in(again)
    assert is_in(again) or enter(again, phone.code(w, 1)).path == "/"
    assert logged(w).count("second_step_refused") == 3


def test_of_two_who_enter_one_code_in_the_same_moment_one_is_in(each: World) -> None:
    w = each
    phone, codes = set_up(w)
    system = the_system(w.system_id, "sign_in")
    with w.store.read() as tx:
        step = second_steps.of(tx, w.actor["priya"].user_id)
    assert step is not None
    with many_clients(w, 2) as edge, Clients(2) as clients:
        for typed in (phone.code(w), *codes[:4]):
            found = clients.at_once(
                [
                    lambda t=typed: edge.perform(
                        system, lambda tx, at: is_shown(tx, system, at, at, step, t)
                    )
                ]
                * 2
            )
            assert [one.answer for one in found].count(None) == 1


def test_a_code_of_another_time_is_none(w: World) -> None:
    phone, _codes = set_up(w)
    w.at += timedelta(minutes=10)
    for away in (-2, 2):
        assert NOT_RIGHT in enter(visit(w), phone.code(w, away)).words
    assert enter(visit(w), phone.code(w, -1)).path == "/"


def test_a_recovery_code_signs_in_once_and_its_holder_is_told(each: World) -> None:
    w = each
    _phone, codes = set_up(w)
    page = enter(visit(w), codes[3].replace(" ", ""))
    assert "That recovery code is used up: 9 are left." in page.banner
    assert NOT_RIGHT in enter(visit(w), codes[3]).words
    assert told(w) == ["second_step_on", "recovery_code_used"]
    assert enter(visit(w), codes[4]).path == "/"


def test_who_guesses_codes_waits_and_the_account_is_told(w: World) -> None:
    phone, codes = set_up(w)
    page = enter(visitor := visit(w))
    for _one in range(10):
        page = visitor.send(page, code="000000")
    page = visitor.send(page, code=phone.code(w))
    assert (page.status, "Too many tries. Wait" in page.words) == (429, True)
    assert page.response.headers["Retry-After"].isdigit()
    assert told(w) == ["second_step_on", "second_step_tried"]
    for _minute in range(2):
        w.at += timedelta(minutes=2)
        page = enter(visitor)
        for _one in range(10):
            page = visitor.send(page, code="000000")
    w.at += timedelta(minutes=2)
    page = enter(visitor, phone.code(w))
    assert (page.status, "Too many wrong codes today" in page.words) == (429, True)
    assert visitor.send(page, code=codes[0]).path == "/"  # who has the codes isn't locked out


def test_what_the_password_proved_lasts_ten_minutes_and_ends_with_the_password(
    w: World, hashed: str
) -> None:
    phone, _codes = set_up(w)
    visitor = visit(w)
    page = enter(visitor)
    with w.store.begin() as tx:
        change(tx, "app_user", w.actor["priya"].user_id, {"password_hash": f"{hashed}x"})
    assert NOT_RIGHT in visitor.send(page, code=phone.code(w)).words
    with w.store.begin() as tx:
        change(tx, "app_user", w.actor["priya"].user_id, {"password_hash": hashed})
    w.at += timedelta(minutes=11)
    late = visitor.send(page, code=phone.code(w))
    assert "That took longer than 10 minutes." in late.words
    changed = visitor.post("/sign-in/code", {"half": "00" * 40, "code": phone.code(w)})
    assert changed.status == 401
    assert "Email address" in visitor.get("/sign-in/code").words
    assert not is_in(visitor)


def test_what_was_typed_before_the_sign_in_ended_is_kept_over_both_steps(w: World) -> None:
    phone, _codes = set_up(w)
    priya = sign_in(w, "priya")
    page = priya.get("/notices/how")
    w.at += timedelta(hours=1)
    page = priya.send(page, phone="07700 900321")
    assert "What you typed is kept" in page.words
    page = priya.send(page, email=EMAIL, password=RIGHT)
    page = priya.send(page, code="000000")
    page = priya.send(page, code=phone.code(w))
    assert "Go back to what you typed" in page.words
    assert "07700 900321" in page.text


# -- a device that is remembered ----------------------------------------------------------------


def test_a_remembered_device_is_not_asked_until_its_time_is_over(each: World) -> None:
    w = each
    phone, _codes = set_up(w)
    device = visit(w)
    enter(device, phone.code(w), remember="yes")
    device.post("/sign-out", {})
    assert enter(device).path == "/"
    assert enter(visit(w)).path == "/sign-in"  # another one is
    device.post("/sign-out", {})
    w.at += timedelta(days=31)
    assert "Enter your code" in enter(device).words


@pytest.mark.parametrize("ends", ["forgotten", "new phone", "new password", "suspended"])
def test_a_device_is_forgotten_with_what_it_was_remembered_for(
    w: World, ends: str, hashed: str
) -> None:
    phone, _codes = set_up(w)
    device = visit(w)
    enter(device, phone.code(w), remember="yes")
    w.at += timedelta(minutes=1)
    if ends == "forgotten":
        assert "asked for a code" in device.post("/account/second-step/devices", {}).banner
    elif ends == "new phone":
        set_up(w, device)
    elif ends == "suspended":
        sign_in(w, "ada").fill(f"/users/{w.actor['priya'].membership_id}/suspend", reason="lost")
        sign_in(w, "ada").post(f"/users/{w.actor['priya'].membership_id}/let-in", {})
    else:
        device.fill("/password", password=RIGHT, new_password="three new words here")
        with w.store.begin() as tx:  # the same password under another salt is another one
            from web.passwords import hash_password

            change(
                tx, "app_user", w.actor["priya"].user_id, {"password_hash": hash_password(RIGHT)}
            )
    device.post("/sign-out", {})
    assert "Enter your code" in enter(device).words


def test_where_devices_are_not_remembered_nothing_offers_it(w: World) -> None:
    phone, _codes = set_up(w)
    segue = app_of(w).extensions["segue"]
    segue.settings = replace(HTTP, remember_days=0)
    try:
        device = visit(w)
        page = enter(device)
        assert "on this device" not in page.words
        device.send(page, code=phone.code(w), remember="yes")
        device.post("/sign-out", {})
        assert "Enter your code" in enter(device).words
    finally:
        segue.settings = HTTP


# -- leaving it ---------------------------------------------------------------------------------


def test_turning_it_off_and_new_codes_ask_for_the_password(w: World) -> None:
    _phone, codes = set_up(w)
    priya = sign_in(w, "priya")
    for page in ("codes", "off"):
        assert priya.fill(f"/account/second-step/{page}", password="not this one").status == 422
    fresh = priya.fill("/account/second-step/codes", password=RIGHT)
    new = codes_on(fresh)
    assert not set(new) & set(codes)
    assert NOT_RIGHT in enter(visit(w), codes[0]).words
    assert enter(visit(w), new[0]).path == "/"
    assert "Off." in priya.fill("/account/second-step/off", password=RIGHT).banner
    assert enter(visit(w)).path == "/"
    assert told(w)[-1] == "second_step_off"


def test_an_administrator_takes_it_away_from_who_lost_their_phone(each: World) -> None:
    w = each
    set_up(w)
    priya, path = sign_in(w, "priya"), f"/users/{w.actor['priya'].membership_id}"
    assert "take the second step away" in sign_in(w, "ada").get(path).words
    assert "they are told" in sign_in(w, "ada").fill(f"{path}/second-step").banner
    assert priya.get("/referrals").path == "/sign-in"
    assert enter(visit(w)).path == "/"
    assert logged(w)[-2:] == ["second_step_cleared", "sign_in"]
    assert told(w)[-1] == "second_step_cleared"
    own = f"/users/{w.actor['ada'].membership_id}/second-step"
    assert "This is your own account." in sign_in(w, "ada").post(own, {}).words


# -- where it is demanded -----------------------------------------------------------------------


def test_where_it_is_demanded_nothing_opens_before_it_is_set_up(w: World, demanding: Any) -> None:
    referral = w.draft()
    priya = sign_in(w, "priya")
    for path in ("/", "/referrals", f"/referrals/{referral}", "/account"):
        assert priya.get(path).path == SET_UP, path
    assert priya.post(f"/referrals/{referral}/write/leave", {}).path == SET_UP
    set_up(w, priya)
    assert priya.get("/referrals").path == "/referrals"
    page = priya.get("/account/second-step")
    assert "cannot be turned off" in page.words
    assert "another phone" in priya.post("/account/second-step/off", {"password": RIGHT}).banner
    assert "second_step_off" not in logged(w)
    assert sign_in(w, "sol").get("/").path == "/"  # who leads sessions isn't staff
    assert program(w, "tess").get("/referrals").status == 200  # nor is a program


def test_the_settings_say_who_and_how_long() -> None:
    told = {"SEGUE_SECRET_KEY": "only for tests, and long enough to pass"}
    assert from_environment(told).second_step == "offered"
    for name, wrong in (("SECOND_STEP", "some"), ("REMEMBER_DAYS", "31"), ("REMEMBER_DAYS", "x")):
        with pytest.raises(SettingWrong, match=name):
            from_environment(told | {f"SEGUE_{name}": wrong})
    assert from_environment(told | {"SEGUE_REMEMBER_DAYS": "0"}).remember_days == 0


# -- whose account it is ------------------------------------------------------------------------

NOT_YET = "First we make sure that it is you"


def proving(d: Desk) -> list[str]:
    d.work()
    found = (re.search(r"(/account/second-step/address/\S+)", m.text) for m in d.mail.kept)
    return [link[1] for link in found if link]


def test_a_password_alone_sets_up_no_first_step_where_mail_is_sent(
    each: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    w, d = each, Desk(each, monkeypatch)
    priya, thief = sign_in(w, "priya"), sign_in(w, "priya")
    assert NOT_YET in thief.get(SET_UP).words
    assert NOT_YET in thief.post(SET_UP, {"code": "1", "password": RIGHT}).words
    for one in (priya, thief):
        assert "A link is on its way to priya@example.org" in one.fill(SET_UP).words
        w.at += timedelta(minutes=1)
    link = proving(d)[0]
    assert "somebody knows your password" in d.mail.kept[0].text
    assert sign_in(w, "sol").get(link).banner.startswith("This link does not work any more.")
    other = f"{link[:-1]}{'A' if link[-1] != 'A' else 'B'}"
    assert "does not work any more" in priya.get(other).banner
    assert visit(w).get(link).path == "/sign-in"
    assert "1. Add this to the app" in priya.get(link).words
    assert NOT_YET in thief.get(SET_UP).words  # it was opened in another browser
    set_up(w, priya)
    sign_in(w, "ada").fill(f"/users/{w.actor['priya'].membership_id}/second-step")
    assert NOT_YET in sign_in(w, "priya").get(SET_UP).words
    assert "address_asked" in logged(w)


def test_a_link_to_set_it_up_ends_with_the_hour_and_with_the_password(
    w: World, monkeypatch: pytest.MonkeyPatch, hashed: str
) -> None:
    d = Desk(w, monkeypatch)
    who, priya = w.actor["priya"].user_id, sign_in(w, "priya")

    def now(**columns: str) -> None:
        with w.store.begin() as tx:
            change(tx, "app_user", who, columns)

    for _press in range(3):
        priya.fill(SET_UP)
        w.at += timedelta(minutes=1)
    assert "3 links were sent" in priya.fill(SET_UP).words
    link = proving(d)[-1]
    now(password_hash=f"{hashed}x")
    assert "does not work any more" in priya.get(link).banner
    now(password_hash=hashed)
    assert "1. Add this to the app" in priya.get(link).words
    now(email="priya.r@example.org")
    assert NOT_YET in priya.get(SET_UP).words
    now(email=EMAIL)
    w.at += timedelta(hours=1)
    assert "does not work any more" in sign_in(w, "priya").get(link).banner


def test_who_just_chose_a_password_by_a_link_is_not_sent_another(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    d = Desk(w, monkeypatch)
    d.ask()
    (link,) = d.links()
    priya = visit(w)
    priya.fill(link, new_password=RIGHT)
    assert enter(priya).path != "/sign-in"
    set_up(w, priya)


# -- the first sign-in --------------------------------------------------------------------------


def test_the_first_sign_in_leads_to_three_steps_each_of_which_may_wait(w: World) -> None:
    visitor = visit(w)
    page = enter(visitor)
    assert page.path == "/account"
    assert "Set up your account" in page.words
    for step in ("Choose a password of your own", "Second step", "How you hear of things"):
        assert step in page.words
    page = visitor.fill("/notices/how?next=/account%3Ffirst%3Dyes")
    assert "Set up your account" in page.words
    visitor.post("/sign-out", {})
    assert enter(visitor).path == "/"  # only the first


def test_what_one_came_for_opens_at_once_even_the_first_time(w: World) -> None:
    page = visit(w).fill("/sign-in?next=/referrals", email=EMAIL, password=RIGHT)
    assert page.path == "/referrals"


# -- what its holder reads of it ----------------------------------------------------------------


def test_the_holder_alone_reads_of_it_in_a_notice_and_by_mail(w: World) -> None:
    set_up(w)
    mail = Shelf()
    ways = Ways({"email": mail}, LinkTokens(SECRET), "https://segue.example.org")
    run(Edge(w.store, lambda: w.at), once=True, ways=ways)
    page = sign_in(w, "priya").get("/notices")
    assert "A phone was set up for your sign-in." in page.words
    assert re.search(r'<a href="/account"[^>]*>(<[^>]+>)*Your account', page.text)
    sent = [one for one in mail.kept if "A phone was set up" in one.text]
    assert [one.to for one in sent] == [EMAIL]
    assert "https://segue.example.org/account" in sent[0].text
    assert "are always sent" in sent[0].text
    assert "A phone was set up" not in sign_in(w, "tess").get("/notices").words


def test_whose_password_changes_is_told_whoever_changed_it(w: World) -> None:
    path = f"/users/{w.actor['priya'].membership_id}/password"
    sign_in(w, "priya").fill("/password", password=RIGHT, new_password="three new words here")
    assert told(w) == ["password_changed"]
    sign_in(w, "ada").fill(path)
    assert told(w) == ["password_changed", "password_given"]
    sign_in(w, "ada").fill(
        path.replace(w.actor["priya"].membership_id, w.actor["kit"].membership_id)
    )
    assert told(w, "kit") == []  # a first one is no change


def test_who_reviews_access_sees_who_signs_in_with_a_password_alone(each: World) -> None:
    w = each
    set_up(w)
    words = sign_in(w, "grace").get("/access").words
    assert words.count("with a second step") == 1
    assert "with a password alone" in words
    rows = csv.DictReader(io.StringIO(sign_in(w, "grace").get("/access.csv").text))
    assert {row["email"]: row["second_step"] for row in rows}[EMAIL] == "yes"


def test_the_last_administrator_is_let_in_again_from_the_command_line(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(w)
    monkeypatch.setenv("SEGUE_DATABASE_URL", str(w.store.url))
    call = CliRunner().invoke
    said = call(main, ["user", "clear-second-step", EMAIL])
    assert (said.exit_code, "signs in with the password alone now" in said.output) == (0, True)
    assert enter(visit(w)).path == "/"
    assert logged(w)[-2:] == ["second_step_cleared", "sign_in"]
    again = call(main, ["user", "clear-second-step", EMAIL])
    assert (again.exit_code, "There is no account" in again.output) == (2, True)
