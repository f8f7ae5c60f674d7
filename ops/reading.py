"""Reads topics from their beginning to where they end now, without a group: nothing is committed, nobody disturbed."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from ops.errors import OpsError
from shared.kafka.clients import build_consumer
from shared.runtime.settings import KafkaSettings

_PATIENCE = 30.0
"""Seconds without a record after which Kafka is given up."""
_AT_ONCE = 1_000


@asynccontextmanager
async def opened(kafka: KafkaSettings, *topics: str) -> AsyncIterator[Any]:
    """Give a consumer of all partitions of these topics, at their beginning. Raises what the broker raises."""
    consumer = build_consumer(kafka, *topics, group=None)
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def ends(consumer: Any) -> dict[Any, int]:
    """Return where each partition ends now."""
    found: dict[Any, int] = await consumer.end_offsets(list(consumer.assignment()))
    return found


async def until(consumer: Any, goals: Mapping[Any, int]) -> AsyncIterator[Mapping[Any, Sequence[Any]]]:
    """Give records by partition, in batches, until each partition is read up to its goal.

    Records beyond a goal may come too. Raises OpsError when Kafka gives nothing more.
    """
    seen = time.monotonic()
    left = set(goals)
    while left := {partition for partition in left if await consumer.position(partition) < goals[partition]}:
        batches = await consumer.getmany(*left, timeout_ms=500, max_records=_AT_ONCE)
        if batches:
            seen = time.monotonic()
            yield batches
        elif time.monotonic() - seen > _PATIENCE:
            raise OpsError(f"Kafka has given nothing for {_PATIENCE:.0f} s: check it, then run the command again.")


async def everything(kafka: KafkaSettings, *topics: str) -> AsyncIterator[Any]:
    """Give every record of these topics, those of one partition in order."""
    async with opened(kafka, *topics) as consumer:
        async for batches in until(consumer, await ends(consumer)):
            for records in batches.values():
                for record in records:
                    yield record
