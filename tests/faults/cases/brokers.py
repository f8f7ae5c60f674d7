"""Faults of what everything stands on: Kafka away, MongoDB's primary dead."""

import asyncio

from dev.brokers.cluster import Node
from tests.faults import stores
from tests.faults.stack import Stack


async def kafka(stack: Stack) -> None:
    """Kafka is stopped under load, is away for some seconds, and comes back."""
    kafka = stack.system.brokers.kafka
    for _ in range(stack.size.rounds):
        async with stack.under_load():
            await stack.pause(0.2, 2)
            stack.fault("stop", "kafka")
            await asyncio.to_thread(kafka.stop)
            await stack.pause(0.5, 3)
            stack.fault("start", "kafka")
            await asyncio.to_thread(kafka.start)


async def kafka_killed(stack: Stack) -> None:
    """Kafka is killed with SIGKILL under load and started again at once."""
    kafka = stack.system.brokers.kafka
    for _ in range(stack.size.rounds):
        async with stack.under_load():
            await stack.pause(0.2, 2)
            stack.fault("kill", "kafka")
            await asyncio.to_thread(kafka.kill)
            await asyncio.to_thread(kafka.start)


async def mongodb(stack: Stack) -> None:
    """MongoDB's primary, one of three nodes, is killed under load; it comes back as a secondary."""
    for _ in range(stack.size.rounds):
        async with stack.under_load():
            await stack.pause(0.2, 2)
            primary = await asyncio.to_thread(_primary, stack)
            stack.fault("kill", "mongodb's primary")
            await asyncio.to_thread(primary.kill)
            await stack.pause(1, 4)
            await asyncio.to_thread(_bring_back, primary)


async def mongodb_frozen(stack: Stack) -> None:
    """MongoDB's primary is frozen until another one is elected, and wakes up believing that it still is the one."""
    for _ in range(stack.size.rounds):
        async with stack.under_load():
            await stack.pause(0.2, 2)
            primary = await asyncio.to_thread(_primary, stack)
            stack.fault("freeze", "mongodb's primary")
            primary.pause()
            try:
                await stack.pause(12, 15)  # An election begins after 10 s of silence.
            finally:
                stack.fault("thaw", "mongodb's primary")
                primary.resume()


def primary_port(stack: Stack) -> int:
    """Return the port of the node of MongoDB that is the primary now."""
    with stores.connect(stack.system.brokers.mongo.admin_uri) as client:
        return int(client.admin.command("hello")["primary"].rpartition(":")[2])


def _primary(stack: Stack) -> Node:
    """Return the node that is the primary now."""
    mongo = stack.system.brokers.mongo
    return mongo.nodes[mongo.ports.index(primary_port(stack))]


def _bring_back(node: Node) -> None:
    node.start()
    node.wait_ready()
