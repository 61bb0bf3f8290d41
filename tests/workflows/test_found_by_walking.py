"""What `segue prove` found in the tables, tried for real: each was a way for somebody to come to
harm that nobody had thought of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from referral.states import Noun
from referral.store import Sql, Store
from tests.world import World, build
from workflows.engine import Refused

END = {"reason": "not_needed"}


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def consents(w: World, person: str) -> list[tuple[str, str]]:
    with w.store.read() as tx:
        found = tx.rows(
            Sql("SELECT id, state FROM consent WHERE person_id = :p ORDER BY asked_at, id"),
            p=person,
        )
    return [(row[0], row[1]) for row in found]


def test_a_no_to_an_agreement_that_ran_out_counts_for_the_newer_one(w: World) -> None:
    person = w.person()
    record = w.accepted(person)
    w.later(days=1)
    w.consent(person)  # renewed: the older one has ended as run out
    (old, before), (_, after) = consents(w, person)
    assert (before, after) == ("expired", "given")
    w.step(Noun.CONSENT, old, "withdraw", "priya", given={"reason": "person_said_no"})
    assert [state for _, state in consents(w, person)] == ["withdrawn", "withdrawn"]
    with pytest.raises(Refused) as refused:
        w.referral(record, "accept", "sol")
    assert refused.value.state == "withdrawn"


def test_nobody_who_has_died_goes_on_taking_part(w: World) -> None:
    died, lives = w.person(), w.person()
    of_the_dead, of_the_living = w.completed(died), w.completed(lives)
    with w.store.begin(w.system) as tx:
        tx.run(Sql("UPDATE person SET died_on = :day WHERE id = :id"), day=w.at.date(), id=died)
    reason = {"reason": "person_asked"}
    with pytest.raises(Refused) as refused:
        w.referral(of_the_dead, "reopen", "sol", given=reason)
    assert refused.value.codes == ("not_died",)
    assert w.referral(of_the_living, "reopen", "sol", given=reason).state == "active"


def test_a_draft_agreement_nobody_signs_is_laid_aside_and_raises_nothing(w: World) -> None:
    drafted = w.step(
        Noun.AGREEMENT,
        None,
        "draft",
        "grace",
        given={
            "title": "Another",
            "purposes": ["share_with_provider"],
            "lawful_basis": "public_task",
            "fields": ["everything_listed"],
            "parties": [w.org["ash"], w.org["singers"]],
            "review_at": w.at + timedelta(days=300),
        },
    )
    done = w.step(Noun.AGREEMENT, drafted.id, "end", "grace", given=END)
    assert (done.state, done.followed) == ("ended", ())
    with pytest.raises(Refused) as refused:
        w.step(Noun.AGREEMENT, drafted.id, "sign", "tess")
    assert refused.value.codes == ("no_such_move",)


def test_conditions_end_at_their_date_also_before_the_sweep(w: World) -> None:
    record = w.sent()
    with w.store.begin() as tx:
        query = Sql("SELECT id FROM assurance WHERE provider_id = :p")
        assurance = tx.rows(query, p=w.provider["singers"])[0][0]
    until = w.at + timedelta(days=7)
    w.step(Noun.ASSURANCE, assurance, "suspend", "grace", given={"reason": "quality"})
    w.step(Noun.ASSURANCE, assurance, "review", "grace")
    given = {
        "conditions_until": until,
        "conditional_activities": [w.activity["choir"]],
        "note": "No new groups",
    }
    w.step(Noun.ASSURANCE, assurance, "condition", "grace", given=given)
    other = w.sent()
    assert w.referral(other, "accept", "sol").state == "accepted"
    w.later(days=8)
    with pytest.raises(Refused) as refused:
        w.referral(record, "accept", "sol")
    assert refused.value.codes == ("provider_assured",)
