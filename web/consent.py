"""Consent: recording an answer, asking again before the date, and taking it back in two pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema

from referral import capacity, facts, records
from referral.audit import log
from referral.capacity import Assessed
from referral.facts import ConsentFacts
from referral.records import ConsentSeen, PersonSeen
from referral.states import Basis, ConsentState, Noun, Purpose
from referral.store import Tx
from web import labels
from web.access import REVIEWERS, TEAM, access, current_actor
from web.assessments import choices as assessed
from web.assessments import facts_of as facts_of_assessment
from web.current import edge
from web.forms import AsKept, Form, Next, answer, page
from web.labels import word
from web.people import found as found_person
from web.referrals import facts_of
from web.say import _
from web.schemas.consent import RECIPIENT_OF
from web.schemas.fields import Choice, Text
from web.timelines import entries, last_step
from web.wizard import ConsentPage, read_out_in, save_consent
from web.wordings import in_others
from web.words import listed
from workflows import disclosure, reading
from workflows.consent import record_consent, withdrawal_preview
from workflows.emergencies import may_read
from workflows.engine import NOT_FOUND, Done, Option, Refused, options, step
from workflows.moves import N_

pages = Blueprint("consent_pages", __name__)


# -- recording ----------------------------------------------------------------------------------


def _answer_schema() -> Schema:
    schema = ConsentPage(only=("share", "basis", "how", "present", "capacity_id"))
    share: Any = schema.fields["share"]
    asked = N_("Choose what the person answered.")
    share.error_messages = {**share.error_messages, "required": asked, "null": asked}
    return schema


@pages.route("/people/<uuid:person_id>/consent", methods=["GET", "POST"])
@access(TEAM)
def record(person_id: UUID) -> ResponseReturnValue:
    """Ask for one purpose and record the answer. Which purpose, and of whom, the address says: ids
    and codes only."""
    actor = current_actor()
    purpose = request.args.get("purpose") or (
        Purpose.SHARE_WITH_PROVIDER if request.args.get("provider") else ""
    )
    provider_id = request.args.get("provider", "")

    def look(tx: Tx, at: datetime) -> tuple[Any, ...]:
        p, _seen = found_person(tx, at, str(person_id))
        if p.closed_to_actor:
            raise Refused([NOT_FOUND], noun=Noun.CONSENT, trigger="ask", record_id=None)
        if request.method == "GET":
            log(tx, actor, at, "read", "person", None, subject=p.subject_ref)
        return (
            p,
            records.providers_of(tx, p),
            records.consents(tx, p.id),
            records.wordings(tx, actor, at, read_out_in(p)),
            records.wording_languages(tx, actor, at),
            assessed(tx, actor.system_id, p.id, at),
        )

    p, providers, answers, wordings, known, assessments = edge().perform(actor, look)
    back = {"href": f"/people/{p.id}", "text": _("Back to the person")}
    if purpose not in set(Purpose):
        return page(
            "consent/choose.jinja",
            None,
            p=p,
            providers=providers,
            purposes=[
                (code, word(labels.PURPOSES, code)) for code in Purpose if code in RECIPIENT_OF
            ],
            back=back,
        )
    if purpose == Purpose.SHARE_WITH_PROVIDER:
        name = dict(providers).get(provider_id)
        if name is None:
            abort(404)
        recipient = provider_id
    else:
        name, recipient = "", RECIPIENT_OF[Purpose(purpose)]
    newest = next((c for c in answers if (c.purpose, c.recipient) == (purpose, recipient)), None)
    in_force = newest if newest and newest.state == ConsentState.GIVEN else None

    def now(tx: Tx) -> ConsentSeen | None:
        every = records.consents(tx, p.id)
        return next((c for c in every if (c.purpose, c.recipient) == (purpose, recipient)), None)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        return {"_newest": _named(now(tx))}

    def told(tx: Tx, at: datetime) -> list[dict[str, Any]]:
        answered = now(tx)
        return last_step(tx, actor, at, Noun.CONSENT, answered.id) if answered else []

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        if given["share"] == "no" and in_force is not None:
            return f"/consents/{in_force.id}/withdraw"
        save_answer(tx, at, p, Purpose(purpose), recipient, given, wordings)
        return ""

    def after(path: str) -> Next:
        if path:
            return Next(path)
        words = {
            "yes": _("Consent is recorded. It holds for 12 months, unless they take it back."),
            "no": _("Their no is recorded. Nothing is shared."),
            "asked": _("Recorded as asked. Write down the answer when they give it."),
        }
        return Next(f"/people/{p.id}", words[request.form["share"]])

    return answer(
        lambda form: page(
            "consent/record.jinja",
            form,
            p=p,
            purpose=word(labels.PURPOSES, purpose),
            provider=name,
            words_now=(words_now := wordings.get(purpose)),
            in_force=in_force,
            languages=in_others(words_now, known),
            assessments=assessments,
            capacity_href=f"/people/{p.id}/capacity?{urlencode({'then': request.full_path})}",
            back=back,
        ),
        command,
        after,
        schema=_answer_schema(),
        known={"basis": Basis.AGREEMENT, "_newest": _named(newest)},
        kept=AsKept("consent", read, told),
    )


def _named(answered: ConsentSeen | None) -> str:
    """Which answer stands, and how: no field, but what a form rests on."""
    return f"{answered.id} {answered.state}" if answered else ""


def save_answer(
    tx: Tx,
    at: datetime,
    p: PersonSeen,
    purpose: Purpose,
    recipient: str,
    given: dict[str, Any],
    wordings: dict[str, records.WordingSeen],
) -> None:
    """Record one answer, with the assessment it rests on if there is one."""
    if purpose == Purpose.SHARE_WITH_PROVIDER:
        save_consent(tx, at, p, recipient, given, wordings)
        return
    words = wordings.get(purpose)
    record_consent(
        tx,
        current_actor(),
        at,
        person_id=p.id,
        purpose=purpose,
        recipient=recipient,
        agreed={"yes": True, "no": False, "asked": None}[given["share"]],
        answer={
            "basis": given.get("basis"),
            "how": given.get("how"),
            "present": given.get("present"),
            "capacity_id": given.get("capacity_id"),
            "wording_id": words.id if words else None,
        },
    )


# -- one answer ---------------------------------------------------------------------------------


def _look(
    tx: Tx, at: datetime, consent_id: str
) -> tuple[ConsentFacts, ConsentSeen, str, tuple[Option, ...]]:
    """A consent within reach, how the viewer knows the person, and what can be done with it."""
    actor = current_actor()
    f = facts.consent(tx, consent_id, actor, at)
    c = records.consent(tx, actor, consent_id)
    if f is None or c is None or not may_read(Noun.CONSENT, f, actor) or f.closed_to_actor:
        raise Refused([NOT_FOUND], noun=Noun.CONSENT, trigger="read", record_id=consent_id)
    p = records.person_of(tx, actor, at, f.person_id)
    if p is None:
        raise Refused([NOT_FOUND], noun=Noun.CONSENT, trigger="read", record_id=consent_id)
    own = disclosure.person_fields(actor.role, False)
    name = p.name if own else p.reference
    log(tx, actor, at, "read", "consent", consent_id, subject=p.subject_ref)
    return f, c, name, tuple(options(Noun.CONSENT, f, actor, at))


@pages.get("/consents/<uuid:consent_id>")
@access(TEAM, REVIEWERS)
def show(consent_id: UUID) -> ResponseReturnValue:
    """One answer: what was read out, how it was given, and what can be done."""
    actor = current_actor()
    cid = str(consent_id)

    def look(tx: Tx, at: datetime) -> tuple[Any, ...]:
        return (
            *(found := _look(tx, at, cid)),
            reading.timeline(tx, actor, at, Noun.CONSENT, cid, known=(found[0], None)),
            _rests_on(tx, found[0], found[1]),
            at,
        )

    f, c, name, can, told, rests_on, at = edge().perform(actor, look)
    allowed = {o.trigger for o in can if o.allowed}
    ask = f"/people/{f.person_id}/consent?purpose={c.purpose}"
    if c.purpose == Purpose.SHARE_WITH_PROVIDER:
        ask += f"&provider={c.recipient}"
    return page(
        "consent/show.jinja",
        None,
        c=c,
        name=name,
        title=word(labels.PURPOSES, c.purpose),
        tag=labels.state_tag("consent", c.state),
        facts=facts_of(
            c if f.organisation_id == actor.organisation_id else c._replace(present=None)
        ),
        ask=ask if actor.role in TEAM and {"give", "renew"} & allowed else None,
        again=actor.role in TEAM and c.state in ("refused", "withdrawn", "expired"),
        ask_href=ask,
        withdraw=f"/consents/{cid}/withdraw" if "withdraw" in allowed else None,
        entries=entries(Noun.CONSENT, told.steps, at, told.notes),
        rests_on=facts_of_assessment(rests_on) if rests_on else [],
        person_href=f"/people/{f.person_id}" if actor.role in TEAM else None,
        back={"href": f"/people/{f.person_id}" if actor.role in TEAM else "/", "text": _("Back")},
    )


def _rests_on(tx: Tx, f: ConsentFacts, c: ConsentSeen) -> Assessed | None:
    """The assessment an answer rests on, for the team that holds the person's record."""
    actor = current_actor()
    if c.capacity_id is None or f.organisation_id != actor.organisation_id:
        return None
    return capacity.one(tx, actor.system_id, c.capacity_id)


class Withdrawal(ConsentPage):
    """Taking consent back. No reason need be given."""

    reason = Choice(("person_said_no", "not_said"), wrong=N_("Choose a reason, or none."))
    note = Text()


@pages.route("/consents/<uuid:consent_id>/withdraw", methods=["GET", "POST"])
@access(TEAM)
def withdraw(consent_id: UUID) -> ResponseReturnValue:
    """What taking it back will stop; then it is done, and the next page says what it did."""
    actor = current_actor()
    cid = str(consent_id)

    def look(tx: Tx, at: datetime) -> tuple[Any, ...]:
        return (*_look(tx, at, cid), withdrawal_preview(tx, actor, at, cid))

    f, c, name, can, stops = edge().perform(actor, look)
    option = next((o for o in can if o.trigger == "withdraw"), None)
    if option is None or not option.allowed:
        return page(
            "move_refused.jinja",
            None,
            title=labels.button("consent", "withdraw"),
            caption="",
            refusals=option.refusals if option else (),
            back={"href": f"/consents/{cid}"},
        )

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        reason = given.get("reason") or "not_said"
        return step(
            tx, Noun.CONSENT, cid, "withdraw", actor, at, {"reason": reason},
            version=form.version, key=form.key,
        )  # fmt: skip

    return answer(
        lambda form: page(
            "consent/withdraw.jinja",
            form,
            c=c,
            name=name,
            stops=stops,
            back={"href": f"/consents/{cid}", "text": _("Back")},
        ),
        command,
        lambda done: Next(f"/consents/{cid}", _what_it_did(stops)),
        schema=Withdrawal(only=("reason",)),
        version=f.version,
        about=(Noun.CONSENT, cid),
    )


def _what_it_did(stops: list[tuple[str, str]]) -> str:
    """What stopped, in a sentence: providers and references, no names."""
    if not stops:
        return _("Consent is taken back. No referral was relying on it.")
    each = [_("%(provider)s (%(reference)s)", provider=who, reference=ref) for ref, who in stops]
    return _(
        "Consent is taken back. Sharing has stopped with %(who)s. They have been told, and see"
        " nothing but the reference from now on.",
        who=listed(each),
    )
