"""The hand-kept tables are well formed, and keep the invariants that tables alone can keep."""

from collections import Counter

import pytest

from tests.grid import reading
from tests.grid.reading import (
    ALLOWED,
    ENDS,
    NOTHING,
    NOUNS,
    OPEN,
    RELATIONS,
    ROLES,
    TAKING_PART,
    TRIGGERS,
    WITH_THE_PROVIDER,
    Hat,
    Line,
    MisreadError,
    at_the_door,
    cell,
    effects_of,
    guards_of,
    moves,
    states,
)

LINK_WORKER = {Hat("link_worker", "named"), Hat("team_lead", "stand_in")}
PROVIDER = {Hat("provider_leader", "addressed")}
GOVERNANCE = {Hat("governance_lead", "over")}
SYSTEM = {Hat("system")}
every_noun = pytest.mark.parametrize("noun", NOUNS)


def referral(trigger: str) -> dict[str, Line]:
    """The lines of a referral's trigger by the state they leave."""
    return {line.source: line for line in reading.lines("referral") if line.trigger == trigger}


def names(noun: str, trigger: str, source: str) -> set[str]:
    return {guard.name for guard in guards_of(noun, trigger, source) if not guard.in_words}


def into(noun: str, target: str) -> list[Line]:
    """The moves that change the state into this one."""
    return [o for o in reading.lines(noun) if o.target == target and o.source != target]


def out_of(noun: str, source: str) -> list[Line]:
    return [line for line in reading.lines(noun) if line.source == source]


def new_record(line: Line) -> bool:
    return line.source == NOTHING or line.when.startswith("a new ")


# Well formed.


@every_noun
def test_every_trigger_and_every_state_is_in_its_grid(noun: str) -> None:
    lines = reading.lines(noun)
    assert {line.trigger for line in lines} == set(TRIGGERS[noun])
    assert {line.target for line in lines} == set(states(noun))
    assert NOTHING in {line.source for line in lines}


@every_noun
def test_states_are_named_once_and_are_open_or_ends(noun: str) -> None:
    assert max(Counter(states(noun)).values()) == 1


@every_noun
def test_every_relation_is_on_the_axis_and_every_hat_of_a_grid_too(noun: str) -> None:
    axis = {actor.hat for actor in reading.actors() if actor.noun == noun}
    assert {hat.relation for hat in axis} - {NOTHING} == set(RELATIONS[noun])
    assert {hat.role for hat in axis} == set(ROLES)
    for line in reading.lines(noun):
        for hat in line.hats:
            if hat.relation == NOTHING:
                assert hat.role in {seen.role for seen in axis}
            else:
                assert hat in axis, line


@every_noun
def test_nobody_who_finds_nothing_is_given_a_move(noun: str) -> None:
    out = {a.hat for a in reading.actors() if a.noun == noun and a.scope == "out"}
    for line in reading.lines(noun):
        if line.source != NOTHING:
            assert not {hat for hat in line.hats if hat.relation != NOTHING} & out, line


@every_noun
def test_administrators_auditors_and_commissioners_move_nothing_but_raise_concerns(
    noun: str,
) -> None:
    for line in reading.lines(noun):
        for hat in line.hats:
            if hat.role in ("auditor", "commissioner"):
                assert hat.relation == "staff"
            if hat.role == "administrator":
                assert hat.relation in ("staff", "asked")


def test_every_move_has_its_guards_needs_and_follows_and_no_other_has() -> None:
    grid = {(o.noun, o.trigger, o.source) for noun in NOUNS for o in reading.lines(noun)}
    triggers = {(noun, trigger) for noun, trigger, _ in grid}
    assert {(g.noun, g.trigger, g.source) for g in reading.guards()} == grid
    assert {(n.noun, n.trigger) for n in reading.needs()} == triggers
    assert {(f.noun, f.trigger) for f in reading.follows() if f.trigger != "*"} == triggers


def test_every_guard_named_is_used_and_only_being_implicated_is_told_as_another() -> None:
    named = {refusal.name for refusal in reading.refusals() if refusal.asked == "guard"}
    assert named == {name for guarded in reading.guards() for name in guarded.names}
    assert {r.name for r in reading.refusals() if r.name != r.shown_as} == {
        "after_it_was_sent",
        "not_implicated",
    }
    assert reading.shown_as("not_implicated") == reading.shown_as("not_held") == "not_held"


def test_refusals_are_asked_in_order() -> None:
    order = ("scope", "table", "guard")
    asked = [order.index(refusal.asked) for refusal in reading.refusals()]
    assert asked == sorted(asked)


GUARDS_OF_A_REFERRAL = {
    "ground_to_share",
    "person_identified",
    "risks_stated",
    "agreement_in_force",
    "provider_assured",
    "activity_open",
    "not_held",
    "not_duplicate",
    "place_left",
    "not_implicated",
    "not_died",
    "not_erased",
    # The tables of the design name no time; what is said of a call can't be before its cause.
    "after_it_was_sent",
}


def test_the_guards_of_a_referral_are_those_of_the_design() -> None:
    used = {name for g in reading.guards() if g.noun == "referral" for name in g.names}
    assert used == GUARDS_OF_A_REFERRAL


GRID = "send | draft | sent | link_worker/named |"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sned | draft | sent | link_worker/named |", "trigger 'sned'"),
        ("send | draught | sent | link_worker/named |", "state 'draught'"),
        ("send | draft | - | link_worker/named |", "state '-'"),
        ("send | draft | sent | clerk |", "role 'clerk'"),
        ("send | draft | sent | link_worker/holder |", "relation 'holder'"),
        ("send | draft | sent | */holder |", "relation 'holder'"),
        ("send | draft | sent | - |", "nobody may"),
        ("send | draft | sent | system, system |", "stands twice"),
        ("send | draft | sent | system, |", "something is missing"),
        ("send | draft | sent", "3 columns"),
        ("send | draft | sent | | ", "an empty column"),
        (f"{GRID}\n{GRID}", "line 2: said before"),
        (f"{GRID} x\nsend | draft | draft | link_worker/named |", "say when"),
        (f"{GRID} x\nsend | draft | draft | system | y", "by others each way"),
    ],
)
def test_a_slip_in_a_grid_is_refused(text: str, told: str) -> None:
    with pytest.raises(MisreadError, match=told):
        reading.read_grid(text, "referral", reading.actors())


def test_a_line_of_a_grid_is_read_and_a_comment_is_not() -> None:
    (line,) = reading.read_grid(f"# heading\n\n{GRID} urgent", "referral", reading.actors())
    hats = frozenset({Hat("link_worker", "named")})
    assert line == Line("referral", "send", "draft", "sent", hats, "urgent")


def test_a_star_stands_for_each_role_with_the_relation() -> None:
    (line,) = reading.read_grid("hold | raised | raised | */holder", "concern", reading.actors())
    assert line.roles == {"safeguarding_lead", "accountable_officer"}


@pytest.mark.parametrize(
    ("read", "text", "told"),
    [
        (reading.read_guards, "referral | start | accepted | not_hled |", "guard 'not_hled'"),
        (reading.read_guards, "referral | start | accepted | not_found |", "guard 'not_found'"),
        (reading.read_guards, 'referral | start | accepted | "so |', "not closed"),
        (reading.read_guards, "referral | start | accepted, gone | - |", "state 'gone'"),
        (reading.read_guards, "referral | start | sent, sent | - |", "stands twice"),
        (reading.read_needs, "referral | start | A reason |", "is not a name"),
        (reading.read_needs, "refferal | start | reason |", "noun 'refferal'"),
        (reading.read_follows, "referral | start | Fire(referral.stop)", "does not say which"),
        (reading.read_follows, "referral | start | Fire(referral.go, it)", "trigger 'go'"),
        (reading.read_follows, "referral | start | Raise(noise)", "kind of escalation"),
        (reading.read_follows, "referral | start | Shout(provider)", "neither an effect"),
        (reading.read_clocks, "referral | closed | system | 1 | x | runs |", "open state"),
        (reading.read_clocks, "referral | sent | system | 1 | x | goes |", "held 'goes'"),
        (reading.read_hidden, "referral | person/self | gone", "state 'gone'"),
        (reading.read_actors, "referral | person | holder | in | x", "relation 'holder'"),
        (reading.read_actors, "referral | person | self | maybe | x", "scope 'maybe'"),
        (reading.read_consequences, "referral | revive", "trigger 'revive'"),
        (reading.read_refusals, "x | later | x | y", "asked 'later'"),
    ],
)
def test_a_slip_in_another_table_is_refused(read, text: str, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MisreadError, match=told):
        read(text)


# Answers.


def test_a_cell_answers_in_the_order_of_the_design() -> None:
    assert cell("referral", "send", "draft", "link_worker", {"named"}) == ALLOWED
    assert cell("referral", "send", "draft", "team_lead", {"stand_in"}) == ALLOWED
    assert cell("referral", "send", "draft", "link_worker") == "not_your_record"
    assert cell("referral", "send", "draft", "team_lead", {"over"}) == "not_your_record"
    assert cell("referral", "send", "draft", "governance_lead", {"over"}) == "not_your_role"
    assert cell("referral", "send", "active", "commissioner") == "no_such_move"


def test_whoever_does_not_see_the_record_is_told_nothing_else() -> None:
    assert at_the_door("referral", "accept", "sent", "provider_leader", {"addressed"}) == {ALLOWED}
    assert at_the_door("referral", "accept", "sent", "provider_leader") == {"not_found"}
    assert at_the_door("referral", "accept", "draft", "provider_leader", {"addressed"}) == {
        "not_found"
    }
    assert at_the_door("concern", "close", "enquiry", "safeguarding_lead", {"implicated"}) == {
        "not_found"
    }
    assert at_the_door("referral", "send", "draft", "auditor") == {"not_your_role", "not_found"}
    with pytest.raises(LookupError):
        at_the_door("referral", "send", "draft", "person", {"named"})


def test_raising_a_concern_is_never_refused_to_staff_and_told_authority_neither() -> None:
    staff = set(ROLES) - {"person", "system"}
    for role in ROLES:
        expected = ALLOWED if role in staff else "not_your_role"
        # The person may raise one about themselves, and nobody else's.
        raised = "not_your_record" if role == "person" else expected
        assert cell("concern", "raise", NOTHING, role, {"staff"} if role in staff else ()) == (
            raised
        )
        for state in OPEN["concern"]:
            assert cell("concern", "told_authority", state, role, {"staff"}) == expected
    assert guards_of("concern", "raise", NOTHING) == ()
    assert at_the_door("concern", "raise", NOTHING, "provider_leader", {"implicated"}) == {ALLOWED}
    assert cell("concern", "told_authority", "closed", "link_worker", {"staff"}) == "no_such_move"


# The column "by" of the design, once more and in short, so that a slip in one line shows.


def relation(noun: str, name: str) -> set[Hat]:
    return {a.hat for a in reading.actors() if a.noun == noun and a.hat.relation == name}


TEAM_LEAD = {Hat("team_lead", "over")}
STAND_IN = {Hat("team_lead", "stand_in")}
SAFEGUARDING = {Hat("safeguarding_lead", "over")}
PERSON = {Hat("person", "self")}
OWN_PROVIDER = {Hat("provider_leader", "own_provider")}
DECIDING = relation("override", "holder") | relation("override", "ladder")
HOLDER = relation("concern", "holder")
REVIEWER = relation("escalation", "reviewer")
RAISER = relation("escalation", "raiser")
SIGNATORY = relation("agreement", "signatory")
INFORMATION_LEAD = {
    Hat("information_governance_lead", "over"),
    Hat("accountable_officer", "over"),
}
TAKER = relation("rights_request", "raiser")

BY = {
    "referral": {
        "create": {Hat("link_worker")} | STAND_IN,
        "send answer redirect discard mark_in_error": LINK_WORKER,
        "ask put_on_waiting_list review_wait accept decline": PROVIDER,
        "contact try_contact start update give_back complete": PROVIDER,
        "lapse stop": SYSTEM,
        "recall": LINK_WORKER | GOVERNANCE | SYSTEM,
        "pause resume": PROVIDER | LINK_WORKER,
        "confirm": LINK_WORKER | TEAM_LEAD | GOVERNANCE,
        "close_unmet": LINK_WORKER | GOVERNANCE,
        "withdraw": LINK_WORKER | PERSON | SYSTEM,
        "reassign": TEAM_LEAD | STAND_IN | SAFEGUARDING | GOVERNANCE,
        "call": {Hat("link_worker")} | TEAM_LEAD | STAND_IN,
    },
    "consent": {
        "ask": {Hat("link_worker")} | STAND_IN,
        "give renew": LINK_WORKER,
        "refuse": LINK_WORKER | SYSTEM,
        "withdraw": LINK_WORKER | PERSON | SYSTEM,
        "expire": SYSTEM,
    },
    "override": {
        "propose": {Hat("link_worker")} | TEAM_LEAD | SAFEGUARDING,
        "approve refuse": DECIDING,
        "climb": SYSTEM,
        "end": DECIDING | SAFEGUARDING | SYSTEM,
        "review": GOVERNANCE,
    },
    "concern": {
        "raise": relation("concern", "staff") | PERSON,
        "told_authority": relation("concern", "staff"),
        "acknowledge report_to_authority authority_decides monitor review": HOLDER,
        "hold release close reopen": HOLDER,
        "hand_over": HOLDER | relation("concern", "ladder"),
        "climb": HOLDER | SYSTEM,
        "name_source strike_source": HOLDER | relation("concern", "ladder"),
        "pass_on": SYSTEM,
    },
    "escalation": {
        "raise": {Hat("link_worker"), Hat("provider_leader"), Hat("person")} | STAND_IN | SYSTEM,
        "acknowledge ask decide complete": REVIEWER,
        "answer": relation("escalation", "asked"),
        "unanswered settle": REVIEWER | SYSTEM,
        "climb": RAISER | REVIEWER | SYSTEM,
        "withdraw reopen": RAISER,
        "overtake": SYSTEM,
    },
    "assurance": {
        "apply leave": OWN_PROVIDER | GOVERNANCE,
        "assure condition refuse suspend": GOVERNANCE,
        "lapse": SYSTEM,
    },
    "emergency": {
        "open": {Hat("link_worker"), Hat("team_lead"), Hat("safeguarding_lead")},
        "close": relation("emergency", "raiser"),
        "end": SYSTEM,
        "review": GOVERNANCE
        | {Hat("information_governance_lead", "over"), Hat("accountable_officer", "over")},
    },
    "agreement": {"draft renew end": GOVERNANCE, "sign": SIGNATORY, "replace expire": SYSTEM},
    "rights_request": {
        "receive": {Hat("link_worker")} | TEAM_LEAD | INFORMATION_LEAD | PERSON,
        "check_identity cannot_identify start ask go_on": INFORMATION_LEAD,
        "extend fulfil erase refuse": INFORMATION_LEAD,
        "answer": INFORMATION_LEAD | TAKER | PERSON,
        "withdraw": TAKER | PERSON,
    },
}
BY_STATE = {
    ("referral", "reopen", "completed"): PROVIDER | LINK_WORKER | GOVERNANCE,
    ("referral", "reopen", "closed"): LINK_WORKER | GOVERNANCE,
    ("referral", "reopen", "withdrawn"): LINK_WORKER | GOVERNANCE,
    ("assurance", "review", "applied"): GOVERNANCE,
    ("assurance", "review", "conditional"): GOVERNANCE | SYSTEM,
    ("assurance", "review", "suspended"): GOVERNANCE,
    ("assurance", "review", "lapsed"): GOVERNANCE,
}


@every_noun
def test_every_line_is_by_those_the_design_names(noun: str) -> None:
    by = {trigger: hats for some, hats in BY[noun].items() for trigger in some.split()}
    for line in reading.lines(noun):
        expected = by.get(line.trigger) or BY_STATE[noun, line.trigger, line.source]
        assert line.hats == expected, line


OWNERS: dict[str, set[Hat] | set[str]] = {
    "referral": LINK_WORKER | PROVIDER,
    "consent": LINK_WORKER,
    "override": {"*/holder", Hat("governance_lead", "over")},
    "concern": {"*/holder"},
    "escalation": {"*/reviewer", "*/asked"},
    "assurance": GOVERNANCE | OWN_PROVIDER,
    "agreement": GOVERNANCE,
    "rights_request": {Hat("information_governance_lead", "over")},
    "emergency": {"*/raiser", Hat("governance_lead", "over")},
}


@every_noun
def test_every_clock_is_owned_by_those_the_design_names(noun: str) -> None:
    for clock in reading.clocks():
        assert clock.noun != noun or clock.beside or clock.acts in OWNERS[noun]


def test_the_authority_decides_three_ways_and_a_party_signs_two() -> None:
    decided = {line.target: line.when for line in moves("concern", "authority_decides", "reported")}
    assert set(decided) == {"enquiry", "under_review", "reported"}
    signed = {line.target for line in moves("agreement", "sign", "drafted")}
    assert signed == {"drafted", "in_force"}
    several = {
        (line.noun, line.trigger)
        for noun in NOUNS
        for line in reading.lines(noun)
        if len(moves(noun, line.trigger, line.source)) > 1
    }
    assert several == {("concern", "authority_decides"), ("agreement", "sign")}


def test_states_with_two_clocks_are_those_of_the_design() -> None:
    seen = Counter((c.noun, c.state) for c in reading.clocks())
    assert {key for key, count in seen.items() if count > 1} == {
        ("referral", "sent"),
        ("referral", "waiting"),
        ("referral", "accepted"),
        ("referral", "*not_started"),
        ("override", "proposed"),
        ("concern", "raised"),
        ("concern", "reported"),
        ("assurance", "conditional"),
    }


# Every open record has an owner, a next step and a clock (I51), and no dead ends (I21).


# A governance lead owns an unsigned agreement, but the design gives only its signatories a move.
CHASED_ONLY = {("agreement", "drafted")}


@every_noun
@pytest.mark.invariant("I51")
def test_every_open_state_has_an_owner_who_may_act_and_a_clock(noun: str) -> None:
    clocked = {c.state for c in reading.clocks() if c.noun == noun and not c.beside}
    assert clocked == set(OPEN[noun])
    for clock in reading.clocks():
        if clock.noun != noun or clock.beside or (noun, clock.state) in CHASED_ONLY:
            continue
        assert clock.days
        assert clock.miss
        relation = (
            clock.acts.relation if isinstance(clock.acts, Hat) else clock.acts.partition("/")[2]
        )
        may = [
            line
            for line in out_of(noun, clock.state)
            if any(
                hat.relation in (relation, NOTHING)
                and (not isinstance(clock.acts, Hat) or hat.role == clock.acts.role)
                for hat in line.hats
            )
        ]
        assert may, f"{clock.acts} may do nothing while {noun} is {clock.state}"


@every_noun
def test_an_end_has_neither_owner_nor_clock(noun: str) -> None:
    assert not [c for c in reading.clocks() if c.noun == noun and c.state in ENDS[noun]]


@every_noun
def test_two_clocks_of_one_state_say_when(noun: str) -> None:
    seen = Counter(c.state for c in reading.clocks() if c.noun == noun)
    for state, count in seen.items():
        said = [c.when for c in reading.clocks() if c.noun == noun and c.state == state]
        assert said.count("") <= 1
        assert len(set(said)) == count


@every_noun
def test_a_miss_always_leads_to_a_person_or_a_move(noun: str) -> None:
    words = ("escalate", "climb", "end", "lapse", "expire", "review", "unanswered", "Raise", "list")
    for clock in reading.clocks():
        assert any(word in clock.miss for word in words), clock


def test_a_miss_that_makes_a_move_makes_one_the_system_may_make() -> None:
    by_clock = {
        ("referral", "sent"): ["lapse"],
        ("consent", "given"): ["expire"],
        ("override", "proposed"): ["climb"],
        ("override", "approved"): ["end"],
        **{("concern", state): ["climb"] for state in OPEN["concern"]},
        ("escalation", "raised"): ["climb"],
        ("escalation", "in_review"): ["climb"],
        ("escalation", "information_requested"): ["unanswered", "climb"],
        ("assurance", "assured"): ["lapse"],
        ("assurance", "conditional"): ["review", "lapse"],
        ("agreement", "in_force"): ["expire"],
    }
    for (noun, state), triggers in by_clock.items():
        for trigger in triggers:
            assert cell(noun, trigger, state, "system") == ALLOWED
            assert any(
                trigger in c.miss for c in reading.clocks() if (c.noun, c.state) == (noun, state)
            )


@every_noun
def test_every_state_is_reached_and_an_end_from_every_open_one(noun: str) -> None:
    steps = {(line.source, line.target) for line in reading.lines(noun)}
    reached = {NOTHING}
    while more := {t for s, t in steps if s in reached} - reached:
        reached |= more
    assert reached == {NOTHING, *states(noun)}
    # An agreement has no end of its own: expired and ended are owned while anybody is under it.
    ending = set(ENDS[noun]) or {"expired", "ended"}
    while more := {s for s, t in steps if t in ending} - ending:
        ending |= more
    assert set(OPEN[noun]) <= ending


@every_noun
@pytest.mark.invariant("I21")
def test_somebody_other_than_the_one_waited_for_can_move_every_open_record(noun: str) -> None:
    """For the open states of an agreement that is over, that is whoever answers the alarm."""
    for clock in reading.clocks():
        if clock.noun != noun or clock.beside or clock.state in ("expired", "ended"):
            continue
        others = [
            line
            for line in out_of(noun, clock.state)
            if any(str(hat) != str(clock.acts) and hat.relation != "staff" for hat in line.hats)
        ]
        assert others, (noun, clock.state)


SYSTEM_ONLY = {
    ("referral", "lapse"),
    ("referral", "stop"),
    ("consent", "expire"),
    ("override", "climb"),
    ("concern", "pass_on"),
    ("emergency", "end"),
    ("escalation", "overtake"),
    ("assurance", "lapse"),
    ("agreement", "expire"),
    ("agreement", "replace"),
}


def test_these_moves_are_by_the_system_only_and_no_others() -> None:
    triggers = {(noun, trigger) for noun in NOUNS for trigger in TRIGGERS[noun]}
    alone = {
        (noun, trigger)
        for noun, trigger in triggers
        if all(o.hats == SYSTEM for o in reading.lines(noun) if o.trigger == trigger)
    }
    assert alone == SYSTEM_ONLY


SYSTEM_TOO = {
    ("referral", "recall"),
    ("referral", "withdraw"),
    ("consent", "refuse"),
    ("consent", "withdraw"),
    ("override", "end"),
    ("concern", "climb"),
    ("escalation", "raise"),
    ("escalation", "unanswered"),
    ("escalation", "settle"),
    ("escalation", "climb"),
    ("assurance", "review"),
}


def test_the_system_shares_these_moves_and_no_others() -> None:
    shared = {
        (line.noun, line.trigger)
        for noun in NOUNS
        for line in reading.lines(noun)
        if line.hats > SYSTEM
    }
    assert shared == SYSTEM_TOO


# Ends (I20, I33, I40, I46).


@pytest.mark.invariant("I20")
def test_ends_of_a_referral_have_no_way_out_but_reopen_and_mark_in_error() -> None:
    ways = {"closed": {"reopen", "mark_in_error"}, "withdrawn": {"reopen", "mark_in_error"}}
    for end in ENDS["referral"]:
        out = {line.trigger for line in out_of("referral", end) if line.target != end}
        assert out == ways.get(end, set())
    for end in ("closed", "withdrawn"):
        assert referral("reopen")[end].target == "returned"
        assert "system" not in referral("reopen")[end].roles
    (needed,) = [n for n in reading.needs() if (n.noun, n.trigger) == ("referral", "reopen")]
    assert needed.needs == ("reason",)


def test_other_ends_have_only_the_ways_out_the_design_gives() -> None:
    ways = {
        ("consent", "refused"): {"ask"},
        ("consent", "withdrawn"): {"ask"},
        ("override", "refused"): set(),
        ("override", "reviewed"): set(),
        ("concern", "closed"): {"reopen"},
        ("emergency", "reviewed"): set(),
        ("escalation", "closed"): {"reopen"},
        ("escalation", "withdrawn"): set(),
        ("assurance", "refused"): {"apply", "leave"},
        ("assurance", "left"): {"apply"},
        ("rights_request", "fulfilled"): set(),
        ("rights_request", "refused"): set(),
        ("rights_request", "withdrawn"): set(),
    }
    for (noun, end), triggers in ways.items():
        assert {line.trigger for line in out_of(noun, end)} == triggers
    assert set(ways) == {(n, e) for n, ends in ENDS.items() if n != "referral" for e in ends}


def test_an_answered_consent_and_a_past_agreement_change_only_by_a_new_record() -> None:
    for line in [*out_of("consent", "refused"), *out_of("consent", "withdrawn")]:
        assert new_record(line)
    for line in [*out_of("agreement", "expired"), *out_of("agreement", "ended")]:
        assert new_record(line)


@pytest.mark.invariant("I33")
def test_no_clock_moves_a_referral_to_an_end() -> None:
    by_system = {
        line.trigger
        for end in ENDS["referral"]
        for line in into("referral", end)
        if "system" in line.roles
    }
    assert by_system == {"stop", "withdraw"}
    assert all("death only" in line.when for line in referral("withdraw").values())
    assert {line.target for line in referral("lapse").values()} == {"returned"}


@pytest.mark.invariant("I40")
def test_completed_leads_to_closed_in_error_or_active_only() -> None:
    ways = {line.trigger: line.target for line in out_of("referral", "completed")}
    assert ways == {
        "confirm": "closed",
        "reopen": "active",
        "mark_in_error": "in_error",
        "reassign": "completed",
        "call": "completed",
    }


@pytest.mark.invariant("I40")
def test_returned_is_ended_by_a_person_only_save_at_death() -> None:
    for line in out_of("referral", "returned"):
        if line.target in ENDS["referral"]:
            assert "system" not in line.roles or line.trigger == "withdraw"
    assert "stop" not in {line.trigger for line in out_of("referral", "returned")}


def test_a_draft_left_by_redirect_cannot_be_discarded_or_marked_in_error() -> None:
    assert set(referral("discard")) == {"draft"}
    assert guards_of("referral", "discard", "draft")[0].name == "draft not left by redirect"
    assert "draft" not in referral("mark_in_error")


@pytest.mark.invariant("I46")
def test_closed_is_reached_only_from_completed_or_returned_and_never_by_a_provider() -> None:
    closing = into("referral", "closed")
    assert {line.source for line in closing} == {"completed", "returned"}
    for line in closing:
        assert line.roles == {"link_worker", "team_lead", "governance_lead"}


# Who (I02, I41, I42, I43, I47, I48, I54).


@pytest.mark.invariant("I47")
def test_only_a_link_worker_sends() -> None:
    assert set(referral("send")) == {"draft", "returned"}
    assert all(line.hats == LINK_WORKER for line in referral("send").values())
    assert {line.trigger for line in into("referral", "sent")} == {"send", "answer"}


@pytest.mark.invariant("I02")
def test_only_the_provider_addressed_accepts_from_sent_queried_or_waiting() -> None:
    assert set(referral("accept")) == {"sent", "queried", "waiting"}
    assert all(line.hats == PROVIDER for line in referral("accept").values())
    assert {line.trigger for line in into("referral", "accepted")} == {"accept"}


@pytest.mark.invariant("I41")
def test_the_person_can_withdraw_in_every_open_state_but_completed() -> None:
    for state in states("referral"):
        expected = state in OPEN["referral"] and state != "completed"
        allowed = cell("referral", "withdraw", state, "person", {"self"}) == ALLOWED
        assert allowed is expected, state


def test_the_person_makes_no_other_move_on_a_referral() -> None:
    assert {o.trigger for o in reading.lines("referral") if "person" in o.roles} == {"withdraw"}


@pytest.mark.invariant("I41")
def test_the_person_can_take_back_an_agreement_given_or_run_out() -> None:
    for state in states("consent"):
        allowed = cell("consent", "withdraw", state, "person", {"self"}) == ALLOWED
        assert allowed is (state in ("given", "expired"))


@pytest.mark.invariant("I42")
def test_the_provider_can_decline_or_give_back_in_every_state_with_it() -> None:
    for state in states("referral"):
        out = [
            trigger
            for trigger in ("decline", "give_back")
            if cell("referral", trigger, state, "provider_leader", {"addressed"}) == ALLOWED
        ]
        assert len(out) == (1 if state in WITH_THE_PROVIDER else 0), state
        for trigger in out:
            assert guards_of("referral", trigger, state) == ()
            assert moves("referral", trigger, state)[0].target == "returned"


@pytest.mark.invariant("I43")
def test_the_link_workers_side_and_governance_can_recall_in_every_state_with_the_provider() -> None:
    assert set(referral("recall")) == set(WITH_THE_PROVIDER)
    for line in referral("recall").values():
        assert line.hats == LINK_WORKER | GOVERNANCE | SYSTEM
        assert line.target == "returned"


def test_the_stand_in_may_do_all_that_the_named_link_worker_may() -> None:
    for noun in ("referral", "consent"):
        for line in reading.lines(noun):
            named = {Hat("link_worker", "named"), Hat("link_worker")} & line.hats
            if named:
                assert Hat("team_lead", "stand_in") in line.hats, line


def test_a_colleague_of_the_named_link_worker_makes_no_move_but_writes_down_a_call() -> None:
    for line in reading.lines("referral"):
        if line.source != NOTHING and line.trigger != "call":
            told = cell("referral", line.trigger, line.source, "link_worker")
            assert told in ("not_your_record", "not_your_role")


def test_a_call_is_written_down_in_every_open_state_and_after_an_end_and_changes_none() -> None:
    assert set(referral("call")) == {*OPEN["referral"], "closed", "withdrawn"}
    for line in referral("call").values():
        assert (line.target, line.roles) == (line.source, {"link_worker", "team_lead"})


def test_reassign_is_from_every_open_state_and_changes_none() -> None:
    assert set(referral("reassign")) == set(OPEN["referral"])
    for line in referral("reassign").values():
        assert line.target == line.source
        assert "link_worker" not in line.roles


@pytest.mark.invariant("I48")
def test_what_was_ever_sent_goes_to_in_error_only_by_two() -> None:
    assert set(referral("mark_in_error")) == {
        *(state for state in OPEN["referral"] if state != "draft"),
        "closed",
        "withdrawn",
    }
    (needed,) = [n for n in reading.needs() if (n.noun, n.trigger) == ("referral", "mark_in_error")]
    assert "second_person" in needed.needs
    assert {line.trigger for line in into("referral", "in_error")} == {"discard", "mark_in_error"}


@pytest.mark.invariant("I54")
def test_an_alarm_raised_by_a_clock_cannot_be_withdrawn() -> None:
    for state in ("raised", "in_review", "information_requested"):
        (line,) = moves("escalation", "withdraw", state)
        assert {hat.relation for hat in line.hats} == {"raiser"}
        assert "system" not in line.roles
        assert names("escalation", "withdraw", state) == {"raised_by_person"}
    assert not moves("escalation", "withdraw", "decided")


@pytest.mark.invariant("I49")
def test_an_escalation_closes_only_settled_or_overtaken() -> None:
    assert {line.trigger for line in into("escalation", "closed")} == {"complete", "overtake"}
    assert "settled" in names("escalation", "complete", "decided")
    assert {line.trigger for line in out_of("escalation", "decided")} == {"settle", "complete"}


@pytest.mark.invariant("I12")
def test_acknowledging_an_escalation_names_a_person() -> None:
    (line,) = moves("escalation", "acknowledge", "raised")
    assert "system" not in line.roles
    (needed,) = [n for n in reading.needs() if (n.noun, n.trigger) == ("escalation", "acknowledge")]
    assert needed.needs == ("reviewer",)


def test_only_a_reviewer_decides() -> None:
    (line,) = into("escalation", "decided")
    assert {hat.relation for hat in line.hats} == {"reviewer"}


# Consequences of an escalation.


def test_a_reviewer_carries_out_only_what_a_governance_lead_may() -> None:
    for consequence in reading.consequences():
        lines = [o for o in reading.lines(consequence.noun) if o.trigger == consequence.trigger]
        assert lines
        assert all(line.hats >= GOVERNANCE for line in lines)


def test_all_that_a_governance_lead_does_to_a_referral_may_be_a_consequence() -> None:
    theirs = {o.trigger for o in reading.lines("referral") if o.hats & GOVERNANCE}
    assert theirs == {c.trigger for c in reading.consequences() if c.noun == "referral"}


# Guards (I34 to I37, I39, I59).


def test_conditions_in_words_are_those_of_the_design_and_of_decision_8() -> None:
    words = {
        (guarded.noun, guarded.trigger, guard.name)
        for guarded in reading.guards()
        for guard in guarded.guards
        if guard.in_words
    }
    assert words == {
        ("referral", "lapse", "clock missed twice"),
        ("referral", "discard", "draft not left by redirect"),
        ("consent", "ask", "nothing asked or in force"),
        ("escalation", "acknowledge", "no conflict of interest"),
        ("escalation", "ask", "no conflict of interest"),
        ("escalation", "decide", "no conflict of interest"),
        ("assurance", "assure", "blocking evidence complete"),
        ("agreement", "sign", "not signed yet"),
        ("escalation", "climb", "not at the kind's ceiling"),
        ("escalation", "complete", "the raiser told"),
        ("escalation", "reopen", "in 20 days"),
    }


PLACES_ON_THE_GROUND = {
    ("send", "draft"),
    ("send", "returned"),
    ("answer", "queried"),
    ("put_on_waiting_list", "sent"),
    ("put_on_waiting_list", "queried"),
    ("accept", "sent"),
    ("accept", "queried"),
    ("accept", "waiting"),
    ("start", "accepted"),
    ("reopen", "completed"),
}
NEW_TO_THE_PROVIDER = {
    (trigger, source)
    for trigger, source in PLACES_ON_THE_GROUND
    if trigger in ("send", "accept", "reopen")
}
NOT_UNDER_A_HOLD = {
    *NEW_TO_THE_PROVIDER,
    ("start", "accepted"),
    ("resume", "paused"),
    ("contact", "accepted"),
    ("try_contact", "accepted"),
    ("confirm", "completed"),
    ("close_unmet", "returned"),
}
A_PLACE = {(trigger, source) for trigger, source in NEW_TO_THE_PROVIDER if trigger != "send"}


@pytest.mark.parametrize(
    ("guard", "where"),
    [
        ("ground_to_share", PLACES_ON_THE_GROUND),
        ("agreement_in_force", NEW_TO_THE_PROVIDER),
        ("provider_assured", NEW_TO_THE_PROVIDER),
        ("place_left", A_PLACE),
        ("not_held", NOT_UNDER_A_HOLD),
        (
            "not_duplicate",
            {
                ("send", "draft"),
                ("send", "returned"),
                ("reopen", "closed"),
                ("reopen", "withdrawn"),
            },
        ),
        ("not_died", {("reopen", s) for s in ("closed", "completed", "withdrawn")}),
        (
            "not_erased",
            {(move, end) for move in ("reopen", "call") for end in ("closed", "withdrawn")},
        ),
        ("person_identified", {("send", "draft"), ("send", "returned")}),
        ("risks_stated", {("send", "draft"), ("send", "returned")}),
        ("activity_open", {("send", "draft"), ("send", "returned")}),
    ],
)
@pytest.mark.invariant("I01", "I34")
def test_a_guard_is_asked_exactly_where_the_design_asks_it(
    guard: str, where: set[tuple[str, str]]
) -> None:
    asked = {
        (guarded.trigger, guarded.source)
        for guarded in reading.guards()
        if guarded.noun == "referral" and guard in guarded.names
    }
    assert asked == where


@pytest.mark.invariant("I39")
def test_a_named_source_of_harm_moves_nothing_but_giving_back_and_who_came() -> None:
    free = {
        (guarded.noun, guarded.trigger)
        for guarded in reading.guards()
        if guarded.noun in ("referral", "consent") and "not_implicated" not in guarded.names
    }
    assert free == {
        ("referral", "decline"),
        ("referral", "give_back"),
        ("referral", "update"),
        ("referral", "lapse"),
        ("referral", "stop"),
        ("consent", "expire"),
    }


def test_a_named_source_of_harm_reviews_nothing() -> None:
    for line in reading.lines("escalation"):
        if "reviewer" in {hat.relation for hat in line.hats}:
            asked = guards_of("escalation", line.trigger, line.source)
            (implicated,) = [guard for guard in asked if guard.name == "not_implicated"]
            others = {hat.relation for hat in line.hats if hat.role != "system"} - {"reviewer"}
            limited = line.trigger in ("climb", "unanswered")
            assert (implicated.relation == "reviewer") is limited
            assert limited or not others


@pytest.mark.invariant("I59")
def test_those_taking_part_go_on_without_papers() -> None:
    papers = {"ground_to_share", "agreement_in_force", "provider_assured", "activity_open"}
    for trigger in ("update", "pause", "resume", "complete"):
        for source in referral(trigger):
            assert not names("referral", trigger, source) & papers


@pytest.mark.invariant("I59")
def test_a_hold_never_blocks_what_the_design_leaves_open() -> None:
    never = "withdraw decline give_back recall complete mark_in_error update"
    for trigger in never.split():
        for source in referral(trigger):
            assert not names("referral", trigger, source) & {"not_held", "ground_to_share"}


# Safeguarding (I07, I45).


def test_release_is_not_while_raised_and_hold_is_in_every_open_state() -> None:
    for state in OPEN["concern"]:
        assert bool(moves("concern", "hold", state))
        assert bool(moves("concern", "release", state)) is (state != "raised")


def test_a_concern_is_closed_by_its_holder_only_and_never_unread() -> None:
    closing = into("concern", "closed")
    assert {line.source for line in closing} == {"under_review", "enquiry", "monitoring"}
    assert all({hat.relation for hat in line.hats} == {"holder"} for line in closing)


def test_the_system_only_moves_a_concern_on_to_somebody_else() -> None:
    by_system = {o.trigger for o in reading.lines("concern") if "system" in o.roles}
    assert by_system == {"climb", "pass_on"}
    fired = {e.what for f in reading.follows() for e in f.effects if e.kind == "Fire"}
    assert {what for what in fired if what.startswith("concern.")} == {"concern.pass_on"}
    causes = [f for f in reading.follows() if "concern.pass_on" in {e.what for e in f.effects}]
    assert [(f.noun, f.trigger) for f in causes] == [("concern", "name_source")]


def test_being_named_as_a_source_of_harm_gives_nobody_a_move() -> None:
    for noun in NOUNS:
        for line in reading.lines(noun):
            assert "implicated" not in {hat.relation for hat in line.hats}


# What follows (I04, I05, I36, I38, I52, I58).


@pytest.mark.invariant("I52")
def test_a_fired_move_is_one_the_system_may_make_and_has_no_guard_of_its_own() -> None:
    fired = {e.what for f in reading.follows() for e in f.effects if e.kind == "Fire"}
    assert fired == {
        "referral.stop",
        "referral.recall",
        "consent.expire",
        "consent.refuse",
        "consent.withdraw",
        "override.end",
        "emergency.end",
        "agreement.replace",
        "escalation.overtake",
        "concern.pass_on",
    }
    for what in fired:
        noun, trigger = what.split(".")
        for line in reading.lines(noun):
            if line.trigger == trigger:
                assert "system" in line.roles
                assert names(noun, trigger, line.source) <= {"not_implicated"}
                assert not [g for g in guards_of(noun, trigger, line.source) if g.in_words]


def test_stop_and_recall_reach_every_state_with_the_provider_and_no_other() -> None:
    assert set(referral("stop")) == set(referral("recall")) == set(WITH_THE_PROVIDER)
    assert set(TAKING_PART) < set(WITH_THE_PROVIDER)


@pytest.mark.invariant("I58")
def test_only_a_no_a_refusal_or_a_leaving_puts_anyone_out() -> None:
    putting_out = {
        (followed.noun, followed.trigger)
        for followed in reading.follows()
        for effect in followed.effects
        if effect.kind == "Fire" and effect.what in ("referral.stop", "referral.recall")
    }
    assert putting_out == {
        ("consent", "refuse"),
        ("consent", "withdraw"),
        ("override", "end"),
        ("assurance", "refuse"),
        ("assurance", "leave"),
    }
    assert effects_of("consent", "expire") == ()


@pytest.mark.parametrize(
    ("noun", "trigger", "kind"),
    [
        ("referral", "lapse", "no_reply"),
        ("assurance", "suspend", "quality"),
        ("assurance", "lapse", "quality"),
        ("agreement", "expire", "information_sharing"),
        ("agreement", "end", "information_sharing"),
    ],
)
def test_these_moves_raise_one_escalation(noun: str, trigger: str, kind: str) -> None:
    assert [e.what for e in effects_of(noun, trigger) if e.kind == "Raise"] == [kind]


def test_no_other_move_raises_an_escalation() -> None:
    raising = {
        (f.noun, f.trigger) for f in reading.follows() for e in f.effects if e.kind == "Raise"
    }
    assert raising == {
        ("referral", "lapse"),
        ("assurance", "suspend"),
        ("assurance", "lapse"),
        ("emergency", "review"),
        ("agreement", "expire"),
        ("agreement", "end"),
    }


@pytest.mark.invariant("I50")
def test_a_consent_is_renewed_without_leaving_its_state() -> None:
    (line,) = moves("consent", "renew", "given")
    assert line.target == "given"


# Sharing without consent (5.3).


def test_sharing_without_consent_takes_a_second_person_and_a_third_who_reviews() -> None:
    for trigger in ("approve", "refuse"):
        (line,) = moves("override", trigger, "proposed")
        assert {hat.relation for hat in line.hats} == {"holder", "ladder"}
        assert names("override", trigger, "proposed") == {"not_the_proposer"}
    assert names("override", "review", "ended") == {"not_the_proposer", "not_the_approver"}


def test_proposing_to_share_is_never_blocked_by_what_is_missing() -> None:
    assert names("override", "propose", NOTHING) == {"not_implicated"}


def test_what_has_ended_is_reviewed_and_nothing_else() -> None:
    assert {line.trigger for line in out_of("override", "ended")} == {"review"}
    assert {line.trigger for line in into("override", "approved")} == {"approve"}


# Clocks (I44, I53).


def test_the_clocks_a_hold_stops_are_those_of_the_design() -> None:
    stopped = {c.state for c in reading.clocks() if c.stops_while_held}
    assert stopped == {"draft", "sent", "waiting", "accepted", "paused", "returned", "completed"}
    assert {c.noun for c in reading.clocks() if c.stops_while_held} == {"referral"}


@pytest.mark.invariant("I44")
def test_a_clock_that_runs_on_under_a_hold_can_be_met_under_it() -> None:
    owners = {"queried": "answer", "active": "update"}
    running = {
        c.state
        for c in reading.clocks()
        if c.noun == "referral" and not c.stops_while_held and not c.beside
    }
    assert running == set(owners)
    for state, trigger in owners.items():
        assert "not_held" not in names("referral", trigger, state)


def test_the_not_started_clock_runs_beside_and_no_hold_stops_it() -> None:
    beside = [c for c in reading.clocks() if c.beside]
    assert {c.state for c in beside} == {"*not_started"}
    assert not any(c.stops_while_held for c in beside)
    starting = {
        (f.noun, f.trigger)
        for f in reading.follows()
        for e in f.effects
        if e.kind == "StartClock" and e.what == "not_started"
    }
    assert starting == {("referral", "send")}


@pytest.mark.parametrize(
    ("noun", "state", "when", "days"),
    [
        ("referral", "draft", "", 5),
        ("referral", "sent", "", 5),
        ("referral", "sent", "urgent", 2),
        ("referral", "queried", "", 3),
        ("referral", "waiting", "", 20),
        ("referral", "accepted", "until the first contact", 10),
        ("referral", "active", "breaks of the cohort's calendar not counted", 30),
        ("referral", "returned", "", 3),
        ("referral", "completed", "", 10),
        ("referral", "*not_started", "from the first send until start or an end", 60),
        ("consent", "asked", "while an open referral needs it", 10),
        ("override", "proposed", "", 1),
        ("override", "approved", "", 5),
        ("override", "ended", "", 5),
        ("concern", "reported", "", 2),
        ("concern", "enquiry", "", 20),
        ("concern", "monitoring", "", 30),
        ("escalation", "raised", "", 2),
        ("escalation", "in_review", "the one who acknowledged", 5),
        ("escalation", "decided", "", 5),
        ("assurance", "applied", "", 10),
        ("assurance", "in_review", "", 20),
        ("assurance", "lapsed", "the provider for evidence", 20),
        ("agreement", "drafted", "", 20),
        ("rights_request", "received", "", 5),
        ("rights_request", "identity_checked", "", 5),
        ("rights_request", "asked", "", 10),
    ],
)
def test_days_are_read_as_numbers(noun: str, state: str, when: str, days: int) -> None:
    (clock,) = [c for c in reading.clocks() if (c.noun, c.state, c.when) == (noun, state, when)]
    assert clock.number == days


def test_a_date_is_not_a_number_of_days() -> None:
    (clock,) = [c for c in reading.clocks() if (c.noun, c.state) == ("consent", "given")]
    assert clock.number is None
