"""Small numbers of people, so told that nobody can be picked out by them.

By the rule that NHS Digital has used since September 2018 for its collections below national level:
none stays none, 1 to 7 isn't told, and everything else is rounded to the nearest 5. Totals are
summed from the true numbers and rounded then, each number by itself, so that taking one from
another tells nothing. Numbers of what isn't a person, such as providers, are told as they are."""

from __future__ import annotations

from dataclasses import dataclass

HIDDEN_TO, NEAREST = 7, 5
HIDDEN = "*"


@dataclass(frozen=True)
class Told:
    """A number as it may be told: in a table, and what may be drawn of it (None: nothing)."""

    text: str
    value: int | None

    @property
    def hidden(self) -> bool:
        """Whether it was too small to tell."""
        return self.value is None


@dataclass(frozen=True)
class Small:
    """Up to which number isn't told, and to what the others are rounded. `exact`: as they are, for
    whoever looks at their own people."""

    hidden_to: int = HIDDEN_TO
    nearest: int = NEAREST
    exact: bool = False

    def told(self, number: int) -> Told:
        """The number as it may be told."""
        if self.exact or number == 0:
            return Told(str(number), number)
        if number <= self.hidden_to:
            return Told(HIDDEN, None)
        rounded = (2 * number + self.nearest) // (2 * self.nearest) * self.nearest
        return Told(str(rounded), rounded)

    def share(self, part: int, whole: int) -> int | None:
        """How many in a hundred, to the nearest 5, of the numbers as they are told; None where
        either isn't."""
        a, b = self.told(part), self.told(whole)
        if a.value is None or not b.value:
            return None
        return min(100, round(100 * a.value / b.value / 5) * 5)


EXACT = Small(exact=True)
