"""Who was referred beside who lives in the place: shares of a hundred, and which difference is
large enough to be told.

All of it is worked out from the numbers as they are told on the page, never as they are: a number
too small to be told counts as one in the middle of what it may be, however many it is. So a share
says nothing that the table doesn't say already, and whatever is worked back from it is what the
table says. Where two groups of numbers are told alike, so is all that is told here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import NamedTuple

from workflows.small_numbers import Small, Told

LEAST = 20  # people known, as told: of fewer no share is told
SURE = 2.58  # standard errors: one difference in a hundred that is told would be by chance
FEWER, MORE = 0.8, 1.25  # a difference is told below, or above, so many times the share who live


class Reach(NamedTuple):
    """What a number that was told may be, and what it is taken for."""

    low: int
    taken: float
    high: int


def reach(told: Told, small: Small) -> Reach:
    """The numbers that are told like this one."""
    if told.value is None:
        return Reach(1, (1 + small.hidden_to) / 2, small.hidden_to)
    if small.exact:
        return Reach(told.value, told.value, told.value)
    half = small.nearest / 2
    low, high = ceil(told.value - half), ceil(told.value + half) - 1
    if told.value == 0:
        return Reach(0, 0, max(high, 0) if high > small.hidden_to else 0)
    return Reach(max(low, small.hidden_to + 1), told.value, high)


@dataclass(frozen=True)
class Share:
    """Of a hundred people: how many live in the place, how many were referred (None: that isn't
    told), and how many that are at most. `differs`: -1 where surely fewer are referred than live
    here, 1 where surely more."""

    live: float
    referred: float | None
    most: int
    differs: int


@dataclass(frozen=True)
class Shares:
    """The shares of each group; none where too few are known. `missing`: of a hundred people
    referred, of how many nobody knows the group, to the nearest 5; 100 only where of none."""

    each: Mapping[str, Share]
    missing: int

    @property
    def half_known(self) -> bool:
        """Whether the group of at least every second is known: of the others it may be another."""
        return self.missing <= 50

    def furthest(self, only: str | None = None) -> str | None:
        """The group of which the most are missed; or the one that is asked about, if it differs."""
        if not self.half_known:
            return None
        if only is not None:
            return only if self.each[only].differs else None
        missed = {
            part: share.live - (share.most if share.referred is None else share.referred)
            for part, share in self.each.items()
            if share.differs < 0
        }
        return max(missed, key=lambda part: missed[part]) if missed else None


def shares(
    told: Mapping[str, Told], unknown: Sequence[str], live: Mapping[str, int], small: Small
) -> Shares:
    """The shares of the groups of those who live here, by what is told of each; `unknown`: the
    kinds that are no group."""
    known = {part: reach(told[part], small) for part in live}
    whole, people = sum(one.taken for one in known.values()), sum(live.values())
    others = sum(reach(told[kind], small).taken for kind in unknown if kind in told)
    missing = round(20 * others / (whole + others)) * 5 if others else 0
    if whole:
        missing = min(missing, 95)
    if whole < LEAST or not people:
        return Shares({}, missing)
    least, most = sum(one.low for one in known.values()), sum(one.high for one in known.values())
    each = {}
    for part, one in known.items():
        here = live[part] / people
        low = one.low, one.low + most - one.high
        high = one.high, one.high + least - one.low
        each[part] = Share(
            100 * here,
            None if told[part].hidden else 100 * one.taken / whole,
            min(100, ceil(100 * high[0] / high[1])),
            _differs(here, low, high),
        )
    return Shares(each, missing)


def _differs(here: float, low: tuple[int, int], high: tuple[int, int]) -> int:
    if high[0] / high[1] <= FEWER * here and _edge(*high, SURE) < here:
        return -1
    if low[0] / low[1] >= MORE * here and _edge(*low, -SURE) > here:
        return 1
    return 0


def _edge(part: int, whole: int, errors: float) -> float:
    """How great, or small, the share may be that these were drawn from: Wilson's interval."""
    share, square = part / whole, errors * errors / whole
    half = errors * sqrt(share * (1 - share) / whole + square / (4 * whole))
    return (share + square / 2 + half) / (1 + square)
