"""Users, for administrators."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.api import bodies
from gateway.api.dependencies import Caller, User, answer
from gateway.api.parameters import MinVersion
from gateway.api.responses import WITH_BODY, body, read_responses, write_responses
from gateway.api.schemas import Accepted
from gateway.api.schemas import User as UserView
from gateway.api.writes import Write
from shared.contracts.messages.manager import SetActive, SetPigp
from shared.errors import Rejected

router = APIRouter(prefix="/users", tags=["users"])


@router.get("/{user}", summary="A user", responses=read_responses(UserView, 404, 425))
async def consult(user: User, caller: Caller, min_version: MinVersion = 0) -> Response:
    """As registered with their first call."""
    if not caller.actor.is_administrator:
        raise Rejected("administrator_only")
    found = await caller.services.users.one(user, min_version)
    if found is None:
        raise Rejected("user_not_found")
    return answer(found)


@router.put(
    "/{user}/pigp",
    status_code=202,
    summary="Say whether a user has a PIGP account",
    responses=write_responses(Accepted, *WITH_BODY),
    openapi_extra=body(SetPigp, "user", pigp={"pigp": True}),
)
async def set_pigp(user: User, request: Request, write: Write) -> Response:
    """Takes effect at once."""
    return await write.submit(*await bodies.read(request, SetPigp, user=user))


@router.put(
    "/{user}/active",
    status_code=202,
    summary="Open or close a user's account",
    responses=write_responses(Accepted, *WITH_BODY),
    openapi_extra=body(SetActive, "user", closed={"active": False}),
)
async def set_active(user: User, request: Request, write: Write) -> Response:
    """Takes effect at once."""
    return await write.submit(*await bodies.read(request, SetActive, user=user))
