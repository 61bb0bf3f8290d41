"""Assessments of mental capacity in words, and those an answer may rest on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from referral import capacity
from referral.capacity import ABILITIES, Assessed
from referral.store import Tx
from web import labels
from web.labels import said
from web.say import _
from web.words import day_words
from workflows.working_time import local_day


def facts_of(a: Assessed) -> list[dict[str, str]]:
    """An assessment as a list of facts."""
    pairs: list[tuple[str, Any]] = [
        (_("Which decision"), a.decision),
        (_("Assessed by"), a.assessor),
        (_("On"), day_words(local_day(a.at))),
        (_("Help that was given"), a.help),
        *((said(labels.ABILITIES[name]), labels.yes_no("they")[0 if getattr(a, name) else 1])
          for name in ABILITIES),
        (_("What makes them unable"), a.cause),
        (_("Why it is in their best interests"), a.interests),
        (_("Who was asked"), a.consulted),
        (_("Looked at again on"), day_words(a.review_on) if a.review_on else None),
    ]  # fmt: skip
    return [{"key": key, "value": str(value)} for key, value in pairs if value]


def choices(tx: Tx, system_id: str, person_id: str, at: datetime) -> list[tuple[str, str]]:
    """The assessments an answer given now may rest on: (id, which decision and when)."""
    today = local_day(at)
    return [
        (
            a.id,
            _("%(decision)s (assessed on %(day)s)", decision=a.decision,
              day=day_words(local_day(a.at))),
        )
        for a in capacity.of_person(tx, system_id, person_id)
        if a.lacks and a.review_on is not None and a.review_on > today
    ]  # fmt: skip
