"""A due message is only a trigger: never early, once, in order, never what was cancelled; whatever a clock says."""

import pytest

from shared.clock import MINUTE, SECOND
from tests.support.harness import OLD, Harness
from tests.support.toy import DELAY, NOW, ManualClock, incoming
from tests.support.toy.requests import Cancel, Find, Put, Rename

DUE = NOW + DELAY


async def pending(harness: Harness, *things: str, box: str = "1") -> None:
    await harness.submit(Find(box=box, thing="lid"), f"made{box}")
    for thing in things:
        await harness.submit(Put(box=box, thing=thing), thing)


@pytest.mark.parametrize(
    ("own", "appended"),
    [(DUE - 1, DUE - 1), (DUE + 5 * MINUTE, DUE - 1), (DUE - 1, DUE + 5 * MINUTE)],
    ids=["early", "our clock is fast", "the broker's clock is fast"],
)
async def test_nothing_is_applied_before_both_clocks_have_reached_its_time(
    harness: Harness, own: int, appended: int
) -> None:
    await pending(harness, "pen")
    process = harness.process(clock=ManualClock(own))
    await harness.trigger("1", at=appended, by=process)
    assert await harness.things() == ("lid",)
    assert harness.statuses("pen") == ["accepted"]
    process.clock.time = DUE
    await harness.trigger("1", at=DUE, by=process)
    assert await harness.things() == ("lid", "pen")


async def test_a_trigger_that_came_early_is_no_lost_change(harness: Harness) -> None:
    await pending(harness, "pen")
    harness.clock.time = DUE - 1
    await harness.trigger("1")
    harness.clock.time = DUE + 31 * SECOND
    await harness.rest()
    assert await harness.things() == ("lid", "pen")
    await harness.assert_consistent("pen", "applied")


async def test_a_trigger_that_comes_twice_does_nothing_more(harness: Harness) -> None:
    await pending(harness, "pen")
    harness.clock.time = DUE
    await harness.trigger("1", "1")
    await harness.trigger("1")
    assert harness.statuses("pen") == ["accepted", "applied"]
    assert await harness.things() == ("lid", "pen")
    assert len(harness.outcomes("pen")) == 2


async def test_a_trigger_for_a_cancelled_change_does_nothing(harness: Harness) -> None:
    await pending(harness, "pen")
    await harness.submit(Cancel(box="1", request_id="pen"), "r2")
    version = (await harness.document()).version
    harness.clock.time = DUE
    await harness.trigger("1")
    assert (await harness.document()).version == version
    assert await harness.things() == ("lid",)


async def test_a_trigger_for_what_does_not_exist_does_nothing(harness: Harness) -> None:
    await harness.trigger("none")
    assert harness.bus.sent == []


async def test_one_trigger_applies_all_that_is_due_of_the_document_in_order_of_acceptance(harness: Harness) -> None:
    await pending(harness, "a", "b", "c")
    harness.clock.time = DUE
    await harness.trigger("1")
    assert await harness.things() == ("lid", "a", "b", "c")
    versions = [harness.outcomes(thing)[-1]["version"] for thing in "abc"]
    assert versions == sorted(set(versions)), "each step has a version of its own"


async def test_what_is_not_due_yet_stays(harness: Harness) -> None:
    await pending(harness, "a")
    harness.clock.pass_(MINUTE)
    await harness.submit(Put(box="1", thing="b"), "b")
    harness.clock.time = DUE
    await harness.trigger("1")
    assert await harness.things() == ("lid", "a")
    assert harness.record()["pending"] == ["b"]
    harness.clock.pass_(MINUTE)
    await harness.trigger("1")
    assert await harness.things() == ("lid", "a", "b")


async def test_two_processes_whose_clocks_differ_keep_the_order_of_acceptance_r6(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="a"), "a", by=harness.process("fast", clock=ManualClock(NOW + 5 * MINUTE)))
    await harness.submit(Put(box="1", thing="b"), "b")
    assert harness.outcomes("a")[0]["effective_at"] == harness.outcomes("b")[0]["effective_at"]
    harness.clock.time = DUE
    await harness.trigger("1")
    assert await harness.things() == ("lid",), "neither is due: b's time is never before a's"
    harness.clock.time = DUE + 5 * MINUTE
    await harness.trigger("1")
    assert await harness.things() == ("lid", "a", "b")


async def test_triggers_of_many_boxes_come_together(harness: Harness) -> None:
    for box in "123":
        await pending(harness, "pen" + box, box=box)
    harness.clock.time = DUE
    await harness.trigger("1", "2", "none", "3")
    assert [await harness.things(box) for box in "123"] == [("lid", "pen" + box) for box in "123"]


async def test_the_newest_of_several_triggers_for_one_box_counts(harness: Harness) -> None:
    await pending(harness, "pen")
    harness.clock.time = DUE
    await harness.main.engine.triggers([("box:1", DUE), ("box:1", DUE - 1)])
    assert await harness.things() == ("lid", "pen")


async def test_a_key_reserved_by_a_change_that_failed_or_was_applied_is_free_or_held(harness: Harness) -> None:
    await harness.batch(*(incoming(Find(box=box, thing="lid"), f"made{box}") for box in "12"))
    await harness.submit(Rename(box="1", name="tools"), "r1")
    assert (await harness.document()).keys == ("name:tools",)
    harness.clock.time = DUE
    await harness.trigger("1")
    assert (await harness.document()).keys == ("name:tools",)
    await harness.submit(Rename(box="2", name="tools"), "r2")
    assert harness.code("r2") == "identifier_taken"
    await harness.submit(Rename(box="1", name="toys"), "r3")
    assert (await harness.document()).keys == ("name:tools", "name:toys")
    await harness.submit(Cancel(box="1", request_id="r3"), "r4")
    assert (await harness.document()).keys == ("name:tools",)


async def test_a_lost_trigger_is_made_good_by_the_sweeper_even_when_our_clock_is_slow(harness: Harness) -> None:
    await pending(harness, "pen")
    slow = harness.process("slow", clock=ManualClock(DUE - MINUTE))
    await harness.trigger("1", at=DUE, by=slow)
    assert await harness.things() == ("lid",)
    slow.clock.time = DUE + 31 * SECOND
    await harness.sweep(by=slow)
    (trigger,) = harness.bus.on("box.due")
    assert trigger.key == b"box:1"
    await harness.trigger("1", at=DUE + 91 * SECOND, by=slow)
    assert await harness.things() == ("lid", "pen")
    slow.clock.pass_(OLD)
    await harness.sweep(by=slow)
    assert len(harness.bus.on("box.due")) == 1
