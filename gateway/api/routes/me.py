"""The caller: who they are, and the guide's lists of their structures."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from gateway.api.dependencies import Caller, Paging, answer
from gateway.api.responses import read_responses
from gateway.api.routes.structures import Sort
from gateway.api.schemas import Me, Page, StructureBrief

router = APIRouter(prefix="/me", tags=["me"])

Possible = Literal["modify", "activate", "deactivate", "update-from-insee", "cancel", "correct-sphere"]


@router.get("", summary="Who I am", responses=read_responses(Me))
async def me(caller: Caller) -> Response:
    """As in the token, and as registered once that is done, a moment after a first call."""
    actor = caller.actor
    known = await caller.services.users.one(actor.id) or {}
    outcome = {"id": actor.id, "kind": actor.kind, "administrator": actor.is_administrator}
    names = {"first_name": actor.first_name, "last_name": actor.last_name, "email": actor.email}
    return answer({**outcome, **{name: value for name, value in names.items() if value}, **known})


@router.get("/structures", summary="My structures", responses=read_responses(Page[StructureBrief]))
async def structures(
    caller: Caller,
    page: Paging,
    possible: Annotated[
        Possible | None,
        Query(description="only those for which the caller may make this request now, such as `activate`"),
    ] = None,
    sort: Sort = "name",
) -> Response:
    """Those the caller is attached to."""
    return answer(await caller.services.structures.mine(caller.actor, possible, page, sort))
