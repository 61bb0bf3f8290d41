"""The administrator's first page: what isn't well, what waits, and how far a place is set up."""

from __future__ import annotations

from typing import Any

from referral import setting_up
from referral.actors import Actor
from referral.health import Finding, health
from referral.setting_up import SetUp
from referral.states import Role
from referral.store import Door
from web import errands
from web.announcements import unread
from web.current import edge
from web.forms import page
from web.labels import said
from web.say import _, ngettext
from workflows.accounts import INVITATION_LASTS
from workflows.organisations import roles_to_give

NUMBERS = frozenset({"no_safeguarding_phone", "no_out_of_hours_phone", "no_outside_contact"})
# Where an administrator mends what isn't well; the sentence itself says who mends the rest.
MENDED_AT = {
    "empty_rung": "/accountability",
    "nobody_answers": "/accountability",
    **dict.fromkeys(NUMBERS, "/organisations"),
}


def home(actor: Actor) -> str:
    """What needs an administrator."""
    with edge().reading(actor) as (tx, at):
        found, news = setting_up.so_far(tx, actor, at, at - INVITATION_LASTS), unread(tx, at)
        by_hand = errands.listed(tx, actor, at, frozenset(actor.keys))
    with edge().reading(None, Door.WHOLE) as (tx, at):
        well = health(tx, at, viewer=actor)
    unanswered = max((one.count for one in well.findings if one.code in NUMBERS), default=0)
    steps = tasks(found, actor, unanswered)
    left = sum(not one["done"] for one in steps)
    wrong = [_drawn(one) for one in well.findings if not one.warning]
    waiting = len(wrong) + len(news) + len(by_hand) + bool(found.suspended) + bool(found.ran_out)
    return page(
        "setting_up.jinja",
        sentence=_sentence(waiting, left),
        wrong=wrong,
        warnings=[_drawn(one) for one in well.findings if one.warning],
        to_read=news,
        errands=by_hand,
        suspended=found.suspended,
        ran_out=found.ran_out,
        tasks=steps,
        left=left,
    )


def _sentence(waiting: int, left: int) -> str:
    told = []
    if waiting:
        told.append(ngettext("%(num)s thing needs you.", "%(num)s things need you.", waiting))
    if left:
        told.append(
            ngettext(
                "%(num)s step of setting up is left.", "%(num)s steps of setting up are left.", left
            )
        )
    return " ".join(told)


def _drawn(one: Finding) -> dict[str, str]:
    return {"words": said(one.says), "href": MENDED_AT.get(one.code, "")}


def tasks(now: SetUp, actor: Actor, unanswered: int) -> list[dict[str, Any]]:
    """What a place needs before the first referral, in the order in which each builds on the last.
    Whose turn it is stands beside what isn't an administrator's. `unanswered`: in how many places
    somebody is missing who is rung about safety."""
    lead = Role.GOVERNANCE_LEAD in roles_to_give(actor.role)
    by_lead = _("A governance lead does this, with the provider.") if lead else ""
    return [
        {
            "text": _("Add your places and the organisations in them"),
            "hint": ngettext("%(num)s organisation", "%(num)s organisations", now.organisations),
            "href": "/organisations",
            "done": now.organisations > 0,
        },
        {
            "text": _("Say who answers for safety, by day, by night and from outside"),
            "hint": ngettext("Missing in %(num)s place", "Missing in %(num)s places", unanswered)
            if unanswered
            else "",
            "href": "/who-answers",
            "done": now.numbers > 0 and not unanswered,
        },
        {
            "text": _("Give accounts to link workers, team leads and those who review"),
            "hint": ngettext("%(num)s account", "%(num)s accounts", now.accounts),
            "href": "/users",
            "done": now.link_workers > 0 and now.reviewers > 0,
        },
        {
            "text": _("Put what is read out for consent into your own words"),
            "hint": _("Until then examples are read out.")
            if not now.wordings
            else ngettext("%(num)s version of your own", "%(num)s versions of your own",
                          now.wordings),
            "href": "/wording",
            "done": now.wordings > 0,
        },
        {
            "text": _("Look at each rule: times, reasons, evidence"),
            "hint": _("Until then examples hold.")
            if not now.rules
            else ngettext("%(num)s rule of your own", "%(num)s rules of your own", now.rules),
            "href": "/policy",
            "done": now.rules > 0,
        },
        {
            "text": _("Take in what providers offer, from a directory or by hand"),
            "hint": ngettext("%(num)s provider", "%(num)s providers", now.providers),
            "href": "/directory",
            "done": now.providers > 0,
        },
        {
            "text": _("See that providers meet the standards"),
            "hint": by_lead
            if not now.assured
            else _("%(done)s of %(all)s meet them", done=now.assured, all=now.providers),
            "href": "/accountability",
            "done": now.assured > 0,
        },
        {
            "text": _("Agree who may share what with whom"),
            "hint": by_lead
            if not now.agreements
            else ngettext("%(num)s agreement in force", "%(num)s agreements in force",
                          now.agreements),
            "href": "/accountability",
            "done": now.agreements > 0,
        },
    ]  # fmt: skip
