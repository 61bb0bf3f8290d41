"""The page of a referral for each who may see it, and the moves made from it."""

from __future__ import annotations

import re

import pytest

from referral.rows import change
from referral.states import Noun, Purpose
from referral.store import Sql, Store
from tests.counting import statements
from tests.web.client import Visitor, sign_in
from tests.web.pages import HOSTILE
from tests.winding import sweep
from tests.world import OUTCOME, World, build


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def shown(w: World, who: str, rid: str) -> str:
    page = sign_in(w, who).get(f"/referrals/{rid}")
    assert page.status == 200, f"{who}: {page.status}"
    return page.words


def hold(w: World, person: str, **about: object) -> None:
    """A concern about the person, which holds all their referrals."""
    seen = {"person_id": person, "seen": "A bruise", "danger": False, **about}
    w.step(Noun.CONCERN, None, "raise", "sam", given=seen)


# -- who sees what ------------------------------------------------------------------------------


def test_the_link_worker_sees_who_has_it_until_when_and_what_can_be_done(w: World) -> None:
    words = shown(w, "priya", w.sent())
    assert "With Riverside Singers now" in words
    assert "Due Tuesday 19 May" in words
    assert "Take back" in words
    assert "Accept" not in words


def test_the_provider_sees_a_first_name_until_a_place_is_given(w: World) -> None:
    rid = w.sent(w.person(family_name="Okoro", email="m@example.org"))
    before = shown(w, "sol", rid)
    assert "Margaret" in before
    for hidden in ("Okoro", "07700 900 982", "m@example.org", "1951"):
        assert hidden not in before
    w.referral(rid, "accept", "sol")
    after = shown(w, "sol", rid)
    for told in ("Okoro", "07700 900 982", "m@example.org"):
        assert told in after
    assert "1951" not in after


def test_the_provider_knows_before_accepting_that_an_interpreter_is_needed(w: World) -> None:
    rid = w.sent(w.person(interpreter=True, language="Polish"))
    assert "Needs an interpreter." in sign_in(w, "sol").get("/").words
    before = shown(w, "sol", rid)
    assert before.index("Interpreter Needed") < before.index("Accept")
    assert "Polish" not in before
    w.referral(rid, "accept", "sol")
    assert "Polish" in shown(w, "sol", rid)
    assert "Interpreter" not in shown(w, "sol", w.sent(w.person(family_name="Okoro")))


def test_on_paper_it_says_who_printed_it_and_keeps_the_numbers_to_ring(w: World) -> None:
    page = sign_in(w, "priya").get(f"/referrals/{w.accepted()}")
    assert "Printed by Priya Shah, Ash Lane practice, 12 May 2026 at" in page.words
    assert 'class="app-number" href="tel:' in page.text
    theirs = shown(w, "sol", w.accepted())
    assert "Printed by Sol Rivers, Riverside Singers" in theirs
    assert "Priya Shah, Ash Lane practice, 12 May 2026 at" not in theirs.split("Printed by")[1]


def test_nobody_else_finds_it(w: World) -> None:
    rid = w.sent()
    for who in ("kit", "olu", "tom", "fred", "cora", "art", "ada"):
        for path in ("", "/history", "/concern", "/withdraw", "/redirect"):
            status = sign_in(w, who).get(f"/referrals/{rid}{path}").status
            assert status in (403, 404), f"{who} {path}: {status}"
    assert sign_in(w, "tess").get(f"/referrals/{rid}").status == 200


def test_a_draft_is_not_there_for_the_provider(w: World) -> None:
    rid = w.draft()
    assert sign_in(w, "sol").get(f"/referrals/{rid}").status == 404
    assert sign_in(w, "priya").get(f"/referrals/{rid}").status == 200


def test_governance_judges_and_does_not_ring_the_person(w: World) -> None:
    words = shown(w, "grace", w.active(w.person(family_name="Okoro")))
    assert "Okoro" in words
    assert "07700 900 982" not in words


def test_after_a_withdrawal_the_provider_keeps_the_reference_alone(w: World) -> None:
    person = w.person(family_name="Okoro")
    rid = w.active(person)
    w.consent(person, agreed=False)
    words = shown(w, "sol", rid)
    assert "Margaret" not in words
    assert "Okoro" not in words
    assert "SG-" in words
    assert sign_in(w, "sol").get(f"/referrals/{rid}/history").path == f"/referrals/{rid}"


def test_a_hold_is_one_sentence_and_nothing_in_the_page_tells_its_cause(w: World) -> None:
    person = w.person()
    rid = w.accepted(person)
    hold(w, person)
    for who in ("priya", "sol", "grace"):
        words = shown(w, who, rid)
        ring, agree = "Call the link worker's team before any contact.", "Agree any contact within"
        assert ("On hold. Agree any contact within your team first." in words) is (who == "priya")
        assert (f"On hold. {ring}" in words) is (who != "priya")
        assert (ring in words) is (agree not in words)
        for hidden in ("bruise", "concern SG", "Concern raised", "Not seen yet"):
            assert hidden not in words, f"{who}: {hidden}"
    assert "Clock paused while on hold" in shown(w, "priya", rid)


def test_who_is_named_sees_a_first_name_the_reference_and_the_sentence(w: World) -> None:
    person = w.person(family_name="Okoro")
    rid = w.active(person)
    hold(w, person, sources=[{"user_id": w.actor["sol"].user_id}])
    words = shown(w, "sol", rid)
    assert "Margaret" in words
    for hidden in ("Okoro", "07700", "Priya", "Taking part", "Due", "Thursdays"):
        assert hidden not in words, hidden
    assert words.count("01632") == 1
    assert "before any contact. Call 01632 960123" in words, "whom to call goes with the sentence"
    assert "Give back" in words
    assert "Finish" not in words
    assert "Finish" in shown(w, "rae", rid)


def test_a_link_worker_who_is_named_has_no_move_and_no_more_than_the_sentence(w: World) -> None:
    person = w.person(family_name="Okoro")
    rid = w.active(person)
    hold(w, person, sources=[{"user_id": w.actor["priya"].user_id}])
    words = shown(w, "priya", rid)
    assert "Okoro" not in words
    assert "Take back" not in words
    assert sign_in(w, "priya").get(f"/people/{person}").words.count("Okoro") == 0
    assert sign_in(w, "priya").get(f"/people/{person}/change").status == 404


def test_reading_is_noted_in_the_log_once_a_page(w: World) -> None:
    rid = w.sent()
    before = reads(w, rid)
    sign_in(w, "priya").get(f"/referrals/{rid}")
    assert reads(w, rid) == before + 1


def reads(w: World, rid: str) -> int:
    with w.store.read() as tx:
        row = tx.row(
            Sql("SELECT count(*) FROM audit WHERE action = 'read' AND record_id = :id"), id=rid
        )
    assert row
    return int(row[0])


def test_words_of_people_are_never_markup(w: World) -> None:
    rid = w.sent(w.person(given_name=HOSTILE, family_name=HOSTILE), safety_notes=HOSTILE)
    w.referral(rid, "ask", "sol", given={"note": HOSTILE})
    for who in ("priya", "sol", "grace", "tess"):
        for path in ("", "/history", "/answer"):
            page = sign_in(w, who).get(f"/referrals/{rid}{path}")
            assert "<script>alert" not in page.text


# -- what can't be done yet ---------------------------------------------------------------------


def test_what_cannot_be_done_yet_is_said_with_the_way_to_mend_it(w: World) -> None:
    rid = w.draft(w.person(practice=None))
    page = sign_in(w, "priya").get(f"/referrals/{rid}")
    assert "You cannot do this yet: Send" in page.words
    assert f'href="/referrals/{rid}/write/consent?then=check"' in page.text
    missing = "Still missing: their GP practice, or that they have none."
    assert missing in page.words
    assert f'<a href="/referrals/{rid}/write/details?then=check">Add what is missing.' in page.text
    assert missing not in shown(w, "grace", rid)
    assert "Still missing" not in shown(w, "priya", w.draft())


def test_why_it_cannot_be_closed_yet_is_said_with_what_can_be_done_instead(w: World) -> None:
    rid = w.sent()
    page = sign_in(w, "priya").get(f"/referrals/{rid}")
    assert (
        "You cannot close this yet. The provider has not replied. You can stop it instead."
        in page.words
    )
    assert f'<a href="/referrals/{rid}/withdraw">You can stop it instead.</a>' in page.text
    assert "has not said how it went. You can stop" in shown(w, "priya", w.active())
    others = (("sol", rid), ("sam", rid), ("priya", w.completed()), ("priya", w.draft()))
    for who, other in others:
        assert "You cannot close this yet" not in shown(w, who, other)


def test_who_acts_at_the_provider_is_named_beside_the_deadline_and_not_to_themselves(
    w: World,
) -> None:
    rid = w.sent()
    assert "Waiting for the provider to reply. Who acts there: Rae Rivers, Sol Rivers." in shown(
        w, "priya", rid
    )
    assert "Who acts there" not in shown(w, "sol", rid)
    assert "Who acts there" not in shown(w, "priya", w.completed())


def test_what_belongs_to_another_role_is_not_offered_at_all(w: World) -> None:
    words = shown(w, "priya", w.sent())
    assert "You cannot do this yet" not in words


# -- moves --------------------------------------------------------------------------------------


def test_the_link_worker_answers_a_question(w: World) -> None:
    rid = w.sent()
    w.referral(rid, "ask", "sol", given={"note": "Can she manage stairs?"})
    told = "You asked a question. Your time to reply is paused since 12 May 2026, waiting for Priya"
    assert told in shown(w, "sol", rid)
    assert "waits for the answer" in sign_in(w, "sol").get("/?show=open").words
    priya = sign_in(w, "priya")
    asked = priya.get(f"/referrals/{rid}").words
    assert "Can she manage stairs?" in asked
    assert "You asked" not in asked
    empty = priya.fill(f"/referrals/{rid}/answer")
    assert empty.status == 422
    page = priya.fill(f"/referrals/{rid}/answer", note="Yes, with a rail.")
    assert page.path == f"/referrals/{rid}"
    assert "Your answer was sent" in page.banner
    assert "Yes, with a rail." in shown(w, "sol", rid)


def test_a_stale_page_says_what_changed_and_keeps_what_was_typed(w: World) -> None:
    rid = w.sent()
    w.referral(rid, "ask", "sol", given={"note": "Stairs?"})
    priya = sign_in(w, "priya")
    page = priya.get(f"/referrals/{rid}/answer")
    w.referral(rid, "answer", "priya", given={"note": "No stairs."})
    w.referral(rid, "ask", "sol", given={"note": "And parking?"})
    page = priya.send(page, note="There is a lift.")
    assert page.status == 409
    assert "What changed meanwhile" in page.words
    assert "There is a lift." in page.text
    assert priya.send(page).path == f"/referrals/{rid}"


def test_who_is_too_late_keeps_what_they_typed_and_reads_what_happened(w: World) -> None:
    rid = w.sent()
    sol = sign_in(w, "sol")
    page = sol.get(f"/referrals/{rid}/ask")
    w.referral(rid, "recall", "priya", given={"reason": "better_fit"})
    page = sol.send(page, note="Can she climb stairs?")
    assert page.status == 409
    assert "This cannot be done now" in page.words
    assert "Can she climb stairs?" in page.text
    assert "What changed meanwhile" in page.words


def test_a_leader_reads_what_is_due_and_rings_with_one_tap(w: World) -> None:
    page = sign_in(w, "sol").get(f"/referrals/{w.active()}")
    assert "Taking part: say how it is going." in page.words
    assert 'href="tel:+447700900982"' in page.text
    assert "say how it is going." not in sign_in(w, "priya").get(page.path).words


def test_an_ended_session_keeps_the_answer_for_who_typed_it(w: World) -> None:
    rid = w.sent()
    w.referral(rid, "ask", "sol", given={"note": "Stairs?"})
    priya = sign_in(w, "priya")
    page = priya.get(f"/referrals/{rid}/answer")
    w.later(hours=1)
    asked = priya.send(page, note="There is a lift.")
    assert asked.status == 401
    assert "What you typed is kept" in asked.words
    assert "There is a lift." not in asked.text


def test_confirming_shows_the_outcome_and_closes_the_loop(w: World) -> None:
    rid = w.completed()
    priya = sign_in(w, "priya")
    page = priya.get(f"/referrals/{rid}/confirm")
    assert "They finished" in page.words
    assert "Came to every session." in page.words
    assert "Closed" in priya.send(page).words


def test_referring_on_says_whether_it_was_sent_or_why_not(w: World) -> None:
    person = w.person()
    rid = w.sent(person)
    w.referral(rid, "decline", "sol", given={"reason": "full"})
    page = sign_in(w, "priya").fill(f"/referrals/{rid}/redirect", group_id=w.group["pottery"])
    assert page.path.endswith("/write/check")
    assert "not sent yet. There is no consent in force" in page.banner
    assert "Went elsewhere" in shown(w, "priya", rid)


def test_referring_on_with_consent_is_sent_at_once(w: World) -> None:
    person = w.person()
    rid = w.sent(person, alternatives=[w.activity["pottery"]])
    w.consent(person, "clay")
    w.referral(rid, "decline", "sol", given={"reason": "full"})
    priya = sign_in(w, "priya")
    page = priya.get(f"/referrals/{rid}/redirect")
    assert "Chosen before, in case." in page.words
    page = priya.send(page)
    assert "Sent to Clay Table" in page.banner
    assert "until Tuesday 19 May" in page.banner


def test_what_one_refers_on_to_says_how_it_fits_the_person(w: World) -> None:
    rid = w.sent(w.person(access_needs="Uses a wheelchair"))
    w.referral(rid, "decline", "sol", given={"reason": "access_need"})
    path = f"/referrals/{rid}/redirect"
    words = sign_in(w, "priya").get(path).words
    assert "Check: nothing is said of: step-free" in words
    assert "Fits: step-free" not in words
    with w.store.begin() as tx:
        change(tx, "activity", w.activity["pottery"], {"access_words": "Step-free"})
    page = sign_in(w, "priya").get(path)
    assert "Fits: step-free" in page.words
    assert f'href="/referrals/{rid}/concern"' in page.text, "safety is one press away"


def test_who_may_not_refer_on_is_told_why_or_finds_nothing(w: World) -> None:
    rid = w.sent()
    assert "This cannot be done now" in sign_in(w, "priya").get(f"/referrals/{rid}/redirect").words
    assert sign_in(w, "sol").get(f"/referrals/{rid}/redirect").status == 403


def test_a_team_lead_hands_it_to_another_link_worker_of_the_team(w: World) -> None:
    rid = w.sent()
    sam = w.actor["sam"].membership_id
    tess = sign_in(w, "tess")
    page = tess.get(f"/referrals/{rid}/reassign")
    assert "Sam Okafor" in page.words
    assert "Olu Fen" not in page.words
    tess.send(page, link_worker_id=sam, note="Priya is on leave.")
    assert "Sam Okafor, Ash Lane practice" in shown(w, "tess", rid)
    assert "Priya is on leave." in sign_in(w, "sam").get(f"/referrals/{rid}/history").words
    assert "Priya is on leave." not in sign_in(w, "sol").get(f"/referrals/{rid}/history").words


def test_recorded_in_error_takes_two_people(w: World) -> None:
    rid = w.sent()
    page = sign_in(w, "priya").fill(f"/referrals/{rid}/mark-in-error", reason="duplicate")
    assert "Nothing has changed yet" in page.banner
    assert "Waiting for provider" in page.words
    proposal = proposal_of(sign_in(w, "tess"))
    alone = sign_in(w, "priya").get(f"/confirmations/{proposal}")
    assert "You proposed this" in alone.words
    assert alone.text.count('name="do"') == 0
    page = sign_in(w, "tess").fill(f"/confirmations/{proposal}", do="yes")
    assert "Recorded in error" in page.words
    assert "confirmed by Tess Lead" in page.words


def test_the_second_person_may_say_no(w: World) -> None:
    rid = w.sent()
    sign_in(w, "priya").fill(f"/referrals/{rid}/mark-in-error", reason="duplicate")
    proposal = proposal_of(sign_in(w, "sam"))
    page = sign_in(w, "sam").fill(f"/confirmations/{proposal}", do="no")
    assert "Nothing has changed" in page.banner
    assert "Waiting for provider" in page.words


def test_whoever_proposed_cannot_confirm_by_posting(w: World) -> None:
    rid = w.sent()
    priya = sign_in(w, "priya")
    priya.fill(f"/referrals/{rid}/mark-in-error", reason="duplicate")
    proposal = proposal_of(priya)
    page = priya.post(f"/confirmations/{proposal}", {"do": "yes"})
    assert page.status == 409
    assert "Waiting for provider" in shown(w, "priya", rid)


def test_a_proposal_is_not_there_for_another_team(w: World) -> None:
    rid = w.sent()
    sign_in(w, "priya").fill(f"/referrals/{rid}/mark-in-error", reason="duplicate")
    proposal = proposal_of(sign_in(w, "sam"))
    assert sign_in(w, "olu").get(f"/confirmations/{proposal}").status == 404
    assert sign_in(w, "sol").get(f"/confirmations/{proposal}").status == 403


def proposal_of(visitor: Visitor) -> str:
    found = re.search(r"/confirmations/([0-9a-f-]{36})", visitor.get("/confirmations").text)
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        ("withdraw", {"reason": "person_asked"}),
        ("recall", {"reason": "better_fit"}),
    ],
)
def test_plain_moves_are_made_from_their_forms(
    w: World, trigger: str, said: dict[str, str]
) -> None:
    rid = w.sent()
    priya = sign_in(w, "priya")
    assert priya.fill(f"/referrals/{rid}/{trigger}").status == 422
    page = priya.fill(f"/referrals/{rid}/{trigger}", **said)
    assert page.path == f"/referrals/{rid}"
    assert "Waiting for provider" not in page.words


def test_a_break_is_agreed_and_ended(w: World) -> None:
    rid = w.active()
    priya = sign_in(w, "priya")
    page = priya.fill(
        f"/referrals/{rid}/pause",
        paused_until__day="1",
        paused_until__month="June",
        paused_until__year="2026",
    )
    assert "Until Monday 1 June 2026." in page.words
    assert "Taking part" in priya.fill(f"/referrals/{rid}/resume").words


def test_a_gap_in_what_is_on_offer_is_closed_with_a_note_for_the_team_alone(w: World) -> None:
    rid = w.sent()
    w.referral(rid, "decline", "sol", given={"reason": "full"})
    page = sign_in(w, "priya").fill(
        f"/referrals/{rid}/close-unmet", reason="no_provider", note="Nothing on a Sunday."
    )
    assert "Closed" in page.words
    assert "Nothing on a Sunday." in page.words
    assert "Nothing on a Sunday." not in sign_in(w, "sol").get(f"/referrals/{rid}").words


def test_a_draft_is_thrown_away(w: World) -> None:
    rid = w.draft()
    page = sign_in(w, "priya").fill(f"/referrals/{rid}/discard")
    assert "Recorded in error" in page.words


def test_no_page_asks_the_store_more_than_fifteen_times(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = w.person()
    rid, draft = w.active(person), w.draft()
    hold(w, person)
    gwen = sign_in(w, "gwen")
    concern = re.search(r"/concerns/[0-9a-f-]{36}", gwen.get("/concerns").text)
    assert concern
    asked = statements(monkeypatch)
    pages = [
        ("priya", f"/referrals/{rid}"),
        ("priya", f"/referrals/{rid}/history"),
        ("priya", f"/referrals/{draft}"),
        ("priya", f"/referrals/{draft}/write"),
        ("priya", f"/referrals/{draft}/write/activity"),
        ("priya", f"/referrals/{draft}/write/check"),
        ("priya", f"/people/{person}"),
        ("priya", "/people"),
        ("priya", f"/referrals/{rid}/concern"),
        ("sol", f"/referrals/{rid}"),
        ("grace", f"/referrals/{rid}"),
        ("gwen", concern[0]),
        ("gwen", f"{concern[0]}/acknowledge"),
    ]
    for who, path in pages:
        visitor = sign_in(w, who)
        asked.clear()
        assert visitor.get(path).status == 200
        assert len(asked) <= 15, f"{who} {path}: {len(asked)}"


def test_what_came_back_from_a_provider_is_not_said_to_be_sent(w: World) -> None:
    rid = w.sent()
    assert "Step 2 of 6: Sent to provider" in shown(w, "priya", rid)
    w.referral(rid, "decline", "sol", given={"reason": "full"})
    after = shown(w, "priya", rid)
    assert "Step 2 of 6: Back with link worker" in after
    assert "Sent to provider" not in after


@pytest.mark.parametrize("agreed", [True, False])
def test_the_practice_to_be_told_is_named_with_the_words_for_it(w: World, agreed: bool) -> None:
    person = w.person(practice="Ash Lane", given_name="Ann", family_name="Petrie")
    w.consent(person, "practice", purpose=Purpose.TELL_PRACTICE, agreed=agreed)
    with w.store.begin() as tx:
        change(
            tx, "organisation", w.org["ash"], {"name": "Ash Lane", "kind": "practice",
                                               "phone": "+441632960555"}
        )  # fmt: skip
    record = w.active(person)
    w.referral(record, "complete", "sol", given=OUTCOME)
    sweep(w)
    priya = sign_in(w, "priya")
    page = priya.get(f"/referrals/{record}")
    for words in ("For the practice", "What comes next: ", "Ann Petrie, born"):
        assert (words in page.words) is agreed, words
    assert (f'href="/referrals/{record}#practice"' in priya.get("/").text) is agreed
    if agreed:
        told = page.words.partition("For the practice")[2]
        for words in ("Ash Lane", "01632 960555", OUTCOME["summary"]):
            assert words in told, words
        assert "Ash Lane, 01632 960555" in priya.get("/").words
        assert "For the practice" not in sign_in(w, "sol").get(f"/referrals/{record}").words
