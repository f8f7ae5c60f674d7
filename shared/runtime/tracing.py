"""Tracing context, by which one request can be followed through every process.

The W3C `traceparent` travels with each message; a process that sends a message because of another keeps the trace id
and names its own step with a new span id, so that a collector can draw the path.
"""

import re
import secrets

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def new_trace() -> str:
    """Start a trace: a fresh, sampled `traceparent`."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def next_span(parent: str | None) -> str:
    """Return a `traceparent` in the same trace with a span id of its own; a new trace when the parent is invalid."""
    if parent is None or not _TRACEPARENT.fullmatch(parent):
        return new_trace()
    return f"{parent[:36]}{secrets.token_hex(8)}{parent[52:]}"
