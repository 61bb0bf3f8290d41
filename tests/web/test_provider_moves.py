"""The provider's moves, as pages: from the card to done."""

from __future__ import annotations

import pytest

from referral.rows import change
from referral.states import Purpose
from referral.store import Sql, Store
from tests.web.api import program
from tests.web.client import sign_in
from tests.workflows.test_post import full_hold
from tests.world import World, build
from web.edge import Edge
from web.provider_moves import goals_told
from web.worker import sweep_all
from workflows.activities import save_activity, save_group
from workflows.people import save_plan

STATE = Sql("SELECT state FROM referral WHERE id = :id")
DUE = Sql("SELECT kind, due FROM clock WHERE record_id = :id AND ended IS NULL ORDER BY kind")
NOTES = Sql("SELECT count(*) FROM note WHERE record_id = :id")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def state_of(w: World, record: str) -> str:
    with w.store.read() as tx:
        row = tx.row(STATE, id=record)
    assert row is not None
    return str(row[0])


def clocks(w: World, record: str) -> list[tuple[str, object]]:
    with w.store.read() as tx:
        return [(str(row[0]), row[1]) for row in tx.rows(DUE, id=record)]


def test_provider_accepts_with_the_day_of_the_first_contact(w: World) -> None:
    record = w.sent()
    page = sign_in(w, "sol").fill(
        f"/referrals/{record}/accept",
        follow=False,
        first_contact__day="21",
        first_contact__month="May",
        first_contact__year="2026",
    )
    assert page.status == 303
    assert state_of(w, record) == "accepted"
    with w.store.read() as tx:
        row = tx.row(NOTES, id=record)
    assert row == (1,)


def test_provider_accepts_without_saying_anything_more(w: World) -> None:
    record = w.sent()
    assert sign_in(w, "sol").fill(f"/referrals/{record}/accept", follow=False).status == 303
    assert state_of(w, record) == "accepted"


def test_another_provider_finds_nothing_to_accept(w: World) -> None:
    record = w.sent()
    page = sign_in(w, "kit").get(f"/referrals/{record}/accept")
    assert page.status == 404
    assert sign_in(w, "kit").post(f"/referrals/{record}/accept").status == 404
    assert state_of(w, record) == "sent"


def test_a_day_that_is_no_day_is_kept_as_typed(w: World) -> None:
    record = w.sent()
    page = sign_in(w, "sol").fill(
        f"/referrals/{record}/accept",
        first_contact__day="41",
        first_contact__month="May",
        first_contact__year="2026",
        note="We meet by the river door",
    )
    assert page.status == 422
    assert 'value="41"' in page.text
    assert "We meet by the river door" in page.text
    assert "Enter a real date" in page.words
    assert state_of(w, record) == "sent"


def test_what_stands_in_the_way_of_accepting_is_said(w: World) -> None:
    record = w.sent()
    w.referral(record, "recall", "priya", given={"reason": "other"})
    page = sign_in(w, "sol").get(f"/referrals/{record}/accept")
    assert "cannot be done now" in page.words
    assert page.forms == []


def test_provider_declines_with_one_reason(w: World) -> None:
    record = w.sent()
    page = sign_in(w, "sol").fill(
        f"/referrals/{record}/decline", follow=False, reason="access_need"
    )
    assert page.status == 303
    assert state_of(w, record) == "returned"


def another_choir(w: World, capacity: int = 8, **more: str) -> str:
    """A second activity of the same provider."""
    actor = w.actor["sol"]
    with w.store.begin(actor) as tx:
        made = save_activity(
            tx,
            actor,
            w.at,
            provider_id=w.provider["singers"],
            values={"name": "Evening singing", **more},
        )
        save_group(tx, actor, w.at, activity_id=made, values={"capacity": capacity})
    return made


def test_declining_may_name_another_activity_that_could_fit(w: World) -> None:
    record, other = w.sent(), another_choir(w)
    sol = sign_in(w, "sol")
    page = sol.get(f"/referrals/{record}/decline")
    assert "Could another activity of yours fit?" in page.words
    sol.send(page, follow=False, reason="not_right_activity", other=other, note="It is smaller.")
    assert state_of(w, record) == "returned"
    read = sign_in(w, "priya").get(f"/referrals/{record}").words
    assert "Another activity of ours could fit: Evening singing. It is smaller." in read


def test_no_other_activity_is_asked_about_where_none_takes_new_people(w: World) -> None:
    record = w.sent()
    another_choir(w, status="paused")
    another_choir(w, capacity=0)
    page = sign_in(w, "sol").get(f"/referrals/{record}/decline")
    assert "Could another activity of yours fit?" not in page.words
    assert "Is there more to say?" in page.words


def test_accepting_offers_the_next_sessions_to_come_to(w: World) -> None:
    record = w.sent()
    sol = sign_in(w, "sol")
    assert "Which session" not in sol.get(f"/referrals/{record}/accept").words
    with w.store.begin() as tx:
        change(tx, "activity", w.activity["choir"], {"when_words": "Thursdays, 2pm"})
    page = sol.get(f"/referrals/{record}/accept")
    assert "Which session can they come to first? Thursday 14 May 2026" in page.words
    sol.send(page, follow=False, session="2026-05-21")
    assert state_of(w, record) == "accepted"
    read = sign_in(w, "priya").get(f"/referrals/{record}").words
    assert "Their first session can be Thursday 21 May 2026." in read


def test_a_session_that_was_not_offered_says_nothing(w: World) -> None:
    record = w.sent()
    with w.store.begin() as tx:
        change(tx, "activity", w.activity["choir"], {"when_words": "Thursdays, 2pm"})
    sign_in(w, "sol").fill(f"/referrals/{record}/accept", follow=False, session="2026-05-22")
    assert "22 May" not in sign_in(w, "priya").get(f"/referrals/{record}").words


def test_declining_without_a_reason_asks_for_one(w: World) -> None:
    record = w.sent()
    page = sign_in(w, "sol").fill(f"/referrals/{record}/decline", note="No ramp to our room")
    assert page.status == 422
    assert "Choose a reason." in page.words
    assert "No ramp to our room" in page.text
    assert state_of(w, record) == "sent"


@pytest.mark.parametrize(
    ("trigger", "answers", "to"),
    [
        ("ask", {"note": "Can they climb stairs?"}, "queried"),
        (
            "put-on-waiting-list",
            {
                "expected_date__day": "1",
                "expected_date__month": "7",
                "expected_date__year": "2026",
            },
            "waiting",
        ),
    ],
)
def test_provider_replies_in_another_way(
    w: World, trigger: str, answers: dict[str, str], to: str
) -> None:
    record = w.sent()
    page = sign_in(w, "sol").fill(f"/referrals/{record}/{trigger}", follow=False, **answers)
    assert page.status == 303
    assert state_of(w, record) == to


@pytest.mark.parametrize(
    ("made", "trigger", "answers", "to"),
    [
        ("accepted", "contact", {}, "accepted"),
        ("accepted", "start", {"note": "Sang at the front"}, "active"),
        ("active", "update", {"note": "Comes each week"}, "active"),
        (
            "active",
            "pause",
            {"paused_until__day": "1", "paused_until__month": "6", "paused_until__year": "2026"},
            "paused",
        ),
        ("active", "give-back", {"reason": "needs_changed"}, "returned"),
        ("completed", "reopen", {"reason": "ended_too_soon"}, "active"),
    ],
)
def test_provider_moves_those_taking_part(
    w: World, made: str, trigger: str, answers: dict[str, str], to: str
) -> None:
    record = getattr(w, made)()
    page = sign_in(w, "sol").fill(f"/referrals/{record}/{trigger}", follow=False, **answers)
    assert page.status == 303
    assert state_of(w, record) == to


def test_the_break_ends(w: World) -> None:
    record = w.active()
    w.referral(record, "pause", "sol", given={"paused_until": w.at.date()})
    assert sign_in(w, "rae").fill(f"/referrals/{record}/resume", follow=False).status == 303
    assert state_of(w, record) == "active"


OUTCOME = {
    "outcome": "stays_as_member",
    "goals_met": "partly",
    "what_next": "Stays in the choir",
    "summary": "Came to 11 of 12 sessions.",
}


def test_the_message_is_seen_before_it_is_sent(w: World) -> None:
    priya, person = w.actor["priya"], w.person()
    goals = {"what_matters": "Singing", "needs": ["company"], "goals": ["Go alone", "Sing a solo"]}
    plan = w.made(priya, lambda tx: str(save_plan(tx, priya, w.at, person, goals)))
    record = w.sent(person, plan_id=plan)
    for move in ("accept", "start"):
        w.referral(record, move, "sol")
    sol = sign_in(w, "sol")
    page = sol.get(f"/referrals/{record}/complete")
    assert "Was this goal met? Go alone" in page.words
    assert "Were their goals met?" not in page.words
    met = {"goal_1": "yes", "goal_2": "no", "goals_met": ""}
    page = sol.fill(page.path, **{**OUTCOME, **met, "goal_2": ""})
    assert page.status == 422
    assert "Say whether this was met." in page.words
    page = sol.fill(page.path, **{**OUTCOME, **met})
    assert "Came to 11 of 12 sessions." in page.words
    assert "Was this goal met? Sing a solo Not met" in page.words
    assert "has not agreed that their doctor's practice is told" in page.words
    assert "nothing to doctors' practices" not in page.words
    assert state_of(w, record) == "active"
    assert sol.send(page, follow=False, sure="yes").status == 303
    assert state_of(w, record) == "completed"
    shown = sign_in(w, "priya").get(f"/referrals/{record}").words
    assert "Goals met Go alone: Yes, met; Sing a solo: Not met" in shown


@pytest.mark.parametrize(
    ("each", "all_in_all"),
    [(["yes", "yes"], "yes"), (["no"], "no"), (["yes", "no"], "partly"), (["partly"], "partly")],
)
def test_the_answers_for_each_goal_come_to_one(each: list[str], all_in_all: str) -> None:
    given = {"outcome": "finished"} | {f"goal_{n}": met for n, met in enumerate(each, 1)}
    told = goals_told(given, ["A goal"] * len(each))
    assert told == {"outcome": "finished", "goals": each, "goals_met": all_in_all}
    assert goals_told({"goals_met": "no"}, []) == {"goals_met": "no"}


def test_who_finishes_hears_that_nothing_is_sent_to_the_practice(w: World) -> None:
    person = w.person()
    w.consent(person, "practice", purpose=Purpose.TELL_PRACTICE)
    page = sign_in(w, "sol").fill(f"/referrals/{w.active(person)}/complete", **OUTCOME)
    assert "Segue sends nothing to doctors' practices yet" in page.words
    assert "the link worker is asked to tell it" in page.words


def test_the_link_worker_reads_the_summary_and_the_note_beside_it(w: World) -> None:
    record = w.active()
    sol = sign_in(w, "sol")
    page = sol.fill(f"/referrals/{record}/complete", **OUTCOME, note="Was low in May.")
    sol.send(page, sure="yes")
    shown = sign_in(w, "priya").get(f"/referrals/{record}/confirm").words
    assert "Came to 11 of 12 sessions." in shown
    assert "Was low in May." in shown


def test_what_was_written_can_be_changed_before_it_is_sent(w: World) -> None:
    record = w.active()
    sol = sign_in(w, "sol")
    page = sol.fill(f"/referrals/{record}/complete", **OUTCOME)
    page = sol.send(page, again="yes")
    assert "Stays in the choir" in page.text
    assert state_of(w, record) == "active"


def test_finishing_asks_for_what_is_missing_and_keeps_the_rest(w: World) -> None:
    record = w.active()
    page = sign_in(w, "sol").fill(
        f"/referrals/{record}/complete", **{**OUTCOME, "what_next": "", "goals_met": ""}
    )
    assert page.status == 422
    assert "Say what comes next for the person." in page.words
    assert "Came to 11 of 12 sessions." in page.text
    assert state_of(w, record) == "active"


def test_who_is_too_late_sees_what_changed_and_keeps_the_words(w: World) -> None:
    record = w.active()
    sol = sign_in(w, "sol")
    page = sol.get(f"/referrals/{record}/update")
    w.referral(record, "update", "rae", given={"note": "Rae was quicker"})
    page = sol.send(page, note="Sol was slower")
    assert page.status == 409
    assert "What changed meanwhile" in page.words
    assert "Sol was slower" in page.text


def test_who_comes_back_to_a_form_reads_who_was_quicker_and_what_comes_next(w: World) -> None:
    record = w.sent()
    sol = sign_in(w, "sol")
    before = sol.get(f"/referrals/{record}/accept")
    assert "What happened last" not in before.words
    w.referral(record, "accept", "rae", given={"note": "Glad to have her."})
    page = sol.get(f"/referrals/{record}/accept")
    assert "What happened last Accepted: a place was given Rae Rivers" in page.words
    assert f'href="/referrals/{record}/contact"' in page.text
    assert f'href="/referrals/{record}/decline"' not in page.text
    w.referral(record, "contact", "sol")
    page = sol.get(f"/referrals/{record}/accept")
    assert "What happened last The provider made first contact Sol Rivers" in page.words
    assert "Accepted: a place was given Rae Rivers" in page.words
    late = sol.send(before)
    assert late.status == 409
    assert late.words.count("Glad to have her.") == 1
    assert f'href="/referrals/{record}/contact"' in late.text


def test_who_is_closed_out_is_not_told_what_happened_last(w: World) -> None:
    person = w.person()
    record = w.accepted(person)
    full_hold(w, person, "provider")
    page = sign_in(w, "sol").get(f"/referrals/{record}/accept")
    assert "What happened last" not in page.words
    assert f'href="/referrals/{record}/contact"' not in page.text


def test_first_contact_was_when_the_leader_says_and_a_try_leaves_it_due(w: World) -> None:
    record = w.accepted()
    w.later(days=3)
    sol = sign_in(w, "sol")
    due = clocks(w, record)
    tried = sol.send(
        sol.get(f"/referrals/{record}/try-contact"), reason="no_answer", note="I try on Friday.",
        happened_at="Wednesday 2.15pm",
    )  # fmt: skip
    assert "The link worker has been told. What comes next is still due by" in tried.words
    assert clocks(w, record) == due
    told = sign_in(w, "priya").get(f"/referrals/{record}/history").words
    assert "The provider tried to reach the person: No answer from the person" in told
    assert "13 May 2026 at 2:15pm, written down" in told
    assert "I try on Friday." in told
    sweep_all(Edge(w.store, lambda: w.at))
    assert "tried to reach the person, and could not" in sign_in(w, "priya").get("/notices").words
    sol.send(sol.get(f"/referrals/{record}/contact"), happened_at="14 May 2026 at 9am")
    assert clocks(w, record) != due
    assert "First contact 14 May 2026 at 9am" in sol.get(f"/referrals/{record}").words


@pytest.mark.parametrize("move", ["contact", "try-contact"])
def test_a_contact_was_after_the_referral_came_and_has_been(w: World, move: str) -> None:
    record = w.accepted()
    w.later(days=1)
    sol = sign_in(w, "sol")
    for said, wrong in (
        ("1 5 2026 9am", "That is before this referral was sent to you."),
        ("1 1 2090 9am", "Enter a time that has come already."),
    ):
        page = sol.fill(f"/referrals/{record}/{move}", reason="no_answer", happened_at=said)
        assert (page.status, wrong in page.words) == (422, True), page.words
        assert said in page.text
    body = {"reason": "no_answer"} if move == "try-contact" else {}
    early = {**body, "happened_at": "2026-05-01T09:00:00Z"}
    path, trigger = f"/referrals/{record}", move.replace("-", "_")
    assert set(program(w, "sol").move(path, trigger, early).fields) == {"happened_at"}
    assert program(w, "sol").move(path, trigger, body).status == 200


@pytest.mark.parametrize(("safe", "status"), [(False, 422), (True, 200)])
def test_a_leader_leaves_a_message_only_where_one_may_be(w: World, safe: bool, status: int) -> None:
    record = w.accepted(w.person(message_safe=safe))
    page = sign_in(w, "sol").get(f"/referrals/{record}/try-contact")
    assert ('value="left_message"' in page.text) is safe
    assert ("No message may be left for this person." in page.words) is not safe
    asked = {"reason": "left_message"}
    assert program(w, "sol").move(f"/referrals/{record}", "try_contact", asked).status == status


def test_a_move_nobody_knows_is_not_found(w: World) -> None:
    record = w.sent()
    sol = sign_in(w, "sol")
    for move in ("fly", "send", "lapse", "give_back"):
        assert sol.get(f"/referrals/{record}/{move}").status == 404
    assert sol.get(f"/referrals/{w.system_id}/accept").status == 404


def test_the_refusal_of_another_noun_is_not_found(w: World) -> None:
    record = w.sent()
    assert sign_in(w, "sol").get(f"/escalations/{record}/acknowledge").status == 404


def test_a_form_names_the_person_as_its_reader_may_know_them(w: World) -> None:
    asked = w.sent(w.person(family_name="Okoro"))
    accepted = w.accepted(w.person(given_name="Ada", family_name="Obi"))
    sol = sign_in(w, "sol")
    for move in ("accept", "decline", "ask", "put-on-waiting-list"):
        page = sol.get(f"/referrals/{asked}/{move}")
        assert "About: Margaret" in page.words, move
        assert "Okoro" not in page.text, move
    for move in ("contact", "start", "give-back", "hold"):
        page = sol.get(f"/referrals/{accepted}/{move}")
        assert "About: Ada Obi" in page.words, move
        assert "Obi" not in page.text.split("</title>")[0], move
    preview = sol.fill(f"/referrals/{w.active(w.person(family_name='Obi'))}/complete", **OUTCOME)
    assert "About: Margaret Obi" in preview.words


def test_who_sees_a_reference_alone_is_told_no_name_by_a_form(w: World) -> None:
    referral = w.sent(w.person(family_name="Okoro"))
    w.referral(referral, "decline", "sol", given={"reason": "full"})
    page = sign_in(w, "sol").get(f"/referrals/{referral}/accept")
    assert "About:" not in page.words
    assert "Margaret" not in page.text


@pytest.mark.parametrize("note", ["", "  "])
def test_an_empty_update_is_not_kept(w: World, note: str) -> None:
    record = w.active()
    sol = sign_in(w, "sol")
    page = sol.fill(f"/referrals/{record}/update", note=note)
    assert "Write how it is going." in page.words
    assert "The next update is due" not in page.words
    page = sol.send(page, note="She sings. " * 50)
    assert "Shorten this to 500 characters or fewer." in page.words
    assert "She sings. She sings." in page.text
    page = sol.send(page, note="She sings every week")
    assert "The next update is due" in page.words
