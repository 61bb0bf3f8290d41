"""Steps as a timeline tells them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from referral.actors import Actor
from referral.documents import GOES, DocumentSeen
from referral.looks import last_change
from referral.states import Noun, Role
from referral.store import Tx
from referral.visible import StepSeen
from web.labels import (
    DOCUMENT_KINDS,
    DOCUMENT_WHY,
    MISSED,
    REASONS,
    record_path,
    role_name,
    told,
    word,
)
from web.say import _, ngettext
from web.words import iso, time_words
from workflows.histories import OF_END_OF_HOLD, OF_HOLD, OF_TAKING_BACK, Happened, Place
from workflows.reading import timeline


def who(step: StepSeen) -> str:
    """Who made a step: "Priya Shah, Ash Lane practice", or "The system"."""
    if step.name is None:
        return role_name(step.role)
    words = f"{step.name}, {step.organisation}" if step.organisation else step.name
    if step.behalf:
        words = _("%(who)s, standing in for %(other)s", who=words, other=step.behalf)
    if step.second:
        words = _("%(who)s, confirmed by %(other)s", who=words, other=step.second)
    return words


def entries(
    noun: Noun,
    steps: Iterable[StepSeen],
    at: datetime,
    notes: Mapping[str, str] | None = None,
    *,
    together: bool = False,
) -> list[dict[str, Any]]:
    """What `timeline` draws. `notes`: the words the viewer may read, by the id of the note.
    `together`: what the same person did again and again, adding nothing, is one entry."""
    found: list[dict[str, Any]] = []
    times = 1
    before: tuple[str, str] | None = None
    for step in steps:
        bare = not (step.reason or (notes or {}).get(step.note_id or ""))
        same = (step.trigger, who(step)) if bare and together else None
        times = times + 1 if same and same == before else 1
        before = same
        what = told(noun, step.trigger)
        if times > 1:
            found[-1]["what"] = ngettext(
                "%(what)s, %(num)s time", "%(what)s, %(num)s times", times, what=what
            )
            found[-1]["since"] = _("since %(when)s", when=time_words(step.at))
            continue
        if step.reason:
            what = f"{what}: {step.reason_words or word(REASONS, step.reason)}"
        when = time_words(step.at)
        if step.happened_at is not None:
            then = time_words(step.happened_at)
            when = _("%(then)s, written down %(when)s", then=then, when=when)
        found.append(
            {
                "what": what,
                "who": who(step),
                "when": when,
                "at": iso(step.at),
                "quote": (notes or {}).get(step.note_id or ""),
            }
        )
    return found


MOST_QUOTED = 280  # characters of a message, where it stands among other things


def happened(
    line: Iterable[Happened], notes: Mapping[str, str], at: datetime, base: str
) -> list[dict[str, Any]]:
    """The same of all that happened about a referral. `base`: where its pages are."""
    return [{**_one(one, notes, at), "links": _leads(one, base)} for one in line]


def _one(one: Happened, notes: Mapping[str, str], at: datetime) -> dict[str, Any]:
    if one.step is not None:
        return _told(one, notes, at)
    if one.missed is not None:
        return {
            **entry(_("A deadline passed"), role_name(Role.SYSTEM), one.missed.at),
            "quote": word(MISSED, one.missed.kind),
        }
    if one.place.rank == OF_HOLD:
        return entry(_("The referral was put on hold"), "", one.place.at)
    if one.place.rank == OF_END_OF_HOLD:
        return entry(_("The hold ended"), "", one.place.at)
    return _message(one) if one.document is None else _document(one.document, one.place)


def _document(one: DocumentSeen, place: Place) -> dict[str, Any]:
    what = word(DOCUMENT_KINDS, one.kind)
    gone = one.taken_back_why in GOES
    if place.rank == OF_TAKING_BACK:
        return {
            **entry(_("Document taken back"), one.taken_back_by or "", place.at),
            "quote": f"{what}: {word(DOCUMENT_WHY, one.taken_back_why)}",
        }
    return {
        **entry(_("Document put on the referral"), f"{one.by}, {one.organisation}", place.at),
        "quote": what if gone or not one.description else f"{what}: {one.description}",
    }


def _told(one: Happened, notes: Mapping[str, str], at: datetime) -> dict[str, Any]:
    found = entries(one.noun, [one.step] if one.step else [], at, notes)[0]
    if one.noun is Noun.ESCALATION and one.step and one.step.trigger != "raise":
        found["what"] = _("Escalation: %(what)s", what=found["what"])
    return found


def _message(one: Happened) -> dict[str, Any]:
    m = one.message
    if m is None:
        raise ValueError("Neither a step nor a message.")
    whole = " ".join(m.body.split())
    return {
        "what": _("Message"),
        "who": f"{m.name}, {m.organisation}",
        "when": time_words(m.at),
        "at": iso(m.at),
        "quote": whole if len(whole) <= MOST_QUOTED else whole[:MOST_QUOTED].rstrip() + " …",
    }


def _leads(one: Happened, base: str) -> list[dict[str, str]]:
    """Where more of it is told: the other messages, and its entry in the log for those who may
    open that."""
    found = []
    if one.message is not None:
        found.append({"text": _("Read it with the other messages"), "href": f"{base}/messages"})
    if one.noun in (Noun.ESCALATION, Noun.OVERRIDE):
        href = record_path(one.noun, one.place.id)
        found.append({"text": _("Open it"), "href": href})
    if one.document is not None:
        found.append({"text": _("See the documents"), "href": f"{base}/documents"})
    if one.entry is not None:
        number = f"{one.entry:,}"
        text = _("Entry %(number)s in the audit log", number=number)
        found.append({"text": text, "href": f"/audit/{one.entry}"})
    return found


def changed(
    tx: Tx, actor: Actor, action: str, record_id: str, *, of_person: bool = False
) -> list[dict[str, Any]]:
    """Who last changed what no machine governs, as one entry: a colleague by name, others by their
    organisation."""
    last = last_change(tx, actor, action, record_id, of_person=of_person)
    if last is None:
        return []
    ours = last.organisation_id == actor.organisation_id
    who = f"{last.name}, {last.organisation}" if ours else last.organisation
    return [entry(_("Changed"), who, last.at)]


def newest(*told_of: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of several last changes the one that came last."""
    return sorted((one for each in told_of for one in each), key=lambda one: str(one["at"]))[-1:]


def entry(what: str, who: str, at: datetime) -> dict[str, Any]:
    """One thing that happened, as a timeline tells it."""
    return {"what": what, "who": who, "when": time_words(at), "at": iso(at), "quote": None}


def last_step(
    tx: Tx, actor: Actor, at: datetime, noun: Noun, record_id: str
) -> list[dict[str, Any]]:
    """What happened last to a record, as one entry."""
    told_of = timeline(tx, actor, at, noun, record_id)
    return entries(noun, told_of.steps[:1], at)
