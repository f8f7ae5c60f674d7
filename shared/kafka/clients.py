"""The only place where Kafka clients are built.

FastStream's and aiokafka's defaults lose data (acks=1, no idempotence, offsets from the end, at-most-once commits,
topics created by accident). They are overridden here, once: no other module builds a broker, a producer or a consumer.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.security import SASLScram512

from shared.errors import Transient
from shared.kafka.tolerant_fetcher import read_whatever_came
from shared.runtime.settings import KafkaSettings

read_whatever_came()

Handler = Callable[[Sequence[ConsumerRecord]], Awaitable[None]]


def _tls(settings: KafkaSettings) -> ssl.SSLContext | None:
    if settings.tls_ca is None:
        return None
    context = ssl.create_default_context(cafile=str(settings.tls_ca))
    context.check_hostname = settings.tls_check_hostname
    return context


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """Return the arguments with which aiokafka's own clients reach the brokers."""
    context = _tls(settings)
    return {
        "bootstrap_servers": settings.bootstrap,
        "security_protocol": "SASL_SSL" if context else "SASL_PLAINTEXT",
        "ssl_context": context,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": settings.user,
        "sasl_plain_password": settings.password.get_secret_value(),
    }


def build_broker(settings: KafkaSettings) -> KafkaBroker:
    """Return a broker for consuming; every subscriber is added by `subscribe`."""
    return KafkaBroker(
        # FastStream takes a string with commas as the name of one host.
        settings.bootstrap.split(","),
        security=SASLScram512(
            username=settings.user,
            password=settings.password.get_secret_value(),
            ssl_context=_tls(settings),
            use_ssl=settings.tls_ca is not None,
        ),
        client_id=settings.user,
        consumer_only=True,
        allow_auto_create_topics=False,
        apply_types=False,
        logger=None,
        graceful_timeout=10.0,
    )


async def start(broker: KafkaBroker) -> None:
    """Start all subscribers of a broker at once.

    Each waits until its group has assigned it partitions, which takes one heartbeat of the other members. One after the
    other, as FastStream starts them, a process with five subscribers would wait five times.
    """
    await broker.connect()
    await asyncio.gather(*(subscriber.start() for subscriber in broker.subscribers))
    broker.running = True


async def _records_as_they_are(records: Sequence[ConsumerRecord], original: Callable[..., Awaitable[Any]]) -> Any:
    # FastStream's parser decodes headers as UTF-8 and fails the whole batch on a bad one; it is given copies without
    # headers and value, and the records are put back untouched, so that a bad header harms only its own message.
    bare = tuple(
        ConsumerRecord(r.topic, r.partition, r.offset, r.timestamp, r.timestamp_type, None, None, r.checksum, 0, 0, ())
        for r in records
    )
    message = await original(bare)
    message.raw_message = records
    return message


async def _records(message: Any) -> Any:
    return message.raw_message


def subscribe(
    broker: KafkaBroker,
    topics: Iterable[str],
    handler: Handler,
    *,
    group: str | None,
    max_records: int = 500,
    from_start: bool = True,
) -> Any:
    """Hand the records of `topics` to `handler` in batches, in order of each partition; commit after it returns.

    When the handler raises, the whole batch is read again; retries of single steps are up to the handler. Without a
    group every process reads everything, and nothing is committed. Returns FastStream's subscriber.
    """
    subscriber = broker.subscriber(
        *topics,
        batch=True,
        group_id=group,
        auto_offset_reset="earliest" if from_start else "latest",
        ack_policy=AckPolicy.NACK_ON_ERROR if group else AckPolicy.MANUAL,
        max_records=max_records,
        session_timeout_ms=10_000,
        # A member learns by its heartbeat that another joins or leaves, and until all have learnt of it none reads.
        heartbeat_interval_ms=1_000,
        max_poll_interval_ms=300_000,
        fetch_max_wait_ms=500,
        parser=_records_as_they_are,
        decoder=_records,
    )
    subscriber(handler)
    return subscriber


def build_producer(settings: KafkaSettings, *, linger_ms: int = 0, once: bool = True) -> AIOKafkaProducer:
    """Return a producer whose acknowledged records are not lost and not doubled by its own retries.

    With `once` false it is not idempotent: records may be doubled, and one that is not acknowledged for ten seconds is
    given up. An idempotent producer can't give one up and go on: the gap in its sequence numbers would stop it.
    """
    return AIOKafkaProducer(
        **connection(settings),
        client_id=settings.user,
        acks="all",
        enable_idempotence=once,
        linger_ms=linger_ms,
        max_batch_size=256 * 1024,
        request_timeout_ms=30_000 if once else 10_000,
        compression_type="lz4",
    )


async def topics_seen(producer: AIOKafkaProducer) -> Collection[str]:
    """Return the names of all topics that the producer's user may see. Raises KafkaError when no broker answers."""
    found: Collection[str] = (await producer.client.fetch_all_metadata()).topics()
    return found


async def answers(producer: AIOKafkaProducer) -> None:
    """Ask a started producer's brokers whether they are there, for readiness. Raises Transient when none answers.

    Consumers don't show it: while no broker answers, their polls return empty as on a quiet day. All brokers are asked
    at once, and one answer is enough: one of several may be down, or frozen, and work goes on.
    """
    client, nothing = producer.client, MetadataRequest([])
    pings = [asyncio.ensure_future(client.send(broker.nodeId, nothing)) for broker in client.cluster.brokers()]
    try:
        for answer in asyncio.as_completed(pings):
            with contextlib.suppress(KafkaError):
                await answer
                return
    finally:
        for question in pings:
            question.cancel()
        await asyncio.gather(*pings, return_exceptions=True)
    raise Transient("no broker answers")


def build_consumer(settings: KafkaSettings, *topics: str, group: str | None, **options: Any) -> AIOKafkaConsumer:
    """Return a bare consumer for what FastStream does not do: seeking, pausing, reading to an end."""
    return AIOKafkaConsumer(
        *topics,
        **connection(settings),
        client_id=settings.user,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset=options.pop("auto_offset_reset", "earliest"),
        **options,
    )
