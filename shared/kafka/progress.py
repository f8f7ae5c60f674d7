"""How one consumer gets on: how old what it has in hand is, and whether it tries a batch in vain."""

import time
from collections.abc import Collection, Sequence
from typing import Any

from aiokafka import TopicPartition

from shared.runtime import metrics
from shared.runtime.health import Loop


class Progress:
    """What a consumer tells of itself, in metrics and to readiness."""

    def __init__(self, consumer: str, loop: Loop) -> None:
        self._loop = loop
        self._oldest: int | None = None
        self._partitions: set[TopicPartition] = set()
        self._stands_still = metrics.STANDS_STILL.labels(consumer)
        # Computed when it is asked for: what hangs over a batch says nothing by itself.
        metrics.BEHIND.labels(consumer).set_function(self._behind)
        metrics.BATCH_RETRIES.labels(consumer)  # A counter that begins with its first event hides that event.

    def begins(self, records: Sequence[Any]) -> None:
        """Take note of a batch that is about to be handled."""
        self._oldest = min((r.timestamp for r in records if r.timestamp > 0), default=None)
        self._partitions = {TopicPartition(r.topic, r.partition) for r in records}

    def in_vain(self, error: Exception) -> None:
        """Say that the batch in hand is tried in vain."""
        self._loop.stuck = type(error).__name__
        self._stands_still.set(1)

    def goes_on(self) -> None:
        """Say that a batch was handled."""
        self._loop.stuck = None
        self._stands_still.set(0)

    def polled(self, records: Sequence[Any], assigned: Collection[TopicPartition]) -> None:
        """Take note of what a poll brought, while these partitions are ours.

        A batch that was tried in vain comes again, unless its partitions have gone to others: it is theirs to tell.
        """
        if not records:
            self._oldest = None
        if self._loop.stuck and self._partitions.isdisjoint(assigned):
            self.goes_on()

    def _behind(self) -> float:
        return 0.0 if self._oldest is None else max(0.0, time.time() - self._oldest / 1000)
