"""A rate and its token bucket, which fills as time goes by. Pure: the time is given, in s."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

_TEXT = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls a second in the long run, and so many at once after a pause."""

    per_second: int
    burst: int

    def __str__(self) -> str:
        return f"{self.per_second}/{self.burst}"

    @property
    def window_s(self) -> int:
        """Return the seconds in which an empty bucket is full again, rounded up."""
        return -(-self.burst // self.per_second)


def read(value: Any) -> Any:
    """Read a rate such as `50/200`: fifty calls a second, two hundred at once. Raises ValueError when it is none."""
    if not isinstance(value, str):
        return value
    found = _TEXT.fullmatch(value)
    if found is None:
        raise ValueError(f"« {value} » is no rate; write it like 50/200: calls a second, and at once")
    return Rate(int(found[1]), int(found[2]))


RateSetting = Annotated[Rate, NoDecode, BeforeValidator(read)]


class Bucket:
    """The permits of one caller in this replica, full at first."""

    __slots__ = ("_at", "_permits")

    def __init__(self, rate: Rate, now: float) -> None:
        self._permits, self._at = float(rate.burst), now

    def take(self, rate: Rate, now: float) -> float:
        """Take a permit and return 0, or return the seconds after which there will be one."""
        self._permits = min(rate.burst, self._permits + max(0.0, now - self._at) * rate.per_second)
        self._at = now
        if self._permits >= 1:
            self._permits -= 1
            return 0.0
        return (1 - self._permits) / rate.per_second
