"""Builds clients of the simulator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from pydantic import SecretStr

from dev.insee.app import PRIVATE, PUBLIC, TOKEN
from dev.insee.simulator import ACCOUNT
from services.insee_adapter.auth import Account, ApiKey, Credentials, PasswordGrant
from services.insee_adapter.breaker import Breaker
from services.insee_adapter.sirene import Limits, Sirene, http_client
from services.insee_adapter.steady import SteadyClock
from shared.clock import SystemClock

LIMITS = Limits(connect_s=1, read_s=1, attempts=2, backoff_s=0.01)


class Unlimited:
    """A budget without end that remembers what was spent."""

    def __init__(self) -> None:
        self.spent = 0
        self.waits: list[int] = []

    @asynccontextmanager
    async def call(self) -> AsyncIterator[float]:
        self.spent += 1
        yield 5.0

    async def exhausted(self, wait: int) -> None:
        self.waits.append(wait)


def sirene(
    http: httpx2.AsyncClient,
    base_url: str,
    credentials: Credentials,
    *,
    breaker: Breaker | None = None,
    limits: Limits = LIMITS,
) -> Sirene:
    return Sirene(
        http, base_url, credentials, breaker or Breaker(100), clock=SystemClock(), steady=SteadyClock(), limits=limits
    )


@asynccontextmanager
async def public(
    address: str, *, key: str = "insee-simulator", breaker: Breaker | None = None, limits: Limits = LIMITS
) -> AsyncIterator[Sirene]:
    """A client of the public plan."""
    async with http_client(limits) as http:
        yield sirene(http, address + PUBLIC, ApiKey(SecretStr(key)), breaker=breaker, limits=limits)


@asynccontextmanager
async def private(address: str, *, password: str = ACCOUNT["password"]) -> AsyncIterator[Sirene]:
    """A client of the private plan."""
    async with http_client(LIMITS) as http:
        account = Account(
            token_url=address + TOKEN,
            client_id=ACCOUNT["client_id"],
            client_secret=SecretStr(ACCOUNT["client_secret"]),
            username=ACCOUNT["username"],
            password=SecretStr(password),
        )
        yield sirene(http, address + PRIVATE, PasswordGrant(http, account, SteadyClock()))
