"""A record nobody can forward goes to the dead letters with its reason, at once, and its neighbours go on."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from bench.delay_harness import admin, delete_topics, header, trigger_headers
from dev.brokers import Brokers
from shared.contracts.topics import delay_topic
from shared.kafka.clients import connection
from tests.integration.delay.conftest import DELAY, DLQ, PROCESS, TARGET, Delay, now
from tests.support.acls import provision
from tests.support.until import until

HOUR = 3_600_000


BAD: list[tuple[str, dict[str, bytes | None]]] = [
    ("due_at_invalid", {"due_at": None}),
    ("due_at_invalid", {"due_at": b"tomorrow"}),
    ("due_at_invalid", {"due_at": b"\xff\xfe"}),
    ("due_at_too_far", {"due_at": b"%d" % (now() + HOUR)}),
    ("target_invalid", {"target": None}),
    ("target_invalid", {"target": b"structure.state"}),
    ("target_unknown", {"target": b"nobody.due"}),
]


async def test_bad_records_are_dead_lettered_at_once_and_their_neighbours_are_forwarded(delay: Delay) -> None:
    await delay.worker()
    reader, dead = await delay.reader(), await delay.reader(DLQ)
    due_at = now() + 5 * DELAY

    sent = []
    for number, (_, change) in enumerate(BAD):
        await delay.send(number, due_at, key=5)
        headers = _with(trigger_headers(due_at, TARGET), change)
        value = b"\xff %d" % number
        meta = await delay.producer.send_and_wait(delay_topic(DELAY), key=delay.key(5), value=value, headers=headers)
        sent.append((value, headers, meta))
    await delay.send(len(BAD), due_at, key=5)
    dead_letters = {dead_letter.value: dead_letter for dead_letter in await dead.until(len(BAD), within=20)}
    forwarded = await reader.until(len(BAD) + 1, within=40)

    assert [record.value for record in forwarded] == [b"%d" % number for number in range(len(BAD) + 1)]
    for (value, headers, meta), (code, _) in zip(sent, BAD, strict=True):
        dead_letter = dead_letters[value]
        assert dead_letter.timestamp < due_at, "an operator does not wait for what is before it"
        assert dead_letter.key == delay.key(5)
        assert set(headers) <= set(dead_letter.headers)
        assert header(dead_letter, "dlq_code") == code.encode()
        assert header(dead_letter, "dlq_reason")
        assert header(dead_letter, "dlq_topic") == delay_topic(DELAY).encode()
        assert (header(dead_letter, "dlq_partition"), header(dead_letter, "dlq_offset")) == (
            b"%d" % meta.partition,
            b"%d" % meta.offset,
        )


async def test_a_dead_letter_is_committed_and_a_successor_does_not_repeat_it(delay: Delay) -> None:
    reader, dead = await delay.reader(), await delay.reader(DLQ)
    worker = await delay.worker()
    await delay.producer.send_and_wait(delay_topic(DELAY), key=delay.key(1), value=b"bad", headers=[])
    await dead.until(1, within=20)
    assert worker.metric("structures_dead_letters_total") == 1
    assert await asyncio.to_thread(worker.stop) == 0

    await delay.worker()
    await delay.send(2, now(), key=1)
    await reader.until(1, within=20)  # It is behind the bad one, so a successor that repeats has done so by now.

    assert [dead_letter.value for dead_letter in await dead.more(0.5)] == [b"bad"]


async def test_what_the_target_refuses_is_dead_lettered(delay: Delay) -> None:
    _make_unwilling_targets(delay)
    await delay.worker()
    reader, dead = await delay.reader(), await delay.reader(DLQ)

    for target, value in (("forbidden.due", b"any"), ("narrow.due", b"x" * 2_000)):
        await delay.producer.send_and_wait(
            delay_topic(DELAY), key=delay.key(1), value=value, headers=trigger_headers(now() + 500, target)
        )
    await delay.send(3, now() + 1_000)
    dead_letters = await dead.until(2, within=20)
    await reader.until(1, within=20)

    assert {(header(dead_letter, "target"), header(dead_letter, "dlq_code")) for dead_letter in dead_letters} == {
        (b"forbidden.due", b"target_forbidden"),
        (b"narrow.due", b"message_too_large"),
    }


@pytest.mark.parametrize("missing", ["topic", "acl"])
async def test_without_dead_letters_only_the_bad_record_waits_until_there_are_some_again(
    delay: Delay, brokers: Brokers, missing: str
) -> None:
    worker = await delay.worker()
    reader = await delay.reader()
    if missing == "topic":
        delete_topics(delay.operator, [DLQ])
    else:
        _revoke(delay, DLQ)
    try:
        await delay.producer.send_and_wait(delay_topic(DELAY), key=delay.key(1), value=b"bad", headers=[])
        await delay.sent([(n, now() + 500) for n in range(10)], keys=[1] * 10)
        forwarded = await reader.until(10, within=30)
        assert worker.get("/live"), "nothing is wrong with the process"
    finally:
        provision(brokers, [PROCESS], delay=DELAY)
    dead = await delay.reader(DLQ, from_start=True)
    dead_letters = await dead.until(1, within=60)

    assert [int(record.value) for record in forwarded] == list(range(10))
    assert [dead_letter.value for dead_letter in dead_letters] == [b"bad"]
    assert await asyncio.to_thread(worker.stop) == 0


async def test_a_record_that_was_not_dead_lettered_is_so_by_a_successor(delay: Delay, brokers: Brokers) -> None:
    first = await delay.worker()
    reader = await delay.reader()
    _revoke(delay, DLQ)
    try:
        await delay.producer.send_and_wait(delay_topic(DELAY), key=delay.key(1), value=b"bad", headers=[])
        await delay.send(1, now(), key=1)
        await reader.until(1, within=30)
        first.kill()
    finally:
        provision(brokers, [PROCESS], delay=DELAY)
    dead = await delay.reader(DLQ)
    await delay.worker()

    assert [dead_letter.value for dead_letter in await dead.until(1, within=30)] == [b"bad"]


async def test_a_record_too_large_for_the_dead_letters_is_cut(delay: Delay) -> None:
    await delay.worker()
    reader, dead = await delay.reader(), await delay.reader(DLQ)
    value = b"x" * 3_000_000  # Compressed it is small, so Kafka takes it.

    async with AIOKafkaProducer(
        **connection(delay.operator), max_request_size=4_000_000, compression_type="lz4"
    ) as big:
        await big.send_and_wait(
            delay_topic(DELAY), key=delay.key(1), value=value, headers=trigger_headers(now(), TARGET)
        )
    await delay.send(2, now(), key=1)
    (dead_letter,) = await dead.until(1, within=30)
    await reader.until(1, within=30)

    assert header(dead_letter, "dlq_code") == b"message_too_large"
    assert int(header(dead_letter, "dlq_cut")) > 3_000_000
    assert value.startswith(dead_letter.value)


async def test_a_target_that_is_deleted_while_a_record_waits_ends_the_process_and_then_it_is_unknown(
    delay: Delay,
) -> None:
    _make_targets(delay, {"passing.due": {}}, AclOperation.WRITE)
    first = await delay.worker()
    reader, dead = await delay.reader(), await delay.reader(DLQ)
    due_at = now() + 4_000
    await delay.producer.send_and_wait(
        delay_topic(DELAY), key=delay.key(1), value=b"late", headers=trigger_headers(due_at, "passing.due")
    )
    await delay.send(2, due_at, key=1)
    await until(lambda: first.metric("delay_window_records") == 2, within=20)
    delete_topics(delay.operator, ["passing.due"])

    code = await asyncio.to_thread(first.ended, 90)
    await delay.worker()
    (dead_letter,) = await dead.until(1, within=30)
    await reader.until(1, within=30)

    assert code not in {0, -9}
    assert header(dead_letter, "dlq_code") == b"target_unknown"


def _with(headers: list[tuple[str, bytes]], change: dict[str, bytes | None]) -> list[tuple[str, bytes]]:
    return [(name, value) for name, value in {**dict(headers), **change}.items() if value is not None]


def _make_unwilling_targets(delay: Delay) -> None:
    """One topic the process sees and may not write, one that takes small records only."""
    _make_targets(delay, {"forbidden.due": {}}, AclOperation.DESCRIBE)
    _make_targets(delay, {"narrow.due": {"max.message.bytes": "300"}}, AclOperation.WRITE)


def _make_targets(delay: Delay, configs: dict[str, dict[str, str]], operation: AclOperation) -> None:
    client = admin(delay.operator)
    topics = [NewTopic(name, 1, config=config) for name, config in configs.items()]
    jobs: list[Any] = [*client.create_topics(topics, operation_timeout=20).values()]
    jobs += client.create_acls(
        [AclBinding(*_of(name), operation, AclPermissionType.ALLOW) for name in configs]
    ).values()
    for job in jobs:
        job.result(20)


def _revoke(delay: Delay, topic: str) -> None:
    client = admin(delay.operator)
    acl = AclBindingFilter(*_of(topic), AclOperation.WRITE, AclPermissionType.ANY)
    for job in client.delete_acls([acl]).values():
        assert job.result(20), "the process had the ACL"


def _of(topic: str) -> tuple[Any, ...]:
    return ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{PROCESS}", "*"
