"""Links without an account: what they show, that looking changes nothing, that one press works
once, and that whoever comes too late changes nothing and is heard."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from referral import links, messages
from referral.ids import new_id
from referral.rows import change
from referral.states import Noun
from referral.store import Sql, Store
from tests.web.client import HTTP, Page, Visitor, sign_in, visit
from tests.winding import rows, state, sweep
from tests.world import World, build
from web.link_tokens import LinkTokens
from web.ways import Ways
from workflows import provider_links
from workflows.messages import write_message
from workflows.people import save_plan
from workflows.referrals import record_attendance

TOKENS = LinkTokens(HTTP.secret_key)
PERSONAL = ("Okoro", "900982", "1951", "ZZ99", "Ash Lane neighbour")


MADE = re.compile(r'"csrf_token" value="[^"]*"|/a/[\w.-]+|[0-9a-f]{8}-[0-9a-f-]{27}')


def shown(page: Page) -> str:
    """A page without what was made by chance, in which any four digits may stand."""
    return MADE.sub("", page.text)


@dataclass
class Links:
    """A world with a link to a referral."""

    w: World
    record: str = ""
    link: str = ""
    phone: Visitor = field(init=False)

    def __post_init__(self) -> None:
        self.phone = visit(self.w)

    def make(
        self, record: str, who: str = "sol", purpose: str = links.ANSWER, days: int = 14
    ) -> str:
        """A link for a leader; returns its path."""
        self.record, self.link = record, new_id()
        with self.w.store.begin() as tx:
            links.keep(
                tx,
                link_id=self.link,
                system_id=self.w.system_id,
                purpose=purpose,
                record_id=record,
                membership_id=self.w.actor[who].membership_id,
                made_by=None,
                channel="email",
                token_hash=TOKENS.token_hash(self.link),
                code_hash=None,
                word_hash=None,
                at=self.w.at,
                expires_at=self.w.at + timedelta(days=days),
            )
        return f"/a/{TOKENS.token(self.link)}"

    def state(self) -> str:
        return state(self.w.store, "referral", self.record)

    def told(self) -> list[tuple[str, str]]:
        """What was said to whom about the wishes of links."""
        found = rows(
            self.w.store, "SELECT what, to_owner FROM outbox WHERE what LIKE 'wished%' ORDER BY id"
        )
        return [(row[0], row[1]) for row in found]

    def kept(self) -> tuple[Any, ...]:
        return rows(
            self.w.store, "SELECT used_at, used_for, wished FROM link WHERE id = :id", id=self.link
        )[0]


@pytest.fixture
def both(store: Store) -> Links:
    return Links(build(store))


@pytest.fixture
def one(sqlite_url: str) -> Iterator[Links]:
    store = Store(sqlite_url)
    yield Links(build(store))
    store.dispose()


def press(k: Links, path: str, wish: str, phone: Visitor | None = None, **said: Any) -> Page:
    """Open the link's page, and press one of its buttons."""
    phone = phone or k.phone
    page = phone.get(path)
    forms = [n for n, (action, _fields) in enumerate(page.forms) if action == f"{path}/{wish}"]
    assert forms, f"there is no button to {wish}"
    return phone.send(page, form=forms[0], **said)


# -- a provider's link --------------------------------------------------------------------------


def test_a_leader_accepts_by_a_link_with_one_press_and_no_account(both: Links) -> None:
    path = both.make(both.w.sent())
    done = press(both, path, "accept")
    assert both.state() == "accepted"
    assert "Accepted" in done.banner
    (row,) = rows(
        both.w.store,
        "SELECT membership_id, role, cause FROM step WHERE record_id = :id AND trigger = 'accept'",
        id=both.record,
    )
    assert row == (both.w.actor["sol"].membership_id, "provider_leader", "link")
    assert both.kept()[1] == "accept"


def test_a_leader_declines_with_a_reason_and_asks_with_words(one: Links) -> None:
    path = one.make(one.w.sent())
    missing = press(one, path, "decline")
    assert missing.status == 422
    assert "Choose a reason" in missing.words
    assert (one.state(), one.kept()[0]) == ("sent", None), "nothing is used up by a mistake"
    press(one, path, "decline", reason="full")
    assert one.state() == "returned"
    other = one.make(one.w.sent())
    press(one, other, "ask", note="Is there a step at the door for her?")
    assert one.state() == "queried"


def test_a_leader_says_who_came_and_the_first_time_starts_it(one: Links) -> None:
    path = one.make(one.w.accepted(), purpose=links.CAME)
    day = {"day__day": "11", "day__month": "5", "day__year": "2026"}
    wrong = press(one, path, "came", came="came", day__day="40")
    assert wrong.status == 422
    press(one, path, "came", came="came", **day)
    assert one.state() == "active"
    assert rows(one.w.store, "SELECT day, came FROM attendance") == [("2026-05-11", "came")]
    future = one.make(one.record, purpose=links.CAME)
    late = press(one, future, "came", came="came", **{**day, "day__day": "30"})
    assert late.status == 422


def test_a_leader_puts_somebody_on_the_waiting_list_by_a_link(one: Links) -> None:
    path = one.make(one.w.sent())
    assert press(one, path, "put_on_waiting_list").status == 422
    assert one.state() == "sent"
    day = {"expected_date__day": "1", "expected_date__month": "7", "expected_date__year": "2026"}
    press(one, path, "put_on_waiting_list", **day)
    assert (one.state(), one.kept()[1]) == ("waiting", "put_on_waiting_list")


FINISHED = {
    "outcome": "finished",
    "goals_met": "yes",
    "what_next": "Comes as a friend",
    "summary": "Sang each week.",
}


def test_a_leader_finishes_by_a_link_in_the_same_words(one: Links) -> None:
    path = one.make(one.w.active(), purpose=links.CAME)
    missing = press(one, path, "complete", **{**FINISHED, "summary": ""})
    assert missing.status == 422
    assert "Comes as a friend" in missing.text, "what was typed stays"
    assert (one.state(), one.kept()[0]) == ("active", None)
    shown = press(one, path, "complete", **FINISHED)
    assert (one.state(), one.kept()[0]) == ("active", None), "looking at it sends nothing"
    assert "has not agreed that their doctor's practice is told" in shown.words
    assert FINISHED["summary"] in shown.words
    changing = one.phone.send(shown, again="yes")
    assert FINISHED["summary"] in changing.text
    assert one.state() == "active"
    one.phone.send(shown, sure="yes")
    assert (one.state(), one.kept()[1]) == ("completed", "complete")


def test_each_goal_is_asked_about_by_a_link_too(one: Links) -> None:
    w, priya = one.w, one.w.actor["priya"]
    person = w.person()
    plan = w.made(priya, lambda tx: save_plan(tx, priya, w.at, person, {"goals": ["Go alone"]}))
    record = w.sent(person, plan_id=plan)
    for move in ("accept", "start"):
        w.referral(record, move, "sol")
    path = one.make(record, purpose=links.CAME)
    missing = press(one, path, "complete", **{**FINISHED, "goals_met": ""})
    assert "Say whether this was met." in missing.words
    shown = press(one, path, "complete", **{**FINISHED, "goals_met": "", "goal_1": "partly"})
    assert "Was this goal met? Go alone Partly met" in shown.words
    one.phone.send(shown, sure="yes")
    told = sign_in(w, "priya").get(f"/referrals/{record}").words
    assert "Goals met Go alone: Partly met" in told


def test_a_leader_reads_the_answers_about_safety_before_they_accept(one: Links) -> None:
    rid = one.w.sent(safety_answers='{"Do you use oxygen?": "Yes, at night", "Fallen?": "No"}')
    page = one.phone.get(one.make(rid))
    warned = page.text.split('class="app-safety"')[1].split("</section>")[0]
    assert "Do you use oxygen? Yes, at night" in warned
    assert "Fallen?" not in warned
    assert "Fallen? No" in page.words


@pytest.mark.parametrize("when", ["before", "used", "expired"])
def test_a_leader_raises_a_worry_by_a_link_and_reads_whom_to_ring(both: Links, when: str) -> None:
    path = both.make(both.w.sent())
    if when == "used":
        press(both, path, "accept")
    if when == "expired":
        both.w.later(days=16)
    before = both.kept()
    assert f"{path}/not-safe" in both.phone.get(path).text
    page = both.phone.get(f"{path}/not-safe")
    assert "999" in page.words
    unsaid = both.phone.send(page, danger="no")
    assert (unsaid.status, concerns(both)) == (422, [])
    assert "Write what you saw or were told." in unsaid.words
    done = both.phone.send(unsaid, danger="no", seen="She has bruises.")
    assert "Nobody has seen this yet" in done.words
    assert "01632 960100" in done.words
    both.phone.send(unsaid, danger="no", seen="She has bruises.")
    ((was, danger, raised_by, _holder, person),) = concerns(both)
    assert (was, bool(danger)) == ("raised", False)
    assert raised_by == both.w.actor["sol"].membership_id
    assert person is not None
    assert both.kept() == before, "the link is not used up by it"


def test_by_a_link_taken_back_no_worry_is_raised_but_one_reads_whom_to_ring(one: Links) -> None:
    path = one.make(one.w.sent())
    page = one.phone.get(f"{path}/not-safe")
    with one.w.store.begin() as tx:
        change(tx, "link", one.link, {"revoked_at": one.w.at})
    assert "999" in one.phone.send(page, danger="yes", seen="She has bruises.").words
    assert concerns(one) == []


def test_nobody_finishes_by_a_link_who_has_not_started_or_by_one_to_answer(one: Links) -> None:
    path = one.make(one.w.accepted(), purpose=links.CAME)
    assert all(not action.endswith("/complete") for action, _f in one.phone.get(path).forms)
    other = one.make(one.w.active())
    assert one.phone.post(f"{other}/complete", FINISHED).status == 404
    assert one.state() == "active"


def test_what_was_said_before_is_changed_by_a_link_only_with_a_reason(one: Links) -> None:
    w = one.w
    path = one.make(w.active(), purpose=links.CAME)
    with w.store.begin(w.actor["sol"]) as tx:
        record_attendance(tx, w.actor["sol"], w.at, one.record, day=w.at.date(), came="came")
    day = {"day__day": "12", "day__month": "5", "day__year": "2026"}
    page = press(one, path, "came", came="told_us", **day)
    assert page.status == 422
    assert "Choose why you change what was saved before." in page.words
    assert one.kept()[0] is None
    again = [n for n, (action, _f) in enumerate(page.forms) if action.endswith("/came")]
    one.phone.send(page, form=again[0], came="told_us", why="heard_later", **day)
    assert rows(w.store, "SELECT came, was FROM attendance") == [("told_us", "came")]


@pytest.mark.parametrize("begin", ["sent", "accepted", "active", "completed"])
def test_a_link_shows_the_least_whatever_stage_it_has_reached(one: Links, begin: str) -> None:
    person = one.w.person(postcode="ZZ99 3VZ", emergency_contact="Ash Lane neighbour")
    path = one.make(getattr(one.w, begin)(person), purpose=links.CAME)
    page = one.phone.get(path)
    assert page.status == 200
    for secret in PERSONAL:
        assert secret not in shown(page), secret
    with one.w.store.read() as tx:
        link = links.find(tx, one.link)
        assert link is not None
        offer = provider_links.look(tx, link, one.w.at)
    assert offer is not None
    goals = {"goals"} if begin == "active" else set()  # who finishes is asked about each
    assert set(offer.seen) <= provider_links.LEAST | goals
    sent = one.phone.get(one.make(one.w.sent()))
    assert "Margaret" in sent.words
    assert "Singing again" in sent.words


def test_looking_changes_nothing_however_often_and_whoever_looks(one: Links) -> None:
    path = one.make(one.w.sent())
    before = _everything(one.w)
    scanner = visit(one.w)
    for _ in range(5):
        assert scanner.get(path).status == 200
        for wish in ("accept", "decline", "ask", "came", "open"):
            assert scanner.get(f"{path}/{wish}", follow=False).status in (404, 405)
        assert scanner.client.head(path).status_code == 200
    assert _everything(one.w) == before
    press(one, path, "accept")
    assert one.state() == "accepted", "the scanner took nothing from the leader"


def _everything(w: World) -> list[Any]:
    names = ("link", "referral", "step", "outbox", "notice", "clock", "consent", "concern")
    with w.store.read() as tx:
        return [tx.rows(Sql(f"SELECT * FROM {name} ORDER BY 1")) for name in names]


def test_a_page_of_a_link_is_kept_by_nobody_and_tells_nobody_where_one_came_from(
    one: Links,
) -> None:
    for path in (one.make(one.w.sent()), "/a/nonsense", "/code", "/mine"):
        got = one.phone.get(path).response.headers
        assert got["Referrer-Policy"] == "no-referrer", path
        assert got["Cache-Control"] == "no-store", path
        assert "noindex" in got["X-Robots-Tag"], path


def test_a_press_of_a_page_without_referrer_is_taken_and_one_from_elsewhere_is_not(
    one: Links,
) -> None:
    path = one.make(one.w.sent())
    elsewhere = one.phone.post(f"{path}/accept", headers={"Origin": "https://evil.example"})
    assert elsewhere.status == 400
    without = one.phone.post(f"{path}/accept", token=False, headers={"Origin": "null"})
    assert without.status == 400
    assert one.state() == "sent"
    taken = one.phone.post(f"{path}/accept", headers={"Origin": "null"})
    assert taken.status == 200
    assert one.state() == "accepted"
    other = sign_in(one.w, "priya").post("/sign-out", headers={"Origin": "null"})
    assert other.status == 400, "everywhere else `null` is a stranger"


def test_a_second_leader_reads_first_what_the_first_one_did(both: Links) -> None:
    path = both.make(both.w.sent(), "rae")
    assert "Can you take Margaret? Due Tuesday 19 May" in both.phone.get(path).words
    both.w.step(Noun.REFERRAL, both.record, "ask", "sol", given={"note": "Six steps?"})
    asked = both.phone.get(path).words
    assert "Sol Rivers asked the link worker a question on" in asked
    assert "Can you take" not in asked
    assert "Your time to reply waits until they do. " in asked
    assert "Due " not in asked, "the clock is the link worker's now"
    expected = {"expected_date": date(2026, 12, 10)}
    both.w.step(Noun.REFERRAL, both.record, "put_on_waiting_list", "sol", given=expected)
    waiting = both.phone.get(path).words
    assert "Sol Rivers put them on your waiting list on" in waiting
    assert "A place is expected on Thursday 10 December 2026" in waiting
    both.w.step(Noun.REFERRAL, both.record, "accept", "sol")
    taken = both.phone.get(path)
    assert "Sol Rivers accepted on" in taken.words
    assert "They have a place with your group." in taken.words
    assert "It works once" not in taken.words
    assert f"{path}/accept" not in taken.text


@pytest.mark.parametrize("how", ["changed", "cut", "other_secret", "other_id", "made_up"])
def test_a_token_that_was_tampered_with_opens_nothing(one: Links, how: str) -> None:
    path = one.make(one.w.sent())
    token = path.removeprefix("/a/")
    last = "A" if token[-2] != "A" else "B"
    bad = {
        "changed": token[:-2] + last + token[-1],
        "cut": token[:-5],
        "other_secret": LinkTokens("the secret of somebody else").token(one.link),
        "other_id": TOKENS.token(new_id()),
        "made_up": "x" * 40,
    }[how]
    assert one.phone.get(f"/a/{bad}").status == 404
    assert one.phone.post(f"/a/{bad}/accept").status == 404
    assert one.state() == "sent"
    with one.w.store.begin() as tx:
        change(tx, "link", one.link, {"token_hash": "not the hash of this token"})
    assert one.phone.get(path).status == 404, "the signature alone is not enough"


def test_a_link_works_once(one: Links) -> None:
    path = one.make(one.w.sent())
    press(one, path, "ask", note="Is there a step?")
    one.w.referral(one.record, "answer", "priya", given={"note": "No."})
    again = one.phone.post(f"{path}/accept")
    assert again.status == 409
    assert "used to ask a question" in again.words
    assert one.state() == "sent"
    assert one.phone.get(path).forms == []


def test_a_link_runs_out(one: Links) -> None:
    path = one.make(one.w.sent(), days=2)
    one.w.later(days=2)
    page = one.phone.get(path)
    assert "run out" in page.words
    assert page.forms == []
    assert one.phone.post(f"{path}/accept").status == 409
    assert one.state() == "sent"


def test_the_link_of_a_leader_who_has_left_opens_nothing(one: Links) -> None:
    path = one.make(one.w.sent())
    with one.w.store.begin() as tx:
        change(tx, "membership", one.w.actor["sol"].membership_id, {"ended_at": one.w.at})
    assert one.phone.get(path).status == 404
    assert one.phone.post(f"{path}/accept").status == 404
    assert one.state() == "sent"


LATE = {
    "lapsed": "back with their link worker",
    "recalled": "back with their link worker",
    "withdrawn": "was stopped",
    "held": "On hold",
    "taken": "have a place with your group",
}


def _becomes(k: Links, how: str, person: str) -> None:
    w = k.w
    if how == "lapsed":
        w.step(Noun.REFERRAL, k.record, "lapse", w.system)
    elif how == "recalled":
        w.referral(k.record, "recall", "priya", given={"reason": "no_reply"})
    elif how == "withdrawn":
        w.consent(person, agreed=False)
    elif how == "held":
        given = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": []}
        w.step(Noun.CONCERN, None, "raise", "priya", given=given)
    else:
        w.referral(k.record, "accept", "rae")


@pytest.mark.parametrize("how", list(LATE))
def test_a_link_that_comes_too_late_changes_nothing_says_where_they_are_and_is_heard(
    both: Links, how: str
) -> None:
    person = both.w.person()
    path = both.make(both.w.sent(person))
    _becomes(both, how, person)
    was, steps = both.state(), rows(both.w.store, "SELECT count(*) FROM step")
    for _ in range(2):
        page = both.phone.post(f"{path}/accept")
        assert page.status == 409
        assert LATE[how] in page.words
        assert "Bruises" not in page.words
    assert both.state() == was
    assert rows(both.w.store, "SELECT count(*) FROM step") == steps
    priya = f"member@{both.w.actor['priya'].membership_id}"
    assert both.told() == [("wished_to_accept", priya)], "once"
    assert both.kept() == (None, None, "accept")
    sweep(both.w)
    assert "wanted to accept" in sign_in(both.w, "priya").get("/notices").words


def test_after_it_is_sent_again_the_provider_accepts(one: Links) -> None:
    path = one.make(one.w.sent())
    _becomes(one, "lapsed", "")
    one.phone.post(f"{path}/accept")
    one.w.referral(one.record, "send", "priya", given={"shared": "{}"})
    press(one, path, "accept")
    assert one.state() == "accepted"


def test_a_hold_reads_the_same_whatever_its_cause(sqlite_template: Path, tmp_path: Path) -> None:
    said = []
    for cause in ("concern", "ordinary"):
        shutil.copy(sqlite_template, tmp_path / cause)
        store = Store(f"sqlite:///{tmp_path / cause}")
        k = Links(build(store))
        person = k.w.person()
        path = k.make(k.w.sent(person))
        if cause == "concern":
            given = {
                "person_id": person,
                "seen": "Bruises.",
                "danger": False,
                "sources": [{"organisation_id": k.w.org["singers"]}],
            }
            k.w.step(Noun.CONCERN, None, "raise", "priya", given=given)
        else:
            _full_hold(k.w, person)
        (reference,) = rows(store, "SELECT reference FROM referral WHERE id = :id", id=k.record)[0]
        looked = k.phone.get(path).words.replace(reference, "REF")
        pressed = k.phone.post(f"{path}/accept").words.replace(reference, "REF")
        said.append((looked, pressed, k.told()[0][0]))
        assert "On hold" in looked
        assert "Singing again" not in looked, "a full hold leaves the first name"
        store.dispose()
    assert said[0] == said[1]


def _full_hold(w: World, person: str) -> None:
    from tests.workflows.test_post import full_hold

    full_hold(w, person, "provider")


def test_presses_are_counted_and_soon_too_many(one: Links) -> None:
    path = one.make(one.w.sent())
    answers = [one.phone.post(f"{path}/decline").status for _ in range(12)]
    assert answers[:10] == [422] * 10
    assert answers[10:] == [429, 429]
    asked = one.phone.post(f"{path}/ask", {"note": "Can she climb stairs?"})
    assert "Can she climb stairs?" in asked.words, "what was typed is shown again"
    one.w.later(minutes=2)
    assert one.phone.post(f"{path}/decline").status == 422


def test_a_provider_can_not_use_a_link_for_what_it_was_not_sent_for(one: Links) -> None:
    path = one.make(one.w.active(), purpose=links.CAME)
    for wish in ("accept", "decline", "ask", "recall", "give_back", "open"):
        assert one.phone.post(f"{path}/{wish}", {"reason": "full", "note": "x"}).status == 404, wish
    assert one.state() == "active"


# -- making a person's link ---------------------------------------------------------------------


def make(k: Links, person: str, word: str = "Robin red", channel: str = "paper") -> Page:
    visitor = sign_in(k.w, "priya")
    page = visitor.get(f"/people/{person}/link")
    last = len(page.forms) - 1  # the one before it takes the link there is back
    return visitor.send(page, form=last, word=word, channel=channel)


def path_of(k: Links, person: str) -> str:
    (link,) = rows(
        k.w.store,
        "SELECT id FROM link WHERE record_id = :id AND revoked_at IS NULL",
        id=person,
    )[0]
    return f"/a/{TOKENS.token(link)}"


def test_a_link_worker_makes_a_link_prints_it_and_takes_it_back(one: Links) -> None:
    person = one.w.person()
    sheet = make(one, person)
    assert sheet.path.endswith("/link/sheet")
    path = path_of(one, person)
    assert path in sheet.text
    link = rows(one.w.store, "SELECT id FROM link")[0][0]
    assert TOKENS.code(link) in sheet.words
    assert "robin" not in repr(rows(one.w.store, "SELECT * FROM link")).lower()
    assert one.phone.get(path).status == 200
    visitor = sign_in(one.w, "priya")
    page = visitor.get(f"/people/{person}/link")
    visitor.send(page, form=0)
    assert one.phone.get(path).status == 404


@pytest.mark.parametrize("word", ["", "ab", "15 March 1951", "15031951", "robin7"])
def test_a_number_or_a_date_is_no_word(one: Links, word: str) -> None:
    person = one.w.person()
    assert make(one, person, word=word).status == 422
    assert rows(one.w.store, "SELECT count(*) FROM link") == [(0,)]


def test_a_link_is_sent_nowhere_that_is_not_safe(one: Links) -> None:
    person = one.w.person(contact_method="text", message_safe=False)
    refused = make(one, person, channel="text")
    assert refused.status == 422
    assert "in hand" in refused.words
    assert make(one, person).status == 200


@pytest.mark.parametrize("who", ["olu", "sol", "grace"])
def test_nobody_else_makes_a_link_to_a_person(one: Links, who: str) -> None:
    person = one.w.person()
    assert sign_in(one.w, who).get(f"/people/{person}/link").status in (403, 404)


def test_a_link_worker_named_as_the_source_of_harm_makes_no_link(one: Links) -> None:
    person = one.w.person()
    given = {
        "person_id": person,
        "seen": "Shouting.",
        "danger": False,
        "sources": [{"user_id": one.w.actor["priya"].user_id}],
    }
    one.w.step(Noun.CONCERN, None, "raise", "tess", given=given)
    assert sign_in(one.w, "priya").get(f"/people/{person}/link").status == 404


# -- the person's own page ----------------------------------------------------------------------


@pytest.fixture
def own(one: Links) -> tuple[Links, str, str]:
    """(world, person, path of their link): taking part in the choir, and asked for at the table."""
    person = one.w.person()
    one.w.active(person)
    one.w.sent(person, "pottery")
    make(one, person)
    return one, person, path_of(one, person)


def enter(k: Links, path: str, word: str = "robin RED") -> Page:
    return k.phone.fill(path, word=word)


def test_the_door_names_nobody_and_the_word_opens_it_once(own: tuple[Links, str, str]) -> None:
    k, _person, path = own
    door = k.phone.get(path)
    for secret in (*PERSONAL, "Margaret", "Singing", "Riverside"):
        assert secret not in shown(door)
    page = enter(k, path)
    assert page.path == "/mine"
    assert "Hello Margaret" in page.words
    for words in ("Riverside Singers", "Clay Table", "You are taking part", "Priya Shah"):
        assert words in page.words
    other = visit(k.w)
    assert other.get("/mine").status == 403
    again = other.get(path)
    assert "opened already" in again.words
    assert other.post(f"{path}/open", {"word": "robin red"}).status == 409


def test_their_own_page_is_in_the_language_noted_with_them(own: tuple[Links, str, str]) -> None:
    k, person, path = own
    with k.w.store.begin() as tx:
        change(tx, "person", person, {"language": "Welsh"})
    door = k.phone.get(path)
    assert '<html lang="cy"' in door.text
    page = enter(k, path)
    assert "Helo Margaret" in page.words
    assert "Nid oes neb sy'n siarad yr iaith hon wedi gwirio'r geiriau hyn eto." in page.words
    page = k.phone.post("/language", {"language": "en", "next": "/mine"})
    assert "Hello Margaret" in page.words, "and they may choose another"


def test_a_wrong_word_opens_nothing_and_after_five_the_link_ends_and_is_told(
    own: tuple[Links, str, str],
) -> None:
    k, person, path = own
    for _ in range(5):
        assert enter(k, path, "sparrow").status == 403
    assert k.phone.get(path).status == 404
    assert k.phone.post(f"{path}/open", {"word": "robin red"}).status == 404
    told = rows(k.w.store, "SELECT to_owner FROM outbox WHERE what = 'link_locked'")
    assert told == [(f"member@{k.w.actor['priya'].membership_id}",)]
    sweep(k.w)
    notices = sign_in(k.w, "priya").get("/notices")
    assert "closed after wrong words" in notices.words
    assert f"/people/{person}" in notices.text
    page = f"/people/{person}/link"
    assert "Closed after wrong words on" in sign_in(k.w, "priya").get(page).words
    k.w.later(minutes=1)
    make(k, person)
    priya = sign_in(k.w, "priya")
    priya.send(priya.get(page), form=0)
    assert "Taken back on" in priya.get(page).words
    assert "Closed after wrong words" not in priya.get(page).words


def test_the_right_word_forgives_a_few_wrong_ones_but_not_ten(own: tuple[Links, str, str]) -> None:
    k, _person, path = own

    def open_after(wrong: int) -> Page:
        k.w.later(minutes=40)
        for _ in range(wrong):
            assert enter(k, path, "sparrow").status == 403
        return enter(k, path)

    assert open_after(4).path == "/mine"
    assert open_after(4).path == "/mine", "they don't add up to five"
    k.w.later(minutes=40)
    assert "not the word you agreed" in enter(k, path, "sparrow").words
    assert "does not work" in enter(k, path, "sparrow").words, "the tenth, though it is the second"
    assert rows(k.w.store, "SELECT count(*) FROM outbox WHERE what = 'link_locked'") == [(1,)]


def test_guesses_side_by_side_are_no_more_than_guesses_in_a_row(
    both: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    k, person = both, both.w.person()
    make(k, person)
    path, compared = path_of(k, person), list[str]()

    def slow(kept: str | None, typed: str) -> bool:
        """While the first is compared, six others come."""
        compared.append(typed)
        if len(compared) == 1:
            for _ in range(6):
                k.phone.post(f"{path}/open", {"word": "sparrow"})
        return False

    monkeypatch.setattr("web.links.is_right", slow)
    enter(k, path, "sparrow")
    assert len(compared) == 5


def test_what_is_open_closes_by_itself_by_exit_and_when_it_is_taken_back(
    own: tuple[Links, str, str],
) -> None:
    k, person, path = own
    enter(k, path)
    k.w.later(minutes=29)
    assert k.phone.get("/mine").status == 200
    k.w.later(minutes=29)
    kept_open = k.phone.post("/mine/stay", {"next": "/mine/contact"})
    assert kept_open.path == "/mine/contact", "each use counts anew"
    k.w.later(minutes=30)
    assert k.phone.get("/mine").status == 403
    make(k, person)
    enter(k, path_of(k, person))
    left = k.phone.get("/mine/exit", follow=False)
    assert left.response.headers["Location"] == HTTP.exit_url
    assert k.phone.get("/mine").status == 403
    make(k, person)
    enter(k, path_of(k, person))
    visitor = sign_in(k.w, "priya")
    visitor.send(visitor.get(f"/people/{person}/link"), form=0)
    assert k.phone.get("/mine").status == 403


@pytest.mark.parametrize("there", ["//evil.example", "/mine/../people", "/mine//x", "/people"])
def test_keeping_it_open_leads_nowhere_else(own: tuple[Links, str, str], there: str) -> None:
    k, _person, path = own
    enter(k, path)
    went = k.phone.post("/mine/stay", {"next": there}, follow=False)
    assert went.response.headers["Location"] == "/mine"


def test_what_was_typed_as_it_closed_comes_back_with_the_word_on_the_same_device_alone(
    both: Links,
) -> None:
    k, person = both, both.w.person()
    record = k.w.active(person)
    make(k, person)
    path = path_of(k, person)
    enter(k, path)
    form = k.phone.get(f"/mine/how/{record}")
    k.w.later(minutes=31)
    words = "I sang the high part."
    asked = k.phone.send(form, form=0, how="good", words=words)
    assert asked.status == 403
    assert "What you typed is kept" in asked.words
    assert "Margaret" not in asked.text
    assert words not in asked.text, "nobody reads it without the word"
    assert k.phone.send(asked, form=len(asked.forms) - 1, word="sparrow").status == 403
    again = k.phone.send(asked, form=len(asked.forms) - 1, word="robin red")
    assert "Nothing has been sent yet" in again.words
    back = k.phone.send(again, form=len(again.forms) - 1)
    assert words in back.text
    assert rows(k.w.store, "SELECT count(*) FROM note") == [(0,)]
    k.phone.send(back)
    assert rows(k.w.store, "SELECT count(*) FROM note WHERE noun = 'how_it_went'") == [(1,)]
    other = visit(k.w)
    assert "on another phone" in other.get(path).words
    assert other.post(f"{path}/open", {"word": "robin red"}).status == 409
    k.phone.get("/mine/exit", follow=False)
    assert "on another phone" in k.phone.get(path).words, "who leaves, leaves nothing"


def test_the_word_opens_it_again_until_its_last_day_and_no_longer(
    own: tuple[Links, str, str],
) -> None:
    k, _person, path = own
    enter(k, path)
    k.w.later(days=13)
    assert "The same word opens it again" in k.phone.get("/mine").words
    assert enter(k, path).path == "/mine"
    k.w.later(days=1)
    assert "This page is closed" in k.phone.get("/mine").words
    assert k.phone.post(f"{path}/open", {"word": "robin red"}).status == 409


def test_i_am_not_safe_still_tells_somebody_once_the_page_has_closed(
    own: tuple[Links, str, str],
) -> None:
    k, _person, path = own
    enter(k, path)
    page = k.phone.get("/mine/not-safe")
    k.w.later(minutes=45)
    told = k.phone.send(page)
    assert "We passed this on" in told.words
    assert rows(k.w.store, "SELECT count(*) FROM concern") == [(1,)]
    assert "Riverside" not in told.text, "without the word no group is named"


def _link_by_text(k: Links, **facts: object) -> tuple[str, str]:
    """(person, path) of a link that went by text, was opened, and whose day is over."""
    person = k.w.person(contact_method="text", message_safe=True)
    make(k, person, channel="text")
    path = path_of(k, person)
    k.w.later(days=15)
    if facts:
        with k.w.store.begin() as tx:
            change(tx, "person", person, facts)
    return person, path


@pytest.fixture
def by_text(both: Links, monkeypatch: pytest.MonkeyPatch) -> Links:
    monkeypatch.setattr(Ways, "channels", frozenset({"text"}))
    return both


def test_somebody_asks_for_a_new_link_themselves_and_the_same_word_opens_it(by_text: Links) -> None:
    _person, path = _link_by_text(by_text)
    assert "Send me a new link" in by_text.phone.get(path).words
    said = press(by_text, path, "again")
    assert "If it is still safe to write to you" in said.words
    ids = rows(by_text.w.store, "SELECT id FROM link ORDER BY created_at, id")
    assert len(ids) == 2
    sent = rows(by_text.w.store, "SELECT channel FROM dispatch WHERE record_id = :i", i=ids[1][0])
    assert sent == [("text",)]
    assert enter(by_text, f"/a/{TOKENS.token(ids[1][0])}").path == "/mine"
    assert by_text.phone.get(f"{path}/not-safe").status == 200
    for _again in range(5):
        by_text.phone.post(f"{path}/again")
    assert rows(by_text.w.store, "SELECT count(*) FROM link") == [(3 + 1,)]


def test_a_newer_link_gives_no_more_guesses_at_its_word(by_text: Links) -> None:
    k = by_text
    _person, path = _link_by_text(k)
    for wrong, said in ((4, "not the word"), (4, "not the word"), (2, "does not work")):
        k.phone.post(f"{path}/again")
        ids = rows(k.w.store, "SELECT id FROM link ORDER BY created_at DESC, id DESC")
        path = f"/a/{TOKENS.token(ids[0][0])}"
        words = [enter(k, path, "sparrow").words for _ in range(wrong)]
        assert said in words[-1]
        k.w.later(days=15)
    assert rows(k.w.store, "SELECT count(*) FROM outbox WHERE what = 'link_locked'") == [(1,)]


@pytest.mark.parametrize(
    "facts", [{"message_safe": False}, {"contact_method": "phone"}, {"died_on": date(2026, 5, 1)}]
)
def test_no_new_link_goes_where_writing_is_not_safe_and_whoever_asks_cannot_tell(
    by_text: Links, facts: dict[str, object]
) -> None:
    _someone, good = _link_by_text(by_text)
    sent = by_text.phone.post(f"{good}/again")
    before = rows(by_text.w.store, "SELECT count(*) FROM link")[0][0]
    _person, path = _link_by_text(by_text, **facts)
    unsent = by_text.phone.post(f"{path}/again")
    assert unsent.words == sent.words
    assert rows(by_text.w.store, "SELECT count(*) FROM link") == [(before + 1,)]


def test_a_link_given_in_hand_is_never_sent_after(by_text: Links) -> None:
    person = by_text.w.person(contact_method="text", message_safe=True)
    make(by_text, person)
    path = path_of(by_text, person)
    by_text.w.later(days=15)
    assert "Send me a new link" not in by_text.phone.get(path).words
    by_text.phone.post(f"{path}/again")
    assert rows(by_text.w.store, "SELECT count(*) FROM link") == [(1,)]


def test_a_code_from_a_letter_leads_to_the_same_door(own: tuple[Links, str, str]) -> None:
    k, _person, path = own
    link = rows(k.w.store, "SELECT id FROM link")[0][0]
    door = k.phone.fill("/code", code=TOKENS.code(link).lower().replace("-", " "))
    assert door.path == path
    assert k.phone.fill("/code", code="7K4Q-2M9D-P3XT").status == 422
    answers = [k.phone.post("/code", {"code": "7K4Q-2M9D-P3XT"}).status for _ in range(10)]
    assert answers[-1] == 429


def test_the_person_sees_who_sees_what_by_the_rules_of_disclosure(
    own: tuple[Links, str, str],
) -> None:
    k, _person, path = own
    page = enter(k, path).words
    choir, table = page.split("Riverside Singers")[1], page.split("Clay Table")[1]
    assert "how to reach you" in choir.split("What can they see")[1].split("I do not want")[0]
    assert "how to reach you" not in table.split("What can they see")[1].split("I do not want")[0]


def test_stopping_says_first_what_it_does_and_ends_sharing_with_the_next_request(
    own: tuple[Links, str, str],
) -> None:
    k, person, path = own
    record = rows(
        k.w.store, "SELECT id FROM referral WHERE state = 'active' AND person_id = :p", p=person
    )[0][0]
    leader = sign_in(k.w, "sol")
    assert "Margaret" in leader.get(f"/referrals/{record}").words
    enter(k, path)
    before = k.phone.get(f"/mine/stop/{record}")
    assert "they see nothing about you" in before.words
    assert state(k.w.store, "referral", record) == "active"
    done = k.phone.send(before)
    assert "Stopped" in done.banner
    assert state(k.w.store, "referral", record) == "withdrawn"
    assert "Margaret" not in leader.get(f"/referrals/{record}").words
    asked = rows(k.w.store, "SELECT role, membership_id FROM step WHERE trigger = 'withdraw'")
    assert ("person", None) in asked
    assert "They see nothing about you" in k.phone.get("/mine").words


def test_a_person_stops_and_speaks_only_of_their_own(own: tuple[Links, str, str]) -> None:
    k, _person, path = own
    other = k.w.active(activity="pottery")
    enter(k, path)
    for what in ("stop", "how"):
        assert k.phone.get(f"/mine/{what}/{other}").status == 404
        assert k.phone.post(f"/mine/{what}/{other}", {"how": "good"}).status in (200, 404)
    assert state(k.w.store, "referral", other) == "active"
    stranger = visit(k.w)
    assert stranger.post(f"/mine/stop/{other}").status == 403


def test_how_it_went_is_read_by_the_team_and_not_by_the_group(own: tuple[Links, str, str]) -> None:
    k, person, path = own
    record = rows(k.w.store, "SELECT id FROM referral WHERE state = 'active'")[0][0]
    enter(k, path)
    assert k.phone.fill(f"/mine/how/{record}").status == 422
    k.phone.fill(f"/mine/how/{record}", how="good", words="I sang the high part.")
    assert "I sang the high part" in sign_in(k.w, "priya").get(f"/people/{person}").words
    assert "I sang the high part" not in sign_in(k.w, "sol").get(f"/referrals/{record}").words
    told = rows(k.w.store, "SELECT to_owner FROM outbox WHERE what = 'person_said_how'")
    assert told == [(f"member@{k.w.actor['priya'].membership_id}",)]


def test_nothing_on_the_persons_page_tells_of_a_hold_or_a_concern(
    own: tuple[Links, str, str],
) -> None:
    k, person, path = own
    page = enter(k, path).words
    given = {
        "person_id": person,
        "seen": "Bruises.",
        "danger": False,
        "sources": [
            {"organisation_id": k.w.org["singers"]},
            {"user_id": k.w.actor["priya"].user_id},
        ],
    }
    k.w.step(Noun.CONCERN, None, "raise", "tess", given=given)
    assert k.phone.get("/mine").words == page


# -- I am not safe ------------------------------------------------------------------------------


def concerns(k: Links) -> list[tuple[Any, ...]]:
    return rows(
        k.w.store, "SELECT state, danger, raised_by, holder, person_id FROM concern ORDER BY id"
    )


@pytest.mark.parametrize("when", ["before", "opened", "used", "expired"])
def test_i_am_not_safe_shows_whom_to_ring_and_raises_a_concern_without_a_word(
    both: Links, when: str
) -> None:
    person = both.w.person()
    make(both, person)
    path = path_of(both, person)
    if when in ("opened", "used"):
        enter(both, path)
    if when == "opened":
        path = "/mine"
    phone = visit(both.w) if when == "used" else both.phone
    if when == "expired":
        both.w.later(days=56)
    page = phone.get(f"{path}/not-safe")
    assert "999" in page.words
    assert "01632 960100" in page.words, "what answers on a weekday morning"
    assert concerns(both) == []
    done = phone.send(page)
    assert "nobody has seen it yet" in done.words
    (found,) = concerns(both)
    assert found[:3] == ("raised", True, None), "in danger unless they say that they are not"
    assert found[4] == person
    phone.post(f"{path}/not-safe")
    assert len(concerns(both)) == 1, "once for each link"
    sweep(both.w)
    gwen = sign_in(both.w, "gwen").get("/concerns")
    assert "Not seen yet" in gwen.words


def test_at_night_another_number_answers(one: Links) -> None:
    person = one.w.person()
    make(one, person)
    one.w.later(hours=12)
    page = one.phone.get(f"{path_of(one, person)}/not-safe")
    assert "01632 960199" in page.words
    assert "01632 960100" not in page.words


def test_whoever_the_person_names_does_not_get_to_read_it(one: Links) -> None:
    person = one.w.person()
    one.w.active(person)
    make(one, person)
    path = f"{path_of(one, person)}/not-safe"
    door = one.phone.get(path)
    assert "Riverside" not in door.text, "no word was asked for, so no group is named"
    one.phone.send(door, who="group", danger="no", words="He shouted.")
    one.w.later(minutes=1)
    make(one, person)
    one.phone.fill(f"{path_of(one, person)}/not-safe", who="worker")
    named = rows(one.w.store, "SELECT user_id, organisation_id FROM concern_source ORDER BY id")
    assert named == [(None, one.w.org["singers"]), (one.w.actor["priya"].user_id, None)]
    assert [c[1] for c in concerns(one)] == [False, True]
    sweep(one.w)
    for who in ("sol", "priya"):
        assert "concern" not in sign_in(one.w, who).get("/notices").words.lower()


def test_a_link_that_was_taken_back_still_says_whom_to_ring_and_raises_nothing(
    one: Links,
) -> None:
    person = one.w.person()
    make(one, person)
    path = path_of(one, person)
    make(one, person)
    page = one.phone.get(f"{path}/not-safe")
    assert page.status == 200
    assert "999" in page.words
    assert page.forms == []
    one.phone.post(f"{path}/not-safe")
    assert concerns(one) == []


def test_after_a_death_nothing_opens_and_only_whom_to_ring_is_said(
    own: tuple[Links, str, str],
) -> None:
    k, person, path = own
    enter(k, path)
    with k.w.store.begin() as tx:
        change(tx, "person", person, {"died_on": k.w.at.date()})
    assert k.phone.get("/mine").status == 403
    assert k.phone.get(path).status == 404
    page = k.phone.get(f"{path}/not-safe")
    assert "999" in page.words
    assert page.forms == []
    k.phone.post(f"{path}/not-safe")
    assert concerns(k) == []
    assert sign_in(k.w, "priya").get(f"/people/{person}/link").status == 404


def test_where_another_record_stands_for_this_one_the_page_is_closed_and_help_is_not(
    own: tuple[Links, str, str],
) -> None:
    k, person, path = own
    other = k.w.person()
    with k.w.store.begin() as tx:
        change(tx, "person", person, {"merged_into": other, "merged_at": k.w.at})
    assert k.phone.get(path).status == 404
    k.phone.fill(f"{path}/not-safe")
    assert [c[4] for c in concerns(k)] == [other]


def test_every_page_of_the_person_has_a_way_out(
    own: tuple[Links, str, str],
) -> None:
    k, _person, path = own
    record = rows(k.w.store, "SELECT id FROM referral WHERE state = 'active'")[0][0]
    pages = [
        k.phone.get(path),
        k.phone.get(f"{path}/not-safe"),
        k.phone.get("/code"),
        enter(k, path),
    ]
    pages += [k.phone.get(f"/mine/{what}/{record}") for what in ("stop", "how")]
    pages.append(k.phone.get("/mine/not-safe"))
    for page in pages:
        assert "Exit this page" in page.words


def test_the_day_is_one_that_has_come(one: Links) -> None:
    path = one.make(one.w.active(), purpose=links.CAME)
    tomorrow = one.w.at.date() + timedelta(days=1)
    assert isinstance(tomorrow, date)
    parts = {"day__day": tomorrow.day, "day__month": tomorrow.month, "day__year": tomorrow.year}
    assert press(one, path, "came", came="came", **parts).status == 422


# -- a link to what was written -----------------------------------------------------------------

WRITTEN = "She comes by bus and may be late on Thursday."


def write(k: Links, record: str, who: str = "priya", body: str = WRITTEN) -> None:
    actor = k.w.actor[who]
    k.w.made(actor, lambda tx: write_message(tx, actor, k.w.at, referral_id=record, body=body))


def thread(k: Links) -> list[tuple[str, str, list[str]]]:
    """Side, words and readers of each message."""
    with k.w.store.read() as tx:
        found = messages.of_referral(tx, k.w.actor["priya"], k.record)
    return [(one.side, one.body, [reader.name for reader in one.seen]) for one in found]


def test_a_leader_reads_a_message_by_its_link_and_answers_it_with_one_press(both: Links) -> None:
    record = both.w.accepted()
    write(both, record)
    path = both.make(record, purpose=links.MESSAGE)
    both.w.later(minutes=5)
    page = both.phone.get(path)
    assert WRITTEN in page.words
    assert thread(both)[0][2] == [], "looking marks nothing as read"
    for hidden in PERSONAL:
        assert hidden not in page.text
    empty = press(both, path, "reply", body=" ")
    assert empty.status == 422
    assert "Write your message." in empty.words
    done = press(both, path, "reply", body="Thank you, I will wait for her.")
    assert "Sent." in done.banner
    assert WRITTEN not in done.words, "what was read stands open to nobody who finds the mail"
    (theirs, ours) = thread(both)
    assert len(theirs[2]) == 1, "who answers has read it"
    assert ours[:2] == ("provider", "Thank you, I will wait for her.")
    again = both.phone.post(f"{path}/reply", {"body": "Once more"})
    assert again.status in (400, 409)
    assert len(thread(both)) == 2
    (cause,) = rows(
        both.w.store, "SELECT leaf FROM audit WHERE action = 'message_written' ORDER BY seq DESC"
    )[0]
    assert '"cause":"link"' in cause


def test_saying_that_it_was_read_uses_the_link_up_too(one: Links) -> None:
    record = one.w.sent()
    write(one, record)
    path = one.make(record, purpose=links.MESSAGE)
    press(one, path, "read")
    assert thread(one)[0][2]
    assert one.kept()[1] == "read"
    other = one.make(record, purpose=links.MESSAGE)
    page = one.phone.get(other)
    assert WRITTEN not in page.words, "what they have read isn't shown again"
    assert "There is nothing new for you to read." in page.words


def test_where_the_thread_is_closed_to_them_the_link_tells_nothing_and_keeps_their_words(
    both: Links,
) -> None:
    person = both.w.person()
    record = both.w.accepted(person)
    write(both, record)
    path = both.make(record, purpose=links.MESSAGE)
    open_page = both.phone.get(path)
    both.w.consent(person, agreed=False)
    page = both.phone.get(path)
    assert WRITTEN not in page.words
    assert "Margaret" not in page.words
    late = both.phone.send(open_page, form=0, body="I will wait for her at the stop.")
    assert late.status == 409
    assert "Nothing was sent." in late.words
    assert "I will wait for her at the stop." in late.words
    assert both.kept()[0] is None
    assert len(thread(both)) == 1
    assert [what for what, _to in both.told()] == ["wished_to_reply"]


def test_whoever_is_named_reads_nothing_by_a_link_and_a_hold_stops_no_answer(both: Links) -> None:
    w, person = both.w, both.w.person()
    record = w.active(person)
    write(both, record)
    mine, theirs = (both.make(record, who, purpose=links.MESSAGE) for who in ("sol", "rae"))
    concern = {"person_id": person, "seen": "A bruise", "danger": False}
    sources = [{"user_id": w.actor["sol"].user_id}]
    w.step(Noun.CONCERN, None, "raise", "sam", given={**concern, "sources": sources})
    assert WRITTEN not in both.phone.get(mine).words
    page = both.phone.get(theirs)
    assert "On hold" in page.words
    assert WRITTEN in page.words
    both.phone.send(page, form=[a for a, _f in page.forms].index(f"{theirs}/reply"), body="Yes.")
    assert len(thread(both)) == 2
