"""Faults of neighbours: what one actor sends, and what one stored document holds, while others go on."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.faults.stack import Stack
from tests.support.attacks import WHO, Attacker, with_state
from tests.support.bystander import Bystander

WITHIN = 2.0
"""Seconds within which a bystander is decided on, on a machine that does nothing else."""

SENT: tuple[Callable[[Attacker], None], ...] = (
    Attacker.many_pending_changes,
    Attacker.heavy_pending_changes,
    Attacker.copies_of_one_request,
    Attacker.one_id_with_many_bodies,
    Attacker.requests_that_wait,
    Attacker.huge_headers,
    Attacker.huge_http_header,
)
HELD: tuple[Callable[[Attacker], AbstractContextManager[None]], ...] = (
    lambda attacker: attacker.stored(with_state(created_at="yesterday")),
    lambda attacker: attacker.stored(lambda raw: {**raw, "state": {"id": 7}}),
    lambda attacker: attacker.stored(lambda raw: {**raw, "outbox": [{"at": 1}]}),
    lambda attacker: attacker.stored(with_state(name="x" * 16_700_000)),
    lambda attacker: attacker.stored(with_state(name="x" * 2_000_000)),
    Attacker.newer_requests,
    Attacker.half_open_connections,
    Attacker.slow_bodies,
)


async def hostile_neighbour(stack: Stack) -> None:
    """Floods, unusable documents, slow connections, made-up keys while the issuer is away, beside a bystander."""
    structure = await asyncio.to_thread(stack.new_structure, WHO)
    stack.leave_out(WHO, structure)
    attacker = Attacker(stack.system, structure)
    bystander = Bystander(stack.system.api, stack.system.token("alice"), stack.structures[0])
    for _ in range(stack.size.rounds):
        async with stack.under_load():
            with bystander:
                await asyncio.to_thread(bystander.wait_for, 5)
                bound = max(WITHIN, 10 * bystander.median) if stack.size.rounds == 1 else WITHIN
                for attack in stack.dice.sample(SENT, len(SENT)):
                    stack.fault("attack", attack.__name__)
                    await asyncio.to_thread(attack, attacker)
                    await asyncio.to_thread(bystander.wait_for, 5)
                for held in stack.dice.sample(HELD, len(HELD)):
                    await asyncio.to_thread(_while_held, attacker, held, bystander)
                await _without_issuer(stack, attacker, bystander)
            bystander = bystander.again()
        if bystander.failed or bystander.longest > bound:
            raise AssertionError(f"a bystander waited for {bystander.longest:.1f} s; not decided: {bystander.failed}")
        stack.report(f"  a bystander: {bystander}")


def _while_held(
    attacker: Attacker, held: Callable[[Attacker], AbstractContextManager[None]], bystander: Bystander
) -> None:
    with held(attacker):
        attacker.submit_changes()
        bystander.wait_for(5)


async def _without_issuer(stack: Stack, attacker: Attacker, bystander: Bystander) -> None:
    issuer = stack.process("issuer")
    stack.fault("away", "issuer")
    await asyncio.to_thread(issuer.stop)
    await asyncio.to_thread(issuer.join, 30)
    try:
        await asyncio.to_thread(attacker.made_up_keys)
        await asyncio.to_thread(bystander.wait_for, 5)
    finally:
        issuer.start()
        await stack.ready("issuer")
