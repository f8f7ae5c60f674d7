"""The sweeper: finishes what a process that died left half done, so that nothing accepted is ever lost.

One replica at a time holds the lease; two at once would do no harm, only double work. When its own clock is ahead of
the database's, it uses the latter. With a fast clock it would trigger changes that are not due, which does nothing but
postpone the next trigger, and it would end deferred requests too soon.
"""

import asyncio
import math
import time
import uuid
from collections.abc import Sequence

from shared.clock import MINUTE, SECOND
from shared.engine.core.incoming import Incoming, RequestRecord
from shared.engine.core.rules import LookUp
from shared.engine.runtime.engine import Engine
from shared.engine.storage.protocol import Sweepable
from shared.kafka.consumer import TRANSIENT
from shared.runtime import metrics
from shared.runtime.health import Loop
from shared.runtime.logging import get_logger

log = get_logger(__name__)

STALE = 5 * SECOND
"""Age (ms) from which the sweeper publishes an outbox or an unpublished state."""
LIMIT = 1_000
"""How many items of each kind one round takes, so that an outage's backlog is worked off at a steady pace."""
TRIGGERS = 200
"""How many overdue documents one round triggers: after an outage, delayed records trigger most of them anyway."""
ASIDE = 15 * MINUTE
"""For how long (ms) an unusable document is set aside."""
EVERY_S = 0.5
AGAIN_AFTER_S = 2
COUNT_EVERY = 10 * SECOND
COUNT_STANDS_S = 30.0
"""Seconds after which a count that could not be renewed is no longer exposed."""
LEASE = 10 * SECOND


class Sweeper:
    """Sweeps for one engine."""

    def __init__(self, engine: Engine, store: Sweepable) -> None:
        self._engine = engine
        self._store = store
        self._holder = uuid.uuid4().hex
        self._count_at = 0
        self._counted = -math.inf
        self._ahead = 0

    async def run(self, loop: Loop) -> None:
        """Sweep for as long as the process lives.

        An unexpected error keeps the loop from beating, which liveness sees; all the rest of the sweep is done anyway.
        """
        while True:
            try:
                taken = await self._store.lease(f"sweeper:{self._engine.owner.name}", self._holder, LEASE)
                if taken is None:
                    self._leave_counting_to_others()
                else:
                    self._ahead = max(0, self._engine.clock.now() - taken)
                    await self.sweep()
            except TRANSIENT as error:
                log.warning("sweeping will be tried again", error=type(error).__name__)
                loop.beat()
                await asyncio.sleep(AGAIN_AFTER_S)
            except Exception:
                log.exception("sweeping failed")
                await asyncio.sleep(AGAIN_AFTER_S)
            else:
                loop.beat()
            if time.monotonic() > self._counted + COUNT_STANDS_S:
                self._leave_counting_to_others()
            await asyncio.sleep(EVERY_S)

    async def sweep(self) -> None:
        """Take one round over everything. Raises the errors of its parts once all of them have run."""
        broken: list[Exception] = []
        for part in (
            self.outboxes,
            self.states,
            self.overdue,
            self.deadlines,
            self.look_ups,
            self.republish,
            self.count,
        ):
            try:
                await part()
            except Exception as error:  # noqa: BLE001 - it is raised below.
                broken.append(error)
        if broken and all(isinstance(error, TRANSIENT) for error in broken):
            raise broken[0]
        if broken:
            raise ExceptionGroup("parts of a sweep failed", broken)

    def _now(self) -> int:
        return self._engine.clock.now() - self._ahead

    async def count(self) -> None:
        """Set, now and then, the metrics of waiting requests and overdue changes."""
        now = self._now()
        if now >= self._count_at:
            waiting, overdue = await self._store.counts(now)
            metrics.WAITING.labels(self._engine.owner.name).set(waiting)
            metrics.OVERDUE.labels(self._engine.owner.name).set(overdue)
            self._count_at, self._counted = now + COUNT_EVERY, time.monotonic()

    def _leave_counting_to_others(self) -> None:
        """Remove our counts: beside those of the replica that sweeps now they would be out of date."""
        if self._counted > -math.inf:
            self._count_at, self._counted = 0, -math.inf
            metrics.WAITING.remove(self._engine.owner.name)
            metrics.OVERDUE.remove(self._engine.owner.name)

    async def outboxes(self) -> None:
        """Publish outboxes that were left."""
        documents = await self._store.with_old_outbox(self._now() - STALE, LIMIT)
        if documents:
            broken = await self._engine.committer.finish(documents)
            await self._set_aside(broken, "read")
            _swept("outbox", len(documents) - len(broken))

    async def states(self) -> None:
        """Publish states that are not published yet."""
        ids = await self._store.with_old_state(self._now() - STALE, LIMIT)
        if ids:
            published, broken = await self._engine.committer.publish_until_current(ids)
            await self._set_aside(broken, "show")
            _swept("state", len(published))

    async def overdue(self) -> None:
        """Trigger overdue changes again: a lost record of the delay topic is no lost change."""
        now = self._now()
        late = await self._store.overdue(now, TRIGGERS)
        if late:
            await self._engine.bus.publish([self._engine.publisher.due_trigger(id_, due, now) for id_, due in late])
            await self._store.triggered(late, now)
            _swept("trigger", len(late))

    async def deadlines(self) -> None:
        """Decide the requests whose deadline has passed, with what is known."""
        records = await self._store.expired(self._now(), LIMIT)
        if unknown := [record.key for record in records if record.incoming is None]:
            await self._store.put_off(unknown, self._now() + MINUTE)
        if late := _incoming(records):
            await self._engine.requests(late)
            _swept("deadline", len(late))

    async def look_ups(self) -> None:
        """Publish look-ups again that have no answer."""
        now = self._now()
        look_ups = [
            self._engine.publisher.look_up(LookUp(**record.look_up), record.incoming, now)
            for record in await self._store.look_ups_due(now, LIMIT)
            if record.look_up and record.incoming
        ]
        if look_ups:
            await self._engine.bus.publish(look_ups)
            _swept("question", len(look_ups))

    async def republish(self) -> None:
        """Publish each state once more a while after its last change, so that compaction can't leave an old one."""
        now = self._now()
        ids = await self._store.to_republish(now, LIMIT)
        if ids:
            published, broken = await self._engine.committer.publish_until_current(ids)
            await self._set_aside(broken, "show")
            await self._store.republished(published, now)

    async def _set_aside(self, ids: Sequence[str], why: str) -> None:
        """Set unusable documents aside for a while: as many as one round takes would hide all the others."""
        if ids:
            metrics.UNUSABLE.labels(why).inc(len(ids))
            log.error("stored documents can't be used", why=why, documents=list(ids)[:10], count=len(ids))
            await self._store.set_aside(ids, self._now() + ASIDE)


def _incoming(records: Sequence[RequestRecord]) -> list[Incoming]:
    return [record.incoming for record in records if record.incoming is not None]


def _swept(what: str, count: int) -> None:
    metrics.SWEPT.labels(what).inc(count)
    log.info("swept", what=what, count=count)
