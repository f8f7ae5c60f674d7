"""Two processes handle one document at any time: one effect and one answer for each request, and the newest state."""

import asyncio
import random

import pytest

from shared.clock import MINUTE
from shared.contracts.messages.life import request_key
from tests.support.harness import Lab
from tests.support.toy import DELAY, NOW, ManualClock, incoming
from tests.support.toy.requests import Cancel, Find, Open, Put, PutAfter, PutNow, Rename

STEPS = ["load", "rows", "save", "publish box.outcomes", "publish box.journal", "put_rows", "clear"]
"""What a process does with a request, in order; while it stands before any of these, another does it all."""


@pytest.mark.parametrize("step", STEPS)
async def test_two_requests_on_one_box(lab: Lab, step: str) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    slow = lab.process("slow")
    async with slow.life.held(step, lab.ask(PutNow(box="1", thing="pen"), "r1", by=slow)):
        await lab.ask(PutNow(box="1", thing="ink"), "r2")
    assert sorted(await lab.things()) == ["ink", "lid", "pen"]
    await lab.rest()
    await lab.tells_one_story("r1", "applied")
    await lab.tells_one_story("r2", "applied")


@pytest.mark.parametrize("step", STEPS)
async def test_one_request_at_two_processes(lab: Lab, step: str) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    slow = lab.process("slow")
    async with slow.life.held(step, lab.ask(Put(box="1", thing="pen"), by=slow)):
        await lab.ask(Put(box="1", thing="pen"))
    assert [p.transition.request_id for p in (await lab.document()).pending] == ["r1"]
    await lab.rest()
    await lab.tells_one_story("r1", "accepted")


@pytest.mark.parametrize("step", STEPS)
async def test_one_creation_at_two_processes_makes_one_document(lab: Lab, step: str) -> None:
    slow = lab.process("slow")
    async with slow.life.held(step, lab.ask(Open(name="tools"), by=slow)):
        await lab.ask(Open(name="tools"))
    (document,) = await lab.store.load([], ["name:tools"], [request_key("alice", "r1")])
    assert {o["document"] for o in lab.outcomes()} == {document.id}
    await lab.rest()
    await lab.tells_one_story("r1", "applied", document.id.removeprefix("box:"))


@pytest.mark.parametrize("step", STEPS)
async def test_two_creations_with_one_name(lab: Lab, step: str) -> None:
    slow = lab.process("slow")
    async with slow.life.held(step, lab.ask(Open(name="tools"), "r1", by=slow)):
        await lab.ask(Open(name="tools"), "r2")
    assert sorted(lab.told("r1") + lab.told("r2")) == ["applied", "rejected"]
    assert {lab.code("r1"), lab.code("r2")} == {"created", "identifier_taken"}


@pytest.mark.parametrize("step", STEPS)
async def test_a_name_reserved_by_one_and_taken_by_another(lab: Lab, step: str) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    slow = lab.process("slow")
    async with slow.life.held(step, lab.ask(Rename(box="1", name="tools"), "r1", by=slow)):
        await lab.ask(Open(name="tools"), "r2")
    assert {lab.code("r1"), lab.code("r2")} in [{"accepted", "identifier_taken"}, {"created", "identifier_taken"}]


@pytest.mark.parametrize("step", STEPS)
async def test_a_rejection_and_an_acceptance_of_one_request_racing(lab: Lab, step: str) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    slow, request = lab.process("slow"), PutAfter(box="1", thing="pen", after="ink")
    async with slow.life.held(step, lab.ask(request, by=slow)):
        await lab.ask(PutNow(box="1", thing="ink"), "r2")
        await lab.ask(request)
    accepted = "pen" in await lab.things()
    await lab.rest()
    await lab.tells_one_story("r1", "applied" if accepted else "rejected")


@pytest.mark.parametrize("step", STEPS)
async def test_an_acceptance_and_a_rejection_of_one_request_racing(lab: Lab, step: str) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Put(box="1", thing="ink"), "ink")
    slow, request = lab.process("slow"), PutAfter(box="1", thing="pen", after="ink")
    async with slow.life.held(step, lab.ask(request, by=slow)):
        await lab.ask(Cancel(box="1", request_id="ink"), "r2")
        await lab.ask(request)
    accepted = "pen" in await lab.things()
    await lab.rest()
    await lab.tells_one_story("r1", "applied" if accepted else "rejected")


@pytest.mark.parametrize("step", ["load", "save", "publish box.outcomes", "publish box.state", "put_rows", "clear"])
async def test_a_change_applied_by_one_and_cancelled_by_another_whose_clock_is_slow(lab: Lab, step: str) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Put(box="1", thing="pen"))
    lab.clock.pass_(DELAY)
    fast, slow = lab.process("fast"), lab.process("slow", clock=ManualClock(NOW + DELAY - MINUTE))
    async with fast.life.held(step, lab.poke("1", by=fast)):
        await lab.ask(Cancel(box="1", request_id="r1"), "r2", by=slow)
    await lab.poke("1")
    applied = "pen" in await lab.things()
    await lab.rest()
    await lab.tells_one_story("r1", "applied" if applied else "cancelled")
    await lab.tells_one_story("r2", "rejected" if applied else "applied")


@pytest.mark.parametrize("step", ["load", "save", "publish box.outcomes", "publish box.state", "put_rows", "clear"])
async def test_one_poke_at_two_processes(lab: Lab, step: str) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Put(box="1", thing="pen"))
    lab.clock.pass_(DELAY)
    slow = lab.process("slow")
    async with slow.life.held(step, lab.poke("1", by=slow)):
        await lab.poke("1")
    assert await lab.things() == ("lid", "pen")
    assert lab.told() == ["accepted", "applied"]
    await lab.rest()
    await lab.tells_one_story("r1", "applied")


async def test_a_row_written_late_does_not_take_back_a_newer_one(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    slow = lab.process("slow")
    async with slow.life.held("put_rows", lab.ask(Put(box="1", thing="pen"), by=slow)):
        lab.clock.pass_(DELAY)
        await lab.poke("1")
    row = await lab.row()
    assert row is not None
    assert row.transition.status == "applied"
    await lab.rest()
    await lab.tells_one_story("r1", "applied")


@pytest.mark.parametrize("step", ["publish box.state", "put_rows", "clear"])
async def test_the_newest_state_follows_an_older_one_published_late(lab: Lab, step: str) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    slow = lab.process("slow")
    async with slow.life.held(step, lab.ask(PutNow(box="1", thing="pen"), "r1", by=slow)):
        await lab.ask(PutNow(box="1", thing="ink"), "r2")
    await lab.rest()
    assert lab.record()["things"] == ["lid", "pen", "ink"]
    assert lab.record()["version"] == (await lab.document()).version


async def test_a_process_frozen_after_its_state_was_read_and_then_killed(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    slow = lab.process("slow", dies_after="publish box.state")
    work = asyncio.ensure_future(lab.ask(PutNow(box="1", thing="pen"), "r1", by=slow))
    async with slow.life.held("publish box.state", asyncio.shield(asyncio.wait([work]))):
        await lab.ask(PutNow(box="1", thing="ink"), "r2")
        lab.clock.pass_(9 * MINUTE)
        await lab.sweep()
    work.exception()
    assert lab.record()["things"] == ["lid", "pen"], "the older state stands last"
    lab.clock.pass_(2 * MINUTE)
    await lab.sweep()
    assert lab.record()["things"] == ["lid", "pen", "ink"]


async def test_many_requests_at_two_processes_at_once(lab: Lab) -> None:
    dice = random.Random(4)
    await lab.batch(*(incoming(Find(box=box, thing="lid"), f"made{box}") for box in "123"))
    asked = [incoming(PutNow(box=dice.choice("123"), thing=f"t{n}"), f"r{n}") for n in range(60)]

    async def handle(order: list[int], process: str) -> None:
        engine = lab.process(process).engine
        while order:
            batch, order = order[: (size := dice.randint(1, 9))], order[size:]
            await engine.requests([incoming(asked[n].request, asked[n].request_id) for n in batch])

    await asyncio.gather(*(handle(dice.sample(range(60), 60), name) for name in ("one", "two")))
    for box in "123":
        mine = sorted(r.request.thing for r in asked if r.request.box == box)  # type: ignore[attr-defined] # Each is a PutNow.
        assert sorted((await lab.things(box))[1:]) == mine
    await lab.rest()
    for request in asked:
        await lab.tells_one_story(request.request_id, "applied", request.request.box)  # type: ignore[attr-defined] # The same.
