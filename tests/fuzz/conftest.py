"""One running system for all that is fuzzed here."""

from collections.abc import Iterator

import pytest

from dev.brokers import Brokers
from tests.fuzz.stack import World, fuzz_system
from tests.support.brokers import as_new


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory, both_brokers: Brokers) -> Iterator[World]:
    """Return the system, with a structure to spoil and one to leave alone."""
    with fuzz_system(tmp_path_factory.mktemp("system"), as_new(both_brokers)) as system:
        made = World(system)
        yield made
        made.close()
