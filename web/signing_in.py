"""Signing in and out, changing role, and the session behind the cookie.

The cookie holds a random token; the store holds its hash, when it ends and for whom it is. So a
sign-out, a suspended account or an ended membership is dead on the next request."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Blueprint, Flask, current_app, make_response, redirect, request, session
from flask import render_template as render
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from referral import sign_ins
from referral.actors import Actor, the_system
from referral.audit import log
from referral.members import actor_of
from referral.sign_ins import Post
from referral.states import Role
from referral.store import Door, TryAgain, Tx
from web.access import STAFF, access, current_actor, public
from web.labels import role_name
from web.passwords import is_right
from web.say import _, ngettext
from workflows.organisations import the_only_system

pages = Blueprint("signing_in", __name__)

IDLE = timedelta(minutes=15)
# A leader sees the people of their own group only, on their own phone, between sessions.
IDLE_LEADER = timedelta(hours=10)
LONGEST = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
MOST_WRONG = 10
WINDOW = timedelta(minutes=1)
KEPT_TRIES = timedelta(days=1)
KEPT_FOR = timedelta(hours=12)
MOST_KEPT = 100_000
NOT_KEPT = frozenset({"csrf_token", "password"})


def idle_time(role: Role) -> timedelta:
    """How long a session of this role may lie unused."""
    return IDLE_LEADER if role is Role.PROVIDER_LEADER else IDLE


class SignedIn(UserMixin):  # type: ignore[misc]
    """Who flask-login takes for the user: one session. Its id is the token, which nobody can guess
    and which is worth nothing once the store says so."""

    def __init__(self, token: str, found: sign_ins.Session) -> None:
        self.token = token
        self.actor = found.actor
        self.session = found

    def get_id(self) -> str:
        return self.token


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _edge() -> Any:
    return current_app.extensions["segue"].edge


def _clock() -> datetime:
    """The time sessions go by: the real one, even where a demonstration winds the other."""
    at: datetime = current_app.extensions["segue"].session_clock()
    return at


def _load(token: str) -> SignedIn | None:
    found = _session(token)
    if found is None or not found.live:
        return None
    at = _clock()
    if at - found.seen_at >= TOUCH_EVERY:
        try:
            with _edge().store.begin(found.actor) as tx:
                sign_ins.touch(tx, _hashed(token), at, at + idle_time(found.actor.role))
        except TryAgain:
            pass  # it only ends a little sooner
    return SignedIn(token, found)


def _session(token: str) -> sign_ins.Session | None:
    with _edge().store.read(door=Door.WHOLE) as tx:
        return sign_ins.find(tx, _hashed(token), _clock())


def actor_or_none() -> Actor | None:
    """Who is signed in on this request, if anybody."""
    return current_user.actor if current_user.is_authenticated else None


def session_or_none() -> sign_ins.Session | None:
    """The session of this request, if somebody is signed in."""
    return current_user.session if current_user.is_authenticated else None


def start_session(tx: Tx, actor: Actor, at: datetime, ends_at: datetime | None = None) -> str:
    """A new session for this actor; returns its token. `ends_at`: it goes on from another, and
    ends when that one would have."""
    token = secrets.token_urlsafe(32)
    sign_ins.begin(
        tx,
        token_hash=_hashed(token),
        actor=actor,
        at=at,
        idle_until=at + idle_time(actor.role),
        ends_at=ends_at or at + LONGEST,
    )
    log(tx, actor, at, "sign_in", "user", actor.user_id)
    return token


def use_session(token: str) -> None:
    """Give this token to the browser, and nothing of what its session held before."""
    session.clear()
    found = _session(token)
    if found is not None:
        login_user(SignedIn(token, found))


# -- answers typed before the sign-in ended ----------------------------------------------------


def _key() -> bytes:
    secret = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(secret, b"answers kept over a sign-in", hashlib.sha256).digest()


@dataclass(frozen=True)
class Kept:
    """What somebody had typed on a page when their sign-in ended."""

    user_id: str
    path: str
    fields: list[tuple[str, str]]


def keep(user_id: str, path: str, fields: list[tuple[str, str]]) -> str:
    """The answers, closed to everybody but this program: they stand in the sign-in page."""
    body = json.dumps([user_id, path, fields, _clock().timestamp()]).encode()
    number = secrets.token_bytes(12)
    return (number + AESGCM(_key()).encrypt(number, body, None)).hex()


def kept(text: str) -> Kept | None:
    """The answers again; None where they were changed, or are too old."""
    try:
        raw = bytes.fromhex(text)
        body = json.loads(AESGCM(_key()).decrypt(raw[:12], raw[12:], None))
    except Exception:  # whatever is wrong with it, it is not ours
        return None
    user_id, path, fields, at = body
    if _clock().timestamp() - at > KEPT_FOR.total_seconds():
        return None
    return Kept(user_id, path, [(name, value) for name, value in fields])


def _answers_to_keep(user_id: str) -> str:
    typed = _typed()
    return keep(user_id, _here(), typed) if typed else ""


def _typed() -> list[tuple[str, str]]:
    """What this request's form says, as far as it may be sent back; nothing if it is too much."""
    typed = [(n, v) for n, v in request.form.items(multi=True) if n not in NOT_KEPT]
    return typed if sum(len(n) + len(v) for n, v in typed) <= MOST_KEPT else []


def typed_here() -> Kept | None:
    """What somebody signed in typed on the form of this request, to go back to."""
    if request.method != "POST" or not current_user.is_authenticated:
        return None
    typed = _typed()
    return Kept(current_actor().user_id, _here(), typed) if typed else None


def _here() -> str:
    return request.full_path if request.query_string else request.path


def ask_to_sign_in(proven: bool = True) -> ResponseReturnValue:
    """Nobody is signed in where somebody must be. What was typed is kept for who typed it, if it
    is `proven` to come from a page of ours."""
    if request.method != "POST":
        way = "/sign-in" if request.path == "/" else f"/sign-in?{_query(next=_here())}"
        return redirect(way)
    token = session.get("_user_id")
    ended = _session(token) if token and proven else None
    answers = _answers_to_keep(ended.actor.user_id) if ended else ""
    return make_response(_sign_in_page({}, next_path=_here(), answers=answers, ended=True), 401)


def _query(**values: str) -> str:
    from urllib.parse import urlencode

    return urlencode(values)


def safe_path(path: str | None) -> str:
    """A path of ours to go on to; home for anything else."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")):
        return "/"
    parts = urlsplit(path)
    if parts.scheme or parts.netloc or any(c in path for c in "\r\n\t\\"):
        return "/"
    return path


# -- pages --------------------------------------------------------------------------------------


def _sign_in_page(
    errors: dict[str, str],
    *,
    email: str = "",
    next_path: str = "/",
    answers: str = "",
    ended: bool = False,
) -> str:
    return render(
        "sign_in.jinja",
        errors=[{"text": text, "href": f"#{name}"} for name, text in errors.items()],
        wrong=errors,
        email=email,
        next_path=next_path,
        answers=answers,
        ended=ended,
    )


@pages.get("/sign-in")
@public("it is where one proves who one is")
def sign_in() -> ResponseReturnValue:
    if actor_or_none() is not None:
        return redirect(safe_path(request.args.get("next")))
    return _sign_in_page({}, next_path=safe_path(request.args.get("next")))


class _TooMany(Exception):
    def __init__(self, until: datetime) -> None:
        self.until = until


def _try_keys(email: str) -> tuple[str, str]:
    def digest(kind: str, text: str) -> str:
        said = f"{kind}:{text}".encode()
        return f"{kind}:{hmac.new(_key(), said, hashlib.sha256).hexdigest()[:32]}"

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
        return _sign_in_page(missing, **again), 422
    at = _clock()
    edge = _edge()
    try:
        with edge.store.begin(door=Door.SHUT) as tx:
            _count_try(tx, email, at)
            account = sign_ins.account(tx, email)
            only = the_only_system(tx)
    except _TooMany as wait:
        words = _wait(math.ceil((wait.until - at).total_seconds()))
        response = make_response(_sign_in_page({"email": words}, **again), 429)
        response.headers["Retry-After"] = str(max(1, math.ceil((wait.until - at).total_seconds())))
        return response
    right = is_right(account.password_hash if account and account.active else None, password)
    token = None
    with edge.store.begin(door=Door.SHUT) as tx:
        now = edge.clock()
        posts = sign_ins.posts(tx, account.id, now) if account and right else []
        if account and posts:
            actor = actor_of(tx, posts[0].membership_id, now)
            if actor is not None:
                token = start_session(tx, actor, at)
                for key in _try_keys(email):
                    sign_ins.forget_try(tx, key, at.replace(microsecond=0))
                sign_ins.forget_tries(tx, at - KEPT_TRIES)
        if token is None and (account or only):
            system = the_system(account.system_id if account else str(only), "sign_in")
            log(tx, system, at, "sign_in_refused", "user", account.id if account else None)
    if token is None:
        words = _("The email address or the password is not right")
        return _sign_in_page({"email": words}, **again), 401
    use_session(token)
    return _go_on(answers, next_path, len(posts))


def _wait(seconds: int) -> str:
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
        return redirect(f"/change-role?{_query(next=next_path)}", 303)
    return redirect(next_path, 303)


@pages.post("/sign-out")
@public("somebody whose sign-in has ended may still press the button")
def sign_out() -> ResponseReturnValue:
    token = session.get("_user_id")
    actor = actor_or_none()
    if token:
        at = _clock()
        with _edge().store.begin(actor) as tx:
            sign_ins.revoke(tx, _hashed(token), at)
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
    edge = _edge()
    actor = current_actor()
    with edge.reading(actor) as (tx, at):
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
    edge = _edge()
    at = _clock()
    with edge.store.begin(actor) as tx:
        chosen = actor_of(tx, membership_id, edge.clock())
        if chosen is None or chosen.user_id != actor.user_id:
            return
        sign_ins.revoke(tx, _hashed(current_user.token), at)
        token = start_session(tx, chosen, at, current_user.session.ends_at)
    use_session(token)


@pages.post("/stay-signed-in")
@access(STAFF)
def stay_signed_in() -> ResponseReturnValue:
    """Being asked is enough: the session was used."""
    at = _clock()
    actor = current_actor()
    with _edge().store.begin(actor) as tx:
        sign_ins.touch(tx, _hashed(current_user.token), at, at + idle_time(actor.role))
    return redirect(safe_path(request.form.get("next")), 303)


def set_up(app: Flask, https: bool) -> None:
    """flask-login over our own sessions, and the cookie that carries the token."""
    manager = LoginManager()
    manager.session_protection = None
    manager.init_app(app, add_context_processor=False)
    loader: Callable[[str], SignedIn | None] = _load
    manager.user_loader(loader)
    app.config.update(
        SESSION_COOKIE_NAME="__Host-segue" if https else "segue",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
    )
