"""The composition root of the owner `structure`: the only file here that names concrete classes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.structure_svc import rules
from services.structure_svc.settings import Settings
from shared.engine.entrypoint.handlers import Feeds
from shared.engine.entrypoint.host import hosting
from shared.engine.runtime.registration import registering
from shared.runtime.health import Health

PROCESS = "structure_svc"


@asynccontextmanager
async def running(settings: Settings, health: Health) -> AsyncIterator[None]:
    """Run until the context is left."""
    owner = rules.owner(settings.insee_max_wait)
    feeds = Feeds(states=("manager",), answers=("insee",))
    register_unknown = registering(PROCESS, settings.clock())
    async with hosting(settings, owner, health, process=PROCESS, feeds=feeds, register_unknown=register_unknown):
        yield
