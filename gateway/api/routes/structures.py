"""Consult and search structures, their requests and their history."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response

from gateway.api.dependencies import Caller, Paging, answer
from gateway.api.parameters import At, MinVersion, StructureId
from gateway.api.paths import decoded
from gateway.api.responses import read_responses
from gateway.api.schemas import Page, RequestStatus, RequestWithSteps, Structure, StructureBrief
from gateway.queries.structure import Filters, by_id
from shared.clock import instant
from shared.contracts.messages.common import IdentifierType, UserId
from shared.contracts.messages.structure import Sphere
from shared.domain import identifiers
from shared.errors import Rejected

router = APIRouter(prefix="/structures", tags=["structures"])

Sort = Annotated[
    Literal["name", "-name", "created_at", "-created_at", "id", "-id"], Query(description="a minus reverses the order")
]


async def _filters(
    q: Annotated[
        str | None,
        Query(max_length=100, description="words or parts of words, all of them; case and accents are ignored"),
    ] = None,
    status: Annotated[Literal["active", "inactive"] | None, Query()] = None,
    sphere: Annotated[Sphere | None, Query()] = None,
    identifier_type: Annotated[IdentifierType | None, Query()] = None,
    city: Annotated[str | None, Query(max_length=100, description="the beginning of its name")] = None,
    postcode: Annotated[str | None, Query(max_length=12, description="its beginning, such as 69")] = None,
) -> Filters:
    return Filters(q, status, sphere, identifier_type, city, postcode)


@router.get("", summary="Search structures", responses=read_responses(Page[StructureBrief]))
async def search(
    caller: Caller, page: Paging, filters: Annotated[Filters, Depends(_filters)], sort: Sort = "name"
) -> Response:
    """Anybody finds public structures; private ones are found by their members only."""
    return answer(await caller.services.structures.search(caller.actor, filters, page, sort))


@router.get(
    "/by-identifier/{type}/{value:path}", summary="Find by identifier", responses=read_responses(Structure, 404, 425)
)
async def by_its_identifier(
    type_: Annotated[IdentifierType, Path(alias="type")],
    value: Annotated[
        str,
        decoded,
        Path(
            min_length=1,
            max_length=identifiers.LONGEST_WRITTEN,
            description="however it is written: separators don't matter",
        ),
    ],
    caller: Caller,
    min_version: MinVersion = 0,
) -> Response:
    """The structure whose identifier this is, or was."""
    structures = caller.services.structures
    return answer(await structures.one(caller.actor, await structures.by_identifier(type_, value), min_version))


@router.get("/{structure_id}", summary="Consult a structure", responses=read_responses(Structure, 404, 425))
async def consult(structure_id: StructureId, caller: Caller, min_version: MinVersion = 0, at: At = None) -> Response:
    """The full record for members and administrators, the directory's part of a public structure for anybody.

    With `at`, the record with what had become effective by then, for members and administrators; it does not say what
    was pending or could be requested.
    """
    if at is not None:
        if at > datetime.now(UTC):
            raise Rejected("invalid_request", fields={"query.at": "instant_to_come"})
        return answer(await caller.services.requests.record_at(caller.actor, structure_id, max(0, instant(at))))
    return answer(await caller.services.structures.one(caller.actor, by_id(structure_id), min_version))


@router.get(
    "/{structure_id}/requests",
    summary="The requests about a structure",
    responses=read_responses(Page[RequestWithSteps], 404),
)
async def requests(
    structure_id: StructureId,
    caller: Caller,
    page: Paging,
    status: Annotated[RequestStatus | None, Query()] = None,
    type_: Annotated[str | None, Query(alias="type", max_length=100, description="such as structure.modify.v1")] = None,
    actor: Annotated[UserId | None, Query(description="subject of who made the request")] = None,
) -> Response:
    """Of all actors, newest first; for its members."""
    filters = {"status": status, "type": type_, "actor": actor}
    return answer(await caller.services.requests.of_structure(caller.actor, structure_id, filters, page))


@router.get(
    "/{structure_id}/history",
    summary="What changed on a structure",
    responses=read_responses(Page[RequestWithSteps], 404),
)
async def history(structure_id: StructureId, caller: Caller, page: Paging) -> Response:
    """Each change with values before and after, who requested it, when it was accepted and effective; for members."""
    return answer(await caller.services.requests.history(caller.actor, structure_id, page))
