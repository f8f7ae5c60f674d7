"""A wire between our processes and a broker that can be cut, slowed and silenced: a TCP proxy on the loopback.

A broker of Kafka advertises the address at which it is to be reached, and clients would go there and past the wire. So
the wire puts its own port in the place of the broker's wherever the broker advertises it: both are four bytes.
"""

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from dev.brokers.ports import HOST

_CHUNK = 64 * 1024

Read = Callable[[asyncio.StreamReader], Awaitable[bytes]]


async def _whatever_comes(reader: asyncio.StreamReader) -> bytes:
    return await reader.read(_CHUNK)


class Wire:
    """Carries connections to the port `to`. `async with` opens it; `port` is where it listens then."""

    def __init__(self, to: int, *, hides: bool = False) -> None:
        self.port = 0
        self.delay = 0.0
        """Seconds that all it carries takes besides, each way."""
        self.cuts = 0
        """Connections that were cut."""
        self._to = to
        self._hides = hides
        self._open = asyncio.Event()
        self._open.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.speak()
        while self._carrying:  # One that was just being made is cut the next time.
            self.cut()
            await asyncio.wait(self._carrying, timeout=0.1)

    def cut(self) -> None:
        """Cut every connection; new ones may be made at once."""
        self.cuts += len(self._ends) // 2
        for end in self._ends:
            end.transport.abort()

    def silence(self) -> None:
        """Carry nothing any more, and leave the connections open: nobody is notified."""
        self._open.clear()

    def speak(self) -> None:
        """Carry on, with what was held back first."""
        self._open.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        try:
            with contextlib.suppress(OSError, EOFError):
                await self._carry(reader, writer)
        finally:
            self._carrying.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            broker_reader, broker_writer = await asyncio.open_connection(HOST, self._to)
        except OSError:
            writer.transport.abort()
            raise
        ends = {writer, broker_writer}
        self._ends |= ends
        try:
            back = self._answer if self._hides else _whatever_comes
            ways = (self._one_way(reader, broker_writer), self._one_way(broker_reader, writer, back))
            await asyncio.gather(*ways)
        finally:
            self._ends -= ends
            for end in ends:
                end.transport.abort()

    async def _one_way(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, read: Read = _whatever_comes
    ) -> None:
        """Carry what comes; raises EOFError at its end, which ends the other way too."""
        while data := await read(reader):
            if self.delay:
                await asyncio.sleep(self.delay)
            await self._open.wait()
            writer.write(data)
            await writer.drain()
        raise EOFError

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        """Read a whole answer of Kafka's, which begins with its size."""
        size = await reader.readexactly(4)
        answer = await reader.readexactly(int.from_bytes(size, "big"))
        return size + answer.replace(_address(self._to), _address(self.port))


def _address(port: int) -> bytes:
    """Return an address as Kafka's protocol writes it, but for the length of the name, which has several forms."""
    return HOST.encode() + struct.pack(">i", port)
