"""A process of which a part has ended for good says so and ends with a failure, and is then started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from dev.brokers.ports import HOST, free_ports
from tests.support.system import until

Start = Callable[..., tuple[subprocess.Popen[bytes], str]]


@pytest.fixture
def part(tmp_path: Path) -> Path:
    file = tmp_path / "part"
    file.touch()
    return file


@pytest.fixture
def start(part: Path) -> Iterator[Start]:
    """Start the process and return it, with its address, once it is ready."""
    children: list[subprocess.Popen[bytes]] = []

    def begin(**environment: str) -> tuple[subprocess.Popen[bytes], str]:
        (port,) = free_ports(1)
        variables = {**os.environ, "HTTP_PORT": str(port), "PART": str(part), **environment}
        child = subprocess.Popen([sys.executable, "-m", "tests.support.breaking"], env=variables)
        children.append(child)
        address = f"http://{HOST}:{port}"

        def is_ready() -> bool:
            try:
                return httpx2.get(f"{address}/ready").status_code == 200
            except httpx2.HTTPError:
                return False

        until(is_ready, what="being ready")
        return child, address

    yield begin
    for child in children:
        child.kill()
        child.wait()


def test_it_is_not_live_any_more_and_ends(start: Start, part: Path) -> None:
    child, address = start(HANGS="yes")
    assert httpx2.get(f"{address}/live").json() == {"ok": True, "problems": []}
    part.unlink()
    answer = httpx2.get(f"{address}/live")
    assert (answer.status_code, answer.json()["problems"]) == (503, ["part has stopped"])
    # Its end hangs, as that of a client which can't reach its broker does: it ends all the same.
    assert child.wait(40) == 1


def test_a_part_that_is_there_again_ends_nothing(start: Start, part: Path) -> None:
    child, _ = start()
    part.unlink()
    part.touch()
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(3)
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0
