"""A Kafka with all topics, users and ACLs, and the operators' command line on it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka.admin import AdminClient

from dev.brokers import Brokers
from shared.contracts.topics import OPS, PROCESSES
from tests.support.acls import provision
from tests.support.brokers import as_new

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def provisioned(session_kafka: Brokers) -> Iterator[Brokers]:
    provision(as_new(session_kafka), (*PROCESSES, OPS), partitions=3)
    yield session_kafka
    as_new(session_kafka)


@pytest.fixture(scope="module")
def admin(provisioned: Brokers) -> AdminClient:
    return AdminClient(provisioned.kafka.admin_settings())


@pytest.fixture(scope="module")
def run(provisioned: Brokers) -> Run:
    """Run `ops partners` as the administrator does; it must end with `status`."""

    def run_(*command: str, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        name, password = provisioned.kafka_admin
        variables = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "KAFKA_BOOTSTRAP": provisioned.kafka_bootstrap,
            "KAFKA_USER": name,
            "KAFKA_PASSWORD": password,
            **environment,
        }
        line = [sys.executable, "-m", "ops", "partners", *command]
        done = subprocess.run(line, env=variables, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run_
