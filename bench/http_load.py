"""A cheap HTTP load: prepared bytes over kept-alive connections, in a process of its own.

`python -m bench.http_load` reads a JSON object on standard input (see `Load`) and writes one with what it measured. A
usual HTTP client would cost more than what is measured, on the same two cores.
"""

import asyncio
import json
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

import uvloop

_HEADERS_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


@dataclass
class Load:
    """What is sent: `requests` in turn, over and over, for `seconds`; `rate` a second, or as fast as answers come (0).

    `{n}` in a path or a body becomes the number of the request. `wanted` must be part of an answer for it to count.
    """

    port: int
    headers: dict[str, str]
    requests: list[tuple[str, str, str]]
    seconds: float
    connections: int = 32
    rate: float = 0
    wanted: str = ""


@dataclass
class Measured:
    """What came back: how many good answers, others by status, and how long each good one took, in ms."""

    good: int = 0
    bad: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    took_ms: list[float] = field(default_factory=list)


class _Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request under way."""

    def __init__(self, source: "_Source") -> None:
        self._source = source
        self._buffer = b""
        self._since = 0.0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take work."""
        self._transport = transport
        self._source.idle(self)

    def send(self, request: bytes, since: float) -> None:
        """Send a request that should have left at `since`: waiting for a free connection counts as waiting."""
        self._since = since
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take the answer, once it is whole."""
        self._buffer += data
        end = self._buffer.find(_HEADERS_END)
        if end < 0:
            return
        head = self._buffer[:end].lower()
        start = head.find(_LENGTH)
        length = int(head[start + len(_LENGTH) :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        if len(self._buffer) < end + len(_HEADERS_END) + length:
            return
        answer, self._buffer = self._buffer, b""
        self._source.answered(answer, time.perf_counter() - self._since)
        self._source.idle(self)


class _Source:
    """Hands out requests and counts answers."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._number = 0
        self._idle: deque[_Connection] = deque()
        self._late: deque[float] = deque()
        self._wanted = load.wanted.encode()
        self._head = "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
        self._ends = float("inf")
        self.measured = Measured()

    def _next(self) -> bytes:
        method, path, body = self._load.requests[self._number % len(self._load.requests)]
        number, self._number = str(self._number), self._number + 1
        content = body.replace("{n}", number).encode()
        start = f"{method} {path.replace('{n}', number)} HTTP/1.1\r\nHost: 127.0.0.1\r\n{self._head}"
        if content:
            start += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        return start.encode() + b"\r\n" + content

    def idle(self, connection: _Connection) -> None:
        """Give a free connection its next request."""
        now = time.perf_counter()
        if now >= self._ends:
            return
        if not self._load.rate:
            connection.send(self._next(), now)
        elif self._late:
            connection.send(self._next(), self._late.popleft())
        else:
            self._idle.append(connection)

    def answered(self, answer: bytes, seconds: float) -> None:
        """Count an answer."""
        if answer[9:10] == b"2" and self._wanted in answer:
            self.measured.good += 1
            self.measured.took_ms.append(round(seconds * 1000, 2))
        else:
            status = answer[9:12].decode()
            self.measured.bad[status] = self.measured.bad.get(status, 0) + 1

    async def run(self) -> Measured:
        """Send for as long as configured, then take the answers that are still to come."""
        loop, load = asyncio.get_running_loop(), self._load
        started = time.perf_counter()
        self._ends = started + load.seconds
        for _ in range(load.connections):
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", load.port)
        sent = 0
        while (now := time.perf_counter()) < self._ends:
            while load.rate and started + sent / load.rate <= now:
                at, sent = started + sent / load.rate, sent + 1
                if self._idle:
                    self._idle.popleft().send(self._next(), at)
                else:
                    self._late.append(at)
            await asyncio.sleep(max(0.0005, started + sent / load.rate - now) if load.rate else 0.1)
        self.measured.seconds = time.perf_counter() - started
        good = self.measured.good
        await asyncio.sleep(2)
        if not load.rate:  # Those that came after the time do not count in a rate.
            self.measured.good = good
        return self.measured


if __name__ == "__main__":
    load = Load(**json.load(sys.stdin))
    json.dump(asdict(uvloop.run(_Source(load).run())), sys.stdout)
