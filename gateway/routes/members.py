"""The team of a structure, and users."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from gateway.deps import Ask, Caller, StructureId, The, answer, body_of
from gateway.schemas import body, tells
from shared.errors import Rejected
from shared.messages.manager import AddMember, ChangeProfile, RemoveMember, SetActive, SetPigp

router = APIRouter(tags=["members"])
User = Annotated[str, Path(pattern=r"^[^\s|]{1,200}$", description="id of a user")]


@router.get("/structures/{id}/members", summary="The team of a structure", responses=tells("Team"))
async def team(id: StructureId, actor: Caller, the: The) -> Response:  # noqa: A002
    """For its members."""
    return answer(await the.queries.team(actor, id))


@router.put(
    "/structures/{id}/members/{user}",
    status_code=202,
    summary="Add a member, or change their profile",
    responses=tells("Request"),
    openapi_extra=body(AddMember),
)
async def put(id: StructureId, user: User, request: Request, ask: Ask) -> Response:  # noqa: A002
    """The principal's alone; takes effect at once."""
    team = await ask.the.queries.team(ask.actor, id)
    is_member = any(m["user"] == user and m["state"] == "valid" for m in team["members"])
    wanted = await body_of(request, ChangeProfile if is_member else AddMember, structure_id=id, user=user)
    return await ask.ask("manager", wanted, f"structure:{id}")


@router.delete(
    "/structures/{id}/members/{user}", status_code=202, summary="Remove a member", responses=tells("Request")
)
async def remove(id: StructureId, user: User, ask: Ask) -> Response:  # noqa: A002
    """The principal's alone; takes effect at once."""
    return await ask.ask("manager", RemoveMember(structure_id=id, user=user), f"structure:{id}")


@router.get("/users/{user}", summary="A user", responses=tells("User"))
async def consult(user: User, actor: Caller, the: The) -> Response:
    """For administrators, and for oneself."""
    if not actor.is_administrator and actor.id != user:
        raise Rejected("administrator_only")
    found = await the.queries.user(user)
    if found is None:
        raise Rejected("user_not_found")
    return answer(found)


@router.put(
    "/users/{user}/pigp",
    status_code=202,
    summary="Set a user's PIGP account",
    responses=tells("Request"),
    openapi_extra=body(SetPigp),
)
async def set_pigp(user: User, request: Request, ask: Ask) -> Response:
    """Administrators only."""
    return await ask.ask("manager", await body_of(request, SetPigp, user=user), f"user:{user}")


@router.put(
    "/users/{user}/active",
    status_code=202,
    summary="Open or close an account",
    responses=tells("Request"),
    openapi_extra=body(SetActive),
)
async def set_active(user: User, request: Request, ask: Ask) -> Response:
    """Administrators only."""
    return await ask.ask("manager", await body_of(request, SetActive, user=user), f"user:{user}")
