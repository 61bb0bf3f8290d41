"""Access review: who can see what and why, what is odd, the file for a spreadsheet, signing off."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from referral.states import Role
from referral.store import Sql, Store
from tests.counting import statements
from tests.web.client import sign_in
from tests.winding import after, sweep
from tests.world import World, build
from web.accesses import neutral
from web.edge import Edge
from web.worker import run
from workflows.organisations import add_membership, add_user


@pytest.fixture
def w(sqlite_template: Path, tmp_path: Path) -> Iterator[World]:
    shutil.copy(sqlite_template, tmp_path / "segue.db")
    store = Store(f"sqlite:///{tmp_path / 'segue.db'}")
    yield build(store)
    store.dispose()


def add(w: World, name: str, email: str, org: str = "ash", started: int = 200) -> str:
    at = w.at - timedelta(days=started)
    with w.store.begin() as tx:
        user = add_user(tx, w.system, at, name=name, email=email)
        add_membership(
            tx, w.system, at, user_id=user, organisation_id=w.org[org], role=Role.LINK_WORKER
        )
    return user


def table(w: World, who: str = "grace") -> list[dict[str, str]]:
    found = sign_in(w, who).get("/access.csv")
    assert found.response.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(found.text)))


def row(w: World, email: str, who: str = "grace") -> dict[str, str]:
    return next(one for one in table(w, who) if one["email"] == email)


def test_each_account_says_what_it_reaches_and_how_many_people_that_is(w: World) -> None:
    w.person(), w.person(), w.person("olu")
    w.sent()
    by_role = {(one["role"], one["organisation"]): one for one in table(w)}
    lw = by_role["link_worker", "Ash Lane practice"]
    assert (lw["reaches"], lw["people"]) == ("team", "3")
    leader = by_role["provider_leader", "Riverside Singers"]
    assert (leader["reaches"], leader["people"]) == ("provider", "1")
    lead = next(one for one in table(w) if one["role"] == "safeguarding_lead" and one["place"])
    assert (lead["reaches"], lead["people"]) == ("place", "3")
    page = sign_in(w, "grace").get("/access")
    assert "The records of the people their team holds: 3 people." in page.words
    assert "keys for programs" not in page.words, "nobody has one"


def test_what_lies_in_another_place_is_not_there(w: World) -> None:
    assert "Fenside practice" not in {one["organisation"] for one in table(w)}
    assert {one["organisation"] for one in table(w, "fred")} >= {"Fenside practice"}
    assert "Ash Lane practice" not in {one["organisation"] for one in table(w, "fred")}
    assert {one["organisation"] for one in table(w, "ingrid")} >= {
        "Fenside practice", "Ash Lane practice",
    }  # fmt: skip


def test_an_account_nobody_uses_and_one_that_several_use_are_said_to_be(w: World) -> None:
    add(w, "Nora Never", "nora@example.org")
    add(w, "Nick New", "nick@example.org", started=20)
    add(w, "Front Desk", "reception@example.org", started=20)
    assert row(w, "nora@example.org")["to_look_at"] == "never"
    assert row(w, "nick@example.org")["to_look_at"] == ""
    assert row(w, "reception@example.org")["to_look_at"] == "shared"
    sign_in(w, "priya")
    w.later(days=91)
    with w.store.read() as tx:
        email = tx.rows(
            Sql("SELECT email FROM app_user WHERE id = :id"), id=w.actor["priya"].user_id
        )[0][0]
    assert "unused" in row(w, email)["to_look_at"]
    page = sign_in(w, "grace").get("/access?flag=shared")
    assert "Front Desk" in page.words
    assert "Nora Never" not in page.words


def test_a_suspended_account_with_a_role_left_open_is_said_to_be(w: World) -> None:
    user = add(w, "Lee Left", "lee@example.org", started=20)
    with w.store.begin() as tx:
        tx.run(Sql("UPDATE app_user SET active = :no WHERE id = :id"), no=False, id=user)
    assert row(w, "lee@example.org")["to_look_at"] == "left"


def test_emergency_access_that_waits_is_named(w: World) -> None:
    words = "Emergency access waiting for its review"
    assert words not in sign_in(w, "grace").get("/access").words
    made = w.emergency(w.person())
    from referral.states import Noun

    w.step(Noun.EMERGENCY, made, "close", "olu")
    assert words in sign_in(w, "grace").get("/access").words
    assert words not in sign_in(w, "fred").get("/access").words


def test_a_review_is_signed_off_with_a_day_a_name_and_a_digest(w: World) -> None:
    grace = sign_in(w, "grace")
    page = grace.get("/access")
    assert "Not reviewed yet." in page.words
    signed = grace.send(page, form=-1)
    assert "Signed off:" in signed.banner
    assert "by Grace" in signed.words
    assert "A review is due each quarter." not in signed.words
    with w.store.read() as tx:
        logged = tx.rows(
            Sql(
                "SELECT d.payload FROM audit a JOIN audit_detail d ON d.entry_id = a.entry_id"
                " WHERE a.action = 'access_reviewed'",
                sealed=(0,),
            )
        )
    assert len(logged) == 1
    assert '"digest":"sha256:' in logged[0][0]
    w.later(days=92)
    assert "A review is due each quarter." in sign_in(w, "grace").get("/access").words


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_taken_for_a_formula(cell: str) -> None:
    assert neutral(cell) == f"'{cell}"
    assert neutral("Ada = Bo") == "Ada = Bo"


def test_a_name_that_is_a_formula_comes_out_as_words(w: World) -> None:
    add(w, "=cmd|' /C calc'!A0", "calc@example.org", started=3)
    assert row(w, "calc@example.org")["name"].startswith("'=")


def test_the_page_asks_few_statements(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    grace = sign_in(w, "grace")
    asked = statements(monkeypatch)
    grace.get("/access")
    assert 0 < len(asked) <= 15


@pytest.mark.parametrize("who", ["priya", "tess", "sol", "ada", "art"])
def test_it_is_not_for_others(w: World, who: str) -> None:
    assert sign_in(w, who).get("/access").status == 403


def test_a_page_for_another_role_says_for_which_and_one_that_is_not_there_does_not(
    w: World,
) -> None:
    denied = sign_in(w, "priya").get("/wording")
    assert "It is for: Safeguarding lead, Governance lead," in denied.words
    assert "Administrator and Auditor. If you also work in another role" in denied.words
    assert "It is for" not in sign_in(w, "priya").get("/nothing-here").words


QUARTER = timedelta(days=91)
FIRST = QUARTER - timedelta(days=60)  # the world began sixty days ago


def letters(w: World) -> list[tuple[str, str]]:
    with w.store.read() as tx:
        return tx.rows(
            Sql("SELECT what, to_owner FROM outbox WHERE noun = 'access' AND record_id = :id"
                " ORDER BY id"), id=w.place["harbour"],
        )  # fmt: skip


def test_a_review_that_is_due_reaches_its_lead_and_then_the_officer_once_each(
    store: Store,
) -> None:
    w = build(store)
    due = w.at + FIRST
    late = after(due, 10)
    sweep(w, due - timedelta(minutes=1))
    assert letters(w) == []
    sweep(w, due)
    lead = ("access_review_due", f"governance_lead@{w.place['harbour']}")
    sweep(w, late - timedelta(hours=2))
    assert letters(w) == [lead]
    sweep(w, late)
    sweep(w, late + timedelta(days=5))
    found = letters(w)
    assert [what for what, _to in found] == ["access_review_due", "access_review_late"]
    assert found[1][1].startswith("accountable_officer@")
    page = sign_in(w, "grace").get("/notices")
    assert "The quarter's review of who can see what is due. Harbour" in page.words
    assert 'href="/access"' in page.text


def test_a_review_signed_off_in_time_asks_nobody_until_the_next_quarter(w: World) -> None:
    first = w.at + FIRST
    sweep(w, first)
    grace = sign_in(w, "grace")
    grace.send(grace.get("/access"), form=-1)
    sweep(w, after(first, 11))
    assert [what for what, _to in letters(w)] == ["access_review_due"]
    sweep(w, first + QUARTER - timedelta(days=1))
    assert letters(w) == [], "the old letter is cleared away"
    sweep(w, first + QUARTER)
    assert [what for what, _to in letters(w)] == ["access_review_due"]


def test_a_role_an_administrator_gives_is_told_to_whoever_reviews_and_stands_out_for_them(
    w: World,
) -> None:
    """Who runs the service reads no record: a second account of theirs must not go unseen."""
    where = f"/organisations/{w.org['ash']}/accounts/add"

    def give(by: str, name: str, role: str) -> None:
        email = f"{name.lower()}.two@example.org"
        assert sign_in(w, by).fill(where, name=f"{name} Two", email=email, role=role).status == 200

    give("ada", "Auditing", "auditor")
    give("grace", "Graced", "link_worker")
    assert letters(w) == []
    give("ada", "Ada", "link_worker")
    give("ada", "Other", "team_lead")
    assert letters(w) == [("role_given", f"governance_lead@{w.place['harbour']}")]
    run(Edge(w.store, lambda: w.at), once=True)
    grace = sign_in(w, "grace")
    assert "gave a role that opens people's records" in grace.get("/notices").words
    page = grace.get("/access?flag=given")
    assert "Ada Two" in page.words
    assert "Auditing Two" not in page.words
    w.later(days=2)
    give("ada", "Again", "link_worker")
    assert len(letters(w)) == 2
    w.later(days=15)
    assert "Ada Two" not in sign_in(w, "grace").get("/access?flag=given").words
