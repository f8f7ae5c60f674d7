"""A worker makes the look-ups of the queue, one at a time. A process runs a few, and there may be many processes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from services.insee_adapter import metrics
from services.insee_adapter.cache import Cache
from services.insee_adapter.queue import Asker, Job, Queue
from services.insee_adapter.quota import Quota, Spending, Wait
from services.insee_adapter.sirene import Sirene
from shared.contracts.messages.insee import Because, InseeAnswer, Result
from shared.runtime.logging import get_logger

log = get_logger(__name__)

Publish = Callable[[str, InseeAnswer, Sequence[Asker]], Awaitable[None]]
"""Publishes the answer to a look-up, by its key, for these askers; returns once Kafka has it for good."""

_IDLE_S = 1.0
# Look-ups queued by another replica are found by polling; those queued by this process wake the workers.
_LONGEST_BACKOFF_S = 60


class Worker:
    """One loop: take a permit, claim the look-up whose turn it is, call INSEE, cache and publish the answer.

    The permit comes first, so that look-ups that come while the quota is used up are still served in turn. `wake` is
    set when there may be work; `beat` is called in each iteration.
    """

    def __init__(
        self,
        *,
        queue: Queue,
        cache: Cache,
        quota: Quota,
        sirene: Sirene,
        publish: Publish,
        wake: asyncio.Event,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._queue = queue
        self._cache = cache
        self._quota = quota
        self._sirene = sirene
        self._publish = publish
        self._wake = wake
        self._beat = beat

    async def run(self) -> None:
        """Work until cancelled. A look-up that fails is logged and made again once its lease expires."""
        while True:
            self._beat()
            try:
                pause = await self.turn()
            except Exception:
                log.exception("look-up failed")
                pause = 1.0
            if pause:
                await self._rest(pause)

    async def turn(self) -> float:
        """Make one look-up if there is one and the quota allows it; return the seconds to wait before the next."""
        if not await self._queue.has_work():
            return _IDLE_S
        permit = None
        # While the circuit breaker is open, look-ups are still claimed, to answer that INSEE is unreachable.
        if not self._sirene.left_alone():
            taken = await self._quota.take()
            if isinstance(taken, Wait):
                return taken.ms / 1000
            permit = taken
        spending = Spending(self._quota, permit)
        try:
            job = await self._queue.claim()
            if job is not None:
                await self._make(job, spending)
        finally:
            await spending.close()
        return 0.0

    async def _make(self, job: Job, spending: Spending) -> None:
        try:
            answer = await self._sirene.look_up(job.siret, spending, successor=job.successor)
        except asyncio.CancelledError:
            await asyncio.shield(self._queue.postpone(job, 0, failed=False))
            raise
        if answer.result is Result.UNAVAILABLE:
            await self._unanswered(job, answer)
        else:
            await self._cache.put(job.key, answer)
            await self._answered(job, answer)

    async def _answered(self, job: Job, answer: InseeAnswer) -> None:
        answered: set[str] = set()
        left: Job | None = job
        while left is not None:
            askers = [asker for asker in left.askers if asker.correlation_id not in answered]
            await self._publish(job.key, answer, askers)
            metrics.ANSWERS.labels(answer.result, "insee").inc(len(askers))
            answered.update(asker.correlation_id for asker in askers)
            left = await self._queue.finish(left)

    async def _unanswered(self, job: Job, answer: InseeAnswer) -> None:
        if answer.because is Because.QUOTA:
            # Waiting for the quota is not « unreachable »: there is no answer yet, and it counts as no failure.
            await self._queue.postpone(job, 1000 * (answer.retry_after or 1), failed=False)
            return
        log.warning("INSEE gave no answer", because=answer.because, failures=job.failures)
        if await self._queue.give_up(job):
            await self._answered(job, answer.model_copy(update={"retry_after": None}))
            return
        wait = max(answer.retry_after or 0, min(2 << job.failures, _LONGEST_BACKOFF_S))
        unanswered = [asker for asker in job.askers if asker.correlation_id in job.unanswered]
        await self._publish(job.key, answer.model_copy(update={"retry_after": wait}), unanswered)
        metrics.ANSWERS.labels(answer.result, "insee").inc(len(unanswered))
        await self._queue.postpone(job, wait * 1000, answered=job.unanswered, failed=True)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()
