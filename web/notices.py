"""What was sent to me, newest first."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from referral import visible
from referral.messages import RECEIVED
from referral.notices import mark_read
from referral.states import Role
from web import labels
from web.access import STAFF, access, current_actor
from web.current import edge
from web.keysets import after, pack, unpack
from web.words import iso, time_words

pages = Blueprint("notices", __name__)


@pages.get("/notices")
@access(STAFF)
def notices() -> str:
    actor = current_actor()
    position = after(int)
    with edge().reading(actor) as (tx, _at):
        rows = visible.notices(tx, actor, position[0] if position else None, visible.PAGE + 1)
    shown = rows[: visible.PAGE]
    return render_template(
        "notices.jinja",
        notices=[_drawn(row) for row in shown],
        newest=pack(shown[0].id) if shown else None,
        unread=any(row.read_at is None for row in shown),
        older=f"/notices?after={pack(shown[-1].id)}" if len(rows) > visible.PAGE else None,
    )


def _drawn(row: visible.NoticeRow) -> dict[str, object]:
    gone = row.in_error and current_actor().role is Role.PROVIDER_LEADER
    return {
        "what": labels.word(labels.NOTICES, row.what),
        "href": None if gone else _leads_to(row),
        "reference": row.reference or labels.word(labels.NOUNS, row.noun),
        "when": time_words(row.at),
        "at": iso(row.at),
        "new": row.read_at is None,
    }


def _leads_to(row: visible.NoticeRow) -> str | None:
    path = labels.page_of(row.noun, row.record_id)
    return f"{path}/messages" if path and row.what == RECEIVED else path


@pages.post("/notices/read")
@access(STAFF)
def read() -> ResponseReturnValue:
    """Everything up to the newest on the page is read."""
    up_to = unpack(request.form.get("up_to"), int)
    actor = current_actor()
    if up_to is not None:
        edge().perform(actor, lambda tx, at: mark_read(tx, actor, at, up_to[0]))
    return redirect("/notices", 303)
