"""The dashboard and the reports: each number is of exactly the records its link leads to, nobody
can be picked out by a small one, and what isn't for somebody is not counted for them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from referral import scores
from referral.scores import ANSWERS
from referral.states import Noun
from referral.store import Sql, Store
from tests.counting import statements
from tests.web.client import HTTP, Page, sign_in
from tests.world import World, build
from web.counting import CHANGES
from workflows.scores import correct_scores, record_scores

SEES = ("grace", "gail", "paul", "amara")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def declined(w: World, times: int, reason: str = "full", activity: str = "choir") -> list[str]:
    records = []
    for _ in range(times):
        record = w.sent(activity=activity)
        w.referral(record, "decline", "sol", given={"reason": reason})
        records.append(record)
    return records


def reference(w: World, record: str) -> str:
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT reference FROM referral WHERE id = :id"), id=record)
    assert row is not None
    return str(row[0])


def number(html: str, label: str) -> str:
    """What stands in the table beside a kind."""
    found = re.search(rf'scope="row">{label}</th>\s*<td[^>]*>\s*(?:<a[^>]*>)?([^<]*)', html)
    assert found, label
    return found[1].strip()


def above_footer(page: Page) -> str:
    """The markup of a page but for its footer, whose form for the language says where one is."""
    return page.text.partition("<footer")[0]


def links(html: str) -> list[str]:
    return [one.replace("&amp;", "&") for one in re.findall(r'href="(/reports/[^"]*)"', html)]


def test_a_number_leads_to_exactly_its_records(w: World) -> None:
    full = declined(w, 9)
    other = declined(w, 1, "safety")
    visitor = sign_in(w, "grace")
    page = visitor.get("/dashboard")
    assert number(page.text, "No place left") == "10"  # 9, rounded
    href = next(one for one in links(page.text) if "by_reason=full" in one)
    listed = visitor.get(href).text
    assert all(reference(w, record) in listed for record in full)
    assert reference(w, other[0]) not in listed


def test_the_number_of_providers_whose_evidence_runs_out_leads_to_them(w: World) -> None:
    leads = r'<a href="([^"]*)"><strong>[^<]*</strong> <span>Assurance running out'
    assert re.findall(leads, sign_in(w, "grace").get("/dashboard").text) == ["#assurance"]
    w.later(days=340)
    grace = sign_in(w, "grace")
    assert re.findall(leads, grace.get("/dashboard").text) == ["/providers"]
    assert grace.get("/providers").status == 200


def test_a_small_number_is_not_told_on_the_page_nor_in_the_file(w: World) -> None:
    declined(w, 7)
    grace = sign_in(w, "grace")
    for path in ("/dashboard", "/reports/declines"):
        html = grace.get(path).text
        assert number(html, "No place left") == "*"
    assert number(grace.get("/reports/declines").text, "All") == "*"
    told = grace.get("/reports/declines/table.csv").text
    assert "No place left,*" in told
    assert ",7" not in told
    assert not re.search(r'<rect[^>]*class="[^"]*solid', grace.get("/reports/declines").text)


def test_who_may_open_the_records_may_see_the_numbers_as_they_are(w: World) -> None:
    """On the page, never in a file; and never what nobody is shown one by one."""
    declined(w, 3)
    grace = sign_in(w, "grace")
    assert number(grace.get("/reports/declines?exact=yes").text, "No place left") == "3"
    assert "as they are" in grace.get("/dashboard?exact=yes").words
    assert "No place left,*" in grace.get("/reports/declines/table.csv?exact=yes").text
    assert number(grace.get("/reports/who?exact=yes").text, "All") == "*"
    assert "as they are" not in grace.get("/reports/who?exact=yes").words
    assert "Small numbers stay hidden here" in grace.get("/dashboard?exact=yes").words
    assert "Small numbers stay hidden here" not in grace.get("/dashboard").words
    w.later(days=100)
    cora = sign_in(w, "cora")
    assert number(cora.get("/reports/declines?exact=yes").text, "No place left") == "*"
    assert "exact" not in above_footer(cora.get("/reports/declines?exact=yes"))


def test_none_is_told_as_none(w: World) -> None:
    html = sign_in(w, "grace").get("/reports/waits").text
    assert number(html, "Up to 2 weeks") == "0"
    assert "None in this time." in html


def test_whoever_looks_at_their_own_people_sees_the_number_as_it_is(w: World) -> None:
    declined(w, 3)
    for who in ("priya", "tess"):
        page = sign_in(w, who).get("/reports/declines")
        assert number(page.text, "No place left") == "3"
        assert "as they are" in page.words
    assert number(sign_in(w, "olu").get("/reports/declines").text, "All") == "0"
    assert number(sign_in(w, "sam").get("/reports/declines").text, "All") == "0"  # not hers


def test_what_lies_in_another_place_is_not_counted(w: World) -> None:
    declined(w, 8)
    assert number(sign_in(w, "grace").get("/reports/declines").text, "All") == "10"
    assert number(sign_in(w, "fred").get("/reports/declines").text, "All") == "0"


def test_a_commissioner_counts_and_is_shown_no_record(w: World) -> None:
    records = declined(w, 9)
    w.later(days=100)  # until the quarter is over
    cora = sign_in(w, "cora")
    page = cora.get("/dashboard")
    assert number(page.text, "No place left") == "10"
    assert not [one for one in links(page.text) if "/records" in one]
    assert cora.get("/reports/declines/records?by_reason=full").status == 403
    assert reference(w, records[0]) not in page.text
    # A quarter that goes on would tell by tomorrow what is added today.
    running = re.findall(r'<option value="(\d{4}-\d{2})"', page.text)
    theirs = re.findall(r'<option value="(\d{4}-\d{2})"', sign_in(w, "gail").get("/dashboard").text)
    assert set(theirs) - set(running) == {max(theirs)}
    assert cora.get(f"/dashboard?period={max(theirs)}").status == 404


def test_a_commissioner_narrows_by_a_place_or_a_provider_never_by_both(w: World) -> None:
    cora = sign_in(w, "cora")
    asked = f"/reports/declines?place={w.place['harbour']}&provider={w.provider['singers']}"
    page = cora.get(asked)
    assert "Choose a place or a provider, not both" in page.words
    assert f"provider={w.provider['singers']}" not in above_footer(page)
    assert "not both" not in sign_in(w, "gail").get(asked).words


def test_who_was_referred_is_never_a_list(w: World) -> None:
    """It would say of each person how old they are and what they speak."""
    declined(w, 9)
    grace = sign_in(w, "grace")
    assert not [one for one in links(grace.get("/reports/who").text) if "/records" in one]
    assert grace.get("/reports/who/records?by_age=80_over").status == 404
    assert number(grace.get("/reports/who").text, "Not recorded") == "10"


def test_the_first_answers_are_set_beside_the_last_and_no_record_is_named(w: World) -> None:
    """For each question by itself, of the answers that stand; asked once only is told apart."""
    said: dict[int, list[tuple[int | None, ...]]] = {
        9: [(3, 4, None, 7), (6, 4, 5, 3)],  # better, same, once, better: lower is
        2: [(8, 5, 5, 2), (7, None, 5, 2)],  # worse, once, same, same
        1: [(5, 5, 5, 5)],
    }
    for many, times in said.items():
        for _number in range(many):
            _answered(w, times)
    w.later(days=100)  # until the quarter is over
    cora = sign_in(w, "cora")
    page = cora.get("/reports/wellbeing")
    satisfied, worthwhile, happy, anxious = re.findall(
        r"<h2[^>]*>(?:Satisfied|Worthwhile|Happy|Anxious)(.*?)</table>", page.text, re.DOTALL
    )[:4]
    assert [number(satisfied, kind) for kind in CHANGES.values()] == ["10", "0", "*", "*"]
    assert [number(worthwhile, kind) for kind in CHANGES.values()] == ["0", "10", "0", "*"]
    assert [number(happy, kind) for kind in CHANGES.values()] == ["0", "*", "0", "10"]
    assert [number(anxious, kind) for kind in CHANGES.values()] == ["10", "*", "0", "*"]
    assert "It was better for 100% of those" in page.words
    bands = page.text.partition("in bands")[2]
    low, medium = (re.search(rf">{band}</th>(.*?)</tr>", bands, re.DOTALL) for band in
                   ("Low: 0 to 4", "Medium: 5 to 6"))  # fmt: skip
    assert low
    assert medium
    assert re.findall(r"<td[^>]*>\s*([^<\s]*)", low[1]) == ["10", "0"]
    assert re.findall(r"<td[^>]*>\s*([^<\s]*)", medium[1]) == ["0", "10"]
    assert "/records" not in page.text
    assert sign_in(w, "gail").get("/reports/wellbeing/records").status == 404
    assert "Low: 0 to 4,10,0" in cora.get("/reports/wellbeing/table.csv").text
    # What was put right doesn't count, and what was taken back is as if it had not been said.
    w.at -= timedelta(days=100)
    record = _answered(w, [(1, 1, 1, 1), (9, 9, 9, 9)])
    assert number(sign_in(w, "priya").get("/reports/wellbeing").text, "All") == "13"
    priya, nothing = w.actor["priya"], dict.fromkeys(ANSWERS)
    with w.store.begin(priya) as tx:
        for one in scores.of_referral(tx, priya, record):
            said_now = {"why": "not_theirs", "how": "phone", "asked_on": one.asked_on}
            at = w.at + timedelta(days=9)
            correct_scores(tx, priya, at, score_id=one.id, answers=nothing, **said_now)
    assert number(sign_in(w, "priya").get("/reports/wellbeing").text, "All") == "12"


def _answered(w: World, times: list[tuple[int | None, ...]]) -> str:
    record, priya = w.sent(), w.actor["priya"]
    for day, numbers in enumerate(times):
        at = w.at + timedelta(days=day)
        with w.store.begin(priya) as tx:
            record_scores(tx, priya, at, referral_id=record, stage="review", how="phone",
                          asked_on=at.date(),
                          answers=dict(zip(ANSWERS, numbers, strict=True)))  # fmt: skip
    return record


def test_a_wait_ends_with_its_own_start_though_the_referral_was_sent_again(w: World) -> None:
    """It runs from the sending before that start, not from the newest one."""
    record = w.sent()
    w.referral(record, "accept", "sol")
    w.later(days=20)
    w.referral(record, "start", "sol")
    w.referral(record, "give_back", "sol", given={"reason": "other"})
    w.later(days=1)
    w.referral(record, "send", "priya")
    w.referral(record, "accept", "sol")
    w.referral(record, "start", "sol")
    html = sign_in(w, "priya").get("/reports/waits").text
    assert number(html, "Up to 2 weeks") == "1"
    assert number(html, "2 to 4 weeks") == "1"


def test_concerns_are_counted_for_those_who_may_open_them_and_are_not_named(w: World) -> None:
    person = w.person()
    for sources in ([], [{"user_id": w.actor["paul"].user_id}]):
        w.step(
            Noun.CONCERN, None, "raise", "priya",
            given={"person_id": person, "seen": "Bruises.", "danger": False, "sources": sources},
        )  # fmt: skip
    told = {who: sign_in(w, who).get("/dashboard").words for who in (*SEES, "cora")}
    says = "Safeguarding concerns open now"
    assert [who for who in told if says in told[who]] == ["paul", "amara"]
    asked = {who: _concerns(w, who) for who in ("paul", "seth")}
    assert asked == {"paul": 1, "seth": 2}


def _concerns(w: World, who: str) -> int:
    from referral import counts

    at = w.at
    with w.store.read() as tx:
        found = counts.counted(
            tx, w.actor[who], "concerns", (), counts.Asked(at, at, at, (at, at, at))
        )
    return sum(found.values())


def test_every_measure_can_be_counted_and_listed_in_each_of_its_ways(w: World) -> None:
    """By whoever may: the number is how many records its list holds."""
    from referral import counts
    from web.reports import LAST

    record = w.active()
    w.consent(w.person(), w.provider["singers"])
    w.step(Noun.ESCALATION, None, "raise", "priya",
           given={"kind": "other", "about": "referral", "about_id": record,
                  "note": "?"})  # fmt: skip
    declined(w, 2)
    at = w.later(days=1)
    asked = counts.Asked(w.at.replace(year=2025), at, at, (at, at, at))
    seen = set()
    with w.store.read() as tx:
        for name, measure in counts.MEASURES.items():
            for who in ("priya", "tess", "gwen", "grace", "amara", "cora"):
                whole = counts.counted(tx, w.actor[who], name, (), asked)
                for dimension in measure.by:
                    found = counts.counted(tx, w.actor[who], name, (dimension,), asked)
                    assert sum(found.values()) == sum(whole.values()), (name, dimension, who)
                    for (kind,), told in found.items():
                        rows = list(counts.rows(tx, w.actor[who], name, {dimension: kind}, asked,
                                                LAST, 99))  # fmt: skip
                        hidden = who == "cora" or not measure.open_to_list
                        assert len(rows) == (0 if hidden else told), (name, dimension, who)
                        seen.add(name)
    assert seen >= {"sent", "declined", "started", "escalated", "assurance", "who"}


def test_an_administrator_sees_how_the_service_stands_and_no_secret(w: World) -> None:
    page = sign_in(w, "ada").get("/system")
    assert "SEGUE_ROUND_NUMBERS_TO" in page.text
    assert "Christmas Day" in page.words
    assert HTTP.secret_key not in page.text
    assert sign_in(w, "grace").get("/system").status == 403


def test_taking_a_file_is_written_down(w: World) -> None:
    sign_in(w, "grace").get("/reports/declines/table.csv")
    with w.store.read() as tx:
        row = tx.row(
            Sql("SELECT count(*) FROM audit WHERE action = 'report_exported'"
                " AND membership_id = :m"), m=w.actor["grace"].membership_id,
        )  # fmt: skip
    assert row is not None
    assert row[0] == 1


def test_no_page_of_numbers_asks_the_store_more_than_fifteen_times(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    declined(w, 2)
    asked = statements(monkeypatch)
    found = {}
    for who in ("amara", "grace"):
        visitor = sign_in(w, who)
        for path in ("/dashboard", "/agenda", "/reports/reviews", "/reports/declines/records"):
            asked.clear()
            assert visitor.get(path).status == 200
            found[who, path] = len(asked)
    assert {at: n for at, n in found.items() if n > 15} == {}


def test_an_agenda_says_what_is_open_what_was_decided_and_what_runs_out(w: World) -> None:
    record = w.sent()
    given = {"kind": "capacity", "about": "referral", "about_id": record, "note": "Room."}
    matter = w.step(Noun.ESCALATION, None, "raise", "priya", given=given).id
    person = w.person(family_name="Quillfeather")
    w.sent(person)
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT reference FROM escalation WHERE id = :id"), id=matter)
    assert row is not None
    page = sign_in(w, "grace").get("/agenda")
    assert str(row[0]) in page.text
    assert (
        "Nothing was decided this month, and nothing decided before is still to do." in page.words
    )
    assert "Quillfeather" not in page.text
    assert re.search(r"5\. Numbers.*?Referrals sent: (\d+|\*)", page.words)
    assert "See the dashboard." not in page.words
    assert str(row[0]) not in sign_in(w, "fred").get("/agenda").text
    assert sign_in(w, "cora").get("/agenda").status == 403
