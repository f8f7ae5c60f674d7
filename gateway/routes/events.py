"""Follow a request as it goes: server-sent events."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header
from sse_starlette import EventSourceResponse

from gateway import metrics
from gateway.contract import refuses
from gateway.deps import Caller, Calling
from gateway.read_model import rows
from gateway.routes.requests import Id, Maker
from shared.consume import TRANSIENT
from shared.errors import Rejected
from shared.messages.life import request_key

router = APIRouter(prefix="/requests", tags=["requests"])

_PLACE = re.compile(r"[0-9]{1,18}")
_FIRST_LOOK, _LAST_LOOK = 0.05, 5.0
"""Seconds after which the read model is looked at even if nothing was told, longer each time: a step may have been told
just before it is followed, and be readable just after; and a tail may miss what it tells."""


@router.get(
    "/{request_id}/events",
    summary="Follow a request",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "One event `step` a step, the last one ends the stream",
            "content": {"text/event-stream": {}},
        },
        **refuses(401, 403, 404, 422, 503),
    },
)
async def events(
    request_id: Id,
    caller: Caller,
    maker: Maker = None,
    last_event_id: Annotated[
        str | None, Header(description="id of the last event received: it goes on after it")
    ] = None,
) -> EventSourceResponse:
    """Steps as they come, those before first. The stream ends after the last step.

    It ends too, some seconds later at most, when the token expires, the account is closed, or the request is no longer
    the reader's to read.
    """
    found = await caller.the.requests.one(caller.actor, request_id, maker)
    seen = int(last_event_id) if last_event_id and _PLACE.fullmatch(last_event_id) else -1
    return EventSourceResponse(_steps(caller, found, seen))


async def _steps(caller: Calling, followed: Mapping[str, Any], seen: int) -> AsyncIterator[dict[str, Any]]:
    """Yield the steps of a request after the one seen, until the last one, or until the caller may not see them."""
    the, patience = caller.the, _FIRST_LOOK
    actor, request_id = followed["actor"], followed["request_id"]
    key = rows.key(followed["owner"], actor, request_id)
    with the.tail.follow(request_key(actor, request_id)) as told, metrics.STREAMS.track_inprogress():
        while True:
            try:
                caller = await caller.again()
                steps, ended = await the.requests.steps(caller.actor, key, seen)
            except (Rejected, *TRANSIENT):
                return  # The client connects again, and is told why not.
            if (left := caller.left) <= 0:
                return
            for order, step in steps:
                seen = order
                yield {"id": str(order), "event": "step", "data": orjson.dumps(step).decode()}
            if ended:
                return
            patience = _FIRST_LOOK if steps else min(2 * patience, _LAST_LOOK)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, patience)):
                    outcome = await told.get()
                    if outcome is None:  # The process stops: the client connects again, elsewhere.
                        return
                    if outcome.get("recorded", True):
                        await the.writer.put(outcome)
