"""Looks a SIRET up at INSEE before a creation: a bounded wait, and a quota per caller."""

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.settings import Settings
from gateway.tail import Tail, until
from shared.auth import Actor
from shared.clock import SECOND, Clock
from shared.engine.store import Bus
from shared.errors import Rejected
from shared.messages.cloudevents import build
from shared.messages.insee import InseeLookUp, Result
from shared.mongo import ReturnDocument
from shared.tracing import new_trace

_REFUSALS = {Result.NOT_FOUND: "siret_not_found"}


class InseeLookUps:
    """Asks `insee_adapter` and waits for its answer."""

    def __init__(self, settings: Settings, database: Any, bus: Bus, tail: Tail, clock: Clock) -> None:
        self._settings, self._bus, self._tail, self._clock = settings, bus, tail, clock
        self._quota = database["insee_quota"]

    async def prepare(self) -> None:
        """Create the index that forgets old windows."""
        await self._quota.create_index([("expires_at", 1)], expireAfterSeconds=0, name="expires")

    async def look_up(self, actor: Actor, siret: str) -> dict[str, Any]:
        """Return what INSEE says. Raises Rejected (insee_quota, siret_not_found, insee_unavailable)."""
        await self._take(actor)
        with self._tail.expect_siret(siret) as answers:
            now = self._clock.now()
            wait = self._settings.insee_look_up_wait
            question = InseeLookUp(siret=siret, actor=actor.id, max_wait=wait)
            await self._bus.publish(
                [
                    build(
                        "insee.requests",
                        siret,
                        question.model_dump_json(exclude_none=True).encode(),
                        event_id=f"{actor.id}|{siret}|{now}",
                        event_type=InseeLookUp.type,
                        source="/gateway",
                        at=now,
                        traceparent=new_trace(),
                    )
                ]
            )
            async for answer in until(answers, wait / SECOND):
                if answer["result"] != Result.UNAVAILABLE:
                    if code := _REFUSALS.get(answer["result"]):
                        raise Rejected(code)
                    return answer
        raise Rejected("insee_unavailable")

    async def _take(self, actor: Actor) -> None:
        """Take one look-up of the caller's window, or refuse. The windows are shared by all replicas."""
        window = self._settings.insee_look_up_window
        number = self._clock.now() // window
        expires = datetime.now(UTC) + timedelta(milliseconds=2 * window)
        taken = await self._quota.find_one_and_update(
            {"_id": f"{actor.id}|{number}"},
            {"$inc": {"count": 1}, "$setOnInsert": {"expires_at": expires}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        if taken["count"] > self._settings.insee_look_ups:
            raise Rejected("insee_quota")
