"""Who came: the register of an activity on a day, and its sheet for a hall without signal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from marshmallow import ValidationError

from referral import offered
from referral.actors import Actor
from referral.audit import log, log_reads
from referral.keys import parsed
from referral.offered import Coming, Offer, OnPaper
from referral.states import TAKING_PART, Noun, ReferralState, Role
from referral.store import Tx
from web import labels
from web.access import access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, page
from web.labels import said
from web.people import through
from web.say import _, ngettext
from web.schemas.base import Command
from web.schemas.fields import Choice, typed_day
from web.words import day_words, dialled, message_words, phone_words, printed
from workflows import session_days
from workflows.disclosure import Situation, fields, known_as, shown
from workflows.engine import Refused, step
from workflows.moves import N_
from workflows.reading import situations
from workflows.referrals import TAKEN_BACK, record_attendance, take_back_register
from workflows.session_days import Run
from workflows.working_time import LONDON, local_day

pages = Blueprint("session_pages", __name__)

LONG_AGO = timedelta(days=366)
LATELY = timedelta(days=92)
AHEAD = timedelta(days=31)  # a sheet may be printed so long before


class TakeBack(Command):
    """Why what was said of a day is taken back."""

    why = Choice(TAKEN_BACK, N_("Choose why you take it back."))


@dataclass(frozen=True)
class Row:
    """One person in the register, as the leader may know them."""

    referral_id: str
    reference: str
    name: str
    started: bool
    paused: bool
    came: str | None
    missed: bool
    held: str | None
    was: str | None
    why: str | None
    left: bool
    team: str

    @property
    def field(self) -> str:
        """The name of the field that says whether they came."""
        return f"came-{self.referral_id}"

    @property
    def asked(self) -> bool:
        """Whether they were to be there: they have started, and are not on a break."""
        return self.started and not self.paused


# -- which days ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class When:
    """The days of an activity as its page says them. `next` and `last` are nothing where the words
    of the activity name no day."""

    offer: Offer
    today: date
    next: date | None
    last: date | None
    said: list[tuple[date, int, int]]

    @property
    def is_today(self) -> bool:
        return self.next == self.today

    @property
    def open_day(self) -> date | None:
        """The newest session whose register nobody has filled in: today's, or else the one before.
        Where the days can't be told, any day may be one."""
        if self.next is None or self.is_today:
            return self.today
        done = {day for day, _asked, _came in self.said}
        return self.last if self.last is not None and self.last not in done else None

    @property
    def sheet_day(self) -> date:
        """The session the next sheet is for."""
        return self.next or self.today


def runs(offer: Offer) -> list[Run]:
    """When the groups of an activity meet."""
    return [Run(g.starts_on, g.ends_on, g.breaks) for g in offer.groups]


def when(offer: Offer, today: date, said: list[tuple[date, int, int]]) -> When:
    """The days of one activity, as they stand today."""
    following = session_days.next_session(offer.when_words, runs(offer), today)
    before = session_days.last_session(offer.when_words, runs(offer), today)
    return When(offer, today, following, before, said)


def next_of(tx: Tx, actor: Actor, at: datetime) -> When | None:
    """The next session of all the provider's activities that people take part in."""
    offers = [o for o in offered.own_offers(tx, actor) if o.taking_part]
    found = [when(o, local_day(at), []) for o in offers]
    return min((w for w in found if w.next), key=lambda w: (w.next, w.offer.name), default=None)


@pages.get("/sessions")
@access(Role.PROVIDER_LEADER)
def sessions() -> str:
    """The activities of the provider, today's first, each with its register and its sheet."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        today = local_day(at)
        days = offered.days_said(tx, actor, today - LATELY)
        offers = [o for o in offered.own_offers(tx, actor) if o.taking_part or o.status == "open"]
    found = [when(o, today, days.get(o.id, [])) for o in offers]
    found.sort(key=lambda w: (not w.offer.taking_part, w.next or date.max, w.offer.name))
    return page("sessions.jinja", found=found, today=today, now=at)


@pages.get("/sessions/<uuid:activity_id>/another-day")
@access(Role.PROVIDER_LEADER)
def another_day(activity_id: UUID) -> ResponseReturnValue:
    """Asks for a day, and goes to its register."""
    today = local_day(edge().clock())
    parts = {part: request.args.get(f"day-{part}", "") for part in ("day", "month", "year")}
    form = Form(values={f"day-{part}": value for part, value in parts.items()})
    offer = _offer(str(activity_id))
    if "day-day" in request.args:
        try:
            day = typed_day(parts)
        except ValidationError as error:
            form.errors["day"] = said(str(error.messages[0]))
        else:
            if day is not None and today - LONG_AGO < day <= today:
                return redirect(f"/sessions/{activity_id}/{day}", 303)
            form.errors["day"] = (
                _("Enter the day of the session.")
                if day is None
                else _("The day must be in the last year, and not after today.")
            )
    status = 422 if form.errors else 200
    return page("sessions_day.jinja", form, offer=offer, back={"href": "/sessions"}), status


def _offer(activity_id: str) -> Offer:
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        found = offered.offer(tx, actor, activity_id)
    if found is None:
        abort(404)
    return found


@pages.route("/sessions/<uuid:activity_id>/<day>", methods=["GET", "POST"])
@access(Role.PROVIDER_LEADER)
def register(activity_id: UUID, day: str) -> ResponseReturnValue:
    """The register of one day. Where nothing is said of it yet everybody stands as come, so that
    only who did not needs a tap; `?each=yes` leaves each to be said."""
    actor = current_actor()
    on = _day(day)
    if request.method == "POST":
        return _save(actor, str(activity_id), on)
    return _register(actor, str(activity_id), on, {})


def _register(
    actor: Actor, activity_id: str, on: date, typed: Mapping[str, str], wrong: str = ""
) -> str:
    """The page of a register, with what was typed; `wrong`: what the question why says."""

    def read(tx: Tx, at: datetime) -> tuple[Offer, list[Row], list[tuple[str, str]]]:
        offer = offered.offer(tx, actor, activity_id)
        if offer is None:
            abort(404)
        coming = offered.coming(tx, actor, offer.id, on, _over(on))
        rows = _rows(tx, actor, at, coming)
        log(
            tx,
            actor,
            at,
            "read",
            "register",
            offer.id,
            {"day": on.isoformat(), "referrals": [row.referral_id for row in rows]},
        )
        return offer, rows, _teams(one for one in coming if one.state in TAKING_PART)

    offer, everybody, teams = edge().look(actor, read)
    rows = [row for row in everybody if not row.left]
    said_so_far = {row.field: row.came for row in rows if row.came}
    saved = any(row.came for row in everybody)
    preset = not saved and not typed and request.args.get("each") != "yes"
    if preset:
        said_so_far = {row.field: "came" for row in rows if row.asked}
    form = Form(values={**said_so_far, **typed})
    if wrong:
        form.errors["why"] = wrong
    return page(
        "register.jinja",
        form,
        offer=offer,
        rows=rows,
        gone=[row for row in everybody if row.left],
        teams=teams,
        on=on,
        preset=preset and any(row.asked for row in rows),
        saved=saved,
        mended=any(row.came for row in rows),
        back={"href": "/sessions"},
        choices=labels.choices(labels.CAME),
        first_time=[("came", _("Came for the first time")), ("", _("Not yet"))],
        reasons=labels.choices(labels.CAME_CORRECTED),
        changed={
            row.field: _(
                "Changed from %(before)s: %(why)s.",
                before=labels.word(labels.CAME, row.was),
                why=labels.word(labels.CAME_CORRECTED, row.why).lower(),
            )
            for row in rows
            if row.was
        },
    )


def _day(text: str, ahead: timedelta = timedelta(0)) -> date:
    try:
        on = date.fromisoformat(text)
    except ValueError:
        abort(404)
    today = local_day(edge().clock())
    if not today - LONG_AGO < on <= today + ahead:
        abort(404)
    return on


def _over(on: date) -> datetime:
    """When this day ends here."""
    return datetime.combine(on + timedelta(1), time(), LONDON).astimezone(UTC)


def _rows(tx: Tx, actor: Actor, at: datetime, found: list[Coming]) -> list[Row]:
    known = situations(tx, actor, at, [one.referral_id for one in found])
    rows = []
    for one in found:
        situation = known[one.referral_id]
        seen = shown(one._asdict(), situation)
        left = one.state not in TAKING_PART
        rows.append(
            Row(
                one.referral_id,
                one.reference,
                known_as(seen),
                one.state != ReferralState.ACCEPTED,
                one.state == ReferralState.PAUSED,
                one.came if not left or "attendance" in fields(situation) else None,
                one.missed and not situation.closed and not left,
                said(seen["held"]) if "held" in seen else None,
                one.was,
                one.why,
                left,
                str(seen.get("team") or ""),
            )
        )
    return rows


def _teams(found: Iterable[Coming | OnPaper]) -> list[tuple[str, str]]:
    """The teams of those on a list, and their numbers: whom to tell in an emergency."""
    return sorted({(one.team, phone_words(one.team_phone)) for one in found})


def _save(actor: Actor, activity_id: str, on: date) -> ResponseReturnValue:
    """Keep what was said of each; what can't be kept is named, and the others go on. What was
    saved before is changed only with a reason."""
    typed = {n: v for n, v in request.form.items() if n.startswith("came-") or n == "why"}
    why = typed.get("why") or None
    answers = {
        name.removeprefix("came-"): came for name, came in typed.items() if came in labels.CAME
    }

    def keep(tx: Tx, at: datetime) -> tuple[int, list[str], int]:
        if offered.offer(tx, actor, activity_id) is None:
            abort(404)
        kept, refused, missed = 0, [], 0
        for one in offered.coming(tx, actor, activity_id, on, _over(on)):
            came = answers.get(one.referral_id)
            if came is None or came == one.came:
                continue
            try:
                if one.state == ReferralState.ACCEPTED:
                    if came not in ("came", "late"):
                        continue
                    step(tx, Noun.REFERRAL, one.referral_id, "start", actor, at)
                record_attendance(tx, actor, at, one.referral_id, day=on, came=came, why=why)
            except Refused as no:
                if any(r.field == "why" for r in no.refusals):
                    raise
                refused.append(f"{one.reference}: {said(no.refusals[0].why)}")
            else:
                kept += 1
        missed = sum(one.missed for one in offered.coming(tx, actor, activity_id, on, _over(on)))
        return kept, refused, missed

    try:
        kept, refused, missed = edge().perform(actor, keep)
    except Refused as no:
        wrong = next((said(r.why) for r in no.refusals if r.field == "why"), "")
        if not wrong:
            raise
        return _register(actor, activity_id, on, typed, wrong), 422
    words = ngettext(
        "Saved for %(num)s person on %(day)s.",
        "Saved for %(num)s people on %(day)s.",
        kept,
        day=day_words(on, weekday=True),
    )
    flash(words, "success")
    for line in refused:
        flash(_("Not saved. %(why)s", why=line), "important")
    if missed:
        return redirect(f"/sessions/{activity_id}/{on}", 303)
    return redirect("/sessions", 303)


@pages.route("/sessions/<uuid:activity_id>/<day>/take-back", methods=["GET", "POST"])
@access(Role.PROVIDER_LEADER)
def take_back(activity_id: UUID, day: str) -> ResponseReturnValue:
    """What was saved of a day is taken back, with the reason: it was another day, or there was no
    session."""
    actor, on, offer = current_actor(), _day(day), _offer(str(activity_id))
    back = f"/sessions/{offer.id}/{on}"

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> int:
        if offered.offer(tx, actor, offer.id) is None:
            abort(404)
        return take_back_register(tx, actor, at, offer.id, day=on, why=given["why"])

    return answer(
        lambda form: page(
            "register_take_back.jinja",
            form,
            offer=offer,
            on=on,
            reasons=labels.choices(labels.REGISTER_BACK),
            back={"href": back},
        ),
        command,
        lambda many: Next(
            "/sessions",
            ngettext(
                "Taken back for %(num)s person on %(day)s. It stays in the log, with your reason.",
                "Taken back for %(num)s people on %(day)s. It stays in the log, with your reason.",
                many,
                day=day_words(on, weekday=True),
            ),
        ),
        schema=TakeBack(),
    )


# -- on paper -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One person on the sheet: no more than the leader may see on the screen."""

    name: str
    reference: str
    first_time: bool
    paused: bool
    held: str | None
    facts: list[tuple[str, Markup]]


@pages.get("/sessions/<uuid:activity_id>/<day>/sheet")
@access(Role.PROVIDER_LEADER)
def sheet(activity_id: UUID, day: str) -> ResponseReturnValue:
    """The people of a session on paper: whom to call, what makes it easier, what keeps them safe.
    That each of them was looked at is in the log, for paper can't be taken back."""
    actor, on = current_actor(), _day(day, AHEAD)

    def read(tx: Tx, at: datetime) -> tuple[Offer, list[Line], list[tuple[str, str]], datetime]:
        offer = offered.offer(tx, actor, str(activity_id))
        if offer is None:
            abort(404)
        found = offered.on_paper(tx, actor, offer.id, _over(on))
        known = situations(tx, actor, at, [one.referral_id for one in found])
        whose = {one.referral_id: one.subject_ref for one in found}
        log_reads(tx, actor, at, Noun.REFERRAL, whose, sheet=on.isoformat())
        lines = [_line(one, known[one.referral_id]) for one in found]
        return offer, lines, _teams(found), at

    offer, lines, teams, at = edge().look(actor, read)
    return page(
        "session_sheet.jinja",
        None,
        offer=offer,
        lines=lines,
        teams=teams,
        on=on,
        choices=[said(words) for words in labels.CAME.values()],
        printed=printed(actor.name, actor.organisation_name, at),
        back={"href": "/sessions"},
    )


def _line(one: OnPaper, situation: Situation) -> Line:
    record = one._asdict()
    shared = parsed(one.shared) or {}
    record |= {"access": shared.get("access"), "safety_answers": parsed(one.safety_answers) or {}}
    seen = shown(record, situation)
    asked = [f"{question} {told}" for question, told in (seen.get("safety_answers") or {}).items()]
    safe = " ".join([str(seen.get("safety_notes") or ""), *asked]).strip()
    team = ", ".join(str(x) for x in (seen.get("link_worker"), seen.get("team")) if x)
    pairs = [
        (_("To keep them safe"), safe),
        (_("In an emergency"), seen.get("emergency_contact")),
        (_("Would make it easier"), seen.get("access") or seen.get("access_needs")),
        (_("Their phone"), _their_phone(seen)),
        (
            _("Link worker") if seen.get("link_worker") else _("The link worker's team"),
            " ".join([team, phone_words(seen.get("team_phone"))]).strip(),
        ),
    ]
    return Line(
        known_as(seen),
        one.reference,
        one.state == ReferralState.ACCEPTED,
        one.state == ReferralState.PAUSED,
        said(str(seen["held"])) if seen.get("held") else None,
        [(label, dialled(str(value))) for label, value in pairs if value],
    )


def _their_phone(seen: Mapping[str, Any]) -> str:
    """The number and whether a message may be left there, or that none was given; nothing where
    the leader may not know."""
    if "phone" not in seen:
        return ""
    if through(seen):
        return _("Reach them through %(who)s.", who=through(seen))
    if not seen["phone"]:
        return _("No phone given. Ring the link worker.")
    said_of_it = message_words(seen.get("message_safe"))
    return f"{phone_words(seen['phone'])}. {said_of_it}".removesuffix(". ")
