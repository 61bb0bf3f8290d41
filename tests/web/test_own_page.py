"""What the person does on their own page beside stopping one thing: they say how to reach them,
stop everything, complain to a named human with a clock, and follow what they asked; nobody else
can, and nothing there tells of a concern."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from referral.rows import change
from referral.states import Noun, Role
from referral.store import Door, Store
from tests.alone import faults
from tests.counting import BUDGET, statements
from tests.web.client import Page, sign_in, visit
from tests.web.test_links import Links, enter, make, path_of
from tests.winding import rows, state, sweep
from tests.world import build
from web.equality import DISABLED
from web.labels import ETHNIC_GROUPS
from workflows.disclosure import Situation
from workflows.engine import Refused
from workflows.escalations import raise_escalation
from workflows.person_links import ways_to

PAGES = (
    "/mine",
    "/mine/about-me",
    "/mine/contact",
    "/mine/stop",
    "/mine/complain",
    "/mine/ask",
    "/mine/asked",
)


def _opened(k: Links) -> str:
    """The page of somebody who takes part in the choir and was asked for at the table."""
    person = k.w.person(contact_method="text", message_safe=True)
    k.w.active(person)
    k.w.sent(person, "pottery")
    make(k, person)
    enter(k, path_of(k, person))
    return person


@pytest.fixture
def both(store: Store) -> Links:
    return Links(build(store))


@pytest.fixture
def one(sqlite_url: str) -> Iterator[Links]:
    store = Store(sqlite_url)
    yield Links(build(store))
    store.dispose()


def sent(k: Links, path: str, form: int = 0, **said: str) -> Page:
    """Open a page, and press the button of one of its forms."""
    return k.phone.send(k.phone.get(path), form=form, **said)


# -- what is on it ------------------------------------------------------------------------------


def test_it_says_by_when_the_next_step_is_and_that_one_is_late(one: Links) -> None:
    _opened(one)
    assert "They should answer by Tuesday 19 May" in one.phone.get("/mine").words
    one.w.later(days=12)
    make(one, rows(one.w.store, "SELECT id FROM person")[0][0])
    enter(one, path_of(one, rows(one.w.store, "SELECT id FROM person")[0][0]))
    assert "It is late. You can ring and ask." in one.phone.get("/mine").words


def _group(k: Links, **facts: object) -> None:
    with k.w.store.begin() as tx:
        change(tx, "activity", k.w.activity["choir"], {"when_words": "Thursdays, 2pm"})
        change(tx, "activity_group", k.w.group["choir"], facts)


def test_it_says_when_the_next_session_is_and_nothing_of_what_has_stopped(both: Links) -> None:
    _opened(both)
    assert "The next time is" not in both.phone.get("/mine").words, "nobody can tell"
    _group(both, starts_on=None)
    assert "The next time is Thursday 14 May 2026. Thursdays, 2pm" in both.phone.get("/mine").words
    both.w.later(days=2)
    make(both, rows(both.w.store, "SELECT id FROM person")[0][0])
    enter(both, path_of(both, rows(both.w.store, "SELECT id FROM person")[0][0]))
    assert "The next time is today." in both.phone.get("/mine").words
    _group(both, breaks=[["2026-05-14", "2026-05-14"]])
    assert "The next time is Thursday 21 May 2026." in both.phone.get("/mine").words
    _group(both, ends_on=both.w.at.date())
    assert "The next time is" not in both.phone.get("/mine").words
    _group(both, ends_on=None)
    sent(both, "/mine/stop")
    page = both.phone.get("/mine").words
    assert "This was stopped. Nothing more happens." in page
    assert "Thursdays" not in page
    assert "The next time is" not in page


def test_who_has_not_heard_from_them_yet_is_not_sent_to_a_session(one: Links) -> None:
    person = one.w.person()
    record = one.w.accepted(person)
    _group(one, starts_on=None)
    make(one, person)
    enter(one, path_of(one, person))
    assert "The next time is" not in one.phone.get("/mine").words
    one.w.step(Noun.REFERRAL, record, "contact", "sol")
    assert "The next time is Thursday" in one.phone.get("/mine").words


def test_a_page_asks_little_of_the_store_however_much_goes_on(
    one: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = _opened(one)
    for _ in range(4):
        one.w.draft(person)
    asked = statements(monkeypatch)
    for path in PAGES:
        asked.clear()
        assert one.phone.get(path).status == 200
        assert len(asked) <= BUDGET, (path, asked)


def test_nobody_opens_a_page_of_theirs_without_the_word(one: Links) -> None:
    _opened(one)
    stranger = visit(one.w)
    for path in PAGES:
        assert stranger.get(path).status == 403
        posted = {"wish": "no_writing", "about": "team", "words": "x"}
        assert stranger.post(path, posted).status in (403, 405), path
    assert rows(one.w.store, "SELECT count(*) FROM escalation") == [(0,)]
    assert rows(one.w.store, "SELECT message_safe FROM person") in ([(1,)], [(True,)])


def test_help_opened_from_their_page_keeps_the_way_out_and_for_others_there_is_none(
    one: Links,
) -> None:
    _opened(one)
    for path in ("/help", "/privacy", "/accessibility"):
        page = one.phone.get(path)
        assert 'href="/mine/exit"' in page.text, path
        assert 'href="/mine"' in page.text, path
        assert "/mine" not in visit(one.w).get(path).text, path
    one.phone.get("/mine/exit", follow=False)
    assert "/mine" not in one.phone.get("/help").text


def test_headings_links_and_fields_of_their_pages_make_sense_alone(one: Links) -> None:
    person = _opened(one)
    record = rows(one.w.store, "SELECT id FROM referral WHERE state = 'active'")[0][0]
    ways = (*PAGES, f"/mine/how/{record}", f"/mine/stop/{record}", "/mine/looked", "/mine/not-safe")
    for path in (*ways, path_of(one, person), "/code"):
        assert faults(one.phone.get(path).text) == [], path


def test_every_page_has_the_way_out_and_larger_words(one: Links) -> None:
    _opened(one)
    for path in PAGES:
        page = one.phone.get(path)
        assert "Exit this page" in page.words, path
        assert 'href="/mine/exit"' in page.text, path
        assert "app-larger" not in page.text, path
    larger = one.phone.post("/larger", {"size": "larger", "next": "/mine/contact"})
    assert larger.path == "/mine/contact"
    assert 'class="app-larger"' in one.phone.get("/mine").text
    one.phone.post("/larger", {"size": "", "next": "/mine"})
    assert "app-larger" not in one.phone.get("/mine").text


@pytest.mark.parametrize("there", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_larger_words_lead_nowhere_else(one: Links, there: str) -> None:
    one.phone.get("/code")
    done = one.phone.post("/larger", {"size": "larger", "next": there}, follow=False)
    assert done.response.headers["Location"] == "/code"


# -- how to reach me ----------------------------------------------------------------------------


def _ways(k: Links, person: str) -> list[str]:
    """How a link could reach them, did every service work."""
    priya = k.w.actor["priya"]
    with k.w.store.read(priya, Door.COMMAND) as tx:
        return ways_to(tx, priya, person, frozenset({"email", "text", "letter"}))


@pytest.mark.parametrize("wish", ["no_writing", "no_message"])
def test_who_says_do_not_write_is_written_to_no_more_and_the_link_worker_knows(
    both: Links, wish: str
) -> None:
    person = _opened(both)
    priya = sign_in(both.w, "priya")
    assert _ways(both, person) == ["text", "paper"]
    done = sent(both, "/mine/contact", wish=wish, words="My partner reads my phone.")
    assert "We write nothing to you now" in done.banner
    assert rows(both.w.store, "SELECT message_safe FROM person WHERE id = :id", id=person) in (
        [(False,)],
        [(0,)],
    )
    assert _ways(both, person) == ["paper"]
    sweep(both.w)
    assert "said how they want to be reached" in priya.get("/notices").words
    assert "My partner reads my phone." in priya.get(f"/people/{person}").words
    assert "My partner" not in repr(rows(both.w.store, "SELECT * FROM step"))


def test_another_way_is_for_the_link_worker_to_settle(one: Links) -> None:
    person = _opened(one)
    before = rows(one.w.store, "SELECT phone, message_safe, version FROM person")
    empty = sent(one, "/mine/contact", wish="another_way")
    assert empty.status == 422
    assert "Say what you want" in empty.words
    done = sent(one, "/mine/contact", wish="another_way", words="My new number is 07700 900111.")
    assert "They will ring you and ask" in done.banner
    assert rows(one.w.store, "SELECT phone, message_safe, version FROM person") == before
    assert "07700 900111" in sign_in(one.w, "priya").get(f"/people/{person}").words
    assert sent(one, "/mine/contact").status == 422


def test_where_no_link_worker_is_named_the_team_leads_hear(one: Links) -> None:
    person = one.w.person()
    make(one, person)
    enter(one, path_of(one, person))
    sent(one, "/mine/contact", wish="no_writing")
    told = rows(one.w.store, "SELECT to_owner FROM outbox WHERE what = 'person_contact_wish'")
    assert told == [(f"team_lead@{one.w.actor['priya'].organisation_id}",)]


# -- stopping everything ------------------------------------------------------------------------


def test_everything_stops_in_two_pages_with_the_effects_first(both: Links) -> None:
    person = _opened(both)
    before = both.phone.get("/mine/stop")
    for words in ("Riverside Singers", "Clay Table", "they see nothing about you"):
        assert words in before.words
    states = "SELECT state FROM referral WHERE person_id = :id ORDER BY state"
    assert rows(both.w.store, states, id=person) == [("active",), ("sent",)]
    done = both.phone.send(before)
    assert "All of it has stopped" in done.banner
    assert rows(both.w.store, states, id=person) == [("withdrawn",), ("withdrawn",)]
    assert "nothing to stop" in both.phone.get("/mine/stop").words
    left = rows(both.w.store, "SELECT state FROM consent WHERE purpose = 'share_with_provider'")
    assert set(left) == {("withdrawn",)}


# -- complaining --------------------------------------------------------------------------------


def _complaint(k: Links, about: str = "worker") -> str:
    """The path of a complaint just made."""
    return sent(k, "/mine/complain", about=about, words="She was rude to me.").path


def test_a_complaint_goes_to_a_named_human_with_a_clock_and_not_to_whom_it_is_about(
    both: Links,
) -> None:
    person = _opened(both)
    path = _complaint(both)
    page = both.phone.get(path)
    for words in ("She was rude to me.", "Tess Lead", "They have until"):
        assert words in page.words, words
    (found,) = rows(
        both.w.store,
        "SELECT kind, about, person_id, raiser, level FROM escalation",
    )
    assert found == ("complaint", "person", person, f"person@{person}", 1)
    ended = "SELECT count(*) FROM clock WHERE noun = 'escalation' AND ended IS NULL"
    assert rows(both.w.store, ended) == [(1,)]
    sweep(both.w)
    tess = sign_in(both.w, "tess")
    assert "waits for your review" in tess.get("/notices").words
    record = path.rpartition("/")[2]
    page = tess.get(f"/escalations/{record}")
    assert "She was rude to me." in page.words
    assert "A complaint about The link worker" in page.words
    assert rows(both.w.store, "SELECT topic FROM escalation") == [("worker",)]
    assert "Person SG-" in tess.get(f"/escalations/{record}").words
    priya = sign_in(both.w, "priya")
    assert priya.get(f"/escalations/{record}").status == 404
    assert "waits for your review" not in priya.get("/notices").words


@pytest.mark.parametrize("about", ["team", "information"])
def test_what_is_about_the_team_starts_a_level_higher(one: Links, about: str) -> None:
    _opened(one)
    _complaint(one, about)
    assert rows(one.w.store, "SELECT level FROM escalation") == [(2,)]


def test_a_complaint_about_the_choir_is_about_that_referral_and_the_choir_does_not_see_it(
    one: Links,
) -> None:
    _opened(one)
    choir = rows(one.w.store, "SELECT id FROM referral WHERE state = 'active'")[0][0]
    path = _complaint(one, choir)
    assert rows(one.w.store, "SELECT about, about_id FROM escalation") == [("referral", choir)]
    record = path.rpartition("/")[2]
    assert sign_in(one.w, "sol").get(f"/escalations/{record}").status == 404
    assert "rude" not in sign_in(one.w, "sol").get(f"/referrals/{choir}").words


def test_a_complaint_says_what_is_missing_and_keeps_what_was_typed(one: Links) -> None:
    _opened(one)
    page = sent(one, "/mine/complain", words="She was rude.")
    assert page.status == 422
    assert "Choose what it is about" in page.words
    assert "She was rude." in page.text
    other = one.w.active(activity="pottery")
    assert sent(one, "/mine/complain", about=other, words="x").status == 422
    assert rows(one.w.store, "SELECT count(*) FROM escalation") == [(0,)]


def test_the_person_answers_disagrees_or_takes_a_complaint_back(one: Links) -> None:
    person = _opened(one)
    path = _complaint(one)
    record = path.rpartition("/")[2]

    def made(trigger: str, who: str = "tess", **given: object) -> None:
        one.w.step(Noun.ESCALATION, record, trigger, who, given=given)

    made("acknowledge")
    assert "Tess Lead is looking into it" in one.phone.get(path).words
    made("ask", asked=f"person@{person}", note="Which day was it?")
    assert "Which day was it?" in one.phone.get(path).words
    assert "Answer them" in one.phone.get("/mine/asked").words
    assert sent(one, path).status == 422
    sent(one, path, words="On Monday.")
    assert state(one.w.store, "escalation", record) == "in_review"
    made("decide", decision="uphold", note="She should not have said that.")
    made("complete")
    page = one.phone.get(path)
    assert "They say that you are right" in page.words
    assert "She should not have said that." in page.words
    sent(one, path, words="I want to hear it from her.")
    assert state(one.w.store, "escalation", record) == "raised"
    assert rows(one.w.store, "SELECT level FROM escalation") == [(2,)]
    sent(one, path)
    assert state(one.w.store, "escalation", record) == "withdrawn"
    assert one.phone.get(path).forms == []


def test_a_reviewer_asks_the_person_themselves_and_reads_their_answer(both: Links) -> None:
    person = _opened(both)
    path = _complaint(both)
    record = path.rpartition("/")[2]
    both.w.step(Noun.ESCALATION, record, "acknowledge", "tess")
    tess = sign_in(both.w, "tess")
    page = tess.get(f"/escalations/{record}/ask")
    assert "The person themselves, on their own page" in page.words
    assert "Priya Shah" not in page.words, "it is about her"
    tess.send(page, asked=f"person@{person}", note="Which day was it?")
    sent(both, path, words="On Monday.")
    assert "On Monday." in tess.get(f"/escalations/{record}").words


def test_a_link_worker_may_be_asked_of_a_complaint_that_isnt_about_them(one: Links) -> None:
    _opened(one)
    record = _complaint(one, "other").rpartition("/")[2]
    one.w.step(Noun.ESCALATION, record, "acknowledge", "tess")
    assert "Priya Shah" in sign_in(one.w, "tess").get(f"/escalations/{record}/ask").words


def test_a_reviewer_higher_up_asks_the_person_too(both: Links) -> None:
    person = _opened(both)
    record = _complaint(both, "team").rpartition("/")[2]
    both.w.step(Noun.ESCALATION, record, "acknowledge", "grace")
    grace = sign_in(both.w, "grace")
    page = grace.get(f"/escalations/{record}/ask")
    assert "The person themselves, on their own page" in page.words
    grace.send(page, asked=f"person@{person}", note="Which day was it?")
    assert state(both.w.store, "escalation", record) == "information_requested"


def test_where_writing_is_not_safe_a_link_worker_is_asked_instead(both: Links) -> None:
    person = _opened(both)
    record = _complaint(both).rpartition("/")[2]
    sent(both, "/mine/contact", wish="no_message")
    both.w.step(Noun.ESCALATION, record, "acknowledge", "tess")
    tess = sign_in(both.w, "tess")
    page = tess.get(f"/escalations/{record}/ask")
    assert "The person themselves" not in page.words
    priya = f"member@{both.w.actor['priya'].membership_id}"
    assert f"person@{person}" not in page.text
    assert priya in page.text
    refused = tess.send(page, asked=f"person@{person}", note="Which day was it?")
    assert refused.status == 422
    assert "is not safe to write to them" in refused.words
    tess.send(page, asked=priya, note="Which day was it? Ask them when you meet.")
    assert state(both.w.store, "escalation", record) == "information_requested"
    assert f"/escalations/{record}" in sign_in(both.w, "priya").get("/").text


def test_a_question_to_somebody_else_about_it_is_not_shown(one: Links) -> None:
    _opened(one)
    path = _complaint(one)
    record = path.rpartition("/")[2]
    priya = f"member@{one.w.actor['priya'].membership_id}"
    one.w.step(Noun.ESCALATION, record, "acknowledge", "tess")
    given = {"asked": priya, "note": "What did you say to her?"}
    one.w.step(Noun.ESCALATION, record, "ask", "tess", given=given)
    page = one.phone.get(path)
    assert "What did you say" not in page.words
    assert "Tess Lead is looking into it" in page.words


def test_nobody_complains_in_the_name_of_a_person(one: Links) -> None:
    person = _opened(one)
    said = {"kind": "complaint", "about": "person", "about_id": person, "note": "x"}
    for who in ("priya", "tess", "grace"):
        actor = one.w.actor[who]
        with pytest.raises(Refused, match="not_found"), one.w.store.begin(actor) as tx:
            raise_escalation(tx, actor, one.w.at, said)
    assert rows(one.w.store, "SELECT count(*) FROM escalation") == [(0,)]


# -- what came of it ----------------------------------------------------------------------------


def _request(k: Links, kind: str = "access") -> str:
    return sent(k, "/mine/ask", kind=kind, asked_for="All my notes.").path


def _work(k: Links, record: str, *moves: tuple[str, dict[str, object]]) -> None:
    for trigger, given in moves:
        k.w.step(Noun.RIGHTS, record, trigger, "ingrid", given=given)


BEGUN: tuple[tuple[str, dict[str, object]], ...] = (
    ("check_identity", {"identity_how": "own_page"}),
    ("start", {}),
)


def test_a_request_is_followed_answered_and_its_answer_read(both: Links) -> None:
    _opened(both)
    path = _request(both)
    record = path.rpartition("/")[2]
    assert "You hear by" in both.phone.get(path).words
    _work(both, record, *BEGUN, ("ask", {"note": "Which years?", "told_how": "own_page"}))
    assert "Which years?" in both.phone.get(path).words
    sent(both, path, words="All of them.")
    assert state(both.w.store, "rights_request", record) == "in_progress"
    _work(both, record, ("fulfil", {"note": "We sent it by post.", "told_how": "own_page"}))
    page = both.phone.get(path)
    assert "We sent it by post." in page.words
    assert page.forms == []


def test_they_read_how_they_are_reached_before_they_change_it(one: Links) -> None:
    _opened(one)
    page = one.phone.get("/mine/contact")
    assert "Now we reach you like this: Text message 07700 900" in page.words
    assert "We do not write to you" not in page.words
    sent(one, "/mine/contact", wish="no_writing")
    assert "We do not write to you" in one.phone.get("/mine/contact").words


def test_who_has_no_page_open_reads_whom_to_ring(one: Links) -> None:
    for page in (one.phone.get("/mine"), one.phone.get("/code"), one.phone.fill("/code", code="")):
        assert 'href="tel:999"' in page.text
        assert "in your letter" in page.words or "or the letter" in page.words
    assert "Type the code from your letter." in page.words
    wrong = one.phone.fill("/code", code="75CA-8N3N-VJ50")
    assert "That code does not open a page" in wrong.words


def test_a_copy_needs_no_words_and_all_else_does(both: Links) -> None:
    _opened(both)
    made = sent(both, "/mine/ask", kind="access", asked_for="")
    assert "I want a copy of what you keep about me" in made.words
    refused = both.phone.fill("/mine/ask", kind="erasure", asked_for="")
    assert refused.status == 422
    assert "Write what you ask for" in refused.words
    assert rows(both.w.store, "SELECT kind FROM rights_request") == [("access",)]


def test_a_request_sent_twice_is_one(one: Links) -> None:
    _opened(one)
    form = one.phone.get("/mine/ask")
    for _ in range(2):
        one.phone.send(form, kind="access")
    assert len(rows(one.w.store, "SELECT id FROM rights_request")) == 1


def test_nothing_is_asked_of_how_it_went_before_it_began(one: Links) -> None:
    person = _opened(one)
    (record,) = rows(
        one.w.store,
        "SELECT CAST(id AS text) FROM referral WHERE person_id = :p AND state = 'sent'",
        p=person,
    )[0]
    assert f"/mine/how/{record}" not in one.phone.get("/mine").text
    one.w.step(Noun.REFERRAL, record, "accept", "kit")
    assert f"/mine/how/{record}" in one.phone.get("/mine").text


def test_help_in_danger_is_one_press_from_every_page_of_theirs(one: Links) -> None:
    _opened(one)
    one.w.sent(one.w.person())
    for path in PAGES:
        assert 'href="/mine/not-safe"' in one.phone.get(path).text, path


def test_a_request_is_taken_back_and_a_late_one_says_so(one: Links) -> None:
    person = _opened(one)
    path = _request(one)
    one.w.later(days=40)
    make(one, person)
    enter(one, path_of(one, person))
    assert "It is late. Ring and ask." in one.phone.get("/mine/asked").words
    done = sent(one, path)
    assert "You took it back" in done.banner
    assert state(one.w.store, "rights_request", path.rpartition("/")[2]) == "withdrawn"
    again = one.phone.post(path, {"do": "withdraw"})
    assert again.status == 409


def test_a_request_that_was_refused_says_how_to_complain(one: Links) -> None:
    _opened(one)
    path = _request(one)
    record = path.rpartition("/")[2]
    _work(one, record, ("cannot_identify", {"note": "Rang twice, nobody there."}))
    page = one.phone.get(path)
    assert "Rang twice" not in page.words, "what was tried is the lead's own"
    assert "Information Commissioner" in page.words


@pytest.mark.parametrize("what", ["request", "complaint"])
def test_what_somebody_else_asked_is_not_there(one: Links, what: str) -> None:
    _opened(one)
    path = _request(one) if what == "request" else _complaint(one)
    other = one.w.person()
    stranger = visit(one.w)
    make(one, other)
    link = path_of(one, other)
    stranger.fill(link, word="robin red")
    assert stranger.get(path).status == 404
    for do in ("withdraw", "answer", "reopen"):
        assert stranger.post(path, {"do": do, "words": "x"}).status == 404
    assert "not asked for anything" in stranger.get("/mine/asked").words


# -- in every state -----------------------------------------------------------------------------


def test_a_concern_leaves_no_trace_on_any_of_their_pages(one: Links) -> None:
    person = _opened(one)
    complaint = _complaint(one)
    request = _request(one)
    paths = (*PAGES, complaint, request)
    before = [one.phone.get(path).words for path in paths]
    given = {
        "person_id": person,
        "seen": "Bruises.",
        "danger": False,
        "sources": [
            {"organisation_id": one.w.org["singers"]},
            {"user_id": one.w.actor["priya"].user_id},
            {"user_id": one.w.actor["tess"].user_id},
        ],
    }
    one.w.step(Noun.CONCERN, None, "raise", "gwen", given=given)
    sign_in(one.w, "gwen").get("/concerns")
    assert [one.phone.get(path).words for path in paths] == before


@pytest.mark.parametrize("how", ["died", "revoked", "merged", "ran_out"])
def test_once_it_is_closed_nothing_there_answers(one: Links, how: str) -> None:
    person = _opened(one)
    path = _complaint(one)
    if how == "ran_out":
        one.w.later(minutes=30)
    else:
        other = one.w.person()
        what, values = {
            "died": ("person", {"died_on": one.w.at.date()}),
            "merged": ("person", {"merged_into": other, "merged_at": one.w.at}),
            "revoked": ("link", {"revoked_at": one.w.at + timedelta(seconds=1)}),
        }[how]
        record = person
        if what == "link":
            record = rows(one.w.store, "SELECT id FROM link")[0][0]
        with one.w.store.begin() as tx:
            change(tx, what, record, values)
    for each in (*PAGES, path):
        assert one.phone.get(each).status == 403, each
        posted = {"do": "withdraw", "wish": "no_writing", "about": "team", "words": "x"}
        assert one.phone.post(each, posted).status in (403, 405), each
    assert state(one.w.store, "escalation", path.rpartition("/")[2]) == "raised"


def test_a_restricted_record_still_opens_for_the_person_it_is_about(one: Links) -> None:
    person = _opened(one)
    from tests.web.test_links import _full_hold

    before = one.phone.get("/mine").words
    _full_hold(one.w, person)
    assert one.phone.get("/mine").words == before
    _complaint(one)
    assert rows(one.w.store, "SELECT count(*) FROM escalation") == [(1,)]
    assert Situation(Role.PERSON, "sent", one.w.at).held is False


def test_presses_on_their_page_are_counted(one: Links) -> None:
    _opened(one)
    answers = [one.phone.post("/mine/complain").status for _ in range(12)]
    assert answers[-1] == 429
    assert rows(one.w.store, "SELECT count(*) FROM escalation") == [(0,)]


def test_the_person_sees_what_they_said_of_themselves_and_takes_it_back(both: Links) -> None:
    person = _opened(both)
    assert "Nobody has asked you this yet." in both.phone.get("/mine/about-me").words
    both.w.said_of_equality(person, ethnic_group="C2", disability="Z0")
    page = both.phone.get("/mine/about-me")
    assert "Your ethnic group: " + ETHNIC_GROUPS["C2"] in page.words
    assert DISABLED["Z0"] in page.words
    assert sent(both, "/mine/about-me", wish="take_back").path == "/mine/about-me"
    page = both.phone.get("/mine/about-me").words
    assert "You took back what you said on 12 May 2026. It is gone." in page
    assert ETHNIC_GROUPS["C2"] not in page
    said = "SELECT ethnic_group, disability, objected_at FROM equality_answer"
    assert rows(both.w.store, said) == [(None, None, None)]
    # A wish that isn't one of those there are.
    assert sent(both, "/mine/about-me", wish="record").status == 422
    done = sent(both, "/mine/about-me", wish="do_not_ask")
    assert "Nobody asks you this again" in done.words
    assert "You told us on 12 May 2026 not to ask you this. We do not ask." in done.words
    team = sign_in(both.w, "priya").get(f"/people/{person}/equality").words
    assert "They said so on their own page." in team
    assert "Read this out first" not in team
    sent(both, "/mine/about-me", wish="ask_again")
    assert rows(both.w.store, said) == []
    assert "Nobody has asked you this yet." in both.phone.get("/mine/about-me").words
    told = rows(both.w.store, "SELECT action FROM audit WHERE action LIKE 'equality%'")
    assert {row[0] for row in told} == {
        *("equality_recorded", "equality_taken_back", "equality_not_to_ask", "equality_may_ask"),
    }
