"""The transport that uvicorn sees: closing it is left to our protocol."""

import asyncio
import weakref
from typing import Protocol


class Closing(Protocol):
    """A protocol that decides how its connection ends."""

    leaves: bool

    def leave(self) -> None:
        """End the connection."""


class ClosedByProtocol:
    """A transport. uvicorn closes it after a response that ends the connection, even while input still comes.

    It has only a weak reference to its protocol: a cycle of the two would be left to the garbage collector.
    """

    def __init__(self, transport: asyncio.Transport, protocol: Closing) -> None:
        self._protocol, self._is_closing = weakref.ref(protocol), transport.is_closing
        self.get_extra_info, self.write = transport.get_extra_info, transport.write
        self.pause_reading, self.resume_reading = transport.pause_reading, transport.resume_reading

    def close(self) -> None:
        """Let the protocol end the connection."""
        if (protocol := self._protocol()) is not None:
            protocol.leave()

    def is_closing(self) -> bool:
        """Tell whether the connection is ending."""
        protocol = self._protocol()
        return protocol is None or protocol.leaves or self._is_closing()
