"""Words that would do something if a page took them for its own, wherever people's words stand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from referral.documents import BYTES
from referral.ledger import TABLES
from referral.schema import Free
from referral.store import Store
from tests.databases import beyond

MARK = "<i data-harm="
"""What no page may ever hold as it stands."""
HARM = (
    f""" "'>{MARK}"1" onclick=alert(1)><script>alert(2)</script>{{{{ 7*7 }}}} &amp; %(x)s"""
    " \u05e9\u05dc\u05d5\u05dd \u202eabc\u202c \U0001f3ad\U0001f469\u200d\U0001f3a8"
    " Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogoch"
)
AS_TEXT = "&lt;i data-harm="

# The columns, not under a key, where somebody's own words stand.
WORDS = {
    "activity": ("name", "description", "location", "when_words", "cost_words"),
    "activity_group": ("name",),
    "agreement": ("title",),
    "announcement": ("title",),
    "app_user": ("name",),
    "authority": ("name",),
    "concern": ("reported_to",),
    "organisation": ("name",),
    "person": ("given_name", "family_name", "practice", "contact_times", "address"),
    "place": ("name", "outside_contact"),
    "policy_change": ("title", "because"),
    "policy_comment": ("body",),
    "policy_rule": ("because",),
    "rota_line": ("name",),
    "system": ("name",),
    "theme": ("name",),
    "wording": ("body",),
}
LISTS = {"activity": ("safety_questions",), "plan": ("goals",)}


@contextmanager
def sealed_words_do_harm() -> Iterator[None]:
    """While a story is told here, all that is put under a key gets the harm behind it."""
    told = Free.text
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Free, "text", property(lambda self: with_harm(told.fget(self))))  # type: ignore[attr-defined]
        yield


def with_harm(words: str) -> str:
    """The same with the harm behind it; in JSON, behind each text of several words."""
    if words.startswith(BYTES):
        return words
    if words.startswith(("{", "[")):
        return json.dumps(_spoken(json.loads(words)))
    return words + HARM


def _spoken(value: Any) -> Any:
    """JSON says codes and ids as well as words: words are what has a space in it."""
    if isinstance(value, dict):
        return {key: _spoken(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_spoken(inner) for inner in value]
    return value + HARM if isinstance(value, str) and " " in value else value


def plain_words_do_harm(store: Store) -> dict[str, int]:
    """The harm behind all that stands in plain columns; how many rows of each there were."""
    found: dict[str, int] = {}
    with beyond(store) as powerful, powerful.engine.begin() as connection:
        drop_guards(connection)
        for table, columns in WORDS.items():
            for column in columns:
                changed = connection.execute(
                    text(f"UPDATE {table} SET {column} = {column} || :harm"),
                    {"harm": HARM},
                )
                found[f"{table}.{column}"] = changed.rowcount
        for table, columns in LISTS.items():
            key = next(iter(TABLES[table].primary_key.columns)).name
            for column in columns:
                for id_, listed in connection.execute(text(f"SELECT {key}, {column} FROM {table}")):
                    if listed is not None:
                        connection.execute(
                            text(f"UPDATE {table} SET {column} = :value WHERE {key} = :id"),
                            {"value": with_harm(listed), "id": id_},
                        )
    return found


def drop_guards(connection: Any) -> None:
    """What is only ever added to is changed here: the triggers against it go."""
    for (name,) in connection.execute(
        text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    ).all():
        connection.execute(text(f"DROP TRIGGER {name}"))
