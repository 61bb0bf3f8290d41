"""Who has looked at my record: on the person's own page, on paper and for programs; by role and
organisation, and nothing on it tells of a concern."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from referral import looks
from referral.audit import log
from referral.states import Noun
from referral.store import Sql, Store
from tests.web.api import program
from tests.web.client import HTTP, Visitor, app_of, sign_in
from tests.world import World, build
from web.link_tokens import LinkTokens
from web.passwords import hash_password
from workflows import person_links
from workflows.policy import set_rule


@pytest.fixture
def w(sqlite_template: Path, tmp_path: Path) -> Iterator[World]:
    shutil.copy(sqlite_template, tmp_path / "segue.db")
    store = Store(f"sqlite:///{tmp_path / 'segue.db'}")
    yield build(store)
    store.dispose()


def lines(w: World, person: str, who: str = "priya") -> list[dict[str, object]]:
    found = program(w, who).get(f"/people/{person}/looks")
    assert found.status == 200
    items: list[dict[str, object]] = found.json["items"]
    return items


def who_and_why(w: World, person: str) -> list[tuple[object, object, object]]:
    return [(one["role"], one["organisation"], one["why"]) for one in lines(w, person)]


def test_a_look_is_told_by_day_role_and_organisation_and_by_no_name(w: World) -> None:
    person = w.person()
    assert lines(w, person) == []
    sign_in(w, "priya").get(f"/people/{person}")
    w.later(days=1)
    sign_in(w, "tess").get(f"/people/{person}")
    page = sign_in(w, "priya").get(f"/people/{person}/looked")
    assert "Link worker at Ash Lane practice: to help you." in page.words
    assert "Team lead at Ash Lane practice: to help you." in page.words
    assert page.words.index("Team lead at Ash") < page.words.index("Link worker at Ash")
    assert "Tess" not in page.text.split("<main", 1)[1]


def test_names_are_told_where_the_place_has_chosen_so(w: World) -> None:
    person, ada = w.person(), w.actor["ada"]
    sign_in(w, "tess").get(f"/people/{person}")
    assert [one["name"] for one in lines(w, person)] == [None]
    with w.store.begin(ada) as tx:
        set_rule(tx, ada, w.at, place_id=w.place["harbour"], kind="reasons", name="looks.shown",
                 value=["role", "organisation", "name"], because="They asked.")  # fmt: skip
    w.later(minutes=1)
    assert w.actor["tess"].name in [one["name"] for one in lines(w, person)]


def test_an_emergency_is_told_as_one(w: World) -> None:
    person = w.person()
    w.emergency(person)
    sign_in(w, "olu").get(f"/people/{person}")
    assert ("link_worker", "Fenside practice", "emergency") in who_and_why(w, person)
    page = sign_in(w, "priya").get(f"/people/{person}/looked")
    assert "in an emergency, from another team" in page.words


def test_with_a_concern_and_without_one_it_reads_the_same(w: World) -> None:
    """The same day for two people, but that a concern was raised about one of them, read, decided
    on, shared for, and climbed; and that a safeguarding lead opened their record."""
    quiet, worried = w.person(), w.person()
    priya, gwen, paul = sign_in(w, "priya"), sign_in(w, "gwen"), sign_in(w, "paul")
    for person in (quiet, worried):
        priya.get(f"/people/{person}")
    given = {"person_id": worried, "seen": "Bruises.", "danger": True}
    concern = w.step(Noun.CONCERN, None, "raise", "sam", given=given).id
    for one in (gwen, paul):
        one.get(f"/concerns/{concern}")
        one.get(f"/people/{worried}")
    override = w.override(worried)
    gwen.get(f"/overrides/{override}")
    sign_in(w, "sam").get(f"/concerns/{concern}")
    sign_in(w, "grace").get(f"/overrides/{override}")
    with w.store.read() as tx:
        logged = tx.rows(
            Sql("SELECT a.seq FROM audit a JOIN person p ON p.subject_ref = a.subject"
                " WHERE p.id = :id AND a.action = 'read'"), id=worried
        )  # fmt: skip
        refs = dict(tx.rows(Sql("SELECT id, subject_ref FROM person")))
        one, other = (looks.of_person(tx, w.system_id, refs[p]) for p in (quiet, worried))
    assert len(logged) >= 6, "there is something to leave out"
    assert [replace_seq(x) for x in one] == [replace_seq(x) for x in other]
    assert lines(w, quiet) == lines(w, worried)


def replace_seq(one: looks.Looked) -> looks.Looked:
    return one._replace(seq=0)


def test_it_is_read_further_back_page_by_page(w: World) -> None:
    person, tess = w.person(), w.actor["tess"]
    with w.store.begin(tess) as tx:
        subject = tx.rows(Sql("SELECT subject_ref FROM person WHERE id = :id"), id=person)[0][0]
        for _ in range(205):
            log(tx, tess, w.later(days=1), "read", "person", None, subject=subject)
    first = program(w, "priya").get(f"/people/{person}/looks").json
    assert len(first["items"]) == 200
    rest = program(w, "priya").get(f"/people/{person}/looks?before={first['next']}").json
    days = [one["day"] for one in (*first["items"], *rest["items"])]
    assert rest["next"] is None
    assert days == sorted(days, reverse=True)
    assert len(set(days)) == 205
    page = sign_in(w, "priya").get(f"/people/{person}/looked")
    older = re.search(r"/looked\?before=(\d+)", page.text)
    assert older is not None
    assert sign_in(w, "priya").get(f"/people/{person}/looked?before=x").status == 404


@pytest.mark.parametrize("who", ["olu", "tom"])
def test_another_team_is_not_told(w: World, who: str) -> None:
    person = w.person()
    assert sign_in(w, who).get(f"/people/{person}/looked").status == 404
    assert program(w, who).get(f"/people/{person}/looks").status == 404
    w.emergency(person, who)
    assert sign_in(w, who).get(f"/people/{person}/looked").status == 404


def test_the_person_reads_it_by_their_own_link(w: World) -> None:
    person, priya = w.person(), w.actor["priya"]
    sign_in(w, "tess").get(f"/people/{person}")
    tokens = LinkTokens(HTTP.secret_key)
    with w.store.begin(priya) as tx:
        link = person_links.make(
            tx, priya, w.at, person, channel=person_links.PAPER,
            word_hash=hash_password("teapot"), ways=frozenset(),
            token_hash=tokens.token_hash, code_hash=tokens.code_hash,
        )  # fmt: skip
    phone = Visitor(app_of(w))
    assert phone.get("/mine/looked").status == 403
    phone.fill(f"/a/{tokens.token(link)}", word="teapot")
    page = phone.get("/mine")
    assert "/mine/looked" in page.text
    seen = phone.get("/mine/looked")
    assert "Team lead at Ash Lane practice: to help you." in seen.words
    assert "You: it was you, by your link." in seen.words
