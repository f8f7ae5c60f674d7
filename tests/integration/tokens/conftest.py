"""An issuer over real HTTP, and who checks its tokens."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared.auth.issuer_keys import IssuerKeys
from shared.auth.verifier import Verifier
from shared.clock import SystemClock
from tests.support.issuer import KAFKA, HttpIssuer, http_issuer

CLOCK = SystemClock()


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[HttpIssuer]:
    async with http_issuer() as running:
        yield running


@pytest.fixture
def keys(issuer: HttpIssuer) -> IssuerKeys:
    return IssuerKeys(issuer.address, CLOCK)


@pytest.fixture
def verifier(keys: IssuerKeys) -> Verifier:
    return Verifier(keys, KAFKA, CLOCK)
