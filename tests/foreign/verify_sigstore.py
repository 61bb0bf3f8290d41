"""Reads a folder of cases with sigstore-python, and says how it judged them.

It runs in that package's own environment, where nothing of this project is installed."""

from __future__ import annotations

import base64
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint
from sigstore.errors import VerificationError

FOLDER = Path(sys.argv[1])
KEY = load_der_public_key((FOLDER / "key.der").read_bytes())
KEY_ID = bytes.fromhex((FOLDER / "key.id").read_text())


class Keyring:
    """One key; the package asks it for nothing else."""

    def verify(self, *, key_id: bytes, signature: bytes, data: bytes) -> None:
        try:
            KEY.verify(signature, data)
        except InvalidSignature:
            raise VerificationError("invalid signature") from None


def head(line: dict[str, Any]) -> None:
    try:
        text = base64.b64decode(line["note"]).decode()
    except UnicodeDecodeError:
        raise VerificationError("not a text") from None
    signed = SignedCheckpoint.from_text(text)
    signed.signed_note.verify(Keyring(), KEY_ID)
    # The package leaves this comparison to whoever calls it.
    root = base64.b64decode(line["root"]).hex()
    if (signed.checkpoint.log_size, signed.checkpoint.log_hash) != (line["size"], root):
        raise VerificationError("another head")


def inclusion(line: dict[str, Any]) -> None:
    proof = SimpleNamespace(
        log_index=line["index"],
        tree_size=line["size"],
        hashes=[base64.b64decode(each) for each in line["path"]],
        root_hash=base64.b64decode(line["root"]),
    )
    body = base64.b64decode(line["leaf"])
    inner = SimpleNamespace(canonicalized_body=body, inclusion_proof=proof)
    verify_merkle_inclusion(SimpleNamespace(_inner=inner))


def judge(name: str, check: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    said: Counter[str] = Counter()
    let: Counter[str] = Counter()
    lost = []
    with (FOLDER / name).open() as file:
        for number, text in enumerate(file, 1):
            line = json.loads(text)
            good = line["how"] is None
            try:
                check(line)
            except (VerificationError, ValueError) as refused:
                if good:
                    lost.append(f"line {number}: {refused}")
                else:
                    said["refused"] += 1
            else:
                if good:
                    said["accepted"] += 1
                else:
                    let[line["how"]] += 1
    return {"accepted": said["accepted"], "refused": said["refused"], "let": let, "lost": lost}


json.dump(
    {"heads": judge("heads.jsonl", head), "inclusion": judge("inclusion.jsonl", inclusion)},
    sys.stdout,
)
