"""Go's checksum database, both clients of Sigstore, pymerkle and OpenSSL read what we sign.

Each is given every size from 1 to 257 and two over 65,536, as it should be and broken: it must
accept all of the one and refuse all of the other. A count stands behind every verdict."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymerkle import InmemoryTree
from pymerkle import verify_consistency as pymerkle_consistent

from referral.merkle import NotProved, verify_consistency, verify_inclusion
from referral.notes import NotANote, NotSigned, Verifier, open_checkpoint, open_note
from tests.foreign import material

HERE = Path(__file__).parent
FETCHED = Path(os.environ.get("SEGUE_FOREIGN", HERE.parents[1] / ".foreign"))
GO_PACKAGES = Path("/usr/share/gocode")

BLIND = {
    "sigstore-python": {("heads", "another name")},  # it looks at the id alone
    "openssl": {("heads", "another name"), ("heads", "another id")},  # it sees body and signature
}
"""What a verifier can't tell, by its making. All else that is broken it must refuse."""

Said = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, material.Counts]:
    folder = tmp_path_factory.mktemp("cases")
    return folder, material.write(folder)


def said(*command: str | Path, **env: str) -> Said:
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **env}, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def missing(what: str, package: str) -> None:
    pytest.skip(f"{what} is not here: {package}")


def wants_go() -> None:
    """Skips the test where Go isn't."""
    if not shutil.which("go") or not (GO_PACKAGES / "src/golang.org/x/mod/sumdb").is_dir():
        missing("Go with its checksum database", "golang-go and golang-golang-x-mod-dev of Debian")


def go(folder: Path) -> Said:
    wants_go()
    built = str(folder.parent / "go")
    return said(
        *("go", "run", HERE / "verify.go", folder),
        GO111MODULE="off",
        GOPATH=str(GO_PACKAGES),
        GOCACHE=built,
        GOFLAGS="",
    )


def sigstore_python(folder: Path) -> Said:
    python = FETCHED / "sigstore/bin/python"
    if not python.exists():
        missing("sigstore-python", "make .foreign/sigstore")
    return said(python, HERE / "verify_sigstore.py", folder)


def sigstore_verify(folder: Path) -> Said:
    modules = FETCHED / "node_modules"
    if not shutil.which("node") or not (modules / "@sigstore/verify").is_dir():
        missing("@sigstore/verify", "make .foreign/node_modules, with node and npm")
    return said("node", HERE / "verify.cjs", folder, modules)


def openssl(folder: Path) -> Said:
    """The signature of each head, by a program that knows neither notes nor trees."""
    if not shutil.which("openssl"):
        missing("OpenSSL", "openssl of Debian")
    body, signature = folder / "body", folder / "signature"

    def check(line: dict[str, Any], key: str = "key.der") -> bool:
        said, _, lines = base64.b64decode(line["note"]).partition("\n\u2014 ".encode())
        signed = base64.b64decode(lines.partition(b"\n")[0].rpartition(b" ")[2])[4:]
        if key == "witness.der":
            at = int.from_bytes(signed[:8], "big")
            said, signed = b"cosignature/v1\ntime %d\n%s" % (at, said), signed[8:]
        body.write_bytes(said)
        signature.write_bytes(signed)
        done = subprocess.run(
            [
                *("openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER"),
                *("-inkey", folder / key, "-in", body, "-sigfile", signature),
            ],
            capture_output=True,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        return done.returncode == 0

    return {
        "heads": judged(folder, "heads", check),
        "cosigned": judged(folder, "cosigned", lambda line: check(line, "witness.der")),
    }


def ours(folder: Path) -> Said:
    """What `segue audit` itself checks with, before the same court."""
    key = Verifier.read((folder / "key.txt").read_text())
    witness = Verifier.read((folder / "witness.txt").read_text())

    def hashes(line: dict[str, Any]) -> list[bytes]:
        return [base64.b64decode(each) for each in line["path"]]

    def head(line: dict[str, Any]) -> bool:
        try:
            found, _ = open_checkpoint(base64.b64decode(line["note"]).decode(), [key])
        except (NotANote, NotSigned, UnicodeDecodeError):
            return False
        return (found.size, found.root) == (line["size"], base64.b64decode(line["root"]))

    def cosigned(line: dict[str, Any]) -> bool:
        try:
            found = open_note(base64.b64decode(line["note"]).decode(), [witness]).checkpoint
        except (NotANote, NotSigned):
            return False
        return (found.size, found.root) == (line["size"], base64.b64decode(line["root"]))

    def inclusion(line: dict[str, Any]) -> bool:
        leaf = material.leaf_hash(base64.b64decode(line["leaf"]).decode())
        root = base64.b64decode(line["root"])
        return proved(verify_inclusion, leaf, line["index"], line["size"], hashes(line), root)

    def consistency(line: dict[str, Any]) -> bool:
        roots = (base64.b64decode(line["old_root"]), base64.b64decode(line["root"]))
        return proved(verify_consistency, line["old"], line["size"], hashes(line), *roots)

    checks = {
        "heads": head,
        "cosigned": cosigned,
        "inclusion": inclusion,
        "consistency": consistency,
    }
    return {kind: judged(folder, kind, check) for kind, check in checks.items()}


def proved(check: Callable[..., None], *arguments: object) -> bool:
    try:
        check(*arguments)
    except NotProved:
        return False
    return True


def judged(folder: Path, kind: str, check: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    told: Counter[str] = Counter()
    let: Counter[str] = Counter()
    lost = []
    with (folder / f"{kind}.jsonl").open() as file:
        for number, text in enumerate(file, 1):
            line = json.loads(text)
            match check(line), line["how"]:
                case True, None:
                    told["accepted"] += 1
                case False, None:
                    lost.append(f"line {number}")
                case False, _:
                    told["refused"] += 1
                case True, how:
                    let[how] += 1
    return {"accepted": told["accepted"], "refused": told["refused"], "let": let, "lost": lost}


@pytest.mark.parametrize(
    ("name", "verifier", "kinds"),
    [
        ("go sumdb", go, {"heads", "cosigned", "inclusion", "consistency"}),
        ("sigstore-python", sigstore_python, {"heads", "inclusion"}),
        ("@sigstore/verify", sigstore_verify, {"heads", "inclusion"}),
        ("openssl", openssl, {"heads", "cosigned"}),
        ("segue", ours, {"heads", "cosigned", "inclusion", "consistency"}),
    ],
)
def test_all_that_is_sound_is_accepted_and_all_that_is_broken_refused(
    cases, record_property, name, verifier, kinds
):
    folder, counts = cases
    verdict = verifier(folder)
    assert set(verdict) == kinds
    for kind, found in verdict.items():
        blind = {how for of, how in BLIND.get(name, ()) if of == kind}
        unseen = sum(counts.ways[kind, how] for how in blind)
        assert found["lost"] in (None, [])
        assert set(found["let"]) <= blind
        assert found["accepted"] == counts.good[kind] > 0
        assert found["refused"] == counts.bad[kind] - unseen > 0
        record_property(
            "foreign",
            f"{name}: {kind}: {found['accepted']} checked and accepted,"
            f" {found['refused']} broken ones checked and refused, 0 failures",
        )


def test_every_size_and_every_way_of_breaking_was_there(cases):
    _, counts = cases
    assert counts.good["heads"] == 2 * 259
    assert counts.good["cosigned"] == 259
    assert counts.good["inclusion"] == sum(range(1, 258)) + 2 * 512
    assert counts.good["consistency"] == sum(range(1, 258)) + 2 * (257 + 512)
    assert set(counts.ways) >= {("inclusion", how) for how in material.INCLUSION}
    assert set(counts.ways) >= {("consistency", how) for how in material.CONSISTENCY}
    assert min(counts.ways.values()) >= 259


def test_pymerkle_finds_all_our_roots_consistent(record_property):
    tree = InmemoryTree(algorithm="sha256")
    for entry in material.ENTRIES:
        tree.append_entry(entry.encode())
    pairs = [(line["old"], line["size"]) for line in material.consistencies()]
    for old, new in pairs:
        proof = tree.prove_consistency(old, new)
        then, now = material.TREE.root(old), material.TREE.root(new)
        pymerkle_consistent(then, now, proof, prior_size=old, later_size=new)
    record_property("foreign", f"pymerkle: consistency: {len(pairs)} checked, 0 failures")
