"""Publishes messages for a command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.kafka.clients import build_producer
from shared.kafka.producer import KafkaBus
from shared.runtime.health import Health
from shared.runtime.settings import KafkaSettings


@asynccontextmanager
async def publishing(kafka: KafkaSettings) -> AsyncIterator[KafkaBus]:
    """Give a bus whose `publish` returns once all is acknowledged. Raises what the broker raises."""
    producer = build_producer(kafka)
    try:
        await producer.start()
        yield KafkaBus(producer, Health())
    finally:
        await producer.stop()
