"""Faults of the topic of dead letters: it is away while poison comes."""

import asyncio
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from shared.clock import SystemClock
from shared.contracts.topics import dead_letters
from tests.faults.clients import TOPIC, envelope
from tests.faults.history import Event
from tests.faults.stack import Stack
from tests.support.acls import Writing

_OWNER = "structure_svc"
_DEAD_LETTERS = dead_letters(_OWNER)
_UNREADABLE = b"\xff\xfe not JSON"
_CLOCK = SystemClock()


async def no_dead_letters(stack: Stack) -> None:
    """The owner may not write its dead letters for a while, or their topic is deleted, and poison comes meanwhile."""
    # A deleted topic takes its dead letters with it, so that comes first.
    ways = [_deleted, *[_denied] * (stack.size.rounds - 1)] if stack.size.rounds > 1 else [_denied]
    for away in ways:
        async with stack.under_load():
            await asyncio.to_thread(_poison, stack)  # The owner has written there before it can't any more.
            await stack.pause(0.5, 1)
            await away(stack)
    await asyncio.to_thread(_poison, stack)


async def _denied(stack: Stack) -> None:
    acl = Writing(stack.admin, _OWNER, _DEAD_LETTERS)
    stack.fault("deny", _DEAD_LETTERS)
    await asyncio.to_thread(acl.revoke)
    try:
        await _poison_for_a_while(stack)
    finally:
        stack.fault("allow", _DEAD_LETTERS)
        await asyncio.to_thread(acl.grant)


async def _deleted(stack: Stack) -> None:
    admin = AdminClient(stack.admin)
    await stack.read(_DEAD_LETTERS)
    stack.fault("delete", _DEAD_LETTERS)
    await asyncio.to_thread(admin.delete_topics([_DEAD_LETTERS], operation_timeout=30)[_DEAD_LETTERS].result, 30)
    try:
        await _poison_for_a_while(stack)
    finally:
        stack.fault("make", _DEAD_LETTERS)
        await stack.provision(stack.system.settings.effective_delay)


async def _poison_for_a_while(stack: Stack) -> None:
    for _ in range(3):
        await asyncio.to_thread(_poison, stack)
        await stack.pause(0.5, 1.5)


def _poison(stack: Stack) -> None:
    """Put something nobody can read into each partition, behind and before good requests."""
    producer = Producer({**stack.admin, "acks": "all", "log_level": 0})
    token = stack.system.token("alice", "structures-kafka")
    headers = list({**envelope(token), "ce_type": b"structure.modify.v1"}.items())
    put: list[Event] = []

    def delivered(error: Any, record: Any) -> None:
        if error is None:
            place = f"{record.topic()}/{record.partition()}/{record.offset()}"
            put.append(Event("poisoned", _CLOCK.now(), place=place))

    count = stack.system.settings.topic_partitions
    for partition in range(count):
        producer.produce(TOPIC, _UNREADABLE, partition=partition, headers=headers, on_delivery=delivered)
    producer.flush(30)
    if len(put) < count:
        raise AssertionError("the broker took none of this poison")
    stack.history.record(*put)
