"""How many answered each question of how life is in each band, the first time and the last."""

from __future__ import annotations

from collections.abc import Mapping

from referral.counts import BANDS
from referral.tallies import Numbers
from web.charts import Cell, Table
from web.labels import said
from web.say import _
from workflows.moves import N_
from workflows.small_numbers import Small

# The questions in few words.
SHORT: Mapping[str, str] = {
    "satisfied": N_("Satisfied with life"),
    "worthwhile": N_("Worthwhile"),
    "happy": N_("Happy yesterday"),
    "anxious": N_("Anxious yesterday"),
}
BAND_WORDS: Mapping[str, str] = {
    "very_low": N_("Very low"),
    "low": N_("Low"),
    "medium": N_("Medium"),
    "high": N_("High"),
    "very_high": N_("Very high"),
}


def bands(found: Numbers, small: Small) -> list[Table]:
    """A table for each question, of those whose first and last answers are there."""
    return [_table(name, found, small) for name in SHORT]


def _table(name: str, found: Numbers, small: Small) -> Table:
    first, last = found.each[f"{name}_1"], found.each[f"{name}_2"]
    rows, least = [], 0
    for band, most in BANDS[name]:
        words = _(
            "%(band)s: %(least)s to %(most)s", band=said(BAND_WORDS[band]), least=least, most=most
        )
        told = [Cell(small.told(times[band]).text, number=True) for times in (first, last)]
        rows.append([Cell(words), *told])
        least = most + 1
    return Table(said(SHORT[name]), [_("Answer"), _("First"), _("Last")], rows)
