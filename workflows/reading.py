"""Lists as somebody sees them: the scoped rows of `referral.visible`, less what `disclosure` keeps
from them. Pages and programs read through here, never past it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from jellyfish import metaphone
from rapidfuzz import fuzz

from referral import facts, visible
from referral.actors import Actor
from referral.audit import showing
from referral.facts import ReferralFacts
from referral.ids import check_reference, part_of_reference
from referral.keys import parsed
from referral.people_checks import (
    born_between,
    end_of_phone,
    name_key,
    nhs_number,
    phone_number,
)
from referral.states import Noun, Role
from referral.store import Tx
from referral.visible import Filters, PersonRow, ReferralRow, Sort, StepSeen, WorkRow
from workflows import clocks, disclosure
from workflows.disclosure import Situation
from workflows.emergencies import may_read
from workflows.engine import NOT_FOUND, TABLES, Refused
from workflows.working_time import ENGLAND, Hold, add

HOLD, PERSON, MEMBER = "hold", "person", "member@"
AHEAD = 5  # working days: how far ahead a deadline is "coming up"

# -- what disclosure rests on -------------------------------------------------------------------


def situation(
    f: ReferralFacts, actor: Actor, at: datetime, answer: str | None, override: str | None
) -> Situation:
    """The situation of one referral for one actor."""
    return Situation(
        role=actor.role,
        state=str(f.state),
        at=at,
        completed_at=f.completed_at,
        consent=f.consent_id is not None,
        taken_back=answer in ("refused", "withdrawn"),
        override=_listed(override) if f.override_id is not None else None,
        agreement=bool(f.agreement_live),
        held=bool(f.held),
        closed=bool(f.closed_to_actor),
    )


def _listed(override: str | None) -> frozenset[str]:
    """The fields an override lists: a JSON list, or names with commas between."""
    text = override or ""
    try:
        found = json.loads(text)
    except ValueError:
        found = text.split(",")
    return (
        frozenset(str(name).strip() for name in found) if isinstance(found, list) else frozenset()
    )


def situations(tx: Tx, actor: Actor, at: datetime, ids: Iterable[str]) -> dict[str, Situation]:
    """The situations of those of these referrals that are there for the actor."""
    return _situations_and_holds(tx, actor, at, list(ids), [])[0]


def _situations_and_holds(
    tx: Tx, actor: Actor, at: datetime, wanted: list[str], held: list[str]
) -> tuple[dict[str, Situation], visible.Spans]:
    """The situations, and every interval in which each of `held` was or is held."""
    if not wanted:
        return {}, {}
    table = TABLES[Noun.REFERRAL]
    known = facts.referrals(tx, wanted, actor, at)
    mine = {i: f for i, f in known.items() if table.hats(f, actor)}
    if held:
        said, spans = visible.answers_and_holds(tx, actor, at, mine, held)
    else:
        said, spans = visible.answers(tx, actor, at, mine), {}
    return {i: situation(f, actor, at, *said.get(i, (None, None))) for i, f in mine.items()}, spans


# -- referrals ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Card:
    """One referral as one actor sees it. `seen` holds the fields disclosed and no others. `due` is
    the time that counts, None while the clock stands still or isn't shown."""

    id: str
    version: int
    seen: Mapping[str, Any]
    due: datetime | None = None
    paused: bool = False
    hours: bool = False

    @property
    def name(self) -> str:
        """How the viewer knows the person."""
        return disclosure.known_as(self.seen)


def _record(row: ReferralRow) -> dict[str, Any]:
    """A row by the names that disclosure knows its fields by."""
    return {
        "reference": row.reference,
        "state": row.state,
        "since": row.since,
        "urgent": row.urgent,
        "sent_at": row.sent_at,
        "completed_at": row.completed_at,
        "reason": row.reason,
        "expected_date": row.expected_date,
        "given_name": row.given_name,
        "family_name": row.family_name,
        "birth_date": row.birth_date,
        "postcode": row.postcode,
        "provider": row.provider,
        "activity": row.activity,
        "group": row.group,
        "link_worker": row.link_worker,
        "team": row.team,
        "team_phone": row.team_phone,
        "call_before": row.call_before,
        "access_needs": row.access_needs,
        "interpreter": None if row.interpreter is None else bool(row.interpreter),
        **_plan(row.shared),
    }


def _plan(shared: str | None) -> dict[str, Any]:
    """The copy of the plan that sending froze, by its fields."""
    plan = parsed(shared) or {}
    return {name: plan.get(name) for name in ("what_matters", "goals", "needs", "access")}


def cards(tx: Tx, actor: Actor, at: datetime, rows: Iterable[ReferralRow]) -> list[Card]:
    """Rows as the actor sees them, in the same order; those not there for them are left out."""
    listed = list(rows)
    held = [row.id for row in listed if row.clock and _stands_still(Noun.REFERRAL, row.clock)]
    known, spans = _situations_and_holds(tx, actor, at, [row.id for row in listed], held)
    found = []
    for row in listed:
        s = known.get(row.id)
        if s is None:
            continue
        seen = disclosure.shown({**_record(row), "consent": s.consent, "messages": True}, s)
        due, paused = None, False
        if row.clock and row.due and row.started and "since" in seen:
            due = _counted(
                Noun.REFERRAL, row.clock, row.started, row.due, spans.get(row.id, ()), at
            )
            paused = due is None
        found.append(Card(row.id, row.version, seen, due, paused, bool(row.hours)))
    showing(Noun.REFERRAL, (card.id for card in found))
    return found


def referrals(
    tx: Tx,
    actor: Actor,
    at: datetime,
    filters: Filters = visible.EVERYTHING,
    after: tuple[Any, str] | None = None,
    limit: int = visible.PAGE,
    sort: Sort = visible.NEWEST_FIRST,
) -> tuple[list[Card], tuple[Any, str] | None]:
    """A page of the referrals in scope, and where the next page begins, if there is one: what its
    last row is sorted by, and the id."""
    rows = visible.referrals(tx, actor, at, filters, after, limit + 1, sort)
    more: tuple[Any, str] | None = None
    if len(rows) > limit:
        last = rows[limit - 1]
        newest = sort.by == visible.NEWEST_FIRST.by
        key = last.since if newest else visible.sorted_by(tx, actor, at, sort, last.id)
        more = (key, last.id)
    return cards(tx, actor, at, rows[:limit]), more


# -- clocks that count --------------------------------------------------------------------------


def _stands_still(noun: Noun, kind: str) -> bool:
    clock = TABLES[noun].clocks.get(kind)
    return clock is not None and clock.held


def _counted(
    noun: Noun,
    kind: str,
    started: datetime,
    due: datetime,
    holds: Iterable[Hold],
    at: datetime,
) -> datetime | None:
    clock = TABLES[noun].clocks.get(kind)
    return due if clock is None else clocks.counted_due(clock, started, due, holds, at, ENGLAND)


# -- worklists ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class WorkItem:
    """One thing that needs somebody. `known` are the facts its line may name, disclosed already."""

    noun: Noun | str  # an ordinary hold is on the list as its referral, or as the person
    record_id: str
    kind: str
    name: str
    reference: str | None
    state: str | None
    due: datetime | None
    hours: bool = False
    held: str | None = None
    closed: bool = False
    safety: bool = False
    standing_in: bool = False
    theirs: bool = False  # the next step is the provider's, who has let its time pass
    watched: str | None = None  # the record of the clock, by which the item is found again
    reminder: str | None = None  # the reader's own, with why, and the day it comes or came
    why: str | None = None
    until: datetime | None = None
    known: Mapping[str, Any] = field(default_factory=dict)

    def group(self, at: datetime, end_of_today: datetime, horizon: datetime) -> str:
        """safety, held, overdue, today, soon or later."""
        if self.safety:
            return "safety"
        if self.due is None:
            return "held"
        if self.due <= at:
            return "overdue"
        if self.due <= end_of_today:
            return "today"
        return "soon" if self.due <= horizon else "later"


@dataclass(frozen=True)
class Work:
    """A page of somebody's list, how much there is, and where the next page begins."""

    items: list[WorkItem]
    counts: visible.WorkCounts
    horizon: datetime
    after: tuple[int, datetime, int] | None
    keys: frozenset[str] = frozenset()  # whose work it is: the actor's, and whom they stand in for
    cards: Mapping[str, Card] = field(default_factory=dict)  # of referrals asked for besides


def horizon(at: datetime) -> datetime:
    """Until when a deadline is coming up."""
    return add(at, AHEAD, ENGLAND)


def worklist(
    tx: Tx,
    actor: Actor,
    at: datetime,
    after: tuple[int, datetime, int] | None = None,
    limit: int = visible.PAGE,
    away: bool = False,
    besides: Iterable[str] = (),
) -> Work:
    """What needs the actor, as they may see it, with the calls they mean to make; `away`: what they
    have put off instead. `besides`: referrals whose cards are wanted too."""
    until = horizon(at)
    keys = visible.work_keys(tx, actor, at)
    rows, counted = visible.worklist(tx, actor, at, until, keys, after, limit + 1, away)
    last = rows[limit - 1] if len(rows) > limit else None
    more = (last.rank, last.due, last.id) if last else None
    wanted: dict[str, Card] = {}
    items = _items(tx, actor, at, rows[:limit], list(besides), wanted)
    return Work(items, counted, until, more, frozenset(keys[0]), wanted)


def work_item(
    tx: Tx, actor: Actor, at: datetime, kind: str, record_id: str
) -> tuple[WorkRow, WorkItem] | None:
    """One item of the actor's own list; None where it isn't on it, or is closed to them."""
    keys = visible.work_keys(tx, actor, at)
    row = visible.work_row(tx, actor, at, horizon(at), keys, kind, record_id)
    items = [] if row is None else _items(tx, actor, at, [row])
    return (row, items[0]) if row is not None and items and not items[0].closed else None


def work_about(tx: Tx, actor: Actor, at: datetime, records: Iterable[str]) -> list[WorkItem]:
    """What of the actor's own list is about these records, the most pressing first; what is closed
    to them is left out."""
    wanted = set(records)
    if not wanted:
        return []
    keys = visible.work_keys(tx, actor, at)
    rows = visible.work_rows_of(tx, actor, at, horizon(at), keys, wanted)
    return [item for item in _items(tx, actor, at, rows) if not item.closed]


def _items(
    tx: Tx,
    actor: Actor,
    at: datetime,
    rows: list[WorkRow],
    besides: Iterable[str] = (),
    wanted: dict[str, Card] | None = None,
) -> list[WorkItem]:
    """`wanted` gets the cards of the referrals asked for `besides`."""
    by_noun: dict[str, list[WorkRow]] = {Noun.REFERRAL: []} if besides else {}
    for row in rows:
        by_noun.setdefault(row.noun, []).append(row)
    made: dict[int, WorkItem] = {}
    for noun, mine in by_noun.items():
        if noun == Noun.REFERRAL:
            seen = _cards(tx, actor, at, {*(row.record_id for row in mine), *besides})
            made.update(_referral_items(seen, actor, mine))
            if wanted is not None:
                wanted.update({i: seen[i] for i in besides if i in seen})
        elif noun == HOLD:
            made.update(_hold_items(tx, actor, at, mine))
        else:
            made.update(_other_items(tx, actor, at, noun, mine))
    return [
        replace(
            made[row.id],
            watched=row.record_id,
            reminder=row.reminder,
            why=row.why,
            until=row.until,
        )
        for row in rows
        if row.id in made
    ]


def _stands_in(row: WorkRow, actor: Actor) -> bool:
    """Whether it is a colleague's, who is away, gone or named."""
    return row.owner not in actor.keys and row.owner.startswith(MEMBER)


def _cards(tx: Tx, actor: Actor, at: datetime, ids: Iterable[str]) -> dict[str, Card]:
    known = visible.referrals_by_id(tx, actor, at, ids)
    return {card.id: card for card in cards(tx, actor, at, known.values())}


def names(tx: Tx, actor: Actor, at: datetime, ids: Iterable[str]) -> dict[str, str]:
    """How the actor knows the person of each of these referrals, of those there for them."""
    return {card.id: card.name for card in _cards(tx, actor, at, ids).values()}


def card(tx: Tx, actor: Actor, at: datetime, referral_id: str) -> Card | None:
    """One referral as the actor sees it; None where it isn't there for them."""
    return _cards(tx, actor, at, [referral_id]).get(referral_id)


def _referral_items(
    seen: Mapping[str, Card], actor: Actor, rows: list[WorkRow]
) -> dict[int, WorkItem]:
    found = {}
    for row in rows:
        card = seen.get(row.record_id)
        if card is None:
            continue
        closed = "state" not in card.seen and "held" in card.seen
        found[row.id] = WorkItem(
            noun=Noun.REFERRAL,
            record_id=row.record_id,
            kind=row.kind,
            name=card.name,
            reference=card.seen.get("reference"),
            state=card.seen.get("state"),
            due=row.due if row.kind == visible.CALL else card.due,
            hours=row.hours,
            held=card.seen.get("held"),
            closed=closed,
            standing_in=_stands_in(row, actor),
            theirs=row.owner not in actor.keys and not row.owner.startswith(MEMBER),
            known=card.seen,
        )
    return found


def _other_items(
    tx: Tx, actor: Actor, at: datetime, noun: str, rows: list[WorkRow]
) -> dict[int, WorkItem]:
    details = visible.work_details(tx, actor, at, noun, {row.record_id for row in rows})
    found = {}
    for row in rows:
        detail = details.get(row.record_id)
        if detail is not None:
            found[row.id] = _item(Noun(noun), row, detail, actor, at)
    showing(noun, (item.record_id for item in found.values()))
    return found


def _hold_items(tx: Tx, actor: Actor, at: datetime, rows: list[WorkRow]) -> dict[int, WorkItem]:
    """The ordinary holds whose date has come, to be lifted from the referral's page. To whom the
    person's record is closed, they aren't there."""
    details = visible.work_details(tx, actor, at, HOLD, {row.record_id for row in rows})
    referrals = {d[5] for d in details.values() if d[5]}
    known = {
        card.id: card
        for card in cards(tx, actor, at, visible.referrals_by_id(tx, actor, at, referrals).values())
    }
    found = {}
    for row in rows:
        detail = details.get(row.record_id)
        if detail is None or detail[7]:
            continue
        person = {"reference": detail[2], "given_name": detail[3], "family_name": detail[4]}
        seen = (
            known[detail[5]].seen
            if detail[5] in known
            else disclosure.shown_person(disclosure.derived(person, at), actor.role, at, False)
        )
        found[row.id] = WorkItem(
            noun=Noun.REFERRAL if detail[5] else PERSON,
            record_id=detail[5] or detail[6],
            kind=row.kind,
            name=disclosure.known_as(seen),
            reference=seen.get("reference"),
            state=None,
            due=row.due,
            standing_in=_stands_in(row, actor),
        )
    return found


def _item(
    noun: Noun, row: WorkRow, detail: tuple[Any, ...], actor: Actor, at: datetime
) -> WorkItem:
    state, name, reference, held = detail[1], str(detail[2]), None, None
    closed = False
    known: dict[str, Any] = {}
    if noun is Noun.CONSENT:
        closed = bool(detail[8])
        person = {"reference": detail[4], "given_name": detail[5], "family_name": detail[6]}
        seen = disclosure.shown_person(person, actor.role, at, closed)
        name, reference, held = disclosure.known_as(seen), seen.get("reference"), seen.get("held")
        known = {
            "person_id": detail[3],
            "purpose": detail[2],
            "provider": detail[7],
            "recipient": detail[9],
        }
    elif noun is Noun.OVERRIDE:
        person = {"reference": detail[3], "given_name": detail[4], "family_name": detail[5]}
        seen = disclosure.shown_person(person, actor.role, at, False)
        reference, name = name, disclosure.known_as(seen) or name
        known = {"provider": detail[6], "danger": bool(detail[7])}
    elif noun is Noun.EMERGENCY:
        reference = name
        known = {"opened_by": detail[3], "opened_in": detail[4]}
    elif noun is Noun.ESCALATION:
        reference = name
        known = {"kind": detail[3], "severity": detail[4], "level": detail[5],
                 "created_at": detail[6]}  # fmt: skip
    elif noun is Noun.ASSURANCE:
        known = {"provider_id": detail[3]}
    elif noun is Noun.AGREEMENT:
        name, reference = str(detail[3]), str(detail[2])
    elif noun is Noun.RIGHTS:
        person = {"reference": detail[3], "given_name": detail[4], "family_name": detail[5]}
        seen = disclosure.shown_person(person, actor.role, at, False)
        reference, name = name, disclosure.known_as(seen) or name
        known = {"kind": detail[6]}
    elif noun is Noun.CONCERN:
        reference = name
        known = {"danger": bool(detail[3])}
    return WorkItem(
        noun=noun,
        record_id=row.record_id,
        kind=row.kind,
        name=name,
        reference=reference,
        state=None if closed else state,
        due=None if closed else row.due,
        hours=row.hours,
        held=held,
        closed=closed,
        safety=noun is Noun.CONCERN or row.kind == "override.proposed",
        standing_in=_stands_in(row, actor),
        known={} if closed else known,
    )


# -- people -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PersonCard:
    """One person as one actor sees them."""

    id: str
    seen: Mapping[str, Any]
    position: tuple[str, str]

    @property
    def name(self) -> str:
        """How the viewer knows the person."""
        return disclosure.known_as(self.seen)


def _person(row: PersonRow, actor: Actor, at: datetime) -> PersonCard:
    record = {
        "reference": row.reference,
        "given_name": row.given_name,
        "family_name": row.family_name,
        "birth_date": row.birth_date,
        "nhs_number": row.nhs_number,
        "practice": row.practice,
        "postcode": row.postcode,
        "phone": row.phone,
        "died_on": row.died_on,
        "team": row.organisation,
    }
    seen = disclosure.shown_person(record, actor.role, at, row.closed, row.held)
    showing(PERSON, (row.id,))
    return PersonCard(row.id, seen, (row.name_key, row.id))


def people(
    tx: Tx,
    actor: Actor,
    at: datetime,
    after: tuple[str, str] | None = None,
    limit: int = visible.PAGE,
) -> tuple[list[PersonCard], tuple[str, str] | None]:
    """A page of the people in scope by name, and where the next page begins."""
    rows = visible.people(tx, actor, at, after, limit + 1)
    found = [_person(row, actor, at) for row in rows[:limit]]
    return found, found[-1].position if len(rows) > limit else None


def people_by_id(tx: Tx, actor: Actor, at: datetime, ids: Iterable[str]) -> dict[str, PersonCard]:
    """Those of these people who are in scope."""
    rows = visible.people_by_id(tx, actor, at, ids)
    return {i: _person(row, actor, at) for i, row in rows.items()}


# -- search -------------------------------------------------------------------------------------

ONE_MORE = visible.PAGE + 1  # whether there are more than a page shows
ROUNDS = (ONE_MORE, 200, 200, 200)  # again, where much was read that the actor doesn't see


@dataclass(frozen=True)
class Onward:
    """Where the next page of people or referrals begins: after the one this page ended with. `by`
    is what that one was found by; `since` a referral's alone."""

    by: str
    after: str
    since: datetime | None = None


@dataclass(frozen=True)
class Found:
    """What a search came to, at most so many of each as a page has. `exact`: one record was named
    by its reference or NHS number. What is left out is where the next page begins, if there are
    more."""

    people: list[PersonCard]
    referrals: list[Card]
    exact: bool = False
    alike: list[PersonCard] = field(default_factory=list)  # spelt nearly so
    more_people: Onward | None = None
    more_referrals: Onward | None = None


# By what people are found, in the order in which they stand; the names come last.
BY_WORDS = ("phone", "phone_end", "born", "reference_part", "name")


def search(tx: Tx, actor: Actor, at: datetime, words: str) -> Found:
    """People and referrals in scope by reference, NHS number, phone, name or date of birth; by a
    part of a reference, the end of a phone number, or a month of birth too. Nothing is found by
    what the actor doesn't see of it."""
    text = words.strip()
    for by, check in (("reference", check_reference), ("nhs_number", nhs_number)):
        try:
            value = check(text)
        except ValueError:
            continue
        return Found(*_exactly(tx, actor, at, by, value), exact=True)
    rows = [
        (by, row) for by in BY_WORDS[:3] for row in _people_by(tx, actor, at, by, text, ONE_MORE)
    ]
    referred = list[tuple[str, datetime, Card]]()
    named, called, alike = list[PersonRow](), list[tuple[str, datetime, Card]](), list[PersonCard]()
    if any(map(str.isalpha, text)):
        named = _people_by(tx, actor, at, "name", text, ONE_MORE)
        called = _referrals_like(tx, actor, at, "name", text)
        alike = _alike_people(tx, actor, at, text, {row.id for row in named})
    part = part_of_reference(text)
    if part and not (named and part.isalpha()):  # what reads as a name is one, if it's there
        found = _people_by(tx, actor, at, "reference_part", text, ONE_MORE)
        rows += [("reference_part", row) for row in found]
        referred = _referrals_like(tx, actor, at, "reference_part", text)
    people, more_people = _page_of_people(
        [*{row.id: (by, row) for by, row in rows}.values(), *(("name", row) for row in named)]
    )
    referrals, more_referrals = _page_of_referrals(referred + called)
    return Found(
        [_person(row, actor, at) for row in people],
        referrals,
        alike=alike,
        more_people=more_people,
        more_referrals=more_referrals,
    )


def search_on(
    tx: Tx, actor: Actor, at: datetime, words: str, people: Onward | None, referrals: Onward | None
) -> Found:
    """The next page of the people, or of the referrals, that a search came to."""
    text = words.strip()
    rows = list[tuple[str, PersonRow]]()
    referred = list[tuple[str, datetime, Card]]()
    if people is not None:
        for by in BY_WORDS[BY_WORDS.index(people.by) :]:
            after = people.after if by == people.by else None
            found = _people_by(tx, actor, at, by, text, ONE_MORE, after)
            rows += [(by, row) for row in found]
    elif referrals is not None:
        for by in BY_WORDS[BY_WORDS.index(referrals.by) :]:
            on = referrals if by == referrals.by else None
            referred += _referrals_like(tx, actor, at, by, text, on)
    page, more_people = _page_of_people(rows)
    cards_shown, more_referrals = _page_of_referrals(referred)
    return Found(
        [_person(row, actor, at) for row in page],
        cards_shown,
        more_people=more_people,
        more_referrals=more_referrals,
    )


def _page_of_people(
    rows: list[tuple[str, PersonRow]],
) -> tuple[list[PersonRow], Onward | None]:
    page = rows[: visible.PAGE]
    more = Onward(page[-1][0], page[-1][1].id) if len(rows) > len(page) else None
    return [row for _by, row in page], more


def _page_of_referrals(
    found: list[tuple[str, datetime, Card]],
) -> tuple[list[Card], Onward | None]:
    page = found[: visible.PAGE]
    more = None
    if len(found) > len(page):
        by, since, last = page[-1]
        more = Onward(by, last.id, since)
    return [card for _by, _since, card in page], more


def _people_by(
    tx: Tx, actor: Actor, at: datetime, by: str, text: str, limit: int, after: str | None = None
) -> list[PersonRow]:
    """By a phone number or its end, by a day or a month of birth, by a part of a reference, or by
    name; nobody, where the words aren't one."""
    if by == "born":
        born = born_between(text)
        return visible.people_born(tx, actor, at, *born, limit, after) if born else []
    value = _PARTS[by](text)
    return visible.people_by(tx, actor, at, by, value, limit, after) if value else []


def _whole_phone(text: str) -> str | None:
    try:
        return phone_number(text)
    except ValueError:
        return None


_PARTS: Mapping[str, Callable[[str], str | None]] = {
    "phone": _whole_phone,
    "phone_end": lambda text: None if _whole_phone(text) else end_of_phone(text),
    "reference_part": part_of_reference,
    # No name has digits alone, and a whole place is slow to read.
    "name": lambda text: text if any(map(str.isalpha, text)) else None,
}


def _referrals_like(
    tx: Tx, actor: Actor, at: datetime, by: str, text: str, on: Onward | None = None
) -> list[tuple[str, datetime, Card]]:
    """Referrals by a part of their reference or by the person's name, the newest change first. What
    the actor doesn't see of a name finds nothing, and is no part of any number."""
    after = (on.since, on.after) if on and on.since else None
    looked_for = [name_key(word) for word in text.split() if name_key(word)]
    found = list[tuple[str, datetime, Card]]()
    for limit in ROUNDS:
        if by == "name":
            rows = visible.referrals_by_name(tx, actor, at, text, limit, after)
        else:
            part = part_of_reference(text)
            rows = visible.referrals_by_part(tx, actor, at, part, limit, after) if part else []
        since = {row.id: row.since for row in rows}
        found += [
            (by, since[card.id], card)
            for card in cards(tx, actor, at, rows)
            if by != "name" or _is_called(card.seen, looked_for)
        ]
        if len(found) > visible.PAGE or len(rows) < limit:
            break
        after = (rows[-1].since, rows[-1].id)
    return found


def _alike_people(
    tx: Tx, actor: Actor, at: datetime, text: str, there: Set[str]
) -> list[PersonCard]:
    looked_for = [name_key(word) for word in text.split() if name_key(word)]
    alike = [i for i in _spelt_alike(tx, actor, at, looked_for) if i not in there]
    known = visible.people_by_id(tx, actor, at, alike)
    return [_person(known[i], actor, at) for i in alike if i in known]


def _exactly(
    tx: Tx, actor: Actor, at: datetime, by: str, value: str
) -> tuple[list[PersonCard], list[Card]]:
    people_found = [_person(r, actor, at) for r in visible.people_by(tx, actor, at, by, value)]
    if by != "reference":
        return people_found, []
    row = visible.referral_by_reference(tx, actor, at, value)
    return people_found, cards(tx, actor, at, [row]) if row else []


def _spelt_alike(tx: Tx, actor: Actor, at: datetime, looked_for: list[str]) -> list[str]:
    """Those of the actor's own team whose names are spelt nearly as each of these words, the
    nearest first: Katherine for Catherine, Mohammed for Muhammad."""
    if not looked_for or max(map(len, looked_for)) < SHORTEST:
        return []
    near = []
    for person_id, key in visible.name_keys(tx, actor, at):
        parts = key.split()
        alike = [max((_alike(word, part) for part in parts), default=0.0) for word in looked_for]
        if min(alike) > 0:
            near.append((-sum(alike), key, person_id))
    return [person_id for _how, _key, person_id in sorted(near)[:MOST_ALIKE]]


def nearly_same(
    tx: Tx, actor: Actor, at: datetime, given_name: str, family_name: str, born: date
) -> list[str]:
    """Those of the actor's own team who may be this person although something was written
    another way: both names alike, and the birthday alike too: the same day, the same year, or
    the same day of the same month, or day and month changed about."""
    names = [key for key in map(name_key, f"{given_name} {family_name}".split()) if key]
    alike = _spelt_alike(tx, actor, at, names)
    known = visible.people_by_id(tx, actor, at, alike)
    return [i for i in alike if i in known and _born_alike(born, known[i].birth_date)]


def _born_alike(one: date, other: date | None) -> bool:
    return other is not None and (
        one.year == other.year
        or (one.month, one.day) == (other.month, other.day)
        or (one.month, one.day) == (other.day, other.month)
    )


def _alike(word: str, part: str) -> float:
    """How alike two names are, from 0 to 100, where they are near by their letters, or half alike
    and said the same in English, as Smith and Smyth; 0 where they aren't. The beginning of a name
    is as good as the name, and Petrie is nearer to Petry than Peter is."""
    if len(word) >= 2 and part.startswith(word):
        return 100.0
    if len(word) >= SHORTEST and _ENDING.sub("y", word) == _ENDING.sub("y", part):
        return 99.0
    score = fuzz.ratio(word, part, score_cutoff=HALF) if len(word) >= SHORTEST else 0.0
    if score >= NEAR or not score:
        return score
    return score if (sound := _sound(word)) and sound == _sound(part) else 0.0


_sound = lru_cache(maxsize=50_000)(metaphone)
_ENDING = re.compile(r"(?:ie|ey|ee|i)$")  # said as -y is
SHORTEST, NEAR, HALF, MOST_ALIKE = 3, 74.0, 50.0, 10


@dataclass(frozen=True)
class Offered:
    """A provider, or one of its activities, found by words."""

    provider_id: str
    provider: str
    activity_id: str | None = None
    activity: str | None = None


def search_offered(tx: Tx, actor: Actor, words: str) -> list[Offered]:
    """Providers and activities with each of these words in their name or in what they offer; the
    signs and accents of letters make no difference."""
    looked_for = [key for key in map(name_key, words.split()) if key]
    if not looked_for or max(map(len, looked_for)) < SHORTEST:
        return []
    found: dict[tuple[str, str | None], Offered] = {}
    for provider_id, provider, activity_id, activity, says in visible.offered(tx, actor):
        if _has(looked_for, provider):
            found.setdefault((provider_id, None), Offered(provider_id, provider))
        if activity_id and _has(looked_for, activity or "", says or ""):
            whole = Offered(provider_id, provider, activity_id, activity)
            found[provider_id, activity_id] = whole
    return list(found.values())


def _has(looked_for: list[str], *texts: str) -> bool:
    parts = [name_key(word) for text in texts for word in text.split()]
    return all(any(part.startswith(word) for part in parts) for word in looked_for)


def _is_called(seen: Mapping[str, Any], looked_for: list[str]) -> bool:
    """Whether the name the viewer sees holds each word: a hidden family name finds nothing."""
    name = seen.get("name") or seen.get("first_name") or ""
    key = " ".join(name_key(part) for part in str(name).split())
    return all(word in key or word in key.replace(" ", "") for word in looked_for)


# -- timelines ----------------------------------------------------------------------------------

OWN_AUDIENCES = frozenset({"both", "ours"})
BESIDE = ("close", "decide")
ORDINARY = frozenset({Role.LINK_WORKER, Role.TEAM_LEAD, Role.PROVIDER_LEADER, Role.SYSTEM})


@dataclass(frozen=True)
class Timeline:
    """The steps somebody may see, newest first, and the words they may read by note id. `beside`,
    by the version of the step: why staff who were named were not reported, kept beside the feedback
    that a concern was closed with; the conditions of a decision, beside its reason."""

    steps: list[StepSeen]
    notes: Mapping[str, str]
    beside: Mapping[int, str] = field(default_factory=dict)


def timeline(
    tx: Tx,
    actor: Actor,
    at: datetime,
    noun: Noun,
    record_id: str,
    after: int = 0,
    known: tuple[Any, Situation | None] | None = None,
    steps: list[StepSeen] | None = None,
) -> Timeline:
    """The history of a record as the actor sees it. Raises Refused (not_found) when the record
    isn't there for them. `known`: the facts the caller has just read (of a referral with its
    situation), not read again. `steps`: the same of its steps; then without the words that came
    with them."""
    f: Any = known[0] if known else facts.LOADERS[noun](tx, record_id, actor, at)
    if f is None or not may_read(noun, f, actor):
        raise Refused([NOT_FOUND], noun=noun, trigger="read", record_id=record_id)
    quiet = steps is not None
    if steps is None:
        steps = visible.steps_since(tx, actor, at, noun, record_id, after)
    if not isinstance(f, ReferralFacts):
        closed = bool(getattr(f, "closed_to_actor", False))
        if closed:
            return Timeline([], {})
        if quiet:
            return Timeline(steps, {})
        if noun is Noun.CONCERN:
            return of_concern(tx, actor, record_id, steps)
        if noun is Noun.ESCALATION:
            return of_review(tx, actor, record_id, steps)
        return Timeline(steps, _notes(tx, actor, noun, record_id))
    if known and known[1] is not None:
        fields = disclosure.fields(known[1])
    else:
        said = visible.answers(tx, actor, at, [record_id]).get(record_id, (None, None))
        fields = disclosure.fields(situation(f, actor, at, *said))
    if "since" not in fields:
        return Timeline([], {})
    if actor.role is Role.PROVIDER_LEADER:
        whole = visible.steps_since(tx, actor, at, Noun.REFERRAL, record_id) if after else steps
        steps = _for_provider(steps, whole)
    if "reason" not in fields:
        steps = [step._replace(reason=None) for step in steps]
    notes: Mapping[str, str] = {}
    if quiet:
        return Timeline(steps, notes)
    if "own_notes" in fields:
        notes = visible.notes(tx, actor, record_id, OWN_AUDIENCES)
    elif "notes" in fields:
        notes = visible.notes(tx, actor, record_id, frozenset({"both"}))
    return Timeline(steps, notes)


def of_concern(tx: Tx, actor: Actor, concern_id: str, steps: list[StepSeen]) -> Timeline:
    """These steps of a concern, with the words of those who look after it."""
    dated = visible.dated_notes(tx, actor, concern_id, frozenset({"safeguarding"}))
    return Timeline(steps, {n: words for n, (_at, words) in dated.items()}, beside(dated, steps))


def of_review(tx: Tx, actor: Actor, escalation_id: str, steps: list[StepSeen]) -> Timeline:
    """These steps of a review, with its words, and the conditions beside each decision."""
    dated = visible.dated_notes(tx, actor, escalation_id, frozenset({"review"}))
    return Timeline(steps, {n: words for n, (_at, words) in dated.items()}, beside(dated, steps))


def beside(dated: Mapping[str, tuple[datetime, str]], steps: list[StepSeen]) -> dict[int, str]:
    """What was kept beside the words of a step, by its version: why staff named in a concern were
    not reported, the conditions of a decision."""
    named = {step.note_id for step in steps}
    kept = {at: words for note_id, (at, words) in dated.items() if note_id not in named}
    return {s.version: kept[s.at] for s in steps if s.trigger in BESIDE and s.at in kept}


def _notes(tx: Tx, actor: Actor, noun: Noun, record_id: str) -> Mapping[str, str]:
    audience = {
        Noun.OVERRIDE: "safeguarding",
        Noun.EMERGENCY: "review",
        Noun.RIGHTS: "review",
    }.get(noun, "both")
    return visible.notes(tx, actor, record_id, frozenset({audience}))


def _for_provider(steps: list[StepSeen], whole: list[StepSeen]) -> list[StepSeen]:
    """What was done before it was first sent is the link worker's own, and so are their calls. Who
    of a team's leads made a step isn't told: a safeguarding lead's name would tell that there is a
    concern."""
    sent = [step.version for step in whole if step.trigger == "send"]
    first = min(sent) if sent else None
    return [
        step if step.role in ORDINARY else step._replace(name=None, second=None, behalf=None)
        for step in steps
        if first is not None and step.version >= first and step.trigger != "call"
    ]
