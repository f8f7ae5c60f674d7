"""What a batch holds: all that came while the one before it was handled, whatever the partition."""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from dev.brokers import Brokers
from shared.kafka.clients import build_broker, build_producer
from shared.kafka.consumer import consume
from shared.runtime.health import Health
from tests.support.acls import operator, provision
from tests.support.brokers import as_new

TOPIC = "structure.requests"
PARTITIONS = 3


@pytest.fixture(scope="module")
def brokers(session_kafka: Brokers) -> Brokers:
    provision(as_new(session_kafka), [], partitions=PARTITIONS)
    return session_kafka


async def test_what_came_to_other_partitions_waits_for_no_further_batch(brokers: Brokers) -> None:
    kafka = operator(brokers)
    batches: asyncio.Queue[list[bytes]] = asyncio.Queue()
    may_go_on = asyncio.Event()

    async def take(records: Sequence[Any]) -> None:
        batches.put_nowait([record.value for record in records])
        await may_go_on.wait()

    broker = build_broker(kafka)
    consume(broker, Health(), [TOPIC], take, group=f"test.{uuid.uuid4().hex}")
    async with build_producer(kafka) as producer, asyncio.timeout(30):
        await broker.start()
        try:
            await producer.send_and_wait(TOPIC, b"first", partition=0)
            assert await batches.get() == [b"first"]
            for partition in range(PARTITIONS):
                await producer.send_and_wait(TOPIC, b"of %d" % partition, partition=partition)
                await asyncio.sleep(0.02)  # A fetch brings the first of them, and waits to be taken.
            may_go_on.set()
            assert sorted(await batches.get()) == [b"of 0", b"of 1", b"of 2"]
        finally:
            may_go_on.set()
            await broker.stop()
