"""Who sees which records is said once (`referral.scopes`), and every query that reads what is kept
about people is either narrowed by it, or about one record that the actor was let at."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from referral import scopes

ROOT = Path(__file__).parents[2]
PERSONAL = (
    *("person", "plan", "referral", "consent", "override", "concern", "concern_source"),
    *(
        "hold",
        "note",
        "attendance",
        "score",
        "message",
        "message_read",
        "document",
        "relationship",
        "equality_answer",
        "beginning",
        "escalation",
        "capacity_assessment",
        "rights_request",
        "emergency",
    ),
)
READS_PERSONAL = re.compile(rf"\b(?:FROM|JOIN)\s+(?:guard\.)?(?:{'|'.join(PERSONAL)})\b")

# What reads for somebody's eyes: the rules below hold for each query in it.
FOR_SOMEBODY = {
    "accounts": "how many referrals are with somebody, for who suspends their account: a number",
    "access": "numbers of people and of uses waiting: who can see what",
    "visible": "lists on pages",
    "lists": "lists for programs",
    "records": "one record's page, and what stands beside it",
    "offered": "a provider's own activities and registers",
    "oversight": "who sets up and watches over a place",
    "reviews": "the page of an escalation",
    "counts": "how many, and the records of each number",
    "captions": "the names of records in a heading",
    "beginnings": "a link worker's own unfinished writing",
    "accountability": "who answers for a record",
    "capacity": "assessments of a person the actor was let at",
    "caseloads": "what a link worker carries, for who passes it on",
    "entries": "the audit log, for those who look into it",
    "errands": "what somebody does by hand because no message could",
    "keeping": "what is due to be destroyed, for who answers for the place",
    "links": "what a person said by their own link, for their own team",
    "messages": "what was written about a referral the actor was let at",
    "documents": "the files on a referral the actor was let at",
    "merges": "two records that may be one person",
    "own_asking": "what a person asked and complained of, for themselves",
    "scopes": "the conditions themselves",
    "equality": "what a person said of themselves, of a person the actor was let at",
    "relationships": "who is close to a person the actor was let at",
    "scores": "what was asked for a referral the actor was let at",
    "themes": "what escalations of a place show",
}
# What reads to decide, to carry out or to prove. Nobody is shown these rows; who may ask is settled
# by the command or the table of moves that asks.
FOR_THE_PROGRAM = {
    "tallies": "which systems are large enough to be counted ahead",
    "facts": "what guards rest on, of one record",
    "scopes": "the conditions themselves",
    "picks": "which records a move reaches",
    "ladder": "who is barred from a concern",
    "rotas": "whom to ring about a concern",
    "effects": "the clocks of holds that end",
    "erasures": "what is a person's, for who erases it",
    "holds": "which holds a command ends",
    "dispatches": "where a message reaches a person, as it leaves",
    "policies": "how many records a change of policy concerns: a number",
    "health": "how many wait: numbers",
    "blackouts": "what is left out of what two people, or a lead, may give: never the record",
    "inquiries": "everything about one person, once two people who may have said yes",
    "scans": "which files wait for a scanner: nobody is shown them",
    "queue": "what a worker has claimed",
    "keys": "whether whom a key is for is still there",
    "rekeying": "what is put under a key: nobody reads it",
    "leftovers": "what is cleared away",
    "proofs": "which record a reference names, for who runs the database",
    "passing": "what goes along when a person is passed on",
    "retention": "how long a record is kept: a class and a day",
    "rights": "what a lead puts right of one person",
    "rows": "the locks a command takes",
    "sign_ins": "who signs in, and how much waits for them: numbers",
    "verify": "the whole store against its log",
    "wordings": "how many answers were given to the words read out: a number",
    "workflows.bases": "commands",
    "workflows.beginnings": "commands",
    "workflows.calls": "commands: whether a message may be left",
    "workflows.capacity": "commands",
    "workflows.concerns": "commands",
    "workflows.emergencies": "commands: whose record is meant",
    "workflows.consent": "commands",
    "workflows.named": "commands: whether what they name is there",
    "workflows.people": "commands",
    "workflows.person_links": "commands",
    "workflows.referrals": "commands",
    "web.demo.leading": "the demo, where everybody is invented",
    "web.demo.rights": "the demo, where everybody is invented",
    "web.demo.story": "the demo, where everybody is invented",
    "web.demo.telling": "the demo, where everybody is invented",
}
# Parts of other queries, which narrow them.
PARTS = {
    ("capacity", "_ASSESSED"),
    ("counts", "_SAID"),
    ("keeping", "_HOLDS"),
    ("keeping", "_REVIEW"),
    ("caseloads", "_CARRIED"),
    ("caseloads", "_TEAM"),
    ("records", "_CONCERN_LINE"),
    ("records", "_CONSENTS"),
    ("visible", "CLOSED"),
    ("visible", "HELD_PERSON"),
    ("visible", "NARROWED"),
    ("visible", "STILL_MISSED"),
}
BY_SCOPE = re.compile(
    r"\{scope\}|\{SCOPES\[|\{_SCOPE\}|\{under\(|\{WITHIN\}|\{keys\}"
    r"|:(?:actor_org|org|member|membership|raised_by)\b"
)
BY_RECORD = re.compile(r"= :(?:id|one|\w+_id)\b|\{ids\}|ANY\(:ids\)|IN \(:one, :two\)")


class Query(NamedTuple):
    module: str
    name: str
    text: str


def _text(node: ast.AST) -> str | None:
    """A string as it is written, what is filled in shown as `{...}`."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value)
            if isinstance(part, ast.Constant)
            else "{" + ast.unparse(part.value) + "}"
            for part in node.values
            if isinstance(part, (ast.Constant, ast.FormattedValue))
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [_text(node.left), _text(node.right)]
        return "".join(side if side is not None else "{...}" for side in sides)
    return None


def queries(path: Path, text: str | None = None) -> Iterator[Query]:
    """Every query of a file that reads a table with something about people in it."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removeprefix("referral.")
    tree = ast.parse(path.read_text() if text is None else text)
    inner: set[ast.AST] = set()
    for top in tree.body:
        targets = getattr(top, "targets", [getattr(top, "target", None)])
        name = getattr(top, "name", None) or ast.unparse(targets[0]) if targets[0] else "?"
        for node in ast.walk(top):
            if node in inner:
                continue
            found = _text(node)
            if found is None:
                continue
            inner.update(ast.walk(node))
            if "SELECT" in found and READS_PERSONAL.search(found):
                yield Query(module, str(name), " ".join(found.split()))


def every_query() -> list[Query]:
    files = [p for room in ("referral", "workflows", "web") for p in (ROOT / room).rglob("*.py")]
    return [query for path in sorted(files) for query in queries(path)]


def narrowed(query: Query) -> bool:
    """By who asks, or to one record."""
    return bool(BY_SCOPE.search(query.text) or BY_RECORD.search(query.text))


def test_a_query_about_people_stands_where_it_is_known_for_whom_it_reads() -> None:
    """A new file with such a query is named above, with what it is for."""
    modules = {query.module for query in every_query()}
    assert modules - {*FOR_SOMEBODY, *FOR_THE_PROGRAM} == set()
    assert {*FOR_SOMEBODY, *FOR_THE_PROGRAM} - modules == set()


def test_what_is_read_for_somebody_is_narrowed_by_who_asks_or_to_one_record() -> None:
    parts = set()
    for query in every_query():
        if (query.module, query.name) in PARTS:
            parts.add((query.module, query.name))
        elif query.module in FOR_SOMEBODY:
            assert narrowed(query), f"{query.module}.{query.name}: {query.text}"
    assert parts == PARTS


def test_what_lies_in_a_place_is_said_once() -> None:
    """Two ways to say it would be two rules, one of them wrong some day."""
    said = [
        path.name
        for path in (ROOT / "referral").glob("*.py")
        if re.search(r"length\(CAST\(:|path LIKE :", path.read_text())
    ]
    assert sorted(said) == ["schema.py"]


def test_the_conditions_are_used_and_each_names_who_asks() -> None:
    for conditions in (scopes.SCOPES, scopes.PEOPLE_SCOPES, scopes.REVIEW_SCOPES):
        for name, condition in conditions.items():
            asks = re.search(r":(?:actor_org|path)\b", condition)
            assert asks or (name, condition) == ("nobody", scopes.NOBODY_SEES)


@pytest.mark.parametrize(
    ("text", "found", "good"),
    [
        ('Q = Sql("SELECT body FROM note WHERE noun = :noun")', True, False),
        ('Q = Sql(f"SELECT id FROM person pe WHERE {scope}")', True, True),
        ('Q = Sql("SELECT id" + " FROM referral r WHERE r.id = :id")', True, True),
        ('Q = Sql("SELECT id FROM place WHERE name = :name")', False, False),
        ('WORDS = "FROM person to person"', False, False),
    ],
)
def test_the_looking_can_fail(text: str, found: bool, good: bool) -> None:
    path = ROOT / "referral" / "nothing.py"
    seen = list(queries(path, text))
    assert bool(seen) is found
    assert not found or narrowed(seen[0]) is good
