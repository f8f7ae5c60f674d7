"""The progress of one consumer: the age of the records it is handling, and whether a batch keeps failing."""

import time
from collections.abc import Collection, Sequence
from typing import Any

from aiokafka import TopicPartition

from shared.runtime import metrics
from shared.runtime.health import Loop


class Progress:
    """What a consumer reports, as metrics and to readiness."""

    def __init__(self, consumer: str, loop: Loop) -> None:
        self._loop = loop
        self._oldest: int | None = None
        self._partitions: set[TopicPartition] = set()
        self._stands_still = metrics.STANDS_STILL.labels(consumer)
        # Computed when it is scraped: a handler that hangs would not update it.
        metrics.BEHIND.labels(consumer).set_function(self._behind)
        metrics.BATCH_RETRIES.labels(consumer)  # Starts at 0: else its first event would not show.

    def begins(self, records: Sequence[Any]) -> None:
        """Note the batch that is about to be handled."""
        self._oldest = min((r.timestamp for r in records if r.timestamp > 0), default=None)
        self._partitions = {TopicPartition(r.topic, r.partition) for r in records}

    def in_vain(self, error: Exception) -> None:
        """Note that the present batch keeps failing."""
        self._loop.stuck = type(error).__name__
        self._stands_still.set(1)

    def goes_on(self) -> None:
        """Note that a batch was handled."""
        self._loop.stuck = None
        self._stands_still.set(0)

    def polled(self, records: Sequence[Any], assigned: Collection[TopicPartition]) -> None:
        """Note the records of a poll and the partitions assigned now.

        A batch that failed comes again, unless its partitions have gone to another process, which then reports it.
        """
        if not records:
            self._oldest = None
        if self._loop.stuck and self._partitions.isdisjoint(assigned):
            self.goes_on()

    def _behind(self) -> float:
        return 0.0 if self._oldest is None else max(0.0, time.time() - self._oldest / 1000)
