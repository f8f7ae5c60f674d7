"""Step 1 of a batch: read each message by itself and verify who asks.

A message ends here in one of three ways: as a request to decide; answered (who asks is not proved, or the body is
wrong); or dead-lettered, when nobody can read it. None of them stops its neighbours.
"""

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from shared import auth, codes
from shared.auth import Actor, Verifier
from shared.clock import Clock
from shared.consume import TRANSIENT
from shared.dead_letters import dead_letter
from shared.engine.incoming import Incoming
from shared.engine.publish import Publisher
from shared.engine.rules import Owner
from shared.engine.step import Step
from shared.errors import Poison, Rejected
from shared.logging import get_logger
from shared.messages import cloudevents
from shared.messages.cloudevents import Event, Message
from shared.messages.common import Request
from shared.tracing import next_span

log = get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_TOLD_AT_MOST = 100
"""Characters of an id or a type that come back in an answer, and fields named in it: a huge request has a small one."""
_LONGEST_PATH = 200

_FIELD_CODES = {
    "missing": "field_required",
    "extra_forbidden": "field_unknown",
    "string_too_long": "field_too_long",
    "string_too_short": "field_too_short",
}


def field_errors(error: ValidationError) -> dict[str, str]:
    """Return the fields that are wrong, each with its code; a hundred of them at most."""
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        kind = problem["type"]
        path = ".".join(str(p) for p in problem["loc"])[:_LONGEST_PATH] or "(body)"
        ours = kind if kind in _OWN_CODES else _FIELD_CODES.get(kind, "field_invalid")
        found.setdefault(path, ours)
        if len(found) == _TOLD_AT_MOST:
            break
    return found


_OWN_CODES = frozenset(
    {
        "identifier_type_unknown",
        "identifier_format",
        "identifier_french_vat",
        "structure_reference",
        "moa_only_needs_moa",
        "mandate_dates",
    }
)


def body_hash(request_type: str, data: Any) -> str:
    """Return what tells a repeat from an id used for another request: spaces and the order of fields don't matter."""
    return hashlib.sha256(request_type.encode() + orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()


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

    async def read(self, records: Sequence[Any]) -> tuple[list[Incoming], list[Message]]:
        """Return the requests to decide, and the messages that answer or dead-letter the others.

        Raises Transient when the issuer's keys are needed and it does not answer: the batch waits.
        """
        received = time.monotonic()
        incoming: list[Incoming] = []
        out: list[Message] = []
        for record in records:
            actor: Actor | None = None
            event: Event | None = None
            try:
                event = cloudevents.read(record)
                actor = await self._who(event, record.timestamp, received)
                incoming.append(self._request(event, actor, record))
            except Poison as poison:
                out.append(self._dead(record, poison.code, poison.reason, actor))
            except Rejected as no:
                assert event is not None  # noqa: S101 - only what could be read is refused.
                out.extend(self._answer(event, actor, no, record))
                if actor is not None:  # Refusals for lack of proof are not kept: anybody could fill the topic.
                    reason = "; ".join(f"{k}: {v}" for k, v in no.fields.items()) or codes.sentence(no.code)
                    out.append(self._dead(record, no.code, reason, actor))
            except TRANSIENT:
                raise
            except Exception:
                # Whatever else a message can do to us harms it alone: it is kept, and whoever asked is told.
                log.exception("a message broke", topic=record.topic, partition=record.partition, offset=record.offset)
                out.append(self._dead(record, "internal_error", "reading it broke", actor))
                if event is not None and actor is not None:
                    out.extend(self._answer(event, actor, Rejected("internal_error"), record))
        return incoming, out

    async def _who(self, event: Event, appended: int, received: float) -> Actor:
        claims = await self._verifier.verify(event.headers.get("authorization"), at=appended, received=received)
        return auth.on_behalf(auth.actor_of(claims), event.attributes)

    def _request(self, event: Event, actor: Actor, record: Any) -> Incoming:
        if not _REQUEST_ID.fullmatch(event.id):
            raise Rejected("request_id_invalid")
        model = self._types.get(event.type)
        if model is None:
            raise Rejected("unsupported_type")
        try:
            request = model.model_validate(event.data)
        except ValidationError as error:
            raise Rejected("invalid_request", fields=field_errors(error)) from error
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
            Step.of(
                owner=self._owner,
                request_id=event.id[:_TOLD_AT_MOST],
                actor=actor.id if actor else "",
                client=actor.client if actor else no.client,
                type=event.type[:_TOLD_AT_MOST],
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
