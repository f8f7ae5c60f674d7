"""A due message is only a poke: never early, once, in order, never what was cancelled; whatever a clock says."""

import pytest

from shared.clock import MINUTE, SECOND
from tests.support.harness import OLD, Lab
from tests.support.toy import DELAY, NOW, ManualClock, incoming
from tests.support.toy.requests import Cancel, Find, Put, Rename

DUE = NOW + DELAY


async def pending(lab: Lab, *things: str, box: str = "1") -> None:
    await lab.ask(Find(box=box, thing="lid"), f"made{box}")
    for thing in things:
        await lab.ask(Put(box=box, thing=thing), thing)


@pytest.mark.parametrize(
    ("own", "appended"),
    [(DUE - 1, DUE - 1), (DUE + 5 * MINUTE, DUE - 1), (DUE - 1, DUE + 5 * MINUTE)],
    ids=["early", "our clock is fast", "the broker's clock is fast"],
)
async def test_nothing_is_applied_before_both_clocks_have_reached_its_time(lab: Lab, own: int, appended: int) -> None:
    await pending(lab, "pen")
    process = lab.process(clock=ManualClock(own))
    await lab.poke("1", at=appended, by=process)
    assert await lab.things() == ("lid",)
    assert lab.told("pen") == ["accepted"]
    process.clock.time = DUE
    await lab.poke("1", at=DUE, by=process)
    assert await lab.things() == ("lid", "pen")


async def test_a_poke_that_came_early_is_no_lost_change(lab: Lab) -> None:
    await pending(lab, "pen")
    lab.clock.time = DUE - 1
    await lab.poke("1")
    lab.clock.time = DUE + 31 * SECOND
    await lab.rest()
    assert await lab.things() == ("lid", "pen")
    await lab.tells_one_story("pen", "applied")


async def test_a_poke_that_comes_twice_does_nothing_more(lab: Lab) -> None:
    await pending(lab, "pen")
    lab.clock.time = DUE
    await lab.poke("1", "1")
    await lab.poke("1")
    assert lab.told("pen") == ["accepted", "applied"]
    assert await lab.things() == ("lid", "pen")
    assert len(lab.outcomes("pen")) == 2


async def test_a_poke_for_a_cancelled_change_does_nothing(lab: Lab) -> None:
    await pending(lab, "pen")
    await lab.ask(Cancel(box="1", request_id="pen"), "r2")
    version = (await lab.document()).version
    lab.clock.time = DUE
    await lab.poke("1")
    assert (await lab.document()).version == version
    assert await lab.things() == ("lid",)


async def test_a_poke_for_what_does_not_exist_does_nothing(lab: Lab) -> None:
    await lab.poke("none")
    assert lab.bus.sent == []


async def test_one_poke_applies_all_that_is_due_of_the_document_in_order_of_acceptance(lab: Lab) -> None:
    await pending(lab, "a", "b", "c")
    lab.clock.time = DUE
    await lab.poke("1")
    assert await lab.things() == ("lid", "a", "b", "c")
    versions = [lab.outcomes(thing)[-1]["version"] for thing in "abc"]
    assert versions == sorted(set(versions)), "each step has a version of its own"


async def test_what_is_not_due_yet_stays(lab: Lab) -> None:
    await pending(lab, "a")
    lab.clock.pass_(MINUTE)
    await lab.ask(Put(box="1", thing="b"), "b")
    lab.clock.time = DUE
    await lab.poke("1")
    assert await lab.things() == ("lid", "a")
    assert lab.record()["pending"] == ["b"]
    lab.clock.pass_(MINUTE)
    await lab.poke("1")
    assert await lab.things() == ("lid", "a", "b")


async def test_two_processes_whose_clocks_differ_keep_the_order_of_acceptance_r6(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Put(box="1", thing="a"), "a", by=lab.process("fast", clock=ManualClock(NOW + 5 * MINUTE)))
    await lab.ask(Put(box="1", thing="b"), "b")
    assert lab.outcomes("a")[0]["effective_at"] == lab.outcomes("b")[0]["effective_at"]
    lab.clock.time = DUE
    await lab.poke("1")
    assert await lab.things() == ("lid",), "neither is due: b's time is never before a's"
    lab.clock.time = DUE + 5 * MINUTE
    await lab.poke("1")
    assert await lab.things() == ("lid", "a", "b")


async def test_pokes_of_many_boxes_come_together(lab: Lab) -> None:
    for box in "123":
        await pending(lab, "pen" + box, box=box)
    lab.clock.time = DUE
    await lab.poke("1", "2", "none", "3")
    assert [await lab.things(box) for box in "123"] == [("lid", "pen" + box) for box in "123"]


async def test_the_newest_of_several_pokes_for_one_box_counts(lab: Lab) -> None:
    await pending(lab, "pen")
    lab.clock.time = DUE
    await lab.main.engine.triggers([("box:1", DUE), ("box:1", DUE - 1)])
    assert await lab.things() == ("lid", "pen")


async def test_a_key_reserved_by_a_change_that_failed_or_was_applied_is_free_or_held(lab: Lab) -> None:
    await lab.batch(*(incoming(Find(box=box, thing="lid"), f"made{box}") for box in "12"))
    await lab.ask(Rename(box="1", name="tools"), "r1")
    assert (await lab.document()).keys == ("name:tools",)
    lab.clock.time = DUE
    await lab.poke("1")
    assert (await lab.document()).keys == ("name:tools",)
    await lab.ask(Rename(box="2", name="tools"), "r2")
    assert lab.code("r2") == "identifier_taken"
    await lab.ask(Rename(box="1", name="toys"), "r3")
    assert (await lab.document()).keys == ("name:tools", "name:toys")
    await lab.ask(Cancel(box="1", request_id="r3"), "r4")
    assert (await lab.document()).keys == ("name:tools",)


async def test_a_lost_poke_is_made_good_by_the_sweeper_even_when_our_clock_is_slow(lab: Lab) -> None:
    await pending(lab, "pen")
    slow = lab.process("slow", clock=ManualClock(DUE - MINUTE))
    await lab.poke("1", at=DUE, by=slow)
    assert await lab.things() == ("lid",)
    slow.clock.time = DUE + 31 * SECOND
    await lab.sweep(by=slow)
    (poke,) = lab.bus.on("box.due")
    assert poke.key == b"box:1"
    await lab.poke("1", at=DUE + 91 * SECOND, by=slow)
    assert await lab.things() == ("lid", "pen")
    slow.clock.pass_(OLD)
    await lab.sweep(by=slow)
    assert len(lab.bus.on("box.due")) == 1
