"""The moves of each noun: one route for each trigger of its table, made from the table itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, jsonify

from referral import facts
from referral.actors import Actor
from referral.audit import log
from referral.entries import subject_of
from referral.states import Noun, Role
from referral.store import Tx
from web.access import STAFF
from web.api import history
from web.api.answers import (
    MovesShown,
    StepShown,
    of_done,
    of_option,
    of_refusal,
    told,
)
from web.api.door import (
    ETAG,
    SAFE_HEADERS,
    Blueprint,
    asker,
    for_roles,
    repeat_key,
    seen_version,
)
from web.api.history import StepsAsked, StepsTold
from web.api.problems import NOT_HERE, Problem
from web.current import edge
from web.schemas import schema_for
from workflows.calls import record_call, record_contact
from workflows.consent import give_consent, renew_consent
from workflows.engine import (
    NOT_FOUND,
    SECOND_NEEDED,
    TABLES,
    Done,
    Refused,
    available,
    decide,
    step,
)
from workflows.escalations import (
    carry_out,
    complete_escalation,
    decide_escalation,
    note_failure,
)
from workflows.moves import Move
from workflows.named import check_named
from workflows.referrals import propose, redirect_referral, send_referral
from workflows.rules import once

Given = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """One move, as it was asked for."""

    tx: Tx
    at: datetime
    actor: Actor
    noun: Noun
    record_id: str
    trigger: str
    given: Given
    version: int | None

    def missing(self) -> Refused:
        return Refused([NOT_FOUND], noun=self.noun, trigger=self.trigger, record_id=self.record_id)

    def as_it_is(self) -> Done:
        """The record as it is now."""
        f = facts.LOADERS[self.noun](self.tx, self.record_id, self.actor, self.at)
        if f is None or f.state is None:
            raise self.missing()
        reference = getattr(f, "reference", None)
        return Done(self.noun, self.record_id, f.state, f.version, reference)


Command = Callable[[Asked], dict[str, Any]]


# What is written with these is for the own team alone, as on their pages.
FOR_THE_TEAM = frozenset({"close_unmet", "reassign"})


def _plainly(a: Asked) -> dict[str, Any]:
    ours = a.noun is Noun.REFERRAL and a.trigger in FOR_THE_TEAM
    done = step(
        a.tx,
        a.noun,
        a.record_id,
        a.trigger,
        a.actor,
        a.at,
        {**a.given, "audience": "ours"} if ours else a.given,
        version=a.version,
    )
    return of_done(done)


def _send(a: Asked) -> dict[str, Any]:
    return of_done(send_referral(a.tx, a.actor, a.at, a.record_id, version=a.version))


def _call(a: Asked) -> dict[str, Any]:
    return of_done(record_call(a.tx, a.actor, a.at, a.record_id, a.given))


def _contact(a: Asked) -> dict[str, Any]:
    done = record_contact(a.tx, a.actor, a.at, a.record_id, a.trigger, a.given, version=a.version)
    return of_done(done)


def _redirect(a: Asked) -> dict[str, Any]:
    went = redirect_referral(
        a.tx,
        a.actor,
        a.at,
        a.record_id,
        group_id=a.given["group_id"],
        version=a.version,
    )
    new = {**of_done(went.new), "refusals": [of_refusal(r) for r in went.refusals]}
    return {**of_done(went.old), "new": new}


def _give(a: Asked) -> dict[str, Any]:
    return of_done(give_consent(a.tx, a.actor, a.at, a.record_id, a.given, version=a.version))


def _renew(a: Asked) -> dict[str, Any]:
    asked = renew_consent(a.tx, a.actor, a.at, a.record_id, version=a.version)
    return {**of_done(a.as_it_is()), "new": of_done(asked)}


def _by_two(do: Callable[[Asked], Done]) -> Command:
    """A move that may take two people: made, or proposed where it takes them."""

    def command(a: Asked) -> dict[str, Any]:
        try:
            return of_done(do(a))
        except Refused as refused:
            if refused.codes != (SECOND_NEEDED.code,):
                raise
        # It was refused before anything was written, so this transaction can hold the proposal.
        made = propose(a.tx, a.actor, a.at, a.noun, a.record_id, a.trigger, told(a.given))
        return {**of_done(a.as_it_is()), "confirmation": made}

    return command


def _stepped(a: Asked) -> Done:
    return step(a.tx, a.noun, a.record_id, a.trigger, a.actor, a.at, a.given, version=a.version)


def _decided(a: Asked) -> Done:
    return decide_escalation(a.tx, a.actor, a.at, a.record_id, a.given, version=a.version)


def _completed(a: Asked) -> dict[str, Any]:
    return of_done(complete_escalation(a.tx, a.actor, a.at, a.record_id, version=a.version))


def _settled(a: Asked) -> dict[str, Any]:
    """`done` carries it out now, through the table of the record it acts on; nothing is called
    done that wasn't."""
    if a.given["settled"] != "done":
        return _plainly(a)
    f = facts.escalation(a.tx, a.record_id, a.actor, a.at)
    if f is None:
        raise a.missing()
    decide(a.noun, f, "settle", a.actor, a.at, a.given, a.version)
    carry_out(a.tx, a.actor, a.at, a.given["consequence_id"])
    return of_done(a.as_it_is())


COMMANDS: Mapping[tuple[Noun, str], Command] = {
    (Noun.REFERRAL, "send"): _send,
    (Noun.REFERRAL, "call"): _call,
    (Noun.REFERRAL, "contact"): _contact,
    (Noun.REFERRAL, "try_contact"): _contact,
    (Noun.REFERRAL, "redirect"): _redirect,
    (Noun.CONSENT, "give"): _give,
    (Noun.CONSENT, "renew"): _renew,
    (Noun.ESCALATION, "decide"): _by_two(_decided),
    (Noun.REFERRAL, "mark_in_error"): _by_two(_stepped),
    (Noun.RIGHTS, "refuse"): _by_two(_stepped),
    (Noun.RIGHTS, "erase"): _by_two(_stepped),
    (Noun.ESCALATION, "complete"): _completed,
    (Noun.ESCALATION, "settle"): _settled,
}


def make_move(noun: Noun, record_id: str, trigger: str, given: Given) -> Response:
    """Make one move for whoever asks: 200 with where it left the record; 202 where it takes a
    second person, who is named what to confirm. Raises what stands in the way."""
    actor, version, key = asker(), seen_version(), repeat_key()
    command = COMMANDS.get((noun, trigger), _plainly)

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        def first_time() -> dict[str, Any]:
            check_named(tx, actor, at, noun, record_id, trigger, given)
            return command(Asked(tx, at, actor, noun, record_id, trigger, given, version))

        body = {"id": record_id, **given}
        return once(tx, actor, key, f"{noun}.{trigger}", body, at, first_time)

    try:
        said = edge().perform(actor, do)
    except Refused as refused:
        if "stale" in refused.codes and refused.record_id is not None:
            raise _stale(refused, noun, record_id, version) from None
        if trigger == "settle" and refused.noun != noun:
            # What was decided met a refusal of its own: kept, so that it can be tried again.
            why, what = refused, given["consequence_id"]
            edge().perform(actor, lambda tx, at: note_failure(tx, what, why))
        raise
    if "confirmation" not in said:
        return moved(said)
    response = moved(said, 202)
    response.headers["Location"] = f"/api/v1/confirmations/{said['confirmation']}"
    return response


def moved(said: Mapping[str, Any], status: int = 200) -> Response:
    """Where a move left the record, with its version as the ETag."""
    response = jsonify(told(said))
    response.status_code = status
    response.headers["ETag"] = f'"{said["version"]}"'
    return response


def _stale(refused: Refused, noun: Noun, record_id: str, version: int | None) -> Problem:
    """412 with the steps made since the version the sender saw; 409 where they didn't say any,
    and others were in the way all the time."""
    if version is None:
        return Problem(409, *refused.refusals)
    actor = asker()
    with edge().reading(actor) as (tx, at):
        f = facts.LOADERS[noun](tx, record_id, actor, at)
        if f is None:
            return Problem(404, NOT_HERE)
        steps = history.seen(tx, actor, at, noun, record_id, version).steps
    changed = [
        {
            "version": s.version,
            "trigger": s.trigger,
            "from": s.from_state,
            "to": s.to_state,
            "at": told(s.at),
        }
        for s in steps
    ]
    headers = {"ETag": f'"{f.version}"'}
    return Problem(412, *refused.refusals, headers=headers, changed=changed)


# -- the routes ---------------------------------------------------------------------------------


def roles_of(moves: tuple[Move, ...]) -> list[str]:
    """Who may make a move of this trigger, in some state or other."""
    return sorted({str(role) for m in moves for role, _ in m.by})


def add_moves(
    blueprint: Blueprint,
    noun: Noun,
    find: Callable[[str], str] | None = None,
    skip: frozenset[str] = frozenset(),
    roles: frozenset[Role] = STAFF,
) -> None:
    """The list of moves of a record, and a route for each. `find` gives the record behind the id
    in the address, where that is another's; `skip` are triggers with a route of their own."""

    def record_of(record_id: UUID) -> str:
        return str(record_id) if find is None else find(str(record_id))

    @blueprint.route("/<uuid:record_id>/moves")
    @for_roles(roles)
    @blueprint.response(200, MovesShown)
    def moves(record_id: UUID) -> dict[str, Any]:
        """Every move from where the record is now: allowed, or why not and what would change it"""
        actor, found = asker(), record_of(record_id)
        with edge().reading(actor) as (tx, at):
            return {"items": [of_option(o) for o in available(tx, noun, found, actor, at)]}

    @blueprint.route("/<uuid:record_id>/steps")
    @for_roles(roles)
    @blueprint.arguments(StepsAsked, location="query")
    @blueprint.response(200, StepsTold)
    def steps(given: dict[str, Any], record_id: UUID) -> dict[str, Any]:
        """What was done with the record, the newest first, as far as you may see it"""
        actor, found = asker(), record_of(record_id)

        def read(tx: Tx, at: datetime) -> dict[str, Any]:
            story = history.seen(tx, actor, at, noun, found, given.get("after") or 0)
            subject = subject_of(tx, noun, found)
            log(tx, actor, at, "read", str(noun), found, subject=subject)
            return {"items": [history.of_step(s, story) for s in story.steps]}

        return edge().look(actor, read)

    table = TABLES[noun]
    for trigger in table.triggers:
        begins_only = all(m.sources == {None} for m in table.moves if m.trigger == trigger)
        if begins_only or trigger in skip:
            continue
        _add_move(blueprint, noun, trigger, record_of, roles)


def _add_move(
    blueprint: Blueprint,
    noun: Noun,
    trigger: str,
    record_of: Callable[[UUID], str],
    roles: frozenset[Role],
) -> None:
    moves = tuple(m for m in TABLES[noun].moves if m.trigger == trigger)

    def view(given: dict[str, Any], record_id: UUID) -> Response:
        return make_move(noun, record_of(record_id), trigger, given)

    view.__name__ = f"move_{trigger}"
    view.__doc__ = describe(moves)
    documented = blueprint.response(200, StepShown, headers=ETAG)(view)
    if any(m.two_people or m.two_people_if is not None for m in moves):
        documented = blueprint.alt_response(
            202, schema=StepShown, description="Proposed: a second person must confirm it."
        )(documented)
    documented = blueprint.arguments(schema_for(noun, trigger), required=bool(_asks(moves)))(
        documented
    )
    documented = blueprint.doc(parameters=SAFE_HEADERS)(documented)
    blueprint.route(
        f"/<uuid:record_id>/moves/{trigger}", methods=["POST"], endpoint=f"move_{trigger}"
    )(for_roles(roles)(documented))


def _asks(moves: tuple[Move, ...]) -> bool:
    return all(any(n.when is None for n in m.needs) for m in moves)


def describe(moves: tuple[Move, ...]) -> str:
    """The move in words, from its own rows."""
    lines = [moves[0].says.rstrip("."), "---", ""]
    for m in moves:
        sources = ", ".join(sorted(str(s or "nothing") for s in m.sources))
        lines.append(f"From {sources} to {m.to or 'the same state'}.")
        guards = ", ".join(sorted(g.refusal.code for g in m.guards))
        if guards:
            lines.append(f"It must hold: {guards}.")
    who = ", ".join(roles_of(moves))
    lines.append(f"By {who}." if who != "system" else "Made by the system only.")
    return "\n".join(lines)
