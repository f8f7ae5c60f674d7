"""A running system with an attacker and a bystander."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.brokers import Brokers
from shared.kafka.partitioner import key_hash
from tests.journeys.builders import new_structure
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


def _partition(system: System, structure: int) -> int:
    return key_hash(f"structure:{structure}".encode()) % system.settings.topic_partitions


@pytest.fixture
def attacker(system: System) -> Attacker:
    """Return the attacker, with a structure of their own."""
    return Attacker(system, new_structure(system, WHO)["id"])


@pytest.fixture
def bystander(system: System, attacker: Attacker) -> Iterator[Bystander]:
    """Return the bystander, at work on a structure of their own, who knows how long it takes in peace.

    Their requests stand in the same partition as the attacker's: what stops one batch stops both.
    """
    theirs = _partition(system, attacker.structure)
    made = (new_structure(system)["id"] for _ in range(50))
    structure = next(id_ for id_ in made if _partition(system, id_) == theirs)
    with Bystander(system.api, system.token("alice"), structure) as working:
        working.wait_for(10)
        yield working
