"""What is due may look at copies: as of its own time, whatever the clocks say, and never failing for one that lags."""

from typing import Any

from shared.clock import MINUTE, SECOND
from tests.support.harness import Harness
from tests.support.toy import DELAY, NOW, ManualClock, incoming
from tests.support.toy.requests import Cancel, Find, Put, PutWhileOpen
from tests.support.toy.rules import HOUSE

DUE = NOW + DELAY
OPEN, CLOSED = {"open": True}, {"open": False}
PEN = PutWhileOpen(box="1", thing="pen")


def closing(at: int, **now: Any) -> dict[str, Any]:
    """A house that will be closed then."""
    return {**OPEN, "pending": [{"open": False, "at": at}], **now}


async def pending(harness: Harness, box: str = "1") -> None:
    await harness.submit(Find(box=box, thing="lid"), f"made{box}")
    await harness.submit(PutWhileOpen(box=box, thing="pen"), f"r{box}")
    assert harness.statuses(f"r{box}") == ["accepted"]


async def test_what_the_copy_still_allows_is_applied(harness: Harness) -> None:
    await pending(harness)
    await harness.copy(HOUSE, OPEN)
    harness.clock.time = DUE
    await harness.trigger("1")
    assert await harness.things() == ("lid", "pen")
    await harness.rest()
    await harness.assert_consistent("r1", "applied")


async def test_what_the_copy_no_longer_allows_fails_and_leaves_the_state_as_it_was_r7(harness: Harness) -> None:
    await harness.copy(HOUSE, OPEN)
    await pending(harness)
    await harness.copy(HOUSE, CLOSED, 2)
    harness.clock.time = DUE
    await harness.trigger("1")
    assert (harness.statuses(), harness.code()) == (["accepted", "failed"], "forbidden")
    assert await harness.things() == ("lid",)
    assert (await harness.document()).pending == []
    await harness.rest()
    await harness.assert_consistent("r1", "failed")


async def test_a_copy_that_lags_fails_nothing_and_the_change_is_triggered_again(harness: Harness) -> None:
    await pending(harness)
    harness.clock.time = DUE
    await harness.trigger("1")
    assert harness.statuses() == ["accepted"]
    version = (await harness.document()).version
    seconds = []
    for second in range(0, 121, 5):
        harness.clock.time = DUE + second * SECOND + 1
        before = len(harness.bus.on("box.due"))
        await harness.sweep()
        if len(harness.bus.on("box.due")) > before:
            seconds.append(second)
            await harness.trigger("1")
    assert seconds == [30, 90], "first after half a minute, then backing off"
    assert (await harness.document()).version == version, "to look in vain decides nothing"
    await harness.copy(HOUSE, OPEN)
    await harness.trigger("1")
    assert await harness.things() == ("lid", "pen")
    assert harness.statuses() == ["accepted", "applied"]


async def test_what_waits_for_a_copy_keeps_those_behind_it_and_nobody_else_r6(harness: Harness) -> None:
    await pending(harness)
    await harness.submit(Put(box="1", thing="ink"), "ink")
    await harness.submit(Find(box="2", thing="lid"), "made2")
    await harness.submit(Put(box="2", thing="cup"), "cup")
    harness.clock.time = DUE
    await harness.trigger("1", "2")
    assert (await harness.things(), await harness.things("2")) == (("lid",), ("lid", "cup"))
    await harness.copy(HOUSE, OPEN)
    await harness.trigger("1")
    assert await harness.things() == ("lid", "pen", "ink")


async def test_what_waits_for_a_copy_can_no_longer_be_cancelled_r7(harness: Harness) -> None:
    await pending(harness)
    harness.clock.time = DUE
    await harness.trigger("1")
    await harness.submit(Cancel(box="1", request_id="r1"), "r2")
    assert (harness.statuses("r2"), harness.code("r2")) == (["rejected"], "too_late")


async def test_the_copy_is_read_as_of_the_due_time_whenever_the_trigger_comes(harness: Harness) -> None:
    await pending(harness)
    await pending(harness, "2")
    await harness.copy(HOUSE, closing(DUE + 1))
    late = harness.process("late", clock=ManualClock(DUE + 10 * MINUTE))
    await harness.trigger("1", at=DUE + 10 * MINUTE, by=late)
    assert harness.statuses() == ["accepted", "applied"], "what closes after its time does not matter"
    await harness.copy(HOUSE, closing(DUE), 2)
    await harness.trigger("2", at=DUE + 10 * MINUTE, by=late)
    assert harness.statuses("r2") == ["accepted", "failed"]


async def test_acceptance_reads_the_copy_as_of_the_time_when_the_change_would_take_effect(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "made")
    await harness.copy(HOUSE, closing(DUE + 1))
    await harness.submit(PEN, "in time")
    assert harness.statuses("in time") == ["accepted"]
    harness.clock.pass_(1)
    await harness.submit(PEN, "too late")
    assert harness.statuses("too late") == ["waiting"], "the refusal waits for a copy that may lag"
    await harness.copy(HOUSE, OPEN, 2)
    assert harness.statuses("too late") == ["waiting", "accepted"]


async def test_acceptance_counts_what_is_pending_before_it_r6(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "made")
    fast = harness.process("fast", clock=ManualClock(NOW + MINUTE))
    await harness.batch(incoming(Put(box="1", thing="ink"), "ink", at=NOW), by=fast)
    await harness.copy(HOUSE, closing(DUE + MINUTE))
    await harness.submit(PEN)
    assert harness.statuses() == ["waiting"], "it can't take effect before what was accepted earlier"


async def test_copies_are_read_for_what_needs_them_alone(harness: Harness) -> None:
    await pending(harness)
    await harness.submit(Find(box="2", thing="lid"), "made2")
    await harness.submit(Put(box="2", thing="cup"), "cup")
    harness.clock.time = DUE
    process = harness.process()
    await harness.trigger("2", by=process)
    assert "copies" not in process.life.steps
    await harness.trigger("1", by=process)
    assert process.life.steps[-1] == "copies"
