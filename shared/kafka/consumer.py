"""Runs handlers of batches: limited retries of transient errors, back-off, metrics, and a loop that liveness sees."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Any

from aiokafka.errors import ConsumerStoppedError, KafkaError
from faststream.kafka import KafkaBroker

from shared.errors import Transient
from shared.kafka.clients import subscribe
from shared.kafka.progress import Progress
from shared.mongo.client import PyMongoError
from shared.runtime import metrics
from shared.runtime.health import Health
from shared.runtime.logging import get_logger

log = get_logger(__name__)

TRANSIENT = (Transient, PyMongoError, KafkaError, OSError, TimeoutError)
_BACKOFF_S = (0.05, 0.2, 0.5, 1, 2, 5)
"""Seconds between tries; the last one repeats. Their sum stays far below max.poll.interval."""
_TRIES = 20
_STUCK_AFTER = 5
"""Failed tries, some four seconds of them, after which the consumer counts as stuck."""
_POLL_MS = 1_000
"""Milliseconds that a poll waits for a first message; it returns as soon as there is one."""
_AT_ONCE_S = 0.001
"""A poll that returns within so many seconds returned messages that had come before it."""
_MORE_MS = 5
"""Milliseconds that it then waits for messages of other partitions."""


def consume(
    broker: KafkaBroker,
    health: Health,
    topics: Sequence[str],
    handler: Callable[[Sequence[Any]], Awaitable[None]],
    *,
    group: str | None,
    max_records: int = 500,
    from_start: bool = True,
    may_stand_still: bool = False,
) -> Any:
    """Hand batches of `topics` to `handler`, again until it succeeds.

    After a transient error it is tried again; after many tries the batch is read from the broker again, and its
    partitions wait. Nothing is skipped: a handler dead-letters what it can't handle itself. A batch that has failed for
    some seconds makes the process unready, unless it `may_stand_still`. Returns FastStream's subscriber.
    """
    name = group or f"listener of {', '.join(topics)}"

    async def handle(records: Sequence[Any]) -> None:
        started = time.monotonic()
        metrics.BATCH_RECORDS.labels(name).observe(len(records))
        progress.begins(records)
        for attempt in range(_TRIES):
            try:
                await handler(records)
                progress.goes_on()
                break
            except TRANSIENT as error:
                records = getattr(error, "rest", ()) or records
                if attempt >= _STUCK_AFTER and not may_stand_still:
                    progress.in_vain(error)
                metrics.BATCH_RETRIES.labels(name).inc()
                log.warning("a batch is tried again", consumer=name, error=type(error).__name__, attempt=attempt)
                loop.beat()
                if health.ended():  # The process is about to end: the batch is left to the next process.
                    await asyncio.sleep(1)
                    raise
                await asyncio.sleep(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])
            except Exception as error:
                log.exception("a batch failed", consumer=name)
                progress.in_vain(error)
                await asyncio.sleep(1)  # The batch comes back at once: without a pause this would be a hot loop.
                raise
        else:
            raise Transient(f"{name} can't go on")
        metrics.BATCH_SECONDS.labels(name).observe(time.monotonic() - started)

    subscriber = subscribe(broker, topics, handle, group=group, max_records=max_records, from_start=from_start)
    loop = health.loop(name, stalled_after=120, alive=lambda: _alive(subscriber))
    progress = Progress(name, loop)

    async def poll(consumer: Any) -> Any:
        # FastStream sleeps after every empty poll: a message that comes meanwhile would wait up to 200 ms.
        try:
            records = await _take(consumer, max_records)
        except (KafkaError, ConsumerStoppedError):
            raise  # FastStream handles these itself.
        except Exception:
            log.exception("polling failed", consumer=name)
            await asyncio.sleep(1)  # FastStream starts the loop again at once.
            raise
        loop.beat()  # Only now: a loop whose polls always fail must not look alive.
        progress.polled(records, consumer.assignment())
        return records

    subscriber.get_msg = poll
    return subscriber


async def _take(consumer: Any, max_records: int) -> tuple[Any, ...]:
    """Return the records that have come already, or else the first that come."""
    started = time.monotonic()
    batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=max_records)
    records = list(chain.from_iterable(batches.values()))
    if 0 < len(records) < max_records and time.monotonic() - started < _AT_ONCE_S:
        # These were of one fetch, often of one partition, and aiokafka fetches nothing more before they are taken.
        # Records of the other partitions come with the next fetch: they must not wait for this batch to be handled. An
        # error is suppressed: raised, it would lose the records taken already, and the next poll meets it too.
        with contextlib.suppress(Exception):
            batches = await consumer.getmany(timeout_ms=_MORE_MS, max_records=max_records - len(records))
            records += chain.from_iterable(batches.values())
    return tuple(records)


def _alive(subscriber: Any) -> bool:
    # A ping of the broker succeeds even when the consume loop has died, so the loop's own tasks are looked at.
    # FastStream starts a new task when one fails, and keeps both: the loop has ended when all of them are done.
    tasks = subscriber.tasks
    return not tasks or not all(task.done() for task in tasks)
