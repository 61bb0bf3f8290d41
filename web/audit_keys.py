"""The key file of the audit log: what signs its heads, and every key that ever did.

One line a key. Private keys sign, the first of them the newest; public ones only verify what they
signed in their time. The file is made for its owner alone and stands outside the database."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from referral.notes import Checkpoint, NotAKey, Signer, Verifier, note
from web.settings import SettingWrong

_PRIVATE = "PRIVATE+KEY+"


class NoKey(Exception):
    """There is no key file. The sentence says how to make one."""


@dataclass(frozen=True)
class Keys:
    """What stands in a key file."""

    signers: tuple[Signer, ...]
    past: tuple[Verifier, ...] = ()

    @property
    def origin(self) -> str:
        """The name of the log, as it stands in each head."""
        return self.signers[0].name

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """Every key that signs or signed, the newest first."""
        return (*(signer.verifier for signer in self.signers), *self.past)

    def sign(self, origin: str, size: int, root: bytes) -> str:
        """The note of a head: signed by each key that signs for this log."""
        body = Checkpoint(origin, size, root).body
        return note(body, [one.sign(body) for one in self.signers if one.name == origin])

    def with_new(self, origin: str) -> Keys:
        """The same with a new key first. The others go on signing while the name stays."""
        new = Signer.new(origin)
        if origin == self.origin:
            return Keys((new, *self.signers), self.past)
        return Keys((new,), self.verifiers)

    def retired(self) -> Keys:
        """The same with only the newest key signing."""
        old = tuple(signer.verifier for signer in self.signers[1:])
        return Keys(self.signers[:1], (*old, *self.past))

    @property
    def text(self) -> str:
        lines = [*(one.text for one in self.signers), *(one.text for one in self.past)]
        return "".join(f"{line}\n" for line in lines)


def read(path: Path) -> Keys:
    """The keys of this file. NoKey when there is no file, SettingWrong when it can't be used."""
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise NoKey(
            f"There is no key file at {path}. Make one with: segue audit key --origin NAME (like"
            " audit.example.org/segue)"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingWrong(f"The key file {path} can't be read: {type(error).__name__}.") from error
    if mode & 0o077:
        raise SettingWrong(
            f"Others may read the key file {path}. Take that away (chmod 600 {path}); if somebody"
            " may have read it, make a new key: segue audit key --rotate"
        )
    signers, past = [], []
    for number, line in enumerate(lines, 1):
        try:
            if line.startswith(_PRIVATE):
                signers.append(Signer.read(line))
            elif line.strip():
                past.append(Verifier.read(line))
        except NotAKey as error:
            raise SettingWrong(f"Line {number} of the key file {path}: {error}.") from error
    if not signers:
        raise SettingWrong(f"The key file {path} holds no private key.")
    return Keys(tuple(signers), tuple(past))


def write(path: Path, keys: Keys) -> None:
    """Keep the keys, in one go, for their owner's eyes alone. A crash leaves the old file or the
    new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 600
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(keys.text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make what was renamed in this folder last through a loss of power."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def verifiers_named(named: Iterable[str]) -> tuple[Verifier, ...]:
    """The public keys of these: each is a key as text, or a file of such lines. SettingWrong for
    anything else."""
    found: list[Verifier] = []
    for one in named:
        path = Path(one)
        try:
            lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else [one]
            for line in filter(str.strip, lines):
                private = line.startswith(_PRIVATE)
                found.append(Signer.read(line).verifier if private else Verifier.read(line))
        except (NotAKey, UnicodeDecodeError) as error:
            raise SettingWrong(
                f"{one[:60]!r} is neither a public key nor a file of them ({error})."
            ) from error
        except OSError as error:
            raise SettingWrong(f"{one!r} can't be read: {type(error).__name__}.") from error
    return tuple(found)
