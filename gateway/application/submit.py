"""Publishes requests in the name of those the gateway has authenticated, and waits for their decision when asked."""

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
    """A valid request, its data as the caller gave them, who asks it and under which id.

    The data go as they came, so that the same request has the same hash by whichever way it comes.
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
        """Return what tells a repeat from an id used for another request."""
        return body_hash(self.request.type, self.data)


@dataclass(frozen=True)
class Submitted:
    """A request as it stands once it is submitted.

    `repeated` says that it came before; `recorded`, that it can be read: what never became a request can't.
    """

    record: Mapping[str, Any]
    repeated: bool
    recorded: bool


class RequestSubmitter:
    """The way of a write: one message on the owner's `requests` topic, and a record that every replica can show."""

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
        """`patience` (ms) is for how long Kafka may take to have a message."""
        self._bus, self._token, self._listener = bus, token, listener
        self._writer, self._requests, self._clock = writer, requests, clock
        self._patience_s = patience / SECOND

    async def publish(self, submission: Submission, *, correlation: str | None = None) -> None:
        """Publish a request; returns once the broker has it.

        Raises Transient, KafkaError or TimeoutError when it can't; the broker may have it all the same, or later.
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
        """Publish a request and return what is known of it once it is decided, or the caller has waited.

        One that comes again without waiting is returned as it stands: it may be decided already. What is returned can
        be read on every replica. Raises Rejected(`request_id_reused`), and Transient, KafkaError or TimeoutError when
        it could not be published or its owner does not know us.
        """
        outcome = await self._published_and_heard(submission)
        if not outcome.get("recorded", True):
            return Submitted(request_records.record(outcome), outcome.get("repeated", False), recorded=False)
        await self._writer.put(outcome, body_hash=submission.hash)
        if outcome["status"] == "received" and submission.chosen:
            return await self._as_known(submission, outcome)
        return Submitted(request_records.record(outcome), outcome.get("repeated", False), recorded=True)

    async def _published_and_heard(self, submission: Submission) -> Outcome:
        """Return the outcome heard while the caller waited, or that the request is received."""

        def is_decision(outcome: Outcome) -> bool:
            return outcome["request_id"] == submission.request_id and outcome["status"] not in _UNDECIDED

        request, actor, wait = submission.request, submission.actor, submission.wait
        with self._listener.expect(topics.name(request.owner, topics.OUTCOMES), is_decision) as waiter:
            await self.publish(submission, correlation=waiter.correlation)
            outcome = await waiter.within(wait) if wait else None
        if outcome is None:
            if wait:  # That a request waits, for INSEE for instance, is an answer too.
                metrics.UNDECIDED.inc()
            return request_records.received(
                request, actor.id, submission.request_id, self._clock.now(), waiter.correlation
            )
        if not outcome.get("recorded", True) and outcome["actor"] != actor.id:
            # The owner refused our own token, not the caller's: that is for operators to mend.
            self._token.refused()
            log.error("our own token is refused", code=outcome["code"], owner=request.owner)
            raise Transient("our own token is refused")
        return outcome

    async def _as_known(self, submission: Submission, outcome: Outcome) -> Submitted:
        """Return a request that may have come before as it stands; refuse an id used for another one."""
        raw = await self._requests.known(submission.request.owner, submission.actor, submission.request_id)
        assert raw is not None  # noqa: S101 - its record has just been written.
        if raw.get("body_hash", submission.hash) != submission.hash:
            raise Rejected("request_id_reused")
        record = raw["record"]
        return Submitted(record, request_records.is_repeat(record, outcome), recorded=True)
