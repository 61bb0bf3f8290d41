"""An invitation: a link by e-mail that works once, for seven days, and lets whoever has a new
account choose their first password.

Nobody is signed in by the link: that asks for the password, as ever. From there one goes straight
to what waits."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from flask import Blueprint, flash, redirect
from flask.typing import ResponseReturnValue

from referral import accounts, visible
from referral.actors import Actor
from referral.dispatches import EMAIL
from referral.states import ReferralState, Role
from referral.store import Tx
from referral.visible import Filters
from web.access import STAFF, access, current_actor, public
from web.current import edge, ways
from web.forgotten import choosing, keep_to_oneself, reads_mail
from web.links import tokens
from web.say import _
from web.words import day_words, time_words
from workflows.accounts import INVITATION, INVITATION_LASTS, ByLink, not_to_invite
from workflows.working_time import local_day

pages = Blueprint("invitations", __name__)
pages.after_request(keep_to_oneself)

NOT_REACHED = frozenset({"failed", "gave_up", "no_address"})
UNANSWERED = Filters(states=frozenset({ReferralState.SENT}))


@pages.route("/invitation/<token>", methods=["GET", "POST"])
@public("the link is the proof; only a first password can be chosen by it")
def accept(token: str) -> ResponseReturnValue:
    """Choose the first password, by the link that was sent."""
    read = tokens().read_invitation(token)
    answer = choosing(ByLink(*read) if read else None, INVITATION)
    if answer is not None:
        return answer
    flash(_("Your password is kept. Sign in with it now."), "success")
    return reads_mail(read, redirect("/sign-in?next=/welcome", 303))


@pages.get("/welcome")
@access(STAFF)
def welcome() -> ResponseReturnValue:
    """After the first sign-in: on to the one thing that waits, or to setting up one's account."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = first_page(tx, actor, at)
    return redirect("/account?first=yes" if found == "/" else found)


def first_page(tx: Tx, actor: Actor, at: datetime) -> str:
    """Where somebody new begins: a provider's leader at the one referral that waits for an answer,
    everybody else, or where there are more, at what needs them."""
    if actor.role is Role.PROVIDER_LEADER:
        waiting = visible.referrals(tx, actor, at, UNANSWERED, limit=2)
        if len(waiting) == 1:
            return f"/referrals/{waiting[0].id}"
    return "/"


# -- how somebody gets in, as those who set up see it ------------------------------------------


class WayIn(NamedTuple):
    """How somebody gets into their account, in words; whether they can be invited, and were."""

    words: list[str]
    invite: bool
    invited: bool
    password: bool


def ways_in(tx: Tx, at: datetime, user_id: str) -> WayIn:
    """How somebody gets into their account, and how far an invitation got."""
    found = accounts.signs_in(tx, user_id)
    may = not_to_invite(tx, at, user_id) is None
    if found is None or found.password_hash:
        chose = found.chose_at if found else None
        day = day_words(local_day(chose)) if chose else ""
        words = _("They chose their password on %(day)s.", day=day) if day else ""
        return WayIn([words or _("They have a password.")], may, False, True)
    if found.invited_at is None:
        return WayIn([_("They have no password yet, so they cannot sign in.")], may, False, False)
    told = [
        _("Invited on %(time)s, and no password chosen yet.", time=time_words(found.invited_at))
    ]
    until = found.invited_at + INVITATION_LASTS
    result = accounts.delivery(tx, user_id, INVITATION)
    if result in NOT_REACHED:
        told.append(
            _("The message could not be delivered. Correct the email address, or ring them.")
        )
    elif at >= until:
        told.append(_("The link stopped working on %(day)s.", day=day_words(local_day(until))))
    else:
        told.append(_("The link works until %(day)s.", day=day_words(local_day(until))))
        if result is None:
            told.append(_("The message is on its way."))
    return WayIn(told, may, True, False)


def invites(way_in: WayIn) -> str:
    """The words of the link that invites; none where nobody can be invited, or nothing sent."""
    if not way_in.invite or EMAIL not in ways().channels:
        return ""
    return _("Send the invitation again") if way_in.invited else _("Send an invitation")


def role_given(way_in: WayIn) -> str:
    """That somebody has one more role, and what they do to work in it."""
    if way_in.password:
        return _("Role given. They sign in as before, and can change to it there.")
    return _("Role given. They can work in it once they have chosen a password.")


def invited_words(at: datetime) -> str:
    """What was done, and what happens next."""
    until = day_words(local_day(at + INVITATION_LASTS), weekday=True)
    return _("Invited. A link to choose a password is on its way to them. It works until %(day)s.",
             day=until)  # fmt: skip
