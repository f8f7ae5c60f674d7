"""No unit test can come to depend on a network without being told."""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.conftest import OUTSIDE

HERE = ("127.0.0.1", 9)


def _with_socket(use: Callable[[socket.socket], Any]) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as opened:
        use(opened)


WAYS: dict[str, Callable[[], Any]] = {
    "connect": lambda: _with_socket(lambda s: s.connect(HERE)),
    "connect_ex": lambda: _with_socket(lambda s: s.connect_ex(HERE)),
    "bind": lambda: _with_socket(lambda s: s.bind(HERE)),
    "sendto": lambda: _with_socket(lambda s: s.sendto(b"", HERE)),
    "getaddrinfo": lambda: socket.getaddrinfo("localhost", 9),
    "__init__": lambda: subprocess.run([sys.executable, "-c", ""], check=False),
}


@pytest.mark.parametrize("way", [name for _, name in OUTSIDE])
def test_what_leads_out_of_the_process_fails_the_test(way: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="reaches outside its process"):
        WAYS[way]()


async def test_a_connection_of_asyncio_fails_the_test_though_errors_are_caught() -> None:
    async def whatever_comes() -> None:
        with contextlib.suppress(Exception):
            await asyncio.open_connection(*HERE)

    with pytest.raises(pytest.fail.Exception):
        await whatever_comes()
