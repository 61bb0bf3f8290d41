"""The people of a team, one person's page, and consent in and out."""

from __future__ import annotations

import re

import pytest

from referral.states import Noun, Purpose
from referral.store import Sql, Store
from tests.web.client import Visitor, sign_in
from tests.web.pages import HOSTILE
from tests.world import World, build


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


@pytest.fixture
def priya(w: World) -> Visitor:
    return sign_in(w, "priya")


def consent_of(visitor: Visitor, person: str) -> str:
    found = re.search(r"/consents/([0-9a-f-]{36})", visitor.get(f"/people/{person}").text)
    assert found
    return found[1]


# -- the list -----------------------------------------------------------------------------------


def test_the_list_has_the_teams_people_and_nobody_elses(w: World, priya: Visitor) -> None:
    w.person(family_name="Okoro")
    w.person("olu", family_name="Fenwick")
    words = priya.get("/people").words
    assert "Okoro" in words
    assert "Fenwick" not in words


def test_looking_for_a_name_leaves_no_name_in_the_address(w: World, priya: Visitor) -> None:
    w.person(family_name="Okoro")
    w.person(family_name="Ellis")
    page = priya.post("/people", {"words": "okor"})
    assert "1 person found" in page.words
    assert "Ellis" not in page.words
    assert page.response.request.query_string == b""
    nobody = priya.post("/people", {"words": HOSTILE})
    assert "<script>alert" not in nobody.text
    assert "Add this person with a referral" in nobody.words


def test_further_people_are_on_the_next_page_and_the_address_has_an_id(
    w: World, priya: Visitor
) -> None:
    for _ in range(27):
        w.person()
    page = priya.get("/people")
    more = re.search(r'href="(/people\?after=[0-9a-f-]{36})"', page.text)
    assert more
    rest = priya.get(more[1])
    assert rest.text.count('href="/people/') == 2
    assert priya.get("/people?after=Okoro").status == 404


def test_a_provider_has_no_list_of_people(w: World) -> None:
    assert sign_in(w, "sol").get("/people").status == 403


# -- one person ---------------------------------------------------------------------------------


def test_the_page_has_referrals_consent_contact_and_a_way_to_begin(
    w: World, priya: Visitor
) -> None:
    person = w.person(access_needs="Step-free")
    w.active(person)
    words = priya.get(f"/people/{person}").words
    for told in ("Singing for breathing", "Consent given", "Step-free", "Start a new referral"):
        assert told in words


def test_another_team_does_not_find_the_person_and_the_own_safeguarding_lead_does(
    w: World,
) -> None:
    person = w.person()
    for who in ("olu", "tom"):
        assert sign_in(w, who).get(f"/people/{person}").status == 404
    for who in ("gwen", "tess", "sam", "paul"):
        assert sign_in(w, who).get(f"/people/{person}").status == 200, who


def test_reading_a_person_is_noted_in_the_log(w: World, priya: Visitor) -> None:
    person = w.person()
    priya.get(f"/people/{person}")
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT count(*) FROM audit WHERE action = 'read' AND noun = 'person'"))
    assert row == (1,)


def test_details_are_changed_and_typed_answers_stay_on_an_error(w: World, priya: Visitor) -> None:
    person = w.person()
    path = f"/people/{person}/change"
    wrong = priya.fill(path, email="not an address", address="4 Quay Street")
    assert wrong.status == 422
    assert "not an address" in wrong.text
    assert "4 Quay Street" in wrong.text
    page = priya.fill(path, email="m@example.org")
    assert page.banner == "Saved. Whoever may see it sees it from now."
    assert "m@example.org" in page.words
    assert "15 March 1951" in page.words


def test_a_way_to_contact_them_is_not_kept_without_what_it_goes_to(
    w: World, priya: Visitor
) -> None:
    path = f"/people/{w.person(email=None)}/change"
    wrong = priya.fill(path, contact_method="email")
    assert wrong.status == 422
    assert "Enter their email address, or choose another way to contact them." in wrong.words
    assert 'href="#email"' in wrong.text
    assert priya.send(wrong, email="m@example.org").banner.startswith("Saved.")
    taken_out = priya.fill(path, email="")
    assert "Enter their email address" in taken_out.words


def test_whether_a_message_is_safe_stands_beside_the_number(w: World, priya: Visitor) -> None:
    person = w.person(message_safe=False, email="m@example.org", contact_method="email")
    number = "Phone 07700 900 982 Messages Do not leave a message"
    words = priya.get(f"/people/{person}").words
    assert words.count(number) == 2  # beside the name, and among the details
    assert number in priya.get(f"/referrals/{w.sent(person)}").words
    other = priya.get(f"/referrals/{w.sent(w.person(message_safe=False))}").words
    assert "07700 900 982 Messages Do not leave a message Reference" in other
    assert "leave a message" not in priya.get(f"/people/{w.person(message_safe=None)}").words


def test_the_numbers_of_a_person_ring_and_nobody_rings_who_died(w: World, priya: Visitor) -> None:
    person = w.person()
    rings = 'href="tel:+447700900982"'
    assert priya.get(f"/people/{person}").text.count(rings) == 2
    day = {"died_on__day": "4", "died_on__month": "5", "died_on__year": "2026"}
    priya.fill(f"/people/{person}/death", **day, said_by="Her daughter")
    after = priya.get(f"/people/{person}")
    assert "Phone 07700 900 982" in after.words
    assert rings not in after.text


def test_what_to_read_comes_after_what_to_do_next_and_before_the_rest(
    w: World, priya: Visitor
) -> None:
    person = w.person()
    rid = w.sent(person)
    words = priya.get(f"/people/{person}").words
    order = ("Start a new referral", "Contact and access", "Change their details", "call 999")
    assert sorted(order, key=words.index) == list(order)
    words = priya.get(f"/referrals/{rid}").words
    order = ("With Riverside Singers now", "About this referral", "Take back", "Hold", "call 999")
    assert sorted(order, key=words.index) == list(order)


def test_two_people_changing_at_once_collide_loudly(w: World, priya: Visitor) -> None:
    person = w.person()
    page = priya.get(f"/people/{person}/change")
    sign_in(w, "sam").fill(f"/people/{person}/change", address="4 Quay Street")
    late = priya.send(page, address="9 Hill Road")
    assert late.status == 409
    assert "9 Hill Road" in late.text
    assert "4 Quay Street" in priya.get(f"/people/{person}").words


def test_script_in_every_field_is_shown_as_text(w: World, priya: Visitor) -> None:
    person = w.person()
    for name in ("given_name", "family_name", "practice", "address", "contact_times", "language",
                 "access_needs", "emergency_contact"):  # fmt: skip
        priya.fill(f"/people/{person}/change", **{name: HOSTILE})
    for path in ("", "/change", "/consent", "/concern"):
        page = priya.get(f"/people/{person}{path}")
        assert page.status == 200
        assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in priya.get(f"/people/{person}").text


def test_a_new_referral_from_the_page_goes_on_with_what_was_begun(w: World, priya: Visitor) -> None:
    person = w.person()
    page = priya.send(priya.get(f"/people/{person}"))
    assert page.path.endswith("/write/right")
    assert "Go on with the referral you began" in priya.get(f"/people/{person}").words


# -- consent ------------------------------------------------------------------------------------


def test_taking_consent_back_takes_two_pages_and_says_what_it_did(w: World, priya: Visitor) -> None:
    person = w.person()
    rid = w.active(person)
    consent = consent_of(priya, person)
    page_before = priya.get(f"/consents/{consent}").words
    page = priya.get(f"/consents/{consent}/withdraw")
    assert "Riverside Singers (SG-" in page.words
    assert "Taking part" in priya.get(f"/referrals/{rid}").words
    done = priya.send(page)
    assert "Sharing has stopped with Riverside Singers (SG-" in done.banner
    assert "Margaret" not in done.banner
    assert "Consent taken back" in done.words
    assert "The person agreed" in page_before
    assert "The person agreed" not in done.words
    assert "Stopped" in priya.get(f"/referrals/{rid}").words


def test_consent_of_another_teams_person_is_not_found(w: World, priya: Visitor) -> None:
    person = w.person()
    w.consent(person)
    consent = consent_of(priya, person)
    for path in ("", "/withdraw"):
        assert sign_in(w, "olu").get(f"/consents/{consent}{path}").status == 404
        assert sign_in(w, "sol").get(f"/consents/{consent}{path}").status == 403
    assert sign_in(w, "olu").get(f"/people/{person}/consent").status == 404


def test_an_answer_is_recorded_for_each_purpose(w: World, priya: Visitor) -> None:
    person = w.person()
    path = f"/people/{person}/consent?purpose={Purpose.EVALUATION}"
    page = priya.get(path)
    assert "We would like to count your answers" in page.words
    assert priya.send(page).status == 422
    assert priya.send(page, share="yes").status == 422
    done = priya.send(page, share="yes", basis="agreement", how="phone", present="Her daughter")
    assert "Consent is recorded" in done.banner
    assert "Her daughter" in priya.get(f"/consents/{consent_of(priya, person)}").words


def test_a_no_where_there_was_a_yes_shows_first_what_it_stops(w: World, priya: Visitor) -> None:
    person = w.person()
    rid = w.active(person)
    page = priya.fill(f"/people/{person}/consent?provider={w.provider['singers']}", share="no")
    assert page.path.endswith("/withdraw")
    assert "Riverside Singers (SG-" in page.words
    assert "Taking part" in priya.get(f"/referrals/{rid}").words


def test_a_new_yes_renews_and_stops_nothing(w: World, priya: Visitor) -> None:
    person = w.person()
    rid = w.active(person)
    said = {"share": "yes", "basis": "agreement", "how": "phone"}
    priya.fill(f"/people/{person}/consent?provider={w.provider['singers']}", **said)
    assert "Taking part" in priya.get(f"/referrals/{rid}").words
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT count(*) FROM consent WHERE state = 'given'"))
    assert row == (1,)


def test_a_provider_nobody_referred_to_cannot_be_asked_about(w: World, priya: Visitor) -> None:
    person = w.person()
    asked = priya.get(f"/people/{person}/consent?provider={w.provider['singers']}")
    assert asked.status == 404


def test_governance_reads_an_answer_and_changes_nothing(w: World, priya: Visitor) -> None:
    person = w.person()
    w.consent(person)
    consent = consent_of(priya, person)
    grace = sign_in(w, "grace")
    page = grace.get(f"/consents/{consent}")
    assert page.status == 200
    assert "They take their consent back" not in page.words
    assert "Margaret" not in page.words
    assert grace.get(f"/consents/{consent}/withdraw").status == 403


def test_a_closed_person_shows_a_first_name_and_the_sentence(w: World) -> None:
    person = w.person(family_name="Okoro")
    named = {"sources": [{"user_id": w.actor["priya"].user_id}]}
    seen = {"person_id": person, "seen": "A bruise", "danger": False, **named}
    w.step(Noun.CONCERN, None, "raise", "sam", given=seen)
    priya = sign_in(w, "priya")
    page = priya.get(f"/people/{person}")
    assert "On hold." in page.words
    assert "Okoro" not in page.words
    assert "Start a new referral" not in page.words
    assert priya.get(f"/people/{person}/consent").status == 404
    assert "Okoro" in sign_in(w, "sam").get(f"/people/{person}").words


def test_an_answer_says_how_it_was_given_and_who_asked(w: World) -> None:
    person = w.person()
    w.consent(person)
    words = sign_in(w, "priya").get(f"/people/{person}").words
    assert "Consent, the newest first" in words
    assert "asked by Priya Shah" in words
    other = w.person()
    assert "asked by" not in sign_in(w, "priya").get(f"/people/{other}").words
