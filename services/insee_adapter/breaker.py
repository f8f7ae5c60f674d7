"""A circuit breaker: after several failures in a row INSEE is left alone for a while, then tried with one call.

It counts what tells that INSEE does not work (time-outs, 5xx, a refused key); « not found » is an answer, and a
quota that is used up says nothing of INSEE's health. Pure: the time is passed.
"""

from enum import StrEnum


class State(StrEnum):
    """CLOSED lets every call through, OPEN none, TRYING exactly one."""

    CLOSED = "closed"
    OPEN = "open"
    TRYING = "trying"


class Breaker:
    """Counts failures in a row. Every call that `enter` let through must end in one of the three other verbs.

    `threshold` failures in a row open it, for `rest` ms. Times are ms of a clock that never goes back.
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
                return 1_000  # The one call that is under way will tell.

    def enter(self, now: int) -> int:
        """Ask to make a call: 0 when it may be made, else how long (ms) to leave INSEE alone."""
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
        """The call failed in a way that tells of INSEE's health."""
        self._failures += 1
        if self.state is State.TRYING or self._failures >= self._threshold:
            self.state = State.OPEN
            self._until = now + self._rest

    def abandoned(self) -> None:
        """The call tells nothing: it was not made, was given up, or the quota was used up. The next one may try."""
        if self.state is State.TRYING:
            self.state = State.OPEN
            self._until = 0
