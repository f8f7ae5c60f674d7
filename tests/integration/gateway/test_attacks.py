"""The gateway under attack, as a process of its own: others are served promptly, and what attacks is given up."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from dev.brokers import Brokers
from tests.integration.gateway.conftest import settings
from tests.integration.gateway.processes import Gateway, bystander, gateway
from tests.integration.gateway.stack import Issuer, Stack, fresh_user, until

ALL, EACH = 600, 200
MANY = 1_500
GIVEN_UP = 40
"""Seconds within which connections are given up: above their time, for a machine that does other things too."""


@pytest_asyncio.fixture(scope="module")
async def attacked(
    gateway_brokers: Brokers, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * MANY:  # Here are the attackers' ends of the connections.
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(2 * MANY, hard), hard))
    environment = settings(
        gateway_brokers,
        issuer,
        API_CONNECTIONS=str(ALL),
        API_CONNECTIONS_PER_ADDRESS=str(EACH),
        API_HEADER_TIMEOUT="5s",
        API_BODY_TIMEOUT="5s",
    )
    async with gateway(environment, tmp_path_factory.mktemp("attacked") / "log") as process:
        yield process


class Attacker:
    """A connection of somebody who means no good, or of a client on a very bad line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._reading = asyncio.create_task(self._read(reader))
        self.got = b""

    @property
    def is_over(self) -> bool:
        """Whether the gateway has ended the connection."""
        return self._reading.done()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                self.got += data

    def send(self, data: bytes) -> None:
        """Send, without waiting for it to be taken."""
        if not self.is_over:
            self._writer.write(data)

    async def send_all(self, data: bytes) -> None:
        """Send, and wait until it is taken or the connection over."""
        self.send(data)
        draining = asyncio.ensure_future(self._writer.drain())
        await asyncio.wait({draining, self._reading}, return_when=asyncio.FIRST_COMPLETED)
        draining.cancel()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await draining

    async def end(self) -> None:
        """Leave."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
        await self._reading

    async def reset(self) -> None:
        """Leave without a word."""
        self._writer.transport.abort()
        await self._reading


async def attackers(port: int, count: int, *sources: str) -> Sequence[Attacker]:
    """Open connections, in turn from each of the addresses of this machine."""

    async def one(number: int) -> Attacker:
        local = (sources[number % len(sources)], 0)
        return Attacker(*await asyncio.open_connection("127.0.0.1", port, local_addr=local))

    opened: list[Attacker] = []
    for start in range(0, count, 50):
        opened += await asyncio.gather(*(one(number) for number in range(start, min(count, start + 50))))
    return opened


async def all_but(count: int, of: Sequence[Attacker]) -> None:
    """Return once the gateway has ended all of these connections but so many."""

    async def over() -> bool:
        return sum(not attacker.is_over for attacker in of) <= count

    await until(over, within=GIVEN_UP)
    for attacker in of:
        if attacker.is_over:
            await attacker.end()


async def test_half_open_connections_of_one_address(stack: Stack, attacked: Gateway) -> None:
    async with bystander(stack, attacked.api):
        half_open = await attackers(attacked.port, MANY, "127.0.0.1")
        for attacker in half_open:
            attacker.send(b"GET /api/v1/me HTTP/1.1\r\nHos")
        await all_but(EACH, half_open)
        await all_but(0, half_open)
    assert sum(b" 408 " in attacker.got for attacker in half_open) >= EACH / 2
    assert await attacked.refused("too_many_connections") >= MANY - EACH
    assert attacked.errors() == []


async def test_half_open_connections_of_many_addresses(stack: Stack, attacked: Gateway) -> None:
    """Together they take all places there are, and each newcomer takes the place of the oldest of them."""
    sources = [f"127.0.1.{number}" for number in range(1, 16)]
    async with bystander(stack, attacked.api):
        half_open = await attackers(attacked.port, MANY, *sources)
        for attacker in half_open:
            attacker.send(b"GET /api/v1/me HTTP/1.1\r\nHos")
        await all_but(ALL, half_open)
        await all_but(0, half_open)
    assert attacked.errors() == []


async def test_a_huge_header_without_a_token(stack: Stack, attacked: Gateway) -> None:
    (memory,) = (await attacked.metrics("process_resident_memory_bytes")).values()
    async with bystander(stack, attacked.api):
        huge = await attackers(attacked.port, 4, "127.0.0.1")
        for attacker in huge:
            attacker.send(b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX: ")

        async def sends(attacker: Attacker) -> None:
            for _ in range(96):
                if attacker.is_over:
                    return
                await attacker.send_all(b"x" * 1_000_000)

        await asyncio.gather(*map(sends, huge))
        await all_but(0, huge)
    assert [attacker.got[:12] for attacker in huge] == [b"HTTP/1.1 431"] * 4
    assert b"headers_too_large" in huge[0].got
    (after,) = (await attacked.metrics("process_resident_memory_bytes")).values()
    assert after - memory < 30_000_000
    assert attacked.errors() == []


async def test_slow_bodies(stack: Stack, attacked: Gateway) -> None:
    """Of somebody who has a token: the application waits for each of them."""
    head = (
        "PATCH /api/v1/structures/1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {stack.issuer.token(fresh_user('slow'))}\r\nContent-Length: 900000\r\n\r\n{{"
    )
    async with bystander(stack, attacked.api):
        slow = await attackers(attacked.port, EACH - 50, "127.0.0.1")
        for attacker in slow:
            attacker.send(head.encode())
        while not all(attacker.is_over for attacker in slow[:10]):
            for attacker in slow:
                attacker.send(b" ")
            await asyncio.sleep(0.2)
        await all_but(0, slow)
    answers = {attacker.got[:12] for attacker in slow}
    assert answers == {b"HTTP/1.1 408", b"HTTP/1.1 429"}, "more at once than one caller may have under way"
    assert attacked.errors() == []


async def test_a_body_that_never_ends_is_refused_at_its_limit(stack: Stack, attacked: Gateway) -> None:
    """In pieces, so that nobody knows how long it will be; and announced, before any of it has come."""
    token = f"Authorization: Bearer {stack.issuer.token(fresh_user('u'))}\r\nContent-Type: application/json\r\n"
    start = f"PATCH /api/v1/structures/1 HTTP/1.1\r\nHost: x\r\n{token}"
    (endless, announced) = await attackers(attacked.port, 2, "127.0.0.1")
    endless.send(f"{start}Transfer-Encoding: chunked\r\n\r\n".encode())
    sent = 0
    while not endless.got and sent < 96:
        await endless.send_all(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
        sent += 1
    announced.send(f"{start}Content-Length: 5000000000\r\nExpect: 100-continue\r\n\r\n".encode())
    await all_but(0, [endless, announced])
    for attacker in (endless, announced):
        assert attacker.got.startswith(b"HTTP/1.1 413 ")
        assert b"body_too_large" in attacker.got
        assert b"connection: close" in attacker.got.lower()
    assert sent < 20


async def test_a_client_that_leaves_is_no_failure_of_ours(stack: Stack, attacked: Gateway) -> None:
    """In the middle of its body, while it waits for a decision, and while it follows a request."""
    user, before = fresh_user("leaves"), await _counted(attacked, 'status="499"')
    bearer = f"Host: x\r\nAuthorization: Bearer {stack.issuer.token(user)}\r\n"
    async with stack.as_(user) as client:
        request = (await client.post(f"{attacked.api}/structures/1/activate")).json()
    path = f"/api/v1/requests/{request['request_id']}/events"
    sent = [
        f"PATCH /api/v1/structures/1 HTTP/1.1\r\n{bearer}Content-Length: 500\r\n\r\n{{",
        f"POST /api/v1/structures/1/activate HTTP/1.1\r\n{bearer}Prefer: wait=2\r\nContent-Length: 0\r\n\r\n",
        f"GET {path} HTTP/1.1\r\n{bearer}\r\n",
        "GET /api/v1/me HTTP/1.1\r\nHo",
    ]
    leaving = await attackers(attacked.port, 2 * len(sent), "127.0.0.1")
    for attacker, text in zip(leaving, sent * 2, strict=True):
        attacker.send(text.encode())
    await asyncio.sleep(0.5)
    for attacker in leaving[: len(sent)]:
        await attacker.end()
    for attacker in leaving[len(sent) :]:
        await attacker.reset()

    async def measured() -> bool:
        return await _counted(attacked, 'status="499"') == before + 2 and await _counted(attacked, "/activate") == 3

    await until(measured)
    assert await attacked.metrics("structures_http_streams") == {"": 0.0}
    assert await _counted(attacked, 'status="5') == 0
    assert attacked.errors() == []


async def _counted(process: Gateway, label: str) -> float:
    counts = await process.metrics("structures_http_seconds_count")
    return sum(count for labels, count in counts.items() if label in labels)
