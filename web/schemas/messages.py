"""What somebody writes to the other side of a referral."""

from __future__ import annotations

from web.schemas.base import Command
from web.schemas.fields import LONG, Id, Text
from workflows.moves import N_


class WriteMessage(Command):
    """A message."""

    body = Text(N_("Write your message."), most=LONG)


class ReadMessages(Command):
    """Which message is the last one read; without it, all of them."""

    up_to = Id()
