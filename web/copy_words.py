"""The words of a copy of everything held about a person: what each thing is called, and its value
in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from referral.copies import Copy, Section
from referral.documents import GOES
from web import labels
from web.blackouts import WHY as BLACKED_OUT
from web.concerns import (
    ADVOCATE_WORDS,
    CATEGORY_WORDS,
    KNOWS_WORDS,
    NOT_ASKED_WORDS,
    OTHERS_WORDS,
    WISHES_MET,
)
from web.concerns import DECISIONS as AUTHORITY_DECISIONS
from web.escalations import DECISIONS as REVIEWED
from web.labels import said, word
from web.say import _
from web.words import day_words, time_words
from workflows.moves import N_

CAPTIONS: dict[str, str] = {
    "reference": N_("Reference"),
    "birth_date": N_("Date of birth"),
    "nhs_number": N_("NHS number"),
    "no_nhs_number": N_("Why there is no NHS number"),
    "organisation_id": N_("Team that holds it"),
    "provider_id": N_("Group or organisation"),
    "activity_id": N_("Activity"),
    "link_worker_id": N_("Link worker"),
    "message_safe": N_("Whether a message to you is safe"),
    "died_on": N_("Recorded as died on"),
    "died_about": N_("How much of that day is known"),
    "through_name": N_("Who you are reached through"),
    "through_phone": N_("The number of who you are reached through"),
    "what_matters": N_("What matters to you"),
    "state": N_("Where it stands"),
    "since": N_("Since"),
    "risks": N_("Whether something must be known to keep people safe"),
    "shared": N_("The copy that was shared"),
    "present": N_("Who else was there"),
    "recipient": N_("For whom"),
    "how": N_("How"),
    "body": N_("What was written"),
    "noun": N_("About"),
    "at": N_("When"),
    "written_by": N_("Written by"),
    "field": N_("What was put right"),
    "was": N_("How it stood"),
    "now": N_("How it stands now"),
    "asked_for": N_("What you asked for"),
    "on_behalf": N_("Who asked for you"),
    "source": N_("System"),
    "external": N_("What you are called there"),
    "until": N_("Until"),
    "relation": N_("What you call them"),
    "in_emergency": N_("Whether they are called in an emergency"),
    "may_speak": N_("Whether we may speak with them about you"),
    "said_on": N_("When you said so"),
    "said_how": N_("How you said so"),
    "from_on": N_("Since"),
    "until_on": N_("Until"),
    "measure": N_("Which questions"),
    "measure_version": N_("Their version"),
    "stage": N_("When in the referral"),
    "satisfied": N_("How satisfied you are with your life"),
    "worthwhile": N_("How worthwhile the things you do are"),
    "happy": N_("How happy you felt the day before"),
    "anxious": N_("How anxious you felt the day before"),
    "asked_on": N_("Asked on"),
    "kind": N_("Kind"),
    "name": N_("Name"),
    "description": N_("What it is"),
    "media_type": N_("Kind of file"),
    "size": N_("Size in bytes"),
    "attached_by": N_("Put there by"),
    "taken_back_at": N_("Taken back"),
    "objected_at": N_("Not to be asked, since"),
    "taken_back_why": N_("Why it was taken back"),
}
LEFT: dict[str, str] = {
    "notes": N_("Notes, messages and documents of staff, and who is close to you"),
    "reviews": N_("Matters that were reviewed"),
    "safety": N_("Anything about safety"),
}
WHY: dict[str, str] = {
    "serious_harm": N_("Giving it could seriously harm somebody's health."),
    "about_others": N_("It is about somebody else, who has not agreed."),
    "looked_into": N_("Giving it would get in the way of something that is looked into."),
    "elsewhere": N_(
        "This stands in every copy, whether or not there is any: it is decided and given apart from"
        " the rest."
    ),
}


# The words of codes, by (table, column) or by the column alone. A table whose records have states
# finds them in `labels.STATES`.
CODES: dict[tuple[str, str] | str, Mapping[str, str]] = {
    "reason": labels.REASONS,
    "language": labels.READ_OUT_IN,
    "channel": labels.LINK_CHANNELS,
    "noun": labels.NOUNS,
    "about": labels.NOUNS,
    "no_nhs_number": labels.NO_NUMBER,
    "contact_method": labels.CONTACT_METHODS,
    "died_about": {"month": N_("The month alone"), "not_known": N_("Nothing")},
    "may_speak": labels.MAY_SPEAK,
    "said_how": labels.HOW,
    "ended_why": labels.RELATIONSHIP_ENDED,
    ("relationship", "kind"): labels.RELATIONSHIPS,
    ("equality_answer", "ethnic_group"): labels.ETHNIC_GROUPS,
    ("equality_answer", "disability"): labels.DISABILITY,
    "risks": labels.RISKS,
    "outcome": labels.OUTCOMES,
    "came": labels.CAME,
    ("attendance", "was"): labels.CAME,
    ("attendance", "why"): labels.CAME_CORRECTED,
    "measure": {"ons4": N_("Four questions of the Office for National Statistics")},
    "stage": labels.SCORED_AT,
    ("score", "how"): labels.SCORED_HOW,
    ("score", "why"): labels.SCORE_CORRECTED,
    "purpose": labels.PURPOSES,
    "basis": labels.BASES,
    ("consent", "how"): labels.HOW,
    ("rights_request", "kind"): labels.RIGHTS,
    ("rights_request", "how"): labels.CAME_BY,
    ("rights_request", "ground"): labels.ERASED_BECAUSE,
    "identity_how": labels.IDENTIFIED_BY,
    "told_how": labels.TOLD_BY,
    "part": LEFT,
    ("rights_part", "decision"): {"give": N_("It is given"), "withhold": N_("It is left out")},
    ("rights_part", "reason"): WHY,
    ("blackout", "ground"): BLACKED_OUT,
    "field": labels.CORRECTED,
    ("document", "kind"): labels.DOCUMENT_KINDS,
    "media_type": labels.FILE_TYPES,
    "taken_back_why": labels.DOCUMENT_WHY,
    ("dispatch", "what"): labels.NOTICES,
    ("escalation", "kind"): labels.KINDS,
    ("escalation", "topic"): labels.TOPICS,
    "severity": {code: tag.text for code, tag in labels.SEVERITIES.items()},
    "level": {str(level): text for level, text in labels.LEVELS.items()},
    ("escalation", "decision"): REVIEWED,
    ("override", "ground"): labels.GROUNDS,
    "fields": labels.SHAREABLE,
    "finding": labels.FINDINGS,
    "person_knows": KNOWS_WORDS,
    "others_at_risk": OTHERS_WORDS,
    "advocate": ADVOCATE_WORDS,
    "categories": CATEGORY_WORDS,
    "authority_route": labels.AUTHORITIES,
    "route": labels.AUTHORITIES,
    "authority_decision": AUTHORITY_DECISIONS,
    "wishes_met": WISHES_MET,
    "why_not_asked": NOT_ASKED_WORDS,
}


def codes(table: str, column: str) -> Mapping[str, str]:
    """What the codes of a column say; empty where it holds none."""
    if column == "state":
        return {code: tag.text for (noun, code), tag in labels.STATES.items() if noun == table}
    return CODES.get((table, column)) or CODES.get(column) or {}


def told(table: str, column: str, found: Any) -> str:
    """What stands in a column, in words."""
    known = codes(table, column)
    if isinstance(found, (list, tuple)):
        return "; ".join(filter(None, (told(table, column, one) for one in found)))
    if not isinstance(found, (bool, Mapping)) and str(found) in known:
        return said(known[str(found)])
    return value(found)


def caption(name: str) -> str:
    """What a column is called."""
    return said(CAPTIONS[name]) if name in CAPTIONS else name.replace("_", " ").capitalize()


def value(found: Any) -> str:
    """A value in words."""
    if found is None or found == "":
        return ""
    if isinstance(found, bool):
        return _("Yes") if found else _("No")
    if isinstance(found, datetime):
        return time_words(found)
    if isinstance(found, date):
        return day_words(found)
    if isinstance(found, Mapping):
        return "; ".join(f"{caption(str(k))}: {value(v)}" for k, v in found.items() if value(v))
    if isinstance(found, (list, tuple)):
        return "; ".join(filter(None, map(value, found)))
    text = str(found)
    if text.startswith("{"):  # a structure kept as sealed text
        try:
            return value(json.loads(text))
        except ValueError:
            return text
    return (
        text.replace("_", " ") if text.islower() and " " not in text and "@" not in text else text
    )


def drawn(copy: Copy) -> dict[str, Any]:
    """The copy as a page draws it."""
    return {
        "sections": [
            {
                "title": said(section.title),
                "rows": [
                    [
                        (caption(name), told(section.table, name, found))
                        for name, found in row.items()
                        if name != "id" and value(found)
                    ]
                    for row in section.rows
                ],
                "files": [
                    (str(row["name"]), str(row["id"]))
                    for row in section.rows
                    if section.table == "document" and row["taken_back_why"] not in GOES
                ],
            }
            for section in copy.sections
        ],
        "history": [
            {
                "when": time_words(one["at"]),
                "what": word(labels.NOUNS, one["noun"]),
                "step": said(labels.MOVES[one["noun"], one["trigger"]].told)
                if (one["noun"], one["trigger"]) in labels.MOVES
                else one["trigger"].replace("_", " "),
            }
            for one in copy.history
        ],
        "left_out": [(said(LEFT[p]), said(WHY[why])) for p, why in sorted(copy.left_out.items())],
    }


def plain(found: Any) -> Any:
    """A value as JSON takes it."""
    if isinstance(found, (datetime, date)):
        return found.isoformat()
    return found


def _labels(section: Section) -> dict[str, dict[str, str]]:
    """The words of the codes that stand in a section, by column."""
    found: dict[str, dict[str, str]] = {}
    for row in section.rows:
        for column, value_ in row.items():
            known = codes(section.table, column)
            for code in value_ if isinstance(value_, (list, tuple)) else (value_,):
                if not isinstance(code, (bool, Mapping)) and str(code) in known:
                    found.setdefault(column, {})[str(code)] = said(known[str(code)])
    return found


def as_json(copy: Copy, reference: str, at: datetime) -> dict[str, Any]:
    """The copy for a program: the names of the store, nothing resolved away; `labels` says what the
    codes in it mean, by table and column."""
    return {
        "made_at": at.isoformat(),
        "request": reference,
        "held": {
            section.table: [{k: plain(v) for k, v in row.items()} for row in section.rows]
            for section in copy.sections
        },
        "labels": {
            section.table: found for section in copy.sections if (found := _labels(section))
        },
        "history": [{k: plain(v) for k, v in one.items()} for one in copy.history],
        "left_out": dict(copy.left_out),
    }
