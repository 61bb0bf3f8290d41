"""Pages are easy to read, the person's easiest of all; and a hard one is told."""

import pytest

from referral.store import Store
from tests.measures.reading import FOR_PERSON, grade, of_the_person, sentences, syllables
from tests.world import build
from workflows.organisations import WORDINGS

HARD = (
    "Notwithstanding the aforementioned considerations, individuals participating in community"
    " activities acknowledge their responsibility to communicate any alterations."
)
EASY = "You can say stop. You do not have to say why."


def main(text: str) -> str:
    return f'<header>Not this at all here.</header><main id="maincontent">{text}</main>'


def test_every_page_of_the_person_is_read_at_nine_years(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    found = of_the_person(build(store))
    store.dispose()
    assert len(found) > 12
    assert [one for one in found if one[0] > FOR_PERSON] == []


def test_the_words_read_aloud_are_as_easy() -> None:
    found = {purpose: grade(sentences(main(body))) for purpose, body in WORDINGS.items()}
    assert {purpose: one for purpose, one in found.items() if one > FOR_PERSON} == {}


def test_a_hard_page_is_told_from_an_easy_one() -> None:
    assert grade(sentences(main(f"<p>{HARD}</p>"))) > 12
    assert grade(sentences(main(f"<p>{EASY}</p>"))) < 2


def test_what_is_read_is_the_main_part_in_sentences_and_nobodys_own_words() -> None:
    page = main(
        "<h1>What happens now</h1><p>They see <b>your name</b> today (or soon). Ring.</p>"
        "<blockquote>All that somebody wrote themselves.</blockquote>"
        '<p>Ring us at 9am on 01632 960123 today.</p><a class="nhsuk-button">Say that it is</a>over'
    )
    assert [" ".join(words) for words in sentences(page)] == [
        "They see your name today",
        "Ring us at on today",
        "Say that it is",
    ]


@pytest.mark.parametrize(
    ("word", "count"),
    [
        *(("the", 1), ("stopped", 1), ("wanted", 2), ("people", 2), ("referral", 3)),
        *(("table", 2), ("places", 2), ("changes", 2), ("safeguarding", 3), ("somebody", 3)),
        *(("information", 4), ("idea", 3), ("being", 2), ("worker", 2), ("agreement", 3)),
        *(("social", 2), ("actually", 4), ("quiet", 2), ("don’t", 1), ("isn't", 2)),
    ],
)  # fmt: skip
def test_syllables_are_counted_as_they_are_spoken(word: str, count: int) -> None:
    assert syllables(word) == count


def test_a_name_is_two_syllables_however_it_is_spelt() -> None:
    words = [("Ring", "Okonkwo", "now", "then")]
    assert grade(words, frozenset({"Okonkwo"})) < grade(words)
