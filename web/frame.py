"""What the frame of every page needs: who is signed in, the menu, and the words on it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Any

from flask import Flask, request, session
from werkzeug.exceptions import HTTPException

from referral import records
from referral.actors import Actor
from referral.sign_ins import SEEN_LATELY
from referral.states import Role
from web import languages
from web.access import rule_of
from web.current import edge
from web.labels import record_path, role_name, said
from web.link_tokens import OPENED
from web.say import language
from web.security import nonce
from web.signed_in import LONGEST, idle_time, session_or_none
from web.words import phone_words, time_words
from workflows.moves import N_
from workflows.rotas import number_for

WORKER = (
    (N_("My work"), "/"),
    (N_("Referrals"), "/referrals"),
    (N_("People"), "/people"),
    (N_("Find activities"), "/activities"),
    (N_("Reports"), "/reports"),
    (N_("Help"), "/help"),
)
LEAD = (
    (N_("My work"), "/"),
    (N_("Referrals"), "/referrals"),
    (N_("People"), "/people"),
    (N_("Your team"), "/team"),
    (N_("Reports"), "/reports"),
    (N_("Help"), "/help"),
)
LEADER = (
    (N_("Inbox"), "/"),
    (N_("People taking part"), "/taking-part"),
    (N_("Sessions"), "/sessions"),
    (N_("Our offers"), "/offers"),
    (N_("Help"), "/help"),
)
GOVERNANCE = (
    (N_("Reviews"), "/"),
    (N_("Dashboard"), "/dashboard"),
    (N_("Providers"), "/providers"),
    (N_("Audit"), "/audit"),
    (N_("Reports"), "/reports"),
    (N_("Help"), "/help"),
)
# The log is read by those who answer for the whole system, and by its auditors.
PLACE = (
    (N_("Reviews"), "/"),
    (N_("Dashboard"), "/dashboard"),
    (N_("Providers"), "/providers"),
    (N_("Agenda"), "/agenda"),
    (N_("Reports"), "/reports"),
    (N_("Help"), "/help"),
)
INFORMATION = (
    (N_("Reviews"), "/"),
    (N_("People's requests"), "/rights"),
    (N_("Who can see what"), "/access"),
    (N_("Providers"), "/providers"),
    (N_("Audit"), "/audit"),
    (N_("Help"), "/help"),
)
COMMISSIONER = (
    (N_("Dashboard"), "/dashboard"),
    (N_("Reports"), "/reports"),
    (N_("Help"), "/help"),
)
SAFEGUARDING = (
    (N_("Reviews"), "/"),
    (N_("Concerns"), "/concerns"),
    (N_("Emergency access"), "/emergencies"),
    (N_("Dashboard"), "/dashboard"),
    (N_("Reports"), "/reports"),
    (N_("Help"), "/help"),
)
ADMIN = (
    (N_("What needs you"), "/"),
    (N_("Users"), "/users"),
    (N_("Organisations"), "/organisations"),
    (N_("Policy"), "/policy"),
    (N_("System"), "/system"),
    (N_("Help"), "/help"),
)
AUDITOR = (
    (N_("What to look into"), "/"),
    (N_("Audit"), "/audit"),
    (N_("Providers"), "/providers"),
    (N_("Policy"), "/policy"),
    (N_("Help"), "/help"),
)
MENUS: dict[Role, tuple[tuple[str, str], ...]] = {
    Role.LINK_WORKER: WORKER,
    Role.TEAM_LEAD: LEAD,
    Role.PROVIDER_LEADER: LEADER,
    Role.GOVERNANCE_LEAD: PLACE,
    Role.SAFEGUARDING_LEAD: SAFEGUARDING,
    Role.ADMINISTRATOR: ADMIN,
    Role.AUDITOR: AUDITOR,
    Role.INFORMATION_GOVERNANCE_LEAD: INFORMATION,
    Role.COMMISSIONER: COMMISSIONER,
}
SEARCHERS = frozenset(Role) - {
    Role.ADMINISTRATOR, Role.AUDITOR, Role.COMMISSIONER, Role.PERSON, Role.SYSTEM,
}  # fmt: skip
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur", "ps"})


def there_is(app: Flask, path: str) -> bool:
    """Whether a page answers at this path: the menu leads nowhere that isn't there."""
    try:
        app.url_map.bind("").match(path)
    except HTTPException as found:
        return found.code is not None and found.code < 400
    return True


def opens_to(app: Flask, path: str, role: Role) -> bool:
    """Whether the page at this path is one for this role."""
    try:
        endpoint, _said = app.url_map.bind("").match(path)
    except HTTPException:
        return there_is(app, path)
    rule = rule_of(app, endpoint)
    return rule is None or rule.roles is None or role in rule.roles


def menu_of(role: Role) -> tuple[tuple[str, str], ...]:
    """The menu of a role: (words, path)."""
    return MENUS.get(role, GOVERNANCE)


def menu(app: Flask, role: Role) -> list[dict[str, Any]]:
    """The menu of a role, the page one is on marked."""
    here = request.path
    return [
        {
            "text": said(text),
            "href": path,
            "current": True
            if here == path
            else ("true" if path != "/" and here.startswith(f"{path}/") else False),
        }
        for text, path in menu_of(role)
        if there_is(app, path) and opens_to(app, path, role)
    ]


def _version() -> str:
    try:
        return installed("segue")
    except PackageNotFoundError:
        return ""


def set_up(app: Flask, service_name: str) -> None:
    """Give every template what the frame reads."""
    version = _version()

    @app.context_processor
    def frame() -> dict[str, Any]:
        lang = language()
        found: dict[str, Any] = {
            "service_name": service_name,
            "lang": lang,
            "text_direction": "rtl" if lang in RIGHT_TO_LEFT else "ltr",
            "languages": languages.framed(lang),
            "csp_nonce": nonce(),
            "version": version,
            "own_page_open": OPENED in session,
        }
        found.update(_somebody(app))
        return found


def unseen_concerns(actor: Actor) -> list[dict[str, Any]]:
    """The concerns this member raised that no human has read, with whom to ring at this hour, and
    those that somebody has read lately, with who and when."""
    found = []
    with edge().reading(actor) as (tx, at):
        for one in records.unseen_concerns(tx, actor, at - SEEN_LATELY):
            number = number_for(tx, one.id, at) if one.unseen else None
            found.append(
                {
                    "href": record_path("concern", one.id),
                    "reference": one.reference,
                    "unseen": one.unseen,
                    "name": said(number.name) if number else "",
                    "phone": phone_words(number.phone) if number and number.phone else "",
                    "seen_by": None if one.inside else one.seen_by,
                    "seen_at": time_words(one.seen_at),
                }
            )
    return found


def _somebody(app: Flask) -> dict[str, Any]:
    try:
        signed_in = session_or_none()
    except Exception:  # an error page must be drawn even when the store is away
        return {}
    if signed_in is None:
        return {}
    actor = signed_in.actor
    from web.help import here

    found: dict[str, Any] = {
        "account": {
            "name": actor.name,
            "role": role_name(actor.role),
            "organisation": actor.organisation_name,
            "own_href": "/account",
            "sign_out_href": "/sign-out",
            "change_role_href": "/change-role" if signed_in.posts > 1 else None,
            "notices_href": "/notices",
            "away_href": "/away" if actor.role is Role.LINK_WORKER else None,
            "unread": signed_in.unread,
            "signs_out_after": int(min(idle_time(actor.role), LONGEST).total_seconds()),
            "here": request.path,
        },
        "navigation": menu(app, actor.role),
        "help_here": here(request.path, actor.role),
    }
    if actor.glass is not None:
        found["glass"] = {
            "href": record_path("emergency", actor.glass.id),
            "reference": actor.glass.reference,
            "until": time_words(actor.glass.until),
        }
    if signed_in.unseen:
        found["unseen"] = unseen_concerns(actor)
    if actor.role in SEARCHERS and there_is(app, "/search"):
        found["search"] = {"href": "/search", "value": ""}
    return found
