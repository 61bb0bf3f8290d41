"""The four shapes of governance that ship: ladder, reviewers and lines come out right in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from referral import accountability as rows
from referral import ladder
from referral.actors import Actor, the_system
from referral.members import actor_of
from referral.states import Noun, Role
from referral.store import Door, Sql, Store
from workflows.accountability import lines, who_answers
from workflows.engine import step
from workflows.organisations import (
    add_membership,
    add_organisation,
    add_user,
    set_away,
    setup_system,
)
from workflows.shapes import (
    Shape,
    ShapeWrong,
    load_shape,
    own_shape,
    parse,
    shipped,
    shipped_text,
    written,
)

AT = datetime(2026, 5, 12, 9, tzinfo=UTC)
KEYS = ("combined_authority", "nation", "practice", "system")
ROOT = Sql("SELECT id, path FROM place WHERE parent_id IS NULL")
PLACES = Sql("SELECT id, name, path FROM place WHERE kind = 'place' ORDER BY name")
TEAMS = Sql("SELECT id FROM organisation WHERE kind = 'practice'")


class Shaped:
    """A system of one shape, with one team and everyone who stands above it."""

    def __init__(self, store: Store, key: str) -> None:
        self.store, self.posts = store, dict[str, Actor]()
        (shape,) = [s for s in shipped() if s.key == key]
        with store.begin() as tx:
            made = setup_system(tx, "Saltmarsh", AT)
            self.actor = the_system(made["system_id"], "test")
            self.made = load_shape(tx, self.actor, AT, shape)
            self.root, self.root_path = tx.rows(ROOT)[0]
            self.board = made["organisation_id"]
            places = tx.rows(PLACES)
            self.places = [(row[0], row[1]) for row in places]
            spot, self.path = (
                (places[0][0], places[0][2]) if places else (self.root, self.root_path)
            )
            self.spot = spot
            teams = tx.rows(TEAMS)
            self.team = (
                teams[0][0]
                if teams
                else add_organisation(
                    tx, self.actor, AT, name="Ash Lane practice", kind="practice", place_id=spot
                )
            )

    def post(self, role: Role, where: str, place: str | None = None) -> Actor:
        """Somebody who holds this role."""
        name = f"{role} {len(self.posts)}"
        with self.store.begin() as tx:
            user = add_user(tx, self.actor, AT, name=name, email=f"{len(self.posts)}@example.org")
            member = add_membership(
                tx, self.actor, AT, user_id=user, organisation_id=where, role=role, place_id=place
            )
            found = actor_of(tx, member, AT)
        assert found is not None
        self.posts[name] = found
        return found

    def fill(self) -> None:
        """Everyone the shape asks for, and a link worker."""
        self.worker = self.post(Role.LINK_WORKER, self.team)
        self.lead = self.post(Role.TEAM_LEAD, self.team)
        self.post(Role.GOVERNANCE_LEAD, self.board, self.spot)
        if self.spot != self.root:
            self.post(Role.GOVERNANCE_LEAD, self.board, self.root)
        self.post(Role.SAFEGUARDING_LEAD, self.team)
        for place in {self.spot, self.root}:
            self.post(Role.SAFEGUARDING_LEAD, self.board, place)
        self.post(Role.ACCOUNTABLE_OFFICER, self.board, self.top_place)

    @property
    def top_place(self) -> str:
        found = self.ladder().top
        return self.spot if found.stands == "place" else self.root

    def ladder(self) -> ladder.Ladder:
        with self.store.read() as tx:
            return ladder.ladder(tx, self.actor.system_id, self.team, self.path, AT)

    def climbs(self, kind: str) -> list[int]:
        """The levels an escalation of this kind goes through when nobody answers."""
        with self.store.begin(self.worker) as tx:
            given = {"kind": kind, "note": "Nobody answers."}
            made = step(tx, Noun.ESCALATION, None, "raise", self.worker, AT, given)
        found, level = [], Sql("SELECT level, ceiling FROM escalation WHERE id = :id")
        for n in range(5):
            with self.store.begin() as tx:
                now, ceiling = (tx.row(level, id=made.id)) or (0, 0)
                found.append(now)
                if now >= ceiling:
                    break
                at = AT + timedelta(days=3 * n)
                step(tx, Noun.ESCALATION, made.id, "climb", self.actor, at)
        return found


@pytest.fixture(params=KEYS)
def shaped(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[Shaped]:
    store = Store(sqlite_url)
    yield Shaped(store, request.param)
    store.dispose()


EXPECTED: dict[str, dict[str, Any]] = {
    "practice": {
        "places": 0,
        "titles": ["Lead link worker", "Practice manager", "Senior partner"],
        "no_reply": [1, 2],
        "disagreement": [1, 2],
        "complaint": [1, 2, 4],
    },
    "system": {
        "places": 5,
        "titles": [
            "Team lead",
            "Place lead for personalised care",
            "System lead for personalised care",
            "Chief executive of the system",
        ],
        "no_reply": [1, 2],
        "disagreement": [1, 2, 3],
        "complaint": [1, 2, 3, 4],
    },
    "combined_authority": {
        "places": 10,
        "titles": [
            "Team lead",
            "Locality coordinator",
            "Lead for creative health",
            "Chief executive of the combined authority",
        ],
        "no_reply": [1, 2],
        "disagreement": [1, 2, 3],
        "complaint": [1, 2, 3, 4],
    },
    "nation": {
        "places": 7,
        "titles": [
            "Team lead",
            "Arts and health coordinator",
            "Chief executive of the health board",
        ],
        "no_reply": [1, 2],
        "disagreement": [1, 2],
        "complaint": [1, 2, 4],
    },
}


def test_ladder_and_lines_come_out_right(shaped: Shaped, request: pytest.FixtureRequest) -> None:
    expected = EXPECTED[request.node.callspec.params["shaped"]]
    assert len(shaped.places) == expected["places"]
    shaped.fill()
    assert [rung.title for rung in shaped.ladder().rungs] == expected["titles"]
    for kind in ("no_reply", "disagreement", "complaint"):
        assert shaped.climbs(kind) == expected[kind], kind
    with shaped.store.begin(shaped.worker) as tx:
        given = {"kind": "other", "note": "Who answers?"}
        made = step(tx, Noun.ESCALATION, None, "raise", shaped.worker, AT, given)
    with shaped.store.read() as tx:
        found = lines("escalation", rows.known(tx, shaped.worker, AT, "escalation", made.id))
    work = next(line for line in found if line.lane == "work")
    assert [s.title or str(s.role) for s in work.steps] == expected["titles"]
    assert not any(line.gaps for line in found), found
    assert [s.now for s in work.steps] == [True] + [False] * (len(work.steps) - 1)
    safe = next(line for line in found if line.lane == "safeguarding")
    assert safe.steps[-1].role is Role.ACCOUNTABLE_OFFICER


def test_a_lost_pottery_reply_never_reaches_an_accountable_officer(shaped: Shaped) -> None:
    """Not even where every post below is empty."""
    worker = shaped.post(Role.LINK_WORKER, shaped.team)
    shaped.post(Role.ACCOUNTABLE_OFFICER, shaped.board, shaped.top_place)
    shaped.worker = worker
    assert max(shaped.climbs("no_reply")) <= 3
    owner = Sql("SELECT owner FROM escalation")
    with shaped.store.read() as tx:
        assert all("accountable_officer" not in row[0] for row in tx.rows(owner))
    assert max(shaped.climbs("complaint")) == 4


def test_what_nobody_holds_is_named(shaped: Shaped) -> None:
    over = Actor(
        role=Role.GOVERNANCE_LEAD, system_id=shaped.actor.system_id, place_path=shaped.root_path
    )
    shaped.post(Role.LINK_WORKER, shaped.team)
    with shaped.store.read() as tx:
        before = who_answers(rows.everybody(tx, over, AT))
    gaps = {gap.code for one in before for gap in one.gaps}
    assert {"empty_rung", "nobody_leads"} <= gaps
    shaped.fill()
    with shaped.store.read() as tx:
        after = who_answers(rows.everybody(tx, over, AT))
    mine = next(one for one in after if one.area.id == shaped.spot)
    assert {gap.code for gap in mine.gaps} <= {
        "no_safeguarding_phone",
        "no_out_of_hours_phone",
        "no_outside_contact",
    }


def test_loading_again_makes_nothing_twice(shaped: Shaped) -> None:
    with shaped.store.begin() as tx:
        (shape,) = [s for s in shipped() if len(s.places) == len(shaped.places)]
        again = load_shape(tx, shaped.actor, AT + timedelta(days=1), shape)
    assert (again.places, again.organisations) == (0, 0)
    assert len(shaped.ladder().rungs) == again.rungs


def test_who_is_away_is_passed_over_until_they_are_back(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    s = Shaped(store, "system")
    s.fill()
    with store.begin() as tx:
        set_away(
            tx, s.lead, AT, membership_id=s.lead.membership_id, start=AT,
            end=AT + timedelta(days=5),
        )  # fmt: skip
    assert s.ladder().review(1, 3)[0] == 2
    with store.read() as tx:
        later = ladder.ladder(tx, s.actor.system_id, s.team, s.path, AT + timedelta(days=6))
    assert later.review(1, 3)[0] == 1
    store.dispose()


def test_every_shape_says_what_it_is_and_can_be_printed() -> None:
    assert tuple(s.key for s in shipped()) == KEYS
    for shape in shipped():
        assert shape.title
        assert shape.says.endswith(".")
        text = shipped_text(shape.key)
        assert text is not None
        assert parse(text, shape.key) == shape
    assert shipped_text("../shapes") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[places]]\nname = 'A'", "lacks 'key'"),
        ("[[places]]\nkey = 'a'\nname = 'A'\nunder = 'b'", "above it"),
        ("[[rungs]]\nlevel = 5\nrole = 'team_lead'\nstands = 'root'", "from 1 to 4"),
        ("[[rungs]]\nlevel = 1\nrole = 'auditor'\nstands = 'root'", "role is one of"),
        ("[[organisations]]\nname = 'A'\nkind = 'club'", "kind is one of"),
        ("places = 3", "Write each"),
        ("=", "can't be read"),
    ],
)
def test_a_file_that_is_no_shape_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(ShapeWrong, match=says):
        parse(text, "mine")


def test_a_systems_own_shape_is_written_and_makes_the_same_elsewhere(shaped: Shaped) -> None:
    """What one place works by is a file that another loads."""

    def loaded(name: str, shape: Shape) -> Shape:
        with shaped.store.begin(door=Door.WHOLE) as tx:
            there = setup_system(tx, name, AT)["system_id"]
            load_shape(tx, the_system(there, "test"), AT, shape)
        with shaped.store.read(door=Door.WHOLE) as tx:
            return own_shape(tx, there, AT)

    with shaped.store.begin(door=Door.WHOLE) as tx:
        (system_id,) = tx.rows(Sql("SELECT id FROM system"))[0]
        somebody, where = the_system(system_id, "test"), tx.rows(ROOT)[0][0]
        choir = "A choir of its own"
        add_organisation(tx, somebody, AT, name=choir, kind="provider", place_id=where)
        text = written(own_shape(tx, system_id, AT))
    assert "A choir of its own" not in text  # who provides is no part of how it is governed
    told = parse(text, "ours")
    assert told.places or told.rungs
    again = loaded("Elsewhere {there}", told)
    assert again.places == told.places
    assert again.organisations == told.organisations
    assert again.rungs == told.rungs
    fewer = parse(written(replace(told, organisations=told.organisations[1:])), "ours")
    assert not same(loaded("Fewer", fewer), told)


def same(one: Shape, two: Shape) -> bool:
    """Whether two shapes have the same places, organisations and rungs."""
    return (one.places, one.organisations, one.rungs) == (two.places, two.organisations, two.rungs)
