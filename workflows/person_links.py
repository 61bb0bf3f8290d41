"""The person's own page, by a link and a word agreed aloud: who has what about them, what happens
next, and whom to call; to stop, to say how it went, to say "I am not safe".

Nothing on it tells of a hold or a concern, and no reading of one does: somebody who controls the
person may hold their phone. The word is never a date of birth. "I am not safe" asks for no word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from referral import facts, links, offered, picks, records, visible
from referral.actors import Actor
from referral.audit import log
from referral.clocks import member_key
from referral.dispatches import LETTER, PersonAddress
from referral.dispatches import person as address_of
from referral.facts import ReferralFacts
from referral.ids import new_id
from referral.links import LinkSeen
from referral.people_checks import under_age
from referral.records import PersonSeen, ReferralSeen
from referral.reviews import clocks_of
from referral.rotas import places_up
from referral.rows import put
from referral.states import REFERRAL_OPEN, Noun, ReferralState, Role
from referral.store import Sql, Tx
from workflows import disclosure, dispatches, session_days
from workflows.consent import withdrawal_preview
from workflows.disclosure import Situation
from workflows.engine import NOT_FOUND, Done, Refused, step
from workflows.letters import tell
from workflows.moves import N_
from workflows.people import MOST_TEXT, WRITERS
from workflows.provider_links import CAUSE, LinkOver, over
from workflows.rotas import Number, choose, number_for
from workflows.rules import field, missing, require, wrong
from workflows.session_days import Run
from workflows.working_time import local_day

PAPER = "paper"
LASTS = timedelta(days=14)
LASTS_BY_LETTER = timedelta(days=28)
OPEN_FOR = timedelta(minutes=30)  # since it was last used, on the one device that opened it
MOST_NEW = 3  # links to one person in a day, where they ask for another themselves
MOST_WRONG = 5  # words, since the right one was last typed
MOST_IN_ALL = 10  # since it was agreed, over every link it opens
LEAST_WORD = 3
HOW_IT_WENT = ("good", "all_right", "not_good")
NOTE = "how_it_went"
ANY_GROUP = "group"  # somebody at a group, whichever: none of them gets to read it
S = ReferralState

CONTACT_NOT_SAFE = N_(
    "It is not noted that a message to them is safe, by a way they chose. Give it to them in hand."
)
GUARDED = N_("Agree on a word of 3 letters or more, and no number: never a date of birth.")


# -- making and ending one ----------------------------------------------------------------------


def plain_word(text: str) -> str:
    """A word as it is compared: small letters, nothing else."""
    return "".join(c for c in text.casefold() if c.isalpha())


def check_word(text: str) -> str:
    """The agreed word as it is kept a hash of. Raises Refused for one that is no good."""
    word = plain_word(text)
    if len(word) < LEAST_WORD or any(c.isdigit() for c in text):
        raise wrong("link", "make", field("word", GUARDED))
    return word


def ways_to(tx: Tx, actor: Actor, person_id: str, ways: frozenset[str]) -> list[str]:
    """How the link may reach the person: by the way they chose, where it is safe, and in hand."""
    p = address_of(tx, actor.system_id, person_id)
    found = [PAPER]
    if p is not None:
        for way in sorted(ways):
            if dispatches.channel_to(p._replace(method=way), ways) and _chose(p, way):
                found.insert(0, way)
    return found


def _chose(p: PersonAddress, way: str) -> bool:
    return p.method == way


def make(
    tx: Tx,
    actor: Actor,
    at: datetime,
    person_id: str,
    *,
    channel: str,
    word_hash: str,
    ways: frozenset[str],
    token_hash: Callable[[str], str],
    code_hash: Callable[[str], str],
) -> str:
    """A link to the person's own page; the one before it ends. Returns its id. It is sent, where
    it isn't given in hand. Raises Refused: not_found, or a fault of a field."""
    person = _of_my_team(tx, actor, at, person_id)
    if channel not in ways_to(tx, actor, person_id, ways):
        raise wrong("link", "make", field("channel", CONTACT_NOT_SAFE))
    links.revoke_all(tx, person_id, links.PERSON, at)
    link_id = new_id(at)
    links.keep(
        tx,
        link_id=link_id,
        system_id=actor.system_id,
        purpose=links.PERSON,
        record_id=person_id,
        membership_id=None,
        made_by=actor.membership_id,
        channel=channel,
        token_hash=token_hash(link_id),
        code_hash=code_hash(link_id),
        word_hash=word_hash,
        at=at,
        expires_at=at + (LASTS_BY_LETTER if channel == LETTER else LASTS),
    )
    if channel != PAPER:
        dispatches.send_link(tx, actor, at, person_id, link_id, channel)
    _log(tx, actor, at, "link_made", person, link_id, channel=channel)
    return link_id


def revoke(tx: Tx, actor: Actor, at: datetime, person_id: str) -> int:
    """End every link to the person's page at once, and whatever is open by one; how many."""
    person = _of_my_team(tx, actor, at, person_id)
    ended = links.revoke_all(tx, person_id, links.PERSON, at)
    if ended:
        _log(tx, actor, at, "link_revoked", person, None)
    return ended


def newest(tx: Tx, actor: Actor, person_id: str) -> LinkSeen | None:
    """The link made last."""
    found = links.of_record(tx, actor.system_id, person_id, links.PERSON)
    return found[0] if found else None


def _of_my_team(tx: Tx, actor: Actor, at: datetime, person_id: str) -> PersonSeen:
    require(actor, WRITERS, "link", "make")
    person = records.person(tx, actor, at, person_id)
    if person is None or person.closed_to_actor or person.died_on is not None:
        raise missing("person", "link")
    return person


def _log(
    tx: Tx, actor: Actor, at: datetime, what: str, p: PersonSeen, link_id: str | None, **said: str
) -> None:
    log(tx, actor, at, what, "person", None, {"link": link_id, **said}, subject=p.subject_ref)


# -- opening it ---------------------------------------------------------------------------------


def person_of(link: LinkSeen) -> Actor:
    """The person, acting for themselves."""
    return Actor(role=Role.PERSON, system_id=link.system_id, person_id=link.record_id, cause=CAUSE)


def open_by(tx: Tx, link_id: str, at: datetime) -> datetime:
    """Use the link up, the word being right: it is open on this device from now. Raises LinkOver
    for whoever is second, or too late."""
    link = links.find(tx, link_id)
    why = over(link, at)
    if why is not None or link is None or not is_theirs(tx, link, at):
        raise LinkOver(why or "gone")
    if not links.use(tx, link.id, "open", at):
        raise LinkOver("used")
    links.right_word(tx, link.id)
    _heard(tx, link, at, "link_opened")
    return at


def try_word(tx: Tx, link_id: str) -> bool:
    """Count a word before it is looked at, so that guesses side by side are counted too. False
    where no more may be tried."""
    return links.try_word(tx, link_id, MOST_WRONG, MOST_IN_ALL)


def wrong_word(tx: Tx, link_id: str, at: datetime) -> bool:
    """The word that was tried wasn't the one agreed. After a few the link ends, and whoever made it
    is told: True."""
    link = links.find(tx, link_id)
    in_a_row, in_all = links.wrong_words(tx, link_id)
    few = in_a_row < MOST_WRONG and in_all < MOST_IN_ALL
    if link is None or few or not links.revoke(tx, link_id, at):
        return False
    if link.made_by is not None:
        to = member_key(link.made_by)
        tell(tx, link.system_id, at, to, "link_locked", "person", link.record_id)
    _heard(tx, link, at, "link_locked")
    return True


def is_locked(tx: Tx, link: LinkSeen) -> bool:
    """Whether it was wrong words that ended it."""
    in_a_row, in_all = links.wrong_words(tx, link.id)
    return link.revoked_at is not None and (in_a_row >= MOST_WRONG or in_all >= MOST_IN_ALL)


def _heard(tx: Tx, link: LinkSeen, at: datetime, what: str, **said: str) -> None:
    actor = person_of(link)
    p = records.person_of(tx, actor, at, link.record_id)
    if p is not None:
        _log(tx, actor, at, what, p, link.id, **said)


def opened(tx: Tx, link_id: str, since: datetime, last: datetime, at: datetime) -> LinkSeen | None:
    """The link that this device opened at this moment and used `last`, while it is open."""
    return None if at >= last + OPEN_FOR else opened_here(tx, link_id, since, at)


def opened_here(tx: Tx, link_id: str, since: datetime, at: datetime) -> LinkSeen | None:
    """The link that this device opened at this moment, be it open now or closed again."""
    link = links.find(tx, link_id)
    if link is None or link.purpose != links.PERSON or link.revoked_at is not None:
        return None
    return link if link.used_at == since and is_theirs(tx, link, at) else None


def may_open_again(link: LinkSeen, at: datetime) -> bool:
    """Whether the word opens it once more, on the device that opened it: until its last day."""
    return link.revoked_at is None and link.used_at is not None and at < link.expires_at


def open_again(tx: Tx, link_id: str, since: datetime, at: datetime) -> None:
    """Open it once more on the device that opened it, the word being right. Raises LinkOver."""
    link = opened_here(tx, link_id, since, at)
    if link is None or not may_open_again(link, at):
        raise LinkOver("gone")
    links.right_word(tx, link.id)
    _heard(tx, link, at, "link_opened")


def may_ask_again(link: LinkSeen, at: datetime) -> bool:
    """Whether whoever holds it may ask for another: one that opens no page any more, and that went
    out by a message. What was given in hand was given so for a reason."""
    sent = link.purpose == links.PERSON and link.channel != PAPER
    return sent and link.revoked_at is None and not link.is_open(at)


def ask_again(
    tx: Tx,
    link_id: str,
    at: datetime,
    *,
    ways: frozenset[str],
    token_hash: Callable[[str], str],
    code_hash: Callable[[str], str],
) -> bool:
    """Send the person another link, the way this one went and with the same word, where that is
    safe still; False where nothing is sent. Whoever asks isn't told which: they may be another.

    Links that were opened stay as they are: "I am not safe" works by them, and a page that is open
    doesn't close because somebody else asks."""
    link = links.find(tx, link_id)
    if link is None or not may_ask_again(link, at) or not is_theirs(tx, link, at):
        return False
    actor = person_of(link)
    before = links.of_record(tx, link.system_id, link.record_id, links.PERSON)
    lately = [one for one in before if one.created_at > at - timedelta(days=1)]
    if len(lately) >= MOST_NEW or link.channel not in ways_to(tx, actor, link.record_id, ways):
        return False
    for one in before:
        if one.is_open(at):
            links.revoke(tx, one.id, at)
    made = new_id(at)
    links.keep(
        tx,
        link_id=made,
        system_id=link.system_id,
        purpose=links.PERSON,
        record_id=link.record_id,
        membership_id=None,
        made_by=link.made_by,
        channel=link.channel,
        token_hash=token_hash(made),
        code_hash=code_hash(made),
        word_hash=link.word_hash,
        at=at,
        expires_at=at + (LASTS_BY_LETTER if link.channel == LETTER else LASTS),
    )
    dispatches.send_link(tx, actor, at, link.record_id, made, link.channel)
    _heard(tx, link._replace(id=made), at, "link_made", channel=link.channel)
    return True


def is_theirs(tx: Tx, link: LinkSeen, at: datetime) -> bool:
    """Whether there is still a page of theirs: not after they have died, nor once another record
    stands for this one."""
    person = team_of(tx, link, at)
    return person is not None and person.died_on is None and person.merged_into is None


def may_call(tx: Tx, link: LinkSeen, at: datetime) -> bool:
    """Whether whoever holds the link may still say that they aren't safe."""
    person = team_of(tx, link, at)
    return person is not None and person.died_on is None and link.revoked_at is None


# -- what is on it ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Going:
    """One referral on the person's page. `they_see` are the fields its provider sees now; `due` is
    the day of the next step as it was set, any hold left out: it must read the same with one.
    `next_on` is the day of the next session, where they have a place and it can be told."""

    seen: ReferralSeen
    they_see: frozenset[str]
    may_stop: bool
    due: datetime | None
    next_on: date | None


@dataclass(frozen=True)
class OwnPage:
    """All that the person's page says."""

    person: PersonSeen
    going: tuple[Going, ...]
    over: tuple[Going, ...]
    worker: str


def own_page(tx: Tx, actor: Actor, at: datetime) -> OwnPage | None:
    """The page of this person; None for one who isn't there."""
    person = records.person_of(tx, actor, at, actor.person_id)
    if person is None:
        return None
    ids = [r.id for r in records.referrals_of(tx, person)]
    known = facts.referrals(tx, ids, actor, at)
    seen = records.referrals(tx, actor, ids)
    answers = visible.answers(tx, actor, at, ids)
    clocks = clocks_of(tx, ids)
    groups = offered.group_days(tx, actor.system_id, [r.group_id for r in seen.values()])
    today = local_day(at)
    found = [
        Going(
            seen[i],
            they_see(known[i], at, answers.get(i, (None, None))[0]),
            known[i].state in REFERRAL_OPEN - {S.COMPLETED},
            next(
                (c.due for c in clocks.get(i, ()) if c.kind == f"referral.{known[i].state}"), None
            ),
            _next_on(seen[i], groups.get(seen[i].group_id), today),
        )
        for i in ids
        if i in known and i in seen and known[i].state != S.IN_ERROR
    ]
    going = tuple(one for one in found if one.seen.state in REFERRAL_OPEN)
    rest = tuple(one for one in found if one.seen.state not in REFERRAL_OPEN)
    worker = next((one.seen.link_worker for one in found), "")
    return OwnPage(person, going, rest, worker)


def _next_on(r: ReferralSeen, group: offered.GroupDays | None, today: date) -> date | None:
    """The day of their next session: once they have been in touch, and after a break."""
    if r.state == S.PAUSED:
        if r.paused_until is None:
            return None
        today = max(today, r.paused_until)
    elif r.state != S.ACTIVE and not (r.state == S.ACCEPTED and r.contacted_at):
        return None
    return session_days.next_session(r.when_words, [Run(*group)] if group else [], today)


def they_see(f: ReferralFacts, at: datetime, answer: str | None) -> frozenset[str]:
    """What the provider sees of a referral by the rules of disclosure, any hold left out. `answer`
    is the person's newest."""
    if f.sent_at is None:
        return frozenset()
    return disclosure.fields(
        Situation(
            role=Role.PROVIDER_LEADER,
            state=str(f.state),
            at=at,
            completed_at=f.completed_at,
            consent=f.consent_id is not None,
            taken_back=answer in ("refused", "withdrawn"),
            agreement=bool(f.agreement_live),
        )
    )


# -- what the person does -----------------------------------------------------------------------


def _mine(tx: Tx, actor: Actor, at: datetime, referral_id: str, what: str) -> ReferralFacts:
    f = facts.referral(tx, referral_id, actor, at)
    if f is None or f.person_id != actor.person_id or f.state == S.IN_ERROR:
        raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger=what, record_id=referral_id)
    return f


def stopping(tx: Tx, actor: Actor, at: datetime, referral_id: str) -> list[str]:
    """Whom stopping this one concerns: the activities that end with it, this one first."""
    f = _mine(tx, actor, at, referral_id, "withdraw")
    this = records.referral(tx, actor, referral_id)
    found = [f"{this.activity}, {this.provider}"] if this else []
    if f.consent_id is not None and this is not None:
        others = withdrawal_preview(tx, actor, at, f.consent_id)
        more = len([one for one in others if one[0] != f.reference])
        found += [this.provider] * min(more, 1)
    return found


def stop(tx: Tx, actor: Actor, at: datetime, referral_id: str) -> list[Done]:
    """The person says no: their agreement to share with this provider is taken back, which stops
    whatever rests on it, and so is this referral. Each move asks whether it may be made."""
    f = _mine(tx, actor, at, referral_id, "withdraw")
    made = []
    if f.consent_id is not None:
        made.append(step(tx, Noun.CONSENT, f.consent_id, "withdraw", actor, at))
        f = _mine(tx, actor, at, referral_id, "withdraw")
    if f.state in REFERRAL_OPEN - {S.COMPLETED}:
        given = {"reason": "person_asked"}
        made.append(step(tx, Noun.REFERRAL, referral_id, "withdraw", actor, at, given))
    if not made:
        raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="withdraw", record_id=referral_id)
    return made


def say_how(
    tx: Tx, actor: Actor, at: datetime, referral_id: str, how: str, words: str = ""
) -> None:
    """The person says how it went, for their link worker; the provider doesn't read it."""
    f = _mine(tx, actor, at, referral_id, "say_how")
    if how not in HOW_IT_WENT:
        raise wrong(Noun.REFERRAL, "say_how", field("how", N_("Choose one of the answers.")))
    if len(words) > MOST_TEXT:
        raise wrong(Noun.REFERRAL, "say_how", field("words", N_("Write less: it is too long.")))
    note_id = new_id(at)
    put(
        tx,
        "note",
        {
            "id": note_id,
            "system_id": f.system_id,
            "organisation_id": f.organisation_id,
            "person_id": f.person_id,
            "noun": NOTE,
            "record_id": f.id,
            "audience": "ours",
            "body": f"{how}\n{words.strip()}",
            "written_by": None,
            "at": at,
        },
    )
    log(tx, actor, at, "said_how", Noun.REFERRAL, f.id, {"note": note_id}, subject=f.subject_ref)
    to = member_key(f.link_worker_id)
    tell(tx, f.system_id, at, to, "person_said_how", Noun.REFERRAL, f.id)


# -- I am not safe ------------------------------------------------------------------------------

OWN_CONCERN = Sql(
    "SELECT id FROM concern WHERE person_id = :person_id AND system_id = :system_id"
    " AND raised_by IS NULL ORDER BY created_at DESC, id DESC LIMIT 1"
)


def number_now(tx: Tx, link: LinkSeen, at: datetime, told: bool = False) -> Number | None:
    """The number that answers this person at this hour. Once they have `told` us, nobody they named
    is rung, nor whoever works with them."""
    row = None
    if told:
        row = tx.row(OWN_CONCERN, person_id=link.record_id, system_id=link.system_id)
    if row is not None:
        return number_for(tx, str(row[0]), at)
    person = team_of(tx, link, at)
    if person is None:
        return None
    child = under_age(person.birth_date, local_day(at))
    return choose(places_up(tx, person.organisation_id), at, child)


def team_of(tx: Tx, link: LinkSeen, at: datetime) -> PersonSeen | None:
    """The person of a link, for whom to ring: whatever has become of the link."""
    return records.person_of(tx, person_of(link), at, link.record_id)


def not_safe(
    tx: Tx, link_id: str, at: datetime, *, danger: bool, who: str = "", words: str = ""
) -> bool:
    """The person says that they aren't safe. A concern is raised, once for each link and never
    refused; False when it had been. `who`: "worker" for their link worker, the id of a provider's
    organisation, "group" for any of them, or nobody on staff.

    Works for a link that is used up or past its date, for whoever is in danger has no other; not
    for one that was revoked."""
    link = links.find(tx, link_id)
    if link is None or link.purpose != links.PERSON or not may_call(tx, link, at):
        raise LinkOver("gone")
    person = team_of(tx, link, at)
    if person is None or not links.call(tx, link.id, at):
        return False
    # Where another record stands for this one, it is the one that is looked after.
    actor = replace(person_of(link), person_id=person.merged_into or person.id)
    given: dict[str, Any] = {
        "person_id": actor.person_id,
        "seen": _seen(words),
        "danger": danger,
        "sources": list(_sources(tx, link, person, who)),
        "person_knows": "yes",
    }
    step(tx, Noun.CONCERN, None, "raise", actor, at, given)
    return True


def _seen(words: str) -> str:
    said = words.strip()[:MOST_TEXT]
    return f"“I am not safe”, said by the person on their own page. {said}".strip()


def _sources(tx: Tx, link: LinkSeen, person: PersonSeen, who: str) -> Iterable[Mapping[str, str]]:
    if who == "worker":
        worker = picks.link_worker_for(tx, link.system_id, link.record_id) or link.made_by
        row = tx.row(USER_OF, id=worker) if worker else None
        if row is not None:
            yield {"user_id": str(row[0])}
    for organisation, _name in records.provider_organisations_of(tx, person):
        if who in (organisation, ANY_GROUP):
            yield {"organisation_id": organisation}


USER_OF = Sql("SELECT user_id FROM membership WHERE id = :id")


def around(tx: Tx, link: LinkSeen, at: datetime) -> list[tuple[str, str]]:
    """(organisation, name) of the providers who know the person: whom they may mean."""
    person = team_of(tx, link, at)
    return records.provider_organisations_of(tx, person) if person else []
