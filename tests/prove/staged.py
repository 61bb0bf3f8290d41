"""A picture of the explorer put up in the store, and the real command asked the same there.

The rows are laid down as the picture has them, not walked to: each combination of guards' answers
is met somewhere deep in a slice, and the way there would be the same few moves over and over
(`tests/prove/real.py` walks some of them). What is asked then is the program's own: its queries
for the facts, its command for the move, its states and clocks afterwards. All of it is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Integer

from referral import facts
from referral.actors import Actor
from referral.ids import new_id, new_reference
from referral.members import actor_of
from referral.models import Base
from referral.rows import put
from referral.states import TAKING_PART, Noun, Purpose, Role
from referral.store import Sql, Store, Tx
from tests.world import World
from workflows.activities import add_provider, save_activity, save_group
from workflows.engine import TABLES, Refused, decide, options, step
from workflows.organisations import add_membership, add_user
from workflows.people import add_person
from workflows.prove import acting, world
from workflows.prove.acting import Trial
from workflows.prove.exploring import BEGIN, Met, Slice, Where
from workflows.prove.world import AT, CAST, SHARING, State, records

LONG = acting.LONG
EVIDENCE = (
    "public_liability",
    "safeguarding_policy",
    "safeguarding_training",
    "dbs",
    "risk_assessment",
)


class Unlike(AssertionError):
    """The picture and the store say different things."""


class Undo(Exception):
    """Ends a staging: whatever was written goes."""


def people_of_the_picture(w: World) -> None:
    """The members of the picture that the tests' world lacks, and a practice that is a provider."""
    with w.store.begin() as tx:
        tara = add_user(tx, w.system, w.at, name="Tara Lead", email="tara@example.org")
        for key, user, org, role, place in (
            ("tara", tara, "ash", Role.TEAM_LEAD, None),
            (
                "paul in another role",
                w.actor["paul"].user_id,
                "harbour_board",
                Role.GOVERNANCE_LEAD,
                "harbour",
            ),
        ):
            member = add_membership(
                tx,
                w.system,
                w.at,
                user_id=user,
                organisation_id=w.org[org],
                role=role,
                place_id=w.place[place] if place else None,
            )
            actor = actor_of(tx, member, w.at)
            assert actor is not None
            w.actor[key] = actor
        w.provider["ash"] = add_provider(tx, w.system, w.at, organisation_id=w.org["ash"])
        w.activity["walks"] = save_activity(
            tx, w.system, w.at, provider_id=w.provider["ash"], values={"name": "Walks"}
        )
        w.group["walks"] = save_group(
            tx,
            w.system,
            w.at,
            activity_id=w.activity["walks"],
            values={"name": "Mondays", "capacity": 8},
        )
        tx.run(Sql("UPDATE activity_group SET capacity = :ample"), ample=AMPLE)


# What the time for which somebody's record is kept is counted from.
DATED = ("referral", "consent", "concern", "escalation")
PEOPLE = ("margaret", "ben")
AMPLE = 500  # more places than any slice has people
ACTIVITY = {"singers": "choir", "clay": "pottery", "ash": "walks"}


class Came(NamedTuple):
    """What a move came to: the codes that refuse it, or the state of each record afterwards, by
    noun and slot, with its running clocks; and how many alarms are new."""

    codes: tuple[str, ...]
    states: Mapping[tuple[Noun, int], str]
    clocks: Mapping[tuple[Noun, int], frozenset[tuple[str, str]]]
    raised: int


class Put(dict[str, str]):
    """The ids of people, each laid down when first spoken of."""

    def __init__(self, put: Callable[[str], str]) -> None:
        self.put = put

    def __missing__(self, name: str) -> str:
        self[name] = self.put(name)
        return self[name]


class Stage:
    """One state of the product, laid down in a transaction."""

    def __init__(self, w: World, tx: Tx, s: State) -> None:
        self.w, self.tx, self.s, self.at = w, tx, s, w.at
        self.ids: dict[tuple[Noun, int], str] = {}
        self.person = Put(self._person)
        self.consequence = ""
        self.named: dict[str, str] = {}
        self._places()
        self._standards()
        self._agreements()
        for slot, r in enumerate(s.referrals):
            self._referral(slot, r)
        for slot, c in enumerate(s.consents):
            self._consent(slot, c)
        for slot, o in enumerate(s.overrides):
            self._override(slot, o)
        for slot, k in enumerate(s.concerns):
            self._concern(slot, k)
        for hold in s.holds:
            self._hold(hold)
        for slot, y in enumerate(s.emergencies):
            self._emergency(slot, y)
        for slot, q in enumerate(s.requests):
            self._request(slot, q)
        for slot, e in enumerate(s.escalations):
            self._escalation(slot, e)
        for name in {q.person for q in s.requests if not q.kept_for_long}:
            self._long_ago(name)
        if s.away:
            self.tx.run(
                Sql("UPDATE membership SET away_from = :since WHERE id = :id"),
                since=self.at - timedelta(days=1),
                id=w.actor["priya"].membership_id,
            )

    @contextmanager
    def for_once(self) -> Iterator[None]:
        """Whatever is written within goes again, and the state stands as it was laid down."""
        ids, named, person = dict(self.ids), dict(self.named), dict(self.person)
        consequence, memo = self.consequence, dict(self.tx.memo)
        self.tx.control("SAVEPOINT laid_down")
        try:
            yield
        finally:
            self.tx.control("ROLLBACK TO laid_down")
            self.ids, self.named, self.consequence, self.tx.memo = ids, named, consequence, memo
            self.person.clear()
            self.person.update(person)

    # -- names ----------------------------------------------------------------------------------

    def actor(self, name: str) -> Actor:
        if name in PEOPLE:
            return Actor(Role.PERSON, self.w.system_id, person_id=self.person[name])
        return self.w.system if name == "system" else self.w.actor[name]

    def key(self, key: str) -> str:
        """An owner key with real ids."""
        kind, _, where = key.partition("@")
        if not where:
            return f"member@{self.w.actor['priya'].membership_id}"
        if kind == "person":
            return f"person@{self.person[where]}"
        if kind == "member":
            name = "paul in another role" if where == "paul too" else where
            return f"member@{self.w.actor[name].membership_id}"
        return f"{kind}@{self.w.org.get(where) or self.w.place[where]}"

    def recipient(self, name: str) -> str:
        return self.w.provider.get(name, name)

    def given(self, given: Mapping[str, Any], noun: Noun, slot: int) -> dict[str, Any]:
        """What is said with a move, with real ids."""
        said = dict(given)
        told: dict[str, Callable[[Any], Any]] = {
            "link_worker_id": lambda v: self.w.actor[v].membership_id,
            "holder": self.key,
            "asked": self.key,
            "hold_provider_id": lambda v: self.w.provider[v],
            "provider_id": lambda v: self.w.provider[v] if v else None,
            "person_id": lambda v: self.person[v] if v else None,
            "consequence_id": lambda v: self.consequence,
            "source_id": lambda v: self.named.get(v) or new_id(),
            "redirected_to": lambda v: self.ids.get((noun, slot)),
            "conditional_activities": lambda v: [self.w.activity[ACTIVITY[n]] for n in v],
            "consequences": lambda v: [
                {**one, "record_id": self.ids[Noun.REFERRAL, 0], "given": {"reason": "other"}}
                if self.s.referrals
                else {**one, "record_id": new_id()}
                for one in v
            ],
            "sources": lambda v: [
                {
                    n: i
                    if n == "words"
                    else self.w.org[i]
                    if n == "organisation_id"
                    else self.w.actor[i].user_id
                    for n, i in one.items()
                }
                for one in v
            ],
        }
        return {n: told[n](v) if n in told else v for n, v in said.items()}

    # -- rows -----------------------------------------------------------------------------------

    def row(self, table: str, **values: Any) -> str:
        """A row with these values, and the plainest of everything else that must be there."""
        made: dict[str, Any] = {}
        for column in Base.metadata.tables[table].columns:
            if column.name in values:
                made[column.name] = values[column.name]
            elif column.name == "id":
                if isinstance(column.type, Integer):
                    continue
                made["id"] = new_id(self.at)
            elif column.name == "system_id":
                made["system_id"] = self.w.system_id
            elif column.nullable:
                made[column.name] = None
            elif column.name == "reference":
                made["reference"] = new_reference()
            elif column.name in ("created_at", "since", "asked_at"):
                made[column.name] = self.at - timedelta(hours=1)
            elif isinstance(column.type, Boolean):
                made[column.name] = False
            elif isinstance(column.type, Integer):
                made[column.name] = 1 if column.name == "version" else 0
            else:
                made[column.name] = "-"
        put(self.tx, table, made)
        return str(made.get("id", ""))

    def clock(self, noun: Noun, record: str, kind: str, owner: str) -> None:
        self.row(
            "clock",
            noun=str(noun),
            record_id=record,
            kind=kind,
            owner=self.key(owner),
            started=self.at - timedelta(days=1),
            due=self.at + timedelta(days=30),
            period=5,
            look_at=self.at + timedelta(days=30),
        )

    def clocked(self, noun: Noun, slot: int, record: Any) -> None:
        """The clocks that run for a record."""
        clock = TABLES[noun].states[record.state].clock
        if record.owner and clock is not None:
            self.clock(noun, self.ids[noun, slot], clock.kind, record.owner)
        if noun is Noun.REFERRAL and record.long:
            self.clock(noun, self.ids[noun, slot], LONG, record.long)

    def _person(self, name: str) -> str:
        lacking = "identity" in self.s.lacking
        known = {
            "given_name": name.title(),
            "family_name": "Okoro",
            "birth_date": None if lacking else date(1951, 3, 15),
            "practice": None if lacking else "Ash Lane practice",
            "no_nhs_number": "not_known",
            "phone": "07700 900982",
        }
        made = str(add_person(self.tx, self.w.actor["priya"], self.at, known)["id"])
        if name in self.s.died:
            self.tx.run(
                Sql("UPDATE person SET died_on = :day WHERE id = :id"), day=self.at.date(), id=made
            )
        return made

    def _places(self) -> None:
        small = "place" in self.s.lacking
        for provider, activity in ACTIVITY.items():
            taken = sum(r.provider == provider and r.state in TAKING_PART for r in self.s.referrals)
            if small or taken:
                self.tx.run(
                    Sql(
                        "UPDATE activity_group SET capacity = :capacity, taken = :taken"
                        " WHERE id = :id"
                    ),
                    capacity=world.CAPACITY if small else AMPLE,
                    taken=taken,
                    id=self.w.group[activity],
                )
            if "activity" in self.s.lacking:
                self.tx.run(
                    Sql("UPDATE activity SET status = 'closed' WHERE id = :id"),
                    id=self.w.activity[activity],
                )

    def _standards(self) -> None:
        self.tx.run(Sql("DELETE FROM evidence"))
        self.tx.run(Sql("DELETE FROM assurance"))
        for slot, a in enumerate(self.s.assurances):
            activity = self.w.activity[ACTIVITY[a.provider]]
            self.ids[Noun.ASSURANCE, slot] = self.row(
                "assurance",
                organisation_id=self.w.org[a.provider],
                provider_id=self.w.provider[a.provider],
                state=a.state,
                conditional_activities=([activity] if a.within else [])
                if a.state == "conditional"
                else None,
                conditions_until=self.at + timedelta(minutes=-1 if a.past else 60 * 24 * 30)
                if a.state == "conditional" or a.past
                else None,
            )
            for kind in EVIDENCE:
                out = a.evidence != "complete" and kind == "risk_assessment"
                self.row(
                    "evidence",
                    provider_id=self.w.provider[a.provider],
                    kind=kind,
                    blocking=True,
                    from_at=self.at - timedelta(days=60),
                    until=self.at + timedelta(minutes=-1 if out else 60 * 24 * 300),
                    grace_until=self.at + timedelta(days=9)
                    if out and a.evidence == "grace"
                    else None,
                    recorded_at=self.at - timedelta(days=60),
                )
            self.clocked(Noun.ASSURANCE, slot, a)

    def _agreements(self) -> None:
        self.tx.run(Sql("DELETE FROM agreement_party"))
        self.tx.run(Sql("DELETE FROM agreement"))
        for slot, a in enumerate(self.s.agreements):
            made = self.ids[Noun.AGREEMENT, slot] = self.row(
                "agreement",
                organisation_id=self.w.org["harbour_board"],
                kind="sharing",
                title="Sharing",
                purposes=["share_with_provider"],
                lawful_basis="public_task",
                fields=["everything_listed"],
                state=a.state,
                review_at=self.at + timedelta(minutes=-1 if a.past else 60 * 24 * 300),
                replaces_id=self.ids.get((Noun.AGREEMENT, a.replaces)),
            )
            for party in sorted(a.parties):
                signed = party not in a.unsigned
                self.row(
                    "agreement_party",
                    agreement_id=made,
                    organisation_id=self.w.org[party],
                    signed_at=self.at - timedelta(days=9) if signed else None,
                    signed_by=self.w.actor["grace"].membership_id if signed else None,
                )
            self.clocked(Noun.AGREEMENT, slot, a)

    def _referral(self, slot: int, r: world.Referral) -> None:
        activity = ACTIVITY[r.provider]
        earlier = None
        base = {
            "organisation_id": self.w.org["ash"],
            "person_id": self.person[r.person],
            "provider_id": self.w.provider[r.provider],
            "activity_id": self.w.activity[activity],
            "group_id": self.w.group[activity],
            "link_worker_id": self.w.actor[r.worker].membership_id,
        }
        if r.redirected:
            earlier = self.row("referral", **base, state="redirected", sent_at=self.at)
        self.ids[Noun.REFERRAL, slot] = self.row(
            "referral",
            **base,
            state=r.state,
            risks=None if "risks" in self.s.lacking else "none",
            redirected_from=earlier,
            sent_at=self.at - timedelta(days=3) if r.sent else None,
            completed_at=self.at - timedelta(hours=1) if r.state == "completed" else None,
            paused_until=self.at.date() + timedelta(9) if r.state == "paused" else None,
        )
        self.clocked(Noun.REFERRAL, slot, r)

    def _consent(self, slot: int, c: world.Consent) -> None:
        answered = c.state != "asked"
        ago = timedelta(days=1) if c.last else timedelta(days=30 - slot)
        until = None
        if c.state in ("given", "expired"):
            past = c.ran_out or c.state == "expired"
            until = self.at + timedelta(minutes=-1 if past else 60 * 24 * 200)
        self.ids[Noun.CONSENT, slot] = self.row(
            "consent",
            organisation_id=self.w.org["ash"],
            person_id=self.person[c.person],
            link_worker_id=self.w.actor[c.worker].membership_id,
            purpose=str(c.purpose),
            recipient=self.recipient(c.recipient),
            state=c.state,
            asked_at=self.at - timedelta(days=40 - slot),
            answered_at=self.at - ago if answered else None,
            until=until,
            basis="agreement" if answered else None,
        )
        self.clocked(Noun.CONSENT, slot, c)

    def _override(self, slot: int, o: world.Override) -> None:
        decided = o.decided_by or ("gwen" if o.state in ("approved", "ended") else "")
        self.ids[Noun.OVERRIDE, slot] = self.row(
            "override",
            organisation_id=self.w.org["ash"],
            person_id=self.person[o.person],
            recipient=self.recipient(o.recipient),
            state=o.state,
            ground="vital_interests",
            fields=["name"],
            danger=o.danger,
            rung=o.rung,
            holder=self.key(o.holder),
            proposed_by=self.w.actor[o.proposer].membership_id,
            decided_by=self.w.actor[decided].membership_id if decided else None,
            until=self.at + timedelta(minutes=-1 if o.past else 60 * 24 * 5)
            if o.state == "approved"
            else None,
        )
        self.clocked(Noun.OVERRIDE, slot, o)

    def _concern(self, slot: int, c: world.Concern) -> None:
        organisation = self.w.org[world.team_of(c)]
        made = self.ids[Noun.CONCERN, slot] = self.row(
            "concern",
            organisation_id=organisation,
            person_id=self.person[c.person] if c.person else None,
            provider_id=self.w.provider[c.provider] if c.provider else None,
            state=c.state,
            rung=c.rung,
            holder=self.key(c.holder),
            danger=c.danger,
            raised_by=self.w.actor[c.raiser].membership_id if c.raiser else None,
            seen="words",
            acknowledged_by=self.w.actor[c.read_by].membership_id if c.read_by else None,
        )
        for name in sorted(c.sources):
            self.named[f"naming {name}"] = self.row(
                "concern_source",
                concern_id=made,
                user_id=None if name in self.w.org else self.w.actor[name].user_id,
                organisation_id=self.w.org.get(name),
            )
        if c.hold:
            self.row(
                "hold",
                organisation_id=organisation,
                cause="concern",
                concern_id=made,
                person_id=self.person[c.person] if c.person else None,
                provider_id=None if c.hold == "all" else self.w.provider[c.hold],
                owner=self.key(c.holder),
                started=self.at - timedelta(hours=1),
            )
        self.clocked(Noun.CONCERN, slot, c)

    def _hold(self, hold: world.Hold) -> None:
        self.row(
            "hold",
            organisation_id=self.w.org["ash"],
            cause="records" if hold.closed_to else "hospital",
            person_id=self.person[hold.person],
            closed_to=hold.closed_to or None,
            owner=self.key("team_lead@ash"),
            started=self.at - timedelta(hours=1),
            until=self.at + timedelta(days=10),
        )

    def _emergency(self, slot: int, y: world.Emergency) -> None:
        self.ids[Noun.EMERGENCY, slot] = self.row(
            "emergency",
            organisation_id=self.w.org["ash"],
            person_id=self.person[y.person],
            opened_by=self.w.actor[y.opener].membership_id,
            state=y.state,
            reason="danger_now",
            until=self.at + timedelta(minutes=-1 if y.past else 59),
        )
        self.clocked(Noun.EMERGENCY, slot, y)

    def _request(self, slot: int, q: world.Rights) -> None:
        self.ids[Noun.RIGHTS, slot] = self.row(
            "rights_request",
            organisation_id=self.w.org["ash"],
            person_id=self.person[q.person],
            kind=q.kind,
            how="phone" if q.taken_by else "own_page",
            received_on=self.at.date() - timedelta(days=50 if q.month_over else 0),
            taken_by=self.w.actor[q.taken_by].membership_id if q.taken_by else None,
            state=q.state,
            extended=q.extended,
            stopped_at=self.at if q.state == "asked" else None,
        )
        self.clocked(Noun.RIGHTS, slot, q)
        if world.is_erasure(q):
            erased = Sql("UPDATE person SET erased_at = :at WHERE id = :id")
            self.tx.run(erased, at=self.at, id=self.person[q.person])

    def _long_ago(self, name: str) -> None:
        """All there is about somebody is older than any record is kept."""
        then = self.at - timedelta(days=366 * 100)
        for table, column, whose in (
            ("person", "created_at", "id"),
            *((noun, "since", "person_id") for noun in DATED),
        ):
            self.tx.run(
                Sql(f"UPDATE {table} SET {column} = :then WHERE {whose} = :id"),
                then=then,
                id=self.person[name],
            )

    def _escalation(self, slot: int, e: world.Escalation) -> None:
        about_id = clock = None
        if e.about is not None:
            about_id = self.ids[Noun(e.about[0]), e.about[1]]
        if e.clock and about_id is not None and e.about is not None:
            clock = self._raising(Noun(e.about[0]), about_id, e)
        closed = {"": None, "just now": self.at, "long ago": self.at - timedelta(days=90)}
        member = self.w.actor.get(e.raised_by or "")
        reviewer = self.w.actor.get(e.reviewer)
        made = self.ids[Noun.ESCALATION, slot] = self.row(
            "escalation",
            organisation_id=self.w.org[e.organisation],
            kind=e.kind,
            severity=e.severity,
            about=str(e.about[0]) if e.about else None,
            about_id=about_id,
            person_id=self.person[e.person] if e.person else None,
            state=e.state,
            level=e.level,
            ceiling=e.ceiling,
            owner=self.key(e.reviewers),
            raiser=self.key(e.raiser),
            raised_by=member.membership_id if member else None,
            clock_id=clock,
            clock_period=1 if clock else None,
            reviewer_id=reviewer.membership_id if reviewer else None,
            asked=self.key(e.asked) if e.asked else None,
            unanswered=e.unanswered,
            decision="uphold" if e.state in ("decided", "closed") else None,
            told_at=self.at - timedelta(hours=1) if e.told else None,
            closed_at=closed[e.closed],
        )
        for position in range(e.unsettled):
            self.consequence = self.row(
                "consequence",
                escalation_id=made,
                position=position,
                noun="referral",
                record_id=about_id or new_id(),
                trigger="recall",
                given={"reason": "other"},
                state="pending",
            )
        self.clocked(Noun.ESCALATION, slot, e)

    def _raising(self, noun: Noun, record: str, e: world.Escalation) -> int:
        """The clock that raised it: the one that runs, or one that has ended."""
        running = Sql(
            "SELECT id FROM clock WHERE record_id = :id AND kind = :kind AND ended IS NULL"
        )
        row = self.tx.row(running, id=record, kind=e.clock) if e.clock_runs else None
        if row is not None:
            return int(row[0])
        self.clock(noun, record, e.clock, "member@priya")
        newest = self.tx.row(Sql("SELECT max(id) FROM clock WHERE record_id = :id"), id=record)
        assert newest is not None
        made = int(newest[0])
        self.tx.run(Sql("UPDATE clock SET ended = :at WHERE id = :id"), at=self.at, id=made)
        return made

    # -- reading --------------------------------------------------------------------------------

    def states(self) -> dict[tuple[Noun, int], str]:
        found = {}
        for (noun, slot), record in self.ids.items():
            row = self.tx.row(Sql(f"SELECT state FROM {noun} WHERE id = :id"), id=record)
            assert row is not None
            found[noun, slot] = str(row[0])
        return found

    def clocks(self) -> dict[tuple[Noun, int], frozenset[tuple[str, str]]]:
        running = Sql("SELECT kind, owner FROM clock WHERE record_id = :id AND ended IS NULL")
        return {
            place: frozenset((k, o) for k, o in self.tx.rows(running, id=record))
            for place, record in self.ids.items()
        }

    def alarms(self) -> int:
        row = self.tx.row(Sql("SELECT count(*) FROM escalation"))
        assert row is not None
        return int(row[0])


# -- asked of both --------------------------------------------------------------------------------


def pictured(stage: Stage, met: Met, where: Where, slice_: Slice) -> tuple[Came, str]:
    """What the move comes to in the picture, and whom it takes as a second person."""
    s, noun = where.state, met.noun
    if met.source == "-":
        return begun(stage, met, where, slice_), ""
    actor = CAST[where.who]
    x = world.SITUATION[noun](s, where.slot)
    f = world.FACTS[noun](x, actor)
    two = acting.takes_two(TABLES[noun].moves_from(met.trigger, met.source))
    refused: Refused | None = None
    for other in ("", *acting.SECONDS[1:]) if two else ("",):
        second = CAST[other] if other else None
        second_facts = world.FACTS[noun](x, second) if second else None
        try:
            d = decide(noun, f, met.trigger, actor, AT, where.given, None, second, second_facts)
        except Refused as why:
            refused = refused or why
            continue
        record = acting.record_after(noun, x.record, d.move, d.to, f, where.given)
        t = Trial(where.who, other, met.trigger, where.said, d.move, f, where.given, record)
        after, edge = acting.carry_out(s, noun, where.slot, t, slice_.bounds)
        return came(stage, after, edge, stage.ids), other
    assert refused is not None
    return Came(tuple(sorted(refused.codes)), {}, {}, 0), ""


def came(stage: Stage, after: State, edge: acting.Edge, places: Iterable[tuple[Noun, int]]) -> Came:
    """What the picture shows in these places after a step."""
    there = {(noun, slot): records(after, noun)[slot] for noun, slot in places}
    return Came(
        (),
        {place: str(record.state) for place, record in there.items()},
        {place: drawn_clocks(stage, place[0], record) for place, record in there.items()},
        len(edge.raised),
    )


def begun(stage: Stage, met: Met, where: Where, slice_: Slice) -> Came:
    """What beginning a new record comes to in the picture, which has room for it."""
    s, noun = where.state, met.noun
    new = len(records(s, noun))
    for who, f, blank, given, said in BEGIN[noun][1](s, slice_, where.slot):
        if (who, said) != (where.who, where.said):
            continue
        try:
            decide(noun, f, met.trigger, CAST[who], AT, given)
        except Refused as refused:
            return Came(tuple(sorted(refused.codes)), {}, {}, 0)
        done = acting.begun(s, noun, met.trigger, who, f, blank, given, said, new, slice_.bounds)
        assert done is not None
        drawn = came(stage, *done, [*stage.ids, (noun, new)])
        return drawn._replace(raised=drawn.raised + (noun is Noun.ESCALATION))
    raise LookupError(f"nobody begins {met} any more")


def drawn_clocks(stage: Stage, noun: Noun, record: Any) -> frozenset[tuple[str, str]]:
    """The running clocks of a record in the picture, under real owners."""
    found = set()
    clock = TABLES[noun].states[record.state].clock
    if record.owner and clock is not None:
        found.add((clock.kind, stage.key(record.owner)))
    if noun is Noun.REFERRAL and record.long:
        found.add((LONG, stage.key(record.long)))
    return frozenset(found)


def really(stage: Stage, met: Met, where: Where, second: str) -> Came:
    """What the same move comes to in the store, by the real command."""
    actor, at = stage.actor(where.who), stage.at
    given = stage.given(where.given, met.noun, where.slot)
    before = stage.alarms()
    record = None if met.source == "-" else stage.ids[met.noun, where.slot]
    if record is None:
        given |= beginning(stage, met, where)
    try:
        done = step(
            stage.tx,
            met.noun,
            record,
            met.trigger,
            actor,
            at,
            given,
            second=stage.actor(second) if second else None,
        )
    except Refused as refused:
        return Came(tuple(sorted(refused.codes)), {}, {}, 0)
    if record is None:
        stage.ids[met.noun, len(records(where.state, met.noun))] = done.id
    return Came((), stage.states(), stage.clocks(), stage.alarms() - before)


def beginning(stage: Stage, met: Met, where: Where) -> dict[str, Any]:
    """What a new record is begun with, beside what is said."""
    w, words = stage.w, where.said.split()
    person = next((stage.person[word] for word in words if word in PEOPLE), None)
    person = person or stage.person["margaret"]
    provider = next((word for word in words if word in w.provider), "singers")
    if met.noun is Noun.REFERRAL:
        return {
            "id": new_id(stage.at),
            "reference": new_reference(),
            "person_id": person,
            "group_id": w.group[ACTIVITY[provider]],
            "link_worker_id": w.actor[where.who].membership_id,
            "risks": "none",
        }
    if met.noun is Noun.CONSENT:
        purpose, _, recipient = where.said.partition(" with ")
        asked = {"person_id": person, "purpose": Purpose(purpose)}
        return {**asked, "recipient": stage.recipient(recipient)}
    if met.noun is Noun.OVERRIDE:
        return {"person_id": person, "recipient": w.provider[provider]}
    if met.noun is Noun.ASSURANCE:
        return {"provider_id": w.provider[provider]}
    if met.noun is Noun.AGREEMENT:
        return {
            "title": "Sharing",
            "purposes": ["share_with_provider"],
            "lawful_basis": "public_task",
            "fields": ["name"],
            "parties": [w.org["ash"], w.org["singers"]],
            "review_at": stage.at + timedelta(days=300),
        }
    if met.noun in (Noun.EMERGENCY, Noun.RIGHTS):
        return {"person_id": person}
    if met.noun is Noun.ESCALATION and where.given.get("about"):
        noun, slot = where.given["about"]
        return {"about": str(noun), "about_id": stage.ids[noun, slot], "level": 1}
    return {}


def answers(noun: Noun, f: Any, actor: Actor, at: datetime) -> dict[str, list[str]]:
    """Each move from here, and the names of what stands in its way."""
    return {o.trigger: sorted(r.code for r in o.refusals) for o in options(noun, f, actor, at)}


def held_against(stage: Stage, names: tuple[str, ...]) -> int:
    """Every record of the picture against the store's own facts of it: the hats of each of these
    actors, and what stands in the way of each move. How many were compared."""
    s, compared = stage.s, 0
    for noun, slot in stage.ids:
        table = TABLES[noun]
        for name in names:
            actor = stage.actor(name)
            real = facts.LOADERS[noun](stage.tx, stage.ids[noun, slot], actor, stage.at)
            drawn = world.facts_of(s, noun, slot, CAST[name])
            if real is None:
                raise Unlike(f"{noun} {slot} isn't there for {name}")
            hats = table.hats(real, actor), table.hats(drawn, CAST[name])
            if hats[0] != hats[1]:
                raise Unlike(f"{name} is {set(hats[0])} to {noun} {slot}, drawn {set(hats[1])}")
            if not hats[0]:
                continue
            one, two = answers(noun, real, actor, stage.at), answers(noun, drawn, CAST[name], AT)
            if one != two:
                unlike = {t: (one[t], two.get(t)) for t in one if one[t] != two.get(t)}
                raise Unlike(f"{name}, {noun} {slot}: {unlike}")
            compared += 1
    return compared


@contextmanager
def laid_down(store: Store, w: World, s: State) -> Iterator[Stage]:
    """A state in the store, until whoever asks has asked."""
    try:
        with store.begin(w.system) as tx:
            yield Stage(w, tx, s)
            raise Undo
    except Undo:
        pass


def take(
    store: Store,
    w: World,
    met: Mapping[Met, Where],
    slice_of: Callable[[str], Slice],
    names: tuple[str, ...] = (),
) -> tuple[int, int]:
    """Each combination where it was met: its state laid down, once for all that were met in it,
    and held against the picture for these actors, or for whoever moves; then each move made as if
    it were the only one. How many were made, and how many facts were compared. Raises Unlike.
    Nothing is kept."""
    taken = compared = 0
    for s, ones in by_state(met).items():
        with laid_down(store, w, s) as stage:
            askers = names or tuple(dict.fromkeys(where.who for _, where in ones))
            try:
                compared += held_against(stage, askers)
            except Unlike as unlike:
                where = ones[0][1]
                raise Unlike(f"in “{where.slice}” ({where.said}): {unlike}") from None
            for one, where in ones:
                with stage.for_once():
                    made_alike(stage, one, where, slice_of(where.slice))
                taken += 1
    return taken, compared


def by_state(met: Mapping[Met, Where]) -> dict[State, list[tuple[Met, Where]]]:
    found: dict[State, list[tuple[Met, Where]]] = {}
    for one, where in met.items():
        found.setdefault(where.state, []).append((one, where))
    return found


def made_alike(stage: Stage, met: Met, where: Where, slice_: Slice) -> None:
    """Make the move, in the picture and really, and compare what came of it. Raises Unlike."""
    drawn, second = pictured(stage, met, where, slice_)
    real = really(stage, met, where, second)
    for part, one, two in zip(Came._fields, drawn, real, strict=True):
        if one != two:
            raise Unlike(
                f"{met} as {where.who} in “{where.slice}” ({where.said}): "
                f"{part}: drawn {one}, and really {two}"
            )


def hold_against(store: Store, w: World, s: State, names: tuple[str, ...]) -> int:
    """Lay a state down and hold the picture of it against the store, for each of these actors."""
    with laid_down(store, w, s) as stage:
        return held_against(stage, names)


__all__ = [
    "AT",
    "CAST",
    "SHARING",
    "Came",
    "Stage",
    "Unlike",
    "hold_against",
    "laid_down",
    "people_of_the_picture",
    "take",
]
