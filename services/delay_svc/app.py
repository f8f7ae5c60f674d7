"""The composition root: the only file here that names concrete classes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer

from services.delay_svc import metrics
from services.delay_svc.forward import PROCESS, Forwarder
from services.delay_svc.relay import SESSION_TIMEOUT, Relay
from services.delay_svc.settings import Settings
from services.delay_svc.window import Windows
from shared.clock import SECOND
from shared.contracts.topics import DELAY_PATTERN
from shared.errors import Transient
from shared.kafka.clients import answers, build_consumer, build_producer
from shared.runtime.health import Health
from shared.runtime.settings import KafkaSettings

GRACE_S = 10.0
"""Seconds for each part to stop; then the process ends without waiting for it, which loses nothing."""
HANGS_AFTER_S = 120.0
"""Seconds without a turn of the loop. A turn waits for Kafka's acknowledgements for as long as Kafka is down."""


@asynccontextmanager
async def running(settings: Settings, health: Health) -> AsyncIterator[None]:
    """Forward due records until the context is left; then raise the error that ended the relay, if any."""
    clock = settings.clock()
    windows = Windows(settings.delay_window)
    metrics.WINDOW_RECORDS.set_function(lambda: len(windows))
    metrics.HEAD_AGE_SECONDS.set_function(lambda: max(0, clock.now() - (windows.next_due() or clock.now())) / SECOND)
    metrics.WRITER_AHEAD_SECONDS.set_function(lambda: windows.ahead() / SECOND)

    producer = build_producer(settings.kafka)
    consumer = build_reader(settings.kafka)
    async with _started(producer), _started(consumer):
        loop = health.loop("relay", stalled_after=HANGS_AFTER_S, alive=lambda: not task.done())
        relay = Relay(consumer, Forwarder(producer, clock), windows, clock, turned=loop.beat)

        async def has_share() -> None:
            if not relay.has_share:
                raise Transient("the group has assigned no partitions to this process yet")

        health.check("share", has_share)
        health.check("kafka", lambda: answers(producer))
        consumer.subscribe(pattern=DELAY_PATTERN, listener=relay)
        task = asyncio.create_task(relay.run(), name="relay")
        try:
            yield
        finally:
            relay.stop()
            await asyncio.wait_for(task, GRACE_S)


def build_reader(kafka: KafkaSettings) -> AIOKafkaConsumer:
    """Return the consumer of the delay topics, not subscribed yet."""
    return build_consumer(
        kafka,
        group=PROCESS,
        session_timeout_ms=SESSION_TIMEOUT,
        heartbeat_interval_ms=SESSION_TIMEOUT // 3,
        # A new delay has a new topic, which is found when the metadata is refreshed.
        metadata_max_age_ms=5_000,
        # aiokafka sends a broker one fetch at a time: this is how long a partition that has room again may wait because
        # the others have nothing new.
        fetch_max_wait_ms=100,
        # A little more than a window holds: records fetched beyond it are dropped and fetched again.
        max_partition_fetch_bytes=256 * 1024,
    )


@asynccontextmanager
async def _started(client: Any) -> AsyncIterator[None]:
    try:
        await client.start()
        yield
    finally:
        # A client that can no longer reach Kafka would wait for it for ever.
        await asyncio.wait_for(client.stop(), GRACE_S)
