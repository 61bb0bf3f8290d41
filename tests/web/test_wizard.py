"""Making a referral, page by page, as a link worker does."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from referral import records
from referral.keys import key_of
from referral.schema import PLAIN_KEY
from referral.states import Purpose
from referral.store import Sql, Store
from tests.web.client import Page, Visitor, sign_in
from tests.web.pages import HOSTILE
from tests.world import World, build
from web.edge import Edge
from web.worker import sweep_all
from workflows.activities import save_activity, save_group

NUMBER = "999 000 0018"


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


@pytest.fixture
def priya(w: World) -> Visitor:
    return sign_in(w, "priya")


def begun(visitor: Visitor, **names: Any) -> Page:
    """A person nobody knew, found by no number: the second page."""
    page = visitor.fill("/referrals/new", find="nhs", nhs_number=NUMBER)
    return visitor.send(
        page,
        **{
            "given_name": "Margaret",
            "family_name": "Okoro",
            "birth_date__day": "15",
            "birth_date__month": "March",
            "birth_date__year": "1951",
            **names,
        },
    )


def walked(w: World, visitor: Visitor, **said: Any) -> Page:
    """All the pages up to the last, for somebody new."""
    page = begun(visitor)
    page = visitor.send(page, phone="07700 900982", practice="Ash Lane practice")
    page = visitor.send(page, contact_method="phone", message_safe="yes")
    page = visitor.send(page, what_matters=said.get("matters", "To sing again"), goal_1="Join in")
    page = visitor.send(page, needs=["company"])
    page = visitor.send(page, access_needs=said.get("access", ""))
    page = visitor.send(page, risks=said.get("risks", "none"))
    page = visitor.send(page, group_id=w.group["choir"])
    answers = {"share": "yes", "practice": "yes", "basis": "agreement", "how": "in_person"}
    return visitor.send(page, **{**answers, **said.get("consent", {})})


def writing_id(page: Page) -> str:
    found = re.search(r"/referrals/([0-9a-f-]{36})", page.path)
    assert found
    return found[1]


def test_a_new_person_is_referred_in_eleven_pages_and_the_referrer_is_told_until_when(
    w: World, priya: Visitor
) -> None:
    page = walked(w, priya)
    assert page.path.endswith("/write/check")
    sent = priya.send(page)
    assert sent.banner.startswith("Sent to Riverside Singers, reference SG-")
    assert "until Tuesday 19 May to reply" in sent.banner
    assert "Waiting for provider" in sent.words
    assert "With Riverside Singers now" in sent.words


def test_a_person_who_is_here_already_is_not_added_twice(w: World, priya: Visitor) -> None:
    w.person(nhs_number="9990000018", no_nhs_number=None, family_name="Okoro")
    page = priya.fill("/referrals/new", find="nhs", nhs_number=NUMBER)
    assert "We found someone who may be the same person" in page.words
    person = re.search(r'type="radio" value="([0-9a-f-]{36})"', page.text)
    assert person
    page = priya.send(page, same=person[1])
    assert page.path.endswith("/write/right")
    assert "07700 900 982" in page.words
    assert count(w, "SELECT count(*) FROM person") == 1


def test_the_same_name_and_birth_date_is_asked_about_and_two_people_can_be_meant(
    w: World, priya: Visitor
) -> None:
    w.person(family_name="Okoro")
    asked = priya.fill("/referrals/new", **BY_NAME)
    assert "Is it the same person?" in asked.words
    nothing = priya.send(asked)
    assert nothing.status == 422
    assert "Choose whether this is the same person" in nothing.words
    unsaid = priya.send(asked, same="different")
    assert unsaid.status == 422
    assert "Choose how you know that they are two people" in unsaid.words
    assert count(w, "SELECT count(*) FROM person") == 1
    page = priya.send(unsaid, how_known="met")
    assert page.path.endswith("/write/details")
    assert count(w, "SELECT count(*) FROM person") == 2
    assert count(w, "SELECT count(*) FROM outbox WHERE what = 'maybe_the_same_person'") == 0


BY_NAME: dict[str, Any] = {
    "find": "name",
    "given_name": "Margaret",
    "family_name": "Okoro",
    "birth_date__day": "15",
    "birth_date__month": "3",
    "birth_date__year": "1951",
    "no_nhs_number": "not_known",
}


def test_a_name_spelt_another_way_or_a_day_written_wrong_is_asked_about_and_a_stranger_is_not(
    w: World, priya: Visitor
) -> None:
    w.person(family_name="Okoro")
    for other in (
        {"family_name": "Okora"},
        {"given_name": "Marg"},
        {"birth_date__day": "3", "birth_date__month": "12"},
    ):
        assert "Is it the same person?" in priya.fill("/referrals/new", **BY_NAME | other).words
    assert count(w, "SELECT count(*) FROM person") == 1
    stranger = BY_NAME | {"given_name": "Winston"}
    assert priya.fill("/referrals/new", **stranger).path.endswith("/write/details")
    elsewhen = BY_NAME | {"birth_date__day": "9", "birth_date__year": "1948"}
    assert priya.fill("/referrals/new", **elsewhen).path.endswith("/write/details")


def test_who_is_not_sure_goes_on_and_the_team_lead_is_asked_to_look(
    w: World, priya: Visitor
) -> None:
    w.person(family_name="Okoro")
    page = priya.send(priya.fill("/referrals/new", **BY_NAME), same="not_sure")
    assert page.path.endswith("/write/details")
    assert count(w, "SELECT count(*) FROM outbox WHERE what = 'maybe_the_same_person'") == 1
    sweep_all(Edge(w.store, lambda: w.at))
    told = "Somebody was added who may be here already."
    assert told in sign_in(w, "tess").get("/notices").words
    assert told not in sign_in(w, "sam").get("/notices").words
    assert told not in sign_in(w, "tom").get("/notices").words


def test_another_teams_person_is_not_shown(w: World) -> None:
    w.person(nhs_number="9990000018", no_nhs_number=None)
    page = sign_in(w, "olu").fill("/referrals/new", find="nhs", nhs_number=NUMBER)
    assert "Another team holds this person. Ask your lead." in page.words
    assert "Okoro" not in page.words


def test_a_wrong_number_is_said_and_kept(priya: Visitor) -> None:
    page = priya.fill("/referrals/new", find="nhs", nhs_number="999 000 0019")
    assert page.status == 422
    assert "at least one of its digits is not right" in page.words
    assert 'value="999 000 0019"' in page.text


def test_what_was_answered_before_an_activity_is_chosen_is_there_another_day(
    w: World, priya: Visitor
) -> None:
    page = begun(priya)
    rid = writing_id(page)
    priya.fill(f"/referrals/{rid}/write/safety", risks="some", safety_notes="Falls on stairs")
    priya.fill(f"/referrals/{rid}/write/matters", what_matters="To sing again", do="later")
    again = sign_in(w, "priya")
    assert "Go on with Margaret Okoro" in again.get("/referrals/new").words
    assert "Falls on stairs" in again.get(f"/referrals/{rid}/write/safety").text
    assert "To sing again" in again.get(f"/referrals/{rid}/write/matters").text
    sent = again.fill(f"/referrals/{rid}/write/activity", group_id=w.group["choir"])
    assert sent.path == f"/referrals/{rid}/write/consent"
    page = again.get(f"/referrals/{rid}/write/safety")
    assert "Falls on stairs" in page.text
    assert "Last changed by" not in page.words
    again.send(page, safety_notes="Falls on stairs and ice")
    page = again.get(f"/referrals/{rid}/write/safety")
    assert f"Last changed by {w.actor['priya'].name}, Ash Lane practice" in page.words


def test_what_one_began_is_not_found_by_a_colleague(w: World, priya: Visitor) -> None:
    rid = writing_id(begun(priya))
    assert sign_in(w, "sam").get(f"/referrals/{rid}/write").status == 404
    assert priya.get(f"/referrals/{rid}/write").status == 200


def test_saving_for_later_asks_for_nothing_and_going_on_does(w: World, priya: Visitor) -> None:
    rid = writing_id(begun(priya))
    for slug in ("contact", "matters", "needs", "safety"):
        path = f"/referrals/{rid}/write/{slug}"
        assert priya.fill(path).status == 422, slug
        assert priya.fill(path, do="later").path == f"/referrals/{rid}/write", slug


def test_pressing_send_too_soon_says_all_that_is_missing_with_a_way_to_each(
    w: World, priya: Visitor
) -> None:
    rid = w.draft(w.person(practice=None), risks="not_known")
    page = priya.fill(f"/referrals/{rid}/write/check")
    assert page.status == 409
    assert "There is a problem" in page.words
    for slug in ("consent", "details", "safety"):
        assert f'href="/referrals/{rid}/write/{slug}?then=check"' in page.text


def test_send_before_an_activity_is_chosen_leads_to_choosing_one(priya: Visitor) -> None:
    rid = writing_id(begun(priya))
    page = priya.fill(f"/referrals/{rid}/write/check")
    assert page.status == 409
    assert f'href="/referrals/{rid}/write/activity?then=check"' in page.text


def test_a_no_is_recorded_and_nothing_can_be_sent(w: World, priya: Visitor) -> None:
    said = {"share": "no", "practice": "no", "basis": "", "how": ""}
    page = walked(w, priya, consent=said)
    page = priya.get(f"/referrals/{writing_id(page)}/write/check")
    assert "Consent refused" in page.words
    assert priya.send(page).status == 409
    sealed = count(w, "SELECT count(*) FROM consent WHERE state = 'refused'")
    assert sealed == 2


def test_a_decision_for_somebody_needs_the_assessment_it_rests_on(w: World, priya: Visitor) -> None:
    rid = w.draft()
    said = {"share": "yes", "basis": "best_interests", "how": "in_person"}
    page = priya.fill(f"/referrals/{rid}/write/consent", **said)
    assert page.status == 422
    assert "Record the capacity assessment first." in page.words
    assert 'value="best_interests" checked' in re.sub(r"\s+", " ", page.text)
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT person_id FROM referral WHERE id = :id"), id=rid)
    assert row is not None
    made = w.assessment(row[0])
    page = priya.fill(f"/referrals/{rid}/write/consent", **said, capacity_id=made)
    assert page.path.endswith("/write/check") or page.path.endswith("/write/contact")
    assert count(w, "SELECT count(*) FROM consent WHERE capacity_id IS NOT NULL") == 1


def test_consent_in_force_is_not_asked_for_again(w: World, priya: Visitor) -> None:
    person = w.person()
    w.consent(person)
    page = priya.get(f"/referrals/{w.draft(person)}/write/consent")
    assert "You need not ask again" in page.words
    assert 'name="share"' not in page.text


def test_the_wording_is_shown_with_its_number_and_recorded_with_the_answer(
    w: World, priya: Visitor
) -> None:
    page = walked(w, priya)
    assert page.status == 200
    shown = priya.get(f"/people/{person_of(w)}").text
    consent = re.search(r"/consents/([0-9a-f-]{36})", shown)
    assert consent
    read = priya.get(f"/consents/{consent[1]}").words
    assert "We would like to" in read
    assert "Wording Version 1" in read


def person_of(w: World) -> str:
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT id FROM person"))
    assert row
    return str(row[0])


def test_a_provider_out_of_date_cannot_be_chosen_and_says_so(w: World, priya: Visitor) -> None:
    rid = w.draft(activity="pottery")
    w.later(days=800)
    priya = sign_in(w, "priya")
    page = priya.get(f"/referrals/{rid}/write/activity")
    assert "insurance, checks or training are not in date" in page.words
    tried = priya.fill(f"/referrals/{rid}/write/activity", group_id=w.group["choir"])
    assert tried.status == 422
    assert "this one cannot be chosen now" in tried.words


def test_activities_are_found_by_a_word(w: World, priya: Visitor) -> None:
    path = f"/referrals/{w.draft()}/write/activity"
    page = priya.get(f"{path}?words=pottery")
    assert "The pottery table" in page.words
    assert page.text.count('name="group_id"') == 1
    nothing = priya.get(f"{path}?words=trampoline")
    assert "No open activity has “trampoline” in it" in nothing.words


def test_further_activities_are_on_the_next_page(w: World, priya: Visitor) -> None:
    with w.store.begin(w.system) as tx:
        for number in range(24):
            activity = save_activity(
                tx,
                w.system,
                w.at,
                provider_id=w.provider["clay"],
                values={"name": f"Clay on day {number % 3}"},
            )
            save_group(
                tx, w.system, w.at, activity_id=activity, values={"name": "One", "capacity": 3}
            )
    path = f"/referrals/{w.draft()}/write/activity"
    first = priya.get(path)
    more = re.search(r'href="(\?after=[0-9a-f-]{36})"', first.text)
    assert more
    second = priya.get(path + more[1])
    choices = [set(re.findall(r'value="([0-9a-f-]{36})"', p.text)) for p in (first, second)]
    groups = {w.group["choir"], w.group["pottery"]}
    assert groups <= choices[0] | choices[1]
    assert second.text.count('name="group_id"') == 6
    assert priya.get(f"{path}?after=nothing").status == 404


def test_further_choices_are_ranked_and_can_be_taken_out(w: World, priya: Visitor) -> None:
    rid = w.draft()
    path = f"/referrals/{rid}/write/activity"
    page = priya.fill(path, group_id=w.group["pottery"], do="next")
    assert "Take out The pottery table" in page.words
    page = priya.send(page, form=0)
    assert "Take out The pottery table" not in page.words


def test_script_in_every_field_is_shown_as_text(w: World, priya: Visitor) -> None:
    page = begun(priya, given_name=HOSTILE, family_name=HOSTILE)
    rid = writing_id(page)
    for slug, said in {
        "details": {
            "phone": "07700 900982",
            "address": HOSTILE,
            "practice": HOSTILE,
            "emergency_contact": HOSTILE,
        },
        "contact": {"contact_method": "phone", "contact_times": HOSTILE, "language": HOSTILE},
        "matters": {"what_matters": HOSTILE, "goal_1": HOSTILE},
        "access": {"access_needs": HOSTILE},
        "safety": {"risks": "some", "safety_notes": HOSTILE},
    }.items():
        path = f"/referrals/{rid}/write/{slug}"
        assert priya.fill(path, **said).status == 200
        assert "<script>alert" not in priya.get(path).text
    priya.fill(f"/referrals/{rid}/write/activity", group_id=w.group["choir"])
    for path in (f"/referrals/{rid}/write", f"/referrals/{rid}/write/check", f"/referrals/{rid}"):
        shown = priya.get(path)
        assert shown.status == 200
        assert "<script>alert" not in shown.text
        assert "&lt;script&gt;" in shown.text


def test_what_was_typed_stays_on_every_error(w: World, priya: Visitor) -> None:
    rid = writing_id(begun(priya))
    page = priya.fill(
        f"/referrals/{rid}/write/details",
        phone="not a number",
        address="4 Quay Street",
        emergency_contact="Derek, 01632 960111",
    )
    assert page.status == 422
    for words in ("not a number", "4 Quay Street", "Derek, 01632 960111"):
        assert words in page.text


def test_an_ended_session_keeps_the_answers(w: World, priya: Visitor) -> None:
    rid = writing_id(begun(priya))
    page = priya.get(f"/referrals/{rid}/write/matters")
    w.later(hours=1)
    asked = priya.send(page, what_matters="To sing again, as I did")
    assert asked.status == 401
    assert "What you typed is kept" in asked.words


def test_a_draft_that_was_sent_leads_to_its_own_page(w: World, priya: Visitor) -> None:
    rid = w.sent()
    assert priya.get(f"/referrals/{rid}/write/check").path == f"/referrals/{rid}"


def test_somebody_elses_draft_is_not_for_writing(w: World) -> None:
    rid = w.draft()
    assert sign_in(w, "sam").get(f"/referrals/{rid}/write").path == f"/referrals/{rid}"
    assert sign_in(w, "olu").get(f"/referrals/{rid}/write").status == 404
    assert sign_in(w, "sol").get(f"/referrals/{rid}/write").status == 403


def test_throwing_away_what_was_begun_keeps_the_person(w: World, priya: Visitor) -> None:
    rid = writing_id(begun(priya))
    page = priya.fill(f"/referrals/{rid}/write/leave")
    assert page.path.startswith("/people/")
    assert priya.get(f"/referrals/{rid}/write").status == 404
    assert count(w, "SELECT count(*) FROM person") == 1


def test_the_same_press_twice_adds_one_person(w: World, priya: Visitor) -> None:
    page = priya.fill("/referrals/new", find="nhs", nhs_number=NUMBER)
    names = {
        "given_name": "Margaret",
        "family_name": "Okoro",
        "birth_date__day": "15",
        "birth_date__month": "3",
        "birth_date__year": "1951",
    }
    priya.send(page, **names)
    priya.send(page, **names)
    assert count(w, "SELECT count(*) FROM person") == 1


def test_the_safety_notes_are_not_in_the_store_in_the_clear_beside_their_key(
    w: World, priya: Visitor
) -> None:
    rid = writing_id(begun(priya))
    priya.fill(f"/referrals/{rid}/write/safety", risks="some", safety_notes="Falls")
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT answers FROM beginning"))
    assert row
    assert key_of(row[0]) not in (None, PLAIN_KEY)
    assert "Falls" not in row[0]


def test_telling_the_practice_is_its_own_answer(w: World, priya: Visitor) -> None:
    walked(w, priya, consent={"practice": "no"})
    with w.store.read() as tx:
        rows = tx.rows(Sql("SELECT purpose, state FROM consent ORDER BY purpose"))
    assert sorted(rows) == [
        (Purpose.SHARE_WITH_PROVIDER, "given"),
        (Purpose.TELL_PRACTICE, "refused"),
    ]


def test_keeping_in_touch_and_reports_are_asked_once_somebody_wants_to_each_on_its_own(
    w: World, priya: Visitor
) -> None:
    path = f"/referrals/{w.draft()}/write/consent"
    page = priya.get(path)
    assert "May we keep in touch with them?" not in page.words
    more = priya.send(page, again="more", share="yes")
    assert "May we keep in touch with them?" in more.words
    assert 'value="yes" checked' in more.text
    assert count(w, "SELECT count(*) FROM consent") == 0
    unsaid = priya.send(more, contact="yes", evaluation="no", basis="agreement", how="")
    assert unsaid.status == 422
    assert "May their answers be counted in reports?" in unsaid.words
    priya.send(unsaid, how="phone")
    with w.store.read() as tx:
        rows = tx.rows(Sql("SELECT purpose, recipient, state FROM consent"))
    assert sorted(rows) == [
        (Purpose.CONTACT, "team", "given"),
        (Purpose.EVALUATION, "team", "refused"),
        (Purpose.SHARE_WITH_PROVIDER, w.provider["singers"], "given"),
    ]
    again = priya.send(priya.get(path), again="more")
    assert "They agreed to this, until 12 May 2027: keep in touch." in again.words
    assert "May we keep in touch with them?" not in again.words


def count(w: World, query: str) -> int:
    with w.store.read() as tx:
        row = tx.row(Sql(query))
    assert row is not None
    return int(row[0])


# -- what the activity itself asks --------------------------------------------------------------

OXYGEN, FALLS = "Do you use oxygen?", "Any <b>falls</b> lately?"


@pytest.fixture
def asking(w: World) -> World:
    """The choir asks two questions of everybody."""
    with w.store.begin(w.actor["sol"]) as tx:
        save_activity(
            tx,
            w.actor["sol"],
            w.at,
            provider_id=w.provider["singers"],
            values={"safety_questions": [OXYGEN, FALLS]},
            activity_id=w.activity["choir"],
        )
    return w


def test_what_the_activity_asks_is_asked_with_consent_and_reaches_the_provider(
    asking: World,
) -> None:
    priya = sign_in(asking, "priya")
    page = walked(asking, priya)
    assert page.status == 422
    assert page.path.endswith("/write/consent")
    assert "What Singing for breathing asks" in page.words
    assert FALLS in page.words
    assert "<b>falls" not in page.text
    assert page.words.count("Write the answer. “Not known” is one.") >= 2
    page = priya.send(page, **{"asked-1": "Yes, at night", "asked-2": "No"})
    assert page.path.endswith("/write/check")
    assert f"{OXYGEN} Yes, at night {FALLS} No" in page.words
    assert "The answers to what the activity asks, too." in page.words
    sent = priya.send(page)
    record = writing_id(sent)
    seen = sign_in(asking, "sol").get(f"/referrals/{record}")
    assert f"{OXYGEN} Yes, at night" in seen.words
    assert "Okoro" not in seen.words


def test_an_activity_that_asks_nothing_costs_no_field_more(w: World, priya: Visitor) -> None:
    page = walked(w, priya, consent={"share": ""})
    assert page.path.endswith("/write/consent")
    assert "asked-1" not in page.text


def test_with_consent_in_force_the_questions_are_asked_all_the_same(asking: World) -> None:
    person = asking.consented()
    asking.consent(person, "practice", purpose=Purpose.TELL_PRACTICE)
    draft = asking.draft(person)
    priya = sign_in(asking, "priya")
    where = f"/referrals/{draft}/write/consent"
    assert "Not done yet" in priya.get(f"/referrals/{draft}/write").words
    page = priya.fill(where, asked__1="No", asked__2="x" * 300)
    assert page.status == 422
    assert "x" * 300 in page.text
    later = priya.fill(where, asked__1="No", do="later")
    assert later.path == f"/referrals/{draft}/write"
    page = priya.get(f"{where}?then=check")
    assert dict(page.forms[-1][1])["asked-1"] == "No"
    page = priya.send(page, asked__2="Not known")
    assert page.path.endswith("/write/check")
    assert f"{OXYGEN} No {FALLS} Not known" in page.words


def test_answers_to_one_activity_are_not_told_to_another(asking: World) -> None:
    priya = sign_in(asking, "priya")
    page = walked(asking, priya, consent={"asked-1": "Yes", "asked-2": "No"})
    record = writing_id(page)
    activity = f"/referrals/{record}/write/activity"
    priya.fill(activity, form=-1, group_id=asking.group["pottery"])
    assert count(asking, "SELECT count(*) FROM referral WHERE safety_answers IS NULL") == 1
    assert "oxygen" not in priya.get(f"/referrals/{record}/write/check").words


# -- which activity fits ------------------------------------------------------------------------


def offering(w: World, activity: str, **values: Any) -> None:
    with w.store.begin(w.system) as tx:
        provider = w.provider[{"choir": "singers", "pottery": "clay"}[activity]]
        save_activity(
            tx, w.system, w.at, provider_id=provider, values=values,
            activity_id=w.activity[activity],
        )  # fmt: skip


def test_the_best_fit_comes_first_with_its_reasons_and_what_to_check(
    w: World, priya: Visitor
) -> None:
    offering(w, "choir", description="Songs for everyone.", access_words="Up some steps")
    offering(
        w, "pottery", description="Time to make something together.", access_words="Step-free",
        confirmed_at=w.at - timedelta(days=4),
    )  # fmt: skip
    person = w.person(access_needs="Uses a wheelchair. Hard of hearing.")
    page = priya.get(f"/referrals/{w.draft(person)}/write/activity")
    assert page.words.index("The pottery table") < page.words.rindex("Singing for breathing")
    assert "Fits: company, step-free Check: nothing is said of: hearing loop" in page.words
    assert "8 places left, confirmed 4 days ago. Assured." in page.words
    assert "Check: nothing is said of: step-free, nothing is said of: hearing loop" in page.words


@pytest.mark.parametrize(
    ("wishes", "when", "check"),
    [
        ("Afternoons, please", "Mondays, 10am to midday", "starts at 10am, and Margaret prefers"),
        ("weekday mornings", "Tuesdays, 10.30 to 11.30am", ""),
        ("Not mornings", "Tuesdays, 11 to 1pm", "Margaret said no to mornings"),
        ("not in the mornings", "Fridays, 2pm", ""),
        ("mornings or evenings", "Fridays 14:00", "starts at 2pm, and Margaret prefers mornings"),
        ("any time, she is bored", "Fridays, 2pm", ""),
        ("afternoons", "Most days", ""),
    ],
)
def test_a_time_of_day_that_is_not_theirs_is_to_be_checked(
    asking: World, wishes: str, when: str, check: str
) -> None:
    offering(asking, "choir", when_words=when)
    person = asking.person(contact_times=wishes)
    page = sign_in(asking, "priya").get(f"/referrals/{asking.draft(person)}/write/activity")
    assert ("starts at" in page.words) is bool(check)
    assert check in page.words


def test_how_to_get_there_is_said_on_cards_and_sheet_and_met_with_what_they_need(
    w: World, priya: Visitor
) -> None:
    bus = "Bus 14 stops outside."
    offering(w, "choir", getting_there=bus)
    page = priya.get(f"/referrals/{w.draft(w.person(access_needs='Comes by bus'))}/write/activity")
    assert f"Getting there: {bus}" in page.words
    assert "a bus" in page.words.split("Fits:")[1][:40]
    assert "nothing is said of: a bus" in page.words  # of the other
    assert bus in priya.get(f"/activities/{w.activity['choir']}/sheet").words
    assert "Getting there" not in priya.get(f"/activities/{w.activity['pottery']}/sheet").words
    assert "1 activity" in priya.get("/activities?words=bus+14").words


def test_what_was_not_confirmed_for_a_month_says_so_and_ranks_lower(
    w: World, priya: Visitor
) -> None:
    path = f"/referrals/{w.draft()}/write/activity"
    offering(w, "choir", confirmed_at=w.at - timedelta(days=31))
    offering(w, "pottery", confirmed_at=w.at - timedelta(days=30), description="Sing together.")
    page = priya.get(path)
    assert page.words.index("The pottery table") < page.words.rindex("Singing for breathing")
    assert "8 places left. Not confirmed since 11 April" in page.words
    assert "8 places left, confirmed 30 days ago" in page.words


def test_a_poor_fit_is_shown_with_why(w: World, priya: Visitor) -> None:
    offering(w, "choir", maximum_age=25)
    page = priya.get(f"/referrals/{w.draft()}/write/activity")
    assert "1 more does not fit: show why" in page.words
    assert "It is for people of up to 25." in page.words
    offering(w, "choir", maximum_age=75)
    page = priya.get(f"/referrals/{w.draft()}/write/activity")
    assert "does not fit" not in page.words


def test_an_activity_they_are_with_already_cannot_be_chosen_and_says_why(
    w: World, priya: Visitor
) -> None:
    person = w.person()
    sent = w.sent(person)
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT reference FROM referral WHERE id = :id"), id=sent)
    assert row is not None
    path = f"/referrals/{w.draft(person, 'pottery')}/write/activity"
    page = priya.get(path)
    assert f"Cannot be chosen: their referral {row[0]} to it is still open." in page.words
    assert f'value="{w.group["choir"]}"' not in page.text
    tried = priya.fill(path, group_id=w.group["choir"])
    assert tried.status == 422
    assert "this one cannot be chosen now" in tried.words


def test_how_a_provider_usually_answers_is_of_the_own_team_and_of_enough_referrals(
    w: World, priya: Visitor
) -> None:
    sent = [w.sent() for _ in range(3)]
    path = f"/referrals/{w.draft()}/write/activity"
    w.later(days=1)
    w.referral(sent[0], "decline", "sol", given={"reason": "full"})
    w.referral(sent[1], "accept", "sol")
    assert "Usually replies" not in sign_in(w, "priya").get(path).words
    w.later(days=1)
    w.referral(sent[2], "ask", "sol", given={"note": "Which day?"})
    page = sign_in(w, "priya").get(path)
    assert "Usually replies to your team in 1 working day." in page.words
    w.referral(sent[2], "accept", "sol")
    page = sign_in(w, "priya").get(path)
    assert "in 1 working day, took 2 of the last 3." in page.words
    with w.store.read() as tx:
        told = {
            who: records.answered(tx, w.actor[who], w.provider.values()) for who in ("sam", "olu")
        }
    assert [len(told["sam"]), told["olu"]] == [3, []]


def test_what_is_looked_for_can_be_left_out_one_by_one(w: World, priya: Visitor) -> None:
    path = f"/referrals/{w.draft()}/write/activity"
    page = priya.get(f"{path}?words=trampoline&places=yes")
    assert 'href="?places=yes"' in page.text
    assert 'href="?words=trampoline"' in page.text
    assert "ask your place lead for help" in page.words
    assert "Your place lead is Grace Harbour, for Harbour." in page.words


def test_up_to_three_activities_are_compared(w: World, priya: Visitor) -> None:
    rid = w.draft()
    path = f"/referrals/{rid}/write/activity"
    one = priya.get(f"{path}?compare={w.group['choir']}")
    assert "Choose one or two more to compare it with." in one.words
    both = priya.get(f"{path}?compare={w.group['choir']}&compare={w.group['pottery']}")
    assert "Compare these 2" in both.words
    href = re.search(r'href="(/referrals/[^"]*/compare[?][^"]*)"', both.text)
    assert href
    table = priya.get(href[1].replace("&amp;", "&"))
    assert table.status == 200
    assert "Singing for breathing The pottery table" in table.words
    again = f'/write/activity?compare={w.group["choir"]}&amp;compare={w.group["pottery"]}"'
    assert again in table.text
    chosen = priya.send(table, group_id=w.group["pottery"])
    assert "The pottery table" in priya.get(f"/referrals/{rid}").words
    assert chosen.path.startswith(f"/referrals/{rid}/write/")
    assert priya.get(f"/referrals/{rid}/write/compare?group=nothing").status == 404


def test_a_sheet_for_somebody_says_whom_to_ring_and_nothing_about_anybody(
    w: World, priya: Visitor
) -> None:
    offering(w, "choir", when_words="Thursdays, 2pm", description=HOSTILE)
    page = priya.get(f"/activities/{w.activity['choir']}/sheet")
    assert "Thursdays, 2pm" in page.words
    assert "Ring Priya Shah: 01632 960123." in page.words
    assert "<script>alert" not in page.text
    unsure = "Ask us before you go: days, times or cost may have changed."
    assert unsure in page.words
    offering(w, "choir", confirmed_at=w.at)
    assert unsure not in priya.get(f"/activities/{w.activity['choir']}/sheet").words
    assert priya.get(f"/activities/{w.provider['singers']}/sheet").status == 404


def test_activities_are_found_without_anybody_in_mind(w: World, priya: Visitor) -> None:
    offering(w, "pottery", confirmed_at=w.at, description="Time to make something.")
    page = priya.get("/activities")
    assert "aria-current" in page.text
    assert "2 activities" in page.words
    assert page.words.index("The pottery table") < page.words.index("Singing for breathing")
    more_than_none = priya.get("/activities?words=breathing")
    assert "1 activity" in more_than_none.words
    none = priya.get("/activities?words=trampoline&places=yes")
    assert "Your place lead is Grace Harbour, for Harbour." in none.words
    assert "Your place lead" not in more_than_none.words
    assert "No open activity has “trampoline” in it" in none.words
    assert 'href="?places=yes"' in none.text
    assert 'href="/activities/ask?words=trampoline"' in none.text
    assert "Does none of them fit?" in more_than_none.words
    assert "Does none of them fit?" not in none.words
    more = priya.get(f"/activities?after={w.group['pottery']}")
    assert "Singing for breathing" in more.words
    assert "The pottery table" not in more.words


def test_the_place_lead_is_asked_where_nothing_is_found(w: World, priya: Visitor) -> None:
    page = priya.get("/activities/ask?words=trampoline")
    assert "It goes to: Governance lead, Harbour." in page.words
    assert "We looked for: trampoline." in page.text
    assert "Write what you look for." in priya.send(page, note="").words
    asked = priya.send(page, follow=True, note="Trampolining for somebody of 70, near a bus.")
    assert "Governance lead, Harbour has until" in asked.banner
    grace = sign_in(w, "grace")
    assert "Not enough places" in grace.get("/").words
    review = grace.get(asked.path)
    assert "Trampolining for somebody of 70" in review.words
    assert "Nothing on record" in review.words
    assert sign_in(w, "sol").get("/activities/ask").status == 403


def test_who_asks_from_a_referral_comes_back_to_it(w: World, priya: Visitor) -> None:
    rid = w.draft()
    page = priya.get(f"/referrals/{rid}/write/activity")
    assert "Does none of them fit?" in page.words
    asked = priya.get(f"/activities/ask?writing={rid}")
    assert f'href="/referrals/{rid}/write/activity"' in asked.text
    assert 'href="/activities"' in priya.get("/activities/ask").text
    assert priya.get("/activities/ask?writing=//elsewhere.example").status == 404


def test_what_says_who_somebody_is_is_asked_for_by_its_name(w: World, priya: Visitor) -> None:
    rid = w.draft(w.person(practice=None, no_nhs_number="not_said"))
    page = priya.get(f"/referrals/{rid}/write/check")
    assert "Still missing: their GP practice, or that they have none." in page.words
    assert "NHS number They would rather not say" in page.words
    whole = priya.get(f"/referrals/{w.draft()}/write/check")
    assert "Still missing" not in whole.words


def test_two_activities_are_compared_without_anybody_in_mind(w: World, priya: Visitor) -> None:
    one = priya.get(f"/activities?compare={w.group['choir']}")
    assert "Choose one or two more to compare it with." in one.words
    assert 'href="?"' in one.text
    # A further search forgets none of them.
    assert f'<input type="hidden" name="compare" value="{w.group["choir"]}">' in one.text
    both = priya.get(f"/activities?compare={w.group['choir']}&compare={w.group['pottery']}")
    href = re.search(r'href="(/activities/compare[?][^"]*)"', both.text)
    assert href
    table = priya.get(href[1].replace("&amp;", "&"))
    assert "Singing for breathing The pottery table" in table.words
    assert "Fits" not in table.words
    assert "Places" in table.words
    none = priya.get(f"/activities/compare?group={w.provider['singers']}")
    assert "Nothing is chosen to compare." in none.words
    assert priya.get("/activities/compare?group=nothing").status == 404


# -- asking less --------------------------------------------------------------------------------


def test_what_was_said_the_last_time_stands_there_and_can_be_changed(
    w: World, priya: Visitor
) -> None:
    person = w.person()
    w.sent(person)
    page = priya.get(f"/people/{person}")
    page = priya.send(page, form=[a for a, _ in page.forms].index(f"/people/{person}/refer"))
    page = priya.send(page, risks="none")
    assert page.path.endswith("/write/matters")
    assert "Singing again" in page.text
    page = priya.send(page)
    assert page.path.endswith("/write/needs")
    assert 'value="company" checked' in re.sub(r"\s+", " ", page.text)


def test_a_goal_is_added_when_there_is_one(w: World, priya: Visitor) -> None:
    rid = writing_id(begun(priya))
    page = priya.get(f"/referrals/{rid}/write/matters")
    assert 'name="goal_2"' not in page.text
    for number in (1, 2):
        page = priya.send(page, **{f"goal_{number}": f"Goal of theirs {number}"}, do="goal")
        assert page.path.endswith("/write/matters")
        assert f'name="goal_{number + 1}"' in page.text
    assert "Add another goal" not in page.words
    page = priya.send(page, what_matters="To sing", goal_3="And a third")
    assert page.path.endswith("/write/needs")
    kept = priya.get(f"/referrals/{rid}/write/matters").text
    assert "Goal of theirs 2" in kept
    assert "And a third" in kept


def test_the_practice_one_works_in_stands_there_and_another_can_be_named(
    w: World, priya: Visitor
) -> None:
    page = begun(priya)
    assert dict(page.forms[-1][1])["registered"] == "here"
    wrong = priya.send(page, registered="elsewhere")
    assert "Enter the name of their GP practice" in wrong.words
    page = priya.send(wrong, registered="elsewhere", practice="Shore Surgery")
    assert "Shore Surgery" in priya.get(f"/referrals/{writing_id(page)}/write/check").words


@pytest.mark.parametrize(
    ("method", "field", "what", "fitting"),
    [
        ("phone", "phone", "phone number", "07700 900982"),
        ("text", "phone", "phone number", "07700 900982"),
        ("email", "email", "email address", "m@example.org"),
        ("letter", "address", "address", "4 Quay Street"),
    ],
)
def test_a_way_to_contact_them_needs_what_it_goes_to(
    w: World, priya: Visitor, method: str, field: str, what: str, fitting: str
) -> None:
    path = f"/referrals/{writing_id(begun(priya))}/write/contact"
    assert f'name="{field}"' not in priya.get(path).text
    wrong = priya.fill(path, contact_method=method)
    assert wrong.status == 422
    assert f"Enter their {what}, or choose another way to contact them." in wrong.words
    assert f'href="#{field}"' in wrong.text
    page = priya.send(wrong, **{field: fitting})
    assert page.path.endswith("/write/matters")


def test_the_way_to_contact_them_may_be_left_open_for_later_and_is_come_back_to(
    w: World, priya: Visitor
) -> None:
    rid = writing_id(begun(priya))
    path = f"/referrals/{rid}/write/contact"
    page = priya.fill(path, contact_method="email", do="later")
    assert page.path.endswith("/write")
    page = priya.fill(f"/referrals/{rid}/write/details", practice="Ash Lane practice")
    assert page.path == path
    page = priya.fill(
        path, contact_method="someone_else", through_name="Derek", through_phone="01632 960123"
    )
    assert page.path.endswith("/write/matters")


def test_what_is_known_of_somebody_says_messages_interpreter_and_a_way_that_leads_nowhere(
    w: World, priya: Visitor
) -> None:
    about = {"contact_method": "email", "email": None, "message_safe": False}
    person = w.person(language="Polish", interpreter=True, **about)
    page = priya.get(f"/people/{person}")
    page = priya.send(page, form=[a for a, _ in page.forms].index(f"/people/{person}/refer"))
    assert page.path.endswith("/write/right")
    assert "Do not leave a message" in page.words
    assert "Polish. Interpreter: Needed" in page.words
    wrong = priya.send(page, risks="none")
    assert "Enter their email address, or choose another way to contact them." in wrong.words
    priya.fill(f"/people/{person}/change", email="m@example.org")
    right = priya.fill(page.path, risks="none")
    assert right.path.endswith("/write/matters")


def test_another_language_is_asked_for_where_it_is_not_english(w: World, priya: Visitor) -> None:
    rid = writing_id(priya.send(begun(priya), phone="07700 900982"))
    path = f"/referrals/{rid}/write/contact"
    page = priya.fill(path, contact_method="phone", speaks="other", language="")
    assert "Write which language it is." in page.words
    page = priya.send(page, speaks="other", language="Polish", interpreter="yes")
    assert page.path.endswith("/write/matters")
    assert 'value="Polish"' in priya.get(path).text
    priya.fill(path, speaks="english")
    assert 'value="Polish"' not in priya.get(path).text


@pytest.mark.parametrize("before", ["some", "none"])
def test_safety_notes_of_before_are_confirmed_and_that_there_were_none_is_asked_anew(
    w: World, priya: Visitor, before: str
) -> None:
    person = w.person()
    w.sent(person, risks=before, safety_notes="Falls on stairs" if before == "some" else None)
    page = priya.get(f"/people/{person}")
    page = priya.send(page, form=[a for a, _ in page.forms].index(f"/people/{person}/refer"))
    assert ("Falls on stairs" in page.text) is (before == "some")
    page = priya.send(page)
    assert page.path.endswith("/write/matters" if before == "some" else "/write/right")
