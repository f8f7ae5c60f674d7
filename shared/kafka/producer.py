"""The bus on Kafka.

aiokafka numbers a batch when it first sends it. A batch it gives up on (its topic was denied, or had no leader for half
a minute) leaves a gap, and the broker then refuses all that this producer sends to that partition ever after. Nothing
but a new producer mends that, hence a new process: it finds in MongoDB, and from its committed offsets, what is to be
told, while another producer beside the old one could overtake what that one still has under way.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    UnknownProducerId,
)

from shared.contracts.messages.cloudevents import Message
from shared.kafka.batching import Place, send_batches
from shared.kafka.dead_letter_limit import DeadLetterLimit
from shared.kafka.partitioner import key_hash
from shared.runtime.health import Health
from shared.runtime.logging import get_logger

log = get_logger(__name__)

_MANY = 50
_FOR_EVER = (
    OutOfOrderSequenceNumber,
    UnknownProducerId,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    ProducerFenced,
)
"""What a broker says of the producer, and not of what it sent: it will say so of everything."""


class KafkaBus:
    """Sends messages with one idempotent producer; the order within a partition is the order given.

    A producer that can never send again ends the process: `health` is told.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        health: Health,
        limit: DeadLetterLimit | None = None,
        *,
        name: str = "producer",
    ) -> None:
        self._producer = producer
        self._limit = limit
        self._is_refused = False
        health.part(name, alive=lambda: not self._is_spent())

    def _is_spent(self) -> bool:
        # aiokafka's own task ends at an error that it does not know, and then takes nothing any more.
        task = self._producer._sender.sender_task  # noqa: SLF001 - nothing public tells it.
        return self._is_refused or (task is not None and task.done() and not task.cancelled())

    async def publish(self, messages: Sequence[Message]) -> None:
        """Send all; return once every one is acknowledged. Raises the first failure; Transient past the limit.

        A few join the batch that others are filling: a partition takes one batch at a time, so batches of one message
        from many callers would queue up. Many are worth batches of their own.
        """
        if self._limit is not None:
            self._limit.check(messages)
        try:
            await self._publish(messages)
        except _FOR_EVER as error:
            self._is_refused = True
            log.critical("the broker refuses whatever this producer sends", error=type(error).__name__)
            raise

    async def _publish(self, messages: Sequence[Message]) -> None:
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
