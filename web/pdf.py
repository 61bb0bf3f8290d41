"""A page as a PDF, for those who keep or send paper: the same page under the same rules, laid out
by its print style. WeasyPrint makes it where it is installed (`pip install segue[pdf]`)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import cache, wraps
from importlib.util import find_spec
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from flask import Response, current_app, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.security import safe_join

# What the maker lays out otherwise than a browser does.
PAPER = """
@page { size: A4; margin: 12mm 14mm }
.app-header__mark svg { display: none }
.app-header__mark span { white-space: nowrap }
"""
View = Callable[..., ResponseReturnValue]
AS = "pdf"


def address() -> str:
    """Where this page is as a PDF; empty where none can be made."""
    return f"{request.path}?as={AS}" if find_spec("weasyprint") is not None else ""


def offered(name: str) -> Callable[[View], View]:
    """The page that a view draws, also as a PDF of this name: `?as=pdf`."""

    def with_pdf(view: View) -> View:
        @wraps(view)
        def drawn(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            body = view(*args, **kwargs)
            if request.args.get("as") != AS or not isinstance(body, str):
                return body
            content = made(body, request.url_root, Path(current_app.static_folder or ""))
            if content is None:
                return render_template("pdf_not_here.jinja", back={"href": request.path}), 501
            disposition = f"attachment; filename={name}.pdf"
            return Response(
                content, mimetype="application/pdf", headers={"Content-Disposition": disposition}
            )

        return drawn

    return with_pdf


def made(html: str, root: str, static: Path) -> bytes | None:
    """The page on paper; None where what makes it isn't installed. Nothing is fetched: only our own
    files are read."""
    maker = _maker()
    if maker is None:
        return None
    page, sheet, fetcher = maker
    ours = page(string=html, base_url=root, url_fetcher=fetcher(f"{root}static/", static))
    found: bytes = ours.write_pdf(stylesheets=[sheet(string=PAPER)])
    return found


@cache
def _maker() -> tuple[Any, Any, Any] | None:
    """WeasyPrint's page and style sheet, and what reads our files for them. It takes half a second
    to load, and needs libraries of the system: hence late, and only once."""
    try:
        from weasyprint import CSS, HTML
        from weasyprint.urls import URLFetcher, URLFetcherResponse
    except (ImportError, OSError):
        return None
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)  # what it can't draw, line by line

    class OwnFiles(URLFetcher):  # type: ignore[misc, unused-ignore]
        def __init__(self, root: str, static: Path) -> None:
            super().__init__(allowed_protocols=("data",))
            self._root, self._static = root, static

        def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
            if not url.startswith(self._root):
                return super().fetch(url, headers)
            name = url.removeprefix(self._root).partition("?")[0].partition("#")[0]
            path = safe_join(str(self._static), name)
            if path is None:
                raise ValueError(url)
            kind = guess_type(name)[0] or "application/octet-stream"
            return URLFetcherResponse(url, Path(path).read_bytes(), {"Content-Type": kind})

    return HTML, CSS, OwnFiles
