"""Errors become pages here. None says whether a record exists, what was typed, or what broke."""

from __future__ import annotations

import logging
import secrets
import traceback

from flask import Flask, current_app, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from referral.states import Role
from referral.store import CannotWrite, OutcomeUnknown, StoreBusy
from web.access import rule_of
from web.current import settings
from web.edge import Busy
from web.labels import role_name
from web.say import _
from web.signed_in import actor_or_none, ask_to_sign_in, typed_here
from web.words import listed
from workflows.engine import Refused

log = logging.getLogger("segue.web")
# What keeps a command from being saved, without anybody having refused it.
NOT_SAVED = (Busy, CannotWrite, OutcomeUnknown)


class Trouble:
    """What an error page says: a heading, sentences, and whether searching may help."""

    def __init__(self, heading: str, *sentences: str, search: bool = False) -> None:
        self.heading = heading
        self.sentences = sentences
        self.search = search


def _whose() -> list[str]:
    """Whose page it is, where it is for other roles than the one that asks."""
    rule = rule_of(current_app, request.endpoint) if request.endpoint else None
    actor = actor_or_none()
    if rule is None or not rule.roles or actor is None or actor.role in rule.roles:
        return []
    names = listed([role_name(role) for role in Role if role in rule.roles])
    return [_("It is for: %(roles)s.", roles=names)]


def trouble(status: int) -> Trouble:
    """The words for a status."""
    if status in (404, 410):
        return Trouble(
            _("Page not found"),
            _("There is no such page, or it is not one you work with."),
            _("Check the address or the reference, or search for it."),
            search=True,
        )
    if status == 403:
        return Trouble(
            _("This page is for another role"),
            _("Your role does not use this page."),
            *_whose(),
            _("If you also work in another role, change your role. If you need this page, ask"
              " your administrator."),
        )  # fmt: skip
    if status == 405:
        return Trouble(_("That cannot be done here"), _("Go back and use the button on the page."))
    if status == 409:
        return Trouble(
            _("This cannot be done now"),
            _("Nothing was saved. Go back and look at what can be done now."),
        )
    if status == 413:
        return Trouble(
            _("That is too much at once"),
            _("Nothing was saved. Go back, shorten what you wrote or choose a smaller file, and"
              " try again."),
        )  # fmt: skip
    if status == 429:
        return Trouble(_("Too many tries"), _("Nothing was saved. Wait a minute, then try again."))
    if status == 503:
        return Trouble(
            _("Segue is busy"),
            _("Nothing was saved. Wait a moment, then try again."),
            _("If someone is in immediate danger, call 999."),
        )
    if status >= 500:
        return Trouble(
            _("Something went wrong"),
            _("Nothing was saved. It is not your fault, and we have noted it."),
            _("Go back and try again. If someone is in immediate danger, call 999."),
        )
    return Trouble(
        _("We could not read that"), _("Nothing was saved. Go back, load the page again and retry.")
    )


def cannot_tell() -> Trouble:
    """The connection was lost while saving: it may be there or not."""
    return Trouble(
        _("We cannot tell whether this was saved"),
        _("The connection was lost. Go back and send the same form again: it counts only once."),
        _("If someone is in immediate danger, call 999."),
    )


def cannot_save() -> Trouble:
    """The database takes nothing: somebody must help before it does."""
    return Trouble(
        _("Segue cannot save anything at the moment"),
        _("Nothing was saved. Tell whoever looks after Segue and give them the reference below."),
        _("Then go back and send the same form again: it counts only once."),
        _("If someone is in immediate danger, call 999."),
    )


def not_saved(error: BaseException) -> str:
    """One of `NOT_SAVED` in a sentence, for the head of the form that was sent: everything typed
    is still there, and the form keeps its key."""
    if isinstance(error, OutcomeUnknown):
        note(error)
        return _(
            "We cannot tell whether this was saved: the connection was lost. Send the same form"
            " again: it counts only once."
        )
    if isinstance(error, CannotWrite):
        return _(
            "Nothing was saved: Segue cannot save anything at the moment. Tell whoever looks after"
            " Segue (reference %(reference)s), then send the same form again: it counts only once.",
            reference=note(error),
        )
    return _("Nothing was saved: Segue is busy. Wait a moment, then try again.")


def urgent(status: int) -> str | None:
    """The urgent phone line of the place, on pages that say the service is down."""
    return settings().urgent_phone if status >= 500 else None


def page(
    status: int, reference: str | None = None, about: Trouble | None = None
) -> tuple[str, int]:
    """The error page of a status; where the same form may be taken another time, with a way back to
    what was typed, and else with the words themselves."""
    kept = typed_here() if status >= 400 else None
    again = status >= 500 or status in (409, 429)
    words = [v for _name, v in kept.fields if " " in v.strip()] if kept and not again else []
    return (
        render_template(
            "error.jinja",
            trouble=about or trouble(status),
            reference=reference,
            urgent=urgent(status),
            kept=kept if again else None,
            words_typed=words,
        ),
        status,
    )


def status_of(refused: Refused) -> int:
    """The HTTP status of a refusal: not there, a field, or a state that stands in the way."""
    codes = refused.codes
    if "not_found" in codes:
        return 404
    if "not_your_role" in codes:
        return 403
    if all(r.field for r in refused.refusals):
        return 422
    return 409


def note(error: BaseException) -> str:
    """Log where an error arose and of what kind it is, under a reference; never what was in it,
    for the message of a database error may repeat what somebody typed."""
    reference = secrets.token_hex(4)
    frames = traceback.extract_tb(error.__traceback__)
    way = " < ".join(f"{f.filename.rsplit('/', 2)[-1]}:{f.lineno} {f.name}" for f in frames[::-1])
    log.error("error %s: %s at %s", reference, type(error).__name__, way)
    return reference


def register(app: Flask) -> None:
    """Every error that leaves a view has a page."""

    @app.errorhandler(CSRFError)
    def forged(error: CSRFError) -> ResponseReturnValue:
        if actor_or_none() is None and request.blueprint not in (
            "links",
            "forgotten",
            "invitations",
        ):
            # `security` has refused an Origin that isn't ours; where none came, nothing is proven.
            return ask_to_sign_in(proven="Origin" in request.headers)
        return page(400)

    @app.errorhandler(HTTPException)
    def known(error: HTTPException) -> ResponseReturnValue:
        if error.code is None or error.code < 400:
            return error
        body, status = page(error.code)
        keep = {"Allow", "Retry-After"}
        found = [(k, v) for k, v in error.get_headers() if k in keep]
        return body, status, found

    @app.errorhandler(Refused)
    def refused(error: Refused) -> ResponseReturnValue:
        return page(status_of(error))

    @app.errorhandler(Busy)
    @app.errorhandler(StoreBusy)
    def busy(error: Exception) -> ResponseReturnValue:
        body, status = page(503)
        return body, status, {"Retry-After": "5"}

    def down(trouble: Trouble, error: Exception) -> ResponseReturnValue:
        body, status = page(503, note(error), trouble)
        return body, status, {"Retry-After": "30"}

    @app.errorhandler(OutcomeUnknown)
    def unknown(error: OutcomeUnknown) -> ResponseReturnValue:
        return down(cannot_tell(), error)

    @app.errorhandler(CannotWrite)
    def full(error: CannotWrite) -> ResponseReturnValue:
        return down(cannot_save(), error)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> ResponseReturnValue:
        if current_app.testing and current_app.config.get("PROPAGATE"):
            raise error
        return page(500, note(error))
