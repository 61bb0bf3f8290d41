"""Who may set up what, and where: refused by the commands, whatever page or program asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from referral.actors import Actor
from referral.states import Role
from referral.store import Sql, Store, Tx
from tests.counting import only_these_grow
from tests.world import World, build
from workflows.activities import add_provider, save_activity, save_group
from workflows.engine import Refused
from workflows.organisations import BY_ADMINISTRATOR, add_membership, add_user, roles_to_give

Try = Callable[[Tx, World, Actor], Any]


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def codes(w: World, who: str, command: Try) -> tuple[str, ...]:
    """The refusals a command comes to, with nothing written; none when it is done."""
    actor = w.actor[who]
    try:
        with w.store.begin(actor) as tx:
            command(tx, w, actor)
    except Refused as refused:
        return refused.codes
    return ()


def membership(role: Role, organisation: str = "ash", place: str | None = None) -> Try:
    def add(tx: Tx, w: World, actor: Actor) -> None:
        user = tx.rows(Sql("SELECT id FROM app_user WHERE email = 'rae@example.org'"))[0][0]
        add_membership(
            tx,
            actor,
            w.at,
            user_id=user,
            organisation_id=w.org[organisation],
            role=role,
            place_id=w.place[place] if place else None,
        )

    return add


def test_a_role_is_given_only_by_who_may_give_it(w: World) -> None:
    giving = {
        role: codes(w, "grace", membership(role, place="harbour"))
        for role in Role
        if role is not Role.PROVIDER_LEADER
    }
    theirs = {role for role, found in giving.items() if not found}
    assert theirs == {
        Role.LINK_WORKER,
        Role.TEAM_LEAD,
        Role.SAFEGUARDING_LEAD,
        Role.GOVERNANCE_LEAD,
    }
    assert {*giving.values()} == {(), ("role_not_yours_to_give",)}
    for role in BY_ADMINISTRATOR:
        assert codes(w, "ada", membership(role, place="harbour")) == ()
    for who in ("priya", "tess", "sol", "gwen", "art"):
        assert codes(w, who, membership(Role.LINK_WORKER)) == ("not_your_role",)
    assert {roles_to_give(role) for role in Role if role not in SETS_UP} == {()}


SETS_UP = (Role.ADMINISTRATOR, Role.GOVERNANCE_LEAD, Role.SYSTEM)


def test_a_role_is_given_only_in_the_place_one_answers_for(w: World) -> None:
    assert codes(w, "grace", membership(Role.LINK_WORKER, "fenside")) == ("not_found",)
    assert codes(w, "grace", membership(Role.GOVERNANCE_LEAD, place="fen")) == ("not_found",)
    assert codes(w, "grace", membership(Role.GOVERNANCE_LEAD, place="root")) == ("not_found",)
    assert codes(w, "fred", membership(Role.LINK_WORKER, "fenside")) == ()
    assert codes(w, "gail", membership(Role.GOVERNANCE_LEAD, place="root")) == ()


def test_a_role_over_a_place_names_the_place_and_no_role_is_given_twice(w: World) -> None:
    for role in (Role.GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER):
        assert codes(w, "ada", membership(role)) == ("wrong_place_id",)
    assert codes(w, "ada", membership(Role.LINK_WORKER)) == ()
    assert codes(w, "ada", membership(Role.LINK_WORKER)) == ("wrong_role",)
    assert codes(w, "ada", membership(Role.TEAM_LEAD)) == ()


def test_activities_and_places_are_kept_by_their_leaders_and_whose_place_it_is(w: World) -> None:
    def change(tx: Tx, w: World, actor: Actor) -> None:
        values = {"when_words": "Fridays"}
        save_activity(
            tx,
            actor,
            w.at,
            provider_id=w.provider["singers"],
            values=values,
            activity_id=w.activity["choir"],
        )

    def add(tx: Tx, w: World, actor: Actor) -> None:
        save_activity(tx, actor, w.at, provider_id=w.provider["singers"], values={"name": "New"})

    def room(tx: Tx, w: World, actor: Actor) -> None:
        save_group(
            tx,
            actor,
            w.at,
            activity_id=w.activity["choir"],
            values={"capacity": 9},
            group_id=w.group["choir"],
        )

    def provider(tx: Tx, w: World, actor: Actor) -> None:
        add_provider(tx, actor, w.at, organisation_id=w.org["ash"])

    for command in (change, add, room):
        with only_these_grow(w.store):
            assert codes(w, "kit", command) == ("not_found",)
            assert codes(w, "fred", command) == ("not_found",)
            assert codes(w, "priya", command) == ("not_your_role",)
        for who in ("sol", "grace", "gail", "ada"):
            assert codes(w, who, command) == ()
    assert codes(w, "fred", provider) == ("not_found",)
    assert codes(w, "sol", provider) == ("not_your_role",)
    assert codes(w, "grace", provider) == ()


def test_there_is_room_for_everybody_who_has_a_place_whichever_way_they_came(w: World) -> None:
    w.accepted()
    w.accepted()

    def room(**values: Any) -> tuple[str, ...]:
        def save(tx: Tx, w: World, actor: Actor) -> None:
            save_group(
                tx,
                actor,
                w.at,
                activity_id=w.activity["choir"],
                values=values,
                group_id=w.group["choir"],
            )

        return codes(w, "sol", save)

    assert room(capacity=1) == ("wrong_capacity",)
    assert room(capacity=4, members_from_outside=3) == ("wrong_capacity",)
    assert room(members_from_outside=7) == ("wrong_members_from_outside",)
    assert room(capacity=5, members_from_outside=3) == ()
    assert room(capacity=4) == ("wrong_capacity",)
    assert room(capacity=4, members_from_outside=2) == ()
    with w.store.begin() as tx:
        tx.run(Sql("UPDATE activity_group SET capacity = 1"))
    assert room(name="Fridays") == ()
    assert room(capacity=2) == ("wrong_capacity",)


def test_a_new_group_has_room_for_those_who_are_there_already(w: World) -> None:
    def group(**values: Any) -> Try:
        return lambda tx, w, actor: save_group(
            tx, actor, w.at, activity_id=w.activity["choir"], values={"name": "New", **values}
        )

    assert codes(w, "sol", group(capacity=3, members_from_outside=4)) == ("wrong_capacity",)
    assert codes(w, "sol", group(members_from_outside=1)) == ("wrong_members_from_outside",)
    assert codes(w, "sol", group(capacity=4, members_from_outside=4)) == ()


def test_an_account_is_made_only_by_who_sets_up(w: World) -> None:
    def user(tx: Tx, w: World, actor: Actor) -> None:
        add_user(tx, actor, w.at, name="Nia New", email=f"{actor.user_id}@example.org")

    for who in ("priya", "sol", "gwen", "cora"):
        assert codes(w, who, user) == ("not_your_role",)
    assert codes(w, "ada", user) == codes(w, "grace", user) == ()


@pytest.mark.parametrize("who", ["ada", "grace"])
def test_nobody_gives_themselves_a_role(w: World, who: str) -> None:
    """Whoever runs the service or leads comes to people's records by somebody else's leave."""
    actor, other = w.actor[who], w.actor["sol"]
    for user, refused in ((actor.user_id, ("not_to_yourself",)), (other.user_id, ())):
        given = {"user_id": user, "organisation_id": w.org["ash"], "role": Role.LINK_WORKER}
        try:
            with w.store.begin(actor) as tx:
                add_membership(tx, actor, w.at, **given)
            codes: tuple[str, ...] = ()
        except Refused as why:
            codes = why.codes
        assert codes == refused
