"""What is a request and what is none, as RFC 9110 and 9112 say; what is none is answered as a problem."""

import asyncio

import pytest

from tests.integration.http.conftest import Answers, Server, request
from tests.support.until import until

CHUNKED = "Transfer-Encoding: chunked"
H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (request("FOO"), 501, "method_unknown"),
        (request("get"), 501, "method_unknown"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "http_malformed"),  # TLS at a port without.
        (b"GARBAGE\r\n\r\n", 400, "http_malformed"),
        (request(version="HTTP/2.0"), 505, "http_version_unsupported"),
        (request(host=""), 400, "http_malformed"),
        (request("GET", "/a", "Host: y"), 400, "http_malformed"),
        (request("GET", "/\xe9"), 400, "http_malformed"),
        (request("GET", "/a", "A : b"), 400, "http_malformed"),
        (request("GET", "/a", "A: b", " c"), 400, "http_malformed"),
        (request("POST", "/a", "Content-Length: 3", CHUNKED, body=b"3\r\nabc\r\n0\r\n\r\n"), 400, "http_malformed"),
        (request("POST", "/a", CHUNKED, "Content-Length: 3", body=b"3\r\nabc\r\n0\r\n\r\n"), 400, "http_malformed"),
        (request("POST", "/a", "Content-Length: 3", "Content-Length: 4", body=b"abc"), 400, "http_malformed"),
        (request("POST", "/a", "Content-Length: -1", body=b"abc"), 400, "http_malformed"),
        (request("POST", "/a", "Content-Length: " + "9" * 30, body=b"abc"), 400, "http_malformed"),
        (request("POST", "/a", CHUNKED, body=b"zz\r\nabc\r\n0\r\n\r\n"), 400, "http_malformed"),
        (request("POST", "/a", CHUNKED, version="HTTP/1.0", body=b"0\r\n\r\n"), 400, "http_malformed"),
        (request("POST", "/a", "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), 501, "transfer_coding_unknown"),
        (request("POST", "/a", "Transfer-Encoding: gzip", body=b"abc"), 501, "transfer_coding_unknown"),
        (request("GET", "/" + "a" * 1_000), 414, "target_too_long"),
        (request("GET", "/a", "A: " + "b" * 4_096), 431, "headers_too_large"),
        (request("GET", "/a", *["A: b"] * 20), 431, "headers_too_large"),
        (request("POST", "/a", CHUNKED, body=b"0\r\nA: " + b"b" * 5_000 + b"\r\n\r\n"), 431, "headers_too_large"),
        (request("POST", "/a", CHUNKED, body=b"1;" + b"x" * 2_000_000), 413, "body_too_large"),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else value,
)
async def test_what_is_no_request_is_refused_and_its_connection_ends(
    small: Server, sent: bytes, status: int, code: str
) -> None:
    got = await small.send(sent)
    assert (got.statuses, got.codes, got.closed) == ([status], [code], True)
    assert got.headers["content-type"] == "application/problem+json"
    assert got.headers["connection"] == "close"
    assert {"date", "cache-control"} <= set(got.headers)
    assert "{" not in got.bodies[0]["title"]
    assert "?" not in got.bodies[0]["title"]
    assert (await small.send(request(), answers=1)).statuses == [200], "others are served as before"


async def test_a_method_nobody_knows_is_answered_with_those_there_are(small: Server) -> None:
    got = await small.send(request("FOO"))
    assert got.headers["allow"] == "delete, get, head, patch, post, put"


@pytest.mark.parametrize(
    ("sent", "path", "body"),
    [
        (request(), "/a", ""),
        (b"\r\n\r\n" + request(), "/a", ""),
        (request(version="HTTP/1.0", host=""), "/a", ""),
        (request("GET", "http://x/abs?c"), "/abs", ""),
        (request("GET", "/a", *["A: b"] * 19), "/a", ""),
        (request("GET", "/a", "A: " + "b" * 4_000), "/a", ""),
        (request("POST", "/a", "Content-Length: 3", body=b"abc"), "/a", "abc"),
        (request("POST", "/a", CHUNKED, body=b"1\r\na\r\n2;ext=1\r\nbc\r\n0\r\nAfter: 1\r\n\r\n"), "/a", "abc"),
        (request("POST", "/a", *H2C, "Content-Length: 3", body=b"abc"), "/a", "abc"),
        (request("POST", "/a", *H2C, CHUNKED, body=b"3\r\nabc\r\n0\r\n\r\n"), "/a", "abc"),
        (request("GET", "/a", *H2C), "/a", ""),
    ],
    ids=lambda value: repr(value[:80]) if isinstance(value, bytes) else value,
)
@pytest.mark.parametrize("piece", [1_000_000, 7])
async def test_what_is_a_request_is_served_however_it_is_cut(
    small: Server, sent: bytes, path: str, body: str, piece: int
) -> None:
    if piece < len(sent) > 500:
        piece = 1_000
    pieces = [sent[start : start + piece] for start in range(0, len(sent), piece)]
    got = await small.send(*pieces, answers=1, pause=0.001)
    assert (got.statuses, got.bodies) == ([200], [{"path": path, "body": body}])


async def test_what_comes_behind_a_body_is_no_header_of_the_request(small: Server) -> None:
    """Else a header that is looked for late would be another than the one looked for early."""
    parts = [request("POST", "/a", CHUNKED, body=b"3\r\nabc\r\n"), b"0\r\nAuthorization: x\r\n\r\n"]
    assert (await small.send(*parts, answers=1, pause=0.1)).statuses == [200]
    assert small.headers == {"host", "transfer-encoding"}


@pytest.mark.parametrize("framing", ["Content-Length: 3", CHUNKED])
async def test_an_offer_to_upgrade_is_declined_and_the_connection_goes_on(small: Server, framing: str) -> None:
    """Java's HTTP client offers h2c with every first request; its body was lost."""
    body = b"abc" if framing.startswith("Content") else b"3\r\nabc\r\n0\r\n\r\n"
    got = await small.send(request("POST", "/1", *H2C, framing, body=body) + request("GET", "/2"), answers=2)
    assert [answer["path"] for answer in got.bodies] == ["/1", "/2"]
    assert got.bodies[0]["body"] == "abc"


async def test_requests_of_one_connection_are_answered_in_their_order(small: Server) -> None:
    sent = request("GET", "/wait") + request("GET", "/2") + request("POST", "/3", "Content-Length: 0")
    got = await _answered_late(small, sent, answers=3)
    assert [answer["path"] for answer in got.bodies] == ["/wait", "/2", "/3"]


async def test_of_very_many_requests_sent_at_once_some_are_served_and_the_others_are_to_be_sent_again(
    small: Server,
) -> None:
    got = await _answered_late(small, request("GET", "/wait") + request("GET", "/b") * 5_000)
    assert set(got.statuses) == {200}
    assert 2 < len(got.statuses) < 50
    assert (got.headers["connection"], got.closed) == ("close", True)
    assert len(small.seen) == len(got.statuses)


async def test_what_is_wrong_behind_a_request_waits_for_its_answer(small: Server) -> None:
    got = await _answered_late(small, request("GET", "/wait") + b"\x00garbage\r\n\r\n")
    assert (got.bodies, got.closed) == ([{"path": "/wait"}], True)


async def _answered_late(served: Server, sent: bytes, *, answers: int | None = None) -> Answers:
    """Return what comes when the application answers /wait only after all has been read."""
    sending = asyncio.create_task(served.send(sent, answers=answers))
    await until(lambda: "/wait" in served.seen)
    await asyncio.sleep(0.1)
    served.go_on.set()
    return await sending
