"""A real mongod and the simulator over real HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from dev.brokers import Brokers
from dev.brokers.ports import free_ports
from dev.insee.app import create_app
from dev.insee.simulator import Simulator
from shared.mongo.client import connect
from shared.runtime.http_server.server import serving
from shared.runtime.settings import MongoSettings


@pytest.fixture(scope="package")
def mongo_uri(session_mongo: Brokers) -> str:
    """The address of MongoDB for the adapter, with access to its own database alone."""
    return session_mongo.service_mongo_uri("insee_adapter")


@pytest_asyncio.fixture
async def database(mongo_uri: str) -> AsyncIterator[Any]:
    """The adapter's own database, empty."""
    async with emptied(mongo_uri) as found:
        yield found


@asynccontextmanager
async def emptied(uri: str) -> AsyncIterator[Any]:
    """The adapter's database at this address, without what earlier tests left in it."""
    found = connect(MongoSettings(uri=SecretStr(uri), database="insee_adapter"))
    for name in await found.list_collection_names():
        await found.drop_collection(name)
    yield found
    found.client.close()


class Insee:
    """A running simulator: its memory, new for each test, and its address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.simulator = Simulator()
        self._app = create_app(self.simulator)

    @property
    def calls(self) -> int:
        return len(self.simulator.window.arrivals)

    def forget(self) -> None:
        self.simulator = Simulator()
        self._app = create_app(self.simulator)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


@pytest_asyncio.fixture(scope="session")
async def running_insee() -> AsyncIterator[Insee]:
    (port,) = free_ports(1)
    insee = Insee(f"http://127.0.0.1:{port}")
    async with serving(insee, "127.0.0.1", port):
        yield insee


@pytest.fixture
def insee(running_insee: Insee) -> Insee:
    """The simulator as it starts."""
    running_insee.forget()
    return running_insee
