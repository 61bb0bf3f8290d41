"""An escalation from the form to its end, as pages."""

from __future__ import annotations

from typing import Any

import pytest

from referral.rows import change
from referral.states import Noun
from referral.store import Sql, Store
from tests.web.client import Page, sign_in
from tests.world import World, build
from workflows.escalations import raise_escalation
from workflows.own_asking import is_about_worker

ESCALATION = Sql("SELECT id, state, kind FROM escalation ORDER BY created_at, id")
REFERRAL = Sql("SELECT state, link_worker_id FROM referral WHERE id = :id")
DONE = Sql("SELECT id, state FROM consequence ORDER BY position")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def rows(w: World, sql: Sql, **more: Any) -> list[tuple[Any, ...]]:
    with w.store.read() as tx:
        return tx.rows(sql, **more)


def raised(w: World, record: str, who: str = "priya", **values: Any) -> str:
    with w.store.begin(w.actor[who]) as tx:
        return raise_escalation(
            tx,
            w.actor[who],
            w.at,
            {
                "kind": "disagreement",
                "about": "referral",
                "about_id": record,
                "note": "We do not agree",
                **values,
            },
        ).id


def reviewed(w: World, record: str, **values: Any) -> str:
    matter = raised(w, record, **values)
    w.step(Noun.ESCALATION, matter, "acknowledge", "tess")
    return matter


def decide(w: World, matter: str, who: str = "tess", **answers: Any) -> Page:
    visitor = sign_in(w, who)
    page = visitor.fill(f"/escalations/{matter}/decide", **answers)
    assert "What this will do" in page.words, page.words
    return visitor.send(page, sure="yes")


def test_before_it_is_decided_the_page_names_everybody_who_will_hear_of_it(w: World) -> None:
    record = w.sent()
    matter = reviewed(w, record)
    recall = f"recall-{record}"
    given = {"decision": "uphold", "note": "Take it back.", "do": [recall]}
    tess = sign_in(w, "tess")
    page = tess.fill(f"/escalations/{matter}/decide", **given, **{f"{recall}--reason": "other"})
    assert "Told what was decided: Priya Shah, Ash Lane practice" in page.words
    assert "Told of it: Activity leader, Riverside Singers; Priya Shah" in page.words
    assert rows(w, ESCALATION)[0][1] == "in_review"
    page = tess.fill(f"/escalations/{matter}/decide", decision="uphold", note="It stays.")
    assert "Told of it" not in page.words


def test_link_worker_escalates_and_learns_who_has_it(w: World) -> None:
    record = w.sent()
    priya = sign_in(w, "priya")
    page = priya.get(f"/referrals/{record}/escalate")
    assert "Team lead, Ash Lane practice" in page.words
    page = priya.send(
        page, kind="no_reply", tried=["rang", "waited"], note="They never answer", severity="low"
    )
    assert "Thursday 14 May" in page.banner
    assert "Rang the other side" in page.words
    assert [r[1:] for r in rows(w, ESCALATION)] == [("raised", "no_reply")]


def test_what_was_typed_stays_when_something_is_missing(w: World) -> None:
    record = w.sent()
    page = sign_in(w, "priya").fill(
        f"/referrals/{record}/escalate", kind="", note="They never answer", tried=["waited"]
    )
    assert page.status == 422
    assert "They never answer" in page.text
    assert rows(w, ESCALATION) == []


def test_who_does_not_see_the_referral_cannot_escalate_it(w: World) -> None:
    record = w.sent()
    assert sign_in(w, "kit").get(f"/referrals/{record}/escalate").status == 404
    assert sign_in(w, "olu").get(f"/referrals/{record}/escalate").status == 404
    assert sign_in(w, "ada").get(f"/referrals/{record}/escalate").status == 403


def test_a_reviewer_takes_it_and_another_team_does_not_find_it(w: World) -> None:
    matter = raised(w, w.sent())
    page = sign_in(w, "tess").get(f"/escalations/{matter}")
    assert "With Team lead, Ash Lane practice now" in page.words
    page = sign_in(w, "tess").fill(f"/escalations/{matter}/acknowledge")
    assert "It is yours now." in page.banner
    assert "With Tess Lead, Ash Lane practice now" in page.words
    assert rows(w, ESCALATION)[0][1] == "in_review"
    for who in ("tom", "olu", "kit", "fred"):
        assert sign_in(w, who).get(f"/escalations/{matter}").status == 404
    with w.store.begin() as tx:
        change(tx, "membership", w.actor["tess"].membership_id, {"ended_at": w.at})
    page = sign_in(w, "priya").get(f"/escalations/{matter}")
    assert "With Team lead, Ash Lane practice now" in page.words, "who took it has left"


def test_who_raised_it_does_not_review_it(w: World) -> None:
    matter = raised(w, w.sent())
    page = sign_in(w, "priya").get(f"/escalations/{matter}/acknowledge")
    assert page.forms == []
    page = sign_in(w, "priya").get(f"/escalations/{matter}")
    assert f"/escalations/{matter}/withdraw" in page.text
    assert f"/escalations/{matter}/acknowledge" not in page.text


def test_a_question_goes_to_the_provider_and_comes_back(w: World) -> None:
    matter = reviewed(w, w.sent())
    tess = sign_in(w, "tess")
    page = tess.get(f"/escalations/{matter}/ask")
    leader = f"provider_leader@{w.org['singers']}"
    assert "Riverside Singers" in page.words
    tess.send(page, asked=leader, note="Is there a place?")
    assert rows(w, ESCALATION)[0][1] == "information_requested"
    sign_in(w, "sol").fill(f"/escalations/{matter}/answer", note="There is one")
    assert rows(w, ESCALATION)[0][1] == "in_review"
    assert "There is one" in tess.get(f"/escalations/{matter}").words


def test_an_answer_between_two_is_not_for_who_raised_it(w: World) -> None:
    matter = reviewed(w, w.sent())
    w.step(
        Noun.ESCALATION,
        matter,
        "ask",
        "tess",
        given={"asked": f"provider_leader@{w.org['singers']}", "note": "Between us?"},
    )
    assert "Between us?" not in sign_in(w, "priya").get(f"/escalations/{matter}").words
    assert "Between us?" in sign_in(w, "sol").get(f"/escalations/{matter}").words


def test_what_was_decided_is_carried_out(w: World) -> None:
    record = w.sent()
    matter = reviewed(w, record)
    page = decide(
        w,
        matter,
        decision="uphold",
        note="Another try elsewhere",
        do=[f"recall-{record}"],
        **{f"recall-{record}--reason": "better_fit"},
    )
    assert "everything that follows has been done" in page.banner
    assert rows(w, REFERRAL, id=record)[0][0] == "returned"
    assert [r[1] for r in rows(w, DONE)] == ["done"]
    page = sign_in(w, "tess").fill(f"/escalations/{matter}/complete")
    assert "The review is closed." in page.banner
    assert rows(w, ESCALATION)[0][1] == "closed"


def test_a_decision_has_its_conditions_apart_from_its_reason(w: World) -> None:
    record = w.sent()
    matter, plain = reviewed(w, record), reviewed(w, w.sent())
    tess = sign_in(w, "tess")
    page = tess.get(f"/escalations/{matter}/decide")
    recall = page.words.partition("Recall")[2] or page.words.partition("Take back")[2]
    assert "Told of it: the provider and the link worker." in recall, "its effect stands with it"
    given = {"decision": "uphold", "note": "Nobody answered."}
    preview = tess.fill(f"/escalations/{matter}/decide", **given, conditions="Ring each Monday.")
    assert "Conditions Ring each Monday." in preview.words
    decide(w, matter, **given, conditions="Ring each Monday.")
    decide(w, plain, **given)
    for who in ("tess", "priya"):
        page = sign_in(w, who).get(f"/escalations/{matter}")
        assert "Conditions Ring each Monday." in page.words, who
        assert "Conditions: Ring each Monday." in page.words, who
        assert "Conditions" not in sign_in(w, who).get(f"/escalations/{plain}").words, who


def test_who_has_to_keep_to_the_conditions_reads_them_where_they_work(w: World) -> None:
    record = w.sent()
    matter, plain = reviewed(w, record), reviewed(w, w.sent())
    singers = rows(
        w,
        Sql("SELECT CAST(id AS text) FROM assurance WHERE organisation_id = :org"),
        org=w.org["singers"],
    )[0][0]
    recall, suspend = f"recall-{record}", f"suspend-{singers}"
    said = {"decision": "uphold", "note": "Nobody answered.", f"{recall}--reason": "other"}
    ways = sign_in(w, "tess").get(f"/escalations/{matter}/decide")
    assert "So does the link worker's team, or the provider, of each thing" in ways.words
    decide(w, matter, **said, conditions="Ring each Monday.", do=[recall])
    reference = rows(w, Sql("SELECT reference FROM escalation WHERE id = :id"), id=matter)[0][0]
    kept = f"{reference}: Ring each Monday."
    for who in ("priya", "sam"):
        assert kept in sign_in(w, who).get(f"/referrals/{record}").words, who
    assert kept not in sign_in(w, "sol").get(f"/referrals/{record}/history").words, "not theirs"
    given = {"decision": "uphold", "note": "It is.", f"{suspend}--reason": "quality"}
    decide(w, plain, **given, conditions="Answer calls.", do=[suspend])
    for who in ("sol", "grace"):
        assert "Answer calls." in sign_in(w, who).get(f"/assurance/{singers}").words, who
    assert "Nobody answered." not in sign_in(w, "sam").get(f"/referrals/{record}").words


def test_a_consequence_asks_for_its_reason(w: World) -> None:
    record = w.sent()
    matter = reviewed(w, record)
    page = sign_in(w, "tess").fill(
        f"/escalations/{matter}/decide",
        decision="uphold",
        note="Another try",
        do=[f"recall-{record}"],
    )
    assert page.status == 422
    assert "Choose a reason." in page.words
    assert "Another try" in page.text
    assert rows(w, ESCALATION)[0][1] == "in_review"


def test_a_consequence_for_another_record_is_not_taken(w: World) -> None:
    record, other = w.sent(), w.sent()
    matter = reviewed(w, record)
    tess = sign_in(w, "tess")
    page = tess.fill(
        f"/escalations/{matter}/decide",
        decision="uphold",
        note="x",
        do=[f"recall-{other}"],
        **{f"recall-{other}--reason": "other"},
    )
    assert page.status == 422
    assert "Choose again what is to happen." in page.words
    assert rows(w, DONE) == []
    assert rows(w, REFERRAL, id=other)[0][0] == "sent"


def test_nothing_happens_before_it_was_seen_what_will(w: World) -> None:
    record = w.sent()
    matter = reviewed(w, record)
    tess = sign_in(w, "tess")
    page = tess.fill(f"/escalations/{matter}/decide", decision="partly", note="Half of it")
    assert rows(w, ESCALATION)[0][1] == "in_review"
    page = tess.send(page, again="yes")
    assert "Half of it" in page.text
    assert rows(w, ESCALATION)[0][1] == "in_review"


def decided(w: World, record: str) -> tuple[str, str]:
    """A review that decided to take a referral back, and the path of that consequence."""
    matter = reviewed(w, record)
    given = {"reason": "other"}
    recall = {"noun": "referral", "record_id": record, "trigger": "recall", "given": given}
    w.step(
        Noun.ESCALATION,
        matter,
        "decide",
        "tess",
        given={"decision": "uphold", "note": "x", "consequences": [recall]},
    )
    return matter, f"/escalations/{matter}/consequences/{rows(w, DONE)[0][0]}"


def test_what_is_to_happen_is_chosen_again_when_somebody_was_quicker(w: World) -> None:
    record = w.sent()
    matter = reviewed(w, record)
    tess = sign_in(w, "tess")
    page = tess.fill(
        f"/escalations/{matter}/decide",
        decision="uphold",
        note="Back to us",
        do=[f"recall-{record}"],
        **{f"recall-{record}--reason": "other"},
    )
    w.referral(record, "decline", "sol", given={"reason": "full"})
    page = tess.send(page, sure="yes")
    assert page.status == 422
    assert "Choose again what is to happen." in page.words
    assert "Back to us" in page.text
    assert rows(w, ESCALATION)[0][1] == "in_review"


def test_what_could_not_be_done_is_tried_again_or_waived(w: World) -> None:
    record = w.sent()
    matter, path = decided(w, record)
    w.referral(record, "decline", "sol", given={"reason": "full"})
    tess = sign_in(w, "tess")
    page = tess.post(f"{path}/retry")
    assert "It could not be done." in page.banner
    assert "Could not be done" in page.words
    assert rows(w, DONE)[0][1] == "failed"
    assert tess.get(f"/escalations/{matter}/complete").forms == []
    assert tess.fill(f"{path}/waive").status == 422
    assert rows(w, DONE)[0][1] == "failed"
    tess.fill(f"{path}/waive", reason="done_otherwise")
    assert rows(w, DONE)[0][1] == "waived"
    tess.fill(f"/escalations/{matter}/complete")
    assert rows(w, ESCALATION)[0][1] == "closed"


def test_only_the_reviewer_settles(w: World) -> None:
    _matter, path = decided(w, w.sent())
    for who in ("priya", "grace", "kit"):
        assert sign_in(w, who).post(f"{path}/retry").status == 404
        assert sign_in(w, who).get(f"{path}/waive").status == 404
    assert rows(w, DONE)[0][1] == "pending"
    sign_in(w, "tess").post(f"{path}/retry")
    assert rows(w, DONE)[0][1] == "done"


def test_high_severity_takes_two_people(w: World) -> None:
    record = w.sent()
    matter = reviewed(w, record, severity="high")
    page = decide(
        w,
        matter,
        decision="uphold",
        note="At once",
        do=[f"recall-{record}"],
        review_on__day="1",
        review_on__month="6",
        review_on__year="2026",
        **{f"recall-{record}--reason": "other"},
    )
    assert "Proposed." in page.banner
    assert rows(w, ESCALATION)[0][1] == "in_review"
    grace = sign_in(w, "grace")
    page = grace.get(f"/escalations/{matter}")
    assert "Waits for a second person" in page.words
    link = page.text.split("/proposals/")[1].split('"')[0]
    path = f"/escalations/{matter}/proposals/{link}"
    assert sign_in(w, "tess").get(path).forms == []
    assert sign_in(w, "tom").get(path).status == 404
    grace.fill(path, agree="yes")
    assert rows(w, ESCALATION)[0][1] == "decided"
    assert rows(w, DONE)[0][1] == "pending"


def proposed(w: World, **answers: Any) -> tuple[str, str]:
    """A decision of high urgency that waits for a second person: its referral, and the path."""
    record = w.sent()
    matter = reviewed(w, record, severity="high")
    do = answers.pop("do")
    more = {f"{do}-{record}--{name}": code for name, code in answers.pop("given").items()}
    decide(w, matter, decision="uphold", note="At once", do=[f"{do}-{record}"], **answers, **more)
    link = sign_in(w, "grace").get(f"/escalations/{matter}").text.split("/proposals/")[1]
    return record, f"/escalations/{matter}/proposals/{link.split(chr(34))[0]}"


def test_the_second_person_sees_what_they_would_agree_to(w: World) -> None:
    again = {f"review_on__{part}": n for part, n in (("day", 1), ("month", 6), ("year", 2026))}
    record, path = proposed(w, do="recall", given={"reason": "better_fit"}, **again)
    grace = sign_in(w, "grace")
    page = grace.get(path)
    assert "Told what was decided: Priya Shah, Ash Lane practice" in page.words
    assert "Told of it: Activity leader, Riverside Singers; Priya Shah" in page.words
    assert "1 June" in page.words
    assert "cannot be done now" not in page.words
    w.referral(record, "decline", "sol", given={"reason": "full"})
    assert "cannot be done now" in grace.get(path).words


def test_a_decision_says_to_whom_a_referral_goes_before_it_is_made(w: World) -> None:
    taker = w.actor["sam"].membership_id
    _record, path = proposed(w, do="reassign", given={"link_worker_id": taker})
    page = sign_in(w, "grace").get(path)
    assert "(Sam Okafor, Ash Lane practice)" in page.words


def test_the_second_person_may_say_no(w: World) -> None:
    matter = reviewed(w, w.sent())
    decide(w, matter, decision="overturn", note="The other way")
    grace = sign_in(w, "grace")
    link = grace.get(f"/escalations/{matter}").text.split("/proposals/")[1].split('"')[0]
    page = grace.fill(f"/escalations/{matter}/proposals/{link}", agree="no")
    assert "Not confirmed." in page.banner
    assert rows(w, ESCALATION)[0][1] == "in_review"
    assert grace.get(f"/escalations/{matter}/proposals/{link}").status == 404


def test_the_raiser_disagrees_and_it_goes_up(w: World) -> None:
    matter = reviewed(w, w.sent())
    w.step(
        Noun.ESCALATION, matter, "decide", "tess", given={"decision": "not_upheld", "note": "No"}
    )
    sign_in(w, "tess").fill(f"/escalations/{matter}/complete")
    page = sign_in(w, "priya").fill(f"/escalations/{matter}/reopen", reason="disagree")
    assert rows(w, ESCALATION)[0][1] == "raised"
    assert "Governance lead, Harbour" in page.words


def test_the_list_holds_what_is_within_scope(w: World) -> None:
    matter = raised(w, w.sent())
    for who in ("priya", "tess", "grace"):
        assert f"/escalations/{matter}" in sign_in(w, who).get("/escalations").text
    for who in ("kit", "fred", "tom"):
        assert f"/escalations/{matter}" not in sign_in(w, who).get("/escalations").text


TOPIC = Sql("SELECT topic FROM escalation ORDER BY created_at, id")


def test_a_complaint_by_staff_says_whom_it_is_about_and_they_are_not_asked_first(w: World) -> None:
    record = w.sent()
    sol = sign_in(w, "sol")
    given = {"note": "She shouts at us.", "severity": "medium", "topic": "worker"}
    sol.fill(f"/referrals/{record}/escalate", kind="complaint", **given)
    assert rows(w, TOPIC) == [("worker",)]
    matter = rows(w, ESCALATION)[0][0]
    who = "tess" if sign_in(w, "tess").get(f"/escalations/{matter}").status == 200 else "grace"
    w.step(Noun.ESCALATION, matter, "acknowledge", who)
    reviewer = sign_in(w, who)
    assert "A complaint about The link worker" in reviewer.get(f"/escalations/{matter}").words
    page = reviewer.get(f"/escalations/{matter}/ask")
    assert w.actor["priya"].membership_id not in page.text
    assert w.actor["sol"].membership_id in page.text, "who complains may be asked"

    w.later(minutes=1)
    sol.fill(f"/referrals/{record}/escalate", kind="capacity", **given)
    assert rows(w, TOPIC) == [("worker",), (None,)], "only a complaint has a topic"


@pytest.mark.parametrize(
    ("topic", "words", "about"),
    [
        ("worker", "She was rude.", True),
        ("other", "About the link worker: she was rude.", False),
        (None, "About the link worker: she was rude.", True),
        (None, "The hall is cold.", False),
    ],
)
def test_an_old_complaint_tells_by_its_first_words_a_new_one_by_its_topic(
    topic: str | None, words: str, about: bool
) -> None:
    assert is_about_worker(topic, [words]) is about


READS = Sql("SELECT count(*) FROM audit WHERE action = 'read' AND noun = 'escalation'")


def test_reviewing_what_is_about_a_person_is_in_the_audit_log(w: World) -> None:
    matter = raised(w, w.sent())
    assert rows(w, READS) == [(0,)]
    sign_in(w, "tess").get(f"/escalations/{matter}")
    assert rows(w, READS) == [(1,)]


def test_a_consequence_that_asks_nothing_stands_beside_one_that_does(w: World) -> None:
    """A provider whose evidence ran out may be looked at anew, with no more to say."""
    matter = reviewed(w, w.sent())
    found = rows(w, Sql("SELECT CAST(id AS text), provider_id FROM assurance"))
    mine = next(one for one, provider in found if str(provider) == w.provider["singers"])
    w.step(Noun.ASSURANCE, mine, "suspend", "grace", given={"reason": "quality"})
    page = sign_in(w, "tess").get(f"/escalations/{matter}/decide")
    assert page.status == 200
    assert f'value="review-{mine}"' in page.text
    assert f"review-{mine}--" not in page.text
