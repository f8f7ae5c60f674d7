"""Publishes requests for callers whom the gateway has authenticated, and waits for their decision if asked to."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway import metrics
from gateway.application.outcome_listener import Outcome, OutcomeListener
from gateway.projections.request_writer import RequestWriter
from gateway.queries.requests import Requests
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
from shared.errors import Rejected, Transient
from shared.runtime.logging import get_logger
from shared.runtime.tracing import next_span

log = get_logger(__name__)

_UNDECIDED = frozenset({"waiting"})


@dataclass(frozen=True)
class Submission:
    """A valid request, its raw data, its actor and its id.

    The data are published as they came, so that a request has the same hash by whichever channel it comes.
    """

    actor: Actor
    request: Request
    data: Mapping[str, Any]
    request_id: str
    chosen: bool = False
    """Whether the caller chose the id: then it may have been sent before."""
    wait: float = 0
    """Seconds for which the caller waits for the decision."""
    traceparent: str | None = None

    @property
    def hash(self) -> str:
        """Return the body hash, by which a repeat differs from a reused id."""
        return body_hash(self.request.type, self.data)


@dataclass(frozen=True)
class Submitted:
    """A request after its submission.

    `repeated` says that it came before, `recorded` that it can be read: a message that never became a request can't.
    """

    record: Mapping[str, Any]
    repeated: bool
    recorded: bool


class RequestSubmitter:
    """Submits writes: one message on the owner's `requests` topic, and a record that every replica can read."""

    def __init__(
        self,
        bus: Bus,
        token: ServiceToken,
        listener: OutcomeListener,
        writer: RequestWriter,
        requests: Requests,
        clock: Clock,
        *,
        patience: int,
    ) -> None:
        """`patience` (ms) is how long Kafka may take to acknowledge a message."""
        self._bus, self._token, self._listener = bus, token, listener
        self._writer, self._requests, self._clock = writer, requests, clock
        self._patience_s = patience / SECOND

    async def publish(self, submission: Submission, *, correlation: str | None = None) -> None:
        """Publish a request; returns once the broker has acknowledged it.

        Raises Transient, KafkaError or TimeoutError when it can't; the broker may have it nevertheless, or later.
        """
        request, actor = submission.request, submission.actor
        message = build(
            topics.name(request.owner, topics.REQUESTS),
            request.partition_key(actor.id),
            orjson.dumps(submission.data),
            event_id=submission.request_id,
            event_type=request.type,
            source="/gateway",
            at=self._clock.now(),
            correlation_id=correlation,
            traceparent=next_span(submission.traceparent),
            extra=(("authorization", await self._token.header()), *acting_for(actor)),
        )
        async with asyncio.timeout(self._patience_s):
            await self._bus.publish([message])

    async def submit(self, submission: Submission) -> Submitted:
        """Publish a request and return it once it is decided, or once the caller has waited long enough.

        A repeat without waiting is returned as it is recorded: it may be decided already. What is returned can be read
        on every replica. Raises Rejected(`request_id_reused`), and Transient, KafkaError or TimeoutError when it could
        not be published or its owner does not accept our token.
        """
        outcome = await self._published_and_heard(submission)
        if not outcome.get("recorded", True):
            return Submitted(request_records.record(outcome), outcome.get("repeated", False), recorded=False)
        await self._writer.put(outcome, body_hash=submission.hash)
        if outcome["status"] == "received" and submission.chosen:
            return await self._as_known(submission, outcome)
        return Submitted(request_records.record(outcome), outcome.get("repeated", False), recorded=True)

    async def _published_and_heard(self, submission: Submission) -> Outcome:
        """Return the outcome that came while the caller waited, or the record of a received request."""

        def is_decision(outcome: Outcome) -> bool:
            return outcome["request_id"] == submission.request_id and outcome["status"] not in _UNDECIDED

        request, actor, wait = submission.request, submission.actor, submission.wait
        with self._listener.expect(topics.name(request.owner, topics.OUTCOMES), is_decision) as waiter:
            await self.publish(submission, correlation=waiter.correlation)
            outcome = await waiter.within(wait) if wait else None
        if outcome is None:
            if wait:  # No outcome at all: `waiting`, for INSEE for instance, would be one.
                metrics.UNDECIDED.inc()
            return request_records.received(
                request, actor.id, submission.request_id, self._clock.now(), waiter.correlation
            )
        if not outcome.get("recorded", True) and outcome["actor"] != actor.id:
            # The owner refused our own token, not the caller's: operators have to correct that.
            self._token.refused()
            log.error("an owner refuses our own token", code=outcome["code"], owner=request.owner)
            raise Transient("an owner refuses our own token")
        return outcome

    async def _as_known(self, submission: Submission, outcome: Outcome) -> Submitted:
        """Return a request that may have come before as it is recorded; refuse a reused id."""
        raw = await self._requests.known(submission.request.owner, submission.actor, submission.request_id)
        assert raw is not None  # noqa: S101 - its record has just been written.
        if raw.get("body_hash", submission.hash) != submission.hash:
            raise Rejected("request_id_reused")
        record = raw["record"]
        return Submitted(record, request_records.is_repeat(record, outcome), recorded=True)
