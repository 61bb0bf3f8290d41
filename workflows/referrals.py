"""The commands on referrals: those made of several moves, and the drafts before them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from referral import facts, offered
from referral.actors import Actor
from referral.audit import log
from referral.clocks import member_key, role_key
from referral.details import details_of
from referral.ids import new_id, new_reference
from referral.keys import parsed
from referral.ledger import free_text
from referral.rows import bump, change, keep_still, put
from referral.states import Noun, ReferralState, Role
from referral.store import Sql, TryAgain, Tx
from workflows.engine import (
    NOT_FOUND,
    Done,
    Refused,
    decide,
    may_answer,
    step,
)
from workflows.guards import not_died
from workflows.letters import tell
from workflows.moves import N_, Refusal
from workflows.people import MOST_TEXT
from workflows.rights import erase_asked
from workflows.rules import field, kept, once, require, told_again, wrong

DRAFT_FIELDS = (
    "group_id",
    "urgent",
    "risks",
    "safety_notes",
    "safety_answers",
    "call_before",
    "alternatives",
    "plan_id",
)
PLAN = Sql(
    "SELECT p.what_matters, p.goals, p.needs, p.access FROM plan p JOIN referral r"
    " ON r.plan_id = p.id WHERE r.id = :id",
    sealed=(0, 3),
)
GROUP = Sql(
    "SELECT a.id, a.provider_id FROM activity_group g JOIN activity a ON a.id = g.activity_id"
    " WHERE g.id = :id AND g.system_id = :system_id"
)
PLAN_OF = Sql("SELECT person_id FROM plan WHERE id = :id AND system_id = :system_id")
COPIED = Sql(
    "SELECT urgent, risks, safety_notes, safety_answers, call_before, plan_id, alternatives"
    " FROM referral WHERE id = :id",
    sealed=(2, 3),
)


def begin_referral(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    person_id: str,
    group_id: str,
    values: Mapping[str, Any] | None = None,
    key: str | None = None,
) -> Done:
    """A draft of a referral of this person into this group of an activity."""
    given = {**_checked(values or {}), "person_id": person_id, "group_id": group_id}
    person = tx.row(
        Sql(
            "SELECT organisation_id, died_on FROM person"
            " WHERE id = :id AND system_id = :system_id AND merged_into IS NULL"
        ),
        id=person_id,
        system_id=actor.system_id,
    )
    if person is None or person[0] != actor.organisation_id:
        raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="create", record_id=None)
    if person[1] is not None:
        raise wrong(Noun.REFERRAL, "create", not_died.refusal)
    return step(tx, Noun.REFERRAL, None, "create", actor, at, given, key=key)


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    out = {c: values[c] for c in DRAFT_FIELDS if c in values}
    faults = []
    if out.get("risks") not in (None, "none", "some", "not_known"):
        faults.append(field("risks", N_("Choose yes, no or not known yet.")))
    for name in ("safety_notes", "safety_answers"):
        if len(out.get(name) or "") > MOST_TEXT:
            faults.append(field(name, N_("Write less: this is too long to keep.")))
    if faults:
        raise wrong(Noun.REFERRAL, "change", *faults)
    return out


def change_draft(
    tx: Tx, actor: Actor, at: datetime, referral_id: str, values: Mapping[str, Any]
) -> None:
    """Change what a draft says. Only the link worker named on it, and only while it is a draft or
    back with them."""
    f = facts.referral(tx, referral_id, actor, at)
    if f is None:
        raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="change", record_id=referral_id)
    # What a guard may rest on changes: whoever read it before must read again. And so must this
    # command, once whoever sends the draft at this moment has finished.
    bump(tx, "person", f.person_id)
    f = facts.referral(tx, referral_id, actor, at) or f
    mover = "discard" if f.state == ReferralState.DRAFT else "redirect"
    try:
        decide(Noun.REFERRAL, f, mover, actor, at, {"redirected_to": "-"})
    except Refused as refused:
        left = [r for r in refused.refusals if r.code != "not_left_by_redirect"]
        if left:
            raise Refused(
                left,
                noun=Noun.REFERRAL,
                trigger="change",
                record_id=referral_id,
                subject=f.subject_ref,
                state=f.state,
                version=f.version,
            ) from None
    out = _checked(values)
    if "group_id" in out:
        group = tx.row(GROUP, id=out["group_id"], system_id=actor.system_id)
        if group is None:
            raise wrong(Noun.REFERRAL, "change", field("group_id", N_("Choose an activity.")))
        if f.sent_at is not None and group[0] != f.activity_id:
            raise wrong(
                Noun.REFERRAL,
                "change",
                field(
                    "group_id",
                    N_("A referral that was sent keeps its activity. Refer the person on instead."),
                ),
            )
        out["activity_id"], out["provider_id"] = group[0], group[1]
        if group[0] != f.activity_id:
            out.setdefault("safety_answers", None)  # they were to another activity's questions
    if out.get("plan_id"):
        plan = tx.row(PLAN_OF, id=out["plan_id"], system_id=actor.system_id)
        if plan is None or plan[0] != f.person_id:
            raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="change", record_id=referral_id)
    if not out:
        return
    change(tx, "referral", referral_id, out)
    log(
        tx,
        actor,
        at,
        "changed",
        Noun.REFERRAL,
        referral_id,
        {"set": details_of("referral", out)},
        subject=f.subject_ref,
    )


def what_is_shared(tx: Tx, referral_id: str) -> str:
    """The copy of the plan that sending freezes, as JSON."""
    row = tx.row(PLAN, id=referral_id)
    if row is None:
        return json.dumps({"what_matters": None, "goals": [], "needs": [], "access": None})
    return json.dumps(
        {
            "what_matters": row[0],
            "goals": json.loads(row[1] or "[]"),
            "needs": json.loads(row[2] or "[]"),
            "access": row[3],
        },
        ensure_ascii=False,
    )


def send_referral(
    tx: Tx,
    actor: Actor,
    at: datetime,
    referral_id: str,
    *,
    version: int | None = None,
    key: str | None = None,
) -> Done:
    """Send the referral, with the copy of the plan that is shared frozen as it is now."""
    shared = what_is_shared(tx, referral_id)
    return step(
        tx,
        Noun.REFERRAL,
        referral_id,
        "send",
        actor,
        at,
        {"shared": shared},
        version=version,
        key=key,
    )


@dataclass(frozen=True)
class Redirected:
    """What a redirect came to: the old referral's step, the new referral, and why it is still a
    draft, if it is."""

    old: Done
    new: Done
    refusals: tuple[Refusal, ...]


def redirect_referral(
    tx: Tx,
    actor: Actor,
    at: datetime,
    referral_id: str,
    *,
    group_id: str,
    version: int | None = None,
    key: str | None = None,
) -> Redirected:
    """Refer the person on: a new referral takes this one's place and is sent in the same command,
    or is left a draft with its refusals. The *not started* clock goes with it."""
    made: list[Redirected] = []

    def do() -> dict[str, Any]:
        made.append(_redirect(tx, actor, at, referral_id, group_id, version))
        return {
            "old": kept(made[0].old),
            "new": kept(made[0].new),
            "refusals": [asdict(refusal) for refusal in made[0].refusals],
        }

    body = {"id": referral_id, "group_id": group_id, "version": version}
    said = once(tx, actor, key, "referral.redirect", body, at, do)
    if made:
        return made[0]
    refusals = tuple(Refusal(**refusal) for refusal in said["refusals"])
    return Redirected(told_again(said["old"]), told_again(said["new"]), refusals)


def _redirect(
    tx: Tx, actor: Actor, at: datetime, referral_id: str, group_id: str, version: int | None
) -> Redirected:
    f = facts.referral(tx, referral_id, actor, at)
    if f is None:
        raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="redirect", record_id=referral_id)
    group = tx.row(GROUP, id=group_id, system_id=actor.system_id)
    keep_still(tx, f.person_id, (f.provider_id, *(group or ())[1:]), referral_id)
    f = facts.referral(tx, referral_id, actor, at) or f
    decide(Noun.REFERRAL, f, "redirect", actor, at, {"redirected_to": "-"}, version)
    if group is None:
        raise wrong(
            Noun.REFERRAL, "redirect", field("group_id", N_("Choose the activity to refer to."))
        )
    copied = tx.row(COPIED, id=referral_id) or (False, None, None, None, False, None, None)
    made = step(
        tx,
        Noun.REFERRAL,
        None,
        "create",
        actor,
        at,
        {
            "id": new_id(at),
            "reference": new_reference(),
            "person_id": f.person_id,
            "group_id": group_id,
            "link_worker_id": f.link_worker_id,
            "redirected_from": referral_id,
            "urgent": bool(copied[0]),
            "risks": copied[1],
            "safety_notes": copied[2],
            "safety_answers": copied[3] if group[0] == f.activity_id else None,
            "call_before": bool(copied[4]),
            "plan_id": copied[5],
            "alternatives": json.loads(copied[6]) if copied[6] else None,
        },
    )
    _pass_long_clock_on(
        tx, actor, at, referral_id, made.id, f.subject_ref, member_key(f.link_worker_id)
    )
    old = step(tx, Noun.REFERRAL, referral_id, "redirect", actor, at, {"redirected_to": made.id})
    try:
        made = send_referral(tx, actor, at, made.id)
    except Refused as refused:
        return Redirected(old, made, refused.refusals)
    return Redirected(old, made, ())


LONG_CLOCK = Sql(
    "SELECT id, kind, owner, started, due, period, hours FROM clock WHERE record_id = :old"
    " AND kind = 'referral.not_started' AND ended IS NULL",
    times=(3, 4),
)
INHERIT = Sql("UPDATE clock SET record_id = :new, owner = :owner WHERE id = :id")


def _pass_long_clock_on(
    tx: Tx, actor: Actor, at: datetime, old: str, new: str, subject: str, owner: str
) -> None:
    """The *not started* clock goes on with the new referral, and the log of both says so. It is the
    link worker's until the new one is sent: the provider before has nothing to do with it."""
    clock = tx.row(LONG_CLOCK, old=old)
    if clock is None:
        return
    tx.run(INHERIT, id=clock[0], new=new, owner=owner)
    _, kind, _, started, due, period, hours = clock
    came = {"owner": owner, "started": started, "due": due, "period": period, "hours": bool(hours)}
    for record, moved in ((old, {"left": True}), (new, {"came": True, **came})):
        log(
            tx,
            actor,
            at,
            "clock",
            Noun.REFERRAL,
            record,
            {"clock": {"kind": kind, **moved}},
            subject=subject,
        )


def confirm_referrals(
    tx: Tx, actor: Actor, at: datetime, ids: Iterable[str]
) -> tuple[list[Done], list[Refused]]:
    """Close the loop of many at once. What is refused is said, and the others go on."""
    done, refused = [], []
    for referral_id in ids:
        try:
            done.append(step(tx, Noun.REFERRAL, referral_id, "confirm", actor, at))
        except Refused as why:
            refused.append(why)
    return done, refused


CAME = ("came", "did_not_come", "told_us", "late")
# Why what was said of a day is put right.
CORRECTED = ("mistake", "heard_later", "mixed_up")
TAKEN_BACK = ("wrong_day", "no_session", "mistake")


def record_attendance(
    tx: Tx,
    actor: Actor,
    at: datetime,
    referral_id: str,
    *,
    day: date,
    came: str,
    why: str | None = None,
) -> Done:
    """Who came on this day. It restarts the provider's clock by itself. Putting right what was said
    before asks why, and keeps both."""
    if came not in CAME:
        raise wrong(Noun.REFERRAL, "update", field("came", N_("Choose whether they came.")))
    before = tx.row(SAID_OF_DAY, referral_id=referral_id, day=day)
    changed = before is not None and before[0] != came
    if changed and why not in CORRECTED:
        raise wrong(
            Noun.REFERRAL,
            "update",
            field("why", N_("Choose why you change what was saved before.")),
        )
    done = step(tx, Noun.REFERRAL, referral_id, "update", actor, at, {"came": came})
    was = before[0] if before is not None and changed else None
    tx.run(
        ATTENDED,
        referral_id=referral_id,
        day=day,
        system_id=actor.system_id,
        came=came,
        at=at,
        member=actor.membership_id,
        was=was,
        why=why if changed else None,
    )
    told = {"day": day.isoformat(), "came": came}
    if changed:
        told |= {"was": str(was), "why": str(why)}
    log(tx, actor, at, "attendance", Noun.REFERRAL, referral_id, told)
    return done


def take_back_register(
    tx: Tx, actor: Actor, at: datetime, activity_id: str, *, day: date, why: str
) -> int:
    """What was said of everybody on this day is taken back: it was another day, or there was no
    session. The log keeps what was said, of whom, and why it went. Returns of how many."""
    require(actor, (Role.PROVIDER_LEADER,), "register", "take_back")
    if why not in TAKEN_BACK:
        raise wrong("register", "take_back", field("why", N_("Choose why you take it back.")))
    said = offered.said_on(tx, actor, activity_id, day)
    for referral_id, came in said:
        tx.run(UNSAID, referral_id=referral_id, day=day)
        told = {"day": day.isoformat(), "was": came, "why": why}
        log(tx, actor, at, "attendance_taken_back", Noun.REFERRAL, referral_id, told)
    return len(said)


SAID_OF_DAY = Sql("SELECT came FROM attendance WHERE referral_id = :referral_id AND day = :day")
ATTENDED = Sql(
    "INSERT INTO attendance (referral_id, day, system_id, came, recorded_at, recorded_by)"
    " VALUES (:referral_id, :day, :system_id, :came, :at, :member)"
    " ON CONFLICT (referral_id, day) DO UPDATE SET came = excluded.came,"
    " recorded_at = excluded.recorded_at, recorded_by = excluded.recorded_by,"
    " was = coalesce(:was, attendance.was), why = coalesce(:why, attendance.why)"
)
UNSAID = Sql("DELETE FROM attendance WHERE referral_id = :referral_id AND day = :day")

# -- two people ---------------------------------------------------------------------------------

PROPOSED = Sql(
    "SELECT id, noun, record_id, trigger, given, proposed_by, answer, organisation_id"
    " FROM confirmation WHERE id = :id AND system_id = :system_id",
    sealed=(4,),
)

ANSWER_PROPOSAL = Sql(
    "UPDATE confirmation SET answered_by = :member, answered_at = :at, answer = :answer"
    " WHERE id = :id AND answer IS NULL"
)


def propose(
    tx: Tx,
    actor: Actor,
    at: datetime,
    noun: Noun,
    record_id: str,
    trigger: str,
    given: Mapping[str, Any],
) -> str:
    """The first of two people proposes a move; nothing happens until a second confirms it.

    Raises Refused for whatever would refuse the move itself, but for the missing second person."""
    f = facts.LOADERS[noun](tx, record_id, actor, at)
    if f is None:
        raise Refused([NOT_FOUND], noun=noun, trigger=trigger, record_id=record_id)
    try:
        decide(noun, f, trigger, actor, at, given)
    except Refused as refused:
        rest = [r for r in refused.refusals if r.code != "second_person_needed"]
        if rest:
            raise
    for name in given:
        known = ("note", "reason", "decision", "consequences")
        if name not in known and free_text(str(noun), name):
            raise wrong(noun, trigger, field(name, N_("Leave this empty.")))
    proposal = new_id(at)
    put(
        tx,
        "confirmation",
        {
            "id": proposal,
            "system_id": actor.system_id,
            "organisation_id": actor.organisation_id,
            "noun": str(noun),
            "record_id": record_id,
            "trigger": trigger,
            "given": json.dumps(dict(given), ensure_ascii=False, sort_keys=True),
            "proposed_by": actor.membership_id,
            "proposed_at": at,
            "answered_by": None,
            "answered_at": None,
            "answer": None,
        },
        subject=f.subject_ref,
    )
    log(
        tx,
        actor,
        at,
        "proposed",
        str(noun),
        record_id,
        {"confirmation": proposal},
        subject=f.subject_ref,
        trigger=trigger,
    )
    for key in _second_people(noun, f):
        tell(tx, actor.system_id, at, key, "proposal_to_confirm", str(noun), record_id)
    return proposal


def _second_people(noun: Noun, f: Any) -> list[str]:
    """Who could be the second person: the team lead, or the reviewers of this level and above."""
    if noun is Noun.ESCALATION:
        return list(dict.fromkeys((f.owner, f.next_owner)))
    if noun is Noun.RIGHTS:
        return list(f.seconds)
    return [role_key(Role.TEAM_LEAD, f.organisation_id)] if noun is Noun.REFERRAL else []


def confirm_proposal(
    tx: Tx, first: Actor, second: Actor, at: datetime, confirmation_id: str, agree: bool = True
) -> Done | None:
    """The second of two people, signed in themselves, confirms or refuses. `first` is who
    proposed it, as they are now. Returns the step, or None when refused."""
    row = tx.row(PROPOSED, id=confirmation_id, system_id=second.system_id)
    if row is None or row[6] is not None or row[5] != first.membership_id:
        raise Refused([NOT_FOUND], noun="confirmation", trigger="confirm", record_id=None)
    _, noun, record_id, trigger, given, _, _, _ = row
    if not agree:
        # Saying yes is asked below, by the move itself; saying no isn't for a stranger either.
        f = facts.LOADERS[Noun(noun)](tx, record_id, second, at)
        if not may_answer(Noun(noun), f, second):
            raise Refused([NOT_FOUND], noun="confirmation", trigger="confirm", record_id=None)
    answered = tx.run(
        ANSWER_PROPOSAL,
        id=confirmation_id,
        member=second.membership_id,
        at=at,
        answer="confirmed" if agree else "refused",
    )
    if answered != 1:
        raise TryAgain("somebody else is answering this proposal")
    if not agree:
        log(tx, second, at, "proposal_refused", noun, record_id, {"confirmation": confirmation_id})
        _tell_proposer(tx, first, at, "proposal_refused", noun, record_id)
        return None
    said = parsed(given) or {}
    made = step(tx, Noun(noun), record_id, trigger, first, at, said, second=second)
    if (noun, trigger) == (Noun.RIGHTS, "erase"):
        erase_asked(tx, first, second, at, record_id, said["ground"])
    _tell_proposer(tx, first, at, "proposal_confirmed", noun, record_id)
    return made


def _tell_proposer(
    tx: Tx, first: Actor, at: datetime, what: str, noun: str, record_id: str
) -> None:
    tell(tx, first.system_id, at, member_key(first.membership_id), what, noun, record_id)
