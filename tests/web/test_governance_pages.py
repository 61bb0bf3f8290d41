"""Pages of those who answer for a place: who answers for what, announcements, themes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from referral.states import Noun
from referral.store import Sql, Store
from tests.web.api import program
from tests.web.client import Page, Visitor, sign_in
from tests.world import World, build
from web.edge import Edge
from web.worker import sweep_all
from workflows.announcements import minutes_for, personal_numbers


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    store = Store(sqlite_url)
    yield build(store)
    store.dispose()


def rows(w: World, text: str, **values: Any) -> list[tuple[Any, ...]]:
    with w.store.read() as tx:
        return tx.rows(Sql(text), **values)


# -- who answers for what -----------------------------------------------------------------------


def test_a_record_says_who_answers_now_and_who_above_them(w: World) -> None:
    record = w.sent()
    page = sign_in(w, "priya").get(f"/referrals/{record}")
    assert "Now: Activity leader, Riverside Singers. Rae Rivers, Sol Rivers" in page.words
    assert "Accountable officer, Saltmarsh: Amara Chief" in page.words
    provider = w.provider["singers"]
    assert "Who answers for this" in sign_in(w, "grace").get(f"/providers/{provider}").words
    concern = w.step(
        Noun.CONCERN, None, "raise", "priya",
        given={"person_id": w.person(), "seen": "Bruises.", "danger": False, "sources": []},
    ).id  # fmt: skip
    assert "Now: Safeguarding lead, Ash Lane practice. Gwen Safe" in (
        sign_in(w, "gwen").get(f"/concerns/{concern}").words
    )
    assert "Who answers for this" not in sign_in(w, "priya").get(f"/concerns/{concern}").words


def test_the_api_tells_the_lines_of_what_one_may_see(w: World) -> None:
    record = w.sent()
    told = program(w, "priya").get(f"/referrals/{record}/accountability")
    assert told.status == 200
    assert [line["lane"] for line in told.json["lines"]] == ["provider", "work", "safeguarding"]
    assert told.json["lines"][0]["steps"][0]["now"] is True
    assert program(w, "olu").get(f"/referrals/{record}/accountability").status == 404
    for noun, one in (("providers", w.provider["singers"]), ("activities", w.activity["choir"])):
        lines = program(w, "priya").get(f"/{noun}/{one}/accountability").json["lines"]
        assert [line["lane"] for line in lines] == ["provider", "safeguarding"]
    agreement = rows(w, "SELECT id FROM agreement")[0][0]
    assert program(w, "tess").get(f"/agreements/{agreement}/accountability").status == 200
    assert program(w, "tom").get(f"/agreements/{agreement}/accountability").status == 404


def test_governance_sees_what_nobody_answers_for(w: World) -> None:
    page = sign_in(w, "gail").get("/accountability")
    assert "thing that nobody answers for" in page.words
    assert "Nobody is Safeguarding lead here." in page.words  # Fen has none
    assert "Harbour" in page.words
    assert "Fenside practice" not in sign_in(w, "grace").get("/accountability").words
    assert "You do not answer for a whole place" in sign_in(w, "gwen").get("/accountability").words


# -- announcements ------------------------------------------------------------------------------

BODY = "Bring the new form to each first meeting. " * 40


def write(w: World, **more: Any) -> tuple[Visitor, Page]:
    """Grace and the page that shows what it costs."""
    grace = sign_in(w, "grace")
    page = grace.fill(
        "/announcements/write", title="A new form", body=BODY, roles=["link_worker"], **more
    )
    return grace, page


def sent(w: World, **more: Any) -> str:
    grace, page = write(w, **more)
    return grace.send(page, sure="yes").path


def test_the_cost_is_shown_before_it_is_sent(w: World) -> None:
    grace, page = write(w)
    assert "2 readers, about 3 minutes" in page.words
    assert "Brysbaert" in page.words
    assert rows(w, "SELECT count(*) FROM announcement") == [(0,)]
    made = grace.send(page, sure="yes")
    assert "Read by 0 of 2." in made.words
    assert "Priya Shah" in made.words
    assert "Olu Fen" not in made.words  # Fen is not Grace's
    assert grace.send(page, sure="yes").path == made.path
    assert rows(w, "SELECT count(*) FROM announcement") == [(1,)]


def test_whoever_is_not_chosen_out_reads_it(w: World) -> None:
    """Nothing chosen is everyone who works in the place, as the page says."""
    grace = sign_in(w, "grace")
    page = grace.fill("/announcements/write", title="A new form", body=BODY)
    assert page.status == 200
    made = grace.send(page, sure="yes")
    assert "Priya Shah" in made.words
    assert "Sol" in made.words
    assert "Olu Fen" not in made.words


def test_a_notice_names_the_provider_and_the_place_it_is_about(w: World) -> None:
    record = w.sent()
    found = rows(w, f"SELECT id FROM assurance WHERE provider_id = '{w.provider['singers']}'")
    w.step(Noun.ASSURANCE, str(found[0][0]), "suspend", "grace", given={"reason": "quality"})
    given = {"kind": "capacity", "note": "More places.", "about": "referral",
             "about_id": record, "level": 2}  # fmt: skip
    w.step(Noun.ESCALATION, None, "raise", "priya", given=given)
    sweep_all(Edge(w.store, lambda: w.at))
    page = sign_in(w, "priya").get("/notices")
    assert re.search(r"Assurance New [^·]*Riverside Singers ·", page.words), page.words
    page = sign_in(w, "grace").get("/notices")
    assert re.search(r"waits for your review\.? Harbour ·", page.words), page.words
    assert "Fen" not in page.words


def test_a_notice_of_a_referral_says_whom_it_is_about_as_its_reader_knows_them(w: World) -> None:
    record = w.sent(w.person(given_name="Ada", family_name="Obi"))
    sweep_all(Edge(w.store, lambda: w.at))
    assert "Ada · SG-" in sign_in(w, "sol").get("/notices").words
    w.referral(record, "decline", "sol", given={"reason": "full"})
    sweep_all(Edge(w.store, lambda: w.at))
    assert "Ada" not in sign_in(w, "sol").get("/notices").words
    assert "Ada Obi · SG-" in sign_in(w, "priya").get("/notices").words


def test_a_reader_has_one_button_and_it_is_in_the_log(w: World) -> None:
    path = sent(w)
    sweep_all(Edge(w.store, lambda: w.at))
    priya = sign_in(w, "priya")
    assert "A new form" in priya.get("/").words
    assert "an announcement for you to read" in priya.get("/notices").words
    page = priya.send(priya.get(path))
    assert "You said that you read this" in page.words
    assert page.forms == []
    assert "A new form" not in priya.get("/").words
    assert rows(w, "SELECT count(*) FROM audit WHERE action = 'announcement_read'") == [(1,)]
    assert "Read by 1 of 2." in sign_in(w, "grace").get("/announcements").words
    assert sign_in(w, "olu").get(path).status == 404
    assert sign_in(w, "olu").post(f"{path}/read").status == 404


def test_nothing_about_one_person_is_sent(w: World) -> None:
    page = sign_in(w, "grace").fill(
        "/announcements/write", title="About 999 000 0018", body="Ring him.", roles=["team_lead"]
    )
    assert page.status == 422
    assert "looks like an NHS number" in page.words
    assert "Ring him." in page.text
    assert personal_numbers("999-000-0018")
    assert not personal_numbers("Ring 01632 960123 or 07700 900982, reference 9990000019")


def test_only_what_must_be_acted_on_climbs_when_unread(w: World) -> None:
    quiet = sent(w)
    grace, page = write(w, act_by__day="18", act_by__month="5", act_by__year="2026")
    assert "goes to whoever answers for them" in page.words
    loud = grace.send(page, sure="yes").path
    sam = sign_in(w, "sam")
    sam.send(sam.get(loud))
    owners = "SELECT m.role, r.owner FROM announcement_reader r JOIN membership m"
    owners += " ON m.id = r.membership_id WHERE r.read_at IS NULL AND r.look_at IS NOT NULL"
    for expected in ("member", "team_lead", "governance_lead", "governance_lead"):
        w.later(days=7)
        sweep_all(Edge(w.store, lambda: w.at))
        assert [row[1].partition("@")[0] for row in rows(w, owners)] == [expected]
        if expected == "team_lead":
            tess = sign_in(w, "tess")
            assert "1 person you answer for has not read it." in tess.get("/").words
            assert "Priya Shah, Ash Lane practice" in tess.get(loud).words
            assert tess.get(quiet).status == 404
    assert "has not read what must be acted on" in sign_in(w, "tess").get("/notices").words
    assert "Followed up" in sign_in(w, "grace").get(loud).words
    assert "Followed up" not in sign_in(w, "grace").get(quiet).words
    priya = sign_in(w, "priya")
    priya.send(priya.get(loud))
    assert rows(w, owners) == []


def test_only_those_who_answer_for_a_place_write(w: World) -> None:
    for who in ("priya", "sol", "ada"):
        assert sign_in(w, who).get("/announcements/write").status == 403
    assert sign_in(w, "gwen").get("/announcements/write").status == 404


def test_214_readers_take_about_7_hours() -> None:
    assert minutes_for("word " * 467, 214) == 420


# -- themes -------------------------------------------------------------------------------------


def matter(w: World, **more: Any) -> str:
    given = {"kind": "capacity", "note": "More places.", **more}
    return w.step(Noun.ESCALATION, None, "raise", "priya", given=given).id


def test_reviewers_tag_and_a_page_counts(w: World) -> None:
    first, second = matter(w), matter(w, kind="disagreement")
    tess = sign_in(w, "tess")
    form = tess.get(f"/escalations/{first}/themes")
    chosen = next(v for n, v in _boxes(form.text) if "Too few places" in n)
    page = tess.send(form, themes=[chosen], new="No bus after six")
    assert "Too few places" in page.words
    assert "No bus after six" in page.words
    tess.fill(f"/escalations/{second}/themes", themes=[chosen])
    w.step(Noun.ESCALATION, second, "acknowledge", "tess")
    w.step(Noun.ESCALATION, second, "decide", "tess", given={"decision": "uphold", "note": "Yes"})
    w.later(days=7)
    page = sign_in(w, "grace").get("/themes")
    assert "Raised 2 times. 2 are open, the oldest for 5 working days." in page.words
    assert "Agreed: something has to change: 1" in page.words
    narrowed = sign_in(w, "grace").get("/themes?kind=disagreement")
    assert "Raised 1 time." in narrowed.words
    assert "No bus after six" not in narrowed.words
    one = sign_in(w, "grace").get(f"/themes/{chosen}")
    assert one.text.count("/escalations/") == 2
    assert "Too few places" not in sign_in(w, "fred").get("/themes").words
    tess.fill(f"/escalations/{first}/themes", themes=[])
    assert "Raised 1 time." in sign_in(w, "grace").get("/themes").words


def _boxes(text: str) -> list[tuple[str, str]]:
    import re

    found = re.findall(r'name="themes" type="checkbox" value="([^"]+)".*?<label[^>]*>(.*?)</label>',
                       text, re.S)  # fmt: skip
    return [(words.strip(), value) for value, words in found]


def test_what_was_decided_is_told_to_those_who_work_here(w: World) -> None:
    record = matter(w, kind="disagreement")
    path = f"/announcements/write?escalation={record}"
    grace = sign_in(w, "grace")
    assert grace.get(path).status == 404  # nothing is decided yet
    w.step(Noun.ESCALATION, record, "acknowledge", "tess")
    w.step(Noun.ESCALATION, record, "decide", "tess", given={"decision": "uphold", "note": "Yes"})
    assert path in grace.get(f"/escalations/{record}").text
    reference = rows(w, "SELECT reference FROM escalation")[0][0]
    page = grace.get(path)
    assert f"What was decided in review {reference}" in page.text
    page = grace.send(page, body="Two more places from May.", roles=["team_lead", "link_worker"])
    there = grace.send(page, sure="yes").path
    assert "Open the review it comes from" in sign_in(w, "tess").get(there).words
    assert "Open the review it comes from" not in sign_in(w, "sam").get(there).words
    assert sign_in(w, "fred").get(f"/announcements/write?escalation={record}").status == 404


def test_who_raised_it_doesnt_tag_it(w: World) -> None:
    record = matter(w)
    assert sign_in(w, "priya").get(f"/escalations/{record}/themes").status == 404
    assert sign_in(w, "priya").get("/themes").status == 403


def test_more_themes_than_a_page_go_on(w: World) -> None:
    record, tess = matter(w), sign_in(w, "tess")
    form = tess.get(f"/escalations/{record}/themes")
    every = [value for _, value in _boxes(form.text)]
    tess.send(form, themes=every)
    for n in range(20):
        form = tess.get(f"/escalations/{record}/themes")
        tess.send(form, new=f"Thing {n}")
    page = tess.get("/themes")
    assert "More themes" in page.words
    older = page.text.split('class="app-older"><a href="')[1].split('"')[0].replace("&amp;", "&")
    assert "Thing 9" in tess.get(older).words
