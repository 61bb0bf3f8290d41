"""Passkeys: asking the browser for one, finding out whether what it answers is right.

What a browser asks the phone or the key for takes a script; without one the page says so and asks
for a code. The check itself is Yubico's `fido2`. A question is asked once: what answers it a second
time is refused, whoever sends it."""

from __future__ import annotations

import ipaddress
import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from flask import request

from referral import passkeys
from referral.passkeys import Half
from referral.store import Door, Tx
from web.current import edge, settings
from web.limits import count
from web.settings import Settings
from web.signed_in import clock, opened, shut

ADDING, ASKING = "passkey to add", "passkey to show"
# It would say the number of each passkey that signs in.
logging.getLogger("fido2").setLevel(logging.WARNING)
LASTS = timedelta(minutes=10)
MOST_ANSWERED = 20_000
VERIFIED = UserVerificationRequirement.REQUIRED


def host_of(now: Settings) -> str | None:
    """The name passkeys are made for, from the address people type; None where browsers make none
    for it: it is a number, or not reached safely."""
    host = urlsplit(now.public_url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host if now.https or host == "localhost" else None
    return None


def _server() -> Fido2Server | None:
    now = settings()
    host, origin = host_of(now), now.origin
    if host is None:
        return None
    ours = PublicKeyCredentialRpEntity(name=now.service_name, id=host)
    return Fido2Server(ours, verify_origin=lambda said: said == origin)


def _named(halves: Sequence[Half]) -> list[PublicKeyCredentialDescriptor]:
    kind = PublicKeyCredentialType.PUBLIC_KEY
    return [
        PublicKeyCredentialDescriptor(type=kind, id=websafe_decode(one.credential_id))
        for one in halves
    ]


def _state(challenge: str) -> dict[str, Any]:
    return {"challenge": challenge, "user_verification": VERIFIED}


def _as_text(options: Any) -> str:
    return json.dumps(dict(options.public_key), default=dict)


def _unanswered(kind: str, closed: str, user_id: str) -> str | None:
    """The question this page asked of this account, if it was never answered before; it is used up
    now, whatever the answer is worth."""
    begun = opened(kind, closed, LASTS)
    if begun is None or begun[0] != user_id:
        return None
    with edge().store.begin(door=Door.SHUT) as tx:
        answers, _first = count(tx, clock(), "challenge", begun[1], 2 * LASTS)
    return str(begun[1]) if answers == 1 else None


# -- at sign-in ---------------------------------------------------------------------------------


def ask_for_one(user_id: str, step_id: str) -> tuple[str, str] | None:
    """What the browser asks a passkey of this second step, and the same for us, closed; None where
    there is none, or none can be asked for here."""
    server = _server()
    if server is None:
        return None
    with edge().store.read(door=Door.SHUT) as tx:
        halves = passkeys.halves(tx, step_id)
    if not halves:
        return None
    options, state = server.authenticate_begin(_named(halves), VERIFIED)
    return _as_text(options), shut(ASKING, [user_id, state["challenge"]])


def question_asked(user_id: str) -> str | None:
    """The question this form's passkey answers; it is used up now."""
    return _unanswered(ASKING, request.form.get("passkey_asked", ""), user_id)


def is_passkey_shown(tx: Tx, step_id: str, question: str, at: datetime) -> bool:
    """Whether this form has the answer of a passkey of this second step to the question."""
    server = _server()
    answer = request.form.get("passkey", "")
    if server is None or not answer or len(answer) > MOST_ANSWERED:
        return False
    halves = {one.credential_id: one for one in passkeys.halves(tx, step_id)}
    known = [AttestedCredentialData(websafe_decode(one.credential)) for one in halves.values()]
    try:
        read = AuthenticationResponse.from_dict(json.loads(answer))
        shown = server.authenticate_complete(_state(question), known, read)
        signed = read.response.authenticator_data.counter
    except Exception:  # whatever is wrong with it, it is no answer
        return False
    half = halves[websafe_encode(shown.credential_id)]
    return passkeys.use(tx, half.id, signed, at)


# -- adding one ---------------------------------------------------------------------------------


def ask_to_make_one(user_id: str, email: str, halves: Sequence[Half]) -> tuple[str, str] | None:
    """What the browser has a new passkey made for, beside those there are, and the same for us,
    closed; None where none can be made for this address."""
    server = _server()
    if server is None:
        return None
    user = PublicKeyCredentialUserEntity(name=email, id=UUID(user_id).bytes, display_name=email)
    made, state = server.register_begin(
        user, _named(halves), ResidentKeyRequirement.PREFERRED, VERIFIED
    )
    return _as_text(made), shut(ADDING, [user_id, state["challenge"]])


def passkey_made(user_id: str) -> Half | None:
    """The passkey this form has, if it was made for us and for who asks, and just now."""
    server, answer = _server(), request.form.get("passkey", "")
    if server is None or not answer or len(answer) > MOST_ANSWERED:
        return None
    question = _unanswered(ADDING, request.form.get("passkey_asked", ""), user_id)
    if question is None:
        return None
    try:
        made = server.register_complete(_state(question), json.loads(answer))
    except Exception:  # whatever is wrong with it, it is no passkey
        return None
    known = made.credential_data
    if known is None:
        return None
    return Half("", websafe_encode(known.credential_id), websafe_encode(known), made.counter)
