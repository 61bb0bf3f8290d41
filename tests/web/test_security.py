"""Headers on everything, forged requests refused, and errors that tell nothing."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import brotli
import pytest

from referral.store import Store
from tests.web.client import HTTPS, Visitor, app_of, sign_in, visit
from tests.web.sample import CALLS
from tests.world import World, build
from web.access import access, without_rule
from web.settings import Settings, SettingWrong, from_environment

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    store = Store(sqlite_url)
    CALLS.clear()
    yield build(store)
    store.dispose()


@pytest.fixture
def sol(w: World) -> Visitor:
    return sign_in(w, "sol")


PLACES = [
    ("/", 200),
    ("/help", 200),
    ("/sign-in", 302),
    ("/nothing-here", 404),
    ("/referrals/not-an-id", 404),
    ("/sample/breaks", 500),
    ("/sample/gone-away", 503),
    ("/users", None),
    ("/health", 200),
    ("/static/nothing.css", 404),
    ("/sign-out", 405),
]


@pytest.mark.parametrize(("path", "status"), PLACES)
def test_every_answer_carries_the_headers(sol: Visitor, path: str, status: int | None) -> None:
    response = sol.get(path, follow=False).response
    assert status is None or response.status_code == status
    for name, value in ALWAYS.items():
        assert response.headers[name] == value, name
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "Strict-Transport-Security" not in response.headers
    assert response.headers["Cache-Control"] == "no-store"


def test_over_https_it_stays_https(w: World) -> None:
    for path in ("/", "/sign-in", "/nothing-here"):
        headers = visit(w, HTTPS).get(path, follow=False).response.headers
        assert "max-age=31536000" in headers["Strict-Transport-Security"]


def test_the_look_may_be_kept_for_ever(w: World) -> None:
    page = visit(w).get("/sign-in")
    (sheet,) = re.findall(r'href="(/static/segue-[^"]+\.css)"', page.text)
    response = visit(w).get(sheet).response
    response.close()
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("what", ["/help", "stylesheet", "script"])
def test_pages_and_their_look_travel_small(w: World, what: str) -> None:
    with app_of(w).app_context():
        look = app_of(w).jinja_env.get_template("look.jinja").make_module()
    path = what if what.startswith("/") else f"/static/{getattr(look, what)}"
    client = sign_in(w, "sol").client
    plain = client.get(path, buffered=True)
    small = client.get(path, buffered=True, headers={"Accept-Encoding": "br"})
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "br"
    assert "Accept-Encoding" in small.headers["Vary"]
    assert small.headers["Cache-Control"] == plain.headers["Cache-Control"]
    sent, whole = small.get_data(), brotli.decompress(small.get_data())
    assert len(sent) < len(whole)
    assert what == "/help" or whole == plain.get_data()


def test_what_a_program_or_a_table_is_sent_is_left_as_it_is(w: World) -> None:
    client = sign_in(w, "sol").client
    answer = client.get("/api/v1/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers


def test_each_answer_has_a_word_of_its_own_for_its_script(sol: Visitor) -> None:
    said = set()
    for _ in range(2):
        page = sol.get("/")
        (word,) = re.findall(r"'nonce-([^']+)'", page.response.headers["Content-Security-Policy"])
        assert f'nonce="{word}"' in page.text
        said.add(word)
    assert len(said) == 2


# -- forged requests ----------------------------------------------------------------------------


def test_a_post_without_a_token_does_nothing(sol: Visitor) -> None:
    assert sol.post("/sample/anything", {"a": "b"}, token=False).status == 400
    assert CALLS == []
    assert sol.post("/sample/anything", {"a": "b"}).status == 200
    assert CALLS == [{"posted": ["a", "csrf_token"]}]


def test_somebody_elses_token_does_nothing(w: World, sol: Visitor) -> None:
    other = sign_in(w, "rae")
    other.get("/")
    with other.client.session_transaction(base_url=other.base) as theirs:
        theirs["csrf_token"] = "f" * 40
    data = {"a": "b", "csrf_token": other.token()}
    assert sol.post("/sample/anything", data, token=False).status == 400
    assert CALLS == []


def test_a_page_from_elsewhere_can_ask_for_nothing(sol: Visitor) -> None:
    for origin in ("https://elsewhere.example", "null", "http://localhost.elsewhere.example"):
        page = sol.post("/sample/anything", {"a": "b"}, headers={"Origin": origin})
        assert page.status == 400, origin
    assert CALLS == []
    assert sol.post("/sample/anything", {}, headers={"Origin": "http://localhost"}).status == 200


def test_signing_in_and_out_ask_for_a_token_too(sol: Visitor, w: World) -> None:
    assert sol.post("/sign-out", token=False).status == 400
    assert sol.get("/").path == "/"
    stranger = visit(w)
    page = stranger.post("/sign-in", {"email": "a@b.org", "password": "x"}, token=False)
    assert page.status in (400, 401)
    assert "password is not right" not in page.words


# -- access -------------------------------------------------------------------------------------


def test_a_page_of_another_role_says_so_and_no_more(w: World) -> None:
    page = sign_in(w, "priya").get("/sample/breaks")
    assert page.status == 403
    assert "This page is for another role" in page.words


def test_what_is_not_there_and_what_is_not_yours_look_the_same(w: World) -> None:
    record = w.sent()
    kit = sign_in(w, "kit")
    other = kit.get(f"/sample/{record}")
    missing = kit.get("/sample/0198a000-0000-7000-8000-000000000000")
    nothing = kit.get("/nothing-here")
    assert other.status == missing.status == nothing.status == 404
    assert other.words == missing.words == nothing.words


def test_a_route_without_a_rule_is_noticed(w: World) -> None:
    app = app_of(w)
    assert without_rule(app) == []
    app.view_functions["forgotten"] = lambda: ""
    try:
        assert without_rule(app) == ["forgotten"]
    finally:
        del app.view_functions["forgotten"]


def test_a_rule_names_somebody() -> None:
    with pytest.raises(ValueError, match="Name the roles"):
        access()


# -- errors -------------------------------------------------------------------------------------


def test_what_broke_is_noted_and_not_told(sol: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        page = sol.get("/sample/breaks")
    assert page.status == 500
    for text in (page.text, caplog.text):
        assert "Margaret" not in text
        assert "9990000018" not in text
    reference = re.search(r"this reference: ([0-9a-f]{8})", page.words)
    assert reference is not None
    assert reference[1] in caplog.text
    assert "RuntimeError" in caplog.text
    assert "breaks" in caplog.text


def test_busy_says_nothing_was_saved_and_when_to_try_again(sol: Visitor) -> None:
    page = sol.get("/sample/gone-away")
    assert page.status == 503
    assert "Nothing was saved. Wait a moment, then try again." in page.words
    assert "call 999" in page.words
    assert page.response.headers["Retry-After"] == "5"


def test_too_much_at_once_is_refused_with_a_page(sol: Visitor) -> None:
    page = sol.post("/sample/anything", {"a": "x" * 1_100_000})
    assert page.status == 413
    assert "That is too much at once" in page.words
    assert CALLS == []


def test_too_many_fields_at_once_are_refused(sol: Visitor) -> None:
    body = "&".join(f"a{n}=1" for n in range(60_000))
    response = sol.client.post(
        "/sample/anything",
        data=body + "x" * 1_000_000,
        content_type="application/x-www-form-urlencoded",
        base_url=sol.base,
    )
    assert response.status_code == 413


def test_a_method_that_is_not_for_a_page_says_which_are(sol: Visitor) -> None:
    page = sol.get("/sign-out")
    assert page.status == 405
    assert "POST" in page.response.headers["Allow"]


def test_an_error_page_is_drawn_even_when_the_store_is_away(w: World, sol: Visitor) -> None:
    class Away:
        def __getattr__(self, name: str) -> object:
            raise ConnectionError("no store")

    app_of(w).extensions["segue"].edge = Away()
    page = sol.get("/notices")
    assert page.status == 500
    assert "Something went wrong" in page.words
    assert sol.get("/health").status == 503


# -- settings -----------------------------------------------------------------------------------


def test_there_is_no_default_secret() -> None:
    with pytest.raises(SettingWrong, match="SEGUE_SECRET_KEY"):
        from_environment({})
    with pytest.raises(SettingWrong, match="SEGUE_SECRET_KEY"):
        from_environment({"SEGUE_SECRET_KEY": "short"})


def test_settings_come_from_the_environment() -> None:
    env = {
        "SEGUE_SECRET_KEY": "x" * 40,
        "SEGUE_PUBLIC_URL": "https://segue.example.org/",
        "SEGUE_PROXIES": "1",
        "OTHER": "ignored",
    }
    found = from_environment(env)
    assert found.https
    assert found.origin == "https://segue.example.org"
    assert found.database_url == "sqlite:///var/segue.db"
    assert found.proxies == 1


@pytest.mark.parametrize(
    "wrong", [{"SEGUE_PUBLIC_URL": "segue.example.org"}, {"SEGUE_PROXIES": "yes"}]
)
def test_a_setting_that_cannot_be_used_is_named(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingWrong, match=next(iter(wrong))):
        from_environment({"SEGUE_SECRET_KEY": "x" * 40, **wrong})


def test_a_secret_does_not_show_itself() -> None:
    assert "x" * 40 not in repr(Settings(secret_key="x" * 40))


def test_forwarded_addresses_are_believed_only_where_told(w: World) -> None:
    assert "ProxyFix" not in repr(app_of(w).wsgi_app)
