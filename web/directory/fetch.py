"""Answers of a feed on the web, fetched with patience and size both limited."""

import http.client
import ssl
import time
import urllib.error
import urllib.request
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, cast
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from web.directory.items import Limits

_IN_MEMORY = 2_000_000
_CHUNK = 65_536
_PORTS = {"http": 80, "https": 443}
_SERVICES = "services"


class FetchError(Exception):
    """Why there is no answer, as a sentence; `code` counts them."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def feed_address(source: str) -> SplitResult:
    """The address taken apart, or FetchError with what is wrong with it."""
    try:
        split = urlsplit(source)
        host, _ = split.hostname, split.port
    except ValueError:
        split, host = urlsplit(""), None
    if split.scheme.lower() not in _PORTS or not host:
        raise FetchError(
            "not_an_address", "An address of a feed begins with http:// or https:// and a name."
        )
    if split.username is not None or split.password is not None:
        raise FetchError("not_an_address", "Leave the user name and password out of the address.")
    return split


def page_address(feed: SplitResult, number: int) -> str:
    """The address of one page of the list; what else the query says is kept."""
    query = [(key, value) for key, value in parse_qsl(feed.query, True) if key != "page"]
    return _with(feed, _services_path(feed), [*query, ("page", str(number))])


def item_address(feed: SplitResult, source_id: str) -> str:
    """The address of one full item."""
    query = [(key, value) for key, value in parse_qsl(feed.query, True) if key not in _PAGING]
    return _with(feed, f"{_services_path(feed)}/{quote(source_id, safe='')}", query)


_PAGING = ("page", "per_page", "size")


def _services_path(feed: SplitResult) -> str:
    path = feed.path.rstrip("/")
    return path if path.rpartition("/")[2].lower() == _SERVICES else f"{path}/{_SERVICES}"


def _with(feed: SplitResult, path: str, query: list[tuple[str, str]]) -> str:
    return urlunsplit((feed.scheme, feed.netloc, path, urlencode(query), ""))


class Fetcher:
    """Gets answers over http and https, and follows redirects only within one host."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            _SameHost(),
        ):
            self._opener.add_handler(handler)

    def get(self, address: str) -> BinaryIO:
        """The body of the answer, to be closed; or FetchError with a sentence."""
        body = cast(BinaryIO, SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
        try:
            self._fill(body, address)
        except BaseException as trouble:
            body.close()
            if isinstance(trouble, OSError | http.client.HTTPException | ValueError):
                raise self._in_words(trouble) from trouble
            raise
        body.seek(0)
        return body

    def _fill(self, body: BinaryIO, address: str) -> None:
        request = urllib.request.Request(  # noqa: S310 - the opener knows http and https alone
            address, headers={"Accept": "application/json", "User-Agent": "Segue-directory/1"}
        )
        until = time.monotonic() + self._limits.answer_seconds
        with self._opener.open(request, timeout=self._limits.silent_seconds) as answer:
            if (answer.headers.get("Content-Encoding") or "identity").lower() != "identity":
                raise FetchError("packed", "The answer is packed, which we did not ask for.")
            taken = 0
            while chunk := answer.read1(_CHUNK):
                taken += len(chunk)
                if taken > self._limits.answer_bytes:
                    size = f"{self._limits.answer_bytes / 1_000_000:g} MB"
                    raise FetchError("too_big", f"The answer is larger than {size}.")
                if time.monotonic() > until:
                    waited = f"{self._limits.answer_seconds:g} seconds"
                    raise FetchError("too_slow", f"The answer was not whole within {waited}.")
                body.write(chunk)

    def _in_words(self, trouble: BaseException) -> FetchError:
        if isinstance(trouble, urllib.error.HTTPError):
            trouble.close()
            return FetchError(f"http_{trouble.code}", _status_words(trouble.code))
        if isinstance(trouble, urllib.error.URLError) and isinstance(trouble.reason, OSError):
            trouble = trouble.reason
        if isinstance(trouble, TimeoutError):
            waited = f"{self._limits.silent_seconds:g} seconds"
            return FetchError("silent", f"There was no answer for {waited}. Try again later.")
        if isinstance(trouble, ssl.SSLError):
            return FetchError(
                "not_secure", "The connection is not secure: its certificate does not hold."
            )
        if isinstance(trouble, ConnectionRefusedError):
            return FetchError("no_connection", "Nothing answers at this address. Try again later.")
        if isinstance(trouble, ConnectionError | http.client.RemoteDisconnected):
            return FetchError("broke_off", "The connection broke off. Try again later.")
        if isinstance(trouble, http.client.InvalidURL | ValueError):
            return FetchError("not_an_address", "This address can't be asked for. Check it.")
        if isinstance(trouble, http.client.HTTPException):
            return FetchError("not_http", "The answer is not one of a web server.")
        return FetchError("no_connection", "This address can't be reached. Check its spelling.")


class _SameHost(urllib.request.HTTPRedirectHandler):
    max_redirections = 5

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url), feed_address(newurl)
        moved = (new.hostname or "").lower() != (old.hostname or "").lower()
        if moved or not _same_door(old, new):
            fp.close()
            raise FetchError(
                "sent_elsewhere",
                f"The feed sends us on to {new.scheme}://{new.netloc}, which is another place. "
                "If you trust it, give that address.",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _same_door(old: SplitResult, new: SplitResult) -> bool:
    """The same scheme and port, or the step from plain http to https."""
    doors = [(s.scheme.lower(), s.port or _PORTS[s.scheme.lower()]) for s in (old, new)]
    return doors[0] == doors[1] or doors == [("http", 80), ("https", 443)]


def _status_words(status: int) -> str:
    if status in (401, 403):
        words = "The feed wants a key or a sign-in; Open Referral UK feeds are open."
    elif status in (404, 410):
        words = "There is nothing at this address."
    elif status == 429:
        words = "The feed says we ask too often. Try again later."
    elif status >= 500:
        words = "The feed has a fault of its own. Try again later."
    elif 300 <= status < 400:
        words = "The feed sends us round in a circle."
    else:
        words = "The feed does not answer this question."
    return f"{words} (It answered {status}.)"
