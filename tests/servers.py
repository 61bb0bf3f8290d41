"""Servers of the services that carry messages, on this machine: a real SMTP server with manners of
its own, and one that speaks the API of GOV.UK Notify as published."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller

from referral.ids import new_id

SERVICE = "26785a09-ab16-4eb0-8407-a37497a57506"
SECRET = "3d844edf-8d35-48ac-975b-e847b4f122b0"
KEY = f"segue-{SERVICE}-{SECRET}"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Mailbox:
    """What a mail server took, and its manners: take, drop, refuse, busy, hang, die (before it has
    taken the text) or die_after (when it has, and before it says so)."""

    manners: str = "take"
    raw: list[bytes] = field(default_factory=list)
    tried: int = 0

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(one, EmailMessage, policy=default) for one in self.raw]

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        self.tried += 1
        if self.manners == "refuse":
            return "550 No such mailbox here"
        if self.manners == "busy":
            return "451 Try again later"
        if self.manners == "hang":
            await asyncio.sleep(30)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.manners == "die":
            server.transport.abort()
            return "250 never heard"
        if self.manners != "drop":
            self.raw.append(envelope.content)
        if self.manners == "die_after":
            server.transport.abort()
        return "250 Taken"


@contextmanager
def mail_server(
    manners: str = "take", tls: ssl.SSLContext | None = None
) -> Iterator[tuple[Mailbox, str]]:
    """A mail server, and its address as SEGUE_SMTP_URL gives it."""
    box = Mailbox(manners)
    port = free_port()
    more: dict[str, Any] = {"tls_context": tls, "require_starttls": True} if tls else {}
    running = Controller(box, hostname="127.0.0.1", port=port, **more)
    running.start()
    try:
        yield box, f"smtp://127.0.0.1:{port}" + ("" if tls else "?tls=off")
    finally:
        running.stop()


@dataclass
class Service:
    """What GOV.UK Notify took. `manners`: take, wrong (400), closed (403), broken (500), hang, or
    die_after (taken, and the connection cut before the answer)."""

    manners: str = "take"
    taken: list[dict[str, Any]] = field(default_factory=list)
    says: str = "delivered"
    asked: int = 0


@contextmanager
def notify_server(manners: str = "take") -> Iterator[tuple[Service, str]]:
    """The service, and its address."""
    service = Service(manners)

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _say(self, status: int, body: dict[str, Any]) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def _wrong(self, status: int, error: str) -> None:
            self._say(status, {"status_code": status, "errors": [{"error": error}]})

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            given = json.loads(self.rfile.read(length))
            service.asked += 1
            if service.manners == "hang":
                import time

                time.sleep(0.6)
            troubles = {"wrong": 400, "closed": 403, "broken": 500}
            if service.manners in troubles:
                return self._wrong(troubles[service.manners], "BadRequestError")
            assert self.headers["Authorization"].startswith("Bearer ")
            kind = self.path.rsplit("/", 1)[1]
            made = {**given, "id": new_id(), "type": kind}
            service.taken.append(made)
            if service.manners == "die_after":
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return None
            return self._say(201, {"id": made["id"], "reference": given.get("reference")})

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/v2/notifications":
                wanted = parse_qs(parts.query).get("reference", [""])[0]
                found = [one for one in service.taken if one.get("reference") == wanted]
                return self._say(200, {"notifications": found, "links": {}})
            number = parts.path.rsplit("/", 1)[1]
            for one in service.taken:
                if one["id"] == number:
                    return self._say(200, {"id": number, "status": service.says})
            return self._wrong(404, "NoResultFound")

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
