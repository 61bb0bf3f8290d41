"""What somebody says of a document they put on a referral."""

from __future__ import annotations

from referral.documents import KINDS, WHY
from web.schemas.base import Command
from web.schemas.fields import Choice, Text
from workflows.moves import N_

BOTH, OURS = "both", "ours"


class AttachDocument(Command):
    """What it is, and who may see it. The file comes beside it."""

    kind = Choice(KINDS, N_("Choose what kind of document it is."))
    description = Text(N_("Say in a few words what it is."))
    seen_by = Choice((BOTH, OURS), N_("Choose who may see it."))


class TakeBack(Command):
    """Why a document is taken back."""

    why = Choice(WHY, N_("Choose why you take it back."))
