"""Errors as RFC 9457 `application/problem+json`, with the stable code and its French sentence: one place for all."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from shared import codes
from shared.engine.intake import field_errors
from shared.errors import Rejected, Transient
from shared.logging import get_logger

log = get_logger(__name__)


def problem(
    code: str,
    *,
    status: int | None = None,
    fields: Mapping[str, str] | None = None,
    details: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """Return the answer for a code."""
    status = status or codes.http_status(code)
    body: dict[str, Any] = {
        "type": f"urn:structures:code:{code}",
        "title": codes.sentence(code, details),
        "status": status,
        "code": code,
        **(more or {}),
    }
    if fields:
        body["errors"] = [
            {"field": field, "code": wrong, "message": codes.sentence(wrong, details)}
            for field, wrong in fields.items()
        ]
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="structures"'
    if status in {429, 503}:
        headers["Retry-After"] = "10"
    return Response(orjson.dumps(body), status, headers, "application/problem+json")


_BY_STATUS = {404: "not_found", 405: "method_not_allowed"}


def install(app: FastAPI) -> None:
    """Map every error of this application."""

    @app.exception_handler(Rejected)
    async def rejected(_: Request, no: Rejected) -> Response:
        return problem(no.code, fields=no.fields, details=no.details)

    @app.exception_handler(RequestValidationError)
    async def unusable(_: Request, error: RequestValidationError) -> Response:
        fields = {".".join(str(p) for p in e["loc"][1:]) or str(e["loc"][0]): "field_invalid" for e in error.errors()}
        return problem("invalid_request", fields=fields)

    @app.exception_handler(ValidationError)
    async def invalid(_: Request, error: ValidationError) -> Response:
        return problem("invalid_request", fields=field_errors(error))

    @app.exception_handler(Transient)
    async def transient(_: Request, error: Transient) -> Response:
        log.warning("unavailable", error=str(error))
        return problem("unavailable")

    @app.exception_handler(HTTPException)
    async def plain(_: Request, error: HTTPException) -> Response:
        code = _BY_STATUS.get(error.status_code, "invalid_request")
        return problem(code, status=error.status_code)

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> Response:
        log.error("a route broke", exc_info=error)
        return problem("internal_error")
