"""The slices: overlapping cuts through the product of all machines.

All of it at once is far too much to walk. Each slice keeps whole those machines that speak to each
other in it, and lets the others stand still in a state in which they forbid nothing, or everything.
What couples two machines in the tables (a guard's fact, a `Fire`, a hold, an alarm) is whole in at
least one slice; `docs/prove.md` says which, and what that leaves out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from referral.states import Noun, Purpose
from workflows import engine
from workflows.engine import TABLES
from workflows.prove import world
from workflows.prove.acting import Bounds
from workflows.prove.exploring import ConcernAbout, Slice, Triggers
from workflows.prove.world import (
    CAST,
    SHARING,
    Agreement,
    Assurance,
    Concern,
    Consent,
    Emergency,
    Escalation,
    Hold,
    Override,
    Referral,
    Rights,
    State,
    put,
    records,
)

R, C, O, S, E, P, G, Q, Y = (  # noqa: E741 - O is the override, beside the others' first letters
    Noun.REFERRAL,
    Noun.CONSENT,
    Noun.OVERRIDE,
    Noun.CONCERN,
    Noun.ESCALATION,
    Noun.ASSURANCE,
    Noun.AGREEMENT,
    Noun.RIGHTS,
    Noun.EMERGENCY,
)


def settled(s: State) -> State:
    """The state with the clock of each record running under whom the table says."""
    for noun, table in TABLES.items():
        for slot, record in enumerate(records(s, noun)):
            f = world.facts_of(s, noun, slot, CAST["system"])
            runs = table.states[record.state].clock is not None
            owner = engine.owner_after(table, f, record.state, {}) if runs else ""
            s = put(s, noun, slot, record._replace(owner=owner))
    return s


GIVEN = Consent("given", last=True)
NAMING = ("name_source", "strike_source", "pass_on")
ERASURE = Rights("in_progress", kind="erasure", taken_by="priya", kept_for_long=False)
ASSURED = (Assurance("assured"), Assurance("assured", "clay"))
IN_FORCE = (Agreement("in_force"),)


def ready(**more: Any) -> State:
    """Providers assured and an agreement in force; whatever else is wanted."""
    known: dict[str, Any] = {"assurances": ASSURED, "agreements": IN_FORCE, **more}
    return settled(State(**known))


def starting(*states: State) -> Callable[[], tuple[State, ...]]:
    return lambda: states


def lazily(make: Callable[[], tuple[State, ...]]) -> Callable[[], tuple[State, ...]]:
    return make


ALL: Triggers = None
OUR_SIDE = ("priya", "sam", "tess", "grace")
USUAL = (*OUR_SIDE, "gwen", "sol", "margaret")
EVERYBODY = tuple(name for name in CAST if name not in ("system", "paul in another role", "tara"))
LADDER = ("gwen", "paul", "seth", "amara")
ONE = {R: 1, C: 2}


def where(*states: str, **more: Any) -> tuple[State, ...]:
    """One referral in each of these states, sent before where it must have been."""
    found = []
    for state in states:
        sent = state != "draft"
        long = "provider_leader@singers" if state in LONG_RUNS else ""
        found.append(ready(referrals=(Referral(state, sent=sent, long=long),), **more))
    return tuple(found)


LONG_RUNS = ("sent", "queried", "waiting", "accepted")
SOURCES = (
    frozenset({"priya"}),
    frozenset({"tess"}),
    frozenset({"priya", "tess"}),
    frozenset({"gwen"}),
    frozenset({"gwen", "paul"}),
    frozenset({"gwen", "paul", "seth"}),
    frozenset({"gwen", "paul", "seth", "amara"}),
    frozenset({"grace"}),
    frozenset({"amara"}),
    frozenset({"sol"}),
    frozenset({"singers"}),
    frozenset({"ash"}),
    frozenset({"harbour_board"}),
)


BARRED = tuple(s for s in SOURCES if s & {"gwen", "paul", "seth", "amara", "ash", "harbour_board"})


def _named_somewhere() -> tuple[State, ...]:
    found = []
    for sources in SOURCES:
        for consents in ((GIVEN,),):
            raiser = "olu" if "ash" in sources else "sam"
            rung, holder = world.safeguarding(world.ORGANISATION[raiser], 1, sources)
            concern = Concern(
                "under_review",
                sources=sources,
                rung=rung,
                holder=holder,
                hold="all",
                raiser=raiser,
            )
            base = {"consents": consents, "concerns": (concern,)}
            found.append(ready(**base))
            found += where("active", "completed", **base)
    provider = Concern(
        "under_review", None, "singers", frozenset({"sol"}), holder="safeguarding_lead@ash",
        hold="singers",
    )  # fmt: skip
    found += where("sent", "active", consents=(GIVEN,), concerns=(provider,))
    return tuple(found)


def sorted_concerns(s: State) -> State:
    """Two concerns of which nothing but their place on the shelf differs are the same two: no fact,
    pick or invariant asks for the place, and nothing refers to one."""
    return s._replace(concerns=tuple(sorted(s.concerns, key=repr)))


def sorted_overrides(s: State) -> State:
    """The same of two overrides: which shelf they stand on is asked by nothing."""
    return s._replace(overrides=tuple(sorted(s.overrides)))


def _slices() -> tuple[Slice, ...]:
    return (
        Slice(
            "one referral",
            "One referral, and the agreements of the person to it: asked, given, run out, renewed, "
            "taken back.",
            starting(ready()),
            {R: ALL, C: ALL},
            USUAL,
            Bounds(ONE),
            life=("consent runs out",),
            swept=frozenset({R, C}),
        ),
        Slice(
            "every role",
            "One referral and everybody there is, also those who should have no part in it.",
            starting(ready(consents=(GIVEN,))),
            {R: ALL},
            EVERYBODY,
            Bounds({R: 1}),
            swept=frozenset({R}),
        ),
        Slice(
            "ready to send",
            "What must be known before a referral is sent.",
            starting(
                ready(consents=(GIVEN,), lacking=frozenset({"identity", "risks", "activity"})),
                ready(lacking=frozenset({"identity"})),
            ),
            {R: frozenset({"create", "send", "recall", "discard", "withdraw", "accept"})},
            USUAL,
            Bounds({R: 1}),
            life=("readiness",),
        ),
        Slice(
            "renewals",
            "Several agreements beside each other, for sharing and for telling the practice, and "
            "people taking part meanwhile.",
            lazily(lambda: where("active", "accepted", consents=(GIVEN,))),
            {C: ALL, R: frozenset({"complete", "update", "accept", "recall", "send"})},
            ("priya", "tess", "sol", "margaret"),
            Bounds({R: 1, C: 3}),
            life=("consent runs out",),
            swept=frozenset({C}),
            asked=((SHARING, "singers"), (Purpose.TELL_PRACTICE, "practice")),
        ),
        Slice(
            "override",
            "Sharing without consent beside the person's own answers, from proposal to review.",
            lazily(lambda: where("returned", "active")),
            {O: ALL, C: frozenset({"ask", "give", "refuse", "withdraw"}),
             R: frozenset({"send", "accept", "complete"})},
            ("priya", "gwen", "paul", "grace", "sol", "margaret"),
            Bounds({R: 1, C: 2, O: 1}),
            life=("consent runs out", "override runs out"),
            swept=frozenset({C, O}),
            unswept=frozenset({"override.proposed"}),
            proposers=("priya",),
        ),
        Slice(
            "overrides",
            "One override after another and beside another, about somebody who said no; and about "
            "somebody in whose concern one of the ladder is named.",
            lazily(
                lambda: (
                    *where(
                        "accepted",
                        consents=(Consent("withdrawn", last=True),),
                        overrides=(Override("approved", decided_by="paul"),),
                    ),
                    *(
                        ready(concerns=(Concern("under_review", sources=named, raiser="sam"),))
                        for named in (frozenset({"gwen"}), frozenset({"priya"}), frozenset({"sol"}))
                    ),
                )
            ),
            {O: ALL},
            (*LADDER, "grace", "paul in another role"),
            Bounds({R: 1, O: 2}),
            life=("override runs out",),
            swept=frozenset({O}),
            proposers=("paul",),
            canonical=sorted_overrides,
        ),
        Slice(
            "emergency",
            "A record is opened in an emergency, once and again, by somebody from another team; "
            "and where they or who reviews it are named in a concern, or it is closed to them.",
            starting(
                ready(),
                *(
                    ready(
                        emergencies=(Emergency("opened"),),
                        concerns=(Concern("under_review", sources=named, raiser="sam"),),
                    )
                    for named in (frozenset({"olu"}), frozenset({"fenside"}), frozenset({"grace"}))
                ),
                ready(emergencies=(Emergency("under_review", opener="paul"),)),
                ready(emergencies=(Emergency("opened"),), holds=(Hold(closed_to="link_worker"),)),
            ),
            {Y: ALL},
            ("olu", "priya", "tess", "gwen", "paul", "paul in another role", "grace", "fred",
             "gail", "ingrid", "amara"),
            Bounds({Y: 2}),
            life=("emergency runs out",),
            swept=frozenset({Y}),
            openers=("olu", "priya", "gwen", "sol"),
        ),
        Slice(
            "two referrals",
            "Two referrals of one person to one activity, referred on from one to the other.",
            starting(ready(consents=(GIVEN,))),
            {R: frozenset(TABLES[R].triggers) - {"ask", "answer", "pause", "resume", "review_wait",
                                                 "update", "contact", "try_contact",
                                                 "put_on_waiting_list"},
             C: frozenset({"withdraw"})},
            (*OUR_SIDE, "sol", "margaret"),
            Bounds({R: 2, C: 1}),
            swept=frozenset({R}),
        ),
        Slice(
            "two providers",
            "One person with two providers: what is said to one leaves the other.",
            starting(
                ready(
                    consents=(GIVEN, Consent("given", recipient="clay", last=True)),
                    referrals=(
                        Referral("sent", sent=True, long="provider_leader@singers"),
                        Referral("sent", provider="clay", sent=True, long="provider_leader@clay"),
                    ),
                )
            ),
            {R: frozenset({"send", "accept", "start", "withdraw"}),
             C: frozenset({"withdraw", "ask", "give", "refuse"})},
            ("priya", "sol", "kit", "margaret"),
            Bounds({R: 2, C: 3}),
            life=("consent runs out",),
            asked=((SHARING, "singers"), (SHARING, "clay")),
        ),
        Slice(
            "places",
            "Two people, one place.",
            starting(
                ready(
                    consents=(GIVEN, Consent("given", "ben", last=True)),
                    lacking=frozenset({"place"}),
                )
            ),
            {R: frozenset({"create", "send", "accept", "start", "complete", "reopen", "give_back",
                           "put_on_waiting_list", "pause", "resume"})},
            ("priya", "sol"),
            Bounds({R: 2}),
            people=("margaret", "ben"),
        ),
        Slice(
            "concern",
            "One referral, and one concern with its hold.",
            starting(ready(consents=(GIVEN,)), ready()),
            {R: frozenset(TABLES[R].triggers) - {"reassign"},
             S: frozenset(TABLES[S].triggers) - {"climb", "hand_over", *NAMING}},
            (*USUAL, "paul", "seth"),
            Bounds({R: 1, S: 1}),
            whole=frozenset({S}),
            swept=frozenset({R}),
            concerns=(
                ConcernAbout(safe=True),
                ConcernAbout(danger=True, safe=True),
                ConcernAbout(frozenset({"sol"}), safe=True),
                ConcernAbout(person=None, provider="singers", by="sol"),
                ConcernAbout(by="margaret"),
            ),
        ),
        Slice(
            "two concerns",
            "Two concerns and an ordinary hold about one person: lifting one leaves the others.",
            lazily(lambda: where("sent", "accepted", "completed", consents=(GIVEN,))),
            {R: frozenset({"accept", "start", "complete", "confirm", "decline", "reopen"}),
             S: frozenset({"raise", "acknowledge", "hold", "release", "close", "reopen"})},
            ("priya", "gwen", "sol"),
            Bounds({R: 1, S: 2}),
            life=("hospital",),
            concerns=(ConcernAbout(), ConcernAbout(safe=True)),
            canonical=sorted_concerns,
        ),
        Slice(
            "ladder",
            "A concern on its way up, with a named source of harm on each rung.",
            starting(ready()),
            {S: frozenset(TABLES[S].triggers) - {"told_authority", "release", *NAMING}},
            (*LADDER, "sam", "olu", "sol", "priya"),
            Bounds({S: 1}, marks=True),
            whole=frozenset({S}),
            swept=frozenset({S}),
            concerns=tuple(
                ConcernAbout(sources, danger=bool(n % 2), by="olu" if "ash" in sources else "sam")
                for n, sources in enumerate((frozenset(), *BARRED))
            ),
        ),
        Slice(
            "named as a source of harm",
            "Somebody is named in each place: the link worker, the lead, the safeguarding leads, "
            "the governance lead, the provider.",
            lazily(_named_somewhere),
            {R: ALL, S: frozenset({"acknowledge", "release", "close", "told_authority"}),
             C: frozenset({"withdraw", "renew", "ask"})},
            (*USUAL, "rae", "paul", "seth", "amara", "gail", "olu"),
            Bounds({R: 1, C: 1}),
            swept=frozenset({R}),
        ),
        Slice(
            "named later",
            "Somebody is named while a concern is open: the link worker, the holder, the "
            "provider; and taken out again. One raised it who is named then.",
            lazily(
                lambda: (
                    *where("sent", "active", consents=(GIVEN,), concerns=(Concern("raised"),)),
                    *(
                        ready(concerns=(Concern(state, raiser="priya", hold="all"),))
                        for state in ("under_review", "reported", "enquiry", "monitoring")
                    ),
                )
            ),
            {S: frozenset({"acknowledge", "climb", "close", "told_authority", *NAMING}),
             R: frozenset({"accept", "start"})},
            ("priya", "sam", "gwen", "paul", "seth", "sol", "amara"),
            Bounds({R: 1, S: 1}),
        ),
        Slice(
            "full hold",
            "Records being put right, closed to either side; the link worker away or there.",
            starting(ready(consents=(GIVEN,))),
            {R: ALL, C: frozenset({"withdraw", "renew"})},
            USUAL,
            Bounds({R: 1, C: 1}),
            life=("records, provider", "records, link worker", "away"),
            swept=frozenset({R}),
        ),
        Slice(
            "assurance",
            "A provider from its application to its leaving, its evidence, and somebody with it.",
            starting(
                settled(State(consents=(GIVEN,), agreements=IN_FORCE)),
            ),
            {P: ALL, R: frozenset(TABLES[R].triggers) - {"ask", "answer", "review_wait", "discard",
                                                         "redirect", "reassign"}},
            ("priya", "tess", "sol", "grace", "margaret"),
            Bounds({R: 1, P: 1}),
            whole=frozenset({P}),
            life=("evidence runs out", "evidence in grace", "evidence renewed", "conditions end"),
            swept=frozenset({P, R}),
        ),
        Slice(
            "agreement",
            "Agreements drafted, signed, renewed, replaced and ended, and somebody under them.",
            starting(
                settled(
                    State(
                        consents=(GIVEN,), assurances=ASSURED, referrals=(Referral("draft"),)
                    )
                )
            ),
            {G: ALL, R: frozenset({"send", "accept", "start", "complete", "reopen", "recall"})},
            ("priya", "tess", "sol", "grace", "fred"),
            Bounds({R: 1, G: 2}),
            life=("agreement runs out",),
            swept=frozenset({G}),
        ),
        Slice(
            "rights",
            "A request about one's own data, of somebody with a referral open, of somebody whose "
            "referral is closed and of somebody without, and of somebody in whose concern the lead "
            "is named.",
            lazily(
                lambda: (
                    ready(),
                    *where("sent", "closed"),
                    ready(
                        concerns=(
                            Concern("under_review", sources=frozenset({"ingrid"}), raiser="sam"),
                        )
                    ),
                )
            ),
            {Q: ALL, R: frozenset({"withdraw", "reopen", "call"})},
            ("priya", "sam", "tess", "ingrid", "amara", "grace", "margaret"),
            Bounds({R: 1, Q: 1}),
            life=("the month passes", "kept long enough"),
            swept=frozenset({Q}),
        ),
        Slice(
            "erased",
            "Two requests of one person, one of them to be erased; and what was closed about them "
            "before, and can't be taken up again after.",
            lazily(
                lambda: (
                    *(
                        ready(requests=(ERASURE, ERASURE._replace(state=state, kind="access")))
                        for state in ("received", "in_progress")
                    ),
                    ready(
                        requests=(ERASURE,),
                        concerns=(Concern("closed", rung=2, holder="safeguarding_lead@harbour"),),
                        escalations=(
                            Escalation(
                                *("closed", "complaint", "medium", None, "ash", "margaret", 2, 4),
                                *("governance_lead@harbour", "member@priya", "priya"),
                                told=True,
                                closed="just now",
                            ),
                        ),
                    ),
                )
            ),
            {Q: frozenset(TABLES[Q].triggers) - {"ask", "answer", "extend", "receive"},
             S: frozenset({"reopen"}), E: frozenset({"reopen"})},
            ("priya", "ingrid", "amara", "grace", "paul", "margaret"),
            Bounds({Q: 2, S: 1, E: 1}),
        ),
        Slice(
            "escalation",
            "A matter raised by a person, a link worker or a provider, on each kind of ladder.",
            lazily(lambda: (ready(), *where("sent"))),
            {E: ALL},
            ("priya", "sol", "tess", "grace", "fred", "gail", "amara", "margaret"),
            Bounds({E: 1}),
            life=("long after",),
            swept=frozenset({E}),
            matters=(("no_reply", "medium"), ("other", "high"), ("complaint", "medium")),
        ),
        Slice(
            "reviewers",
            "A matter about a referral, its reviewers part of it or named as a source of harm.",
            lazily(
                lambda: tuple(
                    s
                    for sources in (frozenset({"tess"}), frozenset({"grace"}), frozenset({"priya"}))
                    for s in where(
                        "sent",
                        consents=(GIVEN,),
                        concerns=(
                            Concern("under_review", sources=sources, hold="all", raiser="sam"),
                        ),
                    )
                )
                + where("sent", "returned", consents=(GIVEN,))
                + (  # a team that refers people also runs the activity
                    ready(referrals=(Referral("sent", provider="ash", sent=True, long="x"),)),
                )
            ),
            {E: ALL},
            ("priya", "sol", "tess", "tara", "grace", "gail", "amara", "margaret"),
            Bounds({E: 1}),
            life=("away",),
            swept=frozenset({E}),
            matters=(("no_reply", "high"), ("complaint", "medium"), ("disagreement", "medium")),
        ),
        Slice(
            "two people",
            "What two people must say together, on matters and on records.",
            lazily(lambda: where("sent", "active", "closed", consents=(GIVEN,))),
            {E: frozenset({"raise", "acknowledge", "decide", "settle", "complete"}),
             R: frozenset({"mark_in_error", "withdraw"})},
            ("priya", "sol", "tess", "grace"),
            Bounds({R: 1, E: 1}),
            matters=(("no_reply", "high"), ("quality", "medium")),
        ),
        Slice(
            "alarms",
            "One referral with every mark of its clocks, and the alarm that a missed one raises.",
            lazily(lambda: where("draft", "sent", "returned", consents=(GIVEN,))),
            {R: frozenset({"send", "ask", "answer", "accept", "decline", "start", "complete",
                           "confirm", "recall", "withdraw", "update"}),
             E: frozenset({"acknowledge", "climb", "decide", "complete", "withdraw"})},
            ("priya", "sol", "tess", "grace"),
            Bounds({R: 1, E: 1}, marks=True),
            life=("long after",),
            swept=frozenset({R, E}),
        ),
        Slice(
            "overtaken",
            "What was late is done while somebody looks into why it was late.",
            lazily(lambda: where("sent", "queried", consents=(GIVEN,))),
            {R: frozenset({"ask", "answer", "accept", "decline", "withdraw"}),
             E: frozenset({"acknowledge", "ask", "answer"})},
            ("priya", "sol", "tess", "grace", "gail"),
            Bounds({R: 1, E: 1}),
            swept=frozenset({R}),
        ),
        Slice(
            "death",
            "A death is recorded while somebody is anywhere in the product.",
            starting(
                ready(
                    consents=(GIVEN,),
                    concerns=(Concern("under_review", hold="", raiser="sam"),),
                )
            ),
            {R: ALL, S: frozenset({"hold", "release", "close"})},
            ("priya", "tess", "sol", "grace", "gwen", "margaret"),
            Bounds({R: 1}),
            life=("death",),
            swept=frozenset({R}),
        ),
        Slice(
            "two of everything",
            "Two referrals, two providers, an agreement of the person with each, and time.",
            starting(ready(consents=(GIVEN, Consent("given", recipient="clay", last=True)))),
            {R: frozenset({"create", "send", "accept", "decline", "start", "complete", "recall",
                           "redirect", "withdraw", "confirm", "reopen"}),
             C: frozenset({"withdraw", "renew", "give", "refuse"})},
            ("priya", "sol", "kit", "margaret"),
            Bounds({R: 2, C: 3}),
            life=("consent runs out",),
            swept=frozenset({C}),
            providers=("singers", "clay"),
            asked=((SHARING, "singers"), (SHARING, "clay")),
            full=True,
        ),
        Slice(
            "standards and agreements",
            "A provider's assurance, its agreement and somebody with it, all moving at once.",
            starting(settled(State(consents=(GIVEN,)))),
            {P: ALL, G: ALL, R: ALL},
            ("priya", "tess", "sol", "grace", "margaret"),
            Bounds({R: 1, P: 1, G: 1}),
            life=(
                "evidence runs out",
                "evidence in grace",
                "evidence renewed",
                "conditions end",
                "agreement runs out",
            ),
            swept=frozenset({P, G, R}),
            full=True,
        ),
        Slice(
            "concern and consent",
            "One referral, its agreements and a concern that names its link worker, or nobody.",
            starting(ready()),
            {R: ALL, C: ALL, S: frozenset({"raise", "acknowledge", "hold", "release", "close",
                                           "reopen"})},
            USUAL,
            Bounds({R: 1, C: 2, S: 1}),
            life=("consent runs out",),
            swept=frozenset({R, C}),
            concerns=(ConcernAbout(safe=True), ConcernAbout(frozenset({"priya"}))),
            full=True,
        ),
        Slice(
            "every alarm",
            "All moves of one referral, every mark of every clock, and an alarm with all moves.",
            starting(ready(consents=(GIVEN,))),
            {R: ALL, E: ALL},
            ("priya", "sol", "tess", "grace", "gail", "margaret"),
            Bounds({R: 1, E: 1}, marks=True),
            life=("long after",),
            swept=frozenset({R, E}),
            full=True,
        ),
    )  # fmt: skip


def slices() -> dict[str, Slice]:
    """Every slice by its name, as the tables are now."""
    return {s.name: s for s in _slices()}


__all__ = ["Hold", "slices"]
