"""Hands records to an aiokafka producer in whole batches.

The future and the coroutine that `send` makes for each record cost more than all the rest of sending it.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer

T = TypeVar("T")
Place = tuple[str, int]
"""A topic and one of its partitions."""
Append = Callable[[Any, T], Any]
"""Appends a record to a batch builder; returns None when the batch is full."""


async def send_batches(
    producer: AIOKafkaProducer, lots: Mapping[Place, Sequence[T]], append: Append[T]
) -> list[tuple[asyncio.Future[Any], list[T]]]:
    """Send each lot to its partition, in order; return each batch's future acknowledgement, with its records."""
    sent: list[tuple[asyncio.Future[Any], list[T]]] = []
    filling = [(place, _batches(producer, lot, append)) for place, lot in lots.items()]
    # A partition takes one batch at a time. So each round sends one batch to each partition.
    for batches in zip_longest(*(batches for _, batches in filling)):
        for ((topic, partition), _), filled in zip(filling, batches, strict=True):
            if filled is not None:
                batch, held = filled
                sent.append((await producer.send_batch(batch, topic, partition=partition), held))
    return sent


def _batches(producer: AIOKafkaProducer, lot: Sequence[T], append: Append[T]) -> Iterator[tuple[Any, list[T]]]:
    batch, held = producer.create_batch(), list[T]()
    for record in lot:
        if append(batch, record) is None:
            yield batch, held
            batch, held = producer.create_batch(), []
            append(batch, record)  # An empty batch takes any record.
        held.append(record)
    yield batch, held
