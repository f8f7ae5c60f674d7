"""One running system for all journeys."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.system import System


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Return the whole system, with a delay of two seconds."""
    folder: Path = tmp_path_factory.mktemp("system")
    environment = {"OVERDUE_AFTER": "3s", "INSEE_LOOK_UPS": "1000"}
    with System(folder, environment=environment) as running:
        yield running
