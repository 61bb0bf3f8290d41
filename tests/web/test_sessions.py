"""Who came: one page, one press, and what is said of each person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from referral.ids import new_id
from referral.rows import put
from referral.store import Sql, Store
from tests.web.client import sign_in
from tests.world import World, build

CAME = Sql("SELECT came FROM attendance WHERE referral_id = :id ORDER BY day")
PERSON = Sql("SELECT person_id FROM referral WHERE id = :id")
STATE = Sql("SELECT state FROM referral WHERE id = :id")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def came(w: World, record: str) -> list[str]:
    with w.store.read() as tx:
        return [row[0] for row in tx.rows(CAME, id=record)]


def path(w: World) -> str:
    return f"/sessions/{w.activity['choir']}/{w.at.date()}"


def test_everyone_came_but_one(w: World) -> None:
    first, second = w.active(), w.active()
    sol = sign_in(w, "sol")
    page = sol.fill(path(w), everyone="yes")
    assert came(w, first) == []
    page = sol.send(page, follow=False, **{f"came-{second}": "did_not_come"})
    assert page.status == 303
    assert came(w, first) == ["came"]
    assert came(w, second) == ["did_not_come"]


def test_who_was_not_answered_for_is_left_alone(w: World) -> None:
    first, second = w.active(), w.active()
    sign_in(w, "sol").fill(path(w), follow=False, **{f"came-{first}": "late"})
    assert came(w, first) == ["late"]
    assert came(w, second) == []


def test_coming_for_the_first_time_is_the_start(w: World) -> None:
    record = w.accepted()
    sign_in(w, "sol").fill(path(w), follow=False, **{f"came-{record}": "came"})
    assert came(w, record) == ["came"]
    with w.store.read() as tx:
        assert tx.row(STATE, id=record) == ("active",)


def test_another_provider_has_no_register_there(w: World) -> None:
    record = w.active()
    kit = sign_in(w, "kit")
    assert kit.get(path(w)).status == 404
    assert kit.post(path(w), {f"came-{record}": "came"}).status == 404
    assert came(w, record) == []


def test_a_link_worker_has_no_register(w: World) -> None:
    w.active()
    assert sign_in(w, "priya").get(path(w)).status == 403


def test_two_missed_in_a_row_ask_for_a_word(w: World) -> None:
    record = w.active()
    sol = sign_in(w, "sol")
    sol.fill(path(w), **{f"came-{record}": "did_not_come"})
    assert "Did not come twice" not in sol.get(path(w)).words
    w.later(days=7)
    page = sign_in(w, "sol").fill(path(w), **{f"came-{record}": "did_not_come"})
    assert "Did not come twice in a row" in page.words


def test_no_register_for_a_day_to_come(w: World) -> None:
    w.active()
    sol = sign_in(w, "sol")
    tomorrow = w.at.date() + timedelta(days=1)
    assert sol.get(f"/sessions/{w.activity['choir']}/{tomorrow}").status == 404
    assert sol.get(f"/sessions/{w.activity['choir']}/sometime").status == 404


def test_another_day_is_asked_for(w: World) -> None:
    w.active()
    sol = sign_in(w, "sol")
    ask = f"/sessions/{w.activity['choir']}/another-day"
    assert sol.get(ask).status == 200
    page = sol.get(f"{ask}?day-day=11&day-month=May&day-year=2026")
    assert "Monday 11 May 2026" in page.words
    page = sol.get(f"{ask}?day-day=31&day-month=2&day-year=2026")
    assert page.status == 422
    assert "Enter a real date" in page.words


def test_a_full_hold_leaves_the_first_name_alone(w: World) -> None:
    record = w.active()
    sol = sign_in(w, "sol")
    assert "Margaret Okoro1" in sol.get(path(w)).words
    held(w, record)
    page = sol.get(path(w))
    assert "Margaret" in page.words
    assert "Okoro1" not in page.words
    assert "On hold." in page.words


def held(w: World, record: str) -> None:
    """A full hold against the provider's side, whatever its cause."""
    with w.store.begin() as tx:
        row = tx.row(PERSON, id=record)
        assert row is not None
        put(
            tx,
            "hold",
            {
                "id": new_id(w.at),
                "system_id": w.system_id,
                "organisation_id": w.org["ash"],
                "cause": "records",
                "concern_id": None,
                "person_id": row[0],
                "provider_id": w.provider["singers"],
                "referral_id": record,
                "closed_to": "provider",
                "owner": f"team_lead@{w.org['ash']}",
                "started": w.at,
                "until": None,
                "ended": None,
            },
        )


def test_the_list_of_sessions_leads_to_the_register(w: World) -> None:
    w.active()
    page = sign_in(w, "sol").get("/sessions")
    assert "1 person has a place." in page.words
    assert path(w) in page.text


READS = Sql("SELECT count(*) FROM audit WHERE action = 'read' AND noun = 'register'")


def test_reading_a_register_is_in_the_audit_log(w: World) -> None:
    w.active()
    sol = sign_in(w, "sol")
    sol.get("/sessions")
    with w.store.read() as tx:
        assert tx.row(READS) == (0,)
    sol.get(path(w))
    with w.store.read() as tx:
        assert tx.row(READS) == (1,)


def test_one_who_cannot_be_saved_does_not_stop_the_others(w: World) -> None:
    first, second = w.accepted(), w.active()
    held(w, first)
    page = sign_in(w, "sol").fill(path(w), **{f"came-{first}": "came", f"came-{second}": "came"})
    assert came(w, first) == []
    assert came(w, second) == ["came"]
    assert "On hold." in page.words
