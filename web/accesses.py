"""Access review: who can see what and why, what is odd about an account, and signing it off."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from referral import access, policy
from referral.actors import Actor
from referral.audit import log
from referral.policy import Rules
from referral.states import Role
from referral.store import Sql, Tx
from web import labels
from web.access import access as for_roles
from web.access import current_actor
from web.audit_pages import readers_words
from web.current import edge
from web.forms import Next, answer, page
from web.labels import word
from web.say import _, ngettext
from web.words import day_words
from workflows.access import FLAGS, LATELY, Line, due, lines, sign_off
from workflows.hearing import REVIEWERS
from workflows.moves import N_

pages = Blueprint("access_pages", __name__)

ROLES = frozenset(REVIEWERS)
A_PAGE = 50
REACHES: dict[str, str] = {
    "team": N_("The records of the people their team holds"),
    "place": N_("The records of the people held in their place"),
    "provider": N_("What was sent to their group, as far as each person agreed"),
    "referrals": N_("The referrals of people held in their place, and reviews"),
    "nobody": N_("No person's record"),
}
SAYS: dict[str, str] = {
    "given": N_("Given lately"),
    "left": N_("The account is suspended and its role is open still"),
    "ended": N_("Ended lately"),
    "unused": N_("Not used for a long time"),
    "never": N_("Never used"),
    "changed": N_("Has another role than before"),
    "shared": N_("May be used by several people"),
}
COLUMNS = ("name", "email", "role", "organisation", "place", "since", "ended", "last_sign_in",
           "second_step", "keys_for_programs", "reaches", "people", "to_look_at")  # fmt: skip


def rules_for(tx: Tx, actor: Actor, at: datetime) -> Rules:
    """The rules where the reviewer works."""
    return policy.rules_of(tx, actor.organisation_id, at)


def everything(tx: Tx, actor: Actor, at: datetime) -> list[Line]:
    """Every account of the review."""
    found = access.accounts(tx, actor, at, at - LATELY)
    return lines(found, access.numbers(tx, actor), rules_for(tx, actor, at), at)


@pages.get("/access")
@for_roles(ROLES)
def review() -> ResponseReturnValue:
    """Each account: role, organisation, place, since when, last sign-in, and what it reaches."""
    actor, flag = current_actor(), request.args.get("flag", "")
    flag = flag if flag in FLAGS else ""
    number = request.args.get("after", "")
    with edge().reading(actor) as (tx, at):
        found = everything(tx, actor, at)
        last = access.last_review(tx, actor.place_id) if actor.place_id else None
        waiting = access.emergencies_to_review(tx, actor)
    chosen = [one for one in found if not flag or flag in one.flags]
    start = next((i + 1 for i, one in enumerate(chosen) if one.account.membership_id == number), 0)
    shown = chosen[start : start + A_PAGE]
    more = len(chosen) > start + A_PAGE
    chips = [
        {
            "text": word(SAYS, code) if code else _("All"),
            "count": sum(code in one.flags for one in found) if code else len(found),
            "href": "/access" + (f"?flag={code}" if code else ""),
            "current": code == flag,
        }
        for code in ("", *FLAGS)
    ]
    return page(
        "access.jinja",
        log_readers=readers_words(),
        rows=[drawn(one) for one in shown],
        chips=chips,
        flag=flag,
        older=shown[-1].account.membership_id if more else None,
        last=_("Last reviewed on %(day)s by %(who)s.", day=day_words(last[0].date()), who=last[1])
        if last
        else _("Not reviewed yet."),
        late=due(last[0] if last else None, at),
        waiting=waiting,
        may_sign=actor.place_id is not None,
        me=actor.membership_id,
        gives=actor.role is Role.GOVERNANCE_LEAD,
    )


def drawn(one: Line) -> dict[str, Any]:
    """One account in words."""
    a = one.account
    return {
        "id": a.membership_id,
        "name": a.name,
        "email": a.email,
        "role": labels.role_name(a.role),
        "where": a.organisation,
        "place": a.place or "",
        "since": day_words(a.started_at.date()),
        "ended": day_words(a.ended_at.date()) if a.ended_at else "",
        "seen": day_words(a.seen_at.date()) if a.seen_at else _("Never"),
        "second_step": bool(a.second_step),
        "programs": a.keys,
        "reach": word(REACHES, one.reach),
        "people": ngettext("%(num)s person", "%(num)s people", one.people),
        "flags": [word(SAYS, code) for code in one.flags],
    }


ROOT = Sql("SELECT path, system_id FROM place WHERE parent_id IS NULL ORDER BY system_id")


def of_everybody(tx: Tx, at: datetime) -> list[Line]:
    """Every account of every system in this store, for the command line."""
    found = []
    for path, system_id in tx.rows(ROOT):
        over = Actor(
            role=Role.SYSTEM, system_id=system_id, cause="access review", place_path=str(path)
        )
        rows = access.accounts(tx, over, at, at - LATELY)
        found += lines(rows, access.numbers(tx, over), policy.SHIPPED, at)
    return found


def told(one: Line) -> dict[str, Any]:
    """One account for a program."""
    return dict(zip(COLUMNS, _cells(one), strict=True))


def _cells(one: Line) -> tuple[Any, ...]:
    a = one.account
    return (
        a.name, a.email, a.role, a.organisation, a.place or "", str(a.started_at.date()),
        str(a.ended_at.date()) if a.ended_at else "", str(a.seen_at.date()) if a.seen_at else "",
        "yes" if a.second_step else "no", a.keys, one.reach, one.people, " ".join(one.flags),
    )  # fmt: skip


def neutral(cell: Any) -> str:
    """A cell that a spreadsheet takes as text, whatever it begins with."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def as_csv(found: list[Line]) -> str:
    """The review as a table for a spreadsheet."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    table.writerows([neutral(cell) for cell in _cells(one)] for one in found)
    return out.getvalue()


@pages.get("/access.csv")
@for_roles(ROLES)
def download() -> ResponseReturnValue:
    """The same as a file."""
    actor = current_actor()

    def read(tx: Tx, at: datetime) -> str:
        found = everything(tx, actor, at)
        log(tx, actor, at, "access_exported", "access", None, {"accounts": len(found)})
        return as_csv(found)

    body = edge().perform(actor, read)
    return Response(
        body,
        mimetype="text/csv",
        headers={"Content-Disposition": "attachment; filename=access-review.csv"},
    )


@pages.post("/access/sign-off")
@for_roles(ROLES)
def sign() -> ResponseReturnValue:
    """Reviewed, now, by me."""
    actor = current_actor()
    return answer(
        lambda form: "",
        lambda tx, at, given, form: sign_off(tx, actor, at, rules_for(tx, actor, at)),
        lambda count: Next(
            "/access",
            ngettext("Signed off: %(num)s account.", "Signed off: %(num)s accounts.", count),
        ),
    )
