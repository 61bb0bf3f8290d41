"""Numbers in words, in tables and in pictures: the fixed set of reports, how each is counted, and
the time, place and provider one may ask it of.

Who answers for a place is told small numbers as `workflows.small_numbers` has them, on the page,
in the file and in the picture alike; whoever looks at their own or their team's people is told
them as they are. A number is a link to its records only for those who may see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from flask import abort, current_app, request

from referral import counts, postcodes, residents, tallies
from referral.actors import Actor
from referral.counts import MEASURES, Asked
from referral.equality import KEPT_BACK
from referral.residents import Live
from referral.states import ReferralState, Role
from referral.store import Tx
from referral.tallies import Numbers
from web import labels
from web.charts import Bar, Cell, Chart, Table, bars
from web.labels import said, word
from web.say import _, ngettext
from web.wellbeing import SHORT
from web.words import clock_words, day_words, month_name
from workflows import tallies as ahead
from workflows.moves import N_
from workflows.small_numbers import EXACT, Small, Told
from workflows.who_is_missed import Share, Shares, shares
from workflows.working_time import ENGLAND, back, end_of, local_day

PLACED = frozenset({Role.GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER, Role.SAFEGUARDING_LEAD})
OWN = frozenset({Role.LINK_WORKER, Role.TEAM_LEAD})
READERS = PLACED | OWN | {Role.COMMISSIONER}
BOARD = PLACED | {Role.COMMISSIONER}
BARS = 10

LATE: dict[str, str] = {
    "referral.draft": N_("A draft was not finished"),
    "referral.sent": N_("The provider did not answer"),
    "referral.queried": N_("A provider's question was not answered"),
    "referral.waiting": N_("No news from the waiting list"),
    "referral.accepted": N_("First contact or the start was late"),
    "referral.active": N_("No update while taking part"),
    "referral.paused": N_("A break was not ended"),
    "referral.returned": N_("Nothing new was found for the person"),
    "referral.completed": N_("The outcome was not confirmed"),
    "referral.not_started": N_("Too long from first sending to a start"),
}
CHANGES = {
    "better": N_("Better at the last time"),
    "same": N_("The same"),
    "worse": N_("Worse at the last time"),
    "once": N_("Asked only once"),
}
ANSWERS: dict[str, dict[str, str]] = {
    "age": {
        "under_18": N_("Under 18"),
        "18_34": N_("18 to 34"),
        "35_49": N_("35 to 49"),
        "50_64": N_("50 to 64"),
        "65_79": N_("65 to 79"),
        "80_over": N_("80 and over"),
    },
    "language": {"english": N_("English"), "other": N_("Another language")},
    "interpreter": {"yes": N_("Needs an interpreter"), "no": N_("Needs none")},
    "fifth": {
        "1": N_("Most deprived fifth"),
        "2": N_("Second fifth"),
        "3": N_("Middle fifth"),
        "4": N_("Fourth fifth"),
        "5": N_("Least deprived fifth"),
    },
    "ethnic_group": {
        "asian": N_("Asian"),
        "black": N_("Black"),
        "mixed": N_("Mixed"),
        "white": N_("White"),
        "other": N_("Another ethnic group"),
        KEPT_BACK: N_("Prefer not to say, or taken back"),
    },
    "disability": {
        "yes": N_("Disabled"),
        "no": N_("Not disabled"),
        KEPT_BACK: N_("Prefer not to say, or taken back"),
    },
    "wait": {
        "to_14": N_("Up to 2 weeks"),
        "to_28": N_("2 to 4 weeks"),
        "to_56": N_("4 to 8 weeks"),
        "over_56": N_("More than 8 weeks"),
    },
    "open_for": {
        "to_5": N_("Up to 5 working days"),
        "to_10": N_("6 to 10 working days"),
        "to_20": N_("11 to 20 working days"),
        "over_20": N_("More than 20 working days"),
    },
    "ends": {
        "out": N_("Out of date or suspended"),
        "to_7": N_("Within 7 days"),
        "to_30": N_("Within 30 days"),
        "to_60": N_("Within 60 days"),
        "later": N_("Later than 60 days"),
    },
    "kind": LATE,
    "severity": {code: tag.text for code, tag in reversed(labels.SEVERITIES.items())},
    "purpose": labels.PURPOSES,
    "state": {str(state): labels.STATES["referral", str(state)].text for state in ReferralState},
    "matter": labels.KINDS,
    **dict.fromkeys(SHORT, CHANGES),
}


@dataclass(frozen=True)
class Apart:
    """One way in which a report tells its records apart. `of`: the name in `counts`, where it isn't
    the same; `ordered`: the kinds have an order of their own; `unknown`: the words for a kind that
    nobody recorded."""

    name: str
    heading: str
    of: str = ""
    ordered: bool = False
    unknown: str = N_("Not recorded")

    @property
    def dimension(self) -> str:
        """Its name in `counts`."""
        return self.of or self.name


@dataclass(frozen=True)
class Report:
    """One report of the fixed set: what it counts, how, and what stands on the dashboard of it."""

    measure: str
    title: str
    counted: str
    aparts: tuple[Apart, ...]
    figure: str = ""  # what its number is called, where the title names no number
    readers: frozenset[Role] = READERS
    people: bool = True  # what is counted is people's; otherwise small numbers are told
    board: tuple[str, ...] = ()  # what of it stands on the dashboard
    beside: tuple[str, ...] = ()  # what else is counted, by its name in `counts`, for a table


FIFTH = "fifth"
NOT_ASKED = N_("Not asked yet")
PROVIDER = Apart("provider", N_("By provider"))
REPORTS: dict[str, Report] = {
    "reviews": Report(
        "escalated",
        N_("Escalations open now"),
        N_("Each escalation that is neither closed nor withdrawn counts once, as it stands now. Its"
           " age is in working days since it was raised. Escalations about a safeguarding concern"
           " are left out."),
        (
            Apart("severity", N_("By severity"), ordered=True),
            Apart("open_for", N_("By age"), "age", ordered=True),
            Apart("matter", N_("By kind"), "kind"),
        ),
        board=("severity", "open_for"),
    ),
    "deadlines": Report(
        "late",
        N_("Deadlines missed"),
        N_("Each deadline of a referral counts once, on the day it was missed, even if what was due"
           " was done later. Time on hold does not count against anybody."),
        (Apart("kind", N_("By cause")), PROVIDER),
        board=("kind", "provider"),
    ),
    "declines": Report(
        "declined",
        N_("Declines"),
        N_("Each time a provider said no counts once, with the reason they chose. A referral that"
           " two providers declined counts twice."),
        (Apart("reason", N_("By reason")), PROVIDER),
        board=("reason",),
    ),
    "waits": Report(
        "started",
        N_("Time to the first session"),
        N_("Each start counts once, on its day: the time from when the referral was sent to that"
           " provider until the person started. Referrals that never started are not in it."),
        (Apart("wait", N_("By time waited"), ordered=True), PROVIDER),
        figure=N_("First sessions"),
        board=("wait",),
    ),
    "consent": Report(
        "withdrawn",
        N_("Consent taken back"),
        N_("Each time a person took back an agreement counts once, by what it was for."),
        (Apart("purpose", N_("By what it was for")),),
        board=("purpose",),
    ),
    "referrals": Report(
        "sent",
        N_("Referrals sent"),
        N_("Each referral counts once, on the day it was last sent, with where it is now. Those"
           " recorded in error are left out."),
        (Apart("state", N_("By where they are now"), ordered=True), PROVIDER),
    ),
    "who": Report(
        "who",
        N_("Who was referred"),
        N_("Each referral sent in this time counts once; a person with two counts twice. Age is the"
           " age today. Ethnic group and disability are as people said themselves, where a team"
           " asked them; who would not say, or took it back, stands apart from who was not asked"
           " yet. Ethnic groups are those of the census. How deprived an area is comes from the"
           " postcode people have today, by the Indices of Deprivation; it is told where postcodes"
           " and indices are loaded."),
        (
            Apart("age", N_("By age"), ordered=True),
            Apart("language", N_("By language"), ordered=True),
            Apart("interpreter", N_("By need for an interpreter"), ordered=True),
            Apart(FIFTH, N_("By how deprived their area is"), ordered=True,
                  unknown=N_("Postcode not known, or in no table")),
            Apart("ethnic_group", N_("By ethnic group"), ordered=True, unknown=NOT_ASKED),
            Apart("disability", N_("By disability"), ordered=True, unknown=NOT_ASKED),
        ),
        figure=N_("Referrals sent"),
        board=("age", "language", "interpreter", FIFTH, *counts.SAID),
    ),
    "wellbeing": Report(
        "scored",
        N_("How life is: first and last answers"),
        N_("Each referral whose newest answers were given in this time counts once for each of four"
           " questions of the Office for National Statistics, each from 0 to 10. Of each question"
           " the first answer is set beside the last, of those that were not put right since."
           " Asked only once means that there is nothing to compare. The four are never added up;"
           " of feeling anxious, lower is better. The bands are those of the Office. Many are never"
           " asked a second time, and those who finish may be those who do well: that life is"
           " better does not say what made it so."),
        tuple(Apart(name, words, ordered=True, unknown=N_("Not answered"))
              for name, words in SHORT.items()),
        figure=N_("Referrals with answers"),
        beside=tuple(f"{name}_{which}" for name in SHORT for which in (1, 2)),
    ),
    "assurance": Report(
        "assurance",
        N_("Assurance running out"),
        N_("Each provider counts once, by the first of the evidence it may not be without that"
           " ends, with any time given for a renewal. These are providers, not people, so small"
           " numbers are told."),
        (Apart("ends", N_("By when the evidence ends"), ordered=True),),
        readers=BOARD,
        people=False,
        board=("ends",),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Period:
    """A quarter of a year, or a year from April: never a stretch that overlaps another's edge, so
    that one number taken from another says nothing that isn't told already."""

    code: str
    words: str
    first: date
    after: date

    @property
    def since(self) -> datetime:
        """Its first moment."""
        return end_of(self.first - timedelta(1))

    @property
    def until(self) -> datetime:
        """The first moment after it."""
        return end_of(self.after - timedelta(1))


def _month(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)


def periods(at: datetime, complete: bool) -> list[Period]:
    """The quarters and years one may ask about, newest first. `complete`: only those that are
    over."""
    today = local_day(at)
    this = today.year * 12 + (today.month - 1) // 3 * 3
    found = []
    for start in range(this, this - 18, -3):
        first, after = _month(start), _month(start + 3)
        last = _month(start + 2)
        words = _("%(first)s to %(last)s %(year)s", first=month_name(first.month),
                  last=month_name(last.month), year=first.year)  # fmt: skip
        found.append(Period(f"{first:%Y-%m}", words, first, after))
    year = today.year if today.month >= 4 else today.year - 1
    for start in (year, year - 1):
        words = _("The year from April %(year)s", year=start)
        found.append(Period(str(start), words, date(start, 4, 1), date(start + 1, 4, 1)))
    return [one for one in found if not complete or one.after <= today]


LONG_ENOUGH = timedelta(days=30)


@dataclass
class Question:
    """What the page is asked: as it stands in the address, and as the store is asked."""

    actor: Actor
    at: datetime
    period: Period
    periods: list[Period]
    places: list[tuple[str, str]]
    place: str
    providers: dict[str, str]
    provider: str
    asked: Asked
    small: Small
    both: bool = False  # a place and a provider were named by somebody who may name one
    exact: bool = False  # numbers as they are, wherever their records may be seen
    as_of: datetime | None = None  # when what is counted ahead was counted; None: nothing is
    kept: dict[str, Numbers] = field(default_factory=dict)
    indices: str = ""  # the indices of deprivation there are, once a report by them is read
    live: Mapping[str, Live] = field(default_factory=dict)  # who lives in the place, likewise

    @property
    def address(self) -> dict[str, str]:
        """The filters as the address carries them."""
        found = {"period": self.period.code, "place": self.place, "provider": self.provider}
        found["exact"] = "yes" if self.exact else ""
        return {name: value for name, value in found.items() if value}

    @property
    def may_list(self) -> bool:
        """Whether numbers are links: for those to whom the records may be shown."""
        return self.actor.role not in counts.COUNTERS

    @property
    def place_words(self) -> str:
        """The place it is about, if one was chosen."""
        return dict(self.places).get(self.place, "")


def question(
    tx: Tx, actor: Actor, at: datetime, *, for_paper: bool = False, bare: bool = False
) -> Question:
    """What this request asks. A time, place or provider that isn't there is not found. `for_paper`:
    it leaves the house, so small numbers are never told. `bare`: nothing is chosen or named there,
    and what could be isn't read."""
    counts_only = actor.role in counts.COUNTERS
    possible = periods(at, counts_only)
    young = not counts_only and at - possible[0].since < LONG_ENOUGH
    code = request.args.get("period") or possible[1 if young else 0].code
    period = next((one for one in possible if one.code == code), None) or abort(404)
    place, provider = request.args.get("place", ""), request.args.get("provider", "")
    known, there = counts.Choices([], {})
    if place or provider or not bare:
        known, there = counts.choices(tx, actor)
    path = next((path for one, _name, path in known if one == place), None)
    if (place and path is None) or (provider and provider not in there):
        abort(404)
    both = counts_only and bool(place) and bool(provider)
    if both:
        provider = ""
    ago = tuple(back(at, days, ENGLAND) for days in (5, 10, 20))
    asked = Asked(period.since, period.until, at, ago, path, provider or None)  # type: ignore[arg-type]
    settings = current_app.extensions["segue"].settings
    # A team's numbers are of people whose records it holds.
    small = (
        EXACT
        if actor.place_path is None
        else Small(settings.hide_numbers_to, settings.round_numbers_to)
    )
    may = not (counts_only or small.exact or for_paper)
    exact = may and request.args.get("exact") == "yes"
    places = [(one, ("\u2003" * (path.count("/") - 1)) + name) for one, name, path in known]
    as_of = (
        None if actor.place_path is None else ahead.as_of(tx, actor, at, period.first, period.after)
    )
    return Question(
        actor, at, period, possible, places if len(places) > 1 else [], place, there, provider,
        asked, small, both, exact, as_of,
    )  # fmt: skip


def may_read(name: str, actor: Actor) -> bool:
    """Whether a report is for this actor at all."""
    report = REPORTS[name]
    return actor.role in report.readers and counts.scope_of(report.measure, actor) is not None


def is_kept(ask: Question, report: Report) -> bool:
    """Whether a report's numbers were counted ahead."""
    return ask.as_of is not None and tallies.may_be_kept(report.measure, ask.actor)


def numbers(tx: Tx, ask: Question, report: Report, *, parts: bool = True) -> Numbers:
    """What a report counts, told apart in all its ways: as it was counted ahead, all reports in one
    question of the store, or else now, in one of its own. Without `parts`, where only the whole is
    told, by the first alone: nothing is opened for the others."""
    aparts, beside = (report.aparts, report.beside) if parts else (report.aparts[:1], ())
    if any(apart.name == FIFTH for apart in aparts):
        there = residents.beside(tx, ask.actor, ask.asked.path)
        if set(there.editions) == set(postcodes.KINDS):
            ask.indices = there.editions[postcodes.DEPRIVATION]
        ask.live = there.live
    if is_kept(ask, report):
        if not ask.kept:
            period, asked = ask.period, ask.asked
            ask.kept = tallies.read(
                tx, ask.actor, period.first, period.after, asked.path, asked.provider
            )
        return ask.kept[report.measure]
    by = (*(apart.dimension for apart in aparts), *beside)
    return tallies.now(tx, ask.actor, report.measure, by, ask.asked)


def told_apart(ask: Question, report: Report) -> list[Apart]:
    """The ways in which a report that was read tells its records apart: by deprivation only where
    there are tables to know it by."""
    return [apart for apart in report.aparts if apart.name != FIFTH or ask.indices]


def words_of(ask: Question, apart: Apart, kind: str) -> str:
    """A kind in words."""
    if kind == counts.NOT_KNOWN:
        return said(apart.unknown)
    if apart.name == "provider":
        return ask.providers.get(kind, _("Another provider"))
    if apart.name == "reason":
        return word(labels.REASONS, kind)
    return word(ANSWERS[apart.name], kind)


def counted_how(ask: Question, report: Report) -> str:
    """How a report that was read is counted, and whom it is held against."""
    words = said(report.counted)
    if report.measure != tallies.WHO:
        return words
    if ask.indices and FIFTH not in ask.live:
        words += " " + _("A fifth of England's areas lies in each fifth; your place may have more"
                         " of one.")  # fmt: skip
    if not ask.live:
        return words + " " + _("To see who is missed, hold these beside the figures for the people"
                               " who live in your place.")  # fmt: skip
    return words + " " + _(
        "Of 100 people referred: worked out from the numbers as they are shown, of those whose"
        " group is known; what is shown as * is taken to be in the middle. A difference is told"
        " where it is great, and hardly by chance. Who lives here is counted by others"
        " (%(sources)s), in other words, above all of disability: so a small difference says"
        " nothing.",
        sources="; ".join(sorted({one.source.rstrip(".") for one in ask.live.values()})),
    )  # fmt: skip


@dataclass(frozen=True)
class Section:
    """One part of a page: what it shows in a sentence, the picture where one helps, the table, how
    it is counted, and who says who lives in the place."""

    key: str
    heading: str
    finding: str
    table: Table
    counted: str
    chart: Chart | None
    total: str
    href: str
    source: str = ""


def small_for(ask: Question, report: Report) -> Small:
    """How small numbers of this report are told. What may be opened one by one may be told one by
    one, to whoever asks for that; what may not, never."""
    open_to_list = ask.exact and MEASURES[report.measure].open_to_list
    return EXACT if open_to_list or not report.people else ask.small


def kinds_of(
    ask: Question, report: Report, apart: Apart, added: Counter[str]
) -> list[tuple[str, str]]:
    """(kind, words) in the order to be told: an order of their own, or by the numbers as they are
    told, never as they are, for an order of hidden numbers would tell of them."""
    small = small_for(ask, report)
    if apart.ordered:
        known = [code for code in ANSWERS[apart.name] if added[code] or apart.name != "state"]
        kinds = [*known, *([counts.NOT_KNOWN] if added[counts.NOT_KNOWN] else [])]
        return [(code, words_of(ask, apart, code)) for code in kinds]
    named = [(code, words_of(ask, apart, code)) for code in added]
    return sorted(named, key=lambda one: (-(small.told(added[one[0]]).value or 0), one[1]))


def list_of(ask: Question, name: str, chosen: Mapping[str, str]) -> str | None:
    """Where the records of a number are listed, for those who may see them."""
    if not ask.may_list or not MEASURES[REPORTS[name].measure].open_to_list:
        return None
    picked = {f"by_{apart}": kind for apart, kind in chosen.items()}
    return f"/reports/{name}/records?{urlencode({**ask.address, **picked})}"


def section(ask: Question, name: str, apart: Apart, found: Numbers) -> Section:
    """One way of telling a report's records apart, in a sentence, a table and perhaps a picture."""
    report = REPORTS[name]
    small, added = small_for(ask, report), found.each[apart.dimension]
    total = small.told(sum(added.values()))
    shown = kinds_of(ask, report, apart, added)
    live = ask.live.get(apart.name) if name == tallies.WHO else None
    told = {kind: small.told(added[kind]) for kind, _words in shown}
    compared = shares(told, UNKNOWN, live.parts, small) if live else None
    rows: list[Sequence[Cell]] = []
    drawn: list[Bar] = []
    for kind, words in shown:
        href = list_of(ask, name, {apart.name: kind}) if added[kind] else None
        beside = _beside_cells(kind, live, compared)
        rows.append([Cell(words), Cell(told[kind].text, href, number=True), *beside])
        look = "missing" if kind == counts.NOT_KNOWN else "solid"
        drawn.append(Bar(words, told[kind].value, _of_bar(small, told[kind]), look))
    everything = list_of(ask, name, {}) if sum(added.values()) else None
    rows.append([Cell(_("All")), Cell(total.text, everything, number=True),
                 *_beside_cells("", live, None)])  # fmt: skip
    title = f"{said(report.title)}. {said(apart.heading)}"
    heads = [said(apart.heading), _("Number")]
    if live:
        heads += [_("Of 100 people referred"), _("Of 100 people who live here")]
    table = Table(title, heads, rows)
    finding = _finding(ask, report, apart, added, shown)
    if compared and total.value and compared.missing < 100:
        finding = _set_beside(apart, total.text, compared, dict(shown))
    if compared and compared.each:
        drawn = _pairs(shown, told, total, compared, small)
    key = f"{name}-{apart.name}"
    told_bars = [bar for bar in drawn if bar.value]
    # Where a sentence says it all, there is nothing to draw.
    most = BARS * 2 if compared and compared.each else BARS
    picture = bars(key, title, finding, drawn[:most], table) if len(told_bars) > 1 else None
    return Section(
        key, said(apart.heading), finding, table, counted_how(ask, report), picture, total.text,
        f"/reports/{name}?{urlencode(ask.address)}",
        _source(live, bool(picture and compared and compared.each)),
    )  # fmt: skip


def _of_bar(small: Small, told: Told) -> str:
    return _("1 to %(most)s", most=small.hidden_to) if told.hidden else told.text


# -- who lives in the place ---------------------------------------------------------------------

UNKNOWN = (counts.NOT_KNOWN, KEPT_BACK)
# Where there are two groups, the one that is asked about.
ASKED_ABOUT = {"disability": "yes", "language": "other"}
NOTHING = "\u2013"


def _of_100(share: float) -> str:
    if 0 < share < 0.5:
        return _("under 1")
    return _("over 99") if 99.5 <= share < 100 else str(round(share))


def _referred(share: Share) -> str:
    if share.referred is None:
        return _("at most %(most)s", most=share.most)
    return _of_100(share.referred)


def _beside_cells(kind: str, live: Live | None, compared: Shares | None) -> list[Cell]:
    """Of a hundred people, how many were referred and how many live here, for the table."""
    if live is None:
        return []
    here = live.parts.get(kind)
    if here is None:
        return [Cell(NOTHING, number=True), Cell(NOTHING, number=True)]
    lives = _of_100(100 * here / sum(live.parts.values()))
    referred = _referred(compared.each[kind]) if compared and compared.each else NOTHING
    return [Cell(referred, number=True), Cell(lives, number=True)]


def _pairs(
    shown: list[tuple[str, str]], told: Mapping[str, Told], total: Told, compared: Shares,
    small: Small,
) -> list[Bar]:  # fmt: skip
    """Two bars for each group, of a hundred people referred and who live here; one for those of
    whom nobody knows it, of a hundred referred."""
    drawn = []
    for kind, words in shown:
        share = compared.each.get(kind)
        if share is not None:
            text = _referred(share)
            if share.referred is not None:
                text = _("%(num)s referred", num=text)
            drawn.append(Bar(words, share.referred, text))
            lives = _("%(num)s live here", num=_of_100(share.live))
            drawn.append(Bar("", share.live, lives, "hatched"))
        elif kind in UNKNOWN:
            one = told[kind]
            of_all = 100 * one.value / total.value if one.value and total.value else one.value
            text = _of_bar(small, one) if not of_all else _("%(num)s of all", num=_of_100(of_all))
            drawn.append(Bar(words, of_all, text, "missing"))
    return drawn


def _set_beside(apart: Apart, total: str, compared: Shares, words: Mapping[str, str]) -> str:
    """What a report shows of who was referred, beside who lives there."""
    part = compared.furthest(ASKED_ABOUT.get(apart.name)) if compared.each else None
    if not compared.each:
        says = _("Too few are known to set them beside who lives here.")
    elif not compared.half_known:
        says = _("Too many are not known to set the others beside who lives here.")
    elif part is None:
        says = _("No difference from who lives here is large enough to be told.")
    else:
        one = compared.each[part]
        given = {"what": words[part], "referred": _referred(one), "live": _of_100(one.live)}
        if one.differs < 0:
            says = _("Fewer than live here: %(what)s. Of 100 people referred %(referred)s, of 100"
                     " who live here %(live)s.", **given)  # fmt: skip
        else:
            says = _("More than live here: %(what)s. Of 100 people referred %(referred)s, of 100"
                     " who live here %(live)s.", **given)  # fmt: skip
    says = _("%(total)s in all.", total=total) + " " + says
    if not compared.missing:
        return says
    return says + " " + _("Not known for %(share)s%%.", share=compared.missing)


def _source(live: Live | None, drawn: bool) -> str:
    if live is None:
        return ""
    told = {"place": live.place, "source": live.source.rstrip(".")}
    begins = _("The bars show how many of 100.") + " " if drawn else ""
    if live.own:
        return begins + _("Who lives here: %(source)s, for %(place)s.", **told)
    return begins + _(
        "Who lives here: %(source)s, for %(place)s. For this place alone nothing is loaded, so this"
        " is the place that it lies in.",
        **told,
    )


def _finding(
    ask: Question, report: Report, apart: Apart, added: Counter[str],
    shown: list[tuple[str, str]],
) -> str:  # fmt: skip
    small, whole = small_for(ask, report), sum(added.values())
    total = small.told(whole)
    if whole == 0:
        return _("There are none.") if MEASURES[report.measure].now else _("None in this time.")
    if total.hidden:
        return _("Between 1 and %(most)s in all.", most=small.hidden_to)
    extra = FINDINGS.get(apart.name, _most)
    return extra(small, added, shown, total.text)


def _most(
    small: Small, added: Counter[str], shown: list[tuple[str, str]], total: str
) -> str:  # fmt: skip
    told = [(small.told(added[kind]), words) for kind, words in shown]
    best = max(told, key=lambda one: one[0].value or 0)
    if not best[0].value:
        return _("%(total)s in all, each kind fewer than %(least)s.", total=total,
                 least=small.hidden_to + 1)  # fmt: skip
    if sum(one.value == best[0].value for one, _words in told) > 1:
        return _("%(total)s in all. No one kind stands out.", total=total)
    return _(
        "%(total)s in all. Most often: %(what)s (%(part)s).",
        total=total, what=best[1], part=best[0].text,
    )  # fmt: skip


def _within_four_weeks(
    small: Small, added: Counter[str], shown: list[tuple[str, str]], total: str
) -> str:
    share = small.share(added["to_14"] + added["to_28"], sum(added.values()))
    if share is None:
        return _("%(total)s started.", total=total)
    return _(
        "%(total)s started, %(share)s%% of them within 4 weeks of being referred.",
        total=total, share=share,
    )  # fmt: skip


def _unknown(
    small: Small, added: Counter[str], shown: list[tuple[str, str]], total: str
) -> str:  # fmt: skip
    missing, whole = added[counts.NOT_KNOWN], sum(added.values())
    if missing == whole:
        return _("%(total)s in all. It is not recorded for any of them.", total=total)
    share = small.share(missing, whole)
    best = _most(small, Counter({k: n for k, n in added.items() if k}),
                 [one for one in shown if one[0]], total)  # fmt: skip
    return best + " " + _("Not recorded for %(share)s%%.", share=share) if share else best


def _by_fifth(
    small: Small, added: Counter[str], shown: list[tuple[str, str]], total: str
) -> str:  # fmt: skip
    whole = sum(added.values())
    known = whole - added[counts.NOT_KNOWN]
    share, missing = small.share(added["1"], known), small.share(added[counts.NOT_KNOWN], whole)
    if not known:
        return _("%(total)s in all. The area is not known for any of them.", total=total)
    if share is None:
        words = _("%(total)s in all. Too few are known to say more.", total=total)
    else:
        words = _(
            "%(total)s in all. Of those whose area is known, %(share)s%% live in the most deprived"
            " fifth of England's areas: 20%% would be as many as anywhere.",
            total=total, share=share,
        )  # fmt: skip
    return words + " " + _("Not known for %(share)s%%.", share=missing) if missing else words


def _changed(
    small: Small, added: Counter[str], shown: list[tuple[str, str]], total: str
) -> str:  # fmt: skip
    pairs = added["better"] + added["same"] + added["worse"]
    if not pairs:
        return _("%(total)s in all. Nobody answered it a second time.", total=total)
    told, share = small.told(pairs), small.share(added["better"], pairs)
    if told.hidden:
        return _(
            "%(total)s in all. 1 to %(most)s answered it a second time.",
            total=total, most=small.hidden_to,
        )  # fmt: skip
    words = _("%(total)s in all. %(pairs)s answered it a second time.", total=total,
              pairs=told.text)  # fmt: skip
    if share is None:
        return words
    return words + " " + _("It was better for %(share)s%% of those.", share=share)


def _out(
    small: Small, added: Counter[str], shown: list[tuple[str, str]], total: str
) -> str:  # fmt: skip
    soon = added["to_7"] + added["to_30"] + added["to_60"]
    if not soon and not added["out"]:
        return _("No provider's evidence is out of date or ends within 60 days.")
    now = ngettext(
        "%(num)s provider has evidence out of date, or is suspended.",
        "%(num)s providers have evidence out of date, or are suspended.",
        added["out"],
    )
    ends = ngettext(
        "For %(num)s more it ends within 60 days.", "For %(num)s more it ends within 60 days.", soon
    )
    return f"{now} {ends}"


Finding = Callable[[Small, Counter[str], list[tuple[str, str]], str], str]
FINDINGS: dict[str, Finding] = {
    "wait": _within_four_weeks,
    "age": _unknown,
    "language": _unknown,
    "interpreter": _unknown,
    FIFTH: _by_fifth,
    **dict.fromkeys(counts.SAID, _unknown),
    "ends": _out,
    **dict.fromkeys(SHORT, _changed),
}


def chosen_kinds(report: Report) -> dict[str, str]:
    """Which records of a report the address asks for, by the names of its ways of telling apart."""
    found = {}
    for apart in report.aparts:
        kind = request.args.get(f"by_{apart.name}")
        if kind is not None:
            found[apart.name] = kind
    return found


def when_words(ask: Question, report: Report) -> str:
    """The time a report is about, in words."""
    if MEASURES[report.measure].now:
        return _("As it stands on %(day)s.", day=day_words(local_day(ask.at)))
    if ask.period.after > local_day(ask.at):
        words = _("%(period)s, so far.", period=ask.period.words)
    else:
        words = f"{ask.period.words}."
    return f"{words} {counted_words(ask)}" if is_kept(ask, report) else words


def counted_words(ask: Question) -> str:
    """When what was counted ahead was counted."""
    if ask.as_of is None:
        return ""
    time = clock_words(ask.as_of)
    if local_day(ask.as_of) == local_day(ask.at):
        return _("Counted today at %(time)s.", time=time)
    return _("Counted on %(day)s at %(time)s.", day=day_words(local_day(ask.as_of)), time=time)
