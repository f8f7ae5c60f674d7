"""One running system for all journeys."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.brokers import Brokers
from dev.run.clients import OUTCOMES
from tests.journeys.builders import new_structure
from tests.support.brokers import as_new
from tests.support.kafka import Partner, Reader
from tests.support.kcat import Kcat
from tests.support.system import System


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory, both_brokers: Brokers) -> Iterator[System]:
    """Return the whole system, with a delay of two seconds."""
    folder: Path = tmp_path_factory.mktemp("system")
    environment = {"OVERDUE_AFTER": "3s", "INSEE_LOOK_UPS": "1000"}
    with System(folder, environment=environment, brokers=as_new(both_brokers)) as running:
        yield running


@pytest.fixture(scope="package")
def partner(system: System) -> Partner:
    """Return another system's client."""
    return Partner(system.partner())


@pytest.fixture(scope="package")
def kcat(system: System, tmp_path_factory: pytest.TempPathFactory) -> Kcat:
    """Return another system's client that is not Python."""
    return Kcat(system.partner(), tmp_path_factory.mktemp("kcat"))


@pytest.fixture(scope="module")
def outcomes(system: System) -> Iterator[Reader]:
    """Return the other system, which reads from now on what became of its requests."""
    reader = Reader(system.partner(), OUTCOMES)
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def every_outcome(system: System) -> Iterator[Reader]:
    """Return Kafka's administrator, who reads all that the gateway receives."""
    name, password = system.brokers.kafka_admin
    reader = Reader({**system.partner(), "sasl.username": name, "sasl.password": password}, "structure.outcomes")
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def structure(system: System) -> dict[str, Any]:
    """Return a structure of alice."""
    return new_structure(system)
