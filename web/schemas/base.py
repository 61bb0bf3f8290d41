"""What every command's schema shares: unknown names are refused, all faults are told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError

from web.schemas.fields import LOADING, Loading
from workflows.moves import N_, Refusal

UNKNOWN = N_("There is no field with this name here.")
NOT_FIELDS = N_("Give the fields by their names.")


class Command(Schema):
    """The words a command takes. A page's form and the API's body are read by the same one."""

    error_messages = {"unknown": UNKNOWN, "type": NOT_FIELDS}  # noqa: RUF012

    class Meta:
        unknown = RAISE


class Nothing(Command):
    """Nothing needs to be said."""


class Wrong(Exception):
    """What was said can't be taken. `refusals` has one for each field and sentence; nothing was
    done and nothing typed is lost: whoever shows this has the typed text still."""

    def __init__(self, refusals: list[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__(", ".join(f"{r.field}: {r.why}" for r in refusals))

    @property
    def errors(self) -> dict[str, list[str]]:
        """The sentences by field; nested fields by path (`sources.0.words`)."""
        found: dict[str, list[str]] = {}
        for refusal in self.refusals:
            found.setdefault(refusal.field or "", []).append(refusal.why)
        return found


def flat(messages: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """(path of the field, sentence) of each fault, from marshmallow's nested messages."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            step = () if name in ("_schema", "key", "value") else (str(name),)
            yield from flat(inner, path + step)
    elif isinstance(messages, list):
        for inner in messages:
            yield from flat(inner, path)
    else:
        yield ".".join(path), str(messages)


def refusals_of(messages: Any) -> list[Refusal]:
    """The faults as refusals that belong to a field."""
    return [
        Refusal(
            "unknown_field" if why == UNKNOWN else f"wrong_{path.split('.')[0] or 'body'}",
            why,
            field=path or None,
        )
        for path, why in flat(messages)
    ]


def load(schema: Schema, data: Any, at: datetime, *, form: bool = False) -> dict[str, Any]:
    """What was said, in the types the commands take. Raises Wrong with every fault.

    `form`: the data is a page's form, where everything is text; else it is held to JSON's types.
    A page passes only the fields that are the command's own, not its hidden ones."""
    token = LOADING.set(Loading(at, form))
    try:
        found: dict[str, Any] = schema.load(data)
    except ValidationError as error:
        raise Wrong(refusals_of(error.messages)) from None
    finally:
        LOADING.reset(token)
    return found
