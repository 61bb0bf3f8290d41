"""Health says what isn't well, and nothing when all is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from referral.health import Finding, health
from referral.states import Role
from referral.store import Sql, Store
from tests.keeping import KEYS, Place, keep, keeper_of
from tests.winding import after, sweep
from tests.world import World, build
from workflows.organisations import add_membership, add_place, add_user


@pytest.fixture
def w(store: Store) -> World:
    """The world with its one empty rung filled, and nothing waiting."""
    made = build(store)
    with store.begin() as tx:
        user = add_user(tx, made.system, made.at, name="Sid Fen", email="sid@example.org")
        add_membership(
            tx,
            made.system,
            made.at,
            user_id=user,
            organisation_id=made.org["fen_board"],
            role=Role.SAFEGUARDING_LEAD,
            place_id=made.place["fen"],
        )
    sweep(made)
    keep(made)
    return made


def found(w: World, at: datetime | None = None) -> dict[str, Finding]:
    with w.store.read() as tx:
        return {f.code: f for f in health(tx, at or w.at).findings}


def run(w: World, text: str, **params: object) -> None:
    with w.store.begin() as tx:
        tx.run(Sql(text), **params)


def test_a_store_where_all_is_well_says_so(w: World) -> None:
    w.active()
    sweep(w)
    keep(w)
    with w.store.read() as tx:
        seen = health(tx, w.at)
    assert (seen.well, seen.findings) == (True, ())
    first, head = seen.lines()
    assert first == "Everything runs."
    assert head == seen.head_line


def test_a_sweep_that_has_stopped_shows_within_two_periods(w: World) -> None:
    w.draft()
    sweep(w)
    due = after(w.at, 5)
    assert "sweep_behind" not in found(w, due + timedelta(seconds=20))
    late = found(w, due + timedelta(seconds=21))
    assert late["sweep_behind"].count == 1
    sweep(w, due + timedelta(minutes=1))
    assert "sweep_behind" not in found(w)


def test_a_clock_that_a_dead_worker_claimed_still_counts_as_behind(w: World) -> None:
    w.draft()
    sweep(w)
    due = after(w.at, 5)
    run(w, "UPDATE clock SET lease_until = :at", at=due + timedelta(days=1))
    assert "sweep_behind" in found(w, due + timedelta(minutes=1))


def test_mail_that_lies_about_shows(w: World) -> None:
    w.sent()
    assert "post_behind" not in found(w)
    assert found(w, w.at + timedelta(minutes=1))["post_behind"].count == 1
    sweep(w)
    assert "post_behind" not in found(w, w.at + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("column", "code"),
    [
        ("safeguarding_phone", "no_safeguarding_phone"),
        ("out_of_hours_phone", "no_out_of_hours_phone"),
        ("outside_contact", "no_outside_contact"),
    ],
)
def test_a_place_without_somebody_to_ring_fails(w: World, column: str, code: str) -> None:
    run(w, f"UPDATE place SET {column} = NULL WHERE id = :id", id=w.place["fen"])
    assert found(w)[code].which == ("Fen",)
    # A number of the whole system answers for its places.
    run(w, f"UPDATE place SET {column} = '01632 960111' WHERE id = :id", id=w.place["root"])
    assert code not in found(w)


def test_a_new_neighbourhood_has_the_numbers_of_its_place(w: World) -> None:
    with w.store.begin() as tx:
        add_place(
            tx,
            w.system,
            w.at,
            name="Quayside",
            kind="neighbourhood",
            parent_id=w.place["harbour"],
        )
    assert found(w) == {}


def test_work_that_waits_for_nobody_shows(w: World) -> None:
    w.draft()
    priya = w.actor["priya"].membership_id
    run(w, "UPDATE membership SET ended_at = :at WHERE id = :id", at=w.at, id=priya)
    assert "nobody_answers" not in found(w), "the team lead stands in"
    tess = w.actor["tess"].membership_id
    run(w, "UPDATE membership SET ended_at = :at WHERE id = :id", at=w.at, id=tess)
    assert found(w)["nobody_answers"].which == (f"member@{priya}",)


@pytest.mark.parametrize(
    ("who", "says"),
    [
        ("amara", "accountable officer for Saltmarsh"),
        ("fred", "governance lead for Fen"),
        ("seth", "safeguarding lead for Saltmarsh"),
    ],
)
def test_a_rung_with_nobody_on_it_shows(w: World, who: str, says: str) -> None:
    user = w.actor[who].user_id
    run(w, "UPDATE app_user SET active = :no WHERE id = :id", no=False, id=user)
    assert found(w)["empty_rung"].which == (says,)


def test_bank_holidays_that_run_out_warn_ninety_days_before(w: World) -> None:
    for day, seen in ((datetime(2029, 10, 1), False), (datetime(2029, 10, 2), True)):  # noqa: DTZ001
        codes = found(w, day.replace(tzinfo=UTC))
        assert ("bank_holidays_end" in codes) is seen
    soon = found(w, datetime(2029, 12, 31, tzinfo=UTC))["bank_holidays_end"]
    assert soon.warning
    over = found(w, datetime(2030, 1, 1, tzinfo=UTC))["bank_holidays_end"]
    assert not over.warning


def test_it_can_be_said_to_a_program_and_in_lines(w: World) -> None:
    run(w, "UPDATE place SET safeguarding_phone = NULL")
    with w.store.read() as tx:
        seen = health(tx, w.at)
    said = seen.as_json()
    assert said["well"] is False
    assert [f["code"] for f in said["findings"]] == ["no_safeguarding_phone"]
    assert seen.lines()[0].startswith("Wrong: 2 places with no safeguarding number")
    assert seen.lines()[1:3] == ["  Fen", "  Harbour"]


# -- the log ------------------------------------------------------------------------------------


def log_codes(w: World) -> set[str]:
    return {code for code in found(w) if code.startswith("audit_")}


def test_entries_without_a_place_show_after_five_minutes(w: World) -> None:
    w.person()
    w.later(minutes=5)
    assert log_codes(w) == set()
    w.later(minutes=1)
    assert log_codes(w) == {"audit_unplaced"}
    assert "1 entry " in found(w)["audit_unplaced"].says
    keep(w)
    assert log_codes(w) == set()


def test_entries_that_wait_unsigned_show_with_why(w: World) -> None:
    w.person()
    begun = w.at
    w.later(minutes=4)
    keeper_of(w, keys=None).turn()
    said = found(w)["audit_unsigned"].says
    assert "There is no key." in said
    assert f"{begun:%-d %B %Y}" in said
    keep(w)
    assert log_codes(w) == set()
    w.person()
    keeper_of(w, Place()).place()
    w.later(minutes=11)
    assert "segue worker" in found(w)["audit_unsigned"].says


def test_a_head_that_does_not_get_out_shows_after_a_quarter_of_an_hour(w: World) -> None:
    w.person()
    place = Place(fails="It doesn't answer.")
    keeper_of(w, place).turn(now=True)
    w.later(minutes=15)
    assert log_codes(w) == set()
    w.later(minutes=1)
    said = found(w)["audit_unpublished"].says
    assert "elsewhere" in said
    assert "It doesn't answer." in said
    place.fails = ""
    keeper_of(w, place).turn(now=True)
    assert log_codes(w) == set()


def test_heads_that_stay_in_the_database_are_warned_of(w: World) -> None:
    keeper_of(w).turn(now=True)
    seen = found(w)["audit_kept_inside"]
    assert seen.warning
    assert "SEGUE_AUDIT_FOLDER" in seen.says


def test_a_check_that_found_something_or_was_not_made_shows(w: World) -> None:
    keeper = keeper_of(w, Place())
    keeper.check()
    assert log_codes(w) == set()
    w.later(days=2, minutes=1)
    assert log_codes(w) == {"audit_unchecked"}
    keeper.check()
    assert log_codes(w) == set()
    keeper.keys = KEYS.with_new("other.example/audit")
    keeper.keys = type(keeper.keys)(keeper.keys.signers)
    keeper.check()
    assert "audit_broken" in log_codes(w)
