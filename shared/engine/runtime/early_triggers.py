"""Early triggers: due triggers that came a moment too early are kept and published again in time.

The process that forwards delayed records has a clock of its own. Left to the sweeper, a change whose trigger came a
few milliseconds early would be half a minute late.
"""

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from shared.clock import SECOND, Clock
from shared.engine.runtime.publish import Publisher
from shared.engine.storage.protocol import Bus
from shared.kafka.consumer import TRANSIENT
from shared.runtime.logging import get_logger

log = get_logger(__name__)

_AT_MOST = 10_000
"""Triggers kept at most; the sweeper takes care of any others."""
_MARGIN = 2
"""Ms added to each wait: the append time that the broker gives may be that much behind its clock."""


class EarlyTriggers:
    """Keeps early triggers in memory: should the process die, the sweeper triggers in its place."""

    def __init__(self, bus: Bus, publisher: Publisher, clock: Clock) -> None:
        self._bus, self._publisher, self._clock = bus, publisher, clock
        self._heap: list[tuple[float, str, int]] = []
        self._kept: set[tuple[str, int]] = set()
        self._came = asyncio.Event()

    def add(self, early: Iterable[tuple[str, int, int]]) -> None:
        """Keep triggers (document, due_at, ms until then)."""
        now = asyncio.get_running_loop().time() * SECOND
        for document, due_at, wait in early:
            if (document, due_at) not in self._kept and len(self._heap) < _AT_MOST:
                self._kept.add((document, due_at))
                heapq.heappush(self._heap, (now + wait + _MARGIN, document, due_at))
                self._came.set()

    @asynccontextmanager
    async def scheduled(self) -> AsyncIterator[None]:
        """Publish each again at its time, until the context is left."""
        task = asyncio.create_task(self._run(), name="early triggers")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            patience = self._heap[0][0] - loop.time() * SECOND if self._heap else None
            if patience is None or patience > 0:
                self._came.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._came.wait(), None if patience is None else patience / SECOND)
                continue
            until = loop.time() * SECOND
            due: list[tuple[str, int]] = []
            while self._heap and self._heap[0][0] <= until:
                _, document, due_at = heapq.heappop(self._heap)
                self._kept.discard((document, due_at))
                due.append((document, due_at))
            now = self._clock.now()
            try:
                await self._bus.publish(
                    [self._publisher.due_trigger(document, due_at, now) for document, due_at in due]
                )
            except TRANSIENT as error:
                log.warning("early triggers are left to the sweeper", count=len(due), error=type(error).__name__)
