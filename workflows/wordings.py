"""The words read out when somebody is asked for consent: published by an administrator, from a day
on, in each language. What was read out to somebody is never changed."""

from __future__ import annotations

import re
from datetime import date, datetime

from referral import wordings
from referral.actors import Actor
from referral.audit import log
from referral.ids import new_id
from referral.rows import put
from referral.states import Purpose, Role
from referral.store import Tx
from workflows.moves import N_
from workflows.rules import field, require, wrong
from workflows.working_time import end_of, local_day

PUBLISHERS = (Role.ADMINISTRATOR,)
# A language, or its easy read: "simple" is the registered variant for a simplified form
# (IANA language subtag registry, RFC 5646).
LANGUAGE = re.compile(r"[a-z]{2,3}(?:-simple)?")
LONGEST = 4_000


def publish_wording(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    purpose: str,
    language: str,
    body: str,
    from_on: date,
) -> str:
    """Publish a new version of the words for one purpose in one language, read out from this day
    on. Returns its id. Answers given before keep the words they heard.

    Raises Refused: not_your_role, or a fault in purpose, language, body or from_on."""
    require(actor, PUBLISHERS, "wording", "publish")
    wordings.one_at_a_time(tx, actor.system_id)
    text, today = body.strip(), local_day(at)
    newest = wordings.newest(tx, actor.system_id, purpose, language)
    faults = []
    if purpose not in set(Purpose):
        faults.append(field("purpose", N_("Choose what the person is asked.")))
    if not LANGUAGE.fullmatch(language):
        faults.append(field("language", N_("Give the language as its code, for example en or cy.")))
    if not text or len(text) > LONGEST:
        faults.append(field("body", N_("Write the words to read out, 4,000 characters at most.")))
    elif newest is not None and newest.body == text:
        faults.append(field("body", N_("These are the words in use. Change something first.")))
    if from_on < today:
        faults.append(field("from_on", N_("Enter today or a day still to come.")))
    if faults:
        raise wrong("wording", "publish", *faults)
    made = new_id(at)
    number = 1 if newest is None else newest.number + 1
    put(
        tx,
        "wording",
        {
            "id": made,
            "system_id": actor.system_id,
            "purpose": str(purpose),
            "language": language,
            "number": number,
            "body": text,
            "from_at": at
            if from_on == today
            else end_of(date.fromordinal(from_on.toordinal() - 1)),
            "published_by": actor.membership_id,
        },
    )
    said = {"purpose": str(purpose), "language": language, "number": number}
    log(tx, actor, at, "wording_published", "wording", made, said)
    return made
