"""Everything the tables of moves can say has words, and each word is short enough."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from referral import policy
from referral.capacity import ABILITIES
from referral.dispatches import Parcel
from referral.organisations import ORGANISATION_KINDS
from referral.preferences import HOW
from referral.rotas import SERVES
from referral.states import Basis, HoldCause, Noun, Purpose, RightsKind, Role
from tests.web.pages import pages
from web import labels
from web.carriers import Outgoing
from web.link_tokens import LinkTokens
from web.say import LANGUAGES, catalogue
from web.ways import Ways
from workflows.accounts import INVITATION, PROVING, RESET
from workflows.activities import TIERS
from workflows.dispatches import Ready
from workflows.engine import TABLES
from workflows.holds import CLOCK as HOLD_CLOCK
from workflows.moves import Tell
from workflows.person_links import HOW_IT_WENT
from workflows.referrals import CAME

HOME = Path(__file__).parents[2]
A_MONDAY = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
RECORD = "019fb791-e620-70a6-b118-f4df0164fb69"


@pytest.fixture(autouse=True)
def request_of_somebody() -> Iterator[None]:
    with pages().test_request_context():
        yield


@pytest.mark.parametrize("noun", list(Noun))
def test_every_state_has_a_tag_and_every_tag_a_state(noun: Noun) -> None:
    said = {state for of, state in labels.STATES if of == noun}
    assert said == {str(state) for state in TABLES[noun].states}


@pytest.mark.parametrize("noun", list(Noun))
def test_every_move_has_its_words_and_no_other(noun: Noun) -> None:
    assert {t for of, t in labels.MOVES if of == noun} == set(TABLES[noun].triggers)


def test_every_reason_has_words() -> None:
    codes = {code for codes in policy.REASONS.values() for code in codes}
    assert codes <= set(labels.REASONS)


def test_every_kind_role_and_purpose_has_words() -> None:
    assert set(policy.CEILINGS) == set(labels.KINDS)
    assert set(map(str, Role)) == set(labels.ROLES)
    assert set(map(str, Purpose)) == set(labels.PURPOSES)
    assert set(map(str, Basis)) == set(labels.BASES)
    assert set(policy.EVIDENCE) == set(labels.EVIDENCE)
    assert set(policy.EVIDENCE_BY_TIER) == set(labels.TIERS)
    assert set(ORGANISATION_KINDS) == set(labels.ORGANISATIONS)


def test_everything_told_has_a_sentence() -> None:
    told = {
        follow.what
        for table in TABLES.values()
        for move in table.moves
        for follow in move.follows
        if isinstance(follow, Tell)
    }
    assert told <= set(labels.NOTICES)
    assert all(sentence.endswith(".") for sentence in labels.NOTICES.values())


def test_every_clock_says_why_it_is_on_a_list() -> None:
    kinds = {kind for table in TABLES.values() for kind in table.clocks}
    assert kinds | {HOLD_CLOCK.kind} == set(labels.WORK)
    for kind, (_, _, trigger) in labels.WORK.items():
        assert trigger is None or trigger in TABLES[Noun(kind.split(".")[0])].triggers
    assert set(labels.HOLDS) == set(HoldCause) - {HoldCause.CONCERN}


def test_tags_are_short_and_in_sentence_case() -> None:
    for tag in (*labels.STATES.values(), *labels.FLAGS.values()):
        assert len(tag.text) <= 24, tag
        assert tag.text[0].isupper()
        assert not re.search(r"\s[A-Z]", tag.text.replace("DBS", "")), tag


def test_red_means_act_and_never_declined_or_closed() -> None:
    for (_, state), tag in labels.STATES.items():
        if state in ("closed", "withdrawn", "refused", "returned", "redirected", "left"):
            assert tag.colour != "red"


def test_no_label_says_what_people_should_not_be_called() -> None:
    words = re.compile(
        r"\b(patients?|clients?|service users?|cases?|non-compliant|did not engage|DNA|signpost)\b",
        re.IGNORECASE,
    )
    tables = [v for k, v in vars(labels).items() if k.isupper() and isinstance(v, dict)]
    said = str([list(table.values()) for table in tables])
    assert not words.search(said), words.search(said)
    assert "please" not in said.lower()
    assert "!" not in said


def test_a_code_without_words_shows_itself() -> None:
    assert labels.word(labels.REASONS, "something_new") == "Something new"
    assert labels.word(labels.REASONS, None) == ""


def test_choices_keep_their_order() -> None:
    assert labels.choices(labels.GOALS_MET, "no", "yes") == [("no", "Not met"), ("yes", "Yes, met")]


def test_records_and_their_moves_have_addresses() -> None:
    assert labels.record_path("referral", "1") == "/referrals/1"
    assert labels.move_path("referral", "1", "put_on_waiting_list") == (
        "/referrals/1/put-on-waiting-list"
    )


# Each list of codes of the store and of the rules, and the one table that has its words.
ONE_TABLE: dict[str, tuple[Iterable[str], dict[str, str]]] = {
    "roles": (Role, labels.ROLES),
    "nouns": (Noun, {k: v for k, v in labels.NOUNS.items() if k in set(map(str, Noun))}),
    "purposes": (Purpose, labels.PURPOSES),
    "bases": (Basis, labels.BASES),
    "abilities": (ABILITIES, labels.ABILITIES),
    "organisations": (ORGANISATION_KINDS, labels.ORGANISATIONS),
    "tiers": (TIERS, labels.TIERS),
    "evidence": (policy.EVIDENCE, labels.EVIDENCE),
    "kinds": (policy.CEILINGS, labels.KINDS),
    "serves": (SERVES, labels.SERVES),
    "came": (CAME, labels.CAME),
    "how it went": (HOW_IT_WENT, labels.HOW_IT_WENT),
    "how told": (HOW, labels.HOW_TOLD),
    "rights": (RightsKind, labels.RIGHTS),
    "languages": (LANGUAGES, labels.LANGUAGES),
}


@pytest.mark.parametrize("what", ONE_TABLE)
def test_each_code_has_its_words_and_each_words_a_code(what: str) -> None:
    codes, table = ONE_TABLE[what]
    assert set(map(str, codes)) == set(table)
    said = list(table.values())
    assert len(set(said)) == len(said), "two codes that read the same"


def _other_tables() -> Iterator[tuple[str, dict[str, str]]]:
    """Every table of codes and marked words outside `labels`."""
    for room in ("referral", "workflows", "web"):
        for path in sorted((HOME / room).rglob("*.py")):
            if path.name == "labels.py" or "demo" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Dict):
                    pairs = {
                        key.value: value.args[0].value
                        for key, value in zip(node.keys, node.values, strict=True)
                        if isinstance(key, ast.Constant)
                        and isinstance(key.value, str)
                        and isinstance(value, ast.Call)
                        and isinstance(value.func, ast.Name)
                        and value.func.id in ("N_", "_")
                        and value.args
                        and isinstance(value.args[0], ast.Constant)
                    }
                    yield f"{path.relative_to(HOME)}:{node.lineno}", pairs


# The person's own page says these as they would say them: "I want a copy", "Your copy".
OWN_WORDS = {("web/links.py", "rights"), ("web/own_asking.py", "rights")}


def test_no_code_has_other_words_elsewhere() -> None:
    """A table elsewhere that holds every code of one of ours would say the same thing twice."""
    twice: list[tuple[str, str]] = []
    for where, pairs in _other_tables():
        # What is said where an answer is missing is a sentence, and no label.
        labelled = {code for code, words in pairs.items() if not words.endswith(".")}
        for what, (_codes, table) in ONE_TABLE.items():
            if labelled >= set(table) and (where.split(":")[0], what) not in OWN_WORDS:
                twice.append((where, what))
    assert twice == []


def _mail(what: str, noun: str, language: str | None) -> Outgoing:
    parcel = Parcel(
        1, 0, "system", "key", None, "member@1", "email", what, noun, RECORD, None, A_MONDAY
    )
    ready = Ready(parcel, "sol@example.org", reference="SG-7K4Q-2M", language=language)
    return Ways({}, LinkTokens("a secret"), "https://segue.example.org").write(ready)


@pytest.mark.parametrize("code", ["cy", "en"])
def test_a_mail_says_what_the_notice_says_in_the_language_of_its_reader(code: str) -> None:
    for what, sentence in labels.NOTICES.items():
        mail = _mail(what, "referral", code)
        if what not in (RESET, INVITATION, PROVING):  # each a letter of its own
            assert catalogue(code).ugettext(sentence) in mail.text
        assert f'<html lang="{code}">' in mail.html
    assert _mail("accepted", "referral", "Cymraeg").text == _mail("accepted", "referral", "cy").text
    assert _mail("accepted", "referral", "Polish").text == _mail("accepted", "referral", None).text


def test_a_timeline_and_a_button_say_what_the_table_says() -> None:
    for (noun, trigger), move in labels.MOVES.items():
        assert labels.told(noun, trigger) == move.told
        assert labels.button(noun, trigger) == move.button
