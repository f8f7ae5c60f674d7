"""The client of INSEE's Sirene API, version 3.11: « what is this SIRET? », « which one carries on? », and the answers.

A look-up may take several calls (a retry, a renewed token, a doublon's target, a chain of successors); each one spends
a permit of the quota. The HTTP client never follows a redirection: a doublon's `Location` is a path of INSEE's inside,
whose last segment is asked for again on our own base URL.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import httpx2

from services.insee_adapter import following, links, metrics
from services.insee_adapter.auth import Credentials
from services.insee_adapter.breaker import Breaker, State
from services.insee_adapter.following import Remembering, Steps
from services.insee_adapter.links import Link
from services.insee_adapter.responses import (
    Doublon,
    NoAnswer,
    Response,
    meaning,
    meaning_of_links,
    quota_granted,
    quota_wait,
)
from shared.clock import MINUTE, Clock
from shared.contracts.messages.insee import Because, InseeAnswer, Result

T = TypeVar("T")

_KEPT = 5 * MINUTE
_MOST_KEPT = 1_000
# Of look-ups that were put back half-way, what INSEE has said so far.


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
        self._steps: dict[str, Steps] = {}

    def left_alone(self) -> bool:
        """Tell whether the circuit breaker lets no call through now."""
        return self._breaker.wait(self._steady.now()) > 0

    async def look_up(self, siret: str, budget: Budget, *, successor: bool = False) -> InseeAnswer:
        """Return what INSEE says of `siret` (14 digits), and with `successor` which one carries on when it is closed.

        Never raises for what INSEE does: that is UNAVAILABLE. The steps of a chain that was not followed to its end are
        kept for a while, so that the next try goes on from there.
        """
        try:
            if not successor:
                return await following.look_up(siret, _Calls(self._ask, budget), self._clock.now)
            steps = self._steps_of(siret)
            register = Remembering(_Calls(self._ask, budget), steps)
            answer = await following.look_up_successor(siret, register, self._clock.now)
        except NoAnswer as problem:
            return InseeAnswer(
                siret=siret,
                result=Result.UNAVAILABLE,
                as_of=self._clock.now(),
                because=problem.because,
                message=problem.message,
                retry_after=None if problem.wait is None else -(-problem.wait // 1000),
            )
        self._steps.pop(siret, None)
        return answer

    def _steps_of(self, siret: str) -> Steps:
        now = self._steady.now()
        steps = self._steps.pop(siret, None)
        if steps is None or now - steps.since > _KEPT:
            steps = Steps(now)
        self._steps[siret] = steps
        if len(self._steps) > _MOST_KEPT:
            del self._steps[next(iter(self._steps))]
        return steps

    async def _ask(self, path: str, params: Mapping[str, str], read: Callable[[Response], T], budget: Budget) -> T:
        attempt = 1
        while True:
            try:
                return await self._try(path, params, read, budget)
            except NoAnswer as problem:
                if not problem.at_once or attempt >= self._limits.attempts:
                    raise
            await asyncio.sleep(self._limits.backoff_s * attempt * random.uniform(0.5, 1.5))  # noqa: S311 - jitter.
            attempt += 1

    async def _try(self, path: str, params: Mapping[str, str], read: Callable[[Response], T], budget: Budget) -> T:
        async with self._watched():
            headers = await self._credentials.headers()
            response = await self._get(path, params, headers, budget)
            if response.status == 401 and self._credentials.refused(headers):
                response = await self._get(path, params, await self._credentials.headers(), budget)
            return read(response)

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

    async def _get(self, path: str, params: Mapping[str, str], headers: Mapping[str, str], budget: Budget) -> Response:
        async with budget.call() as seconds:
            started = self._steady.now()
            try:
                async with asyncio.timeout(seconds):
                    raw = await self._http.get(f"{self._base_url}/siret/{path}", params=params, headers=headers)
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


class _Ask(Protocol):
    async def __call__(
        self, path: str, params: Mapping[str, str], read: Callable[[Response], T], budget: Budget
    ) -> T: ...


class _Calls:
    """The register, as one look-up asks it: each step spends of its budget."""

    def __init__(self, ask: _Ask, budget: Budget) -> None:
        self._ask, self._budget = ask, budget

    async def establishment(self, siret: str) -> InseeAnswer | Doublon:
        """Ask what the register says of an establishment."""
        read: Callable[[Response], InseeAnswer | Doublon] = partial(meaning, siret)
        return await self._ask(siret, {}, read, self._budget)

    async def links(self, siret: str) -> Sequence[Link]:
        """Ask for the links of succession from an establishment."""
        read = partial(meaning_of_links, siret)
        return await self._ask("liensSuccession", links.query(siret), read, self._budget)
