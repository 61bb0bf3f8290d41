"""The bundle for a coroner or an inquiry: one person's whole history, to read and as data, with
proofs that need nothing of Segue to be checked, and with third parties left out."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from flask import render_template

from referral import inquiries, merkle, tree
from referral.actors import Actor
from referral.audit import READING
from referral.blackouts import passages
from referral.inquiries import NOUNS, Asked, Entry, Rule
from referral.proof_files import SUFFIX, ProofFile
from referral.states import Noun
from referral.store import Tx
from web import labels
from web.audit_pages import ACTIONS
from web.labels import role_name, word
from web.say import ENGLISH, _, speaking
from web.words import day_words, time_words
from workflows.blackouts import Pen
from workflows.inquiries import with_concerns
from workflows.moves import N_

GROUNDS: dict[str, str] = {
    "coroner": N_("A coroner's inquest"),
    "public_inquiry": N_("A public inquiry"),
    "court_order": N_("An order of a court"),
    "safeguarding_review": N_("A safeguarding review"),
}
SOMEBODY, ANOTHER = "[a member of staff]", "[another person]"


class Redactor:
    """Takes the names of third parties out of free text: those that Segue knows."""

    def __init__(self, tx: Tx, system_id: str, person: inquiries.Person, text: str, named: bool):
        known: dict[str, str] = {}
        if not named:
            for name, _role, _where in inquiries.staff(tx, system_id).values():
                known[name] = SOMEBODY
        own = f"{person.given_name} {person.family_name}".casefold()
        lower = text.casefold()
        for name in inquiries.others(tx, system_id, person.id):
            if name.casefold() in lower and name.casefold() != own:
                known[name] = ANOTHER
        contact = re.split(r"[,;0-9(]", person.emergency_contact or "")[0].strip()
        for name in (contact, *inquiries.close_to(tx, inquiries.same(tx, person.id))):
            if len(name) > 2:
                known[name] = ANOTHER
        # A first name alone tells who it is as well, where the text speaks of that person.
        for name, stands in list(known.items()):
            for part in name.split():
                mine = part.casefold() in own.split()
                if len(part) > 2 and part[0].isupper() and not mine:
                    known.setdefault(part, stands)
        self._words = known
        names = sorted(known, key=len, reverse=True)
        self._pattern = (
            re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, names)) + r")(?!\w)")
            if names
            else None
        )

    def __call__(self, text: str | None) -> str:
        if not text or self._pattern is None:
            return text or ""
        return self._pattern.sub(lambda found: self._words[found[0]], text)


def _json(value: Any) -> bytes:
    def plain(one: Any) -> Any:
        if isinstance(one, datetime):
            return one.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return one.isoformat() if isinstance(one, date) else str(one)

    return (json.dumps(value, ensure_ascii=False, indent=1, default=plain) + "\n").encode()


def in_force(rules: Iterable[Rule], since: datetime) -> list[dict[str, Any]]:
    """The texts that held on any day since then, each from when and until when."""
    by_noun: dict[str, list[Rule]] = {}
    for rule in rules:
        by_noun.setdefault(rule.noun, []).append(rule)
    found = []
    for noun, texts in by_noun.items():
        for number, rule in enumerate(texts):
            until = texts[number + 1].from_at if number + 1 < len(texts) else None
            if until is None or until > since:
                file = f"rules/{noun}-{rule.version}.txt"
                found.append(
                    {
                        "noun": noun,
                        "version": rule.version,
                        "from": rule.from_at,
                        "until": until,
                        "file": file,
                        "body": rule.body,
                    }
                )
    return found


class Words(NamedTuple):
    """Whose history it is, the moves of their records, what was written about the referrals, and
    what takes out of words what isn't given: the names of others, and blacked-out passages."""

    person: inquiries.Person
    same: Mapping[str, str]
    ids: list[str]
    steps: list[inquiries.Step]
    written: list[inquiries.Written]
    attached: list[inquiries.Attached]
    concerns: bool
    clean: Callable[[str | None], str]


def _words(tx: Tx, asked: Asked, first: Actor | None, second: Actor | None) -> Words:
    person = inquiries.person(tx, asked.person_id)
    same = inquiries.same(tx, asked.person_id)
    concerns = with_concerns(tx, first, second)
    nouns = [noun for noun in NOUNS if noun != Noun.CONCERN or concerns]
    records = inquiries.records(tx, same, nouns)
    ids = [one for kept in records.values() for one in kept]
    steps = inquiries.steps(tx, ids)
    written = inquiries.written(tx, same)
    attached = inquiries.attached(tx, same)
    text = " ".join(
        (
            *(f"{s.note} {s.beside}" for s in steps),
            *(one.words or "" for one in written),
            *(f"{one.name} {one.words}" for one in attached),
        )
    )
    named = bool(asked.given.get("named"))
    redact = Redactor(tx, _system(first, second), person, text, named)
    pen = Pen(passages(tx, asked.id))
    # Before and after: a passage may have been copied from the record or from the bundle.
    return Words(
        person,
        same,
        ids,
        steps,
        written,
        attached,
        concerns,
        lambda note: str(pen(redact(pen(note or "")))),
    )


def given_words(tx: Tx, asked: Asked, first: Actor | None, second: Actor | None) -> list[str]:
    """The words that were written freely, as the bundle gives them and as the record has them."""
    found = _words(tx, asked, first, second)
    notes = [words for step in found.steps for words in (step.note, step.beside) if words]
    notes += [one.words for one in found.written if one.words]
    notes += [words for one in found.attached for words in (one.name, one.words) if words]
    return [*(found.clean(note) for note in notes), *notes]


@speaking(ENGLISH)  # an inquiry here reads English, whoever takes the bundle
def bundle(
    tx: Tx, asked: Asked, first: Actor | None, second: Actor | None, at: datetime
) -> dict[str, bytes]:
    """The files of the bundle by name. Read it from one snapshot."""
    named = bool(asked.given.get("named"))
    person, same, ids, steps, written, attached, concerns, clean = _words(tx, asked, first, second)
    references = inquiries.references(tx, ids)
    members = inquiries.staff(tx, _system(first, second))

    def who(member: str | None, role: str, *, hidden: bool = False) -> str:
        known = members.get(member or "")
        if known is None:
            return role_name(role)
        if named and not hidden:
            return f"{known[0]}, {role_name(known[1])}, {known[2]}"
        return role_name(known[1]) if hidden else f"{role_name(known[1])}, {known[2]}"

    timeline = [
        {
            "at": step.at,
            "noun": step.noun,
            "reference": references.get(step.record_id, ""),
            "record": step.record_id,
            "version": step.version,
            "move": step.trigger,
            "what": labels.told(step.noun, step.trigger)
            if (step.noun, step.trigger) in labels.MOVES
            else step.trigger,
            "from": step.from_state,
            "to": step.to_state,
            "by": who(
                step.member,
                step.role,
                hidden=step.noun == Noun.CONCERN and step.trigger == "raise",
            ),
            "on_behalf_of": who(step.behalf, "") if step.behalf else None,
            "confirmed_by": who(step.second, "") if step.second else None,
            "because_of": step.cause,
            "ground": step.reason,
            "words": clean(step.note),
            "why_unreported": clean(step.beside) or None,
            "rules": f"rules/{step.noun}-{step.table_version}.txt",
        }
        for step in steps
    ]
    messages = [
        {
            "at": one.at,
            "reference": references.get(one.referral_id, ""),
            "by": who(one.member, ""),
            "side": one.side,
            "read_at": one.read_at,
            "words": clean(one.words),
        }
        for one in written
    ]
    files_there = [
        {
            "at": one.at,
            "reference": references.get(one.referral_id, ""),
            "by": who(one.member, ""),
            "side": one.side,
            "shared": one.shared,
            "kind": one.kind,
            "name": clean(one.name),
            "words": clean(one.words),
            "taken_back_at": one.taken_back_at,
            "taken_back_why": one.taken_back_why,
        }
        for one in attached
    ]
    answers = [{**one._asdict(), "words": one.words or ""} for one in inquiries.answers(tx, same)]
    entries = [
        one for one in inquiries.entries(tx, same.values()) if concerns or one.noun != Noun.CONCERN
    ]
    lists = list(inquiries.in_lists(tx, _system(first, second), person.created_at, (*same, *ids)))
    seen = sorted((one for one in (*entries, *lists) if _is_reading(one)), key=lambda one: one.seq)
    saw = [
        {
            "at": one.at,
            "who": who(one.member, str(json.loads(one.leaf)["role"])),
            "what": word(ACTIONS, one.action),
            "of": word(labels.NOUNS, one.noun),
            "reference": references.get(one.record_id or "", ""),
            "among_others": one in lists,
            "entry": one.place,
        }
        for one in seen
    ]
    files: dict[str, bytes] = {}
    head = tree.last_checkpoint(tx)
    proved = _proofs(tx, entries, head, files)
    rules = in_force(inquiries.rules(tx, at), person.created_at)
    for rule in rules:
        files[rule["file"]] = str(rule.pop("body")).encode()
    files["rules/index.json"] = _json(rules)
    files["rules/policy.json"] = _json(
        [
            {"kind": row[0], "name": row[1], "value": row[2], "from": row[3], "place": row[4]}
            for row in inquiries.set_here(tx, _system(first, second), person.place_path, at)
        ]
    )
    about = {
        "person": {
            "reference": person.reference,
            "name": f"{person.given_name} {person.family_name}",
            "born": person.birth_date,
        },
        "ground": asked.given.get("ground"),
        "asked_by": who(asked.asked_by, ""),
        "asked_at": asked.asked_at,
        "approved_by": who(asked.answered_by, ""),
        "approved_at": asked.answered_at,
        "made_at": at,
        "staff_named": named,
        "blacked_out": len(passages(tx, asked.id)),
        "concerns": "included" if concerns else "not included: the accountable officer may ask",
        "counts": {
            "moves": len(timeline),
            "messages": len(messages),
            "documents": len(files_there),
            "consents": len(answers),
            "readings": len(saw),
            "entries": len(entries),
            "proved": proved,
        },
    }
    files["history.json"] = _json(
        {
            "about": about,
            "timeline": timeline,
            "messages": messages,
            "documents": files_there,
            "consents": answers,
            "seen_by": saw,
        }
    )
    files["index.html"] = _page(
        about, timeline, messages, files_there, answers, saw, rules
    ).encode()
    sums = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    files["manifest.json"] = _json({**about, "sha256": sums})
    files["SHA256SUMS"] = "".join(f"{each}  {name}\n" for name, each in sums.items()).encode()
    return files


def _system(first: Actor | None, second: Actor | None) -> str:
    one = second or first
    if one is None:
        raise LookupError("neither of the two is there any more")
    return one.system_id


def _is_reading(one: Entry) -> bool:
    return one.action in READING or one.action == "searched"


def _proofs(
    tx: Tx, entries: Iterable[Entry], head: tree.Checkpoint | None, files: dict[str, bytes]
) -> int:
    """Each entry as it was hashed, with its proof where a signed head covers it; how many have."""
    note = tree.cosigned(tx, head) if head is not None else ""
    read, proved = tree.reader(tx), 0
    tiles: dict[tuple[int, int, int], bytes] = {}

    def kept(level: int, number: int, width: int) -> bytes:
        key = (level, number, width)
        if key not in tiles:
            tiles[key] = read(level, number, width)
        return tiles[key]

    for one in entries:
        name = f"entries/{one.place}" if one.place is not None else f"entries/waiting-{one.id}"
        files[f"{name}.json"] = one.leaf.encode()
        if head is not None and one.place is not None and one.place < head.size:
            path = merkle.inclusion(one.place, head.size, kept)
            files[f"{name}{SUFFIX}"] = ProofFile(one.place, path, note).text.encode()
            proved += 1
    if head is not None:
        files["checkpoint"] = note.encode()
    return proved


def _page(
    about: Mapping[str, Any],
    timeline: Iterable[Mapping[str, Any]],
    messages: Iterable[Mapping[str, Any]],
    documents: Iterable[Mapping[str, Any]],
    answers: Iterable[Mapping[str, Any]],
    saw: Iterable[Mapping[str, Any]],
    rules: Iterable[Mapping[str, Any]],
) -> str:
    return render_template(
        "inquiry/bundle.jinja",
        about=about,
        ground=word(GROUNDS, str(about["ground"])),
        timeline=timeline,
        messages=messages,
        documents=documents,
        answers=answers,
        saw=saw,
        rules=rules,
        time_words=time_words,
        day_words=day_words,
        purpose=lambda code: word(labels.PURPOSES, code),
        state=lambda noun, code: labels.state_tag(noun, code)["text"] if code else _("nothing"),
        reason=lambda code: word(labels.REASONS, code),
        kind=lambda code: word(labels.DOCUMENT_KINDS, code),
        why=lambda code: word(labels.DOCUMENT_WHY, code),
    )


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The files in one archive, the page to begin with first."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files, key=lambda n: (n != "index.html", n)):
            archive.writestr(name, files[name])
    return out.getvalue()
