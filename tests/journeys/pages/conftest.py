"""A system as `make run` leaves it: with the demo data, and with a name and number for each thing a page mentions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import demo
from dev.brokers import Brokers
from tests.support.brokers import as_new
from tests.support.system import System


@pytest.fixture(scope="package")
def demonstration(tmp_path_factory: pytest.TempPathFactory, both_brokers: Brokers) -> Iterator[System]:
    """Return the system with its demo data, and a delay that a page can be read within."""
    folder: Path = tmp_path_factory.mktemp("demonstration")
    with System(folder, delay="5s", brokers=as_new(both_brokers)) as running:
        demo.load(running.settings.issuer, running.settings.api, report=lambda _: None)
        yield running
