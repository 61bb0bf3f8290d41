"""What is counted ahead is what would be counted, whatever was done before, and is told with the
hour it was counted at; what is small, or was counted too long ago, is counted when it is asked."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from referral import scores, tallies
from referral.scores import ANSWERS
from referral.store import Sql, Store
from tests.races.rounds import rounds
from tests.tallied import count_ahead, differing
from tests.web.client import sign_in
from tests.web.test_reports import above_footer, number
from tests.winding import rows, sweep
from tests.world import OUTCOME, World, build
from web.counting import periods
from web.words import clock_words
from workflows import tallies as ahead
from workflows.engine import Refused
from workflows.equality import record_answer, take_back
from workflows.scores import correct_scores, record_scores
from workflows.working_time import local_day

MOVED = Sql("UPDATE organisation SET place_id = :place WHERE id = :organisation")
LEADS = {"choir": "sol", "pottery": "kit"}
MOVES = (
    *(("decline", {"reason": reason}) for reason in ("full", "safety", "other")),
    *(("accept", {}), ("accept", {}), ("start", {}), ("start", {}), ("complete", OUTCOME)),
    ("give_back", {"reason": "other"}),
)


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def any_history(w: World, chance: Random, acts: int = 45) -> None:
    """Referrals sent, answered, begun and put back, deadlines missed and consent taken back, over
    some quarters, to people of whom different things are known."""
    made: list[tuple[str, str, str]] = []
    for _ in range(acts):
        w.later(days=chance.choice((0, 0, 1, 3)), hours=1)
        with suppress(Refused):
            if len(made) < 4 or chance.random() < 0.3:
                made.append(_begun(w, chance))
                continue
            record, person, leader = chance.choice(made)
            if chance.random() < 0.25:
                _asked(w, chance, record)
            elif chance.random() < 0.1:
                sweep(w, w.later(days=chance.choice((8, 15, 30))))
            elif chance.random() < 0.15:
                w.consent(person, {"sol": "singers", "kit": "clay"}[leader], agreed=False)
            else:
                trigger, given = chance.choice(MOVES)
                w.referral(record, trigger, leader, given=given)


def _asked(w: World, chance: Random, record: str) -> None:
    """Some of the questions about how life is; or what was said the first time is put right."""
    answers = {name: chance.choice((None, 0, 4, 5, 8, 10)) for name in ANSWERS}
    priya, said = w.actor["priya"], {"how": "phone", "asked_on": local_day(w.at)}
    with w.store.begin(priya) as tx:
        there = scores.standing(scores.of_referral(tx, priya, record))
        if there and chance.random() < 0.3:
            correct_scores(
                tx, priya, w.at, score_id=there[0].id, why="mistyped", answers=answers, **said
            )
        else:
            record_scores(
                tx, priya, w.at, referral_id=record, stage="review", answers=answers, **said
            )


def _begun(w: World, chance: Random) -> tuple[str, str, str]:
    activity = chance.choice(("choir", "pottery"))
    person = w.person(
        birth_date=chance.choice((date(1951, 3, 15), date(2009, 5, 1), date(1980, 2, 29))),
        language=chance.choice((None, "English", "Somali")),
        interpreter=chance.choice((None, True, False)),
    )
    priya, said = w.actor["priya"], chance.choice((None, "A0", "R0", "S1", "Z0", "back"))
    if said is not None:
        answer = {"said_on": local_day(w.at), "said_how": "phone", "ethnic_group": "M0"}
        answer |= {"disability": chance.choice(("Y0", "N0", "Z0"))}
        answer |= {"ethnic_group": said} if said != "back" else {}
        with w.store.begin(priya) as tx:
            record_answer(tx, priya, w.at, person_id=person, values=answer)
            if said == "back":
                take_back(tx, priya, w.at, person_id=person)
    return w.sent(person, activity), person, LEADS[activity]


@pytest.mark.parametrize("seed", range(rounds(1, 40)))
def test_after_any_history_what_is_kept_is_what_is_counted(w: World, seed: int) -> None:
    any_history(w, Random(seed))
    with w.store.begin() as tx:
        # A referral is counted in the place of its team and in the place of its provider.
        tx.run(MOVED, place=w.place["fen"], organisation=w.org["clay"])
        assert count_ahead(tx, w.at) == 8
        kept = tallies.read(
            tx, w.actor["gail"], ahead.first(w.at), ahead.quarter(w.at, 1), None, None
        )
        assert {measure for measure, one in kept.items() if one.whole} >= {
            "sent",
            "who",
            "late",
            "scored",
        }
        for who in ("gail", "grace", "fred", "amara", "cora"):
            for provider in (None, w.provider["singers"]):
                assert differing(tx, w.actor[who], w.at, provider=provider) == []
        path = w.actor["grace"].place_path
        assert differing(tx, w.actor["gail"], w.at, path=path) == []
        # Not everything is of every place, and counting it again changes nothing.
        assert (
            tallies.read(tx, w.actor["fred"], ahead.first(w.at), ahead.quarter(w.at, 1), None, None)
            != kept
        )
        assert count_ahead(tx, w.at) == 0


def test_a_number_that_was_counted_before_says_so_and_its_list_stands_as_it_is(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "LARGE", 1)
    records = [w.sent() for _ in range(3)]
    for record in records[:2]:
        w.referral(record, "decline", "sol", given={"reason": "full"})
    said = f"Counted today at {clock_words(w.at)}."
    assert sweep(w, w.at)["quarter counted"] == 8
    assert sweep(w, w.at + timedelta(hours=2))["quarter counted"] == 0
    grace = sign_in(w, "grace")
    w.referral(records[2], "decline", "sol", given={"reason": "safety"})
    path = "/reports/declines?exact=yes"
    page = grace.get(path)
    assert number(page.text, "All") == "2"
    assert said in page.words
    assert said in grace.get("/dashboard").words
    assert "This list is as it stands now" in grace.get("/reports/declines/records").words
    # Somebody's own people are counted as they are now.
    assert number(sign_in(w, "priya").get("/reports/declines").text, "All") == "3"
    assert "Counted" not in sign_in(w, "priya").get("/reports/declines").words
    # The next morning.
    sweep(w, (w.at + timedelta(days=1)).replace(hour=5))  # six in summer
    page = sign_in(w, "grace").get(path)
    assert number(page.text, "All") == "3"
    assert "Counted today at 6am." in page.words
    # No worker for longer than a day.
    w.later(hours=27)
    page = sign_in(w, "grace").get(path)
    assert "Counted" not in above_footer(page)
    assert number(page.text, "All") == "3"


def test_a_small_system_is_counted_when_somebody_asks(w: World) -> None:
    w.referral(w.sent(), "decline", "sol", given={"reason": "full"})
    assert sweep(w, w.at)["quarter counted"] == 0
    page = sign_in(w, "grace").get("/reports/declines?exact=yes")
    assert number(page.text, "All") == "1"
    assert "Counted" not in above_footer(page)


def test_two_workers_count_one_quarter_once(w: World) -> None:
    w.sent()
    with w.store.begin() as tx:
        one = next(iter(ahead.due(tx, w.at, 1)))
        cells = [
            *ahead.count(tx, one, w.at),
            *ahead.count(tx, one._replace(quarter=ahead.quarter(w.at)), w.at),
        ]
        assert cells
        assert ahead.keep(tx, one, w.at, cells)
        assert not ahead.keep(tx, one, w.at, cells)
    assert rows(w.store, "SELECT count(*) FROM tally") == [(len(cells),)]


def test_what_nobody_may_ask_for_any_more_is_let_go(w: World) -> None:
    w.sent()
    with w.store.begin() as tx:
        count_ahead(tx, w.at)
        w.later(days=800)
        one = ahead.Due(w.system_id, ahead.quarter(w.at))
        ahead.keep(tx, one, w.at, [])
    assert rows(w.store, "SELECT count(*) FROM tally") == [(0,)]
    assert rows(w.store, "SELECT count(*) FROM tallied") == [(1,)]


@pytest.mark.parametrize("month", range(1, 13))
def test_every_time_that_may_be_asked_for_is_made_of_quarters_that_are_counted(month: int) -> None:
    at = datetime(2026, month, 15, 12, tzinfo=UTC)
    counted = list(tallies.quarters(ahead.first(at), ahead.quarter(at, 1)))
    assert len(counted) == 8
    for one in periods(at, complete=False):
        asked = [day for day in tallies.quarters(one.first, one.after) if day <= counted[-1]]
        assert asked
        assert set(asked) <= set(counted)
        assert ahead.begins(one.first) == one.since
        assert ahead.begins(one.after) == one.until
