"""What no machine governs, changed by two: whoever is slower is told what it says now and by whom,
keeps what they typed, and is saved at the next press; who saw the newest is stopped by nothing."""

from __future__ import annotations

from typing import Any

import pytest

from referral.states import Noun
from referral.store import Store
from tests.web.client import Page, Visitor, sign_in
from tests.workflows.test_rights_doing import begun, decided
from tests.world import World, build

MEANWHILE = "What changed meanwhile"
NOW = "Somebody changed this meanwhile. It says now: "


@pytest.fixture
def w(sqlite_url: str) -> World:
    return build(Store(sqlite_url))


def slower(
    w: World, who: str, first: str, path: str, quick: Any, **typed: Any
) -> tuple[Visitor, Page]:
    """Who opened a form before `first` changed the same, and sent it after, and what
    they are answered."""
    visitor = sign_in(w, who)
    page = visitor.get(path)
    assert page.status == 200
    quick()
    page = visitor.send(page, **typed)
    assert page.status == 409
    assert MEANWHILE in page.words
    assert f"Changed {first}" in page.words
    return visitor, page


def day(name: str, number: int) -> dict[str, str]:
    return {f"{name}__day": str(number), f"{name}__month": "5", f"{name}__year": "2026"}


def test_days_away(w: World) -> None:
    priya = w.actor["priya"].membership_id
    at_first = {**day("away_from", 11), **day("away_until", 15)}
    sign_in(w, "priya").fill("/away", **at_first)

    def quick() -> None:
        sign_in(w, "tess").fill(f"/team/{priya}/away", **day("away_until", 22))

    mine, page = slower(w, "priya", "Tess", "/away", quick, **day("away_until", 13))
    assert f"{NOW}22 May 2026" in page.words
    assert 'value="13"' in page.text
    assert "Saved" in mine.send(page).banner
    assert "until 13 May 2026" in sign_in(w, "tess").get("/team").words


def test_days_away_that_were_taken_off(w: World) -> None:
    priya = w.actor["priya"].membership_id
    sign_in(w, "priya").fill("/away", **day("away_from", 11))
    mine, tess = sign_in(w, "priya"), sign_in(w, "tess")
    page = mine.get("/away")
    w.later(minutes=1)
    tess.fill(f"/team/{priya}/away", back="yes")
    page = mine.send(page, **day("away_until", 22))
    assert page.status == 409
    assert "Tess" in page.words
    assert "away from" not in tess.get("/team").words


def test_themes(w: World) -> None:
    matter = w.step(
        Noun.ESCALATION, None, "raise", "priya", given={"kind": "capacity", "note": "More."}
    ).id
    path = f"/escalations/{matter}/themes"

    def quick() -> None:
        sign_in(w, "tess").fill(path, new="No bus after six")

    tess, page = slower(w, "tess", "Tess", path, quick, new="No lift")
    assert "Somebody changed this meanwhile." in page.words
    done = tess.send(page)
    assert "No bus after six" in done.words
    assert "No lift" in done.words


def test_what_is_left_out_of_a_copy(w: World) -> None:
    record = begun(w, w.person(), "access")
    path = f"/rights/{record}/parts"

    def quick() -> None:
        decided(w, record, notes="about_others", reviews="give")

    ingrid, page = slower(w, "ingrid", "Ingrid", path, quick, notes="give", reviews="give")
    assert f"{NOW}Leave it out: it is about somebody else" in page.words
    assert "about_others" not in page.words
    w.later(minutes=1)
    # The same decided again: its reason would be written over.
    again = ingrid.get(path)
    decided(w, record, notes="about_others", reviews="give")
    assert ingrid.send(again, note="Her brother asked.").status == 409


def test_a_rule_of_a_place(w: World) -> None:
    path = "/policy/days/referral.sent/change"
    mine = {"number": "7", "starts": "now", "because": "One phone."}

    def quick() -> None:
        ada = sign_in(w, "ada")  # for the place above
        ada.send(ada.fill(path, **{**mine, "number": "9"}), sure="yes")

    # Before what it touches is shown ...
    grace, page = slower(w, "grace", "Ada", path, quick, **mine)
    assert f"{NOW}9" in page.words
    assert 'value="7"' in page.text
    # ... and after: what is planned in between counts as well.
    shown = grace.send(page)
    assert "What this will touch" in shown.words
    beside = sign_in(w, "grace")
    later = {**mine, "number": "8", "starts": "later", **day("from_day", 29)}
    assert "Saved." in beside.send(beside.fill(path, **later), sure="yes").banner
    page = grace.send(shown, sure="yes")
    assert page.status == 409
    assert MEANWHILE in page.words
    assert "Saved." in grace.send(grace.send(page), sure="yes").banner
