"""What happened about a referral, in one line of time: its own steps, the consents it rests on,
what was shared without one, when it stood still, which deadlines passed, and what the two sides
wrote to each other and put there. Nobody sees more of it here than on the pages of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from referral import documents, entries, lists, messages, visible
from referral.actors import Actor
from referral.documents import DocumentSeen
from referral.messages import MessageSeen
from referral.states import Noun, Role
from referral.store import Tx
from referral.visible import Missed, StepSeen
from workflows import disclosure
from workflows.disclosure import Situation
from workflows.documents import DOCUMENTS
from workflows.messages import MESSAGES
from workflows.reading import Timeline

PAGE = 20
DECISIONS, CONSENT, AUTOMATIC = "decisions", "consent", "automatic"
KINDS = (DECISIONS, MESSAGES, DOCUMENTS, CONSENT, AUTOMATIC)
MOST_DOCUMENTS = 500
# The moves of a referral that a consent makes.
BY_CONSENT = frozenset({"stop"})
LOWEST, HIGHEST = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"


class Place(NamedTuple):
    """Where something stands in the line. Of what was at one moment, the answer about sharing
    comes first, then what that made of the referral, then what was written about it, then what was
    put there, then that its time had passed, that it stood still and that it was taken further."""

    at: datetime
    rank: int
    version: int
    id: str


OF_CONSENT, OF_REFERRAL, OF_MESSAGE, OF_DOCUMENT, OF_TAKING_BACK = 1, 2, 3, 4, 5
OF_DEADLINE, OF_HOLD, OF_END_OF_HOLD, OF_MATTER = 6, 7, 8, 9


@dataclass(frozen=True)
class Happened:
    """One thing that happened: a step, a message, a deadline that passed, that a document was put
    there or taken back, or that something held the referral or did no longer (as the rank of its
    place says). `entry` is its number in the audit log, for
    those who may open it there."""

    place: Place
    noun: Noun
    step: StepSeen | None = None
    message: MessageSeen | None = None
    document: DocumentSeen | None = None
    missed: Missed | None = None
    entry: int | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """What it can be found under."""
        if self.document is not None:
            return frozenset({DOCUMENTS})
        if self.missed is not None:
            return frozenset({AUTOMATIC})
        if self.place.rank in (OF_HOLD, OF_END_OF_HOLD):
            return frozenset({DECISIONS})
        if self.step is None:
            return frozenset({MESSAGES})
        found = {AUTOMATIC} if self.step.role == Role.SYSTEM else set()
        if self.noun in (Noun.CONSENT, Noun.OVERRIDE) or self.step.trigger in BY_CONSENT:
            found.add(CONSENT)
        elif not found:
            found.add(DECISIONS)
        return frozenset(found)


@dataclass(frozen=True)
class Page:
    """A part of the line, the newest first; `older` is where the next begins."""

    happened: list[Happened]
    older: Place | None


def kinds_for(s: Situation) -> tuple[str, ...]:
    """What somebody can narrow the line to: no kind of which nothing could be shown to them."""
    fields = disclosure.fields(s)
    asked = (MESSAGES, DOCUMENTS, CONSENT)
    return tuple(kind for kind in KINDS if kind not in asked or kind in fields)


def of_referral(
    tx: Tx,
    actor: Actor,
    at: datetime,
    referral_id: str,
    *,
    known: tuple[Situation, Timeline],
    sharing: tuple[str, str],
    kind: str | None = None,
    before: Place | None = None,
    limit: int = PAGE,
) -> Page:
    """A page of the line of one referral that the actor was let at. `known`: how it stands to them,
    and the steps of it that they see; `sharing`: whose answers it rests on, and about sharing with
    which provider; `before`: the last place of the page before."""
    situation, story = known
    steps = [_step(Noun.REFERRAL, OF_REFERRAL, referral_id, step) for step in story.steps]
    if kind not in (MESSAGES, DOCUMENTS):
        answers = CONSENT in kinds_for(situation)
        beside = lists.steps_beside(tx, actor, at, referral_id, sharing, answers=answers)
        for (noun, record_id), told in beside.items():
            rank = OF_MATTER if noun is Noun.ESCALATION else OF_CONSENT
            steps += [_step(noun, rank, record_id, step) for step in told]
    written: list[Happened] = []
    if MESSAGES in kinds_for(situation) and kind in (None, MESSAGES):
        found = messages.of_referral(
            tx, actor, referral_id, _written_before(before), limit + 1, False
        )
        written = [_written(one) for one in found]
    if DOCUMENTS in kinds_for(situation) and kind in (None, DOCUMENTS):
        for one in documents.of_referral(tx, actor, referral_id, limit=MOST_DOCUMENTS):
            written += _put_there(one)
    if kind in (None, DECISIONS, AUTOMATIC) and story.steps:
        written += _held_or_missed(tx, actor, at, referral_id, story.steps[-1].at)
    line = sorted(
        (
            one
            for one in chain(steps, written)
            if (kind is None or kind in one.kinds) and (before is None or one.place < before)
        ),
        key=lambda one: one.place,
        reverse=True,
    )
    shown = _with_entries(tx, actor, at, line[:limit], referral_id)
    return Page(shown, shown[-1].place if len(line) > limit else None)


def _step(noun: Noun, rank: int, record_id: str, step: StepSeen) -> Happened:
    return Happened(Place(step.at, rank, step.version, record_id), noun, step)


def _held_or_missed(
    tx: Tx, actor: Actor, at: datetime, referral_id: str, first: datetime
) -> list[Happened]:
    """When it stood still, and which deadlines passed, since the `first` thing the actor sees.
    Whatever held it reads the same: no cause, nobody's name, and holds that touch are one. A
    provider sees its own deadlines."""
    spans, missed = visible.held_or_missed(tx, actor, at, referral_id)
    found = [
        Happened(Place(one.at, OF_DEADLINE, one.id, referral_id), Noun.REFERRAL, missed=one)
        for one in missed
        if one.at >= first and (actor.role is not Role.PROVIDER_LEADER or one.owner in actor.keys)
    ]
    for started, ended in _joined(spans):
        for moment, rank in ((started, OF_HOLD), (ended, OF_END_OF_HOLD)):
            if moment is not None and first <= moment <= at:
                found.append(Happened(Place(moment, rank, 0, referral_id), Noun.REFERRAL))
    return found


def _joined(
    spans: list[tuple[datetime, datetime | None]],
) -> list[tuple[datetime, datetime | None]]:
    """The same time as spans that don't touch."""
    found: list[tuple[datetime, datetime | None]] = []
    for started, ended in sorted(spans, key=lambda span: span[0]):
        until = found[-1][1] if found else started
        if found and (until is None or started <= until):
            last = None if until is None or ended is None else max(until, ended)
            found[-1] = (found[-1][0], last)
        else:
            found.append((started, ended))
    return found


def _written(one: MessageSeen) -> Happened:
    return Happened(Place(one.at, OF_MESSAGE, 0, one.id), Noun.REFERRAL, message=one)


def _put_there(one: DocumentSeen) -> list[Happened]:
    def at(moment: datetime, rank: int) -> Happened:
        return Happened(Place(moment, rank, 0, one.id), Noun.REFERRAL, document=one)

    back = [] if one.taken_back_at is None else [at(one.taken_back_at, OF_TAKING_BACK)]
    return [at(one.at, OF_DOCUMENT), *back]


def _written_before(place: Place | None) -> tuple[datetime, str] | None:
    """The same place among the messages alone."""
    if place is None:
        return None
    if place.rank == OF_MESSAGE:
        return place.at, place.id
    return place.at, HIGHEST if place.rank > OF_MESSAGE else LOWEST


def _with_entries(
    tx: Tx, actor: Actor, at: datetime, line: list[Happened], referral_id: str
) -> list[Happened]:
    """The same with their numbers in the log: for whoever may open it, and of what stands within
    their part of it."""
    if not line:
        return line
    records = {referral_id, *(one.place.id for one in line if one.step)}
    numbers = entries.numbers(tx, actor, at, records, line[-1].place.at, line[0].place.at)
    return [
        one
        if one.place.rank in (OF_DEADLINE, OF_HOLD, OF_END_OF_HOLD)
        else replace(one, entry=numbers.get(_about(one, referral_id)))
        for one in line
    ]


def _about(one: Happened, referral_id: str) -> entries.About:
    if one.step is not None:
        return entries.About(one.place.id, "step", one.step.version, one.place.at)
    told = {OF_DOCUMENT: "document_attached", OF_TAKING_BACK: "document_taken_back"}
    action = told.get(one.place.rank, "message_written")
    return entries.About(referral_id, action, None, one.place.at)
