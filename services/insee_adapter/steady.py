"""A monotonic clock, for measuring durations."""

import time


class SteadyClock:
    """Milliseconds since some moment in the past."""

    def now(self) -> int:
        """Return the milliseconds since then."""
        return time.monotonic_ns() // 1_000_000
