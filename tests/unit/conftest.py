"""Unit tests reach nothing outside their process: whoever opens a connection, a port or a process fails."""

import socket
import subprocess
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

OUTSIDE: tuple[tuple[Any, str], ...] = (
    *((socket.socket, name) for name in ("connect", "connect_ex", "bind", "sendto")),
    (socket, "getaddrinfo"),
    (subprocess.Popen, "__init__"),
)
"""What leads out of the process. Files of the repository may be read: they are as fast and as sure as code."""


def _refuse(*_: Any, **__: Any) -> NoReturn:
    # An outcome of pytest is no Exception: no code that is tested catches it.
    pytest.fail("a unit test reaches outside its process: test that in tests/integration")


@pytest.fixture(scope="package", autouse=True)
def _nothing_outside() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in OUTSIDE:
            patch.setattr(owner, name, _refuse)
        yield
