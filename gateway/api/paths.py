"""Paths are cut at their slashes before they are decoded, as RFC 3986 says: an encoded slash is part of a name.

A subject may be `https://idp.example/7`. Decoded first, as servers hand it on, it would be cut in four; so slashes and
percent signs that were encoded stay so until the route is found, and whoever reads such a name decodes it (`decoded`).
"""

import re
from urllib.parse import unquote

from pydantic import BeforeValidator
from starlette.types import ASGIApp, Receive, Scope, Send

_KEPT = re.compile("%(2[Ff]|25)")

decoded = BeforeValidator(unquote)
"""Annotates a parameter of the path that may hold any text: it is read as it was before it was encoded."""


class WholeNames:
    """Wraps the application: each name of a path stays one."""

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
    """Return the path by which a route is found: decoded, but for slashes and percent signs."""
    return unquote(_KEPT.sub(r"%25\1", raw))
