"""The virus scanner of the place: a command that reads a file and says what it found."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass

from referral.documents import CLEAN, REFUSED

PATIENCE = 30  # seconds
NOTHING_FOUND, FOUND = 0, 1


@dataclass(frozen=True)
class Scanner:
    """A command that gets the file on its standard input and ends with 0 (nothing found) or 1
    (found something), as `clamdscan -` and `clamscan -` do. It is started without a shell, and
    never gets a name or a path."""

    command: tuple[str, ...]

    @classmethod
    def of(cls, setting: str | None) -> Scanner | None:
        """The scanner that a setting names; None where it names none."""
        return cls(tuple(shlex.split(setting))) if setting and setting.strip() else None

    def look(self, content: bytes) -> str | None:
        """What it said of these bytes; None where it said neither: it is asked again later."""
        try:
            done = subprocess.run(  # noqa: S603 - the deployer's own command
                self.command,
                input=content,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return {NOTHING_FOUND: CLEAN, FOUND: REFUSED}.get(done.returncode)
