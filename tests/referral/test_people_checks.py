from __future__ import annotations

from datetime import date

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral.people_checks import (
    birth_date,
    born_between,
    end_of_phone,
    name_key,
    nhs_number,
    phone_number,
    postcode,
)

TODAY = date(2026, 5, 18)


def sentence(check, *values):
    with pytest.raises(ValueError, match=r"^(Enter|Check|[A-Z].* must) [^.!]+$") as refusal:
        check(*values)
    return str(refusal.value)


# --- NHS number ---


@pytest.mark.parametrize(
    "typed",
    [
        "9990123454",
        "999 012 3454",
        " 999-012-3454 ",
        "999\u00a0012\u00a03454",
        "999–012–3454",
        "\u202a9990123454\u202c",
    ],
)
def test_an_nhs_number_is_known_however_it_is_typed(typed):
    assert nhs_number(typed) == "9990123454"


def test_a_number_published_as_right_is_taken():
    assert nhs_number("9990000018") == "9990000018"


def check_digit(nine: str) -> int:
    """Modulus 11 as it is described: weights 10 to 2, 11 counts as 0, 10 can't be."""
    rest = 11 - sum(int(d) * w for d, w in zip(nine, range(10, 1, -1), strict=True)) % 11
    return 0 if rest == 11 else rest


@given(st.integers(0, 999_999).map(lambda n: f"999{n:06d}"), st.integers(0, 9))
def test_the_last_digit_has_to_be_the_one_the_others_give(nine, last):
    if last == check_digit(nine) and set(nine) != {str(last)}:
        assert nhs_number(f"{nine}{last}") == f"{nine}{last}"
    else:
        assert "at least one of its digits" in sentence(nhs_number, f"{nine}{last}")


@pytest.mark.parametrize("digit", "0123456789")
def test_one_digit_ten_times_is_refused_though_the_sum_is_right(digit):
    assert "at least one of its digits" in sentence(nhs_number, digit * 10)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Enter an NHS number"),
        ("  - ", "Enter an NHS number"),
        ("999012345", "NHS number must be 10 digits, for example 999 012 3454"),
        ("99901234544", "NHS number must be 10 digits, for example 999 012 3454"),
        ("999O123454", "NHS number must be 10 digits, for example 999 012 3454"),
        ("٩٩٩٠١٢٣٤٥٤", "NHS number must be 10 digits, for example 999 012 3454"),
        ("9990123455", "Check the NHS number: at least one of its digits is not right"),
    ],
)
def test_each_mistake_in_an_nhs_number_has_its_sentence(typed, says):
    assert sentence(nhs_number, typed) == says


# --- phone ---


@pytest.mark.parametrize(
    "typed",
    [
        "07700 900123",
        "07700900123",
        "07700-900-123",
        "(07700) 900.123",
        "+44 7700 900123",
        "+44 (0)7700 900123",
        "0044 7700 900123",
        "\u202a+44 7700 900123\u202c",
        " 07700\u00a0900\u00a0123 ",
    ],
)
def test_a_phone_number_is_known_however_it_is_typed(typed):
    assert phone_number(typed) == "+447700900123"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("07700 900000", "+447700900000"),
        ("07700 900999", "+447700900999"),
        ("01632 960000", "+441632960000"),
        ("01632 960999", "+441632960999"),
    ],
)
def test_numbers_kept_for_examples_are_taken_though_the_library_refuses_them(typed, kept):
    assert not phonenumbers.is_valid_number(phonenumbers.parse(typed, "GB"))
    assert phone_number(typed) == kept


@pytest.mark.parametrize("typed", ["07700 901000", "01632 961000", "01632 959999"])
def test_their_neighbours_are_not(typed):
    assert sentence(phone_number, typed) == "Check the phone number: no phone has a number like it"


def test_a_number_valuesout_to_phones_is_taken():
    example = phonenumbers.example_number_for_type("GB", phonenumbers.PhoneNumberType.MOBILE)
    kept = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    assert phone_number(kept) == kept
    assert phone_number(kept.replace("+44", "0")) == kept


def test_a_number_from_abroad_needs_its_country():
    example = phonenumbers.example_number("IE")
    kept = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    assert phone_number(kept) == kept
    assert sentence(phone_number, kept.replace("+353", "0"))


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Enter a phone number"),
        ("  ", "Enter a phone number"),
        ("none", "Phone number must have digits only, for example 07700 900 982"),
        ("0800 FLOWERS", "Phone number must have digits only, for example 07700 900 982"),
        ("01632 960001 ext 3", "Phone number must have digits only, for example 07700 900 982"),
        (
            "07700 900123, 01632 960001",
            "Phone number must have digits only, for example 07700 900 982",
        ),
        ("0", "Enter the whole phone number, for example 07700 900 982"),
        ("07700 90012", "Check the phone number: no phone has a number like it"),
        ("07700 9001234", "Check the phone number: no phone has a number like it"),
        ("999", "Check the phone number: no phone has a number like it"),
    ],
)
def test_each_mistake_in_a_phone_number_has_its_sentence(typed, says):
    assert sentence(phone_number, typed) == says


# --- postcode ---


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ls1 4ap", "LS1 4AP"),
        ("LS14AP", "LS1 4AP"),
        (" l s 1 4 a p ", "LS1 4AP"),
        ("m1-1ae", "M1 1AE"),
        ("B33 8TH", "B33 8TH"),
        ("CR26XH", "CR2 6XH"),
        ("DN55 1PT", "DN55 1PT"),
        ("W1A 0AX", "W1A 0AX"),
        ("EC1A 1BB", "EC1A 1BB"),
        ("GIR 0AA", "GIR 0AA"),
        ("zz993vz", "ZZ99 3VZ"),
        ("BX1 1LT", "BX1 1LT"),
    ],
)
def test_a_postcode_is_kept_in_one_form(typed, kept):
    assert postcode(typed) == kept


@pytest.mark.parametrize("typed", ["", " ", "-"])
def test_no_postcode_at_all_has_its_own_sentence(typed):
    assert sentence(postcode, typed) == "Enter a postcode"


@pytest.mark.parametrize(
    "typed",
    [
        "LS1",
        "LS1 4A",
        "LS1 4APX",
        "LS1 44P",
        "QS1 4AP",
        "VS1 4AP",
        "XS1 4AP",
        "LI1 4AP",
        "LZ1 4AP",
        "LS1 4CP",
        "LS1 4AO",
        "LSX 4AP",
        "LS123 4AP",
        "W1L 0AX",
        "EC1C 1BB",
        "GIR 0AB",
        "ZZ98 3VZ",
        "12345",
        "LS1 4AP, Leeds",
    ],
)
def test_what_is_no_postcode_is_refused(typed):
    assert sentence(postcode, typed) == "Enter a full postcode, for example LS1 4AP"


# --- date of birth ---


@pytest.mark.parametrize("born", [date(1900, 1, 1), date(1984, 3, 15), date(2026, 5, 17)])
def test_a_date_of_birth_in_a_lifetime_is_taken(born):
    assert birth_date(born, TODAY) == born


@pytest.mark.parametrize(
    ("born", "says"),
    [
        (date(26, 3, 15), "Enter the year of birth in full, for example 1984"),
        (date(999, 12, 31), "Enter the year of birth in full, for example 1984"),
        (date(1000, 1, 1), "Year of birth must be 1900 or later"),
        (date(1899, 12, 31), "Year of birth must be 1900 or later"),
        (TODAY, "Date of birth must be in the past"),
        (date(2062, 5, 18), "Date of birth must be in the past"),
    ],
)
def test_each_mistake_in_a_date_of_birth_has_its_sentence(born, says):
    assert sentence(birth_date, born, TODAY) == says


# --- names ---


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zoë", "ZOE"),
        ("O’Neil-Smith", "O'Neil Smith"),
        ("O’Neil-Smith", "Oneilsmith"),
        ("Siân", "Sian"),
        ("Sia\u0302n", "Siân"),
        ("Łukasz", "Lukasz"),
        ("Straße", "STRASSE"),
        ("Ærø", "Aero"),
        ("İpek", "ipek"),
        ("Van der Berg", "Vanderberg"),
        ("St. John", "St John"),
        ("ＺＯＥ", "zoe"),
    ],
)
def test_ways_of_writing_one_name_meet(one, other):
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(("one", "other"), [("Zoë", "Zola"), ("李", "王"), ("Ann", "Anne")])
def test_other_names_do_not_meet(one, other):
    assert name_key(one) != name_key(other)


def test_each_name_is_one_word_so_that_lists_sort_by_the_first():
    assert name_key("O’Neil-Smith", "Zoë") == "oneilsmith zoe"
    assert name_key("Zoë O’Neil-Smith") == "zoeoneilsmith"
    assert name_key("Ann", "") == name_key("", "Ann") == "ann"
    assert name_key("Smith", "Zoë") < name_key("Smithson", "Adam")
    assert name_key() == name_key("", "-") == ""


def test_names_in_other_alphabets_keep_their_letters():
    assert name_key("李小龍") == "李小龍"
    assert name_key("محمد") == "محمد"


@given(st.text())
def test_a_key_is_plain_and_its_own_key(name):
    key = name_key(name)
    assert name_key(key) == key
    assert key.isalnum() or key == ""
    assert key == key.casefold()


@given(st.text(), st.sampled_from([nhs_number, phone_number, postcode]))
def test_any_text_gives_a_kept_form_or_a_sentence(text, check):
    try:
        kept = check(text)
    except ValueError:
        assert "invalid" not in sentence(check, text)
    else:
        assert check(kept) == kept


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        *((day, (1984, 3, 15), (1984, 3, 15)) for day in (
            "15 3 1984", "15/03/1984", "1984-03-15", "15.3.1984", "15th March 1984",
            "Mar 15, 1984",
        )),
        *((month, (1984, 2, 1), (1984, 2, 29)) for month in ("February 1984", "2/1984")),
    ],
)  # fmt: skip
def test_a_day_or_a_month_of_birth_is_read_as_people_type_it(
    typed: str, first: tuple[int, int, int], last: tuple[int, int, int]
) -> None:
    assert born_between(typed) == (date(*first), date(*last))


@pytest.mark.parametrize(
    "typed",
    ["31 2 1984", "15 3 84", "1984", "March", "Ann March", "0 1984", "15 3 1984 7", "", "²"],
)
def test_what_is_no_day_and_no_month_is_not_taken_for_one(typed: str) -> None:
    assert born_between(typed) is None


def test_the_end_of_a_phone_number_has_four_digits_at_least() -> None:
    assert end_of_phone("960 123") == "960123"
    assert [end_of_phone(typed) for typed in ("123", "+44 123", "12a4", "")] == [None] * 4
