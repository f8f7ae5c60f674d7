"""The time, passed as an argument and never read inside a rule.

Instants are integer milliseconds since the Unix epoch (UTC), as Kafka's own timestamps are: comparing them is exact.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Protocol

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


class Clock(Protocol):
    """Gives the time in milliseconds since the epoch."""

    def now(self) -> int:
        """Return the current instant, in ms."""
        ...


class SystemClock:
    """The machine's clock, optionally wrong by `offset_ms` so that fault tests can run with a fast or slow one."""

    def __init__(self, offset_ms: int = 0) -> None:
        self._offset = offset_ms

    def now(self) -> int:
        """Return the current instant, in ms, rounded down."""
        return time.time_ns() // 1_000_000 + self._offset


def iso(instant: int) -> str:
    """Write an instant (ms) as RFC 3339 in UTC with milliseconds, such as 2026-11-23T10:00:00.000Z."""
    return f"{_second(instant // 1000)}.{instant % 1000:03d}Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    # Messages published together repeat the same few seconds; formatting one takes microseconds.
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(moment: datetime) -> int:
    """Return the instant (ms) of a moment. One without an offset is in UTC, as MongoDB gives it."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(milliseconds=1)


def parse_instant(value: object) -> object:
    """Read an instant: ms as an integer, or an RFC 3339 text with an offset. Raises ValueError otherwise."""
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("an instant needs its offset from UTC, such as 2026-11-23T10:00:00Z")
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    return value


Instant = Annotated[
    int,
    BeforeValidator(parse_instant),
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-23T10:00:00.000Z"]}),
]
"""An instant: ms since the epoch in memory and in MongoDB, RFC 3339 text in JSON."""


def duration(text: str) -> int:
    """Read a duration such as `30m`, `5s`, `1h30m` or `250ms`, in ms. Raises ValueError when it is none."""
    parts = re.findall(r"(\d+)(ms|s|m|h|d)", text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise ValueError(f"« {text} » is no duration; write it like 30m, 5s or 1h30m")
    return sum(int(n) * _UNITS[u] for n, u in parts)


def write_duration(ms: int) -> str:
    """Write a duration (ms) in its largest exact unit, such as `30m`; the inverse of `duration` for one unit."""
    for unit in ("d", "h", "m", "s"):
        if ms and ms % _UNITS[unit] == 0:
            return f"{ms // _UNITS[unit]}{unit}"
    return f"{ms}ms"


Duration = Annotated[
    int,
    BeforeValidator(lambda v: duration(v) if isinstance(v, str) and not v.isdigit() else v),
]
"""A duration in ms, read from text such as `30m`."""
