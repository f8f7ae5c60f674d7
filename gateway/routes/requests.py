"""Requests: follow them, list them, cancel them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response
from sse_starlette import EventSourceResponse

from gateway.deps import Ask, Caller, Paging, The, answer
from gateway.schemas import tells
from shared.errors import Rejected
from shared.messages.life import FINAL, Status
from shared.messages.structure import CancelRequest

router = APIRouter(prefix="/requests", tags=["requests"])
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9._:-]{1,100}$", description="id of a request")]
Owner = Annotated[str | None, Query(alias="actor", description="who made the request, when it was not the caller")]
_LOOK_EVERY = 0.25
_LONGEST = 3600


@router.get("", summary="My requests", responses=tells("RequestPage"))
async def mine(
    actor: Caller,
    the: The,
    page: Paging,
    status: Status | None = None,
    type: Annotated[str | None, Query(max_length=100)] = None,  # noqa: A002
    structure: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """The caller's own, newest first; with `structure`, those made on it by anybody, for its members."""
    wanted = {"status": status, "type": type, "structure": structure}
    return answer(await the.queries.requests(actor, {k: v for k, v in wanted.items() if v is not None}, page))


@router.get("/{id}", summary="A request as it is now", responses=tells("Request"))
async def consult(id: Id, actor: Caller, the: The, owner: Owner = None) -> Response:  # noqa: A002
    """With every step it has gone through."""
    return answer(await the.queries.request(actor, id, owner))


@router.post("/{id}/cancel", status_code=202, summary="Cancel a pending request", responses=tells("Request"))
async def cancel(id: Id, ask: Ask, owner: Owner = None) -> Response:  # noqa: A002
    """Possible until it takes effect, by whoever could have made it."""
    found = await ask.the.queries.request(ask.actor, id, owner)
    structure = found.get("reference", {}).get("structure", {}).get("id")
    if structure is None:
        raise Rejected("request_not_found")
    wanted = CancelRequest.model_validate(
        {"structure": {"id": structure}, "request_id": id, "actor": owner or ask.actor.id}
    )
    return await ask.ask("structure", wanted, f"structure:{structure}")


@router.get("/{id}/events", summary="Follow a request", response_class=EventSourceResponse)
async def events(
    id: Id,  # noqa: A002
    actor: Caller,
    the: The,
    owner: Owner = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventSourceResponse:
    """Server-sent events: one a step, until the last one. `Last-Event-ID` goes on where a connection broke."""
    await the.queries.request(actor, id, owner)
    return EventSourceResponse(_steps(the, actor, id, owner, last_event_id))


async def _steps(
    the: Any, actor: Any, request_id: str, owner: str | None, last: str | None
) -> AsyncIterator[dict[str, str]]:
    told: set[str] = set()
    for _ in range(int(_LONGEST / _LOOK_EVERY)):
        request = await the.queries.request(actor, request_id, owner)
        steps = request["steps"]
        if last in {s["status"] for s in steps}:
            told.update(s["status"] for s in steps[: [s["status"] for s in steps].index(last) + 1])
            last = None
        for step in steps:
            if step["status"] not in told:
                told.add(step["status"])
                yield {"id": step["status"], "event": step["status"], "data": orjson.dumps(step).decode()}
        if request["status"] in FINAL:
            return
        await asyncio.sleep(_LOOK_EVERY)
