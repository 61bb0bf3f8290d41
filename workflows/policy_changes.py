"""A change put to others before it is made: opened, talked about, decided, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from referral import policies
from referral.actors import Actor
from referral.audit import log
from referral.ids import new_id, new_reference
from referral.policies import VOICES, Change
from referral.policy import NOUN, Rules
from referral.rows import change, put
from referral.states import Role
from referral.store import Sql, Tx
from workflows.engine import NOT_YOUR_RECORD, Refused
from workflows.moves import N_
from workflows.policy import checked, over, set_rule
from workflows.rules import field, missing, wrong

LONGEST_OPEN = timedelta(days=183)
MOST_WAITING = 50
CODE = "PC"
PUBLIC = "public comment"  # the named cause of what nobody signed in says
COMMENT = Sql(
    "SELECT m.id, m.change_id, m.read_at FROM policy_comment m"
    " WHERE m.id = :id AND m.system_id = :system_id",
    times=(2,),
)
# What a comment must not hold: an address to write to, or a number of ten digits and more.
PERSONAL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|(?:\d[ ()-]?){10,}")


def open_change(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    place_id: str,
    title: str,
    because: str,
    wanted: Sequence[Mapping[str, Any]],
    closes_at: datetime,
) -> str:
    """Open a change for comment until a day. It changes nothing by itself. `wanted`: the rules it
    would make (kind, name, value)."""
    rules = over(tx, actor, place_id, at, "open_change")
    faults = []
    if not at < closes_at <= at + LONGEST_OPEN:
        faults.append(field("closes_on", N_("Choose a day within the next 6 months.")))
    kept = []
    for one in wanted:
        try:
            value = checked(
                one["kind"], one["name"], one["value"], Rules(rules.book, rules.path, at)
            )
            kept.append({"kind": one["kind"], "name": one["name"], "value": value})
        except ValueError as why:
            faults.append(field("value", str(why)))
    if not wanted:
        faults.append(field("value", N_("Say which rule would change.")))
    if faults:
        raise wrong(NOUN, "open_change", *faults)
    change_id = new_id(at)
    put(
        tx,
        "policy_change",
        {
            "id": change_id,
            "system_id": actor.system_id,
            "place_id": place_id,
            "code": new_reference(CODE),
            "title": title,
            "because": because,
            "wanted": kept,
            "opened_by": actor.membership_id,
            "opened_at": at,
            "closes_at": closes_at,
            "state": "open",
        },
    )
    said = {"place": place_id, "wanted": kept, "closes": closes_at.isoformat()}
    log(tx, actor, at, "policy_change_opened", NOUN, change_id, said)
    return change_id


def _found(tx: Tx, actor: Actor, change_id: str, what: str) -> Change:
    found = policies.change(tx, actor.system_id, change_id)
    if found is None:
        raise missing(NOUN, what)
    return found


def _still_open(found: Change, at: datetime) -> None:
    if found.state != "open" or found.closes_at <= at:
        raise wrong(
            NOUN,
            "comment",
            field(
                "body",
                N_("The time for comments has ended."),
                N_("What came of it will stand on this page."),
            ),
        )


def _nothing_personal(body: str) -> None:
    if PERSONAL.search(body):
        raise wrong(
            NOUN,
            "comment",
            field(
                "body",
                N_("Leave out phone numbers, NHS numbers and email addresses."),
                N_("Everybody can read what you write."),
            ),
        )


def comment(tx: Tx, actor: Actor, at: datetime, *, change_id: str, body: str) -> str:
    """What a member says about a change, under their name."""
    found = _found(tx, actor, change_id, "comment")
    _still_open(found, at)
    _nothing_personal(body)
    voice = {
        Role.PROVIDER_LEADER: "provider",
        Role.LINK_WORKER: "link_worker",
        Role.TEAM_LEAD: "link_worker",
    }.get(actor.role, "someone_else")
    return _put(tx, actor, at, found.id, voice, body, by=actor.membership_id)


def comment_publicly(
    tx: Tx, actor: Actor, at: datetime, *, code: str, voice: str, body: str
) -> str:
    """What somebody without an account says. It is shown once whoever opened the change has read
    it. Raises Refused (not_found) for a code that opens nothing."""
    seen = policies.change_by_code(tx, code)
    if seen is None or seen[1] != actor.system_id:
        raise missing(NOUN, "comment")
    found = seen[0]
    _still_open(found, at)
    _nothing_personal(body)
    if voice not in VOICES:
        raise wrong(NOUN, "comment", field("voice", N_("Choose what fits you best.")))
    if policies.unread(tx, found.id) >= MOST_WAITING:
        raise wrong(
            NOUN,
            "comment",
            field(
                "body",
                N_("Many comments wait to be read."),
                N_("Nothing was kept. Try again tomorrow."),
            ),
        )
    return _put(tx, actor, at, found.id, voice, body, by=None)


def _put(
    tx: Tx, actor: Actor, at: datetime, change_id: str, voice: str, body: str, by: str | None
) -> str:
    comment_id = new_id(at)
    put(
        tx,
        "policy_comment",
        {
            "id": comment_id,
            "system_id": actor.system_id,
            "change_id": change_id,
            "at": at,
            "membership_id": by,
            "voice": voice,
            "body": body,
            "read_at": at if by else None,
            "shown": by is not None,
        },
    )
    log(tx, actor, at, "policy_comment", NOUN, comment_id, {"change": change_id, "voice": voice})
    return comment_id


def answers_for(actor: Actor, found: Change, at: datetime) -> bool:
    """Whether the actor reads the comments and decides: who opened it; once its time has ended,
    anybody who answers for the place, so that it never waits for one person alone."""
    if actor.membership_id == found.opened_by:
        return True
    return (
        found.closes_at <= at
        and actor.role in (Role.ADMINISTRATOR, Role.GOVERNANCE_LEAD)
        and actor.place_path is not None
        and found.path.startswith(actor.place_path)
    )


def _answering(tx: Tx, actor: Actor, at: datetime, change_id: str, what: str) -> Change:
    found = _found(tx, actor, change_id, what)
    if not answers_for(actor, found, at):
        raise Refused([NOT_YOUR_RECORD], noun=NOUN, trigger=what, record_id=None)
    return found


def read_comment(tx: Tx, actor: Actor, at: datetime, *, comment_id: str, show: bool) -> str:
    """A comment from the public page has been read: shown to all, or left out, its words with it.
    Returns the change it is about."""
    row = tx.row(COMMENT, id=comment_id, system_id=actor.system_id)
    if row is None:
        raise missing(NOUN, "read_comment")
    found = _answering(tx, actor, at, row[1], "read_comment")
    if row[2] is not None:
        raise wrong(NOUN, "read_comment", field("comment", N_("This comment was read already.")))
    values: dict[str, Any] = {"read_at": at, "shown": show}
    if not show:
        values["body"] = None
    change(tx, "policy_comment", comment_id, values)
    log(tx, actor, at, "policy_comment_read", NOUN, comment_id, {"shown": show})
    return found.id


def decide(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    change_id: str,
    made: bool,
    heard: Sequence[Mapping[str, str]],
    from_at: datetime | None = None,
) -> None:
    """Make the change or leave it, and keep beside it what people said and what was done. Raises
    Refused while comments can still be made, or wait to be read, or none is answered."""
    found = _answering(tx, actor, at, change_id, "decide")
    faults = []
    if found.state != "open":
        faults.append(field("outcome", N_("This was decided already.")))
    if found.closes_at > at:
        faults.append(
            field(
                "outcome",
                N_("People can still comment."),
                N_("Decide once the last day for comments has passed."),
            )
        )
    if policies.unread(tx, found.id):
        faults.append(field("outcome", N_("Read the comments that wait first.")))
    if found.comments and not heard:
        faults.append(field("said_1", N_("Write what people said, and what you did about it.")))
    if faults:
        raise wrong(NOUN, "decide", *faults)
    values = {
        "state": "made" if made else "not_made",
        "decided_by": actor.membership_id,
        "decided_at": at,
        "heard": [{"said": one["said"], "did": one["did"]} for one in heard],
    }
    change(tx, "policy_change", found.id, values)
    log(tx, actor, at, "policy_change_decided", NOUN, found.id, {"made": made})
    for one in found.wanted if made else ():
        set_rule(
            tx,
            actor,
            at,
            place_id=found.place_id,
            kind=one["kind"],
            name=one["name"],
            value=one["value"],
            from_at=from_at,
            because=found.title,
            change_id=found.id,
        )
