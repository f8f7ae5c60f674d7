"""The bus on Kafka, with an idempotent producer.

aiokafka numbers a batch when it first sends it. A batch that it gives up (its topic was denied, or had no leader for
half a minute) leaves a gap in the sequence numbers, and the broker then refuses all that this producer sends to that
partition. Only a new producer can go on. That needs a new process: in the same one, a second producer could overtake
what the first still has under way. The new process finds what is to be published in MongoDB and from its committed
offsets.
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
"""Errors that concern the producer itself, not what it sent: it will get them for everything."""


class KafkaBus:
    """Sends messages with one idempotent producer; the order within a partition is the order given.

    When the producer can never send again, `health` learns of it and the process ends.
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
        # aiokafka's sender task ends at an unexpected error, and then nothing is sent any more.
        task = self._producer._sender.sender_task  # noqa: SLF001 - there is no public way to see it.
        return self._is_refused or (task is not None and task.done() and not task.cancelled())

    async def publish(self, messages: Sequence[Message]) -> None:
        """Send all; return once all are acknowledged. Raises the first failure; Transient past the dead letter limit.

        A few messages join the batch that other callers are filling: a partition takes one batch at a time, so many
        batches of one message would queue up. Many messages get batches of their own.
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
