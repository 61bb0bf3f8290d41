"""Every referral one works with: narrowed, sorted and saved by an address that names nobody, and
as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from referral import offered, saved_views, visible
from referral.actors import Actor
from referral.audit import log_shown
from referral.scopes import LEADS
from referral.states import REFERRAL_ENDS, REFERRAL_OPEN, TAKING_PART, Noun, ReferralState, Role
from referral.store import Tx
from referral.visible import MOST_COUNTED, SORT_KINDS, Filters, Sort
from web import labels
from web.access import TEAM, access, current_actor
from web.accesses import neutral
from web.current import edge
from web.forms import AsKept, Form, Next, answer, page
from web.keysets import after, pack
from web.labels import record_path, said, word
from web.say import _, ngettext
from web.schemas.reminders import NameView
from web.wizard import practice_words
from web.words import day_words
from web.worklists import card, ring_first
from workflows import reading, views
from workflows.engine import TABLES
from workflows.reading import Card
from workflows.working_time import end_of, local_day

pages = Blueprint("referral_lists", __name__)

READERS = frozenset({*TEAM, *LEADS, Role.PROVIDER_LEADER})
EXPORTERS = frozenset({Role.TEAM_LEAD, Role.GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER})
HIDDEN_FROM_PROVIDER = (ReferralState.DRAFT, ReferralState.IN_ERROR)
STATES = TABLES[Noun.REFERRAL].states
WITH = {
    "us": frozenset(s for s in REFERRAL_OPEN if STATES[s].acts == "link_worker"),
    "provider": frozenset(s for s in REFERRAL_OPEN if STATES[s].acts == "provider"),
    "nobody": frozenset(REFERRAL_ENDS),
}
DEADLINES = ("overdue", "today", "soon")
ROWS_OF_A_FILE = 5_000
NO_SUCH_STATE = frozenset({"-"})


def _states(role: Role) -> list[str]:
    hidden = HIDDEN_FROM_PROVIDER if role is Role.PROVIDER_LEADER else ()
    return [state for state in map(str, ReferralState) if state not in hidden]


# -- what is asked for --------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """What a list is narrowed to and sorted by: the names and values of its address, in order,
    without what this reader can't ask for."""

    pairs: tuple[tuple[str, str], ...]
    sort: Sort

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]

    def one(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    @property
    def words(self) -> list[tuple[str, str]]:
        """The address, the sort with it where it isn't the usual one."""
        if self.sort == visible.NEWEST_FIRST:
            return list(self.pairs)
        by = f"-{self.sort.by}" if self.sort.down else self.sort.by
        return [*self.pairs, ("sort", by)]


def _possible(actor: Actor) -> dict[str, Any]:
    """What may be asked for, by name: the values, or a check of one. A provider's list isn't
    narrowed by what a provider sees of some people and not of others."""
    found: dict[str, Any] = {"state": set(_states(actor.role)), "deadline": set(DEADLINES)}
    if actor.role is not Role.PROVIDER_LEADER:
        found |= {"with": set(WITH), "provider": _is_id, "need": set(labels.NEEDS)}
    if actor.role in TEAM:
        found["practice"] = lambda text: bool(text) and len(text) <= 200
    if actor.role is Role.LINK_WORKER:
        found["mine"] = {"yes"}
    return found


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def read(actor: Actor, pairs: Iterable[tuple[str, str]]) -> Asked:
    """What was asked for, of an address or of a saved list. What isn't there is left out."""
    possible = _possible(actor)
    kept: list[tuple[str, str]] = []
    sort = visible.NEWEST_FIRST
    for name, value in pairs:
        if name == "overdue" and value == "yes":
            name, value = "deadline", "overdue"
        allowed = possible.get(name, frozenset())
        may = allowed(value) if callable(allowed) else value in allowed
        again = (name, value) in kept or (name != "state" and name in dict(kept))
        if may and not again:
            kept.append((name, value))
        if name == "sort" and value.removeprefix("-") in sorts(actor):
            sort = Sort(value.removeprefix("-"), value.startswith("-"))
    return Asked(tuple(sorted(kept)), sort)


def sorts(actor: Actor) -> tuple[str, ...]:
    """What this reader may sort by. A provider doesn't: the order would tell family names."""
    if actor.role is Role.PROVIDER_LEADER:
        return ("status", "deadline", "updated")
    return ("person", "status", "with", "deadline", "updated")


def filters_of(asked: Asked, at: datetime) -> Filters:
    """The same for the reading query."""
    states = frozenset(asked.all("state"))
    if asked.one("with"):
        whose = frozenset(map(str, WITH[asked.one("with")]))
        states = (states & whose if states else whose) or NO_SUCH_STATE
    due = asked.one("deadline")
    ends = {
        "today": end_of(local_day(at)),
        "soon": reading.horizon(at) + timedelta(microseconds=1),
    }
    return Filters(
        states=states,
        overdue=due == "overdue",
        mine=asked.one("mine") == "yes",
        provider_id=asked.one("provider") or None,
        practice=asked.one("practice") or None,
        need=asked.one("need") or None,
        due_after=at if due in ends else None,
        due_before=ends.get(due),
    )


def _to(path: str, asked: Iterable[tuple[str, str]]) -> str:
    pairs = list(asked)
    return f"{path}?{urlencode(pairs)}" if pairs else path


# -- the list -----------------------------------------------------------------------------------


@pages.get("/referrals")
@access(READERS)
def referrals() -> str:
    """All of them, the newest change first, or those that were asked for."""
    actor = current_actor()
    asked = read(actor, request.args.items(multi=True))
    with edge().reading(actor) as (tx, at):
        filters = filters_of(asked, at)
        place = _place(tx, actor, at, asked.sort)
        found, more = reading.referrals(tx, actor, at, filters, place, sort=asked.sort)
        count = visible.how_many(tx, actor, at, filters)
        providers = visible.providers(tx, actor) if "provider" in _possible(actor) else []
        practices = visible.practices(tx, actor) if actor.role in TEAM else []
        mine = saved_views.mine(tx, actor)
    here = urlencode(asked.words)
    return render_template(
        "referral_list.jinja",
        heading=_("Referrals"),
        rows=[row(one, actor, at) for one in found],
        count=_count(count),
        columns=_columns(actor, asked),
        panel=_panel(actor, asked, providers, practices),
        applied=_applied(asked, dict(providers)),
        sort=asked.words[-1][1] if asked.words and asked.words[-1][0] == "sort" else "",
        older=_to("/referrals", [*asked.words, ("after", _packed(asked.sort, more))])
        if more
        else None,
        views=[
            {"href": f"/referrals?{v.asked}", "text": v.name, "current": v.asked == here}
            for v in mine
        ],
        nothing=_nothing(actor),
        may_save=bool(here) and here not in {v.asked for v in mine},
        asked=here,
        csv=_to("/referrals.csv", asked.words) if found and actor.role in EXPORTERS else None,
        instead=_("Your team lead can take it as a file for a spreadsheet.")
        if actor.role is Role.LINK_WORKER
        else "",
        printed=day_words(local_day(at)),
    )


def _nothing(actor: Actor) -> dict[str, str]:
    """What stands where no referral does yet, and what to do about it."""
    if actor.role in TEAM:
        words = _("There are none yet. What your team begins stands here.")
        return {"words": words, "href": "/referrals/new", "link": _("Make a referral")}
    if actor.role is Role.PROVIDER_LEADER:
        words = _("There are none yet. What is sent to you stands here. Keep what you offer right.")
        return {"words": words, "href": "/offers", "link": _("Our offers")}
    words = _("There are none yet. What is begun where you work stands here.")
    return {"words": words, "href": "/accountability", "link": _("Who answers for what")}


def _place(tx: Tx, actor: Actor, at: datetime, sort: Sort) -> tuple[Any, str] | None:
    """Where the page begins. An address holds no name, so a place in a list by name is the id of
    its last row."""
    if sort.by == "person":
        position = after(str)
        if position is None:
            return None
        key = visible.sorted_by(tx, actor, at, sort, position[0])
        if key is None:
            abort(404)
        return key, position[0]
    found: tuple[Any, str] | None = after(SORT_KINDS[sort.by], str)
    return found


def _packed(sort: Sort, place: tuple[Any, str]) -> str:
    return pack(place[1]) if sort.by == "person" else pack(*place)


def _count(count: int) -> str:
    if count > MOST_COUNTED:
        return _("More than %(num)s referrals", num=f"{MOST_COUNTED:,}")
    return ngettext("%(num)s referral", "%(num)s referrals", count)


def row(one: Card, actor: Actor, at: datetime) -> dict[str, Any]:
    """One referral as a row of the table."""
    known = one.seen
    state = known.get("state")
    drawn = card(one, actor, at)
    return {
        "href": record_path(Noun.REFERRAL, one.id),
        "name": one.name,
        "meta": drawn["meta"],
        "tag": labels.state_tag(Noun.REFERRAL, state, actor.role) if state else None,
        "held": drawn["held"],
        "with": whose(known),
        "deadline": drawn.get("deadline"),
        "updated": day_words(local_day(known["since"]), now=at) if known.get("since") else "",
    }


def whose(known: Any) -> str:
    """Who has the next step: the provider, or the link worker by name."""
    state = known.get("state")
    if not state or state in REFERRAL_ENDS:
        return ""
    name = known.get("provider") if state in WITH["provider"] else known.get("link_worker")
    return str(name or "")


def _columns(actor: Actor, asked: Asked) -> list[dict[str, Any]]:
    """The heads of the table, each the way to sort by it; pressed again, the other way round."""
    words = {
        "person": _("Person"), "status": _("Status"), "with": _("With"),
        "deadline": _("Deadline"), "updated": _("Since"),
    }  # fmt: skip
    found = []
    for by, text in words.items():
        current = asked.sort.by == by
        down = not asked.sort.down if current else by == "updated"
        pairs = [*asked.pairs, ("sort", f"-{by}" if down else by)]
        found.append(
            {
                "text": text,
                "href": _to("/referrals", pairs) if by in sorts(actor) else None,
                "sorted": ("descending" if asked.sort.down else "ascending") if current else None,
            }
        )
    return found


def _panel(
    actor: Actor, asked: Asked, providers: list[tuple[str, str]], practices: list[str]
) -> dict[str, Any]:
    """What the form offers: (code, words) by name, for those who may ask for it."""
    possible = _possible(actor)
    state = [(s, labels.state_tag("referral", s)["text"]) for s in _states(actor.role)]
    offered: dict[str, Any] = {
        "state": state,
        "with": list(_whose_words().items()),
        "provider": providers,
        "need": labels.choices(labels.NEEDS),
        "practice": [(p, practice_words(p)) for p in practices],
        "deadline": list(_deadline_words().items()),
    }
    return {name: offered[name] for name in offered if name in possible} | {
        "chosen": {name: asked.all(name) for name in possible},
        "may_be_mine": "mine" in possible,
    }


def _whose_words() -> dict[str, str]:
    return {
        "us": _("The link worker"), "provider": _("The provider"), "nobody": _("Nobody: ended"),
    }  # fmt: skip


def _deadline_words() -> dict[str, str]:
    return {
        "overdue": _("Overdue"),
        "today": _("Due today"),
        "soon": _("Due in the next 5 working days"),
    }


def _applied(asked: Asked, providers: dict[str, str]) -> list[dict[str, Any]]:
    """What the list is narrowed to, each with the way to leave it out."""

    def words(name: str, value: str) -> str:
        if name == "state":
            return str(labels.state_tag("referral", value)["text"])
        if name == "with":
            return _("With: %(who)s", who=_whose_words()[value])
        if name == "provider":
            return providers.get(value) or _("One provider")
        if name == "need":
            return word(labels.NEEDS, value)
        if name == "practice":
            return practice_words(value)
        return _deadline_words()[value] if name == "deadline" else _("Mine")

    return [
        {
            "text": words(name, value),
            "href": _to("/referrals", [one for one in asked.words if one != (name, value)]),
        }
        for name, value in asked.pairs
    ]


# -- as a table for a spreadsheet ---------------------------------------------------------------


@pages.get("/referrals.csv")
@access(EXPORTERS)
def download() -> ResponseReturnValue:
    """The same list as a file. Whose referrals went out is in the log."""
    actor = current_actor()
    asked = read(actor, request.args.items(multi=True))

    def take(tx: Tx, at: datetime) -> str:
        found = _whole(tx, actor, at, asked)
        log_shown(tx, actor, at, "referrals_exported", Noun.REFERRAL)
        return _as_csv(found, actor, at)

    body = edge().perform(actor, take)
    return Response(
        body,
        mimetype="text/csv",
        headers={"Content-Disposition": "attachment; filename=referrals.csv"},
    )


def _whole(tx: Tx, actor: Actor, at: datetime, asked: Asked) -> list[Card]:
    found: list[Card] = []
    place: tuple[Any, str] | None = None
    while len(found) < ROWS_OF_A_FILE:
        page_of, place = reading.referrals(
            tx, actor, at, filters_of(asked, at), place, 500, asked.sort
        )
        found += page_of
        if place is None:
            break
    return found[:ROWS_OF_A_FILE]


def _as_csv(found: list[Card], actor: Actor, at: datetime) -> str:
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(
        [_("Reference"), _("Person"), _("Status"), _("With"), _("Provider"), _("Activity"),
         _("Link worker"), _("Deadline"), _("Since")]
    )  # fmt: skip
    for one in found:
        known, state = one.seen, one.seen.get("state")
        cells = (
            known.get("reference"),
            one.name,
            labels.state_tag(Noun.REFERRAL, state)["text"]
            if state
            else said(str(known.get("held") or "")),
            whose(known),
            known.get("provider"),
            known.get("activity"),
            known.get("link_worker"),
            str(local_day(one.due)) if one.due else "",
            str(local_day(known["since"])) if known.get("since") else "",
        )
        table.writerow([neutral(cell) for cell in cells])
    return out.getvalue()


def _held(known: Any) -> str:
    return said(str(known.get("held") or ""))


# -- lists saved under a name -------------------------------------------------------------------


@pages.route("/referrals/lists", methods=["GET", "POST"])
@access(READERS)
def lists() -> ResponseReturnValue:
    """One's own saved lists; posted, the list one was looking at is saved under a name."""
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        mine = saved_views.mine(tx, actor)
    looked_at = request.form.get("asked", "") or request.args.get("asked", "")
    here = urlencode(read(actor, parse_qsl(looked_at)).words)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return views.save(tx, actor, at, name=given["name"], asked=here)

    return answer(
        lambda form: page(
            "saved_lists.jinja",
            form,
            heading=_("Your saved lists"),
            mine=[{"id": v.id, "name": v.name, "href": f"/referrals?{v.asked}"} for v in mine],
            asked=here,
            back={"href": f"/referrals?{here}" if here else "/referrals", "text": _("Back")},
        ),
        command,
        lambda _id: Next(f"/referrals?{here}", _("Saved. It stands above your referrals.")),
        schema=NameView(),
    )


@pages.route("/referrals/lists/<uuid:view_id>", methods=["GET", "POST"])
@access(READERS)
def rename(view_id: UUID) -> ResponseReturnValue:
    """Give a saved list another name, or throw it away."""
    actor, number = current_actor(), str(view_id)
    with edge().reading(actor) as (tx, _at):
        one = saved_views.one(tx, actor, number)
    if one is None:
        abort(404)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        views.rename(tx, actor, at, number, name=given["name"])

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        now = saved_views.one(tx, actor, number)
        return {"name": now.name if now else ""}

    return answer(
        lambda form: page(
            "saved_list.jinja",
            form,
            heading=_("Change a saved list"),
            view={"id": number, "name": one.name},
            back={"href": "/referrals/lists", "text": _("Back to your saved lists")},
        ),
        command,
        lambda _done: Next("/referrals/lists", _("The list has its new name.")),
        schema=NameView(),
        known={"name": one.name},
        kept=AsKept("saved_view", read),
    )


@pages.post("/referrals/lists/<uuid:view_id>/end")
@access(READERS)
def throw_away(view_id: UUID) -> ResponseReturnValue:
    """It is thrown away; no referral changes."""
    actor = current_actor()
    return answer(
        lambda form: "",
        lambda tx, at, given, form: views.throw_away(tx, actor, at, str(view_id)),
        lambda _done: Next("/referrals/lists", _("The saved list is gone. No referral changed.")),
    )


# -- who takes part -----------------------------------------------------------------------------


@pages.get("/taking-part")
@access(Role.PROVIDER_LEADER)
def taking_part() -> str:
    """Those who have a place with the provider now."""
    actor = current_actor()
    filters = Filters(states=frozenset(map(str, TAKING_PART)))
    with edge().reading(actor) as (tx, at):
        found, more = reading.referrals(tx, actor, at, filters, after(datetime, str))
        missed = offered.missed_twice(tx, actor)
        items = []
        for one in found:
            item = card(one, actor, at)
            told = one.id in missed and not item["held"]
            items.append(ring_first(item, missed[one.id], at) if told else item)
    return render_template(
        "taking_part.jinja",
        heading=_("People taking part"),
        items=items,
        older=_to("/taking-part", [("after", pack(*more))]) if more else None,
    )
