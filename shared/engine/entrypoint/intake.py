"""Step 1 of a batch: read each message by itself and authenticate its sender.

A message becomes one of three things. It is a request to decide. Or it is refused with an answer: its sender is not
authenticated, or is and the message is wrong. Or it is only dead-lettered: it can't be read, and its sender is not
authenticated. None of them stops the others of its batch.
"""

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import ValidationError

from shared.auth import verifier
from shared.auth.verifier import Verifier
from shared.clock import Clock
from shared.contracts import codes
from shared.contracts.messages import cloudevents
from shared.contracts.messages.cloudevents import Event, Message
from shared.contracts.messages.common import Request
from shared.contracts.validation import invalid
from shared.domain.actor import Actor
from shared.engine.core.incoming import Incoming
from shared.engine.core.rules import Owner
from shared.engine.core.transition import Transition
from shared.engine.runtime.publish import Publisher
from shared.errors import Poison, Rejected
from shared.kafka.consumer import TRANSIENT
from shared.kafka.dead_letters import dead_letter
from shared.runtime.logging import get_logger
from shared.runtime.tracing import next_span

log = get_logger(__name__)

_REQUEST_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._:-]{1,100}")
"""Not "." or "..": a request is read over HTTP too, and clients remove those from a URL's path."""
_SHOWN_AT_MOST = 100
"""Characters of an id or a type that are repeated in an answer: even a huge message gets a small answer."""


def body_hash(request_type: str, data: Any) -> str:
    """Return the hash by which a repeat differs from a reused id: spaces and the order of fields don't matter."""
    return hashlib.sha256(request_type.encode() + orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()


_PATIENCE_S = 0.3
"""Seconds for which a batch waits for unknown signing keys; fetching them takes a few hundredths of a second."""


@dataclass(slots=True)
class Read:
    """The result of reading a batch of records."""

    incoming: list[Incoming] = field(default_factory=list)
    out: list[Message] = field(default_factory=list)
    unproved: list[Any] = field(default_factory=list)
    """Records whose token can't be verified now, since the issuer is needed and does not answer."""


class Intake:
    """Reads the messages of one owner's `requests` topic."""

    def __init__(
        self, owner: Owner[Any], verifier: Verifier, publisher: Publisher, clock: Clock, *, process: str
    ) -> None:
        self._types: Mapping[str, type[Request]] = {t.type: t for t in owner.rules if t not in owner.internal}
        self._owner = owner.name
        self._verifier = verifier
        self._publisher = publisher
        self._clock = clock
        self._process = process

    async def read(self, records: Sequence[Any]) -> Read:
        """Return requests to decide, answers and dead letters for others, and records whose token can't be verified.

        An unknown signing key is waited for only a moment, and only once all other records have been read.
        """
        received = time.monotonic()
        read = Read()
        unknown = [record for record in records if not await self._read(record, received, read, patience=0)]
        until = time.monotonic() + _PATIENCE_S
        for record in unknown:
            if not await self._read(record, received, read, patience=max(0.0, until - time.monotonic())):
                read.unproved.append(record)
        return read

    async def _read(self, record: Any, received: float, read: Read, *, patience: float) -> bool:
        """Read one record; return False when its token can't be verified now."""
        incoming, out = read.incoming, read.out
        actor: Actor | None = None
        event: Event | None = None
        try:
            event = cloudevents.look(record)
            actor = await self._who(event, record.timestamp, received, patience)
            incoming.append(self._request(event, actor, record))
        except Poison as poison:
            out.append(self._dead(record, poison.code, poison.reason, actor))
        except Rejected as no:
            assert event is not None  # noqa: S101 - only what could be read is refused.
            out.extend(self._answer(event, actor, no, record))
            if actor is not None:  # Unauthenticated messages are not dead-lettered: anybody could fill the topic.
                wrong = "; ".join(f"{k}: {v}" for k, v in no.fields.items())
                reason = event.fault.reason if event.fault else wrong or codes.sentence(no.code, no.details)
                out.append(self._dead(record, no.code, reason, actor))
        except TRANSIENT:
            return False
        except Exception:
            # An unexpected error harms this message alone: it is dead-lettered, and its sender gets an answer.
            log.exception(
                "reading a message failed", topic=record.topic, partition=record.partition, offset=record.offset
            )
            out.append(self._dead(record, "internal_error", "reading it failed", actor))
            if event is not None and actor is not None:
                out.extend(self._answer(event, actor, Rejected("internal_error"), record))
        return True

    async def _who(self, event: Event, appended: int, received: float, patience: float) -> Actor:
        token = event.headers.get("authorization")
        try:
            claims = await self._verifier.verify(token, at=appended, received=received, patience=patience)
            return verifier.on_behalf(verifier.actor_of(claims), event.attributes)
        except Rejected:
            if event.fault is not None:  # Unreadable and unauthenticated: dead-lettered, with nobody to answer.
                raise event.fault from None
            raise

    def _request(self, event: Event, actor: Actor, record: Any) -> Incoming:
        if event.fault is not None:
            raise Rejected(event.fault.code) from event.fault
        if not _REQUEST_ID.fullmatch(event.id):
            raise Rejected("request_id_invalid")
        model = self._types.get(event.type)
        if model is None:
            raise Rejected("unsupported_type")
        try:
            request = model.read(event.data)
        except ValidationError as error:
            raise invalid(error.errors(include_url=False, include_input=False)) from error
        return Incoming(
            request_id=event.id,
            actor=actor,
            request=request,
            body_hash=body_hash(event.type, event.data),
            received_at=record.timestamp,
            correlation_id=event.correlation_id,
            traceparent=event.traceparent,
            authorization=event.headers.get("authorization"),
            record=record,
        )

    def _answer(self, event: Event, actor: Actor | None, no: Rejected, record: Any) -> list[Message]:
        return self._publisher.answer(
            Transition.of(
                owner=self._owner,
                request_id=event.id[:_SHOWN_AT_MOST],
                actor=actor.id if actor else "",
                client=actor.client if actor else no.client,
                type=event.type[:_SHOWN_AT_MOST],
                status="rejected",
                code=no.code,
                fields=no.fields,
                details=no.details,
                at=self._clock.now(),
                received_at=record.timestamp,
                correlation_id=event.correlation_id,
                traceparent=next_span(event.traceparent),
            )
        )

    def _dead(self, record: Any, code: str, reason: str, actor: Actor | None) -> Message:
        return dead_letter(record, code, reason, process=self._process, actor=actor)
