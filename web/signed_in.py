"""Who is signed in on this request: the session behind the cookie, and what was typed before it
ended.

The cookie holds a random token; the store holds its hash, when it ends and for whom it is. So a
sign-out, a suspended account or an ended membership is dead on the next request."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Flask, Response, current_app, make_response, redirect, request, session
from flask import render_template as render
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_user
from werkzeug.exceptions import RequestEntityTooLarge

from referral import sign_ins
from referral.actors import Actor
from referral.audit import log
from referral.second_steps import Step
from referral.states import Role
from referral.store import Door, TryAgain, Tx
from web.current import edge, segue, settings

IDLE = timedelta(minutes=15)
# A leader sees the people of their own group only, on their own phone, between sessions.
IDLE_LEADER = timedelta(hours=10)
LONGEST = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
KEPT_FOR = timedelta(hours=12)
MOST_KEPT = 200_000
NOT_KEPT = frozenset(
    {"csrf_token", "password", "new_password", "code", "setting_up", "passkey_asked", "passkey"}
)


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


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def clock() -> datetime:
    """The time sessions go by: the real one, even where a demonstration winds the other."""
    return segue().session_clock()


def _load(token: str) -> SignedIn | None:
    found = session_of(token)
    if found is None or not found.live:
        return None
    at = clock()
    if at - found.seen_at >= TOUCH_EVERY:
        try:
            with edge().store.begin(found.actor) as tx:
                sign_ins.touch(tx, hashed(token), at, at + idle_time(found.actor.role))
        except TryAgain:
            pass  # it only ends a little sooner
    return SignedIn(token, found)


def session_of(token: str) -> sign_ins.Session | None:
    with edge().store.read(door=Door.WHOLE) as tx:
        return sign_ins.find(tx, hashed(token), clock())


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
        token_hash=hashed(token),
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
    found = session_of(token)
    if found is not None:
        login_user(SignedIn(token, found))


def must_set_up() -> bool:
    """Whether who is signed in has yet to set up the second step that is asked of their role."""
    found = session_or_none()
    return (
        found is not None
        and not found.second_step
        and settings().demands_second_step(found.actor.role)
    )


# -- a device that is remembered ----------------------------------------------------------------


def remember_device(response: Response, step: Step, mark: str) -> None:
    """Ask this browser for no code for a while: a cookie that says for which account, which second
    step and which password."""
    response.set_cookie(
        _device_cookie(),
        shut("device", [step.user_id, step.id, mark]),
        max_age=timedelta(days=settings().remember_days),
        secure=settings().https,
        httponly=True,
        samesite="Lax",
    )


def is_remembered(step: Step, mark: str) -> bool:
    """Whether this browser was remembered for this account, second step and password, not too long
    ago, and not before its holder had all devices forgotten."""
    days = timedelta(days=settings().remember_days)
    body = opened("device", request.cookies.get(_device_cookie(), ""), days) if days else None
    if body is None or body[:3] != [step.user_id, step.id, mark]:
        return False
    return datetime.fromtimestamp(body[3], UTC) >= step.devices_from


def _device_cookie() -> str:
    return "__Host-segue-device" if settings().https else "segue-device"


# -- that mail to an account is read in this browser --------------------------------------------

ADDRESS_LASTS = timedelta(hours=1)


def address_proved(response: Response, user_id: str, mark: str) -> Response:
    """Keep in this browser, for an hour, that a link sent to the account's address was opened here.
    It ends with the password and with the address."""
    response.set_cookie(
        _address_cookie(),
        shut("address", [user_id, mark]),
        max_age=ADDRESS_LASTS,
        secure=settings().https,
        httponly=True,
        samesite="Lax",
    )
    return response


def is_address_proved(user_id: str, mark: str) -> bool:
    """Whether a link sent to the account's address was opened in this browser lately."""
    body = opened("address", request.cookies.get(_address_cookie(), ""), ADDRESS_LASTS)
    return body is not None and body[:2] == [user_id, mark]


def _address_cookie() -> str:
    return "__Host-segue-address" if settings().https else "segue-address"


# -- answers typed before the sign-in ended ----------------------------------------------------


def own_key() -> bytes:
    """The key of what stands in the sign-in page, and of the tries counted there."""
    secret = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(secret, b"answers kept over a sign-in", hashlib.sha256).digest()


@dataclass(frozen=True)
class Kept:
    """What somebody had typed on a page when their sign-in ended."""

    user_id: str
    path: str
    fields: list[tuple[str, str]]


def shut(kind: str, body: list[Any]) -> str:
    """Something for a browser to hand back, closed to everybody but this program."""
    text = json.dumps([*body, clock().timestamp()]).encode()
    number = secrets.token_bytes(12)
    return (number + AESGCM(own_key()).encrypt(number, text, kind.encode())).hex()


def opened(kind: str, text: str, lasts: timedelta) -> list[Any] | None:
    """What `shut` closed as this kind, and the time it was, at the end; None where it was changed
    or is too old."""
    try:
        raw = bytes.fromhex(text)
        body = json.loads(AESGCM(own_key()).decrypt(raw[:12], raw[12:], kind.encode()))
    except Exception:  # whatever is wrong with it, it is not ours
        return None
    return list(body) if clock().timestamp() - body[-1] <= lasts.total_seconds() else None


def keep(user_id: str, path: str, fields: list[tuple[str, str]]) -> str:
    """The answers, as they stand in the sign-in page."""
    return shut("answers", [user_id, path, fields])


def kept(text: str) -> Kept | None:
    """The answers again; None where they were changed, or are too old."""
    body = opened("answers", text, KEPT_FOR)
    if body is None:
        return None
    user_id, path, fields, _at = body
    return Kept(user_id, path, [(name, value) for name, value in fields])


def _answers_to_keep(user_id: str) -> str:
    typed = typed_now()
    return keep(user_id, _here(), typed) if typed else ""


def typed_now() -> list[tuple[str, str]]:
    """What this request's form says, as far as it may be sent back; nothing if it is too much."""
    try:
        typed = [(n, v) for n, v in request.form.items(multi=True) if n not in NOT_KEPT]
    except RequestEntityTooLarge:
        return []
    return typed if sum(len(n) + len(v) for n, v in typed) <= MOST_KEPT else []


def typed_here() -> Kept | None:
    """What somebody signed in typed on the form of this request, to go back to."""
    if request.method != "POST" or not current_user.is_authenticated:
        return None
    typed = typed_now()
    return Kept(current_user.actor.user_id, _here(), typed) if typed else None


def _here() -> str:
    return request.full_path if request.query_string else request.path


def ask_to_sign_in(proven: bool = True) -> ResponseReturnValue:
    """Nobody is signed in where somebody must be. What was typed is kept for who typed it, if it
    is `proven` to come from a page of ours."""
    if request.method != "POST":
        way = "/sign-in" if request.path == "/" else f"/sign-in?{query(next=_here())}"
        return redirect(way)
    token = session.get("_user_id")
    ended = session_of(token) if token and proven else None
    answers = _answers_to_keep(ended.actor.user_id) if ended else ""
    return make_response(sign_in_page({}, next_path=_here(), answers=answers, ended=True), 401)


def query(**values: str) -> str:
    """What follows the question mark of a path."""
    return urlencode(values)


def safe_path(path: str | None) -> str:
    """A path of ours to go on to; home for anything else."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")):
        return "/"
    parts = urlsplit(path)
    if parts.scheme or parts.netloc or any(c in path for c in "\r\n\t\\"):
        return "/"
    return path


def sign_in_page(
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
