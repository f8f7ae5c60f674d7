"""What holds for all tests, and one Kafka and one MongoDB for the session: a package takes them empty, `as_new`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

from dev.brokers import Brokers
from tests.support.brokers import choice, open_brokers

# A folder .hypothesis beside the tests is warned about when tests are collected, and warnings are errors.
set_hypothesis_home_dir(Path(__file__).parents[1] / ".data" / "hypothesis")
settings.register_profile("ours", deadline=None)  # A test proves a rule, never a speed.
settings.load_profile("ours")


def pytest_report_header() -> str:
    """Say on which brokers the tests run."""
    kind, why = choice()
    return f"brokers: {kind} ({why}; TEST_BROKERS=local or containers chooses)"


@pytest.fixture(scope="session")
def session_brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """The brokers, not started: the fixtures below start what a test needs."""
    brokers = open_brokers(tmp_path_factory.mktemp("brokers") / "data")
    yield brokers
    brokers.close()


@pytest.fixture(scope="session")
def session_kafka(session_brokers: Brokers) -> Brokers:
    """The brokers, of which Kafka runs at least."""
    session_brokers.kafka.start()
    return session_brokers


@pytest.fixture(scope="session")
def session_mongo(session_brokers: Brokers) -> Brokers:
    """The brokers, of which MongoDB runs at least."""
    session_brokers.mongo.start()
    return session_brokers


@pytest.fixture(scope="session")
def both_brokers(session_kafka: Brokers, session_mongo: Brokers) -> Brokers:
    """Kafka and MongoDB."""
    assert session_kafka is session_mongo
    return session_kafka
