"""A running system with an attacker and a bystander."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.brokers import Brokers
from tests.journeys.given import new_structure
from tests.support.attacks import WHO, Attacker
from tests.support.brokers import as_new
from tests.support.bystander import Bystander
from tests.support.system import System


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory, both_brokers: Brokers) -> Iterator[System]:
    """Return the whole system, with a delay that no test outlasts."""
    folder: Path = tmp_path_factory.mktemp("system")
    with System(folder, delay="10m", brokers=as_new(both_brokers)) as running:
        yield running


@pytest.fixture
def attacker(system: System) -> Attacker:
    """Return the attacker, with a structure of their own."""
    return Attacker(system, new_structure(system, WHO)["id"])


@pytest.fixture
def bystander(system: System) -> Iterator[Bystander]:
    """Return the bystander, at work on a structure of their own, who knows how long it takes in peace."""
    structure = new_structure(system)["id"]
    with Bystander(system.api, system.token("alice"), structure) as working:
        working.wait_for(10)
        yield working
