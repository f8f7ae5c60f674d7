"""A writer whose clock is fast makes its own records late, and nobody else's; who goes on after it repeats nothing."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from confluent_kafka import OFFSET_END, TopicPartition

from bench.delay_harness import PARTITIONS, admin, header, lateness
from dev.brokers import Brokers
from services.delay_svc.relay import SESSION_TIMEOUT
from shared.clock import MINUTE, SECOND
from shared.contracts.topics import delay_topic
from tests.integration.delay.conftest import DELAY, Delay, now
from tests.support.acls import operator
from tests.support.until import until

FAST = 5 * MINUTE
SLIGHTLY = 20
"""Ms."""


@pytest.fixture(autouse=True)
def _nothing_is_left(brokers: Brokers) -> Iterator[None]:
    """Delete, once its processes have ended, what a test has left to wait for 5 minutes: other tests count."""
    yield
    ends = [TopicPartition(delay_topic(DELAY), number, OFFSET_END) for number in range(PARTITIONS)]
    client = admin(operator(brokers))
    for deleted in client.delete_records(ends).values():
        deleted.result(20)


def due_at_of(records: Iterable[Any]) -> list[int]:
    """When these are due."""
    return [int(header(record, "due_at")) for record in records]


async def test_what_is_due_first_is_forwarded_first_whoever_wrote_before_it(delay: Delay) -> None:
    await delay.worker()
    reader = await delay.reader()

    # All of one key, so of one partition: every third by a writer that is 5 minutes fast, every third by one of 20 ms.
    at = now() + DELAY
    await delay.sent([(n, at + n // 30 + (FAST, SLIGHTLY, 0)[n % 3]) for n in range(300)], keys=[1] * 300)
    records = await reader.until(200, within=30)

    numbers = [int(record.value) for record in records]
    assert sorted(numbers) == [n for n in range(300) if n % 3], "nobody waited for the one that is 5 minutes fast"
    assert min(lateness(records)) >= 0
    assert due_at_of(records) == sorted(due_at_of(records)), "nobody waited for the one that is 20 ms fast"
    exact = [n for n in numbers if n % 3 == 2]
    assert exact == sorted(exact), "what is due at once comes in the order of the log"


async def test_the_neighbours_of_a_fast_writer_are_not_forwarded_again_after_a_kill(delay: Delay) -> None:
    victim = await delay.worker()
    reader = await delay.reader()
    await delay.sent([(n, now() + DELAY + FAST) for n in range(24)])
    await delay.sent([(n, now()) for n in range(100, 400)])
    await reader.until(300, within=30)
    await delay.send(400, now())  # What is forwarded with the last commit may come again, so there is one more.
    await reader.until(301, within=30)
    await asyncio.sleep(0.2)  # Commits come every 50 ms, and nothing shows when the last was made.
    victim.kill()

    successor = await delay.worker()
    await delay.send(500, now())
    await reader.until(302, within=SESSION_TIMEOUT / SECOND + 30)
    # It has read the log from its start, or it would hold none of these.
    await until(lambda: successor.metric("delay_window_records") == 24, within=20)
    records = await reader.more(0.5)

    assert len(records) == 302
    assert successor.metric("delay_writer_ahead_seconds") > 290


async def test_what_a_fast_writer_wrote_is_forwarded_once_by_one_of_many_that_come_and_go(delay: Delay) -> None:
    reader = await delay.reader()
    triggers = [(n, now() + DELAY + (FAST if n % 2 else 0)) for n in range(200)]

    first = await delay.worker()
    await delay.sent(triggers)
    await reader.until(100, within=30)
    second = await delay.worker()  # The group gives all partitions anew.
    await delay.sent([(n, now()) for n in range(200, 300)])
    await reader.until(200, within=30)
    for worker in (first, second):
        assert await asyncio.to_thread(worker.stop) == 0

    await delay.worker(CLOCK_OFFSET="6m")  # For its clock, all are due.
    records = await reader.until(300, within=30)
    await delay.send(300, now())
    records = await reader.until(301, within=30)

    assert sorted(int(record.value) for record in records) == list(range(301))
