"""What must never be, each by its number: the part of it that can be asked of the product.

An invariant looks at the picture alone, never at guards: what a guard forgets, it sees. It answers
None where it has nothing to say, "" where it was asked and holds, and a sentence where it is
broken. `slices` names the walks on which it must have been asked; a test sees that it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from referral.states import (
    DUPLICATES,
    ENDS,
    REFERRAL_ENDS,
    TAKING_PART,
    WITH_PROVIDER,
    Noun,
    ReferralState,
    RightsKind,
    Role,
)
from workflows import disclosure, task_status
from workflows.engine import TABLES, Refused, decide, options
from workflows.prove import world
from workflows.prove.acting import LONG, NAMED_LATER, Edge
from workflows.prove.exploring import Exploration, Out
from workflows.prove.world import AT, CAST, Referral, State, records
from workflows.tables.rights import SECONDS

R, C, O, S, E, P, G, Q, Y = (  # noqa: E741 - O is the override, beside the others' first letters
    Noun.REFERRAL,
    Noun.CONSENT,
    Noun.OVERRIDE,
    Noun.CONCERN,
    Noun.ESCALATION,
    Noun.ASSURANCE,
    Noun.AGREEMENT,
    Noun.RIGHTS,
    Noun.EMERGENCY,
)
HOLDS = ""
ENDS_OVERRIDE = "mark of override.approved"
ABOVE = (Role.GOVERNANCE_LEAD, Role.SAFEGUARDING_LEAD)
BEFORE_A_PLACE = frozenset({"sent", "queried", "waiting"})


@dataclass(frozen=True)
class Invariant:
    """One promise. `on`: asked of each state, each edge, or once of a whole slice. `moves`: only
    of edges of these; `only`: only on these slices."""

    number: str
    says: str
    on: str
    check: Callable[..., Any]
    moves: frozenset[tuple[Noun | None, str]]
    slices: tuple[str, ...]
    only: frozenset[str] | None

    @property
    def name(self) -> str:
        return self.check.__name__


FOUND: list[Invariant] = []


def invariant(
    number: str,
    says: str,
    *slices: str,
    on: str = "edge",
    moves: tuple[tuple[Noun | None, str], ...] = (),
    only: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a promise under its number in the assurance paper."""

    def keep(check: Callable[..., Any]) -> Callable[..., Any]:
        found = Invariant(
            number,
            says,
            on,
            check,
            frozenset(moves),
            slices,
            frozenset(slices) if only else None,
        )
        FOUND.append(found)
        return check

    return keep


# -- what an edge did to the referrals ------------------------------------------------------------

Made = tuple[int, str, Referral | None, Referral]


_LAST: list[Any] = [None, ()]  # the newest edge asked about: several invariants ask the same


def made(before: State, edge: Edge, after: State) -> list[Made]:
    """(slot, trigger, old, new) of every move of a referral in this step, fired ones too."""
    if _LAST[0] is edge:
        found: list[Made] = _LAST[1]
        return found
    found = []
    wanted = [(edge.slot, edge.trigger)] if edge.noun is R and edge.who != "clock" else []
    wanted += [(slot, trigger) for noun, slot, trigger in edge.fired if noun is R]
    for slot, trigger in wanted:
        old = before.referrals[slot] if slot < len(before.referrals) else None
        found.append((slot, trigger, old, after.referrals[slot]))
    _LAST[:] = edge, found
    return found


def changed(before: State, after: State) -> Iterator[tuple[int, Referral, Referral]]:
    """Every referral that was there and is another now, however that came."""
    if before.referrals is after.referrals:
        return
    for slot, (old, new) in enumerate(zip(before.referrals, after.referrals, strict=False)):
        if old != new:
            yield slot, old, new


def ground(s: State, r: Referral) -> bool:
    return world.consent_now(s, r.person, r.provider) or world.override_now(s, r.person, r.provider)


def assured(s: State, provider: str) -> bool:
    """Whether the provider may be sent somebody now, by the standards."""
    return any(
        a.provider == provider
        and (a.state == "assured" or (a.state == "conditional" and a.within and not a.past))
        and a.evidence != "out"
        for a in s.assurances
    )


def human(edge: Edge) -> bool:
    return edge.who not in ("clock", "life")


def role(edge: Edge) -> Role | None:
    return CAST[edge.who].role if human(edge) else None


def named_about(s: State, person: str, provider: str) -> frozenset[str]:
    return world.named_about_person(s, person) | world.named_about_provider(s, provider)


def named_for(s: State, r: Referral) -> frozenset[str]:
    return named_about(s, r.person, r.provider)


def said_no(s: State, r: Referral) -> bool:
    """Whether the person's newest answer is a no."""
    return world.newest_answer(s, r.person, r.provider) in ("refused", "withdrawn")


def provider_sees(s: State, r: Referral) -> frozenset[str]:
    """What the product would show a leader of the provider now, by its own allow-list."""
    return disclosure.fields(
        disclosure.Situation(
            Role.PROVIDER_LEADER,
            r.state,
            AT,
            completed_at=AT if r.state in ("completed", "closed") else None,
            consent=world.consent_now(s, r.person, r.provider),
            taken_back=said_no(s, r),
            override=frozenset({"name"}) if world.override_now(s, r.person, r.provider) else None,
            agreement=world.agreement_now(s, r.provider),
            held=world.held(s, r),
            closed=False,
        )
    )


def leaders(provider: str) -> list[str]:
    return [n for n, a in CAST.items() if a.organisation_id == provider]


def can(out: Out, noun: Noun, slot: int, *triggers: str) -> Iterator[str]:
    """Who can make one of these moves on this record now."""
    for edge, _ in out:
        if edge.noun is noun and edge.slot == slot and edge.trigger in triggers and human(edge):
            yield edge.who


# -- consent, agreement, assurance: what a move rests on ------------------------------------------

SENDS = ((R, "send"), (R, "redirect"))
NEEDS_GROUND = ("send", "answer", "put_on_waiting_list", "accept", "start")
TO_ACTIVE = ("active",)


@invariant(
    "I01",
    "A referral is sent only on a ground and with an agreement in force.",
    "one referral",
    "ready to send",
    "agreement",
    moves=SENDS,
)
def sent_only_on_a_ground(before: State, edge: Edge, after: State) -> str | None:
    for _, trigger, _, new in made(before, edge, after):
        if trigger == "send":
            if not ground(after, new):
                return "A referral was sent without a ground."
            if not world.agreement_now(after, new.provider):
                return "A referral was sent without an agreement in force."
            return HOLDS
    return None


@invariant(
    "I02",
    "Accept is made only from sent, queried or waiting, by the provider addressed.",
    "one referral",
    "every role",
    moves=((R, "accept"),),
)
def accepted_by_the_provider_addressed(before: State, edge: Edge, after: State) -> str | None:
    old = before.referrals[edge.slot]
    if old.state not in BEFORE_A_PLACE:
        return f"A referral was accepted from {old.state}."
    if role(edge) is not Role.PROVIDER_LEADER or edge.who not in leaders(old.provider):
        return f"{edge.who}, who doesn't lead the provider addressed, accepted."
    return HOLDS


@invariant(
    "I02",
    "Nobody takes part but by accept, or by going on with what was completed.",
    "one referral",
    "every role",
)
def a_place_is_given_by_accepting(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for _, trigger, old, new in made(before, edge, after):
        if new.state in TAKING_PART and (old is None or old.state not in TAKING_PART):
            asked = HOLDS
            if trigger not in ("accept", "reopen"):
                return f"Somebody takes part by {trigger}."
    return asked


@invariant(
    "I03",
    "Nobody is accepted while the provider isn't assured for this activity, with evidence in date.",
    "assurance",
    moves=((R, "accept"),),
)
def accepted_only_where_assured(before: State, edge: Edge, after: State) -> str | None:
    if not assured(before, before.referrals[edge.slot].provider):
        return "Somebody was accepted by a provider that isn't assured."
    return HOLDS


@invariant(
    "I04",
    "A suspension or lapse raises one review for the provider, and tells each link worker.",
    "assurance",
)
def one_review_for_a_provider_suspended(before: State, edge: Edge, after: State) -> str | None:
    for slot, (old, new) in enumerate(zip(before.assurances, after.assurances, strict=False)):
        if old.state != new.state and new.state in ("suspended", "lapsed"):
            if edge.raised.count(("quality", P, slot)) != 1:
                return "A provider was suspended or lapsed without one review being raised."
            if not any(whom == "link_workers" for whom, _ in edge.told):
                return "A provider was suspended or lapsed and no link worker was told."
            return HOLDS
    return None


@invariant(
    "I05",
    "After a no, a provider is shown nothing but the reference.",
    "one referral",
    "two providers",
    on="state",
)
def nothing_shown_after_a_no(s: State, out: Out) -> str | None:
    asked = None
    for r in s.referrals:
        if r.sent and said_no(s, r) and not ground(s, r) and r.state != "in_error":
            asked = HOLDS
            if provider_sees(s, r) - disclosure.REFERENCE - disclosure.HELD_TOO:
                return "A provider is shown more than the reference after a no."
    return asked


@invariant(
    "I06",
    "After a no, no referral stays with the provider without another ground.",
    "one referral",
    "two providers",
    "override",
    on="state",
)
def nobody_stays_after_a_no(s: State, out: Out) -> str | None:
    asked = None
    for r in s.referrals:
        if said_no(s, r) and not ground(s, r):
            asked = HOLDS
            # An override whose time is over recalls them at the next sweep.
            kept = world.overrides_kept(s, r.person, r.provider)
            if r.state in WITH_PROVIDER and not kept:
                return "The person said no, and the referral is still with the provider."
    return asked


@invariant(
    "I06",
    "A no ends the agreement it takes back, whichever record it was said to.",
    "one referral",
    "renewals",
    moves=((C, "withdraw"), (C, "refuse")),
)
def a_no_leaves_nothing_in_force(before: State, edge: Edge, after: State) -> str | None:
    c = before.consents[edge.slot]
    if world.consent_now(after, c.person, c.recipient, c.purpose):
        return "The person said no, and an agreement to the same is still in force."
    same = (c.person, c.recipient, c.purpose)
    waiting = [x for x in after.consents if x.state == "asked"]
    if any((x.person, x.recipient, x.purpose) == same for x in waiting):
        return "The person said no, and is still asked the same."
    return HOLDS


@invariant(
    "I06",
    "Once a date has passed, only the care card is shown, and a clock asks the person again.",
    "one referral",
    on="state",
)
def after_its_date_only_the_care_card(s: State, out: Out) -> str | None:
    asked = None
    for r in s.referrals:
        if r.state not in WITH_PROVIDER or ground(s, r):
            continue
        if world.newest_answer(s, r.person, r.provider) not in ("given", "expired"):
            continue
        asked = HOLDS
        most = disclosure.CARE_CARD if r.state in TAKING_PART else disclosure.DATES
        if provider_sees(s, r) - most - disclosure.HELD_TOO:
            return "A provider is shown more than the care card after the agreement ran out."
        mine = [x for x in s.consents if (x.person, x.recipient) == (r.person, r.provider)]
        if not any(x.owner and x.state in ("given", "expired", "asked") for x in mine):
            return "An agreement ran out and no clock asks the person again."
    return asked


@invariant(
    "5.2",
    "A no to sharing with one provider leaves the person with another.",
    "two providers",
    moves=((C, "withdraw"), (C, "refuse")),
)
def a_no_is_to_one_provider(before: State, edge: Edge, after: State) -> str | None:
    recipient = before.consents[edge.slot].recipient
    for _, old, new in changed(before, after):
        if old.provider != recipient and old.state != new.state:
            return "A no to one provider took the person away from another."
    return HOLDS


@invariant(
    "I07",
    "What happens to a referral, a consent or a provider changes no concern.",
    "concern",
    "two concerns",
    "named as a source of harm",
    "death",
)
def a_concern_is_never_touched_from_outside(before: State, edge: Edge, after: State) -> str | None:
    if edge.noun is S or not before.concerns:
        return None
    return (
        HOLDS if before.concerns == after.concerns else "Another record's move changed a concern."
    )


@invariant(
    "I08",
    "Nothing is confirmed or closed as unmet while a hold reaches it.",
    "concern",
    moves=((R, "confirm"), (R, "close_unmet")),
)
def nothing_closes_under_a_hold(before: State, edge: Edge, after: State) -> str | None:
    if world.held(before, before.referrals[edge.slot]):
        return "A referral was closed while held."
    return HOLDS


@invariant(
    "5.1",
    "A referral is sent only when it says who the person is and what keeps people safe, to an "
    "activity that takes people.",
    "ready to send",
)
def sent_only_when_ready(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for _, trigger, _, _ in made(before, edge, after):
        if trigger == "send":
            asked = HOLDS
            lacking = before.lacking & {"identity", "risks", "activity"}
            if lacking:
                return f"A referral was sent though it lacks {', '.join(sorted(lacking))}."
    return asked


@invariant(
    "5.2",
    "Of one person, purpose and recipient, one agreement at most is in force, one question waits.",
    "renewals",
    "one referral",
    on="state",
)
def one_answer_in_force(s: State, out: Out) -> str | None:
    live = [
        (c.person, c.recipient, c.purpose, c.state)
        for c in s.consents
        if c.state in ("given", "asked")
    ]
    if not live:
        return None
    return HOLDS if len(live) == len(set(live)) else "Two records of one agreement are in force."


@invariant(
    "5.6",
    "A provider is assured only on complete evidence.",
    "assurance",
    moves=((P, "assure"),),
)
def assured_on_evidence(before: State, edge: Edge, after: State) -> str | None:
    if before.assurances[edge.slot].evidence != "complete":
        return "A provider was assured though its evidence isn't complete."
    return HOLDS


@invariant(
    "5.7",
    "An agreement is in force only when each party has signed, once.",
    "agreement",
    moves=((G, "sign"),),
)
def each_party_signs_once(before: State, edge: Edge, after: State) -> str | None:
    old, new = before.agreements[edge.slot], after.agreements[edge.slot]
    if CAST[edge.who].organisation_id not in old.unsigned:
        return "Somebody signed for a party that had signed, or isn't one."
    if CAST[edge.who].organisation_id in new.unsigned:
        return "A party signed and its signature is missing."
    if new.state == "in_force" and new.unsigned:
        return "An agreement is in force and a party hasn't signed."
    if new.state != "in_force" and not new.unsigned:
        return "Everybody has signed and the agreement isn't in force."
    return HOLDS


@invariant(
    "5.7",
    "A new version takes the place of the one in force.",
    "agreement",
    moves=((G, "sign"),),
)
def one_version_in_force(before: State, edge: Edge, after: State) -> str | None:
    new = after.agreements[edge.slot]
    if new.state != "in_force" or new.replaces < 0:
        return None
    if after.agreements[new.replaces].state == "in_force":
        return "A new version is signed and the old one is in force beside it."
    return HOLDS


@invariant(
    "5.5",
    "Nobody reviews a matter they are part of.",
    "reviewers",
    "escalation",
    moves=((E, "acknowledge"), (E, "ask"), (E, "decide")),
)
def nobody_reviews_their_own_matter(before: State, edge: Edge, after: State) -> str | None:
    e, actor = before.escalations[edge.slot], CAST[edge.who]
    concerned = {e.raised_by, e.raiser.removeprefix("member@")}
    if e.about is not None and e.about[0] == R:
        r = before.referrals[e.about[1]]
        concerned |= {r.worker, r.provider}
    if concerned & {actor.membership_id, actor.organisation_id}:
        return f"{edge.who} made {edge.trigger} in a matter of their own."
    return HOLDS


@invariant(
    "5.5",
    "A decision can be disagreed with for twenty working days, and no longer.",
    "escalation",
    moves=((E, "reopen"),),
)
def reopened_in_time(before: State, edge: Edge, after: State) -> str | None:
    late = before.escalations[edge.slot].closed != "just now"
    return "A matter was reopened after its time." if late else HOLDS


# -- concerns -------------------------------------------------------------------------------------


@invariant(
    "I09",
    "An open concern has a running clock and an owner who may act and isn't named in it.",
    "ladder",
    "concern",
    "named later",
    on="state",
    only=True,
)
def a_concern_has_an_owner_who_may_act(s: State, out: Out) -> str | None:
    asked = None
    for slot, c in enumerate(s.concerns):
        if not world.is_open(c):
            continue
        asked = HOLDS
        if not c.owner or TABLES[S].states[c.state].clock is None:  # type: ignore[index]
            return "An open concern has no clock."
        if c.owner != c.holder:
            return "A concern's clock belongs to somebody who doesn't hold it."
        answer = [
            a
            for a in world.answering(s, c.holder)
            if not world.is_named(CAST[a], world.implicated(c))
        ]
        acts = {edge.who for edge, _ in out if edge.noun is S and edge.slot == slot}
        if c.holder.startswith("outside@"):
            ladder = [
                a
                for a in CAST.values()
                if a.role in (Role.SAFEGUARDING_LEAD, Role.ACCOUNTABLE_OFFICER)
            ]
            if not all(world.is_named(a, c.sources) for a in ladder):
                return "A concern lies with the outside contact though somebody isn't barred."
        elif not acts & set(answer):
            return "Nobody who holds the concern may act on it."
    return asked


@invariant(
    "I10",
    "Raising a concern is never refused, and what protects is open to its holder without consent.",
    "concern",
    on="state",
    only=True,
)
def safety_never_waits_for_consent(s: State, out: Out) -> str | None:
    asked = None
    for slot, c in enumerate(s.concerns):
        if not world.is_open(c) or any(ground(s, r) for r in s.referrals):
            continue
        asked = HOLDS
        triggers = {
            edge.trigger
            for edge, _ in out
            if edge.noun is S and edge.slot == slot and c.holder in CAST_KEYS.get(edge.who, ())
        }
        needed = {"hold", "told_authority"}
        needed |= {"report_to_authority"} if c.state != "reported" else {"authority_decides"}
        if not needed <= triggers:
            return f"Without consent the holder can't {', '.join(sorted(needed - triggers))}."
    return asked


CAST_KEYS = {name: actor.keys for name, actor in CAST.items()}


@invariant(
    "I10", "Anyone on staff, and the person, may raise a concern.", "concern", on="slice", only=True
)
def raising_is_never_refused(x: Exploration) -> Iterator[tuple[str, int]]:
    for name, actor in CAST.items():
        if actor.role is Role.SYSTEM or name == "ben":
            continue
        given = {"seen": "words", "danger": False, "person_id": "margaret", "sources": []}
        f = world.new_concern_facts(actor, 0, given)
        try:
            decide(S, f, "raise", actor, AT, given)
        except Refused as refused:
            yield f"{name} can't raise a concern: {refused.codes}", 0


@invariant(
    "I45",
    "A concern in danger, or naming somebody, holds; an unread one keeps its hold; one release "
    "leaves the other holds.",
    "concern",
    "two concerns",
    "ladder",
    moves=((S, "*"),),
)
def holds_of_concerns(before: State, edge: Edge, after: State) -> str | None:
    if edge.noun is not S:
        return None
    new = after.concerns[edge.slot]
    if before.holds != after.holds:
        return "A concern's move changed an ordinary hold."
    for slot, (a, b) in enumerate(zip(before.concerns, after.concerns, strict=False)):
        if slot != edge.slot and a.hold != b.hold:
            return "Lifting one hold lifted another."
    if edge.slot >= len(before.concerns):
        if not new.hold and (new.danger or new.sources):
            return "A concern with danger, or with somebody named, holds nothing."
        return HOLDS
    old = before.concerns[edge.slot]
    if old.state == "raised" and new.state == "raised" and old.hold:
        if new.hold not in ("all", old.hold):
            return "An unread concern lost some of the hold it was raised with."
        return HOLDS
    return None


@invariant(
    "5.4",
    "A hold is there when its holder places it, and gone when they lift it, or close.",
    "concern",
    moves=((S, "hold"), (S, "release"), (S, "close"), (S, "acknowledge"), (S, "reopen")),
)
def holds_do_as_they_are_told(before: State, edge: Edge, after: State) -> str | None:
    hold = after.concerns[edge.slot].hold
    placed = edge.trigger == "hold" or (edge.trigger == "reopen" and not edge.said)
    lifted = edge.trigger in ("release", "close") or edge.said == "the hold ends"
    if placed and not hold:
        return f"{edge.trigger} placed no hold."
    if lifted and hold:
        return f"{edge.trigger} left the hold on."
    return HOLDS


def two_people_answer(q: world.Rights, edge: Edge, before: State) -> str | None:
    """Of a request about one's own data: refusing, and erasing, take a second person who answers
    for the place and isn't named in a concern."""
    if edge.trigger not in ("refuse", "erase"):
        return None
    if not edge.second or edge.second == edge.who:
        return f"{edge.who} alone made {edge.trigger} of a request for {q.kind}."
    if CAST[edge.second].role not in SECONDS:
        return f"{edge.second} was the second person of {edge.trigger}."
    if world.is_named(CAST[edge.second], world.named_about_person(before, q.person)):
        return f"{edge.second}, named as a source of harm, was the second person."
    return HOLDS


@invariant(
    "5.8",
    "The time to answer a request is made longer once, and within the first month.",
    "rights",
    moves=((Q, "extend"),),
)
def longer_once_and_in_time(before: State, edge: Edge, after: State) -> str | None:
    q = before.requests[edge.slot]
    if q.extended:
        return "The time was made longer twice."
    if q.month_over:
        return "The time was made longer after the first month."
    return HOLDS


@invariant(
    "5.8",
    "Nothing is erased while something open keeps it, or while its class is kept.",
    "rights",
    moves=((Q, "erase"), (Q, "fulfil")),
)
def nothing_kept_is_erased(before: State, edge: Edge, after: State) -> str | None:
    q = before.requests[edge.slot]
    if (q.kind == RightsKind.ERASURE) != (edge.trigger == "erase"):
        return f"A request for {q.kind} ended by {edge.trigger}."
    if edge.trigger != "erase":
        return HOLDS
    if world.keeps_open(before, q.person, edge.slot):
        return "Somebody was erased of whom something is open."
    if q.kept_for_long:
        return "Somebody was erased who is kept longer, on a ground that waits for it."
    return HOLDS


@invariant(
    "5.8",
    "Nothing is taken up again for somebody who was erased, and nothing more is written down.",
    "rights",
    "erased",
    moves=((R, "reopen"), (R, "call"), (S, "reopen"), (E, "reopen")),
)
def nothing_new_after_erasing(before: State, edge: Edge, after: State) -> str | None:
    person = records(before, edge.noun)[edge.slot].person if edge.noun is not None else None
    if person is not None and world.erased(before, person):
        return f"A {edge.noun} of somebody who was erased went on."
    return HOLDS


@invariant(
    "5.8",
    "Whatever else somebody asked about their data is answered before they are erased.",
    "erased",
    moves=((Q, "erase"),),
)
def nothing_asked_is_erased(before: State, edge: Edge, after: State) -> str | None:
    if world.others_open(before, before.requests[edge.slot].person, edge.slot):
        return "Somebody was erased who still waits for the answer to something else."
    return HOLDS


@invariant(
    "5.8",
    "Nobody named as a source of harm acts on a request of the person.",
    "rights",
    moves=((Q, "*"),),
)
def the_named_act_on_no_request(before: State, edge: Edge, after: State) -> str | None:
    if not human(edge) or CAST[edge.who].role is Role.PERSON:
        return None
    named = world.named_about_person(before, after.requests[edge.slot].person)
    if world.is_named(CAST[edge.who], named):
        return f"{edge.who}, named as a source of harm, made {edge.trigger} of a request."
    return HOLDS


@invariant(
    "5.3",
    "One override of a person for a provider is in force, the newest.",
    "overrides",
    moves=((O, "approve"),),
)
def one_override_in_force(before: State, edge: Edge, after: State) -> str | None:
    o = after.overrides[edge.slot]
    if world.overrides_kept(after, o.person, o.recipient, but=edge.slot):
        return "Two overrides for one provider are in force."
    return HOLDS


# -- clocks and alarms ----------------------------------------------------------------------------


def _needed(before: State, noun: Noun, slot: int) -> bool:
    """Whether somebody still waits for what a clock of this record counts to."""
    known = world.facts_of(before, noun, slot, CAST["system"])._asdict()
    return bool(known.get("needed", False))


@invariant(
    "I11",
    "At each mark of a clock something comes of it, and there is always a next mark.",
    "one referral",
    "alarms",
    "ladder",
    "escalation",
    "assurance",
    "agreement",
)
def a_mark_does_something(before: State, edge: Edge, after: State) -> str | None:
    if edge.who != "clock" or edge.noun is None:
        return None
    if edge.fired or edge.raised or edge.told or edge.said == "raised already":
        return HOLDS
    needed = _needed(before, edge.noun, edge.slot)
    if edge.said == "starts again" and not needed:
        return HOLDS  # nobody needs it: the clock looks again
    if edge.trigger == "mark of consent.given" and (before.died or not needed):
        return HOLDS  # nobody is reminded to ask somebody who has died, or for what has ended
    return f"A {edge.trigger} passed in silence."


@invariant(
    "I11",
    "What lapses is raised.",
    "one referral",
)
def a_lapse_is_raised(before: State, edge: Edge, after: State) -> str | None:
    lapsed = [slot for noun, slot, trigger in edge.fired if noun is R and trigger == "lapse"]
    if not lapsed:
        return None
    for slot in lapsed:
        if not any(noun is R and at == slot for _, noun, at in edge.raised):
            return "A referral lapsed and nobody above was told."
    return HOLDS


@invariant(
    "I12",
    "An escalation's level never falls nor passes its ceiling; acknowledging names a person.",
    "escalation",
    "alarms",
)
def levels_only_rise(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for slot, (old, new) in enumerate(zip(before.escalations, after.escalations, strict=False)):
        if old is new or old.closed == "long ago":
            continue  # its place may have been taken by a new one
        if old.kind != new.kind or old.about != new.about:
            continue
        asked = HOLDS
        if new.level < old.level:
            return "An escalation fell to a lower level."
        climbed = edge.noun is E and edge.trigger == "climb" and edge.slot == slot
        if climbed and new.level == old.level:
            return "An escalation climbed where there is nothing above it."
        if new.level > new.ceiling:
            return "An escalation passed its ceiling."
        mine = edge.noun is E and edge.slot == slot and edge.trigger == "acknowledge"
        if mine and new.reviewer != CAST[edge.who].membership_id:
            return "An escalation was acknowledged by nobody in particular."
        if new.state == "raised" and new.reviewer:
            return "An escalation at a new level still names the reviewer of the old."
    return asked


@invariant(
    "I13",
    "The system never has two alarms open about one record from one clock.",
    "alarms",
    on="state",
    only=True,
)
def one_alarm_at_a_time(s: State, out: Out) -> str | None:
    live = [(e.about, e.clock) for e in s.escalations if e.clock and e.clock_runs and not e.closed]
    if not live:
        return None
    return HOLDS if len(set(live)) == len(live) else "Two alarms are open from one clock."


# -- ends -----------------------------------------------------------------------------------------


@invariant(
    "I20",
    "Ends have no way out but reopen, with a reason and by an allowed role, and mark_in_error.",
    "one referral",
    "every role",
)
def ends_are_ends(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for _, old, new in changed(before, after):
        if old.state not in REFERRAL_ENDS:
            continue
        asked = HOLDS
        if edge.trigger == "mark_in_error" and new.state == "in_error":
            continue
        if edge.trigger != "reopen" or old.state not in ("closed", "withdrawn"):
            return f"A referral left {old.state} by {edge.trigger}."
        if role(edge) not in (Role.LINK_WORKER, Role.TEAM_LEAD, Role.GOVERNANCE_LEAD):
            return f"{edge.who} reopened a referral."
        if not edge.reason:
            return "A referral was reopened without a reason."
        if old.person in before.died:
            return "A referral of somebody who has died was reopened."
    return asked


@invariant(
    "I20",
    "Nothing is taken up again for somebody who has died.",
    "death",
    moves=((R, "reopen"), (R, "send"), (R, "redirect")),
)
def nothing_new_after_a_death(before: State, edge: Edge, after: State) -> str | None:
    r = before.referrals[edge.slot]
    if r.person not in before.died or edge.trigger != "reopen":
        return None if r.person not in before.died else HOLDS
    return "A referral of somebody who has died was taken up again."


@invariant(
    "I30",
    "A record opened in an emergency closes by itself, and then somebody else reviews it.",
    "emergency",
    only=True,
)
def what_was_opened_closes_and_is_reviewed(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for slot, new in enumerate(after.emergencies):
        old = before.emergencies[slot] if slot < len(before.emergencies) else None
        if old is not None and old.state == new.state:
            if edge.trigger == "mark of emergency.opened" and edge.slot == slot:
                return "Its time was over, and it stayed open."
            continue
        asked = HOLDS
        came_from = {"opened": (None, "reviewed"), "under_review": ("opened",),
                     "reviewed": ("under_review",)}[new.state]  # fmt: skip
        if (old.state if old else None) not in came_from:
            return f"Emergency access that was {old.state if old else 'not there'} is {new.state}."
        if new.state == "opened" and world.over_the_team(CAST[edge.who]):
            return f"{edge.who} opened in an emergency what they see anyway."
        if new.state != "reviewed":
            continue
        if CAST[edge.who].user_id == CAST[new.opener].user_id:
            return f"{edge.who} reviewed what they opened."
        if world.is_named(CAST[edge.who], named_about(before, new.person, "")):
            return f"{edge.who}, named as a source of harm, reviewed it."
        if edge.said == "not right" and not edge.raised:
            return "It wasn't right, and nobody hears of it."
    return asked


@invariant(
    "I30", "A member has one record open in an emergency.", "emergency", on="state", only=True
)
def one_record_is_open(s: State, out: Out) -> str | None:
    opened = [y.opener for y in s.emergencies if y.state == "opened"]
    if len(set(opened)) < len(opened):
        return "Somebody has two records open in an emergency."
    return HOLDS if opened else None


@invariant(
    "I30",
    "Opening a record tells a second person at once, and its end tells who reviews it.",
    "emergency",
    moves=((Y, "open"), (Y, "close"), (Y, "end"), (Y, "review")),
)
def a_second_person_is_told_at_once(before: State, edge: Edge, after: State) -> str | None:
    told = {what for _, what in edge.told}
    wanted = {"open": "emergency_opened", "review": "emergency_reviewed"}
    if wanted.get(edge.trigger, "emergency_to_review") not in told:
        return f"Nobody was told of {edge.trigger}."
    return HOLDS


@invariant(
    "I33",
    "No clock, expiry or sweep ends a referral: only a person does, or their no, or death.",
    "one referral",
    "assurance",
    "alarms",
)
def only_people_end_a_referral(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for _, old, new in changed(before, after):
        if new.state not in REFERRAL_ENDS or old.state in REFERRAL_ENDS:
            continue
        asked = HOLDS
        if edge.noun is R and role(edge) is Role.PROVIDER_LEADER:
            return f"A provider ended a referral by {edge.trigger}."
        if human(edge) and (
            edge.noun is R or (edge.noun is C and edge.trigger in ("withdraw", "refuse"))
        ):
            continue
        if edge.who == "life" and old.person in after.died:
            continue
        return f"A referral ended in {new.state} without anybody deciding it."
    return asked


@invariant(
    "I34",
    "Sending, answering, a waiting list, a place, a start or a reopening rest on a ground at that "
    "moment, also between the date and the sweep.",
    "one referral",
    "two providers",
)
def a_ground_at_that_moment(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for _, trigger, _, new in made(before, edge, after):
        to_active = trigger == "reopen" and new.state == "active"
        if trigger in NEEDS_GROUND or to_active:
            asked = HOLDS
            if not ground(before, new):
                return f"{trigger} was made without a ground."
    return asked


NOT_UNDER_A_HOLD = ("send", "accept", "start", "resume", "contact", "try_contact")


@invariant(
    "I35",
    "Nothing is sent, accepted, started, resumed or reopened under a hold, nor contact made.",
    "concern",
    "full hold",
    "two concerns",
)
def nothing_new_under_a_hold(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for _, trigger, _, new in made(before, edge, after):
        to_active = trigger == "reopen" and new.state == "active"
        if trigger in NOT_UNDER_A_HOLD or to_active:
            asked = HOLDS
            if world.held(before, new):
                return f"{trigger} was made under a hold."
    return asked


@invariant(
    "I36",
    "Sending, accepting and reopening need an agreement in force.",
    "agreement",
)
def an_agreement_in_force(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for _, trigger, _, new in made(before, edge, after):
        if trigger in ("send", "accept") or (trigger == "reopen" and new.state == "active"):
            asked = HOLDS
            if not world.agreement_now(before, new.provider):
                return f"{trigger} was made without an agreement in force."
    return asked


@invariant(
    "I36",
    "The end of an agreement raises one review for the pair, and is chased while anyone is there.",
    "agreement",
)
def the_end_of_an_agreement_is_raised(before: State, edge: Edge, after: State) -> str | None:
    for slot, (old, new) in enumerate(zip(before.agreements, after.agreements, strict=False)):
        if old.state == "in_force" and new.state in ("expired", "ended"):
            replaced = (G, slot, "replace") in edge.fired
            if not replaced and edge.raised.count(("information_sharing", G, slot)) != 1:
                return "An agreement ended and no review was raised."
            if not new.owner:
                return "An agreement ended and nobody is chased."
            return HOLDS
    return None


@invariant(
    "I37",
    "Nobody is sent to, accepted at or reopened to a provider that isn't assured.",
    "assurance",
)
def only_to_the_assured(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for _, trigger, _, new in made(before, edge, after):
        if trigger in ("send", "accept") or (trigger == "reopen" and new.state == "active"):
            asked = HOLDS
            if not assured(before, new.provider):
                return f"{trigger} was made to a provider that isn't assured."
    return asked


@invariant(
    "I38",
    "Nobody is with a provider that has left or was refused.",
    "assurance",
    on="state",
)
def nobody_is_with_a_provider_that_left(s: State, out: Out) -> str | None:
    asked = None
    for a in s.assurances:
        if a.state in ("left", "refused"):
            asked = HOLDS
            if world.with_provider(s, a.provider):
                return f"Somebody is with a provider that was {a.state}."
    return asked


@invariant(
    "I39",
    "A named source of harm makes no move on a referral or consent of the person; a provider only "
    "those that give the person back, or say who came.",
    "named as a source of harm",
)
def a_named_source_does_nothing(before: State, edge: Edge, after: State) -> str | None:
    if edge.noun not in (R, C) or not human(edge) or not before.concerns:
        return None
    shelf = records(before, edge.noun)
    if edge.noun is R:
        r = (shelf if edge.slot < len(shelf) else after.referrals)[edge.slot]
        named = named_for(before, r)
    else:
        c = (shelf if edge.slot < len(shelf) else after.consents)[edge.slot]
        named = world.named_about_person(before, c.person)
    actor = CAST[edge.who]
    if not named:
        return None
    if actor.role is Role.PERSON or not world.is_named(actor, named):
        return HOLDS
    if actor.role is Role.PROVIDER_LEADER and edge.trigger in ("decline", "give_back", "update"):
        return HOLDS
    return f"{edge.who}, named as a source of harm, made {edge.trigger}."


@invariant(
    "I39",
    "Nobody named as a source of harm acts on the concern, nor reviews anything about the person.",
    "ladder",
    "named as a source of harm",
    "named later",
    "reviewers",
    moves=((S, "*"), (E, "*")),
)
def a_named_source_sees_no_concern(before: State, edge: Edge, after: State) -> str | None:
    if not human(edge) or edge.noun not in (S, E):
        return None
    shelf = records(before, edge.noun)
    if edge.slot >= len(shelf):
        return None
    if edge.noun is S:
        named = shelf[edge.slot].sources
    else:
        person = shelf[edge.slot].person
        named = world.named_about_person(before, person) if person else frozenset()
    if not named:
        return None
    if world.is_named(CAST[edge.who], named):
        return f"{edge.who}, named as a source of harm, made {edge.noun} {edge.trigger}."
    return HOLDS


@invariant(
    "I39",
    "Who is named later stands named from then, and something holds; who is taken out was named, "
    "and nobody else is taken out.",
    "named later",
    moves=((S, "name_source"), (S, "strike_source")),
)
def named_from_that_moment(before: State, edge: Edge, after: State) -> str | None:
    if edge.noun is not S or edge.trigger not in ("name_source", "strike_source"):
        return None
    old, new = before.concerns[edge.slot], after.concerns[edge.slot]
    whom = edge.said.rpartition(" ")[2]
    if edge.trigger == "strike_source":
        if not old.sources:
            return "Somebody was taken out of a concern that names nobody."
        return HOLDS if new.sources == old.sources - {whom} else f"{whom} is named still."
    if whom not in NAMED_LATER:  # somebody without an account: the hold stays as it was decided
        return None
    if whom not in new.sources:
        return f"{whom} was named, and isn't."
    return HOLDS if new.hold else f"{whom} was named, and nothing holds."


@invariant(
    "I40",
    "completed leads to closed, in_error or active only; what is back with the link worker is "
    "ended by a person only, with a reason.",
    "one referral",
    "two referrals",
)
def what_is_back_is_ended_by_a_person(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for _, old, new in changed(before, after):
        if old.state == new.state:
            continue
        if old.state == "completed":
            asked = HOLDS
            if new.state not in ("closed", "in_error", "active"):
                return f"A completed referral went to {new.state}."
        elif new.state in REFERRAL_ENDS and (
            old.state == "returned" or (old.state == "draft" and old.redirected)
        ):
            asked = HOLDS
            if edge.who == "life" and old.person in after.died:
                continue
            if edge.noun is not R or not human(edge):
                return f"A referral that was back went to {new.state} by itself."
            if not edge.reason and role(edge) is not Role.PERSON and edge.trigger != "redirect":
                return f"A referral that was back went to {new.state} without a reason."
            if old.redirected and old.state == "draft" and new.state == "in_error":
                return "A draft left by referring on was thrown away."
    return asked


# -- what must stay open --------------------------------------------------------------------------


@invariant(
    "I41",
    "The person can withdraw in every open state but completed.",
    "one referral",
    "named as a source of harm",
    "full hold",
    "every role",
    on="state",
    only=True,
)
def the_person_can_always_stop(s: State, out: Out) -> str | None:
    asked = None
    for slot, r in enumerate(s.referrals):
        if r.state in REFERRAL_ENDS or r.state == "completed" or r.person != "margaret":
            continue
        asked = HOLDS
        if r.person not in can(out, R, slot, "withdraw"):
            return f"The person can't stop a referral that is {r.state}."
    return asked


@invariant(
    "I41",
    "The person can take back any agreement, run out or not.",
    "one referral",
    "renewals",
    on="state",
    only=True,
)
def the_person_can_always_take_it_back(s: State, out: Out) -> str | None:
    asked = None
    for slot, c in enumerate(s.consents):
        if c.state in ("given", "expired") and c.person == "margaret":
            asked = HOLDS
            if c.person not in can(out, C, slot, "withdraw"):
                return f"The person can't take back an agreement that is {c.state}."
    return asked


@invariant(
    "I42",
    "The provider can decline or give back in every state with it, under a full hold too.",
    "one referral",
    "named as a source of harm",
    "full hold",
    "every role",
    on="state",
    only=True,
)
def the_provider_can_always_give_back(s: State, out: Out) -> str | None:
    asked = None
    for slot, r in enumerate(s.referrals):
        if r.state in WITH_PROVIDER:
            asked = HOLDS
            if not set(leaders(r.provider)) & set(can(out, R, slot, "decline", "give_back")):
                return f"The provider can't give back a referral that is {r.state}."
    return asked


@invariant(
    "I43",
    "Somebody on the link worker's side can take the person back in every state with the provider.",
    "one referral",
    "named as a source of harm",
    "full hold",
    "every role",
    on="state",
    only=True,
)
def our_side_can_always_take_back(s: State, out: Out) -> str | None:
    asked = None
    ours = (Role.LINK_WORKER, Role.TEAM_LEAD, Role.GOVERNANCE_LEAD)
    for slot, r in enumerate(s.referrals):
        if r.state in WITH_PROVIDER:
            asked = HOLDS
            if not any(CAST[who].role in ours for who in can(out, R, slot, "recall")):
                return f"Nobody on the link worker's side can take back what is {r.state}."
    return asked


@invariant(
    "I44",
    "No clock runs out while a hold forbids its owner the move that meets it.",
    "concern",
    "full hold",
)
def no_clock_runs_out_under_a_hold(before: State, edge: Edge, after: State) -> str | None:
    if edge.who != "clock" or edge.noun is not R or edge.trigger == f"mark of {LONG}":
        return None
    r = before.referrals[edge.slot]
    if not world.held(before, r):
        return None
    for who in world.answering(before, r.owner):
        f = world.facts_of(before, R, edge.slot, CAST[who])
        if f.closed_to_actor:
            continue  # whom a full hold closes it to keeps what gives the person back
        for option in options(R, f, CAST[who], AT):
            if [x.code for x in option.refusals] == ["not_held"]:
                return f"The clock of {r.state} ran out while a hold forbids {option.trigger}."
    return HOLDS


@invariant(
    "I46",
    "closed is reached only from completed or returned, by link worker, team or governance lead.",
    "one referral",
    "every role",
)
def closed_by_our_side(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for _, old, new in changed(before, after):
        if new.state == "closed" and old.state != "closed":
            asked = HOLDS
            ours = (Role.LINK_WORKER, Role.TEAM_LEAD, Role.GOVERNANCE_LEAD)
            if old.state not in ("completed", "returned") or role(edge) not in ours:
                return f"{edge.who} closed a referral that was {old.state}."
            if role(edge) is Role.LINK_WORKER and edge.who != old.worker:
                return f"{edge.who}, who isn't named on it, closed a referral."
            if (
                role(edge) is Role.TEAM_LEAD
                and old.state == "returned"
                and not stands_in(before, old)
            ):
                return "A team lead who doesn't stand in closed a referral as unmet."
    return asked


def stands_in(s: State, r: Referral) -> bool:
    return (
        r.worker in s.away
        or r.worker in world.named_about_person(s, r.person)
        or "link_worker" in world.closed_sides(s, r.person)
    )


@invariant("I47", "Only a link worker sends, or the lead who stands in.", "every role", "full hold")
def only_a_link_worker_sends(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for _, trigger, old, new in made(before, edge, after):
        if trigger == "send":
            asked = HOLDS
            named = old or new
            if role(edge) is Role.TEAM_LEAD and stands_in(before, named):
                continue
            if role(edge) is not Role.LINK_WORKER or edge.who != named.worker:
                return f"{edge.who} sent a referral."
    return asked


@invariant(
    "I48",
    "The two people of a two-person move differ, and neither is implicated; what was ever sent "
    "goes to in_error only by two.",
    "every role",
    "named as a source of harm",
    "two people",
    "override",
    "rights",
)
def two_people_are_two(before: State, edge: Edge, after: State) -> str | None:
    if edge.noun is Q:
        return two_people_answer(after.requests[edge.slot], edge, before)
    if edge.noun is O and edge.trigger in ("approve", "refuse", "review"):
        o = before.overrides[edge.slot]
        human_being = CAST[edge.who].user_id
        if human_being in (o.proposer, o.decided_by):
            return f"{edge.who} alone made {edge.trigger} of their own override."
        if world.is_named(CAST[edge.who], named_about(before, o.person, o.recipient)):
            return f"{edge.who}, named as a source of harm, made {edge.trigger} of an override."
        return HOLDS
    if edge.noun is E and edge.trigger == "decide":
        e = before.escalations[edge.slot]
        if e.severity != "high" and edge.said != "overturned":
            return None
        if not edge.second or edge.second == edge.who:
            return "A matter that needs two reviewers was decided by one."
        return HOLDS
    if edge.noun is not R or edge.slot >= len(before.referrals):
        return None
    old, new = before.referrals[edge.slot], after.referrals[edge.slot]
    if new.state != "in_error" or not old.sent:
        return None
    if not edge.second or edge.second == edge.who:
        return "What was sent was marked in error by one person alone."
    second, named = CAST[edge.second], named_for(before, old)
    if world.is_named(second, named) or world.is_named(CAST[edge.who], named):
        return "One of the two who marked it in error is named as a source of harm."
    if second.role in (Role.PROVIDER_LEADER, Role.PERSON, Role.SYSTEM):
        return "The second of the two doesn't answer for the record."
    if not edge.reason:
        return "A referral was marked in error without a reason."
    return HOLDS


@invariant(
    "I49",
    "No escalation closes with a consequence that is neither done nor waived, or unheard.",
    "escalation",
)
def nothing_decided_is_left_undone(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for slot, (old, new) in enumerate(zip(before.escalations, after.escalations, strict=False)):
        if new.state == "closed" and old.state != "closed":
            asked = HOLDS
            if old.state != "decided" and (E, slot, "overtake") not in edge.fired:
                return f"An escalation closed that was {old.state}."
            if old.state == "decided" and (new.unsettled or old.unsettled):
                return "An escalation closed with something left undone."
            if old.state == "decided" and not old.told:
                return "An escalation closed and the raiser wasn't told."
        if old.state == "decided" and new.state not in ("decided", "closed"):
            return f"A decision was set aside by {edge.trigger}."
    return asked


@invariant(
    "I49",
    "What was decided is kept until it is settled.",
    "escalation",
    moves=((E, "decide"), (E, "settle")),
)
def what_was_decided_is_kept(before: State, edge: Edge, after: State) -> str | None:
    old, new = before.escalations[edge.slot], after.escalations[edge.slot]
    if edge.trigger == "decide" and "something to be done" in edge.said and not new.unsettled:
        return "Something was decided and nothing is to be done."
    if edge.trigger == "settle" and new.unsettled != old.unsettled - 1:
        return "Something was settled and is still to be done."
    return HOLDS


@invariant(
    "I11",
    "When an alarm closes, the clock that raised it starts again if what was late still is.",
    "alarms",
    moves=((E, "complete"),),
)
def the_clock_starts_again(before: State, edge: Edge, after: State) -> str | None:
    e = before.escalations[edge.slot]
    if not e.clock_runs or e.about is None:
        return None
    noun, slot = Noun(e.about[0]), e.about[1]
    record = records(after, noun)[slot]
    clock = TABLES[noun].clocks[e.clock]
    mark = record.long_mark if e.clock == LONG else record.mark
    return HOLDS if mark == len(clock.before) else "An alarm closed and its clock went on."


@invariant(
    "I50",
    "A consent can be renewed, and no referral leaves its state by it.",
    "renewals",
    moves=((C, "renew"), (C, "give")),
)
def renewing_moves_nobody(before: State, edge: Edge, after: State) -> str | None:
    if before.referrals != after.referrals:
        return "A renewal moved a referral."
    return HOLDS


@invariant("I50", "What is in force can be renewed.", "renewals", on="state", only=True)
def what_is_in_force_can_be_renewed(s: State, out: Out) -> str | None:
    asked = None
    for slot, c in enumerate(s.consents):
        if c.state == "given":
            asked = HOLDS
            if not list(can(out, C, slot, "renew")):
                return "An agreement in force can't be renewed."
    return asked


@invariant(
    "I51",
    "Every open record has a running clock, and an owner who may act on it.",
    "one referral",
    "concern",
    "named as a source of harm",
    "full hold",
    "escalation",
    "assurance",
    "agreement",
    "override",
    "overrides",
    "rights",
    "emergency",
    on="state",
    only=True,
)
def every_open_record_has_an_owner_and_a_clock(s: State, out: Out) -> str | None:
    acting = {(edge.noun, edge.slot, edge.who) for edge, _ in out if human(edge)}
    begun = {(edge.noun, edge.who) for edge, _ in out if edge.trigger in ("ask", "draft")}
    for noun in out.slice.answered:
        table = TABLES[noun]
        for slot, record in enumerate(records(s, noun)):
            if record.state in ENDS[noun]:
                continue
            if not record.owner or table.states[record.state].clock is None:
                return f"A {noun} that is {record.state} has no clock."
            if record.owner.startswith("outside@"):
                continue
            who = list(world.answering(s, record.owner))
            if any((noun, slot, one) in acting or (noun, one) in begun for one in who):
                continue
            everyone = noun is R and all(
                world.is_named(CAST[one], named_for(s, record)) for one in who
            )
            # Everyone who would answer is named: somebody above gives it to another.
            if everyone and any(CAST[one].role in ABOVE for one in can(out, R, slot, "reassign")):
                continue
            return f"Nobody who owns a {noun} that is {record.state} may act: {record.owner}."
    return HOLDS


@invariant(
    "I51",
    "Every clock of every table repeats after its last rung, and each open state has one.",
    "every role",
    on="slice",
    only=True,
)
def every_clock_repeats(x: Exploration) -> Iterator[tuple[str, int]]:
    for noun, table in TABLES.items():
        for state in table.states.values():
            ended = state.name in ENDS[noun]
            if ended != (state.acts is None):
                yield f"{noun} {state.name}: an open state needs an owner, an end has none", 0
            if not ended and state.clock is None:
                yield f"{noun} {state.name} has no clock", 0
        of_states = [state.clock for state in table.states.values() if state.clock]
        for clock in (*of_states, *table.clocks.values()):
            if clock.then is None or (clock.first is None and not clock.remind):
                yield f"{clock.kind} falls silent", 0


@invariant(
    "I52",
    "A move that follows another is never refused.",
    "one referral",
    "two referrals",
    "assurance",
    "agreement",
    "renewals",
    "death",
    "alarms",
)
def what_follows_is_never_refused(before: State, edge: Edge, after: State) -> str | None:
    if edge.refused:
        return f"What follows was refused: {'; '.join(edge.refused)}."
    return HOLDS if edge.fired else None


@invariant(
    "I53",
    "The not-started clock runs from the first send to a start or an end; nothing restarts it.",
    "one referral",
    "two referrals",
    "alarms",
)
def nothing_escapes_the_long_clock(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for _, old, new in changed(before, after):
        if new.state in (*BEFORE_A_PLACE, "accepted"):
            asked = HOLDS
            if not new.long:
                return f"Somebody is {new.state} and the not-started clock doesn't run."
        if old.long and not new.long:
            asked = HOLDS
            inherited = (
                any(r.long for r in after.referrals[len(before.referrals) :])
                and edge.trigger == "redirect"
            )
            if new.state not in REFERRAL_ENDS and edge.trigger != "start":
                return f"{edge.trigger} met the not-started clock."
            if edge.trigger == "redirect" and not inherited:
                return "Referring on lost the not-started clock."
        again = new.long and new.long_mark < old.long_mark
        # Closing the alarm it raised starts it again, and so may its own mark.
        if again and edge.who != "clock" and (edge.noun, edge.trigger) != (E, "complete"):
            return f"{edge.trigger} restarted the not-started clock."
    return asked


@invariant(
    "I54",
    "An alarm that the system raised ends only by being decided, or overtaken.",
    "alarms",
    "overtaken",
)
def alarms_are_decided_or_overtaken(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for slot, (old, new) in enumerate(zip(before.escalations, after.escalations, strict=False)):
        if old.raised_by is not None or old.raiser.startswith("person@"):
            continue
        if old.state in ENDS[E] or new.state not in ENDS[E]:
            continue
        asked = HOLDS
        overtaken = (E, slot, "overtake") in edge.fired
        if not overtaken and not (old.state == "decided" and edge.trigger == "complete"):
            return f"An alarm ended by {edge.trigger}."
        if overtaken and new.clock_runs and not about_is_over(after, old):
            return "An alarm was overtaken while what was late is still late."
    return asked


def about_is_over(s: State, e: world.Escalation) -> bool:
    if e.about is None:
        return False
    noun, slot = Noun(e.about[0]), e.about[1]
    return records(s, noun)[slot].state in ENDS[noun]


@invariant(
    "I56",
    "Whoever a full hold closes a record to is refused the same whatever its cause.",
    "full hold",
    on="state",
    only=True,
)
def a_full_hold_tells_nothing(s: State, out: Out) -> str | None:
    asked = None
    for closed, who in (("provider", "sol"), ("link_worker", "priya")):
        if not any(h.closed_to == closed for h in s.holds):
            continue
        asked = HOLDS
        concern = world.Concern("under_review", sources=frozenset({who}), hold="all", raiser="tess")
        other = s._replace(
            holds=tuple(h for h in s.holds if h.closed_to != closed), concerns=(concern,)
        )
        for slot in range(len(s.referrals)):
            one = refusals(s, slot, who)
            two = refusals(other, slot, who)
            if one != two:
                return f"{who} is refused otherwise when the cause is a concern."
    return asked


def refusals(s: State, slot: int, who: str) -> list[tuple[str, tuple[Any, ...]]]:
    actor = CAST[who]
    f = world.facts_of(s, R, slot, actor)
    if not TABLES[R].hats(f, actor):
        return []
    return [(o.trigger, o.refusals) for o in options(R, f, actor, AT)]


@invariant(
    "I58",
    "Paper puts nobody out: nobody taking part loses their place by the end of a consent, "
    "evidence, assurance or agreement.",
    "one referral",
    "assurance",
    "agreement",
    "renewals",
    "override",
)
def paper_puts_nobody_out(before: State, edge: Edge, after: State) -> str | None:
    if edge.noun is R and human(edge):
        return None
    decided = (edge.noun is C and edge.trigger in ("withdraw", "refuse")) or (
        edge.noun is P and edge.trigger in ("leave", "refuse")
    )
    if decided and human(edge):
        return None
    asked = None
    for slot, r in enumerate(before.referrals):
        if r.state in TAKING_PART and r.person not in after.died:
            asked = HOLDS
            if after.referrals[slot].state not in TAKING_PART:
                answer = world.newest_answer(before, r.person, r.provider)
                if (
                    edge.noun is O
                    and edge.trigger in ("end", ENDS_OVERRIDE, "approve")
                    and (answer not in ("given", "expired"))
                ):
                    continue  # without the override they wouldn't be there
                return f"Somebody taking part was put out: {after.referrals[slot].state}."
    return asked


@invariant(
    "I59",
    "Those taking part can go on: update, pause, resume and complete ask for no consent, evidence "
    "or agreement, and update, complete and mark_in_error for no hold.",
    "one referral",
    "assurance",
    "concern",
    on="state",
    only=True,
)
def those_taking_part_can_go_on(s: State, out: Out) -> str | None:
    asked = None
    for slot, r in enumerate(s.referrals):
        if r.state not in ("active", "paused"):
            continue
        asked = HOLDS
        free = [
            who
            for who in leaders(r.provider)
            if who in out.slice.actors
            and not world.is_named(CAST[who], named_for(s, r))
            and not any(h.closed_to == "provider" for h in s.holds)
        ]
        if not free:
            continue
        needed = ["complete"]
        needed += ["update", "pause"] if r.state == "active" else []
        needed += ["resume"] if r.state == "paused" and not world.held(s, r) else []
        for trigger in needed:
            if not set(free) & set(can(out, R, slot, trigger)):
                return f"Somebody taking part can't go on: {trigger} is refused."
        if not list(can(out, R, slot, "mark_in_error")):
            return "What was recorded in error can't be marked."
    return asked


@invariant(
    "I23",
    "Person and provider of a referral never change once sent; the link worker only by reassign.",
    "one referral",
    "two referrals",
)
def whose_it_is_stays(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for _, old, new in changed(before, after):
        asked = HOLDS
        if old.sent and (old.person, old.provider) != (new.person, new.provider):
            return "A referral that was sent is about somebody else now."
        if old.worker != new.worker and edge.trigger != "reassign":
            return f"{edge.trigger} changed the link worker."
        if old.sent and not new.sent:
            return "A referral forgot that it was sent."
    return asked


@invariant(
    "I24",
    "One open referral of a person to an activity; drafts excepted.",
    "two referrals",
    on="state",
)
def one_referral_to_one_activity(s: State, out: Out) -> str | None:
    if len(s.referrals) < 2:
        return None
    live = [(r.person, r.provider) for r in s.referrals if r.state in DUPLICATES]
    return HOLDS if len(live) == len(set(live)) else "Two referrals of one person to one activity."


@invariant("I25", "Places given never exceed the places there are.", "places", on="state")
def places_are_not_exceeded(s: State, out: Out) -> str | None:
    if "place" not in s.lacking:
        return None
    for provider in {r.provider for r in s.referrals}:
        taken = sum(r.state in TAKING_PART and r.provider == provider for r in s.referrals)
        if taken > world.CAPACITY:
            return "More people have a place than there are places."
    return HOLDS


# -- liveness -------------------------------------------------------------------------------------


@invariant(
    "I21",
    "In every open state somebody other than the one waited for can make progress.",
    "one referral",
    "concern",
    "named as a source of harm",
    "escalation",
    "assurance",
    "agreement",
    "every role",
    on="state",
    only=True,
)
def nobody_waits_for_one_alone(s: State, out: Out) -> str | None:
    asked = None
    for noun in out.slice.answered:
        for slot, record in enumerate(records(s, noun)):
            if record.state in ENDS[noun]:
                continue
            asked = HOLDS
            waited_for = set(world.answering(s, record.owner))
            others = {
                edge.who
                for edge, after in out
                if edge.noun is noun and (edge.slot == slot or edge.trigger in ("ask", "draft"))
            } - waited_for
            if not others:
                return f"A {noun} that is {record.state} waits for {record.owner} alone."
    return asked


@invariant(
    "I21",
    "From every open state a safe end can be reached by the system and one human role.",
    "one referral",
    "every role",
    "named as a source of harm",
    on="slice",
    only=True,
)
def a_safe_end_is_within_reach(x: Exploration) -> Iterator[tuple[str, int]]:
    ends = [
        i
        for i, s in enumerate(x.states)
        if all(
            r.state in REFERRAL_ENDS
            # What is finished waits for whoever holds it: when it closes is theirs to say (I08).
            or (r.state == "completed" and world.held(s, r))
            for r in s.referrals
        )
    ]
    yield from dead_ends(x, ends, "no safe end can be reached by the system and one human role")


def dead_ends(x: Exploration, ends: list[int], says: str) -> Iterator[tuple[str, int]]:
    """The first state from which no end is within reach of one human role and the system."""
    back: dict[str, dict[int, list[int]]] = {}
    for source, target, who in zip(x.sources, x.targets, x.movers, strict=True):
        name = str(CAST[who].role) if who in CAST else "system"
        back.setdefault(name, {}).setdefault(target, []).append(source)
    lost = set(range(len(x.states)))
    system = back.get("system", {})
    for name, reverse in back.items():
        if name == "system":
            continue
        found, todo = set(ends), list(ends)
        while todo:
            here = todo.pop()
            for source in (*reverse.get(here, ()), *system.get(here, ())):
                if source not in found:
                    found.add(source)
                    todo.append(source)
        lost -= found
        if not lost:
            return
    if lost:
        yield f"Dead end: {says} ({len(lost)} states)", min(lost)


# Which status may follow which, as the guide draws them; any may become entered-in-error.
DRAWN: dict[str, frozenset[str]] = {
    "": frozenset({"requested"}),
    "requested": frozenset({"requested", "accepted", "rejected", "cancelled"}),
    "accepted": frozenset(
        {"accepted", "in-progress", "on-hold", "cancelled", "completed", "failed"}
    ),
    "in-progress": frozenset({"in-progress", "on-hold", "completed", "failed", "cancelled"}),
    "on-hold": frozenset({"on-hold", "in-progress", "completed", "failed", "cancelled"}),
}
FOR_THE_PERFORMER = frozenset(
    {"accepted", "rejected", "in-progress", "on-hold", "failed", "completed"}
)
FOR_THE_REQUESTER = frozenset({"requested", "entered-in-error"})
ONLY_THE_PROVIDER = frozenset({"rejected", "failed", "completed"})


@invariant(
    "I55",
    "The Task statuses of each sending follow the guide's diagram, set by the party that may.",
    "one referral",
    "every role",
)
def a_task_follows_the_diagram(before: State, edge: Edge, after: State) -> str | None:
    asked = None
    for _, trigger, old, new in made(before, edge, after):
        was = ReferralState(old.state) if old else None
        becomes = ReferralState(new.state)
        written = task_status.writes(trigger, was, becomes)
        standing = str(task_status.STANDING[was][0]) if was in WITH_PROVIDER else ""
        last = "" if task_status.begins(trigger) else standing
        for write in written:
            asked = HOLDS
            status = str(write.status)
            if status != "entered-in-error" and status not in DRAWN.get(last, frozenset()):
                return f"{trigger}: a Task that was {last or 'not there'} became {status}."
            if status in FOR_THE_PERFORMER and write.by != "performer":
                return f"{trigger}: {status} was set in the name of the {write.by}."
            if status in FOR_THE_REQUESTER and write.by != "requester":
                return f"{trigger}: {status} was set in the name of the {write.by}."
            if status in ONLY_THE_PROVIDER and role(edge) is not Role.PROVIDER_LEADER:
                return f"{trigger}: {status} without the provider."
            last = status
        if becomes in WITH_PROVIDER and last != str(task_status.STANDING[becomes][0]):
            return f"{trigger}: with the provider as {becomes}, and the Task says {last}."
        if was in WITH_PROVIDER and becomes not in WITH_PROVIDER and last in DRAWN:
            return f"{trigger}: no longer with the provider, and the Task still says {last}."
    return asked


def by_number() -> dict[str, list[Invariant]]:
    """All invariants, by their numbers."""
    found: dict[str, list[Invariant]] = {}
    for i in FOUND:
        found.setdefault(i.number, []).append(i)
    return found


__all__ = ["FOUND", "Invariant", "by_number", "invariant"]
