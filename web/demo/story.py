"""What has happened in the demo so far, told by the real commands at past times.

Nothing here writes a row by itself: each line is a command that somebody could have given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from referral import records
from referral.actors import the_system
from referral.audit import log
from referral.members import actor_of
from referral.scores import ANSWERS
from referral.states import Noun, Purpose, Role
from referral.store import Sql, Store
from web.demo import cast
from web.demo.leading import leading
from web.demo.lives import tell_lives
from web.demo.rights import tell_rights
from web.demo.season import tell_season
from web.demo.telling import OUTCOME, Progress, Story, Sweep, newest_consent
from workflows import views
from workflows.accounts import invite
from workflows.calls import record_call, record_contact
from workflows.concerns import raise_concern
from workflows.consent import record_consent
from workflows.emergencies import open_record
from workflows.engine import step
from workflows.escalations import (
    carry_out,
    complete_escalation,
    decide_escalation,
    pending,
    raise_escalation,
)
from workflows.holds import lift_hold, place_hold
from workflows.organisations import add_membership, add_user
from workflows.overrides import propose_override
from workflows.policy import set_rule
from workflows.policy_changes import (
    PUBLIC,
    comment,
    comment_publicly,
    decide,
    open_change,
    read_comment,
)
from workflows.referrals import (
    confirm_proposal,
    propose,
    redirect_referral,
)
from workflows.reminders import plan_call, put_off
from workflows.scores import correct_scores, record_scores
from workflows.wordings import publish_wording
from workflows.working_time import ENGLAND, add, local_day


def tell(
    store: Store,
    now: datetime,
    password_hash: str,
    sweep: Sweep,
    progress: Progress = lambda done, total: None,
) -> Story:
    """Fill the empty store with the whole story, up to `now`. `sweep` runs the worker's sweep at
    a past time, so that clocks miss, lapse and escalate as they would have."""
    s = Story(store, now, sweep, progress)
    s.set_the_stage(password_hash)
    for org, leader in (
        ("singers", "sol"),
        ("dance", "dana"),
        ("clay", "kit"),
        ("garden", "hana"),
    ):
        s.assure(org, leader, 125)
    s.assure("readers", "petra", 120, "condition")
    s.assure("theatre", "toby", 6, None)
    everyone = ("ash", "fenside", "moor", "singers", "dance", "clay", "garden", "readers")
    s.agree(
        124,
        "Sharing for creative health in Saltmere",
        everyone,
        ("tess", "tom", "mo", "sol", "dana", "kit", "hana", "petra"),
    )
    s.agree(5, "Sharing with Tide Theatre", ("ash", "theatre"), ("tess",))
    s.add_people(110)
    _lives(s)
    _matters(s)
    _shared_for_safety(s)
    _opened_in_an_emergency(s)
    _policy(s)
    _held_for_a_time(s)
    _reminded(s)
    _scored(s)
    leading(s)
    tell_lives(s)
    tell_season(s)
    tell_rights(s)
    _asked_in_welsh(s)
    _invited(s)
    s.tell()
    return s


def _reminded(s: Story) -> None:
    """A link worker puts one thing off until it is arranged, plans a call for the next day, and
    keeps a list under a name."""
    actor = s.actor["priya"]
    theirs = [name for name in ("Derek", "Winifred", "Margaret") if s.team(name) == "priya"]

    def later(at: datetime) -> None:
        with s.store.begin(actor) as tx:
            put_off(
                tx,
                actor,
                at,
                kind="referral.draft",
                record_id=s.referral["Nora"],
                until=local_day(add(at, 4, ENGLAND)),
                why="arranged",
            )

    def call(at: datetime) -> None:
        with s.store.begin(actor) as tx:
            plan_call(
                tx,
                actor,
                at,
                referral_id=s.referral[theirs[0]],
                until=local_day(add(at, 1, ENGLAND)),
                why="check_in",
            )

    def rang(at: datetime) -> None:
        said = {"reason": "no_answer", "note": "Nobody at home. I try again in the morning."}
        with s.store.begin(actor) as tx:
            record_call(tx, actor, at, s.referral[theirs[0]], said)

    def keep(at: datetime) -> None:
        with s.store.begin(actor) as tx:
            asked = "with=provider&sort=deadline"
            views.save(tx, actor, at, name="Waiting on providers", asked=asked)

    s.on(1, later, hour=15)
    s.on(1, keep, hour=15)
    s.on(1, rang, hour=14)
    s.on(1, call, hour=15)


def _scored(s: Story) -> None:
    """Margaret said how her life is at the start, at a review and at the end; Derek at the start,
    of whom one answer was put right."""

    def asked(days: int, name: str, stage: str, numbers: tuple[int | None, ...], how: str) -> None:
        actor = s.actor[s.team(name)]

        def record(at: datetime) -> None:
            with s.store.begin(actor) as tx:
                made = record_scores(
                    tx,
                    actor,
                    at,
                    referral_id=s.referral[name],
                    stage=stage,
                    how=how,
                    asked_on=local_day(at),
                    answers=dict(zip(ANSWERS, numbers, strict=True)),
                )
                if name == "Derek":
                    correct_scores(
                        tx,
                        actor,
                        at + timedelta(minutes=5),
                        score_id=made,
                        why="mistyped",
                        how=how,
                        asked_on=local_day(at),
                        answers={**dict(zip(ANSWERS, numbers, strict=True)), "happy": 4},
                    )

        s.on(days, record, hour=15)

    asked(94, "Margaret", "start", (3, 4, 3, 7), "in_person")
    asked(60, "Margaret", "review", (5, 5, 6, None), "phone")
    asked(18, "Margaret", "end", (7, 7, 6, 3), "in_person")
    asked(59, "Derek", "start", (4, 5, 10, 6), "phone")


def _lives(s: Story) -> None:
    """Referrals in every state."""
    s.begin(95, "Margaret", "choir", risks="some", safety_notes="Short of breath on stairs.")
    s.taking_part(93, "Margaret", "choir", (80, 70, 60, 50))
    s.move(20, "sol", "Margaret", "complete", **OUTCOME)
    s.move(18, s.team("Margaret"), "Margaret", "confirm")

    s.begin(60, "Derek", "choir")
    s.taking_part(57, "Derek", "choir", (30, 20, 10, 4))
    s.said(3, "Derek", "choir", "late", "heard_later")

    s.begin(8, "Winifred", "steps", risks="some", safety_notes="Fell twice this year.")
    s.move(6, "dana", "Winifred", "accept")
    s.on(5, lambda at: _rang_the_day_before(s, "dana", "Winifred", at))

    s.begin(1, "Samuel", "pottery")
    s.begin(6, "Adaeze", "pottery")
    s.begin(13, "Leonard", "garden")

    s.begin(3, "Ruth", "reading")
    s.move(
        2, "petra", "Ruth", "ask", note="Can Ruth manage one flight of stairs if the lift is out?"
    )

    s.begin(9, "Colin", "steps")
    s.on(
        7,
        lambda at: _plain_step(
            s,
            "dana",
            "Colin",
            "put_on_waiting_list",
            at,
            {"expected_date": (s.now + timedelta(days=21)).date()},
        ),
    )

    s.begin(50, "Beryl", "choir")
    s.taking_part(48, "Beryl", "choir", (35, 25))
    s.on(
        12,
        lambda at: _plain_step(
            s,
            "sol",
            "Beryl",
            "pause",
            at,
            {"paused_until": (s.now + timedelta(days=14)).date()},
        ),
    )

    s.begin(70, "Hugo", "choir")
    s.taking_part(68, "Hugo", "choir", (55, 40, 28))
    s.move(3, "sol", "Hugo", "complete", **{**OUTCOME, "goals_met": "partly"})

    s.begin(7, "Joan", "pottery")
    s.move(2, "kit", "Joan", "decline", reason="access_need", note="The step into the studio.")

    s.begin(40, "Musa", "garden")
    s.taking_part(38, "Musa", "garden", (26,))
    s.on(9, lambda at: _withdraw(s, "Musa", "garden", at))

    s.begin(4, "Elsie", "choir")
    s.begin(45, "Victor", "choir", until=10)
    s.taking_part(43, "Victor", "choir", (30, 15))

    s.begin(2, "Nora", "choir", consent=None, send=False)
    s.begin(7, "Tariq", "pottery", risks="not_known", send=False)

    s.begin(25, "Ivy", "theatre", consent=None, send=False)
    s.begin(30, "Peter", "garden")
    s.move(28, "hana", "Peter", "decline", reason="not_right_activity")
    s.move(26, s.team("Peter"), "Peter", "close_unmet", reason="no_provider")

    s.begin(12, "Padma", "pottery")
    s.move(11, "kit", "Padma", "decline", reason="full")
    s.on(10, lambda at: _redirect(s, "Padma", "steps", at))

    s.begin(16, "Oscar", "garden")
    s.on(15, lambda at: _in_error(s, "Oscar", at))

    s.begin(20, "Sylvia", "choir")
    s.taking_part(18, "Sylvia", "choir", (11,))
    for days in (6, 1):
        s.said(days, "Sylvia", "choir", "did_not_come")
        for name in ("Victor", "Gordon"):
            s.said(days, name, "choir", "came")
    s.begin(2, "Arthur", "choir")
    s.begin(5, "Mei", "reading")
    s.begin(90, "Gordon", "choir", until=-4)
    s.taking_part(88, "Gordon", "choir", (70, 45, 20))
    s.begin(0, "Hilda", "choir")
    for activity in ("choir", "evening", "steps", "garden", "reading"):
        s.still_right(12, activity)
    s.pause(9, "theatre", 25)


def _rang_the_day_before(s: Story, who: str, name: str, at: datetime) -> None:
    told = {
        "reason": "left_message",
        "note": "I will ring again later this week.",
        "happened_at": at - timedelta(hours=20),
    }
    with s.store.begin(s.actor[who]) as tx:
        record_contact(tx, s.actor[who], at, s.referral[name], "try_contact", told)


def _plain_step(
    s: Story, who: str, name: str, trigger: str, at: datetime, given: dict[str, Any]
) -> None:
    actor = s.actor[who]
    with s.store.begin(actor) as tx:
        step(tx, Noun.REFERRAL, s.referral[name], trigger, actor, at, given)


def _withdraw(s: Story, name: str, activity: str, at: datetime) -> None:
    actor = s.actor[s.team(name)]
    with s.store.begin(actor) as tx:
        consent = newest_consent(tx, s.person[name], s.provider[cast.PROVIDER_OF[activity]])
        step(tx, Noun.CONSENT, consent, "withdraw", actor, at, {"reason": "person_said_no"})


def _redirect(s: Story, name: str, activity: str, at: datetime) -> None:
    actor = s.actor[s.team(name)]
    with s.store.begin(actor) as tx:
        record_consent(
            tx,
            actor,
            at,
            person_id=s.person[name],
            purpose=Purpose.SHARE_WITH_PROVIDER,
            recipient=s.provider[cast.PROVIDER_OF[activity]],
            agreed=True,
            answer={"basis": "agreement", "how": "phone"},
        )
        redirect_referral(tx, actor, at, s.referral[name], group_id=s.group[activity])


def _in_error(s: Story, name: str, at: datetime) -> None:
    first, second = s.actor[s.team(name)], s.actor["tess"]
    with s.store.begin(first) as tx:
        proposal = propose(
            tx,
            first,
            at,
            Noun.REFERRAL,
            s.referral[name],
            "mark_in_error",
            {"reason": "wrong_person"},
        )
    with s.store.begin(second) as tx:
        confirm_proposal(tx, first, second, at, proposal)


def _shared_for_safety(s: Story) -> None:
    """Sharing without consent: one that waits for its second person, and one ended and to be
    reviewed. Neither person could be asked."""

    def proposed(days: int, who: str, name: str, activity: str, **said: Any) -> dict[str, str]:
        made: dict[str, str] = {}

        def what(at: datetime) -> None:
            actor = s.actor[who]
            with s.store.begin(actor) as tx:
                made["id"] = propose_override(
                    tx,
                    actor,
                    at,
                    person_id=s.person[name],
                    provider_id=s.provider[cast.PROVIDER_OF[activity]],
                    values={"person_told": False, "danger": False, **said},
                ).id

        s.on(days, what, hour=9)
        return made

    gordon = proposed(
        4,
        "bron",
        "Gordon",
        "choir",
        ground="vital_interests",
        necessity="Gordon was taken ill on Sunday and is asleep most of the day. The choir meets"
        " on Thursday and does not know that he must not climb stairs.",
        proportionality="Whom to ring and what keeps him safe. Not why he is ill.",
        fields=["emergency_contact", "safety_notes"],
        why_not_told="He could not take it in. His daughter knows.",
    )

    def approve(at: datetime) -> None:
        actor = s.actor["max"]
        with s.store.begin(actor) as tx:
            step(
                tx, Noun.OVERRIDE, gordon["id"], "approve", actor, at, {"note": "I rang his ward."}
            )

    def end(at: datetime) -> None:
        actor = s.actor["max"]
        with s.store.begin(actor) as tx:
            step(tx, Noun.OVERRIDE, gordon["id"], "end", actor, at, {"reason": "danger_over"})

    s.on(4, approve, hour=11)
    s.on(1, end, hour=11)
    proposed(
        0,
        "priya",
        "Nora",
        "choir",
        ground="coercion",
        necessity="Nora's son answers for her each time, and she looks at him before she speaks."
        " The leader must know whom not to ring.",
        proportionality="The safety note alone.",
        fields=["safety_notes"],
        why_not_told="Her son reads her letters and hears her calls.",
    )


def _opened_in_an_emergency(s: Story) -> None:
    """A link worker of another team opened a record, for the person stood at their door and their
    own team could not be reached. It has closed by itself, and waits for its review."""

    def opens(at: datetime) -> None:
        actor = s.actor["olu"]
        with s.store.begin(actor) as tx:
            reference = tx.rows(REFERENCE, id=s.person["Margaret"])[0][0]
            open_record(
                tx,
                actor,
                at,
                {
                    "reference": reference,
                    "reason": "person_asks",
                    "why": "She stands at our door, has lost her keys and wants her daughter rung."
                    " Her own team's phone is not answered.",
                },
            )
        with s.store.begin(actor) as tx:
            now = actor_of(tx, actor.membership_id, at)
            if now is None:
                return
            person = records.person_to_read(tx, now, at, s.person["Margaret"])
            if person is not None:
                log(tx, now, at, "read", "person", None, subject=person.subject_ref)

    s.on(1, opens, hour=8)


REFERENCE = Sql("SELECT reference FROM person WHERE id = :id")


def _policy(s: Story) -> None:
    """Rules that places made of their own, one that was talked about first, and one that is."""

    def rule(days: int, who: str, place: str, kind: str, name: str, value: Any, why: str) -> None:
        def what(at: datetime) -> None:
            actor = s.actor[who]
            with s.store.begin(actor) as tx:
                set_rule(
                    tx,
                    actor,
                    at,
                    place_id=s.place[place],
                    kind=kind,
                    name=name,
                    value=value,
                    because=why,
                )

        s.on(days, what)

    def opened(days: int, who: str, place: str, closes: int, **said: Any) -> dict[str, str]:
        made: dict[str, str] = {}

        def what(at: datetime) -> None:
            actor = s.actor[who]
            with s.store.begin(actor) as tx:
                made["id"] = open_change(
                    tx, actor, at, place_id=s.place[place], closes_at=at + timedelta(closes), **said
                )
                made["code"] = tx.rows(CODE, id=made["id"])[0][0]

        s.on(days, what)
        return made

    def heard(days: int, made: dict[str, str], voice: str, body: str, show: str = "") -> None:
        def what(at: datetime) -> None:
            somebody = the_system(s.system_id, PUBLIC)
            with s.store.begin(somebody) as tx:
                comment = comment_publicly(
                    tx, somebody, at, code=made["code"], voice=voice, body=body
                )
                if show:
                    read_comment(tx, s.actor[show], at, comment_id=comment, show=True)

        s.on(days, what, hour=15)

    rule(
        90, "gail", "root", "days", "agreement.drafted", 15,
        "Half of what was drafted in spring waited for a signature all summer.",
    )  # fmt: skip
    rule(
        60, "fred", "Fen", "reasons", "referral.decline",
        ["full", "not_right_activity", "access_need", {"code": "no_bus", "says": "No bus back"},
         "other"],
        "Half the villages have no bus after five. We want to count it.",
    )  # fmt: skip
    first = opened(
        75, "grace", "Harbour", 14,
        title="A first aid certificate from small groups too",
        because="Two groups meet far from a road. First aid is asked of larger ones only.",
        wanted=[{"kind": "evidence", "name": "small_group", "value": [
            "public_liability", "safeguarding_policy", "safeguarding_training", "dbs",
            "risk_assessment", "first_aid"]}],
    )  # fmt: skip
    heard(70, first, "provider", "The course costs £80. We have £200 a year for all.", "grace")
    heard(68, first, "lived_experience", "I would feel safer. I fell there once.", "grace")

    def decide_first(at: datetime) -> None:
        actor = s.actor["grace"]
        with s.store.begin(actor) as tx:
            decide(
                tx,
                actor,
                at,
                change_id=first["id"],
                made=True,
                heard=[
                    {
                        "said": "The course costs more than a small group has.",
                        "did": "Harbour pays for two people from each group, each year.",
                    },
                    {
                        "said": "People would feel safer.",
                        "did": "It is asked for at each group's next review.",
                    },
                ],
            )

    s.on(60, decide_first)
    second = opened(
        4, "grace", "Harbour", 21,
        title="Seven working days to answer a referral, not five",
        because="Groups that meet once a week answer after their session, often on day six.",
        wanted=[{"kind": "days", "name": "referral.sent", "value": 7}],
    )  # fmt: skip
    heard(3, second, "provider", "Yes please. We meet on Thursdays and share one phone.", "grace")
    heard(1, second, "lived_experience", "Two weeks of silence is a long time when you are low.")

    def member(at: datetime) -> None:
        actor = s.actor["priya"]
        with s.store.begin(actor) as tx:
            comment(
                tx, actor, at, change_id=second["id"],
                body="Keep the reminder on day five, then I can tell people what to expect.",
            )  # fmt: skip

    s.on(2, member)


CODE = Sql("SELECT code FROM policy_change WHERE id = :id")


def _asked_in_welsh(s: Story) -> None:
    """The words to read out have a second version in English, and a first one in Welsh."""

    def publish(days: int, language: str, body: str) -> None:
        def what(at: datetime) -> None:
            actor = s.actor["ada"]
            with s.store.begin(actor) as tx:
                publish_wording(
                    tx,
                    actor,
                    at,
                    purpose=Purpose.SHARE_WITH_PROVIDER,
                    language=language,
                    body=body,
                    from_on=local_day(at),
                )

        s.on(days, what, hour=9)

    publish(
        15,
        "en",
        "We would like to tell the people who run this activity your first name, what matters to"
        " you and what you need. If they have a place for you, we also tell them how to reach you"
        " and what keeps you safe. You can stop this at any time: tell us, or tell them.",
    )
    publish(
        14,
        "cy",
        "Hoffem ddweud eich enw cyntaf wrth y bobl sy'n cynnal y gweithgaredd hwn, beth sy'n bwysig"
        " i chi a beth sydd ei angen arnoch. Os oes lle i chi, byddwn hefyd yn dweud sut i gysylltu"
        " â chi a beth sy'n eich cadw'n ddiogel. Gallwch stopio hyn unrhyw bryd.",
    )
    publish(
        13,
        "en-simple",
        "We want to tell the group about you. We tell them your first name. We tell them what you"
        " like and what you need. If they have a place, we tell them how to reach you. We tell them"
        " what keeps you safe. You can say stop at any time. Tell us, or tell them.",
    )


def _invited(s: Story) -> None:
    """Two who start soon: one was invited yesterday, the other's link has run out."""
    for days, name, key, org in (
        (1, "Nia Pryce", "nia", "moor"),
        (8, "Ivor Lane", "ivor", "fenside"),
    ):

        def asks(at: datetime, name: str = name, key: str = key, org: str = org) -> None:
            ada = s.actor["ada"]
            with s.store.begin(ada) as tx:
                user = add_user(tx, ada, at, name=name, email=f"{key}@saltmere.example")
                add_membership(
                    tx,
                    ada,
                    at,
                    user_id=user,
                    organisation_id=s.org[org],
                    role=Role.LINK_WORKER,
                )
                invite(tx, ada, at, user)

        s.on(days, asks, hour=9)


def _held_for_a_time(s: Story) -> None:
    """Two ordinary holds: in hospital, with its date to come, and asked for time, long lifted."""

    def hold(days: int, name: str, cause: str, ahead: int, lift: int | None = None) -> None:
        made: dict[str, str] = {}
        who = s.team(name)

        def place(at: datetime) -> None:
            actor = s.actor[who]
            with s.store.begin(actor) as tx:
                made["id"] = place_hold(
                    tx,
                    actor,
                    at,
                    referral_id=s.referral[name],
                    cause=cause,
                    until=local_day(add(at, ahead, ENGLAND)),
                )

        def lifting(at: datetime) -> None:
            actor = s.actor[who]
            with s.store.begin(actor) as tx:
                lift_hold(tx, actor, at, referral_id=s.referral[name], hold_id=made["id"])

        s.on(days, place, hour=15)
        if lift is not None:
            s.on(lift, lifting, hour=15)

    hold(4, "Winifred", "hospital", 9)
    hold(25, "Derek", "person_asked", 10, lift=21)


def _matters(s: Story) -> None:
    """Concerns and escalations, at different points of their lives."""

    def concern(
        days: int, who: str, values: Callable[[], dict[str, Any]], then: tuple[Any, ...] = ()
    ) -> None:
        made: dict[str, str] = {}

        def raising(at: datetime) -> None:
            actor = s.actor[who]
            with s.store.begin(actor) as tx:
                made["id"] = raise_concern(tx, actor, at, values()).id

        s.on(days, raising, hour=14)
        for ago, holder, trigger, given in then:

            def after(
                at: datetime, holder: str = holder, trigger: str = trigger, given: Any = given
            ) -> None:
                actor = s.actor[holder]
                with s.store.begin(actor) as tx:
                    step(tx, Noun.CONCERN, made["id"], trigger, actor, at, given)

            s.on(ago, after, hour=15)

    concern(
        3,
        "priya",
        lambda: {
            "referral_id": s.referral["Elsie"],
            "seen": "Elsie said her nephew keeps her bank card and she is afraid to ask for it.",
            "danger": False,
            "prompts": {"care_needs": "yes", "at_risk": "yes", "unable_to_protect": "not_sure"},
            "wishes": "She wants her card back and nobody shouted at.",
            "person_knows": "yes",
        },
        (
            (3, "gwen", "acknowledge", {"hold_stays": True}),
            (
                3,
                "gwen",
                "report_to_authority",
                {"reported_to": "County council, adult safeguarding", "authority_reference": "A-1"},
            ),
            (1, "gwen", "authority_decides", {"authority_decision": "section_42"}),
            (
                1,
                "gwen",
                "name_source",
                {
                    "sources": [{"words": "Her nephew"}],
                    "note": "She told the council so.",
                },
            ),
        ),
    )
    concern(
        2,
        "priya",
        lambda: {
            "referral_id": s.referral["Victor"],
            "seen": "Victor says Rae Lister asked him for money twice after the session.",
            "danger": False,
            "safe_to_carry_on": True,
            "sources": [{"user_id": s.actor["rae"].user_id}],
        },
        (
            (2, "gwen", "acknowledge", {"hold_stays": False}),
            (2, "gwen", "monitor", {}),
        ),
    )
    concern(
        40,
        "sol",
        lambda: {
            "referral_id": s.referral["Beryl"],
            "seen": "Beryl came with no coat and said the heating has been off for a week.",
            "danger": False,
            "safe_to_carry_on": True,
        },
        (
            (40, "paul", "acknowledge", {"hold_stays": False}),
            (
                40,
                "paul",
                "close",
                {"wishes_met": "fully", "reason": "plan_done", "feedback": "Heating is on again."},
            ),
        ),
    )

    def escalated(
        days: int, who: str, values: Callable[[], dict[str, Any]], then: tuple[Any, ...] = ()
    ) -> None:
        made: dict[str, str] = {}

        def raising(at: datetime) -> None:
            actor = s.actor[who]
            with s.store.begin(actor) as tx:
                made["id"] = raise_escalation(tx, actor, at, values()).id

        s.on(days, raising, hour=12)
        for ago, how in then:

            def next_thing(at: datetime, how: Callable[[str, datetime], None] = how) -> None:
                how(made["id"], at)

            s.on(ago, next_thing, hour=13)

    def acknowledge(who: str) -> Callable[[str, datetime], None]:
        def what(escalation: str, at: datetime) -> None:
            actor = s.actor[who]
            with s.store.begin(actor) as tx:
                step(tx, Noun.ESCALATION, escalation, "acknowledge", actor, at)

        return what

    def recall_decision(
        who: str, name: str, carried_out: bool = True
    ) -> Callable[[str, datetime], None]:
        def what(escalation: str, at: datetime) -> None:
            actor = s.actor[who]
            with s.store.begin(actor) as tx:
                decide_escalation(
                    tx,
                    actor,
                    at,
                    escalation,
                    {
                        "decision": "uphold",
                        "note": "The wait is too long. The person is taken back and referred on.",
                        "conditions": "The next activity is asked first when its group starts.",
                        "consequences": [
                            {
                                "noun": "referral",
                                "record_id": s.referral[name],
                                "trigger": "recall",
                                "given": {"reason": "better_fit"},
                            }
                        ],
                    },
                )
            with s.store.begin(actor) as tx:
                wanted = pending(tx, escalation) if carried_out else []
            for consequence in wanted:
                with s.store.begin(actor) as tx:
                    carry_out(tx, actor, at, consequence)

        return what

    def complete(who: str) -> Callable[[str, datetime], None]:
        def what(escalation: str, at: datetime) -> None:
            actor = s.actor[who]
            with s.store.begin(actor) as tx:
                complete_escalation(tx, actor, at, escalation)

        return what

    escalated(
        1,
        "priya",
        lambda: {
            "kind": "capacity",
            "about": "referral",
            "about_id": s.referral["Colin"],
            "note": "Steady Steps has two places and five people waiting. Can a second class open?",
            "tried": ["asked_provider", "looked_for_another"],
        },
    )
    escalated(
        7,
        "priya",
        lambda: {
            "kind": "disagreement",
            "about": "referral",
            "about_id": s.referral["Colin"],
            "note": "Colin would rather begin in the garden now than wait for a place.",
            "tried": ["spoke_to_person"],
        },
        ((6, acknowledge("tess")), (4, recall_decision("tess", "Colin", carried_out=False))),
    )
    escalated(
        40,
        "priya",
        lambda: {
            "kind": "quality",
            "about": "provider",
            "about_id": s.provider["clay"],
            "note": "The kiln room is up a step that is not named among the offers.",
            "tried": ["rang"],
        },
        (
            (38, acknowledge("grace")),
            (36, _decide_without_consequence(s, "grace", "partly", STEP_NAMED)),
            (36, complete("grace")),
        ),
    )
    escalated(
        4,
        "dana",
        lambda: {
            "kind": "other",
            "about": "referral",
            "about_id": s.referral["Winifred"],
            "note": "The hall has put its price up. We may have to stop.",
            "tried": ["asked_team"],
        },
        ((3, acknowledge("tess")),),
    )
    escalated(
        8,
        "olu",
        lambda: {
            "kind": "disagreement",
            "about": "referral",
            "about_id": s.referral["Sylvia"],
            "note": "Sylvia would rather go to shared reading; the team isn't sure.",
            "tried": ["asked_team"],
        },
        (
            (7, acknowledge("tom")),
            (6, _decide_without_consequence(s, "tom")),
            (6, complete("tom")),
        ),
    )
    escalated(
        3,
        "bron",
        lambda: {
            "kind": "no_reply",
            "about": "referral",
            "about_id": s.referral["Mei"],
            "note": "Page Turners hasn't answered and Mei is asking every day.",
            "tried": ["rang_provider", "wrote_provider"],
        },
        (
            (2, acknowledge("mo")),
            (1, recall_decision("mo", "Mei")),
        ),
    )


STEP_NAMED = "The step stands among the offers now, and there is a ramp to borrow."


def _decide_without_consequence(
    s: Story,
    who: str,
    decision: str = "not_upheld",
    note: str = "Sylvia stays with the choir, as she asked.",
) -> Callable[[str, datetime], None]:
    def what(escalation: str, at: datetime) -> None:
        actor = s.actor[who]
        with s.store.begin(actor) as tx:
            decide_escalation(
                tx,
                actor,
                at,
                escalation,
                {"decision": decision, "note": note},
            )

    return what
