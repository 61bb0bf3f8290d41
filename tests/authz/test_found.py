"""What the matrix found when it was first asked, each with a test of its own."""

from __future__ import annotations

import pytest

from referral.store import Sql, Store
from tests.authz.ground import Ground, settle
from tests.web.api import program
from tests.web.client import sign_in
from tests.winding import state
from tests.world import World


@pytest.fixture
def g(store: Store) -> Ground:
    return settle(store)


def test_what_a_team_proposes_on_a_referral_is_nothing_to_the_provider(g: Ground) -> None:
    proposal = f"/confirmations/{g.records['own']['confirmation']}"
    sol = program(g.w, "sol")
    assert sol.get(proposal).status == 404
    assert sol.move(proposal, "refuse").status == 404
    assert sol.move(proposal, "confirm").status == 404
    tess = program(g.w, "tess")
    assert tess.get(proposal).json["answer"] is None
    assert tess.move(proposal, "refuse").status == 200


def test_a_proposed_decision_is_for_who_may_confirm_it_and_not_for_the_raiser(g: Ground) -> None:
    mine = g.records["own"]
    page = f"/escalations/{mine['proposed']}/proposals/{mine['proposal']}"
    assert sign_in(g.w, "priya").get(page).status == 404
    assert "It goes back." in sign_in(g.w, "gwen").get(page).words


def about_a_concern(w: World, concern: str) -> str:
    raised = {"kind": "safeguarding_process", "about": "concern", "about_id": concern,
              "note": "Nobody rings back."}  # fmt: skip
    return w.step("escalation", None, "raise", "priya", given=raised).id  # type: ignore[arg-type]


def test_who_merely_answers_for_a_place_sees_no_review_of_a_concern(g: Ground) -> None:
    """Neither its page nor its row in a list, nor by the API; who reviews it does."""
    w = g.w
    review = about_a_concern(w, g.records["own"]["concern"])
    reviewers = set()
    for who in ("tess", "gwen", "paul", "grace", "gail", "seth", "amara"):
        listed = program(w, who).get("/escalations").json["items"]
        there = {
            review in {row["id"] for row in listed},
            program(w, who).get(f"/escalations/{review}").status == 200,
            program(w, who).get(f"/escalations/{review}/steps").status == 200,
            sign_in(w, who).get(f"/escalations/{review}").status == 200,
        }
        assert len(there) == 1, who
        if there == {True}:
            reviewers.add(who)
    assert len(reviewers) == 1
    assert program(w, "priya").get(f"/escalations/{review}").status == 200


def test_a_change_of_a_group_that_says_nothing_changes_nothing(g: Ground) -> None:
    path = f"/activities/{g.w.activity['choir']}"
    sol = program(g.w, "sol")
    before = sol.get(path).json
    assert sol.patch(f"{path}/groups/{g.w.group['choir']}", {}).status == 200
    assert sol.get(path).json["groups"] == before["groups"]
    assert sol.patch(f"{path}/groups/{g.w.group['choir']}", {"capacity": 9}).status == 200
    assert sol.get(path).json["groups"] != before["groups"]


def test_a_comment_is_read_by_who_opened_the_change_and_nobody_else(g: Ground) -> None:
    comment = f"/policy/comments/{g.records['own']['comment']}/show"
    assert sign_in(g.w, "sol").post(comment).status == 409
    assert sign_in(g.w, "grace").post(comment, follow=False).status == 303


def test_a_link_opened_by_somebody_signed_in_leaves_no_secret_in_the_log(g: Ground) -> None:
    token = g.words["token"]
    assert sign_in(g.w, "priya").get(f"/a/{token}").status == 200
    with g.w.store.read() as tx:
        kept = repr(tx.rows(Sql("SELECT * FROM audit"))) + repr(
            tx.rows(Sql("SELECT * FROM audit_detail"))
        )
    assert "sign_in" in kept
    assert token not in kept


def test_a_person_stops_their_own_and_nobody_elses(g: Ground) -> None:
    """Another's referral isn't there, instead of "this had stopped already"."""
    from tests.authz.asking import OWN_LINK, Asking, routes
    from tests.authz.reading import matrix

    asking = Asking(g, matrix(), full=False)
    route = next(
        r
        for r in routes(asking.app, matrix())[0]
        if (r.method, r.path) == ("POST", "/mine/stop/<referral_id>")
    )
    for relation, status in (("far", 404), ("own", 303)):
        referral = g.records[relation]["referral"]
        answer = asking.ask(route, OWN_LINK, f"/mine/stop/{referral}")
        assert answer.status_code == status
        assert state(g.w.store, "referral", referral) == "sent", "nothing is kept here"
    asking.close()
