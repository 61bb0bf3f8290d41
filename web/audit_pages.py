"""The audit log for people: its state, what needs attention, and who did what, when and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError

from referral import entries, merkle, tree
from referral.actors import Actor
from referral.audit import EXPORTED, LISTED, READ, log
from referral.entries import EntryRow, Filters
from referral.ids import check_reference
from referral.proof_files import SUFFIX, ProofFile
from referral.scopes import LOG_READERS
from referral.states import Noun
from referral.store import Tx
from web import labels
from web.access import access, current_actor
from web.audit_events import written
from web.current import edge, settings
from web.frame import opens_to
from web.keysets import after, pack
from web.labels import role_name, said, word
from web.say import _, ngettext
from web.schemas.fields import typed_day
from web.words import clock_words, day_words, iso, listed, time_words
from workflows import engine
from workflows.engine import TABLES
from workflows.moves import N_, Refusal
from workflows.working_time import LONDON, local_day

pages = Blueprint("audit_pages", __name__)

READERS = frozenset(LOG_READERS)
LATELY = timedelta(days=7)
ASK_AGAIN = timedelta(minutes=10)
# The worker reads everything against the log each morning.
CHECKED_EACH = timedelta(hours=36)

KINDS: dict[str, str] = {
    "moves": N_("Moves of records"),
    "reads": N_("Reading and searching"),
    "refusals": N_("What was refused"),
    "signs": N_("Signing in and out"),
    "told": N_("Notices and messages"),
    "emergency": N_("Emergency access"),
    "changes": N_("Everything else"),
}
ACTIONS: dict[str, str] = {
    "read": N_("Read"),
    "emergency_read": N_("Read in an emergency"),
    "listed": N_("Saw in a list"),
    "looked_for": N_("Looked for"),
    "searched": N_("Searched"),
    "refused": N_("Was refused"),
    "check_asked": N_("Asked for a check of the log"),
    "referrals_exported": N_("Took a list as a file"),
    "reviews_exported": N_("Took a list as a file"),
    "access_exported": N_("Took a list as a file"),
    "sign_in": N_("Signed in"),
    "sign_out": N_("Signed out"),
    "sign_in_refused": N_("A sign-in failed"),
    "user_added": N_("Gave an account"),
    "account_corrected": N_("Corrected a name or an email address"),
    "account_invited": N_("Sent an invitation to choose a password"),
    "password_chosen": N_("Chose their first password, by invitation"),
    "account_suspended": N_("Suspended an account"),
    "account_let_in": N_("Let an account in again"),
    "password_given": N_("Gave a new password"),
    "password_changed": N_("Changed their own password"),
    "address_asked": N_("Asked for a link to set up a second step"),
    "password_forgotten": N_("Asked for a link to choose a new password"),
    "password_reset": N_("Chose a new password by a link"),
    "place_added": N_("Added a place"),
    "place_changed": N_("Changed who answers in a place"),
    "place_renamed": N_("Gave a place another name"),
    "organisation_added": N_("Added an organisation"),
    "organisation_changed": N_("Changed how an organisation is called or reached"),
    "second_step_on": N_("Set up a second step at sign-in"),
    "second_step_off": N_("Turned off their second step at sign-in"),
    "second_step_cleared": N_("Took away somebody's second step at sign-in"),
    "second_step_refused": N_("A wrong code at sign-in"),
    "passkey_added": N_("Added a passkey for sign-in"),
    "passkey_removed": N_("Removed a passkey for sign-in"),
    "recovery_code_used": N_("Signed in by a recovery code"),
    "recovery_codes_made": N_("Made new recovery codes"),
    "devices_forgotten": N_("Had each device asked for a code again"),
    "membership_added": N_("Gave a role"),
    "membership_ended": N_("Ended a role"),
    "changed": N_("Changed"),
    "clock": N_("A deadline was moved"),
    "erased": N_("Erased"),
    "notice_delivered": N_("A notice was given"),
    "notice_withheld": N_("A notice was withheld"),
    "notice_not_delivered": N_("A notice found nobody"),
    "message_handed_over": N_("A message was handed to the post"),
    "message_delivered": N_("A message arrived"),
    "message_withheld": N_("A message was withheld"),
    "message_not_delivered": N_("A message could not be delivered"),
}
NOUNS: dict[str, str] = {
    "audit": N_("The audit log"),
    "page": N_("A page"),
    "user": N_("An account"),
    "membership": N_("A role"),
    "token": N_("A program's token"),
    "register": N_("A register"),
    "work": N_("Their list of work"),
}
PURPOSES: dict[str, str] = {
    "care": N_("Care of the person"),
    "safety": N_("Safety"),
    "oversight": N_("Oversight"),
    "audit": N_("Audit"),
    "administration": N_("Administration"),
    "own": N_("Their own record"),
    "operation": N_("Running the service"),
    "emergency": N_("An emergency"),
}
DOORS: dict[str, str] = {
    "page": N_("A page"),
    "api": N_("A program"),
    "link": N_("A link"),
    "command": N_("The command line"),
    "worker": N_("The worker"),
}
CLOSED = Refusal("closed", N_("The log is closed to them at the moment."))
GENERAL = (
    CLOSED,
    engine.NOT_FOUND,
    engine.NO_SUCH_MOVE,
    engine.NOT_YOUR_ROLE,
    engine.NOT_YOUR_RECORD,
    engine.STALE,
    engine.KEY_REUSED,
    engine.SECOND_NEEDED,
    engine.SECOND_SAME,
    engine.SECOND_NOT_ALLOWED,
)
OUTCOMES: dict[str, str] = {
    "done": N_("Done"),
    "refused": N_("Refused"),
    "failed": N_("Failed"),
}


# -- whether it is whole ------------------------------------------------------------------------


def numbered(number: int) -> str:
    """48,212."""
    return f"{number:,}"


def badge(tx: Tx, at: datetime) -> dict[str, Any]:
    """Whether the log was whole when it was last read, when that was, and whether a further check
    was asked for."""
    last, asked = tree.last_check(tx), tree.check_asked(tx)
    waits = asked is not None and (last is None or last.at < asked)
    found = _found(last, at)
    if waits and asked is not None:
        found["asked"] = _(
            "A check was asked for on %(when)s. What it finds stands here when it is done.",
            when=time_words(asked),
        )
    return found


def _found(last: tree.Checked | None, at: datetime) -> dict[str, Any]:
    if last is None:
        return {
            "whole": None,
            "text": _("Not checked yet."),
            "more": _("Whoever runs Segue can check it now with: segue audit verify."),
        }
    day = local_day(last.at)
    when = (
        _("today at %(time)s", time=clock_words(last.at))
        if day == local_day(at)
        else _("on %(day)s", day=time_words(last.at))
    )
    if not last.whole:
        contact = settings().contact
        return {
            "whole": False,
            "text": _("Broken: %(first)s.", first=(last.first or "").rstrip(".")),
            "more": ngettext(
                "%(num)s thing is unlike the log.", "%(num)s things are unlike the log.", last.found
            )
            + " "
            + _("Last checked %(when)s.", when=when)
            + " "
            + (
                _("Call %(contact)s, and change nothing.", contact=contact)
                if contact
                else _("Call whoever runs Segue, and change nothing.")
            ),
        }
    found = {
        "whole": True,
        "text": _("Whole. %(number)s entries.", number=numbered(last.entries)),
        "more": _("Last checked %(when)s.", when=when),
    }
    if at - last.at > CHECKED_EACH:
        found["late"] = _(
            "It should be checked each morning: ask whoever runs Segue why it wasn't."
        )
    return found


def _troubles(tx: Tx, at: datetime) -> list[str]:
    """What keeps the log from being signed or published."""
    found = [
        _(
            "%(what)s has not worked since %(when)s: %(why)s",
            what=_("Signing") if one.name == "sign" else _("Publishing (%(to)s)", to=one.name),
            when=time_words(one.failing_since),
            why=one.why or "",
        )
        for one in tree.duties(tx)
        if one.failing_since is not None
    ]
    behind = tree.lag(tx)
    if behind.unsigned_since is not None and at - behind.unsigned_since > timedelta(hours=1):
        found.append(
            ngettext(
                "%(num)s entry is not under a signed head yet, since %(when)s.",
                "%(num)s entries are not under a signed head yet, since %(when)s.",
                behind.unsigned,
                when=time_words(behind.unsigned_since),
            )
        )
    return found


# -- home ---------------------------------------------------------------------------------------


def home(tx: Tx, actor: Actor, at: datetime) -> str:
    """What an auditor needs first: whether the log is whole, and what to look into."""
    if entries.conflicted(tx, actor, at):
        return render_template("audit/closed.jinja", heading=_("Audit"))
    since = at - LATELY
    failed, last = entries.failed_sign_ins(tx, actor, since)
    refused = entries.refused(tx, actor, since)
    unread = entries.emergencies(tx, actor)
    return render_template(
        "audit/home.jinja",
        badge=badge(tx, at),
        troubles=_troubles(tx, at),
        failed=ngettext(
            "%(num)s sign-in failed in the last 7 days, the last %(when)s.",
            "%(num)s sign-ins failed in the last 7 days, the last %(when)s.",
            failed,
            when=time_words(last),
        )
        if failed
        else "",
        emergencies=ngettext(
            "%(num)s use of emergency access is not reviewed yet.",
            "%(num)s uses of emergency access are not reviewed yet.",
            unread,
        )
        if unread
        else "",
        refused=[
            {
                "name": one.name,
                "organisation": one.organisation,
                "times": ngettext("%(num)s time", "%(num)s times", one.times),
                "last": time_words(one.last),
                "href": f"/audit?{urlencode({'member': one.member, 'kind': 'refusals'})}",
            }
            for one in refused
        ],
    )


# -- a page of the log --------------------------------------------------------------------------


def _day(name: str, wrong: dict[str, str]) -> date | None:
    try:
        return typed_day(request.args.get(name, "").strip())
    except ValidationError:
        wrong[name] = _("Enter a real date, for example 12 5 2026")
        return None


def _id(name: str) -> str | None:
    text = request.args.get(name, "")
    if not text:
        return None
    try:
        return str(UUID(text))
    except ValueError:
        abort(404)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LONDON)


class Wanted:
    """What a page of the log is narrowed to: as it was asked, as filters, and in words."""

    def __init__(self, tx: Tx, actor: Actor) -> None:
        self.wrong: dict[str, str] = {}
        self.reference = request.args.get("reference", "").strip().upper()[:40]
        self.kind = request.args.get("kind") if request.args.get("kind") in KINDS else None
        self.organisation = _id("organisation")
        self.member = _id("member")
        self.user, self.called = _id("user"), " ".join(request.args.get("called", "").split())[:80]
        self.several: list[tuple[str, str, str]] = []
        if self.called:
            self._who_is(tx, actor)
        self.since, self.until = _day("from", self.wrong), _day("to", self.wrong)
        self.named: entries.Named | None = None
        if self.reference:
            try:
                self.reference = check_reference(self.reference)
                self.named = entries.by_reference(tx, actor, self.reference)
            except ValueError:
                pass
            if self.named is None:
                self.wrong["reference"] = _(
                    "Nothing has this reference. Check it: it looks like SG-7K4Q-2M"
                )

    def _who_is(self, tx: Tx, actor: Actor) -> None:
        """The one account with this in its name; where there are several, they are to choose
        from."""
        found = entries.called(tx, actor, self.called)
        if len(found) == 1:
            self.user, self.called = found[0][0], ""
        elif not found:
            self.wrong["called"] = _(
                "Nobody with an account here has this in their name. Check how it is spelt."
            )
        elif len(found) > entries.MOST_CALLED:
            self.wrong["called"] = _("Many people have this in their name. Enter more of it.")
        else:
            self.several = found
            self.wrong["called"] = _("More than one person is called that. Choose who it is.")

    @property
    def filters(self) -> Filters:
        named = self.named
        return Filters(
            subject=named.subject if named else None,
            record_id=named.id if named and named.noun != entries.PERSON else None,
            member=self.member,
            user=self.user,
            organisation=self.organisation,
            kind=self.kind,
            since=_midnight(self.since) if self.since else None,
            until=_midnight(self.until + timedelta(1)) if self.until else None,
        )

    @property
    def asked(self) -> dict[str, str]:
        """As it stands in an address."""
        pairs = {
            "reference": self.reference,
            "kind": self.kind or "",
            "organisation": self.organisation or "",
            "member": self.member or "",
            "user": self.user or "",
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
        }
        return {name: value for name, value in pairs.items() if value}

    @property
    def typed(self) -> dict[str, str]:
        """As the form holds it: what was wrong stands in it as it was typed."""
        kept = {name: request.args.get(name, "").strip()[:80] for name in self.wrong}
        return {**self.asked, **kept}

    def choices(self) -> list[dict[str, str]]:
        """Those who are called what was typed, each with the way to their entries."""
        return [
            {"text": f"{name}, {where}", "href": _to({**self.asked, "user": user})}
            for user, name, where in self.several
        ]

    def chips(self, tx: Tx, actor: Actor, organisations: Mapping[str, str]) -> list[dict[str, str]]:
        """Each filter in words, with the way to leave it out."""
        member = entries.members(tx, [self.member]) if self.member else {}
        words = {
            "reference": self.reference,
            "kind": word(KINDS, self.kind),
            "organisation": organisations.get(self.organisation or "", _("An organisation")),
            "member": member[self.member][0] if self.member in member else _("One person's"),
            "user": _(
                "By %(name)s",
                name=(self.user and entries.account(tx, actor, self.user)) or _("somebody"),
            ),
            "from": _("From %(day)s", day=day_words(self.since)),
            "to": _("To %(day)s", day=day_words(self.until)),
        }
        return [
            {"text": words[name], "href": _to({k: v for k, v in self.asked.items() if k != name})}
            for name in self.asked
        ]


def readers_words() -> str:
    """Who reads the log, as their roles are called."""
    return listed([role_name(role) for role in LOG_READERS])


def _to(asked: Mapping[str, str]) -> str:
    return f"/audit?{urlencode(asked)}" if asked else "/audit"


@pages.get("/audit")
@access(READERS)
def explorer() -> ResponseReturnValue:
    """The entries of the log, newest first, narrowed to what is asked."""
    actor = current_actor()
    place = after(int)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        _open_to(tx, actor, at)
        wanted = Wanted(tx, actor)
        known = dict(entries.organisations(tx, actor))
        before = place[0] if place else None
        limit = entries.PAGE + 1
        rows = [] if wanted.wrong else entries.page(tx, actor, wanted.filters, before, limit)
        shown = rows[: entries.PAGE]
        more = _to({**wanted.asked, "after": pack(shown[-1].seq)}) if len(rows) == limit else None
        told = {
            "asked": wanted.asked,
            "entries": {"from": shown[-1].seq, "to": shown[0].seq} if shown else None,
        }
        log(tx, actor, at, LISTED, "audit", None, told)
        return {
            "badge": badge(tx, at),
            "rows": _lines(tx, shown),
            "older": more,
            "exports": f"/audit/export?{urlencode(wanted.asked)}&"
            if wanted.asked
            else "/audit/export?",
            "chips": wanted.chips(tx, actor, known),
            "asked": wanted.typed,
            "wrong": wanted.wrong,
            "errors": [{"text": text, "href": f"#{name}"} for name, text in wanted.wrong.items()],
            "several": wanted.choices(),
            "organisations": list(known.items()),
            "history": wanted.reference if wanted.named else "",
            "person": wanted.named is not None and wanted.named.noun == entries.PERSON,
        }

    found = edge().perform(actor, read)
    return render_template(
        "audit/list.jinja",
        kinds=[(code, said(text)) for code, text in KINDS.items()],
        readers=readers_words(),
        who_sees=opens_to(current_app, "/access", actor.role),
        **found,
    )


@pages.post("/audit/check")
@access(READERS)
def check() -> ResponseReturnValue:
    """Ask for the whole log to be checked now: the worker does it, and the page says what came of
    it."""
    actor = current_actor()

    def ask(tx: Tx, at: datetime) -> bool:
        _open_to(tx, actor, at)
        asked = tree.ask_check(tx, at, ASK_AGAIN)
        if asked:
            log(tx, actor, at, "check_asked", "audit", None)
        return asked

    if edge().perform(actor, ask):
        flash(_("The log is being checked. A long one takes some minutes."), "success")
    else:
        flash(_("A check was asked for a moment ago. Look again in some minutes."), "important")
    return redirect("/audit", 303)


# -- one entry in words -------------------------------------------------------------------------


def noun_words(noun: str) -> str:
    """What an entry is about, without saying which."""
    return word(labels.NOUNS, noun) if noun in labels.NOUNS else word(NOUNS, noun)


def what_words(row: EntryRow, leaf: Mapping[str, Any]) -> str:
    """What was done."""
    trigger = leaf.get("trigger")
    if row.action == "step" and (row.noun, trigger) in labels.MOVES:
        return labels.told(row.noun, str(trigger))
    if row.action == "refused" and trigger:
        known = (row.noun, str(trigger)) in labels.MOVES
        tried = labels.button(row.noun, str(trigger)) if known else word(ACTIONS, str(trigger))
        return _("Was refused: %(what)s", what=tried)
    return word(ACTIONS, row.action)


def who_words(row: EntryRow, leaf: Mapping[str, Any]) -> str:
    """Who acted. Of whoever raised a concern, their role alone."""
    role = str(leaf.get("role"))
    if row.restricted and leaf.get("trigger") == "raise":
        return role_name(role)
    if row.name:
        return row.name
    if role == "system":
        return _("The system")
    return role_name(role)


def _lines(tx: Tx, rows: list[EntryRow]) -> list[dict[str, Any]]:
    references, holders = entries.references(tx, rows), entries.holders(tx, rows)
    return [_line(row, references, holders) for row in rows]


def _about(row: EntryRow, holders: Mapping[str, str]) -> str:
    """What an entry is about; of an account or a role also whose it is."""
    whose = None if row.restricted else holders.get(row.record_id or "")
    if not whose:
        return noun_words(row.noun)
    return _("%(what)s: %(whose)s", what=noun_words(row.noun), whose=whose)


def _line(
    row: EntryRow, references: Mapping[str, str], holders: Mapping[str, str]
) -> dict[str, Any]:
    leaf = row.said
    hidden = row.restricted
    about = None if hidden else references.get(row.record_id or "")
    person = None if hidden else references.get(row.subject or "")
    reference = about or person
    return {
        "href": f"/audit/{row.seq}",
        "what": what_words(row, leaf),
        "noun": _about(row, holders),
        "reference": reference,
        "about": _to({"reference": reference}) if reference else None,
        "who": who_words(row, leaf),
        "role": role_name(str(leaf.get("role"))),
        "organisation": "" if hidden and leaf.get("trigger") == "raise" else row.organisation or "",
        "when": time_words(row.at),
        "iso": iso(row.at),
        "number": numbered(row.place) if row.place is not None else None,
        "outcome": word(OUTCOMES, leaf.get("outcome"))
        if leaf.get("outcome") in ("refused", "failed")
        else "",
    }


@pages.get("/audit/<int:seq>")
@access(READERS)
def entry(seq: int) -> ResponseReturnValue:
    """One entry: who, what, why, before and after, and how to prove it."""
    actor = current_actor()

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        row = _of_one(tx, actor, at, seq)
        log(tx, actor, at, READ, "audit", row.id)
        references, holders = entries.references(tx, [row]), entries.holders(tx, [row])
        leaf = row.said
        people = entries.members(tx, [i for i in (leaf.get("behalf"), leaf.get("second")) if i])
        return {
            "line": _line(row, references, holders),
            "facts": _facts(row, leaf, references, people, holders),
            "hash": row.leaf_hash.hex(),
            "leaf": row.leaf,
            "seq": row.seq,
            "proved": _covered(tx, row),
            "member": None if row.restricted and leaf.get("trigger") == "raise" else row.member,
        }

    return render_template("audit/entry.jinja", **edge().perform(actor, read))


def _covered(tx: Tx, row: EntryRow) -> bool:
    head = tree.last_checkpoint(tx)
    return row.place is not None and head is not None and row.place < head.size


def _state(noun: str, state: Any) -> str:
    if state is None:
        return _("nothing")
    return (
        labels.state_tag(noun, str(state))["text"]
        if (noun, str(state)) in labels.STATES
        else str(state).replace("_", " ")
    )


def _facts(
    row: EntryRow,
    leaf: Mapping[str, Any],
    references: Mapping[str, str],
    people: Mapping[str, tuple[str, str]],
    holders: Mapping[str, str],
) -> list[dict[str, str]]:
    """What the leaf says, in words, of what may be said."""
    hidden = row.restricted
    state = leaf.get("state") or {}
    change = (
        _(
            "From %(before)s to %(after)s",
            before=_state(row.noun, state.get("from")),
            after=_state(row.noun, state.get("to")),
        )
        if state.get("to")
        else ""
    )
    line = _line(row, references, holders)
    codes = refused_for(row.noun, str(leaf.get("trigger")), leaf.get("codes") or ())
    pairs: list[tuple[str, Any]] = [
        (_("Who"), line["who"]),
        (_("Role"), line["role"]),
        (_("Organisation"), line["organisation"]),
        (_("On behalf of"), people.get(leaf.get("behalf") or "", ("", ""))[0]),
        (_("Confirmed by"), people.get(leaf.get("second") or "", ("", ""))[0]),
        (_("Because of"), _cause(leaf)),
        (_("What"), line["what"]),
        (_("About"), line["noun"]),
        (_("Reference"), line["reference"]),
        (_("Person"), None if hidden else references.get(row.subject or "")),
        (_("Before and after"), change),
        (_("Reason"), None if hidden else word(labels.REASONS, leaf.get("reason"))),
        (_("Refused for"), None if hidden else codes),
        (_("Purpose"), word(PURPOSES, leaf.get("purpose"))),
        (_("Outcome"), word(OUTCOMES, leaf.get("outcome"))),
        (_("Came by"), word(DOORS, leaf.get("door"))),
        (_("When"), line["when"]),
        (_("Request"), leaf.get("request")),
        (_("Rules in force"), leaf.get("table")),
        (_("Entry number"), line["number"] or _("It gets one within a few minutes")),
    ]
    return [{"key": key, "value": str(value)} for key, value in pairs if value]


def refused_for(noun: str, trigger: str, codes: Iterable[str]) -> str:
    """Why a move was refused, in the sentences its page gave."""
    table = TABLES.get(Noun(noun)) if noun in set(Noun) else None
    known = {one.code: one.why for one in GENERAL}
    for move in table.moves if table else ():
        if move.trigger == trigger:
            refusals = [g.refusal for g in move.guards] + [n.refusal for n in move.needs]
            known |= {one.code: one.why for one in refusals}
    return " ".join(
        said(known[code]) if code in known else f"{code.replace('_', ' ').capitalize()}."
        for code in codes
    )


def _cause(leaf: Mapping[str, Any]) -> str:
    cause = str(leaf.get("cause") or "")
    if cause.startswith("clock:"):
        return _("A deadline: %(which)s", which=cause.removeprefix("clock:").replace("_", " "))
    return cause.replace("_", " ").replace(".", ", ")


@pages.get("/audit/<int:seq>/proof")
@access(READERS)
def proof(seq: int) -> ResponseReturnValue:
    """The proof that an entry stands in the log, to be checked with the public key alone."""
    actor = current_actor()

    def read(tx: Tx, at: datetime) -> tuple[int, str] | None:
        row = _of_one(tx, actor, at, seq)
        head = tree.last_checkpoint(tx)
        if head is None or row.place is None or row.place >= head.size:
            return None
        path = merkle.inclusion(row.place, head.size, tree.reader(tx))
        log(tx, actor, at, READ, "audit", row.id, {"what": "proof"})
        return row.place, ProofFile(row.place, path, tree.cosigned(tx, head)).text

    found = edge().perform(actor, read)
    if found is None:
        return redirect(f"/audit/{seq}", 303)  # where it says why there is none yet
    place, text = found
    return _file(text, f"{place}{SUFFIX}")


@pages.get("/audit/<int:seq>/leaf")
@access(READERS)
def leaf(seq: int) -> ResponseReturnValue:
    """The entry itself, byte for byte as it was hashed."""
    actor = current_actor()

    def read(tx: Tx, at: datetime) -> EntryRow:
        row = _of_one(tx, actor, at, seq)
        log(tx, actor, at, READ, "audit", row.id, {"what": "leaf"})
        return row

    row = edge().perform(actor, read)
    return _file(row.leaf, f"{row.place if row.place is not None else row.id}.json")


class _Closed(Exception):
    """The log is closed to who asks."""


@pages.errorhandler(_Closed)
def closed(error: _Closed) -> ResponseReturnValue:
    """The same words at every door of the log, whatever the cause."""
    actor = current_actor()
    why: dict[str, Any] = {"codes": [CLOSED.code], "state": {"from": None, "to": None}}
    edge().perform(
        actor, lambda tx, at: log(tx, actor, at, "refused", "audit", None, trigger=READ, **why)
    )
    return render_template("audit/closed.jinja", heading=_("Audit"))


def _open_to(tx: Tx, actor: Actor, at: datetime) -> None:
    if entries.conflicted(tx, actor, at):
        raise _Closed


def _of_one(tx: Tx, actor: Actor, at: datetime, seq: int) -> EntryRow:
    _open_to(tx, actor, at)
    row = entries.one(tx, actor, seq)
    if row is None:
        abort(404)
    return row


def _file(text: str, name: str) -> ResponseReturnValue:
    response = make_response(text.encode())
    response.headers["Content-Type"] = "application/octet-stream"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# -- for other people's software ----------------------------------------------------------------

EXPORTS = {
    "fhir": ("audit-events.ndjson", "application/fhir+ndjson"),
    "provenance": ("provenance.ndjson", "application/fhir+ndjson"),
    "lines": ("audit.jsonl", "application/x-ndjson"),
}


@pages.get("/audit/export")
@access(READERS)
def export() -> ResponseReturnValue:
    """What is narrowed to, as a file: the export is itself in the log before it begins."""
    actor = current_actor()
    form = request.args.get("format", "fhir")
    if form not in EXPORTS:
        abort(404)

    def asked(tx: Tx, at: datetime) -> tuple[Filters, dict[str, str]] | None:
        _open_to(tx, actor, at)
        wanted = Wanted(tx, actor)
        if wanted.wrong:
            return None
        log(tx, actor, at, EXPORTED, "audit", None, {"format": form, "asked": wanted.asked})
        return wanted.filters, wanted.asked

    found = edge().perform(actor, asked)
    if found is None:
        abort(404)
    store, filters, site = edge().store, found[0], settings().origin
    name, kind = EXPORTS[form]

    def stream() -> Iterator[str]:
        """A page of entries at a time, each in a transaction of its own."""
        seq = 0
        while True:
            with store.read(actor) as tx:
                rows = entries.onward(tx, actor, filters, seq)
            if not rows:
                return
            seq = rows[-1].seq
            yield from written(rows, form, site)

    response = Response(stream(), content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
