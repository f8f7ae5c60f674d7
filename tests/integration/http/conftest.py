"""The HTTP server of every process before a small application, and a client that sends bytes as they are."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from dev.brokers.ports import free_ports
from shared.runtime.http_server.limits import Limits
from shared.runtime.http_server.server import serving

LIMITS = Limits(
    header_bytes=4_096, header_lines=20, target_bytes=1_000, header_s=1, body_s=1, body_bytes=1_000_000, unread_s=1
)
"""Small and short, so that passing them takes little."""
PATIENCE = 30
"""Seconds within which whatever is to come has come, on a machine that does other things too."""


class Answers:
    """What came on a connection until it was closed, or until `more` answers had come."""

    def __init__(self, raw: bytes, *, closed: bool) -> None:
        self.raw, self.closed = raw, closed
        self.statuses: list[int] = []
        self.bodies: list[Any] = []
        while raw:
            head, _, rest = raw.partition(b"\r\n\r\n")
            lines = head.decode().lower().split("\r\n")
            self.headers = dict(line.split(": ", 1) for line in lines[1:])
            length = int(self.headers.get("content-length", 0))
            self.statuses.append(int(lines[0].split()[1]))
            self.bodies.append(orjson.loads(rest[:length]) if length else None)
            raw = rest[length:]

    @property
    def codes(self) -> list[str | None]:
        return [body.get("code") for body in self.bodies]


class Server:
    """A server; `seen` is what its application received, `clients` by whom, `left` how many left it in the middle."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.seen: list[str] = []
        self.clients: list[str] = []
        self.headers: set[str] = set()
        self.left = 0
        self.go_on = asyncio.Event()
        self.wires: list[Wire] = []

    def app(self) -> Starlette:
        async def echo(request: Request) -> Response:
            self.seen.append(request.url.path)
            self.clients.append(request.client.host if request.client else "")
            try:
                body = await request.body()
            except ClientDisconnect:
                self.left += 1
                return Response()
            self.headers = {name.decode() for name, _ in request.scope["headers"]}
            return JSONResponse({"path": request.url.path, "body": body.decode()})

        async def wait(request: Request) -> Response:
            self.seen.append(request.url.path)
            await self.go_on.wait()
            return JSONResponse({"path": request.url.path})

        async def late(request: Request) -> Response:
            self.seen.append(request.url.path)
            await self.go_on.wait()
            return JSONResponse({"length": len(await request.body())})

        async def large(_: Request) -> Response:
            async def pieces() -> AsyncIterator[bytes]:
                try:
                    for _ in range(1_000):
                        yield b" " * 65_536
                finally:
                    self.left += 1

            return StreamingResponse(pieces())

        methods = ["GET", "POST", "OPTIONS"]
        return Starlette(
            routes=[
                Route("/wait", wait, methods=methods),
                Route("/late", late, methods=methods),
                Route("/large", large),
                Route("/{path:path}", echo, methods=methods),
            ]
        )

    async def open(self, source: str | None = None) -> "Wire":
        """Connect, from another address of this machine when one is given."""
        local = None if source is None else (source, 0)
        wire = Wire(*await asyncio.open_connection("127.0.0.1", self.port, local_addr=local))
        self.wires.append(wire)
        return wire

    async def send(self, *parts: bytes, answers: int | None = None, pause: float = 0.0) -> Answers:
        """Send parts with pauses between them; return what comes until the server closes, or so many answers."""
        wire = await self.open()
        reading = asyncio.create_task(wire.read(answers))
        for part in parts:
            await wire.send(part)
            await asyncio.sleep(pause)
        got = await reading
        await wire.close()
        return got


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, data: bytes) -> None:
        """Send; what the other side does not take any more is lost."""
        with contextlib.suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    async def read(self, answers: int | None = None) -> Answers:
        """Return what comes until the server closes, or until there are so many answers."""
        raw = b""
        async with asyncio.timeout(PATIENCE):
            while answers is None or not _are_whole(raw, answers):
                try:
                    data = await self._reader.read(65_536)
                except ConnectionError:
                    data = b""
                if not data:
                    return Answers(raw, closed=True)
                raw += data
        return Answers(raw, closed=False)

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def reset(self) -> None:
        """Leave without a word."""
        self._writer.transport.abort()


def _are_whole(raw: bytes, count: int) -> bool:
    try:
        return len(Answers(raw, closed=False).bodies) >= count
    except (ValueError, IndexError):
        return False


def request(
    method: str = "GET", path: str = "/a", *headers: str, body: bytes = b"", version: str = "HTTP/1.1", host: str = "x"
) -> bytes:
    """Return a request; a host that is empty is left out."""
    lines = [f"{method} {path} {version}", *([f"Host: {host}"] if host else []), *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def server(limits: Limits, proxies: Sequence[str] = ()) -> AsyncIterator[Server]:
    """Run a server with limits of its own."""
    (port,) = free_ports(1)
    served = Server(port)
    async with serving(served.app(), "127.0.0.1", port, limits=limits, proxies=proxies):
        try:
            yield served
        finally:
            served.go_on.set()
    for wire in served.wires:
        await wire.close()


@pytest_asyncio.fixture
async def small() -> AsyncIterator[Server]:
    """A server with small limits."""
    async with server(LIMITS) as served:
        yield served
