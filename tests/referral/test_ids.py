from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from referral import ids
from referral.ids import ALPHABET, check_reference, new_id, new_reference, part_of_reference

AT = datetime(2026, 5, 18, 9, 30, 15, 123_987, tzinfo=UTC)


def test_an_id_is_a_uuid_of_version_7_in_small_letters():
    for _ in range(1000):
        text = new_id(AT)
        parsed = uuid.UUID(text)
        assert str(parsed) == text
        assert parsed.version == 7
        assert parsed.variant == uuid.RFC_4122


def test_an_id_begins_with_the_milliseconds_of_its_time():
    stamp = uuid.UUID(new_id(AT)).int >> 80
    assert datetime.fromtimestamp(stamp / 1000, UTC) == AT.replace(microsecond=123_000)


def test_the_example_of_the_standard_has_our_layout(monkeypatch):
    """RFC 9562 A.6: 22 February 2022 at 2:22:22pm at UTC-5."""
    at = datetime(2022, 2, 22, 14, 22, 22, tzinfo=timezone(timedelta(hours=-5)))
    chance = 0xCC3 << 64 | 0x18C4DC0C0C07398F
    monkeypatch.setattr(ids.secrets, "randbits", lambda bits: chance)
    assert new_id(at) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_ids_sort_by_time():
    moments = [AT + timedelta(milliseconds=step) for step in range(500)]
    made = [new_id(at) for at in moments]
    assert made == sorted(made)


def test_ids_of_one_moment_differ_in_every_free_bit():
    made = [uuid.UUID(new_id(AT)).int for _ in range(400)]
    assert len(set(made)) == 400
    ever_set, always_set = 0, (1 << 128) - 1
    for number in made:
        ever_set |= number
        always_set &= number
    assert (ever_set & ~always_set).bit_count() == 74


def test_an_id_without_a_time_is_all_chance_and_says_so():
    made = {new_id() for _ in range(400)}
    assert len(made) == 400
    assert {uuid.UUID(text).version for text in made} == {4}
    assert {uuid.UUID(text).variant for text in made} == {uuid.RFC_4122}


@pytest.mark.parametrize(
    "at", [datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)]
)
def test_a_time_before_1970_is_refused(at):
    with pytest.raises(ValueError, match="1970"):
        new_id(at)


def test_1970_itself_is_not_refused():
    assert new_id(datetime(1970, 1, 1, tzinfo=UTC)).startswith("00000000-0000-7")


def samples(count: int) -> list[str]:
    return [new_reference() for _ in range(count)]


def test_a_reference_looks_like_its_example():
    assert check_reference("SG-7K4Q-2M") == "SG-7K4Q-2M"
    for reference in samples(500):
        start, middle, end = reference.split("-")
        assert (start, len(middle), len(end)) == ("SG", 4, 2)
        assert set(middle + end) <= set(ALPHABET)
        assert not set(middle + end) & set("ILOU")
        assert check_reference(reference) == reference


def test_references_use_the_whole_alphabet_and_hardly_meet():
    made = samples(2000)
    assert len(set(made)) > 1990
    for place in (3, 4, 5, 6, 8, 9):
        assert {reference[place] for reference in made} == set(ALPHABET)


@pytest.mark.parametrize(
    "typed",
    [
        "sg-7k4q-2m",
        "SG7K4Q2M",
        " sg 7k4q 2m ",
        "SG–7K4Q–2M",
        "Sg\u00a07K4Q\u00a02M",
        "S G 7 K 4 Q 2 M",
    ],
)
def test_a_reference_is_known_however_it_is_typed(typed):
    assert check_reference(typed) == "SG-7K4Q-2M"


def test_o_is_heard_as_nought_and_i_and_l_as_one():
    reference = next(r for r in iter(new_reference, None) if "0" in r and "1" in r)
    for one in "IilL":
        assert check_reference(reference.replace("0", "o").replace("1", one)) == reference
        assert check_reference(reference.replace("0", "O").replace("1", one)) == reference


def test_another_prefix_stands_for_another_kind_of_record():
    concern = new_reference("CL")
    assert concern.startswith("CL-")
    assert check_reference(concern.lower(), "CL") == concern
    with pytest.raises(ValueError, match="whole reference"):
        check_reference(concern)


def wrong(reference: str) -> bool:
    try:
        check_reference(reference)
    except ValueError:
        return True
    return False


def test_every_single_wrong_character_is_noticed():
    for reference in ["SG-7K4Q-2M", *samples(60)]:
        for place, right in enumerate(reference):
            if right == "-":
                continue
            for other in ALPHABET:
                if other != right:
                    assert wrong(reference[:place] + other + reference[place + 1 :])


def test_every_two_swapped_characters_are_noticed_next_to_each_other_or_not():
    for reference in ["SG-7K4Q-2M", *samples(300)]:
        plain = reference.replace("-", "")
        for i in range(len(plain)):
            for j in range(i + 1, len(plain)):
                if plain[i] != plain[j]:
                    swapped = list(plain)
                    swapped[i], swapped[j] = plain[j], plain[i]
                    assert wrong("".join(swapped)), (plain, "".join(swapped))


def test_most_other_mistakes_are_noticed():
    rng = random.Random(32)
    guesses = ["SG" + "".join(rng.choices(ALPHABET, k=6)) for _ in range(3200)]
    assert 50 < sum(not wrong(guess) for guess in guesses) < 150  # 1 in 32 is a reference


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Enter a reference, for example SG-7K4Q-2M"),
        (" - ", "Enter a reference, for example SG-7K4Q-2M"),
        ("7K4Q2M", "Enter the whole reference, for example SG-7K4Q-2M"),
        ("SG-7K4Q", "Enter the whole reference, for example SG-7K4Q-2M"),
        ("SG-7K4Q-2M2", "Enter the whole reference, for example SG-7K4Q-2M"),
        ("XG-7K4Q-2M", "Enter the whole reference, for example SG-7K4Q-2M"),
        ("SG-7U4Q-2M", "Enter the whole reference, for example SG-7K4Q-2M"),
        ("SG-7K4Q-2Ж", "Enter the whole reference, for example SG-7K4Q-2M"),
        ("SG-7K4Q-2N", "Check the reference: some of its characters are not as we gave it"),
    ],
)
def test_each_mistake_has_its_own_sentence(typed, says):
    with pytest.raises(ValueError, match="reference") as refusal:
        check_reference(typed)
    assert str(refusal.value) == says


def test_a_part_of_a_reference_is_known_however_it_was_typed() -> None:
    for typed, part in [
        ("4q-2m", "4Q2M"), ("sg 7k4q", "SG7K4Q"), ("oilq", "011Q"), ("SG-7K4Q-2M", "SG7K4Q2M"),
    ]:  # fmt: skip
        assert part_of_reference(typed) == part
    for typed in ("q2m", "SG-7K4", "7K4Q-2M-7K4", "4Q2U", ""):
        assert part_of_reference(typed) is None
