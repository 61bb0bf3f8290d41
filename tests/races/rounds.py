"""How often a race is run: some times whenever the tests run, many times in the drills."""

from __future__ import annotations

import os


def rounds(often: int, drill: int = 1_000) -> int:
    """`often`, or `drill` where SEGUE_DRILLS says so (`make drills`)."""
    return drill if os.environ.get("SEGUE_DRILLS") else often
