"""The bus on Kafka."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from shared.messages.cloudevents import Message


class KafkaBus:
    """Sends messages with one idempotent producer; the order within a partition is the order given."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def publish(self, messages: Sequence[Message]) -> None:
        """Send all; return once every one is acknowledged. Raises the first failure."""
        sent = [
            await self._producer.send(m.topic, m.value, key=m.key or None, headers=list(m.headers)) for m in messages
        ]
        await asyncio.gather(*sent)
