"""Lists: a page at a time, the newest first, by a cursor that says nothing to who holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from marshmallow import Schema, fields

from referral import lists
from referral.audit import log
from referral.store import Tx
from web.api.answers import words
from web.api.door import asker
from web.current import edge, settings
from web.schemas import Command, Wrong
from web.schemas.fields import SHORT, Choice, Id, Many, Number, Text
from workflows.moves import N_, Refusal

MOST = 100
USUAL = 50
WRONG_CURSOR = Refusal(
    "wrong_cursor",
    N_("This list can't be gone on with from there."),
    N_("Start again without a cursor, or send the last `next` as it was given."),
    field="cursor",
)


class PageAsked(Command):
    """Which page of a list."""

    cursor = Text(most=SHORT, metadata={"description": "`next` of the page before."})
    limit = Number(least=1, most=MOST, metadata={"description": f"Usually {USUAL}."})


def place_of(position: str | None) -> tuple[datetime, str] | None:
    """The time and the id of the last one of a page, as its cursor kept them."""
    if position is None:
        return None
    at, _, record_id = position.partition(" ")
    return datetime.fromisoformat(at), record_id


def asked(
    name: str, states: Sequence[str] = (), ids: Sequence[str] = (), **more: fields.Field[Any]
) -> type[PageAsked]:
    """The filters of a list: states, ids of other records, and more."""
    made: dict[str, Any] = {i: Id() for i in ids}
    if states:
        made["state"] = Many(Choice(tuple(states)), most=len(states))
    return type(f"{name}Asked", (PageAsked,), {**made, **more, "__doc__": f"Which {name}."})


def listed(name: str, item: type[Schema]) -> type[Schema]:
    """A page of these."""
    return type(
        f"{name}Listed",
        (Schema,),
        {
            "__doc__": f"A page of {name}, the newest first.",
            "items": fields.List(fields.Nested(item)),
            "next": fields.String(
                allow_none=True,
                metadata={"description": "Send it as `cursor` for what follows; null at the end."},
            ),
        },
    )


def cursors(noun: str) -> URLSafeSerializer:
    """What makes the cursors of a list, and reads them."""
    # For one member and one noun: a cursor is no way to learn another's ids.
    return URLSafeSerializer(settings().secret_key, salt=f"cursor {noun} {asker().membership_id}")


def after_of(noun: str, cursor: str | None) -> str | None:
    """What a cursor says; None without one. Raises Wrong for one that isn't ours."""
    if cursor is None:
        return None
    try:
        return str(cursors(noun).loads(cursor))
    except BadSignature:
        raise Wrong([WRONG_CURSOR]) from None


def keyset(
    what: str,
    given: Mapping[str, Any],
    read: Callable[[Tx, Any, str | None, int], Sequence[Any]],
    *,
    audited: bool = False,
) -> dict[str, Any]:
    """A page of what isn't a noun with a machine: `read(tx, at, after, most)` gives rows with an
    `id`, those after this one; where it is `audited`, it writes so in the log."""
    actor = asker()
    most = given.get("limit") or USUAL
    position = after_of(what, given.get("cursor"))
    if audited:
        rows = list(edge().look(actor, lambda tx, at: read(tx, at, position, most + 1)))
    else:
        with edge().reading(actor) as (tx, at):
            rows = list(read(tx, at, position, most + 1))
    more = len(rows) > most
    rows = rows[:most]
    return {"items": rows, "next": cursors(what).dumps(str(rows[-1].id)) if more else None}


def page(
    noun: str,
    given: Mapping[str, Any],
    shown: Callable[[Tx, Any, list[dict[str, Any]]], list[dict[str, Any]]],
    *,
    audited: bool = True,
) -> dict[str, Any]:
    """A page of a noun for whoever asks. `shown(tx, at, rows)` makes the items; that people's
    records were listed is written in the audit log."""
    actor = asker()
    most = given.get("limit") or USUAL
    start = after_of(noun, given.get("cursor"))
    own = ("cursor", "limit", "state")
    filters = {n: v for n, v in given.items() if n not in own and v is not None}

    def read(tx: Tx, at: Any) -> dict[str, Any]:
        rows = lists.page(
            tx,
            noun,
            actor,
            at,
            after=start,
            most=most + 1,
            states=given.get("state") or (),
            filters=filters,
        )
        more = len(rows) > most
        rows = rows[:most]
        if audited and rows:
            log(
                tx,
                actor,
                at,
                "listed",
                str(noun),
                None,
                {"ids": {str(noun): [row["id"] for row in rows]}},
            )
        return {
            "items": shown(tx, at, rows),
            "next": cursors(noun).dumps(rows[-1]["id"]) if more else None,
        }

    if audited:
        return edge().look(actor, read)
    with edge().reading(actor) as (tx, at):
        return read(tx, at)


__all__ = ["MOST", "PageAsked", "asked", "keyset", "listed", "page", "words"]
