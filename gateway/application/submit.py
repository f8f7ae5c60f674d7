"""Publishes requests in the name of those the gateway has authenticated, and waits for their decision when asked."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway import metrics
from gateway.application.outcome_listener import Answer, OutcomeListener
from gateway.projections.request_writer import RequestWriter
from gateway.read_model import request_records
from shared.auth.service_token import ServiceToken
from shared.auth.verifier import acting_for
from shared.clock import SECOND, Clock
from shared.contracts import topics
from shared.contracts.messages.cloudevents import build
from shared.contracts.messages.common import Request
from shared.domain.actor import Actor
from shared.engine.entrypoint.intake import body_hash
from shared.engine.storage.protocol import Bus
from shared.errors import Transient
from shared.runtime.logging import get_logger
from shared.runtime.tracing import next_span

log = get_logger(__name__)

_UNDECIDED = frozenset({"waiting"})


@dataclass(frozen=True)
class Submission:
    """What is asked of an owner: the valid request, its data as the caller gave them, and the key of its message.

    The data go as they came, so that the same request has the same hash by whichever door. `about` is what is known
    of what it is about before its owner says it.
    """

    owner: str
    request: Request
    data: Mapping[str, Any]
    key: str
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """Return what tells a repeat from an id used for another request."""
        return body_hash(self.request.type, self.data)


class Sender:
    """The way of a write: one message on the owner's `requests` topic, and a row that every replica can show."""

    def __init__(
        self,
        bus: Bus,
        token: ServiceToken,
        outcome_listener: OutcomeListener,
        writer: RequestWriter,
        clock: Clock,
        patience: int,
    ) -> None:
        self._bus, self._token, self._outcome_listener, self._writer, self._clock = (
            bus,
            token,
            outcome_listener,
            writer,
            clock,
        )
        self._patience = patience / SECOND

    async def send(
        self,
        actor: Actor,
        asked: Submission,
        request_id: str,
        *,
        correlation: str | None = None,
        traceparent: str | None = None,
    ) -> None:
        """Publish a request; returns once the broker has it.

        Raises Transient, KafkaError or TimeoutError when it can't; the broker may have it all the same, or later.
        """
        message = build(
            topics.name(asked.owner, topics.REQUESTS),
            asked.key,
            orjson.dumps(asked.data),
            event_id=request_id,
            event_type=asked.request.type,
            source="/gateway",
            at=self._clock.now(),
            correlation_id=correlation,
            traceparent=next_span(traceparent),
            extra=(("authorization", await self._token.header()), *acting_for(actor)),
        )
        async with asyncio.timeout(self._patience):
            await self._bus.publish([message])

    async def ask(
        self, actor: Actor, asked: Submission, request_id: str, *, wait: float, traceparent: str | None = None
    ) -> Answer:
        """Publish a request and return what is known of it after at most `wait` seconds.

        What is returned can be read on every replica already, save a refusal of what never became a request
        (`recorded` is false then). Raises Transient when it could not be published or its owner does not know us.
        """

        def is_decision(outcome: Answer) -> bool:
            return outcome["request_id"] == request_id and outcome["status"] not in _UNDECIDED

        with self._outcome_listener.expect(topics.name(asked.owner, topics.OUTCOMES), is_decision) as expected:
            await self.send(actor, asked, request_id, correlation=expected.correlation, traceparent=traceparent)
            outcome = await expected.within(wait) if wait else None
        if wait and outcome is None:  # That a request waits, for INSEE for instance, is an answer too.
            metrics.UNDECIDED.inc()
        if outcome is None:
            now = self._clock.now()
            outcome = request_records.received(
                asked.owner, asked.request, actor.id, request_id, asked.about, now, expected.correlation
            )
        if not outcome.get("recorded", True):
            if outcome["actor"] != actor.id:
                # The owner refused our own token, not the caller's: that is for operators to mend.
                self._token.refused()
                log.error("our own token is refused", code=outcome["code"], owner=asked.owner)
                raise Transient("our own token is refused")
            return outcome
        await self._writer.put(outcome, body_hash=asked.hash)
        return outcome
