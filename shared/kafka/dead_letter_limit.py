"""The dead letter limit: keeps a bad deployment from emptying its topics into the dead letters.

When a process can handle nearly nothing that it reads, the fault is its own: past a rate its consumers wait, an alert
fires, and a corrected process goes on from there. Invalid requests are the fault of their senders: they are answered,
Kafka's quotas limit them, and no consumer waits because of them.
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
"""How many of them one actor's requests count for: an actor who finds what makes a rule fail can't stop others."""
WINDOW = 60.0
_HELD_FOR = 15.0
"""Seconds after its last attempt during which a consumer counts as waiting: it tries again every few seconds."""
_OUR_FAULT = b"internal_error"


class DeadLetterLimit:
    """Counts the dead letters of a process."""

    def __init__(self, process: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._topic = dead_letters(process)
        self._clock = clock
        self._counted: deque[tuple[float, bytes]] = deque()
        self._of_actors: Counter[bytes] = Counter()
        self._held = -math.inf
        # Computed from the time, since consumers may go on in another process: partitions move.
        metrics.DEAD_LETTERS_HELD.set_function(lambda: self._clock() < self._held + _HELD_FOR)

    def check(self, messages: Iterable[Message]) -> None:
        """Count the dead letters about to be sent. Raises Transient past the limit: then none of them may be sent."""
        ours = [message for message in messages if message.topic == self._topic and _is_our_fault(message)]
        now = self._clock()
        while self._counted and self._counted[0][0] <= now - WINDOW:
            _, actor = self._counted.popleft()
            self._of_actors[actor] -= 1
        if not ours:
            return
        if len(self._counted) >= AT_MOST:
            self._held = now
            raise Transient("too many messages can't be handled: they stay in their topics")
        self._held = -math.inf
        for message in ours:
            actor = dict(message.headers).get("dlq_actor", b"")
            if not actor or self._of_actors[actor] < OF_ONE_ACTOR:
                self._of_actors[actor] += 1
                self._counted.append((now, actor))


def _is_our_fault(message: Message) -> bool:
    """Tell whether the fault is ours: a rule failed, or the message came from a topic that only our systems write."""
    headers = dict(message.headers)
    from_outside = headers.get("dlq_topic", b"").decode().endswith((f".{REQUESTS}", f".{RETRIES}"))
    return headers.get("dlq_code") == _OUR_FAULT or not from_outside
