"""Decides who may call now, by permits that this replica has leased; while MongoDB is down, by its own limit."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable

from gateway.api.rate_limit.leases import Lease
from gateway.api.rate_limit.rates import Bucket, Rate
from gateway.api.rate_limit.store import Permits
from shared.mongo.client import PyMongoError
from shared.runtime.logging import get_logger

log = get_logger(__name__)

_REMEMBERED = 10_000
"""Callers remembered at most; one who is forgotten starts with a new lease."""
_PATIENCE_S = 1.0
"""Seconds that a call waits for a lease."""
_ALONE_S = 5.0
"""Seconds without asking MongoDB again, after it did not answer: no call waits for it meanwhile."""
_PAUSE_S = 1.0
"""Seconds for which a caller without a permit is refused without asking again: a flood costs one lease a second."""


class Allowance:
    """The permits of one caller in this replica."""

    __slots__ = ("bucket", "lease", "leasing", "refused_until", "under_way")

    def __init__(self) -> None:
        self.lease = Lease()
        self.leasing: asyncio.Task[None] | None = None
        self.bucket: Bucket | None = None
        """The replica's own limit, regardless of the other replicas."""
        self.refused_until = 0.0
        self.under_way = 0


class Allowances:
    """The allowances of this replica's callers, by name."""

    def __init__(self, permits: Permits, now: Callable[[], float] = time.monotonic) -> None:
        self._permits, self._now = permits, now
        self._known: OrderedDict[str, Allowance] = OrderedDict()
        self._alone_until = 0.0

    def __len__(self) -> int:
        return len(self._known)

    def of(self, caller: str) -> Allowance:
        """Return the allowance of a caller."""
        allowance = self._known.get(caller)
        if allowance is None:
            allowance = self._known[caller] = Allowance()
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(caller)
        return allowance

    def take_here(self, allowance: Allowance, rate: Rate) -> float:
        """Take a permit of this replica's own limit; return 0, or the seconds to wait."""
        now = self._now()
        if allowance.bucket is None:
            allowance.bucket = Bucket(rate, now)
        return allowance.bucket.take(rate, now)

    async def take(self, caller: str, allowance: Allowance, rate: Rate) -> float:
        """Take a permit of the limit that all replicas share; return 0, or the seconds to wait."""
        while True:
            now = self._now()
            if allowance.lease.take(now):
                return 0.0
            if now < allowance.refused_until:
                return allowance.refused_until - now
            if now < self._alone_until:
                return self.take_here(allowance, rate)
            if allowance.leasing is None:  # Other calls of the same caller wait for this lease too.
                allowance.leasing = asyncio.create_task(self._lease(caller, allowance, rate), name="lease")
            await asyncio.shield(allowance.leasing)

    async def _lease(self, caller: str, allowance: Allowance, rate: Rate) -> None:
        try:
            started = self._now()
            async with asyncio.timeout(_PATIENCE_S):
                granted = await self._permits.lease(caller, rate, allowance.lease.next_size(rate, started))
        except (PyMongoError, TimeoutError) as error:
            if self._now() >= self._alone_until:
                log.warning("rates are limited by each replica alone", error=type(error).__name__)
            self._alone_until = self._now() + _ALONE_S
        else:
            if granted:
                allowance.lease = Lease(granted, granted, self._now())
            else:
                allowance.refused_until = self._now() + _PAUSE_S
        finally:
            allowance.leasing = None
