"""uvicorn's HTTP/1.1 protocol, within limits: what arrives is counted before it is parsed, and nothing is waited for
for ever. What a limit refuses is answered as a problem, and its connection ends.

It also declines offers to upgrade, as RFC 9110 says to: the parser would lose the body of such a request, and Java's
HTTP client offers `h2c` with every first request of a connection.
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
"""Requests that may wait for the answer to an earlier one of their connection; those behind them are to be sent
again, as RFC 9112 lets a server ask for: thousands fit in one read, and each is an object of kilobytes."""
LINGER_S, LINGER_BYTES = 2.0, 4 * 1024 * 1024
"""For how long, and how far, what still comes is thrown away after an answer that ends its connection: closed at once,
the connection would be reset, and the client might never see why."""
_METHOD = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40} ")
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class Reads(Enum):
    """What is read of a connection."""

    NOTHING = 0
    """No request has begun, or the last one has come whole."""
    HEADERS = 1
    BODY = 2


class _Stop(Exception):
    """Nothing more of what came is to be parsed."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, connections: Connections, **more: Any) -> None:
        super().__init__(*args, **more)
        self._connections, self._limits = connections, connections.limits
        self.deadline = math.inf
        self.leaves = False
        self._deaf = False
        """Whether what still comes is thrown away."""
        self._unread = False
        """Whether the client leaves so much unread that nothing can be written."""
        self._declines = False
        """Whether the parser is being told what it knew before it took an offer to upgrade for an upgrade."""
        self._code = "http_malformed"
        """Why the parser was stopped."""
        self._reads = Reads.NOTHING
        self._came = 0
        """Bytes that came since it reads what it reads."""
        self._turned = False
        """Whether it reads something else than when its deadline was set."""
        self._header_bytes = self._hosts = 0
        self._coded = False
        """Whether the request names a transfer coding."""

    # ---- the connection ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection in, or refuse it."""
        self._wire = transport
        super().connection_made(ClosedByProtocol(transport, self))  # type: ignore[arg-type]
        self.deadline = self.loop.time() + self._limits.header_s
        if not self._connections.admit(self, self.client[0] if self.client else ""):
            metrics.HTTP_REFUSED.labels("too_many_connections").inc()
            self._report("too_many_connections")
            self.leave()  # At once: what lingers would be one more.

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.leaves = True
        self._connections.release(self)
        super().connection_lost(exc)

    def drop(self) -> None:
        """End at once, with nothing said."""
        self._wire.abort()

    def leave(self) -> None:
        """End the connection, once what was answered has been sent."""
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
        """Give the client a while to read what it asked for."""
        super().pause_writing()
        self._unread = True
        self.deadline = self.loop.time() + self._limits.unread_s

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._unread = False
        self._wait()

    def time_out(self) -> None:
        """Do what is to be done when the deadline has passed."""
        if self.leaves or self._deaf or self._unread:
            self.drop()
        elif self._reads is Reads.NOTHING:
            self.leave()
        elif self._reads is Reads.BODY and self.flow.read_paused:
            self._wait()  # It is the application that is slow.
        else:
            self._refuse("request_too_slow")

    def _wait(self) -> None:
        """Set the deadline of what is waited for now."""
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

    # ---- what comes ----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless it is too much."""
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
            if not self._deaf:  # Else it was stopped on purpose.
                self._refuse(self._code)
        else:
            if self._turned:
                self._wait()
            # What is not whole yet: the parser gathers it and tells nobody.
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
        """Read a header. Those behind a body are counted and left: they came too late to mean anything."""
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
        """Hand the request to the application, if it is one."""
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
        """Tell the application that the request is whole."""
        if self.parser.should_upgrade():
            return  # The parser leaves the body to the other protocol.
        super().on_message_complete()
        self._turn(Reads.NOTHING)

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for it. In uvicorn's place, whose timer sees half of what waits."""
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

    # ---- what is refused -----------------------------------------------------------------------------------------

    def _stop(self, code: str) -> None:
        """Stop the parser."""
        self._code = code
        raise _Stop(code)

    def _refuse(self, code: str) -> None:
        """Answer why nothing more is read, unless another answer is under way that this would garble."""
        metrics.HTTP_REFUSED.labels(code).inc()
        if not self._answers():
            if self._reads is Reads.BODY:  # It was answered before it was whole.
                self.leave()
            else:
                self._answer(code)
        elif self._reads is not Reads.BODY:
            self._answer_what_is_owed()
        else:
            self.cycle.disconnected = True  # For the application, its client has left.
            self.cycle.message_event.set()
            if self.pipeline or self.cycle.response_started:
                self._hear_no_more()
                self.deadline = self.loop.time() + LINGER_S
            else:
                self._answer(code)

    def _hear_no_more(self) -> None:
        self._deaf, self._came = True, 0

    def _answer_what_is_owed(self) -> None:
        """Let the requests before this one be answered, the last of them with the word that the connection ends."""
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
        """Go on with a request that offered to upgrade, and whose body the parser would not read."""
        if self.scope["method"] == "CONNECT":  # What follows would be for somebody else.
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
