"""The caller: who they are, their structures, and what may be asked."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from gateway.deps import Caller, Paging, The, answer
from gateway.schemas import tells
from shared import codes

router = APIRouter(tags=["me"])


@router.get("/me", summary="Who I am", responses=tells("User"))
async def me(actor: Caller, the: The) -> Response:
    """As the directory knows the caller; a first call makes them known a moment later."""
    known = await the.queries.user(actor.id) or {}
    return answer({"id": actor.id, "kind": actor.kind, "administrator": actor.is_administrator, **known})


@router.get("/me/structures", summary="My structures", responses=tells("StructurePage"))
async def structures(
    actor: Caller,
    the: The,
    page: Paging,
    possible: Annotated[str | None, Query(pattern="^[a-z-]{1,30}$", description="such as activate")] = None,
) -> Response:
    """Those the caller is attached to; with `possible=activate`, those that may be activated, and so on."""
    return answer(await the.queries.mine(actor, possible, page))


@router.get("/codes", summary="Every code, with its sentence")
async def catalogue() -> Response:
    """Public: what an answer's `code` may be."""
    return answer([{"code": n, "message": c.sentence, "http": c.http} for n, c in codes.CODES.items()])
