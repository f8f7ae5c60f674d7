"""A circuit breaker: after several failures in a row no call is made for a while, then a single one.

It counts failures that show that INSEE does not work (time-outs, 5xx, a refused key). « Not found » is an answer, and a
quota that is used up says nothing about INSEE's health. Pure: the time is passed.
"""

from enum import StrEnum


class State(StrEnum):
    """CLOSED lets every call through, OPEN none, TRYING exactly one."""

    CLOSED = "closed"
    OPEN = "open"
    TRYING = "trying"


class Breaker:
    """Counts failures in a row. After each call that `enter` lets through, another method must be called.

    `threshold` failures in a row open it, for `rest` ms. Times are ms of a monotonic clock.
    """

    def __init__(self, threshold: int = 5, rest: int = 30_000) -> None:
        self._threshold = threshold
        self._rest = rest
        self._failures = 0
        self._until = 0
        self.state = State.CLOSED

    def wait(self, now: int) -> int:
        """Return how long (ms) no call would be let through; 0 when one would."""
        match self.state:
            case State.CLOSED:
                return 0
            case State.OPEN:
                return max(0, self._until - now)
            case State.TRYING:
                return 1_000  # The one call that is under way will decide.

    def enter(self, now: int) -> int:
        """Ask to make a call: 0 when it may be made, else how long (ms) to wait."""
        if wait := self.wait(now):
            return wait
        if self.state is State.OPEN:
            self.state = State.TRYING
        return 0

    def succeeded(self) -> None:
        """The call got an answer."""
        self._failures = 0
        self.state = State.CLOSED

    def failed(self, now: int) -> None:
        """The call failed because INSEE does not work."""
        self._failures += 1
        if self.state is State.TRYING or self._failures >= self._threshold:
            self.state = State.OPEN
            self._until = now + self._rest

    def abandoned(self) -> None:
        """The call says nothing of INSEE's health: not made, given up, or over the quota. The next one may try."""
        if self.state is State.TRYING:
            self.state = State.OPEN
            self._until = 0
