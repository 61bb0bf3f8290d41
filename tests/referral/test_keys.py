"""Words about a person lie under a key of theirs; who takes the key away takes the words away."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from referral import facts, keys, records, rekeying
from referral.audit import log
from referral.keys import (
    DAMAGED,
    Damaged,
    DataKey,
    Gone,
    KeysMissing,
    Of,
    WrappingKeys,
    WrongKeyFile,
    key_of,
)
from referral.records import person
from referral.rows import change
from referral.states import Noun
from referral.store import Sql, Store, TryAgain
from referral.verify import verify
from tests.databases import beyond
from tests.world import World, build
from web.edge import Edge
from web.keys_cli import add, counted, drop, make, plain, refuse_without_keys, rewrap, seal
from workflows.erasing import erase_person
from workflows.people import write_note
from workflows.rules_for_verify import rules_for_verify

WORDS = "Sings like a wren when the tide is out"


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


OPENED: list[Store] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Every store a test opens beside its own is closed after it."""
    yield
    while OPENED:
        OPENED.pop().dispose()


def opened(w: World, wrapping: WrappingKeys | None) -> Store:
    """The same database, as another process would open it."""
    OPENED.append(Store(w.store.url.render_as_string(hide_password=False), wrapping=wrapping))
    return OPENED[-1]


def stored(w: World, query: str, **values: Any) -> list[Any]:
    with w.store.read() as tx:
        return [row[0] for row in tx.rows(Sql(query), **values)]


def subject(w: World, p: str) -> str:
    return str(stored(w, "SELECT subject_ref FROM person WHERE id = :id", id=p)[0])


def needs(w: World, p: str, store: Store | None = None) -> str | None:
    """What a link worker reads of the person's access needs."""
    with (store or w.store).read(w.actor["priya"]) as tx:
        seen = person(tx, w.actor["priya"], w.at, p)
    assert seen is not None
    return seen.access_needs


def whole(w: World) -> bool:
    with w.store.snapshot() as tx:
        return verify(tx, rules_for_verify()).whole


# -- what is stored -----------------------------------------------------------------------------


def test_words_are_read_as_they_were_written_and_stored_as_something_else(w: World) -> None:
    p = w.person(access_needs=WORDS)
    (text,) = stored(w, "SELECT access_needs FROM person WHERE id = :id", id=p)
    assert WORDS not in text
    assert needs(w, p) == WORDS


def test_what_a_step_writes_lies_under_the_person_s_key_and_so_do_its_details(w: World) -> None:
    p = w.person()
    record = w.draft(p, safety_notes=WORDS)
    mine = stored(w, "SELECT id FROM data_key WHERE holder = :s", s=subject(w, p))
    found = stored(w, "SELECT safety_notes FROM referral WHERE id = :id", id=record)
    found += stored(
        w,
        "SELECT d.payload FROM audit_detail d JOIN audit a ON a.entry_id = d.entry_id"
        " WHERE a.record_id = :id",
        id=record,
    )
    assert len(found) > 1
    assert {key_of(text) for text in found} == {str(mine[0])}


def test_two_people_have_two_keys_and_what_is_nobody_s_has_another(w: World) -> None:
    one, two = (w.person(access_needs=WORDS) for _ in range(2))
    with w.store.begin(w.actor["grace"]) as tx:
        log(tx, w.actor["grace"], w.at, "theme_added", "theme", None, {"words": WORDS})
    held = stored(w, "SELECT access_needs FROM person WHERE access_needs IS NOT NULL")
    held += stored(w, "SELECT payload FROM audit_detail")
    used = {key_of(text) for text in held}
    holders = stored(w, "SELECT holder FROM data_key")
    assert {subject(w, one), subject(w, two), w.system_id} <= {str(h) for h in holders}
    assert len(used) == len(holders)
    assert None not in used


def test_the_same_words_are_never_stored_alike(w: World) -> None:
    one, two = (w.person(access_needs=WORDS) for _ in range(2))
    change_needs(w, one)
    (before,) = stored(w, "SELECT access_needs FROM person WHERE id = :id", id=two)
    change_needs(w, two)
    (after,) = stored(w, "SELECT access_needs FROM person WHERE id = :id", id=two)
    assert before != after


def change_needs(w: World, p: str, words: str = WORDS) -> None:
    with w.store.begin(w.actor["priya"]) as tx:
        change(tx, "person", p, {"access_needs": words})


def test_the_log_agrees_with_what_lies_under_keys(w: World) -> None:
    w.completed()
    assert whole(w)


# -- no key, no words ---------------------------------------------------------------------------


def forget(w: World, p: str) -> None:
    with w.store.begin() as tx:
        assert tx.ring.forget(subject(w, p))


def test_with_the_key_the_words_are_gone_and_the_page_still_opens(w: World) -> None:
    p = w.person(access_needs=WORDS)
    record = w.sent(p, safety_notes=WORDS)
    forget(w, p)
    assert needs(w, p) == "Erased"
    with w.store.read(w.actor["priya"]) as tx:
        seen = records.referral(tx, w.actor["priya"], record)
    assert seen is not None
    assert (seen.safety_notes, seen.shared, seen.safety_answers) == ("Erased", None, None)


def test_a_key_that_was_kept_in_memory_brings_nothing_back(w: World) -> None:
    """Another process takes the key away while ours has it open."""
    p = w.person(access_needs=WORDS)
    change_needs(w, p)
    assert subject(w, p) in (w.store.keys.open if w.store.keys else {})
    other = opened(w, None)
    with other.begin() as tx:
        assert tx.ring.forget(subject(w, p))
    assert needs(w, p) == "Erased"
    # What is still written by it can be read by nobody either.
    change_needs(w, p, "Written too late")
    assert needs(w, p) == "Erased"


def test_nor_where_their_record_was_read_first(w: World) -> None:
    """They were erased by another process, and a row of theirs is put back as it was."""
    record = w.draft(safety_notes=WORDS)
    (p,) = stored(w, "SELECT person_id FROM referral WHERE id = :id", id=record)
    (text,) = stored(w, "SELECT safety_notes FROM referral WHERE id = :id", id=record)
    w.referral(record, "withdraw", "priya", given={"reason": "moved_away"})

    def read() -> str | None:
        with w.store.read(w.actor["priya"]) as tx:
            assert facts.LOADERS[Noun.REFERRAL](tx, record, w.actor["priya"], w.at) is not None
            seen = records.referral(tx, w.actor["priya"], record)
        assert seen is not None
        return seen.safety_notes

    assert read() == WORDS
    other = opened(w, None)
    with other.begin(w.actor["ingrid"]) as tx:
        by = w.actor["ingrid"].membership_id
        erase_person(tx, w.actor["ingrid"], p, ground="request", approved_by=by, at=w.at)
    with w.store.begin(w.actor["priya"]) as tx:
        tx.run(Sql("UPDATE referral SET safety_notes = :t WHERE id = :id"), t=text, id=record)
    assert read() == "Erased"


def test_nobody_s_surrogate_gets_no_key(w: World) -> None:
    p = w.person()
    gone = subject(w, p)
    with w.store.begin() as tx:
        tx.ring.forget(gone)
        tx.run(
            Sql("UPDATE person SET subject_ref = :new WHERE id = :id"),
            new="00000000-0000-4000-8000-000000000001",
            id=p,
        )
    with pytest.raises(TryAgain), w.store.begin() as tx:
        log(tx, w.system, w.at, "read", "person", None, {"late": WORDS}, subject=gone)
    assert stored(w, "SELECT id FROM data_key WHERE holder = :s", s=gone) == []


def undone(tx: Any, p: str) -> None:
    change(tx, "person", p, {"access_needs": WORDS})
    raise ZeroDivisionError


def test_a_key_that_was_never_committed_is_not_kept(w: World) -> None:
    p = w.person()
    with w.store.begin() as tx:
        tx.ring.forget(subject(w, p))

    with pytest.raises(ZeroDivisionError), w.store.begin() as tx:
        undone(tx, p)
    change_needs(w, p)
    assert needs(w, p) == WORDS


def test_what_a_process_keeps_is_bounded(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MOST_KEPT", 2)
    people = [w.person(access_needs=WORDS) for _ in range(5)]
    for p in people:
        change_needs(w, p)
        assert w.store.keys is not None
        assert len(w.store.keys.open) <= 2
    assert [needs(w, p) for p in people] == [WORDS] * 5


def test_words_that_were_changed_behind_the_program_s_back_say_so_and_open_nothing(
    w: World,
) -> None:
    p = w.person(access_needs=WORDS)
    (text,) = stored(w, "SELECT access_needs FROM person WHERE id = :id", id=p)
    flipped = text[:60] + ("A" if text[60] != "A" else "B") + text[61:]
    for other in (flipped, text + ".", text[:-4]):
        with w.store.begin() as tx:
            tx.run(Sql("UPDATE person SET access_needs = :t WHERE id = :id"), t=other, id=p)
        assert needs(w, p) == DAMAGED


def test_a_list_looks_its_keys_up_at_once(w: World) -> None:
    for _ in range(5):
        w.sent(w.person(access_needs=WORDS))
    with w.store.read(w.actor["priya"]) as tx:
        asked: list[str] = []
        execute = tx.execute

        def listening(sql: str, values: Any) -> Any:
            asked.append(sql)
            return execute(sql, values)

        tx.execute = listening  # type: ignore[method-assign]
        query = Sql("SELECT access_needs FROM person", sealed=(0,))
        assert [row[0] for row in tx.rows(query)] == [WORDS] * 5
        assert len(asked) == 2


def test_a_key_is_bound_to_its_holder(w: World) -> None:
    """Who can write to the database can't open one person's words by another's name."""
    one, two = w.person(access_needs=WORDS), w.person(access_needs="Another's")
    with beyond(w.store) as powerful, powerful.begin() as tx:
        tx.run(Sql("UPDATE data_key SET holder = :x WHERE holder = :s"), x=w.org["ash"],
               s=subject(w, one))  # fmt: skip
        tx.run(Sql("UPDATE data_key SET holder = :one WHERE holder = :two"), one=subject(w, one),
               two=subject(w, two))  # fmt: skip
    with pytest.raises(KeysMissing, match="row was changed"):
        needs(w, two)


# -- before there were keys ---------------------------------------------------------------------


@pytest.fixture
def before(store: Store) -> World:
    """A world written by a program without keys."""
    wrapping, store.keys = store.wrapping, None
    Store.wrapping = None
    try:
        w = build.__globals__["_made"](store)
        w.completed(w.person(access_needs=WORDS))
        with store.begin(w.actor["priya"]) as tx:
            p = stored_in(tx, "SELECT id FROM person")
            write_note(tx, w.actor["priya"], w.at, p, WORDS)
    finally:
        Store.wrapping = wrapping
    store.wrapping = None
    return w


def stored_in(tx: Any, query: str) -> str:
    return str(tx.rows(Sql(query))[0][0])


def with_keys(w: World) -> Store:
    return opened(w, Store.wrapping)


def test_what_was_plain_can_be_read_and_is_put_under_keys(before: World) -> None:
    w = before
    (p,) = stored(w, "SELECT id FROM person")
    assert plain(w.store) > 20
    w.store.dispose()
    w.store = with_keys(w)
    assert needs(w, p) == WORDS
    told: list[tuple[str, int, int | None]] = []
    count = plain(w.store)
    assert seal(Edge(w.store), lambda *said: told.append(said)) == count
    assert told[-1][1:] == (count, count)
    assert plain(w.store) == 0
    assert needs(w, p) == WORDS
    assert whole(w)
    everything = stored(w, "SELECT body FROM note") + stored(w, "SELECT payload FROM audit_detail")
    assert not [text for text in everything if WORDS in text or text.startswith("{")]
    assert seal(Edge(w.store), lambda *said: None) == 0


def test_sealing_goes_on_where_it_was_stopped(
    before: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = before
    w.store.dispose()
    w.store = with_keys(w)
    count, done = plain(w.store), []
    real = rekeying.seal_page

    def stopping(tx: Any, place: Any) -> int:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(real(tx, place))
        return done[-1]

    monkeypatch.setattr(rekeying, "seal_page", stopping)
    with pytest.raises(KeyboardInterrupt):
        seal(Edge(w.store), lambda *said: None)
    monkeypatch.setattr(rekeying, "seal_page", real)
    assert plain(w.store) == count - sum(done)
    assert seal(Edge(w.store), lambda *said: None) == count - sum(done)
    assert whole(w)


# -- the wrapping keys --------------------------------------------------------------------------


def test_a_key_file_is_its_owner_s_alone_and_never_made_twice(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "wrapping.keys"
    made = make(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert WrappingKeys.read(path).ids == made.ids
    with pytest.raises(WrongKeyFile, match="there already"):
        make(path)
    path.chmod(0o640)
    with pytest.raises(WrongKeyFile, match="chmod 600"):
        WrappingKeys.read(path)


@pytest.mark.parametrize("text", ["", "hello", "segue-wrapping-key 1 0badcafe AAAA"])
def test_a_damaged_key_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wrapping.keys"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(WrongKeyFile):
        WrappingKeys.read(path)


def test_wrapping_keys_are_turned_over_and_no_text_moves(w: World, tmp_path: Path) -> None:
    p = w.person(access_needs=WORDS)
    w.completed()
    path = tmp_path / "wrapping.keys"
    assert w.store.wrapping is not None
    w.store.wrapping.write(path)
    (old,) = w.store.wrapping.ids
    added = add(path)
    assert added.ids[0] == old
    texts = stored(w, "SELECT access_needs FROM person") + stored(
        w, "SELECT payload FROM audit_detail ORDER BY entry_id"
    )
    count = counted(w.store)[old]
    w.store.dispose()
    w.store = opened(w, added)
    with pytest.raises(WrongKeyFile, match="still wraps"):
        drop(path, old, w.store)
    with pytest.raises(WrongKeyFile, match="Add another first"):
        drop(path, added.current, w.store)
    assert rewrap(Edge(w.store), lambda *said: None) == count
    assert set(counted(w.store)) == {added.current}
    left = drop(path, old, w.store)
    w.store.dispose()
    w.store = opened(w, left)
    now = stored(w, "SELECT access_needs FROM person") + stored(
        w, "SELECT payload FROM audit_detail ORDER BY entry_id"
    )
    assert set(texts) <= set(now)
    assert needs(w, p) == WORDS
    assert whole(w)


def test_nobody_is_let_in_without_the_wrapping_key(w: World) -> None:
    p = w.person(access_needs=WORDS)
    refuse_without_keys(w.store)
    other = opened(w, WrappingKeys.made())
    with pytest.raises(KeysMissing, match="isn't in the key file"):
        refuse_without_keys(other)
    with pytest.raises(KeysMissing):
        needs(w, p, other)
    none = opened(w, None)
    none.wrapping = None
    with pytest.raises(KeysMissing, match="segue keys make"):
        refuse_without_keys(none)


# -- pure ---------------------------------------------------------------------------------------


def test_a_text_comes_back_whatever_is_in_it() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = DataKey("019ce66c-8e80-7ea9-ae56-df0f4ba1ac1a", AESGCM(os.urandom(32)))
    for text in ("", "a:b", "0:plain", "ZoÃ« \N{MUSICAL NOTE} ", "x" * 100_000, "\ud800"):
        stored_text = key.seal(text)
        assert key_of(stored_text) == key.id
        assert key.unseal(stored_text.partition(":")[2]) == text


def test_what_can_not_be_read_is_said_and_is_no_structure() -> None:
    assert (str(Gone("k")), str(Damaged())) == ("Erased", DAMAGED)
    assert keys.parsed(Gone("k")) is None
    assert keys.parsed(Damaged()) is None
    assert keys.parsed(json.dumps({"a": 1})) == {"a": 1}
    assert keys.parsed(None) is None


def test_two_who_come_first_together_make_one_key(w: World) -> None:
    p = w.person()
    s = subject(w, p)
    with w.store.begin() as tx:
        tx.ring.forget(s)
    ready = threading.Barrier(4)
    url = w.store.url.render_as_string(hide_password=False)
    failed: list[BaseException] = []

    def write() -> None:
        store = Store(url, wrapping=Store.wrapping)
        try:
            ready.wait(10)
            edge = Edge(store)
            edge.perform(w.system, lambda tx, at: tx.ring.to_write(Of(w.system_id, s)))
        except BaseException as error:
            failed.append(error)
        finally:
            store.dispose()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(stored(w, "SELECT id FROM data_key WHERE holder = :s", s=s)) == 1
