"""A system on its first morning: a place, a practice, a provider, somebody in every role, and not a
single record."""

from __future__ import annotations

from datetime import timedelta

from referral.members import actor_of
from referral.states import Role
from referral.store import Store
from tests.world import World
from workflows.activities import add_provider
from workflows.organisations import (
    add_membership,
    add_organisation,
    add_place,
    add_user,
    setup_system,
)

WHERE = {Role.LINK_WORKER: "ash", Role.TEAM_LEAD: "ash", Role.PROVIDER_LEADER: "singers"}
ROLES = tuple(role for role in Role if role not in (Role.PERSON, Role.SYSTEM))


def first_morning(store: Store) -> World:
    """The world, with an actor for each role by its name."""
    w = World(store)
    early = w.at - timedelta(days=1)
    with store.begin() as tx:
        made = setup_system(tx, "Saltmarsh", early)
        w.system_id = made["system_id"]
        s = w.system
        w.place["root"], w.org["board"] = made["place_id"], made["organisation_id"]
        w.place["harbour"] = add_place(
            tx, s, early, name="Harbour", kind="place", parent_id=w.place["root"]
        )
        for key, name, kind in (
            ("ash", "Ash Lane practice", "practice"),
            ("singers", "Riverside Singers", "provider"),
        ):
            w.org[key] = add_organisation(
                tx, s, early, name=name, kind=kind, place_id=w.place["harbour"]
            )
        w.provider["singers"] = add_provider(tx, s, early, organisation_id=w.org["singers"])
        for role in ROLES:
            name = role.replace("_", " ").capitalize()
            user = add_user(tx, s, early, name=name, email=f"{role}@example.org")
            member = add_membership(
                tx,
                s,
                early,
                user_id=user,
                organisation_id=w.org[WHERE.get(role, "board")],
                role=role,
                place_id=None if role in WHERE else w.place["root"],
            )
            actor = actor_of(tx, member, early)
            assert actor is not None
            w.actor[role] = actor
    return w
