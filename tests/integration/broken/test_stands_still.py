"""A process whose batch is tried in vain says that it can't work, is none the less live, and works again after."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from dev.brokers import Brokers
from shared.errors import Transient
from shared.kafka import consumer
from shared.kafka.clients import build_broker, build_producer
from shared.runtime.health import Health
from tests.support.acls import operator, provision
from tests.support.brokers import as_new
from tests.support.until import until

TOPIC = "structure.requests"
PARTITIONS = 2


@pytest.fixture(scope="module")
def brokers(session_kafka: Brokers) -> Brokers:
    provision(as_new(session_kafka), [], partitions=PARTITIONS)
    return session_kafka


class Replica:
    """A consumer of a group, of which the handler does what the test says, and what its process says of it."""

    def __init__(self) -> None:
        self.health = Health()
        self.health.started = True
        self.error: Exception | None = None
        self.taken: list[bytes] = []
        self.tries = 0
        self.subscriber: Any = None
        self.stop: Callable[[], Awaitable[None]]

    async def take(self, records: Sequence[Any]) -> None:
        self.tries += 1
        if self.error is not None:
            raise self.error
        self.taken += [record.value for record in records]

    @property
    def stuck(self) -> str | None:
        (loop,) = self.health._loops
        return loop.stuck

    @property
    def partitions(self) -> set[int]:
        return {partition.partition for partition in self.subscriber.consumer.assignment()}


class Group:
    """Replicas of one consumer."""

    def __init__(self, brokers: Brokers, producer: Any, closing: AsyncExitStack) -> None:
        self._kafka = operator(brokers)
        self._producer = producer
        self._closing = closing
        self.name = f"test.{uuid.uuid4().hex}"

    async def replica(self, *, may_stand_still: bool = False) -> Replica:
        made, broker = Replica(), build_broker(self._kafka)
        made.stop = broker.stop
        made.subscriber = consumer.consume(
            broker, made.health, [TOPIC], made.take, group=self.name, may_stand_still=may_stand_still
        )
        await broker.start()
        self._closing.push_async_callback(broker.stop)
        return made

    async def send(self, value: bytes, partition: int = 0) -> None:
        await self._producer.send_and_wait(TOPIC, value, partition=partition)

    async def assigned(self, *replicas: Replica) -> None:
        """Return once every partition is somebody's."""

        def are_assigned() -> bool:
            shares = [len(replica.partitions) for replica in replicas]
            return all(shares) and sum(shares) == PARTITIONS

        await until(are_assigned)


@pytest_asyncio.fixture
async def group(brokers: Brokers) -> AsyncIterator[Group]:
    async with AsyncExitStack() as closing:
        producer = await closing.enter_async_context(build_producer(operator(brokers)))
        yield Group(brokers, producer, closing)


async def test_it_is_not_ready_and_live_until_the_batch_is_taken(group: Group) -> None:
    replica = await group.replica()
    replica.error = Transient("of a test")
    await group.send(b"one")
    await until(lambda: replica.stuck is not None)
    assert await replica.health.ready() == [f"{group.name} stands still: Transient"]
    assert replica.health.live() == []
    replica.error = None
    await until(lambda: b"one" in replica.taken)
    assert await replica.health.ready() == []


async def test_what_nobody_foresaw_is_reported_at_once(group: Group) -> None:
    replica = await group.replica()
    replica.error = ZeroDivisionError("of a test")
    await group.send(b"two")
    await until(lambda: replica.stuck == "ZeroDivisionError")
    replica.error = None
    await until(lambda: b"two" in replica.taken)
    assert await replica.health.ready() == []


async def test_what_may_stand_still_leaves_the_process_ready(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    replica = await group.replica(may_stand_still=True)
    replica.error = Transient("of a test")
    monkeypatch.setattr(consumer, "_BACKOFF_S", (0.05,))
    await group.send(b"three")
    await until(lambda: replica.tries > 2 * consumer._STUCK_AFTER)
    assert await replica.health.ready() == []
    replica.error = None
    await until(lambda: b"three" in replica.taken)


async def test_a_batch_whose_partition_went_to_another_is_theirs_to_report(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "_BACKOFF_S", (0.05,))
    first = await group.replica()
    first.error = Transient("of a test")
    await group.send(b"four", partition=0)
    await until(lambda: first.stuck is not None)
    for _ in range(10):  # Which of the two is given the partition is chance.
        second = await group.replica()
        await group.assigned(first, second)
        if 0 in second.partitions:
            break
        assert first.stuck is not None, "it is still the one that tries"
        await second.stop()
        await group.assigned(first)
    await until(lambda: b"four" in second.taken)
    await until(lambda: first.stuck is None)
    assert await first.health.ready() == []
