"""The yardstick: the raw driver doing the same reads and writes, one statement at a time.

Two lives are lived by the real commands while every read and every row they write is noted down.
What differs between the two is new in each life: ids, times, texts, hashes. From that comes a
script: the statements of any further life, the values that never change, and how the others are
made. The loop decides nothing and knows no rule. It makes its values as it goes, as any program
would have to; a second yardstick has them all ready beforehand, as none could."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple
from unittest import mock

from benchmarks.life import Hand, Life
from referral import ledger
from referral.actors import Actor
from referral.ids import new_reference
from referral.keys import Of
from referral.leaf import commitment, leaf_hash
from referral.schema import instant_text
from referral.store import Tx
from web.edge import Edge
from workflows import engine

# -- noting down --------------------------------------------------------------------------------


class Sent(NamedTuple):
    """One statement and its values; whether it answers with rows."""

    sql: str
    values: list[Any]
    reads: bool


class Noted(NamedTuple):
    """One command: its name, who gave it, when, and all it sent between BEGIN and COMMIT."""

    name: str
    actor: Actor
    at: datetime
    sent: list[Sent]


@contextmanager
def _noting(into: list[Sent]) -> Iterator[None]:
    """Note down every read, and every row of a step as the statement of its own that it is."""
    execute, write = Tx.execute, ledger.write

    def noted_execute(tx: Tx, sql: str, values: Any) -> Any:
        if not sql.startswith(("BEGIN", "COMMIT")):
            into.append(_sent(sql, values))
        return execute(tx, sql, values)

    def noted_write(tx: Tx, rows: list[ledger.Row], of: Of | None = None) -> bool:
        for statement, params, _ in rows:
            if statement.kind != "gate":
                how = statement.plain
            elif tx.pg:
                how = statement.hung
            elif statement.plain.text.startswith("SELECT"):
                continue  # SQLite has one writer: its gates are not read again
            else:
                how = statement.plain
            into.append(_sent(how.postgresql if tx.pg else how.sqlite, how.values(params)))
        with mock.patch.object(Tx, "execute", execute):
            return write(tx, rows, of)

    with (
        mock.patch.object(Tx, "execute", noted_execute),
        mock.patch.object(engine, "write", noted_write),
    ):
        yield


def _sent(sql: str, values: Any) -> Sent:
    # The usual way to write parameters for psycopg.
    return Sent(re.sub(r"\$\d+", "%s", sql), list(values), sql.lstrip().startswith("SELECT"))


def _timed(command: Callable[[Tx, datetime], Any], tx: Tx, at: datetime) -> datetime:
    command(tx, at)
    return at


def note(edge: Edge, life: Life) -> list[Noted]:
    """Live it, and say what each command sent."""
    noted = []
    for name, actor, command in life.commands():
        sent: list[Sent] = []
        with _noting(sent):
            at = edge.perform(actor, partial(_timed, command))
        noted.append(Noted(name, actor, at, sent))
    return noted


# -- the script ---------------------------------------------------------------------------------


class Unlike(Exception):
    """The two noted lives differ in a way no further life can be made from."""


Slots = list[Any]
Maker = Callable[[Slots, datetime], Any]


class Statement(NamedTuple):
    """A statement, its values with gaps, and (position, slot) of each gap."""

    sql: str
    values: list[Any]
    gaps: tuple[tuple[int, int], ...]
    reads: bool

    def filled(self, slots: Slots) -> list[Any]:
        values = self.values.copy()
        for position, slot in self.gaps:
            values[position] = slots[slot]
        return values


class Part(NamedTuple):
    """One command: who gives it, how its new values are made, and its statements."""

    name: str
    settings: tuple[str, ...]
    makers: tuple[tuple[int, Maker], ...]
    statements: tuple[Statement, ...]


_TOKEN = re.compile(
    r"([0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|SG-[0-9A-Z]{4}-[0-9A-Z]{2}"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"
)


def _uuid(slots: Slots, at: datetime) -> str:
    return str(uuid.uuid4())


def _reference(slots: Slots, at: datetime) -> str:
    return new_reference("BR")


def _hex(slots: Slots, at: datetime) -> str:
    return secrets.token_hex(32)


def _salt(slots: Slots, at: datetime) -> bytes:
    return secrets.token_bytes(32)


class Script:
    """The parts of a life, made from two that were noted down. A life fills one list of slots:
    first the hand that is given, then what the makers of each part make."""

    def __init__(self, one: list[Noted], two: list[Noted], hands: tuple[Hand, Hand]) -> None:
        self._slot: dict[tuple[Any, Any], int] = {}
        for pair in zip(*hands, strict=True):
            self._slot.setdefault(pair, len(self._slot))
        if len(self._slot) != len(hands[0]):
            raise Unlike("two hands must differ in everything")
        self.parts = tuple(self._part(a, b) for a, b in zip(one, two, strict=True))
        self.blank = [None] * (len(self._slot) - len(hands[0]))

    def slots(self, hand: Hand) -> Slots:
        """Room for all that is new in one life."""
        return [*hand, *self.blank]

    def _part(self, one: Noted, two: Noted) -> Part:
        if (one.name, [s.sql for s in one.sent]) != (two.name, [s.sql for s in two.sent]):
            raise Unlike(f"{one.name} sent other statements the second time")
        self._at = one.at
        self._pairs = [
            pair
            for a, b in zip(one.sent, two.sent, strict=True)
            for pair in zip(a.values, b.values, strict=True)
        ]
        self._makers: list[tuple[int, Maker]] = []
        statements = []
        for a, b in zip(one.sent, two.sent, strict=True):
            gaps = tuple(
                (position, self._place(x, y))
                for position, (x, y) in enumerate(zip(a.values, b.values, strict=True))
                if x != y
            )
            values = list(a.values)
            for position, _ in gaps:
                values[position] = None
            statements.append(Statement(a.sql, values, gaps, a.reads))
        actor = one.actor
        settings = (actor.system_id, actor.organisation_id, actor.membership_id, str(actor.role))
        return Part(one.name, settings, tuple(self._makers), tuple(statements))

    def _place(self, x: Any, y: Any) -> int:
        """The slot of this value; what it is made from has its own slot before it."""
        if (x, y) not in self._slot:
            maker = self._maker(x, y)
            self._slot[x, y] = len(self._slot)
            self._makers.append((self._slot[x, y], maker))
        return self._slot[x, y]

    def _maker(self, x: Any, y: Any) -> Maker:
        if isinstance(x, datetime):
            after = x - self._at
            return lambda slots, at: at + after
        if isinstance(x, bytes):
            return self._hash(x) or _salt
        if not isinstance(x, str):
            raise Unlike(f"{x!r} and {y!r}")
        if not _TOKEN.fullmatch(x):
            return self._text(x, y)
        if x.startswith("SG-"):
            return _reference
        if x.endswith("Z"):
            later = datetime.fromisoformat(x) - self._at
            return lambda slots, at: instant_text(at + later)
        return self._commitment(x) or _hex if len(x) == 64 else _uuid

    def _hash(self, x: bytes) -> Maker | None:
        """The hash of a text of the same command, if that is what it is."""
        for text, other in self._pairs:
            if isinstance(text, str) and leaf_hash(text) == x:
                leaf = self._place(text, other)
                return lambda slots, at: hashlib.sha256(b"\0" + slots[leaf].encode()).digest()
        return None

    def _commitment(self, x: str) -> Maker | None:
        """The promise of the details of the same command, if that is what it is."""
        texts = [pair for pair in self._pairs if isinstance(pair[0], str)]
        keys = [pair for pair in self._pairs if isinstance(pair[0], bytes)]
        for text in texts:
            for key in keys:
                if len(key[0]) == 32 and commitment(key[0], text[0]) == x:
                    salt = self._place(*key)
                    payload = text[0] if text[0] == text[1] else self._place(*text)
                    return lambda slots, at: hmac.digest(
                        slots[salt],
                        (slots[payload] if isinstance(payload, int) else payload).encode(),
                        "sha256",
                    ).hex()
        return None

    def _text(self, x: str, y: str) -> Maker:
        """A text that holds others: a leaf, details, an answer."""
        a, b = _TOKEN.split(x), _TOKEN.split(y)
        if a[::2] != b[::2]:
            raise Unlike(f"{x!r} and {y!r}")
        held = [
            self._place(*pair) for pair in zip(a[1::2], b[1::2], strict=True) if pair[0] != pair[1]
        ]
        pieces = [
            "%s" if n % 2 and piece != b[n] else piece.replace("%", "%%")
            for n, piece in enumerate(a)
        ]
        text = "".join(pieces)
        return lambda slots, at: text % tuple([slots[place] for place in held])


def script(edge: Edge, life: Callable[[Hand], Life], hands: tuple[Hand, Hand]) -> Script:
    """Live two lives for real, and make the script of any number more."""
    one, two = (note(edge, life(hand)) for hand in hands)
    return Script(one, two, hands)


# -- the loop -----------------------------------------------------------------------------------

SET = ("segue.system", "segue.organisation", "segue.membership", "segue.role")
SETTINGS = "SELECT " + ", ".join(f"set_config('{name}', %s, true)" for name in SET)
Now = Callable[[], float]


def replay(connection: Any, pg: bool, script: Script, hand: Hand, now: Now) -> list[float]:
    """Live one life by the script, a transaction for each command. How long each took."""
    slots = script.slots(hand)
    took = []
    for part in script.parts:
        began = now()
        _open(connection, pg, part)
        at = datetime.now(UTC)
        for slot, make in part.makers:
            slots[slot] = make(slots, at)
        for statement in part.statements:
            done = connection.execute(statement.sql, statement.filled(slots))
            if statement.reads:
                done.fetchall()
        _commit(connection, pg)
        took.append(now() - began)
    return took


Ready = list[tuple[Part, list[tuple[str, list[Any], bool]]]]


def ready(script: Script, hand: Hand) -> Ready:
    """One life's statements with all their values."""
    slots = script.slots(hand)
    at = datetime.now(UTC)
    life: Ready = []
    for part in script.parts:
        for slot, make in part.makers:
            slots[slot] = make(slots, at)
        life.append((part, [(s.sql, s.filled(slots), s.reads) for s in part.statements]))
    return life


def replay_ready(connection: Any, pg: bool, life: Ready, now: Now) -> list[float]:
    """Send what is ready. How long each command took."""
    took = []
    for part, statements in life:
        began = now()
        _open(connection, pg, part)
        for sql, values, reads in statements:
            done = connection.execute(sql, values)
            if reads:
                done.fetchall()
        _commit(connection, pg)
        took.append(now() - began)
    return took


def _open(connection: Any, pg: bool, part: Part) -> None:
    if pg:
        connection.execute("BEGIN", prepare=False)
        connection.execute(SETTINGS, part.settings)
    else:
        connection.execute("BEGIN IMMEDIATE")


def _commit(connection: Any, pg: bool) -> None:
    if pg:
        connection.execute("COMMIT", prepare=False)
    else:
        connection.execute("COMMIT")
