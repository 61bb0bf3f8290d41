"""The pages of signing in and out, and of changing role."""

from __future__ import annotations

import hashlib
import hmac
import math
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, flash, make_response, redirect, request, session
from flask import render_template as render
from flask.typing import ResponseReturnValue
from flask_login import current_user, logout_user

from referral import second_steps, sign_ins
from referral.accounts import last_seen, signs_in
from referral.actors import Actor, the_system
from referral.audit import log
from referral.members import actor_of
from referral.sign_ins import Post
from referral.store import Door, Tx
from web.access import STAFF, access, current_actor, public
from web.current import edge, settings
from web.labels import role_name, said
from web.limits import count, forget, seconds_to_wait
from web.passkeys import ask_for_one, is_passkey_shown, question_asked
from web.passwords import hash_password, is_right
from web.say import _, ngettext
from web.signed_in import (
    actor_or_none,
    clock,
    hashed,
    idle_time,
    is_remembered,
    kept,
    opened,
    own_key,
    query,
    remember_device,
    safe_path,
    shut,
    sign_in_page,
    start_session,
    use_session,
)
from workflows.accounts import change_own_password, check_password, mark_of
from workflows.engine import Refused
from workflows.organisations import the_only_system
from workflows.second_steps import (
    DIGITS,
    NOT_RIGHT,
    TRIED,
    digits_of,
    is_shown,
    tell_account,
)

pages = Blueprint("signing_in", __name__)

MOST_WRONG = 10
WINDOW = timedelta(minutes=1)
A_DAY = timedelta(days=1)
KEPT_TRIES = A_DAY
# Between the password and the code: what the password proved, handed back by the browser.
HALF = "half signed in"
HALF_LASTS = timedelta(minutes=10)
CODES = "codes_of"
MOST_CODES = 30  # wrong ones for one account in a day: of a million, three count at a time
SAID_AFTER = 5  # wrong codes after the right password: whoever has the account is told


@pages.get("/sign-in")
@public("it is where one proves who one is")
def sign_in() -> ResponseReturnValue:
    if actor_or_none() is not None:
        return redirect(safe_path(request.args.get("next")))
    return sign_in_page({}, next_path=safe_path(request.args.get("next")))


class _TooMany(Exception):
    def __init__(self, until: datetime) -> None:
        self.until = until


def _try_keys(email: str) -> tuple[str, str]:
    def digest(kind: str, text: str) -> str:
        said = f"{kind}:{text}".encode()
        return f"{kind}:{hmac.new(own_key(), said, hashlib.sha256).hexdigest()[:32]}"

    return digest("account", email), digest("address", request.remote_addr or "")


def _count_try(tx: Tx, email: str, at: datetime) -> None:
    """Count this try as wrong until it proves right, so that tries side by side can't slip by."""
    since = at - WINDOW
    for key in _try_keys(email):
        sign_ins.count_try(tx, key, at.replace(microsecond=0))
        number, first = sign_ins.tries(tx, key, since)
        if number > MOST_WRONG:
            raise _TooMany((first or at) + WINDOW)


@pages.post("/sign-in")
@public("it is where one proves who one is")
def sign_in_now() -> ResponseReturnValue:
    email = request.form.get("email", "").strip().lower()[:254]
    password = request.form.get("password", "")[:1_000]
    next_path = safe_path(request.form.get("next"))
    answers = request.form.get("answers", "")
    again: dict[str, Any] = {"email": email, "next_path": next_path, "answers": answers}
    missing = {}
    if not email:
        missing["email"] = _("Enter your email address")
    if not password:
        missing["password"] = _("Enter your password")
    if missing:
        return sign_in_page(missing, **again), 422
    at = clock()
    here = edge()
    try:
        with here.store.begin(door=Door.SHUT) as tx:
            _count_try(tx, email, at)
            account = sign_ins.account(tx, email)
            only = the_only_system(tx)
    except _TooMany as wait:
        words = wait_words(math.ceil((wait.until - at).total_seconds()))
        response = make_response(sign_in_page({"email": words}, **again), 429)
        response.headers["Retry-After"] = str(max(1, math.ceil((wait.until - at).total_seconds())))
        return response
    right = is_right(account.password_hash if account and account.active else None, password)
    token = half = None
    with here.store.begin(door=Door.SHUT) as tx:
        now = here.clock()
        posts = sign_ins.posts(tx, account.id, now) if account and right else []
        if account and posts:
            actor = actor_of(tx, posts[0].membership_id, now)
            if actor is not None:
                for key in _try_keys(email):
                    sign_ins.forget_try(tx, key, at.replace(microsecond=0))
                sign_ins.forget_tries(tx, at - KEPT_TRIES)
                step, mark = second_steps.of(tx, account.id), mark_now(tx, account.id)
                if step is not None and not is_remembered(step, mark):
                    half = shut(HALF, [account.id, step.id, mark])
                else:
                    first = last_seen(tx, account.id) is None
                    token = start_session(tx, actor, at)
        if token is None and half is None and (account or only):
            system = the_system(account.system_id if account else str(only), "sign_in")
            log(tx, system, at, "sign_in_refused", "user", account.id if account else None)
    if half is not None:
        return _code_page(half, next_path, answers)
    if token is None:
        words = _("The email address or the password is not right")
        return sign_in_page({"email": words}, **again), 401
    use_session(token)
    if first and next_path == "/":
        next_path = "/account?first=yes"
    return _go_on(answers, next_path, len(posts))


# -- the second step ----------------------------------------------------------------------------


def _code_page(
    half: str, next_path: str, answers: str, wrong: str = "", remember: bool = False
) -> str:
    """What was typed is not drawn again: the next code is another one."""
    shown = opened(HALF, half, HALF_LASTS)
    asking = ask_for_one(shown[0], shown[1]) if shown else None
    return render(
        "sign_in_code.jinja",
        half=half,
        next_path=next_path,
        answers=answers,
        wrong=wrong,
        errors=[{"text": wrong, "href": "#code"}] if wrong else [],
        remember=remember,
        days=settings().remember_days,
        passkey=asking,
        back={"href": "/sign-in", "text": _("Back to sign in")},
    )


@pages.get("/sign-in/code")
@public("it is where one proves who one is")
def sign_in_code() -> ResponseReturnValue:
    """Who comes without a password just shown begins with it."""
    return sign_in()


@pages.post("/sign-in/code")
@public("it is where one proves who one is")
def sign_in_by_code() -> ResponseReturnValue:
    """The second step, by whoever has just shown the right password."""
    half, answers = request.form.get("half", ""), request.form.get("answers", "")
    next_path, remember = safe_path(request.form.get("next")), "remember" in request.form
    typed = digits_of(request.form.get("code", "")[:100])
    shown = opened(HALF, half, HALF_LASTS)
    if shown is None:
        words = _("That took longer than 10 minutes. Enter your password again")
        return sign_in_page({"password": words}, next_path=next_path, answers=answers), 401
    if not typed:
        words = _("Enter the code your app shows")
        return _code_page(half, next_path, answers, words, remember), 422
    user_id, step_id, mark = shown[:3]
    at, here, day = clock(), edge(), 0
    with here.store.begin(door=Door.SHUT) as tx:
        wait = max(
            seconds_to_wait(tx, at, "code", MOST_WRONG, user_id),
            seconds_to_wait(tx, at, "code_from", MOST_WRONG),
        )
        if not wait and len(typed) == DIGITS:
            day = count(tx, at, CODES, user_id, A_DAY)[0]
    if wait:
        body = _code_page(half, next_path, answers, wait_words(wait), remember)
        response = make_response(body, 429)
        response.headers["Retry-After"] = str(wait)
        return response
    if day > MOST_CODES:
        words = _("Too many wrong codes today. Enter a recovery code, or wait until tomorrow.")
        return _code_page(half, next_path, answers, words, remember), 429
    token = how = step = None
    with here.store.begin(door=Door.SHUT) as tx:
        now = here.clock()
        posts = sign_ins.posts(tx, user_id, now)
        actor = actor_of(tx, posts[0].membership_id, now) if posts else None
        step = second_steps.of(tx, user_id)
        same = step is not None and step.id == step_id
        same = same and mark_now(tx, user_id) == mark
        if actor is not None and step is not None and same:
            system = the_system(actor.system_id, "sign_in")
            how = is_shown(tx, system, now, at, step, typed)
            if how is not None:
                token = start_session(tx, actor, at)
                for kind in ("code", CODES):
                    forget(tx, at, kind, user_id)
                forget(tx, at, "code_from")
            else:
                log(tx, system, at, "second_step_refused", "user", user_id)
                if day == SAID_AFTER:
                    tell_account(tx, actor.system_id, now, user_id, TRIED)
    if token is None or step is None:
        return _code_page(half, next_path, answers, said(NOT_RIGHT), remember), 401
    use_session(token)
    if how == "recovery":
        flash(_recovery_words(step.codes_left - 1), "important")
    response = make_response(_go_on(answers, next_path, len(posts)))
    if remember and how == "code" and settings().remember_days:
        remember_device(response, step, mark)
    return response


@pages.post("/sign-in/passkey")
@public("it is where one proves who one is")
def sign_in_by_passkey() -> ResponseReturnValue:
    """The second step by a passkey, by whoever has just shown the right password."""
    half, answers = request.form.get("half", ""), request.form.get("answers", "")
    next_path, remember = safe_path(request.form.get("next")), "remember" in request.form
    shown = opened(HALF, half, HALF_LASTS)
    if shown is None:
        words = _("That took longer than 10 minutes. Enter your password again")
        return sign_in_page({"password": words}, next_path=next_path, answers=answers), 401
    user_id, step_id, mark = shown[:3]
    at, here, token, step = clock(), edge(), None, None
    with here.store.begin(door=Door.SHUT) as tx:
        wait = max(
            seconds_to_wait(tx, at, "code", MOST_WRONG, user_id),
            seconds_to_wait(tx, at, "code_from", MOST_WRONG),
        )
    if wait:
        response = make_response(
            _code_page(half, next_path, answers, wait_words(wait), remember), 429
        )
        response.headers["Retry-After"] = str(wait)
        return response
    question = question_asked(user_id)
    with here.store.begin(door=Door.SHUT) as tx:
        now = here.clock()
        posts = sign_ins.posts(tx, user_id, now)
        actor = actor_of(tx, posts[0].membership_id, now) if posts else None
        step = second_steps.of(tx, user_id)
        same = step is not None and step.id == step_id and mark_now(tx, user_id) == mark
        if actor is not None and same and question is not None:
            if is_passkey_shown(tx, step_id, question, now):
                token = start_session(tx, actor, at)
                forget(tx, at, "code", user_id)
                forget(tx, at, "code_from")
            elif request.form.get("passkey"):
                system = the_system(actor.system_id, "sign_in")
                log(tx, system, at, "second_step_refused", "user", user_id)
    if token is None:
        words = _("No passkey of yours was shown. Try again, or enter a code.")
        return _code_page(half, next_path, answers, words, remember), 401
    use_session(token)
    response = make_response(_go_on(answers, next_path, len(posts)))
    if remember and step is not None and settings().remember_days:
        remember_device(response, step, mark)
    return response


def mark_now(tx: Tx, user_id: str) -> str:
    """What tells the password an account has now from every other."""
    found = signs_in(tx, user_id)
    return mark_of(found) if found else ""


def _recovery_words(left: int) -> str:
    return ngettext(
        "That recovery code is used up: %(num)s is left. If your phone is lost, set up another:"
        " your name at the top leads there.",
        "That recovery code is used up: %(num)s are left. If your phone is lost, set up another:"
        " your name at the top leads there.",
        left,
    )


def wait_words(seconds: int) -> str:
    """How long to wait after too many tries."""
    return ngettext(
        "Too many tries. Wait %(num)s second, then try again",
        "Too many tries. Wait %(num)s seconds, then try again",
        max(1, seconds),
    )


def _go_on(answers: str, next_path: str, posts: int) -> ResponseReturnValue:
    before = kept(answers) if answers else None
    if before is not None and before.user_id == current_actor().user_id:
        return render("carry_on.jinja", kept=before)
    if posts > 1:
        return redirect(f"/change-role?{query(next=next_path)}", 303)
    return redirect(next_path, 303)


@pages.post("/sign-out")
@public("somebody whose sign-in has ended may still press the button")
def sign_out() -> ResponseReturnValue:
    token = session.get("_user_id")
    actor = actor_or_none()
    if token:
        at = clock()
        with edge().store.begin(actor) as tx:
            sign_ins.revoke(tx, hashed(token), at)
            if actor is not None:
                log(tx, actor, at, "sign_out", "user", actor.user_id)
    logout_user()
    session.clear()
    return redirect("/signed-out", 303)


@pages.get("/signed-out")
@public("nobody is signed in any more")
def signed_out() -> ResponseReturnValue:
    return render("signed_out.jinja")


def post_words(post: Post) -> str:
    """One role as a choice: "Link worker, Ash Lane practice"."""
    words = f"{role_name(post.role)}, {post.organisation}"
    return f"{words} ({post.place})" if post.place else words


@pages.route("/change-role", methods=["GET", "POST"])
@access(STAFF)
def change_role() -> ResponseReturnValue:
    here = edge()
    actor = current_actor()
    with here.reading(actor) as (tx, at):
        posts = sign_ins.posts(tx, actor.user_id, at)
    next_path = safe_path(request.values.get("next"))
    wrong = ""
    if request.method == "POST":
        chosen = request.form.get("membership")
        if chosen in {post.membership_id for post in posts}:
            _change_to(actor, str(chosen))
            return redirect(next_path, 303)
        wrong = _("Choose the role you work in now")
    body = render(
        "change_role.jinja",
        posts=[(p.membership_id, post_words(p)) for p in posts],
        now=actor.membership_id,
        wrong=wrong,
        errors=[{"text": wrong, "href": "#membership"}] if wrong else [],
        next_path=next_path,
    )
    return body, 422 if wrong else 200


def _change_to(actor: Actor, membership_id: str) -> None:
    """A new session in the other role; the old one is dead."""
    here = edge()
    at = clock()
    with here.store.begin(actor) as tx:
        chosen = actor_of(tx, membership_id, here.clock())
        if chosen is None or chosen.user_id != actor.user_id:
            return
        sign_ins.revoke(tx, hashed(current_user.token), at)
        token = start_session(tx, chosen, at, current_user.session.ends_at)
    use_session(token)


@pages.route("/password", methods=["GET", "POST"])
@access(STAFF)
def own_password() -> ResponseReturnValue:
    """A password of one's own, in place of the one somebody else gave; wherever else one is signed
    in, one is signed out."""
    here = edge()
    actor = current_actor()
    back = safe_path(request.values.get("next") or "/account")
    errors: dict[str, str] = {}
    status = 200
    if request.method == "POST":
        old = request.form.get("password", "")[:1_000]
        new = request.form.get("new_password", "")[:1_000]
        errors, status = _own_password_faults(actor, old, new)
        if not errors:
            made, ends = hash_password(new), current_user.session.ends_at

            def act(tx: Tx, at: datetime) -> str:
                change_own_password(tx, actor, at, made)
                return start_session(tx, actor, clock(), ends)

            use_session(here.perform(actor, act))
            flash(_("Your password is changed. Use it from the next time you sign in."), "success")
            return redirect(back, 303)
    # What was typed is not drawn again: a password stands on no page.
    body = render(
        "own_password.jinja",
        faults=errors,
        errors=[{"text": words, "href": f"#{name}"} for name, words in errors.items()],
        back={"href": back},
    )
    return body, status


def _own_password_faults(actor: Actor, old: str, new: str) -> tuple[dict[str, str], int]:
    """What stands in the way of a new password, by field. A wrong old one counts as a try to sign
    in: whoever finds a browser open can't go on guessing."""
    errors: dict[str, str] = {}
    if not old:
        errors["password"] = _("Enter the password you have now")
    try:
        check_password(new)
    except Refused as refused:
        errors["new_password"] = said(refused.refusals[0].why)
    if errors:
        return errors, 422
    words, status = not_their_password(actor, old)
    return {"password": words} if words else {}, status


def not_their_password(actor: Actor, typed: str) -> tuple[str, int]:
    """What to say, and the status, where this isn't the password of who is signed in. It counts as
    a try to sign in."""
    if not typed:
        return _("Enter the password you have now"), 422
    at = clock()
    with edge().store.read(actor) as tx:
        email, kept_hash = sign_ins.own(tx, actor.user_id)
    try:
        with edge().store.begin(door=Door.SHUT) as tx:
            _count_try(tx, email, at)
    except _TooMany as wait:
        return wait_words(math.ceil((wait.until - at).total_seconds())), 429
    if not is_right(kept_hash, typed):
        return _("Enter the password you have now: this is another one"), 422
    with edge().store.begin(door=Door.SHUT) as tx:
        for key in _try_keys(email):
            sign_ins.forget_try(tx, key, at.replace(microsecond=0))
    return "", 200


@pages.post("/stay-signed-in")
@access(STAFF)
def stay_signed_in() -> ResponseReturnValue:
    """Being asked is enough: the session was used."""
    at = clock()
    actor = current_actor()
    with edge().store.begin(actor) as tx:
        sign_ins.touch(tx, hashed(current_user.token), at, at + idle_time(actor.role))
    return redirect(safe_path(request.form.get("next")), 303)
