"""Two processes handle one document at any time: one effect and one answer for each request, and the newest state."""

import asyncio
import random

import pytest

from shared.clock import MINUTE
from shared.contracts.messages.life import request_key
from tests.support.harness import Harness
from tests.support.toy import DELAY, NOW, ManualClock, incoming
from tests.support.toy.requests import Cancel, Find, Open, Put, PutAfter, PutNow, Rename

STEPS = [
    "load",
    "records",
    "save",
    "publish box.outcomes",
    "publish box.journal",
    "put_records",
    "clear",
]
"""What a process does with a request, in order; while it stands before any of these, another does it all."""


@pytest.mark.parametrize("step", STEPS)
async def test_two_requests_on_one_box(harness: Harness, step: str) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    slow = harness.process("slow")
    async with slow.life.held(step, harness.submit(PutNow(box="1", thing="pen"), "r1", by=slow)):
        await harness.submit(PutNow(box="1", thing="ink"), "r2")
    assert sorted(await harness.things()) == ["ink", "lid", "pen"]
    await harness.rest()
    await harness.assert_consistent("r1", "applied")
    await harness.assert_consistent("r2", "applied")


@pytest.mark.parametrize("step", STEPS)
async def test_one_request_at_two_processes(harness: Harness, step: str) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    slow = harness.process("slow")
    async with slow.life.held(step, harness.submit(Put(box="1", thing="pen"), by=slow)):
        await harness.submit(Put(box="1", thing="pen"))
    assert [p.transition.request_id for p in (await harness.document()).pending] == ["r1"]
    await harness.rest()
    await harness.assert_consistent("r1", "accepted")


@pytest.mark.parametrize("step", STEPS)
async def test_one_creation_at_two_processes_makes_one_document(harness: Harness, step: str) -> None:
    slow = harness.process("slow")
    async with slow.life.held(step, harness.submit(Open(name="tools"), by=slow)):
        await harness.submit(Open(name="tools"))
    (document,) = await harness.store.load([], ["name:tools"], [request_key("alice", "r1")])
    assert {o["document"] for o in harness.outcomes()} == {document.id}
    await harness.rest()
    await harness.assert_consistent("r1", "applied", document.id.removeprefix("box:"))


@pytest.mark.parametrize("step", STEPS)
async def test_two_creations_with_one_name(harness: Harness, step: str) -> None:
    slow = harness.process("slow")
    async with slow.life.held(step, harness.submit(Open(name="tools"), "r1", by=slow)):
        await harness.submit(Open(name="tools"), "r2")
    assert sorted(harness.statuses("r1") + harness.statuses("r2")) == ["applied", "rejected"]
    assert {harness.code("r1"), harness.code("r2")} == {"created", "identifier_taken"}


@pytest.mark.parametrize("step", STEPS)
async def test_a_name_reserved_by_one_and_taken_by_another(harness: Harness, step: str) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    slow = harness.process("slow")
    async with slow.life.held(step, harness.submit(Rename(box="1", name="tools"), "r1", by=slow)):
        await harness.submit(Open(name="tools"), "r2")
    assert {harness.code("r1"), harness.code("r2")} in [
        {"accepted", "identifier_taken"},
        {"created", "identifier_taken"},
    ]


@pytest.mark.parametrize("step", STEPS)
async def test_a_rejection_and_an_acceptance_of_one_request_racing(harness: Harness, step: str) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    slow, request = harness.process("slow"), PutAfter(box="1", thing="pen", after="ink")
    async with slow.life.held(step, harness.submit(request, by=slow)):
        await harness.submit(PutNow(box="1", thing="ink"), "r2")
        await harness.submit(request)
    accepted = "pen" in await harness.things()
    await harness.rest()
    await harness.assert_consistent("r1", "applied" if accepted else "rejected")


@pytest.mark.parametrize("step", STEPS)
async def test_an_acceptance_and_a_rejection_of_one_request_racing(harness: Harness, step: str) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="ink"), "ink")
    slow, request = harness.process("slow"), PutAfter(box="1", thing="pen", after="ink")
    async with slow.life.held(step, harness.submit(request, by=slow)):
        await harness.submit(Cancel(box="1", request_id="ink"), "r2")
        await harness.submit(request)
    accepted = "pen" in await harness.things()
    await harness.rest()
    await harness.assert_consistent("r1", "applied" if accepted else "rejected")


@pytest.mark.parametrize("step", ["load", "save", "publish box.outcomes", "publish box.state", "put_records", "clear"])
async def test_a_change_applied_by_one_and_cancelled_by_another_whose_clock_is_slow(
    harness: Harness, step: str
) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"))
    harness.clock.pass_(DELAY)
    fast, slow = harness.process("fast"), harness.process("slow", clock=ManualClock(NOW + DELAY - MINUTE))
    async with fast.life.held(step, harness.trigger("1", by=fast)):
        await harness.submit(Cancel(box="1", request_id="r1"), "r2", by=slow)
    await harness.trigger("1")
    applied = "pen" in await harness.things()
    await harness.rest()
    await harness.assert_consistent("r1", "applied" if applied else "cancelled")
    await harness.assert_consistent("r2", "rejected" if applied else "applied")


@pytest.mark.parametrize("step", ["load", "save", "publish box.outcomes", "publish box.state", "put_records", "clear"])
async def test_one_trigger_at_two_processes(harness: Harness, step: str) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"))
    harness.clock.pass_(DELAY)
    slow = harness.process("slow")
    async with slow.life.held(step, harness.trigger("1", by=slow)):
        await harness.trigger("1")
    assert await harness.things() == ("lid", "pen")
    assert harness.statuses() == ["accepted", "applied"]
    await harness.rest()
    await harness.assert_consistent("r1", "applied")


async def test_a_record_written_late_does_not_take_back_a_newer_one(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    slow = harness.process("slow")
    async with slow.life.held("put_records", harness.submit(Put(box="1", thing="pen"), by=slow)):
        harness.clock.pass_(DELAY)
        await harness.trigger("1")
    record = await harness.request_record()
    assert record is not None
    assert record.transition.status == "applied"
    await harness.rest()
    await harness.assert_consistent("r1", "applied")


@pytest.mark.parametrize("step", ["publish box.state", "put_records", "clear"])
async def test_the_newest_state_follows_an_older_one_published_late(harness: Harness, step: str) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    slow = harness.process("slow")
    async with slow.life.held(step, harness.submit(PutNow(box="1", thing="pen"), "r1", by=slow)):
        await harness.submit(PutNow(box="1", thing="ink"), "r2")
    await harness.rest()
    assert harness.record()["things"] == ["lid", "pen", "ink"]
    assert harness.record()["version"] == (await harness.document()).version


async def test_a_process_frozen_after_its_state_was_read_and_then_killed(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    slow = harness.process("slow", dies_after="publish box.state")
    work = asyncio.ensure_future(harness.submit(PutNow(box="1", thing="pen"), "r1", by=slow))
    async with slow.life.held("publish box.state", asyncio.shield(asyncio.wait([work]))):
        await harness.submit(PutNow(box="1", thing="ink"), "r2")
        harness.clock.pass_(9 * MINUTE)
        await harness.sweep()
    work.exception()
    assert harness.record()["things"] == ["lid", "pen"], "the older state stands last"
    harness.clock.pass_(2 * MINUTE)
    await harness.sweep()
    assert harness.record()["things"] == ["lid", "pen", "ink"]


async def test_many_requests_at_two_processes_at_once(harness: Harness) -> None:
    dice = random.Random(4)
    await harness.batch(*(incoming(Find(box=box, thing="lid"), f"made{box}") for box in "123"))
    requests = [incoming(PutNow(box=dice.choice("123"), thing=f"t{n}"), f"r{n}") for n in range(60)]

    async def handle(order: list[int], process: str) -> None:
        engine = harness.process(process).engine
        while order:
            batch, order = order[: (size := dice.randint(1, 9))], order[size:]
            await engine.requests([incoming(requests[n].request, requests[n].request_id) for n in batch])

    await asyncio.gather(*(handle(dice.sample(range(60), 60), name) for name in ("one", "two")))
    for box in "123":
        mine = sorted(r.request.thing for r in requests if r.request.box == box)  # type: ignore[attr-defined] # Each is a PutNow.
        assert sorted((await harness.things(box))[1:]) == mine
    await harness.rest()
    for request in requests:
        await harness.assert_consistent(request.request_id, "applied", request.request.box)  # type: ignore[attr-defined] # The same.
