"""A bounded load: a plan, sent at a steady rate, by both channels at once."""

import asyncio
from collections.abc import Iterator

from tests.faults.clients import Clients
from tests.faults.plan import PlannedRequest

LONGEST = 120.0
"""Seconds after which a load ends, whatever else goes on."""


async def send(
    clients: Clients, requests: Iterator[PlannedRequest], rate: float, least: float, enough: asyncio.Event
) -> None:
    """Send `rate` requests a second, for `least` seconds and then until it is `enough`.

    Returns when each was taken by its entry point; raises what kept one from it.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as sending:
        for number, request in enumerate(requests):
            late = number / rate
            if (late >= least and enough.is_set()) or late >= LONGEST:
                break
            await asyncio.sleep(max(0.0, began + late - loop.time()))
            sending.create_task(clients.send(request))
