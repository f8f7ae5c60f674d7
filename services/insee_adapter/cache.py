"""The answers of INSEE, kept for a while in MongoDB.

INSEE's data change once a night. What decides on a creation (« is it open? ») is kept for an hour only, and « not
found » for minutes, since an establishment made yesterday appears the next morning. No answer at all is never kept.

What is kept is bounded without a limit of its own: each answer has cost a call, so there are as many as the quota lets
through in the longest of these times, a day (43,200 with INSEE's public plan).
"""

from collections.abc import Collection
from typing import Any

from shared.clock import HOUR, MINUTE
from shared.messages.insee import InseeAnswer, Result
from shared.mongo import ASCENDING

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
        return {found["_id"]: InseeAnswer.model_validate(found["answer"]) async for found in kept}

    async def put(self, answer: InseeAnswer) -> None:
        """Keep an answer as long as its result allows."""
        kept = KEPT.get(answer.result)
        if kept is None:
            return
        document = {
            "_id": answer.siret,
            # $literal: a name that starts with a dollar must not be taken for an expression.
            "answer": {"$literal": answer.model_dump(mode="json")},
            "expires_at": {"$add": ["$$NOW", kept]},
        }
        await self._answers.update_one({"_id": answer.siret}, [{"$replaceWith": document}], upsert=True)
