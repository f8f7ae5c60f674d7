"""The answers of INSEE, kept for a while in MongoDB.

INSEE's data change once a night. What decides on a creation (« is it open? ») is kept for an hour only, and « not
found » for minutes, since an establishment made yesterday appears the next morning. No answer at all is never kept.
No answer is kept into the day on which a closing or an opening that it announces takes place: by then it is untrue.

What is kept is bounded without a limit of its own: each answer has cost a call, so there are as many as the quota lets
through in the longest of these times, a day (43,200 with INSEE's public plan).
"""

import contextlib
from collections.abc import Collection
from typing import Any

from pydantic import ValidationError

from services.insee_adapter import days
from shared.clock import HOUR, MINUTE
from shared.contracts.messages.insee import InseeAnswer, Result
from shared.mongo.client import ASCENDING

KEPT = {
    Result.ACTIVE: HOUR,
    Result.RESTRICTED: HOUR,
    Result.CLOSED: 12 * HOUR,
    Result.MOVED: 24 * HOUR,
    Result.NOT_FOUND: 10 * MINUTE,
}
"""How long (ms) each result is kept; one that isn't here never is."""


class Cache:
    """One answer per SIRET. MongoDB's own clock decides what is too old."""

    def __init__(self, database: Any) -> None:
        self._answers = database["answers"]

    async def prepare(self) -> None:
        """Make the index that removes what is too old (within a minute; readers don't wait for it)."""
        await self._answers.create_index([("expires_at", ASCENDING)], expireAfterSeconds=0)

    async def get(self, sirets: Collection[str]) -> dict[str, InseeAnswer]:
        """Return the answers kept for these SIRETs, by SIRET."""
        if not sirets:
            return {}
        kept = self._answers.find({"_id": {"$in": list(sirets)}, "$expr": {"$gt": ["$expires_at", "$$NOW"]}})
        answers = {}
        async for found in kept:
            # One that another version kept and that this one can't read is asked for again.
            with contextlib.suppress(ValidationError):
                answers[found["_id"]] = InseeAnswer.model_validate(found["answer"])
        return answers

    async def put(self, answer: InseeAnswer) -> None:
        """Keep an answer as long as its result allows, and a doublon's no longer than what is said of its target."""
        kept = KEPT.get(answer.result)
        if kept is None:
            return
        if answer.moved_to_result is not None:
            kept = min(kept, KEPT.get(answer.moved_to_result, kept))
        ends: list[Any] = [{"$add": ["$$NOW", kept]}]
        if change := answer.closes_on or answer.opens_on:
            ends.append(days.begins(change))
        document = {
            "_id": answer.siret,
            # $literal: a name that starts with a dollar must not be taken for an expression.
            "answer": {"$literal": answer.model_dump(mode="json")},
            "expires_at": {"$min": ends},
        }
        await self._answers.update_one({"_id": answer.siret}, [{"$replaceWith": document}], upsert=True)
