"""About equality: what is read to the person, what they say, and taking it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from referral import equality
from referral.audit import log
from referral.equality import AnswerSeen
from referral.links import LinkSeen
from referral.records import PersonSeen
from referral.store import Door, Tx
from web import labels
from web.access import TEAM, access, current_actor, public
from web.current import edge, settings
from web.forms import Form, Next, answer, page
from web.labels import word
from web.links import OWN, with_own_link
from web.links import pages as own_pages
from web.own_asking import answered
from web.say import _
from web.schemas.equality import AboutMe, DoNotAsk, RecordEquality
from web.words import day_words
from workflows import equality as keeping
from workflows.moves import N_
from workflows.person_links import person_of
from workflows.relationships import may_keep
from workflows.working_time import local_day

pages = Blueprint("equality_pages", __name__)


def _standing(tx: Tx, at: datetime, person_id: str) -> tuple[PersonSeen, AnswerSeen | None, Any]:
    """Whose page it is, what they said, and today; that it was read stands in the log."""
    actor = current_actor()
    if not settings().ask_equality:
        abort(404)
    p = may_keep(tx, actor, at, person_id)
    if p is None:
        abort(404)
    if request.method == "GET":
        log(tx, actor, at, "read", "person", None, subject=p.subject_ref)
    said = equality.of_person(tx, actor, p.id)
    return p, said[0] if said else None, local_day(at)


def _stands(said: AnswerSeen | None) -> list[str]:
    """What stands now, in sentences."""
    if said is None:
        return [_("They have not been asked yet.")]
    told = {"day": day_words(said.said_on), "how": word(labels.HOW, said.said_how).lower()}
    if said.objected_at is not None:
        words = _("They do not want to be asked about this. They said so on %(day)s, %(how)s.",
                  **told)  # fmt: skip
        by = (
            _("Recorded by %(who)s.", who=said.recorded_by)
            if said.recorded_by
            else _("They said so on their own page.")
        )
        return [
            f"{words} {by}",
            _("What they may have said before is gone. Nobody asks, and reports count them with"
              " those who prefer not to say."),
        ]  # fmt: skip
    if said.taken_back_at is not None:
        day = day_words(local_day(said.taken_back_at))
        return [_("They took back what they had said on %(day)s. Do not ask again.", day=day)]
    lines = [
        _("Ethnic group: %(what)s", what=word(labels.ETHNIC_GROUPS, said.ethnic_group)),
        _("Disability: %(what)s", what=word(labels.DISABILITY, said.disability)),
        _(
            "They said so themselves on %(day)s, %(how)s. Recorded by %(who)s.",
            who=said.recorded_by,
            **told,
        ),
    ]
    if equality.NOT_SAID in (said.ethnic_group, said.disability):
        lines.append(_("“Prefer not to say” is an answer. Do not ask again."))
    return lines


@pages.route("/people/<uuid:person_id>/equality", methods=["GET", "POST"])
@access(TEAM)
def about(person_id: UUID) -> ResponseReturnValue:
    """What is read out, what stands, and the form that keeps it."""
    actor, pid = current_actor(), str(person_id)
    p, said, today = edge().perform(actor, lambda tx, at: _standing(tx, at, pid))
    back = f"/people/{p.id}"
    known: dict[str, Any] = {"said_on": today}
    if said is not None and said.taken_back_at is None:
        known |= {name: getattr(said, name) for name in ("ethnic_group", "disability")}

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return keeping.record_answer(tx, actor, at, person_id=pid, values=given)

    return answer(
        lambda form: page(
            "people/equality.jinja",
            form,
            p=p,
            stands=_stands(said),
            may_take_back=said is not None and said.taken_back_at is None,
            objects=said is not None and said.objected_at is not None,
            groups=labels.choices(labels.ETHNIC_GROUPS),
            disability=labels.choices(labels.DISABILITY),
            hows=labels.choices(labels.HOW),
            back={"href": back, "text": _("Back to the person")},
        ),
        command,
        lambda made: Next(back, _("Kept. Your team sees it under “About equality”, nobody else.")),
        schema=RecordEquality(),
        known=known,
    )


@pages.post("/people/<uuid:person_id>/equality/take-back")
@access(TEAM)
def take_back(person_id: UUID) -> ResponseReturnValue:
    """What they said is gone, in one step: also where nobody may be asked any more."""
    actor, pid = current_actor(), str(person_id)
    edge().perform(actor, lambda tx, at: keeping.take_back(tx, actor, at, person_id=pid))
    flash(
        _("Taken back. What they said is gone; that they were asked stays, so nobody asks again.")
    )
    return redirect(f"/people/{pid}", 303)


@pages.route("/people/<uuid:person_id>/equality/do-not-ask", methods=["GET", "POST"])
@access(TEAM)
def do_not_ask(person_id: UUID) -> ResponseReturnValue:
    """They do not want to be asked: when and how they said so."""
    actor, pid = current_actor(), str(person_id)
    p, said, today = edge().perform(actor, lambda tx, at: _standing(tx, at, pid))
    back = f"/people/{p.id}/equality"
    if request.method == "GET" and said is not None and said.objected_at is not None:
        return redirect(back, 303)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        keeping.do_not_ask(tx, actor, at, person_id=pid, values=given)

    return answer(
        lambda form: page(
            "people/do_not_ask.jinja",
            form,
            p=p,
            hows=labels.choices(labels.HOW),
            back={"href": back, "text": _("About equality")},
        ),
        command,
        lambda made: Next(f"/people/{p.id}", _("Kept. Nobody asks them about this again.")),
        schema=DoNotAsk(),
        known={"said_on": today},
    )


@pages.post("/people/<uuid:person_id>/equality/ask-again")
@access(TEAM)
def ask_again(person_id: UUID) -> ResponseReturnValue:
    """They want to be asked after all."""
    actor, pid = current_actor(), str(person_id)
    edge().perform(actor, lambda tx, at: keeping.may_ask_again(tx, actor, at, person_id=pid))
    flash(_("They may be asked again."))
    return redirect(f"/people/{pid}/equality", 303)


# -- the person's own page ----------------------------------------------------------------------

WISHES: dict[str, str] = {
    "take_back": N_("I take it back"),
    "do_not_ask": N_("Do not ask me this again"),
    "ask_again": N_("You may ask me again"),
}


@own_pages.route("/mine/about-me", methods=["GET", "POST"])
@public(OWN)
@with_own_link
def about_me(link: LinkSeen) -> ResponseReturnValue:
    """What I said of myself, who sees it, and taking it back."""
    person = person_of(link)
    with edge().reading(person, Door.COMMAND) as (tx, _at):
        found = equality.of_person(tx, person, person.person_id)
    said = found[0] if found else None
    may: tuple[str, ...]
    if said is not None and said.objected_at is not None:
        may = ("ask_again",)
    elif said is not None and said.taken_back_at is None:
        may = ("take_back", "do_not_ask")
    else:
        may = ("do_not_ask",)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        who = {"person_id": person.person_id}
        if given["wish"] == "take_back":
            keeping.take_back(tx, person, at, **who)
        elif given["wish"] == "ask_again":
            keeping.may_ask_again(tx, person, at, **who)
        else:
            now = {"said_on": local_day(at), "said_how": "written"}
            keeping.do_not_ask(tx, person, at, values=now, **who)
        return str(given["wish"])

    return answered(
        link,
        "links/about_me.jinja",
        AboutMe(),
        act,
        lambda wish: Next("/mine/about-me", labels.said(DONE[wish])),
        lines=_told(said),
        wishes=[(name, labels.said(WISHES[name])) for name in may],
    )


DONE = {
    "take_back": N_("What you said is gone. Nobody asks you again."),
    "do_not_ask": N_("Nobody asks you this again. What you said before is gone."),
    "ask_again": N_("They may ask you again. You still need not say."),
}


DISABLED: dict[str, str] = {
    "Y0": N_("You said that you feel you are disabled."),
    "N0": N_("You said that you do not feel you are disabled."),
    "Z0": N_("You would rather not say if you feel you are disabled."),
}


def _told(said: AnswerSeen | None) -> list[str]:
    """What stands, as it is said to the person."""
    if said is None:
        return [_("Nobody has asked you this yet.")]
    if said.objected_at is not None:
        day = day_words(local_day(said.objected_at))
        return [_("You told us on %(day)s not to ask you this. We do not ask.", day=day)]
    if said.taken_back_at is not None:
        day = day_words(local_day(said.taken_back_at))
        return [_("You took back what you said on %(day)s. It is gone.", day=day)]
    return [
        _("Your ethnic group: %(what)s", what=word(labels.ETHNIC_GROUPS, said.ethnic_group)),
        word(DISABLED, said.disability),
        _("You told us on %(day)s.", day=day_words(said.said_on)),
    ]
