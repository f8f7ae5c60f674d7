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
from tests.support.harness import OLD, Died, Lab, Process
from tests.support.toy import DELAY, ManualClock, incoming
from tests.support.toy.requests import Find, Guarded, Open, Put, PutNow
from tests.support.until import until


async def left(lab: Lab, after: str) -> None:
    """Let a process die after this step of a change that takes effect at once."""
    await lab.ask(Find(box="1", thing="lid"), "r0")
    with pytest.raises(Died):
        await lab.ask(PutNow(box="1", thing="pen"), by=lab.process(dies_after=after))


async def test_an_old_outbox_is_published_with_its_row_and_its_state(lab: Lab) -> None:
    await left(lab, "save")
    assert (lab.told(), await lab.row()) == ([], None)
    lab.clock.pass_(OLD)
    await lab.sweep()
    assert lab.told() == ["applied"]
    assert (await lab.document()).outbox == []
    assert lab.record()["things"] == ["lid", "pen"]
    row = await lab.row()
    assert row is not None
    assert row.transition.status == "applied"


async def test_a_fresh_outbox_is_left_to_whoever_wrote_it(lab: Lab) -> None:
    await left(lab, "save")
    lab.clock.pass_(4 * SECOND)
    await lab.sweep()
    assert lab.told() == []
    assert len((await lab.document()).outbox) == 1


async def test_a_state_that_was_not_published_is(lab: Lab) -> None:
    await left(lab, "put_rows")
    shown = len(lab.bus.on("box.state"))
    lab.clock.pass_(OLD)
    await lab.sweep()
    published = len(lab.bus.on("box.state"))
    assert published > shown
    assert lab.record()["things"] == ["lid", "pen"]
    lab.clock.pass_(OLD)
    await lab.sweep()
    assert len(lab.bus.on("box.state")) == published, "once it is published, it is no longer old"


async def test_a_decision_about_nothing_is_told_too(lab: Lab) -> None:
    with pytest.raises(Died):
        await lab.ask(PutNow(box="none", thing="pen"), by=lab.process(dies_after="save"))
    lab.clock.pass_(OLD)
    await lab.sweep()
    assert lab.told() == ["rejected"]
    await lab.tells_one_story("r1", "rejected")


async def test_what_is_overdue_is_poked_again_at_longer_and_longer_intervals(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Put(box="1", thing="pen"))
    lab.clock.pass_(DELAY)
    poked: list[int] = []
    for second in range(0, 3600, 10):
        await lab.sweep()
        if len(lab.bus.on("box.due")) > len(poked):
            poked.append(second)
        lab.clock.pass_(10 * SECOND)
    assert poked[0] == 40, "30 s late, as seen by a sweep every 10 s"
    pauses = [after - before for before, after in itertools.pairwise(poked)]
    assert pauses == sorted(pauses)
    assert 30 <= pauses[0] <= 70
    assert 900 <= pauses[-1] <= 910
    await lab.poke("1")
    assert await lab.things() == ("lid", "pen")


async def test_each_overdue_document_is_poked_once_however_much_is_pending(lab: Lab) -> None:
    for box in "12":
        await lab.ask(Find(box=box, thing="lid"), f"made{box}")
        await lab.batch(*(incoming(Put(box=box, thing=str(n)), f"r{box}{n}") for n in range(3)))
    lab.clock.pass_(DELAY + 31 * SECOND)
    await lab.sweep()
    await lab.sweep()
    assert sorted(m.key for m in lab.bus.on("box.due")) == [b"box:1", b"box:2"]


async def test_a_change_that_becomes_overdue_later_is_poked_though_an_earlier_one_was(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Put(box="1", thing="pen"), "r1")
    lab.clock.pass_(20 * SECOND)
    await lab.ask(Put(box="1", thing="ink"), "r2")
    lab.clock.pass_(DELAY + 11 * SECOND)
    await lab.sweep()
    assert len(lab.bus.on("box.due")) == 1
    lab.clock.pass_(20 * SECOND)
    await lab.sweep()
    assert len(lab.bus.on("box.due")) == 2
    await lab.poke("1")
    assert await lab.things() == ("lid", "pen", "ink")


async def test_a_state_is_published_once_more_ten_minutes_after_the_last_change(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    lab.clock.pass_(9 * MINUTE)
    await lab.ask(PutNow(box="1", thing="pen"))
    lab.clock.pass_(9 * MINUTE)
    await lab.sweep()
    assert len(lab.bus.on("box.state")) == 2
    lab.clock.pass_(2 * MINUTE)
    await lab.sweep()
    await lab.sweep()
    assert [m.value for m in lab.bus.on("box.state")][1:] == [lab.bus.on("box.state")[1].value] * 2
    lab.clock.pass_(60 * MINUTE)
    await lab.sweep()
    assert len(lab.bus.on("box.state")) == 3


async def test_a_change_while_a_state_is_settled_is_settled_later(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    lab.clock.pass_(11 * MINUTE)
    sweeping = lab.process("sweeping")
    async with sweeping.life.held("publish box.state", lab.sweep(by=sweeping)):
        await lab.ask(PutNow(box="1", thing="pen"))
    assert lab.record()["things"] == ["lid", "pen"], "whoever is overtaken publishes the newest after their own"
    assert "settle_at" in await lab.raw.get("documents", "box:1"), "the new change is settled in its time"


async def test_settling_an_old_change_does_not_settle_those_that_were_just_made(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    lab.clock.pass_(11 * MINUTE)
    sweeping = lab.process("sweeping")
    slow = lab.process("slow", dies_after="publish box.state")
    async with sweeping.life.held("load", lab.sweep(by=sweeping)):
        async with slow.life.held("publish box.state", dying(lab.ask(PutNow(box="1", thing="pen"), "r1", by=slow))):
            await lab.ask(PutNow(box="1", thing="ink"), "r2")
        assert lab.record()["things"] == ["lid", "pen"], "the older state stands last, and whoever published it is dead"
    lab.clock.pass_(11 * MINUTE)
    await lab.sweep()
    assert lab.record()["things"] == ["lid", "pen", "ink"]


async def test_two_sweepers_at_once_do_no_harm(lab: Lab) -> None:
    await left(lab, "save")
    await lab.ask(Guarded(box="1", thing="cup"), "waits")
    lab.clock.pass_(OLD)
    steps = ("with_old_outbox", "publish box.outcomes", "put_rows", "clear", "expired", "save")
    for step in steps:
        sweeping = lab.process("sweeping")
        async with sweeping.life.held(step, lab.sweep(by=sweeping)):
            await lab.sweep()
        with pytest.raises(Died):
            await lab.ask(PutNow(box="1", thing=step), step, by=lab.process(dies_after="save"))
        await lab.ask(Guarded(box="1", thing=step), f"waits for {step}")
        lab.clock.pass_(OLD)
    await lab.rest()
    for request_id in ("r1", *steps):
        await lab.tells_one_story(request_id, "applied")
    await lab.tells_one_story("waits", "rejected")
    await lab.tells_one_story("waits for save", "rejected")
    assert len(await lab.things()) == 8


async def test_it_counts_what_waits_and_what_is_late(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Guarded(box="1", thing="cup"), "waits")
    await lab.batch(*(incoming(Put(box="1", thing=str(n)), f"r{n}") for n in range(1, 4)))
    await lab.ask(Open(name="tools", thing="pen"), "open")
    assert await lab.store.counts(lab.clock.time) == (1, 0)
    assert await lab.store.counts(lab.clock.time + DELAY + 6 * SECOND) == (1, 2)


async def unreadable(lab: Lab) -> None:
    """Leave an outbox of which one entry can be read by nobody."""
    await left(lab, "save")
    raw = await lab.raw.get("documents", "box:1")
    del raw["outbox"][0]["status"]
    await lab.raw.put("documents", raw)
    lab.clock.pass_(OLD)


async def test_an_outbox_that_nobody_can_read_is_set_aside_and_those_behind_it_are_told(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "LIMIT", 1)
    await unreadable(lab)
    await lab.ask(Find(box="2", thing="lid"), "r2")
    with pytest.raises(Died):
        await lab.ask(PutNow(box="2", thing="pen"), "r3", by=lab.process(dies_after="save"))
    lab.clock.pass_(OLD)
    for _ in range(3):  # Each round takes one document, and the unreadable one may come first.
        await lab.sweep()
    assert lab.told("r3") == ["applied"]
    assert lab.told("r1") == []
    raw = await lab.raw.get("documents", "box:1")
    raw["outbox"][0]["status"] = "applied"
    await lab.raw.put("documents", raw)
    lab.clock.pass_(16 * MINUTE)
    await lab.sweep()
    assert lab.told("r1") == ["applied"], "once it can be read, it is told"


async def test_what_nobody_foresaw_keeps_nothing_else_from_being_done(lab: Lab) -> None:
    await lab.ask(Find(box="2", thing="lid"), "r2")
    await lab.ask(Put(box="2", thing="pen"), "r3")
    lab.clock.pass_(DELAY + 31 * SECOND)
    breaks_the(lab, "states")
    with pytest.raises(ExceptionGroup):
        await lab.sweep()
    assert [m.key for m in lab.bus.on("box.due")] == [b"box:2"]


async def test_a_broker_that_is_away_keeps_no_part_of_a_sweep_from_being_tried(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Guarded(box="1", thing="pen"), "r1")
    lab.clock.pass_(OLD)
    breaks_the(lab, "outboxes", ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        await lab.sweep()
    assert lab.told("r1") == ["waiting", "rejected"]


def breaks_the(lab: Lab, part: str, error: Exception | None = None) -> None:
    """Let a part of the sweeper break."""

    async def broken() -> None:
        raise error or ZeroDivisionError

    setattr(lab.main.sweeper, part, broken)


async def dying(work: Awaitable[None]) -> None:
    """Let a process die."""
    with pytest.raises(Died):
        await work


async def test_a_sweeper_that_only_ever_breaks_goes_on_and_does_not_turn(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "AGAIN_AFTER", 0)
    monkeypatch.setattr(sweep, "EVERY", 0.01)
    lab.clock.time = SystemClock().now() - MINUTE
    breaks_the(lab, "states")
    loop = Loop("sweeper")
    began, steps = loop.last, lab.main.life.steps
    sweeping = asyncio.create_task(lab.main.sweeper.run(loop))
    async with asyncio.timeout(10):
        while steps.count("lease") < 3:  # noqa: ASYNC110 - a lease tells nobody of it.
            await asyncio.sleep(0.01)
        assert not sweeping.done()
        assert loop.last == began, "liveness sees it"
        del lab.main.sweeper.states
        while loop.last == began:  # noqa: ASYNC110 - a turn tells nobody of it.
            await asyncio.sleep(0.01)
    sweeping.cancel()


async def test_a_count_that_can_not_be_made_anew_is_told_no_more(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "AGAIN_AFTER", 0)
    sweeping = await counting(lab, monkeypatch)
    breaks_the(lab, "count")
    await asyncio.sleep(0.1)
    assert counted() == (0, 0), "one that is fresh stands"
    monkeypatch.setattr(sweep, "COUNT_STANDS", 0)
    await until(lambda: counted() == (None, None))
    del lab.main.sweeper.count
    monkeypatch.setattr(sweep, "COUNT_STANDS", 30)
    await until(lambda: counted() == (0, 0))
    sweeping.cancel()


async def test_whoever_loses_the_lease_tells_no_count_any_more(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    sweeping = await counting(lab, monkeypatch)

    async def is_another_s(*_: object) -> None:
        """Return nothing: the lease is not to be had."""

    with monkeypatch.context() as patch:
        patch.setattr(lab.main.store, "lease", is_another_s, raising=False)
        await until(lambda: counted() == (None, None), within=sweep.COUNT_STANDS / 2)
    await until(lambda: counted() == (0, 0))
    sweeping.cancel()


async def counting(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> asyncio.Task[None]:
    """Let a sweeper run until it has counted."""
    monkeypatch.setattr(sweep, "EVERY", 0.01)
    lab.clock.time = SystemClock().now() - MINUTE
    for metric in (metrics.WAITING, metrics.OVERDUE):
        metric.clear()  # Another test's.
    sweeping = asyncio.create_task(lab.main.sweeper.run(Loop("sweeper")))
    await until(lambda: counted() == (0, 0))
    return sweeping


def counted() -> tuple[float | None, float | None]:
    """Return what is told of what waits and what is late."""
    waiting, overdue = (
        REGISTRY.get_sample_value(f"structures_{name}", {"owner": "box"})
        for name in ("waiting_requests", "overdue_changes")
    )
    return waiting, overdue


async def test_a_fast_sweeper_counts_by_the_clock_of_the_database(lab: Lab) -> None:
    lab.clock.time = SystemClock().now() - DELAY + MINUTE
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Put(box="1", thing="pen"))  # It is due in a minute.
    fast = lab.process(clock=ManualClock(SystemClock().now() + 5 * MINUTE))
    await swept(lab, fast)
    assert lab.bus.on("box.due") == [], "by its own clock it is four minutes late"
    lab.clock.pass_(-2 * MINUTE)
    await lab.ask(Find(box="2", thing="lid"), "r2")
    await lab.ask(Put(box="2", thing="ink"), "r3")  # It was due a minute ago.
    await swept(lab, fast)
    assert [m.key for m in lab.bus.on("box.due")] == [b"box:2"]
    (pending,) = (await lab.raw.get("documents", "box:2"))["pending"]
    assert pending["next_trigger_at"] < SystemClock().now() + 5 * MINUTE, "the next one is not put off by its clock"


async def swept(lab: Lab, by: Process) -> None:
    """Let a sweeper run until it has swept once."""
    await lab.catch_up()
    loop = Loop("sweeper")
    began, sweeping = loop.last, asyncio.create_task(by.sweeper.run(loop))
    async with asyncio.timeout(10):
        while loop.last == began:  # noqa: ASYNC110 - a turn tells nobody of it.
            await asyncio.sleep(0.01)
    sweeping.cancel()
