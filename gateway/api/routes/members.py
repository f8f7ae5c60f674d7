"""The team of a structure."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.api import bodies
from gateway.api.dependencies import Caller, User, answer
from gateway.api.parameters import MinVersion, StructureId
from gateway.api.responses import WITH_BODY, body, read_responses, write_responses
from gateway.api.schemas import Accepted, Team
from gateway.api.writes import Write
from gateway.visibility import manager
from shared.contracts.messages.manager import RemoveMember, SetMember

router = APIRouter(prefix="/structures/{structure_id}/members", tags=["members"])


@router.get("", summary="The team of a structure", responses=read_responses(Team, 404, 425))
async def team(structure_id: StructureId, caller: Caller, min_version: MinVersion = 0) -> Response:
    """Its principal and its members, by name; for its members."""
    document = await caller.services.structures.team(caller.actor, structure_id, min_version)
    users = await caller.services.users.several(
        [document["team"]["principal"], *(member["user"] for member in document["team"]["members"])]
    )
    return answer(manager.team(document, users, caller.actor))


@router.put(
    "/{user}",
    status_code=202,
    summary="Add a member, or change their profile",
    responses=write_responses(Accepted, *WITH_BODY),
    openapi_extra=body(SetMember, "structure_id", "user", modification={"profile": "modification"}),
)
async def put(structure_id: StructureId, user: User, request: Request, write: Write) -> Response:
    """Takes effect at once; the principal's alone."""
    return await write.submit(*await bodies.read(request, SetMember, structure_id=structure_id, user=user))


@router.delete("/{user}", status_code=202, summary="Remove a member", responses=write_responses(Accepted))
async def remove(structure_id: StructureId, user: User, write: Write) -> Response:
    """Takes effect at once; the principal's alone."""
    return await write.submit(*bodies.message(RemoveMember, {"structure_id": structure_id, "user": user}))
