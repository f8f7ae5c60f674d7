"""Keeps a bad deployment from emptying its topics into the dead letters.

When nearly everything that a process reads is more than it can handle, the fault is its own: past a rate its consumers
wait, an alert says so, and a mended process goes on where they stand. What others send wrong is their own fault: told
to them, bounded by what Kafka lets them send, it makes nobody wait.
"""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable

from shared.contracts.messages.cloudevents import Message
from shared.contracts.topics import REQUESTS, RETRIES, dead_letters
from shared.errors import Transient
from shared.runtime import metrics

AT_MOST = 500
"""Dead letters of our own fault within `WINDOW`."""
OF_ONE_ACTOR = 50
"""How many of them one actor's requests count: whoever finds what breaks a rule stops nobody else with it."""
WINDOW = 60.0
_HELD_FOR = 15.0
"""Seconds for which consumers that wait are known to: they try again every few seconds."""
_OUR_FAULT = b"internal_error"


class DeadLetterLimit:
    """Counts the dead letters of a process."""

    def __init__(self, process: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._topic = dead_letters(process)
        self._clock = clock
        self._counted: deque[tuple[float, bytes]] = deque()
        self._of_actors: Counter[bytes] = Counter()
        self._held = -math.inf
        # Nobody says when they go on, since it may be elsewhere: partitions move.
        metrics.DEAD_LETTERS_HELD.set_function(lambda: self._clock() < self._held + _HELD_FOR)

    def check(self, messages: Iterable[Message]) -> None:
        """Count what is about to be sent. Raises Transient when it would be too much: nothing of it is to be sent."""
        ours = [message for message in messages if message.topic == self._topic and _is_our_fault(message)]
        now = self._clock()
        while self._counted and self._counted[0][0] <= now - WINDOW:
            _, actor = self._counted.popleft()
            self._of_actors[actor] -= 1
        if not ours:
            return
        if len(self._counted) >= AT_MOST:
            self._held = now
            raise Transient("too many messages can't be handled: they are kept where they are")
        self._held = -math.inf
        for message in ours:
            actor = dict(message.headers).get("dlq_actor", b"")
            if not actor or self._of_actors[actor] < OF_ONE_ACTOR:
                self._of_actors[actor] += 1
                self._counted.append((now, actor))


def _is_our_fault(message: Message) -> bool:
    """Tell whether we are to blame: a rule that breaks, or what only systems of ours may write and nobody can read."""
    headers = dict(message.headers)
    from_outside = headers.get("dlq_topic", b"").decode().endswith((f".{REQUESTS}", f".{RETRIES}"))
    return headers.get("dlq_code") == _OUR_FAULT or not from_outside
