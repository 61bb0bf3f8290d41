"""`segue`: the command line. Exit 0 done, 1 found wrong, 2 asked wrongly.

Flask, SQLAlchemy and the rest are imported by the command that needs them, so that
`segue --help` answers at once."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from datetime import datetime

    from referral.postcodes import Edition
    from referral.store import Store, Tx
    from web.edge import Edge
    from workflows.shapes import Shape

Command = TypeVar("Command", bound=Callable[..., Any])
DEFAULT_URL = "sqlite:///var/segue.db"
as_json = click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")


def say(text: str = "") -> None:
    click.echo(text)


def plainly(command: Command) -> Command:
    """Turn what may go wrong into one sentence and an exit status, never a traceback."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        from sqlalchemy.exc import ArgumentError, OperationalError

        from referral.backup import NotDone, WrongBackup
        from referral.keys import KeysMissing, WrongKeyFile
        from referral.roles import WrongRole
        from referral.store import CannotWrite, OutcomeUnknown, StoreBusy
        from referral.upgrade import WrongShape
        from web.edge import Busy
        from web.postcodes import WrongFile
        from web.settings import SettingWrong
        from workflows.engine import Refused

        try:
            return command(*args, **kwargs)
        except Refused as refused:
            for r in refused.refusals:
                say(f"{r.why} {r.remedy}".strip())
            sys.exit(2)
        except (
            SettingWrong,
            WrongShape,
            WrongRole,
            KeysMissing,
            WrongKeyFile,
            WrongBackup,
            WrongFile,
            NotDone,
        ) as wrong:
            say(str(wrong))
            sys.exit(2)
        except (Busy, StoreBusy):
            say("The database is locked by another program. Nothing was changed. Try again.")
            sys.exit(1)
        except CannotWrite as error:
            say(f"The database can't be written to: {error}. Nothing was changed.")
            sys.exit(1)
        except OutcomeUnknown:
            say("The connection was lost while saving. Look whether it is there, then try again.")
            sys.exit(1)
        except ArgumentError:
            say(
                "SEGUE_DATABASE_URL isn't a database's address. Use sqlite:///var/segue.db or"
                " postgresql://user@host/name."
            )
            sys.exit(2)
        except OperationalError as error:
            say(f"The database doesn't answer: {str(error.orig).splitlines()[0]}")
            sys.exit(1)

    return run  # type: ignore[return-value]


def open_store() -> Store:
    """The store that SEGUE_DATABASE_URL names; the folder of a SQLite file is made."""
    from pathlib import Path

    from sqlalchemy.engine import make_url

    from referral.store import Store
    from web.settings import key_file, wall_wanted, wrapping_keys

    address = os.environ.get("SEGUE_DATABASE_URL") or DEFAULT_URL
    url = make_url(address)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    return Store(address, wrapping=wrapping_keys(str(key_file())), wall=wall_wanted())


WALL_IS = {
    True: "The database's own wall is on.",
    False: "The database's own wall is off: the program alone holds people to what they may see.",
}


@contextmanager
def opened(check: bool = True) -> Iterator[Edge]:
    """The edge over the store, refused if the database has another shape than the program."""
    from uuid import uuid4

    from referral.audit import Request, during
    from referral.upgrade import check as check_shape
    from web.edge import Edge

    store = open_store()
    try:
        if check:
            check_shape(store)
        edge = Edge(store)
        with during(Request(str(uuid4()), "command")):
            yield edge
    finally:
        store.dispose()


def answer(found: Any, as_json: bool, lines: list[str]) -> None:
    """Say it as JSON for a program, or in lines for a person."""
    if as_json:
        say(json.dumps(found, ensure_ascii=False, default=str))
    else:
        for line in lines:
            say(line)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="segue")
def main() -> None:
    """Segue: referrals from link workers to creative health providers, handed over safely.

    Settings come from the environment: SEGUE_DATABASE_URL, SEGUE_SECRET_KEY, SEGUE_PUBLIC_URL.
    """


# -- first run ----------------------------------------------------------------------------------


@main.command()
@click.argument("name")
@click.option("--admin", "email", required=True, help="Email address of the first administrator.")
@click.option("--admin-name", default=None, help="Their name.")
@click.option(
    "--shape", "shape_name", default=None, help="A shape of governance: its name, or a file."
)
@as_json
@plainly
def setup(
    name: str, email: str, admin_name: str | None, shape_name: str | None, as_json: bool
) -> None:
    """Make the database, a system called NAME, and its first administrator.

    With --shape its places, organisations and levels of review too: see `segue shape list`."""
    from referral.roles import WrongRole, make_roles
    from referral.store import Door
    from referral.upgrade import upgrade
    from web.keys_cli import make_if_missing
    from web.passwords import hash_password, new_password
    from web.settings import key_file
    from workflows.engine import move_tables
    from workflows.organisations import setup_system, the_only_system

    shape = _shape(shape_name) if shape_name else None
    later = "It is shown only this once. Next: segue serve, and in another window: segue worker"
    made_keys = make_if_missing(key_file())
    with opened(check=False) as edge:
        if edge.store.pg:
            later = (
                "It is shown only this once. Next, with segue_app in SEGUE_DATABASE_URL:"
                " segue serve, and in another window: segue worker"
            )
            try:
                make_roles(edge.store)
            except WrongRole as wrong:
                later = f"It is shown only this once. Before segue serve: {wrong}"
        upgrade(edge.store, edge.clock(), move_tables())
        with edge.store.read(door=Door.WHOLE) as tx:
            if the_only_system(tx) is not None:
                say("There is a system in this database already. Nothing was changed.")
                sys.exit(2)
        password = new_password()
        with edge.store.begin(door=Door.WHOLE) as tx:
            made = setup_system(
                tx,
                name,
                edge.clock(),
                admin_name=admin_name,
                admin_email=email,
                password_hash=hash_password(password),
            )
            loaded = _load(tx, made["system_id"], edge.clock(), shape) if shape else []
        from web.audit_cli import key_for_setup

        loaded += key_for_setup(edge)
    answer(
        {**made, "email": email, "password": password},
        as_json,
        [
            f"{name} is ready.",
            *loaded,
            f"Sign in as {email} with this password, then change it: {password}",
            *([f"Made {key_file()}. Copy it to a safe place apart from the backups."] * made_keys),
            later,
        ],
    )


def _shape(name: str) -> Shape:
    """The shape with this name, or in this file."""
    from pathlib import Path

    from workflows.shapes import ShapeWrong, parse, shipped_text

    text = shipped_text(name)
    try:
        if text is None:
            text = Path(name).read_text(encoding="utf-8")
        return parse(text, Path(name).stem)
    except OSError:
        say(f"There is no shape called {name!r}, and no such file. See: segue shape list")
    except (ShapeWrong, UnicodeDecodeError) as wrong:
        say(str(wrong))
    sys.exit(2)


def _load(tx: Tx, system_id: str, at: datetime, shape: Shape) -> list[str]:
    """Bring the shape in; what that came to, and the posts nobody holds yet."""
    from referral.accountability import everybody
    from referral.actors import Actor, the_system
    from referral.states import Role
    from referral.store import Sql
    from workflows.accountability import who_answers
    from workflows.shapes import load_shape

    made = load_shape(tx, the_system(system_id, "segue shape load"), at, shape)
    root = tx.row(
        Sql("SELECT path FROM place WHERE system_id = :id AND parent_id IS NULL"), id=system_id
    )
    over = Actor(
        role=Role.SYSTEM, system_id=system_id, cause="shape", place_path=str(root and root[0])
    )
    gaps = sum(len(one.gaps) for one in who_answers(everybody(tx, over, at)))
    return [
        f"{shape.title}. Added: {made.places} places, {made.organisations} organisations,"
        f" {made.rungs} levels of review.",
        f"{gaps} things that nobody answers for yet: see Who answers for what (/accountability)."
        if gaps
        else "Everything has somebody who answers for it.",
    ]


@main.group()
def shape() -> None:
    """Shapes of governance: places, organisations, and who reviews at each level."""


@shape.command("list")
@as_json
@plainly
def shape_list(as_json: bool) -> None:
    """The shapes that come with the program."""
    from workflows.shapes import shipped

    found = shipped()
    answer(
        [{"name": s.key, "title": s.title, "says": s.says} for s in found],
        as_json,
        [f"{s.key}: {s.title}. {s.says}" for s in found],
    )


@shape.command("show")
@click.argument("name")
@plainly
def shape_show(name: str) -> None:
    """Print a shape's file: copy it, change the names, and load yours."""
    from workflows.shapes import shipped_text

    text = shipped_text(name)
    if text is None:
        say(f"There is no shape called {name!r}. See: segue shape list")
        sys.exit(2)
    say(text.rstrip())


@shape.command("export")
@click.option("--system", "system_id", default=None, help="Which system, if there are several.")
@plainly
def shape_export(system_id: str | None) -> None:
    """Print the shape of the system there is: its places, organisations and levels of review.

    No account is in it, nobody's name and no provider. Others change the names and load it."""
    from referral.store import Door
    from workflows.organisations import the_only_system
    from workflows.shapes import own_shape, written

    with opened() as edge, edge.reading(None, Door.WHOLE) as (tx, at):
        system = system_id or the_only_system(tx)
        if system is None:
            say("There is no system yet. Make one with: segue setup NAME --admin EMAIL")
            sys.exit(2)
        say(written(own_shape(tx, system, at)).rstrip())


@shape.command("load")
@click.argument("name")
@click.option("--system", "system_id", default=None, help="Which system, if there are several.")
@plainly
def shape_load(name: str, system_id: str | None) -> None:
    """Bring a shape, by its name or from a file, into the system there is.

    What is there by the same name stays. The levels count from now; what was raised before stays
    where it is until it climbs."""
    from referral.store import Door
    from workflows.organisations import the_only_system

    found = _shape(name)
    with opened() as edge, edge.store.begin(door=Door.WHOLE) as tx:
        system = system_id or the_only_system(tx)
        if system is None:
            say("There is no system yet. Make one with: segue setup NAME --admin EMAIL --shape ...")
            sys.exit(2)
        for line in _load(tx, system, edge.clock(), found):
            say(line)


@main.group()
def db() -> None:
    """Make, upgrade or check the database."""


@db.command("upgrade")
@plainly
def db_upgrade() -> None:
    """Bring the database to the shape this program needs. Make a backup first."""
    from referral.upgrade import head, upgrade
    from workflows.engine import move_tables

    with opened(check=False) as edge:
        upgrade(edge.store, edge.clock(), move_tables())
    say(f"The database is at revision {head()}.")


@db.command("roles")
@click.option("--print", "only_print", is_flag=True, help="Only say what would make them.")
@plainly
def db_roles(only_print: bool) -> None:
    """On PostgreSQL, make the three roles and hand the database to its owner.

    Run it once, as whoever runs the database server. Run again it changes nothing."""
    from referral.roles import APP, OWNER, make_roles, statements

    if only_print:
        say("\n".join(f"{one};" for one in statements()))
        return
    with opened(check=False) as edge:
        for line in make_roles(edge.store):
            say(line)
        if edge.store.pg:
            say(
                f"Give {OWNER} and {APP} passwords. Upgrade as {OWNER}; serve, work and all else"
                f" as {APP}: put the one you need into SEGUE_DATABASE_URL."
            )


@db.command("wall")
@click.argument("switch", required=False, type=click.Choice(["on", "off"]))
@click.option("--print", "only_print", is_flag=True, help="Only say what PostgreSQL would be told.")
@plainly
def db_wall(switch: str | None, only_print: bool) -> None:
    """On PostgreSQL, have the database itself hold every query to what its reader may see, or stop
    that. Without ON or OFF, say which it is.

    It is on unless it was switched off. To work without it the program must be told as well, by
    SEGUE_WALL=off. SQLite has it where SEGUE_WALL=on."""
    from referral import wall
    from referral.store import Door
    from referral.upgrade import set_wall

    if only_print:
        say(wall.printed())
        return
    with opened(check=False) as edge:
        store = edge.store
        if switch and store.pg:
            set_wall(store, switch == "on")
        with store.read(door=Door.SHUT) as tx:
            stands = wall.stands(tx)
    if store.pg:
        say(f"This database {'has a' if stands else 'has no'} wall.")
        if stands is not store.wall:
            say("Unset SEGUE_WALL." if stands else "Put SEGUE_WALL=off into the environment.")
    else:
        say(WALL_IS[store.wall])
        say("On SQLite the program brings the wall itself: SEGUE_WALL=on or off says which.")


@db.command("check")
@plainly
def db_check() -> None:
    """Say whether the database fits this program. Exit 1 if it does not."""
    from referral.upgrade import WrongShape, check, head

    with opened(check=False) as edge:
        try:
            check(edge.store)
        except WrongShape as wrong:
            say(str(wrong))
            sys.exit(1)
    say(f"The database fits this program (revision {head()}).")


# -- accounts -----------------------------------------------------------------------------------


@main.group()
def user() -> None:
    """Accounts."""


def _one_organisation(edge: Edge, name: str) -> tuple[str, str, str]:
    """(id, system, place) of the organisation with this name or id."""
    from referral.store import Door, Sql

    query = Sql(
        "SELECT id, system_id, place_id FROM organisation"
        " WHERE name = :name OR CAST(id AS text) = :name"
    )
    with edge.store.read(door=Door.WHOLE) as tx:
        rows = tx.rows(query, name=name)
    if len(rows) != 1:
        how = "There is no organisation" if not rows else "There is more than one organisation"
        say(f"{how} called {name!r}. Use its id, or add it first.")
        sys.exit(2)
    return rows[0][0], rows[0][1], rows[0][2]


@user.command("add")
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--organisation", required=True, help="Name or id of their organisation.")
@click.option("--role", required=True, help="For example link_worker or provider_leader.")
@click.option("--whole-place", is_flag=True, help="They answer for the organisation's whole place.")
@click.option("--invite", "invites", is_flag=True, help="Send a link to choose a password.")
@as_json
@plainly
def user_add(
    email: str,
    name: str,
    organisation: str,
    role: str,
    whole_place: bool,
    invites: bool,
    as_json: bool,
) -> None:
    """Add an account with one role. The password is shown once; with --invite the worker sends a
    link by e-mail, to choose one."""
    from referral.actors import the_system
    from referral.states import Role
    from web.passwords import hash_password, new_password
    from workflows.accounts import invite
    from workflows.organisations import add_membership, add_user

    accounts = [r.value for r in Role if r not in (Role.PERSON, Role.SYSTEM)]
    if role not in accounts:
        say(f"{role!r} isn't a role. Choose one of: {', '.join(accounts)}.")
        sys.exit(2)
    with opened() as edge:
        organisation_id, system_id, place_id = _one_organisation(edge, organisation)
        actor = the_system(system_id, "segue user add")
        password = None if invites else new_password()

        def add(tx: Any, at: Any) -> dict[str, str]:
            user_id = add_user(
                tx,
                actor,
                at,
                name=name,
                email=email,
                password_hash=hash_password(password) if password else None,
            )
            membership_id = add_membership(
                tx,
                actor,
                at,
                user_id=user_id,
                organisation_id=organisation_id,
                role=Role(role),
                place_id=place_id if whole_place else None,
            )
            if invites:
                invite(tx, actor, at, user_id)
            return {"user_id": user_id, "membership_id": membership_id}

        made = edge.perform(actor, add)
    answer(
        {**made, "email": email, "password": password},
        as_json,
        [f"{name} can sign in as {email} with this password, shown only once: {password}"]
        if password
        else [
            f"{name} is invited: the worker sends a link to {email}. It works for 7 days, and needs"
            " SEGUE_SMTP_URL."
        ],
    )


@user.command("clear-second-step")
@click.argument("email")
@as_json
@plainly
def user_clear_second_step(email: str, as_json: bool) -> None:
    """Take away the second step of whoever lost their phone and their recovery codes."""
    from referral import second_steps, sign_ins
    from referral.actors import the_system
    from referral.store import Door
    from workflows.accounts import clear_second_step

    with opened() as edge:
        with edge.store.read(door=Door.WHOLE) as tx:
            account = sign_ins.account(tx, email)
            step = second_steps.of(tx, account.id) if account else None
        if account is None or step is None:
            say(f"There is no account with the address {email!r} that has a second step.")
            sys.exit(2)
        actor, user_id = the_system(account.system_id, "segue user clear-second-step"), account.id
        edge.perform(actor, lambda tx, at: clear_second_step(tx, actor, at, user_id))
    answer(
        {"user_id": user_id},
        as_json,
        [f"{email} signs in with the password alone now, and is told so."],
    )


@main.group()
def token() -> None:
    """Tokens for programs that use the API."""


@token.command("add")
@click.argument("email")
@click.option("--name", required=True, help="What the token is for.")
@click.option("--role", default=None, help="Which of the account's roles, if it has several.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 366))
@as_json
@plainly
def token_add(email: str, name: str, role: str | None, days: int, as_json: bool) -> None:
    """Make a bearer token for an account. It is shown only once."""
    from referral.members import actor_of
    from referral.store import Door, Sql
    from web.tokens import make_token

    with opened() as edge:
        with edge.store.read(door=Door.WHOLE) as tx:
            rows = tx.rows(
                Sql(
                    "SELECT m.id, m.role FROM membership m JOIN app_user u ON u.id = m.user_id"
                    " WHERE u.email = :email AND m.ended_at IS NULL ORDER BY m.id"
                ),
                email=email.strip().lower(),
            )
            fitting = [r for r in rows if role is None or r[1] == role]
            if len(fitting) != 1:
                say(
                    f"{email} has no such role."
                    if not fitting
                    else f"{email} has several roles: name one with --role."
                )
                sys.exit(2)
            actor = actor_of(tx, fitting[0][0], edge.clock())
        if actor is None:
            say(f"The account {email} can't sign in now.")
            sys.exit(2)
        secret = edge.perform(actor, lambda tx, at: make_token(tx, actor, at, name, days))
    answer(
        {"token": secret, "days": days},
        as_json,
        [f"This token works for {days} days and is shown only once:", secret],
    )


# -- running ------------------------------------------------------------------------------------


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=int)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64))
@plainly
def serve(host: str, port: int, workers: int) -> None:
    """Serve the pages and the API. Put a proxy with HTTPS in front of it."""
    from referral.backup import refuse_half_restored
    from referral.roles import refuse_to_serve
    from referral.upgrade import check
    from web.keys_cli import refuse_without_keys
    from web.serving import run
    from web.settings import from_environment

    settings = from_environment()
    store = settings.open_store()
    check(store)
    refuse_to_serve(store)
    refuse_without_keys(store)
    refuse_half_restored(store)
    store.dispose()
    say(WALL_IS[store.wall])
    say(f"Segue answers on http://{host}:{port}. Press Ctrl-C to stop.")
    run(settings, host=host, port=port, workers=workers)


@main.command()
@click.option("--once", is_flag=True, help="Do what is due now, then stop.")
@click.option("--every", default=10.0, show_default=True, help="Seconds between looks.")
@plainly
def worker(once: bool, every: float) -> None:
    """Sweep the clocks that are due and deliver what is to be told. Run as many as you like."""
    from referral.backup import refuse_half_restored
    from referral.roles import refuse_to_serve
    from web import worker as work
    from web.audit_cli import keeper_of
    from web.keys_cli import refuse_without_keys
    from web.scanning import Scanner
    from web.settings import erasures_file, scanner_wanted, ways_wanted
    from web.ways import NO_WAYS, ways_of

    settings = ways_wanted()
    ways = ways_of(settings) if settings else NO_WAYS
    with opened() as edge:
        refuse_to_serve(edge.store)
        refuse_without_keys(edge.store)
        refuse_half_restored(edge.store)
        keeper = keeper_of(edge)
        if keeper.keys is None:
            say(f"{keeper.no_key} Until then the audit log's entries wait unsigned.")
        if not once:
            by = ", ".join(sorted(ways.channels)) or "in the app only"
            say(f"The worker is looking for what is due. Messages go out: {by}.")
            say("Press Ctrl-C to stop.")
            say(WALL_IS[edge.store.wall])
        work.run(
            edge,
            once=once,
            every=every,
            ways=ways,
            keeper=keeper,
            listed=erasures_file(),
            scanner=Scanner.of(scanner_wanted()),
        )


@main.command()
@plainly
def bounce() -> None:
    """Read a mail that came back from standard input, and ask a person to do what it couldn't.

    Let the mail server hand over what comes to the address in SEGUE_MAIL_FROM:
    for example `segue: "|segue bounce"` in its aliases."""
    from referral.store import Door
    from web.bounces import numbers_in
    from workflows import dispatches

    numbers = numbers_in(sys.stdin.buffer.read(2_000_000))
    with opened() as edge, edge.store.begin(door=Door.WHOLE) as tx:
        at = edge.clock()
        known = sum(dispatches.bounced(tx, number, at) for number in numbers)
    if not known:
        say("No message of ours is named in it, or it was known to have come back.")
        sys.exit(1)
    say("A person was asked to do by hand what the message could not.")


@main.command()
@click.option("--port", default=8000, show_default=True, type=int)
@click.option("--fresh", is_flag=True, help="Throw the old demo away and make it anew.")
@plainly
def demo(port: int, fresh: bool) -> None:
    """A fictional system to try everything on, with a door for each role and a clock to wind."""
    from web.demo.run import run

    run(port=port, fresh=fresh)


# -- content ------------------------------------------------------------------------------------


@main.group("import")
def import_() -> None:
    """Bring in what others hold."""


@import_.command("directory")
@click.argument("source")
@click.option("--system", "system_id", default=None, help="Which system, if there are several.")
@click.option("--all-or-nothing", is_flag=True, help="If any item is refused, keep none.")
@as_json
@plainly
def import_directory(
    source: str, system_id: str | None, all_or_nothing: bool, as_json: bool
) -> None:
    """Import activities from an Open Referral UK feed: a file, a folder or a web address.

    Importing again updates; it makes no copies. Exit 1 if any item was refused.
    """
    from referral.store import Door
    from referral.upgrade import upgrade
    from web.directory.store import import_feed
    from workflows.engine import move_tables
    from workflows.organisations import setup_system, the_only_system

    with opened(check=False) as edge:
        upgrade(edge.store, edge.clock(), move_tables())
        with edge.store.begin(door=Door.WHOLE) as tx:
            system = system_id or the_only_system(tx)
            if system is None:
                system = setup_system(tx, "Local", edge.clock())["system_id"]
        with progress_bar(hidden=as_json) as progress:
            found = import_feed(
                edge, str(system), source, all_or_nothing=all_or_nothing, progress=progress
            )
    answer(found.as_json(), as_json, found.lines())
    sys.exit(1 if found.refused else 0)


@contextmanager
def progress_bar(hidden: bool) -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar on the error stream, so that what is said stays clean; nothing where nobody looks."""
    shown = not hidden and sys.stderr.isatty()

    def progress(stage: str, done: int, total: int | None) -> None:
        if shown:
            of = f" of {total}" if total else ""
            click.echo(f"\r{stage}: {done}{of}   ", nl=False, err=True)

    yield progress
    if shown:
        click.echo("\r", err=True)


def _load_table(kind: str, file: str, only: str, edition: str, as_json: bool) -> None:
    from pathlib import Path

    from web.postcodes import load

    starts = [one for one in only.replace(",", " ").split() if one]
    with opened() as edge, progress_bar(hidden=as_json) as progress:
        found = load(edge, kind, Path(file), only=starts, name=edition, progress=progress)
    answer(found._asdict(), as_json, [_edition_line(found)])


def _edition_line(one: Edition) -> str:
    of = f" beginning with {one.covers}" if one.covers else ""
    what = "postcodes" if one.kind == "postcodes" else "small areas"
    return f"{one.name}: {one.number:,} {what}{of}, loaded on {one.loaded_at:%d %B %Y}."


edition_option = click.option(
    "--edition", default="", help="What the edition is called, where the file's name doesn't say."
)


@main.group("postcodes")
def postcodes_() -> None:
    """Where postcodes lie: for miles on activities."""


@postcodes_.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--only", default="", help="Only postcodes that begin so, for example LS,BD,WF3.")
@edition_option
@as_json
@plainly
def postcodes_load(file: str, only: str, edition: str, as_json: bool) -> None:
    """Load the ONS Postcode Directory or the National Statistics Postcode Lookup, CSV or ZIP.

    The edition before is read until the new one is whole, and then goes. Postcodes of Northern
    Ireland (BT) are left out unless --only names them: they have a licence of their own.
    """
    _load_table("postcodes", file, only, edition, as_json)


@postcodes_.command("show")
@as_json
@plainly
def postcodes_show(as_json: bool) -> None:
    """Say which postcodes and which indices of deprivation are loaded."""
    from referral.postcodes import editions
    from referral.store import Door

    with opened() as edge, edge.store.read(door=Door.WHOLE) as tx:
        found = editions(tx)
    lines = [_edition_line(one) for one in found] or ["Nothing is loaded."]
    answer([one._asdict() for one in found], as_json, lines)


@main.group()
def deprivation() -> None:
    """How deprived areas are: for the report of who was referred."""


@deprivation.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@edition_option
@as_json
@plainly
def deprivation_load(file: str, edition: str, as_json: bool) -> None:
    """Load the English Indices of Deprivation 2025: File 7, the CSV of all ranks and deciles."""
    _load_table("deprivation", file, "", edition, as_json)


@main.group()
def population() -> None:
    """Who lives in a place: to hold who was referred against."""


@population.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--place", default=None, help="All of the file is about this place, by its name.")
@as_json
@plainly
def population_load(file: str, place: str | None, as_json: bool) -> None:
    """Load how many people live in a place, by age, ethnic group, disability and more: a small CSV
    made from the census, as docs/population.md says.

    What the file says of a place takes the place of all that was loaded of it before.
    """
    from pathlib import Path

    from web.residents import load

    with opened() as edge:
        found = load(edge, Path(file), place)
    answer({"places": found}, as_json, [f"Loaded: {', '.join(found)}."])


@population.command("show")
@as_json
@plainly
def population_show(as_json: bool) -> None:
    """Say of which places it is loaded who lives there, by what, and who says so."""
    from referral.residents import loaded
    from referral.store import Door

    with opened() as edge, edge.store.read(door=Door.WHOLE) as tx:
        found = loaded(tx)
    lines = [
        f"{one.place}, {one.kind}: {one.number:,} people. {one.source}. Loaded on"
        f" {one.loaded_at:%d %B %Y}."
        for one in found
    ]
    answer([one._asdict() for one in found], as_json, lines or ["Nothing is loaded."])


@population.command("remove")
@click.argument("place")
@plainly
def population_remove(place: str) -> None:
    """Take out who lives in a place, by its name."""
    from web.residents import remove

    with opened() as edge:
        done = remove(edge, place)
    say("Taken out." if done else "Nothing was loaded of it.")


# -- looking ------------------------------------------------------------------------------------


@main.command("api")
@plainly
def api_routes() -> None:
    """Print each route of the API with its role and an example: docs/api-routes.md."""
    import secrets

    from referral.store import Store
    from web.api.printing import print_routes
    from web.app import create_app
    from web.edge import Edge
    from web.settings import Settings

    # Nobody signs in here: the key lives as long as the printing.
    app = create_app(Edge(Store("sqlite://")), Settings(secret_key=secrets.token_urlsafe(48)))
    with app.test_request_context():
        document = app.test_client().get("/api/v1/openapi.json").json
        say(print_routes(app, document or {}))


@main.command()
@plainly
def states() -> None:
    """Print the machines: states, clocks, moves, guards. The same text as docs/states.md."""
    from workflows.printing import print_states

    say(print_states())


@main.command()
@click.option("--full", is_flag=True, help="The large slices too; takes some minutes.")
@click.option("--slice", "only", multiple=True, help="Only this slice; may be given again.")
@click.option("--faults", is_flag=True, help="Also make deliberate faults and see each caught.")
@as_json
@plainly
def prove(full: bool, only: tuple[str, ...], faults: bool, as_json: bool) -> None:
    """Walk every state the tables of moves can reach together, and check what must never be.

    Needs no database. Exit 1 with the shortest way there if a promise is broken. docs/prove.md
    says how to read it.
    """
    from workflows.prove.proof import prove as walk
    from workflows.prove.slices import slices

    unknown = [name for name in only if name not in slices()]
    if unknown:
        say(f"There is no slice called {unknown[0]!r}. There are: {', '.join(slices())}.")
        sys.exit(2)
    with progress_bar(hidden=as_json) as progress:
        found = walk(full, only, progress, with_faults=faults)
    answer(found.as_json(), as_json, found.lines())
    sys.exit(0 if found.whole else 1)


# -- backup -------------------------------------------------------------------------------------


@main.command("backup")
@click.argument("file", type=click.Path(dir_okay=False))
@as_json
@plainly
def backup_(file: str, as_json: bool) -> None:
    """Write the whole store into FILE, while everybody works on. No key is in it.

    On PostgreSQL as segue_app or segue_owner (docs/backup.md)."""
    from dataclasses import asdict
    from pathlib import Path

    from web.backup_cli import made

    with opened() as edge, progress_bar(hidden=as_json) as progress:
        found, lines = made(edge, Path(file), progress)
    answer(asdict(found), as_json, lines)


@main.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--finish", is_flag=True, help="Only what must follow, of a restore begun before.")
@click.option("--erasures", default=None, type=click.Path(exists=True, dir_okay=False),
              help="The list of erasures that was kept outside.")  # fmt: skip
@click.option("--none-since", is_flag=True, help="Nobody was erased since the backup was made.")
@click.option("--since", multiple=True, type=click.Path(exists=True),
              help="A signed head kept outside, or a folder of them.")  # fmt: skip
@click.option(
    "--key",
    "keys_of_the_log",
    multiple=True,
    help="The public key of the log, or a file of it; else the one of SEGUE_AUDIT_KEY.",
)
@plainly
def restore(
    file: str | None,
    finish: bool,
    erasures: str | None,
    none_since: bool,
    since: tuple[str, ...],
    keys_of_the_log: tuple[str, ...],
) -> None:
    """Bring the backup FILE into an empty database, and make it ready: erase again whom the list
    names, give every entry its place, and check that all is whole. Nobody is let in before."""
    from pathlib import Path

    from referral.backup import load
    from web import backup_cli
    from web.audit_cli import heads_kept, settled, verified, verifiers_for

    if bool(file) == finish or bool(erasures) == none_since:
        say("Say `segue restore FILE`, or --finish for one begun before; and with it either")
        say("--erasures LIST (segue erasures export), or --none-since if there were none.")
        sys.exit(2)
    lines = backup_cli.read_list(Path(erasures)) if erasures else []
    with opened(check=False) as edge, progress_bar(hidden=False) as progress:
        if file:
            found = load(edge.store, Path(file), edge.clock(), progress)
            say(f"{found.total} rows of {len(found.rows)} tables, as they were on {found.made_at}.")

        def check(store: Store) -> tuple[bool, list[str]]:
            from referral.store import Door

            with store.snapshot(door=Door.WHOLE) as tx:
                verifiers = verifiers_for(tx, keys_of_the_log)
                kept = heads_kept(since, verifiers)
                report = verified(tx, verifiers, kept, False, progress)
            return report.whole, report.lines()

        def settle(edge: Edge) -> int:
            return int(settled(edge, None)[0]["settled"])

        whole, told = backup_cli.finish(edge, lines, settle, check, progress)
    for line in told:
        say(line)
    sys.exit(0 if whole else 1)


@main.group()
def erasures() -> None:
    """Whom was erased, by random ids alone: the list that is played again after a restore."""


@erasures.command("export")
@click.argument("file", type=click.Path(dir_okay=False))
@plainly
def erasures_export(file: str) -> None:
    """Write the list into FILE, to be kept outside, apart from the backups."""
    from pathlib import Path

    from web.backup_cli import export

    with opened() as edge:
        count = export(edge, Path(file))
    say(f"{file}: {count} erasures. Keep it where no restore of the database overwrites it.")


@erasures.command("scrub")
@plainly
def erasures_scrub() -> None:
    """Write the database's files anew, so that nothing erased is left in their free pages."""
    from referral.backup import scrub

    with opened() as edge:
        for line in scrub(edge.store):
            say(line)


# -- keys ---------------------------------------------------------------------------------------


@main.group()
def keys() -> None:
    """The keys that what people write lies under. The file of SEGUE_WRAPPING_KEYS wraps them all:
    without it nothing of that can be read again, by anybody."""


@keys.command("make")
@plainly
def keys_make() -> None:
    """Make the key file, readable by you alone. Keep a copy apart from the backups."""
    from web.keys_cli import make
    from web.settings import key_file

    path = key_file()
    made = make(path)
    say(f"Made {path} with the key {made.current}. Copy it to a safe place apart from the backups.")


@keys.command("add")
@plainly
def keys_add() -> None:
    """Add a new wrapping key, which wraps from now on. Then restart, and run: segue keys rewrap"""
    from web.keys_cli import add
    from web.settings import key_file

    path = key_file()
    made = add(path)
    say(f"Added the key {made.current} to {path}. Copy the file to its safe place again, restart")
    say("`segue serve` and `segue worker`, then run: segue keys rewrap")


@keys.command("rewrap")
@as_json
@plainly
def keys_rewrap(as_json: bool) -> None:
    """Wrap every person's key by the newest wrapping key. No text moves; it may be stopped."""
    from web.keys_cli import rewrap

    with opened() as edge, progress_bar(hidden=as_json) as progress:
        done = rewrap(edge, progress)
    answer({"rewrapped": done}, as_json, [f"{done} keys were wrapped anew."])


@keys.command("drop")
@click.argument("key")
@plainly
def keys_drop(key: str) -> None:
    """Take a wrapping KEY out of the file, once it wraps nothing any more."""
    from web.keys_cli import drop
    from web.settings import key_file

    with opened() as edge:
        drop(key_file(), key, edge.store)
    say(f"{key} is out of the file. Backups made while it was in use can't be read without it.")


@keys.command("seal")
@as_json
@plainly
def keys_seal(as_json: bool) -> None:
    """Put under a key what was stored plain. It may be stopped, and goes on where it was."""
    from web.keys_cli import seal

    with opened() as edge, progress_bar(hidden=as_json) as progress:
        done = seal(edge, progress)
    answer({"sealed": done}, as_json, [f"{done} texts were put under a key."])


@keys.command("list")
@as_json
@plainly
def keys_list(as_json: bool) -> None:
    """Say which wrapping keys there are, what each wraps, and how much is still stored plain."""
    from web.keys_cli import counted, plain

    with opened() as edge:
        here = edge.store.wrapping.ids if edge.store.wrapping else ()
        wraps, left = counted(edge.store), plain(edge.store)
    lines = [f"{i}: wraps {wraps.get(i, 0)} keys" for i in here]
    lost = sorted(set(wraps) - set(here))
    lines += [f"{i}: wraps {wraps[i]} keys and is NOT in the key file" for i in lost]
    lines.append(f"{left} texts are stored plain." if left else "Nothing is stored plain.")
    found = {"here": list(here), "wraps": wraps, "plain": left}
    answer(found, as_json, lines)
    sys.exit(1 if lost or left else 0)


@main.group()
def policy() -> None:
    """The rules a place works by: as a file, compared, and taken over from another place."""


place_option = click.option(
    "--place", default=None, help="Name or id of the place; the whole system if none is named."
)


@policy.command("print")
@plainly
def policy_print() -> None:
    """Print every guard with its source, and every rule Segue ships. As docs/policy.md."""
    from web.policy_printing import print_policy

    say(print_policy())


@policy.command("export")
@place_option
@click.option("--on", default=None, help="As it was on a day, for example 2026-03-15.")
@click.option("--all", "everything", is_flag=True, help="The shipped examples too.")
@plainly
def policy_export(place: str | None, on: str | None, everything: bool) -> None:
    """Write the rules in force in a place as JSON: those somebody made, or all of them."""
    from web.policy_cli import day_of, exported

    day = day_of(on)
    with opened() as edge:
        click.echo(exported(edge, place, day, everything), nl=False)


@policy.command("diff")
@click.argument("file")
@click.argument("other", required=False)
@place_option
@as_json
@plainly
def policy_diff(file: str, other: str | None, place: str | None, as_json: bool) -> None:
    """Say how FILE (JSON or TOML) differs from what is in force in a place, or from OTHER."""
    from web.policy_cli import compared, compared_with_place, lines_of, told

    if other is not None:
        found, here, there = compared(file, other), file, other
    else:
        with opened() as edge:
            found, here = compared_with_place(edge, file, place)
        there = file
    lines = lines_of(found, here, there) or ["They say the same."]
    answer({"differences": told(found)}, as_json, lines)


@policy.command("import")
@click.argument("file")
@place_option
@click.option("--from", "from_", default=None, help="The day the rules begin; now if none.")
@click.option("--because", default=None, help="Why, for those who read the history.")
@click.option("--apply", is_flag=True, help="Do it. Without this, only say what would change.")
@as_json
@plainly
def policy_import(
    file: str,
    place: str | None,
    from_: str | None,
    because: str | None,
    apply: bool,
    as_json: bool,
) -> None:
    """Take the rules of FILE (JSON or TOML) into a place: all it says otherwise, or nothing."""
    from web.policy_cli import day_of, lines_of, taken_in, told

    day = day_of(from_)
    with opened() as edge:
        found, here = taken_in(edge, file, place, day, because, apply)
    lines = lines_of(found, f"{here} now", file)
    if not found:
        lines.append(f"{here} works by all of this already. Nothing was changed.")
    elif apply:
        lines.append(f"Rules made: {len(found)}. What runs keeps the rule it began with.")
    else:
        lines.append(f"Rules to make: {len(found)}. Nothing was changed yet: add --apply.")
    answer({"applied": apply and bool(found), "rules": told(found)}, as_json, lines)


@main.group()
def safety() -> None:
    """Clinical safety."""


@safety.command("trace")
@click.option("--page", is_flag=True, help="As the page docs/safety/hazards.md.")
@as_json
@plainly
def safety_trace(page: bool, as_json: bool) -> None:
    """Say for each hazard which tests show its controls. Exit 1 if one has no test that is there.

    Tests are looked for in the source of the program, where they are kept.
    """
    from web.safety import HAZARDS, ROOT, gone, lives, print_hazards

    if page:
        say(print_hazards())
        return
    if not (ROOT / "tests").is_dir():
        say("The tests are not here: run this in the source of the program.")
        sys.exit(2)
    wrong = list(gone())
    lines = []
    for one in HAZARDS:
        lines.append(f"{one.id} {one.name}")
        lines += [f"    {'ok  ' if lives(test) else 'GONE'} {test}" for test in one.tests]
        lines += [f"    WRONG: {says}" for hazard, says in wrong if hazard == one.id]
    found = sum(len(one.tests) for one in HAZARDS)
    lines.append(f"{len(HAZARDS)} hazards, {found} tests, {len(wrong)} wrong.")
    told = [
        {"id": one.id, "name": one.name, "tests": {test: lives(test) for test in one.tests}}
        for one in HAZARDS
    ]
    answer({"hazards": told, "wrong": [list(pair) for pair in wrong]}, as_json, lines)
    sys.exit(1 if wrong else 0)


@main.group()
def access() -> None:
    """Who can see what, for a review."""


@access.command("review")
@click.option("--csv", "as_table", is_flag=True, help="As a table for a spreadsheet.")
@as_json
@plainly
def access_review(as_table: bool, as_json: bool) -> None:
    """Every account of every place: its role, when it was last used, what it reaches and how many
    people that is, and what is odd about it. Signing a review off is a person's act, on /access.
    """
    from referral.store import Door
    from web.accesses import as_csv, of_everybody, told

    with opened() as edge, edge.reading(None, Door.WHOLE) as (tx, at):
        found = of_everybody(tx, at)
    if as_table:
        say(as_csv(found).rstrip("\r\n"))
        return
    flagged = sum(bool(one.flags) for one in found)
    lines = [f"{len(found)} accounts, {flagged} to look at."]
    lines += [
        f"{one.account.name}, {one.account.role}: {', '.join(one.flags)}"
        for one in found
        if one.flags
    ]
    answer({"accounts": [told(one) for one in found]}, as_json, lines)


@main.group()
def audit() -> None:
    """The audit log."""


key_option = click.option(
    "--key",
    "keys",
    multiple=True,
    help="A public key (NAME+ID+KEY), or a file of them; without it, the key file's own.",
)


@audit.command("key")
@click.option("--origin", default=None, help="The log's name, like audit.example.org/segue.")
@click.option("--past", multiple=True, help="A public key that signed before, to be known too.")
@click.option("--rotate", is_flag=True, help="Make a new key; the old one signs beside it.")
@click.option("--retire", is_flag=True, help="Let only the newest key sign from now on.")
@as_json
@plainly
def audit_key(
    origin: str | None, past: tuple[str, ...], rotate: bool, retire: bool, as_json: bool
) -> None:
    """Make the key that signs the log's heads, or show the public keys of the one there is.

    It is a file that only its owner may read, named by SEGUE_AUDIT_KEY (var/audit.key), and never
    in the database. Each change of keys is an entry of the log."""
    from web.audit_cli import key_lines, keys_now

    with opened() as edge:
        keys, path, says = keys_now(edge, origin, past, rotate, retire)
    answer(
        {
            "origin": keys.origin,
            "file": str(path),
            "signing": [one.verifier.text for one in keys.signers],
            "past": [one.text for one in keys.past],
        },
        as_json,
        [*says, *key_lines(keys)],
    )


@audit.command("verify")
@click.option(
    "--since",
    multiple=True,
    type=click.Path(exists=True),
    help="A head kept outside, or a folder of them: nothing it covers may have changed.",
)
@key_option
@click.option("--tree", "only_tree", is_flag=True, help="Only the tree and its heads: faster.")
@as_json
@plainly
def audit_verify(
    since: tuple[str, ...], keys: tuple[str, ...], only_tree: bool, as_json: bool
) -> None:
    """Check the whole log against every record, and both against the signed tree.

    The first line says Whole, or Broken and where; exit 1 if anything is unlike. Only with --since
    a tail that was cut off, or a history rewritten by who holds the key too, can be found: keep
    heads where nobody who runs the database can change them."""
    from referral.store import Door
    from web.audit_cli import heads_kept, verified, verifiers_for

    with (
        opened() as edge,
        progress_bar(hidden=as_json) as progress,
        edge.store.snapshot(door=Door.WHOLE) as tx,
    ):
        verifiers = verifiers_for(tx, keys)
        report = verified(tx, verifiers, heads_kept(since, verifiers), only_tree, progress)
    answer(report.as_json(), as_json, report.lines())
    sys.exit(0 if report.whole else 1)


@audit.command("check")
@click.argument("given", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    help="The public key of the log (NAME+ID+KEY), or of a witness, or a file of them.",
)
@click.option(
    "--entry",
    default=None,
    type=click.Path(exists=True, dir_okay=False),
    help="The entry that is proved, if it isn't beside its proof.",
)
@click.option(
    "--since",
    multiple=True,
    type=click.Path(exists=True),
    help="A head of the log that you kept, or a folder of them, to compare an export with.",
)
@as_json
@plainly
def audit_check(
    given: tuple[str, ...],
    keys: tuple[str, ...],
    entry: str | None,
    since: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check an export of the log, or proof files and folders of them, with the log's public key.
    No database is needed.

    The first line says Whole, or Broken and which; exit 1 if anything doesn't hold."""
    from pathlib import Path

    from web.audit_cli import heads_kept, stop
    from web.audit_keys import verifiers_named
    from web.export_checking import check_export, is_export
    from web.proof_checking import check

    known, paths = verifiers_named(keys), [Path(one) for one in given]
    if is_export(paths[0]) and len(paths) == 1:
        kept = heads_kept(since, known)
        with progress_bar(hidden=as_json) as progress:
            export = check_export(paths[0], known, kept, progress)
        answer(export.as_json(), as_json, export.lines())
        sys.exit(0 if export.whole else 1)
    if since:
        stop("Heads are compared with an export: name one folder that `segue audit export` wrote.")
    found = check(paths, known, Path(entry) if entry else None)
    answer(found.as_json(), as_json, found.lines())
    sys.exit(0 if found.whole else 1)


@audit.command("replay")
@click.argument("reference", required=False)
@as_json
@plainly
def audit_replay(reference: str | None, as_json: bool) -> None:
    """Rebuild the state of every record from the log alone and compare it with what stands.

    With REFERENCE, print one record's history as the log tells it. Exit 1 if anything is unlike."""
    from referral.store import Door
    from web.audit_cli import replayed

    with (
        opened() as edge,
        progress_bar(hidden=as_json) as progress,
        edge.store.snapshot(door=Door.WHOLE) as tx,
    ):
        found, lines, whole = replayed(tx, reference, progress)
    answer(found, as_json, lines)
    sys.exit(0 if whole else 1)


@audit.command("prove")
@click.argument("what")
@click.option(
    "--out", default=".", type=click.Path(file_okay=False), help="The folder to write to."
)
@as_json
@plainly
def audit_prove(what: str, out: str, as_json: bool) -> None:
    """Write proofs that entries stand in the log, for anybody to check with the public key.

    WHAT is the id of an entry, its place (a number), or the reference or id of a record: then each
    of its entries is proved. Each proof is a file of its own, beside the entry it proves."""
    from referral.store import Door
    from web.audit_cli import proved

    with (
        opened() as edge,
        progress_bar(hidden=as_json) as progress,
        edge.store.snapshot(door=Door.WHOLE) as tx,
    ):
        found, lines = proved(tx, what, out, progress)
    answer(found, as_json, lines)


@audit.command("export")
@click.argument("folder", type=click.Path(file_okay=False))
@as_json
@plainly
def audit_export(folder: str, as_json: bool) -> None:
    """Write the log as static files for anybody to check: entries, tiles, signed heads.

    The form is C2SP's tlog-tiles, and a README in it says what is what. Nothing in it says who a
    person is. Run again, it adds what is new; broken off, it goes on."""
    from referral.store import Door
    from web.audit_cli import exported

    with (
        opened() as edge,
        progress_bar(hidden=as_json) as progress,
        edge.store.snapshot(door=Door.WHOLE) as tx,
    ):
        found, lines = exported(tx, folder, progress)
    answer(found, as_json, lines)


@audit.command("events")
@click.argument("file", default="-", type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--format",
    "form",
    default="fhir",
    show_default=True,
    type=click.Choice(["fhir", "provenance", "lines"]),
    help="FHIR R4 AuditEvents, FHIR R4 Provenance of each move, or the leaves as they are hashed.",
)
@click.option("--reference", default=None, help="Only of this person or record, like SG-7K4Q-2M.")
@click.option("--from", "since", default=None, help="From this day on, like 2026-05-01.")
@click.option("--to", "until", default=None, help="To this day.")
@click.option("--system", "system_id", default=None, help="Which system, if there are several.")
@plainly
def audit_events(
    file: str,
    form: str,
    reference: str | None,
    since: str | None,
    until: str | None,
    system_id: str | None,
) -> None:
    """Write entries of the log for other software, one line of JSON each, oldest first.

    FILE is where to; without it they are printed. People are random ids in it, never names. That
    it was taken is written in the log."""
    from web.audit_taking import CannotTake, take

    try:
        with (
            opened() as edge,
            progress_bar(hidden=file == "-") as progress,
            click.open_file(file, "w", encoding="utf-8", atomic=file != "-") as out,
        ):
            number = take(
                edge,
                out,
                form,
                reference=reference,
                since=since,
                until=until,
                system_id=system_id,
                progress=progress,
            )
    except CannotTake as wrong:
        say(str(wrong))
        sys.exit(2)
    if file != "-":
        say(f"{number} written to {file}.")


@audit.command("bundle")
@click.argument("inquiry")
@click.option("--out", required=True, type=click.Path(file_okay=False), help="The folder to make.")
@plainly
def audit_bundle(inquiry: str, out: str) -> None:
    """Write one person's whole history for an inquiry, which two people asked for on the pages.

    INQUIRY is the id in the address of its page. The folder must not be there yet."""
    from web.inquiry_taking import CannotGive, given

    with opened() as edge:
        try:
            number = given(edge, inquiry, out)
        except CannotGive as wrong:
            say(str(wrong))
            sys.exit(2)
    say(f"{number} files in {out}. Begin with index.html; check with: sha256sum -c SHA256SUMS")


@audit.command("settle")
@as_json
@plainly
def audit_settle(as_json: bool) -> None:
    """Give every entry its place in the tree by its number: after a restore, before opening again.

    A restored database doesn't remember which transaction was older. Stop serve and worker first.
    """
    from web.audit_cli import settled

    with opened() as edge, progress_bar(hidden=as_json) as progress:
        found, lines = settled(edge, progress)
    answer(found, as_json, lines)


@main.group()
def witness() -> None:
    """Watch somebody else's audit log, and sign each head that only adds to the last.

    Run it where those who run the log have no hand: with its own key and its own file."""


witness_key_file = click.option(
    "--key", default="var/witness.key", show_default=True, help="The key file of the witness."
)
witness_store = click.option(
    "--store", default="var/witness.db", show_default=True, help="Where it keeps what it signed."
)


@witness.command("key")
@click.option("--name", default=None, help="What the witness is called, like witness.example.org.")
@witness_key_file
@as_json
@plainly
def witness_key(name: str | None, key: str, as_json: bool) -> None:
    """Make the key of this witness, or show the public key of the one there is."""
    from pathlib import Path

    from web.witness_cli import key_lines, key_of

    signer, made = key_of(Path(key), name)
    told = {"name": signer.name, "public_key": signer.verifier.text, "file": key, "made": made}
    answer(told, as_json, key_lines(signer, Path(key), made))


@witness.command("serve")
@click.option(
    "--log",
    "logs",
    multiple=True,
    required=True,
    help="The public key of a log to watch, or a file of them.",
)
@witness_key_file
@witness_store
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8020, show_default=True, type=int)
@plainly
def witness_serve(logs: tuple[str, ...], key: str, store: str, host: str, port: int) -> None:
    """Answer the logs that ask for a signature. Put it behind a web server that speaks HTTPS."""
    from pathlib import Path

    from web.witness_cli import serve

    serve(Path(key), Path(store), logs, host, port)


@witness.command("show")
@witness_store
@as_json
@plainly
def witness_show(store: str, as_json: bool) -> None:
    """The newest head it signed of each log: compare it with what the log shows you."""
    from pathlib import Path

    from web.witness_cli import shown

    found, lines = shown(Path(store))
    answer(found, as_json, lines)


@main.command()
@as_json
@plainly
def health(as_json: bool) -> None:
    """Say whether everything runs: the sweep, the post, the calendar, who is missing."""
    from referral.health import health as look
    from referral.store import Door
    from web.settings import with_settings

    with opened() as edge, edge.reading(None, Door.WHOLE) as (tx, at):
        found = with_settings(look(tx, at))
        wall = edge.store.wall
    answer({**found.as_json(), "wall": wall}, as_json, [*found.lines(), WALL_IS[wall]])
    sys.exit(0 if found.well else 1)


if __name__ == "__main__":
    main()
