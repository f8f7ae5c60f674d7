"""A real Kafka with its topics and ACLs, a real MongoDB, an issuer over HTTP, and the gateway in this process."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from dev.brokers import Brokers
from dev.brokers.ports import free_ports
from dev.issuer.app import create_app
from dev.issuer.keys import Keys
from gateway.app import PROCESS, running
from gateway.settings import Settings
from shared.runtime.health import Health
from shared.runtime.http_server.server import serving
from tests.integration.gateway.stack import OWN_SECRET, Issuer, Owners, Stack, until
from tests.support.acls import operator, provision
from tests.support.brokers import as_new


@pytest.fixture(scope="package")
def gateway_brokers(both_brokers: Brokers) -> Brokers:
    """Brokers on which the gateway may do what it may in production, and no more."""
    provision(as_new(both_brokers), [PROCESS], partitions=3)
    return both_brokers


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def issuer(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Issuer]:
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    keys = Keys(Path(tmp_path_factory.mktemp("issuer")) / "keys.json")
    async with serving(create_app(address, keys, OWN_SECRET), "127.0.0.1", port):
        yield Issuer(address, keys)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield


@asynccontextmanager
async def replica(brokers: Brokers, issuer: Issuer, **more: str) -> AsyncIterator[tuple[str, Health]]:
    """Run a gateway; give the address of its API and what it says of itself."""
    environment_variables = settings(brokers, issuer, **more)
    health = Health()
    assert not set(environment_variables) & set(os.environ)
    async with AsyncExitStack() as contexts:
        with environment(environment_variables):  # Settings are read as it starts; another replica may have other ones.
            await contexts.enter_async_context(running(Settings(), health))
        health.started = True
        yield f"http://127.0.0.1:{environment_variables['API_PORT']}/api/v1", health


def settings(brokers: Brokers, issuer: Issuer, **more: str) -> dict[str, str]:
    """Return the environment of a gateway on ports of its own."""
    api_port, http_port = free_ports(2)
    return {
        "KAFKA_BOOTSTRAP": brokers.kafka_bootstrap,
        "KAFKA_USER": PROCESS,
        "KAFKA_PASSWORD": brokers.password(f"kafka/{PROCESS}"),
        "MONGO_URI": brokers.service_mongo_uri(PROCESS),
        "MONGO_DATABASE": PROCESS,
        "OIDC_ISSUER": issuer.address,
        "GATEWAY_CLIENT_SECRET": OWN_SECRET,
        "API_PORT": str(api_port),
        "HTTP_PORT": str(http_port),
        "INSEE_LOOK_UP_WAIT": "1s",
        "INSEE_LOOK_UPS": "3",
        "INSEE_LOOK_UP_WINDOW": "1d",
        "USER_KEPT": "100ms",
        **dict.fromkeys(("RATE_PERSON", "RATE_ADMINISTRATOR", "RATE_TECHNICAL", "RATE_ADDRESS"), "10000/20000"),
        **more,
    }


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def session_stack(gateway_brokers: Brokers, issuer: Issuer) -> AsyncIterator[Stack]:
    async with (
        Owners(operator(gateway_brokers)).working() as owners,
        replica(gateway_brokers, issuer) as (api, health),
    ):

        async def ready() -> bool:
            return not await health.ready()

        await until(ready)
        yield Stack(gateway_brokers, issuer, owners, api)


@pytest.fixture
def stack(session_stack: Stack) -> Stack:
    """The stack, with owners that say nothing."""
    session_stack.owners.decide = lambda _: None
    return session_stack
