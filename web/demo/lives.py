"""What life brings in the demo: a rota, a worry nobody has read yet, a death, days away, and one
person with two records."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from referral.states import Noun, Purpose
from web.demo import cast
from web.demo.telling import Story
from workflows.accounts import suspend_account
from workflows.activities import save_activity
from workflows.caseloads import end_membership
from workflows.concerns import raise_concern
from workflows.consent import record_consent
from workflows.deaths import record_death
from workflows.documents import attach_document, take_back_document
from workflows.engine import step
from workflows.equality import record_answer
from workflows.messages import mark_read, write_message
from workflows.organisations import set_away
from workflows.people import add_person, save_plan
from workflows.referrals import begin_referral, send_referral
from workflows.relationships import record_relationship
from workflows.rotas import add_authority, add_line
from workflows.working_time import LONDON, local_day

WEEKDAYS = (0, 1, 2, 3, 4)
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
# (name, phone, for whom, days, from, until, bank holidays)
ROTA: tuple[tuple[str, str, str, tuple[int, ...], str, str, bool], ...] = (
    ("Harbour safeguarding desk", "01632 960101", "adults", WEEKDAYS, "09:00", "17:00", False),
    ("Children's front door", "01632 960102", "children", WEEKDAYS, "08:30", "17:30", False),
    ("Evening duty lead", "01632 960103", "anyone", WEEKDAYS, "17:00", "21:00", False),
    ("Emergency duty team", "01632 960199", "anyone", EVERY_DAY, "21:00", "08:30", True),
)
AUTHORITIES: tuple[tuple[str, str, str], ...] = (
    ("adult_social_care", "County adult safeguarding", "01632 960110"),
    ("childrens_services", "County children's front door", "01632 960111"),
    ("police", "Harbour police, public protection", "01632 960112"),
    ("allegations_children", "County designated officer", "01632 960113"),
    ("allegations_adults", "County people in positions of trust lead", "01632 960114"),
)


def tell_lives(s: Story) -> None:
    """Plan all of it."""
    s.on(100, lambda at: _rota(s, at))
    s.on(30, lambda at: _maud(s, at))
    s.on(6, lambda at: _maud_died(s, at))
    s.on(4, lambda at: _confirm(s, at, ("choir", "pottery", "steps")))
    s.on(15, lambda at: _left(s, at))
    s.on(6, lambda at: _suspended(s, at))
    s.on(2, lambda at: _away(s, at))
    s.on(1, lambda at: _twice(s, at))
    s.on(0, lambda at: _unread(s, at), hour=8)
    _wrote(s)
    _put_there(s)
    _close(s)
    _equality(s)


def _wrote(s: Story) -> None:
    """Link workers and leaders wrote to each other; of two threads the newest isn't read yet."""

    def message(days: int, who: str, name: str, body: str, hour: int = 14) -> None:
        actor = s.actor[who]

        def what(at: datetime) -> None:
            with s.store.begin(actor) as tx:
                write_message(tx, actor, at, referral_id=s.referral[name], body=body)

        s.on(days, what, hour=hour)

    ours = s.team("Beryl")

    def read(at: datetime) -> None:
        with s.store.begin(s.actor[ours]) as tx:
            mark_read(tx, s.actor[ours], at, referral_id=s.referral["Beryl"])

    message(
        20, ours, "Beryl",
        "Beryl has a new hearing aid. Could she sit at the front for a while?",
    )  # fmt: skip
    message(
        19, "sol", "Beryl",
        "Yes. We keep a chair for her in the first row, on the left.\nShe sounded glad last week.",
    )  # fmt: skip
    s.on(18, read)
    message(
        2, "sol", "Beryl",
        "Her break ends in two weeks. Shall we ring her, or does she hear it from you?",
    )  # fmt: skip
    message(
        1, s.team("Victor"), "Victor",
        "Victor moves flat at the end of the month. He comes by another bus then, and may be late.",
    )  # fmt: skip


CARD = """What helps Beryl hear in rehearsals

1. A seat in the first row, on the left.
2. Words on paper, in large print.
3. Tell her when the song changes: she watches your hands.

Written with Beryl on the phone. She has a copy.
"""


def _put_there(s: Story) -> None:
    """A card that a link worker wrote with Beryl, and one that was the wrong file."""
    ours = s.team("Beryl")
    actor = s.actor[ours]

    def attach(at: datetime, name: str, description: str, shared: bool) -> str:
        with s.store.begin(actor) as tx:
            return attach_document(
                tx, actor, at, referral_id=s.referral["Beryl"], kind="care_plan",
                description=description, shared=shared, name=name, content=CARD.encode(),
                unscanned=True,
            )  # fmt: skip

    def card(at: datetime) -> None:
        attach(at, "What helps Beryl hear.txt", "What helps her hear in rehearsals", True)

    def wrong(at: datetime) -> None:
        made = attach(at, "Untitled 2.txt", "What helps her hear in rehearsals", False)
        with s.store.begin(actor) as tx:
            take_back_document(
                tx, actor, at + timedelta(minutes=2), referral_id=s.referral["Beryl"],
                document_id=made, why="wrong_file",
            )  # fmt: skip

    s.on(20, wrong, hour=15)
    s.on(20, card, hour=16)


def _close(s: Story) -> None:
    """Who is close to some of them, and whether they say that we may speak with them."""

    def near(days: int, whose: str, /, **said: Any) -> None:
        actor = s.actor[s.team(whose)]

        def what(at: datetime) -> None:
            given = {"said_on": local_day(at), "said_how": "phone", **said}
            with s.store.begin(actor) as tx:
                record_relationship(tx, actor, at, person_id=s.person[whose], values=given)

        s.on(days, what, hour=13)

    near(
        48, "Beryl", kind="next_of_kin", name="Wendy Tan", relation="sister",
        phone="07700 900461", in_emergency=True, may_speak="yes",
    )  # fmt: skip
    near(
        47, "Beryl", kind="advocate", name="Idris Vaughan", relation="from the advocacy service",
        phone="01632 960171", may_speak="not_asked",
    )  # fmt: skip
    near(
        40, "Victor", kind="contact", name="Paul Hall", relation="son", phone="07700 900462",
        may_speak="no",
    )  # fmt: skip


def _equality(s: Story) -> None:
    """What some of them said of themselves; one would rather not say the second."""

    def said(days: int, whose: str, ethnic_group: str, disability: str) -> None:
        actor = s.actor[s.team(whose)]

        def what(at: datetime) -> None:
            given = {"said_on": local_day(at), "said_how": "in_person"}
            given |= {"ethnic_group": ethnic_group, "disability": disability}
            with s.store.begin(actor) as tx:
                record_answer(tx, actor, at, person_id=s.person[whose], values=given)

        s.on(days, what, hour=14)

    said(46, "Beryl", "A0", "Y0")
    said(39, "Victor", "M0", "Z0")


def _confirm(s: Story, at: datetime, activities: tuple[str, ...]) -> None:
    """Some say that what is listed is still so; the garden and the readers haven't for months."""
    for key in activities:
        actor = s.actor[cast.LEADER[key]]
        provider = s.provider[next(org for org, of, *_ in cast.ACTIVITIES if of == key)]
        with s.store.begin(actor) as tx:
            save_activity(
                tx, actor, at, provider_id=provider, values={"confirmed_at": at},
                activity_id=s.activity[key],
            )  # fmt: skip


def _rota(s: Story, at: datetime) -> None:
    paul, seth = s.actor["paul"], s.actor["seth"]
    with s.store.begin(paul) as tx:
        for name, phone, serves, days, opens, closes, holidays in ROTA:
            line = {
                "name": name,
                "phone": phone,
                "serves": serves,
                "days": days,
                "opens": opens,
                "closes": closes,
                "bank_holidays": holidays,
            }
            add_line(tx, paul, at, s.place["Harbour"], line)
    with s.store.begin(seth) as tx:
        for kind, name, phone in AUTHORITIES:
            known = {"kind": kind, "name": name, "phone": phone}
            add_authority(tx, seth, at, s.place["root"], known)


def _maud(s: Story, at: datetime) -> None:
    """Maud Kerr comes to the choir."""
    priya, sol = s.actor["priya"], s.actor["sol"]
    with s.store.begin(priya) as tx:
        person = add_person(
            tx,
            priya,
            at,
            {
                "given_name": "Maud",
                "family_name": "Kerr",
                "birth_date": date(1934, 8, 7),
                "no_nhs_number": "not_known",
                "practice": priya.organisation_name,
                "phone": "07700 900171",
            },
        )["id"]
        s.person["Maud"] = person
        plan = save_plan(tx, priya, at, person, {"what_matters": "To sing with my sister."})
        made = begin_referral(
            tx,
            priya,
            at,
            person_id=person,
            group_id=s.group["choir"],
            values={
                "risks": "none",
                "plan_id": plan,
                "safety_answers": '{"Do you use oxygen?": "No"}',
            },
        ).id
        record_consent(
            tx,
            priya,
            at,
            person_id=person,
            purpose=Purpose.SHARE_WITH_PROVIDER,
            recipient=s.provider["singers"],
            agreed=True,
            answer={"basis": "agreement", "how": "in_person"},
        )
        send_referral(tx, priya, at, made)
    for trigger in ("accept", "contact", "start"):
        with s.store.begin(sol) as tx:
            step(tx, Noun.REFERRAL, made, trigger, sol, at)


def _maud_died(s: Story, at: datetime) -> None:
    priya = s.actor["priya"]
    said: dict[str, Any] = {
        "died_on": local_day(at) - timedelta(days=1),
        "said_by": "Her sister, by phone",
    }
    with s.store.begin(priya) as tx:
        record_death(tx, priya, at, s.person["Maud"], said)


def _away(s: Story, at: datetime) -> None:
    """Sam will be away for a week."""
    sam = s.actor["sam"]
    first = (s.now + timedelta(days=7)).astimezone(LONDON)
    first = first.replace(hour=0, minute=0, second=0, microsecond=0)
    end = first + timedelta(days=7)
    with s.store.begin(sam) as tx:
        set_away(tx, sam, at, membership_id=sam.membership_id, start=first, end=end)


def _left(s: Story, at: datetime) -> None:
    """Lena has gone to another job; nobody was with her any more."""
    mo = s.actor["mo"]
    with s.store.begin(mo) as tx:
        end_membership(tx, mo, at, s.actor["lena"].membership_id)


def _suspended(s: Story, at: datetime) -> None:
    """Dev is away until spring; his account sleeps meanwhile."""
    ada = s.actor["ada"]
    with s.store.begin(ada) as tx:
        suspend_account(tx, ada, at, s.actor["dev"].user_id, "long_absence")


def _twice(s: Story, at: datetime) -> None:
    """Derek Lowe was added a second time, as happens."""
    sam = s.actor["sam"]
    with s.store.begin(sam) as tx:
        add_person(
            tx,
            sam,
            at,
            {
                "given_name": "Derek",
                "family_name": "Lowe",
                "birth_date": date(1948, 7, 2),
                "no_nhs_number": "not_known",
                "practice": sam.organisation_name,
                "email": "derek.lowe@example.org",
            },
        )


def _unread(s: Story, at: datetime) -> None:
    """Rae Lister writes a worry down this morning; nobody has read it yet."""
    rae = s.actor["rae"]
    values = {
        "referral_id": s.referral["Beryl"],
        "seen": "Beryl would not take her coat off, and cried when her son came to fetch her.",
        "danger": False,
        "safe_to_carry_on": True,
        "others_at_risk": "not_sure",
    }
    with s.store.begin(rae) as tx:
        raise_concern(tx, rae, at, values)
