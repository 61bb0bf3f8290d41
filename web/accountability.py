"""Who answers for what: the lines of one record, and of a whole place with what nobody holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint

from referral import accountability as rows
from referral.actors import Actor
from referral.states import Role
from referral.store import Tx
from web import labels
from web.access import REVIEWERS, access, current_actor
from web.current import edge
from web.forms import page
from web.labels import record_path, role_name, said, word
from web.say import _
from workflows.accountability import Gap, Line, Step, lines, who_answers
from workflows.moves import N_

pages = Blueprint("accountability_pages", __name__)

LANES: dict[str, str] = {
    "work": N_("The team that holds the person"),
    "provider": N_("The provider"),
    "agreement": N_("Whoever keeps the agreement"),
    "safeguarding": N_("Safeguarding"),
    "employs": N_("Employer of the link workers"),
    "assures": N_("Quality"),
    "pays": N_("Funding"),
    "safeguards": N_("Safeguarding, by agreement"),
}
GAPS: dict[str, str] = {
    "no_safeguarding_phone": N_("No safeguarding number for working hours."),
    "no_out_of_hours_phone": N_("No safeguarding number for nights and weekends."),
    "no_outside_contact": N_("Nobody outside to turn to when everyone here is concerned."),
}


def step_drawn(step: Step) -> dict[str, Any]:
    """One rung in words: "Governance lead, Harbour", and who holds it."""
    away = [_("%(name)s (away)", name=name) for name in step.away]
    title = step.title or role_name(step.role)
    return {
        "what": f"{title}, {step.where}" if step.where else title,
        "who": ", ".join([*step.people, *away]),
        "gap": step.gap,
        "now": step.now,
    }


def line_drawn(line: Line) -> dict[str, Any]:
    """One line in words."""
    return {
        "heading": word(LANES, line.lane),
        "whose": f"{line.organisation} ({word(labels.ORGANISATIONS, line.kind)})",
        "agreement": line.agreement,
        "href": record_path("agreement", line.agreement_id) if line.agreement_id else None,
        "steps": [step_drawn(step) for step in line.steps],
        "outside": line.outside,
    }


def lines_of(tx: Tx, at: datetime, actor: Actor, noun: str, record_id: str) -> tuple[Line, ...]:
    """The lines of a record the actor was let at."""
    return lines(noun, rows.known(tx, actor, at, noun, record_id))


def drawn(tx: Tx, at: datetime, actor: Actor, noun: str, record_id: str) -> dict[str, Any]:
    """The part of a record's page: who answers now, and every line upwards."""
    found = lines_of(tx, at, actor, str(noun), record_id)
    now = next((step for line in found for step in line.steps if step.now), None)
    return {
        "now": step_drawn(now) if now else None,
        "lines": [line_drawn(line) for line in found],
        "gaps": any(line.gaps for line in found),
    }


# -- a whole place ------------------------------------------------------------------------------


def _gap(gap: Gap) -> str:
    if gap.code in GAPS:
        return said(GAPS[gap.code])
    what = gap.title or role_name(str(gap.role))
    if gap.organisation:
        return _("%(organisation)s has no %(role)s.", organisation=gap.organisation, role=what)
    return _("Nobody is %(role)s here.", role=what)


@pages.get("/accountability")
@access(REVIEWERS, Role.ADMINISTRATOR)
def accountability() -> str:
    """Who answers for what in the place one answers for, and what nobody does."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = who_answers(rows.everybody(tx, actor, at))
    return page(
        "accountability.jinja",
        places=[
            {
                "id": one.area.id,
                "name": one.area.name,
                "steps": [step_drawn(step) for step in one.steps],
                "safeguarding": [step_drawn(step) for step in one.safeguarding],
                "teams": [
                    (team.name, [step_drawn(step) for step in steps]) for team, steps in one.teams
                ],
                "gaps": [_gap(gap) for gap in one.gaps],
            }
            for one in found
        ],
        gaps=sum(len(one.gaps) for one in found),
        may_fill=actor.role in (Role.ADMINISTRATOR, Role.GOVERNANCE_LEAD),
    )
