"""The faults that can be injected, at start or while the simulator runs."""

import asyncio
from typing import Literal

from fastapi import Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from dev.insee.bodies import gateway_says, register_says

Kind = Literal["down", "slow", "500", "502", "503", "429", "401", "unsubscribed", "wrong-path", "html", "empty", "drop"]


class Fault(BaseModel):
    """One fault.

    down          503 with a page of the gateway           slow          answers after `delay_ms`
    500, 502, 503 the register's or the gateway's error     429, 401      the gateway's refusals
    unsubscribed  the gateway's 403                         wrong-path    the gateway's 404
    html, empty   200 with a page, or with nothing          drop          the connection is cut in the middle
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    delay_ms: int = Field(10_000, ge=0, description="for `slow`")
    times: int | None = Field(None, ge=1, description="how many calls it hits; all until it is removed when left out")
    siret: str | None = Field(None, description="hits only calls about this SIRET")

    def hits(self, url: str) -> bool:
        """Tell whether a call is hit, and count it."""
        if (self.siret is not None and self.siret not in url) or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class _Cut(Response):
    """Announces a body, sends its beginning, and lets the server close the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI requires it.
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
        await send({"type": "http.response.body", "body": b'{"header":', "more_body": True})


_PAGE = "<!doctype html><title>Maintenance</title><h1>Service en maintenance</h1>"


async def answer(fault: Fault) -> Response | None:
    """Return the response to a call hit by this fault; None when the call is then handled as usual."""
    match fault.kind:
        case "slow":
            await asyncio.sleep(fault.delay_ms / 1000)
            return None
        case "down":
            return HTMLResponse(_PAGE, 503)
        case "html":
            return HTMLResponse(_PAGE)
        case "empty":
            return Response(b"")
        case "drop":
            return _Cut()
        case "429":
            return JSONResponse(gateway_says(429, "Rate limit exceeded!"), 429)
        case "401":
            return JSONResponse(gateway_says(401, "Unauthorized"), 401)
        case "unsubscribed":
            return JSONResponse(gateway_says(403, "Forbidden"), 403)
        case "wrong-path":
            return JSONResponse(gateway_says(404, "No context-path matches the request URI."), 404)
        case _:
            status = int(fault.kind)
            return JSONResponse(register_says(status, "Service indisponible"), status)
