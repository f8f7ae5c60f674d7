"""The gateway in front of INSEE's register: it checks the key or token, counts calls, and injects faults."""

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from dev.insee.bodies import gateway_says
from dev.insee.faults import answer
from dev.insee.simulator import Simulator

Plan = Literal["public", "private"]


class Refusal(Exception):
    """The gateway answers instead of the register."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def gateway(simulator: Simulator, plan: Plan) -> Callable[[Request, Response], Awaitable[None]]:
    """Return the dependency that every call of a plan goes through."""

    async def admit(request: Request, response: Response) -> None:
        if not _is_authorised(simulator, plan, request):
            raise Refusal(JSONResponse(gateway_says(401, "Unauthorized"), 401))
        within = simulator.window.arrive(time.time_ns() // 1_000_000)
        headers = simulator.window.headers()
        response.headers.update(headers)
        if not within:
            message = f"Rate limit exceeded! You reached the limit of {simulator.window.limit} requests per 1 minutes"
            raise Refusal(JSONResponse(gateway_says(429, message), 429, headers))
        fault = next((fault for fault in simulator.faults if fault.hits(str(request.url))), None)
        if fault is not None and (broken := await answer(fault)) is not None:
            raise Refusal(broken)

    return admit


def _is_authorised(simulator: Simulator, plan: Plan, request: Request) -> bool:
    if plan == "public":
        key = request.headers.get("x-insee-api-key-integration", "")
        return secrets.compare_digest(key.encode(), simulator.api_key.encode())
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme == "Bearer" and token in simulator.tokens
