"""The papers of a provider: its insurance, checks and training; what counts, what runs out and what
is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from referral import oversight, policy
from referral.actors import Actor
from referral.oversight import Evidence
from referral.policy import Rules
from referral.store import Tx
from web import labels
from web.labels import word
from web.say import _
from web.words import day_words
from workflows.working_time import local_day

SOON = timedelta(days=60)


def runs_out(until: datetime, at: datetime) -> dict[str, Any]:
    """In words, and whether it matters now."""
    day = day_words(local_day(until - timedelta(seconds=1)))
    if until <= at:
        return {"text": _("Ran out on %(day)s", day=day), "tone": "overdue"}
    return {
        "text": _("Until %(day)s", day=day),
        "tone": "soon" if until - at <= SOON else "later",
    }


@dataclass(frozen=True)
class Item:
    """One kind of evidence of a provider: what counts, what was handed in, what is asked for."""

    kind: str
    words: str
    asked_for: bool
    counts: list[dict[str, Any]]
    handed_in: list[dict[str, Any]]

    @property
    def missing(self) -> bool:
        """Whether it is asked for and nothing in date is there."""
        return self.asked_for and not any(one["in_date"] for one in self.counts)


def items_of(found: list[Evidence], tier: str, rules: Rules, at: datetime) -> list[Item]:
    """The papers of each kind that is asked for, or was handed in."""
    asked = rules.evidence(tier)
    named = dict(labels.listed_evidence(rules))
    kinds = dict.fromkeys([*asked, *named, *(one.kind for one in found)])

    def shown(one: Evidence) -> dict[str, Any]:
        return {
            "item": one,
            "in_date": one.counts_until > at,
            "until": runs_out(one.counts_until, at),
            "may_grace": one.kind not in policy.NO_GRACE
            and one.grace_until is None
            and one.until - at <= SOON,
        }

    items = []
    for kind in kinds:
        mine = [one for one in found if one.kind == kind]
        item = Item(
            kind,
            named.get(kind) or word(labels.EVIDENCE, kind),
            kind in asked,
            [shown(one) for one in mine if one.checked_by],
            [shown(one) for one in mine if not one.checked_by],
        )
        if item.asked_for or mine:
            items.append(item)
    return items


@dataclass(frozen=True)
class ToHandIn:
    """A paper that a provider's leader is to hand in: why, and where."""

    words: str
    href: str


@dataclass(frozen=True)
class Papers:
    """What a provider is to hand in, the missing first, then by the day it runs out."""

    provider_id: str | None
    items: list[ToHandIn]


def to_hand_in(tx: Tx, actor: Actor, at: datetime) -> Papers:
    """The papers of the actor's own provider that are asked for and missing, or whose end is near
    or past. Without those that wait to be checked."""
    found = oversight.own_papers(tx, actor, at)
    if found is None:
        return Papers(None, [])
    missing, ending = [], []
    for item in items_of(found.evidence, found.tier, found.rules, at):
        if item.handed_in:
            continue
        href = f"/providers/{found.provider_id}/evidence/add?kind={item.kind}"
        if item.missing and not item.counts:
            missing.append(ToHandIn(_("%(what)s: missing", what=item.words), href))
        for one in item.counts:
            until = one["item"].counts_until
            day = day_words(local_day(until - timedelta(seconds=1)), weekday=True)
            if until - at <= SOON:
                if until <= at:
                    words = _("%(what)s: ran out on %(day)s", what=item.words, day=day)
                else:
                    words = _("%(what)s: until %(day)s", what=item.words, day=day)
                ending.append((until, ToHandIn(words, href)))
    by_day = [one for _until, one in sorted(ending, key=lambda pair: pair[0])]
    return Papers(found.provider_id, missing + by_day)
