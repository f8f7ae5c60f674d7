"""Processes come, go, die and freeze; whatever they do, nothing is lost, and little is forwarded twice."""

import asyncio
import signal
from collections.abc import Sequence
from typing import Any

from confluent_kafka.admin import AclBindingFilter, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from bench.delay_harness import Reader, admin, lateness
from dev.brokers import Brokers
from services.delay_svc.relay import SESSION_TIMEOUT
from shared.clock import SECOND
from tests.integration.delay.conftest import DELAY, PROCESS, Delay, now
from tests.support.acls import provision
from tests.support.until import until

RATE = 200
TICK = 0.02


async def load(delay: Delay, seconds: float) -> int:
    """Send `RATE` triggers a second, of 50 keys in turn, due after the delay; return how many."""
    count = int(seconds * RATE)
    a_tick = int(RATE * TICK)
    for start in range(0, count, a_tick):
        due_at = now() + DELAY
        numbers = range(start, start + a_tick)
        await delay.sent([(n, due_at) for n in numbers], keys=[n % 50 for n in numbers])
        await asyncio.sleep(TICK)
    return count


async def all_of(reader: Reader, count: int, within: float) -> list[Any]:
    """Return what was forwarded once every number below `count` was. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while {int(record.value) for record in reader.records} != set(range(count)):
            await reader.more(0.2)
    return await reader.more(0.5)


def assert_in_order(records: Sequence[Any]) -> None:
    """Assert that each key's records came in their order, when repetitions are left out."""
    seen: dict[bytes, int] = {}
    for number, record in {int(record.value): record for record in reversed(records)}.items():
        seen.setdefault(record.key, number)
    first: dict[bytes, list[int]] = {}
    forwarded: set[int] = set()
    for record in records:
        if int(record.value) not in forwarded:
            forwarded.add(int(record.value))
            first.setdefault(record.key, []).append(int(record.value))
    assert all(numbers == sorted(numbers) for numbers in first.values())


async def test_one_of_two_is_killed(delay: Delay) -> None:
    victim, _ = await delay.worker(), await delay.worker()
    reader = await delay.reader()

    sending = asyncio.create_task(load(delay, 8))
    await until(lambda: victim.metric("delay_forwarded_total") > 100, within=20)
    victim.kill()
    count = await sending
    records = await all_of(reader, count, within=30)

    assert min(lateness(records)) >= 0
    assert max(lateness(records)) <= SESSION_TIMEOUT + 6 * SECOND
    assert len(records) - count <= 10
    assert_in_order(records)


async def test_a_second_joins_under_load_and_leaves_again(delay: Delay) -> None:
    first = await delay.worker()
    reader = await delay.reader()

    sending = asyncio.create_task(load(delay, 10))
    await until(lambda: first.metric("delay_forwarded_total") > 100, within=20)
    second = await delay.worker()
    await until(lambda: second.metric("delay_forwarded_total") > 100, within=20)
    assert await asyncio.to_thread(second.stop) == 0
    count = await sending
    records = await all_of(reader, count, within=30)

    assert min(lateness(records)) >= 0
    assert len(records) == count, "who is to hand over commits what it has forwarded first"
    assert_in_order(records)


async def test_one_is_stopped_and_its_successor_repeats_nothing(delay: Delay) -> None:
    reader = await delay.reader()
    first = await delay.worker()

    sending = asyncio.create_task(load(delay, 6))
    await until(lambda: first.metric("delay_forwarded_total") > 100, within=20)
    assert await asyncio.to_thread(first.stop) == 0
    await delay.worker()
    count = await sending
    records = await all_of(reader, count, within=30)

    assert len(records) == count
    assert_in_order(records)


async def test_one_of_two_freezes_until_its_partitions_are_the_other_s_then_goes_on(delay: Delay) -> None:
    frozen, other = await delay.worker(), await delay.worker()
    reader = await delay.reader()

    sending = asyncio.create_task(load(delay, 14))
    await until(lambda: frozen.metric("delay_forwarded_total") > 100, within=20)
    frozen.signal(signal.SIGSTOP)
    await asyncio.sleep((SESSION_TIMEOUT + 2 * SECOND) / SECOND)  # The one wait that is the fault itself.
    forwarded_alone = other.metric("delay_forwarded_total")
    frozen.signal(signal.SIGCONT)
    count = await sending
    records = await all_of(reader, count, within=30)

    assert forwarded_alone > 0
    assert frozen.metric("delay_stalls_total") + frozen.metric("delay_fenced_total") >= 1
    assert min(lateness(records)) >= 0
    assert len(records) - count <= 10


async def test_one_of_two_freezes_before_it_ever_had_anything_to_do(delay: Delay) -> None:
    frozen, other = await delay.worker(), await delay.worker()
    reader = await delay.reader()

    frozen.signal(signal.SIGSTOP)
    # Kafka answers the question that the frozen one has put; it finds the answer when it goes on.
    await delay.sent([(n, now()) for n in range(200)])
    await all_of(reader, 200, within=40)
    frozen.signal(signal.SIGCONT)
    await until(lambda: frozen.metric("delay_stalls_total") + frozen.metric("delay_fenced_total") >= 1, within=20)
    await delay.sent([(n, now()) for n in range(200, 400)])
    records = await all_of(reader, 400, within=40)

    assert other.metric("delay_forwarded_total") >= 200
    assert len(records) == 400, "what the other forwarded meanwhile is not forwarded again"


async def test_a_clock_that_is_ahead_is_seen_by_the_brokers_clock(delay: Delay) -> None:
    worker = await delay.worker(CLOCK_OFFSET="5m")
    reader = await delay.reader()

    await delay.sent([(n, now() + 60 * SECOND) for n in range(10)])
    records = await reader.until(10, within=20)

    assert max(lateness(records)) < 0
    await until(lambda: worker.metric("delay_early_total") == 10, within=10)


async def test_a_changed_delay_has_a_topic_of_its_own_and_the_older_one_drains(delay: Delay, brokers: Brokers) -> None:
    await delay.worker()
    reader = await delay.reader()
    longer = DELAY + 3 * SECOND

    provision(brokers, [PROCESS], delay=longer)
    at = now()
    await delay.sent([(n, at + longer) for n in range(50)], delay=longer)
    await delay.sent([(n, at + DELAY) for n in range(50, 100)])
    records = await reader.until(100, within=30)

    assert min(lateness(records)) >= 0
    assert max(lateness(records)) < longer - DELAY, "nothing waits behind the head of the other delay"
    assert {int(record.value) for record in records[:50]} == set(range(50, 100))


async def test_a_relay_that_may_no_longer_work_ends_its_process_with_a_failure(delay: Delay, brokers: Brokers) -> None:
    worker = await delay.worker()
    client = admin(delay.operator)
    everything = (AclOperation.ANY, AclPermissionType.ANY)
    group = AclBindingFilter(ResourceType.GROUP, None, ResourcePatternType.ANY, f"User:{PROCESS}", None, *everything)

    for deleted in client.delete_acls([group]).values():
        deleted.result(20)
    try:
        code = await asyncio.to_thread(worker.ended)
    finally:
        provision(brokers, [PROCESS], delay=DELAY)

    assert code not in {0, -9}
