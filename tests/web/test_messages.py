"""Messages about a referral: who writes, who reads, who has read, and to whom none of it is
there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from referral import copies, erasures, messages, notices, visible
from referral.states import Noun
from referral.store import Sql, Store
from tests.counting import BUDGET, statements
from tests.web.api import program
from tests.web.client import sign_in
from tests.world import World, build
from workflows.engine import Refused
from workflows.hearing import may_hear
from workflows.messages import mark_read, write_message

WORDS = "She comes by bus and may be late on Thursday."


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def write(w: World, record: str, who: str = "priya", body: str = WORDS) -> str:
    actor = w.actor[who]
    return w.made(actor, lambda tx: write_message(tx, actor, w.at, referral_id=record, body=body))


def read(w: World, record: str, who: str, up_to: str | None = None) -> int:
    actor = w.actor[who]
    return w.made(actor, lambda tx: mark_read(tx, actor, w.at, referral_id=record, up_to=up_to))


def unread(w: World, record: str, who: str) -> list[str]:
    with w.store.read() as tx:
        return messages.unread_by(tx, w.actor[who], record)


def kept(w: World, record: str) -> list[messages.MessageSeen]:
    with w.store.read() as tx:
        return messages.of_referral(tx, w.actor["priya"], record)


def hears(w: World, who: str, record: str) -> bool:
    with w.store.read() as tx:
        return may_hear(tx, w.actor[who], messages.RECEIVED, "referral", record, w.at)


def path(record: str) -> str:
    return f"/referrals/{record}/messages"


def take_back(w: World, person: str) -> None:
    consent = w.made(
        w.actor["priya"],
        lambda tx: tx.rows(Sql("SELECT id FROM consent WHERE person_id = :p"), p=person)[0][0],
    )
    w.step(Noun.CONSENT, consent, "withdraw", "priya")


def named(w: World, record: str, who: str) -> None:
    """Somebody is named as a source of harm of the person."""
    with w.store.read() as tx:
        person = tx.rows(Sql("SELECT person_id FROM referral WHERE id = :id"), id=record)[0][0]
    naming = {"sources": [{"user_id": w.actor[who].user_id}], "seen": "A worry."}
    w.step(
        Noun.CONCERN, None, "raise", "tess", given={"person_id": person, "danger": False, **naming}
    )


# -- what is kept -------------------------------------------------------------------------------


def test_what_one_side_writes_the_other_reads_and_says_so(w: World) -> None:
    record = w.active()
    first = write(w, record)
    w.later(minutes=5)
    second = write(w, record, "sol", "Thank you. We wait for her.")
    assert [(one.id, one.side, one.name) for one in kept(w, record)] == [
        (first, "team", "Priya Shah"),
        (second, "provider", "Sol Rivers"),
    ]
    assert [reader.name for reader in kept(w, record)[0].seen] == ["Sol Rivers"]
    assert kept(w, record)[1].seen == ()
    assert unread(w, record, "priya") == [second]
    assert read(w, record, "priya") == 1
    assert (unread(w, record, "priya"), read(w, record, "priya")) == ([], 0)
    assert unread(w, record, "rae") == [first]


def test_only_what_stood_on_the_page_is_marked_as_read(w: World) -> None:
    record = w.active()
    first = write(w, record)
    w.later(minutes=1)
    second = write(w, record, body="And her sister brings her.")
    assert read(w, record, "sol", first) == 1
    assert unread(w, record, "sol") == [second]
    assert read(w, record, "sol", record) == 0


@pytest.mark.parametrize(
    ("body", "words"), [(" \n ", "Write your message."), ("x" * 4001, "4,000")]
)
def test_nothing_and_too_much_are_refused_by_the_field(w: World, body: str, words: str) -> None:
    record = w.active()
    with pytest.raises(Refused) as refused:
        write(w, record, body=body)
    assert [(r.field, words in r.why) for r in refused.value.refusals] == [("body", True)]
    assert kept(w, record) == []


def test_words_lie_under_the_persons_key_and_never_in_the_log(w: World) -> None:
    record = w.active()
    write(w, record)
    with w.store.read() as tx:
        stored = tx.rows(Sql("SELECT body FROM message"))[0][0]
        logged = tx.rows(Sql("SELECT leaf FROM audit ORDER BY seq DESC LIMIT 1"))[0][0]
        (letter,) = tx.rows(
            Sql("SELECT to_owner, noun FROM outbox WHERE what = :what"), what=messages.RECEIVED
        )
    assert "bus" not in stored
    assert '"action":"message_written"' in logged
    assert letter == (f"provider_leader@{w.org['singers']}", "referral")


# -- who reads and writes -----------------------------------------------------------------------


def test_a_provider_reads_while_it_is_shared_with_them_and_no_longer(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    write(w, record)
    visitor = sign_in(w, "sol")
    assert WORDS in visitor.get(path(record)).words
    assert path(record) in visitor.get(f"/referrals/{record}").text
    assert hears(w, "sol", record)
    take_back(w, person)
    assert visitor.get(path(record)).status == 404
    assert path(record) not in visitor.get(f"/referrals/{record}").text
    assert not hears(w, "sol", record)
    with pytest.raises(Refused) as refused:
        write(w, record, "sol")
    assert "not_found" in refused.value.codes


def test_a_provider_that_cannot_take_somebody_reads_no_more(w: World) -> None:
    record = w.sent()
    write(w, record)
    w.referral(record, "decline", "sol", given={"reason": "full"})
    assert sign_in(w, "sol").get(path(record)).status == 404
    assert WORDS in sign_in(w, "priya").get(path(record)).words
    with pytest.raises(Refused) as refused:
        write(w, record)
    assert "nobody_reads" in refused.value.codes
    assert "cannot read messages" in sign_in(w, "priya").get(path(record)).words


READS = {"gwen": True, "grace": True, "kit": False, "olu": False, "cora": False, "ada": False}


@pytest.mark.parametrize(("who", "reads"), READS.items())
def test_who_answers_for_it_reads_and_does_not_write(w: World, who: str, reads: bool) -> None:
    record = w.active()
    write(w, record)
    page = sign_in(w, who).get(path(record))
    assert (WORDS in page.words) is reads
    assert page.status == 200 if reads else page.status in (403, 404)
    assert "Send the message" not in page.words
    with pytest.raises(Refused):
        write(w, record, who)
    assert len(kept(w, record)) == 1


@pytest.mark.parametrize(("who", "other"), [("priya", "tess"), ("sol", "kit")])
def test_whoever_is_named_as_a_source_of_harm_finds_nothing(w: World, who: str, other: str) -> None:
    record = w.active()
    write(w, record)
    write(w, record, "sol", "We wait for her.")
    named(w, record, who)
    visitor = sign_in(w, who)
    assert visitor.get(path(record)).status == 404
    assert "Messages" not in visitor.get(f"/referrals/{record}").words
    assert "wrote you" not in visitor.get("/").words
    assert not hears(w, who, record)
    for command in (write, read):
        with pytest.raises(Refused):
            command(w, record, who)
    # To the team the thread reads as before: that somebody is named isn't told by it.
    assert "Send the message" in sign_in(w, "tess").get(path(record)).words


def test_a_hold_stops_no_message(w: World) -> None:
    record = w.active()
    named(w, record, "kit")
    write(w, record)
    page = sign_in(w, "sol").get(path(record))
    assert WORDS in page.words
    assert "On hold" in page.words


# -- what waits ---------------------------------------------------------------------------------


def test_an_unread_message_stands_on_the_list_until_somebody_has_read_it(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = w.active()
    leader = sign_in(w, "sol")
    assert "wrote you" not in leader.get("/").words
    write(w, record)
    write(w, record)
    sent = statements(monkeypatch)
    page = leader.get("/")
    assert len(sent) <= BUDGET
    assert "Ash Lane practice wrote you 2 messages." in page.words
    assert path(record) in page.text
    assert "wrote you" not in sign_in(w, "priya").get("/").words
    read(w, record, "rae")
    assert "wrote you" not in leader.get("/").words


def test_a_leads_list_has_the_messages_of_those_they_stand_in_for(w: World) -> None:
    record = w.active()
    write(w, record, "sol")
    assert "Riverside Singers wrote you a message." in sign_in(w, "priya").get("/").words
    assert "wrote you" not in sign_in(w, "tess").get("/").words
    assert "wrote you" not in sign_in(w, "sam").get("/").words
    with w.store.begin() as tx:
        tx.run(
            Sql("UPDATE membership SET away_from = :at, away_until = :until WHERE id = :id"),
            at=w.at - timedelta(days=1), until=w.at + timedelta(days=5),
            id=w.actor["priya"].membership_id,
        )  # fmt: skip
    assert "wrote you a message." in sign_in(w, "tess").get("/").words


def test_reading_marks_the_notice_too(w: World) -> None:
    record = w.active()
    write(w, record)
    with w.store.begin() as tx:
        notices.give(tx, w.actor["sol"], 1, messages.RECEIVED, "referral", record, w.at)
    visitor = sign_in(w, "sol")
    page = visitor.get("/notices")
    assert "There is a message about a referral." in page.words
    assert path(record) in page.text
    page = visitor.get(path(record))
    assert "New" in page.words
    form = next(fields for action, fields in page.forms if action.endswith("/read"))
    visitor.post(f"{path(record)}/read", dict(form))
    with w.store.read() as tx:
        (notice,) = visible.notices(tx, w.actor["sol"])
    assert notice.read_at == w.at


# -- pages --------------------------------------------------------------------------------------


def test_a_message_is_written_on_the_page_and_looking_marks_nothing(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = w.active()
    visitor = sign_in(w, "priya")
    page = visitor.get(path(record))
    assert "If somebody is in danger, do not write it here" in page.words
    assert f"/referrals/{record}/concern" in page.text
    assert "Your team and the leaders of Riverside Singers read" in page.words
    for _ in range(2):
        visitor.post(path(record), [*dict(page.forms[-1][1]).items(), ("body", WORDS)])
    assert len(kept(w, record)) == 1
    leader = sign_in(w, "sol")
    sent = statements(monkeypatch)
    page = leader.get(path(record))
    assert len(sent) <= BUDGET
    assert "Messages (1)" in page.words
    assert unread(w, record, "sol") != []
    assert "Not read yet." in visitor.get(path(record)).words
    leader.post(path(record), [*dict(page.forms[-1][1]).items(), ("body", "Thank you.")])
    assert "Read by Sol Rivers" in visitor.get(path(record)).words


def test_what_was_typed_is_there_after_an_error(w: World) -> None:
    record = w.active()
    visitor = sign_in(w, "priya")
    page = visitor.get(path(record))
    page = visitor.post(path(record), [*dict(page.forms[-1][1]).items(), ("body", "long " * 900)])
    assert page.status == 422
    assert "Shorten" in page.words
    assert "long long" in page.text


def test_whoever_is_asked_something_is_led_to_the_answer(w: World) -> None:
    record = w.sent()
    assert "ask a question" in sign_in(w, "sol").get(path(record)).words
    w.referral(record, "ask", "sol", given={"note": "Can she climb stairs?"})
    page = sign_in(w, "priya").get(path(record))
    assert "Answer the question" in page.words
    assert "ask a question" not in page.words


def test_a_long_thread_goes_by_pages(w: World) -> None:
    record = w.active()
    for number in range(messages.PAGE + 2):
        w.later(minutes=1)
        write(w, record, body=f"Number {number:02}.")
    visitor = sign_in(w, "priya")
    page = visitor.get(path(record))
    assert "Number 01." not in page.words
    assert "Number 02." in page.words
    older = page.text.split("messages?after=")[1].split('"')[0]
    page = visitor.get(f"{path(record)}?after={older}")
    assert "Number 01." in page.words
    assert "Number 02." not in page.words


# -- the rest of its life -----------------------------------------------------------------------


def test_erasing_takes_the_words_and_leaves_that_there_were_some(w: World) -> None:
    person = w.person()
    record, other = w.active(person), w.active(w.person(nhs_number="999 000 0026"))
    write(w, record)
    write(w, other)
    with w.store.begin() as tx:
        found = erasures.find(tx, person)
        assert found is not None
        erasures.blank(tx, erasures.belongings(tx, found), w.at)
    assert [one.body for one in kept(w, record)] == ["Erased"]
    assert [one.body for one in kept(w, other)] == [WORDS]


def test_a_copy_has_them_where_notes_are_given_and_not_otherwise(w: World) -> None:
    person = w.person()
    write(w, w.active(person))
    for given, held in ((frozenset({copies.NOTES}), [WORDS]), (frozenset[str](), [])):
        with w.store.read() as tx:
            copy = copies.gather(tx, person, given, {})
        told = [row["body"] for s in copy.sections if s.table == "message" for row in s.rows]
        assert told == held


# -- programs -----------------------------------------------------------------------------------


def test_programs_read_write_and_say_what_they_read(w: World) -> None:
    record = w.active()
    priya, sol = program(w, "priya"), program(w, "sol")
    where = f"/referrals/{record}/messages"
    made = priya.post(where, {"body": WORDS}, key="a")
    assert (made.status, priya.post(where, {"body": WORDS}, key="a").json["replayed"]) == (
        201,
        True,
    )
    w.later(minutes=1)
    priya.post(where, {"body": "And her sister brings her."})
    page = sol.get(f"{where}?limit=1").json
    assert [one["body"] for one in page["items"]] == ["And her sister brings her."]
    page = sol.get(f"{where}?cursor={page['next']}").json
    assert [(one["body"], one["side"], one["read_by"]) for one in page["items"]] == [
        (WORDS, "team", [])
    ]
    assert page["next"] is None
    assert sol.post(f"{where}/read", {"up_to": made.json["id"]}).json == {"many": 1}
    items = priya.get(where).json["items"]
    assert [[r["name"] for r in one["read_by"]] for one in items] == [[], ["Sol Rivers"]]


def test_programs_of_others_find_nothing(w: World) -> None:
    record = w.active()
    for who in ("kit", "olu"):
        asks = program(w, who)
        assert asks.get(f"/referrals/{record}/messages").status == 404
        assert asks.post(f"/referrals/{record}/messages", {"body": WORDS}).status == 404
        assert asks.post(f"/referrals/{record}/messages/read", {}).status == 404
    assert program(w, "priya").get(f"/referrals/{record}/messages?cursor=x").status == 422
