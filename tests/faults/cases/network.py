"""Faults of what lies between our processes and the brokers: connections cut, slow, silent."""

import asyncio
import re
from contextlib import AsyncExitStack

from tests.faults.cases.brokers import primary_port
from tests.faults.stack import World
from tests.faults.wire import Wire

_WIRED = ("structure_svc", "manager_svc", "delay_svc", "gateway")
_SILENT = (11.0, 14.0)
"""Seconds: longer than a member of a group may be silent (6 s and 10 s), shorter than clients wait for an answer."""


async def connections(world: World) -> None:
    """Connections to Kafka and to MongoDB are cut, slowed and silenced beyond the sessions, one after the other."""
    brokers = world.system.brokers
    async with AsyncExitStack() as stack:
        kafka = await stack.enter_async_context(Wire(brokers.kafka.layout.client_ports[0], hides=True))
        mongo = await stack.enter_async_context(Wire(await asyncio.to_thread(primary_port, world)))
        await asyncio.gather(*(_wire(world, name, kafka, mongo) for name in _WIRED))
        for _ in range(world.size.rounds):
            async with world.under_load():
                for name, wire in world.dice.sample([("kafka", kafka), ("mongodb", mongo)], 2):
                    await _hurt(world, name, wire)
        for wire in (kafka, mongo):
            if not wire.cuts:
                raise AssertionError("nobody used the wire: this run proves nothing")
        await asyncio.gather(*(world.restart(name) for name in _WIRED))


async def _hurt(world: World, name: str, wire: Wire) -> None:
    for _ in range(3):
        await world.pause(0.3, 2)
        world.fault("cut", name)
        wire.cut()
    await world.pause(0.3, 1)
    world.fault("slow", name)
    wire.delay = world.dice.uniform(0.05, 0.2)
    await world.pause(3, 5)
    wire.delay = 0.0
    world.fault("silence", name)
    wire.silence()
    try:
        await world.pause(*_SILENT)
    finally:
        world.fault("speak", name)
        wire.speak()
    await world.pause(0.3, 1)


async def _wire(world: World, name: str, kafka: Wire, mongo: Wire) -> None:
    env = world.process(name).process.env
    besides = {"KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka.port}"}
    if "MONGO_URI" in env:
        # One wire leads to one node, so the driver must not look for the others behind it.
        uri = re.sub(r"@[^/]+/", f"@127.0.0.1:{mongo.port}/", env["MONGO_URI"])
        besides["MONGO_URI"] = re.sub(r"replicaSet=\w+", "directConnection=true", uri)
    await world.restart(name, **besides)
