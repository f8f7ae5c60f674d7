"""Runs a process: logs, event loop, health routes, signals; stops cleanly on SIGTERM and SIGINT.

It ends by itself, with a failure, when a part of it has ended for good: its supervisor restarts it.
"""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import uvloop
from pydantic import ValidationError

from shared.runtime import health, logging
from shared.runtime.http_server.limits import Limits
from shared.runtime.http_server.server import serving
from shared.runtime.settings import ProcessSettings, unusable

log = logging.get_logger(__name__)

S = TypeVar("S", bound=ProcessSettings)

_LOOK_EVERY_S = 1.0
"""Seconds between two checks whether all parts still run."""
_LIMITS = Limits(connections=100, connections_per_address=100)
"""Limits of the port of /metrics, which only operators reach."""
_LAST_WORK_S = 20.0
"""Seconds in which a process that ends by itself finishes what it can; then it ends even if that hangs."""


def _calm_the_collector() -> None:
    """Let Python collect garbage less often, and only among objects made after the start.

    A busy process makes tens of thousands of objects a second, hardly any in cycles. With the defaults a tenth of its
    time goes into garbage collection, and each full collection of what was loaded at the start is a pause.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _stopped_or_broken(stop: asyncio.Event, state: health.Health) -> Sequence[str]:
    """Wait for the signal to stop, or until a part has ended for good; return the parts that have."""
    before: Sequence[str] = ()
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_EVERY_S)
        ended = state.ended()
        if ended and ended == before:  # Seen twice: a part that restarts its own task has none for a moment.
            return ended
        before = ended
    return ()


async def _run(
    name: str, settings: ProcessSettings, running: Callable[[health.Health], AbstractAsyncContextManager[None]]
) -> bool:
    """Run until a signal to stop, or until a part has ended; return whether one has."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    state = health.Health(name)
    own_server = serving(health.app(state), settings.http_host, settings.http_port, limits=_LIMITS)
    async with own_server, running(state):
        _calm_the_collector()
        state.started = True
        log.info("started", port=settings.http_port)
        ended = await _stopped_or_broken(stop, state)
        if ended:
            log.critical("broken", ended=ended)
            loop.call_later(_LAST_WORK_S, os._exit, 1)
        log.info("stopping")
        state.started = False
    log.info("stopped")
    return bool(ended)


def main(
    name: str, settings: type[S], running: Callable[[S, health.Health], AbstractAsyncContextManager[None]]
) -> None:
    """Read the settings, then run until a signal to stop. Missing settings are named and end it with status 2."""
    try:
        values = settings()
        logging.configure(name, values.log_level)
        failed = uvloop.run(_run(name, values, lambda state: running(values, state)))
    except ValidationError as error:
        # Settings of Kafka, MongoDB and the issuer are read in `running`, before anything else is done.
        if (wrong := unusable(error)) is None:
            raise
        sys.stderr.write(f"{name}: unusable settings. {wrong}\n")
        sys.exit(2)
    if failed:
        sys.exit(1)
