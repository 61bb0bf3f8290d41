"""How every page that posts is written: one schema, one command, and nothing typed is lost.

The schema (`web.schemas`) says what may be typed and what to say when it is missing; the API reads
the same one.
`answer` parses, performs the command, and then either redirects with a banner that says what
happened and what happens next, or draws the page again with the errors and everything as typed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from flask import flash, redirect, request
from flask import render_template as render
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from werkzeug.datastructures import MultiDict

from referral.actors import Actor
from referral.ids import new_id
from referral.states import Noun
from referral.store import Tx
from web.access import current_actor
from web.errors import NOT_SAVED, not_saved, status_of
from web.labels import said
from web.say import _
from web.schemas import Wrong, load
from web.schemas.fields import Day, Moment
from web.words import day_words
from workflows.engine import STALE, Refused
from workflows.moves import Refusal
from workflows.rules import once, wrong

T = TypeVar("T")


# -- the form -----------------------------------------------------------------------------------


@dataclass
class Form:
    """What a page draws: the fields as they were typed (or as they are known), the errors, and the
    version and the key that make the press of a button count once."""

    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    general: list[str] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    version: int | None = None
    key: str = field(default_factory=new_id)
    # Fields whose error belongs elsewhere on the page: {"capacity_id": "basis"}.
    anchors: dict[str, str] = field(default_factory=dict)
    # What stood in each field when the page was made, as a mark of it: see `AsKept`.
    was: dict[str, str] = field(default_factory=dict)

    def value(self, name: str) -> Any:
        """What stands in a field: text, a list of codes, or a part of a date (`born-day`)."""
        if name in self.values:
            found = self.values[name]
            return "" if found is None else found
        base, _dash, part = name.rpartition("-")
        known = self.values.get(base)
        if isinstance(known, date) and part in ("day", "month", "year"):
            return str(getattr(known, part))
        return ""

    def is_chosen(self, name: str, code: str) -> bool:
        """Whether a radio or a checkbox is on."""
        found = self.value(name)
        if isinstance(found, bool):
            return code == ("yes" if found else "no")
        return code in found if isinstance(found, (list, tuple)) else str(found) == code

    def error(self, name: str) -> dict[str, str] | None:
        """The error of a field, as the components take it, and the word it is announced with."""
        if name not in self.errors:
            return None
        return {"text": self.errors[name], "visuallyHiddenText": _("Error")}

    @property
    def seen(self) -> str:
        """`was`, as the page carries it."""
        return json.dumps(self.was, separators=(",", ":"), sort_keys=True)

    @property
    def summary(self) -> list[dict[str, str]]:
        """The errors for the head of the page."""
        top = [{"text": words} for words in self.general]
        mine = [
            {"text": words, "href": f"#{self.anchors.get(name, name)}"}
            for name, words in self.errors.items()
        ]
        return top + mine


def typed(schema: Schema | None, form: MultiDict[str, str]) -> dict[str, Any]:
    """What was posted, as the schema reads it: dates from their boxes, lists as lists."""
    out: dict[str, Any] = {}
    for attribute, declared in (schema.fields if schema else {}).items():
        name = declared.data_key or attribute
        if isinstance(declared, (Day, Moment)):
            parts = {part: form.get(f"{name}-{part}", "") for part in ("day", "month", "year")}
            out[name] = parts if any(parts.values()) else form.get(name, "")
        elif isinstance(declared, fields.List):
            out[name] = form.getlist(name)
        elif name in form:
            out[name] = form[name]
    return out


def as_typed(schema: Schema | None, form: MultiDict[str, str]) -> dict[str, Any]:
    """Everything typed, to be drawn again exactly as it was."""
    lists = {
        declared.data_key or name
        for name, declared in (schema.fields if schema else {}).items()
        if isinstance(declared, fields.List)
    }
    return {
        name: form.getlist(name) if name in lists else form[name]
        for name in form
        if name not in OWN_FIELDS
    }


OWN_FIELDS = frozenset({"csrf_token", "version", "key", "again", "was"})


def form_now(schema: Schema | None = None, values: Mapping[str, Any] | None = None) -> Form:
    """The form of this request: as typed if it was posted, else with what is known."""
    if request.method != "POST":
        return Form(values=dict(values or {}))
    return Form(
        values=as_typed(schema, request.form),
        version=request.form.get("version", type=int),
        key=request.form.get("key") or new_id(),
        was=_was(request.form.get("was", "")),
    )


def _was(text: str) -> dict[str, str]:
    """The marks a page carried; none where it carried none, or what it carried can't be read."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {str(n): str(m) for n, m in found.items()} if isinstance(found, dict) else {}


@dataclass(frozen=True)
class AsKept:
    """For a form that changes what is kept: nobody writes over what they have not seen.

    `read` is asked again when the form is sent, in its transaction: what it says for each field is
    compared with what the page had shown. `told` is who changed it, as a timeline tells it;
    `words` what a field says now, for people: nothing where it can't be said in a line."""

    noun: str
    read: Callable[[Tx, datetime], Mapping[str, Any]]
    told: Callable[[Tx, datetime], list[dict[str, Any]]] = lambda tx, at: []
    words: Callable[[str, Any], str] = lambda name, value: as_quoted(value)

    def changed(self, tx: Tx, at: datetime, form: Form) -> Mapping[str, Any] | None:
        """What is kept now, if it is not what the page had shown."""
        if not form.was:
            return None
        now = self.read(tx, at)
        same = all(form.was.get(name, mark) == mark for name, mark in _marks(now).items())
        return None if same else now


def as_quoted(value: Any) -> str:
    """What a field says, where it is words or a day."""
    if isinstance(value, date):
        return day_words(value)
    return value if isinstance(value, str) else ""


def _mark(value: Any) -> str:
    """What a field says, in a few characters: the same for what is kept and for the same typed."""
    if isinstance(value, bool):
        value = "yes" if value else ""
    if isinstance(value, date):
        value = (str(value.day), str(value.month), str(value.year))
    if isinstance(value, (list, tuple)):
        value = "\n".join(sorted(map(str, value)))
    said_so = "" if value in (None, "no") else str(value)
    text = said_so.replace("\r\n", "\n").strip()
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12] if text else ""


def _marks(known: Mapping[str, Any]) -> dict[str, str]:
    return {name: _mark(value) for name, value in known.items()}


MOST_QUOTED = 200


def _meanwhile(form: Form, now: Mapping[str, Any], words: Callable[[str, Any], str]) -> None:
    """What somebody else changed, beside its field. What was typed stays; where nothing was typed,
    the field says what it says now."""
    changed = [n for n, mark in _marks(now).items() if form.was.get(n, mark) != mark]
    for name in (n for n in changed if not n.startswith("_")):  # such are no field
        parts = [form.value(f"{name}-{part}") for part in ("day", "month", "year")]
        mine = _mark(parts if any(parts) else form.value(name))
        if mine == form.was[name]:
            for part in ("day", "month", "year"):
                form.values.pop(f"{name}-{part}", None)
            form.values[name] = now[name]
            form.errors[name] = _("Somebody changed this meanwhile. It says now what stands here.")
            continue
        told = words(name, now[name])
        form.errors[name] = (
            _("Somebody changed this meanwhile. It says now: %(words)s", words=told)
            if told and len(told) <= MOST_QUOTED
            else _("Somebody changed this meanwhile. What you typed is not saved yet.")
        )
    form.was = _marks(now)


def refuse(form: Form, refusals: Iterable[Refusal]) -> None:
    """Put refusals beside their fields, or at the head of the page with what would change them."""
    for refusal in refusals:
        why, remedy = said(refusal.why), said(refusal.remedy)
        if refusal.field:
            form.errors.setdefault(refusal.field, f"{why} {remedy}".strip())
        else:
            form.general.append(f"{why} {remedy}".strip())


@dataclass(frozen=True)
class Next:
    """Where to go after a command, and the banner: what happened and what happens next. Never a
    person's name in it: references, providers and dates only."""

    path: str
    banner: str = ""


Draw = Callable[[Form], str]
Command = Callable[[Tx, datetime, dict[str, Any], Form], T]


def answer(
    draw: Draw,
    command: Command[T],
    done: Callable[[T], Next],
    *,
    schema: Schema | None = None,
    known: Mapping[str, Any] | None = None,
    version: int | None = None,
    about: tuple[Noun, str] | None = None,
    actor: Actor | None = None,
    kept: AsKept | None = None,
) -> ResponseReturnValue:
    """A page that shows a form and takes its answer.

    `draw(form)` makes the page. `command(tx, at, given, form)` runs in one transaction of the
    edge; pass `form.version` and `form.key` on to `step`. `known` fills the fields at first,
    `version` is the record's at that time, `about` is the record whose later steps are shown when
    somebody else was quicker, `actor` who acts where nobody is signed in, `kept` what the form
    changes where no version says whether it is still as it was shown. Raises nothing that a person
    could have caused: what is refused is drawn again with everything typed, but a record that
    isn't there is not found."""
    from web.current import edge

    form = form_now(schema, known)
    if request.method != "POST":
        form.version = version
        if kept is not None:
            form.was = _marks(known or {})
        return draw(form)
    if request.form.get("again"):
        return draw(form)
    given: dict[str, Any] = {}
    if schema is not None:
        try:
            given = load(schema, typed(schema, request.form), edge().clock(), form=True)
        except Wrong as unread:
            refuse(form, unread.refusals)
            return draw(form), 422
    actor = actor or current_actor()
    now: Mapping[str, Any] = {}

    def act(tx: Tx, at: datetime) -> T:
        nonlocal now
        found = kept.changed(tx, at, form) if kept is not None else None
        if kept is not None and found is not None:
            now = found
            raise wrong(kept.noun, "change", STALE)
        return command(tx, at, given, form)

    try:
        result = edge().perform(actor, act)
    except NOT_SAVED as error:
        form.general.append(not_saved(error))
        return draw(form), 503
    except Refused as refused:
        status = status_of(refused)
        if status == 404:
            raise
        if "idempotency_key_reused" in refused.codes:
            # Sent once, its answer lost, and sent again with other words.
            form.key = new_id()
            form.general.append(
                _("This form was saved before. Look at the record, then send it only if it is still"
                  " needed.")
            )  # fmt: skip
            return draw(form), status
        refuse(form, refused.refusals)
        if "stale" in refused.codes and about is not None:
            _show_what_changed(form, *about)
        if "stale" in refused.codes and kept is not None:
            _meanwhile(form, now, kept.words)
            with edge().reading(actor) as (tx, at):
                form.changed = kept.told(tx, at)
        return draw(form), status
    went = done(result)
    if went.banner:
        flash(went.banner, "success")
    return redirect(went.path, 303)


def keyed(
    tx: Tx, actor: Actor, at: datetime, form: Form, what: str, given: Any, do: Callable[[], str]
) -> str:
    """A command that has no key of its own, done once for this form however often it is sent.
    Returns the id that it answers with."""
    return str(once(tx, actor, form.key, what, given, at, lambda: {"id": do()})["id"])


def _show_what_changed(form: Form, noun: Noun, record: str) -> None:
    """The steps made since the version the sender saw; the next press counts from the newest."""
    from web.current import edge
    from web.timelines import entries
    from workflows.reading import timeline

    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        told = timeline(tx, actor, at, noun, record, form.version or 0)
    if told.steps:
        form.version = told.steps[0].version
        form.changed = entries(noun, told.steps, at, told.notes)


def page(template: str, form: Form | None = None, **context: Any) -> str:
    """A template with the form's errors at its head."""
    return render(template, form=form, errors=form.summary if form else [], **context)
