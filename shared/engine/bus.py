"""The bus on Kafka."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from shared.messages.cloudevents import Message
from shared.partitioner import key_hash
from shared.sending import Place, send_batches


class KafkaBus:
    """Sends messages with one idempotent producer; the order within a partition is the order given."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def publish(self, messages: Sequence[Message]) -> None:
        """Send all; return once every one is acknowledged. Raises the first failure."""
        lots: dict[Place, list[Message]] = {}
        counts: dict[str, int] = {}
        for message in messages:
            count = counts.get(message.topic)
            if count is None:
                count = counts[message.topic] = len(await self._producer.partitions_for(message.topic))
            lots.setdefault((message.topic, _spread(message.key) % count), []).append(message)
        sent = await send_batches(self._producer, lots, _append)
        await asyncio.gather(*(acknowledged for acknowledged, _ in sent))


def _spread(key: bytes) -> int:
    return key_hash(key) if key else random.getrandbits(31)


def _append(batch: Any, message: Message) -> Any:
    return batch.append(key=message.key or None, value=message.value, timestamp=None, headers=list(message.headers))
