"""A witness, asked as C2SP's tlog-witness says, and over HTTP: it signs what only grew, keeps what
it signed before it answers, and finds a log that was rolled back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from referral.leaf import leaf_hash
from referral.merkle import EMPTY_ROOT, consistency
from referral.notes import Checkpoint, Kind, Signer, join, note, open_checkpoint, split
from tests.trees import LEAVES, Grown
from web.audit_outlets import Address
from web.auditing import NotPublished
from web.witness import MOST_REQUEST, SIZE_TYPE, Heads, Witness, read_request, request
from web.witnessing import Contradicted, NoAnswer, Post, WitnessOutlet, ask_witness

ORIGIN = "audit.example.org/segue/log1"
LOG = Signer(ORIGIN, bytes(range(32)))
KEY = Signer("witness.example.org/w1", bytes(range(32, 64)), Kind.COSIGNATURE)
STRANGER = Signer(ORIGIN, bytes(range(64, 96)))
TREE = Grown(LEAVES[:300])
AT = 1_800_000_000


def head(size: int, tree: Grown = TREE, signer: Signer = LOG, origin: str = ORIGIN) -> str:
    body = Checkpoint(origin, size, tree.root(size)).body
    return note(body, [signer.sign(body)])


@pytest.fixture
def heads(tmp_path: Path) -> Heads:
    return Heads(tmp_path / "witness.db")


@pytest.fixture
def witness(heads: Heads) -> Witness:
    return Witness(KEY, [LOG.verifier], heads, now=lambda: AT)


def ask(witness: Witness, old: int, new: int, tree: Grown = TREE):
    return witness.add_checkpoint(request(old, consistency(old, new, tree.read), head(new, tree)))


# --- what is signed ---


def test_a_head_that_only_grew_is_signed_with_the_time(witness):
    for old, new in ((0, 0), (0, 70), (70, 70), (70, 256), (256, 300)):
        answer = ask(witness, old, new)
        assert answer.status == 200
        found, opened = open_checkpoint(join(head(new), answer.text), [LOG.verifier, KEY.verifier])
        assert found.size == new
        assert opened.by[KEY.verifier].at == AT


def test_what_is_signed_is_on_the_disk_before_the_answer(witness, heads, monkeypatch):
    seen = []
    sign = Signer.sign

    def looking(signer: Signer, body: str, at: int | None = None) -> str:
        if signer == KEY:
            seen.append(heads.latest(ORIGIN))
        return sign(signer, body, at)

    monkeypatch.setattr(Signer, "sign", looking)
    ask(witness, 0, 70)
    assert seen == [(70, TREE.root(70))]


def test_what_was_signed_is_known_after_a_new_start(witness, heads, tmp_path):
    ask(witness, 0, 70)
    again = Witness(KEY, [LOG.verifier], Heads(tmp_path / "witness.db"), now=lambda: AT)
    assert ask(again, 0, 256).text == "70\n"
    assert ask(again, 70, 256).status == 200
    assert [(known.size, known.note) for known in heads.all()] == [(256, head(256))]


def test_each_log_has_its_own_newest_head(heads):
    other = Signer("elsewhere.example.org/log", bytes(32))
    witness = Witness(KEY, [LOG.verifier, other.verifier], heads, now=lambda: AT)
    assert ask(witness, 0, 70).status == 200
    theirs = head(5, signer=other, origin=other.name)
    assert witness.add_checkpoint(request(0, [], theirs)).status == 200
    assert {known.origin: known.size for known in heads.all()} == {ORIGIN: 70, other.name: 5}


def test_a_log_may_change_its_key(heads):
    witness = Witness(KEY, [LOG.verifier, STRANGER.verifier], heads, now=lambda: AT)
    assert witness.add_checkpoint(request(0, [], head(5))).status == 200
    proof = consistency(5, 9, TREE.read)
    assert witness.add_checkpoint(request(5, proof, head(9, signer=STRANGER))).status == 200


# --- what is not ---


@pytest.fixture
def at_70(witness) -> Witness:
    assert ask(witness, 0, 70).status == 200
    return witness


def test_a_log_that_is_not_known_is_not_found(at_70):
    elsewhere = head(70, signer=Signer("elsewhere", LOG.seed), origin="elsewhere")
    assert at_70.add_checkpoint(request(70, [], elsewhere)).status == 404


def test_a_head_not_signed_by_the_log_is_forbidden(at_70, heads):
    proof = consistency(70, 90, TREE.read)
    body = Checkpoint(ORIGIN, 90, TREE.root(90)).body
    for unsigned in (
        head(90, signer=STRANGER),
        head(90).replace("\n90\n", "\n91\n"),
        note(body, [KEY.sign(body, AT)]),
        head(90, signer=Signer(ORIGIN, LOG.seed), origin=ORIGIN).replace(ORIGIN + " ", "other "),
    ):
        assert at_70.add_checkpoint(request(70, proof, unsigned)).status == 403
    assert heads.latest(ORIGIN)[0] == 70


def test_an_old_size_above_the_new_one_is_no_request(at_70):
    assert at_70.add_checkpoint(request(70, [], head(69))).status == 400


@pytest.mark.parametrize("old", [0, 69, 71])
def test_another_old_size_is_told_the_right_one(at_70, old):
    answer = ask(at_70, old, 90)
    assert (answer.status, answer.text, answer.kind) == (409, "70\n", SIZE_TYPE)


def test_a_proof_that_does_not_hold_is_refused(at_70, heads):
    right = consistency(70, 90, TREE.read)
    changed = Grown([leaf_hash("another"), *LEAVES[1:90]])
    for proof, shown in (
        ([], head(90)),
        (right[:-1], head(90)),
        ([*right, EMPTY_ROOT], head(90)),
        (right[::-1], head(90)),
        (right, head(91)),
        (consistency(70, 90, changed.read), head(90, changed)),
        ([EMPTY_ROOT], head(70)),  # not wanted: the sizes are the same
        ([], head(70, changed)),
    ):
        assert at_70.add_checkpoint(request(70, proof, shown)).status == 422
    assert heads.latest(ORIGIN) == (70, TREE.root(70))


def test_a_first_head_wants_no_proof(witness):
    assert witness.add_checkpoint(request(0, [EMPTY_ROOT], head(70))).status == 422


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


LINE = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"old 0\n\n",
        raw(f"old 0\n{head(70)}"),
        raw(f"old\n\n{head(70)}"),
        raw(f"old 00\n\n{head(70)}"),
        raw(f"old -1\n\n{head(70)}"),
        raw(f"old  0\n\n{head(70)}"),
        raw(f"new 0\n\n{head(70)}"),
        raw(f"old 0\r\n\r\n{head(70)}"),
        raw(f"old 0\nAAAA\n\n{head(70)}"),
        raw(f"old 0\n{LINE.replace('A=', 'B=')}\n{head(70)}"),
        raw(f"old 0\n{LINE * 64}\n{head(70)}"),
        raw(f"old 0\n\n{head(70)[:-1]}"),
        raw(f"old 0\n\n{head(70)}\udcff"),
        raw("old 0\n\n" + head(70).replace("\n70\n", "\n070\n")),
    ],
)
def test_what_is_no_request_is_refused(witness, heads, body):
    assert witness.add_checkpoint(body).status == 400
    assert heads.all() == []


def test_a_request_is_read_as_it_is_written():
    proof = consistency(70, 90, TREE.read)
    assert read_request(request(70, proof, head(90))) == (70, proof, head(90))
    assert read_request(request(0, [EMPTY_ROOT] * 63, head(1)))[1] == [EMPTY_ROOT] * 63


def test_keys_are_not_mixed_up(heads):
    with pytest.raises(ValueError, match="cosignatures"):
        Witness(LOG, [LOG.verifier], heads)
    with pytest.raises(ValueError, match="of a witness"):
        Witness(KEY, [KEY.verifier], heads)


def test_a_faster_one_is_not_overtaken(witness, heads):
    """Between looking and keeping, another request was answered: this one must not go back."""
    ask(witness, 0, 10)
    stale = heads.latest(ORIGIN)
    assert ask(witness, 10, 90).status == 200
    assert not heads.replace(stale, Checkpoint(ORIGIN, 20, TREE.root(20)), head(20), AT)
    assert heads.latest(ORIGIN)[0] == 90
    assert not heads.replace((0, EMPTY_ROOT), Checkpoint(ORIGIN, 1, TREE.root(1)), head(1), AT)
    assert heads.latest(ORIGIN)[0] == 90


# --- over HTTP ---


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


def over_http(port: int, body: bytes) -> tuple[int, bytes]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("POST", "/add-checkpoint", body)
        answer = connection.getresponse()
        return answer.status, answer.read()


@contextmanager
def served(application) -> Iterator[Post]:
    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield partial(over_http, server.server_port)
        finally:
            server.shutdown()
            thread.join()


def prove(tree: Grown):
    return lambda old, new: consistency(old, new, tree.read)


def test_our_log_is_signed_and_goes_on_from_what_the_witness_knows(witness):
    with served(witness) as post:
        one = ask_witness(post, head(70), KEY.verifier, prove(TREE))
        two = ask_witness(post, head(90), KEY.verifier, prove(TREE), old=70)
        # What we knew of it was lost: it says itself where to go on from.
        three = ask_witness(post, head(95), KEY.verifier, prove(TREE))
        assert one.at == two.at == three.at == AT
    _, opened = open_checkpoint(join(head(95), three.line), [LOG.verifier, KEY.verifier])
    assert len(opened.by) == 2


@pytest.mark.invariant("I28")
def test_a_log_that_was_rolled_back_is_found_every_time(heads, tmp_path):
    """A hundred logs are signed, put back, and grow differently: shorter than what was signed,
    exactly as long, or longer. None gets a signature again, and each is told so."""
    draw = random.Random(100)
    found = []
    for number in range(100):
        origin = f"audit.example.org/{number}"
        signer = Signer(origin, LOG.seed)
        witness = Witness(KEY, [signer.verifier], heads, now=lambda: AT)
        signed = draw.randrange(2, 200)
        kept = draw.randrange(signed)
        again = Grown([*LEAVES[:kept], *(leaf_hash(f"{number} {one}") for one in range(300))])
        now = (draw.randrange(1, signed), signed, draw.randrange(signed + 1, 300))[number % 3]
        with served(witness) as post:
            ask_witness(post, head(signed, signer=signer, origin=origin), KEY.verifier, prove(TREE))
            believed = draw.choice([0, min(kept, now), signed])
            try:
                ask_witness(
                    post,
                    head(max(now, kept), again, signer, origin),
                    KEY.verifier,
                    prove(again),
                    believed,
                )
            except Contradicted:
                found.append(number)
        assert heads.latest(origin) == (signed, TREE.root(signed))
    assert len(found) == 100


def test_a_log_put_back_without_being_changed_may_catch_up(witness):
    with served(witness) as post:
        ask_witness(post, head(90), KEY.verifier, prove(TREE))
        with pytest.raises(Contradicted) as longer:
            ask_witness(post, head(70), KEY.verifier, prove(TREE))
        assert longer.value.size == 90
        ask_witness(post, head(95), KEY.verifier, prove(TREE), old=70)


def answers(status: str, text: str):
    def application(environ, start_response):
        start_response(status, [("Content-Type", "text/plain")])
        return [text.encode()]

    return application


FORGED = Signer(KEY.name, bytes(32), Kind.COSIGNATURE).sign(split(head(70))[0], AT)
OF_ANOTHER = KEY.sign(split(head(71))[0], AT)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("200 OK", ""),
        ("200 OK", "thank you\n"),
        ("200 OK", FORGED),
        ("200 OK", OF_ANOTHER),
        ("302 Found", ""),
        ("400 Bad Request", "no"),
        ("403 Forbidden", "no"),
        ("404 Not Found", "no"),
        ("409 Conflict", "seventy\n"),
        ("409 Conflict", "0\n"),
        ("409 Conflict", "69\n"),
        ("500 Internal Server Error", "no"),
        ("503 Service Unavailable", ""),
    ],
)
def test_what_a_witness_may_say_besides_is_no_signature_and_no_alarm(status, text):
    with served(answers(status, text)) as post, pytest.raises(NoAnswer):
        ask_witness(post, head(70), KEY.verifier, prove(TREE))


def test_the_key_of_another_signature_in_the_answer_is_left_aside(heads):
    lines = STRANGER.sign("anything") + KEY.sign(split(head(70))[0], AT)
    with served(answers("200 OK", lines)) as post:
        cosigned = ask_witness(post, head(70), KEY.verifier, prove(TREE))
    assert cosigned.line in lines
    assert "log1" not in cosigned.line


def call(
    witness: Witness, method: str, path: str, body: bytes = b"", **more: object
) -> tuple[str, str]:
    told: list[str] = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
        **more,
    }
    data = witness(environ, lambda status, headers: told.append(status))
    return told[0], b"".join(data).decode()


def test_a_witness_answers_one_question_only(witness):
    assert call(witness, "GET", "/add-checkpoint")[0].startswith("405")
    assert call(witness, "POST", "/")[0].startswith("404")
    assert call(witness, "POST", "/add-checkpoint", b"x" * (MOST_REQUEST + 1))[0].startswith("413")
    right = request(0, [], head(70))
    for length in ("", "0", "-1", "many"):
        assert (
            call(witness, "POST", "/add-checkpoint", right, CONTENT_LENGTH=length)[0][:3] == "400"
        )
    chunked = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    status, text = call(witness, "POST", "/add-checkpoint", right, **chunked)
    assert status == "200 OK"
    assert text.startswith(f"\u2014 {KEY.name} ")


# --- as a place that takes heads ---


def outlet(monkeypatch: pytest.MonkeyPatch, post) -> WitnessOutlet:
    """The witness at an address, of which only the way there isn't the real one."""
    asked = []

    def posted(address: Address, body: bytes) -> tuple[int, bytes]:
        asked.append(address.url)
        assert address.url == "https://witness.example.org/w1/add-checkpoint"
        return post(body)

    monkeypatch.setattr(Address, "post", posted)
    return WitnessOutlet(Address("https://witness.example.org/w1/"), KEY.verifier)


def test_the_worker_brings_a_head_and_keeps_the_line(witness, monkeypatch):
    with served(witness) as post:
        place = outlet(monkeypatch, post)
        lines = place.publish(head(70), 0, prove(TREE))
    assert place.name == "witness witness.example.org/w1"
    assert place.known() is None
    _, opened = open_checkpoint(join(head(70), lines[KEY.name]), [LOG.verifier, KEY.verifier])
    assert len(opened.by) == 2


def test_a_contradiction_is_an_alarm_that_says_what_to_do(witness, monkeypatch):
    with served(witness) as post:
        place = outlet(monkeypatch, post)
        place.publish(head(90), 0, prove(TREE))
        with pytest.raises(NotPublished, match="It last signed one of 90") as shorter:
            place.publish(head(70), 90, prove(TREE))
        changed = Grown([leaf_hash("another"), *LEAVES[1:99]])
        with pytest.raises(NotPublished, match="another history") as other:
            place.publish(head(99, changed), 90, prove(changed))
    assert shorter.value.alarm
    assert other.value.alarm
    assert "audit verify" in str(other.value)


def test_a_witness_that_stumbles_is_no_alarm(monkeypatch):
    away = answers("503 Service Unavailable", "later")
    with served(away) as post, pytest.raises(NotPublished, match="503") as found:
        outlet(monkeypatch, post).publish(head(70), 0, prove(TREE))
    assert not found.value.alarm
