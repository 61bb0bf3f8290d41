"""Proof files: C2SP's tlog-proof, read and written in one way, and checked by the key alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral.merkle import EMPTY_ROOT, NotProved, inclusion
from referral.notes import Checkpoint, Kind, NotANote, NotSigned, Signer, join, note
from referral.proof_files import NotAProofFile, ProofFile
from tests.trees import ENTRIES, LEAVES, Grown

LOG = Signer("audit.example.org/segue/log1", bytes(range(32)))
WITNESS = Signer("witness.example.org/w1", bytes(range(32, 64)), Kind.COSIGNATURE)
TREE = Grown(LEAVES[:300])
LINE = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def head(size: int) -> str:
    body = Checkpoint(LOG.name, size, TREE.root(size)).body
    return join(note(body, [LOG.sign(body)]), WITNESS.sign(body, 1_800_000_000))


def proof(index: int, size: int) -> ProofFile:
    return ProofFile(index, inclusion(index, size, TREE.read), head(size))


def test_a_proof_file_has_the_form_that_was_published():
    lines = proof(5, 8).text.split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 5"]
    assert [len(line) for line in lines[2:5]] == [44, 44, 44]
    assert lines[5] == ""
    assert "\n".join(lines[6:]) == head(8)
    assert proof(0, 1).text.startswith(f"c2sp.org/tlog-proof@v1\nindex 0\n\n{LOG.name}\n1\n")


@pytest.mark.parametrize("extra", [None, b"x", ENTRIES[5].encode()])
@pytest.mark.parametrize(("index", "size"), [(0, 1), (5, 8), (256, 257), (299, 300)])
def test_it_is_read_as_it_is_written_and_holds(index, size, extra):
    made = proof(index, size)._replace(extra=extra)
    found = ProofFile.read(made.text)
    assert found == made
    checkpoint, opened = found.check(ENTRIES[index], [LOG.verifier, WITNESS.verifier])
    assert (checkpoint.size, len(opened.by)) == (size, 2)


def test_it_holds_for_no_other_entry_place_path_head_or_key():
    right, keys = proof(5, 8), [LOG.verifier]
    right.check(ENTRIES[5], keys)
    for wrong, entry in (
        (right, ENTRIES[6]),
        (right, ENTRIES[5] + " "),
        (right._replace(idx=4), ENTRIES[5]),
        (right._replace(idx=8), ENTRIES[5]),
        (right._replace(path=right.path[:-1]), ENTRIES[5]),
        (right._replace(path=[*right.path, EMPTY_ROOT]), ENTRIES[5]),
        (right._replace(path=right.path[::-1]), ENTRIES[5]),
        (right._replace(note=head(9)), ENTRIES[5]),
    ):
        with pytest.raises(NotProved):
            wrong.check(entry, keys)
    with pytest.raises(NotSigned):
        right.check(ENTRIES[5], [Signer(LOG.name, bytes(32)).verifier])
    with pytest.raises(NotSigned):
        right.check(ENTRIES[5], [WITNESS.verifier])
    with pytest.raises(NotANote):
        right._replace(note=head(8)[:-1]).check(ENTRIES[5], keys)


RIGHT = proof(5, 8).text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v1\n\n",
        RIGHT.replace("@v1", "@v2"),
        RIGHT.replace("@v1", "@v1 "),
        RIGHT.replace("index 5", "index 05"),
        RIGHT.replace("index 5", "index -5"),
        RIGHT.replace("index 5", "index  5"),
        RIGHT.replace("index 5", "Index 5"),
        RIGHT.replace("index 5\n", ""),
        RIGHT.replace("index 5", f"index {2**63}"),
        RIGHT.replace("index 5\n", "index 5\nindex 5\n"),
        RIGHT.replace("index 5\n", "index 5\nAAAA\n"),
        RIGHT.replace("index 5\n", f"index 5\n{LINE.replace('A=', 'B=')}\n"),
        RIGHT.replace("index 5\n", "index 5\n" + f"{LINE}\n" * 62),
        RIGHT.replace("index 5\n", "extra \nindex 5\n"),
        RIGHT.replace("index 5\n", "extra =\nindex 5\n"),
        RIGHT.replace("index 5\n", "index 5\nextra AAAA\n"),
        RIGHT.replace("\n", "\r\n"),
    ],
)
def test_what_is_no_proof_file_is_refused(text):
    with pytest.raises(NotAProofFile):
        ProofFile.read(text)


@given(st.integers(0, len(RIGHT)), st.integers(0, 12), st.text(max_size=3))
def test_no_proof_that_was_touched_holds(at, gone, instead):
    text = RIGHT[:at] + instead + RIGHT[at + gone :]
    try:
        found = ProofFile.read(text)
        checkpoint, opened = found.check(ENTRIES[5], [LOG.verifier, WITNESS.verifier])
    except (NotAProofFile, NotANote, NotSigned, NotProved):
        return
    # All that can be gone is what nobody signed, or a witness's line that is a stranger's now.
    assert (checkpoint.size, found.idx, found.path) == (8, 5, proof(5, 8).path)
    assert text == RIGHT or len(opened.by) == 1
