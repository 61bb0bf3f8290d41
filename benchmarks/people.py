"""People for the lives to be about: many at once, like one made by the product's own commands."""

from __future__ import annotations

from typing import Any

from benchmarks.life import Hand, Stage
from referral.ids import new_id, new_reference
from referral.ledger import TABLES
from referral.store import Store, Tx
from workflows.people import save_plan


def hands(store: Store, stage: Stage, group_id: str, wanted: int) -> list[Hand]:
    """This many new people, each with a plan, to be handed over into this group."""
    world = stage.world
    actor = stage.cast.link_worker
    person = world.person()
    with store.begin(actor) as tx:
        plan = save_plan(tx, actor, world.at, person, {"what_matters": "Singing again"})
    made = [Hand(new_id(world.at), new_id(world.at), group_id) for _ in range(wanted)]
    references: set[str] = set()
    while len(references) < wanted:
        references.add(new_reference(f"B{stage.groups.index(group_id)}"))
    with store.begin(actor) as tx:
        _like(
            tx,
            "person",
            person,
            [
                {"id": hand.person_id, "subject_ref": new_id(), "reference": reference}
                for hand, reference in zip(made, references, strict=True)
            ],
        )
        _like(
            tx,
            "plan",
            plan,
            [{"id": hand.plan_id, "person_id": hand.person_id} for hand in made],
        )
    return made


def _like(tx: Tx, table: str, record_id: str, others: list[dict[str, Any]]) -> None:
    """Rows like this one, but for the columns given."""
    columns = [c.name for c in TABLES[table].columns]
    mark = "%s" if tx.pg else "?"
    cursor = tx.raw.cursor()
    cursor.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE id = {mark}", [record_id])
    row = dict(zip(columns, cursor.fetchone(), strict=True))
    cursor.executemany(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})",
        [list({**row, **other}.values()) for other in others],
    )
