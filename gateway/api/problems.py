"""Errors as RFC 9457 `application/problem+json`, with the stable code and its French sentence: one place for all."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path

from shared.contracts import codes
from shared.contracts.problems import MEDIA_TYPE, document
from shared.contracts.validation import invalid
from shared.errors import Rejected
from shared.kafka.consumer import TRANSIENT
from shared.runtime.logging import get_logger

log = get_logger(__name__)

CLIENT_LEFT = 499
"""The status, in log and metrics, of a request whose client disconnected before its end; nginx uses it too."""
_BY_STATUS = {400: "message_unreadable", 404: "not_found", 405: "method_not_allowed"}
RETRY_AFTER = {425: 1, 429: 60, 503: 10}
"""Seconds after which to try again, by status."""


def problem(
    code: str,
    *,
    status: int | None = None,
    fields: Mapping[str, str] | None = None,
    details: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer for a code; `fields` maps a field's path to the code of what is wrong with it."""
    status = status or codes.http_status(code)
    values = {"retry_after": RETRY_AFTER.get(status), **(details or {})}
    body: dict[str, Any] = {**document(code, status, values), **(more or {})}
    if public := {name: value for name, value in (details or {}).items() if name != "fields"}:
        body["details"] = public
    if fields:
        body["errors"] = codes.errors_of(fields.items(), details)
    answered = dict(headers or {})
    if status == 401:
        error = "" if code == "token_missing" else ', error="invalid_token"'
        answered["WWW-Authenticate"] = f'Bearer realm="structures"{error}'
    if status == 413:
        answered["Connection"] = "close"  # The rest of the body is not read.
    if status in RETRY_AFTER:
        answered["Retry-After"] = str(values["retry_after"])
    return Response(orjson.dumps(body), status, answered, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Register a handler for every error of this application."""
    app.add_exception_handler(Rejected, _rejected)
    app.add_exception_handler(RequestValidationError, _unusable)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(ClientDisconnect, _gone)
    for error in TRANSIENT:
        app.add_exception_handler(error, _unavailable)
    app.add_exception_handler(Exception, _broken)


async def _rejected(_: Request, no: Exception) -> Response:
    assert isinstance(no, Rejected)  # noqa: S101 - it is registered for that.
    return problem(no.code, fields=no.fields, details=no.details)


async def _unusable(_: Request, error: Exception) -> Response:
    """Return which parameter of the path, the query or the headers is wrong; bodies are validated by `bodies`."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for that.
    # Its location is part of the name, as in `query.page`: a field of the body may have the same name.
    no = invalid(error.errors())
    return problem(no.code, fields=no.fields, details=no.details)


async def _plain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for that.
    code = _BY_STATUS.get(error.status_code, "internal_error" if error.status_code >= 500 else "invalid_request")
    headers = _allowed(request) if error.status_code == 405 else error.headers
    return problem(code, status=error.status_code, headers=headers)


def _allowed(request: Request) -> Mapping[str, str]:
    """Return every method of a path: the framework returns only those of the first router that has the path."""
    paths: Mapping[str, Mapping[str, Any]] = request.app.openapi()["paths"]
    known = (operations for path, operations in paths.items() if compile_path(path)[0].match(request.url.path))
    methods = {method.upper() for operations in known for method in operations} or {"GET"}
    return {"Allow": ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))}


async def _gone(_: Request, __: Exception) -> Response:
    # Nobody reads this response: it only shows in log and metrics that the client left before its body was complete.
    return Response(status_code=CLIENT_LEFT)


async def _unavailable(_: Request, error: Exception) -> Response:
    log.warning("unavailable", error=type(error).__name__)
    return problem("unavailable")


async def _broken(_: Request, __: Exception) -> Response:
    # The middleware logs it.
    return problem("internal_error")
