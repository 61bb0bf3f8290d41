"""What somebody says of a document they put on a referral."""

from __future__ import annotations

from marshmallow import fields, validate

from referral.documents import KINDS, WHY
from web.schemas.base import Command
from web.schemas.fields import Choice, Text
from workflows.moves import N_
from workflows.uploads import MOST_BYTES, TOO_LARGE

AS_BASE64 = N_("Give the file's bytes as base64.")
BOTH, OURS = "both", "ours"


class AttachDocument(Command):
    """What it is, and who may see it. The file comes beside it."""

    kind = Choice(KINDS, N_("Choose what kind of document it is."))
    description = Text(N_("Say in a few words what it is."))
    seen_by = Choice((BOTH, OURS), N_("Choose who may see it."))


class SendDocument(AttachDocument):
    """The same from a program, with the file."""

    name = Text(N_("Give the file's name, with its ending."))
    content = fields.String(
        required=True,
        validate=validate.Length(max=4 * (MOST_BYTES // 3 + 2), error=TOO_LARGE.why),
        error_messages=dict.fromkeys(("required", "null", "invalid"), AS_BASE64),
        metadata={"description": "The bytes, as base64."},
    )


class TakeBack(Command):
    """Why a document is taken back."""

    why = Choice(WHY, N_("Choose why you take it back."))
