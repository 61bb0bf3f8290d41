"""Everything the tables of moves can say has words, and each word is short enough."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from referral import policy
from referral.organisations import ORGANISATION_KINDS
from referral.states import Basis, HoldCause, Noun, Purpose, Role
from tests.web.pages import pages
from web import labels
from workflows.engine import TABLES
from workflows.holds import CLOCK as HOLD_CLOCK
from workflows.moves import Tell


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
    assert labels.choices(labels.GOALS_MET, "no", "yes") == [("no", "No"), ("yes", "Yes")]


def test_records_and_their_moves_have_addresses() -> None:
    assert labels.record_path("referral", "1") == "/referrals/1"
    assert labels.move_path("referral", "1", "put_on_waiting_list") == (
        "/referrals/1/put-on-waiting-list"
    )
