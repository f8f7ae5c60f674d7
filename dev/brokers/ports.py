"""Free ports of 127.0.0.1."""

from __future__ import annotations

import itertools
import os
import random
import socket
import time

from dev.brokers.errors import PortBusy

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on `port`."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that are only closing don't make a port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def check_free(port: int, setting: str, patience: float = 2.0) -> None:
    """Raise PortBusy, which names the `setting` to change, unless `port` is free.

    A broker whose parent was just killed needs a moment to end, hence `patience`, in seconds.
    """
    deadline = time.monotonic() + patience
    while not is_free(port):
        if time.monotonic() > deadline:
            raise PortBusy(port, setting)
        time.sleep(0.05)


def is_listening(port: int) -> bool:
    """Whether a server accepts connections on `port`."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex((HOST, port)) == 0


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that are free now; for tests, which need no fixed ones.

    They are below the system's range for outgoing connections. Otherwise, while a broker is down, such a connection
    could take its port, even one that tries to reach that very broker. Free ports are not reserved, so tests that run
    beside each other have ranges of their own: the variable FREE_PORTS, such as 20000-23999.
    """
    first, last = map(int, os.environ.get("FREE_PORTS", "20000-31999").split("-"))
    candidates = random.SystemRandom().sample(range(first, last + 1), k=count + 200)
    return list(itertools.islice(filter(is_free, candidates), count))
