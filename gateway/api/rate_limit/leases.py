"""Permits that a replica has taken for one caller and gives out by itself. Pure: the time is given, in seconds.

A replica never holds more than a second's worth for a caller. So in any t seconds a caller gets through, over all
replicas, at most burst + rate × t calls, and a second's worth for each replica.
"""

import math
from dataclasses import dataclass

from gateway.api.rate_limit.rates import Rate

KEPT_S = 60.0
"""For how long permits that are not used are kept: whoever calls now and then costs a write for many calls."""


@dataclass(slots=True)
class Lease:
    """So many permits taken at an instant, and how many of them are left."""

    size: int = 0
    left: int = 0
    at: float = 0.0

    def take(self, now: float) -> bool:
        """Take a permit, if there is one."""
        if not self.left or now - self.at >= KEPT_S:
            return False
        self.left -= 1
        return True

    def next_size(self, rate: Rate, now: float) -> int:
        """Return how many permits to take next: as many as went in a second of this lease, within bounds."""
        least = max(1, min(rate.per_second, rate.burst // 10))
        used = self.size - self.left
        a_second = used / max(now - self.at, 0.001) if self.size else 0
        return max(least, min(rate.per_second, math.ceil(a_second)))
