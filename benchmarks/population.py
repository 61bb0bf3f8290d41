"""Referrals by the thousand to read among: copies of a few that were really lived, one for each
state they may be in, spread over many teams and providers and over some weeks.

The copying is done inside the database, a table at a time. What no measured read looks at (the
audit log, letters, keys already answered) is not copied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from benchmarks.life import Hand, Life, Stage
from benchmarks.people import hands
from referral.actors import Actor
from referral.ledger import TABLES, pg_type
from referral.members import actor_of
from referral.states import Noun, Role
from referral.store import Door, Store, Tx
from tests.world import World, assure
from workflows.activities import add_provider, save_activity, save_group
from workflows.engine import step
from workflows.organisations import add_membership, add_organisation, add_user

PRACTICES = 50
LINK_WORKERS = 100
PROVIDERS = 100
EARLIER = timedelta(days=40)  # when the copied referrals began, the first of them
APART_SECONDS = 35 * 86_400  # within how long they began

# What became of each hundred: 40 are open. (what was last done, how many, and then)
FATES: tuple[tuple[str, int, tuple[str, str] | None], ...] = (
    ("create", 3, None),
    ("send", 8, None),
    ("send", 3, ("decline", "full")),
    ("put_on_waiting_list", 5, None),
    ("accept", 5, None),
    ("update", 12, None),
    ("complete", 4, None),
    ("confirm", 50, None),
    ("accept", 10, ("withdraw", "person_asked")),
)
COPIED = ("person", "plan", "referral", "consent", "step", "note", "clock")


class Team(NamedTuple):
    """A link worker and their practice."""

    organisation: str
    member: str
    user: str


class Offer(NamedTuple):
    """A provider, its leader, and the group of its activity."""

    organisation: str
    provider: str
    activity: str
    group: str
    member: str
    user: str


class Population(NamedTuple):
    """Some of those whom there is something to read for, and how many referrals there are."""

    referrals: int
    link_workers: list[Actor]
    leaders: list[Actor]


def populate(store: Store, stage: Stage, wanted: int) -> Population:
    """So many referrals behind those that are measured, a multiple of 100 (or none)."""
    if wanted % 100:
        raise ValueError("Referrals are made by the hundred.")
    if not wanted:
        return Population(0, [], [])
    world = stage.world
    began = world.at - EARLIER
    with store.begin(door=Door.WHOLE) as tx:
        teams = list(_teams(tx, world, began))
        offers = list(_offers(tx, world, began))
    fates = [_lived(store, stage, fate, began) for fate in FATES]
    with store.begin(door=Door.WHOLE) as tx:
        _copy(tx, stage, fates, teams, offers, wanted)
    _tidy(store)
    with store.read(door=Door.WHOLE) as tx:
        workers = [actor_of(tx, team.member, world.at) for team in teams[: min(10, wanted // 100)]]
        leaders = [actor_of(tx, offer.member, world.at) for offer in offers[:10]]
    return Population(wanted, [a for a in workers if a], [a for a in leaders if a])


def _teams(tx: Tx, w: World, at: datetime) -> Iterator[Team]:
    for number in range(LINK_WORKERS):
        if number % (LINK_WORKERS // PRACTICES) == 0:
            practice = add_organisation(
                tx,
                w.system,
                at,
                name=f"Practice {number}",
                kind="practice",
                place_id=w.place["harbour"],
                phone="01632 960123",
            )
        member, user = _member(tx, w, at, f"worker{number}", practice, Role.LINK_WORKER)
        yield Team(practice, member, user)


def _offers(tx: Tx, w: World, at: datetime) -> Iterator[Offer]:
    for number in range(PROVIDERS):
        name = f"provider{number}"
        organisation = add_organisation(
            tx,
            w.system,
            at,
            name=f"Choir {number}",
            kind="provider",
            place_id=w.place["harbour"],
            phone="01632 960123",
        )
        member, user = _member(tx, w, at, f"leader{number}", organisation, Role.PROVIDER_LEADER)
        provider = w.provider[name] = add_provider(tx, w.system, at, organisation_id=organisation)
        activity = save_activity(
            tx, w.system, at, provider_id=provider, values={"name": f"Singing {number}"}
        )
        values = {"name": "Thursdays", "capacity": 8}
        group = save_group(tx, w.system, at, activity_id=activity, values=values)
        leader = actor_of(tx, member, at)
        if leader is None:
            raise RuntimeError("a leader just added is there")
        w.actor[name] = leader
        assure(tx, w, name, name, at)
        yield Offer(organisation, provider, activity, group, member, user)


def _member(
    tx: Tx, w: World, at: datetime, name: str, organisation: str, role: Role
) -> tuple[str, str]:
    user = add_user(tx, w.system, at, name=name.title(), email=f"{name}@example.org")
    member = add_membership(
        tx, w.system, at, user_id=user, organisation_id=organisation, role=role, place_id=None
    )
    return member, user


# -- those that are copied ----------------------------------------------------------------------


class Lived(NamedTuple):
    """A referral that was lived, and how many of each hundred are to be like it."""

    hand: Hand
    referral: str
    consents: list[str]
    share: int


def _lived(
    store: Store, stage: Stage, fate: tuple[str, int, tuple[str, str] | None], began: datetime
) -> Lived:
    last, share, then = fate
    hand = hands(store, stage, stage.groups[0], 1)[0]
    life = Life(stage.cast, hand)
    at = began
    with store.begin(door=Door.WHOLE) as tx:
        for name, _, command in life.commands():
            command(tx, at)
            at += timedelta(hours=20)
            if name == last:
                break
        if life.made is None:
            raise RuntimeError("a life begins with its first command")
        if then is not None:
            trigger, reason = then
            actor = stage.cast.leader if trigger == "decline" else stage.cast.link_worker
            step(tx, Noun.REFERRAL, life.made.id, trigger, actor, at, {"reason": reason})
        consents = tx.execute(
            f"SELECT id FROM consent WHERE person_id = {'$1' if tx.pg else '?'}", [hand.person_id]
        ).fetchall()
    return Lived(hand, life.made.id, [row[0] for row in consents], share)


# -- copying ------------------------------------------------------------------------------------


def _copy(
    tx: Tx,
    stage: Stage,
    fates: list[Lived],
    teams: list[Team],
    offers: list[Offer],
    wanted: int,
) -> None:
    if tx.pg:
        # The copies rest on what the originals rest on: nothing to check row by row.
        tx.execute("SET LOCAL session_replication_role = replica", ())
    _number(tx, fates, wanted)
    _table(tx, "bench_team", Team._fields, teams)
    _table(tx, "bench_offer", Offer._fields, offers)
    originals = _Originals(tx, stage, fates, wanted)
    for table in COPIED:
        originals.copy(table)


def _number(tx: Tx, fates: list[Lived], wanted: int) -> None:
    """A row for each copy: its number, whose fate it has, its team and its provider."""
    marks, sofar = [], 0
    for fate, lived in enumerate(fates):
        sofar += lived.share
        marks.append(f"WHEN n % 100 < {sofar} THEN {fate}")
    numbers = (
        f"SELECT generate_series(0, {wanted - 1}) AS n"
        if tx.pg
        else f"WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c"
        f" WHERE n < {wanted - 1}) SELECT n FROM c"
    )
    # A hundred in a row have one team, and each hundred begins with another provider.
    tx.execute(
        f"CREATE TEMPORARY TABLE bench_copy AS SELECT n, CASE {' '.join(marks)} END AS fate,"
        f" (n / 100) % {LINK_WORKERS} AS team, (n * 7 + n / 100) % {PROVIDERS} AS offer"
        f" FROM ({numbers}) x",
        (),
    )


def _table(tx: Tx, name: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    kind = "uuid" if tx.pg else "text"
    tx.execute(
        f"CREATE TEMPORARY TABLE {name} (i integer PRIMARY KEY,"
        f" {', '.join(f'{quoted(c)} {kind}' for c in columns)})",
        (),
    )
    for number, row in enumerate(rows):
        values = ", ".join(f"'{value}'" for value in row)
        tx.execute(f"INSERT INTO {name} VALUES ({number}, {values})", ())


def quoted(name: str) -> str:
    return f'"{name}"'


class _Originals:
    """The rows of those that were lived, and how each is said anew for a copy."""

    def __init__(self, tx: Tx, stage: Stage, fates: list[Lived], wanted: int) -> None:
        self.tx = tx
        self.fates = fates
        self.tags: dict[str, int] = {}
        cast = stage.cast
        worker, leader = cast.link_worker, cast.leader
        self.cast = {
            worker.organisation_id: 't."organisation"',
            worker.membership_id: 't."member"',
            worker.user_id: 't."user"',
            leader.organisation_id: 'o."organisation"',
            cast.provider_id: 'o."provider"',
            stage.world.activity["choir"]: 'o."activity"',
            stage.groups[0]: 'o."group"',
            leader.membership_id: 'o."member"',
            leader.user_id: 'o."user"',
        }
        self.later = f"(CAST(b.n AS bigint) * {APART_SECONDS} / {wanted})"

    def copy(self, table: str) -> None:
        """Copy all their rows of this table, those of one copy side by side."""
        columns = [
            c for c in TABLES[table].columns if not (c.primary_key and c.autoincrement is True)
        ]
        names = ", ".join(c.name for c in columns)
        terms: list[str] = []
        for number, lived in enumerate(self.fates):
            for row in self._rows(table, names, lived):
                said = [self._said(table, c, v) for c, v in zip(columns, row, strict=True)]
                terms.append(
                    f"SELECT b.n AS bench_n, {len(terms)} AS bench_order,"
                    f" {', '.join(f'{s} AS {c.name}' for s, c in zip(said, columns, strict=True))}"
                    " FROM bench_copy b JOIN bench_team t ON t.i = b.team"
                    f" JOIN bench_offer o ON o.i = b.offer WHERE b.fate = {number}"
                )
        self.tx.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM ({' UNION ALL '.join(terms)}) x"
            " ORDER BY bench_n, bench_order",
            (),
        )

    def _rows(self, table: str, names: str, lived: Lived) -> list[tuple[Any, ...]]:
        ids = {
            "person": ("id", [lived.hand.person_id]),
            "plan": ("id", [lived.hand.plan_id]),
            "referral": ("id", [lived.referral]),
            "consent": ("id", lived.consents),
        }
        column, found = ids.get(table, ("record_id", [lived.referral, *lived.consents]))
        listed = ", ".join(f"'{one}'" for one in found) or "NULL"
        key = "id" if table != "person" else "reference"
        return list(
            self.tx.execute(
                f"SELECT {names} FROM {table} WHERE {column} IN ({listed}) ORDER BY {key}", ()
            ).fetchall()
        )

    def _said(self, table: str, column: Any, value: Any) -> str:
        """The value as an expression over the copy's own row."""
        kind = pg_type(column.type)
        if value is None:
            return f"CAST(NULL AS {kind})" if self.tx.pg else "NULL"
        if kind == "uuid":
            if column.name in KEPT:
                return f"CAST('{value}' AS uuid)" if self.tx.pg else f"'{value}'"
            return self.cast.get(value) or self._id(value)
        if kind == "timestamptz":
            return self._moment(value)
        if (table, column.name) in UNIQUE:
            return f"'{UNIQUE[table, column.name]}' || CAST(b.n AS text)"
        if kind in ("integer", "bigint"):
            return str(int(value))
        if kind == "boolean":
            said = bool(value)
            return str(said).upper() if self.tx.pg else str(int(said))
        if kind == "date":
            return f"CAST('{value}' AS date)" if self.tx.pg else f"'{value}'"
        return self._text(str(value))

    def _id(self, value: str) -> str:
        tag = self.tags.setdefault(value, len(self.tags))
        begins = f"{tag:08x}-0000-7000-8000-"
        if self.tx.pg:
            return f"CAST('{begins}' || lpad(to_hex(b.n), 12, '0') AS uuid)"
        return f"'{begins}' || printf('%012x', b.n)"

    def _moment(self, value: Any) -> str:
        if self.tx.pg:
            return (
                f"CAST('{value.isoformat()}' AS timestamptz) + {self.later} * interval '1 second'"
            )
        return (
            f"strftime('%Y-%m-%dT%H:%M:%S', '{value[:19]}', '+' || {self.later} || ' seconds')"
            f" || '{value[19:]}'"
        )

    def _text(self, value: str) -> str:
        """Text, with whoever it names: an owner's key, a recipient."""
        name, at, key = value.partition("@")
        if at and key in self.cast:
            return f"'{name}@' || CAST({self.cast[key]} AS text)"
        if value in self.cast:
            return f"CAST({self.cast[value]} AS text)"
        plain = value.replace("'", "''")
        return f"CAST('{plain}' AS text)"


KEPT = ("system_id", "wording_id")
UNIQUE = {
    ("person", "reference"): "BN-",
    ("person", "family_name"): "Okoro",
    ("person", "name_key"): "okoro",
    ("referral", "reference"): "BR-",
}


def _tidy(store: Store) -> None:
    """What the database would do by itself in a quiet hour."""
    if store.pg:
        with store.engine.connect() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
