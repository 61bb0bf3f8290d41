"""Where signed heads go, outside the database: a folder, an address that takes them by POST."""

from __future__ import annotations

import fcntl
import http.client
import ipaddress
import os
import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from referral.notes import Checkpoint, NotANote, checkpoint, split
from referral.tiles import CHECKPOINT
from web.audit_keys import sync_folder
from web.auditing import NotPublished, Prove
from web.settings import SettingWrong

PATIENCE = 10.0  # seconds for each answer that is waited for
NOTE_TYPE = "text/plain; charset=utf-8"


def head_of(note: str) -> Checkpoint:
    """The head of a note, its signatures unchecked. NotANote for anything else."""
    return checkpoint(split(note)[0])


# -- a folder -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Folder:
    """A folder with the newest head in `checkpoint`, and each one under `checkpoints/` by the name
    of its log and its size. A file is there whole or not at all."""

    path: Path
    name: str = "folder"

    def known(self) -> str | None:
        """The newest head here; None before the first."""
        try:
            return (self.path / CHECKPOINT).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise NotPublished(_unusable(self.path, error)) from error

    def publish(self, note: str, last: int, prove: Prove) -> Mapping[str, str]:
        """Keep it, and let it be the newest unless a newer one is here."""
        head = head_of(note)
        past = self.path / "checkpoints" / head.origin.replace("/", "_")
        try:
            past.mkdir(parents=True, exist_ok=True)
            with _alone(self.path):
                put(past / f"{head.size:012}", note.encode())
                if not self._newer(head):
                    put(self.path / CHECKPOINT, note.encode())
        except OSError as error:
            raise NotPublished(_unusable(self.path, error)) from error
        return {}

    def _newer(self, head: Checkpoint) -> bool:
        try:
            here = head_of(self.known() or "")
        except NotANote:
            return False
        return here.origin == head.origin and here.size > head.size


def _unusable(path: Path, error: Exception) -> str:
    why = error.strerror if isinstance(error, OSError) else type(error).__name__
    return f"The folder {path} can't be used ({why}). Make it, and let the worker write to it."


def put(path: Path, content: bytes) -> None:
    """Write a file in one go: after a crash the old one is there, or the new one."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=".new.")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # it is there to be read by others
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# -- an address ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Address:
    """Where something answers over HTTPS. It is looked up anew for each request, and connected to
    at the address that was looked at: a name that changes between the two leads nowhere."""

    url: str
    private: bool = False

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.fragment:
            raise SettingWrong(
                f"An address that takes heads begins with https:// and a name, without a user: not"
                f" {parts.scheme}://{parts.hostname or ''}"
            )

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    def post(self, body: bytes, kind: str = NOTE_TYPE) -> tuple[int, bytes]:
        """The status and the answer. NotPublished when there is none."""
        parts = urlsplit(self.url)
        port = parts.port or 443
        path = parts.path or "/"
        if parts.query:
            path += f"?{parts.query}"
        connection = _Pinned(self.host, port, self._reached(port))
        try:
            connection.request("POST", path, body, {"Content-Type": kind, "User-Agent": "Segue"})
            answer = connection.getresponse()
            return answer.status, answer.read(1_000_000)
        except ssl.SSLError as error:
            raise NotPublished(
                f"The connection to {self.host} is not secure: its certificate does not hold."
            ) from error
        except TimeoutError as error:
            raise NotPublished(f"{self.host} didn't answer within {PATIENCE:g} seconds.") from error
        except (OSError, http.client.HTTPException) as error:
            raise NotPublished(f"{self.host} can't be reached, or broke off.") from error
        finally:
            connection.close()

    def _reached(self, port: int) -> str:
        """The number to connect to: every number of the name lies outside, or private ones are
        allowed."""
        try:
            found = socket.getaddrinfo(self.host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NotPublished(f"There is no address for the name {self.host}.") from error
        numbers = [str(one[4][0]) for one in found]
        if not self.private and not all(_outside(number) for number in numbers):
            raise NotPublished(
                f"{self.host} lies within your own network. If that is right, set"
                " SEGUE_AUDIT_PRIVATE=yes"
            )
        return numbers[0]


def _outside(number: str) -> bool:
    address = ipaddress.ip_address(number.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not address.is_multicast


class _Pinned(http.client.HTTPSConnection):
    """Connects to one number, and still asks for the certificate of the name."""

    def __init__(self, host: str, port: int, number: str) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, port, timeout=PATIENCE, context=self._tls)
        self._number = number

    def connect(self) -> None:
        raw = socket.create_connection((self._number, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(raw, server_hostname=self.host)


@dataclass(frozen=True)
class Webhook:
    """An address that takes each head as it is, by POST, and answers with 2xx. The head is signed:
    whoever takes it checks it with the public key, and needs no secret."""

    address: Address

    @property
    def name(self) -> str:
        return f"webhook {self.address.host}"

    def known(self) -> str | None:
        return None

    def publish(self, note: str, last: int, prove: Prove) -> Mapping[str, str]:
        status, _ = self.address.post(note.encode())
        if not 200 <= status < 300:
            also = " It sends us elsewhere, and we don't follow." if 300 <= status < 400 else ""
            raise NotPublished(f"{self.address.host} answered {status}.{also}")
        return {}
