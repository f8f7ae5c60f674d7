"""Faults of the topic of dead letters: it is away while poison comes."""

import asyncio
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from shared.clock import SystemClock
from shared.contracts.topics import dead_letters
from tests.faults.clients import TOPIC, envelope
from tests.faults.history import Event
from tests.faults.stack import World
from tests.support.acls import Writing

_OWNER = "structure_svc"
_LETTERS = dead_letters(_OWNER)
_UNREADABLE = b"\xff\xfe not JSON"
_CLOCK = SystemClock()


async def no_dead_letters(world: World) -> None:
    """The owner may not write its dead letters for a while, or their topic is deleted, and poison comes meanwhile."""
    # A deleted topic takes its letters with it, so that comes first.
    ways = [_deleted, *[_denied] * (world.size.rounds - 1)] if world.size.rounds > 1 else [_denied]
    for away in ways:
        async with world.under_load():
            await asyncio.to_thread(_poison, world)  # The owner has written there before it can't any more.
            await world.pause(0.5, 1)
            await away(world)
    await asyncio.to_thread(_poison, world)


async def _denied(world: World) -> None:
    right = Writing(world.admin, _OWNER, _LETTERS)
    world.fault("deny", _LETTERS)
    await asyncio.to_thread(right.take)
    try:
        await _poison_for_a_while(world)
    finally:
        world.fault("allow", _LETTERS)
        await asyncio.to_thread(right.give_back)


async def _deleted(world: World) -> None:
    admin = AdminClient(world.admin)
    await world.read(_LETTERS)
    world.fault("delete", _LETTERS)
    await asyncio.to_thread(admin.delete_topics([_LETTERS], operation_timeout=30)[_LETTERS].result, 30)
    try:
        await _poison_for_a_while(world)
    finally:
        world.fault("make", _LETTERS)
        await world.provision(world.system.settings.effective_delay)


async def _poison_for_a_while(world: World) -> None:
    for _ in range(3):
        await asyncio.to_thread(_poison, world)
        await world.pause(0.5, 1.5)


def _poison(world: World) -> None:
    """Put something nobody can read into each partition, behind and before good requests."""
    producer = Producer({**world.admin, "acks": "all", "log_level": 0})
    token = world.system.token("alice", "structures-kafka")
    headers = list({**envelope(token), "ce_type": b"structure.modify.v1"}.items())
    put: list[Event] = []

    def told(error: Any, record: Any) -> None:
        if error is None:
            place = f"{record.topic()}/{record.partition()}/{record.offset()}"
            put.append(Event("poisoned", _CLOCK.now(), place=place))

    count = world.system.settings.topic_partitions
    for partition in range(count):
        producer.produce(TOPIC, _UNREADABLE, partition=partition, headers=headers, on_delivery=told)
    producer.flush(30)
    if len(put) < count:
        raise AssertionError("the broker took none of this poison")
    world.history.tell(*put)
