"""Activities as choices for one person: how each fits, in words, and what to check.

Nothing here is a mark that hides its reasons. An activity fits by what its own words say beside
what the person asked for, and the words are shown; what isn't said is to be checked, and one that
does not fit is shown with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from statistics import median

from referral.postcodes import NOWHERE, Distances, compact
from referral.records import ActivitySeen, Answered, PersonSeen, PlanSeen
from web import labels
from web.labels import said, word
from web.say import _, ngettext
from web.words import clock_words, day_words, listed
from workflows.disclosure import age, first_name
from workflows.guards import provider_assured
from workflows.moves import N_, NOTHING
from workflows.working_time import ENGLAND, LONDON, local_day, working_days_between

CONFIRMED_FOR = timedelta(days=30)
# Fewer answers than this say nothing about how somebody usually answers.
ENOUGH = 3
ACCEPTED = ("accept", "put_on_waiting_list")

# What an activity's own words say of a need, as they begin.
ABOUT: dict[str, tuple[str, ...]] = {
    "company": ("together", "friend", "tea ", "talk", "company", "social", "sing", "choir"),
    "confidence": ("confiden", "own pace", "beginner", "no experience", "no need to"),
    "grief": ("grief", "loss", "bereave"),
    "low_mood": ("mood", "wellbeing", "mental health", "depress"),
    "worry": ("anxi", "worry", "calm", "relax", "mindful"),
    "pain": ("pain",),
    "breathing": ("breath", "lung"),
    "moving": ("danc", "walk", "balance", "exercise", "tai chi", "stead", "swim"),
    "memory": ("memory", "dementia"),
    "caring": ("carer",),
    "purpose": ("volunteer", "grow", "skill", "learn", "making", "make "),
    "creativity": ("pottery", "clay", "craft", "draw", "paint", "make ", "making", "sew", "play"),
    "nature": ("garden", "outdoor", "allotment", "walk", "grow", "nature"),
    "language": ("english", "esol"),
}  # fmt: skip
# What a person needs to take part: their words, an activity's words, and what it is called.
ACCESS: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (
        ("step", "stair", "wheelchair", "frame", "scooter", "ramp"),
        ("step-free", "step free", "level access", "ramp", "lift", "ground floor", "wheelchair"),
        N_("step-free"),
    ),
    (("hearing", "deaf", "loop"), ("hearing loop", "loop"), N_("hearing loop")),
    (("sign language", "bsl"), ("sign language", "bsl"), N_("sign language")),
    (("large print", "sight", "blind"), ("large print", "braille"), N_("large print")),
    (("quiet", "noise", "noisy", "autis"), ("quiet", "calm"), N_("a quiet room")),
    (("carer", "comes along", "companion"), ("carer", "companion"), N_("a carer may come")),
    (("toilet",), ("toilet",), N_("accessible toilet")),
    (("parking", "drive", "blue badge"), ("parking", "park "), N_("parking")),
    (("by bus", "a bus", "no car"), ("bus ", "bus."), N_("a bus")),
)


# Times of day: from which hour, what people write for them, and what they are called.
PERIODS: tuple[tuple[int, str, str], ...] = (
    (0, "mornings?|bore|boreau", N_("mornings")),
    (12, "afternoons?|prynhawn|prynhawniau", N_("afternoons")),
    (17, "evenings?|after work|gyda'r nos", N_("evenings")),
)
_REFUSED = r"\b(?:not?|never|avoid|except|isn't|can't|cannot|dim)\b(?:\s+[\w']+){0,2}?\s+"
_STARTS = re.compile(
    r"\b(\d{1,2})(?:[.:](\d\d))?\s*(am|pm)?"
    r"(?:\s*(?:to|until|till|-|–)\s*(\d{1,2})(?:[.:]\d\d)?\s*(am|pm))?"
)


def starts_at(when: str | None) -> time | None:
    """When a session begins, by an activity's own words: "Thursdays, 2pm to 3:30pm"."""
    for found in _STARTS.finditer((when or "").lower()):
        hour, minute = int(found[1]), int(found[2] or 0)
        half = found[3] or found[5]
        if half is None and not (found[2] and hour > 12):
            continue
        if half is not None:
            # "11 to 1pm" begins before noon.
            before = found[3] is None and half == "pm" and hour > int(found[4]) != 12
            hour = hour % 12 + (12 if half == "pm" and not before else 0)
        if hour < 24 and minute < 60:
            return time(hour, minute)
    return None


def _not_their_time(name: str, when: str | None, wishes: str) -> str:
    """What to check where an activity begins at a time of day that isn't theirs; nothing where
    either is unsaid."""
    start = starts_at(when)
    if start is None:
        return ""
    named = [
        (first, called, bool(re.search(f"{_REFUSED}(?:{words})", wishes)))
        for first, words, called in PERIODS
        if re.search(rf"\b(?:{words})\b", wishes)
    ]
    here = max(first for first, _words, _called in PERIODS if first <= start.hour)
    good = [(first, said(called)) for first, called, no in named if not no]
    at = clock_words(datetime.combine(date(2000, 1, 1), start, LONDON))
    if good and here not in (first for first, _called in good):
        told = {"time": at, "name": name, "times": listed([called for _first, called in good])}
        return _("starts at %(time)s, and %(name)s prefers %(times)s", **told)
    bad = next((said(called) for first, called, no in named if no and first == here), None)
    if bad is None:
        return ""
    told = {"time": at, "name": name, "times": bad}
    return _("starts at %(time)s, and %(name)s said no to %(times)s", **told)


@dataclass(frozen=True)
class Offer:
    """An activity as a choice: its provider's papers, how it fits, and what to check."""

    seen: ActivitySeen
    places: str
    papers: str
    refused: str
    fits: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    record: str = ""
    unlike: str = ""
    score: int = 0
    miles: float | None = None

    @property
    def far(self) -> str:
        """How far it is from their home, in words; nothing where that isn't known."""
        return "" if self.miles is None else miles_words(self.miles)

    @property
    def neither(self) -> bool:
        """Whether it is neither near nor a long way: each of those is said in its own place."""
        return self.miles is not None and NEAR < self.miles <= LONG_WAY

    @property
    def group_id(self) -> str:
        return self.seen.group_id


@dataclass(frozen=True)
class _Papers:
    assurance_state: str | None
    conditional_activities: str | None
    evidence_until: datetime | None
    activity_id: str


def offer(seen: ActivitySeen, at: datetime) -> Offer:
    """An activity with what stands in the way of sending anybody there."""
    papers = _Papers(
        seen.assurance_state, seen.conditional_activities, seen.evidence_until, seen.activity_id
    )
    refused = ""
    if not provider_assured.holds(papers, NOTHING, at):
        refused = _("Cannot be chosen: the provider's insurance, checks or training are not in"
                    " date.")  # fmt: skip
    elif not seen.agreement_live:
        refused = _("Cannot be chosen: there is no information-sharing agreement with this"
                    " provider.")  # fmt: skip
    conditional = seen.assurance_state == "conditional"
    stands = _("Assured with conditions") if conditional else _("Assured. Agreement in force")
    return Offer(seen, _places(seen, at), "" if refused else stands, refused)


def _places(seen: ActivitySeen, at: datetime) -> str:
    left = max(0, seen.places_left)
    if left == 0:
        places = _("No places left now. The provider keeps a waiting list")
    else:
        places = ngettext("%(num)s place left", "%(num)s places left", left)
    if seen.confirmed_at is None:
        return _("%(places)s. Never confirmed", places=places)
    if stale(seen, at):
        day = day_words(local_day(seen.confirmed_at), now=at)
        return _("%(places)s. Not confirmed since %(day)s", places=places, day=day)
    days = (local_day(at) - local_day(seen.confirmed_at)).days
    if days <= 0:
        return _("%(places)s, confirmed today", places=places)
    ago = ngettext("confirmed %(num)s day ago", "confirmed %(num)s days ago", days)
    return f"{places}, {ago}"


def stale(seen: ActivitySeen, at: datetime) -> bool:
    """Whether nobody has said for 30 days that what is listed is still so."""
    return seen.confirmed_at is None or at - seen.confirmed_at > CONFIRMED_FOR


def matched(
    activities: Iterable[ActivitySeen],
    person: PersonSeen,
    plan: PlanSeen | None,
    open_to: Mapping[str, str],
    at: datetime,
    distances: Distances = NOWHERE,
) -> list[Offer]:
    """The activities as choices for this person, the best fit first, and of those that fit alike
    the nearest. `open_to`: the reference of their open referral, by activity."""
    found = [
        replace(
            _matched(one, person, plan, open_to, at, distances.to(one.postcode)),
            miles=distances.to(one.postcode),
        )
        for one in activities
    ]
    return sorted(found, key=lambda o: (-o.score, _how_far(o), o.seen.name, o.group_id))


def _how_far(one: Offer) -> float:
    return float("inf") if one.miles is None else one.miles


# So far many walk, or go a few stops.
NEAR = 3.0
# From here on it is said that the way is long.
LONG_WAY = 10.0
_BUS = re.compile(
    r"\b(?:bus(?:es)?|tram)(?: number| no\.?)? [A-Z]?[0-9]{1,3}[A-Z]?\b", re.IGNORECASE
)


def miles_words(miles: float) -> str:
    """A distance as people say it: “about 1.2 miles”, “about 14 miles”."""
    if miles < 0.1:
        return _("less than 0.1 miles")
    return _("about %(miles)s miles", miles=f"{miles:.1f}" if miles < 9.95 else f"{miles:.0f}")


def _near(seen: ActivitySeen, miles: float) -> str:
    bus = _BUS.search(seen.getting_there or "")
    if bus is None:
        return _("near (%(far)s)", far=miles_words(miles))
    lower = bus[0][0].lower() + bus[0][1:]
    return _("near (%(far)s, %(bus)s)", far=miles_words(miles), bus=lower)


def _matched(
    seen: ActivitySeen,
    person: PersonSeen,
    plan: PlanSeen | None,
    open_to: Mapping[str, str],
    at: datetime,
    miles: float | None,
) -> Offer:
    made = offer(seen, at)
    said_of_it = " ".join(
        part
        for part in (
            seen.name,
            seen.description,
            seen.location,
            seen.access_words,
            seen.getting_there,
        )
        if part
    ).lower()
    fits = [
        word(labels.NEEDS, need).lower()
        for need in (plan and plan.needs) or ()
        if any(part in said_of_it for part in ABOUT.get(need, ()))
    ]
    score, checks = 2 * len(fits), []
    wanted = " ".join(p for p in (person.access_needs, plan and plan.access) if p).lower()
    for theirs, its, called in ACCESS:
        if any(part in wanted for part in theirs):
            if any(part in said_of_it for part in its):
                fits.append(said(called))
                score += 1
            else:
                checks.append(_("nothing is said of: %(what)s", what=said(called)))
                score -= 1
    wishes = " ".join(part for part in ((person.contact_times or "").lower(), wanted) if part)
    clash = _not_their_time(first_name(person.given_name), seen.when_words, wishes)
    if clash:
        checks.append(clash)
        score -= 1
    if miles is not None:
        if miles <= NEAR:
            fits.append(_near(seen, miles))
            score += 1
        elif miles > LONG_WAY:
            checks.append(_("it is %(far)s away", far=miles_words(miles)))
    elif _area(person.postcode) and _area(person.postcode) == _area(seen.postcode):
        fits.append(_("near (%(area)s too)", area=_area(seen.postcode)))
        score += 1
    if seen.places_left <= 0:
        score -= 1
    if stale(seen, at):
        score -= 2
    refused = made.refused
    if seen.activity_id in open_to:
        refused = _(
            "Cannot be chosen: their referral %(reference)s to it is still open.",
            reference=open_to[seen.activity_id],
        )
    return Offer(
        seen,
        made.places,
        "" if refused else made.papers,
        refused,
        tuple(fits),
        tuple(checks),
        unlike=_wrong_age(seen, age(person.birth_date, at)),
        score=score,
    )


def _area(postcode: str | None) -> str:
    """The first half of a postcode: a few streets in a town, some villages elsewhere."""
    return compact(postcode)[:-3]


def _wrong_age(seen: ActivitySeen, years: int | None) -> str:
    if years is None:
        return ""
    if seen.minimum_age is not None and years < seen.minimum_age:
        return _("It is for people of %(age)s or over.", age=seen.minimum_age)
    if seen.maximum_age is not None and years > seen.maximum_age:
        return _("It is for people of up to %(age)s.", age=seen.maximum_age)
    return ""


def records_in_words(answers: Iterable[Answered]) -> dict[str, str]:
    """How each provider usually answers this team, by its id: of their newest referrals."""
    each: dict[str, list[Answered]] = {}
    for one in answers:
        each.setdefault(one.provider_id, []).append(one)
    return {provider: _usually(found) for provider, found in each.items()}


def _usually(found: list[Answered]) -> str:
    took = [
        working_days_between(one.sent_at, one.first_at, ENGLAND)
        for one in found
        if one.first_at is not None
    ]
    if len(took) < ENOUGH:
        return ""
    days = max(1, round(median(took)))
    words = [
        ngettext(
            "Usually replies to your team in %(num)s working day",
            "Usually replies to your team in %(num)s working days",
            days,
        )
    ]
    decided = [one.decision for one in found if one.decision]
    if len(decided) >= ENOUGH:
        yes = sum(one in ACCEPTED for one in decided)
        words.append(_("took %(yes)s of the last %(all)s", yes=yes, all=len(decided)))
    return ", ".join(words)


def sentences(parts: Iterable[str]) -> str:
    """ "drawing, step-free and near": for "Fits: ..."."""
    return listed(list(parts))
