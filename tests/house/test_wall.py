"""Every table is behind the wall or is named with why it needn't be; who reads past it is named;
and every transaction of the program says who asks, or by which door."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from referral import effects, ledger, models, picks, wall
from referral.ledger import TABLES

ROOT = Path(__file__).parents[2]
FILES = [p for room in ("referral", "workflows", "web") for p in (ROOT / room).rglob("*.py")]
assert models

# Tables without a wall, and why.
WITHOUT = {
    "what the log is made of: random ids, codes and times, whose payload is under a person's key": (
        *("audit", "audit_detail", "audit_index", "audit_check", "audit_checkpoint", "audit_node"),
        *("audit_cosignature", "audit_duty", "erasure"),
    ),
    "clocks, steps and what is to be told: ids, codes and times, which the worker claims": (
        *("clock", "step", "outbox", "dispatch", "notice", "errand", "confirmation"),
        *("idempotency", "external_id"),
    ),
    "keys wrapped by a key outside, and that a backup was brought in": ("data_key", "restored"),
    "links and sign-ins, read before anybody is known": (
        *("link", "sign_in", "sign_in_try", "api_token", "app_user", "membership", "preference"),
        *("second_step", "recovery_code", "passkey"),
    ),
    "organisations, providers, activities, agreements and places, which everybody may read of": (
        *("system", "place", "organisation", "provider", "activity", "activity_group", "assurance"),
        *("evidence", "agreement", "agreement_party", "authority", "rota_line", "ladder_rung"),
    ),
    "numbers, of no person and no record": ("tallied", "tally"),
    "what others publish of places": ("area_edition", "area_tenth", "postcode", "residents"),
    "rules, wordings and words for everybody": (
        *("bank_holiday", "move_table", "wording", "policy_rule", "policy_change"),
        *("policy_comment", "announcement", "announcement_reader", "theme", "escalation_theme"),
    ),
}
# Who reads past the wall, and what for.
PAST_IT = {
    "referral/wall.py": "makes the way past it",
    "referral/store.py": "gives it its name on each database",
    "referral/roles.py": "grants it",
    "referral/facts.py": "what guards rest on",
    "referral/picks.py": "which records a move reaches",
    "referral/ladder.py": "who is barred from a concern",
    "referral/rotas.py": "whom to ring about a concern",
    "referral/inquiries.py": "whom a bundle that two people approved is about",
    "referral/keeping.py": "whether a hold keeps a record from going: never a row",
    "referral/entries.py": "whom an entry of the log is about, and who may not read it",
    "referral/retention.py": "why somebody's record is kept, whatever the reason",
    "referral/visible.py": "whether something is held, closed or asked for: never a row; and, of"
    " what somebody was told of, its reference",
    "referral/lists.py": "whether somebody is held; and the raiser's own words",
    "referral/accountability.py": "that nobody who is named in a concern answers for it",
    "referral/counts.py": "how many, for who counts what nobody shows them: numbers",
    "referral/policies.py": "how many records a change of policy concerns: a number",
    "referral/wordings.py": "how many answers were given to the words read out: a number",
    "referral/access.py": "how many people a role reaches: a number",
    "referral/oversight.py": "how many take part and wait with a provider: a number",
    "referral/offered.py": "how many take part in an offer: a number",
    "referral/accounts.py": "how many referrals somebody carries: a number",
    "referral/caseloads.py": "how many referrals somebody carries: a number",
    "referral/themes.py": "how often a theme came up, and the references of what shows it",
    "workflows/people.py": "whether another team holds a person of this NHS number",
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_table_is_behind_the_wall_or_named_with_a_reason() -> None:
    """A new table with something about people in it belongs into `referral.wall`."""
    named = [table for tables in WITHOUT.values() for table in tables]
    assert len(named) == len(set(named))
    assert set(named) <= set(TABLES)
    assert set(TABLES) - set(named) == set(wall.conditions())


def test_who_reads_past_the_wall_is_named() -> None:
    said = re.compile(r'(?:FROM|JOIN|SCHEMA) guard\b|"guard\.')
    found = {name_of(p) for p in FILES if said.search(p.read_text())}
    assert found == set(PAST_IT)


def opened(source: str) -> Iterator[str]:
    """Transactions opened without saying who asks, nor by which door."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        on = ast.unparse(node.func.value).split(".")[-1]
        opens = on == "store" and node.func.attr in ("begin", "read", "snapshot")
        if opens and not node.args and "door" not in {word.arg for word in node.keywords}:
            yield ast.unparse(node)


def test_every_transaction_says_who_asks_or_by_which_door() -> None:
    """Tests open them without, and see everything: the program may not."""
    found = {name_of(p): list(opened(p.read_text())) for p in FILES}
    assert {name: calls for name, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("with edge.store.begin() as tx: pass", True),
        ("with self.store.read() as tx: pass", True),
        ("with store.snapshot(door=Door.WHOLE) as tx: pass", False),
        ("with store.begin(actor) as tx: pass", False),
    ],
)
def test_one_that_does_not_would_be_noticed(source: str, wrong: bool) -> None:
    assert bool(list(opened(source))) is wrong


def test_what_is_written_names_no_way_past_the_wall() -> None:
    """The ledger takes a statement's text as it stands, and on PostgreSQL the way past the wall is
    there only where the wall is on; a command sees its whole system without it."""
    written = {
        name: one
        for module in (effects, picks, ledger)
        for name, one in vars(module).items()
        if isinstance(one, ledger.Statement)
    }
    assert {"END_HOLDS", "REOWN", "TAKE_PLACE"} <= set(written)
    assert [n for n, one in written.items() if "guard." in one.plain.text + one.hung.text] == []
