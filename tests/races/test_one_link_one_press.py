"""Two presses of one link in the same moment: one is done, and the other changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from referral import links
from referral.ids import new_id
from referral.store import Sql, Store, Tx
from tests.races.rounds import rounds
from tests.races.together import Clients, after, many_clients, moments
from tests.races.whole import assert_whole
from tests.winding import rows, state
from tests.world import World, build
from workflows import person_links, provider_links
from workflows.provider_links import LinkOver

ROUNDS = rounds(25)


def link(w: World, purpose: str, record: str, who: str | None = None) -> str:
    made = new_id()
    with w.store.begin() as tx:
        links.keep(
            tx,
            link_id=made,
            system_id=w.system_id,
            purpose=purpose,
            record_id=record,
            membership_id=w.actor[who].membership_id if who else None,
            made_by=w.actor["priya"].membership_id,
            channel="paper",
            token_hash=made,
            code_hash=None,
            word_hash=None,
            at=w.at,
            expires_at=w.at + timedelta(days=1),
        )
    return made


def pressed(act: Callable[[Tx, datetime], Any]) -> Callable[[Tx, datetime], str]:
    """What a press came to, in one word."""

    def press(tx: Tx, at: datetime) -> str:
        act(tx, at)
        return "done"

    return press


def race(w: World, presses: list[tuple[Callable[[Tx, datetime], Any], ...]]) -> list[Counter[str]]:
    found = []
    waits = moments(20261122)
    with many_clients(w, 2) as edge, Clients(2) as clients:
        for both in presses:

            def go(act: Callable[[Tx, datetime], Any]) -> str:
                try:
                    return edge.perform(w.actor["sol"], pressed(act))
                except LinkOver as over:
                    return over.why

            pairs = zip(next(waits), both, strict=True)
            calls = [after(wait, lambda a=act: go(a)) for wait, act in pairs]
            found.append(Counter(outcome.answer for outcome in clients.at_once(calls)))
    return found


def test_a_link_pressed_twice_at_once_is_one_answer(store: Store) -> None:
    w = build(store)
    with store.begin() as tx:
        tx.run(Sql("UPDATE activity_group SET capacity = 10000"))
    records = [w.sent() for _ in range(ROUNDS)]
    made = [link(w, links.ANSWER, record, "sol") for record in records]

    def press(one: str, wish: str, **given: str) -> Callable[[Tx, datetime], Any]:
        return lambda tx, at: provider_links.act(tx, one, at, wish, given)

    presses = [(press(one, "accept"), press(one, "decline", reason="full")) for one in made]
    assert race(w, presses) == [Counter({"done": 1, "used": 1})] * ROUNDS
    for one, record in zip(made, records, strict=True):
        ((used,),) = rows(store, "SELECT used_for FROM link WHERE id = :id", id=one)
        assert (
            state(store, "referral", record) == {"accept": "accepted", "decline": "returned"}[used]
        )
    assert_whole(store)


def test_a_persons_page_opens_on_one_device_and_raises_one_concern(store: Store) -> None:
    w = build(store)
    people = [w.person() for _ in range(5)]
    made = [link(w, links.PERSON, person) for person in people]
    opening = [
        tuple(lambda tx, at, o=one: person_links.open_by(tx, o, at) for _ in range(2))
        for one in made
    ]
    assert race(w, opening) == [Counter({"done": 1, "used": 1})] * 5
    calling = [
        tuple(lambda tx, at, o=one: person_links.not_safe(tx, o, at, danger=True) for _ in range(2))
        for one in made
    ]
    assert race(w, calling) == [Counter({"done": 2})] * 5
    assert rows(store, "SELECT count(*) FROM concern") == [(5,)]
    assert_whole(store)
