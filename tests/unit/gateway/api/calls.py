"""Calls of the API, as its routes get them."""

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

from fastapi import Request


def call(body: bytes = b"", *, kind: str | None = None, query: str = "", known: Collection[str] = ()) -> Request:
    """Return a call with a body of a media type, on a route that knows some query parameters."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    state = SimpleNamespace(known_queries={("PATCH", "/x"): frozenset(known)})
    scope = {
        "type": "http",
        "method": "PATCH",
        "headers": [] if kind is None else [(b"content-type", kind.encode())],
        "query_string": query.encode(),
        "app": SimpleNamespace(state=state),
        "route": SimpleNamespace(path_format="/x"),
    }
    return Request(scope, receive)
