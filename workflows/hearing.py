"""Who may be told what of a record, asked anew whenever it is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from referral import announcements, facts, ladder, records
from referral.actors import Actor
from referral.documents import SHARED
from referral.messages import RECEIVED
from referral.states import TAKING_PART, WITH_PROVIDER, Noun, ReferralState, Role
from referral.store import Tx
from workflows.engine import TABLES
from workflows.tables.rights import LEADS

# To a provider that no longer sees the referral: only that it is over, and what to do then.
ENDING = frozenset(
    {"lapsed", "recalled", "withdrawn", "stopped", "closed", "destroy_what_you_hold"}
)
REMINDER = "reminder"
RING_OUTSIDE = "ring_outside_contact"
# What whoever raised a concern hears of it, even if they may not see it.
FEEDBACK = frozenset({"concern_seen", "concern_closed", RING_OUTSIDE})
# What every link worker with somebody there hears of a provider.
OF_A_PROVIDER = frozenset({"provider_suspended", "provider_lapsed"})
SYSTEM = "system"  # a letter to those who run it
AUDIT_ALARM = "audit_alarm"
ACCESS = "access"  # a letter about the review of who can see what
REVIEWERS = (Role.GOVERNANCE_LEAD, Role.INFORMATION_GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER)
LEGAL_HOLD = "legal_hold"  # a letter about a hold against destruction
USER = "user"  # a letter to an account about itself
PERSON = "person"  # a letter about a person's record, not about anything with a machine
ANNOUNCEMENT = "announcement"

# -- may this be told? (pure) -------------------------------------------------------------------


def may_be_told(
    noun: Noun, what: str, f: Any, actor: Actor, named: frozenset[str] = frozenset()
) -> bool:
    """Whether this may be said to this member now. `f` are the facts for them, `named` the users
    named as a source of harm in the concern it is about."""
    return RULES[noun](what, f, actor, named)


Rule = Callable[[str, Any, Actor, frozenset[str]], bool]


def _is_there(noun: Noun, f: Any, actor: Actor) -> bool:
    return bool(TABLES[noun].hats(f, actor))


def _referral(what: str, f: Any, actor: Actor, named: frozenset[str]) -> bool:
    if actor.role is not Role.PROVIDER_LEADER:
        return _is_there(Noun.REFERRAL, f, actor) and not f.closed_to_actor
    if actor.organisation_id != f.provider_org or f.sent_at is None:
        return False
    if what in ENDING:
        return True
    if what == RECEIVED:
        # Who may not read the thread now hears of nothing in it.
        open_to = (*WITH_PROVIDER, ReferralState.COMPLETED, ReferralState.CLOSED)
        shared = bool(f.consent_id) and bool(f.agreement_live)
        return f.state in open_to and shared and not f.closed_to_actor
    if what == SHARED:
        place_given = (*TAKING_PART, ReferralState.COMPLETED, ReferralState.CLOSED)
        shared = bool(f.consent_id) and bool(f.agreement_live)
        return f.state in place_given and shared and not f.closed_to_actor
    # Under a full hold they see the reference and the sentence of the hold: what is due is part
    # of that, what others did is not.
    return shown_to_provider(f) and (not f.closed_to_actor or what == REMINDER)


def shown_to_provider(f: Any) -> bool:
    """Whether the provider sees more of the referral than that it is there."""
    if f.state in TAKING_PART or f.state == ReferralState.COMPLETED:
        return True
    ground = bool(f.consent_id or f.override_id)
    return f.state in WITH_PROVIDER and ground and bool(f.agreement_live)


def _concern(what: str, f: Any, actor: Actor, named: frozenset[str]) -> bool:
    if _is_there(Noun.CONCERN, f, actor):
        return True
    raised_it = f.raised_by is not None and f.raised_by == actor.membership_id
    return raised_it and what in FEEDBACK and actor.user_id not in named


def _assurance(what: str, f: Any, actor: Actor, named: frozenset[str]) -> bool:
    if actor.role is Role.LINK_WORKER:
        return what in OF_A_PROVIDER
    return _is_there(Noun.ASSURANCE, f, actor)


def _consent(what: str, f: Any, actor: Actor, named: frozenset[str]) -> bool:
    return _is_there(Noun.CONSENT, f, actor) and not f.closed_to_actor


def _override(what: str, f: Any, actor: Actor, named: frozenset[str]) -> bool:
    return _is_there(Noun.OVERRIDE, f, actor)


def _escalation(what: str, f: Any, actor: Actor, named: frozenset[str]) -> bool:
    return _is_there(Noun.ESCALATION, f, actor)


def _agreement(what: str, f: Any, actor: Actor, named: frozenset[str]) -> bool:
    return _is_there(Noun.AGREEMENT, f, actor)


def _rights(what: str, f: Any, actor: Actor, named: frozenset[str]) -> bool:
    return _is_there(Noun.RIGHTS, f, actor)


def _emergency(what: str, f: Any, actor: Actor, named: frozenset[str]) -> bool:
    return _is_there(Noun.EMERGENCY, f, actor)


RULES: dict[Noun, Rule] = {
    Noun.REFERRAL: _referral,
    Noun.CONSENT: _consent,
    Noun.OVERRIDE: _override,
    Noun.CONCERN: _concern,
    Noun.ESCALATION: _escalation,
    Noun.ASSURANCE: _assurance,
    Noun.AGREEMENT: _agreement,
    Noun.RIGHTS: _rights,
    Noun.EMERGENCY: _emergency,
}

# -- as the store has it ----------------------------------------------------------


def may_hear(tx: Tx, to: Actor, what: str, about: str, record_id: str, at: datetime) -> bool:
    """Whether this may be said of this record to this member now, as it stands in the store."""
    if about == SYSTEM:
        runs_the_log = what == AUDIT_ALARM and to.role is Role.AUDITOR
        return to.role is Role.ADMINISTRATOR or runs_the_log
    if about == ACCESS:
        return to.role in REVIEWERS
    if about == USER:
        return to.user_id == record_id
    if about == LEGAL_HOLD:
        return to.role in LEADS
    if about == PERSON:
        seen = records.person(tx, to, at, record_id)
        return seen is not None and not seen.closed_to_actor
    if about == ANNOUNCEMENT:
        return announcements.concerns(tx, to, record_id)
    noun = Noun(about)
    f = facts.LOADERS[noun](tx, record_id, to, at)
    if f is None:
        return False
    named = ladder.barred(tx, record_id).users if noun is Noun.CONCERN else frozenset[str]()
    return may_be_told(noun, what, f, to, named)


Said = tuple[str, str, str]  # what, about which noun, of which record
# Nouns whose facts are read for many at once.
MANY: dict[str, Callable[[Tx, list[str], Actor, datetime], Mapping[str, Any]]] = {
    Noun.REFERRAL: facts.referrals,
    Noun.CONSENT: facts.consents,
}


def may_hear_of(tx: Tx, to: Actor, asked: Iterable[Said], at: datetime) -> set[Said]:
    """Those that `may_hear` lets be said to this member now; the facts of referrals and consents
    are read together."""
    by_noun: dict[str, set[Said]] = {}
    for one in asked:
        by_noun.setdefault(one[1], set()).add(one)
    found: set[Said] = set()
    for noun, each in by_noun.items():
        if noun in MANY:
            known = MANY[noun](tx, sorted({one[2] for one in each}), to, at)
            found |= {
                one
                for one in each
                if one[2] in known and may_be_told(Noun(noun), one[0], known[one[2]], to)
            }
        else:
            found |= {one for one in each if may_hear(tx, to, *one, at)}
    return found
