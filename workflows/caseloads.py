"""A link worker who is away, moves or leaves: who stands in, and who takes their people over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from referral import caseloads
from referral.actors import Actor
from referral.audit import log
from referral.caseloads import Carried, TeamMember
from referral.clocks import member_key
from referral.rows import change
from referral.states import Noun, Role
from referral.store import Tx
from workflows.engine import Done, Refused, step
from workflows.moves import N_, Refusal
from workflows.named import check_named
from workflows.rules import field, missing, require, wrong

# Who may reassign a referral, so also all of them.
GIVERS = (Role.TEAM_LEAD, Role.SAFEGUARDING_LEAD, Role.GOVERNANCE_LEAD)
ENDERS = (Role.TEAM_LEAD, Role.GOVERNANCE_LEAD, Role.ADMINISTRATOR)
AT_ONCE = 50
"""How many referrals one press of the button hands over, each in a transaction of its own."""


def _over(tx: Tx, actor: Actor, membership_id: str, what: str) -> caseloads.Home:
    """Where a member works, for somebody who answers for it. Raises Refused: not_found."""
    home = caseloads.home(tx, actor, membership_id)
    if home is None:
        raise missing("membership", what)
    over = (
        home.place_path.startswith(actor.place_path)
        if actor.place_path is not None
        else home.organisation_id == actor.organisation_id
    )
    if not over:
        raise missing("membership", what)
    return home


@dataclass(frozen=True)
class Caseload:
    """What a link worker carries, and who may take it over. `total`: all of it, where the list is
    cut."""

    member: TeamMember
    carried: tuple[Carried, ...]
    total: int
    receivers: tuple[TeamMember, ...]


def caseload_preview(tx: Tx, actor: Actor, at: datetime, membership_id: str) -> Caseload:
    """What handing over would move, and to whom it can go. Raises Refused: not_found."""
    require(actor, GIVERS, "membership", "hand_over")
    home = _over(tx, actor, membership_id, "hand_over")
    found = caseloads.member(tx, actor, at, membership_id)
    if found is None:
        raise missing("membership", "hand_over")
    team = caseloads.team(tx, _of(actor, home.organisation_id), at)
    receivers = tuple(
        m
        for m in team
        if m.role == Role.LINK_WORKER and m.membership_id != membership_id and not m.absent
    )
    carried = tuple(caseloads.carried(tx, membership_id, AT_ONCE))
    return Caseload(found, carried, caseloads.how_many(tx, membership_id), receivers)


def _of(actor: Actor, organisation_id: str) -> Actor:
    """The same actor, asking about another organisation they answer for."""
    return replace(actor, organisation_id=organisation_id)


def shared_out(plan: Caseload, receivers: list[str]) -> dict[str, str]:
    """Who takes which referral: those of one person stay together, and each time the next person
    goes to whoever then carries least."""
    carries = {m.membership_id: m.carries for m in plan.receivers if m.membership_id in receivers}
    if not carries:
        return {}
    with_whom: dict[str, str] = {}
    found: dict[str, str] = {}
    for one in plan.carried:
        to = with_whom.get(one.person_id)
        if to is None:
            to = min(carries, key=lambda m: (carries[m], m))
            with_whom[one.person_id] = to
        carries[to] += 1
        found[one.id] = to
    return found


def hand_over_referral(
    tx: Tx, actor: Actor, at: datetime, membership_id: str, referral_id: str, to: str
) -> Done:
    """One referral of this link worker goes to another: what `hand_over_caseload` is made of. Its
    clock isn't started anew. The person's agreements and ordinary holds, which the link worker
    looked after, go along.
    Raises Refused."""
    require(actor, GIVERS, "membership", "hand_over")
    _over(tx, actor, membership_id, "hand_over")
    given = {"link_worker_id": to}
    person_id = caseloads.person_carried(tx, membership_id, referral_id)
    if person_id is None:
        raise missing("referral", "reassign")
    check_named(tx, actor, at, Noun.REFERRAL, referral_id, "reassign", given)
    done = step(tx, Noun.REFERRAL, referral_id, "reassign", actor, at, given)
    for consent_id in caseloads.answers_about(tx, membership_id, person_id):
        _pass_consent(tx, actor, at, consent_id, membership_id, to)
    for hold_id in caseloads.holds_of(tx, membership_id, person_id):
        caseloads.pass_clock(tx, hold_id, membership_id, to)
        change(tx, "hold", hold_id, {"owner": member_key(to)})
        log(tx, actor, at, "handed_over", "hold", hold_id, {"owner": member_key(to)})
    return done


def _pass_consent(tx: Tx, actor: Actor, at: datetime, consent_id: str, old: str, new: str) -> None:
    kinds = caseloads.pass_clock(tx, consent_id, old, new)
    change(tx, "consent", consent_id, {"link_worker_id": new})
    details: dict[str, object] = {"set": {"link_worker_id": new}}
    if kinds:
        details["clock"] = {"kind": kinds[0], "owner": f"member@{new}"}
    log(tx, actor, at, "handed_over", Noun.CONSENT, consent_id, details)


def hand_over_rest(
    tx: Tx, actor: Actor, at: datetime, membership_id: str, receivers: list[str]
) -> int:
    """Once no referral is left: the agreements this link worker still looks after go to whoever
    carries the person now, or to the first receiver, and so does what they had begun to write.
    Returns how many agreements went."""
    require(actor, GIVERS, "membership", "hand_over")
    plan = caseload_preview(tx, actor, at, membership_id)
    allowed = [m.membership_id for m in plan.receivers if m.membership_id in receivers]
    if plan.total or not allowed:
        return 0
    rest = caseloads.answers_of(tx, membership_id)
    for consent_id, person_id in rest:
        to = caseloads.now_with(tx, person_id, membership_id) or allowed[0]
        _pass_consent(tx, actor, at, consent_id, membership_id, to)
    begun = caseloads.pass_begun(tx, membership_id, allowed[0])
    log(
        tx,
        actor,
        at,
        "caseload_handed_over",
        "membership",
        membership_id,
        {"agreements": len(rest), "begun": begun},
    )
    return len(rest)


def hand_over_caseload(
    tx: Tx, actor: Actor, at: datetime, membership_id: str, to: Mapping[str, str]
) -> tuple[list[Done], list[tuple[str, Refused]]]:
    """Hand over each of these open referrals of a link worker (referral to receiver), in one
    transaction: what is refused is said, and the others go on. The edge calls it with a few at a
    time, so that progress is seen and nothing waits long. Raises Refused: not_found."""
    require(actor, GIVERS, "membership", "hand_over")
    _over(tx, actor, membership_id, "hand_over")
    done, refused = [], []
    for referral_id, receiver in to.items():
        try:
            done.append(hand_over_referral(tx, actor, at, membership_id, referral_id, receiver))
        except Refused as why:
            refused.append((referral_id, why))
    return done, refused


# -- gone -----------------------------------------------------------------------------

STILL_CARRIES = Refusal(
    "still_carries",
    N_("They still carry people. Until those are handed over the team lead stands in."),
    N_("Hand their people over first, or say that the team lead stands in until then."),
    "every open record has a named owner",
    field="even_so",
)


def end_membership(
    tx: Tx, actor: Actor, at: datetime, membership_id: str, *, even_so: bool = False
) -> None:
    """A member leaves now: they can no longer sign in with this role. Raises Refused: not_found,
    and still_carries where people are left with a link worker, unless `even_so`: the team lead
    then stands in until they are handed over."""
    require(actor, ENDERS, "membership", "end")
    home = _over(tx, actor, membership_id, "end")
    if actor.membership_id == membership_id:
        raise wrong("membership", "end", field("", N_("Somebody else must end your own role.")))
    if actor.role is Role.TEAM_LEAD and home.role != Role.LINK_WORKER:
        raise missing("membership", "end")
    if home.ended_at is not None:
        raise missing("membership", "end")
    if caseloads.how_many(tx, membership_id) and not even_so:
        raise wrong("membership", "end", STILL_CARRIES)
    change(tx, "membership", membership_id, {"ended_at": at})
    log(tx, actor, at, "membership_ended", "membership", membership_id)
