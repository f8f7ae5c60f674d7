"""A process of which a part ends for good: `python -m tests.support.breaking`. The part is a file, which goes away."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.runtime import process
from shared.runtime.health import Health
from shared.runtime.process import main
from shared.runtime.settings import ProcessSettings


@asynccontextmanager
async def running(settings: ProcessSettings, health: Health) -> AsyncIterator[None]:
    """Run; hang at the end when it is set."""
    del settings
    part = Path(os.environ["PART"])
    health.part("part", part.exists)
    yield
    if "HANGS" in os.environ:
        await asyncio.Event().wait()


if __name__ == "__main__":
    process._LAST_WORK_S = 2.0
    main("breaking", ProcessSettings, running)
