"""A referral's history: one line of all that happened, narrowed by kind, page by page, with the way
to the audit log for those alone who may open it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from referral.states import Noun
from referral.store import Store
from tests.counting import BUDGET, counted
from tests.web.client import sign_in
from tests.web.pages import HOSTILE
from tests.world import World, build
from web.edge import Edge
from web.worker import sweep_all
from workflows import histories
from workflows.holds import lift_hold, place_hold
from workflows.messages import write_message

SENT = "Sent to the provider"
GIVEN = "Accepted: a place was given"
WORDS = "She comes by bus and may be late on Thursday."


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


@pytest.fixture
def one(sqlite_url: str) -> Iterator[World]:
    """The same on SQLite alone, where the database makes no difference."""
    store = Store(sqlite_url)
    yield build(store)
    store.dispose()


def write(w: World, record: str, who: str = "priya", body: str = WORDS) -> str:
    actor = w.actor[who]
    return w.made(actor, lambda tx: write_message(tx, actor, w.at, referral_id=record, body=body))


def told(w: World, who: str, record: str, asked: str = "") -> list[str]:
    """The headings of the line as somebody reads them."""
    page = sign_in(w, who).get(f"/referrals/{record}/history{asked}")
    assert page.status == 200, f"{who}: {page.status}"
    return re.findall(r'app-timeline__what">(?:<del>)?([^<]+)', page.text)


def test_all_that_happened_stands_in_one_line_and_each_kind_by_itself(w: World) -> None:
    rid = w.sent()
    write(w, rid)
    w.later(hours=1)
    w.referral(rid, "accept", "sol")
    assert told(w, "priya", rid)[:3] == [GIVEN, "Message", SENT]
    assert "Consent given" in told(w, "priya", rid)
    assert told(w, "priya", rid, "?show=messages") == ["Message"]
    assert told(w, "priya", rid, "?show=decisions")[:2] == [GIVEN, SENT]
    assert set(told(w, "priya", rid, "?show=consent")) == {"Consent asked for", "Consent given"}
    none = sign_in(w, "priya").get(f"/referrals/{rid}/history?show=automatic")
    assert "There are none of these." in none.words
    assert "See everything that happened" in none.words
    assert told(w, "priya", rid, "?show=nonsense") == told(w, "priya", rid)


def test_what_consent_ends_stands_under_consent_and_under_what_no_human_did(one: World) -> None:
    person = one.person()
    rid = one.sent(person)
    one.consent(person, agreed=False)
    stopped = "Stopped: consent was taken back"
    assert stopped in told(one, "priya", rid, "?show=consent")
    assert stopped in told(one, "priya", rid, "?show=automatic")
    assert stopped not in told(one, "priya", rid, "?show=decisions")
    line = told(one, "priya", rid)
    ended = next(one for one in told(one, "priya", rid, "?show=consent") if one != stopped)
    assert line.index(stopped) < line.index(ended)


def test_a_provider_reads_their_thread_and_nothing_of_anybodys_consent(one: World) -> None:
    rid = one.sent()
    write(one, rid, "sol", "Is there a lift?")
    page = sign_in(one, "sol").get(f"/referrals/{rid}/history")
    assert "Is there a lift?" in page.words
    assert "show=messages" in page.text
    assert "show=consent" not in page.text
    assert "Consent given" not in page.words
    assert told(one, "sol", rid, "?show=consent") == told(one, "sol", rid)


def test_words_that_stand_in_the_line_are_text_and_long_ones_are_cut(one: World) -> None:
    rid = one.sent()
    write(one, rid, body=HOSTILE + " and more" * 100)
    page = sign_in(one, "sol").get(f"/referrals/{rid}/history?show=messages")
    assert HOSTILE not in page.text
    assert page.words.count("and more") < 40
    assert f'href="/referrals/{rid}/messages"' in page.text


def test_the_line_comes_in_pages_that_leave_nothing_out_and_say_nothing_twice(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(histories.of_referral.__kwdefaults__, "limit", 3)
    rid = w.sent()
    for number in range(4):  # at one moment: what was written then has an order all the same
        write(w, rid, body=f"Number {number}.")
    w.referral(rid, "accept", "sol")
    visitor, path = sign_in(w, "priya"), f"/referrals/{rid}/history"
    found: list[str] = []
    while path:
        page = visitor.get(path)
        entries = re.findall(
            r'app-timeline__what">([^<]+)<.*?(?:<blockquote>([^<]+)<.*?)?</li>', page.text, re.S
        )
        assert 1 <= len(entries) <= 3
        found += [quote or what for what, quote in entries]
        older = re.search(r'app-older"><a href="([^"]+)"', page.text)
        path = older[1].replace("&amp;", "&") if older else ""
    assert sorted(found[:4]) == [f"Number {n}." for n in range(4)]
    assert found[4:6] == [GIVEN, SENT]
    assert len(found) == len({*found})
    assert {"Consent given", "Referral begun"} <= {*found}
    assert visitor.get(f"/referrals/{rid}/history?after=else").status == 404


def test_each_entry_leads_to_the_log_for_those_who_may_open_it_and_for_nobody_else(
    w: World,
) -> None:
    rid = w.sent()
    write(w, rid)
    officer = sign_in(w, "amara")
    page = officer.get(f"/referrals/{rid}/history")
    links = re.findall(r'href="(/audit/\d+)"', page.text)
    assert len(links) == len(re.findall("app-timeline__what", page.text))
    sent = officer.get(links[1])
    assert sent.status == 200
    assert SENT in sent.words
    for who in ("priya", "tess", "sol", "grace", "seth"):
        assert "/audit/" not in sign_in(w, who).get(f"/referrals/{rid}/history").text, who


def test_whoever_might_be_named_has_no_way_to_the_log_here_either(one: World) -> None:
    rid = one.sent()
    other = {"person_id": one.person(), "seen": "A bruise", "danger": False}
    sources = [{"user_id": one.actor["amara"].user_id}]
    one.step(Noun.CONCERN, None, "raise", "sam", given={**other, "sources": sources})
    page = sign_in(one, "amara").get(f"/referrals/{rid}/history")
    assert page.status == 200
    assert "/audit/" not in page.text


def test_a_page_of_it_asks_the_store_for_no_more_than_any_page(one: World) -> None:
    rid = one.sent()
    write(one, rid)
    for who in ("priya", "sol", "amara"):
        visitor = sign_in(one, who)
        visitor.get(f"/referrals/{rid}/history")
        with counted() as asked:
            visitor.get(f"/referrals/{rid}/history")
        assert len(asked) <= BUDGET, f"{who}: {len(asked)}"


def test_that_it_stood_still_and_what_ran_out_stand_in_the_line_without_a_cause(w: World) -> None:
    person = w.person()
    rid = w.sent(person)
    priya = w.actor["priya"]
    began = w.later(hours=1)
    until = (w.at + timedelta(days=7)).date()
    hold = w.made(
        priya,
        lambda tx: place_hold(tx, priya, began, referral_id=rid, cause="person_asked", until=until),
    )
    held, free = "The referral was put on hold", "The hold ended"
    assert told(w, "priya", rid)[0] == held
    assert held in told(w, "priya", rid, "?show=decisions")
    w.later(hours=1)
    w.made(priya, lambda tx: lift_hold(tx, priya, w.at, referral_id=rid, hold_id=hold))
    for who in ("priya", "sol"):
        page = sign_in(w, who).get(f"/referrals/{rid}/history")
        assert told(w, who, rid)[:2] == [free, held], who
        assert "asked" not in page.words.partition(free)[2].partition(SENT)[0].lower(), who
    # A concern's hold reads the same, and what touches is one.
    w.later(hours=1)
    raised = {"person_id": person, "seen": "A bruise", "danger": False}
    w.step(Noun.CONCERN, None, "raise", "sam", given=raised)
    assert told(w, "priya", rid)[0] == held
    assert "show=decisions" in sign_in(w, "priya").get(f"/referrals/{rid}/history").text


def test_a_deadline_that_passed_is_told_to_whoever_had_it_and_to_the_team(w: World) -> None:
    rid = w.sent()
    missed = "A deadline passed"
    assert missed not in told(w, "priya", rid)
    w.later(days=20)
    sweep_all(Edge(w.store, clock=lambda: w.at))
    for who in ("priya", "sol"):
        assert missed in told(w, who, rid, "?show=automatic"), who
        assert missed not in told(w, who, rid, "?show=decisions"), who
    assert "The provider was to reply." in sign_in(w, "sol").get(f"/referrals/{rid}/history").words


def test_what_was_shared_without_consent_is_told_to_whoever_may_read_it_alone(one: World) -> None:
    person = one.person()
    rid = one.sent(person)
    one.consent(person, agreed=False)
    assert not any("without consent" in what for what in told(one, "priya", rid))
    one.override(person)
    assert any("without consent" in what for what in told(one, "priya", rid, "?show=consent"))
    assert not any("without consent" in what for what in told(one, "sol", rid))


def test_what_is_taken_further_and_moves_up_by_itself_stands_in_the_line(one: World) -> None:
    rid = one.sent()
    one.later(days=20)
    sweep_all(Edge(one.store, clock=lambda: one.at))
    one.later(days=30)
    sweep_all(Edge(one.store, clock=lambda: one.at))
    page = sign_in(one, "priya").get(f"/referrals/{rid}/history?show=automatic")
    assert "Escalated" in page.words
    assert re.search(r"Escalation: Moved up a level.{0,80}The system", page.words)
    assert "Escalated" not in told(one, "priya", rid, "?show=consent")
    assert not any("scalat" in what for what in told(one, "sol", rid))
