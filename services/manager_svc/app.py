"""The composition root of the owner `manager`: the only file here that names concrete classes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.manager_svc import rules
from services.manager_svc.reactions import REACTIONS
from services.manager_svc.settings import Settings
from shared.engine.entrypoint.handlers import Feeds
from shared.engine.entrypoint.host import hosting
from shared.engine.runtime.registration import registering
from shared.runtime.health import Health

PROCESS = "manager_svc"


@asynccontextmanager
async def running(settings: Settings, health: Health) -> AsyncIterator[None]:
    """Run until the context is left."""
    # Copies of its own records too, since a team's rules look at users.
    feeds = Feeds(states=("manager",), reactions=REACTIONS)
    register_unknown = registering(PROCESS, settings.clock())
    async with hosting(
        settings, rules.owner(), health, process=PROCESS, feeds=feeds, register_unknown=register_unknown
    ):
        yield
