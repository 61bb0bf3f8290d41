"""What the log says of a row, and the same said of the row as it stands."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from referral.details import details_of, digest, readers, told
from referral.ids import new_id
from referral.leaf import canonical
from referral.ledger import Row, insert, stored, update
from referral.replay import same
from referral.schema import instant_text

AT = datetime(2026, 5, 12, 9, 30, tzinfo=UTC)
COMPOSED, APART = "Caf\N{LATIN SMALL LETTER E WITH ACUTE}", "Cafe\N{COMBINING ACUTE ACCENT}"


def said(table: str, column: str, value: Any) -> Any:
    """What the details of an entry say of this value, read back."""
    return json.loads(canonical(details_of(table, {column: value})))[column]


@pytest.mark.parametrize(
    ("table", "column", "given", "stands"),
    [
        ("referral", "since", AT, AT),
        ("referral", "since", AT, instant_text(AT)),
        ("referral", "since", AT, "2026-05-12T10:30:00+01:00"),
        ("referral", "sent_at", AT.astimezone(timezone(timedelta(hours=1))), instant_text(AT)),
        ("referral", "expected_date", date(2026, 6, 1), "2026-06-01"),
        ("referral", "expected_date", "2026-06-01", date(2026, 6, 1)),
        ("referral", "urgent", True, 1),
        ("referral", "urgent", False, False),
        (
            "referral",
            "person_id",
            "0197AAAA-0000-7000-8000-00000000000A",
            "0197aaaa-0000-7000-8000-00000000000a",
        ),
        ("referral", "alternatives", ["a", APART], json.dumps(["a", COMPOSED])),
        ("referral", "alternatives", ["a", APART], json.dumps(["a", APART], indent=1)),
        ("referral", "alternatives", None, None),
        ("referral", "reason", APART, APART),
        ("referral", "safety_notes", APART, f"0:{APART}"),
        ("referral", "safety_notes", None, None),
        ("escalation", "level", 2, 2),
    ],
)
def test_the_same_content_is_the_same_however_it_is_kept(
    table: str, column: str, given: Any, stands: Any
) -> None:
    assert same(readers(table)[column], stands, said(table, column, given))


@pytest.mark.parametrize(
    ("table", "column", "given", "stands"),
    [
        ("referral", "since", AT, AT + timedelta(microseconds=1)),
        ("referral", "since", AT, "soon"),
        ("referral", "since", AT, None),
        ("referral", "expected_date", date(2026, 6, 1), "2026-06-02"),
        ("referral", "urgent", True, 2),
        ("referral", "urgent", False, None),
        ("referral", "outcome", {"goals_met": True}, '{"goals_met": 1}'),
        ("referral", "outcome", {"n": [1]}, '{"n": [true]}'),
        ("referral", "outcome", {"n": 1}, "{"),
        ("referral", "safety_notes", "Stairs.", "0:Stairs"),
        ("referral", "safety_notes", "Stairs.", "1:Stairs."),
        ("referral", "safety_notes", None, "0:"),
        ("referral", "reason", "full", "Full"),
        ("escalation", "level", 1, True),
        ("escalation", "level", 1, "1"),
    ],
)
def test_another_content_is_not(table: str, column: str, given: Any, stands: Any) -> None:
    assert not same(readers(table)[column], stands, said(table, column, given))


def test_free_text_and_who_is_named_stand_only_as_a_digest() -> None:
    user = new_id()
    row = stored(
        "concern_source",
        {
            "id": new_id(),
            "system_id": new_id(),
            "concern_id": new_id(),
            "user_id": user,
            "organisation_id": None,
            "words": "The neighbour.",
            "was_user_id": None,
            "was_organisation_id": None,
            "struck_at": None,
        },
    )
    text = canonical(told(Row(insert("concern_source"), row)))
    assert user not in text
    assert "neighbour" not in text
    new = json.loads(text)["new"]
    assert (new["user_id"], new["words"]) == (digest(user), digest("The neighbour."))
    assert new["organisation_id"] is None
    assert said("concern", "seen", "Bruises.") == digest("Bruises.")


def test_an_update_is_told_with_what_it_looked_for() -> None:
    statement = update("hold", ("ended",), ("concern_id",), empty=("ended",))
    concern = new_id()
    assert told(Row(statement, {"ended": AT, "old_concern_id": concern})) == {
        "table": "hold",
        "set": {"ended": instant_text(AT)},
        "where": {"concern_id": concern, "ended": None},
    }
    assert statement.plain.text.endswith("WHERE concern_id = :old_concern_id AND ended IS NULL")
