"""The catalogue of codes: public, so that a client can be written without an account."""

import orjson
from fastapi import APIRouter, Depends
from fastapi.responses import Response

from gateway.api.parameters import refuse_unknown
from gateway.api.responses import problem_responses
from gateway.api.schemas import Code
from shared.contracts.codes import CODES

router = APIRouter(prefix="/codes", tags=["codes"])

_CATALOGUE = orjson.dumps([{"code": name, **code.published()} for name, code in CODES.items()])
_HEADERS = {"Cache-Control": "public, max-age=3600"}


@router.get(
    "",
    summary="Every code",
    responses={200: {"model": list[Code], "description": "Found"}, **problem_responses(422)},
    dependencies=[Depends(refuse_unknown)],
    openapi_extra={"security": []},
)
async def catalogue() -> Response:
    """What an answer's `code` may be, with its sentence and the status of its refusal."""
    return Response(_CATALOGUE, headers=_HEADERS, media_type="application/json")
