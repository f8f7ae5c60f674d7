"""What a process that died left half done, the sweeper finishes; what is in hand, it leaves alone."""

import asyncio
import itertools
from collections.abc import Awaitable

import pytest
from prometheus_client import REGISTRY

from shared.clock import MINUTE, SECOND, SystemClock
from shared.engine.runtime import sweep
from shared.runtime import metrics
from shared.runtime.health import Loop
from tests.support.harness import OLD, Died, Harness, Process
from tests.support.toy import DELAY, ManualClock, incoming
from tests.support.toy.requests import Find, Open, Put, PutIfPermitted, PutNow
from tests.support.until import until


async def left(harness: Harness, after: str) -> None:
    """Let a process die after this step of a change that takes effect at once."""
    await harness.submit(Find(box="1", thing="lid"), "r0")
    with pytest.raises(Died):
        await harness.submit(PutNow(box="1", thing="pen"), by=harness.process(dies_after=after))


async def test_an_old_outbox_is_published_with_its_record_and_its_state(harness: Harness) -> None:
    await left(harness, "save")
    assert (harness.statuses(), await harness.request_record()) == ([], None)
    harness.clock.pass_(OLD)
    await harness.sweep()
    assert harness.statuses() == ["applied"]
    assert (await harness.document()).outbox == []
    assert harness.record()["things"] == ["lid", "pen"]
    record = await harness.request_record()
    assert record is not None
    assert record.transition.status == "applied"


async def test_a_fresh_outbox_is_left_to_whoever_wrote_it(harness: Harness) -> None:
    await left(harness, "save")
    harness.clock.pass_(4 * SECOND)
    await harness.sweep()
    assert harness.statuses() == []
    assert len((await harness.document()).outbox) == 1


async def test_a_state_that_was_not_published_is(harness: Harness) -> None:
    await left(harness, "put_records")
    shown = len(harness.bus.on("box.state"))
    harness.clock.pass_(OLD)
    await harness.sweep()
    published = len(harness.bus.on("box.state"))
    assert published > shown
    assert harness.record()["things"] == ["lid", "pen"]
    harness.clock.pass_(OLD)
    await harness.sweep()
    assert len(harness.bus.on("box.state")) == published, "once it is published, it is no longer old"


async def test_a_decision_about_nothing_is_published_too(harness: Harness) -> None:
    with pytest.raises(Died):
        await harness.submit(PutNow(box="none", thing="pen"), by=harness.process(dies_after="save"))
    harness.clock.pass_(OLD)
    await harness.sweep()
    assert harness.statuses() == ["rejected"]
    await harness.assert_consistent("r1", "rejected")


async def test_what_is_overdue_is_triggered_again_at_longer_and_longer_intervals(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"))
    harness.clock.pass_(DELAY)
    triggered: list[int] = []
    for second in range(0, 3600, 10):
        await harness.sweep()
        if len(harness.bus.on("box.due")) > len(triggered):
            triggered.append(second)
        harness.clock.pass_(10 * SECOND)
    assert triggered[0] == 40, "30 s late, as seen by a sweep every 10 s"
    pauses = [after - before for before, after in itertools.pairwise(triggered)]
    assert pauses == sorted(pauses)
    assert 30 <= pauses[0] <= 70
    assert 900 <= pauses[-1] <= 910
    await harness.trigger("1")
    assert await harness.things() == ("lid", "pen")


async def test_each_overdue_document_is_triggered_once_however_much_is_pending(harness: Harness) -> None:
    for box in "12":
        await harness.submit(Find(box=box, thing="lid"), f"made{box}")
        await harness.batch(*(incoming(Put(box=box, thing=str(n)), f"r{box}{n}") for n in range(3)))
    harness.clock.pass_(DELAY + 31 * SECOND)
    await harness.sweep()
    await harness.sweep()
    assert sorted(m.key for m in harness.bus.on("box.due")) == [b"box:1", b"box:2"]


async def test_a_change_that_becomes_overdue_later_is_triggered_though_an_earlier_one_was(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"), "r1")
    harness.clock.pass_(20 * SECOND)
    await harness.submit(Put(box="1", thing="ink"), "r2")
    harness.clock.pass_(DELAY + 11 * SECOND)
    await harness.sweep()
    assert len(harness.bus.on("box.due")) == 1
    harness.clock.pass_(20 * SECOND)
    await harness.sweep()
    assert len(harness.bus.on("box.due")) == 2
    await harness.trigger("1")
    assert await harness.things() == ("lid", "pen", "ink")


async def test_a_state_is_published_once_more_ten_minutes_after_the_last_change(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    harness.clock.pass_(9 * MINUTE)
    await harness.submit(PutNow(box="1", thing="pen"))
    harness.clock.pass_(9 * MINUTE)
    await harness.sweep()
    assert len(harness.bus.on("box.state")) == 2
    harness.clock.pass_(2 * MINUTE)
    await harness.sweep()
    await harness.sweep()
    assert [m.value for m in harness.bus.on("box.state")][1:] == [harness.bus.on("box.state")[1].value] * 2
    harness.clock.pass_(60 * MINUTE)
    await harness.sweep()
    assert len(harness.bus.on("box.state")) == 3


async def test_a_change_while_a_state_is_republished_is_republished_later(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    harness.clock.pass_(11 * MINUTE)
    sweeping = harness.process("sweeping")
    async with sweeping.life.held("publish box.state", harness.sweep(by=sweeping)):
        await harness.submit(PutNow(box="1", thing="pen"))
    assert harness.record()["things"] == ["lid", "pen"], "whoever is overtaken publishes the newest after their own"
    assert "republish_at" in await harness.raw.get("documents", "box:1"), "the new change is republished in its time"


async def test_republishing_an_old_change_does_not_stand_for_those_that_were_just_made(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    harness.clock.pass_(11 * MINUTE)
    sweeping = harness.process("sweeping")
    slow = harness.process("slow", dies_after="publish box.state")
    async with sweeping.life.held("load", harness.sweep(by=sweeping)):
        async with slow.life.held(
            "publish box.state", dying(harness.submit(PutNow(box="1", thing="pen"), "r1", by=slow))
        ):
            await harness.submit(PutNow(box="1", thing="ink"), "r2")
        assert harness.record()["things"] == ["lid", "pen"], (
            "the older state stands last, and whoever published it is dead"
        )
    harness.clock.pass_(11 * MINUTE)
    await harness.sweep()
    assert harness.record()["things"] == ["lid", "pen", "ink"]


async def test_two_sweepers_at_once_do_no_harm(harness: Harness) -> None:
    await left(harness, "save")
    await harness.submit(PutIfPermitted(box="1", thing="cup"), "waits")
    harness.clock.pass_(OLD)
    steps = ("with_old_outbox", "publish box.outcomes", "put_records", "clear", "expired", "save")
    for step in steps:
        sweeping = harness.process("sweeping")
        async with sweeping.life.held(step, harness.sweep(by=sweeping)):
            await harness.sweep()
        with pytest.raises(Died):
            await harness.submit(PutNow(box="1", thing=step), step, by=harness.process(dies_after="save"))
        await harness.submit(PutIfPermitted(box="1", thing=step), f"waits for {step}")
        harness.clock.pass_(OLD)
    await harness.rest()
    for request_id in ("r1", *steps):
        await harness.assert_consistent(request_id, "applied")
    await harness.assert_consistent("waits", "rejected")
    await harness.assert_consistent("waits for save", "rejected")
    assert len(await harness.things()) == 8


async def test_it_counts_what_waits_and_what_is_late(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(PutIfPermitted(box="1", thing="cup"), "waits")
    await harness.batch(*(incoming(Put(box="1", thing=str(n)), f"r{n}") for n in range(1, 4)))
    await harness.submit(Open(name="tools", thing="pen"), "open")
    assert await harness.store.counts(harness.clock.time) == (1, 0)
    assert await harness.store.counts(harness.clock.time + DELAY + 6 * SECOND) == (1, 2)


async def unreadable(harness: Harness) -> None:
    """Leave an outbox of which one entry can be read by nobody."""
    await left(harness, "save")
    raw = await harness.raw.get("documents", "box:1")
    del raw["outbox"][0]["status"]
    await harness.raw.put("documents", raw)
    harness.clock.pass_(OLD)


async def test_an_outbox_that_nobody_can_read_is_set_aside_and_those_behind_it_are_published(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "LIMIT", 1)
    await unreadable(harness)
    await harness.submit(Find(box="2", thing="lid"), "r2")
    with pytest.raises(Died):
        await harness.submit(PutNow(box="2", thing="pen"), "r3", by=harness.process(dies_after="save"))
    harness.clock.pass_(OLD)
    for _ in range(3):  # Each round takes one document, and the unreadable one may come first.
        await harness.sweep()
    assert harness.statuses("r3") == ["applied"]
    assert harness.statuses("r1") == []
    raw = await harness.raw.get("documents", "box:1")
    raw["outbox"][0]["status"] = "applied"
    await harness.raw.put("documents", raw)
    harness.clock.pass_(16 * MINUTE)
    await harness.sweep()
    assert harness.statuses("r1") == ["applied"], "once it can be read, it is published"


async def test_what_nobody_foresaw_keeps_nothing_else_from_being_done(harness: Harness) -> None:
    await harness.submit(Find(box="2", thing="lid"), "r2")
    await harness.submit(Put(box="2", thing="pen"), "r3")
    harness.clock.pass_(DELAY + 31 * SECOND)
    breaks_the(harness, "states")
    with pytest.raises(ExceptionGroup):
        await harness.sweep()
    assert [m.key for m in harness.bus.on("box.due")] == [b"box:2"]


async def test_a_broker_that_is_away_keeps_no_part_of_a_sweep_from_being_tried(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(PutIfPermitted(box="1", thing="pen"), "r1")
    harness.clock.pass_(OLD)
    breaks_the(harness, "outboxes", ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        await harness.sweep()
    assert harness.statuses("r1") == ["waiting", "rejected"]


def breaks_the(harness: Harness, part: str, error: Exception | None = None) -> None:
    """Let a part of the sweeper break."""

    async def broken() -> None:
        raise error or ZeroDivisionError

    setattr(harness.main.sweeper, part, broken)


async def dying(work: Awaitable[None]) -> None:
    """Let a process die."""
    with pytest.raises(Died):
        await work


async def test_a_sweeper_that_only_ever_breaks_goes_on_and_does_not_turn(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "AGAIN_AFTER_S", 0)
    monkeypatch.setattr(sweep, "EVERY_S", 0.01)
    harness.clock.time = SystemClock().now() - MINUTE
    breaks_the(harness, "states")
    loop = Loop("sweeper")
    began, steps = loop.last, harness.main.life.steps
    sweeping = asyncio.create_task(harness.main.sweeper.run(loop))
    async with asyncio.timeout(10):
        while steps.count("lease") < 3:  # noqa: ASYNC110 - a lease has no event.
            await asyncio.sleep(0.01)
        assert not sweeping.done()
        assert loop.last == began, "liveness sees it"
        del harness.main.sweeper.states
        while loop.last == began:  # noqa: ASYNC110 - a turn has no event.
            await asyncio.sleep(0.01)
    sweeping.cancel()


async def test_a_count_that_can_not_be_made_anew_is_exposed_no_more(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "AGAIN_AFTER_S", 0)
    sweeping = await counting(harness, monkeypatch)
    breaks_the(harness, "count")
    await asyncio.sleep(0.1)
    assert counted() == (0, 0), "one that is fresh stands"
    monkeypatch.setattr(sweep, "COUNT_STANDS_S", 0)
    await until(lambda: counted() == (None, None))
    del harness.main.sweeper.count
    monkeypatch.setattr(sweep, "COUNT_STANDS_S", 30)
    await until(lambda: counted() == (0, 0))
    sweeping.cancel()


async def test_whoever_loses_the_lease_exposes_no_count_any_more(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeping = await counting(harness, monkeypatch)

    async def is_another_s(*_: object) -> None:
        """Return nothing: the lease is not to be had."""

    with monkeypatch.context() as patch:
        patch.setattr(harness.main.store, "lease", is_another_s, raising=False)
        await until(lambda: counted() == (None, None), within=sweep.COUNT_STANDS_S / 2)
    await until(lambda: counted() == (0, 0))
    sweeping.cancel()


async def counting(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> asyncio.Task[None]:
    """Let a sweeper run until it has counted."""
    monkeypatch.setattr(sweep, "EVERY_S", 0.01)
    harness.clock.time = SystemClock().now() - MINUTE
    for metric in (metrics.WAITING, metrics.OVERDUE):
        metric.clear()  # Another test's.
    sweeping = asyncio.create_task(harness.main.sweeper.run(Loop("sweeper")))
    await until(lambda: counted() == (0, 0))
    return sweeping


def counted() -> tuple[float | None, float | None]:
    """Return the metrics of what waits and what is late."""
    waiting, overdue = (
        REGISTRY.get_sample_value(f"structures_{name}", {"owner": "box"})
        for name in ("waiting_requests", "overdue_changes")
    )
    return waiting, overdue


async def test_a_fast_sweeper_counts_by_the_clock_of_the_database(harness: Harness) -> None:
    harness.clock.time = SystemClock().now() - DELAY + MINUTE
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"))  # It is due in a minute.
    fast = harness.process(clock=ManualClock(SystemClock().now() + 5 * MINUTE))
    await swept(harness, fast)
    assert harness.bus.on("box.due") == [], "by its own clock it is four minutes late"
    harness.clock.pass_(-2 * MINUTE)
    await harness.submit(Find(box="2", thing="lid"), "r2")
    await harness.submit(Put(box="2", thing="ink"), "r3")  # It was due a minute ago.
    await swept(harness, fast)
    assert [m.key for m in harness.bus.on("box.due")] == [b"box:2"]
    (pending,) = (await harness.raw.get("documents", "box:2"))["pending"]
    assert pending["next_trigger_at"] < SystemClock().now() + 5 * MINUTE, "the next one is not put off by its clock"


async def swept(harness: Harness, by: Process) -> None:
    """Let a sweeper run until it has swept once."""
    await harness.catch_up()
    loop = Loop("sweeper")
    began, sweeping = loop.last, asyncio.create_task(by.sweeper.run(loop))
    async with asyncio.timeout(10):
        while loop.last == began:  # noqa: ASYNC110 - a turn has no event.
            await asyncio.sleep(0.01)
    sweeping.cancel()
