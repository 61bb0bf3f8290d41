"""Blacking out passages of what is given of somebody, where they are about somebody else or would
do harm: word by word, each with its ground, and never in the record itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from referral import blackouts
from referral.actors import Actor
from referral.audit import log
from referral.blackouts import Passage
from referral.ids import new_id
from referral.rows import change, put
from referral.store import Tx
from workflows.moves import N_
from workflows.rules import field, missing, wrong

# Why a passage isn't given, with what stands in its place.
GROUNDS: Mapping[str, str] = {
    "about_others": N_("[blacked out: about somebody else]"),
    "serious_harm": N_("[blacked out: giving it could seriously harm somebody]"),
    "privileged": N_("[blacked out: legal advice]"),
}
LEAST, MOST = 2, 2_000  # characters of a passage


def black_out(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    noun: str,
    record_id: str,
    person_id: str,
    subject: str | None,
    words: str,
    ground: str,
    given: Iterable[str],
) -> str:
    """Take a passage out of what is `given` from now on: wherever it stands, whatever spaces are
    between its words. The record keeps it. Raises Refused for a passage that doesn't stand there,
    or without a ground."""
    passage, faults = words.strip(), []
    if not LEAST <= len(passage) <= MOST:
        why = N_("Copy the passage: at least 2 characters, at most 2,000.")
        faults.append(field("words", why))
    elif not any(_pattern(passage).search(text) for text in given):
        why = N_("These words do not stand in what is given. Copy them from it, letter by letter.")
        faults.append(field("words", why))
    if ground not in GROUNDS:
        faults.append(field("ground", N_("Choose why it is not given.")))
    if faults:
        raise wrong(noun, "black_out", *faults)
    made = new_id(at)
    put(
        tx,
        "blackout",
        {
            "id": made,
            "system_id": actor.system_id,
            "organisation_id": blackouts.organisation_of(tx, person_id),
            "person_id": person_id,
            "record_id": record_id,
            "words": passage,
            "ground": ground,
            "marked_by": actor.membership_id,
            "at": at,
            "ended_at": None,
        },
    )
    _told(tx, actor, at, "blacked_out", noun, record_id, subject, {"blackout": made, "why": ground})
    return made


def give_again(
    tx: Tx,
    actor: Actor,
    at: datetime,
    blackout_id: str,
    *,
    noun: str,
    record_id: str,
    subject: str | None,
) -> None:
    """Give a passage that was blacked out after all. Raises Refused: not_found."""
    if blackout_id not in {one.id for one in blackouts.passages(tx, record_id)}:
        raise missing(noun, "give_again")
    change(tx, "blackout", blackout_id, {"ended_at": at})
    _told(tx, actor, at, "given_again", noun, record_id, subject, {"blackout": blackout_id})


def _told(
    tx: Tx,
    actor: Actor,
    at: datetime,
    action: str,
    noun: str,
    record_id: str,
    subject: str | None,
    said: Mapping[str, Any],
) -> None:
    log(tx, actor, at, action, noun, None, {**said, "of": record_id}, subject=subject)


def _pattern(passage: str) -> re.Pattern[str]:
    return re.compile(r"\s+".join(map(re.escape, passage.split())))


class Pen:
    """Blacks passages out of whatever holds text. `stands`: what stands for each, by its ground."""

    def __init__(self, marked: Iterable[Passage], stands: Mapping[str, str] = GROUNDS) -> None:
        # The longest first: one passage may stand within another.
        longest = sorted(marked, key=lambda one: len(one.words), reverse=True)
        self._marked = [(_pattern(one.words), stands[one.ground]) for one in longest]

    def __call__(self, found: Any) -> Any:
        """The same without the passages: a text, or what a list, a mapping or JSON holds."""
        if isinstance(found, str):
            return self._text(found)
        if isinstance(found, Mapping):
            return {key: self(inner) for key, inner in found.items()}
        if isinstance(found, list | tuple):
            return [self(inner) for inner in found]
        return found

    def _text(self, text: str) -> str:
        if text[:1] in ("{", "["):
            try:
                held = json.loads(text)
            except ValueError:
                pass
            else:
                cleaned = self(held)
                return text if cleaned == held else json.dumps(cleaned, ensure_ascii=False)
        for pattern, stands in self._marked:
            text = pattern.sub(stands.replace("\\", r"\\"), text)
        return text
