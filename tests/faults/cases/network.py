"""Faults of what lies between our processes and the brokers: connections cut, slow, silent."""

import asyncio
import re
from contextlib import AsyncExitStack

from tests.faults.cases.brokers import primary_port
from tests.faults.stack import Stack
from tests.faults.wire import Wire

_WIRED = ("structure_svc", "manager_svc", "delay_svc", "gateway")
_SILENT = (11.0, 14.0)
"""Seconds: longer than a member of a group may be silent (6 s and 10 s), shorter than clients wait for an answer."""


async def connections(stack: Stack) -> None:
    """Connections to Kafka and to MongoDB are cut, slowed and silenced beyond the sessions, one after the other."""
    brokers = stack.system.brokers
    async with AsyncExitStack() as contexts:
        kafka = await contexts.enter_async_context(Wire(brokers.kafka.layout.client_ports[0], hides=True))
        mongo = await contexts.enter_async_context(Wire(await asyncio.to_thread(primary_port, stack)))
        await asyncio.gather(*(_wire(stack, name, kafka, mongo) for name in _WIRED))
        for _ in range(stack.size.rounds):
            async with stack.under_load():
                for name, wire in stack.dice.sample([("kafka", kafka), ("mongodb", mongo)], 2):
                    await _inject(stack, name, wire)
        for wire in (kafka, mongo):
            if not wire.cuts:
                raise AssertionError("nobody used the wire: this run proves nothing")
        await asyncio.gather(*(stack.restart(name) for name in _WIRED))


async def _inject(stack: Stack, name: str, wire: Wire) -> None:
    for _ in range(3):
        await stack.pause(0.3, 2)
        stack.fault("cut", name)
        wire.cut()
    await stack.pause(0.3, 1)
    stack.fault("slow", name)
    wire.delay = stack.dice.uniform(0.05, 0.2)
    await stack.pause(3, 5)
    wire.delay = 0.0
    stack.fault("silence", name)
    wire.silence()
    try:
        await stack.pause(*_SILENT)
    finally:
        stack.fault("speak", name)
        wire.speak()
    await stack.pause(0.3, 1)


async def _wire(stack: Stack, name: str, kafka: Wire, mongo: Wire) -> None:
    env = stack.process(name).process.env
    besides = {"KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka.port}"}
    if "MONGO_URI" in env:
        # One wire leads to one node, so the driver must not look for the others behind it.
        uri = re.sub(r"@[^/]+/", f"@127.0.0.1:{mongo.port}/", env["MONGO_URI"])
        besides["MONGO_URI"] = re.sub(r"replicaSet=\w+", "directConnection=true", uri)
    await stack.restart(name, **besides)
