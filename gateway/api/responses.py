"""What routes add to the OpenAPI document: the bodies they read and the responses they return."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from gateway.api.problems import RETRY_AFTER
from shared.contracts.messages.common import Request
from shared.contracts.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]

_WRITE = (400, 401, 403, 404, 409, 413, 422, 503)
_ALWAYS = (429,)
"""Problems of every route: rate limits apply before it."""
WITH_BODY = (415,)
"""Problems of a route that reads a body."""


def read_responses(model: Any, *problems: int, description: str = "Found") -> Responses:
    """Return the responses of a reading route: the model, and the statuses of its problems."""
    return {200: {"model": model, "description": description}, **problem_responses(401, 403, 422, 503, *problems)}


def write_responses(model: type[BaseModel], *problems: int) -> Responses:
    """Return the responses of a writing route."""
    accepted = {
        "model": model,
        "description": "Received, or decided when the caller waited for it",
        "headers": {"Location": {"description": "where the request is read", "schema": {"type": "string"}}},
    }
    return {202: accepted, **problem_responses(*_WRITE, *problems)}


def problem_responses(*statuses: int) -> Responses:
    """Return the problems of a route."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: schema},
            **({"headers": headers} if (headers := _headers(status)) else {}),
        }
        for status in sorted({*statuses, *_ALWAYS})
    }


def _headers(status: int) -> dict[str, Any]:
    """Return the headers that a problem of this status has."""
    if status == 401:
        return {"WWW-Authenticate": {"description": "`Bearer`, with the error", "schema": {"type": "string"}}}
    if status in RETRY_AFTER:
        return {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}
    return {}


def body(model: type[Request], *without: str, **examples: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a route: a message `without` the fields that the path gives, with its examples.

    Its definitions are still inside; `gateway.api.openapi` moves them to the common schemas.
    """
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema["properties"] = {name: p for name, p in schema["properties"].items() if name not in without}
    schema["required"] = [name for name in schema.get("required", ()) if name not in without]
    if not schema["required"]:
        del schema["required"]
    shown = {name: {"value": value} for name, value in examples.items()}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "examples": shown}}}}
