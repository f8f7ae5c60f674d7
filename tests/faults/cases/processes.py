"""Faults of our own processes: killed, frozen, more of them, fewer of them, redeployed."""

import asyncio

from tests.faults.stack import World

KILLED = ("structure_svc", "manager_svc", "gateway", "delay_svc")
ROLLED = ("structure_svc", "manager_svc", "insee_adapter", "delay_svc", "gateway")


async def kill(world: World) -> None:
    """`kill -9` of structure_svc, manager_svc, gateway and delay_svc, at random moments under load."""
    for _ in range(world.size.rounds):
        async with world.under_load():
            for victim in world.dice.sample(KILLED, len(KILLED)):
                await world.kill(victim)
                await world.pause(0.3, 0.3 + world.size.seconds / len(KILLED))


async def freeze(world: World) -> None:
    """SIGSTOP of delay_svc, then of structure_svc, for longer than their sessions, while a second replica goes on."""
    others = [await world.join("delay_svc"), await world.join("structure_svc")]
    await world.ready(*others)
    for _ in range(world.size.rounds):
        async with world.under_load(), asyncio.TaskGroup() as both:
            # Their group takes them for dead after 6 s and 10 s: each wakes up with partitions that went to another.
            both.create_task(world.freeze("delay_svc", world.dice.uniform(7, 10)))
            both.create_task(world.freeze("structure_svc", world.dice.uniform(11, 14)))


async def second_replica(world: World) -> None:
    """A second replica of each process joins under load, the first one leaves and comes back, the second leaves."""
    for _ in range(world.size.rounds):
        async with world.under_load():
            seconds = [await world.join(name) for name in ("structure_svc", "manager_svc", "delay_svc")]
            await world.ready(*seconds)
            await world.pause(0.2, 1)
            await world.restart("structure_svc")
            await world.pause(0.2, 1)
            for name in seconds:
                await world.leave(name)


async def scale(world: World) -> None:
    """structure_svc goes from one process to four and back to one, in the middle of a burst."""
    for _ in range(world.size.rounds):
        async with world.under_load(rate=world.size.rate * 3):
            more = [await world.join("structure_svc") for _ in range(3)]
            await world.ready(*more)
            await world.pause(0.5, 2)
            await asyncio.gather(*(world.leave(name) for name in more))


async def rolling_restart(world: World) -> None:
    """Every process is stopped as operators do and started again, one after the other, under load."""
    for _ in range(world.size.rounds):
        async with world.under_load():
            for name in ROLLED:
                await world.restart(name)
