"""The words read out: published from a day on, in each language, and never changed afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from referral import records, wordings
from referral.store import Sql, Store
from tests.winding import rows
from tests.world import World, build
from workflows.consent import wording_now
from workflows.engine import Refused
from workflows.wordings import publish_wording
from workflows.working_time import local_day

SHARE = "share_with_provider"


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def published(w: World, body: str, who: str = "ada", days: int = 0, **more: Any) -> str:
    asked = {"purpose": SHARE, "language": "en", "from_on": local_day(w.at) + timedelta(days=days)}
    with w.store.begin(w.actor[who]) as tx:
        return publish_wording(tx, w.actor[who], w.at, body=body, **{**asked, **more})


def read_out(w: World, language: str = "en") -> tuple[str, int]:
    with w.store.read() as tx:
        found = wording_now(tx, w.system_id, SHARE, w.at, language)
    assert found is not None
    return found[1], found[2]


def test_a_new_version_is_read_out_from_its_day(w: World) -> None:
    before = read_out(w)
    published(w, "May we tell the choir about you?", days=5)
    assert read_out(w) == before
    w.later(days=5)
    assert read_out(w) == ("May we tell the choir about you?", 2)


def test_an_answer_keeps_the_words_that_were_heard(w: World) -> None:
    consent = w.consent(w.person()).id
    with w.store.read() as tx:
        heard = records.consent(tx, w.actor["priya"], consent)
    published(w, "May we tell the choir about you?")
    w.later(days=1)
    with w.store.read() as tx:
        still = records.consent(tx, w.actor["priya"], consent)
    assert still is not None
    assert heard is not None
    assert (still.wording, still.wording_number) == (heard.wording, 1)
    newer = w.consent(w.person()).id
    with w.store.read() as tx:
        found = records.consent(tx, w.actor["priya"], newer)
    assert found is not None
    assert (found.wording, found.wording_number) == ("May we tell the choir about you?", 2)


def test_each_language_has_its_own_versions_and_english_stands_in(w: World) -> None:
    published(w, "A gawn ni ddweud wrth y côr amdanoch chi?", language="cy")
    assert read_out(w, "cy") == ("A gawn ni ddweud wrth y côr amdanoch chi?", 1)
    assert read_out(w)[1] == 1
    with w.store.read() as tx:
        found = records.wordings(tx, w.actor["priya"], w.at, "cy")
        known = records.wording_languages(tx, w.actor["priya"], w.at)
    assert (found[SHARE].language, found["contact"].language) == ("cy", "en")
    assert known[SHARE] == ["cy", "en", "en-simple"]


@pytest.mark.parametrize("who", ["priya", "tess", "grace", "ingrid", "art", "sol"])
def test_only_an_administrator_publishes(w: World, who: str) -> None:
    with pytest.raises(Refused) as told:
        published(w, "May we?", who)
    assert told.value.codes == ("not_your_role",)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"body": "  "}, "body"),
        ({"body": "x" * 4001}, "body"),
        ({"days": -1}, "from_on"),
        ({"purpose": "marketing"}, "purpose"),
        ({"language": "English"}, "language"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_published(
    w: World, given: dict[str, Any], field: str
) -> None:
    before = len(rows(w.store, "SELECT id FROM wording"))
    with pytest.raises(Refused) as told:
        published(w, **{"body": "May we?", **given})
    assert [r.field for r in told.value.refusals] == [field]
    assert len(rows(w.store, "SELECT id FROM wording")) == before


def test_the_same_words_are_no_new_version(w: World) -> None:
    published(w, "May we?")
    with pytest.raises(Refused) as told:
        published(w, " May we? ")
    assert [r.field for r in told.value.refusals] == ["body"]


@pytest.mark.parametrize("change", ["UPDATE wording SET body = 'x'", "DELETE FROM wording"])
def test_published_words_are_never_changed_by_anybody(w: World, change: str) -> None:
    with (
        pytest.raises(Exception, match=r"never edited or removed|permission denied"),
        w.store.begin() as tx,
    ):
        tx.run(Sql(change))


def test_who_published_what_and_how_many_heard_it(w: World) -> None:
    w.consent(w.person())
    published(w, "May we?")
    with w.store.read() as tx:
        found = wordings.versions(tx, w.system_id, SHARE, "en")
    assert [(v.number, v.published_by, v.heard) for v in found] == [
        (2, "Ada Admin", 0),
        (1, None, 1),
    ]
