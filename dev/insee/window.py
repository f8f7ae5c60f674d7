"""The quota as INSEE's gateway counts it: fixed windows, each opened by the first call after the last window.

It also records when calls came, so that a test can check that there were never too many.
"""

from dataclasses import dataclass, field


@dataclass
class Window:
    """At most `limit` calls per `length` ms for one subscription. Times are epoch ms."""

    limit: int = 30
    length: int = 60_000
    reset: int = 0
    used: int = 0
    refused: int = 0
    arrivals: list[int] = field(default_factory=list)

    def arrive(self, now: int) -> bool:
        """Count a call; tell whether it is within the quota."""
        self.arrivals.append(now)
        if now >= self.reset:
            self.reset = now + self.length
            self.used = 0
        if self.used >= self.limit:
            self.refused += 1
            return False
        self.used += 1
        return True

    def headers(self) -> dict[str, str]:
        """Return the headers of every answer; the reset is in epoch milliseconds, as INSEE gives it."""
        return {
            "X-Rate-Limit-Limit": str(self.limit),
            "X-Rate-Limit-Remaining": str(max(0, self.limit - self.used)),
            "X-Rate-Limit-Reset": str(self.reset),
        }

    def most_within_one_length(self) -> int:
        """Return the most calls that came within any period of the length of a window."""
        times, most, first = sorted(self.arrivals), 0, 0
        for last, time in enumerate(times):
            while time - times[first] >= self.length:
                first += 1
            most = max(most, last - first + 1)
        return most
