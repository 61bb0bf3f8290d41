"""Themes: what escalations show about the system, how often, how old, and what was decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from referral import policy, scopes, themes
from referral.audit import showing
from referral.states import Noun, Relation, Role
from referral.store import Tx
from web import labels
from web.access import REVIEWERS, STAFF, access, current_actor
from web.current import edge
from web.escalations import DECISIONS, may_read, word_of_level
from web.forms import AsKept, Form, Next, answer, page
from web.keysets import after, pack
from web.labels import record_path, said, state_tag, word
from web.moves import read_record
from web.say import _, ngettext
from web.schemas import Command
from web.schemas.fields import Id, Many, Text
from web.timelines import changed
from web.words import time_words
from workflows.engine import TABLES
from workflows.moves import N_
from workflows.themes import set_themes
from workflows.working_time import ENGLAND, working_days_between

pages = Blueprint("theme_pages", __name__)

READERS = REVIEWERS | {Role.TEAM_LEAD}
A_PAGE = 25
SINCE: dict[str, tuple[str, int]] = {
    "90": (N_("The last 3 months"), 90),
    "365": (N_("The last year"), 365),
    "all": (N_("From the beginning"), 0),
}
EVER = datetime(2000, 1, 1, tzinfo=UTC)


def _filters(at: datetime) -> tuple[datetime, str, dict[str, str]]:
    """Since when, which kind, and both as they stand in the address."""
    since, kind = request.args.get("since", "365"), request.args.get("kind", "")
    if since not in SINCE or (kind and kind not in policy.CEILINGS):
        abort(404)
    days = SINCE[since][1]
    return (at - timedelta(days=days) if days else EVER), kind, {"since": since, "kind": kind}


def _choices() -> dict[str, Any]:
    return {
        "spans": [(code, said(words)) for code, (words, _days) in SINCE.items()],
        "kinds": labels.choices(labels.KINDS),
    }


@pages.get("/themes")
@access(READERS)
def all_themes() -> str:
    """Each theme with its counts, ages and what was decided."""
    actor = current_actor()
    position = after(str)
    with edge().reading(actor) as (tx, at):
        since, kind, asked = _filters(at)
        start = themes.theme(tx, actor, position[0]) if position else None
        found = themes.counted(tx, actor, since, kind, start, A_PAGE + 1)
        untagged = themes.untagged(tx, actor, since, kind)
    shown = found[:A_PAGE]
    older = None
    if len(found) > A_PAGE:
        older = f"/themes?{urlencode({**asked, 'after': pack(shown[-1].id)})}"
    return page(
        "themes.jinja",
        rows=[_counted(one, at, asked) for one in shown],
        untagged=untagged,
        older=older,
        asked=asked,
        **_choices(),
    )


def _counted(one: themes.Counted, at: datetime, asked: dict[str, str]) -> dict[str, Any]:
    raised = ngettext("Raised %(num)s time.", "Raised %(num)s times.", one.raised)
    still = ""
    if one.open and one.oldest:
        days = working_days_between(one.oldest, at, ENGLAND)
        still = ngettext("%(num)s is open", "%(num)s are open", one.open) + ", "
        still += ngettext(
            "the oldest for %(num)s working day.", "the oldest for %(num)s working days.", days
        )
    decided = [
        f"{word(DECISIONS, code)}: {count}"
        for code, count in (
            ("uphold", one.upheld),
            ("partly", one.partly),
            ("not_upheld", one.not_upheld),
            ("overturn", one.overturned),
        )
        if count
    ]
    return {
        "name": said(one.name),
        "href": f"/themes/{one.id}?{urlencode(asked)}",
        "raised": f"{raised} {still}".strip(),
        "decided": "; ".join(decided) or _("Nothing has been decided yet."),
    }


@pages.get("/themes/<uuid:theme_id>")
@access(READERS)
def one_theme(theme_id: UUID) -> str:
    """The escalations that show one theme, newest first."""
    actor, found = current_actor(), str(theme_id)
    position = after(str)
    with edge().reading(actor) as (tx, at):
        since, kind, asked = _filters(at)
        theme = themes.theme(tx, actor, found)
        if theme is None:
            abort(404)
        before = position[0] if position else None
        rows = themes.showing(tx, actor, found, since, kind, before, A_PAGE + 1)
    shown = rows[:A_PAGE]
    showing(Noun.ESCALATION, (one.id for one in shown))
    # What a theme shows is told more widely than the reviews themselves.
    may_open = actor.role in scopes.REVIEWERS
    older = None
    if len(rows) > A_PAGE:
        older = f"/themes/{found}?{urlencode({**asked, 'after': pack(shown[-1].id)})}"
    return page(
        "theme.jinja",
        theme=theme,
        name=said(theme.name),
        rows=[
            {
                "reference": one.reference,
                "href": record_path(Noun.ESCALATION, one.id) if may_open else None,
                "kind": word(labels.KINDS, one.kind),
                "tag": state_tag(Noun.ESCALATION, one.state),
                "meta": _(
                    "%(place)s, level: %(level)s, raised %(when)s",
                    place=one.place,
                    level=word_of_level(one.level),
                    when=time_words(one.created_at),
                ),
                "decided": word(DECISIONS, one.decision) if one.decision else "",
            }
            for one in shown
        ],
        older=older,
        asked=asked,
        back={"href": f"/themes?{urlencode(asked)}"},
        **_choices(),
    )


class Tag(Command):
    """What an escalation shows about the system."""

    themes = Many(Id(N_("Choose themes from the list.")), most=200)
    new = Text()


@pages.route("/escalations/<uuid:record_id>/themes", methods=["GET", "POST"])
@access(STAFF)
def tag(record_id: UUID) -> ResponseReturnValue:
    """Choose what an escalation shows about the system, or name something new."""
    actor = current_actor()
    found = read_record(Noun.ESCALATION, str(record_id))
    worn = {hat[1] for hat in TABLES[Noun.ESCALATION].hats(found.facts, actor)}
    if not may_read(found.facts, actor) or not worn & {Relation.REVIEWER, Relation.OVER}:
        abort(404)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        return {"themes": [one.id for one in themes.of_escalation(tx, actor, found.id)]}

    with edge().reading(actor) as (tx, at):
        every = themes.all_of(tx, actor)
        known = read(tx, at)
    back = record_path(Noun.ESCALATION, found.id)

    def draw(form: Form) -> str:
        return page(
            "escalation_themes.jinja",
            form,
            caption=found.caption,
            themes=[(one.id, said(one.name)) for one in every],
            back={"href": back},
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        set_themes(tx, actor, at, found.id, given.get("themes") or [], given.get("new"))

    return answer(
        draw,
        act,
        lambda _made: Next(back, _("Saved. It counts on the page of themes.")),
        schema=Tag(),
        known=known,
        kept=AsKept(
            Noun.ESCALATION, read, lambda tx, at: changed(tx, actor, "themes_set", found.id)
        ),
    )
