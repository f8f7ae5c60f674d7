"""Faults of our own processes: killed, frozen, more of them, fewer of them, redeployed."""

import asyncio

from tests.faults.stack import Stack

KILLED = ("structure_svc", "manager_svc", "gateway", "delay_svc")
ROLLED = ("structure_svc", "manager_svc", "insee_adapter", "delay_svc", "gateway")


async def kill(stack: Stack) -> None:
    """`kill -9` of structure_svc, manager_svc, gateway and delay_svc, at random moments under load."""
    for _ in range(stack.size.rounds):
        async with stack.under_load():
            for victim in stack.dice.sample(KILLED, len(KILLED)):
                await stack.kill(victim)
                await stack.pause(0.3, 0.3 + stack.size.seconds / len(KILLED))


async def freeze(stack: Stack) -> None:
    """SIGSTOP of delay_svc, then of structure_svc, for longer than their sessions, while a second replica goes on."""
    others = [await stack.join("delay_svc"), await stack.join("structure_svc")]
    await stack.ready(*others)
    for _ in range(stack.size.rounds):
        async with stack.under_load(), asyncio.TaskGroup() as both:
            # Their group takes them for dead after 6 s and 10 s: each wakes up with partitions that went to another.
            both.create_task(stack.freeze("delay_svc", stack.dice.uniform(7, 10)))
            both.create_task(stack.freeze("structure_svc", stack.dice.uniform(11, 14)))


async def second_replica(stack: Stack) -> None:
    """A second replica of each process joins under load, the first one leaves and comes back, the second leaves."""
    for _ in range(stack.size.rounds):
        async with stack.under_load():
            seconds = [await stack.join(name) for name in ("structure_svc", "manager_svc", "delay_svc")]
            await stack.ready(*seconds)
            await stack.pause(0.2, 1)
            await stack.restart("structure_svc")
            await stack.pause(0.2, 1)
            for name in seconds:
                await stack.leave(name)


async def scale(stack: Stack) -> None:
    """structure_svc goes from one process to four and back to one, in the middle of a burst."""
    for _ in range(stack.size.rounds):
        async with stack.under_load(rate=stack.size.rate * 3):
            more = [await stack.join("structure_svc") for _ in range(3)]
            await stack.ready(*more)
            await stack.pause(0.5, 2)
            await asyncio.gather(*(stack.leave(name) for name in more))


async def rolling_restart(stack: Stack) -> None:
    """Every process is stopped as operators do and started again, one after the other, under load."""
    for _ in range(stack.size.rounds):
        async with stack.under_load():
            for name in ROLLED:
                await stack.restart(name)
