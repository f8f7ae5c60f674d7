"""The team of a structure."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.api import bodies
from gateway.api.dependencies import Ask, Caller, RequestSubmitter, User, answer
from gateway.api.parameters import MinVersion, StructureId
from gateway.api.responses import WITH_BODY, body, read_responses, write_responses
from gateway.api.schemas import Accepted, Team
from gateway.application.submit import Submission
from gateway.queries.users import team_shown
from gateway.visibility import structure
from shared.contracts.messages.common import Request as Message
from shared.contracts.messages.manager import AddMember, ChangeProfile, RemoveMember
from shared.domain.access_levels import Right
from shared.errors import Rejected

router = APIRouter(prefix="/structures/{structure_id}/members", tags=["members"])


@router.get("", summary="The team of a structure", responses=read_responses(Team, 404, 425))
async def team(structure_id: StructureId, caller: Caller, min_version: MinVersion = 0) -> Response:
    """Its principal and its members, by name; for its members."""
    document = await caller.the.structures.team(caller.actor, structure_id, min_version)
    users = await caller.the.users.several(
        [document["team"]["principal"], *(member["user"] for member in document["team"]["members"])]
    )
    is_principal = structure.right_of(document, caller.actor) is Right.PRINCIPAL
    possible = ["add", "change-profile", "remove"] if is_principal else []
    return answer({**team_shown(document, users), "possible_requests": possible})


@router.put(
    "/{user}",
    status_code=202,
    summary="Add a member, or change their profile",
    responses=write_responses(Accepted, *WITH_BODY),
    openapi_extra=body(AddMember, "structure_id", "user", modification={"profile": "modification"}),
)
async def put(structure_id: StructureId, user: User, request: Request, ask: Ask) -> Response:
    """Takes effect at once; the principal's alone."""
    model = ChangeProfile if await _is_change(structure_id, user, ask) else AddMember
    message, data = await bodies.read(request, model, structure_id=structure_id, user=user)
    return await ask.ask(_about(structure_id, message, data))


async def _is_change(structure_id: int, user: str, ask: RequestSubmitter) -> bool:
    """Tell whether the user is a member already; a request that comes again is what it was the first time."""
    if ask.named:
        known = await ask.the.requests.known("manager", ask.actor, ask.request_id)
        if known is not None and known["record"]["type"] in {AddMember.type, ChangeProfile.type}:
            return bool(known["record"]["type"] == ChangeProfile.type)
    try:
        document = await ask.the.structures.team(ask.actor, structure_id)
    except Rejected:
        return False  # Its owner knows better, and says what is wrong.
    return any(m["user"] == user and m["state"] == "valid" for m in document["team"]["members"])


@router.delete("/{user}", status_code=202, summary="Remove a member", responses=write_responses(Accepted))
async def remove(structure_id: StructureId, user: User, ask: Ask) -> Response:
    """Takes effect at once; the principal's alone."""
    message, data = bodies.message(RemoveMember, {"structure_id": structure_id, "user": user})
    return await ask.ask(_about(structure_id, message, data))


def _about(structure_id: int, message: Message, data: dict[str, object]) -> Submission:
    return Submission("manager", message, data, f"structure:{structure_id}", {"structure": {"id": structure_id}})
