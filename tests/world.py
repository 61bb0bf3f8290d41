"""A small fictional world, made by the product's own commands, for tests to act in.

One system, Saltmarsh, with two places: Harbour (Ash Lane practice, Riverside Singers, Clay Table)
and Fen (Fenside practice). Everybody in it is invented."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from referral.actors import Actor, the_system
from referral.members import actor_of
from referral.states import Noun, Purpose, Role
from referral.store import Store, TryAgain, Tx
from tests.databases import already
from workflows.activities import add_provider, save_activity, save_group
from workflows.capacity import assess_capacity
from workflows.consent import record_consent
from workflows.engine import Done, step
from workflows.equality import record_answer
from workflows.evidence import add_evidence
from workflows.organisations import (
    add_membership,
    add_organisation,
    add_place,
    add_user,
    setup_system,
)
from workflows.people import add_person, save_plan
from workflows.referrals import begin_referral, send_referral
from workflows.rights import receive_request
from workflows.working_time import local_day

T = TypeVar("T")
# A Tuesday morning in a week without bank holidays.
START = datetime(2026, 5, 12, 9, 0, tzinfo=UTC)
NHS = ("9990000018", "9990000026", "9990000034", "9990000042", "9990000050", "9990000069")


@dataclass
class World:
    """Who and what there is; `at` is the time of the next command."""

    store: Store
    system_id: str = ""
    at: datetime = START
    place: dict[str, str] = field(default_factory=dict)
    org: dict[str, str] = field(default_factory=dict)
    actor: dict[str, Actor] = field(default_factory=dict)
    provider: dict[str, str] = field(default_factory=dict)
    activity: dict[str, str] = field(default_factory=dict)
    group: dict[str, str] = field(default_factory=dict)
    people: int = 0

    @property
    def system(self) -> Actor:
        return the_system(self.system_id, "test")

    def later(self, **span: float) -> datetime:
        """Wind the time of the next command on."""
        self.at += timedelta(**span)
        return self.at

    def made(self, actor: Actor, command: Callable[[Tx], T]) -> T:
        """What a command comes to in a transaction of its own; made once more where the reference
        it drew was taken, as the edge would."""
        try:
            with self.store.begin(actor) as tx:
                return command(tx)
        except TryAgain as again:
            if "reference" not in str(again):
                raise
        with self.store.begin(actor) as tx:
            return command(tx)

    def step(
        self, noun: Noun, record: str | None, trigger: str, who: str | Actor, **more: Any
    ) -> Done:
        """One step in a transaction of its own, by a named member of the world."""
        actor = self.actor[who] if isinstance(who, str) else who
        given, at = more.pop("given", {}), more.pop("at", self.at)
        return self.made(
            actor, lambda tx: step(tx, noun, record, trigger, actor, at, given, **more)
        )

    def referral(self, record: str, trigger: str, who: str | Actor, **more: Any) -> Done:
        """A step on a referral."""
        return self.step(Noun.REFERRAL, record, trigger, who, **more)

    def person(self, who: str = "priya", **values: Any) -> str:
        """A person of the member's organisation, identified."""
        self.people += 1
        known = {
            "given_name": "Margaret",
            "family_name": f"Okoro{self.people}",
            "birth_date": date(1951, 3, 15),
            "practice": "Ash Lane practice",
            "no_nhs_number": "not_known",
            "phone": "07700 900982",
            **values,
        }
        actor = self.actor[who]
        return self.made(
            actor, lambda tx: str(add_person(tx, actor, self.at, known, unfinished=True)["id"])
        )

    def consent(
        self,
        person: str,
        provider: str = "singers",
        who: str = "priya",
        agreed: bool = True,
        purpose: Purpose = Purpose.SHARE_WITH_PROVIDER,
        **answer: Any,
    ) -> Done:
        """The person's answer for sharing with one provider."""
        actor = self.actor[who]
        recipient = self.provider.get(provider, provider)
        with self.store.begin(actor) as tx:
            return record_consent(
                tx,
                actor,
                self.at,
                person_id=person,
                purpose=purpose,
                recipient=recipient,
                agreed=agreed,
                answer={"basis": "agreement", "how": "in_person", **answer},
            )

    def override(
        self,
        person: str,
        provider: str = "singers",
        who: str = "priya",
        by: str | None = "gwen",
        **values: Any,
    ) -> str:
        """Sharing without consent, proposed by one and approved by another (by nobody: None)."""
        given = {**SHARING, "person_id": person, "recipient": self.provider[provider], **values}
        made = self.step(Noun.OVERRIDE, None, "propose", who, given=given).id
        if by is not None:
            self.step(Noun.OVERRIDE, made, "approve", by)
        return made

    def rights(self, person: str, kind: str = "access", who: str = "priya", **values: Any) -> str:
        """A request of this person about their own data, taken by phone."""
        said = {"kind": kind, "asked_for": "All you hold.", "how": "phone", **values}
        actor = self.actor[who]
        with self.store.begin(actor) as tx:
            given = {"received_on": self.at.date(), **said}
            return receive_request(tx, actor, self.at, person_id=person, values=given).id

    def emergency(self, person: str, who: str = "olu", **values: Any) -> str:
        """Somebody from another team has the person's record open."""
        given = {"person_id": person, "reason": "danger_now", "why": "He rang.", **values}
        return self.step(Noun.EMERGENCY, None, "open", who, given=given).id

    def assessment(self, person: str, who: str = "priya", able: bool = False, **values: Any) -> str:
        """An assessment of the person's capacity: unable to weigh it up, unless `able`."""
        said = {**ASSESSED, "weighs": able, "review_on": self.at.date() + timedelta(days=90)}
        with self.store.begin(self.actor[who]) as tx:
            return assess_capacity(tx, self.actor[who], self.at, person, {**said, **values}).id

    def said_of_equality(self, person: str, who: str = "priya", **values: str) -> str:
        """What somebody said of their ethnic group and of disability."""
        actor = self.actor[who]
        said = {"said_on": local_day(self.at), "said_how": "phone", "ethnic_group": "A0"}
        with self.store.begin(actor) as tx:
            return record_answer(
                tx, actor, self.at, person_id=person, values={**said, "disability": "N0", **values}
            )

    def consented(self, provider: str = "singers") -> str:
        """A person who agreed to sharing with this provider."""
        person = self.person()
        self.consent(person, provider)
        return person

    def draft(
        self,
        person: str | None = None,
        activity: str = "choir",
        who: str = "priya",
        **values: Any,
    ) -> str:
        """A draft with its risks stated."""
        person = person or self.person(who)
        actor = self.actor[who]
        plan = {"what_matters": "Singing again", "needs": ["company"]}

        def begin(tx: Tx) -> str:
            return begin_referral(
                tx,
                actor,
                self.at,
                person_id=person,
                group_id=self.group[activity],
                values={
                    "risks": "none",
                    "plan_id": save_plan(tx, actor, self.at, person, plan),
                    **values,
                },
            ).id

        return self.made(actor, begin)

    def sent(self, person: str | None = None, activity: str = "choir", **values: Any) -> str:
        """A referral that has been sent, with consent."""
        person = person or self.person()
        provider = {"choir": "singers", "pottery": "clay"}[activity]
        draft = self.draft(person, activity, **values)
        self.consent(person, provider)
        with self.store.begin(self.actor["priya"]) as tx:
            send_referral(tx, self.actor["priya"], self.at, draft)
        return draft

    def accepted(self, person: str | None = None, activity: str = "choir") -> str:
        record = self.sent(person, activity)
        self.referral(record, "accept", {"choir": "sol", "pottery": "kit"}[activity])
        return record

    def active(self, person: str | None = None, activity: str = "choir") -> str:
        record = self.accepted(person, activity)
        self.referral(record, "start", {"choir": "sol", "pottery": "kit"}[activity])
        return record

    def completed(self, person: str | None = None, activity: str = "choir") -> str:
        record = self.active(person, activity)
        self.referral(
            record, "complete", {"choir": "sol", "pottery": "kit"}[activity], given=OUTCOME
        )
        return record


ASSESSED = {
    "decision": "Whether the choir is told how to reach her.",
    "assessor": "Dr Amin Shore",
    "help": "A quiet room, pictures, her daughter there, asked again in the morning.",
    "understands": True,
    "retains": True,
    "communicates": True,
    "cause": "Her dementia: she can't set one thing against another.",
    "interests": "She sang all her life, and asks for it each week.",
    "consulted": "Her daughter.",
}
SHARING = {
    "ground": "vital_interests",
    "necessity": "She was unwell last week, and nobody there knows whom to ring.",
    "proportionality": "Her name and whom to ring, and nothing else.",
    "fields": ["name", "emergency_contact"],
    "person_told": True,
    "danger": False,
}
OUTCOME = {
    "outcome": "finished",
    "goals_met": "yes",
    "what_next": "stays",
    "summary": "Came to every session.",
}
MEMBERS: tuple[tuple[str, str, str, Role, str | None], ...] = (
    ("priya", "Priya Shah", "ash", Role.LINK_WORKER, None),
    ("sam", "Sam Okafor", "ash", Role.LINK_WORKER, None),
    ("tess", "Tess Lead", "ash", Role.TEAM_LEAD, None),
    ("gwen", "Gwen Safe", "ash", Role.SAFEGUARDING_LEAD, None),
    ("olu", "Olu Fen", "fenside", Role.LINK_WORKER, None),
    ("tom", "Tom Fen", "fenside", Role.TEAM_LEAD, None),
    ("sol", "Sol Rivers", "singers", Role.PROVIDER_LEADER, None),
    ("rae", "Rae Rivers", "singers", Role.PROVIDER_LEADER, None),
    ("kit", "Kit Clay", "clay", Role.PROVIDER_LEADER, None),
    ("grace", "Grace Harbour", "harbour_board", Role.GOVERNANCE_LEAD, "harbour"),
    ("paul", "Paul Harbour", "harbour_board", Role.SAFEGUARDING_LEAD, "harbour"),
    ("fred", "Fred Fen", "fen_board", Role.GOVERNANCE_LEAD, "fen"),
    ("gail", "Gail System", "board", Role.GOVERNANCE_LEAD, "root"),
    ("seth", "Seth System", "board", Role.SAFEGUARDING_LEAD, "root"),
    ("ingrid", "Ingrid Info", "board", Role.INFORMATION_GOVERNANCE_LEAD, "root"),
    ("amara", "Amara Chief", "board", Role.ACCOUNTABLE_OFFICER, "root"),
    ("ada", "Ada Admin", "board", Role.ADMINISTRATOR, "root"),
    ("art", "Art Audit", "board", Role.AUDITOR, "root"),
    ("cora", "Cora Count", "board", Role.COMMISSIONER, "root"),
)


def build(store: Store, at: datetime = START) -> World:
    """The world before its first referral: providers assured, agreements in force."""
    world = already(store, "world", _made) if at == START else None
    return world or _made(store, at)


def _made(store: Store, at: datetime = START) -> World:
    return another(store, "Saltmarsh", "example.org", at)


def another(store: Store, name: str, mail: str, at: datetime = START) -> World:
    """The same world in a system of this name, beside whatever is there; its people have their
    mail there."""
    w = World(store, at=at)
    early = at - timedelta(days=60)
    with store.begin() as tx:
        made = setup_system(tx, name, early)
        w.system_id = made["system_id"]
        w.place["root"], w.org["board"] = made["place_id"], made["organisation_id"]
        s = w.system
        for area in ("harbour", "fen"):
            w.place[area] = add_place(
                tx,
                s,
                early,
                name=area.title(),
                kind="place",
                parent_id=w.place["root"],
                safeguarding_phone="01632 960100",
                out_of_hours_phone="01632 960199",
                outside_contact="County council duty desk, 01632 960199",
            )
        for key, title, kind, place in (
            ("ash", "Ash Lane practice", "practice", "harbour"),
            ("fenside", "Fenside practice", "practice", "fen"),
            ("singers", "Riverside Singers", "provider", "harbour"),
            ("clay", "Clay Table", "provider", "harbour"),
            ("harbour_board", "Harbour partnership", "board", "harbour"),
            ("fen_board", "Fen partnership", "board", "fen"),
        ):
            w.org[key] = add_organisation(
                tx, s, early, name=title, kind=kind, place_id=w.place[place], phone="01632 960123"
            )
        for key, called, org, role, over in MEMBERS:
            user = add_user(tx, s, early, name=called, email=f"{key}@{mail}")
            member = add_membership(
                tx,
                s,
                early,
                user_id=user,
                organisation_id=w.org[org],
                role=role,
                place_id=w.place[over] if over else None,
            )
            actor = actor_of(tx, member, early)
            assert actor is not None
            w.actor[key] = actor
        for key, activity, offered in (
            ("singers", "choir", "Singing for breathing"),
            ("clay", "pottery", "The pottery table"),
        ):
            w.provider[key] = add_provider(tx, s, early, organisation_id=w.org[key])
            w.activity[activity] = save_activity(
                tx, s, early, provider_id=w.provider[key], values={"name": offered}
            )
            w.group[activity] = save_group(
                tx,
                s,
                early,
                activity_id=w.activity[activity],
                values={"name": "Thursdays", "capacity": 8},
            )
        for key, leader in (("singers", "sol"), ("clay", "kit")):
            assure(tx, w, key, leader, early)
        agree(tx, w, early)
    w.at = at
    return w


def assure(tx: Tx, w: World, key: str, leader: str, at: datetime, keeper: str = "grace") -> str:
    """Apply, review, add every item of evidence, assure."""
    applied = step(
        tx,
        Noun.ASSURANCE,
        None,
        "apply",
        w.actor[leader],
        at,
        {"provider_id": w.provider[key]},
    )
    step(tx, Noun.ASSURANCE, applied.id, "review", w.actor[keeper], at)
    for kind in (
        "public_liability",
        "safeguarding_policy",
        "safeguarding_training",
        "dbs",
        "risk_assessment",
    ):
        add_evidence(
            tx,
            w.actor[keeper],
            at,
            provider_id=w.provider[key],
            kind=kind,
            from_at=at,
            until=at + timedelta(days=400),
        )
    step(tx, Noun.ASSURANCE, applied.id, "assure", w.actor[keeper], at)
    return applied.id


def agree(tx: Tx, w: World, at: datetime) -> str:
    """One agreement between the practice and both providers, signed by each."""
    drafted = step(
        tx,
        Noun.AGREEMENT,
        None,
        "draft",
        w.actor["grace"],
        at,
        {
            "title": "Sharing for creative health",
            "purposes": ["share_with_provider"],
            "lawful_basis": "public_task",
            "fields": ["everything_listed"],
            "parties": [w.org["ash"], w.org["singers"], w.org["clay"]],
            "review_at": at + timedelta(days=365),
        },
    )
    for who in ("tess", "sol", "kit"):
        step(tx, Noun.AGREEMENT, drafted.id, "sign", w.actor[who], at)
    return drafted.id
