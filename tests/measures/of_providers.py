"""What a provider's journeys cost: a leader with a phone, between two rehearsals."""

from __future__ import annotations

from referral.rows import change
from tests.measures.table import journey
from tests.measures.walking import Counting, at_work, begin
from tests.web.test_links import Links
from tests.world import World


@journey("A provider accepts, from the inbox", activations=3, fields=2)
def accept(w: World) -> Counting:
    w.sent()
    walk = begin(w, "sol", "/").press("Answer").press("Accept").press("Accept")
    assert walk.banner.startswith("Accepted"), walk.banner
    return walk


@journey("A provider accepts, and says when and which session", fields=2, answers=2)
def accept_and_say(w: World) -> Counting:
    w.sent()
    with w.store.begin() as tx:
        change(tx, "activity", w.activity["choir"], {"when_words": "Thursdays, 2pm"})
    walk = begin(w, "sol", "/").press("Answer").press("Accept")
    walk.fill(first_contact=w.at.date().replace(day=20), session="2026-05-21").press("Accept")
    assert walk.banner.startswith("Accepted"), walk.banner
    return walk


@journey("A provider can not take somebody, from the inbox", activations=4, fields=2)
def decline(w: World) -> Counting:
    w.sent()
    walk = begin(w, "sol", "/").press("Answer").press("Cannot take")
    walk.fill(reason="full").press("Tell the link worker")
    assert walk.banner.startswith("The link worker has been told"), walk.banner
    return walk


@journey("A register of 12, 1 who did not come", activations=3)
def register(w: World) -> Counting:
    with w.store.begin() as tx:
        change(tx, "activity_group", w.group["choir"], {"capacity": 20})
    absent = [w.active() for _ in range(12)][4]
    walk = begin(w, "sol", "/sessions").press("Who came today")
    walk.fill(**{f"came-{absent}": "did_not_come"}).press("Save")
    assert walk.banner.startswith("Saved for 12 people"), walk.banner
    return walk


@journey("A provider finishes, and sees what the practice gets", fields=5)
def finish(w: World) -> Counting:
    walk = begin(w, "sol", f"/referrals/{w.active()}/complete")
    walk.fill(outcome="finished", goals_met="yes", what_next="Comes as a friend", summary="Sang.")
    walk.press("Continue").press("Finish and tell the link worker")
    assert walk.banner.startswith("Finished"), walk.banner
    return walk


@journey("All that is offered is still right, from the inbox", activations=1)
def confirm(w: World) -> Counting:
    walk = begin(w, "sol", "/").press("Confirm all still right")
    assert "confirmed" in walk.banner, walk.banner
    return walk


@journey("A provider accepts by a link, without an account", activations=1, fields=0)
def accept_by_link(w: World) -> Counting:
    known = Links(w)
    walk = at_work(known.phone.client, known.make(w.sent())).press("Accept")
    assert walk.banner.startswith("Accepted"), walk.banner
    return walk


@journey("A provider can not take somebody, by a link", activations=3, fields=1)
def decline_by_link(w: World) -> Counting:
    known = Links(w)
    walk = at_work(known.phone.client, known.make(w.sent()))
    walk.fill(reason="full").press("Tell the link worker")
    assert walk.banner.startswith("Saved"), walk.banner
    return walk
