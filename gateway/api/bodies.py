"""Bodies of requests: validated by us, so that errors have the same codes as those of messages on Kafka."""

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
    """Return the request's body, with what the path says, as a message and as raw data.

    Raises Rejected: `media_type_unsupported`, `message_unreadable`, `invalid_request` with the wrong fields,
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
    """Return data as a message, and the data. Raises Rejected(`invalid_request`) with the wrong fields."""
    try:
        return model.read(data), data
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_input=False)) from error
