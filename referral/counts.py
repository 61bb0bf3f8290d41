"""How many: what those who answer for a place, a team or their own work count, and which records
each number is of.

Each measure is one text, from which both the number and the list of its records are made, so that
neither can say other than the other. Its scope is that of `referral.scopes`. A number is made past
the wall, for a commissioner counts what nobody shows them; the list of its records is not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from referral import scopes
from referral.actors import Actor
from referral.equality import disability_said, group_said
from referral.facts import CLOSED_MATTER, asking
from referral.oversight import WITHIN
from referral.postcodes import FIFTH
from referral.schema import CONCERN_OPEN, EVIDENCE_COUNTS, STEP_COUNTED, of, under
from referral.scores import ANSWERS
from referral.states import EscalationState, Noun, Role, listed
from referral.store import Sql, Tx
from referral.visible import _list as bound_list
from referral.visible import _many

_WHERE = """JOIN organisation og ON og.id = r.organisation_id
JOIN place pl ON pl.id = og.place_id
JOIN provider pr ON pr.id = r.provider_id
JOIN organisation pog ON pog.id = pr.organisation_id
JOIN place ppl ON ppl.id = pog.place_id"""
_STEP = f"s.system_id = :system_id AND s.{STEP_COUNTED} AND s.at >= :since AND s.at < :until"
_ENDS = listed(EscalationState.CLOSED, EscalationState.WITHDRAWN)
_LONDON = ZoneInfo("Europe/London")
NOT_KNOWN = ""
AGES = ("under_18", "18_34", "35_49", "50_64", "65_79", "80_over")
_BIRTHDAYS = (18, 35, 50, 65, 80)
_AGE = " ".join(f"WHEN pe.birth_date > :born_{n} THEN '{AGES[i]}'" for i, n in
                enumerate(_BIRTHDAYS))  # fmt: skip
WAITS = ("to_14", "to_28", "to_56", "over_56")
_WAIT_DAYS = (14, 28, 56)
OPEN_FOR = ("to_5", "to_10", "to_20", "over_20")
RUNS_OUT = ("out", "to_7", "to_30", "to_60", "later")

# A referral that came back may have been sent again since.
_SENT = (
    "(SELECT max(q.at) FROM step q WHERE q.record_id = s.record_id AND q.trigger = 'send'"
    " AND q.at <= s.at)"
)


def _wait(pg: bool) -> str:
    waited = f"s.at - {_SENT}" if pg else f"julianday(s.at) - julianday({_SENT})"
    most = [f"interval '{days} days'" if pg else str(days) for days in _WAIT_DAYS]
    bands = " ".join(f"WHEN {waited} <= {m} THEN '{WAITS[i]}'" for i, m in enumerate(most))
    return f"CASE {bands} ELSE '{WAITS[-1]}' END"


# -- how life is: the first answer to a question and the last, of those that stand ---------------
#
# An answer is found by a text that begins with when it was given and ends with the answer.

LOWER_IS_BETTER = ("anxious",)
# The bands of the Office for National Statistics: each up to this answer.
BANDS: Mapping[str, tuple[tuple[str, int], ...]] = {
    **dict.fromkeys(ANSWERS, (("low", 4), ("medium", 6), ("high", 8), ("very_high", 10))),
    "anxious": (("very_low", 1), ("low", 3), ("medium", 5), ("high", 10)),
}
_GIVEN = (
    "CAST(s.asked_on AS text) || CASE s.stage WHEN 'start' THEN '1' WHEN 'review' THEN '2'"
    " ELSE '3' END || CAST(s.id AS text) || CASE WHEN s.{0} < 10 THEN '0' ELSE '' END ||"
    " CAST(s.{0} AS text)"
)
_BOTH = ", ".join(
    f"min({_GIVEN.format(name)}) AS {name}_1, max({_GIVEN.format(name)}) AS {name}_2"
    for name in ANSWERS
)
_OF_REFERRAL = "r.id, r.provider_id, pl.id"
_SCORED = f"""SELECT {{what}} FROM (
  SELECT r.id, r.provider_id, pl.id AS place_id, max(s.asked_on) AS asked_on, {_BOTH}
  FROM guard.score s JOIN guard.referral r ON r.id = s.referral_id {_WHERE}
  WHERE r.system_id = :system_id AND r.state <> 'in_error' AND {{scope}}
    AND coalesce({", ".join(f"s.{name}" for name in ANSWERS)}) IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM guard.score later WHERE later.corrects_id = s.id)
    AND s.referral_id IN (SELECT t.referral_id FROM guard.score t
      WHERE t.asked_on >= :since_day AND t.asked_on < :until_day)
  GROUP BY {_OF_REFERRAL}
) x WHERE x.asked_on >= :since_day AND x.asked_on < :until_day"""


def _answer(name: str, which: int) -> str:
    text = f"x.{name}_{which}"
    return f"CAST(substr({text}, length({text}) - 1) AS integer)"


def _change(name: str) -> str:
    first, last = _answer(name, 1), _answer(name, 2)
    if name in LOWER_IS_BETTER:
        first, last = last, first
    return (
        f"CASE WHEN x.{name}_1 IS NULL THEN '' WHEN x.{name}_1 = x.{name}_2 THEN 'once'"
        f" WHEN {last} > {first} THEN 'better' WHEN {last} < {first} THEN 'worse' ELSE 'same' END"
    )


def _band(name: str, which: int) -> str:
    """The band of the first answer or of the last; of one alone, none."""
    bands = " ".join(
        f"WHEN {_answer(name, which)} <= {most} THEN '{band}'" for band, most in BANDS[name]
    )
    return f"CASE WHEN x.{name}_1 IS NULL OR x.{name}_1 = x.{name}_2 THEN '' {bands} END"


@dataclass(frozen=True)
class Measure:
    """What is counted: the records, how they may be told apart, and what a list says of each.

    `now`: it stands as of this moment, whatever the time asked about. `open_to_list`: whether a
    list of its records may be had by those who see them; a list would say of each of them what it
    was chosen by."""

    noun: str
    text: str
    by: Mapping[str, str]
    number: str
    row: str = ""
    when: str = ""
    now: bool = False
    open_to_list: bool = True
    provider: str = "r.provider_id"
    place: str = "pl.id"
    times: tuple[int, ...] = field(default=(2,))


def _referrals(source: str, by: Mapping[str, str], key: str, when: str, **more: Any) -> Measure:
    row = f"CAST(r.id AS text), r.reference, {when}, r.state, pog.name, {key}"
    return Measure(Noun.REFERRAL, source, by, key, row, when, **more)


_STATE = {"state": "r.state", "provider": "CAST(r.provider_id AS text)"}
MEASURES: dict[str, Measure] = {
    "sent": _referrals(
        f"SELECT {{what}} FROM guard.referral r {_WHERE} WHERE r.system_id = :system_id"
        " AND r.sent_at >= :since AND r.sent_at < :until AND r.state <> 'in_error' AND {scope}",
        _STATE, "CAST(r.id AS text)", "r.sent_at",
    ),
    "who": Measure(
        Noun.REFERRAL,
        f"SELECT {{what}} FROM guard.referral r {_WHERE} JOIN guard.person pe ON pe.id ="
        " r.person_id WHERE r.system_id = :system_id AND r.sent_at >= :since"
        " AND r.sent_at < :until AND r.state <> 'in_error' AND {scope}",
        {
            "age": f"CASE WHEN pe.birth_date IS NULL THEN '' {_AGE} ELSE '{AGES[-1]}' END",
            "language": "CASE WHEN coalesce(pe.language, '') = '' THEN ''"
            " WHEN lower(pe.language) IN ('en', 'english') THEN 'english' ELSE 'other' END",
            "interpreter": "CASE WHEN pe.interpreter IS NULL THEN '' WHEN pe.interpreter"
            " THEN 'yes' ELSE 'no' END",
            "fifth": FIFTH,
        },
        "CAST(r.id AS text)",
        open_to_list=False,
    ),
    "declined": _referrals(
        f"SELECT {{what}} FROM step s JOIN guard.referral r ON r.id = s.record_id {_WHERE}"
        f" WHERE {_STEP} AND s.trigger = 'decline' AND {{scope}}",
        {"reason": "coalesce(s.reason, '')", **_STATE}, "CAST(s.id AS text)", "s.at",
    ),
    "started": _referrals(
        f"SELECT {{what}} FROM step s JOIN guard.referral r ON r.id = s.record_id {_WHERE}"
        f" WHERE {_STEP} AND s.trigger = 'start' AND r.sent_at IS NOT NULL AND {{scope}}",
        {"wait": "{wait}", **_STATE}, "CAST(s.id AS text)", "s.at",
    ),
    "late": _referrals(
        f"SELECT {{what}} FROM clock t JOIN guard.referral r ON r.id = t.record_id {_WHERE}"
        " WHERE t.system_id = :system_id AND t.noun = 'referral' AND t.missed >= :since"
        " AND t.missed < :until AND {scope}",
        {"kind": "t.kind", **_STATE}, "CAST(t.id AS text)", "t.missed",
    ),
    "withdrawn": Measure(
        Noun.CONSENT,
        "SELECT {what} FROM step s JOIN guard.consent c ON c.id = s.record_id"
        " JOIN organisation og ON og.id = c.organisation_id JOIN place pl ON pl.id = og.place_id"
        " LEFT JOIN provider pr ON CAST(pr.id AS text) = c.recipient"
        " LEFT JOIN organisation pog ON pog.id = pr.organisation_id"
        f" WHERE {_STEP} AND s.trigger = 'withdraw' AND s.noun = 'consent' AND {{scope}}",
        {"purpose": "c.purpose"},
        "CAST(s.id AS text)",
        "CAST(c.id AS text), c.purpose, s.at, c.state, pog.name, CAST(s.id AS text)",
        "s.at",
        provider="pr.id",
    ),
    "escalated": Measure(
        Noun.ESCALATION,
        "SELECT {what} FROM guard.escalation e JOIN organisation og ON og.id = e.organisation_id"
        " JOIN place pl ON pl.id = og.place_id WHERE e.system_id = :system_id"
        f" AND e.state NOT IN ({_ENDS}) AND NOT {CLOSED_MATTER} AND {{scope}}",
        {
            "severity": "e.severity",
            "age": "CASE WHEN e.created_at > :ago_5 THEN 'to_5' WHEN e.created_at > :ago_10"
            " THEN 'to_10' WHEN e.created_at > :ago_20 THEN 'to_20' ELSE 'over_20' END",
            "kind": "e.kind",
        },
        "CAST(e.id AS text)",
        "CAST(e.id AS text), e.reference, e.created_at, e.state, og.name, CAST(e.id AS text)",
        "e.created_at",
        now=True,
        provider="",
    ),
    "assurance": Measure(
        "provider",
        "SELECT {what} FROM (SELECT pr.id, o.name, a.state, a.since, (SELECT"
        " min(coalesce(v.grace_until, v.until)) FROM evidence v WHERE v.provider_id = pr.id"
        f" AND {of('v', EVIDENCE_COUNTS)}) AS ends"
        " FROM provider pr JOIN organisation o ON o.id = pr.organisation_id"
        " JOIN place pl ON pl.id = o.place_id JOIN assurance a ON a.provider_id = pr.id"
        " WHERE pr.system_id = :system_id AND a.state IN ('assured', 'conditional', 'suspended',"
        " 'lapsed') AND {scope}) x WHERE 1 = 1",
        {
            "ends": "CASE WHEN x.state IN ('suspended', 'lapsed') OR x.ends IS NULL"
            " OR x.ends <= :at THEN 'out' WHEN x.ends <= :in_7 THEN 'to_7' WHEN x.ends <= :in_30"
            " THEN 'to_30' WHEN x.ends <= :in_60 THEN 'to_60' ELSE 'later' END"
        },
        "CAST(x.id AS text)",
        "CAST(x.id AS text), x.name, coalesce(x.ends, x.since), x.state, '', CAST(x.id AS text)",
        "coalesce(x.ends, x.since)",
        now=True,
        provider="",
    ),
    "scored": Measure(
        Noun.REFERRAL,
        _SCORED,
        {name: _change(name) for name in ANSWERS}
        | {f"{name}_{which}": _band(name, which) for name in ANSWERS for which in (1, 2)},
        "CAST(x.id AS text)",
        open_to_list=False,
        provider="x.provider_id",
        place="x.place_id",
    ),
    "concerns": Measure(
        Noun.CONCERN,
        "SELECT {what} FROM guard.concern c JOIN organisation og ON og.id = c.organisation_id"
        " JOIN place pl ON pl.id = og.place_id WHERE c.system_id = :system_id"
        f" AND {of('c', CONCERN_OPEN)} AND {{scope}}",
        {},
        "CAST(c.id AS text)",
        now=True,
        open_to_list=False,
        provider="",
    ),
}  # fmt: skip

COUNTERS = (Role.COMMISSIONER,)

# What people said of themselves, which lies under each one's own key: it is opened to be counted,
# of those alone who were asked. Two records joined can bring an answer each: the newest counts.
SAID = ("ethnic_group", "disability")
_NEWEST = "(COALESCE({0}.taken_back_at, {0}.recorded_at), {0}.id)"
_SAID = (
    MEASURES["who"]
    .text.replace("{what}", "pl.id, r.provider_id, e.ethnic_group, e.disability")
    .replace(" WHERE ", " JOIN guard.equality_answer e ON e.person_id = pe.id WHERE ", 1)
    + " AND NOT EXISTS (SELECT 1 FROM guard.equality_answer n WHERE n.person_id = e.person_id"
    f" AND {_NEWEST.format('n')} > {_NEWEST.format('e')})"
)


def scope_of(name: str, actor: Actor) -> str | None:
    """What of a measure lies in the actor's scope, as a condition; None: nothing of it is for them.
    A commissioner counts what lies in their place, and sees none of it."""
    noun, role = MEASURES[name].noun, actor.role
    counts = role in COUNTERS and actor.place_path is not None
    if noun == Noun.REFERRAL:
        if role is Role.LINK_WORKER:
            return f"{scopes.SCOPES['team']} AND r.link_worker_id = :member"
        found = "place" if counts else scopes.scope(actor)
        return None if found in ("nobody", "provider") else scopes.SCOPES[found]
    if noun == Noun.CONSENT:
        if role is Role.LINK_WORKER:
            return f"{scopes.ours('c')} AND c.link_worker_id = :member"
        return under() if counts else scopes.condition(noun, actor)
    if noun == Noun.ESCALATION:
        found = scopes.review_scope(actor)
        if counts:
            return f"{under()} AND {scopes.NO_CONCERN}"
        return None if found == "nobody" else scopes.REVIEW_SCOPES[found]
    if noun == Noun.CONCERN:  # only to whom may open any concern of the place
        return scopes.condition(noun, actor) if role in scopes.LADDER else None
    return WITHIN if counts or role in scopes.LEADS else None


@dataclass(frozen=True)
class Asked:
    """What is counted or listed: since when and until when, in which place below the actor's own,
    with which provider. `ago`: the moments 5, 10 and 20 working days ago."""

    since: datetime
    until: datetime
    at: datetime
    ago: tuple[datetime, datetime, datetime]
    path: str | None = None
    provider: str | None = None


def given(actor: Actor, asked: Asked, keys: Any = ()) -> dict[str, Any]:
    """What the texts of the measures are asked with."""
    found = {**asking(actor, asked.at), **scopes.asked(actor), "keys": keys}
    if asked.path is not None and actor.place_path is not None:
        found["path"] = asked.path
    found |= {"since": asked.since, "until": asked.until, "provider": asked.provider}
    found |= {
        "since_day": asked.since.astimezone(_LONDON).date(),
        "until_day": asked.until.astimezone(_LONDON).date(),
    }
    found |= {f"ago_{days}": when for days, when in zip((5, 10, 20), asked.ago, strict=True)}
    found |= {f"in_{days}": asked.at + timedelta(days=days) for days in (7, 30, 60)}
    today = asked.at.date()
    return found | {f"born_{years}": _years_before(today, years) for years in _BIRTHDAYS}


def _years_before(day: date, years: int) -> date:
    return day.replace(year=day.year - years, day=min(day.day, 28) if day.month == 2 else day.day)


# A team has few of all steps of one kind about a referral: they are found by its referrals.
_BY_KIND, _BY_RECORD = re.compile(r"\bs\.trigger\b"), "(s.trigger || '')"


def _made(text: str, times: tuple[int, ...], pg: bool) -> Sql:
    text = text.replace("{wait}", _wait(pg)).replace("IN ({keys})", "{keys}")
    if ":actor_org" in text and "referral r ON" in text:
        text = _BY_KIND.sub(_BY_RECORD, text)
    return _many(text, times, pg)


@cache
def _counting(name: str, by: tuple[str, ...], scope: str, provider: bool, pg: bool) -> Sql:
    return counting_text(name, by, scope, pg, provider)


def counting_text(
    name: str,
    by: tuple[str, ...],
    scope: str,
    pg: bool,
    provider: bool = False,
    placed: bool = False,
) -> Sql:
    """How many there are of each kind within a scope; `provider`: with one provider; `placed`: of
    each place and each provider."""
    one = MEASURES[name]
    parts = [one.place, one.provider] if placed else []
    parts += [one.by[dimension] for dimension in by]
    what = ", ".join([*parts, "count(*)"])
    text = one.text.replace("{what}", what).replace("{scope}", scope)
    if provider:
        text += f" AND {one.provider} = :provider"
    if parts:
        text += " GROUP BY " + ", ".join(str(number + 1) for number in range(len(parts)))
    return _made(text, (), pg)


def counted(
    tx: Tx, actor: Actor, name: str, by: tuple[str, ...], asked: Asked
) -> dict[tuple[str, ...], int]:
    """How many there are of each kind, told apart by these dimensions; nothing where nothing of it
    is for the actor."""
    scope = scope_of(name, actor)
    if scope is None:
        return {}
    narrowed = asked.provider is not None and bool(MEASURES[name].provider)
    rows = tx.rows(
        _counting(name, by, scope, narrowed, tx.pg),
        **given(actor, asked, bound_list(actor.keys, tx.pg)),
    )
    return {tuple(str(part) for part in row[:-1]): int(row[-1]) for row in rows}


@cache
def _saying(scope: str, provider: bool, pg: bool) -> Sql:
    text = _SAID.replace("{scope}", scope)
    if provider:
        text += " AND r.provider_id = :provider"
    return Sql(_made(text, (), pg).text, sealed=(2, 3))


class Said(NamedTuple):
    """Of one referral: its place and its provider, and what its person said, by the group that it
    is counted under."""

    place_id: str
    provider_id: str | None
    ethnic_group: str
    disability: str


def said(tx: Tx, actor: Actor, asked: Asked, scope: str | None) -> Iterator[Said]:
    """What was said by the people of the referrals that `who` counts, where they were asked."""
    if scope is None:
        return
    found = tx.rows(
        _saying(scope, asked.provider is not None, tx.pg),
        **given(actor, asked, bound_list(actor.keys, tx.pg)),
    )
    for place, provider, group, disability in found:
        whose = str(provider) if provider else None
        yield Said(str(place), whose, group_said(group), disability_said(disability))


class Row(NamedTuple):
    """One record of a number: its id, what it is called, since when, its state, and with whom."""

    id: str
    called: str
    when: datetime
    state: str
    where: str | None
    key: str


# Whoever is shown records reads them through the wall.
_SHOWN = re.compile(r"guard\.((?:referral r|consent c|escalation e)\b)")


@cache
def _listing(name: str, by: tuple[str, ...], scope: str, provider: bool, pg: bool) -> Sql:
    one = MEASURES[name]
    text = _SHOWN.sub(r"\1", one.text).replace("{what}", one.row).replace("{scope}", scope)
    for number, dimension in enumerate(by):
        text += f" AND {one.by[dimension]} = :value_{number}"
    if provider:
        text += f" AND {one.provider} = :provider"
    text += f" AND ({one.when}, {one.number}) < (:after, :after_key)"
    text += f" ORDER BY {one.when} DESC, {one.number} DESC LIMIT :limit"
    return _made(text, one.times, pg)


def rows(
    tx: Tx,
    actor: Actor,
    name: str,
    chosen: Mapping[str, str],
    asked: Asked,
    after: tuple[datetime, str],
    limit: int,
) -> Iterator[Row]:
    """The records of one number, newest first; none where they aren't for the actor to see."""
    one, scope = MEASURES[name], scope_of(name, actor)
    if scope is None or actor.role in COUNTERS or not one.open_to_list:
        return
    by = tuple(sorted(chosen))
    narrowed = asked.provider is not None and bool(one.provider)
    found = tx.rows(
        _listing(name, by, scope, narrowed, tx.pg),
        **given(actor, asked, bound_list(actor.keys, tx.pg)),
        **{f"value_{number}": chosen[dimension] for number, dimension in enumerate(by)},
        after=after[0],
        after_key=after[1],
        limit=limit,
    )
    for row in found:
        yield Row._make(row)


CHOICES = Sql(
    "SELECT * FROM (SELECT 'place', CAST(pl.id AS text), pl.name, pl.path FROM place pl"
    f" WHERE pl.system_id = :system_id AND {under()} ORDER BY pl.path LIMIT 500) a"
    " UNION ALL SELECT * FROM (SELECT 'provider', CAST(pr.id AS text), o.name, ''"
    " FROM provider pr JOIN organisation o ON o.id = pr.organisation_id"
    " WHERE pr.system_id = :system_id ORDER BY o.name, pr.id LIMIT 500) b"
)


class Choices(NamedTuple):
    """What numbers may be narrowed to: the places below the one the actor answers for, and itself,
    as (id, name, path) from the top; and the providers of the system, by id, by their names."""

    places: list[tuple[str, str, str]]
    providers: dict[str, str]


def choices(tx: Tx, actor: Actor) -> Choices:
    """What there is to choose from."""
    rows = tx.rows(CHOICES, **scopes.asked(actor))
    return Choices(
        [(row[1], row[2], row[3]) for row in rows if row[0] == "place"],
        {row[1]: row[2] for row in rows if row[0] == "provider"},
    )
