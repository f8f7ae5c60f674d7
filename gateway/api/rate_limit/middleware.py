"""Rate limiting: lets through as many calls of one caller as the settings allow, and answers 429 to others. Plain ASGI.

A caller is the subject of a token that was verified here before. Until then it is an address, which this replica limits
by itself: a call whose token is not verified causes no write. A stream of events or a wait is one call.

The fields RateLimit and RateLimit-Policy are those of draft-ietf-httpapi-ratelimit-headers-10, which is no RFC yet.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api.problems import problem
from gateway.api.rate_limit.allowances import Allowance, Allowances
from gateway.api.rate_limit.rates import Rate
from gateway.api.rate_limit.store import Permits
from shared.auth.verifier import Verifier, is_technical
from shared.domain.actor import ADMINISTRATOR
from shared.runtime import metrics
from shared.runtime.http_server.limits import party

CLAIMS = "structures.claims"
"""Key of the ASGI scope for a verified token's claims: verifying twice would cost more than the rate limit."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The rate of each kind of caller, and how many calls of one may be under way in a replica."""

    person: Rate
    administrator: Rate
    technical: Rate
    address: Rate
    under_way: int

    def of(self, claims: Mapping[str, Any]) -> Rate:
        """Return the rate of the caller whom a token's claims name."""
        if is_technical(claims):
            return self.technical
        scope = claims.get("scope")
        is_administrator = isinstance(scope, str) and ADMINISTRATOR in scope.split()
        return self.administrator if is_administrator else self.person


class RateLimit:
    """Wraps the API."""

    def __init__(self, app: ASGIApp, verifier: Verifier, permits: Permits, rates: Rates) -> None:
        self._app, self._verifier, self._rates = app, verifier, rates
        # Kept apart, so that many addresses can't make us forget a user.
        self._users, self._addresses = Allowances(permits), Allowances(permits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request, or refuse it."""
        claims = self._claims(scope)
        if claims is None:
            rate, client = self._rates.address, scope["client"]
            allowance = self._addresses.of(party(client[0]) if client else "")
            wait = self._addresses.take_here(allowance, rate)
        else:
            rate, subject = self._rates.of(claims), claims["sub"]
            allowance = self._users.of(subject)
            wait = await self._users.take(subject, allowance, rate)
            scope[CLAIMS] = claims
        if wait:
            await _refused(rate, wait)(scope, receive, send)
        elif claims is None:
            await self._app(scope, receive, send)
        else:
            await self._one_of_few(allowance, scope, receive, send)

    async def _one_of_few(self, allowance: Allowance, scope: Scope, receive: Receive, send: Send) -> None:
        if allowance.under_way >= self._rates.under_way:
            metrics.HTTP_REFUSED.labels("too_many_at_once").inc()
            await problem("too_many_at_once", details={"retry_after": 1})(scope, receive, send)
            return
        allowance.under_way += 1
        try:
            await self._app(scope, receive, send)
        finally:
            allowance.under_way -= 1

    def _claims(self, scope: Scope) -> Mapping[str, Any] | None:
        """Return the claims of the call's token if it was verified here before and is still valid."""
        tokens = [value for name, value in scope["headers"] if name == b"authorization"]
        return self._verifier.remembered(tokens[0].decode("latin-1")) if len(tokens) == 1 else None


def _refused(rate: Rate, wait: float) -> Response:
    metrics.HTTP_REFUSED.labels("too_many_requests").inc()
    seconds = math.ceil(wait)
    headers = {
        "RateLimit-Policy": f'"calls";q={rate.burst};w={rate.window_s}',
        "RateLimit": f'"calls";r=0;t={seconds}',
    }
    return problem("too_many_requests", details={"retry_after": seconds}, headers=headers)
