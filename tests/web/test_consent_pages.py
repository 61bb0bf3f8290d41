"""Consent on the pages: the words published and compared, capacity assessed, and an answer that
rests on it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from referral.store import Sql, Store
from tests.web.api import program
from tests.web.client import sign_in
from tests.world import ASSESSED, World, build
from web.wordings import side_by_side


@pytest.fixture(scope="module")
def w(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("consents") / "segue.db"
    shutil.copy(sqlite_template, path)
    store = Store(f"sqlite:///{path}")
    yield build(store)
    store.dispose()


ABLE = {"understands": "yes", "retains": "yes", "weighs": "no", "communicates": "yes"}
SAID = {name: text for name, text in ASSESSED.items() if isinstance(text, str)}


def in_days(w: World, days: int, name: str) -> dict[str, str]:
    day = w.at.date() + timedelta(days=days)
    return {f"{name}__day": str(day.day), f"{name}__month": str(day.month),
            f"{name}__year": str(day.year)}  # fmt: skip


# -- the words ----------------------------------------------------------------------------------


def test_two_texts_side_by_side_say_what_goes_and_what_is_new() -> None:
    left, right = side_by_side("May we tell the choir?", "May we tell your practice?")
    assert [text for kind, text in left if kind == "gone"] == ["the", "choir?"]
    assert [text for kind, text in right if kind == "new"] == ["your", "practice?"]
    assert "".join(t for _, t in left) == "May we tell the choir?"
    assert "".join(t for _, t in right) == "May we tell your practice?"
    assert side_by_side("Same.", "Same.") == ([("same", "Same.")], [("same", "Same.")])


def test_an_administrator_compares_and_publishes(w: World) -> None:
    ada = sign_in(w, "ada")
    assert "/wording/share_with_provider/en" in ada.get("/wording").text
    path = "/wording/share_with_provider/cy"
    compared = ada.fill(path, body="Hoffem ddweud wrth y côr.", do="compare",
                        **in_days(w, 0, "from_on"))  # fmt: skip
    assert "What would change" in compared.words
    assert "<ins>" in compared.text
    assert "Hoffem ddweud wrth y côr.</textarea>" in compared.text
    assert "Versions Nothing is read out yet." in compared.words
    done = ada.fill(path, body="Hoffem ddweud wrth y côr.", **in_days(w, 0, "from_on"))
    assert "Answers given before keep the words they heard." in done.banner
    assert "Version 1 In use since 12 May 2026 · published by Ada Admin" in done.words
    again = ada.fill(path, body="Hoffem ddweud wrth y côr.", **in_days(w, 0, "from_on"))
    assert (again.status, "These are the words in use." in again.words) == (422, True)


def test_the_answer_is_asked_for_in_the_persons_language(w: World) -> None:
    ada, priya = program(w, "ada"), sign_in(w, "priya")
    body = {"purpose": "contact", "language": "cy", "body": "Gawn ni gadw mewn cysylltiad?",
            "from_on": w.at.date().isoformat()}  # fmt: skip
    assert ada.post("/wordings", body).status == 201
    person = w.person()
    page = priya.get(f"/people/{person}/consent?purpose=contact")
    assert "Read it out in: Welsh , Easy read" in page.words
    path = f"/people/{person}/consent?purpose=contact&language=cy"
    assert path.replace("&", "&amp;") in page.text
    welsh = priya.get(path)
    assert 'lang="cy" dir="auto">Gawn ni gadw mewn cysylltiad?' in welsh.text
    priya.send(welsh, share="yes", basis="agreement", how="phone")
    with w.store.read() as tx:
        rows = tx.rows(
            Sql("SELECT w.language FROM consent c JOIN wording w ON w.id = c.wording_id"
                " WHERE c.person_id = :p"),
            p=person,
        )  # fmt: skip
    assert rows == [("cy",)]


def test_a_referral_asks_in_the_persons_language_and_in_english_where_there_are_no_words(
    w: World,
) -> None:
    ada, priya = program(w, "ada"), sign_in(w, "priya")
    body = {"purpose": "share_with_provider", "language": "cy", "body": "Gawn ni ddweud?",
            "from_on": w.at.date().isoformat()}  # fmt: skip
    assert ada.post("/wordings", body).status == 201
    path = f"/referrals/{w.draft(w.person(language='Welsh', no_nhs_number='not_known'))}/write"
    page = priya.get(f"{path}/consent")
    assert 'lang="cy" dir="auto">Gawn ni ddweud?' in page.text
    assert "Read it out in: English , Easy read" in page.words
    priya.send(page, share="yes", basis="agreement", how="phone")
    with w.store.read() as tx:
        rows = tx.rows(
            Sql("SELECT DISTINCT w.language FROM consent c JOIN wording w ON w.id = c.wording_id")
        )
    assert rows == [("cy",)]
    other = priya.get(f"/referrals/{w.draft(w.person(language='Polish'))}/write/consent")
    assert "Gawn ni ddweud?" not in other.words
    assert "Read it out in: Welsh" in other.words


def test_the_words_are_there_on_a_sheet_for_the_person_in_each_language_they_exist_in(
    w: World,
) -> None:
    ada, priya = program(w, "ada"), sign_in(w, "priya")
    body = {"purpose": "contact", "language": "cy", "body": "Gawn ni ffonio? Neu beidio.",
            "from_on": w.at.date().isoformat()}  # fmt: skip
    assert ada.post("/wordings", body).status == 201
    linked = priya.get(f"/people/{w.person()}/consent?purpose=contact&language=cy")
    assert 'href="/wording/contact/cy/sheet"' in linked.text
    sheet = priya.get("/wording/contact/cy/sheet")
    assert "Segue Geiriad" not in sheet.words  # the foot says which program it is
    assert '<p lang="cy" dir="auto">Gawn ni ffonio?</p>' in sheet.text
    assert '<p lang="cy" dir="auto">Neu beidio.</p>' in sheet.text
    assert "01632 960123" in sheet.words
    assert priya.get("/wording/contact/pl/sheet").status == 404


def test_the_words_in_any_language_are_written_for_whoever_speaks_it(w: World) -> None:
    ada, priya = sign_in(w, "ada"), sign_in(w, "priya")
    assert "Keep in touch in Polish" not in ada.get("/wording").words
    assert "Keep in touch in Polish" in ada.get("/wording?language=pl").words
    ada.fill("/wording/contact/pl", body="Czy możemy zadzwonić?", **in_days(w, 0, "from_on"))
    asked = "/people/{}/consent?purpose=contact"
    polish = priya.get(asked.format(w.person(language="polish", no_nhs_number="not_known")))
    assert 'lang="pl" dir="auto">Czy możemy zadzwonić?' in polish.text
    assert "Czy" not in priya.get(asked.format(w.person(no_nhs_number="not_known"))).words
    sheet = priya.get("/wording/contact/pl/sheet")
    assert '<div class="app-letter" lang="en">' in sheet.text  # our own words beside it


def test_the_words_are_there_in_easy_read_from_the_beginning(w: World) -> None:
    priya = sign_in(w, "priya")
    sheet = priya.get("/wording/share_with_provider/en-simple/sheet")
    assert '<p lang="en-simple" dir="auto">We want to tell them about you.</p>' in sheet.text
    sentences = sheet.text.split('<p lang="en-simple"')[1:]
    assert max(len(one.split("</p>")[0].split()) for one in sentences) < 12
    assert priya.get("/wording/share_with_provider/en-hard/sheet").status == 404


def test_taking_back_asks_for_no_reason_and_says_none(w: World) -> None:
    priya = sign_in(w, "priya")
    person = w.person()
    said = []
    for given in ({}, {"reason": "person_said_no"}):
        consent = w.consent(person).id
        page = priya.get(f"/consents/{consent}/withdraw")
        assert " checked" not in page.text
        assert "Consent is taken back." in priya.send(page, **given).banner
        with w.store.read() as tx:
            asked = Sql("SELECT reason FROM step WHERE trigger = 'withdraw' AND record_id = :c")
            said += tx.rows(asked, c=consent)
    assert said == [("not_said",), ("person_said_no",)]


def test_others_read_the_words_and_publish_none(w: World) -> None:
    for who in ("grace", "ingrid", "art"):
        visitor = sign_in(w, who)
        page = visitor.get("/wording/contact/en")
        assert page.status == 200
        assert "Write a new version" not in page.words
        assert visitor.post("/wording/contact/en", {"body": "x"}).status == 403
    assert sign_in(w, "priya").get("/wording").status == 403
    assert program(w, "priya").post("/wordings", {}).status == 403
    assert sign_in(w, "ada").get("/wording/marketing/en").status == 404


# -- capacity -----------------------------------------------------------------------------------


def test_an_assessment_first_and_then_the_answer_that_rests_on_it(w: World) -> None:
    person = w.person()
    priya = sign_in(w, "priya")
    asking = f"/people/{person}/consent?purpose=contact"
    best = {"share": "yes", "basis": "best_interests", "how": "in_person"}
    without = priya.fill(asking, **best)
    assert (without.status, "Record the capacity assessment first." in without.words) == (422, True)
    path = f"/people/{person}/capacity?then={asking.replace('?', '%3F')}"
    missing = priya.fill(path, decision="Whether we keep in touch.")
    assert missing.status == 422
    assert "Say whether they can weigh it up." in missing.words
    assert "Whether we keep in touch.</textarea>" in missing.text
    unable = priya.fill(path, **{**SAID, **ABLE, "cause": "", "interests": ""})
    assert "Write what makes them unable, and how." in unable.words
    done = priya.fill(path, **SAID, **ABLE, **in_days(w, 60, "review_on"))
    assert "The answer can rest on it now." in done.banner
    assert done.path == f"/people/{person}/consent"
    with w.store.read() as tx:
        made = tx.rows(Sql("SELECT id FROM capacity_assessment WHERE person_id = :p"), p=person)[0][
            0
        ]
    assert ASSESSED["decision"] in done.words
    given = priya.send(done, **best, capacity_id=made)
    assert given.path == f"/people/{person}"
    with w.store.read() as tx:
        consent = tx.rows(Sql("SELECT id FROM consent WHERE person_id = :p"), p=person)[0][0]
    shown = priya.get(f"/consents/{consent}")
    assert "The assessment it rests on" in shown.words
    assert "Until 11 July 2026" in shown.words
    # Who answers for the place sees that there is one, and not what was found.
    assert "dementia" not in sign_in(w, "grace").get(f"/consents/{consent}").words


def test_who_can_decide_is_to_be_asked(w: World) -> None:
    person = w.person()
    page = sign_in(w, "priya").fill(
        f"/people/{person}/capacity", **SAID, **{**ABLE, "weighs": "yes"}
    )
    assert "they can decide this themselves" in page.banner


def test_the_page_leads_back_to_our_own_pages_only(w: World) -> None:
    person = w.person()
    for then in ("https://evil.example/", "//evil.example/people/", "/people/../..//evil"):
        page = sign_in(w, "priya").get(f"/people/{person}/capacity?then={then}")
        assert not re.findall(r'href="[^"]*evil', page.text)
        assert f'href="/people/{person}"' in page.text


def test_an_assessment_is_for_the_team(w: World) -> None:
    person = w.person()
    assert sign_in(w, "olu").get(f"/people/{person}/capacity").status == 404
    assert sign_in(w, "sol").get(f"/people/{person}/capacity").status == 403


def test_a_program_records_an_assessment_and_rests_an_answer_on_it(w: World) -> None:
    person = w.person()
    priya = program(w, "priya")
    path = f"/people/{person}/capacity"
    able = {name: word == "yes" for name, word in ABLE.items()}
    wrong = priya.post(path, {**SAID, **able, "cause": None})
    assert (wrong.status, "cause" in wrong.fields) == (422, True)
    day = (w.at.date() + timedelta(days=30)).isoformat()
    made = priya.post(path, {**SAID, **able, "review_on": day})
    assert (made.status, made.json["lacks"]) == (201, True)
    said = priya.post("/consents", {
        "person_id": person, "purpose": "contact", "agreed": "yes", "basis": "best_interests",
        "how": "phone", "capacity_id": made.json["id"],
    })  # fmt: skip
    assert said.status == 201, said.json
    seen = priya.get(f"/consents/{said.json['id']}").json
    assert (seen["capacity_id"], seen["until"][:10]) == (made.json["id"], "2026-06-11")
    assert [a["id"] for a in priya.get(path).json["items"]] == [made.json["id"]]
    assert program(w, "olu").get(path).status == 404


def test_the_words_are_there_in_easy_read_and_kept_as_what_was_heard(w: World) -> None:
    ada, priya = program(w, "ada"), sign_in(w, "priya")
    assert "Keep in touch, Easy read" in sign_in(w, "ada").get("/wording").words
    body = {"purpose": "contact", "language": "en-simple", "body": "May we ring you? You choose.",
            "from_on": w.at.date().isoformat()}  # fmt: skip
    assert ada.post("/wordings", body).status == 201
    assert ada.post("/wordings", {**body, "language": "en-hard"}).status == 422
    person = w.person()
    path = f"/people/{person}/consent?purpose=contact"
    assert "Easy read" in priya.get(path).words.partition("Read it out in:")[2]
    easy = priya.get(f"{path}&language=en-simple")
    assert 'lang="en-simple" dir="auto">May we ring you?' in easy.text
    assert "You choose." in priya.get("/wording/contact/en-simple/sheet").words
    priya.send(easy, share="yes", basis="agreement", how="in_person")
    with w.store.read() as tx:
        rows = tx.rows(
            Sql("SELECT w.language FROM consent c JOIN wording w ON w.id = c.wording_id"
                " WHERE c.person_id = :p"),
            p=person,
        )  # fmt: skip
    assert rows == [("en-simple",)]
