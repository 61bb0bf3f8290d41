"""A named source of harm finds nothing of the concern: not by search, counts, titles, timelines,
lists, notices, the API, error messages, the kind of refusal, or a version that moved.

That a full hold looks the same whatever its cause is tried in `test_two_worlds.py`; here, that
nothing else tells."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from referral.ids import new_id
from referral.states import Noun
from referral.store import Store
from tests.web.api import program
from tests.web.client import Page, sign_in
from tests.winding import rows
from tests.world import World, build
from web.edge import Edge
from web.worker import sweep_all
from workflows.concerns import raise_concern

SEEN = "Bruises on both arms"
# Whoever is named, and whose organisation; each is tried on the same concern.
NAMED = ("priya", "sol", "rae", "paul", "ada")


@dataclass
class Matter:
    """A concern that names people of every kind, and what was there before it."""

    w: World
    person: str
    referral: str
    concern: str = ""
    reference: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    counts: dict[str, list[str]] = field(default_factory=dict)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.concern, self.reference, SEEN, "Known to us")


def numbers(page: Page) -> list[str]:
    """Every number in the menu and the chips: what is counted for somebody."""
    return re.findall(r"\b\d+\b", page.words.split("Sign out")[1][:200])


@pytest.fixture(scope="module")
def m(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matter]:
    path = tmp_path_factory.mktemp("no-trace") / "segue.db"
    shutil.copy(sqlite_template, path)
    store = Store(f"sqlite:///{path}")
    w = build(store)
    person = w.person()
    made = Matter(w, person, w.active(person))
    w.sent()
    sweep_all(Edge(store, lambda: w.at))
    made.tags["referral"] = program(w, "priya").get(f"/referrals/{made.referral}").etag
    made.tags["person"] = program(w, "priya").get(f"/people/{person}").etag
    made.tags["provider"] = program(w, "sol").get(f"/referrals/{made.referral}").etag
    for who in NAMED:
        made.counts[who] = numbers(sign_in(w, who).get("/notices"))
    page = sign_in(w, "sam").fill(
        f"/referrals/{made.referral}/concern",
        seen=SEEN,
        danger="yes",
        source_users=[w.actor["priya"].user_id],
        source_organisations=[w.org["singers"]],
    )
    made.concern = page.path.split("/")[-1]
    # Whom no page of theirs offers to name: others of the ladder, and who runs the service.
    named = [{"user_id": w.actor[who].user_id} for who in ("paul", "ada")]
    later = {"sources": named, "note": "He rang them."}
    w.step(Noun.CONCERN, made.concern, "name_source", "gwen", given=later)
    made.reference = str(
        rows(store, "SELECT reference FROM concern WHERE id = :id", id=made.concern)[0][0]
    )
    gwen = sign_in(w, "gwen")
    gwen.fill(f"/concerns/{made.concern}/acknowledge", note="Known to us.")
    gwen.fill(
        f"/concerns/{made.concern}/report-to-authority",
        authority_route="adult_social_care",
        authority_reference="A-9",
    )
    sweep_all(Edge(store, lambda: w.at))
    yield made
    store.dispose()


PAGES = (
    "/",
    "/?show=open",
    "/referrals",
    "/people",
    "/notices",
    "/concerns",
    "/escalations",
    "/overrides",
    "/health",
    "/help",
    "/team",
    "/taking-part",
    "/sessions",
    "/offers",
    "/providers",
    "/organisations",
    "/users",
    "/who-answers",
    "/accountability",
    "/announcements",
    "/themes",
    "/referrals/{referral}",
    "/referrals/{referral}/history",
    "/people/{person}",
)


@pytest.mark.parametrize("who", NAMED)
def test_no_page_holds_a_word_of_it(m: Matter, who: str) -> None:
    visitor = sign_in(m.w, who)
    read = 0
    for path in PAGES:
        at = path.format(referral=m.referral, person=m.person)
        page = visitor.get(at, headers={"Accept": "text/html"})
        assert page.status in (200, 403, 404), at
        title = re.search(r"<title>(.*?)</title>", page.text, re.S)
        assert title
        for secret in m.secrets:
            assert secret not in page.text, (path, secret)
        if path != "/concerns":
            assert "oncern" not in title[1], (path, title[1])
        read += page.status == 200
    assert read > 8


@pytest.mark.parametrize("who", NAMED)
def test_no_search_finds_it(m: Matter, who: str) -> None:
    visitor = sign_in(m.w, who)
    if visitor.get("/search").status != 200:
        return
    for words in (m.reference, "Bruises", "Okoro1", m.reference.lower()):
        page = visitor.post("/search", {"q": words})
        assert page.status == 200
        assert m.concern not in page.text
        assert SEEN not in page.text
    assert "No" in visitor.post("/search", {"q": m.reference}).words


@pytest.mark.parametrize("who", NAMED)
def test_nobody_named_is_told_or_counted_anything(m: Matter, who: str) -> None:
    member = m.w.actor[who].membership_id
    found = rows(
        m.w.store,
        "SELECT what FROM notice WHERE membership_id = :m AND (noun = 'concern' OR record_id = :c)",
        m=member,
        c=m.concern,
    )
    assert found == []
    assert numbers(sign_in(m.w, who).get("/notices")) == m.counts[who]


def bare(page: Page) -> str:
    """A page without what differs at each drawing."""
    text = re.sub(r'(name="csrf_token" value|name="key" value|nonce)="[^"]*"', "", page.text)
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)


@pytest.mark.parametrize("who", NAMED)
def test_it_is_not_found_in_the_words_of_what_was_never_there(m: Matter, who: str) -> None:
    visitor, nothing = sign_in(m.w, who), new_id()
    for move in ("", "/acknowledge", "/close", "/hand-over", "/told-authority", "/no-such-move"):
        there = visitor.get(f"/concerns/{m.concern}{move}")
        never = visitor.get(f"/concerns/{nothing}{move}")
        assert (there.status, bare(there)) == (404, bare(never)), move
    there = visitor.post(f"/concerns/{m.concern}/acknowledge", {"version": "2", "key": "k"})
    never = visitor.post(f"/concerns/{nothing}/acknowledge", {"version": "2", "key": "k"})
    assert (there.status, bare(there)) == (404, bare(never))


@pytest.mark.parametrize("who", NAMED)
def test_programs_find_nothing_of_it(m: Matter, who: str) -> None:
    asked, nothing = program(m.w, who), new_id()
    assert asked.get("/concerns").json == {"items": [], "next": None}
    assert asked.get(f"/concerns?reference={m.reference}").json["items"] == []

    def alike(method: str, path: str, body: object = None) -> None:
        there = asked.send(method, path.format(m.concern), body, version='"3"')
        never = asked.send(method, path.format(nothing), body, version='"3"')
        plain = [{k: v for k, v in said.json.items() if k != "instance"} for said in (there, never)]
        assert (there.status, plain[0]) == (never.status, plain[1]), path
        assert there.status == (422 if body == {"reason": "x"} else 404), path
        assert "ETag" not in there.headers

    alike("GET", "/concerns/{}")
    alike("GET", "/concerns/{}/moves")
    alike("GET", "/concerns/{}/steps")
    alike("POST", "/concerns/{}/moves/acknowledge", {})
    alike("POST", "/concerns/{}/moves/close", {"reason": "x"})
    for path in ("/referrals", "/escalations", "/consents", "/people", "/providers"):
        said = asked.get(path)
        if said.status == 200:
            text = repr(said.json)
            assert not [s for s in m.secrets if s in text], path


def test_no_version_of_theirs_has_moved(m: Matter) -> None:
    priya, sol = program(m.w, "priya"), program(m.w, "sol")
    assert priya.get(f"/referrals/{m.referral}").etag == m.tags["referral"]
    assert priya.get(f"/people/{m.person}").etag == m.tags["person"]
    assert sol.get(f"/referrals/{m.referral}").etag == m.tags["provider"]


def test_every_refusal_is_the_sentence_of_the_hold_and_says_no_more(m: Matter) -> None:
    for who, moves in (
        ("priya", ("recall", "pause", "withdraw", "no_such_move")),
        ("sol", ("pause", "complete")),
    ):
        told = program(m.w, who)
        known = told.get(f"/referrals/{m.referral}/moves").json["items"]
        for option in known:
            codes = {r["code"] for r in option["refusals"]}
            assert codes <= {"not_held", "not_your_role", "not_your_record"}, option
        for move in moves:
            if move == "no_such_move":
                continue
            said = told.move(f"/referrals/{m.referral}", move, NEEDED.get(move, {}))
            assert (said.status, said.codes) == (409, ["not_held"]), (who, move)


NEEDED = {
    "recall": {"reason": "other"},
    "pause": {"paused_until": "2026-06-12"},
    "withdraw": {"reason": "other"},
    "complete": {
        "outcome": "finished",
        "goals_met": "yes",
        "what_next": "Rest",
        "summary": "Went well.",
    },
}


def test_the_timeline_of_those_named_ends_before_it(m: Matter) -> None:
    for who in ("priya", "sol"):
        history = sign_in(m.w, who).get(f"/referrals/{m.referral}/history").words
        assert "oncern raised" not in history
        assert "Known to us." not in history
        steps = program(m.w, who).get(f"/referrals/{m.referral}/steps")
        assert SEEN not in repr(steps.json)


def test_the_tests_would_notice_it_for_who_looks_after_it(m: Matter) -> None:
    gwen = sign_in(m.w, "gwen")
    assert m.reference in gwen.get("/concerns").text
    assert SEEN in gwen.get(f"/concerns/{m.concern}").text
    assert len(program(m.w, "gwen").get("/concerns").json["items"]) == 1


def test_where_everyone_is_barred_the_raiser_is_given_the_contact_outside(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    w = build(store)
    named = [{"user_id": w.actor[who].user_id} for who in ("gwen", "paul", "seth", "amara")]
    values = {"person_id": w.person(), "seen": SEEN, "danger": False, "sources": named}
    with store.begin(w.actor["priya"]) as tx:
        made = raise_concern(tx, w.actor["priya"], w.at, values).id
    contact = "County council duty desk, 01632 960199"
    priya = sign_in(w, "priya")
    assert f"Turn to: {contact}" in priya.get(f"/concerns/{made}").words
    assert f"Turn to: {contact}" in priya.get("/people").words
    assert program(w, "priya").get(f"/concerns/{made}").json["ring"] == contact
    # The health page calls for help, but not to those it is about.
    told = "that nobody on the ladder may hold"
    html = {"Accept": "text/html"}
    assert told in sign_in(w, "ada").get("/health", headers=html).words
    assert told not in sign_in(w, "amara").get("/health", headers=html).words
    store.dispose()
