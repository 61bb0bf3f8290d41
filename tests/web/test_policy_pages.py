"""Policy as pages: what holds and why, a change with its preview, and talk about it first."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from referral import policies, policy
from referral.policy import rules_in
from referral.store import Sql, Store
from tests.web.client import Page, sign_in, visit
from tests.world import World, build
from web.cli import main
from workflows.policy_files import WrongFile, read

SENT = "/policy/days/referral.sent"
KEEP = Sql(
    "INSERT INTO move_table (noun, version, body, from_at) VALUES ('policy', 'older', :body, :at)"
)
CHANGE = Sql("SELECT id, code FROM policy_change")
COMMENTS = Sql("SELECT id, body, shown FROM policy_comment ORDER BY at, id")


@pytest.fixture
def w(sqlite_url: str) -> World:
    return build(Store(sqlite_url))


def days(w: World, name: str = "referral.sent", place: str = "harbour") -> int:
    with w.store.read() as tx:
        found = rules_in(tx, w.system_id, w.place[place], w.at)
        assert found is not None
        return found.days(name)


def changed(w: World, who: str = "grace", path: str = SENT, **answers: Any) -> Page:
    """Fill in the form of a change, look at what it touches, and make it."""
    visitor = sign_in(w, who)
    filled = {"number": "7", "starts": "now", "because": "Ten volunteers, one phone.", **answers}
    preview = visitor.fill(f"{path}/change", **filled)
    if preview.status != 200 or "What this will touch" not in preview.words:
        return preview
    return visitor.send(preview, sure="yes")


def test_everybody_who_works_here_reads_what_holds_and_where_it_comes_from(w: World) -> None:
    changed(w)
    for who in ("priya", "sol", "cora", "art"):
        first = sign_in(w, who).get(f"/policy?place={w.place['harbour']}")
        assert "working days" not in first.words.partition("Kinds of rule")[2].partition(".")[2]
        assert "1 made here or above" in first.words
        page = sign_in(w, who).get(f"/policy?place={w.place['harbour']}&kind=days")
        assert page.status == 200
        assert "Referral: The provider answers 7 working days Harbour, since" in page.words
        assert "Shipped example" in page.words
    assert 'href="/wording"' in sign_in(w, "grace").get("/policy").text
    assert 'href="/wording"' not in sign_in(w, "priya").get("/policy").text
    here = sign_in(w, "priya").get("/policy?own=yes")
    assert "Shipped example" not in here.words
    assert "7 working days" in here.words
    there = sign_in(w, "priya").get(f"/policy?place={w.place['fen']}&kind=days")
    assert "Referral: The provider answers 5 working days Shipped example" in there.words
    assert 'id="kind-days"' in there.text
    assert 'id="kind-reasons"' not in there.text
    whole = sign_in(w, "priya").get(f"/policy?place={w.place['fen']}&kind=all")
    assert 'id="kind-days"' in whole.text
    assert 'id="kind-reasons"' in whole.text


def test_a_past_day_shows_the_examples_that_were_shipped_then(w: World) -> None:
    older = policy.shipped_text().replace("days referral.queried 3\n", "days referral.queried 4\n")
    with w.store.begin() as tx:
        tx.run(KEEP, body=older, at=w.at - timedelta(days=365))
    then = sign_in(w, "priya").get("/policy?on-day=1&on-month=7&on-year=2025&kind=days")
    assert "Referral: Question asked 4 working days Shipped example" in then.words
    now = sign_in(w, "priya").get("/policy?kind=days")
    assert "Referral: Question asked 3 working days Shipped example" in now.words


def test_a_change_says_first_what_it_touches_and_then_holds(w: World) -> None:
    w.sent()
    grace = sign_in(w, "grace")
    preview = grace.fill(f"{SENT}/change", number="7", starts="now", because="One phone.")
    assert "1 that is running keeps the time it began with." in preview.words
    assert "What begins from now on has 7 working days." in preview.words
    assert days(w) == 5, "only looked at"
    back = grace.send(preview, again="yes")
    assert 'value="7"' in back.text
    made = grace.send(preview, sure="yes")
    assert "Saved." in made.banner
    assert days(w) == 7
    assert "Grace Harbour" in made.words
    assert "One phone." in made.words


def test_a_change_from_a_day_on_is_planned_and_can_be_taken_back(w: World) -> None:
    page = changed(w, starts="later", from_day__day="1", from_day__month="6", from_day__year="2026")
    assert "From 1 June 2026: 7 working days" in page.words
    assert days(w) == 5
    then = sign_in(w, "priya").get("/policy?on-day=2&on-month=6&on-year=2026&kind=days")
    assert "As it was, or will be, on 2 June 2026." in then.words
    assert "Referral: The provider answers 7 working days" in then.words
    grace = sign_in(w, "grace")
    page = grace.send(grace.get(SENT))
    assert "Taken back." in page.banner
    w.later(days=40)
    assert days(w) == 5


def test_a_place_goes_back_to_what_holds_above_it(w: World) -> None:
    assert "Have no rule here any more" not in sign_in(w, "grace").get(f"{SENT}/change").words
    changed(w)
    w.later(days=1)
    changed(w, number="", above="yes", because="As everywhere.")
    assert days(w) == 5
    assert "Shipped example" in sign_in(w, "priya").get("/policy?kind=days").words


def test_what_cannot_be_is_said_beside_its_box_and_stays_typed(w: World) -> None:
    for answers, says in (
        ({"number": "90"}, "Enter a whole number from 1 to 20."),
        ({"number": "1"}, "Urgent can't take longer than usual."),
        ({"number": ""}, "Enter a number."),
        ({"because": ""}, "Write why"),
        ({"starts": "later"}, "Enter the day it begins."),
    ):
        page = changed(w, **answers)
        assert page.status == 422
        assert says in page.words
        assert 'name="because"' in page.text
    assert days(w) == 5
    assert sign_in(w, "ada").get("/policy?on-day=99&on-month=1&on-year=2026").status == 422


def test_only_who_answers_for_the_place_changes_it(w: World) -> None:
    assert sign_in(w, "priya").get(f"{SENT}/change").status == 403
    assert sign_in(w, "grace").get(f"{SENT}/change?place={w.place['fen']}").status == 404
    assert sign_in(w, "grace").get("/policy/days/nothing").status == 404
    assert sign_in(w, "grace").get("/policy?place=nowhere").status == 404
    assert "Change it" not in sign_in(w, "fred").get(f"{SENT}?place={w.place['harbour']}").words


def test_a_list_is_changed_a_line_each_and_offered_where_the_record_is(w: World) -> None:
    record = w.sent()
    lines = "No place left\nNo interpreter (BSL) on that day"
    page = changed(w, path="/policy/reasons/referral.decline", lines=lines, number="")
    assert "No interpreter (BSL) on that day" in page.words
    form = sign_in(w, "sol").get(f"/referrals/{record}/decline")
    assert "No interpreter (BSL) on that day" in form.words
    assert "Outside our area" not in form.words
    done = sign_in(w, "sol").fill(
        f"/referrals/{record}/decline", reason="no_interpreter_bsl_on_that_day"
    )
    assert "The link worker has been told." in done.banner
    told = sign_in(w, "priya").get(f"/referrals/{record}/history")
    assert "No interpreter (BSL) on that day" in told.words


def opened(w: World) -> tuple[str, str]:
    """A change put to others: its id and its code."""
    page = sign_in(w, "grace").fill(
        f"{SENT}/ask",
        title="Seven days to answer",
        number="7",
        because="Small groups meet once a week.",
        closes_on__day="1",
        closes_on__month="6",
        closes_on__year="2026",
    )
    assert "Open for comment" in page.banner
    with w.store.read() as tx:
        row = tx.row(CHANGE)
    assert row is not None
    return row[0], row[1]


def test_people_without_an_account_are_heard_once_somebody_has_read_it(w: World) -> None:
    change, code = opened(w)
    somebody = visit(w)
    page = somebody.fill(
        f"/have-your-say/{code}", voice="lived_experience", body="Waiting a week is long."
    )
    assert "Thank you." in page.banner
    assert "Waiting a week is long." not in visit(w).get(f"/have-your-say/{code}").words
    assert (
        "Waiting a week is long." not in sign_in(w, "priya").get(f"/policy/changes/{change}").text
    )
    grace = sign_in(w, "grace")
    assert "1 comment to read" in grace.get("/").words
    waiting = grace.get(f"/policy/changes/{change}")
    assert "Waiting a week is long." in waiting.words
    grace.send(waiting, form=0)
    page = visit(w).get(f"/have-your-say/{code}")
    assert "Waiting a week is long. Somebody with lived experience" in page.words
    assert "Grace Harbour" not in page.words


def test_what_is_left_out_is_gone_and_counted(w: World) -> None:
    change, code = opened(w)
    visit(w).fill(f"/have-your-say/{code}", voice="someone_else", body="Ask Mrs Jones.")
    grace = sign_in(w, "grace")
    grace.send(grace.get(f"/policy/changes/{change}"), form=1)
    assert "1 comment was left out" in sign_in(w, "priya").get(f"/policy/changes/{change}").words
    with w.store.read() as tx:
        assert [(row[1], bool(row[2])) for row in tx.rows(COMMENTS)] == [(None, False)]


@pytest.mark.parametrize("body", ["Ring 07700 900982", "I am 999 000 0018", "a.b@example.org"])
def test_numbers_and_addresses_of_people_are_not_taken(w: World, body: str) -> None:
    _change, code = opened(w)
    page = visit(w).fill(f"/have-your-say/{code}", voice="provider", body=body)
    assert page.status == 422
    assert "Leave out phone numbers" in page.words
    with w.store.read() as tx:
        assert tx.rows(COMMENTS) == []


def test_only_whoever_opened_it_reads_and_decides(w: World) -> None:
    change, code = opened(w)
    visit(w).fill(f"/have-your-say/{code}", voice="provider", body="Fine by us.")
    with w.store.read() as tx:
        comment = tx.rows(COMMENTS)[0][0]
    for who in ("priya", "ada", "fred"):
        sign_in(w, who).post(f"/policy/comments/{comment}/show")
        assert sign_in(w, who).get(f"/policy/changes/{change}/decide").status == 404
    with w.store.read() as tx:
        assert not tx.rows(COMMENTS)[0][2]


def test_you_said_we_did_stays_beside_the_change(w: World) -> None:
    change, code = opened(w)
    sign_in(w, "priya").fill(f"/policy/changes/{change}", body="Send a reminder on day three.")
    grace = sign_in(w, "grace")
    decision = {
        "outcome": "made",
        "said_1": "Send a reminder.",
        "did_1": "The reminder stays.",
    }
    early = grace.fill(f"/policy/changes/{change}/decide", **decision)
    assert "People can still comment." in early.words
    visit(w).fill(f"/have-your-say/{code}", voice="provider", body="We share a phone.")
    w.later(days=25)
    closed = visit(w).get(f"/have-your-say/{code}")
    assert "Send a reminder on day three. A link worker or somebody beside one" in closed.words
    assert "Priya" not in closed.words
    assert "The time for comments has ended." in closed.words
    late = visit(w).post(f"/have-your-say/{code}", {"voice": "provider", "body": "Too late?"})
    assert "The time for comments has ended." in late.words
    grace = sign_in(w, "grace")
    assert "1 to decide" in grace.get("/").words
    unread = grace.fill(f"/policy/changes/{change}/decide", **decision)
    assert "Read the comments that wait first." in unread.words
    grace.send(grace.get(f"/policy/changes/{change}"), form=0)
    unheard = grace.fill(f"/policy/changes/{change}/decide", outcome="made")
    assert "Write what people said" in unheard.words
    assert days(w) == 5
    done = grace.fill(f"/policy/changes/{change}/decide", **decision)
    assert "Decided." in done.banner
    assert days(w) == 7
    for page in (done, visit(w).get(f"/have-your-say/{code}")):
        assert "You said: Send a reminder." in page.words
        assert "We did: The reminder stays." in page.words
    assert "What people said about it" in sign_in(w, "priya").get(SENT).words


def test_a_code_that_opens_nothing_is_not_found(w: World) -> None:
    for code in ("PC-0000-00", "nothing", "SG-7K4Q-2M"):
        assert visit(w).get(f"/have-your-say/{code}").status == 404


def test_too_many_comments_wait(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _change, code = opened(w)
    monkeypatch.setattr(policies, "unread", lambda tx, change: 50)
    page = visit(w).fill(f"/have-your-say/{code}", voice="provider", body="One more.")
    assert "Many comments wait to be read." in page.words


# -- files --------------------------------------------------------------------------------------


@pytest.fixture
def segue(w: World, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SEGUE_DATABASE_URL", sqlite_url)

    def run(*words: str, status: int = 0) -> str:
        found = CliRunner().invoke(main, ["policy", *words])
        assert found.exit_code == status, found.output
        return found.output

    return run


def test_places_learn_from_each_other_by_a_file(w: World, segue: Any, tmp_path: Path) -> None:
    changed(w)
    changed(w, path="/policy/reasons/referral.decline", lines="No place left\nNo tutor", number="")
    file = tmp_path / "harbour.json"
    file.write_text(segue("export", "--place", "Harbour"))
    assert json.loads(file.read_text())["rules"] == {
        "days": {"referral.sent": 7},
        "reasons": {"referral.decline": ["full", {"code": "no_tutor", "says": "No tutor"}]},
    }
    said = segue("diff", str(file), "--place", "Fen")
    assert "Fen: 5 working days" in said
    assert f"{file}: 7 working days" in said
    tried = segue("import", str(file), "--place", "Fen")
    assert "Rules to make: 2. Nothing was changed yet: add --apply." in tried
    w.later(days=4_000)  # the command reads the true clock
    assert days(w, place="fen") == 5
    done = segue("import", str(file), "--place", "Fen", "--apply", "--because", "As in Harbour")
    assert "Rules made: 2." in done
    assert days(w, place="fen") == 7
    assert "works by all of this already" in segue("import", str(file), "--place", "Fen")
    assert "They say the same." in segue("diff", str(file), "--place", "Fen")
    assert "As in Harbour" in sign_in(w, "fred").get(SENT).words


def test_all_of_a_file_is_taken_or_nothing(w: World, segue: Any, tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text(
        "segue_policy = 1\n[rules.days]\n'referral.queried' = 4\n'referral.sent' = 2\n"
        "'referral.sent.urgent' = 3\n"
    )
    assert "Urgent can't take longer than usual." in segue("import", str(file), "--apply", status=2)
    assert days(w, "referral.queried") == 3
    file.write_text(
        "segue_policy = 1\n[rules.days]\n'referral.sent' = 1\n'referral.sent.urgent' = 1\n"
    )
    segue("import", str(file), "--apply", "--from", "2099-01-01", status=2)
    segue("import", str(file), "--apply")
    with w.store.read() as tx:
        found = rules_in(tx, w.system_id, w.place["root"], w.at + timedelta(days=4_000))
    assert found is not None
    assert (found.days("referral.sent"), found.days("referral.sent.urgent")) == (1, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "isn't JSON"),
        ("[]", "no policy of Segue's"),
        ('{"segue_policy": 2}', "no policy of Segue's"),
        ('{"segue_policy": 1}', "no rules"),
        ('{"segue_policy": 1, "rules": {"days": {"referral.sent": "7"}}}', "whole number"),
        ('{"segue_policy": 1, "rules": {"days": {"x": 7}, "sky": {"y": 1}}}', "sky y"),
    ],
)
def test_what_is_no_policy_is_said(text: str, says: str) -> None:
    with pytest.raises(WrongFile, match=says):
        read(text)
