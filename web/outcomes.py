"""Outcomes: what a person says of their life at the start of a referral, at reviews and at its end.

First a sentence for each question, then a picture where there is something to compare, then each
time it was asked, with what was put right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema

from referral import scores
from referral.scores import ANSWERS, ScoreSeen
from referral.states import ReferralState as S
from referral.store import Tx
from web import labels, wizard
from web.access import TEAM, access, current_actor
from web.charts import Cell, Chart, Line, Point, Table, lines
from web.current import edge
from web.forms import Form, Next, answer, keyed, page
from web.labels import said, word
from web.referrals import Shown, found, frame_of
from web.say import _
from web.schemas.scores import CorrectScores, RecordScores, StartingPoint
from web.wellbeing import SHORT
from web.words import day_words, listed
from workflows import scores as scoring
from workflows.engine import NOT_FOUND, Refused
from workflows.moves import N_
from workflows.working_time import local_day

pages = Blueprint("outcome_pages", __name__)

# The questions as the Office for National Statistics asks them (Open Government Licence v3.0).
ASKED: Mapping[str, str] = {
    "satisfied": N_("Overall, how satisfied are you with your life nowadays?"),
    "worthwhile": N_(
        "Overall, to what extent do you feel that the things you do in your life are worthwhile?"
    ),
    "happy": N_("Overall, how happy did you feel yesterday?"),
    "anxious": N_("Overall, how anxious did you feel yesterday?"),
}
SCALE: Mapping[str, str] = {
    "satisfied": N_("0 is not at all satisfied, 10 is completely satisfied"),
    "worthwhile": N_("0 is not at all worthwhile, 10 is completely worthwhile"),
    "happy": N_("0 is not at all happy, 10 is completely happy"),
    "anxious": N_("0 is not at all anxious, 10 is completely anxious"),
}


def questions() -> list[tuple[str, str, str]]:
    """(field, question, scale) of each."""
    return [(name, said(ASKED[name]), said(SCALE[name])) for name in ANSWERS]


# -- in words -----------------------------------------------------------------------------------


def said_of(name: str, rows: Sequence[ScoreSeen]) -> str:
    """ "Satisfied with life: 3 at the start, 6 at a review"; empty where it was never answered."""
    told = [
        _("%(number)s %(when)s", number=getattr(row, name), when=_when(row))
        for row in rows
        if getattr(row, name) is not None
    ]
    if not told:
        return ""
    words = _("%(question)s: %(answers)s.", question=said(SHORT[name]), answers=", ".join(told))
    return f"{words} {_('Lower is better.')}" if name == "anxious" else words


def _when(row: ScoreSeen) -> str:
    words = word(labels.SCORED_AT, row.stage)
    return words[:1].lower() + words[1:]


def finding(rows: Sequence[ScoreSeen]) -> str:
    """What the picture shows: which answers are better at the last time than at the first."""
    better: list[str] = []
    worse: list[str] = []
    same: list[str] = []
    for name in ANSWERS:
        numbers = [n for n in (getattr(row, name) for row in rows) if n is not None]
        if len(numbers) < 2:
            continue
        change = (numbers[-1] - numbers[0]) * (-1 if name == "anxious" else 1)
        (better if change > 0 else worse if change < 0 else same).append(said(SHORT[name]))
    told = [
        _("%(how)s: %(which)s.", how=how, which=listed(which))
        for how, which in ((_("Better"), better), (_("Worse"), worse), (_("The same"), same))
        if which
    ]
    return " ".join([_("From the first time to the last."), *told])


def picture(rows: Sequence[ScoreSeen]) -> Chart | None:
    """The answers over time; nothing where no question was answered twice."""
    drawn = []
    for name in ANSWERS:
        points = [
            Point(
                datetime.combine(row.asked_on, time(12), UTC),
                day_words(row.asked_on),
                getattr(row, name),
                str(getattr(row, name)),
            )
            for row in rows
            if getattr(row, name) is not None
        ]
        if len(points) > 1:
            drawn.append(Line(said(SHORT[name]), points))
    if not drawn:
        return None
    head = [_("When"), *(said(SHORT[name]) for name in ANSWERS)]
    cells = [
        [
            Cell(f"{word(labels.SCORED_AT, row.stage)}, {day_words(row.asked_on)}"),
            *(Cell(_number(row, name), number=True) for name in ANSWERS),
        ]
        for row in rows
    ]
    title = _("Personal wellbeing over time")
    table = Table(_("Answers from 0 to 10"), head, cells)
    return lines("scores", title, finding(rows), drawn, 0, 10, table)


def _number(row: ScoreSeen, name: str) -> str:
    number = getattr(row, name)
    return _("Not answered") if number is None else str(number)


def _answers(row: ScoreSeen) -> str:
    if not row.answered:
        return _("Taken back: no answers.")
    return "; ".join(f"{said(SHORT[name])}: {_number(row, name)}" for name in ANSWERS)


def times(rows: Sequence[ScoreSeen]) -> list[dict[str, Any]]:
    """Each time it was asked, with what was put right, the newest correction first."""
    by_id = {row.id: row for row in rows}
    drawn = []
    for row in scores.standing(rows):
        before, earlier = [], row
        while earlier.corrects_id is not None:
            later, earlier = earlier, by_id[earlier.corrects_id]
            before.append(
                _(
                    "Put right by %(who)s on %(day)s: %(why)s. It was, on %(asked)s: %(answers)s",
                    who=later.recorded_by,
                    day=day_words(local_day(later.recorded_at)),
                    why=word(labels.SCORE_CORRECTED, later.why),
                    asked=day_words(earlier.asked_on),
                    answers=_answers(earlier),
                )
            )
        drawn.append(
            {
                "title": f"{word(labels.SCORED_AT, row.stage)}, {day_words(row.asked_on)}",
                "answers": _answers(row),
                "how": _(
                    "%(how)s. Recorded by %(who)s on %(day)s.",
                    how=word(labels.SCORED_HOW, row.how),
                    who=row.recorded_by,
                    day=day_words(local_day(row.recorded_at)),
                ),
                "before": before,
                "href": f"/scores/{row.id}/correct",
            }
        )
    return drawn


# -- the pages ----------------------------------------------------------------------------------


def _shown(referral_id: str) -> Shown:
    """The referral, where its answers are there for who asks."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        if scoring.may_score(tx, actor, at, referral_id) is None:
            abort(404)
    return found(referral_id)


def _rows(referral_id: str) -> list[ScoreSeen]:
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        return scores.of_referral(tx, actor, referral_id)


def _given(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a form says, as the commands take it."""
    rest = {name: value for name, value in given.items() if name not in ANSWERS}
    return {**rest, "answers": {name: given.get(name) for name in ANSWERS}}


@pages.get("/referrals/<uuid:record_id>/outcomes")
@access(TEAM)
def outcomes(record_id: UUID) -> ResponseReturnValue:
    """How the person says their life is, over the time of this referral."""
    shown = _shown(str(record_id))
    rows = _rows(shown.id)
    answered = [row for row in scores.standing(rows) if row.answered]
    return page(
        "referral/outcomes.jinja",
        None,
        **frame_of(shown, "outcomes"),
        sentences=[told for name in ANSWERS if (told := said_of(name, answered))],
        chart=picture(answered),
        times=times(rows),
        add=f"/referrals/{shown.id}/outcomes/add",
    )


def _next_stage(shown: Shown, rows: Sequence[ScoreSeen]) -> str:
    """What is most likely recorded now."""
    there = {row.stage for row in rows}
    if "start" not in there and shown.facts.state in (S.DRAFT, S.SENT, S.QUERIED, S.WAITING):
        return "start"
    ended = shown.facts.state in (S.COMPLETED, S.CLOSED)
    return "end" if ended and "end" not in there else "review"


@pages.route("/referrals/<uuid:record_id>/outcomes/add", methods=["GET", "POST"])
@access(TEAM)
def add(record_id: UUID) -> ResponseReturnValue:
    """The four questions once more."""
    shown, actor = _shown(str(record_id)), current_actor()
    rows = _rows(shown.id)
    there = {row.stage for row in rows}
    stages = [s for s in scoring.STAGES if s == "review" or s not in there]

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return keyed(
            tx, actor, at, form, "score", {"referral": shown.id, **given},
            lambda: scoring.record_scores(tx, actor, at, referral_id=shown.id, **_given(given)),
        )  # fmt: skip

    return _form(
        shown,
        _("How is their life now?"),
        RecordScores(),
        command,
        _("Recorded. Only your team sees it."),
        {"stage": _next_stage(shown, rows), "asked_on": local_day(shown.at)},
        stages=labels.choices(labels.SCORED_AT, *stages),
    )


@pages.route("/scores/<uuid:score_id>/correct", methods=["GET", "POST"])
@access(TEAM)
def correct(score_id: UUID) -> ResponseReturnValue:
    """Put answers right; what stood there stays beside it."""
    actor, sid = current_actor(), str(score_id)
    with edge().reading(actor) as (tx, _at):
        before = scores.one(tx, actor, sid)
    if before is None:
        raise Refused([NOT_FOUND], noun="score", trigger="correct", record_id=None)
    shown = _shown(before.referral_id)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        def do() -> str:
            return scoring.correct_scores(tx, actor, at, score_id=sid, **_given(given)).id

        return keyed(tx, actor, at, form, "score", {"score": sid, **given}, do)

    return _form(
        shown,
        _("Put answers right: %(when)s", when=_when(before)),
        CorrectScores(),
        command,
        _("Put right. What stood there before is kept beside it."),
        {name: getattr(before, name) for name in (*ANSWERS, "how", "asked_on")},
        reasons=labels.choices(labels.SCORE_CORRECTED, *scoring.WHY),
    )


def _form(
    shown: Shown,
    title: str,
    schema: Schema,
    command: Any,
    banner: str,
    known: dict[str, Any],
    **more: Any,
) -> ResponseReturnValue:
    path = f"/referrals/{shown.id}/outcomes"
    return answer(
        lambda form: page(
            "referral/outcome_form.jinja",
            form,
            title=title,
            caption=_("Referral %(reference)s", reference=shown.referral.reference),
            name=shown.name,
            shown=shown,
            questions=questions(),
            hows=labels.choices(labels.SCORED_HOW, *scoring.HOW),
            back={"href": path, "text": _("Back to the outcomes")},
            **more,
        ),
        command,
        lambda made: Next(path, banner),
        schema=schema,
        known=known,
    )


@pages.route("/referrals/<uuid:writing_id>/write/start", methods=["GET", "POST"])
@access(TEAM)
def start(writing_id: UUID) -> ResponseReturnValue:
    """The starting point, while the referral is written. It may always wait."""
    w, actor = wizard.found(str(writing_id)), current_actor()
    if w.referral is None:
        return redirect(f"/referrals/{w.id}/write/activity")
    if wizard.starting_point(w) is not None and request.method == "GET":
        return redirect(f"/referrals/{w.id}/outcomes")
    check = f"/referrals/{w.id}/write/check"
    if request.form.get("do") == "later" and not any(request.form.get(n) for n in ANSWERS):
        return redirect(check, 303)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        said_now = {"stage": "start", "asked_on": local_day(at), **given}
        return keyed(
            tx, actor, at, form, "score", {"referral": w.id, **given},
            lambda: scoring.record_scores(tx, actor, at, referral_id=w.id, **_given(said_now)),
        )  # fmt: skip

    return answer(
        lambda form: page(
            "wizard/start.jinja",
            form,
            w=w,
            name=w.person.name,
            title=_("Starting point"),
            questions=questions(),
            hows=labels.choices(labels.SCORED_HOW, *scoring.HOW),
            back={"href": f"/referrals/{w.id}/write", "text": _("Back to the list")},
        ),
        command,
        lambda made: Next(check, _("The starting point is recorded. Only your team sees it.")),
        schema=StartingPoint(),
    )
