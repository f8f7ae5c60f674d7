"""What uvicorn takes for the transport of a connection: it is closed as our protocol sees fit."""

import asyncio
import weakref
from typing import Protocol


class Closing(Protocol):
    """A protocol that knows how its connection is to end."""

    leaves: bool

    def leave(self) -> None:
        """End the connection."""


class ClosedByProtocol:
    """A transport. uvicorn closes it after an answer that ends the connection, however much still comes.

    It does not keep its protocol alive: what a connection leaves behind would have to be looked for as a cycle.
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
