"""A season that is over, in the demo: enough people who came, finished or were told no in the last
quarter that ended, for somebody who is shown numbers alone to be shown some."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from referral.scores import ANSWERS
from web.demo import cast
from web.demo.telling import Story
from workflows.people import add_person
from workflows.scores import record_scores
from workflows.tallies import begins, quarter
from workflows.working_time import ENGLAND, local_day, working_days_between

FIRST = 100  # of their numbers
PART = 18  # of them took part; the others were told, late, that there was no place


def tell_season(s: Story) -> None:
    """Plan all of it, within the last weeks of that quarter."""
    over = begins(quarter(s.now)) - timedelta(1)
    ended = working_days_between(over, s.now, ENGLAND)
    for number, (name, *_rest) in enumerate(cast.OF_A_SEASON):
        days = ended + 42 - number % 14
        s.on(ended + 43, lambda at, number=number: _person(s, at, number), hour=9)  # type: ignore[misc]
        if number >= PART:
            s.begin(days, name, "reading")
            s.move(days - 7, "petra", name, "decline", reason="full")
            s.move(days - 8, s.team(name), name, "close_unmet", reason="no_provider")
            continue
        activity = "evening" if number % 2 else "garden"
        leader = cast.LEADER[activity]
        s.begin(days, name, activity)
        s.move(days - 2, leader, name, "accept")
        s.move(days - 3, leader, name, "contact")
        s.move(days - 6, leader, name, "start")
        goals = ("yes", "partly", "no")[number % 3]
        done = {
            "outcome": "finished",
            "goals_met": goals,
            "what_next": "They come back each week as a member.",
        }
        s.move(days - 24, leader, name, "complete", **done, summary="Came nearly every week.")
        s.move(days - 26, s.team(name), name, "confirm")
        start = (4 + number % 3, 4, 3 + number % 4, 6)
        end = (start[0] + 2 - number % 3, 6, start[2] + (number % 4 != 3), 6 - number % 5)
        _asked(s, days, name, "start", start)
        _asked(s, days - 25, name, "end", end)


def _person(s: Story, at: datetime, number: int) -> None:
    given, family, born, language = cast.OF_A_SEASON[number]
    actor = s.actor[s.team(given)]
    known = {
        "given_name": given,
        "family_name": family,
        "birth_date": date(born, 1 + number % 12, 1 + number),
        "nhs_number": cast.test_number(FIRST + number),
        "practice": actor.organisation_name,
        "phone": f"07700 900{FIRST + 100 + number}",
        "postcode": cast.HOMES[number % len(cast.HOMES)],
        "contact_method": "text",
        "message_safe": True,
        "language": language,
        "interpreter": language != "English" and number % 3 == 0,
    }
    with s.store.begin(actor) as tx:
        s.person[given] = add_person(tx, actor, at, known)["id"]


def _asked(s: Story, days: int, name: str, stage: str, numbers: tuple[int, ...]) -> None:
    actor = s.actor[s.team(name)]

    def record(at: datetime) -> None:
        with s.store.begin(actor) as tx:
            record_scores(
                tx,
                actor,
                at,
                referral_id=s.referral[name],
                stage=stage,
                how="phone",
                asked_on=local_day(at),
                answers=dict(zip(ANSWERS, numbers, strict=True)),
            )

    s.on(days, record, hour=15)
