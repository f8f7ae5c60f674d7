"""Every command of docs/operate.md is run, in its order, against a running system."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.brokers.ports import free_ports
from dev.run import environments
from dev.run.settings import RunSettings
from shared.kafka.partitioner import key_hash
from tests.integration.ops.conftest import Ops
from tests.support.kafka import Partner
from tests.support.system import KAFKA_AUDIENCE, System, until

pytestmark = pytest.mark.timeout(600)
"""A whole system is started within the first test, and each command is a process: slow on a busy machine."""

ROOT = Path(__file__).parents[3]


def blocks() -> list[str]:
    """Return the blocks of commands that a test can run."""
    page = (ROOT / "docs" / "operate.md").read_text()
    return re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def here(system: System, commands: str) -> str:
    """Return commands with the ports of this system instead of those of `make run`."""
    actual = system.settings.ports()
    for name, field in RunSettings.model_fields.items():
        if name.upper() in actual:
            commands = commands.replace(f"127.0.0.1:{field.default}", f"127.0.0.1:{actual[name.upper()]}")
    return commands.replace("8201", str(free_ports(1)[0]))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[System]:
    """A system of its own: the page changes its partitions and a password, which other tests rely on."""
    with System(tmp_path / "system") as running:
        running.supervisor.watch()  # As `make run` does: what the page ends comes back.
        yield running


def test_every_command_of_the_page_can_be_run_as_it_stands(fresh: System, tmp_path: Path) -> None:
    system, ops = fresh, Ops(fresh)
    rotated, password = system.supervisor["delay_svc"], environments.password_file(system.settings, "delay_svc")
    began, former = rotated.pid, password.read_text()
    token = system.token("alice", KAFKA_AUDIENCE)
    partner = Partner(system.partner())
    key = next(str(n).encode() for n in range(100) if key_hash(str(n).encode()) % 3 == 0)
    partner.submit("structure.requests", "structure.modify.v1", {"structure": 1}, token, key=key)
    partner.send("structure.requests", b"\xff", {"authorization": f"Bearer {token}".encode()}, key)
    until(lambda: len(ops.items("dlq", "list", "structure_svc")) >= 2, 60, what="two dead letters")

    (tmp_path / ".data").mkdir()
    (tmp_path / ".data" / "run").symlink_to(system.settings.run_data)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    found = blocks()
    assert len(found) >= 10
    script = "set -eu\n" + "\n".join(f"echo '== {n}'\n{block}" for n, block in enumerate(found))
    environment = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPYCACHEPREFIX") if name in os.environ
    }
    done = subprocess.run(
        ["/bin/bash", "-c", here(system, script)],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    for line in ("grow topic structure.requests to 16 partitions", "create topic delay.45m.v1", "delay_svc has a new"):
        assert line in done.stdout
    assert "1 of 1 dead letters discarded" in done.stdout
    assert password.read_text() != former
    assert rotated.pid not in {began, None}
    assert rotated._failures == 1, "with the new password it is back at once, and stays"
    assert len((tmp_path / ".data" / "run" / "comptable-password").read_text().strip()) >= 40
