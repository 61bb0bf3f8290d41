"""From an empty store to a closed loop, in the pages: an activity from a directory feed, a provider
assured, an agreement signed, a person referred, welcomed, and brought to an end by both sides.

Once in a browser with JavaScript off, and once without a browser on the other database. Nothing is
put into the store but by what a person presses, and the first administrator, whom `segue setup`
makes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from referral.store import Sql, Store
from referral.verify import verify
from tests.journeys.walking import Walk
from tests.journeys.ways import WAYS, Way, ways
from web.app import create_app
from web.directory.store import import_feed
from web.edge import Edge, now
from web.passwords import hash_password
from web.worker import sweep_all
from workflows.organisations import setup_system, the_only_system
from workflows.rules_for_verify import rules_for_verify

OURS = Path(__file__).parent.parent / "data" / "directory" / "services.json"
OTHERS = os.environ.get("SEGUE_TEST_DATA")
ADMIN = ("ada@example.org", "a long enough password")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return ways(request)


@pytest.fixture
def feed() -> Path:
    return OURS


@pytest.fixture
def store(way: Way) -> Iterator[Store]:
    made = Store(way.url)
    with made.begin() as tx:
        setup_system(
            tx,
            "Saltmarsh",
            now(),
            admin_name="Ada Admin",
            admin_email=ADMIN[0],
            password_hash=hash_password(ADMIN[1]),
        )
    yield made
    made.dispose()


def in_a_year() -> date:
    return (datetime.now().astimezone() + timedelta(days=365)).date()


def today() -> date:
    return datetime.now().astimezone().date()


def add_account(admin: Walk, organisation: str, name: str, role: str, place: str = "") -> str:
    """An account made in the pages; the password is shown once."""
    admin.go(f"/organisations/{organisation}/accounts/add")
    email = f"{name.split()[0].lower()}@example.org"
    admin.fill(name=name, email=email, role=role)
    if place:
        admin.fill(place_id=place)
    admin.press("Give the account")
    return admin.beside("Password")


def test_three_people_go_from_nothing_to_a_closed_loop(store: Store, way: Way, feed: Path) -> None:
    come = way.opened(create_app(Edge(store), way.settings))
    people: dict[str, Walk] = {}

    def sign_in(name: str, email: str, password: str, width: int = 1280) -> Walk:
        people[name] = come(width).sign_in(email, password).press("Go on to your work")
        assert "/sign-in" not in people[name].path, people[name].words
        return people[name]

    ada = sign_in("ada", *ADMIN)

    # -- the directory, the place, the organisations and the accounts ---------------------------
    if feed.is_dir():
        with store.read() as tx:
            system = the_only_system(tx)
        assert import_feed(Edge(store), str(system), str(feed)).added
    else:
        ada.go("/directory").fill(feed=str(feed)).press("Read it")
        ada.must_say("added")
    ada.go("/places/add")
    root = ada.codes("parent_id")[1]
    ada.fill(
        name="Harbour",
        kind="place",
        parent_id=root,
        safeguarding_phone="01632 960100",
        out_of_hours_phone="01632 960199",
        outside_contact="County duty desk, 01632 960199",
    ).press("Add")
    with store.read() as tx:
        harbour = tx.rows(Sql("SELECT id FROM place WHERE name = 'Harbour'"))[0][0]
    organisations = {}
    for name, kind in (("Ash Lane Surgery", "practice"), ("Harbour Partnership", "board")):
        ada.go("/organisations/add").fill(
            name=name, kind=kind, place_id=harbour, phone="01632 960123"
        ).press("Add")
        with store.read() as tx:
            query = Sql("SELECT id FROM organisation WHERE name = :name")
            organisations[name] = tx.rows(query, name=name)[0][0]
    with store.read() as tx:
        activity, offered, provider, provider_org = tx.rows(
            Sql(
                "SELECT a.id, a.name, p.id, o.id FROM activity a JOIN provider p"
                " ON p.id = a.provider_id JOIN organisation o ON o.id = p.organisation_id"
                " ORDER BY CASE WHEN a.name = 'Singing for Breathing' THEN 0 ELSE 1 END"
            )
        )[0]
    surgery, board = organisations["Ash Lane Surgery"], organisations["Harbour Partnership"]
    passwords = {
        "priya": add_account(ada, surgery, "Priya Shah", "link_worker"),
        "tess": add_account(ada, surgery, "Tess Marsh", "team_lead"),
        "sol": add_account(ada, provider_org, "Sol Rivers", "provider_leader"),
        "gail": add_account(ada, board, "Gail Stone", "governance_lead", str(root)),
    }

    def arrive(name: str, width: int = 1280) -> Walk:
        return sign_in(name, f"{name}@example.org", passwords[name], width)

    # -- governance assures the provider and drafts an agreement --------------------------------
    gail = arrive("gail")
    gail.go(f"/providers/{provider}").press("Apply to be assured")
    if gail.path.endswith("/apply"):
        gail.press_the_button()
    with store.read() as tx:
        assurance = tx.rows(Sql("SELECT id FROM assurance WHERE provider_id = :p"), p=provider)[0][
            0
        ]
    gail.go(f"/assurance/{assurance}/review")
    gail.press_the_button()
    for kind in (
        "public_liability",
        "safeguarding_policy",
        "safeguarding_training",
        "dbs",
        "risk_assessment",
    ):
        gail.go(f"/providers/{provider}/evidence/add")
        gail.fill(kind=kind, from_at=today() - timedelta(days=3), until=in_a_year()).press("Add")
    gail.go(f"/assurance/{assurance}/assure")
    gail.press_the_button()
    gail.must_say("Assured")
    gail.go("/agreements/add").fill(
        title="Sharing for creative health",
        kind="sharing",
        parties=[surgery, provider_org],
        purposes=["share_with_provider"],
        lawful_basis="public_task",
        review_at=in_a_year(),
    )
    gail.check_first("fields").press("Draft and ask for signatures")
    agreement = gail.record
    for name in ("tess", "sol"):
        signer = arrive(name, 320 if name == "sol" else 1280)
        signer.go(f"/agreements/{agreement}/sign")
        signer.press_the_button()
    gail.go(f"/agreements/{agreement}").must_say("In force")
    sol = people["sol"]
    with store.read() as tx:
        group = tx.rows(Sql("SELECT id FROM activity_group WHERE activity_id = :a"), a=activity)[0][
            0
        ]
    sol.go(f"/offers/{activity}/places/{group}").fill(
        name="Thursdays", capacity="8", members_from_outside="2"
    ).press("Save places")

    # -- the link worker makes a referral -------------------------------------------------------
    priya = arrive("priya")
    priya.press("Make a referral")
    priya.press("I do not have their NHS number, or only part of it")
    priya.fill(given_name="Margaret", family_name="Okoro")
    priya.fill(birth_date=date(1951, 3, 15), no_nhs_number="not_known").press("Continue")
    writing = priya.record
    hub = f"/referrals/{writing}/write"
    priya.go(f"{hub}/details").fill(
        phone="07700 900982", postcode="ZZ99 3VZ", registered="elsewhere", practice="Shore Surgery"
    ).press("Continue")
    priya.go(f"{hub}/contact").fill(contact_method="phone", message_safe="yes").press("Continue")
    priya.go(f"{hub}/matters").fill(
        what_matters="To sing again. <script>alert(1)</script>", goal_1="Go three weeks running"
    ).press("Continue")
    priya.go(f"{hub}/needs").check_first("needs").press("Continue")
    priya.go(f"{hub}/safety").fill(risks="none").press("Continue")
    priya.go(f"{hub}/activity?{urlencode({'words': offered})}").fill(group_id=group)
    priya.press("Continue")
    priya.go(f"{hub}/check").press("Send the referral")
    assert "no consent" in priya.problems.lower()
    priya.go(f"{hub}/consent").fill(share="yes", practice="yes", basis="agreement", how="in_person")
    priya.press("Continue")
    priya.go(f"{hub}/check").press("Send the referral")
    assert "to reply" in priya.banner, priya.words
    with store.read() as tx:
        referral, reference = tx.rows(Sql("SELECT id, reference FROM referral"))[0]

    # -- the provider, on a phone: open, accept, done -------------------------------------------
    page = f"/referrals/{referral}"
    sol.go("/").must_say("Margaret").must_not_say("Okoro", "07700")
    sol.go(page).must_say("To sing again. <script>alert(1)</script>")
    assert sol.fits()
    sol.press("Accept")
    sol.press_the_button()
    sol.go(page).must_say("Margaret Okoro", "07700 900 982")
    for trigger in ("contact", "start"):
        sol.go(f"{page}/{trigger}")
        sol.press_the_button()
    today_register = f"/sessions/{activity}/{today():%Y-%m-%d}"
    sol.go(today_register).press("Save")
    sol.go(f"{page}/complete").fill(
        outcome="stays_as_member", goal_1="yes", summary="Came every week."
    )
    _fill_what_next(sol)
    sol.press_the_button()
    assert not sol.problems, sol.words
    sol.must_say("Came every week.").press("Finish and tell the link worker")

    sol.go(page).must_say("Finished")

    # -- the loop is closed ---------------------------------------------------------------------
    priya.go("/").must_say("Margaret Okoro")
    priya.go(f"{page}/confirm")
    priya.press_the_button()
    priya.go(page).must_say("Closed", reference)
    sweep_all(Edge(store))
    with store.read() as tx:
        assert tx.rows(Sql("SELECT state FROM referral")) == [("closed",)]
        report = verify(tx, rules_for_verify())
    assert report.whole, report.lines()[:5]
    assert way.accessibility_faults("priya@example.org", passwords["priya"], page) == []
    for walker in people.values():
        walker.leave()


if OTHERS:

    @pytest.mark.parametrize("feed", [Path(OTHERS) / "open-referral-uk" / "feed"], ids=["others"])
    @pytest.mark.parametrize("way", WAYS[1:], indirect=True)
    def test_so_they_do_with_an_activity_from_a_feed_of_others(
        store: Store, way: Way, feed: Path
    ) -> None:
        test_three_people_go_from_nothing_to_a_closed_loop(store, way, feed)


def _fill_what_next(walker: Walk) -> None:
    if walker.kind("what_next") == "radio":
        walker.check_first("what_next")
    else:
        walker.fill(what_next="Sings on with us.")
