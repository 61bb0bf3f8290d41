"""What was sent to me, newest first."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from referral import visible
from referral.documents import SCANNED_OUT, SHARED
from referral.messages import RECEIVED
from referral.notices import mark_read
from referral.states import Noun, Role
from web import labels
from web.access import STAFF, access, current_actor
from web.current import edge
from web.keysets import after, pack, unpack
from web.say import _
from web.words import deadline, iso, time_words
from web.worklists import why_here
from workflows import reading
from workflows.hearing import REMINDER, USER
from workflows.reading import WorkItem

pages = Blueprint("notices", __name__)


def _lists() -> dict[str, str]:
    """What the notices can be narrowed to, in words."""
    return {
        "": _("All"),
        "new": _("Unread"),
        "due": _("Something due"),
        "referrals": _("Referrals"),
        "consent": _("Consent"),
        "safety": _("Safety"),
    }


@pages.get("/notices")
@access(STAFF)
def notices() -> str:
    actor = current_actor()
    position = after(int)
    show = request.args.get("show", "")
    about = show if show in visible.ABOUT else ""
    with edge().reading(actor) as (tx, at):
        before = position[0] if position else None
        rows = visible.notices(tx, actor, before, visible.PAGE + 1, about)
        shown = rows[: visible.PAGE]
        names = reading.names(
            tx, actor, at, {row.record_id for row in shown if row.noun == Noun.REFERRAL}
        )
        due = {row.record_id for row in shown if row.what == REMINDER}
        work: dict[str, WorkItem] = {}
        for item in reading.work_about(tx, actor, at, due):
            work.setdefault(item.watched or item.record_id, item)
    here = f"show={about}&" if about else ""
    return render_template(
        "notices.jinja",
        notices=[
            _drawn(row, work.get(row.record_id), at, names.get(row.record_id, "")) for row in shown
        ],
        newest=pack(shown[0].id) if shown else None,
        unread=not about and any(row.read_at is None for row in shown),
        older=f"/notices?{here}after={pack(shown[-1].id)}" if len(rows) > visible.PAGE else None,
        narrowed=bool(about),
        chips=[
            {
                "text": text,
                "href": f"/notices?show={name}" if name else "/notices",
                "current": name == about,
            }
            for name, text in _lists().items()
        ],
    )


def _drawn(
    row: visible.NoticeRow, item: WorkItem | None, at: datetime, name: str
) -> dict[str, object]:
    gone = row.in_error and current_actor().role is Role.PROVIDER_LEADER
    found: dict[str, object] = {
        "what": labels.word(labels.NOTICES, row.what),
        "href": None if gone else _leads_to(row),
        "name": "" if gone or name == row.reference else name,
        "reference": row.reference or _noun(row.noun),
        "about": row.provider
        or row.place
        or (labels.word(labels.PURPOSES, row.purpose) if row.purpose else ""),
        "when": time_words(row.at),
        "at": iso(row.at),
        "new": row.read_at is None,
    }
    if row.what == REMINDER and not gone:
        found |= _due(row, item, at)
    return found


def _noun(noun: str) -> str:
    return _("Your account") if noun == USER else labels.word(labels.NOUNS, noun)


def _due(row: visible.NoticeRow, item: WorkItem | None, at: datetime) -> dict[str, object]:
    """What is due, by when, and the form for it; where nothing is any more, that."""
    if item is None or item.kind == visible.CALL:
        about = labels.word(labels.NOUNS, row.noun)
        return {
            "what": _("%(record)s: something was due. It no longer waits for you.", record=about)
        }
    why, button, href = why_here(item)
    return {
        "what": why,
        "deadline": deadline(item.due, at, hours=item.hours)._asdict(),
        "action": {"text": button, "href": href},
    }


def _leads_to(row: visible.NoticeRow) -> str | None:
    path = labels.page_of(row.noun, row.record_id)
    if path and row.what in (SHARED, SCANNED_OUT):
        return f"{path}/documents"
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
