"""The keys free text lies under: one for each person, one for what is nobody's, each wrapped by a
key that is kept outside the database.

Who takes a person's key away takes their words away, in every copy there is. A key is found by its
holder: the surrogate that stands for the person in the log, which is another one once they were
erased, so that nobody comes upon a key that was kept in memory by a name that still means anybody.
Docs for who runs it: docs/keys.md."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from referral.ids import new_id
from referral.schema import ERASED, PLAIN_KEY, Free, unseal

if TYPE_CHECKING:
    from referral.store import Tx

KEY_BYTES = 32
NONCE_BYTES = 12
SALT_BYTES = 32  # of an entry whose details are stored plain (referral.leaf.KEY_BYTES)
MOST_KEPT = 4_096  # keys of people a process keeps for writing, and a transaction for reading
PAGE = 500
DAMAGED = "This was changed outside the program and can't be read."
HEAD = "segue-wrapping-key"
_LINE = re.compile(rf"{HEAD} 1 ([0-9a-f]{{8}}) ([A-Za-z0-9+/=]+)\Z")


class KeysMissing(Exception):
    """Text can't be read or written, because the key that wraps its key isn't here. The sentence
    says which, and what to do."""


class WrongKeyFile(Exception):
    """The file of wrapping keys can't be used. The sentence says why, and what to do."""


class Gone(str):
    """What a reader gets where a text's key was taken away: a word that says so. `key` is the id of
    the key it was under."""

    __slots__ = ("key",)
    key: str

    def __new__(cls, key: str) -> Gone:
        made = super().__new__(cls, ERASED)
        made.key = key
        return made


class Damaged(str):
    """What a reader gets where a sealed text was changed outside the program."""

    __slots__ = ()

    def __new__(cls) -> Damaged:
        return super().__new__(cls, DAMAGED)


def parsed(text: str | None) -> Any:
    """What a text that was sealed as JSON says; None where there is none, or none any more."""
    return None if text is None or isinstance(text, Gone | Damaged) else json.loads(text)


# -- the wrapping keys --------------------------------------------------------------------------


class WrappingKeys:
    """The keys of the key file, by their ids, oldest first. The last wraps what is new."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise WrongKeyFile("There is no wrapping key. Make one with: segue keys make")
        self._keys = dict(keys)
        self.current = list(self._keys)[-1]

    @classmethod
    def made(cls) -> WrappingKeys:
        """One new key."""
        return cls({secrets.token_hex(4): secrets.token_bytes(KEY_BYTES)})

    def with_a_new_one(self) -> WrappingKeys:
        """The same keys and a new one, which wraps from now on."""
        return WrappingKeys({**self._keys, secrets.token_hex(4): secrets.token_bytes(KEY_BYTES)})

    def without(self, key_id: str) -> WrappingKeys:
        """The same keys but one."""
        return WrappingKeys({i: key for i, key in self._keys.items() if i != key_id})

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._keys)

    @classmethod
    def parse(cls, text: str) -> WrappingKeys:
        """The keys of a key file's text. Raises WrongKeyFile."""
        found: dict[str, bytes] = {}
        for line in filter(None, map(str.strip, text.splitlines())):
            if line.startswith("#"):
                continue
            said = _LINE.match(line)
            try:
                key = base64.b64decode(said[2], validate=True) if said else b""
            except binascii.Error:
                key = b""
            if said is None or len(key) != KEY_BYTES:
                raise WrongKeyFile(
                    "This isn't a file of wrapping keys, or a line of it is damaged."
                )
            found[said[1]] = key
        return cls(found)

    def text(self) -> str:
        """What stands in the key file."""
        lines = [f"{HEAD} 1 {i} {base64.b64encode(k).decode()}" for i, k in self._keys.items()]
        return "\n".join((*NOTE, *lines, ""))

    @classmethod
    def read(cls, path: Path) -> WrappingKeys:
        """The keys of a file that nobody else on the machine may read. Raises WrongKeyFile."""
        try:
            text = path.read_text(encoding="ascii")
            mode = path.stat().st_mode
        except (OSError, UnicodeDecodeError) as error:
            raise WrongKeyFile(
                f"The file of wrapping keys {path} can't be read: {error}."
            ) from error
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise WrongKeyFile(f"Others may read {path}. Put that right with: chmod 600 {path}")
        return cls.parse(text)

    def write(self, path: Path) -> None:
        """Write the file whole or not at all, for its owner alone."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(self.text())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)

    def wrap(self, key: bytes, about: bytes) -> tuple[str, bytes]:
        """The id of the wrapping key, and the key under it. Unwrapping takes the same `about`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return self.current, nonce + AESGCM(self._keys[self.current]).encrypt(nonce, key, about)

    def unwrap(self, wrapping: str, wrapped: bytes, about: bytes) -> bytes:
        """The key. Raises KeysMissing when its wrapping key isn't here, or isn't the one."""
        if wrapping not in self._keys:
            raise KeysMissing(missing([wrapping]))
        try:
            return AESGCM(self._keys[wrapping]).decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], about
            )
        except InvalidTag as error:
            raise KeysMissing(
                f"The wrapping key {wrapping} doesn't open what it should: it is another key of"
                " the same name, or the row was changed."
            ) from error


NOTE = (
    "# Without these keys no free text in the database can be read, by anybody, ever.",
    "# Keep a copy apart from the database and from its backups. See docs/keys.md.",
)


def missing(ids: Iterable[str]) -> str:
    """What to say when wrapping keys aren't in the file."""
    return (
        f"Words in this database are under the wrapping key {', '.join(sorted(ids))}, which isn't"
        " in the key file. Set SEGUE_WRAPPING_KEYS to the file that has it (docs/keys.md)."
    )


# -- the keys of people -------------------------------------------------------------------------


class DataKey(NamedTuple):
    """A key that is open: what seals and unseals."""

    id: str
    cipher: AESGCM

    def seal(self, text: str) -> str:
        """Text as it is stored: the id of its key, a colon, and the text under it."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self.cipher.encrypt(nonce, text.encode("utf-8", "surrogatepass"), None)
        return f"{self.id}:{base64.b64encode(nonce + sealed).decode()}"

    def unseal(self, sealed: str) -> str:
        """The text that `seal` stored, given what stands behind the colon."""
        raw = base64.b64decode(sealed, validate=True)
        if base64.b64encode(raw).decode() != sealed:
            raise ValueError("The same bytes have one text.")
        opened = self.cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], None)
        return opened.decode("utf-8", "surrogatepass")

    def seal_bytes(self, salt: bytes) -> bytes:
        """A salt as it is stored beside a sealed payload, whose first characters name the key."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self.cipher.encrypt(nonce, salt, None)

    def unseal_bytes(self, sealed: bytes) -> bytes:
        """The salt that `seal_bytes` stored."""
        return self.cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)


_COLUMNS = ("id", "system_id", "holder", "wrapping", "wrapped")
# What a query that reads one person's words ends with (`Sql(..., keyed=True)`), so that their key
# need not be asked for: the last columns, and where they come from. `pe` is the person.
COLUMNS = ", ".join(f"dk.{name}" for name in _COLUMNS)
JOIN = "LEFT JOIN data_key dk ON dk.holder = pe.subject_ref"


class Keys:
    """What one process holds: the wrapping keys, and the open keys it writes with. Those are kept
    by their holders, and only once they were committed: nobody finds one whose row was undone, and
    nobody who reads afresh asks for the one of a person who was erased."""

    def __init__(self, wrapping: WrappingKeys) -> None:
        self.wrapping = wrapping
        self.open: dict[str, DataKey] = {}

    def keep(self, holder: str, key: DataKey) -> None:
        if len(self.open) >= MOST_KEPT:
            self.open.clear()
        self.open[holder] = key


def about(key_id: str, system_id: str, holder: str) -> bytes:
    """What a wrapped key is bound to: it can't be put under another person's name."""
    return f"segue data key 1\n{key_id}\n{system_id}\n{holder}".encode()


class Of(NamedTuple):
    """Whose words: a person's, by what stands for them in the log, or nobody's but the system's."""

    system_id: str
    subject: str | None = None


class Ring:
    """The keys of one transaction. Reading looks each key up in it anew."""

    def __init__(self, tx: Tx, keys: Keys | None) -> None:
        self.tx = tx
        self.keys = keys
        self.mine: dict[str, DataKey] = {}  # by holder: made or found in this transaction
        self.found: dict[str, DataKey | None] = {}  # by key id; None: there is none

    # -- writing

    def to_write(self, of: Of, *, new: bool = False) -> DataKey | None:
        """The key that words of this person, or of nobody, are written under; made where there is
        none yet. None where this program keeps no keys. `new`: the person's row isn't there yet.
        Raises TryAgain when nobody has this surrogate any more: they were erased meanwhile."""
        if self.keys is None:
            return None
        holder = of.subject or of.system_id
        found = self.mine.get(holder) or self.keys.open.get(holder)
        if found is not None:
            return found
        found = self._stored(holder)
        if found is not None:
            self.keys.keep(holder, found)
            return found
        self._make(self.keys, of, holder, new)
        found = self._stored(holder)
        if found is None:
            from referral.store import TryAgain

            raise TryAgain("The person was erased meanwhile.")
        self.mine[holder] = found
        return found

    def ready(self, holders: Iterable[str]) -> None:
        """Look up in one query the keys of these, before words of each are written."""
        if self.keys is None:
            return
        wanted = sorted({h for h in holders if h not in self.mine and h not in self.keys.open})
        if not wanted:
            return
        query = _sql().by_holders_pg if self.tx.pg else _sql().by_holders
        for row in self.tx.rows(query, holders=wanted if self.tx.pg else json.dumps(wanted)):
            self.keys.keep(str(row[2]), self._opened(row))

    def _stored(self, holder: str) -> DataKey | None:
        row = self.tx.row(_sql().by_holder, holder=holder)
        return None if row is None else self._opened(row)

    def _opened(self, row: tuple[Any, ...]) -> DataKey:
        key_id, system_id, holder, wrapping, wrapped = row
        if self.keys is None:
            raise KeysMissing(missing([wrapping]))
        said = about(str(key_id), str(system_id), str(holder))
        raw = self.keys.wrapping.unwrap(str(wrapping), bytes(wrapped), said)
        return DataKey(str(key_id), AESGCM(raw))

    def _make(self, keys: Keys, of: Of, holder: str, new: bool) -> None:
        key_id = new_id()
        wrapping, wrapped = keys.wrapping.wrap(
            secrets.token_bytes(KEY_BYTES), about(key_id, of.system_id, holder)
        )
        sql = _sql()
        if of.subject and not new:
            # Who is erasing them holds this row: we wait, and find that the surrogate is gone.
            query = sql.person_pg if self.tx.pg else sql.person
            if self.tx.row(query, subject=of.subject) is None:
                return
        self.tx.run(
            sql.make,
            id=key_id,
            system_id=of.system_id,
            holder=holder,
            wrapping=wrapping,
            wrapped=wrapped,
        )

    # -- reading

    def _learn(self, ids: Iterable[str]) -> None:
        """Look up those keys that aren't known yet, in one query."""
        if len(self.found) > MOST_KEPT:
            self.found.clear()
        wanted = sorted({i for i in ids if i not in self.found and i != PLAIN_KEY})
        if not wanted:
            return
        sql = _sql()
        for i in wanted:
            self.found[i] = None
        if self.tx.pg:
            rows = self.tx.rows(sql.by_ids_pg, ids=wanted)
        else:
            rows = self.tx.rows(sql.by_ids, ids=json.dumps(wanted))
        for row in rows:
            self.found[str(row[0])] = self._opened(row)

    def living(self, *holders: str | None) -> None:
        """These were read in this transaction, so nobody erased them: a key of theirs that this
        process has open may be read with."""
        for holder in holders:
            key = self.keys.open.get(holder) if self.keys and holder else None
            if key is not None:
                self.found.setdefault(key.id, key)

    def taught(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The rows without the key in their last columns, which is known from here on."""
        for row in rows:
            key = row[-len(_COLUMNS) :]
            if key[0] is not None and str(key[0]) not in self.found:
                self.found[str(key[0])] = self._opened(key)
        return [row[: -len(_COLUMNS)] for row in rows]

    def open_rows(
        self, rows: Sequence[tuple[Any, ...]], places: Sequence[int]
    ) -> list[tuple[Any, ...]]:
        """The rows with the sealed texts in these places as they were written; `Gone` where a key
        was taken away. A salt that stands before its payload is opened with it."""
        self._learn(key_id for row in rows for i in places if (key_id := key_of(row[i] or "")))
        return [self._row(row, places) for row in rows]

    def _row(self, row: tuple[Any, ...], places: Sequence[int]) -> tuple[Any, ...]:
        values = list(row)
        for i in places:
            values[i] = self.open(row[i])
        return tuple(values)

    def open(self, stored: Any) -> str | None:
        """One text as it was written."""
        if stored is None:
            return None
        if not isinstance(stored, str):
            return Damaged()  # SQLite keeps whatever it is given
        key_id = key_of(stored)
        if key_id is None:
            return stored  # details that were written before there were keys
        if key_id == PLAIN_KEY:
            return unseal(stored)
        self._learn((key_id,))
        key = self.found[key_id]
        if key is None:
            return Gone(key_id)
        try:
            return key.unseal(stored.partition(":")[2])
        except (InvalidTag, ValueError):
            return Damaged()

    def open_details(self, salt: Any, payload: Any) -> tuple[Any, str | None]:
        """The salt and the payload of an entry as they were when it was made; no salt, and `Gone`
        or `Damaged`, where they can't be read any more."""
        if payload is None or salt is None:
            return None, None
        key_id = key_of(payload)
        opened = self.open(payload)
        if key_id is None:
            return salt, opened
        key = self.found.get(key_id)
        if key is None or isinstance(opened, Gone | Damaged):
            return None, opened
        try:
            return key.unseal_bytes(bytes(salt)), opened
        except (InvalidTag, ValueError, TypeError):
            return None, Damaged()

    def details(
        self, rows: Iterable[tuple[Any, ...]], salt: int, payload: int
    ) -> Iterator[tuple[Any, ...]]:
        """Rows with an entry's salt and payload in these places, opened, a page at a time."""
        found = iter(rows)
        while page := list(islice(found, PAGE)):
            self._learn(key_id for row in page if row[payload] and (key_id := key_of(row[payload])))
            for row in page:
                values = list(row)
                values[salt], values[payload] = self.open_details(row[salt], row[payload])
                yield tuple(values)

    def forget(self, holder: str) -> list[str]:
        """Take a person's key away, here and in the store; the ids of what went."""
        self.mine.pop(holder, None)
        if self.keys is not None:
            self.keys.open.pop(holder, None)
        rows = self.tx.rows(_sql().by_holder, holder=holder)
        for row in rows:
            self.found[str(row[0])] = None
            self.tx.run(_sql().forget, id=row[0])
        return [str(row[0]) for row in rows]


_SEALED = re.compile(r"(0|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}):")


def key_of(stored: Any) -> str | None:
    """The id of the key a stored text is under; None for what was never sealed at all."""
    found = _SEALED.match(stored) if isinstance(stored, str) else None
    return found[1] if found else None


def sealed(tx: Tx, params: Mapping[str, Any], columns: Sequence[str], of: Of, **how: Any) -> Any:
    """The parameters with the free text of these columns under a key, where there are keys."""
    if not any(isinstance(params[c], Free) for c in columns):
        return params
    key = tx.ring.to_write(of, **how)
    if key is None:
        return params
    out = dict(params)
    for column in columns:
        value = out[column]
        if isinstance(value, Free):
            out[column] = key.seal(value.text)
    return out


def sealed_details(tx: Tx, params: Mapping[str, Any], of: Of) -> Mapping[str, Any]:
    """The parameters of an entry's details with salt and payload under a key."""
    key = tx.ring.to_write(of)
    if key is None:
        return params
    return {
        **params,
        "salt": key.seal_bytes(params["salt"]),
        "payload": key.seal(params["payload"]),
    }


class _Statements:
    """The queries, made once; `referral.store` can't be imported before this module is."""

    def __init__(self) -> None:
        from referral.store import Sql

        columns = f"SELECT {', '.join(_COLUMNS)} FROM data_key WHERE"
        self.by_holder = Sql(f"{columns} holder = :holder")
        self.by_holders_pg = Sql(f"{columns} holder = ANY(CAST(:holders AS text[]))")
        self.by_holders = Sql(f"{columns} holder IN (SELECT value FROM json_each(:holders))")
        self.by_ids_pg = Sql(f"{columns} id = ANY(CAST(:ids AS uuid[]))")
        self.by_ids = Sql(f"{columns} id IN (SELECT value FROM json_each(:ids))")
        self.person = Sql("SELECT 1 FROM person WHERE subject_ref = :subject")
        self.person_pg = Sql("SELECT 1 FROM person WHERE subject_ref = :subject FOR SHARE")
        self.make = Sql(
            "INSERT INTO data_key (id, system_id, holder, wrapping, wrapped)"
            " VALUES (:id, :system_id, :holder, :wrapping, :wrapped)"
            " ON CONFLICT (holder) DO NOTHING"
        )
        self.forget = Sql("DELETE FROM data_key WHERE id = :id")


@cache
def _sql() -> _Statements:
    return _Statements()
