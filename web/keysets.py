"""Where the next page of a list begins, as an address carries it."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any

from flask import abort, request


def pack(*parts: Any) -> str:
    """The last row seen, as one word. It holds times, ranks and ids, never a name."""
    said = [p.astimezone(UTC).isoformat() if isinstance(p, datetime) else p for p in parts]
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def unpack(word: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The parts again; None where there is no word. A word that isn't ours is not found."""
    if not word:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)))
        if not isinstance(parts, list) or len(parts) != len(kinds):
            raise ValueError
        return tuple(_as(kind, part) for kind, part in zip(kinds, parts, strict=True))
    except (ValueError, binascii.Error):
        abort(404)


def _as(kind: type, part: Any) -> Any:
    if kind is datetime:
        found = datetime.fromisoformat(str(part))
        if found.tzinfo is None:
            raise ValueError
        return found
    if type(part) is not kind:
        raise ValueError
    return part


def after(*kinds: type) -> Any:
    """Where this request's page begins: `?after=...`."""
    return unpack(request.args.get("after"), *kinds)
