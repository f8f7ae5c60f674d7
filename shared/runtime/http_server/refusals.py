"""Responses given before there is a request for the application: complete and prepared once."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import orjson

from shared.contracts import codes
from shared.contracts.problems import MEDIA_TYPE, document
from shared.runtime.http_server.limits import Limits

RETRY_AFTER = 1
"""Seconds after which a client that found too many connections may try again."""
METHODS = "DELETE, GET, HEAD, PATCH, POST, PUT"
"""All methods that our applications use; which of them a path has is not known here."""


def refusal(code: str, limits: Limits, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return the response for a code, with these headers besides its own; it announces the end of the connection."""
    start, rest = _parts(code, limits)
    return start + b"".join(b"%s: %s\r\n" % header for header in headers) + rest


@lru_cache
def _parts(code: str, limits: Limits) -> tuple[bytes, bytes]:
    status, details = HTTPStatus(codes.http_status(code)), _details(code, limits)
    body = orjson.dumps({**document(code, status, details), **({"details": details} if details else {})})
    headers = {
        "content-type": MEDIA_TYPE,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "connection": "close",
    }
    if status is HTTPStatus.NOT_IMPLEMENTED:
        headers["allow"] = METHODS
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = str(RETRY_AFTER)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode(), f"{lines}\r\n".encode() + body


def _details(code: str, limits: Limits) -> Mapping[str, Any]:
    """Return the values for the sentence of a code."""
    known: Mapping[str, Mapping[str, Any]] = {
        "target_too_long": {"limit": limits.target_bytes},
        "headers_too_large": {"limit": limits.header_bytes, "lines": limits.header_lines},
        "too_many_connections": {"retry_after": RETRY_AFTER},
    }
    return known.get(code, {})
