"""A running system, and the operators' command line as an operator uses it: a process with an environment."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dev.brokers import Brokers
from dev.run import environments
from dev.run.system import System
from shared.clock import SystemClock
from shared.contracts.messages.cloudevents import Message
from shared.domain.actor import Actor
from shared.kafka.dead_letters import dead_letter
from tests.support.brokers import as_new
from tests.support.kafka import Partner, Reader
from tests.unit.ops.dlq.records import Record


class Ops:
    """Runs `python -m ops` with the environment of an operator, an administrator or a process."""

    def __init__(self, system: System) -> None:
        self.system = system

    def environment(self, who: str) -> dict[str, str]:
        """Return what `.data/run/env/<who>` exports."""
        variables = environments.administrator(self.system.settings, self.system.brokers) if who == "admin" else {}
        if who == "ops":
            variables = environments.operator(self.system.settings, self.system.brokers)
        if who in self.system.supervisor.processes:
            variables = self.system.supervisor[who].process.environment()
        return {
            **{
                name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPYCACHEPREFIX") if name in os.environ
            },
            **variables,
        }

    def run(
        self, *command: str, who: str = "ops", status: int = 0, but: Mapping[str, str | None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command that must end with `status`; `but` changes its environment, None takes a variable away."""
        environment = {name: value for name, value in {**self.environment(who), **(but or {})}.items() if value}
        done = subprocess.run(
            [sys.executable, "-m", "ops", *command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def items(self, *command: str, **more: Any) -> list[dict[str, Any]]:
        """Run a command that lists, and return what it lists."""
        return [json.loads(line) for line in self.run(*command, "--json", **more).stdout.splitlines()]


class Kafka:
    """Kafka as a process of ours, or its administrator, uses it."""

    def __init__(self, system: System) -> None:
        self._system = system

    def _as(self, user: str) -> dict[str, Any]:
        admin, password = self._system.brokers.kafka_admin
        if user != admin:
            password = environments.kafka_password(self._system.settings, user)
        return {**self._system.partner(), "sasl.username": user, "sasl.password": password}

    def send(self, user: str, message: Message) -> None:
        """Send a message as one of our processes does."""
        Partner(self._as(user)).send(message.topic, message.value, dict(message.headers), message.key or None)

    def reader(self, *topics: str) -> Reader:
        """Read topics from now on, whoever may."""
        return Reader(self._as(self._system.brokers.kafka_admin[0]), *topics)

    def put_aside(
        self, process: str, headers: Mapping[str, bytes], value: bytes, topic: str, *, code: str, actor: str | None
    ) -> None:
        """Put a message among the dead letters of a process, as that process does."""
        came = Record(topic, 0, 0, SystemClock().now(), b"key", value, tuple(headers.items()))
        self.send(process, dead_letter(came, code, "of a test", process=process, actor=Actor(actor) if actor else None))


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory, both_brokers: Brokers) -> Iterator[System]:
    """The whole system; what is late is not triggered again by itself, so that a test sees who triggered."""
    folder: Path = tmp_path_factory.mktemp("system")
    environment = {"OVERDUE_AFTER": "1h", "INSEE_LOOK_UPS": "1000"}
    with System(folder, environment=environment, brokers=as_new(both_brokers)) as running:
        yield running


@pytest.fixture
def ops(system: System) -> Ops:
    return Ops(system)


@pytest.fixture
def kafka(system: System) -> Kafka:
    return Kafka(system)
