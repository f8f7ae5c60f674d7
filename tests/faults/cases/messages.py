"""Faults of what comes in: the same again, rubbish, and one document by two ways."""

import asyncio
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from shared.contracts.topics import delay_topic
from tests.faults.clients import envelope
from tests.faults.collect import ends
from tests.faults.plan import PlannedRequest
from tests.faults.stack import Stack

AGAIN = ("structure.requests", "structure.due", "structure.state", "manager.requests", "manager.state")


async def duplicates(stack: Stack) -> None:
    """Every record of requests, triggers and states comes again, in order, up to three times, and in the delay too."""
    topics = (*AGAIN, delay_topic(round(stack.delay * 1000)))
    for _ in range(stack.size.rounds):
        since = await asyncio.to_thread(ends, stack.admin)
        async with stack.under_load():
            for _ in range(3):
                await stack.pause(0.5, stack.size.seconds / 4)
                stack.fault("repeat", "topics")
                await asyncio.to_thread(_again, stack, topics, dict(since))


def _again(stack: Stack, topics: tuple[str, ...], since: dict[tuple[str, int], int]) -> None:
    """Put every record of these topics that came since then there once more, in its partition."""
    until = ends(stack.admin)
    producer = Producer({**stack.admin, "acks": "all", "enable.idempotence": True})
    consumer = Consumer({**stack.admin, "group.id": "faults", "enable.auto.commit": False})
    try:
        wanted = {p: end for p, end in until.items() if p[0] in topics and end > since.get(p, 0)}
        for (topic, partition), end in wanted.items():
            consumer.assign([TopicPartition(topic, partition, since.get((topic, partition), 0))])
            at = -1
            while at + 1 < end:
                message = consumer.poll(5.0)
                if message is None:
                    break
                if (at := message.offset()) < end:
                    copy = {"key": message.key(), "headers": message.headers(), "partition": partition}
                    producer.produce(topic, message.value(), **copy)
                    producer.poll(0)
        producer.flush(30)
    finally:
        consumer.close()


RUBBISH: tuple[tuple[bytes | None, dict[str, bytes]], ...] = (
    (b"\xff\xfe not JSON", {}),
    (b"", {}),
    (None, {}),
    (b"[]", {"ce_type": b"structure.modify.v1"}),
    (b"{}", {"ce_type": b"structure.modify.v1", "x": b"\xff\xfe"}),
    (b"{}", {"ce_type": b"\xff\xfe"}),
    (b"{}", {"ce_type": b"structure.explode.v1"}),
    (b'{"structure": {"id": 99999999999999999999}}', {"ce_type": b"structure.modify.v1"}),
    (b'{"structure": {"id": 1}, "label": ' + b'"' + b"x" * 5_000 + b'"}', {"ce_type": b"structure.modify.v1"}),
    (b"{" * 900_000, {"ce_type": b"structure.modify.v1"}),
    (b"[" * 5_000_000, {"ce_type": b"structure.modify.v1"}),
    (b'{"structure": {"id": 1}, "' + b"x" * 3_000_000 + b'": 1}', {"ce_type": b"structure.modify.v1"}),
    (b'{"a":' * 10_000, {"ce_type": b"structure.modify.v1"}),
    (b"{}", {"ce_type": b"structure.modify.v1", "x": b"y" * 900_000}),
    (b"{}", {"ce_type": b"structure.modify.v1", "ce_id": b"y" * 900_000, "ce_correlationid": b"y" * 900_000}),
    (b'{"document": "structure:0", "due_at": "tomorrow"}', {"ce_type": b"structure.due.v1"}),
    (b'{"version": "high"}', {"ce_type": b"structure.state.v1"}),
)
RUBBISH_ON = ("structure.requests", "structure.due", "manager.requests", "structure.state", "manager.state")


async def poison(stack: Stack) -> None:
    """Rubbish of every kind on every topic that is read, huge and keyless and not UTF-8, among good requests."""
    topics = (*RUBBISH_ON, "structure.journal", "insee.outcomes", delay_topic(round(stack.delay * 1000)))
    for _ in range(stack.size.rounds):
        async with stack.under_load():
            stack.fault("poison", "topics")
            await asyncio.to_thread(_poison, stack, topics)


def _poison(stack: Stack, topics: tuple[str, ...]) -> None:
    # One record a request: a broker that refuses one refuses all that came with it. Compressed, many MB are some KB.
    settings = {"acks": "all", "message.max.bytes": 10_000_000, "compression.type": "lz4", "batch.num.messages": 1}
    producer = Producer({**stack.admin, **settings, "log_level": 0})
    token = stack.system.token("alice", "structures-kafka")
    refused: list[Any] = []

    def delivered(error: Any, _: Any) -> None:
        if error is not None:
            refused.append(error)

    for topic in topics:
        # A compacted topic takes nothing without a key: the broker is as strict as it should be.
        keyless = () if topic.endswith((".state", ".journal")) else (None,)
        for value, headers in stack.dice.sample(RUBBISH, len(RUBBISH)):
            known = {**envelope(token), **headers} if stack.dice.random() < 0.7 else headers
            key = stack.dice.choice((*keyless, b"\xff", f"structure:{stack.structures[0]}".encode()))
            producer.produce(topic, value, key, headers=list(known.items()), on_delivery=delivered)
            producer.poll(0.01)
    producer.flush(60)
    if refused:
        raise AssertionError(f"the broker took none of this rubbish: {refused}")


async def two_partitions(stack: Stack) -> None:
    """Requests of one document come through all partitions, to two processes at once."""
    second = await stack.join("structure_svc")
    await stack.ready(second)
    for _ in range(stack.size.rounds):
        stack.fault("spread", "structure.requests")
        async with stack.under_load(partition=_spread(stack)):
            await stack.pause(0.5, 2)


def _spread(stack: Stack) -> Callable[[PlannedRequest], int | None]:
    count = stack.system.settings.topic_partitions
    return lambda request: request.number % count if stack.dice.random() < 0.8 else None
