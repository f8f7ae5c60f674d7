"""What INSEE says of a SIRET, before a creation."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from gateway.deps import Caller, The, answer
from gateway.schemas import tells

router = APIRouter(prefix="/insee", tags=["insee"])


@router.get("/{siret}", summary="Look a SIRET up at INSEE", responses=tells("InseeAnswer"))
async def look_up(siret: Annotated[str, Path(pattern=r"^\d{14}$")], actor: Caller, the: The) -> Response:
    """Waits a few seconds at most; each caller has a quota."""
    return answer(await the.insee.look_up(actor, siret))
