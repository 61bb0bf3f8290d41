"""The demo: a true history that verifies, doors that open, and a clock that winds on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from referral import counts
from referral.members import actor_of
from referral.states import ConcernState, EscalationState, ReferralState
from referral.store import Sql, Store
from referral.upgrade import upgrade
from referral.verify import verify
from tests.databases import already
from web import worker
from web.demo import files, run
from web.demo.clock import WoundClock
from web.demo.pages import BEHIND_ITS_BACK
from web.demo.story import tell
from web.edge import Edge
from workflows import tallies
from workflows.engine import move_tables
from workflows.rules_for_verify import rules_for_verify
from workflows.small_numbers import HIDDEN_TO

# A Monday, a Thursday before Christmas, and a Sunday after the clocks went back.
DAYS = (
    datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
    datetime(2026, 12, 24, 16, 0, tzinfo=UTC),
    datetime(2027, 10, 31, 12, 0, tzinfo=UTC),
)


@pytest.fixture(params=DAYS, ids=lambda day: f"{day:%Y-%m-%d}")
def told(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[tuple[Store, datetime]]:
    """The story as told on a day: told once, and copied for each test."""
    at = request.param

    def story(store: Store) -> bool:
        upgrade(store, at, move_tables())
        tell(store, at, "x", lambda moment: worker.sweep_all(Edge(store, lambda: moment)))
        return True

    store = Store(sqlite_url)
    assert already(store, f"story_{at:%Y%m%d}", story, of=None)
    yield store, at
    store.dispose()


def states(store: Store, table: str) -> set[str]:
    with store.read() as tx:
        return {row[0] for row in tx.rows(Sql(f"SELECT DISTINCT state FROM {table}"))}


def test_the_story_has_something_of_everything_and_verifies(told: tuple[Store, datetime]) -> None:
    store, _at = told
    assert states(store, "referral") == set(ReferralState)
    assert {EscalationState.RAISED, EscalationState.IN_REVIEW} <= states(store, "escalation")
    assert states(store, "concern") - {ConcernState.CLOSED}
    with store.read() as tx:
        late = tx.rows(Sql("SELECT count(*) FROM clock WHERE ended IS NULL AND missed IS NOT NULL"))
        held = tx.rows(Sql("SELECT count(*) FROM hold WHERE ended IS NULL"))
        report = verify(tx, rules_for_verify())
    assert late[0][0] > 0
    assert held[0][0] > 0
    assert report.whole, report.lines()[:5]


def test_the_last_quarter_that_is_over_has_numbers_that_may_be_told(
    told: tuple[Store, datetime],
) -> None:
    """Whoever is shown numbers alone, and of no quarter that goes on, finds some there."""
    store, at = told
    until = tallies.begins(tallies.quarter(at))
    since = tallies.begins(tallies.quarter(at, -1))
    asked = counts.Asked(since, until, at, (at, at, at))
    with store.read() as tx:
        member = Sql("SELECT CAST(id AS text) FROM membership WHERE role = 'commissioner'")
        actor = actor_of(tx, tx.rows(member)[0][0], at)
        assert actor is not None
        for measure in ("who", "started", "declined", "late"):
            found = counts.counted(tx, actor, measure, (), asked)
            assert sum(found.values()) > HIDDEN_TO, measure


def test_winding_on_ten_working_days_brings_the_ignored_one_back(
    told: tuple[Store, datetime], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, at = told
    monkeypatch.setattr("web.demo.clock.now", lambda: at)
    clock = WoundClock(tmp_path / "demo.clock")
    with store.read() as tx:
        sent = {r[0] for r in tx.rows(Sql("SELECT id FROM referral WHERE state = 'sent'"))}
    edge = Edge(store, clock)
    for moment in clock.days_on(10):
        clock.wind_to(moment)
        worker.sweep_all(edge)
    with store.read() as tx:
        back = {
            r[0]
            for r in tx.rows(
                Sql("SELECT record_id FROM step WHERE trigger = 'lapse' AND at > :at"), at=at
            )
        }
        report = verify(tx, rules_for_verify())
    assert back & sent
    assert report.whole, report.lines()[:5]
    with pytest.raises(ValueError, match="wound on"):
        clock.wind_to(at)


def test_the_commands_the_demo_shows_name_the_files_it_makes() -> None:
    edit, check = BEHIND_ITS_BACK
    assert f" {files.DATABASE} " in edit
    said = dict(word.split("=", 1) for word in check.split() if "=" in word)
    assert said == {
        "SEGUE_DATABASE_URL": f"sqlite:///{files.DATABASE}",
        "SEGUE_AUDIT_KEY": str(run.AUDIT_KEY),
        "SEGUE_WRAPPING_KEYS": str(files.KEYS),
    }
    assert check.endswith(" .venv/bin/segue audit verify")
