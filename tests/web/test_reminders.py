"""Putting off what stands on one's own list, and calls one means to make: what is refused, what
comes back, and that nobody else notices."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest

from referral.states import Noun
from referral.store import Sql, Store
from tests.counting import BUDGET, statements
from tests.web.client import Page, Visitor, sign_in
from tests.web.test_home import chips, concern, headings, names
from tests.world import World, build
from workflows.working_time import local_day


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def boxes(day: date, why: str = "they_answer") -> dict[str, str]:
    parts = {"until-day": day.day, "until-month": day.month, "until-year": day.year}
    return {name: str(number) for name, number in parts.items()} | {"why": why}


def in_days(w: World, days: int) -> date:
    return local_day(w.at) + timedelta(days=days)


def put_off(w: World, visitor: Visitor, path: str, days: int = 3, why: str = "they_answer") -> Page:
    return visitor.send(visitor.get(path), follow=True, **boxes(in_days(w, days), why))


def actions(w: World) -> list[str]:
    with w.store.read() as tx:
        return [row[0] for row in tx.rows(Sql("SELECT action FROM audit ORDER BY seq"))]


def test_an_item_is_put_off_until_its_day_and_comes_back_by_itself(w: World) -> None:
    draft = w.draft(w.person(family_name="Okoro"))
    visitor = sign_in(w, "priya")
    page = visitor.get("/")
    (path,) = re.findall(r'href="(/reminders/[^"]+)"', page.text)
    assert path == f"/reminders/referral.draft/{draft}"
    after = put_off(w, visitor, path)
    assert after.path == "/"
    assert "Off your list until" in after.words
    assert names(after) == []
    assert chips(after)["Reminders 1"] == "/?show=reminders"
    assert "reminder_set" in actions(w)
    kept = visitor.get("/?show=reminders")
    assert names(kept) == ["Margaret Okoro"]
    assert "I wait for somebody's answer" in kept.words
    w.later(days=3)
    page = sign_in(w, "priya").get("/")
    assert names(page) == ["Margaret Okoro"]
    assert "You asked to be reminded on" in page.words
    assert "Reminders" not in " ".join(chips(page))


def test_what_is_put_off_can_be_brought_back(w: World) -> None:
    draft = w.draft()
    visitor = sign_in(w, "priya")
    put_off(w, visitor, f"/reminders/referral.draft/{draft}")
    assert names(visitor.get("/")) == []
    back = visitor.send(visitor.get("/?show=reminders"))
    assert "It is back on your list." in back.words
    assert len(names(back)) == 1
    assert actions(w)[-2:].count("reminder_ended") or "reminder_ended" in actions(w)


def test_it_hides_nothing_from_anybody_else_and_moves_no_deadline(w: World) -> None:
    record = w.sent()
    w.later(days=8)
    before = sign_in(w, "rae").get("/")
    put_off(w, sign_in(w, "sol"), f"/reminders/referral.sent/{record}")
    assert names(sign_in(w, "sol").get("/")) == []
    after = sign_in(w, "rae").get("/")
    assert names(after) == names(before)
    assert chips(after) == chips(before)
    assert "has not replied in time" in sign_in(w, "priya").get("/").words
    with w.store.read() as tx:
        rows = tx.rows(Sql("SELECT DISTINCT due, look_at FROM clock WHERE kind = 'referral.sent'"))
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("days", "says"),
    [(0, "Enter a"), (-1, "Enter a"), (60, "Choose a day within the next 20 working days.")],
)
def test_a_day_out_of_reach_is_refused_and_what_was_typed_is_kept(
    w: World, days: int, says: str
) -> None:
    draft = w.draft()
    visitor = sign_in(w, "priya")
    page = put_off(w, visitor, f"/reminders/referral.draft/{draft}", days)
    assert page.status in (409, 422)
    if days > 0:
        assert says in page.words
    assert f'value="{in_days(w, days).day}"' in page.text
    assert len(names(visitor.get("/"))) == 1


def test_a_reason_is_asked_for(w: World) -> None:
    draft = w.draft()
    visitor = sign_in(w, "priya")
    path = f"/reminders/referral.draft/{draft}"
    page = visitor.send(visitor.get(path), **boxes(in_days(w, 2), "because"))
    assert page.status == 422
    assert "Choose why it can wait." in page.words


def test_what_is_about_safety_is_never_put_off_past_its_time(w: World) -> None:
    raised = concern(w, w.person())
    w.step(Noun.CONCERN, raised, "acknowledge", "gwen")
    visitor = sign_in(w, "gwen")
    path = f"/reminders/concern.under_review/{raised}"
    refused = put_off(w, visitor, path, 5)
    assert refused.status == 422
    assert "This is about safety" in refused.words
    assert len(names(visitor.get("/"))) == 1
    given = {"reason": "other", "note": "Watch."}
    w.step(Noun.CONCERN, raised, "monitor", "gwen", given=given)
    w.later(days=38)
    visitor = sign_in(w, "gwen")
    path = f"/reminders/concern.monitoring/{raised}"
    assert put_off(w, visitor, path, 20).status == 422
    assert put_off(w, visitor, path, 1).status == 200
    assert names(visitor.get("/")) == []


def test_a_safety_item_that_is_due_is_on_the_list_whatever_was_asked(w: World) -> None:
    raised = concern(w, w.person())
    visitor = sign_in(w, "gwen")
    with w.store.begin(w.actor["gwen"]) as tx:
        (clock,) = tx.row(Sql("SELECT id FROM clock WHERE record_id = :id"), id=raised) or (0,)
        member, far = w.actor["gwen"].membership_id, w.at + timedelta(days=60)
        tx.run(
            Sql(
                "INSERT INTO reminder (id, system_id, membership_id, noun, record_id, clock_id,"
                " why, set_at, until) VALUES (:id, :system, :member, 'concern', :id, :clock,"
                " 'arranged', :at, :far)"
            ),
            id=raised, system=w.system_id, member=member, clock=clock, at=w.at, far=far,
        )  # fmt: skip
    assert names(visitor.get("/")) == []
    w.later(days=4)
    assert headings(sign_in(w, "gwen").get("/")) == ["Safety"]


def test_what_is_not_on_ones_own_list_cannot_be_put_off(w: World) -> None:
    draft, sent = w.draft(), w.sent()
    for who, path in (
        ("sam", f"/reminders/referral.draft/{draft}"),
        ("tess", f"/reminders/referral.draft/{draft}"),
        ("sol", f"/reminders/referral.draft/{draft}"),
        ("priya", f"/reminders/referral.sent/{sent}"),
        ("priya", f"/reminders/referral.returned/{draft}"),
    ):
        visitor = sign_in(w, who)
        assert visitor.get(path).status == 404, (who, path)
        assert visitor.post(path, boxes(in_days(w, 2))).status == 404, (who, path)
    assert sign_in(w, "ada").get(f"/reminders/referral.draft/{draft}").status == 403
    assert "reminder_set" not in actions(w)


def test_nobody_ends_somebody_elses_reminder(w: World) -> None:
    draft = w.draft()
    put_off(w, sign_in(w, "priya"), f"/reminders/referral.draft/{draft}")
    with w.store.read() as tx:
        (reminder,) = tx.row(Sql("SELECT id FROM reminder")) or ("",)
    assert sign_in(w, "sam").post(f"/reminders/{reminder}/end", {}).status == 404
    assert names(sign_in(w, "priya").get("/")) == []


def test_who_is_named_in_a_concern_can_put_nothing_of_it_off(w: World) -> None:
    person = w.person()
    draft = w.draft(person)
    given: dict[str, Any] = {
        "person_id": person,
        "seen": "Bruises.",
        "danger": False,
        "sources": [{"user_id": w.actor["priya"].user_id}],
    }
    w.step(Noun.CONCERN, None, "raise", "gwen", given=given)
    visitor = sign_in(w, "priya")
    assert "/reminders/" not in visitor.get("/").text
    assert visitor.get(f"/reminders/referral.draft/{draft}").status == 404
    assert visitor.get(f"/referrals/{draft}/remind").status == 404


def test_a_call_comes_onto_the_list_until_it_is_made(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = w.active(w.person(family_name="Okoro"))
    visitor = sign_in(w, "priya")
    assert f'href="/referrals/{record}/remind"' in visitor.get(f"/referrals/{record}").text
    page = put_off(w, visitor, f"/referrals/{record}/remind", 1, "check_in")
    assert "The call is on your list for" in page.words
    asked = statements(monkeypatch)
    page = visitor.get("/")
    assert len(asked) <= BUDGET
    assert headings(page) == ["Coming up"]
    assert "A call you planned. To ask how they are." in page.words
    assert "A call you planned" in visitor.get(f"/referrals/{record}").words
    assert names(sign_in(w, "sam").get("/")) == []
    assert "A call you planned" not in sign_in(w, "sam").get(f"/referrals/{record}").words
    w.later(days=1)
    visitor = sign_in(w, "priya")
    page = visitor.get("/")
    assert headings(page) == ["Due today"]
    assert f'href="/referrals/{record}/call"' in page.text
    done = visitor.send(page)
    assert "The call is off your list." in done.words
    assert names(done) == []


def test_a_call_may_be_to_chase_the_provider(w: World) -> None:
    record = w.sent()
    visitor = sign_in(w, "priya")
    put_off(w, visitor, f"/referrals/{record}/remind", 1, "chase_provider")
    assert "A call you planned. To chase the provider." in visitor.get("/").words


def test_a_call_later_than_next_week_waits_among_the_reminders(w: World) -> None:
    record = w.active()
    visitor = sign_in(w, "priya")
    put_off(w, visitor, f"/referrals/{record}/remind", 20, "see_how_it_went")
    page = visitor.get("/")
    assert names(page) == []
    assert "Reminders 1" in chips(page)
    assert len(names(visitor.get("/?show=reminders"))) == 1


def test_a_call_about_what_has_ended_is_gone(w: World) -> None:
    record = w.active()
    put_off(w, sign_in(w, "priya"), f"/referrals/{record}/remind", 1, "check_in")
    w.referral(record, "withdraw", "priya", given={"reason": "person_asked"})
    assert names(sign_in(w, "priya").get("/")) == []
    assert sign_in(w, "priya").get(f"/referrals/{record}/remind").status == 404
