"""A provider's assurance and its evidence, as pages."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest

from referral.states import Noun
from referral.store import Sql, Store
from tests.counting import BUDGET, statements
from tests.web.client import sign_in
from tests.world import World, build
from web import providers
from workflows.activities import add_provider
from workflows.evidence import add_evidence
from workflows.organisations import add_organisation

ASSURANCE = Sql("SELECT id, state FROM assurance WHERE provider_id = :id")
EVIDENCE = Sql(
    "SELECT kind, checked_by IS NOT NULL, replaced_at IS NULL FROM evidence"
    " WHERE provider_id = :id AND kind = :kind ORDER BY recorded_at, id"
)
GRACE = Sql("SELECT id, grace_until FROM evidence WHERE provider_id = :id AND kind = :kind", (1,))
STATE = Sql("SELECT state FROM referral WHERE id = :id")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def row(w: World, sql: Sql, **more: Any) -> tuple[Any, ...]:
    with w.store.read() as tx:
        found = tx.row(sql, **more)
    assert found is not None
    return found


def assured(w: World, key: str = "singers") -> tuple[str, str]:
    found = row(w, ASSURANCE, id=w.provider[key])
    return found[0], found[1]


def newcomer(w: World) -> str:
    """A provider in Harbour that has not applied yet, led by nobody."""
    with w.store.begin() as tx:
        org = add_organisation(
            tx, w.system, w.at, name="Garden Gate", kind="provider", place_id=w.place["harbour"]
        )
        return add_provider(tx, w.system, w.at, organisation_id=org, tier="sole_artist")


DATES = {
    "from_at__day": "1",
    "from_at__month": "5",
    "from_at__year": "2026",
    "until__day": "30",
    "until__month": "4",
    "until__year": "2027",
}


def test_a_provider_is_assured_from_nothing(w: World) -> None:
    provider = newcomer(w)
    grace = sign_in(w, "grace")
    assert "Not applied yet" in grace.get(f"/providers/{provider}").words
    page = grace.fill(f"/providers/{provider}/apply")
    assert "Applied." in page.banner
    assurance = row(w, ASSURANCE, id=provider)[0]
    grace.fill(f"/assurance/{assurance}/review")
    assert grace.get(f"/assurance/{assurance}/assure").forms == []
    for kind in ("public_liability", "safeguarding_training", "dbs", "risk_assessment"):
        page = grace.fill(f"/providers/{provider}/evidence/add?kind={kind}", **DATES)
        assert "It counts from now." in page.banner
    page = grace.fill(f"/assurance/{assurance}/assure")
    assert "Assured." in page.banner
    assert row(w, ASSURANCE, id=provider)[1] == "assured"


def test_what_is_missing_is_said(w: World) -> None:
    provider = newcomer(w)
    page = sign_in(w, "grace").get(f"/providers/{provider}")
    assert "Missing or out of date: Public liability insurance" in page.words


def test_governance_of_another_place_finds_no_such_provider(w: World) -> None:
    provider, (assurance, _state) = w.provider["singers"], assured(w)
    fred = sign_in(w, "fred")
    assert "Riverside" not in fred.get("/providers").words
    for path in (
        f"/providers/{provider}",
        f"/providers/{provider}/evidence/add",
        f"/assurance/{assurance}",
        f"/assurance/{assurance}/suspend",
    ):
        assert fred.get(path).status == 404


def test_the_list_says_how_each_stands(w: World) -> None:
    page = sign_in(w, "grace").get("/providers")
    assert "Riverside Singers" in page.words
    assert "Assured" in page.words
    assert "Clay Table" in sign_in(w, "gail").get("/providers").words


def test_the_list_begins_with_what_runs_out_first_or_goes_by_name(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer(w)
    with w.store.begin() as tx:
        soon = {"until": w.at + timedelta(days=9), "id": w.provider["singers"]}
        tx.run(Sql("UPDATE evidence SET until = :until WHERE provider_id = :id"), **soon)
    gail = sign_in(w, "gail")

    def order(path: str) -> list[str]:
        return re.findall(r'href="/providers/[0-9a-f-]{36}">([^<]+)<', gail.get(path).text)

    by_name, by_end = order("/providers?sort=name"), order("/providers")
    assert by_name == ["Clay Table", "Garden Gate", "Riverside Singers"]
    assert by_end == ["Riverside Singers", "Clay Table", "Garden Gate"], "no evidence yet: last"
    monkeypatch.setattr(providers, "A_PAGE", 1)
    for path, wanted in (("/providers?sort=name", by_name), ("/providers", by_end)):
        seen, next_page = [], path
        while next_page:
            page = gail.get(next_page)
            seen += re.findall(r'href="/providers/[0-9a-f-]{36}">([^<]+)<', page.text)
            more = re.search(r'href="(/providers\?[^"]*after=[^"]+)"', page.text)
            next_page = html.unescape(more[1]) if more else ""
        assert seen == wanted, path


def test_suspending_says_first_whom_it_touches(w: World) -> None:
    w.active()
    assurance, _state = assured(w)
    grace = sign_in(w, "grace")
    page = grace.get(f"/assurance/{assurance}/suspend")
    assert "1 person takes part" in page.words
    page = grace.send(page, reason="quality", note="Two complaints")
    assert "Suspended." in page.banner
    assert assured(w)[1] == "suspended"


def test_suspending_asks_for_a_reason(w: World) -> None:
    assurance, _state = assured(w)
    page = sign_in(w, "grace").fill(f"/assurance/{assurance}/suspend", note="Two complaints")
    assert page.status == 422
    assert "Two complaints" in page.text
    assert assured(w)[1] == "assured"


def test_refusing_sends_everybody_back(w: World) -> None:
    record = w.active()
    assurance, _state = assured(w)
    w.step(Noun.ASSURANCE, assurance, "suspend", "grace", given={"reason": "quality"})
    w.step(Noun.ASSURANCE, assurance, "review", "grace")
    sign_in(w, "grace").fill(f"/assurance/{assurance}/refuse", reason="standards_not_met")
    assert row(w, STATE, id=record) == ("returned",)


def test_assured_with_conditions_for_some_activities(w: World) -> None:
    assurance, _state = assured(w)
    w.step(Noun.ASSURANCE, assurance, "suspend", "grace", given={"reason": "quality"})
    w.step(Noun.ASSURANCE, assurance, "review", "grace")
    grace = sign_in(w, "grace")
    page = grace.get(f"/assurance/{assurance}/condition")
    assert "Singing for breathing" in page.words
    answers = {
        "conditions_until__day": "1",
        "conditions_until__month": "8",
        "conditions_until__year": "2026",
        "note": "Two leaders each time",
    }
    page = grace.send(page, **answers)
    assert page.status == 422
    assert "Two leaders each time" in page.text
    page = grace.send(page, conditional_activities=[w.activity["choir"]])
    assert "Assured with conditions." in page.banner
    assert assured(w)[1] == "conditional"


def test_a_leader_sees_their_own_and_hands_in(w: World) -> None:
    sol, provider = sign_in(w, "sol"), w.provider["singers"]
    assert sol.get("/providers").path == f"/providers/{provider}"
    page = sol.fill(f"/providers/{provider}/evidence/add?kind=first_aid", **DATES)
    assert "It counts once the governance lead has checked it." in page.banner
    kind, checked, counts = row(w, EVIDENCE, id=provider, kind="first_aid")
    assert (kind, bool(checked), bool(counts)) == ("first_aid", False, False)
    assert "not checked yet" in page.words
    assert "/suspend" not in page.text


def test_what_was_handed_in_is_checked_with_its_dates(w: World) -> None:
    provider = w.provider["singers"]
    w.later(minutes=1)
    with w.store.begin() as tx:
        add_evidence(
            tx,
            w.actor["sol"],
            w.at,
            provider_id=provider,
            kind="first_aid",
            from_at=w.at - timedelta(days=10),
            until=w.at + timedelta(days=300),
        )
    w.later(minutes=1)
    grace = sign_in(w, "grace")
    page = grace.get(f"/providers/{provider}")
    link = page.text.split("evidence/add?from=")[1].split('"')[0]
    page = grace.fill(f"/providers/{provider}/evidence/add?from={link}")
    assert "It counts from now." in page.banner
    assert "not checked yet" not in page.words


def test_a_leader_of_another_provider_finds_nothing(w: World) -> None:
    kit, provider = sign_in(w, "kit"), w.provider["singers"]
    assert kit.get(f"/providers/{provider}").status == 404
    assert kit.get(f"/providers/{provider}/evidence/add").status == 404
    assert kit.get("/providers/add").status == 403


def test_dates_in_the_wrong_order_are_kept_as_typed(w: World) -> None:
    page = sign_in(w, "grace").fill(
        f"/providers/{w.provider['singers']}/evidence/add?kind=dbs",
        **{**DATES, "until__year": "2025"},
        reference="No. 12",
    )
    assert page.status == 422
    assert "The end date must be after the start date." in page.words
    assert "No. 12" in page.text


def test_a_renewal_in_hand_gives_ten_working_days_but_not_for_a_check(w: World) -> None:
    provider = w.provider["singers"]
    with w.store.read() as tx:
        policy = tx.row(GRACE, id=provider, kind="safeguarding_policy")
        dbs = tx.row(GRACE, id=provider, kind="dbs")
    assert policy is not None
    assert dbs is not None
    w.later(days=320)
    sol = sign_in(w, "sol")
    assert "The renewal is in hand" in sol.get(f"/providers/{provider}").words
    page = sol.post(f"/providers/{provider}/evidence/{policy[0]}/in-hand")
    assert "Noted." in page.banner
    assert row(w, GRACE, id=provider, kind="safeguarding_policy")[1] is not None
    assert sol.post(f"/providers/{provider}/evidence/{dbs[0]}/in-hand").status == 422
    assert row(w, GRACE, id=provider, kind="dbs")[1] is None
    assert sign_in(w, "kit").post(f"/providers/{provider}/evidence/{policy[0]}/in-hand").status in (
        404,
    )


def test_an_organisation_becomes_a_provider(w: World) -> None:
    with w.store.begin() as tx:
        org = add_organisation(
            tx, w.system, w.at, name="Paper Boats", kind="voluntary", place_id=w.place["harbour"]
        )
    page = sign_in(w, "grace").fill(f"/providers/add?organisation={org}", tier="sole_artist")
    assert "Paper Boats" in page.words
    assert "Sole artist" in page.words
    answers = {"organisation_id": org, "tier": "sole_artist"}
    assert sign_in(w, "fred").post("/providers/add", answers).status == 404


def test_the_page_of_a_provider_asks_little_of_the_store(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    w.active()
    w.sent()
    asked = statements(monkeypatch)
    for who in ("grace", "sol"):
        visitor = sign_in(w, who)
        asked.clear()
        assert visitor.get(f"/providers/{w.provider['singers']}").status == 200
        assert len(asked) <= BUDGET, (who, len(asked))
