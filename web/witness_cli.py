"""What `segue witness ...` does, without the command line around it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from referral.notes import Kind, NotAKey, Signer
from web import audit_keys
from web.audit_keys import Keys, NoKey
from web.serving import serve_app
from web.witness import Heads, Witness


def _stop(says: str) -> NoReturn:
    click.echo(says)
    sys.exit(2)


def key_of(path: Path, name: str | None) -> tuple[Signer, bool]:
    """The key of this file, and whether it was made just now: then the name is needed."""
    try:
        signer = audit_keys.read(path).signers[0]
    except NoKey:
        if name is None:
            _stop(
                f"There is no key file at {path}. Make one with: segue witness key --name NAME"
                " (like witness.example.org)"
            )
        try:
            signer = Signer.new(name, Kind.COSIGNATURE)
        except NotAKey as wrong:
            _stop(f"{name!r} can't name a witness: {wrong}.")
        audit_keys.write(path, Keys((signer,)))
        return signer, True
    if signer.kind != Kind.COSIGNATURE:
        _stop(f"{path} is the key of a log. A witness has a key of its own: choose another file.")
    if name is not None and name != signer.name:
        _stop(f"{path} is the key of {signer.name} already. Choose another file for {name}.")
    return signer, False


def key_lines(signer: Signer, path: Path, made: bool) -> list[str]:
    return [
        *([f"Made the key file {path}. Nobody else may read it."] if made else []),
        f"Witness: {signer.name}",
        f"Public key: {signer.verifier.text}",
        "Give the public key to those whose log this witness watches, and to those who check it.",
    ]


def serve(key: Path, store: Path, logs: Sequence[str], host: str, port: int) -> None:
    """Answer until stopped. Ends with what to do where a key can't be used."""
    signer, _ = key_of(key, None)
    known = audit_keys.verifiers_named(logs)
    if any(log.kind != Kind.NOTE for log in known):
        _stop("--log wants the public key of a log; this is one of a witness.")

    def make() -> Witness:
        return Witness(signer, known, Heads(store))

    make()  # whether the file can be used shows at once
    for name in sorted({log.name for log in known}):
        click.echo(f"{signer.name} watches {name}")
    click.echo(f"It answers at http://{host}:{port}/add-checkpoint. Press Ctrl-C to stop.")
    serve_app(make, host=host, port=port, workers=1)


def shown(store: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The newest head of each log that was signed."""
    if not store.exists():
        _stop(f"There is no file {store}: this witness hasn't run yet. See: segue witness serve")
    heads = Heads(store).all()
    found = [
        {
            "log": head.origin,
            "size": head.size,
            "root": head.root.hex(),
            "at": datetime.fromtimestamp(head.at, UTC).isoformat(),
            "note": head.note,
        }
        for head in heads
    ]
    lines = [
        f"{one['log']}: {one['size']} entries, signed {str(one['at'])[:19].replace('T', ' ')} UTC,"
        f" root {str(one['root'])[:16]}..."
        for one in found
    ]
    return found, lines or ["No head was signed yet."]
