"""Nothing is waited for for ever: requests that do not come, bodies that trickle, answers that nobody reads."""

import asyncio
from dataclasses import replace

import pytest

from shared.runtime.http_server.protocol import LINGER_BYTES
from tests.integration.http.conftest import LIMITS, PATIENCE, Server, request, server
from tests.support.until import until

CHUNKED = "Transfer-Encoding: chunked"


async def test_a_connection_that_never_says_anything_is_closed(small: Server) -> None:
    got = await small.send()
    assert (got.raw, got.closed) == (b"", True)


async def test_headers_that_trickle_are_given_up(small: Server) -> None:
    """Each byte is new, but it is the whole that has a time (slowloris)."""
    got = await small.send(b"GET /a HTTP/1.1\r\nHost: x\r\n", *[b"A: b\r\n"] * 15, pause=0.2)
    assert (got.statuses, got.codes, got.closed) == ([408], ["request_too_slow"], True)
    assert small.seen == []


@pytest.mark.parametrize(
    "parts",
    [
        [request("POST", "/a", "Content-Length: 100000")],
        [request("POST", "/a", "Content-Length: 100000"), *[b"x"] * 15],
        [request("POST", "/a", CHUNKED), *[b"1\r\nx\r\n"] * 15],
    ],
    ids=["stops", "trickles", "chunked"],
)
async def test_a_body_that_does_not_come_is_given_up_and_the_application_notified(
    small: Server, parts: list[bytes]
) -> None:
    got = await small.send(*parts, pause=0.2)
    assert (got.statuses, got.codes, got.closed) == ([408], ["request_too_slow"], True)
    await until(lambda: small.left == 1)


async def test_a_body_that_still_comes_after_its_answer_has_a_time_too(small: Server) -> None:
    small.go_on.set()
    got = await small.send(request("POST", "/wait", "Content-Length: 100000"), *[b"x"] * 15, pause=0.2)
    assert (got.statuses, got.closed) == ([200], True)


async def test_a_second_request_that_stops_half_way_is_answered_after_the_first(small: Server) -> None:
    got = await small.send(request() + b"POST /b HT")
    assert (got.statuses, got.codes, got.closed) == ([200, 408], [None, "request_too_slow"], True)


@pytest.mark.parametrize("offer", [(), ("Connection: Upgrade", "Upgrade: h2c")])
async def test_an_application_may_take_its_time(small: Server, offer: tuple[str, ...]) -> None:
    """Only clients are hurried: neither the wait for an answer nor a connection's rest has so short a time."""
    sending = asyncio.create_task(small.send(request("GET", "/wait", *offer), answers=1))
    await until(lambda: small.seen == ["/wait"])
    await asyncio.sleep(2.5 * LIMITS.header_s)
    small.go_on.set()
    assert (await sending).statuses == [200]
    got = await small.send(request(), b"", b"", request(), answers=2, pause=LIMITS.header_s)
    assert got.statuses == [200, 200]


async def test_an_application_may_take_its_time_to_read_a_body(small: Server) -> None:
    """What it does not take, the server does not read; the client is not to blame for that."""
    body = b" " * 900_000
    sending = asyncio.create_task(
        small.send(request("POST", "/late", f"Content-Length: {len(body)}", body=body), answers=1)
    )
    await until(lambda: small.seen == ["/late"])
    await asyncio.sleep(2.5 * LIMITS.body_s)
    small.go_on.set()
    assert (await sending).bodies == [{"length": len(body)}]


async def test_a_connection_that_rests_too_long_is_closed() -> None:
    async with server(replace(LIMITS, idle_s=1)) as served:
        got = await served.send(request())
    assert (got.statuses, got.closed) == ([200], True)


async def test_an_answer_that_nobody_reads_is_given_up(small: Server) -> None:
    wire = await small.open()
    await wire.send(request("GET", "/large"))
    await until(lambda: small.left == 1, PATIENCE)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request("GET", "/a", "A: ")[:-4], 431),
        (request("POST", "/a", CHUNKED, body=b"1;"), 413),
    ],
    ids=["headers", "body"],
)
async def test_an_endless_request_is_answered_before_its_end_and_little_of_it_is_read(
    small: Server, sent: bytes, status: int
) -> None:
    """It sends until it is stopped; what the server and the kernels hold of it is bounded."""
    wire = await small.open()
    reading, taken = asyncio.create_task(wire.read()), 0
    await wire.send(sent)
    async with asyncio.timeout(PATIENCE):
        while not reading.done():
            sending = asyncio.create_task(wire.send(b"x" * 65_536))
            await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                sending.cancel()
                break
            taken += 65_536
    got = await reading
    assert (got.statuses, got.closed) == ([status], True)
    assert taken < LIMITS.body_bytes + LINGER_BYTES + 16 * 1024 * 1024


async def test_a_client_that_leaves_in_the_middle_is_no_error(small: Server, caplog: pytest.LogCaptureFixture) -> None:
    for sent in (request("POST", "/a", "Content-Length: 10", body=b"x"), request("GET", "/wait"), b"GET /a"):
        wire = await small.open()
        await wire.send(sent)
        await asyncio.sleep(0.05)
        wire.reset()
    await until(lambda: small.left == 1)
    small.go_on.set()
    assert (await small.send(request(), answers=1)).statuses == [200]
    assert caplog.records == []
