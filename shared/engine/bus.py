"""The bus on Kafka."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from shared.messages.cloudevents import Message
from shared.partitioner import key_hash
from shared.sending import Place, send_batches

_MANY = 50


class KafkaBus:
    """Sends messages with one idempotent producer; the order within a partition is the order given."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def publish(self, messages: Sequence[Message]) -> None:
        """Send all; return once every one is acknowledged. Raises the first failure.

        A few join the batch that others are filling: a partition takes one batch at a time, so batches of one message
        from many callers would queue up. Many are worth batches of their own.
        """
        if len(messages) < _MANY:
            sent = [
                await self._producer.send(m.topic, m.value, key=m.key or None, headers=list(m.headers))
                for m in messages
            ]
        else:
            sent = [acknowledged for acknowledged, _ in await self._send_whole(messages)]
        await asyncio.gather(*sent)

    async def _send_whole(self, messages: Sequence[Message]) -> list[tuple[asyncio.Future[Any], list[Message]]]:
        lots: dict[Place, list[Message]] = {}
        counts: dict[str, int] = {}
        for message in messages:
            count = counts.get(message.topic)
            if count is None:
                count = counts[message.topic] = len(await self._producer.partitions_for(message.topic))
            lots.setdefault((message.topic, _spread(message.key) % count), []).append(message)
        return await send_batches(self._producer, lots, _append)


def _spread(key: bytes) -> int:
    return key_hash(key) if key else random.getrandbits(31)


def _append(batch: Any, message: Message) -> Any:
    return batch.append(key=message.key or None, value=message.value, timestamp=None, headers=list(message.headers))
