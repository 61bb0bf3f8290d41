"""Keeping what a directory feed says: again is an update, and all or nothing means it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from referral.store import Sql, Store
from tests.databases import BUILT
from web.directory.store import import_feed
from web.edge import Edge
from workflows.organisations import setup_system

DATA = Path(__file__).parent.parent / "data" / "directory"
OUTSIDE = os.environ.get("SEGUE_TEST_DATA")


@pytest.fixture
def edge(store: Store) -> Edge:
    with store.begin() as tx:
        setup_system(tx, "Local", BUILT)
    return Edge(store, lambda: BUILT)


def system(edge: Edge) -> str:
    with edge.store.read() as tx:
        return str(tx.rows(Sql("SELECT id FROM system"))[0][0])


def activities(edge: Edge) -> list[tuple[str, str, str]]:
    with edge.store.read() as tx:
        query = Sql(
            "SELECT a.name, a.status, o.name FROM activity a"
            " JOIN provider p ON p.id = a.provider_id"
            " JOIN organisation o ON o.id = p.organisation_id ORDER BY a.name"
        )
        return [(r[0], r[1], r[2]) for r in tx.rows(query)]


def test_a_feed_becomes_providers_with_activities_that_have_no_places_yet(edge: Edge) -> None:
    found = import_feed(edge, system(edge), str(DATA / "services.json"))
    assert found.added == len(activities(edge)) > 0
    assert found.refused == 0
    with edge.store.read() as tx:
        places = tx.rows(Sql("SELECT DISTINCT capacity FROM activity_group"))
    assert places == [(0,)]


def test_importing_again_changes_nothing_and_a_changed_item_is_brought_up_to_date(
    edge: Edge, tmp_path: Path
) -> None:
    first = import_feed(edge, system(edge), str(DATA / "services.json"))
    before = activities(edge)
    again = import_feed(edge, system(edge), str(DATA / "services.json"))
    assert (again.added, again.changed, again.unchanged) == (0, 0, first.added)
    assert activities(edge) == before
    feed = json.loads((DATA / "services.json").read_text())
    items = feed["contents"] if isinstance(feed, dict) else feed
    items[0]["description"] = "Something else altogether."
    changed = tmp_path / "services.json"
    changed.write_text(json.dumps(feed))
    third = import_feed(edge, system(edge), str(changed))
    assert (third.added, third.changed) == (0, 1)


def test_a_bad_item_is_refused_by_name_and_the_others_are_kept(edge: Edge) -> None:
    found = import_feed(edge, system(edge), str(DATA))
    assert found.refused > 0
    assert found.added > 0
    refused = [p for p in found.problems if p.refused]
    assert all(p.reason for p in refused)
    assert any(p.name == "An id that is a list" and p.field == "id" for p in refused)


def test_all_or_nothing_keeps_nothing_when_something_is_refused(edge: Edge) -> None:
    found = import_feed(edge, system(edge), str(DATA), all_or_nothing=True)
    assert found.undone
    assert found.refused > 0
    assert activities(edge) == []
    assert found.lines()[0].startswith("Nothing was kept")


def test_a_file_cut_off_in_the_middle_is_named(edge: Edge, tmp_path: Path) -> None:
    whole = (DATA / "services.json").read_text()
    cut = tmp_path / "services.json"
    cut.write_text(whole[: len(whole) // 2])
    found = import_feed(edge, system(edge), str(cut))
    assert found.refused >= 1
    assert found.added == len(activities(edge)) > 0


@pytest.mark.parametrize("feed", ["open-referral-uk/feed"] if OUTSIDE else [])
def test_the_outside_feed_is_imported_with_warnings_and_without_refusals(
    edge: Edge, feed: str
) -> None:
    found = import_feed(edge, system(edge), str(Path(OUTSIDE or "") / feed))
    assert found.refused == 0
    assert found.added == 1
    named = {p.field for p in found.problems if p.dropped}
    assert any("latitude" in str(f) for f in named)
    with edge.store.read() as tx:
        kept = tx.rows(Sql("SELECT external FROM external_id WHERE noun = 'activity'"))
    assert kept == [("ac148810-d857-441c-9679-408f346de14b",)]
