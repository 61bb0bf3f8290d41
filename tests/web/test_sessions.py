"""Who came: one page, one press, and what is said of each person."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from referral.ids import new_id
from referral.rows import change, put
from referral.states import Noun
from referral.store import Sql, Store
from tests.web.client import sign_in
from tests.world import OUTCOME, World, build
from workflows.engine import step
from workflows.referrals import send_referral

CAME = Sql("SELECT came FROM attendance WHERE referral_id = :id ORDER BY day")
PERSON = Sql("SELECT person_id FROM referral WHERE id = :id")
STATE = Sql("SELECT state FROM referral WHERE id = :id")
WAS = Sql("SELECT was, why FROM attendance WHERE referral_id = :id")
TAKEN_BACK = Sql(
    "SELECT count(*) FROM audit WHERE action = 'attendance_taken_back' AND record_id = :id"
)
LOOKED = Sql(
    "SELECT count(*) FROM audit WHERE action = 'read' AND noun = 'referral' AND record_id = :id"
    " AND membership_id = :member"
)


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def came(w: World, record: str) -> list[str]:
    with w.store.read() as tx:
        return [row[0] for row in tx.rows(CAME, id=record)]


def path(w: World) -> str:
    return f"/sessions/{w.activity['choir']}/{w.at.date()}"


def test_everyone_stands_as_come_and_one_did_not(w: World) -> None:
    first, second = w.active(), w.active()
    sol = sign_in(w, "sol")
    page = sol.get(path(w))
    assert "Everyone is set to Came" in page.words
    assert came(w, first) == []
    assert sol.fill(path(w), follow=False, **{f"came-{second}": "did_not_come"}).status == 303
    assert came(w, first) == ["came"]
    assert came(w, second) == ["did_not_come"]


def test_each_may_be_said_alone_and_the_others_are_left(w: World) -> None:
    first, second = w.active(), w.active()
    sol = sign_in(w, "sol")
    sol.fill(f"{path(w)}?each=yes", follow=False, **{f"came-{first}": "late"})
    assert came(w, first) == ["late"]
    assert came(w, second) == []
    page = sol.get(path(w))
    assert "Everyone is set to Came" not in page.words, "what is said of a day is never guessed"


def test_nobody_on_a_break_or_not_started_is_set_to_come(w: World) -> None:
    new, away = w.accepted(), w.active()
    until = w.at.date() + timedelta(days=20)
    w.step(Noun.REFERRAL, away, "pause", "sol", given={"paused_until": until})
    sign_in(w, "sol").fill(path(w), follow=False)
    assert (came(w, new), came(w, away)) == ([], [])


def test_what_was_saved_is_put_right_with_a_reason_and_both_are_kept(w: World) -> None:
    record, other = w.active(), w.active()
    sol = sign_in(w, "sol")
    sol.fill(path(w), follow=False)
    page = sol.fill(path(w), **{f"came-{record}": "told_us"})
    assert page.status == 422
    assert "Choose why you change what was saved before." in page.words
    assert came(w, record) == ["came"]
    sol.send(page, follow=False, why="heard_later")
    assert (came(w, record), came(w, other)) == (["told_us"], ["came"])
    with w.store.read() as tx:
        assert tx.row(WAS, id=record) == ("came", "heard_later")
        assert tx.row(WAS, id=other) == (None, None)
    assert "Changed from Came: we heard more later." in sol.get(path(w)).words


def test_a_register_of_the_wrong_day_is_taken_back_with_a_reason(w: World) -> None:
    record = w.active()
    sol = sign_in(w, "sol")
    assert "Take it back" not in sol.get(path(w)).words
    sol.fill(path(w), follow=False)
    assert "Take it back" in sol.get(path(w)).words
    assert sol.fill(f"{path(w)}/take-back").status == 422
    assert came(w, record) == ["came"]
    page = sol.fill(f"{path(w)}/take-back", why="wrong_day")
    assert "Taken back for 1 person" in page.banner
    assert came(w, record) == []
    with w.store.read() as tx:
        assert tx.row(TAKEN_BACK, id=record) == (1,), "the log has it"


def test_another_provider_takes_nothing_back(w: World) -> None:
    record = w.active()
    sign_in(w, "sol").fill(path(w), follow=False)
    assert sign_in(w, "kit").post(f"{path(w)}/take-back", {"why": "mistake"}).status == 404
    assert came(w, record) == ["came"]


# -- on paper -----------------------------------------------------------------------------------


def careful(w: World) -> str:
    """Somebody taking part of whom more must be known."""
    return w.active(
        w.person(emergency_contact="Her neighbour Joan, 07700 900111", access_needs="A firm chair")
    )


def test_the_sheet_says_whom_to_call_and_what_helps_and_who_printed_it(w: World) -> None:
    careful(w)
    page = sign_in(w, "sol").get(f"{path(w)}/sheet")
    for words in ("Margaret Okoro", "Her neighbour Joan", "A firm chair", "Priya Shah, Ash Lane"):
        assert words in page.words
    assert "Did not come" in page.words
    assert re.search(r"Printed by Sol Rivers, Riverside Singers, .* at ", page.words)


def test_each_person_on_the_sheet_is_read_and_it_shows_in_who_looked(w: World) -> None:
    record = careful(w)
    sign_in(w, "sol").get(f"{path(w)}/sheet")
    with w.store.read() as tx:
        assert tx.row(LOOKED, id=record, member=w.actor["sol"].membership_id) == (1,)


def test_the_sheet_is_printed_before_the_day_and_by_nobody_else(w: World) -> None:
    careful(w)
    soon = f"/sessions/{w.activity['choir']}/{w.at.date() + timedelta(days=7)}/sheet"
    far = f"/sessions/{w.activity['choir']}/{w.at.date() + timedelta(days=70)}/sheet"
    sol = sign_in(w, "sol")
    assert (sol.get(soon).status, sol.get(far).status) == (200, 404)
    assert sign_in(w, "kit").get(soon).status == 404
    assert sign_in(w, "priya").get(soon).status == 403


def test_a_sheet_under_a_full_hold_has_the_first_name_and_the_sentence(w: World) -> None:
    record = careful(w)
    held(w, record)
    page = sign_in(w, "sol").get(f"{path(w)}/sheet")
    assert "Margaret" in page.words
    assert "On hold." in page.words
    assert "The link worker's team Ash Lane practice" in page.words
    for words in ("Okoro", "Joan", "A firm chair"):
        assert words not in page.words


def test_in_an_emergency_the_same_is_said_of_everybody(w: World) -> None:
    record = careful(w)
    with w.store.begin() as tx:
        change(tx, "organisation", w.org["ash"], {"phone": "01632 960001"})
    sol = sign_in(w, "sol")
    says = "In an emergency ring 999. Then ring the link worker's team: Ash Lane practice 01632"
    for where in (path(w), f"{path(w)}/sheet"):
        assert says in sol.get(where).words
    assert sol.get(path(w)).words.count("Ash Lane practice") == 1, "one team needs no telling apart"
    held(w, record)
    for where in (path(w), f"{path(w)}/sheet"):
        page = sol.get(where)
        assert says in page.words
        assert 'href="tel:01632960001"' in page.text
    held(w, w.sent())
    for where in ("/", "/?show=taking-part", f"/referrals/{record}"):
        assert "Call 01632 960001" in sol.get(where).words, where


def test_where_people_have_several_teams_each_stands_by_their_own(w: World) -> None:
    """Whoever rings for somebody rings the team that knows them."""
    w.active()
    theirs(w)
    page = sign_in(w, "sol").get(path(w))
    assert "Margaret Okoro1 Ash Lane practice" in page.words
    assert "Margaret Okoro2 Fenside practice" in page.words


def theirs(w: World) -> str:
    """Somebody of another team, taking part."""
    board, olu = w.actor["gail"], w.actor["olu"]
    shared = {
        "title": "Sharing with Fenside",
        "purposes": ["share_with_provider"],
        "lawful_basis": "public_task",
        "fields": ["everything_listed"],
        "parties": [w.org["fenside"], w.org["singers"]],
        "review_at": w.at + timedelta(days=365),
    }
    with w.store.begin(board) as tx:
        drafted = step(tx, Noun.AGREEMENT, None, "draft", board, w.at, shared).id
        for who in ("tom", "sol"):
            step(tx, Noun.AGREEMENT, drafted, "sign", w.actor[who], w.at)
    person = w.person("olu")
    w.consent(person, who="olu")
    record = w.draft(person, who="olu")
    with w.store.begin(olu) as tx:
        send_referral(tx, olu, w.at, record)
    w.referral(record, "accept", "sol")
    w.referral(record, "start", "sol")
    return record


def test_who_left_since_stays_on_the_register_of_a_day_they_had_a_place(w: World) -> None:
    finished = w.active(w.person(given_name="Ada", family_name="Obi"))
    given_back = w.active(w.person(given_name="Bea", family_name="Cole"))
    later = w.accepted(w.person(given_name="Cy", family_name="Dunn"), activity="pottery")
    sol, day = sign_in(w, "sol"), path(w)
    sol.fill(day, **{f"came-{finished}": "late", f"came-{given_back}": "did_not_come"})
    w.later(days=1)
    w.referral(finished, "complete", "sol", given=OUTCOME)
    w.referral(given_back, "give_back", "sol", given={"reason": "needs_changed"})
    page = sign_in(w, "sol").get(day)
    left = page.words[page.words.index("Left since") :]
    assert "Ada Obi: Late" in left
    assert "Bea" not in page.words, "of whoever is back with the link worker a reference is left"
    assert re.search(r"Left since .*SG-[0-9A-Z-]+ ", page.words)
    assert f"came-{finished}" not in page.text
    assert later not in page.text
    assert "Left since" not in sign_in(w, "sol").get(path(w)).words
    w.later(days=31)
    assert "Ada" not in sign_in(w, "sol").get(day).words


def test_coming_for_the_first_time_is_the_start(w: World) -> None:
    record = w.accepted()
    sign_in(w, "sol").fill(path(w), follow=False, **{f"came-{record}": "came"})
    assert came(w, record) == ["came"]
    with w.store.read() as tx:
        assert tx.row(STATE, id=record) == ("active",)


def test_another_provider_has_no_register_there(w: World) -> None:
    record = w.active()
    kit = sign_in(w, "kit")
    assert kit.get(path(w)).status == 404
    assert kit.post(path(w), {f"came-{record}": "came"}).status == 404
    assert came(w, record) == []


def test_a_link_worker_has_no_register(w: World) -> None:
    w.active()
    assert sign_in(w, "priya").get(path(w)).status == 403


def test_two_missed_in_a_row_ask_for_a_word(w: World) -> None:
    record = w.active()
    sol = sign_in(w, "sol")
    sol.fill(path(w), **{f"came-{record}": "did_not_come"})
    assert "Did not come twice" not in sol.get(path(w)).words
    w.later(days=7)
    page = sign_in(w, "sol").fill(path(w), **{f"came-{record}": "did_not_come"})
    assert "Did not come twice in a row" in page.words


def test_no_register_for_a_day_to_come(w: World) -> None:
    w.active()
    sol = sign_in(w, "sol")
    tomorrow = w.at.date() + timedelta(days=1)
    assert sol.get(f"/sessions/{w.activity['choir']}/{tomorrow}").status == 404
    assert sol.get(f"/sessions/{w.activity['choir']}/sometime").status == 404


def test_another_day_is_asked_for(w: World) -> None:
    w.active()
    sol = sign_in(w, "sol")
    ask = f"/sessions/{w.activity['choir']}/another-day"
    assert sol.get(ask).status == 200
    page = sol.get(f"{ask}?day-day=11&day-month=May&day-year=2026")
    assert "Monday 11 May 2026" in page.words
    page = sol.get(f"{ask}?day-day=31&day-month=2&day-year=2026")
    assert page.status == 422
    assert "Enter a real date" in page.words
    page = sol.get(f"{ask}?day-day=&day-month=&day-year=")
    assert (page.status, "Enter the day of the session." in page.words) == (422, True)
    page = sol.get(f"{ask}?day-day=1&day-month=1&day-year=2090")
    assert "The day must be in the last year, and not after today." in page.words


def test_a_full_hold_leaves_the_first_name_alone(w: World) -> None:
    record = w.active()
    sol = sign_in(w, "sol")
    assert "Margaret Okoro1" in sol.get(path(w)).words
    held(w, record)
    page = sol.get(path(w))
    assert "Margaret" in page.words
    assert "Okoro1" not in page.words
    assert "On hold." in page.words


def held(w: World, record: str) -> None:
    """A full hold against the provider's side, whatever its cause."""
    with w.store.begin() as tx:
        row = tx.row(PERSON, id=record)
        assert row is not None
        put(
            tx,
            "hold",
            {
                "id": new_id(w.at),
                "system_id": w.system_id,
                "organisation_id": w.org["ash"],
                "cause": "records",
                "concern_id": None,
                "person_id": row[0],
                "provider_id": w.provider["singers"],
                "referral_id": record,
                "closed_to": "provider",
                "owner": f"team_lead@{w.org['ash']}",
                "started": w.at,
                "until": None,
                "ended": None,
            },
        )


def test_the_list_of_sessions_leads_to_the_register(w: World) -> None:
    w.active()
    page = sign_in(w, "sol").get("/sessions")
    assert "1 person has a place." in page.words
    assert path(w) in page.text


READS = Sql("SELECT count(*) FROM audit WHERE action = 'read' AND noun = 'register'")


def test_reading_a_register_is_in_the_audit_log(w: World) -> None:
    w.active()
    sol = sign_in(w, "sol")
    sol.get("/sessions")
    with w.store.read() as tx:
        assert tx.row(READS) == (0,)
    sol.get(path(w))
    with w.store.read() as tx:
        assert tx.row(READS) == (1,)


def test_one_who_cannot_be_saved_does_not_stop_the_others(w: World) -> None:
    first, second = w.accepted(), w.active()
    held(w, first)
    page = sign_in(w, "sol").fill(path(w), **{f"came-{first}": "came", f"came-{second}": "came"})
    assert came(w, first) == []
    assert came(w, second) == ["came"]
    assert "On hold." in page.words


# -- the day as it was --------------------------------------------------------------------------


def test_a_past_day_lists_those_who_had_a_place_then_and_nobody_else(w: World) -> None:
    before = w.active()
    day = path(w)
    w.later(days=10)
    after = w.accepted()
    sol = sign_in(w, "sol")
    page, paper = sol.get(day), sol.get(f"{day}/sheet")
    assert (f"came-{before}" in page.text, f"came-{after}" in page.text) == (True, False)
    assert ("Okoro1" in paper.words, "Okoro2" in paper.words) == (True, False)
    today = sol.get(path(w))
    assert f"came-{before}" in today.text
    assert f"came-{after}" in today.text, "given on the day itself"
    sol.post(day, {f"came-{after}": "came"})
    assert came(w, after) == []


def test_the_reason_is_asked_from_the_start_once_a_register_is_saved(w: World) -> None:
    record = w.active()
    sol = sign_in(w, "sol")
    why = "Why do you change what was saved before?"
    assert why not in sol.get(path(w)).words
    sol.fill(path(w), follow=False)
    page = sol.get(path(w))
    assert why in page.words
    assert "There is a problem" not in page.words
    sol.fill(path(w), follow=False, **{f"came-{record}": "late", "why": "mistake"})
    assert came(w, record) == ["late"]


def test_a_hold_stands_under_the_name_it_belongs_to(w: World) -> None:
    free, closed = w.active(), w.active(w.person(given_name="Zelda"))
    held(w, closed)
    text = sign_in(w, "sol").get(path(w)).text
    assert text.count("On hold.") == 1
    assert text.index(f"came-{free}") < text.index("Zelda") < text.index("On hold.")


# -- phones -------------------------------------------------------------------------------------


def test_numbers_ring_on_the_sheet_and_on_the_referral(w: World) -> None:
    joan = "Her neighbour Joan, 01632 960111, after 10.11.2026"
    record = w.active(w.person(emergency_contact=joan, message_safe=False))
    sol = sign_in(w, "sol")
    for page in (sol.get(f"{path(w)}/sheet"), sol.get(f"/referrals/{record}")):
        assert 'href="tel:+447700900982"' in page.text
        assert 'href="tel:+441632960111"' in page.text
        assert "10.11.2026" in page.words
        assert "No phone given" not in page.words
        assert "Do not leave a message" in page.words


def test_who_is_reached_through_someone_else_is_not_rung_themselves(w: World) -> None:
    through = {"through_name": "Ann, her niece", "through_phone": "07700 900196"}
    record = w.active(w.person(contact_method="someone_else", message_safe=False, **through))
    sol = sign_in(w, "sol")
    assert "Reach them through Ann, her niece 07700 900 196" in sol.get(f"{path(w)}/sheet").words
    assert "Through someone else: Ann, her niece" in sol.get(f"/referrals/{record}").words
    asked = w.sent(w.person(contact_method="someone_else", **through))
    assert "Ann" not in sol.get(f"/referrals/{asked}").words


def test_no_phone_is_said_where_it_may_be_known(w: World) -> None:
    record = w.active(w.person(phone=None, email="m@example.org", contact_method="email"))
    sol = sign_in(w, "sol")
    pages = (f"{path(w)}/sheet", f"/referrals/{record}")
    for page in pages:
        assert "No phone given. Ring the link worker." in sol.get(page).words
    held(w, record)
    for page in pages:
        assert "No phone given" not in sol.get(page).words


# -- missed twice -------------------------------------------------------------------------------

TWICE = "Did not come twice in a row"


def missed_twice(w: World) -> str:
    record = w.active()
    for _day in range(2):
        w.later(days=7)
        sign_in(w, "sol").fill(path(w), **{f"came-{record}": "did_not_come"})
    return record


def test_two_missed_stand_in_the_inbox_until_the_link_worker_is_told(w: World) -> None:
    record, other = missed_twice(w), w.active()
    sol = sign_in(w, "sol")
    for where in ("/", "/taking-part"):
        page = sol.get(where)
        assert page.words.count(TWICE) == 1
        assert f"/referrals/{record}/update" in page.text
        assert f"/referrals/{other}/update" not in page.text
    assert TWICE not in sign_in(w, "kit").get("/").words
    w.later(hours=1)
    w.step(Noun.REFERRAL, record, "update", "sol", given={"note": "Well."})
    for where in ("/", "/taking-part"):
        assert TWICE not in sign_in(w, "sol").get(where).words


def test_one_missed_or_a_hold_asks_for_no_ring(w: World) -> None:
    once = w.active()
    sign_in(w, "sol").fill(path(w), **{f"came-{once}": "did_not_come"})
    assert TWICE not in sign_in(w, "sol").get("/").words
    record = missed_twice(w)
    assert TWICE in sign_in(w, "sol").get("/").words
    held(w, record)
    for where in ("/", "/taking-part"):
        assert f"/referrals/{record}/update" not in sign_in(w, "sol").get(where).text


def test_the_link_worker_reads_whether_they_came_the_latest_first(w: World) -> None:
    record = w.active()
    assert "Whether they came" not in sign_in(w, "priya").get(f"/referrals/{record}").words
    for came_then in ("did_not_come", "told_us", "came"):
        w.later(days=7)
        sign_in(w, "sol").fill(path(w), **{f"came-{record}": came_then})
    words = sign_in(w, "priya").get(f"/referrals/{record}").words
    assert "Came to 1 of 3 sessions, the latest first:" in words
    told = words[words.index("the latest first:") :]
    assert told.index(": Came") < told.index(": Sent apologies") < told.index(": Did not come")
