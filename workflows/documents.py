"""Putting a document on a referral, opening it, and taking it back.

Nobody opens a file that might harm them or that isn't for them: a scanner looks at it first, where
the place has one, and who may see it is asked again at each opening."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from referral import documents, facts, scans, visible
from referral.actors import Actor
from referral.audit import READ, log
from referral.clocks import member_key, role_key
from referral.documents import (
    CLEAN,
    GOES,
    KINDS,
    REFUSED,
    SCANNED_OUT,
    SHARED,
    WAITING,
    WHY,
    DocumentSeen,
)
from referral.facts import ReferralFacts
from referral.ids import new_id
from referral.keeping import legally_held
from referral.messages import PROVIDER, TEAM, side_of
from referral.rows import change, keep_still, put
from referral.states import Noun, ReferralState, Role
from referral.store import Tx
from workflows import disclosure, reading
from workflows.disclosure import Situation
from workflows.emergencies import may_read
from workflows.letters import tell
from workflows.moves import N_, Refusal
from workflows.people import SHORT_TEXT
from workflows.rules import field, missing, require, wrong
from workflows.uploads import NotThis, Upload, checked

WRITERS = (Role.LINK_WORKER, Role.TEAM_LEAD, Role.PROVIDER_LEADER)
DOCUMENTS = "documents"  # what disclosure calls them
MOST = 50
SCAN_AGAIN = timedelta(minutes=5)

NOT_YOURS = Refusal(
    "not_your_referral",
    N_("Only the team that has this referral and its provider put documents here."),
    N_("Ring the team."),
)
NOT_NOW = Refusal(
    "no_documents_now",
    N_("No document can be put on this referral: it was not sent, or was recorded in error."),
    N_("Send it first, or put the document on the referral that stands."),
)
TOO_MANY = Refusal(
    "too_many_documents",
    N_("There are 50 documents on this referral, and that is as many as it holds."),
    N_("Take back one that was put here by mistake."),
)
TAKEN_ALREADY = Refusal(
    "taken_back_already",
    N_("This document was taken back already."),
    N_("Look at the list again."),
)
NOT_YOURS_TO_TAKE = Refusal(
    "not_your_document",
    N_("Only the side that put this document here takes it back."),
    N_("Ring them, and say what is wrong with it."),
)
NOT_LOOKED_INTO = Refusal(
    "not_scanned",
    N_("This document was not checked for viruses yet, so it cannot be opened."),
    N_("Wait a few minutes and try again. If it stays so, tell whoever looks after Segue."),
)
NOT_THERE = Refusal(
    "no_content",
    N_("There is nothing in this document any more."),
    N_("The list says why."),
)


@dataclass(frozen=True)
class Let:
    """A referral whose documents somebody may see. `refusal`: why they can't put one there."""

    facts: ReferralFacts
    situation: Situation
    refusal: Refusal | None


def let_at(tx: Tx, actor: Actor, at: datetime, referral_id: str) -> Let | None:
    """The referral, where its documents are there for the actor; nothing else."""
    f = facts.referral(tx, referral_id, actor, at)
    if f is None or not may_read(Noun.REFERRAL, f, actor):
        return None
    said = visible.answers(tx, actor, at, [referral_id]).get(referral_id, (None, None))
    s = reading.situation(f, actor, at, *said)
    return Let(f, s, why_not(f, actor)) if DOCUMENTS in disclosure.fields(s) else None


def why_not(f: ReferralFacts, actor: Actor) -> Refusal | None:
    """Why somebody who sees the documents can't put one there. Pure."""
    side = side_of(actor)
    if side is None or (side == TEAM and f.organisation_id != actor.organisation_id):
        return NOT_YOURS
    if f.state in (ReferralState.DRAFT, ReferralState.IN_ERROR) or f.sent_at is None:
        return NOT_NOW
    return None


def provider_sees(s: Situation) -> bool:
    """Whether a shared document is there for the provider now; a full hold left out, which isn't
    the team's to know. Pure."""
    theirs = replace(s, role=Role.PROVIDER_LEADER, closed=False)
    return DOCUMENTS in disclosure.fields(theirs)


def openable(one: DocumentSeen, actor: Actor, unscanned: bool) -> Refusal | None:
    """Why this one can't open a document of their list; None: they can. Whoever put it there has
    it anyway. `unscanned`: the place lets everybody open what no scanner has looked at. Pure."""
    if not one.there:
        return NOT_THERE
    mine = one.attached_by == actor.membership_id
    if one.scan == CLEAN or (one.scan == WAITING and (unscanned or mine)):
        return None
    return NOT_LOOKED_INTO


def attach_document(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    referral_id: str,
    kind: str,
    description: str,
    shared: bool,
    name: str,
    content: bytes,
    unscanned: bool = False,
) -> str:
    """Put a file on a referral, for one's own side or for both. The other side is told once they
    may open it. Raises Refused: not_found, why they can't, or a fault of a field."""
    require(actor, WRITERS, "document", "attach")
    let = _let(tx, actor, at, referral_id, "attach")
    f = let.facts
    if let.refusal is not None:
        raise wrong("document", "attach", let.refusal)
    words = description.strip()
    upload = _whole(kind, words, name, content)
    keep_still(tx, f.person_id, (f.provider_id,), referral_id)
    if documents.kept_on(tx, referral_id) >= MOST:
        raise wrong("document", "attach", TOO_MANY)
    side = side_of(actor)
    made = new_id(at)
    put(
        tx,
        "document",
        {
            "id": made,
            "system_id": actor.system_id,
            "referral_id": referral_id,
            "person_id": f.person_id,
            "side": side,
            "shared": shared,
            "kind": kind,
            "attached_by": actor.membership_id,
            "at": at,
            "media_type": upload.media_type,
            "size": len(upload.content),
            "scan": WAITING,
            "scan_at": at,
            "scanned_at": None,
            "taken_back_at": None,
            "taken_back_by": None,
            "taken_back_why": None,
            "name": upload.name,
            "description": words,
            "content": documents.packed(upload.content),
        },
    )
    told = {
        "document": made,
        "kind": kind,
        "shared": shared,
        "type": upload.media_type,
        "size": len(upload.content),
        "content": f"sha256:{hashlib.sha256(upload.content).hexdigest()}",
    }
    log(tx, actor, at, "document_attached", Noun.REFERRAL, f.id, told, subject=f.subject_ref)
    if shared and unscanned and (side == PROVIDER or provider_sees(let.situation)):
        _tell_other_side(tx, actor.system_id, at, side, f.id, f.provider_org, f.link_worker_id)
    return made


def open_document(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    referral_id: str,
    document_id: str,
    unscanned: bool = False,
) -> Upload:
    """What is in a document, for who may see it; that it was opened stands in the log. Raises
    Refused: not_found, or why it can't be opened."""
    let = _let(tx, actor, at, referral_id, "open")
    one = documents.one(tx, actor, referral_id, document_id)
    if one is None:
        raise missing("document", "open")
    refusal = openable(one, actor, unscanned)
    content = None if refusal else documents.content(tx, actor.system_id, document_id)
    if refusal is not None or content is None:
        raise wrong("document", "open", refusal or NOT_THERE)
    f = let.facts
    log(tx, actor, at, READ, Noun.REFERRAL, f.id, {"document": one.id}, subject=f.subject_ref)
    return Upload(one.name, one.media_type, content)


def take_back_document(
    tx: Tx, actor: Actor, at: datetime, *, referral_id: str, document_id: str, why: str
) -> None:
    """Share a document no longer. That it was there, who put it there and why it was taken back
    stay; what was never to be here goes from the store. Raises Refused: not_found,
    not_your_document, taken_back_already, or a fault of the reason."""
    require(actor, WRITERS, "document", "take_back")
    f = _let(tx, actor, at, referral_id, "take_back").facts
    one = documents.one(tx, actor, referral_id, document_id)
    if one is None:
        raise missing("document", "take_back")
    refusal = why_not_take_back(f, one, actor)
    if refusal is not None:
        raise wrong("document", "take_back", refusal)
    if why not in WHY:
        raise wrong("document", "take_back", WHY_NEEDED)
    keep_still(tx, f.person_id, (), referral_id)
    taken = {
        "taken_back_at": at,
        "taken_back_by": actor.membership_id,
        "taken_back_why": why,
    }
    change(tx, "document", one.id, taken)
    # What must be kept for an inquiry is kept, and opened by nobody here: that it must isn't told.
    if why in GOES and not legally_held(tx, f.person_id):
        change(tx, "document", one.id, {"content": None, "name": "", "description": ""})
    told = {"document": one.id, "why": why}
    log(tx, actor, at, "document_taken_back", Noun.REFERRAL, f.id, told, subject=f.subject_ref)


WHY_NEEDED = field("why", N_("Choose why you take it back."))


def why_not_take_back(f: ReferralFacts, one: DocumentSeen, actor: Actor) -> Refusal | None:
    """Why this one can't take a document back; None: they can. Pure."""
    if one.taken_back_at is not None:
        return TAKEN_ALREADY
    side = side_of(actor)
    if side != one.side or (side == TEAM and f.organisation_id != actor.organisation_id):
        return NOT_YOURS_TO_TAKE
    return None


def scanned(tx: Tx, actor: Actor, at: datetime, document_id: str, scan: str) -> str:
    """What a scanner said of a document, "clean" or "refused": then it goes from the store, and who
    put it there is told. "gone": it waits no longer. The actor is the system."""
    found = scans.waiting(tx, document_id)
    if found is None or not scans.keep_scan(tx, document_id, at, scan):
        return "gone"
    told = {"document": document_id, "scan": scan}
    log(
        tx, actor, at, "document_scanned", Noun.REFERRAL, found.referral_id, told,
        subject=found.subject_ref,
    )  # fmt: skip
    if scan == REFUSED:
        to = member_key(found.attached_by)
        tell(tx, actor.system_id, at, to, SCANNED_OUT, Noun.REFERRAL, found.referral_id)
    elif found.shared and not found.taken_back:
        _tell_other_side(
            tx, actor.system_id, at, found.side, found.referral_id, found.provider_org,
            found.link_worker_id,
        )  # fmt: skip
    return scan


def _tell_other_side(
    tx: Tx,
    system_id: str,
    at: datetime,
    side: str | None,
    referral_id: str,
    provider_org: str,
    link_worker_id: str,
) -> None:
    """A notice to the other side. Whether they may hear of it is asked again as it leaves."""
    to = (
        role_key(Role.PROVIDER_LEADER, provider_org) if side == TEAM else member_key(link_worker_id)
    )
    tell(tx, system_id, at, to, SHARED, Noun.REFERRAL, referral_id)


def _whole(kind: str, words: str, name: str, content: bytes) -> Upload:
    faults = []
    if kind not in KINDS:
        faults.append(field("kind", N_("Choose what kind of document it is.")))
    if not words:
        faults.append(field("description", N_("Say in a few words what it is.")))
    if len(words) > SHORT_TEXT:
        faults.append(field("description", N_("Shorten this to 200 characters or fewer.")))
    try:
        upload = checked(name, content)
    except NotThis as not_this:
        faults.append(not_this.refusal)
    if faults:
        raise wrong("document", "attach", *faults)
    return upload


def _let(tx: Tx, actor: Actor, at: datetime, referral_id: str, what: str) -> Let:
    let = let_at(tx, actor, at, referral_id)
    if let is None:
        raise missing("document", what)
    return let
