"""Sentences in the reader's language."""

from __future__ import annotations

import flask_babel


def _(text: str, **said: object) -> str:
    """A sentence, with what is said put into it."""
    return str(flask_babel.gettext(text, **said))


def ngettext(one: str, many: str, number: int, **said: object) -> str:
    """A sentence that depends on a number, which it may repeat as %(num)s."""
    return str(flask_babel.ngettext(one, many, number, **said))
