"""What tests use of the running system."""

import time
from collections.abc import Callable
from typing import Any

from dev.run.system import KAFKA_AUDIENCE, System

__all__ = ["KAFKA_AUDIENCE", "System", "until"]


def until(holds: Callable[[], Any], seconds: float = 30, *, what: str = "it") -> Any:
    """Return the first true answer of `holds`; fail when there is none in time."""
    end = time.monotonic() + seconds
    while not (answer := holds()):
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.05)
    return answer
