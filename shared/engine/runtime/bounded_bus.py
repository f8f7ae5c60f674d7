"""Dead-letters messages larger than the broker accepts: one would block all that are sent with it, for ever."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.messages.cloudevents import Message
from shared.engine.storage.protocol import Bus
from shared.kafka.dead_letters import dead_letter
from shared.runtime import metrics
from shared.runtime.logging import get_logger

log = get_logger(__name__)

LARGEST = 950_000
"""Bytes of a message, its headers included: brokers accept a megabyte, their overhead included."""


@dataclass(frozen=True)
class _Unsent:
    """A message that was not sent, in the form of a record to dead-letter."""

    topic: str
    key: bytes
    value: bytes
    headers: Any
    partition: int = -1
    offset: int = -1
    timestamp: int = field(default=0)


class BoundedBus:
    """Wraps a bus: a message that is too large is cut, dead-lettered and counted instead of sent."""

    def __init__(self, bus: Bus, *, process: str) -> None:
        self._bus = bus
        self._process = process

    async def publish(self, messages: Sequence[Message]) -> None:
        """Send all that are small enough, in order; return once every one is acknowledged."""
        await self._bus.publish([m if _fits(m) else self._dead_letter(m) for m in messages])

    def _dead_letter(self, message: Message) -> Message:
        log.error("a message is too large to be sent", topic=message.topic, bytes=len(message.value))
        metrics.TOO_LARGE.labels(message.topic).inc()
        unsent = _Unsent(message.topic, message.key, message.value, message.headers)
        return dead_letter(unsent, "message_too_large", "larger than a broker takes", process=self._process)


def _fits(message: Message) -> bool:
    size = len(message.key) + len(message.value)
    if size <= LARGEST // 2:
        return True  # The other half is for headers, which are limited far below it.
    return size + sum(len(name) + len(value) for name, value in message.headers) <= LARGEST
