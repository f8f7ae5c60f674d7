"""Errors as RFC 9457 `application/problem+json`, with the stable code and its French sentence."""

from collections.abc import Mapping
from typing import Any

from shared.contracts import codes

MEDIA_TYPE = "application/problem+json"


def document(code: str, status: int, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the members that every problem has."""
    return {
        "type": f"urn:structures:code:{code}",
        "title": codes.sentence(code, details),
        "status": status,
        "code": code,
    }
