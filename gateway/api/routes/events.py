"""Follow a request by server-sent events."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header
from fastapi.responses import Response
from sse_starlette import EventSourceResponse

from gateway import metrics
from gateway.api.dependencies import Caller, Calling
from gateway.api.responses import problem_responses
from gateway.api.routes.requests import Id, Maker
from gateway.read_model import request_records
from shared.contracts.messages.life import request_key
from shared.errors import Rejected
from shared.kafka.consumer import TRANSIENT

router = APIRouter(prefix="/requests", tags=["requests"])

_PLACE = re.compile(r"[0-9]{1,18}")
_BEFORE_ALL = -1
_FIRST_LOOK, _LAST_LOOK = 0.05, 5.0
"""Seconds after which the read model is read even without an outcome, longer each time. An outcome may have been
published just before the request is followed and be readable just after, and the outcome listener may miss one."""


@router.get(
    "/{request_id}/events",
    summary="Follow a request",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "One event `step` for each step; the last one ends the stream",
            "content": {"text/event-stream": {}},
        },
        204: {"description": "The request has ended, and its last event was received: do not connect again"},
        **problem_responses(401, 403, 404, 422, 503),
    },
)
async def events(
    request_id: Id,
    caller: Caller,
    maker: Maker = None,
    last_event_id: Annotated[
        str | None, Header(description="id of the last event received: the stream goes on after it")
    ] = None,
) -> Response:
    """The steps so far, then each as it comes. The stream ends after the last step.

    It ends too, some seconds later at most, when the token expires, the account is closed, or the request is no longer
    the reader's to read. A client connects again whenever a stream ends, and names the last event it received; 204
    means that it has all.
    """
    found = await caller.services.requests.one(caller.actor, request_id, maker)
    seen, is_last = await _received(caller, found, last_event_id)
    if is_last:
        return Response(status_code=204)
    return EventSourceResponse(_steps(caller, found, seen))


async def _received(caller: Calling, followed: Mapping[str, Any], last_event_id: str | None) -> tuple[int, bool]:
    """Return the order of the last step that a client received, and whether it is the last of the request.

    An id that is no step of this request is ignored: the stream then begins with the first step.
    """
    if not last_event_id or not _PLACE.fullmatch(last_event_id):
        return _BEFORE_ALL, False
    steps, ended = await caller.services.requests.steps(caller.actor, _record_key(followed), _BEFORE_ALL)
    places = [order for order, _ in steps]
    seen = int(last_event_id)
    return (seen, ended and seen == places[-1]) if seen in places else (_BEFORE_ALL, False)


def _record_key(followed: Mapping[str, Any]) -> str:
    return request_records.key(followed["owner"], followed["actor"], followed["request_id"])


async def _steps(caller: Calling, followed: Mapping[str, Any], seen: int) -> AsyncIterator[dict[str, Any]]:
    """Yield the steps of a request after the one seen, until the last one, or until the caller may not see them."""
    services, key, clock = caller.services, _record_key(followed), asyncio.get_running_loop()
    end, patience = clock.time() + caller.left, _FIRST_LOOK
    follow = services.listener.follow(request_key(followed["actor"], followed["request_id"]))
    with follow as outcomes, metrics.STREAMS.track_inprogress():
        while (left := end - clock.time()) > 0:
            try:
                caller = await caller.again()
                end = clock.time() + caller.left
                steps, ended = await services.requests.steps(caller.actor, key, seen)
            except Rejected:
                return  # The client connects again and gets the error as its response.
            except TRANSIENT:
                # Try again instead of ending the stream: the client would connect again, get a 503, and give up for
                # good.
                steps, ended = [], False
            for order, step in steps:
                seen = order
                yield {"id": str(order), "event": "step", "data": orjson.dumps(step).decode()}
            if ended:
                return
            patience = _FIRST_LOOK if steps else min(2 * patience, _LAST_LOOK)
            with contextlib.suppress(*TRANSIENT):  # It is time to read again, or the outcome can't be written now.
                async with asyncio.timeout(min(left, patience)):
                    outcome = await outcomes.get()
                    if outcome is None:  # The process stops: the client connects again, to another.
                        return
                    if outcome.get("recorded", True):
                        await services.writer.put(outcome)
