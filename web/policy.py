"""The rules a place works by: what is in force, where it comes from, its history, and a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError

from referral import policies, policy
from referral.actors import Actor
from referral.policy import Rules
from referral.states import Role
from referral.store import Tx
from web.access import STAFF, access, current_actor
from web.current import edge
from web.forms import AsKept, Form, Next, answer, form_now, page, refuse, typed
from web.labels import said
from web.policy_words import (
    KINDS,
    lines_of,
    list_from,
    name_words,
    title_words,
    unit,
    value_words,
)
from web.say import _, ngettext
from web.schemas import Wrong, load
from web.schemas.fields import typed_day
from web.schemas.policy import SetRule
from web.timelines import entry
from web.wordings import READERS as WORDING_READERS
from web.words import day_words, time_words
from workflows import policy as changing
from workflows.engine import Refused
from workflows.moves import N_
from workflows.rules import field, wrong
from workflows.working_time import end_of, local_day

pages = Blueprint("policy_pages", __name__)

CHANGERS = frozenset({Role.GOVERNANCE_LEAD, Role.ADMINISTRATOR})
EXAMPLE = N_("Shipped example")
WORDINGS = "/wording"  # the page of what is read out for consent


def may_change(actor: Actor, path: str) -> bool:
    """Whether the actor makes the rules of the place at this path."""
    return (
        actor.role in CHANGERS
        and actor.place_path is not None
        and path.startswith(actor.place_path)
    )


EVERY = "all"


# -- where, and when ----------------------------------------------------------------------------


def _places(tx: Tx, actor: Actor) -> dict[str, policies.PlaceSeen]:
    return {one.id: one for one in policies.places(tx, actor.system_id)}


def _here(tx: Tx, actor: Actor, places: Mapping[str, policies.PlaceSeen]) -> str:
    """The place whose rules are shown: the one asked for, else the reader's own."""
    asked = request.args.get("place", "")
    if asked:
        if asked not in places:
            abort(404)
        return asked
    if actor.place_id in places:
        return str(actor.place_id)
    return policies.place_of(tx, actor.organisation_id) or next(iter(places))


def _day_asked(now: datetime) -> tuple[date | None, dict[str, str]]:
    """The day asked for, from its three boxes; None for now. A day that can't be is said so."""
    boxes = {part: request.args.get(f"on-{part}", "").strip() for part in ("day", "month", "year")}
    if not any(boxes.values()):
        return None, {}
    try:
        return typed_day(boxes), {}
    except ValidationError:
        return None, {"on": _("Enter a real date, for example 15 3 2026.")}


def start_of(day: date) -> datetime:
    """The first moment of a day in England."""
    return end_of(day - timedelta(days=1))


# -- what is in force ---------------------------------------------------------------------------


def _row(one: changing.Item, rules: Rules, places: Mapping[str, policies.PlaceSeen]) -> Any:
    source = said(EXAMPLE)
    if one.rule is not None and one.rule.place_id in places:
        source = places[one.rule.place_id].name
    return {
        "kind": one.kind,
        "name": one.name,
        "words": name_words(one.kind, one.name, rules),
        "value": value_words(one.kind, one.name, one.value),
        "own": one.rule is not None,
        "source": source,
        "since": day_words(local_day(one.rule.from_at)) if one.rule else "",
        "planned": [
            _(
                "From %(day)s: %(value)s",
                day=day_words(local_day(r.from_at)),
                value=value_words(one.kind, one.name, r.value),
            )
            for r in one.planned
        ],
    }


@pages.get("/policy")
@access(STAFF)
def sheet() -> ResponseReturnValue:
    """What holds in a place, now or on a day: first which kinds of rule there are, then each kind
    on a page of its own, or all in one, with the source of each rule and since when."""
    actor = current_actor()
    kind = request.args.get("kind", "")
    only_own = request.args.get("own", "") == "yes"
    if kind not in ("", EVERY, *KINDS):
        abort(404)
    with edge().reading(actor) as (tx, at):
        places = _places(tx, actor)
        here = _here(tx, actor, places)
        day, faults = _day_asked(at)
        then = at if day is None else min_end(day)
        rules = policy.rules_in(tx, actor.system_id, here, then)
        examples = policies.shipped_on(tx, then) if then < at else None
        open_now = policies.open_changes(tx, actor.system_id, at)
    if rules is None:
        abort(404)
    rows = [_row(one, rules, places) for one in changing.sheet(rules, examples)]
    shown = [r for r in rows if kind in ("", EVERY, r["kind"]) and (r["own"] or not only_own)]
    groups = [
        {
            "kind": code,
            "heading": said(words),
            "says": said(more),
            "parts": _parts([r for r in shown if r["kind"] == code]),
            "count": _count([r for r in rows if r["kind"] == code]),
        }
        for code, (words, more) in KINDS.items()
    ]
    form = Form(
        values={
            f"on-{part}": request.args.get(f"on-{part}", "") for part in ("day", "month", "year")
        }
        | {"place": here, "kind": kind, "own": ["yes"] if only_own else []},
        errors=faults,
    )
    return page(
        "policy/sheet.jinja",
        form,
        groups=[g for g in groups if g["parts"]],
        contents=not (kind or only_own or day or faults),
        place=places[here],
        places=[(one.id, one.name) for one in places.values()],
        kinds=[(EVERY, _("All of them")), *((code, said(w)) for code, (w, _more) in KINDS.items())],
        day=day_words(day) if day else "",
        narrowed=bool(kind or only_own or day),
        may_change=may_change(actor, places[here].path),
        open_changes=len(open_now),
        words_href=WORDINGS if actor.role in WORDING_READERS else None,
        own_rules=sum(r["own"] for r in rows),
    ), (422 if faults else 200)


def _count(rows: Sequence[Any]) -> str:
    """How many rules of a kind there are, and how many of them somebody made."""
    own = sum(r["own"] for r in rows)
    words = ngettext("%(num)s rule", "%(num)s rules", len(rows))
    return f"{words}, {_('%(num)s made here or above', num=own)}" if own else words


def _parts(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rules of a kind under what they are about, where their names begin with it: "Referral"."""
    found: list[dict[str, Any]] = []
    for row in rows:
        about, colon, rest = row["words"].partition(": ")
        heading = about if colon else ""
        if not found or found[-1]["heading"] != heading:
            found.append({"heading": heading, "rows": []})
        found[-1]["rows"].append(row | {"rest": rest[:1].upper() + rest[1:] if colon else about})
    return found


def min_end(day: date) -> datetime:
    """The last moment of a day."""
    return end_of(day) - timedelta(microseconds=1)


# -- one rule -----------------------------------------------------------------------------------


def _known(rules: Rules, kind: str, name: str) -> None:
    if (kind, name) not in changing.names(rules):
        abort(404)


def asked_for(tx: Tx, actor: Actor, at: datetime, kind: str, name: str) -> tuple[Rules, Any]:
    """The rules of the place asked for, and the place; not found for a rule there isn't."""
    places = _places(tx, actor)
    here = _here(tx, actor, places)
    rules = policy.rules_in(tx, actor.system_id, here, at)
    if rules is None:
        abort(404)
    _known(rules, kind, name)
    return rules, places[here]


@pages.get("/policy/<kind>/<name>")
@access(STAFF)
def rule(kind: str, name: str) -> str:
    """One rule: what holds now and why, what is planned, and everything it was."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        rules, place = asked_for(tx, actor, at, kind, name)
        places = _places(tx, actor)
        made = policies.history(tx, actor.system_id, kind, name)
    one = changing.item(rules, place.id, kind, name)
    mine = may_change(actor, place.path)
    return page(
        "policy/rule.jinja",
        Form(),
        row=_row(one, rules, places),
        title=title_words(kind, name, rules),
        lines=lines_of(kind, one.value) if kind in ("reasons", "evidence") else [],
        place=place,
        says=said(KINDS[kind][1]),
        history=[_told(m, kind, name, at) for m in made],
        planned=[
            {"id": r.id, "words": words}
            for r, words in zip(one.planned, _row(one, rules, places)["planned"], strict=True)
        ],
        example=value_words(kind, name, policy.shipped()[kind].get(name, False)),
        may_change=mine,
        back={"href": f"/policy?place={place.id}"},
    )


def _told(made: policies.Made, kind: str, name: str, at: datetime) -> dict[str, Any]:
    r = made.rule
    who = made.by or _("Segue")
    if made.took_back is not None:
        what = _("Taken back: the rule from %(day)s", day=day_words(local_day(made.took_back)))
    else:
        what = value_words(kind, name, r.value)
    return {
        "what": what,
        "place": made.place,
        "from": "" if made.took_back else day_words(local_day(r.from_at)),
        "made": _("%(who)s, %(when)s", who=who, when=time_words(r.set_at)),
        "because": r.because or "",
        "change": r.change_id,
    }


# -- changing it --------------------------------------------------------------------------------


def value_given(kind: str, given: Mapping[str, Any]) -> Any:
    """The value a form gave, as the rule keeps it. Raises Refused where it is missing."""
    if kind in ("reasons", "evidence"):
        return list_from(kind, given.get("lines") or "")
    if kind == "blocks":
        if given.get("yes") is None:
            raise wrong("policy", "set", field("yes", N_("Choose yes or no.")))
        return given["yes"]
    if given.get("number") is None:
        raise wrong("policy", "set", field("number", N_("Enter a number.")))
    return given["number"]


FIELD = {"reasons": "lines", "evidence": "lines", "blocks": "yes"}


def beside(kind: str, refused: Refused) -> Refused:
    """What stands against the value, beside the box it was typed in."""
    from dataclasses import replace

    name = FIELD.get(kind, "number")
    renamed = {"value": name, "from_at": "from_day"}
    return Refused(
        [replace(r, field=renamed.get(r.field or "", r.field)) for r in refused.refusals],
        noun=refused.noun,
        trigger=refused.trigger,
        record_id=None,
    )


def known_value(kind: str, value: Any) -> dict[str, Any]:
    """What stands in the form at first."""
    if kind in ("reasons", "evidence"):
        return {"lines": "\n".join(lines_of(kind, value))}
    return {"yes": value} if kind == "blocks" else {"number": str(value)}


def _setting(given: Mapping[str, Any], kind: str, at: datetime) -> dict[str, Any]:
    later = given["starts"] == "later" and given.get("from_day") is not None
    above = bool(given.get("above"))
    return {
        "value": None if above else value_given(kind, given),
        "from_at": start_of(given["from_day"]) if later else None,
    }


@pages.route("/policy/<kind>/<name>/change", methods=["GET", "POST"])
@access(CHANGERS)
def change(kind: str, name: str) -> ResponseReturnValue:
    """Make a rule of a place from a day on: first what it touches, then it is made."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        rules, place = asked_for(tx, actor, at, kind, name)
    if not may_change(actor, place.path):
        abort(404)
    one = changing.item(rules, place.id, kind, name)
    schema = SetRule()
    limits = changing.bounds(kind, name)
    own = one.rule is not None and one.rule.place_id == place.id
    here = f"/policy/{kind}/{name}?place={place.id}"

    def draw(form: Form) -> str:
        return page(
            "policy/change.jinja",
            form,
            title=title_words(kind, name, rules),
            place=place,
            box=FIELD.get(kind, "number"),
            unit=unit(kind, name),
            limits=limits,
            now=value_words(kind, name, one.value),
            may_go_above=own,
            crumbs=_crumbs(title_words(kind, name, rules), here),
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        try:
            return changing.set_rule(
                tx,
                actor,
                at,
                place_id=place.id,
                kind=kind,
                name=name,
                because=given["because"],
                **_setting(given, kind, at),
            )
        except Refused as refused:
            raise beside(kind, refused) from None

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        now = policy.rules_in(tx, actor.system_id, place.id, at) or rules
        return _stands(changing.item(now, place.id, kind, name))

    def told(tx: Tx, at: datetime) -> list[dict[str, Any]]:
        over = {one.id for one in _places(tx, actor).values() if place.path.startswith(one.path)}
        history = policies.history(tx, actor.system_id, kind, name)
        made = next((one for one in history if one.rule.place_id in over), None)
        return [entry(_("Changed"), made.by or _("Segue"), made.rule.set_at)] if made else []

    kept = AsKept("policy", read, told)
    if request.method == "POST" and not request.form.get("sure") and not request.form.get("again"):
        shown = _preview(actor, place, kind, name, schema, here, kept)
        if shown is not None:
            return shown
    known = {"starts": "now", **_stands(one)}
    return answer(
        draw, act, lambda made: Next(here, _saved()), schema=schema, known=known, kept=kept
    )


def _stands(one: changing.Item) -> dict[str, Any]:
    """A rule as the form of its change shows it, and, as no field of it, what rules stand behind
    that and are yet to come."""
    stands = [one.rule, *one.planned]
    return {**known_value(one.kind, one.value), "_rules": [r.id for r in stands if r]}


def _saved() -> str:
    if request.form.get("starts") == "later":
        return _("Saved. It begins on its day; what runs then keeps the rule it began with.")
    return _("Saved. What runs keeps the rule it began with.")


def _preview(
    actor: Actor, place: Any, kind: str, name: str, schema: SetRule, here: str, kept: AsKept
) -> str | None:
    """What the rule would touch; None where something stands against it, which the form says."""
    try:
        given = load(schema, typed(schema, request.form), edge().clock(), form=True)
        with edge().reading(actor) as (tx, at):
            if kept.changed(tx, at, form_now(schema)) is not None:
                return None
            setting = _setting(given, kind, at)
            rules = changing.over(tx, actor, place.id, at)
            start = setting["from_at"] or at
            changing.checked(kind, name, setting["value"], Rules(rules.book, rules.path, start))
            found = changing.effect(
                tx, actor, at, place_id=place.id, kind=kind, name=name, **setting
            )
    except (Wrong, Refused, ValueError):
        return None
    return page(
        "policy/preview.jinja",
        Form(key=request.form.get("key") or Form().key),
        title=title_words(kind, name, rules),
        place=place,
        was=value_words(kind, name, found.was),
        value=value_words(kind, name, found.value),
        starts=_("now") if setting["from_at"] is None else day_words(local_day(found.from_at)),
        because=given["because"],
        effects=effect_words(kind, name, found, setting["from_at"] is None),
        kept=[
            (n, v)
            for n, v in request.form.items(multi=True)
            if n not in ("csrf_token", "key", "sure")
        ],
        crumbs=_crumbs(title_words(kind, name, rules), here),
    )


def _crumbs(title: str, here: str) -> list[dict[str, str]]:
    """The way to a page below a rule's."""
    return [
        {"href": f"/policy?{here.partition('?')[2]}", "text": _("Policy")},
        {"href": here, "text": title},
    ]


def effect_words(kind: str, name: str, found: changing.Effect, at_once: bool) -> list[str]:
    """What a rule touches, and what it leaves, in sentences."""
    begins = _("now") if at_once else day_words(local_day(found.from_at))
    lines = []
    if kind == "days":
        value = value_words(kind, name, found.value)
        lines.append(_("What begins from %(day)s on has %(value)s.", day=begins, value=value))
        if found.keeps is None:
            lines.append(_("Concerns that are open keep the times they began with."))
        elif found.keeps:
            lines.append(
                ngettext(
                    "%(num)s that is running keeps the time it began with.",
                    "%(num)s that are running keep the time they began with.",
                    found.keeps,
                )
            )
        else:
            lines.append(_("Nothing of this kind is running now."))
    else:
        lines.append(_KEEPS[kind](found.keeps or 0))
        if kind in ("reasons", "evidence"):
            was, now = set(lines_of(kind, found.was)), set(lines_of(kind, found.value))
            if now - was:
                lines.append(_("New: %(what)s.", what="; ".join(sorted(now - was))))
            if was - now:
                lines.append(_("No longer offered: %(what)s.", what="; ".join(sorted(was - now))))
    if found.own:
        lines.append(
            _("These places have a rule of their own and keep it: %(what)s.",
              what=", ".join(sorted(found.own)))
        )  # fmt: skip
    return lines


_KEEPS: dict[str, Any] = {
    "months": lambda n: ngettext(
        "%(num)s agreement that was given keeps its date.",
        "%(num)s agreements that were given keep their dates.",
        n,
    ),
    "years": lambda n: _(
        "What is on the list already is dated anew. Nothing goes by a date alone."
    ),
    "ceiling": lambda n: ngettext(
        "%(num)s matter that is open keeps the level it was raised under.",
        "%(num)s matters that are open keep the level they were raised under.",
        n,
    ),
    "reasons": lambda n: _("Reasons that were given stay as they were given."),
    "evidence": lambda n: ngettext(
        "%(num)s provider that is assured stays so. The next review asks for the new list.",
        "%(num)s providers that are assured stay so. Their next review asks for the new list.",
        n,
    ),
    "blocks": lambda n: ngettext(
        "%(num)s item that was recorded stays as it was recorded.",
        "%(num)s items that were recorded stay as they were recorded.",
        n,
    ),
}


@pages.post("/policy/rules/<uuid:rule_id>/take-back")
@access(CHANGERS)
def take_back(rule_id: UUID) -> ResponseReturnValue:
    """A planned rule is not to come into force."""
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        found = policies.rule(tx, actor.system_id, str(rule_id))
    if found is None:
        abort(404)
    here = f"/policy/{found.kind}/{found.name}?place={found.place_id}"

    def draw(form: Form) -> str:
        return page(
            "policy/stays.jinja", form, title=title_words(found.kind, found.name),
            crumbs=_crumbs(title_words(found.kind, found.name), here),
        )  # fmt: skip

    return answer(
        draw,
        lambda tx, at, given, form: changing.take_back(tx, actor, at, rule_id=found.id),
        lambda made: Next(
            here, _("Taken back. It will not come into force; what holds now goes on.")
        ),
    )


__all__ = ["CHANGERS", "beside", "known_value", "may_change", "pages", "refuse", "value_given"]
