"""A process dies after any of its steps: redelivery, the sweeper, or both bring one effect and one answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from shared.contracts.messages.common import Request
from tests.support.harness import OLD, Died, Lab, Process
from tests.support.toy import DELAY, box_id
from tests.support.toy.requests import Ask, Cancel, Find, Guarded, Open, Put, PutAfter, PutNow
from tests.support.toy.rules import keeper_key, oracle_key

Act = Callable[[Process], Awaitable[None]]
STEPS = 60


async def dies(lab: Lab, after: int | str, act: Act) -> bool:
    """Let a process act that dies after so many steps, or after this one; return whether it did."""
    process = lab.process(dies_after=after)
    try:
        await act(process)
    except Died:
        return True
    return False


def asking(lab: Lab, request: Request, request_id: str) -> Act:
    """Return what a process does when a request comes."""
    return lambda process: lab.ask(request, request_id, by=process)


def poking(lab: Lab, box: str) -> Act:
    """Return what a process does when a poke comes."""
    return lambda process: lab.poke(box, by=process)


def answering(answers: Mapping[str, Mapping[str, Any]]) -> Act:
    """Return what a process does when answers come."""
    return lambda process: process.engine.on_lookup_answered(answers)


def copying(lab: Lab, key: str, value: Mapping[str, Any]) -> Act:
    """Return what a process does when a record of another owner comes."""
    return lambda process: lab.copy(key, value, by=process)


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


async def prepare(lab: Lab, case: Case, box: str) -> None:
    if case.exists:
        await lab.ask(Find(box=box, thing="lid"), f"made {box}")
    if isinstance(case.request(box), Cancel):
        await lab.ask(Put(box=box, thing="never"), f"before {box}")


@pytest.mark.parametrize("swept_first", [False, True], ids=["redelivered", "swept, then redelivered"])
@pytest.mark.parametrize("name", CASES)
async def test_while_it_decides(lab: Lab, name: str, *, swept_first: bool) -> None:
    case, died = CASES[name], 0
    for steps in range(1, STEPS):
        box = request_id = f"b{steps}"
        await prepare(lab, case, box)
        if not await dies(lab, steps, asking(lab, case.request(box), box)):
            break
        died += 1
        if swept_first:
            lab.clock.pass_(OLD)
            await lab.sweep()
        await lab.ask(case.request(box), request_id)
        await lab.rest()
        await lab.tells_one_story(request_id, case.ends, box)
        if case.things:
            assert await lab.things(box) == case.things
        else:
            assert await lab.store.load([box_id(box)], [], []) == []
        if name == "cancels":
            await lab.tells_one_story(f"before {box}", "cancelled", box)
    assert 5 < died < STEPS


@pytest.mark.parametrize("swept_first", [False, True], ids=["redelivered", "swept, then redelivered"])
async def test_while_it_creates_one_request_makes_one_document(lab: Lab, *, swept_first: bool) -> None:
    died = 0
    for steps in range(1, STEPS):
        request = Open(name=f"n{steps}", thing="pen")
        if not await dies(lab, steps, asking(lab, request, request.name)):
            break
        died += 1
        if swept_first:
            lab.clock.pass_(OLD)
            await lab.sweep()
        await lab.ask(request, request.name)
        (document,) = await lab.store.load([], [f"name:n{steps}"], [])
        assert {o["document"] for o in lab.outcomes(request.name)} == {document.id}
        assert [p.transition.request_id for p in document.pending] == [f"n{steps}.put"]
        await lab.rest()
        await lab.tells_one_story(request.name, "applied", document.id.removeprefix("box:"))
        await lab.tells_one_story(f"{request.name}.put", "accepted", document.id.removeprefix("box:"))
    assert 5 < died < STEPS


@pytest.mark.parametrize("swept_first", [False, True], ids=["redelivered", "swept, then redelivered"])
async def test_while_it_applies(lab: Lab, *, swept_first: bool) -> None:
    died = 0
    for steps in range(1, STEPS):
        box = f"b{steps}"
        await lab.ask(Find(box=box, thing="lid"), f"made {box}")
        await lab.ask(Put(box=box, thing="pen"), box)
        lab.clock.pass_(DELAY)
        if not await dies(lab, steps, poking(lab, box)):
            break
        died += 1
        if not swept_first:
            await lab.poke(box)
        await lab.rest()
        await lab.tells_one_story(box, "applied", box)
        assert await lab.things(box) == ("lid", "pen")
        assert lab.told(box) == ["accepted", "applied"]
    assert 5 < died < STEPS


async def test_while_it_waits_for_an_answer(lab: Lab) -> None:
    died = 0
    for steps in range(1, STEPS):
        box = f"b{steps}"
        await lab.ask(Find(box=box, thing="lid"), f"made {box}")
        if not await dies(lab, steps, asking(lab, Ask(box=box, thing=box), box)):
            break
        died += 1
        await lab.ask(Ask(box=box, thing=box), box)
        await lab.main.engine.on_lookup_answered({oracle_key(box): {"said": "yes"}})
        await lab.rest()
        await lab.tells_one_story(box, "applied", box)
        assert await lab.things(box) == ("lid", box)
    assert 5 < died < STEPS


async def test_while_it_takes_an_answer(lab: Lab) -> None:
    died = 0
    for steps in range(1, STEPS):
        box = f"b{steps}"
        await lab.ask(Find(box=box, thing="lid"), f"made {box}")
        await lab.ask(Ask(box=box, thing=box), box)
        answers = {oracle_key(box): {"said": "yes"}}
        if not await dies(lab, steps, answering(answers)):
            break
        died += 1
        await lab.main.engine.on_lookup_answered(answers)
        await lab.rest()
        await lab.tells_one_story(box, "applied", box)
        assert await lab.things(box) == ("lid", box)
    assert 5 < died < STEPS


async def test_while_a_copy_wakes_what_waits_for_it(lab: Lab) -> None:
    died = 0
    for steps in range(1, STEPS):
        box = f"b{steps}"
        await lab.ask(Find(box=box, thing="lid"), f"made {box}")
        await lab.ask(Guarded(box=box, thing="pen"), box)
        may = {"may": ["alice"]}
        if not await dies(lab, steps, copying(lab, keeper_key(box), may)):
            break
        died += 1
        await lab.copy(keeper_key(box), may)
        await lab.rest()
        await lab.tells_one_story(box, "applied", box)
        assert await lab.things(box) == ("lid", "pen")
    assert 5 < died < STEPS


async def test_while_the_sweeper_finishes_what_another_left(lab: Lab) -> None:
    died = 0
    for steps in range(1, STEPS):
        box, name = f"b{steps}", f"n{steps}"
        await lab.ask(Find(box=box, thing="lid"), f"made {box}")
        await dies(lab, "save", asking(lab, Put(box=box, thing="pen"), box))
        assert (await lab.document(box)).outbox, "it died after its decision and before it told"
        await lab.ask(PutNow(box=box, thing="ink"), f"after {box}")
        await dies(lab, "save", asking(lab, Open(name=name), name))
        lab.clock.pass_(OLD)
        if not await dies(lab, steps, lambda p: lab.sweep(by=p)):
            break
        died += 1
        await lab.rest()
        await lab.tells_one_story(box, "accepted", box)
        (document,) = await lab.store.load([], [f"name:{name}"], [])
        await lab.tells_one_story(name, "applied", document.id.removeprefix("box:"))
    assert 5 < died < STEPS
