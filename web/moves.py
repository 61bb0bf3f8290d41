"""The form of a move: its fields come from the table of moves, its words from here.

`/referrals/<id>/<move>` (and the same for escalations, assurance and agreements) asks for what the
move needs and keeps, makes it, and says what happens next. A move with a page of its own has a
route of its own, which comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields

from referral import captions, facts, policy, records, visible
from referral.actors import Actor
from referral.audit import log
from referral.states import AgreementState, Noun
from referral.store import Tx
from web import labels
from web.access import STAFF, access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, page
from web.labels import said, word
from web.say import _
from web.schemas import Command, schema_for
from web.schemas.fields import (
    NOTE,
    SHORT,
    Choice,
    Day,
    Id,
    Many,
    Moment,
    Number,
    OwnerKey,
    SaidTime,
    Text,
    YesNo,
)
from web.timelines import entries
from web.words import by_when
from workflows import disclosure
from workflows.engine import NOT_FOUND, TABLES, Done, Option, Refused, options, step
from workflows.moves import N_, list_of
from workflows.named import check_named
from workflows.reading import situation, timeline

pages = Blueprint("moves", __name__)

# The moves of a referral in the order they are offered: the ordinary next steps.
FORWARD = (
    "send",
    "answer",
    "accept",
    "ask",
    "put_on_waiting_list",
    "decline",
    "contact",
    "try_contact",
    "start",
    "update",
    "resume",
    "confirm",
    "redirect",
    "review_wait",
    "complete",
)

SAID_TIME = N_(
    "Leave this empty if it was just now. For example, Tuesday 2:15pm, or 16 May 2026 at 10am"
)

# What a field asks, by what it is a field of: (noun.trigger.name), or (name) for all of them.
QUESTIONS: dict[str, tuple[str, str]] = {
    "note": (N_("Anything to add?"), N_("If you want to. Both sides can read it.")),
    "reason": (N_("Why?"), ""),
    "referral.ask.note": (
        N_("What do you want to ask?"),
        N_("The link worker answers here. Your time to reply waits until they do."),
    ),
    "referral.answer.note": (N_("Your answer"), N_("The provider reads it.")),
    "referral.put_on_waiting_list.expected_date": (
        N_("When do you expect to have a place?"),
        N_("Your best guess. You can change it later. For example, 15 3 2026"),
    ),
    "referral.review_wait.expected_date": (
        N_("When do you expect to have a place now?"),
        N_("For example, 15 3 2026"),
    ),
    "referral.review_wait.reason": (N_("Why has it changed?"), ""),
    "referral.accept.first_contact": (
        N_("When will you first be in touch?"),
        N_("If you know it yet. For example, 15 3 2026"),
    ),
    "referral.accept.session": (N_("Which session can they come to first?"), ""),
    "referral.accept.note": (
        N_("Anything the link worker should know?"),
        N_("If you want to. For example, the day and place of the first session."),
    ),
    "referral.decline.reason": (N_("Why can you not take them?"), ""),
    "referral.decline.other": (N_("Could another activity of yours fit?"), ""),
    "referral.decline.note": (
        N_("Is there more to say?"),
        N_("If you want to. The link worker reads it."),
    ),
    "referral.contact.happened_at": (N_("When did you reach them?"), SAID_TIME),
    "referral.contact.note": (N_("How did it go?"), N_("If you want to. Keep it short.")),
    "referral.try_contact.reason": (N_("What happened?"), ""),
    "referral.try_contact.happened_at": (N_("When was it?"), SAID_TIME),
    "referral.try_contact.note": (
        N_("Anything the link worker should know?"),
        N_("If you want to. For example, when you will try again."),
    ),
    "referral.start.note": (N_("How did the first session go?"), N_("If you want to.")),
    "referral.update.note": (
        N_("How is it going?"),
        N_("What went well, what was hard, what happens next. The link worker reads it."),
    ),
    "referral.pause.paused_until": (
        N_("When does the break end?"),
        N_("For example, 15 3 2026"),
    ),
    "referral.give_back.reason": (N_("Why can you not go on?"), ""),
    "referral.give_back.note": (
        N_("What should the link worker know?"),
        N_("What was tried, and what might suit them better."),
    ),
    "referral.complete.outcome": (N_("What happened?"), ""),
    "referral.complete.goals_met": (N_("Were their goals met?"), ""),
    "referral.complete.what_next": (
        N_("What comes next for them?"),
        N_("For example, they come back each Thursday as a member."),
    ),
    "referral.complete.summary": (
        N_("A short summary for their doctor's practice"),
        N_("What they did and how it went, in 2 or 3 sentences. The link worker reads it too."),
    ),
    "referral.complete.note": (
        N_("Anything for the link worker, and not for the practice?"),
        N_("If you want to."),
    ),
    "referral.reopen.reason": (N_("Why?"), ""),
    "referral.recall.reason": (N_("Why do you take it back?"), ""),
    "referral.withdraw.reason": (
        N_("Why does it stop?"),
        N_("The person does not need to give a reason."),
    ),
    "referral.close_unmet.reason": (N_("Why could no activity be found?"), ""),
    "referral.reassign.link_worker_id": (N_("Who takes it over?"), ""),
    "escalation.ask.asked": (N_("Whom do you ask?"), ""),
    "escalation.ask.note": (N_("What do you want to know?"), ""),
    "escalation.answer.note": (N_("Your answer"), N_("The reviewer reads it.")),
    "escalation.note": (N_("Anything to add?"), N_("If you want to.")),
    "escalation.climb.reason": (N_("Why does it move up?"), ""),
    "override.approve.note": (
        N_("Why do you agree?"),
        N_("If you want to. Those who answer for this person's safety read it."),
    ),
    "override.refuse.reason": (N_("Why do you not agree?"), ""),
    "override.end.reason": (N_("Why does it end now?"), ""),
    "override.review.finding": (N_("Was it right to share?"), ""),
    "override.review.note": (
        N_("What did you find?"),
        N_("What was shared, what came of it, and what to do differently."),
    ),
    "emergency.review.finding": (N_("Was it right to open it?"), ""),
    "emergency.review.tags": (
        N_("What is there to learn?"),
        N_("Choose all that apply, or none."),
    ),
    "emergency.review.note": (
        N_("What did you find?"),
        N_("What was opened, whether it was needed, and what to do differently."),
    ),
    "override.note": (
        N_("Anything to add?"),
        N_("If you want to. Those who answer for this person's safety read it."),
    ),
    "assurance.condition.note": (
        N_("What are the conditions?"),
        N_("The provider reads them."),
    ),
    "assurance.condition.conditions_until": (
        N_("Until when do the conditions hold?"),
        N_("For example, 15 3 2026"),
    ),
    "assurance.condition.conditional_activities": (
        N_("Which activities may take new people?"),
        N_("Choose all that do."),
    ),
    "assurance.note": (N_("Anything to add?"), N_("If you want to. The provider can read it.")),
    "rights_request.check_identity.identity_how": (N_("How did you find out who asks?"), ""),
    "rights_request.cannot_identify.note": (N_("What was tried?"), ""),
    "rights_request.ask.note": (
        N_("What do you ask the person?"),
        N_("Only what you need to know to answer. The month stands still until they do."),
    ),
    "rights_request.answer.note": (N_("What did the person answer?"), ""),
    "rights_request.go_on.note": (N_("How do you go on without the answer?"), ""),
    "rights_request.extend.reason": (N_("Why does it take longer?"), ""),
    "rights_request.fulfil.note": (
        N_("What was done?"),
        N_("What was given, put right or stopped, and what was left out and why."),
    ),
    "rights_request.erase.ground": (N_("On which ground is it erased?"), ""),
    "rights_request.refuse.reason": (N_("Why is it refused?"), ""),
    "rights_request.refuse.note": (
        N_("Why, in words the person can follow?"),
        N_("Say also how to complain: to you first, and to the Information Commissioner."),
    ),
    "rights_request.told_how": (N_("How was the person told?"), ""),
    "rights_request.note": (N_("Anything to add?"), N_("If you want to.")),
    "agreement.renew.review_at": (N_("When is it reviewed next?"), N_("For example, 15 3 2027")),
    "agreement.note": (N_("Anything to add?"), N_("If you want to.")),
}
# The words of codes, by the name of the field.
CODES: dict[str, Mapping[str, str]] = {
    "reason": labels.REASONS,
    "outcome": labels.OUTCOMES,
    "goals_met": labels.GOALS_MET,
    "finding": labels.FINDINGS,
    "identity_how": labels.IDENTIFIED_BY,
    "told_how": labels.TOLD_BY,
    "ground": labels.ERASED_BECAUSE,
}
# What is said before the form, of a move that has an effect one may not expect.
BEFORE: dict[tuple[Noun, str], str] = {
    (Noun.REFERRAL, "accept"): N_(
        "They get a place. You then see their full name, how to reach them and what keeps them"
        " safe. The link worker is told."
    ),
    (Noun.REFERRAL, "decline"): N_(
        "The link worker is told today and looks for something else for them."
    ),
    (Noun.REFERRAL, "put_on_waiting_list"): N_(
        "The link worker is told the date, and can tell the person."
    ),
    (Noun.REFERRAL, "review_wait"): N_("The link worker and the person are told the new date."),
    (Noun.REFERRAL, "contact"): N_("Say so once you have reached the person. A call is enough."),
    (Noun.REFERRAL, "try_contact"): N_(
        "The link worker is told, and may know another way to reach them. The day by which first"
        " contact is due stays as it is."
    ),
    (Noun.REFERRAL, "start"): N_("Say so once they have been to a first session."),
    (Noun.REFERRAL, "pause"): N_("Their place is kept. The other side is told the date."),
    (Noun.REFERRAL, "resume"): N_("They take part again. The other side is told."),
    (Noun.REFERRAL, "give_back"): N_(
        "Their place becomes free. The link worker is told and looks for something else for them."
    ),
    (Noun.REFERRAL, "recall"): N_("The provider is told, and no longer sees their details."),
    (Noun.REFERRAL, "withdraw"): N_("The referral stops. The provider is told today."),
    (Noun.REFERRAL, "reopen"): N_("The other side is told."),
    (Noun.REFERRAL, "discard"): N_("The draft is thrown away. Nothing was sent to anybody."),
    (Noun.OVERRIDE, "approve"): N_(
        "What is listed is shared with this provider from now, for 5 working days and no longer."
        " You are the second person: your name stands beside the proposer's."
    ),
    (Noun.OVERRIDE, "refuse"): N_("Nothing is shared. Whoever proposed it is told why."),
    (Noun.OVERRIDE, "end"): N_(
        "The provider sees nothing more on this ground. Somebody who has not agreed goes back to"
        " their link worker. A governance lead reviews it."
    ),
    (Noun.OVERRIDE, "review"): N_("You are the third person. It closes with what you found."),
    (Noun.EMERGENCY, "close"): N_("The record closes to you at once. Somebody else reviews it."),
    (Noun.EMERGENCY, "review"): N_(
        "It closes with what you found. Whoever opened it is told. If it was not right, it goes to"
        " the reviewers of this place as a matter about information sharing."
    ),
    (Noun.ESCALATION, "acknowledge"): N_(
        "You become the reviewer. Whoever raised it is told. A decision is due after that: the page"
        " says by when."
    ),
    (Noun.ESCALATION, "unanswered"): N_("You go on without the answer. It stays on record."),
    (Noun.ESCALATION, "climb"): N_("It goes to the reviewers of the next level."),
    (Noun.ESCALATION, "withdraw"): N_("The reviewers are told that nothing more is needed."),
    (Noun.ESCALATION, "reopen"): N_("It goes one level up, to other reviewers."),
    (Noun.ASSURANCE, "apply"): N_("The governance lead looks at the evidence and decides."),
    (Noun.ASSURANCE, "review"): N_(
        "The evidence is looked at. Until the decision nobody new is sent or accepted."
    ),
    (Noun.ASSURANCE, "assure"): N_("New people can be sent from now."),
    (Noun.ASSURANCE, "condition"): N_("Only the activities you choose can take new people."),
    (Noun.ASSURANCE, "refuse"): N_(
        "Everyone with this provider goes back to their link worker. The provider is told."
    ),
    (Noun.ASSURANCE, "suspend"): N_(
        "Nobody new is sent. A review is opened about those taking part, and their link workers"
        " are told."
    ),
    (Noun.ASSURANCE, "leave"): N_(
        "Everyone with this provider goes back to their link worker today."
    ),
    (Noun.AGREEMENT, "sign"): N_(
        "You sign for your organisation. It is in force once each organisation has signed."
    ),
    (Noun.RIGHTS, "check_identity"): N_(
        "Ask for no more than you need. What a person showed is not kept, only how you found out."
    ),
    (Noun.RIGHTS, "cannot_identify"): N_(
        "Nothing is given to anybody. Whoever asked can ask again."
    ),
    (Noun.RIGHTS, "ask"): N_("The month stands still from today until they answer. Tell them so."),
    (Noun.RIGHTS, "extend"): N_(
        "The law gives two months more, once, if it is complex. Tell the person before the first"
        " month is over."
    ),
    (Noun.RIGHTS, "refuse"): N_(
        "It takes two people. The person is told why, that they can complain to you, to the"
        " Information Commissioner, and go to court."
    ),
    (Noun.RIGHTS, "withdraw"): N_("Only if the person said so themselves."),
    (Noun.AGREEMENT, "end"): N_(
        "Nothing new is shared under it from now. A review is opened about those taking part."
    ),
}
# The banner after a move: what happened and what happens next. %(due)s is the next deadline.
BANNERS: dict[tuple[Noun, str], str] = {
    (Noun.REFERRAL, "accept"): N_(
        "Accepted. The link worker has been told. Make first contact by %(due)s."
    ),
    (Noun.REFERRAL, "ask"): N_(
        "Your question was sent. The link worker has until %(due)s to answer."
    ),
    (Noun.REFERRAL, "answer"): N_("Your answer was sent. The provider has until %(due)s to reply."),
    (Noun.REFERRAL, "put_on_waiting_list"): N_(
        "On your waiting list. The link worker has been told. Look at it again by %(due)s."
    ),
    (Noun.REFERRAL, "review_wait"): N_(
        "New date saved. The link worker has been told. Look at it again by %(due)s."
    ),
    (Noun.REFERRAL, "decline"): N_(
        "The link worker has been told. They have until %(due)s to find something else."
    ),
    (Noun.REFERRAL, "contact"): N_(
        "First contact saved. The link worker has been told. The start is due by %(due)s."
    ),
    (Noun.REFERRAL, "try_contact"): N_(
        "Saved. The link worker has been told. What comes next is still due by %(due)s."
    ),
    (Noun.REFERRAL, "start"): N_(
        "Started. The link worker has been told. Say how it is going by %(due)s."
    ),
    (Noun.REFERRAL, "update"): N_("Saved. The next update is due by %(due)s."),
    (Noun.REFERRAL, "pause"): N_("The break is saved, and the other side has been told."),
    (Noun.REFERRAL, "resume"): N_("They take part again, and the other side has been told."),
    (Noun.REFERRAL, "give_back"): N_(
        "The link worker has been told. They have until %(due)s to find something else."
    ),
    (Noun.REFERRAL, "complete"): N_(
        "Finished. The link worker has been told and has until %(due)s to read the outcome."
    ),
    (Noun.REFERRAL, "recall"): N_("Taken back. The provider has been told."),
    (Noun.REFERRAL, "call"): N_("The call is kept in the history."),
    (Noun.REFERRAL, "confirm"): N_("Closed. The provider has been told that you read the outcome."),
    (Noun.REFERRAL, "withdraw"): N_("Stopped. The provider has been told."),
    (Noun.REFERRAL, "reassign"): N_("Handed over. Both have been told."),
    (Noun.REFERRAL, "close_unmet"): N_("Closed. The gap in what is on offer has been counted."),
    (Noun.REFERRAL, "discard"): N_("The draft was thrown away."),
    (Noun.OVERRIDE, "approve"): N_(
        "Approved. What is listed is shared until %(due)s, and not longer."
    ),
    (Noun.OVERRIDE, "refuse"): N_("Not approved. Whoever proposed it has been told."),
    (Noun.OVERRIDE, "end"): N_("Ended. A governance lead reviews it by %(due)s."),
    (Noun.OVERRIDE, "review"): N_("Reviewed. Whoever proposed it has been told."),
    (Noun.EMERGENCY, "close"): N_("Closed. A governance lead reviews it by %(due)s."),
    (Noun.EMERGENCY, "review"): N_("Reviewed. Whoever opened it has been told."),
    (Noun.ESCALATION, "acknowledge"): N_("It is yours now. Decide by %(due)s."),
    (Noun.ESCALATION, "ask"): N_("Your question was sent. The answer is due by %(due)s."),
    (Noun.ESCALATION, "answer"): N_("Your answer was sent to the reviewer."),
    (Noun.ESCALATION, "unanswered"): N_("You go on without the answer. Decide by %(due)s."),
    (Noun.ESCALATION, "climb"): N_("It moved up. The reviewers there have until %(due)s."),
    (Noun.ESCALATION, "withdraw"): N_("Taken back. The reviewers have been told."),
    (Noun.ESCALATION, "reopen"): N_("It moved up. The reviewers there have until %(due)s."),
    (Noun.ESCALATION, "complete"): N_("The review is closed. Whoever raised it has been told."),
    (Noun.ASSURANCE, "review"): N_("The review has begun. Decide by %(due)s."),
    (Noun.ASSURANCE, "assure"): N_("Assured. The provider has been told."),
    (Noun.ASSURANCE, "condition"): N_("Assured with conditions. The provider has been told."),
    (Noun.ASSURANCE, "refuse"): N_("Not assured. The provider has been told."),
    (Noun.ASSURANCE, "suspend"): N_(
        "Suspended. The provider and the link workers have been told. Decide by %(due)s."
    ),
    (Noun.ASSURANCE, "leave"): N_("The provider has left."),
    (Noun.RIGHTS, "check_identity"): N_("Saved. Begin the work by %(due)s."),
    (Noun.RIGHTS, "start"): N_("The work has begun. The answer is due by %(due)s."),
    (Noun.RIGHTS, "ask"): N_("Saved. The month stands still. Look at it again by %(due)s."),
    (Noun.RIGHTS, "answer"): N_("Saved. The answer is due by %(due)s."),
    (Noun.RIGHTS, "go_on"): N_("Saved. The answer is due by %(due)s."),
    (Noun.RIGHTS, "extend"): N_("Two months more. The answer is due by %(due)s."),
    (Noun.AGREEMENT, "renew"): N_("Renewed, with the new review date."),
    (Noun.AGREEMENT, "end"): N_("Ended. The organisations have been told."),
}
RED = frozenset({"withdraw", "discard", "refuse", "suspend", "leave", "end"})


@dataclass(frozen=True)
class Drawn:
    """One field as a page draws it."""

    name: str
    kind: str  # text | area | number | radios | checkboxes | day | yes_no | choose
    label: str
    hint: str = ""
    choices: tuple[tuple[str, ...], ...] = ()
    answered: str = ""  # how yes is said to a question of yes or no: see `labels.yes_no`
    most: int = 0  # so many characters are counted down; 0: more than anybody counts


# By the verb of the question, as it is in Welsh.
ANSWERED = {"danger": "there", "hold_stays": "they", "safe_to_carry_on": "it"}

Choices = Mapping[str, Iterable[tuple[str, ...]]]


def question_of(noun: Noun, trigger: str, name: str) -> tuple[str, str]:
    """What a field asks, and its hint, in the reader's language."""
    for key in (f"{noun}.{trigger}.{name}", f"{noun}.{name}", name):
        if key in QUESTIONS:
            label, hint = QUESTIONS[key]
            return said(label), said(hint)
    return name.replace("_", " ").capitalize(), ""


def drawn(
    schema: Schema,
    noun: Noun,
    trigger: str,
    choices: Choices,
    leave_out: Iterable[str] = (),
    first: tuple[str, ...] = (),
) -> list[Drawn]:
    """The fields of a schema in their order, but for those that come `first`; the note, which is
    rarely needed, last."""
    found = []
    names = [n for n in schema.fields if n not in leave_out]
    names.sort(key=lambda n: (n not in first, n in ("note", "summary"), n == "note"))
    for name in names:
        declared = schema.fields[name]
        label, hint = question_of(noun, trigger, name)
        kind, codes = _kind(name, declared, choices)
        answered = ANSWERED.get(name, "")
        most = declared.most if isinstance(declared, Text) and declared.most == NOTE else 0
        found.append(Drawn(name, kind, label, hint, codes, answered, most))
    return found


def lists_in_force(noun: Noun, trigger: str, option: Option | None, f: Any) -> Choices:
    """The lists in force at the record's place, for what this move needs; without an option, for
    what it would need from elsewhere."""
    moves = () if option else [m for m in TABLES[noun].moves if m.trigger == trigger]
    needs = option.needs if option else [need for m in moves for need in m.needs]
    found = {need.name: list_of(noun, trigger, need) for need in needs}
    return {
        name: labels.listed_reasons(f.rules, listed)
        for name, listed in found.items()
        if listed in policy.REASONS
    }


def _kind(
    name: str, declared: fields.Field[Any], choices: Choices
) -> tuple[str, tuple[tuple[str, ...], ...]]:
    given = tuple(choices[name]) if name in choices else ()
    if isinstance(declared, YesNo):
        return "yes_no", ()
    if isinstance(declared, (Day, Moment)):
        return "day", ()
    if isinstance(declared, Many):
        return "checkboxes", given
    if isinstance(declared, Choice):
        if given:
            return "radios", given
        codes = list(declared.values)
        return "radios", tuple((c, word(dict(CODES.get(name, {})), c)) for c in codes)
    if given and isinstance(declared, Text):
        return "radios", given
    if isinstance(declared, (Id, OwnerKey)):
        return ("radios" if len(given) <= 8 else "choose"), given
    if isinstance(declared, Number):
        return "number", ()
    if isinstance(declared, SaidTime) or (isinstance(declared, Text) and declared.most <= SHORT):
        return "text", ()
    return "area", ()


# -- the record ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Record:
    """The record a form is about, as its reader may know it."""

    noun: Noun
    id: str
    facts: Any
    options: tuple[Option, ...]
    at: datetime
    caption: str
    whom: str  # the person of a referral as the viewer may call them; else empty

    @property
    def version(self) -> int:
        return int(self.facts.version)

    def option(self, trigger: str) -> Option | None:
        """The move as it stands for this actor now; None if there is none from this state."""
        return next((o for o in self.options if o.trigger == trigger), None)


def _disclosed(tx: Tx, f: Any, actor: Actor, at: datetime) -> frozenset[str]:
    said_so = visible.answers(tx, actor, at, [f.id]).get(f.id, (None, None))
    return disclosure.fields(situation(f, actor, at, *said_so))


def _caption(
    tx: Tx, noun: Noun, f: Any, seen: frozenset[str], actor: Actor, at: datetime
) -> tuple[str, str]:
    """Which record a form is about, without a name; and the person of a referral as its reader
    sees them on its own page, so that nobody answers for another person. No person where they see
    a reference alone."""
    words = whom = ""
    if noun is Noun.ESCALATION:
        words = word(labels.KINDS, f.kind)
    elif noun is not Noun.REFERRAL:
        words = captions.caption(tx, actor, noun, f.id)
    elif seen & {"activity", "name", "first_name"}:
        activity, given, family = captions.of_referral(tx, actor, f.id)
        words = activity if "activity" in seen else ""
        if "name" in seen:
            whom = f"{given} {family}"
        elif "first_name" in seen:
            whom = disclosure.first_name(given)
    return " · ".join(part for part in (getattr(f, "reference", ""), words) if part), whom


def record(tx: Tx, at: datetime, noun: Noun, record_id: str, actor: Actor) -> Record:
    """The record with the moves open to this actor. Raises Refused (not_found) when it isn't there
    for them."""
    f = facts.LOADERS[noun](tx, record_id, actor, at)
    if f is None or not TABLES[noun].hats(f, actor):
        raise Refused([NOT_FOUND], noun=noun, trigger="read", record_id=record_id)
    seen = _disclosed(tx, f, actor, at) if noun is Noun.REFERRAL else frozenset[str]()
    return Record(
        noun,
        record_id,
        f,
        tuple(options(noun, f, actor, at)),
        at,
        *_caption(tx, noun, f, seen, actor, at),
    )


def read_record(noun: Noun, record_id: str) -> Record:
    """`record` for the actor of this request, in a transaction of its own."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        return record(tx, at, noun, record_id, actor)


def note_read(noun: str, record_id: str, subject: str | None) -> None:
    """Say in the audit log that a person's record was read."""
    actor = current_actor()
    more = {"subject": subject} if subject else {}
    edge().perform(
        actor, lambda tx, at: log(tx, actor, at, "read", str(noun), record_id, None, **more)
    )


def banner(tx: Tx, noun: Noun, trigger: str, done: Done, at: datetime) -> str:
    """What happened and what happens next."""
    if (noun, trigger) == (Noun.AGREEMENT, "sign"):
        if done.state == AgreementState.IN_FORCE:
            return _("Signed. You were the last: the agreement is in force now.")
        return _("Signed. It is in force once each organisation has signed.")
    words = BANNERS.get((noun, trigger))
    if words is None:
        return f"{labels.told(noun, trigger)}."
    if "%(due)s" not in words:
        return said(words)
    due = [c.due for c in records.clocks(tx, done.id) if c.kind != "referral.not_started"]
    return _(words, due=by_when(due[0] if due else None, at))


def moved_on(found: Record, trigger: str, actor: Actor) -> dict[str, Any]:
    """For whoever asks for a move that isn't there any more: what was done last, who made that very
    move last, and what can be done now."""
    with edge().reading(actor) as (tx, at):
        steps = timeline(tx, actor, at, found.noun, found.id).steps
    same = next((one for one in steps if one.trigger == trigger), None)
    last = [*steps[:1], *([same] if same and same not in steps[:1] else [])]
    allowed = {o.trigger for o in found.options if o.allowed} - ELSEWHERE
    onward = [t for t in FORWARD if t in allowed] if found.noun is Noun.REFERRAL else []
    return {
        "last": entries(found.noun, last, at),
        "now": [
            {
                "text": labels.button(found.noun, move),
                "href": labels.move_path(str(found.noun), found.id, move),
            }
            for move in onward
        ],
    }


# -- the page -----------------------------------------------------------------------------------


Act = Callable[[Tx, datetime, dict[str, Any], Form], Done]


@dataclass(frozen=True)
class Asked:
    """What one move's page has beside what the table says."""

    title: str = ""
    press: str = ""
    before: str = ""
    schema: type[Command] | None = None
    choices: Choices = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    act: Act | None = None
    back: str = ""
    template: str = "move.jinja"
    context: Mapping[str, Any] = field(default_factory=dict)


def move_page(
    noun: Noun, record_id: str, trigger: str, asked: Asked | None = None
) -> ResponseReturnValue:
    """The page of one move: its form, or what stands in its way; and the answer to the form.

    The record is found only for those it is there for; what the table refuses is said in its own
    words, and what was typed stays."""
    asked = asked or Asked()
    actor = current_actor()
    found = read_record(noun, record_id)
    if (str(noun), trigger) not in labels.MOVES:
        abort(404)
    option = found.option(trigger)
    schema = (asked.schema or schema_for(noun, trigger))()
    back = asked.back or labels.record_path(noun, record_id)
    title = asked.title or labels.button(noun, trigger)

    def draw(form: Form) -> str:
        refusals = () if option is None else option.refusals
        shared = {
            "title": title,
            "caption": found.caption,
            "whom": found.whom,
            "back": {"href": back},
            "record": found,
            **asked.context,
        }
        if option is None:
            shared |= moved_on(found, trigger, actor)
        typed = request.method == "POST"
        if not typed and (option is None or refusals):
            return page("move_refused.jinja", None, refusals=refusals, **shared)
        return page(
            asked.template,
            form,
            fields=[
                replace(
                    one,
                    label=asked.labels.get(one.name, one.label),
                    hint=asked.hints.get(one.name, one.hint),
                )
                for one in drawn(
                    schema,
                    noun,
                    trigger,
                    {**lists_in_force(noun, trigger, option, found.facts), **asked.choices},
                    asked.leave_out,
                    asked.first,
                )
            ],
            before=asked.before or said(BEFORE.get((noun, trigger), "")),
            press_words=asked.press or title,
            red=trigger in RED,
            gone=option is None,
            **shared,
        )

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Next:
        told = {name: value for name, value in given.items() if value is not None}
        check_named(tx, actor, at, noun, record_id, trigger, told)
        if asked.act is not None:
            done = asked.act(tx, at, told, form)
        else:
            done = step(
                tx, noun, record_id, trigger, actor, at, told, version=form.version, key=form.key
            )
        return Next(back, banner(tx, noun, trigger, done, at))

    return answer(
        draw,
        act,
        lambda went: went,
        schema=schema,
        version=found.version,
        about=(noun, record_id),
    )


# -- the routes ---------------------------------------------------------------------------------

# Pages of moves that need more than the table says, registered by the module of the noun.
Special = Callable[[str, str], ResponseReturnValue]
OWN_PAGES: dict[tuple[Noun, str], Special] = {}


def own_page(noun: Noun, *triggers: str) -> Callable[[Special], Special]:
    """This function answers for the page of these moves: it is told the record and the trigger."""

    def register(view: Special) -> Special:
        for trigger in triggers:
            OWN_PAGES[noun, trigger] = view
        return view

    return register


# What has commands of its own, and pages elsewhere.
ELSEWHERE = frozenset(
    {
        "create",
        "raise",
        "draft",
        "propose",
        "send",
        "redirect",
        "lapse",
        "stop",
        "settle",
        "receive",
        "open",
    }
)


def _move(noun: Noun, record_id: UUID, move: str) -> ResponseReturnValue:
    trigger = move.replace("-", "_")
    if trigger in ELSEWHERE or "_" in move:
        abort(404)
    special = OWN_PAGES.get((noun, trigger))
    if special is not None:
        return special(str(record_id), trigger)
    return move_page(noun, str(record_id), trigger)


@pages.route("/referrals/<uuid:record_id>/<move>", methods=["GET", "POST"])
@access(STAFF)
def referral_move(record_id: UUID, move: str) -> ResponseReturnValue:
    return _move(Noun.REFERRAL, record_id, move)


@pages.route("/overrides/<uuid:record_id>/<move>", methods=["GET", "POST"])
@access(STAFF)
def override_move(record_id: UUID, move: str) -> ResponseReturnValue:
    return _move(Noun.OVERRIDE, record_id, move)


@pages.route("/emergencies/<uuid:record_id>/<move>", methods=["GET", "POST"])
@access(STAFF)
def emergency_move(record_id: UUID, move: str) -> ResponseReturnValue:
    return _move(Noun.EMERGENCY, record_id, move)


@pages.route("/escalations/<uuid:record_id>/<move>", methods=["GET", "POST"])
@access(STAFF)
def escalation_move(record_id: UUID, move: str) -> ResponseReturnValue:
    return _move(Noun.ESCALATION, record_id, move)


@pages.route("/assurance/<uuid:record_id>/<move>", methods=["GET", "POST"])
@access(STAFF)
def assurance_move(record_id: UUID, move: str) -> ResponseReturnValue:
    return _move(Noun.ASSURANCE, record_id, move)


@pages.route("/agreements/<uuid:record_id>/<move>", methods=["GET", "POST"])
@access(STAFF)
def agreement_move(record_id: UUID, move: str) -> ResponseReturnValue:
    return _move(Noun.AGREEMENT, record_id, move)


@pages.route("/rights/<uuid:record_id>/<move>", methods=["GET", "POST"])
@access(STAFF)
def rights_move(record_id: UUID, move: str) -> ResponseReturnValue:
    return _move(Noun.RIGHTS, record_id, move)
