"""What leaves the house: which messages a letter becomes, whether each may still be said as it
leaves, and who does it by hand when it can't be delivered.

A message says what happened, a reference and where to look: never a word about a person. It is
planned in the transaction that gave the notice, and handed to a service outside any transaction:
at least once, and never again once the service has said that it took it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from referral import dispatches, facts, links, notices, preferences
from referral.accounts import signs_in
from referral.actors import Actor, the_system
from referral.audit import log
from referral.clocks import member_key, role_key
from referral.dispatches import EMAIL, LETTER, TEXT, Address, Parcel, PersonAddress
from referral.entries import subject_of
from referral.members import actor_of
from referral.messages import RECEIVED
from referral.preferences import AT_ONCE, BY_TEXT, DAILY, Hours
from referral.queue import Letter, Overtaken, finish_letter
from referral.states import TAKING_PART, Noun, ReferralState, Role
from referral.store import Tx
from workflows import errands, hearing, post
from workflows.accounts import (
    INVITATION,
    INVITATION_LASTS,
    PROVING,
    RESET,
    RESET_LASTS,
    mark_of,
)
from workflows.messages import let_at
from workflows.preferences import always, how, next_summary, not_before
from workflows.second_steps import ADDRESS_LEFT
from workflows.working_time import ENGLAND, local_day

ON_ITS_WAY = "on_its_way"
SENT, REACHED, FAILED, GAVE_UP = "sent", "delivered", "failed", "gave_up"
NOT_ALLOWED_NOW, NO_ADDRESS, NOTHING_NEW = "not_allowed_now", "no_address", "nothing_new"
SUMMARY, PERSON_LINK = "summary", "person_link"
# Who holds a concern is asked by text too to say that they have read it.
TEXT_TOO = frozenset({"concern_raised", "concern_handed_over", "concern_climbed"})
TRIED_FOR = timedelta(hours=24)
# A message about safety that hasn't left by then becomes an errand, while it is tried on.
SAFETY_WAITS = timedelta(minutes=2)
ASKED_FOR = timedelta(days=10)  # how long a service is asked whether it arrived
LOOKS_BACK = timedelta(days=7)
LINK_LASTS = timedelta(days=14)
ANSWERS = frozenset({"referral_sent", "question_answered", hearing.REMINDER})
BEFORE_A_PLACE = frozenset({ReferralState.SENT, ReferralState.QUERIED, ReferralState.WAITING})

TELL_PERSON = post.BY_HAND["person"]
RING_PROVIDER = "ring_provider"
RING_ABOUT_CONCERN = "ring_about_concern"
CORRECT_ADDRESS = "correct_address"


# -- planning -----------------------------------------------------------------------------------


def hand_over(tx: Tx, letter: Letter, at: datetime, ways: frozenset[str]) -> str:
    """Hand over one claimed letter: to its people as notices, and whatever of it goes out by the
    `ways` there are. Raises Overtaken as `post.deliver` does."""
    if ways and _to_person(tx, letter, at, ways):
        if not finish_letter(tx, letter, at, ON_ITS_WAY):
            raise Overtaken
        post.told_of(tx, letter, at, ON_ITS_WAY)
        return ON_ITS_WAY
    result = post.deliver(tx, letter, at)
    if ways:
        _plan(tx, letter, at, ways)
    return result


def _plan(tx: Tx, letter: Letter, at: datetime, ways: frozenset[str]) -> None:
    for membership, what, noun, record in dispatches.notices_of(tx, letter.id):
        reached = dispatches.member(tx, letter.system_id, membership)
        if reached is None:
            continue
        wanted = how(preferences.chosen(tx, reached.user_id), noun, what)
        hours = preferences.hours_of(tx, reached.user_id)
        channels = set()
        texts = bool(TEXT in ways and reached.phone)
        if wanted == BY_TEXT and texts:
            channels.add(TEXT)
        elif wanted in (AT_ONCE, BY_TEXT) and EMAIL in ways:
            channels.add(EMAIL)
        if what in TEXT_TOO and texts:
            channels.add(TEXT)
        run_at = at if always(noun, what) else not_before(at, hours)
        for channel in sorted(channels):
            dispatches.plan(
                tx,
                system_id=letter.system_id,
                slot=f"letter {letter.id}",
                to_owner=member_key(membership),
                channel=channel,
                what=what,
                noun=noun,
                record_id=record,
                at=at,
                run_at=run_at,
                outbox_id=letter.id,
            )
        if wanted == DAILY and EMAIL in ways:
            _summary(tx, letter.system_id, membership, at, hours)


def _summary(tx: Tx, system_id: str, membership: str, at: datetime, hours: Hours) -> None:
    """One for each member and day; what it says is looked up as it leaves."""
    morning = next_summary(at, ENGLAND, hours.summary)
    dispatches.plan(
        tx,
        system_id=system_id,
        slot=f"summary {local_day(morning)}",
        to_owner=member_key(membership),
        channel=EMAIL,
        what=SUMMARY,
        noun=hearing.SYSTEM,
        record_id=system_id,
        at=morning,
    )


def channel_to(p: PersonAddress, ways: frozenset[str]) -> str | None:
    """How a person may be written to: the way they chose, where there is one, it is safe to leave
    a message, and they haven't said no to being written to."""
    if not p.may_be_written:
        return None
    there = {
        EMAIL: p.email,
        TEXT: p.phone,
        LETTER: p.address and p.postcode,
    }
    method = p.method or ""
    return method if method in ways and there.get(method) else None


def _to_person(tx: Tx, letter: Letter, at: datetime, ways: frozenset[str]) -> bool:
    role, _, where = letter.to_owner.partition("@")
    if role != "person":
        return False
    p = dispatches.person(tx, letter.system_id, where)
    channel = channel_to(p, ways) if p else None
    if channel is None:
        return False
    dispatches.plan(
        tx,
        system_id=letter.system_id,
        slot=f"letter {letter.id}",
        to_owner=letter.to_owner,
        channel=channel,
        what=letter.what,
        noun=letter.noun,
        record_id=letter.record_id,
        at=at,
        outbox_id=letter.id,
    )
    return True


def send_link(tx: Tx, actor: Actor, at: datetime, person_id: str, link_id: str, by: str) -> None:
    """Put the person's own link on its way to them."""
    dispatches.plan(
        tx,
        system_id=actor.system_id,
        slot=f"link {link_id}",
        to_owner=f"person@{person_id}",
        channel=by,
        what=PERSON_LINK,
        noun="link",
        record_id=link_id,
        at=at,
    )


# -- as it leaves -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ready:
    """A message that may leave now: to which address, and what it may say. `link` is the purpose
    of the link that goes with it; its id is the parcel's key (the person's own: the record)."""

    parcel: Parcel
    address: str
    name: str = ""
    address_lines: tuple[str, ...] = ()
    reference: str | None = None
    link: str | None = None
    link_until: datetime | None = None
    counts: tuple[tuple[str, int], ...] = ()
    team: str = ""
    team_phone: str | None = None
    language: str | None = None  # that they read, as a code or as somebody wrote its name
    mark: str = field(default="", repr=False)  # of the password a new one replaces


def prepare(tx: Tx, parcel: Parcel, at: datetime, token_hash: Callable[[str], str]) -> Ready | str:
    """Whether it may still be said, to whom and with which link; or what it ended as. `token_hash`
    gives what is kept of the secret of a link with this id."""
    role, _, where = parcel.to_owner.partition("@")
    if role == "person":
        return _prepare_person(tx, parcel, at, where)
    actor = actor_of(tx, where, at)
    reached = dispatches.member(tx, parcel.system_id, where)
    if actor is None or reached is None:
        return _end(tx, parcel, at, NOT_ALLOWED_NOW)
    if parcel.what == SUMMARY:
        counts = tuple(_counts(tx, actor, at))
        if not counts:
            return _end(tx, parcel, at, NOTHING_NEW)
        return Ready(parcel, reached.email, reached.name, counts=counts, language=reached.language)
    if parcel.what == ADDRESS_LEFT:
        return Ready(parcel, parcel.to_address or "", reached.name, language=reached.language)
    if parcel.what in (RESET, INVITATION, PROVING):
        return _prepare_password(tx, parcel, at, reached, actor)
    if not hearing.may_hear(tx, actor, parcel.what, parcel.noun, parcel.record_id, at):
        return _end(tx, parcel, at, NOT_ALLOWED_NOW)
    address = reached.email if parcel.channel == EMAIL else reached.phone
    if not address:
        fail_over(tx, parcel, at)
        return _end(tx, parcel, at, NO_ADDRESS)
    reference = dispatches.reference_of(tx, parcel.system_id, parcel.noun, parcel.record_id)
    purpose = _link_for(tx, parcel, actor, at)
    until = at + LINK_LASTS
    if purpose is not None:
        links.keep(
            tx,
            link_id=parcel.key,
            system_id=parcel.system_id,
            purpose=purpose,
            record_id=parcel.record_id,
            membership_id=actor.membership_id,
            made_by=None,
            channel=parcel.channel,
            token_hash=token_hash(parcel.key),
            code_hash=None,
            word_hash=None,
            at=at,
            expires_at=until,
        )
    return Ready(
        parcel, address, reached.name, (), reference, purpose, until, language=reached.language
    )


def _prepare_password(
    tx: Tx, parcel: Parcel, at: datetime, reached: Address, actor: Actor
) -> Ready | str:
    """A link that has run out, or of an account suspended since, isn't sent; nor is an invitation
    once there is a newer one, or a password."""
    found = signs_in(tx, parcel.record_id)
    invited = parcel.what == INVITATION
    lasts = INVITATION_LASTS if invited else RESET_LASTS
    if found is None or not found.active or at >= parcel.at + lasts:
        return _end(tx, parcel, at, NOT_ALLOWED_NOW)
    if invited and (found.password_hash or found.invited_at != parcel.at):
        return _end(tx, parcel, at, NOT_ALLOWED_NOW)
    return Ready(
        parcel,
        reached.email,
        reached.name,
        team=actor.organisation_name,
        mark=mark_of(found),
        language=reached.language,
    )


def _counts(tx: Tx, actor: Actor, at: datetime) -> list[tuple[str, int]]:
    return dispatches.unread(tx, actor.membership_id, at - LOOKS_BACK)


def _link_for(tx: Tx, parcel: Parcel, actor: Actor, at: datetime) -> str | None:
    """The link a leader gets with a message: to answer, to say who came, or to read what was
    written to them."""
    if actor.role is not Role.PROVIDER_LEADER or parcel.noun != Noun.REFERRAL:
        return None
    if parcel.what == RECEIVED:
        there = let_at(tx, actor, at, parcel.record_id) is not None
        return links.MESSAGE if there else None
    if parcel.what not in ANSWERS:
        return None
    f = facts.referral(tx, parcel.record_id, actor, at)
    if f is None or f.closed_to_actor:
        return None
    if f.state in BEFORE_A_PLACE:
        return links.ANSWER
    return links.CAME if f.state in TAKING_PART else None


def _prepare_person(tx: Tx, parcel: Parcel, at: datetime, person_id: str) -> Ready | str:
    p = dispatches.person(tx, parcel.system_id, person_id)
    if p is None or p.died:
        return _end(tx, parcel, at, NOT_ALLOWED_NOW)
    if channel_to(p._replace(method=parcel.channel), frozenset({parcel.channel})) is None:
        # What they said of being written to has changed since.
        fail_over(tx, parcel, at)
        return _end(tx, parcel, at, NOT_ALLOWED_NOW)
    link = None
    if parcel.what == PERSON_LINK:
        found = links.find(tx, parcel.record_id)
        if found is None or not found.is_open(at):
            return _end(tx, parcel, at, NOT_ALLOWED_NOW)
        link = links.PERSON
    address = {EMAIL: p.email, TEXT: p.phone, LETTER: p.address}[parcel.channel] or ""
    lines = (p.name, *(line.strip() for line in (p.address or "").split(",")), p.postcode or "")
    return Ready(
        parcel,
        address,
        p.name,
        tuple(line for line in lines if line) if parcel.channel == LETTER else (),
        link=link,
        team=p.team,
        team_phone=p.team_phone,
        language=p.language,
    )


def _end(tx: Tx, parcel: Parcel, at: datetime, result: str, service_id: str | None = None) -> str:
    if not dispatches.end(tx, parcel, at, result, service_id):
        raise Overtaken
    if result not in (SENT, NOTHING_NEW):
        _told_of(tx, parcel, at, result)
    return result


def _told_of(tx: Tx, parcel: Parcel, at: datetime, result: str) -> None:
    """Say in the log what came of a message: to whom and by which way, in the half that can be
    erased."""
    action = {
        SENT: "message_handed_over",
        REACHED: "message_delivered",
        NOT_ALLOWED_NOW: "message_withheld",
    }.get(result, "message_not_delivered")
    said = {
        "to": parcel.to_owner,
        "what": parcel.what,
        "result": result,
        "channel": parcel.channel,
    }
    system = the_system(parcel.system_id, "post")
    subject = subject_of(tx, parcel.noun, parcel.record_id)
    log(tx, system, at, action, parcel.noun, parcel.record_id, said, subject=subject)


# -- what became of it --------------------------------------------------------------------------


def taken(
    tx: Tx, parcel: Parcel, at: datetime, service_id: str | None, ask_again: datetime | None
) -> str:
    """A service took it. Where it can be asked, whether it arrived is looked up from `ask_again`
    on; else this is all that will be known."""
    if not dispatches.took(tx, parcel, at, service_id):
        raise Overtaken
    _told_of(tx, parcel, at, SENT)
    if ask_again is None:
        return _end(tx, parcel, at, SENT, service_id)
    dispatches.again(tx, parcel, ask_again)
    return SENT


def arrived(tx: Tx, parcel: Parcel, at: datetime) -> str:
    """The service says that it reached its address. Nobody need have read it."""
    return _end(tx, parcel, at, REACHED)


def still_out(tx: Tx, parcel: Parcel, at: datetime, ask_again: datetime) -> str:
    """The service doesn't know yet."""
    if at - parcel.at > ASKED_FOR:
        return _end(tx, parcel, at, SENT)
    dispatches.again(tx, parcel, ask_again)
    return SENT


def failed(tx: Tx, parcel: Parcel, at: datetime) -> str:
    """It can't be delivered to this address, whatever is tried."""
    fail_over(tx, parcel, at)
    return _end(tx, parcel, at, FAILED)


def not_yet(tx: Tx, parcel: Parcel, at: datetime, wait: timedelta) -> str:
    """The service didn't take it. It is tried again after `wait`, for a day; what is about safety
    becomes an errand sooner, and is tried on all the same."""
    if at - parcel.at >= TRIED_FOR:
        fail_over(tx, parcel, at)
        return _end(tx, parcel, at, GAVE_UP)
    if parcel.noun == Noun.CONCERN and at - parcel.at >= SAFETY_WAITS:
        fail_over(tx, parcel, at)
    dispatches.again(tx, parcel, at + wait)
    return "later"


def bounced(tx: Tx, service_id: str, at: datetime) -> bool:
    """A mail that left under this number came back. False for one we don't know, or knew of."""
    parcel = dispatches.by_service(tx, service_id)
    if parcel is None or not dispatches.bounced(tx, parcel, at):
        return False
    _told_of(tx, parcel, at, "bounced")
    fail_over(tx, parcel, at)
    return True


def fail_over(tx: Tx, parcel: Parcel, at: datetime) -> None:
    """Ask a named human to do by hand what the message should have done."""
    if parcel.what == ADDRESS_LEFT:
        return  # the new one is told too, and nobody reads the old one any more
    role, _, where = parcel.to_owner.partition("@")
    if role == "person":
        owner, what, noun, record = _who_tells_the_person(tx, parcel, where, at)
    elif parcel.noun == Noun.CONCERN:
        owner, what, noun, record = _who_rings_about(tx, parcel, where, at)
    elif parcel.noun == Noun.REFERRAL:
        owner, what, noun, record = _who_rings_the_provider(tx, parcel, where, at)
    else:
        owner, what, noun, record = _who_corrects(tx, parcel, where)
    if owner is None:
        return
    slot = f"{what} {parcel.to_owner} {record} {local_day(at)}"
    whom, says = parcel.to_owner, parcel.what
    errands.ask(tx, parcel.system_id, slot, owner, what, whom, noun, record, at, says)


Whose = tuple[str | None, str, str, str]


def _who_tells_the_person(tx: Tx, parcel: Parcel, person_id: str, at: datetime) -> Whose:
    if parcel.noun == "link":
        found = links.find(tx, parcel.record_id)
        owner = member_key(found.made_by) if found and found.made_by else None
        return owner, TELL_PERSON, hearing.PERSON, person_id
    noun = Noun(parcel.noun)
    f = facts.LOADERS[noun](tx, parcel.record_id, the_system(parcel.system_id, "post"), at)
    owner = post.hand(noun, f) if f is not None else None
    return owner, TELL_PERSON, parcel.noun, parcel.record_id


def _who_rings_about(tx: Tx, parcel: Parcel, membership: str, at: datetime) -> Whose:
    """Whoever raised the concern, who has the number to ring; never a word to anybody else."""
    f = facts.concern(tx, parcel.record_id, the_system(parcel.system_id, "post"), at)
    if f is None or f.raised_by is None or f.raised_by == membership:
        return _who_corrects(tx, parcel, membership)
    return member_key(f.raised_by), RING_ABOUT_CONCERN, parcel.noun, parcel.record_id


def _who_rings_the_provider(tx: Tx, parcel: Parcel, membership: str, at: datetime) -> Whose:
    actor = actor_of(tx, membership, at)
    f = facts.referral(tx, parcel.record_id, the_system(parcel.system_id, "post"), at)
    if actor is None or actor.role is not Role.PROVIDER_LEADER or f is None:
        return _who_corrects(tx, parcel, membership)
    return member_key(f.link_worker_id), RING_PROVIDER, parcel.noun, parcel.record_id


def _who_corrects(tx: Tx, parcel: Parcel, membership: str) -> Whose:
    """An administrator, who learns that an address doesn't work and not what it was about."""
    administrators = notices.everywhere(tx, parcel.system_id, Role.ADMINISTRATOR, parcel.at)
    reached = dispatches.member(tx, parcel.system_id, membership)
    if not administrators or reached is None:
        return None, CORRECT_ADDRESS, "user", parcel.record_id
    owner = role_key(Role.ADMINISTRATOR, administrators[0].organisation_id)
    return owner, CORRECT_ADDRESS, "user", reached.user_id
