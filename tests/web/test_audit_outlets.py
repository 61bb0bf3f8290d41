"""Where signed heads go: a folder that is whole at any moment, an address over HTTPS that is looked
at before it is connected to, and somebody else's witness."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from referral import tree
from referral.notes import Kind, Signer, open_checkpoint
from referral.store import Sql, Store
from tests.keeping import KEYS, ORIGIN, keeper_of
from tests.web.test_carriers import certificate
from tests.world import World, build
from web.audit_keys import Keys
from web.audit_outlets import Address, Folder, Webhook, head_of
from web.auditing import NotPublished
from web.settings import SettingWrong, audit_settings
from web.witness import Heads, Witness
from web.witnessing import WitnessOutlet

__all__ = ["certificate"]

WITNESS = Signer("witness.example.org/w1", bytes(range(32, 64)), Kind.COSIGNATURE)


def note(size: int, origin: str = ORIGIN) -> str:
    return Keys((Signer(origin, bytes(range(32))),)).sign(origin, size, bytes(32))


def never(old: int, new: int) -> list[bytes]:
    raise AssertionError("no proof is needed")


# -- a folder -----------------------------------------------------------------------------------


def test_a_folder_keeps_every_head_and_the_newest_first(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "new" / "place")
    assert folder.known() is None
    for size in (5, 12, 9):
        folder.publish(note(size), 0, never)
    assert head_of(folder.known() or "").size == 12
    kept = sorted((tmp_path / "new/place/checkpoints/saltmarsh.example_audit").iterdir())
    assert [head_of(one.read_text()).size for one in kept] == [5, 9, 12]
    assert not list((tmp_path / "new/place").rglob(".new.*"))


def test_a_head_of_a_new_name_takes_the_place_of_a_longer_one(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.publish(note(12), 0, never)
    folder.publish(note(3, "other.example/audit"), 0, never)
    assert head_of(folder.known() or "").origin == "other.example/audit"


def test_a_folder_that_can_not_be_used_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotPublished, match="let the worker write to it"):
        Folder(tmp_path / "file").publish(note(5), 0, never)
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(NotPublished, match="can't be used"):
        Folder(tmp_path).known()


# -- an address ---------------------------------------------------------------------------------


class Hook(BaseHTTPRequestHandler):
    """Takes what it is sent, as long as it is told to."""

    status = 204
    took: list[bytes] = []  # noqa: RUF012 - one server, one list

    def do_POST(self) -> None:
        self.took.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.status)
        self.send_header("Location", "https://elsewhere.example/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook(
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Hook.took.clear()
    monkeypatch.setattr(Hook, "status", 204)
    yield f"https://127.0.0.1:{server.server_port}/heads?a=b"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


@pytest.mark.usefixtures("trusted")
def test_a_head_is_posted_as_it_is(hook: str) -> None:
    Webhook(Address(hook, private=True)).publish(note(5), 0, never)
    assert Hook.took == [note(5).encode()]


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(("status", "says"), [(500, "answered 500"), (302, "don't follow")])
def test_another_answer_is_a_failure_and_no_redirect_is_followed(
    hook: str, monkeypatch: pytest.MonkeyPatch, status: int, says: str
) -> None:
    monkeypatch.setattr(Hook, "status", status)
    with pytest.raises(NotPublished, match=says):
        Webhook(Address(hook, private=True)).publish(note(5), 0, never)
    assert len(Hook.took) == 1


def test_a_certificate_that_does_not_hold_is_refused(hook: str) -> None:
    with pytest.raises(NotPublished, match="certificate"):
        Webhook(Address(hook, private=True)).publish(note(5), 0, never)
    assert Hook.took == []


@pytest.mark.usefixtures("trusted")
def test_what_lies_within_is_not_connected_to_unless_told(hook: str) -> None:
    with pytest.raises(NotPublished, match="SEGUE_AUDIT_PRIVATE=yes"):
        Webhook(Address(hook)).publish(note(5), 0, never)
    assert Hook.took == []


@pytest.mark.parametrize(
    "number",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.9", "::1", "fe80::1%1", "fd00::1",
     "::ffff:10.0.0.1", "::", "100.64.0.1", "224.0.0.1"],
)  # fmt: skip
def test_every_form_of_a_private_number_is_seen(
    monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    def found(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        outside = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", port))
        return [outside, (socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port))]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    with pytest.raises(NotPublished, match="within your own network"):
        Address("https://hooks.example/").post(b"")


@pytest.mark.parametrize(
    "url", ["http://hooks.example/", "https://", "https://a:b@hooks.example/", "ftp://x", "hello"]
)
def test_only_https_to_a_name_is_an_address(url: str) -> None:
    with pytest.raises(SettingWrong, match="https://"):
        Address(url)


# -- settings -----------------------------------------------------------------------------------


def test_settings_say_where_heads_go() -> None:
    found = audit_settings({"SEGUE_AUDIT_FOLDER": "/outside", "SEGUE_AUDIT_PRIVATE": "yes"})
    assert (found.folder, found.key, found.private) == (
        Path("/outside"),
        Path("var/audit.key"),
        True,
    )
    with pytest.raises(SettingWrong, match="yes or no"):
        audit_settings({"SEGUE_AUDIT_PRIVATE": "maybe"})
    with pytest.raises(SettingWrong, match="SEGUE_AUDIT_WITNESS_KEY"):
        audit_settings({"SEGUE_AUDIT_WITNESS": "https://w.example/"})


# -- a witness ----------------------------------------------------------------------------------


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def witness(
    tmp_path: Path,
    certificate: tuple[Path, Path],
    trusted: None,
) -> Iterator[WitnessOutlet]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    made = Witness(WITNESS, KEYS.verifiers, Heads(tmp_path / "witness.db"))
    with make_server("127.0.0.1", 0, made, handler_class=Quiet) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"https://127.0.0.1:{server.server_port}"
        yield WitnessOutlet(Address(url, private=True), WITNESS.verifier)
        server.shutdown()
        thread.join()


def test_a_witness_s_signature_is_kept_and_published_with_the_head(
    store: Store, witness: WitnessOutlet, tmp_path: Path
) -> None:
    w = build(store)
    outlets = (witness, Folder(tmp_path / "f"))
    for _ in range(3):
        w.person()
        keeper_of(w, *outlets).turn(now=True)
    keys = [*KEYS.verifiers, WITNESS.verifier]
    _, opened = open_checkpoint(outlets[1].known() or "", keys)
    assert set(opened.by) == set(keys)
    with store.read() as tx:
        assert len(tx.rows(Sql("SELECT size FROM audit_cosignature"))) == 3
    keeper = keeper_of(w, *outlets)
    keeper.check()
    with store.read() as tx:
        checked = tree.last_check(tx)
    assert checked is not None
    assert checked.whole


def test_a_witness_that_knows_another_history_raises_the_alarm(
    store: Store, witness: WitnessOutlet
) -> None:
    w: World = build(store)
    witness.publish(KEYS.sign(ORIGIN, 10_000, bytes(32)), 0, lambda old, new: [])
    keeper_of(w, witness).turn(now=True)
    with store.read() as tx:
        duty = tree.duty(tx, witness.name)
    assert duty is not None
    assert duty.told
    assert "10000 entries" in (duty.why or "")
