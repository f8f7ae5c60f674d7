"""The caller: who they are, and the guide's lists of their structures."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from gateway.contract import gives
from gateway.deps import Caller, Paging, The, answer
from gateway.routes.structures import Sort
from gateway.schemas import Me, Page, StructureBrief

router = APIRouter(prefix="/me", tags=["me"])

Possible = Literal["modify", "activate", "deactivate", "cancel", "correct-sphere"]


@router.get("", summary="Who I am", responses=gives(Me))
async def me(caller: Caller, the: The) -> Response:
    """As the token tells, and as registered once that is done, a moment after a first call."""
    known = await the.people.one(caller.id) or {}
    told = {"id": caller.id, "kind": caller.kind, "administrator": caller.is_administrator}
    names = {"first_name": caller.first_name, "last_name": caller.last_name, "email": caller.email}
    return answer({**told, **{name: value for name, value in names.items() if value}, **known})


@router.get("/structures", summary="My structures", responses=gives(Page[StructureBrief]))
async def structures(
    caller: Caller,
    the: The,
    page: Paging,
    possible: Annotated[
        Possible | None, Query(description="only those of which the caller may ask that now, such as `activate`")
    ] = None,
    sort: Sort = "name",
) -> Response:
    """Those the caller is attached to."""
    return answer(await the.structures.mine(caller, possible, page, sort))
