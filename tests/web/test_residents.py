"""Who lives in a place: loading it from a small file, and how it stands beside who was referred."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from referral import residents
from referral.store import Sql, Store
from tests.web.client import sign_in
from tests.winding import rows
from tests.world import World, build
from web.edge import Edge
from web.postcodes import WrongFile
from web.residents import load, remove

PAGE = (Path(__file__).parents[2] / "docs" / "population.md").read_text()
SAMPLE = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)[0]
HEAD = "place,kind,group,number,source\n"
FIRST = 'Harbour,ethnic_group,Asian,7900,"Census'
Loads = Callable[..., list[str]]


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


@pytest.fixture
def loads(w: World, tmp_path: Path) -> Loads:
    def call(text: str, place: str | None = None, encoding: str = "utf-8-sig") -> list[str]:
        file = tmp_path / "population.csv"
        file.write_text(text, encoding=encoding)
        return load(Edge(w.store, lambda: w.at), file, place)

    return call


def kept(w: World) -> list[tuple[str, str, int]]:
    found = rows(
        w.store,
        "SELECT kind, part, number FROM residents ORDER BY place_id, kind, number DESC, part",
    )
    return [(str(kind), str(part), int(number)) for kind, part, number in found]


def lines(*some: str, source: str = "Census 2021") -> str:
    return HEAD + "".join(f"{one},{source}\n" for one in some)


def test_the_file_of_the_docs_is_loaded_and_another_takes_its_place(w: World, loads: Loads) -> None:
    assert loads(SAMPLE) == ["Harbour"]
    first = kept(w)
    assert ("ethnic_group", "white", 70200) in first
    assert ("age", "80_over", 4300) in first
    assert len(first) == 12
    # Ages are added up, from the census' own words; what was loaded besides is gone.
    some = "Aged under 1 year", "Aged 1 year", "2 to 17", "18-34", "35 to 49", "50 to 64"
    ages = [f"harbour,age,{words},10" for words in some]
    assert loads(lines(*ages, "Harbour,age,65 to 79,7", "Harbour,age,Aged 80 years and over,3"))
    assert kept(w) == [
        *(("age", "under_18", 30), ("age", "18_34", 10), ("age", "35_49", 10)),
        *(("age", "50_64", 10), ("age", "65_79", 7), ("age", "80_over", 3)),
    ]
    with w.store.read() as tx:
        (shown,) = residents.loaded(tx)
        told = tx.rows(
            Sql("SELECT a.record_id, d.payload FROM audit a JOIN audit_detail d"
                " ON d.entry_id = a.entry_id WHERE a.action = 'population_loaded' ORDER BY a.at")
        )  # fmt: skip
    assert (shown.place, shown.kind, shown.number) == ("Harbour", "age", 70)
    assert [str(row[0]) for row in told] == [w.place["harbour"]] * 2
    edge = Edge(w.store, lambda: w.at)
    assert remove(edge, "Harbour")
    assert not remove(edge, "Harbour")
    assert kept(w) == []
    removed = "SELECT count(*) FROM audit WHERE action = 'population_removed'"
    assert rows(w.store, removed) == [(1,)]


WRONG = {
    SAMPLE.replace(",7900,", ",9.3%,"): r"Line 2: its number is “9.3%”.*Nothing was changed",
    SAMPLE.replace("Asian", "Martian", 1): r"Line 2: its group is “Martian”.* asian, black",
    SAMPLE.replace("ethnic_group", "colour", 1): r"Line 2: its kind is “colour”",
    SAMPLE.replace(FIRST, FIRST.replace("Harbour", "Leeds")): r"Line 2: there is no place called"
    r" “Leeds”. The places are: .*Harbour.*Nothing",
    SAMPLE.replace("Black", "asian", 1): r"Line 3 says again what line 2 says",
    SAMPLE.replace("TS021", "TS022", 1): r"Line 3: its source is not that of line 2",
    re.sub(r"Harbour,ethnic_group,Mixed.*\n", "", SAMPLE): r"there is no line for mixed",
    SAMPLE.replace("18 to 34", "15 to 34"): r"“15 to 34” lies in more than one",
    SAMPLE.replace("18 to 34", "19 to 34"): r"there is no line for the age of 18",
    SAMPLE.replace("35 to 49", "34 to 34"): r"Line \d+: the age of 34 .* stands in another line",
    SAMPLE.replace("80 and over", "80 to 84"): r"the last line must be so many and over",
    SAMPLE.replace("65 to 79", "old"): r"Line 12: its group is “old”, which is no age",
    lines("Harbour,disability,yes,0", "Harbour,disability,no,0"): r"By disability nobody lives",
    lines("Harbour,disability,yes,1", source="ONS"): r"Line 2: its source names no year",
    SAMPLE.replace("number", "people", 1): r"it has no column number",
    HEAD: r"There is no line in the file",
}  # fmt: skip


def test_a_wrong_file_is_said_with_its_line_and_changes_nothing(w: World, loads: Loads) -> None:
    two = lines("Harbour,disability,yes,1", "Harbour,disability,no,9")
    assert loads(two) == ["Harbour"]
    before = kept(w)
    for text, says in WRONG.items():
        with pytest.raises(WrongFile, match=says):
            loads(text)
        assert kept(w) == before, says
    with pytest.raises(WrongFile, match="not a CSV file in UTF-8"):
        loads(SAMPLE.replace("Census", "Z\u00e4hlung"), encoding="latin-1")
    with pytest.raises(WrongFile, match="there is no place called “Leeds”"):
        loads(SAMPLE, "Leeds")
    with pytest.raises(WrongFile, match="names more than one place: Fen, Harbour"):
        loads(two.replace("Harbour,disability,no", "Fen,disability,no"), "Harbour")
    # By what others call it.
    assert loads(two.replace("Harbour", "Leeds").replace(",9,", ",3,"), "fen") == ["Fen"]
    assert sorted(kept(w)) == sorted([*before, ("disability", "yes", 1), ("disability", "no", 3)])


def test_who_was_referred_stands_beside_who_lives_here(w: World, loads: Loads) -> None:
    for _ in range(22):
        w.sent(w.person(language="English"))
    for _ in range(5):
        w.sent(w.person(language="Somali"))
    for _ in range(8):
        w.sent(w.person())
    grace, here, referred = sign_in(w, "grace"), "who live here", "Of 100 people referred"
    before = grace.get("/reports/who")
    assert here not in before.words
    assert "hold these beside the figures for the people who live in your place" in before.words
    # Of the place that theirs lies in.
    top = "Saltmarsh,language,English,55000", "Saltmarsh,language,Other,45000"
    loads(lines(*top, source='"Census 2021, TS024"'))
    page = grace.get("/reports/who")
    table = page.text.partition("By language")[2].partition("</table>")[0]
    cells = re.findall(r"<t[hd][^>]*>\s*([^<]*?)\s*</t[hd]>", table)
    assert cells == [
        *("By language", "Number", referred, "Of 100 people who live here"),
        *("English", "20", "83", "55"),
        *("Another language", "*", "at most 28", "45"),
        *("Not recorded", "10", "\u2013", "\u2013"),
        *("All", "35", "\u2013", "\u2013"),
    ]
    assert "Census 2021, TS024, for Saltmarsh. For this place alone nothing is loaded" in page.words
    # Once more their own; and only of what is loaded.
    own = [one.replace("Saltmarsh", "Harbour") for one in top]
    loads(lines(*own, source='"Census 2021, TS024"').replace("55000", "35000"))
    page = grace.get("/reports/who")
    assert "Who lives here: Census 2021, TS024, for Harbour." in page.words
    assert "this place alone" not in page.words
    assert "counted by others (Census 2021, TS024), in other words" in page.words
    finding = "Fewer than live here: Another language. Of 100 people referred at most 28, of 100"
    assert f"35 in all. {finding} who live here 56. Not known for 30%." in page.words
    assert finding in grace.get("/dashboard").words
    assert "Another language,*,at most 28,56" in grace.get("/reports/who/table.csv").text
    assert ">7<" not in page.text
    assert page.text.count("Of 100 people who live here") == 1
    # A team's own people, as they are; another place has its parent's.
    assert "19" in sign_in(w, "priya").get("/reports/who").text.partition("By language")[2]
    assert "for Saltmarsh" in sign_in(w, "fred").get("/reports/who").words
    remove(Edge(w.store, lambda: w.at), "Saltmarsh")
    assert here not in sign_in(w, "fred").get("/reports/who").words
