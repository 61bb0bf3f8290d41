"""Requests that bring a file: how large they may be, and no more of a file in memory than is kept.

Nothing of a file ever lies on this machine's disk: what is too large is read to its end and thrown
away, so that the rest of the form is there again."""

from __future__ import annotations

from io import BytesIO
from typing import IO, Any

from flask import Request

from workflows.uploads import MOST_BYTES

# What may be posted, where it is more than elsewhere: a form with a file that is too large comes
# back as it was typed; a program's body has the file as text.
LARGER = {
    "document_pages.attach": 25_000_000,
    "api_referrals.send_document": 8_000_000,
}


class OneFile(BytesIO):
    """A file as it comes in, cut off one byte after the most that is kept."""

    def write(self, more: Any) -> int:
        room = MOST_BYTES + 1 - self.tell()
        super().write(more[: max(room, 0)])
        return len(more)


class Asked(Request):
    """A request that may be as large as its route allows."""

    @property
    def max_content_length(self) -> int | None:
        return LARGER.get(self.endpoint or "", super().max_content_length)

    @max_content_length.setter
    def max_content_length(self, most: int | None) -> None:
        Request.max_content_length.fset(self, most)  # type: ignore[attr-defined]

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self.endpoint in LARGER:
            return OneFile()
        return super()._get_file_stream(
            total_content_length, content_type, filename, content_length
        )
