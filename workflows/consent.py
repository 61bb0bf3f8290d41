"""Recording consent: asking and the answer, renewing, and what a withdrawal will do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral import facts, picks
from referral.actors import Actor
from referral.states import ConsentState, Noun, Role
from referral.store import Sql, Tx
from workflows.bases import basis_faults, holds_until
from workflows.engine import NOT_FOUND, TABLES, Done, Refused, step
from workflows.moves import N_
from workflows.rules import done_once, field, wrong
from workflows.tables.consent import months_on

WORDING = Sql(
    "SELECT id, body, number FROM wording WHERE system_id = :system_id AND purpose = :purpose"
    " AND language = :language AND from_at <= :at ORDER BY number DESC LIMIT 1"
)
NEWEST = Sql(
    "SELECT id, state FROM consent WHERE person_id = :person_id AND recipient = :recipient"
    " AND purpose = :purpose AND system_id = :system_id ORDER BY"
    # What waits for an answer, then what is in force: of each there is one at most.
    " CASE state WHEN 'asked' THEN 0 WHEN 'given' THEN 1 ELSE 2 END, asked_at DESC, id DESC LIMIT 1"
)


def wording_now(
    tx: Tx, system_id: str, purpose: str, at: datetime, language: str = "en"
) -> tuple[str, str, int] | None:
    """(id, text, number) of the words to read out now."""
    row = tx.row(WORDING, system_id=system_id, purpose=purpose, language=language, at=at)
    return None if row is None else (row[0], row[1], row[2])


def record_consent(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    person_id: str,
    purpose: str,
    recipient: str,
    agreed: bool | None,
    answer: Mapping[str, Any],
    key: str | None = None,
) -> Done:
    """One command, two steps: the question as it was read out, and the person's answer.

    `agreed` None leaves it asked. A question that already waits is answered; an agreement in force
    is renewed by a yes and taken back by a no. `answer`: basis, how, present, wording_id, until."""
    known = {"person_id": person_id, "purpose": purpose, "recipient": recipient}
    if actor.role is Role.TEAM_LEAD:
        # A lead asks only in the place of the link worker who is named for the person.
        known["link_worker_id"] = picks.link_worker_for(tx, actor.system_id, person_id) or ""
    body = {**known, "agreed": agreed, "answer": dict(answer)}
    return done_once(
        tx,
        actor,
        key,
        "consent.record",
        body,
        at,
        lambda: _record(tx, actor, at, known, agreed, answer),
    )


def _record(
    tx: Tx,
    actor: Actor,
    at: datetime,
    known: Mapping[str, str],
    agreed: bool | None,
    answer: Mapping[str, Any],
) -> Done:
    if answer.get("wording_id") is None:
        wording = wording_now(tx, actor.system_id, known["purpose"], at)
        if wording is None:
            raise wrong(
                "consent",
                "record",
                field("wording_id", N_("There are no words to read out for this purpose yet.")),
            )
        answer = {**answer, "wording_id": wording[0]}
    newest = tx.row(NEWEST, **known, system_id=actor.system_id)
    if newest is not None and newest[1] == ConsentState.GIVEN and agreed is False:
        no = {"reason": "person_said_no"}
        return step(tx, Noun.CONSENT, newest[0], "withdraw", actor, at, no)
    if newest is not None and newest[1] == ConsentState.ASKED:
        asked_id = newest[0]
    elif newest is not None and newest[1] == ConsentState.GIVEN:
        asked_id = renew_consent(tx, actor, at, newest[0], known, answer).id
    else:
        asked = step(tx, Noun.CONSENT, None, "ask", actor, at, {**known, **answer})
        asked_id = asked.id
        if agreed is None:
            return asked
    if agreed is None:
        f = facts.consent(tx, asked_id, actor, at)
        return Done(Noun.CONSENT, asked_id, ConsentState.ASKED, f.version if f else 1)
    if agreed:
        return give_consent(tx, actor, at, asked_id, answer)
    return step(tx, Noun.CONSENT, asked_id, "refuse", actor, at, answer)


def give_consent(
    tx: Tx,
    actor: Actor,
    at: datetime,
    consent_id: str,
    answer: Mapping[str, Any],
    version: int | None = None,
) -> Done:
    """Record a yes to a question that waits. Whoever agrees for another does so for a time: a
    parent until the person turns 16, a best interests decision until it is looked at again. Raises
    Refused with a fault in the basis where it can't be this person's."""
    f = facts.consent(tx, consent_id, actor, at)
    if f is None:
        raise Refused([NOT_FOUND], noun=Noun.CONSENT, trigger="give", record_id=consent_id)
    given = dict(answer)
    if f.state == ConsentState.ASKED and TABLES[Noun.CONSENT].hats(f, actor):
        found = basis_faults(tx, f.system_id, f.person_id, answer, at)
        if found:
            raise wrong("consent", "give", *found)
        latest = holds_until(tx, f.system_id, f.person_id, answer)
        usual = given.get("until") or months_on(at, f.rules.consent_months())
        if latest is not None and latest < usual:
            given["until"] = latest
    return step(tx, Noun.CONSENT, consent_id, "give", actor, at, given, version=version)


def renew_consent(
    tx: Tx,
    actor: Actor,
    at: datetime,
    consent_id: str,
    known: Mapping[str, Any] | None = None,
    answer: Mapping[str, Any] | None = None,
    version: int | None = None,
) -> Done:
    """Ask again before the date. The answer in force holds until the new one is given. Returns
    the new question."""
    f = facts.consent(tx, consent_id, actor, at)
    if f is None:
        raise Refused([NOT_FOUND], noun=Noun.CONSENT, trigger="renew", record_id=consent_id)
    step(tx, Noun.CONSENT, consent_id, "renew", actor, at, version=version)
    about = known or {
        "person_id": f.person_id,
        "purpose": f.purpose,
        "recipient": f.recipient,
    }
    given = {**about, "renews_id": consent_id, "wording_id": (answer or {}).get("wording_id")}
    return step(tx, Noun.CONSENT, None, "ask", actor, at, given)


REFERENCES = Sql(
    "SELECT r.reference, o.name FROM referral r JOIN provider p ON p.id = r.provider_id"
    " JOIN organisation o ON o.id = p.organisation_id WHERE r.id = :id"
)


def withdrawal_preview(
    tx: Tx, actor: Actor, at: datetime, consent_id: str
) -> list[tuple[str, str]]:
    """What taking this consent back will stop: (reference, provider's name) of each referral."""
    f = facts.consent(tx, consent_id, actor, at)
    if f is None:
        raise Refused([NOT_FOUND], noun=Noun.CONSENT, trigger="withdraw", record_id=consent_id)
    found = []
    for record_id in picks.WHICH["relying on it"](tx, f):
        row = tx.row(REFERENCES, id=record_id)
        if row is not None:
            found.append((str(row[0]), str(row[1])))
    return found
