"""How the service stands, for administrators: what isn't well and what to do, the days that don't
count as working days, and how it is set up. No secret stands on it."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint

from referral import bank_holidays, postcodes, residents
from referral.health import Finding, health
from referral.states import Role
from referral.store import Door
from web.access import access, current_actor
from web.current import edge, settings
from web.forms import page
from web.labels import said
from web.say import _
from web.settings import NO_EQUALITY_POLICY, Settings
from web.words import day_words
from workflows.working_time import local_day

pages = Blueprint("system_pages", __name__)

AHEAD = timedelta(days=400)


@pages.get("/system")
@access(Role.ADMINISTRATOR)
def system() -> str:
    """What an administrator looks at on a Monday morning."""
    actor = current_actor()
    with edge().reading(None, Door.WHOLE) as (tx, at):
        found = health(tx, at, viewer=actor)
        tables = postcodes.editions(tx)
        live = residents.loaded(tx)
    today = local_day(at)
    days = sorted(day for day in bank_holidays.ENGLAND if today <= day <= today + AHEAD)
    return page(
        "system.jinja",
        wrong=[said(one.says) for one in found.findings if not one.warning],
        warnings=[said(one.says) for one in (*found.findings, *_settings()) if one.warning],
        days=[(day_words(day, weekday=True), bank_holidays.ENGLAND[day]) for day in days],
        known_until=day_words(bank_holidays.UNTIL),
        tables=[*(_loaded(one) for one in tables), *_live(live)],
        lacks=_lacking({one.kind for one in tables} | ({POPULATION} if live else set())),
        set_up=set_up(settings()),
    )


POPULATION = "population"


def _live(loaded: list[residents.Loaded]) -> list[str]:
    """Of which places it is loaded who lives there, and who says so."""
    found: dict[str, list[residents.Loaded]] = {}
    for one in loaded:
        found.setdefault(one.place, []).append(one)
    return [
        _(
            "Who lives in %(place)s: %(sources)s. Loaded on %(day)s.",
            place=place,
            sources="; ".join(sorted({one.source.rstrip(".") for one in each})),
            day=day_words(local_day(each[0].loaded_at)),
        )
        for place, each in found.items()
    ]


def _settings() -> list[Finding]:
    now = settings()
    return [NO_EQUALITY_POLICY] if now.ask_equality and not now.equality_policy else []


def _lacking(there: set[str]) -> list[tuple[str, str]]:
    """What isn't loaded, what that means, and the command that loads it."""
    each = {
        postcodes.POSTCODES: _(
            "No postcodes are loaded, so nobody is told how far an activity is."
        ),
        postcodes.DEPRIVATION: _(
            "No indices of deprivation are loaded, so no report tells how deprived areas are."
        ),
        POPULATION: _("No population is loaded, so no report tells who lives in a place."),
    }
    return [(says, f"segue {kind} load") for kind, says in each.items() if kind not in there]


def _loaded(one: postcodes.Edition) -> str:
    day, number = day_words(local_day(one.loaded_at)), f"{one.number:,}"
    told = {"edition": one.name, "number": number, "day": day, "start": one.covers}
    if one.kind == postcodes.DEPRIVATION:
        return _("%(edition)s: %(number)s areas, loaded on %(day)s.", **told)
    if one.covers:
        return _("%(edition)s: %(number)s postcodes beginning with %(start)s, loaded on %(day)s.",
                 **told)  # fmt: skip
    return _("%(edition)s: %(number)s postcodes, loaded on %(day)s.", **told)


def _second_step(now: Settings) -> str:
    return {
        "offered": _("Nobody: each may turn it on"),
        "staff": _("Everybody but activity leaders"),
        "everybody": _("Everybody"),
    }[now.second_step]


def set_up(now: Settings) -> list[tuple[str, str, str]]:
    """(what, how it stands, the setting that changes it): those that say how people are reached
    and what is told of them."""
    yes, no = _("Yes"), _("No")
    return [
        (_("The address people type"), now.public_url, "SEGUE_PUBLIC_URL"),
        (_("Sends email"), yes if now.smtp_url else no, "SEGUE_SMTP_URL"),
        (_("Sends texts and letters"), yes if now.notify_key else no, "SEGUE_NOTIFY_KEY"),
        (_("A phone number on pages that say something is wrong"), now.urgent_phone or no,
         "SEGUE_URGENT_PHONE"),
        (_("How to reach you, on the help page"), now.contact or no, "SEGUE_CONTACT"),
        (_("Who must show a second step at sign-in"), _second_step(now), "SEGUE_SECOND_STEP"),
        (_("How many days a device is not asked for a code"), str(now.remember_days),
         "SEGUE_REMEMBER_DAYS"),
        (_("The database itself holds each query to what its reader may see"),
         yes if now.wall else no, "SEGUE_WALL"),
        (_("The audit log keeps the network addresses of staff"),
         yes if now.keep_addresses else no, "SEGUE_KEEP_ADDRESSES"),
        (_("Teams may ask about equality"), yes if now.ask_equality else no, "SEGUE_ASK_EQUALITY"),
        (_("Where the policy document for that is, or its date"), now.equality_policy or no,
         "SEGUE_EQUALITY_POLICY"),
        (_("Numbers of people told as *"),
         _("1 to %(most)s", most=now.hide_numbers_to), "SEGUE_HIDE_NUMBERS_TO"),
        (_("Other numbers are rounded to the nearest"), str(now.round_numbers_to),
         "SEGUE_ROUND_NUMBERS_TO"),
    ]  # fmt: skip
