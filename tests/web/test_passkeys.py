"""A passkey in place of a code: whose it is, what it answers, and what ends it."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)
from flask import Flask
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from referral.store import Sql, Store
from tests.browser import faults_at_any_width
from tests.web.client import HTTP, Page, Visitor, app_of, sign_in, visit
from tests.web.test_second_step import EMAIL, RIGHT, enter, is_in, logged, set_up, told, world
from tests.world import World

LIST = "/account/second-step/passkeys"
NOT_SHOWN = "No passkey of yours was shown."
NONE_MADE = "No passkey was made."
Flags = AuthenticatorData.FLAG
SURE = Flags.USER_PRESENT | Flags.USER_VERIFIED
NAMES = Sql("SELECT name FROM passkey")


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


class Key:
    """A key as a phone has one, and what a browser makes of it."""

    def __init__(self, flags: Flags = SURE, origin: str = "http://localhost") -> None:
        self.secret = generate_private_key(SECP256R1())
        self.id = secrets.token_bytes(32)
        self.flags, self.origin, self.count = flags, origin, 0

    def _said(self, kind: str, asked: dict[str, Any]) -> CollectedClientData:
        return CollectedClientData.create(kind, asked["challenge"], self.origin)

    def _answer(self, **response: bytes) -> str:
        number = websafe_encode(self.id)
        told = {name: websafe_encode(value) for name, value in response.items()}
        return json.dumps({"id": number, "rawId": number, "type": "public-key", "response": told})

    def made(self, page: Page) -> str:
        """What a browser answers that was asked to make a passkey."""
        asked = asked_on(page)
        known = AttestedCredentialData.create(
            bytes(16), self.id, ES256.from_cryptography_key(self.secret.public_key())
        )
        site = hashlib.sha256(asked["rp"]["id"].encode()).digest()
        data = AuthenticatorData.create(site, self.flags | Flags.ATTESTED, self.count, known)
        return self._answer(
            clientDataJSON=self._said("webauthn.create", asked),
            attestationObject=AttestationObject.create("none", data, {}),
        )

    def shown(self, page: Page) -> str:
        """What a browser answers that was asked to show one."""
        asked = asked_on(page)
        site = hashlib.sha256(asked["rpId"].encode()).digest()
        data = AuthenticatorData.create(site, self.flags, self.count)
        said = self._said("webauthn.get", asked)
        signature = self.secret.sign(data + said.hash, ECDSA(SHA256()))
        return self._answer(clientDataJSON=said, authenticatorData=data, signature=signature)


def asked_on(page: Page) -> dict[str, Any]:
    """What a page has the browser ask for."""
    found = re.search(r'data-passkey="([^"]+)"', page.text)
    assert found is not None, page.words
    return dict(json.loads(unescape(found[1])))


def sent(visitor: Visitor, page: Page, answer: str, **more: str) -> Page:
    """The form of the page that has a passkey's answer, sent."""
    action, fields = next(one for one in page.forms if "passkey_asked" in dict(one[1]))
    return visitor.post(action, dict(fields) | more | {"passkey": answer})


def add(visitor: Visitor, key: Key, name: str = "my phone") -> Page:
    page = visitor.get(LIST)
    return sent(visitor, page, answer=key.made(page), name=name, password=RIGHT)


def with_a_key(w: World) -> tuple[Visitor, Key]:
    """Priya, who has a second step and a passkey beside it."""
    priya, key = sign_in(w, "priya"), Key()
    set_up(w, priya)
    assert "Added." in add(priya, key).banner
    return priya, key


def test_a_passkey_signs_in_its_holder_and_is_listed_and_removed(each: World) -> None:
    w = each
    priya, key = with_a_key(w)
    assert asked_on(page := enter(visitor := visit(w)))["userVerification"] == "required"
    assert not is_in(visitor)
    assert sent(visitor, page, answer=key.shown(page)).path == "/"
    assert "last used on" in priya.get(LIST).words
    assert "my phone" in priya.get(LIST).words
    with w.store.read() as tx:
        kept = str(tx.rows(NAMES))
    assert ("my phone" in kept) == (w.store.keys is None)
    path = re.search(rf"{LIST}/remove\?which=[0-9a-f-]+", priya.get(LIST).text)
    assert path is not None
    assert sign_in(w, "sol").get(path[0]).path == "/account/second-step"
    sol = sign_in(w, "sol")
    set_up(w, sol)
    assert sol.get(path[0]).path == LIST  # a passkey of somebody else's is none
    assert priya.fill(path[0], password="not this one").status == 422
    page = enter(visitor := visit(w))
    assert "Removed." in priya.fill(path[0], password=RIGHT).banner
    assert NOT_SHOWN in sent(visitor, page, answer=key.shown(page)).words
    assert "data-passkey" not in enter(visit(w)).text  # codes alone again
    assert told(w)[-2:] == ["passkey_added", "passkey_removed"]
    assert {"passkey_added", "passkey_removed"} <= set(logged(w))


def test_an_answer_counts_once_and_only_to_its_own_question(each: World) -> None:
    w = each
    _priya, key = with_a_key(w)
    page = enter(visitor := visit(w))
    answer = key.shown(page)
    again = sent(visitor, page, answer="")  # what was asked is used up by any answer
    assert NOT_SHOWN in again.words
    assert NOT_SHOWN in sent(visitor, page, answer=answer).words
    assert NOT_SHOWN in sent(visitor, again, answer=answer).words
    again = enter(visitor)
    assert sent(visitor, again, answer=key.shown(again)).path == "/"
    other = visit(w)
    stolen = enter(other)
    assert NOT_SHOWN in sent(other, again, answer=key.shown(again)).words
    w.at += timedelta(minutes=11)
    assert (
        "That took longer than 10 minutes." in sent(other, stolen, answer=key.shown(stolen)).words
    )
    assert not is_in(other)
    assert "second_step_refused" in logged(w)


def test_a_device_may_be_remembered_by_a_passkey_too(each: World) -> None:
    w = each
    _priya, key = with_a_key(w)
    page = enter(device := visit(w))
    assert NOT_SHOWN in sent(device, page, answer="", remember="yes").words
    assert "Enter your code" in enter(device).words  # who shows none isn't remembered
    page = enter(device)
    assert sent(device, page, answer=key.shown(page), remember="yes").path == "/"
    device.post("/sign-out", {})
    assert enter(device).path == "/"
    page = enter(other := visit(w))
    assert sent(other, page, answer=key.shown(page)).path == "/"
    other.post("/sign-out", {})
    assert "Enter your code" in enter(other).words  # who didn't ask isn't


WRONG: dict[str, Callable[[Key], None]] = {
    "another site": lambda key: setattr(key, "origin", "http://localhost.example.org"),
    "another scheme": lambda key: setattr(key, "origin", "https://localhost"),
    "nobody unlocked it": lambda key: setattr(key, "flags", Flags.USER_PRESENT),
    "another key": lambda key: setattr(key, "secret", Key().secret),
    "unknown": lambda key: setattr(key, "id", Key().id),
}
NOT_MADE = list(WRONG)[:3]


def test_a_passkey_shown_elsewhere_or_by_nobody_signs_in_nobody(w: World) -> None:
    priya, key = with_a_key(w)
    page = enter(visitor := visit(w))
    for name, wrong in WRONG.items():
        false = copy(key)
        wrong(false)
        page = sent(visitor, page, answer=false.shown(page))
        assert NOT_SHOWN in page.words, name
        new = Key()
        wrong(new)
        assert name not in NOT_MADE or NONE_MADE in add(priya, new).words
    assert not is_in(visitor)
    assert sent(visitor, page, answer=key.shown(page)).path == "/"


def test_nobody_signs_in_to_one_account_by_the_passkey_of_another(w: World) -> None:
    with_a_key(w)
    sol, theirs = sign_in(w, "sol"), Key()
    set_up(w, sol)
    assert "Added." in add(sol, theirs).banner
    page = enter(visitor := visit(w))
    assert NOT_SHOWN in sent(visitor, page, answer=theirs.shown(page)).words
    # Nor do they give away their question for hers, or keep hers as their own.
    priyas = sign_in(w, "priya").get(LIST)
    given = {"name": "x", "password": RIGHT, "answer": Key().made(priyas)}
    assert NONE_MADE in sent(sol, priyas, **given).words
    assert "is kept already" in add(sol, theirs).words
    assert not is_in(visitor)


def test_a_passkey_that_was_copied_is_refused_once_it_counts_behind(w: World) -> None:
    _priya, key = with_a_key(w)
    for count, right in ((7, True), (7, False), (6, False), (8, True)):
        key.count = count
        page = enter(visitor := visit(w))
        page = sent(visitor, page, answer=key.shown(page))
        assert (page.path == "/") == right
        assert (NOT_SHOWN in page.words) != right


def test_passkeys_end_with_the_second_step_they_belong_to(w: World) -> None:
    _priya, key = with_a_key(w)
    page = enter(visitor := visit(w))
    sign_in(w, "ada").fill(f"/users/{w.actor['priya'].membership_id}/second-step")
    assert NOT_SHOWN in sent(visitor, page, answer=key.shown(page)).words
    with w.store.read() as tx:
        assert tx.rows(NAMES) == []
    assert sign_in(w, "priya").get(LIST).path == "/account/second-step"
    set_up(w)
    assert "Added." in add(sign_in(w, "priya"), key).banner


def test_adding_one_asks_for_the_password_and_a_name(w: World) -> None:
    priya = sign_in(w, "priya")
    set_up(w, priya)
    page = priya.get(LIST)
    given = {"answer": Key().made(page), "name": "my phone"}
    assert "this is another one" in sent(priya, page, **given, password="not this one").words
    assert "Enter a name for it." in sent(priya, page, **given | {"name": " "}).words
    assert NONE_MADE in sent(priya, page, **given | {"answer": "{}"}, password=RIGHT).words
    assert "passkey_added" not in logged(w)


def test_who_guesses_passkeys_waits(w: World) -> None:
    _priya, key = with_a_key(w)
    page = enter(visitor := visit(w))
    for _one in range(10):
        page = sent(visitor, page, answer="{}")
    page = sent(visitor, page, answer=key.shown(page))
    assert (page.status, "Too many tries. Wait" in page.words) == (429, True)


def test_a_browser_makes_a_passkey_and_signs_in_with_it(
    w: World, chromium: Browser, serve: Callable[[Flask], str]
) -> None:
    phone, _codes = set_up(w)
    app = app_of(w)
    context = chromium.new_context()
    try:
        tab = context.new_page()
        wire = context.new_cdp_session(tab)
        wire.send("WebAuthn.enable")
        kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
        can = {"hasUserVerification": True, "isUserVerified": True}
        made = wire.send("WebAuthn.addVirtualAuthenticator", {"options": kind | can})
        origin = serve(app).replace("127.0.0.1", "localhost")
        walk(w, tab, origin, phone, made["authenticatorId"], wire)
    finally:
        context.close()


def walk(w: World, tab: Tab, origin: str, phone: Any, key: str, wire: Any) -> None:
    segue = app_of(w).extensions["segue"]
    segue.settings = replace(HTTP, public_url=origin)
    try:
        first_step(tab, origin)
        tab.fill("#code", phone.code(w))
        tab.click("button:has-text('Sign in')")
        tab.wait_for_selector("text=Sign out")
        tab.goto(f"{origin}{LIST}")
        assert faults_at_any_width(tab) == []
        tab.fill("#name", "my phone")
        tab.fill("#password", RIGHT)
        tab.click("button:has-text('Add a passkey')")
        tab.wait_for_selector("text=Added. At the next sign-in")
        tab.context.clear_cookies()
        wire.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": False})
        first_step(tab, origin)
        assert faults_at_any_width(tab) == []
        tab.click("button:has-text('Use a passkey')")
        tab.wait_for_selector(f"text={NOT_SHOWN}")
        wire.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": True})
        tab.click("button:has-text('Use a passkey')")
        tab.wait_for_selector("text=Sign out")
    finally:
        segue.settings = HTTP


def first_step(tab: Tab, origin: str) -> None:
    tab.goto(f"{origin}/sign-in")
    tab.fill("#email", EMAIL)
    tab.fill("#password", RIGHT)
    tab.click("button:has-text('Sign in')")
    tab.wait_for_selector("#code")
