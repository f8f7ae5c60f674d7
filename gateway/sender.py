"""Publishes requests in the name of those the gateway has authenticated, and waits for their decision when asked."""

from typing import Any

import orjson

from gateway.read_model.projections import ReadModel
from gateway.tail import Tail, until
from gateway.tokens import ServiceToken
from shared import topics
from shared.auth import Actor
from shared.clock import Clock, iso
from shared.engine.store import Bus
from shared.messages.cloudevents import build
from shared.messages.common import Request
from shared.tracing import next_span

_DECIDED = {"accepted", "rejected", "applied", "failed", "cancelled"}


class Sender:
    """The way of a write: one message on the owner's `requests` topic."""

    def __init__(self, bus: Bus, token: ServiceToken, tail: Tail, model: ReadModel, clock: Clock) -> None:
        self._bus, self._token, self._tail, self._model, self._clock = bus, token, tail, model, clock

    async def send(
        self,
        actor: Actor,
        owner: str,
        request: Request,
        key: str,
        request_id: str,
        correlation: str,
        traceparent: str | None = None,
    ) -> None:
        """Publish a request; returns once the broker has it."""
        who = [("authorization", await self._token.header()), ("ce_actor", actor.id.encode())]
        who += [("ce_actorkind", actor.kind.encode()), ("ce_actorscope", " ".join(sorted(actor.scopes)).encode())]
        message = build(
            topics.name(owner, topics.REQUESTS),
            key,
            orjson.dumps(request.model_dump(mode="json", exclude_unset=True)),
            event_id=request_id,
            event_type=request.type,
            source="/gateway",
            at=self._clock.now(),
            correlation_id=correlation,
            traceparent=next_span(traceparent),
            extra=tuple(who),
        )
        await self._bus.publish([message])

    async def ask(
        self,
        actor: Actor,
        owner: str,
        request: Request,
        key: str,
        request_id: str,
        *,
        wait: float,
        traceparent: str | None = None,
    ) -> dict[str, Any]:
        """Publish a request and return what is known of it after at most `wait` seconds, as its journal will tell.

        What is returned is in the shared read model already, so that every replica can show it.
        """
        with self._tail.expect() as (correlation, answers):
            await self.send(actor, owner, request, key, request_id, correlation, traceparent)
            told = self._received(actor, owner, request, request_id)
            if wait:
                async for answer in until(answers, wait):
                    if answer["request_id"] == request_id and answer["actor"] in {actor.id, ""}:
                        told = answer
                        if told["status"] in _DECIDED:
                            break
        if told.get("recorded", True):
            await self._model.put_steps([told])
        return told

    def _received(self, actor: Actor, owner: str, request: Request, request_id: str) -> dict[str, Any]:
        now = iso(self._clock.now())
        return {
            "owner": owner,
            "request_id": request_id,
            "actor": actor.id,
            "type": request.type,
            "status": "received",
            "code": "received",
            "version": 0,
            "at": now,
            "received_at": now,
            "reference": {},
        }
