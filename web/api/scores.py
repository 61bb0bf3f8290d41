"""How somebody says their life is, for programs: the answers of a referral, for its team alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields

from referral import scores as kept
from referral.audit import log
from referral.scores import ANSWERS
from referral.states import Noun, Role
from referral.store import Tx
from web.access import TEAM
from web.api.answers import Saved, words
from web.api.door import REPEAT_KEY, Blueprint, asker, for_roles, saved_once
from web.current import edge
from web.schemas.scores import CorrectScores, RecordScores
from workflows import scores as scoring
from workflows.rules import missing

api = Blueprint("scores", "How somebody says their life is; they are read under their referral.")


class ScoresShown(Schema):
    """The answers given at one time, each from 0 to 10 or null where it was not answered."""

    id = fields.UUID()
    measure = words("ons4", "Which questions: four of the Office for National Statistics.")
    measure_version = fields.Integer()
    stage = words("start", "When in the referral: start, review or end.")
    satisfied = fields.Integer(allow_none=True)
    worthwhile = fields.Integer(allow_none=True)
    happy = fields.Integer(allow_none=True)
    anxious = fields.Integer(
        allow_none=True, metadata={"description": "The only one of which lower is better."}
    )
    asked_on = fields.Date()
    how = words("phone", "How it was asked: in_person, phone or themselves.")
    recorded_by = fields.String()
    recorded_at = fields.AwareDateTime()
    corrects = fields.UUID(
        allow_none=True, metadata={"description": "The earlier answers that these put right."}
    )
    why = fields.String(allow_none=True, metadata={"description": "Why they were put right."})
    stands = fields.Boolean(metadata={"description": "False: put right since."})


class AllScores(Schema):
    """Every answer of a referral, as it was written: never added up."""

    items = fields.List(fields.Nested(ScoresShown))


def add_scores(api: Blueprint, *, roles: frozenset[Role]) -> None:
    """The answers of a referral: read them, record them."""

    @api.route("/<uuid:record_id>/scores")
    @for_roles(roles)
    @api.response(200, AllScores)
    def scores(record_id: UUID) -> dict[str, Any]:
        """How the person says their life is, each time they were asked"""
        actor, found = asker(), str(record_id)

        def read(tx: Tx, at: datetime) -> dict[str, Any]:
            f = scoring.may_score(tx, actor, at, found)
            if f is None:
                raise missing("score", "read")
            log(tx, actor, at, "read", Noun.REFERRAL, found, subject=f.subject_ref)
            rows = kept.of_referral(tx, actor, found)
            standing = {row.id for row in kept.standing(rows)}
            return {
                "items": [
                    {
                        **row._asdict(),
                        "corrects": row.corrects_id,
                        "stands": row.id in standing and row.answered,
                    }
                    for row in rows
                ]
            }

        return edge().look(actor, read)

    @api.route("/<uuid:record_id>/scores", methods=["POST"])
    @for_roles(roles)
    @api.doc(parameters=REPEAT_KEY)
    @api.arguments(RecordScores)
    @api.response(201, Saved)
    def record_scores(given: dict[str, Any], record_id: UUID) -> Any:
        """Record what the person said, with at least one answer"""
        found = str(record_id)
        return saved_once(
            "score",
            {"referral": found, **given},
            lambda tx, at: scoring.record_scores(
                tx, asker(), at, referral_id=found, **answers(given)
            ),
        ), 201


@api.route("/<uuid:score_id>/correct", methods=["POST"])
@for_roles(TEAM)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(CorrectScores)
@api.response(201, Saved)
def correct_scores(given: dict[str, Any], score_id: UUID) -> Any:
    """Put answers right. Both stay; without any answer they are taken back"""
    actor, sid = asker(), str(score_id)

    def do(tx: Tx, at: datetime) -> str:
        before = scoring.correct_scores(tx, actor, at, score_id=sid, **answers(given))
        rows = kept.of_referral(tx, actor, before.referral_id)
        return next(row.id for row in rows if row.corrects_id == sid)

    return saved_once("score", {"score": sid, **given}, do), 201


def answers(given: dict[str, Any]) -> dict[str, Any]:
    """The answers apart from when and how they were given."""
    rest = {name: value for name, value in given.items() if name not in ANSWERS}
    return {**rest, "answers": {name: given.get(name) for name in ANSWERS}}
