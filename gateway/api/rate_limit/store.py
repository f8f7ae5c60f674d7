"""The permits of each caller that all replicas share: one document a caller, by MongoDB's own clock."""

from typing import Any, Protocol

from gateway.api.rate_limit.rates import Rate
from shared.clock import MINUTE, SECOND
from shared.mongo.client import DuplicateKeyError, ReturnDocument, weakly


class Permits(Protocol):
    """The shared store from which replicas lease permits."""

    async def lease(self, caller: str, rate: Rate, wanted: int) -> int:
        """Take as many permits of a caller as there are, up to `wanted`, and return how many."""
        ...


class MongoPermits:
    """A bucket for each caller, which fills by MongoDB's clock; each lease is one atomic update.

    Losing a lease with a node lets only a few more calls through, so a write waits for no majority and no journal.
    """

    def __init__(self, database: Any) -> None:
        self._collection = weakly(database["rate_limits"])

    async def prepare(self) -> None:
        """Create the index by which MongoDB removes callers whose bucket is full again."""
        await self._collection.create_index([("expires_at", 1)], expireAfterSeconds=0, name="expires")

    async def lease(self, caller: str, rate: Rate, wanted: int) -> int:
        """Take permits. Raises PyMongoError."""
        try:
            return await self._lease(caller, rate, wanted)
        except DuplicateKeyError:  # Another replica has just created the document.
            return await self._lease(caller, rate, wanted)

    async def _lease(self, caller: str, rate: Rate, wanted: int) -> int:
        outcome = await self._collection.find_one_and_update(
            {"_id": caller},
            _taking(rate, wanted),
            projection={"granted": 1},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(outcome["granted"])


def _taking(rate: Rate, wanted: int) -> list[dict[str, Any]]:
    """Return the update that fills a bucket up to now and takes permits from it, as `rates.Bucket` does."""
    since = {"$max": [0, {"$subtract": ["$$NOW", {"$ifNull": ["$at", "$$NOW"]}]}]}
    gained = {"$divide": [{"$multiply": [since, rate.per_second]}, SECOND]}
    permits = {"$min": [rate.burst, {"$add": [{"$ifNull": ["$permits", rate.burst]}, gained]}]}
    return [
        {"$set": {"permits": permits, "at": "$$NOW"}},
        {"$set": {"granted": {"$min": [wanted, {"$floor": "$permits"}]}}},
        {
            "$set": {
                "permits": {"$subtract": ["$permits", "$granted"]},
                "expires_at": {"$add": ["$$NOW", rate.window_s * SECOND + MINUTE]},
            }
        },
    ]
