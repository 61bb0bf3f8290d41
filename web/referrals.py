"""The page of one referral, for each who may see it: who it is, where it is, who has it and until
when, what one can do, and what one can't do yet and why. What is shown is what `disclosure` lets
through; nothing else reaches the templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue

from referral import facts, lists, postcodes, records, visible
from referral.actors import Actor
from referral.audit import log, showing
from referral.facts import ReferralFacts
from referral.members import actor_of
from referral.records import ClockSeen, ConsentSeen, PersonSeen, Proposal, ReferralSeen
from referral.scopes import opened
from referral.states import DUPLICATES, REFERRAL_OPEN, ConsentState, Noun, Purpose, Role
from referral.states import ReferralState as S
from referral.store import Tx
from web import accountability as answering
from web import labels, pdf
from web.access import REVIEWERS, STAFF, TEAM, access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, page
from web.holds import panel
from web.keysets import after, pack
from web.labels import said, word
from web.matching import Offer, matched, offer
from web.moves import (
    FORWARD,
    QUESTIONS,
    SAID_TIME,
    Asked,
    drawn,
    lists_in_force,
    move_page,
    own_page,
    read_record,
)
from web.people import life, through
from web.say import _, ngettext
from web.schemas import schema_for
from web.timelines import entries, happened
from web.wizard import (
    MENDED_ON,
    MOST_LOOKED_AT,
    PER_PAGE,
    next_after,
    practice_words,
    who_they_are_lacks,
)
from web.words import (
    age_band,
    by_when,
    day_words,
    deadline,
    dialled,
    listed,
    message_words,
    nhs_number,
    phone_words,
    printed,
    safety_told,
    time_words,
    written,
)
from workflows import clocks, disclosure, histories, reading
from workflows.calls import LEFT_MESSAGE, record_call
from workflows.disclosure import Situation
from workflows.documents import DOCUMENTS
from workflows.emergencies import may_read
from workflows.engine import NOT_FOUND, TABLES, Done, Option, Refused, options, step
from workflows.guards import HELD
from workflows.messages import MESSAGES
from workflows.moves import N_, Refusal
from workflows.referrals import (
    Redirected,
    confirm_proposal,
    propose,
    redirect_referral,
)
from workflows.working_time import ENGLAND, local_day

pages = Blueprint("referral_pages", __name__)

STAGES = (
    N_("Written"),
    N_("Sent to provider"),
    N_("Place given"),
    N_("Taking part"),
    N_("Finished"),
    N_("Closed"),
)
STAGE: dict[str, int] = {
    S.DRAFT: 1,
    S.SENT: 2,
    S.QUERIED: 2,
    S.WAITING: 2,
    S.RETURNED: 2,
    S.ACCEPTED: 3,
    S.ACTIVE: 4,
    S.PAUSED: 4,
    S.COMPLETED: 5,
    S.CLOSED: 7,
}
OTHER = (
    "call",
    "pause",
    "give_back",
    "close_unmet",
    "recall",
    "reopen",
    "reassign",
    "withdraw",
    "discard",
    "mark_in_error",
)
# The moves that carry the person on: the one button that may be green.
GREEN = (
    "answer", "accept", "contact", "start", "update", "resume", "confirm", "redirect", "complete",
)  # fmt: skip
ESCALATE = (Role.LINK_WORKER, Role.TEAM_LEAD, Role.PROVIDER_LEADER)
NOT_MINE = frozenset({"not_your_role", "not_your_record", "no_such_move"})


@dataclass(frozen=True)
class Shown:
    """One referral as one actor sees it now."""

    id: str
    facts: ReferralFacts
    situation: Situation
    seen: dict[str, Any]
    options: tuple[Option, ...]
    clocks: tuple[ClockSeen, ...]
    due: datetime | None
    at: datetime
    actor: Actor
    referral: ReferralSeen
    person: PersonSeen
    consents: tuple[ConsentSeen, ...]
    timeline: reading.Timeline
    proposal: Proposal | None

    @property
    def has_messages(self) -> bool:
        """Whether the messages about it are there for the viewer."""
        return "messages" in disclosure.fields(self.situation)

    @property
    def has_documents(self) -> bool:
        """Whether the documents on it are there for the viewer."""
        return "documents" in disclosure.fields(self.situation)

    @property
    def name(self) -> str:
        """How the viewer knows the person."""
        return disclosure.known_as(self.seen)

    @property
    def own_side(self) -> bool:
        """Whether the viewer is of the team that holds the person, and may open their record."""
        return "birth_date" in disclosure.fields(self.situation)

    @property
    def closed(self) -> bool:
        return self.situation.closed

    @property
    def clock(self) -> ClockSeen | None:
        """The clock of the state it is in."""
        kind = f"referral.{self.facts.state}"
        return next((c for c in self.clocks if c.kind == kind), None)


def record_of(r: ReferralSeen, p: PersonSeen) -> dict[str, Any]:
    """A referral with its person, by the names that disclosure knows the fields by. What was sent
    is shown as it was sent; before that, as it stands."""
    sent = r.state not in (S.DRAFT, S.RETURNED) and r.shared is not None
    plan = r.shared if sent and r.shared else r._asdict()
    out = {name: plan.get(name) for name in ("what_matters", "goals", "needs", "access")}
    out |= {
        name: getattr(r, name)
        for name in (
            "reference",
            "state",
            "since",
            "urgent",
            "risks",
            "safety_notes",
            "safety_answers",
            "call_before",
            "reason",
            "expected_date",
            "paused_until",
            "contacted_at",
            "outcome",
            "sent_at",
            "completed_at",
            "provider",
            "activity",
            "group",
            "link_worker",
            "redirected_from",
            "redirected_to",
        )
    }
    out |= {"team": r.organisation, "team_phone": r.organisation_phone}
    out |= {
        name: getattr(p, name)
        for name in (
            "given_name",
            "family_name",
            "birth_date",
            "nhs_number",
            "no_nhs_number",
            "practice",
            "phone",
            "email",
            "address",
            "postcode",
            "contact_method",
            "contact_times",
            "through_name",
            "through_phone",
            "message_safe",
            "language",
            "interpreter",
            "access_needs",
            "emergency_contact",
            "died_on",
            "died_about",
        )
    }
    return out


def look(tx: Tx, at: datetime, record_id: str, answers: bool = True) -> Shown:
    """A referral as the actor of this request sees it; without the person's `answers` where nothing
    of them is shown. Raises Refused: not_found."""
    actor = current_actor()
    f = facts.referral(tx, record_id, actor, at)
    if f is None or not may_read(Noun.REFERRAL, f, actor):
        raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="read", record_id=record_id)
    said_so, spans = visible.answers_and_holds(tx, actor, at, [record_id], [record_id])
    s = reading.situation(f, actor, at, *said_so.get(record_id, (None, None)))
    r = records.referral(tx, actor, record_id)
    p = records.person_of(tx, actor, at, f.person_id)
    if r is None or p is None:
        raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="read", record_id=record_id)
    seen = disclosure.shown(record_of(r, p), s)
    running = tuple(records.clocks(tx, record_id)) if "since" in seen else ()
    own = "consent" in disclosure.fields(s)
    return Shown(
        record_id,
        f,
        s,
        seen,
        tuple(options(Noun.REFERRAL, f, actor, at)),
        running,
        _due(running, f, spans.get(record_id, []), at),
        at,
        actor,
        r,
        p,
        tuple(records.consents(tx, p.id)) if answers and own and not s.closed else (),
        reading.timeline(tx, actor, at, Noun.REFERRAL, record_id, known=(f, s)),
        records.proposal(tx, actor, r.proposal_id) if own and r.proposal_id else None,
    )


def _due(
    running: tuple[ClockSeen, ...],
    f: ReferralFacts,
    held: list[tuple[datetime, datetime | None]],
    at: datetime,
) -> datetime | None:
    """When the clock of the state is due, the time held left out; None while it stands still."""
    kind = f"referral.{f.state}"
    found = next((c for c in running if c.kind == kind), None)
    if found is None:
        return None
    spec = TABLES[Noun.REFERRAL].clocks[kind]
    holds = held if spec.held else []
    return clocks.counted_due(spec, found.started, found.due, holds, at, ENGLAND)


def found(record_id: str, answers: bool = True) -> Shown:
    """The referral as `look` has it, and a note in the log that it was read."""
    actor = current_actor()

    def read(tx: Tx, at: datetime) -> Shown:
        shown = look(tx, at, record_id, answers)
        log(tx, actor, at, "read", "referral", record_id, subject=shown.facts.subject_ref)
        return shown

    return edge().look(actor, read)


# -- what the page says -------------------------------------------------------------------------


def flags(shown: Shown) -> list[dict[str, str]]:
    """At most three flags beside the tag: what needs somebody first."""
    found = []
    if "held" in shown.seen:
        found.append(labels.flag("held"))
    if shown.clock and shown.due and shown.due <= shown.at:
        found.append(labels.flag("overdue"))
    if shown.facts.alarm and shown.own_side and not shown.closed:
        found.append(labels.flag("escalated"))
    if shown.seen.get("urgent"):
        found.append(labels.flag("urgent"))
    return found[:3]


def identity(shown: Shown) -> list[dict[str, Any]]:
    """The facts beside the name, of those the viewer sees."""
    seen = shown.seen
    pairs: list[tuple[str, Any]] = []
    pairs += life(seen)
    if seen.get("age_band") and "birth_date" not in seen:
        pairs.append((_("Age"), age_band(seen["age_band"])))
    if "nhs_number" in seen:
        pairs.append((_("NHS number"), nhs_number(seen["nhs_number"]) or _("None given")))
    if "area" in seen and "postcode" not in seen:
        pairs.append((_("Area"), seen.get("area") or _("No postcode given")))
    if "contact_method" in seen:
        reached = preferred(seen)
        by_mail = seen["contact_method"] == "email"
        pairs.append((_("Contact"), reached if by_mail else dialled(reached, close=True)))
        pairs.append((_("Messages"), message_words(seen.get("message_safe"))))
    return [{"label": label, "value": value} for label, value in pairs if value]


def preferred(seen: dict[str, Any]) -> str:
    """How the person wants to be reached, with the number or address for it."""
    method = seen.get("contact_method")
    where = {
        "phone": phone_words(seen.get("phone")),
        "text": phone_words(seen.get("phone")),
        "email": seen.get("email"),
        "someone_else": through(seen),
    }.get(method or "")
    how = word(labels.CONTACT_METHODS, method)
    if not method:
        return phone_words(seen.get("phone")) or ""
    return f"{how}: {where}" if where else how


def who_has_it(shown: Shown) -> str:
    """ "With Riverside Singers now", or that it is over."""
    state, r = shown.facts.state, shown.referral
    acts = TABLES[Noun.REFERRAL].states[state].acts if state else None  # type: ignore[index]
    if acts is None:
        return _("Nothing more is awaited")
    if acts == "provider":
        mine = shown.actor.organisation_id == r.provider_org
        return _("With you now") if mine else _("With %(who)s now", who=r.provider)
    if shown.actor.membership_id == r.link_worker_id:
        return _("With you now")
    return _("With %(who)s now", who=r.link_worker)


def _acts(shown: Shown) -> bool:
    """Whether it is the viewer's own group that has the person."""
    leader = shown.actor.role is Role.PROVIDER_LEADER
    return leader and not shown.closed and "held" not in shown.seen


def sentence(shown: Shown) -> str:
    """Where it is, and why where a reason was given."""
    says = said(TABLES[Noun.REFERRAL].states[shown.facts.state].says)  # type: ignore[index]
    if to_decide(shown) and shown.facts.state == S.SENT:
        says = _("They wait for your answer.")
    if shown.facts.state == S.QUERIED and shown.actor.role is Role.PROVIDER_LEADER:
        says = _(
            "You asked a question. Your time to reply is paused since %(day)s, waiting for"
            " %(who)s.",
            day=day_words(local_day(shown.facts.since)),
            who=shown.referral.link_worker,
        )
    if _acts(shown) and shown.facts.state in (S.ACCEPTED, S.ACTIVE):
        says = said(labels.WORK[f"referral.{shown.facts.state}"][0])
    code = shown.seen.get("reason")
    if code and shown.facts.state in (S.RETURNED, S.WITHDRAWN, S.CLOSED):
        says = f"{says} {_('Reason given: %(why)s.', why=word(labels.REASONS, code).lower())}"
    if shown.facts.state == S.WAITING and shown.seen.get("expected_date"):
        day = day_words(shown.seen["expected_date"], weekday=True)
        says = f"{says} {_('A place is expected on %(day)s.', day=day)}"
    if shown.own_side and not shown.closed and shown.facts.link_worker_absent:
        gone = _(
            "%(who)s is away or has left. The team lead stands in.", who=shown.referral.link_worker
        )
        says = f"{says} {gone}"
    if shown.facts.state == S.PAUSED and shown.seen.get("paused_until"):
        day = day_words(shown.seen["paused_until"], weekday=True)
        says = f"{says} {_('Until %(day)s.', day=day)}"
    return says


def path_of(shown: Shown, trigger: str) -> str:
    """Where the form of a move is. Sending is the last page of writing."""
    if trigger == "send":
        return f"/referrals/{shown.id}/write/check"
    return labels.move_path("referral", shown.id, trigger)


def actions(shown: Shown) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """What the viewer can do now: the next steps as buttons, the rest as links."""
    open_now = {o.trigger for o in shown.options if o.allowed}
    buttons = []
    writing = any(o.trigger == "send" and not _not_mine(o) for o in shown.options)
    if writing and not shown.closed:
        if shown.facts.state == S.DRAFT:
            buttons.append({"text": _("Go on writing"), "href": f"/referrals/{shown.id}/write"})
        text = _("Check and send") if shown.facts.state == S.DRAFT else _("Send again")
        again = {"text": text, "href": path_of(shown, "send"), "variant": "secondary"}
        if shown.facts.state == S.DRAFT:
            buttons.append(again)
        open_now.discard("send")
    forward = [t for t in FORWARD if t in open_now]
    buttons += [{"text": labels.button("referral", t), "href": path_of(shown, t)} for t in forward]
    if writing and shown.facts.state == S.RETURNED and not shown.closed:
        buttons.append(again)
    for number, button in enumerate(buttons):
        if number or not any(button["href"] == path_of(shown, t) for t in GREEN):
            button.setdefault("variant", "secondary")
    if buttons and shown.facts.state == S.DRAFT:
        buttons[0].pop("variant", None)
    more = [
        {"text": labels.button("referral", t), "href": path_of(shown, t)}
        for t in OTHER
        if t in open_now
    ]
    if shown.actor.role in ESCALATE and "since" in shown.seen and shown.facts.state != S.DRAFT:
        asks = shown.actor.role is Role.PROVIDER_LEADER
        text = _("Ask somebody else to decide") if asks else _("Escalate")
        more.append({"text": text, "href": f"/referrals/{shown.id}/escalate"})
    if shown.actor.role in TEAM and not shown.closed and shown.facts.state in REFERRAL_OPEN:
        more.append({"text": _("Remind me to call"), "href": f"/referrals/{shown.id}/remind"})
    return buttons, more


def _not_mine(option: Option) -> bool:
    return any(r.code in NOT_MINE for r in option.refusals)


def refused(shown: Shown) -> list[dict[str, Any]]:
    """The moves that are the viewer's to make and can't be made yet, each with what would change
    that. A hold is said once, above."""
    found = []
    for option in shown.options:
        if option.allowed or _not_mine(option):
            continue
        why = [r for r in option.refusals if r.code != HELD.code]
        if not why:
            continue
        found.append(
            {
                "cannot": _(
                    "You cannot do this yet: %(move)s",
                    move=labels.button("referral", option.trigger),
                ),
                "why": [_reason(shown, r) for r in why],
            }
        )
    return found


# Why a loop that is with the provider can't be closed yet.
OPEN_BECAUSE: dict[str, str] = {
    S.SENT: N_("The provider has not replied."),
    S.QUERIED: N_("The provider asked a question and has not decided."),
    S.WAITING: N_("They are on the provider's waiting list."),
    S.ACCEPTED: N_("The provider has given a place and has not said how it went."),
    S.ACTIVE: N_("The provider has not said how it went."),
    S.PAUSED: N_("The provider has not said how it went."),
}


def not_closed_yet(shown: Shown) -> list[dict[str, Any]]:
    """Why the referral can't be closed now, with what can be done instead, for whoever could stop
    it; nothing where closing is a move of its own."""
    state = shown.facts.state
    because = OPEN_BECAUSE.get(str(state))
    stop = next((o for o in shown.options if o.trigger == "withdraw" and o.allowed), None)
    closes = TABLES[Noun.REFERRAL].moves_from("confirm", state)
    if because is None or closes or stop is None or shown.actor.role not in TEAM:
        return []
    instead = _("You can stop it instead.")
    why = {"sentence": said(because), "remedy": instead, "href": path_of(shown, "withdraw")}
    return [{"cannot": _("You cannot close this yet."), "why": [why]}]


def answers_there(shown: Shown, accountability: dict[str, Any] | None) -> str:
    """Who at the provider has it, by name, for everybody else."""
    now = (accountability or {}).get("now")
    acts = TABLES[Noun.REFERRAL].states[shown.facts.state].acts  # type: ignore[index]
    mine = shown.actor.organisation_id == shown.referral.provider_org
    if acts != "provider" or mine or not now or not now["who"]:
        return ""
    return _("Who acts there: %(who)s.", who=now["who"])


def _reason(shown: Shown, refusal: Refusal) -> dict[str, str | None]:
    slug = MENDED_ON.get(refusal.code)
    writing = shown.facts.state in (S.DRAFT, S.RETURNED) and shown.own_side
    href = f"/referrals/{shown.id}/write/{slug}?then=check" if slug and writing else None
    lacks = who_they_are_lacks(shown.person) if refusal.code == "person_identified" else []
    if lacks and shown.own_side:
        missing = _("Still missing: %(what)s.", what=listed(lacks))
        return {"sentence": missing, "remedy": _("Add what is missing."), "href": href}
    return {"sentence": said(refusal.why), "remedy": said(refusal.remedy), "href": href}


def consent_facts(shown: Shown) -> dict[str, Any] | None:
    """The consent panel of those who hold the person's record."""
    if "consent" not in disclosure.fields(shown.situation) or shown.closed:
        return None
    newest = next(
        (
            c
            for c in shown.consents
            if c.purpose == Purpose.SHARE_WITH_PROVIDER
            and c.recipient == shown.referral.provider_id
        ),
        None,
    )
    manage = shown.actor.role is Role.LINK_WORKER or (
        shown.actor.role is Role.TEAM_LEAD
        and (shown.facts.link_worker_absent or shown.facts.link_worker_implicated)
    )
    links = []
    if manage and newest is not None:
        links.append({"text": _("Change or take back"), "href": f"/consents/{newest.id}"})
    if manage and shown.referral.state != S.IN_ERROR:
        links.append(
            {
                "text": _("Record an answer"),
                "href": f"/people/{shown.person.id}/consent?provider={shown.referral.provider_id}",
            }
        )
    if _may_propose(shown):
        links.append(
            {
                "text": _("Share without consent, for safety"),
                "href": f"/people/{shown.person.id}/share?provider={shown.referral.provider_id}",
            }
        )
    if newest is None:
        return {"state": labels.flag("no_consent"), "facts": [], "links": links}
    return {
        "state": labels.state_tag("consent", newest.state),
        "facts": facts_of(newest),
        "links": links,
    }


def _may_propose(shown: Shown) -> bool:
    """Whether sharing without consent is there to be proposed: no consent is in force, and the
    viewer is one of those who may."""
    may = shown.actor.role in (*TEAM, Role.SAFEGUARDING_LEAD)
    return may and _may_open(shown) and not shown.facts.consent_id and not shown.facts.override_id


def overrides(shown: Shown) -> list[dict[str, Any]]:
    """What is or was shared with this provider without consent, as far as the viewer sees it."""
    if shown.closed:
        return []
    asked = {"person_id": shown.person.id, "recipient": shown.referral.provider_id}
    with edge().reading(shown.actor) as (tx, at):
        found = lists.page(
            tx, Noun.OVERRIDE, shown.actor, at,
            most=5, filters=asked, only=("id", "reference", "state"),
        )  # fmt: skip
    return [
        {
            "href": labels.record_path(Noun.OVERRIDE, one["id"]),
            "reference": one["reference"],
            "tag": labels.state_tag(Noun.OVERRIDE, one["state"]),
        }
        for one in found
    ]


def holding(shown: Shown) -> dict[str, Any] | None:
    """The ordinary holds, for those who may place or lift one."""
    if shown.closed:
        return None
    with edge().reading(shown.actor) as (tx, _at):
        return panel(tx, shown.actor, shown.facts)


def facts_of(c: ConsentSeen) -> list[dict[str, str]]:
    """An answer as a list of facts. What was taken back says when, and nothing of how long or by
    whose decision it held: it holds no more."""
    answered = day_words(c.answered_at.date()) if c.answered_at else None
    if c.state == ConsentState.WITHDRAWN:
        pairs = [
            (_("Shared with"), c.provider),
            (_("Taken back"), answered),
            (_("Asked by"), c.asked_by),
        ]
        return [{"label": label, "value": value} for label, value in pairs if value]
    pairs = [
        (_("Shared with"), c.provider),
        (_("Answered"), answered),
        (_("How"), word(labels.HOW, c.how)),
        (_("Whose decision"), word(labels.BASES, c.basis)),
        (_("Who else was there"), c.present),
        (_("Asked by"), c.asked_by),
        (
            _("Wording"),
            _("Version %(number)s", number=c.wording_number) if c.wording_number else "",
        ),
        (_("Until"), day_words(c.until.date()) if c.until else None),
    ]
    return [{"label": label, "value": value} for label, value in pairs if value]


def overview(shown: Shown) -> list[dict[str, str]]:
    """What is known of the referral, of what the viewer sees."""
    seen = shown.seen
    needs = [word(labels.NEEDS, code) for code in seen.get("needs") or ()]
    method = seen.get("contact_method")
    own = shown.actor.role in TEAM and not shown.closed
    provider = shown.actor.role is Role.PROVIDER_LEADER
    unreached = provider and "phone" in seen and not seen["phone"]
    pairs: list[tuple[str, Any]] = [
        (_("What matters"), written(seen.get("what_matters"))),
        (_("Goals"), written("; ".join(seen.get("goals") or ()))),
        (_("Needs"), ", ".join(needs)),
        (_("Access"), written(seen.get("access") or seen.get("access_needs"))),
        (_("Interpreter"), _("Needed") if seen.get("interpreter") else None),
        (
            _("Activity"),
            written(
                ", ".join(
                    x
                    for x in (seen.get("activity"), seen.get("group"), shown.referral.when_words)
                    if x
                )
            )
            if "activity" in seen
            else None,
        ),
        (_("Getting there"), written(shown.referral.getting_there) if own else None),
        (_("Safety"), said(labels.RISKS["none"]) if seen.get("risks") == "none" else None),
        *safety_told(seen.get("safety_answers"))[1],
        (_("Provider"), seen.get("provider")),
        (_("Provider's phone"), phone_words(shown.referral.provider_phone) if own else None),
        (_("Link worker"), _named(seen.get("link_worker"), seen.get("team"))),
        (_("Team phone"), phone_words(seen.get("team_phone"))),
        # What stands beside the name is not said twice.
        (_("Phone"), phone_words(seen.get("phone")) if method not in ("phone", "text") else None),
        (_("Phone"), _("No phone given. Ring the link worker.") if unreached else None),
        (
            _("Messages"),
            message_words(seen.get("message_safe")) if method not in ("phone", "text") else None,
        ),
        (_("Email"), seen.get("email") if method != "email" else None),
        (_("Address"), ", ".join(x for x in (seen.get("address"), seen.get("postcode")) if x)),
        (_("Best times"), written(seen.get("contact_times"))),
        (_("Language"), seen.get("language")),
        (_("In an emergency"), seen.get("emergency_contact")),
        (_("Practice"), seen.get("practice")),
        (_("First contact"), time_words(seen.get("contacted_at"))),
        (_("Sent"), time_words(seen.get("sent_at"))),
    ]
    rung = (_("Phone"), _("Team phone"), _("Provider's phone"), _("In an emergency"))
    return [
        {"key": key, "value": dialled(value) if key in rung else value}
        for key, value in pairs
        if value
    ]


# What a provider decides by: read before the buttons, on the smallest phone too.
DECIDED_BY = (N_("What matters"), N_("Goals"), N_("Needs"), N_("Access"), N_("Interpreter"),
              N_("Activity"))  # fmt: skip


def to_decide(shown: Shown) -> bool:
    """Whether the viewer is the provider who is to answer."""
    asked = shown.facts.state in (S.SENT, S.QUERIED, S.WAITING)
    return shown.actor.role is Role.PROVIDER_LEADER and asked and not shown.closed


def _split(
    facts: list[dict[str, str]], first: bool
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """What stands before the buttons, and what after them."""
    keys = {said(key) for key in DECIDED_BY} if first else set()
    before = [one for one in facts if one["key"] in keys]
    return before, [one for one in facts if one["key"] not in keys]


def _named(name: str | None, team: str | None) -> str | None:
    return ", ".join(x for x in (name, team) if x) or None


def safety(shown: Shown) -> list[str]:
    """What to know before contact, for those who see it."""
    seen = shown.seen
    found = []
    if seen.get("call_before") and shown.facts.state in (S.SENT, S.QUERIED, S.WAITING):
        found.append(_("Call the link worker before you accept."))
    if seen.get("safety_notes"):
        found.append(written(str(seen["safety_notes"])))
    warns, _plain = safety_told(seen.get("safety_answers"))
    return found + [written(f"{asked} {told}") for asked, told in warns]


def _goals_met(told: Mapping[str, Any], goals: Sequence[str]) -> Any:
    """Whether each goal was met; where that was told in one, or a program told of other goals than
    there are, whether they were altogether."""
    each = told.get("goals") or ()
    if not each or len(each) != len(goals):
        return word(labels.GOALS_MET, told.get("goals_met"))
    words = [
        f"{goal}: {word(labels.GOALS_MET, met)}" for goal, met in zip(goals, each, strict=True)
    ]
    return written("; ".join(words))


def outcome(shown: Shown) -> list[dict[str, str]]:
    """How it went, in words."""
    o = shown.seen.get("outcome") or {}
    pairs = [
        (_("What happened"), word(labels.OUTCOMES, o.get("outcome"))),
        (_("Goals met"), _goals_met(o, shown.seen.get("goals") or ())),
        (_("What comes next"), written(o.get("what_next"))),
    ]
    return [{"key": key, "value": value} for key, value in pairs if value]


MOST_DAYS = 6  # of whether they came, on the page of a referral


def whether_they_came(shown: Shown) -> dict[str, Any] | None:
    """What the provider said of each session, the latest first, for those who work with it. On
    hold, the hold is what the page is about."""
    said_of = any(one.trigger == "update" for one in shown.timeline.steps)
    waits = shown.closed or "held" in shown.seen
    works = shown.actor.role in (*TEAM, Role.PROVIDER_LEADER)
    if waits or not works or not said_of or "attendance" not in disclosure.fields(shown.situation):
        return None
    with edge().reading(shown.actor) as (tx, _at):
        days = lists.attendance(tx, shown.actor, shown.id)[::-1]
    if not days:
        return None
    came = sum(one["came"] in ("came", "late") for one in days)
    return {
        "sentence": ngettext(
            "Came to %(came)s of %(num)s session, the latest first:",
            "Came to %(came)s of %(num)s sessions, the latest first:",
            len(days),
            came=came,
        ),
        "days": [
            {
                "key": day_words(one["day"], weekday=True, now=shown.at),
                "value": word(labels.CAME, one["came"]),
            }
            for one in days[:MOST_DAYS]
        ],
    }


def for_practice(shown: Shown) -> dict[str, Any] | None:
    """What the person's practice is told of how it went, by hand: who it is, its number where that
    is kept, and the words. None where the person hasn't agreed to it, or it isn't over."""
    told = shown.facts.state in (S.COMPLETED, S.CLOSED) and shown.facts.practice_agreed
    if not told or shown.closed or "consent" not in disclosure.fields(shown.situation):
        return None
    seen = shown.seen
    about = [str(seen.get("name") or "")]
    if seen.get("birth_date"):
        about.append(_("born %(day)s", day=day_words(seen["birth_date"])))
    if seen.get("nhs_number"):
        about.append(_("NHS number %(number)s", number=nhs_number(seen["nhs_number"])))
    finished = next((s for s in shown.timeline.steps if s.trigger == "complete"), None)
    return {
        "practice": practice_words(seen.get("practice")),
        "phone": phone_words(shown.person.practice_phone),
        "lines": [
            ", ".join(about),
            f"{shown.referral.activity}, {shown.referral.provider} ({shown.referral.reference})",
            *(f"{one['key']}: {one['value']}" for one in outcome(shown)),
        ],
        "written": shown.timeline.notes.get(finished.note_id or "") if finished else None,
    }


# -- the pages ----------------------------------------------------------------------------------


def frame_of(shown: Shown, here: str) -> dict[str, Any]:
    """What every page of one referral draws above what is its own."""
    base = f"/referrals/{shown.id}"
    outcomes = f"{base}/outcomes"
    thread = {
        "text": _("Messages"),
        "href": f"{base}/messages",
        "count": shown.referral.unread,
        "current": here == "messages",
    }
    files = {
        "text": _("Documents"),
        "href": f"{base}/documents",
        "count": shown.referral.documents,
        "current": here == "documents",
    }
    return {
        "shown": shown,
        "seen": shown.seen,
        "title": shown.seen.get("reference", ""),
        "tag": labels.state_tag("referral", shown.seen["state"], shown.actor.role)
        if "state" in shown.seen
        else None,
        "flags": flags(shown),
        "identity": identity(shown),
        "held": said(shown.seen["held"]) if "held" in shown.seen else None,
        "held_phone": phone_words(shown.seen.get("team_phone")),
        "nav": [
            {"text": _("Overview"), "href": base, "current": here == "overview"},
            *([thread] if shown.has_messages and shown.facts.sent_at else []),
            *([files] if shown.has_documents and shown.facts.sent_at else []),
            *(
                [{"text": _("Outcomes"), "href": outcomes, "current": here == "outcomes"}]
                if shown.actor.role in TEAM and not shown.closed and shown.facts.state != S.IN_ERROR
                else []
            ),
            {"text": _("History"), "href": f"{base}/history", "current": here == "history"},
        ],
        "back": _back(shown.actor),
    }


def _back(actor: Actor) -> dict[str, str]:
    """Out of a referral: to the list it stands in, or to the reader's first page."""
    if actor.role in TEAM:
        return {"href": "/referrals", "text": _("Back to referrals")}
    if actor.role is Role.PROVIDER_LEADER:
        return {"href": "/", "text": _("Back to the inbox")}
    return {"href": "/", "text": _("Back to your first page")}


def planned(shown: Shown) -> dict[str, str] | None:
    """The next call about this referral that the viewer has asked to be reminded of."""
    r = shown.referral
    if r.call_id is None or r.call_on is None or shown.closed:
        return None
    return {
        "day": day_words(local_day(r.call_on), weekday=True, now=shown.at),
        "why": word(labels.REMINDERS, r.call_why),
        "made": path_of(shown, "call"),
        "end": f"/reminders/{r.call_id}/end",
    }


@pages.get("/referrals/<uuid:record_id>")
@access(STAFF)
@pdf.offered("referral")
def show(record_id: UUID) -> ResponseReturnValue:
    """The page of a referral."""
    shown = found(str(record_id))
    buttons, more = actions(shown)
    line = None
    if shown.clock is not None:
        line = deadline(shown.due, shown.at, hours=shown.clock.hours)
    deciding, rest = _split(overview(shown), to_decide(shown))
    accountability = None
    if "since" in shown.seen and not shown.closed:
        with edge().reading(shown.actor) as (tx, at):
            accountability = answering.drawn(tx, at, shown.actor, Noun.REFERRAL, shown.id)
    return page(
        "referral/show.jinja",
        None,
        **frame_of(shown, "overview"),
        stages=_stages(shown),
        stage=STAGE.get(str(shown.facts.state)) if "state" in shown.seen else None,
        who=who_has_it(shown) if "since" in shown.seen else _offered(buttons, more),
        sentence=f"{sentence(shown)} {answers_there(shown, accountability)}".strip()
        if "since" in shown.seen
        else None,
        deadline=line,
        buttons=buttons,
        more=more,
        refused=refused(shown) + not_closed_yet(shown),
        consent=consent_facts(shown),
        overrides=overrides(shown),
        holding=holding(shown),
        planned=planned(shown),
        deciding=deciding,
        overview=rest,
        safety=safety(shown),
        outcome=outcome(shown),
        came=whether_they_came(shown),
        practice=for_practice(shown),
        latest=entries(
            Noun.REFERRAL,
            shown.timeline.steps,
            shown.at,
            shown.timeline.notes,
            together=True,
        )[:3],
        person_href=f"/people/{shown.person.id}" if _may_open(shown) else None,
        proposal=shown.proposal,
        accountability=accountability,
        about=_about_the_provider(shown),
        printed=printed(shown.actor.name, shown.actor.organisation_name, shown.at),
    )


def _stages(shown: Shown) -> list[str]:
    """The stages in words. What came back from a provider isn't sent: its step says whose it is."""
    stages = [said(stage) for stage in STAGES]
    if shown.facts.state == S.RETURNED:
        stages[STAGE[S.RETURNED] - 1] = labels.state_tag(Noun.REFERRAL, S.RETURNED)["text"]
    return stages


def _about_the_provider(shown: Shown) -> dict[str, str] | None:
    """Where a worry about the provider itself goes, for whoever isn't of it."""
    if shown.closed or shown.actor.role is Role.PROVIDER_LEADER:
        return None
    provider = f"/providers/{shown.referral.provider_id}"
    further = f"{provider}/escalate" if shown.actor.role in ESCALATE else ""
    return {
        "name": shown.referral.provider,
        "concern": f"{provider}/concern",
        "escalate": further,
    }


def _offered(buttons: list[dict[str, str]], more: list[dict[str, str]]) -> str:
    return _("What you can do") if buttons or more else _("Nothing more is asked of you")


def _may_open(shown: Shown) -> bool:
    """Whether the viewer can open the person's own record."""
    within = records.in_reach(shown.person, shown.actor) or opened(shown.actor, shown.person.id)
    return shown.own_side and not shown.closed and within


@pages.get("/referrals/<uuid:record_id>/history")
@access(STAFF)
def history(record_id: UUID) -> ResponseReturnValue:
    """Everything that happened, newest first, or one kind of it."""
    shown = found(str(record_id), answers=False)
    base = f"/referrals/{shown.id}"
    if "since" not in shown.seen:
        return redirect(base)
    kinds = histories.kinds_for(shown.situation)
    kind = request.args.get("show") if request.args.get("show") in kinds else None
    start = after(datetime, int, int, str)
    here = f"{base}/history"
    with edge().reading(shown.actor) as (tx, at):
        told = histories.of_referral(
            tx, shown.actor, at, shown.id,
            known=(shown.situation, shown.timeline),
            sharing=(shown.person.id, shown.referral.provider_id),
            kind=kind,
            before=histories.Place(*start) if start else None,
        )  # fmt: skip
    narrowed = f"show={kind}&" if kind else ""
    return page(
        "referral/history.jinja",
        None,
        **frame_of(shown, "history"),
        chips=[
            {"text": _("All"), "href": here, "current": kind is None},
            *(
                {
                    "text": said(HISTORY[one]),
                    "href": f"{here}?show={one}",
                    "current": one == kind,
                }
                for one in kinds
            ),
        ],
        entries=happened(told.happened, shown.timeline.notes, shown.at, base),
        older=f"{here}?{narrowed}after={pack(*told.older)}" if told.older else None,
        newest=(f"{here}?show={kind}" if kind else here) if start else None,
        all=here if kind else None,
    )


# What the history can be narrowed to.
HISTORY: dict[str, str] = {
    histories.DECISIONS: N_("Decisions"),
    MESSAGES: N_("Messages"),
    DOCUMENTS: N_("Documents"),
    histories.CONSENT: N_("Consent"),
    histories.AUTOMATIC: N_("By the system"),
}


# -- moves with a page of their own -------------------------------------------------------------

OURS = N_("If you want to. Only your team reads it.")
QUESTIONS.update(
    {
        "referral.call.reason": (N_("How did the call go?"), ""),
        "referral.call.happened_at": (
            N_("When was it?"),
            SAID_TIME,
        ),
        "referral.call.note": (N_("What was said?"), OURS),
        "referral.reassign.note": (N_("Anything to add?"), OURS),
        "referral.close_unmet.note": (N_("What was missing?"), OURS),
        "referral.mark_in_error.reason": (N_("What is wrong with it?"), ""),
        "referral.mark_in_error.note": (
            N_("What should the second person know?"),
            N_("If you want to. Whoever confirms it reads it."),
        ),
        "referral.confirm.note": (
            N_("Anything to say to the provider?"),
            N_("If you want to. They read it."),
        ),
    }
)


def _ours(record_id: str, trigger: str) -> Any:
    """The move, with its note for the own team alone."""
    actor = current_actor()

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        return step(
            tx, Noun.REFERRAL, record_id, trigger, actor, at, {**given, "audience": "ours"},
            version=form.version, key=form.key,
        )  # fmt: skip

    return act


@own_page(Noun.REFERRAL, "close_unmet")
def close_unmet(record_id: str, trigger: str) -> ResponseReturnValue:
    """No activity was found: why, which is counted."""
    return move_page(Noun.REFERRAL, record_id, trigger, Asked(act=_ours(record_id, trigger)))


NOBODY_ELSE = Refusal(
    "nobody_else",
    N_("There is no other link worker here who could take them over. Add an account first."),
)


@own_page(Noun.REFERRAL, "call")
def call(record_id: str, trigger: str) -> ResponseReturnValue:
    """A call that was made: how it went, and when. It is kept whatever else has changed since the
    page was opened."""
    actor = current_actor()
    found = read_record(Noun.REFERRAL, record_id)
    with edge().reading(actor) as (tx, at):
        ours = actor.role in TEAM and not found.facts.closed_to_actor
        r = records.referral(tx, actor, record_id) if ours else None
        p = records.person_of(tx, actor, at, r.person_id) if r else None
    silent = p is not None and p.message_safe is False
    waits = r is not None and r.call_id is not None
    option = found.option(trigger)
    reasons = lists_in_force(Noun.REFERRAL, trigger, option, found.facts)["reason"]
    choices = [one for one in reasons if not (silent and one[0] == LEFT_MESSAGE)]

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        return record_call(tx, actor, at, record_id, given, key=form.key)

    before = [_("It stands in the history of the referral. Nothing else changes.")]
    if silent:
        before.append(_("No message may be left for this person."))
    if waits:
        before.append(_("The call you planned comes off your list once you spoke with somebody."))
    asked = Asked(
        act=act,
        choices={"reason": choices},
        before=" ".join(before),
        press=_("Save"),
        template="referral/call.jinja",
        context={"numbers": whom_to_ring(r, p) if r and p else []},
    )
    return move_page(Noun.REFERRAL, record_id, trigger, asked)


def whom_to_ring(r: ReferralSeen, p: PersonSeen) -> list[dict[str, Any]]:
    """Whom a call may be to: the person as they want to be reached, and the provider."""
    seen = p._asdict()
    pairs: list[tuple[str, Any]] = [(_("Provider's phone"), phone_words(r.provider_phone))]
    if p.died_on is None:
        pairs = [
            (_("Phone"), phone_words(p.phone) or _("None given")),
            (_("Contact"), preferred(seen) if p.contact_method not in ("phone", None) else ""),
            (_("Best times"), p.contact_times),
            (_("Messages"), message_words(p.message_safe)),
            (_("Language"), p.language),
            (_("Interpreter"), _("Needed") if p.interpreter else None),
            *pairs,
        ]
    return [{"key": key, "value": dialled(str(value))} for key, value in pairs if value]


@own_page(Noun.REFERRAL, "reassign")
def reassign(record_id: str, trigger: str) -> ResponseReturnValue:
    """Another link worker of the team takes it over."""
    actor = current_actor()
    found = read_record(Noun.REFERRAL, record_id)
    with edge().reading(actor) as (tx, at):
        team = records.colleagues(tx, actor, at, found.facts.organisation_id)
    choices = [
        (c.membership_id, c.name)
        for c in team
        if c.role == Role.LINK_WORKER and c.membership_id != found.facts.link_worker_id
    ]
    if not choices and request.method != "POST":
        return page(
            "move_refused.jinja",
            None,
            title=labels.button(Noun.REFERRAL, trigger),
            caption=found.caption,
            back={"href": labels.record_path(Noun.REFERRAL, record_id)},
            record=found,
            refusals=(NOBODY_ELSE,),
        )
    asked = Asked(act=_ours(record_id, trigger), choices={"link_worker_id": choices})
    return move_page(Noun.REFERRAL, record_id, trigger, asked)


@own_page(Noun.REFERRAL, "confirm")
def confirm(record_id: str, trigger: str) -> ResponseReturnValue:
    """Read the outcome, and close the loop."""
    shown = found(record_id)
    return move_page(
        Noun.REFERRAL,
        record_id,
        trigger,
        Asked(
            before=_("Read how it went. Once you confirm, the provider is told and the referral is"
                     " closed."),
            template="referral/confirm.jinja",
            context={
                "outcome": outcome(shown),
                "told": entries(
                    Noun.REFERRAL,
                    [s for s in shown.timeline.steps if s.trigger == "complete"][:1],
                    shown.at,
                    shown.timeline.notes,
                ),
            },
        ),
    )  # fmt: skip


@own_page(Noun.REFERRAL, "mark_in_error")
def mark_in_error(record_id: str, trigger: str) -> ResponseReturnValue:
    """Two people: this is the first, who proposes. Nothing happens until the second confirms."""
    actor = current_actor()
    shown = read_record(Noun.REFERRAL, record_id)
    option = shown.option(trigger)
    back = f"/referrals/{record_id}"
    title = labels.button("referral", trigger)
    context = {"title": title, "caption": shown.caption, "back": {"href": back}, "record": shown}
    if option is None or not option.allowed:
        refusals = option.refusals if option else ()
        return page("move_refused.jinja", None, refusals=refusals, **context)
    schema = schema_for(Noun.REFERRAL, trigger)()

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        told = {name: value for name, value in given.items() if value is not None}
        return propose(tx, actor, at, Noun.REFERRAL, record_id, trigger, told)

    return answer(
        lambda form: page(
            "move.jinja",
            form,
            fields=drawn(
                schema,
                Noun.REFERRAL,
                trigger,
                lists_in_force(Noun.REFERRAL, trigger, option, shown.facts),
            ),
            before=_("It takes two people. A colleague opens it, signed in as themselves, and"
                     " confirms. The provider is then told to destroy what they hold."),
            press_words=_("Ask a colleague to confirm"),
            red=True,
            **context,
        ),
        command,
        lambda done: Next(
            back, _("Nothing has changed yet. A colleague must confirm it within 5 working days.")
        ),
        schema=schema,
        version=shown.version,
        about=(Noun.REFERRAL, record_id),
    )  # fmt: skip


# -- the second person --------------------------------------------------------------------------


@pages.get("/confirmations")
@access(TEAM)
def confirmations() -> ResponseReturnValue:
    """What waits for a second person in this team."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = [
            (one, f.reference)
            for one in records.proposals_in(tx, actor)
            if (f := facts.referral(tx, one.record_id, actor, at)) is not None
            and not f.closed_to_actor
        ]
    showing(Noun.REFERRAL, (one.record_id for one, _reference in found))
    return page("referral/confirmations.jinja", None, found=found, me=actor.membership_id)


@pages.route("/confirmations/<uuid:proposal_id>", methods=["GET", "POST"])
@access(TEAM, REVIEWERS)
def confirmation(proposal_id: UUID) -> ResponseReturnValue:
    """What a colleague proposes: confirm it, or say no."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        proposal = records.proposal(tx, actor, str(proposal_id))
        if proposal is None or proposal.noun != Noun.REFERRAL:
            abort(404)
        shown = look(tx, at, proposal.record_id)
    if shown.closed or "since" not in shown.seen:
        abort(404)
    given = proposal.given or {}

    def command(tx: Tx, at: datetime, _given: dict[str, Any], form: Form) -> Done | None:
        first = actor_of(tx, proposal.proposed_by, at)
        if first is None:
            raise Refused([GONE], noun="confirmation", trigger="confirm", record_id=None)
        agree = form.value("do") != "no"
        return confirm_proposal(tx, first, actor, at, proposal.id, agree)

    return answer(
        lambda form: page(
            "referral/confirmation.jinja",
            form,
            proposal=proposal,
            mine=proposal.proposed_by == actor.membership_id,
            shown=shown,
            seen=shown.seen,
            what=labels.button("referral", proposal.trigger),
            why=word(labels.REASONS, given.get("reason")),
            note=given.get("note"),
            back={"href": f"/referrals/{shown.id}", "text": _("Back to the referral")},
        ),
        command,
        lambda done: Next(
            f"/referrals/{shown.id}",
            _("Confirmed. It is recorded with both your names.")
            if done
            else _("You said no. Nothing has changed."),
        ),
    )


GONE = Refusal(
    "proposer_gone",
    N_("Whoever proposed this no longer works in that role."),
    N_("Propose it again yourself, and ask a colleague to confirm."),
)


# -- referring on -------------------------------------------------------------------------------


@pages.route("/referrals/<uuid:record_id>/redirect", methods=["GET", "POST"])
@access(TEAM)
def refer_on(record_id: UUID) -> ResponseReturnValue:
    """Another activity: those ranked before first, then every open one, the best fit first, each
    with why; those that do not fit stand last."""
    actor = current_actor()
    rid = str(record_id)
    record = read_record(Noun.REFERRAL, rid)
    option = record.option("redirect")
    title = labels.button("referral", "redirect")
    back = {"href": f"/referrals/{rid}", "text": _("Back to the referral")}
    if option is None or not option.allowed:
        refusals = option.refusals if option else ()
        return page(
            "move_refused.jinja",
            None,
            title=title,
            caption=record.caption,
            refusals=refusals,
            back=back,
        )
    wanted = request.args.get("words", "").strip()[:80]
    further = next_after()
    org = record.facts.organisation_id
    with edge().reading(actor) as (tx, at):
        referral = records.referral(tx, actor, rid)
        ranked = records.ranked(
            tx, actor, at, org, (referral.alternatives if referral else None) or ()
        )
        fitting, far = _fitting(tx, at, rid, record.facts, referral, wanted)
    first = [] if wanted or further else [offer(one, at) for one in ranked]
    taken = {o.group_id for o in first}
    rest = [one for one in fitting if one.group_id not in taken]
    start = next((n for n, one in enumerate(rest, 1) if one.group_id == further), 0)
    more = rest[start + PER_PAGE :]
    rest = rest[start : start + PER_PAGE]
    schema = schema_for(Noun.REFERRAL, "redirect")()

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Redirected:
        return redirect_referral(
            tx, actor, at, rid, group_id=given["group_id"], version=form.version, key=form.key
        )

    return answer(
        lambda form: page(
            "referral/redirect.jinja",
            form,
            title=title,
            caption=record.caption,
            whom=record.whom,
            first=first,
            rest=rest,
            wanted=wanted,
            more=rest[-1].group_id if more else None,
            far=far.edition,
            concern=f"/referrals/{rid}/concern",
            back=back,
        ),
        command,
        _redirected,
        schema=schema,
        known={"group_id": first[0].group_id if first and not first[0].refused else ""},
        version=record.version,
        about=(Noun.REFERRAL, rid),
    )


def _fitting(
    tx: Tx,
    at: datetime,
    record_id: str,
    f: ReferralFacts,
    referral: ReferralSeen | None,
    wanted: str,
) -> tuple[list[Offer], postcodes.Distances]:
    """Every other open activity as a choice for this person, and how far they are."""
    actor = current_actor()
    person = records.person(tx, actor, at, f.person_id)
    if person is None:
        abort(404)
    seen = [
        one
        for one in records.activities(tx, actor, at, f.organisation_id, wanted, "", MOST_LOOKED_AT)
        if one.activity_id != f.activity_id
    ]
    far = postcodes.distances(tx, person.postcode, (one.postcode for one in seen))
    there = {
        one.activity_id: one.reference
        for one in records.referrals_of(tx, person)
        if one.state in DUPLICATES and one.id != record_id
    }
    plan = records.plan(tx, referral.plan_id) if referral else None
    found = matched(seen, person, plan, there, at, far)
    return sorted(found, key=lambda one: bool(one.refused or one.unlike)), far


def _redirected(done: Redirected) -> Next:
    """Where it went: sent, or left a draft, and why."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        new = records.referral(tx, actor, done.new.id)
        due = next((c.due for c in records.clocks(tx, done.new.id)), None)
    if not done.refusals:
        return Next(
            f"/referrals/{done.new.id}",
            _(
                "Sent to %(provider)s. They have until %(day)s to reply.",
                provider=new.provider if new else "",
                day=by_when(due, at),
            ),
        )
    why = " ".join(said(r.why) for r in done.refusals)
    return Next(
        f"/referrals/{done.new.id}/write/check",
        _("A new draft was made, and not sent yet. %(why)s", why=why),
    )
