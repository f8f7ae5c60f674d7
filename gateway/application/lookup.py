"""Looks a SIRET up at INSEE before a creation: a bounded wait, and a quota per caller."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from gateway.application.outcome_listener import Outcome, OutcomeListener
from shared.clock import SECOND, Clock
from shared.contracts import codes
from shared.contracts.messages.cloudevents import build
from shared.contracts.messages.insee import InseeAnswer, InseeLookUp, Result
from shared.domain.actor import Actor
from shared.engine.storage.protocol import Bus
from shared.errors import Rejected
from shared.mongo.client import ReturnDocument
from shared.runtime.tracing import next_span


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a look-up waits for INSEE, and Kafka to take it (ms); how many one caller has in a window (ms)."""

    wait: int
    broker_patience: int
    window: int
    count: int


class InseeLookUps:
    """Asks `insee_adapter` and waits for its answer. The quota is kept in the gateway's own database."""

    def __init__(self, limits: Limits, database: Any, bus: Bus, listener: OutcomeListener, clock: Clock) -> None:
        self._limits, self._bus, self._listener, self._clock = limits, bus, listener, clock
        self._quota = database["insee_quota"]

    async def prepare(self) -> None:
        """Create the index that forgets old windows."""
        await self._quota.create_index([("expires_at", 1)], expireAfterSeconds=0, name="expires")

    async def look_up(self, actor: Actor, siret: str, traceparent: str | None = None) -> dict[str, Any]:
        """Return what INSEE says, with the `code` for which a creation would be refused.

        Raises Rejected: `insee_quota` with the seconds to wait in its details, `insee_unavailable`; KafkaError or
        TimeoutError when it can't be asked.
        """
        await self._take(actor)
        wait = self._limits.wait
        question = InseeLookUp(siret=siret, actor=actor.id, max_wait=wait)
        with self._listener.expect("insee.outcomes", _is_last) as waiter:
            message = build(
                "insee.requests",
                siret,
                orjson.dumps(question.model_dump(mode="json", exclude_none=True)),
                event_id=waiter.correlation,
                event_type=InseeLookUp.type,
                source="/gateway",
                at=self._clock.now(),
                correlation_id=waiter.correlation,
                traceparent=next_span(traceparent),
            )
            async with asyncio.timeout(self._limits.broker_patience / SECOND):
                await self._bus.publish([message])
            answer = await waiter.within(wait / SECOND)
        return with_refusal(answer)

    async def _take(self, actor: Actor) -> None:
        """Take one look-up of the caller's window, or refuse. The windows are shared by all replicas."""
        window = self._limits.window
        now = self._clock.now()
        expires = datetime.now(UTC) + timedelta(milliseconds=2 * window)
        taken = await self._quota.find_one_and_update(
            {"_id": f"{actor.id}|{now // window}"},
            {"$inc": {"count": 1}, "$setOnInsert": {"expires_at": expires}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        if taken["count"] > self._limits.count:
            raise Rejected("insee_quota", details={"retry_after": seconds_left(now, window)})


def with_refusal(answer: Outcome | None) -> Outcome:
    """Return what INSEE says, with the `code` for which a creation would be refused and its sentence.

    Raises Rejected(`insee_unavailable`) when nothing is known.
    """
    if answer is None or answer["result"] == Result.UNAVAILABLE:
        raise Rejected("insee_unavailable")
    found = InseeAnswer.model_validate(answer)
    code = found.refusal
    if code is None:
        return answer
    # What is announced is INSEE's to tell, and not in the sentence of the code.
    announced = found.message if found.result == Result.CLOSED and found.opens_on else None
    message = " ".join(filter(None, (codes.sentence(code, answer), announced)))
    return {**answer, "code": code, "message": message}


def seconds_left(now: int, window: int) -> int:
    """Return the seconds after which another window has begun (both in ms)."""
    return (window - now % window) // SECOND + 1


def _is_last(answer: Outcome) -> bool:
    # An UNAVAILABLE that will be tried again is not the last word.
    return answer["result"] != Result.UNAVAILABLE or not answer.get("retry_after")
