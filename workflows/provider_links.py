"""What a leader does by a link, without signing in: accept, ask, put on the waiting list, decline,
say who came, finish, read a message and answer it.

The page of a link shows the least one can decide by, whatever stage the referral has reached: who
the person is and how to reach them stands behind the sign-in. Looking changes nothing; one press
uses the link up; and a press that comes too late changes nothing but tells the link worker what
the provider wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from referral import facts, links, messages, records, visible
from referral.actors import Actor
from referral.clocks import member_key
from referral.facts import ReferralFacts
from referral.links import LinkSeen
from referral.members import actor_of
from referral.messages import MessageSeen
from referral.policy import Rules
from referral.states import TAKING_PART, WITH_PROVIDER, Noun, ReferralState, Role
from referral.store import Tx
from referral.visible import StepSeen
from workflows import disclosure, reading
from workflows.concerns import raise_concern
from workflows.engine import TABLES, Done, Refused, step
from workflows.letters import tell
from workflows.messages import let_at, mark_read, write_message
from workflows.referrals import record_attendance
from workflows.working_time import local_day

CAUSE = "link"
WISHES: Mapping[str, tuple[str, ...]] = {
    links.ANSWER: ("accept", "ask", "put_on_waiting_list", "decline"),
    links.CAME: ("came", "complete"),
    links.MESSAGE: ("reply", "read"),
}
MOST_MESSAGES = 5  # of those that wait to be read, the newest
# What a link shows, of what its leader may see at all.
LEAST = frozenset(
    {
        "reference",
        "first_name",
        "age_band",
        "area",
        "what_matters",
        "needs",
        "access",
        "access_needs",
        "interpreter",
        "call_before",
        "safety_answers",
        "urgent",
        "activity",
        "group",
        "team",
        "team_phone",
        "held",
    }
)
# What was sent with the referral itself.
SHARED = ("what_matters", "goals", "needs", "access")
S = ReferralState


class LinkOver(Exception):
    """The link can't be used: `why` is gone, used or expired."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Offer:
    """A referral as a link shows it. `open` are the wishes that can be granted now; `where` is a
    code for where the person is; `latest` is how the group answered last, `expected` the day of a
    place; `due` is by when the group should answer, where it has to; `rules` are those of the
    referral's place; `messages` what the team wrote that this leader hasn't said they read."""

    link: LinkSeen
    actor: Actor
    seen: Mapping[str, Any]
    state: str
    open: tuple[str, ...]
    where: str
    subject: str
    rules: Rules
    practice_agreed: bool = False
    messages: tuple[MessageSeen, ...] = ()
    latest: StepSeen | None = None
    expected: date | None = None
    due: datetime | None = None


ANSWERS = frozenset({"accept", "ask", "put_on_waiting_list"})


def over(link: LinkSeen | None, at: datetime) -> str | None:
    """Why a link can't be used; None for one that can."""
    if link is None or link.revoked_at is not None:
        return "gone"
    if link.used_at is not None:
        return "used"
    return "expired" if at >= link.expires_at else None


def leader(tx: Tx, link: LinkSeen, at: datetime) -> Actor | None:
    """The leader it was sent to, as they are now; None once they have left."""
    actor = actor_of(tx, link.membership_id, at) if link.membership_id else None
    if actor is None or actor.role is not Role.PROVIDER_LEADER:
        return None
    return replace(actor, cause=CAUSE)


def look(tx: Tx, link: LinkSeen, at: datetime) -> Offer | None:
    """What the page of a link shows; None where the referral isn't there for its leader."""
    actor = leader(tx, link, at)
    if actor is None:
        return None
    f = facts.referral(tx, link.record_id, actor, at)
    if f is None or not TABLES[Noun.REFERRAL].hats(f, actor):
        return None
    row = records.referral(tx, actor, link.record_id)
    person = records.person_of(tx, actor, at, f.person_id)
    if row is None or person is None:
        return None
    said = visible.answers(tx, actor, at, [link.record_id]).get(link.record_id, (None, None))
    situation = reading.situation(f, actor, at, *said)
    record = {
        **{name: (row.shared or {}).get(name) for name in SHARED},
        "reference": row.reference,
        "given_name": person.given_name,
        "birth_date": person.birth_date,
        "postcode": person.postcode,
        "access_needs": person.access_needs,
        "interpreter": person.interpreter,
        "call_before": row.call_before,
        "safety_answers": row.safety_answers,
        "urgent": row.urgent,
        "activity": row.activity,
        "group": row.group,
        "team": row.organisation,
        "team_phone": row.organisation_phone,
    }
    seen = disclosure.shown(record, situation)
    waiting = _waiting(tx, link, actor, at)
    card = reading.card(tx, actor, at, link.record_id) if f.state == S.SENT else None
    wishes = tuple(w for w in WISHES[link.purpose] if _may(w, f, waiting))
    # Whoever finishes is asked about each goal.
    least = LEAST | {"goals"} if "complete" in wishes else LEAST
    return Offer(
        link,
        actor,
        {name: value for name, value in seen.items() if name in least},
        str(f.state),
        wishes if over(link, at) is None else (),
        where(f),
        f.subject_ref,
        f.rules,
        bool(f.practice_agreed),
        waiting,
        _latest(tx, actor, at, link.record_id),
        f.expected_date,
        card.due if card is not None and "state" in card.seen else None,
    )


def _latest(tx: Tx, actor: Actor, at: datetime, record_id: str) -> StepSeen | None:
    """How somebody of the leader's own group answered last since it was sent to them."""
    for one in visible.steps_since(tx, actor, at, Noun.REFERRAL, record_id):
        if one.trigger in ANSWERS and one.organisation_id == actor.organisation_id:
            return one
        if one.trigger == "send":
            break
    return None


def _waiting(tx: Tx, link: LinkSeen, actor: Actor, at: datetime) -> tuple[MessageSeen, ...]:
    """What a link to the thread shows, as long as it may be used and the thread is there for its
    leader: what the other side wrote that they haven't read, and nothing older."""
    if link.purpose != links.MESSAGE or over(link, at) is not None:
        return ()
    if let_at(tx, actor, at, link.record_id) is None:
        return ()
    written = messages.of_referral(tx, actor, link.record_id)
    return tuple(one for one in written if one.is_new_to(actor))[-MOST_MESSAGES:]


def _may(wish: str, f: ReferralFacts, waiting: tuple[MessageSeen, ...]) -> bool:
    """Whether there is such a move from here at all; whether it is refused is asked when it is
    made."""
    if wish in WISHES[links.MESSAGE]:
        return bool(waiting)
    if wish == "came":
        return f.state in TAKING_PART
    if f.closed_to_actor and wish != "decline":
        return False
    return bool(TABLES[Noun.REFERRAL].moves_from(wish, f.state))


def where(f: ReferralFacts) -> str:
    """A code for where the person is now, as the provider may know it: no reason, and the same
    for every hold."""
    if f.held or f.closed_to_actor:
        return "held"
    if f.state in TAKING_PART:
        return "with_you"
    if f.state in WITH_PROVIDER:
        return str(f.state)
    return {
        S.RETURNED: "returned",
        S.REDIRECTED: "returned",
        S.WITHDRAWN: "stopped",
        S.COMPLETED: "finished",
        S.CLOSED: "finished",
    }.get(ReferralState(str(f.state)), "gone")


def act(
    tx: Tx, link_id: str, at: datetime, wish: str, given: Mapping[str, Any], day: date | None = None
) -> str:
    """Do what the leader wants, and use the link up; returns the state the referral is in then (of
    a message, its id or how many were read).

    Raises LinkOver for a link that can't be used, and for whoever is second; Refused with nothing
    used up, for what can't be done now or isn't said rightly."""
    link = links.find(tx, link_id)
    why = over(link, at)
    if why is not None or link is None:
        raise LinkOver(why or "gone")
    actor = leader(tx, link, at)
    if actor is None or wish not in WISHES[link.purpose]:
        raise LinkOver("gone")
    if not links.use(tx, link.id, wish, at):
        raise LinkOver("used")
    if wish == "reply":
        body = str(given.get("body") or "")
        return write_message(tx, actor, at, referral_id=link.record_id, body=body)
    if wish == "read":
        upto = given.get("up_to")
        return str(mark_read(tx, actor, at, referral_id=link.record_id, up_to=upto))
    if wish != "came":
        return step(tx, Noun.REFERRAL, link.record_id, wish, actor, at, given).state
    return _came(tx, actor, link.record_id, at, given, day or local_day(at))


def _came(
    tx: Tx, actor: Actor, referral_id: str, at: datetime, given: Mapping[str, Any], day: date
) -> str:
    came, why = str(given.get("came") or ""), given.get("why")
    f = facts.referral(tx, referral_id, actor, at)
    if f is not None and f.state == S.ACCEPTED and came in ("came", "late"):
        step(tx, Noun.REFERRAL, referral_id, "start", actor, at)
    return record_attendance(tx, actor, at, referral_id, day=day, came=came, why=why).state


def raise_worry(
    tx: Tx, link_id: str, at: datetime, given: Mapping[str, Any], key: str | None = None
) -> Done:
    """A concern about the person of a link, raised by its leader. The link is not used up by it,
    and one that is used up or past its date still works for it; one that was revoked doesn't:
    LinkOver. Raises Refused where the referral isn't there for the leader any more."""
    link = links.find(tx, link_id)
    actor = leader(tx, link, at) if link is not None and link.revoked_at is None else None
    if link is None or actor is None or link.purpose not in WISHES:
        raise LinkOver("gone")
    values = {**given, "referral_id": link.record_id}
    return raise_concern(tx, actor, at, values, key=key)


def too_late(tx: Tx, link_id: str, at: datetime, wish: str) -> Offer | None:
    """What a press that was refused comes to: the referral and the link stay as they are, and the
    link worker is told, once, what the provider wanted."""
    link = links.find(tx, link_id)
    if link is None:
        return None
    offer = look(tx, link, at)
    if offer is None:
        return None
    f = facts.referral(tx, link.record_id, offer.actor, at)
    if wish != "read" and f is not None and links.wish(tx, link.id, wish):
        to = member_key(f.link_worker_id)
        tell(tx, link.system_id, at, to, f"wished_to_{wish}", Noun.REFERRAL, link.record_id)
    return offer


def about_words(refused: Refused) -> bool:
    """Whether a refusal is only about what was typed: then it isn't too late."""
    return all(r.field is not None for r in refused.refusals)
