"""The audit log for people: who may look, what is told, and what is never told."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from referral import tree
from referral.audit import log
from referral.ids import new_id
from referral.notes import Signer
from referral.rows import put
from referral.states import Noun, Role
from referral.store import Sql, Store
from referral.tree import Checked
from tests.counting import BUDGET, statements
from tests.web.client import Page, sign_in
from tests.world import World, build
from web.audit_keys import Keys
from web.audit_pages import refused_for
from web.auditing import LogKeeper
from web.edge import Edge
from web.labels import role_name
from workflows.holds import place_hold
from workflows.working_time import ENGLAND, add, local_day


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def checked(w: World, found: int = 0, first: str | None = None) -> None:
    with w.store.begin() as tx:
        tree.keep_check(tx, Checked(w.at, 48_212, 48_212, found, first))


def test_who_reads_the_log_has_it_checked_now_and_the_worker_does_it(w: World) -> None:
    checked(w)
    keeper = LogKeeper(Edge(w.store, lambda: w.at), Keys((Signer("log.example/1", bytes(32)),)))
    w.later(minutes=30)
    keeper.check_daily(beside=False)
    with w.store.read() as tx:
        assert getattr(tree.last_check(tx), "entries", 0) == 48_212, "it isn't morning again yet"
    art = sign_in(w, "art")
    page = art.fill("/audit")
    assert "The log is being checked." in page.banner
    assert "A check was asked for on 12 May 2026" in page.words
    assert "Check the log now" not in page.words
    assert "asked for a moment ago" in art.post("/audit/check").banner
    keeper.turn(now=True)
    assert "A check was asked for" in art.get("/audit").words, "nothing else forgets it"
    keeper.check_daily(beside=False)
    with w.store.read() as tx:
        found = tree.last_check(tx)
    assert found is not None
    assert found.entries != 48_212
    assert "Asked for a check of the log" in art.get("/audit").words
    assert "Check the log now" in art.get("/audit").words
    assert sign_in(w, "grace").post("/audit/check").status == 403


def test_the_log_says_who_may_read_it(w: World) -> None:
    words = (
        "Who may read the audit log: Auditor, Information governance lead and Accountable officer"
    )
    for who, link in (("art", False), ("ingrid", True)):
        page = sign_in(w, who).get("/audit")
        assert words in page.words
        assert ('href="/access"' in page.text) is link, who
    assert words in sign_in(w, "grace").get("/access").words


def concern(w: World, person: str, **more: object) -> str:
    given = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": [], **more}
    return w.step(Noun.CONCERN, None, "raise", "priya", given=given).id


def reference(w: World, table: str, record: str) -> str:
    with w.store.read() as tx:
        row = tx.row(Sql(f"SELECT reference FROM {table} WHERE id = :id"), id=record)
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("who", ["art", "ingrid", "amara"])
def test_those_who_watch_over_the_log_read_it_and_that_is_in_it(w: World, who: str) -> None:
    w.sent()
    page = sign_in(w, who).get("/audit")
    assert page.status == 200
    assert "Sent to provider" in page.words or "Sent to the provider" in page.words
    again = sign_in(w, who).get("/audit")
    assert "Saw in a list" in again.words


@pytest.mark.parametrize("who", ["priya", "tess", "sol", "gwen", "grace", "ada", "cora"])
def test_nobody_else_reads_the_log(w: World, who: str) -> None:
    assert sign_in(w, who).get("/audit").status == 403
    assert sign_in(w, who).get("/audit/1").status == 403


def test_the_home_of_an_auditor_says_first_whether_the_log_is_whole(w: World) -> None:
    art = sign_in(w, "art")
    assert "Not checked yet." in art.get("/").words
    checked(w)
    assert "Whole. 48,212 entries. Last checked today at 10am" in art.get("/").words
    w.later(days=3)
    assert "It should be checked each morning" in sign_in(w, "art").get("/").words
    checked(w, 2, "entry 31007: its leaf doesn't hash to what is kept beside it")
    page = sign_in(w, "art").get("/")
    assert "Broken: entry 31007" in page.words
    assert "change nothing" in page.words
    assert "Whole." not in page.words


def test_the_home_names_who_was_refused_and_how_often_a_sign_in_failed(w: World) -> None:
    priya = sign_in(w, "priya")
    for _time in range(2):
        priya.get("/users")
    with w.store.begin() as tx:
        log(tx, w.system, w.at, "sign_in_refused", "user", None)
    page = sign_in(w, "art").get("/")
    assert "1 sign-in failed in the last 7 days" in page.words
    assert re.search(r"Priya \w+ 2 times", page.words)
    w.later(days=8)
    later = sign_in(w, "art").get("/")
    assert "No sign-in failed in the last 7 days." in later.words
    assert "Nobody was refused anything." in later.words


def test_the_log_is_narrowed_and_each_filter_can_be_left_out(w: World) -> None:
    art, person = sign_in(w, "art"), w.consented()
    referral = w.sent(person)
    other = w.sent()
    mine, others = reference(w, "referral", referral), reference(w, "referral", other)
    sign_in(w, "sol").get(f"/referrals/{referral}")
    page = art.get(f"/audit?reference={mine}")
    assert re.search(rf"History of {mine} ?, and who saw it", page.words)
    assert "Read Referral" in page.words
    assert others not in page.words
    reads = art.get(f"/audit?reference={mine}&kind=reads")
    assert "Sent" not in reads.words.partition("Newest first")[2].partition("Older")[0]
    whole = art.get(f"/audit?reference={reference(w, 'person', person)}")
    assert mine in whole.words
    assert "not shown in the history of a person" in whole.words
    none = art.get(f"/audit?reference={mine}&kind=emergency")
    assert "There is nothing like this in the log." in none.words
    assert f'href="/audit?reference={mine}"' in none.text
    assert 'href="/audit?kind=emergency"' in none.text
    assert "Nothing has this reference" in art.get("/audit?reference=SG-0000-00").words
    wrong = art.get("/audit?from=yesterday&kind=moves")
    assert "<title>Error: " in wrong.text
    assert 'href="#from"' in wrong.text
    assert 'value="yesterday"' in wrong.text
    assert "Enter a real date, for example 12 5 2026" in wrong.words
    assert "Newest first" not in wrong.words, "what is shown would not be what was asked"
    assert 'href="/audit?from=2026-05-12"' in art.get("/audit?from=12+May+2026&kind=moves").text
    tomorrow = (w.at + timedelta(days=2)).date().isoformat()
    assert "There is nothing like this" in art.get(f"/audit?from={tomorrow}").words
    assert art.get("/audit?member=nonsense").status == 404


def test_whose_entries_they_are_is_asked_by_name(w: World) -> None:
    art, referral = sign_in(w, "art"), w.sent()
    w.referral(referral, "decline", "sol", given={"reason": "full"})
    sol = art.get("/audit?called=soL&kind=moves")
    assert "<title>Error" not in sol.text
    listed = sol.words.partition("Newest first")[2]
    assert "The provider could not take them" in listed
    assert "Priya" not in listed
    with w.store.begin() as tx:
        tx.run(Sql("UPDATE app_user SET name = 'Sol Ash' WHERE id = :id"),
               id=w.actor["sam"].user_id)  # fmt: skip
    two = art.get("/audit?called=sol&kind=moves")
    assert "More than one person is called that. Choose who it is." in two.words
    assert "could not take them" not in two.words
    (first,) = re.findall(r'href="([^"]+)">Sol Rivers,', two.text)
    chosen = art.get(first.replace("&amp;", "&"))
    assert "The provider could not take them" in chosen.words
    assert "By Sol Rivers" in chosen.words
    assert "Nobody with an account here" in art.get("/audit?called=Nobody").words


def test_who_raised_a_concern_is_not_found_by_asking_for_what_they_did(w: World) -> None:
    art = sign_in(w, "art")
    concern(w, w.person())
    assert "Concern" in art.get("/audit?kind=moves").words.partition("Newest first")[2]
    priya = w.actor["priya"]
    for asked in (
        f"user={priya.user_id}",
        f"member={priya.membership_id}",
        f"organisation={priya.organisation_id}",
    ):
        page = art.get(f"/audit?kind=moves&{asked}")
        assert "oncern" not in page.words.partition("Newest first")[2], asked


def test_a_refusal_is_told_in_the_sentences_its_page_gave(w: World) -> None:
    sign_in(w, "priya").get("/users")
    art = sign_in(w, "art")
    page = art.get("/audit?kind=refusals")
    first = re.search(r'href="(/audit/\d+)"', page.text)
    assert first is not None
    assert "Refused for Your role doesn't do this." in art.get(first[1]).words
    assert refused_for("referral", "send", ["risks_stated", "ground_to_share"]) == (
        "It is not said yet whether the provider must know something to keep people safe."
        " There is no consent in force to share with this provider."
    )
    assert refused_for("page", "read", ["never_heard_of"]) == "Never heard of."


def test_the_log_is_read_page_by_page_without_a_gap(w: World) -> None:
    for _time in range(6):
        w.sent()
    art = sign_in(w, "art")
    seen: list[int] = []
    path: str | None = f"/audit?organisation={w.org['ash']}"
    while path:
        page = art.get(path)
        seen += [int(n) for n in re.findall(r'href="/audit/(\d+)"', page.text)]
        older = re.search(r'app-older"><a href="([^"]+)"', page.text)
        path = older[1].replace("&amp;", "&") if older else None
    assert seen == sorted(set(seen), reverse=True)
    with w.store.read() as tx:
        rows = tx.rows(
            Sql(
                "SELECT a.seq FROM audit a JOIN membership m ON m.id = a.membership_id"
                " WHERE m.organisation_id = :o ORDER BY a.seq DESC"
            ),
            o=w.org["ash"],
        )
    assert seen == [row[0] for row in rows]
    assert len(seen) > 25


def test_an_entry_says_who_what_why_before_and_after(w: World) -> None:
    referral = w.sent()
    w.referral(referral, "decline", "sol", given={"reason": "full"})
    art = sign_in(w, "art")
    listed = art.get("/audit?kind=moves")
    first = re.search(r'href="(/audit/\d+)"', listed.text)
    assert first is not None
    page = art.get(first[1])
    assert "Who Sol" in page.words
    assert f"Role {role_name('provider_leader')}" in page.words
    assert "Before and after From " in page.words
    assert " to Back with link worker" in page.words
    assert "Purpose Care of the person" in page.words
    assert "Its hash begins with" in page.words
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT leaf FROM audit WHERE seq = :n"), n=int(first[1].split("/")[2]))
    assert row is not None
    assert json.loads(row[0])["trigger"] == "decline"
    assert art.get(f"{first[1]}/leaf").text == row[0]
    assert "No signed head covers it yet" in art.get(f"{first[1]}/proof").words
    assert art.get("/audit/999999").status == 404


def test_an_entry_about_an_account_says_whose_it_is(w: World) -> None:
    account = f"/users/{w.actor['kit'].membership_id}"
    sign_in(w, "ada").fill(f"{account}/suspend", reason="lost")
    listed = sign_in(w, "art").get("/audit")
    assert "Suspended an account An account: Kit" in listed.words
    first = re.search(r'href="(/audit/\d+)"[^>]*>\s*Suspended an account', listed.text)
    assert first is not None
    assert "About An account: Kit" in sign_in(w, "art").get(first[1]).words


def test_a_concern_shows_that_it_was_touched_and_neither_whom_it_is_about_nor_who_raised_it(
    w: World,
) -> None:
    person = w.person()
    matter = concern(w, person)
    w.step(Noun.CONCERN, matter, "acknowledge", "gwen", given={"hold_stays": True})
    art = sign_in(w, "art")
    listed = art.get("/audit?kind=moves")
    assert "Safeguarding concern" in listed.words
    assert reference(w, "concern", matter) not in listed.text
    assert reference(w, "person", person) not in listed.text
    assert "Priya" not in listed.words
    assert "Gwen" in listed.words
    for number in re.findall(r'href="/audit/(\d+)"', listed.text)[:2]:
        page = art.get(f"/audit/{number}")
        assert reference(w, "person", person) not in page.words
        assert "Bruises" not in page.text
    history = art.get(f"/audit?reference={reference(w, 'person', person)}")
    assert "Safeguarding concern" not in history.words


def test_an_auditor_named_in_a_concern_reads_what_one_reads_whose_side_records_are_closed_to(
    w: World,
) -> None:
    """The same words for either cause, for a log whose numbers alone would tell."""
    art = w.actor["art"]
    with w.store.begin() as tx:
        put(tx, "membership", _as_link_worker(w, art.user_id))
    open_to = sign_in(w, "art").get("/audit")
    assert "Newest first" in open_to.words
    draft = w.draft(w.consented())
    tess = w.actor["tess"]
    until = local_day(add(w.at, 5, ENGLAND))
    with w.store.begin(tess) as tx:
        hold = place_hold(
            tx, tess, w.at, referral_id=draft, cause="records", until=until, side="link_worker"
        )
    by_hold = [sign_in(w, "art").get(path) for path in ("/", "/audit", "/audit/3")]
    with w.store.begin() as tx:
        tx.run(Sql("UPDATE hold SET ended = :at WHERE id = :id"), at=w.at, id=hold)
    assert "Newest first" in sign_in(w, "art").get("/audit").words
    concern(w, w.person(), sources=[{"user_id": art.user_id}])
    by_concern = [sign_in(w, "art").get(path) for path in ("/", "/audit", "/audit/3")]
    for one, two in zip(by_hold, by_concern, strict=True):
        assert "You cannot read the audit log at the moment." in one.words
        assert one.words == two.words
    for path in ("/audit/3/leaf", "/audit/3/proof", "/audit/export"):
        assert above_help(sign_in(w, "art").get(path)) == above_help(by_concern[1])
    assert "You cannot read" not in sign_in(w, "ingrid").get("/audit").words


def above_help(page: Page) -> str:
    """What a page says, up to the line that leads to help with just this page."""
    said, there, _ = page.words.partition("Stuck, or something is not right?")
    assert there
    return said


def _as_link_worker(w: World, user_id: str) -> dict[str, object]:
    return {
        "id": new_id(w.at),
        "system_id": w.system_id,
        "user_id": user_id,
        "organisation_id": w.org["ash"],
        "role": str(Role.LINK_WORKER),
        "started_at": w.at - timedelta(days=1),
    }


def test_no_page_of_the_log_asks_the_store_more_than_fifteen_times(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    w.sent()
    checked(w)
    art = sign_in(w, "art")
    sent = statements(monkeypatch)
    for path in ("/", "/audit", "/audit?kind=moves", "/audit/5"):
        sent.clear()
        assert art.get(path).status == 200
        assert len(sent) <= BUDGET, path
