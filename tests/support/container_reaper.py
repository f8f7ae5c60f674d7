"""Removes the containers of a label once the starter says so, or has ended: its end closes our standard input.

Usage: container_reaper.py LABEL, where LABEL is `name=value`. A script, so that it outlives `kill -9` of the starter.
"""

import sys
import time
from typing import Any

from testcontainers.core.docker_client import DockerClient


def main() -> None:
    """Wait, then remove."""
    engine: Any = DockerClient().client
    command = sys.stdin.buffer.read()
    _remove(engine, sys.argv[1])
    if not command:
        # The starter died at an unknown moment: the engine may still be making what it requested last.
        time.sleep(2)
        _remove(engine, sys.argv[1])


def _remove(engine: Any, label: str) -> None:
    # Only ids are requested: the details of a container that goes away meanwhile could not be read.
    for container in engine.api.containers(all=True, filters={"label": label}):
        engine.api.remove_container(container["Id"], force=True, v=True)


if __name__ == "__main__":
    main()
