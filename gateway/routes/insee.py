"""What INSEE says of a SIRET, before a structure is created with it."""

from typing import Annotated

from fastapi import APIRouter, Header, Path
from fastapi.responses import Response

from gateway.contract import gives
from gateway.deps import Caller, answer
from gateway.problems import problem
from gateway.schemas import LookUp
from shared.domain import identifiers
from shared.errors import Rejected

router = APIRouter(prefix="/insee", tags=["insee"])


@router.get("/{siret}", summary="Look a SIRET up", responses=gives(LookUp, 404, 429))
async def look_up(
    siret: Annotated[
        str,
        Path(
            max_length=identifiers.LONGEST_WRITTEN,
            description="spaces are ignored",
            json_schema_extra={"pattern": identifiers.WRITTEN["SIRET"]},
        ),
    ],
    caller: Caller,
    traceparent: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Waits a few seconds at most; each caller may look up a few a minute."""
    value = identifiers.compact("SIRET", siret)
    if wrong := identifiers.problem("SIRET", value):
        raise Rejected("invalid_request", fields={"siret": wrong})
    found = await caller.the.insee.look_up(caller.actor, value, traceparent)
    if found.get("code") == "siret_not_found":
        return problem("siret_not_found", status=404)
    return answer(found)
