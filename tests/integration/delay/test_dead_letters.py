"""A record nobody can forward goes to the dead letters with its reason, at once, and its neighbours go on."""

import asyncio
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from bench.delay_bed import admin, header, poke_headers
from shared.topics import delay_topic
from tests.integration.delay.conftest import DELAY, DLQ, PROCESS, TARGET, Delay, now

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
    due_at = now() + DELAY

    sent = []
    for number, (_, change) in enumerate(BAD):
        await delay.send(number, due_at, key=5)
        headers = _with(poke_headers(due_at, TARGET), change)
        value = b"\xff %d" % number
        meta = await delay.producer.send_and_wait(delay_topic(DELAY), key=delay.key(5), value=value, headers=headers)
        sent.append((value, headers, meta))
    await delay.send(len(BAD), due_at, key=5)
    letters = {letter.value: letter for letter in await dead.until(len(BAD), within=20)}
    forwarded = await reader.until(len(BAD) + 1, within=20)

    assert [record.value for record in forwarded] == [b"%d" % number for number in range(len(BAD) + 1)]
    for (value, headers, meta), (code, _) in zip(sent, BAD, strict=True):
        letter = letters[value]
        assert letter.timestamp < due_at, "an operator does not wait for what is before it"
        assert letter.key == delay.key(5)
        assert set(headers) <= set(letter.headers)
        assert header(letter, "dlq_code") == code.encode()
        assert header(letter, "dlq_reason")
        assert header(letter, "dlq_topic") == delay_topic(DELAY).encode()
        assert (header(letter, "dlq_partition"), header(letter, "dlq_offset")) == (
            b"%d" % meta.partition,
            b"%d" % meta.offset,
        )


async def test_a_dead_letter_is_settled_and_a_successor_does_not_repeat_it(delay: Delay) -> None:
    reader, dead = await delay.reader(), await delay.reader(DLQ)
    worker = await delay.worker()
    await delay.producer.send_and_wait(delay_topic(DELAY), key=delay.key(1), value=b"bad", headers=[])
    await dead.until(1, within=20)
    assert worker.metric("structures_dead_letters_total") == 1
    assert await asyncio.to_thread(worker.stop) == 0

    await delay.worker()
    await delay.send(2, now(), key=1)
    await reader.until(1, within=20)  # It is behind the bad one, so a successor that repeats has done so by now.

    assert [letter.value for letter in await dead.more(0.5)] == [b"bad"]


async def test_what_the_target_refuses_is_dead_lettered(delay: Delay) -> None:
    _make_unwilling_targets(delay)
    await delay.worker()
    reader, dead = await delay.reader(), await delay.reader(DLQ)

    for target, value in (("forbidden.due", b"any"), ("narrow.due", b"x" * 2_000)):
        await delay.producer.send_and_wait(
            delay_topic(DELAY), key=delay.key(1), value=value, headers=poke_headers(now() + 500, target)
        )
    await delay.send(3, now() + 1_000)
    letters = await dead.until(2, within=20)
    await reader.until(1, within=20)

    assert {(header(letter, "target"), header(letter, "dlq_code")) for letter in letters} == {
        (b"forbidden.due", b"target_forbidden"),
        (b"narrow.due", b"message_too_large"),
    }


def _with(headers: list[tuple[str, bytes]], change: dict[str, bytes | None]) -> list[tuple[str, bytes]]:
    return [(name, value) for name, value in {**dict(headers), **change}.items() if value is not None]


def _make_unwilling_targets(delay: Delay) -> None:
    """One topic the process sees and may not write, one that takes small records only."""
    client = admin(delay.operator)
    topics = [NewTopic("forbidden.due", 1), NewTopic("narrow.due", 1, config={"max.message.bytes": "300"})]
    rights = [("forbidden.due", AclOperation.DESCRIBE), ("narrow.due", AclOperation.WRITE)]
    jobs: list[Any] = [*client.create_topics(topics, operation_timeout=20).values()]
    jobs += client.create_acls(
        [
            AclBinding(
                ResourceType.TOPIC,
                name,
                ResourcePatternType.LITERAL,
                f"User:{PROCESS}",
                "*",
                operation,
                AclPermissionType.ALLOW,
            )
            for name, operation in rights
        ]
    ).values()
    for job in jobs:
        job.result(20)
