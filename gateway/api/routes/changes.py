"""Ask for a change of a structure: create, modify, activate, deactivate, update from INSEE, correct the sphere."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.api import bodies
from gateway.api.parameters import StructureId
from gateway.api.responses import WITH_BODY, body, write_responses
from gateway.api.schemas import Accepted
from gateway.api.writes import Write, Writing
from shared.contracts.messages.common import Request as Message
from shared.contracts.messages.structure import (
    ActivateStructure,
    CorrectSphere,
    CreateStructure,
    DeactivateStructure,
    ModifyStructure,
    UpdateFromInsee,
)

router = APIRouter(prefix="/structures", tags=["changes"])


@router.post(
    "",
    status_code=202,
    summary="Create a structure",
    responses=write_responses(Accepted, *WITH_BODY),
    openapi_extra=body(
        CreateStructure,
        siret={"identifier": {"type": "SIRET", "value": "41816609600069"}, "label": "Siège", "activate": True},
        other={
            "identifier": {"type": "RIDET", "value": "0123456789"},
            "name": "Exemple Calédonie",
            "address": {"line1": "1 rue de l'Alma", "postcode": "98800", "city": "Nouméa", "country": "NC"},
            "email": "contact@example.fr",
        },
        person={
            "identifier": {"type": "PARTICULIER", "value": "EXEMPLE-1"},
            "person": {"first_name": "Camille", "last_name": "Exemple"},
            "address": {"city": "Lyon", "postcode": "69003"},
        },
    ),
)
async def create(request: Request, write: Write) -> Response:
    """Takes effect at once; the creator is the principal manager. What INSEE knows of a SIRET must not be given."""
    return await write.submit(*await bodies.read(request, CreateStructure))


@router.patch(
    "/{structure_id}",
    status_code=202,
    summary="Modify a structure",
    responses=write_responses(Accepted, *WITH_BODY),
    openapi_extra=body(
        ModifyStructure,
        "structure",
        contact={"email": "accueil@example.fr", "phone": "+33 1 23 45 67 89"},
        parameters={"parameters": {"service_code_required": True}},
        emptied={"label": None},
    ),
)
async def modify(structure_id: StructureId, request: Request, write: Write) -> Response:
    """Only the fields given change: null empties one. `modifiable_fields` of the record says which may be given."""
    return await write.submit(*await bodies.read(request, ModifyStructure, structure={"id": structure_id}))


@router.post(
    "/{structure_id}/activate", status_code=202, summary="Activate a structure", responses=write_responses(Accepted)
)
async def activate(structure_id: StructureId, write: Write) -> Response:
    """An inactive one: deactivated before, or never activated."""
    return await _plain(structure_id, ActivateStructure, write)


@router.post(
    "/{structure_id}/deactivate", status_code=202, summary="Deactivate a structure", responses=write_responses(Accepted)
)
async def deactivate(structure_id: StructureId, write: Write) -> Response:
    """An active one."""
    return await _plain(structure_id, DeactivateStructure, write)


@router.post(
    "/{structure_id}/update-from-insee",
    status_code=202,
    summary="Update a structure from INSEE",
    responses=write_responses(Accepted),
)
async def update_from_insee(structure_id: StructureId, write: Write) -> Response:
    """One with a SIRET: `before` and `after` say what differs, the SIRET among it if INSEE has replaced it.

    While INSEE does not answer, the request waits; what INSEE says is taken over after the delay.
    """
    return await _plain(structure_id, UpdateFromInsee, write)


@router.post(
    "/{structure_id}/correct-sphere",
    status_code=202,
    summary="Correct the sphere of a structure",
    responses=write_responses(Accepted, *WITH_BODY),
    openapi_extra=body(CorrectSphere, "structure", sphere={"sphere": "public_non_state"}),
)
async def correct_sphere(structure_id: StructureId, request: Request, write: Write) -> Response:
    """Takes effect at once; for administrators."""
    return await write.submit(*await bodies.read(request, CorrectSphere, structure={"id": structure_id}))


async def _plain(structure_id: int, model: type[Message], write: Writing) -> Response:
    return await write.submit(*bodies.message(model, {"structure": {"id": structure_id}}))
