"""Read your writes: a reader may name the version it has been told of, and a moment is given to it to arrive."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from shared.clock import SECOND
from shared.errors import Rejected

Document = Mapping[str, Any]
_LOOK_EVERY = 0.01


async def at_least(
    min_version: int, read: Callable[[], Awaitable[Document | None]], *, version: str = "version", patience: int
) -> Document | None:
    """Return what `read` finds, once its field `version` is that high; at once when `min_version` is 0.

    Raises Rejected(`not_yet`) after `patience` ms.
    """
    found = await read()
    if not min_version:
        return found
    clock = asyncio.get_running_loop()
    end = clock.time() + patience / SECOND
    while found is None or found[version] < min_version:
        if clock.time() > end:
            raise Rejected("not_yet")
        await asyncio.sleep(_LOOK_EVERY)
        found = await read()
    return found
