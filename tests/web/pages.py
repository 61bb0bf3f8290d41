"""A small application that draws the frame and the components, without a store behind them."""

from flask import Flask, flash, render_template_string, session
from flask_babel import Babel
from flask_wtf import CSRFProtect
from jinja2 import ChainableUndefined, ChoiceLoader, PackageLoader

from web import labels, words

HOSTILE = '"><script>alert("x")</script>'


class Pages(Flask):
    jinja_options = {"undefined": ChainableUndefined, "autoescape": True}  # noqa: RUF012


def pages() -> Flask:
    app = Pages("web")
    assert app.jinja_loader is not None
    app.jinja_loader = ChoiceLoader([app.jinja_loader, PackageLoader("nhsuk_frontend_jinja")])
    app.config["SECRET_KEY"] = "only for tests"
    Babel(app)
    CSRFProtect(app)
    app.jinja_env.filters.update(
        written=words.written, whole=words.whole, with_commands=words.with_commands
    )
    app.jinja_env.globals["labels"] = labels
    return app


def draw(source: str, **context: object) -> str:
    """The markup that a template makes of this context."""
    with pages().test_request_context():
        return render_template_string(source, **context)


FRAME = """
{% extends "layout.jinja" %}
{% block title %}Drawn{% endblock %}
{% block content %}<h1>Drawn</h1>{{ words }}{% endblock %}
"""


def framed(said: tuple[str, str] | None = None, **context: object) -> str:
    """A page in the frame, after somebody was told something by a flashed message."""
    with pages().test_request_context():
        if said:
            category, words = said
            flash(words, category)
        html = render_template_string(FRAME, **context)
        session.clear()
        return html
