"""The dashboard of those who answer for a place, and the fixed set of reports: each a sentence, a
picture where it helps, a table, a file for a spreadsheet, and how it is counted."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort
from flask.typing import ResponseReturnValue

from referral import counts, reviews, themes, visible
from referral.actors import Actor
from referral.audit import log, showing
from referral.counts import MEASURES
from referral.states import Noun
from referral.store import Tx
from referral.tallies import Numbers
from web import labels, pdf
from web.access import access, current_actor
from web.accesses import neutral
from web.charts import Cell, Table
from web.counting import (
    ANSWERS,
    BOARD,
    OWN,
    PLACED,
    READERS,
    REPORTS,
    Question,
    Report,
    chosen_kinds,
    counted_how,
    is_kept,
    list_of,
    may_read,
    numbers,
    question,
    section,
    small_for,
    told_apart,
    when_words,
    words_of,
)
from web.current import edge
from web.escalations import decided_row
from web.forms import page
from web.keysets import after, pack
from web.labels import record_path, said, word
from web.say import _, ngettext
from web.wellbeing import bands
from web.words import day_words, deadline, month_name
from workflows.small_numbers import EXACT
from workflows.working_time import ENGLAND, LONDON, local_day, working_days_between

pages = Blueprint("report_pages", __name__)

A_PAGE = 50
MOST = 30  # of each kind on an agenda
LAST = (datetime(9999, 1, 1, tzinfo=UTC), "\U0010ffff")


def _filters(ask: Question, path: str) -> dict[str, Any]:
    return {
        "path": path,
        "periods": [(one.code, one.words) for one in ask.periods],
        "period": ask.period.code,
        "places": ask.places,
        "place": ask.place,
        "providers": list(ask.providers.items()),
        "provider": ask.provider,
        "both": ask.both,
        "exact": ask.exact,
    }


def _other_way(ask: Question, path: str) -> dict[str, str] | None:
    """Where the numbers stand as they are, and back again, for those who may open the records."""
    if ask.small.exact or not ask.may_list:
        return None
    asked = {name: value for name, value in ask.address.items() if name != "exact"}
    if ask.exact:
        return {"href": f"{path}?{urlencode(asked)}", "text": _("Show them fit for others to see")}
    asked["exact"] = "yes"
    return {"href": f"{path}?{urlencode(asked)}", "text": _("Show the numbers as they are")}


def _small_words(ask: Question, report: Report | None = None) -> str:
    """How small numbers are told: on a whole page, or of one report."""
    if ask.small.exact:
        return _("These are the numbers as they are, of people whose records your team holds. Keep"
                 " small numbers to yourselves: they can tell who somebody is.")  # fmt: skip
    if ask.exact and (report is None or small_for(ask, report).exact):
        return _("These are the numbers as they are, for your own eyes: small ones can tell who"
                 " somebody is. A file of them still has small numbers as *.")  # fmt: skip
    return _(
        "So that nobody can be picked out, numbers of people from 1 to %(most)s are shown as *, and"
        " the others are rounded to the nearest %(nearest)s.",
        most=ask.small.hidden_to, nearest=ask.small.nearest,
    )  # fmt: skip


# -- the dashboard ------------------------------------------------------------------------------


@pages.get("/dashboard")
@access(BOARD)
def dashboard() -> str:
    """What those who answer for a place bring to a board: numbers that lead to their records."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        ask = question(tx, actor, at)
        found = _on_board(tx, ask)
        concerns = _concerns(tx, ask)
    parts = [_part(ask, name, cells) for name, cells in found.items()]
    return page(
        "report/dashboard.jinja",
        heading=_("Dashboard"),
        where=ask.place_words.strip() or actor.organisation_name,
        filters=_filters(ask, "/dashboard"),
        figures=_figures(ask, found),
        parts=parts,
        concerns=concerns,
        small=_small_words(ask),
        other_way=_other_way(ask, "/dashboard"),
        printed=day_words(local_day(at)),
    )


def _part(ask: Question, name: str, cells: Numbers) -> dict[str, Any]:
    report = REPORTS[name]
    chosen = [apart for apart in told_apart(ask, report) if apart.name in report.board]
    crossed = _crossed(ask, name, cells) if name == "reviews" else None
    sections = [] if crossed else [section(ask, name, apart, cells) for apart in chosen]
    return {
        "name": name,
        "title": said(report.title),
        "when": when_words(ask, report),
        "crossed": crossed,
        "sections": sections,
        "counted": counted_how(ask, report),
        "href": f"/reports/{name}?{urlencode(ask.address)}",
        "small": _still_hidden(ask, report),
    }


def _still_hidden(ask: Question, report: Report) -> str:
    """On a page of numbers as they are, why those of this report aren't."""
    if not ask.exact or small_for(ask, report).exact:
        return ""
    return _("Small numbers stay hidden here: what somebody is counted by could tell who it is.")


def _crossed(ask: Question, name: str, cells: Numbers) -> dict[str, Any]:
    """Escalations by age down and severity across."""
    report = REPORTS[name]
    severity, age = report.aparts[0], report.aparts[1]
    small = small_for(ask, report)
    across = [(code, word(ANSWERS["severity"], code)) for code in ANSWERS["severity"]]
    rows = []
    for band in ANSWERS["open_for"]:
        row = [Cell(words_of(ask, age, band))]
        for code, _words in across:
            number = sum(n for kinds, n in cells.crossed.items() if kinds[:2] == (code, band))
            href = list_of(ask, name, {"severity": code, "open_for": band}) if number else None
            row.append(Cell(small.told(number).text, href, number=True))
        rows.append(row)
    first = section(ask, name, severity, cells)
    table = Table(_("Escalations open now, by age and severity"),
                  [_("Open for"), *(words for _code, words in across)], rows)  # fmt: skip
    return {"table": table, "finding": first.finding}


def _on_board(
    tx: Tx, ask: Question, besides: Collection[str] = (), *, parts: bool = True
) -> dict[str, Numbers]:
    """What the reports of a board count, but for those that stand there besides."""
    return {
        name: numbers(tx, ask, report, parts=parts)
        for name, report in REPORTS.items()
        if report.board and name not in besides and may_read(name, ask.actor)
    }


def _figures(ask: Question, found: dict[str, Numbers]) -> list[dict[str, Any]]:
    figures = []
    for name, cells in found.items():
        report = REPORTS[name]
        # What runs out later isn't running out.
        number = cells.whole - cells.each["ends"]["later"]
        told = small_for(ask, report).told(number)
        # Providers stand there with those first whose evidence runs out first.
        where = "/providers" if name == "assurance" else list_of(ask, name, {})
        href = where if number else None
        figures.append(
            {
                "number": told.text,
                "text": said(report.figure or report.title),
                "href": href or f"#{name}",
            }
        )
    return figures


def _concerns(tx: Tx, ask: Question) -> dict[str, str] | None:
    """How many safeguarding concerns are open, for those who may open any of their place."""
    if counts.scope_of("concerns", ask.actor) is None:
        return None
    number = sum(counts.counted(tx, ask.actor, "concerns", (), ask.asked).values())
    told = EXACT if ask.exact else ask.small
    return {"number": told.told(number).text, "href": "/concerns"}


# -- the agenda ---------------------------------------------------------------------------------


@pages.get("/agenda")
@access(PLACED)
@pdf.offered("agenda")
def agenda() -> str:
    """What a meeting of those who answer for a place goes through, to be printed."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        month = at.astimezone(LONDON).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        ask = question(tx, actor, at, for_paper=True, bare=True)
        due, decided = visible.reviews_to_meet_on(tx, actor, at, month, MOST + 1)
        ids = [one.id for one in decided]
        became = reviews.followed(tx, actor, ids)
        shown = themes.counted(tx, actor, month, "", None, MOST)
        ends = _ends(tx, ask)
        # What stands in its other parts isn't counted again.
        figures = _figures(ask, _on_board(tx, ask, ("reviews", "assurance"), parts=False))
    showing(Noun.ESCALATION, (one.id for one in (*due, *decided)))
    return page(
        "report/agenda.jinja",
        where=actor.organisation_name,
        day=day_words(local_day(at), weekday=True),
        due=[_due(one, at) for one in due[:MOST]],
        more_due=len(due) > MOST,
        decided=[decided_row(one, became.get(one.id)) for one in decided[:MOST]],
        more_decided=len(decided) > MOST,
        month=month_name(local_day(month).month),
        figures=figures,
        period=ask.period.words,
        small=_small_words(ask),
        themes=[_theme(one) for one in shown],
        ends=[
            {"words": word(ANSWERS["ends"], band), "rows": [_row("provider", one) for one in rows]}
            for band, rows in ends.items()
            if rows
        ],
    )


# How many days from now a provider's evidence ends, at most.
OUT_OF_USE = ("suspended", "lapsed")
BANDS = {"to_7": 7, "to_30": 30, "to_60": 60}
EVERY_PROVIDER = 500


def _ends(tx: Tx, ask: Question) -> dict[str, list[counts.Row]]:
    """The providers whose evidence is out of date, and those whose ends soon, the soonest last."""
    found: dict[str, list[counts.Row]] = {band: [] for band in ("out", *BANDS)}
    for one in counts.rows(tx, ask.actor, "assurance", {}, ask.asked, LAST, EVERY_PROVIDER):
        if one.when <= ask.at or one.state in OUT_OF_USE:
            found["out"].append(one)
        elif band := next(
            (b for b, days in BANDS.items() if one.when <= ask.at + timedelta(days)), ""
        ):
            found[band].append(one)
    return {band: rows[-MOST:] for band, rows in found.items()}


def _due(one: visible.ReviewRow, at: datetime) -> dict[str, Any]:
    days = working_days_between(one.created_at, at, ENGLAND)
    return {
        "href": record_path(Noun.ESCALATION, one.id),
        "reference": one.reference,
        "kind": word(labels.KINDS, one.kind),
        "severity": said(labels.SEVERITIES[one.severity].text),
        "age": ngettext("%(num)s working day", "%(num)s working days", days),
        "with": one.reviewer or _("Nobody yet"),
        "due": deadline(one.due, at).text if one.due else "",
    }


def _theme(one: themes.Counted) -> dict[str, str]:
    raised = ngettext("raised %(num)s time", "raised %(num)s times", one.raised)
    still = ngettext("%(num)s is open", "%(num)s are open", one.open)
    return {"name": one.name, "href": f"/themes/{one.id}", "words": f"{raised}, {still}"}


# -- reports ------------------------------------------------------------------------------------


@pages.get("/reports")
@access(READERS)
def reports() -> str:
    """The reports there are, and what each says."""
    actor = current_actor()
    return page(
        "report/reports.jinja",
        reports=[
            {
                "href": f"/reports/{name}",
                "title": said(one.title),
                # The rest stands with the numbers.
                "counted": said(one.counted).partition(". ")[0].rstrip(".") + ".",
            }
            for name, one in REPORTS.items()
            if may_read(name, actor)
        ],
        own=actor.role in OWN or actor.place_path is None,
        dashboard=actor.role in BOARD,
        agenda=actor.role in PLACED,
    )


def _report(name: str, actor: Actor) -> None:
    if name not in REPORTS or not may_read(name, actor):
        abort(404)


@pages.get("/reports/<report>")
@access(READERS)
def report(report: str) -> str:
    """One report: a sentence, a picture where it helps, the table, and how it is counted."""
    actor = current_actor()
    _report(report, actor)
    wanted = REPORTS[report]
    with edge().reading(actor) as (tx, at):
        ask = question(tx, actor, at)
        cells = numbers(tx, ask, wanted)
    return page(
        "report/report.jinja",
        heading=said(wanted.title),
        when=when_words(ask, wanted),
        where=ask.place_words.strip(),
        filters=_filters(ask, f"/reports/{report}"),
        sections=[section(ask, report, apart, cells) for apart in told_apart(ask, wanted)],
        tables=_beside(ask, report, cells),
        counted=counted_how(ask, wanted),
        small=_small_words(ask, wanted) if wanted.people else "",
        other_way=_other_way(ask, f"/reports/{report}")
        if wanted.people and MEASURES[wanted.measure].open_to_list
        else None,
        csv=f"/reports/{report}/table.csv?{urlencode(ask.address)}",
        back={"href": "/reports", "text": _("All reports")},
        printed=day_words(local_day(at)),
    )


def _beside(ask: Question, name: str, cells: Numbers) -> list[Table]:
    return bands(cells, small_for(ask, REPORTS[name])) if REPORTS[name].beside else []


@pages.get("/reports/<report>/table.csv")
@access(READERS)
def table(report: str) -> ResponseReturnValue:
    """The same numbers as a file; that it was taken is in the log."""
    actor = current_actor()
    _report(report, actor)
    wanted = REPORTS[report]

    def read(tx: Tx, at: datetime) -> tuple[Question, list[tuple[Table, str]]]:
        ask = question(tx, actor, at, for_paper=True)
        cells = numbers(tx, ask, wanted)
        kept = {"report": report, **ask.address}
        log(tx, actor, at, "report_exported", "report", None, kept)
        told = [section(ask, report, apart, cells) for apart in told_apart(ask, wanted)]
        beside = [(one, "") for one in _beside(ask, report, cells)]
        return ask, [*((one.table, one.source) for one in told), *beside]

    ask, tables = edge().perform(actor, read)
    out = io.StringIO()
    made = csv.writer(out)
    made.writerow([said(wanted.title), when_words(ask, wanted), ask.place_words.strip(),
                   ask.providers.get(ask.provider, "")])  # fmt: skip
    for one, source in tables:
        made.writerow([])
        made.writerow([neutral(one.caption)])
        made.writerow([neutral(words) for words in one.head])
        made.writerows([neutral(cell.text) for cell in row] for row in one.rows)
        if source:
            made.writerow([neutral(source)])
    made.writerow([])
    made.writerow([counted_how(ask, wanted)])
    if wanted.people:
        made.writerow([_small_words(ask)])
    return Response(
        out.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename={report}.csv"},
    )


@pages.get("/reports/<report>/records")
@access(PLACED | OWN)
def records(report: str) -> str:
    """Exactly the records of one number."""
    actor = current_actor()
    _report(report, actor)
    wanted = REPORTS[report]
    measure = MEASURES[wanted.measure]
    if not measure.open_to_list:
        abort(404)
    chosen = chosen_kinds(wanted)
    named = {apart.name: apart for apart in wanted.aparts}
    start = after(datetime, str) or LAST
    with edge().reading(actor) as (tx, at):
        ask = question(tx, actor, at)
        asked = {named[name].dimension: kind for name, kind in chosen.items()}
        found = list(counts.rows(tx, actor, wanted.measure, asked, ask.asked, start, A_PAGE + 1))
    shown = found[:A_PAGE]
    if measure.noun in (Noun.REFERRAL, Noun.CONSENT, Noun.ESCALATION):
        showing(measure.noun, (one.id for one in shown))
    picked = {f"by_{name}": kind for name, kind in chosen.items()}
    older = None
    if len(found) > A_PAGE:
        last = {"after": pack(shown[-1].when, shown[-1].key)}
        older = f"/reports/{report}/records?{urlencode({**ask.address, **picked, **last})}"
    return page(
        "report/records.jinja",
        heading=said(wanted.title),
        when=when_words(ask, wanted),
        ahead=is_kept(ask, wanted),
        chosen=[words_of(ask, named[name], kind) for name, kind in chosen.items()],
        rows=[_row(measure.noun, one) for one in shown],
        last=_("Raised in") if measure.noun == Noun.ESCALATION else _("With"),
        older=older,
        back={
            "href": f"/reports/{report}?{urlencode(ask.address)}",
            "text": _("Back to the numbers"),
        },
    )


def _row(noun: str, one: counts.Row) -> dict[str, Any]:
    if noun == "provider":
        tag = labels.state_tag(Noun.ASSURANCE, one.state)
        return {"href": f"/providers/{one.id}", "called": one.called, "tag": tag,
                "when": day_words(local_day(one.when)), "where": ""}  # fmt: skip
    called = word(labels.PURPOSES, one.called) if noun == Noun.CONSENT else one.called
    return {
        "href": record_path(noun, one.id),
        "called": called,
        "tag": labels.state_tag(noun, one.state),
        "when": day_words(local_day(one.when)),
        "where": one.where or "",
    }
