"""What happened about a referral, in one line of time: its own steps, the consents it rests on, and
what the two sides wrote to each other and put there. Nobody sees more of it here than on the pages
of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from referral import documents, entries, messages, visible
from referral.actors import Actor
from referral.documents import DocumentSeen
from referral.messages import MessageSeen
from referral.states import Noun, Role
from referral.store import Tx
from referral.visible import StepSeen
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
    put there."""

    at: datetime
    rank: int
    version: int
    id: str


OF_CONSENT, OF_REFERRAL, OF_MESSAGE, OF_DOCUMENT, OF_TAKING_BACK = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class Happened:
    """One thing that happened: a step, a message, or that a document was put there or taken back
    (as the rank of its place says). `entry` is its number in the audit log, for
    those who may open it there."""

    place: Place
    noun: Noun
    step: StepSeen | None = None
    message: MessageSeen | None = None
    document: DocumentSeen | None = None
    entry: int | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """What it can be found under."""
        if self.document is not None:
            return frozenset({DOCUMENTS})
        if self.step is None:
            return frozenset({MESSAGES})
        found = {AUTOMATIC} if self.step.role == Role.SYSTEM else set()
        if self.noun is Noun.CONSENT or self.step.trigger in BY_CONSENT:
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
    if CONSENT in kinds_for(situation) and kind in (None, CONSENT, AUTOMATIC):
        for consent_id, told in visible.steps_of_sharing(tx, actor, *sharing).items():
            steps += [_step(Noun.CONSENT, OF_CONSENT, consent_id, step) for step in told]
    written: list[Happened] = []
    if MESSAGES in kinds_for(situation) and kind in (None, MESSAGES):
        found = messages.of_referral(
            tx, actor, referral_id, _written_before(before), limit + 1, False
        )
        written = [_written(one) for one in found]
    if DOCUMENTS in kinds_for(situation) and kind in (None, DOCUMENTS):
        for one in documents.of_referral(tx, actor, referral_id, limit=MOST_DOCUMENTS):
            written += _put_there(one)
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
    return [replace(one, entry=numbers.get(_about(one, referral_id))) for one in line]


def _about(one: Happened, referral_id: str) -> entries.About:
    if one.step is not None:
        return entries.About(one.place.id, "step", one.step.version, one.place.at)
    told = {OF_DOCUMENT: "document_attached", OF_TAKING_BACK: "document_taken_back"}
    action = told.get(one.place.rank, "message_written")
    return entries.About(referral_id, action, None, one.place.at)
