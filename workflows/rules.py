"""What the commands without a machine share: who may, what is missing, and once is once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from referral.actors import Actor
from referral.facts import EARLIER
from referral.rows import put
from referral.states import Noun, Role
from referral.store import Sql, Tx
from workflows.engine import KEY_REUSED, NOT_FOUND, NOT_YOUR_ROLE, Done, Refused
from workflows.moves import Refusal


def require(actor: Actor, roles: Iterable[Role], noun: str, what: str) -> None:
    """Raises Refused (not_your_role) unless the actor has one of these roles."""
    if actor.role not in (*roles, Role.SYSTEM):
        raise Refused([NOT_YOUR_ROLE], noun=noun, trigger=what, record_id=None)


def missing(noun: str, what: str) -> Refused:
    """What the actor may not see is not found."""
    return Refused([NOT_FOUND], noun=noun, trigger=what, record_id=None)


def wrong(noun: str, what: str, *refusals: Refusal) -> Refused:
    """A field or a rule that stands in the way."""
    return Refused(refusals, noun=noun, trigger=what, record_id=None)


def field(name: str, why: str, remedy: str = "", code: str | None = None) -> Refusal:
    """A refusal that belongs to one field of what was given."""
    return Refusal(code or f"wrong_{name}", why, remedy, field=name)


def once(
    tx: Tx,
    actor: Actor,
    key: str | None,
    what: str,
    body: Mapping[str, Any],
    at: datetime,
    do: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """Run a command of several steps at most once for its key: a repeat gets the same answer.

    Raises Refused (idempotency_key_reused) when the key came with another body, TryAgain while
    another client is at it under the same key. `do` returns the answer: ids, references and states
    only, no personal detail."""
    if key is None:
        return do()
    text = json.dumps([what, dict(body)], sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    row = tx.row(EARLIER, system_id=actor.system_id, actor_id=actor.id, key=key)
    if row is not None and row[0]:
        earlier, _, answer = row[0].partition(" ")
        if earlier != digest:
            raise Refused([KEY_REUSED], noun=what, trigger=what, record_id=None)
        said: dict[str, Any] = json.loads(answer)
        return {**said, "replayed": True}
    # The key is claimed before anything is done: another client with it waits here, and isn't
    # refused for what this one has just changed.
    claim = {"system_id": actor.system_id, "actor_id": actor.id, "key": key}
    put(tx, "idempotency", {**claim, "body_hash": digest, "answer": "", "at": at})
    answer_now = do()
    tx.run(ANSWER, **claim, answer=json.dumps(answer_now))
    return answer_now


ANSWER = Sql(
    "UPDATE idempotency SET answer = :answer"
    " WHERE system_id = :system_id AND actor_id = :actor_id AND key = :key"
)


def done_once(
    tx: Tx,
    actor: Actor,
    key: str | None,
    what: str,
    body: Mapping[str, Any],
    at: datetime,
    do: Callable[[], Done],
) -> Done:
    """`once` for a command whose answer is that of its last step."""
    made: list[Done] = []

    def run() -> dict[str, Any]:
        made.append(do())
        return kept(made[0])

    said = once(tx, actor, key, what, body, at, run)
    return made[0] if made else told_again(said)


def kept(done: Done) -> dict[str, Any]:
    """A step as it stands in the answer to a key."""
    return {
        "noun": str(done.noun),
        "id": done.id,
        "state": done.state,
        "version": done.version,
        "reference": done.reference,
    }


def told_again(said: Mapping[str, Any]) -> Done:
    """The step that `kept` kept."""
    return Done(
        Noun(said["noun"]),
        said["id"],
        said["state"],
        said["version"],
        said["reference"],
        replayed=True,
    )
