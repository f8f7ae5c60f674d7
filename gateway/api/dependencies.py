"""The dependencies of routes, as annotated types."""

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
    """The use cases and queries of the application."""

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
    """An authenticated caller, whose token expires in `left` seconds, and the services of the application."""

    services: Services
    actor: Actor
    left: float
    authorization: str = field(repr=False)

    async def again(self) -> "Calling":
        """Return the caller as they are now. Raises Rejected once the token has expired or the account is closed."""
        return await _authenticated(self.services, self.authorization)


async def _authenticated(services: Services, authorization: str, claims: Mapping[str, Any] | None = None) -> Calling:
    found = await services.callers.who(authorization, claims)
    return Calling(services, found.actor, found.left, authorization)


async def calling_of(request: Request) -> Calling:
    """Return the caller. Raises Rejected, Transient when the issuer is needed and does not answer."""
    # Two headers are one value with a comma (RFC 9110), which is no token: neither of them is chosen.
    authorization = ", ".join(request.headers.getlist("authorization"))
    calling = await _authenticated(request.app.state.services, authorization, request.scope.get(CLAIMS))
    await refuse_unknown(request)  # Only now: an unauthenticated caller gets 401, whatever else is wrong.
    return calling


# Each dependency costs FastAPI more than looking a token up, so a route has a single one.
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
