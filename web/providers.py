"""Providers: their assurance, the evidence it rests on, and what a decision would touch."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from referral import caseloads, offered, oversight, policy, records, reviews, visible
from referral.oversight import Provider
from referral.states import Noun, Role
from referral.store import Tx
from web import accountability as answering
from web import labels
from web.access import access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, keyed, page
from web.keysets import after as position
from web.keysets import pack
from web.labels import said, word
from web.moves import BEFORE, Asked, move_page, own_page, read_record, record
from web.offers import tag_of
from web.papers import items_of, runs_out
from web.say import _, ngettext
from web.schemas.assurance import AddEvidence
from web.schemas.base import Nothing
from web.schemas.organisations import AddProvider
from web.timelines import entries
from web.words import day_words, deadline
from workflows.activities import TIERS, add_provider
from workflows.engine import Done, step
from workflows.evidence import add_evidence, renewal_in_hand
from workflows.working_time import local_day

pages = Blueprint("provider_pages", __name__)

WATCHERS = frozenset(
    {
        Role.GOVERNANCE_LEAD,
        Role.SAFEGUARDING_LEAD,
        Role.ACCOUNTABLE_OFFICER,
        Role.INFORMATION_GOVERNANCE_LEAD,
        Role.COMMISSIONER,
        Role.AUDITOR,
    }
)
READERS = WATCHERS | {Role.PROVIDER_LEADER}
# Who has a relation to an assurance at all.
REVIEWING = frozenset(
    {
        Role.GOVERNANCE_LEAD,
        Role.SAFEGUARDING_LEAD,
        Role.ACCOUNTABLE_OFFICER,
        Role.PROVIDER_LEADER,
    }
)
HANDS_IN = frozenset({Role.GOVERNANCE_LEAD, Role.PROVIDER_LEADER})
SETS_UP = frozenset({Role.GOVERNANCE_LEAD, Role.ADMINISTRATOR})
SEES_AGREEMENTS = frozenset(
    {Role.GOVERNANCE_LEAD, Role.INFORMATION_GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER}
)
A_PAGE = 50


def state_tag(state: str | None) -> dict[str, str]:
    """The tag of a provider's assurance; there may be none yet."""
    if state is None:
        return {"text": _("Not applied yet"), "colour": "grey"}
    return labels.state_tag(Noun.ASSURANCE, state)


@pages.get("/providers")
@access(READERS)
def providers() -> ResponseReturnValue:
    """The providers of the place, with how they stand and what runs out first."""
    actor = current_actor()
    if actor.role is Role.PROVIDER_LEADER:
        with edge().reading(actor) as (tx, _at):
            own = offered.provider_of(tx, actor)
        return redirect(f"/providers/{own}", 303) if own else abort(404)
    with edge().reading(actor) as (tx, at):
        by_name = request.args.get("sort") == "name"
        if by_name:
            start = position(str, str) or ("", oversight.FIRST)
            found = oversight.providers(tx, actor, start, A_PAGE + 1)
        else:
            begin = position(datetime, str, str) or (oversight.BEGINNING, "", oversight.FIRST)
            found = oversight.running_out(tx, actor, begin, A_PAGE + 1)
    older = None
    if len(found) > A_PAGE:
        last = found[A_PAGE - 1]
        named = (last.name, last.organisation_id)
        older = (
            f"/providers?sort=name&after={pack(*named)}"
            if by_name
            else f"/providers?after={pack(last.expires or oversight.NEVER, *named)}"
        )
    rows = [
        {"provider": one, "tag": state_tag(one.state), "expires": _expires(one, at)}
        for one in found[:A_PAGE]
    ]
    return page(
        "providers.jinja",
        rows=rows,
        older=older,
        by_name=by_name,
        may_add=actor.role in SETS_UP,
        sees_agreements=actor.role in SEES_AGREEMENTS,
    )


def _expires(one: Provider, at: datetime) -> dict[str, Any] | None:
    if one.expires is None:
        return None
    return runs_out(one.expires, at)


def _provider(provider_id: str) -> Provider:
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        found = oversight.provider(tx, actor, provider_id)
    if found is None:
        abort(404)
    return found


@pages.get("/providers/<uuid:provider_id>")
@access(READERS)
def provider(provider_id: UUID) -> str:
    """A provider: how it stands, its evidence, what it offers, and whom a decision would touch."""
    actor = current_actor()
    actions: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    history: list[dict[str, Any]] = []
    clock = None
    with edge().reading(actor) as (tx, at):
        found = oversight.provider(tx, actor, str(provider_id))
        if found is None:
            abort(404)
        if found.assurance_id is not None and actor.role in REVIEWING:
            seen = record(tx, at, Noun.ASSURANCE, found.assurance_id, actor)
            actions, refused = _moves(seen)
            steps = visible.steps_since(tx, actor, at, Noun.ASSURANCE, seen.id)
            notes = visible.notes(tx, actor, seen.id, frozenset({"both"}))
            history = entries(Noun.ASSURANCE, steps, at, notes)
            running = records.clocks(tx, seen.id)
            clock = deadline(running[0].due, at) if running else None
        elif found.assurance_id is None and actor.role in HANDS_IN:
            words = labels.button(Noun.ASSURANCE, "apply")
            actions = [{"text": words, "href": f"/providers/{found.id}/apply"}]
        rules = policy.rules_of(tx, found.organisation_id, at)
        items = items_of(oversight.evidence(tx, actor, found.id), found.tier, rules, at)
        offers = offered.offers_of(tx, actor, found.id)
        accountability = answering.drawn(tx, at, actor, "provider", found.id)
    own = actor.role is Role.PROVIDER_LEADER
    return page(
        "provider.jinja",
        Form(),
        provider=found,
        tag=state_tag(found.state),
        tier=word(labels.TIERS, found.tier),
        items=items,
        missing=[one.words for one in items if one.missing],
        offers=offers,
        tag_of=tag_of,
        history=history,
        clock=clock,
        actions=actions,
        refused=refused,
        own=own,
        may_hand_in=actor.role in HANDS_IN,
        touched=_touched(found),
        accountability=accountability,
        back={"href": "/offers" if own else "/providers"},
    )


def _touched(found: Provider) -> str:
    """How many people a decision about a provider would touch."""
    part = ngettext("%(num)s person takes part", "%(num)s people take part", found.taking_part)
    wait = ngettext("%(num)s waits for an answer", "%(num)s wait for an answer", found.waiting)
    return _("%(part)s, %(wait)s.", part=part, wait=wait)


RED = frozenset({"refuse", "suspend", "leave"})


def _moves(record: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    actions: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for option in record.options:
        codes = {r.code for r in option.refusals}
        if codes & {"not_your_role", "not_your_record"} or option.trigger == "lapse":
            continue
        words = labels.button(Noun.ASSURANCE, option.trigger)
        if option.allowed:
            href = labels.move_path(Noun.ASSURANCE, record.id, option.trigger)
            variant = "secondary" if actions or option.trigger in RED else ""
            actions.append({"text": words, "href": href, "variant": variant})
        else:
            why = [{"sentence": said(r.why), "remedy": said(r.remedy)} for r in option.refusals]
            refused.append({"cannot": _("Not yet: %(move)s", move=words), "why": why})
    return actions, refused


@pages.get("/assurance/<uuid:record_id>")
@access(READERS)
def assurance(record_id: UUID) -> ResponseReturnValue:
    """An assurance is read on the page of its provider."""
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        about = reviews.about_provider(tx, actor, "assurance", str(record_id))
        if about is None or oversight.provider(tx, actor, about.id) is None:
            abort(404)
    return redirect(f"/providers/{about.id}", 303)


# -- applying, and moves that touch people ------------------------------------------------------


@pages.route("/providers/<uuid:provider_id>/apply", methods=["GET", "POST"])
@access(HANDS_IN)
def apply(provider_id: UUID) -> ResponseReturnValue:
    """Apply to be assured, for the first time or again."""
    actor, found = current_actor(), _provider(str(provider_id))
    back = f"/providers/{found.id}"
    if found.assurance_id is not None:
        return move_page(Noun.ASSURANCE, found.assurance_id, "apply", Asked(back=back))

    def draw(form: Form) -> str:
        return page(
            "move.jinja",
            form,
            title=labels.button(Noun.ASSURANCE, "apply"),
            caption=found.name,
            before=said(BEFORE[Noun.ASSURANCE, "apply"]),
            fields=[],
            press_words=labels.button(Noun.ASSURANCE, "apply"),
            back={"href": back},
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        return step(
            tx, Noun.ASSURANCE, None, "apply", actor, at, {"provider_id": found.id}, key=form.key
        )

    words = _("Applied. The governance lead looks at it within 10 working days.")
    return answer(draw, act, lambda made: Next(back, words), schema=Nothing())


@own_page(Noun.ASSURANCE, "refuse", "suspend", "leave")
def touching(record_id: str, trigger: str) -> ResponseReturnValue:
    """A decision that touches people: how many is said first, and who goes back to whom where
    everyone does."""
    actor, found = current_actor(), _of_assurance(record_id)
    before = f"{said(BEFORE[Noun.ASSURANCE, trigger])} {_('Now:')} {_touched(found)}"
    teams: dict[str, list[str]] = {}
    if trigger != "suspend" and actor.role is not Role.PROVIDER_LEADER:
        with edge().reading(actor) as (tx, _at):
            for one in caseloads.at_provider(tx, record_id):
                where = labels.state_tag("referral", one.state)["text"].lower()
                line = f"{one.reference}, {where}, {one.link_worker}"
                teams.setdefault(one.team, []).append(line)
    return move_page(
        Noun.ASSURANCE,
        record_id,
        trigger,
        Asked(
            before=before,
            back=f"/providers/{found.id}",
            template="provider_leaves.jinja",
            context={"teams": list(teams.items())},
        ),
    )


@own_page(Noun.ASSURANCE, "condition")
def condition(record_id: str, trigger: str) -> ResponseReturnValue:
    """Assure with conditions, for some activities, until a date."""
    actor, found = current_actor(), _of_assurance(record_id)
    with edge().reading(actor) as (tx, _at):
        offers = offered.offers_of(tx, actor, found.id)
    return move_page(
        Noun.ASSURANCE,
        record_id,
        "condition",
        Asked(
            choices={"conditional_activities": [(one.id, one.name) for one in offers]},
            back=f"/providers/{found.id}",
        ),
    )


def _of_assurance(record_id: str) -> Provider:
    record = read_record(Noun.ASSURANCE, record_id)
    return _provider(record.facts.provider_id)


# -- evidence -----------------------------------------------------------------------------------


@pages.route("/providers/<uuid:provider_id>/evidence/add", methods=["GET", "POST"])
@access(HANDS_IN)
def evidence(provider_id: UUID) -> ResponseReturnValue:
    """Add an item with its dates: checked by the governance lead, or handed in by the provider."""
    actor, found = current_actor(), _provider(str(provider_id))
    back = f"/providers/{found.id}"
    own = actor.role is Role.PROVIDER_LEADER
    known = _known(found.id)
    with edge().reading(actor) as (tx, at):
        kinds = labels.listed_evidence(policy.rules_of(tx, found.organisation_id, at))

    def draw(form: Form) -> str:
        return page(
            "evidence.jinja",
            form,
            provider=found,
            own=own,
            kinds=kinds,
            back={"href": back},
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        def do() -> str:
            return add_evidence(tx, actor, at, provider_id=found.id, **given)

        return keyed(tx, actor, at, form, f"evidence.add {found.id}", given, do)

    words = (
        _("Handed in. It counts once the governance lead has checked it.")
        if own
        else _("Added. It counts from now.")
    )
    return answer(draw, act, lambda made: Next(back, words), schema=AddEvidence(), known=known)


def _known(provider_id: str) -> dict[str, Any]:
    """What is known of the item: its kind, or all of what was handed in."""
    actor = current_actor()
    known: dict[str, Any] = {"kind": request.args.get("kind", "")}
    wanted = request.args.get("from", "")
    with edge().reading(actor) as (tx, _at):
        for one in oversight.evidence(tx, actor, provider_id) if wanted else []:
            if one.id == wanted:
                known = {
                    "kind": one.kind,
                    "from_at": local_day(one.from_at),
                    "until": local_day(one.until - timedelta(seconds=1)),
                    "about": one.about,
                    "reference": one.reference,
                }
    return known


@pages.post("/providers/<uuid:provider_id>/evidence/<uuid:evidence_id>/in-hand")
@access(Role.PROVIDER_LEADER)
def in_hand(provider_id: UUID, evidence_id: UUID) -> ResponseReturnValue:
    """The provider says that a renewal is in hand: ten working days more."""
    actor, found = current_actor(), _provider(str(provider_id))
    with edge().reading(actor) as (tx, _at):
        known = {one.id for one in oversight.evidence(tx, actor, found.id) if one.checked_by}
    if str(evidence_id) not in known:
        abort(404)
    until = edge().perform(actor, lambda tx, at: renewal_in_hand(tx, actor, at, str(evidence_id)))
    words = _("Noted. It counts until %(day)s; hand the new one in by then.",
              day=day_words(local_day(until), weekday=True))  # fmt: skip
    flash(words, "success")
    return redirect(f"/providers/{found.id}", 303)


# -- a new provider -----------------------------------------------------------------------------


@pages.route("/providers/add", methods=["GET", "POST"])
@access(SETS_UP)
def add() -> ResponseReturnValue:
    """Make an organisation a provider."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        free = [
            (one.id, f"{one.name}, {one.place}")
            for one in oversight.organisations(tx, actor, at)
            if one.provider_id is None
        ]
    within = {number for number, _name in free}

    def draw(form: Form) -> str:
        return page(
            "provider_add.jinja",
            form,
            organisations=free,
            tiers=labels.choices(labels.TIERS, *TIERS),
            back={"href": "/providers" if actor.role is Role.GOVERNANCE_LEAD else "/organisations"},
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        if given["organisation_id"] not in within:
            abort(404)
        return add_provider(tx, actor, at, **given)

    def done(made: str) -> Next:
        words = _("Added. Next: add its activities, and let it apply to be assured.")
        if actor.role is Role.GOVERNANCE_LEAD:
            return Next(f"/providers/{made}", words)
        return Next("/organisations", words)

    return answer(
        draw,
        act,
        done,
        schema=AddProvider(),
        known={
            "organisation_id": request.args.get("organisation", ""),
            "tier": "small_group",
        },
    )
