"""Publishes to partners: outcomes of a client's requests also go to the client's own topic, where it has one.

A partner's topic can't be relied on: it is created and removed while processes run, and most clients have none. That
must neither block a batch, in which others wait for their decisions, nor leave a gap in the sequence numbers of our
idempotent producer (`shared/kafka/producer.py`). So partners have a producer of their own without idempotence: a record
may come twice, with the same version. An outcome for which there is no topic is dropped and counted. While Kafka itself
does not answer, nothing is dropped: the batch is tried again, as for any topic of ours.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from aiokafka.errors import TopicAuthorizationFailedError

from shared.contracts.messages.cloudevents import Message
from shared.contracts.topics import PARTNER_PREFIX
from shared.engine.storage.protocol import Bus
from shared.runtime import metrics
from shared.runtime.logging import get_logger

log = get_logger(__name__)

_LOOK_EVERY_S = 1.0
"""Least seconds between two checks whether a missing topic exists: clients without one may ask at any rate."""
_PATIENCE_S = 1.0
"""Seconds without an acknowledgement after which it is checked whether the topic still exists."""


class PartnerBus:
    """Sends to our own topics by one bus and to partners' by another; returns once both are acknowledged.

    `topics` asks Kafka for the names of the existing topics, as far as this process may see them.
    """

    def __init__(self, ours: Bus, theirs: Bus, topics: Callable[[], Awaitable[Collection[str]]]) -> None:
        self._ours, self._theirs, self._topics = ours, theirs, topics
        self._known: frozenset[str] = frozenset()
        self._looked = -_LOOK_EVERY_S
        self._looking: asyncio.Task[None] | None = None

    async def publish(self, messages: Sequence[Message]) -> None:
        """Send all, in order within a topic. Raises the first failure, our own topics' first."""
        lots: dict[str, list[Message]] = {}
        own = []
        for message in messages:
            if message.topic.startswith(PARTNER_PREFIX):
                lots.setdefault(message.topic, []).append(message)
            else:
                own.append(message)
        sending = (self._ours.publish(own), *(self._publish_to(topic, lot) for topic, lot in lots.items()))
        for failure in await asyncio.gather(*sending, return_exceptions=True):
            if failure is not None:
                raise failure

    async def _publish_to(self, topic: str, messages: Sequence[Message]) -> None:
        if topic not in self._known and not await self._found(topic):
            metrics.OUTCOMES_UNSENT.labels("no_topic").inc(len(messages))
            return
        sending = asyncio.ensure_future(self._theirs.publish(messages))
        sending.add_done_callback(_heard)
        while not sending.done():
            await asyncio.wait({sending}, timeout=_PATIENCE_S)
            if (not sending.done() or sending.exception()) and await self._is_gone(topic):
                self._drop("topic_gone", topic, messages)
                return
        try:
            sending.result()
        except TopicAuthorizationFailedError:
            self._drop("denied", topic, messages)

    def _drop(self, why: str, topic: str, messages: Sequence[Message]) -> None:
        metrics.OUTCOMES_UNSENT.labels(why).inc(len(messages))
        log.error("outcomes could not be published to a partner", topic=topic, why=why, count=len(messages))

    async def _found(self, topic: str) -> bool:
        """Tell whether a topic that was missing exists now; Kafka is asked only once in a while."""
        if self._looking is not None or time.monotonic() - self._looked >= _LOOK_EVERY_S:
            await self._look()
        return topic in self._known

    async def _is_gone(self, topic: str) -> bool:
        await self._look()
        return topic not in self._known

    async def _look(self) -> None:
        """Ask Kafka which partners' topics exist; calls made meanwhile share the answer."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_up(), name="partners")
            self._looking.add_done_callback(_heard)
        await asyncio.shield(self._looking)

    async def _look_up(self) -> None:
        began = time.monotonic()
        try:
            self._known = frozenset(name for name in await self._topics() if name.startswith(PARTNER_PREFIX))
            self._looked = began
        finally:
            self._looking = None


def _heard(task: "asyncio.Future[Any]") -> None:
    """Retrieve a failure, so that asyncio does not log it when nobody waits for it any more."""
    if not task.cancelled():
        task.exception()
