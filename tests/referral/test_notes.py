"""Signed heads: read and written in one way only, and opened by those who hold the key."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from referral.merkle import EMPTY_ROOT
from referral.notes import (
    Checkpoint,
    Kind,
    NotAKey,
    NotANote,
    NotSigned,
    Signer,
    Verifier,
    checkpoint,
    join,
    note,
    open_checkpoint,
    open_note,
    split,
)

ORIGIN = "audit.example.org/segue/log1"
LOG = Signer(ORIGIN, bytes(range(32)))
WITNESS = Signer("witness.example.org/w1", bytes(range(32, 64)), Kind.COSIGNATURE)
OTHER = Signer(ORIGIN, bytes(range(64, 96)))
HEAD = Checkpoint(ORIGIN, 70, sha256(b"root").digest())
SIGNED = note(HEAD.body, [LOG.sign(HEAD.body)])
COSIGNED = join(SIGNED, WITNESS.sign(HEAD.body, 1_800_000_000))

# The example of the package in which Go keeps signed notes.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_SIGNS = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
SAYING = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng"
    "otpRZb6KE6RyyBwJnAM=\n"
)


def test_a_published_note_is_opened_and_made_again():
    verifier, signer = Verifier.read(NEUMANN), Signer.read(NEUMANN_SIGNS)
    opened = open_note(SAYING, [verifier])
    assert signer.verifier == verifier
    assert note(opened.body, [signer.sign(opened.body)]) == SAYING
    assert (verifier.text, signer.text) == (NEUMANN, NEUMANN_SIGNS)


# --- keys ---


def test_the_id_of_a_key_is_made_of_its_name_its_kind_and_itself():
    key = LOG.verifier
    assert key.id == sha256(ORIGIN.encode() + b"\n\x01" + key.key).digest()[:4]
    assert (
        WITNESS.verifier.id
        == (sha256(b"witness.example.org/w1\n\x04" + WITNESS.verifier.key).digest()[:4])
    )


@pytest.mark.parametrize("signer", [LOG, WITNESS, Signer.new("a"), Signer.new("\u00e9/1")])
def test_keys_are_read_as_they_are_written(signer):
    assert Signer.read(f"{signer.text}\n") == signer
    assert Verifier.read(f" {signer.verifier.text}\r\n") == signer.verifier


def test_new_keys_differ():
    assert Signer.new("a").seed != Signer.new("a").seed


def keyed(first: int, key: bytes) -> str:
    text = base64.b64encode(bytes([first]) + key).decode()
    made = sha256(b"a\n" + bytes([first]) + key).digest()[:4].hex()
    return f"a+{made}+{text}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a+01020304",
        NEUMANN.replace("c74f20a3", "c74f20a4"),
        NEUMANN.replace("c74f20a3", "C74F20A3"),
        NEUMANN.replace("c74f20a3", "c74f20a"),
        NEUMANN.replace("Peter", "Paul"),
        NEUMANN[:-1],
        NEUMANN + "=",
        NEUMANN.replace("+ARpc", "+AR pc"),
        NEUMANN.replace("PeterNeumann", ""),
        NEUMANN.replace("PeterNeumann", "Peter Neumann"),
        keyed(1, b"x" * 31),
        keyed(1, b"x" * 33),
        keyed(2, b"x" * 32),
        keyed(6, b"x" * 32),
        "a+01020304+",
        NEUMANN_SIGNS,
    ],
)
def test_what_is_no_public_key_is_refused(text):
    with pytest.raises(NotAKey):
        Verifier.read(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        NEUMANN,
        NEUMANN_SIGNS.replace("c74f20a3", "c74f20a4"),
        NEUMANN_SIGNS.replace("PRIVATE+KEY", "PUBLIC+KEY"),
        NEUMANN_SIGNS[:-4],
        NEUMANN_SIGNS + "\nPRIVATE",
    ],
)
def test_what_is_no_private_key_is_refused_without_being_repeated(text):
    with pytest.raises(NotAKey) as refused:
        Signer.read(text)
    assert "AYEKF" not in str(refused.value)


def test_a_private_key_does_not_show_in_a_trace():
    assert "seed" not in repr(LOG)
    assert repr(LOG.seed) not in repr(LOG)


def test_the_key_of_the_log_and_that_of_a_witness_do_not_stand_in_for_each_other():
    as_witness = Signer(LOG.name, LOG.seed, Kind.COSIGNATURE)
    assert as_witness.verifier.id != LOG.verifier.id
    forged = note(HEAD.body, [as_witness.sign(HEAD.body, 5)])
    with pytest.raises(NotSigned, match="No known key"):
        open_note(forged, [LOG.verifier])
    with pytest.raises(ValueError, match="time"):
        LOG.sign(HEAD.body, 5)
    with pytest.raises(ValueError, match="time"):
        WITNESS.sign(HEAD.body)


# --- checkpoints ---


def test_a_checkpoint_is_three_lines():
    root = base64.b64encode(HEAD.root).decode()
    assert HEAD.body == f"{ORIGIN}\n70\n{root}\n"
    assert checkpoint(HEAD.body) == HEAD
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert checkpoint(empty.body) == empty
    assert empty.body.split("\n")[1] == "0"


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_is_read_as_it_is_written(size, root):
    assert checkpoint(Checkpoint(ORIGIN, size, root).body).body == (
        Checkpoint(ORIGIN, size, root).body
    )


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("\n70\n", "\n070\n"),
        ("\n70\n", "\n+70\n"),
        ("\n70\n", "\n-70\n"),
        ("\n70\n", "\n 70\n"),
        ("\n70\n", "\n7_0\n"),
        ("\n70\n", "\n\u0667\u0660\n"),
        ("\n70\n", "\n\n"),
        ("\n70\n", "\n00\n"),
        ("\n70\n", "\n70.0\n"),
        ("\n70\n", "\n9223372036854775808\n"),
        ("\n70\n", "\n70\r\n"),
        (ORIGIN, ""),
        (ORIGIN, "two words"),
        (ORIGIN, "a+b"),
        (ORIGIN, f"{ORIGIN}\n"),
        ("=\n", "\n"),
        ("=\n", "="),
        ("=\n", "=\nan extension\n"),
        ("=\n", "=\n\n"),
        ("=\n", "==\n"),
        ("=\n", "= \n"),
    ],
)
def test_nothing_but_three_exact_lines_is_a_checkpoint(wrong, right):
    assert HEAD.body.count(wrong) == 1
    with pytest.raises(NotANote):
        checkpoint(HEAD.body.replace(wrong, right))


@pytest.mark.parametrize("root", [b"", b"x" * 31, b"x" * 33])
def test_a_root_has_32_bytes(root):
    text = base64.b64encode(root).decode()
    with pytest.raises(NotANote):
        checkpoint(f"{ORIGIN}\n70\n{text}\n")
    with pytest.raises(ValueError, match="32"):
        assert Checkpoint(ORIGIN, 70, root).body


def test_a_root_written_with_loose_bits_is_refused():
    """The last character of the base64 holds two bits that no byte is made of."""
    text = base64.b64encode(b"\x00" * 32).decode()
    loose = text.replace("A=", "B=")
    assert base64.b64decode(loose) == b"\x00" * 32
    with pytest.raises(NotANote):
        checkpoint(f"{ORIGIN}\n70\n{loose}\n")


@pytest.mark.parametrize(
    "wrong",
    [
        HEAD._replace(size=-1),
        HEAD._replace(size=2**63),
        HEAD._replace(origin=""),
        HEAD._replace(origin="a\nb"),
        HEAD._replace(origin="a b"),
    ],
)
def test_no_checkpoint_is_written_that_could_not_be_read(wrong):
    with pytest.raises(ValueError, match=r"name|entries"):
        assert wrong.body


# --- notes ---


def test_a_note_is_the_body_a_blank_line_and_the_signature():
    body, blank, line = SIGNED.rpartition("\n\n")
    assert body + "\n" == HEAD.body
    assert blank
    assert line.startswith(f"\u2014 {ORIGIN} ")
    assert line.endswith("=\n")
    raw = base64.b64decode(line.split(" ")[2])
    assert raw[:4] == LOG.verifier.id
    assert len(raw) == 68


def test_a_note_opens_for_those_who_hold_a_key_of_it():
    opened = open_note(SIGNED, [LOG.verifier])
    assert opened.checkpoint == HEAD
    assert list(opened.by) == [LOG.verifier]
    assert opened.unknown == ()


def test_lines_of_unknown_keys_are_left_aside():
    signed = join(SIGNED, OTHER.sign("anything"))  # the same name, another key
    assert [each.name for each in open_note(signed, [LOG.verifier]).unknown] == [ORIGIN]
    stranger = Verifier("elsewhere", LOG.verifier.key)
    with pytest.raises(NotSigned, match="No known key"):
        open_note(signed, [stranger])
    with pytest.raises(NotSigned, match="No known key"):
        open_note(signed, [])


def test_one_known_key_that_signed_wrongly_spoils_the_note():
    spoiled = join(SIGNED, OTHER.sign("anything"))
    with pytest.raises(NotSigned, match="isn't right"):
        open_note(spoiled, [LOG.verifier, OTHER.verifier])
    right = join(SIGNED, OTHER.sign(HEAD.body))
    assert len(open_note(right, [LOG.verifier, OTHER.verifier]).by) == 2


def test_the_id_of_a_key_is_no_proof():
    forged = SIGNED.replace(
        split(SIGNED)[1][0].line,
        f"\u2014 {ORIGIN} "
        + base64.b64encode(
            LOG.verifier.id + split(note("x\n", [OTHER.sign("x\n")]))[1][0].signature
        ).decode()
        + "\n",
    )
    with pytest.raises(NotSigned, match="isn't right"):
        open_note(forged, [LOG.verifier])


def test_a_witness_says_when_and_signs_the_time_with_it():
    head, opened = open_checkpoint(COSIGNED, [LOG.verifier, WITNESS.verifier])
    assert head == HEAD
    assert opened.by[WITNESS.verifier].at == 1_800_000_000
    line = split(COSIGNED)[1][1]
    later = base64.b64encode(line.id + (1_800_000_001).to_bytes(8, "big") + line.signature[8:])
    moved = COSIGNED.replace(line.line, f"\u2014 {line.name} {later.decode()}\n")
    with pytest.raises(NotSigned, match="isn't right"):
        open_note(moved, [LOG.verifier, WITNESS.verifier])


@pytest.mark.parametrize("at", [-1, 253_402_300_800, 2**63])
def test_no_witness_signs_at_a_time_that_cannot_be(at):
    with pytest.raises(ValueError, match="time"):
        WITNESS.sign(HEAD.body, at)


def test_a_witness_alone_does_not_make_a_checkpoint():
    alone = note(HEAD.body, [WITNESS.sign(HEAD.body, 5)])
    assert open_note(alone, [WITNESS.verifier]).by
    with pytest.raises(NotSigned, match=ORIGIN):
        open_checkpoint(alone, [LOG.verifier, WITNESS.verifier])


def test_a_log_signs_heads_of_its_own_name_only():
    elsewhere = Checkpoint("elsewhere", 70, HEAD.root).body
    with pytest.raises(NotSigned, match="elsewhere"):
        open_checkpoint(note(elsewhere, [LOG.sign(elsewhere)]), [LOG.verifier])


def test_joining_leaves_out_a_key_that_stands_there():
    assert join(COSIGNED, WITNESS.sign(HEAD.body, 9)) == COSIGNED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n",
        HEAD.body,
        HEAD.body + "\n",
        SIGNED[:-1],
        SIGNED + "\n",
        SIGNED + "x\n",
        SIGNED.replace("\n\n", "\n"),
        SIGNED.replace("\n", "\r\n"),
        SIGNED.replace("70", "70\x00"),
        SIGNED.replace("70", "70\t"),
        SIGNED.replace("70", "70\ud800"),
        SIGNED.replace("\u2014", "-"),
        SIGNED.replace("\u2014 ", "\u2014"),
        SIGNED.replace("\u2014 ", "\u2014  "),
        SIGNED.replace(f"\u2014 {ORIGIN}", "\u2014 "),
        SIGNED.replace("=\n", "\n"),
        SIGNED[:-1] + " \n",
        HEAD.body + "\n\u2014 a AAAAAA==\n",
        SIGNED + split(SIGNED)[1][0].line,
        "x" * 131_072 + "\n\n" + split(SIGNED)[1][0].line,
        note(HEAD.body, [Signer(f"k{number}", bytes(32)).sign("x") for number in range(101)]),
    ],
)
def test_what_is_no_note_is_refused(text):
    with pytest.raises(NotANote):
        open_checkpoint(text, [LOG.verifier])


def test_a_hundred_signatures_are_not_too_many():
    many = [Signer(f"k{number}", bytes(32)).sign("x") for number in range(99)]
    opened = open_note(note(HEAD.body, [LOG.sign(HEAD.body), *many]), [LOG.verifier])
    assert len(opened.unknown) == 99


CHARACTERS = st.sampled_from(list(COSIGNED + "\n \u2014+=09azAZ\r\x00\u00a0\ud800"))


@st.composite
def changed(draw: st.DrawFn) -> str:
    """The cosigned checkpoint with one to three places edited, cut, doubled or swapped."""
    text = COSIGNED
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        what = draw(st.sampled_from(("put", "cut", "double", "swap", "lines")))
        if what == "put":
            text = text[:start] + draw(CHARACTERS) + text[end:]
        elif what == "cut":
            text = text[:start] + text[end:]
        elif what == "double":
            text = text[:end] + text[start:end] + text[end:]
        elif what == "swap":
            text = text[:start] + text[start:end][::-1] + text[end:]
        else:
            text = "\n".join(draw(st.permutations(text.split("\n"))))
    return text


@given(changed())
def test_no_note_that_was_touched_opens_for_those_who_know_both_keys(text):
    """Each known key must have signed: a line that turned into a stranger's counts as missing."""
    assume(set(text.splitlines()) != set(COSIGNED.splitlines()) or len(text) != len(COSIGNED))
    try:
        head, opened = open_checkpoint(text, [LOG.verifier, WITNESS.verifier])
    except (NotANote, NotSigned):
        return
    assert head == HEAD
    assert len(opened.by) < 2
    assert split(text) == (HEAD.body, [*opened.by.values(), *opened.unknown])
