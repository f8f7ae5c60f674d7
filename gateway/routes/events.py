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
from gateway.deps import Caller, Services
from gateway.read_model import rows
from gateway.routes.requests import Id, Maker
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
    """Steps as they come, those before first. The stream ends after the last step, and when the token expires."""
    found = await caller.the.requests.one(caller.actor, request_id, maker)
    seen = int(last_event_id) if last_event_id and _PLACE.fullmatch(last_event_id) else -1
    return EventSourceResponse(_steps(caller.the, found, seen, caller.left))


async def _steps(
    the: Services, followed: Mapping[str, Any], seen: int, seconds: float
) -> AsyncIterator[dict[str, Any]]:
    """Yield the steps of a request after the one seen, until the last one or for that long."""
    clock = asyncio.get_running_loop()
    end, patience = clock.time() + seconds, _FIRST_LOOK
    actor, request_id = followed["actor"], followed["request_id"]
    key = rows.key(followed["owner"], actor, request_id)
    with the.tail.follow(request_key(actor, request_id)) as told, metrics.STREAMS.track_inprogress():
        while (left := end - clock.time()) > 0:
            steps, ended = await the.requests.steps(key, seen)
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
