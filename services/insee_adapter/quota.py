"""INSEE's quota, shared by every replica through one MongoDB document.

INSEE counts calls in fixed windows, each opened by the first call after the last window. We don't know when they begin,
so at most `limit` calls may arrive within *any* period of the length of a window. A permit is therefore held from
before its call is sent until one window after its call has ended: whenever a call arrives, all those that arrived less
than a window before it still hold theirs. The permits of a dead process stay held until its calls must have ended.

Times are by MongoDB's own clock (`$$NOW`), so the replicas' clocks don't matter, and each step is one atomic update. A
third of the quota may be used in a burst. The rest is spread over the time until the oldest permit is free again, so
that the next permit never takes long, even after a burst of hundreds of look-ups.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from services.insee_adapter import metrics
from services.insee_adapter.responses import NoAnswer
from shared.contracts.messages.insee import Because
from shared.mongo.client import ReturnDocument

_ID = "insee"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_NAP_MS = 1_000
# A permit may be free early (its call ended, or was never made), so no worker sleeps longer before asking again.


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to one call, which must end before `deadline` (seconds of the monotonic clock)."""

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    deadline: float = 0.0


@dataclass(frozen=True, slots=True)
class Wait:
    """No permit now; ask again in `ms`."""

    ms: int


class Quota:
    """At most `limit` calls per `window` ms for all processes that use the same collection.

    `call_ms` is how long a call may take; `margin` is how far INSEE's and MongoDB's clocks may drift apart in a window.
    """

    def __init__(
        self, database: Any, *, limit: int = 30, window: int = 60_000, call_ms: int = 10_000, margin: int = 500
    ) -> None:
        self._collection = database["quota"]
        self._limit = limit
        self._burst = max(1, limit // 3)
        self._held_ms = window + margin
        self._call_ms = call_ms

    async def take(self) -> Permit | Wait:
        """Take a permit, or return how long there is none."""
        permit = Permit(deadline=time.monotonic() + self._call_ms / 1000)
        document = await self._collection.find_one_and_update(
            {"_id": _ID}, self._taking(permit.id), upsert=True, return_document=ReturnDocument.AFTER
        )
        permits = document["permits"]
        metrics.QUOTA_USED.set(len(permits))
        if any(held["id"] == permit.id for held in permits):
            return permit
        waits = [document["paused_until"] - document["now"], document["next_at"] - document["now"]]
        if len(permits) >= self._limit:
            waits.append(min(held["frees_at"] for held in permits) - document["now"])
        return Wait(min(max(1, *(round(wait.total_seconds() * 1000) for wait in waits)), _LONGEST_NAP_MS))

    def _taking(self, permit: str) -> list[dict[str, Any]]:
        count = {"$size": "$permits"}
        free = {
            "$and": [
                {"$lt": [count, self._limit]},
                {"$lte": ["$paused_until", "$$NOW"]},
                {"$or": [{"$lt": [count, self._burst]}, {"$lte": ["$next_at", "$$NOW"]}]},
            ]
        }
        held = {"id": permit, "frees_at": {"$add": ["$$NOW", self._call_ms + self._held_ms]}}
        # The time until the oldest permit is free, divided among the permits that are left after this one.
        spread = {
            "$add": [
                "$$NOW",
                {
                    "$divide": [
                        {"$subtract": [{"$ifNull": [{"$min": "$permits.frees_at"}, "$$NOW"]}, "$$NOW"]},
                        {"$max": [1, {"$subtract": [self._limit, count]}]},
                    ]
                },
            ]
        }
        current = {"$filter": {"input": "$permits", "as": "p", "cond": {"$gt": ["$$p.frees_at", "$$NOW"]}}}
        return [
            {
                "$set": {
                    "now": "$$NOW",
                    "permits": {"$ifNull": ["$permits", []]},
                    "paused_until": {"$ifNull": ["$paused_until", _NEVER]},
                    "next_at": {"$ifNull": ["$next_at", _NEVER]},
                }
            },
            {"$set": {"permits": current}},
            {"$set": {"free": free}},
            {
                "$set": {
                    "permits": {"$cond": ["$free", {"$concatArrays": ["$permits", [held]]}, "$permits"]},
                    "next_at": {"$cond": ["$free", spread, "$next_at"]},
                }
            },
            {"$unset": "free"},
        ]

    async def spent(self, permit: Permit) -> None:
        """Note that the permit's call has ended: the permit is free one window from now."""
        frees_at = {"$add": ["$$NOW", self._held_ms]}
        mine = {"$eq": ["$$p.id", permit.id]}
        ended = {"$mergeObjects": ["$$p", {"frees_at": frees_at}]}
        permits = {"$map": {"input": "$permits", "as": "p", "in": {"$cond": [mine, ended, "$$p"]}}}
        await self._collection.update_one({"_id": _ID}, [{"$set": {"permits": permits}}])

    async def give_back(self, permit: Permit) -> None:
        """Note that the permit's call was never made: another may use it at once."""
        await self._collection.update_one({"_id": _ID}, {"$pull": {"permits": {"id": permit.id}}})

    async def pause(self, wait: int) -> None:
        """Allow no call for `wait` ms, since INSEE allows none: others use our key too, or its quota is smaller."""
        until = {"$max": ["$paused_until", {"$add": ["$$NOW", wait]}]}
        await self._collection.update_one({"_id": _ID}, [{"$set": {"paused_until": until}}], upsert=True)


class Spending:
    """The permits of one look-up: the one it came with, then others as it needs them.

    `patience` is how long (ms) it waits for a further permit before it is put back. After `longest` (ms) in all it gets
    no further one: whoever follows a chain must have ended before its lease does, and lets others have their turn.
    """

    def __init__(self, quota: Quota, first: Permit | None, patience: int = 15_000, *, longest: int = 20_000) -> None:
        self._quota = quota
        self._first = first
        self._patience = patience
        self._last = time.monotonic() + longest / 1000

    @asynccontextmanager
    async def call(self) -> AsyncIterator[float]:
        """Spend one permit on one call; gives the seconds within which the call must end."""
        permit = self._first or await self._another()
        self._first = None
        left = permit.deadline - time.monotonic()
        if left <= 0:
            # The process was stopped after it took the permit, which others may be about to use.
            raise NoAnswer(Because.QUOTA, "L'appel à l'INSEE est remis à plus tard.", wait=1_000)
        yield left
        # Not reached without an answer: a call that was given up may still arrive, so its permit is held for as long as
        # that of a dead process.
        await asyncio.shield(self._quota.spent(permit))

    async def exhausted(self, wait: int) -> None:
        """Note that INSEE allows no call for `wait` ms."""
        await self._quota.pause(wait)

    async def close(self) -> None:
        """Give back the first permit when it was not used."""
        if self._first is not None:
            await self._quota.give_back(self._first)
            self._first = None

    async def _another(self) -> Permit:
        limit = time.monotonic() + self._patience / 1000
        if time.monotonic() > self._last:
            raise NoAnswer(Because.QUOTA, "La recherche à l'INSEE reprendra à son tour.", wait=1_000)
        while isinstance(taken := await self._quota.take(), Wait):
            if time.monotonic() + taken.ms / 1000 > limit:
                raise NoAnswer(Because.QUOTA, "L'appel à l'INSEE attend son tour.", wait=taken.ms)
            await asyncio.sleep(taken.ms / 1000)
        return taken
