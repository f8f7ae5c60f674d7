"""The cache of INSEE's answers, in MongoDB.

INSEE's data change once a night. An answer that decides on a creation (« is it open? ») is kept for an hour only, and
« not found » for minutes, since an establishment created yesterday appears the next morning. UNAVAILABLE is never kept.
An answer that announces a closing or an opening is not kept into that day, on which it becomes untrue.

Whoever asks for a successor wants what INSEE says today. What costs them one call is asked anew each time; the end of a
chain, which may have cost twenty, is kept for minutes, so that nobody spends the quota by asking again and again.

What is kept is bounded without a limit of its own: each answer has cost a call, so there are as many as the quota lets
through in the longest of these times, a day (43,200 with INSEE's public plan).
"""

import contextlib
from collections.abc import Collection
from typing import Any

from pydantic import ValidationError

from services.insee_adapter import days
from shared.clock import HOUR, MINUTE
from shared.contracts.messages.insee import InseeAnswer, Result, asked_by
from shared.mongo.client import ASCENDING

KEPT = {
    Result.ACTIVE: HOUR,
    Result.RESTRICTED: HOUR,
    Result.CLOSED: 12 * HOUR,
    Result.MOVED: 24 * HOUR,
    Result.NOT_FOUND: 10 * MINUTE,
}
"""How long (ms) each result is kept; a result that isn't here is never kept."""

KEPT_SUCCESSION = 10 * MINUTE
"""How long (ms) is kept which establishment carries on."""


class Cache:
    """One answer per key of a look-up. MongoDB's own clock decides what is too old."""

    def __init__(self, database: Any) -> None:
        self._answers = database["answers"]

    async def prepare(self) -> None:
        """Create the index that removes expired answers (within a minute; reads check the expiry themselves)."""
        await self._answers.create_index([("expires_at", ASCENDING)], expireAfterSeconds=0)

    async def get(self, keys: Collection[str]) -> dict[str, InseeAnswer]:
        """Return the answers kept for look-ups with these keys, by key."""
        if not keys:
            return {}
        kept = self._answers.find({"_id": {"$in": list(keys)}, "$expr": {"$gt": ["$expires_at", "$$NOW"]}})
        answers = {}
        async for found in kept:
            # An answer cached by another version that this one can't read is looked up again.
            with contextlib.suppress(ValidationError):
                answers[found["_id"]] = InseeAnswer.model_validate(found["answer"])
        return answers

    async def put(self, key: str, answer: InseeAnswer) -> None:
        """Keep the answer to a look-up as long as it may be believed."""
        kept = _kept(key, answer)
        if kept is None:
            return
        ends: list[Any] = [{"$add": ["$$NOW", kept]}]
        target = answer.succession.establishment if answer.succession else None
        changes = (answer.closes_on, answer.opens_on, target and target.closes_on)
        ends += [days.begins(change) for change in changes if change]
        document = {
            "_id": key,
            # $literal: a name that starts with a dollar must not be taken for an expression.
            "answer": {"$literal": answer.model_dump(mode="json")},
            "expires_at": {"$min": ends},
        }
        await self._answers.update_one({"_id": key}, [{"$replaceWith": document}], upsert=True)


def _kept(key: str, answer: InseeAnswer) -> int | None:
    """Return how long (ms) an answer is kept: a doublon's no longer than what is said of its target."""
    _, successor = asked_by(key)
    if successor:
        return KEPT_SUCCESSION if answer.succession is not None else None
    kept = KEPT.get(answer.result)
    if kept is None or answer.moved_to_result is None:
        return kept
    return min(kept, KEPT.get(answer.moved_to_result, kept))
