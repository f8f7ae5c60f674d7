"""The nodes of one broker, as processes or containers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Node(Protocol):
    """One node of a broker: a process of this machine, or a container. See `BrokerProcess`."""

    @property
    def name(self) -> str:
        """Its name for people."""

    @property
    def log(self) -> Path:
        """The file of its log, which error messages quote."""

    @property
    def is_running(self) -> bool:
        """Whether it exists; a frozen one does."""

    @property
    def pid(self) -> int:
        """Its process id on this machine."""

    def start(self) -> None:
        """Start it, without waiting for it to be ready."""

    def ask_to_stop(self) -> None:
        """Ask it to end."""

    def wait_stopped(self) -> None:
        """Wait for its end, or kill it."""

    def stop(self) -> None:
        """Ask it to end and wait for it."""

    def kill(self) -> None:
        """End it at once."""

    def pause(self) -> None:
        """Freeze it."""

    def resume(self) -> None:
        """Let it go on."""

    def wait_ready(self) -> None:
        """Wait until it serves its clients."""


class Cluster:
    """The nodes of one broker. The methods act on all nodes; fault tests act on single ones."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = tuple(nodes)

    @property
    def is_running(self) -> bool:
        """Whether every node runs."""
        return all(node.is_running for node in self.nodes)

    def start(self) -> None:
        """Start every node that doesn't run and wait until all serve their clients. Raises BrokerError."""
        try:
            for node in self.nodes:
                node.start()
            for node in self.nodes:
                node.wait_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop all nodes at the same time: one by one, the last ones would wait for a majority that has stopped."""
        for node in self.nodes:
            node.ask_to_stop()
        for node in self.nodes:
            node.wait_stopped()

    def kill(self) -> None:
        """Kill every node (SIGKILL)."""
        for node in self.nodes:
            node.kill()

    def pause(self) -> None:
        """Freeze every node (SIGSTOP)."""
        for node in self.nodes:
            node.pause()

    def resume(self) -> None:
        """Let every frozen node go on (SIGCONT)."""
        for node in self.nodes:
            node.resume()
