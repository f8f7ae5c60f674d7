"""The queue of look-ups, in MongoDB, so that none is lost whichever process dies.

There is one document per key of a look-up, which is the SIRET and whether its successor is asked for: whoever asks for
one that already waits joins it, and one call answers all.

Fairness: each actor's look-ups are numbered from the turn that is being served, and the lowest number goes first. An
actor who asks for 500 gets the next 500 turns. An actor who then asks for one gets the turn being served, and waits for
at most one look-up of each other actor.

Bounds: what waits is bounded in all, of one actor, and of one key, or whoever asks without end would fill the
database, or one document beyond what MongoDB keeps. Whoever finds no room has that answer from the caller of `add`.

A worker claims a look-up for the time of a lease. When it dies the lease expires and another worker claims it. The same
answer may then be published twice, which readers expect. Times are by MongoDB's own clock (`$$NOW`).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.contracts.messages.insee import asked_by
from shared.mongo.client import ASCENDING, ReturnDocument

MOST = 100_000
"""Look-ups that wait, at most: more than two days of INSEE's public plan."""
MOST_OF_ONE = 1_000
"""Of one actor, at most. Concurrent additions don't see each other, so a few dozen more may get in."""
MOST_ASKERS = 100
"""Of those who wait for one answer: each is told the answer in a message of their own."""

_SERVED = "served"
# The document of `turns` with the turn being served; those of actors have a prefix.


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked, and the correlation id of the answer: two messages with one `correlation_id` get one answer."""

    correlation_id: str
    actor: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A look-up that this worker has claimed.

    `unanswered` are the correlation ids that have no answer UNAVAILABLE yet.
    """

    key: str
    lease: str
    revision: int
    failures: int
    askers: tuple[Asker, ...]
    unanswered: frozenset[str]

    @property
    def siret(self) -> str:
        """Return the SIRET that is looked up."""
        return asked_by(self.key)[0]

    @property
    def successor(self) -> bool:
        """Tell whether it is asked too which establishment carries on."""
        return asked_by(self.key)[1]


class Queue:
    """The queue of all replicas. `lease` is how long (ms) one look-up may take, `max_wait` how long INSEE is retried.

    At most `most` look-ups wait, `most_of_one` of one actor, and `most_askers` for the answer to one.
    """

    def __init__(
        self,
        database: Any,
        *,
        lease: int = 60_000,
        max_wait: int = 3_600_000,
        most: int = MOST,
        most_of_one: int = MOST_OF_ONE,
        most_askers: int = MOST_ASKERS,
    ) -> None:
        self._look_ups = database["look_ups"]
        self._turns = database["turns"]
        self._lease = lease
        self._max_wait = max_wait
        self._most, self._most_of_one, self._most_askers = most, most_of_one, most_askers

    async def prepare(self) -> None:
        """Create the indexes; actors without a look-up for a day are removed."""
        await self._look_ups.create_index([("turn", ASCENDING), ("asked_at", ASCENDING)])
        await self._look_ups.create_index([("asked_at", ASCENDING)])
        await self._look_ups.create_index([("askers.actor", ASCENDING)])
        await self._turns.create_index([("at", ASCENDING)], expireAfterSeconds=86_400)

    async def add(self, key: str, asker: Asker, *, max_wait: int | None = None) -> bool:
        """Put a look-up in the queue, or join the one that waits. Once this returns True it is not lost.

        False means that the queue is full: nothing was stored, and the queue will give no answer.
        """
        if await self._is_full(asker.actor):
            return await self._knows(key, asker)
        turn = await self._next_turn(asker.actor)
        entry = {
            # $literal: values from outside must not be taken for expressions.
            "correlation_id": {"$literal": asker.correlation_id},
            "actor": {"$literal": asker.actor},
            "traceparent": {"$literal": asker.traceparent},
            "answered": False,
        }
        known = {"$in": [{"$literal": asker.correlation_id}, {"$ifNull": ["$askers.correlation_id", []]}]}
        askers = {"$ifNull": ["$askers", []]}
        stays_out = {"$or": [known, {"$gte": [{"$size": askers}, self._most_askers]}]}
        kept = await self._look_ups.find_one_and_update(
            {"_id": key},
            [
                {
                    "$set": {
                        "askers": {"$cond": [stays_out, askers, {"$concatArrays": [askers, [entry]]}]},
                        "revision": {"$add": [{"$ifNull": ["$revision", 0]}, {"$cond": [stays_out, 0, 1]}]},
                        "turn": {"$min": ["$turn", turn]},
                        "asked_at": {"$ifNull": ["$asked_at", "$$NOW"]},
                        "free_at": {"$ifNull": ["$free_at", "$$NOW"]},
                        "failures": {"$ifNull": ["$failures", 0]},
                        "max_wait": {"$max": ["$max_wait", self._max_wait if max_wait is None else max_wait]},
                    }
                }
            ],
            {"askers.correlation_id": 1},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return any(each["correlation_id"] == asker.correlation_id for each in kept["askers"])

    async def _is_full(self, actor: str) -> bool:
        if await self.size() >= self._most:
            return True
        theirs = await self._look_ups.count_documents({"askers.actor": actor}, limit=self._most_of_one)
        return bool(theirs >= self._most_of_one)

    async def _knows(self, key: str, asker: Asker) -> bool:
        """Tell whether this very question waits already: its message may come twice."""
        mine = {"_id": key, "askers.correlation_id": asker.correlation_id}
        return await self._look_ups.find_one(mine, {"_id": 1}) is not None

    async def _next_turn(self, actor: str) -> int:
        served = await self._turns.find_one({"_id": _SERVED}) or {"turn": 0}
        numbered = await self._turns.find_one_and_update(
            {"_id": f"actor:{actor}"},
            [
                {
                    "$set": {
                        "turn": {"$max": [{"$add": [{"$ifNull": ["$turn", -1]}, 1]}, served["turn"]]},
                        "at": "$$NOW",
                    }
                }
            ],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(numbered["turn"])

    async def has_work(self) -> bool:
        """Tell whether a look-up may be claimed now."""
        return await self._look_ups.find_one(_FREE, {"_id": 1}) is not None

    async def size(self) -> int:
        """Return how many look-ups are not answered yet."""
        return int(await self._look_ups.estimated_document_count())

    async def oldest(self) -> float:
        """Return for how long (s) the oldest look-up has been waiting; 0 when none waits."""
        age = {"$project": {"ms": {"$subtract": ["$$NOW", "$asked_at"]}}}
        found = await self._look_ups.aggregate([{"$sort": {"asked_at": ASCENDING}}, {"$limit": 1}, age]).to_list(None)
        return max(0.0, (found[0].get("ms") or 0) / 1000) if found else 0.0

    async def claim(self) -> Job | None:
        """Claim the look-up whose turn it is, for the time of a lease."""
        lease = secrets.token_hex(8)
        found = await self._look_ups.find_one_and_update(
            _FREE,
            [{"$set": {"lease": lease, "free_at": {"$add": ["$$NOW", self._lease]}}}],
            sort=[("turn", ASCENDING), ("asked_at", ASCENDING)],
            return_document=ReturnDocument.AFTER,
        )
        if found is None:
            return None
        # The turn being served has no `at`, so it never expires.
        await self._turns.update_one({"_id": _SERVED}, {"$max": {"turn": found["turn"]}}, upsert=True)
        return _job(found)

    async def finish(self, job: Job) -> Job | None:
        """Remove an answered look-up. Returns it anew when others have joined since: they are still to be answered."""
        mine = {"_id": job.key, "lease": job.lease}
        removed = await self._look_ups.delete_one({**mine, "revision": job.revision})
        if removed.deleted_count:
            return None
        found = await self._look_ups.find_one(mine)
        return None if found is None else _job(found)

    async def give_up(self, job: Job) -> bool:
        """Note that INSEE is unreachable for this look-up; return whether that has lasted too long."""
        found = await self._look_ups.find_one_and_update(
            {"_id": job.key, "lease": job.lease},
            [{"$set": {"now": "$$NOW", "unreachable_since": {"$ifNull": ["$unreachable_since", "$$NOW"]}}}],
            return_document=ReturnDocument.AFTER,
        )
        if found is None:
            return False
        since: datetime = found["unreachable_since"]
        return bool((found["now"] - since).total_seconds() * 1000 >= found["max_wait"])

    async def postpone(self, job: Job, wait: int, *, answered: frozenset[str] = frozenset(), failed: bool) -> None:
        """Let the look-up be claimed again after `wait` ms; the correlation ids `answered` have an UNAVAILABLE."""
        has_answer = {"$or": ["$$a.answered", {"$in": ["$$a.correlation_id", {"$literal": sorted(answered)}]}]}
        askers = {"$map": {"input": "$askers", "as": "a", "in": {"$mergeObjects": ["$$a", {"answered": has_answer}]}}}
        await self._look_ups.update_one(
            {"_id": job.key, "lease": job.lease},
            [
                {
                    "$set": {
                        "askers": askers,
                        "failures": {"$add": ["$failures", int(failed)]},
                        "free_at": {"$add": ["$$NOW", wait]},
                        "lease": None,
                    }
                }
            ],
        )


_FREE = {"$expr": {"$lte": ["$free_at", "$$NOW"]}}


def _job(found: dict[str, Any]) -> Job:
    askers = found["askers"]
    return Job(
        key=found["_id"],
        lease=found["lease"],
        revision=found["revision"],
        failures=found["failures"],
        askers=tuple(Asker(a["correlation_id"], a["actor"], a["traceparent"]) for a in askers),
        unanswered=frozenset(a["correlation_id"] for a in askers if not a["answered"]),
    )
