"""Handing over one letter of the outbox: who answers to its owner key, and whether each of them may
still be told.

A letter reaches a member as a notice: a code and the id of a record, never a word about a person.
What goes out by e-mail, text or paper besides is planned from the notices (`workflows.dispatches`).
What is for the practice, for a contact outside, or for a person who can't be written to becomes an
errand: a named human tells them by hand.

That a letter was handed over says nothing of whether anybody has read it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from referral import facts, notices
from referral.actors import Actor, the_system
from referral.audit import log
from referral.clocks import member_key
from referral.entries import subject_of
from referral.queue import Letter, Overtaken, finish_letter
from referral.states import Noun, Role
from referral.store import Tx
from workflows import errands
from workflows.hearing import RING_OUTSIDE, SYSTEM, may_hear
from workflows.tables.agreements import SIGNATORY_ROLES

DELIVERED = "delivered"
NOBODY = "nobody"
NOBODY_YET = "nobody_yet"  # a human was asked to tell them by hand
NOT_ALLOWED_NOW = "not_allowed_now"
GAVE_UP = "gave_up"

BY_HAND = {
    "person": "tell_person_by_hand",
    "practice": "tell_practice_by_hand",
    "outside": RING_OUTSIDE,
}
NOT_DELIVERED = "not_delivered"

# -- handing over -------------------------------------------------------------------------------


def deliver(tx: Tx, letter: Letter, at: datetime) -> str:
    """Hand one claimed letter over to everyone who answers to its owner key and may still be told,
    and mark it with what came of it. Raises Overtaken when another worker has the letter now: the
    transaction must be undone."""
    role, _, where = letter.to_owner.partition("@")
    if role in BY_HAND:
        result = _by_hand(tx, letter, role, at)
    else:
        result = _hand_over(tx, letter, role, where, letter.what, at)
    if result == NOBODY:
        _tell_administrators(tx, letter, at)
    _finish(tx, letter, at, result)
    return result


def give_up(tx: Tx, letter: Letter, at: datetime) -> None:
    """Stop trying to hand this letter over, and let a human know. Raises Overtaken as above."""
    _tell_administrators(tx, letter, at)
    _finish(tx, letter, at, GAVE_UP)


def _finish(tx: Tx, letter: Letter, at: datetime, result: str) -> None:
    if not finish_letter(tx, letter, at, result):
        raise Overtaken
    told_of(tx, letter, at, result)


def told_of(tx: Tx, letter: Letter, at: datetime, result: str) -> None:
    """Say in the log what came of a letter: to whom, in the half that can be erased."""
    action = {
        NOBODY: "notice_not_delivered",
        GAVE_UP: "notice_not_delivered",
        NOT_ALLOWED_NOW: "notice_withheld",
    }.get(result, "notice_delivered")
    said = {"to": letter.to_owner, "what": letter.what, "result": result}
    system = the_system(letter.system_id, "post")
    subject = subject_of(tx, letter.noun, letter.record_id)
    log(tx, system, at, action, letter.noun, letter.record_id, said, subject=subject)


def _hand_over(tx: Tx, letter: Letter, role: str, where: str, what: str, at: datetime) -> str:
    """Give the notice to each who answers to the key. Team leads stand in for a link worker who
    is away, has left, or may not be told."""
    told = refused = False
    for actor in _addressees(tx, letter.system_id, role, where, at):
        if _give(tx, letter, actor, what, at):
            told = True
        else:
            refused = True
    alone = role == "member" and (not told or notices.is_absent(tx, letter.system_id, where, at))
    for lead in notices.stand_ins(tx, letter.system_id, where, at) if alone else ():
        if _give(tx, letter, lead, what, at):
            told = True
        else:
            refused = True
    if told:
        return DELIVERED
    return NOT_ALLOWED_NOW if refused else NOBODY


def _addressees(tx: Tx, system_id: str, role: str, where: str, at: datetime) -> list[Actor]:
    if role == "member":
        return notices.members(tx, [where], at)
    roles = [str(r) for r in SIGNATORY_ROLES] if role == "signatory" else [role]
    return [a for r in roles for a in notices.holders(tx, system_id, r, where, at)]


def _give(tx: Tx, letter: Letter, to: Actor, what: str, at: datetime) -> bool:
    if not may_hear(tx, to, what, letter.noun, letter.record_id, at):
        return False
    notices.give(tx, to, letter.id, what, letter.noun, letter.record_id, at)
    return True


def _by_hand(tx: Tx, letter: Letter, whom: str, at: datetime) -> str:
    """Ask a human to tell somebody Segue can't reach yet."""
    noun = Noun(letter.noun)
    system = the_system(letter.system_id, "post")
    f = facts.LOADERS[noun](tx, letter.record_id, system, at)
    if f is None:
        return NOT_ALLOWED_NOW
    if whom == "person" and getattr(f, "died_on", None) is not None:
        return NOT_ALLOWED_NOW
    if whom == "practice" and not getattr(f, "practice_agreed", False):
        return NOT_ALLOWED_NOW
    key = hand(noun, f)
    if key is None:
        return NOBODY
    role, _, where = key.partition("@")
    result = _hand_over(tx, letter, role, where, BY_HAND[whom], at)
    if result != DELIVERED:
        return result
    errands.ask(
        tx,
        letter.system_id,
        f"letter {letter.id}",
        key,
        BY_HAND[whom],
        letter.to_owner,
        letter.noun,
        letter.record_id,
        at,
        letter.what,
    )
    return NOBODY_YET


def hand(noun: Noun, f: Any) -> str | None:
    """Whose hand it is: the link worker of the record, the reviewer of an escalation, and whoever
    raised the concern when everyone on the ladder is barred."""
    if noun is Noun.CONCERN:
        return member_key(f.raised_by) if f.raised_by else None
    if noun is Noun.ESCALATION:
        return str(f.owner)
    if noun is Noun.OVERRIDE:
        return member_key(f.proposed_by)
    if noun is Noun.RIGHTS:
        return str(f.lead)
    if noun is Noun.EMERGENCY:
        return str(f.governance)
    return member_key(f.link_worker_id)


def _tell_administrators(tx: Tx, letter: Letter, at: datetime) -> None:
    """A human learns that something reached nobody; not what it was about."""
    for to in notices.everywhere(tx, letter.system_id, Role.ADMINISTRATOR, at):
        notices.give(tx, to, letter.id, NOT_DELIVERED, SYSTEM, letter.system_id, at)
