"""Faults of time: fast clocks, lost pokes, a delay that changes, a cancellation at the last moment."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from shared.contracts.topics import delay_topic
from tests.faults.collect import ends
from tests.faults.plan import Ask
from tests.faults.stack import World

FAST = "5m"


async def fast_clock(world: World) -> None:
    """What is accepted by the right time is met by an owner and a delay_svc whose clocks are five minutes fast."""
    async with world.under_load(seconds=world.size.seconds / 2):
        for name in ("delay_svc", "structure_svc"):
            world.fault("clock", name)
            await world.restart(name, CLOCK_OFFSET=FAST)


async def fast_replica(world: World) -> None:
    """One of two owners has a clock that is five minutes fast: it decides and applies half of the load."""
    fast = await world.join("structure_svc", CLOCK_OFFSET=FAST)
    world.fault("clock", fast)
    await world.ready(fast)
    async with world.under_load():
        pass


async def lost_pokes(world: World) -> None:
    """Records of the delay are deleted before delay_svc has read them: the sweeper pokes in their place."""
    topic = delay_topic(round(world.delay * 1000))
    for _ in range(world.size.rounds):
        delay_svc = world.process("delay_svc")
        world.fault("stop", "delay_svc")
        await asyncio.to_thread(delay_svc.stop)
        await asyncio.to_thread(delay_svc.join)
        try:
            async with world.under_load(seconds=world.size.seconds / 2):
                pass
            world.fault("delete", topic)
            await asyncio.to_thread(_delete, world, topic)
        finally:
            delay_svc.start()
        await world.ready("delay_svc")


def _delete(world: World, topic: str) -> None:
    upto = [TopicPartition(*place, end) for place, end in ends(world.admin).items() if place[0] == topic and end]
    admin = AdminClient(world.admin)
    for done in admin.delete_records(upto).values():
        done.result(30)


async def delay_changed(world: World) -> None:
    """The delay becomes longer, then shorter, while changes wait: what was promised is kept, the old topic drains."""
    first = world.system.settings.effective_delay
    for _ in range(world.size.rounds):
        async with world.under_load():
            for delay in ("4s", first):
                await world.provision(delay)
                world.fault("delay", delay)
                await world.restart("structure_svc", EFFECTIVE_DELAY=delay)
                await world.pause(0.5, 2)
    await world.restart("structure_svc")


async def cancel_race(world: World) -> None:
    """Cancellations come within milliseconds of the moment in which what they cancel takes effect."""
    async with world.doors() as doors:
        for _ in range(world.size.rounds):
            world.fault("race", "cancellations")
            count = round(world.size.rate * world.size.seconds / 2)
            async with asyncio.TaskGroup() as races:
                for number in range(count):
                    ask = Ask(
                        number,
                        "modify",
                        number % len(world.structures),
                        world.dice.choice(("http", "kafka")),
                        f"{world.run}.{len(world.history.events)}-{number}",
                        {"label": f"{world.run} {number}"},
                    )
                    races.create_task(_race(world, doors.send, ask, world.dice.uniform(-0.15, 0.1)))
                    await asyncio.sleep(1 / world.size.rate)


async def _race(world: World, send: Callable[[Ask], Awaitable[None]], ask: Ask, sooner: float) -> None:
    await send(ask)
    await asyncio.sleep(world.delay + sooner)
    body = {"request_id": ask.request_id, "actor": "alice"}
    await send(replace(ask, kind="cancel", door="kafka", request_id=f"{ask.request_id}.cancel", body=body))
