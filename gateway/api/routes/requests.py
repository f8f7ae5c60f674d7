"""Follow and cancel requests."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from gateway.api import bodies
from gateway.api.dependencies import Caller, Calling, Paging, answer
from gateway.api.parameters import Digits
from gateway.api.responses import read_responses, write_responses
from gateway.api.schemas import Accepted, Page, RequestStatus, RequestWithSteps
from gateway.api.writes import Write
from shared.contracts.messages.common import LARGEST_INTEGER, RequestId, UserId
from shared.contracts.messages.structure import CancelRequest
from shared.errors import Rejected

router = APIRouter(prefix="/requests", tags=["requests"])

Id = Annotated[RequestId, Path(description="id of a request")]
Maker = Annotated[UserId | None, Query(alias="actor", description="who made the request, when not the caller")]


@router.get("", summary="My requests", responses=read_responses(Page[RequestWithSteps]))
async def mine(
    caller: Caller,
    page: Paging,
    status: Annotated[RequestStatus | None, Query()] = None,
    type_: Annotated[str | None, Query(alias="type", max_length=100, description="such as structure.modify.v1")] = None,
    structure: Annotated[
        int | None,
        Query(ge=1, le=LARGEST_INTEGER, description="id of a structure, as the request or its outcome names it"),
        Digits,
    ] = None,
) -> Response:
    """The caller's own, newest first."""
    # Only an id that the request or its outcome names: the caller may not be allowed to know more.
    filters = {"status": status, "type": type_, "reference.structure.id": structure}
    return answer(await caller.services.requests.mine(caller.actor, filters, page))


@router.get("/{request_id}", summary="A request as it is now", responses=read_responses(RequestWithSteps, 404))
async def consult(request_id: Id, caller: Caller, maker: Maker = None) -> Response:
    """One's own, or one on a structure of which one is a member; with each step it went through."""
    return answer(await caller.services.requests.one(caller.actor, request_id, maker))


async def _cancellable(caller: Calling, request_id: str, maker: str | None) -> Mapping[str, Any]:
    """Return a request to `structure`, the one owner whose requests can be cancelled."""
    try:
        return await caller.services.requests.one(caller.actor, request_id, maker, owners=["structure"])
    except Rejected:
        await caller.services.requests.one(caller.actor, request_id, maker)  # Raises when there is none at all.
        raise Rejected("not_cancellable") from None


@router.post(
    "/{request_id}/cancel", status_code=202, summary="Cancel a pending request", responses=write_responses(Accepted)
)
async def cancel(request_id: Id, write: Write, maker: Maker = None) -> Response:
    """Possible until it takes effect, for everybody who could have made it."""
    found = await _cancellable(write.caller, request_id, maker)
    structure = found.get("reference", {}).get("structure")
    if not structure:
        raise Rejected("not_cancellable")
    # The structure of a waiting creation has no id yet.
    named = {"id": structure["id"]} if "id" in structure else {"identifier": structure["identifier"]}
    data = {"structure": named, "request_id": request_id, "actor": maker or write.caller.actor.id}
    return await write.submit(*bodies.message(CancelRequest, data))
