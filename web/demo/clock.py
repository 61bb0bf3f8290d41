"""The clock that can be wound: the real time plus what was added, shared by all the processes."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from web.edge import now
from workflows.working_time import ENGLAND, add


class WoundClock:
    """Reads the time with the offset kept in a file; winding only goes forward."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self) -> datetime:
        return now() + self.offset()

    def offset(self) -> timedelta:
        """How far it has been wound on."""
        try:
            return timedelta(seconds=float(self.path.read_text()))
        except (FileNotFoundError, ValueError):
            return timedelta()

    def days_on(self, working_days: int) -> list[datetime]:
        """The moments to sweep at on the way: each of the next days up to the one wound to."""
        start, end = self(), add(self(), working_days, ENGLAND)
        moments = []
        moment = start + timedelta(days=1)
        while moment < end:
            moments.append(moment)
            moment += timedelta(days=1)
        return [*moments, end]

    def wind_to(self, moment: datetime) -> None:
        """Let it be this moment now. Raises ValueError for one that has passed."""
        offset = moment - now()
        if offset < self.offset():
            raise ValueError("The clock can only be wound on.")
        self.path.write_text(f"{offset.total_seconds():.6f}")
