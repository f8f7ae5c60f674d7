"""Faults of time: fast clocks, lost triggers, a delay that changes, a cancellation at the last moment."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from shared.contracts.topics import delay_topic
from tests.faults.collect import ends
from tests.faults.plan import PlannedRequest
from tests.faults.stack import Stack

FAST = "5m"


async def fast_clock(stack: Stack) -> None:
    """What is accepted by the right time is met by an owner and a delay_svc whose clocks are five minutes fast."""
    async with stack.under_load(seconds=stack.size.seconds / 2):
        for name in ("delay_svc", "structure_svc"):
            stack.fault("clock", name)
            await stack.restart(name, CLOCK_OFFSET=FAST)


async def fast_replica(stack: Stack) -> None:
    """One of two owners has a clock that is five minutes fast: it decides and applies half of the load."""
    fast = await stack.join("structure_svc", CLOCK_OFFSET=FAST)
    stack.fault("clock", fast)
    await stack.ready(fast)
    async with stack.under_load():
        pass


async def lost_triggers(stack: Stack) -> None:
    """Records of the delay are deleted before delay_svc has read them: the sweeper triggers in their place."""
    topic = delay_topic(round(stack.delay * 1000))
    for _ in range(stack.size.rounds):
        delay_svc = stack.process("delay_svc")
        stack.fault("stop", "delay_svc")
        await asyncio.to_thread(delay_svc.stop)
        await asyncio.to_thread(delay_svc.join)
        try:
            async with stack.under_load(seconds=stack.size.seconds / 2):
                pass
            stack.fault("delete", topic)
            await asyncio.to_thread(_delete, stack, topic)
        finally:
            delay_svc.start()
        await stack.ready("delay_svc")


def _delete(stack: Stack, topic: str) -> None:
    upto = [TopicPartition(*place, end) for place, end in ends(stack.admin).items() if place[0] == topic and end]
    admin = AdminClient(stack.admin)
    for done in admin.delete_records(upto).values():
        done.result(30)


async def delay_changed(stack: Stack) -> None:
    """The delay becomes longer, then shorter, while changes wait: what was promised is kept, the old topic drains."""
    first = stack.system.settings.effective_delay
    for _ in range(stack.size.rounds):
        async with stack.under_load():
            for delay in ("4s", first):
                await stack.provision(delay)
                stack.fault("delay", delay)
                await stack.restart("structure_svc", EFFECTIVE_DELAY=delay)
                await stack.pause(0.5, 2)
    await stack.restart("structure_svc")


async def cancel_race(stack: Stack) -> None:
    """Cancellations come within milliseconds of the moment in which what they cancel takes effect."""
    async with stack.clients() as clients:
        for _ in range(stack.size.rounds):
            stack.fault("race", "cancellations")
            count = round(stack.size.rate * stack.size.seconds / 2)
            async with asyncio.TaskGroup() as races:
                for number in range(count):
                    request = PlannedRequest(
                        number,
                        "modify",
                        number % len(stack.structures),
                        stack.dice.choice(("http", "kafka")),
                        f"{stack.run}.{len(stack.history.events)}-{number}",
                        {"label": f"{stack.run} {number}"},
                    )
                    races.create_task(_race(stack, clients.send, request, stack.dice.uniform(-0.15, 0.1)))
                    await asyncio.sleep(1 / stack.size.rate)


async def _race(
    stack: Stack, send: Callable[[PlannedRequest], Awaitable[None]], request: PlannedRequest, sooner: float
) -> None:
    await send(request)
    await asyncio.sleep(stack.delay + sooner)
    body = {"request_id": request.request_id, "actor": "alice"}
    await send(replace(request, kind="cancel", channel="kafka", request_id=f"{request.request_id}.cancel", body=body))
