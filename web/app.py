"""The web application: the edge, the frame, and the pages of each noun."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from importlib import import_module
from pathlib import Path

from flask import Flask
from flask_babel import Babel
from flask_compress import Compress
from flask_wtf import CSRFProtect
from jinja2 import ChainableUndefined, ChoiceLoader, FileSystemLoader, PackageLoader
from werkzeug.middleware.proxy_fix import ProxyFix

from web import (
    access,
    errors,
    frame,
    labels,
    languages,
    pdf,
    reads,
    say,
    security,
    signed_in,
    words,
)
from web.current import Segue
from web.edge import Edge
from web.settings import Settings
from web.uploads import Asked
from web.ways import Ways, ways_of

# One line for each module of pages; each has a blueprint named `pages`.
MODULES: tuple[str, ...] = (
    "web.signing_in",
    "web.forgotten",
    "web.invitations",
    "web.own_account",
    "web.own_passkeys",
    "web.home",
    "web.notices",
    "web.reminders",
    "web.search",
    "web.referral_lists",
    "web.plain",
    "web.help",
    "web.languages",
    "web.wizard",
    "web.activities",
    "web.referrals",
    "web.outcomes",
    "web.messages",
    "web.documents",
    "web.people",
    "web.equality",
    "web.relationships",
    "web.lives",
    "web.team",
    "web.consent",
    "web.overrides",
    "web.rights",
    "web.emergencies",
    "web.rights_doing",
    "web.keeping",
    "web.looks",
    "web.accesses",
    "web.holds",
    "web.capacity",
    "web.wordings",
    "web.concerns",
    "web.rotas",
    "web.moves",
    "web.provider_moves",
    "web.sessions",
    "web.offers",
    "web.escalations",
    "web.providers",
    "web.agreements",
    "web.organisations",
    "web.accounts",
    "web.accountability",
    "web.announcements",
    "web.themes",
    "web.reports",
    "web.system",
    "web.raised_outside",
    "web.policy",
    "web.machines",
    "web.policy_changes",
    "web.directory.page",
    "web.preferences",
    "web.errands",
    "web.audit_pages",
    "web.inquiry_pages",
    "web.own_links",
    "web.own_asking",  # with web.links, whose pages it goes on with
)
MOST_POSTED = 1_000_000
MOST_FIELDS = 2_000


class App(Flask):
    """Every template is escaped, whatever its name: the library's end in `.jinja`, which Flask
    would not escape by itself."""

    request_class = Asked
    jinja_options = {"undefined": ChainableUndefined, "autoescape": True}  # noqa: RUF012


def create_app(
    edge: Edge,
    settings: Settings,
    *,
    modules: Iterable[str] = MODULES,
    session_clock: Callable[[], datetime] | None = None,
    ways: Ways | None = None,
) -> App:
    """The application over a store and a clock. `session_clock` is for where the edge's clock can
    be wound: sessions then go by this one. `ways` are those out of the house; the settings' own,
    if not given. Raises RuntimeError for a route without a rule."""
    app = App("web")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=MOST_POSTED,
        MAX_FORM_MEMORY_SIZE=MOST_POSTED,
        MAX_FORM_PARTS=MOST_FIELDS,
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session
        WTF_CSRF_SSL_STRICT=False,  # `security` compares the Origin, which is always sent
        BABEL_DEFAULT_LOCALE="en",
        COMPRESS_STREAMS=False,
        COMPRESS_MIMETYPES=["text/html", "text/css", "text/javascript", "image/svg+xml"],
    )
    app.extensions["segue"] = Segue(
        edge, settings, session_clock or (lambda: _now(app)), ways or ways_of(settings)
    )
    ours = FileSystemLoader(Path(__file__).parent / "templates")
    app.jinja_loader = ChoiceLoader([ours, PackageLoader("nhsuk_frontend_jinja")])
    if settings.proxies:
        hops = settings.proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
    Compress(app)
    Babel(app, locale_selector=languages.read_now)
    say.set_up(app)
    security.protect(app, settings.origin, settings.https)
    signed_in.set_up(app, settings.https)
    CSRFProtect(app)
    errors.register(app)
    frame.set_up(app, settings.service_name)
    app.jinja_env.filters.update(
        written=words.written, whole=words.whole, with_commands=words.with_commands
    )
    app.jinja_env.globals.update(labels=labels, words=words, as_pdf=pdf.address)
    for name in modules:
        app.register_blueprint(import_module(name).pages)
    import_module("web.api").register(app)
    access.guard_every_route(app)
    reads.keep(app, settings.keep_addresses)
    return app


def _now(app: App) -> datetime:
    segue: Segue = app.extensions["segue"]
    return segue.edge.clock()
