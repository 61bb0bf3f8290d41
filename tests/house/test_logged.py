"""What is logged, held against the routes: each that shows somebody's record is declared as a
reading of it, and is visited here to find the one entry that says so."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from referral.ids import new_id
from referral.states import Noun
from referral.store import Sql, Store
from tests.house.test_routes import WHO, paths, some_records
from tests.web.api import program
from tests.web.client import HTTP, Visitor, app_of, sign_in, visit
from tests.winding import sweep
from tests.world import World, build
from web.app import create_app
from web.edge import Edge
from web.reads import LISTS, ONE, undeclared

READING = ("read", "listed", "looked_for", "searched", "exported")
NEWEST = Sql("SELECT seq, action, noun, record_id, leaf FROM audit WHERE seq > :seq ORDER BY seq")
LAST = Sql("SELECT coalesce(max(seq), 0) FROM audit")
DETAILS = Sql(
    "SELECT a.action, d.payload FROM audit a JOIN audit_detail d ON d.entry_id = a.entry_id"
    " WHERE a.seq > :seq ORDER BY a.seq",
    sealed=(1,),
)
# What is opened on the way of a longer story only. The same watcher stands before each of them,
# but for the person's own page, which is opened in the test below.
OPENED_ELSEWHERE = {
    "api_confirmations.one",
    "api_referrals.document_file",
    "audit_pages.proof",
    "home.decided_file",
    "document_pages.file",
    "document_pages.take_back",
    "equality_pages.about",
    "equality_pages.do_not_ask",
    "inquiry_pages.inquiry",
    "inquiry_pages.listed",
    "inquiry_pages.passages",
    "inquiry_pages.taken",
    "escalation_pages.second_person",
    "escalation_pages.waive",
    "links.mine",
    "outcome_pages.correct",
    "relationship_pages.change",
    "relationship_pages.end",
    "own_links.sheet",
    "reminder_pages.later",
    "rights_doing_pages.copy",
    "rights_doing_pages.copy_file",
    "rights_doing_pages.copy_json",
    "rights_doing_pages.parts_read",
    "rights_doing_pages.passages",
}
# What the first walk finds empty, or not there: the second goes where it isn't.
OPENED_SECOND = {
    "api_themes.one",
    "api_people.find",
    "api_people.merge_look",
    "home.home",
    "life_pages.join",
    "life_pages.join_these",
    "life_pages.undo_death",
    "people_pages.look_for",
    "referral_lists.taking_part",
    "referral_pages.confirmation",
    "referral_pages.confirmations",
    "report_pages.records",
    "search.search",
    "team_pages.hand_over",
    "theme_pages.one_theme",
    "outcome_pages.start",
    "wizard.activity",
    "wizard.ask",
    "wizard.check",
    "wizard.compare",
    "wizard.consent",
    "wizard.hub",
    "wizard.leave",
    "wizard.who",
}


@pytest.fixture
def w(sqlite_url: str) -> Any:
    store = Store(sqlite_url)
    yield build(store)
    store.dispose()


def last(w: World) -> int:
    with w.store.read() as tx:
        row = tx.row(LAST)
    return int(row[0]) if row else 0


def since(w: World, seq: int) -> list[tuple[Any, ...]]:
    with w.store.read() as tx:
        return tx.rows(NEWEST, seq=seq)


def said(w: World, do: Callable[[], Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """(action, noun, leaf) of each entry that this made."""
    before = last(w)
    do()
    return [(row[1], row[2], json.loads(row[4])) for row in since(w, before)]


def readings(entries: list[tuple[str, str, dict[str, Any]]]) -> list[tuple[str, str]]:
    return [(action, noun) for action, noun, _leaf in entries if action in READING]


def test_every_route_that_can_be_looked_at_is_declared_once(w: World) -> None:
    app = create_app(Edge(w.store), HTTP)
    assert undeclared(app) == []


def test_a_route_nobody_declared_is_noticed(w: World) -> None:
    app = Flask("x")
    app.add_url_rule("/new", "new", lambda: "")
    assert undeclared(app) == ["new"]


def test_every_page_that_shows_a_record_says_so_once_in_the_log(w: World) -> None:
    """Every declared route is visited as every role; each answer that shows something leaves one
    entry of its own noun, and what shows nobody leaves none."""
    records = some_records(w)
    app = app_of(w)
    adapter = app.url_map.bind("localhost")
    seen: Counter[str] = Counter()
    for who in WHO.values():
        visitor, client = sign_in(w, who), program(w, who)
        token = {"Authorization": f"Bearer {client.token}"}
        for path in paths(app, records):
            endpoint, _ = adapter.match(path)
            if endpoint.startswith("sample"):
                continue
            before = last(w)
            if path.startswith("/api/"):
                status = client.client.get(path, headers=token).status_code
            else:
                status = visitor.get(path, follow=False).status
            made = [(row[1], row[2]) for row in since(w, before) if row[1] in READING]
            if endpoint in ONE and status == 200:
                assert made == [("read", str(ONE[endpoint].noun))], (who, path, made)
                seen[endpoint] += 1
            elif endpoint in LISTS and status == 200:
                assert len(made) <= 1, (who, path, made)
                seen[endpoint] += len(made)
            elif endpoint not in ONE:
                # Two nouns that are about organisations say so too when their history is read.
                made = [one for one in made if one[1] not in ("agreement", "assurance")]
                assert made == [], (who, path, status, made)
    unseen = {name for name in (*ONE, *LISTS) if not seen[name]}
    assert unseen <= OPENED_ELSEWHERE | OPENED_SECOND


BORN = {"given_name": "Margaret", "family_name": "Okoro", "birth_date": "1951-03-15"}
DEATH = {
    "died_on__day": "10",
    "died_on__month": "5",
    "died_on__year": "2026",
    "said_by": "Her daughter",
}
WHO_FOR = {
    "find": "name",
    "given_name": "Margaret",
    "family_name": "Okoro",
    "birth_date-day": "15",
    "birth_date-month": "3",
    "birth_date-year": "1951",
    "no_nhs_number": "not_known",
}


def with_a_theme(w: World, tess: Visitor) -> str:
    given = {"kind": "capacity", "note": "More places."}
    matter = w.step(Noun.ESCALATION, None, "raise", "priya", given=given).id
    tess.send(tess.get(f"/escalations/{matter}/themes"), new="No bus after six")
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT theme_id FROM escalation_theme"))
    assert row is not None
    return str(row[0])


def test_lists_searches_and_forms_say_whose_records_they_showed(w: World) -> None:
    person = w.consented()
    draft, active = w.draft(person), w.active()
    with w.store.read() as tx:
        (other,) = tx.row(Sql("SELECT person_id FROM referral WHERE id = :id"), id=active) or ("",)
    gone = w.person()
    w.person(family_name="Okoro")
    w.later(days=1)
    priya, tess, sol = (sign_in(w, who) for who in ("priya", "tess", "sol"))
    theme = with_a_theme(w, tess)
    priya.fill(f"/people/{gone}/death", **DEATH)
    priya.fill(f"/referrals/{active}/mark-in-error", reason="duplicate")
    p, t = program(w, "priya"), program(w, "tess")
    token = {"Authorization": f"Bearer {p.token}"}
    write = f"/referrals/{draft}/write"
    begun = priya.post(f"/people/{other}/refer").path.partition("/write")[0] + "/write"
    proposal = re.search(r"/confirmations/[0-9a-f-]+", tess.get("/confirmations").text)
    assert proposal is not None
    member = w.actor["priya"].membership_id
    colleague = w.actor["sam"].membership_id
    visits: list[tuple[str, Callable[[], Any], int]] = [
        ("search.search", lambda: priya.post("/search", {"q": "Okoro"}), 1),
        ("people_pages.look_for", lambda: priya.post("/people", {"words": "Okoro"}), 1),
        ("home.home", lambda: priya.get("/"), 1),
        ("referral_lists.taking_part", lambda: sol.get("/taking-part"), 1),
        ("life_pages.join", lambda: tess.get(f"/people/{person}/join"), 1),
        ("life_pages.join_these", lambda: tess.get(f"/people/{person}/join/{other}"), 2),
        ("life_pages.undo_death", lambda: tess.get(f"/people/{gone}/death/undo"), 1),
        ("referral_pages.confirmations", lambda: tess.get("/confirmations"), 1),
        ("referral_pages.confirmation", lambda: tess.get(proposal[0]), 1),
        (
            "team_pages.hand_over",
            lambda: tess.get(f"/team/{member}/hand-over?to={colleague}"),
            1,
        ),
        ("report_pages.records", lambda: tess.get("/reports/referrals/records"), 1),
        ("theme_pages.one_theme", lambda: tess.get(f"/themes/{theme}"), 1),
        ("wizard.hub", lambda: priya.get(write), 1),
        ("wizard.ask", lambda: priya.get(f"{write}/matters"), 1),
        ("wizard.activity", lambda: priya.get(f"{write}/activity"), 1),
        ("wizard.compare", lambda: priya.get(f"{write}/compare"), 1),
        ("wizard.consent", lambda: priya.get(f"{write}/consent"), 1),
        ("wizard.check", lambda: priya.get(f"{write}/check"), 1),
        ("outcome_pages.start", lambda: priya.get(f"{write}/start"), 1),
        ("wizard.leave", lambda: priya.get(f"{begun}/leave"), 1),
        ("wizard.who", lambda: priya.post("/referrals/new", WHO_FOR), 1),
        (
            "api_people.find",
            lambda: p.client.post("/api/v1/people/find", json=BORN, headers=token),
            1,
        ),
        (
            "api_people.merge_look",
            lambda: p.client.get(f"/api/v1/people/{person}/merge/{other}", headers=token),
            1,
        ),
        (
            "api_themes.one",
            lambda: t.client.get(
                f"/api/v1/themes/{theme}", headers={"Authorization": f"Bearer {t.token}"}
            ),
            1,
        ),
    ]
    assert {name for name, _do, _times in visits} == OPENED_SECOND
    for name, do, times in visits:
        made = readings(said(w, do))
        assert len(made) == times, (name, made)


def test_what_came_of_it_is_said_with_who_why_and_which_request(w: World) -> None:
    """Each entry names its request, its door, its purpose and how it went; where it came from
    stands in the half that can be erased."""
    priya = sign_in(w, "priya")
    referral = w.sent()
    (read,) = [leaf for _a, _n, leaf in said(w, lambda: priya.get(f"/referrals/{referral}"))]
    assert (read["door"], read["purpose"], read["outcome"]) == ("page", "care", "done")
    assert read["request"]
    assert read["subject"]
    before = last(w)
    missing = said(w, lambda: priya.get(f"/referrals/{new_id()}"))
    forbidden = said(w, lambda: priya.get("/users"))
    assert [(a, leaf["outcome"]) for a, _n, leaf in missing] == [("refused", "refused")]
    assert [leaf["codes"] for _a, _n, leaf in forbidden] == [["not_your_role"]]
    with w.store.read() as tx:
        kept = [json.loads(row[1]) for row in tx.rows(DETAILS, seq=before)]
    assert {one["client"] for one in kept} == {"127.0.0.1"}
    requests = {leaf["request"] for _a, _n, leaf in (*missing, *forbidden)} | {read["request"]}
    assert len(requests) == 3


def test_all_entries_of_one_request_have_its_id(w: World) -> None:
    sol = sign_in(w, "sol")
    referral = w.sent()
    page = sol.get(f"/referrals/{referral}/decline")
    made = said(w, lambda: sol.send(page, follow=False, reason="full"))
    assert len(made) > 0
    assert len({leaf["request"] for _a, _n, leaf in made}) == 1
    swept = said(w, lambda: sweep(w, w.later(days=40)))
    assert {leaf["door"] for _a, _n, leaf in swept} == {"worker"}
    assert len({leaf["request"] for _a, _n, leaf in swept}) > 1


def test_a_token_that_was_good_once_is_a_sign_in_that_failed_and_a_guess_is_nobodys(
    w: World,
) -> None:
    client = program(w, "priya")
    w.later(days=400)

    def ask(secret: str) -> int:
        headers = {"Authorization": f"Bearer {secret}"}
        return int(client.client.get("/api/v1/people", headers=headers).status_code)

    made = said(w, lambda: ask(client.token))
    assert [(a, n, leaf["outcome"]) for a, n, leaf in made] == [
        ("sign_in_refused", "token", "refused")
    ]
    assert said(w, lambda: ask("nonsense")) == []


def test_what_is_told_is_logged_as_it_is_handed_over_and_when_it_fails(w: World) -> None:
    w.sent()
    made = said(w, lambda: sweep(w, w.at))
    told = [(action, leaf["cause"]) for action, _n, leaf in made if action.startswith("notice_")]
    assert told
    assert set(told) == {("notice_delivered", "post")}


def test_the_address_of_a_person_who_follows_their_own_link_is_not_kept(w: World) -> None:
    records = some_records(w)
    before = last(w)
    visit(w).get(f"/a/{records['a']}")
    with w.store.read() as tx:
        kept = [json.loads(row[1]) for row in tx.rows(DETAILS, seq=before)]
    assert len(kept) == 1
    assert "client" not in kept[0]
