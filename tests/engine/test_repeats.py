"""The same request twice (same id, same actor) has one effect and gives the same answer: R21."""

from collections.abc import Awaitable, Callable

import pytest

from shared.clock import MINUTE
from tests.support.harness import OLD, Died, Lab, statuses
from tests.support.toy import DELAY, incoming
from tests.support.toy.requests import Cancel, Find, Open, Put, PutAfter, PutNow


async def nothing(_: Lab) -> None:
    """Nothing happens between a request and its repeat."""


async def time_passes(lab: Lab) -> None:
    await lab.rest()


async def others_come(lab: Lab) -> None:
    await lab.ask(PutNow(box="1", thing="cup"), "other")


@pytest.mark.parametrize("meanwhile", [nothing, time_passes, others_come])
async def test_a_repeat_gets_the_same_answer_and_has_no_effect(
    lab: Lab, meanwhile: Callable[[Lab], Awaitable[None]]
) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    asked = {
        "now": PutNow(box="1", thing="pen"),
        "later": Put(box="1", thing="ink"),
        "no": PutAfter(box="1", thing="x", after="y"),
        "about nothing": PutNow(box="none", thing="x"),
        "new": Open(name="tools"),
    }
    await lab.batch(*(incoming(request, id_) for id_, request in asked.items()))
    await meanwhile(lab)
    things, version = await lab.things(), (await lab.document()).version
    first = {id_: lab.outcomes(id_)[0] for id_ in asked}
    await lab.batch(*(incoming(request, id_) for id_, request in asked.items()))
    assert (await lab.things(), (await lab.document()).version) == (things, version)
    for id_ in asked:
        again = lab.outcomes(id_)[-1]
        assert again == first[id_] | {"repeated": True}
    assert len(await lab.store.load([], ["name:tools"], ["alice|new"])) == 1
    assert len(lab.delayed()) == 1, "a repeat sends no second poke"


async def test_a_repeat_after_its_time_is_answered_with_what_became_of_it(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.batch(incoming(Put(box="1", thing="pen"), "r1"), incoming(Put(box="1", thing="ink"), "r2"))
    await lab.ask(Cancel(box="1", request_id="r2"), "r3")
    lab.clock.pass_(DELAY)
    await lab.poke("1")
    await lab.batch(incoming(Put(box="1", thing="pen"), "r1"), incoming(Put(box="1", thing="ink"), "r2"))
    assert lab.told("r1") == ["accepted", "applied", "applied again"]
    assert lab.told("r2") == ["accepted", "cancelled", "cancelled again"]
    assert await lab.things() == ("lid", "pen")


async def test_a_repeat_is_answered_to_whoever_asks_now_and_journaled_again(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0", correlation_id="first")
    sent = len(lab.bus.on("box.journal"))
    await lab.ask(Find(box="1", thing="lid"), "r0", correlation_id="second")
    assert [o["correlation_id"] for o in lab.outcomes("r0")] == ["first", "second"]
    assert len(lab.bus.on("box.journal")) == sent + 1
    assert statuses(lab.journal("r0")) == ["applied"]


async def test_the_same_id_with_another_body_is_refused_and_the_first_stands(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(PutNow(box="1", thing="pen"))
    await lab.ask(PutNow(box="1", thing="ink"))
    await lab.ask(Put(box="1", thing="pen"))
    assert lab.told() == ["applied", "rejected", "rejected"]
    assert lab.code() == "request_id_reused"
    assert [o.get("recorded", True) for o in lab.outcomes()] == [True, False, False]
    assert statuses(lab.journal()) == ["applied"]
    row = await lab.row()
    assert row is not None
    assert row.transition.status == "applied"
    assert await lab.things() == ("lid", "pen")


async def test_duplicates_in_one_batch(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.batch(
        incoming(PutNow(box="1", thing="pen"), "r1"),
        incoming(PutNow(box="1", thing="cup"), "r2"),
        incoming(PutNow(box="1", thing="pen"), "r1"),
        incoming(PutNow(box="1", thing="ink"), "r2"),
        incoming(PutNow(box="1", thing="pen"), "r1"),
    )
    assert await lab.things() == ("lid", "pen", "cup")
    assert lab.told("r1") == ["applied", "applied again"]
    assert [o["code"] for o in lab.outcomes("r2")] == ["applied", "request_id_reused"]


async def test_requests_of_one_batch_that_make_the_same_box_are_all_decided(lab: Lab) -> None:
    await lab.batch(*(incoming(Find(box="1", thing=str(n)), f"r{n}") for n in range(3)))
    assert await lab.things() == ("0", "1", "2")
    assert [lab.told(f"r{n}") for n in range(3)] == [["applied"]] * 3


async def test_a_request_finds_by_its_name_the_box_that_was_made_earlier_in_its_batch(lab: Lab) -> None:
    await lab.batch(
        incoming(PutNow(box="@tools", thing="early"), "r1"),
        incoming(Open(name="tools"), "r2"),
        incoming(PutNow(box="@tools", thing="pen"), "r3"),
        incoming(Open(name="tools"), "r4"),
    )
    assert [lab.told(f"r{n}") for n in range(1, 5)] == [["rejected"], ["applied"], ["applied"], ["rejected"]]
    assert lab.code("r4") == "identifier_taken"
    assert await lab.things(lab.outcomes("r3")[0]["document"].removeprefix("box:")) == ("pen",)


async def test_a_repeat_finishes_what_a_process_that_died_had_not_told(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    with pytest.raises(Died):
        await lab.ask(Put(box="1", thing="pen"), by=lab.process(dies_after="save"))
    assert lab.told() == []
    await lab.ask(Put(box="1", thing="pen"))
    assert set(lab.told()) == {"accepted", "accepted again"}
    assert len(lab.delayed()) == 1
    assert (await lab.document()).outbox == []
    assert await lab.row() is not None


async def test_a_repeat_of_what_was_decided_on_a_later_version_too(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    with pytest.raises(Died):
        await lab.ask(Put(box="1", thing="pen"), by=lab.process(dies_after="save"))
    lab.clock.pass_(DELAY)
    with pytest.raises(Died):
        await lab.poke("1", by=lab.process(dies_after="save"))
    await lab.ask(Put(box="1", thing="pen"))
    assert set(lab.told()) == {"accepted", "applied", "applied again"}
    assert await lab.things() == ("lid", "pen")
    await lab.rest()
    await lab.tells_one_story("r1", "applied")


async def test_a_refusal_about_nothing_is_remembered_when_the_box_is_made_afterwards(lab: Lab) -> None:
    await lab.ask(PutNow(box="1", thing="pen"))
    lab.clock.pass_(OLD + MINUTE)
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(PutNow(box="1", thing="pen"))
    assert lab.told() == ["rejected", "rejected again"]
    assert await lab.things() == ("lid",)
