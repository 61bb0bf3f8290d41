"""`segue demo`: its own store, its own secret, a web server and a worker, until Ctrl-C."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from referral.keys import WrappingKeys
from referral.postcodes import KINDS
from referral.store import Door, Sql, Store
from referral.upgrade import WrongShape, check, upgrade
from web.demo import cast
from web.demo.clock import WoundClock
from web.demo.files import AUDIT_KEY, CLOCK, DATABASE, ERASURES, FOLDER, HEADS, KEY, KEYS, POST
from web.demo.story import tell
from web.edge import Edge
from web.settings import AuditSettings, Settings
from workflows.engine import move_tables

if TYPE_CHECKING:
    from web.auditing import LogKeeper
    from web.ways import Ways

RECENT = timedelta(days=10)
PASSWORD = "saltmere demo"  # noqa: S105 - printed on the page; the demo's people are invented
SYSTEM = Sql("SELECT name FROM system")


def _refuse_another_store() -> None:
    named = os.environ.get("SEGUE_DATABASE_URL")
    if named and Path(named.removeprefix("sqlite:///")).resolve() != DATABASE.resolve():
        click.echo(
            f"The demo keeps its own store, {DATABASE}, and won't touch another. Unset"
            " SEGUE_DATABASE_URL and run it again."
        )
        sys.exit(2)


def _throw_away() -> None:
    for path in (*FOLDER.glob("demo.db*"), *POST.glob("*.eml")):
        path.unlink()
    CLOCK.unlink(missing_ok=True)
    AUDIT_KEY.unlink(missing_ok=True)
    ERASURES.unlink(missing_ok=True)
    # Heads of a log that is gone: the new one can't agree with them.
    shutil.rmtree(HEADS, ignore_errors=True)


def _bar(done: int, total: int) -> None:
    if sys.stderr.isatty():
        width = 30 * done // total
        click.echo(f"\r[{'#' * width}{'.' * (30 - width)}]", nl=False, err=True)


def make(store: Store, clock: WoundClock, port: int) -> None:
    """Fill the empty store with the story so far. What was sent in its last days is in the post."""
    from web import residents, worker
    from web.passwords import hash_password
    from web.postcodes import load_text
    from web.ways import NO_WAYS

    at = clock()
    upgrade(store, at, move_tables())
    invented = "Saltmere's invented postcodes", "Saltmere's invented deprivation"
    for kind, name, text in zip(KINDS, invented, (cast.DIRECTORY, cast.INDICES), strict=True):
        load_text(Edge(store, lambda: at), kind, name, text)
    ways = ways_for(port)

    def sweep(moment: Any) -> None:
        recent = moment >= at - RECENT
        worker.sweep_all(Edge(store, lambda: moment), ways if recent else NO_WAYS)

    tell(store, at, hash_password(PASSWORD), sweep, _bar)
    residents.load_text(Edge(store, lambda: at), "saltmere.csv", cast.RESIDENTS, place=cast.SYSTEM)
    keeper = keeper_for(Edge(store, lambda: at))
    while keeper.turn(now=True):
        pass
    keeper.check()
    if sys.stderr.isatty():
        click.echo("", err=True)


def keeper_for(edge: Edge) -> LogKeeper:
    """What keeps the demo's log: with a key of its own, its heads in a folder."""
    from web.audit_cli import keeper_of, key_for_setup

    key_for_setup(edge, AUDIT_KEY)
    return keeper_of(edge, AuditSettings(AUDIT_KEY, HEADS))


def settings_for(port: int) -> Settings:
    """The demo's settings: a secret of its own, made once."""
    if not KEY.exists():
        KEY.touch(mode=0o600)
        KEY.write_text(secrets.token_urlsafe(48))
    if not KEYS.exists():
        WrappingKeys.made().write(KEYS)
    return Settings(
        secret_key=KEY.read_text(),
        database_url=f"sqlite:///{DATABASE}",
        wrapping_keys=str(KEYS),
        public_url=f"http://127.0.0.1:{port}",
        unscanned="open",  # nobody's own files are here
        equality_policy="Saltmere's, invented, 23 March 2026",
    )


def ways_for(port: int) -> Ways:
    """Every message goes into a folder: a demo needs no mail server, and writes to nobody."""
    from web.ways import kept_in

    return kept_in(POST, settings_for(port))


def open_demo(fresh: bool, port: int = 8000) -> tuple[Store, WoundClock]:
    """The demo's store, made if it isn't there. Exits 2 with what to do if it can't be used."""
    _refuse_another_store()
    FOLDER.mkdir(exist_ok=True)
    if fresh:
        _throw_away()
    clock = WoundClock(CLOCK)
    new = not DATABASE.exists()
    store = settings_for(port).open_store()
    if new:
        click.echo("Making a fictional system with four months of history ...")
        make(store, clock, port)
        return store, clock
    try:
        check(store)
        with store.read(door=Door.WHOLE) as tx:
            mine = tx.row(SYSTEM) == (cast.SYSTEM,)
    except WrongShape:
        mine = False
    if not mine:
        click.echo(f"{DATABASE} isn't a demo of this version. Make it anew: segue demo --fresh")
        sys.exit(2)
    return store, clock


def run(port: int, fresh: bool) -> None:
    """Make the demo if need be, print its doors, and serve it in the foreground."""
    from web.demo.pages import make_app
    from web.serving import serve_app

    store, clock = open_demo(fresh, port)
    store.dispose()
    settings = settings_for(port)
    address = settings.public_url
    click.echo(f"\nThe demo is on {address}/demo")
    click.echo("It has a door for each of these, already signed in:")
    for _key, who, what in cast.DOORS:
        click.echo(f"  {who}, {what}")
    click.echo("Press Ctrl-C to stop. Start anew with: segue demo --fresh\n")
    asked = [sys.executable, "-m", "web.demo.work", str(port)]
    work = subprocess.Popen(asked)  # noqa: S603 - our own program, and a number
    try:
        serve_app(lambda: make_app(Edge(settings.open_store(), clock), settings, clock), port=port)
    finally:
        work.send_signal(signal.SIGTERM)
        work.wait(timeout=10)
