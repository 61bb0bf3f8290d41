"""A feed on the web is read page by page, and every trouble on the way is said in words."""

import json
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.web.feeds import FEED, SERVICES, SINGING, Read, envelope, load, service
from web.directory.feed import Limits

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Site:
    """A web server that says what a test told it to say, and remembers what it was asked."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    port: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/v3"

    def says(self, path: str, value: Any, status: int = 200, **headers: str) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.answers[path] = (status, headers, body)

    def answer(self, path: str) -> Answer:
        found = self.answers.get(path, (404, {}, b"{}"))
        answer: Answer = found() if callable(found) else found
        return answer


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            site.headers.append({key.lower(): value for key, value in self.headers.items()})
            status, headers, body = site.answer(self.path)
            self.send_response(status)
            for key, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(key.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with serving(server) as site.port:
        yield site
        site.stopped.set()


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    """The port of a server that answers on a thread of its own."""
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def publish(site: Site, *, full: bool = True) -> None:
    """Three pages of four, and each full item."""
    for number in (1, 2, 3):
        page = load(FEED / "services" / f"page-{number}.json")
        site.says(f"/v3/services?page={number}", page)
    for item in load(SERVICES)["contents"] if full else []:
        site.says(f"/v3/services/{item['id']}", item)


@pytest.mark.parametrize("ending", ["", "/", "/services", "/services/", "/services?page=3"])
def test_a_feed_is_read_page_by_page_with_each_full_item(site: Site, ending: str) -> None:
    publish(site)
    feed = Read(site.address + ending)
    assert feed.problems == []
    expected = {one.source_id: one for one in Read(SERVICES).activities}
    assert {one.source_id: one for one in feed.activities} == expected
    assert [one for one in site.asked if "page" in one] == [
        f"/v3/services?page={number}" for number in (1, 2, 3)
    ]
    assert len(site.asked) == 15
    assert site.headers[0]["accept"] == "application/json"


def test_progress_counts_full_items_against_what_the_list_promises(site: Site) -> None:
    publish(site)
    told: list[tuple[str, int, int | None]] = []
    Read(site.address, progress=lambda *heard: told.append(heard))
    assert [one for one in told if one[0] == "reading"] == [
        ("reading", number, 12) for number in range(1, 13)
    ]


@pytest.mark.parametrize("unsaid", [("last_page",), ("last_page", "total_pages")])
def test_a_feed_that_does_not_say_which_page_is_last_is_read_whole(
    site: Site, unsaid: tuple[str, ...]
) -> None:
    publish(site)
    for number in (1, 2, 3):
        page = load(FEED / "services" / f"page-{number}.json")
        said = {key: value for key, value in page.items() if key not in unsaid}
        site.says(f"/v3/services?page={number}", said)
    site.says("/v3/services?page=4", {"contents": []})
    feed = Read(site.address)
    assert feed.problems == []
    assert len(feed.activities) == 12


def test_what_else_the_address_asks_for_is_asked_again(site: Site) -> None:
    site.says("/v3/services?area=fens&page=1", envelope([service()]))
    site.says(f"/v3/services/{service()['id']}?area=fens", service(fees="Free"))
    feed = Read(site.address + "/services?area=fens")
    assert feed.problems == []
    assert feed.activities[0].fees == "Free"


def test_an_id_of_any_form_is_asked_for_safely(site: Site) -> None:
    site.says("/v3/services?page=1", envelope([{**service(), "id": "../Fens 17?x=1"}]))
    site.says(
        "/v3/services/..%2FFens%2017%3Fx%3D1", {**service(fees="Free"), "id": "../Fens 17?x=1"}
    )
    feed = Read(site.address)
    assert feed.activities[0].fees == "Free"
    assert feed.codes() == ["not_a_uuid"]


def test_a_file_on_the_web_is_read_as_a_file(site: Site) -> None:
    site.says("/v3/services.json", load(SERVICES))
    feed = Read(site.address + "/services.json")
    assert feed.activities == Read(SERVICES).activities
    assert len(site.asked) == 1


# A full item that can't be had


def bad_full_items() -> list[Any]:
    return [
        pytest.param((404, {}, b"{}"), id="not there"),
        pytest.param((500, {}, b"oops"), id="fault"),
        pytest.param((200, {}, b""), id="empty"),
        pytest.param((200, {}, b"[]"), id="an empty list"),
        pytest.param((200, {}, b"<html>"), id="a web page"),
        pytest.param((200, {}, b'{"id": "x", "name": "Other"}'), id="another"),
        pytest.param((200, {}, b'{"id": "'), id="cut off"),
        pytest.param((200, {"Content_Length": "999"}, b'{"id": '), id="shorter than it said"),
        pytest.param((302, {"Location": "http://localhost:1/"}, b""), id="sent elsewhere"),
    ]


@pytest.mark.parametrize("answer", bad_full_items())
def test_where_a_full_item_cannot_be_had_the_list_item_is_used(site: Site, answer: Answer) -> None:
    publish(site)
    site.answers[f"/v3/services/{SINGING}"] = answer
    feed = Read(site.address)
    assert len(feed.activities) == 12
    singing = feed.activity("Singing for Breathing")
    assert (singing.schedules, singing.fees) == ((), "Free")
    (problem,) = feed.problems
    assert problem.source_id == SINGING
    assert problem.name == "Singing for Breathing"
    assert "What the list says is used." in problem.reason
    assert not problem.refused


def test_after_many_full_items_in_a_row_could_not_be_had_no_more_are_asked_for(site: Site) -> None:
    publish(site, full=False)
    feed = Read(site.address)
    assert len(feed.activities) == 12
    assert sum("/services/" in one for one in site.asked) == 5
    assert feed.codes() == ["no_full_item"] * 5 + ["no_full_items"]


def test_full_items_that_are_missing_here_and_there_do_not_stop_the_asking(site: Site) -> None:
    publish(site)
    for item in load(SERVICES)["contents"][::2]:
        del site.answers[f"/v3/services/{item['id']}"]
    feed = Read(site.address)
    assert feed.codes() == ["no_full_item"] * 6
    assert sum("/services/" in one for one in site.asked) == 12


# A list that can't be had, or does not add up


def test_a_page_that_fails_ends_the_reading_and_what_came_before_is_kept(site: Site) -> None:
    publish(site)
    site.says("/v3/services?page=2", b"oops", status=503)
    feed = Read(site.address)
    assert len(feed.activities) == 4
    (problem,) = feed.problems
    assert feed.everything[-1] is problem
    assert (problem.code, problem.where, problem.refused) == ("http_503", "page 2", True)
    assert "Reading stopped after page 1." in problem.reason


def test_a_page_cut_off_gives_what_came_before(site: Site) -> None:
    publish(site)
    page = json.dumps(load(FEED / "services" / "page-2.json")).encode()
    cut = page[: page.index(b"Print Room")]
    site.says("/v3/services?page=2", cut, Content_Length=str(len(page)))
    feed = Read(site.address)
    assert len(feed.activities) == 5
    assert (feed.problems[-1].code, feed.problems[-1].where) == ("cut_off", "page 2")


def test_a_feed_that_repeats_its_page_is_not_read_for_ever(site: Site) -> None:
    publish(site)
    page = load(FEED / "services" / "page-1.json")
    for number in range(1, 10):
        site.says(f"/v3/services?page={number}", page)
    feed = Read(site.address)
    assert len(feed.activities) == 4
    assert {"twice", "page_other", "page_twice", "page_repeats"} == set(feed.codes())
    assert max(int(one[-1]) for one in site.asked if "page=" in one) == 2


def test_a_feed_without_end_is_read_as_far_as_the_limit(site: Site) -> None:
    def page(number: int) -> Callable[[], Answer]:
        item = {**service(), "id": f"{SINGING[:-2]}{number:02}"}
        said = {"total_items": 99, "total_pages": 99, "page_number": number, "size": 1}
        said |= {"first_page": number == 1, "last_page": False}
        site.says(f"/v3/services/{item['id']}", item)
        return lambda: (200, {}, json.dumps(envelope([item], **said)).encode())

    for number in range(1, 9):
        site.answers[f"/v3/services?page={number}"] = page(number)
    feed = Read(site.address, limits=Limits(pages=3))
    assert len(feed.activities) == 3
    assert feed.codes() == ["too_many_pages"]


def test_pages_that_promise_more_than_comes_are_named(site: Site) -> None:
    publish(site)
    site.says("/v3/services?page=3", envelope([], total_items=12, total_pages=3, page_number=3))
    feed = Read(site.address)
    assert len(feed.activities) == 8
    assert {"page_flag_wrong", "page_items"} <= set(feed.codes())
    assert all(one.kind == "feed" for one in feed.problems)


def test_a_rotten_item_of_a_page_is_refused_and_the_others_go_on(site: Site) -> None:
    items = [service(), {"id": SINGING, "status": "active"}, "rotten"]
    site.says("/v3/services?page=1", envelope(items))
    site.says(f"/v3/services/{service()['id']}", service(fees="Free"))
    feed = Read(site.address)
    assert feed.activities[0].fees == "Free"
    assert [(one.code, one.where) for one in feed.problems] == [
        ("no_name", "page 1"),
        ("not_an_item", "page 1"),
    ]
    assert len(site.asked) == 2


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ((404, {}, b""), "http_404", "There is nothing at this address."),
        ((401, {}, b""), "http_401", "wants a key"),
        ((403, {}, b""), "http_403", "wants a key"),
        ((429, {}, b""), "http_429", "too often"),
        ((500, {}, b""), "http_500", "a fault of its own"),
        ((418, {}, b""), "http_418", "does not answer"),
        ((200, {}, b""), "not_json", "empty"),
        ((200, {}, b"<!doctype html>"), "not_json", "a web page"),
        ((200, {}, b"{" + b" " * 5_000), "cut_off", "stops in the middle"),
        ((200, {"Content_Encoding": "gzip"}, b"\x1f\x8b"), "packed", "packed"),
    ],
)
def test_a_list_that_cannot_be_had_is_said_in_words(
    site: Site, answer: Answer, code: str, words: str
) -> None:
    site.answers["/v3/services?page=1"] = answer
    feed = Read(site.address)
    (problem,) = feed.problems
    assert (problem.kind, problem.code, problem.refused) == ("feed", code, True)
    assert words in problem.reason
    assert problem.where == "page 1"


# Limits of size and patience


def test_an_answer_larger_than_the_limit_is_refused(site: Site) -> None:
    publish(site)
    size = max(len(answer[2]) for answer in site.answers.values())
    assert Read(site.address, limits=Limits(answer_bytes=size)).problems == []
    site.says("/v3/services?page=2", b"[" + b" " * size)
    feed = Read(site.address, limits=Limits(answer_bytes=size))
    assert feed.codes() == ["too_big"]
    assert len(feed.activities) == 4


def test_an_answer_that_does_not_come_is_not_waited_for(site: Site) -> None:
    publish(site)

    def silent() -> Answer:
        site.stopped.wait()
        return 200, {}, b""

    site.answers["/v3/services?page=2"] = silent
    feed = Read(site.address, limits=Limits(silent_seconds=0.5))
    assert feed.codes() == ["silent"]
    assert "no answer for 0.5 seconds" in feed.problems[0].reason
    site.stopped.set()


def test_an_answer_that_comes_too_slowly_is_not_waited_for(site: Site) -> None:
    publish(site)
    feed = Read(site.address, limits=Limits(answer_seconds=-1))
    assert feed.codes() == ["too_slow"]


def test_nobody_answers(site: Site) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_port
    (problem,) = Read(f"http://127.0.0.1:{port}/v3").problems
    assert (problem.code, problem.refused) == ("no_connection", True)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "broke_off"),
        (b"SSH-2.0-clay\r\n\r\n", "not_http"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "not_http"),
    ],
)
def test_an_answer_that_is_not_one_of_a_web_server_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, code: str
) -> None:
    monkeypatch.setenv("no_proxy", "*")

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            self.request.sendall(answer)

    with serving(socketserver.TCPServer(("127.0.0.1", 0), Handler)) as port:
        (problem,) = Read(f"http://127.0.0.1:{port}/v3").problems
    assert (problem.code, problem.refused) == (code, True)


def test_a_certificate_that_does_not_hold_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own_certificate(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server) as port:
        (problem,) = Read(f"https://127.0.0.1:{port}/v3").problems
    assert (problem.code, problem.refused) == ("not_secure", True)


def own_certificate(folder: Path) -> Path:
    """A certificate that nobody else vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
    certificate = builder.not_valid_after(datetime(2120, 1, 1, tzinfo=UTC)).sign(
        key, hashes.SHA256()
    )
    path = folder / "own.pem"
    unlocked = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, pkcs8, unlocked)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


# Where we go, and where we don't


def test_a_redirect_on_the_same_host_is_followed(site: Site) -> None:
    publish(site)
    site.answers["/v3/services?page=1"] = (301, {"Location": "/v3/moved"}, b"")
    site.says("/v3/moved", load(FEED / "services" / "page-1.json"))
    feed = Read(site.address)
    assert feed.problems == []
    assert len(feed.activities) == 12


@pytest.mark.parametrize(
    "elsewhere",
    ["http://localhost:{port}/v3/x", "https://127.0.0.1:{port}/v3/x", "http://127.0.0.1:1/v3/x"],
    ids=["host", "scheme", "port"],
)
def test_a_redirect_to_anywhere_else_is_not_followed(site: Site, elsewhere: str) -> None:
    publish(site)
    location = elsewhere.format(port=site.port)
    site.answers["/v3/services?page=1"] = (302, {"Location": location}, b"")
    feed = Read(site.address)
    assert feed.activities == []
    (problem,) = feed.problems
    assert problem.code == "sent_elsewhere"
    assert location.removesuffix("/v3/x") in problem.reason
    assert site.asked == ["/v3/services?page=1"]


@pytest.mark.parametrize("location", ["file:///etc/hostname", "ftp://127.0.0.1/x", "javascript:0"])
def test_a_redirect_to_another_sort_of_address_is_not_followed(site: Site, location: str) -> None:
    site.answers["/v3/services?page=1"] = (302, {"Location": location}, b"")
    feed = Read(site.address)
    assert feed.activities == []
    assert [one.refused for one in feed.problems] == [True]


def test_a_redirect_in_a_circle_ends(site: Site) -> None:
    site.answers["/v3/services?page=1"] = (302, {"Location": "/v3/services?page=1"}, b"")
    (problem,) = Read(site.address).problems
    assert problem.code == "http_302"
    assert "in a circle" in problem.reason
    assert len(site.asked) < 10


@pytest.mark.parametrize(
    "source",
    [
        "file:///etc/hostname",
        "ftp://feed.example.org/services",
        "http://",
        "http:///services",
        "http://[half/services",
        "http://feed.example.org:port/",
        "https://ada:secret@feed.example.org/v3",
        "http://ada@127.0.0.1:1/v3",
    ],
)
def test_only_plain_addresses_of_the_web_are_taken(site: Site, source: str) -> None:
    (problem,) = Read(source).problems
    assert (problem.kind, problem.code, problem.refused) == ("feed", "not_an_address", True)
    assert "secret" not in str(problem)
    assert site.asked == []


def test_no_problem_repeats_what_the_address_asks_for(site: Site) -> None:
    feed = Read(site.address + "/services?key=secret")
    assert urlsplit(site.asked[0]).query == "key=secret&page=1"
    assert feed.codes() == ["http_404"]
    assert "secret" not in " ".join(map(str, feed.problems))


def test_a_path_is_never_taken_for_an_address(tmp_path: Path) -> None:
    source = tmp_path / "http-feed.json"
    source.write_text(json.dumps([service()]))
    assert Read(source).names() == {"Clay"}
