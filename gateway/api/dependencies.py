"""What routes ask for, by annotated types: signatures then read like sentences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import orjson
from fastapi import Depends, Path, Query, Request
from fastapi.responses import Response

from gateway.api.authentication import Callers
from gateway.api.parameters import Digits, refuse_unknown
from gateway.api.paths import decoded
from gateway.api.rate_limit.middleware import CLAIMS
from gateway.application.lookup import InseeLookUps
from gateway.application.outcome_listener import OutcomeListener
from gateway.application.submit import RequestSubmitter
from gateway.projections.request_writer import RequestWriter
from gateway.queries.manager import Users
from gateway.queries.paging import Page
from gateway.queries.requests import Requests
from gateway.queries.structure import Structures
from shared.contracts.messages.common import UserId
from shared.domain.actor import Actor

PREFIX = "/api/v1"


@dataclass(frozen=True)
class Services:
    """What the application is plugged to."""

    structures: Structures
    requests: Requests
    users: Users
    callers: Callers
    submitter: RequestSubmitter
    writer: RequestWriter
    listener: OutcomeListener
    insee: InseeLookUps


@dataclass(frozen=True, slots=True)
class Calling:
    """Whoever calls, proved by a token that ends in `left` seconds, and what the application is plugged to."""

    services: Services
    actor: Actor
    left: float
    authorization: str = field(repr=False)

    async def again(self) -> "Calling":
        """Return the caller as they are now. Raises Rejected once token or account are of no use any more."""
        return await _authenticated(self.services, self.authorization)


async def _authenticated(services: Services, authorization: str, claims: Mapping[str, Any] | None = None) -> Calling:
    found = await services.callers.who(authorization, claims)
    return Calling(services, found.actor, found.left, authorization)


async def calling_of(request: Request) -> Calling:
    """Return who makes a call. Raises Rejected, Transient when the issuer is needed and silent."""
    # Two headers are one value, as RFC 9110 says, and that one is no token: none of them is picked.
    authorization = ", ".join(request.headers.getlist("authorization"))
    calling = await _authenticated(request.app.state.services, authorization, request.scope.get(CLAIMS))
    await refuse_unknown(request)  # Only now: whoever is not proved is told that, and nothing else.
    return calling


# Each dependency costs FastAPI more than a whole look-up of a token: a route has one that does all.
Caller = Annotated[Calling, Depends(calling_of)]

User = Annotated[UserId, decoded, Path(description="id of a user: the subject of their tokens, `/` as `%2F`")]


async def _page(
    page: Annotated[int, Query(ge=1, le=10_000, description="pages count from 1"), Digits] = 1,
    size: Annotated[int, Query(ge=1, le=100, description="items on a page"), Digits] = 20,
) -> Page:
    return Page(page, size)


Paging = Annotated[Page, Depends(_page)]


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return JSON."""
    return Response(orjson.dumps(body), status, headers, "application/json")
