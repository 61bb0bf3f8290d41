"""What every response carries, and what every request that changes something must prove."""

from __future__ import annotations

import secrets

from flask import Flask, Response, abort, g, request

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
YEAR = 31_536_000
# Beside the pages of links: what is sent from a page whose address is a secret.
SENT_FROM_SECRET_PAGES = {
    "forgotten.choose",
    "invitations.accept",
    "languages.choose",
}


def nonce() -> str:
    """The word of this response that lets its one inline script run."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def headers(https: bool, endpoint: str | None) -> dict[str, str]:
    """The headers of one response, whatever its status."""
    policy = (
        "default-src 'none'; "
        f"script-src 'self' 'nonce-{nonce()}'; style-src 'self'; img-src 'self'; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    found = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if https:
        found["Strict-Transport-Security"] = f"max-age={YEAR}; includeSubDomains"
    return found


def protect(app: Flask, origin: str, https: bool) -> None:
    """Headers on every response, and no change asked for by a page from elsewhere."""

    @app.before_request
    def from_our_own_pages() -> None:
        # A browser names the page's origin on every POST; doors for programs send none.
        said = request.headers.get("Origin")
        if request.method not in SAFE and said is not None:
            ours = {origin, f"{request.scheme}://{request.host}"}
            # A page that says `no-referrer` has its forms posted from "null". There the address is
            # a secret of its own, and the token against forged requests is asked for as elsewhere.
            if request.blueprint == "links" or request.endpoint in SENT_FROM_SECRET_PAGES:
                ours.add("null")
            if said not in ours:
                abort(400)

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in headers(https, request.endpoint).items():
            response.headers.setdefault(name, value)
        if request.endpoint == "static" and response.status_code == 200:
            response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
            response.direct_passthrough = False
            response.make_sequence()  # only what is there as a whole is compressed
        elif request.endpoint == "static" and response.status_code == 304:
            pass
        else:
            response.headers.setdefault("Cache-Control", "no-store")
        return response
