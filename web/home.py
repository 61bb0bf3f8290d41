"""What needs me now: the first page of every role."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, request

from referral import beginnings, offered, policies, records, reviews, visible
from referral.actors import Actor
from referral.audit import log_shown, showing
from referral.scopes import LEADS
from referral.states import REFERRAL_OPEN, TAKING_PART, WITH_PROVIDER, Noun, ReferralState, Role
from referral.store import Tx
from referral.visible import Filters
from web import audit_pages, errands, labels, setting_up
from web.access import STAFF, access, current_actor
from web.accesses import neutral
from web.announcements import unread
from web.current import edge
from web.escalations import decided_row
from web.frame import menu_of, opens_to, there_is
from web.keysets import after, pack
from web.labels import said, word
from web.offers import to_confirm
from web.papers import to_hand_in
from web.referral_lists import ROWS_OF_A_FILE
from web.say import _, ngettext
from web.sessions import next_of
from web.words import by_when, day_words, deadline, month_name
from web.worklists import card, drawn, groups, ring_first
from workflows import reading
from workflows.messages import MESSAGES
from workflows.reading import Card
from workflows.working_time import ENGLAND, LONDON, add, local_day, working_days_between

pages = Blueprint("home", __name__)

TEAM = (Role.LINK_WORKER, Role.TEAM_LEAD)
REVIEWERS = (*LEADS, Role.INFORMATION_GOVERNANCE_LEAD)
REMINDERS = "reminders"
FIRST_YEAR = 2000  # nobody was referred before
LEFT_ALONE = 5  # working days, as the clock of a draft counts
R = ReferralState
# The lists beside what needs me now: name, its words, and the states it holds.
LISTS: dict[str, dict[str, frozenset[str]]] = {
    "team": {
        "waiting": frozenset(WITH_PROVIDER),
        "drafts": frozenset({R.DRAFT}),
        "open": frozenset(REFERRAL_OPEN),
    },
    "provider": {
        "waiting-list": frozenset({R.WAITING}),
        "taking-part": frozenset(TAKING_PART),
        "open": frozenset(WITH_PROVIDER),
    },
}


@pages.get("/")
@access(STAFF)
def home() -> str:
    actor = current_actor()
    show = request.args.get("show", "")
    if actor.role is Role.ADMINISTRATOR:
        return setting_up.home(actor)
    with edge().reading(actor) as (tx, at):
        if actor.role in REVIEWERS:
            return _reviews(tx, actor, at, show)
        if actor.role in (*TEAM, Role.PROVIDER_LEADER):
            return _work(tx, actor, at, show)
        if actor.role is Role.AUDITOR:
            return audit_pages.home(tx, actor, at)
        return _nothing_of_their_own(tx, actor, at)


# -- link workers, team leads and providers -----------------------------------------------------


def _work(tx: Tx, actor: Actor, at: datetime, show: str) -> str:
    lists = LISTS["provider" if actor.role is Role.PROVIDER_LEADER else "team"]
    mine = actor.role is Role.LINK_WORKER
    counted = visible.counts(tx, actor, at, mine, at - timedelta(days=LEFT_ALONE))
    if show in lists:
        return _list(tx, actor, at, show, counted)
    if show == REMINDERS:
        return _put_off(tx, actor, at, lambda away: _chips(actor, counted, None, REMINDERS, away))
    position = after(int, datetime, int)
    written = {
        key.removeprefix(visible.WRITTEN): many
        for key, many in counted.items()
        if key.startswith(visible.WRITTEN)
    }
    provider = actor.role is Role.PROVIDER_LEADER
    missed = offered.missed_twice(tx, actor) if provider else {}
    work = reading.worklist(tx, actor, at, position, besides=(*written, *missed))
    besides = {
        "overdue": _left_alone(tx, actor, at) if counted.get(visible.BEGUN) else [],
        "news": _missed(actor, at, work.cards, missed)
        + _written(actor, work.cards, written)
        + (_news(tx, actor, at) if counted.get(visible.UNREAD) else []),
    }
    by_hand = errands.listed(tx, actor, at, work.keys)
    late = len(besides["overdue"])
    beside = sum(map(len, besides.values()))
    count = work.counts._replace(
        now=work.counts.now + beside + len(by_hand),
        overdue=work.counts.overdue
        + late
        + sum(one["deadline"]["tone"] == "overdue" for one in by_hand),
    )
    work = replace(work, counts=count)
    return render_template(
        "home.jinja",
        heading=_("Inbox") if provider else _("My work"),
        sentence=_sentence(work.counts, counted, provider),
        chips=_chips(actor, counted, work.counts.now, "", work.counts.away),
        groups=groups(work, actor, at, {} if position else besides),
        empty=None if work.counts.now else _empty(tx, actor, at, counted),
        older=_older(work.after),
        begin=_begin(actor),
        proposals=_proposals(tx, actor, at) if counted.get(visible.PROPOSED) else [],
        to_read=unread(tx, at),
        unconfirmed=to_confirm(tx, actor, at) if provider else None,
        papers=to_hand_in(tx, actor, at) if provider else None,
        errands=by_hand,
    )


def _news(tx: Tx, actor: Actor, at: datetime) -> list[dict[str, Any]]:
    """What others decided on something they raised, until they say that they have read it."""
    return [
        {
            "href": labels.record_path(one.noun, one.record_id),
            "name": one.reference or word(labels.NOUNS, one.noun),
            "reason": word(labels.NOTICES, one.what),
            "meta": [_("Told on %(day)s", day=day_words(local_day(one.at), now=at))],
            "action": {
                "text": said(labels.NEWS[one.what]),
                "href": labels.record_path(one.noun, one.record_id),
            },
        }
        for one in visible.unread_news(tx, actor)
    ]


def _missed(
    actor: Actor, at: datetime, cards: Mapping[str, Card], missed: Mapping[str, date]
) -> list[dict[str, Any]]:
    """Those who did not come twice in a row, until the link worker is told of it."""
    known = [(card(cards[key], actor, at), last) for key, last in missed.items() if key in cards]
    return [ring_first(item, last, at) for item, last in known if not item["held"]]


def _written(actor: Actor, cards: Mapping[str, Card], many: dict[str, int]) -> list[dict[str, Any]]:
    """Messages that nobody on this side has read, by referral, the longest first. A thread they may
    not read now isn't among it."""
    found = []
    for record_id, num in many.items():
        card = cards.get(record_id)
        if card is None or not card.seen.get(MESSAGES):
            continue
        seen, base = card.seen, labels.record_path("referral", card.id)
        who = seen["team" if actor.role is Role.PROVIDER_LEADER else "provider"]
        found.append(
            {
                "href": base,
                "name": card.name,
                "reason": ngettext(
                    "%(who)s wrote you a message.",
                    "%(who)s wrote you %(num)s messages.",
                    num,
                    who=who,
                ),
                "meta": [seen["reference"], seen["activity"]],
                "tag": labels.state_tag("referral", seen["state"]),
                "held": said(seen["held"]) if "held" in seen else None,
                "action": {"text": _("Read it"), "href": f"{base}/messages"},
            }
        )
    return found


def _left_alone(tx: Tx, actor: Actor, at: datetime) -> list[dict[str, Any]]:
    """What was begun, has no activity, and has not been touched for as long as a draft may lie."""
    begun = beginnings.all_of(tx, actor)
    left = [one for one in begun if add(one.updated_at, LEFT_ALONE, ENGLAND) <= at]
    touched = {one.id: one.updated_at for one in left}
    found = _begun(tx, actor, at, left) if left else []
    for item in found:
        last = touched[item["id"]]
        days = working_days_between(last, at, ENGLAND)
        item["reason"] = ngettext(
            "Begun and not touched for %(num)s working day. No activity is chosen yet.",
            "Begun and not touched for %(num)s working days. No activity is chosen yet.",
            days,
        )
        item["deadline"] = deadline(add(last, LEFT_ALONE, ENGLAND), at)._asdict()
    return found


def _older(position: tuple[Any, ...] | None) -> str | None:
    if position is None:
        return None
    show = request.args.get("show")
    if not show:
        return f"/?after={pack(*position)}"
    month = request.args.get("month")
    of_month = f"&month={month}" if month else ""
    if request.args.get("sort") == "decided":
        of_month += "&sort=decided"
    return f"/?show={show}{of_month}&after={pack(*position)}"


def _begin(actor: Actor) -> str | None:
    path = "/referrals/new"
    mine = actor.role is Role.LINK_WORKER
    return path if mine and there_is(current_app, path) else None


def _sum(counted: dict[str, int], states: frozenset[str]) -> int:
    return sum(counted.get(state, 0) for state in states)


def _heading(actor: Actor) -> str:
    if actor.role is Role.PROVIDER_LEADER:
        return _("Inbox")
    return _("Reviews") if actor.role in REVIEWERS else _("My work")


def _put_off(
    tx: Tx, actor: Actor, at: datetime, chips: Callable[[int], list[dict[str, Any]]]
) -> str:
    """What the actor has put off until another day, and the calls they mean to make later."""
    work = reading.worklist(tx, actor, at, after(int, datetime, int), away=True)
    by_day = sorted(work.items, key=lambda item: (item.until or at, item.record_id))
    items = [drawn(item, actor, at) for item in by_day]
    return render_template(
        "home.jinja",
        heading=_heading(actor),
        sentence=_("Each comes back by itself on its day. Others see no difference."),
        chips=chips(work.counts.away),
        groups=[{"heading": _("Reminders, the next first"), "items": items}] if items else [],
        empty=None if items else {"words": _("You have put nothing off.")},
        older=_older(work.after),
        begin=_begin(actor),
    )


def _chips(
    actor: Actor, counted: dict[str, int], now: int | None, current: str, away: int | None = None
) -> list[dict[str, Any]]:
    provider = actor.role is Role.PROVIDER_LEADER
    words = {
        "": _("Needs me now"),
        "waiting": _("Waiting on others"),
        "drafts": _("Drafts"),
        "open": _("Everything open"),
        "waiting-list": _("Waiting list"),
        "taking-part": _("Taking part"),
    }
    found: list[dict[str, Any]] = [{"text": words[""], "href": "/", "current": current == ""}]
    if now is not None:
        found[0]["count"] = now
    for name, states in LISTS["provider" if provider else "team"].items():
        found.append(
            {
                "text": words[name],
                "count": _sum(counted, states),
                "href": f"/?show={name}",
                "current": current == name,
            }
        )
    return found + _reminders_chip(current, away)


def _reminders_chip(current: str, away: int | None) -> list[dict[str, Any]]:
    """The way to what was put off, where there may be any. `away` None: it wasn't counted."""
    if away == 0 and current != REMINDERS:
        return []
    chip = {"text": _("Reminders"), "href": f"/?show={REMINDERS}", "current": current == REMINDERS}
    return [chip if away is None else {**chip, "count": away}]


def _sentence(count: visible.WorkCounts, counted: dict[str, int], provider: bool) -> str:
    if not count.now:
        return ""
    new = counted.get(R.SENT, 0) - counted.get(visible.HELD_NEW, 0)
    if provider and new:
        said_now = ngettext(
            "%(num)s new referral to answer.", "%(num)s new referrals to answer.", new
        )
        if count.now > new:
            rest = ngettext(
                "%(num)s more thing needs you.", "%(num)s more things need you.", count.now - new
            )
            said_now = f"{said_now} {rest}"
        return f"{said_now} {_late(count)}".strip()
    said_now = ngettext("%(num)s thing needs you.", "%(num)s things need you.", count.now)
    return f"{said_now} {_late(count)}".strip()


def _late(count: visible.WorkCounts) -> str:
    if not count.overdue:
        return ""
    return ngettext("%(num)s is overdue.", "%(num)s are overdue.", count.overdue)


def _empty(tx: Tx, actor: Actor, at: datetime, counted: dict[str, int]) -> dict[str, str]:
    """Never a blank page: where everything is, and where to look."""
    if actor.role is Role.PROVIDER_LEADER:
        return {
            "words": f"{_('No referrals waiting for you.')} {_session(tx, actor, at, counted)}",
            "href": "/?show=open",
            "link": _("See everyone who is with you"),
        }
    others = _sum(counted, frozenset(WITH_PROVIDER))
    words = _("Nothing needs you right now.")
    if others:
        due = visible.next_due(tx, actor, at, mine=actor.role is Role.LINK_WORKER)
        with_others = ngettext(
            "%(num)s referral is with others.", "%(num)s referrals are with others.", others
        )
        words = f"{words} {with_others}"
        if due is not None:
            words += " " + _("The next deadline is %(day)s.", day=by_when(due, at))
    return {"words": words, "href": "/?show=open", "link": _("See everything open")}


def _session(tx: Tx, actor: Actor, at: datetime, counted: dict[str, int]) -> str:
    """When the provider's people meet next, and how many; where no day is known, how many."""
    following = next_of(tx, actor, at)
    if following is None or following.next is None:
        part = _sum(counted, frozenset(TAKING_PART))
        return ngettext("%(num)s person is taking part.", "%(num)s people are taking part.", part)
    people = ngettext("%(num)s person", "%(num)s people", following.offer.taking_part)
    return _(
        "Your next session is %(activity)s on %(day)s: %(people)s.",
        activity=following.offer.name,
        day=day_words(following.next, weekday=True, now=at),
        people=people,
    )


def _list(tx: Tx, actor: Actor, at: datetime, show: str, counted: dict[str, int]) -> str:
    states = LISTS["provider" if actor.role is Role.PROVIDER_LEADER else "team"][show]
    filters = Filters(states=states, mine=actor.role is Role.LINK_WORKER)
    cards, more = reading.referrals(tx, actor, at, filters, after(datetime, str))
    provider = actor.role is Role.PROVIDER_LEADER
    items = [card(one, actor, at) for one in cards]
    return render_template(
        "home.jinja",
        heading=_("Inbox") if provider else _("My work"),
        chips=_chips(actor, counted, None, show),
        groups=[{"heading": None, "items": items}] if items else [],
        begun=_begun(tx, actor, at, beginnings.all_of(tx, actor)) if show == "drafts" else [],
        empty=None if items else {"words": _("There are none.")},
        older=_older(more),
        begin=_begin(actor),
    )


def _begun(
    tx: Tx, actor: Actor, at: datetime, begun: list[beginnings.Begun]
) -> list[dict[str, Any]]:
    """What was begun and has no activity yet: not a referral, so it has no deadline."""
    known = reading.people_by_id(tx, actor, at, {one.person_id for one in begun})
    return [
        {
            "id": one.id,
            "href": f"/referrals/{one.id}/write",
            "name": known[one.person_id].name,
            "reason": _("Begun. No activity is chosen yet."),
            "meta": [str(known[one.person_id].seen.get("reference") or "")],
            "action": {"text": _("Finish it"), "href": f"/referrals/{one.id}/write"},
        }
        for one in begun
        if one.person_id in known
    ]


def _proposals(tx: Tx, actor: Actor, at: datetime) -> list[dict[str, str]]:
    """What a colleague proposed and a second person is to confirm."""
    if actor.role not in TEAM:
        return []
    found = [
        one for one in records.proposals_in(tx, actor) if one.proposed_by != actor.membership_id
    ]
    known = reading.situations(tx, actor, at, {one.record_id for one in found})
    return [
        {
            "href": f"/confirmations/{one.id}",
            "what": labels.button(one.noun, one.trigger),
            "who": one.proposer,
        }
        for one in found
        if one.record_id in known and not known[one.record_id].closed
    ]


# -- those who review ---------------------------------------------------------------------------


def _reviews(tx: Tx, actor: Actor, at: datetime, show: str) -> str:
    month = _this_month(at)
    counted = visible.review_counts(tx, actor, at, month)
    if show == REMINDERS:
        return _put_off(tx, actor, at, lambda away: _review_chips(counted, None, REMINDERS, away))
    context: dict[str, Any] = {"heading": _("Reviews")}
    if show == "decided":
        return _decided(tx, actor, at, month, counted)
    if show in visible.REVIEWS:
        rows = visible.reviews(
            tx, actor, at, show, month, after(int, datetime, str), visible.PAGE + 1
        )
        shown = rows[: visible.PAGE]
        last = shown[-1] if len(rows) > visible.PAGE else None
        context |= {
            "reviews": [_review(row, at) for row in shown],
            "empty": None if shown else {"words": _("There are none.")},
            "older": _older((last.rank, last.created_at, last.id) if last else None),
            "chips": _review_chips(counted, None, show),
        }
        return render_template("home.jinja", **context)
    work = reading.worklist(tx, actor, at, after(int, datetime, int))
    empty = {
        "words": _("Nothing needs you right now."),
        "href": "/?show=open",
        "link": _("See every open review"),
    }
    context |= {
        "sentence": _sentence(work.counts, {}, False),
        "chips": _review_chips(counted, work.counts.now, "", work.counts.away),
        "groups": groups(work, actor, at),
        "errands": errands.listed(tx, actor, at, work.keys),
        "empty": None if work.counts.now else empty,
        "older": _older(work.after),
        "to_read": _to_read(tx, actor, at),
        "beside": _beside(actor),
    }
    return render_template("home.jinja", **context)


def _decided(tx: Tx, actor: Actor, at: datetime, now: datetime, counted: dict[str, int]) -> str:
    """What was decided in one month, and how far each decision is carried out."""
    month, until = _month_asked(now)
    order = "told" if request.args.get("sort") == "decided" else "severity"
    place, most = after(int, datetime, str), visible.PAGE + 1
    rows = visible.reviews(tx, actor, at, "decided", month, place, most, until, order)
    shown = rows[: visible.PAGE]
    ids = [row.id for row in shown]
    became = reviews.followed(tx, actor, ids)
    told = visible.decisions(tx, actor, at, month, until)
    last = shown[-1] if len(rows) > visible.PAGE else None
    showing(Noun.ESCALATION, ids)
    return render_template(
        "home.jinja",
        heading=_("Reviews"),
        chips=_review_chips(counted, None, "decided" if month == now else "other"),
        decided={
            "month": _month_words(month),
            "sentence": _decided_sentence(told),
            "rows": [decided_row(r, became.get(r.id)) for r in shown],
            "earlier": _month_link(_month_before(month)) if told.earlier else None,
            "later": _month_link(until) if month < now else None,
            "order": order,
            "sorted": {name: _decided_in(month, name) for name in ("severity", "told")},
            "csv": f"/reviews.csv?month={month:%Y-%m}",
        },
        older=_older(_place_of(last, order) if last else None),
    )


def _place_of(row: visible.ReviewRow, order: str) -> tuple[int, datetime, str]:
    when = row.told_at if order == "told" and row.told_at else row.created_at
    return row.rank, when, row.id


@pages.get("/reviews.csv")
@access(*REVIEWERS)
def decided_file() -> Response:
    """What was decided in one month, the latest first, as a file. That it was taken is in the
    log."""
    actor = current_actor()

    def take(tx: Tx, at: datetime) -> str:
        month, until = _month_asked(_this_month(at))
        rows = visible.reviews(tx, actor, at, "decided", month, None, ROWS_OF_A_FILE, until, "told")
        ids = [row.id for row in rows]
        became = reviews.followed(tx, actor, ids)
        showing(Noun.ESCALATION, ids)
        log_shown(tx, actor, at, "reviews_exported", Noun.ESCALATION)
        return _as_csv([decided_row(row, became.get(row.id)) for row in rows])

    body = edge().perform(actor, take)
    return Response(
        body,
        mimetype="text/csv",
        headers={"Content-Disposition": "attachment; filename=decided.csv"},
    )


def _as_csv(rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(
        [_("Reference"), _("Kind"), _("Severity"), _("Decision"), _("Decided by"),
         _("Decided on"), _("Carried out"), _("What is left")]
    )  # fmt: skip
    for row in rows:
        cells = (
            row["reference"], row["kind"], row["severity"], row["decision"], row["by"],
            row["on"], row["tag"]["text"], row["words"],
        )  # fmt: skip
        table.writerow([neutral(cell) for cell in cells])
    return out.getvalue()


def _this_month(at: datetime) -> datetime:
    return at.astimezone(LONDON).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _month_asked(now: datetime) -> tuple[datetime, datetime]:
    """The first moment of the month in the address, `?month=2026-10`, and that of the next; this
    month where none is named. One that isn't there yet isn't found."""
    asked = request.args.get("month", "")
    month = now
    if asked:
        try:
            month = datetime.strptime(asked, "%Y-%m").replace(tzinfo=LONDON)
        except ValueError:
            abort(404)
        if month > now or month.year < FIRST_YEAR:
            abort(404)
    return month, (month + timedelta(days=32)).replace(day=1)


def _month_before(month: datetime) -> datetime:
    return (month - timedelta(days=1)).replace(day=1)


def _month_words(month: datetime) -> str:
    return f"{month_name(month.month)} {month.year}"


def _month_link(month: datetime) -> dict[str, str]:
    by_day = request.args.get("sort") == "decided"
    return {
        "href": _decided_in(month, "told" if by_day else "severity"),
        "text": _month_words(month),
    }


def _decided_in(month: datetime, order: str) -> str:
    sort = "&sort=decided" if order == "told" else ""
    return f"/?show=decided&month={month:%Y-%m}{sort}"


def _decided_sentence(told: visible.Decisions) -> str:
    """How many were decided, and of how many something is missing."""
    if not told.number:
        return _("Nothing was decided in this month.")
    words = [ngettext("%(num)s was decided.", "%(num)s were decided.", told.number)]
    if told.failed:
        words.append(
            ngettext(
                "Of %(num)s something could not be done.",
                "Of %(num)s something could not be done.",
                told.failed,
            )
        )
    if told.waiting:
        words.append(
            ngettext(
                "Of %(num)s something is still to do.",
                "Of %(num)s something is still to do.",
                told.waiting,
            )
        )
    if not (told.failed or told.waiting):
        words.append(_("Nothing of it is left to carry out."))
    return " ".join(words)


def _to_read(tx: Tx, actor: Actor, at: datetime) -> list[dict[str, str]]:
    """Announcements, and what was said about the changes of policy one opened."""
    found = unread(tx, at)
    comments, to_decide = policies.waiting_for(tx, actor.membership_id, at)
    if comments:
        words = ngettext("%(num)s comment to read", "%(num)s comments to read", comments)
        found.append({"href": "/policy/changes", "title": _("A change of policy"), "act_by": words})
    if to_decide:
        words = ngettext("%(num)s to decide", "%(num)s to decide", to_decide)
        found.append({"href": "/policy/changes", "title": _("A change of policy"), "act_by": words})
    return found


def _beside(actor: Actor) -> list[tuple[str, list[dict[str, str]]]]:
    """Further pages of those who answer for a place, each under what it is for."""
    role = actor.role
    groups = [
        (
            _("For a meeting"),
            [
                ("/agenda", _("An agenda, to print")),
                ("/?show=decided", _("What was decided, and what became of it")),
                ("/themes", _("Themes of what is escalated")),
            ],
        ),
        (
            _("Telling and asking"),
            [
                ("/announcements", _("Announcements to those who work here")),
                ("/policy/changes", _("Changes of policy, with what people said")),
            ],
        ),
        (
            _("Reviews and sharing"),
            [
                ("/concerns", _("Safeguarding concerns")),
                ("/escalations", _("Every escalation")),
                ("/overrides", _("Shared for safety, without consent")),
                ("/agreements", _("Agreements between organisations")),
                ("/providers", _("Providers")),
            ],
        ),
        (
            _("Who answers, by which rules"),
            [
                ("/accountability", _("Who answers for what")),
                ("/who-answers", _("Who answers the phone, by day and hour")),
                ("/policy", _("Policy: times, reasons, evidence")),
            ],
        ),
        (
            _("What is held about people"),
            [
                ("/rights", _("People's requests")),
                ("/access", _("Who can see what")),
                ("/inquiries", _("Bundles for inquiries")),
            ],
        ),
        (
            _("Accounts"),
            [
                ("/organisations", _("Places and organisations")),
                ("/users", _("Accounts: add, suspend, a new password")),
            ],
        ),
    ]
    in_menu = {path for _words, path in menu_of(role)}
    found = []
    for heading, links in groups:
        open_to = [
            {"href": href, "text": text}
            for href, text in links
            if href not in in_menu and opens_to(current_app, href.partition("?")[0], role)
        ]
        if open_to:
            found.append((heading, open_to))
    return found


def _review_chips(
    counted: dict[str, int], now: int | None, current: str, away: int | None = None
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"text": _("Needs me"), "href": "/", "current": current == ""}]
    if now is not None:
        found[0]["count"] = now
    words = {
        "overdue": _("Overdue"),
        "others": _("Waiting for others"),
        "decided": _("Decided this month"),
    }
    for name, text in words.items():
        found.append(
            {
                "text": text,
                "count": counted[name],
                "href": f"/?show={name}",
                "current": current == name,
            }
        )
    return found + _reminders_chip(current, away)


def _review(row: visible.ReviewRow, at: datetime) -> dict[str, Any]:
    severity = labels.SEVERITIES[row.severity]
    return {
        "href": labels.record_path("escalation", row.id),
        "reference": row.reference,
        "kind": word(labels.KINDS, row.kind),
        "severity": {"text": said(severity.text), "colour": severity.colour},
        "age": working_days_between(row.created_at, at, ENGLAND),
        "level": said(labels.LEVELS[row.level]),
        "with": row.reviewer or _("Nobody yet"),
        "due": deadline(row.due, at)._asdict() if row.due else None,
    }


# -- those without a list of their own ----------------------------------------------------------


def _nothing_of_their_own(tx: Tx, actor: Actor, at: datetime) -> str:
    """Commissioners: their menu is their work."""
    work = reading.worklist(tx, actor, at, after(int, datetime, int))
    nothing = {"words": _("Nothing waits for you. Choose from the menu above.")}
    if actor.role is Role.COMMISSIONER:
        nothing |= {"href": "/dashboard", "link": _("See the numbers on the dashboard")}
    return render_template(
        "home.jinja",
        heading=_("My work"),
        groups=groups(work, actor, at),
        errands=errands.listed(tx, actor, at, work.keys),
        empty=None if work.items else nothing,
        older=_older(work.after),
        to_read=unread(tx, at),
    )
