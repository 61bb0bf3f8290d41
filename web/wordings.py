"""The words read out when somebody is asked: what is in use, what was, and publishing new ones with
the difference side by side."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from referral import records, wordings
from referral.records import WordingSeen
from referral.states import Purpose, Role
from referral.store import Tx
from referral.wordings import Version
from web import labels, pdf
from web.access import REVIEWERS, TEAM, access, current_actor
from web.current import edge
from web.forms import AsKept, Form, Next, answer, page
from web.labels import word
from web.say import ENGLISH, LANGUAGES, _, every_language, name_of_language, speaking
from web.schemas.wordings import PublishWording
from web.timelines import changed
from web.words import day_words, phone_words
from workflows.organisations import EASY_ENGLISH
from workflows.wordings import LANGUAGE, publish_wording
from workflows.working_time import local_day

pages = Blueprint("wording_pages", __name__)
READERS = REVIEWERS | {Role.ADMINISTRATOR, Role.AUDITOR}
PIECE = re.compile(r"\s+|[^\s]+")
SENTENCE = re.compile(r"(?<=[.?!])\s+")

Piece = tuple[str, str]  # (same | gone | new, text)


def side_by_side(old: str, new: str) -> tuple[list[Piece], list[Piece]]:
    """The two texts word by word: on the left what goes, on the right what is new."""
    before, after = PIECE.findall(old), PIECE.findall(new)
    left: list[Piece] = []
    right: list[Piece] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        kind = "same" if tag == "equal" else "gone"
        if i < j:
            left.append((kind, "".join(before[i:j])))
        if k < m:
            right.append(("same" if tag == "equal" else "new", "".join(after[k:m])))
    return left, right


def in_use(found: Sequence[Version], at: datetime) -> Version | None:
    """The version read out now: the newest whose day has come."""
    return next((v for v in found if v.from_at <= at), None)


def language_words(code: str) -> str:
    """What people call the language of a wording, "pl" or "en-simple"."""
    if code in labels.READ_OUT_IN:
        return word(labels.READ_OUT_IN, code)
    base, _dash, easy = code.partition("-")
    name = name_of_language(base)
    return _("%(language)s, easy read", language=name) if easy else name


def in_others(
    shown: WordingSeen | None, known: Mapping[str, Sequence[str]]
) -> list[dict[str, str]]:
    """The other languages in which these words can be read out, of those `known` by purpose: links
    to this page that keep the rest of its address."""
    if shown is None:
        return []
    kept = {name: value for name, value in request.args.items() if name != "language"}
    return [
        {
            "text": language_words(code),
            "href": f"{request.path}?{urlencode({**kept, 'language': code})}",
        }
        for code in known.get(shown.purpose, ())
        if code != shown.language
    ]


def _drawn(v: Version, at: datetime, now: Version | None) -> dict[str, Any]:
    return {
        "number": v.number,
        "body": v.body,
        "from": day_words(local_day(v.from_at)),
        "by": v.published_by,
        "heard": v.heard,
        "state": "now" if v is now else "to_come" if v.from_at > at else "before",
    }


@pages.get("/wording")
@access(READERS)
def listed() -> ResponseReturnValue:
    """What is read out now, for each purpose in each language, and what comes next."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = wordings.everything(tx, actor.system_id)
    wanted = request.args.get("language", "")
    if not LANGUAGE.fullmatch(wanted):
        wanted = ""
    kinds: dict[tuple[str, str], list[Version]] = {}
    for v in found:
        kinds.setdefault((v.purpose, v.language), []).append(v)
    rows = []
    for (purpose, language), versions in kinds.items():
        now = in_use(versions, at)
        rows.append(
            {
                "title": word(labels.PURPOSES, purpose),
                "language": language_words(language),
                "lang": language,
                "href": f"/wording/{purpose}/{language}",
                "now": _drawn(now, at, now) if now else None,
                "next": next((_drawn(v, at, now) for v in versions if v.from_at > at), None),
            }
        )
    missing = [
        {
            "href": f"/wording/{purpose}/{language}",
            "text": _("%(purpose)s in %(language)s", purpose=word(labels.PURPOSES, purpose),
                      language=language_words(language)),
        }
        for purpose in Purpose
        for language in ((wanted,) if wanted else OFTEN)
        if (str(purpose), language) not in kinds
    ]  # fmt: skip
    writes = actor.role is ADMIN
    return page(
        "wording/list.jinja",
        rows=rows,
        missing=missing if writes else [],
        languages=[{"value": code, "text": name} for code, name in every_language()]
        if writes
        else [],
        wanted=wanted,
    )


ADMIN = Role.ADMINISTRATOR
# What a place is reminded to write.
OFTEN = (*LANGUAGES, EASY_ENGLISH)


@pages.route("/wording/<purpose>/<language>", methods=["GET", "POST"])
@access(READERS)
def one(purpose: str, language: str) -> ResponseReturnValue:
    """The versions for one purpose in one language; an administrator publishes the next."""
    actor = current_actor()
    if purpose not in set(Purpose) or not LANGUAGE.fullmatch(language):
        abort(404)
    with edge().reading(actor) as (tx, at):
        found = wordings.versions(tx, actor.system_id, purpose, language)
    if request.method == "POST" and actor.role is not ADMIN:
        abort(403)
    now = in_use(found, at)
    newest = found[0] if found else None
    path = f"/wording/{purpose}/{language}"

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        last = next(iter(wordings.versions(tx, actor.system_id, purpose, language)), None)
        return {"body": last.body if last else ""}

    def told(tx: Tx, at: datetime) -> list[dict[str, Any]]:
        last = next(iter(wordings.versions(tx, actor.system_id, purpose, language)), None)
        return changed(tx, actor, "wording_published", last.id) if last else []

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return publish_wording(
            tx, actor, at, purpose=purpose, language=language, body=given["body"],
            from_on=given["from_on"],
        )  # fmt: skip

    def draw(form: Form) -> str:
        typed = str(form.value("body")) if actor.role is ADMIN else ""
        shown = newest.body if newest else ""
        compared = side_by_side(shown, typed) if typed and typed.strip() != shown else None
        return page(
            "wording/one.jinja",
            form if actor.role is ADMIN else None,
            title=word(labels.PURPOSES, purpose),
            language=language_words(language),
            lang=language,
            versions=[_drawn(v, at, now) for v in found],
            changes=_changes(found),
            compared=compared,
            newest=newest.number if newest else 0,
            may_publish=actor.role is ADMIN,
            back={"href": "/wording", "text": _("All wording")},
        )

    if actor.role is not ADMIN:
        return draw(Form())
    if request.method == "POST" and request.form.get("do") == "compare":
        form = Form(values={name: request.form[name] for name in request.form})
        return draw(form)
    return answer(
        draw,
        command,
        lambda made: Next(path, _("Published. Answers given before keep the words they heard.")),
        schema=PublishWording(),
        known={"body": newest.body if newest else "", "from_on": local_day(at)},
        kept=AsKept("wording", read, told),
    )


def _changes(found: Sequence[Version]) -> list[dict[str, Any]]:
    """What each version changed of the one before it."""
    told = []
    for new, old in pairwise(found):
        left, right = side_by_side(old.body, new.body)
        told.append({"old": old.number, "new": new.number, "left": left, "right": right})
    return told


@pages.get("/wording/<purpose>/<language>/sheet")
@access(TEAM)
@pdf.offered("words")
def sheet(purpose: str, language: str) -> ResponseReturnValue:
    """The words read out now, for whoever is asked: a sentence on each line, in large print and in
    the language of the words. Nothing about anybody stands on it."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = records.wordings(tx, actor, at, language).get(purpose)
        phone = records.phone_of(tx, actor)
    if found is None or found.language != language:
        abort(404)
    number, who = phone_words(phone), actor.name
    read_out = SENTENCE.split(found.body.strip())
    base = language.partition("-")[0]
    ours = base if base in LANGUAGES else ENGLISH  # what we say ourselves, beside the words
    with speaking(ours):
        said = [
            _("You can say yes or no. You can change your mind at any time."),
            _("Questions? Ring %(who)s: %(phone)s.", who=who, phone=number)
            if number
            else _("Questions? Ask %(who)s.", who=who),
        ]
        heading, since = _("What we ask you"), day_words(local_day(found.from_at))
        version = _("Wording %(number)s, in use since %(day)s", number=found.number, day=since)
    return page(
        "wording/sheet.jinja",
        heading=heading,
        read_out=read_out,
        said=said,
        which=version,
        language=language,
        ours=ours,
    )
