"""The guards: each a pure question about the facts, with the sentence for when the answer is no."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from referral.states import Role
from workflows.moves import N_, Given, Guard, Need, Refusal


def guard(
    name: str,
    why: str,
    remedy: str,
    source: str,
    holds: Callable[[Any, Given, datetime], bool],
    code: str | None = None,
) -> Guard:
    return Guard(name, Refusal(code or name, why, remedy, source), holds)


# One sentence for every hold and for every full hold, whatever the cause: nothing in it may tell
# a named source of harm that a concern exists (I56).
HELD = Refusal(
    "not_held",
    N_("On hold. Call the link worker's team before any contact."),
    N_("The team lifts the hold. Until then the person's place and clocks are kept."),
    "holds",
)

OWN_TEAM = frozenset({Role.LINK_WORKER, Role.TEAM_LEAD})
# To the team itself, which would otherwise be told to ring itself. It too is one for every cause.
HELD_BY_US = replace(HELD, why=N_("On hold. Agree any contact within your team first."))


def of_a_hold(role: Role) -> Refusal:
    """The one refusal of every hold, as somebody of this role is told it."""
    return HELD_BY_US if role in OWN_TEAM else HELD


def in_own_words(refusal: Refusal, role: Role) -> Refusal:
    """The same refusal as this role is told it: the team isn't told to ring itself."""
    return of_a_hold(role) if refusal is HELD else refusal


ground_to_share = guard(
    "ground_to_share",
    N_("There is no consent in force to share with this provider."),
    N_("Ask the person, read the wording out, and record their answer."),
    "common-law duty of confidence; PRSB consent section",
    lambda f, g, at: bool(f.consent_id or f.override_id),
)
person_identified = guard(
    "person_identified",
    N_("Something that says who the person is, is missing."),
    N_("Add their name, date of birth, practice (or none), and NHS number (or why there is none)."),
    "PRSB person demographics and GP practice",
    lambda f, g, at: bool(f.identified),
)
risks_stated = guard(
    "risks_stated",
    N_("It is not said yet whether the provider must know something to keep people safe."),
    N_("Answer the safety question. “No known risks” is an answer."),
    "PRSB risks section",
    lambda f, g, at: f.risks in ("none", "some"),
)
agreement_in_force = guard(
    "agreement_in_force",
    N_("No information-sharing agreement is in force with this provider."),
    N_("Ask the governance lead to have the agreement signed or renewed."),
    "ICO data sharing code",
    lambda f, g, at: bool(f.agreement_live),
)


def _assured(f: Any, g: Given, at: datetime) -> bool:
    if f.assurance_state == "conditional":
        within = json.loads(f.conditional_activities or "[]")
        if f.activity_id not in within:
            return False
    elif f.assurance_state != "assured":
        return False
    return f.evidence_until is None or f.evidence_until > at


provider_assured = guard(
    "provider_assured",
    N_("This provider's assurance is not in date."),
    N_("Choose another provider, or ask the governance lead when the review will be done."),
    "working standards; see docs/glossary.md, assurance",
    _assured,
)
activity_open = guard(
    "activity_open",
    N_("This activity is not taking new people."),
    N_("Choose another activity, or ask the provider when it opens again."),
    "the provider's own listing",
    lambda f, g, at: f.activity_status == "open",
)
place_left = guard(
    "place_left",
    N_("There is no place left in this group."),
    N_("Put the person on the waiting list, or offer another group."),
    "the provider's own number of places",
    lambda f, g, at: f.places_left > 0,
)
not_held = Guard("not_held", HELD, lambda f, g, at: not f.held)
not_implicated = Guard("not_implicated", HELD, lambda f, g, at: not f.closed_to_actor)
# What was given without a time of its own happened now.
after_it_was_sent = Guard(
    "after_it_was_sent",
    Refusal(
        "before_it_was_sent",
        N_("That is before this referral was sent to you. Enter the day and time of the call."),
        source="nobody is told of a person before their referral is sent",
        field="happened_at",
    ),
    lambda f, g, at: not (f.sent_at and g.get("happened_at") and g["happened_at"] < f.sent_at),
)
not_duplicate = guard(
    "not_duplicate",
    N_("The person already has a referral to this activity that is not at an end."),
    N_("Open that referral instead, or end it first."),
    "one open referral per person, provider and activity",
    lambda f, g, at: not f.duplicate,
)
not_died = guard(
    "not_died",
    N_("The person has died."),
    N_("Nothing more is to be arranged. Call your team lead if this is wrong."),
    "record_death",
    lambda f, g, at: f.died_on is None,
)
not_erased = guard(
    "not_erased",
    N_("What was kept about this person has been erased."),
    N_("If they ask for support again, or something new worries you, add them as a new person."),
    "erasing ends what there was",
    lambda f, g, at: not f.erased,
)
not_left_by_redirect = guard(
    "not_left_by_redirect",
    N_("This draft was made when the person was referred on. It cannot be thrown away."),
    N_("Send it, or withdraw it with a reason."),
    "a person referred on is not lost",
    lambda f, g, at: f.redirected_from is None,
)


def need(
    name: str,
    why: str,
    *values: str,
    when: Callable[[Given], bool] | None = None,
    where: Callable[[Any], bool] | None = None,
) -> Need:
    return Need(name, Refusal(f"needs_{name}", why, field=name), values, when, where)
