"""A loop that consumes and breaks is started again, and is not taken for dead; one that has ended is."""

import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from dev.brokers import Brokers
from shared.kafka.clients import build_broker, build_producer
from shared.kafka.consumer import consume
from shared.runtime.health import Health
from tests.support.acls import operator, provision
from tests.support.brokers import as_new
from tests.support.until import until

TOPIC = "insee.requests"


class Loop(NamedTuple):
    """A loop that runs, what it took, and what its process says of it."""

    subscriber: Any
    health: Health
    taken: list[bytes]
    send: Any


@pytest.fixture(scope="module")
def brokers(session_kafka: Brokers) -> Brokers:
    provision(as_new(session_kafka), [], partitions=1)
    return session_kafka


@pytest_asyncio.fixture
async def loop(brokers: Brokers) -> AsyncIterator[Loop]:
    kafka, health, taken = operator(brokers), Health(), list[bytes]()

    async def take(records: Sequence[Any]) -> None:
        taken.extend(record.value for record in records)

    broker = build_broker(kafka)
    subscriber = consume(broker, health, [TOPIC], take, group=f"test.{uuid.uuid4().hex}", from_start=True)
    async with build_producer(kafka) as producer:

        async def send(value: bytes) -> None:
            await producer.send_and_wait(TOPIC, value)

        await broker.start()
        health.started = True
        try:
            yield Loop(subscriber, health, taken, send)
        finally:
            await broker.stop()


async def test_one_that_broke_and_goes_on_is_live(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    await loop.send(b"one")
    await until(lambda: b"one" in loop.taken)
    first = list(loop.subscriber.tasks)
    with monkeypatch.context() as broken:
        # As a record does that nobody foresaw: what aiokafka does not know comes out of its poll as it is.
        broken.setattr(loop.subscriber.consumer, "getmany", lambda **_: 1 / 0)
        await until(lambda: loop.subscriber.tasks != first)
    await loop.send(b"two")
    await until(lambda: b"two" in loop.taken)
    assert loop.health.live() == []


async def test_one_that_only_ever_breaks_does_not_turn(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    await loop.send(b"three")
    await until(lambda: b"three" in loop.taken)
    (watched,) = loop.health._loops
    monkeypatch.setattr(loop.subscriber.consumer, "getmany", lambda **_: 1 / 0)
    before = len(loop.subscriber.tasks)
    await until(lambda: len(loop.subscriber.tasks) > before)
    last = watched.last
    await until(lambda: len(loop.subscriber.tasks) > before + 1)
    assert watched.last == last


async def test_one_that_has_ended_is_not_live(loop: Loop) -> None:
    await loop.send(b"four")
    await until(lambda: b"four" in loop.taken)
    await loop.subscriber.consumer.stop()
    await until(lambda: loop.health.ended() != [])
    assert [problem.endswith("has stopped") for problem in loop.health.live()] == [True]
