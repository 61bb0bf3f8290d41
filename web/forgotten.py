"""A password that was forgotten: a link by e-mail that works once, for an hour, and lets choose a
new one.

Whoever asks gets the same answer whether there is such an account or not. Nobody is signed in by
the link: that asks for the new password, as ever."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from flask import Blueprint, Response, flash, make_response, redirect, request
from flask import render_template as render
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as AnyResponse

from referral import sign_ins
from referral.actors import the_system
from referral.dispatches import EMAIL
from referral.store import Door
from web.access import public
from web.current import edge, ways
from web.labels import said
from web.limits import WINDOW, seconds_to_wait
from web.links import tokens
from web.passwords import hash_password
from web.say import _
from web.signed_in import address_proved, clock
from web.signing_in import mark_now, wait_words
from workflows.accounts import (
    INVITATION,
    RESET,
    RESET_LASTS,
    ByLink,
    ask_for_new_password,
    check_password,
    choose_password,
    still_good,
)
from workflows.engine import Refused

pages = Blueprint("forgotten", __name__)

MOST_ASKED = 10  # by one browser's address, in a minute
MOST_SENT = 3  # to one account, in the hour a link lasts
MOST_CHOSEN = 10
BY_LINK = frozenset({"forgotten.choose", "invitations.accept"})
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


def keep_to_oneself(response: Response) -> Response:
    """No page reached by a link learns its address; none is kept, and none is listed."""
    if request.endpoint in BY_LINK:
        response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


pages.after_request(keep_to_oneself)


def _limited(kind: str, most: int, what: str | None = None, window: timedelta = WINDOW) -> int:
    with edge().store.begin(door=Door.SHUT) as tx:
        return seconds_to_wait(tx, clock(), kind, most, what, window)


def _too_many(body: str, wait: int) -> Response:
    response = make_response(body, 429)
    response.headers["Retry-After"] = str(wait)
    return response


@pages.route("/forgotten-password", methods=["GET", "POST"])
@public("whoever forgot their password can't sign in")
def ask() -> ResponseReturnValue:
    """Ask for a link to choose a new password."""
    sends = EMAIL in ways().channels
    if request.method == "GET" or not sends:
        return _asking(sends=sends, asked=request.args.get("asked") == "yes")
    email = request.form.get("email", "").strip().lower()[:254]
    if not ADDRESS.fullmatch(email):
        return _asking(_("Enter your email address, like name@example.org"), email), 422
    wait = _limited("forgot", MOST_ASKED)
    if wait:
        return _too_many(_asking(wait_words(wait), email), wait)
    # Told to nobody: a page that said so would tell which addresses have an account.
    if not _limited("forgot_of", MOST_SENT, email, RESET_LASTS):
        with edge().reading(None) as (tx, _at):
            account = sign_ins.account(tx, email)
        if account is not None and account.active:
            found = account
            system = the_system(found.system_id, RESET)
            edge().perform(system, lambda tx, at: ask_for_new_password(tx, system, at, found.id))
    return redirect("/forgotten-password?asked=yes", 303)


def _asking(wrong: str = "", email: str = "", *, sends: bool = True, asked: bool = False) -> str:
    return render(
        "forgotten.jinja",
        wrong=wrong,
        errors=[{"text": wrong, "href": "#email"}] if wrong else [],
        email=email,
        sends=sends,
        asked=asked,
        back={"href": "/sign-in", "text": _("Back to sign in")},
    )


@pages.route("/choose-password/<token>", methods=["GET", "POST"])
@public("the link is the proof; only a new password can be chosen by it")
def choose(token: str) -> ResponseReturnValue:
    """Choose a new password, by the link that was sent."""
    read = tokens().read_reset(token)
    answer = choosing(ByLink(*read) if read else None, RESET)
    if answer is not None:
        return answer
    flash(_("Your password is changed. Sign in with it now."), "success")
    return reads_mail(read, redirect("/sign-in", 303))


def reads_mail(read: tuple[str, datetime, str] | None, response: AnyResponse) -> Response:
    """The same response, which keeps in this browser that the account's mail is read here: a link
    that was sent to it was just used."""
    made = make_response(response)
    if read is not None:
        with edge().reading(None) as (tx, _at):
            address_proved(made, read[0], mark_now(tx, read[0]))
    return made


def choosing(asked: ByLink | None, what: str) -> ResponseReturnValue | None:
    """The page a link leads to, by which a password is chosen: as it is opened, and after it was
    sent with something to mend. None once it is chosen. `what`: the kind of link."""
    found = None
    if asked is not None:
        with edge().reading(None) as (tx, at):
            found = still_good(tx, at, asked, what)
    if asked is None or found is None:
        return _choosing(what, works=False), 410
    if request.method == "GET":
        return _choosing(what, email=found.email)
    wait = _limited("choose_password", MOST_CHOSEN, asked.user_id)
    wrong, new = "", request.form.get("new_password", "")[:1_000]
    if wait:
        wrong = wait_words(wait)
    else:
        try:
            check_password(new)
        except Refused as refused:
            wrong = said(refused.refusals[0].why)
    if wrong:
        body = _choosing(what, wrong, email=found.email)
        return _too_many(body, wait) if wait else (body, 422)
    made = hash_password(new)
    actor = the_system(found.system_id, what)
    if not edge().perform(actor, lambda tx, at: choose_password(tx, actor, at, asked, made, what)):
        return _choosing(what, works=False), 410
    return None


def _choosing(what: str, wrong: str = "", *, works: bool = True, email: str = "") -> str:
    return render(
        "choose_password.jinja",
        works=works,
        first=what == INVITATION,
        email=email,
        wrong=wrong,
        errors=[{"text": wrong, "href": "#new_password"}] if wrong else [],
    )
