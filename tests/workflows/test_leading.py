"""Announcements, themes and the lines of a place, as both databases read them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from referral import accountability, ladder, reviews, themes, visible
from referral import announcements as kept
from referral.states import Noun
from referral.store import Store
from tests.world import World, build
from workflows import announcements
from workflows.accountability import who_answers
from workflows.engine import Refused
from workflows.themes import set_themes


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def test_an_announcement_from_its_cost_to_its_last_reader(w: World) -> None:
    grace, priya, sam = w.actor["grace"], w.actor["priya"], w.actor["sam"]
    told = {"title": "A form", "body": "word " * 238, "roles": ["link_worker"],
            "places": [w.place["harbour"]], "act_by": w.at + timedelta(days=7)}  # fmt: skip
    with w.store.begin(grace) as tx:
        cost = announcements.cost(tx, grace, w.at, told)
        assert (cost.readers, cost.minutes, cost.organisations) == (2, 3, 1)
        made = announcements.send(tx, grace, w.at, told, key="k1")
        assert announcements.send(tx, grace, w.at, told, key="k1") == made
    with w.store.begin(priya) as tx:
        assert [one.id for one in kept.unread(tx, priya)] == [made]
        assert announcements.acknowledge(tx, priya, w.at, made) is True
        assert announcements.acknowledge(tx, priya, w.at, made) is False
    with pytest.raises(Refused), w.store.begin(w.actor["olu"]) as tx:
        announcements.acknowledge(tx, w.actor["olu"], w.at, made)
    w.later(days=14)
    with w.store.begin() as tx:
        (due,) = kept.due(tx, w.at)
        assert announcements.look(tx, due, w.at) == "reminded"
        assert announcements.look(tx, due, w.at) == "read"  # somebody else was quicker
    w.later(days=7)
    tess = w.actor["tess"]
    with w.store.begin(tess) as tx:
        assert kept.unread(tx, tess) == []
        assert announcements.look(tx, kept.due(tx, w.at)[0], w.at) == "climbed"
        assert [b.name for b in kept.unread_below(tx, tess, made)] == ["Sam Okafor"]
        assert [(one.id, one.below) for one in kept.unread(tx, tess)] == [(made, 1)]
        assert kept.unread(tx, w.actor["tom"]) == []
        seen = kept.head(tx, tess, made)
        assert seen is not None
        assert (seen.title, seen.read_at) == ("A form", None)
    with w.store.begin(sam) as tx:
        assert kept.concerns(tx, sam, made)
        assert announcements.acknowledge(tx, sam, w.at, made) is True
        assert kept.due(tx, w.at + timedelta(days=30)) == []
    with w.store.read(grace) as tx:
        (sent,) = kept.sent(tx, grace, w.at)
        assert (sent.readers, sent.read, sent.overdue) == (2, 2, 0)
        assert [r.read_at is None for r in kept.readers_of(tx, grace, made)] == [False, False]
        assert kept.sent(tx, w.actor["fred"], w.at) == []


def test_one_sends_only_to_those_one_answers_for(w: World) -> None:
    fred = w.actor["fred"]
    told = {"title": "A form", "body": "One.", "organisations": [w.org["ash"]]}
    with pytest.raises(Refused) as refused, w.store.begin(fred) as tx:
        announcements.send(tx, fred, w.at, told)
    assert refused.value.codes == ("wrong_roles",)


def test_themes_are_counted_where_one_answers(w: World) -> None:
    given = {"kind": "capacity", "note": "More places."}
    matter = w.step(Noun.ESCALATION, None, "raise", "priya", given=given).id
    tess, grace, since = w.actor["tess"], w.actor["grace"], w.at - timedelta(days=1)
    with w.store.begin(tess) as tx:
        every = themes.all_of(tx, tess)
        assert len(every) == 8
        first = every[0]
        assert len(set_themes(tx, tess, w.at, matter, [first.id], "No bus")) == 2
        assert set_themes(tx, tess, w.at, matter, [first.id], None) == [first.id]
    with pytest.raises(Refused), w.store.begin(w.actor["priya"]) as tx:
        set_themes(tx, w.actor["priya"], w.at, matter, [], None)
    with w.store.read(grace) as tx:
        (one,) = themes.counted(tx, grace, since)
        assert (one.name, one.raised, one.open) == (first.name, 1, 1)
        assert [x.id for x in themes.showing(tx, grace, first.id, since)] == [matter]
        assert themes.counted(tx, grace, since, "quality") == []
        assert themes.counted(tx, grace, since, after=first) == []
        assert themes.untagged(tx, grace, since) == 0
        assert themes.counted(tx, w.actor["fred"], since) == []


def test_what_a_page_of_a_review_reads_at_once(w: World) -> None:
    record = w.sent()
    given = {"kind": "other", "note": "Look.", "about": "referral", "about_id": record}
    matter = w.step(Noun.ESCALATION, None, "raise", "priya", given=given).id
    priya = w.actor["priya"]
    keys = [f"member@{priya.membership_id}", f"team_lead@{w.org['ash']}", None]
    with w.store.read(priya) as tx:
        named = reviews.names(tx, w.system_id, keys, matter)
        assert set(named.owners.values()) == {
            ("member", "Priya Shah, Ash Lane practice"),
            ("team_lead", "Ash Lane practice"),
        }
        clocks = reviews.clocks_of(tx, [record, matter, None])
        assert {c.kind for c in clocks[record]} == {"referral.sent", "referral.not_started"}
        assert [c.kind for c in clocks[matter]] == ["escalation.raised"]
        steps = visible.steps_of(tx, priya, [record, matter])
        assert [s.trigger for s in steps[record]] == ["send", "create"]
        assert steps[matter] == visible.steps_since(tx, priya, w.at, Noun.ESCALATION, matter)


def test_a_place_says_who_answers_and_what_nobody_does(w: World) -> None:
    with w.store.read() as tx:
        found = {
            a.area.name: a for a in who_answers(accountability.everybody(tx, w.actor["gail"], w.at))
        }
    assert set(found) == {"Saltmarsh", "Harbour", "Fen"}
    assert [g.code for g in found["Fen"].gaps] == ["empty_rung"]
    assert found["Harbour"].gaps == ()


def test_safeguarding_ends_where_the_ladder_of_reviews_does(w: World) -> None:
    with w.store.read() as tx:
        path = f"/{w.place['root']}/{w.place['harbour']}"
        nobody = ladder.Barred(frozenset(), frozenset())
        found = ladder.safeguarding(tx, w.system_id, w.org["ash"], path, 4, nobody, w.at)
    assert found == (4, f"accountable_officer@{w.place['root']}")
