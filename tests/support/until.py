"""Waits for what other tasks and processes do, in an event loop."""

import asyncio
import time
from collections.abc import Callable


async def until(holds: Callable[[], bool], within: float = 20.0) -> None:
    """Return once `holds` does. Raises AssertionError after `within` seconds."""
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, f"not so within {within:.0f} s"
        await asyncio.sleep(0.01)
