"""Leases: permits that a replica has taken for one caller and gives out by itself. Pure: the time, in s, is given.

A replica never holds more permits of a caller than for a second. So in any t seconds a caller can make, over all
replicas, at most burst + rate × t calls, and those of one more second for each replica.
"""

import math
from dataclasses import dataclass

from gateway.api.rate_limit.rates import Rate

KEPT_S = 60.0
"""Seconds for which unused permits are kept: a caller who calls now and then costs one write for many calls."""


@dataclass(slots=True)
class Lease:
    """A number of permits taken at an instant, and how many of them are left."""

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
        """Return how many permits to take next: as many as were used in a second of this lease, within bounds."""
        least = max(1, min(rate.per_second, rate.burst // 10))
        used = self.size - self.left
        a_second = used / max(now - self.at, 0.001) if self.size else 0
        return max(least, min(rate.per_second, math.ceil(a_second)))
