"""What the person does on their own page beside stopping: says how to reach them, complains, and
follows what they asked for.

A wish to be written to less takes effect at once. One that would open a new way to reach them is
the link worker's to make, who knows the voice: whoever holds the phone may not be the person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from referral import own_asking, picks, records
from referral.actors import Actor
from referral.audit import log
from referral.clocks import member_key, role_key
from referral.ids import new_id
from referral.records import PersonSeen
from referral.rows import put
from referral.states import REFERRAL_OPEN, ComplaintTopic, EscalationState, Noun, RightsState, Role
from referral.store import Sql, Tx
from workflows.engine import NOT_FOUND, Done, Refused, step
from workflows.letters import tell
from workflows.moves import N_, Refusal
from workflows.people import MOST_TEXT
from workflows.person_links import stop
from workflows.rules import field, once, wrong

# -- how to reach me ----------------------------------------------------------------------------

LESS = ("no_writing", "no_message")
WISHES = (*LESS, "another_way")
WISH_NOTE = "contact_wish"
WRITE_TO_NOBODY = Sql(
    "UPDATE person SET message_safe = FALSE, gate = gate + 1, version = version + 1"
    " WHERE id = :id AND system_id = :system_id"
)


def change_contact(
    tx: Tx, actor: Actor, at: datetime, wish: str, words: str = "", key: str | None = None
) -> None:
    """The person says how they want to be reached. From now on nothing is written to them and no
    message left, where they say so; anything else their link worker settles with them. Raises
    Refused for a fault of a field."""
    faults: list[Refusal] = []
    if wish not in WISHES:
        faults.append(field("wish", N_("Choose one of the answers.")))
    if wish == "another_way" and not words.strip():
        faults.append(field("words", N_("Say what you want, in a few words.")))
    if len(words) > MOST_TEXT:
        faults.append(field("words", N_("Write less: it is too long.")))
    if faults:
        raise wrong("person", "change_contact", *faults)

    def do() -> dict[str, str]:
        person = _themselves(tx, actor, at, "change_contact")
        if wish in LESS:
            tx.run(WRITE_TO_NOBODY, id=person.id, system_id=actor.system_id)
            said = {"fields": ["message_safe"]}
            log(tx, actor, at, "person_changed", "person", None, said, subject=person.subject_ref)
        note_id = _note(tx, actor, at, person, wish, words)
        to = _whose_they_are(tx, actor, person)
        tell(tx, actor.system_id, at, to, "person_contact_wish", "person", person.id)
        return {"id": note_id}

    once(tx, actor, key, "person.contact_wish", {"wish": wish, "words": words}, at, do)


def _themselves(tx: Tx, actor: Actor, at: datetime, what: str) -> PersonSeen:
    person = records.person_of(tx, actor, at, actor.person_id)
    if person is None or person.died_on is not None:
        raise Refused([NOT_FOUND], noun="person", trigger=what, record_id=None)
    return person


def _note(tx: Tx, actor: Actor, at: datetime, person: PersonSeen, wish: str, words: str) -> str:
    note_id = new_id(at)
    put(
        tx,
        "note",
        {
            "id": note_id,
            "system_id": actor.system_id,
            "organisation_id": person.organisation_id,
            "person_id": person.id,
            "noun": WISH_NOTE,
            "record_id": person.id,
            "audience": "ours",
            "body": f"{wish}\n{words.strip()}",
            "written_by": None,
            "at": at,
        },
    )
    return note_id


def _whose_they_are(tx: Tx, actor: Actor, person: PersonSeen) -> str:
    """The owner key of the link worker; of the team leads where none is named."""
    worker = picks.link_worker_for(tx, actor.system_id, person.id)
    if worker is not None:
        return member_key(worker)
    return role_key(Role.TEAM_LEAD, person.organisation_id)


# -- stopping all -------------------------------------------------------------------------------


def stop_all(tx: Tx, actor: Actor, at: datetime) -> list[Done]:
    """The person says no to everything that is going on. Raises Refused where nothing is."""
    person = _themselves(tx, actor, at, "withdraw")
    made: list[Done] = []
    for one in records.referrals_of(tx, person):
        # What went with another has stopped by now.
        if one.state in REFERRAL_OPEN:
            try:
                made += stop(tx, actor, at, one.id)
            except Refused as refused:
                if refused.codes != (NOT_FOUND.code,):
                    raise
    if not made:
        raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="withdraw", record_id=None)
    return made


# -- complaining --------------------------------------------------------------------------------

ABOUT_TEAM = tuple(ComplaintTopic)
# Before the topic had a column, it stood over the person's words.
OLD_HEAD = "About the link worker:"


def is_about_worker(topic: str | None, words: Iterable[str]) -> bool:
    """Whether a complaint of this topic, in these words, is about the person's own link worker."""
    if topic is not None:
        return topic == ComplaintTopic.WORKER
    return any(one.startswith(OLD_HEAD) for one in words)


def complain(
    tx: Tx, actor: Actor, at: datetime, about: str, words: str, key: str | None = None
) -> Done:
    """The person complains: of a referral of theirs (its id), or of how they are treated. It goes
    to a reviewer who isn't part of it, with a clock. Raises Refused for a fault of a field."""
    person = _themselves(tx, actor, at, "raise")
    mine = {one.id for one in records.referrals_of(tx, person) if one.state != "in_error"}
    faults: list[Refusal] = []
    if about not in ABOUT_TEAM and about not in mine:
        faults.append(field("about", N_("Choose what it is about.")))
    if not words.strip():
        faults.append(field("words", N_("Say what is wrong, in a few words.")))
    if len(words) > MOST_TEXT:
        faults.append(field("words", N_("Write less: it is too long.")))
    if faults:
        raise wrong(Noun.ESCALATION, "raise", *faults)
    given = {
        "kind": "complaint",
        "topic": about if about in ABOUT_TEAM else None,
        "severity": "medium",
        "about": Noun.REFERRAL if about in mine else "person",
        "about_id": about if about in mine else person.id,
        "note": words.strip(),
        "level": _level(tx, actor, person, about),
    }
    return step(tx, Noun.ESCALATION, None, "raise", actor, at, given, key=key)


def _level(tx: Tx, actor: Actor, person: PersonSeen, about: str) -> int:
    """One level higher, where the first is part of what is complained of."""
    if about in ("team", "information"):
        return 2
    worker = picks.link_worker_for(tx, actor.system_id, person.id)
    return 2 if worker is not None and own_asking.leads_too(tx, worker) else 1


# -- following it -------------------------------------------------------------------------------

R, E = RightsState, EscalationState
REQUEST_OPEN = frozenset({R.RECEIVED, R.IDENTITY_CHECKED, R.IN_PROGRESS, R.ASKED})
COMPLAINT_OPEN = frozenset({E.RAISED, E.IN_REVIEW, E.INFORMATION_REQUESTED})


def follow(
    tx: Tx,
    actor: Actor,
    at: datetime,
    noun: Noun,
    record_id: str,
    what: str,
    words: str = "",
    key: str | None = None,
) -> Done:
    """What the person does with their own request or complaint: `answer` a question with words,
    `withdraw` it, or `reopen` a closed complaint they disagree about. Each is a move of its table,
    and refused like one."""
    given: dict[str, str] = {}
    if what == "answer":
        if not words.strip():
            fault = field("words", N_("Write your answer, in a few words."))
            raise wrong(noun, what, fault)
        given["note"] = words.strip()[:MOST_TEXT]
    elif what == "reopen":
        given["reason"] = "disagree"
        if words.strip():
            given["note"] = words.strip()[:MOST_TEXT]
    elif what != "withdraw":
        raise Refused([NOT_FOUND], noun=noun, trigger=what, record_id=record_id)
    return step(tx, noun, record_id, what, actor, at, given, key=key)
