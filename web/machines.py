"""How each kind of record moves: a picture of its states, and the same in tables, from the rows
the engine itself decides by. Only the lengths of deadlines are a place's own: they are policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from referral import policy
from referral.policy import Rules
from referral.states import ENDS, Noun, Role
from web import labels
from web.access import STAFF, access, current_actor
from web.charts import WIDE, Box, Drawing, Mark, Trail, Words
from web.current import edge
from web.forms import page
from web.labels import role_name, said, state_tag, word
from web.say import _, ngettext
from workflows.engine import TABLES
from workflows.moves import N_, Clock, Fire, Move, Raise, Remind, State, Table

pages = Blueprint("machine_pages", __name__)

ACTS: dict[str, str] = {
    "link_worker": N_("Link worker"),
    "provider": N_("The provider"),
    "holder": N_("Whoever holds it"),
    "governance_lead": N_("Governance lead"),
    "reviewer": N_("The reviewer"),
    "asked": N_("Whoever was asked"),
    "lead": N_("Information governance lead"),
    "opener": N_("Whoever opened it"),
}
ROW, TALL, TOP = 40, 28, 26
START = ""  # what isn't there yet


class Lane(NamedTuple):
    """One move in the picture: from which rows to which, and in which column its line runs."""

    number: int
    sources: tuple[int, ...]
    target: int
    column: int

    @property
    def low(self) -> int:
        return min(*self.sources, self.target)

    @property
    def high(self) -> int:
        return max(*self.sources, self.target)


def drawn_moves(table: Table) -> list[Move]:
    """The moves of the picture: those that change the state, from somewhere at least."""
    return [m for m in table.moves if m.to is not None and any(s != m.to for s in m.sources)]


def lanes(rows: Sequence[str], moves: Iterable[tuple[int, Move]]) -> list[Lane]:
    """Each move's line in the first column where it crosses no other move's, short ones nearest to
    the states."""
    at = {name: number for number, name in enumerate(rows)}
    found = []
    for number, move in moves:
        sources = tuple(sorted(at[str(s) if s else START] for s in move.sources if s != move.to))
        found.append(Lane(number, sources, at[str(move.to)], 0))
    found.sort(key=lambda lane: (lane.high - lane.low, lane.number))
    columns: list[list[Lane]] = []
    placed = []
    for lane in found:
        column = next(
            (
                n
                for n, there in enumerate(columns)
                if all(lane.low > o.high or lane.high < o.low for o in there)
            ),
            len(columns),
        )
        if column == len(columns):
            columns.append([])
        columns[column].append(lane)
        placed.append(lane._replace(column=column))
    return sorted(placed, key=lambda lane: lane.number)


def picture(
    names: Sequence[str], ended: Iterable[int], found: Sequence[Lane], wide: bool
) -> Drawing:
    """The states below each other, each with a thin line to the right; across them a thick line for
    each move, with a dot where it begins and an arrow where it ends. On the wide drawing each has
    its number."""
    width, step, size = (220, 27, 5) if wide else (176, 7, 3)
    columns = 1 + max((lane.column for lane in found), default=0)
    total = max(width + 14 + columns * step + size, WIDE if wide else 0)
    drawing = Drawing("wide" if wide else "narrow", total, TOP + len(names) * ROW)
    lasts = set(ended)

    def middle(row: int) -> int:
        return TOP + row * ROW + TALL // 2

    def across(lane: Lane) -> int:
        return width + 16 + lane.column * step

    for number, name in enumerate(names):
        y = TOP + number * ROW
        look = "hidden" if number in lasts or number == 0 else "plain"
        drawing.boxes.append(Box(1, y, width, TALL, look))
        strong = wide and look == "plain"
        drawing.words.append(Words(8, y + TALL - 8, name, strong=strong))
        touching = [across(one) for one in found if number in (*one.sources, one.target)]
        if touching:
            path = f"M{width + 1} {middle(number)}H{max(touching)}"
            drawing.trails.append(Trail(path, rule=True))
    for lane in found:
        x, low, high = across(lane), middle(lane.low), middle(lane.high)
        drawing.trails.append(Trail(f"M{x} {low}V{high}"))
        for row in lane.sources:
            drawing.marks.append(
                Mark(f"M{x - size} {middle(row)}a{size} {size} 0 1 0 {2 * size} 0"
                     f"a{size} {size} 0 1 0 -{2 * size} 0")
            )  # fmt: skip
        y = middle(lane.target)
        tip = size + 3
        drawing.marks.append(Mark(f"M{x - tip} {y}l{2 * tip} -{tip}v{2 * tip}z"))
        if wide:
            drawing.words.append(Words(x, low - 10, str(lane.number), anchor="middle"))
    return drawing


# -- in words -----------------------------------------------------------------------------------


def _after(act: Remind | Fire | Raise | None, noun: Noun) -> str:
    if isinstance(act, Remind):
        return _("whoever acts is reminded")
    if isinstance(act, Raise):
        return _("it is escalated")
    if isinstance(act, Fire):
        return _("by itself: %(move)s", move=labels.button(noun, act.trigger))
    return ""


def _deadline(clock: Clock | None, rules: Rules, noun: Noun) -> dict[str, str] | None:
    """How long a state may last here, and what happens then."""
    if clock is None:
        return None
    told = _("By a date of its own")
    href = ""
    if clock.kind in policy.DAYS:
        days = rules.days(clock.kind)
        told = ngettext("%(num)s working day", "%(num)s working days", days)
        href = f"/policy/days/{clock.kind}"
    then = [_after(clock.first, noun), _after(clock.then, noun)]
    return {"words": told, "href": href, "then": "; ".join(dict.fromkeys(filter(None, then)))}


def _by(move: Move) -> str:
    roles = dict.fromkeys(role for role, _relation in sorted(move.by, key=lambda hat: hat[0]))
    words = [_("By itself") if role is Role.SYSTEM else role_name(role) for role in roles]
    return ", ".join(words)


def _state_words(noun: Noun, state: str) -> str:
    return state_tag(noun, state)["text"] if state else _("Not there yet")


def state_row(noun: Noun, state: State, rules: Rules) -> dict[str, Any]:
    return {
        "tag": state_tag(noun, str(state.name)),
        "says": said(state.says),
        "acts": word(ACTS, state.acts) if state.acts else _("Nobody: it is at an end"),
        "deadline": _deadline(state.clock, rules, noun),
    }


def move_row(noun: Noun, table: Table, number: int | None, move: Move) -> dict[str, Any]:
    """One move in words."""
    order = [None, *table.states]
    return {
        "number": number,
        "words": labels.button(noun, move.trigger),
        "says": said(move.says),
        "sources": [
            _state_words(noun, str(s) if s else START)
            for s in sorted(move.sources, key=order.index)
        ],
        "to": _state_words(noun, str(move.to)) if move.to is not None else "",
        "by": _by(move),
        "two": move.two_people or move.two_people_if is not None,
        "guards": [said(g.refusal.why) for g in move.guards],
    }


# -- the pages ----------------------------------------------------------------------------------


@pages.get("/workflows")
@access(STAFF)
def machines() -> str:
    """Every kind of record that moves."""
    return page(
        "machines.jinja",
        rows=[
            {
                "href": f"/workflows/{noun}",
                "words": word(labels.NOUNS, noun),
                "states": ngettext("%(num)s state", "%(num)s states", len(table.states)),
                "moves": ngettext("%(num)s move", "%(num)s moves", len(table.moves)),
            }
            for noun, table in TABLES.items()
        ],
    )


@pages.get("/workflows/<noun>")
@access(STAFF)
def machine(noun: str) -> ResponseReturnValue:
    """One kind of record: its picture, states, deadlines and moves."""
    if noun not in set(TABLES):
        abort(404)
    kind = Noun(noun)
    table = TABLES[kind]
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        rules = policy.rules_of(tx, actor.organisation_id, at)
    numbered = list(enumerate(drawn_moves(table), 1))
    number_of = {id(move): number for number, move in numbered}
    rows = [START, *map(str, table.states)]
    found = lanes(rows, numbered)
    names = [_state_words(kind, name) for name in rows]
    ended = [n for n, name in enumerate(rows) if name in {str(s) for s in ENDS[kind]}]
    title = word(labels.NOUNS, kind)
    chart = {
        "key": "machine",
        "title": _("How it moves: %(what)s", what=title),
        "finding": ngettext(
            "%(num)s move between states. Each has its number in the table of moves below.",
            "%(num)s moves between states. Each has its number in the table of moves below.",
            len(numbered),
        ),
        "drawings": [picture(names, ended, found, wide) for wide in (True, False)],
    }
    return page(
        "machine.jinja",
        title=title,
        chart=chart,
        states=[state_row(kind, state, rules) for state in table.states.values()],
        moves=[move_row(kind, table, number_of.get(id(m)), m) for m in table.moves],
        back={"href": "/workflows", "text": _("Every kind of record")},
    )
