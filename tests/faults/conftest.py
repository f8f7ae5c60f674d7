"""One running system for all cases: starting it takes longer than most of them."""

from collections.abc import Iterator

import pytest

from dev.run.system import System
from tests.faults.trial import fault_system


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Return the system, whose processes are started again when they die."""
    with fault_system(tmp_path_factory.mktemp("system")) as running:
        yield running
