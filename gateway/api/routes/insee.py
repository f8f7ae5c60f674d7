"""Look a SIRET up at INSEE, before a structure is created with it."""

from fastapi import APIRouter
from fastapi.responses import Response

from gateway.api.dependencies import Caller, answer
from gateway.api.parameters import Siret, Traceparent
from gateway.api.problems import problem
from gateway.api.responses import read_responses
from gateway.api.schemas import LookUp
from shared.contracts.codes.fields import IDENTIFIER_FORMS
from shared.domain import identifiers
from shared.errors import Rejected

router = APIRouter(prefix="/insee", tags=["insee"])


@router.get("/{siret}", summary="Look a SIRET up", responses=read_responses(LookUp, 404, 429))
async def look_up(siret: Siret, caller: Caller, traceparent: Traceparent = None) -> Response:
    """Waits a few seconds at most; each caller may look up a few a minute."""
    value = identifiers.compact("SIRET", siret)
    if wrong := identifiers.problem("SIRET", value):
        raise Rejected(
            "invalid_request",
            fields={"path.siret": wrong},
            details={"fields": {"path.siret": IDENTIFIER_FORMS["SIRET"]}},
        )
    found = await caller.services.insee.look_up(caller.actor, value, traceparent)
    if found.get("code") == "siret_not_found":
        return problem("siret_not_found", status=404)
    return answer(found)
