"""Checking proof files, with the log's public key and nothing else: no database is opened."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from referral.merkle import NotProved
from referral.notes import Kind, NotANote, NotSigned, Verifier
from referral.proof_files import SUFFIX, NotAProofFile, ProofFile

MOST_FILE = 1_000_000


class Shown(NamedTuple):
    """An entry that stands in the log: where, and under which head."""

    file: str
    place: int
    origin: str
    size: int
    entry: str
    witnessed: tuple[tuple[str, datetime], ...]

    @property
    def said(self) -> dict[str, Any]:
        """What the entry says; nothing when it isn't one of ours."""
        try:
            found = json.loads(self.entry)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def line(self) -> str:
        said = self.said
        what = said.get("trigger") or said.get("action") or "an entry"
        version = f", version {said['version']}" if said.get("version") else ""
        by = f", by {said['role']}" if said.get("role") else ""
        about = f" of {said.get('noun')} {said['record']}" if said.get("record") else ""
        return f"{self.place:>8}  {said.get('at', '')}  {what}{about}{version}{by}"


@dataclass
class Checked:
    """What holds, and what doesn't and why."""

    shown: list[Shown] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return bool(self.shown) and not self.broken

    def as_json(self) -> dict[str, Any]:
        return {
            "whole": self.whole,
            "proofs": [
                {
                    "file": one.file,
                    "index": one.place,
                    "log": one.origin,
                    "tree_size": one.size,
                    "entry": one.entry,
                    "witnessed": [{"by": name, "at": at.isoformat()} for name, at in one.witnessed],
                }
                for one in self.shown
            ],
            "broken": [{"file": file, "why": why} for file, why in self.broken],
            "missing": dict(self.missing()),
        }

    def lines(self) -> list[str]:
        if not self.shown and not self.broken:
            return ["There is no proof here: its name ends in .tlog-proof."]
        many = "1 entry stands" if len(self.shown) == 1 else f"{len(self.shown)} entries stand"
        logs = " and ".join(sorted({one.origin for one in self.shown}))
        lines = [f"Whole: {many} in the log {logs}, as it was signed."]
        if self.broken:
            file, why = self.broken[0]
            lines = [f"Broken: {file}: {why}.", f"Of the others, {many} in their log."]
            lines += [f"{file}: {why}." for file, why in self.broken[1:]]
        lines += [one.line for one in self.shown]
        for record, missing in self.missing():
            these = ", ".join(map(str, missing))
            lines.append(f"Not among these: version {these} of {record}.")
        heads = sorted({(one.origin, one.size, one.witnessed) for one in self.shown})
        for origin, size, witnessed in heads:
            lines.append(f"Signed: {origin}, {size} entries.")
            lines += [f"Witnessed: {name}, {at:%Y-%m-%d %H:%M:%S} UTC." for name, at in witnessed]
        return lines

    def missing(self) -> list[tuple[str, list[int]]]:
        """Of each record, the versions below the newest given that no proof was given of."""
        given: dict[str, set[int]] = {}
        for one in self.shown:
            said = one.said
            if said.get("action") == "step" and isinstance(said.get("version"), int):
                given.setdefault(str(said.get("record")), set()).add(said["version"])
        gaps = [
            (record, sorted(set(range(1, max(versions))) - versions))
            for record, versions in sorted(given.items())
        ]
        return [(record, missing) for record, missing in gaps if missing]


def check(named: Iterable[Path], known: Sequence[Verifier], entry: Path | None = None) -> Checked:
    """Check these proof files, and those in these folders. The entry that a file proves stands in
    `entry`, or beside it under the same name with .json, or in the file itself."""
    found = Checked()
    for file in _files(named):
        try:
            found.shown.append(_shown(file, known, entry))
        except (NotAProofFile, NotANote, NotSigned, NotProved) as wrong:
            found.broken.append((str(file), str(wrong)))
        except OSError as error:
            found.broken.append((str(error.filename), f"can't be read: {error.strerror}"))
    found.shown.sort(key=lambda one: (one.origin, one.place))
    return found


def _files(named: Iterable[Path]) -> Iterable[Path]:
    for path in named:
        if path.is_dir():
            yield from sorted(path.glob(f"*{SUFFIX}"))
        else:
            yield path


def _shown(file: Path, known: Sequence[Verifier], entry: Path | None) -> Shown:
    proof = ProofFile.read(_text(file))
    beside = file.with_suffix(".json")
    if entry is not None or beside.exists():
        said = _text(entry or beside)
    elif proof.extra is not None:
        said = _decoded(proof.extra)
    else:
        raise NotAProofFile(f"the entry it proves isn't here; put it into {beside}, or add --entry")
    head, opened = proof.check(said, known)
    witnessed = tuple(
        sorted(
            (key.name, datetime.fromtimestamp(line.at, UTC))
            for key, line in opened.by.items()
            if key.kind == Kind.COSIGNATURE
        )
    )
    return Shown(str(file), proof.idx, head.origin, head.size, said, witnessed)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MOST_FILE + 1)
    if len(data) > MOST_FILE:
        raise NotAProofFile(f"{path} is too large to be one of these")
    return _decoded(data)


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise NotAProofFile("what stands there is no text") from None
