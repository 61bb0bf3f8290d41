"""A review about a safeguarding concern isn't there for whoever may not see that concern, even if
it would be theirs to review, or they raised it themselves."""

from __future__ import annotations

import pytest

from referral import facts, lists
from referral.states import Noun
from referral.store import Store
from tests.world import World, build
from workflows.concerns import raise_concern
from workflows.engine import TABLES, Refused
from workflows.reading import worklist


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def review_of(w: World, person: str) -> tuple[str, str]:
    """A concern that names nobody, and a review of how it is looked after, with the team lead."""
    sam, seen = w.actor["sam"], {"person_id": person, "seen": "Bruises.", "danger": False}
    concern = w.made(sam, lambda tx: raise_concern(tx, sam, w.at, seen)).id
    about = {"kind": "safeguarding_process", "about": "concern", "about_id": concern}
    review = w.step(Noun.ESCALATION, None, "raise", "sam", given={**about, "note": "Nobody acts."})
    return concern, review.id


def there(w: World, who: str, review: str) -> set[str]:
    """By which ways it is found."""
    actor, found = w.actor[who], set()
    with w.store.read(actor) as tx:
        f = facts.escalation(tx, review, actor, w.at)
        assert f is not None
        if TABLES[Noun.ESCALATION].hats(f, actor):
            found.add("hats")
        if lists.one(tx, Noun.ESCALATION, actor, w.at, review) is not None:
            found.add("lists")
        if review in {item.record_id for item in worklist(tx, actor, w.at).items}:
            found.add("work")
    return found


def test_whoever_is_named_later_finds_no_review_of_the_concern(w: World) -> None:
    concern, review = review_of(w, w.person())
    _, other = review_of(w, w.person())
    assert there(w, "tess", review) == there(w, "tess", other) == {"hats", "lists", "work"}
    assert there(w, "sam", review) == {"hats", "lists"}
    named = [{"user_id": w.actor[who].user_id} for who in ("tess", "sam")]
    given = {"sources": named, "note": "He said so."}
    w.step(Noun.CONCERN, concern, "name_source", "gwen", given=given)
    assert there(w, "tess", review) == there(w, "sam", review) == set()
    assert there(w, "tess", other) == {"hats", "lists", "work"}
    with pytest.raises(Refused) as refused:
        w.step(Noun.ESCALATION, review, "acknowledge", "tess")
    assert refused.value.codes == ("not_found",)
    assert w.step(Noun.ESCALATION, other, "acknowledge", "tess").state == "in_review"
