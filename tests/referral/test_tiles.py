"""How the tree is laid out for others to read: the paths and bytes of C2SP's tlog-tiles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral.merkle import TILE
from referral.tiles import ENTRIES, Place, bundle, bundles, entries, hashes, place, tiles


@pytest.mark.parametrize(
    ("at", "path"),
    [
        (Place(0, 0), "tile/0/000"),
        (Place(1, 0, 1), "tile/1/000.p/1"),
        (Place(0, 273, 112), "tile/0/273.p/112"),
        (Place(0, 999), "tile/0/999"),
        (Place(0, 1000), "tile/0/x001/000"),
        (Place(0, 1234067), "tile/0/x001/x234/067"),
        (Place(ENTRIES, 1234067, 8), "tile/entries/x001/x234/067.p/8"),
        (Place(63, 5), "tile/63/005"),
    ],
)
def test_a_path_and_what_stands_there(at, path):
    assert at.path == path
    assert place(path) == at


@given(st.integers(-1, 63), st.integers(0, 10**15), st.integers(1, TILE))
def test_every_place_has_one_path(level, number, wide):
    at = Place(level, number, wide)
    assert place(at.path) == at


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoint",
        "tile/0/0",
        "tile/00/000",
        "tile/01/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/data/000",
        "tile/0/x000/000",
        "tile/0/x001/0000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/../../checkpoint",
    ],
)
def test_no_other_text_is_the_path_of_a_tile(path):
    with pytest.raises(ValueError, match="No tile"):
        place(path)


@pytest.mark.parametrize("at", [Place(-2, 0), Place(64, 0), Place(0, -1), Place(0, 0, 0)])
def test_no_path_leads_outside(at):
    with pytest.raises(ValueError, match="tile"):
        assert at.path


def test_the_tiles_of_a_tree_are_those_of_the_published_examples():
    seventy = list(tiles(70_000))
    assert seventy[272:] == [
        Place(0, 272),
        Place(0, 273, 112),
        Place(1, 0),
        Place(1, 1, 17),
        Place(2, 0, 1),
    ]
    assert [each.path for each in tiles(256)] == ["tile/0/000", "tile/1/000.p/1"]
    assert list(tiles(0)) == list(bundles(0)) == []
    assert [each.path for each in bundles(257)] == ["tile/entries/000", "tile/entries/001.p/1"]


@given(st.integers(0, 70_000), st.integers(0, 70_000))
def test_only_what_has_changed_since_is_told(one, two):
    since, size = sorted((one, two))
    then, now = set(tiles(since)), set(tiles(size))
    assert set(tiles(size, since)) == now - then
    assert set(bundles(size, since)) == set(bundles(size)) - set(bundles(since))


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=TILE))
def test_entries_come_out_of_a_bundle_as_they_went_in(given_entries):
    assert entries(bundle(given_entries)) == given_entries


def test_the_length_stands_before_an_entry_the_greater_byte_first():
    assert bundle([b"ab", b"", b"x" * 258]) == b"\x00\x02ab\x00\x00\x01\x02" + b"x" * 258
    assert entries(bundle([b"x" * 65_535])) == [b"x" * 65_535]


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=5), st.data())
def test_a_bundle_that_is_cut_off_is_not_read_as_the_whole(given_entries, data):
    whole = bundle(given_entries)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        found = entries(cut)
    except ValueError:
        return
    assert found == given_entries[: len(found)] != given_entries


@pytest.mark.parametrize("wrong", [b"", b"\x00", b"\x00\x01", b"\x00\x02a", b"\x00\x01ab"])
def test_what_is_no_bundle_is_refused(wrong):
    with pytest.raises(ValueError, match="bundle"):
        entries(wrong)


@pytest.mark.parametrize("wrong", [[], [b""] * 257, [b"x" * 65_536]])
def test_no_bundle_is_made_that_could_not_be_read(wrong):
    with pytest.raises(ValueError, match="holds"):
        bundle(wrong)


def test_a_bundle_of_too_many_is_refused():
    with pytest.raises(ValueError, match="257"):
        entries(b"\x00\x00" * 257)


def test_the_hashes_of_a_tile():
    assert hashes(b"a" * 32 + b"b" * 32) == [b"a" * 32, b"b" * 32]
    for wrong in (b"", b"a" * 31, b"a" * 33, b"a" * 32 * 257):
        with pytest.raises(ValueError, match="tile"):
            hashes(wrong)
