"""Structures: consult, search, create, modify, activate, deactivate, correct the sphere."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from gateway.deps import Ask, Caller, Paging, StructureId, The, answer, body_of
from gateway.schemas import body, tells
from shared import identifiers
from shared.messages.common import IdentifierType
from shared.messages.structure import (
    ActivateStructure,
    CorrectSphere,
    CreateStructure,
    DeactivateStructure,
    ModifyStructure,
    Sphere,
)

router = APIRouter(prefix="/structures", tags=["structures"])
MinVersion = Annotated[int, Query(ge=0, description="wait a moment for this version to be readable")]


@router.get("", summary="Search structures", responses=tells("StructurePage"))
async def search(
    actor: Caller,
    the: The,
    page: Paging,
    q: Annotated[str | None, Query(max_length=200, description="words or parts of words, accents ignored")] = None,
    status: Literal["active", "inactive"] | None = None,
    sphere: Sphere | None = None,
    identifier_type: IdentifierType | None = None,
) -> Response:
    """Any caller finds public structures; private ones are found by their members only."""
    wanted = {"record.status": status, "record.sphere": sphere, "record.identifier.type": identifier_type}
    filters = {name: value for name, value in wanted.items() if value is not None}
    return answer(await the.queries.search(actor, filters, q, page))


@router.post(
    "", status_code=202, summary="Create a structure", responses=tells("Request"), openapi_extra=body(CreateStructure)
)
async def create(request: Request, ask: Ask) -> Response:
    """The creator is its principal manager. What INSEE knows of a SIRET is not given."""
    wanted = await body_of(request, CreateStructure)
    return await ask.ask("structure", wanted, wanted.identifier.key)


@router.get("/by-identifier/{kind}/{value}", summary="Find a structure by identifier", responses=tells("Structure"))
async def by_identifier(
    kind: IdentifierType, value: str, actor: Caller, the: The, min_version: MinVersion = 0
) -> Response:
    """Its current identifier or a former one."""
    key = f"{kind}:{identifiers.compact(kind, value)}"
    return _record(await the.queries.structure(actor, key=key, min_version=min_version))


@router.get("/{id}", summary="Consult a structure", responses=tells("Structure"))
async def consult(id: StructureId, actor: Caller, the: The, min_version: MinVersion = 0) -> Response:  # noqa: A002
    """The whole record for members, the directory's part of a public structure for anybody."""
    return _record(await the.queries.structure(actor, id_=id, min_version=min_version))


def _record(record: dict[str, Any]) -> Response:
    return answer(record, headers={"ETag": f'"{record["version"]}"'})


@router.patch(
    "/{id}",
    status_code=202,
    summary="Modify a structure",
    responses=tells("Request"),
    openapi_extra=body(ModifyStructure),
)
async def modify(id: StructureId, request: Request, ask: Ask) -> Response:  # noqa: A002
    """Takes effect after the delay. Only the fields given change."""
    wanted = await body_of(request, ModifyStructure, structure={"id": id})
    return await ask.ask("structure", wanted, _key(id))


@router.post("/{id}/activate", status_code=202, summary="Activate a structure", responses=tells("Request"))
async def activate(id: StructureId, ask: Ask) -> Response:  # noqa: A002
    """Takes effect after the delay."""
    return await ask.ask("structure", ActivateStructure.model_validate({"structure": {"id": id}}), _key(id))


@router.post("/{id}/deactivate", status_code=202, summary="Deactivate a structure", responses=tells("Request"))
async def deactivate(id: StructureId, ask: Ask) -> Response:  # noqa: A002
    """Takes effect after the delay."""
    return await ask.ask("structure", DeactivateStructure.model_validate({"structure": {"id": id}}), _key(id))


@router.put(
    "/{id}/sphere",
    status_code=202,
    summary="Correct the sphere",
    responses=tells("Request"),
    openapi_extra=body(CorrectSphere),
)
async def correct_sphere(id: StructureId, request: Request, ask: Ask) -> Response:  # noqa: A002
    """Administrators only; takes effect at once."""
    wanted = await body_of(request, CorrectSphere, structure={"id": id})
    return await ask.ask("structure", wanted, _key(id))


@router.get("/{id}/requests", summary="Requests made on a structure", responses=tells("RequestPage"))
async def requests(id: StructureId, actor: Caller, the: The, page: Paging) -> Response:  # noqa: A002
    """Its history: who asked what, when, before and after; for its members."""
    return answer(await the.queries.requests(actor, {"structure": id}, page))


def _key(structure_id: int) -> str:
    return f"structure:{structure_id}"
