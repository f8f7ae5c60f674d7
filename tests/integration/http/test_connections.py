"""How many connections there may be, from one address and in all, and who gives way."""

import asyncio
import gc
from collections.abc import Sequence
from dataclasses import replace

import pytest

from shared.runtime.http_server.protocol import BoundedProtocol
from tests.integration.http.conftest import LIMITS, Server, Wire, request, server

OTHER = "127.0.0.2"
"""Another address of this machine."""
PATIENT = replace(LIMITS, header_s=60, idle_s=60)


async def _opened(served: Server, count: int, source: str | None = None) -> Sequence[Wire]:
    return [await served.open(source) for _ in range(count)]


async def test_one_address_has_so_many_and_another_is_served() -> None:
    async with server(replace(PATIENT, connections_per_address=5)) as served:
        held = await _opened(served, 5)
        refused = await (await served.open()).read()
        assert (refused.statuses, refused.codes, refused.closed) == ([503], ["too_many_connections"], True)
        assert refused.headers["retry-after"] == "1"
        other = await served.open(OTHER)
        await other.send(request())
        assert (await other.read(1)).statuses == [200]
        for wire in held:
            await wire.send(request())
            assert (await wire.read(1)).statuses == [200], "those that came first are kept"
        await held[0].close()
        await asyncio.sleep(0.1)
        assert (await served.send(request(), answers=1)).statuses == [200], "a place that is left can be taken"


async def test_when_all_places_are_taken_who_has_waited_longest_gives_way() -> None:
    async with server(replace(PATIENT, connections=10)) as served:
        busy = await served.open()
        await busy.send(request("GET", "/wait"))
        await asyncio.sleep(0.1)
        half_open = await _opened(served, 9)
        for wire in half_open:
            await wire.send(b"GET /a HTTP/1.1\r\nHos")
        await asyncio.sleep(0.1)
        newcomer = await served.open(OTHER)
        await newcomer.send(request())
        assert (await newcomer.read(1)).statuses == [200]
        assert (await half_open[0].read()).closed
        await half_open[-1].send(b"t: x\r\n\r\n")
        assert (await half_open[-1].read(1)).statuses == [200]
        served.go_on.set()
        assert (await busy.read(1)).statuses == [200], "whoever waits for an answer keeps their place"


async def test_when_all_are_busy_a_newcomer_learns_so() -> None:
    async with server(replace(PATIENT, connections=3)) as served:
        busy = await _opened(served, 3)
        for wire in busy:
            await wire.send(request("GET", "/wait"))
        await asyncio.sleep(0.1)
        refused = await (await served.open(OTHER)).read()
        assert (refused.statuses, refused.codes) == ([503], ["too_many_connections"])
        served.go_on.set()
        assert [(await wire.read(1)).statuses for wire in busy] == [[200]] * 3


@pytest.mark.parametrize("proxies", [["127.0.0.1"], ["10.0.0.0/8", "127.0.0.0/24"]])
async def test_a_trusted_proxy_has_as_many_as_there_are(proxies: list[str]) -> None:
    async with server(replace(PATIENT, connections_per_address=2), proxies) as served:
        held = await _opened(served, 5)
        for wire in held:
            await wire.send(request())
            assert (await wire.read(1)).statuses == [200]


async def test_it_stops_though_clients_hold_on() -> None:
    """In its time of grace, not in theirs."""
    async with asyncio.timeout(20):
        async with server(PATIENT) as served:
            held = await _opened(served, 3)
            await held[0].send(b"GET /a HT")
            await held[1].send(request())
            await held[1].read(1)
            await held[2].send(request("POST", "/a", "Content-Length: 5"))
            await asyncio.sleep(0.1)
        assert (await held[0].read()).closed
        assert (await held[1].read()).closed


async def test_a_connection_leaves_nothing_behind() -> None:
    """Not even a cycle, which would be looked for long after."""
    async with server(LIMITS) as served:
        gc.collect()
        gc.disable()
        try:
            for sent in (request(), request("POST", "/a", "Content-Length: 5"), request("FOO"), b"GET /a", b""):
                wire = await served.open()
                await wire.send(sent)
                await asyncio.sleep(0.05)
                await wire.close()
            await asyncio.sleep(0.2)
            # By its type: a weak reference of another test, asked for its class, asks what may be gone.
            assert not [kept for kept in gc.get_objects() if type(kept) is BoundedProtocol]
        finally:
            gc.enable()


@pytest.mark.parametrize(
    ("proxies", "client"), [(["127.0.0.0/24"], "192.0.2.7"), (["127.0.0.9"], "127.0.0.1"), ([], "127.0.0.1")]
)
async def test_only_a_trusted_proxy_says_who_calls(proxies: list[str], client: str) -> None:
    async with server(LIMITS, proxies) as served:
        got = await served.send(request("GET", "/a", "X-Forwarded-For: 203.0.113.9, 192.0.2.7"), answers=1)
    assert (got.statuses, served.clients) == ([200], [client])
