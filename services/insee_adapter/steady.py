"""A clock for measuring durations: it never goes back, and tells no date."""

import time


class SteadyClock:
    """Milliseconds since some moment in the past."""

    def now(self) -> int:
        """Return the milliseconds since then."""
        return time.monotonic_ns() // 1_000_000
