"""Middleware of every route: a limit on bodies, HEAD where there is GET, security headers, access log and metrics.

Plain ASGI, since a framework's middleware would cost more than reading a document. Neither log nor metrics contain a
path or a query: they name the route, which contains no personal data.
"""

import sys
import time
from datetime import UTC, datetime

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import metrics
from gateway.api.problems import problem
from shared.errors import Rejected
from shared.runtime.logging import get_logger

log = get_logger(__name__)

_TIME = orjson.OPT_UTC_Z
LARGEST_BODY = 1024 * 1024
_READING = frozenset({"GET", "HEAD"})

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
_UNLESS_SET = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class HttpGuard:
    """Wraps the API."""

    def __init__(self, app: ASGIApp, *, access_log: bool = True) -> None:
        self._app = app
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        status = 0
        seen = 0
        method = scope["method"]
        if is_head := method == "HEAD":
            scope = {**scope, "method": "GET"}

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > LARGEST_BODY:
                raise Rejected("body_too_large")
            return message

        async def checked_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name.lower() for name, _ in message["headers"]}
                defaults = [header for header in _UNLESS_SET if header[0] not in present]
                message["headers"] = [*message["headers"], *_HEADERS, *defaults]
                await send(message)
                if is_head:  # Without this, a stream of events would not end.
                    await send({"type": "http.response.body"})
            elif not is_head:
                await send(message)

        try:
            if method not in _READING and _length(scope) > LARGEST_BODY:
                await problem("body_too_large")(scope, receive, checked_send)  # None of it is read.
            else:
                await self._app(scope, bounded, checked_send)
        except Exception:
            log.exception("a route failed", method=method, route=_route(scope))
            if not status:
                await problem("internal_error")(scope, receive, checked_send)
        finally:
            self._record(scope, method, status, time.perf_counter() - started)

    def _record(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        route = _route(scope)
        metrics.HTTP_SECONDS.labels(method, route, status).observe(seconds)
        if self._access_log:
            # Formatted here like every other line of the log: the logger takes longer than serving a read.
            line = {
                "event": "request",
                "method": method,
                "route": route,
                "status": status,
                "ms": round(seconds * 1000, 1),
                "level": "info",
                "timestamp": datetime.now(UTC),
                "process": "gateway",
            }
            sys.stdout.write(orjson.dumps(line, option=_TIME).decode() + "\n")


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "-")


def _length(scope: Scope) -> int:
    """Return the announced length of a body; the server has checked that it is a number."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)
