"""Runs handlers of batches: bounded retries of what may pass, back-off, metrics, and a loop that liveness can see."""

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
"""Seconds between tries; the last one repeats. The whole stays far below max.poll.interval."""
_TRIES = 20
_STUCK_AFTER = 5
"""Tries in vain, some four seconds, from which on a consumer stands still."""
_POLL_MS = 1_000
"""How long a poll waits for the first message; it returns as soon as there is one."""
_AT_ONCE_S = 0.001
"""Seconds within which a poll returns what had come before it."""
_MORE_MS = 5
"""How long it then waits for what other partitions hold."""


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
    """Hand batches of `topics` to `handler` until it takes them.

    What is transient is tried again; after many tries the batch goes back to the broker and the partition waits.
    Nothing is skipped: a handler that can't handle a message dead-letters it itself. A batch that was tried in vain for
    some seconds makes the process unready, unless it `may_stand_still`. Returns FastStream's subscriber.
    """
    name = group or f"tail of {', '.join(topics)}"

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
                if health.ended():  # The process is about to end: the batch is left to the one that follows.
                    await asyncio.sleep(1)
                    raise
                await asyncio.sleep(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])
            except Exception as error:
                log.exception("a batch broke", consumer=name)
                progress.in_vain(error)
                await asyncio.sleep(1)  # It comes back at once: without a pause this would be a hot loop.
                raise
        else:
            raise Transient(f"{name} can't go on")
        metrics.BATCH_SECONDS.labels(name).observe(time.monotonic() - started)

    subscriber = subscribe(broker, topics, handle, group=group, max_records=max_records, from_start=from_start)
    loop = health.loop(name, stalled_after=120, alive=lambda: _alive(subscriber))
    progress = Progress(name, loop)

    async def poll(consumer: Any) -> Any:
        # FastStream's own poll sleeps after every empty one: a message that comes then would wait for 200 ms.
        try:
            records = await _take(consumer, max_records)
        except (KafkaError, ConsumerStoppedError):
            raise  # FastStream knows what to do.
        except Exception:
            log.exception("polling broke", consumer=name)
            await asyncio.sleep(1)  # FastStream starts the loop again at once.
            raise
        loop.beat()  # Not before: a loop that only ever fails to poll does not turn.
        progress.polled(records, consumer.assignment())
        return records

    subscriber.get_msg = poll
    return subscriber


async def _take(consumer: Any, max_records: int) -> tuple[Any, ...]:
    """Return the records that have come, or the first to come."""
    started = time.monotonic()
    batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=max_records)
    records = list(chain.from_iterable(batches.values()))
    if 0 < len(records) < max_records and time.monotonic() - started < _AT_ONCE_S:
        # What was there already is of one fetch, often of one partition, and aiokafka fetches nothing more before it is
        # taken. What the other partitions hold comes with the next fetch: it must not wait for this batch.
        # Raised here it would lose what was taken already, and the next poll meets it too.
        with contextlib.suppress(Exception):
            batches = await consumer.getmany(timeout_ms=_MORE_MS, max_records=max_records - len(records))
            records += chain.from_iterable(batches.values())
    return tuple(records)


def _alive(subscriber: Any) -> bool:
    # A broker's ping answers although the loop that consumes has died: the loop's own task is what counts. FastStream
    # starts another task in the place of one that broke, and keeps both: none is left when the loop has ended.
    tasks = subscriber.tasks
    return not tasks or not all(task.done() for task in tasks)
