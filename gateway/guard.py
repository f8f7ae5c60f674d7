"""What surrounds every route: a limit on bodies, and headers that keep browsers from doing harm. Plain ASGI."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import problem

LARGEST_BODY = 1024 * 1024

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"x-frame-options", b"DENY"),
)


class TooLargeError(Exception):
    """The body is larger than any request can be."""


class Guard:
    """Wraps the API."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > LARGEST_BODY:
                raise TooLargeError
            return message

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        try:
            await self._app(scope, bounded, guarded)
        except TooLargeError:
            await problem("body_too_large")(scope, receive, guarded)
