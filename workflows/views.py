"""Lists of referrals saved under a name: one's own, and of no weight for anybody else."""

from __future__ import annotations

from datetime import datetime

from referral import saved_views
from referral.actors import Actor
from referral.ids import new_id
from referral.rows import change, put
from referral.store import Tx
from workflows.moves import N_
from workflows.rules import field, missing, wrong

TAKEN = field("name", N_("You have a list of this name. Choose another name."))
ENOUGH = field("name", N_("You have 20 saved lists. Throw one away first."), code="enough_lists")
NOTHING = field("name", N_("Narrow or sort the list first, then save it."), code="nothing_asked")


def save(tx: Tx, actor: Actor, at: datetime, *, name: str, asked: str) -> str:
    """Keep a list under a name. Raises Refused: the name is taken, there are enough, or nothing
    was asked for."""
    mine = saved_views.mine(tx, actor)
    if not asked:
        raise wrong("saved_view", "save", NOTHING)
    if len(mine) >= saved_views.MOST:
        raise wrong("saved_view", "save", ENOUGH)
    _refuse_taken(mine, name, None)
    view_id = new_id(at)
    put(
        tx,
        "saved_view",
        {
            "id": view_id,
            "system_id": actor.system_id,
            "membership_id": actor.membership_id,
            "name": name,
            "asked": asked,
            "created_at": at,
        },
    )
    return view_id


def rename(tx: Tx, actor: Actor, at: datetime, view_id: str, *, name: str) -> None:
    """Give one's own list another name. Raises Refused: not_found, or the name is taken."""
    if saved_views.one(tx, actor, view_id) is None:
        raise missing("saved_view", "rename")
    _refuse_taken(saved_views.mine(tx, actor), name, view_id)
    change(tx, "saved_view", view_id, {"name": name})


def throw_away(tx: Tx, actor: Actor, at: datetime, view_id: str) -> None:
    """One's own list goes; what it showed stays as it is. Raises Refused: not_found."""
    if saved_views.one(tx, actor, view_id) is None:
        raise missing("saved_view", "throw_away")
    saved_views.end(tx, actor, view_id)


def _refuse_taken(mine: list[saved_views.View], name: str, own: str | None) -> None:
    if any(view.name.casefold() == name.casefold() and view.id != own for view in mine):
        raise wrong("saved_view", "save", TAKEN)
