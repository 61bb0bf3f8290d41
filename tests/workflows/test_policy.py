"""Policy is rows: the nearest place answers, never backwards, and only by those who may."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from referral import policy
from referral.policy import SHIPPED, rules_in, rules_of
from referral.states import Noun
from referral.store import Sql, Store, Tx
from tests.world import World, build
from workflows.engine import Refused, available
from workflows.evidence import add_evidence
from workflows.policy import effect, set_rule, take_back
from workflows.working_time import ENGLAND, add

DUE = Sql(
    "SELECT due, period FROM clock WHERE record_id = :id AND kind = :kind AND ended IS NULL",
    times=(0,),
)
LOGGED = Sql("SELECT action, record_id FROM audit WHERE noun = 'policy' ORDER BY seq")
EDIT = Sql("UPDATE policy_rule SET value = '1' WHERE id = :id")
DELETE = Sql("DELETE FROM policy_rule WHERE id = :id")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def rule(w: World, name: str, value: Any, place: str = "harbour", **more: Any) -> str:
    """A rule made by the system's administrator."""
    who = w.actor[more.pop("who", "ada")]
    kind = more.pop("kind", "days")
    with w.store.begin(who) as tx:
        return set_rule(
            tx, who, w.at, place_id=w.place[place], kind=kind, name=name, value=value, **more
        )


def days(w: World, name: str, place: str = "harbour", at: datetime | None = None) -> int:
    with w.store.read() as tx:
        found = rules_in(tx, w.system_id, w.place[place], at or w.at)
        assert found is not None
        return found.days(name)


def why(refused: pytest.ExceptionInfo[Refused]) -> str:
    return refused.value.refusals[0].why


def clock(w: World, record: str, kind: str = "referral.sent") -> tuple[datetime, int]:
    with w.store.read() as tx:
        row = tx.row(DUE, id=record, kind=kind)
        assert row is not None
        return row[0], row[1]


def test_the_nearest_place_answers_then_the_system_then_the_example(w: World) -> None:
    assert days(w, "referral.sent") == policy.DAYS["referral.sent"] == 5
    rule(w, "referral.sent", 7, "root")
    assert (days(w, "referral.sent"), days(w, "referral.sent", "fen")) == (7, 7)
    rule(w, "referral.sent", 4, "harbour")
    assert (days(w, "referral.sent"), days(w, "referral.sent", "fen")) == (4, 7)
    w.later(days=1)
    rule(w, "referral.sent", None, "harbour")
    assert days(w, "referral.sent") == 7


def test_a_new_clock_goes_by_the_rule_and_a_running_one_keeps_its_own(w: World) -> None:
    before = w.sent()
    was = clock(w, before)
    rule(w, "referral.sent", 8)
    after = w.sent(activity="pottery")
    assert clock(w, before) == was == (add(w.at, 5, ENGLAND), 5)
    assert clock(w, after) == (add(w.at, 8, ENGLAND), 8)


def test_a_rule_begins_on_its_day_and_any_day_can_be_read(w: World) -> None:
    start = w.at
    rule(w, "referral.sent", 8, from_at=w.at + timedelta(days=10))
    assert days(w, "referral.sent") == 5
    w.later(days=10)
    assert days(w, "referral.sent") == 8
    w.later(days=10)
    rule(w, "referral.sent", 3)
    assert days(w, "referral.sent") == 3
    assert days(w, "referral.sent", at=start + timedelta(days=12)) == 8
    assert days(w, "referral.sent", at=start) == 5


def test_no_rule_reaches_back(w: World) -> None:
    with pytest.raises(Refused) as refused:
        rule(w, "referral.sent", 8, from_at=w.at - timedelta(minutes=1))
    assert refused.value.refusals[0].field == "from_at"
    assert days(w, "referral.sent") == 5


def test_a_rule_is_never_edited_or_removed(w: World) -> None:
    made = rule(w, "referral.sent", 8)
    for statement in (EDIT, DELETE):
        with (
            pytest.raises(Exception, match=r"never edited|permission denied"),
            w.store.begin() as tx,
        ):
            tx.run(statement, id=made)
    assert days(w, "referral.sent") == 8


def test_a_planned_rule_can_be_taken_back_until_its_day(w: World) -> None:
    ada = w.actor["ada"]
    planned = rule(w, "referral.sent", 8, from_at=w.at + timedelta(days=10))
    with w.store.begin(ada) as tx:
        take_back(tx, ada, w.at, rule_id=planned)
    in_force = rule(w, "referral.queried", 4)
    w.later(days=20)
    assert days(w, "referral.sent") == 5
    for gone in (planned, in_force):
        with pytest.raises(Refused), w.store.begin(ada) as tx:
            take_back(tx, ada, w.at, rule_id=gone)
    assert days(w, "referral.queried") == 4


def test_only_those_who_answer_for_the_place_change_it(w: World) -> None:
    assert rule(w, "referral.sent", 6, "harbour", who="grace")
    for who, place, code in (
        ("grace", "fen", "not_found"),
        ("grace", "root", "not_found"),
        ("priya", "harbour", "not_your_role"),
        ("cora", "root", "not_your_role"),
        ("sol", "harbour", "not_your_role"),
    ):
        with pytest.raises(Refused) as refused:
            rule(w, "referral.sent", 9, place, who=who)
        assert refused.value.codes == (code,)
    assert days(w, "referral.sent") == 6
    assert days(w, "referral.sent", "fen") == 5


@pytest.mark.parametrize(
    ("kind", "name", "value", "says"),
    [
        ("days", "referral.sent", 0, "from 1 to 20"),
        ("days", "referral.sent", 21, "from 1 to 20"),
        ("days", "referral.sent", "5", "whole number"),
        ("days", "referral.sent", True, "whole number"),
        ("days", "referral.sent", 1, "Urgent can't take longer"),
        ("days", "left_at_least", 3, "no such rule"),
        ("days", "nothing", 3, "no such rule"),
        ("days", "concern.raised.danger_hours", 24, "from 1 to 4"),
        ("ceiling", "complaint", 5, "from 2 to 4"),
        ("reasons", "referral.decline", [], "at least one"),
        ("reasons", "referral.decline", ["full", "full"], "same"),
        ("reasons", "referral.decline", ["Too far"], "small letters"),
        ("reasons", "referral.withdraw", ["person_asked"], "Keep: died"),
        ("reasons", "consent.withdraw", ["not_said"], "no such rule"),
        ("blocks", "dbs", False, "always stop"),
        ("blocks", "juggling", True, "no such kind"),
        ("months", "consent", 36, "from 1 to 24"),
        ("weather", "rain", 1, "no such rule"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_a_sentence(
    module_world: World, kind: str, name: str, value: Any, says: str
) -> None:
    with pytest.raises(Refused) as refused:
        rule(module_world, name, value, "root", kind=kind)
    assert says in why(refused)


@pytest.fixture(scope="module")
def module_world(sqlite_template: Any, tmp_path_factory: pytest.TempPathFactory) -> World:
    """One world for questions that change nothing."""
    path = tmp_path_factory.mktemp("policy") / "segue.db"
    path.write_bytes(sqlite_template.read_bytes())
    return build(Store(f"sqlite:///{path}"))


def test_what_is_so_already_is_not_made_again(w: World) -> None:
    rule(w, "referral.sent", 8)
    with pytest.raises(Refused) as refused:
        rule(w, "referral.sent", 8)
    assert refused.value.codes == ("no_change",)
    with pytest.raises(Refused) as refused:
        rule(w, "referral.queried", None)
    assert refused.value.codes == ("no_change",)


def test_every_change_is_in_the_log(w: World) -> None:
    made = rule(w, "referral.sent", 8)
    with w.store.read() as tx:
        assert tx.rows(LOGGED) == [("policy_set", made)]


def test_a_place_s_own_reasons_are_asked_for_and_taken(w: World) -> None:
    record = w.sent()
    own = ["full", {"code": "no_interpreter", "says": "No interpreter on that day"}]
    rule(w, "referral.decline", own, kind="reasons")
    sol = w.actor["sol"]
    with w.store.read(sol) as tx:
        option = next(
            o for o in available(tx, Noun.REFERRAL, record, sol, w.at) if o.trigger == "decline"
        )
    assert option.needs[0].values == ("full", "no_interpreter")
    with pytest.raises(Refused) as refused:
        w.referral(record, "decline", "sol", given={"reason": "access_need"})
    assert refused.value.codes == ("needs_reason",)
    done = w.referral(record, "decline", "sol", given={"reason": "no_interpreter"})
    assert done.state == "returned"


def test_elsewhere_the_reasons_are_the_examples(w: World) -> None:
    rule(w, "referral.decline", ["full"], "fen", kind="reasons")
    done = w.referral(w.sent(), "decline", "sol", given={"reason": "access_need"})
    assert done.state == "returned"


def test_a_ceiling_holds_for_what_is_raised_after_it(w: World) -> None:
    record = w.draft()

    def raise_one() -> str:
        given = {
            "kind": "capacity",
            "note": "No places anywhere.",
            "about": "referral",
            "about_id": record,
        }
        return w.step(Noun.ESCALATION, None, "raise", "priya", given=given).id

    ceiling = Sql("SELECT ceiling FROM escalation WHERE id = :id")
    first = raise_one()
    rule(w, "capacity", 3, kind="ceiling")
    second = raise_one()
    with w.store.read() as tx:
        assert [tx.rows(ceiling, id=e)[0][0] for e in (first, second)] == [2, 3]


def test_consent_holds_for_the_months_in_force_when_it_was_given(w: World) -> None:
    until = Sql("SELECT until FROM consent WHERE id = :id", times=(0,))
    first = w.consent(w.person()).id
    rule(w, "consent", 6, "root", kind="months")
    second = w.consent(w.person()).id
    with w.store.read() as tx:
        one, two = (tx.rows(until, id=c)[0][0] for c in (first, second))
    assert (one.year, one.month) == (2027, 5)
    assert (two.year, two.month) == (2026, 11)


def test_evidence_a_place_asks_for_is_needed_from_the_next_review_on(w: World) -> None:
    own = ["public_liability", "dbs", {"code": "boat_licence", "says": "Boat licence"}]
    rule(w, "small_group", own, kind="evidence")
    with w.store.read() as tx:
        rules = rules_of(tx, w.org["singers"], w.at)
    assert rules.evidence("small_group") == ("public_liability", "dbs", "boat_licence")
    assert rules.words("evidence", "small_group") == {"boat_licence": "Boat licence"}
    assert not rules.blocks("boat_licence")
    record = w.sent()
    assert w.referral(record, "accept", "sol").state == "accepted"  # nobody assured loses it
    rule(w, "boat_licence", True, kind="blocks")
    grace = w.actor["grace"]
    with w.store.begin(grace) as tx:
        made = add_evidence(
            tx,
            grace,
            w.at,
            provider_id=w.provider["singers"],
            kind="boat_licence",
            from_at=w.at - timedelta(days=1),
            until=w.at + timedelta(days=30),
        )
    blocking = Sql("SELECT blocking FROM evidence WHERE id = :id")
    with w.store.read() as tx:
        assert tx.rows(blocking, id=made)[0][0]


def test_the_preview_says_what_is_kept_and_which_places_stay_apart(w: World) -> None:
    w.sent()
    rule(w, "referral.sent", 9, "fen")
    ada = w.actor["ada"]

    def seen(place: str, kind: str = "days", name: str = "referral.sent", value: Any = 6) -> Any:
        with w.store.read(ada) as tx:
            return effect(tx, ada, w.at, place_id=w.place[place], kind=kind, name=name, value=value)

    found = seen("root")
    assert (found.was, found.value, found.keeps, found.own) == (5, 6, 1, ("Fen",))
    assert seen("fen").keeps == 0
    assert (seen("fen", value=None).was, seen("fen", value=None).value) == (9, 5)
    assert seen("root", name="concern.raised", value=2).keeps is None  # not even how many
    assert seen("root", "evidence", "small_group", ["dbs"]).keeps == 2


def test_another_transaction_s_rules_never_leak_into_one_s_own(w: World) -> None:
    """What was read at a rule stays what it was, however many follow."""
    first = rule(w, "referral.sent", 8)
    with w.store.read() as tx:
        held = rules_in(tx, w.system_id, w.place["harbour"], w.at)
    rule(w, "referral.sent", 9)
    assert held is not None
    assert held.days("referral.sent") == 8
    assert days(w, "referral.sent") == 9
    policy._books.clear()  # as another process would read it, now that a rule followed
    with w.store.read() as tx:
        assert [r.id for r in policy.book(tx, first).rules] == [first]
    with pytest.raises(RuntimeError):
        undone(w)
    assert days(w, "referral.sent") == 9


def undone(w: World) -> None:
    """A rule made and read in a transaction that comes to nothing."""
    ada = w.actor["ada"]
    with w.store.begin(ada) as tx:
        set_rule(
            tx,
            ada,
            w.at,
            place_id=w.place["harbour"],
            kind="days",
            name="referral.sent",
            value=10,
        )
        inside = rules_in(tx, w.system_id, w.place["harbour"], w.at)
        assert inside is not None
        assert inside.days("referral.sent") == 10
        raise RuntimeError("Nothing of it may be left.")


class Counted:
    """How many statements a transaction ran."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.number = 0
        run = Tx.execute

        def execute(tx: Tx, sql: str, values: Any) -> Any:
            self.number += 1
            return run(tx, sql, values)

        monkeypatch.setattr(Tx, "execute", execute)


def test_asking_for_policy_costs_a_step_no_statement(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = w.sent(), w.sent(activity="pottery"), w.sent()
    counted = Counted(monkeypatch)

    def cost(record: str, who: str) -> int:
        counted.number = 0
        w.referral(record, "accept", who)
        return counted.number

    plain = cost(first, "sol")
    rule(w, "referral.accepted", 12)
    policy._books.clear()
    assert cost(second, "kit") == plain + 1  # the first in this process reads the rules
    assert cost(third, "sol") == plain
    assert clock(w, third, "referral.accepted")[1] == 12


def test_the_shipped_examples_are_kept_as_text_and_read_again() -> None:
    found = policy.shipped_in(policy.shipped_text())
    assert found["days", "referral.sent"] == 5
    assert found["reasons", "referral.decline"][0] == {"code": "full"}
    assert len(found) == sum(len(names) for names in policy.shipped().values())
    assert SHIPPED.days("referral.sent") == 5
