"""What a person says of their ethnic group and of disability: kept, taken back, gone with them, and
seen by their team alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from referral import equality
from referral.store import Sql, Store
from tests.web.client import HTTP, Page, sign_in
from tests.web.test_reports import number
from tests.winding import sweep
from tests.world import World, build
from web import labels
from web.equality import DISABLED
from web.settings import SettingWrong, from_environment
from workflows import equality as keeping
from workflows import tallies
from workflows.engine import Refused
from workflows.merges import merge_people
from workflows.working_time import local_day


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def keep(w: World, person: str, who: str = "priya", **values: Any) -> str:
    actor = w.actor[who]
    said = {"ethnic_group": "C2", "disability": "Z0", "said_on": local_day(w.at), **values}
    return w.made(
        actor,
        lambda tx: keeping.record_answer(
            tx, actor, w.at, person_id=person, values={"said_how": "phone", **said}
        ),
    )


def stands(w: World, person: str) -> list[equality.AnswerSeen]:
    with w.store.read() as tx:
        return equality.of_person(tx, w.actor["priya"], person)


def test_every_group_has_words_and_a_letter_of_the_nhs_and_one_length() -> None:
    assert set(labels.ETHNIC_GROUPS) == set(equality.ETHNIC)
    assert set(labels.DISABILITY) == set(DISABLED) == set(equality.DISABILITY)
    letters = {equality.nhs_category(code) for code in equality.ETHNIC}
    assert letters == set("ABCDEFGHJKLMNPRSZ")
    assert {len(code) for code in equality.ETHNIC + equality.DISABILITY} == {2}


def test_what_they_say_now_takes_the_place_of_what_they_said(w: World) -> None:
    person = w.person()
    first = keep(w, person)
    assert keep(w, person, ethnic_group="A0") == first
    (one,) = stands(w, person)
    assert (one.ethnic_group, one.disability, one.taken_back_at) == ("A0", "Z0", None)


def test_what_is_taken_back_is_gone_and_nobody_asks_again(w: World) -> None:
    person, actor = w.person(), w.actor["priya"]
    keep(w, person)
    w.made(actor, lambda tx: keeping.take_back(tx, actor, w.at, person_id=person))
    (one,) = stands(w, person)
    assert (one.ethnic_group, one.disability) == (None, None)
    assert one.taken_back_at
    page = sign_in(w, "priya").get(f"/people/{person}/equality")
    assert "Do not ask again" in page.text
    assert "They take it back" not in page.text


@pytest.mark.parametrize("field", ["ethnic_group", "disability", "said_on", "said_how"])
def test_each_answer_is_asked_for_by_name(w: World, field: str) -> None:
    with pytest.raises(Refused) as refused:
        keep(w, w.person(), **{field: None})
    assert [one.field for one in refused.value.refusals] == [field]


def test_nobody_but_the_team_keeps_or_takes_back_or_sees(w: World) -> None:
    person = w.person()
    keep(w, person)
    w.active(person)
    for who in ("sol", "olu", "gwen", "grace"):
        other = w.actor[who]
        with pytest.raises(Refused):
            keep(w, person, who=who)
        with pytest.raises(Refused):
            w.made(other, lambda tx, a=other: keeping.take_back(tx, a, w.at, person_id=person))
        assert sign_in(w, who).get(f"/people/{person}/equality").status in (403, 404)
    assert "Roma" not in sign_in(w, "gwen").get(f"/people/{person}").text
    assert stands(w, person)[0].ethnic_group == "C2"


def test_neither_the_log_nor_the_table_holds_what_was_said(w: World) -> None:
    person = w.person()
    keep(w, person)
    with w.store.read() as tx:
        raw = tx.rows(Sql("SELECT ethnic_group, disability FROM equality_answer"))
        leaves = [leaf for (leaf,) in tx.rows(Sql("SELECT leaf FROM audit ORDER BY seq"))]
    assert len(raw) == 1
    assert not {"C2", "Z0"} & set(raw[0])
    (told,) = [leaf for leaf in leaves if '"action":"equality_recorded"' in leaf]
    assert "C2" not in told
    assert "Z0" not in told
    assert "ethnic" not in told


def test_the_page_reads_out_why_and_keeps_an_answer(w: World) -> None:
    person = w.person()
    priya = sign_in(w, "priya")
    assert f'href="/people/{person}/equality"' in priya.get(f"/people/{person}").text
    page = priya.get(f"/people/{person}/equality")
    assert "You do not have to answer" in page.words
    assert "not been asked yet" in page.words
    saved = priya.fill(
        f"/people/{person}/equality", ethnic_group="S1", disability="N0", said_how="in_person"
    )
    assert "Kept." in saved.words
    page = priya.get(f"/people/{person}/equality")
    assert "Ethnic group: Arab" in page.words
    assert "They take it back" in page.words


@pytest.mark.parametrize("taken_back", [False, True])
def test_an_answer_comes_along_when_records_are_joined_unless_it_was_taken_back_since(
    w: World, taken_back: bool
) -> None:
    stays, other, actor = w.person(), w.person(), w.actor["priya"]
    keep(w, stays, ethnic_group="A0")
    w.later(minutes=1)
    keep(w, other, ethnic_group="S1")
    if taken_back:
        w.later(minutes=1)
        w.made(actor, lambda tx: keeping.take_back(tx, actor, w.at, person_id=stays))
    w.made(
        actor,
        lambda tx: merge_people(tx, actor, w.at, stays, other, referrals=[], key="join"),
    )
    assert stands(w, stays)[0].ethnic_group == (None if taken_back else "S1")
    assert len(stands(w, stays)) == 2


def test_nobody_is_asked_where_whoever_runs_it_says_so(w: World) -> None:
    person = w.person()
    usual = replace(HTTP, public_url="http://usual.localhost", ask_equality=False)
    for settings, status in ((usual, 404), (HTTP, 200)):
        priya = sign_in(w, "priya", settings)
        shown = "About equality" in priya.get(f"/people/{person}").words
        page = priya.get(f"/people/{person}/equality")
        assert (shown, page.status) == (status == 200, status)
        assert ("their ethnic group" in priya.get("/privacy").words) == (status == 200)


def test_it_is_asked_unless_somebody_says_that_it_is_not() -> None:
    told = {"SEGUE_SECRET_KEY": HTTP.secret_key, "SEGUE_PUBLIC_URL": "https://a.example"}
    assert from_environment(told).ask_equality
    assert not from_environment(told | {"SEGUE_ASK_EQUALITY": "no"}).ask_equality
    with pytest.raises(SettingWrong, match="SEGUE_ASK_EQUALITY must be yes or no"):
        from_environment(told | {"SEGUE_ASK_EQUALITY": "maybe"})


def test_every_answer_is_counted_under_one_of_the_five_groups_of_the_census() -> None:
    found = {code: equality.group_said(code) for code in equality.ETHNIC}
    assert set(found.values()) == {*equality.GROUPS, equality.KEPT_BACK}
    assert (found["A0"], found["C2"], found["R0"], found["S1"]) == (
        *("white", "white", "asian", "other"),
    )
    for group in equality.GROUPS:
        named = {labels.ETHNIC_GROUPS[c].split(":")[0].lower() for c in found if found[c] == group}
        assert named == {group} or group == "other"
    assert equality.group_said("what can be read no more") == ""
    assert equality.group_said(None) == equality.disability_said(None) == equality.KEPT_BACK


ROWS = ("Black", "Prefer not to say, or taken back", "Not asked yet", "Asian")


def told(page: Page) -> list[str]:
    """What a page says of ethnic group."""
    html = page.text[page.text.index(">By ethnic group<") :]
    return [number(html, row) for row in ROWS]


@pytest.mark.parametrize("ahead", ["", "LARGE", "MANY_ANSWERS"])
def test_what_is_said_is_counted_and_what_is_taken_back_is_not(
    w: World, ahead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if ahead:  # many referrals, or many answers
        monkeypatch.setattr(tallies, ahead, 1 if ahead == "LARGE" else 2)
    people = [w.person() for _ in range(3)]
    for person in people:
        w.sent(person)
    for person in people[:2]:
        keep(w, person, ethnic_group="M0")
    assert bool(sweep(w, w.at)["quarter counted"]) == bool(ahead)
    grace = sign_in(w, "grace")
    assert ("Counted today at" in grace.get("/reports/who").words) == bool(ahead)
    assert told(grace.get("/reports/who")) == ["*", "0", "*", "0"]
    assert told(grace.get("/reports/who?exact=yes")) == ["*", "0", "*", "0"]
    if not ahead:  # of one's own people, as it is
        assert told(sign_in(w, "priya").get("/reports/who")) == ["2", "0", "1", "0"]
    actor = w.actor["priya"]
    for person in people[:2]:
        w.made(actor, lambda tx, p=person: keeping.take_back(tx, actor, w.at, person_id=p))
    # As it was counted this morning, where it was; the next morning it is gone.
    assert told(grace.get("/reports/who")) == (
        ["*", "0", "*", "0"] if ahead else ["0", "*", "*", "0"]
    )
    sweep(w, (w.at + timedelta(days=1)).replace(hour=5))
    assert told(sign_in(w, "grace").get("/reports/who")) == ["0", "*", "*", "0"]
    assert told(sign_in(w, "priya").get("/reports/who")) == ["0", "2", "1", "0"]


# -- who does not want to be asked --------------------------------------------------------------

NOT = {"said_how": "written"}


def not_to_ask(w: World, person: str, who: str = "priya", **values: Any) -> None:
    actor = w.actor[who]
    given = {**NOT, "said_on": local_day(w.at), **values}
    w.made(actor, lambda tx: keeping.do_not_ask(tx, actor, w.at, person_id=person, values=given))


def test_who_does_not_want_to_be_asked_is_not_asked_until_they_say_so(w: World) -> None:
    person, never = w.person(), w.person()
    keep(w, person)
    priya = sign_in(w, "priya")
    assert "do not want to be asked" not in priya.get(f"/people/{person}").words
    path = f"/people/{person}/equality"
    told = priya.fill(f"{path}/do-not-ask", said_how="written")
    assert (told.status, told.path) == (200, f"/people/{person}")
    assert "Nobody asks them about this again" in told.words
    assert "About equality: they do not want to be asked" in told.words
    (one,) = stands(w, person)
    assert (one.ethnic_group, one.disability, one.said_how) == (None, None, "written")
    assert (one.recorded_by, bool(one.objected_at)) == ("Priya Shah", True)
    page = priya.get(path)
    assert "They said so on 12 May 2026, in writing. Recorded by Priya Shah." in page.words
    assert "Read this out first" not in page.words
    assert 'name="ethnic_group"' not in page.text
    assert priya.get(f"{path}/do-not-ask").path == path
    with pytest.raises(Refused) as refused:
        keep(w, person)
    assert [one.code for one in refused.value.refusals] == ["do_not_ask"]
    not_to_ask(w, never)  # so may somebody who was never asked
    with w.store.read() as tx:
        actions = tx.rows(Sql("SELECT action FROM audit WHERE action LIKE 'equality%' ORDER BY at"))
    assert [row[0] for row in actions].count("equality_not_to_ask") == 2
    assert "ask-again" in page.text
    assert priya.post(f"{path}/ask-again").path == path
    assert stands(w, person) == []
    assert "They have not been asked yet" in priya.get(path).words
    keep(w, person)
    assert stands(w, person)[0].ethnic_group == "C2"


@pytest.mark.parametrize("field", ["said_on", "said_how"])
def test_when_and_how_they_said_so_is_asked_for(w: World, field: str) -> None:
    with pytest.raises(Refused) as refused:
        not_to_ask(w, w.person(), **{field: None})
    assert [one.field for one in refused.value.refusals] == [field]
    with pytest.raises(Refused):
        not_to_ask(w, w.person(), said_on=local_day(w.at) + timedelta(days=1))


def test_nobody_but_their_team_says_that_they_are_not_to_be_asked(w: World) -> None:
    person = w.person()
    for who in ("sol", "olu", "grace"):
        with pytest.raises(Refused):
            not_to_ask(w, person, who)
    assert stands(w, person) == []


def test_they_are_counted_with_those_who_prefer_not_to_say(w: World) -> None:
    person, asked = w.person(), w.person()
    not_to_ask(w, person)
    keep(w, asked)
    for one in (person, asked, w.person()):
        w.sent(one)
    page = sign_in(w, "priya").get("/reports/who").text.partition(">By ethnic group<")[2]
    assert number(page, "Prefer not to say, or taken back") == "1"
    assert number(page, "Not asked yet") == "1"


@pytest.mark.parametrize("objects", [True, False])
def test_of_two_records_joined_not_to_be_asked_counts_for_both(w: World, objects: bool) -> None:
    stays, goes, tess = w.person(), w.person(), w.actor["tess"]
    if objects:
        not_to_ask(w, goes)
    w.later(days=3)
    keep(w, stays)
    w.made(
        tess,
        lambda tx: merge_people(tx, tess, w.at, stays, goes, referrals=[], key="join"),
    )
    found = stands(w, stays)
    assert bool(found[0].objected_at) is objects
    assert {one.ethnic_group for one in found} == ({None} if objects else {"C2"})
    page = sign_in(w, "priya").get(f"/people/{stays}/equality")
    assert ("Read this out first" in page.words) is not objects
