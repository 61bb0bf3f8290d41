"""A database that takes nothing, and a commit whose answer is lost: pages and programs are told
what happened and what to do, nothing typed is lost, and the same form counts once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from referral import store as stores
from referral.store import CannotWrite, OutcomeUnknown, Sql, Store, Tx
from tests.counting import only_these_grow
from tests.databases import beyond
from tests.web.api import program
from tests.web.client import sign_in
from tests.web.sample import CALLS
from tests.world import World, build
from web.edge import Edge

# Long enough that no two of it fit into one page of the file.
ASKED = {"note": "Can she climb stairs?" + " Please say." * 300, "sure": "no", "how": "phone"}
FULL_ON_POSTGRESQL = (
    "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
    " $$BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END$$",
    "CREATE TRIGGER full_disk BEFORE INSERT ON step EXECUTE FUNCTION full_disk()",
)


@pytest.fixture
def w(store_url: str) -> Iterator[World]:
    store = Store(store_url, pool_size=1)
    CALLS.clear()
    w = build(store)
    w.referral(w.sent(), "ask", "sol", given={"note": ASKED["note"]})
    yield w
    store.dispose()


def run(w: World, *statements: str) -> None:
    """Something is done to the database itself, on the one connection there is."""
    with beyond(w.store) as powerful, powerful.engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    w.store.dispose()


class Full:
    """The disk is full: really on SQLite, by a trigger that says the same on PostgreSQL."""

    def __init__(self, w: World) -> None:
        self.w = w

    def begin(self) -> None:
        if self.w.store.pg:
            run(self.w, *FULL_ON_POSTGRESQL)
            return
        run(self.w, "VACUUM")
        with self.w.store.read() as tx:
            (pages,) = tx.rows(Sql("SELECT * FROM pragma_page_count"))[0]
            tx.raw.execute(f"PRAGMA max_page_count = {pages}")

    def end(self) -> None:
        if self.w.store.pg:
            run(self.w, "DROP FUNCTION full_disk CASCADE")
        else:
            self.w.store.dispose()


class ReadOnly:
    """It may only be read: as after a failover, or on a disk mounted so."""

    def __init__(self, w: World) -> None:
        self.w = w

    def begin(self) -> None:
        if self.w.store.pg:
            name = self.w.store.url.database
            run(self.w, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            return
        with self.w.store.read() as tx:
            tx.raw.execute("PRAGMA query_only = ON")

    def end(self) -> None:
        if self.w.store.pg:
            name = self.w.store.url.database
            run(
                self.w,
                "SET default_transaction_read_only = off",
                f"ALTER DATABASE {name} RESET default_transaction_read_only",
            )
        else:
            self.w.store.dispose()


@pytest.fixture(params=[Full, ReadOnly])
def trouble(request: pytest.FixtureRequest, w: World) -> Any:
    return request.param(w)


def state(w: World, record: str) -> tuple[str, int]:
    with w.store.read() as tx:
        return tx.rows(Sql("SELECT state, version FROM referral WHERE id = :id"), id=record)[0]


def test_what_can_not_be_saved_is_said_so_and_the_same_form_may_be_sent_again(
    w: World, trouble: Full | ReadOnly, caplog: pytest.LogCaptureFixture
) -> None:
    record = w.sent()
    sol = sign_in(w, "sol")
    asking = sol.get(f"/sample/{record}")
    with only_these_grow(w.store):
        trouble.begin()
        page = sol.send(asking, **ASKED)
        trouble.end()
    assert page.status == 503
    assert "Nothing was saved: Segue cannot save anything at the moment." in page.words
    assert "it counts only once" in page.words
    assert dict(page.forms[-1][1])["note"].strip() == ASKED["note"]
    assert "CannotWrite" in caplog.text
    assert "climb stairs" not in caplog.text
    assert sol.send(page, **ASKED).banner.startswith("Asked.")
    assert state(w, record) == ("queried", 3)


def test_a_program_is_told_the_same(w: World, trouble: Full | ReadOnly) -> None:
    record = w.sent()
    sol = program(w, "sol")
    move = (f"/referrals/{record}", "ask", {"note": ASKED["note"]})
    trouble.begin()
    said = sol.move(*move, key="one")
    trouble.end()
    assert (said.status, said.codes) == (503, ["cannot_save"])
    assert "Idempotency-Key" in said.json["remedy"]
    assert said.headers["Retry-After"]
    assert sol.move(*move, key="one").status == 200
    assert state(w, record) == ("queried", 3)


def test_other_errors_of_the_database_stay_errors(w: World) -> None:
    def slip(tx: Tx, at: Any) -> None:
        tx.rows(Sql("SELECT missing FROM nowhere"))

    with pytest.raises(Exception, match="nowhere") as error:
        Edge(w.store, lambda: w.at).perform(w.system, slip)
    assert not isinstance(error.value, (CannotWrite, OutcomeUnknown))


# -- a commit whose answer is lost --------------------------------------------------------------


def test_whether_it_was_saved_is_not_known_and_the_same_form_tells(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = w.sent()
    sol = sign_in(w, "sol")
    asking = sol.get(f"/sample/{record}")
    lose_the_answer_of(monkeypatch, "queried")
    page = sol.send(asking, **ASKED)
    assert page.status == 503
    assert "We cannot tell whether this was saved" in page.words
    assert "it counts only once" in page.words
    assert state(w, record) == ("queried", 3)
    assert sol.send(page, **ASKED).banner.startswith("Asked.")
    assert state(w, record) == ("queried", 3)
    changed = sol.send(page, **{**ASKED, "note": "Something else"})
    assert "This form was saved before" in changed.words


def test_a_program_is_told_to_send_it_again_with_the_same_key(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = w.sent()
    sol = program(w, "sol")
    move = (f"/referrals/{record}", "ask", {"note": "Stairs?"})
    lose_the_answer_of(monkeypatch, "queried")
    said = sol.move(*move, key="one")
    assert (said.status, said.codes) == (503, ["outcome_unknown"])
    assert sol.move(*move, key="one").status == 200
    assert state(w, record) == ("queried", 3)


def test_an_organisation_sent_twice_is_added_once(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = sign_in(w, "ada")
    form = ada.get("/organisations/add")
    new = {"name": "Tide Theatre", "kind": "provider", "place_id": w.place["harbour"]}
    lose_the_answer_of(monkeypatch, "organisation")
    page = ada.send(form, **new)
    assert page.status == 503
    assert ada.send(page, **new).status == 200
    with w.store.read() as tx:
        named = Sql("SELECT count(*) FROM organisation WHERE name = 'Tide Theatre'")
        assert tx.rows(named)[0][0] == 1


COMMITTED = {
    "queried": Sql("SELECT count(*) - 1 FROM referral WHERE state = 'queried'"),
    "organisation": Sql("SELECT count(*) FROM organisation WHERE name = 'Tide Theatre'"),
}


def lose_the_answer_of(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """The commit of the transaction that does this goes through; its answer doesn't come back."""
    really = stores._commit

    def commit(tx: Tx) -> None:
        this_one = tx.rows(COMMITTED[what])[0][0] == 1
        really(tx)
        if this_one:
            monkeypatch.setattr(stores, "_commit", really)
            raise OutcomeUnknown("the connection was lost")

    monkeypatch.setattr(stores, "_commit", commit)
