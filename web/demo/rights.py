"""What people of the demo ask and say on their own page or by phone, a record whose time is over,
and what a second person is asked of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from referral.actors import Actor
from referral.states import Noun, Role
from referral.store import Door, Sql
from web.demo.telling import Story
from workflows import own_asking
from workflows.engine import step
from workflows.inquiries import answer_bundle, ask_for_bundle
from workflows.keeping import list_due, place_legal_hold, propose_destruction
from workflows.people import add_person
from workflows.rights import receive_request
from workflows.working_time import local_day

# Met once, long before the story, and never referred: (given name, family name, born).
LONG_AGO = (("Edwin", "Marsh", date(1949, 2, 11)), ("Pearl", "Ottley", date(1957, 9, 30)))
YEARS = timedelta(days=366 * 3)
REVIEW_OF = Sql(
    "SELECT v.id FROM retention_review v JOIN person p ON p.id = v.person_id"
    " WHERE p.family_name = :name"
)
REFERENCE_OF = Sql("SELECT reference FROM person WHERE id = :id")
REFERENCE = Sql("SELECT reference FROM person WHERE family_name = :name")


def tell_rights(s: Story) -> None:
    """Plan all of it."""
    s.on(
        14, lambda at: _asks(s, at, "Margaret", "access", "I want to see what you wrote about me.")
    )
    s.on(3, lambda at: _asks(s, at, "Leonard", "rectification", "My phone number is wrong.", False))
    s.on(6, lambda at: _says_how_to_reach(s, at, "Leonard"))
    s.on(4, lambda at: _complains(s, at, "Leonard", "Nobody told me that the hall was shut."))
    s.on(0, lambda at: _due(s, at), hour=8)
    s.on(1, lambda at: _inquiry(s, at, "Leonard"))


def _asks(s: Story, at: datetime, name: str, kind: str, words: str, begun: bool = True) -> None:
    priya, ingrid = s.actor["priya"], s.actor["ingrid"]
    said: dict[str, Any] = {"kind": kind, "asked_for": words, "how": "phone"}
    with s.store.begin(priya) as tx:
        said["received_on"] = local_day(at)
        made = receive_request(tx, priya, at, person_id=s.person[name], values=said)
    if not begun:
        return
    with s.store.begin(ingrid) as tx:
        known = {"identity_how": "known_to_team"}
        step(tx, Noun.RIGHTS, made.id, "check_identity", ingrid, at, known)
        step(tx, Noun.RIGHTS, made.id, "start", ingrid, at)


def _inquiry(s: Story, at: datetime, name: str) -> None:
    """A public inquiry asked for somebody's whole history, and two people said yes."""
    ingrid, amara = s.actor["ingrid"], s.actor["amara"]
    with s.store.begin(ingrid) as tx:
        reference = tx.rows(REFERENCE_OF, id=s.person[name])[0][0]
        made = ask_for_bundle(tx, ingrid, at, reference=reference, ground="public_inquiry")
    with s.store.begin(amara) as tx:
        answer_bundle(tx, amara, at + timedelta(hours=2), made, agree=True)


def _themselves(s: Story, name: str) -> Actor:
    """Somebody on their own page."""
    system = s.actor["priya"].system_id
    return Actor(role=Role.PERSON, system_id=system, person_id=s.person[name], cause="link")


def _says_how_to_reach(s: Story, at: datetime, name: str) -> None:
    person = _themselves(s, name)
    with s.store.begin(person) as tx:
        own_asking.change_contact(tx, person, at, "no_message", "My sister hears them first.")


def _complains(s: Story, at: datetime, name: str, words: str) -> None:
    """And their team's lead looks into it."""
    person, tess = _themselves(s, name), s.actor["tess"]
    with s.store.begin(person) as tx:
        made = own_asking.complain(tx, person, at, "other", words)
    with s.store.begin(tess) as tx:
        step(tx, Noun.ESCALATION, made.id, "acknowledge", tess, at + timedelta(hours=3))


def _due(s: Story, at: datetime) -> None:
    """Two people met years ago: one may go, if a second person agrees; of the other an inquiry
    needs what there is."""
    priya, ingrid = s.actor["priya"], s.actor["ingrid"]
    for given, family, born in LONG_AGO:
        with s.store.begin(priya) as tx:
            known = {"given_name": given, "family_name": family, "birth_date": born}
            more = {"no_nhs_number": "not_known", "practice": "none"}
            add_person(tx, priya, at - YEARS, {**known, **more})
    with s.store.begin(door=Door.WHOLE) as tx:
        list_due(tx, at)
    with s.store.begin(ingrid) as tx:
        first = tx.rows(REVIEW_OF, name=LONG_AGO[0][1])[0][0]
        propose_destruction(tx, ingrid, at, str(first))
        reference = tx.rows(REFERENCE, name=LONG_AGO[1][1])[0][0]
        until = local_day(at + timedelta(days=180))
        why = "The county's inquiry into day centres."
        place_legal_hold(tx, ingrid, at, reference=str(reference), why=why, review_on=until)
