"""The client of INSEE's Sirene API, version 3.11, for the one query « what is this SIRET? ».

A look-up may take several calls (a retry, a renewed token, a doublon's target); each one needs a permit of the quota.
The HTTP client never follows a redirection: a doublon's `Location` is an internal path of INSEE's, whose last segment
is requested again on our own base URL.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import httpx2

from services.insee_adapter import metrics
from services.insee_adapter.auth import Credentials
from services.insee_adapter.breaker import Breaker, State
from services.insee_adapter.reading import head_office_moved_to
from services.insee_adapter.responses import Doublon, NoAnswer, Response, meaning, quota_granted, quota_wait
from shared.clock import Clock
from shared.contracts.messages.insee import Because, InseeAnswer, Result


class Budget(Protocol):
    """The quota, as a look-up uses it."""

    def call(self) -> AbstractAsyncContextManager[float]:
        """Use one permit for one call, which must end within the seconds it yields. Raises `NoAnswer` without one."""
        ...

    async def exhausted(self, wait: int) -> None:
        """Note that INSEE allows no call with our key for the next `wait` ms."""
        ...


@dataclass(frozen=True)
class Limits:
    """Time-outs in seconds, to connect and to read, and how often the client tries before it gives up."""

    connect_s: float = 2.0
    read_s: float = 5.0
    attempts: int = 2
    backoff_s: float = 0.5
    hops: int = 3


def http_client(limits: Limits) -> httpx2.AsyncClient:
    """Return an HTTP client with our time-outs, which follows no redirection."""
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(limits.read_s, connect=limits.connect_s),
        follow_redirects=False,
        headers={"Accept": "application/json", "User-Agent": "structures-insee-adapter"},
    )


class Sirene:
    """Calls INSEE. `clock` dates the answers; `steady` is monotonic and times the circuit breaker."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        base_url: str,
        credentials: Credentials,
        breaker: Breaker,
        *,
        clock: Clock,
        steady: Clock,
        limits: Limits | None = None,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._credentials = credentials
        self._breaker = breaker
        self._clock = clock
        self._steady = steady
        self._limits = limits or Limits()

    def left_alone(self) -> bool:
        """Tell whether the circuit breaker lets no call through now."""
        return self._breaker.wait(self._steady.now()) > 0

    async def look_up(self, siret: str, budget: Budget) -> InseeAnswer:
        """Return INSEE's answer about `siret` (14 digits). Failures of INSEE don't raise: the answer is UNAVAILABLE."""
        try:
            return await self._follow(siret, budget)
        except NoAnswer as problem:
            return InseeAnswer(
                siret=siret,
                result=Result.UNAVAILABLE,
                as_of=self._clock.now(),
                because=problem.because,
                message=problem.message,
                retry_after=None if problem.wait is None else -(-problem.wait // 1000),
            )

    async def _follow(self, siret: str, budget: Budget) -> InseeAnswer:
        reply = first = await self._ask(siret, budget)
        seen = {siret}
        while isinstance(reply, Doublon):
            if reply.target is None or reply.target in seen or len(seen) > self._limits.hops:
                # It is a doublon even when its target can't be read.
                message = first.message if isinstance(first, Doublon) else None
                return InseeAnswer(siret=siret, result=Result.MOVED, as_of=self._clock.now(), message=message)
            seen.add(reply.target)
            reply = await self._ask(reply.target, budget)
        return reply if reply.siret == siret else head_office_moved_to(siret, reply)

    async def _ask(self, siret: str, budget: Budget) -> InseeAnswer | Doublon:
        attempt = 1
        while True:
            try:
                return await self._try(siret, budget)
            except NoAnswer as problem:
                if not problem.at_once or attempt >= self._limits.attempts:
                    raise
            await asyncio.sleep(self._limits.backoff_s * attempt * random.uniform(0.5, 1.5))  # noqa: S311 - jitter.
            attempt += 1

    async def _try(self, siret: str, budget: Budget) -> InseeAnswer | Doublon:
        async with self._watched():
            headers = await self._credentials.headers()
            response = await self._get(siret, headers, budget)
            if response.status == 401 and self._credentials.refused(headers):
                response = await self._get(siret, await self._credentials.headers(), budget)
            return meaning(siret, response)

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Make the call if the circuit breaker allows it, and report its result to the breaker."""
        if wait := self._breaker.enter(self._steady.now()):
            raise NoAnswer(Because.OUTAGE, "L'INSEE ne répond pas ; nouvel essai sous peu.", wait=wait)
        try:
            yield
        except NoAnswer as problem:
            if problem.says_of_health:
                self._breaker.failed(self._steady.now())
            else:
                self._breaker.abandoned()
            raise
        except BaseException:
            self._breaker.abandoned()
            raise
        else:
            self._breaker.succeeded()
        finally:
            # TRYING counts as open too: a trial call must not end the alert.
            metrics.BREAKER_OPEN.set(self._breaker.state is not State.CLOSED)

    async def _get(self, siret: str, headers: Mapping[str, str], budget: Budget) -> Response:
        async with budget.call() as seconds:
            started = self._steady.now()
            try:
                async with asyncio.timeout(seconds):
                    raw = await self._http.get(f"{self._base_url}/siret/{siret}", headers=headers)
            except (httpx2.RequestError, TimeoutError) as problem:
                metrics.CALLS.labels(type(problem).__name__).inc()
                raise NoAnswer(Because.OUTAGE, "L'INSEE ne répond pas.", at_once=True) from problem
            metrics.CALLS.labels(str(raw.status_code)).inc()
            metrics.CALL_SECONDS.observe((self._steady.now() - started) / 1000)
        response = Response(
            raw.status_code, {k.lower(): v for k, v in raw.headers.items()}, raw.content, self._clock.now()
        )
        if granted := quota_granted(response):
            metrics.QUOTA_GRANTED.set(granted)
        if wait := quota_wait(response):
            await budget.exhausted(wait)
        return response
