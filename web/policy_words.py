"""Policy in words: what each rule is called, what it says, where it comes from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from referral.policy import Rules
from web import labels
from web.labels import said, word
from web.say import _, ngettext
from workflows.moves import N_
from workflows.policy import LONGEST_CODE

# The kinds in the order of the page: (what they are called, what is said of them).
KINDS: dict[str, tuple[str, str]] = {
    "days": (
        N_("How long each step may take"),
        N_("In working days in England. When the time is up, the next person is told or asked."),
    ),
    "months": (N_("How long consent holds"), N_("When no other date is agreed with the person.")),
    "years": (
        N_("How long records are kept"),
        N_(
            "In years after the newest entry; of a child, until which birthday. To be confirmed by"
            " the organisation that runs this. When the time is over, a record comes on a list:"
            " two people decide."
        ),
    ),
    "ceiling": (
        N_("How high a matter may climb"),
        N_("A matter that nobody settles goes up a level by itself, and no further than this."),
    ),
    "reasons": (N_("Reasons to choose from"), N_("What can be chosen when somebody says why.")),
    "evidence": (
        N_("Evidence asked of providers"),
        N_("What must be in date before a provider is assured, by how large it is."),
    ),
    "blocks": (
        N_("Evidence that stops new referrals"),
        N_("Whether nobody new is sent once this has run out. Those taking part stay."),
    ),
}
DAYS: dict[str, str] = {
    "referral.sent": N_("Referral: the provider answers"),
    "referral.sent.urgent": N_("Referral: the provider answers, when it is urgent"),
    "referral.accepted": N_("Referral: first contact after a place is given"),
    "referral.started": N_("Referral: the start, once the group has begun"),
    "referral.active": N_("Referral: the next update while taking part"),
    "referral.paused": N_("Referral: after the agreed end of a break"),
    "referral.paused.most": N_("Referral: the longest break"),
    "referral.not_started": N_("Referral: from the first sending to a start"),
    "referral.not_started.cohort": N_("Referral: from the group's first day to a start"),
    "referral.not_started.again": N_("Referral: still not started, asked again after"),
    "hold.most": N_("A hold for a time: how long at most"),
    "override.proposed": N_("Sharing without consent: somebody decides"),
    "override.proposed.danger_hours": N_("Sharing without consent: when there is danger"),
    "override.approved": N_("Sharing without consent: how long it holds"),
    "override.ended": N_("Sharing without consent: it is reviewed"),
    "emergency.opened_minutes": N_("Emergency access: how long a record is open"),
    "emergency.under_review": N_("Emergency access: it is reviewed"),
    "access.unused_calendar_days": N_("Access review: an account counts as not used after"),
    "concern.raised": N_("Safeguarding: somebody reads a concern"),
    "concern.reported.child": N_("Safeguarding: the authority answers about a child"),
    "concern.raised.danger_hours": N_("Safeguarding: somebody reads it when there is danger"),
    "escalation.raised.disagreement": N_("Disagreement between professionals: to be taken up"),
    "escalation.in_review.stage_2": N_("Disagreement between professionals: stage 2"),
    "escalation.in_review.stage_3": N_("Disagreement between professionals: stage 3"),
    "escalation.in_review.stage_4": N_("Disagreement between professionals: stage 4"),
    "announcement.unread": N_("Announcement: who has not read it is reminded"),
    "escalation.reopen_within": N_("Review: the raiser may disagree within"),
    "assurance.grace": N_("Assurance: grace when a renewal is in hand"),
}
OTHER_LISTS: dict[str, str] = {
    "emergency.told": N_("Emergency access: who is told at once"),
    "looks.shown": N_("Who looked at a record: what the person is told"),
}
OTHERS: dict[tuple[str, str], str] = {
    ("months", "consent"): N_("Consent holds for"),
    ("years", "contact_only"): N_("First contact only"),
    ("years", "case"): N_("Somebody who was referred"),
    ("years", "safeguarding"): N_("With a safeguarding concern"),
    ("years", "child"): N_("A child: until which birthday"),
    ("years", "child_at_17"): N_("A child who was 17 at the end: until which birthday"),
    ("years", "complaint"): N_("With a complaint"),
}


def name_words(kind: str, name: str, rules: Rules | None = None) -> str:
    """What a rule is called."""
    if kind == "days":
        return said(DAYS[name]) if name in DAYS else _state_words(name)
    if kind == "ceiling":
        return word(labels.KINDS, name)
    if kind == "evidence":
        return word(labels.TIERS, name)
    if kind == "blocks":
        own = dict(labels.listed_evidence(rules)) if rules else {}
        return own.get(name) or word(labels.EVIDENCE, name)
    if kind == "reasons":
        return _move_words(name)
    return said(OTHERS.get((kind, name), name))


def title_words(kind: str, name: str, rules: Rules | None = None) -> str:
    """What a rule is called where nothing else says of what kind it is."""
    words = name_words(kind, name, rules)
    heading = {
        "ceiling": N_("How high a matter climbs: %(what)s"),
        "reasons": N_("Reasons to choose from. %(what)s"),
        "evidence": N_("Evidence asked of providers: %(what)s"),
        "blocks": N_("Stops new referrals when out of date: %(what)s"),
    }.get(kind)
    return _(heading, what=words) if heading else words


def _state_words(name: str) -> str:
    """A clock that is called after the state it runs in."""
    noun, _dot, state = name.partition(".")
    tag = labels.STATES.get((noun, state))
    what = said(tag.text) if tag else state.replace("_", " ").replace(".", " ").capitalize()
    return _("%(noun)s: %(what)s", noun=word(labels.NOUNS, noun), what=what)


def _move_words(name: str) -> str:
    """A list that is called after the move it is asked with."""
    noun, _dot, trigger = name.partition(".")
    if name in OTHER_LISTS:
        return said(OTHER_LISTS[name])
    move = labels.MOVES.get((noun, trigger))
    what = said(move.button) if move else trigger.replace("_", " ").capitalize()
    return _("%(noun)s: %(what)s", noun=word(labels.NOUNS, noun), what=what)


def unit(kind: str, name: str) -> str:
    """What a number counts."""
    if kind == "months":
        return _("months")
    if kind == "years":
        return _("years")
    if kind == "ceiling":
        return _("level")
    if name.endswith("_calendar_days"):
        return _("days")
    if name.endswith("_minutes"):
        return _("minutes")
    return _("hours by the clock") if name.endswith("_hours") else _("working days")


def value_words(kind: str, name: str, value: Any) -> str:
    """What a rule says, in a line."""
    if value is None:
        return _("As in the place above")
    if kind == "months":
        return ngettext("%(num)s month", "%(num)s months", value)
    if kind == "years":
        return ngettext("%(num)s year", "%(num)s years", value)
    if kind == "ceiling":
        words = word({str(k): v for k, v in labels.LEVELS.items()}, str(value))
        return _("Level %(number)s: %(words)s", number=value, words=words)
    if kind == "blocks":
        return _("Yes, it stops new referrals") if value else _("No, it is only shown")
    if kind == "days":
        if name.endswith("_hours"):
            return ngettext("%(num)s hour", "%(num)s hours", value)
        if name.endswith("_calendar_days"):
            return ngettext("%(num)s day", "%(num)s days", value)
        if name.endswith("_minutes"):
            return ngettext("%(num)s minute", "%(num)s minutes", value)
        return ngettext("%(num)s working day", "%(num)s working days", value)
    return "; ".join(lines_of(kind, value))


def _table(kind: str) -> dict[str, str]:
    return labels.EVIDENCE if kind == "evidence" else labels.REASONS


def lines_of(kind: str, value: Iterable[Mapping[str, str]]) -> list[str]:
    """A list as people read it, one line each."""
    return [item.get("says") or word(_table(kind), item["code"]) for item in value]


def list_from(kind: str, text: str) -> list[dict[str, str]]:
    """A list as it was typed, a line each: words we know become their code again, others a code of
    their own with these words."""
    known = {said(words).casefold(): code for code, words in _table(kind).items()}
    found = []
    for line in text.splitlines():
        words = " ".join(line.split())
        if not words:
            continue
        code = known.get(words.casefold())
        found.append({"code": code} if code else {"code": code_of(words), "says": words})
    return found


def code_of(words: str) -> str:
    """A code made of words: "No interpreter" becomes no_interpreter."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    code = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:LONGEST_CODE].strip("_")
    return code if code[:1].isalpha() else f"own_{code}"[:LONGEST_CODE].strip("_")
