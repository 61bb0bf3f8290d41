"""The first page of every role: what needs me now."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from referral import notices, visible
from referral.rows import change
from referral.states import Noun
from referral.store import Sql, Store
from tests.keeping import keep
from tests.web.client import Page, sign_in, visit
from tests.world import World, build
from web.keysets import pack, unpack
from workflows import reading
from workflows.beginnings import begin_writing
from workflows.guards import HELD, HELD_BY_US
from workflows.referrals import propose


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    store = Store(sqlite_url)
    yield build(store)
    store.dispose()


def headings(page: Page) -> list[str]:
    return re.findall(r'<h2 class="nhsuk-heading-m">([^<]+)</h2>', page.text)


def names(page: Page) -> list[str]:
    return re.findall(r'app-work-item__name"><a href="[^"]*">([^<]+)</a>', page.text)


def chips(page: Page) -> dict[str, str]:
    found = re.findall(r'app-chips__link" href="([^"]*)".*?>(.*?)</a>', page.text, flags=re.DOTALL)
    return {" ".join(re.sub(r"<[^>]+>", " ", words).split()): href for href, words in found}


def concern(w: World, person: str, who: str = "priya") -> str:
    given = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": []}
    return w.step(Noun.CONCERN, None, "raise", who, given=given).id


# -- link workers -------------------------------------------------------------------------------


def test_a_link_worker_sees_what_needs_them_and_why(w: World) -> None:
    record = w.sent(w.person(family_name="Okoro"))
    w.referral(record, "decline", "sol", given={"reason": "full"})
    page = sign_in(w, "priya").get("/")
    assert "<h1" in page.text
    assert "1 thing needs you." in page.words
    assert headings(page) == ["Coming up"]
    assert names(page) == ["Margaret Okoro"]
    back = "Back with you from Riverside Singers: no place left. Find another way."
    assert back in page.words
    assert "Due Friday 15 May (3 working days left)" in page.words
    assert f'href="/referrals/{record}/redirect"' in page.text
    assert "Rematch" in page.words


def test_every_button_leads_to_a_page_that_is_there(w: World) -> None:
    person = w.person()
    w.consent(person, agreed=None)
    w.draft(person)
    record = w.sent(w.person())
    w.referral(record, "ask", "sol", given={"note": "Can she climb stairs?"})
    w.completed(w.person())
    returned = w.sent(w.person(), "pottery")
    w.referral(returned, "decline", "kit", given={"reason": "full"})
    w.sent(w.person())
    w.accepted(w.person())
    raised = concern(w, w.person())
    escalate(w)
    for who, least in (("priya", 5), ("sol", 2), ("grace", 1), ("gwen", 1)):
        visitor = sign_in(w, who)
        page = visitor.get("/")
        links = re.findall(r'nhsuk-button--small" href="([^"]+)"', page.text)
        links += re.findall(r'app-work-item__name"><a href="([^"]+)"', page.text)
        assert len(links) >= 2 * least, who
        for link in links:
            assert visitor.get(link.replace("&amp;", "&")).status == 200, (who, link)
    assert raised


def test_the_late_come_before_todays_and_those_before_the_rest(w: World) -> None:
    w.draft(w.person(given_name="Ann"))
    w.later(days=3)
    w.draft(w.person(given_name="Ben"))
    w.later(days=4, hours=1)
    w.draft(w.person(given_name="Cat"))
    page = sign_in(w, "priya").get("/")
    assert [name.split()[0] for name in names(page)] == ["Ann", "Ben", "Cat"]
    assert headings(page) == ["Overdue", "Coming up"]
    assert "3 things need you. 1 is overdue." in page.words
    w.later(hours=-2)
    assert headings(sign_in(w, "priya").get("/")) == ["Due today", "Coming up"]


def test_an_empty_list_says_where_everything_is(w: World) -> None:
    page = sign_in(w, "olu").get("/")
    assert "Nothing needs you right now." in page.words
    w.sent()
    page = sign_in(w, "priya").get("/")
    assert (
        "Nothing needs you right now. 1 referral is with others."
        " The next deadline is Tuesday 19 May." in page.words
    )


def test_chips_count_and_lead_to_lists(w: World) -> None:
    w.draft()
    w.sent()
    visitor = sign_in(w, "priya")
    page = visitor.get("/")
    assert chips(page) == {
        "Needs me now 1": "/",
        "Waiting on others 1": "/?show=waiting",
        "Drafts 1": "/?show=drafts",
        "Everything open 2": "/?show=open",
    }
    waiting = visitor.get("/?show=waiting")
    assert len(names(waiting)) == 1
    assert "Waiting for the provider to reply." in waiting.words
    assert len(names(visitor.get("/?show=open"))) == 2
    # Another link worker's are not mine; the team lead has the whole team's.
    assert "Everything open 0" in chips(sign_in(w, "sam").get("/"))
    assert "Everything open 2" in chips(sign_in(w, "tess").get("/"))


def test_twenty_five_to_a_page_and_then_older(w: World) -> None:
    person = w.person()
    first = [w.draft(person) for _ in range(27)]
    visitor = sign_in(w, "priya")
    page = visitor.get("/")
    assert "27 things need you." in page.words
    assert len(names(page)) == 25
    (older,) = re.findall(r'<a href="([^"]+)">Older</a>', page.text)
    rest = visitor.get(older.replace("&amp;", "&"))
    assert len(names(rest)) == 2
    assert "Older" not in rest.words
    shown = re.findall(r'/referrals/([0-9a-f-]{36})"', page.text + rest.text)
    assert set(first) <= set(shown)


@pytest.mark.parametrize("parts", ["x", "W10", (1,), ("a", "b", "c"), (1, "soon", 2)])
def test_a_place_in_a_list_that_is_not_ours_is_not_found(w: World, parts: Any) -> None:
    visitor = sign_in(w, "priya")
    with visitor.app.app_context():
        word = parts if isinstance(parts, str) else pack(*parts)
    assert visitor.get(f"/?after={word}").status == 404


def test_a_place_in_a_list_says_nothing_to_who_holds_it(w: World) -> None:
    visitor = sign_in(w, "priya")
    with visitor.app.app_context():
        one, two = pack(12345), pack(12345)
        assert one != two
        assert unpack(one, int) == unpack(two, int) == (12345,)
    for word in (one, two):
        assert b"12345" not in base64.urlsafe_b64decode(word + "==")


def test_who_is_named_in_a_concern_learns_nothing_but_the_hold(w: World) -> None:
    person = w.person(family_name="Okoro")
    w.draft(person)
    given = {
        "person_id": person,
        "seen": "Bruises.",
        "danger": False,
        "sources": [{"user_id": w.actor["priya"].user_id}],
    }
    w.step(Noun.CONCERN, None, "raise", "gwen", given=given)
    page = sign_in(w, "priya").get("/")
    assert names(page) == ["Margaret"]
    assert HELD_BY_US.why in page.words
    assert "Okoro" not in page.text
    assert "concern" not in page.words.lower()
    assert "Due" not in page.words
    assert "Draft " not in page.words.replace("Drafts ", "")


def test_the_person_who_raised_a_concern_sees_that_nobody_has_seen_it(w: World) -> None:
    raised = concern(w, w.person())
    for path in ("/", "/notices", "/search"):
        page = sign_in(w, "priya").get(path)
        assert "Nobody has seen your concern" in page.words, path
        assert "Ring 01632 960100" in page.words
    assert "Nobody has seen" not in sign_in(w, "sam").get("/").words
    w.later(hours=12)
    assert "Ring 01632 960199" in sign_in(w, "priya").get("/").words
    w.step(Noun.CONCERN, raised, "acknowledge", "gwen")
    assert "Nobody has seen" not in sign_in(w, "priya").get("/").words


def test_what_a_link_worker_may_begin(w: World) -> None:
    assert 'href="/referrals/new"' in sign_in(w, "priya").get("/").text
    for who in ("sol", "tess", "grace"):
        assert "/referrals/new" not in sign_in(w, who).get("/").text


def test_a_provider_who_is_silent_past_the_time_is_on_the_link_workers_list(w: World) -> None:
    record = w.sent(w.person(family_name="Okoro"))
    assert names(sign_in(w, "priya").get("/")) == []
    w.later(days=8)
    page = sign_in(w, "priya").get("/")
    assert headings(page) == ["Overdue"]
    silent = "Riverside Singers has not replied in time. Ring them, or take it back."
    assert silent in page.words
    assert f'href="/referrals/{record}/recall"' in page.text
    assert "1 thing needs you. 1 is overdue." in page.words
    for who in ("sam", "tess"):
        assert names(sign_in(w, who).get("/")) == [], who


def test_a_provider_is_not_silent_while_it_is_held_nor_to_whom_it_is_closed(w: World) -> None:
    person = w.person()
    w.sent(person)
    w.active(w.person(), "pottery")
    w.later(days=60)
    page = sign_in(w, "priya").get("/")
    assert "has not replied" in page.words
    assert "has not said how it is going" in page.words
    assert "/escalate" in page.text
    concern(w, person)
    page = sign_in(w, "priya").get("/")
    assert "has not replied" not in page.words
    assert "has not said how it is going" in page.words


def test_a_team_lead_watches_for_who_is_away(w: World) -> None:
    w.sent()
    w.later(days=8)
    assert names(sign_in(w, "tess").get("/")) == []
    with w.store.begin(w.system) as tx:
        change(tx, "membership", w.actor["priya"].membership_id, {"ended_at": w.at})
    page = sign_in(w, "tess").get("/")
    assert "Riverside Singers has not replied in time." in page.words
    assert "Standing in" not in page.words  # it is the provider's to do


def test_a_draft_says_that_consent_is_missing(w: World) -> None:
    person = w.person()
    w.draft(person)
    missing = "Consent to share is missing."
    assert missing in sign_in(w, "priya").get("/").words
    w.consent(person)
    words = sign_in(w, "priya").get("/").words
    assert missing not in words
    assert "This draft has not been sent." in words


def test_what_was_begun_and_left_alone_comes_up_after_five_working_days(w: World) -> None:
    person = w.person(family_name="Okoro")
    with w.store.begin(w.actor["priya"]) as tx:
        begun = begin_writing(tx, w.actor["priya"], w.at, person)
    w.later(days=4)
    assert names(sign_in(w, "priya").get("/")) == []
    w.later(days=5)
    page = sign_in(w, "priya").get("/")
    assert headings(page) == ["Overdue"]
    assert "Begun and not touched for" in page.words
    assert f'href="/referrals/{begun}/write"' in page.text
    assert "1 thing needs you. 1 is overdue." in page.words
    assert names(sign_in(w, "sam").get("/")) == []


def test_a_decision_on_what_one_raised_waits_until_it_is_read(w: World) -> None:
    raised = escalate(w)
    with w.store.begin(w.system) as tx:
        tx.run(
            Sql(
                "INSERT INTO notice (system_id, outbox_id, membership_id, what, noun, record_id,"
                " at, read_at) VALUES (:system_id, 7, :member, 'escalation_decided',"
                " 'escalation', :record, :at, NULL)"
            ),
            system_id=w.system_id,
            member=w.actor["priya"].membership_id,
            record=raised,
            at=w.at,
        )
    visitor = sign_in(w, "priya")
    page = visitor.get("/")
    assert headings(page) == ["New for you"]
    assert "What you raised has been decided." in page.words
    assert "Read the decision" in page.words
    assert names(sign_in(w, "sam").get("/")) == []
    visitor.send(visitor.get("/notices"))
    assert "Read the decision" not in visitor.get("/").words


# -- providers ----------------------------------------------------------------------------------


def test_a_provider_sees_enough_to_decide_by(w: World) -> None:
    person = w.person(family_name="Okoro", postcode="NR31 6AB", access_needs="A chair with arms")
    w.sent(person, call_before=True, urgent=True)
    page = sign_in(w, "sol").get("/")
    assert "1 new referral to answer." in page.words
    assert names(page) == ["Margaret"]
    for said in (
        "70 to 79",
        "NR31",
        "Singing for breathing",
        "What matters: Singing again",
        "Would make it easier: A chair with arms",
        "Call the link worker before you accept.",
        "Urgent.",
        "Due Thursday 14 May (2 working days left)",
    ):
        assert said in page.words, said
    for hidden in ("Okoro", "6AB", "07700", "1951"):
        assert hidden not in page.text, hidden


def test_a_held_referral_waits_at_the_end(w: World) -> None:
    person = w.person()
    w.sent(person)
    concern(w, person)
    page = sign_in(w, "sol").get("/")
    assert headings(page) == ["On hold"]
    assert HELD.why in page.words
    assert "Clock paused while on hold" in page.words
    assert "overdue" not in page.words.lower()
    assert "Answer" not in page.words
    for shown in (page, sign_in(w, "sol").get("/?show=open")):
        assert 'href="tel:01632' in shown.text, "the team is rung first"
    assert "Call 01632" not in sign_in(w, "priya").get("/?show=open").words


def test_a_provider_reads_that_it_is_them_somebody_waits_for(w: World) -> None:
    w.sent()
    assert "Answer" in sign_in(w, "sol").get("/").words
    for path in ("/", "/?show=open", "/referrals"):
        assert "Waiting for you" in sign_in(w, "sol").get(path).words, path
    assert "Waiting for provider" in sign_in(w, "priya").get("/?show=open").words


def test_a_provider_with_nothing_to_do_sees_who_takes_part(w: World) -> None:
    w.active()
    page = sign_in(w, "sol").get("/")
    assert "No referrals waiting for you. 1 person is taking part." in page.words
    assert chips(page) == {
        "Needs me now 0": "/",
        "Waiting list 0": "/?show=waiting-list",
        "Taking part 1": "/?show=taking-part",
        "Everything open 1": "/?show=open",
    }
    assert len(names(sign_in(w, "rae").get("/?show=taking-part"))) == 1
    assert names(sign_in(w, "kit").get("/?show=open")) == []


def test_an_empty_inbox_says_when_the_next_session_is(w: World) -> None:
    w.active()
    with w.store.begin() as tx:
        change(tx, "activity", w.activity["choir"], {"when_words": "Thursdays, 2pm to 4pm"})
    page = sign_in(w, "sol").get("/")
    assert (
        "No referrals waiting for you. Your next session is Singing for breathing on"
        " Thursday 14 May: 1 person." in page.words
    )


# -- reviews ------------------------------------------------------------------------------------


def escalate(w: World, severity: str = "medium") -> str:
    given = {"kind": "capacity", "note": "More places.", "about": "referral",
             "about_id": w.sent(), "level": 2, "severity": severity}  # fmt: skip
    return w.step(Noun.ESCALATION, None, "raise", "priya", given=given).id


def test_a_reviewer_sees_what_waits_for_them(w: World) -> None:
    record = escalate(w, "high")
    page = sign_in(w, "grace").get("/")
    assert "1 thing needs you." in page.words
    assert f'href="/escalations/{record}"' in page.text
    assert "Not enough places · Severity: high · Place · 0 working days old" in page.words
    assert chips(page) == {
        "Needs me 1": "/",
        "Overdue 0": "/?show=overdue",
        "Waiting for others 0": "/?show=others",
        "Decided this month 0": "/?show=decided",
    }
    assert "Okoro" not in page.text


def test_what_waits_for_others_is_a_table(w: World) -> None:
    escalate(w)
    escalate(w, "high")
    page = sign_in(w, "gail").get("/?show=others")
    table = re.search(r"<tbody.*?</tbody>", page.text, re.DOTALL)
    assert table is not None
    rows = re.findall(r"<tr.*?</tr>", table[0], re.DOTALL)
    assert ["High" in rows[0], "Medium" in rows[1]] == [True, True]
    assert "Nobody yet" in page.words
    assert "There are none." in sign_in(w, "fred").get("/?show=others").words


def decided(w: World, **more: str) -> tuple[str, str]:
    """A matter decided by Grace, and the one thing that follows of it."""
    record = w.sent()
    given = {"kind": "capacity", "note": "More places.", "about": "referral",
             "about_id": record, "level": 2, "severity": "low"}  # fmt: skip
    matter = w.step(Noun.ESCALATION, None, "raise", "priya", given=given).id
    w.step(Noun.ESCALATION, matter, "acknowledge", "grace")
    said = {
        "decision": "partly",
        "note": "Back to the team.",
        "consequences": [{"noun": "referral", "record_id": record, "trigger": "recall",
                          "given": {"reason": "other"}}],
        **more,
    }  # fmt: skip
    w.step(Noun.ESCALATION, matter, "decide", "grace", given=said)
    return matter, record


def row_of(page: Page, matter: str) -> str:
    found = re.findall(r"<tr.*?</tr>", page.text, re.DOTALL)
    mine = next(row for row in found if matter in row)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", mine))


def test_a_decision_is_followed_until_it_is_carried_out(w: World) -> None:
    matter, record = decided(w)
    grace = sign_in(w, "grace")
    page = grace.get("/?show=decided")
    assert "Decided in May 2026" in page.words
    assert "1 was decided. Of 1 something is still to do." in page.words
    row = row_of(page, matter)
    assert "Agreed in part" in row
    assert w.actor["grace"].name in row
    assert re.search(r"Still to do\s+Take back", row), row
    agenda = grace.get("/agenda")
    assert "No review waits for a decision." in agenda.words, "what is decided isn't open too"
    assert re.search(r"Still to do\s+Take back", row_of(agenda, matter))

    w.referral(record, "decline", "sol", given={"reason": "full"})
    grace.post(f"/escalations/{matter}/consequences/all")
    page = grace.get("/?show=decided")
    assert "Of 1 something could not be done." in page.words
    assert re.search(r"Could not be done\s+Take back", row_of(page, matter))

    path = grace.get(f"/escalations/{matter}").text.split("/waive")[0].rsplit('"', 1)[1]
    grace.fill(f"{path}/waive", reason="done_otherwise")
    page = grace.get("/?show=decided")
    assert "1 was decided. Nothing of it is left to carry out." in page.words
    assert re.search(r"Not needed\s+Waits to be closed", row_of(page, matter))


def test_decisions_stand_by_severity_or_by_day_and_are_taken_as_a_file(w: World) -> None:
    first, _record = decided(w)
    w.later(days=1)
    second, _record = decided(w)
    grace = sign_in(w, "grace")
    found = [grace.get(f"/?show=decided{sort}").text for sort in ("", "&sort=decided")]
    assert [page.index(first) < page.index(second) for page in found] == [True, False]
    assert 'href="/?show=decided&amp;month=2026-05&amp;sort=decided"' in found[0]
    assert 'href="/reviews.csv?month=2026-05"' in found[0]
    taken = grace.get("/reviews.csv?month=2026-05")
    lines = taken.text.splitlines()
    assert lines[0].startswith("Reference,Kind,Severity,Decision")
    assert [line.split(",")[3] for line in lines[1:]] == ["Agreed in part"] * 2
    assert "Took a list as a file" in sign_in(w, "art").get("/audit").words
    assert grace.get("/reviews.csv?month=may").status == 404
    assert sign_in(w, "fred").get("/reviews.csv?month=2026-05").text.count("\n") == 1
    assert sign_in(w, "priya").get("/reviews.csv").status == 403


def test_decisions_of_earlier_months_are_a_link_away(w: World) -> None:
    matter, _record = decided(w)
    grace = sign_in(w, "grace")
    assert "Earlier:" not in grace.get("/?show=decided").words
    w.later(days=40)
    page = sign_in(w, "grace").get("/?show=decided")
    assert matter not in page.text
    assert "Nothing was decided in this month." in page.words
    assert 'href="/?show=decided&amp;month=2026-05"' in page.text
    grace = sign_in(w, "grace")
    page = grace.get("/?show=decided&month=2026-05")
    assert "Still to do" in row_of(page, matter)
    assert 'href="/?show=decided&amp;month=2026-06"' in page.text
    assert matter in grace.get("/agenda").text, "it is still being carried out"
    for wrong in ("2026-13", "2027-01", "0001-01", "may"):
        assert grace.get(f"/?show=decided&month={wrong}").status == 404, wrong
    assert matter not in sign_in(w, "fred").get("/?show=decided&month=2026-05").text


def test_what_is_to_be_looked_at_again_stands_on_the_agenda_of_that_month(w: World) -> None:
    again, plain = decided(w, review_on="2026-07-31")[0], decided(w)[0]
    grace = sign_in(w, "grace")
    assert "To be looked at again on 31 July 2026" in row_of(grace.get("/?show=decided"), again)
    for matter in (again, plain):
        grace.post(f"/escalations/{matter}/consequences/all")
        page = grace.get(f"/escalations/{matter}/complete")
        assert "can disagree within 20 working days." in page.words
        grace.send(page)
    found = []
    for _month in ("June", "July", "August"):
        w.later(days=32)
        page = sign_in(w, "grace").get("/agenda").text
        found.append([one in page for one in (again, plain)])
    assert found == [[False, False], [True, False], [False, False]]


def test_safety_comes_first_for_whoever_holds_it(w: World) -> None:
    raised = concern(w, w.person())
    page = sign_in(w, "gwen").get("/")
    assert headings(page) == ["Safety"]
    assert "app-work-item--safety" in page.text
    assert f'href="/concerns/{raised}"' in page.text
    assert "Okoro" not in page.text


@pytest.mark.parametrize("who", ["ada", "art", "cora"])
def test_who_has_no_list_sees_nobody(w: World, who: str) -> None:
    w.sent(w.person(family_name="Okoro"))
    page = sign_in(w, who).get("/")
    assert page.status == 200
    assert "Margaret" not in page.text
    assert names(page) == []


# -- notices ------------------------------------------------------------------------------------


def give_notice(w: World, who: str) -> None:
    with w.store.begin(w.system) as tx:
        tx.run(
            Sql(
                "INSERT INTO notice (system_id, outbox_id, membership_id, what, noun, record_id,"
                " at, read_at) SELECT o.system_id, o.id, :member, o.what, o.noun, o.record_id,"
                " o.at, NULL FROM outbox o WHERE o.noun = 'referral'"
            ),
            member=w.actor[who].membership_id,
        )


def test_notices_say_what_happened_and_are_read_when_one_says_so(w: World) -> None:
    w.accepted()
    give_notice(w, "priya")
    visitor = sign_in(w, "priya")
    page = visitor.get("/notices")
    assert "The provider accepted the referral." in page.words
    assert "New" in page.words
    assert "Notices (2 new )" in visitor.get("/").words
    assert "New" in visitor.get("/notices").words  # looking is not reading
    after = visitor.send(page)
    assert after.path == "/notices"
    assert "New" not in after.words
    assert "new )" not in after.words


def test_notices_are_nobody_elses(w: World) -> None:
    w.accepted()
    give_notice(w, "priya")
    page = sign_in(w, "sam").get("/notices")
    assert "There are no notices for you." in page.words
    sam = sign_in(w, "sam")
    with sam.app.app_context():
        word = pack(9999)
    assert sam.post("/notices/read", {"up_to": "9999"}).status == 404
    assert sam.post("/notices/read", {"up_to": word}).status == 200
    with w.store.read() as tx:
        unread = tx.rows(Sql("SELECT id FROM notice WHERE read_at IS NULL"))
    assert len(unread) == 2


def remind(w: World, who: str, noun: str, record: str) -> None:
    with w.store.begin(w.system) as tx:
        notices.give(tx, w.actor[who], 1, "reminder", noun, record, w.at)


def test_a_notice_of_what_is_due_says_what_by_when_and_leads_to_its_form(w: World) -> None:
    record = w.draft()
    remind(w, "priya", "referral", record)
    page = sign_in(w, "priya").get("/notices")
    assert "This draft has not been sent." in page.words
    assert "Due " in page.words
    assert "Something is due." not in page.words
    assert f"/referrals/{record}/write" in page.text


def test_a_notice_of_what_was_done_since_says_so(w: World) -> None:
    record = w.sent()
    remind(w, "priya", "referral", record)
    page = sign_in(w, "priya").get("/notices")
    assert "something was due. It no longer waits for you." in page.words


def test_a_notice_about_consent_says_whose_and_which(w: World) -> None:
    person = w.person()
    w.consent(person)
    with w.store.read() as tx:
        consent, reference, provider = tx.rows(
            Sql(
                "SELECT c.id, p.reference, o.name FROM consent c"
                " JOIN person p ON p.id = c.person_id"
                " JOIN provider v ON CAST(v.id AS text) = c.recipient"
                " JOIN organisation o ON o.id = v.organisation_id"
            )
        )[0]
    remind(w, "priya", "consent", consent)
    page = sign_in(w, "priya").get("/notices")
    assert reference in page.words
    assert provider in page.words


def test_notices_are_narrowed_to_what_one_asks_for(w: World) -> None:
    w.accepted()
    give_notice(w, "priya")
    visitor = sign_in(w, "priya")
    assert "accepted the referral" in visitor.get("/notices?show=referrals").words
    none = visitor.get("/notices?show=safety").words
    assert "There are none of these." in none
    assert "accepted the referral" not in none


# -- search -------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [("/search", "q"), ("/people", "words")])
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("999 012 3455", "it has 10 digits, but they don't fit together"),
        ("999 012 345", "it has 9 digits, and an NHS number has 10"),
        ("01632 960123", None),
        ("Margaret", None),
    ],
)
def test_what_is_wrong_with_an_nhs_number_is_said(
    w: World, where: tuple[str, str], typed: str, said: str | None
) -> None:
    path, field = where
    words = sign_in(w, "priya").fill(path, **{field: typed}).words
    assert ("This isn't an NHS number" in words) == (said is not None)
    assert said is None or said in words


def test_a_name_spelt_nearly_so_is_found_on_the_page_of_people_too(w: World) -> None:
    w.person(given_name="Margaret", family_name="Okoro")
    visitor = sign_in(w, "priya")
    page = visitor.fill("/people", words="Okorro")
    assert "People whose names are spelt nearly so" in page.words
    assert "Margaret Okoro" in page.words


def test_a_search_finds_help_by_what_one_wants_to_do(w: World) -> None:
    visitor = sign_in(w, "priya")
    assert 'href="/help/raise-a-concern"' in visitor.fill("/search", q="concern").text


def test_a_search_is_posted_and_stands_in_no_address(w: World) -> None:
    w.draft(w.person(family_name="Okoro"))
    visitor = sign_in(w, "priya")
    page = visitor.fill("/search", q="okoro")
    assert page.status == 200
    assert page.response.request.query_string == b""
    assert len(names(page)) == 2
    assert 'method="post" action="/search"' in visitor.get("/").text
    assert names(visitor.get("/search?q=okoro")) == []


def test_an_exact_reference_opens_the_record(w: World) -> None:
    record = w.draft()
    with w.store.read() as tx:
        (reference,) = tx.row(Sql("SELECT reference FROM referral")) or ("",)
    page = sign_in(w, "priya").fill("/search", q=reference.lower(), follow=False)
    assert page.status == 303
    assert page.response.headers["Location"] == f"/referrals/{record}"


def found_under(page: Page) -> dict[str, list[str]]:
    """What a search found, by its heading."""
    parts = re.split(r'<h2 class="nhsuk-heading-m">([^<]+)</h2>', page.text)[1:]
    named = r'(?:app-work-item__name"><a href="[^"]*">|<p><strong>)([^<]+)</'
    return {h: re.findall(named, body) for h, body in zip(parts[::2], parts[1::2], strict=True)}


def test_a_name_is_found_without_its_accents_and_as_others_spell_it(w: World) -> None:
    w.person(given_name="Zoë", family_name="O’Neil")
    w.person(given_name="Katherine", family_name="Smyth")
    w.person(given_name="Ann", family_name="Petrie")
    w.person(given_name="Alf", family_name="Peter")
    visitor = sign_in(w, "priya")
    alike = "People whose names are spelt nearly so"
    assert found_under(visitor.fill("/search", q="zoe oneil"))["People"] == ["Zoë O’Neil"]
    assert found_under(visitor.fill("/search", q="catherine smith"))[alike] == ["Katherine Smyth"]
    assert found_under(visitor.fill("/search", q="Kathrine"))[alike] == ["Katherine Smyth"]
    assert found_under(visitor.fill("/search", q="Petry"))[alike] == ["Ann Petrie", "Alf Peter"]
    assert alike not in found_under(visitor.fill("/search", q="Patrick"))
    assert alike not in found_under(visitor.fill("/search", q="Katherine"))
    assert (
        found_under(visitor.fill("/search", q="Frederick"))["Nothing found for “Frederick”"] == []
    )
    assert alike not in found_under(sign_in(w, "olu").fill("/search", q="Kathrine"))


def test_a_search_says_that_there_are_more_than_it_shows_and_how_to_find_them(w: World) -> None:
    for number in range(visible.PAGE):
        last = w.person(given_name=f"Ann{number:02d}", family_name="Petrie")
    visitor = sign_in(w, "priya")
    assert len(found_under(visitor.fill("/search", q="Petrie"))["People"]) == visible.PAGE
    more = "At most 25 stand on a page, and there are more."
    for page in (visitor.fill("/search", q="Petrie"), visitor.fill("/people", words="Petrie")):
        assert more not in page.words
    w.person(given_name="Zed", family_name="Petrie")
    page = visitor.fill("/search", q="Petrie")
    assert more in page.words
    assert len(found_under(page)["People"]) == visible.PAGE
    page = visitor.fill("/people", words="Petrie")
    assert more in page.words
    assert "More than 25 people found" in page.words
    assert more not in visitor.fill("/search", q="Zed Petrie").words
    for path, field in (("/search", "q"), ("/people", "words")):
        page = visitor.fill(path, **{field: "Petrie"})
        assert "More people like this" in page.words
        page = visitor.send(page, form=form_with(page, "people"))
        assert "Zed Petrie" in page.words
        assert "Ann" not in page.words
        assert "More people like this" not in page.words
        assert "Back to the first page" in page.words
    given = {"person_id": last, "seen": "Bruises.", "danger": False}
    sources = [{"user_id": w.actor["priya"].user_id}]
    w.step(Noun.CONCERN, None, "raise", "gwen", given={**given, "sources": sources})
    for page in (visitor.fill("/search", q="Petrie"), visitor.fill("/people", words="Petrie")):
        assert more not in page.words  # whose record is closed to one is no part of any count
        assert "like this" not in page.words


def form_with(page: Page, field: str) -> int:
    """The number of the form that has this field."""
    return next(n for n, (_to, fields) in enumerate(page.forms) if field in dict(fields))


def test_more_referrals_are_found_page_by_page_and_none_that_is_closed_counts(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visible, "PAGE", 2)
    monkeypatch.setattr(reading, "ROUNDS", (3, 3, 3))
    for number in range(5):
        w.at += timedelta(minutes=1)
        w.sent(w.person(given_name=f"Bo{number}", family_name="Zimmermann"))
    visitor = sign_in(w, "priya")
    page = visitor.fill("/search", q="Zimmermann")
    seen = [found_under(page)["Referrals"]]
    while "More referrals like this" in page.words:
        page = visitor.send(page, form=form_with(page, "referrals"))
        seen.append(found_under(page)["Referrals"])
    found = [name.split()[0] for names in seen for name in names]
    assert (found, len(seen)) == (["Bo4", "Bo3", "Bo2", "Bo1", "Bo0"], 3)
    page = sign_in(w, "sol").fill("/search", q="Zimmermann")
    assert "like this" not in page.words, "who knows no last name finds nothing by it, nor a number"
    assert "Referrals" not in found_under(page)


def test_a_search_finds_nothing_of_what_is_closed_however_it_is_spelt(w: World) -> None:
    person = w.person(
        given_name="Katherine", birth_date=date(1984, 3, 15), phone="+441632960123",
        family_name="Smyth",
    )  # fmt: skip
    sources = [{"user_id": w.actor["priya"].user_id}]
    given = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": sources}
    w.step(Noun.CONCERN, None, "raise", "gwen", given=given)
    for words in ("Kathrine", "smith", "Katherine Smyth", "0123", "15 3 1984", "March 1984"):
        page = sign_in(w, "priya").fill("/search", q=words)
        assert "Katherine" not in page.words.replace(words, ""), words
    for words in ("Kathrine", "0123", "15 3 1984"):
        assert "Katherine" in sign_in(w, "sam").fill("/search", q=words).words


def test_an_nhs_number_opens_the_record_with_spaces_or_without(w: World) -> None:
    person = w.person(nhs_number="9990000018", no_nhs_number=None)
    for typed in ("9990000018", "999 000 0018", " 999-000-0018 "):
        page = sign_in(w, "priya").fill("/search", q=typed, follow=False)
        assert page.response.headers["Location"] == f"/people/{person}", typed


def test_a_person_is_found_by_the_end_of_a_phone_number_and_by_a_birthday(w: World) -> None:
    w.person(
        given_name="Ann", family_name="Petrie", birth_date=date(1984, 3, 15), phone="+441632960123"
    )
    visitor, elsewhere = sign_in(w, "priya"), sign_in(w, "olu")
    for typed in ("15 3 1984", "march 1984", "0123"):
        assert "Ann Petrie" in visitor.post("/search", {"q": typed}).words, typed
        assert "Ann Petrie" not in elsewhere.post("/search", {"q": typed}).words, typed
    for typed in ("16 03 1984", "April 1984", "960 124", "123"):
        page = visitor.post("/search", {"q": typed})
        assert "Ann Petrie" not in page.words, typed
        assert "This isn't an NHS number" not in page.words, typed
    assert "Ann Petrie" in visitor.fill("/people", words="March 1984").words


def test_a_record_is_found_by_four_signs_of_its_reference_where_one_may_see_it(w: World) -> None:
    record = w.draft(w.person(given_name="Ann", family_name="Petrie"))
    with w.store.read() as tx:
        (whole,) = tx.row(Sql("SELECT reference FROM referral")) or ("",)
    body = whole.removeprefix("SG-").replace("-", "")
    for typed in (body[-4:], whole[-5:].lower(), whole[:7], body):
        page = sign_in(w, "priya").fill("/search", q=typed)
        assert f"/referrals/{record}" in page.text, typed
        assert f"/referrals/{record}" not in sign_in(w, "olu").fill("/search", q=typed).text
    for typed in (body[-3:], whole[:5]):
        assert f"/referrals/{record}" not in sign_in(w, "priya").fill("/search", q=typed).text


def test_a_provider_in_the_results_leads_to_what_it_offers(w: World) -> None:
    visitor = sign_in(w, "priya")
    page = visitor.fill("/search", q="river")
    assert "Providers" in found_under(page)
    assert 'href="/activities?words=Riverside+Singers"' in page.text
    assert "Singing for breathing" in visitor.get("/activities?words=Riverside+Singers").words


def test_activities_and_providers_are_found_by_their_words(w: World) -> None:
    found = found_under(sign_in(w, "priya").fill("/search", q="singing"))
    assert found["Activities"] == ["Singing for breathing"]
    found = found_under(sign_in(w, "grace").fill("/search", q="river"))
    assert found["Providers"] == ["Riverside Singers"]
    assert (
        f"/providers/{w.provider['singers']}" in sign_in(w, "grace").fill("/search", q="river").text
    )
    assert "Providers" not in found_under(sign_in(w, "priya").fill("/search", q="zz"))


def test_who_may_is_offered_to_add_whom_they_did_not_find(w: World) -> None:
    page = sign_in(w, "priya").fill("/search", q="Nobody Known")
    assert "Add this person" in page.words
    assert "We looked for people and referrals you work with" in page.words
    assert "Add this person" not in sign_in(w, "sol").fill("/search", q="Nobody Known").words
    w.person(family_name="Okoro")
    assert "Add this person" not in sign_in(w, "priya").fill("/search", q="okoro").words


def test_what_was_not_found_is_said_with_what_was_looked_for(w: World) -> None:
    page = sign_in(w, "priya").fill("/search", q="<b>Nobody</b>")
    assert "Nothing found for “<b>Nobody</b>”" in page.words
    assert "<b>Nobody" not in page.text


def test_a_search_is_audited_without_its_words(w: World) -> None:
    person = w.person(family_name="Okoro")
    sign_in(w, "priya").fill("/search", q="okoro")
    with w.store.read() as tx:
        (row,) = tx.rows(
            Sql(
                "SELECT a.leaf, d.payload FROM audit a JOIN audit_detail d"
                " ON d.entry_id = a.entry_id WHERE a.action = 'searched'",
                sealed=(1,),
            )
        )
    assert person in row[1]
    assert "okoro" not in str(row).lower()


@pytest.mark.parametrize("who", ["ada", "art", "cora"])
def test_who_works_with_nobody_has_no_search(w: World, who: str) -> None:
    visitor = sign_in(w, who)
    assert visitor.get("/search").status == 403
    assert 'action="/search"' not in visitor.get("/").text


# -- for anybody --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/help", "/accessibility", "/privacy"])
def test_pages_for_anybody_need_no_sign_in_and_know_who_has(w: World, path: str) -> None:

    page = visit(w).get(path)
    assert (page.status, page.path) == (200, path)
    assert "Priya Shah" in sign_in(w, "priya").get(path).words


def test_health_answers_a_machine_and_a_person(w: World) -> None:
    with w.store.begin() as tx:
        tx.run(Sql("UPDATE outbox SET sent_at = :at, result = 'delivered'"), at=w.at)
    keep(w)
    found = visit(w).get("/health")
    parts = {"store": True, "clocks": True, "post": True, "log": True}
    assert found.response.get_json() == {"well": True, **parts}
    page = visit(w).get("/health", headers={"Accept": "text/html"})
    assert "The store answers. Deadlines are being watched." in page.words


def test_the_newest_head_is_on_the_health_page_of_those_who_keep_reports(w: World) -> None:
    keep(w)
    html = {"Accept": "text/html"}
    assert "newest signed head: " in sign_in(w, "ada").get("/health", headers=html).words
    for other in (visit(w), sign_in(w, "priya")):
        assert "newest signed head" not in other.get("/health", headers=html).words


def test_a_browser_is_shown_the_page_and_a_program_the_answer(w: World) -> None:
    browser = (
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
    )
    assert "The store answers." in visit(w).get("/health", headers={"Accept": browser}).words
    for accept in ("*/*", "application/json"):
        assert visit(w).get("/health", headers={"Accept": accept}).response.is_json


def test_health_says_when_nobody_watches_the_deadlines(w: World) -> None:
    w.sent()
    w.later(days=30)
    page = visit(w).get("/health")
    assert page.status == 200
    said = page.response.get_json()
    assert (said["well"], said["clocks"], said["post"]) == (False, False, False)
    html = {"Accept": "text/html"}
    assert "Is segue worker running?" in sign_in(w, "ada").get("/health", headers=html).words
    for other in (visit(w), sign_in(w, "priya")):
        page = other.get("/health", headers=html)
        assert "Deadlines are not being watched." in page.words
        assert "segue worker" not in page.words


def test_what_a_colleague_proposed_waits_for_a_second_person(w: World) -> None:
    record = w.sent()
    with w.store.begin(w.actor["priya"]) as tx:
        propose(
            tx,
            w.actor["priya"],
            w.at,
            Noun.REFERRAL,
            record,
            "mark_in_error",
            {"reason": "duplicate"},
        )
    assert "proposed by Priya Shah" in sign_in(w, "sam").get("/").words
    assert "proposed by" not in sign_in(w, "priya").get("/").words
    assert "proposed by" not in sign_in(w, "olu").get("/").words
    sources = [{"user_id": w.actor["sam"].user_id}]
    with w.store.read() as tx:
        (person,) = tx.row(Sql("SELECT person_id FROM referral")) or ("",)
    given = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": sources}
    w.step(Noun.CONCERN, None, "raise", "gwen", given=given)
    assert "proposed by" not in sign_in(w, "sam").get("/").words
    assert "proposed by" in sign_in(w, "tess").get("/").words


def test_what_is_held_is_not_counted_as_a_referral_to_answer(w: World) -> None:
    person = w.person()
    w.sent()
    held = w.sent(person)
    seen = {"person_id": person, "seen": "A bruise", "danger": False}
    w.step(Noun.CONCERN, None, "raise", "sam", given=seen)
    words = sign_in(w, "sol").get("/").words
    assert "1 new referral to answer." in words
    assert "1 more thing needs you." in words
    assert held
