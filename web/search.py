"""Finding people, referrals, activities, providers and help. What is looked for is posted, never
put in an address: addresses are kept in histories and logs, and a name or an NHS number must not
be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue

from referral.audit import log
from referral.people_checks import born_between
from referral.people_checks import nhs_number as check_number
from referral.visible import PAGE
from web import labels
from web.access import TEAM, access, current_actor
from web.current import edge
from web.frame import SEARCHERS, opens_to, there_is
from web.help import about as help_about
from web.keysets import pack, unpack
from web.say import _, ngettext
from web.words import day_words, nhs_number
from web.worklists import card
from workflows import reading
from workflows.reading import Found, Offered, Onward, PersonCard

pages = Blueprint("search", __name__)

LONGEST = 200
TEN = 10  # digits of an NHS number


@pages.route("/search", methods=["GET", "POST"])
@access(SEARCHERS)
def search() -> ResponseReturnValue:
    words = " ".join(request.form.get("q", "")[:LONGEST].split())
    if request.method != "POST" or not words:
        return render_template("search.jinja", words="", found=None)
    actor = current_actor()
    people_on, referrals_on = further_people(), further_referrals()
    further = people_on or referrals_on
    with edge().reading(actor) as (tx, at):
        if further:
            found = reading.search_on(tx, actor, at, words, people_on, referrals_on)
        else:
            found = reading.search(tx, actor, at, words)
        offered = [] if found.exact or further else reading.search_offered(tx, actor, words)
    # What was looked for is personal: the log has who searched, and whose records came up.
    seen = [("person", one.id) for one in (*found.people, *found.alike)]
    seen += [("referral", one.id) for one in found.referrals]
    edge().perform(
        actor,
        lambda tx, at: log(
            tx,
            actor,
            at,
            "searched",
            "person",
            None,
            {"ids": {noun: [i for n, i in seen if n == noun] for noun in ("person", "referral")}},
        ),
    )
    if found.exact and len(seen) == 1:
        return redirect(labels.record_path(*seen[0]), 303)
    groups: list[dict[str, Any]] = [
        {
            "heading": _("People"),
            "items": _people(found.people),
            "more": more_people(found),
            "onward": onward(found.more_people),
            "words": _("More people like this"),
        },
        {"heading": _("People whose names are spelt nearly so"), "items": _people(found.alike)},
        {
            "heading": _("Referrals"),
            "items": [card(one, actor, at) for one in found.referrals],
            "more": _(
                "At most %(num)s stand on a page, the newest first, and there are more. The"
                " referral's reference finds it at once.",
                num=PAGE,
            )
            if found.more_referrals
            else "",
            "onward": onward(found.more_referrals),
            "words": _("More referrals like this"),
        },
        {"heading": _("Activities"), "items": _offered(o for o in offered if o.activity_id)},
        {"heading": _("Providers"), "items": _offered(o for o in offered if not o.activity_id)},
    ]
    may_add = not further and actor.role in TEAM and there_is(current_app, "/referrals/new")
    return render_template(
        "search.jinja",
        words=words,
        found=True,
        groups=[group for group in groups if group["items"]],
        further=further is not None,
        number=None if found.people or further else number_words(words),
        phone=is_phone(words),
        nobody=not found.people and not found.referrals and not further,
        add="/referrals/new" if may_add and not found.people else None,
        tasks=() if further else help_about(words, actor.role),
    )


def more_people(found: Found) -> str:
    """That more people were found than are shown, and how to find the others; else empty."""
    if not found.more_people:
        return ""
    return _(
        "At most %(num)s stand on a page, and there are more. A whole name, a date of birth, a"
        " reference or an NHS number finds one at once.",
        num=PAGE,
    )


def onward(begins: Onward | None) -> dict[str, str]:
    """The field that a form for the next page carries beside the words."""
    if begins is None:
        return {}
    if begins.since is None:
        return {"people": pack(begins.by, begins.after)}
    return {"referrals": pack(begins.by, begins.after, begins.since)}


def further_people() -> Onward | None:
    """Where the page of people that is asked for begins; None for the first."""
    parts = unpack(request.form.get("people"), str, str)
    return Onward(*parts) if parts else None


def further_referrals() -> Onward | None:
    """Where the page of referrals that is asked for begins; None for the first."""
    parts = unpack(request.form.get("referrals"), str, str, datetime)
    return Onward(*parts) if parts else None


def is_phone(words: str) -> bool:
    """Whether what was looked for reads as a phone number, or as its end."""
    return not any(map(str.isalpha, words)) and not born_between(words)


def number_words(words: str) -> str | None:
    """What is wrong with something typed as an NHS number; None where it isn't one, or is right."""
    digits = re.sub(r"[\s-]", "", words)
    if born_between(words):
        return None
    if not (digits.isascii() and digits.isdigit()) or digits[0] == "0":
        return None  # a phone number begins with 0 or with +
    if len(digits) == TEN:
        try:
            check_number(digits)
        except ValueError:
            return _(
                "This isn't an NHS number: it has 10 digits, but they don't fit together. At least"
                " one of them is not right, or two have changed places."
            )
        return None
    if abs(len(digits) - TEN) > 2:
        return None
    return ngettext(
        "This isn't an NHS number: it has %(num)s digit, and an NHS number has 10.",
        "This isn't an NHS number: it has %(num)s digits, and an NHS number has 10.",
        len(digits),
    )


def _people(found: Iterable[PersonCard]) -> list[dict[str, Any]]:
    return [_person(one) for one in found]


def _person(one: PersonCard) -> dict[str, Any]:
    seen = one.seen
    facts = [str(seen.get("reference") or "")]
    if seen.get("birth_date"):
        facts.append(day_words(seen["birth_date"]))
    if seen.get("nhs_number"):
        facts.append(nhs_number(seen["nhs_number"]))
    return {
        "href": labels.record_path("person", one.id),
        "name": one.name,
        "meta": [fact for fact in facts if fact and fact != one.name],
        "held": labels.said(str(seen["held"])) if seen.get("held") else None,
    }


def _offered(found: Iterable[Offered]) -> list[dict[str, Any]]:
    """Activities and providers, each leading to what there is of it for this reader."""
    role = current_actor().role
    items = []
    for one in found:
        paths = [f"/providers/{one.provider_id}"]
        if one.activity_id:
            paths.insert(0, f"/activities/{one.activity_id}/sheet")
        else:  # who doesn't look after providers reads what this one offers
            paths.append(f"/activities?{urlencode({'words': one.provider})}")
        href = next((p for p in paths if opens_to(current_app, p.partition("?")[0], role)), None)
        name = one.activity or one.provider
        items.append({"href": href, "name": name, "meta": [one.provider] if one.activity else []})
    return items
