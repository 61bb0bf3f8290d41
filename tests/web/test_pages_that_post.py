"""A page that posts: what is typed is read, refused in place, and never lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest

from referral.ids import new_id
from referral.store import Sql, Store
from tests.web.client import Visitor, sign_in
from tests.web.sample import CALLS
from tests.world import World, build

TYPED = {
    "note": 'Can she climb "stairs" <b>?',
    "who": "Ben",
    "day__day": "15",
    "day__month": "March",
    "day__year": "2026",
    "how": "phone",
    "needs": ["a", "c"],
    "sure": "no",
    "place": "south",
}


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    store = Store(sqlite_url)
    CALLS.clear()
    yield build(store)
    store.dispose()


@pytest.fixture
def path(w: World) -> str:
    return f"/sample/{w.sent()}"


@pytest.fixture
def sol(w: World) -> Visitor:
    return sign_in(w, "sol")


def fields_of(page: object) -> list[tuple[str, str]]:
    return [
        (name, value.replace("\r\n", "\n").lstrip("\n"))
        for name, value in page.forms[-1][1]  # type: ignore[attr-defined]
        if name not in ("csrf_token", "key", "version")
    ]


def test_at_first_the_page_holds_what_is_known(sol: Visitor, path: str) -> None:
    page = sol.get(path)
    assert dict(fields_of(page)) == {
        "note": "",
        "who": "Priya",
        "day-day": "",
        "day-month": "",
        "day-year": "",
        "how": "letter",
    }


def test_what_is_typed_reaches_the_command_in_its_own_kinds(sol: Visitor, path: str) -> None:
    page = sol.fill(path, **TYPED)
    (given,) = CALLS
    assert given["day"] == date(2026, 3, 15)
    assert given["needs"] == ["a", "c"]
    assert given["sure"] is False
    assert page.path == "/"
    assert page.banner == "Asked. The link worker answers by Friday."


def test_what_is_missing_is_said_beside_its_field_and_at_the_head(sol: Visitor, path: str) -> None:
    page = sol.fill(path, **{**TYPED, "note": "  ", "day__month": "Foo"})
    assert page.status == 422
    assert CALLS == []
    assert re.search(r'href="#note"\s*>\s*Write your question\.', page.text)
    assert 'id="note-error"' in page.text
    assert "Enter a real date" in page.words
    assert "<title>Error:" in page.text


@pytest.mark.parametrize("note", ["", "busy", "rude"])
def test_whatever_goes_wrong_everything_typed_is_still_there(
    sol: Visitor, path: str, note: str
) -> None:
    page = sol.fill(path, **{**TYPED, "note": note})
    assert page.status == {"": 422, "busy": 503, "rude": 422}[note]
    assert fields_of(page) == [
        ("note", note),
        ("who", "Ben"),
        ("day-day", "15"),
        ("day-month", "March"),
        ("day-year", "2026"),
        ("how", "phone"),
        ("needs", "a"),
        ("needs", "c"),
        ("sure", "no"),
        ("place", "south"),
    ]


def test_a_refusal_of_a_field_stands_beside_it(sol: Visitor, path: str) -> None:
    page = sol.fill(path, **{**TYPED, "note": "rude"})
    assert re.search(r'href="#who"\s*>\s*Say who\. A first name is enough\.', page.text)


def test_busy_says_that_nothing_was_saved(sol: Visitor, path: str) -> None:
    page = sol.fill(path, **{**TYPED, "note": "busy"})
    assert "Nothing was saved" in page.words
    assert "try again" in page.words


def test_a_refusal_of_the_state_heads_the_page_with_its_remedy(
    w: World, sol: Visitor, path: str
) -> None:
    page = sol.get(path)
    person_record = path.removeprefix("/sample/")
    w.referral(person_record, "recall", "priya", given={"reason": "person_asked"})
    body = sol.send(page, **TYPED)
    assert body.status == 409
    assert "Somebody changed this while you were looking at it." in body.words
    again = sol.send(body, **{**TYPED, "note": "Again."})
    assert again.status == 409
    assert "This can't be done from where the record is now." in again.words


def test_when_somebody_was_quicker_what_changed_is_shown_and_the_next_press_counts(
    w: World, sol: Visitor, path: str
) -> None:
    record = path.removeprefix("/sample/")
    page = sol.get(path)
    w.referral(record, "ask", "rae", given={"note": "Does she drive?"})
    w.referral(record, "answer", "priya", given={"note": "No."})
    stale = sol.send(page, **TYPED)
    assert stale.status == 409
    assert "What changed meanwhile" in stale.words
    assert "Question answered Priya Shah, Ash Lane practice" in stale.words
    assert "Does she drive?" in stale.words
    assert ("note", TYPED["note"]) in fields_of(stale)
    assert sol.send(stale).banner == "Asked. The link worker answers by Friday."


def test_pressing_twice_counts_once(w: World, sol: Visitor, path: str) -> None:
    page = sol.get(path)
    action, fields = page.forms[0]
    assert sol.send(page, **TYPED).banner
    assert sol.send(page, **TYPED).banner
    with w.store.read() as tx:
        rows = tx.rows(
            Sql("SELECT version FROM step WHERE record_id = :id AND trigger = 'ask'"),
            id=path.removeprefix("/sample/"),
        )
    assert len(rows) == 1
    assert (action, bool(fields)) == ("", True)


def test_words_typed_are_never_markup(sol: Visitor, path: str) -> None:
    page = sol.fill(path, **{**TYPED, "note": "<script>alert(1)</script>", "how": ""})
    assert page.status == 422
    assert "<script>alert" not in page.text


def test_a_record_that_is_not_yours_is_not_found_and_nothing_is_said(
    w: World, sol: Visitor
) -> None:
    other = sol.get(f"/sample/{w.sent(None, 'pottery')}")
    missing = sol.get(f"/sample/{new_id()}")
    assert (other.status, missing.status) == (404, 404)
    assert other.words == missing.words


def test_a_command_that_finds_nothing_is_not_found(sol: Visitor, path: str) -> None:
    assert sol.fill(path, **{**TYPED, "note": "gone"}).status == 404


# -- signed out in mid-form ---------------------------------------------------------------------


def give_password(w: World, who: str, hashed: str) -> None:
    with w.store.begin() as tx:
        tx.run(
            Sql("UPDATE app_user SET password_hash = :hash WHERE id = :id"),
            hash=hashed,
            id=w.actor[who].user_id,
        )


def test_answers_typed_when_the_sign_in_ended_come_back(
    w: World, sol: Visitor, path: str, hashed: str
) -> None:
    give_password(w, "sol", hashed)
    page = sol.get(path)
    w.later(hours=11)
    ended = sol.send(page, **TYPED)
    assert ended.status == 401
    assert CALLS == []
    assert "What you typed is kept" in ended.words
    assert "stairs" not in ended.text
    signed_in = sol.send(ended, email="sol@example.org", password="correct horse battery")
    assert "Nothing has been sent yet." in signed_in.words
    back = sol.send(signed_in)
    assert back.status == 200
    assert CALLS == []
    assert ("note", TYPED["note"]) in fields_of(back)
    assert [v for n, v in fields_of(back) if n == "needs"] == ["a", "c"]
    assert ("day-month", "March") in fields_of(back)
    assert sol.send(back).banner == "Asked. The link worker answers by Friday."


def test_answers_of_one_are_not_shown_to_another(
    w: World, sol: Visitor, path: str, hashed: str
) -> None:
    give_password(w, "rae", hashed)
    page = sol.get(path)
    w.later(hours=11)
    ended = sol.send(page, **TYPED)
    other = sol.send(ended, email="rae@example.org", password="correct horse battery")
    assert other.path == path
    assert "stairs" not in other.text


def test_kept_answers_that_were_changed_are_dropped(
    w: World, sol: Visitor, path: str, hashed: str
) -> None:
    give_password(w, "sol", hashed)
    page = sol.get(path)
    w.later(hours=11)
    ended = sol.send(page, **TYPED)
    (_, fields), *_ = ended.forms
    kept = dict(fields)["answers"]
    broken = kept[:-2] + ("00" if kept[-2:] != "00" else "11")
    page = sol.send(
        ended, email="sol@example.org", password="correct horse battery", answers=broken
    )
    assert page.path == path
    assert "stairs" not in page.text


def test_the_step_was_made_by_the_command_alone(w: World, sol: Visitor, path: str) -> None:
    sol.fill(path, **TYPED)
    with w.store.read() as tx:
        row = tx.row(
            Sql("SELECT to_state, membership_id FROM step WHERE record_id = :id"
                " ORDER BY version DESC LIMIT 1"),
            id=path.removeprefix("/sample/"),
        )  # fmt: skip
    assert row == ("queried", w.actor["sol"].membership_id)
