"""How long the server takes for a page, warm, among many referrals: the time of a processor, for a
busy machine would be called slow otherwise. `make measures` prints it, and it stands in no test."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from flask.testing import FlaskClient

from benchmarks.databases import plain
from benchmarks.life import stage
from benchmarks.population import populate
from referral.actors import Actor
from referral.states import Noun
from referral.store import Door, Sql, Store
from referral.upgrade import upgrade
from tests.databases import BUILT
from tests.measures.table import Measure
from tests.tour import LINK
from tests.web.client import HTTP
from tests.world import World
from web.app import create_app
from web.counting import REPORTS
from web.edge import Edge
from web.signed_in import start_session
from workflows import tallies
from workflows.engine import move_tables, step

P50, P95 = 60, 200
LISTS = ("/", "/?show=open", "/?show=waiting", "/referrals", "/people", "/sessions", "/notices")
EACH = 5
MATTERS = 1_000  # open escalations
LATE = Sql(
    "UPDATE clock SET missed = ended WHERE noun = 'referral' AND ended IS NOT NULL AND id % 5 = 0"
)


def rows(folder: Path, referrals: int, rounds: int = 3) -> Iterator[Measure]:
    """The rows of the table, in milliseconds."""
    url = f"sqlite:///{folder / 'many.db'}"
    built = Store(url)
    upgrade(built, BUILT, move_tables())
    built.dispose()
    store = plain(url)
    at = datetime.now(UTC)
    ready = stage(store, at, 1)
    population = populate(store, ready, referrals)
    app = create_app(Edge(store, lambda: at), HTTP)
    seen = [*population.link_workers[:4], *population.leaders[:4], ready.world.actor["grace"]]
    took: list[float] = []
    for actor in seen:
        client = _signed_in(store, app.test_client(), actor, at)
        paths = list(_paths(client))
        for number in range(rounds + 1):
            for path in paths:
                began = time.process_time()
                status = client.get(path).status_code
                assert status == 200, (actor.role, path, status)
                if number:
                    took.append((time.process_time() - began) * 1000)
    took.sort()
    among = f"Server time among {referrals:,} referrals"
    yield Measure(f"{among}: p50, ms", P50, took[len(took) // 2])
    yield Measure(f"{among}: p95, ms", P95, took[len(took) * 95 // 100])
    board = _numbers(store, ready.world, app.test_client(), at, rounds)
    store.dispose()
    yield Measure(f"{among}: the dashboard, ms", P95, board.pop("/dashboard"))
    yield Measure(f"{among}: the slowest report, ms", P95, max(board.values()))


def _numbers(
    store: Store, w: World, client: FlaskClient, at: datetime, rounds: int
) -> dict[str, float]:
    """The slowest of some turns at each page of numbers, for who answers for the whole system: of
    the year that nearly all of the referrals lie in, with deadlines missed and matters open."""
    with store.begin(door=Door.WHOLE) as tx:
        tx.run(LATE)
        for _number in range(MATTERS):
            given = {"kind": "other", "about": "place", "about_id": w.place["harbour"], "note": "?"}
            step(tx, Noun.ESCALATION, None, "raise", w.actor["priya"], at, given)
        for one in list(tallies.due(tx, at)):
            tallies.keep(tx, one, at, tallies.count(tx, one, at))
    client = _signed_in(store, client, w.actor["amara"], at)
    year = f"?period={at.year if at.month >= 4 else at.year - 1}"
    took = {}
    for path in ("/dashboard", *(f"/reports/{name}" for name in REPORTS)):
        times = []
        for _number in range(rounds + 1):
            began = time.process_time()
            assert client.get(path + year).status_code == 200, path
            times.append((time.process_time() - began) * 1000)
        took[path] = max(times[1:])
    return took


def _signed_in(store: Store, client: FlaskClient, actor: Actor, at: datetime) -> FlaskClient:
    with store.begin(actor) as tx:
        token = start_session(tx, actor, at)
    with client.session_transaction() as kept:
        kept["_user_id"], kept["_fresh"] = token, True
    return client


def _paths(client: FlaskClient) -> Iterator[str]:
    """The lists this member has, and the first few records that each leads to."""
    found: list[str] = []
    for path in LISTS:
        answer = client.get(path)
        if answer.status_code == 200:
            yield path
            links = LINK.findall(answer.get_data(as_text=True))
            records = [one for one in links if one.startswith(("/referrals/0", "/people/0"))]
            found += [one for one in records if one.count("/") == 2][:EACH]
    yield from dict.fromkeys(found)
