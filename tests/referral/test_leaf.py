from __future__ import annotations

import enum
import hashlib
import hmac
import json
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import NamedTuple
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral.leaf import KEY_BYTES, MOST_BYTES, canonical, commitment, leaf_hash

# --- one text for one content ---


def test_keys_are_sorted_at_every_depth_and_nothing_stands_between():
    value = {"b": [1, {"d": None, "c": True}], "a": "x y", "B": (2, [])}
    assert canonical(value) == '{"B":[2,[]],"a":"x y","b":[1,{"c":true,"d":null}]}'


def test_the_order_in_which_it_was_put_together_does_not_show():
    one = {"to": "accepted", "from": "sent", "version": 4}
    assert canonical(one) == canonical(dict(reversed(one.items())))


def test_text_stands_as_itself_in_nfc():
    assert canonical({"a": "Zoe\u0308"}) == canonical({"a": "Zo\u00eb"}) == '{"a":"Zo\u00eb"}'
    assert canonical("李") == '"李"'


def test_an_accent_does_not_join_the_letter_of_an_escape():
    assert canonical("\n\u0301e\u0301") == '"\\n\u0301\u00e9"'
    assert json.loads(canonical(["\r\u0301", "\t\u0327o\u0308"])) == ["\r\u0301", "\t\u0327\u00f6"]


def test_times_are_utc_with_six_digits_and_z():
    at = datetime(2026, 5, 18, 9, 30, 15, tzinfo=UTC)
    assert canonical(at) == '"2026-05-18T09:30:15.000000Z"'
    assert canonical([at + timedelta(microseconds=7)]) == '["2026-05-18T09:30:15.000007Z"]'
    abroad = at.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert canonical({"at": abroad}) == canonical({"at": at})


def test_names_of_states_stand_as_their_text():
    class State(enum.StrEnum):
        SENT = "sent"

    assert canonical({"to": State.SENT}) == '{"to":"sent"}'


class Pair(NamedTuple):
    a: int
    b: int


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        float("inf"),
        {"a": 0.5},
        {"a": [1, {"b": (2, float("nan"))}]},
        {"at": datetime.fromisoformat("2026-05-18T09:00")},
        date(2026, 5, 18),
        Decimal(1),
        uuid.UUID(int=0),
        b"bytes",
        {"a": {1, 2}},
        object(),
    ],
)
def test_what_has_no_one_text_is_refused(value):
    with pytest.raises(TypeError):
        canonical(value)


@pytest.mark.parametrize("key", [1, None, True, 0.5, ("a",), "\u00e9", "e\u0301"])
def test_keys_are_ascii_text_and_nothing_that_turns_into_it(key):
    for value in ({key: 1}, [{"a": {key: 1}}]):
        with pytest.raises(TypeError, match="key"):
            canonical(value)


@pytest.mark.parametrize("value", [None, True, 0, -1, 2**80, "", [], {}, Pair(1, 2)])
def test_what_has_one_text_is_not_refused(value):
    assert json.loads(canonical(value)) == (list(value) if isinstance(value, Pair) else value)


def test_half_a_character_is_refused():
    with pytest.raises(ValueError, match="surrogate"):
        canonical({"a": "\ud800"})


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.text(alphabet='\n\r\t\b\f"\\aeno\u0301\u0308\u0327\u0338<=>\u00e9\u212a'),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(alphabet="abcXYZ_0", max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def in_nfc(value):
    if isinstance(value, str):
        return normalize("NFC", value)
    if isinstance(value, dict):
        return {key: in_nfc(inner) for key, inner in value.items()}
    return [in_nfc(inner) for inner in value] if isinstance(value, list) else value


@given(values)
def test_what_is_read_back_is_what_was_written_in_nfc(value):
    text = canonical(value)
    assert json.loads(text) == in_nfc(value)
    assert canonical(json.loads(text)) == text


@given(values)
def test_ways_of_writing_the_same_characters_give_one_text(value):
    def apart(value):
        if isinstance(value, str):
            return normalize("NFD", value)
        if isinstance(value, dict):
            return {key: apart(inner) for key, inner in value.items()}
        return tuple(apart(inner) for inner in value) if isinstance(value, list) else value

    assert canonical(apart(value)) == canonical(value)


# --- size ---


@pytest.mark.parametrize(
    ("letter", "size"), [("a", 1), ("\u00e9", 2), ("李", 3), ("\U0001f3b5", 4)]
)
def test_an_entry_holds_65535_bytes_and_not_one_more(letter, size):
    letters, rest = divmod(MOST_BYTES - len('""'), size)
    full = canonical(letter * letters + "a" * rest)
    assert len(full.encode()) == MOST_BYTES == 65_535
    with pytest.raises(ValueError, match="65535 bytes at most, not 65536"):
        canonical(letter * letters + "a" * (rest + 1))


# --- hashes ---


@pytest.mark.parametrize(
    ("entry", "known"),
    [
        # The inputs that certificate transparency logs are tested with.
        ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        ("00", "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
        ("10", "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7"),
        ("2021", "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7"),
        ("3031", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"),
        ("40414243", "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658"),
        ("5051525354555657", "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"),
        (
            "606162636465666768696a6b6c6d6e6f",
            "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
        ),
        ("4c313233343536", "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"),
    ],
)
def test_the_leaf_hash_is_that_of_rfc_6962(entry, known):
    assert leaf_hash(bytes.fromhex(entry).decode()).hex() == known


def test_the_leaf_hash_is_over_the_bytes_of_utf_8():
    assert leaf_hash("Zo\u00eb") == hashlib.sha256(b"\x00Zo\xc3\xab").digest()
    assert leaf_hash("a") != hashlib.sha256(b"a").digest()


# --- commitment ---


def test_a_commitment_is_the_known_hmac():
    key = bytes(range(32))
    known = hmac.new(key, b'{"a":"Zo\xc3\xab"}', hashlib.sha256).hexdigest()
    assert commitment(key, '{"a":"Zo\u00eb"}') == known


def test_another_key_or_other_details_give_another_commitment():
    one, other = b"k" * KEY_BYTES, b"l" * KEY_BYTES
    assert commitment(one, "x") == commitment(one, "x")
    assert len({commitment(one, "x"), commitment(other, "x"), commitment(one, "y")}) == 3


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="32 bytes"):
        commitment(b"k" * length, "x")
