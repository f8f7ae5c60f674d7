"""Forwards due records to their targets, and dead-letters those that can't be forwarded."""

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from services.delay_svc import metrics
from services.delay_svc.delayed import Delayed
from shared.clock import SECOND, Clock
from shared.errors import Poison
from shared.kafka.batching import Place, send_batches
from shared.kafka.dead_letters import dead_letter
from shared.runtime.logging import get_logger

log = get_logger(__name__)

PROCESS = "delay_svc"

_REFUSALS = {
    TopicAuthorizationFailedError: Poison("target_forbidden", "Le service n'a pas le droit d'écrire dans ce topic."),
    MessageSizeTooLargeError: Poison("message_too_large", "Le topic visé n'accepte pas un message aussi long."),
}
"""The errors by which a target refuses these records alone; any other error of the producer ends the process."""


_NO_DEAD_LETTERS = (UnknownTopicOrPartitionError, TopicAuthorizationFailedError)
"""The errors while the dead-letter topic, or the right to write to it, is missing: an operator can correct that."""
_DEAD_LETTER_AGAIN_AFTER_S = 1.0
"""Seconds between two tries."""


class Forwarder:
    """Forwards and dead-letters. After any exception the process must be restarted.

    aiokafka's idempotent producer retries by itself for as long as Kafka is down. Once it gives a batch up (half a
    minute after its target was deleted, for instance) it is unusable.
    """

    def __init__(self, producer: AIOKafkaProducer, clock: Clock) -> None:
        self._producer = producer
        self._clock = clock

    async def forward(self, triggers: Iterable[Delayed]) -> list[tuple[Delayed, Poison]]:
        """Send `triggers` to their targets, unchanged but for the header `target`; return those that were refused.

        It returns when all are acknowledged or refused. The order of those that share a key is kept.
        """
        lots = await self._lots(triggers)
        sent = await send_batches(self._producer, lots, _append)
        await asyncio.wait([future for future, _ in sent])
        refused: list[tuple[Delayed, Poison]] = []
        for future, held in sent:
            error = future.exception()
            if error is None:
                self._forwarded(held, future.result())
            elif poison := _REFUSALS.get(type(error)):
                refused += [(trigger, poison) for trigger in held]
            else:
                raise error
        return refused

    async def dead_letter(self, record: Any, poison: Poison) -> None:
        """Dead-letter a record that can't be forwarded; return when that is acknowledged.

        While the dead-letter topic is missing, it tries again.
        """
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        log.error("dead_lettered", code=poison.code, **place)
        message = dead_letter(record, poison.code, poison.reason, process=PROCESS)
        headers = list(message.headers)
        while True:
            try:
                await self._producer.send_and_wait(message.topic, message.value, message.key, headers=headers)
            except _NO_DEAD_LETTERS as error:
                log.critical("no_dead_letters", reason=type(error).__name__, **place)
                await asyncio.sleep(_DEAD_LETTER_AGAIN_AFTER_S)
            else:
                return

    async def _lots(self, triggers: Iterable[Delayed]) -> dict[Place, list[Delayed]]:
        lots: dict[Place, list[Delayed]] = {}
        partitions: dict[str, int] = {}
        for trigger in triggers:
            count = partitions.get(trigger.target)
            if count is None:
                count = partitions[trigger.target] = len(await self._producer.partitions_for(trigger.target))
            lots.setdefault((trigger.target, trigger.spread % count), []).append(trigger)
        return lots

    def _forwarded(self, triggers: list[Delayed], answer: Any) -> None:
        # All targets have LogAppendTime, so the answer has the append time; in another topic the present time is close.
        appended_at = answer.timestamp if answer.timestamp_type else self._clock.now()
        metrics.FORWARDED.labels(answer.topic).inc(len(triggers))
        for trigger in triggers:
            metrics.LATENESS_SECONDS.observe((appended_at - trigger.due_at) / SECOND)
        early = sum(appended_at < trigger.due_at for trigger in triggers)
        if early:
            metrics.EARLY.inc(early)


def _append(batch: Any, trigger: Delayed) -> Any:
    return batch.append(key=trigger.record.key, value=trigger.record.value, timestamp=None, headers=trigger.headers)
