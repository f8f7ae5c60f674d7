"""Bodies of requests: read by us, so that what is wrong has the same codes by whichever door it comes."""

from typing import Any, TypeVar

import orjson
from fastapi import Request
from pydantic import ValidationError

from shared.contracts.messages.common import Request as Message
from shared.contracts.validation import invalid
from shared.errors import Rejected

_JSON = "application/json"

M = TypeVar("M", bound=Message)


async def read(request: Request, model: type[M], **known: Any) -> tuple[M, dict[str, Any]]:
    """Return the request's body as a message with what the path says, and its data as they came.

    Raises Rejected: `media_type_unsupported`, `message_unreadable`, `invalid_request` with the fields that are wrong,
    `body_too_large`.
    """
    kind = request.headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    if kind != _JSON and not kind.endswith("+json"):
        raise Rejected("media_type_unsupported")
    raw = await request.body()
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Rejected("message_unreadable") from error
    if not isinstance(data, dict):
        raise Rejected("invalid_request", fields={"(body)": "object_expected"})
    if twice := [name for name in known if name in data]:
        raise Rejected("invalid_request", fields=dict.fromkeys(twice, "field_unknown"))
    return message(model, {**data, **known})


def message(model: type[M], data: dict[str, Any]) -> tuple[M, dict[str, Any]]:
    """Return data as a message, and the data. Raises Rejected(`invalid_request`) with the fields that are wrong."""
    try:
        return model.read(data), data
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_input=False)) from error
