"""Splits paths at slashes before decoding them, as RFC 3986 says: an encoded slash is part of a segment.

A subject may be `https://idp.example/7`. Servers pass paths on decoded, in which it would be split into four segments.
So encoded slashes and percent signs stay encoded until the route is found, and are then decoded by `decoded`.
"""

import re
from urllib.parse import unquote

from pydantic import BeforeValidator
from starlette.types import ASGIApp, Receive, Scope, Send

_KEPT = re.compile("%(2[Ff]|25)")

decoded = BeforeValidator(unquote)
"""Annotates a parameter of the path that may be any text: it is decoded completely."""


class WholeNames:
    """ASGI middleware by which an encoded slash does not split a segment."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            raw = scope["raw_path"].decode("latin-1")
            if _KEPT.search(raw):
                scope["path"] = routed(raw)
        await self._app(scope, receive, send)


def routed(raw: str) -> str:
    """Return the path for routing: decoded, except for slashes and percent signs."""
    return unquote(_KEPT.sub(r"%25\1", raw))
