"""The team: who is away and who stands in, handing a link worker's people over, and leaving."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError, validates_schema

from referral import accounts, caseloads
from referral.actors import Actor
from referral.audit import showing
from referral.caseloads import TeamMember
from referral.states import Noun, Role
from referral.store import Tx
from web import labels
from web.access import STAFF, access, current_actor
from web.accounts import role_drawn
from web.current import edge
from web.forms import AsKept, Form, Next, answer, page
from web.labels import role_name, said
from web.organisations import SETS_UP
from web.say import _, ngettext
from web.schemas.base import Command
from web.schemas.fields import Id, Many, Moment, YesNo
from web.timelines import changed, newest
from web.words import day_words
from workflows.caseloads import (
    AT_ONCE,
    ENDERS,
    GIVERS,
    Caseload,
    caseload_preview,
    end_membership,
    hand_over_caseload,
    hand_over_rest,
    shared_out,
)
from workflows.moves import N_
from workflows.organisations import set_away
from workflows.rules import field, wrong
from workflows.working_time import local_day

pages = Blueprint("team_pages", __name__)

GIVES = frozenset(GIVERS)
ENDS = frozenset(ENDERS)


def _away(m: TeamMember, at: datetime) -> str:
    """When somebody is away, in words."""
    if m.ended_at is not None and m.ended_at <= at:
        return _("has left")
    later = m.away_from is None or m.away_from > at
    if m.absent and (later or (m.away_until is not None and m.away_until <= at)):
        return _("cannot sign in at the moment")
    if m.away_from is None or (m.away_until is not None and m.away_until <= at):
        return ""
    begin = day_words(local_day(m.away_from))
    if m.away_until is None:
        return _("away from %(day)s, it is not known until when", day=begin)
    last = day_words(local_day(m.away_until - timedelta(microseconds=1)))
    return _("away from %(day)s until %(last)s", day=begin, last=last)


@pages.get("/team")
@access(Role.TEAM_LEAD)
def team() -> str:
    """Who is in the team, what each carries, and who is away."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = caseloads.team(tx, actor, at)
    return page(
        "team/show.jinja",
        None,
        members=[
            {
                "m": m,
                "role": role_name(m.role),
                "away": _away(m, at),
                "absent": m.absent,
                "mine": m.membership_id == actor.membership_id,
                "here": m.ended_at is None,
            }
            for m in found
        ],
    )


# -- away ---------------------------------------------------------------------------------------


class Away(Command):
    """When somebody is away: the first day and the last, if it is known."""

    away_from = Moment()
    away_until = Moment(through=True)
    back = YesNo()

    @validates_schema
    def one_of_both(self, data: dict[str, Any], **more: Any) -> None:
        if not data.get("away_from") and not data.get("back"):
            raise ValidationError(N_("Enter the first day away."), "away_from")


@pages.route("/away", methods=["GET", "POST"])
@access(STAFF)
def away() -> ResponseReturnValue:
    """One's own days away."""
    return _absence(current_actor().membership_id, "/")


@pages.route("/team/<uuid:membership_id>/away", methods=["GET", "POST"])
@access(ENDS)
def member_away(membership_id: UUID) -> ResponseReturnValue:
    """A colleague's days away."""
    return _absence(str(membership_id), _back(str(membership_id)))


def _leads() -> bool:
    return current_actor().role is Role.TEAM_LEAD


def _absence(membership_id: str, back: str) -> ResponseReturnValue:
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        m = _member(tx, at, membership_id)
        who = accounts.stand_ins(tx, actor.system_id, membership_id, at)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> bool:
        start = None if given.get("back") else given.get("away_from")
        end = None if given.get("back") else given.get("away_until")
        set_away(tx, actor, at, membership_id=membership_id, start=start, end=end)
        return start is not None

    def done(gone: bool) -> Next:
        if not gone:
            words = _("Saved: back again. Nobody stands in from now.")
        elif not who:
            words = _("Saved. Nobody stands in on those days yet.")
        elif m.role == Role.LINK_WORKER:
            words = _("Saved. The team lead stands in on those days.")
        else:
            words = _("Saved. On those days what waits is with those who have the same role there.")
        return Next(back, words)

    def told(tx: Tx, at: datetime) -> list[dict[str, Any]]:
        return newest(changed(tx, actor, "member_away", membership_id),
                      changed(tx, actor, "member_back", membership_id))  # fmt: skip

    return answer(
        lambda form: page(
            "team/away.jinja",
            form,
            m=m,
            away=_away(m, at),
            stands_in=_stands_in(m, who, membership_id == actor.membership_id),
            crumbs=_crumbs(m, actor),
            back={"href": back},
        ),
        act,
        done,
        schema=Away(),
        known=_days(m),
        kept=AsKept("membership", lambda tx, at: _days(_member(tx, at, membership_id)), told),
    )


def _stands_in(m: TeamMember, who: list[str], mine: bool) -> str:
    """Who sees to what waits while somebody is away."""
    names, role = ", ".join(who), role_name(m.role).lower()
    if m.role == Role.LINK_WORKER and who:
        return _("On these days the team lead stands in: %(who)s. What waits is on their list, and"
                 " each referral says so.", who=names)  # fmt: skip
    if m.role == Role.LINK_WORKER and mine:
        return _("Your team has no team lead to stand in. Ask whoever set up your account for one.")
    if m.role == Role.LINK_WORKER:
        return _("Their team has no team lead to stand in: add one, or hand their people over.")
    if who:
        return _("On these days what waits is with whoever else is %(role)s there: %(who)s.",
                 role=role, who=names)  # fmt: skip
    if mine:
        return _("Nobody else is %(role)s there, so what waits for you is seen to by nobody. Ask"
                 " whoever set up your account for a stand-in.", role=role)  # fmt: skip
    return _("Nobody else is %(role)s there, so what waits for them is seen to by nobody. Give"
             " somebody the role first.", role=role)  # fmt: skip


def _crumbs(m: TeamMember, actor: Actor) -> list[dict[str, str]] | None:
    """The way here for whoever came from the accounts."""
    if actor.role not in SETS_UP or m.membership_id == actor.membership_id:
        return None
    return [
        {"href": "/users", "text": _("Accounts")},
        {"href": f"/users/{m.membership_id}", "text": m.name},
    ]


def _back(membership_id: str) -> str:
    """Where whoever sees to others' roles goes on."""
    return "/team" if _leads() else f"/users/{membership_id}"


def _days(m: TeamMember) -> dict[str, Any]:
    """The first day away and the last, as the form asks for them."""
    last = m.away_until - timedelta(microseconds=1) if m.away_until else None
    return {
        "away_from": local_day(m.away_from) if m.away_from else None,
        "away_until": local_day(last) if last else None,
    }


def _member(tx: Tx, at: datetime, membership_id: str) -> TeamMember:
    """A member the actor answers for, or themselves."""
    actor = current_actor()
    found = caseloads.member(tx, actor, at, membership_id)
    home = caseloads.home(tx, actor, membership_id)
    if found is None or home is None:
        abort(404)
    over = (
        home.place_path.startswith(actor.place_path)
        if actor.place_path is not None
        else home.organisation_id == actor.organisation_id
    )
    if membership_id != actor.membership_id and not (over and actor.role in ENDS):
        abort(404)
    return found


# -- handing over -------------------------------------------------------------------------------


class HandOver(Command):
    """Who takes the people over, and in which order was already said for each."""

    receivers = Many(
        Id(N_("Choose who takes them over.")), N_("Choose who takes them over."), most=50
    )


@pages.route("/team/<uuid:membership_id>/hand-over", methods=["GET", "POST"])
@access(GIVES)
def hand_over(membership_id: UUID) -> ResponseReturnValue:
    """A link worker's people go to one colleague or several: who would get whom, then some at a
    time, each on its own, with how many are done."""
    actor, mid = current_actor(), str(membership_id)
    with edge().reading(actor) as (tx, at):
        plan = caseload_preview(tx, actor, at, mid)
    showing(Noun.REFERRAL, (one.id for one in plan.carried))
    names = {m.membership_id: m.name for m in plan.receivers}
    chosen = request.args.getlist("to") if request.method == "GET" else []
    receivers = [r for r in chosen if r in names]
    whole = max(request.args.get("of", plan.total, int), plan.total)

    def draw(form: Form) -> str:
        to = receivers or [r for r in form.values.get("receivers", []) if r in names]
        out = shared_out(plan, to)
        return page(
            "team/hand_over.jinja",
            form,
            plan=plan,
            colleagues=[
                (
                    m.membership_id,
                    m.name,
                    ngettext("%(num)s referral", "%(num)s referrals", m.carries),
                )
                for m in plan.receivers
            ],
            lines=[_carried(plan, number, out, names) for number in range(len(plan.carried))],
            shown=bool(to),
            done=whole - plan.total,
            whole=whole,
            at_once=AT_ONCE,
            back={"href": "/team" if _leads() else "/"},
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Any:
        wanted = [r for r in given["receivers"] if r in names]
        if not wanted:
            why = N_("Choose who takes them over.")
            raise wrong("membership", "hand_over", field("receivers", why))
        if form.values.get("step") != "go":
            return wanted, None, ()
        now = caseload_preview(tx, actor, at, mid)
        done, refused = hand_over_caseload(tx, actor, at, mid, shared_out(now, wanted))
        left = caseloads.how_many(tx, mid)
        if not left:
            hand_over_rest(tx, actor, at, mid, wanted)
        return wanted, len(done), [why for _id, why in refused]

    def after(result: Any) -> Next:
        wanted, done, refused = result
        query = "&".join([*(f"to={r}" for r in wanted), f"of={whole}"])
        path = f"/team/{mid}/hand-over?{query}"
        if done is None:
            return Next(path)
        words = ngettext(
            "%(num)s referral was handed over. Both link workers are told.",
            "%(num)s referrals were handed over. All link workers are told.",
            done,
        )
        if refused:
            reasons = sorted({said(r.why) for one in refused for r in one.refusals})
            words += " " + _("Not all could be: %(why)s", why=" ".join(reasons))
        return Next(path, words)

    return answer(
        draw,
        act,
        after,
        schema=HandOver(),
        known={"receivers": receivers},
    )


def _carried(
    plan: Caseload, number: int, out: dict[str, str], names: dict[str, str]
) -> dict[str, Any]:
    one = plan.carried[number]
    return {
        "id": one.id,
        "reference": one.reference,
        "what": f"{one.given_name} {one.family_name}: {one.activity}, {one.provider}",
        "tag": labels.state_tag("referral", one.state),
        "who": _("to %(who)s", who=names[out[one.id]]) if one.id in out else "",
    }


# -- leaving ------------------------------------------------------------------------------------


class Ending(Command):
    """A role ends now; `even_so` where they still carry people."""

    even_so = YesNo()


@pages.route("/team/<uuid:membership_id>/end", methods=["GET", "POST"])
@access(ENDS)
def end(membership_id: UUID) -> ResponseReturnValue:
    """Somebody leaves."""
    actor, mid = current_actor(), str(membership_id)
    with edge().reading(actor) as (tx, at):
        m = _member(tx, at, mid)
        mine = [one for one in accounts.roles_of(tx, actor, mid) if one.membership_id == mid]
        holds = role_drawn(tx, actor, mine[0], at)["holds"] if mine else []
    if m.ended_at is not None or mid == actor.membership_id:
        abort(404)
    back = _back(mid)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        end_membership(tx, actor, at, mid, even_so=bool(given.get("even_so")))

    return answer(
        lambda form: page(
            "team/end.jinja",
            form,
            m=m,
            role=role_name(m.role),
            holds=holds,
            may_hand_over=actor.role in GIVES,
            crumbs=_crumbs(m, actor),
            back={"href": back},
        ),
        act,
        lambda made: Next(back, _("Ended. They can no longer sign in with this role.")),
        schema=Ending(),
    )
