"""What every chapter of the demo's story tells with: the store being filled, who is who, and the
plan of what happened when."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from referral.actors import Actor, the_system
from referral.members import actor_of
from referral.states import Noun, Purpose, Role
from referral.store import Door, Sql, Store, Tx
from web.demo import cast
from workflows.activities import add_provider, pause_activity, save_activity, save_group
from workflows.consent import record_consent
from workflows.engine import step
from workflows.evidence import add_evidence
from workflows.organisations import (
    add_membership,
    add_organisation,
    add_place,
    add_user,
    setup_system,
)
from workflows.people import add_person, save_plan
from workflows.referrals import (
    begin_referral,
    record_attendance,
    send_referral,
)
from workflows.working_time import ENGLAND, LONDON, back, local_day

Sweep = Callable[[datetime], None]
Progress = Callable[[int, int], None]
# Who is asked by text as well when something urgent waits.
TEXTED = (Role.SAFEGUARDING_LEAD, Role.ACCOUNTABLE_OFFICER)
OUTCOME = {
    "outcome": "stays_as_member",
    "goals_met": "yes",
    "what_next": "They come back each week as a member.",
    "summary": "Came to ten of twelve sessions and has joined as a member.",
}


@dataclass
class Story:
    """The store being filled, and where everybody is."""

    store: Store
    now: datetime
    sweep: Sweep
    progress: Progress = lambda done, total: None
    system_id: str = ""
    place: dict[str, str] = field(default_factory=dict)
    org: dict[str, str] = field(default_factory=dict)
    actor: dict[str, Actor] = field(default_factory=dict)
    provider: dict[str, str] = field(default_factory=dict)
    activity: dict[str, str] = field(default_factory=dict)
    group: dict[str, str] = field(default_factory=dict)
    person: dict[str, str] = field(default_factory=dict)
    referral: dict[str, str] = field(default_factory=dict)
    events: list[tuple[datetime, int, Callable[[datetime], None]]] = field(default_factory=list)

    # -- telling --------------------------------------------------------------------------------

    def ago(self, days: int, hour: int = 10, minute: int = 0) -> datetime:
        """A moment so many working days ago, at an hour of the London day."""
        day = back(self.now, days, ENGLAND).astimezone(LONDON)
        return day.replace(hour=hour, minute=minute, second=0, microsecond=0)

    def on(self, days: int, what: Callable[[datetime], None], hour: int = 10) -> None:
        """Plan something for so many working days ago."""
        when = min(self.ago(days, hour, len(self.events) % 50), self.now)
        self.events.append((when, len(self.events), what))

    def tell(self) -> None:
        """Do all that was planned, in order of time, with the sweep each morning between."""
        self.events.sort(key=lambda e: (e[0], e[1]))
        swept = self.events[0][0]
        for number, (when, _, what) in enumerate(self.events):
            while swept + timedelta(days=1) <= when:
                swept += timedelta(days=1)
                self.sweep(swept)
            what(when)
            self.progress(number + 1, len(self.events))
        while swept < self.now:
            swept = min(swept + timedelta(days=1), self.now)
            self.sweep(swept)

    def move(self, days: int, who: str, name: str, trigger: str, **given: Any) -> None:
        """Plan a move on somebody's referral."""

        def what(at: datetime) -> None:
            actor = self.actor[who]
            with self.store.begin(actor) as tx:
                step(tx, Noun.REFERRAL, self.referral[name], trigger, actor, at, given)

        self.on(days, what)

    # -- the stage ------------------------------------------------------------------------------

    def set_the_stage(self, password_hash: str) -> None:
        """The system, its places, organisations, accounts, providers and activities."""
        at = self.ago(130)
        with self.store.begin(door=Door.WHOLE) as tx:
            made = setup_system(tx, cast.SYSTEM, at)
            self.system_id = made["system_id"]
            self.place["root"], self.org["board"] = made["place_id"], made["organisation_id"]
            system = the_system(self.system_id, "demo")
            for name in cast.PLACES:
                self.place[name] = add_place(
                    tx,
                    system,
                    at,
                    name=name,
                    kind="place",
                    parent_id=self.place["root"],
                    safeguarding_phone="01632 960100",
                    out_of_hours_phone="01632 960199",
                    outside_contact="County duty desk, 01632 960199",
                )
            for key, name, kind, place in cast.ORGANISATIONS:
                self.org[key] = add_organisation(
                    tx,
                    system,
                    at,
                    name=name,
                    kind=kind,
                    place_id=self.place[place],
                    phone=f"01632 9602{len(self.org):02d}",
                )
            for member in cast.MEMBERS:
                self._member(tx, system, member, password_hash, at)
            for org, key, tier, name, what, when, where, places in cast.ACTIVITIES:
                self.provider[org] = add_provider(
                    tx, system, at, organisation_id=self.org[org], tier=tier
                )
                self.activity[key] = save_activity(
                    tx,
                    system,
                    at,
                    provider_id=self.provider[org],
                    values={
                        "name": name,
                        "description": what,
                        "when_words": when,
                        "location": where,
                        "postcode": cast.POSTCODES.get(key),
                        "cost_words": "Free",
                        "getting_there": cast.GETTING_THERE.get(key),
                        "safety_questions": list(cast.ASKS.get(key, ())),
                        "confirmed_at": at,
                    },
                )
                self.group[key] = save_group(
                    tx,
                    system,
                    at,
                    activity_id=self.activity[key],
                    values={"name": "This term", "capacity": places},
                )

    def _member(
        self, tx: Tx, system: Actor, member: cast.Member, password_hash: str, at: datetime
    ) -> None:
        user = add_user(
            tx,
            system,
            at,
            name=member.name,
            email=f"{member.key}@saltmere.example",
            phone=f"+447700900{800 + len(self.actor)}" if member.role in TEXTED else None,
            password_hash=password_hash,
        )
        membership = add_membership(
            tx,
            system,
            at,
            user_id=user,
            organisation_id=self.org[member.organisation],
            role=member.role,
            place_id=self.place[member.place] if member.place else None,
        )
        actor = actor_of(tx, membership, at)
        if actor is None:
            raise RuntimeError("a member that was just added is not there")
        self.actor[member.key] = actor

    def assure(self, org: str, leader: str, days: int, decision: str | None = "assure") -> None:
        """A provider applies, hands in evidence, is looked at, and a decision is made."""
        made: dict[str, str] = {}

        def apply(at: datetime) -> None:
            actor = self.actor[leader]
            with self.store.begin(actor) as tx:
                given = {"provider_id": self.provider[org]}
                made["id"] = step(tx, Noun.ASSURANCE, None, "apply", actor, at, given).id

        def look(at: datetime) -> None:
            actor = self.actor["grace"]
            with self.store.begin(actor) as tx:
                step(tx, Noun.ASSURANCE, made["id"], "review", actor, at)
                for number, kind in enumerate(
                    (
                        "public_liability",
                        "safeguarding_policy",
                        "safeguarding_training",
                        "dbs",
                        "risk_assessment",
                    )
                ):
                    add_evidence(
                        tx,
                        actor,
                        at,
                        provider_id=self.provider[org],
                        kind=kind,
                        from_at=at - timedelta(days=30 * (number + 1)),
                        until=at + timedelta(days=300 + 40 * number),
                    )

        def decide(at: datetime) -> None:
            actor = self.actor["grace"]
            with self.store.begin(actor) as tx:
                given: dict[str, Any] = {}
                if decision == "condition":
                    given = {
                        "conditions_until": self.now + timedelta(days=45),
                        "conditional_activities": [
                            self.activity[k] for k, o in cast.PROVIDER_OF.items() if o == org
                        ],
                        "note": "A second leader is to be there at each session.",
                    }
                step(tx, Noun.ASSURANCE, made["id"], str(decision), actor, at, given)

        self.on(days, apply)
        if decision is not None:
            self.on(days - 4, look)
            self.on(days - 6, decide)

    def agree(
        self, days: int, title: str, parties: tuple[str, ...], signers: tuple[str, ...]
    ) -> None:
        """An agreement is drafted and signed by some or all of its parties."""
        made: dict[str, str] = {}

        def draft(at: datetime) -> None:
            actor = self.actor["grace"]
            with self.store.begin(actor) as tx:
                made["id"] = step(
                    tx,
                    Noun.AGREEMENT,
                    None,
                    "draft",
                    actor,
                    at,
                    {
                        "title": title,
                        "purposes": ["share_with_provider"],
                        "lawful_basis": "public_task",
                        "fields": ["everything_listed"],
                        "parties": [self.org[p] for p in parties],
                        "review_at": self.now + timedelta(days=200),
                    },
                ).id

        self.on(days, draft)
        for number, who in enumerate(signers):

            def sign(at: datetime, who: str = who) -> None:
                actor = self.actor[who]
                with self.store.begin(actor) as tx:
                    step(tx, Noun.AGREEMENT, made["id"], "sign", actor, at)

            self.on(days - 1 - number, sign)

    # -- people and their referrals -------------------------------------------------------------

    def add_people(self, days: int) -> None:
        """The people, each with the team that holds them."""
        teams = {"Sylvia": "olu", "Arthur": "olu", "Mei": "bron", "Gordon": "bron"}
        for number, (given, family, born, _) in enumerate(cast.PEOPLE):

            def what(
                at: datetime,
                number: int = number,
                given: str = given,
                family: str = family,
                born: Any = born,
            ) -> None:
                actor = self.actor[teams.get(given, "priya" if number % 3 else "sam")]
                with self.store.begin(actor) as tx:
                    self.person[given] = add_person(
                        tx,
                        actor,
                        at,
                        {
                            "given_name": given,
                            "family_name": family,
                            "birth_date": born,
                            "nhs_number": cast.test_number(number),
                            "practice": actor.organisation_name,
                            "phone": f"07700 900{100 + number}",
                            "postcode": cast.HOMES[number % len(cast.HOMES)],
                            "contact_method": "text" if number % 3 == 1 else "phone",
                            "message_safe": number % 4 != 0,
                            "access_needs": "Hearing aid in the left ear."
                            if number % 5 == 0
                            else None,
                            "emergency_contact": "A neighbour, 01632 960150",
                            **cast.REACHED.get(given, {}),
                        },
                    )["id"]

            self.on(days, what, hour=9)

    def team(self, name: str) -> str:
        """The link worker who holds this person."""
        if name in [p[0] for p in cast.OF_A_SEASON]:
            return "olu"
        number = [p[0] for p in cast.PEOPLE].index(name)
        return {"Sylvia": "olu", "Arthur": "olu", "Mei": "bron", "Gordon": "bron"}.get(
            name, "priya" if number % 3 else "sam"
        )

    def begin(
        self,
        days: int,
        name: str,
        activity: str,
        *,
        risks: str | None = "none",
        consent: bool | None = True,
        send: bool = True,
        until: int | None = None,
        **values: Any,
    ) -> None:
        """A referral is written, consent asked, and it is sent."""
        who = self.team(name)
        matters = next((p[3] for p in cast.PEOPLE if p[0] == name), "Company, and something to do.")

        def draft(at: datetime) -> None:
            actor = self.actor[who]
            number = len(self.referral)
            asked = cast.ASKS.get(activity, ())
            told = json.dumps(dict.fromkeys(asked, ("No", "Yes, now and then")[number % 3 == 1]))
            with self.store.begin(actor) as tx:
                plan = save_plan(
                    tx,
                    actor,
                    at,
                    self.person[name],
                    {
                        "what_matters": matters,
                        "needs": [cast.NEEDS[number % 5], cast.NEEDS[(number + 2) % 5]],
                        "goals": ["Go three weeks running"],
                        "access": "Close to a bus stop" if number % 2 else None,
                    },
                )
                self.referral[name] = begin_referral(
                    tx,
                    actor,
                    at,
                    person_id=self.person[name],
                    group_id=self.group[activity],
                    values={
                        "risks": risks,
                        "plan_id": plan,
                        "safety_answers": told if asked else None,
                        **values,
                    },
                ).id
                if consent is not None:
                    answer: dict[str, Any] = {"basis": "agreement", "how": "in_person"}
                    if until is not None:
                        answer["until"] = self.now + timedelta(days=until)
                    for purpose, recipient in (
                        (Purpose.SHARE_WITH_PROVIDER, self.provider[cast.PROVIDER_OF[activity]]),
                        (Purpose.TELL_PRACTICE, "practice"),
                    ):
                        record_consent(
                            tx,
                            actor,
                            at,
                            person_id=self.person[name],
                            purpose=purpose,
                            recipient=recipient,
                            agreed=consent,
                            answer=answer,
                        )

        self.on(days, draft)
        if send and consent:

            def sending(at: datetime) -> None:
                actor = self.actor[who]
                with self.store.begin(actor) as tx:
                    send_referral(tx, actor, at, self.referral[name])

            self.on(days, sending, hour=11)

    def still_right(self, days: int, activity: str) -> None:
        """The leader says that the listing is right."""
        actor, provider = self.actor[cast.LEADER[activity]], cast.PROVIDER_OF[activity]

        def confirm(at: datetime) -> None:
            with self.store.begin(actor) as tx:
                save_activity(
                    tx,
                    actor,
                    at,
                    provider_id=self.provider[provider],
                    values={"confirmed_at": at},
                    activity_id=self.activity[activity],
                )

        self.on(days, confirm)

    def pause(self, days: int, activity: str, ahead: int) -> None:
        """Nobody new, until so many days from now."""
        actor, provider = self.actor[cast.LEADER[activity]], cast.PROVIDER_OF[activity]

        def stop(at: datetime) -> None:
            with self.store.begin(actor) as tx:
                pause_activity(
                    tx,
                    actor,
                    at,
                    provider_id=self.provider[provider],
                    activity_id=self.activity[activity],
                    until=local_day(self.now) + timedelta(days=ahead),
                )

        self.on(days, stop)

    def taking_part(self, days: int, name: str, activity: str, came: tuple[int, ...] = ()) -> None:
        """Accepted, rung, started, and came on these days."""
        leader = cast.LEADER[activity]
        self.move(days, leader, name, "accept")
        self.move(days - 2, leader, name, "contact")
        self.move(days - 6, leader, name, "start")
        for ago in came:
            self.said(ago, name, activity, "came")

    def said(self, days: int, name: str, activity: str, came: str, why: str | None = None) -> None:
        """What was said of the newest session then."""

        def what(at: datetime) -> None:
            actor, meets = self.actor[cast.LEADER[activity]], cast.MEETS[activity]
            day = local_day(at)
            while day.weekday() not in meets:
                day -= timedelta(days=1)
            with self.store.begin(actor) as tx:
                record_attendance(tx, actor, at, self.referral[name], day=day, came=came, why=why)

        self.on(days, what, hour=16)


def newest_consent(tx: Tx, person_id: str, recipient: str) -> str:
    """The id of the person's newest consent for this recipient."""
    row = tx.row(
        Sql(
            "SELECT id FROM consent WHERE person_id = :person AND recipient = :recipient"
            " ORDER BY asked_at DESC LIMIT 1"
        ),
        person=person_id,
        recipient=recipient,
    )
    if row is None:
        raise LookupError("there is no such consent")
    return str(row[0])
