"""uvicorn's HTTP/1.1 protocol with limits: bytes are counted before they are parsed, and every wait has a deadline.
Past a limit the client gets a problem as response, and its connection ends.

It also ignores offers to upgrade, as RFC 9110 allows. The parser would lose the body of such a request, and Java's HTTP
client offers `h2c` with the first request of every connection.
"""

import asyncio
import math
import re
from enum import Enum
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.runtime import metrics
from shared.runtime.http_server.connections import Connections
from shared.runtime.http_server.refusals import refusal
from shared.runtime.http_server.transport import ClosedByProtocol

PIPELINED = 16
"""Pipelined requests of a connection that may wait for the response to an earlier one. Those after them the client has
to send again, as RFC 9112 allows: thousands fit in one read, and each is an object of kilobytes."""
LINGER_S, LINGER_BYTES = 2.0, 4 * 1024 * 1024
"""For how long, and how many bytes, input is discarded after a response that ends the connection. Closed at once, the
connection would be reset, and the client might never see the response."""
_METHOD = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40} ")
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class Reads(Enum):
    """The part of a request that is being read."""

    NOTHING = 0
    """No request has begun, or the last one is complete."""
    HEADERS = 1
    BODY = 2


class _Stop(Exception):
    """Stops the parser: no more of the input is to be parsed."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, connections: Connections, **more: Any) -> None:
        super().__init__(*args, **more)
        self._connections, self._limits = connections, connections.limits
        self.deadline = math.inf
        self.leaves = False
        self._deaf = False
        """Whether further input is discarded."""
        self._unread = False
        """Whether the client leaves so much unread that nothing more can be written."""
        self._declines = False
        """Whether a new parser is being fed the headers that the old one knew when it took an offer for an upgrade."""
        self._code = "http_malformed"
        """Why the parser was stopped."""
        self._reads = Reads.NOTHING
        self._came = 0
        """Bytes that came since this part began."""
        self._turned = False
        """Whether another part has begun since the deadline was set."""
        self._header_bytes = self._hosts = 0
        self._coded = False
        """Whether the request names a transfer coding."""

    # ---- the connection ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, or refuse it."""
        self._wire = transport
        super().connection_made(ClosedByProtocol(transport, self))  # type: ignore[arg-type]
        self.deadline = self.loop.time() + self._limits.header_s
        if not self._connections.admit(self, self.client[0] if self.client else ""):
            metrics.HTTP_REFUSED.labels("too_many_connections").inc()
            self._report("too_many_connections")
            self.leave()  # At once: a lingering connection would still count.

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.leaves = True
        self._connections.release(self)
        super().connection_lost(exc)

    def drop(self) -> None:
        """Close at once, without a response."""
        self._wire.abort()

    def leave(self) -> None:
        """End the connection once the response has been sent."""
        if self.leaves:
            return
        self.leaves = True
        self._connections.works(self)
        unsent = self._wire.get_write_buffer_size()
        self.deadline = self.loop.time() + (self._limits.unread_s if unsent else LINGER_S)
        if self._wire.is_closing():
            return
        if self._reads is Reads.NOTHING and not self._deaf:
            self._wire.close()
        else:
            self._hear_no_more()
            self.flow.resume_reading()
            self._wire.write_eof()

    def pause_writing(self) -> None:
        """Give the client some time to read the response."""
        super().pause_writing()
        self._unread = True
        self.deadline = self.loop.time() + self._limits.unread_s

    def resume_writing(self) -> None:
        """Go on, with a new deadline."""
        super().resume_writing()
        self._unread = False
        self._wait()

    def time_out(self) -> None:
        """Close or refuse, according to what was waited for."""
        if self.leaves or self._deaf or self._unread:
            self.drop()
        elif self._reads is Reads.NOTHING:
            self.leave()
        elif self._reads is Reads.BODY and self.flow.read_paused:
            self._wait()  # It is the application that is slow.
        else:
            self._refuse("request_too_slow")

    def _wait(self) -> None:
        """Set the deadline of the present wait."""
        if self.leaves or self._deaf or self._unread:
            return
        self._turned = False
        if self._reads is Reads.BODY:
            self.deadline = self.loop.time() + self._limits.body_s
            return
        answers = self._answers()
        if self._reads is Reads.HEADERS:
            self.deadline = self.loop.time() + self._limits.header_s
        else:
            self.deadline = math.inf if answers else self.loop.time() + self._limits.idle_s
        if not answers:
            self._connections.waits(self)

    def _turn(self, reads: Reads) -> None:
        self._reads, self._came, self._turned = reads, 0, True

    def _answers(self) -> bool:
        """Tell whether a request is under way."""
        return self.cycle is not None and not self.cycle.response_complete

    # ---- input ---------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Parse the input, unless it is too much."""
        self._came += len(data)
        if self._deaf:
            if self._came > LINGER_BYTES:
                self.flow.pause_reading()
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline(data[offer.args[0] :])
        except httptools.HttpParserInvalidMethodError:
            self._refuse("method_unknown" if _METHOD.match(data) else "http_malformed")
        except httptools.HttpParserError:
            if not self._deaf:  # Otherwise we stopped the parser ourselves.
                self._refuse(self._code)
        else:
            if self._turned:
                self._wait()
            # An incomplete header or target: the parser buffers it without a callback.
            if self._reads is Reads.HEADERS and self._came > self._limits.header_bytes + self._limits.target_bytes:
                self._refuse("headers_too_large")
            elif self._reads is Reads.BODY and self._came > self._limits.body_bytes:
                self._refuse("body_too_large")

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        if self._declines:
            return
        super().on_message_begin()
        self._turn(Reads.HEADERS)
        self._header_bytes = self._hosts = 0
        self._coded = False

    def on_url(self, url: bytes) -> None:
        """Read a part of the target."""
        if self._declines:
            return
        super().on_url(url)
        if len(self.url) > self._limits.target_bytes:
            self._stop("target_too_long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Read a header. Trailers, after a body, are counted and ignored."""
        if self._declines:
            return
        self._header_bytes += len(name) + len(value) + 4
        if self._header_bytes > self._limits.header_bytes or len(self.headers) >= self._limits.header_lines:
            self._stop("headers_too_large")
        if self._reads is Reads.BODY:
            return
        name = name.lower()
        if name == b"host":
            self._hosts += 1
        elif name == b"transfer-encoding":
            self._coded = True
            if value.lower() != b"chunked":
                self._stop("transfer_coding_unknown")
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Pass the request to the application, if it is valid."""
        if self._declines:
            return
        version = self.parser.get_http_version()
        if version not in {"1.1", "1.0"}:
            self._stop("http_version_unsupported")
        if self._hosts > 1 or (not self._hosts if version == "1.1" else self._coded):
            self._stop("http_malformed")
        if len(self.pipeline) >= PIPELINED:
            self._answer_what_is_owed()
            raise _Stop
        super().on_headers_complete()
        self._connections.works(self)
        self._turn(Reads.BODY)

    def on_message_complete(self) -> None:
        """Signal to the application that the request is complete."""
        if self.parser.should_upgrade():
            return  # The parser leaves the body to the other protocol.
        super().on_message_complete()
        self._turn(Reads.NOTHING)

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for it. Replaces uvicorn's, whose timer misses some of the waits."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._deaf:
            self.leave()
        elif self._reads is not Reads.BODY:
            self._wait()

    # ---- refusals ------------------------------------------------------------------------------------------------

    def _stop(self, code: str) -> None:
        """Stop the parser; the code says why."""
        self._code = code
        raise _Stop(code)

    def _refuse(self, code: str) -> None:
        """Respond why nothing more is read, unless another response is under way, which this would corrupt."""
        metrics.HTTP_REFUSED.labels(code).inc()
        if not self._answers():
            if self._reads is Reads.BODY:  # The response was sent before the request was complete.
                self.leave()
            else:
                self._answer(code)
        elif self._reads is not Reads.BODY:
            self._answer_what_is_owed()
        else:
            self.cycle.disconnected = True  # To the application this is a client that disconnected.
            self.cycle.message_event.set()
            if self.pipeline or self.cycle.response_started:
                self._hear_no_more()
                self.deadline = self.loop.time() + LINGER_S
            else:
                self._answer(code)

    def _hear_no_more(self) -> None:
        self._deaf, self._came = True, 0

    def _answer_what_is_owed(self) -> None:
        """Let the requests before this one be answered, the last of them with `Connection: close`."""
        self._hear_no_more()
        self.cycle.keep_alive = False
        self.deadline = math.inf

    def _answer(self, code: str) -> None:
        self._hear_no_more()
        self._report(code)
        self.leave()

    def _report(self, code: str) -> None:
        self._wire.write(refusal(code, self._limits, self.server_state.default_headers))

    def _decline(self, rest: bytes) -> None:
        """Go on with a request that offered an upgrade, since the parser would not read its body."""
        if self.scope["method"] == "CONNECT":  # What follows would be for the server to connect to.
            super().on_message_complete()
            self._answer_what_is_owed()
            return
        framing = [header for header in self.headers if header[0] in _FRAMING]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._declines = True
        try:
            lines = b"".join(b"%s: %s\r\n" % header for header in framing)
            self.parser.feed_data(b"POST / HTTP/1.1\r\n%s\r\n" % lines)
        finally:
            self._declines = False
        if rest:
            self.data_received(rest)
        else:
            self._wait()
