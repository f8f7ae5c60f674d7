"""Each replica reads all `*.outcomes` from the end, without a group, and picks the outcomes that its callers wait for.

They are found by their headers, so that the others are never parsed: a replica sees the outcomes of all requests of the
whole system.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from shared.contracts.messages import records
from shared.errors import Poison
from shared.runtime.logging import get_logger

log = get_logger(__name__)

Outcome = dict[str, Any]


class OutcomeWaiter:
    """Waits for the outcomes of one message on one topic, under a correlation id of its own that can't be guessed.

    The look-ups that the message causes have that id too, and so have their answers, on other topics.
    """

    def __init__(self, correlation: str, topic: str, is_last: Callable[[Outcome], bool]) -> None:
        self.correlation = correlation
        self.topic = topic
        self.latest: Outcome | None = None
        self._is_last = is_last
        self._ended = asyncio.Event()

    def take(self, answer: Outcome) -> None:
        """Take an outcome."""
        if not self._ended.is_set():
            self.latest = answer
            if self._is_last(answer):
                self._ended.set()

    async def within(self, seconds: float) -> Outcome | None:
        """Return the final outcome, or the latest after that long; None when none came."""
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            pass
        return self.latest


class OutcomeListener:
    """Passes each outcome to those that wait for it."""

    def __init__(self) -> None:
        self._replica = secrets.token_hex(4).encode()
        self._waiters: dict[bytes, OutcomeWaiter] = {}
        self._followed: dict[str, set[asyncio.Queue[Outcome | None]]] = {}

    @contextmanager
    def expect(self, topic: str, is_last: Callable[[Outcome], bool]) -> Iterator[OutcomeWaiter]:
        """Expect outcomes on a topic until one of them is final."""
        correlation = self._replica + b"." + secrets.token_hex(12).encode()
        waiter = self._waiters[correlation] = OutcomeWaiter(correlation.decode(), topic, is_last)
        try:
            yield waiter
        finally:
            del self._waiters[correlation]

    @contextmanager
    def follow(self, key: str) -> Iterator["asyncio.Queue[Outcome | None]"]:
        """Give the queue of all outcomes of a request (by its key), by whichever channel the request came.

        None means that the process stops.
        """
        queue: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self._followed.setdefault(key, set()).add(queue)
        try:
            yield queue
        finally:
            self._followed[key].discard(queue)
            if not self._followed[key]:
                del self._followed[key]

    def stop(self) -> None:
        """Signal to all followers that the process stops."""
        for queues in self._followed.values():
            for queue in queues:
                queue.put_nowait(None)

    async def take(self, batch: Sequence[Any]) -> None:
        """Take a batch of records. A bad one harms only itself."""
        for record in batch:
            try:
                self._take(record)
            except (Poison, ValueError, AttributeError, TypeError, KeyError) as error:
                log.warning("an outcome can't be read", topic=record.topic, error=type(error).__name__)

    def _take(self, record: Any) -> None:
        event_id = b""
        for name, value in record.headers:
            if name == "ce_correlationid" and value.startswith(self._replica):
                waiter = self._waiters.get(value)
                if waiter is not None and waiter.topic == record.topic:
                    waiter.take(orjson.loads(record.value))
            elif name == "ce_id":
                event_id = value
        if self._followed:
            # The id of an outcome is the request's key, the status and the version.
            key = event_id.decode().rsplit("|", 2)[0]
            if queues := self._followed.get(key):
                outcome = dict(records.outcome(record))
                for queue in queues:
                    queue.put_nowait(outcome)
