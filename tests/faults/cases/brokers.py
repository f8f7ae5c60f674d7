"""Faults of what everything stands on: Kafka away, MongoDB's primary dead."""

import asyncio

from dev.brokers.cluster import Node
from tests.faults import stores
from tests.faults.stack import World


async def kafka(world: World) -> None:
    """Kafka is stopped under load, is away for some seconds, and comes back."""
    kafka = world.system.brokers.kafka
    for _ in range(world.size.rounds):
        async with world.under_load():
            await world.pause(0.2, 2)
            world.fault("stop", "kafka")
            await asyncio.to_thread(kafka.stop)
            await world.pause(0.5, 3)
            world.fault("start", "kafka")
            await asyncio.to_thread(kafka.start)


async def kafka_killed(world: World) -> None:
    """Kafka is killed with SIGKILL under load and started again at once."""
    kafka = world.system.brokers.kafka
    for _ in range(world.size.rounds):
        async with world.under_load():
            await world.pause(0.2, 2)
            world.fault("kill", "kafka")
            await asyncio.to_thread(kafka.kill)
            await asyncio.to_thread(kafka.start)


async def mongodb(world: World) -> None:
    """MongoDB's primary, one of three nodes, is killed under load; it comes back as a secondary."""
    for _ in range(world.size.rounds):
        async with world.under_load():
            await world.pause(0.2, 2)
            primary = await asyncio.to_thread(_primary, world)
            world.fault("kill", "mongodb's primary")
            await asyncio.to_thread(primary.kill)
            await world.pause(1, 4)
            await asyncio.to_thread(_bring_back, primary)


async def mongodb_frozen(world: World) -> None:
    """MongoDB's primary is frozen until another one is elected, and wakes up believing that it still is the one."""
    for _ in range(world.size.rounds):
        async with world.under_load():
            await world.pause(0.2, 2)
            primary = await asyncio.to_thread(_primary, world)
            world.fault("freeze", "mongodb's primary")
            primary.pause()
            try:
                await world.pause(12, 15)  # An election begins after 10 s of silence.
            finally:
                world.fault("thaw", "mongodb's primary")
                primary.resume()


def primary_port(world: World) -> int:
    """Return the port of the node of MongoDB that is the primary now."""
    with stores.connect(world.system.brokers.mongo.admin_uri) as client:
        return int(client.admin.command("hello")["primary"].rpartition(":")[2])


def _primary(world: World) -> Node:
    """Return the node that is the primary now."""
    mongo = world.system.brokers.mongo
    return mongo.nodes[mongo.ports.index(primary_port(world))]


def _bring_back(node: Node) -> None:
    node.start()
    node.wait_ready()
