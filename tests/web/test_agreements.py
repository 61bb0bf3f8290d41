"""Agreements as pages: drafted by governance, signed by each party, in force."""

from __future__ import annotations

from typing import Any

import pytest

from referral.store import Sql, Store
from tests.web.client import sign_in
from tests.world import World, build

AGREEMENTS = Sql("SELECT id, state FROM agreement ORDER BY created_at, id")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def agreements(w: World) -> list[tuple[Any, ...]]:
    with w.store.read() as tx:
        return tx.rows(AGREEMENTS)


def answers(w: World) -> dict[str, Any]:
    return {
        "title": "Clay and Fenside",
        "parties": [w.org["fenside"], w.org["clay"]],
        "purposes": ["share_with_provider"],
        "fields": ["first_name", "contact"],
        "review_at__day": "1",
        "review_at__month": "5",
        "review_at__year": "2027",
    }


def drafted(w: World) -> str:
    page = sign_in(w, "grace").fill("/agreements/add", **answers(w))
    assert "Drafted as" in page.banner, page.words
    return str(agreements(w)[-1][0])


def test_drafted_signed_by_each_and_in_force(w: World) -> None:
    agreement = drafted(w)
    assert agreements(w)[-1][1] == "drafted"
    page = sign_in(w, "tom").fill(f"/agreements/{agreement}/sign")
    assert "once each organisation has signed" in page.banner
    assert "Signed by Tom Fen" in page.words
    assert agreements(w)[-1][1] == "drafted"
    page = sign_in(w, "kit").fill(f"/agreements/{agreement}/sign")
    assert "You were the last" in page.banner
    assert agreements(w)[-1][1] == "in_force"


def test_nobody_signs_twice(w: World) -> None:
    agreement = drafted(w)
    sign_in(w, "tom").fill(f"/agreements/{agreement}/sign")
    page = sign_in(w, "tom").get(f"/agreements/{agreement}/sign")
    assert page.forms == []
    assert "Your organisation has already signed." in page.words


def test_who_is_no_party_does_not_find_it(w: World) -> None:
    agreement = drafted(w)
    for who in ("sol", "tess"):
        assert sign_in(w, who).get(f"/agreements/{agreement}").status == 404
        assert sign_in(w, who).get(f"/agreements/{agreement}/sign").status == 404
        assert "Clay and Fenside" not in sign_in(w, who).get("/agreements").words
    assert "Clay and Fenside" in sign_in(w, "kit").get("/agreements").words


def test_one_party_alone_is_no_agreement_and_what_was_typed_stays(w: World) -> None:
    page = sign_in(w, "grace").fill("/agreements/add", **{**answers(w), "parties": [w.org["clay"]]})
    assert page.status == 422
    assert "Choose at least two organisations." in page.words
    assert "Clay and Fenside" in page.text
    assert len(agreements(w)) == 1


def test_only_governance_drafts(w: World) -> None:
    for who in ("tess", "kit", "amara"):
        assert sign_in(w, who).get("/agreements/add").status == 403
    assert sign_in(w, "priya").get("/agreements").status == 403


def test_a_review_is_renewed_and_an_agreement_is_ended(w: World) -> None:
    agreement = agreements(w)[0][0]
    grace = sign_in(w, "grace")
    page = grace.fill(
        f"/agreements/{agreement}/renew",
        review_at__day="1",
        review_at__month="6",
        review_at__year="2028",
    )
    assert "Renewed" in page.banner
    assert "1 June 2028" in page.words
    page = grace.fill(f"/agreements/{agreement}/end", reason="not_needed")
    assert "Ended." in page.banner
    assert agreements(w)[0][1] == "ended"


def test_a_party_does_not_end_it(w: World) -> None:
    agreement = agreements(w)[0][0]
    page = sign_in(w, "sol").get(f"/agreements/{agreement}")
    assert page.status == 200
    assert f"/agreements/{agreement}/end" not in page.text
    assert sign_in(w, "sol").get(f"/agreements/{agreement}/end").forms == []


def test_a_new_version_knows_the_old_one(w: World) -> None:
    agreement = agreements(w)[0][0]
    grace = sign_in(w, "grace")
    page = grace.get(f"/agreements/add?replaces={agreement}")
    assert "Sharing for creative health" in page.text
    page = grace.send(
        page,
        fields=["first_name"],
        review_at__day="1",
        review_at__month="5",
        review_at__year="2027",
    )
    assert "Drafted as" in page.banner
    assert grace.get("/agreements/add?replaces=nothing").status == 404
