"""One running system for all that is fuzzed here."""

from collections.abc import Iterator

import pytest

from dev.brokers import Brokers
from tests.fuzz.stack import Stack, fuzz_system
from tests.support.brokers import as_new


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory, both_brokers: Brokers) -> Iterator[Stack]:
    """Return the system, with a structure to spoil and one to leave alone."""
    with fuzz_system(tmp_path_factory.mktemp("system"), as_new(both_brokers)) as system:
        made = Stack(system)
        yield made
        made.close()
