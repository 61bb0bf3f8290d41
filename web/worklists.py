"""Work items and cards of referrals, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from flask import current_app

from referral.actors import Actor
from referral.states import Noun, Purpose, ReferralState, Role
from referral.visible import CALL
from web import labels
from web.access import WORKERS
from web.frame import there_is
from web.labels import move_path, record_path, said, state_tag, word
from web.say import _, ngettext
from web.words import age_band, day_words, deadline, last_day, phone_words
from workflows.engine import TABLES
from workflows.moves import NOTHING
from workflows.reading import Card, Work, WorkItem
from workflows.working_time import ENGLAND, end_of, local_day, working_days_between

GROUPS = ("safety", "overdue", "today", "news", "soon", "later", "held")


def heading(group: str) -> str:
    """What a group of work items is called."""
    return {
        "safety": _("Safety"),
        "overdue": _("Overdue"),
        "today": _("Due today"),
        "news": _("New for you"),
        "soon": _("Coming up"),
        "later": _("Later"),
        "held": _("On hold"),
    }[group]


def groups(
    work: Work, actor: Actor, at: datetime, besides: Mapping[str, list[dict[str, Any]]] = NOTHING
) -> list[dict[str, Any]]:
    """The items of a page under their headings, in the order in which they need somebody.
    `besides`: what is drawn already, at the end of its group."""
    sorted_out: dict[str, list[WorkItem]] = {name: [] for name in GROUPS}
    for item in work.items:
        sorted_out[_group(item, work, at)].append(item)
    return [
        {
            "heading": heading(name),
            "items": [drawn(i, actor, at) for i in _in_order(items)] + besides.get(name, []),
        }
        for name, items in sorted_out.items()
        if items or besides.get(name)
    ]


def _in_order(items: list[WorkItem]) -> list[WorkItem]:
    return sorted(items, key=lambda i: (i.due is None, i.due or datetime.min.replace(tzinfo=UTC)))


def _group(item: WorkItem, work: Work, at: datetime) -> str:
    """By the words of its deadline: what is said to be due today stands under that."""
    if item.due is not None and not item.safety and item.due > at:
        if last_day(item.due) <= local_day(at):
            return "today"
        if last_day(item.due) <= last_day(work.horizon):
            return "soon"
    return item.group(at, end_of(local_day(at)), work.horizon)


def opens(noun: str, record_id: str, trigger: str | None) -> str:
    """Where a button leads: the form of the move, or the record itself."""
    if trigger is not None:
        path = move_path(noun, record_id, trigger)
        if there_is(current_app, path):
            return path
    return record_path(noun, record_id)


def why_here(item: WorkItem) -> tuple[str, str, str]:
    """Why an item is on the list in one sentence, the words of its button, and where that leads."""
    if item.theirs:
        why, button, trigger = labels.SILENT[item.kind]
        provider = item.known.get("provider") or _("The provider")
        if trigger == "escalate":
            href = f"{record_path(item.noun, item.record_id)}/escalate"
        else:
            href = acts_at(item, trigger)
        return said(why) % {"provider": provider}, said(button), href
    why, button, to = labels.WORK[item.kind]
    return _in_particular(item) or said(why), said(button), acts_at(item, to)


def _in_particular(item: WorkItem) -> str | None:
    """What the facts add to the sentence of a kind: who gave it back and why, what is missing."""
    known = item.known
    if item.kind == "referral.returned" and known.get("provider") and known.get("reason"):
        return _(
            "Back with you from %(provider)s: %(why)s. Find another way.",
            provider=known["provider"],
            why=word(labels.REASONS, known["reason"]).lower(),
        )
    if item.kind == "referral.draft" and known.get("consent") is False:
        return _("This draft has not been sent. Consent to share is missing.")
    if item.kind == "referral.completed" and known.get("provider"):
        return _(
            "%(provider)s has finished. Read the outcome and close the loop.",
            provider=known["provider"],
        )
    if item.kind == "referral.queried" and known.get("provider"):
        return _("%(provider)s asked a question.", provider=known["provider"])
    return None


def acts_at(item: WorkItem, trigger: str | None) -> str:
    """Where the one button of a work item leads."""
    if item.kind == "referral.draft":
        return f"{record_path(item.noun, item.record_id)}/write"
    if item.noun is Noun.CONSENT:
        asked = {"purpose": str(item.known["purpose"])}
        if asked["purpose"] == Purpose.SHARE_WITH_PROVIDER:
            asked["provider"] = str(item.known["recipient"])
        return f"{record_path('person', str(item.known['person_id']))}/consent?{urlencode(asked)}"
    return opens(item.noun, item.record_id, trigger)


def drawn(item: WorkItem, actor: Actor, at: datetime) -> dict[str, Any]:
    """What `work_item` draws of one thing that needs somebody."""
    path = opens(item.noun, item.record_id, None)
    # Before anything else the team is rung: what can still be done is on the record's own page.
    ring = phone_words(item.known.get("team_phone")) if item.held and _provider(actor) else ""
    if item.closed:
        return {
            "href": path,
            "name": item.name,
            "reason": "",
            "meta": [item.reference] if item.reference != item.name else [],
            "held": said(item.held or ""),
            "ring": ring,
        }
    due = deadline(item.due, at, hours=item.hours)._asdict()
    if item.kind == CALL:
        return _call(item, path, due, actor, at)
    why, button, leads_to = why_here(item)
    return {
        "href": path,
        "name": item.name,
        "reason": why,
        "meta": meta(item, actor, at),
        "deadline": due,
        "action": None if ring else {"text": button, "href": leads_to},
        "ring": ring,
        "tag": state_tag(item.noun, item.state, actor.role) if item.state else None,
        "held": said(item.held) if item.held else None,
        "safety": item.safety,
        "details": [
            *_reminded(item, at),
            *(details(item.known, actor) if item.noun is Noun.REFERRAL else []),
        ],
        "later": _later(item, at) if actor.role in WORKERS else None,
    }


def _call(
    item: WorkItem, path: str, due: dict[str, Any], actor: Actor, at: datetime
) -> dict[str, Any]:
    """A call its maker planned: made, or crossed off because it is no longer needed."""
    return {
        "href": path,
        "name": item.name,
        "reason": _("A call you planned. %(why)s.", why=word(labels.REMINDERS, item.why)),
        "meta": meta(item, actor, at),
        "deadline": due,
        "tag": state_tag(item.noun, item.state, actor.role) if item.state else None,
        "held": said(item.held) if item.held else None,
        "action": {"text": _("Record the call"), "href": f"{path}/call"},
        "later": {
            "text": _("No longer needed"), "href": f"/reminders/{item.reminder}/end", "post": True
        },
    }  # fmt: skip


def _provider(actor: Actor) -> bool:
    return actor.role is Role.PROVIDER_LEADER


def _reminded(item: WorkItem, at: datetime) -> list[str]:
    """What its reader said when they put it off."""
    if item.until is None:
        return []
    day = day_words(local_day(item.until), weekday=True, now=at)
    why = word(labels.REMINDERS, item.why)
    if item.until <= at:
        return [_("You asked to be reminded on %(day)s. %(why)s.", day=day, why=why)]
    return [_("Back on your list on %(day)s. %(why)s.", day=day, why=why)]


def _later(item: WorkItem, at: datetime) -> dict[str, Any]:
    """The way to put it off, or to bring it back."""
    if item.until is not None and item.until > at:
        words = _("Bring it back now")
        return {"text": words, "href": f"/reminders/{item.reminder}/end", "post": True}
    return {"text": _("Remind me later"), "href": f"/reminders/{item.kind}/{item.watched}"}


def meta(item: WorkItem, actor: Actor, at: datetime) -> list[str]:
    """The small line of a work item."""
    known = item.known
    found = [item.reference] if item.reference and item.reference != item.name else []
    if item.noun is Noun.REFERRAL:
        found += referral_meta(known, actor)
    elif item.noun is Noun.CONSENT:
        found += [known.get("provider") or word(labels.PURPOSES, known.get("purpose"))]
    elif item.noun is Noun.OVERRIDE:
        found += [known["provider"], _("Danger now") if known["danger"] else ""]
    elif item.noun is Noun.EMERGENCY:
        found += [known["opened_by"], known["opened_in"]]
    elif item.noun is Noun.ESCALATION:
        days = working_days_between(known["created_at"], at, ENGLAND)
        found += [
            word(labels.KINDS, known["kind"]),
            _("Severity: %(how)s", how=said(labels.SEVERITIES[known["severity"]].text).lower()),
            said(labels.LEVELS[known["level"]]),
            ngettext("%(num)s working day old", "%(num)s working days old", days),
        ]
    if item.standing_in:
        name = known.get("link_worker")
        found += [_("Standing in for %(name)s", name=name) if name else _("Standing in")]
    return [line for line in found if line]


def referral_meta(seen: Mapping[str, Any], actor: Actor) -> list[str]:
    """What tells one referral from another, for either side."""
    if actor.role is Role.PROVIDER_LEADER:
        return [age_band(seen.get("age_band")), seen.get("area") or "", seen.get("activity") or ""]
    found = [seen.get("provider") or "", seen.get("activity") or ""]
    if actor.role not in (Role.LINK_WORKER, Role.PROVIDER_LEADER) and seen.get("link_worker"):
        found.append(str(seen["link_worker"]))
    return found


def details(seen: Mapping[str, Any], actor: Actor) -> list[str]:
    """What a provider decides by, in the person's words."""
    if actor.role is not Role.PROVIDER_LEADER or seen.get("state") not in (
        "sent",
        "queried",
        "waiting",
    ):
        return []
    found = []
    if seen.get("urgent"):
        found.append(_("Urgent."))
    if seen.get("what_matters"):
        found.append(_("What matters: %(words)s", words=seen["what_matters"]))
    access = seen.get("access") or seen.get("access_needs")
    if access:
        found.append(_("Would make it easier: %(words)s", words=access))
    if seen.get("interpreter"):
        found.append(_("Needs an interpreter."))
    if seen.get("call_before"):
        found.append(_("Call the link worker before you accept."))
    return found


# Where a provider has something to do by the day that a card names: it says what.
THEIRS = frozenset({"sent", "accepted", "active"})


def ring_first(item: dict[str, Any], last: date, at: datetime) -> dict[str, Any]:
    """The item of somebody who did not come twice in a row, with what to do about it."""
    words = _(
        "Did not come twice in a row, last on %(day)s. Ring them first if that is safe.",
        day=day_words(last, weekday=True, now=at),
    )
    told = {"text": _("Tell the link worker"), "href": f"{item['href']}/update"}
    return {**item, "reason": words, "action": told}


def card(seen: Card, actor: Actor, at: datetime) -> dict[str, Any]:
    """What `work_item` draws of one referral in a list."""
    known = seen.seen
    state = known.get("state")
    reference = str(known.get("reference") or "")
    meta_line = [line for line in referral_meta(known, actor) if line]
    found: dict[str, Any] = {
        "href": record_path(Noun.REFERRAL, seen.id),
        "name": seen.name,
        "reason": "",
        "meta": ([reference] if reference != seen.name else []) + meta_line,
        "held": said(str(known["held"])) if known.get("held") else None,
        "ring": phone_words(known.get("team_phone"))
        if known.get("held") and _provider(actor)
        else "",
    }
    if state:
        found["tag"] = state_tag(Noun.REFERRAL, state, actor.role)
        theirs = actor.role is Role.PROVIDER_LEADER and state in THEIRS
        found["reason"] = said(
            labels.WORK[f"referral.{state}"][0]
            if theirs
            else TABLES[Noun.REFERRAL].states[state].says
        )
        if actor.role is Role.PROVIDER_LEADER and state == ReferralState.QUERIED:
            found["reason"] = _("You asked a question. Your time to reply waits for the answer.")
        if seen.due is not None or seen.paused:
            found["deadline"] = deadline(seen.due, at, hours=seen.hours)._asdict()
    return found
