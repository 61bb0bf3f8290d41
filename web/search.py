"""Finding people and referrals. What is looked for is posted, never put in an address: addresses
are kept in histories and logs, and a name or an NHS number must not be."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from referral.audit import log
from web import labels
from web.access import access, current_actor
from web.app import edge
from web.frame import SEARCHERS
from web.worklists import card
from workflows import reading

pages = Blueprint("search", __name__)

LONGEST = 200


@pages.route("/search", methods=["GET", "POST"])
@access(SEARCHERS)
def search() -> ResponseReturnValue:
    words = " ".join(request.form.get("q", "")[:LONGEST].split())
    if request.method != "POST" or not words:
        return render_template("search.jinja", words="", found=None)
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = reading.search(tx, actor, at, words)
    # What was looked for is personal: the log has who searched, and whose records came up.
    seen = [("person", one.id) for one in found.people]
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
    return render_template(
        "search.jinja",
        words=words,
        found=found,
        people=[_person(one) for one in found.people],
        referrals=[card(one, actor, at) for one in found.referrals],
    )


def _person(one: reading.PersonCard) -> dict[str, object]:
    from web.words import day_words, nhs_number

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
