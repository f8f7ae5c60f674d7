"""What holds for all tests, and one Kafka and one MongoDB for the session: a package takes them empty, `as_new`.

`make test` runs three sessions beside each other (pytest-xdist), since tests of messages wait more than they work.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir
from xdist.scheduler import LoadScopeScheduling

from dev.brokers import Brokers
from tests.support.brokers import choice, open_brokers

# A folder .hypothesis beside the tests is warned about when tests are collected, and warnings are errors.
set_hypothesis_home_dir(Path(__file__).parents[1] / ".data" / "hypothesis")
settings.register_profile("ours", deadline=None)  # A test proves a rule, never a speed.
settings.load_profile("ours")

# Not configured, structlog draws every local variable of an exception, which takes minutes where one is large.
structlog.configure(processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])

LONGEST = (
    *("faults", "integration/ops", "integration/alerts", "journeys"),
    *("integration/gateway", "integration/acls", "integration/delay", "fuzz"),
)
"""Packages that take longest, which begin first."""
_ALONE = frozenset({"unit", "contract", "explorer"})
"""Packages whose tests share nothing that takes long to start: each goes to whoever is free."""
_PORTS = "20000-31999"

# Brokers of tests live for minutes: compiling their code as if it were for days takes half of what they need.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


def package_of(nodeid: str) -> str:
    """Return the package that a test shares its fixtures with, such as `integration/ops`."""
    parts = nodeid.partition("::")[0].removeprefix("tests/").split("/")
    return "/".join(parts[:2]) if parts[0] == "integration" else parts[0]


class Packages(LoadScopeScheduling):  # type: ignore[misc]  # Its base has types of its own making.
    """Keeps together the tests of a package, which share a running system."""

    def _split_scope(self, nodeid: str) -> str:
        package = package_of(nodeid)
        return nodeid if package in _ALONE else package


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Packages:
    """Share the tests out among the sessions."""
    return Packages(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Give each session that runs beside others ports of its own."""
    if worker := getattr(config, "workerinput", None):
        first, last = map(int, os.environ.get("FREE_PORTS", _PORTS).split("-"))
        share = (last + 1 - first) // worker["workercount"]
        first += int(worker["workerid"].removeprefix("gw")) * share
        os.environ["FREE_PORTS"] = f"{first}-{first + share - 1}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: _turn(package_of(item.nodeid)))


def _turn(package: str) -> int:
    return LONGEST.index(package) if package in LONGEST else len(LONGEST) + (package in _ALONE)


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
