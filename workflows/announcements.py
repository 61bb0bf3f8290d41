"""From leaders to the ground: what it would cost to read, sending it, saying one has read it, and
what happens when nobody does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from referral import announcements as kept
from referral import ladder, policy
from referral.actors import Actor, the_system
from referral.announcements import Audience, Due, Reader
from referral.audit import log
from referral.clocks import member_key
from referral.ids import new_id, new_reference
from referral.people_checks import nhs_number
from referral.rows import put
from referral.states import Role
from referral.store import Tx
from workflows.letters import tell
from workflows.moves import N_, Refusal
from workflows.rules import field, missing, once, require, wrong
from workflows.working_time import ENGLAND, Calendar, add

NOUN = "announcement"
SENDERS = (Role.GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER, Role.SAFEGUARDING_LEAD)
# Silent reading of plain English: the mean of 190 studies. Brysbaert, M. (2019), How many words do
# we read per minute? Journal of Memory and Language 109, 104047.
WORDS_A_MINUTE = 238
MOST_WORDS = 2_000
# Nothing read climbs past the place of whoever should have read it.
READING_CEILING = 2
PERIOD = "announcement.unread"
_NUMBERS = re.compile(r"(?<!\d)(\d[ \u00a0-]?){9}\d(?!\d)")


@dataclass(frozen=True)
class Cost:
    """What an announcement would cost those it goes to."""

    readers: int
    organisations: int
    words: int
    minutes: int

    @property
    def hours(self) -> int:
        """The minutes in whole hours, at least 1."""
        return max(1, round(self.minutes / 60))


def personal_numbers(*texts: str) -> bool:
    """Whether a text holds what looks like an NHS number: ten digits with a good check digit."""
    for text in texts:
        for found in _NUMBERS.finditer(text):
            try:
                nhs_number(re.sub(r"\D", "", found[0]))
            except ValueError:
                continue
            return True
    return False


def minutes_for(text: str, readers: int) -> int:
    """How many minutes this text costs so many readers together."""
    return ceil(len(text.split()) * readers / WORDS_A_MINUTE)


def meant(working: Sequence[Reader], audience: Audience, paths: Mapping[str, str]) -> list[Reader]:
    """Who of those working in a place is meant, each human once. Pure. What isn't chosen (roles,
    organisations, places) leaves nobody out; organisations and places add up."""
    roles, bodies = set(audience.get("roles", ())), set(audience.get("organisations", ()))
    spots = [paths[place] for place in audience.get("places", ()) if place in paths]
    found: dict[str, Reader] = {}
    for one in working:
        in_body = one.organisation_id in bodies
        in_spot = any(one.place_path.startswith(path) for path in spots)
        if (roles and one.role not in roles) or ((bodies or spots) and not (in_body or in_spot)):
            continue
        found.setdefault(one.user_id, one)
    return list(found.values())


def _readers(tx: Tx, actor: Actor, at: datetime, audience: Audience) -> list[Reader]:
    working = kept.working_in(tx, actor, at)
    chosen = meant(working, audience, kept.paths(tx, actor))
    return [one for one in chosen if one.user_id != actor.user_id]


def _checked(values: Mapping[str, Any]) -> None:
    title, body = str(values.get("title") or "").strip(), str(values.get("body") or "").strip()
    faults: list[Refusal] = []
    if not title:
        faults.append(field("title", N_("Enter a title.")))
    if not body:
        faults.append(field("body", N_("Write what they need to know.")))
    elif len(body.split()) > MOST_WORDS:
        faults.append(field("body", N_("Write less: nobody reads this much.")))
    for name, text in (("title", title), ("body", body)):
        if personal_numbers(text):
            faults.append(
                field(
                    name,
                    N_("This looks like an NHS number. Leave out everything about one person."),
                )
            )
    if faults:
        raise wrong(NOUN, "send", *faults)


def _audience(values: Mapping[str, Any]) -> dict[str, list[str]]:
    return {name: sorted(values.get(name) or ()) for name in ("roles", "organisations", "places")}


def cost(tx: Tx, actor: Actor, at: datetime, values: Mapping[str, Any]) -> Cost:
    """What sending this would cost. Writes nothing. `values`: title, body, roles, organisations,
    places, act_by. Raises Refused for what can't be sent."""
    _may_send(actor)
    _checked(values)
    readers = _readers(tx, actor, at, _audience(values))
    words = len(f"{values['title']} {values['body']}".split())
    return Cost(
        len(readers),
        len({one.organisation_id for one in readers}),
        words,
        minutes_for(f"{values['title']} {values['body']}", len(readers)),
    )


def _may_send(actor: Actor) -> None:
    require(actor, SENDERS, NOUN, "send")
    if actor.place_path is None:
        raise missing(NOUN, "send")


def send(
    tx: Tx, actor: Actor, at: datetime, values: Mapping[str, Any], key: str | None = None
) -> str:
    """Send it to everyone meant who works in the place the actor answers for; its id. Each gets a
    notice; with `act_by`, what is unread then climbs. `key`: the same key sends once."""
    body = {name: values.get(name) for name in SENT}

    def do() -> dict[str, Any]:
        return {"id": _send(tx, actor, at, values)}

    return str(once(tx, actor, key, "announcement.send", body, at, do)["id"])


SENT = ("title", "body", "roles", "organisations", "places", "act_by", "escalation_id")


def _send(tx: Tx, actor: Actor, at: datetime, values: Mapping[str, Any]) -> str:
    told = cost(tx, actor, at, values)
    readers = _readers(tx, actor, at, _audience(values))
    if not readers:
        raise wrong(NOUN, "send", field("roles", N_("Nobody works there in these roles.")))
    act_by = values.get("act_by")
    record_id = new_id(at)
    put(
        tx,
        "announcement",
        {
            "id": record_id,
            "system_id": actor.system_id,
            "reference": new_reference(),
            "title": str(values["title"]).strip(),
            "body": str(values["body"]).strip(),
            "audience": _audience(values),
            "act_by": act_by,
            "escalation_id": values.get("escalation_id"),
            "sent_by": actor.membership_id,
            "sent_at": at,
            "readers": told.readers,
            "minutes": told.minutes,
        },
    )
    for one in readers:
        put(
            tx,
            "announcement_reader",
            {
                "announcement_id": record_id,
                "membership_id": one.membership_id,
                "system_id": actor.system_id,
                "read_at": None,
                "owner": member_key(one.membership_id),
                "fired": 0,
                "look_at": act_by,
            },
        )
        key = member_key(one.membership_id)
        tell(tx, actor.system_id, at, key, "announcement", NOUN, record_id)
    log(
        tx,
        actor,
        at,
        "announcement_sent",
        NOUN,
        record_id,
        {"readers": told.readers, "minutes": told.minutes, "must_act": act_by is not None},
    )
    return record_id


def acknowledge(tx: Tx, actor: Actor, at: datetime, record_id: str) -> bool:
    """The actor says they have read it. False when they had before. Raises Refused: not_found for
    what was never sent to them."""
    if kept.one_to_read(tx, actor, record_id) is None:
        raise missing(NOUN, "read")
    if not kept.acknowledge(tx, actor, at, record_id):
        return False
    log(tx, actor, at, "announcement_read", NOUN, record_id)
    return True


def look(tx: Tx, one: Due, at: datetime, cal: Calendar = ENGLAND) -> str:
    """What one unread announcement asks for now: at its day the reader is reminded; each period
    after that it goes one level up, to whoever answers for them, and stays at the place."""
    if not one.here:  # who has left needs to read nothing
        kept.move_on(tx, one, owner=one.owner, fired=one.fired, look_at=None)
        return "left"
    owner = one.owner
    if one.fired:
        _, owner = ladder.reviewers(
            tx,
            one.system_id,
            one.organisation_id,
            one.place_path,
            min(one.fired, READING_CEILING),
            READING_CEILING,
            at,
            excluding=one.membership_id,
        )
    look_at = add(at, policy.rules_of(tx, one.organisation_id, at).days(PERIOD), cal)
    if not kept.move_on(tx, one, owner=owner, fired=one.fired + 1, look_at=look_at):
        return "read"
    what = "announcement_unread_below" if one.fired else "announcement_unread"
    tell(tx, one.system_id, at, owner, what, NOUN, one.announcement_id)
    log(
        tx,
        the_system(one.system_id, f"clock:{PERIOD}"),
        at,
        "announcement_unread",
        NOUN,
        one.announcement_id,
        {"reader": one.membership_id, "owner": owner},
    )
    return "climbed" if one.fired else "reminded"
