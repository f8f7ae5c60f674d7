"""Runs a process: logs, event loop, health routes, signals; stops cleanly on SIGTERM and SIGINT.

It ends by itself, with a failure, when a part of it has ended for good: whoever started it starts it again.
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
"""Seconds between two looks at whether all parts still run."""
_LIMITS = Limits(connections=100, connections_per_address=100)
"""Of the port of /metrics, which only operators reach."""
_LAST_WORK_S = 20.0
"""Seconds in which a process that ends by itself finishes what it can; nobody else would end it if that hangs."""


def _calm_the_collector() -> None:
    """Let Python look for cycles of garbage among what is new, and more rarely.

    A busy process makes tens of thousands of objects a second, hardly any in cycles: with the defaults a tenth of its
    time goes into looking, and each full look at what was loaded at the start is a pause.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _stopped_or_broken(stop: asyncio.Event, state: health.Health) -> Sequence[str]:
    """Wait until told to stop, or until something has ended for good; return what has."""
    before: Sequence[str] = ()
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_EVERY_S)
        ended = state.ended()
        if ended and ended == before:  # Seen twice: what starts its own task again is between two tasks for a moment.
            return ended
        before = ended
    return ()


async def _run(
    name: str, settings: ProcessSettings, running: Callable[[health.Health], AbstractAsyncContextManager[None]]
) -> bool:
    """Run until told to stop, or broken; return whether it is broken."""
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
    """Read the settings, then run until told to stop. Missing settings are named and end the process with status 2."""
    try:
        values = settings()
        logging.configure(name, values.log_level)
        failed = uvloop.run(_run(name, values, lambda state: running(values, state)))
    except ValidationError as error:
        # Those of Kafka, MongoDB and the issuer are read where they are used, before anything else is done.
        if (wrong := unusable(error)) is None:
            raise
        sys.stderr.write(f"{name}: unusable settings. {wrong}\n")
        sys.exit(2)
    if failed:
        sys.exit(1)
