"""What leaves the house: to whom, saying what, how often, and who does it by hand when it can't be
delivered. That a service took a message is never called told."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from referral import dispatches as rows_out
from referral import queue
from referral.health import health
from referral.ids import new_id
from referral.preferences import Hours
from referral.rows import change
from referral.states import Noun, Purpose
from referral.store import Store
from tests.servers import KEY, mail_server, notify_server
from tests.web.client import sign_in
from tests.winding import after, rows
from tests.workflows.test_post import full_hold
from tests.world import World, build
from web.carriers import ARRIVED, FAILED, UNDERWAY, Carrier, Notify, NotTaken, Outgoing, Smtp
from web.edge import Edge
from web.link_tokens import LinkTokens
from web.ways import Ways
from web.worker import Worker, run
from workflows import dispatches, errands, person_links, preferences
from workflows.messages import write_message
from workflows.people import change_person

SECRETS = ("Margaret", "Okoro", "Singing", "900982", "Bruises", "Ash Lane practice")


@dataclass
class Shelf:
    """A carrier that keeps what it is given. `troubles` are raised first, one for each try."""

    can_tell: bool = False
    kept: list[Outgoing] = field(default_factory=list)
    troubles: list[NotTaken] = field(default_factory=list)
    tries: int = 0
    says: str = UNDERWAY

    def find(self, message: Outgoing) -> str | None:
        return next((one.key for one in self.kept if one.key == message.key), None)

    def send(self, message: Outgoing) -> str:
        self.tries += 1
        if self.troubles:
            raise self.troubles.pop(0)
        self.kept.append(message)
        return message.key

    def status(self, number: str) -> str:
        return self.says


@dataclass
class House:
    """A world with ways out."""

    w: World
    mail: Shelf = field(default_factory=Shelf)
    text: Shelf = field(default_factory=lambda: Shelf(can_tell=True))
    letter: Shelf = field(default_factory=lambda: Shelf(can_tell=True))
    first: int = 0  # the last message of the world's own making

    def settle(self) -> House:
        """What the making of the world had to tell is out of the way."""
        self.work()
        self.mail = Shelf()
        self.first = rows(self.w.store, "SELECT coalesce(max(id), 0) FROM dispatch")[0][0]
        return self

    def ways(self, **carriers: Carrier) -> Ways:
        ours: dict[str, Carrier] = {
            "email": self.mail,
            "text": self.text,
            "letter": self.letter,
            **carriers,
        }
        return Ways(ours, LinkTokens("of this house alone"), "https://segue.example.org")

    def work(self, ways: Ways | None = None, **later: float) -> Counter[str]:
        if later:
            self.w.later(**later)
        return run(Edge(self.w.store, lambda: self.w.at), once=True, ways=ways or self.ways())

    def to(self, who: str) -> list[Outgoing]:
        return [one for one in self.mail.kept if one.to == f"{who}@example.org"]

    def errands(self) -> list[tuple[Any, ...]]:
        return rows(self.w.store, "SELECT what, owner, noun, record_id FROM errand ORDER BY at, id")


@pytest.fixture
def h(store: Store) -> House:
    return House(build(store)).settle()


@pytest.fixture
def one(sqlite_url: str) -> Iterator[House]:
    """The same on SQLite alone, where the database makes no difference."""
    store = Store(sqlite_url)
    yield House(build(store)).settle()
    store.dispose()


def member(h: House, who: str) -> str:
    return f"member@{h.w.actor[who].membership_id}"


def results(h: House, channel: str = "email") -> list[str | None]:
    found = rows(
        h.w.store,
        "SELECT result FROM dispatch WHERE channel = :c AND id > :first AND what <> 'summary'"
        " ORDER BY id",
        c=channel,
        first=h.first,
    )
    return [row[0] for row in found]


# -- what is said, and to whom ------------------------------------------------------------------


def test_each_leader_hears_of_a_new_referral_once_and_no_mail_tells_of_anybody(h: House) -> None:
    record = h.w.sent()
    for _ in range(2):
        h.work(minutes=30)
    assert [len(h.to(who)) for who in ("sol", "rae", "kit", "priya")] == [1, 1, 0, 0]
    (mail,) = h.to("sol")
    (reference,) = rows(h.w.store, "SELECT reference FROM referral WHERE id = :id", id=record)[0]
    assert reference in mail.subject
    assert f"https://segue.example.org/referrals/{record}" in mail.text
    assert "https://segue.example.org/a/" in mail.text
    h.w.referral(record, "accept", "sol")
    h.w.referral(record, "start", "sol")
    h.work()
    for message in h.mail.kept:
        for secret in SECRETS:
            assert secret not in message.subject + message.text + message.html
    assert set(results(h)) == {"sent"}, "sent is all that is known, and told it is not"


def test_a_mail_about_a_message_leads_to_it_and_says_not_a_word_of_it(h: House) -> None:
    record, words = h.w.sent(), "Her daughter drives her on Thursdays."
    h.work()
    h.mail.kept.clear()
    h.w.made(
        h.w.actor["priya"],
        lambda tx: write_message(tx, h.w.actor["priya"], h.w.at, referral_id=record, body=words),
    )
    h.work()
    (mail,) = h.to("sol")
    assert "Read and answer without signing in" in mail.text
    assert words not in mail.subject + mail.text + mail.html
    purposes = rows(h.w.store, "SELECT DISTINCT purpose FROM link ORDER BY purpose")
    assert [row[0] for row in purposes] == ["answer", "message"]


def test_each_leader_has_a_link_of_their_own_and_the_store_keeps_none_of_them(one: House) -> None:
    one.w.sent()
    one.work()
    tokens = [m.text.split("/a/")[1].split()[0] for m in (*one.to("sol"), *one.to("rae"))]
    assert len(set(tokens)) == 2
    kept = repr(rows(one.w.store, "SELECT * FROM link"))
    for token in tokens:
        assert token not in kept
        assert token.split(".")[1] not in kept


@pytest.mark.invariant("I19")
def test_what_may_not_be_said_any_more_does_not_leave(h: House) -> None:
    person = h.w.person()
    h.w.sent(person)
    h.mail.troubles = [NotTaken("away", away=True)]
    h.work()
    assert h.mail.kept == []
    h.w.consent(person, agreed=False)
    h.work(hours=1)
    assert not any("new referral" in m.text for m in h.mail.kept)
    assert "not_allowed_now" in results(h)


def test_what_may_still_be_said_leaves_as_late(one: House) -> None:
    one.w.sent()
    one.mail.troubles = [NotTaken("away", away=True)]
    one.work()
    one.work(hours=1)
    assert [len(one.to(who)) for who in ("sol", "rae")] == [1, 1]


def test_one_who_has_left_is_not_written_to(one: House) -> None:
    one.w.sent()
    one.mail.troubles = [NotTaken("away", away=True)]
    one.work()
    with one.w.store.begin() as tx:
        change(tx, "membership", one.w.actor["rae"].membership_id, {"ended_at": one.w.at})
    one.work(hours=1)
    assert [len(one.to(who)) for who in ("sol", "rae")] == [1, 0]


# -- when a service fails -----------------------------------------------------------------------


def test_a_message_that_is_not_taken_is_tried_again_later_each_time_and_then_once(
    h: House,
) -> None:
    h.w.sent()
    h.mail.troubles = [NotTaken("busy") for _ in range(8)]
    waits = []
    for _ in range(4):
        h.work()
        (run_at,) = rows(h.w.store, "SELECT min(run_at) FROM dispatch WHERE ended IS NULL")[0]
        at = run_at if isinstance(run_at, datetime) else datetime.fromisoformat(run_at)
        waits.append(at - h.w.at)
        h.w.at = at
    assert waits == sorted(set(waits))
    assert h.mail.kept == []
    for _ in range(3):
        h.work(hours=1)
    assert [len(h.to(who)) for who in ("sol", "rae")] == [1, 1]
    assert h.errands() == []


def test_a_refused_address_becomes_an_errand_for_the_link_worker(h: House) -> None:
    record = h.w.sent()
    h.mail.troubles = [NotTaken("550", for_good=True)]
    for _ in range(2):
        h.work(hours=2)
    assert h.errands() == [("ring_provider", member(h, "priya"), "referral", record)]
    assert h.mail.tries == 2, "a refused address isn't tried again"
    priya = sign_in(h.w, "priya")
    page = priya.get("/")
    assert "Ring the provider" in page.words
    done = priya.send(page, form=0)
    assert "To do by hand" not in done.words
    assert "errand_done" in {r[0] for r in rows(h.w.store, "SELECT action FROM audit")}


def test_what_one_person_is_to_be_told_stands_on_one_card_and_is_crossed_off_together(
    one: House,
) -> None:
    w = one.w
    person = w.person(family_name="Okoro")
    given = [w.consent(person, one_of).id for one_of in ("singers", "clay")]
    drafts = [w.draft(person, activity) for activity in ("choir", "pottery")]
    with w.store.begin(w.system) as tx:
        for number, consent in enumerate(given):
            errands.ask(
                tx, w.system_id, f"told {number}", f"member@{w.actor['priya'].membership_id}",
                "tell_person_by_hand", f"person@{person}", "consent", consent, w.at, "reminder",
            )  # fmt: skip
    priya = sign_in(w, "priya")
    page = priya.get("/")
    assert page.words.count("Tell the person yourself.") == 1
    assert page.words.count("Consent runs out.") == 2
    assert page.words.count("Share with the provider: ") == 2
    w.referral(drafts[1], "withdraw", "priya", given={"reason": "person_asked"})
    page = priya.get("/")
    assert page.words.count("Consent runs out.") == 1  # what counted on the other has ended
    assert "To do by hand" not in priya.send(page, form=0).words


def test_an_errand_is_crossed_off_by_nobody_else(one: House) -> None:
    one.w.sent()
    one.mail.troubles = [NotTaken("550", for_good=True)]
    one.work()
    ((errand,),) = rows(one.w.store, "SELECT id FROM errand")
    for who in ("sam", "sol", "tess"):
        assert sign_in(one.w, who).post(f"/errands/{errand}/done").status == 404
    assert rows(one.w.store, "SELECT count(*) FROM errand WHERE done_at IS NULL") == [(1,)]
    for _ in range(2):
        assert sign_in(one.w, "priya").post(f"/errands/{errand}/done").status == 200
    assert rows(one.w.store, "SELECT count(*) FROM errand WHERE done_at IS NULL") == [(0,)]


def test_the_errand_of_one_who_is_away_is_on_the_team_leads_list(one: House) -> None:
    one.w.sent()
    one.mail.troubles = [NotTaken("550", for_good=True)]
    one.work()
    assert "Ring the provider" not in sign_in(one.w, "tess").get("/").words
    priya = one.w.actor["priya"].membership_id
    with one.w.store.begin() as tx:
        change(tx, "membership", priya, {"away_from": one.w.at, "away_until": None})
    assert "Ring the provider" in sign_in(one.w, "tess").get("/").words


def test_what_is_left_undone_is_on_the_team_leads_list_too_and_health_says_so(
    one: House,
) -> None:
    _wait_again(one.w, one.w.person(message_safe=False))
    one.work()
    lead = sign_in(one.w, "tess")
    assert "To do by hand" not in lead.get("/").words
    one.w.at = after(one.w.at, 2)
    page = sign_in(one.w, "tess").get("/")
    assert "Margaret Okoro" in page.words
    assert "The news: There is a new expected date" in page.words
    with one.w.store.read() as tx:
        assert "errands_late" in {f.code for f in health(tx, one.w.at).findings}
    visitor = sign_in(one.w, "tess")
    visitor.send(visitor.get("/"))
    with one.w.store.read() as tx:
        assert "errands_late" not in {f.code for f in health(tx, one.w.at).findings}


@pytest.mark.invariant("I56")
@pytest.mark.parametrize("cause", ["concern", "records"])
def test_a_full_hold_closes_errands_too_whatever_its_cause_and_the_lead_has_them(
    one: House, cause: str
) -> None:
    person = one.w.person(message_safe=False)
    _wait_again(one.w, person)
    one.work()
    assert "Margaret" in sign_in(one.w, "priya").get("/").words.split("To do by hand")[1]
    if cause == "concern":
        sources = [{"user_id": one.w.actor["priya"].user_id}]
        given = {"person_id": person, "seen": "Shouting.", "danger": False, "sources": sources}
        one.w.step(Noun.CONCERN, None, "raise", "tess", given=given)
    else:
        full_hold(one.w, person, "link_worker")
    assert "To do by hand" not in sign_in(one.w, "priya").get("/").words
    assert "To do by hand" in sign_in(one.w, "tess").get("/").words


def test_a_staff_address_that_does_not_work_is_the_administrators_to_correct(one: House) -> None:
    one.w.accepted()
    one.mail.troubles = [NotTaken("550", for_good=True) for _ in range(9)]
    one.work()
    ada = f"administrator@{one.w.org['board']}"
    user = one.w.actor["priya"].user_id
    assert ("correct_address", ada, "user", user) in one.errands()
    ada_sees = sign_in(one.w, "ada").get("/")
    assert "Correct an address" in ada_sees.words
    (there,) = re.findall(r'href="(/users/[^"]+/correct)"', ada_sees.text)
    assert "priya@example.org" in sign_in(one.w, "ada").get(there).text


def test_a_service_that_stays_away_for_a_day_is_given_up_and_a_person_asked(one: House) -> None:
    record = one.w.sent()
    away = NotTaken("away", away=True)
    one.mail.troubles = [away for _ in range(999)]
    one.work()
    with one.w.store.read() as tx:
        assert "messages_wait" in {f.code for f in health(tx, one.w.later(hours=1)).findings}
    for _ in range(26):
        one.work(hours=1)
    assert set(results(one)) == {"gave_up"}
    assert {row[0] for row in one.errands()} == {"ring_provider"}
    assert {row[3] for row in one.errands()} == {record}


def test_a_silent_service_is_tried_once_in_a_turn_and_holds_up_no_clock(one: House) -> None:
    for _ in range(6):
        one.w.sent()
    one.mail.troubles = [NotTaken("away", away=True) for _ in range(99)]
    one.work()
    assert one.mail.tries == 1


def test_a_mail_that_came_back_becomes_an_errand_once(h: House) -> None:
    h.w.sent()
    h.work()
    (number,) = rows(h.w.store, "SELECT service_id FROM dispatch ORDER BY id DESC LIMIT 1")[0]
    with h.w.store.begin() as tx:
        assert dispatches.bounced(tx, number, h.w.at)
        assert not dispatches.bounced(tx, number, h.w.at)
        assert not dispatches.bounced(tx, new_id(), h.w.at)
    assert [row[0] for row in h.errands()] == ["ring_provider"]


# -- at least once, and never twice where the service can say -----------------------------------


class Killed(BaseException):
    """The worker dies here."""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_killed_around_a_text_sends_it_once_all_the_same(h: House, moment: str) -> None:
    with h.w.store.begin() as tx:
        change(tx, "app_user", h.w.actor["gwen"].user_id, {"phone": "07700 900001"})
    given = {"person_id": h.w.person(), "seen": "Bruises.", "danger": True, "sources": []}
    h.w.step(Noun.CONCERN, None, "raise", "priya", given=given)

    class Dying(Shelf):
        def send(self, message: Outgoing) -> str:
            if moment == "after":
                super().send(message)
            raise Killed

    dying = Dying(can_tell=True)
    with pytest.raises(Killed):
        h.work(h.ways(text=dying))
    dying_again = Shelf(can_tell=True, kept=dying.kept)
    h.work(h.ways(text=dying_again), minutes=10)
    assert len(dying_again.kept) == 1
    assert dying_again.kept[0].to == "07700 900001"


def test_of_two_workers_at_one_message_the_last_to_claim_it_writes_what_came_of_it(
    h: House,
) -> None:
    h.w.sent()
    run(Edge(h.w.store, lambda: h.w.at), once=True, ways=h.ways(email=_Busy()))

    def claim() -> rows_out.Parcel:
        h.w.later(minutes=10)
        with h.w.store.begin() as tx:
            return rows_out.claim(tx, h.w.at, h.w.at + timedelta(minutes=5), 1)[0]

    slow, quick = claim(), claim()
    assert slow.id == quick.id
    with pytest.raises(queue.Overtaken), h.w.store.begin() as tx:
        dispatches.taken(tx, slow, h.w.at, "1", None)
    with h.w.store.begin() as tx:
        assert dispatches.taken(tx, quick, h.w.at, "2", None) == "sent"


class _Busy(Shelf):
    def send(self, message: Outgoing) -> str:
        raise NotTaken("busy")


def test_a_real_mail_server_that_dies_with_the_text_gets_it_again_under_the_same_number(
    one: House,
) -> None:
    one.w.sent(activity="pottery")
    with mail_server("die_after") as (box, url):
        carrier = Smtp.from_url(url, "segue@example.org", "segue.example.org", patience=1.0)
        one.work(one.ways(email=carrier))
        box.manners = "take"
        one.work(one.ways(email=carrier), hours=1)
        one.work(one.ways(email=carrier), hours=1)
    first, second = box.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_body().get_content() == second.get_body().get_content()  # type: ignore[union-attr]
    assert results(one) == ["sent"]


def test_a_real_notify_is_not_sent_twice_what_it_took_and_is_asked_whether_it_arrived(
    one: House,
) -> None:
    person = one.w.person(contact_method="text", message_safe=True)
    _wait_again(one.w, person)
    with notify_server("die_after") as (service, url):
        carrier = Notify.connect(KEY, "template", "text", url, 1.0)
        ways = one.ways(text=carrier)
        one.work(ways)
        service.manners = "take"
        one.work(ways, hours=1)
        assert len(service.taken) == 1
        one.work(ways, hours=1)
        carrier.client.request_session.close()
    assert results(one, "text") == ["delivered"]
    assert "Okoro" not in repr(service.taken)
    assert "wait_reviewed" not in _told_by_hand(one)


# -- safety -------------------------------------------------------------------------------------


def concern(h: House, **more: Any) -> str:
    given = {"person_id": h.w.person(), "seen": "Bruises.", "danger": True, "sources": [], **more}
    return h.w.step(Noun.CONCERN, None, "raise", "priya", given=given).id


def test_a_concern_is_asked_about_by_mail_and_by_text_whatever_anybody_prefers(h: House) -> None:
    gwen = h.w.actor["gwen"]
    with h.w.store.begin() as tx:
        preferences.save_phone(tx, gwen, h.w.at, "07700 900001")
        preferences.save(tx, gwen, h.w.at, dict.fromkeys(preferences.DEFAULTS, "in_app"))
    concern(h)
    h.work()
    (mail,) = h.to("gwen")
    (text,) = h.text.kept
    assert text.to == "+447700900001"
    assert "concern" not in mail.subject
    for message in (mail, text):
        for secret in SECRETS:
            assert secret not in message.subject + message.text + message.html


@pytest.mark.invariant("I57")
@pytest.mark.parametrize("says", [UNDERWAY, ARRIVED])
def test_that_a_message_was_sent_or_delivered_is_never_called_seen(one: House, says: str) -> None:
    with one.w.store.begin() as tx:
        change(tx, "app_user", one.w.actor["gwen"].user_id, {"phone": "07700 900001"})
    record = concern(one)
    one.text.says = says
    for _ in range(3):
        one.work(minutes=5)
    receipt = sign_in(one.w, "priya").get(f"/concerns/{record}")
    assert "Nobody has seen" in receipt.words
    assert "Nobody has seen" in sign_in(one.w, "priya").get("/referrals").words
    one.w.step(Noun.CONCERN, record, "acknowledge", "gwen")
    assert "Nobody has seen" not in sign_in(one.w, "priya").get("/referrals").words


def test_a_concern_that_can_not_be_sent_is_soon_an_errand_to_ring_and_is_tried_on(
    h: House,
) -> None:
    record = concern(h)
    h.mail.troubles = [NotTaken("away", away=True) for _ in range(6)]
    for _ in range(4):
        h.work(minutes=1)
    assert h.errands() == [("ring_about_concern", member(h, "priya"), "concern", record)]
    page = sign_in(h.w, "priya").get("/")
    assert "Ring the number on its page" in page.words
    assert "Gwen" not in page.words
    for _ in range(9):
        h.work(minutes=1)
    assert len(h.to("gwen")) == 1


def test_a_message_of_a_concern_that_fails_is_nobodys_business_but_the_raisers(one: House) -> None:
    concern(one)
    one.mail.troubles = [NotTaken("550", for_good=True)]
    one.work()
    for who in ("tess", "ada", "sam", "sol"):
        assert "concern" not in sign_in(one.w, who).get("/").words.lower()


@pytest.mark.invariant("I56")
@pytest.mark.parametrize("begin", ["sent", "active"])
@pytest.mark.parametrize("side", ["provider", "link_worker"])
def test_what_leaves_the_house_does_not_tell_why_there_is_a_full_hold(
    sqlite_template: Path, tmp_path: Path, begin: str, side: str
) -> None:
    """Two worlds, one with a concern that names them: their mails, links and errands are alike."""
    heard = []
    for cause in ("concern", "records"):
        shutil.copy(sqlite_template, tmp_path / cause)
        store = Store(f"sqlite:///{tmp_path / cause}")
        h = House(build(store)).settle()
        person = h.w.person()
        record = getattr(h.w, begin)(person)
        who = "sol" if side == "provider" else "priya"
        if cause == "concern":
            source = (
                {"organisation_id": h.w.org["singers"]}
                if side == "provider"
                else {"user_id": h.w.actor["priya"].user_id}
            )
            given = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": [source]}
            h.w.step(Noun.CONCERN, None, "raise", "tess", given=given)
        else:
            full_hold(h.w, person, side)
        if side == "link_worker":
            h.mail.troubles = [NotTaken("550", for_good=True) for _ in range(3)]
        for _ in range(12):
            h.work(days=5)
        said = [(_plain(m.subject), _plain(m.text)) for m in h.to(who)]
        links = rows(store, "SELECT purpose, channel FROM link WHERE record_id = :id", id=record)
        page = _plain(sign_in(h.w, who).get("/").words)
        heard.append((said, sorted(links), page))
        store.dispose()
    assert heard[0] == heard[1]
    # A leader hears that something is due; of the link worker's own work only the page is left.
    assert heard[0][0] if side == "provider" else "My work" in heard[0][2]


def _plain(text: str) -> str:
    """Without what is random in every world."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|/a/\S+", "ID", text)
    return re.sub(r"SG-\w{4}-\w{2}", "REF", text)


# -- preferences --------------------------------------------------------------------------------


def prefer(h: House, who: str, **how: str) -> None:
    with h.w.store.begin() as tx:
        preferences.save(tx, h.w.actor[who], h.w.at, how)


def test_a_daily_summary_comes_once_at_the_start_of_the_next_working_day(h: House) -> None:
    prefer(h, "priya", referral="daily")
    for _ in range(3):
        h.w.accepted()
    h.work()
    assert h.to("priya") == []
    h.work(hours=15)
    assert h.to("priya") == []
    h.w.at = datetime.fromisoformat("2026-05-13T08:00:00+01:00")
    for _ in range(2):
        h.work()
    (mail,) = h.to("priya")
    assert "3 new notices" in mail.subject
    assert "3 × The provider accepted the referral." in mail.text
    assert "Okoro" not in mail.text + mail.html


def test_a_summary_of_what_was_read_meanwhile_is_not_sent(one: House) -> None:
    prefer(one, "priya", referral="daily")
    one.w.accepted()
    one.work()
    visitor = sign_in(one.w, "priya")
    visitor.send(visitor.get("/notices"))
    one.w.at = after(one.w.at, 1)
    one.work()
    assert one.to("priya") == []
    assert rows(one.w.store, "SELECT result FROM dispatch WHERE result = 'nothing_new'")


def test_a_summary_waits_over_a_weekend(one: House) -> None:
    friday = datetime.fromisoformat("2026-05-22T17:00:00+01:00")
    tuesday = datetime.fromisoformat("2026-05-26T08:00:00+01:00")
    from workflows.working_time import ENGLAND

    assert preferences.next_summary(friday, ENGLAND) == tuesday, "Monday is a bank holiday"
    early = datetime.fromisoformat("2026-05-26T07:59:00+01:00")
    assert preferences.next_summary(early, ENGLAND) == tuesday
    assert preferences.next_summary(tuesday, ENGLAND) > tuesday


def test_what_is_only_wanted_in_the_app_is_not_written(one: House) -> None:
    prefer(one, "sol", referral="in_app")
    one.w.sent()
    one.work()
    assert [len(one.to(who)) for who in ("sol", "rae")] == [0, 1]


def test_each_kind_may_come_by_text_where_there_is_a_number(one: House) -> None:
    one.w.sent()
    prefer(one, "sol", referral="text")
    with one.w.store.begin() as tx:
        preferences.save_phone(tx, one.w.actor["sol"], one.w.at, "07700 900001")
    prefer(one, "rae", referral="text")
    one.work()
    (text,) = one.text.kept
    assert "/a/" in text.text, "the link by which it is answered"
    assert one.to("sol") == []
    assert len(one.to("rae")) == 1, "without a number it comes by email"


def test_in_quiet_hours_only_what_is_about_safety_is_sent(one: House) -> None:
    night = Hours(None, 9, 12)
    for who in ("sol", "gwen"):
        with one.w.store.begin() as tx:
            preferences.save_hours(tx, one.w.actor[who], one.w.at, night)
    one.w.sent()
    given = {"person_id": one.w.person(), "seen": "Bruises.", "danger": False}
    one.w.step(Noun.CONCERN, None, "raise", "priya", given=given)
    one.work()
    assert one.to("sol") == []
    assert one.to("gwen") != []
    one.w.at = datetime.fromisoformat("2026-05-12T12:00:00+01:00")
    one.work()
    assert len(one.to("sol")) == 1


def test_quiet_hours_end_the_same_morning_and_the_daily_email_has_its_hour() -> None:
    from workflows.working_time import ENGLAND

    hours = Hours(17, 20, 7)
    evening = datetime.fromisoformat("2026-05-12T21:30:00+01:00")
    morning = datetime.fromisoformat("2026-05-13T07:00:00+01:00")
    assert preferences.not_before(evening, hours) == morning
    assert preferences.not_before(morning - timedelta(minutes=1), hours) == morning
    assert preferences.not_before(morning, hours) == morning
    assert preferences.not_before(evening, Hours()) == evening
    assert preferences.next_summary(morning, ENGLAND, 17) == morning + timedelta(hours=10)


def test_preferences_say_what_is_missing_of_hours_and_number(one: House) -> None:
    visitor = sign_in(one.w, "sol")
    half = visitor.fill("/notices/how", quiet_from="20")
    assert half.status == 422
    assert "Choose both hours, or neither." in half.words
    none = visitor.fill("/notices/how", referral="text", quiet_from="20", quiet_until="7")
    assert none.status == 422
    assert "Enter your mobile number, or choose another way to hear." in none.words
    whole = {"phone": "07700 900001", "quiet_from": "20", "quiet_until": "7", "summary_hour": "17"}
    assert visitor.fill("/notices/how", referral="text", **whole).path == "/notices"
    page = visitor.get("/notices/how").text
    for kept in ('value="20" selected', 'value="7" selected', 'value="17" selected'):
        assert kept in page, kept


def test_preferences_are_a_page_of_ones_own_where_safety_has_no_choice(one: House) -> None:
    visitor = sign_in(one.w, "sol")
    page = visitor.get("/notices/how")
    assert "cannot be switched off" in page.words
    assert "concern" not in {name for _action, fields in page.forms for name, _value in fields}
    saved = visitor.fill("/notices/how", referral="in_app")
    assert saved.path == "/notices"
    one.w.sent()
    one.work()
    assert one.to("sol") == []
    assert visitor.fill("/notices/how", phone="12").status == 422
    assert visitor.fill("/notices/how", phone="07700 900001").status == 200
    assert "07700 900 001" in visitor.get("/notices/how").text
    wrong = visitor.fill("/notices/how", referral="never")
    assert wrong.status == 422
    sneaky = visitor.post("/notices/how", {"concern": "in_app", "key": "k"})
    assert sneaky.status == 422


# -- people -------------------------------------------------------------------------------------


def _wait_again(w: World, person: str) -> str:
    record = w.sent(person)
    w.referral(record, "put_on_waiting_list", "sol", given={"expected_date": w.at.date()})
    given = {"expected_date": after(w.at, 20).date(), "reason": "no_place_yet"}
    w.referral(record, "review_wait", "sol", given=given)
    return record


def _told_by_hand(h: House) -> set[str]:
    return {row[0] for row in h.errands()}


def test_a_person_is_written_to_by_the_way_they_chose_where_a_message_is_safe(h: House) -> None:
    person = h.w.person(contact_method="text", message_safe=True)
    _wait_again(h.w, person)
    h.work()
    (text,) = h.text.kept
    assert "Okoro" not in text.text
    assert "Singing" not in text.text
    assert "tell_person_by_hand" not in _told_by_hand(h)


@pytest.mark.parametrize(
    "known",
    [
        {"contact_method": "text", "message_safe": False},
        {"contact_method": "text"},
        {"contact_method": "phone", "message_safe": True},
        {"contact_method": "email", "message_safe": True, "email": None},
        {"message_safe": True},
    ],
)
def test_whoever_can_not_be_written_to_safely_is_told_by_hand(
    one: House, known: dict[str, Any]
) -> None:
    record = _wait_again(one.w, one.w.person(**known))
    one.work()
    assert one.text.kept == []
    assert ("tell_person_by_hand", member(one, "priya"), "referral", record) in one.errands()


def test_a_person_who_said_no_to_being_written_to_is_told_by_hand(one: House) -> None:
    person = one.w.person(contact_method="text", message_safe=True)
    one.w.consent(person, "team", purpose=Purpose.CONTACT, agreed=False)
    _wait_again(one.w, person)
    one.work()
    assert one.text.kept == []
    assert "tell_person_by_hand" in _told_by_hand(one)


def test_a_message_that_has_become_unsafe_does_not_leave_and_somebody_tells_them(
    one: House,
) -> None:
    person = one.w.person(contact_method="text", message_safe=True)
    _wait_again(one.w, person)
    one.text.troubles = [NotTaken("away", away=True)]
    one.work()
    priya = one.w.actor["priya"]
    with one.w.store.begin() as tx:
        change_person(tx, priya, one.w.at, person, {"message_safe": False})
    one.work(hours=1)
    assert one.text.kept == []
    assert "tell_person_by_hand" in _told_by_hand(one)


def test_a_text_that_did_not_arrive_is_told_by_hand(one: House) -> None:
    _wait_again(one.w, one.w.person(contact_method="text", message_safe=True))
    one.text.says = FAILED
    one.work()
    one.work(minutes=5)
    assert results(one, "text") == ["failed"]
    assert "tell_person_by_hand" in _told_by_hand(one)


def own_link(h: House, person: str, channel: str) -> str:
    tokens, priya = LinkTokens("of this house alone"), h.w.actor["priya"]
    with h.w.store.begin() as tx:
        return person_links.make(
            tx,
            priya,
            h.w.at,
            person,
            channel=channel,
            word_hash="a hash",
            ways=frozenset({"email", "text", "letter"}),
            token_hash=tokens.token_hash,
            code_hash=tokens.code_hash,
        )


@pytest.mark.parametrize("channel", ["email", "text", "letter"])
def test_the_persons_link_reaches_them_by_the_way_they_chose_and_names_nobody(
    one: House, channel: str
) -> None:
    where = {"email": "m@example.org", "address": "1 Quay Street, Harbour", "postcode": "ZZ99 3VZ"}
    person = one.w.person(contact_method=channel, message_safe=True, **where)
    link = own_link(one, person, channel)
    one.work()
    (sent,) = {"email": one.mail, "text": one.text, "letter": one.letter}[channel].kept
    tokens = LinkTokens("of this house alone")
    if channel == "letter":
        assert sent.lines == ("Margaret Okoro1", "1 Quay Street", "Harbour", "ZZ99 3VZ")
        assert tokens.code(link) in sent.text
        assert tokens.token(link) not in sent.text
    else:
        assert sent.to == {"email": "m@example.org", "text": "+447700900982"}[channel]
        assert f"https://segue.example.org/a/{tokens.token(link)}" in sent.text
    for secret in SECRETS[:-1]:
        assert secret not in sent.subject + sent.text + sent.html


def test_a_persons_link_taken_back_before_it_left_does_not_leave(one: House) -> None:
    person = one.w.person(contact_method="text", message_safe=True)
    own_link(one, person, "text")
    priya = one.w.actor["priya"]
    with one.w.store.begin() as tx:
        person_links.revoke(tx, priya, one.w.at, person)
    one.work()
    assert one.text.kept == []
    assert results(one, "text") == ["not_allowed_now"]


def test_a_persons_link_that_can_not_be_sent_is_given_by_hand(one: House) -> None:
    person = one.w.person(contact_method="text", message_safe=True)
    own_link(one, person, "text")
    one.text.troubles = [NotTaken("400", for_good=True)]
    one.work()
    assert one.errands() == [("tell_person_by_hand", member(one, "priya"), "person", person)]
    assert "Margaret" in sign_in(one.w, "priya").get("/").words


def test_a_worker_told_to_stop_gives_its_message_back(one: House) -> None:
    one.w.sent()
    one.work(one.ways(email=_Busy()))
    one.w.later(hours=1)
    edge = Edge(one.w.store, lambda: one.w.at)
    worker = Worker(edge, stop := Event(), ways=one.ways())
    stop.set()
    worker._parcels()
    assert one.mail.kept == []
    one.work()
    assert len(one.mail.kept) == 2
