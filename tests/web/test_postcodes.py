"""Where postcodes lie: loading what is published, and how far it is to an activity.

YY is no postcode area: its postcodes and where they lie are made up."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from referral import postcodes
from referral.postcodes import DEPRIVATION, POSTCODES, Edition
from referral.store import Sql, Store, Tx
from tests.tallied import count_ahead, differing
from tests.web.client import Page, sign_in
from tests.web.test_reports import number
from tests.world import World, build
from web.cli import main
from web.edge import Edge
from web.postcodes import WrongFile, load
from workflows.activities import save_activity

HOME, CORNER, ACROSS, FAR = "YY1 1AD", "YY1 1AB", "YY2 5QD", "YY12 9XZ"
DIRECTORY = """\
"pcd7","pcd8","pcds","dointr","doterm","lsoa21cd","lat","long"
"YY1 1AD","YY1  1AD","YY1 1AD","198001","","E01999901",52.000000,1.900000
"YY1 1AB","YY1  1AB","YY1 1AB","198001","","E01999902",52.017400,1.900000
"YY2 5QD","YY2  5QD","YY2 5QD","198001","202001","E01999902",52.087000,1.900000
"YY129XZ","YY12 9XZ","YY12 9XZ","198001","","W01999901",52.200000,1.900000
"YY1 9ZZ","YY1  9ZZ","YY1 9ZZ","198001","","E99999999",99.999999,0.000000
"BT1 1AA","BT1  1AA","BT1 1AA","198001","","N99999999",54.600000,-5.900000
"""
INDICES = """\
LSOA code (2021),LSOA name (2021),Index of Multiple Deprivation (IMD) Rank,\
Index of Multiple Deprivation (IMD) Decile (where 1 is most deprived 10% of LSOAs)
E01999901,Harbour 001A,900,1
E01999902,Harbour 001B,30000,9
"""
Loads = Callable[..., Edition]


@pytest.fixture
def edge(store: Store) -> Edge:
    return Edge(store)


@pytest.fixture
def loads(edge: Edge, tmp_path: Path) -> Loads:
    def call(
        text: str = DIRECTORY,
        kind: str = POSTCODES,
        name: str = "ONSPD_MAY_2026_UK.csv",
        **more: Any,
    ) -> Edition:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8-sig")
        return load(edge, kind, file, **more)

    return call


def kept(edge: Edge) -> tuple[list[str], list[tuple[str, str]]]:
    """Which postcodes are in the store, and which editions, whether they are read or not."""
    with edge.store.read() as tx:
        rows = tx.rows(Sql("SELECT postcode FROM postcode ORDER BY postcode"))
        editions = tx.rows(Sql("SELECT name, state FROM area_edition ORDER BY id"))
    return [row[0] for row in rows], [(row[0], row[1]) for row in editions]


def test_a_new_edition_takes_the_place_of_the_old_once_it_is_whole(
    edge: Edge, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.postcodes.A_COMMIT", 2)
    first = loads()
    assert (first.name, first.number, first.year) == ("ONSPD May 2026", 4, "2026")
    before = kept(edge)
    assert before == (
        ["YY11AB", "YY11AD", "YY129XZ", "YY25QD"],
        [("ONSPD May 2026", "current")],
    )
    wrong = DIRECTORY.replace("52.200000", "north")
    with pytest.raises(WrongFile, match=r"Line 5: its latitude is “north”.*Nothing was changed"):
        loads(wrong, name="ONSPD_AUG_2026_UK.csv")
    assert kept(edge) == before
    second = loads(DIRECTORY.replace("YY2 5QD", "YY2 5QE"), name="ONSPD_AUG_2026_UK.csv")
    assert second.name == "ONSPD Aug 2026"
    assert kept(edge) == (
        ["YY11AB", "YY11AD", "YY129XZ", "YY25QE"],
        [("ONSPD Aug 2026", "current")],
    )


def test_of_two_that_load_at_once_the_later_goes_on_and_the_other_is_told(
    edge: Edge, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = postcodes.add

    def overtaken(tx: Tx, kind: str, edition: int, rows: Any) -> int:
        postcodes.begin(tx, kind, "Another", None, edge.clock())
        return add(tx, kind, edition, rows)

    with monkeypatch.context() as patch:
        patch.setattr("referral.postcodes.add", overtaken)
        with pytest.raises(WrongFile, match="Somebody else began"):
            loads()
    # The other was undone here with the transaction that it was begun in.
    assert kept(edge) == ([], [])
    assert loads().number == 4


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("pcd,pcd2,pcds,dointr,doterm,lsoa21,lat,long", ""),
        ("PCD7,PCD8,PCDS,DOINTR,DOTERM,LSOA21CD,LAT,LONG", ""),
        ("pcd7,pcd8,pcds,dointr,doterm,lsoa11,lat,long", "it has no column lsoa21cd"),
        ("pcd7,pcd8,pcds,dointr,doterm,lsoa21cd,x,y", "no column lat and no column long"),
    ],
)
def test_columns_are_found_by_the_names_they_have_had(
    edge: Edge, loads: Loads, header: str, says: str
) -> None:
    text = header + "\n" + DIRECTORY.split("\n", 1)[1]
    if says:
        with pytest.raises(WrongFile, match=says):
            loads(text)
        assert kept(edge) == ([], [])
    else:
        assert loads(text).number == 4


def test_it_is_read_out_of_its_zip_and_what_is_no_table_is_said(
    edge: Edge, loads: Loads, tmp_path: Path
) -> None:
    file = tmp_path / "ONSPD.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("Documents/LA names.csv", "code,name\n" + "E06,Harbour\n" * 90)
        archive.writestr("Data/ONSPD_FEB_2026_UK.csv", DIRECTORY)
    found = load(edge, POSTCODES, file, only=("yy1", "BT"))
    assert (found.name, found.covers) == ("ONSPD Feb 2026", "YY1, BT")
    assert kept(edge)[0] == ["BT11AA", "YY11AB", "YY11AD"]  # YY12 does not begin with YY1
    with pytest.raises(WrongFile, match="spreadsheet"):
        loads(name="File_1.xlsx")
    with pytest.raises(WrongFile, match="Line 2 is shorter"):
        loads("pcds,lsoa21cd,lat,long\nYY1 1AD,E01999901\n")
    with pytest.raises(WrongFile, match="No line of the file"):
        loads(only=("ZE",))
    with pytest.raises(WrongFile, match="not how postcodes begin"):
        loads(only=("L%",))
    assert kept(edge)[0] == ["BT11AA", "YY11AB", "YY11AD"]


def test_a_tenth_is_one_of_ten(edge: Edge, loads: Loads) -> None:
    with pytest.raises(WrongFile, match=r"Line 3: its decile is “11”"):
        loads(INDICES.replace(",9\n", ",11\n"), DEPRIVATION, "File_7.csv")
    assert kept(edge)[1] == []
    assert loads(INDICES, DEPRIVATION, "File_7_IoD2025.csv").number == 2


def test_the_command_line_loads_and_says_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGUE_DATABASE_URL", f"sqlite:///{tmp_path / 'segue.db'}")

    def run(*words: str, status: int = 0) -> str:
        done = CliRunner().invoke(main, list(words))
        assert done.exit_code == status, done.output
        return done.output

    run("db", "upgrade")
    assert run("postcodes", "show") == "Nothing is loaded.\n"
    Path("NSPL21_FEB_2026_UK.csv").write_text(DIRECTORY)
    Path("indices.csv").write_text(INDICES)
    run("postcodes", "load", "NSPL21_FEB_2026_UK.csv", "--only", "YY1, YY2")
    run("deprivation", "load", "indices.csv", "--edition", "Indices of 2025")
    assert "can't be loaded" in run("postcodes", "load", "indices.csv", status=2)
    shown = run("postcodes", "show")
    assert "NSPL21 Feb 2026: 3 postcodes beginning with YY1, YY2, loaded on" in shown
    assert "Indices of 2025: 2 small areas, loaded on" in shown


# -- how far it is ------------------------------------------------------------------------------


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def offering(w: World, activity: str, **values: Any) -> None:
    with w.store.begin(w.system) as tx:
        save_activity(
            tx, w.system, w.at, provider_id=w.provider[{"choir": "singers"}.get(activity, "clay")],
            values=values, activity_id=w.activity[activity],
        )  # fmt: skip


def choosing(w: World, home: str | None, asked: str = "") -> tuple[Page, Page]:
    """The page of activities for somebody who lives there, and the two side by side."""
    priya = sign_in(w, "priya")
    path = f"/referrals/{w.draft(w.person(postcode=home))}/write"
    both = f"group={w.group['choir']}&group={w.group['pottery']}"
    return priya.get(f"{path}/activity{asked}"), priya.get(f"{path}/compare?{both}")


@pytest.fixture
def there(w: World, tmp_path: Path) -> World:
    file = tmp_path / "ONSPD_MAY_2026_UK.csv"
    file.write_text(DIRECTORY)
    load(Edge(w.store), POSTCODES, file)
    offering(w, "choir", postcode=FAR, confirmed_at=w.at)
    offering(
        w, "pottery", postcode=CORNER, getting_there="Bus 14 stops outside.", confirmed_at=w.at,
        description="Tea together.",
    )  # fmt: skip
    return w


def test_the_way_from_home_is_told_on_cards_and_side_by_side_and_the_nearest_stands_first(
    there: World,
) -> None:
    cards, table = choosing(there, HOME)
    assert cards.words.index("The pottery table") < cards.words.rindex("Singing for breathing")
    assert "Fits: company, near (about 1.2 miles, bus 14)" in cards.words
    assert "Check: it is about 14 miles away" in cards.words
    assert "© Crown copyright and database right 2026" in cards.words
    assert "How far" in table.words
    assert "about 1.2 miles" in table.words
    assert "about 14 miles" in table.words
    assert HOME not in cards.text
    # Five miles are neither near nor a long way.
    offering(there, "choir", postcode=ACROSS)
    between, _table = choosing(there, HOME)
    assert "· about 6.0 miles" in between.words
    assert "Check: it is" not in between.words


@pytest.mark.parametrize("home", ["YY7 7YY", "ZZ99 3VZ", None])
def test_where_a_home_is_not_in_the_table_no_distance_is_claimed(
    there: World, home: str | None
) -> None:
    cards, table = choosing(there, home)
    assert " miles" not in cards.words
    assert "Crown copyright" not in cards.words
    assert "How far from their home" not in cards.words
    assert table.words.count("Distance not known") == 2


def test_without_a_table_nothing_is_claimed_but_the_same_district(w: World) -> None:
    offering(w, "pottery", postcode=CORNER)
    cards, table = choosing(w, HOME)
    assert "near (YY1 too)" in cards.words
    assert " miles" not in cards.words
    assert table.words.count("Distance not known") == 2


def test_one_may_look_so_far_and_no_further_and_what_is_not_known_stays(there: World) -> None:
    cards, _table = choosing(there, HOME, "?within=3")
    assert f'value="{there.group["pottery"]}"' in cards.text
    assert f'value="{there.group["choir"]}"' not in cards.text
    assert "Show those that are further away, too" in cards.words
    offering(there, "choir", postcode="YY7 7YY")
    unknown, _table = choosing(there, HOME, "?within=3")
    assert f'value="{there.group["choir"]}"' in unknown.text


def test_where_somebody_lives_is_not_sent_to_the_database_in_the_clear(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    execute = Tx.execute

    def noted(tx: Tx, sql: str, values: Any) -> Any:
        sent.append(repr(values))
        return execute(tx, sql, values)

    person = there.draft(there.person(postcode=HOME))
    monkeypatch.setattr(Tx, "execute", noted)
    page = sign_in(there, "priya").get(f"/referrals/{person}/write/activity")
    assert "about 1.2 miles" in page.words
    everything = " ".join(sent)
    assert "YY11ZZ" in everything
    assert CORNER.replace(" ", "") in everything
    for written in (HOME, HOME.replace(" ", "")):
        assert f"'{written}'" not in everything
        assert f'"{written}"' not in everything


# -- how deprived their areas are ---------------------------------------------------------------


def test_who_was_referred_is_told_apart_by_fifths_once_both_tables_are_loaded(
    there: World, tmp_path: Path
) -> None:
    w = there
    for home in (*[HOME] * 10, *["yy2 5qd"] * 10, *[FAR] * 8, "ZZ99 3VZ", None):
        w.sent(w.person(postcode=home))
    asked = "/reports/who?exact=yes"
    w.later(days=1)
    before = sign_in(w, "grace").get(asked)
    assert "how deprived their area is" not in before.words
    assert number(before.text, "18 to 34") == "0"
    file = tmp_path / "File_7.csv"
    file.write_text(INDICES)
    load(Edge(w.store), DEPRIVATION, file)
    page = sign_in(w, "grace").get(asked)
    found = {kind: number(page.text, kind) for kind in ("Most deprived fifth", "Middle fifth")}
    assert found == {"Most deprived fifth": "10", "Middle fifth": "0"}
    assert number(page.text, "Least deprived fifth") == "10"
    assert number(page.text, "Postcode not known, or in no table") == "10"
    with w.store.read() as tx:
        told = tx.rows(Sql("SELECT record_id FROM audit WHERE action = 'table_loaded'"))
    assert [str(row[0]) for row in told] == [w.system_id] * 2
    most = "Of those whose area is known, 50% live in the most deprived fifth of England's areas"
    assert f"{most}: 20% would be as many as anywhere. Not known for 35%." in page.words
    assert most in sign_in(w, "grace").get("/dashboard").words
    assert "/records" not in page.text.split("how deprived their area is")[1]
    # A link worker's own people, as they are.
    own = sign_in(w, "priya").get("/reports/who")
    assert number(own.text, "Most deprived fifth") == "10"
    with w.store.begin() as tx:
        assert count_ahead(tx, w.at) == 8
        assert differing(tx, w.actor["grace"], w.at) == []
    counted = sign_in(w, "grace").get(asked)
    assert "Counted today" in counted.words
    assert most in counted.words
