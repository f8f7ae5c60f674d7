"""A real Kafka with the topics and ACLs of the table, and delay_svc processes that have these ACLs and no more."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bench.delay_harness import Reader, Worker, trigger_headers
from dev.brokers import Brokers
from shared.clock import SECOND, SystemClock
from shared.contracts.topics import dead_letters, delay_topic
from shared.kafka.clients import build_producer
from tests.support.acls import operator, provision, user
from tests.support.brokers import as_new

PROCESS = "delay_svc"
DLQ = dead_letters(PROCESS)
DELAY = 2 * SECOND
TARGET = "structure.due"


def now() -> int:
    """The instant, in ms, by the clock that the broker and the processes share here."""
    return SystemClock().now()


class Delay:
    """What a test does with the delay: it sends, it runs processes, it reads."""

    producer: Any

    def __init__(self, brokers: Brokers, folder: Path) -> None:
        self.operator = operator(brokers)
        self._process = user(brokers, PROCESS)
        self._folder = folder
        self._workers: list[Worker] = []
        self._closing = AsyncExitStack()
        self.keys = f"toy:{uuid.uuid4().hex}:"
        """What the keys of this test begin with; other tests' records are not seen."""

    async def __aenter__(self) -> "Delay":
        self.producer = await self._closing.enter_async_context(build_producer(self.operator))
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self._workers:
            await asyncio.to_thread(worker.stop)
            sys.stdout.write(worker.log.read_text(encoding="utf-8"))  # Pytest shows it when the test fails.
        await self._closing.aclose()

    async def worker(self, **environment: str) -> Worker:
        """Start one more process and wait until it is ready; it is killed at the end of the test."""
        name = f"{uuid.uuid4().hex}.log"
        worker = Worker(self._process, self._folder / name, **environment)
        self._workers.append(worker)
        return await asyncio.to_thread(worker.start)

    async def reader(self, topic: str = TARGET, *, from_start: bool = False) -> Reader:
        """Read this test's records of a topic from now on, or all of them."""
        reader = Reader(self.operator, topic, self.keys.encode(), from_start=from_start)
        return await self._closing.enter_async_context(reader)

    def key(self, number: int) -> bytes:
        """A key of this test."""
        return f"{self.keys}{number}".encode()

    async def send(self, number: int, due_at: int, *, key: int | None = None, delay: int = DELAY) -> None:
        """Send one trigger, whose value is its number; return when it is acknowledged."""
        await self.sent([(number, due_at)], keys=[number if key is None else key], delay=delay)

    async def sent(
        self, triggers: Sequence[tuple[int, int]], *, keys: Sequence[int] | None = None, delay: int = DELAY
    ) -> None:
        """Send triggers (number, due_at) in this order; the key is the number unless `keys` says otherwise."""
        sending = [
            await self.producer.send(
                delay_topic(delay),
                key=self.key(key),
                value=b"%d" % number,
                headers=trigger_headers(due_at, TARGET),
            )
            for (number, due_at), key in zip(triggers, keys or [number for number, _ in triggers], strict=True)
        ]
        await asyncio.gather(*sending)


@pytest.fixture(scope="package")
def brokers(session_kafka: Brokers) -> Brokers:
    """Kafka alone: the delay has no database."""
    provision(as_new(session_kafka), [PROCESS], delay=DELAY)
    return session_kafka


@pytest_asyncio.fixture
async def delay(brokers: Brokers, tmp_path: Path) -> AsyncIterator[Delay]:
    async with Delay(brokers, tmp_path) as running:
        yield running
