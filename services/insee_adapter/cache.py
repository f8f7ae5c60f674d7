"""The cache of INSEE's answers, in MongoDB.

INSEE's data change once a night. An answer that decides on a creation (« is it open? ») is kept for an hour only, and
« not found » for minutes, since an establishment created yesterday appears the next morning. UNAVAILABLE is never kept.
An answer that announces a closing or an opening is not kept into that day, on which it becomes untrue.

The cache needs no limit of its own: each answer has cost a call, so there are at most as many as the quota allows in
the longest of these times, a day (43,200 with INSEE's public plan).
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
"""How long (ms) each result is kept; a result that isn't here is never kept."""


class Cache:
    """One answer per SIRET. Expiry is by MongoDB's own clock."""

    def __init__(self, database: Any) -> None:
        self._answers = database["answers"]

    async def prepare(self) -> None:
        """Create the index that removes expired answers (within a minute; reads check the expiry themselves)."""
        await self._answers.create_index([("expires_at", ASCENDING)], expireAfterSeconds=0)

    async def get(self, sirets: Collection[str]) -> dict[str, InseeAnswer]:
        """Return the cached answers for these SIRETs, by SIRET."""
        if not sirets:
            return {}
        kept = self._answers.find({"_id": {"$in": list(sirets)}, "$expr": {"$gt": ["$expires_at", "$$NOW"]}})
        answers = {}
        async for found in kept:
            # An answer cached by another version that this one can't read is looked up again.
            with contextlib.suppress(ValidationError):
                answers[found["_id"]] = InseeAnswer.model_validate(found["answer"])
        return answers

    async def put(self, answer: InseeAnswer) -> None:
        """Keep an answer as long as its result allows, and that of a doublon no longer than its target's."""
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
