"""A process dies after any of its steps: redelivery, the sweeper, or both bring one effect and one answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from shared.contracts.messages.common import Request
from tests.support.harness import OLD, Died, Harness, Process
from tests.support.toy import DELAY, box_id
from tests.support.toy.requests import Ask, Cancel, Find, Open, Put, PutAfter, PutIfPermitted, PutNow
from tests.support.toy.rules import oracle_key, permissions_key

Act = Callable[[Process], Awaitable[Any]]
STEPS = 60


async def dies(harness: Harness, after: int | str, act: Act) -> bool:
    """Let a process act that dies after so many steps, or after this one; return whether it did."""
    process = harness.process(dies_after=after)
    try:
        await act(process)
    except Died:
        return True
    return False


def submitting(harness: Harness, request: Request, request_id: str) -> Act:
    """Return what a process does when a request comes."""
    return lambda process: harness.submit(request, request_id, by=process)


def triggering(harness: Harness, box: str) -> Act:
    """Return what a process does when a trigger comes."""
    return lambda process: harness.trigger(box, by=process)


def answering(answers: Mapping[str, Mapping[str, Any]]) -> Act:
    """Return what a process does when answers come."""
    return lambda process: process.engine.on_lookup_answered(answers)


def copying(harness: Harness, key: str, value: Mapping[str, Any]) -> Act:
    """Return what a process does when a record of another owner comes."""
    return lambda process: harness.copy(key, value, by=process)


@dataclass(frozen=True)
class Case:
    """A request of box `{}`, how it ends once nothing is left to do, and what is in the box then."""

    request: Callable[[str], Request]
    ends: str
    things: tuple[str, ...]
    exists: bool = True


CASES = {
    "at once": Case(lambda box: PutNow(box=box, thing="pen"), "applied", ("lid", "pen")),
    "later": Case(lambda box: Put(box=box, thing="pen"), "accepted", ("lid",)),
    "refused": Case(lambda box: PutAfter(box=box, thing="pen", after="ink"), "rejected", ("lid",)),
    "refused, about nothing": Case(lambda box: PutNow(box=box, thing="pen"), "rejected", (), exists=False),
    "makes a box": Case(lambda box: Find(box=box, thing="pen"), "applied", ("pen",), exists=False),
    "cancels": Case(lambda box: Cancel(box=box, request_id=f"before {box}"), "applied", ("lid",)),
}


async def prepare(harness: Harness, case: Case, box: str) -> None:
    if case.exists:
        await harness.submit(Find(box=box, thing="lid"), f"made {box}")
    if isinstance(case.request(box), Cancel):
        await harness.submit(Put(box=box, thing="never"), f"before {box}")


@pytest.mark.parametrize("swept_first", [False, True], ids=["redelivered", "swept, then redelivered"])
@pytest.mark.parametrize("name", CASES)
async def test_while_it_decides(harness: Harness, name: str, *, swept_first: bool) -> None:
    case, died = CASES[name], 0
    for steps in range(1, STEPS):
        box = request_id = f"b{steps}"
        await prepare(harness, case, box)
        if not await dies(harness, steps, submitting(harness, case.request(box), box)):
            break
        died += 1
        if swept_first:
            harness.clock.pass_(OLD)
            await harness.sweep()
        await harness.submit(case.request(box), request_id)
        await harness.rest()
        await harness.assert_consistent(request_id, case.ends, box)
        if case.things:
            assert await harness.things(box) == case.things
        else:
            assert await harness.store.load([box_id(box)], [], []) == []
        if name == "cancels":
            await harness.assert_consistent(f"before {box}", "cancelled", box)
    assert 5 < died < STEPS


@pytest.mark.parametrize("swept_first", [False, True], ids=["redelivered", "swept, then redelivered"])
async def test_while_it_creates_one_request_makes_one_document(harness: Harness, *, swept_first: bool) -> None:
    died = 0
    for steps in range(1, STEPS):
        request = Open(name=f"n{steps}", thing="pen")
        if not await dies(harness, steps, submitting(harness, request, request.name)):
            break
        died += 1
        if swept_first:
            harness.clock.pass_(OLD)
            await harness.sweep()
        await harness.submit(request, request.name)
        (document,) = await harness.store.load([], [f"name:n{steps}"], [])
        assert {o["document"] for o in harness.outcomes(request.name)} == {document.id}
        assert [p.transition.request_id for p in document.pending] == [f"n{steps}.put"]
        await harness.rest()
        await harness.assert_consistent(request.name, "applied", document.id.removeprefix("box:"))
        await harness.assert_consistent(f"{request.name}.put", "accepted", document.id.removeprefix("box:"))
    assert 5 < died < STEPS


@pytest.mark.parametrize("swept_first", [False, True], ids=["redelivered", "swept, then redelivered"])
async def test_while_it_applies(harness: Harness, *, swept_first: bool) -> None:
    died = 0
    for steps in range(1, STEPS):
        box = f"b{steps}"
        await harness.submit(Find(box=box, thing="lid"), f"made {box}")
        await harness.submit(Put(box=box, thing="pen"), box)
        harness.clock.pass_(DELAY)
        if not await dies(harness, steps, triggering(harness, box)):
            break
        died += 1
        if not swept_first:
            await harness.trigger(box)
        await harness.rest()
        await harness.assert_consistent(box, "applied", box)
        assert await harness.things(box) == ("lid", "pen")
        assert harness.statuses(box) == ["accepted", "applied"]
    assert 5 < died < STEPS


async def test_while_it_waits_for_an_answer(harness: Harness) -> None:
    died = 0
    for steps in range(1, STEPS):
        box = f"b{steps}"
        await harness.submit(Find(box=box, thing="lid"), f"made {box}")
        if not await dies(harness, steps, submitting(harness, Ask(box=box, thing=box), box)):
            break
        died += 1
        await harness.submit(Ask(box=box, thing=box), box)
        await harness.main.engine.on_lookup_answered({oracle_key(box): {"said": "yes"}})
        await harness.rest()
        await harness.assert_consistent(box, "applied", box)
        assert await harness.things(box) == ("lid", box)
    assert 5 < died < STEPS


async def test_while_it_takes_an_answer(harness: Harness) -> None:
    died = 0
    for steps in range(1, STEPS):
        box = f"b{steps}"
        await harness.submit(Find(box=box, thing="lid"), f"made {box}")
        await harness.submit(Ask(box=box, thing=box), box)
        answers = {oracle_key(box): {"said": "yes"}}
        if not await dies(harness, steps, answering(answers)):
            break
        died += 1
        await harness.main.engine.on_lookup_answered(answers)
        await harness.rest()
        await harness.assert_consistent(box, "applied", box)
        assert await harness.things(box) == ("lid", box)
    assert 5 < died < STEPS


async def test_while_a_copy_wakes_what_waits_for_it(harness: Harness) -> None:
    died = 0
    for steps in range(1, STEPS):
        box = f"b{steps}"
        await harness.submit(Find(box=box, thing="lid"), f"made {box}")
        await harness.submit(PutIfPermitted(box=box, thing="pen"), box)
        may = {"may": ["alice"]}
        if not await dies(harness, steps, copying(harness, permissions_key(box), may)):
            break
        died += 1
        await harness.copy(permissions_key(box), may)
        await harness.rest()
        await harness.assert_consistent(box, "applied", box)
        assert await harness.things(box) == ("lid", "pen")
    assert 5 < died < STEPS


async def test_while_the_sweeper_finishes_what_another_left(harness: Harness) -> None:
    died = 0
    for steps in range(1, STEPS):
        box, name = f"b{steps}", f"n{steps}"
        await harness.submit(Find(box=box, thing="lid"), f"made {box}")
        await dies(harness, "save", submitting(harness, Put(box=box, thing="pen"), box))
        assert (await harness.document(box)).outbox, "it died after its decision and before it published"
        await harness.submit(PutNow(box=box, thing="ink"), f"after {box}")
        await dies(harness, "save", submitting(harness, Open(name=name), name))
        harness.clock.pass_(OLD)
        if not await dies(harness, steps, lambda p: harness.sweep(by=p)):
            break
        died += 1
        await harness.rest()
        await harness.assert_consistent(box, "accepted", box)
        (document,) = await harness.store.load([], [f"name:{name}"], [])
        await harness.assert_consistent(name, "applied", document.id.removeprefix("box:"))
    assert 5 < died < STEPS
