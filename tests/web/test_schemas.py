"""What people and programs say to a command: what is taken, and the sentence for what isn't."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from marshmallow import Schema

from referral import policy
from referral.states import Noun
from web.schemas import Wrong, load, schema_for
from web.schemas.agreements import DraftAgreement
from web.schemas.assurance import AddEvidence
from web.schemas.concerns import RaiseConcern
from web.schemas.consent import RecordConsent
from web.schemas.escalations import RaiseEscalation
from web.schemas.organisations import AddActivity, AddOrganisation, ChangeActivity, SaveGroup
from web.schemas.people import AddPerson, ChangePerson, SavePlan
from web.schemas.referrals import BeginReferral, ChangeDraft, RecordAttendance
from workflows.engine import TABLES

AT = datetime(2026, 5, 12, 9, tzinfo=UTC)
ONE = "01890000-0000-7000-8000-000000000001"
TWO = "01890000-0000-7000-8000-000000000002"
MARGARET = {"given_name": "Margaret", "family_name": "Okoro"}


def said(schema: Schema, data: Any, form: bool = False) -> dict[str, Any]:
    return load(schema, data, AT, form=form)


def errors(schema: Schema, data: Any, form: bool = False) -> dict[str, list[str]]:
    with pytest.raises(Wrong) as wrong:
        load(schema, data, AT, form=form)
    return wrong.value.errors


def test_a_person_is_read_in_the_forms_we_keep() -> None:
    assert said(
        AddPerson(),
        {
            "given_name": "  Margaret ",
            "family_name": "Okoro",
            "birth_date": "1951-03-15",
            "nhs_number": "999 000 0018",
            "phone": "07700 900982",
            "postcode": "ls14ap",
            "email": "m@example.org",
            "interpreter": True,
            "address": "1 Ash Lane\r\nLeeds",
        },
    ) == {
        "given_name": "Margaret",
        "family_name": "Okoro",
        "birth_date": date(1951, 3, 15),
        "nhs_number": "9990000018",
        "phone": "+447700900982",
        "postcode": "LS1 4AP",
        "email": "m@example.org",
        "interpreter": True,
        "address": "1 Ash Lane\nLeeds",
    }


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("given_name", "   ", "Enter a first name."),
        ("given_name", None, "Enter a first name."),
        ("given_name", 7, "Write this as text."),
        ("given_name", "a\x00b", "Remove the characters that can't be seen."),
        ("given_name", "a\ud800b", "Remove the characters that can't be seen."),
        (
            "given_name",
            "x" * 100_000,
            "Shorten this to 200 characters or fewer. Nothing has been lost.",
        ),
        (
            "access_needs",
            "x" * 100_000,
            "Shorten this to 4,000 characters or fewer. Nothing has been lost.",
        ),
        (
            "nhs_number",
            "9990000019",
            "Check the NHS number: at least one of its digits is not right",
        ),
        ("phone", "123", "Check the phone number: no phone has a number like it"),
        ("postcode", "nowhere", "Enter a full postcode, for example LS1 4AP"),
        ("email", "margaret", "Enter an email address, like name@example.org."),
        ("birth_date", "2036-03-15", "Date of birth must be in the past"),
        ("birth_date", "2026-05-12", "Date of birth must be in the past"),
        (
            "birth_date",
            "0026-03-15",
            "Enter the year of birth in full, for example 1984",
        ),
        ("birth_date", "1850-03-15", "Year of birth must be 1900 or later"),
        (
            "birth_date",
            "1951-02-30",
            "Enter a real date as year-month-day, for example 2026-03-15.",
        ),
        (
            "birth_date",
            19510315,
            "Enter a real date as year-month-day, for example 2026-03-15.",
        ),
        ("interpreter", "yes", "Give true or false."),
        ("contact_method", "pigeon", "Choose how to reach the person."),
        ("nhs", "9990000018", "There is no field with this name here."),
    ],
)
def test_a_fault_is_told_at_its_field(field: str, value: Any, sentence: str) -> None:
    assert errors(AddPerson(), {**MARGARET, field: value}) == {field: [sentence]}


def test_all_faults_are_told_at_once_with_a_code_each() -> None:
    with pytest.raises(Wrong) as wrong:
        load(AddPerson(), {"phone": "1", "colour": "blue"}, AT)
    assert {(r.code, r.field) for r in wrong.value.refusals} == {
        ("wrong_given_name", "given_name"),
        ("wrong_family_name", "family_name"),
        ("wrong_phone", "phone"),
        ("unknown_field", "colour"),
    }


def test_a_change_needs_no_name_but_may_not_take_it_away() -> None:
    assert said(ChangePerson(partial=True), {"phone": None}) == {"phone": None}
    assert "given_name" in errors(ChangePerson(partial=True), {"given_name": ""})


def test_something_that_is_not_fields_is_refused() -> None:
    assert errors(AddPerson(), [1]) == {"": ["Give the fields by their names."]}


@pytest.mark.parametrize(
    "typed",
    [
        {"day": "15", "month": "3", "year": "1951"},
        {"day": "15", "month": "March", "year": "1951"},
        "15 3 1951",
        "15/03/1951",
        "15 mar 1951",
        "1951-03-15",
    ],
)
def test_a_form_takes_a_date_as_people_type_it(typed: Any) -> None:
    read = said(AddPerson(), {**MARGARET, "birth_date": typed}, form=True)
    assert read["birth_date"] == date(1951, 3, 15)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (
            {"day": "15", "month": "3", "year": "26"},
            "Enter the year of birth in full, for example 1984",
        ),
        (
            {"day": "15", "month": "3", "year": "0026"},
            "Enter the year of birth in full, for example 1984",
        ),
        (
            {"day": "31", "month": "2", "year": "1951"},
            "Enter a real date, for example 15 3 2026.",
        ),
        (
            {"day": "", "month": "3", "year": "1951"},
            "Enter a real date, for example 15 3 2026.",
        ),
        ("soon", "Enter a real date, for example 15 3 2026."),
    ],
)
def test_a_form_says_what_is_wrong_with_a_date(typed: Any, sentence: str) -> None:
    found = errors(AddPerson(), {**MARGARET, "birth_date": typed}, form=True)
    assert found == {"birth_date": [sentence]}


def test_a_form_leaves_out_what_is_empty_and_reads_yes_and_no() -> None:
    assert said(
        AddPerson(),
        {
            **MARGARET,
            "birth_date": {"day": "", "month": "", "year": ""},
            "interpreter": "yes",
            "message_safe": "no",
            "contact_method": "",
            "phone": "",
        },
        form=True,
    ) == {
        **MARGARET,
        "birth_date": None,
        "interpreter": True,
        "message_safe": False,
        "contact_method": None,
        "phone": None,
    }
    assert errors(AddPerson(), {**MARGARET, "interpreter": "perhaps"}, form=True) == {
        "interpreter": ["Choose yes or no."]
    }


def test_a_plan_takes_goals_and_coded_needs() -> None:
    plan = {"what_matters": "Singing", "goals": ["Get out"], "needs": ["company"]}
    assert said(SavePlan(), plan) == plan
    assert errors(SavePlan(), {"needs": ["Company!"], "goals": ["x"] * 11}) == {
        "needs.0": ["Choose needs from the list."],
        "goals": ["That is more than can be kept here. Leave some out."],
    }
    assert said(SavePlan(), {"goals": ["Get out", "", " "], "needs": "company"}, form=True) == {
        "goals": ["Get out"],
        "needs": ["company"],
    }


def test_a_referral_is_begun_for_a_person_and_a_group() -> None:
    given = {"person_id": ONE.upper(), "group_id": TWO, "risks": "none", "urgent": None}
    assert said(BeginReferral(), given) == {
        "person_id": ONE,
        "group_id": TWO,
        "risks": "none",
        "urgent": False,
    }
    assert errors(BeginReferral(), {"group_id": "choir", "risks": "maybe"}) == {
        "person_id": ["Choose the person."],
        "group_id": ["Choose an activity."],
        "risks": ["Choose yes, no or not known yet."],
    }
    assert said(ChangeDraft(partial=True), {"safety_answers": {"Oxygen?": "No"}}) == {
        "safety_answers": '{"Oxygen?": "No"}'
    }


def test_who_came_is_said_for_a_day_that_has_come() -> None:
    assert said(RecordAttendance(), {"day": "2026-05-12", "came": "came"})["came"] == "came"
    assert errors(RecordAttendance(), {"day": "2026-05-13", "came": "came"}) == {
        "day": ["Enter a date that has come already."]
    }
    assert "day" in errors(RecordAttendance(), {"day": "2025-01-01", "came": "came"})


SHARED = {"person_id": ONE, "purpose": "share_with_provider", "recipient": TWO}


def test_consent_is_recorded_with_whose_decision_it_was_and_how() -> None:
    yes = {**SHARED, "agreed": "yes", "basis": "agreement", "how": "phone", "until": "2026-10-25"}
    read = said(RecordConsent(), yes)
    assert read["agreed"] is True
    # The last Sunday of October: the day still counts, and ends when England's clocks say so.
    assert read["until"] == datetime(2026, 10, 26, 0, tzinfo=UTC)
    assert said(RecordConsent(), {**SHARED, "agreed": "no"})["agreed"] is False
    assert said(RecordConsent(), {**SHARED, "agreed": "asked"})["agreed"] is None
    practice = {"person_id": ONE, "purpose": "tell_practice", "agreed": "no"}
    assert said(RecordConsent(), practice)["recipient"] == "practice"


@pytest.mark.parametrize(
    ("more", "faults"),
    [
        (
            {"agreed": "yes"},
            {
                "basis": ["Choose whose decision this is."],
                "how": ["Choose how consent was given."],
            },
        ),
        (
            {"agreed": "yes", "basis": "best_interests", "how": "phone"},
            {"capacity_id": ["Record the capacity assessment first."]},
        ),
        (
            {"agreed": "no", "recipient": None},
            {"recipient": ["Choose the provider it is shared with."]},
        ),
        (
            {"agreed": "no", "purpose": "contact"},
            {"recipient": ["Leave this empty: the purpose says who hears it."]},
        ),
        (
            {"agreed": "no", "until": "2026-05-12"},
            {"until": ["Enter a date that is still to come."]},
        ),
        (
            {"agreed": "no", "until": "2036-05-12", "how": "shouting"},
            {"how": ["Choose how consent was given."]},
        ),
        (
            {"agreed": "no", "until": "2037-05-12"},
            {"until": ["Enter a date within the next 10 years."]},
        ),
    ],
)
def test_a_consent_that_is_not_whole_is_refused(
    more: dict[str, Any], faults: dict[str, list[str]]
) -> None:
    assert errors(RecordConsent(), {**SHARED, **more}) == faults


def test_a_concern_asks_only_for_what_was_seen_and_danger() -> None:
    assert said(RaiseConcern(), {"person_id": ONE, "seen": "Bruises.", "danger": False}) == {
        "person_id": ONE,
        "seen": "Bruises.",
        "danger": False,
    }
    assert set(errors(RaiseConcern(), {})) == {"seen", "danger"}
    assert errors(RaiseConcern(), {"seen": "Bruises.", "danger": True}) == {
        "person_id": ["Choose the person or the provider it is about."]
    }


def test_not_being_sure_of_danger_counts_as_danger() -> None:
    typed = {"person_id": ONE, "seen": "Bruises.", "danger": "not_sure"}
    assert said(RaiseConcern(), typed, form=True)["danger"] is True
    assert said(RaiseConcern(), {**typed, "danger": "no"}, form=True)["danger"] is False


def test_an_escalation_names_what_it_is_about() -> None:
    given = {"kind": "no_reply", "about": "referral", "about_id": ONE, "note": "Nobody answers."}
    assert said(RaiseEscalation(), given) == given
    assert errors(RaiseEscalation(), {"kind": "no_reply", "about": "referral", "note": "x"}) == {
        "about_id": ["Choose the record it is about."]
    }
    assert errors(RaiseEscalation(), {"kind": "anger"}) == {
        "kind": ["Choose what kind of matter it is."],
        "note": ["Say what you need."],
    }


def test_evidence_counts_from_its_first_day_through_its_last() -> None:
    read = said(AddEvidence(), {"kind": "dbs", "from_at": "2026-05-12", "until": "2026-12-31"})
    assert read["from_at"] == datetime(2026, 5, 11, 23, tzinfo=UTC)
    assert read["until"] == datetime(2027, 1, 1, tzinfo=UTC)
    assert errors(
        AddEvidence(), {"kind": "dbs", "from_at": "2026-05-12", "until": "2026-05-10"}
    ) == {"until": ["The end date must be after the start date."]}
    assert "from_at" in errors(
        AddEvidence(), {"kind": "dbs", "from_at": "2026-05-13", "until": "2026-12-31"}
    )


def test_an_agreement_is_between_two_or_more() -> None:
    given = {
        "title": "Sharing",
        "purposes": ["share_with_provider"],
        "lawful_basis": "public_task",
        "fields": ["name"],
        "parties": [ONE, TWO],
        "review_at": "2027-05-12",
    }
    assert said(DraftAgreement(), given)["fields"] == ["name"]
    assert errors(DraftAgreement(), {**given, "parties": [ONE, ONE]}) == {
        "parties": ["Choose at least two organisations."]
    }
    assert errors(DraftAgreement(), {**given, "fields": []}) == {
        "fields": ["Choose the fields that may be shared."]
    }


def test_what_sets_the_stage_is_checked_too() -> None:
    assert said(AddOrganisation(), {"name": "Choir", "kind": "provider", "place_id": ONE})
    assert errors(
        AddOrganisation(), {"name": "", "kind": "club", "place_id": ONE, "url": "choir"}
    ) == {
        "name": ["Enter the name of the organisation."],
        "kind": ["Choose what kind of organisation it is."],
        "url": ["Enter the whole web address, like https://www.example.org."],
    }
    assert said(AddActivity(), {"name": "Choir", "provider_id": ONE})["name"] == "Choir"
    assert errors(ChangeActivity(partial=True), {"minimum_age": 60, "maximum_age": 18}) == {
        "maximum_age": ["The highest age must not be below the lowest."]
    }
    assert said(
        SaveGroup(),
        {
            "name": "Thursdays",
            "capacity": 8,
            "breaks": [{"start": "2026-07-20", "end": "2026-09-04"}],
        },
    )["breaks"] == [["2026-07-20", "2026-09-04"]]
    assert said(SaveGroup(), {"name": "Thursdays", "capacity": "1,000"}, form=True) == {
        "name": "Thursdays",
        "capacity": 1000,
    }
    assert errors(SaveGroup(), {"name": "Thursdays", "capacity": 8.5}) == {
        "capacity": ["Enter a whole number."]
    }
    assert "capacity" in errors(SaveGroup(), {"name": "Thursdays", "capacity": -1})
    assert "capacity" in errors(SaveGroup(), {"name": "Thursdays", "capacity": True})
    assert errors(
        SaveGroup(),
        {"name": "x", "capacity": 1, "breaks": [{"start": "2026-07-20", "end": "2026-07-19"}]},
    ) == {"breaks.0.end": ["The end must be after the start."]}


@pytest.mark.parametrize("noun", list(Noun))
def test_every_move_has_a_schema_that_asks_for_all_it_needs(noun: Noun) -> None:
    found = 0
    for m in TABLES[noun].moves:
        known = {f.data_key or name for name, f in schema_for(noun, m.trigger)().fields.items()}
        for need in m.needs:
            if need.name == "redirected_to":
                assert "group_id" in known
                continue
            found += 1
            assert need.name in known, f"{noun}.{m.trigger} needs {need.name}"
    assert found or noun is Noun.CONSENT


def test_a_move_asks_in_the_words_of_its_table() -> None:
    decline = schema_for(Noun.REFERRAL, "decline")()
    assert said(decline, {"reason": "full"}) == {"reason": "full"}
    assert errors(decline, {}) == {"reason": ["Choose a reason."]}
    assert errors(decline, {"reason": "Rude words!"}) == {"reason": ["Choose a reason."]}
    for code in policy.reasons("referral.decline"):
        assert said(decline, {"reason": code})


def test_what_is_needed_in_some_cases_is_asked_for_in_those() -> None:
    settle = schema_for(Noun.ESCALATION, "settle")()
    assert said(settle, {"consequence_id": ONE, "settled": "done"})
    assert errors(settle, {"consequence_id": ONE, "settled": "waived"}) == {
        "reason": ["Choose a reason for waiving it."]
    }


def test_nobody_says_what_the_program_finds_out_itself() -> None:
    assert errors(schema_for(Noun.REFERRAL, "send")(), {"shared": "{}"}) == {
        "shared": ["There is no field with this name here."]
    }
    assert "redirected_to" in errors(
        schema_for(Noun.REFERRAL, "redirect")(), {"group_id": ONE, "redirected_to": TWO}
    )


def test_a_break_ends_on_a_day_to_come() -> None:
    pause = schema_for(Noun.REFERRAL, "pause")()
    assert said(pause, {"paused_until": "2026-05-13"})["paused_until"] == date(2026, 5, 13)
    assert errors(pause, {"paused_until": "2026-05-12"}) == {
        "paused_until": ["Enter a date that is still to come."]
    }
    assert errors(pause, {"paused_until": "0026-05-13"}) == {
        "paused_until": ["Enter the year in full, for example 2026."]
    }
    assert errors(pause, {"paused_until": "9999-05-13"}) == {
        "paused_until": ["Enter a date within the next 10 years."]
    }


def test_a_table_without_such_a_move_has_no_schema() -> None:
    with pytest.raises(KeyError):
        schema_for(Noun.REFERRAL, "dance")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("9.30am", (12, 9, 30)),
        ("2.15pm", (11, 14, 15)),
        ("Tuesday 9.30am", (12, 9, 30)),
        ("Tuesday 2.15pm", (5, 14, 15)),
        ("fri 2pm", (8, 14, 0)),
        ("dydd Gwener am 2pm", (8, 14, 0)),
        ("5 Mai 2026 am 10am", (5, 10, 0)),
        ("5 May 2026 at 10am", (5, 10, 0)),
    ],
)
def test_when_it_was_is_said_as_people_say_it(typed: str, meant: tuple[int, int, int]) -> None:
    """At 10 on Tuesday 12 May: a day of the week is the last such day that has been."""
    contact = schema_for(Noun.REFERRAL, "contact")()
    day, hour, minute = meant
    found = said(contact, {"happened_at": typed}, form=True)["happened_at"]
    assert found == datetime(2026, 5, day, hour - 1, minute, tzinfo=UTC)


@pytest.mark.parametrize("typed", ["Tuesday", "Someday 2pm", "5 Maj 2026 10am", "Tuesday 12 2pm"])
def test_when_it_was_names_an_hour_and_a_day_there_is(typed: str) -> None:
    wrong = errors(schema_for(Noun.REFERRAL, "contact")(), {"happened_at": typed}, form=True)
    assert set(wrong) == {"happened_at"}
