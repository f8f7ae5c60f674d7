"""Sends records on: what is due to its target, what can't be forwarded to the dead letters."""

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, TopicAuthorizationFailedError

from services.delay_svc import metrics
from services.delay_svc.poke import Poke
from shared.clock import SECOND, Clock
from shared.dead_letters import dead_letter
from shared.errors import Poison
from shared.logging import get_logger
from shared.sending import Place, send_batches

log = get_logger(__name__)

PROCESS = "delay_svc"

_REFUSALS = {
    TopicAuthorizationFailedError: Poison("target_forbidden", "Le service n'a pas le droit d'écrire dans ce topic."),
    MessageSizeTooLargeError: Poison("message_too_large", "Le topic visé n'accepte pas un message aussi long."),
}
"""What the target says of these records alone; any other error of the producer is one of the process."""


class Forwarder:
    """Forwards and dead-letters. Whatever it raises means that the process must start anew.

    aiokafka's idempotent producer retries by itself for as long as it takes; what it gives up on leaves it unusable.
    """

    def __init__(self, producer: AIOKafkaProducer, clock: Clock) -> None:
        self._producer = producer
        self._clock = clock

    async def forward(self, pokes: Iterable[Poke]) -> None:
        """Send `pokes` to their targets, as they are but for the target; return when all are acknowledged.

        The order of those that share a key is kept.
        """
        sent = await send_batches(self._producer, await self._lots(pokes), _append)
        answers = await asyncio.gather(*(future for future, _ in sent), return_exceptions=True)
        for answer, (_, held) in zip(answers, sent, strict=True):
            if isinstance(answer, BaseException):
                await self._refused(held, answer)
            else:
                self._told(held, answer)

    async def bury(self, record: Any, poison: Poison) -> None:
        """Put a record nobody can forward into the dead letters; return when that is acknowledged."""
        log.error(
            "dead_lettered",
            code=poison.code,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
        )
        letter = dead_letter(record, poison.code, poison.reason, process=PROCESS)
        await self._producer.send_and_wait(letter.topic, letter.value, letter.key, headers=list(letter.headers))

    async def _lots(self, pokes: Iterable[Poke]) -> dict[Place, list[Poke]]:
        lots: dict[Place, list[Poke]] = {}
        partitions: dict[str, int] = {}
        for poke in pokes:
            count = partitions.get(poke.target)
            if count is None:
                count = partitions[poke.target] = len(await self._producer.partitions_for(poke.target))
            lots.setdefault((poke.target, poke.spread % count), []).append(poke)
        return lots

    async def _refused(self, pokes: list[Poke], error: BaseException) -> None:
        poison = _REFUSALS.get(type(error))
        if poison is None:
            raise error
        for poke in pokes:
            await self.bury(poke.record, poison)

    def _told(self, pokes: list[Poke], answer: Any) -> None:
        # The broker stamps its append in a topic with LogAppendTime, as all targets are; elsewhere now is close to it.
        appended_at = answer.timestamp if answer.timestamp_type else self._clock.now()
        metrics.FORWARDED.labels(answer.topic).inc(len(pokes))
        for poke in pokes:
            metrics.LATENESS_SECONDS.observe((appended_at - poke.due_at) / SECOND)


def _append(batch: Any, poke: Poke) -> Any:
    return batch.append(key=poke.record.key, value=poke.record.value, timestamp=None, headers=poke.headers)
